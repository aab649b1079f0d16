/* test_zset.c - sorted sets: random operations against a sorted array, with
 * pages so small that both trees get deep, and with what is special about
 * scores.
 *
 * ZSET_STEPS is how many operations each case does (16000), ZSET_SEED which
 * (1). */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/unit.h"
#include "type/zset.h"

#define MEMBERS_MAX 4000
#define TEXT_MAX    400

static const struct zset_limits limits = { .listpack_entries = 128,
                                           .listpack_value = 64 };

/* ---- the model ----------------------------------------------------------- */

struct item {
    char   text[TEXT_MAX];
    size_t len;
    double score;
};

struct world {
    struct object_env env;
    struct rand       rand;
    struct object    *object;
    struct item      *items; /* sorted */
    size_t            count, target;
    bool              was_full; /* it had to be a skiplist once */
};

static slice text_of(const struct item *item)
{
    return slice_make(item->text, item->len);
}

static int compare_items(double score, slice text, const struct item *item)
{
    if (score != item->score)
        return score < item->score ? -1 : 1;
    return slice_compare(text, text_of(item));
}

static size_t model_find(const struct world *w, slice text)
{
    size_t i = 0;
    while (i < w->count && !slice_equal(text_of(&w->items[i]), text))
        i++;
    return i;
}

/* How many stand before. */
static size_t model_place(const struct world *w, double score, slice text)
{
    size_t low = 0, high = w->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (compare_items(score, text, &w->items[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void model_remove(struct world *w, size_t at, size_t count)
{
    memmove(&w->items[at], &w->items[at + count],
            (w->count - at - count) * sizeof(*w->items));
    w->count -= count;
}

static void model_insert(struct world *w, double score, slice text)
{
    size_t at = model_place(w, score, text);
    memmove(&w->items[at + 1], &w->items[at],
            (w->count - at) * sizeof(*w->items));
    w->count++;
    memcpy(w->items[at].text, text.data, text.len);
    w->items[at].len = text.len;
    w->items[at].score = score;
}

/* ---- members and scores -------------------------------------------------- */

/* Numbers, short texts, and now and then one longer than a page. */
static slice any_text(struct world *w, char buffer[TEXT_MAX])
{
    uint64_t n = rand_below(&w->rand, 2 * w->target + 10);
    int      len;
    if (n % 5 == 0)
        len = snprintf(buffer, TEXT_MAX, "%d", (int)n - 100);
    else if (n % 97 == 1)
        len = snprintf(buffer, TEXT_MAX, "%0*d", (int)(n % 330) + 60, (int)n);
    else
        len = snprintf(buffer, TEXT_MAX, "member:%d", (int)n);
    return slice_make(buffer, (size_t)len);
}

static double any_score(struct world *w)
{
    static const double special[] = { 0.0,      -0.0,     INFINITY, -INFINITY,
                                      DBL_MIN,  -DBL_MIN, DBL_MAX,  -DBL_MAX,
                                      4.9e-324, 1.5 };
    switch (rand_below(&w->rand, 4)) {
    case 0:
        return special[rand_below(&w->rand, 10)];
    case 1:
        return (double)rand_below(&w->rand, 3);
    case 2:
        return (double)rand_below(&w->rand, 1000) - 500;
    default:
        return rand_unit(&w->rand) * 1e6 - 5e5;
    }
}

/* ---- looking ------------------------------------------------------------- */

static void assert_sound(struct world *w)
{
    const char *wrong = object_check(w->object);
    if (wrong != NULL)
        fail_msg("object_check: %s", wrong);
    assert_int_equal(object_count(w->object), w->count);
    /* Without scores a member is looked for in the one page. */
    assert_true(w->object->scores != NULL ||
                tree_only_page(w->object->tree) != NULL);
    assert_int_equal(w->object->encoding,
                     w->was_full ? ENCODING_FULL : ENCODING_SMALL);
}

static void assert_item(const struct page_element *got, const struct item *item)
{
    char  buffer[NUM_INT64_CHARS];
    slice text = page_value_text(&got->key, buffer);
    assert_true(slice_equal(text, text_of(item)));
    assert_true(zset_score_of(got) == item->score);
    assert_false(signbit(zset_score_of(got)) && item->score == 0);
}

/* A member that is there, and one that may not be. */
static void check_members(struct world *w, const struct coll *coll)
{
    char     buffer[TEXT_MAX];
    slice    text = any_text(w, buffer);
    size_t   at = model_find(w, text);
    uint64_t rank;
    double   score;
    assert_int_equal(zset_find(coll, text, &score), at < w->count);
    assert_int_equal(zset_rank(coll, text, &rank, &score), at < w->count);
    if (w->count == 0)
        return;
    at = (size_t)rand_below(&w->rand, w->count);
    assert_true(zset_rank(coll, text_of(&w->items[at]), &rank, &score));
    assert_int_equal(rank, at);
    assert_true(score == w->items[at].score);
}

/* Ranks of scores, those of members and any. */
static void check_ranks(struct world *w, const struct coll *coll)
{
    double score = any_score(w);
    if (w->count > 0 && rand_below(&w->rand, 2) == 0)
        score = w->items[rand_below(&w->rand, w->count)].score;
    size_t before = 0, through = 0;
    for (size_t i = 0; i < w->count; i++) {
        before += w->items[i].score < score;
        through += w->items[i].score <= score;
    }
    assert_int_equal(zset_rank_of_score(coll, score, false), before);
    assert_int_equal(zset_rank_of_score(coll, score, true), through);
}

static void check_walk(struct world *w, const struct coll *coll)
{
    struct coll_walk    walk;
    struct page_element element;
    bool                is_backward = rand_below(&w->rand, 2) == 0;
    size_t              rank = (size_t)rand_below(&w->rand, w->count + 1);
    size_t              limit = (size_t)rand_below(&w->rand, 40);
    coll_walk_init(&walk, coll, rank, limit, is_backward);
    while (coll_walk_next(&walk, &element)) {
        assert_true(rank < w->count);
        assert_true(limit-- > 0);
        assert_item(&element, &w->items[rank]);
        rank = is_backward ? rank - 1 : rank + 1;
    }
    assert_true(limit == 0 || rank >= w->count);
}

static void check_coll(struct world *w, const struct coll *coll)
{
    assert_int_equal(coll->count, w->count);
    check_members(w, coll);
    check_ranks(w, coll);
    check_walk(w, coll);
}

/* As an object, and as the page that it may be. */
static void check(struct world *w)
{
    slice       page;
    struct coll coll = coll_of_object(w->object);
    check_coll(w, &coll);
    if (w->count == 0 || !object_page(w->object, &page))
        return;
    assert_int_equal(object_check_page(&w->env, OBJ_ZSET, page), ERR_OK);
    coll = coll_of_page(OBJ_ZSET, (const uint8_t *)page.data);
    check_coll(w, &coll);
    assert_int_equal(coll_encoding(&coll), w->object->encoding);
    if (rand_below(&w->rand, 4) != 0)
        return;
    struct object *again = object_from_page(&w->env, OBJ_ZSET, page);
    object_free(w->object);
    w->object = again;
}

/* ---- changing ------------------------------------------------------------ */

static void do_put(struct world *w)
{
    char   buffer[TEXT_MAX];
    slice  text = any_text(w, buffer);
    double score = any_score(w);
    size_t at = model_find(w, text);
    bool   is_new = at == w->count;
    assert_int_equal(zset_put(w->object, text, score, &limits), is_new);
    if (!is_new)
        model_remove(w, at, 1);
    model_insert(w, score, text);
    w->was_full |= is_new && (w->count > limits.listpack_entries ||
                              text.len > limits.listpack_value);
}

static void do_remove(struct world *w)
{
    char   buffer[TEXT_MAX];
    slice  text = any_text(w, buffer);
    size_t at = model_find(w, text);
    assert_int_equal(zset_remove(w->object, text), at < w->count);
    if (at < w->count)
        model_remove(w, at, 1);
}

static void do_remove_range(struct world *w)
{
    uint64_t rank = rand_below(&w->rand, w->count + 1);
    uint64_t most = w->count - rank;
    if (rand_below(&w->rand, 150) != 0 && most > 8)
        most = 8;
    uint64_t count = rand_below(&w->rand, most + 1);
    if (rand_below(&w->rand, 500) == 0) {
        rank = 0;
        count = w->count;
    }
    zset_remove_range(w->object, rank, count);
    model_remove(w, (size_t)rank, (size_t)count);
}

static void step(struct world *w)
{
    bool grows = w->count < w->target;
    if (rand_below(&w->rand, 4) < (grows ? 3 : 1))
        do_put(w);
    else if (rand_below(&w->rand, 3) > 0)
        do_remove(w);
    else
        do_remove_range(w);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void run(size_t page_limit)
{
    static const size_t targets[] = { 0, 5, 40, 127, 140, 700, 1200 };
    struct world        w = { .env = { .page_limit = page_limit,
                                       .hasher = { .key = { 3, 4 } } } };
    uint64_t            steps = number_of("ZSET_STEPS", 16000);
    rand_init(&w.rand, number_of("ZSET_SEED", 1) + page_limit);
    w.object = object_new(&w.env, OBJ_ZSET);
    w.items = calloc(MEMBERS_MAX, sizeof(*w.items));
    for (uint64_t i = 0; i < steps; i++) {
        if (i % 2000 == 0)
            w.target = targets[rand_below(&w.rand, 7)];
        step(&w);
        check(&w);
        if (i % 16 == 0)
            assert_sound(&w);
    }
    assert_sound(&w);
    object_free(w.object);
    free(w.items);
}

static void test_tiny_pages(void **state)
{
    (void)state;
    run(64);
}

static void test_small_pages(void **state)
{
    (void)state;
    run(300);
}

static void test_pages(void **state)
{
    (void)state;
    run(TREE_PAGE_LIMIT);
}

/* ---- orders -------------------------------------------------------------- */

static void test_orders_rise_with_scores(void **state)
{
    static const double rising[] = { -INFINITY, -DBL_MAX, -1e10,     -1,
                                     -1e-300,   -DBL_MIN, -4.9e-324, 0,
                                     4.9e-324,  DBL_MIN,  1e-300,    1,
                                     1.5,       1e10,     DBL_MAX,   INFINITY };
    (void)state;
    for (size_t i = 0; i < sizeof(rising) / sizeof(rising[0]); i++) {
        assert_true(zset_score_of_order(zset_order(rising[i])) == rising[i]);
        if (i > 0)
            assert_true(zset_order(rising[i - 1]) < zset_order(rising[i]));
    }
    assert_true(zset_order(-0.0) == zset_order(0.0));
    assert_false(signbit(zset_score_of_order(zset_order(-0.0))));
}

/* ---- members of one score ------------------------------------------------ */

static uint64_t lex(const struct coll *coll, const char *text, bool after)
{
    return zset_rank_of_member(coll, slice_from_string(text), after);
}

static void check_lex(const struct coll *coll)
{
    assert_int_equal(lex(coll, "", false), 0);
    assert_int_equal(lex(coll, "a", true), 0);
    assert_int_equal(lex(coll, "m000", false), 0);
    assert_int_equal(lex(coll, "m000", true), 1);
    assert_int_equal(lex(coll, "m0000", false), 1);
    assert_int_equal(lex(coll, "m007", false), 7);
    assert_int_equal(lex(coll, "m007", true), 8);
    assert_int_equal(lex(coll, "m0071", true), 8);
    assert_int_equal(lex(coll, "m01", true), 10);
    assert_int_equal(lex(coll, "z", false), coll->count);
    assert_int_equal(lex(coll, "5", true), 0);
}

static void test_members_of_one_score(void **state)
{
    static const size_t counts[] = { 20, 128, 129, 900 };
    struct object_env   env = { .page_limit = 200,
                                .hasher = { .key = { 1, 2 } } };
    (void)state;
    for (size_t c = 0; c < 4; c++) {
        struct object *object = object_new(&env, OBJ_ZSET);
        for (size_t i = counts[c]; i-- > 0;) {
            char text[16];
            (void)snprintf(text, sizeof(text), "m%03d", (int)i);
            zset_put(object, slice_from_string(text), -7.5, &limits);
        }
        struct coll coll = coll_of_object(object);
        check_lex(&coll);
        object_free(object);
    }
    struct coll none = { .count = 0 };
    assert_int_equal(lex(&none, "x", true), 0);
    assert_int_equal(zset_rank_of_score(&none, 1, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_pages),
        cmocka_unit_test(test_small_pages),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_orders_rise_with_scores),
        cmocka_unit_test(test_members_of_one_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
