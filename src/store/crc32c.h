/* crc32c.h - the checksum of LevelDB's logs and tables (Castagnoli's
 * polynomial), and the mask that LevelDB puts on it. Only for checking what
 * LevelDB wrote: our own records carry base/hash.h's.
 *
 * Pure functions over a table that the caller holds (no globals): 8 KB, made
 * in some microseconds. */
#ifndef STORE_CRC32C_H
#define STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

struct crc32c {
    uint32_t table[8][256];
};

void     crc32c_init(struct crc32c *crc);
uint32_t crc32c_of(const struct crc32c *crc, const void *data, size_t len);
/* The checksum of bytes whose beginning has the checksum `before` (0: of
 * nothing), and which go on with data. */
uint32_t crc32c_extend(const struct crc32c *crc, uint32_t before,
                       const void *data, size_t len);

/* What stands in the file: a CRC over bytes that contain CRCs would be weak, so
 * LevelDB rotates it and adds a constant (its doc/log_format.md). */
static inline uint32_t crc32c_mask(uint32_t value)
{
    return ((value >> 15) | (value << 17)) + 0xa282ead8u;
}

#endif
