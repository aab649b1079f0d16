/* test_err.c - names, and explanations that never overflow. */
#include "base/err.h"

#include <string.h>

#include "unit.h"

static void every_error_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        const char *name = err_name((err_t)i);
        assert_non_null(name);
        assert_string_not_equal(name, "unknown error");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(name, err_name((err_t)j));
    }
    assert_string_equal(err_name(ERR_OK), "ok");
    assert_string_equal(err_name(ERR_IO), "io error");
}

static void a_value_that_is_no_error_has_a_name_too(void **state)
{
    (void)state;
    assert_string_equal(err_name((err_t)ERR_COUNT), "unknown error");
    assert_string_equal(err_name((err_t)-1), "unknown error");
}

static void set_formats_and_returns(void **state)
{
    struct err_text why = { "" };

    (void)state;
    assert_int_equal(err_set(&why, ERR_IO, "open %s: %d", "x", 7), ERR_IO);
    assert_string_equal(why.text, "open x: 7");
    assert_int_equal(err_set(&why, ERR_BUSY, "b"), ERR_BUSY);
    assert_string_equal(why.text, "b");
    assert_int_equal(err_set(NULL, ERR_OOM, "nobody asks"), ERR_OOM);
}

static void set_may_quote_its_own_text(void **state)
{
    struct err_text why = { "disk is gone" };

    (void)state;
    (void)err_set(&why, ERR_IO, "load: %s", why.text);
    assert_string_equal(why.text, "load: disk is gone");
}

static void set_truncates(void **state)
{
    struct err_text why;
    char            word[2 * sizeof(why.text)];

    (void)state;
    memset(word, 'w', sizeof(word));
    for (size_t len = sizeof(why.text) - 2; len <= sizeof(word) - 1; len++) {
        memset(why.text, 'x', sizeof(why.text));
        (void)err_set(&why, ERR_IO, "%.*s", (int)len, word);
        size_t expected = len < sizeof(why.text) ? len : sizeof(why.text) - 1;
        assert_non_null(memchr(why.text, '\0', sizeof(why.text)));
        assert_int_equal(strlen(why.text), expected);
        assert_int_equal(strspn(why.text, "w"), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_of_its_own),
        cmocka_unit_test(a_value_that_is_no_error_has_a_name_too),
        cmocka_unit_test(set_formats_and_returns),
        cmocka_unit_test(set_may_quote_its_own_text),
        cmocka_unit_test(set_truncates),
    };
    return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
