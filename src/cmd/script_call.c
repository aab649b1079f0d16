/* script_call.c - what a script asks of the server: redis.call.
 *
 * The checks are Redis's, in its order. Then come ours, as for any command:
 * keys in memory, room to grow, a bound for the reply; but nothing here may
 * wait for a turn of the loop. A key that the script has not declared, and that
 * memory does not know, is loaded while the loop stands still (db_acquire_now);
 * without room a command gets OOM, as in Redis with maxmemory. */
#include "cmd/scripts.h"

#include "base/assert.h"
#include "base/num.h"
#include "cache/cache.h"
#include "cmd/cmdstats.h"
#include "cmd/wants.h"

#define FEW_WANTS 8

/* --- needs --------------------------------------------------------------- */

static void tell_of_load(struct script_call *script, const struct call *call)
{
    struct scripts *scripts = script->server->scripts;
    if (scripts->sync_told)
        return;
    scripts->sync_told = true;
    log_write(script->server->log, LOG_NOTICE,
              "a script (%s) used a key with %s that is not among its KEYS "
              "and was not in memory: the server waited for the disk. INFO's "
              "script_sync_loads counts such loads",
              script->sha, call->command->name);
}

static enum db_verdict acquire(struct script_call *script, struct call *call)
{
    struct db_want  few[FEW_WANTS], *wants = few;
    bool            waited = false;
    enum db_verdict verdict = DB_READY;
    size_t          most = call_wants_max(call);
    if (most > FEW_WANTS)
        wants = mem_alloc(most * sizeof(*wants));
    if (most > 0)
        verdict = db_acquire_now(call->db, &script->wait, wants,
                                 call_wants(call, wants), &waited);
    if (wants != few)
        mem_free(wants);
    if (waited)
        tell_of_load(script, call);
    return verdict;
}

static enum db_verdict fail(struct script_call *script, err_t err)
{
    script->wait.err = err;
    return DB_FAILED;
}

static enum db_verdict settle(struct script_call *script, struct call *call)
{
    bool waited = false;
    if (!(call->command->flags & CMD_COUNTS_KEYS))
        return DB_READY;
    return db_wait_settled_now(call->db, &script->wait, &waited);
}

/* Making room may evict what was found before: then it is asked for again. */
static enum db_verdict make_room(struct script_call *script, struct call *call)
{
    uint64_t evictions = db_cache(call->db)->evictions;
    if (!call_grows(call))
        return DB_READY;
    if (!db_has_room(call->db, &script->wait, call_growth(call)))
        return fail(script, ERR_OOM);
    if (db_cache(call->db)->evictions == evictions)
        return DB_READY;
    return acquire(script, call);
}

static enum db_verdict bound_reply(struct script_call *script,
                                   struct call        *call)
{
    size_t bytes = 0;
    if (call->command->reply_of != NULL)
        bytes = call->command->reply_of(call);
    else if (call->command->flags & CMD_READONLY)
        bytes = call_large_reply(call);
    return bytes > call_reply_limit(call) ? fail(script, ERR_OOM) : DB_READY;
}

static enum db_verdict prepare(struct script_call *script, struct call *call)
{
    bool writes = (call->command->flags & CMD_WRITE) != 0;
    if (writes && db_is_failing(call->db))
        return fail(script, ERR_IO);
    enum db_verdict verdict = settle(script, call);
    if (verdict == DB_READY)
        verdict = acquire(script, call);
    if (verdict == DB_READY && writes)
        verdict = make_room(script, call);
    return verdict == DB_READY ? bound_reply(script, call) : verdict;
}

/* --- the call ------------------------------------------------------------ */

/* NULL: it may run. */
static const char *refusal(const struct script_call *script,
                           const struct command *command, size_t argc,
                           const struct command **counted)
{
    *counted = NULL;
    if (command == NULL)
        return "ERR Unknown Redis command called from script";
    *counted = command;
    if (!command_arity_ok(command, argc))
        return "ERR Wrong number of args calling Redis command from script";
    /* Whoever waits in its handler can't be in a script either. */
    if (command->flags & (CMD_NOSCRIPT | CMD_NO_MULTI))
        return "ERR This Redis command is not allowed from script";
    if (script->read_only && (command->flags & (CMD_WRITE | CMD_MAY_REPLICATE)))
        return "ERR Write commands are not allowed from read-only scripts.";
    ASSERT(command->handler != NULL);
    return NULL;
}

static const struct command *find_command(const struct server *server,
                                          const slice *argv, size_t argc)
{
    const struct command *top = command_find_top(server, argv[0]);
    if (top == NULL || top->subcommands == NULL || argc < 2)
        return top;
    return top->flags & CMD_PROTECTED ? top : command_find_sub(top, argv[1]);
}

/* As in EXEC: with the session's own face, but for the database. */
static void run(struct script_call *script, struct call *call)
{
    struct session *session = script->session;
    unsigned        own_db = session->db;
    session->db = script->db;
    call->space = db_space(call->db, script->db);
    call->key.space = call->space;
    size_t          reply_begin = call->reply->len;
    enum db_verdict verdict = prepare(script, call);
    if (verdict == DB_READY) {
        script->wrote |= (call->command->flags & CMD_WRITE) != 0;
        enum call_result result = call_run(call);
        ASSERT(result != CALL_PARKED);
    } else {
        call_error(call, script->wait.err);
        note_rejected(call->server, call->command, call->reply, reply_begin);
    }
    db_release(call->db, &script->wait);
    script->db = session->db;
    session->db = own_db;
}

void script_host_call(void *arg, const slice *argv, size_t argc,
                      struct reply *reply)
{
    struct script_call   *script = arg;
    struct server        *server = script->server;
    const struct command *command = find_command(server, argv, argc), *counted;
    const char *error = refusal(script, command, argc, &counted);
    if (error != NULL) {
        size_t reply_begin = reply->len;
        reply_error(reply, error);
        note_rejected(server, counted, reply, reply_begin);
        return;
    }
    struct call call;
    call_begin(&call, server, script->session, command, argv, argc);
    call.reply = reply;
    call.from_script = true;
    run(script, &call);
}

/* There is one user, who may do everything. */
enum script_acl script_host_acl(void *arg, const slice *argv, size_t argc)
{
    struct script_call *script = arg;
    return find_command(script->server, argv, argc) == NULL
               ? SCRIPT_ACL_UNKNOWN
               : SCRIPT_ACL_YES;
}

bool script_host_tick(void *arg)
{
    struct script_call *script = arg;
    if (!script->killed)
        scripts_maybe_stop(script->server);
    return script->killed;
}

/* "CODE text" */
void script_host_error(void *arg, slice text, bool counted)
{
    struct script_call *script = arg;
    struct reply        line;
    script->failed = true;
    if (counted)
        return;
    reply_init(&line);
    reply_error_slice(&line, text);
    (void)note_error(script->server, &line, 0);
    reply_deinit(&line);
}

bool script_host_room(void *arg, size_t bytes)
{
    struct server *server = arg;
    /* For nobody: who waits keeps what was loaded for him. */
    return cache_room(db_cache(server->db), 0, bytes) == ERR_OK;
}
