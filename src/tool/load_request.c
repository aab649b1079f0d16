/* load_request.c - the writer.
 *
 * A request is a head ("*3\r\n$3\r\nSET\r\n"), keys, for SET a value, and an
 * end. Heads, keys and ends are small and written whole or, when less than
 * LOAD_PART_MAX bytes are free, not yet; a value takes any room there is. */
#include "tool/load_request.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/num.h"

_Static_assert(LOAD_KEY_DIGITS == 12, "KEYS_MAX in load_options.c is 1e12");

void load_format_init(struct load_format *format, const char *key_prefix)
{
    int len = snprintf(format->bytes, sizeof(format->bytes), "$%zu\r\n%s",
                       strlen(key_prefix) + LOAD_KEY_DIGITS, key_prefix);

    ASSERT(len > 0 && (size_t)len < sizeof(format->bytes));
    format->len = (size_t)len;
}

void load_request_begin(struct load_request *request, const struct load_op *op)
{
    request->op = *op;
    request->part = PART_HEAD;
    request->keys_done = 0;
    request->value_done = 0;
}

static char *put(char *out, const char *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return out + len;
}

#define PUT_LITERAL(out, text) put((out), (text), sizeof(text) - 1)

static char *put_number(char *out, uint64_t number)
{
    char   text[NUM_INT64_CHARS];
    size_t len = num_format_int64((int64_t)number, text);

    return put(out, text, len);
}

static char *write_head(const struct load_op *op, char *out)
{
    switch (op->kind) {
    case LOAD_GET:
        return PUT_LITERAL(out, "*2\r\n$3\r\nGET\r\n");
    case LOAD_SET:
        return PUT_LITERAL(out, "*3\r\n$3\r\nSET\r\n");
    case LOAD_MGET:
        out = put_number(PUT_LITERAL(out, "*"), (uint64_t)op->count + 1);
        return PUT_LITERAL(out, "\r\n$4\r\nMGET\r\n");
    default:
        UNREACHABLE();
    }
}

static char *write_key(const struct load_format *format, uint64_t key,
                       char *out)
{
    out = put(out, format->bytes, format->len);
    for (int i = LOAD_KEY_DIGITS - 1; i >= 0; i--) {
        out[i] = (char)('0' + key % 10);
        key /= 10;
    }
    return PUT_LITERAL(out + LOAD_KEY_DIGITS, "\r\n");
}

/* The next key; after a SET's key the header of its value, too. */
static char *write_keys(struct load_request      *request,
                        const struct load_space  *space,
                        const struct load_format *format, char *out)
{
    const struct load_options *o = space->options;
    uint64_t key = load_space_key(space, &request->op, request->keys_done);

    out = write_key(format, key, out);
    if (++request->keys_done < request->op.count)
        return out;
    request->part = PART_NONE;
    if (request->op.kind == LOAD_SET) {
        request->part = PART_VALUE;
        request->value = load_value_of(&o->sizes, o->value_seed, key);
        out = put_number(PUT_LITERAL(out, "$"), request->value.len);
        out = PUT_LITERAL(out, "\r\n");
    }
    return out;
}

static char *write_value(struct load_request *request, char *out, size_t room)
{
    uint64_t left = request->value.len - request->value_done;
    size_t   take = left < room ? (size_t)left : room;

    load_value_fill(&request->value, request->value_done, out, take);
    request->value_done += take;
    if (take == left)
        request->part = PART_END;
    return out + take;
}

size_t load_request_write(struct load_request      *request,
                          const struct load_space  *space,
                          const struct load_format *format, char *out,
                          size_t size)
{
    char *at = out;

    while (load_request_open(request)) {
        size_t room = size - (size_t)(at - out);

        if (request->part == PART_VALUE ? room == 0 : room < LOAD_PART_MAX)
            break;
        switch (request->part) {
        case PART_HEAD:
            at = write_head(&request->op, at);
            request->part = PART_KEYS;
            break;
        case PART_KEYS:
            at = write_keys(request, space, format, at);
            break;
        case PART_VALUE:
            at = write_value(request, at, room);
            break;
        case PART_END:
            at = PUT_LITERAL(at, "\r\n");
            request->part = PART_NONE;
            break;
        case PART_NONE:
            UNREACHABLE();
        }
    }
    return (size_t)(at - out);
}
