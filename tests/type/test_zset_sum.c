/* test_zset_sum.c - a sorted set that is made of scores that come in any order
 * is one that zset_put could have made. */
#include "type/zset_sum.h"

#include <math.h>
#include <stdio.h>

#include "base/rand.h"
#include "base/unit.h"

static const struct object_env  env = { .page_limit = 512 };
static const struct zset_limits limits = { .listpack_entries = 128,
                                           .listpack_value = 64 };

static void aggregates_are_those_of_redis(void **state)
{
    (void)state;
    assert_true(zset_aggregate(ZSET_SUM, 1, 2) == 3);
    assert_true(zset_aggregate(ZSET_MIN, 1, 2) == 1);
    assert_true(zset_aggregate(ZSET_MIN, 2, 1) == 1);
    assert_true(zset_aggregate(ZSET_MAX, 1, 2) == 2);
    assert_true(zset_aggregate(ZSET_MAX, 2, 1) == 2);
    assert_true(zset_aggregate(ZSET_SUM, INFINITY, -INFINITY) == 0);
    assert_true(zset_aggregate(ZSET_SUM, -INFINITY, INFINITY) == 0);
    assert_true(zset_aggregate(ZSET_SUM, INFINITY, 1) == (double)INFINITY);
    assert_true(zset_aggregate(ZSET_SUM, 1, NAN) == 0);
    assert_true(zset_aggregate(ZSET_MIN, 1, NAN) == 1);
    assert_true(zset_aggregate(ZSET_MAX, 1, NAN) == 1);
}

static slice name_of(unsigned member, char buffer[20])
{
    const char *format = member % 2 ? "m%u" : "%u";
    int         len = snprintf(buffer, 20, format, member);
    return slice_make(buffer, (size_t)len);
}

#define MEMBERS 2000

/* What there should be; nan: nothing. */
static double score_of[MEMBERS];

static void expect_all(struct object *object)
{
    struct coll         coll = coll_of_object(object);
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[20];
    uint64_t            expected = 0, met = 0;
    double              last = -INFINITY, score;
    for (unsigned i = 0; i < MEMBERS; i++) {
        bool is_there = zset_find(&coll, name_of(i, buffer), &score);
        assert_int_equal(is_there, !isnan(score_of[i]));
        if (is_there)
            assert_true(score == score_of[i]);
        expected += is_there;
    }
    coll_walk_init(&walk, &coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element)) {
        assert_true(zset_score_of(&element) >= last);
        last = zset_score_of(&element);
        met++;
    }
    assert_true(met == expected);
    assert_true(met == coll.count);
    assert_null(object_check(object));
}

static struct object *make(unsigned members, int adds, struct rand *rand)
{
    struct object *object = object_new(&env, OBJ_ZSET);
    char           buffer[20];
    for (unsigned i = 0; i < MEMBERS; i++)
        score_of[i] = NAN;
    zset_sum_begin(object);
    for (int i = 0; i < adds; i++) {
        unsigned member = (unsigned)rand_below(rand, members);
        slice    name = name_of(member, buffer);
        double   score = (double)rand_below(rand, 50) - 20;
        if (rand_below(rand, 4) == 0) {
            zset_sum_remove(object, name);
            score_of[member] = NAN;
            continue;
        }
        zset_sum_add(object, name, score, ZSET_SUM);
        score_of[member] =
            isnan(score_of[member]) ? score : score_of[member] + score;
    }
    uint64_t count = 0;
    for (unsigned i = 0; i < MEMBERS; i++)
        count += !isnan(score_of[i]);
    assert_true(zset_sum_count(object) == count);
    zset_sum_end(object, &limits);
    return object;
}

static void what_was_added_is_there_in_order(void **state)
{
    static const unsigned sizes[] = { 1, 2, 20, 100, 300, MEMBERS };
    struct rand           rand;
    (void)state;
    rand_init(&rand, 5);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct object *object = make(sizes[i], (int)sizes[i] * 4, &rand);
        expect_all(object);
        object_free(object);
    }
}

/* It can be changed like any other then. */
static void it_can_be_changed_when_it_is_done(void **state)
{
    struct rand rand;
    char        buffer[20];
    (void)state;
    rand_init(&rand, 6);
    struct object *object = make(MEMBERS, 3000, &rand);
    for (unsigned i = 0; i < MEMBERS; i++) {
        if (i % 3 == 0) {
            (void)zset_put(object, name_of(i, buffer), i, &limits);
            score_of[i] = i;
        } else if (i % 3 == 1) {
            (void)zset_remove(object, name_of(i, buffer));
            score_of[i] = NAN;
        }
    }
    expect_all(object);
    object_free(object);
}

static int encoding_of(unsigned members, size_t longest)
{
    static const char bytes[100];
    struct object    *object = object_new(&env, OBJ_ZSET);
    char              buffer[20];
    zset_sum_begin(object);
    for (unsigned i = 1; i < members; i++)
        zset_sum_add(object, name_of(i, buffer), 1, ZSET_SUM);
    zset_sum_add(object, slice_make(bytes, longest), 1, ZSET_SUM);
    zset_sum_end(object, &limits);
    int encoding = object->encoding;
    object_free(object);
    return encoding;
}

static void the_encoding_goes_by_number_and_length(void **state)
{
    (void)state;
    assert_int_equal(encoding_of(1, 0), ENCODING_SMALL);
    assert_int_equal(encoding_of(128, 64), ENCODING_SMALL);
    assert_int_equal(encoding_of(129, 64), ENCODING_FULL);
    assert_int_equal(encoding_of(2, 65), ENCODING_FULL);
}

/* Few members fit in a page, which has no scores beside the ranks. */
static void few_members_are_a_page(void **state)
{
    struct object *object = object_new(&env, OBJ_ZSET);
    slice          page;
    (void)state;
    zset_sum_begin(object);
    zset_sum_add(object, SLICE_LITERAL("a"), 2, ZSET_SUM);
    zset_sum_add(object, SLICE_LITERAL("b"), -0.0, ZSET_SUM);
    zset_sum_end(object, &limits);
    assert_true(object_page(object, &page));
    struct object *again = object_from_page(&env, OBJ_ZSET, page);
    struct coll    coll = coll_of_object(again);
    double         score;
    assert_true(zset_find(&coll, SLICE_LITERAL("b"), &score));
    assert_true(score == 0 && !signbit(score));
    object_free(object);
    object_free(again);
}

static void one_that_is_given_up_is_freed(void **state)
{
    struct object *object = object_new(&env, OBJ_ZSET);
    char           buffer[20];
    (void)state;
    zset_sum_begin(object);
    size_t empty = object_bytes(object);
    for (unsigned i = 0; i < MEMBERS; i++)
        zset_sum_add(object, name_of(i, buffer), i, ZSET_MAX);
    assert_true(object_bytes(object) > empty + MEMBERS * 8);
    object_free(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aggregates_are_those_of_redis),
        cmocka_unit_test(what_was_added_is_there_in_order),
        cmocka_unit_test(it_can_be_changed_when_it_is_done),
        cmocka_unit_test(the_encoding_goes_by_number_and_length),
        cmocka_unit_test(few_members_are_a_page),
        cmocka_unit_test(one_that_is_given_up_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
