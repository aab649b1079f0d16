/* heap.h - who is due first: nodes in order of a number, embedded in what they
 * stand for. Adding and removing are O(log n), the first is O(1).
 *
 * Memory   one pointer a node, charged to the account given at init; given back
 *          when the heap is empty. Bounded by its nodes.
 * Threads  whoever owns it. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

struct heap_node {
    int64_t when;
    size_t  place; /* in the heap, from 1 on; 0: it is in none */
};

struct heap {
    struct mem        *mem;
    enum mem_account   account;
    struct heap_node **nodes;
    size_t             count, capacity;
};

/* An empty heap has no memory but its struct. */
void heap_init(struct heap *heap, struct mem *mem, enum mem_account account);
/* REQUIRES: empty. */
void heap_deinit(struct heap *heap);

/* REQUIRES: in no heap. */
void heap_add(struct heap *heap, struct heap_node *node, int64_t when);
/* No-op for a node that is in no heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
/* The node with the least number; NULL if there is none. */
static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}
/* Verifies the order; for tests. */
void heap_check(const struct heap *heap);

#endif
