/* rdb_ziplist.c - bytes in all, where the last element begins, count; then of
 * each element: the length of the one before, what it is, its bytes; an end
 * byte.
 *
 * The length before takes one byte, or 254 and four; a long form may stand for
 * a short length, as Redis let it be when an element had shrunk. Lengths of
 * strings are big-endian, all else is little-endian. */
#include "codec/rdb_packed.h"

#include "codec/rdb.h"

#define HEADER        10
#define COUNT_UNKNOWN UINT16_MAX
#define LONG_PREVIOUS 254

/* The first byte of what an element is: strings by its two upper bits. */
enum {
    STRING_6BIT = 0x00,
    STRING_14BIT = 0x40,
    STRING_32BIT = 0x80,
    INT_16 = 0xc0,
    INT_32 = 0xd0,
    INT_64 = 0xe0,
    INT_24 = 0xf0,
    INT_8 = 0xfe,
    INT_SMALL_MIN = 0xf1, /* 0 to 12, in the byte itself */
    INT_SMALL_MAX = 0xfd
};

err_t ziplist_begin(struct packed_walk *walk)
{
    const char *bytes = walk->bytes.data;
    if (walk->bytes.len < HEADER + 1 ||
        rdb_get32(bytes) != walk->bytes.len)
        return ERR_INVALID;
    walk->count = rdb_get16(bytes + 8);
    walk->is_known = walk->count != COUNT_UNKNOWN;
    walk->at = HEADER;
    walk->previous = HEADER;
    uint32_t tail = rdb_get32(bytes + 4);
    return tail >= HEADER && tail < walk->bytes.len ? ERR_OK : ERR_INVALID;
}

/* What is left before the end byte. */
static slice rest_of(const struct packed_walk *walk)
{
    return slice_make(walk->bytes.data + walk->at,
                      walk->bytes.len - 1 - walk->at);
}

static bool drop(slice *rest, size_t len)
{
    if (len > rest->len)
        return false;
    *rest = slice_make(rest->data + len, rest->len - len);
    return true;
}

static bool read_previous(slice *rest, size_t *out)
{
    const char *at = rest->data;
    if (!drop(rest, 1))
        return false;
    *out = (uint8_t)at[0];
    if (*out < LONG_PREVIOUS)
        return true;
    if (*out > LONG_PREVIOUS || !drop(rest, 4))
        return false;
    *out = rdb_get32(at + 1);
    return true;
}

static bool read_string(slice *rest, size_t len, struct packed_value *out)
{
    *out = (struct packed_value){ .text = slice_make(rest->data, len) };
    return drop(rest, len);
}

static bool read_int(slice *rest, unsigned bytes, struct packed_value *out)
{
    const char *at = rest->data;
    if (!drop(rest, bytes))
        return false;
    *out = (struct packed_value){ .is_int = true,
                                  .number = rdb_get_int(at, bytes) };
    return true;
}

static bool read_integer(slice *rest, uint8_t what, struct packed_value *out)
{
    switch (what) {
    case INT_8:
        return read_int(rest, 1, out);
    case INT_16:
        return read_int(rest, 2, out);
    case INT_24:
        return read_int(rest, 3, out);
    case INT_32:
        return read_int(rest, 4, out);
    case INT_64:
        return read_int(rest, 8, out);
    default:
        *out = (struct packed_value){ .is_int = true,
                                      .number = what - INT_SMALL_MIN };
        return what >= INT_SMALL_MIN && what <= INT_SMALL_MAX;
    }
}

static bool read_value(slice *rest, struct packed_value *out)
{
    const uint8_t *at = (const uint8_t *)rest->data;
    if (!drop(rest, 1))
        return false;
    switch (at[0] & 0xc0) {
    case STRING_6BIT:
        return read_string(rest, at[0] & 0x3f, out);
    case STRING_14BIT:
        if (!drop(rest, 1))
            return false;
        return read_string(rest, (size_t)(at[0] & 0x3f) << 8 | at[1], out);
    case STRING_32BIT:
        if (at[0] != STRING_32BIT || !drop(rest, 4))
            return false;
        return read_string(rest, num_get_be32(at + 1), out);
    default:
        return read_integer(rest, at[0], out);
    }
}

/* Is this element the last one exactly if the header says so? */
static bool tail_is_right(const struct packed_walk *walk, size_t begin,
                          size_t left)
{
    bool is_tail = rdb_get32(walk->bytes.data + 4) == begin;
    return is_tail == (left == 0);
}

err_t ziplist_next(struct packed_walk *walk, struct packed_value *out)
{
    slice  rest = rest_of(walk);
    size_t begin = walk->at, previous;
    if (!read_previous(&rest, &previous) ||
        previous != begin - walk->previous || !read_value(&rest, out) ||
        !tail_is_right(walk, begin, rest.len))
        return ERR_INVALID;
    walk->previous = begin;
    walk->at = walk->bytes.len - 1 - rest.len;
    return ERR_OK;
}
