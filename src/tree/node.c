/* node.c - what becomes of nodes while the tree changes: dirt, copies, books.
 *
 * A dirty node knows its place in the tree's dirty list, so that it is taken
 * off in O(1) when it goes. Only ids that were captured once are remembered
 * when they vanish: the others were never on disk.
 *
 * When a page that a save holds is dropped here, the tree stops to charge it;
 * the save charges what it holds. */
#include <string.h>

#include "tree/internal.h"

void tree_charge(struct tree *tree, ptrdiff_t bytes)
{
    ASSERT(bytes >= 0 || tree->bytes >= (size_t)-bytes);
    tree->bytes += (size_t)bytes;
    if (bytes != 0 && tree->env->on_charge != NULL)
        tree->env->on_charge(tree->env->arg, bytes);
}

/* Room for one more of 8 bytes. */
static void *list_grow(struct tree *tree, void *list, uint32_t count,
                       uint32_t *capacity)
{
    if (count < *capacity)
        return list;
    size_t old = *capacity ? mem_good_size(8 * (size_t)*capacity) : 0;
    *capacity = *capacity ? *capacity * 2 : 4;
    size_t new = mem_good_size(8 * (size_t)*capacity);
    tree_charge(tree, (ptrdiff_t)(new - old));
    return mem_realloc(list, 8 * (size_t)*capacity);
}

/* What it will take in a batch, about. */
size_t node_dirty_bytes(const struct tree *tree, struct node *node)
{
    return node->is_inner ? tree->env->page_limit
                          : page_charge_bytes(as_page(node));
}

void node_set_dirty(struct tree *tree, struct node *node)
{
    if (node->dirty_at != 0)
        return;
    tree->dirty =
        list_grow(tree, tree->dirty, tree->dirty_count, &tree->dirty_capacity);
    tree->dirty[tree->dirty_count++] = node;
    ASSERT(tree->dirty_count < 1u << 31);
    node->dirty_at = tree->dirty_count & 0x7fffffff;
    tree->dirty_bytes += node_dirty_bytes(tree, node);
}

static void node_set_clean(struct tree *tree, struct node *node)
{
    if (node->dirty_at == 0)
        return;
    size_t bytes = node_dirty_bytes(tree, node);
    ASSERT(tree->dirty_bytes >= bytes);
    tree->dirty_bytes -= bytes;
    struct node *last = tree->dirty[--tree->dirty_count];
    tree->dirty[node->dirty_at - 1] = last;
    last->dirty_at = node->dirty_at;
    node->dirty_at = 0;
}

static void vanish(struct tree *tree, uint64_t id)
{
    tree->vanished = list_grow(tree, tree->vanished, tree->vanished_count,
                               &tree->vanished_capacity);
    tree->vanished[tree->vanished_count++] = id;
}

void node_drop(struct tree *tree, struct node *node)
{
    node_set_clean(tree, node);
    if (node->captured_in != 0) {
        vanish(tree, node->id);
    }
    if (!node->is_inner) {
        tree_charge(tree, -(ptrdiff_t)page_charge_bytes(as_page(node)));
        page_unref(as_page(node));
    } else {
        tree_charge(tree, -(ptrdiff_t)inner_charge_bytes(as_inner(node)));
        inner_free(as_inner(node));
    }
}

/* ---- a leaf that is edited ---------------------------------------------- */

static struct node **place_of(struct tree *tree, struct inner *inner,
                              unsigned at)
{
    return inner == NULL ? &tree->root : &inner->nodes[at];
}

struct edit edit_open(struct tree *tree, struct inner *inner, unsigned at)
{
    struct node **place = place_of(tree, inner, at);
    struct page  *page = as_page(*place);
    struct edit   edit = { .inner = inner, .at = at, .page = page };
    ASSERT(!page->node.is_inner);

    edit.before_bytes = page_charge_bytes(page);
    node_set_dirty(tree, &page->node);
    if (page_is_shared(page)) {
        edit.page = page_copy(page);
        edit.page->node.dirty_at = page->node.dirty_at;
        page->node.dirty_at = 0;
        page_unref(page);
    }
    return edit;
}

void edit_close(struct tree *tree, struct edit *edit)
{
    struct page *page = edit->page;
    *place_of(tree, edit->inner, edit->at) = &page->node;
    tree->dirty[page->node.dirty_at - 1] = &page->node;
    size_t bytes = page_charge_bytes(page);
    tree_charge(tree, (ptrdiff_t)bytes - (ptrdiff_t)edit->before_bytes);
    tree->dirty_bytes += bytes - edit->before_bytes;
}

struct edit path_edit(struct tree *tree, struct tree_path *path)
{
    if (tree->level == 0)
        return edit_open(tree, NULL, 0);
    return edit_open(tree, path->step[0].inner, path->step[0].at);
}

void path_edit_close(struct tree *tree, struct tree_path *path,
                     struct edit *edit)
{
    edit_close(tree, edit);
    path->leaf = edit->page;
}

void path_add_count(struct tree *tree, struct tree_path *path, int64_t delta)
{
    for (unsigned level = 0; level < tree->level; level++) {
        struct tree_step *step = &path->step[level];
        step->inner->counts[step->at] += (uint64_t)delta;
        node_set_dirty(tree, &step->inner->node);
    }
    tree->count += (uint64_t)delta;
}

/* ---- saving -------------------------------------------------------------- */

size_t tree_dirty_count(const struct tree *tree)
{
    return tree->dirty_count;
}

size_t tree_dirty_bytes(const struct tree *tree)
{
    return tree->dirty_bytes;
}

/* An empty list costs nothing. */
static void list_drop(struct tree *tree, void **list, uint32_t *capacity)
{
    if (*capacity > 0)
        tree_charge(tree, -(ptrdiff_t)mem_good_size(8 * (size_t)*capacity));
    mem_free(*list);
    *list = NULL;
    *capacity = 0;
}

struct page *tree_capture(struct tree *tree, uint32_t capture)
{
    ASSERT(capture != 0);
    if (tree->dirty_count == 0)
        return NULL;
    struct node *node = tree->dirty[tree->dirty_count - 1];
    node_set_clean(tree, node);
    node->captured_in = capture;
    if (tree->dirty_count == 0) {
        void *list = tree->dirty;
        list_drop(tree, &list, &tree->dirty_capacity);
        tree->dirty = NULL;
    }
    if (!node->is_inner)
        return page_ref(as_page(node));
    return inner_encode(tree, as_inner(node));
}

size_t tree_vanished_count(const struct tree *tree)
{
    return tree->vanished_count;
}

bool tree_pop_vanished(struct tree *tree, uint64_t *id)
{
    if (tree->vanished_count == 0)
        return false;
    *id = tree->vanished[--tree->vanished_count];
    if (tree->vanished_count == 0) {
        void *list = tree->vanished;
        list_drop(tree, &list, &tree->vanished_capacity);
        tree->vanished = NULL;
    }
    return true;
}

void tree_push_vanished(struct tree *tree, uint64_t id)
{
    vanish(tree, id);
}

/* ---- when a save has failed ---------------------------------------------- */

static void each_below(struct tree *tree, struct node *node,
                       void (*visit)(struct tree *tree, struct node *node,
                                     uint32_t capture),
                       uint32_t capture)
{
    if (node->is_inner) {
        struct inner *inner = as_inner(node);
        for (unsigned at = 0; at < inner->count; at++)
            each_below(tree, inner->nodes[at], visit, capture);
    }
    visit(tree, node, capture);
}

void tree_each_node(struct tree *tree,
                    void (*visit)(struct tree *tree, struct node *node,
                                  uint32_t capture),
                    uint32_t capture)
{
    each_below(tree, tree->root, visit, capture);
}

static void dirty_again(struct tree *tree, struct node *node, uint32_t capture)
{
    if (node->captured_in == capture)
        node_set_dirty(tree, node);
}

void tree_uncapture(struct tree *tree, uint32_t capture)
{
    tree_each_node(tree, dirty_again, capture);
}

static void dirty_and_new(struct tree *tree, struct node *node,
                          uint32_t capture)
{
    (void)capture;
    node->captured_in = 0;
    node_set_dirty(tree, node);
}

void tree_forget_saved(struct tree *tree)
{
    uint64_t id;
    while (tree_pop_vanished(tree, &id))
        continue;
    tree_each_node(tree, dirty_and_new, 0);
}
