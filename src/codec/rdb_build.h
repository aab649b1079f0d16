/* rdb_build.h - makes a value of ours of what rdb_load hands over.
 *
 * Ownership  the object is the builder's until rdb_builder_take; what came as
 *            one short string stays where it is, in the reader or its source.
 * Threads    one at a time.
 * Errors     to the reader: ERR_INVALID for an element that comes twice,
 *            ERR_OOM for an object that becomes larger than object_max. */
#ifndef CODEC_RDB_BUILD_H
#define CODEC_RDB_BUILD_H

#include "codec/rdb_load.h"
#include "type/hash.h"
#include "type/list.h"
#include "type/object.h"
#include "type/set.h"
#include "type/zset.h"

/* Up to where Redis keeps a collection small. */
struct rdb_limits {
    struct list_limits list;
    struct hash_limits hash;
    struct set_limits  set;
    struct zset_limits zset;
};

struct rdb_builder {
    const struct object_env *env;
    const struct rdb_limits *limits;
    size_t                   object_max; /* bytes of memory */
    struct rdb_shape         shape;
    struct rdb_limits        own; /* the limits, as this encoding bends them */
    struct object           *object; /* NULL: text is all */
    slice                    text;   /* borrowed */
    uint64_t                 added;
};

void rdb_builder_init(struct rdb_builder *builder, const struct object_env *env,
                      const struct rdb_limits *limits, size_t object_max);
/* Frees the object unless it was taken. */
void rdb_builder_deinit(struct rdb_builder *builder);
struct rdb_visitor rdb_builder_visitor(struct rdb_builder *builder);
/* What was built; NULL: a string, that is builder->text. REQUIRES: rdb_load has
 * succeeded. */
struct object *rdb_builder_take(struct rdb_builder *builder);

/* About what it takes in memory, and while it is made. */
uint64_t rdb_measure_cost(const struct rdb_measure *measure);

#endif
