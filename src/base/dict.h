/* dict.h - a hash table of things that are found by a string: channels,
 * watched keys, tracked keys. Linear hashing (Litwin 1980): it grows and
 * shrinks by one bucket at a time, so no single insertion is slow.
 *
 * Nodes are embedded in what is found, and keys are slices of it: the dict
 * owns neither. The hash is keyed (hash.h), since clients choose the strings.
 *
 * Memory   buckets in chunks of 4 KB, charged to the account given at init; a
 *          node is 32 bytes of its owner.
 * Threads  whoever owns it. */
#ifndef BASE_DICT_H
#define BASE_DICT_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/slice.h"

struct dict_node {
    struct dict_node *next; /* in its bucket */
    uint64_t          hash;
    slice             key;  /* lives as long as the node is in the dict */
};

struct dict {
    struct mem         *mem;
    enum mem_account    account;
    struct hash_key     hash_key;
    struct dict_node ***chunks;
    size_t              chunk_count, chunk_capacity;
    size_t              bucket_count;
    size_t              mask; /* 2^level - 1; bucket_count > mask / 2 */
    size_t              count;
};

/* An empty dict has no memory but its struct. */
void dict_init(struct dict *dict, struct mem *mem, enum mem_account account,
               struct hash_key hash_key);
/* REQUIRES: empty. */
void dict_deinit(struct dict *dict);

struct dict_node *dict_find(const struct dict *dict, slice key);
/* REQUIRES: node->key is set, and not in the dict yet. */
void dict_insert(struct dict *dict, struct dict_node *node);
/* REQUIRES: node is in the dict. Its memory is the caller's again. */
void dict_remove(struct dict *dict, struct dict_node *node);

/* A walk over all nodes: NULL gives the first, NULL comes after the last. The
 * dict must not change meanwhile. */
struct dict_node *dict_next(const struct dict *dict,
                            const struct dict_node *node);
/* Some node, for whoever must drop one (random: any number); NULL if empty. */
struct dict_node *dict_any(const struct dict *dict, uint64_t random);

#endif
