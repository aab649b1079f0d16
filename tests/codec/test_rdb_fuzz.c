/* test_rdb_fuzz.c - dumps of every encoding, broken in every place and at
 * random: none may be taken for more than it is. tests/fuzz/fuzz_rdb.c is the
 * long run. RDB_SEED in the environment replays, RDB_ROUNDS prolongs. */
#include "base/unit.h"

#include <stdlib.h>

#include "base/rand.h"
#include "codec/rdb_encode.h"
#include "codec/rdb_try.h"

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void samples_are_what_they_are(void **state)
{
    struct buf sample;
    unsigned   right = 0, wrong = 0;
    (void)state;
    buf_init(&sample, SIZE_MAX);
    for (size_t i = 0; enc_sample(i, &sample); i++)
        if (rdb_try(buf_slice(&sample)) == ERR_OK)
            right++;
        else
            wrong++;
    assert_int_equal(right, 24);
    assert_int_equal(wrong, 6);
    buf_deinit(&sample);
}

/* Copied, so that a sanitizer sees who reads behind the end. */
static err_t try_copy(slice bytes)
{
    char *copy = malloc(bytes.len + (bytes.len == 0));
    memcpy(copy, bytes.data, bytes.len);
    err_t err = rdb_try(slice_make(copy, bytes.len));
    free(copy);
    return err;
}

static void what_ends_early_is_refused(void **state)
{
    struct buf sample;
    (void)state;
    buf_init(&sample, SIZE_MAX);
    for (size_t i = 0; enc_sample(i, &sample); i++)
        for (size_t len = 0; len < sample.len; len++)
            assert_int_equal(try_copy(slice_make(sample.data, len)),
                             ERR_INVALID);
    buf_deinit(&sample);
}

static void break_one(struct rand *rand, struct buf *bytes)
{
    static const uint8_t likely[] = { 0, 1, 127, 128, 253, 254, 255 };
    size_t at = rand_below(rand, bytes->len);
    switch (rand_below(rand, 4)) {
    case 0:
        bytes->data[at] = (char)rand_next(rand);
        break;
    case 1:
        bytes->data[at] = (char)likely[rand_below(rand, sizeof(likely))];
        break;
    case 2:
        bytes->data[at] = (char)(bytes->data[at] ^ 1 << rand_below(rand, 8));
        break;
    default: /* one stretch over another */
        memmove(bytes->data + at,
                bytes->data + rand_below(rand, bytes->len - at),
                (bytes->len - at) / 2);
    }
}

static void broken_ones_do_no_harm(void **state)
{
    struct rand rand;
    struct buf  sample;
    size_t      count = 0, taken = 0;
    uint64_t    seed = from_environment("RDB_SEED", 7);
    uint64_t    rounds = from_environment("RDB_ROUNDS", 30000);
    (void)state;
    print_message("RDB_SEED=%llu\n", (unsigned long long)seed);
    rand_init(&rand, seed);
    buf_init(&sample, SIZE_MAX);
    while (enc_sample(count, &sample))
        count++;
    for (uint64_t i = 0; i < rounds; i++) {
        (void)enc_sample(rand_below(&rand, count), &sample);
        for (uint64_t n = rand_below(&rand, 4); n > 0; n--)
            break_one(&rand, &sample);
        taken += try_copy(buf_slice(&sample)) == ERR_OK;
    }
    assert_true(taken > rounds / 10 && taken < rounds);
    buf_deinit(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_what_they_are),
        cmocka_unit_test(what_ends_early_is_refused),
        cmocka_unit_test(broken_ones_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
