/* rdb_packed.h - the packed forms in which Redis keeps, and writes, small
 * collections: each is one string, walked here element by element.
 *
 *     intset    sorted integers of one width                       (2.2 -)
 *     zipmap    keys and values in turn                            (2.0 - 2.4)
 *     ziplist   strings and integers, each knows the one before    (2.0 - 6.2)
 *     listpack  strings and integers, each knows its own length    (7.0 -)
 *
 * They are validated as they are walked: an element is given out once it is
 * known to lie within the bytes and to be what a Redis would have written; at
 * the end it is known that all counts and lengths are true.
 *
 * Ownership  borrows the bytes.
 * Threads    pure, any thread.
 * Errors     ERR_INVALID: it isn't one. */
#ifndef CODEC_RDB_PACKED_H
#define CODEC_RDB_PACKED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/num.h"
#include "base/slice.h"

enum packed_form {
    PACKED_INTSET,
    PACKED_ZIPMAP,
    PACKED_ZIPLIST,
    PACKED_LISTPACK
};

struct packed_value {
    bool    is_int;
    int64_t number; /* if is_int */
    slice   text;   /* if not */
};

struct packed_walk {
    enum packed_form form;
    slice            bytes;
    size_t           at;       /* of the next element */
    uint64_t         count;    /* that the header tells */
    bool             is_known; /* it tells one */
    uint64_t         given;
    size_t           previous; /* where the element before begins */
    int64_t          number;   /* of an intset, the one before */
};

err_t packed_begin(struct packed_walk *walk, enum packed_form form,
                   slice bytes);
/* ERR_NOT_FOUND: that was all, and all was right. */
err_t packed_next(struct packed_walk *walk, struct packed_value *out);
/* buffer is used for a number. */
slice packed_text(const struct packed_value *value,
                  char                       buffer[NUM_INT64_CHARS]);

/* At most so many elements does it have, if it is one; looks at the header. */
uint64_t packed_count_guess(enum packed_form form, slice bytes);

/* For rdb_packed.c: one form each. next REQUIRES walk->at < walk->bytes.len; it
 * moves walk->at. */
err_t ziplist_begin(struct packed_walk *walk);
err_t ziplist_next(struct packed_walk *walk, struct packed_value *out);
err_t listpack_begin(struct packed_walk *walk);
err_t listpack_next(struct packed_walk *walk, struct packed_value *out);

#endif
