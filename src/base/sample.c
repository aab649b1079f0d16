/* sample.c - few of many are drawn until enough different ones have come; what
 * is not few is chosen in one pass over all numbers, each with the chance that
 * (still wanted / still to come) gives it (Knuth's algorithm S).
 *
 * Drawing: those that came twice are thrown away and as many drawn again. That
 * favours no number over another, and never gives too many; as at most one in
 * SAMPLE_DENSE numbers is wanted, few come twice. */
#include "base/sample.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

/* From one in so many on the pass is the cheaper way: it costs about as much
 * as drawing and sorting do, and no memory. */
#define SAMPLE_DENSE 16

static int compare(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return one < other ? -1 : one > other;
}

/* Sorts, and drops what comes twice; returns how many are left. */
static uint64_t make_distinct(uint64_t *numbers, uint64_t count)
{
    uint64_t kept = 0;
    qsort(numbers, count, sizeof(*numbers), compare);
    for (uint64_t i = 0; i < count; i++)
        if (kept == 0 || numbers[i] != numbers[kept - 1])
            numbers[kept++] = numbers[i];
    return kept;
}

static uint64_t *draw(struct rand *rand, uint64_t total, uint64_t count)
{
    uint64_t *picked = mem_alloc(count * sizeof(*picked));
    for (uint64_t have = 0; have < count;) {
        while (have < count)
            picked[have++] = rand_below(rand, total);
        have = make_distinct(picked, count);
    }
    return picked;
}

void sample_init(struct sample *sample, struct rand *rand, uint64_t total,
                 uint64_t count)
{
    ASSERT(count <= total);
    *sample = (struct sample){ .rand = rand, .total = total, .left = count };
    if (count > 0 && count < total / SAMPLE_DENSE)
        sample->picked = draw(rand, total, count);
}

bool sample_next(struct sample *sample, uint64_t *out)
{
    if (sample->left == 0)
        return false;
    if (sample->picked != NULL) {
        *out = sample->picked[sample->next++];
        sample->left--;
        return true;
    }
    while (rand_below(sample->rand, sample->total - sample->next) >=
           sample->left)
        sample->next++;
    *out = sample->next++;
    sample->left--;
    return true;
}

void sample_deinit(struct sample *sample)
{
    mem_free(sample->picked);
    sample->picked = NULL;
}
