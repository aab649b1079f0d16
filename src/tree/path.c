/* path.c - from the root down to an element.
 *
 * Going by key also gives the page's search what it needs to guess well: the
 * separators left and right of the way are bounds of the hashes below. Counts
 * are added up only for who wants to know the rank: they are half of the cache
 * lines of a way. */
#include "tree/internal.h"

/* Between the look at a way and the change nothing leaves memory: is_sure says
 * that a second look is taken at what the first has found. */
err_t tree_node(const struct tree *tree, struct inner *parent, unsigned at,
                struct node **out)
{
    struct node *node = parent == NULL ? tree->root : parent->nodes[at];
    if (tree->env->on_access != NULL && !tree->is_sure) {
        err_t err = tree->env->on_access(tree->env->arg, node->id);
        if (err)
            return err;
    }
    *out = node;
    return ERR_OK;
}

uint64_t element_order(const struct tree         *tree,
                       const struct page_element *element)
{
    if (!page_kind_is_hashed((enum page_kind)tree->kind))
        return element->order;
    return page_value_hash(&tree->env->hasher, &element->key);
}

/* The target, and what is known of the orders below a node: they lie within
 * low and high. */
struct way {
    const struct page_target *target;
    uint64_t                  low, high;
    bool                      is_even; /* orders are hashes */
};

static struct way way_of(const struct tree        *tree,
                         const struct page_target *target)
{
    return (struct way){
        .target = target,
        .high = UINT64_MAX,
        .is_even = page_kind_is_hashed((enum page_kind)tree->kind)
    };
}

/* Is the separator of that child behind the target? REQUIRES: at > 0. */
static inline bool is_behind(const struct inner *inner, unsigned at,
                             const struct page_target *target)
{
    if (target->order != inner->orders[at])
        return target->order < inner->orders[at];
    if (target->where != TARGET_KEY)
        return target->where == TARGET_LOWEST && inner->keys[at] != NULL;
    struct page_value key = sep_value(inner->keys[at]);
    return page_value_compare(&target->key, &key) < 0;
}

/* Steps from where an even order should be: it is missed by about half the
 * root of the count. False: not near, or not even. */
#define NEAR_STEPS 32

static bool inner_search_near(const struct inner *inner, const struct way *way,
                              unsigned *at)
{
    unsigned steps = 0;
    if (!way->is_even || inner->count < 16)
        return false;
    double part = (double)(way->target->order - way->low) /
                  ((double)(way->high - way->low) + 1);
    unsigned guess = (unsigned)(part * inner->count);
    if (guess >= inner->count)
        guess = inner->count - 1;
    while (guess > 0 && is_behind(inner, guess, way->target)) {
        guess--;
        if (++steps == NEAR_STEPS)
            return false;
    }
    while (guess + 1 < inner->count &&
           !is_behind(inner, guess + 1, way->target)) {
        guess++;
        if (++steps == NEAR_STEPS)
            return false;
    }
    *at = guess;
    return true;
}

/* The last child whose separator is not behind the target; the way's bounds
 * become those of its separators. */
static unsigned inner_search(const struct inner *inner, struct way *way)
{
    unsigned low = 1, high = inner->count, at;
    if (!inner_search_near(inner, way, &at)) {
        while (low < high) {
            unsigned middle = low + (high - low) / 2;
            if (is_behind(inner, middle, way->target))
                high = middle;
            else
                low = middle + 1;
        }
        at = low - 1;
    }
    if (at > 0)
        way->low = inner->orders[at];
    if (at + 1 < inner->count)
        way->high = inner->orders[at + 1];
    return at;
}

err_t path_to_target(struct tree *tree, const struct page_target *target,
                     struct tree_path *path)
{
    struct node *node;
    struct way   way = way_of(tree, target);
    err_t        err = tree_node(tree, NULL, 0, &node);
    for (unsigned level = tree->level; !err && level > 0; level--) {
        struct inner *inner = as_inner(node);
        unsigned      at = inner_search(inner, &way);
        path->step[level - 1] = (struct tree_step){ inner, at };
        err = tree_node(tree, inner, at, &node);
    }
    if (err)
        return err;
    path->leaf = as_page(node);
    path->slot = page_search(path->leaf->bytes, &tree->env->hasher, target,
                             way.low, way.high, &path->found);
    return ERR_OK;
}

void tree_warm_leaf(const struct tree *tree, uint64_t order, slice key,
                    struct tree_warm *out)
{
    out->leaf = NULL;
    if (tree->kind == PAGE_LIST || tree->level == 0 ||
        tree->env->on_access != NULL)
        return;
    struct page_target target = { .order = order,
                                  .where = TARGET_KEY,
                                  .key = page_value_pack(key) };
    if (page_kind_is_hashed((enum page_kind)tree->kind))
        target.order = page_value_hash(&tree->env->hasher, &target.key);
    struct way   way = way_of(tree, &target);
    struct node *node = tree->root;
    for (unsigned level = tree->level; level > 0; level--) {
        const struct inner *inner = as_inner(node);
        node = inner->nodes[inner_search(inner, &way)];
    }
    *out = (struct tree_warm){ .leaf = as_page(node),
                               .order = target.order,
                               .low = way.low,
                               .high = way.high };
    __builtin_prefetch(out->leaf);
}

void tree_warm_place(const struct tree_warm *warm)
{
    if (warm->leaf != NULL)
        page_warm(warm->leaf->bytes, warm->order, warm->low, warm->high);
}

uint64_t path_rank(const struct tree *tree, const struct tree_path *path)
{
    uint64_t rank = path->slot;
    for (unsigned level = 0; level < tree->level; level++) {
        const struct inner *inner = path->step[level].inner;
        for (unsigned before = 0; before < path->step[level].at; before++)
            rank += inner->counts[before];
    }
    return rank;
}

static err_t path_to_key_small(struct tree *tree, const struct page_value *key,
                               struct tree_path *path)
{
    struct node *node;
    err_t        err = tree_node(tree, NULL, 0, &node);
    if (err)
        return err;
    path->leaf = as_page(node);
    path->slot = page_scan(path->leaf->bytes, key);
    path->found = path->slot < page_count(path->leaf->bytes);
    return ERR_OK;
}

err_t path_to_key(struct tree *tree, uint64_t order,
                  const struct page_value *key, struct tree_path *path)
{
    ASSERT(tree->kind != PAGE_LIST);
    if (tree_is_small(tree))
        return path_to_key_small(tree, key, path);
    struct page_target target = { .order = order,
                                  .where = TARGET_KEY,
                                  .key = *key };
    if (page_kind_is_hashed((enum page_kind)tree->kind))
        target.order = page_value_hash(&tree->env->hasher, key);
    return path_to_target(tree, &target, path);
}

err_t path_to_rank(struct tree *tree, uint64_t rank, bool is_insert,
                   struct tree_path *path)
{
    ASSERT(rank < tree->count + is_insert);
    struct node *node;
    uint64_t     left = rank;
    path->found = !is_insert;
    err_t err = tree_node(tree, NULL, 0, &node);
    for (unsigned level = tree->level; !err && level > 0; level--) {
        struct inner *inner = as_inner(node);
        unsigned      at = 0;
        while (left >= inner->counts[at] + is_insert)
            left -= inner->counts[at++];
        ASSERT(at < inner->count);
        path->step[level - 1] = (struct tree_step){ inner, at };
        err = tree_node(tree, inner, at, &node);
    }
    if (err)
        return err;
    path->leaf = as_page(node);
    path->slot = (unsigned)left;
    return ERR_OK;
}

bool path_is_last(const struct tree *tree, const struct tree_path *path,
                  unsigned level)
{
    for (; level < tree->level; level++)
        if (path->step[level].at + 1 < path->step[level].inner->count)
            return false;
    return true;
}

bool path_is_first(const struct tree *tree, const struct tree_path *path,
                   unsigned level)
{
    for (; level < tree->level; level++)
        if (path->step[level].at > 0)
            return false;
    return true;
}
