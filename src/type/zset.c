/* zset.c - two trees in step. A score becomes an order by turning the bits of
 * a double so that they rise with it: those of negative ones all, of others
 * the sign. */
#include "type/zset.h"

#include <string.h>

#include "base/assert.h"

#define SIGN_BIT ((uint64_t)1 << 63)

uint64_t zset_order(double score)
{
    uint64_t bits;
    double   value = score == 0 ? 0 : score;
    ASSERT(score == score);
    memcpy(&bits, &value, sizeof(bits));
    return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
}

double zset_score_of_order(uint64_t order)
{
    uint64_t bits = order & SIGN_BIT ? order & ~SIGN_BIT : ~order;
    double   score;
    memcpy(&score, &bits, sizeof(score));
    return score;
}

double zset_score_of(const struct page_element *element)
{
    double score;
    if (element->value.len != PAGE_SCORE_BYTES)
        return zset_score_of_order(element->order);
    memcpy(&score, element->value.data, sizeof(score));
    return score;
}

bool zset_find(const struct coll *coll, slice member, double *score)
{
    struct page_element element;
    if (!coll_find(coll, member, &element))
        return false;
    *score = zset_score_of(&element);
    return true;
}

/* ---- ranks --------------------------------------------------------------- */

/* How many stand before the target. */
static uint64_t rank_of(const struct coll        *coll,
                        const struct page_target *target)
{
    uint64_t rank = 0;
    if (coll->count == 0)
        return 0;
    if (coll->page != NULL) {
        struct page_hasher unused = { .override = NULL };
        bool               found;
        return page_search(coll->page, &unused, target, 0, UINT64_MAX, &found);
    }
    err_t err = tree_rank_of(coll->object->tree, target, &rank);
    ASSERT(err == ERR_OK);
    return rank;
}

bool zset_rank(const struct coll *coll, slice member, uint64_t *rank,
               double *score)
{
    if (!zset_find(coll, member, score))
        return false;
    struct page_target target = { .order = zset_order(*score),
                                  .where = TARGET_KEY,
                                  .key = page_value_pack(member) };
    *rank = rank_of(coll, &target);
    return true;
}

uint64_t zset_rank_of_score(const struct coll *coll, double score, bool after)
{
    struct page_target target = { .order = zset_order(score),
                                  .where =
                                      after ? TARGET_HIGHEST : TARGET_LOWEST };
    return rank_of(coll, &target);
}

uint64_t zset_rank_of_member(const struct coll *coll, slice member, bool after)
{
    struct page_element first;
    if (coll->count == 0)
        return 0;
    coll_get(coll, 0, &first);
    struct page_target target = { .order = zset_order(zset_score_of(&first)),
                                  .where = TARGET_KEY,
                                  .key = page_value_pack(member) };
    uint64_t           rank = rank_of(coll, &target);
    if (after && rank < coll->count) {
        struct page_element there;
        coll_get(coll, rank, &there);
        rank += page_value_equal(&there.key, &target.key);
    }
    return rank;
}

/* ---- changing ------------------------------------------------------------ */

static void put_score(struct object *object, slice member, double score)
{
    char bytes[PAGE_SCORE_BYTES];
    bool created;
    memcpy(bytes, &score, sizeof(bytes));
    err_t err = tree_put(object->scores, 0, member,
                         slice_make(bytes, sizeof(bytes)), &created);
    ASSERT(err == ERR_OK);
}

void zset_settle(struct object *object)
{
    if (object->type != OBJ_ZSET || object->scores != NULL)
        return;
    if (object_count(object) <= OBJECT_SCORES_MIN &&
        tree_only_page(object->tree) != NULL)
        return;
    object->scores = tree_new(&object->env, PAGE_SCORES);
    struct tree_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    tree_walk_init(&walk, object->tree, 0, UINT64_MAX, false);
    while (tree_walk_next(&walk, &element) == ERR_OK)
        put_score(object, page_value_text(&element.key, buffer),
                  zset_score_of(&element));
}

static void take_rank(struct object *object, slice member, double score)
{
    bool  deleted;
    err_t err = tree_delete(object->tree, zset_order(score), member, &deleted);
    ASSERT(err == ERR_OK);
    ASSERT(deleted);
}

static void note_encoding(struct object *object, slice member,
                          const struct zset_limits *limits)
{
    if (object_count(object) > limits->listpack_entries ||
        member.len > limits->listpack_value)
        object_raise_encoding(object, ENCODING_FULL);
}

/* Where a member is and where it is to be. */
static void warm_ranks(const struct object *object, slice member,
                       uint64_t old_order, uint64_t order)
{
    struct tree_warm from, to;
    tree_warm_leaf(object->tree, old_order, member, &from);
    tree_warm_leaf(object->tree, order, member, &to);
    tree_warm_place(&from);
    tree_warm_place(&to);
}

void zset_put_found(struct object *object, slice member, const double *old,
                    double score, const struct zset_limits *limits)
{
    bool     created;
    uint64_t order = zset_order(score);
    if (old != NULL && zset_order(*old) == order)
        return;
    if (old != NULL) {
        warm_ranks(object, member, zset_order(*old), order);
        take_rank(object, member, *old);
    }
    err_t err = tree_put(object->tree, order, member, SLICE_EMPTY, &created);
    ASSERT(err == ERR_OK);
    ASSERT(created);
    if (object->scores != NULL)
        put_score(object, member, zset_score_of_order(order));
    else
        zset_settle(object);
    if (old == NULL)
        note_encoding(object, member, limits);
}

bool zset_put(struct object *object, slice member, double score,
              const struct zset_limits *limits)
{
    struct coll coll = coll_of_object(object);
    double      old;
    bool        was_there = zset_find(&coll, member, &old);
    zset_put_found(object, member, was_there ? &old : NULL, score, limits);
    return !was_there;
}

static void take_score(struct object *object, slice member)
{
    bool deleted;
    if (object->scores == NULL)
        return;
    err_t err = tree_delete(object->scores, 0, member, &deleted);
    ASSERT(err == ERR_OK);
    ASSERT(deleted);
}

bool zset_remove(struct object *object, slice member)
{
    struct coll coll = coll_of_object(object);
    double      score;
    if (!zset_find(&coll, member, &score))
        return false;
    take_rank(object, member, score);
    take_score(object, member);
    return true;
}

void zset_remove_range(struct object *object, uint64_t rank, uint64_t count)
{
    struct tree_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    if (object->scores != NULL && count == object_count(object)) {
        err_t err = tree_delete_range(object->scores, 0, count);
        ASSERT(err == ERR_OK);
    } else if (object->scores != NULL) {
        tree_walk_init(&walk, object->tree, rank, count, false);
        while (tree_walk_next(&walk, &element) == ERR_OK)
            take_score(object, page_value_text(&element.key, buffer));
    }
    err_t err = tree_delete_range(object->tree, rank, count);
    ASSERT(err == ERR_OK);
}
