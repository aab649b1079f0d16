/* size_shift.c - does a cache of constant charge stay constant in RssAnon
 * while the sizes of its values shift?
 *
 *   gcc -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow \
 *       -Wstrict-prototypes -Werror -Isrc -o /tmp/size_shift \
 *       tests/probe/size_shift.c && /tmp/size_shift [MB ...]
 *
 * One cache holds entries (32-byte header, 16-byte key, value) under a fixed
 * limit of charged bytes. Keys are read and overwritten at random (30 % are
 * overwrites, half of all go to a tenth of the keys; a miss inserts); the size
 * of new values is the phase's. Each phase inserts five times the limit.
 * RssAnon, less what stood before the first entry, is sampled every 256 KB.
 *
 * Two ways to keep entries are compared:
 *   heap  one malloc per entry, exact LRU, charged by malloc_usable_size
 *         (plus glibc's 8 bytes);
 *   log   entries are appended to segments of 128 KB, carved from one mapping
 *         and given back by MADV_DONTNEED (see docs/ARCHITECTURE.md: why);
 *         values above 16 KB are blobs outside. A hand empties the oldest
 *         segment entry by entry: dead ones are skipped, used ones (2-bit
 *         counter) move to a survivor segment, others are evicted. Whole
 *         segments and blobs are charged.
 * The hand stops in mid-segment as soon as there is room: a segment may hold
 * 2,000 blob entries, and evicting all of them to place one would empty the
 * cache. When it arrives at the segment still being filled, that one is closed.
 *
 * The program runs itself once per variant, because the allocator (LD_PRELOAD)
 * and its options are fixed when a process starts. */
#include <assert.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/list.h"

enum {
    KEY_BYTES = 16,
    SEGMENT_BYTES = 128 << 10,
    BLOB_MIN_BYTES = 16 << 10,
    BLOB_HEADER_BYTES = 16, /* as in base/blob.h: count and length */
    SAMPLE_EVERY_BYTES = 256 << 10,
    TURNS = 5, /* times the limit that each phase inserts */
    USE_MAX = 3,
};

#define MB ((size_t)1 << 20)

struct variant {
    const char *name, *env;
    bool        log, blob_map; /* blobs by mmap instead of malloc */
};

#define JE  "LD_PRELOAD=libjemalloc.so.2 "
#define JE0 JE "MALLOC_CONF=narenas:1,dirty_decay_ms:0,muzzy_decay_ms:0 "

static const struct variant variants[] = {
    { "a jemalloc", JE, false, false },
    { "b je decay 0", JE0, false, false },
    { "c je decay 1s", JE "MALLOC_CONF=narenas:1,dirty_decay_ms:1000 ", false,
      false },
    { "d glibc", "", false, false },
    { "e log+je", JE, true, false },
    { "e0 log+je 0", JE0, true, false },
    { "eg log+glibc", "", true, false },
    { "em log+mmap", JE, true, true },
};

/* New values have one of two sizes, or any between them. */
struct phase {
    const char *name;
    uint32_t    size_a, size_b;
    bool        between;
};

/* clang-format off */
static const struct phase phases[] = {
    { "70", 70, 70, false },               { "150", 150, 150, false },
    { "1000", 1000, 1000, false },         { "1M", 1 << 20, 1 << 20, false },
    { "1000 back", 1000, 1000, false },    { "150 back", 150, 150, false },
    { "70 back", 70, 70, false },          { "70 | 1000", 70, 1000, false },
    { "17K-1M", 17 << 10, 1 << 20, true }, { "150 again", 150, 150, false },
    { "1000 again", 1000, 1000, false },
};
/* clang-format on */

#define VARIANTS (sizeof variants / sizeof variants[0])
#define PHASES   (sizeof phases / sizeof phases[0])

/* All variants pay for this header; link is the heap's LRU. */
struct entry {
    struct link link;
    uint32_t    key, value_len;
    uint32_t    size; /* rounded, in the segment or as requested */
    uint8_t     used;
    bool        dead, has_blob;
    uint8_t     spare;
    char        data[];
};

_Static_assert(sizeof(struct entry) == 32, "the header is 32 bytes");

struct segment {
    struct link link;
    uint32_t    fill, hand; /* offsets: end of entries, where the hand is */
    uint32_t    live_count, spare;
};

struct cache {
    const struct variant *variant;
    size_t                limit, charge, inserted_bytes, copied_bytes;
    size_t                live_bytes; /* keys and values, nothing else */
    struct entry        **index;      /* by key */
    struct link           order;      /* entries, or segments; oldest first */
    struct segment      **unused;
    size_t                unused_count;
    struct segment       *open, *survivors, *hand;
};

struct figures {
    double peak_mb, end_mb, live_mb, copy;
};

/* Random numbers (splitmix64). */
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

/* Resident less shared pages: what /proc/self/status calls RssAnon. */
static size_t rss_anon(void)
{
    FILE  *file = fopen("/proc/self/statm", "r");
    size_t resident, shared;

    if (file == NULL || fscanf(file, "%*u %zu %zu", &resident, &shared) != 2)
        abort();
    fclose(file);
    return (resident - shared) * 4096;
}

static void *map_bytes(size_t len)
{
    void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert(p != MAP_FAILED);
    return p;
}

/* Writes size bytes: header, key, and what follows it. */
static void entry_fill(struct entry *entry, uint32_t key, uint32_t len,
                       uint32_t size)
{
    memset(entry, 0, sizeof *entry);
    memset(entry->data, (int)key, size - sizeof *entry);
    entry->key = key;
    entry->value_len = len;
    entry->size = size;
}

/* --- heap: one allocation per entry, exact LRU --- */

static size_t heap_charge(const struct cache *cache, void *pointer)
{
    return malloc_usable_size(pointer) + (cache->variant->env[0] ? 0 : 8);
}

static void heap_drop(struct cache *cache, struct entry *entry)
{
    cache->charge -= heap_charge(cache, entry);
    cache->live_bytes -= KEY_BYTES + entry->value_len;
    cache->index[entry->key] = NULL;
    link_remove(&entry->link);
    free(entry);
}

static void heap_put(struct cache *cache, uint32_t key, uint32_t len)
{
    uint32_t      size = (uint32_t)sizeof(struct entry) + KEY_BYTES + len;
    struct entry *entry;

    if (cache->index[key] != NULL)
        heap_drop(cache, cache->index[key]);
    while (cache->charge + size + size / 4 > cache->limit)
        heap_drop(cache,
                  CONTAINER_OF(list_first(&cache->order), struct entry, link));
    entry = malloc(size);
    entry_fill(entry, key, len, size);
    cache->charge += heap_charge(cache, entry);
    cache->live_bytes += KEY_BYTES + len;
    cache->index[key] = entry;
    list_push_back(&cache->order, &entry->link);
}

/* --- log: segments and a hand --- */

/* An entry's address tells its segment, because segments are aligned. */
static struct segment *segment_new(struct cache *cache)
{
    struct segment *segment;

    assert(cache->unused_count > 0);
    segment = cache->unused[--cache->unused_count];
    segment->fill = segment->hand = sizeof *segment;
    list_push_back(&cache->order, &segment->link);
    cache->charge += SEGMENT_BYTES;
    return segment;
}

static void segment_free(struct cache *cache, struct segment *segment)
{
    if (cache->hand == segment)
        cache->hand = NULL;
    link_remove(&segment->link);
    madvise(segment, SEGMENT_BYTES, MADV_DONTNEED);
    cache->unused[cache->unused_count++] = segment;
    cache->charge -= SEGMENT_BYTES;
}

static void segments_init(struct cache *cache)
{
    uintptr_t at = (uintptr_t)map_bytes(cache->limit + 2 * SEGMENT_BYTES);
    size_t    count = cache->limit / SEGMENT_BYTES + 1;

    at = (at + SEGMENT_BYTES - 1) & ~(uintptr_t)(SEGMENT_BYTES - 1);
    cache->unused = calloc(count, sizeof(struct segment *));
    while (count-- > 0)
        cache->unused[cache->unused_count++] =
            (struct segment *)(at + count * SEGMENT_BYTES);
}

static struct segment *segment_of(const struct entry *entry)
{
    return (struct segment *)((uintptr_t)entry &
                              ~(uintptr_t)(SEGMENT_BYTES - 1));
}

static struct entry *append(struct cache *cache, struct segment **open,
                            uint32_t size)
{
    struct segment *segment = *open;
    struct entry   *entry;

    if (segment == NULL || segment->fill + size > SEGMENT_BYTES)
        *open = segment = segment_new(cache);
    entry = (struct entry *)(void *)((char *)segment + segment->fill);
    segment->fill += size;
    segment->live_count++;
    return entry;
}

/* The segment forgets the entry; its bytes stay until the hand has passed. */
static void segment_kill(struct cache *cache, struct entry *entry)
{
    struct segment *segment = segment_of(entry);

    entry->dead = true;
    segment->live_count--;
    if (segment->live_count == 0 && segment != cache->open &&
        segment != cache->survivors && segment != cache->hand)
        segment_free(cache, segment);
}

static char **entry_blob(struct entry *entry)
{
    return (char **)(void *)(entry->data + KEY_BYTES);
}

static char *blob_new(const struct cache *cache, size_t bytes)
{
    char *blob = cache->variant->blob_map ? map_bytes(bytes) : malloc(bytes);

    assert(blob != NULL);
    return memset(blob, 1, bytes);
}

static size_t blob_charge(const struct cache *cache, struct entry *entry)
{
    size_t len = entry->value_len + (size_t)BLOB_HEADER_BYTES;

    if (cache->variant->blob_map)
        return (len + 4095) & ~(size_t)4095;
    return malloc_usable_size(*entry_blob(entry));
}

static void log_drop(struct cache *cache, struct entry *entry)
{
    cache->live_bytes -= KEY_BYTES + entry->value_len;
    cache->index[entry->key] = NULL;
    if (entry->has_blob) {
        cache->charge -= blob_charge(cache, entry);
        if (cache->variant->blob_map)
            munmap(*entry_blob(entry), blob_charge(cache, entry));
        else
            free(*entry_blob(entry));
    }
    segment_kill(cache, entry);
}

static void hand_survive(struct cache *cache, struct entry *entry)
{
    struct entry *copy = append(cache, &cache->survivors, entry->size);

    memcpy(copy, entry, entry->size);
    cache->copied_bytes += entry->size;
    cache->index[entry->key] = copy;
    segment_kill(cache, entry);
}

/* Looks at one entry of the oldest segment. One that is still being filled is
 * closed when the hand comes to it. */
static void hand_step(struct cache *cache)
{
    struct link    *oldest = list_first(&cache->order);
    struct segment *segment = CONTAINER_OF(oldest, struct segment, link);
    struct entry   *entry;

    if (segment == cache->open)
        cache->open = NULL;
    if (segment == cache->survivors)
        cache->survivors = NULL;
    cache->hand = segment;
    if (segment->hand == segment->fill || segment->live_count == 0) {
        segment_free(cache, segment);
        return;
    }
    entry = (struct entry *)(void *)((char *)segment + segment->hand);
    segment->hand += entry->size;
    if (entry->dead)
        return;
    if (entry->used-- > 0)
        hand_survive(cache, entry);
    else
        log_drop(cache, entry);
}

/* One segment beyond the need is kept free, for survivors. */
static void log_make_room(struct cache *cache, uint32_t size, size_t blob)
{
    for (;;) {
        bool fits =
            cache->open != NULL && cache->open->fill + size <= SEGMENT_BYTES;
        size_t need = blob + (fits ? 1 : 2) * (size_t)SEGMENT_BYTES;

        if (cache->charge + need <= cache->limit)
            return;
        hand_step(cache);
    }
}

static void log_put(struct cache *cache, uint32_t key, uint32_t len)
{
    bool          has_blob = len > BLOB_MIN_BYTES;
    uint32_t      tail = has_blob ? (uint32_t)sizeof(char *) : len;
    uint32_t      size = (uint32_t)sizeof(struct entry) + KEY_BYTES + tail;
    struct entry *entry;

    size = (size + 7) & ~7u;
    if (cache->index[key] != NULL)
        log_drop(cache, cache->index[key]);
    log_make_room(cache, size, has_blob ? len + len / 4 : 0);
    entry = append(cache, &cache->open, size);
    entry_fill(entry, key, len, size);
    entry->has_blob = has_blob;
    if (has_blob) {
        *entry_blob(entry) = blob_new(cache, len + BLOB_HEADER_BYTES);
        cache->charge += blob_charge(cache, entry);
    }
    cache->live_bytes += KEY_BYTES + len;
    cache->index[key] = entry;
}

static bool cache_get(struct cache *cache, uint32_t key)
{
    struct entry *entry = cache->index[key];

    if (entry == NULL)
        return false;
    if (cache->variant->log) {
        entry->used += entry->used < USE_MAX;
        return true;
    }
    link_remove(&entry->link);
    list_push_back(&cache->order, &entry->link);
    return true;
}

static void cache_put(struct cache *cache, uint32_t key, uint32_t len)
{
    if (cache->variant->log)
        log_put(cache, key, len);
    else
        heap_put(cache, key, len);
    assert(cache->charge <= cache->limit);
    cache->inserted_bytes += sizeof(struct entry) + KEY_BYTES + len;
}

/* Three times as many keys as fit. */
static void phase_run(struct cache *cache, const struct phase *phase,
                      uint64_t *dice, size_t base, struct figures *out)
{
    uint32_t size_a = phase->size_a, span = phase->size_b - size_a;
    uint32_t steps = phase->between ? span : 2;
    uint32_t stride = phase->between ? 1 : span;
    uint32_t mean = size_a + span / 2 + 48;
    uint32_t keys = (uint32_t)(3 * cache->limit / mean);
    size_t   start = cache->inserted_bytes, copied = cache->copied_bytes;
    size_t   next_sample = start, rss, peak = 0;

    while (cache->inserted_bytes - start < TURNS * cache->limit) {
        uint32_t key = dice_next(dice) & 1 ? dice_below(dice, keys)
                                           : dice_below(dice, keys / 10 + 1);
        bool     put = dice_below(dice, 10) < 3;

        if (put || !cache_get(cache, key))
            cache_put(cache, key, size_a + dice_below(dice, steps) * stride);
        if (cache->inserted_bytes < next_sample)
            continue;
        next_sample = cache->inserted_bytes + SAMPLE_EVERY_BYTES;
        rss = rss_anon() - base;
        peak = rss > peak ? rss : peak;
    }
    out->peak_mb = (double)peak / MB;
    out->end_mb = (double)(rss_anon() - base) / MB;
    out->live_mb = (double)cache->live_bytes / MB;
    out->copy = (double)(cache->copied_bytes - copied) /
                (double)(cache->inserted_bytes - start);
}

static int child(size_t variant, size_t limit_mb)
{
    struct cache cache = { .limit = limit_mb * MB };
    uint64_t     dice = 2011;
    size_t       keys = 3 * cache.limit / 100, base;

    cache.variant = &variants[variant];
    cache.index = map_bytes(keys * sizeof *cache.index);
    memset(cache.index, 0, keys * sizeof *cache.index);
    link_init(&cache.order);
    segments_init(&cache);
    base = rss_anon();
    for (size_t i = 0; i < PHASES; i++) {
        struct figures f = { 0, 0, 0, 0 };

        phase_run(&cache, &phases[i], &dice, base, &f);
        fwrite(&f, sizeof f, 1, stdout);
    }
    return 0;
}

static void print_variant(const char *self, size_t variant, const char *limit)
{
    struct figures all[PHASES];
    double         worst = 0;
    char           command[512];
    FILE          *pipe;

    snprintf(command, sizeof command, "%s %s child %zu %s",
             variants[variant].env, self, variant, limit);
    pipe = popen(command, "r");
    if (pipe == NULL || fread(all, sizeof *all, PHASES, pipe) != PHASES)
        abort();
    pclose(pipe);
    printf("\n%s, limit %s MB\n", variants[variant].name, limit);
    for (size_t i = 0; i < PHASES; i++) {
        printf("  %-11s %6.1f /%6.1f  (%5.1f)  %.2f\n", phases[i].name,
               all[i].peak_mb, all[i].end_mb, all[i].live_mb, all[i].copy);
        worst = all[i].peak_mb > worst ? all[i].peak_mb : worst;
    }
    printf("  worst peak %.1f MB = %.2f x limit\n", worst,
           worst / strtod(limit, NULL));
}

int main(int argc, char **argv)
{
    char *both[] = { argv[0], "33", "100", NULL };

    if (argc == 4 && strcmp(argv[1], "child") == 0)
        return child(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
    printf("peak / end RssAnon in MB (keys and values held at the end)  "
           "bytes copied per byte inserted\n");
    for (char **limit = argc > 1 ? argv + 1 : both + 1; *limit != NULL; limit++)
        for (size_t v = 0; v < VARIANTS; v++)
            print_variant(argv[0], v, *limit);
    return 0;
}
