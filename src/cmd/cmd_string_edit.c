/* cmd_string_edit.c - changing a value in part: numbers, tails and ranges.
 *
 * A value is one run of bytes today, so each of these makes a new one and
 * gives it to db_put; the deadline stays. A value that the old bytes are
 * needed for is built in a blob: db_put moves entries, and a large value stays
 * in that blob. */
#include "cmd/cmd_string.h"

#include <math.h>

#include "base/assert.h"
#include "base/num.h"
#include "cmd/handlers.h"

/* The value of a key that may not exist. */
struct old_value {
    slice   bytes; /* good until the next db_put */
    int64_t deadline_ms;
    bool    exists;
};

static bool old_value_look(struct call *call, struct old_value *old)
{
    struct entry *entry;
    *old = (struct old_value){ .bytes = SLICE_EMPTY };
    if (!call_look(call, &call->key, OBJ_STRING, &entry))
        return false;
    if (entry != NULL)
        *old = (struct old_value){ .bytes = entry_value(entry),
                                   .deadline_ms = entry_deadline(entry),
                                   .exists = true };
    return true;
}

/* --- numbers ------------------------------------------------------------- */

static enum call_result add_integer(struct call *call, int64_t delta)
{
    struct old_value old;
    int64_t          value = 0;
    if (!old_value_look(call, &old) ||
        (old.exists && !call_int(call, old.bytes, &value)))
        return CALL_DONE;
    if (__builtin_add_overflow(value, delta, &value)) {
        reply_error(call->reply, "ERR increment or decrement would overflow");
        return CALL_DONE;
    }
    char   text[NUM_INT64_CHARS];
    size_t len = num_format_int64(value, text);
    string_put(call, &call->key, slice_make(text, len), old.deadline_ms,
               "incrby");
    reply_int(call->reply, value);
    return CALL_DONE;
}

enum call_result cmd_incr(struct call *call)
{
    return add_integer(call, 1);
}

enum call_result cmd_decr(struct call *call)
{
    return add_integer(call, -1);
}

enum call_result cmd_incrby(struct call *call)
{
    int64_t delta;
    if (!call_int(call, call->argv[2], &delta))
        return CALL_DONE;
    return add_integer(call, delta);
}

enum call_result cmd_decrby(struct call *call)
{
    int64_t delta;
    if (!call_int(call, call->argv[2], &delta))
        return CALL_DONE;
    if (delta == INT64_MIN) {
        reply_error(call->reply, "ERR decrement would overflow");
        return CALL_DONE;
    }
    return add_integer(call, -delta);
}

enum call_result cmd_incrbyfloat(struct call *call)
{
    struct old_value old;
    long double      value = 0, delta;
    char             text[NUM_LONG_DOUBLE_CHARS];
    if (!old_value_look(call, &old))
        return CALL_DONE;
    if ((old.exists && !num_parse_long_double(old.bytes, &value)) ||
        !num_parse_long_double(call->argv[2], &delta)) {
        reply_error(call->reply, "ERR value is not a valid float");
        return CALL_DONE;
    }
    value += delta;
    if (isnan(value) || isinf(value)) {
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return CALL_DONE;
    }
    size_t len = num_format_long_double(value, text, sizeof(text));
    ASSERT(len > 0);
    string_put(call, &call->key, slice_make(text, len), old.deadline_ms,
               "incrbyfloat");
    reply_bulk(call->reply, slice_make(text, len));
    return CALL_DONE;
}

/* --- tails and ranges ---------------------------------------------------- */

/* May a value end there? Both limits are asked without a sum that could
 * overflow. False: the error has been answered. */
static bool end_allowed(struct call *call, size_t offset, size_t len)
{
    uint64_t protocol_max = call->server->config->proto_max_bulk_len;
    if (len > protocol_max || offset > protocol_max - len) {
        reply_error(call->reply, "ERR string exceeds maximum allowed size "
                                 "(proto-max-bulk-len)");
        return false;
    }
    size_t most = server_max_value_bytes(call->server);
    size_t key_len = call->key.key.len;
    if (key_len > most || len > most - key_len ||
        offset > most - key_len - len) {
        call_error(call, ERR_OOM);
        return false;
    }
    return true;
}

/* Puts bytes at offset, with zeros before them if the old value ends earlier;
 * returns the new length. */
static size_t overwrite(struct call *call, const struct old_value *old,
                        size_t offset, slice bytes, const char *event)
{
    size_t       old_len = old->bytes.len, end = offset + bytes.len;
    size_t       new_len = end > old_len ? end : old_len;
    struct blob *built = blob_new(new_len);
    if (old_len > 0)
        memcpy(built->data, old->bytes.data, old_len);
    if (offset > old_len)
        memset(built->data + old_len, 0, offset - old_len);
    if (bytes.len > 0)
        memcpy(built->data + offset, bytes.data, bytes.len);
    string_put_built(call, &call->key, built, old->deadline_ms, event);
    return new_len;
}

size_t grow_old_value(struct call *call)
{
    const struct entry *entry = db_look(call->db, &call->key, false);
    return entry != NULL ? entry->value_len : 0;
}

enum call_result cmd_append(struct call *call)
{
    struct old_value old;
    if (!old_value_look(call, &old) ||
        !end_allowed(call, old.bytes.len, call->argv[2].len))
        return CALL_DONE;
    size_t len = overwrite(call, &old, old.bytes.len, call->argv[2], "append");
    reply_int(call->reply, (int64_t)len);
    return CALL_DONE;
}

/* What the handler will refuse needs no room. */
size_t grow_setrange(struct call *call)
{
    size_t  most = server_max_value_bytes(call->server);
    int64_t offset;
    if (!num_parse_int64(call->argv[2], &offset) || offset < 0 ||
        (uint64_t)offset > most || call->argv[3].len == 0)
        return 0;
    size_t old_len = grow_old_value(call);
    return (size_t)offset > old_len ? (size_t)offset : old_len;
}

enum call_result cmd_setrange(struct call *call)
{
    struct old_value old;
    int64_t          offset;
    slice            bytes = call->argv[3];
    if (!call_int(call, call->argv[2], &offset))
        return CALL_DONE;
    if (offset < 0) {
        reply_error(call->reply, "ERR offset is out of range");
        return CALL_DONE;
    }
    if (!old_value_look(call, &old))
        return CALL_DONE;
    size_t len = old.bytes.len;
    if (bytes.len > 0) {
        if (!end_allowed(call, (size_t)offset, bytes.len))
            return CALL_DONE;
        len = overwrite(call, &old, (size_t)offset, bytes, "setrange");
    }
    reply_int(call->reply, (int64_t)len);
    return CALL_DONE;
}

/* --- reading a part ------------------------------------------------------ */

enum call_result cmd_strlen(struct call *call)
{
    struct entry *entry;
    if (call_look(call, &call->key, OBJ_STRING, &entry))
        reply_int(call->reply, entry != NULL ? entry->value_len : 0);
    return CALL_DONE;
}

/* The bytes from start to end, both included, negative ones from the end. */
static slice range_of(slice value, int64_t start, int64_t end)
{
    int64_t len = (int64_t)value.len;
    if (start < 0 && end < 0 && start > end)
        return SLICE_EMPTY;
    if (start < 0)
        start = start + len > 0 ? start + len : 0;
    if (end < 0)
        end = end + len > 0 ? end + len : 0;
    if (end >= len)
        end = len - 1;
    if (start > end)
        return SLICE_EMPTY;
    return slice_make(value.data + start, (size_t)(end - start + 1));
}

enum call_result cmd_getrange(struct call *call)
{
    int64_t       start, end;
    struct entry *entry;
    if (!call_int(call, call->argv[2], &start) ||
        !call_int(call, call->argv[3], &end) ||
        !call_look(call, &call->key, OBJ_STRING, &entry))
        return CALL_DONE;
    slice value = entry != NULL ? entry_value(entry) : SLICE_EMPTY;
    slice range = range_of(value, start, end);
    if (entry != NULL && range.len == value.len)
        string_reply(call, entry);
    else
        reply_bulk(call->reply, range);
    return CALL_DONE;
}
