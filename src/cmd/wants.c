/* wants.c - what must be there before a command runs: its keys in memory, room
 * for what it may add, and room for what it may answer. */
#include "cmd/wants.h"

#include "base/assert.h"
#include "base/num.h"
#include "cache/cache.h"
#include "cmd/block.h"
#include "cmd/notify.h"

/* Most commands have one key; wants for more are made on the heap. */
#define FEW_KEYS 8

/* --- keys ---------------------------------------------------------------- */

/* One past the position of the last of the keys that the table names. */
static size_t keys_end(const struct command *command, size_t argc)
{
    int last = command->keys.last;
    if (last < 0)
        last += (int)argc;
    return (size_t)last + 1 < argc ? (size_t)last + 1 : argc;
}

/* A number that makes no sense names no keys: the handler will answer that. */
static void count_numbered(struct key_iter *iter, size_t at, const slice *argv,
                           size_t argc)
{
    int64_t count;
    if (at >= argc || !num_parse_int64(argv[at], &count) || count <= 0 ||
        (uint64_t)count >= argc - at)
        return;
    iter->num_at = at + 1;
    iter->num_end = iter->num_at + (size_t)count;
}

void key_iter_init(struct key_iter *iter, const struct command *command,
                   const slice *argv, size_t argc)
{
    *iter = (struct key_iter){ .step = (size_t)command->keys.step };
    if (command->keys.first != 0) {
        iter->at = (size_t)command->keys.first;
        iter->end = keys_end(command, argc);
    }
    if (command->keys.numkeys != 0)
        count_numbered(iter, (size_t)command->keys.numkeys, argv, argc);
    if (command->option_key != NULL)
        iter->option_at = command->option_key(argv, argc);
}

bool key_iter_next(struct key_iter *iter, size_t *position)
{
    if (iter->at < iter->end) {
        *position = iter->at;
        iter->at += iter->step;
        return true;
    }
    if (iter->num_at < iter->num_end) {
        *position = iter->num_at++;
        return true;
    }
    *position = iter->option_at;
    iter->option_at = 0;
    return *position != 0;
}

bool command_has_keys(const struct command *command)
{
    return command->keys.first != 0 || command->keys.numkeys != 0;
}

size_t command_key_positions(const struct command *command, const slice *argv,
                             size_t argc, size_t *out)
{
    struct key_iter iter;
    size_t          count = 0;
    key_iter_init(&iter, command, argv, argc);
    while (key_iter_next(&iter, &out[count]))
        count++;
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
    return command_has_keys(command) && !names_only;
}

size_t call_wants_max(const struct call *call)
{
    const struct command *command = call->command;
    struct key_iter       iter;
    if (!wants_keys(command))
        return 0;
    key_iter_init(&iter, command, call->argv, call->argc);
    size_t count = iter.num_end - iter.num_at + MORE_WANTS_MAX +
                   (iter.option_at != 0);
    if (iter.at < iter.end)
        count += (iter.end - iter.at - 1) / iter.step + 1;
    return count;
}

size_t call_wants(struct call *call, struct db_want *out)
{
    struct key_iter iter;
    size_t          i, count = 0;
    if (!wants_keys(call->command))
        return 0;
    key_iter_init(&iter, call->command, call->argv, call->argc);
    while (key_iter_next(&iter, &i)) {
        out[count] = (struct db_want){ .key = call_key(call, i),
                                       .need = need_of(call, count) };
        count++;
    }
    return count + more_wants(call, out + count);
}

/* Most commands by far. */
static bool has_one_want(const struct command *command)
{
    return wants_keys(command) && command->keys.first != 0 &&
           command->keys.first == command->keys.last &&
           command->keys.numkeys == 0 && command->more_wants == NULL &&
           command->option_key == NULL;
}

/* With what blocked clients need who may be served by this call, if that can be
 * had. */
static enum db_verdict acquire_for_blocked(struct call *call,
                                           struct db_want *wants, size_t own)
{
    struct db_wait *wait = &call->session->wait;
    size_t          more = block_wants(call, wants, own, wants + own);
    enum db_verdict verdict = db_acquire(call->db, wait, wants, own + more);
    if (verdict != DB_FAILED || more == 0)
        return verdict;
    block_wants_nothing(call);
    return db_acquire(call->db, wait, wants, own);
}

static enum db_verdict acquire(struct call *call)
{
    struct db_wait *wait = &call->session->wait;
    size_t          blocked = block_wants_max(call);
    if (blocked == 0 && has_one_want(call->command)) {
        struct db_want want = { .key = call->key, .need = need_of(call, 0) };
        return db_acquire(call->db, wait, &want, 1);
    }
    struct db_want  few[FEW_KEYS + BLOCK_WANTS_MAX], *wants = few;
    size_t          most = call_wants_max(call) + blocked;
    if (most == 0)
        return DB_READY;
    if (most > FEW_KEYS + BLOCK_WANTS_MAX)
        wants = mem_alloc(most * sizeof(*wants));
    size_t          own = call_wants(call, wants);
    enum db_verdict verdict = blocked > 0
                                  ? acquire_for_blocked(call, wants, own)
                                  : db_acquire(call->db, wait, wants, own);
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

/* What an element takes beside its bytes: of a zset twice 8 bytes of score, and
 * slots. */
#define ELEMENT_BYTES 32

size_t call_growth(struct call *call)
{
    size_t bytes = 0, keys = 1;
    for (size_t i = 1; i < call->argc; i++)
        bytes += call->argv[i].len;
    if (call->command->flags & CMD_COLLECTION)
        bytes += call->argc * ELEMENT_BYTES;
    else if (call->command->keys.first != 0 && call->argc > 3)
        keys = call->argc / (size_t)call->command->keys.step;
    if (call->command->grow_of != NULL)
        bytes += call->command->grow_of(call);
    return bytes + keys * 128;
}

/* A collection that is changed: splits of its pages. */
#define COLLECTION_GROWTH (16 * 1024)

/* What the command's keys hold, as far as it bears on growing. */
static size_t largest_object(struct call *call, bool *is_collection)
{
    const struct cache *cache = db_cache(call->db);
    struct key_iter     iter;
    size_t              i, largest = 0;
    key_iter_init(&iter, call->command, call->argv, call->argc);
    while (key_iter_next(&iter, &i)) {
        struct db_key       key = call_key(call, i);
        const struct entry *entry =
            cache_find(cache, key.space->id, key.key, key.hash);
        if (entry == NULL || !entry_exists(entry) ||
            entry_type(entry) == OBJ_STRING)
            continue;
        *is_collection = true;
        size_t bytes = db_coll_bytes(entry);
        largest = bytes > largest ? bytes : largest;
    }
    return largest;
}

/* A collection is in memory as a whole while it is used, and so must fit. */
static enum db_verdict admit(struct call *call)
{
    struct db_wait *wait = &call->session->wait;
    bool            grows = call_grows(call), is_collection = false;
    /* Who was blocked takes what somebody has just been let in with, and does
     * it at once, whether or not the epoch is full. */
    if (call->session->blocking != NULL && !db_is_failing(call->db) &&
        db_has_room(call->db, wait, grows ? call_growth(call) : 0))
        return DB_READY;
    if (!grows)
        return db_admit_write(call->db, wait, 0, false);
    size_t bytes = call_growth(call);
    if ((call->command->flags & CMD_COLLECTION)) {
        size_t object = largest_object(call, &is_collection);
        if (object > 0 &&
            object + bytes > server_max_object_bytes(call->server)) {
            wait->err = ERR_OOM;
            return DB_FAILED;
        }
        bytes += is_collection ? COLLECTION_GROWTH : 0;
    }
    return db_admit_write(call->db, wait, bytes, true);
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
    struct key_iter       iter;
    size_t                i, bytes = 0;
    if (command->need != DB_NEED_VALUE || !(command->flags & CMD_READONLY))
        return 0;
    key_iter_init(&iter, command, call->argv, call->argc);
    while (key_iter_next(&iter, &i)) {
        struct db_key       key = call_key(call, i);
        const struct entry *entry =
            cache_find(cache, key.space->id, key.key, key.hash);
        if (entry != NULL && entry_exists(entry))
            bytes += db_value_len(entry);
    }
    return bytes;
}

bool call_peek(struct call *call, struct coll *out)
{
    const struct db_key *key = &call->key;
    const struct entry  *entry =
        cache_find(db_cache(call->db), key->space->id, key->key, key->hash);
    if (entry == NULL || entry_presence(entry) != ENTRY_PRESENT ||
        entry_type(entry) == OBJ_STRING)
        return false;
    return db_read(entry, out);
}

size_t element_bytes(const struct page_value *value)
{
    char   buffer[NUM_INT64_CHARS];
    size_t len = page_value_text(value, buffer).len;
    size_t around = 6; /* $<digit>\r\n and \r\n */
    for (size_t left = len; left >= 10; left /= 10)
        around++;
    return around + len;
}

size_t collection_bytes(struct call *call)
{
    const struct cache *cache = db_cache(call->db);
    struct key_iter     iter;
    size_t              i, bytes = 0;
    key_iter_init(&iter, call->command, call->argv, call->argc);
    while (key_iter_next(&iter, &i)) {
        struct db_key       key = call_key(call, i);
        const struct entry *entry =
            cache_find(cache, key.space->id, key.key, key.hash);
        if (entry != NULL && entry_exists(entry))
            bytes += entry_type(entry) == OBJ_STRING
                         ? 0
                         : db_coll_bytes(entry) + entry->value_len;
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
    /* One key without an object, or few, can't be much. */
    bool few = mem->used_bytes[MEM_VALUES] == 0 && call->argc <= FEW_KEYS;
    return call_admit_bytes(call, few ? 0 : call_large_reply(call));
}
