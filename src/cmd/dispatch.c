/* dispatch.c - from the words of a request to its handler.
 *
 * The order of checks is Redis's: known, arity, authenticated, allowed in MULTI,
 * to a monitor, to a subscriber, and not held by CLIENT PAUSE. After MULTI it is
 * queued then. Else come ours: all keys known to memory, room for what may
 * grow, a turn for a large reply; run. Each of these may make the client wait;
 * the command is then run again from here. */
#include "cmd/command.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/num.h"
#include "cache/cache.h"
#include "cmd/block.h"
#include "cmd/cmdstats.h"
#include "cmd/doc.h"
#include "cmd/multi.h"
#include "cmd/pause.h"
#include "cmd/scripts.h"
#include "cmd/sort.h"
#include "cmd/wants.h"

#define NAME_MAX_LEN 64

void dispatch_init(struct server *server)
{
    uint64_t seed;
    rand_system(&seed, sizeof(seed));
    rand_init(&server->rand, seed);
    lookup_init(server);
    call_notes_init(server);
}

void dispatch_deinit(struct server *server)
{
    call_notes_deinit(server);
    lookup_deinit(server);
}

bool command_arity_ok(const struct command *command, size_t argc)
{
    return command->arity >= 0 ? argc == (size_t)command->arity
                               : argc >= (size_t)-command->arity;
}

/* --- errors -------------------------------------------------------------- */

bool call_write_error(struct call *call)
{
    struct db_stats stats;
    if (!db_is_failing(call->db))
        return false;
    db_stats(call->db, &stats);
    reply_errorf(call->reply,
                 "MISCONF diskstore can't write to its store now (%s). Commands "
                 "that may modify the data set are refused until it can.",
                 stats.last_error);
    return true;
}

void call_error(struct call *call, err_t err)
{
    switch (err) {
    case ERR_OOM:
        reply_error(call->reply, "OOM command not allowed when used memory > "
                                 "'maxmemory'.");
        break;
    case ERR_IO:
    case ERR_NO_SPACE:
        if ((call->command->flags & CMD_WRITE) && call_write_error(call))
            break;
        /* fall through */
    default:
        reply_errorf(call->reply, "IOERR the value can't be read from the "
                     "store (%s)", err_name(err));
    }
}

void call_syntax_error(struct call *call)
{
    reply_error(call->reply, "ERR syntax error");
}

bool call_int(struct call *call, slice arg, int64_t *out)
{
    if (num_parse_int64(arg, out))
        return true;
    reply_error(call->reply, "ERR value is not an integer or out of range");
    return false;
}

bool call_arg_is(const struct call *call, size_t i, const char *lower)
{
    return slice_equal_nocase(call->argv[i], lower);
}

bool call_look(struct call *call, const struct db_key *key, enum obj_type type,
               struct entry **entry)
{
    bool touch = !(call->session->flags & SESSION_NO_TOUCH);
    *entry = db_look(call->db, key, touch);
    if (*entry == NULL || entry_type(*entry) == type)
        return true;
    reply_error(call->reply, "WRONGTYPE Operation against a key holding the "
                             "wrong kind of value");
    return false;
}

bool call_coll(struct call *call, const struct db_key *key, enum obj_type type,
               struct coll *out)
{
    struct entry *entry;
    if (!call_look(call, key, type, &entry))
        return false;
    (void)db_read(entry, out);
    out->hasher = &db_cache(call->db)->objects.hasher;
    return true;
}

void reply_element(struct reply *reply, const struct page_value *value)
{
    char buffer[NUM_INT64_CHARS];
    reply_bulk(reply, page_value_text(value, buffer));
}

static int shown(size_t len, size_t most)
{
    return (int)(len < most ? len : most);
}

/* Redis shows the arguments until 128 characters are used. */
static void unknown_command(struct reply *reply, const slice *argv, size_t argc)
{
    struct buf args;
    buf_init(&args, 1024);
    for (size_t i = 1; i < argc && args.len < 128; i++) {
        size_t left = 128 - args.len;
        err_t  err = buf_printf(&args, "'%.*s' ", shown(argv[i].len, left),
                                argv[i].data);
        ASSERT(err == ERR_OK);
    }
    reply_errorf(reply,
                 "ERR unknown command '%.*s', with args beginning with: %.*s",
                 shown(argv[0].len, 128), argv[0].data, (int)args.len,
                 args.data ? args.data : "");
    buf_deinit(&args);
}

/* In Redis DEBUG has no subcommands, but looks at its arguments itself. */
static bool is_one_command(const struct command *container)
{
    return (container->flags & CMD_PROTECTED) != 0;
}

static void unknown_subcommand(struct reply *reply,
                               const struct command *container,
                               const slice *argv)
{
    char   upper[NAME_MAX_LEN] = ""; /* argv[0], which may be another name */
    slice  name = argv[1];
    for (size_t i = 0; i < argv[0].len && i < NAME_MAX_LEN - 1; i++) {
        char c = argv[0].data[i];
        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    reply_errorf(reply, "ERR unknown subcommand%s '%.*s'. Try %s HELP.",
                 is_one_command(container) ? " or wrong number of arguments for"
                                           : "",
                 shown(name.len, 128), name.data, upper);
}

static void wrong_arity(struct reply *reply, const struct command *top,
                        const struct command *command)
{
    const char *bar = command != top ? "|" : "";
    reply_errorf(reply, "ERR wrong number of arguments for '%s%s%s' command",
                 top->name, bar, command != top ? command->name : "");
}

/* False, with the error answered, unless enable-debug-command lets this
 * client. */
static bool debug_allowed(struct server *server, const struct session *session,
                          struct reply *reply)
{
    switch (server->config->enable_debug_command) {
    case DEBUG_COMMAND_YES:
        return true;
    case DEBUG_COMMAND_LOCAL:
        if (session->flags & SESSION_LOCAL)
            return true;
        break;
    case DEBUG_COMMAND_NO:
        break;
    }
    reply_error(reply,
                "ERR DEBUG command not allowed. If the enable-debug-command "
                "option is set to \"local\", you can run it from a local "
                "connection, otherwise you need to set this option in the "
                "configuration file, and then restart the server.");
    return false;
}

/* --- running ------------------------------------------------------------- */

/* The command, or NULL with the error answered. What CLIENT LIST names is the
 * last one that was looked up, run or not. */
static const struct command *resolve(struct server *server,
                                     struct session *session,
                                     const slice *argv, size_t argc,
                                     struct reply *reply)
{
    const struct command *top = command_find_top(server, argv[0]);
    const struct command *command = top;
    if (top != NULL && top->subcommands != NULL && argc >= 2)
        command = command_find_sub(top, argv[1]);
    session->last_command =
        top != NULL && is_one_command(top) ? top : command;
    if (top == NULL) {
        unknown_command(reply, argv, argc);
        return NULL;
    }
    if (is_one_command(top) && argc >= 2 &&
        !debug_allowed(server, session, reply))
        return NULL;
    if (command == NULL) {
        unknown_subcommand(reply, top, argv);
        return NULL;
    }
    if (!command_arity_ok(command, argc) || command->handler == NULL) {
        if (command != top && is_one_command(top))
            unknown_subcommand(reply, top, argv);
        else
            wrong_arity(reply, top, command);
        return NULL;
    }
    if (!session->authenticated && server->config->requirepass[0] != '\0' &&
        !(command->flags & CMD_NO_AUTH)) {
        reply_error(reply, "NOAUTH Authentication required.");
        return NULL;
    }
    return command;
}

/* In MULTI everything is queued but what steers the transaction itself. */
static bool is_queued(const struct session *session,
                      const struct command *command)
{
    return session->multi != NULL && !(command->flags & CMD_STEERS_MULTI);
}

/* Refused before it ran, with the error answered from reply_begin on: a
 * transaction under way is lost. */
static enum call_result refused(struct server *server, struct session *session,
                                struct reply *reply, size_t reply_begin)
{
    note_rejected(server, session->last_command, reply, reply_begin);
    multi_abort(session);
    waited_clear(session);
    return CALL_DONE;
}

/* With RESP2 a subscriber could not tell a reply from a message. */
static bool is_for_messages_only(const struct session *session,
                                 const struct command *command)
{
    return (session->flags & SESSION_PUBSUB) && session->resp == 2 &&
           !(command->flags & CMD_OF_SUBSCRIBERS);
}

static void not_for_subscribers(struct reply *reply,
                                const struct command *command)
{
    struct command_name name = command_full_name(command);
    bool                is_exec = strcmp(name.text, "exec") == 0;
    reply_errorf(reply,
                 "%s Can't execute '%s': only (P|S)SUBSCRIBE / "
                 "(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
                 "context",
                 is_exec ? "EXECABORT Transaction discarded because of:"
                         : "ERR",
                 name.text);
}

static enum call_result waits(struct session *session, enum call_result result)
{
    waited_begin(session, result == CALL_WAITS_TURN);
    return result;
}

/* Redis takes who monitors for a replica. */
static bool is_barred(const struct session *session,
                      const struct command *command)
{
    return (session->flags & SESSION_MONITOR) &&
           (command->flags & (CMD_READONLY | CMD_WRITE));
}

void call_begin(struct call *call, struct server *server,
                struct session *session, const struct command *command,
                const slice *argv, size_t argc)
{
    *call = (struct call){ .server = server,
                           .session = session,
                           .command = command,
                           .argv = argv,
                           .argc = argc,
                           .db = server->db,
                           .space = db_space(server->db, session->db) };
    if (command->keys.first == 0 || (size_t)command->keys.first >= argc)
        return;
    slice key = argv[(size_t)command->keys.first];
    call->key = key.data == server->hashed_key
                    ? db_key_hashed(call->space, key, server->hash)
                    : db_key_make(call->db, call->space, key);
}

/* The handler has something to wait for: nothing is pinned meanwhile. */
static enum call_result blocks(struct call *call)
{
    waited_clear(call->session);
    db_release(call->db, &call->session->wait);
    return CALL_BLOCKED;
}

/* Others wait for a script: EXEC can't, its transaction is over. */
static enum call_result refused_busy(struct server        *server,
                                     struct session       *session,
                                     const struct command *command,
                                     struct reply *reply, size_t reply_begin)
{
    if (strcmp(command->name, "exec") != 0) {
        scripts_busy_error(reply);
        return refused(server, session, reply, reply_begin);
    }
    scripts_exec_busy_error(reply);
    enum call_result result = refused(server, session, reply, reply_begin);
    multi_discard(session);
    return result;
}

/* A command that has stood in the middle: it was prepared when it began, and
 * has its time since then. */
static enum call_result go_on(struct server *server, struct session *session,
                              const struct command *command,
                              const slice *argv, size_t argc,
                              struct reply *reply)
{
    struct call call;
    call_begin(&call, server, session, command, argv, argc);
    call.reply = reply;
    server->tick = scripts_begun(session);
    enum call_result result = call_run(&call);
    ASSERT(result != CALL_PARKED);
    db_release(server->db, &session->wait);
    return result;
}

static enum call_result execute(struct server *server, struct session *session,
                                const struct command *command,
                                const slice *argv, size_t argc,
                                struct reply *reply, size_t reply_begin)
{
    struct call call;
    if (session->waited.since != 0)
        waited_end(session);
    if (command == NULL)
        return refused(server, session, reply, reply_begin);
    if (scripts_is_under_way(session))
        return go_on(server, session, command, argv, argc, reply);
    if (session->multi != NULL && (command->flags & CMD_NO_MULTI) &&
        !(command->flags & CMD_STEERS_MULTI)) {
        reply_error(reply, "ERR Command not allowed inside a transaction");
        return refused(server, session, reply, reply_begin);
    }
    if (is_barred(session, command)) {
        reply_error(reply, "ERR Replica can't interact with the keyspace");
        return refused(server, session, reply, reply_begin);
    }
    if (is_for_messages_only(session, command)) {
        not_for_subscribers(reply, command);
        return refused(server, session, reply, reply_begin);
    }
    if (scripts_is_busy(server) && !(command->flags & CMD_ALLOW_BUSY))
        return refused_busy(server, session, command, reply, reply_begin);
    call_begin(&call, server, session, command, argv, argc);
    call.reply = reply;
    if (block_has_ended(session)) {
        db_release(server->db, &session->wait);
        return call_run(&call);
    }
    if (pause_holds(&call)) {
        waited_clear(session); /* told of already; a pause is no waiting */
        return CALL_HELD;
    }
    if (is_queued(session, command)) {
        server_begins(server); /* queueing is no time of EXEC's */
        return multi_queue(&call);
    }
    enum db_verdict verdict = command->prepare != NULL
                                  ? command->prepare(&call)
                                  : call_prepare(&call);
    if (verdict == DB_PARKED)
        return waits(session, CALL_PARKED);
    if (verdict == DB_READY)
        verdict = call_admit_reply(&call);
    if (verdict == DB_PARKED) {
        db_release(server->db, &session->wait); /* pins nothing meanwhile */
        return waits(session, CALL_WAITS_TURN);
    }
    if (verdict == DB_FAILED) {
        if (command->failed != NULL)
            command->failed(&call, session->wait.err);
        else
            call_error(&call, session->wait.err);
        note_rejected(server, command, reply, reply_begin);
        waited_clear(session);
        db_release(server->db, &session->wait);
        return CALL_DONE;
    }
    enum call_result result = call_run(&call);
    if (result == CALL_PARKED && scripts_is_under_way(session))
        return result; /* it runs, it does not wait */
    if (result == CALL_PARKED || result == CALL_WAITS_TURN)
        return waits(session, result);
    if (result == CALL_BLOCKED)
        return blocks(&call);
    db_release(server->db, &session->wait);
    return result;
}

enum call_result command_execute(struct server *server, struct session *session,
                                 const slice *argv, size_t argc,
                                 struct reply *reply)
{
    size_t reply_begin = reply->len;
    reply->muted = session_is_muted(session);
    const struct command *command =
        resolve(server, session, argv, argc, reply);
    enum call_result result = execute(server, session, command, argv, argc,
                                      reply, reply_begin);
    reply->muted = false;
    if (result == CALL_DONE || result == CALL_CLOSE) {
        session_command_done(session, command);
        session->own_wants_only = false;
        block_leave(session);
        sort_leave(session);
    }
    return result;
}
