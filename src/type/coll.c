/* coll.c - reading collections. A page is read as it lies in the entry, without
 * making anything of it. */
#include "type/coll.h"

#include "base/assert.h"

struct coll coll_of_page(enum obj_type type, const uint8_t *page)
{
    return (struct coll){ .type = type,
                          .count = page_count(page),
                          .page = page };
}

struct coll coll_of_object(struct object *object)
{
    return (struct coll){ .type = object->type,
                          .count = object_count(object),
                          .object = object };
}

enum object_encoding coll_encoding(const struct coll *coll)
{
    unsigned encoding = coll->page != NULL ? page_tag(coll->page)
                                           : coll->object->encoding;
    return (enum object_encoding)encoding;
}

size_t coll_longest(const struct coll *coll)
{
    if (coll->count == 0)
        return 0;
    if (coll->page != NULL)
        return page_len(coll->page) + 2 * NUM_INT64_CHARS;
    return tree_longest(coll->object->tree);
}

void coll_get(const struct coll *coll, uint64_t rank, struct page_element *out)
{
    ASSERT(rank < coll->count);
    if (coll->page != NULL) {
        page_get(coll->page, (unsigned)rank, out);
        return;
    }
    err_t err = tree_get(coll->object->tree, rank, out);
    ASSERT(err == ERR_OK);
}

static bool page_find(const uint8_t *page, slice key, struct page_element *out)
{
    struct page_value value = page_value_pack(key);
    unsigned          at = page_scan(page, &value);
    if (at == page_count(page))
        return false;
    page_get(page, at, out);
    return true;
}

/* In a page that is sorted by hash. */
static bool page_find_sorted(const struct coll *coll, slice key,
                             struct page_element *out)
{
    bool               found;
    struct page_target target = { .where = TARGET_KEY,
                                  .key = page_value_pack(key) };
    target.order = page_value_hash(coll->hasher, &target.key);
    unsigned at = page_search(coll->page, coll->hasher, &target, 0, UINT64_MAX,
                              &found);
    if (found)
        page_get(coll->page, at, out);
    return found;
}

static bool is_sorted_by_hash(const struct coll *coll)
{
    return coll->hasher != NULL && !page_is_small(coll->page) &&
           page_kind_is_hashed(page_kind_of(coll->page));
}

bool coll_find(const struct coll *coll, slice key, struct page_element *out)
{
    if (coll->count == 0)
        return false;
    if (coll->page != NULL)
        return is_sorted_by_hash(coll) ? page_find_sorted(coll, key, out)
                                       : page_find(coll->page, key, out);
    struct tree *tree = coll->object->tree;
    if (coll->type == OBJ_ZSET) {
        tree = coll->object->scores;
        if (tree == NULL)
            return page_find(tree_only_page(coll->object->tree)->bytes, key,
                             out);
    }
    bool  found;
    err_t err = tree_find(tree, 0, key, out, &found);
    ASSERT(err == ERR_OK);
    return found;
}

void coll_random(const struct coll *coll, struct rand *rand,
                 struct page_element *out)
{
    coll_get(coll, rand_below(rand, coll->count), out);
}

/* ---- walking ------------------------------------------------------------- */

void coll_walk_init(struct coll_walk *walk, const struct coll *coll,
                    uint64_t rank, uint64_t limit, bool is_backward)
{
    *walk = (struct coll_walk){ .coll = coll,
                                .next = rank,
                                .is_backward = is_backward };
    uint64_t there = 0;
    if (rank < coll->count)
        there = is_backward ? rank + 1 : coll->count - rank;
    walk->left = there < limit ? there : limit;
    if (walk->left > 0 && coll->page == NULL)
        tree_walk_init(&walk->walk, coll->object->tree, rank, limit,
                       is_backward);
}

bool coll_walk_next(struct coll_walk *walk, struct page_element *out)
{
    if (walk->left == 0)
        return false;
    walk->left--;
    if (walk->coll->page != NULL) {
        page_get(walk->coll->page, (unsigned)walk->next, out);
        walk->next += walk->is_backward ? UINT64_MAX : 1;
        return true;
    }
    err_t err = tree_walk_next(&walk->walk, out);
    ASSERT(err == ERR_OK);
    return true;
}

/* ---- scanning ------------------------------------------------------------ */

static struct tree *hashed_tree(const struct coll *coll)
{
    struct object *object = coll->object;
    struct tree   *tree = object->tree;
    if (coll->type == OBJ_ZSET)
        tree = object->scores;
    return tree == NULL || tree_is_small(tree) ? NULL : tree;
}

void coll_scan_init(struct coll_scan *scan, const struct coll *coll,
                    uint64_t from)
{
    ASSERT(coll->type != OBJ_LIST);
    scan->tree = NULL;
    if (coll->count > 0 && coll->page == NULL)
        scan->tree = hashed_tree(coll);
    if (scan->tree == NULL) {
        coll_walk_init(&scan->walk, coll, 0, UINT64_MAX, false);
        return;
    }
    struct page_target target = { .order = from, .where = TARGET_LOWEST };
    uint64_t           rank;
    err_t              err = tree_rank_of(scan->tree, &target, &rank);
    ASSERT(err == ERR_OK);
    tree_walk_init(&scan->scores, scan->tree, rank, UINT64_MAX, false);
}

bool coll_scan_next(struct coll_scan *scan, struct page_element *out,
                    uint64_t *hash)
{
    if (hash != NULL)
        *hash = 0;
    if (scan->tree == NULL)
        return coll_walk_next(&scan->walk, out);
    if (tree_walk_next(&scan->scores, out) != ERR_OK)
        return false;
    char buffer[NUM_INT64_CHARS];
    if (hash != NULL)
        *hash = tree_hash(scan->tree, page_value_text(&out->key, buffer));
    return true;
}
