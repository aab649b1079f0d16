/* cmd_list.c - lists: elements come and go at the ends, and are read.
 *
 * What is popped is answered before it is removed, straight from the page. */
#include "cmd/cmd_list.h"

#include "base/assert.h"
#include "base/num.h"
#include "cache/cache.h"
#include "cmd/handlers.h"

const struct list_limits call_list_limits = { .listpack_bytes = 8192 };

/* ---- arguments ----------------------------------------------------------- */

bool list_end_parse(slice arg, enum list_end *end)
{
    *end = slice_equal_nocase(arg, "left") ? LIST_HEAD : LIST_TAIL;
    return *end == LIST_HEAD || slice_equal_nocase(arg, "right");
}

bool call_list_count(struct call *call, slice arg, uint64_t *out)
{
    int64_t count;
    if (!num_parse_int64(arg, &count) || count < 0) {
        reply_error(call->reply,
                    "ERR value is out of range, must be positive");
        return false;
    }
    *out = (uint64_t)count;
    return true;
}

bool call_list(struct call *call, const struct db_key *key, struct coll *coll)
{
    return call_coll(call, key, OBJ_LIST, coll);
}

/* ---- what is answered ---------------------------------------------------- */

bool list_peek(struct call *call, const struct db_key *key, struct coll *coll)
{
    const struct entry *entry =
        cache_find(db_cache(call->db), key->space->id, key->key, key->hash);
    return entry != NULL && entry_presence(entry) == ENTRY_PRESENT &&
           entry_type(entry) == OBJ_LIST && db_read(entry, coll);
}

size_t list_pop_bytes(struct call *call, const struct db_key *key,
                      enum list_end end, uint64_t count)
{
    struct coll coll;
    if (!list_peek(call, key, &coll))
        return 0;
    if (count > coll.count)
        count = coll.count;
    return list_reply_bytes(&coll, end == LIST_HEAD ? 0 : coll.count - count,
                            count);
}

/* From the first one given on, towards the other end. */
static void reply_run(struct reply *reply, const struct coll *coll,
                      uint64_t rank, uint64_t count, bool is_backward)
{
    struct coll_walk    walk;
    struct page_element element;
    coll_walk_init(&walk, coll, rank, count, is_backward);
    while (coll_walk_next(&walk, &element))
        reply_element(reply, &element.value);
}

/* ---- pushing ------------------------------------------------------------- */

static enum call_result push(struct call *call, enum list_end end,
                             bool only_existing)
{
    struct coll    coll;
    struct db_edit edit;
    size_t         bytes = 0;
    if (!call_list(call, &call->key, &coll))
        return CALL_DONE;
    if (coll.count == 0 && only_existing) {
        reply_int(call->reply, 0);
        return CALL_DONE;
    }
    for (size_t i = 2; i < call->argc; i++)
        bytes += call->argv[i].len;
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_LIST, &edit);
    list_will_grow(object, bytes, &call_list_limits);
    for (size_t i = 2; i < call->argc; i++)
        list_push(object, end, call->argv[i]);
    reply_int(call->reply, (int64_t)object_count(object));
    db_edit_end(&edit, list_push_event(end));
    return CALL_DONE;
}

enum call_result cmd_lpush(struct call *call)
{
    return push(call, LIST_HEAD, false);
}

enum call_result cmd_rpush(struct call *call)
{
    return push(call, LIST_TAIL, false);
}

enum call_result cmd_lpushx(struct call *call)
{
    return push(call, LIST_HEAD, true);
}

enum call_result cmd_rpushx(struct call *call)
{
    return push(call, LIST_TAIL, true);
}

/* ---- popping ------------------------------------------------------------- */

void list_pop_reply(struct call *call, const struct db_key *key,
                    const struct coll *coll, enum list_end end, uint64_t count)
{
    struct db_edit edit;
    ASSERT(count > 0);
    ASSERT(count <= coll->count);
    reply_run(call->reply, coll, list_end_rank(coll->count, end), count,
              end == LIST_TAIL);
    struct object *object = db_edit_begin(call->db, key, OBJ_LIST, &edit);
    list_drop(object, end, count);
    list_has_shrunk(object, &call_list_limits);
    db_edit_end(&edit, list_pop_event(end));
}

/* LPOP key count */
static void pop_many(struct call *call, enum list_end end)
{
    struct coll coll;
    uint64_t    count;
    if (!call_list_count(call, call->argv[2], &count) ||
        !call_list(call, &call->key, &coll))
        return;
    if (coll.count == 0) {
        reply_null_array(call->reply);
        return;
    }
    if (count > coll.count)
        count = coll.count;
    reply_array(call->reply, count);
    if (count > 0)
        list_pop_reply(call, &call->key, &coll, end, count);
}

static enum call_result pop(struct call *call, enum list_end end)
{
    struct coll coll;
    if (call->argc > 3)
        reply_errorf(call->reply,
                     "ERR wrong number of arguments for '%s' command",
                     call->command->name);
    else if (call->argc == 3)
        pop_many(call, end);
    else if (!call_list(call, &call->key, &coll))
        return CALL_DONE;
    else if (coll.count == 0)
        reply_null(call->reply);
    else
        list_pop_reply(call, &call->key, &coll, end, 1);
    return CALL_DONE;
}

enum call_result cmd_lpop(struct call *call)
{
    return pop(call, LIST_HEAD);
}

enum call_result cmd_rpop(struct call *call)
{
    return pop(call, LIST_TAIL);
}

static size_t pop_bytes(struct call *call, enum list_end end)
{
    int64_t count = 1;
    if (call->argc > 3 ||
        (call->argc == 3 &&
         (!num_parse_int64(call->argv[2], &count) || count < 0)))
        return 0;
    return list_pop_bytes(call, &call->key, end, (uint64_t)count);
}

size_t lpop_bytes(struct call *call)
{
    return pop_bytes(call, LIST_HEAD);
}

size_t rpop_bytes(struct call *call)
{
    return pop_bytes(call, LIST_TAIL);
}

/* ---- reading ------------------------------------------------------------- */

enum call_result cmd_llen(struct call *call)
{
    struct entry *entry;
    if (call_look(call, &call->key, OBJ_LIST, &entry))
        reply_int(call->reply,
                  entry != NULL ? (int64_t)db_coll_count(entry) : 0);
    return CALL_DONE;
}

bool list_rank(const struct coll *coll, int64_t index, uint64_t *rank)
{
    int64_t count = (int64_t)coll->count;
    if (index < 0)
        index += count;
    *rank = (uint64_t)index;
    return index >= 0 && index < count;
}

struct list_range list_range(const struct coll *coll, int64_t start,
                             int64_t stop)
{
    int64_t count = (int64_t)coll->count;
    if (start < 0)
        start = start + count > 0 ? start + count : 0;
    if (stop < 0)
        stop += count;
    if (stop >= count)
        stop = count - 1;
    if (start > stop)
        return (struct list_range){ .count = 0 };
    return (struct list_range){ .rank = (uint64_t)start,
                                .count = (uint64_t)(stop - start) + 1 };
}

enum call_result cmd_lrange(struct call *call)
{
    struct coll coll;
    int64_t     start, stop;
    if (!call_int(call, call->argv[2], &start) ||
        !call_int(call, call->argv[3], &stop) ||
        !call_list(call, &call->key, &coll))
        return CALL_DONE;
    struct list_range range = list_range(&coll, start, stop);
    reply_array(call->reply, range.count);
    if (range.count > 0)
        reply_run(call->reply, &coll, range.rank, range.count, false);
    return CALL_DONE;
}

size_t lrange_bytes(struct call *call)
{
    struct coll coll;
    int64_t     start, stop;
    if (!num_parse_int64(call->argv[2], &start) ||
        !num_parse_int64(call->argv[3], &stop) ||
        !list_peek(call, &call->key, &coll))
        return 0;
    struct list_range range = list_range(&coll, start, stop);
    return list_reply_bytes(&coll, range.rank, range.count);
}
