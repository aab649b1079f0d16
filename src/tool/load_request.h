/* load_request.h - requests as bytes, written piece by piece.
 *
 * A request may be larger than the buffer it is written into: a value of
 * 512 MB goes through 64 KB. */
#ifndef TOOL_LOAD_REQUEST_H
#define TOOL_LOAD_REQUEST_H

#include "tool/load_plan.h"
#include "tool/load_value.h"

#define LOAD_KEY_DIGITS 12

/* A buffer of this size always makes progress. */
#define LOAD_PART_MAX (LOAD_PREFIX_MAX + 128)

/* What all keys begin with on the wire: "$16\r\nkey:". Shared, read-only. */
struct load_format {
    size_t len;
    char   bytes[LOAD_PREFIX_MAX + 16];
};

void load_format_init(struct load_format *format, const char *key_prefix);

enum load_request_part {
    PART_HEAD,
    PART_KEYS,
    PART_VALUE,
    PART_END,
    PART_NONE
};

struct load_request {
    struct load_op         op;
    enum load_request_part part;
    uint32_t               keys_done;
    struct load_value      value;
    uint64_t               value_done;
};

void load_request_begin(struct load_request *request, const struct load_op *op);
/* Writes as much as fits, returns how much that is. The request is finished
 * when it is no longer open. */
size_t load_request_write(struct load_request      *request,
                          const struct load_space  *space,
                          const struct load_format *format, char *out,
                          size_t size);

static inline bool load_request_open(const struct load_request *request)
{
    return request->part != PART_NONE;
}

#endif
