/* list.h - lists: elements by position, and what Redis would call the encoding
 * of such a list.
 *
 * Redis 7.2 keeps a list in one listpack until that would become longer than
 * list-max-listpack-size says, then in a quicklist; and in a listpack again
 * once it has shrunk to half of that. So whoever adds tells what before
 * (list_will_grow), and whoever took away says so after (list_has_shrunk).
 *
 * Threads  loop thread. Errors  none: all nodes are in memory. */
#ifndef TYPE_LIST_H
#define TYPE_LIST_H

#include "type/coll.h"

enum list_end { LIST_HEAD, LIST_TAIL };

struct list_limits {
    size_t listpack_bytes;
};

/* Texts of that many bytes in all are about to be put in. */
void list_will_grow(struct object *object, size_t bytes,
                    const struct list_limits *limits);
/* Elements were removed, or replaced by shorter ones. */
void list_has_shrunk(struct object *object, const struct list_limits *limits);

/* The rank of the element at that end. REQUIRES: count > 0. */
uint64_t list_end_rank(uint64_t count, enum list_end end);

void list_push(struct object *object, enum list_end end, slice value);
/* Before the element of that rank; rank count: at the tail. */
void list_insert(struct object *object, uint64_t rank, slice value);
void list_replace(struct object *object, uint64_t rank, slice value);
void list_remove(struct object *object, uint64_t rank, uint64_t count);
/* count elements from that end. */
void list_drop(struct object *object, enum list_end end, uint64_t count);

/* The first element that is that value; false if none is. */
bool list_find(const struct coll *coll, slice value, uint64_t *rank);
/* Removes the first max elements that are that value, seen from that end;
 * returns how many there were. Walks once. */
uint64_t list_remove_equal(struct object *object, enum list_end end,
                           slice value, uint64_t max);

/* At most so many bytes do these elements take in a reply, with what stands
 * around each. Looks at pages, not at elements. REQUIRES: they are there. */
size_t list_reply_bytes(const struct coll *coll, uint64_t rank, uint64_t count);

#endif
