/* cmd_set.c - sets: members come, go, and are asked for. */
#include "type/set.h"

#include "base/num.h"
#include "cmd/handlers.h"

/* Redis's defaults. */
static const struct set_limits limits = { .intset_entries = 512,
                                          .listpack_entries = 128,
                                          .listpack_value = 64 };

/* WRONGTYPE is answered, and false. */
static bool is_set(struct call *call, struct coll *coll)
{
    return call_coll(call, &call->key, OBJ_SET, coll);
}

enum call_result cmd_sadd(struct call *call)
{
    struct coll    coll;
    struct db_edit edit;
    int64_t        added = 0;
    if (!is_set(call, &coll))
        return CALL_DONE;
    struct object *object = db_edit_begin(call->db, &call->key, OBJ_SET, &edit);
    for (size_t i = 2; i < call->argc; i++)
        added += set_add(object, call->argv[i], &limits);
    if (added > 0)
        db_edit_end(&edit, "sadd");
    else
        db_edit_cancel(&edit);
    reply_int(call->reply, added);
    return CALL_DONE;
}

enum call_result cmd_srem(struct call *call)
{
    struct coll    coll;
    struct db_edit edit;
    int64_t        removed = 0;
    if (!is_set(call, &coll))
        return CALL_DONE;
    if (coll.count == 0) {
        reply_int(call->reply, 0);
        return CALL_DONE;
    }
    struct object *object = db_edit_begin(call->db, &call->key, OBJ_SET, &edit);
    for (size_t i = 2; i < call->argc; i++)
        removed += set_remove(object, call->argv[i]);
    if (removed > 0)
        db_edit_end(&edit, "srem");
    else
        db_edit_cancel(&edit);
    reply_int(call->reply, removed);
    return CALL_DONE;
}

enum call_result cmd_scard(struct call *call)
{
    struct entry *entry;
    if (call_look(call, &call->key, OBJ_SET, &entry))
        reply_int(call->reply,
                  entry != NULL ? (int64_t)db_coll_count(entry) : 0);
    return CALL_DONE;
}

enum call_result cmd_sismember(struct call *call)
{
    struct coll coll;
    if (is_set(call, &coll))
        reply_int(call->reply, set_has(&coll, call->argv[2]));
    return CALL_DONE;
}

enum call_result cmd_smembers(struct call *call)
{
    struct coll         coll;
    struct coll_walk    walk;
    struct page_element element;
    if (!is_set(call, &coll))
        return CALL_DONE;
    reply_set(call->reply, coll.count);
    coll_walk_init(&walk, &coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element))
        reply_element(call->reply, &element.key);
    return CALL_DONE;
}
