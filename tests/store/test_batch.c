/* test_batch.c - batches keep order and bytes, count what they hold, and can
 * be read while they are freed. */
#include "store_test.h"

#include "base/num.h"
#include "base/rand.h"

static slice numbered(char out[32], const char *word, unsigned number)
{
    int len = snprintf(out, 32, "%s%u", word, number);
    return slice_make(out, (size_t)len);
}

static void test_empty(void **state)
{
    struct store_batch       *batch = store_batch_new();
    struct store_batch_cursor cursor;
    struct store_op           op;

    (void)state;
    assert_int_equal(store_batch_count(batch), 0);
    assert_int_equal(store_batch_bytes(batch), 0);
    store_batch_cursor_init(&cursor, batch, false);
    assert_false(store_batch_next(&cursor, &op));
    store_batch_free(batch);
    store_batch_free(NULL);
}

static void test_order_and_bytes(void **state)
{
    struct store_batch *batch = store_batch_new();

    (void)state;
    store_batch_put(batch, SLICE_LITERAL("a"), SLICE_LITERAL("1"));
    store_batch_delete(batch, SLICE_LITERAL("a"));
    store_batch_put(batch, SLICE_EMPTY, slice_make("\0x\0", 3));
    store_batch_put(batch, SLICE_LITERAL("b"), slice_make(NULL, 0));
    assert_int_equal(store_batch_count(batch), 4);
    assert_int_equal(store_batch_bytes(batch), 2 + 1 + 3 + 1);

    static const struct store_op expected[] = {
        { false, { "a", 1 }, { "1", 1 } },
        { true, { "a", 1 }, { "", 0 } },
        { false, { "", 0 }, { "\0x\0", 3 } },
        { false, { "b", 1 }, { "", 0 } },
    };
    struct store_batch_cursor cursor;
    struct store_op           op;
    store_batch_cursor_init(&cursor, batch, false);
    for (size_t i = 0; i < 4; i++) {
        assert_true(store_batch_next(&cursor, &op));
        assert_int_equal(op.is_delete, expected[i].is_delete);
        assert_true(slice_equal(op.key, expected[i].key));
        assert_true(slice_equal(op.value, expected[i].value));
    }
    assert_false(store_batch_next(&cursor, &op));
    assert_false(store_batch_next(&cursor, &op));
    store_batch_free(batch);
}

/* Sizes on both sides of every block size. */
static size_t odd_len(struct rand *rand)
{
    static const size_t around[] = { 0, 10, 1000, 4000, 65536, 200000 };
    return around[rand_below(rand, 6)] + rand_below(rand, 40);
}

static void fill(struct store_batch *batch, unsigned count)
{
    struct rand rand;
    char        key[32];
    char       *value = mem_calloc(1, 200100);

    rand_init(&rand, 7);
    for (unsigned i = 0; i < count; i++) {
        size_t len = odd_len(&rand);
        memset(value, (int)(i % 251), len);
        if (i % 5 == 4)
            store_batch_delete(batch, numbered(key, "key", i));
        else
            store_batch_put(batch, numbered(key, "key", i),
                            slice_make(value, len));
    }
    mem_free(value);
}

static void expect_filled(struct store_batch *batch, unsigned count,
                          bool free_behind)
{
    struct store_batch_cursor cursor;
    struct store_op           op;
    struct rand               rand;
    char                      key[32];
    size_t                    memory = store_batch_memory(batch);
    size_t                    half = 0;

    rand_init(&rand, 7);
    store_batch_cursor_init(&cursor, batch, free_behind);
    for (unsigned i = 0; i < count; i++) {
        size_t len = odd_len(&rand);
        assert_true(store_batch_next(&cursor, &op));
        assert_true(slice_equal(op.key, numbered(key, "key", i)));
        assert_int_equal(op.is_delete, i % 5 == 4);
        assert_int_equal(op.value.len, i % 5 == 4 ? 0 : len);
        for (size_t at = 0; at < op.value.len; at += 97)
            assert_int_equal((uint8_t)op.value.data[at], i % 251);
        if (i == count / 2)
            half = store_batch_memory(batch);
    }
    assert_false(store_batch_next(&cursor, &op));
    if (free_behind) {
        assert_true(half < memory * 3 / 4);
        assert_true(store_batch_memory(batch) < 1024);
    } else {
        assert_int_equal(store_batch_memory(batch), memory);
    }
}

static void test_many_blocks(void **state)
{
    struct store_batch *batch = store_batch_new();

    (void)state;
    fill(batch, 400);
    assert_int_equal(store_batch_count(batch), 400);
    expect_filled(batch, 400, false);
    expect_filled(batch, 400, false);
    expect_filled(batch, 400, true);
    store_batch_free(batch);
}

/* What a batch costs: little when small, not much over its bytes when full of
 * records as they are. */
static void test_memory(void **state)
{
    struct store_batch *batch = store_batch_new();
    char                key[32];
    char                value[1000] = { 1 };

    (void)state;
    store_batch_delete(batch, SLICE_LITERAL("key"));
    assert_true(store_batch_memory(batch) < 2048);
    for (unsigned i = 0; i < 2000; i++)
        store_batch_put(batch, numbered(key, "key", i),
                        slice_make(value, sizeof(value)));
    assert_true(store_batch_memory(batch) > store_batch_bytes(batch));
    assert_true(store_batch_memory(batch) <
                store_batch_bytes(batch) * 11 / 10 + 65536);
    store_batch_free(batch);
}

/* --- by key --------------------------------------------------------------- */

#define SORTED 3000

struct sorted {
    unsigned count;
    bool     seen[SORTED];
    char     last_key[64];
    size_t   last_len;
    unsigned last_number;
};

/* A value is the number of its record; a delete's is told by its key's first
 * place, see test_by_key. */
static void see(void *arg, const struct store_op *op)
{
    struct sorted *sorted = arg;
    slice          last = slice_make(sorted->last_key, sorted->last_len);
    unsigned       number = 0;

    if (!op->is_delete) {
        assert_int_equal(op->value.len, sizeof(number));
        memcpy(&number, op->value.data, sizeof(number));
        assert_in_range(number, 0, SORTED - 1);
        assert_false(sorted->seen[number]);
        sorted->seen[number] = true;
    }
    if (sorted->count > 0) {
        int compared = slice_compare(last, op->key);
        assert_true(compared <= 0);
        /* of one key the put, then the delete behind it, and so on */
        if (compared == 0 && !op->is_delete)
            assert_true(sorted->last_number < number);
    }
    memcpy(sorted->last_key, op->key.data, op->key.len);
    sorted->last_len = op->key.len;
    if (!op->is_delete)
        sorted->last_number = number;
    else
        assert_true(sorted->count > 0 && slice_equal(last, op->key));
    sorted->count++;
}

static void test_by_key(void **state)
{
    struct store_batch *batch = store_batch_new();
    struct sorted      *sorted = mem_calloc(1, sizeof(*sorted));
    struct rand         rand;
    char                bytes[48];
    unsigned            deletes = 0;

    (void)state;
    store_batch_each_by_key(batch, see, sorted);
    assert_int_equal(sorted->count, 0);
    rand_init(&rand, 11);
    for (unsigned i = 0; i < SORTED; i++) {
        /* Short ones, zeros, one in front of the other, long common parts. */
        slice key = slice_make(bytes, rand_below(&rand, 12));
        memset(bytes, (int)rand_below(&rand, 2), sizeof(bytes));
        if (rand_below(&rand, 2)) {
            memset(bytes, 0xfe, 20);
            num_put_be32((uint8_t *)bytes + 20, (uint32_t)rand_below(&rand, 500));
            key.len = 24;
        }
        store_batch_put(batch, key, slice_make((const char *)&i, sizeof(i)));
        if (rand_below(&rand, 3) == 0) {
            store_batch_delete(batch, key);
            deletes++;
        }
    }
    store_batch_each_by_key(batch, see, sorted);
    assert_int_equal(sorted->count, SORTED + deletes);
    store_batch_free(batch);
    mem_free(sorted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_order_and_bytes),
        cmocka_unit_test(test_many_blocks),
        cmocka_unit_test(test_by_key),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
