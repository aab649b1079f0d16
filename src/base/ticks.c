/* ticks.c - which counter there is, and how fast it runs.
 *
 * A pace is measured between two moments of which both clocks were read. One
 * can't read both at once, and may be interrupted in between; so of a few tries
 * the one that took the least time counts. */
#include "base/ticks.h"

#include <time.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/assert.h"

#define NS_PER_SECOND  UINT64_C(1000000000)
#define FIRST_SPAN_NS  UINT64_C(1000000)
#define TRIES          8
#define KERNELS_PACE   (UINT64_C(1) << 32) /* a tick is a nanosecond */

uint64_t ticks_clock_ns(void)
{
    struct timespec now;
    int             failed = clock_gettime(CLOCK_MONOTONIC, &now);
    ASSERT(!failed);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* Does the counter run at one pace, whatever the processor saves power by? */
static bool has_invariant_counter(void)
{
#if defined(__x86_64__)
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8) != 0;
#else
    return false;
#endif
}

struct moment {
    uint64_t ticks, ns;
};

static struct moment read_both(const struct ticks *ticks)
{
    struct moment best = { 0, 0 };
    uint64_t      least = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = ticks_now(ticks);
        uint64_t ns = ticks_clock_ns();
        uint64_t took = ticks_now(ticks) - before;
        if (took >= least)
            continue;
        least = took;
        best = (struct moment){ .ticks = before + took / 2, .ns = ns };
    }
    return best;
}

/* The pace since the anchor, if there is one to tell. */
static void measure(struct ticks *ticks, struct moment now)
{
    uint64_t passed = now.ticks - ticks->anchor_ticks;
    uint64_t ns = now.ns - ticks->anchor_ns;
    if (now.ticks > ticks->anchor_ticks)
        ticks->ns_per_tick =
            (uint64_t)(((unsigned __int128)ns << 32) / passed);
    ticks->anchor_ticks = now.ticks;
    ticks->anchor_ns = now.ns;
}

void ticks_init(struct ticks *ticks)
{
    *ticks = (struct ticks){ .has_counter = has_invariant_counter(),
                             .ns_per_tick = KERNELS_PACE };
    if (!ticks->has_counter)
        return;
    struct moment now = read_both(ticks);
    ticks->anchor_ticks = now.ticks;
    ticks->anchor_ns = now.ns;
    do
        now = read_both(ticks);
    while (now.ns - ticks->anchor_ns < FIRST_SPAN_NS);
    measure(ticks, now);
}

void ticks_tune(struct ticks *ticks)
{
    if (!ticks->has_counter ||
        ticks_clock_ns() - ticks->anchor_ns < NS_PER_SECOND)
        return;
    measure(ticks, read_both(ticks));
}
