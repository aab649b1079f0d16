/* crc32c.c - CRC-32C by tables, eight bytes at a time ("slicing by 8",
 * Kounavis and Berry 2005). About 1 GB/s, which reads the few MB of a log that
 * is checked when a store is opened in some milliseconds; no special
 * instructions, so nothing to detect and no dependency. */
#include "store/crc32c.h"

#define POLYNOMIAL_REFLECTED 0x82f63b78u

void crc32c_init(struct crc32c *crc)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? POLYNOMIAL_REFLECTED : 0);
        crc->table[0][byte] = value;
    }
    for (size_t slice = 1; slice < 8; slice++)
        for (size_t byte = 0; byte < 256; byte++) {
            uint32_t before = crc->table[slice - 1][byte];
            crc->table[slice][byte] =
                before >> 8 ^ crc->table[0][before & 0xff];
        }
}

static uint32_t get_le32(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 |
           (uint32_t)in[3] << 24;
}

uint32_t crc32c_extend(const struct crc32c *crc, uint32_t before,
                       const void *data, size_t len)
{
    const uint8_t *in = data;
    uint32_t       value = before ^ 0xffffffffu;

    for (; len >= 8; in += 8, len -= 8) {
        uint32_t low = get_le32(in) ^ value;
        uint32_t high = get_le32(in + 4);
        value = crc->table[7][low & 0xff] ^ crc->table[6][low >> 8 & 0xff] ^
                crc->table[5][low >> 16 & 0xff] ^ crc->table[4][low >> 24] ^
                crc->table[3][high & 0xff] ^ crc->table[2][high >> 8 & 0xff] ^
                crc->table[1][high >> 16 & 0xff] ^ crc->table[0][high >> 24];
    }
    for (; len > 0; in++, len--)
        value = value >> 8 ^ crc->table[0][(value ^ *in) & 0xff];
    return value ^ 0xffffffffu;
}

uint32_t crc32c_of(const struct crc32c *crc, const void *data, size_t len)
{
    return crc32c_extend(crc, 0, data, len);
}
