/* cmd_object.c - OBJECT: what Redis would tell of how it keeps a value.
 *
 * Strings are kept by their size alone here, so the answers are those that Redis
 * gives for the same value once it was loaded from disk: "int" for an integer,
 * "embstr" up to 44 bytes, "raw" above. That Redis keeps a value as "raw"
 * after APPEND or SETRANGE, and the number that INCRBYFLOAT leaves as
 * "embstr", until its next restart, is not kept track of here
 * (tests/oracle-differences).
 *
 * Nothing here counts as a use. IDLETIME counts from the last use that memory
 * knows of: being loaded is one. */
#include <limits.h>

#include "base/num.h"
#include "cache/cache.h"
#include "cmd/handlers.h"

#define INTEGER_CHARS   20 /* no integer is longer */
#define EMBSTR_MAX      44
#define SHARED_INTEGERS 10000
#define LONG_KEY        4096

static bool is_integer(const struct entry *entry, int64_t *value)
{
    return entry_presence(entry) == ENTRY_PRESENT &&
           entry_object(entry) == NULL &&
           entry->value_len <= INTEGER_CHARS &&
           num_parse_int64(entry_value(entry), value);
}

/* The header is enough: a value that is not with it is long, so it is no
 * integer. Unless it is the key that is long. */
enum db_need need_object(const struct call *call, size_t key_index)
{
    (void)key_index;
    return call->argv[2].len > LONG_KEY ? DB_NEED_VALUE : DB_NEED_HEADER;
}

/* By enum object_encoding. */
static const char *const encoding_names[OBJ_TYPE_COUNT][3] = {
    [OBJ_LIST] = { "listpack", "listpack", "quicklist" },
    [OBJ_SET] = { "intset", "listpack", "hashtable" },
    [OBJ_ZSET] = { "listpack", "listpack", "skiplist" },
    [OBJ_HASH] = { "listpack", "listpack", "hashtable" },
};

const char *object_encoding(const struct entry *entry)
{
    int64_t value;
    if (entry_type(entry) != OBJ_STRING)
        return encoding_names[entry_type(entry)][db_coll_encoding(entry)];
    if (is_integer(entry, &value))
        return "int";
    return db_string_len(entry) <= EMBSTR_MAX ? "embstr" : "raw";
}

/* Redis keeps one object for all values that are the same small integer. */
int64_t object_refcount(const struct entry *entry)
{
    int64_t value;
    bool    is_shared =
        entry_type(entry) == OBJ_STRING && is_integer(entry, &value) && value >= 0 && value < SHARED_INTEGERS;
    return is_shared ? INT_MAX : 1;
}

/* NULL: there is no such key, and that has been answered. */
static const struct entry *object_look(struct call *call)
{
    const struct entry *entry = db_look(call->db, &call->key, false);
    if (entry == NULL)
        reply_null(call->reply);
    return entry;
}

enum call_result cmd_object_encoding(struct call *call)
{
    const struct entry *entry = object_look(call);
    if (entry != NULL)
        reply_bulk_string(call->reply, object_encoding(entry));
    return CALL_DONE;
}

enum call_result cmd_object_refcount(struct call *call)
{
    const struct entry *entry = object_look(call);
    if (entry != NULL)
        reply_int(call->reply, object_refcount(entry));
    return CALL_DONE;
}

enum call_result cmd_object_idletime(struct call *call)
{
    const struct entry *entry = object_look(call);
    if (entry != NULL)
        reply_int(call->reply, cache_idle_s(db_cache(call->db), entry));
    return CALL_DONE;
}

/* Eviction goes by recency here, always. */
enum call_result cmd_object_freq(struct call *call)
{
    if (object_look(call) != NULL)
        reply_error(call->reply,
                    "ERR An LFU maxmemory policy is not selected, access "
                    "frequency not tracked. Please note that when switching "
                    "between policies at runtime LRU and LFU data will take "
                    "some time to adjust.");
    return CALL_DONE;
}

enum call_result cmd_object_help(struct call *call)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Return the form in which Redis would keep this value: int, "
        "embstr or raw.",
        "FREQ <key>",
        "    Return an error: how often keys are used is not counted.",
        "IDLETIME <key>",
        "    Return the seconds since the key was last used, or loaded from "
        "disk.",
        "REFCOUNT <key>",
        "    Return what Redis would: 1, or 2147483647 for a small integer.",
        NULL
    };
    call_help(call, "OBJECT", lines);
    return CALL_DONE;
}
