/* dispatch.c - from the words of a request to its handler.
 *
 * The order of checks is Redis's: known, arity, authenticated; then ours: all
 * keys known to memory, room for what may grow, run. Either of the last two
 * may park the client; the command is then run again from here. */
#include "cmd/command.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/num.h"
#include "cache/cache.h"

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
}

void dispatch_deinit(struct server *server)
{
    mem_free(server->index);
    server->index = NULL;
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

/* --- keys ---------------------------------------------------------------- */

/* One past the position of the last key. */
static size_t keys_end(const struct command *command, size_t argc)
{
    int last = command->keys.last;
    if (last < 0)
        last += (int)argc;
    return (size_t)last + 1 < argc ? (size_t)last + 1 : argc;
}

size_t command_key_positions(const struct command *command, const slice *argv,
                             size_t argc, size_t *out)
{
    size_t count = 0;
    (void)argv;
    if (command->keys.first == 0)
        return 0;
    for (size_t i = (size_t)command->keys.first; i < keys_end(command, argc);
         i += (size_t)command->keys.step)
        out[count++] = i;
    return count;
}

struct db_key call_key(struct call *call, size_t arg_index)
{
    if (arg_index == (size_t)call->command->keys.first)
        return call->key;
    return db_key_make(call->db, call->space, call->argv[arg_index]);
}

static enum db_need need_of(const struct call *call, size_t key_index)
{
    return call->command->need_of != NULL
               ? call->command->need_of(call, key_index)
               : call->command->need;
}

/* Most commands have one key; wants for more are made on the heap. */
#define FEW_KEYS 8

static enum db_verdict acquire(struct call *call)
{
    const struct command *command = call->command;
    struct db_wait       *wait = &call->session->wait;
    /* Without keys a handler that waits (CACHE FLUSH) answers its errors
     * itself; and commands that only name keys (CACHE STATE) want nothing of
     * them in memory, whatever others wait for. */
    bool names_only = command->need == DB_NEED_NONE &&
                      !(command->flags & CMD_WRITE);
    if (command->keys.first == 0 || names_only)
        return DB_READY;

    struct db_want  few[FEW_KEYS], *wants = few;
    size_t first = (size_t)command->keys.first;
    size_t step = (size_t)command->keys.step;
    size_t end = keys_end(command, call->argc);
    size_t most = (end - first) / step + 1, count = 0;
    if (most > FEW_KEYS)
        wants = mem_alloc(most * sizeof(*wants));
    size_t i = first;
    do { /* the arity says that there is one at least */
        wants[count] = (struct db_want){ .key = call_key(call, i),
                                         .need = need_of(call, count) };
        count++;
        i += step;
    } while (i < end);
    enum db_verdict verdict = db_acquire(call->db, wait, wants, count);
    if (wants != few)
        mem_free(wants);
    return verdict;
}

/* --- room ---------------------------------------------------------------- */

static size_t growth(struct call *call)
{
    size_t bytes = 0, keys = 1;
    for (size_t i = 1; i < call->argc; i++)
        bytes += call->argv[i].len;
    if (call->command->keys.first != 0 && call->argc > 3)
        keys = call->argc / (size_t)call->command->keys.step;
    if (call->command->grow_of != NULL)
        bytes += call->command->grow_of(call);
    return bytes + keys * 128;
}

static enum db_verdict admit(struct call *call)
{
    uint32_t flags = call->command->flags;
    if (!(flags & CMD_WRITE))
        return DB_READY;
    bool grows =
        (flags & CMD_DENYOOM) != 0 || call->command->grow_of != NULL;
    return db_admit_write(call->db, &call->session->wait,
                          grows ? growth(call) : 0, grows);
}

/* What a reading command will answer at least, if that may be much: one key
 * with a blob, or many keys. */
static size_t large_reply(struct call *call)
{
    const struct command *command = call->command;
    const struct cache   *cache = db_cache(call->db);
    size_t                bytes = 0;
    if (command->keys.first == 0 || command->need != DB_NEED_VALUE ||
        (cache->mem->used_bytes[MEM_VALUES] == 0 && call->argc <= FEW_KEYS))
        return 0;
    for (size_t i = (size_t)command->keys.first;
         i < keys_end(command, call->argc); i += (size_t)command->keys.step) {
        struct db_key       key = call_key(call, i);
        const struct entry *entry =
            cache_find(cache, key.space->id, key.key, key.hash);
        if (entry != NULL)
            bytes += entry->value_len;
    }
    return bytes;
}

/* Large replies take turns: DB_PARKED when this is not the client's, DB_FAILED
 * when all clients together may not hold so much. */
static enum db_verdict admit_reply(struct call *call)
{
    struct server_hooks *hooks = &call->server->hooks;
    if (!(call->command->flags & CMD_READONLY))
        return DB_READY;
    size_t bytes = large_reply(call);
    if (bytes > server_limit_bytes(call->server) / 16 * 3) {
        call->session->wait.err = ERR_OOM;
        return DB_FAILED;
    }
    return hooks->admit_reply(hooks->arg, call->session, bytes) ? DB_READY
                                                                : DB_PARKED;
}

/* Making room may have evicted what was found in memory before: then it is
 * asked for again, and since what is loaded then is pinned, that ends. */
static enum db_verdict prepare(struct call *call)
{
    struct cache   *cache = db_cache(call->db);
    enum db_verdict verdict = acquire(call);
    if (verdict != DB_READY || !(call->command->flags & CMD_WRITE))
        return verdict;
    uint64_t evictions = cache->evictions;
    verdict = admit(call);
    if (verdict == DB_READY && cache->evictions != evictions)
        verdict = acquire(call);
    return verdict;
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

static void note_command(struct server *server, struct session *session)
{
    server->stats.commands++;
    session->commands++;
    session->active_ms = server->now_ms;
}

/* What readers found or not, as Redis counts it. */
static void note_lookups(struct server *server, const struct command *command,
                         const struct db_lookups *before)
{
    const struct db_lookups *now = db_lookups(server->db);
    if (!(command->flags & CMD_READONLY))
        return;
    server->stats.keyspace_hits += now->found - before->found;
    server->stats.keyspace_misses += now->missing - before->missing;
}

enum call_result command_execute(struct server *server, struct session *session,
                                 const slice *argv, size_t argc,
                                 struct reply *reply)
{
    const struct command *command =
        resolve(server, session, argv, argc, reply);
    if (command == NULL) {
        server->stats.error_replies++;
        return CALL_DONE;
    }
    struct call call = {
        .server = server,
        .session = session,
        .command = command,
        .argv = argv,
        .argc = argc,
        .reply = reply,
        .db = server->db,
        .space = db_space(server->db, session->db),
    };
    if (command->keys.first != 0)
        call.key = db_key_make(call.db, call.space,
                               argv[(size_t)command->keys.first]);
    enum call_result  result = CALL_DONE;
    enum db_verdict   verdict = prepare(&call);
    struct db_lookups before = *db_lookups(server->db);
    if (verdict == DB_PARKED)
        return CALL_PARKED;
    if (verdict == DB_READY)
        verdict = admit_reply(&call);
    if (verdict == DB_PARKED) {
        db_release(server->db, &session->wait); /* pins nothing meanwhile */
        return CALL_WAITS_TURN;
    }
    if (verdict == DB_FAILED)
        call_error(&call, session->wait.err);
    else
        result = command->handler(&call);
    if (result == CALL_PARKED)
        return result;
    db_release(server->db, &session->wait);
    note_lookups(server, command, &before);
    note_command(server, session);
    return result;
}

void command_prefetch(struct server *server, struct session *session,
                      const slice *argv, size_t argc)
{
    const struct command *command = command_find(server, argv, argc);
    if (command == NULL || command->keys.first == 0 || !session->authenticated ||
        !command_arity_ok(command, argc))
        return;
    struct call call = { .server = server,
                         .session = session,
                         .command = command,
                         .argv = argv,
                         .argc = argc,
                         .db = server->db,
                         .space = db_space(server->db, session->db) };
    call.key = db_key_make(call.db, call.space,
                           argv[(size_t)command->keys.first]);
    size_t count = 0;
    for (size_t i = (size_t)command->keys.first; i < keys_end(command, argc);
         i += (size_t)command->keys.step, count++) {
        struct db_want want = { .key = call_key(&call, i),
                                .need = need_of(&call, count) };
        db_prefetch(server->db, &want);
    }
}
