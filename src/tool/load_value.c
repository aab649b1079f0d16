/* load_value.c - values by counter.
 *
 * A value is a run of 8-byte words, word i being a hash of (stream, i). That
 * costs about a nanosecond per word, less than the kernel takes to copy it, so
 * there is no cheaper mode without verification: whatever was filled, by any
 * run, can be verified later. A word is laid down in the machine's own byte
 * order; the two ends of a check are on the same kind of machine. */
#include "tool/load_value.h"

#include <string.h>

#include "base/assert.h"
#include "base/num.h"
#include "tool/load_pick.h"

#define WORD 8

static slice take_until(slice *rest, char separator)
{
    const char *end = memchr(rest->data, separator, rest->len);
    size_t      len = end ? (size_t)(end - rest->data) : rest->len;
    slice       part = slice_make(rest->data, len);

    if (end)
        len++;
    *rest = slice_make(rest->data + len, rest->len - len);
    return part;
}

bool load_sizes_parse(slice text, uint64_t max_bytes, struct load_sizes *out)
{
    bool  is_range = text.len && memchr(text.data, '-', text.len) != NULL;
    slice rest = text;

    memset(out, 0, sizeof(*out));
    if (text.len == 0 || text.data[text.len - 1] == ',')
        return false;
    while (rest.len > 0) {
        slice part = take_until(&rest, is_range ? '-' : ',');
        if (out->count == LOAD_SIZES_MAX)
            return false;
        if (!num_parse_bytes(part, &out->bytes[out->count]) ||
            out->bytes[out->count] > max_bytes)
            return false;
        out->count++;
    }
    out->is_range = is_range;
    return !is_range || (out->count == 2 && out->bytes[0] <= out->bytes[1]);
}

struct load_value load_value_of(const struct load_sizes *sizes, uint64_t seed,
                                uint64_t key)
{
    struct load_rng rng = { load_mix(seed) + key };
    uint64_t        stream = load_rng_next(&rng);
    uint64_t        len = sizes->bytes[0];

    ASSERT(sizes->count >= 1);
    rng.state = stream; /* or neighbours would share their draws */
    if (sizes->is_range)
        len += load_rng_below(&rng, sizes->bytes[1] - sizes->bytes[0] + 1);
    else if (sizes->count > 1)
        len = sizes->bytes[load_rng_below(&rng, sizes->count)];
    return (struct load_value){ len, stream };
}

static inline uint64_t word_at(uint64_t stream, uint64_t index)
{
    uint64_t x = stream + index * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 29;
}

/* The part of one word that a run starting inside it needs. */
static size_t part_of_word(uint64_t offset, size_t len)
{
    size_t left = WORD - (size_t)(offset % WORD);
    return left < len ? left : len;
}

void load_value_fill(const struct load_value *value, uint64_t offset, char *out,
                     size_t len)
{
    ASSERT(offset <= value->len);
    ASSERT(len <= value->len - offset);

    while (len > 0) {
        uint64_t index = offset / WORD;
        size_t   part = 0;

        if (offset % WORD == 0) {
            for (; len - part >= WORD; part += WORD) {
                uint64_t word = word_at(value->stream, index++);
                memcpy(out + part, &word, WORD);
            }
        }
        if (part == 0) {
            uint64_t word = word_at(value->stream, index);
            part = part_of_word(offset, len);
            memcpy(out, (char *)&word + offset % WORD, part);
        }
        out += part;
        offset += part;
        len -= part;
    }
}

bool load_value_match(const struct load_value *value, uint64_t offset,
                      slice bytes)
{
    const char *data = bytes.data;
    size_t      len = bytes.len;
    uint64_t    difference = 0;

    if (offset > value->len || len > value->len - offset)
        return false;
    while (len > 0) {
        uint64_t index = offset / WORD;
        size_t   part = 0;

        if (offset % WORD == 0) {
            for (; len - part >= WORD; part += WORD) {
                uint64_t word;
                memcpy(&word, data + part, WORD);
                difference |= word ^ word_at(value->stream, index++);
            }
        }
        if (part == 0) {
            uint64_t word = word_at(value->stream, index);
            part = part_of_word(offset, len);
            difference |= memcmp(data, (char *)&word + offset % WORD, part)
                              ? UINT64_C(1)
                              : 0;
        }
        data += part;
        offset += part;
        len -= part;
    }
    return difference == 0;
}
