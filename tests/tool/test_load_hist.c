/* The histogram of the load generator: its precision is promised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tool/load_hist.h"

static int setup(void **state)
{
    struct load_hist *hist = mem_alloc(sizeof(*hist));

    load_hist_init(hist);
    *state = hist;
    return 0;
}

static int teardown(void **state)
{
    mem_free(*state);
    return 0;
}

static void within_one_percent(uint64_t got, uint64_t wanted)
{
    uint64_t off = got > wanted ? got - wanted : wanted - got;

    if (off > wanted / 100)
        fail_msg("%llu is not within 1 %% of %llu", (unsigned long long)got,
                 (unsigned long long)wanted);
}

static void empty_answers_zero(void **state)
{
    assert_int_equal(load_hist_quantile(*state, 0), 0);
    assert_int_equal(load_hist_quantile(*state, 0.5), 0);
    assert_int_equal(load_hist_quantile(*state, 1), 0);
    assert_true(load_hist_mean(*state) == 0);
}

/* Each value, with a far larger one behind it so that it is not the maximum,
 * must be told with 1 %: around every power of two, and between. */
static void any_value_is_told_within_one_percent(void **state)
{
    struct load_hist *hist = *state;

    for (int power = 0; power < 64; power++) {
        for (int step = -1; step < 40; step++) {
            uint64_t value = UINT64_C(1) << power;
            value += step < 0 ? UINT64_MAX : value / 40 * (unsigned)step;
            load_hist_init(hist);
            load_hist_add(hist, value);
            load_hist_add(hist, UINT64_MAX);
            within_one_percent(load_hist_quantile(hist, 0.5), value);
        }
    }
}

static void small_values_are_exact(void **state)
{
    struct load_hist *hist = *state;

    for (uint64_t value = 0; value < LOAD_HIST_STEPS; value++) {
        load_hist_init(hist);
        load_hist_add(hist, value);
        load_hist_add(hist, 1000);
        assert_int_equal(load_hist_quantile(hist, 0.5), value);
    }
}

static void quantiles_of_a_line(void **state)
{
    struct load_hist *hist = *state;

    for (uint64_t i = 1; i <= 100000; i++)
        load_hist_add(hist, i * 1000);
    within_one_percent(load_hist_quantile(hist, 0.01), 1000 * 1000);
    within_one_percent(load_hist_quantile(hist, 0.5), 50000 * 1000);
    within_one_percent(load_hist_quantile(hist, 0.99), 99000 * 1000);
    within_one_percent(load_hist_quantile(hist, 0.999), 99900 * 1000);
    assert_int_equal(load_hist_quantile(hist, 1), 100000 * 1000);
    assert_true(load_hist_mean(hist) == 50000.5 * 1000);
}

/* One slow request in a hundred is the maximum but not the p99. */
static void one_outlier_stays_out_of_p99(void **state)
{
    struct load_hist *hist = *state;

    for (int i = 0; i < 99; i++)
        load_hist_add(hist, 100);
    load_hist_add(hist, 1000000007);
    assert_int_equal(load_hist_quantile(hist, 0.99), 100);
    assert_int_equal(load_hist_quantile(hist, 0.999), 1000000007);
    assert_int_equal(load_hist_quantile(hist, 1), 1000000007);
}

static void never_above_the_maximum(void **state)
{
    struct load_hist *hist = *state;

    load_hist_add(hist, 1 << 20); /* the low end of a wide bucket */
    load_hist_add(hist, 1 << 20);
    assert_int_equal(load_hist_quantile(hist, 0.5), 1 << 20);
    assert_int_equal(load_hist_quantile(hist, 1), 1 << 20);
}

static void merging_is_adding(void **state)
{
    struct load_hist *all = *state;
    struct load_hist *a = mem_calloc(1, sizeof(*a));
    struct load_hist *b = mem_calloc(1, sizeof(*b));

    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t value = i * i * 37;
        load_hist_add(all, value);
        load_hist_add(i % 3 ? a : b, value);
    }
    load_hist_merge(a, b);
    assert_memory_equal(a, all, sizeof(*a));
    mem_free(a);
    mem_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty_answers_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(any_value_is_told_within_one_percent,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(small_values_are_exact, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(quantiles_of_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(one_outlier_stays_out_of_p99, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(never_above_the_maximum, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(merging_is_adding, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
