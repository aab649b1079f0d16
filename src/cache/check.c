/* check.c - every invariant of the cache, verified. For tests: it looks at
 * all entries. */
#include "base/assert.h"
#include "cache/internal.h"

struct tally {
    const struct cache *cache;
    size_t entries;
    size_t busy;
    size_t deadlines;
    size_t entry_bytes;
    size_t value_bytes;
    size_t busy_bytes;
    size_t presence[4];
};

static void check_busy(const struct cache *cache, const struct entry *entry)
{
    const struct busy *busy = cache_busy(cache, entry);
    ASSERT(busy->entry == entry);
    ASSERT(busy->index == entry->busy_index);
    ASSERT(busy->durable_version <= busy->version);
    ASSERT(busy->saving_version <= busy->version);
    ASSERT((busy->saving_version != 0) == !list_empty(&busy->saving_link));
    bool dirty = busy_state(busy) == DS_DIRTY;
    ASSERT(dirty == !list_empty(&busy->dirty_link));
    ASSERT(busy->ticket != 0 || list_empty(&busy->waiters));
}

static void check_entry(void *arg, struct entry *entry)
{
    struct tally *tally = arg;
    ASSERT(!(entry->flags & ENTRY_DEAD));
    ASSERT(entry->hash ==
           (uint32_t)cache_hash(tally->cache, entry_key(entry)));
    tally->entries++;
    tally->entry_bytes += cache_entry_bytes(entry);
    tally->presence[entry_presence(entry)]++;
    tally->deadlines += entry_deadline(entry) != 0;
    struct object *object = entry_object(entry);
    if (object != NULL) {
        ASSERT(entry_presence(entry) == ENTRY_PRESENT);
        ASSERT(object->type == entry_type(entry));
        ASSERT(object_check(object) == NULL);
        ASSERT(object->charged_bytes == object_bytes(object));
        tally->value_bytes += object->charged_bytes;
    }
    if (entry->flags & ENTRY_BUSY) {
        tally->busy++;
        tally->busy_bytes += cache_entry_bytes(entry) +
                             (object ? object->charged_bytes : 0);
        check_busy(tally->cache, entry);
    } else {
        ASSERT(entry_presence(entry) != ENTRY_UNKNOWN);
    }
}

void cache_check(const struct cache *cache)
{
    struct tally tally = { .cache = cache };
    table_each(&cache->table, check_entry, &tally);
    for (struct object *o = cache->buried; o != NULL; o = o->next)
        tally.value_bytes += o->charged_bytes;
    ASSERT(tally.entries == cache->table.entry_count);
    ASSERT(tally.busy == cache->busy.used_count);
    ASSERT(tally.busy_bytes == cache->busy_bytes);
    ASSERT(tally.deadlines == cache->deadline_count);
    ASSERT(tally.entry_bytes == cache->segments.live_bytes);
    ASSERT(tally.value_bytes == cache->mem->used_bytes[MEM_VALUES]);
    for (int i = 0; i < 4; i++)
        ASSERT(tally.presence[i] == cache->presence_count[i]);
    size_t sum = 0;
    for (int i = 0; i < MEM_ACCOUNT_COUNT; i++)
        sum += cache->mem->used_bytes[i];
    ASSERT(sum == cache->mem->total_bytes);
}
