/* cmd_hash.c - hashes: fields are set, counted up, and deleted. */
#include "cmd/cmd_hash.h"

#include <math.h>

#include "base/assert.h"
#include "base/num.h"
#include "cmd/handlers.h"

/* Redis's defaults. */
const struct hash_limits hash_limits = { .entries = 512, .value = 64 };

/* WRONGTYPE is answered, and false. */
static bool is_hash(struct call *call, struct coll *coll)
{
    return call_coll(call, &call->key, OBJ_HASH, coll);
}

static void put_one(struct call *call, slice value, const char *event)
{
    struct db_edit edit;
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_HASH, &edit);
    (void)hash_put(object, call->argv[2], value, &hash_limits);
    db_edit_end(&edit, event);
}

/* ---- setting ------------------------------------------------------------- */

/* Key, field, value, field, value ...: false with the error answered, or how
 * many fields are new. */
static bool set_fields(struct call *call, int64_t *created)
{
    struct coll    coll;
    struct db_edit edit;
    *created = 0;
    if (call->argc % 2 != 0) {
        reply_errorf(call->reply,
                     "ERR wrong number of arguments for '%s' command",
                     call->command->name);
        return false;
    }
    if (!is_hash(call, &coll))
        return false;
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_HASH, &edit);
    for (size_t i = 2; i < call->argc; i += 2)
        *created += hash_put(object, call->argv[i], call->argv[i + 1],
                             &hash_limits);
    db_edit_end(&edit, "hset");
    return true;
}

enum call_result cmd_hset(struct call *call)
{
    int64_t created;
    if (set_fields(call, &created))
        reply_int(call->reply, created);
    return CALL_DONE;
}

enum call_result cmd_hmset(struct call *call)
{
    int64_t created;
    if (set_fields(call, &created))
        reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_hsetnx(struct call *call)
{
    struct coll       coll;
    struct page_value value;
    if (!is_hash(call, &coll))
        return CALL_DONE;
    bool is_there = hash_find(&coll, call->argv[2], &value);
    if (!is_there)
        put_one(call, call->argv[3], "hset");
    reply_int(call->reply, !is_there);
    return CALL_DONE;
}

/* ---- counting up --------------------------------------------------------- */

enum call_result cmd_hincrby(struct call *call)
{
    struct coll       coll;
    struct page_value value = { .is_int = true };
    int64_t           delta, sum;
    if (!call_int(call, call->argv[3], &delta) || !is_hash(call, &coll))
        return CALL_DONE;
    (void)hash_find(&coll, call->argv[2], &value);
    if (!value.is_int) {
        reply_error(call->reply, "ERR hash value is not an integer");
        return CALL_DONE;
    }
    if (__builtin_add_overflow(value.number, delta, &sum)) {
        reply_error(call->reply, "ERR increment or decrement would overflow");
        return CALL_DONE;
    }
    char   text[NUM_INT64_CHARS];
    size_t len = num_format_int64(sum, text);
    put_one(call, slice_make(text, len), "hincrby");
    reply_int(call->reply, sum);
    return CALL_DONE;
}

/* 0 if there is no such field; false: it is no number. */
static bool float_of(const struct coll *coll, slice field, long double *out)
{
    struct page_value value;
    char              text[NUM_INT64_CHARS];
    *out = 0;
    return !hash_find(coll, field, &value) ||
           num_parse_long_double(page_value_text(&value, text), out);
}

enum call_result cmd_hincrbyfloat(struct call *call)
{
    struct coll coll;
    long double value, delta;
    char        text[NUM_LONG_DOUBLE_CHARS];
    if (!num_parse_long_double(call->argv[3], &delta)) {
        reply_error(call->reply, "ERR value is not a valid float");
        return CALL_DONE;
    }
    if (isinf(delta)) {
        reply_error(call->reply, "ERR value is NaN or Infinity");
        return CALL_DONE;
    }
    if (!is_hash(call, &coll))
        return CALL_DONE;
    if (!float_of(&coll, call->argv[2], &value)) {
        reply_error(call->reply, "ERR hash value is not a float");
        return CALL_DONE;
    }
    value += delta;
    if (isnan(value) || isinf(value)) {
        reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return CALL_DONE;
    }
    size_t len = num_format_long_double(value, text, sizeof(text));
    ASSERT(len > 0);
    put_one(call, slice_make(text, len), "hincrbyfloat");
    reply_bulk(call->reply, slice_make(text, len));
    return CALL_DONE;
}

/* ---- deleting ------------------------------------------------------------ */

enum call_result cmd_hdel(struct call *call)
{
    struct coll    coll;
    struct db_edit edit;
    int64_t        removed = 0;
    if (!is_hash(call, &coll))
        return CALL_DONE;
    if (coll.count == 0) {
        reply_int(call->reply, 0);
        return CALL_DONE;
    }
    struct object *object =
        db_edit_begin(call->db, &call->key, OBJ_HASH, &edit);
    for (size_t i = 2; i < call->argc; i++)
        removed += hash_remove(object, call->argv[i]);
    if (removed > 0)
        db_edit_end(&edit, "hdel");
    else
        db_edit_cancel(&edit);
    reply_int(call->reply, removed);
    return CALL_DONE;
}
