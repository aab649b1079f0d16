/* rdb_encode.c - an encoder for tests. */
#include "codec/rdb_encode.h"

#include <liblzf/lzf.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/crc64.h"

void enc_bytes(struct buf *out, const void *bytes, size_t len)
{
    err_t err = buf_append(out, bytes, len);
    ASSERT(err == ERR_OK);
}

void enc_byte(struct buf *out, unsigned byte)
{
    uint8_t one = (uint8_t)byte;
    enc_bytes(out, &one, 1);
}

void enc_int(struct buf *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        enc_byte(out, (unsigned)(value >> (8 * i)) & 255);
}

static void put_big_endian(struct buf *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = bytes; i > 0; i--)
        enc_byte(out, (unsigned)(value >> (8 * (i - 1))) & 255);
}

/* ---- lengths and strings ------------------------------------------------- */

void enc_len_as(struct buf *out, uint64_t len, unsigned bytes)
{
    if (bytes == 1) {
        enc_byte(out, (unsigned)len);
    } else if (bytes == 2) {
        put_big_endian(out, len | 0x4000, 2);
    } else {
        enc_byte(out, bytes == 5 ? 0x80 : 0x81);
        put_big_endian(out, len, bytes - 1);
    }
}

void enc_len(struct buf *out, uint64_t len)
{
    enc_len_as(out, len,
               len < 64           ? 1
               : len < 16384      ? 2
               : len < 1ull << 32 ? 5
                                  : 9);
}

void enc_string(struct buf *out, slice text)
{
    enc_len(out, text.len);
    enc_bytes(out, text.data, text.len);
}

void enc_text(struct buf *out, const char *text)
{
    enc_string(out, slice_from_string(text));
}

void enc_number(struct buf *out, int64_t number, unsigned bytes)
{
    enc_byte(out, 0xc0u | (bytes == 1 ? 0 : bytes == 2 ? 1 : 2));
    enc_int(out, (uint64_t)number, bytes);
}

void enc_lzf(struct buf *out, slice text, uint64_t claimed)
{
    size_t   room = text.len * 2 + 16;
    char    *packed = mem_alloc(room);
    unsigned len = lzf_compress(text.data, (unsigned)text.len, packed,
                                (unsigned)room);
    ASSERT(len > 0);
    enc_byte(out, 0xc3);
    enc_len(out, len);
    enc_len(out, claimed);
    enc_bytes(out, packed, len);
    mem_free(packed);
}

void enc_double(struct buf *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    enc_int(out, bits, 8);
}

/* ---- words --------------------------------------------------------------- */

/* Takes the next one; false: there is none. "~" is the empty one. */
static bool next_word(const char **words, slice *word)
{
    if (**words == '\0')
        return false;
    size_t len = strcspn(*words, " ");
    *word = slice_make(*words, len);
    *words += len + ((*words)[len] == ' ');
    if (slice_equal(*word, SLICE_LITERAL("~")))
        *word = SLICE_EMPTY;
    return true;
}

static void set_int(struct buf *out, size_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out->data[at + i] = (char)(value >> (8 * i));
}

/* ---- ziplist ------------------------------------------------------------- */

static void ziplist_number(struct buf *out, int64_t number)
{
    if (number >= 0 && number <= 12) {
        enc_byte(out, 0xf1 + (unsigned)number);
    } else if (number == (int8_t)number) {
        enc_byte(out, 0xfe);
        enc_int(out, (uint64_t)number, 1);
    } else if (number == (int16_t)number) {
        enc_byte(out, 0xc0);
        enc_int(out, (uint64_t)number, 2);
    } else if (number >= -(1 << 23) && number < 1 << 23) {
        enc_byte(out, 0xf0);
        enc_int(out, (uint64_t)number, 3);
    } else if (number == (int32_t)number) {
        enc_byte(out, 0xd0);
        enc_int(out, (uint64_t)number, 4);
    } else {
        enc_byte(out, 0xe0);
        enc_int(out, (uint64_t)number, 8);
    }
}

static void ziplist_text(struct buf *out, slice text)
{
    if (text.len < 64) {
        enc_byte(out, (unsigned)text.len);
    } else if (text.len < 16384) {
        put_big_endian(out, text.len | 0x4000, 2);
    } else {
        enc_byte(out, 0x80);
        put_big_endian(out, text.len, 4);
    }
    enc_bytes(out, text.data, text.len);
}

void enc_ziplist(struct buf *out, const char *words)
{
    size_t   begin = out->len, previous = 0, tail = 10;
    unsigned count = 0;
    slice    word;
    int64_t  number;
    enc_int(out, 0, 8);
    enc_int(out, 0, 2);
    for (; next_word(&words, &word); count++) {
        tail = out->len - begin;
        if (previous < 254) {
            enc_byte(out, (unsigned)previous);
        } else {
            enc_byte(out, 254);
            enc_int(out, previous, 4);
        }
        if (num_parse_int64(word, &number))
            ziplist_number(out, number);
        else
            ziplist_text(out, word);
        previous = out->len - begin - tail;
    }
    enc_byte(out, 255);
    set_int(out, begin, out->len - begin, 4);
    set_int(out, begin + 4, tail, 4);
    set_int(out, begin + 8, count < 65535 ? count : 65535, 2);
}

/* ---- zipmap -------------------------------------------------------------- */

static void zipmap_len(struct buf *out, size_t len)
{
    if (len < 254) {
        enc_byte(out, (unsigned)len);
    } else {
        enc_byte(out, 254);
        enc_int(out, len, 4);
    }
}

/* With a gap of two bytes behind each second value. */
void enc_zipmap(struct buf *out, const char *words)
{
    size_t   begin = out->len;
    unsigned count = 0;
    slice    word;
    enc_byte(out, 0);
    for (; next_word(&words, &word); count++) {
        unsigned gap = count % 4 == 3 ? 2 : 0;
        zipmap_len(out, word.len);
        if (count % 2 == 1)
            enc_byte(out, gap);
        enc_bytes(out, word.data, word.len);
        enc_bytes(out, "\xff\x07", gap);
    }
    enc_byte(out, 255);
    set_int(out, begin, count / 2 < 254 ? count / 2 : 254, 1);
}

/* ---- listpack ------------------------------------------------------------ */

static void listpack_number(struct buf *out, int64_t number)
{
    if (number >= 0 && number <= 127) {
        enc_byte(out, (unsigned)number);
    } else if (number >= -4096 && number <= 4095) {
        put_big_endian(out, 0xc000 | ((uint64_t)number & 0x1fff), 2);
    } else if (number == (int16_t)number) {
        enc_byte(out, 0xf1);
        enc_int(out, (uint64_t)number, 2);
    } else if (number >= -(1 << 23) && number < 1 << 23) {
        enc_byte(out, 0xf2);
        enc_int(out, (uint64_t)number, 3);
    } else if (number == (int32_t)number) {
        enc_byte(out, 0xf3);
        enc_int(out, (uint64_t)number, 4);
    } else {
        enc_byte(out, 0xf4);
        enc_int(out, (uint64_t)number, 8);
    }
}

static void listpack_text(struct buf *out, slice text)
{
    if (text.len < 64) {
        enc_byte(out, 0x80 | (unsigned)text.len);
    } else if (text.len < 4096) {
        put_big_endian(out, 0xe000 | text.len, 2);
    } else {
        enc_byte(out, 0xf0);
        enc_int(out, text.len, 4);
    }
    enc_bytes(out, text.data, text.len);
}

static void listpack_back(struct buf *out, size_t len)
{
    if (len <= 127) {
        enc_byte(out, (unsigned)len);
    } else if (len < 16383) {
        enc_byte(out, (unsigned)(len >> 7));
        enc_byte(out, (unsigned)(len & 127) | 128);
    } else {
        enc_byte(out, (unsigned)(len >> 14));
        enc_byte(out, (unsigned)(len >> 7 & 127) | 128);
        enc_byte(out, (unsigned)(len & 127) | 128);
    }
}

void enc_listpack(struct buf *out, const char *words)
{
    size_t   begin = out->len;
    unsigned count = 0;
    slice    word;
    int64_t  number;
    enc_int(out, 0, 6);
    for (; next_word(&words, &word); count++) {
        size_t at = out->len;
        if (num_parse_int64(word, &number))
            listpack_number(out, number);
        else
            listpack_text(out, word);
        listpack_back(out, out->len - at);
    }
    enc_byte(out, 255);
    set_int(out, begin, out->len - begin, 4);
    set_int(out, begin + 4, count < 65535 ? count : 65535, 2);
}

/* ---- intset -------------------------------------------------------------- */

void enc_intset(struct buf *out, unsigned width, const char *words)
{
    size_t   begin = out->len;
    unsigned count = 0;
    slice    word;
    int64_t  number;
    enc_int(out, width, 4);
    enc_int(out, 0, 4);
    for (; next_word(&words, &word); count++) {
        bool is_number = num_parse_int64(word, &number);
        ASSERT(is_number);
        enc_int(out, (uint64_t)number, width);
    }
    set_int(out, begin + 4, count, 4);
}

/* ---- all ----------------------------------------------------------------- */

void enc_packed(struct buf *out, void (*form)(struct buf *out, const char *),
                const char *words)
{
    struct buf packed;
    buf_init(&packed, SIZE_MAX);
    form(&packed, words);
    enc_string(out, buf_slice(&packed));
    buf_deinit(&packed);
}

void enc_footer(struct buf *out, unsigned version)
{
    enc_int(out, version, 2);
    enc_int(out, crc64_extend(0, buf_slice(out)), 8);
}

/* ---- samples ------------------------------------------------------------- */

static void intset_of_two(struct buf *out, const char *words)
{
    enc_intset(out, 2, words);
}

static void intset_of_eight(struct buf *out, const char *words)
{
    enc_intset(out, 8, words);
}

#define WORDS "a 1 ~ 300 -5 70000 123456789 -9000000000 12 b longer-than-that"
#define SCORES "a 1 b 2.5 ~ -inf 17 1e300"

/* Packed ones. */
static const struct {
    uint8_t     type;
    void      (*form)(struct buf *out, const char *words);
    const char *words;
} packed_samples[] = {
    { RDB_HASH_ZIPMAP, enc_zipmap, "f v g w h x i y" },
    { RDB_LIST_ZIPLIST, enc_ziplist, WORDS },
    { RDB_SET_INTSET, intset_of_two, "-5 0 17 300" },
    { RDB_SET_INTSET, intset_of_eight, "-9000000000 0 17 9000000000" },
    { RDB_ZSET_ZIPLIST, enc_ziplist, SCORES },
    { RDB_HASH_ZIPLIST, enc_ziplist, "a 1 ~ 300 -5 70000 b 7" },
    { RDB_HASH_LISTPACK, enc_listpack, "a 1 ~ 300 -5 70000 b 7" },
    { RDB_ZSET_LISTPACK, enc_listpack, SCORES },
    { RDB_SET_LISTPACK, enc_listpack, WORDS },
    { RDB_SET_LISTPACK, enc_listpack, "1 2 1" },
    { RDB_HASH_ZIPLIST, enc_ziplist, "a 1 a 2" },
    { RDB_HASH_LISTPACK, enc_listpack, "a 1 b" },
    { RDB_ZSET_LISTPACK, enc_listpack, "a nan" },
    { RDB_LIST_ZIPLIST, enc_ziplist, "" },
};
#define PACKED_SAMPLES (sizeof(packed_samples) / sizeof(packed_samples[0]))

static void sample_elements(struct buf *out, unsigned type, unsigned count)
{
    char text[32];
    enc_byte(out, type);
    enc_len(out, count);
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(text, sizeof(text), "element-%u", i);
        if (i % 3 == 0)
            enc_number(out, i, i < 100 ? 1 : 4);
        else
            enc_text(out, text);
        if (type == RDB_HASH)
            enc_lzf(out, SLICE_LITERAL("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), 32);
        if (type == RDB_ZSET)
            enc_text(out, i % 2 == 0 ? "1.5" : "-2");
        if (type == RDB_ZSET_2)
            enc_double(out, i / 4.0);
    }
}

static void sample_nodes(struct buf *out, unsigned type)
{
    enc_byte(out, type);
    enc_len(out, 3);
    for (unsigned i = 0; i < 3; i++) {
        if (type == RDB_LIST_QUICKLIST_2)
            enc_len(out, i == 1 ? RDB_NODE_PLAIN : RDB_NODE_PACKED);
        if (type == RDB_LIST_QUICKLIST)
            enc_packed(out, enc_ziplist, i == 1 ? "" : WORDS);
        else if (i == 1)
            enc_text(out, "plain");
        else
            enc_packed(out, enc_listpack, WORDS);
    }
}

static void sample_string(struct buf *out, size_t which)
{
    enc_byte(out, RDB_STRING);
    if (which == 0)
        enc_text(out, "");
    else if (which == 1)
        enc_number(out, -77777, 4);
    else if (which == 2)
        enc_lzf(out, SLICE_LITERAL("abcabcabcabcabcabcabcabcabcabc"), 30);
    else
        enc_len_as(out, UINT64_C(1) << 60, 9); /* and nothing behind it */
}

bool enc_sample(size_t index, struct buf *out)
{
    static const uint8_t counted[] = { RDB_LIST, RDB_SET, RDB_ZSET, RDB_HASH,
                                       RDB_ZSET_2 };
    buf_clear(out);
    if (index < PACKED_SAMPLES) {
        enc_byte(out, packed_samples[index].type);
        enc_packed(out, packed_samples[index].form,
                   packed_samples[index].words);
        return true;
    }
    index -= PACKED_SAMPLES;
    if (index < 10) {
        sample_elements(out, counted[index / 2], index % 2 == 0 ? 5 : 200);
        return true;
    }
    index -= 10;
    if (index < 2) {
        sample_nodes(out, index == 0 ? RDB_LIST_QUICKLIST
                                     : RDB_LIST_QUICKLIST_2);
        return true;
    }
    index -= 2;
    if (index >= 4)
        return false;
    sample_string(out, index);
    return true;
}
