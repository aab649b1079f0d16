/* table.h - the hash table of entries: linear hashing (Litwin 1980).
 *
 * It grows and shrinks by one bucket at a time, so there is never a pause for
 * a rehash nor a moment with two tables; buckets stand in chunks of 32 KB.
 * Entries are chained through entry->next.
 *
 * Memory   MEM_ENTRIES is charged for chunks and directory.
 * Threads  loop thread only. */
#ifndef CACHE_TABLE_H
#define CACHE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "cache/entry.h"

struct table {
    struct mem     *mem;
    struct entry ***chunks; /* directory of chunks of buckets */
    size_t          chunk_count;
    size_t          chunk_capacity;
    uint32_t        bucket_count; /* buckets in use */
    uint32_t        mask;         /* 2^level - 1, bucket_count > mask / 2 */
    size_t          entry_count;
};

void table_init(struct table *table, struct mem *mem);
void table_deinit(struct table *table);

struct entry *table_find(const struct table *table, uint32_t space, slice key,
                         uint32_t hash);
/* Fetches the lines that table_find and its caller will need. entries gets
 * those that are most likely meant, or NULL: only hashes were compared. */
void table_warm(const struct table *table, const uint64_t *hashes,
                size_t count, const struct entry **entries);
void table_insert(struct table *table, struct entry *entry);
void table_remove(struct table *table, struct entry *entry);
/* `to` takes the place of `from`, which has the same hash; `from` may be freed
 * memory except for its address. REQUIRES: to->next == from->next. */
void table_replace(struct table *table, const struct entry *from,
                   struct entry *to);

/* The chain of a bucket, for a walk over all of them in slices; NULL when it is
 * empty or index is past the end. */
struct entry *table_bucket(const struct table *table, uint32_t index);

/* Calls visit for each entry; visit must not change the table. */
void table_each(const struct table *table,
                void (*visit)(void *arg, struct entry *entry), void *arg);

#endif
