/* test_memory.c - the store in memory against a plain array, its snapshots and
 * iterators beside writes, and the loss of what was not durable. */
#include "store_test.h"

#include <stdatomic.h>

#include "base/rand.h"

#define KEYS 300

/* The model: values[i] belongs to key i; 0: absent. */
struct model {
    unsigned values[KEYS];
};

static slice model_key(unsigned i, char out[16])
{
    int len = snprintf(out, 16, "k%05u", i);
    return slice_make(out, (size_t)len);
}

static void change(struct store *store, struct model *model, struct rand *rand,
                   bool durable)
{
    struct store_batch *batch = store_batch_new();
    char                key[16];
    char                text[16];

    for (unsigned n = 1 + (unsigned)rand_below(rand, 20); n > 0; n--) {
        unsigned i = (unsigned)rand_below(rand, KEYS);
        unsigned value = (unsigned)rand_below(rand, 1000000);
        if (rand_below(rand, 3) == 0)
            value = 0;
        model->values[i] = value;
        snprintf(text, sizeof(text), "%u", value);
        if (value)
            store_batch_put(batch, model_key(i, key), slice_from_string(text));
        else
            store_batch_delete(batch, model_key(i, key));
    }
    assert_int_equal(store_write(store, batch, durable, NULL), ERR_OK);
}

static void expect_model(struct store                *store,
                         const struct store_snapshot *snapshot,
                         const struct model          *model)
{
    struct store_iter *iter = store_iter_new(store, snapshot);
    char               key[16];
    char               text[16];

    store_iter_seek(iter, SLICE_EMPTY);
    for (unsigned i = 0; i < KEYS; i++) {
        if (model->values[i] == 0)
            continue;
        snprintf(text, sizeof(text), "%u", model->values[i]);
        assert_true(store_iter_valid(iter));
        assert_true(slice_equal(store_iter_key(iter), model_key(i, key)));
        assert_true(
            slice_equal(store_iter_value(iter), slice_from_string(text)));
        store_iter_next(iter);
    }
    assert_false(store_iter_valid(iter));
    assert_int_equal(store_iter_error(iter, NULL), ERR_OK);
    store_iter_free(iter);
}

static void test_against_model(void **state)
{
    struct store *store = store_open_memory();
    struct model  model = { { 0 } };
    struct model  durable = { { 0 } };
    struct model  old;
    struct rand   rand;

    (void)state;
    rand_init(&rand, 11);
    for (unsigned round = 0; round < 600; round++) {
        struct store_snapshot *snapshot = store_snapshot_new(store);
        old = model;
        bool is_durable = rand_below(&rand, 5) == 0;
        change(store, &model, &rand, is_durable);
        if (rand_below(&rand, 20) == 0) {
            assert_int_equal(store_sync(store, NULL), ERR_OK);
            is_durable = true;
        }
        if (is_durable)
            durable = model;
        expect_model(store, NULL, &model);
        expect_model(store, snapshot, &old);
        if (rand_below(&rand, 30) == 0) {
            store_memory_power_loss(store);
            model = durable;
            expect_model(store, NULL, &model);
            expect_model(store, snapshot, &old);
        }
        store_snapshot_free(store, snapshot);
    }
    store_close(store);
}

static void count_done(void *arg, struct store_get *get)
{
    unsigned *done = arg;
    (void)get;
    (*done)++;
}

static void test_get_many(void **state)
{
    struct store    *store = store_open_memory();
    struct store_get gets[3] = { { .key = SLICE_LITERAL("a") },
                                 { .key = SLICE_LITERAL("absent") },
                                 { .key = SLICE_LITERAL("empty") } };
    unsigned         done = 0;

    (void)state;
    assert_int_equal(put_text(store, "a", "one", false), ERR_OK);
    assert_int_equal(put_text(store, "empty", "", false), ERR_OK);
    struct store_snapshot *snapshot = store_snapshot_new(store);
    assert_int_equal(put_text(store, "a", "two", false), ERR_OK);
    store_get_many(store, snapshot, gets, 3, count_done, &done);
    assert_int_equal(done, 3);
    assert_int_equal(gets[0].err, ERR_OK);
    assert_memory_equal(gets[0].value, "one", 3);
    assert_int_equal(gets[1].err, ERR_NOT_FOUND);
    assert_null(gets[1].value);
    assert_int_equal(gets[2].err, ERR_OK);
    assert_int_equal(gets[2].value_len, 0);
    assert_non_null(gets[2].value);
    for (size_t i = 0; i < 3; i++)
        store_value_free(gets[i].value);
    store_snapshot_free(store, snapshot);
    assert_true(record_is(store, "a", "two"));
    store_close(store);
}

static void test_seek(void **state)
{
    struct store *store = store_open_memory();

    (void)state;
    assert_int_equal(put_text(store, "b", "1", false), ERR_OK);
    assert_int_equal(put_text(store, "d", "2", false), ERR_OK);
    struct store_iter *iter = store_iter_new(store, NULL);
    assert_false(store_iter_valid(iter)); /* seek first */
    assert_int_equal(put_text(store, "c", "3", false), ERR_OK);
    store_iter_seek(iter, SLICE_LITERAL("c")); /* older than the c above */
    assert_true(slice_equal(store_iter_key(iter), SLICE_LITERAL("d")));
    store_iter_seek(iter, SLICE_LITERAL("b"));
    assert_true(slice_equal(store_iter_key(iter), SLICE_LITERAL("b")));
    store_iter_seek(iter, SLICE_LITERAL("e"));
    assert_false(store_iter_valid(iter));
    store_iter_free(iter);
    store_close(store);
}

static void test_stats(void **state)
{
    struct store      *store = store_open_memory();
    struct store_stats stats;

    (void)state;
    assert_int_equal(put_text(store, "key", "value", false), ERR_OK);
    assert_int_equal(put_text(store, "key", "val", false), ERR_OK);
    assert_true(record_is(store, "key", "val"));
    store_stats(store, &stats);
    assert_int_equal(stats.disk_bytes, 6);
    assert_int_equal(stats.write_count, 2);
    assert_int_equal(stats.write_bytes, 8 + 6);
    assert_int_equal(stats.get_count, 1);
    assert_int_equal(
        store_approximate_bytes(store, SLICE_LITERAL("a"), SLICE_EMPTY), 6);
    assert_int_equal(
        store_approximate_bytes(store, SLICE_LITERAL("a"), SLICE_LITERAL("b")),
        0);
    assert_int_equal(store_atomic_over(store), STORE_ATOMIC_WHOLE);
    store_close(store);
}

/* Each batch sets x and y to the same value: no reader may see them differ. */
struct race {
    struct store *store;
    atomic_bool   over;
    atomic_uint   seen;
};

static void *race_reader(void *arg)
{
    struct race *race = arg;

    while (!atomic_load(&race->over)) {
        struct store_iter *iter = store_iter_new(race->store, NULL);
        char               x[16] = "";
        store_iter_seek(iter, SLICE_LITERAL("x"));
        if (store_iter_valid(iter)) {
            slice value = store_iter_value(iter);
            memcpy(x, value.data, value.len);
            store_iter_next(iter);
            CHECK(slice_equal(store_iter_value(iter), slice_from_string(x)));
            atomic_fetch_add(&race->seen, 1);
        }
        store_iter_free(iter);
    }
    return NULL;
}

static void test_readers_beside_a_writer(void **state)
{
    struct race race = { .store = store_open_memory() };
    pthread_t   readers[2];
    char        text[16];

    (void)state;
    for (int i = 0; i < 2; i++)
        readers[i] = thread_start(race_reader, &race);
    for (unsigned i = 0; i < 3000 || atomic_load(&race.seen) < 100; i++) {
        struct store_batch *batch = store_batch_new();
        snprintf(text, sizeof(text), "%u", i);
        batch_put_text(batch, "x", text);
        batch_put_text(batch, "y", text);
        assert_int_equal(store_write(race.store, batch, false, NULL), ERR_OK);
    }
    atomic_store(&race.over, true);
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    store_close(race.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_model),
        cmocka_unit_test(test_get_many),
        cmocka_unit_test(test_seek),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_readers_beside_a_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
