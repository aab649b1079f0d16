/* cmd_list_edit.c - what stands inside of lists: read, replaced, inserted,
 * removed, looked for.
 *
 * Everything is found in the look phase, without an object being made of a
 * small list; only what LREM removes is found while it is removed.
 *
 * Redis 7.2 also turns a list into a quicklist for the sake of an element that
 * LSET or LINSERT then finds no place for. Here a call that changes nothing
 * leaves the encoding, too (tests/oracle-differences). */
#include "base/num.h"
#include "cmd/cmd_list.h"
#include "cmd/handlers.h"

/* ---- LINDEX, LSET, LINSERT ----------------------------------------------- */

enum call_result cmd_lindex(struct call *call)
{
    struct coll         coll;
    struct page_element element;
    int64_t             index;
    uint64_t            rank;
    if (!call_list(call, &call->key, &coll))
        return CALL_DONE;
    if (coll.count == 0) {
        reply_null(call->reply);
        return CALL_DONE;
    }
    if (!call_int(call, call->argv[2], &index))
        return CALL_DONE;
    if (list_rank(&coll, index, &rank)) {
        coll_get(&coll, rank, &element);
        reply_element(call->reply, &element.value);
    } else {
        reply_null(call->reply);
    }
    return CALL_DONE;
}

size_t lindex_bytes(struct call *call)
{
    struct coll coll;
    int64_t     index;
    uint64_t    rank;
    if (!num_parse_int64(call->argv[2], &index) ||
        !list_peek(call, &call->key, &coll) || !list_rank(&coll, index, &rank))
        return 0;
    return list_reply_bytes(&coll, rank, 1);
}

enum call_result cmd_lset(struct call *call)
{
    struct coll    coll;
    struct db_edit edit;
    int64_t        index;
    uint64_t       rank;
    if (!call_list(call, &call->key, &coll))
        return CALL_DONE;
    if (coll.count == 0) {
        reply_error(call->reply, "ERR no such key");
        return CALL_DONE;
    }
    if (!call_int(call, call->argv[2], &index))
        return CALL_DONE;
    if (!list_rank(&coll, index, &rank)) {
        reply_error(call->reply, "ERR index out of range");
        return CALL_DONE;
    }
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_LIST, &edit);
    list_will_grow(object, call->argv[3].len, &call_list_limits);
    list_replace(object, rank, call->argv[3]);
    list_has_shrunk(object, &call_list_limits);
    db_edit_end(&edit, "lset");
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_linsert(struct call *call)
{
    struct coll    coll;
    struct db_edit edit;
    uint64_t       rank;
    bool           is_after = call_arg_is(call, 2, "after");
    if (!is_after && !call_arg_is(call, 2, "before")) {
        call_syntax_error(call);
        return CALL_DONE;
    }
    if (!call_list(call, &call->key, &coll))
        return CALL_DONE;
    if (coll.count == 0 || !list_find(&coll, call->argv[3], &rank)) {
        reply_int(call->reply, coll.count == 0 ? 0 : -1);
        return CALL_DONE;
    }
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_LIST, &edit);
    list_will_grow(object, call->argv[4].len, &call_list_limits);
    list_insert(object, rank + is_after, call->argv[4]);
    reply_int(call->reply, (int64_t)object_count(object));
    db_edit_end(&edit, "linsert");
    return CALL_DONE;
}

/* ---- LREM, LTRIM --------------------------------------------------------- */

enum call_result cmd_lrem(struct call *call)
{
    struct coll    coll;
    struct db_edit edit;
    int64_t        count;
    if (!call_int(call, call->argv[2], &count) ||
        !call_list(call, &call->key, &coll))
        return CALL_DONE;
    if (coll.count == 0) {
        reply_int(call->reply, 0);
        return CALL_DONE;
    }
    uint64_t max = count > 0    ? (uint64_t)count
                   : count == 0 ? UINT64_MAX
                                : 0 - (uint64_t)count;
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_LIST, &edit);
    uint64_t removed = list_remove_equal(
        object, count < 0 ? LIST_TAIL : LIST_HEAD, call->argv[3], max);
    reply_int(call->reply, (int64_t)removed);
    if (removed == 0) {
        db_edit_cancel(&edit);
        return CALL_DONE;
    }
    list_has_shrunk(object, &call_list_limits);
    db_edit_end(&edit, "lrem");
    return CALL_DONE;
}

/* Redis tells of it, and breaks WATCH, though nothing may have been outside the
 * range. */
enum call_result cmd_ltrim(struct call *call)
{
    struct coll    coll;
    struct db_edit edit;
    int64_t        start, stop;
    if (!call_int(call, call->argv[2], &start) ||
        !call_int(call, call->argv[3], &stop) ||
        !call_list(call, &call->key, &coll))
        return CALL_DONE;
    reply_ok(call->reply);
    if (coll.count == 0)
        return CALL_DONE;
    struct list_range kept = list_range(&coll, start, stop);
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_LIST, &edit);
    list_drop(object, LIST_TAIL,
              object_count(object) - kept.rank - kept.count);
    list_drop(object, LIST_HEAD, kept.rank);
    list_has_shrunk(object, &call_list_limits);
    db_edit_end(&edit, "ltrim");
    return CALL_DONE;
}

/* ---- LPOS ---------------------------------------------------------------- */

struct lpos {
    int64_t  rank;     /* of the first match that is told; negative: from the
                          tail */
    bool     is_array; /* with COUNT */
    uint64_t count;    /* matches told at most; 0: all */
    uint64_t max_len;  /* elements looked at; 0: all */
};

static bool parse_not_negative(slice arg, uint64_t *out)
{
    int64_t value;
    if (!num_parse_int64(arg, &value) || value < 0)
        return false;
    *out = (uint64_t)value;
    return true;
}

/* NULL, or what is wrong. */
static const char *parse_rank(slice arg, int64_t *out)
{
    if (!num_parse_int64(arg, out))
        return "ERR value is not an integer or out of range";
    if (*out == INT64_MIN)
        return "ERR value is out of range, value must between "
               "-9223372036854775807 and 9223372036854775807";
    if (*out == 0)
        return "ERR RANK can't be zero: use 1 to start from the first match, "
               "2 from the second ... or use negative to start from the end "
               "of the list";
    return NULL;
}

/* NULL, or the error to be answered. */
static const char *lpos_parse(const struct call *call, struct lpos *lpos)
{
    *lpos = (struct lpos){ .rank = 1, .count = 1 };
    for (size_t i = 3; i < call->argc; i += 2) {
        if (i + 1 == call->argc)
            return "ERR syntax error";
        slice arg = call->argv[i + 1];
        if (call_arg_is(call, i, "rank")) {
            const char *wrong = parse_rank(arg, &lpos->rank);
            if (wrong != NULL)
                return wrong;
        } else if (call_arg_is(call, i, "count")) {
            lpos->is_array = true;
            if (!parse_not_negative(arg, &lpos->count))
                return "ERR COUNT can't be negative";
        } else if (call_arg_is(call, i, "maxlen")) {
            if (!parse_not_negative(arg, &lpos->max_len))
                return "ERR MAXLEN can't be negative";
        } else {
            return "ERR syntax error";
        }
    }
    return NULL;
}

/* Goes over the matches that are told. */
struct matches {
    struct coll_walk  walk;
    struct page_value value;
    uint64_t          walked;   /* elements */
    uint64_t          unwanted; /* matches that come before the first told */
    uint64_t          left;     /* to be told; UINT64_MAX: all */
    uint64_t          count;    /* of the list */
};

static void matches_init(struct matches *matches, const struct coll *coll,
                         slice value, const struct lpos *lpos)
{
    bool is_backward = lpos->rank < 0;
    *matches = (struct matches){
        .value = page_value_pack(value),
        .unwanted = (uint64_t)(is_backward ? -lpos->rank : lpos->rank) - 1,
        .left = lpos->count == 0 ? UINT64_MAX : lpos->count,
        .count = coll->count,
    };
    coll_walk_init(&matches->walk, coll, is_backward ? coll->count - 1 : 0,
                   lpos->max_len == 0 ? UINT64_MAX : lpos->max_len,
                   is_backward);
}

static bool matches_next(struct matches *matches, uint64_t *position)
{
    struct page_element element;
    while (matches->left > 0 && coll_walk_next(&matches->walk, &element)) {
        uint64_t at = matches->walked++;
        if (!page_value_equal(&element.value, &matches->value))
            continue;
        if (matches->unwanted > 0) {
            matches->unwanted--;
            continue;
        }
        matches->left--;
        *position = matches->walk.is_backward ? matches->count - 1 - at : at;
        return true;
    }
    return false;
}

static void reply_matches(struct reply *reply, struct matches *matches)
{
    size_t   mark = reply_deferred_begin(reply);
    size_t   count = 0;
    uint64_t position;
    for (; matches_next(matches, &position); count++)
        reply_int(reply, (int64_t)position);
    reply_deferred_end(reply, mark, '*', count);
}

enum call_result cmd_lpos(struct call *call)
{
    struct coll    coll;
    struct lpos    lpos;
    struct matches matches;
    uint64_t       position;
    const char    *wrong = lpos_parse(call, &lpos);
    if (wrong != NULL) {
        reply_error(call->reply, wrong);
        return CALL_DONE;
    }
    if (!call_list(call, &call->key, &coll))
        return CALL_DONE;
    matches_init(&matches, &coll, call->argv[2], &lpos);
    if (lpos.is_array)
        reply_matches(call->reply, &matches);
    else if (matches_next(&matches, &position))
        reply_int(call->reply, (int64_t)position);
    else
        reply_null(call->reply);
    return CALL_DONE;
}

/* ":1000000\r\n" for each match. Those of a long list are counted first. */
#define POSITION_BYTES 24
#define LONG_LIST      4096

size_t lpos_bytes(struct call *call)
{
    struct coll    coll;
    struct lpos    lpos;
    struct matches matches;
    uint64_t       position;
    size_t         count = 0;
    if (lpos_parse(call, &lpos) != NULL || !lpos.is_array ||
        !list_peek(call, &call->key, &coll))
        return 0;
    uint64_t most = coll.count;
    if (lpos.count != 0 && lpos.count < most)
        most = lpos.count;
    if (lpos.max_len != 0 && lpos.max_len < most)
        most = lpos.max_len;
    if (most <= LONG_LIST)
        return (size_t)most * POSITION_BYTES;
    matches_init(&matches, &coll, call->argv[2], &lpos);
    while (matches_next(&matches, &position))
        count++;
    return count * POSITION_BYTES;
}
