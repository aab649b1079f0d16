/* cmd_debug.c - DEBUG: for tests, of this server and of clients.
 *
 * dispatch.c lets nobody in whom enable-debug-command does not allow. Of
 * Redis's subcommands those are here that test tools of clients use, and that
 * mean something; ours are CHECK, STORE and WARM-SAVE. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "cache/cache.h"
#include "cmd/block.h"
#include "cmd/handlers.h"
#include "store/fault.h"

/* --- time ---------------------------------------------------------------- */

/* What can't be read as a number is 0, as in Redis. */
static double seconds_of(slice text)
{
    char   copy[64];
    size_t len = text.len < sizeof(copy) - 1 ? text.len : sizeof(copy) - 1;
    memcpy(copy, text.data, len);
    copy[len] = '\0';
    double seconds = strtod(copy, NULL);
    if (!(seconds > 0)) /* also for NaN */
        return 0;
    return seconds < 1e9 ? seconds : 1e9;
}

/* Stops the loop: that is its purpose. */
enum call_result cmd_debug_sleep(struct call *call)
{
    double          seconds = seconds_of(call->argv[2]);
    time_t          whole = (time_t)seconds;
    struct timespec time = { .tv_sec = whole,
                             .tv_nsec =
                                 (long)((seconds - (double)whole) * 1e9) };
    (void)nanosleep(&time, NULL);
    reply_ok(call->reply);
    return CALL_DONE;
}

/* Like Redis, atoi: what is no number is 0. */
enum call_result cmd_debug_set_active_expire(struct call *call)
{
    db_set_active_expire(call->db, seconds_of(call->argv[2]) >= 1);
    reply_ok(call->reply);
    return CALL_DONE;
}

/* --- keys ---------------------------------------------------------------- */

/* The length in an RDB file, before any compression. */
static size_t rdb_len(const struct entry *entry)
{
    size_t len = db_value_len(entry);
    return len + (len < 64 ? 1 : len < 16384 ? 2 : 5);
}

/* An address would tell too much, and nothing: entries move. */
enum call_result cmd_debug_object(struct call *call)
{
    const struct entry *entry = db_look(call->db, &call->key, false);
    const struct cache *cache = db_cache(call->db);
    char                text[256];
    if (entry == NULL) {
        reply_error(call->reply, "ERR no such key");
        return CALL_DONE;
    }
    unsigned idle_s = cache_idle_s(cache, entry);
    snprintf(text, sizeof(text),
             "Value at:0x0 refcount:%lld encoding:%s serializedlength:%zu "
             "lru:%u lru_seconds_idle:%u state:%s",
             (long long)object_refcount(entry), object_encoding(entry),
             rdb_len(entry), cache->now_s - idle_s, idle_s,
             db_state_word(call->db, &call->key));
    reply_simple(call->reply, text);
    return CALL_DONE;
}

static bool reload_options_ok(struct call *call)
{
    for (size_t i = 2; i < call->argc; i++) {
        if (call_arg_is(call, i, "merge") || call_arg_is(call, i, "noflush") ||
            call_arg_is(call, i, "nosave"))
            continue;
        reply_error(call->reply, "ERR DEBUG RELOAD only supports the MERGE, "
                                 "NOFLUSH and NOSAVE options.");
        return false;
    }
    return true;
}

/* The sweep ends when there is nothing idle left. What is busy is moved on and
 * may be met again, so each place in a segment counts twice. */
static void drop_idle(struct cache *cache)
{
    size_t places = SEGMENT_BYTES / sizeof(struct entry);
    size_t most = 2 * places * (cache->segments.segment_count + 1);
    (void)cache_sweep(cache, most, true);
}

/* Everything is written, and then memory forgets what it can: what is asked
 * for next comes from disk. Nothing could be lost by it, so the options change
 * nothing. */
enum call_result cmd_debug_reload(struct call *call)
{
    if (!reload_options_ok(call))
        return CALL_DONE;
    switch (db_wait_flushed(call->db, &call->session->wait)) {
    case DB_READY:
        drop_idle(db_cache(call->db));
        reply_ok(call->reply);
        return CALL_DONE;
    case DB_PARKED:
        return CALL_PARKED;
    case DB_FAILED:
        reply_error(call->reply, "ERR Error trying to load the RDB dump, "
                                 "check server logs.");
        return CALL_DONE;
    }
    UNREACHABLE();
}

/* --- replies ------------------------------------------------------------- */

enum call_result cmd_debug_error(struct call *call)
{
    reply_error_slice(call->reply, call->argv[2]);
    return CALL_DONE;
}

enum call_result cmd_debug_log(struct call *call)
{
    slice text = call->argv[2];
    log_write(call->server->log, LOG_WARNING, "DEBUG LOG: %.*s", (int)text.len,
              text.data);
    reply_ok(call->reply);
    return CALL_DONE;
}

static void protocol_string(struct reply *reply)
{
    reply_bulk_string(reply, "Hello World");
}

static void protocol_integer(struct reply *reply)
{
    reply_int(reply, 12345);
}

static void protocol_double(struct reply *reply)
{
    reply_double(reply, 3.141);
}

static void protocol_bignum(struct reply *reply)
{
    reply_bignum(reply, SLICE_LITERAL("1234567999999999999999999999999999999"));
}

static void protocol_array(struct reply *reply)
{
    reply_array(reply, 3);
    for (int i = 0; i < 3; i++)
        reply_int(reply, i);
}

static void protocol_set(struct reply *reply)
{
    reply_set(reply, 3);
    for (int i = 0; i < 3; i++)
        reply_int(reply, i);
}

static void protocol_map(struct reply *reply)
{
    reply_map(reply, 3);
    for (int i = 0; i < 3; i++) {
        reply_int(reply, i);
        reply_bool(reply, i == 1);
    }
}

static void protocol_attrib(struct reply *reply)
{
    if (reply->version == 3) {
        reply_attribute(reply, 1);
        reply_bulk_string(reply, "key-popularity");
        reply_array(reply, 2);
        reply_bulk_string(reply, "key:123");
        reply_int(reply, 90);
    }
    reply_bulk_string(reply, "Some real reply following the attribute");
}

static void protocol_push(struct reply *reply)
{
    if (reply->version == 2) {
        reply_error(reply, "ERR RESP2 is not supported by this command");
        return;
    }
    reply_push(reply, 2);
    reply_bulk_string(reply, "server-cpu-usage");
    reply_int(reply, 42);
    reply_bulk_string(reply, "Some real reply following the push reply");
}

static void protocol_verbatim(struct reply *reply)
{
    reply_verbatim(reply, SLICE_LITERAL("This is a verbatim\nstring"), "txt");
}

static void protocol_true(struct reply *reply)
{
    reply_bool(reply, true);
}

static void protocol_false(struct reply *reply)
{
    reply_bool(reply, false);
}

enum call_result cmd_debug_protocol(struct call *call)
{
    static const struct {
        const char *name;
        void (*write)(struct reply *reply);
    } types[] = {
        { "string", protocol_string },
        { "integer", protocol_integer },
        { "double", protocol_double },
        { "bignum", protocol_bignum },
        { "null", reply_null },
        { "array", protocol_array },
        { "set", protocol_set },
        { "map", protocol_map },
        { "attrib", protocol_attrib },
        { "push", protocol_push },
        { "verbatim", protocol_verbatim },
        { "true", protocol_true },
        { "false", protocol_false },
    };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (call_arg_is(call, 2, types[i].name)) {
            types[i].write(call->reply);
            return CALL_DONE;
        }
    }
    reply_error(call->reply, "ERR Wrong protocol type name. Please use one of "
                             "the following: string|integer|double|bignum|null"
                             "|array|set|map|attrib|push|verbatim|true|false");
    return CALL_DONE;
}

/* --- ours, and the rest -------------------------------------------------- */

#define DESCRIPTION_MAX 1024

enum call_result cmd_debug_store(struct call *call)
{
    struct store   *fault = call->server->fault;
    struct err_text why = { "" };
    char            text[DESCRIPTION_MAX];
    if (fault == NULL) {
        reply_error(call->reply, "ERR DEBUG STORE needs a server started with "
                                 "--debug-store yes");
    } else if (call->argc == 2) {
        fault_describe(fault, text, sizeof(text));
        reply_bulk_string(call->reply, text);
    } else if (fault_command(fault, call->argv + 2, call->argc - 2, &why) !=
               ERR_OK) {
        reply_errorf(call->reply, "ERR %s", why.text);
    } else {
        reply_ok(call->reply);
    }
    return CALL_DONE;
}

enum call_result cmd_debug_check(struct call *call)
{
    db_check(call->db);
    block_check(call->server);
    reply_ok(call->reply);
    return CALL_DONE;
}

/* The names of hot keys are saved soon, not only when a minute is over;
 * cache_warm_saves of INFO tells when it is done. */
enum call_result cmd_debug_warm_save(struct call *call)
{
    db_warmup_save_soon(call->db);
    reply_ok(call->reply);
    return CALL_DONE;
}

/* For what does not exist here, so that nothing changes by it. */
enum call_result cmd_debug_accepted(struct call *call)
{
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_debug_help(struct call *call)
{
    static const char *const lines[] = {
        "CHANGE-REPL-ID",
        "    Does nothing: there is no replication.",
        "CHECK",
        "    Verify what must hold in memory; the server ends if it does not.",
        "DICT-RESIZING <0|1>",
        "    Does nothing.",
        "ERROR <string>",
        "    Return an error of this text, its code included.",
        "LOADAOF",
        "    As RELOAD.",
        "LOG <message>",
        "    Write <message> to the log.",
        "OBJECT <key>",
        "    Show what is known of <key>.",
        "PROTOCOL <type>",
        "    Reply with a value of this type: string, integer, double, bignum,",
        "    null, array, set, map, attrib, push, verbatim, true, false.",
        "RELOAD [option ...]",
        "    Flush everything, then drop from memory what is not in use. The",
        "    options MERGE, NOFLUSH and NOSAVE change nothing: nothing is lost.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    0: expired keys go when they are asked for, 1: also before.",
        "SLEEP <seconds>",
        "    Stop the server for <seconds>. Decimals allowed.",
        "STORE",
        "    Return what the store has been asked for so far.",
        "STORE <order>",
        "    Make the store misbehave; needs --debug-store yes. Orders:",
        "    * delay <op> <ms>",
        "    * fail <op> <count> io|nospace|corrupt [applied] [skip <n>]",
        "    * fail <op> 0",
        "    * gate <op> close|open|step <n>",
        "    * crash write <nth> before|after",
        "    * reopen fail|ok",
        "    * reset",
        "    where <op> is get, write or iter.",
        "WARM-SAVE",
        "    Save the names of hot keys now, as is done every minute.",
        NULL
    };
    call_help(call, "DEBUG", lines);
    return CALL_DONE;
}
