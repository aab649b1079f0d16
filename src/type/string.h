/* string.h - a large string: an object whose tree is a list of chunks, so that
 * reading or writing a part touches the chunks concerned and no others, and a
 * save takes chunk by chunk what has changed. What is small lies in the entry,
 * as one run of bytes, and never comes here.
 *
 * All chunks are STRING_CHUNK bytes long but the last, which has at least one.
 * A last chunk that reads as an integer is packed as one, like any element of
 * a list; page_value_text gives the bytes back.
 *
 * Ownership  bytes given in are copied, bytes asked for are copied out.
 * Threads    as object.h.
 * Errors     none: all chunks are in memory. */
#ifndef TYPE_STRING_H
#define TYPE_STRING_H

#include "base/blob.h"
#include "type/object.h"

/* Chosen so that a full chunk is a page of 14 KB, the largest block that
 * jemalloc packs densely: from 16 KB on it maps a page more than it says for
 * each block (docs/ARCHITECTURE.md has the measurement). */
#define STRING_CHUNK ((size_t)14272)

/* How many chunks a string of so many bytes has. */
uint64_t string_chunks(uint64_t len);

struct object *string_object_new(const struct object_env *env, slice value);
uint64_t       string_object_len(const struct object *object);
/* At most what object_bytes says of a string that was just made or loaded. */
size_t string_object_cost(size_t len);

/* REQUIRES: offset + len <= string_object_len. */
void string_object_read(const struct object *object, uint64_t offset,
                        size_t len, char *out);
struct blob *string_object_copy_out(const struct object *object);
/* Of these bytes as many as lie in one chunk, lent: they stay what they are
 * when the string is changed (then the chunk is copied) or freed. REQUIRES:
 * offset < string_object_len. */
struct blob *string_object_lend(const struct object *object, uint64_t offset,
                                size_t len);
/* Writes over what is there, and goes on behind the end; zeros fill the gap if
 * it begins later than that. */
void string_object_write(struct object *object, uint64_t offset, slice bytes);

/* Are the chunks as long as they should be, and the length their sum? */
bool string_object_is_right(const struct object *object);

#endif
