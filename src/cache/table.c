/* table.c - linear hashing. With n buckets and 2^k the power of two at or
 * above n, a hash belongs to bucket (hash mod 2^k), or if that is not yet
 * there, to (hash mod 2^(k-1)). Adding bucket n splits exactly one older
 * bucket; removing the last one merges it back. */
#include "cache/table.h"

#include "base/assert.h"
#include "base/prefetch.h"

#define CHUNK_BUCKETS 4096u
#define CHUNK_BYTES   (CHUNK_BUCKETS * sizeof(struct entry *))

static struct entry **bucket_at(const struct table *table, uint32_t index)
{
    return &table->chunks[index / CHUNK_BUCKETS][index % CHUNK_BUCKETS];
}

static struct entry **bucket_of(const struct table *table, uint32_t hash)
{
    uint32_t index = hash & table->mask;
    if (index >= table->bucket_count)
        index &= table->mask >> 1;
    return bucket_at(table, index);
}

static void chunk_add(struct table *table)
{
    if (table->chunk_count == table->chunk_capacity) {
        size_t grown = table->chunk_capacity ? table->chunk_capacity * 2 : 8;
        mem_charge(table->mem, MEM_ENTRIES,
                   (grown - table->chunk_capacity) * sizeof(*table->chunks));
        table->chunks =
            mem_realloc(table->chunks, grown * sizeof(*table->chunks));
        table->chunk_capacity = grown;
    }
    table->chunks[table->chunk_count++] =
        mem_calloc(CHUNK_BUCKETS, sizeof(struct entry *));
    mem_charge(table->mem, MEM_ENTRIES, CHUNK_BYTES);
}

static void chunk_drop(struct table *table)
{
    mem_free(table->chunks[--table->chunk_count]);
    mem_release(table->mem, MEM_ENTRIES, CHUNK_BYTES);
}

void table_init(struct table *table, struct mem *mem)
{
    *table = (struct table){ .mem = mem, .bucket_count = 1, .mask = 0 };
    chunk_add(table);
}

void table_deinit(struct table *table)
{
    while (table->chunk_count > 0)
        chunk_drop(table);
    mem_release(table->mem, MEM_ENTRIES,
                table->chunk_capacity * sizeof(*table->chunks));
    mem_free(table->chunks);
    table->chunks = NULL;
}

struct entry *table_find(const struct table *table, uint32_t space, slice key,
                         uint32_t hash)
{
    struct entry *entry = *bucket_of(table, hash);
    for (; entry != NULL; entry = entry->next) {
        if (entry->hash == hash && entry->key_len == key.len &&
            entry->space == space &&
            memcmp(entry_key(entry).data, key.data, key.len) == 0)
            return entry;
    }
    return NULL;
}

/* The bucket's line leads to the entry's: each round asks for what the one
 * before has brought. */
void table_warm(const struct table *table, const uint64_t *hashes,
                size_t count, const struct entry **entries)
{
    for (size_t i = 0; i < count; i++)
        __builtin_prefetch(bucket_of(table, (uint32_t)hashes[i]));
    for (size_t i = 0; i < count; i++)
        __builtin_prefetch(*bucket_of(table, (uint32_t)hashes[i]));
    for (size_t i = 0; i < count; i++) {
        const struct entry *entry = *bucket_of(table, (uint32_t)hashes[i]);
        entries[i] = NULL;
        if (entry == NULL)
            continue;
        if (entry->hash == (uint32_t)hashes[i])
            entries[i] = entry;
        if (entry->hash != (uint32_t)hashes[i] && entry->next != NULL) {
            entry = entry->next;
            __builtin_prefetch(entry);
        }
        prefetch((const char *)entry + PREFETCH_LINE, 2 * PREFETCH_LINE);
    }
}

/* One more bucket; what belongs to it leaves its older sibling. */
static void split_one(struct table *table)
{
    uint32_t added = table->bucket_count;
    if (added == UINT32_MAX)
        return;
    if (added / CHUNK_BUCKETS == table->chunk_count)
        chunk_add(table);
    if (added > table->mask)
        table->mask = table->mask * 2 + 1;
    table->bucket_count++;

    struct entry **to = bucket_at(table, added);
    struct entry **from = bucket_at(table, added & (table->mask >> 1));
    ASSERT(*to == NULL);
    while (*from != NULL) {
        struct entry *entry = *from;
        if ((entry->hash & table->mask) == added) {
            *from = entry->next;
            entry->next = *to;
            *to = entry;
        } else {
            from = &entry->next;
        }
    }
}

/* The last bucket goes; its entries join its older sibling. */
static void merge_one(struct table *table)
{
    uint32_t       gone = table->bucket_count - 1;
    struct entry **from = bucket_at(table, gone);
    struct entry **to = bucket_at(table, gone & (table->mask >> 1));
    while (*to != NULL)
        to = &(*to)->next;
    *to = *from;
    *from = NULL;
    table->bucket_count--;
    if (gone == (table->mask >> 1) + 1 && table->mask > 1)
        table->mask >>= 1;
    /* A spare chunk stays, so that a count at its edge does not thrash. */
    if (table->chunk_count > gone / CHUNK_BUCKETS + 2)
        chunk_drop(table);
}

void table_insert(struct table *table, struct entry *entry)
{
    struct entry **bucket = bucket_of(table, entry->hash);
    entry->next = *bucket;
    *bucket = entry;
    table->entry_count++;
    if (table->entry_count > table->bucket_count)
        split_one(table);
}

/* The place that points to entry. */
static struct entry **link_to(const struct table *table,
                              const struct entry *entry, uint32_t hash)
{
    struct entry **place = bucket_of(table, hash);
    while (*place != entry) {
        ASSERT(*place != NULL);
        place = &(*place)->next;
    }
    return place;
}

void table_remove(struct table *table, struct entry *entry)
{
    *link_to(table, entry, entry->hash) = entry->next;
    ASSERT(table->entry_count > 0);
    table->entry_count--;
    if (table->bucket_count > CHUNK_BUCKETS &&
        table->entry_count < table->bucket_count / 2)
        merge_one(table);
}

void table_replace(struct table *table, const struct entry *from,
                   struct entry *to)
{
    *link_to(table, from, to->hash) = to;
}

struct entry *table_bucket(const struct table *table, uint32_t index)
{
    return index < table->bucket_count ? *bucket_at(table, index) : NULL;
}

void table_each(const struct table *table,
                void (*visit)(void *arg, struct entry *entry), void *arg)
{
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        struct entry *next;
        for (struct entry *entry = *bucket_at(table, i); entry; entry = next) {
            next = entry->next;
            visit(arg, entry);
        }
    }
}
