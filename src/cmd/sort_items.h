/* sort_items.h - the elements of a SORT, copied, with their weights, and put in
 * order a slice at a time.
 *
 * All texts lie one behind the other; an item is a place among them and a
 * weight. Sorting is a heap's: in place, and it ends as soon as as many items
 * are in order as are wanted. Items that are equal stay in the order in which
 * they were added.
 *
 * Ownership  owns texts and weights.
 * Threads    whoever owns it.
 * Bounds     texts below 4 GB; sort_items_cost says what it takes. */
#ifndef CMD_SORT_ITEMS_H
#define CMD_SORT_ITEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* A value that was looked up: of a weight, or for GET. */
struct sort_text {
    uint32_t len;
    char     bytes[];
};
struct sort_text *sort_text_new(size_t len);
size_t            sort_text_cost(const struct sort_text *text); /* NULL: 0 */
slice             sort_text_slice(const struct sort_text *text);

enum sort_order {
    SORT_AS_ADDED,
    SORT_BY_NUMBER, /* weight.number, then the element */
    SORT_BY_ELEMENT,
    SORT_BY_TEXT    /* weight.text; what has none comes first */
};

union sort_weight {
    double            number;
    struct sort_text *text; /* owned; NULL: none */
};

struct sort_items {
    enum sort_order    order;
    bool               descending;
    bool               to_nul;  /* texts are compared as C strings */
    size_t             count, capacity;
    uint8_t           *texts;   /* length and bytes of each */
    size_t             texts_len, texts_capacity;
    uint32_t          *at;      /* of an item, in texts */
    union sort_weight *weights; /* of an item; NULL: it needs none */
    /* sorting: how far the heap is made; how many items have left it */
    size_t             unheaped, popped, wanted;
};

/* What so many elements take, of so many bytes in all; is_weighed: with
 * weights. SIZE_MAX: more than can be. */
size_t sort_items_cost(uint64_t count, size_t bytes, bool is_weighed);
/* Room for exactly these; bytes is the sum of sort_items_bytes. */
void sort_items_init(struct sort_items *items, enum sort_order order,
                     uint64_t count, size_t bytes);
void sort_items_deinit(struct sort_items *items);
/* What an element takes among the texts. */
size_t sort_items_bytes(size_t len);
/* REQUIRES: there is room. */
void sort_items_add(struct sort_items *items, slice element);

slice sort_items_element(const struct sort_items *items, size_t index);

/* Begins to sort; the first `wanted` are to be in order. */
void sort_items_begin(struct sort_items *items, size_t wanted);
/* At most that many steps, of log2(count) comparisons each; true: done. */
bool sort_items_step(struct sort_items *items, size_t steps);
/* Index of the item that comes at that place, once it is sorted; as added when
 * nothing was sorted. REQUIRES: place < wanted. */
size_t sort_items_place(const struct sort_items *items, size_t place);

#endif
