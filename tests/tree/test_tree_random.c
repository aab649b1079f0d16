/* test_tree_random.c - random operations against a plain model: every kind,
 * pages so small that trees get deep, hashes that collide, saves that hold
 * pages, nodes that are not in memory for a moment.
 *
 * TREE_STEPS is how many operations each case does (4000), TREE_SEED which
 * (1). With TREE_STEPS=1000000 it is the torture. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/unit.h"
#include "tree/tree_model.h"

#define HELD_MAX      16
#define BIG_BYTES_MAX 100000

struct held { /* what a save holds */
    struct page *page;
    uint8_t     *bytes;
    size_t       len;
};

struct world {
    struct tree_env env;
    uint64_t        next_id;
    ptrdiff_t       charged;
    struct rand     rand;
    unsigned        miss_permille; /* accesses that answer ERR_AGAIN */
    uint64_t        misses;
    struct tree    *tree;
    struct model    model;
    struct disk     disk;
    struct held     held[HELD_MAX];
    size_t          target; /* elements to grow or shrink to */
    char            big[BIG_BYTES_MAX];
};

static uint64_t bad_hash(slice text)
{
    return (uint64_t)(text.len % 3) << 62 | (text.len ? text.data[0] & 1u : 0);
}

static void on_charge(void *arg, ptrdiff_t bytes)
{
    ((struct world *)arg)->charged += bytes;
}

static err_t on_access(void *arg, uint64_t id)
{
    struct world *w = arg;
    assert_true(id < w->next_id);
    if (rand_below(&w->rand, 1000) >= w->miss_permille)
        return ERR_OK;
    w->misses++;
    return ERR_AGAIN;
}

static void world_init(struct world *w, enum page_kind kind, size_t limit)
{
    const char *seed = getenv("TREE_SEED");
    *w = (struct world){ .next_id = 1 };
    rand_init(&w->rand, (seed ? strtoull(seed, NULL, 10) : 1) * 100 + kind);
    w->env = (struct tree_env){ .page_limit = limit,
                                .hasher = { .key = { 1, 2 } },
                                .next_id = &w->next_id,
                                .on_charge = on_charge,
                                .arg = w };
    w->tree = tree_new(&w->env, kind);
    model_init(&w->model, kind);
    memset(w->big, 'x', sizeof(w->big));
}

/* ---- comparing ----------------------------------------------------------- */

static void assert_text(const struct page_value *value, slice text)
{
    char  buffer[NUM_INT64_CHARS];
    slice got = page_value_text(value, buffer);
    assert_int_equal(got.len, text.len);
    assert_memory_equal(got.data, text.data, text.len);
}

static void assert_item(const struct world *w, const struct page_element *got,
                        const struct item *item)
{
    if (w->model.kind == PAGE_RANKS)
        assert_true(got->order == item->order);
    if (w->model.kind != PAGE_LIST)
        assert_text(&got->key, item->key);
    if (w->model.kind == PAGE_LIST || w->model.kind == PAGE_HASH ||
        w->model.kind == PAGE_SCORES)
        assert_text(&got->value, item->value);
}

/* The item at a rank; in a small tree ranks are the order of insertion. */
static void assert_rank(struct world *w, uint64_t rank,
                        const struct page_element *got)
{
    if (!tree_is_small(w->tree)) {
        assert_item(w, got, &w->model.items[rank]);
        return;
    }
    char   buffer[NUM_INT64_CHARS];
    slice  key = page_value_text(&got->key, buffer);
    bool   found;
    size_t at = model_find(&w->model, tree_hash(w->tree, key), key, &found);
    assert_true(found);
    assert_item(w, got, &w->model.items[at]);
}

static void assert_right(struct world *w)
{
    const char *wrong = tree_check(w->tree);
    if (wrong != NULL)
        fail_msg("tree_check: %s", wrong);
    assert_int_equal(tree_count(w->tree), w->model.count);
    assert_int_equal(tree_bytes(w->tree), w->charged);
}

/* Walks a range, both ways. */
static void assert_range(struct world *w, uint64_t rank, uint64_t limit,
                         bool backward)
{
    struct tree_walk    walk;
    struct page_element element;
    uint64_t            there = 0, done = 0;
    if (rank < w->model.count)
        there = backward ? rank + 1 : w->model.count - rank;
    tree_walk_init(&walk, w->tree, rank, limit, backward);
    for (;;) {
        err_t err = tree_walk_next(&walk, &element);
        if (err == ERR_AGAIN)
            continue;
        if (err == ERR_NOT_FOUND)
            break;
        assert_int_equal(err, ERR_OK);
        assert_rank(w, backward ? rank - done : rank + done, &element);
        done++;
    }
    assert_int_equal(done, there < limit ? there : limit);
}

/* ---- inventing ----------------------------------------------------------- */

static slice random_number(struct world *w, char *out, uint64_t span)
{
    uint64_t number = rand_below(&w->rand, span);
    switch (rand_below(&w->rand, 4)) {
    case 0:
        number = rand_next(&w->rand) >> rand_below(&w->rand, 64);
        break;
    case 1:
        number = 0 - number;
        break;
    default:
        break;
    }
    return slice_make(out, num_format_int64((int64_t)number, out));
}

static slice random_text(struct world *w, char *out, size_t room, uint64_t span)
{
    static const char *const forms[] = { "%llu",     "member:%llu", "0%llu",
                                         "m%012llu", "%llux",       "-%llu" };
    uint64_t                 number = rand_below(&w->rand, span);
    switch (rand_below(&w->rand, 10)) {
    case 0:
        return random_number(w, out, span);
    case 1:
        return slice_make(out, 0);
    default:
        break;
    }
    const char *form = forms[rand_below(&w->rand, 6)];
    int         len = snprintf(out, room, form, (unsigned long long)number);
    return slice_make(out, (size_t)len);
}

/* Seldom a large one. */
static slice random_value(struct world *w, char *out, size_t room)
{
    if (w->model.kind == PAGE_SCORES) {
        uint64_t bits = rand_next(&w->rand);
        memcpy(out, &bits, 8);
        return slice_make(out, 8);
    }
    if (rand_below(&w->rand, 100) == 0) {
        size_t most = rand_below(&w->rand, 10) ? 300 : BIG_BYTES_MAX;
        return slice_make(w->big, rand_below(&w->rand, most));
    }
    return random_text(w, out, room, 1000000);
}

static slice random_key(struct world *w, char *out, size_t room)
{
    if (rand_below(&w->rand, 500) == 0)
        return slice_make(w->big, rand_below(&w->rand, 300));
    return random_text(w, out, room, w->target * 2 + 10);
}

static uint64_t random_order(struct world *w)
{
    if (rand_below(&w->rand, 2))
        return rand_below(&w->rand, 3) << 40; /* many the same */
    return rand_next(&w->rand);
}

/* ---- operations ---------------------------------------------------------- */

/* Calls until a node that is missing is there; a miss must change nothing. */
#define RETRY(call)                                                            \
    do {                                                                       \
        err_t    err_;                                                         \
        size_t   bytes_ = tree_bytes(w->tree);                                 \
        size_t   dirty_ = tree_dirty_count(w->tree);                           \
        uint64_t count_ = tree_count(w->tree);                                 \
        while ((err_ = (call)) == ERR_AGAIN) {                                 \
            assert_int_equal(tree_bytes(w->tree), bytes_);                     \
            assert_int_equal(tree_dirty_count(w->tree), dirty_);               \
            assert_int_equal(tree_count(w->tree), count_);                     \
        }                                                                      \
        assert_int_equal(err_, ERR_OK);                                        \
    } while (0)

static uint64_t order_for(struct world *w, slice key)
{
    return w->model.kind == PAGE_RANKS ? random_order(w)
                                       : tree_hash(w->tree, key);
}

static void do_put(struct world *w)
{
    char     key_room[64], value_room[64];
    slice    key = random_key(w, key_room, sizeof(key_room));
    slice    value = random_value(w, value_room, sizeof(value_room));
    uint64_t order = order_for(w, key);
    bool     found, created = false;
    size_t   at = model_find(&w->model, order, key, &found);
    RETRY(tree_put(w->tree, order, key, value, &created));
    assert_int_equal(created, !found);
    if (!found)
        model_insert(&w->model, at, order, key, value);
    else
        model_set_value(&w->model, at, value);
}

static void do_delete(struct world *w)
{
    char     key_room[64];
    slice    key = random_key(w, key_room, sizeof(key_room));
    uint64_t order = order_for(w, key);
    if (w->model.count > 0 && rand_below(&w->rand, 4)) {
        struct item *item =
            &w->model.items[rand_below(&w->rand, w->model.count)];
        key = item->key;
        order = item->order;
    }
    bool   found, deleted = false;
    size_t at = model_find(&w->model, order, key, &found);
    RETRY(tree_delete(w->tree, order, key, &deleted));
    assert_int_equal(deleted, found);
    if (found)
        model_remove(&w->model, at, 1);
}

static void do_find(struct world *w)
{
    char     key_room[64];
    slice    key = random_key(w, key_room, sizeof(key_room));
    uint64_t order = order_for(w, key);
    if (w->model.count > 0 && rand_below(&w->rand, 2)) {
        struct item *item =
            &w->model.items[rand_below(&w->rand, w->model.count)];
        key = item->key;
        order = item->order;
    }
    struct page_element element;
    bool                found, got = false, ranked = false;
    uint64_t            rank = 0;
    size_t              at = model_find(&w->model, order, key, &found);
    RETRY(tree_find(w->tree, order, key, &element, &got));
    assert_int_equal(got, found);
    if (found)
        assert_item(w, &element, &w->model.items[at]);
    RETRY(tree_rank(w->tree, order, key, &rank, &ranked));
    assert_int_equal(ranked, found);
    if (!tree_is_small(w->tree))
        assert_int_equal(rank, at);
}

/* Where a range by order begins. */
static void do_rank_of(struct world *w)
{
    char     room[64];
    slice    key = random_key(w, room, sizeof(room));
    uint64_t order =
        rand_below(&w->rand, 2) ? random_order(w) : tree_hash(w->tree, key);
    if (w->model.count > 0 && rand_below(&w->rand, 2))
        order = w->model.items[rand_below(&w->rand, w->model.count)].order;
    if (tree_is_small(w->tree))
        return;
    uint64_t below = 0, rank = 0;
    size_t   where = rand_below(&w->rand, 3);
    if (where == 1 && w->model.kind != PAGE_RANKS)
        order = tree_hash(w->tree, key);
    for (size_t i = 0; i < w->model.count; i++) {
        const struct item *item = &w->model.items[i];
        below +=
            item->order < order ||
            (item->order == order &&
             (where == 2 || (where == 1 && slice_compare(item->key, key) < 0)));
    }
    struct page_target target = { .order = order,
                                  .where = where == 0   ? TARGET_LOWEST
                                           : where == 1 ? TARGET_KEY
                                                        : TARGET_HIGHEST,
                                  .key = page_value_pack(key) };
    RETRY(tree_rank_of(w->tree, &target, &rank));
    assert_int_equal(rank, below);
}

static void do_insert_at(struct world *w)
{
    char     room[64];
    slice    value = random_value(w, room, sizeof(room));
    uint64_t rank = rand_below(&w->rand, w->model.count + 1);
    if (rand_below(&w->rand, 3) == 0)
        rank = rand_below(&w->rand, 2) ? 0 : w->model.count;
    RETRY(tree_insert_at(w->tree, rank, value));
    model_insert(&w->model, rank, 0, SLICE_EMPTY, value);
}

static void do_replace_at(struct world *w)
{
    char  room[64];
    slice value = random_value(w, room, sizeof(room));
    if (w->model.count == 0)
        return;
    uint64_t rank = rand_below(&w->rand, w->model.count);
    RETRY(tree_replace_at(w->tree, rank, value));
    model_set_value(&w->model, rank, value);
}

static void do_delete_range(struct world *w, uint64_t most)
{
    uint64_t rank = rand_below(&w->rand, w->model.count + 1);
    uint64_t left = w->model.count - rank;
    /* Many leaves are never all there at once, if each may be missing. */
    if (w->miss_permille > 0 && most > 8)
        most = 8;
    uint64_t count = rand_below(&w->rand, (left < most ? left : most) + 1);
    if (tree_is_small(w->tree))
        return; /* ranks are not the model's */
    RETRY(tree_delete_range(w->tree, rank, count));
    model_remove(&w->model, rank, count);
}

static void do_get(struct world *w)
{
    struct page_element element;
    if (w->model.count == 0)
        return;
    uint64_t rank = rand_below(&w->rand, w->model.count);
    RETRY(tree_get(w->tree, rank, &element));
    assert_rank(w, rank, &element);
    RETRY(tree_random(w->tree, &w->rand, &element));
}

/* ---- saves --------------------------------------------------------------- */

static void held_drop(struct held *held)
{
    if (held->page == NULL)
        return;
    assert_int_equal(held->page->len, held->len);
    assert_memory_equal(held->page->bytes, held->bytes, held->len);
    page_unref(held->page);
    mem_free(held->bytes);
    held->page = NULL;
}

/* Writes one node, and keeps a hold of its bytes for a while. */
static bool do_capture(struct world *w)
{
    struct page *page = tree_capture(w->tree, 1);
    if (page == NULL)
        return false;
    disk_put(&w->disk, page->node.id, slice_make(page->bytes, page->len));
    struct held *held = &w->held[rand_below(&w->rand, HELD_MAX)];
    held_drop(held);
    held->page = page;
    held->len = page->len;
    held->bytes = mem_alloc(page->len);
    memcpy(held->bytes, page->bytes, page->len);
    return true;
}

/* After a whole save the disk holds the tree and nothing else. */
static void do_save_and_load(struct world *w)
{
    struct tree *loaded;
    uint64_t     id;
    while (do_capture(w))
        continue;
    while (tree_pop_vanished(w->tree, &id))
        disk_delete(&w->disk, id);
    assert_int_equal(tree_load(&w->env, w->model.kind, tree_root_id(w->tree),
                               w->model.count, disk_fetch, &w->disk, &loaded),
                     ERR_OK);
    assert_int_equal(tree_nodes(loaded), w->disk.count);
    assert_int_equal(tree_nodes(w->tree), w->disk.count);
    tree_free(w->tree);
    w->tree = loaded;
    assert_right(w);
}

/* ---- the run ------------------------------------------------------------- */

static void do_change(struct world *w)
{
    bool grow = w->model.count < w->target;
    if (rand_below(&w->rand, 100) < 20)
        grow = !grow;
    if (rand_below(&w->rand, 200) == 0)
        do_delete_range(w, grow ? 3 : 300);
    else if (w->model.kind == PAGE_LIST && !grow)
        do_delete_range(w, 2);
    else if (w->model.kind == PAGE_LIST)
        (rand_below(&w->rand, 4) ? do_insert_at : do_replace_at)(w);
    else
        (grow ? do_put : do_delete)(w);
}

static void do_look(struct world *w)
{
    switch (rand_below(&w->rand, 4)) {
    case 0:
        if (w->model.kind != PAGE_LIST)
            do_rank_of(w);
        break;
    case 1:
        assert_range(w, rand_below(&w->rand, w->model.count + 2),
                     rand_below(&w->rand, 200), rand_below(&w->rand, 2));
        break;
    case 2:
        do_get(w);
        break;
    default:
        if (w->model.kind != PAGE_LIST)
            do_find(w);
        break;
    }
}

static size_t steps_wanted(void)
{
    const char *steps = getenv("TREE_STEPS");
    return steps ? (size_t)strtoull(steps, NULL, 10) : 4000;
}

static size_t difference(size_t a, size_t b)
{
    return a < b ? b - a : a - b;
}

static void world_run(struct world *w, size_t size_max)
{
    size_t steps = steps_wanted();
    /* Checking all after each step is for trees that are small. */
    size_t check_every = size_max < 300 ? 1 : 97;
    for (size_t step = 0; step < steps; step++) {
        if (step % 1000 == 0)
            w->target = step % 2000 ? rand_below(&w->rand, size_max / 10)
                                    : rand_below(&w->rand, size_max + 1);
        /* In strides while there is far to go, so that trees get large. */
        size_t changes = difference(w->model.count, w->target) / 100 + 1;
        for (size_t i = 0; i < changes; i++)
            do_change(w);
        do_look(w);
        if (rand_below(&w->rand, 5) == 0)
            do_capture(w);
        if (step % check_every == 0)
            assert_right(w);
        if (step % 1000 == 999)
            do_save_and_load(w);
    }
    assert_right(w);
    assert_range(w, 0, UINT64_MAX, false);
    if (w->model.count > 0)
        assert_range(w, w->model.count - 1, UINT64_MAX, true);
}

static void world_deinit(struct world *w)
{
    for (size_t i = 0; i < HELD_MAX; i++)
        held_drop(&w->held[i]);
    w->env.on_access = NULL;
    while (!tree_free_slice(w->tree, 7))
        continue;
    assert_int_equal(w->charged, 0);
    model_deinit(&w->model);
    disk_deinit(&w->disk);
    mem_free(w);
}

static struct world *world_new(enum page_kind kind, size_t limit)
{
    struct world *w = mem_alloc(sizeof(*w));
    world_init(w, kind, limit);
    return w;
}

static void test_tiny_pages(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < PAGE_KIND_COUNT; kind++) {
        struct world *w = world_new((enum page_kind)kind, 64);
        world_run(w, 200);
        world_deinit(w);
        w = world_new((enum page_kind)kind, 64);
        world_run(w, 3000);
        world_deinit(w);
    }
}

static void test_real_pages(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < PAGE_KIND_COUNT; kind++) {
        struct world *w = world_new((enum page_kind)kind, TREE_PAGE_LIMIT);
        world_run(w, 250);
        world_deinit(w);
        w = world_new((enum page_kind)kind, TREE_PAGE_LIMIT);
        world_run(w, 5000);
        world_deinit(w);
    }
}

static void test_hashes_that_collide(void **state)
{
    (void)state;
    for (unsigned kind = PAGE_SET; kind <= PAGE_SCORES; kind++) {
        struct world *w = world_new((enum page_kind)kind, 100);
        w->env.hasher.override = bad_hash;
        world_run(w, 200);
        world_deinit(w);
    }
}

static void test_nodes_not_in_memory(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < PAGE_KIND_COUNT; kind++) {
        struct world *w = world_new((enum page_kind)kind, 80);
        w->env.on_access = on_access;
        w->miss_permille = 50;
        world_run(w, 250);
        assert_true(w->misses > 100);
        world_deinit(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_pages),
        cmocka_unit_test(test_real_pages),
        cmocka_unit_test(test_hashes_that_collide),
        cmocka_unit_test(test_nodes_not_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
