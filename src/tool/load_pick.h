/* load_pick.h - which keys: seeded numbers, a Zipf law, a permutation.
 *
 * All of it is told again by a seed and keeps nothing per key, so a billion
 * keys cost what ten do. Pure, any thread. */
#ifndef TOOL_LOAD_PICK_H
#define TOOL_LOAD_PICK_H

#include <stdbool.h>
#include <stdint.h>

/* Spreads all bits of x over all bits of the result, bijectively. */
static inline uint64_t load_mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* SplitMix64 (Steele, Lea and Flood 2014). base/rand.h has the better
 * generator; this one has a state that fits in a request, so that the keys of
 * an MGET can be told again from one number when its reply is verified. */
struct load_rng {
    uint64_t state;
};

static inline uint64_t load_rng_next(struct load_rng *rng)
{
    rng->state += UINT64_C(0x9e3779b97f4a7c15);
    return load_mix(rng->state);
}

static inline double load_rng_unit(struct load_rng *rng) /* [0, 1) */
{
    return (double)(load_rng_next(rng) >> 11) * 0x1p-53;
}

/* 0 .. bound-1; the bias is below bound / 2^64. */
static inline uint64_t load_rng_below(struct load_rng *rng, uint64_t bound)
{
    unsigned __int128 wide = load_rng_next(rng);
    return (uint64_t)(wide * bound >> 64);
}

/* A bijection of 0 .. size-1 onto itself, in an order that looks random. */
#define LOAD_PERM_ROUNDS 4
struct load_perm {
    uint64_t size;
    uint64_t mask; /* the next power of two above size-1, minus one */
    unsigned shift;
    uint64_t multiply[LOAD_PERM_ROUNDS]; /* odd */
    uint64_t add[LOAD_PERM_ROUNDS];
};

void     load_perm_init(struct load_perm *perm, uint64_t size, uint64_t seed);
uint64_t load_perm_apply(const struct load_perm *perm, uint64_t x);

/* Ranks 0 .. size-1, rank r with a weight of 1 / (r+1)^theta. */
struct load_zipf {
    uint64_t size;
    double   theta;
    double   low;   /* the integral at the left end of rank 0 */
    double   high;  /* ... at the right end of the last rank */
    double   quick; /* nearer to its rank than this: accepted at once */
};

/* REQUIRES: size >= 1, theta > 0. */
void     load_zipf_init(struct load_zipf *zipf, uint64_t size, double theta);
uint64_t load_zipf_next(const struct load_zipf *zipf, struct load_rng *rng);

#endif
