/* heap.c - a binary heap in an array: node i is not later than 2i + 1 and
 * 2i + 2. Each node knows its place, so any of them can be taken out. */
#include "base/heap.h"

#include "base/assert.h"

#define CAPACITY_MIN 16

void heap_init(struct heap *heap, struct mem *mem, enum mem_account account)
{
    *heap = (struct heap){ .mem = mem, .account = account };
}

static void set_capacity(struct heap *heap, size_t capacity)
{
    mem_release(heap->mem, heap->account,
                heap->capacity * sizeof(*heap->nodes));
    heap->capacity = capacity;
    mem_charge(heap->mem, heap->account, capacity * sizeof(*heap->nodes));
    if (capacity == 0) {
        mem_free(heap->nodes);
        heap->nodes = NULL;
    } else {
        heap->nodes =
            mem_realloc(heap->nodes, capacity * sizeof(*heap->nodes));
    }
}

void heap_deinit(struct heap *heap)
{
    ASSERT(heap->count == 0);
    set_capacity(heap, 0);
}

static void put(struct heap *heap, size_t i, struct heap_node *node)
{
    heap->nodes[i] = node;
    node->place = i + 1;
}

/* Up from i, until it is not earlier than the one above it. */
static void rise(struct heap *heap, size_t i, struct heap_node *node)
{
    while (i > 0 && heap->nodes[(i - 1) / 2]->when > node->when) {
        put(heap, i, heap->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(heap, i, node);
}

/* Down from i, until it is not later than those below it. */
static void sink(struct heap *heap, size_t i, struct heap_node *node)
{
    for (;;) {
        size_t below = 2 * i + 1;
        if (below + 1 < heap->count &&
            heap->nodes[below + 1]->when < heap->nodes[below]->when)
            below++;
        if (below >= heap->count || heap->nodes[below]->when >= node->when)
            break;
        put(heap, i, heap->nodes[below]);
        i = below;
    }
    put(heap, i, node);
}

void heap_add(struct heap *heap, struct heap_node *node, int64_t when)
{
    ASSERT(node->place == 0);
    if (heap->count == heap->capacity)
        set_capacity(heap, heap->capacity < CAPACITY_MIN
                               ? CAPACITY_MIN
                               : 2 * heap->capacity);
    node->when = when;
    rise(heap, heap->count++, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (node->place == 0)
        return;
    size_t i = node->place - 1;
    ASSERT(i < heap->count);
    ASSERT(heap->nodes[i] == node);
    node->place = 0;
    struct heap_node *last = heap->nodes[--heap->count];
    if (last != node) {
        bool is_earlier = i > 0 && last->when < heap->nodes[(i - 1) / 2]->when;
        if (is_earlier)
            rise(heap, i, last);
        else
            sink(heap, i, last);
    }
    if (heap->count == 0)
        set_capacity(heap, 0);
}

void heap_check(const struct heap *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        ASSERT(heap->nodes[i]->place == i + 1);
        ASSERT(i == 0 ||
               heap->nodes[(i - 1) / 2]->when <= heap->nodes[i]->when);
    }
}
