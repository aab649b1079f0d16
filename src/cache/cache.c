/* cache.c - entries: found, made, changed, held. Eviction is in evict.c.
 *
 * One function changes what an entry is: cache_assign. It keeps the counts,
 * the charge of objects and the address in the table and in struct busy right;
 * so a new kind of change needs no bookkeeping of its own. */
#include "cache/cache.h"

#include "base/assert.h"
#include "cache/internal.h"

void cache_init(struct cache *cache, struct mem *mem, struct log *log,
                size_t limit_bytes)
{
    *cache = (struct cache){ .mem = mem, .log = log };
    cache->limit_bytes = limit_bytes;
    cache->objects.page_limit = TREE_PAGE_LIMIT;
    segment_pool_init(&cache->segments, mem);
    table_init(&cache->table, mem);
    busy_pool_init(&cache->busy, mem);
}

/* --- what lies outside --------------------------------------------------- */

void cache_bury(struct cache *cache, struct object *object)
{
    object->charged_bytes = object_bytes(object);
    mem_charge(cache->mem, MEM_VALUES, object->charged_bytes);
    object->next = cache->buried;
    cache->buried = object;
}

bool cache_free_buried(struct cache *cache, size_t max_nodes)
{
    struct object *object = cache->buried;
    if (object == NULL)
        return false;
    struct object *next = object->next;
    size_t         charged = object->charged_bytes;
    if (object_free_slice(object, max_nodes)) {
        mem_release(cache->mem, MEM_VALUES, charged);
        cache->buried = next;
    } else {
        object->charged_bytes = object_bytes(object);
        mem_release(cache->mem, MEM_VALUES, charged - object->charged_bytes);
    }
    return cache->buried != NULL;
}

static size_t outside_bytes(const struct entry *entry)
{
    const struct object *object = entry_object(entry);
    return object != NULL ? object->charged_bytes : 0;
}

static void drop_outside(void *arg, struct entry *entry)
{
    struct cache *cache = arg;
    mem_release(cache->mem, MEM_VALUES, outside_bytes(entry));
    object_free(entry_object(entry));
}

void cache_deinit(struct cache *cache)
{
    table_each(&cache->table, drop_outside, cache);
    while (cache_free_buried(cache, SIZE_MAX))
        continue;
    segment_pool_deinit(&cache->segments);
    table_deinit(&cache->table);
    busy_pool_deinit(&cache->busy);
}

void cache_set_limit(struct cache *cache, size_t limit_bytes)
{
    cache->limit_bytes = limit_bytes;
}

/* --- finding ------------------------------------------------------------- */

struct entry *cache_find(const struct cache *cache, uint32_t space, slice key,
                         uint64_t hash)
{
    return table_find(&cache->table, space, key, (uint32_t)hash);
}

void cache_warm(const struct cache *cache, const uint64_t *hashes,
                size_t count, const struct entry **entries)
{
    table_warm(&cache->table, hashes, count, entries);
    for (size_t i = 0; i < count; i++)
        if (entries[i] != NULL && (entries[i]->flags & ENTRY_BUSY))
            busy_warm(&cache->busy, entries[i]->busy_index);
}

void cache_touch(struct cache *cache, struct entry *entry)
{
    struct busy *busy = cache_busy(cache, entry);
    if (busy != NULL)
        busy->used_s = cache->now_s;
    else
        entry->used_s = cache->now_s;
    /* The use that an entry was loaded for is not a second one. */
    bool is_first = busy != NULL && busy->pins > 0;
    if (!is_first)
        entry->flags |= ENTRY_USED;
}

uint32_t cache_idle_s(const struct cache *cache, const struct entry *entry)
{
    const struct busy *busy = cache_busy(cache, entry);
    return cache->now_s - (busy ? busy->used_s : entry->used_s);
}

void cache_set_idle(struct cache *cache, struct entry *entry, uint32_t idle_s)
{
    struct busy *busy = cache_busy(cache, entry);
    uint32_t     used_s = cache->now_s - idle_s; /* wraps, as cache_idle_s */
    if (busy != NULL)
        busy->used_s = used_s;
    else
        entry->used_s = used_s;
    entry->flags &= (uint16_t)~ENTRY_USED;
}

/* Two steps to each doubling. */
static unsigned idle_step(uint32_t idle_s)
{
    if (idle_s < 4)
        return idle_s;
    unsigned log = 31u - (unsigned)__builtin_clz(idle_s);
    unsigned step = 2 * log + (idle_s >> (log - 1) & 1);
    return step < CACHE_HEAT_COLD ? step : CACHE_HEAT_COLD - 1;
}

unsigned cache_heat(const struct cache *cache, const struct entry *entry)
{
    const struct segment *segment = segment_of(entry);
    bool is_old = segment->place == SEGMENT_OLD ||
                  segment == cache->segments.survivor;
    bool is_cold = !is_old && !(entry->flags & ENTRY_USED);
    return idle_step(cache_idle_s(cache, entry)) +
           (is_cold ? CACHE_HEAT_COLD : 0);
}

/* --- counting ------------------------------------------------------------ */

size_t cache_entry_bytes(const struct entry *entry)
{
    if (entry->units != 0)
        return (size_t)entry->units * SEGMENT_ALIGN;
    size_t size = sizeof(*entry) + entry_extra_bytes(entry->flags) +
                  entry->key_len + entry->value_len;
    return (size + SEGMENT_ALIGN - 1) / SEGMENT_ALIGN * SEGMENT_ALIGN;
}

static size_t held_bytes(const struct entry *entry)
{
    return cache_entry_bytes(entry) + outside_bytes(entry);
}

static void count_in(struct cache *cache, const struct entry *entry)
{
    struct object *object = entry_object(entry);
    if (object != NULL)
        object->charged_bytes = object_bytes(object);
    cache->busy_bytes += entry->flags & ENTRY_BUSY ? held_bytes(entry) : 0;
    cache->presence_count[entry_presence(entry)]++;
    cache->deadline_count += (entry->flags & ENTRY_HAS_DEADLINE) != 0;
    if (entry->flags & ENTRY_HAS_TREES)
        mem_charge(cache->mem, MEM_VALUES, outside_bytes(entry));
}

static void count_out(struct cache *cache, const struct entry *entry)
{
    cache->busy_bytes -= entry->flags & ENTRY_BUSY ? held_bytes(entry) : 0;
    cache->presence_count[entry_presence(entry)]--;
    cache->deadline_count -= (entry->flags & ENTRY_HAS_DEADLINE) != 0;
    if (entry->flags & ENTRY_HAS_TREES)
        mem_release(cache->mem, MEM_VALUES, outside_bytes(entry));
}

void cache_recharge(struct cache *cache, struct entry *entry)
{
    count_out(cache, entry);
    count_in(cache, entry);
}

struct object *cache_swap_object(struct cache *cache, struct entry *entry,
                                 struct object *object)
{
    struct object *old = entry_object(entry);
    ASSERT(old != NULL);
    count_out(cache, entry);
    const uint16_t before = ENTRY_HAS_DEADLINE | ENTRY_HAS_OBJECT;
    memcpy(entry->payload + entry_extra_bytes(entry->flags & before), &object,
           sizeof(object));
    count_in(cache, entry);
    return old;
}

/* --- making and changing ------------------------------------------------- */

/* The allocation of entry is dead. Nobody may use it after. */
void cache_entry_free(struct cache *cache, struct entry *entry)
{
    size_t size = cache_entry_bytes(entry);
    entry->flags |= ENTRY_DEAD;
    segment_free(&cache->segments, entry, size);
}

struct entry *cache_entry_alloc(struct cache *cache, size_t size, bool by_hand)
{
    struct entry *entry = segment_alloc(&cache->segments, size, by_hand);
    size_t        units = (size + SEGMENT_ALIGN - 1) / SEGMENT_ALIGN;
    entry->units = size > SEGMENT_MAX_ALLOC ? 0 : (uint16_t)units;
    return entry;
}

struct entry *cache_add(struct cache *cache, uint32_t space, slice key,
                        uint64_t hash, enum presence presence)
{
    ASSERT(presence <= ENTRY_ABSENT);
    ASSERT(key.len <= UINT32_MAX);
    struct entry *entry =
        cache_entry_alloc(cache, sizeof(*entry) + key.len, false);
    entry->next = NULL;
    entry->hash = (uint32_t)hash;
    entry->space = space;
    entry->used_s = cache->now_s;
    entry->key_len = (uint32_t)key.len;
    entry->value_len = 0;
    entry->flags = (uint16_t)((unsigned)presence << ENTRY_PRESENCE_SHIFT);
    if (key.len > 0)
        memcpy(entry->payload, key.data, key.len);
    table_insert(&cache->table, entry);
    cache->additions++;
    count_in(cache, entry);
    return entry;
}

static uint16_t spec_flags(const struct entry_spec *spec)
{
    unsigned flags = (unsigned)spec->presence << ENTRY_PRESENCE_SHIFT;
    if (spec->presence >= ENTRY_HEADER) {
        flags |= (unsigned)spec->type << ENTRY_TYPE_SHIFT;
        flags |= spec->deadline_ms != 0 ? ENTRY_HAS_DEADLINE : 0;
        flags |= spec->object_id != 0 ? ENTRY_HAS_OBJECT : 0;
    }
    if (spec->presence == ENTRY_PRESENT && spec->object != NULL)
        flags |= ENTRY_HAS_TREES;
    return (uint16_t)flags;
}

/* Does its value (or root) lie in the entry? */
static bool spec_is_inline(const struct entry_spec *spec)
{
    return spec->presence == ENTRY_HEADER ||
           (spec->presence == ENTRY_PRESENT && spec->object == NULL);
}

static size_t spec_inline_len(const struct entry_spec *spec)
{
    return spec_is_inline(spec) ? spec->value.len : 0;
}

static void write_extras(struct entry *entry, const struct entry_spec *spec)
{
    char *at = entry->payload;
    if (entry->flags & ENTRY_HAS_DEADLINE) {
        memcpy(at, &spec->deadline_ms, 8);
        at += 8;
    }
    if (entry->flags & ENTRY_HAS_OBJECT) {
        memcpy(at, &spec->object_id, 8);
        at += 8;
    }
    if (entry->flags & ENTRY_HAS_TREES)
        memcpy(at, &spec->object, sizeof(spec->object));
}

/* Not worth moving: it fits, and wastes at most a quarter and a little. */
static bool fits_in_place(const struct entry *entry, uint16_t flags,
                          size_t size)
{
    if (entry->units == 0 ||
        entry_extra_bytes(entry->flags) != entry_extra_bytes(flags))
        return false;
    size_t have = cache_entry_bytes(entry);
    return size <= have && have - size <= have / 4 + 16;
}

/* A copy of the fixed part and the key in a new allocation. */
static struct entry *relocate(struct cache *cache, struct entry *entry,
                              uint16_t flags, size_t size)
{
    struct entry *moved = cache_entry_alloc(cache, size, false);
    uint16_t      units = moved->units;
    memcpy(moved, entry, sizeof(*entry));
    moved->units = units;
    moved->flags = flags;
    slice key = entry_key(entry);
    memcpy(moved->payload + entry_extra_bytes(flags), key.data, key.len);
    table_replace(&cache->table, entry, moved);
    if (entry->flags & ENTRY_BUSY)
        cache_busy(cache, entry)->entry = moved;
    return moved;
}

struct entry *cache_assign(struct cache *cache, struct entry *entry,
                           const struct entry_spec *spec)
{
    const uint16_t keep = ENTRY_USED | ENTRY_BUSY;
    uint16_t flags = (uint16_t)((entry->flags & keep) | spec_flags(spec));
    size_t   inline_len = spec_inline_len(spec);
    size_t   size = sizeof(*entry) + entry_extra_bytes(flags) +
                  entry->key_len + inline_len;
    ASSERT(inline_len <= UINT32_MAX);

    struct object *old_object = entry_object(entry);
    if (spec->object != NULL && flags == entry->flags &&
        old_object == spec->object) {
        write_extras(entry, spec); /* the same, but for what it holds */
        cache_recharge(cache, entry);
        return entry;
    }
    count_out(cache, entry);

    struct entry *now = entry;
    bool          moves = !fits_in_place(entry, flags, size);
    if (moves)
        now = relocate(cache, entry, flags, size);
    else
        now->flags = flags;
    write_extras(now, spec);
    if (inline_len > 0)
        memmove(now->payload + entry_extra_bytes(flags) + now->key_len,
                spec->value.data, inline_len);
    if (moves) {
        size_t bytes = cache_entry_bytes(entry);
        bool   is_jumbo = entry->units == 0;
        cache_entry_free(cache, entry);
        if (!is_jumbo)
            segment_hole(&cache->segments, entry, bytes);
    }
    now->value_len = (uint32_t)inline_len;

    count_in(cache, now);
    if (old_object != NULL && old_object != entry_object(now))
        cache_bury(cache, old_object);
    return now;
}

struct entry_spec cache_spec(const struct entry *entry)
{
    struct entry_spec spec = {
        .presence = entry_presence(entry),
        .type = entry_type(entry),
        .deadline_ms = entry_deadline(entry),
        .object_id = entry_object_id(entry),
        .object = entry_object(entry),
    };
    if (spec_is_inline(&spec))
        spec.value = entry_value(entry);
    return spec;
}

struct entry *cache_set_deadline(struct cache *cache, struct entry *entry,
                                 int64_t deadline_ms)
{
    struct entry_spec spec = cache_spec(entry);
    spec.deadline_ms = deadline_ms;
    return cache_assign(cache, entry, &spec);
}

char *cache_value_in_place(struct entry *entry)
{
    ASSERT(entry_presence(entry) == ENTRY_PRESENT);
    ASSERT(!(entry->flags & ENTRY_HAS_TREES));
    return entry->payload + entry_extra_bytes(entry->flags) + entry->key_len;
}

void cache_remove(struct cache *cache, struct entry *entry)
{
    ASSERT(!(entry->flags & ENTRY_BUSY));
    table_remove(&cache->table, entry);
    count_out(cache, entry);
    if (entry_object(entry) != NULL)
        cache_bury(cache, entry_object(entry));
    cache_entry_free(cache, entry);
}

/* --- busy entries -------------------------------------------------------- */

struct busy *cache_make_busy(struct cache *cache, struct entry *entry)
{
    if (entry->flags & ENTRY_BUSY)
        return cache_busy(cache, entry);
    uint32_t     used_s = entry->used_s;
    struct busy *busy = busy_new(&cache->busy, entry);
    busy->used_s = used_s;
    busy->disk.known = entry_presence(entry) != ENTRY_UNKNOWN;
    busy->disk.exists = entry_exists(entry);
    busy->disk.deadline_ms = entry_deadline(entry);
    busy->disk.object_id = entry_object_id(entry);
    entry->flags |= ENTRY_BUSY;
    entry->busy_index = busy->index;
    cache->busy_bytes += held_bytes(entry);
    return busy;
}

static bool is_needed(const struct busy *busy)
{
    return busy->pins > 0 || busy->ticket != 0 || busy->looking ||
           busy_state(busy) != DS_MEMORY || !list_empty(&busy->waiters);
}

bool cache_settle_busy(struct cache *cache, struct busy *busy)
{
    if (is_needed(busy))
        return false;
    struct entry *entry = busy->entry;
    cache->busy_bytes -= held_bytes(entry);
    entry->flags &= (uint16_t)~ENTRY_BUSY;
    entry->used_s = busy->used_s;
    busy_free(&cache->busy, busy);
    if (entry_presence(entry) == ENTRY_UNKNOWN)
        cache_remove(cache, entry);
    return true;
}

enum ds_state cache_state(const struct cache *cache, const struct entry *entry)
{
    const struct busy *busy = cache_busy(cache, entry);
    return busy != NULL ? busy_state(busy) : DS_MEMORY;
}

/* --- expiry sweep -------------------------------------------------------- */

struct entry *cache_next_expired(struct cache *cache, int64_t now_ms,
                                 size_t *budget)
{
    if (cache->deadline_count == 0)
        return NULL;
    while (*budget > 0) {
        struct entry *entry =
            table_bucket(&cache->table, cache->expire_cursor);
        for (; entry != NULL; entry = entry->next) {
            int64_t deadline = entry_deadline(entry);
            if (deadline != 0 && deadline <= now_ms)
                return entry;
        }
        (*budget)--;
        if (++cache->expire_cursor >= cache->table.bucket_count)
            cache->expire_cursor = 0;
    }
    return NULL;
}

/* Buckets and entries of the sample. */
#define TTL_BUCKETS 4096
#define TTL_ENTRIES 256

int64_t cache_mean_ttl_ms(const struct cache *cache, uint32_t space,
                          int64_t now_ms)
{
    double   sum = 0; /* a deadline may be the largest number there is */
    unsigned count = 0;
    uint32_t at = cache->expire_cursor;
    if (cache->deadline_count == 0)
        return 0;
    for (unsigned i = 0; i < TTL_BUCKETS && count < TTL_ENTRIES &&
                         i < cache->table.bucket_count; i++) {
        if (at >= cache->table.bucket_count)
            at = 0;
        const struct entry *entry = table_bucket(&cache->table, at++);
        for (; entry != NULL; entry = entry->next) {
            int64_t deadline = entry_deadline(entry);
            if (deadline == 0 || entry->space != space)
                continue;
            sum += deadline > now_ms ? (double)(deadline - now_ms) : 0;
            count++;
        }
    }
    return count > 0 ? (int64_t)(sum / count) : 0;
}
