/* zset_sum.c - scores first, ranks in the end. */
#include "type/zset_sum.h"

#include <math.h>
#include <string.h>

#include "base/assert.h"

double zset_aggregate(enum zset_aggregate how, double one, double other)
{
    double sum = one + other;
    switch (how) {
    case ZSET_MIN:
        return other < one ? other : one;
    case ZSET_MAX:
        return other > one ? other : one;
    case ZSET_SUM:
        break;
    }
    return isnan(sum) ? 0 : sum;
}

void zset_sum_begin(struct object *object)
{
    ASSERT(object->type == OBJ_ZSET);
    ASSERT(object_count(object) == 0);
    ASSERT(object->scores == NULL);
    object->scores = tree_new(&object->env, PAGE_SCORES);
}

void zset_sum_add(struct object *object, slice member, double score,
                  enum zset_aggregate how)
{
    struct page_element there;
    char                bytes[PAGE_SCORE_BYTES];
    bool                found, created;
    err_t err = tree_find(object->scores, 0, member, &there, &found);
    ASSERT(err == ERR_OK);
    ASSERT(!isnan(score));
    if (found)
        score = zset_aggregate(how, zset_score_of(&there), score);
    score = zset_score_of_order(zset_order(score));
    memcpy(bytes, &score, sizeof(bytes));
    err = tree_put(object->scores, 0, member, slice_make(bytes, sizeof(bytes)),
                   &created);
    ASSERT(err == ERR_OK);
    ASSERT(created == !found);
}

void zset_sum_remove(struct object *object, slice member)
{
    bool  deleted;
    err_t err = tree_delete(object->scores, 0, member, &deleted);
    ASSERT(err == ERR_OK);
}

uint64_t zset_sum_count(const struct object *object)
{
    return tree_count(object->scores);
}

void zset_sum_end(struct object *object, const struct zset_limits *limits)
{
    struct tree_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    bool is_long = tree_count(object->scores) > limits->listpack_entries;
    tree_walk_init(&walk, object->scores, 0, UINT64_MAX, false);
    while (tree_walk_next(&walk, &element) == ERR_OK) {
        slice member = page_value_text(&element.key, buffer);
        bool  created;
        err_t err = tree_put(object->tree, zset_order(zset_score_of(&element)),
                             member, SLICE_EMPTY, &created);
        ASSERT(err == ERR_OK);
        is_long |= member.len > limits->listpack_value;
    }
    if (is_long)
        object_raise_encoding(object, ENCODING_FULL);
    if (object_count(object) <= OBJECT_SCORES_MIN &&
        tree_only_page(object->tree) != NULL) {
        tree_free(object->scores);
        object->scores = NULL;
    }
}
