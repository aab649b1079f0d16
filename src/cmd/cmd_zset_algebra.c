/* cmd_zset_algebra.c - sorted sets that are made of others, and of sets, whose
 * members have the score 1.
 *
 * As with sets (cmd_set_algebra.c) an intersection walks the smallest source
 * and asks the others, and a difference does what costs less. But as the result
 * is answered in order of score, it is always made in an object, whose scores
 * are sorted at the end (type/zset_sum.h).
 *
 * Sums of doubles depend on their order: it is Redis's, from the smallest
 * source to the largest. */
#include <math.h>

#include "base/assert.h"
#include "base/mem.h"
#include "cmd/algebra.h"
#include "cmd/cmd_zset.h"
#include "cmd/doc.h"
#include "cmd/handlers.h"
#include "type/zset_sum.h"

/* --- what the arguments say ---------------------------------------------- */

enum operation { UNION, INTER, DIFF };

struct zset_op {
    struct call        *call;
    enum operation      operation;
    bool                is_stored, is_counted;
    size_t              at; /* next argument */
    struct sources      sources;
    enum zset_aggregate aggregate;
    bool                with_scores;
    int64_t             limit; /* of what is counted; 0: none */
    struct object      *object; /* the result, unless it is counted */
    uint64_t            count;
};

/* False, as in all that follow: an error was answered. */
static bool read_numkeys(struct zset_op *op, size_t *count)
{
    struct call *call = op->call;
    int64_t      number;
    if (!call_int(call, call->argv[op->at++], &number))
        return false;
    if (number < 1) {
        struct command_name name = command_full_name(call->command);
        reply_errorf(call->reply,
                     "ERR at least 1 input key is needed for '%s' command",
                     name.text);
        return false;
    }
    if ((uint64_t)number > call->argc - op->at) {
        call_syntax_error(call);
        return false;
    }
    *count = (size_t)number;
    return true;
}

static size_t arguments_left(const struct zset_op *op)
{
    return op->call->argc - op->at;
}

static bool read_weights(struct zset_op *op)
{
    for (size_t i = 0; i < op->sources.count; i++) {
        if (num_parse_double(op->call->argv[op->at++],
                             &op->sources.list[i].weight))
            continue;
        reply_error(op->call->reply, "ERR weight value is not a float");
        return false;
    }
    return true;
}

static bool read_aggregate(struct zset_op *op)
{
    static const char *const words[] = { "sum", "min", "max" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!call_arg_is(op->call, op->at, words[i]))
            continue;
        op->aggregate = (enum zset_aggregate)i;
        op->at++;
        return true;
    }
    call_syntax_error(op->call);
    return false;
}

static bool read_limit(struct zset_op *op)
{
    if (num_parse_int64(op->call->argv[op->at++], &op->limit) &&
        op->limit >= 0)
        return true;
    reply_error(op->call->reply, "ERR LIMIT can't be negative");
    return false;
}

/* Is this word there, with so many arguments behind it? */
static bool takes(struct zset_op *op, const char *word, size_t more)
{
    if (arguments_left(op) < 1 + more || !call_arg_is(op->call, op->at, word))
        return false;
    op->at++;
    return true;
}

static bool read_option(struct zset_op *op)
{
    bool weighs = op->operation != DIFF && !op->is_counted;
    if (weighs && takes(op, "weights", op->sources.count))
        return read_weights(op);
    if (weighs && takes(op, "aggregate", 1))
        return read_aggregate(op);
    if (op->is_counted && takes(op, "limit", 1))
        return read_limit(op);
    if (!op->is_stored && !op->is_counted && takes(op, "withscores", 0)) {
        op->with_scores = true;
        return true;
    }
    call_syntax_error(op->call);
    return false;
}

/* Keys are looked at before the options behind them are. After true,
 * op_deinit. */
static bool op_init(struct zset_op *op, size_t numkeys_at)
{
    size_t count;
    op->at = numkeys_at;
    if (!read_numkeys(op, &count) ||
        !sources_look(op->call, op->at, count, OBJ_ZSET, OBJ_SET, &op->sources))
        return false;
    op->at += count;
    while (arguments_left(op) > 0) {
        if (!read_option(op)) {
            sources_deinit(&op->sources);
            return false;
        }
    }
    if (!op->is_counted) {
        op->object = db_object_new(op->call->db, OBJ_ZSET);
        zset_sum_begin(op->object);
    }
    return true;
}

static void op_deinit(struct zset_op *op)
{
    object_free(op->object);
    sources_deinit(&op->sources);
}

/* --- the result ---------------------------------------------------------- */

/* False: it is too large, and that was answered. In the end it will have each
 * member twice. */
static bool result_add(struct zset_op *op, slice member, double score)
{
    if (op->is_counted) {
        op->count++;
        return true;
    }
    zset_sum_add(op->object, member, score, op->aggregate);
    return !result_is_too_large(op->call, 2 * object_bytes(op->object));
}

/* What comes first is no nan, also if its weight has made it one. */
static double weighted(const struct source       *source,
                       const struct page_element *element)
{
    double score = source->weight * source_score_of(source, element);
    return isnan(score) ? 0 : score;
}

static bool unite(struct zset_op *op)
{
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    sources_sort(&op->sources, 0, false);
    for (size_t i = 0; i < op->sources.count; i++) {
        const struct source *source = &op->sources.list[i];
        coll_walk_init(&walk, &source->coll, 0, UINT64_MAX, false);
        while (coll_walk_next(&walk, &element))
            if (!result_add(op, page_value_text(&element.key, buffer),
                            weighted(source, &element)))
                return false;
    }
    return true;
}

/* Have all sources but the first this member? *score has the first's, and
 * becomes that of all. */
static bool all_have(const struct zset_op *op, slice member, double *score)
{
    for (size_t i = 1; i < op->sources.count; i++) {
        const struct source *source = &op->sources.list[i];
        double               other;
        if (!source_find(source, member, &other))
            return false;
        *score = zset_aggregate(op->aggregate, *score, other * source->weight);
    }
    return true;
}

static bool intersect(struct zset_op *op)
{
    const struct source *first = &op->sources.list[0];
    struct coll_walk     walk;
    struct page_element  element;
    char                 buffer[NUM_INT64_CHARS];
    sources_sort(&op->sources, 0, false);
    coll_walk_init(&walk, &first->coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element)) {
        slice  member = page_value_text(&element.key, buffer);
        double score = weighted(first, &element);
        if (!all_have(op, member, &score))
            continue;
        if (!result_add(op, member, score))
            return false;
        if (op->limit != 0 && op->count == (uint64_t)op->limit)
            break;
    }
    return true;
}

static bool any_has(const struct zset_op *op, slice member)
{
    size_t i = 1;
    while (i < op->sources.count && !source_has(&op->sources.list[i], member))
        i++;
    return i < op->sources.count;
}

/* The first source, without what others have if `asks`. */
static bool add_first(struct zset_op *op, bool asks)
{
    const struct source *first = &op->sources.list[0];
    struct coll_walk     walk;
    struct page_element  element;
    char                 buffer[NUM_INT64_CHARS];
    coll_walk_init(&walk, &first->coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element)) {
        slice member = page_value_text(&element.key, buffer);
        if (asks && any_has(op, member))
            continue;
        if (!result_add(op, member, source_score_of(first, &element)))
            return false;
    }
    return true;
}

static void take_others(struct zset_op *op)
{
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    for (size_t i = 1; i < op->sources.count; i++) {
        coll_walk_init(&walk, &op->sources.list[i].coll, 0, UINT64_MAX, false);
        while (zset_sum_count(op->object) > 0 &&
               coll_walk_next(&walk, &element))
            zset_sum_remove(op->object, page_value_text(&element.key, buffer));
    }
}

static bool subtract(struct zset_op *op)
{
    switch (sources_diff_plan(&op->sources)) {
    case DIFF_NOTHING:
        break;
    case DIFF_BY_ASKING:
        sources_sort(&op->sources, 1, true);
        return add_first(op, true);
    case DIFF_BY_TAKING:
        if (!add_first(op, false))
            return false;
        take_others(op);
        break;
    }
    return true;
}

static bool compute(struct zset_op *op)
{
    bool fits = op->operation == UNION   ? unite(op)
                : op->operation == INTER ? intersect(op)
                                         : subtract(op);
    if (!fits || op->is_counted)
        return fits;
    zset_sum_end(op->object, &zset_limits);
    return !result_is_too_large(op->call, object_bytes(op->object));
}

/* --- the commands -------------------------------------------------------- */

static void reply_ranks(struct zset_op *op)
{
    struct reply       *reply = op->call->reply;
    struct coll         coll = coll_of_object(op->object);
    struct coll_walk    walk;
    struct page_element element;
    bool is_flat = op->with_scores && reply->version == 2;
    bool is_nested = op->with_scores && reply->version != 2;
    reply_array(reply, coll.count * (is_flat ? 2 : 1));
    coll_walk_init(&walk, &coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element)) {
        if (is_nested)
            reply_array(reply, 2);
        reply_element(reply, &element.key);
        if (op->with_scores)
            reply_double(reply, zset_score_of(&element));
    }
}

static enum call_result answer(struct call *call, enum operation operation)
{
    struct zset_op op = { .call = call, .operation = operation };
    if (!op_init(&op, 1))
        return CALL_DONE;
    if (compute(&op))
        reply_ranks(&op);
    op_deinit(&op);
    return CALL_DONE;
}

static enum call_result store(struct call *call, enum operation operation,
                              const char *event)
{
    struct zset_op op = { .call = call,
                          .operation = operation,
                          .is_stored = true };
    if (!op_init(&op, 2))
        return CALL_DONE;
    if (compute(&op)) {
        store_result(call, op.object, event);
        op.object = NULL;
    }
    op_deinit(&op);
    return CALL_DONE;
}

enum call_result cmd_zunion(struct call *call)
{
    return answer(call, UNION);
}

enum call_result cmd_zinter(struct call *call)
{
    return answer(call, INTER);
}

enum call_result cmd_zdiff(struct call *call)
{
    return answer(call, DIFF);
}

enum call_result cmd_zunionstore(struct call *call)
{
    return store(call, UNION, "zunionstore");
}

enum call_result cmd_zinterstore(struct call *call)
{
    return store(call, INTER, "zinterstore");
}

enum call_result cmd_zdiffstore(struct call *call)
{
    return store(call, DIFF, "zdiffstore");
}

enum call_result cmd_zintercard(struct call *call)
{
    struct zset_op op = { .call = call,
                          .operation = INTER,
                          .is_counted = true };
    if (!op_init(&op, 1))
        return CALL_DONE;
    bool is_done = compute(&op);
    ASSERT(is_done);
    reply_int(call->reply, (int64_t)op.count);
    op_deinit(&op);
    return CALL_DONE;
}
