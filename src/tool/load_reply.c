/* load_reply.c - the reply parser.
 *
 * Two states: in a bulk, whose bytes are handed out as they lie in the input,
 * or at the start of a line. A line that is whole in the input is parsed where
 * it lies; only one cut by the end of a read is collected in reply->line.
 *
 * It knows RESP2 only, because the load generator never sends HELLO 3. */
#include "tool/load_reply.h"

#include <string.h>

#include "base/assert.h"
#include "base/num.h"

#define PENDING_MAX (UINT64_C(1) << 40) /* far above any reply, no overflow */

void load_reply_init(struct load_reply *reply)
{
    memset(reply, 0, sizeof(*reply));
}

static void consume(slice *in, size_t len)
{
    ASSERT(len <= in->len);
    in->data += len;
    in->len -= len;
}

static void element_end(struct load_reply *reply, struct load_token *out)
{
    ASSERT(reply->pending > 0);
    reply->pending--;
    out->last = reply->pending == 0;
}

/* Checks as much of the bulk's CRLF as is there. */
static bool take_crlf(struct load_reply *reply, slice *in)
{
    while (in->len > 0 && reply->bulk_seen < reply->bulk_len + 2) {
        char wanted = reply->bulk_seen == reply->bulk_len ? '\r' : '\n';
        if (in->data[0] != wanted)
            return false;
        reply->bulk_seen++;
        consume(in, 1);
    }
    return true;
}

static void bulk_next(struct load_reply *reply, slice *in,
                      struct load_token *out)
{
    uint64_t seen = reply->bulk_seen;
    uint64_t left = seen < reply->bulk_len ? reply->bulk_len - seen : 0;
    size_t   take = left < in->len ? (size_t)left : in->len;

    if (in->len == 0)
        return;
    out->kind = LOAD_BYTES;
    out->text = slice_make(in->data, take);
    out->offset = seen < reply->bulk_len ? seen : reply->bulk_len;
    out->total = reply->bulk_len;
    reply->bulk_seen += take;
    consume(in, take);
    if (take == left && !take_crlf(reply, in)) {
        out->kind = LOAD_BAD;
        return;
    }
    if (reply->bulk_seen == reply->bulk_len + 2) {
        reply->in_bulk = false;
        out->complete = true;
        element_end(reply, out);
    }
}

/* "$" and "*": the line's number decides what follows. */
static void sized_next(struct load_reply *reply, slice line, slice *in,
                       struct load_token *out)
{
    int64_t number;

    out->kind = LOAD_BAD;
    if (!num_parse_int64(slice_make(line.data + 1, line.len - 1), &number) ||
        number < -1)
        return;
    if (number == -1) {
        out->kind = LOAD_NIL;
        element_end(reply, out);
    } else if (line.data[0] == '$') {
        out->kind = LOAD_MORE;
        reply->in_bulk = true;
        reply->bulk_len = (uint64_t)number;
        reply->bulk_seen = 0;
        bulk_next(reply, in, out);
    } else if ((uint64_t)number <= PENDING_MAX - reply->pending) {
        out->kind = LOAD_ARRAY;
        out->total = (uint64_t)number;
        reply->pending += (uint64_t)number;
        element_end(reply, out);
    }
}

static void line_next(struct load_reply *reply, slice line, slice *in,
                      struct load_token *out)
{
    out->kind = LOAD_BAD;
    if (line.len == 0)
        return;
    if (reply->pending == 0)
        reply->pending = 1;
    switch (line.data[0]) {
    case '+':
        out->kind = LOAD_STATUS;
        break;
    case '-':
        out->kind = LOAD_ERROR;
        break;
    case ':':
        out->kind = LOAD_INTEGER;
        break;
    case '$':
    case '*':
        sized_next(reply, line, in, out);
        return;
    default:
        return;
    }
    out->text = slice_make(line.data + 1, line.len - 1);
    element_end(reply, out);
}

static void line_collect(struct load_reply *reply, slice part)
{
    size_t room = LOAD_LINE_MAX - reply->line_len;
    size_t take = part.len < room ? part.len : room;

    if (take > 0)
        memcpy(reply->line + reply->line_len, part.data, take);
    reply->line_len += take;
    reply->line_cut = reply->line_cut || take < part.len;
}

/* Takes a whole line off the input, without its CRLF. False when its end has
 * not come yet: then the input is used up. */
static bool line_take(struct load_reply *reply, slice *in, slice *line)
{
    const char *end = in->len ? memchr(in->data, '\n', in->len) : NULL;
    size_t      len = end ? (size_t)(end - in->data) : in->len;

    *line = slice_make(in->data, len);
    if (reply->line_len > 0 || !end) {
        line_collect(reply, *line);
        *line = slice_make(reply->line, reply->line_len);
    }
    consume(in, end ? len + 1 : len);
    return end != NULL;
}

void load_reply_next(struct load_reply *reply, slice *in,
                     struct load_token *out)
{
    slice line;

    *out = (struct load_token){ .kind = LOAD_MORE, .text = SLICE_EMPTY };
    if (reply->in_bulk) {
        bulk_next(reply, in, out);
        return;
    }
    if (!line_take(reply, in, &line))
        return;

    bool cut = reply->line_cut;
    reply->line_len = 0; /* its bytes stay until the next call */
    reply->line_cut = false;
    if (!cut) {
        if (line.len == 0 || line.data[line.len - 1] != '\r') {
            out->kind = LOAD_BAD;
            return;
        }
        line.len--;
    }
    line_next(reply, line, in, out);
}
