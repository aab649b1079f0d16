/* rdb.h - numbers of Redis's serialization, as dumps (DUMP, RESTORE) and RDB
 * files have it.
 *
 *     rdb_read.h    lengths, strings, doubles, from a source of bytes
 *     rdb_packed.h  the packed forms of collections: intset, ziplist, zipmap,
 *                   listpack
 *     rdb_load.h    an object, handed to a visitor element by element
 *     rdb_build.h   a visitor that makes a value of ours
 *     rdb_write.h   lengths, strings, listpacks, to a sink
 *     rdb_save.h    a value of ours, written
 *     rdb_dump.h    the footer of a dump: version and checksum
 *
 * All numbers are little-endian but where it is said. */
#ifndef CODEC_RDB_H
#define CODEC_RDB_H

#include <stdint.h>

/* What we write, and the newest that we read. */
#define RDB_VERSION_WRITTEN 10
#define RDB_VERSION_READ    11

/* What stands before an object. Only the last two are from after version 10. */
enum rdb_type {
    RDB_STRING = 0,
    RDB_LIST = 1,
    RDB_SET = 2,
    RDB_ZSET = 3, /* scores as text */
    RDB_HASH = 4,
    RDB_ZSET_2 = 5, /* scores as doubles */
    RDB_HASH_ZIPMAP = 9,
    RDB_LIST_ZIPLIST = 10,
    RDB_SET_INTSET = 11,
    RDB_ZSET_ZIPLIST = 12,
    RDB_HASH_ZIPLIST = 13,
    RDB_LIST_QUICKLIST = 14, /* of ziplists */
    RDB_HASH_LISTPACK = 16,
    RDB_ZSET_LISTPACK = 17,
    RDB_LIST_QUICKLIST_2 = 18, /* of listpacks, and of single elements */
    RDB_SET_LISTPACK = 20
};

/* The nodes of RDB_LIST_QUICKLIST_2. */
enum rdb_node { RDB_NODE_PLAIN = 1, RDB_NODE_PACKED = 2 };

/* The first byte of a length: two bits say what follows. */
enum rdb_length {
    RDB_LEN_6BIT = 0x00,  /* the other six bits */
    RDB_LEN_14BIT = 0x40, /* and eight more, big-endian */
    RDB_LEN_32BIT = 0x80, /* four bytes, big-endian */
    RDB_LEN_64BIT = 0x81, /* eight bytes, big-endian */
    RDB_LEN_SPECIAL = 0xc0 /* no length: an enum rdb_special in six bits */
};

/* Strings that are not simply length and bytes. */
enum rdb_special { RDB_INT8 = 0, RDB_INT16 = 1, RDB_INT32 = 2, RDB_LZF = 3 };

/* The length byte of a score as text (RDB_ZSET). */
enum rdb_score {
    RDB_SCORE_NAN = 253,
    RDB_SCORE_INF = 254,
    RDB_SCORE_MINUS_INF = 255
};

/* Each form of a packed collection ends with it, but for intset. */
#define RDB_PACKED_END 0xff

static inline uint16_t rdb_get16(const void *in)
{
    const uint8_t *p = in;
    return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t rdb_get32(const void *in)
{
    const uint8_t *p = in;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}
static inline uint64_t rdb_get64(const void *in)
{
    return rdb_get32(in) | (uint64_t)rdb_get32((const uint8_t *)in + 4) << 32;
}
/* The lowest `bytes` bytes of value. */
static inline void rdb_put(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}
/* Of so many bytes, with a sign. */
static inline int64_t rdb_get_int(const void *in, unsigned bytes)
{
    const uint8_t *p = in;
    uint64_t       value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)p[i] << (8 * i);
    unsigned unused = 64 - 8 * bytes;
    return (int64_t)(value << unused) >> unused;
}

#endif
