/* num.h - numbers as Redis reads and writes them. Pure, any thread. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Room for the longest text of each kind. */
#define NUM_INT64_CHARS       21
#define NUM_DOUBLE_CHARS      32
#define NUM_LONG_DOUBLE_CHARS 5120
#define NUM_VARINT_MAX        10

/* Strict: optional '-', no '+', no spaces, no leading zeros ("0" alone is
 * fine), nothing after. False when it is not such a number or overflows. This
 * is what Redis accepts as an integer (string2ll). */
bool num_parse_int64(slice text, int64_t *out);
bool num_parse_uint64(slice text, uint64_t *out);

/* What INCRBYFLOAT accepts: strtold over the whole text, no leading space, no
 * NaN, shorter than NUM_LONG_DOUBLE_CHARS; false otherwise. */
bool num_parse_long_double(slice text, long double *out);

/* What ZADD accepts as a score: strtod over the whole text, so "inf", "-INF",
 * "infinity" and "0x1p3" too; no leading space, no nan, nothing that overflows
 * or becomes zero. False otherwise. */
bool num_parse_double(slice text, double *out);
/* What ZRANGEBYSCORE accepts as a bound: a text that a NUL may end early, and
 * that strtod takes up to there. So leading spaces are fine, what overflows is
 * infinite, and nothing at all is 0. No nan. */
bool num_parse_double_loose(slice text, double *out);
/* What SORT accepts as a weight: as the loose one, but nothing that overflows
 * or is too small for a double's precision. */
bool num_parse_double_weight(slice text, double *out);

/* Writes the decimal text without NUL, returns its length. */
size_t num_format_int64(int64_t value, char out[NUM_INT64_CHARS]);

/* The "human" format of INCRBYFLOAT: %.17Lf with trailing zeros (and dot)
 * removed, "-0" as "0", no NUL; returns the length, 0 if out is too small. */
size_t num_format_long_double(long double value, char *out, size_t out_size);

/* Shortest text that reads back as the same double, laid out as Redis 7.2
 * prints doubles ("0.1", "1e+25", "1e-7"; inf, -inf, nan), no NUL. Whole
 * numbers up to 2^62 print as integers. out_size must be at least
 * NUM_DOUBLE_CHARS. Returns the length. */
size_t num_format_double(double value, char *out, size_t out_size);

/* "64mb", "1kb", "1g", "100": Redis's memory units (k=1000, kb=1024, ...).
 * "500ms", "2s", "3m", "1h", bare number = ms. Either case. False when
 * malformed or above UINT64_MAX. */
bool num_parse_bytes(slice text, uint64_t *out_bytes);
bool num_parse_duration_ms(slice text, uint64_t *out_ms);

/* Unsigned LEB128. put returns bytes written (at most 10); get returns bytes
 * read, 0 when the input ends early or isn't what put would have written. */
size_t num_put_varint(uint8_t *out, uint64_t value);
size_t num_get_varint(slice in, uint64_t *out);

static inline void num_put_be64(uint8_t *out, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}
static inline uint64_t num_get_be64(const void *in)
{
    const uint8_t *p = in;
    uint64_t       v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}
static inline void num_put_be32(uint8_t *out, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (24 - 8 * i));
}
static inline uint32_t num_get_be32(const void *in)
{
    const uint8_t *p = in;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

#endif
