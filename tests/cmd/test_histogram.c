/* Histograms: that every value is found again to the promised precision. */
#include "cmd/histogram.h"

#include <stdlib.h>

#include "base/rand.h"
#include "base/unit.h"

#define COUNT 20000

static struct mem mem;

static int compare(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return one < other ? -1 : one > other;
}

/* Of all sizes alike, up to 2^bits. */
static uint64_t any(struct rand *rand, unsigned bits)
{
    return rand_next(rand) >> (64 - 1 - rand_below(rand, bits));
}

static bool is_near(uint64_t told, uint64_t value)
{
    return told >= value && told - value <= value / 64 + 1;
}

static void test_percentiles_are_those_of_the_sorted_values(void **state)
{
    struct histogram histogram = { { NULL } };
    struct rand      rand;
    uint64_t        *values = malloc(COUNT * sizeof(*values));
    (void)state;
    rand_init(&rand, 1);
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = any(&rand, 29);
        histogram_add(&histogram, &mem, values[i]);
    }
    qsort(values, COUNT, sizeof(*values), compare);
    assert_int_equal(histogram_count(&histogram), COUNT);
    const double percents[] = { 0.1, 1, 25, 50, 90, 99, 99.9, 100 };
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        size_t at = (size_t)(percents[i] / 100 * COUNT + 0.5);
        assert_true(is_near(histogram_percentile(&histogram, percents[i]),
                            values[at - 1]));
    }
    assert_true(histogram_percentile(&histogram, 0) <= values[0]);
    for (size_t i = 0; i < COUNT; i += 97) {
        uint64_t to = histogram_count_to(&histogram, values[i]);
        assert_true(to > i); /* itself counts */
        /* What counts besides is in the same bucket. */
        assert_true(values[to - 1] <= values[i] + values[i] / 64 + 1);
    }
    free(values);
    histogram_reset(&histogram, &mem);
}

static void test_each_small_value_has_its_bucket(void **state)
{
    (void)state;
    for (uint64_t ns = 0; ns < 64; ns++) {
        struct histogram histogram = { { NULL } };
        histogram_add(&histogram, &mem, ns);
        assert_int_equal(histogram_percentile(&histogram, 50), ns);
        assert_int_equal(histogram_percentile(&histogram, 0), ns);
        assert_int_equal(histogram_count_to(&histogram, ns), 1);
        if (ns > 0)
            assert_int_equal(histogram_count_to(&histogram, ns - 1), 0);
        histogram_reset(&histogram, &mem);
    }
}

static void test_what_is_too_long_counts_as_the_longest(void **state)
{
    struct histogram histogram = { { NULL } };
    const uint64_t   most = (UINT64_C(1) << HISTOGRAM_MAX_BITS) - 1;
    (void)state;
    histogram_add(&histogram, &mem, most - 1);
    histogram_add(&histogram, &mem, most + 1000);
    histogram_add(&histogram, &mem, UINT64_MAX / 2);
    assert_int_equal(histogram_count(&histogram), 3);
    assert_true(is_near(histogram_percentile(&histogram, 100), most - 64));
    histogram_reset(&histogram, &mem);
}

static void test_memory_follows_what_is_used(void **state)
{
    struct histogram histogram = { { NULL } };
    size_t           before = mem.used_bytes[MEM_OTHER];
    (void)state;
    assert_int_equal(histogram_percentile(&histogram, 50), 0);
    histogram_add(&histogram, &mem, 1000);
    size_t one = mem.used_bytes[MEM_OTHER] - before;
    assert_int_equal(one, 512);
    histogram_add(&histogram, &mem, 1001);
    assert_int_equal(mem.used_bytes[MEM_OTHER] - before, one);
    for (unsigned bits = 0; bits < 40; bits++)
        histogram_add(&histogram, &mem, UINT64_C(1) << bits);
    assert_int_equal(mem.used_bytes[MEM_OTHER] - before,
                     HISTOGRAM_OCTAVES * one);
    histogram_reset(&histogram, &mem);
    assert_int_equal(mem.used_bytes[MEM_OTHER], before);
    assert_int_equal(histogram_count(&histogram), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles_are_those_of_the_sorted_values),
        cmocka_unit_test(test_each_small_value_has_its_bucket),
        cmocka_unit_test(test_what_is_too_long_counts_as_the_longest),
        cmocka_unit_test(test_memory_follows_what_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
