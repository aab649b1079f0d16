/* Both clocks, side by side. */
#include "base/ticks.h"

#include <time.h>

#include "base/unit.h"

static void wait_ns(uint64_t ns)
{
    uint64_t begun = ticks_clock_ns();
    while (ticks_clock_ns() - begun < ns)
        ;
}

/* What the ticks say of a span that the kernel's clock bounds on both sides. */
static void check_span(const struct ticks *ticks)
{
    uint64_t outer = ticks_clock_ns(), from = ticks_now(ticks);
    uint64_t inner = ticks_clock_ns();
    wait_ns(20 * 1000 * 1000);
    uint64_t inner_ns = ticks_clock_ns() - inner;
    uint64_t ns = ticks_ns(ticks, from, ticks_now(ticks));
    uint64_t outer_ns = ticks_clock_ns() - outer;
    assert_true(ns >= inner_ns - inner_ns / 100);
    assert_true(ns <= outer_ns + outer_ns / 100);
}

static void test_ticks_tell_the_time_of_the_kernel(void **state)
{
    struct ticks ticks;
    (void)state;
    ticks_init(&ticks);
    check_span(&ticks);
    ticks.anchor_ns -= 1000 * 1000 * 1000; /* as if a second had passed */
    ticks.anchor_ticks -= ticks.has_counter
        ? (uint64_t)(((unsigned __int128)1000000000 << 32) / ticks.ns_per_tick)
        : 0;
    ticks_tune(&ticks);
    check_span(&ticks);
}

static void test_without_a_counter(void **state)
{
    struct ticks ticks = { .ns_per_tick = UINT64_C(1) << 32 };
    (void)state;
    ticks_tune(&ticks);
    check_span(&ticks);
}

static void test_a_wrong_pace_is_put_right(void **state)
{
    struct ticks ticks;
    (void)state;
    ticks_init(&ticks);
    if (!ticks.has_counter)
        return;
    uint64_t right = ticks.ns_per_tick;
    ticks.ns_per_tick *= 3;
    ticks_tune(&ticks); /* too early */
    assert_true(ticks.ns_per_tick == right * 3);
    wait_ns(1010 * 1000 * 1000);
    ticks_tune(&ticks);
    assert_true(ticks.ns_per_tick < right + right / 50);
    assert_true(ticks.ns_per_tick > right - right / 50);
}

static void test_time_does_not_go_back(void **state)
{
    struct ticks ticks = { .ns_per_tick = UINT64_C(1) << 31 };
    (void)state;
    assert_int_equal(ticks_ns(&ticks, 100, 99), 0);
    assert_int_equal(ticks_ns(&ticks, 100, 100), 0);
    assert_int_equal(ticks_ns(&ticks, 100, 300), 100);
    assert_true(ticks_ns(&ticks, 0, UINT64_MAX) == UINT64_MAX / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ticks_tell_the_time_of_the_kernel),
        cmocka_unit_test(test_without_a_counter),
        cmocka_unit_test(test_a_wrong_pace_is_put_right),
        cmocka_unit_test(test_time_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
