/* cache_test.h - what the tests of cache/ share. */
#ifndef TESTS_CACHE_CACHE_TEST_H
#define TESTS_CACHE_CACHE_TEST_H

#include "base/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "cache/cache.h"

#define KB ((size_t)1024)
#define MB (1024 * KB)

static inline uint64_t test_seed(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t    seed = text != NULL ? strtoull(text, NULL, 10) : 1;
    print_message("%s=%llu\n", variable, (unsigned long long)seed);
    return seed;
}

static inline void cache_test_init(struct cache *cache, struct mem *mem,
                                   size_t limit)
{
    *mem = (struct mem){ .total_bytes = 0 };
    cache_init(cache, mem, NULL, limit);
    cache->hash_key = (struct hash_key){ 1, 2 };
}

static inline void cache_test_deinit(struct cache *cache)
{
    struct mem *mem = cache->mem;
    cache_deinit(cache);
    for (int i = 0; i < MEM_ACCOUNT_COUNT; i++)
        assert_int_equal(mem->used_bytes[i], 0);
}

static inline struct entry *test_find(struct cache *cache, uint32_t space,
                                      slice key)
{
    return cache_find(cache, space, key, cache_hash(cache, key));
}

/* Gets or makes the entry and gives it that value. */
static inline struct entry *test_put(struct cache *cache, uint32_t space,
                                     slice key, slice value)
{
    struct entry_spec spec = { .presence = ENTRY_PRESENT, .value = value };
    struct entry     *entry = test_find(cache, space, key);
    if (entry == NULL)
        entry = cache_add(cache, space, key, cache_hash(cache, key),
                          ENTRY_ABSENT);
    return cache_assign(cache, entry, &spec);
}

/* Held, as by a parked command. */
static inline struct busy *test_pin(struct cache *cache, struct entry *entry)
{
    struct busy *busy = cache_make_busy(cache, entry);
    busy->pins++;
    return busy;
}

static inline void test_unpin(struct cache *cache, struct busy *busy)
{
    busy->pins--;
    cache_settle_busy(cache, busy);
}

#endif
