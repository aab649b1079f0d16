/* cmd_string.c - reading and setting whole values.
 *
 * SET has many options but one way through: the options are read, the deadline
 * is computed, the old value is looked at if an option asks for it, and then
 * one db_put says all. need_set tells from the same words, before any of this,
 * how much of the old value must be in memory; it may ask for more than the
 * handler uses (a word may be the argument of another option), never for less.
 *
 * A deadline that has passed already is stored like any other: nobody will see
 * the key, and the next cut writes a delete. */
#include "cmd/cmd_string.h"

#include "base/assert.h"
#include "cache/cache.h"
#include "cmd/handlers.h"
#include "type/string.h"

/* --- what the family shares ---------------------------------------------- */

/* What is long is not copied: the reply holds the chunks. */
static void reply_chunks(struct reply *reply, const struct object *object,
                         size_t offset, size_t len)
{
    if (len <= CACHE_INLINE_MAX) {
        char *room = reply_bulk_room(reply, len);
        if (room != NULL)
            string_object_read(object, offset, len, room);
        return;
    }
    reply_bulk_begin(reply, len);
    while (len > 0) {
        struct blob *blob = string_object_lend(object, offset, len);
        reply_raw_blob(reply, blob);
        offset += blob->len;
        len -= blob->len;
        blob_unref(blob);
    }
    reply_bulk_end(reply);
}

void string_reply_part(struct call *call, const struct entry *entry,
                       size_t offset, size_t len)
{
    const struct object *object = entry_object(entry);
    if (object != NULL)
        reply_chunks(call->reply, object, offset, len);
    else
        reply_bulk(call->reply,
                   slice_make(entry_value(entry).data + offset, len));
}

void string_reply(struct call *call, const struct entry *entry)
{
    const struct object *object = entry_object(entry);
    if (object != NULL)
        reply_chunks(call->reply, object, 0, db_value_len(entry));
    else
        reply_bulk(call->reply, entry_value(entry));
}

void string_put(struct call *call, const struct db_key *key, slice value,
                int64_t deadline_ms, const char *event)
{
    struct entry_spec spec = { .presence = ENTRY_PRESENT,
                               .type = OBJ_STRING,
                               .deadline_ms = deadline_ms,
                               .value = value };
    db_put(call->db, key, &spec, event);
}

/* Answers the value, or null. False: WRONGTYPE was answered. */
static bool get_reply(struct call *call, struct entry **entry)
{
    if (!call_look(call, &call->key, OBJ_STRING, entry))
        return false;
    if (*entry == NULL)
        reply_null(call->reply);
    else
        string_reply(call, *entry);
    return true;
}

/* --- options of SET and GETEX -------------------------------------------- */

enum set_option {
    SET_NX = 1 << 0,
    SET_XX = 1 << 1,
    SET_GET = 1 << 2,
    SET_KEEPTTL = 1 << 3,
    SET_PERSIST = 1 << 4,
    SET_EX = 1 << 5,
    SET_PX = 1 << 6,
    SET_EXAT = 1 << 7,
    SET_PXAT = 1 << 8,
};

#define SET_TIMES (SET_EX | SET_PX | SET_EXAT | SET_PXAT)
#define SET_TTL   (SET_TIMES | SET_KEEPTTL | SET_PERSIST)
#define OF_SET    (SET_NX | SET_XX | SET_GET | SET_KEEPTTL | SET_TIMES)
#define OF_GETEX  (SET_PERSIST | SET_TIMES)

/* Giving an option twice is fine, as in Redis; the last time counts. */
static const struct set_word {
    const char     *word;
    enum set_option option;
    unsigned        excludes;
} set_words[] = {
    { "nx", SET_NX, SET_XX },
    { "xx", SET_XX, SET_NX },
    { "get", SET_GET, 0 },
    { "keepttl", SET_KEEPTTL, SET_TTL & ~SET_KEEPTTL },
    { "persist", SET_PERSIST, SET_TTL & ~SET_PERSIST },
    { "ex", SET_EX, SET_TTL & ~SET_EX },
    { "px", SET_PX, SET_TTL & ~SET_PX },
    { "exat", SET_EXAT, SET_TTL & ~SET_EXAT },
    { "pxat", SET_PXAT, SET_TTL & ~SET_PXAT },
    { NULL, 0, 0 },
};

struct set_options {
    unsigned given;
    slice    time; /* if one of SET_TIMES is given */
};

static const struct set_word *set_word_find(slice word)
{
    for (const struct set_word *w = set_words; w->word != NULL; w++)
        if (slice_equal_nocase(word, w->word))
            return w;
    return NULL;
}

/* False: a syntax error was answered. */
static bool options_read(struct call *call, size_t from, unsigned allowed,
                         struct set_options *options)
{
    *options = (struct set_options){ .given = 0 };
    for (size_t i = from; i < call->argc; i++) {
        const struct set_word *word = set_word_find(call->argv[i]);
        bool takes_time = word != NULL && (word->option & SET_TIMES) != 0;
        if (word == NULL || !(word->option & allowed) ||
            (options->given & word->excludes) ||
            (takes_time && i + 1 == call->argc)) {
            call_syntax_error(call);
            return false;
        }
        options->given |= word->option;
        if (takes_time)
            options->time = call->argv[++i];
    }
    return true;
}

/* The deadline that the options give; 0 if they give none. */
static bool options_deadline(struct call              *call,
                             const struct set_options *options, int64_t *out)
{
    *out = 0;
    if (!(options->given & SET_TIMES))
        return true;
    bool is_seconds = (options->given & (SET_EX | SET_EXAT)) != 0;
    bool is_relative = (options->given & (SET_EX | SET_PX)) != 0;
    return expire_parse(call, options->time,
                        is_seconds ? EXPIRE_SECONDS : EXPIRE_MS, is_relative,
                        out);
}

/* --- SET ----------------------------------------------------------------- */

#define SET_LOOKS (SET_NX | SET_XX | SET_GET | SET_KEEPTTL)

enum db_need need_set(const struct call *call, size_t key_index)
{
    enum db_need need = DB_NEED_NONE;
    (void)key_index;
    for (size_t i = 3; i < call->argc; i++) {
        const struct set_word *word = set_word_find(call->argv[i]);
        if (word == NULL || !(word->option & SET_LOOKS))
            continue;
        if (word->option == SET_GET)
            return DB_NEED_VALUE;
        need = DB_NEED_HEADER;
    }
    return need;
}

/* What SET asks of the old value. False: it has been answered, and nothing is
 * to be set. */
static bool set_look(struct call *call, unsigned given, int64_t *deadline_ms)
{
    struct entry *entry;
    if (given & SET_GET) {
        if (!get_reply(call, &entry))
            return false;
    } else {
        entry = db_look(call->db, &call->key, true);
    }
    bool refused =
        entry != NULL ? (given & SET_NX) != 0 : (given & SET_XX) != 0;
    if (refused && !(given & SET_GET))
        reply_null(call->reply);
    if (entry != NULL && (given & SET_KEEPTTL))
        *deadline_ms = entry_deadline(entry);
    return !refused;
}

enum call_result cmd_set(struct call *call)
{
    struct set_options options;
    int64_t            deadline_ms;
    if (!options_read(call, 3, OF_SET, &options) ||
        !options_deadline(call, &options, &deadline_ms))
        return CALL_DONE;
    if ((options.given & SET_LOOKS) &&
        !set_look(call, options.given, &deadline_ms))
        return CALL_DONE;
    string_put(call, &call->key, call->argv[2], deadline_ms, "set");
    if (options.given & SET_TIMES)
        db_event(call->db, &call->key, "expire");
    if (!(options.given & SET_GET))
        reply_ok(call->reply);
    return CALL_DONE;
}

static enum call_result setex(struct call *call, enum expire_unit unit)
{
    int64_t deadline_ms;
    if (!expire_parse(call, call->argv[2], unit, true, &deadline_ms))
        return CALL_DONE;
    string_put(call, &call->key, call->argv[3], deadline_ms, "set");
    db_event(call->db, &call->key, "expire");
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_setex(struct call *call)
{
    return setex(call, EXPIRE_SECONDS);
}

enum call_result cmd_psetex(struct call *call)
{
    return setex(call, EXPIRE_MS);
}

enum call_result cmd_setnx(struct call *call)
{
    bool exists = db_look(call->db, &call->key, true) != NULL;
    if (!exists)
        string_put(call, &call->key, call->argv[2], 0, "set");
    reply_int(call->reply, !exists);
    return CALL_DONE;
}

/* --- GET and what it may do besides -------------------------------------- */

size_t string_reply_bytes(struct call *call)
{
    const struct entry *entry =
        cache_find(db_cache(call->db), call->key.space->id, call->key.key,
                   call->key.hash);
    bool is_large = entry != NULL && entry_exists(entry) &&
                    entry_object(entry) != NULL &&
                    entry_type(entry) == OBJ_STRING;
    return is_large ? db_value_len(entry) : 0;
}

size_t set_reply_bytes(struct call *call)
{
    return call->argc > 3 && need_set(call, 0) == DB_NEED_VALUE
               ? string_reply_bytes(call)
               : 0;
}

enum call_result cmd_get(struct call *call)
{
    struct entry *entry;
    get_reply(call, &entry);
    return CALL_DONE;
}

enum call_result cmd_getset(struct call *call)
{
    struct entry *entry;
    if (get_reply(call, &entry))
        string_put(call, &call->key, call->argv[2], 0, "set");
    return CALL_DONE;
}

enum call_result cmd_getdel(struct call *call)
{
    struct entry *entry;
    if (get_reply(call, &entry) && entry != NULL)
        db_delete(call->db, &call->key, "del");
    return CALL_DONE;
}

/* Unlike SET, it looks at the time only if there is such a key. */
enum call_result cmd_getex(struct call *call)
{
    struct set_options options;
    struct entry      *entry;
    int64_t            deadline_ms;
    if (!options_read(call, 2, OF_GETEX, &options) ||
        !call_look(call, &call->key, OBJ_STRING, &entry))
        return CALL_DONE;
    if (entry == NULL) {
        reply_null(call->reply);
        return CALL_DONE;
    }
    if (!options_deadline(call, &options, &deadline_ms))
        return CALL_DONE;
    string_reply(call, entry);
    if (deadline_ms != 0 && deadline_ms <= db_now_ms(call->db))
        db_delete(call->db, &call->key, "del");
    else if (deadline_ms != 0)
        expire_set(call, &call->key, entry, deadline_ms, "expire");
    else if ((options.given & SET_PERSIST) && entry_deadline(entry) != 0)
        expire_set(call, &call->key, entry, 0, "persist");
    return CALL_DONE;
}

/* --- many keys ----------------------------------------------------------- */

/* Nothing keeps a client from naming one key a million times. So MGET copies no
 * more small values than the largest value that may be set, or this, if that
 * is less; what is larger is refused like any other command that doesn't fit
 * in memory. Large values have been counted by call_large_reply. */
#define MGET_COPY_MIN ((size_t)8 * 1024 * 1024)

static bool mget_fits(struct call *call)
{
    size_t most = server_max_value_bytes(call->server), copied = 0;
    if (most < MGET_COPY_MIN)
        most = MGET_COPY_MIN;
    if (call->argc <= most / CACHE_INLINE_MAX)
        return true; /* however large they are */
    for (size_t i = 1; i < call->argc && copied <= most; i++) {
        struct db_key       key = call_key(call, i);
        const struct entry *entry = cache_find(
            db_cache(call->db), key.space->id, key.key, key.hash);
        if (entry != NULL && entry_exists(entry))
            copied += entry->value_len;
    }
    return copied <= most;
}

enum call_result cmd_mget(struct call *call)
{
    bool touch = !(call->session->flags & SESSION_NO_TOUCH);
    if (!mget_fits(call)) {
        call_error(call, ERR_OOM);
        return CALL_DONE;
    }
    reply_array(call->reply, call->argc - 1);
    for (size_t i = 1; i < call->argc; i++) {
        struct db_key       key = call_key(call, i);
        const struct entry *entry = db_look(call->db, &key, touch);
        if (entry == NULL || entry_type(entry) != OBJ_STRING)
            reply_null(call->reply);
        else
            string_reply(call, entry);
    }
    return CALL_DONE;
}

/* False: a value is missing, and that has been answered. */
static bool pairs_complete(struct call *call)
{
    if (call->argc % 2 == 1)
        return true;
    reply_errorf(call->reply, "ERR wrong number of arguments for '%s' command",
                 call->command->name);
    return false;
}

static void put_pairs(struct call *call)
{
    for (size_t i = 1; i + 1 < call->argc; i += 2) {
        struct db_key key = call_key(call, i);
        string_put(call, &key, call->argv[i + 1], 0, "set");
    }
}

enum call_result cmd_mset(struct call *call)
{
    if (!pairs_complete(call))
        return CALL_DONE;
    put_pairs(call);
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_msetnx(struct call *call)
{
    if (!pairs_complete(call))
        return CALL_DONE;
    for (size_t i = 1; i < call->argc; i += 2) {
        struct db_key key = call_key(call, i);
        if (db_look(call->db, &key, true) != NULL) {
            reply_int(call->reply, 0);
            return CALL_DONE;
        }
    }
    put_pairs(call);
    reply_int(call->reply, 1);
    return CALL_DONE;
}
