/* tablecheck.h - which tables of LevelDB have been verified, and what may be
 * read of those that are damaged.
 *
 * When a store is opened its tables are listed from the MANIFEST and nothing
 * more is read. A table is verified (tablefile.h) before LevelDB reads it for
 * us: before a get of a key in its range, before an iterator comes to it. The
 * others are verified by tablecheck_scrub, some at a time. Tables that LevelDB
 * makes later are not in the list and not verified.
 *
 * What is known of a damaged table holds until its file is gone. A bad filter
 * is of no harm to iterators; so gets in its range are to be answered by one.
 * With a bad index nothing in the table's range can be answered, and nothing
 * may be written, lest LevelDB compact the table; reads may start compactions
 * too, so the file is set aside at once (tablefile.h).
 *
 * Memory     64 bytes a table at most, given back once all are found good.
 * Ownership  keys and text are borrowed during the call.
 * Threads    any, at the same time; tablecheck_scrub: one at a time;
 *            tablecheck_open, before LevelDB opens, prepare, opened and
 *            tablecheck_free: alone.
 *            There is no lock: the list does not change, but for the states of
 *            its tables, which are atomic. Two threads that meet the same
 *            table may both verify it.
 * Errors     ERR_CORRUPT: a damaged table is in the way; why names its file.
 *            ERR_IO: a table can't be opened just now; it stays unverified. */
#ifndef STORE_TABLECHECK_H
#define STORE_TABLECHECK_H

#include "base/log.h"
#include "store/manifest.h"

#define TABLECHECK_TABLE_BYTES 64

struct tablecheck;

/* most: no more tables than that are listed; if the store has more, none is
 * verified, which is logged. data_fd and log are borrowed for its life. */
err_t  tablecheck_open(int data_fd, struct log *log, size_t most,
                       struct tablecheck **out, struct err_text *why);
void   tablecheck_free(struct tablecheck *check); /* NULL fine */
size_t tablecheck_memory(struct tablecheck *check);

/* Around LevelDB's opening. prepare gives back their names to tables that were
 * set aside earlier, and verifies them; opened sets the bad ones aside. */
err_t tablecheck_prepare(struct tablecheck *check, struct err_text *why);
void  tablecheck_opened(struct tablecheck *check);

/* Before a get. filter_is_bad: only an iterator tells the truth here. */
err_t tablecheck_key(struct tablecheck *check, slice key, bool *filter_is_bad,
                     struct err_text *why);

/* How far an iterator may go: LevelDB stands in a table of each level, and
 * goes on to the next at its largest key. */
struct tablecheck_span {
    bool                  is_all;
    struct manifest_bound safe; /* keys below it are in verified tables */
};

/* Before an iterator is made: it opens all tables of level 0. */
err_t tablecheck_level0(struct tablecheck *check, struct err_text *why);
/* Before it seeks from. */
err_t tablecheck_seek(struct tablecheck *check, struct tablecheck_span *span,
                      slice from, struct err_text *why);
/* After each seek or step: it stands at key (NULL: at the end), and may step
 * on after ERR_OK. What it met on its way is verified too: on an error it may
 * have missed keys. */
err_t tablecheck_reach(struct tablecheck *check, struct tablecheck_span *span,
                       const slice *key, struct err_text *why);

/* All of them, before what reads anything. */
err_t tablecheck_all(struct tablecheck *check, struct err_text *why);

/* May LevelDB be written to, or opened? Reads nothing. */
err_t tablecheck_writable(struct tablecheck *check, struct err_text *why);

/* Verifies up to count tables that nobody has looked at; *more: go on. On
 * ERR_IO wait a little before. */
err_t tablecheck_scrub(struct tablecheck *check, size_t count, bool *more,
                       struct err_text *why);

struct tablecheck_stats {
    size_t unverified;
    size_t bad; /* damaged, and still there */
};
void tablecheck_stats(struct tablecheck *check, struct tablecheck_stats *out);

#endif
