/* zset.h - what is special about sorted sets: two trees that must agree.
 *
 * RANKS has the members in order of score, then of bytes; SCORES, once there
 * are more than OBJECT_SCORES_MIN members or more than a page of them, finds a
 * member's score. A score's order is 64 bits that rise as scores do.
 *
 * Threads  loop thread. Errors  none: all nodes are in memory. */
#ifndef TYPE_ZSET_H
#define TYPE_ZSET_H

#include "type/coll.h"

/* Up to where Redis keeps a sorted set small: its options zset-max-... */
struct zset_limits {
    size_t listpack_entries;
    size_t listpack_value;
};

/* -0 becomes 0: Redis does not tell them apart in order. REQUIRES: no nan. */
uint64_t zset_order(double score);
double   zset_score_of_order(uint64_t order);
/* Of an element of either tree. */
double zset_score_of(const struct page_element *element);

bool zset_find(const struct coll *coll, slice member, double *score);
/* Rank from the lowest score on, 0 first. */
bool zset_rank(const struct coll *coll, slice member, uint64_t *rank,
               double *score);
/* How many members stand before: those with a lower score (with `after`, those
 * with this score too). */
uint64_t zset_rank_of_score(const struct coll *coll, double score, bool after);
/* For members that all have one score (ZRANGEBYLEX): how many stand before
 * member; with `after` that one too, if it is there. */
uint64_t zset_rank_of_member(const struct coll *coll, slice member, bool after);

/* Adds the member, or gives it another score. Returns true if it was new. */
bool zset_put(struct object *object, slice member, double score,
              const struct zset_limits *limits);
/* The same for who has just asked zset_find: old is the member's score, NULL if
 * it is not there. */
void zset_put_found(struct object *object, slice member, const double *old,
                    double score, const struct zset_limits *limits);
/* False if it was not there. */
bool zset_remove(struct object *object, slice member);
/* REQUIRES: rank + count <= the object's count. */
void zset_remove_range(struct object *object, uint64_t rank, uint64_t count);

/* Makes SCORES if they are due; after the object grew. */
void zset_settle(struct object *object);

#endif
