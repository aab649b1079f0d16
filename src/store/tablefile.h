/* tablefile.h - is what leads to the data of one of LevelDB's tables whole?
 *
 * A table (LevelDB's doc/table_format.md) is data blocks, filter block,
 * metaindex block (which says where the filter is), index block (which says
 * where the data blocks are) and footer (which says where the last two are),
 * in this order. LevelDB checks data blocks whenever it reads them; the others
 * only with paranoid_checks, which we can't have. Here they are read and
 * checked; of data blocks nothing is read.
 *
 * Threads  any; tables never change. */
#ifndef STORE_TABLEFILE_H
#define STORE_TABLEFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/crc32c.h"

#define TABLEFILE_NAME_CHARS 40

/* "000012.ldb", or "000012.sst" where only that is there, set aside or not;
 * false: neither is. */
bool tablefile_name(int data_fd, uint64_t number,
                    char out[TABLEFILE_NAME_CHARS]);

/* Setting aside: the file is called 000012.ldb.damaged from then on, so that
 * whatever makes LevelDB open it (reads too may start a compaction) ends in an
 * error. LevelDB leaves alone files whose names it does not know; but to open
 * a store it wants all tables there, so bring them back before. Returns false
 * when it can't be done. */
bool tablefile_set_aside(int data_fd, uint64_t number);
/* Calls on_back with each number that now has its name again. Where both files
 * are there, somebody has brought a good copy; the damaged one is left. */
err_t tablefile_bring_back(int data_fd,
                           void (*on_back)(void *arg, uint64_t number),
                           void *arg, struct err_text *why);

enum tablefile_state {
    TABLEFILE_UNKNOWN,    /* nobody has looked */
    TABLEFILE_GOOD,
    TABLEFILE_GONE,       /* compacted away */
    TABLEFILE_BAD_FILTER, /* may say "no such key"; all else is good */
    TABLEFILE_BAD_INDEX   /* index, metaindex or footer: LevelDB must not open
                             it, it could miss keys or crash */
};

struct tablefile_report {
    enum tablefile_state state;
    const char          *part;    /* BAD_*: which, in a word or two */
    const char          *problem; /* BAD_*: what is wrong, in a few words */
    uint64_t             offset;  /* BAD_*: of the part in the file */
};

/* bytes: the size that the MANIFEST tells. ERR_IO: the file can't be opened
 * just now, nothing is known of it. */
err_t tablefile_verify(int data_fd, uint64_t number, uint64_t bytes,
                       const struct crc32c     *crc,
                       struct tablefile_report *out, struct err_text *why);

#endif
