/* cmd_set.c - sets: members come, go, and are asked for. What is answered at
 * random is in cmd_set_random.c, what is made of several sets in
 * cmd_set_algebra.c. */
#include "cmd/cmd_set.h"

#include "base/num.h"
#include "cache/cache.h"
#include "cmd/handlers.h"

const struct set_limits set_limits = { .intset_entries = 512,
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
        added += set_add(object, call->argv[i], &set_limits);
    if (added > 0) {
        set_note_add(object, call->argc - 2, &set_limits);
        db_edit_end(&edit, "sadd");
    } else {
        db_edit_cancel(&edit);
    }
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

enum call_result cmd_smismember(struct call *call)
{
    struct coll coll;
    if (!is_set(call, &coll))
        return CALL_DONE;
    reply_array(call->reply, call->argc - 2);
    for (size_t i = 2; i < call->argc; i++)
        reply_int(call->reply, set_has(&coll, call->argv[i]));
    return CALL_DONE;
}

void reply_members(struct reply *reply, const struct coll *coll)
{
    struct coll_walk    walk;
    struct page_element element;
    coll_walk_init(&walk, coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element))
        reply_element(reply, &element.key);
}

enum call_result cmd_smembers(struct call *call)
{
    struct coll coll;
    if (!is_set(call, &coll))
        return CALL_DONE;
    reply_set(call->reply, coll.count);
    reply_members(call->reply, &coll);
    return CALL_DONE;
}

/* --- SMOVE --------------------------------------------------------------- */

/* Both keys are looked at before either is used: a look may move entries. What
 * the second holds does not matter if there is no first. */
static bool move_look(struct call *call, const struct db_key *to,
                      struct coll *from)
{
    bool touch = !(call->session->flags & SESSION_NO_TOUCH);
    bool exists = db_look(call->db, &call->key, touch) != NULL;
    const struct entry *target = db_look(call->db, to, touch);
    bool is_right = target == NULL || entry_type(target) == OBJ_SET;
    *from = (struct coll){ .count = 0 };
    if (!exists)
        return true;
    const struct entry *entry =
        cache_find(db_cache(call->db), call->key.space->id, call->key.key,
                   call->key.hash);
    if (is_right && entry_type(entry) == OBJ_SET)
        return db_read(entry, from);
    reply_error(call->reply, "WRONGTYPE Operation against a key holding the "
                             "wrong kind of value");
    return false;
}

static void move(struct call *call, const struct db_key *to)
{
    struct db_edit edit;
    slice          member = call->argv[3];
    struct object *object = db_edit_begin(call->db, &call->key, OBJ_SET, &edit);
    set_remove(object, member);
    db_edit_end(&edit, "srem");
    object = db_edit_begin(call->db, to, OBJ_SET, &edit);
    if (set_add(object, member, &set_limits))
        db_edit_end(&edit, "sadd");
    else
        db_edit_cancel(&edit);
}

enum call_result cmd_smove(struct call *call)
{
    struct db_key to = call_key(call, 2);
    struct coll   from;
    if (!move_look(call, &to, &from))
        return CALL_DONE;
    bool is_there = from.count > 0 && set_has(&from, call->argv[3]);
    if (is_there && !slice_equal(call->key.key, to.key))
        move(call, &to);
    reply_int(call->reply, is_there);
    return CALL_DONE;
}

/* A member that goes to another set. */
size_t grow_smove(struct call *call)
{
    (void)call;
    return 0;
}
