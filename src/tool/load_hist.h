/* load_hist.h - a histogram of latencies with a relative error below 1 %.
 *
 * Values are any uint64_t (here nanoseconds). Adding costs a few
 * instructions; the size is fixed (58 KB), however many values come. Pure. */
#ifndef TOOL_LOAD_HIST_H
#define TOOL_LOAD_HIST_H

#include <stdint.h>

/* Each power of two is cut into 128 equal steps; values below 128 are exact.
 * 64-bit values have 57 powers above the first 128 values. */
#define LOAD_HIST_STEP_BITS 7
#define LOAD_HIST_STEPS     (1 << LOAD_HIST_STEP_BITS)
#define LOAD_HIST_BUCKETS   ((64 - LOAD_HIST_STEP_BITS + 1) * LOAD_HIST_STEPS)

struct load_hist {
    uint64_t count;
    uint64_t sum; /* for the mean */
    uint64_t max; /* exact */
    uint64_t buckets[LOAD_HIST_BUCKETS];
};

void load_hist_init(struct load_hist *hist);
void load_hist_add(struct load_hist *hist, uint64_t value);
void load_hist_merge(struct load_hist *into, const struct load_hist *from);
/* The value that a fraction (0..1) of all values does not exceed; 0 when the
 * histogram is empty. Fraction 1 is the exact maximum. */
uint64_t load_hist_quantile(const struct load_hist *hist, double fraction);
double   load_hist_mean(const struct load_hist *hist);

#endif
