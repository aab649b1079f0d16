/* cmd_zset.c - sorted sets: members come, get other scores, go, and are asked
 * for.
 *
 * ZINCRBY is ZADD INCR, so much so that it takes options as well ("ZINCRBY k nx
 * m" has a wrong syntax, no wrong number), as in Redis. All scores are read
 * before anything is changed. */
#include "cmd/cmd_zset.h"

#include <math.h>

#include "base/mem.h"
#include "cmd/handlers.h"

const struct zset_limits zset_limits = { .listpack_entries = 128,
                                         .listpack_value = 64 };

bool call_score(struct call *call, slice arg, double *out)
{
    if (num_parse_double(arg, out))
        return true;
    reply_error(call->reply, "ERR value is not a valid float");
    return false;
}

bool call_zset(struct call *call, struct coll *coll)
{
    return call_coll(call, &call->key, OBJ_ZSET, coll);
}

/* ---- ZADD ---------------------------------------------------------------- */

enum add_flag {
    ADD_NX = 1 << 0,
    ADD_XX = 1 << 1,
    ADD_GT = 1 << 2,
    ADD_LT = 1 << 3,
    ADD_CH = 1 << 4,
    ADD_INCR = 1 << 5
};

/* A ZADD with scores read. */
#define ADD_FEW 8
struct add {
    unsigned flags;
    size_t   first; /* argument with the first score */
    size_t   pairs;
    double  *scores; /* few, or its own */
    double   few[ADD_FEW];
    int64_t  added, updated;
    double   result;  /* with INCR: the score now */
    bool     is_idle; /* with INCR: the conditions forbade it */
    bool     is_nan;
};

static void add_read_flags(const struct call *call, struct add *add)
{
    static const char *const words[] = { "nx", "xx", "gt", "lt", "ch", "incr" };
    const size_t             count = sizeof(words) / sizeof(words[0]);
    for (; add->first < call->argc; add->first++) {
        size_t i = 0;
        while (i < count && !call_arg_is(call, add->first, words[i]))
            i++;
        if (i == count)
            return;
        add->flags |= 1u << i;
    }
}

static const char *add_conflict(const struct add *add)
{
    bool nx = add->flags & ADD_NX, gt = add->flags & ADD_GT;
    bool lt = add->flags & ADD_LT;
    if (nx && (add->flags & ADD_XX))
        return "ERR XX and NX options at the same time are not compatible";
    if ((gt && nx) || (lt && nx) || (gt && lt))
        return "ERR GT, LT, and/or NX options at the same time are not "
               "compatible";
    if ((add->flags & ADD_INCR) && add->pairs > 1)
        return "ERR INCR option supports a single increment-element pair";
    return NULL;
}

/* False: an error was answered. After true, add_deinit. */
static bool add_init(struct call *call, unsigned flags, struct add *add)
{
    add->flags = flags;
    add->first = 2;
    add->added = add->updated = 0;
    add->result = 0;
    add->is_idle = add->is_nan = false;
    add->scores = add->few;
    add_read_flags(call, add);
    size_t left = call->argc - add->first;
    add->pairs = left / 2;
    if (left == 0 || left % 2 != 0) {
        call_syntax_error(call);
        return false;
    }
    const char *conflict = add_conflict(add);
    if (conflict != NULL) {
        reply_error(call->reply, conflict);
        return false;
    }
    if (add->pairs > ADD_FEW)
        add->scores = mem_alloc(add->pairs * sizeof(double));
    size_t i = 0;
    while (i < add->pairs &&
           call_score(call, call->argv[add->first + 2 * i], &add->scores[i]))
        i++;
    if (i < add->pairs && add->scores != add->few)
        mem_free(add->scores);
    return i == add->pairs;
}

static void add_deinit(struct add *add)
{
    if (add->scores != add->few)
        mem_free(add->scores);
}

/* May a member of that score, or none, get this one? */
static bool add_allows(struct add *add, const double *old, double score)
{
    if (old == NULL)
        return (add->flags & ADD_XX) == 0;
    if (isnan(score)) {
        add->is_nan = true;
        return false;
    }
    return !((add->flags & ADD_LT) && score >= *old) &&
           !((add->flags & ADD_GT) && score <= *old);
}

static void add_one(struct object *object, struct add *add, slice member,
                    double score)
{
    struct coll coll = coll_of_object(object);
    double      there, *old = &there;
    if (!zset_find(&coll, member, &there))
        old = NULL;
    add->is_idle = true;
    if (old != NULL && (add->flags & ADD_NX))
        return;
    if (old != NULL && (add->flags & ADD_INCR))
        score += *old;
    if (!add_allows(add, old, score))
        return;
    add->is_idle = false;
    add->result = score;
    add->added += old == NULL;
    add->updated += old != NULL && *old != score;
    zset_put_found(object, member, old, score, &zset_limits);
}

static void add_all(struct call *call, struct add *add)
{
    struct db_edit edit;
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_ZSET, &edit);
    for (size_t i = 0; i < add->pairs; i++)
        add_one(object, add, call->argv[add->first + 2 * i + 1],
                add->scores[i]);
    if (add->added + add->updated > 0)
        db_edit_end(&edit, add->flags & ADD_INCR ? "zincr" : "zadd");
    else
        db_edit_cancel(&edit);
}

static void add_reply(struct call *call, const struct add *add)
{
    if (add->is_nan)
        reply_error(call->reply, "ERR resulting score is not a number (NaN)");
    else if (!(add->flags & ADD_INCR))
        reply_int(call->reply,
                  add->added + (add->flags & ADD_CH ? add->updated : 0));
    else if (add->is_idle)
        reply_null(call->reply);
    else
        reply_double(call->reply, add->result);
}

static enum call_result add_run(struct call *call, unsigned flags)
{
    struct add  add;
    struct coll coll;
    if (!add_init(call, flags, &add))
        return CALL_DONE;
    if (call_zset(call, &coll)) {
        if (coll.count > 0 || !(add.flags & ADD_XX))
            add_all(call, &add);
        else
            add.is_idle = true;
        add_reply(call, &add);
    }
    add_deinit(&add);
    return CALL_DONE;
}

enum call_result cmd_zadd(struct call *call)
{
    return add_run(call, 0);
}

enum call_result cmd_zincrby(struct call *call)
{
    return add_run(call, ADD_INCR);
}

/* ---- the others ---------------------------------------------------------- */

enum call_result cmd_zrem(struct call *call)
{
    struct coll    coll;
    struct db_edit edit;
    int64_t        removed = 0;
    if (!call_zset(call, &coll))
        return CALL_DONE;
    if (coll.count == 0) {
        reply_int(call->reply, 0);
        return CALL_DONE;
    }
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_ZSET, &edit);
    for (size_t i = 2; i < call->argc; i++)
        removed += zset_remove(object, call->argv[i]);
    if (removed > 0)
        db_edit_end(&edit, "zrem");
    else
        db_edit_cancel(&edit);
    reply_int(call->reply, removed);
    return CALL_DONE;
}

enum call_result cmd_zcard(struct call *call)
{
    struct entry *entry;
    if (call_look(call, &call->key, OBJ_ZSET, &entry))
        reply_int(call->reply,
                  entry != NULL ? (int64_t)db_coll_count(entry) : 0);
    return CALL_DONE;
}

static void reply_score_of(struct call *call, const struct coll *coll,
                           slice member)
{
    double score;
    if (zset_find(coll, member, &score))
        reply_double(call->reply, score);
    else
        reply_null(call->reply);
}

enum call_result cmd_zscore(struct call *call)
{
    struct coll coll;
    if (call_zset(call, &coll))
        reply_score_of(call, &coll, call->argv[2]);
    return CALL_DONE;
}

enum call_result cmd_zmscore(struct call *call)
{
    struct coll coll;
    if (!call_zset(call, &coll))
        return CALL_DONE;
    reply_array(call->reply, call->argc - 2);
    for (size_t i = 2; i < call->argc; i++)
        reply_score_of(call, &coll, call->argv[i]);
    return CALL_DONE;
}
