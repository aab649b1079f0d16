/* busy.h - the pool of struct busy: what only entries with work pending have.
 *
 * Busy structs stand in chunks and never move; an entry names its own by
 * index. They are few: dirty bytes, pins and loads in flight are bounded.
 *
 * Memory   MEM_DIRTY is charged for chunks; empty chunks at the end go back.
 * Threads  loop thread only. */
#ifndef CACHE_BUSY_H
#define CACHE_BUSY_H

#include "base/mem.h"
#include "cache/entry.h"

struct busy_pool {
    struct mem   *mem;
    struct busy **chunks; /* directory */
    size_t        chunk_count;
    size_t        chunk_capacity;
    struct link   free; /* through dirty_link */
    size_t        used_count;
};

void busy_pool_init(struct busy_pool *pool, struct mem *mem);
void busy_pool_deinit(struct busy_pool *pool);

/* A cleared struct busy for entry; never fails. */
struct busy *busy_new(struct busy_pool *pool, struct entry *entry);
void         busy_free(struct busy_pool *pool, struct busy *busy);
struct busy *busy_at(const struct busy_pool *pool, uint32_t index);
/* Fetches its cache lines. */
void busy_warm(const struct busy_pool *pool, uint32_t index);
/* Calls visit for each one in use. */
void busy_each(const struct busy_pool *pool,
               void (*visit)(void *arg, const struct busy *busy), void *arg);

/* What one more busy entry adds to memory, for estimates. */
#define BUSY_BYTES sizeof(struct busy)

#endif
