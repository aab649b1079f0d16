/* ticks.h - a clock that is read twice for each command, so it must be cheap.
 *
 * Where the processor has a counter that runs at one pace always (x86: the
 * invariant time stamp counter), that is read, in half of the time of the
 * kernel's clock; elsewhere the kernel's monotonic clock. How long a tick is
 * is measured once at the start, and again about every second by ticks_tune,
 * so that a machine that was moved while it runs is told wrong for a second
 * only.
 *
 * For durations: ticks are no time of day, and two processors' counters may
 * differ by a few.
 *
 * Threads  ticks_now and ticks_ns: any; the others: the owner. */
#ifndef BASE_TICKS_H
#define BASE_TICKS_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

struct ticks {
    bool     has_counter;
    uint64_t ns_per_tick;  /* times 2^32 */
    uint64_t anchor_ticks; /* when it was measured last */
    uint64_t anchor_ns;
};

/* Takes about a millisecond where there is a counter. */
void ticks_init(struct ticks *ticks);
/* Measures the counter's pace anew, if the last time was a second ago. */
void ticks_tune(struct ticks *ticks);
/* The kernel's clock. */
uint64_t ticks_clock_ns(void);

static inline uint64_t ticks_now(const struct ticks *ticks)
{
#if defined(__x86_64__)
    if (__builtin_expect(ticks->has_counter, 1))
        return __rdtsc();
#else
    (void)ticks;
#endif
    return ticks_clock_ns();
}

/* From one reading to a later one; 0 if it is not later. */
static inline uint64_t ticks_ns(const struct ticks *ticks, uint64_t from,
                                uint64_t to)
{
    if (to <= from)
        return 0;
    return (uint64_t)((unsigned __int128)(to - from) * ticks->ns_per_tick >>
                      32);
}

#endif
