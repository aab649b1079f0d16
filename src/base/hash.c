/* hash.c - three hashes for three purposes.
 *
 *   SipHash-1-3  spreads user keys over tables and over the disk's order. It
 *                is keyed, because clients choose the keys.
 *   CRC16        only because Redis Cluster says so: which slot a key is in.
 *   XXH3         finds records that the disk has changed. Fast, not keyed, not
 *                meant against people.
 *
 * Results are on disk and on the wire: they never change, and do not depend on
 * the machine's byte order. */
#include "base/hash.h"

#include <endian.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- SipHash-1-3 --------------------------------------------------------- */

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline uint64_t load_le64(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return le64toh(word);
}

static inline uint64_t load_le32(const char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof(word));
    return le32toh(word);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

/* The last 0 to 7 bytes as a little-endian number, without a loop: loads that
 * overlap are or-ed, the bytes that both hold are the same. */
static inline uint64_t load_tail(const char *p, size_t len)
{
    if (len >= 4)
        return load_le32(p) | load_le32(p + len - 4) << (8 * (len - 4));
    if (len == 0)
        return 0;
    size_t   middle = len / 2;
    uint64_t first = (uint8_t)p[0];
    return first | (uint64_t)(uint8_t)p[middle] << (8 * middle) |
           (uint64_t)(uint8_t)p[len - 1] << (8 * (len - 1));
}

uint64_t hash_siphash13(struct hash_key key, slice bytes)
{
    /* The constants spell "somepseudorandomlygeneratedbytes". */
    struct sip s = {
        .v0 = key.k0 ^ 0x736f6d6570736575,
        .v1 = key.k1 ^ 0x646f72616e646f6d,
        .v2 = key.k0 ^ 0x6c7967656e657261,
        .v3 = key.k1 ^ 0x7465646279746573,
    };
    size_t words = bytes.len / 8;
    size_t rest = bytes.len % 8;

    for (size_t i = 0; i < words; i++)
        sip_word(&s, load_le64(bytes.data + 8 * i));
    uint64_t tail = rest ? load_tail(bytes.data + 8 * words, rest) : 0;
    sip_word(&s, tail | (uint64_t)bytes.len << 56);

    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/* ---- the slot ------------------------------------------------------------ */

/* CRC16 is linear: the table's value for a byte is the sum (xor) of those for
 * its bits, so eight constants make a table at compile time. Bit b of a byte
 * that has n bytes after it stands for x^(16 + b + 8n) mod x^16+x^12+x^5+1.
 * Four tables take four bytes in one step; one byte at a time each step would
 * wait for the one before, and a slot is computed for every key we meet. */
/* clang-format off */
#define CRC0(i)                                                                \
    (CRC_BITS(i, 0x1021, 0x2042, 0x4084, 0x8108,                               \
              0x1231, 0x2462, 0x48c4, 0x9188))
#define CRC1(i)                                                                \
    (CRC_BITS(i, 0x3331, 0x6662, 0xccc4, 0x89a9,                               \
              0x0373, 0x06e6, 0x0dcc, 0x1b98))
#define CRC2(i)                                                                \
    (CRC_BITS(i, 0x3730, 0x6e60, 0xdcc0, 0xa9a1,                               \
              0x4363, 0x86c6, 0x1dad, 0x3b5a))
#define CRC3(i)                                                                \
    (CRC_BITS(i, 0x76b4, 0xed68, 0xcaf1, 0x85c3,                               \
              0x1ba7, 0x374e, 0x6e9c, 0xdd38))

#define CRC_BIT(i, bit, value) ((i) >> (bit) & 1 ? (value) : 0)
#define CRC_BITS(i, a, b, c, d, e, f, g, h)                                    \
    CRC_BIT(i, 0, a) ^ CRC_BIT(i, 1, b) ^ CRC_BIT(i, 2, c) ^                   \
    CRC_BIT(i, 3, d) ^ CRC_BIT(i, 4, e) ^ CRC_BIT(i, 5, f) ^                   \
    CRC_BIT(i, 6, g) ^ CRC_BIT(i, 7, h)

#define CRC_4(crc, i)                                                          \
    crc((i)), crc((i) + 1), crc((i) + 2), crc((i) + 3)
#define CRC_16(crc, i)                                                         \
    CRC_4(crc, (i)), CRC_4(crc, (i) + 4), CRC_4(crc, (i) + 8),                 \
    CRC_4(crc, (i) + 12)
#define CRC_64(crc, i)                                                         \
    CRC_16(crc, (i)), CRC_16(crc, (i) + 16), CRC_16(crc, (i) + 32),            \
    CRC_16(crc, (i) + 48)
#define CRC_256(crc)                                                           \
    CRC_64(crc, 0), CRC_64(crc, 64), CRC_64(crc, 128), CRC_64(crc, 192)
/* clang-format on */

/* crc_tables[n]: the byte has n bytes after it. */
static const uint16_t crc_tables[4][256] = {
    { CRC_256(CRC0) },
    { CRC_256(CRC1) },
    { CRC_256(CRC2) },
    { CRC_256(CRC3) },
};

static uint16_t crc16(const char *data, size_t len)
{
    const uint8_t *p = (const uint8_t *)data;
    unsigned       crc = 0;

    for (; len >= 4; p += 4, len -= 4) {
        crc = crc_tables[3][(crc >> 8) ^ p[0]] ^
              crc_tables[2][(crc & 0xff) ^ p[1]] ^ crc_tables[1][p[2]] ^
              crc_tables[0][p[3]];
    }
    for (; len > 0; p++, len--)
        crc = (crc << 8 & 0xff00) ^ crc_tables[0][(crc >> 8) ^ p[0]];
    return (uint16_t)crc;
}

/* The part of the key that decides: see hash.h. */
static slice hash_tag(slice key)
{
    const char *open = key.len ? memchr(key.data, '{', key.len) : NULL;
    if (open == NULL)
        return key;
    const char *tag = open + 1;
    size_t      left = key.len - (size_t)(tag - key.data);
    const char *close = left ? memchr(tag, '}', left) : NULL;
    if (close == NULL || close == tag)
        return key;
    return slice_make(tag, (size_t)(close - tag));
}

uint16_t hash_slot(slice key)
{
    slice tag = hash_tag(key);
    return crc16(tag.data, tag.len) % SLOT_COUNT;
}

/* ---- the checksum -------------------------------------------------------- */

/* Most records are small: copied together they are hashed in one go, without
 * the half KB of state that a hash in parts has to set up first. */
#define TOGETHER_MAX 512

uint32_t hash_checksum(slice a, slice b)
{
    if (a.len <= TOGETHER_MAX && b.len <= TOGETHER_MAX - a.len) {
        char together[TOGETHER_MAX];
        if (a.len > 0)
            memcpy(together, a.data, a.len);
        if (b.len > 0)
            memcpy(together + a.len, b.data, b.len);
        return (uint32_t)XXH3_64bits(together, a.len + b.len);
    }

    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    (void)XXH3_64bits_reset(&state);
    if (a.len > 0)
        (void)XXH3_64bits_update(&state, a.data, a.len);
    if (b.len > 0)
        (void)XXH3_64bits_update(&state, b.data, b.len);
    return (uint32_t)XXH3_64bits_digest(&state);
}
