/* test_fiber.c - work that stops in the middle and goes on. */
#include "base/fiber.h"

#include "unit.h"

#include <string.h>

#define STACK ((size_t)1024 * 1024)

struct work {
    struct fiber *fiber;
    unsigned      yields; /* to do */
    unsigned      steps;  /* done */
    size_t        deep;   /* bytes of stack at each yield */
    double        sum;
};

static void go(struct work *work, size_t left)
{
    volatile char frame[1024];
    memset((char *)frame, (int)left, sizeof(frame));
    if (left >= sizeof(frame)) {
        go(work, left - sizeof(frame));
    } else {
        double kept = 0.5; /* registers come back, too */
        for (unsigned i = 0; i < work->yields; i++) {
            kept += work->steps;
            work->steps++;
            assert_true(fiber_is_inside(work->fiber));
            fiber_yield(work->fiber);
        }
        work->sum = kept;
    }
    for (size_t i = 0; i < sizeof(frame); i++)
        assert_int_equal(frame[i], (char)left);
}

static void run(void *arg)
{
    struct work *work = arg;
    go(work, work->deep);
}

static void it_stops_and_goes_on(void **state)
{
    struct fiber *fiber = fiber_new(STACK);
    (void)state;
    for (unsigned yields = 0; yields < 6; yields++) {
        struct work work = { .fiber = fiber, .yields = yields,
                             .deep = yields * 100000 };
        bool ended = fiber_start(fiber, run, &work);
        for (unsigned i = 0; i < yields; i++) {
            assert_false(ended);
            assert_false(fiber_is_inside(fiber));
            assert_int_equal(work.steps, i + 1);
            ended = fiber_resume(fiber);
        }
        assert_true(ended);
        assert_true(work.sum == 0.5 + yields * (yields - 1.0) / 2);
        fiber_trim(fiber);
    }
    fiber_free(fiber);
}

static void two_take_turns(void **state)
{
    struct fiber *fibers[2] = { fiber_new(STACK), fiber_new(STACK) };
    struct work   works[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        works[i] = (struct work){ .fiber = fibers[i], .yields = 3 };
        assert_false(fiber_start(fibers[i], run, &works[i]));
    }
    for (unsigned step = 1; step <= 3; step++)
        for (int i = 0; i < 2; i++) {
            assert_int_equal(works[i].steps, step);
            assert_int_equal(fiber_resume(fibers[i]), step == 3);
        }
    fiber_free(fibers[0]);
    fiber_free(fibers[1]);
}

/* As Lua raises its errors. */
static void jump(void *arg)
{
    struct work *work = arg;
    jmp_buf      here;
    for (volatile unsigned i = 0; i < 3; i++) {
        if (setjmp(here) == 0) {
            fiber_yield(work->fiber);
            longjmp(here, 1);
        }
        work->steps++;
    }
}

static void jumps_stay_on_their_stack(void **state)
{
    struct fiber *fiber = fiber_new(STACK);
    struct work   work = { .fiber = fiber };
    (void)state;
    assert_false(fiber_start(fiber, jump, &work));
    assert_false(fiber_resume(fiber));
    assert_false(fiber_resume(fiber));
    assert_true(fiber_resume(fiber));
    assert_int_equal(work.steps, 3);
    fiber_free(fiber);
}

static void one_that_stands_can_be_dropped(void **state)
{
    struct fiber *fiber = fiber_new(STACK);
    struct work   work = { .fiber = fiber, .yields = 1, .deep = 100000 };
    (void)state;
    assert_false(fiber_start(fiber, run, &work));
    fiber_free(fiber);
    fiber_free(NULL);
    assert_int_equal(work.steps, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stops_and_goes_on),
        cmocka_unit_test(two_take_turns),
        cmocka_unit_test(jumps_stay_on_their_stack),
        cmocka_unit_test(one_that_stands_can_be_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
