/* sort.c - a small page becomes a sorted one, when it outgrows its page: every
 * hash is computed once, and the elements are written anew in that order. */
#include <stdlib.h>

#include "tree/internal.h"

struct sorted {
    uint64_t            hash;
    struct page_element element;
};

static int sorted_compare(const void *a, const void *b)
{
    const struct sorted *left = a, *right = b;
    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return page_value_compare(&left->element.key, &right->element.key);
}

void tree_sort(struct tree *tree)
{
    struct edit    edit = edit_open(tree, NULL, 0);
    struct page   *old = edit.page;
    unsigned       count = page_count(old->bytes);
    struct sorted *list = mem_calloc(count, sizeof(*list));
    ASSERT(page_is_small(old->bytes));

    for (unsigned at = 0; at < count; at++) {
        page_get(old->bytes, at, &list[at].element);
        list[at].hash = element_order(tree, &list[at].element);
    }
    qsort(list, count, sizeof(*list), sorted_compare);

    edit.page = page_new((enum page_kind)tree->kind, old->node.id, old->len);
    edit.page->node.dirty_at = old->node.dirty_at;
    edit.page->node.captured_in = old->node.captured_in;
    for (unsigned at = 0; at < count; at++)
        page_insert(&edit.page, at, &list[at].element);
    edit_close(tree, &edit);
    old->node.dirty_at = 0;
    page_unref(old);
    mem_free(list);
}
