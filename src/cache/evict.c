/* evict.c - the hand: it walks a segment from its first entry to its last and
 * decides for each one whether it stays. What stays is copied to the survivor
 * segment; when the walk is over nothing is left, and the segment is free.
 *
 * An entry stays if it is busy (dirty, saving, loading, pinned) or was used
 * since the hand last passed; each pass takes one use away. The hand stops as
 * soon as there is room: a segment may hold 2,000 entries whose values are
 * large and lie elsewhere.
 *
 * There are two queues of segments (the idea of S3-FIFO: Yang and others, "FIFO
 * queues are all you need for cache eviction", 2023): new entries have a third
 * of the segments, and those that were used there move on to the old queue. So
 * what is used once, as in a scan, passes without pushing out what is used
 * again and again.
 *
 * All loops are bounded: one call walks each segment at most twice, and after
 * FORCE_AFTER segments without enough room, uses count for nothing. */
#include "base/assert.h"
#include "cache/internal.h"
#include "type/string.h"

#define FORCE_AFTER 8
/* Dead space below this is not worth a round of moving. */
#define SPARSE_SEGMENTS 4
/* Nodes of a buried object that are freed at once. */
#define FREE_NODES 64

static size_t idle_count(const struct cache *cache)
{
    return cache->table.entry_count - cache->busy.used_count;
}

/* All that eviction and pressing out the dead could give. */
static size_t reclaimable(const struct cache *cache)
{
    size_t all = cache->segments.total_bytes +
                 cache->mem->used_bytes[MEM_VALUES];
    return all > cache->busy_bytes ? all - cache->busy_bytes : 0;
}

static void log_evict(const struct cache *cache, const struct entry *entry)
{
    char key[LOG_KEY_CHARS];
    LOG_DEBUG(cache->log, "evicted %s idle %u s",
              log_key(entry_key(entry), key), cache_idle_s(cache, entry));
}

static void evict(struct cache *cache, struct entry *entry)
{
    ASSERT(!(entry->flags & ENTRY_BUSY));
    log_evict(cache, entry);
    cache->evictions++;
    cache_remove(cache, entry);
}

/* To the survivor segment; a jumbo has its segment for itself and goes to the
 * end of the line as it is. */
static void move_on(struct cache *cache, struct entry *entry)
{
    if (entry->units == 0) {
        segment_requeue(&cache->segments, segment_of(entry));
        return;
    }
    size_t        size = cache_entry_bytes(entry);
    struct entry *moved = cache_entry_alloc(cache, size, true);
    memcpy(moved, entry, size);
    table_replace(&cache->table, entry, moved);
    if (moved->flags & ENTRY_BUSY)
        cache_busy(cache, moved)->entry = moved;
    cache_entry_free(cache, entry);
    cache->hand_moved_bytes += size;
}

static bool is_dead_space(const struct cache *cache, const struct entry *entry)
{
    return cache->space_is_live != NULL &&
           !cache->space_is_live(cache->space_arg, entry->space);
}

/* force: only busy entries stay. */
static bool stays(const struct cache *cache, struct entry *entry, bool force)
{
    if (entry->flags & ENTRY_BUSY)
        return true;
    if (force || is_dead_space(cache, entry))
        return false;
    if (!(entry->flags & ENTRY_USED))
        return false;
    entry->flags &= (uint16_t)~ENTRY_USED;
    return true;
}

/* One entry further in segment. False if the segment is gone (a jumbo). */
static bool step(struct cache *cache, struct segment *segment, bool force)
{
    if (segment_is_jumbo(segment)) {
        struct entry *only = (struct entry *)((char *)segment + SEGMENT_FIRST);
        if (stays(cache, only, force))
            move_on(cache, only);
        else
            evict(cache, only);
        return false;
    }
    struct entry *entry = (struct entry *)((char *)segment + segment->hand);
    segment->hand += (uint32_t)entry->units * SEGMENT_ALIGN;
    ASSERT(entry->units > 0 && segment->hand <= segment->used);
    if (entry->flags & ENTRY_DEAD)
        return true;
    if (stays(cache, entry, force))
        move_on(cache, entry);
    else
        evict(cache, entry);
    return true;
}

/* What cache_room still has to find; segments that are free already count. */
static size_t room_missing(const struct cache *cache, size_t entry_bytes,
                           size_t other_bytes)
{
    const struct segment_pool *pool = &cache->segments;
    size_t need = other_bytes;
    if (entry_bytes > 0 && entry_bytes <= SEGMENT_MAX_ALLOC) {
        need += segment_growth(pool, entry_bytes);
    } else if (entry_bytes > 0) {
        size_t segments = entry_bytes / (SEGMENT_BYTES * 3 / 4) + 2;
        size_t spare = pool->free_count > 1 ? pool->free_count - 1 : 0;
        need += segments > spare ? (segments - spare) * SEGMENT_BYTES : 0;
    }
    size_t total = cache->mem->total_bytes + need;
    return need > 0 && total > cache->limit_bytes ? total - cache->limit_bytes
                                                  : 0;
}

/* What was evicted gives its room now, as far as it is needed. */
static void free_buried_for(struct cache *cache, size_t entry_bytes,
                            size_t other_bytes)
{
    while (cache->buried != NULL &&
           room_missing(cache, entry_bytes, other_bytes) > 0)
        (void)cache_free_buried(cache, FREE_NODES);
}

/* Walks the next segment until it is empty, or until enough room is there
 * (large values go at once). */
static bool walk_for_room(struct cache *cache, size_t entry_bytes,
                          size_t other_bytes, bool force)
{
    struct segment *segment = segment_victim(&cache->segments);
    if (segment == NULL)
        return false;
    while (segment->hand < segment->used || segment_is_jumbo(segment)) {
        bool is_more = step(cache, segment, force);
        free_buried_for(cache, entry_bytes, other_bytes);
        if (!is_more)
            return true;
        if (room_missing(cache, entry_bytes, other_bytes) == 0)
            return true;
    }
    segment_release(&cache->segments, segment, SIZE_MAX);
    return true;
}

size_t cache_cost(size_t key_len, size_t value_len)
{
    size_t extra = sizeof(struct entry) + 4 * 8 + sizeof(void *);
    if (cache_is_inline(key_len, value_len))
        return extra + key_len + value_len;
    return extra + key_len + string_object_cost(value_len);
}

bool cache_has_room(const struct cache *cache, size_t entry_bytes,
                    size_t other_bytes)
{
    return room_missing(cache, entry_bytes, other_bytes) == 0;
}

err_t cache_room(struct cache *cache, size_t entry_bytes, size_t other_bytes)
{
    free_buried_for(cache, entry_bytes, other_bytes);
    if (room_missing(cache, entry_bytes, other_bytes) == 0)
        return ERR_OK;
    const struct mem *mem = cache->mem;
    size_t fixed = mem->used_bytes[MEM_STORE] + mem->used_bytes[MEM_OTHER];
    if (entry_bytes + other_bytes + fixed + 2 * SEGMENT_BYTES >
        cache->limit_bytes)
        return ERR_OOM;

    /* The reserve, and what is left at the ends of segments, stay. */
    if (reclaimable(cache) < room_missing(cache, entry_bytes, other_bytes) +
                                 2 * SEGMENT_BYTES)
        return ERR_AGAIN;

    size_t most = 2 * cache->segments.segment_count + 2;
    for (size_t walked = 0; walked < most; walked++) {
        if (cache->segments.free_count > 1)
            segment_trim(&cache->segments, 1);
        if (room_missing(cache, entry_bytes, other_bytes) == 0)
            return ERR_OK;
        if (!walk_for_room(cache, entry_bytes, other_bytes,
                           walked >= FORCE_AFTER))
            return ERR_AGAIN;
        if (room_missing(cache, entry_bytes, other_bytes) == 0)
            return ERR_OK;
    }
    return ERR_AGAIN;
}

bool cache_sweep(struct cache *cache, size_t max_entries, bool everything)
{
    for (size_t walked = 0; walked < max_entries; walked++) {
        bool over = cache->mem->total_bytes > cache->limit_bytes;
        if (!over && !everything)
            return false;
        if (cache->buried != NULL) {
            (void)cache_free_buried(cache, 1);
            continue;
        }
        /* Busy entries only: moving them on gives back what lies dead among
         * them, if that is much, and nothing else. */
        if (idle_count(cache) == 0 &&
            (!over || reclaimable(cache) < SPARSE_SEGMENTS * SEGMENT_BYTES))
            return false;
        struct segment *segment = segment_victim(&cache->segments);
        if (segment == NULL)
            return false;
        if (segment->hand < segment->used || segment_is_jumbo(segment))
            step(cache, segment, everything);
        else
            segment_release(&cache->segments, segment, 1);
    }
    return true;
}

bool cache_evict(struct cache *cache, struct entry *entry)
{
    if (entry->flags & ENTRY_BUSY)
        return false;
    evict(cache, entry);
    return true;
}
