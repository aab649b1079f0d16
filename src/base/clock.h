/* clock.h - time in the process: wall time at the start plus the monotonic
 * clock, so that a wall clock set back brings no expired key back. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t  wall_start_us;
    uint64_t mono_start_us;
};

void     clock_init(struct clock *clock);
uint64_t clock_mono_us(void);
int64_t  clock_now_us(const struct clock *clock); /* unix time, us */

#endif
