/* dispatch.c - from the words of a request to its handler.
 *
 * The order of checks is Redis's: known, arity, authenticated; then ours: all
 * keys known to memory, room for what may grow, run. Either of the last two
 * may park the client; the command is then run again from here. */
#include "cmd/command.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/num.h"
#include "cmd/cmdstats.h"
#include "cmd/multi.h"
#include "cmd/wants.h"

#define INDEX_SLOTS 1024u /* a power of two, several times the commands */
#define NAME_MAX_LEN 64

struct command_index {
    const struct command *slots[INDEX_SLOTS];
};

static uint32_t hash_name(slice name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ ((uint8_t)name.data[i] | 0x20)) * 16777619u;
    return hash & (INDEX_SLOTS - 1);
}

static struct command_index *index_build(void)
{
    struct command_index *index = mem_calloc(1, sizeof(*index));
    for (const struct command *c = command_table; c->name != NULL; c++) {
        uint32_t at = hash_name(slice_from_string(c->name));
        while (index->slots[at] != NULL)
            at = (at + 1) & (INDEX_SLOTS - 1);
        index->slots[at] = c;
    }
    return index;
}

void dispatch_init(struct server *server)
{
    server->index = index_build();
    call_notes_init(server);
}

void dispatch_deinit(struct server *server)
{
    mem_free(server->index);
    server->index = NULL;
    call_notes_deinit(server);
}

static const struct command *find_top(const struct server *server, slice name)
{
    uint32_t at = hash_name(name);
    const struct command *command;
    while ((command = server->index->slots[at]) != NULL) {
        if (slice_equal_nocase(name, command->name))
            return command;
        at = (at + 1) & (INDEX_SLOTS - 1);
    }
    return NULL;
}

static const struct command *find_sub(const struct command *container,
                                      slice name)
{
    for (const struct command *c = container->subcommands; c && c->name; c++)
        if (slice_equal_nocase(name, c->name))
            return c;
    return NULL;
}

const struct command *command_find(const struct server *server,
                                   const slice *argv, size_t argc)
{
    const struct command *command = find_top(server, argv[0]);
    if (command == NULL || command->subcommands == NULL || argc < 2)
        return command;
    return find_sub(command, argv[1]);
}

const struct command *command_find_name(const struct server *server, slice name)
{
    const char *bar = memchr(name.data, '|', name.len);
    if (bar == NULL)
        return find_top(server, name);
    size_t                len = (size_t)(bar - name.data);
    const struct command *top = find_top(server, slice_make(name.data, len));
    return top == NULL ? NULL
                       : find_sub(top, slice_make(bar + 1, name.len - len - 1));
}

bool command_arity_ok(const struct command *command, size_t argc)
{
    return command->arity >= 0 ? argc == (size_t)command->arity
                               : argc >= (size_t)-command->arity;
}

/* --- errors -------------------------------------------------------------- */

void call_error(struct call *call, err_t err)
{
    struct db_stats stats;
    switch (err) {
    case ERR_OOM:
        reply_error(call->reply, "OOM command not allowed when used memory > "
                                 "'maxmemory'.");
        break;
    case ERR_IO:
    case ERR_NO_SPACE:
        if (call->command->flags & CMD_WRITE) {
            db_stats(call->db, &stats);
            if (stats.failing) {
                reply_errorf(call->reply,
                             "MISCONF diskstore can't write to its store now "
                             "(%s). Commands that may modify the data set are "
                             "refused until it can.",
                             stats.last_error);
                break;
            }
        }
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
                               const struct command *container, slice name)
{
    char   upper[NAME_MAX_LEN];
    size_t len = strlen(container->name);
    for (size_t i = 0; i <= len; i++) {
        char c = container->name[i];
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

/* --- running ------------------------------------------------------------- */

/* The command, or NULL with the error answered. What CLIENT LIST names is the
 * last one that was looked up, run or not. */
static const struct command *resolve(struct server *server,
                                     struct session *session,
                                     const slice *argv, size_t argc,
                                     struct reply *reply)
{
    const struct command *top = find_top(server, argv[0]), *command = top;
    if (top != NULL && top->subcommands != NULL && argc >= 2)
        command = find_sub(top, argv[1]);
    session->last_command =
        top != NULL && is_one_command(top) ? top : command;
    if (top == NULL) {
        unknown_command(reply, argv, argc);
        return NULL;
    }
    if (command == NULL) {
        unknown_subcommand(reply, top, argv[1]);
        return NULL;
    }
    if (!command_arity_ok(command, argc) || command->handler == NULL) {
        if (command != top && is_one_command(top))
            unknown_subcommand(reply, top, argv[1]);
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
    if (command->keys.first != 0)
        call->key = db_key_make(call->db, call->space,
                                argv[(size_t)command->keys.first]);
}

enum call_result command_execute(struct server *server, struct session *session,
                                 const slice *argv, size_t argc,
                                 struct reply *reply)
{
    size_t                reply_begin = reply->len;
    const struct command *command =
        resolve(server, session, argv, argc, reply);
    struct call call;
    if (session->waited.since != 0)
        waited_end(session);
    if (command == NULL)
        return refused(server, session, reply, reply_begin);
    if (session->multi != NULL && (command->flags & CMD_NO_MULTI) &&
        !(command->flags & CMD_STEERS_MULTI)) {
        reply_error(reply, "ERR Command not allowed inside a transaction");
        return refused(server, session, reply, reply_begin);
    }
    if (is_barred(session, command)) {
        reply_error(reply, "ERR Replica can't interact with the keyspace");
        return refused(server, session, reply, reply_begin);
    }
    call_begin(&call, server, session, command, argv, argc);
    call.reply = reply;
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
    if (result == CALL_PARKED)
        return waits(session, result);
    db_release(server->db, &session->wait);
    return result;
}
