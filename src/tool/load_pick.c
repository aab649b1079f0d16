/* load_pick.c - the Zipf law and the permutation.
 *
 * Zipf: rejection-inversion (Hörmann and Derflinger, "Rejection-inversion to
 * generate variates from monotone discrete distributions", 1996). It is exact
 * and needs no sum over all keys first, as the usual method does: that sum
 * takes a minute for a billion keys. The idea: the area under x^-theta is
 * drawn from and inverted; the point found lies near an integer, and the few
 * draws that would make that integer too likely are thrown away.
 *
 * Permutation: rounds of "times an odd number, plus a number, modulo 2^bits"
 * and "xor with the upper half", each of which can be undone, so the whole is
 * a bijection of 0 .. 2^bits-1. What falls outside 0 .. size-1 is put through
 * again (cycle walking): less than two passes on average. It is no cipher. */
#include "tool/load_pick.h"

#include <math.h>

#include "base/assert.h"

void load_perm_init(struct load_perm *perm, uint64_t size, uint64_t seed)
{
    ASSERT(size >= 1);

    unsigned bits = size == 1 ? 0 : 64u - (unsigned)__builtin_clzll(size - 1);
    struct load_rng rng = { seed };

    perm->size = size;
    perm->mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    perm->shift = bits < 2 ? 1 : bits / 2;
    for (int i = 0; i < LOAD_PERM_ROUNDS; i++) {
        perm->multiply[i] = load_rng_next(&rng) | 1;
        perm->add[i] = load_rng_next(&rng);
    }
}

uint64_t load_perm_apply(const struct load_perm *perm, uint64_t x)
{
    ASSERT(x < perm->size);

    do {
        for (int i = 0; i < LOAD_PERM_ROUNDS; i++) {
            x = (x * perm->multiply[i] + perm->add[i]) & perm->mask;
            x ^= x >> perm->shift;
        }
    } while (x >= perm->size);
    return x;
}

/* So near to 1 that the logarithm is the better formula. */
static bool theta_is_one(double theta)
{
    return fabs(1 - theta) < 1e-6;
}

/* The integral of t^-theta from 1 to x ... */
static double area(const struct load_zipf *zipf, double x)
{
    if (theta_is_one(zipf->theta))
        return log(x);
    return (pow(x, 1 - zipf->theta) - 1) / (1 - zipf->theta);
}

/* ... and the x that has a given one. */
static double area_inverse(const struct load_zipf *zipf, double y)
{
    if (theta_is_one(zipf->theta))
        return exp(y);
    double base = 1 + y * (1 - zipf->theta);
    return base <= 0 ? INFINITY : pow(base, 1 / (1 - zipf->theta));
}

void load_zipf_init(struct load_zipf *zipf, uint64_t size, double theta)
{
    ASSERT(size >= 1);
    ASSERT(theta > 0);

    zipf->size = size;
    zipf->theta = theta;
    zipf->low = area(zipf, 1.5) - 1; /* rank 0 gets its full weight of 1 */
    zipf->high = area(zipf, (double)size + 0.5);
    zipf->quick = 2 - area_inverse(zipf, area(zipf, 2.5) - pow(2, -theta));
}

uint64_t load_zipf_next(const struct load_zipf *zipf, struct load_rng *rng)
{
    for (;;) {
        double u = load_rng_unit(rng);
        double y = zipf->high + u * (zipf->low - zipf->high);
        double x = area_inverse(zipf, y);
        double k = floor(x + 0.5);

        if (!(k >= 1))
            k = 1;
        else if (k > (double)zipf->size)
            k = (double)zipf->size;
        if (k - x <= zipf->quick ||
            y >= area(zipf, k + 0.5) - pow(k, -zipf->theta))
            return (uint64_t)k - 1;
    }
}
