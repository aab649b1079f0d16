/* test_record.c - every record there and back, the order of keys, and what
 * becomes of bytes that are not what was written. */
#include "base/unit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/rand.h"
#include "codec/record.h"

#define ROUNDS 20000

struct bufs {
    struct buf  key, other, value;
    struct rand rand;
};

static void bufs_init(struct bufs *bufs, uint64_t otherwise)
{
    const char *text = getenv("RECORD_SEED");
    uint64_t    seed = text != NULL ? strtoull(text, NULL, 10) : otherwise;
    print_message("RECORD_SEED=%llu\n", (unsigned long long)seed);
    buf_init(&bufs->key, SIZE_MAX);
    buf_init(&bufs->other, SIZE_MAX);
    buf_init(&bufs->value, SIZE_MAX);
    rand_init(&bufs->rand, seed);
}

static void bufs_deinit(struct bufs *bufs)
{
    buf_deinit(&bufs->key);
    buf_deinit(&bufs->other);
    buf_deinit(&bufs->value);
}

static size_t fill(struct rand *rand, char *out, size_t most)
{
    size_t len = rand_below(rand, most + 1);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)rand_next(rand);
    return len;
}

static struct key_record random_record(struct rand *rand, char *value)
{
    struct key_record record = {
        .type = (uint8_t)rand_below(rand, 16),
        .version = rand_next(rand) >> rand_below(rand, 64),
    };
    if (rand_below(rand, 2) == 0)
        record.deadline_ms =
            1 + (int64_t)(rand_next(rand) >> (1 + rand_below(rand, 62)));
    if (rand_below(rand, 3) == 0)
        record.object_id = 1 + (rand_next(rand) >> 1);
    record.value = slice_make(value, fill(rand, value, 300));
    return record;
}

/* --- keys ---------------------------------------------------------------- */

static void keys_come_back(void **state)
{
    struct bufs bufs;
    char        user[64];

    (void)state;
    bufs_init(&bufs, 1);
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t space = (uint32_t)rand_next(&bufs.rand), found_space;
        uint64_t hash = rand_next(&bufs.rand), id = rand_next(&bufs.rand);
        int64_t  deadline = 1 + (int64_t)(id >> 2), found_deadline;
        uint64_t found_id;
        slice    key = slice_make(user, fill(&bufs.rand, user, 64)), found;
        uint16_t slot;
        bool     is_space;

        record_key_key(&bufs.key, space, hash, key);
        assert_int_equal(bufs.key.len, RECORD_KEY_PREFIX + key.len);
        assert_true(record_key_parse(buf_slice(&bufs.key), &found_space, &slot,
                                     &found));
        assert_int_equal(found_space, space);
        assert_int_equal(slot, hash_slot(key));
        assert_true(slice_equal(found, key));

        record_expiry_key(&bufs.other, deadline, buf_slice(&bufs.key));
        assert_true(record_expiry_parse(buf_slice(&bufs.other),
                                        &found_deadline, &found));
        assert_int_equal(found_deadline, deadline);
        assert_true(slice_equal(found, buf_slice(&bufs.key)));

        record_garbage_object_key(&bufs.key, id);
        assert_true(record_garbage_parse(buf_slice(&bufs.key), &is_space,
                                         &found_id));
        assert_false(is_space);
        assert_int_equal(found_id, id);
        record_garbage_space_key(&bufs.key, space);
        assert_true(record_garbage_parse(buf_slice(&bufs.key), &is_space,
                                         &found_id));
        assert_true(is_space);
        assert_int_equal(found_id, space);

        record_page_key(&bufs.key, id, space);
        assert_true(record_page_parse(buf_slice(&bufs.key), &found_id));
        assert_int_equal(found_id, id);
    }
    bufs_deinit(&bufs);
}

static int compare(const struct buf *a, const struct buf *b)
{
    int order = slice_compare(buf_slice(a), buf_slice(b));
    return (order > 0) - (order < 0);
}

static int order_of(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Close to each other, and far apart, around each power of two. */
static void two_numbers(struct rand *rand, uint64_t *a, uint64_t *b)
{
    *a = rand_next(rand) >> (1 + rand_below(rand, 62));
    *b = rand_below(rand, 2) ? *a + rand_below(rand, 300)
                             : rand_next(rand) >> (1 + rand_below(rand, 62));
}

static void the_order_of_keys_is_that_of_their_numbers(void **state)
{
    struct bufs bufs;

    (void)state;
    bufs_init(&bufs, 2);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t a, b;
        two_numbers(&bufs.rand, &a, &b);
        record_page_key(&bufs.key, a, 7);
        record_page_key(&bufs.other, b, 3);
        assert_int_equal(compare(&bufs.key, &bufs.other),
                         a == b ? 1 : order_of(a, b));
        record_page_key(&bufs.key, 5, (uint32_t)a);
        record_page_key(&bufs.other, 5, (uint32_t)b);
        assert_int_equal(compare(&bufs.key, &bufs.other),
                         order_of((uint32_t)a, (uint32_t)b));
        record_staging_key(&bufs.key, a, 9);
        record_staging_key(&bufs.other, b, 8);
        assert_int_equal(compare(&bufs.key, &bufs.other),
                         a == b ? 1 : order_of(a, b));
        record_staging_key(&bufs.key, 1, (uint32_t)a);
        record_staging_key(&bufs.other, 1, (uint32_t)b);
        assert_int_equal(compare(&bufs.key, &bufs.other),
                         order_of((uint32_t)a, (uint32_t)b));
        record_expiry_key(&bufs.key, (int64_t)a + 1, SLICE_LITERAL("z"));
        record_expiry_key(&bufs.other, (int64_t)b + 1, SLICE_LITERAL("a"));
        assert_int_equal(compare(&bufs.key, &bufs.other),
                         a == b ? 1 : order_of(a, b));
        record_garbage_object_key(&bufs.key, a);
        record_garbage_object_key(&bufs.other, b);
        assert_int_equal(compare(&bufs.key, &bufs.other), order_of(a, b));
    }
    bufs_deinit(&bufs);
}

/* Namespace, then slot, then hash, then the key itself. */
static void key_records_are_ordered_by_slot_and_hash(void **state)
{
    struct bufs bufs;
    char        one[20], two[20];

    (void)state;
    bufs_init(&bufs, 3);
    for (int i = 0; i < ROUNDS; i++) {
        slice    a = slice_make(one, fill(&bufs.rand, one, 20));
        slice    b = slice_make(two, fill(&bufs.rand, two, 20));
        uint32_t x = (uint32_t)rand_below(&bufs.rand, 300);
        uint32_t y = (uint32_t)rand_below(&bufs.rand, 2) ? x : 255;
        uint64_t hash_a = rand_next(&bufs.rand);
        uint64_t hash_b = rand_next(&bufs.rand);
        if (rand_below(&bufs.rand, 3) == 0) {
            memcpy(two, one, sizeof(two));
            b = slice_make(two, a.len);
        }
        record_key_key(&bufs.key, x, hash_a, a);
        record_key_key(&bufs.other, y, hash_b, b);
        int want = order_of(x, y);
        if (want == 0)
            want = order_of(hash_slot(a), hash_slot(b));
        if (want == 0)
            want = order_of(hash_a >> 16, hash_b >> 16);
        if (want != 0)
            assert_int_equal(compare(&bufs.key, &bufs.other), want);
        record_key_space(&bufs.other, x);
        assert_int_equal(compare(&bufs.key, &bufs.other), 1);
        assert_memory_equal(bufs.key.data, bufs.other.data, bufs.other.len);
    }
    bufs_deinit(&bufs);
}

static void families_do_not_mix(void **state)
{
    struct buf bufs[8];

    (void)state;
    for (int i = 0; i < 8; i++)
        buf_init(&bufs[i], SIZE_MAX);
    record_key_key(&bufs[0], 1, 2, SLICE_LITERAL("k"));
    record_page_key(&bufs[1], 1, 2);
    record_expiry_key(&bufs[2], 5, buf_slice(&bufs[0]));
    record_garbage_object_key(&bufs[3], 1);
    record_garbage_space_key(&bufs[4], 1);
    record_meta_key(&bufs[5], "ids");
    record_count_key(&bufs[6], 1, 2);
    record_staging_key(&bufs[7], 1, 2);
    for (int i = 0; i < 8; i++) {
        slice    key = buf_slice(&bufs[i]), part;
        uint32_t space;
        uint16_t slot;
        int64_t  deadline;
        uint64_t id;
        bool     is_space;
        assert_int_equal(record_key_parse(key, &space, &slot, &part), i == 0);
        assert_int_equal(record_page_parse(key, &id), i == 1);
        assert_int_equal(record_expiry_parse(key, &deadline, &part), i == 2);
        assert_int_equal(record_garbage_parse(key, &is_space, &id),
                         i == 3 || i == 4);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(compare(&bufs[i], &bufs[j]), 0);
    }
    for (int i = 0; i < 8; i++)
        buf_deinit(&bufs[i]);
}

/* --- values -------------------------------------------------------------- */

static void values_come_back(void **state)
{
    struct bufs bufs;
    char        bytes[300], user[40];

    (void)state;
    bufs_init(&bufs, 4);
    for (int i = 0; i < ROUNDS; i++) {
        struct key_record record = random_record(&bufs.rand, bytes), found;
        record_key_key(&bufs.key, 1, rand_next(&bufs.rand),
                       slice_make(user, fill(&bufs.rand, user, 40)));
        record_key_encode(&bufs.value, buf_slice(&bufs.key), &record);
        assert_int_equal(record_key_decode(buf_slice(&bufs.key),
                                           buf_slice(&bufs.value), &found),
                         ERR_OK);
        assert_int_equal(found.type, record.type);
        assert_int_equal(found.version, record.version);
        assert_int_equal(found.deadline_ms, record.deadline_ms);
        assert_int_equal(found.object_id, record.object_id);
        assert_true(slice_equal(found.value, record.value));

        slice payload;
        record_value_begin(&bufs.value);
        assert_int_equal(buf_append(&bufs.value, bytes, (size_t)i % 300),
                         ERR_OK);
        record_value_end(&bufs.value, buf_slice(&bufs.key));
        assert_int_equal(record_value_open(buf_slice(&bufs.key),
                                           buf_slice(&bufs.value), &payload),
                         ERR_OK);
        assert_true(slice_equal(payload, slice_make(bytes, (size_t)i % 300)));
    }
    bufs_deinit(&bufs);
}

static err_t decode(const struct bufs *bufs)
{
    struct key_record record;
    return record_key_decode(buf_slice(&bufs->key), buf_slice(&bufs->value),
                             &record);
}

/* Every bit of value and key, one at a time. */
static void each_flipped_bit_is_corrupt(void **state)
{
    struct bufs bufs;
    char        bytes[300];

    (void)state;
    bufs_init(&bufs, 5);
    for (int i = 0; i < 40; i++) {
        struct key_record record = random_record(&bufs.rand, bytes);
        record_key_key(&bufs.key, 1, rand_next(&bufs.rand),
                       SLICE_LITERAL("some key"));
        record_key_encode(&bufs.value, buf_slice(&bufs.key), &record);
        for (size_t bit = 0; bit < bufs.value.len * 8; bit++) {
            bufs.value.data[bit / 8] ^= (char)(1 << bit % 8);
            assert_int_equal(decode(&bufs), ERR_CORRUPT);
            bufs.value.data[bit / 8] ^= (char)(1 << bit % 8);
        }
        for (size_t bit = 0; bit < bufs.key.len * 8; bit++) {
            bufs.key.data[bit / 8] ^= (char)(1 << bit % 8);
            assert_int_equal(decode(&bufs), ERR_CORRUPT);
            bufs.key.data[bit / 8] ^= (char)(1 << bit % 8);
        }
        assert_int_equal(decode(&bufs), ERR_OK);
    }
    bufs_deinit(&bufs);
}

static void truncated_values_are_corrupt(void **state)
{
    struct bufs bufs;
    char        bytes[300];

    (void)state;
    bufs_init(&bufs, 6);
    for (int i = 0; i < 200; i++) {
        struct key_record record = random_record(&bufs.rand, bytes), found;
        record_key_key(&bufs.key, 1, 2, SLICE_LITERAL("k"));
        record_key_encode(&bufs.value, buf_slice(&bufs.key), &record);
        for (size_t len = 0; len < bufs.value.len; len++) {
            /* A copy of just that size: reading past it would be seen. */
            char *copy = malloc(len + (len == 0));
            assert_non_null(copy);
            memcpy(copy, bufs.value.data, len);
            assert_int_equal(record_key_decode(buf_slice(&bufs.key),
                                               slice_make(copy, len), &found),
                             ERR_CORRUPT);
            free(copy);
        }
    }
    bufs_deinit(&bufs);
}

/* A good checksum over a payload that ends too early or is too long. */
static void structure_is_checked_behind_a_good_checksum(void **state)
{
    static const struct {
        const char *payload;
        size_t      len;
        err_t       err;
    } cases[] = {
        { "", 0, ERR_CORRUPT },
        { "\x00", 1, ERR_CORRUPT },                     /* no version */
        { "\x00\x80", 2, ERR_CORRUPT },                 /* half of one */
        { "\x00\x05", 2, ERR_OK },
        { "\x10\x05\0\0\0\0\0\0\0", 9, ERR_CORRUPT },   /* 7 of a deadline */
        { "\x10\x05\0\0\0\0\0\0\0\1", 10, ERR_OK },
        { "\x20\x05\0\0\0\0\0\0\0", 9, ERR_CORRUPT },   /* 7 of an id */
        { "\x20\x05\0\0\0\0\0\0\0\1", 10, ERR_OK },
        { "\x20\x05\0\0\0\0\0\0\0\1\x09", 11, ERR_OK },
        { "\x20\x05\0\0\0\0\0\0\0\0\x09", 11, ERR_CORRUPT }, /* id 0 */
    };
    struct bufs bufs;

    (void)state;
    bufs_init(&bufs, 7);
    record_key_key(&bufs.key, 1, 2, SLICE_LITERAL("k"));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        record_value_begin(&bufs.value);
        assert_int_equal(
            buf_append(&bufs.value, cases[i].payload, cases[i].len), ERR_OK);
        record_value_end(&bufs.value, buf_slice(&bufs.key));
        assert_int_equal(decode(&bufs), cases[i].err);
    }
    bufs_deinit(&bufs);
}

static void another_version_is_not_called_corrupt(void **state)
{
    struct bufs bufs;

    (void)state;
    bufs_init(&bufs, 8);
    record_key_key(&bufs.key, 1, 2, SLICE_LITERAL("k"));
    for (int version = 0; version < 256; version++) {
        struct key_record record = { .version = 3 };
        record_key_encode(&bufs.value, buf_slice(&bufs.key), &record);
        bufs.value.len -= 4;
        bufs.value.data[0] = (char)version;
        record_value_end(&bufs.value, buf_slice(&bufs.key));
        assert_int_equal(decode(&bufs),
                         version == RECORD_FORMAT ? ERR_OK : ERR_FORMAT);
    }
    bufs_deinit(&bufs);
}

static void random_bytes_never_crash(void **state)
{
    struct bufs bufs;
    char        bytes[200];

    (void)state;
    bufs_init(&bufs, 9);
    for (int i = 0; i < 100000; i++) {
        struct key_record record;
        size_t   len = fill(&bufs.rand, bytes, sizeof(bytes));
        char    *copy = malloc(len + (len == 0));
        uint32_t space;
        uint16_t slot;
        int64_t  deadline;
        uint64_t id;
        bool     is_space;
        slice    part, all;
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        if (len > 0 && i % 2)
            copy[0] = "kegpms"[i % 6];
        all = slice_make(copy, len);
        if (record_key_parse(all, &space, &slot, &part)) {
            assert_true(slot < SLOT_COUNT);
            assert_int_equal(part.len, len - RECORD_KEY_PREFIX);
        }
        (void)record_expiry_parse(all, &deadline, &part);
        (void)record_garbage_parse(all, &is_space, &id);
        (void)record_page_parse(all, &id);
        assert_int_not_equal(
            record_key_decode(SLICE_LITERAL("k"), all, &record), ERR_OK);

        /* The same bytes as a payload, with a good checksum. */
        record_value_begin(&bufs.value);
        assert_int_equal(buf_append(&bufs.value, copy, len), ERR_OK);
        record_value_end(&bufs.value, SLICE_LITERAL("k"));
        err_t err = record_key_decode(SLICE_LITERAL("k"),
                                      buf_slice(&bufs.value), &record);
        if (err == ERR_OK)
            assert_true(record.value.len <= len);
        else
            assert_int_equal(err, ERR_CORRUPT);
        free(copy);
    }
    bufs_deinit(&bufs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_back),
        cmocka_unit_test(the_order_of_keys_is_that_of_their_numbers),
        cmocka_unit_test(key_records_are_ordered_by_slot_and_hash),
        cmocka_unit_test(families_do_not_mix),
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(each_flipped_bit_is_corrupt),
        cmocka_unit_test(truncated_values_are_corrupt),
        cmocka_unit_test(structure_is_checked_behind_a_good_checksum),
        cmocka_unit_test(another_version_is_not_called_corrupt),
        cmocka_unit_test(random_bytes_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
