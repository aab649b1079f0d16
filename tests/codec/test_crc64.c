/* test_crc64.c - known sums, and that it does not matter how bytes come. */
#include "base/unit.h"

#include "base/rand.h"
#include "codec/crc64.h"

static void known_sums(void **state)
{
    (void)state;
    assert_true(crc64_extend(0, SLICE_EMPTY) == 0);
    assert_true(crc64_extend(0, SLICE_LITERAL("123456789")) ==
                UINT64_C(0xe9c6d914c4b8d9ca));
}

/* One bit of the polynomial after the other. */
static uint64_t slowly(uint64_t crc, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT64_C(0x95ac9329ac4bc9b5) : 0);
    }
    return crc;
}

static void in_parts_of_any_length(void **state)
{
    struct rand rand;
    uint8_t     bytes[600];
    (void)state;
    rand_init(&rand, 3);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)rand_next(&rand);
    for (unsigned round = 0; round < 300; round++) {
        size_t   len = rand_below(&rand, sizeof(bytes) + 1);
        size_t   first = rand_below(&rand, len + 1);
        uint64_t crc = crc64_extend(0, slice_make(bytes, first));
        crc = crc64_extend(crc, slice_make(bytes + first, len - first));
        assert_true(crc == slowly(0, bytes, len));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sums),
        cmocka_unit_test(in_parts_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
