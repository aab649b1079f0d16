/* test_rand.c - the sequence is fixed (computed apart from the algorithms'
 * descriptions), and draws are fair. */
#include "base/rand.h"

#include <stdbool.h>
#include <string.h>

#include "death.h"
#include "unit.h"

static void the_generator_is_xoshiro256starstar(void **state)
{
    static const uint64_t expected[] = {
        11520,
        0,
        1509978240,
        1215971899390074240,
        1216172134540287360,
        607988272756665600,
    };
    struct rand rand = { { 1, 2, 3, 4 } };

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_true(rand_next(&rand) == expected[i]);
}

struct seed_case {
    uint64_t seed;
    uint64_t first_state;
    uint64_t next[4];
};

static const struct seed_case seed_cases[] = {
    { 0,
      0xe220a8397b1dcdaf,
      { 0x99ec5f36cb75f2b4, 0xbf6e1f784956452a, 0x1a5f849d4933e6e0,
        0x6aa594f1262d2d2c } },
    { 1234567,
      0x599ed017fb08fc85,
      { 0x30a3a1c363600467, 0x19405f0f579929ca, 0x115beaac046ddbd9,
        0xeb17caf48f27d7f6 } },
    { UINT64_MAX,
      0xe4d971771b652c20,
      { 0x8f5520d52a7ead08, 0xc476a018caa1802d, 0x81de31c0d260469e,
        0xbf658d7e065f3c2f } },
};

static void a_seed_gives_its_sequence(void **state)
{
    struct rand rand;

    (void)state;
    for (size_t i = 0; i < sizeof(seed_cases) / sizeof(seed_cases[0]); i++) {
        rand_init(&rand, seed_cases[i].seed);
        assert_true(rand.state[0] == seed_cases[i].first_state);
        for (int n = 0; n < 4; n++)
            assert_true(rand_next(&rand) == seed_cases[i].next[n]);
    }
}

static void below_is_fair(void **state)
{
    const uint64_t bound = (uint64_t)3 << 62;
    int            thirds[3] = { 0, 0, 0 };
    int            dice[6] = { 0 };
    struct rand    rand;

    (void)state;
    rand_init(&rand, 7);
    for (int i = 0; i < 60000; i++) {
        uint64_t drawn = rand_below(&rand, bound);
        assert_true(drawn < bound);
        thirds[drawn / (bound / 3)]++;
        dice[rand_below(&rand, 6)]++;
        assert_int_equal(rand_below(&rand, 1), 0);
    }
    /* Five standard deviations and more. */
    for (int i = 0; i < 3; i++)
        assert_in_range(thirds[i], 19400, 20600);
    for (int i = 0; i < 6; i++)
        assert_in_range(dice[i], 9500, 10500);
}

/* 2^64 draws onto 3/4 as many numbers: merely scaled down, every third number
 * would come twice as often as the others. */
static void below_has_no_favourites(void **state)
{
    const uint64_t bound = (uint64_t)3 << 62;
    struct rand    rand;
    int            by_rest[3] = { 0, 0, 0 };

    (void)state;
    rand_init(&rand, 8);
    for (int i = 0; i < 60000; i++)
        by_rest[rand_below(&rand, bound) % 3]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(by_rest[i], 19400, 20600);
}

static void below_nothing(void *arg)
{
    (void)rand_below(arg, 0);
}

static void below_zero_is_asserted(void **state)
{
    struct rand rand;
    char        text[2048];

    (void)state;
    rand_init(&rand, 1);
    assert_true(death_by_abort(below_nothing, &rand, text, sizeof(text)));
}

static void unit_is_below_one_and_fair(void **state)
{
    struct rand rand;
    double      sum = 0;

    (void)state;
    rand_init(&rand, 9);
    for (int i = 0; i < 100000; i++) {
        double drawn = rand_unit(&rand);
        assert_true(drawn >= 0);
        assert_true(drawn < 1);
        sum += drawn;
    }
    assert_true(sum > 49400 && sum < 50600);

    /* The smallest output: word 1 of the state is all that it is made of. */
    rand.state[1] = 0;
    assert_true(rand_unit(&rand) == 0);
}

static void system_bytes_fill_all_and_differ(void **state)
{
    unsigned char a[1000];
    unsigned char b[1000];
    bool          seen[256] = { false };
    int           kinds = 0;

    (void)state;
    memset(a, 0, sizeof(a));
    memset(b, 0, sizeof(b));
    rand_system(a, sizeof(a) - 1);
    rand_system(b, sizeof(b) - 1);
    rand_system(NULL, 0);
    assert_int_equal(a[sizeof(a) - 1], 0);
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + sizeof(a) - 17, b + sizeof(b) - 17, 16);
    for (size_t i = 0; i < sizeof(a) - 1; i++) {
        if (!seen[a[i]])
            kinds++;
        seen[a[i]] = true;
    }
    assert_true(kinds > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_is_xoshiro256starstar),
        cmocka_unit_test(a_seed_gives_its_sequence),
        cmocka_unit_test(below_is_fair),
        cmocka_unit_test(below_has_no_favourites),
        cmocka_unit_test(below_zero_is_asserted),
        cmocka_unit_test(unit_is_below_one_and_fair),
        cmocka_unit_test(system_bytes_fill_all_and_differ),
    };
    return cmocka_run_group_tests_name("base/rand", tests, NULL, NULL);
}
