/* load_plan.h - the sequence of requests.
 *
 * struct load_space is the set of keys, shared by all threads and never
 * changed; struct load_plan is one thread's share of the work. */
#ifndef TOOL_LOAD_PLAN_H
#define TOOL_LOAD_PLAN_H

#include "tool/load_options.h"
#include "tool/load_pick.h"

/* One request. A GET or SET names its key; an MGET names what its keys are
 * derived from, so that it needs no list of them. */
struct load_op {
    uint64_t id;
    uint32_t count; /* of keys */
    int      kind;  /* LOAD_GET, LOAD_SET or LOAD_MGET */
};

struct load_space {
    const struct load_options *options; /* borrowed */
    struct load_perm           order;   /* of --order random */
    struct load_perm           scatter; /* Zipf rank -> key */
    struct load_zipf           zipf;
};

void load_space_init(struct load_space         *space,
                     const struct load_options *options);
/* The number of the i-th key of op. */
uint64_t load_space_key(const struct load_space *space,
                        const struct load_op *op, uint32_t i);

struct load_plan {
    const struct load_space *space; /* borrowed */
    struct load_rng          rng;
    uint64_t                 next; /* request, or with --sequential: position */
    uint64_t                 end;
};

/* Share `index` of `count` shares. */
void load_plan_init(struct load_plan *plan, const struct load_space *space,
                    uint64_t index, uint64_t count);
/* False when there is nothing left to do. */
bool load_plan_next(struct load_plan *plan, struct load_op *out);

#endif
