/* cmd_restore.c - RESTORE: a value from Redis's serialization (codec/rdb.h).
 *
 * The payload may be anything. It is read twice: first it is measured, for the
 * room that the value will take (grow_restore), which allocates next to
 * nothing; when that room has been made the value is built, aside, and put in
 * its place once it is known to be right. All that is looked at in the order in
 * which Redis does. */
#include "base/num.h"
#include "cache/cache.h"
#include "cmd/cmd_hash.h"
#include "cmd/cmd_list.h"
#include "cmd/cmd_set.h"
#include "cmd/cmd_string.h"
#include "cmd/cmd_zset.h"
#include "cmd/handlers.h"
#include "codec/rdb_build.h"
#include "codec/rdb_dump.h"
#include "type/string.h"

enum { AT_TTL = 2, AT_PAYLOAD = 3, AT_OPTIONS = 4 };

#define FREQ_MAX  255
#define NOT_GIVEN (-1)

struct restore {
    bool    replace, is_absolute;
    int64_t idle_s, freq; /* or NOT_GIVEN */
    int64_t deadline_ms;  /* 0: none */
};

/* --- what the arguments say ---------------------------------------------- */

/* With a number behind it, and not with the other of the two. */
static bool is_option(const struct call *call, size_t i, const char *word,
                      int64_t other)
{
    return call_arg_is(call, i, word) && i + 1 < call->argc &&
           other == NOT_GIVEN;
}

static bool option_number(struct call *call, size_t i, int64_t most,
                          const char *error, int64_t *out)
{
    if (!call_int(call, call->argv[i], out))
        return false;
    if (*out >= 0 && *out <= most)
        return true;
    reply_error(call->reply, error);
    return false;
}

static bool options_read(struct call *call, struct restore *out)
{
    *out = (struct restore){ .idle_s = NOT_GIVEN, .freq = NOT_GIVEN };
    for (size_t i = AT_OPTIONS; i < call->argc; i++) {
        if (call_arg_is(call, i, "replace")) {
            out->replace = true;
        } else if (call_arg_is(call, i, "absttl")) {
            out->is_absolute = true;
        } else if (is_option(call, i, "idletime", out->freq)) {
            if (!option_number(call, ++i, INT64_MAX,
                               "ERR Invalid IDLETIME value, must be >= 0",
                               &out->idle_s))
                return false;
        } else if (is_option(call, i, "freq", out->idle_s)) {
            if (!option_number(call, ++i, FREQ_MAX,
                               "ERR Invalid FREQ value, must be >= 0 and "
                               "<= 255",
                               &out->freq))
                return false;
        } else {
            call_syntax_error(call);
            return false;
        }
    }
    return true;
}

/* A time that is beyond all times wraps around, and has passed. */
static bool deadline_read(struct call *call, struct restore *out)
{
    int64_t ttl;
    if (!call_int(call, call->argv[AT_TTL], &ttl))
        return false;
    if (ttl < 0) {
        reply_error(call->reply, "ERR Invalid TTL value, must be >= 0");
        return false;
    }
    out->deadline_ms = ttl;
    if (ttl != 0 && !out->is_absolute &&
        __builtin_add_overflow(ttl, db_now_ms(call->db), &out->deadline_ms))
        out->deadline_ms = 1;
    return true;
}

/* What is replaced is overwritten blindly, unless it may have to be deleted
 * instead. (The word may stand where a number should: then nothing is looked
 * at.) */
enum db_need need_restore(const struct call *call, size_t key_index)
{
    bool    replace = false, is_absolute = false;
    int64_t ttl;
    (void)key_index;
    for (size_t i = AT_OPTIONS; i < call->argc; i++) {
        replace |= call_arg_is(call, i, "replace");
        is_absolute |= call_arg_is(call, i, "absttl");
    }
    bool may_pass = !num_parse_int64(call->argv[AT_TTL], &ttl) ||
                    (ttl != 0 && (is_absolute || ttl > INT64_MAX / 2));
    return replace && !may_pass ? DB_NEED_NONE : DB_NEED_HEADER;
}

/* --- the value ----------------------------------------------------------- */

/* An element and the value beside it must fit in a page, whatever the limit. */
static size_t string_max(const struct call *call)
{
    size_t most = server_max_value_bytes(call->server);
    return most < PAGE_ELEMENT_MAX_BYTES / 2 ? most
                                             : PAGE_ELEMENT_MAX_BYTES / 2;
}

static const struct rdb_limits *limits(struct rdb_limits *out)
{
    *out = (struct rdb_limits){ .list = call_list_limits,
                                .hash = hash_limits,
                                .set = set_limits,
                                .zset = zset_limits };
    return out;
}

size_t grow_restore(struct call *call)
{
    struct rdb_reader  reader;
    struct rdb_measure measure;
    slice              body;
    uint8_t            type = 0;
    if (rdb_check_footer(call->argv[AT_PAYLOAD], &body) != ERR_OK)
        return 0; /* the handler will answer that */
    rdb_reader_init(&reader, rdb_source_of(&body), string_max(call));
    err_t err = rdb_read_byte(&reader, &type);
    if (err == ERR_OK)
        err = rdb_measure(&reader, type, &measure);
    rdb_reader_deinit(&reader);
    return err == ERR_OK ? (size_t)rdb_measure_cost(&measure) : 0;
}

static bool payload_error(struct call *call, err_t err)
{
    if (err == ERR_OOM)
        call_error(call, err);
    else
        reply_error(call->reply, "ERR Bad data format");
    return false;
}

/* Key and value, as everywhere, and a collection that may still grow. */
static bool fits(struct call *call, const struct rdb_builder *builder)
{
    size_t most = server_max_value_bytes(call->server);
    size_t key_len = call->key.key.len;
    if (builder->object != NULL && builder->object->type != OBJ_STRING)
        return key_len <= most;
    uint64_t len = builder->object != NULL
                       ? string_object_len(builder->object)
                       : builder->text.len;
    return key_len <= most && len <= most - key_len;
}

/* False: the error has been answered. */
static bool build(struct call *call, struct rdb_reader *reader,
                  struct rdb_builder *builder)
{
    struct rdb_visitor visitor = rdb_builder_visitor(builder);
    uint8_t            type = 0;
    err_t              err = rdb_read_byte(reader, &type);
    if (err == ERR_OK)
        err = rdb_load(reader, type, &visitor);
    if (err == ERR_OK && !fits(call, builder))
        err = ERR_OOM;
    return err == ERR_OK || payload_error(call, err);
}

/* --- RESTORE ------------------------------------------------------------- */

/* In the order in which Redis tells it; a key that was replaced counts as new
 * too. */
static void put(struct call *call, const struct restore *restore,
                struct rdb_builder *builder)
{
    const struct db_key *key = &call->key;
    struct object       *object = rdb_builder_take(builder);
    if (object == NULL) {
        string_put(call, key, builder->text, restore->deadline_ms, "new");
        db_event(call->db, key, "restore");
    } else {
        db_put_object(call->db, key, object, "new");
        if (restore->deadline_ms != 0)
            expire_set(call, key, db_look(call->db, key, false),
                       restore->deadline_ms, "restore");
        else
            db_event(call->db, key, "restore");
    }
    struct entry *entry = db_look(call->db, key, true);
    if (restore->idle_s != NOT_GIVEN)
        cache_set_idle(db_cache(call->db), entry,
                       restore->idle_s < UINT32_MAX ? (uint32_t)restore->idle_s
                                                    : UINT32_MAX);
}

static void restore_value(struct call *call, const struct restore *restore,
                          struct rdb_builder *builder)
{
    bool is_past = restore->deadline_ms != 0 &&
                   restore->deadline_ms <= db_now_ms(call->db);
    if (!is_past)
        put(call, restore, builder);
    else if (restore->replace)
        db_delete(call->db, &call->key, "del");
    reply_ok(call->reply);
}

enum call_result cmd_restore(struct call *call)
{
    struct restore     restore;
    struct rdb_reader  reader;
    struct rdb_builder builder;
    struct rdb_limits  own;
    slice              body;
    if (!options_read(call, &restore))
        return CALL_DONE;
    if (!restore.replace && db_look(call->db, &call->key, true) != NULL) {
        reply_error(call->reply, "BUSYKEY Target key name already exists.");
        return CALL_DONE;
    }
    if (!deadline_read(call, &restore))
        return CALL_DONE;
    if (rdb_check_footer(call->argv[AT_PAYLOAD], &body) != ERR_OK) {
        reply_error(call->reply,
                    "ERR DUMP payload version or checksum are wrong");
        return CALL_DONE;
    }
    rdb_reader_init(&reader, rdb_source_of(&body), string_max(call));
    rdb_builder_init(&builder, &db_cache(call->db)->objects, limits(&own),
                     server_max_object_bytes(call->server));
    if (build(call, &reader, &builder))
        restore_value(call, &restore, &builder);
    rdb_builder_deinit(&builder);
    rdb_reader_deinit(&reader);
    return CALL_DONE;
}
