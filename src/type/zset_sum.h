/* zset_sum.h - a sorted set in the making: members come in any order, and those
 * that come again get a score of both.
 *
 * While it is made it has SCORES only; they are sorted once, at the end. So a
 * member costs one look and one change, however often its score changes.
 *
 * Threads  loop thread. Errors  none: all nodes are in memory. */
#ifndef TYPE_ZSET_SUM_H
#define TYPE_ZSET_SUM_H

#include "type/zset.h"

enum zset_aggregate { ZSET_SUM, ZSET_MIN, ZSET_MAX };

/* As Redis has it: of inf and -inf the sum is 0, and what is no number is
 * neither less nor more than anything. */
double zset_aggregate(enum zset_aggregate how, double one, double other);

/* REQUIRES: a new zset. Until the end nothing else may be done with it but
 * object_bytes and object_free. */
void zset_sum_begin(struct object *object);
/* REQUIRES: no nan. */
void zset_sum_add(struct object *object, slice member, double score,
                  enum zset_aggregate how);
void zset_sum_remove(struct object *object, slice member);
uint64_t zset_sum_count(const struct object *object);
void     zset_sum_end(struct object *object, const struct zset_limits *limits);

#endif
