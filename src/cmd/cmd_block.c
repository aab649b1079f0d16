/* cmd_block.c - BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP, BZPOPMIN, BZPOPMAX,
 * BZMPOP: commands that wait until there is something to take.
 *
 * Each of them first tries what its kin without the B does, and blocks if there
 * is nothing (block.h); it comes here again from the start when one of its keys
 * has come. */
#include "cmd/block.h"

#include "cmd/cmd_list.h"
#include "cmd/cmd_zset.h"
#include "cmd/handlers.h"

/* --- lists ---------------------------------------------------------------- */

/* What BLPOP takes; its last argument is the timeout. */
static struct list_mpop pop_of(const struct call *call, enum list_end end)
{
    return (struct list_mpop){ .first_key = 1,
                               .key_count = call->argc - 2,
                               .end = end,
                               .count = 1 };
}

/* Answers key and element; false: there is none. */
static bool pop_first(struct call *call, enum list_end end)
{
    for (size_t i = 1; i < call->argc - 1; i++) {
        struct db_key key = call_key(call, i);
        struct coll   coll;
        if (!call_list(call, &key, &coll))
            return true;
        if (coll.count == 0)
            continue;
        reply_array(call->reply, 2);
        reply_bulk(call->reply, key.key);
        list_pop_reply(call, &key, &coll, end, 1);
        return true;
    }
    return false;
}

static enum call_result pop_or_block(struct call *call, enum list_end end)
{
    int64_t deadline_ms;
    if (!block_timeout(call, call->argv[call->argc - 1], &deadline_ms) ||
        pop_first(call, end))
        return CALL_DONE;
    return block_on(call, OBJ_LIST, 1, call->argc - 2, deadline_ms);
}

enum call_result cmd_blpop(struct call *call)
{
    return pop_or_block(call, LIST_HEAD);
}

enum call_result cmd_brpop(struct call *call)
{
    return pop_or_block(call, LIST_TAIL);
}

size_t blpop_bytes(struct call *call)
{
    bool             is_left = call->command->handler == cmd_blpop;
    struct list_mpop pop = pop_of(call, is_left ? LIST_HEAD : LIST_TAIL);
    return list_mpop_bytes(call, &pop);
}

/* In MULTI nothing to move is answered as by LMOVE: a null, not the null array
 * that ends a wait. */
static enum call_result move_or_block(struct call *call, enum list_end from_end,
                                      enum list_end to_end)
{
    int64_t       deadline_ms;
    struct db_key to = call_key(call, 2);
    if (!block_timeout(call, call->argv[call->argc - 1], &deadline_ms) ||
        list_move(call, &call->key, from_end, &to, to_end))
        return CALL_DONE;
    if (!block_is_denied(call))
        return block_on(call, OBJ_LIST, 1, 1, deadline_ms);
    reply_null(call->reply);
    return CALL_DONE;
}

enum call_result cmd_blmove(struct call *call)
{
    enum list_end from_end, to_end;
    if (list_end_parse(call->argv[3], &from_end) &&
        list_end_parse(call->argv[4], &to_end))
        return move_or_block(call, from_end, to_end);
    call_syntax_error(call);
    return CALL_DONE;
}

enum call_result cmd_brpoplpush(struct call *call)
{
    return move_or_block(call, LIST_TAIL, LIST_HEAD);
}

enum call_result cmd_blmpop(struct call *call)
{
    struct list_mpop pop;
    int64_t          deadline_ms;
    const char      *wrong = list_mpop_parse(call, 2, &pop);
    if (wrong != NULL) {
        reply_error(call->reply, wrong);
        return CALL_DONE;
    }
    if (!block_timeout(call, call->argv[1], &deadline_ms) ||
        list_mpop(call, &pop))
        return CALL_DONE;
    return block_on(call, OBJ_LIST, pop.first_key, pop.key_count, deadline_ms);
}

size_t blmpop_bytes(struct call *call)
{
    struct list_mpop pop;
    bool             is_wrong = list_mpop_parse(call, 2, &pop) != NULL;
    return is_wrong ? 0 : list_mpop_bytes(call, &pop);
}

/* --- sorted sets ---------------------------------------------------------- */

static enum call_result zpop_or_block(struct call *call, slice timeout,
                                      const struct zpop *pop)
{
    int64_t deadline_ms;
    if (!block_timeout(call, timeout, &deadline_ms) || zpop_run(call, pop))
        return CALL_DONE;
    return block_on(call, OBJ_ZSET, pop->first, pop->keys, deadline_ms);
}

static enum call_result bzpop(struct call *call, bool from_max)
{
    struct zpop pop = { .first = 1,
                        .keys = call->argc - 2,
                        .from_max = from_max,
                        .count = 1,
                        .shape = ZPOP_KEY_FLAT };
    return zpop_or_block(call, call->argv[call->argc - 1], &pop);
}

enum call_result cmd_bzpopmin(struct call *call)
{
    return bzpop(call, false);
}

enum call_result cmd_bzpopmax(struct call *call)
{
    return bzpop(call, true);
}

enum call_result cmd_bzmpop(struct call *call)
{
    struct zpop pop;
    if (!zmpop_read(call, 2, &pop))
        return CALL_DONE;
    return zpop_or_block(call, call->argv[1], &pop);
}
