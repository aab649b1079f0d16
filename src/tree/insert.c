/* insert.c - an element comes in.
 *
 * When its page is full, in this order:
 *   1. At the very end (or start) of the tree a new page is begun, and the full
 *      one stays full: what is appended fills pages to 100 %.
 *   2. A neighbour with room takes half of the difference. Without this step
 *      pages would be 69 % full after random insertions, with it 80 % and more.
 *   3. The page is split in the middle; around an element that is a large part
 *      of a page itself, at its place. Repeated until it fits: elements of a
 *      new shape may make a page longer by more than themselves.
 * A neighbour that is not in memory is no neighbour. Inner nodes do 1 and 3. */
#include "tree/internal.h"

/* ---- inner nodes --------------------------------------------------------- */

static void tree_add_root(struct tree *tree, struct tree_path *path)
{
    ASSERT(tree->level < TREE_LEVELS_MAX);
    struct inner *root =
        inner_new(tree, tree->level + 1u, inner_root_capacity(tree, 2));
    inner_insert(root, 0,
                 (struct child){ .node = tree->root, .count = tree->count });
    path->step[tree->level] = (struct tree_step){ root, 0 };
    tree->root = &root->node;
    tree->level++;
}

static void path_add_node(struct tree *tree, struct tree_path *path,
                          unsigned level, struct child child);

/* Splits the node that the path's step goes through. The path goes through the
 * same child after. */
static void path_split_inner(struct tree *tree, struct tree_path *path,
                             unsigned level)
{
    struct tree_step *step = &path->step[level];
    struct inner     *left = step->inner;
    unsigned          cut = left->count / 2u;
    if (step->at + 1 == left->count && path_is_last(tree, path, level))
        cut = left->count - 1u;
    else if (step->at == 0 && path_is_first(tree, path, level))
        cut = 1;

    struct inner *right = inner_new(tree, left->level, inner_fanout(tree));
    struct child  moved = { .node = &right->node,
                            .count = inner_sum(left, cut),
                            .order = left->orders[cut],
                            .key = left->keys[cut] };
    left->orders[cut] = 0;
    left->keys[cut] = NULL;
    while (left->count > cut)
        inner_insert(right, right->count, inner_take(left, cut));
    node_set_dirty(tree, &left->node);
    path_add_node(tree, path, level + 1, moved);
    if (step->at >= cut) {
        *step = (struct tree_step){ right, step->at - cut };
        path->step[level + 1].at++;
    }
}

/* A node comes behind the path's one of that level, of which child.count
 * elements have moved to it. The path stays where it is. */
static void path_add_node(struct tree *tree, struct tree_path *path,
                          unsigned level, struct child child)
{
    if (level == tree->level)
        tree_add_root(tree, path);
    struct tree_step *step = &path->step[level];
    if (step->inner->count == step->inner->capacity &&
        step->inner->capacity < inner_fanout(tree)) {
        ASSERT(level + 1u == tree->level);
        step->inner = inner_grow(tree, step->inner);
        tree->root = &step->inner->node;
    }
    if (step->inner->count == step->inner->capacity)
        path_split_inner(tree, path, level);
    step->inner->counts[step->at] -= child.count;
    inner_insert(step->inner, step->at + 1, child);
    node_set_dirty(tree, &step->inner->node);
}

/* ---- leaves -------------------------------------------------------------- */

static struct page *leaf_new(struct tree *tree, size_t room_bytes)
{
    struct page *page = page_new((enum page_kind)tree->kind,
                                 (*tree->env->next_id)++, room_bytes);
    tree_charge(tree, (ptrdiff_t)page_charge_bytes(page));
    node_set_dirty(tree, &page->node);
    return page;
}

static struct sep sep_after(struct tree *tree, const struct page *page,
                            const struct page_element *new)
{
    struct page_element last;
    page_get(page->bytes, page_count(page->bytes) - 1, &last);
    return sep_between(tree, &last, new);
}

static struct sep sep_before(struct tree *tree, const struct page *page,
                             unsigned slot, const struct page_element *new)
{
    struct page_element first;
    page_get(page->bytes, slot, &first);
    return sep_between(tree, new, &first);
}

/* An empty page for an element. What is appended will be followed by more, so
 * there is room for a whole page at once; unless few like it can follow. */
static struct page *leaf_new_for(struct tree *tree,
                                 const struct page_element *new)
{
    size_t alone = page_len_alone((enum page_kind)tree->kind, new);
    size_t limit = tree->env->page_limit;
    return leaf_new(tree, alone > limit / 4 ? alone : limit);
}

/* An empty page behind the path's one; the path goes to it. */
static void path_new_leaf_after(struct tree *tree, struct tree_path *path,
                                const struct page_element *new)
{
    struct sep   sep = sep_after(tree, path->leaf, new);
    struct page *page = leaf_new_for(tree, new);
    path_add_node(tree, path, 0,
                  (struct child){ .node = &page->node,
                                  .order = sep.order,
                                  .key = sep.key });
    path->step[0].at++;
    path->leaf = page;
    path->slot = 0;
}

/* The same in front: the two change places in their parent. */
static void path_new_leaf_before(struct tree *tree, struct tree_path *path,
                                 const struct page_element *new)
{
    struct sep   sep = sep_before(tree, path->leaf, 0, new);
    struct page *page = leaf_new_for(tree, new);
    path_add_node(tree, path, 0,
                  (struct child){ .node = &page->node,
                                  .order = sep.order,
                                  .key = sep.key });
    struct tree_step *step = &path->step[0];
    struct inner     *inner = step->inner;
    inner->nodes[step->at + 1] = inner->nodes[step->at];
    inner->counts[step->at + 1] = inner->counts[step->at];
    inner->nodes[step->at] = &page->node;
    inner->counts[step->at] = 0;
    path->leaf = page;
    path->slot = 0;
}

/* Splits the leaf before an element; the path goes where its slot now is. */
static void path_split_leaf(struct tree *tree, struct tree_path *path,
                            unsigned cut, bool stay_left,
                            const struct page_element *new)
{
    struct edit  edit = path_edit(tree, path);
    unsigned     moved = page_count(edit.page->bytes) - cut;
    struct page *right = page_new((enum page_kind)tree->kind,
                                  (*tree->env->next_id)++, edit.page->len / 2);
    page_splice(&right, 0, edit.page->bytes, cut, moved);
    page_remove(&edit.page, cut, moved);
    page_tidy(&edit.page);
    page_tidy(&right);
    tree_charge(tree, (ptrdiff_t)page_charge_bytes(right));
    node_set_dirty(tree, &right->node);
    path_edit_close(tree, path, &edit);

    struct page_element first;
    struct sep          sep;
    page_get(right->bytes, 0, &first);
    if (path->slot != cut)
        sep = sep_after(tree, path->leaf, &first);
    else if (stay_left)
        sep = sep_between(tree, new, &first);
    else
        sep = sep_after(tree, path->leaf, new);
    path_add_node(tree, path, 0,
                  (struct child){ .node = &right->node,
                                  .count = moved,
                                  .order = sep.order,
                                  .key = sep.key });
    if (path->slot > cut || (path->slot == cut && !stay_left)) {
        path->step[0].at++;
        path->leaf = right;
        path->slot -= cut;
    }
}

/* ---- neighbours ---------------------------------------------------------- */

/* A neighbour with the same parent that has room, and is there. */
static struct page *neighbour(struct tree *tree, const struct tree_path *path,
                              unsigned at)
{
    struct inner *inner = path->step[0].inner;
    struct node  *node;
    if (at >= inner->count || tree_node(tree, inner, at, &node) != ERR_OK)
        return NULL;
    struct page *page = as_page(node);
    if (page->len > tree->env->page_limit / 8 * 7)
        return NULL;
    /* Only between pages of one form are lengths what they seem. */
    if (page_len_joined(page->bytes, path->leaf->bytes) !=
        page->len + path->leaf->len - PAGE_HEADER_BYTES)
        return NULL;
    return page;
}

/* Moves elements [from, from + count) of the path's leaf to the neighbour. */
static void move_to_neighbour(struct tree *tree, struct tree_path *path,
                              unsigned neighbour_at, unsigned from,
                              unsigned count)
{
    struct inner *inner = path->step[0].inner;
    unsigned      at = path->step[0].at;
    struct edit   take = edit_open(tree, inner, neighbour_at);
    struct edit   give = edit_open(tree, inner, at);
    unsigned      where = from == 0 ? page_count(take.page->bytes) : 0;
    page_splice(&take.page, where, give.page->bytes, from, count);
    page_remove(&give.page, from, count);
    edit_close(tree, &take);
    path_edit_close(tree, path, &give);
    inner->counts[at] -= count;
    inner->counts[neighbour_at] += count;
    node_set_dirty(tree, &inner->node);
}

/* How many elements make half of the difference, from the start; 0 if that
 * helps nobody. */
static unsigned count_to_move(const struct tree *tree, const uint8_t *leaf,
                              const struct page *to, bool from_end)
{
    unsigned count = page_count(leaf);
    size_t   len = page_len(leaf);
    if (count < 2 || len <= to->len)
        return 0;
    size_t   bytes = (len - to->len) / 2;
    unsigned index = page_index_at(leaf, from_end ? len - bytes : bytes);
    size_t   moved = page_len_range(leaf, from_end ? index : 0,
                                  from_end ? count - index : index);
    if (index == 0 || index >= count || to->len + moved > tree->env->page_limit)
        return 0;
    return from_end ? count - index : index;
}

static bool path_shift_left(struct tree *tree, struct tree_path *path,
                            const struct page_element *new)
{
    unsigned     at = path->step[0].at;
    struct page *left = at > 0 ? neighbour(tree, path, at - 1) : NULL;
    if (left == NULL)
        return false;
    unsigned moved = count_to_move(tree, path->leaf->bytes, left, false);
    if (moved == 0)
        return false;
    unsigned left_count = page_count(left->bytes);
    move_to_neighbour(tree, path, at - 1, 0, moved);

    struct inner       *inner = path->step[0].inner;
    struct page        *joined = as_page(inner->nodes[at - 1]);
    struct page_element first;
    page_get(path->leaf->bytes, 0, &first);
    if (path->slot == moved) /* it stays, and is the first then */
        first = *new;
    inner_set_sep(tree, inner, at, sep_after(tree, joined, &first));
    if (path->slot < moved) {
        path->step[0].at--;
        path->leaf = joined;
        path->slot += left_count;
    } else {
        path->slot -= moved;
    }
    return true;
}

static bool path_shift_right(struct tree *tree, struct tree_path *path,
                             const struct page_element *new)
{
    unsigned     at = path->step[0].at;
    struct page *right = neighbour(tree, path, at + 1);
    if (right == NULL)
        return false;
    unsigned moved = count_to_move(tree, path->leaf->bytes, right, true);
    if (moved == 0)
        return false;
    unsigned kept = page_count(path->leaf->bytes) - moved;
    move_to_neighbour(tree, path, at + 1, kept, moved);

    struct inner       *inner = path->step[0].inner;
    struct page        *joined = as_page(inner->nodes[at + 1]);
    struct page_element last;
    page_get(path->leaf->bytes, kept - 1, &last);
    if (path->slot == kept) /* it stays, and is the last then */
        last = *new;
    inner_set_sep(tree, inner, at + 1, sep_before(tree, joined, 0, &last));
    if (path->slot > kept) {
        path->step[0].at++;
        path->leaf = joined;
        path->slot -= kept;
    }
    return true;
}

/* ---- all together -------------------------------------------------------- */

static bool leaf_has_room(const struct tree *tree, const struct page *page,
                          const struct page_element *new)
{
    return page_count(page->bytes) == 0 ||
           page_len_inserted(page->bytes, new) <= tree->env->page_limit;
}

/* Until the path's leaf has room for the element. */
static void path_make_room(struct tree *tree, struct tree_path *path,
                           const struct page_element *new)
{
    size_t limit = tree->env->page_limit;
    bool is_large = page_len_alone((enum page_kind)tree->kind, new) > limit / 2;
    while (!leaf_has_room(tree, path->leaf, new)) {
        unsigned count = page_count(path->leaf->bytes);
        bool     at_edge = path->slot == 0 || path->slot == count;
        if (path->slot == count && (is_large || count == 1)) {
            path_new_leaf_after(tree, path, new);
        } else if (path->slot == 0 && (is_large || count == 1)) {
            path_new_leaf_before(tree, path, new);
        } else {
            ASSERT(count >= 2);
            unsigned cut = is_large && !at_edge
                               ? path->slot
                               : page_middle(path->leaf->bytes);
            path_split_leaf(tree, path, cut, true, new);
        }
    }
}

void path_insert(struct tree *tree, struct tree_path *path,
                 const struct page_element *new)
{
    if (!leaf_has_room(tree, path->leaf, new)) {
        ASSERT(!page_is_small(path->leaf->bytes));
        unsigned count = page_count(path->leaf->bytes);
        if (path->slot == count && path_is_last(tree, path, 0))
            path_new_leaf_after(tree, path, new);
        else if (path->slot == 0 && path_is_first(tree, path, 0))
            path_new_leaf_before(tree, path, new);
        else if (tree->level == 0 || (!path_shift_left(tree, path, new) &&
                                      !path_shift_right(tree, path, new)))
            path_make_room(tree, path, new);
        path_make_room(tree, path, new);
    }
    struct edit edit = path_edit(tree, path);
    page_insert(&edit.page, path->slot, new);
    path_edit_close(tree, path, &edit);
    path_add_count(tree, path, 1);
}

void path_replace(struct tree *tree, struct tree_path *path,
                  const struct page_element *new)
{
    const uint8_t *bytes = path->leaf->bytes;
    size_t         len = page_len_replaced(bytes, path->slot, new);
    bool        fits = len <= tree->env->page_limit || page_count(bytes) == 1;
    struct edit edit = path_edit(tree, path);
    if (fits)
        page_replace(&edit.page, path->slot, new);
    else
        page_remove(&edit.page, path->slot, 1);
    path_edit_close(tree, path, &edit);
    if (fits) {
        path_shrunk(tree, path);
    } else {
        path_add_count(tree, path, -1);
        path_insert(tree, path, new);
    }
}
