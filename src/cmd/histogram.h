/* histogram.h - how often something took how long, to about 1.5 %.
 *
 * Buckets are linear within each doubling of time (as in HdrHistogram): 64 to
 * a doubling, from 1 ns to a second; what took longer counts as a second.
 *
 * Memory   a doubling's buckets are 512 bytes, made when the first value falls
 *          there; 24 of them at most. Charged to MEM_OTHER.
 * Threads  loop thread only. */
#ifndef CMD_HISTOGRAM_H
#define CMD_HISTOGRAM_H

#include <stdint.h>

#include "base/mem.h"

#define HISTOGRAM_SUB_BITS 6
#define HISTOGRAM_SUBS     (1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_MAX_BITS 30 /* values below 2^30 ns */
#define HISTOGRAM_OCTAVES  (HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS)

/* All zero: empty. */
struct histogram {
    uint64_t *octaves[HISTOGRAM_OCTAVES]; /* HISTOGRAM_SUBS counts each */
};

/* Empty again. */
void histogram_reset(struct histogram *histogram, struct mem *mem);
uint64_t *histogram_octave(struct histogram *histogram, struct mem *mem,
                           unsigned octave);

uint64_t histogram_count(const struct histogram *histogram);
/* How many of the values are at most ns, to the precision of a bucket. */
uint64_t histogram_count_to(const struct histogram *histogram, uint64_t ns);
/* The time within which so many percent were done: the upper end of its
 * bucket (of 0 percent the lower end); 0 if it is empty. */
uint64_t histogram_percentile(const struct histogram *histogram,
                              double                  percent);

static inline void histogram_add(struct histogram *histogram, struct mem *mem,
                                 uint64_t ns)
{
    const uint64_t most = (UINT64_C(1) << HISTOGRAM_MAX_BITS) - 1;
    /* With 2^6 added there is no special case below it. The highest bit says
     * which doubling, the six behind it which bucket. */
    uint64_t value = ns + HISTOGRAM_SUBS;
    value = value < most ? value : most;
    unsigned octave =
        (63u ^ (unsigned)__builtin_clzll(value)) - HISTOGRAM_SUB_BITS;
    uint64_t *counts = histogram->octaves[octave];
    if (__builtin_expect(counts == NULL, 0))
        counts = histogram_octave(histogram, mem, octave);
    counts[(value >> octave) & (HISTOGRAM_SUBS - 1)]++;
}

#endif
