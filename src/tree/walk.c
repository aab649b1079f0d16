/* walk.c - one element after the other, a page at a time. */
#include "tree/internal.h"

void tree_walk_init(struct tree_walk *walk, struct tree *tree, uint64_t rank,
                    uint64_t limit, bool is_backward)
{
    uint64_t there = 0;
    if (rank < tree->count)
        there = is_backward ? rank + 1 : tree->count - rank;
    walk->tree = tree;
    walk->is_backward = is_backward;
    walk->is_placed = false;
    walk->next = rank;
    walk->left = there < limit ? there : limit;
}

/* The leaf behind (or before) the path's: up to where there is another child,
 * and down again on its near side. */
static err_t walk_next_leaf(struct tree_walk *walk)
{
    struct tree_path *path = &walk->path;
    struct tree_step  moved[TREE_LEVELS_MAX];
    unsigned          level = 0;
    bool              back = walk->is_backward;
    while (back ? path->step[level].at == 0
                : path->step[level].at + 1u == path->step[level].inner->count)
        level++;
    ASSERT(level < walk->tree->level);

    moved[level] = path->step[level];
    moved[level].at += back ? -1u : 1u;
    struct node *node;
    for (unsigned below = level;; below--) {
        err_t err =
            tree_node(walk->tree, moved[below].inner, moved[below].at, &node);
        if (err)
            return err;
        if (below == 0)
            break;
        struct inner *inner = as_inner(node);
        moved[below - 1].inner = inner;
        moved[below - 1].at = back ? inner->count - 1u : 0;
    }
    for (unsigned below = 0; below <= level; below++)
        path->step[below] = moved[below];
    path->leaf = as_page(node);
    path->slot = back ? page_count(path->leaf->bytes) - 1 : 0;
    return ERR_OK;
}

static err_t walk_step(struct tree_walk *walk)
{
    struct tree_path *path = &walk->path;
    if (!walk->is_placed)
        return path_to_rank(walk->tree, walk->next, false, path);
    if (walk->is_backward && path->slot > 0) {
        path->slot--;
        return ERR_OK;
    }
    if (!walk->is_backward && path->slot + 1 < page_count(path->leaf->bytes)) {
        path->slot++;
        return ERR_OK;
    }
    return walk_next_leaf(walk);
}

err_t tree_walk_next(struct tree_walk *walk, struct page_element *out)
{
    if (walk->left == 0)
        return ERR_NOT_FOUND;
    err_t err = walk_step(walk);
    if (err)
        return err;
    walk->is_placed = true;
    walk->next += walk->is_backward ? UINT64_MAX : 1;
    walk->left--;
    page_get(walk->path.leaf->bytes, walk->path.slot, out);
    return ERR_OK;
}
