/* remove.c - an element goes.
 *
 * A page that has become shorter than two fifths joins a neighbour if the two
 * fill no more than four fifths, so that the next insertion does not split them
 * again; else it stays as it is, since its block shrinks with it. Pages and
 * inner nodes are never empty, but for the page of an empty tree. */
#include "tree/internal.h"

/* ---- inner nodes --------------------------------------------------------- */

/* The first child's separator is its parent's affair. */
static void inner_clear_first(struct tree *tree, struct inner *inner)
{
    if (inner->count > 0)
        inner_set_sep(tree, inner, 0, (struct sep){ .order = 0 });
}

/* Takes a child out of its parent and forgets it. */
static void inner_drop_child(struct tree *tree, struct inner *inner,
                             unsigned at)
{
    struct child child = inner_take(inner, at);
    sep_free(tree, child.key);
    inner_clear_first(tree, inner);
    node_drop(tree, child.node);
    node_set_dirty(tree, &inner->node);
}

/* Joins children at and at + 1, which are inner nodes. */
static void inner_join(struct tree *tree, struct inner *parent, unsigned at)
{
    struct inner *left = as_inner(parent->nodes[at]);
    struct inner *right = as_inner(parent->nodes[at + 1]);

    /* The separator between them comes down. */
    inner_set_sep(tree, right, 0,
                  (struct sep){ parent->orders[at + 1], parent->keys[at + 1] });
    parent->orders[at + 1] = 0;
    parent->keys[at + 1] = NULL;
    while (right->count > 0)
        inner_insert(left, left->count, inner_take(right, 0));
    parent->counts[at] += parent->counts[at + 1];
    parent->counts[at + 1] = 0;
    node_set_dirty(tree, &left->node);
    inner_drop_child(tree, parent, at + 1);
}

static bool inner_try_join(struct tree *tree, struct inner *parent, unsigned at)
{
    struct node *left, *right;
    if (at + 1 >= parent->count || tree_node(tree, parent, at, &left) ||
        tree_node(tree, parent, at + 1, &right))
        return false;
    if (as_inner(left)->count + as_inner(right)->count >
        as_inner(left)->capacity / 4 * 3)
        return false;
    inner_join(tree, parent, at);
    return true;
}

/* A root with one child is not needed. */
static void tree_drop_roots(struct tree *tree)
{
    while (tree->level > 0 && as_inner(tree->root)->count == 1) {
        struct node *old = tree->root;
        tree->root = as_inner(old)->nodes[0];
        tree->level--;
        node_drop(tree, old);
    }
}

/* After the path's node of that level has lost a child. */
static void path_lost_child(struct tree *tree, struct tree_path *path,
                            unsigned level)
{
    for (; level + 1 < tree->level; level++) {
        struct inner    *inner = path->step[level].inner;
        struct tree_step up = path->step[level + 1];
        if (inner->count == 0) {
            inner_drop_child(tree, up.inner, up.at);
            continue;
        }
        if (inner->count > inner->capacity / 4)
            break;
        if (!inner_try_join(tree, up.inner, up.at) &&
            (up.at == 0 || !inner_try_join(tree, up.inner, up.at - 1)))
            break;
    }
    tree_drop_roots(tree);
}

/* ---- leaves -------------------------------------------------------------- */

static bool leaf_try_join(struct tree *tree, struct inner *inner, unsigned at)
{
    struct node *left, *right;
    if (at + 1 >= inner->count || tree_node(tree, inner, at, &left) ||
        tree_node(tree, inner, at + 1, &right))
        return false;
    if (page_len_joined(as_page(left)->bytes, as_page(right)->bytes) >
        tree->env->page_limit / 5 * 4)
        return false;

    struct page *from = as_page(right);
    struct edit  edit = edit_open(tree, inner, at);
    page_splice(&edit.page, page_count(edit.page->bytes), from->bytes, 0,
                page_count(from->bytes));
    edit_close(tree, &edit);
    inner->counts[at] += inner->counts[at + 1];
    inner->counts[at + 1] = 0;
    inner_drop_child(tree, inner, at + 1);
    return true;
}

/* The root has become one page: is it small again? */
static void tree_try_small(struct tree *tree)
{
    if (tree->level > 0 || !page_kind_is_hashed((enum page_kind)tree->kind))
        return;
    struct page *page = as_page(tree->root);
    if (page_is_small(page->bytes) || tree->count > TREE_SMALL_COUNT_MAX / 4 ||
        (tree->count > 0 && page->len > tree->env->page_limit / 4))
        return;
    struct edit edit = edit_open(tree, NULL, 0);
    page_set_small(edit.page, true);
    edit_close(tree, &edit);
}

void path_shrunk(struct tree *tree, struct tree_path *path)
{
    struct tree_step step = path->step[0];
    if (tree->level > 0) {
        if (page_count(path->leaf->bytes) == 0)
            inner_drop_child(tree, step.inner, step.at);
        else if (path->leaf->len >= tree->env->page_limit / 5 * 2 ||
                 (!leaf_try_join(tree, step.inner, step.at) &&
                  (step.at == 0 ||
                   !leaf_try_join(tree, step.inner, step.at - 1))))
            return;
        path_lost_child(tree, path, 0);
    }
    tree_try_small(tree);
}

void path_remove(struct tree *tree, struct tree_path *path, unsigned count)
{
    struct edit edit = path_edit(tree, path);
    page_remove(&edit.page, path->slot, count);
    path_edit_close(tree, path, &edit);
    path_add_count(tree, path, -(int64_t)count);
    path_shrunk(tree, path);
}
