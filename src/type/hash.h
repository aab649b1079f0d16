/* hash.h - hashes: fields with a value each, and what Redis would call their
 * encoding.
 *
 * Threads  loop thread. Errors  none: all nodes are in memory. */
#ifndef TYPE_HASH_H
#define TYPE_HASH_H

#include "type/coll.h"

/* Up to where Redis keeps a hash small: its options hash-max-listpack-... */
struct hash_limits {
    size_t entries;
    size_t value; /* of a field, or of its value */
};

/* Gives the field that value; false if it had one. REQUIRES: neither is a
 * slice of the object's own. */
bool hash_put(struct object *object, slice field, slice value,
              const struct hash_limits *limits);
bool hash_remove(struct object *object, slice field);
/* False if there is no such field. The value is borrowed from the collection. */
bool hash_find(const struct coll *coll, slice field, struct page_value *value);

#endif
