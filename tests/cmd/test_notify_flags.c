/* test_notify_flags.c - letters and masks. The texts are those that
 * redis-server 7.0 answers after the same CONFIG SET. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/notify_flags.h"

static void test_texts(void **state)
{
    static const struct {
        const char *set, *get, *exact;
    } cases[] = {
        { "", "", "" },
        { "K", "K", "K" },
        { "KEA", "AKE", "AKE" },
        { "KEg", "gKE", "gKE" },
        { "Kg$lshzxetd", "AK", "AK" },
        { "KEmn", "nKEm", "nKEm" },
        { "gxKE", "gxKE", "gxKE" },
        { "A", "A", "A" },
        { "g$lshzxetdmKn", "AKm", "AnKm" }, /* Redis forgets to say n */
        { "E$", "$E", "$E" },
        { "EEEzz", "zE", "zE" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t flags = 0, again = 0;
        char     text[NOTIFY_TEXT_CHARS];
        assert_true(
            notify_flags_parse(slice_from_string(cases[i].set), &flags));
        assert_int_equal(notify_flags_format(flags, false, text),
                         strlen(cases[i].get));
        assert_string_equal(text, cases[i].get);
        notify_flags_format(flags, true, text);
        assert_string_equal(text, cases[i].exact);
        assert_true(notify_flags_parse(slice_from_string(text), &again));
        assert_int_equal(again, flags);
    }
}

static void test_masks(void **state)
{
    uint32_t flags = 0;
    (void)state;

    assert_true(notify_flags_parse(SLICE_LITERAL("A"), &flags));
    assert_int_equal(flags, NOTIFY_ALL);
    assert_false(flags & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT | NOTIFY_KEYMISS |
                          NOTIFY_NEW));
    assert_true(notify_flags_parse(SLICE_LITERAL("Kx"), &flags));
    assert_int_equal(flags, NOTIFY_KEYSPACE | NOTIFY_EXPIRED);
}

static void test_unknown_letters(void **state)
{
    static const char *const wrong[] = { "Kq", "k", " ", "KE ", "K,E" };
    (void)state;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint32_t flags = 77;
        assert_false(notify_flags_parse(slice_from_string(wrong[i]), &flags));
        assert_int_equal(flags, 77);
    }
    uint32_t flags = 77;
    assert_false(notify_flags_parse(slice_make("K\0E", 3), &flags));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_unknown_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
