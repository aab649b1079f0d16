/* algebra.c - several collections read side by side.
 *
 * A look at a key may move other entries, and what was read from those is void
 * then. So all keys are looked at first (with all that comes with it: expiry,
 * misses, WRONGTYPE), and found again after, which moves nothing.
 *
 * What is computed must fit in memory, too. Before a command runs it is said
 * what its result may need at most, as far as the sizes of its sources tell:
 * room is made for a stored one, a turn is waited for with an answered one. As
 * a union may be much smaller than its sources, only what a result may have at
 * all is asked for; whoever computes looks on the way that it is no more
 * (result_is_too_large). */
#include "cmd/algebra.h"

#include <stdlib.h>

#include "base/assert.h"
#include "cache/cache.h"
#include "cmd/handlers.h"
#include "cmd/wants.h"
#include "type/zset.h"

/* --- sources ------------------------------------------------------------- */

static const struct entry *find_entry(struct call *call, size_t arg_index)
{
    struct db_key       key = call_key(call, arg_index);
    const struct entry *entry =
        cache_find(db_cache(call->db), key.space->id, key.key, key.hash);
    return entry != NULL && entry_exists(entry) ? entry : NULL;
}

static bool look_all(struct call *call, size_t first, size_t count,
                     enum obj_type type, enum obj_type other_type)
{
    for (size_t i = 0; i < count; i++) {
        struct db_key key = call_key(call, first + i);
        bool          touch = !(call->session->flags & SESSION_NO_TOUCH);
        const struct entry *entry = db_look(call->db, &key, touch);
        if (entry == NULL || entry_type(entry) == type ||
            entry_type(entry) == other_type)
            continue;
        reply_error(call->reply, "WRONGTYPE Operation against a key holding "
                                 "the wrong kind of value");
        return false;
    }
    return true;
}

/* One that is past its deadline is gone by now, unless nothing expires
 * (CLIENT PAUSE): then it is told to be. */
static bool is_alive(struct call *call, const struct entry *entry)
{
    int64_t deadline = entry_deadline(entry);
    return deadline == 0 || deadline > db_now_ms(call->db);
}

bool sources_look(struct call *call, size_t first, size_t count,
                  enum obj_type type, enum obj_type other_type,
                  struct sources *out)
{
    ASSERT(count <= call->argc - first);
    if (!look_all(call, first, count, type, other_type))
        return false;
    out->count = count;
    out->list = count <= SOURCES_FEW ? out->few
                                     : mem_alloc(count * sizeof(*out->list));
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = find_entry(call, first + i);
        if (entry != NULL && !is_alive(call, entry))
            entry = NULL;
        out->list[i] = (struct source){ .weight = 1, .place = i };
        (void)db_read(entry, &out->list[i].coll);
    }
    return true;
}

void sources_deinit(struct sources *sources)
{
    if (sources->list != sources->few)
        mem_free(sources->list);
    sources->list = NULL;
}

static int compare_sizes(const void *one, const void *other)
{
    const struct source *a = one, *b = other;
    if (a->coll.count != b->coll.count)
        return a->coll.count < b->coll.count ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

static int compare_sizes_down(const void *one, const void *other)
{
    const struct source *a = one, *b = other;
    if (a->coll.count != b->coll.count)
        return a->coll.count > b->coll.count ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

void sources_sort(struct sources *sources, size_t from, bool largest_first)
{
    if (from < sources->count)
        qsort(sources->list + from, sources->count - from,
              sizeof(*sources->list),
              largest_first ? compare_sizes_down : compare_sizes);
}

double source_score_of(const struct source       *source,
                       const struct page_element *element)
{
    return source->coll.type == OBJ_ZSET ? zset_score_of(element) : 1;
}

bool source_has(const struct source *source, slice member)
{
    struct page_element element;
    return coll_find(&source->coll, member, &element);
}

bool source_find(const struct source *source, slice member, double *score)
{
    struct page_element element;
    if (!coll_find(&source->coll, member, &element))
        return false;
    *score = source_score_of(source, &element);
    return true;
}

bool source_is(const struct source *source, const struct source *other)
{
    return source->coll.count > 0 && other->coll.count > 0 &&
           source->coll.page == other->coll.page &&
           source->coll.object == other->coll.object;
}

enum diff_plan sources_diff_plan(const struct sources *sources)
{
    const struct source *first = &sources->list[0];
    uint64_t             asking = 0, taking = 0;
    if (first->coll.count == 0)
        return DIFF_NOTHING;
    for (size_t i = 0; i < sources->count; i++) {
        const struct source *source = &sources->list[i];
        if (i > 0 && source_is(source, first))
            return DIFF_NOTHING;
        if (source->coll.count == 0)
            continue;
        asking += first->coll.count;
        taking += source->coll.count;
    }
    return asking / 2 <= taking ? DIFF_BY_ASKING : DIFF_BY_TAKING;
}

/* --- storing the result -------------------------------------------------- */

void store_result(struct call *call, struct object *object, const char *event)
{
    uint64_t count = object != NULL ? object_count(object) : 0;
    if (count > 0) {
        db_put_object(call->db, &call->key, object, event);
    } else {
        object_free(object);
        if (find_entry(call, (size_t)call->command->keys.first) != NULL)
            db_delete(call->db, &call->key, "del");
    }
    reply_int(call->reply, (int64_t)count);
}

static bool is_storing(const struct call *call)
{
    return (call->command->flags & CMD_WRITE) != 0;
}

/* An answer takes about as much as the object that it is made from. */
bool result_is_too_large(struct call *call, size_t object_bytes)
{
    size_t most = is_storing(call) ? server_max_object_bytes(call->server)
                                   : call_reply_limit(call) / 2;
    if (object_bytes <= most)
        return false;
    call_error(call, ERR_OOM);
    return true;
}

/* --- columns of the table ------------------------------------------------ */

enum db_need need_store(const struct call *call, size_t key_index)
{
    (void)call;
    return key_index == 0 ? DB_NEED_HEADER : DB_NEED_VALUE;
}

/* How much there is of members. */
struct size {
    size_t   bytes;
    uint64_t count;
};

/* A set's members in a sorted set are there twice, once with a score. */
static struct size size_of(const struct entry *entry, bool is_sorted)
{
    struct size size = { 0, 0 };
    if (entry == NULL || entry_type(entry) == OBJ_STRING)
        return size;
    size.bytes = db_coll_bytes(entry) + entry->value_len;
    size.count = db_coll_count(entry);
    if (is_sorted && entry_type(entry) == OBJ_SET)
        size.bytes = 2 * size.bytes + size.count * 2 * PAGE_SCORE_BYTES;
    return size;
}

/* Of a call's sources, before it runs. */
struct sizes {
    struct size sum, first, least;
};

static struct sizes sizes_of(struct call *call)
{
    struct sizes    sizes = { .least.bytes = SIZE_MAX };
    bool            is_sorted = call->command->name[0] == 'z';
    struct key_iter iter;
    size_t          at, sources = 0;
    key_iter_init(&iter, call->command, call->argv, call->argc);
    if (is_storing(call))
        (void)key_iter_next(&iter, &at);
    while (key_iter_next(&iter, &at)) {
        struct size size = size_of(find_entry(call, at), is_sorted);
        sizes.sum.bytes += size.bytes;
        sizes.sum.count += size.count;
        if (sources++ == 0)
            sizes.first = size;
        if (size.bytes < sizes.least.bytes)
            sizes.least = size;
    }
    if (sources == 0)
        sizes.least.bytes = 0;
    return sizes;
}

static size_t sum_up_to(size_t most, size_t one, size_t other)
{
    return one < most && other < most - one ? one + other : most;
}

/* Pages of what comes in any order are not as full as they could be; at worst
 * they are half empty. Large members have pages of their own. */
static size_t object_bytes_of(struct size size)
{
    uint64_t empty = size.count * (TREE_PAGE_LIMIT / 2);
    return size.bytes + (empty < size.bytes ? (size_t)empty : size.bytes);
}

/* What stands around a member in a reply, with a score. */
#define REPLY_OVERHEAD 32

static size_t reply_bytes_of(struct size size)
{
    return size.bytes + size.count * REPLY_OVERHEAD;
}

static size_t growth(struct call *call, struct size size)
{
    return sum_up_to(server_max_object_bytes(call->server),
                     object_bytes_of(size), 0);
}

size_t grow_union(struct call *call)
{
    return growth(call, sizes_of(call).sum);
}

size_t grow_inter(struct call *call)
{
    return growth(call, sizes_of(call).least);
}

size_t grow_diff(struct call *call)
{
    return growth(call, sizes_of(call).first);
}

static size_t reply_and_object(struct call *call, struct size size)
{
    return sum_up_to(call_reply_limit(call), object_bytes_of(size),
                     reply_bytes_of(size));
}

size_t reply_of_union(struct call *call)
{
    return reply_and_object(call, sizes_of(call).sum);
}

size_t reply_of_inter(struct call *call)
{
    return reply_and_object(call, sizes_of(call).least);
}

size_t reply_of_diff(struct call *call)
{
    return reply_and_object(call, sizes_of(call).first);
}

/* These may be answered without an object, and then nobody looks on the way. */
size_t reply_of_sdiff(struct call *call)
{
    struct size first = sizes_of(call).first;
    return first.bytes > call_reply_limit(call)
               ? first.bytes
               : reply_and_object(call, first);
}

size_t reply_of_sinter(struct call *call)
{
    return sizes_of(call).least.bytes;
}

size_t reply_of_number(struct call *call)
{
    (void)call;
    return 0;
}
