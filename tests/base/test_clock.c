/* test_clock.c - the clock starts at wall time and goes on by itself. */
#include "base/clock.h"

#include <time.h>

#include "unit.h"

#define SECOND_US 1000000

static void now_is_wall_time_at_the_start(void **state)
{
    struct clock clock;

    (void)state;
    time_t before = time(NULL);
    clock_init(&clock);
    int64_t now = clock_now_us(&clock);
    assert_true(now >= (int64_t)(before - 1) * SECOND_US);
    assert_true(now <= (int64_t)(time(NULL) + 2) * SECOND_US);
}

/* As if the wall clock had been read at another time: it isn't asked again. */
static void now_follows_the_monotonic_clock_only(void **state)
{
    struct clock clock;

    (void)state;
    clock_init(&clock);
    clock.wall_start_us = 1000 * (int64_t)SECOND_US;
    clock.mono_start_us = clock_mono_us() - 5 * SECOND_US;
    int64_t now = clock_now_us(&clock);
    assert_true(now >= 1005 * (int64_t)SECOND_US);
    assert_true(now < 1035 * (int64_t)SECOND_US);
}

static void time_goes_forward(void **state)
{
    struct timespec nap = { 0, 20 * 1000 * 1000 };
    uint64_t        start = clock_mono_us();
    uint64_t        last = start;
    struct clock    clock;

    (void)state;
    clock_init(&clock);
    int64_t now = clock_now_us(&clock);
    for (int i = 0; i < 100000; i++) {
        uint64_t next = clock_mono_us();
        assert_true(next >= last);
        last = next;
    }
    (void)nanosleep(&nap, NULL);
    assert_true(clock_mono_us() >= start + 20 * 1000);
    assert_true(clock_now_us(&clock) >= now + 20 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(now_is_wall_time_at_the_start),
        cmocka_unit_test(now_follows_the_monotonic_clock_only),
        cmocka_unit_test(time_goes_forward),
    };
    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
