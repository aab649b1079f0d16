/* store.h - the persistent key-value engine: bytes, not types.
 *
 * One ordered map of records (key -> value). A batch is atomic over the whole
 * store (STORE_ATOMIC_WHOLE; a later engine may be atomic over one slot only).
 * Engines: store/leveldb.c (the embedded default), store/memory.c (tests),
 * and store/fault.c, which wraps another one and makes it fail, wait or stop
 * at a gate.
 *
 * Ownership  keys and batches are borrowed during the call unless marked.
 * Threads    store_get_many, iterators and snapshots: any thread, at the same
 *            time. store_write: one thread at a time. store_reopen,
 *            store_close: nobody else may be inside the store. io/ sees to it.
 * Errors     every failing call says why in err_text. After a failed write
 *            the result is unknown: it may be in the store or not, whole
 *            (never in part), and may appear or vanish at the next open. The
 *            caller then must store_reopen before it writes again.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* --- batches ------------------------------------------------------------- */

/* Records to put and to delete, in order, in blocks of bounded size, so that
 * no copy of the whole is needed to grow or to hand over. */
struct store_batch;

struct store_batch *store_batch_new(void);
void                store_batch_free(struct store_batch *batch); /* NULL fine */
void   store_batch_put(struct store_batch *batch, slice key, slice value);
void   store_batch_delete(struct store_batch *batch, slice key);
size_t store_batch_count(const struct store_batch *batch);
/* Sum of key and value lengths: what cut-max and the staging bound count. */
size_t store_batch_bytes(const struct store_batch *batch);
/* Bytes of memory held. */
size_t store_batch_memory(const struct store_batch *batch);

struct store_op {
    bool  is_delete;
    slice key;
    slice value; /* empty for a delete */
};

/* Reading a batch in order; free_behind frees each block once it has been
 * read past, so that a batch can be turned into something else within its own
 * memory (the batch may then only be freed). */
struct store_batch_cursor {
    struct store_batch *batch;
    bool                free_behind;
    void               *block; /* private */
    size_t              offset;
};
void store_batch_cursor_init(struct store_batch_cursor *cursor,
                             struct store_batch *batch, bool free_behind);
/* False at the end. The slices are valid until the next call. */
bool store_batch_next(struct store_batch_cursor *cursor, struct store_op *op);

/* Visits all records by key, those of one key in order. Holds 24 bytes for
 * each record meanwhile, and 24 more to sort them. */
typedef void store_batch_visit(void *arg, const struct store_op *op);
void store_batch_each_by_key(const struct store_batch *batch,
                             store_batch_visit *visit, void *arg);

/* --- reading ------------------------------------------------------------- */

struct store;
struct store_snapshot;
struct store_iter;

/* One record asked for. key is set by the caller, the rest by the store. On
 * ERR_OK value holds value_len bytes and is the caller's (give): release with
 * store_value_free. err is ERR_NOT_FOUND for an absent record. */
struct store_get {
    slice           key;
    err_t           err;
    char           *value;
    size_t          value_len;
    struct err_text why;
};
void store_value_free(char *value);

/* Looks up all of them and calls on_done once for each, in any order, from
 * this thread, before it returns. (A list and a completion, so that a remote
 * engine can overlap them.) snapshot NULL: the newest state. */
typedef void store_on_get(void *arg, struct store_get *get);
void store_get_many(struct store *store, const struct store_snapshot *snapshot,
                    struct store_get *gets, size_t count, store_on_get *on_done,
                    void *arg);

/* The same for one record. */
err_t store_get_one(struct store *store, slice key, struct store_get *out);

/* Snapshots and iterators pin files on disk: keep them short. */
struct store_snapshot *store_snapshot_new(struct store *store);
void store_snapshot_free(struct store *store, struct store_snapshot *snapshot);

/* Iterates in key order over a snapshot (NULL: the state at this call),
 * without filling the block cache. Starts invalid: seek first. */
struct store_iter *store_iter_new(struct store *store,
                                  const struct store_snapshot *snapshot);
void  store_iter_free(struct store_iter *iter); /* NULL fine */
void  store_iter_seek(struct store_iter *iter, slice at_or_after);
void  store_iter_next(struct store_iter *iter);
bool  store_iter_valid(const struct store_iter *iter);
slice store_iter_key(const struct store_iter *iter);   /* until next or seek */
slice store_iter_value(const struct store_iter *iter); /* until next or seek */
/* ERR_OK while nothing went wrong; an iterator that is not valid has come to
 * the end only if this says ERR_OK. */
err_t store_iter_error(const struct store_iter *iter, struct err_text *why);

/* --- writing ------------------------------------------------------------- */

/* Applies the batch atomically and consumes it (take: it is freed whether it
 * worked or not). durable: on return the batch and every write before it
 * survive power loss (all logs with unsynced writes are synced, oldest first,
 * then the directory). */
err_t store_write(struct store *store, struct store_batch *batch /* take */,
                  bool durable, struct err_text *why);

/* Makes all writes that returned ERR_OK so far survive power loss. Same
 * thread rule as store_write. */
err_t store_sync(struct store *store, struct err_text *why);

/* Closes and opens again, after a failed write. On an error writes go on
 * answering ERR_IO; reads go on too if there was no room to try it (full
 * disk), else the store stays closed and gets answer ERR_IO. Reopen may be
 * tried again. All snapshots and iterators must have been freed.
 * ERR_CORRUPT: a damaged file keeps it from being opened; reads go on. */
err_t store_reopen(struct store *store, struct err_text *why);

/* Other sizes of buffers (the size fields of store_options; the rest is not
 * looked at), from the next store_reopen on. Same thread rule as
 * store_reopen. */
struct store_options;
void store_resize(struct store *store, const struct store_options *options);

/* Compacts the range [from, to) so that deleted bytes come back. Blocks for
 * long: own thread, small ranges. Safe beside gets and writes. An empty `to` is
 * the end, here and in store_approximate_bytes. */
void store_compact(struct store *store, slice from, slice to);

/* Looks for damage that reads would not notice, in what was on disk when the
 * store was opened: up to `count` files, which takes about a millisecond each,
 * or some reads of a slow disk. *more: there are others. What a get or an
 * iterator comes to has been verified just before, whether or not this has run;
 * it is for the engine's own work, which verifies nothing. One thread at a
 * time, beside gets and writes.
 * ERR_CORRUPT: something was found, now or earlier, for which all writes are
 * refused until the file is replaced; *more holds all the same. ERR_IO: go on
 * a little later. */
err_t store_scrub(struct store *store, size_t count, bool *more,
                  struct err_text *why);

/* --- what it tells ------------------------------------------------------- */

struct store_stats {
    uint64_t disk_bytes;     /* all files under the path */
    uint64_t memory_bytes;   /* what the engine says it holds in memory */
    uint64_t level0_files;
    uint64_t unverified_tables; /* store_scrub has not come to them yet */
    uint64_t bad_tables;        /* damaged files that are still there */
    uint64_t write_count;    /* batches written */
    uint64_t write_bytes;
    uint64_t get_count;
    uint64_t error_count;
};
/* Reads a directory: call it from an I/O thread or seldom. */
void     store_stats(struct store *store, struct store_stats *out);
uint64_t store_approximate_bytes(struct store *store, slice from, slice to);

enum store_atomicity { STORE_ATOMIC_WHOLE, STORE_ATOMIC_SLOT };
enum store_atomicity store_atomic_over(const struct store *store);

void store_close(struct store *store); /* NULL fine */

/* --- opening ------------------------------------------------------------- */

struct log;

struct store_options {
    const char *path;               /* directory; created 0700 when missing */
    size_t      write_buffer_bytes; /* memtable; LevelDB may hold two */
    size_t      block_cache_bytes;
    size_t      table_meta_bytes;   /* for indexes of open tables: bounds how
                                       many are open; 0: no bound but 1000 */
    bool        compression;
    struct log *log;                /* borrowed for the store's life */
};

/* LevelDB under options->path. Layout on disk:
 *     DISKSTORE   marker, one line "diskstore format N"; held locked
 *     data/       LevelDB's directory
 * Refuses, without changing a byte: a path that holds something else
 * (ERR_FOREIGN), a marker of another format (ERR_FORMAT), a path that another
 * process holds (ERR_BUSY), a marker without data/CURRENT (ERR_CORRUPT), a log
 * that is damaged anywhere but at the end of the newest one (ERR_CORRUPT); why
 * names the way out. A damaged stretch that reaches the end of the newest log
 * (a torn write) is cut off and logged.
 *
 * A table whose filter is damaged is read without it. One whose index is
 * damaged answers ERR_CORRUPT to every key in its range, and store_write is
 * refused then (ERR_CORRUPT, nothing was written). */
err_t store_open_leveldb(const struct store_options *options,
                         struct store **out, struct err_text *why);

/* The most files the engine keeps open, for RLIMIT_NOFILE. */
size_t store_leveldb_max_files(void);

/* An ordered map in memory, for tests. It remembers what was written durably:
 * store_memory_power_loss drops the rest, as a machine that lost power. */
struct store *store_open_memory(void);
void          store_memory_power_loss(struct store *store);

#endif
