/* load_value.h - the value of a key, told by the key's number and a seed.
 *
 * Every byte can be generated alone, from its offset. So a value of any size
 * is sent and checked piece by piece, as the socket takes and gives it, and
 * is nowhere held whole. The bytes look random: no compression, and any byte
 * occurs, CR and LF too. Pure, any thread. */
#ifndef TOOL_LOAD_VALUE_H
#define TOOL_LOAD_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define LOAD_SIZES_MAX 32

/* "100", "70,150,1000,1mb" (each as likely) or "10-1000" (each length). */
struct load_sizes {
    bool     is_range; /* bytes[0] to bytes[1], both included */
    unsigned count;
    uint64_t bytes[LOAD_SIZES_MAX];
};

/* False when malformed, or when a size is above max_bytes. */
bool load_sizes_parse(slice text, uint64_t max_bytes, struct load_sizes *out);

struct load_value {
    uint64_t len;
    uint64_t stream; /* which bytes */
};

struct load_value load_value_of(const struct load_sizes *sizes, uint64_t seed,
                                uint64_t key);
/* Writes the bytes offset .. offset+len-1 of the value. */
void load_value_fill(const struct load_value *value, uint64_t offset, char *out,
                     size_t len);
/* Are these the bytes offset .. offset+len-1 of the value? False also when
 * they reach beyond its end. */
bool load_value_match(const struct load_value *value, uint64_t offset,
                      slice bytes);

#endif
