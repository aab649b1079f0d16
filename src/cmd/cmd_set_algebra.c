/* cmd_set_algebra.c - sets that are made of others: what is in all of them, in
 * any of them, in the first only.
 *
 * An intersection walks the smallest set and asks the others, so that its
 * result can be answered as it is found; a union needs an object to know what
 * was there already; a difference does what costs less. A result that is to be
 * stored is an object of its own until it is whole, so the key that it goes to
 * may be among the sources. */
#include "base/assert.h"
#include "cmd/algebra.h"
#include "cmd/cmd_set.h"
#include "cmd/handlers.h"

/* A result comes to be: in an object, or, when there is none, in the reply; or
 * it is only counted. */
struct result {
    struct call   *call;
    struct object *object;
    bool           is_counted;
    uint64_t       count;
};

/* False: it is too large, and that was answered. */
static bool result_add(struct result *result, const struct page_value *member)
{
    char buffer[NUM_INT64_CHARS];
    result->count++;
    if (result->object != NULL) {
        set_add(result->object, page_value_text(member, buffer), &set_limits);
        return !result_is_too_large(result->call,
                                    object_bytes(result->object));
    }
    if (!result->is_counted)
        reply_element(result->call->reply, member);
    return true;
}

static struct object *new_set(struct call *call)
{
    return db_object_new(call->db, OBJ_SET);
}

/* --- the three ways ------------------------------------------------------ */

/* Do all sources from that one on have it? */
static bool all_have(const struct sources *sources, size_t from, slice member)
{
    size_t i = from;
    while (i < sources->count && source_has(&sources->list[i], member))
        i++;
    return i == sources->count;
}

static bool any_has(const struct sources *sources, size_t from, slice member)
{
    size_t i = from;
    while (i < sources->count && !source_has(&sources->list[i], member))
        i++;
    return i < sources->count;
}

/* Up to limit of them; 0: all. */
static bool intersect(struct sources *sources, uint64_t limit,
                      struct result *result)
{
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    sources_sort(sources, 0, false);
    coll_walk_init(&walk, &sources->list[0].coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element)) {
        slice member = page_value_text(&element.key, buffer);
        if (!all_have(sources, 1, member))
            continue;
        if (!result_add(result, &element.key))
            return false;
        if (limit != 0 && result->count == limit)
            break;
    }
    return true;
}

static bool add_all(const struct source *source, struct result *result)
{
    struct coll_walk    walk;
    struct page_element element;
    coll_walk_init(&walk, &source->coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element))
        if (!result_add(result, &element.key))
            return false;
    return true;
}

static bool unite(struct sources *sources, struct result *result)
{
    for (size_t i = 0; i < sources->count; i++)
        if (!add_all(&sources->list[i], result))
            return false;
    return true;
}

/* The largest first: it has most of what is to be left out. */
static bool subtract_by_asking(struct sources *sources, struct result *result)
{
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    sources_sort(sources, 1, true);
    coll_walk_init(&walk, &sources->list[0].coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element)) {
        slice member = page_value_text(&element.key, buffer);
        if (!any_has(sources, 1, member) && !result_add(result, &element.key))
            return false;
    }
    return true;
}

/* REQUIRES: an object. */
static bool subtract_by_taking(struct sources *sources, struct result *result)
{
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    if (!add_all(&sources->list[0], result))
        return false;
    for (size_t i = 1; i < sources->count; i++) {
        coll_walk_init(&walk, &sources->list[i].coll, 0, UINT64_MAX, false);
        while (object_count(result->object) > 0 &&
               coll_walk_next(&walk, &element))
            set_remove(result->object, page_value_text(&element.key, buffer));
    }
    return true;
}

static bool subtract(struct sources *sources, struct result *result)
{
    switch (sources_diff_plan(sources)) {
    case DIFF_NOTHING:
        break;
    case DIFF_BY_ASKING:
        return subtract_by_asking(sources, result);
    case DIFF_BY_TAKING:
        if (result->object == NULL)
            result->object = new_set(result->call);
        return subtract_by_taking(sources, result);
    }
    return true;
}

/* --- answered ------------------------------------------------------------ */

static void reply_object(struct call *call, struct object *object)
{
    struct coll coll = coll_of_object(object);
    reply_set(call->reply, coll.count);
    reply_members(call->reply, &coll);
}

static bool look(struct call *call, size_t first, struct sources *sources)
{
    return sources_look(call, first, call->argc - first, OBJ_SET, OBJ_SET,
                        sources);
}

enum call_result cmd_sinter(struct call *call)
{
    struct sources sources;
    struct result  result = { .call = call };
    if (!look(call, 1, &sources))
        return CALL_DONE;
    size_t mark = reply_deferred_begin(call->reply);
    bool   is_done = intersect(&sources, 0, &result);
    ASSERT(is_done); /* only an object can outgrow */
    reply_deferred_end(call->reply, mark, '~', result.count);
    sources_deinit(&sources);
    return CALL_DONE;
}

enum call_result cmd_sunion(struct call *call)
{
    struct sources sources;
    struct result  result = { .call = call };
    if (!look(call, 1, &sources))
        return CALL_DONE;
    result.object = new_set(call);
    if (unite(&sources, &result))
        reply_object(call, result.object);
    object_free(result.object);
    sources_deinit(&sources);
    return CALL_DONE;
}

/* Whether there is an object shows when it is done. */
enum call_result cmd_sdiff(struct call *call)
{
    struct sources sources;
    struct result  result = { .call = call };
    if (!look(call, 1, &sources))
        return CALL_DONE;
    if (sources_diff_plan(&sources) == DIFF_BY_TAKING) {
        if (subtract(&sources, &result))
            reply_object(call, result.object);
        object_free(result.object);
    } else {
        size_t mark = reply_deferred_begin(call->reply);
        (void)subtract(&sources, &result);
        reply_deferred_end(call->reply, mark, '~', result.count);
    }
    sources_deinit(&sources);
    return CALL_DONE;
}

/* False: an error was answered. */
static bool card_limit(struct call *call, size_t first, int64_t *limit)
{
    *limit = 0;
    for (size_t i = first; i < call->argc; i++) {
        if (!call_arg_is(call, i, "limit") || i + 1 == call->argc) {
            call_syntax_error(call);
            return false;
        }
        if (!num_parse_int64(call->argv[++i], limit) || *limit < 0) {
            reply_error(call->reply, "ERR LIMIT can't be negative");
            return false;
        }
    }
    return true;
}

enum call_result cmd_sintercard(struct call *call)
{
    struct sources sources;
    struct result  result = { .call = call, .is_counted = true };
    int64_t        count, limit;
    if (!num_parse_int64(call->argv[1], &count) || count < 1) {
        reply_error(call->reply, "ERR numkeys should be greater than 0");
        return CALL_DONE;
    }
    if ((uint64_t)count > call->argc - 2) {
        reply_error(call->reply,
                    "ERR Number of keys can't be greater than number of args");
        return CALL_DONE;
    }
    if (!card_limit(call, 2 + (size_t)count, &limit) ||
        !sources_look(call, 2, (size_t)count, OBJ_SET, OBJ_SET, &sources))
        return CALL_DONE;
    (void)intersect(&sources, (uint64_t)limit, &result);
    reply_int(call->reply, (int64_t)result.count);
    sources_deinit(&sources);
    return CALL_DONE;
}

/* --- stored -------------------------------------------------------------- */

typedef bool operation(struct sources *sources, struct result *result);

static bool intersect_all(struct sources *sources, struct result *result)
{
    return intersect(sources, 0, result);
}

static enum call_result store(struct call *call, operation *run,
                              const char *event)
{
    struct sources sources;
    struct result  result = { .call = call };
    if (!look(call, 2, &sources))
        return CALL_DONE;
    result.object = new_set(call);
    bool is_done = run(&sources, &result);
    sources_deinit(&sources);
    if (is_done)
        store_result(call, result.object, event);
    else
        object_free(result.object);
    return CALL_DONE;
}

enum call_result cmd_sinterstore(struct call *call)
{
    return store(call, intersect_all, "sinterstore");
}

enum call_result cmd_sunionstore(struct call *call)
{
    return store(call, unite, "sunionstore");
}

enum call_result cmd_sdiffstore(struct call *call)
{
    return store(call, subtract, "sdiffstore");
}
