/* load_hist.c - the log-linear histogram.
 *
 * The bucket of a value is told by its highest set bit (the power) and the
 * seven bits below it (the step), so a bucket is never wider than 1/128 of
 * its values. A quantile answers the middle of its bucket, hence an error of
 * at most 0.4 %. It does not correct for coordinated omission: what a latency
 * starts from is decided where it is measured (load_worker.c). */
#include "tool/load_hist.h"

#include <string.h>

#include "base/assert.h"

static unsigned bucket_index(uint64_t value)
{
    if (value < LOAD_HIST_STEPS)
        return (unsigned)value;
    unsigned power = 63u - (unsigned)__builtin_clzll(value);
    unsigned shift = power - LOAD_HIST_STEP_BITS;
    unsigned step = (unsigned)(value >> shift) - LOAD_HIST_STEPS;
    return (shift + 1) * LOAD_HIST_STEPS + step;
}

static uint64_t bucket_middle(unsigned index)
{
    if (index < LOAD_HIST_STEPS)
        return index;
    unsigned shift = index / LOAD_HIST_STEPS - 1;
    uint64_t step = index % LOAD_HIST_STEPS + LOAD_HIST_STEPS;
    uint64_t width = UINT64_C(1) << shift;
    return (step << shift) + width / 2;
}

void load_hist_init(struct load_hist *hist)
{
    memset(hist, 0, sizeof(*hist));
}

void load_hist_add(struct load_hist *hist, uint64_t value)
{
    hist->buckets[bucket_index(value)]++;
    hist->count++;
    hist->sum += value;
    if (value > hist->max)
        hist->max = value;
}

void load_hist_merge(struct load_hist *into, const struct load_hist *from)
{
    for (unsigned i = 0; i < LOAD_HIST_BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max)
        into->max = from->max;
}

uint64_t load_hist_quantile(const struct load_hist *hist, double fraction)
{
    ASSERT(fraction >= 0 && fraction <= 1);

    double   wanted = fraction * (double)hist->count;
    uint64_t seen = 0;

    for (unsigned i = 0; i < LOAD_HIST_BUCKETS; i++) {
        seen += hist->buckets[i];
        if (seen == hist->count || (seen > 0 && (double)seen >= wanted)) {
            /* The last bucket's middle may lie above the true maximum, and
             * the last value of all is known exactly. */
            uint64_t middle = bucket_middle(i);
            if (seen == hist->count && wanted > (double)(seen - 1))
                return hist->max;
            return middle < hist->max ? middle : hist->max;
        }
    }
    UNREACHABLE();
}

double load_hist_mean(const struct load_hist *hist)
{
    return hist->count ? (double)hist->sum / (double)hist->count : 0;
}
