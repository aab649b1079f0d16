/* Generated values: any piece of one is the same however it is asked for, and
 * no damage goes unseen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tool/load_value.h"

enum { LEN = 203 };

static const struct load_sizes one_size = { .count = 1, .bytes = { LEN } };

static void pieces_make_the_whole(void **state)
{
    struct load_value value = load_value_of(&one_size, 1, 77);
    char              whole[LEN], piece[LEN];

    (void)state;
    load_value_fill(&value, 0, whole, LEN);
    for (size_t from = 0; from <= LEN; from++) {
        for (size_t len = 0; len <= LEN - from; len++) {
            memset(piece, 'x', sizeof(piece));
            load_value_fill(&value, from, piece, len);
            assert_memory_equal(piece, whole + from, len);
            if (len < LEN)
                assert_int_equal(piece[len], 'x');
            assert_true(
                load_value_match(&value, from, slice_make(whole + from, len)));
        }
    }
}

static void each_damaged_bit_is_seen(void **state)
{
    struct load_value value = load_value_of(&one_size, 1, 77);
    char              bytes[LEN];

    (void)state;
    load_value_fill(&value, 0, bytes, LEN);
    for (size_t i = 0; i < LEN; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (char)(1 << bit);
            assert_false(load_value_match(&value, 0, slice_make(bytes, LEN)));
            /* ... by a piece that begins and ends anywhere around it */
            size_t from = i > 5 ? i - 5 : 0;
            assert_false(load_value_match(
                &value, from, slice_make(bytes + from, i - from + 1)));
            bytes[i] ^= (char)(1 << bit);
        }
    }
}

static void shifted_or_longer_is_wrong(void **state)
{
    struct load_value value = load_value_of(&one_size, 1, 77);
    char              bytes[LEN + 1] = { 0 };

    (void)state;
    load_value_fill(&value, 0, bytes, LEN);
    assert_false(load_value_match(&value, 0, slice_make(bytes, LEN + 1)));
    assert_false(load_value_match(&value, 1, slice_make(bytes, LEN - 1)));
    assert_false(load_value_match(&value, 8, slice_make(bytes, LEN - 8)));
    assert_false(load_value_match(&value, LEN + 1, slice_make(bytes, 0)));
}

static void key_and_seed_make_the_value(void **state)
{
    struct load_value value = load_value_of(&one_size, 1, 77);
    char              bytes[LEN];

    (void)state;
    load_value_fill(&value, 0, bytes, LEN);
    for (uint64_t other = 0; other < 1000; other++) {
        struct load_value by_key = load_value_of(&one_size, 1, other);
        struct load_value by_seed = load_value_of(&one_size, other, 77);
        slice             whole = slice_make(bytes, LEN);
        assert_int_equal(load_value_match(&by_key, 0, whole), other == 77);
        assert_int_equal(load_value_match(&by_seed, 0, whole), other == 1);
    }
}

/* Ten bytes hold one word and a bit: still no two keys alike. */
static void short_values_differ_too(void **state)
{
    const struct load_sizes ten = { .count = 1, .bytes = { 10 } };
    char                    before[10] = { 0 }, bytes[10];

    (void)state;
    for (uint64_t key = 0; key < 10000; key++) {
        struct load_value value = load_value_of(&ten, 1, key);
        load_value_fill(&value, 0, bytes, 10);
        assert_memory_not_equal(bytes, before, 10);
        memcpy(before, bytes, 10);
    }
}

static bool parses(const char *text, struct load_sizes *out)
{
    return load_sizes_parse(slice_from_string(text), 1000000, out);
}

static void sizes_are_parsed(void **state)
{
    static const char *const bad[] = { "",     "x",   "1,",      ",1",
                                       "1,,2", "5-4", "1-2-3",   "-1",
                                       "1-",   "1 ",  "1000001", "1,2000000",
                                       "1-2,3" };
    struct load_sizes        sizes;

    (void)state;
    assert_true(parses("100", &sizes));
    assert_false(sizes.is_range);
    assert_int_equal(sizes.count, 1);
    assert_int_equal(sizes.bytes[0], 100);
    assert_true(parses("70,150,1000,64kb", &sizes));
    assert_false(sizes.is_range);
    assert_int_equal(sizes.count, 4);
    assert_int_equal(sizes.bytes[0], 70);
    assert_int_equal(sizes.bytes[3], 65536);
    assert_true(parses("0-1kb", &sizes));
    assert_true(sizes.is_range);
    assert_int_equal(sizes.bytes[0], 0);
    assert_int_equal(sizes.bytes[1], 1024);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (parses(bad[i], &sizes))
            fail_msg("'%s' was taken for sizes", bad[i]);
}

static void sizes_are_used_evenly(void **state)
{
    struct load_sizes sizes;
    unsigned          counts[3] = { 0 }, of_len[5] = { 0 };

    (void)state;
    assert_true(parses("70,150,1000", &sizes));
    for (uint64_t key = 0; key < 30000; key++) {
        uint64_t len = load_value_of(&sizes, 1, key).len;
        counts[len == 70 ? 0 : len == 150 ? 1 : 2]++;
        if (len != 70 && len != 150)
            assert_int_equal(len, 1000);
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(counts[i], 9500, 10500);

    assert_true(parses("6-10", &sizes));
    for (uint64_t key = 0; key < 50000; key++) {
        uint64_t len = load_value_of(&sizes, 1, key).len;
        assert_in_range(len, 6, 10);
        of_len[len - 6]++;
    }
    for (int i = 0; i < 5; i++)
        assert_in_range(of_len[i], 9500, 10500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_make_the_whole),
        cmocka_unit_test(each_damaged_bit_is_seen),
        cmocka_unit_test(shifted_or_longer_is_wrong),
        cmocka_unit_test(key_and_seed_make_the_value),
        cmocka_unit_test(short_values_differ_too),
        cmocka_unit_test(sizes_are_parsed),
        cmocka_unit_test(sizes_are_used_evenly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
