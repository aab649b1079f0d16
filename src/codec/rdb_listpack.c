/* rdb_listpack.c - bytes in all, count; then of each element: what it is, its
 * bytes, and how long both are, written so that it can be read from behind; an
 * end byte. */
#include "codec/rdb_packed.h"

#include "codec/rdb.h"
#include "codec/rdb_write.h"

#define COUNT_UNKNOWN UINT16_MAX

/* The first byte of an element. */
enum {
    INT_7BIT = 0x00,    /* 0xxxxxxx, without a sign */
    STRING_6BIT = 0x80, /* 10xxxxxx */
    INT_13BIT = 0xc0,   /* 110xxxxx and a byte */
    STRING_12BIT = 0xe0, /* 1110xxxx and a byte */
    STRING_32BIT = 0xf0,
    INT_16 = 0xf1,
    INT_24 = 0xf2,
    INT_32 = 0xf3,
    INT_64 = 0xf4
};

err_t listpack_begin(struct packed_walk *walk)
{
    if (walk->bytes.len < LISTPACK_HEADER + 1 ||
        rdb_get32(walk->bytes.data) != walk->bytes.len)
        return ERR_INVALID;
    walk->count = rdb_get16(walk->bytes.data + 4);
    walk->is_known = walk->count != COUNT_UNKNOWN;
    walk->at = LISTPACK_HEADER;
    return ERR_OK;
}

/* An element in front of `rest`: how many bytes it takes, without those that
 * are read from behind; 0: it is none. */
static size_t string_bytes(slice rest, size_t head, size_t len,
                           struct packed_value *out)
{
    if (rest.len < head || rest.len - head < len)
        return 0;
    *out = (struct packed_value){ .text = slice_make(rest.data + head, len) };
    return head + len;
}

static size_t int_bytes(slice rest, unsigned bytes, struct packed_value *out)
{
    if (rest.len < 1 + (size_t)bytes)
        return 0;
    *out = (struct packed_value){ .is_int = true,
                                  .number = rdb_get_int(rest.data + 1,
                                                        bytes) };
    return 1 + (size_t)bytes;
}

static size_t int13_bytes(slice rest, struct packed_value *out)
{
    const uint8_t *at = (const uint8_t *)rest.data;
    if (rest.len < 2)
        return 0;
    int32_t number = (at[0] & 0x1f) << 8 | at[1];
    *out = (struct packed_value){
        .is_int = true, .number = number < 4096 ? number : number - 8192
    };
    return 2;
}

static size_t wide_bytes(slice rest, struct packed_value *out)
{
    const uint8_t *at = (const uint8_t *)rest.data;
    switch (at[0]) {
    case STRING_32BIT:
        return rest.len < 5 ? 0 : string_bytes(rest, 5, rdb_get32(at + 1), out);
    case INT_16:
        return int_bytes(rest, 2, out);
    case INT_24:
        return int_bytes(rest, 3, out);
    case INT_32:
        return int_bytes(rest, 4, out);
    case INT_64:
        return int_bytes(rest, 8, out);
    default:
        return 0;
    }
}

static size_t value_bytes(slice rest, struct packed_value *out)
{
    const uint8_t *at = (const uint8_t *)rest.data;
    if (rest.len == 0)
        return 0;
    if ((at[0] & 0x80) == INT_7BIT) {
        *out = (struct packed_value){ .is_int = true, .number = at[0] };
        return 1;
    }
    if ((at[0] & 0xc0) == STRING_6BIT)
        return string_bytes(rest, 1, at[0] & 0x3f, out);
    if ((at[0] & 0xe0) == INT_13BIT)
        return int13_bytes(rest, out);
    if ((at[0] & 0xf0) != STRING_12BIT)
        return wide_bytes(rest, out);
    if (rest.len < 2)
        return 0;
    return string_bytes(rest, 2, (size_t)(at[0] & 0x0f) << 8 | at[1], out);
}

err_t listpack_next(struct packed_walk *walk, struct packed_value *out)
{
    uint8_t back[LISTPACK_BACK_MAX];
    slice   rest = slice_make(walk->bytes.data + walk->at,
                              walk->bytes.len - 1 - walk->at);
    size_t  bytes = value_bytes(rest, out);
    if (bytes == 0)
        return ERR_INVALID;
    size_t len = listpack_put_back(back, bytes);
    if (rest.len - bytes < len || memcmp(rest.data + bytes, back, len) != 0)
        return ERR_INVALID;
    walk->at += bytes + len;
    return ERR_OK;
}
