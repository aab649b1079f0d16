/* load_plan.c - which request comes next.
 *
 * With --sequential the key positions 0 .. keys-1 are cut into one run per
 * thread, and the connections of a thread take the next one as they become
 * free: each exactly once, and a slow connection delays nobody. Otherwise the
 * number of requests is cut likewise, and the keys are drawn. */
#include "tool/load_plan.h"

#include "base/assert.h"

void load_space_init(struct load_space         *space,
                     const struct load_options *options)
{
    /* The hot keys belong to the dataset, as the values do: a run with another
     * --seed then finds them warm. */
    space->options = options;
    load_perm_init(&space->order, options->keys, load_mix(options->seed));
    load_perm_init(&space->scatter, options->keys, options->value_seed);
    load_zipf_init(&space->zipf, options->keys, options->theta);
}

static uint64_t draw(const struct load_space *space, struct load_rng *rng)
{
    if (space->options->distribution == LOAD_UNIFORM)
        return load_rng_below(rng, space->options->keys);
    return load_perm_apply(&space->scatter, load_zipf_next(&space->zipf, rng));
}

static uint64_t at_position(const struct load_space *space, uint64_t position)
{
    if (space->options->order == LOAD_ASCENDING)
        return position;
    return load_perm_apply(&space->order, position);
}

uint64_t load_space_key(const struct load_space *space,
                        const struct load_op *op, uint32_t i)
{
    ASSERT(i < op->count);

    if (op->kind != LOAD_MGET)
        return op->id;
    if (space->options->sequential)
        return at_position(space, op->id + i);

    struct load_rng rng = { load_mix(op->id + i) };
    return draw(space, &rng);
}

void load_plan_init(struct load_plan *plan, const struct load_space *space,
                    uint64_t index, uint64_t count)
{
    const struct load_options *o = space->options;
    uint64_t                   total = o->sequential ? o->keys
                                       : o->requests ? o->requests
                                                     : UINT64_MAX;

    ASSERT(index < count);
    plan->space = space;
    plan->rng.state = load_mix(load_mix(o->seed) + index);
    plan->next = (uint64_t)((unsigned __int128)total * index / count);
    plan->end = (uint64_t)((unsigned __int128)total * (index + 1) / count);
}

bool load_plan_next(struct load_plan *plan, struct load_op *out)
{
    const struct load_options *o = plan->space->options;

    if (plan->next >= plan->end)
        return false;
    out->kind = o->mode;
    out->count = (uint32_t)o->batch;
    if (o->sequential) {
        if (plan->end - plan->next < out->count)
            out->count = (uint32_t)(plan->end - plan->next);
        out->id = o->mode == LOAD_MGET ? plan->next
                                       : at_position(plan->space, plan->next);
        plan->next += out->count;
        return true;
    }
    if (o->mode == LOAD_MIXED)
        out->kind =
            load_rng_unit(&plan->rng) < o->read_ratio ? LOAD_GET : LOAD_SET;
    out->id = o->mode == LOAD_MGET ? load_rng_next(&plan->rng)
                                   : draw(plan->space, &plan->rng);
    plan->next++;
    return true;
}
