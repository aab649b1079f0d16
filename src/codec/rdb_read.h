/* rdb_read.h - lengths, strings and doubles of Redis's serialization, from a
 * source of bytes that may be anything.
 *
 * Ownership  a reader keeps at most two strings (RDB_FIRST, RDB_SECOND), each
 *            good until another is read into its place, or the reader ends.
 * Threads    one at a time.
 * Errors     ERR_INVALID: these bytes are not what Redis writes, or end early;
 *            ERR_OOM: a string above string_max; or what the source gave.
 * Bounds     nothing is allocated for bytes that are not there: a compressed
 *            string claims 88 times its length at most. */
#ifndef CODEC_RDB_READ_H
#define CODEC_RDB_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

/* Where bytes come from: memory now, a file just as well. */
struct rdb_source {
    /* Lends the next len bytes in one piece, until it is called again.
     * ERR_INVALID: so many are not left. */
    err_t (*take)(void *arg, size_t len, slice *out);
    void *arg;
    /* What was lent stays good for as long as the reader is used; so strings
     * need no copy, and any length may be asked for. */
    bool is_memory;
};

/* A source of bytes in memory: *left is what is to come. */
struct rdb_source rdb_source_of(slice *left);

enum rdb_place { RDB_FIRST, RDB_SECOND, RDB_PLACES };

struct rdb_reader {
    struct rdb_source source;
    size_t            string_max; /* bytes of a string, unpacked */
    struct buf        texts[RDB_PLACES];
};

void rdb_reader_init(struct rdb_reader *reader, struct rdb_source source,
                     size_t string_max);
void rdb_reader_deinit(struct rdb_reader *reader);

err_t rdb_read_byte(struct rdb_reader *reader, uint8_t *out);
err_t rdb_read_len(struct rdb_reader *reader, uint64_t *out);
/* As eight bytes; and as text, of RDB_ZSET. Both may give a nan. */
err_t rdb_read_double(struct rdb_reader *reader, double *out);
err_t rdb_read_double_text(struct rdb_reader *reader, double *out);

err_t rdb_read_string(struct rdb_reader *reader, enum rdb_place place,
                      slice *out);

/* The same in two steps, for who wants to know before how long it is, or does
 * not want it at all. */
struct rdb_string {
    uint64_t len;       /* of the text */
    uint64_t stored;    /* bytes that follow; of a number none */
    int64_t  number;
    bool     is_number, is_lzf;
};
err_t rdb_read_string_head(struct rdb_reader *reader, struct rdb_string *out);
err_t rdb_read_string_body(struct rdb_reader       *reader,
                           const struct rdb_string *head, enum rdb_place place,
                           slice *out);
err_t rdb_skip_string_body(struct rdb_reader       *reader,
                           const struct rdb_string *head);
/* The next bytes of a string that is neither a number nor compressed; counts
 * them down in *left. REQUIRES: *left > 0. */
err_t rdb_read_string_part(struct rdb_reader *reader, uint64_t *left,
                           slice *part);

#endif
