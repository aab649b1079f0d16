/* test_slice.c - bytes are compared as bytes, names without case. */
#include "base/slice.h"

#include "unit.h"

static void equal_compares_all_bytes(void **state)
{
    (void)state;
    assert_true(slice_equal(SLICE_LITERAL("a\0b"), SLICE_LITERAL("a\0b")));
    assert_false(slice_equal(SLICE_LITERAL("a\0b"), SLICE_LITERAL("a\0c")));
    assert_false(slice_equal(SLICE_LITERAL("ab"), SLICE_LITERAL("abc")));
    assert_true(slice_equal(SLICE_EMPTY, slice_make(NULL, 0)));
    assert_true(slice_equal(slice_make(NULL, 0), slice_make(NULL, 0)));
    assert_true(slice_equal(slice_from_string("xy"), SLICE_LITERAL("xy")));
}

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

static void compare_orders_bytes_then_lengths(void **state)
{
    static const slice ordered[] = {
        { "", 0 },      { "\0", 1 },    { "\0\0", 2 }, { "A", 1 },
        { "a", 1 },     { "a\0", 2 },   { "ab", 2 },   { "b", 1 },
        { "b\x7f", 2 }, { "b\x80", 2 }, { "\xff", 1 }, { "\xff\xff", 2 },
    };
    int count = (int)(sizeof(ordered) / sizeof(ordered[0]));

    (void)state;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < count; j++) {
            assert_int_equal(sign(slice_compare(ordered[i], ordered[j])),
                             sign(i - j));
        }
    }
    assert_int_equal(slice_compare(slice_make(NULL, 0), SLICE_EMPTY), 0);
}

static void nocase_folds_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(slice_equal_nocase(SLICE_LITERAL("GeT"), "get"));
    assert_true(slice_equal_nocase(SLICE_LITERAL("azAZ-09"), "azaz-09"));
    assert_true(slice_equal_nocase(SLICE_EMPTY, ""));
    assert_true(slice_equal_nocase(slice_make(NULL, 0), ""));
    /* The neighbours of A, Z, a and z are not letters. */
    assert_false(slice_equal_nocase(SLICE_LITERAL("@"), "`"));
    assert_false(slice_equal_nocase(SLICE_LITERAL("["), "{"));
    assert_false(slice_equal_nocase(SLICE_LITERAL("\xc4"), "\xe4"));
}

static void nocase_compares_lengths(void **state)
{
    static const char padded[8] = "get"; /* and NUL bytes */

    (void)state;
    assert_false(slice_equal_nocase(SLICE_LITERAL("get\0"), padded));
    assert_false(slice_equal_nocase(SLICE_LITERAL("GE"), "get"));
    assert_false(slice_equal_nocase(SLICE_LITERAL("GETS"), "get"));
    assert_false(slice_equal_nocase(SLICE_EMPTY, "get"));
    assert_false(slice_equal_nocase(SLICE_LITERAL("get\0"), "get"));
    assert_false(slice_equal_nocase(SLICE_LITERAL("get\0x"), "get"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_compares_all_bytes),
        cmocka_unit_test(compare_orders_bytes_then_lengths),
        cmocka_unit_test(nocase_folds_ascii_letters_only),
        cmocka_unit_test(nocase_compares_lengths),
    };
    return cmocka_run_group_tests_name("base/slice", tests, NULL, NULL);
}
