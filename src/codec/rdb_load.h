/* rdb_load.h - an object of Redis's serialization, whatever its encoding,
 * handed over element by element; nothing of it is held as a whole but a
 * packed form, which is one string.
 *
 * Reads strings, lists, sets, sorted sets and hashes in every encoding that a
 * Redis up to 7.2 has written. Streams and modules are ERR_INVALID, as is
 * whatever is damaged, and a collection without elements.
 *
 * Ownership  what a visitor is given is good during the call; but the bytes of
 *            a string that came as one part: until the reader ends.
 * Threads    one at a time.
 * Errors     as rdb_read.h, and what the visitor answers: it ends the reading.
 */
#ifndef CODEC_RDB_LOAD_H
#define CODEC_RDB_LOAD_H

#include "codec/rdb.h"
#include "codec/rdb_read.h"
#include "type/type.h"

/* What is known before the elements come. */
struct rdb_shape {
    enum obj_type type;
    bool          is_packed; /* one packed form is all of it */
    bool          is_intset;
    /* Of a string bytes, of others elements (pairs), of a list of nodes these;
     * a claim, if it is not packed. 0: not told. */
    uint64_t      claimed;
};

struct rdb_visitor {
    void *arg;
    err_t (*begin)(void *arg, const struct rdb_shape *shape);
    /* A part of a string; the parts have len bytes together. */
    err_t (*text)(void *arg, uint64_t len, slice part);
    err_t (*element)(void *arg, slice element); /* of a list or a set */
    err_t (*pair)(void *arg, slice field, slice value);
    err_t (*member)(void *arg, slice member, double score); /* no nan */
    /* Of a list: how many nodes Redis kept it in; else 1. */
    err_t (*end)(void *arg, uint64_t nodes);
};

/* type: the byte before the object. */
err_t rdb_load(struct rdb_reader *reader, uint8_t type,
               const struct rdb_visitor *visitor);

/* About what there is to come, for who has to make room first; nothing is
 * unpacked for it but small packed forms. What is wrong with the object may be
 * found or not. */
struct rdb_measure {
    enum obj_type type;
    uint64_t      elements; /* values: of a pair two */
    uint64_t      bytes;    /* of all texts */
    uint64_t      largest;  /* to be unpacked at a time */
};
err_t rdb_measure(struct rdb_reader *reader, uint8_t type,
                  struct rdb_measure *out);

#endif
