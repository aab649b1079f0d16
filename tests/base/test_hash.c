/* test_hash.c - each hash against a plain, slow one of our own, which in turn
 * is checked against a published value; and against redis-server. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/mem.h"
#include "base/rand.h"
#include "unit.h"

/* ---- SipHash, as the paper tells it -------------------------------------- */

static uint64_t turn(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void plain_rounds(uint64_t v[4], int count)
{
    while (count-- > 0) {
        v[0] += v[1];
        v[1] = turn(v[1], 13);
        v[1] ^= v[0];
        v[0] = turn(v[0], 32);
        v[2] += v[3];
        v[3] = turn(v[3], 16);
        v[3] ^= v[2];
        v[0] += v[3];
        v[3] = turn(v[3], 21);
        v[3] ^= v[0];
        v[2] += v[1];
        v[1] = turn(v[1], 17);
        v[1] ^= v[2];
        v[2] = turn(v[2], 32);
    }
}

/* SipHash-c-d: the message is padded to words byte by byte. */
static uint64_t plain_siphash(int c, int d, struct hash_key key, slice bytes)
{
    static const char start[] = "somepseudorandomlygeneratedbytes";
    uint64_t          v[4] = { 0 };

    for (int i = 0; i < 32; i++)
        v[i / 8] = v[i / 8] << 8 | (uint8_t)start[i];
    v[0] ^= key.k0;
    v[1] ^= key.k1;
    v[2] ^= key.k0;
    v[3] ^= key.k1;
    for (size_t at = 0; at <= bytes.len / 8 * 8; at += 8) {
        uint64_t word = 0;
        for (size_t i = 0; i < 8; i++) {
            uint64_t byte =
                at + i < bytes.len ? (uint8_t)bytes.data[at + i] : 0;
            if (i == 7 && at == bytes.len / 8 * 8)
                byte = bytes.len & 0xff;
            word |= byte << (8 * i);
        }
        v[3] ^= word;
        plain_rounds(v, c);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    plain_rounds(v, d);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The paper's appendix: SipHash-2-4, key 00..0f, message 00..0e. */
static void the_plain_siphash_is_right(void **state)
{
    struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
    char            message[15];

    (void)state;
    for (int i = 0; i < 15; i++)
        message[i] = (char)i;
    assert_true(plain_siphash(2, 4, key, slice_make(message, 15)) ==
                0xa129ca6149be45e5);
}

/* The bytes end where their allocation ends, so that a sanitizer sees a read
 * past them, and start at any alignment. */
static void siphash13_of_every_length(void **state)
{
    struct rand rand;

    (void)state;
    rand_init(&rand, 3);
    for (size_t len = 0; len < 600; len++) {
        size_t skip = rand_below(&rand, 8);
        char  *block = mem_alloc(skip + len);
        slice  bytes = slice_make(block + skip, len);
        for (size_t i = 0; i < skip + len; i++)
            block[i] = (char)rand_next(&rand);
        struct hash_key key = { rand_next(&rand), rand_next(&rand) };
        assert_true(hash_siphash13(key, bytes) ==
                    plain_siphash(1, 3, key, bytes));
        mem_free(block);
    }
    struct hash_key zero = { 0, 0 };
    assert_true(hash_siphash13(zero, slice_make(NULL, 0)) ==
                plain_siphash(1, 3, zero, SLICE_EMPTY));
}

/* On disk: these may never change. */
static void siphash13_stays_what_it_is(void **state)
{
    struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

    (void)state;
    assert_true(hash_siphash13(key, SLICE_EMPTY) == 0xabac0158050fc4dc);
    assert_true(hash_siphash13(key, SLICE_LITERAL("user:1000")) ==
                0x98c2eaeddf14c0f5);
}

/* ---- slots --------------------------------------------------------------- */

struct slot_case {
    const char *key;
    uint16_t    slot;
};

/* Asked from redis-server 7.0.15 by CLUSTER KEYSLOT. */
static const struct slot_case slot_cases[] = {
    { "123456789", 12739 },
    { "foo", 12182 },
    { "", 0 },
    { "{user1000}.following", 3443 },
    { "user1000", 3443 },
    { "foo{}{bar}", 8363 },
    { "foo{{bar}}zap", 4015 },
    { "{bar", 4015 },
    { "foo{bar}{zap}", 5061 },
    { "bar", 5061 },
    { "{}", 15257 },
    { "{", 4092 },
    { "}", 12090 },
    { "a}{b}c", 3300 },
    { "b", 3300 },
    { "{a", 10276 },
    { "{a}", 15495 },
    { "a", 15495 },
    { "abcd", 10294 },
    { "abcdefgh", 11263 },
    { "hello", 866 },
    { "hello world, this is a longer key", 8320 },
    { "k:1234567", 11752 },
};

static void slots_are_those_of_redis_cluster(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(slot_cases) / sizeof(slot_cases[0]); i++) {
        assert_int_equal(hash_slot(slice_from_string(slot_cases[i].key)),
                         slot_cases[i].slot);
    }
    assert_int_equal(hash_slot(slice_make("\xff\0x", 3)), 12540);
    assert_int_equal(hash_slot(slice_make(NULL, 0)), 0);
}

static unsigned plain_crc16(const uint8_t *bytes, size_t len)
{
    unsigned crc = 0;

    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned)bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
        crc &= 0xffff;
    }
    return crc;
}

static void slots_of_every_length(void **state)
{
    struct rand rand;
    uint8_t     bytes[200];

    (void)state;
    rand_init(&rand, 4);
    for (int round = 0; round < 20; round++) {
        for (size_t len = 0; len <= sizeof(bytes); len++) {
            for (size_t i = 0; i < len; i++) {
                bytes[i] = (uint8_t)rand_next(&rand);
                if (bytes[i] == '{')
                    bytes[i] = '.';
            }
            assert_int_equal(hash_slot(slice_make(bytes, len)),
                             plain_crc16(bytes, len) % 16384);
        }
    }
}

/* ---- checksums ----------------------------------------------------------- */

static void checksum_is_xxh3_of_both_parts(void **state)
{
    struct rand rand;
    char        bytes[2500];

    (void)state;
    rand_init(&rand, 5);
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)rand_next(&rand);
    for (size_t len = 0; len <= sizeof(bytes); len += 1 + len / 40) {
        uint32_t expected = (uint32_t)XXH3_64bits(bytes, len);
        for (size_t cut = 0; cut <= len; cut += 1 + len / 20) {
            assert_int_equal(hash_checksum(slice_make(bytes, cut),
                                           slice_make(bytes + cut, len - cut)),
                             expected);
        }
        assert_int_equal(hash_checksum(slice_make(bytes, len), SLICE_EMPTY),
                         expected);
    }
}

/* XXH3-64 of nothing is published as 2d06800538d394c2. */
static void checksum_stays_what_it_is(void **state)
{
    (void)state;
    assert_int_equal(hash_checksum(SLICE_EMPTY, slice_make(NULL, 0)),
                     0x38d394c2);
    assert_int_equal(
        hash_checksum(slice_make(NULL, 0), SLICE_LITERAL("user:1000")),
        0x068c0c9f);
}

static void checksum_sees_every_bit(void **state)
{
    char   bytes[700] = { 0 };
    size_t lens[] = { 1, 20, 300, sizeof(bytes) };

    (void)state;
    for (size_t n = 0; n < sizeof(lens) / sizeof(lens[0]); n++) {
        slice    all = slice_make(bytes, lens[n]);
        uint32_t sum = hash_checksum(all, SLICE_EMPTY);
        for (size_t bit = 0; bit < 8 * lens[n]; bit++) {
            bytes[bit / 8] ^= (char)(1 << bit % 8);
            assert_int_not_equal(hash_checksum(all, SLICE_EMPTY), sum);
            bytes[bit / 8] ^= (char)(1 << bit % 8);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_siphash_is_right),
        cmocka_unit_test(siphash13_of_every_length),
        cmocka_unit_test(siphash13_stays_what_it_is),
        cmocka_unit_test(slots_are_those_of_redis_cluster),
        cmocka_unit_test(slots_of_every_length),
        cmocka_unit_test(checksum_is_xxh3_of_both_parts),
        cmocka_unit_test(checksum_stays_what_it_is),
        cmocka_unit_test(checksum_sees_every_bit),
    };
    return cmocka_run_group_tests_name("base/hash", tests, NULL, NULL);
}
