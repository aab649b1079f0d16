/* dict.c - linear hashing with keyed 64-bit hashes. With n buckets and 2^k the
 * power of two at or above n, a hash belongs to bucket (hash mod 2^k), or if
 * that is not there yet, to (hash mod 2^(k-1)). Adding bucket n splits exactly
 * one older bucket; removing the last one merges it back. */
#include "base/dict.h"

#include <string.h>

#include "base/assert.h"

#define CHUNK_BUCKETS ((size_t)512)
#define CHUNK_BYTES   (CHUNK_BUCKETS * sizeof(struct dict_node *))

static struct dict_node **bucket_at(const struct dict *dict, size_t index)
{
    return &dict->chunks[index / CHUNK_BUCKETS][index % CHUNK_BUCKETS];
}

static size_t bucket_index(const struct dict *dict, uint64_t hash)
{
    size_t index = hash & dict->mask;
    return index < dict->bucket_count ? index : index & (dict->mask >> 1);
}

static void chunk_add(struct dict *dict)
{
    if (dict->chunk_count == dict->chunk_capacity) {
        size_t grown = dict->chunk_capacity ? dict->chunk_capacity * 2 : 8;
        mem_charge(dict->mem, dict->account,
                   (grown - dict->chunk_capacity) * sizeof(*dict->chunks));
        dict->chunks =
            mem_realloc(dict->chunks, grown * sizeof(*dict->chunks));
        dict->chunk_capacity = grown;
    }
    dict->chunks[dict->chunk_count++] =
        mem_calloc(CHUNK_BUCKETS, sizeof(struct dict_node *));
    mem_charge(dict->mem, dict->account, CHUNK_BYTES);
}

static void chunk_drop(struct dict *dict)
{
    mem_free(dict->chunks[--dict->chunk_count]);
    mem_release(dict->mem, dict->account, CHUNK_BYTES);
}

void dict_init(struct dict *dict, struct mem *mem, enum mem_account account,
               struct hash_key hash_key)
{
    *dict = (struct dict){ .mem = mem,
                           .account = account,
                           .hash_key = hash_key };
}

void dict_deinit(struct dict *dict)
{
    ASSERT(dict->count == 0);
    while (dict->chunk_count > 0)
        chunk_drop(dict);
    if (dict->chunks != NULL)
        mem_release(dict->mem, dict->account,
                    dict->chunk_capacity * sizeof(*dict->chunks));
    mem_free(dict->chunks);
    dict->chunks = NULL;
}

struct dict_node *dict_find(const struct dict *dict, slice key)
{
    if (dict->count == 0)
        return NULL;
    uint64_t          hash = hash_siphash13(dict->hash_key, key);
    struct dict_node *node = *bucket_at(dict, bucket_index(dict, hash));
    while (node != NULL && (node->hash != hash || !slice_equal(node->key, key)))
        node = node->next;
    return node;
}

/* One more bucket; what belongs to it leaves its older sibling. */
static void split_one(struct dict *dict)
{
    size_t added = dict->bucket_count;
    if (added / CHUNK_BUCKETS == dict->chunk_count)
        chunk_add(dict);
    if (added > dict->mask)
        dict->mask = dict->mask * 2 + 1;
    dict->bucket_count++;

    struct dict_node **to = bucket_at(dict, added);
    struct dict_node **from = bucket_at(dict, added & (dict->mask >> 1));
    while (*from != NULL) {
        struct dict_node *node = *from;
        if ((node->hash & dict->mask) == added) {
            *from = node->next;
            node->next = *to;
            *to = node;
        } else {
            from = &node->next;
        }
    }
}

/* The last bucket goes; its nodes join its older sibling. */
static void merge_one(struct dict *dict)
{
    size_t             gone = dict->bucket_count - 1;
    struct dict_node **from = bucket_at(dict, gone);
    struct dict_node **to = bucket_at(dict, gone & (dict->mask >> 1));
    while (*to != NULL)
        to = &(*to)->next;
    *to = *from;
    *from = NULL;
    dict->bucket_count--;
    if (gone == (dict->mask >> 1) + 1 && dict->mask > 1)
        dict->mask >>= 1;
    /* A spare chunk stays, so that a count at its edge does not thrash. */
    if (dict->chunk_count > gone / CHUNK_BUCKETS + 2)
        chunk_drop(dict);
}

void dict_insert(struct dict *dict, struct dict_node *node)
{
    if (dict->chunk_count == 0) {
        chunk_add(dict);
        dict->bucket_count = 1;
        dict->mask = 0;
    }
    node->hash = hash_siphash13(dict->hash_key, node->key);
    struct dict_node **bucket =
        bucket_at(dict, bucket_index(dict, node->hash));
    node->next = *bucket;
    *bucket = node;
    dict->count++;
    if (dict->count > dict->bucket_count)
        split_one(dict);
}

void dict_remove(struct dict *dict, struct dict_node *node)
{
    ASSERT(dict->count > 0);
    struct dict_node **place =
        bucket_at(dict, bucket_index(dict, node->hash));
    while (*place != node) {
        ASSERT(*place != NULL);
        place = &(*place)->next;
    }
    *place = node->next;
    dict->count--;
    if (dict->bucket_count > CHUNK_BUCKETS &&
        dict->count < dict->bucket_count / 2)
        merge_one(dict);
}

static struct dict_node *first_from(const struct dict *dict, size_t index)
{
    for (; index < dict->bucket_count; index++)
        if (*bucket_at(dict, index) != NULL)
            return *bucket_at(dict, index);
    return NULL;
}

struct dict_node *dict_next(const struct dict *dict,
                            const struct dict_node *node)
{
    if (node == NULL)
        return first_from(dict, 0);
    if (node->next != NULL)
        return node->next;
    return first_from(dict, bucket_index(dict, node->hash) + 1);
}

struct dict_node *dict_any(const struct dict *dict, uint64_t random)
{
    if (dict->count == 0)
        return NULL;
    struct dict_node *node = first_from(dict, random % dict->bucket_count);
    return node != NULL ? node : first_from(dict, 0);
}
