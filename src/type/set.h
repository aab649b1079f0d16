/* set.h - sets: members, and what Redis would call their encoding.
 *
 * Threads  loop thread. Errors  none: all nodes are in memory. */
#ifndef TYPE_SET_H
#define TYPE_SET_H

#include "type/coll.h"

/* Up to where Redis keeps a set small: its options set-max-... */
struct set_limits {
    size_t intset_entries;
    size_t listpack_entries;
    size_t listpack_value;
};

/* False if it was there. */
bool set_add(struct object *object, slice member,
             const struct set_limits *limits);
bool set_remove(struct object *object, slice member);
bool set_has(const struct coll *coll, slice member);

/* So many members have come in one SADD, new or not: Redis chooses by that. */
void set_note_add(struct object *object, size_t count,
                  const struct set_limits *limits);
/* Redis has put what is left of a hashtable into a new set. O(count). */
void set_refit(struct object *object, const struct set_limits *limits);

#endif
