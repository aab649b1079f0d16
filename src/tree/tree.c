/* tree.c - a tree's life, and its operations: each finds its way first, which
 * may be answered by ERR_AGAIN, and changes afterwards, which can't fail. */
#include "tree/internal.h"

struct tree *tree_alloc(const struct tree_env *env, enum page_kind kind)
{
    ASSERT(env->page_limit > PAGE_HEADER_BYTES);
    ASSERT(env->page_limit <= PAGE_LIMIT_MAX);
    ASSERT(kind < PAGE_KIND_COUNT);

    struct tree *tree = mem_calloc(1, sizeof(*tree));
    tree->env = env;
    tree->kind = (uint8_t)kind;
    tree_charge(tree, (ptrdiff_t)mem_good_size(sizeof(*tree)));
    return tree;
}

struct tree *tree_new(const struct tree_env *env, enum page_kind kind)
{
    struct tree *tree = tree_alloc(env, kind);
    struct page *page = page_new(kind, (*env->next_id)++, 0);
    tree_charge(tree, (ptrdiff_t)page_charge_bytes(page));
    if (page_kind_is_hashed(kind))
        page_set_small(page, true);
    tree->root = &page->node;
    node_set_dirty(tree, tree->root);
    return tree;
}

struct tree *tree_from_page(const struct tree_env *env, slice checked)
{
    const uint8_t *bytes = (const uint8_t *)checked.data;
    struct tree   *tree = tree_alloc(env, page_kind_of(bytes));
    struct page   *page = page_from_bytes(checked, (*env->next_id)++);
    tree_charge(tree, (ptrdiff_t)page_charge_bytes(page));
    tree->root = &page->node;
    tree->count = page_count(bytes);
    tree->longest = checked.len;
    node_set_dirty(tree, tree->root);
    return tree;
}

/* ---- the end ------------------------------------------------------------- */

/* Frees what its books hold but the nodes. */
static void tree_free_struct(struct tree *tree)
{
    uint64_t id;
    ASSERT(tree->dirty_count == 0);
    while (tree_pop_vanished(tree, &id))
        continue;
    mem_free(tree->dirty);
    mem_free(tree->vanished);
    if (tree->env->on_charge != NULL)
        tree->env->on_charge(tree->env->arg, -(ptrdiff_t)tree->bytes);
    mem_free(tree);
}

/* Drops the last node that has nothing below it. */
static void tree_drop_last(struct tree *tree)
{
    struct inner *parent = NULL;
    struct node  *node = tree->root;
    while (node->is_inner && as_inner(node)->count > 0) {
        parent = as_inner(node);
        node = parent->nodes[parent->count - 1];
    }
    if (parent == NULL)
        tree->root = NULL;
    else
        sep_free(tree, inner_take(parent, parent->count - 1u).key);
    node->captured_in = 0; /* the caller deletes the whole object on disk */
    node_drop(tree, node);
}

bool tree_free_slice(struct tree *tree, size_t max_nodes)
{
    for (; max_nodes > 0 && tree->root != NULL; max_nodes--)
        tree_drop_last(tree);
    if (tree->root != NULL)
        return false;
    tree_free_struct(tree);
    return true;
}

void tree_free(struct tree *tree)
{
    if (tree != NULL)
        (void)tree_free_slice(tree, SIZE_MAX);
}

/* ---- what it is ---------------------------------------------------------- */

enum page_kind tree_kind(const struct tree *tree)
{
    return (enum page_kind)tree->kind;
}

uint64_t tree_count(const struct tree *tree)
{
    return tree->count;
}

size_t tree_bytes(const struct tree *tree)
{
    return tree->bytes;
}

size_t tree_longest(const struct tree *tree)
{
    return tree->longest + 2 * NUM_INT64_CHARS; /* what was packed as numbers */
}

unsigned tree_level(const struct tree *tree)
{
    return tree->level;
}

uint64_t tree_root_id(const struct tree *tree)
{
    return tree->root->id;
}

const struct page *tree_only_page(const struct tree *tree)
{
    return tree->level == 0 ? as_page(tree->root) : NULL;
}

void tree_set_tag(struct tree *tree, unsigned tag)
{
    ASSERT(tree->level == 0);
    if (page_tag(as_page(tree->root)->bytes) == tag)
        return;
    struct edit edit = edit_open(tree, NULL, 0);
    page_set_tag(edit.page, tag);
    edit_close(tree, &edit);
}

bool tree_is_small(const struct tree *tree)
{
    return tree->level == 0 && page_is_small(as_page(tree->root)->bytes);
}

uint64_t tree_hash(const struct tree *tree, slice key)
{
    struct page_value value = page_value_pack(key);
    return page_value_hash(&tree->env->hasher, &value);
}

/* ---- by key -------------------------------------------------------------- */

err_t tree_find(struct tree *tree, uint64_t order, slice key,
                struct page_element *out, bool *found)
{
    struct tree_path  path;
    struct page_value value = page_value_pack(key);
    err_t             err = path_to_key(tree, order, &value, &path);
    if (err)
        return err;
    *found = path.found;
    if (path.found)
        page_get(path.leaf->bytes, path.slot, out);
    return ERR_OK;
}

err_t tree_rank(struct tree *tree, uint64_t order, slice key, uint64_t *rank,
                bool *found)
{
    struct tree_path  path;
    struct page_value value = page_value_pack(key);
    err_t             err = path_to_key(tree, order, &value, &path);
    if (err)
        return err;
    *found = path.found;
    *rank = path_rank(tree, &path);
    return ERR_OK;
}

err_t tree_rank_of(struct tree *tree, const struct page_target *target,
                   uint64_t *rank)
{
    struct tree_path path;
    ASSERT(tree->kind != PAGE_LIST);
    ASSERT(!tree_is_small(tree));
    err_t err = path_to_target(tree, target, &path);
    if (!err)
        *rank = path_rank(tree, &path);
    return err;
}

/* The element as it will be in a page. */
static struct page_element element_make(struct tree *tree, uint64_t order,
                                        slice key, slice value)
{
    if (tree->longest < key.len + value.len)
        tree->longest = key.len + value.len;
    struct page_element element = { .order = order,
                                    .key = page_value_pack(key) };
    if (tree->kind == PAGE_SCORES) {
        ASSERT(value.len == PAGE_SCORE_BYTES);
        element.value = page_value_raw(value);
    } else if (tree->kind == PAGE_HASH || tree->kind == PAGE_LIST) {
        element.value = page_value_pack(value);
    }
    return element;
}

/* Would a small page become longer than a page may be, or too much to look
 * through? */
static bool small_is_full(const struct tree *tree, const struct tree_path *path,
                          const struct page_element *element)
{
    const uint8_t *bytes = path->leaf->bytes;
    unsigned       others = page_count(bytes) - path->found;
    size_t len = path->found ? page_len_replaced(bytes, path->slot, element)
                             : page_len_inserted(bytes, element);
    return others > 0 &&
           (len > tree->env->page_limit || others >= TREE_SMALL_COUNT_MAX);
}

err_t tree_put(struct tree *tree, uint64_t order, slice key, slice value,
               bool *created)
{
    struct tree_path    path;
    struct page_element element = element_make(tree, order, key, value);
    err_t               err = path_to_key(tree, order, &element.key, &path);
    if (err)
        return err;

    if (tree_is_small(tree) && small_is_full(tree, &path, &element)) {
        tree_sort(tree);
        tree->is_sure = true;
        err = path_to_key(tree, order, &element.key, &path);
        tree->is_sure = false;
        ASSERT(!err);
    }
    *created = !path.found;
    if (!path.found)
        path_insert(tree, &path, &element);
    else if (tree->kind == PAGE_HASH || tree->kind == PAGE_SCORES)
        path_replace(tree, &path, &element);
    return ERR_OK;
}

err_t tree_delete(struct tree *tree, uint64_t order, slice key, bool *deleted)
{
    struct tree_path  path;
    struct page_value value = page_value_pack(key);
    err_t             err = path_to_key(tree, order, &value, &path);
    if (err)
        return err;
    *deleted = path.found;
    if (path.found)
        path_remove(tree, &path, 1);
    return ERR_OK;
}

/* ---- by rank ------------------------------------------------------------- */

err_t tree_get(struct tree *tree, uint64_t rank, struct page_element *out)
{
    struct tree_path path;
    err_t            err = path_to_rank(tree, rank, false, &path);
    if (!err)
        page_get(path.leaf->bytes, path.slot, out);
    return err;
}

err_t tree_hold(struct tree *tree, uint64_t rank, struct page_element *out,
                struct page **page)
{
    struct tree_path path;
    err_t            err = path_to_rank(tree, rank, false, &path);
    if (err)
        return err;
    page_get(path.leaf->bytes, path.slot, out);
    *page = page_ref(path.leaf);
    return ERR_OK;
}

err_t tree_random(struct tree *tree, struct rand *rand,
                  struct page_element *out)
{
    ASSERT(tree->count > 0);
    return tree_get(tree, rand_below(rand, tree->count), out);
}

err_t tree_insert_at(struct tree *tree, uint64_t rank, slice value)
{
    struct tree_path path;
    ASSERT(tree->kind == PAGE_LIST);
    struct page_element element = element_make(tree, 0, SLICE_EMPTY, value);
    err_t               err = path_to_rank(tree, rank, true, &path);
    if (!err)
        path_insert(tree, &path, &element);
    return err;
}

err_t tree_replace_at(struct tree *tree, uint64_t rank, slice value)
{
    struct tree_path path;
    ASSERT(tree->kind == PAGE_LIST);
    struct page_element element = element_make(tree, 0, SLICE_EMPTY, value);
    err_t               err = path_to_rank(tree, rank, false, &path);
    if (!err)
        path_replace(tree, &path, &element);
    return err;
}

err_t tree_range_bytes(struct tree *tree, uint64_t rank, uint64_t count,
                       size_t *bytes)
{
    struct tree_path path;
    uint64_t         end = rank + count;
    ASSERT(rank <= tree->count);
    ASSERT(count <= tree->count - rank);
    *bytes = 0;
    while (rank < end) {
        err_t err = path_to_rank(tree, rank, false, &path);
        if (err)
            return err;
        *bytes += path.leaf->len;
        rank += page_count(path.leaf->bytes) - path.slot;
    }
    return ERR_OK;
}

err_t tree_overwrite_at(struct tree *tree, uint64_t rank, size_t offset,
                        slice bytes)
{
    struct tree_path path;
    ASSERT(tree->kind == PAGE_LIST);
    err_t err = path_to_rank(tree, rank, false, &path);
    if (err)
        return err;
    struct edit edit = path_edit(tree, &path);
    page_overwrite(edit.page, path.slot, offset, bytes);
    path_edit_close(tree, &path, &edit);
    return ERR_OK;
}

/* Every leaf of a range, without changing any. */
static err_t tree_look_range(struct tree *tree, uint64_t rank, uint64_t count)
{
    struct tree_path path;
    uint64_t         end = rank + count;
    while (tree->env->on_access != NULL && rank < end) {
        err_t err = path_to_rank(tree, rank, false, &path);
        if (err)
            return err;
        rank += page_count(path.leaf->bytes) - path.slot;
    }
    return ERR_OK;
}

err_t tree_delete_range(struct tree *tree, uint64_t rank, uint64_t count)
{
    ASSERT(rank <= tree->count);
    ASSERT(count <= tree->count - rank);
    err_t err = tree_look_range(tree, rank, count);
    while (!err && count > 0) {
        struct tree_path path;
        tree->is_sure = true;
        err = path_to_rank(tree, rank, false, &path);
        tree->is_sure = false;
        ASSERT(!err);
        uint64_t here = page_count(path.leaf->bytes) - path.slot;
        if (here > count)
            here = count;
        path_remove(tree, &path, (unsigned)here);
        count -= here;
    }
    return err;
}
