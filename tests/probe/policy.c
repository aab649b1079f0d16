/* policy.c - which entries should the hand let go?
 *
 *   gcc -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow \
 *       -Wstrict-prototypes -Werror -Isrc -o /tmp/policy \
 *       tests/probe/policy.c -lm && /tmp/policy
 *
 * Hit ratio of the segment log's eviction (see size_shift.c) against exact
 * LRU, FIFO and Redis' sampled LRU (5 samples, pool of 16), all holding the
 * same number of entries of one size. A trace of accesses to a million keys is
 * made once and given to each policy: the first third warms, the rest counts.
 * A miss inserts. With overwrites (a tenth of the accesses), LRU and
 * its like replace in place, the log appends and leaves a dead entry behind.
 *
 * The log is charged whole segments, one more for survivors included; so its
 * losses through dead and half-filled space are in its figures. The second
 * number is its copy amplification: entries copied per entry inserted; the
 * last column the most segments emptied for a single insert, at 1 % and 30 %.
 *
 * Log variants
 *   bits      the use counter saturates at 1 or 3
 *   young     a use counts only when at least 1/young of the capacity has been
 *             inserted since the entry came
 *   first     counter that a new entry starts with
 *   relief    once this many segments were emptied for one insert, at most half
 *             of each further one survives, used or not
 *   new 1/n   S3-FIFO (Yang et al., SOSP 2023): new and surviving entries
 *             have a queue each; the hand takes from the new one while that has
 *             more than 1/n of all segments
 *   in_place  an overwrite stays where it is
 *   ghost     evicted new entries are remembered, as many as entries fit; one
 *             that returns goes straight to the survivors */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    KEYS = 1000000,
    CAPACITY_MAX = KEYS * 3 / 10,
    ACCESSES = 9000000,
    WARM = ACCESSES / 3,
    SHIFT_EVERY = 1000000,
    HOT = 9000,
    NEVER = 1 << 20,
    SEGMENT_ENTRIES = 128, /* of 1000 bytes, in 128 KB */
    SEGMENTS_MAX = CAPACITY_MAX / SEGMENT_ENTRIES + 1,
    NONE = -1,
    SAMPLES = 5,
    POOL = 16,
};

enum kind { LRU, FIFO, SAMPLED, LOG };

struct policy {
    const char *name;
    enum kind   kind;
    int         max, relief, small, young, first;
    bool        ghost, in_place;
};

/* clang-format off */
static const struct policy policies[] = {
    { "LRU exact",     LRU,     0, 0,     0,  0,  0, false, false },
    { "LRU sampled",   SAMPLED, 0, 0,     0,  0,  0, false, false },
    { "FIFO",          FIFO,    0, 0,     0,  0,  0, false, false },
    { "log 1 bit",     LOG,     1, NEVER, 0,  0,  0, false, false },
    { "log 2 bits",    LOG,     3, NEVER, 0,  0,  0, false, false },
    { "  first=1",     LOG,     3, NEVER, 0,  0,  1, false, false },
    { "  young=1/16",  LOG,     3, NEVER, 0,  16, 0, false, false },
    { "  young=1/4",   LOG,     3, NEVER, 0,  4,  0, false, false },
    { "  in place",    LOG,     3, NEVER, 0,  0,  0, false, true },
    { "  relief=0",    LOG,     3, 0,     0,  0,  0, false, false },
    { "  relief=4",    LOG,     3, 4,     0,  0,  0, false, false },
    { "new 1/10, 2b",  LOG,     3, NEVER, 10, 0,  0, false, false },
    { "new 1/10, 1b",  LOG,     1, NEVER, 10, 0,  0, false, false },
    { "new 1/4, 2b",   LOG,     3, NEVER, 4,  0,  0, false, false },
    { "new 1/4, 1b",   LOG,     1, NEVER, 4,  0,  0, false, false },
    { "  relief=4",    LOG,     1, 4,     4,  0,  0, false, false },
    { "  in place",    LOG,     1, 4,     4,  0,  0, false, true },
    { "new 1/3, 1b",   LOG,     1, 4,     3,  0,  0, false, false },
    { "new 1/2, 1b",   LOG,     1, 4,     2,  0,  0, false, false },
    { "  in place",    LOG,     1, 4,     2,  0,  0, false, true },
    { "1/10,1b,ghost", LOG,     1, 4,     10, 0,  0, true,  false },
    { "1/4, 1b,ghost", LOG,     1, 4,     4,  0,  0, true,  false },
};

enum access { ZIPF, SCAN, SHIFT, UNIFORM, WRITES, STORM, TRACES };

static const char *const trace_names[TRACES] = {
    "Zipf 0.99", "Zipf 0.99 + 10 % scan", "Zipf 0.99, hot set shifts",
    "uniform", "Zipf 0.99, 10 % overwrites", "9000 hot keys, 0.2 % cold",
};
/* clang-format on */

static const int percents[] = { 1, 5, 10, 30 };

enum {
    POLICIES = sizeof policies / sizeof policies[0],
    PERCENTS = sizeof percents / sizeof percents[0],
};

/* --- random numbers and traces --- */

static uint64_t dice_next(uint64_t *dice)
{
    uint64_t z = (*dice += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t dice_below(uint64_t *dice, uint32_t bound)
{
    return (uint32_t)(((dice_next(dice) >> 32) * bound) >> 32);
}

static double dice_unit(uint64_t *dice)
{
    return (double)(dice_next(dice) >> 11) * 0x1p-53;
}

/* Gray et al., "Quickly generating billion-record synthetic databases". */
struct zipf {
    double theta, alpha, zeta_n, eta;
};

static void zipf_init(struct zipf *zipf, double theta)
{
    double zeta2 = 1 + pow(0.5, theta);

    zipf->theta = theta;
    zipf->alpha = 1 / (1 - theta);
    zipf->zeta_n = 0;
    for (int i = 1; i <= KEYS; i++)
        zipf->zeta_n += pow(1.0 / i, theta);
    zipf->eta = (1 - pow(2.0 / KEYS, 1 - theta)) / (1 - zeta2 / zipf->zeta_n);
}

static uint32_t zipf_draw(const struct zipf *zipf, uint64_t *dice)
{
    double   u = dice_unit(dice), uz = u * zipf->zeta_n;
    uint32_t rank;

    if (uz < 1)
        return 0;
    if (uz < 1 + pow(0.5, zipf->theta))
        return 1;
    rank = (uint32_t)(KEYS * pow(zipf->eta * u - zipf->eta + 1, zipf->alpha));
    return rank < KEYS ? rank : KEYS - 1;
}

static void shuffle(uint32_t *of, uint32_t count, uint64_t *dice)
{
    for (uint32_t i = 0; i < count; i++)
        of[i] = i;
    for (uint32_t i = count - 1; i > 0; i--) {
        uint32_t j = dice_below(dice, i + 1), swap = of[i];

        of[i] = of[j];
        of[j] = swap;
    }
}

/* Bit 31 marks an overwrite. */
#define WRITE_BIT 0x80000000u

static void trace_make(uint32_t *trace, enum access access,
                       const struct zipf *zipf)
{
    uint64_t        dice = 1999;
    static uint32_t key_of[KEYS];
    uint32_t        scan = 0;

    shuffle(key_of, KEYS, &dice);
    for (uint32_t i = 0; i < ACCESSES; i++) {
        uint32_t rank = access == UNIFORM ? dice_below(&dice, KEYS)
                                          : zipf_draw(zipf, &dice);

        if (access == SHIFT)
            rank = (rank + i / SHIFT_EVERY * 54321u) % KEYS;
        if (access == SCAN && dice_below(&dice, 10) == 0)
            rank = scan++ % KEYS;
        if (access == STORM)
            rank = i % 500 != 0 ? dice_below(&dice, HOT) : HOT + scan++;
        trace[i] = key_of[rank];
        if (access == WRITES && dice_below(&dice, 10) == 0)
            trace[i] |= WRITE_BIT;
    }
}

/* --- one cache for all policies; only the fields of its own are used --- */

struct slot {
    int32_t  key;  /* NONE: dead, or nothing yet */
    uint32_t born; /* value of inserts when it came */
    uint8_t  used;
    bool     kept; /* stands among the survivors */
};

struct queue {
    int32_t segments[SEGMENTS_MAX]; /* a ring of numbers, oldest at head */
    int32_t head, count, open, fill;
};

struct cache {
    const struct policy *policy;
    int32_t              capacity, count, segments;
    int32_t              at[KEYS];   /* place in the cache, or NONE */
    uint32_t             last[KEYS]; /* time of last use */
    int32_t              next[KEYS + 1], prev[KEYS + 1]; /* KEYS is the head */
    int32_t              members[CAPACITY_MAX]; /* sampled: place -> key */
    int32_t              pool[POOL];
    struct slot          slots[CAPACITY_MAX]; /* log: SEGMENT_ENTRIES each */
    int32_t              unused[SEGMENTS_MAX], unused_count;
    uint32_t             stamp[SEGMENTS_MAX], opened; /* opened when? */
    struct queue         fresh, kept;  /* filled by inserts, by survivors */
    uint32_t ghost_time[KEYS], ghosts; /* ghosts at eviction, or 0 */
    int      burst;                    /* most sweeps for one insert */
    uint32_t now, inserts, inserted, copies;
};

static void chain(struct cache *c, int32_t key) /* to the young end */
{
    int32_t last = c->prev[KEYS];

    c->next[last] = key;
    c->prev[key] = last;
    c->next[key] = KEYS;
    c->prev[KEYS] = key;
}

static void unchain(struct cache *c, int32_t key)
{
    c->next[c->prev[key]] = c->next[key];
    c->prev[c->next[key]] = c->prev[key];
}

static void list_insert(struct cache *c, int32_t key)
{
    if (c->count == c->capacity) {
        int32_t oldest = c->next[KEYS];

        unchain(c, oldest);
        c->at[oldest] = NONE;
        c->count--;
    }
    chain(c, key);
    c->at[key] = 0;
    c->count++;
}

/* Redis keeps the best candidates of earlier samples, oldest last. */
static int32_t sampled_victim(struct cache *c, uint64_t *dice)
{
    for (int i = 0; i < SAMPLES; i++) {
        int32_t key = c->members[dice_below(dice, (uint32_t)c->count)];
        int     slot = 0;

        for (int j = 0; j < POOL; j++) {
            if (c->pool[j] == key)
                slot = NONE;
            if (slot == NONE)
                break;
            if (c->pool[j] == NONE || c->at[c->pool[j]] == NONE) {
                slot = j;
                c->pool[j] = NONE;
                break;
            }
            if (c->last[c->pool[j]] > c->last[c->pool[slot]])
                slot = j;
        }
        if (slot != NONE &&
            (c->pool[slot] == NONE || c->last[key] < c->last[c->pool[slot]]))
            c->pool[slot] = key;
    }
    int best = NONE;
    for (int j = 0; j < POOL; j++)
        if (c->pool[j] != NONE && c->at[c->pool[j]] != NONE &&
            (best == NONE || c->last[c->pool[j]] < c->last[c->pool[best]]))
            best = j;
    assert(best != NONE);
    return c->pool[best];
}

static void sampled_insert(struct cache *c, int32_t key, uint64_t *dice)
{
    if (c->count == c->capacity) {
        int32_t victim = sampled_victim(c, dice), place = c->at[victim];

        c->members[place] = c->members[--c->count];
        c->at[c->members[place]] = place;
        c->at[victim] = NONE;
    }
    c->members[c->count] = key;
    c->at[key] = c->count++;
}

/* --- the log --- */

static void log_append(struct cache *c, struct queue *q, struct slot slot)
{
    if (q->open == NONE || q->fill == SEGMENT_ENTRIES) {
        assert(c->unused_count > 0);
        q->open = c->unused[--c->unused_count];
        q->segments[(q->head + q->count++) % c->segments] = q->open;
        q->fill = 0;
        c->stamp[q->open] = c->opened++;
    }
    slot.kept = c->policy->small > 0 && q == &c->kept;
    c->at[slot.key] = q->open * SEGMENT_ENTRIES + q->fill;
    c->slots[q->open * SEGMENT_ENTRIES + q->fill++] = slot;
}

/* Empties the oldest segment of a queue. */
static void log_sweep(struct cache *c, struct queue *from, bool relief)
{
    int32_t segment = from->segments[from->head];
    int32_t end = segment == from->open ? from->fill : SEGMENT_ENTRIES;
    int32_t left = relief ? SEGMENT_ENTRIES / 2 : SEGMENT_ENTRIES;

    from->head = (from->head + 1) % c->segments;
    from->count--;
    if (segment == from->open)
        from->open = NONE;
    for (int32_t i = 0; i < end; i++) {
        struct slot slot = c->slots[segment * SEGMENT_ENTRIES + i];

        if (slot.key == NONE)
            continue;
        if (slot.used > 0 && left-- > 0) {
            slot.used--;
            log_append(c, &c->kept, slot);
            c->copies++;
            continue;
        }
        if (from == &c->fresh)
            c->ghost_time[slot.key] = ++c->ghosts;
        c->at[slot.key] = NONE;
    }
    c->unused[c->unused_count++] = segment;
}

/* Without `small` the segment that was opened first goes first. */
static struct queue *log_choose(struct cache *c)
{
    int32_t fresh = c->fresh.segments[c->fresh.head];
    int32_t kept = c->kept.segments[c->kept.head];

    if (c->kept.count == 0)
        return &c->fresh;
    if (c->fresh.count == 0)
        return &c->kept;
    if (c->policy->small > 0)
        return c->fresh.count * c->policy->small > c->segments ? &c->fresh
                                                               : &c->kept;
    return c->stamp[fresh] < c->stamp[kept] ? &c->fresh : &c->kept;
}

/* One unused segment stays in reserve, for survivors. */
static void log_insert(struct cache *c, int32_t key, uint8_t used, bool kept)
{
    const struct policy *p = c->policy;
    struct queue        *q = kept ? &c->kept : &c->fresh;
    int                  sweeps = 0;

    if (p->ghost && c->ghost_time[key] != 0 &&
        c->ghosts - c->ghost_time[key] < (uint32_t)c->capacity)
        q = &c->kept;
    while ((q->open == NONE || q->fill == SEGMENT_ENTRIES) &&
           c->unused_count < 2) {
        log_sweep(c, log_choose(c), sweeps >= p->relief);
        sweeps++;
    }
    c->burst = sweeps > c->burst ? sweeps : c->burst;
    log_append(c, q, (struct slot){ key, c->inserts, used, kept });
}

static uint8_t log_used(const struct cache *c, const struct slot *slot)
{
    const struct policy *p = c->policy;
    uint32_t             age = c->inserts - slot->born;

    if (p->young > 0 && age < (uint32_t)(c->capacity / p->young))
        return slot->used;
    return slot->used + (slot->used < p->max);
}

/* --- one run --- */

static void cache_insert(struct cache *c, int32_t key, uint64_t *dice)
{
    c->inserts++;
    if (c->policy->kind == LOG)
        log_insert(c, key, (uint8_t)c->policy->first, false);
    else if (c->policy->kind == SAMPLED)
        sampled_insert(c, key, dice);
    else
        list_insert(c, key);
}

/* The key is in the cache and has been read or overwritten. */
static void cache_use(struct cache *c, int32_t key, bool write)
{
    struct slot *slot;

    if (c->policy->kind == LRU) {
        unchain(c, key);
        chain(c, key);
    }
    if (c->policy->kind != LOG)
        return;
    slot = &c->slots[c->at[key]];
    slot->used = log_used(c, slot);
    if (!write || c->policy->in_place)
        return;
    slot->key = NONE;
    c->inserts++;
    log_insert(c, key, slot->used, slot->kept);
}

static void cache_init(struct cache *c, const struct policy *policy,
                       int32_t capacity)
{
    memset(c, 0, sizeof *c);
    memset(c->at, 0xff, sizeof c->at);
    memset(c->pool, 0xff, sizeof c->pool);
    c->policy = policy;
    c->capacity = capacity;
    c->segments = capacity / SEGMENT_ENTRIES;
    c->next[KEYS] = c->prev[KEYS] = KEYS;
    c->fresh.open = c->kept.open = NONE;
    for (int32_t i = 0; i < c->segments; i++)
        c->unused[c->unused_count++] = i;
}

static int run(struct cache *c, const uint32_t *trace,
               const struct policy *policy, int percent)
{
    uint64_t dice = 7;
    uint32_t reads = 0, hits = 0;

    cache_init(c, policy, KEYS / 100 * percent);
    for (c->now = 1; c->now <= ACCESSES; c->now++) {
        int32_t key = (int32_t)(trace[c->now - 1] & ~WRITE_BIT);
        bool    write = (trace[c->now - 1] & WRITE_BIT) != 0;

        if (c->now == WARM)
            reads = hits = c->copies = c->inserted = 0;
        reads += !write;
        hits += !write && c->at[key] != NONE;
        if (c->at[key] != NONE) {
            c->inserted += write && policy->kind == LOG && !policy->in_place;
            cache_use(c, key, write);
        } else {
            c->inserted++;
            cache_insert(c, key, &dice);
        }
        c->last[key] = c->now;
    }
    printf("  %6.2f", 100.0 * hits / reads);
    if (policy->kind == LOG)
        printf(" %4.2f", (double)c->copies / (c->inserted + !c->inserted));
    else
        printf("     ");
    return c->burst;
}

int main(void)
{
    static struct cache cache;
    static uint32_t     trace[ACCESSES];
    struct zipf         zipf;
    int                 burst[PERCENTS];

    zipf_init(&zipf, 0.99);
    for (int t = 0; t < TRACES; t++) {
        trace_make(trace, (enum access)t, &zipf);
        printf("\n%s: hit ratio %%, copies per insert\n%-13s", trace_names[t],
               "cache holds");
        for (size_t i = 0; i < PERCENTS; i++)
            printf("  %5d %%     ", percents[i]);
        printf("\n");
        for (size_t p = 0; p < POLICIES; p++) {
            printf("%-13s", policies[p].name);
            for (size_t i = 0; i < PERCENTS; i++)
                burst[i] = run(&cache, trace, &policies[p], percents[i]);
            if (policies[p].kind == LOG)
                printf("  %d, %d", burst[0], burst[PERCENTS - 1]);
            printf("\n");
            fflush(stdout);
        }
    }
    return 0;
}
