/* copy.c - another tree of the same elements: node by node, under the same
 * ids, so that nothing is searched, split or hashed. Nothing of the copy is on
 * disk. */
#include <string.h>

#include "tree/internal.h"

static struct node *copy_node(struct tree *tree, struct node *from);

static struct node *copy_inner(struct tree *tree, struct inner *from)
{
    struct inner *inner = inner_alloc(tree, from->level, from->node.id,
                                      from->capacity);
    for (unsigned at = 0; at < from->count; at++) {
        struct child child = { .node = copy_node(tree, from->nodes[at]),
                               .count = from->counts[at],
                               .order = from->orders[at] };
        struct page_value key = sep_value(from->keys[at]);
        if (from->keys[at] != NULL)
            child.key = sep_new(tree, slice_make(key.data, key.len));
        inner_insert(inner, at, child);
    }
    node_set_dirty(tree, &inner->node);
    return &inner->node;
}

static struct node *copy_node(struct tree *tree, struct node *from)
{
    if (from->is_inner)
        return copy_inner(tree, as_inner(from));
    struct page *page = page_copy(as_page(from));
    page->node.captured_in = 0;
    page->node.dirty_at = 0;
    tree_charge(tree, (ptrdiff_t)page_charge_bytes(page));
    node_set_dirty(tree, &page->node);
    return &page->node;
}

struct tree *tree_copy(const struct tree_env *env, const struct tree *tree)
{
    struct tree *copy = tree_alloc(env, (enum page_kind)tree->kind);
    copy->root = copy_node(copy, tree->root);
    copy->count = tree->count;
    copy->level = tree->level;
    copy->longest = tree->longest;
    return copy;
}
