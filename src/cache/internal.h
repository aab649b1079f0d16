/* internal.h - what cache.c, evict.c and check.c share; nobody else includes
 * it. */
#ifndef CACHE_INTERNAL_H
#define CACHE_INTERNAL_H

#include "cache/cache.h"

/* Bytes of an entry's allocation. */
size_t        cache_entry_bytes(const struct entry *entry);
struct entry *cache_entry_alloc(struct cache *cache, size_t size, bool by_hand);
void          cache_entry_free(struct cache *cache, struct entry *entry);

#endif
