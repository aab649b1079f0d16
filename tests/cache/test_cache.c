/* test_cache.c - entries against a plain model: whatever was assigned is what
 * is found, wherever it moved meanwhile. */
#include "cache/cache_test.h"
#include "type/string.h"

#define KEYS 300

struct model {
    bool              known;
    struct entry_spec spec; /* value is the model's own, also of what has an
                             * object, which is the cache's */
    bool              pinned;
    struct busy      *busy;
};

struct run {
    struct mem   mem;
    struct cache cache;
    struct rand  rand;
    struct model keys[KEYS];
    char        *long_key;
};

static uint64_t below(struct run *run, uint64_t bound)
{
    return rand_below(&run->rand, bound);
}

/* One key in 20 is longer than a segment's largest allocation. */
static slice key_of(struct run *run, unsigned n, char text[32])
{
    if (n % 20 != 0)
        return slice_make(text, (size_t)snprintf(text, 32, "key:%u", n));
    memcpy(run->long_key, &n, sizeof(n));
    return slice_make(run->long_key, 23 * KB + n * 100);
}

static void forget(struct model *model)
{
    free((char *)model->spec.value.data);
    *model = (struct model){ .known = false };
}

static slice random_value(struct run *run, size_t len)
{
    char  *bytes = malloc(len + 1);
    assert_non_null(bytes);
    memset(bytes, (int)below(run, 256), len);
    return slice_make(bytes, len);
}

static struct entry_spec random_spec(struct run *run)
{
    struct entry_spec spec = { .presence = ENTRY_PRESENT };
    spec.deadline_ms = below(run, 3) == 0 ? 1 + (int64_t)below(run, 1000) : 0;
    switch (below(run, 6)) {
    case 0:
        return (struct entry_spec){ .presence = ENTRY_ABSENT };
    case 1:
        spec.presence = ENTRY_HEADER;
        spec.object_id = 1 + below(run, 1000);
        spec.value = random_value(run, 1 + below(run, 40)); /* a root */
        break;
    case 2:
        spec.object_id = below(run, 2) * 77;
        spec.value = random_value(run, 17 * KB + below(run, 50 * KB));
        spec.object = string_object_new(&run->cache.objects, spec.value);
        break;
    default:
        spec.value = random_value(run, below(run, 20) == 0 ? below(run, 40 * KB)
                                                           : below(run, 400));
    }
    return spec;
}

static void check_key(struct run *run, unsigned n)
{
    char                text[32];
    struct model       *model = &run->keys[n];
    const struct entry *entry =
        test_find(&run->cache, n % 2, key_of(run, n, text));
    assert_int_equal(entry != NULL, model->known);
    if (entry == NULL)
        return;
    struct entry_spec *spec = &model->spec;
    assert_true(slice_equal(entry_key(entry), key_of(run, n, text)));
    assert_int_equal(entry->space, n % 2);
    assert_int_equal(entry_presence(entry), spec->presence);
    assert_int_equal(entry_deadline(entry), spec->deadline_ms);
    assert_int_equal(entry_object_id(entry), spec->object_id);
    assert_ptr_equal(entry_object(entry), spec->object);
    if (spec->object != NULL) {
        struct blob *blob = string_object_copy_out(spec->object);
        assert_true(slice_equal(blob_slice(blob), spec->value));
        assert_int_equal(entry->value_len, 0);
        blob_unref(blob);
    } else if (spec->presence >= ENTRY_HEADER) {
        assert_true(slice_equal(entry_value(entry), spec->value));
    }
    assert_ptr_equal(cache_busy(&run->cache, entry), model->busy);
    if (model->busy != NULL)
        assert_ptr_equal(model->busy->entry, entry);
}

static void do_assign(struct run *run, unsigned n)
{
    char          text[32];
    slice         key = key_of(run, n, text);
    struct model *model = &run->keys[n];
    struct entry *entry = test_find(&run->cache, n % 2, key);
    struct busy  *busy = model->busy;
    bool          pinned = model->pinned;
    if (entry == NULL)
        entry = cache_add(&run->cache, n % 2, key,
                          cache_hash(&run->cache, key), ENTRY_ABSENT);
    struct entry_spec spec = random_spec(run);
    cache_assign(&run->cache, entry, &spec);
    forget(model);
    *model = (struct model){
        .known = true, .spec = spec, .busy = busy, .pinned = pinned
    };
}

static void do_one(struct run *run)
{
    unsigned      n = (unsigned)below(run, KEYS);
    char          text[32];
    struct model *model = &run->keys[n];
    struct entry *entry =
        test_find(&run->cache, n % 2, key_of(run, n, text));
    uint64_t what = below(run, 10);
    if (what < 5 || entry == NULL) {
        do_assign(run, n);
    } else if (what == 5) {
        int64_t deadline = (int64_t)below(run, 3);
        if (model->spec.presence < ENTRY_HEADER)
            return;
        cache_set_deadline(&run->cache, entry, deadline);
        model->spec.deadline_ms = deadline;
    } else if (what == 6 && !model->pinned) {
        model->busy = test_pin(&run->cache, entry);
        model->pinned = true;
    } else if (what == 7 && model->pinned) {
        test_unpin(&run->cache, model->busy);
        model->busy = NULL;
        model->pinned = false;
    } else if (what == 8) {
        bool gone = cache_evict(&run->cache, entry);
        assert_int_equal(gone, !model->pinned);
        if (gone)
            forget(model);
    } else {
        cache_touch(&run->cache, entry);
    }
    check_key(run, n);
}

static void what_is_assigned_is_found(void **state)
{
    struct run *run = calloc(1, sizeof(*run));

    (void)state;
    assert_non_null(run);
    run->long_key = calloc(1, 128 * KB);
    rand_init(&run->rand, test_seed("CACHE_SEED"));
    cache_test_init(&run->cache, &run->mem, 1024 * MB);
    for (int i = 0; i < 30000; i++) {
        do_one(run);
        if (i % 500 == 0)
            cache_check(&run->cache);
        if (i % 2000 == 0)
            for (unsigned n = 0; n < KEYS; n++)
                check_key(run, n);
    }
    while (cache_free_buried(&run->cache, 3))
        cache_check(&run->cache);
    for (unsigned n = 0; n < KEYS; n++) {
        if (run->keys[n].pinned)
            test_unpin(&run->cache, run->keys[n].busy);
        forget(&run->keys[n]);
    }
    cache_test_deinit(&run->cache);
    free(run->long_key);
    free(run);
}

static void a_value_may_come_from_its_own_entry(void **state)
{
    struct mem   mem;
    struct cache cache;

    (void)state;
    cache_test_init(&cache, &mem, 4 * MB);
    struct entry *entry =
        test_put(&cache, 0, SLICE_LITERAL("k"),
                 SLICE_LITERAL("0123456789abcdefghijklmnopqrstuvwxyz"));
    struct entry_spec spec = cache_spec(entry);
    spec.value = slice_make(spec.value.data + 10, 26);
    entry = cache_assign(&cache, entry, &spec);
    assert_true(slice_equal(entry_value(entry),
                            SLICE_LITERAL("abcdefghijklmnopqrstuvwxyz")));
    entry = cache_set_deadline(&cache, entry, 99); /* makes it larger */
    assert_int_equal(entry_deadline(entry), 99);
    assert_true(slice_equal(entry_value(entry),
                            SLICE_LITERAL("abcdefghijklmnopqrstuvwxyz")));
    memcpy(cache_value_in_place(entry), "ABC", 3);
    assert_memory_equal(entry_value(entry).data, "ABCdef", 6);
    cache_check(&cache);
    cache_test_deinit(&cache);
}

static void an_unknown_entry_ends_with_its_load(void **state)
{
    struct mem   mem;
    struct cache cache;
    slice        key = SLICE_LITERAL("k");

    (void)state;
    cache_test_init(&cache, &mem, 4 * MB);
    struct entry *entry =
        cache_add(&cache, 0, key, cache_hash(&cache, key), ENTRY_UNKNOWN);
    struct busy *busy = cache_make_busy(&cache, entry);
    assert_false(busy->disk.known);
    busy->ticket = 7;
    assert_false(cache_settle_busy(&cache, busy));
    busy->ticket = 0;
    assert_true(cache_settle_busy(&cache, busy));
    assert_null(test_find(&cache, 0, key));
    cache_check(&cache);
    cache_test_deinit(&cache);
}

static void each_reason_keeps_an_entry_busy(void **state)
{
    struct mem   mem;
    struct cache cache;

    (void)state;
    cache_test_init(&cache, &mem, 4 * MB);
    struct entry *entry =
        test_put(&cache, 0, SLICE_LITERAL("k"), SLICE_LITERAL("v"));
    cache.now_s = 40;
    struct busy *busy = cache_make_busy(&cache, entry);
    assert_true(busy->disk.known && busy->disk.exists);
    busy->looking = true;
    assert_false(cache_settle_busy(&cache, busy));
    busy->looking = false;
    busy->version = 1;
    assert_false(cache_settle_busy(&cache, busy));
    assert_int_equal(cache_state(&cache, entry), DS_DIRTY);
    busy->durable_version = 1;
    busy->pins = 1;
    assert_false(cache_settle_busy(&cache, busy));
    assert_false(cache_evict(&cache, entry));
    assert_int_equal(cache_idle_s(&cache, entry), 40);
    cache_touch(&cache, entry);
    busy->pins = 0;
    assert_true(cache_settle_busy(&cache, busy));
    assert_int_equal(cache_state(&cache, entry), DS_MEMORY);
    assert_int_equal(cache_idle_s(&cache, entry), 0); /* kept over it */
    cache_test_deinit(&cache);
}

static void the_expiry_sweep_meets_each_deadline_once(void **state)
{
    struct mem   mem;
    struct cache cache;
    char         text[32];
    unsigned     met = 0;

    (void)state;
    cache_test_init(&cache, &mem, 64 * MB);
    for (int i = 0; i < 5000; i++) {
        int           len = snprintf(text, sizeof(text), "%d", i);
        struct entry *entry = test_put(
            &cache, 0, slice_make(text, (size_t)len), SLICE_LITERAL("v"));
        if (i % 2 == 0)
            cache_set_deadline(&cache, entry, 1 + i);
    }
    assert_int_equal(cache.deadline_count, 2500);
    for (int rounds = 0; rounds < 100; rounds++) {
        size_t        budget = 100;
        struct entry *entry;
        while ((entry = cache_next_expired(&cache, 2000, &budget)) != NULL) {
            assert_in_range(entry_deadline(entry), 1, 2000);
            cache_remove(&cache, entry);
            met++;
        }
        assert_int_equal(budget, 0);
    }
    assert_int_equal(met, 1000);
    assert_int_equal(cache.deadline_count, 1500);
    cache_check(&cache);
    cache_test_deinit(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_assigned_is_found),
        cmocka_unit_test(a_value_may_come_from_its_own_entry),
        cmocka_unit_test(an_unknown_entry_ends_with_its_load),
        cmocka_unit_test(each_reason_keeps_an_entry_busy),
        cmocka_unit_test(the_expiry_sweep_meets_each_deadline_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
