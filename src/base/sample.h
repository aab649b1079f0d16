/* sample.h - some numbers out of 0 .. total-1, no two the same, each such set
 * with the same chance: for commands that answer random elements.
 *
 * Ownership  deinit frees what init took.
 * Bounds     time O(count log count) in the mean; memory 8 bytes for each of
 *            count, but never more than half a byte for each of total.
 * Pure, any thread. */
#ifndef BASE_SAMPLE_H
#define BASE_SAMPLE_H

#include <stdbool.h>

#include "base/rand.h"

struct sample {
    struct rand *rand;
    uint64_t     next; /* the lowest number that may still come */
    uint64_t     total;
    uint64_t     left;   /* numbers to come */
    uint64_t    *picked; /* all of them, in order; NULL: chosen on the way */
};

/* REQUIRES: count <= total. */
void sample_init(struct sample *sample, struct rand *rand, uint64_t total,
                 uint64_t count);
/* The next one, in ascending order; false: that was all. */
bool sample_next(struct sample *sample, uint64_t *out);
void sample_deinit(struct sample *sample);

#endif
