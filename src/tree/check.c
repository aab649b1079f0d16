/* check.c - every invariant of a tree, said in one place.
 *
 *   - all leaves are equally deep; the root has two children or more, other
 *     inner nodes one or more; leaves are not empty, but for that of an empty
 *     tree; a leaf longer than the limit has one element;
 *   - a count is the sum of what is below;
 *   - separators rise; everything below a child is at or behind its separator
 *     and before the next one's; the first one's is empty;
 *   - small is only a root that is a leaf, of few elements;
 *   - a node is on the dirty list exactly once if it is dirty, and all that
 *     are on it are in the tree;
 *   - the bytes charged are what the nodes and lists take. */
#include "tree/internal.h"

struct bound {
    bool              is_set;
    uint64_t          order;
    struct page_value key;
};

struct check {
    const struct tree *tree;
    uint64_t           dirty_count;
    size_t             dirty_bytes;
    size_t             bytes;
    size_t             nodes, leaves, used_bytes;
    const char        *wrong;
};

static bool expect(struct check *check, bool is_right, const char *what)
{
    if (!is_right && check->wrong == NULL)
        check->wrong = what;
    return is_right;
}

/* Is the element (or separator) before the bound? */
static bool is_before(const struct bound *bound, uint64_t order,
                      const struct page_value *key)
{
    struct page_target target = { .order = order,
                                  .where = TARGET_KEY,
                                  .key = *key };
    return page_target_compare(&target, bound->order, &bound->key) < 0;
}

static void check_bounds(struct check *check, const struct page *page,
                         const struct bound *low, const struct bound *high)
{
    struct page_element first, last;
    page_get(page->bytes, 0, &first);
    page_get(page->bytes, page_count(page->bytes) - 1, &last);
    if (low->is_set)
        expect(check,
               !is_before(low, element_order(check->tree, &first), &first.key),
               "an element before its separator");
    if (high->is_set)
        expect(check,
               is_before(high, element_order(check->tree, &last), &last.key),
               "an element behind the next separator");
}

static uint64_t check_leaf(struct check *check, const struct page *page,
                           const struct bound *low, const struct bound *high)
{
    const struct tree *tree = check->tree;
    unsigned           count = page_count(page->bytes);
    bool               is_root = tree->level == 0;
    check->leaves++;
    check->used_bytes += page->len;
    check->bytes += page_charge_bytes(page);
    expect(check, page->len == page_len(page->bytes), "a page's length");
    expect(check, page->len <= page->capacity, "a page's capacity");
    expect(check,
           page_check(slice_make(page->bytes, page->len),
                      (enum page_kind)tree->kind, &tree->env->hasher) == ERR_OK,
           "a page");
    expect(check, count > 0 || is_root, "an empty leaf");
    expect(check, page->len <= tree->env->page_limit || count == 1,
           "a leaf too long");
    expect(check,
           !page_is_small(page->bytes) ||
               (is_root && count <= TREE_SMALL_COUNT_MAX),
           "a small leaf");
    if (count > 0 && tree->kind != PAGE_LIST && check->wrong == NULL)
        check_bounds(check, page, low, high);
    return count;
}

static uint64_t check_node(struct check *check, struct node *node,
                           unsigned level, const struct bound *low,
                           const struct bound *high);

/* The child's own bounds, from those of its parent and the separators. */
static void check_child(struct check *check, struct inner *inner, unsigned at,
                        const struct bound *low, const struct bound *high)
{
    struct bound own_low = *low, own_high = *high;
    if (check->tree->kind != PAGE_LIST && at > 0)
        own_low = (struct bound){ true, inner->orders[at],
                                  sep_value(inner->keys[at]) };
    if (check->tree->kind != PAGE_LIST && at + 1u < inner->count)
        own_high = (struct bound){ true, inner->orders[at + 1],
                                   sep_value(inner->keys[at + 1]) };
    if (own_low.is_set && own_high.is_set)
        expect(check, is_before(&own_high, own_low.order, &own_low.key),
               "separators that do not rise");
    uint64_t count = check_node(check, inner->nodes[at], inner->level - 1,
                                &own_low, &own_high);
    expect(check, count == inner->counts[at], "a child's count");
}

static uint64_t check_inner(struct check *check, struct inner *inner,
                            unsigned level, const struct bound *low,
                            const struct bound *high)
{
    bool is_root = &inner->node == check->tree->root;
    check->bytes += inner_charge_bytes(inner);
    if (!expect(check, inner->level == level, "a level") ||
        !expect(check, inner->count >= (is_root ? 2 : 1), "too few children"))
        return 0;
    expect(check, inner->count <= inner->capacity, "too many children");
    expect(check, inner->orders[0] == 0 && inner->keys[0] == NULL,
           "the first separator");
    for (unsigned at = 0; at < inner->count && check->wrong == NULL; at++)
        check_child(check, inner, at, low, high);
    return inner_sum(inner, 0);
}

static uint64_t check_node(struct check *check, struct node *node,
                           unsigned level, const struct bound *low,
                           const struct bound *high)
{
    const struct tree *tree = check->tree;
    check->nodes++;
    expect(check, node->id < *tree->env->next_id, "an id never given");
    if (node->dirty_at != 0) {
        check->dirty_count++;
        check->dirty_bytes += node_dirty_bytes(tree, node);
        expect(check,
               node->dirty_at <= tree->dirty_count &&
                   tree->dirty[node->dirty_at - 1] == node,
               "a dirty node that is not listed");
    }
    if (!expect(check, node->is_inner == (level > 0), "a leaf's depth"))
        return 0;
    return level > 0 ? check_inner(check, as_inner(node), level, low, high)
                     : check_leaf(check, as_page(node), low, high);
}

static void check_run(struct check *check)
{
    const struct bound none = { .is_set = false };
    uint64_t           count =
        check_node(check, check->tree->root, check->tree->level, &none, &none);
    expect(check, count == check->tree->count, "the count");
}

const char *tree_check_nodes(const struct tree *tree)
{
    struct check check = { .tree = tree };
    check_run(&check);
    return check.wrong;
}

static size_t list_bytes(uint32_t capacity)
{
    return capacity ? mem_good_size(8 * (size_t)capacity) : 0;
}

const char *tree_check(struct tree *tree)
{
    struct check check = { .tree = tree };
    check_run(&check);
    check.bytes += mem_good_size(sizeof(*tree)) +
                   list_bytes(tree->dirty_capacity) +
                   list_bytes(tree->vanished_capacity);
    expect(&check, check.dirty_count == tree->dirty_count,
           "the dirty list holds what is not in the tree");
    expect(&check, check.dirty_bytes == tree->dirty_bytes,
           "the bytes of dirty nodes");
    expect(&check, check.bytes == tree->bytes, "the bytes charged");
    return check.wrong;
}

void tree_fill(const struct tree *tree, size_t *used_bytes, size_t *leaves)
{
    struct check check = { .tree = tree };
    check_run(&check);
    *used_bytes = check.used_bytes;
    *leaves = check.leaves;
}

size_t tree_nodes(const struct tree *tree)
{
    struct check check = { .tree = tree };
    check_run(&check);
    return check.nodes;
}
