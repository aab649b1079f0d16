/* layout.h - where things stand in a page; for page*.c only.
 *
 *     header   12 bytes
 *              0   u8    16 x layout version (1) + kind
 *              1   u8    flags: 1 uniform, 2 wide, 4 small, 16 and 32 tag
 *              2   le16  count of elements
 *              4   le32  bytes of data
 *              8   le16  if uniform: key's shape, 2 x length + is a number
 *              10  le16  if uniform: value's shape
 *     data     the elements, one behind the other without a gap
 *     slots    unless uniform: for each element 2 x end of its bytes, as an
 *              offset into data, + 1 if its last part is a number;
 *              le16, or le32 if wide: exactly when data is 32 KB or more
 *
 * An element starts where the one before ends, so a slot is its length, too:
 * lists and sets spend two bytes on an element and no more. When all have the
 * same lengths (members of one width, ids, chunks) the page is uniform and
 * there are no slots at all. The price is that an insertion moves what stands
 * behind, half a page on average; but there are no holes to be collected,
 * neighbours share cache lines, and a page is always as short as can be, so
 * that it is written without being cleaned up first.
 *
 * An element:
 *     PAGE_LIST    value
 *     PAGE_SET     key
 *     PAGE_HASH    varint 2 x key's length + key is a number (not if uniform),
 *                  key, value
 *     PAGE_SCORES  key, 8 bytes (the "last part" of the slot is the key)
 *     PAGE_RANKS   le64 order, key
 * A number is its two's complement in as few bytes as hold it, lowest first. */
#ifndef TREE_LAYOUT_H
#define TREE_LAYOUT_H

#include <endian.h>
#include <string.h>

#include "base/assert.h"
#include "tree/page.h"

#define LAYOUT_VERSION      0x10
#define FLAG_UNIFORM        1
#define FLAG_WIDE           2
#define FLAG_SMALL          4
#define FLAG_TAG_SHIFT      4
#define FLAG_TAG            0x30
#define NARROW_DATA_MAX     0x7fff /* what a slot of 16 bits can point to */
#define UNIFORM_ELEMENT_MAX 0x3fff

static inline uint16_t get_le16(const uint8_t *p)
{
    uint16_t value;
    memcpy(&value, p, sizeof(value));
    return le16toh(value);
}

static inline uint32_t get_le32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof(value));
    return le32toh(value);
}

static inline uint64_t get_le64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof(value));
    return le64toh(value);
}

static inline void put_le16(uint8_t *p, uint16_t value)
{
    value = htole16(value);
    memcpy(p, &value, sizeof(value));
}

static inline void put_le32(uint8_t *p, uint32_t value)
{
    value = htole32(value);
    memcpy(p, &value, sizeof(value));
}

static inline void put_le64(uint8_t *p, uint64_t value)
{
    value = htole64(value);
    memcpy(p, &value, sizeof(value));
}

/* A page's header, read; pointers into its bytes. */
struct view {
    const uint8_t *data;
    const uint8_t *slots; /* if not uniform */
    uint32_t       count;
    uint32_t       data_len;
    uint32_t       stride; /* if uniform: bytes of an element */
    uint16_t       key_shape, value_shape;
    uint8_t        kind;
    bool           is_uniform, is_wide;
};

static inline unsigned order_bytes(unsigned kind)
{
    return kind == PAGE_RANKS ? 8 : 0;
}

static inline struct view view_of(const uint8_t *bytes)
{
    struct view v = {
        .data = bytes + PAGE_HEADER_BYTES,
        .count = get_le16(bytes + 2),
        .data_len = get_le32(bytes + 4),
        .key_shape = get_le16(bytes + 8),
        .value_shape = get_le16(bytes + 10),
        .kind = bytes[0] & 15,
        .is_uniform = bytes[1] & FLAG_UNIFORM,
        .is_wide = bytes[1] & FLAG_WIDE,
    };
    v.slots = v.data + v.data_len;
    v.stride = order_bytes(v.kind) + (v.key_shape >> 1) + (v.value_shape >> 1);
    return v;
}

static inline size_t slot_bytes(const struct view *v)
{
    return v->is_uniform ? 0 : v->is_wide ? 4 : 2;
}

static inline uint32_t slot_get(const struct view *v, unsigned at)
{
    return v->is_wide ? get_le32(v->slots + (size_t)4 * at)
                      : get_le16(v->slots + (size_t)2 * at);
}

/* Where the element's bytes begin in data; count is fine. */
static inline size_t element_start(const struct view *v, unsigned at)
{
    if (v->is_uniform)
        return (size_t)v->stride * at;
    return at == 0 ? 0 : slot_get(v, at - 1) >> 1;
}

/* Bytes of a number, 1 to 8. */
static inline unsigned number_bytes(int64_t number)
{
    uint64_t magnitude = (uint64_t)(number ^ (number >> 63));
    unsigned bits = magnitude ? 64 - (unsigned)__builtin_clzll(magnitude) : 0;
    return bits / 8 + 1;
}

/* Returns how many bytes it took. */
static inline unsigned number_put(uint8_t *p, int64_t number)
{
    uint64_t left = (uint64_t)number;
    unsigned len = number_bytes(number);
    for (unsigned i = 0; i < len; i++, left >>= 8)
        p[i] = (uint8_t)left;
    return len;
}

static inline size_t value_bytes(const struct page_value *value)
{
    return value->is_int ? number_bytes(value->number) : value->len;
}

/* Bytes of a varint of at most 32 bits. */
static inline unsigned varint_bytes(uint32_t value)
{
    return value < 1u << 7    ? 1
           : value < 1u << 14 ? 2
           : value < 1u << 21 ? 3
           : value < 1u << 28 ? 4
                              : 5;
}

#endif
