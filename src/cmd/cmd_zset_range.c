/* cmd_zset_range.c - parts of sorted sets: answered, stored, counted, removed;
 * and where a member stands.
 *
 * What a part takes in a reply is told before the command runs (zrange_bytes),
 * by its share of the elements. Where a few of them are much larger than the
 * others that says too little: so the reply is cut back, and OOM answered, once
 * it has become too long. */
#include "base/num.h"
#include "cmd/cmd_zset.h"
#include "cmd/handlers.h"
#include "cmd/wants.h"

/* ---- the forms of ZRANGE ------------------------------------------------- */

struct form {
    command_handler *handler;
    enum zrange_by   by;
    bool             is_reverse;
    unsigned         choices;
    size_t           first; /* argument where the range begins */
};

#define ALL  (ZRANGE_MAY_CHOOSE | ZRANGE_MAY_SHOW)
#define SHOW ZRANGE_MAY_SHOW

static const struct form forms[] = {
    { cmd_zrange, ZRANGE_BY_RANK, false, ALL, 2 },
    { cmd_zrangebylex, ZRANGE_BY_LEX, false, SHOW, 2 },
    { cmd_zrangebyscore, ZRANGE_BY_SCORE, false, SHOW, 2 },
    { cmd_zrangestore, ZRANGE_BY_RANK, false, ZRANGE_MAY_CHOOSE, 3 },
    { cmd_zrevrange, ZRANGE_BY_RANK, true, SHOW, 2 },
    { cmd_zrevrangebylex, ZRANGE_BY_LEX, true, SHOW, 2 },
    { cmd_zrevrangebyscore, ZRANGE_BY_SCORE, true, SHOW, 2 },
};

static const char *read_range(const struct call *call, struct zrange *range)
{
    const struct form *form = forms;
    while (form->handler != call->command->handler)
        form++;
    *range = (struct zrange){ .by = form->by, .is_reverse = form->is_reverse };
    return zrange_read(call, form->first, form->choices, range);
}

/* Below that many bytes nobody asks how much of it is meant. */
#define SMALL_BYTES ((size_t)32 * 1024)

static size_t share_of(size_t bytes, uint64_t count, uint64_t all)
{
    return (size_t)((double)bytes * (double)count / (double)all);
}

/* What the call's part of the sorted set under that key takes, about. A low
 * LIMIT says enough. */
static size_t part_bytes(struct call *call, const struct db_key *key,
                         size_t bytes)
{
    struct zrange range;
    struct coll   coll;
    struct entry *entry = db_look(call->db, key, false);
    if (entry == NULL || entry_type(entry) != OBJ_ZSET ||
        read_range(call, &range) != NULL)
        return 0;
    (void)db_read(entry, &coll);
    uint64_t most = coll.count;
    if (range.limit >= 0 && (uint64_t)range.limit < most)
        most = (uint64_t)range.limit;
    if (share_of(bytes, most, coll.count) > SMALL_BYTES)
        most = zrange_find(&coll, &range).count;
    return share_of(bytes, most, coll.count);
}

size_t zrange_bytes(struct call *call)
{
    size_t bytes = collection_bytes(call);
    return bytes <= SMALL_BYTES ? bytes : part_bytes(call, &call->key, bytes);
}

/* ---- answering ----------------------------------------------------------- */

static void reply_members(struct call *call, const struct coll *coll,
                          const struct zrange *range, struct zspan span)
{
    struct reply       *reply = call->reply;
    struct coll_walk    walk;
    struct page_element element;
    size_t              begin = reply->len, most = call_reply_limit(call);
    bool                is_nested = range->with_scores && reply->version > 2;
    bool                is_flat = range->with_scores && !is_nested;
    reply_array(reply, span.count << is_flat);
    coll_walk_init(&walk, coll,
                   range->is_reverse ? span.rank + span.count - 1 : span.rank,
                   span.count, range->is_reverse);
    while (coll_walk_next(&walk, &element)) {
        if (is_nested)
            reply_array(reply, 2);
        reply_element(reply, &element.key);
        if (range->with_scores)
            reply_double(reply, zset_score_of(&element));
        if (reply->len - begin > most) {
            reply_cut(reply, begin);
            call_error(call, ERR_OOM);
            return;
        }
    }
}

enum call_result cmd_zrange(struct call *call)
{
    struct coll   coll;
    struct zrange range;
    const char   *error = read_range(call, &range);
    if (error != NULL)
        reply_error(call->reply, error);
    else if (call_zset(call, &coll))
        reply_members(call, &coll, &range, zrange_find(&coll, &range));
    return CALL_DONE;
}

/* The form is known by the handler. */
enum call_result cmd_zrevrange(struct call *call)
{
    return cmd_zrange(call);
}

enum call_result cmd_zrangebyscore(struct call *call)
{
    return cmd_zrange(call);
}

enum call_result cmd_zrevrangebyscore(struct call *call)
{
    return cmd_zrange(call);
}

enum call_result cmd_zrangebylex(struct call *call)
{
    return cmd_zrange(call);
}

enum call_result cmd_zrevrangebylex(struct call *call)
{
    return cmd_zrange(call);
}

/* ---- ZRANGESTORE --------------------------------------------------------- */

enum db_need need_zrangestore(const struct call *call, size_t key_index)
{
    (void)call;
    return key_index == 0 ? DB_NEED_HEADER : DB_NEED_VALUE;
}

/* Twice the part: the new trees' pages are filled from one end. */
size_t grow_zrangestore(struct call *call)
{
    struct db_key       key = call_key(call, 2);
    const struct entry *entry = db_look(call->db, &key, false);
    if (entry == NULL || entry_type(entry) != OBJ_ZSET)
        return 0;
    size_t bytes = db_coll_bytes(entry) + entry->value_len;
    return 2 * (bytes <= SMALL_BYTES ? bytes : part_bytes(call, &key, bytes));
}

static struct object *copy_span(struct call *call, const struct coll *coll,
                                struct zspan span)
{
    struct object      *object = db_object_new(call->db, OBJ_ZSET);
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    coll_walk_init(&walk, coll, span.rank, span.count, false);
    while (coll_walk_next(&walk, &element))
        zset_put_found(object, page_value_text(&element.key, buffer), NULL,
                       zset_score_of(&element), &zset_limits);
    return object;
}

enum call_result cmd_zrangestore(struct call *call)
{
    struct coll   coll;
    struct zrange range;
    struct db_key key = call_key(call, 2);
    const char   *error = read_range(call, &range);
    if (error != NULL) {
        reply_error(call->reply, error);
        return CALL_DONE;
    }
    if (!call_coll(call, &key, OBJ_ZSET, &coll))
        return CALL_DONE;
    struct zspan span = zrange_find(&coll, &range);
    if (span.count > 0)
        db_put_object(call->db, &call->key, copy_span(call, &coll, span),
                      "zrangestore");
    else if (coll.count > 0 || !slice_equal(key.key, call->key.key))
        db_delete(call->db, &call->key, "del"); /* tells of a miss, once */
    reply_int(call->reply, (int64_t)span.count);
    return CALL_DONE;
}

/* ---- counting ------------------------------------------------------------ */

static enum call_result answer_count(struct call *call, enum zrange_by by)
{
    struct coll   coll;
    struct zrange range = { .by = by, .limit = -1 };
    const char   *error = zrange_read_bounds(call, 2, &range);
    if (error != NULL)
        reply_error(call->reply, error);
    else if (call_zset(call, &coll))
        reply_int(call->reply, (int64_t)zrange_find(&coll, &range).count);
    return CALL_DONE;
}

enum call_result cmd_zcount(struct call *call)
{
    return answer_count(call, ZRANGE_BY_SCORE);
}

enum call_result cmd_zlexcount(struct call *call)
{
    return answer_count(call, ZRANGE_BY_LEX);
}

/* ---- removing ------------------------------------------------------------ */

static enum call_result remove_range(struct call *call, enum zrange_by by,
                                     const char *event)
{
    struct coll    coll;
    struct db_edit edit;
    struct zrange  range = { .by = by, .limit = -1 };
    const char    *error = zrange_read_bounds(call, 2, &range);
    if (error != NULL) {
        reply_error(call->reply, error);
        return CALL_DONE;
    }
    if (!call_zset(call, &coll))
        return CALL_DONE;
    struct zspan span = zrange_find(&coll, &range);
    if (span.count > 0) {
        zset_remove_range(db_edit_begin(call->db, &call->key, OBJ_ZSET, &edit),
                          span.rank, span.count);
        db_edit_end(&edit, event);
    }
    reply_int(call->reply, (int64_t)span.count);
    return CALL_DONE;
}

enum call_result cmd_zremrangebyrank(struct call *call)
{
    return remove_range(call, ZRANGE_BY_RANK, "zremrangebyrank");
}

enum call_result cmd_zremrangebyscore(struct call *call)
{
    return remove_range(call, ZRANGE_BY_SCORE, "zremrangebyscore");
}

enum call_result cmd_zremrangebylex(struct call *call)
{
    return remove_range(call, ZRANGE_BY_LEX, "zremrangebylex");
}

/* ---- where a member stands ----------------------------------------------- */

static void reply_rank(struct call *call, const struct coll *coll,
                       bool is_reverse, bool with_score)
{
    uint64_t rank;
    double   score;
    if (!zset_rank(coll, call->argv[2], &rank, &score)) {
        if (with_score)
            reply_null_array(call->reply);
        else
            reply_null(call->reply);
        return;
    }
    if (with_score)
        reply_array(call->reply, 2);
    reply_int(call->reply,
              (int64_t)(is_reverse ? coll->count - 1 - rank : rank));
    if (with_score)
        reply_double(call->reply, score);
}

static enum call_result answer_rank(struct call *call, bool is_reverse)
{
    struct coll coll;
    bool        with_score = call->argc == 4;
    if (call->argc > 4)
        reply_errorf(call->reply,
                     "ERR wrong number of arguments for '%s' command",
                     call->command->name);
    else if (with_score && !call_arg_is(call, 3, "withscore"))
        call_syntax_error(call);
    else if (call_zset(call, &coll))
        reply_rank(call, &coll, is_reverse, with_score);
    return CALL_DONE;
}

enum call_result cmd_zrank(struct call *call)
{
    return answer_rank(call, false);
}

enum call_result cmd_zrevrank(struct call *call)
{
    return answer_rank(call, true);
}
