/* rdb_save.h - a value of ours in Redis's serialization, version 10: in the
 * encodings that Redis 7.0 writes, the packed ones where OBJECT ENCODING says
 * that Redis would have it packed.
 *
 * Ownership  borrows all. Threads  loop thread. Errors  none. */
#ifndef CODEC_RDB_SAVE_H
#define CODEC_RDB_SAVE_H

#include "codec/rdb.h"
#include "codec/rdb_write.h"
#include "type/coll.h"

/* The byte that stands before the object, in a file before the key. */
enum rdb_type rdb_type_of(const struct coll *coll);
/* What follows it. REQUIRES: it is not empty. */
void rdb_save(struct rdb_writer *writer, const struct coll *coll);

/* What follows RDB_STRING; a small string is rdb_write_string's. */
void rdb_save_string(struct rdb_writer *writer, const struct object *object);

/* About how many bytes that will be, before anything is compressed. */
uint64_t rdb_save_bytes(const struct coll *coll);

#endif
