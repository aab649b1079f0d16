/* cmd_zset_pop.c - members from one end of a sorted set.
 *
 * What is popped is answered first and removed then, as a range of ranks. Forms
 * that wait for something to pop call the same functions, for the call of the
 * client that waited. */
#include "cmd/cmd_zset.h"

#include "base/num.h"
#include "cmd/handlers.h"
#include "cmd/wants.h"

/* ---- popping ------------------------------------------------------------- */

static void reply_header(struct reply *reply, slice key, size_t count,
                         enum zpop_shape shape)
{
    switch (shape) {
    case ZPOP_FLAT:
        reply_array(reply, 2 * count);
        return;
    case ZPOP_NESTED:
        reply_array(reply, count);
        return;
    case ZPOP_KEY_FLAT:
        reply_array(reply, 1 + 2 * count);
        reply_bulk(reply, key);
        return;
    case ZPOP_KEY_NESTED:
        reply_array(reply, 2);
        reply_bulk(reply, key);
        reply_array(reply, count);
        return;
    }
}

static void pop_from(struct call *call, const struct db_key *key,
                     const struct coll *coll, const struct zpop *pop)
{
    struct coll_walk    walk;
    struct page_element element;
    struct db_edit      edit;
    bool is_nested = pop->shape == ZPOP_NESTED || pop->shape == ZPOP_KEY_NESTED;
    uint64_t total = coll->count;
    uint64_t count = pop->count < total ? pop->count : total;
    reply_header(call->reply, key->key, count, pop->shape);
    coll_walk_init(&walk, coll, pop->from_max ? total - 1 : 0, count,
                   pop->from_max);
    while (coll_walk_next(&walk, &element)) {
        if (is_nested)
            reply_array(call->reply, 2);
        reply_element(call->reply, &element.key);
        reply_double(call->reply, zset_score_of(&element));
    }
    if (count == 0)
        return;
    zset_remove_range(db_edit_begin(call->db, key, OBJ_ZSET, &edit),
                      pop->from_max ? total - count : 0, count);
    db_edit_end(&edit, pop->from_max ? "zpopmax" : "zpopmin");
}

bool zpop_run(struct call *call, const struct zpop *pop)
{
    for (size_t i = 0; i < pop->keys; i++) {
        struct db_key key = call_key(call, pop->first + i);
        struct coll   coll;
        if (!call_coll(call, &key, OBJ_ZSET, &coll))
            return true;
        if (coll.count == 0)
            continue;
        pop_from(call, &key, &coll, pop);
        return true;
    }
    return false;
}

/* ---- ZPOPMIN, ZPOPMAX ---------------------------------------------------- */

/* NULL, or the error. */
static const char *read_pop(const struct call *call, bool from_max,
                            struct zpop *pop)
{
    int64_t count = 1;
    *pop = (struct zpop){ .first = 1, .keys = 1, .from_max = from_max };
    if (call->argc > 3)
        return "ERR syntax error";
    if (call->argc == 3 &&
        (!num_parse_int64(call->argv[2], &count) || count < 0))
        return "ERR value is out of range, must be positive";
    bool is_nested = call->argc == 3 && call->session->resp > 2;
    pop->shape = is_nested ? ZPOP_NESTED : ZPOP_FLAT;
    pop->count = (uint64_t)count;
    return NULL;
}

static enum call_result run_pop(struct call *call, bool from_max)
{
    struct zpop pop;
    const char *error = read_pop(call, from_max, &pop);
    if (error != NULL)
        reply_error(call->reply, error);
    else if (!zpop_run(call, &pop))
        reply_array(call->reply, 0);
    return CALL_DONE;
}

enum call_result cmd_zpopmin(struct call *call)
{
    return run_pop(call, false);
}

enum call_result cmd_zpopmax(struct call *call)
{
    return run_pop(call, true);
}

/* ---- ZMPOP --------------------------------------------------------------- */

/* A number from 1 on. */
static bool read_positive(slice text, int64_t *out)
{
    return num_parse_int64(text, out) && *out > 0;
}

/* NULL, or the error. */
static const char *read_mpop(const struct call *call, size_t at,
                             struct zpop *pop)
{
    static const char syntax[] = "ERR syntax error";
    int64_t           keys, count = 1;
    if (!read_positive(call->argv[at], &keys))
        return "ERR numkeys should be greater than 0";
    if ((uint64_t)keys >= call->argc - at - 1)
        return syntax;
    *pop = (struct zpop){ .first = at + 1,
                          .keys = (size_t)keys,
                          .shape = ZPOP_KEY_NESTED };
    size_t i = pop->first + pop->keys;
    pop->from_max = call_arg_is(call, i, "max");
    if (!pop->from_max && !call_arg_is(call, i, "min"))
        return syntax;
    if (++i < call->argc) {
        if (!call_arg_is(call, i, "count") || i + 1 == call->argc)
            return syntax;
        if (!read_positive(call->argv[i + 1], &count))
            return "ERR count should be greater than 0";
        if (i + 2 < call->argc)
            return syntax;
    }
    pop->count = (uint64_t)count;
    return NULL;
}

bool zmpop_read(struct call *call, size_t at, struct zpop *pop)
{
    const char *error = read_mpop(call, at, pop);
    if (error != NULL)
        reply_error(call->reply, error);
    return error == NULL;
}

enum call_result cmd_zmpop(struct call *call)
{
    struct zpop pop;
    if (zmpop_read(call, 1, &pop) && !zpop_run(call, &pop))
        reply_null_array(call->reply);
    return CALL_DONE;
}

/* ---- how much ------------------------------------------------------------ */

/* What is popped must be answered: so it is looked at. */
static size_t popped_bytes(struct call *call, const struct zpop *pop)
{
    struct coll         coll = { .count = 0 };
    struct coll_walk    walk;
    struct page_element element;
    size_t              bytes = 0, most = call_reply_limit(call);
    for (size_t i = 0; i < pop->keys && coll.count == 0; i++) {
        struct db_key key = call_key(call, pop->first + i);
        struct entry *entry = db_look(call->db, &key, false);
        if (entry != NULL && entry_type(entry) != OBJ_ZSET)
            return 0;
        (void)db_read(entry, &coll);
    }
    coll_walk_init(&walk, &coll, pop->from_max ? coll.count - 1 : 0, pop->count,
                   pop->from_max);
    while (bytes <= most && coll_walk_next(&walk, &element))
        bytes += 32 + (element.key.is_int ? 0 : element.key.len);
    return bytes;
}

size_t zpop_bytes(struct call *call)
{
    struct zpop pop;
    bool        from_max = call->command->handler == cmd_zpopmax;
    if (call->argc < 3 || read_pop(call, from_max, &pop) != NULL)
        return 0;
    return popped_bytes(call, &pop);
}

size_t zmpop_bytes(struct call *call)
{
    struct zpop pop;
    return read_mpop(call, 1, &pop) == NULL ? popped_bytes(call, &pop) : 0;
}

size_t bzmpop_bytes(struct call *call)
{
    struct zpop pop;
    return read_mpop(call, 2, &pop) == NULL ? popped_bytes(call, &pop) : 0;
}
