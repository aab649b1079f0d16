/* bench_tree.c - what an element costs, in time and bytes, by size of page.
 *
 *     bench_tree [elements]     one million if not said
 *
 * Keys come in random order; each is looked up in another random order. Times
 * are of the processor. The last column is charged bytes, allocator's rounding
 * and inner nodes included, divided by the number of elements; "fill" is bytes
 * in use of full pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "tree/tree.h"

#define TEXT_BYTES 16

struct bench {
    struct tree_env env;
    uint64_t        next_id;
    size_t          count;
    char           *texts;   /* count x TEXT_BYTES */
    uint32_t       *shuffle; /* 0 .. count - 1 in some order */
    struct rand     rand;
};

struct result {
    double insert_ns, find_ns, rank_ns, walk_ns;
    double bytes, fill;
};

static slice text_at(const struct bench *bench, size_t at)
{
    return slice_make(bench->texts + at * TEXT_BYTES, TEXT_BYTES);
}

static void shuffle_again(struct bench *bench)
{
    for (size_t i = bench->count; i > 1; i--) {
        size_t   other = rand_below(&bench->rand, i);
        uint32_t kept = bench->shuffle[i - 1];
        bench->shuffle[i - 1] = bench->shuffle[other];
        bench->shuffle[other] = kept;
    }
}

static void bench_init(struct bench *bench, size_t count)
{
    *bench = (struct bench){ .next_id = 1, .count = count };
    rand_init(&bench->rand, 42);
    bench->texts = mem_alloc(count * TEXT_BYTES + 1);
    bench->shuffle = mem_calloc(count, sizeof(*bench->shuffle));
    for (size_t i = 0; i < count; i++) {
        snprintf(bench->texts + i * TEXT_BYTES, TEXT_BYTES + 1, "m%015llx",
                 (unsigned long long)(i * 0x9e3779b97f4a7c15 >> 4));
        bench->shuffle[i] = (uint32_t)i;
    }
    shuffle_again(bench);
}

/* ---- one kind of data each ----------------------------------------------- */

struct subject {
    const char    *name;
    enum page_kind kind;
    void (*insert)(struct bench *bench, struct tree *tree, size_t at);
    void (*find)(struct bench *bench, struct tree *tree, size_t at);
};

static void must(bool is_right)
{
    if (!is_right)
        abort();
}

static uint64_t score_of(size_t at)
{
    return 0x8000000000000000 | (uint64_t)at * 0x9e3779b97f4a7c15 >> 1;
}

static void put(struct tree *tree, uint64_t order, slice key, slice value)
{
    bool created;
    must(!tree_put(tree, order, key, value, &created) && created);
}

static void find(struct tree *tree, uint64_t order, slice key)
{
    struct page_element element;
    bool                found;
    must(!tree_find(tree, order, key, &element, &found) && found);
}

static void insert_hash(struct bench *bench, struct tree *tree, size_t at)
{
    put(tree, 0, text_at(bench, at), text_at(bench, bench->count - 1 - at));
}

static void insert_scores(struct bench *bench, struct tree *tree, size_t at)
{
    uint64_t score = score_of(at);
    put(tree, 0, text_at(bench, at), slice_make(&score, 8));
}

static void find_text(struct bench *bench, struct tree *tree, size_t at)
{
    find(tree, 0, text_at(bench, at));
}

static void insert_ranks(struct bench *bench, struct tree *tree, size_t at)
{
    put(tree, score_of(at), text_at(bench, at), SLICE_EMPTY);
}

static void find_ranks(struct bench *bench, struct tree *tree, size_t at)
{
    find(tree, score_of(at), text_at(bench, at));
}

static void insert_set(struct bench *bench, struct tree *tree, size_t at)
{
    char text[NUM_INT64_CHARS];
    (void)bench;
    put(tree, 0, slice_make(text, num_format_int64((int64_t)at, text)),
        SLICE_EMPTY);
}

static void find_set(struct bench *bench, struct tree *tree, size_t at)
{
    char text[NUM_INT64_CHARS];
    (void)bench;
    find(tree, 0, slice_make(text, num_format_int64((int64_t)at, text)));
}

static void insert_last(struct bench *bench, struct tree *tree, size_t at)
{
    must(!tree_insert_at(tree, tree_count(tree), text_at(bench, at)));
}

static void insert_first(struct bench *bench, struct tree *tree, size_t at)
{
    must(!tree_insert_at(tree, 0, text_at(bench, at)));
}

static void insert_middle(struct bench *bench, struct tree *tree, size_t at)
{
    must(!tree_insert_at(tree, rand_below(&bench->rand, tree_count(tree) + 1),
                         text_at(bench, at)));
}

static void find_rank(struct bench *bench, struct tree *tree, size_t at)
{
    struct page_element element;
    (void)bench;
    must(!tree_get(tree, at, &element));
}

static const struct subject subjects[] = {
    { "zset: member -> score", PAGE_SCORES, insert_scores, find_text },
    { "zset: (score, member)", PAGE_RANKS, insert_ranks, find_ranks },
    { "hash 16/16", PAGE_HASH, insert_hash, find_text },
    { "set of integers", PAGE_SET, insert_set, find_set },
    { "list, pushed right", PAGE_LIST, insert_last, find_rank },
    { "list, pushed left", PAGE_LIST, insert_first, find_rank },
    { "list, inserted", PAGE_LIST, insert_middle, find_rank },
};

/* ---- running ------------------------------------------------------------- */

/* Of this thread, so that other programs disturb less. */
static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static double each_ns(const struct bench *bench, uint64_t since)
{
    return (double)(cpu_ns() - since) / (double)bench->count;
}

static void measure_walk(struct bench *bench, struct tree *tree,
                         struct result *out)
{
    struct tree_walk    walk;
    struct page_element element;
    size_t              seen = 0;
    uint64_t            since = cpu_ns();
    tree_walk_init(&walk, tree, 0, UINT64_MAX, false);
    while (tree_walk_next(&walk, &element) == ERR_OK)
        seen++;
    must(seen == bench->count);
    out->walk_ns = each_ns(bench, since);
}

static struct result measure(struct bench *bench, const struct subject *subject)
{
    struct result       out;
    struct page_element element;
    struct tree        *tree = tree_new(&bench->env, subject->kind);

    uint64_t since = cpu_ns();
    for (size_t i = 0; i < bench->count; i++)
        subject->insert(bench, tree, bench->shuffle[i]);
    out.insert_ns = each_ns(bench, since);
    while (tree_dirty_count(tree) > 0)
        page_unref(tree_capture(tree, 1));

    shuffle_again(bench);
    since = cpu_ns();
    for (size_t i = 0; i < bench->count; i++)
        subject->find(bench, tree, bench->shuffle[i]);
    out.find_ns = each_ns(bench, since);
    since = cpu_ns();
    for (size_t i = 0; i < bench->count; i++)
        must(!tree_get(tree, bench->shuffle[i], &element));
    out.rank_ns = each_ns(bench, since);
    measure_walk(bench, tree, &out);

    size_t used, leaves;
    tree_fill(tree, &used, &leaves);
    out.fill = (double)used / (double)(leaves * bench->env.page_limit);
    out.bytes = (double)tree_bytes(tree) / (double)bench->count;
    tree_free(tree);
    return out;
}

int main(int argc, char **argv)
{
    struct bench bench;
    size_t       count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    if (count == 0 || count > UINT32_MAX)
        return 1;
    bench_init(&bench, count);
    printf("| %-22s | page | insert | find | by rank | walk | fill | "
           "bytes/element |\n|---|---|---|---|---|---|---|---|\n",
           "data");
    for (size_t s = 0; s < sizeof(subjects) / sizeof(subjects[0]); s++) {
        for (size_t kb = 1; kb <= 8; kb *= 2) {
            bench.env = (struct tree_env){
                .page_limit = kb * 1024 - sizeof(struct page),
                .hasher = { .key = { 1, 2 } },
                .next_id = &bench.next_id,
            };
            struct result r = measure(&bench, &subjects[s]);
            printf("| %-22s | %zu KB | %4.0f ns | %4.0f ns | %4.0f ns | "
                   "%3.0f ns | %2.0f %% | %5.1f |\n",
                   subjects[s].name, kb, r.insert_ns, r.find_ns, r.rank_ns,
                   r.walk_ns, 100 * r.fill, r.bytes);
            fflush(stdout);
        }
    }
    mem_free(bench.texts);
    mem_free(bench.shuffle);
    return 0;
}
