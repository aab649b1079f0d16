/* busy.c - a pool in chunks of 64 with a free list. */
#include "cache/busy.h"

#include "base/assert.h"
#include "base/prefetch.h"

#define CHUNK_COUNT 64u
#define CHUNK_BYTES (CHUNK_COUNT * sizeof(struct busy))

void busy_pool_init(struct busy_pool *pool, struct mem *mem)
{
    *pool = (struct busy_pool){ .mem = mem };
    link_init(&pool->free);
}

static void chunks_free(struct busy_pool *pool)
{
    for (size_t i = 0; i < pool->chunk_count; i++)
        mem_free(pool->chunks[i]);
    mem_release(pool->mem, MEM_DIRTY, pool->chunk_count * CHUNK_BYTES);
    pool->chunk_count = 0;
    link_init(&pool->free);
}

void busy_pool_deinit(struct busy_pool *pool)
{
    chunks_free(pool);
    mem_free(pool->chunks);
    pool->chunks = NULL;
}

static void chunk_add(struct busy_pool *pool)
{
    if (pool->chunk_count == pool->chunk_capacity) {
        pool->chunk_capacity = pool->chunk_capacity * 2 + 8;
        pool->chunks = mem_realloc(
            pool->chunks, pool->chunk_capacity * sizeof(*pool->chunks));
    }
    struct busy *chunk = mem_calloc(CHUNK_COUNT, sizeof(struct busy));
    mem_charge(pool->mem, MEM_DIRTY, CHUNK_BYTES);
    uint32_t first = (uint32_t)pool->chunk_count * CHUNK_COUNT;
    pool->chunks[pool->chunk_count++] = chunk;
    for (uint32_t i = 0; i < CHUNK_COUNT; i++) {
        chunk[i].index = first + i;
        list_push_back(&pool->free, &chunk[i].dirty_link);
    }
}

struct busy *busy_new(struct busy_pool *pool, struct entry *entry)
{
    if (list_empty(&pool->free))
        chunk_add(pool);
    struct link *first = list_first(&pool->free);
    link_remove(first);
    struct busy *busy = CONTAINER_OF(first, struct busy, dirty_link);
    *busy = (struct busy){ .entry = entry, .index = busy->index };
    link_init(&busy->dirty_link);
    link_init(&busy->saving_link);
    link_init(&busy->waiters);
    pool->used_count++;
    return busy;
}

void busy_free(struct busy_pool *pool, struct busy *busy)
{
    ASSERT(list_empty(&busy->dirty_link));
    ASSERT(list_empty(&busy->saving_link));
    ASSERT(list_empty(&busy->waiters));
    ASSERT(pool->used_count > 0);
    busy->entry = NULL;
    list_push_front(&pool->free, &busy->dirty_link);
    /* Freed one by one they can't be told apart by chunk cheaply; when none
     * is left in use all go. */
    if (--pool->used_count == 0 && pool->chunk_count > 4)
        chunks_free(pool);
}

struct busy *busy_at(const struct busy_pool *pool, uint32_t index)
{
    ASSERT(index / CHUNK_COUNT < pool->chunk_count);
    struct busy *busy =
        &pool->chunks[index / CHUNK_COUNT][index % CHUNK_COUNT];
    ASSERT(busy->entry != NULL);
    return busy;
}

void busy_warm(const struct busy_pool *pool, uint32_t index)
{
    prefetch(&pool->chunks[index / CHUNK_COUNT][index % CHUNK_COUNT],
             sizeof(struct busy));
}

void busy_each(const struct busy_pool *pool,
               void (*visit)(void *arg, const struct busy *busy), void *arg)
{
    for (size_t i = 0; i < pool->chunk_count; i++)
        for (uint32_t j = 0; j < CHUNK_COUNT; j++)
            if (pool->chunks[i][j].entry != NULL)
                visit(arg, &pool->chunks[i][j]);
}
