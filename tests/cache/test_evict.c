/* test_evict.c - room is made by evicting what is idle, coldest first, and
 * what was promised is there.
 *
 *     EVICT_SEED=7 build/tests/cache/test_evict */
#include "cache/cache_test.h"
#include "type/string.h"

#define KEYS 12000

/* What the cache may forget; but what it still has must be right. */
struct model {
    bool         added; /* since it was last seen gone */
    uint8_t      byte;
    size_t       len;
    bool         has_object;
    struct busy *busy; /* not NULL: must not be evicted */
};

struct run {
    struct mem   mem;
    struct cache cache;
    struct rand  rand;
    struct model keys[KEYS];
    char        *bytes; /* scratch */
    size_t       limit;
    size_t       pinned;
    uint64_t     agains, rooms;
};

static uint64_t below(struct run *run, uint64_t bound)
{
    return rand_below(&run->rand, bound);
}

static slice key_of(struct run *run, unsigned n)
{
    /* One in 100 is a jumbo: longer than 24 KB. */
    size_t len = n % 100 == 7 ? 25 * KB + n : 8 + n % 40;
    memset(run->bytes, 'k', len);
    memcpy(run->bytes, &n, sizeof(n));
    return slice_make(run->bytes, len);
}

static struct entry *find(struct run *run, unsigned n)
{
    return test_find(&run->cache, 0, key_of(run, n));
}

static void check_key(struct run *run, unsigned n)
{
    struct model *model = &run->keys[n];
    struct entry *entry = find(run, n);
    if (entry == NULL) {
        assert_null(model->busy); /* busy entries are never evicted */
        model->added = false;
        return;
    }
    assert_true(model->added);
    assert_ptr_equal(cache_busy(&run->cache, entry), model->busy);
    struct object *object = entry_object(entry);
    slice          value = object == NULL ? entry_value(entry) : SLICE_EMPTY;
    assert_int_equal(object != NULL, model->has_object);
    assert_int_equal(object != NULL ? string_object_len(object) : value.len,
                     model->len);
    for (size_t i = 0; i < model->len; i += 1 + model->len / 7) {
        char byte;
        if (object != NULL)
            string_object_read(object, i, 1, &byte);
        else
            byte = value.data[i];
        assert_int_equal((uint8_t)byte, model->byte);
    }
}

/* Asks for room, as a command does, and only then uses it. */
static void do_put(struct run *run, unsigned n)
{
    struct model *model = &run->keys[n];
    size_t len = below(run, 30) == 0 ? below(run, 60 * KB) : below(run, 600);
    slice  key = key_of(run, n);
    bool   is_large = !cache_is_inline(key.len, len);
    /* Twice: a new entry is made without its value first. */
    size_t entry_bytes = 2 * (sizeof(struct entry) + 40 + key.len);
    size_t object_bytes_max = is_large ? string_object_cost(len) : 0;
    entry_bytes += is_large ? 0 : len;

    err_t err = cache_room(&run->cache, entry_bytes, object_bytes_max);
    if (err != ERR_OK) {
        assert_int_equal(err, ERR_AGAIN);
        run->agains++;
        return;
    }
    run->rooms++;
    struct entry_spec spec = { .presence = ENTRY_PRESENT };
    uint8_t           byte = (uint8_t)below(run, 256);
    char             *value = malloc(len + 1);
    assert_non_null(value);
    memset(value, byte, len);
    spec.value = slice_make(value, len);
    if (is_large)
        spec.object = string_object_new(&run->cache.objects, spec.value);
    struct entry *entry = find(run, n);
    key = key_of(run, n);
    if (entry == NULL) {
        assert_null(model->busy);
        entry = cache_add(&run->cache, 0, key, cache_hash(&run->cache, key),
                          ENTRY_ABSENT);
    }
    cache_assign(&run->cache, entry, &spec);
    free(value);
    *model = (struct model){ .added = true,
                             .byte = byte,
                             .len = len,
                             .has_object = is_large,
                             .busy = model->busy };
}

static void do_pin(struct run *run, unsigned n)
{
    struct model *model = &run->keys[n];
    struct entry *entry = find(run, n);
    if (model->busy != NULL) {
        test_unpin(&run->cache, model->busy);
        model->busy = NULL;
        run->pinned--;
    } else if (entry != NULL && run->pinned < 60) {
        model->busy = test_pin(&run->cache, entry);
        run->pinned++;
    }
}

static void do_one(struct run *run)
{
    unsigned      n = (unsigned)below(run, KEYS);
    struct entry *entry;
    switch (below(run, 8)) {
    case 0:
        do_pin(run, n);
        break;
    case 1:
    case 2:
        check_key(run, n);
        entry = find(run, n);
        if (entry != NULL)
            cache_touch(&run->cache, entry);
        break;
    default:
        do_put(run, n);
        check_key(run, n);
    }
    /* The directories of table and pool are not asked for beforehand. */
    assert_in_range(run->mem.total_bytes, 0, run->limit + 64 * KB);
}

static void change_limit(struct run *run)
{
    run->limit = 6 * MB + below(run, 8 * MB);
    cache_set_limit(&run->cache, run->limit);
    for (int i = 0; cache_sweep(&run->cache, 200, false); i++)
        assert_in_range(i, 0, 10000);
    assert_in_range(run->mem.total_bytes, 0, run->limit);
}

static void run_seed(uint64_t seed)
{
    struct run *run = calloc(1, sizeof(*run));
    assert_non_null(run);
    run->bytes = calloc(1, 64 * KB);
    run->limit = 8 * MB;
    rand_init(&run->rand, seed);
    cache_test_init(&run->cache, &run->mem, run->limit);
    for (int i = 0; i < 40000; i++) {
        do_one(run);
        if (i % 1000 == 0)
            cache_check(&run->cache);
        if (i % 5000 == 4999)
            change_limit(run);
    }
    for (unsigned n = 0; n < KEYS; n++)
        check_key(run, n);
    assert_true(run->cache.evictions > 1000);
    assert_true(run->rooms > 100 * run->agains);
    for (unsigned n = 0; n < KEYS; n++)
        if (run->keys[n].busy != NULL)
            test_unpin(&run->cache, run->keys[n].busy);
    cache_check(&run->cache);
    cache_test_deinit(&run->cache);
    free(run->bytes);
    free(run);
}

static void random_use_in_little_memory(void **state)
{
    uint64_t seed = test_seed("EVICT_SEED");

    (void)state;
    for (uint64_t i = 0; i < 5; i++)
        run_seed(seed + i);
}

/* --- one by one ---------------------------------------------------------- */

static slice number_key(char text[32], const char *what, unsigned n)
{
    return slice_make(text, (size_t)snprintf(text, 32, "%s:%u", what, n));
}

static struct entry *put_number(struct cache *cache, const char *what,
                                unsigned n, size_t len)
{
    static const char zeros[64 * 1024];
    char              text[32];
    slice             key = number_key(text, what, n);
    if (cache_room(cache, cache_cost(key.len, len), BUSY_BYTES) != ERR_OK)
        return NULL;
    return test_put(cache, 0, key, slice_make(zeros, len));
}

static bool has_number(struct cache *cache, const char *what, unsigned n)
{
    char text[32];
    return test_find(cache, 0, number_key(text, what, n)) != NULL;
}

static void all_busy_is_again_and_too_large_is_oom(void **state)
{
    struct mem   mem;
    struct cache cache;
    struct busy *busy[4000];
    unsigned     count = 0;

    (void)state;
    cache_test_init(&cache, &mem, 4 * MB);
    assert_int_equal(cache_room(&cache, 5 * MB, 0), ERR_OOM);
    assert_int_equal(cache_room(&cache, 0, 5 * MB), ERR_OOM);
    assert_int_equal(cache_room(&cache, 100, 4 * MB), ERR_OOM);
    struct entry *entry;
    while ((entry = put_number(&cache, "k", count, 4000)) != NULL) {
        assert_in_range(count, 0, 3999);
        busy[count++] = test_pin(&cache, entry);
    }
    assert_true(count > 700); /* of the 1000 that would fit at most */
    assert_int_equal(cache_room(&cache, 8 * KB, 512 * KB), ERR_AGAIN);
    assert_int_equal(cache_room(&cache, 5 * MB, 0), ERR_OOM);
    assert_int_equal(cache.evictions, 0);
    for (unsigned i = 0; i < count; i++)
        assert_true(has_number(&cache, "k", i));

    /* A third is let go: then there is room, and only they went. */
    for (unsigned i = 0; i < count; i += 3)
        test_unpin(&cache, busy[i]);
    assert_int_equal(cache_room(&cache, 8 * KB, 256 * KB), ERR_OK);
    for (unsigned i = 0; i < count; i++)
        if (i % 3 != 0)
            assert_true(has_number(&cache, "k", i));
    for (unsigned i = 0; i < count; i++)
        if (i % 3 != 0)
            test_unpin(&cache, busy[i]);
    cache_check(&cache);
    cache_test_deinit(&cache);
}

static void room_for_objects_is_made_of_objects(void **state)
{
    struct mem        mem;
    struct cache      cache;
    struct entry_spec spec = { .presence = ENTRY_PRESENT };
    char              text[32], *value = calloc(5, 300 * KB);

    (void)state;
    cache_test_init(&cache, &mem, 16 * MB);
    for (unsigned n = 0; n < 200; n++) {
        size_t len = (n % 5 + 1) * 300 * KB, bytes = string_object_cost(len);
        slice  key = number_key(text, "large", n);
        assert_int_equal(cache_room(&cache, 128, bytes), ERR_OK);
        assert_in_range(mem.total_bytes + bytes, 0, cache.limit_bytes);
        spec.object =
            string_object_new(&cache.objects, slice_make(value, len));
        cache_assign(&cache,
                     cache_add(&cache, 0, key, cache_hash(&cache, key),
                               ENTRY_ABSENT),
                     &spec);
        assert_in_range(mem.total_bytes, 0, cache.limit_bytes);
    }
    /* It evicts no more than it must. */
    assert_true(mem.total_bytes > 13 * MB);
    cache_check(&cache);
    cache_test_deinit(&cache);
    free(value);
}

static void hot_entries_survive_a_scan_of_cold_ones(void **state)
{
    struct mem   mem;
    struct cache cache;
    char         text[32];
    unsigned     misses = 0;

    (void)state;
    cache_test_init(&cache, &mem, 8 * MB);
    for (unsigned i = 0; i < 2000; i++)
        assert_non_null(put_number(&cache, "hot", i, 1000));
    for (unsigned i = 0; i < 40000; i++) {
        assert_non_null(put_number(&cache, "cold", i, 1000));
        /* Each hot one is used once in 2000 steps, in which time a quarter
         * of memory is filled with cold ones. */
        struct entry *entry =
            test_find(&cache, 0, number_key(text, "hot", i % 2000));
        if (entry == NULL) { /* loaded again */
            entry = put_number(&cache, "hot", i % 2000, 1000);
            misses++;
        }
        cache_touch(&cache, entry);
    }
    assert_in_range(misses, 0, 1000); /* of 40000 */
    assert_true(has_number(&cache, "cold", 39999));
    assert_false(has_number(&cache, "cold", 20000));
    cache_check(&cache);
    cache_test_deinit(&cache);
}

static void unused_entries_go_in_the_order_they_came(void **state)
{
    struct mem   mem;
    struct cache cache;

    (void)state;
    cache_test_init(&cache, &mem, 4 * MB);
    for (unsigned i = 0; i < 20000; i++)
        assert_non_null(put_number(&cache, "k", i, 500));
    unsigned first = 0;
    while (!has_number(&cache, "k", first))
        first++;
    assert_in_range(20000 - first, 5000, 8000);
    for (unsigned i = first; i < 20000; i++)
        assert_true(has_number(&cache, "k", i));
    cache_test_deinit(&cache);
}

static void a_sweep_comes_down_to_a_lowered_limit(void **state)
{
    struct mem   mem;
    struct cache cache;
    unsigned     calls = 0;

    (void)state;
    cache_test_init(&cache, &mem, 16 * MB);
    for (unsigned i = 0; i < 20000; i++)
        assert_non_null(put_number(&cache, "k", i, 500));
    struct busy *busy = test_pin(&cache, put_number(&cache, "held", 0, 500));
    size_t       before = mem.total_bytes;
    assert_false(cache_sweep(&cache, 100, false)); /* nothing to do */
    assert_int_equal(mem.total_bytes, before);

    cache_set_limit(&cache, 4 * MB);
    for (bool more = true; more; calls++) {
        uint64_t evictions = cache.evictions;
        more = cache_sweep(&cache, 100, false);
        assert_in_range(cache.evictions - evictions, 0, 100);
        assert_in_range(calls, 0, 1000);
    }
    assert_true(calls > 50); /* in slices */
    assert_in_range(mem.total_bytes, 3 * MB, 4 * MB);
    assert_true(has_number(&cache, "held", 0));
    test_unpin(&cache, busy);
    cache_check(&cache);
    cache_test_deinit(&cache);
}

static void a_sweep_of_everything_leaves_what_is_busy(void **state)
{
    struct mem   mem;
    struct cache cache;
    struct busy *busy[10];
    char         text[32];

    (void)state;
    cache_test_init(&cache, &mem, 16 * MB);
    for (unsigned i = 0; i < 5000; i++) {
        struct entry *entry = put_number(&cache, "k", i, 500);
        for (int use = 0; use < 3; use++)
            cache_touch(&cache, entry); /* uses count for nothing */
        if (i % 500 == 0)
            busy[i / 500] = test_pin(&cache, entry);
    }
    char *jumbo = calloc(1, 30 * KB);
    test_put(&cache, 0, slice_make(jumbo, 30 * KB), SLICE_LITERAL("v"));
    for (int i = 0; cache_sweep(&cache, 64, true); i++)
        assert_in_range(i, 0, 200);
    assert_int_equal(cache.table.entry_count, 10);
    assert_null(test_find(&cache, 0, slice_make(jumbo, 30 * KB)));
    free(jumbo);
    cache_check(&cache);
    for (unsigned i = 0; i < 10; i++) {
        assert_ptr_equal(busy[i]->entry,
                         test_find(&cache, 0,
                                   number_key(text, "k", i * 500)));
        test_unpin(&cache, busy[i]);
    }
    for (int i = 0; cache_sweep(&cache, 64, true); i++)
        assert_in_range(i, 0, 200);
    assert_int_equal(cache.table.entry_count, 0);
    cache_check(&cache);
    cache_test_deinit(&cache);
}

static bool only_space_one(void *arg, uint32_t space)
{
    (void)arg;
    return space == 1;
}

static void dead_namespaces_go_first(void **state)
{
    struct mem   mem;
    struct cache cache;
    char         text[32], value[500] = { 0 };

    (void)state;
    cache_test_init(&cache, &mem, 8 * MB);
    for (unsigned i = 0; i < 8000; i++) {
        slice         key = number_key(text, "k", i);
        struct entry *entry =
            test_put(&cache, i % 2, key, slice_make(value, sizeof(value)));
        cache_touch(&cache, entry); /* both as hot */
    }
    cache.space_is_live = only_space_one;
    cache_set_limit(&cache, mem.total_bytes - 4 * SEGMENT_BYTES);
    while (cache_sweep(&cache, 100, false)) {
    }
    unsigned dead = 0, live = 0;
    for (unsigned i = 0; i < 8000; i++) {
        bool has =
            test_find(&cache, i % 2, number_key(text, "k", i)) != NULL;
        dead += i % 2 == 0 && has;
        live += i % 2 == 1 && has;
    }
    assert_int_equal(live, 4000);
    assert_in_range(dead, 2500, 3600); /* not all: no more than it must */
    cache_check(&cache);
    cache_test_deinit(&cache);
}

/* Many large keys fill memory; all are idle, so there is room. */
static void idle_jumbos_are_room(void **state)
{
    static const size_t lens[] = { 30 * 1024, 200 * 1024, 900 * 1024 };
    struct mem          mem;
    struct cache        cache;
    char               *bytes = calloc(1, MB);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        cache_test_init(&cache, &mem, 8 * MB);
        for (unsigned n = 0; n < 400; n++) {
            memcpy(bytes, &n, sizeof(n));
            slice key = slice_make(bytes, lens[i]);
            assert_int_equal(cache_room(&cache, cache_cost(key.len, 1), 0),
                             ERR_OK);
            test_put(&cache, 0, key, SLICE_LITERAL("v"));
            assert_in_range(mem.total_bytes, 0, cache.limit_bytes);
        }
        cache_check(&cache);
        cache_test_deinit(&cache);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_use_in_little_memory),
        cmocka_unit_test(all_busy_is_again_and_too_large_is_oom),
        cmocka_unit_test(room_for_objects_is_made_of_objects),
        cmocka_unit_test(hot_entries_survive_a_scan_of_cold_ones),
        cmocka_unit_test(unused_entries_go_in_the_order_they_came),
        cmocka_unit_test(a_sweep_comes_down_to_a_lowered_limit),
        cmocka_unit_test(a_sweep_of_everything_leaves_what_is_busy),
        cmocka_unit_test(dead_namespaces_go_first),
        cmocka_unit_test(idle_jumbos_are_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
