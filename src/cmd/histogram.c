/* histogram.c - see histogram.h. Asking walks all buckets: at most 1600. */
#include "cmd/histogram.h"

#include <stddef.h>

#include "base/assert.h"

#define OCTAVE_BYTES (HISTOGRAM_SUBS * sizeof(uint64_t))

uint64_t *histogram_octave(struct histogram *histogram, struct mem *mem,
                           unsigned octave)
{
    ASSERT(octave < HISTOGRAM_OCTAVES);
    ASSERT(histogram->octaves[octave] == NULL);
    mem_charge(mem, MEM_OTHER, OCTAVE_BYTES);
    return histogram->octaves[octave] = mem_calloc(1, OCTAVE_BYTES);
}

void histogram_reset(struct histogram *histogram, struct mem *mem)
{
    for (unsigned i = 0; i < HISTOGRAM_OCTAVES; i++) {
        if (histogram->octaves[i] == NULL)
            continue;
        mem_release(mem, MEM_OTHER, OCTAVE_BYTES);
        mem_free(histogram->octaves[i]);
        histogram->octaves[i] = NULL;
    }
}

/* The smallest and the largest value that fall into a bucket. */
static uint64_t lowest(unsigned octave, unsigned sub)
{
    return ((uint64_t)(HISTOGRAM_SUBS + sub) << octave) - HISTOGRAM_SUBS;
}

static uint64_t highest(unsigned octave, unsigned sub)
{
    return lowest(octave, sub + 1) - 1;
}

uint64_t histogram_count_to(const struct histogram *histogram, uint64_t ns)
{
    uint64_t count = 0;
    for (unsigned octave = 0; octave < HISTOGRAM_OCTAVES; octave++) {
        const uint64_t *counts = histogram->octaves[octave];
        if (counts == NULL)
            continue;
        for (unsigned sub = 0; sub < HISTOGRAM_SUBS; sub++)
            if (lowest(octave, sub) <= ns)
                count += counts[sub];
    }
    return count;
}

uint64_t histogram_count(const struct histogram *histogram)
{
    return histogram_count_to(histogram, UINT64_MAX);
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    uint64_t count = histogram_count(histogram), seen = 0;
    uint64_t wanted = (uint64_t)(percent / 100 * (double)count + 0.5);
    if (wanted == 0)
        wanted = 1;
    for (unsigned octave = 0; octave < HISTOGRAM_OCTAVES; octave++) {
        const uint64_t *counts = histogram->octaves[octave];
        for (unsigned sub = 0; counts != NULL && sub < HISTOGRAM_SUBS; sub++) {
            seen += counts[sub];
            if (seen >= wanted)
                return percent > 0 ? highest(octave, sub)
                                   : lowest(octave, sub);
        }
    }
    return 0;
}
