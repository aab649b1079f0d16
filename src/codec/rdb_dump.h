/* rdb_dump.h - what DUMP answers and RESTORE takes: a type, an object, and a
 * footer: two bytes of version, eight of checksum over all before them.
 *
 * Threads  one at a time. Errors  ERR_INVALID. */
#ifndef CODEC_RDB_DUMP_H
#define CODEC_RDB_DUMP_H

#include "base/err.h"
#include "codec/rdb_write.h"

#define RDB_FOOTER_BYTES 10

/* Flushes the writer. */
void rdb_write_footer(struct rdb_writer *writer);

/* Looks at the footer, and gives what stands before it. A version that we can't
 * know is ERR_INVALID, too. */
err_t rdb_check_footer(slice dump, slice *body);

#endif
