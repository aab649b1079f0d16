/* segment.c - segments of entries. The design stands in segment.h. */
#include "cache/segment.h"

#include <sys/mman.h>

#include "base/assert.h"

#define PAGE_BYTES      ((size_t)4096)
#define REGION_BYTES    ((size_t)64 * 1024 * 1024)
/* New entries have one part in so many of the sealed segments. */
#define NEW_SHARE       3
#define REGION_SEGMENTS (REGION_BYTES / SEGMENT_BYTES)

static size_t round_up(size_t size, size_t unit)
{
    return (size + unit - 1) / unit * unit;
}

/* A mapping of bytes (a multiple of the page size), aligned to a segment. */
static void *map_aligned(size_t bytes)
{
    size_t padded = bytes + SEGMENT_BYTES;
    char  *raw = mmap(NULL, padded, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT(raw != MAP_FAILED);
    size_t head = (SEGMENT_BYTES - (uintptr_t)raw % SEGMENT_BYTES) %
                  SEGMENT_BYTES;
    if (head > 0)
        munmap(raw, head);
    if (padded - head > bytes)
        munmap(raw + head + bytes, padded - head - bytes);
    /* A huge page would keep what a segment inside it gave back. */
    (void)madvise(raw + head, bytes, MADV_NOHUGEPAGE);
    return raw + head;
}

/* Address space for more segments; it holds no memory until it is used. */
static void region_add(struct segment_pool *pool)
{
    char *region = map_aligned(REGION_BYTES);
    pool->region_count++;
    pool->regions = mem_realloc(
        pool->regions, pool->region_count * sizeof(*pool->regions));
    pool->regions[pool->region_count - 1] = region;
    pool->spare = mem_realloc(pool->spare, pool->region_count *
                                               REGION_SEGMENTS *
                                               sizeof(*pool->spare));
    for (size_t i = REGION_SEGMENTS; i > 0; i--)
        pool->spare[pool->spare_count++] = region + (i - 1) * SEGMENT_BYTES;
}

static void *take_place(struct segment_pool *pool)
{
    if (pool->spare_count == 0)
        region_add(pool);
    return pool->spare[--pool->spare_count];
}

void segment_pool_init(struct segment_pool *pool, struct mem *mem)
{
    *pool = (struct segment_pool){ .mem = mem };
    link_init(&pool->new);
    link_init(&pool->old);
    link_init(&pool->free);
}

static struct segment *segment_new(struct segment_pool *pool, size_t bytes)
{
    struct segment *segment =
        bytes == SEGMENT_BYTES ? take_place(pool) : map_aligned(bytes);
    *segment = (struct segment){ .total_bytes = bytes };
    link_init(&segment->link);
    pool->segment_count++;
    pool->total_bytes += bytes;
    mem_charge(pool->mem, MEM_ENTRIES, bytes);
    return segment;
}

/* Off the list that it is on. */
static void leave_queue(struct segment_pool *pool, struct segment *segment)
{
    pool->new_count -= segment->place == SEGMENT_NEW;
    pool->old_count -= segment->place == SEGMENT_OLD;
    segment->place = SEGMENT_ACTIVE;
    link_remove(&segment->link);
}

static void segment_unmap(struct segment_pool *pool, struct segment *segment)
{
    size_t bytes = segment->total_bytes;
    leave_queue(pool, segment);
    if (bytes == SEGMENT_BYTES) {
        int rc = madvise(segment, bytes, MADV_DONTNEED);
        ASSERT(rc == 0);
        pool->spare[pool->spare_count++] = segment;
    } else {
        int rc = munmap(segment, bytes);
        ASSERT(rc == 0);
    }
    pool->segment_count--;
    pool->total_bytes -= bytes;
    mem_release(pool->mem, MEM_ENTRIES, bytes);
}

static void unmap_all(struct segment_pool *pool, struct link *list)
{
    LIST_EACH_SAFE(link, list)
        segment_unmap(pool, CONTAINER_OF(link, struct segment, link));
}

void segment_pool_deinit(struct segment_pool *pool)
{
    if (pool->active != NULL)
        segment_unmap(pool, pool->active);
    if (pool->survivor != NULL)
        segment_unmap(pool, pool->survivor);
    pool->active = pool->survivor = NULL;
    unmap_all(pool, &pool->new);
    unmap_all(pool, &pool->old);
    unmap_all(pool, &pool->free);
    ASSERT(pool->segment_count == 0);
    for (size_t i = 0; i < pool->region_count; i++)
        munmap(pool->regions[i], REGION_BYTES);
    mem_free(pool->regions);
    mem_free(pool->spare);
}

static bool fits(const struct segment *segment, size_t size)
{
    return segment != NULL && SEGMENT_BYTES - segment->used >= size;
}

/* Never SEGMENT_BYTES, or it would pass for an ordinary segment. */
static size_t jumbo_bytes(size_t size)
{
    size_t bytes = round_up(size + SEGMENT_FIRST, PAGE_BYTES);
    return bytes == SEGMENT_BYTES ? bytes + PAGE_BYTES : bytes;
}

size_t segment_growth(const struct segment_pool *pool, size_t size)
{
    size = round_up(size, SEGMENT_ALIGN);
    if (size > SEGMENT_MAX_ALLOC)
        return jumbo_bytes(size);
    /* One free segment is the hand's; the rest may be taken. */
    if (fits(pool->active, size) || pool->free_count > 1)
        return 0;
    return SEGMENT_BYTES * (2 - pool->free_count);
}

static void place_on(struct segment_pool *pool, struct segment *segment,
                     enum segment_place place, struct link *list)
{
    leave_queue(pool, segment);
    segment->place = place;
    pool->new_count += place == SEGMENT_NEW;
    pool->old_count += place == SEGMENT_OLD;
    list_push_back(list, &segment->link);
}

static void seal_new(struct segment_pool *pool, struct segment *segment)
{
    segment->hand = SEGMENT_FIRST;
    place_on(pool, segment, SEGMENT_NEW, &pool->new);
}

void segment_requeue(struct segment_pool *pool, struct segment *segment)
{
    segment->hand = SEGMENT_FIRST;
    place_on(pool, segment, SEGMENT_OLD, &pool->old);
}

static struct segment *take_segment(struct segment_pool *pool)
{
    struct segment *segment;
    struct link    *first = list_first(&pool->free);
    if (first != NULL) {
        segment = CONTAINER_OF(first, struct segment, link);
        link_remove(first);
        pool->free_count--;
    } else {
        segment = segment_new(pool, SEGMENT_BYTES);
    }
    segment->place = SEGMENT_ACTIVE;
    segment->used = segment->hand = SEGMENT_FIRST;
    segment->live_bytes = 0;
    return segment;
}

/* Holds one free segment back for the hand, once anything is in use. */
static void keep_reserve(struct segment_pool *pool)
{
    if (pool->free_count > 0)
        return;
    struct segment *segment = segment_new(pool, SEGMENT_BYTES);
    place_on(pool, segment, SEGMENT_FREE, &pool->free);
    pool->free_count++;
}

static void *alloc_jumbo(struct segment_pool *pool, size_t size)
{
    struct segment *segment = segment_new(pool, jumbo_bytes(size));
    segment->used = SEGMENT_FIRST;
    segment->hand = SEGMENT_FIRST;
    segment->live_bytes = size;
    pool->live_bytes += size;
    ASSERT(segment_is_jumbo(segment));
    place_on(pool, segment, SEGMENT_NEW, &pool->new);
    return (char *)segment + SEGMENT_FIRST;
}

/* --- holes --------------------------------------------------------------- */

static void *take_hole(struct segment_pool *pool, size_t size)
{
    if (size > HOLE_BYTES_MAX)
        return NULL;
    struct hole_list *list = &pool->holes[size / SEGMENT_ALIGN];
    if (list->count == 0)
        return NULL;
    void *pointer = list->at[--list->count];
    segment_of(pointer)->live_bytes += size;
    pool->live_bytes += size;
    return pointer;
}

void segment_hole(struct segment_pool *pool, void *pointer, size_t size)
{
    size = round_up(size, SEGMENT_ALIGN);
    if (size > HOLE_BYTES_MAX)
        return;
    struct hole_list *list = &pool->holes[size / SEGMENT_ALIGN];
    if (list->count < HOLES_MAX)
        list->at[list->count++] = pointer;
}

static void forget_holes(struct segment_pool *pool)
{
    for (size_t i = 0; i <= HOLE_BYTES_MAX / SEGMENT_ALIGN; i++)
        pool->holes[i].count = 0;
}

/* --- allocations ---------------------------------------------------------- */

void *segment_alloc(struct segment_pool *pool, size_t size, bool by_hand)
{
    size = round_up(size, SEGMENT_ALIGN);
    if (size > SEGMENT_MAX_ALLOC)
        return alloc_jumbo(pool, size);
    void *hole = by_hand ? NULL : take_hole(pool, size);
    if (hole != NULL)
        return hole;

    struct segment **into = by_hand ? &pool->survivor : &pool->active;
    if (!fits(*into, size)) {
        if (*into != NULL && by_hand)
            segment_requeue(pool, *into);
        else if (*into != NULL)
            seal_new(pool, *into);
        *into = take_segment(pool);
        if (!by_hand)
            keep_reserve(pool);
    }
    void *pointer = (char *)*into + (*into)->used;
    (*into)->used += (uint32_t)size;
    (*into)->live_bytes += size;
    pool->live_bytes += size;
    return pointer;
}

bool segment_free(struct segment_pool *pool, void *pointer, size_t size)
{
    struct segment *segment = segment_of(pointer);
    size = round_up(size, SEGMENT_ALIGN);
    ASSERT(segment->live_bytes >= size);
    segment->live_bytes -= size;
    pool->live_bytes -= size;
    if (!segment_is_jumbo(segment))
        return false;
    segment_unmap(pool, segment);
    return true;
}

/* One that is being filled, sealed, if anything is in it. */
static struct segment *seal_filling(struct segment_pool *pool)
{
    struct segment *active = pool->active, *survivor = pool->survivor;
    if (active != NULL && active->used > SEGMENT_FIRST) {
        pool->active = NULL;
        seal_new(pool, active);
        return active;
    }
    if (survivor != NULL && survivor->used > SEGMENT_FIRST) {
        pool->survivor = NULL;
        segment_requeue(pool, survivor);
        return survivor;
    }
    return NULL;
}

struct segment *segment_victim(struct segment_pool *pool)
{
    forget_holes(pool);
    size_t       sealed = pool->new_count + pool->old_count;
    struct link *new = list_first(&pool->new), *old = list_first(&pool->old);
    bool         from_new = pool->new_count * NEW_SHARE > sealed;
    struct link *first = from_new || old == NULL ? new : old;
    return first != NULL ? CONTAINER_OF(first, struct segment, link)
                         : seal_filling(pool);
}

void segment_release(struct segment_pool *pool, struct segment *segment,
                     size_t keep_free)
{
    ASSERT(segment->live_bytes == 0);
    ASSERT(!segment_is_jumbo(segment));
    if (pool->free_count >= keep_free) {
        segment_unmap(pool, segment);
        return;
    }
    place_on(pool, segment, SEGMENT_FREE, &pool->free);
    pool->free_count++;
}

void segment_trim(struct segment_pool *pool, size_t keep_free)
{
    while (pool->free_count > keep_free) {
        struct link *last = list_last(&pool->free);
        pool->free_count--;
        segment_unmap(pool, CONTAINER_OF(last, struct segment, link));
    }
}
