/* cmd_string_edit.c - changing a value in part: numbers, tails and ranges.
 *
 * A small value is one run of bytes, so each of these makes a new one and gives
 * it to db_put. A large one is changed in place, in the chunks concerned. The
 * deadline stays. */
#include "cmd/cmd_string.h"

#include <math.h>

#include "base/assert.h"
#include "base/num.h"
#include "base/mem.h"
#include "cache/cache.h"
#include "cmd/handlers.h"
#include "type/string.h"

/* The value of a key that may not exist. */
struct old_value {
    slice   bytes; /* good until the next db_put; of a large one nothing */
    size_t  len;
    int64_t deadline_ms;
    bool    exists, is_large;
};

/* A large value is no number: nothing is one, as far as numbers go. */
_Static_assert(CACHE_SMALL_MAX >= NUM_LONG_DOUBLE_CHARS, "numbers are small");

static bool old_value_look(struct call *call, struct old_value *old)
{
    struct entry *entry;
    *old = (struct old_value){ .bytes = SLICE_EMPTY };
    if (!call_look(call, &call->key, OBJ_STRING, &entry))
        return false;
    if (entry == NULL)
        return true;
    old->exists = true;
    old->is_large = entry_object(entry) != NULL;
    old->len = db_value_len(entry);
    old->deadline_ms = entry_deadline(entry);
    if (!old->is_large)
        old->bytes = entry_value(entry);
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

/* A value that lies in the entry, before and after. */
static void overwrite_small(struct call *call, const struct old_value *old,
                            size_t offset, slice bytes, size_t new_len,
                            const char *event)
{
    char *built = mem_alloc(new_len + 1);
    if (old->len > 0)
        memcpy(built, old->bytes.data, old->len);
    if (offset > old->len)
        memset(built + old->len, 0, offset - old->len);
    if (bytes.len > 0)
        memcpy(built + offset, bytes.data, bytes.len);
    string_put(call, &call->key, slice_make(built, new_len), old->deadline_ms,
               event);
    mem_free(built);
}

/* Puts bytes at offset, with zeros before them if the old value ends earlier;
 * returns the new length. */
static size_t overwrite(struct call *call, const struct old_value *old,
                        size_t offset, slice bytes, const char *event)
{
    size_t end = offset + bytes.len;
    size_t new_len = end > old->len ? end : old->len;
    if (!old->is_large && cache_is_inline(call->key.key.len, new_len)) {
        overwrite_small(call, old, offset, bytes, new_len, event);
        return new_len;
    }
    struct db_edit edit;
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_STRING, &edit);
    string_object_write(object, offset, bytes);
    db_edit_end(&edit, event);
    return new_len;
}

/* What writing from offset on takes beside the bytes themselves: a small value
 * is made anew; of a large one the chunks at both ends may have to be copied,
 * since a save holds them. */
static size_t growth(struct call *call, size_t offset)
{
    const struct entry *entry = db_look(call->db, &call->key, false);
    size_t len = entry != NULL ? db_value_len(entry) : 0, gap = 0;
    if (offset > len)
        gap = offset - len;
    if (entry != NULL && entry_object(entry) != NULL)
        return gap + (size_t)string_object_cost(2 * STRING_CHUNK);
    return gap + len;
}

size_t grow_append(struct call *call)
{
    return growth(call, 0);
}

enum call_result cmd_append(struct call *call)
{
    struct old_value old;
    if (!old_value_look(call, &old) ||
        !end_allowed(call, old.len, call->argv[2].len))
        return CALL_DONE;
    size_t len = overwrite(call, &old, old.len, call->argv[2], "append");
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
    return growth(call, (size_t)offset);
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
    size_t len = old.len;
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
        reply_int(call->reply,
                  entry != NULL ? (int64_t)db_value_len(entry) : 0);
    return CALL_DONE;
}

/* Bytes of a value. */
struct range {
    size_t offset, len;
};

/* From start to end, both included, negative ones from the end. */
static struct range range_of(size_t value_len, int64_t start, int64_t end)
{
    const struct range nothing = { 0, 0 };
    int64_t            len = (int64_t)value_len;
    if (start < 0 && end < 0 && start > end)
        return nothing;
    if (start < 0)
        start = start + len > 0 ? start + len : 0;
    if (end < 0)
        end = end + len > 0 ? end + len : 0;
    if (end >= len)
        end = len - 1;
    if (start > end)
        return nothing;
    return (struct range){ (size_t)start, (size_t)(end - start + 1) };
}

enum call_result cmd_getrange(struct call *call)
{
    int64_t       start, end;
    struct entry *entry;
    if (!call_int(call, call->argv[2], &start) ||
        !call_int(call, call->argv[3], &end) ||
        !call_look(call, &call->key, OBJ_STRING, &entry))
        return CALL_DONE;
    struct range range =
        range_of(entry != NULL ? db_value_len(entry) : 0, start, end);
    if (range.len == 0)
        reply_bulk(call->reply, SLICE_EMPTY);
    else
        string_reply_part(call, entry, range.offset, range.len);
    return CALL_DONE;
}

/* Of a large value; what is small need not be counted. */
size_t getrange_bytes(struct call *call)
{
    size_t  len = string_reply_bytes(call);
    int64_t start, end;
    if (len == 0 || !num_parse_int64(call->argv[2], &start) ||
        !num_parse_int64(call->argv[3], &end))
        return 0;
    return range_of(len, start, end).len;
}
