/* Which keys are chosen: a permutation must be one, Zipf must be Zipf. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tool/load_pick.h"

static void check_bijective(uint64_t size, uint64_t seed)
{
    struct load_perm perm;
    unsigned char   *seen = mem_calloc(size, 1);

    load_perm_init(&perm, size, seed);
    for (uint64_t i = 0; i < size; i++) {
        uint64_t to = load_perm_apply(&perm, i);
        assert_true(to < size);
        assert_int_equal(seen[to], 0);
        seen[to] = 1;
    }
    mem_free(seen);
}

static void permutation_is_bijective(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 130; size++)
        for (uint64_t seed = 0; seed < 5; seed++)
            check_bijective(size, seed);
    check_bijective(4096, 1);
    check_bijective(4097, 2);
    check_bijective(100000, 3);
}

static void permutation_follows_its_seed(void **state)
{
    struct load_perm a, b, again;
    unsigned         same = 0, fixed = 0;

    (void)state;
    load_perm_init(&a, 10000, 1);
    load_perm_init(&b, 10000, 2);
    load_perm_init(&again, 10000, 1);
    for (uint64_t i = 0; i < 10000; i++) {
        same += load_perm_apply(&a, i) == load_perm_apply(&b, i);
        fixed += load_perm_apply(&a, i) == i;
        assert_int_equal(load_perm_apply(&a, i), load_perm_apply(&again, i));
    }
    assert_true(same < 20); /* one is expected of a random permutation */
    assert_true(fixed < 20);
}

/* The hottest ranks must not be neighbours: each tenth of the keys gets its
 * share, and few of them lie within a page of another. */
static void first_ranks_are_scattered(void **state)
{
    enum { RANKS = 1000 };
    struct load_perm perm;
    unsigned         tenth[10] = { 0 };
    unsigned         near = 0;
    uint64_t         before = 0;

    (void)state;
    load_perm_init(&perm, 1000003, 7);
    for (uint64_t rank = 0; rank < RANKS; rank++) {
        uint64_t key = load_perm_apply(&perm, rank);
        tenth[key / 100001]++;
        near += (key > before ? key - before : before - key) < 1000;
        before = key;
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(tenth[i], 50, 150);
    assert_true(near < 20);
}

/* The share of each of the first ranks, and of the tail as a whole, against
 * the definition; five standard deviations are allowed. */
static void check_zipf(uint64_t size, double theta)
{
    enum { DRAWS = 300000, RANKS = 12 };
    struct load_zipf zipf;
    struct load_rng  rng = { 42 };
    double           counts[RANKS + 1] = { 0 };
    double           weights[RANKS + 1] = { 0 };
    double           sum = 0;

    for (uint64_t rank = 0; rank < size; rank++) {
        double weight = pow((double)rank + 1, -theta);
        weights[rank < RANKS ? rank : RANKS] += weight;
        sum += weight;
    }
    load_zipf_init(&zipf, size, theta);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t rank = load_zipf_next(&zipf, &rng);
        assert_true(rank < size);
        counts[rank < RANKS ? rank : RANKS]++;
    }
    for (int i = 0; i <= RANKS; i++) {
        double p = weights[i] / sum;
        double deviation = sqrt(DRAWS * p * (1 - p));
        if (fabs(counts[i] - DRAWS * p) > 5 * deviation + 1e-9)
            fail_msg("size %llu theta %g rank %d: %g drawn, %g expected",
                     (unsigned long long)size, theta, i, counts[i], DRAWS * p);
    }
}

static void zipf_has_its_weights(void **state)
{
    static const uint64_t sizes[] = { 1, 2, 3, 10, 1000, 100000 };
    static const double   thetas[] = { 0.01, 0.5, 0.99, 1, 1.2, 3 };

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t j = 0; j < sizeof(thetas) / sizeof(thetas[0]); j++)
            check_zipf(sizes[i], thetas[j]);
}

static void zipf_of_very_many_keys(void **state)
{
    struct load_zipf zipf;
    struct load_rng  rng = { 1 };
    unsigned         hottest = 0, deep = 0;

    (void)state;
    load_zipf_init(&zipf, UINT64_C(1000000000000), 0.99);
    for (int i = 0; i < 100000; i++) {
        uint64_t rank = load_zipf_next(&zipf, &rng);
        assert_true(rank < UINT64_C(1000000000000));
        hottest += rank == 0;
        deep += rank > 1000000000;
    }
    /* 1 / (the integral + Euler's constant) is 3.1 %; a fifth lies deep. */
    assert_in_range(hottest, 2700, 3500);
    assert_in_range(deep, 20000, 35000);
}

static void rng_stays_below_its_bound(void **state)
{
    struct load_rng rng = { 3 };
    unsigned        counts[7] = { 0 };

    (void)state;
    for (int i = 0; i < 70000; i++) {
        uint64_t n = load_rng_below(&rng, 7);
        double   unit = load_rng_unit(&rng);
        assert_true(n < 7);
        assert_true(unit >= 0 && unit < 1);
        counts[n]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9500, 10500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permutation_is_bijective),
        cmocka_unit_test(permutation_follows_its_seed),
        cmocka_unit_test(first_ranks_are_scattered),
        cmocka_unit_test(zipf_has_its_weights),
        cmocka_unit_test(zipf_of_very_many_keys),
        cmocka_unit_test(rng_stays_below_its_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
