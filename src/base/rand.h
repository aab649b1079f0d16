/* rand.h - seeded randomness (xoshiro256**, Blackman and Vigna 2018), so that
 * a run can be replayed. Not for secrets: those come from the system. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

struct rand {
    uint64_t state[4];
};

void     rand_init(struct rand *rand, uint64_t seed);
uint64_t rand_next(struct rand *rand);
uint64_t rand_below(struct rand *rand, uint64_t bound); /* 0 .. bound-1 */
double   rand_unit(struct rand *rand);                  /* [0, 1) */

/* Bytes from the system's generator; aborts when there is none. */
void rand_system(void *out, size_t len);

#endif
