/* clock.c - one reading of the wall clock, then only the monotonic one.
 *
 * The monotonic clock is the one that goes on while the machine sleeps: with
 * the other, deadlines would be late by the length of the nap until the next
 * restart. Both are read without a system call. */
#include "base/clock.h"

#include <time.h>

#include "base/assert.h"

static uint64_t read_us(clockid_t id)
{
    struct timespec now;

    int failed = clock_gettime(id, &now);
    ASSERT(!failed);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t clock_mono_us(void)
{
    return read_us(CLOCK_BOOTTIME);
}

void clock_init(struct clock *clock)
{
    clock->wall_start_us = (int64_t)read_us(CLOCK_REALTIME);
    clock->mono_start_us = clock_mono_us();
}

int64_t clock_now_us(const struct clock *clock)
{
    return clock->wall_start_us +
           (int64_t)(clock_mono_us() - clock->mono_start_us);
}
