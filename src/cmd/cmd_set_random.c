/* cmd_set_random.c - SPOP and SRANDMEMBER: members at random.
 *
 * A member is picked by its rank, in O(log n), however many are asked for; no
 * count takes longer than what it answers. How much that will be is asked for
 * before, by the mean size of a member, as for all large replies; and once more
 * here, for who has put the set there in the same transaction. */
#include "base/assert.h"
#include "base/num.h"
#include "base/sample.h"
#include "cache/cache.h"
#include "cmd/cmd_set.h"
#include "cmd/handlers.h"
#include "cmd/wants.h"

/* --- how much it is ------------------------------------------------------ */

/* Around a member in a reply. */
#define ELEMENT_OVERHEAD 16

/* Of so many members out of so many that take so much; at most SIZE_MAX. */
static size_t picked_bytes(uint64_t count, uint64_t members, size_t bytes)
{
    if (members == 0)
        return 0;
    uint64_t each = bytes / members + ELEMENT_OVERHEAD;
    return count < SIZE_MAX / each ? (size_t)(count * each) : SIZE_MAX;
}

/* As many of a set as a count asks for: a negative one, only of SRANDMEMBER,
 * may have each several times. */
static uint64_t wanted(int64_t count, uint64_t members)
{
    if (count < 0)
        return -(uint64_t)count;
    return (uint64_t)count < members ? (uint64_t)count : members;
}

/* SPOP takes no negative one. */
static bool count_is_right(const struct call *call, int64_t *count)
{
    bool pops = (call->command->flags & CMD_WRITE) != 0;
    return num_parse_int64(call->argv[2], count) &&
           (pops ? *count >= 0 : *count != INT64_MIN);
}

size_t reply_of_random(struct call *call)
{
    const struct entry *entry =
        cache_find(db_cache(call->db), call->key.space->id, call->key.key,
                   call->key.hash);
    int64_t count = 1;
    if (entry == NULL || !entry_exists(entry) ||
        entry_type(entry) != OBJ_SET ||
        call->argc > 3 || (call->argc == 3 && !count_is_right(call, &count)))
        return 0;
    uint64_t members = db_coll_count(entry);
    return picked_bytes(wanted(count, members), members,
                        db_coll_bytes(entry) + entry->value_len);
}

/* What it was asked for before it ran. */
static bool is_too_much(struct call *call)
{
    if (reply_of_random(call) <= call_reply_limit(call))
        return false;
    call_error(call, ERR_OOM);
    return true;
}

static bool look(struct call *call, struct coll *coll)
{
    return call_coll(call, &call->key, OBJ_SET, coll);
}

/* --- SPOP ---------------------------------------------------------------- */

/* Answers and takes; the object has more than count. */
static void pop_some(struct call *call, struct object *object, uint64_t count)
{
    struct rand *rand = &call->server->rand;
    for (uint64_t i = 0; i < count; i++) {
        struct page_element element;
        uint64_t rank = rand_below(rand, object_count(object));
        err_t    err = tree_get(object->tree, rank, &element);
        ASSERT(err == ERR_OK);
        reply_element(call->reply, &element.key);
        err = tree_delete_range(object->tree, rank, 1);
        ASSERT(err == ERR_OK);
    }
}

/* Redis takes the few that stay instead, if so few do. */
#define MOVES_WHAT_STAYS 5

static void pop(struct call *call, const struct coll *coll, uint64_t count)
{
    struct db_edit edit;
    uint64_t       stay = coll->count - count;
    if (stay == 0) {
        reply_members(call->reply, coll);
        db_delete(call->db, &call->key, "spop");
        db_event(call->db, &call->key, "del");
        return;
    }
    struct object *object = db_edit_begin(call->db, &call->key, OBJ_SET, &edit);
    pop_some(call, object, count);
    if (count > 1 && stay * MOVES_WHAT_STAYS <= count)
        set_refit(object, &set_limits);
    db_edit_end(&edit, "spop");
}

static void pop_one(struct call *call)
{
    struct coll coll;
    if (!look(call, &coll))
        return;
    if (coll.count == 0)
        reply_null(call->reply);
    else
        pop(call, &coll, 1);
}

static void pop_count(struct call *call)
{
    struct coll coll;
    int64_t     count;
    if (!count_is_right(call, &count)) {
        reply_error(call->reply,
                    "ERR value is out of range, must be positive");
        return;
    }
    if (!look(call, &coll) || is_too_much(call))
        return;
    uint64_t taken = wanted(count, coll.count);
    reply_set(call->reply, taken);
    if (taken > 0)
        pop(call, &coll, taken);
}

enum call_result cmd_spop(struct call *call)
{
    if (call->argc == 2)
        pop_one(call);
    else if (call->argc == 3)
        pop_count(call);
    else
        call_syntax_error(call);
    return CALL_DONE;
}

/* --- SRANDMEMBER --------------------------------------------------------- */

static void pick_one(struct call *call)
{
    struct coll         coll;
    struct page_element element;
    if (!look(call, &coll))
        return;
    if (coll.count == 0) {
        reply_null(call->reply);
        return;
    }
    coll_random(&coll, &call->server->rand, &element);
    reply_element(call->reply, &element.key);
}

static void pick_any(struct call *call, const struct coll *coll, uint64_t count)
{
    struct page_element element;
    for (uint64_t i = 0; i < count; i++) {
        coll_random(coll, &call->server->rand, &element);
        reply_element(call->reply, &element.key);
    }
}

static void pick_different(struct call *call, const struct coll *coll,
                           uint64_t count)
{
    struct page_element element;
    struct sample       sample;
    uint64_t            rank;
    sample_init(&sample, &call->server->rand, coll->count, count);
    while (sample_next(&sample, &rank)) {
        coll_get(coll, rank, &element);
        reply_element(call->reply, &element.key);
    }
    sample_deinit(&sample);
}

static void pick_count(struct call *call)
{
    struct coll coll;
    int64_t     count;
    if (!call_int(call, call->argv[2], &count))
        return;
    if (!count_is_right(call, &count)) {
        reply_error(call->reply,
                    "ERR value is out of range, value must between "
                    "-9223372036854775807 and 9223372036854775807");
        return;
    }
    if (!look(call, &coll) || is_too_much(call))
        return;
    uint64_t picked = coll.count > 0 ? wanted(count, coll.count) : 0;
    reply_array(call->reply, picked);
    if (picked == coll.count && count > 0)
        reply_members(call->reply, &coll);
    else if (count > 0)
        pick_different(call, &coll, picked);
    else
        pick_any(call, &coll, picked);
}

enum call_result cmd_srandmember(struct call *call)
{
    if (call->argc == 2)
        pick_one(call);
    else if (call->argc == 3)
        pick_count(call);
    else
        call_syntax_error(call);
    return CALL_DONE;
}
