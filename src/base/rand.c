/* rand.c - xoshiro256** seeded by splitmix64, and the system's generator.
 *
 * Both algorithms are written from their authors' descriptions (Blackman and
 * Vigna, "Scrambled linear pseudorandom number generators"). A seed gives the
 * same sequence on every machine: a failing simulation is replayed by it. */
#include "base/rand.h"

#include <errno.h>
#include <sys/random.h>

#include "base/assert.h"

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* Seeds that differ in one bit must not give similar states, and the state
 * must not be all zero: splitmix64 is a bijection of a counter, so at most one
 * of four outputs in a row is 0. */
static uint64_t splitmix64(uint64_t *counter)
{
    uint64_t z = *counter += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void rand_init(struct rand *rand, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        rand->state[i] = splitmix64(&seed);
}

uint64_t rand_next(struct rand *rand)
{
    uint64_t *s = rand->state;
    uint64_t  result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t  t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Lemire's method: the high half of a 128-bit product is the answer, and the
 * low half tells the few draws that would make some answers likelier than
 * others. The division is needed only when such a draw is possible. */
uint64_t rand_below(struct rand *rand, uint64_t bound)
{
    __extension__ typedef unsigned __int128 wide;
    ASSERT(bound > 0);

    wide product = (wide)rand_next(rand) * bound;
    if ((uint64_t)product < bound) {
        uint64_t unfair = (0 - bound) % bound;
        while ((uint64_t)product < unfair)
            product = (wide)rand_next(rand) * bound;
    }
    return (uint64_t)(product >> 64);
}

/* 53 random bits: as many as a double can tell apart below 1. */
double rand_unit(struct rand *rand)
{
    return (double)(rand_next(rand) >> 11) * 0x1p-53;
}

void rand_system(void *out, size_t len)
{
    char *at = out;

    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        ASSERT(got > 0);
        at += got;
        len -= (size_t)got;
    }
}
