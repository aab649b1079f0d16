/* cmd_script.c - EVAL and its kin, and SCRIPT.
 *
 * What a script has declared as its KEYS is in memory and pinned before it
 * begins, as EXEC's keys are; the rest of redis.call is in script_call.c. */
#include "cmd/handlers.h"

#include "base/assert.h"
#include "base/num.h"
#include "cmd/monitor.h"
#include "cmd/scripts.h"
#include "cmd/wants.h"

/* --- EVAL, EVALSHA, EVAL_RO, EVALSHA_RO ---------------------------------- */

static bool is_by_sha(const struct call *call)
{
    return call->command->handler == cmd_evalsha ||
           call->command->handler == cmd_evalsha_ro;
}

static bool is_read_only(const struct call *call)
{
    return call->command->handler == cmd_eval_ro ||
           call->command->handler == cmd_evalsha_ro;
}

/* A script that may write waits while the open epoch is full, as other writers
 * do; what can't be had at all is its commands' concern. */
static enum db_verdict admit(struct call *call)
{
    struct db_wait *wait = &call->session->wait;
    if (is_read_only(call))
        return DB_READY;
    enum db_verdict verdict =
        db_admit_write(call->db, wait, call_growth(call), true);
    if (verdict != DB_FAILED)
        return verdict;
    wait->err = ERR_OK;
    return DB_READY;
}

static bool is_unknown(struct call *call)
{
    return is_by_sha(call) &&
           script_find(scripts_engine(call->server), call->argv[1]) == NULL;
}

enum db_verdict eval_prepare(struct call *call)
{
    if (is_unknown(call))
        return DB_READY; /* NOSCRIPT */
    struct db_want *wants =
        mem_alloc((call_wants_max(call) + 1) * sizeof(*wants));
    enum db_verdict verdict =
        db_acquire_pinned(call->db, &call->session->wait, wants,
                          call_wants(call, wants));
    mem_free(wants);
    return verdict == DB_READY ? admit(call) : verdict;
}

/* Values of declared keys are no reply. */
size_t eval_reply_bytes(struct call *call)
{
    (void)call;
    return 0;
}

/* False, with the error answered. */
static bool read_key_count(struct call *call, size_t *out)
{
    int64_t     count;
    const char *error = NULL;
    if (!call_int(call, call->argv[2], &count))
        return false;
    if (count > (int64_t)call->argc - 3)
        error = "ERR Number of keys can't be greater than number of args";
    else if (count < 0)
        error = "ERR Number of keys can't be negative";
    if (error != NULL)
        reply_error(call->reply, error);
    *out = (size_t)count;
    return error == NULL;
}

static void no_script(struct call *call)
{
    reply_error(call->reply, "NOSCRIPT No matching script. Please use EVAL.");
}

static struct script *get_script(struct call *call)
{
    struct script_engine *engine = scripts_engine(call->server);
    if (!is_by_sha(call))
        return script_load(engine, call->argv[1], false, call->reply);
    struct script *script = script_find(engine, call->argv[1]);
    if (script == NULL)
        no_script(call);
    return script;
}

/* What a script with a shebang promises is held against the state of the
 * server before it begins. False, with the error answered. */
static bool may_run(struct call *call, unsigned flags)
{
    bool may_write = !(flags & SCRIPT_NO_WRITES);
    if (flags & SCRIPT_PLAIN)
        return true;
    if (may_write && is_read_only(call)) {
        reply_error(call->reply, "ERR Can not execute a script with write "
                                 "flag using *_ro command.");
        return false;
    }
    if (may_write && call_write_error(call))
        return false;
    if (may_write && !(flags & SCRIPT_ALLOW_OOM) &&
        !db_has_room(call->db, &call->session->wait, 0)) {
        reply_error(call->reply, "OOM allow-oom flag is not set on the "
                                 "script, can not run it when used memory > "
                                 "'maxmemory'");
        return false;
    }
    return true;
}

static void run_script(struct call *call, struct script *script,
                       size_t key_count)
{
    struct scripts    *scripts = call->server->scripts;
    struct script_call state = {
        .server = call->server,
        .session = call->session,
        .eval = call,
        .sha = script_sha(script),
        .db = call->session->db,
        .read_only = is_read_only(call) ||
                     (script_flags(script) & SCRIPT_NO_WRITES),
    };
    const struct script_run run = {
        .script = script,
        .keys = call->argv + 3,
        .key_count = key_count,
        .args = call->argv + 3 + key_count,
        .arg_count = call->argc - 3 - key_count,
        .reply_limit = call_reply_limit(call),
        .arg = &state,
        .reply = call->reply,
    };
    db_wait_init(&state.wait);
    call->server->hashed_key = NULL; /* it was about the input's words */
    ASSERT(scripts->call == NULL);
    scripts->call = &state;
    script_run(scripts->engine, &run);
    scripts->call = NULL;
    call->noted = state.failed ? CALL_NOTED_FAILED : CALL_NOTED_OK;
}

/* On the fiber. The reply of EXEC has others before it: so ours is made
 * apart. */
static enum call_result eval(struct call *call)
{
    struct reply *into = call->reply, own;
    struct script *script;
    size_t         key_count;
    if (call->server->monitor_count > 0)
        monitor_feed_script(call); /* before what it calls */
    if (is_by_sha(call) && call->argv[1].len != SHA1_HEX_CHARS) {
        no_script(call); /* before anything else, as in Redis */
        return CALL_DONE;
    }
    if (!read_key_count(call, &key_count) ||
        (script = get_script(call)) == NULL ||
        !may_run(call, script_flags(script)))
        return CALL_DONE;
    reply_init(&own);
    own.version = into->version;
    call->reply = &own;
    run_script(call, script, key_count);
    call->reply = into;
    if (!into->muted)
        reply_append(into, &own);
    reply_deinit(&own);
    return CALL_DONE;
}

enum call_result cmd_eval(struct call *call)
{
    return scripts_run(call, eval);
}

enum call_result cmd_evalsha(struct call *call)
{
    return scripts_run(call, eval);
}

enum call_result cmd_eval_ro(struct call *call)
{
    return scripts_run(call, eval);
}

enum call_result cmd_evalsha_ro(struct call *call)
{
    return scripts_run(call, eval);
}

/* --- SCRIPT -------------------------------------------------------------- */

enum call_result cmd_script_load(struct call *call)
{
    struct script *script = script_load(scripts_engine(call->server),
                                        call->argv[2], true, call->reply);
    if (script != NULL)
        reply_bulk_string(call->reply, script_sha(script));
    return CALL_DONE;
}

enum call_result cmd_script_exists(struct call *call)
{
    struct script_engine *engine = scripts_engine(call->server);
    reply_array(call->reply, call->argc - 2);
    for (size_t i = 2; i < call->argc; i++)
        reply_int(call->reply, script_find(engine, call->argv[i]) != NULL);
    return CALL_DONE;
}

/* There is nothing that would be worth doing later. */
enum call_result cmd_script_flush(struct call *call)
{
    bool known = call->argc == 2 ||
                 (call->argc == 3 && (call_arg_is(call, 2, "sync") ||
                                      call_arg_is(call, 2, "async")));
    if (!known) {
        reply_error(call->reply,
                    "ERR SCRIPT FLUSH only support SYNC|ASYNC option");
        return CALL_DONE;
    }
    script_flush(scripts_engine(call->server));
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_script_kill(struct call *call)
{
    switch (scripts_kill(call->server)) {
    case SCRIPTS_KILLED:
        reply_ok(call->reply);
        break;
    case SCRIPTS_NOT_BUSY:
        reply_error(call->reply,
                    "NOTBUSY No scripts in execution right now.");
        break;
    case SCRIPTS_HAS_WRITTEN:
        reply_error(call->reply,
                    "UNKILLABLE Sorry the script already executed write "
                    "commands against the dataset. You can either wait the "
                    "script termination or kill the server in a hard way "
                    "using the SHUTDOWN NOSAVE command.");
        break;
    }
    return CALL_DONE;
}

enum call_result cmd_script_debug(struct call *call)
{
    if (call_arg_is(call, 2, "no"))
        reply_ok(call->reply);
    else if (call_arg_is(call, 2, "yes") || call_arg_is(call, 2, "sync"))
        reply_error(call->reply, "ERR there is no debugger for scripts here");
    else
        reply_error(call->reply, "ERR Use SCRIPT DEBUG YES/SYNC/NO");
    return CALL_DONE;
}

enum call_result cmd_script_help(struct call *call)
{
    static const char *const lines[] = {
        "DEBUG (YES|SYNC|NO)",
        "    Set the debug mode for subsequent scripts executed.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Return information about the existence of the scripts in the "
        "script cache.",
        "FLUSH [ASYNC|SYNC]",
        "    Flush the Lua scripts cache. Very dangerous on replicas.",
        "    When called without the optional mode argument, the behavior is "
        "determined by the",
        "    lazyfree-lazy-user-flush configuration directive. Valid modes "
        "are:",
        "    * ASYNC: Asynchronously flush the scripts cache.",
        "    * SYNC: Synchronously flush the scripts cache.",
        "KILL",
        "    Kill the currently executing Lua script.",
        "LOAD <script>",
        "    Load a script into the scripts cache without executing it.",
        NULL
    };
    call_help(call, "SCRIPT", lines);
    return CALL_DONE;
}
