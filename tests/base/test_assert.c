/* test_assert.c - a broken assertion says what and where, then aborts. */
#include "base/assert.h"

#include <string.h>

#include "death.h"
#include "unit.h"

static void break_an_assertion(void *arg)
{
    int apples = 3;
    (void)arg;
    ASSERT(apples == 4);
}

static void reach_the_unreachable(void *arg)
{
    (void)arg;
    UNREACHABLE();
}

static void long_condition(void *arg)
{
    assert_failed(arg, "file.c", 1);
}

static void failing_tells_condition_and_place(void **state)
{
    char text[4096];

    (void)state;
    assert_true(death_by_abort(break_an_assertion, NULL, text, sizeof(text)));
    assert_non_null(strstr(text, "assertion failed: apples == 4 ("));
    assert_non_null(strstr(text, "test_assert.c:"));
    /* One line for the condition, several for the way we came. */
    char *backtrace = strchr(text, '\n');
    assert_non_null(backtrace);
    assert_non_null(strchr(backtrace + 1, '\n'));
}

static void unreachable_aborts(void **state)
{
    char text[4096];

    (void)state;
    assert_true(
        death_by_abort(reach_the_unreachable, NULL, text, sizeof(text)));
    assert_non_null(strstr(text, "unreachable"));
}

static void a_long_condition_is_cut(void **state)
{
    char text[4096];
    char condition[2000];

    (void)state;
    memset(condition, 'c', sizeof(condition) - 1);
    condition[sizeof(condition) - 1] = '\0';
    assert_true(death_by_abort(long_condition, condition, text, sizeof(text)));
    assert_non_null(strstr(text, "cccc"));
}

static void holding_costs_nothing(void **state)
{
    int evaluated = 0;

    (void)state;
    ASSERT(++evaluated == 1);
    assert_int_equal(evaluated, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_tells_condition_and_place),
        cmocka_unit_test(unreachable_aborts),
        cmocka_unit_test(a_long_condition_is_cut),
        cmocka_unit_test(holding_costs_nothing),
    };
    return cmocka_run_group_tests_name("base/assert", tests, NULL, NULL);
}
