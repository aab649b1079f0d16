/* test_sample.c - a sample has as many different numbers as were asked for, in
 * order, and each number, and each pair of numbers, has the same chance. */
#include "base/sample.h"

#include <string.h>

#include "death.h"
#include "unit.h"

static void take(struct rand *rand, uint64_t total, uint64_t count)
{
    struct sample sample;
    uint64_t      number, last = 0, taken = 0;
    sample_init(&sample, rand, total, count);
    for (; sample_next(&sample, &number); taken++) {
        assert_true(number < total);
        assert_true(taken == 0 || number > last);
        last = number;
    }
    assert_false(sample_next(&sample, &number));
    sample_deinit(&sample);
    assert_true(taken == count);
}

static void a_sample_is_so_many_different_ones_in_order(void **state)
{
    static const uint64_t totals[] = { 0,  1,   2,   3,    15,    16,
                                       17, 100, 160, 1000, 12345, 1000000 };
    struct rand           rand;
    (void)state;
    rand_init(&rand, 11);
    for (size_t i = 0; i < sizeof(totals) / sizeof(totals[0]); i++) {
        uint64_t total = totals[i];
        take(&rand, total, 0);
        take(&rand, total, total);
        take(&rand, total, total / 2);
        for (uint64_t count = 1; count <= total && count < 50; count++) {
            take(&rand, total, count);
            take(&rand, total, total - count);
        }
        /* both ways of choosing, and many draws that come twice */
        take(&rand, total, total / 16);
        take(&rand, total, total > 16 ? total / 16 - 1 : 0);
    }
    take(&rand, UINT64_MAX, 1000);
}

enum { NUMBERS = 40, ROUNDS = 60000 };

/* Five standard deviations around the mean. */
static void count_chances(uint64_t count)
{
    static int    single[NUMBERS], pair[NUMBERS][NUMBERS];
    struct sample sample;
    struct rand   rand;
    double        p = (double)count / NUMBERS;
    double        p2 = p * (double)(count - 1) / (NUMBERS - 1);
    memset(single, 0, sizeof(single));
    memset(pair, 0, sizeof(pair));
    rand_init(&rand, count);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t numbers[NUMBERS], have = 0;
        sample_init(&sample, &rand, NUMBERS, count);
        while (sample_next(&sample, &numbers[have]))
            have++;
        sample_deinit(&sample);
        for (uint64_t i = 0; i < have; i++) {
            single[numbers[i]]++;
            for (uint64_t j = i + 1; j < have; j++)
                pair[numbers[i]][numbers[j]]++;
        }
    }
    for (int i = 0; i < NUMBERS; i++) {
        double off = single[i] - p * ROUNDS;
        assert_true(off * off <= 25 * ROUNDS * p * (1 - p));
        for (int j = i + 1; j < NUMBERS; j++) {
            off = pair[i][j] - p2 * ROUNDS;
            assert_true(off * off <= 25 * ROUNDS * p2 * (1 - p2));
        }
    }
}

static void each_number_and_each_pair_has_the_same_chance(void **state)
{
    (void)state;
    count_chances(2);  /* of 40: chosen in a pass */
    count_chances(13);
    count_chances(39);
}

/* Drawn, as only few of many are: those from each tenth. */
static void few_of_many_come_from_everywhere(void **state)
{
    enum { TOTAL = 10000, COUNT = 600, RUNS = 100 };
    struct sample sample;
    struct rand   rand;
    uint64_t      number;
    int           tenths[10] = { 0 };
    (void)state;
    rand_init(&rand, 5);
    for (int i = 0; i < RUNS; i++) {
        sample_init(&sample, &rand, TOTAL, COUNT);
        assert_non_null(sample.picked);
        while (sample_next(&sample, &number))
            tenths[number / (TOTAL / 10)]++;
        sample_deinit(&sample);
    }
    for (int i = 0; i < 10; i++)
        assert_in_range(tenths[i], 6000 - 360, 6000 + 360);
}

static void more_than_there_are(void *arg)
{
    struct rand   rand;
    (void)arg;
    struct sample sample;
    rand_init(&rand, 1);
    sample_init(&sample, &rand, 3, 4);
}

static void asking_for_more_than_there_are_is_a_bug(void **state)
{
    char text[400];
    (void)state;
    assert_true(
        death_by_abort(more_than_there_are, NULL, text, sizeof(text)));
    assert_non_null(strstr(text, "count <= total"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_is_so_many_different_ones_in_order),
        cmocka_unit_test(each_number_and_each_pair_has_the_same_chance),
        cmocka_unit_test(few_of_many_come_from_everywhere),
        cmocka_unit_test(asking_for_more_than_there_are_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
