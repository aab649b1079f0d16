/* wants.c - what must be there before a command runs: its keys in memory, room
 * for what it may add, and room for what it may answer. */
#include "cmd/wants.h"

#include "base/assert.h"
#include "base/num.h"
#include "cache/cache.h"
#include "cmd/notify.h"

/* Most commands have one key; wants for more are made on the heap. */
#define FEW_KEYS 8

/* --- keys ---------------------------------------------------------------- */

/* How many keys are counted in the arguments; 0 also for a number that can't be
 * right. */
static size_t counted_keys(const struct command *command, const slice *argv,
                           size_t argc)
{
    size_t  at = (size_t)command->numkeys;
    int64_t count;
    if (at >= argc || !num_parse_int64(argv[at], &count) || count < 0 ||
        (uint64_t)count > argc - at - 1)
        return 0;
    return (size_t)count;
}

/* One past the position of the last key. */
static size_t keys_end(const struct command *command, const slice *argv,
                       size_t argc)
{
    if (command->numkeys != 0)
        return (size_t)command->keys.first + counted_keys(command, argv, argc);
    int last = command->keys.last;
    if (last < 0)
        last += (int)argc;
    return (size_t)last + 1 < argc ? (size_t)last + 1 : argc;
}

size_t command_key_positions(const struct command *command, const slice *argv,
                             size_t argc, size_t *out)
{
    size_t count = 0;
    if (command->keys.first == 0)
        return 0;
    size_t end = keys_end(command, argv, argc);
    for (size_t i = (size_t)command->keys.first; i < end;
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

struct db_space *call_space(const struct call *call, unsigned index)
{
    return call->view != NULL ? call->view[index] : db_space(call->db, index);
}

static enum db_need need_of(const struct call *call, size_t key_index)
{
    enum db_need need = call->command->need_of != NULL
                            ? call->command->need_of(call, key_index)
                            : call->command->need;
    if (need == DB_NEED_NONE && notify_asks_old(call->server))
        need = DB_NEED_HEADER;
    return need;
}

static size_t more_wants(const struct call *call, struct db_want *out)
{
    return call->command->more_wants != NULL
               ? call->command->more_wants(call, out)
               : 0;
}

/* Commands that only name keys (CACHE STATE, SPUBLISH) want nothing of them in
 * memory, whatever others wait for. */
static bool wants_keys(const struct command *command)
{
    bool names_only = command->need == DB_NEED_NONE &&
                      !(command->flags & CMD_WRITE);
    return command->keys.first != 0 && !names_only;
}

size_t call_wants_max(const struct call *call)
{
    const struct command *command = call->command;
    if (!wants_keys(command))
        return 0;
    size_t first = (size_t)command->keys.first;
    size_t step = (size_t)command->keys.step;
    size_t end = keys_end(command, call->argv, call->argc);
    return (end - first) / step + 1 + MORE_WANTS_MAX;
}

size_t call_wants(struct call *call, struct db_want *out)
{
    const struct command *command = call->command;
    size_t                count = 0;
    if (call_wants_max(call) == 0)
        return 0;
    size_t i = (size_t)command->keys.first;
    size_t end = keys_end(command, call->argv, call->argc);
    if (command->numkeys != 0 && i == end)
        return more_wants(call, out);
    do { /* the arity says that there is one at least */
        out[count] = (struct db_want){ .key = call_key(call, i),
                                       .need = need_of(call, count) };
        count++;
        i += (size_t)command->keys.step;
    } while (i < end);
    return count + more_wants(call, out + count);
}

/* Most commands by far. */
static bool has_one_want(const struct command *command)
{
    return wants_keys(command) && command->keys.first == command->keys.last &&
           command->more_wants == NULL;
}

static enum db_verdict acquire(struct call *call)
{
    struct db_wait *wait = &call->session->wait;
    if (has_one_want(call->command)) {
        struct db_want want = { .key = call->key, .need = need_of(call, 0) };
        return db_acquire(call->db, wait, &want, 1);
    }
    struct db_want  few[FEW_KEYS], *wants = few;
    size_t          most = call_wants_max(call);
    if (most == 0)
        return DB_READY;
    if (most > FEW_KEYS)
        wants = mem_alloc(most * sizeof(*wants));
    enum db_verdict verdict =
        db_acquire(call->db, wait, wants, call_wants(call, wants));
    if (wants != few)
        mem_free(wants);
    return verdict;
}

void command_prefetch(struct server *server, struct session *session,
                      const slice *argv, size_t argc)
{
    const struct command *command = command_find(server, argv, argc);
    struct call           call;
    struct db_want        few[FEW_KEYS], *wants = few;
    if (command == NULL || !session->authenticated ||
        !command_arity_ok(command, argc))
        return;
    call_begin(&call, server, session, command, argv, argc);
    size_t most = call_wants_max(&call);
    if (most > FEW_KEYS)
        wants = mem_alloc(most * sizeof(*wants));
    size_t count = most == 0 ? 0 : call_wants(&call, wants);
    for (size_t i = 0; i < count; i++)
        db_prefetch(server->db, &wants[i]);
    if (wants != few)
        mem_free(wants);
}

/* --- room ---------------------------------------------------------------- */

bool call_grows(const struct call *call)
{
    return (call->command->flags & CMD_DENYOOM) != 0 ||
           call->command->grow_of != NULL;
}

size_t call_growth(struct call *call)
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
    bool grows = call_grows(call);
    return db_admit_write(call->db, &call->session->wait,
                          grows ? call_growth(call) : 0, grows);
}

/* Making room may have evicted what was found in memory before: then it is
 * asked for again, and since what is loaded then is pinned, that ends. */
enum db_verdict call_prepare(struct call *call)
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

/* --- replies ------------------------------------------------------------- */

size_t call_large_reply(struct call *call)
{
    const struct command *command = call->command;
    const struct cache   *cache = db_cache(call->db);
    size_t                bytes = 0;
    if (command->keys.first == 0 || command->need != DB_NEED_VALUE ||
        !(command->flags & CMD_READONLY))
        return 0;
    size_t end = keys_end(command, call->argv, call->argc);
    for (size_t i = (size_t)command->keys.first; i < end;
         i += (size_t)command->keys.step) {
        struct db_key       key = call_key(call, i);
        const struct entry *entry =
            cache_find(cache, key.space->id, key.key, key.hash);
        if (entry != NULL)
            bytes += entry->value_len;
    }
    return bytes;
}

size_t call_reply_limit(const struct call *call)
{
    return server_limit_bytes(call->server) / 16 * 3;
}

enum db_verdict call_admit_bytes(struct call *call, size_t bytes)
{
    struct server_hooks *hooks = &call->server->hooks;
    if (bytes > call_reply_limit(call)) {
        call->session->wait.err = ERR_OOM;
        return DB_FAILED;
    }
    return hooks->admit_reply(hooks->arg, call->session, bytes) ? DB_READY
                                                                : DB_PARKED;
}

enum db_verdict call_admit_reply(struct call *call)
{
    const struct mem *mem = &call->server->mem;
    if (call->command->reply_of != NULL)
        return call_admit_bytes(call, call->command->reply_of(call));
    if (!(call->command->flags & CMD_READONLY))
        return DB_READY;
    /* One key without a blob, or few, can't be much. */
    bool few = mem->used_bytes[MEM_VALUES] == 0 && call->argc <= FEW_KEYS;
    return call_admit_bytes(call, few ? 0 : call_large_reply(call));
}
