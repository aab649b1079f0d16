/* block.c - see block.h.
 *
 * A table of keys, by database and name, each with its waiters in the order in
 * which they blocked; a client with several keys is in several lines at once.
 *
 * A key is ready when it came into being while somebody waits for it: it did
 * not exist, or RENAME, MOVE or COPY put something in its place, or SWAPDB
 * brought it. Whether it fits the waiters' type is seen when they are served.
 * (Like Redis, we do not wake anybody when a key of another type is overwritten
 * by ...STORE.) Ready keys are served in the order in which they became so, and
 * serving one may make others ready (BLMOVE): it goes on until none is. Each
 * client that is run either leaves its lines or waits for a load, so that ends.
 *
 * Running a command again may need what is not in memory: a list to move to, an
 * earlier key of BLPOP. Mostly it is there, since whoever writes a key that is
 * waited for asks for it too (block_wants, wants.c). If not, the client waits
 * like any other command, and keeps its place: those behind it in its lines are
 * not served before it has run (held_up). */
#include "cmd/block.h"

#include <math.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/dict.h"
#include "base/heap.h"
#include "base/num.h"
#include "base/rand.h"
#include "cache/cache.h"
#include "cmd/handlers.h"

#define TABLE_KEY_BYTES ((size_t)1 << 30) /* a key of the table, at most */

/* A key that somebody waits for. Freed with its last waiter. */
struct blocked_key {
    struct dict_node node; /* key: database index, then the name */
    struct link      waiters;    /* waiter.link, in the order of blocking */
    struct link      ready_link; /* on block->ready, or on no list */
    enum obj_type    ready_type; /* what it held when it became ready */
    bool             being_served; /* not freed meanwhile */
    char             bytes[];
};

/* A client's place at one key. */
struct waiter {
    struct link         link;
    struct blocked_key *key;
    struct blocking    *blocking;
};

enum blocking_state {
    BLOCKING_WAITS,
    BLOCKING_SERVED /* its command is under way, or waits for what it needs */
};

enum blocking_end { END_NONE, END_TIMEOUT, END_ERROR };

struct blocking {
    struct session     *session;
    struct heap_node    deadline; /* on block->deadlines, if it has one */
    struct link         end_link; /* on block->ended, or on no list */
    enum obj_type       type;
    enum blocking_state state;
    enum blocking_end   end;
    bool                is_late; /* its time was over while it was served */
    bool                held_up; /* while served, others were passed over */
    size_t              count;
    size_t              bytes;   /* of the session's own_bytes */
    slice               target;  /* the key that BLMOVE writes */
    bool                has_target;
    struct waiter       waiters[];
};

struct block {
    struct dict keys;
    struct heap deadlines;
    struct link ready; /* blocked_key.ready_link, in order of becoming so */
    struct link ended; /* blocking.end_link: to be answered */
    struct buf  buf;
    size_t      clients, served;
    bool        is_serving;
};

void block_init(struct server *server)
{
    struct block   *block = mem_calloc(1, sizeof(*block));
    struct hash_key hash_key;
    rand_system(&hash_key, sizeof(hash_key));
    dict_init(&block->keys, &server->mem, MEM_OTHER, hash_key);
    heap_init(&block->deadlines, &server->mem, MEM_OTHER);
    link_init(&block->ready);
    link_init(&block->ended);
    buf_init(&block->buf, TABLE_KEY_BYTES);
    server->block = block;
}

void block_deinit(struct server *server)
{
    struct block *block = server->block;
    ASSERT(block->clients == 0);
    dict_deinit(&block->keys);
    heap_deinit(&block->deadlines);
    buf_deinit(&block->buf);
    mem_free(block);
}

/* --- timeouts ------------------------------------------------------------- */

/* Read as Redis reads it: "0x10" and "1e3" are numbers, and what is a part of a
 * millisecond is rounded up, so that only 0 (or a bit less) is for ever. */
bool block_timeout(struct call *call, slice seconds, int64_t *deadline_ms)
{
    const int64_t now_ms = call->server->now_ms;
    long double   ms;
    const char   *wrong = NULL;
    *deadline_ms = 0;
    if (!num_parse_long_double(seconds, &ms))
        wrong = "ERR timeout is not a float or out of range";
    else if ((ms = ceill(ms * 1000)) < 0)
        wrong = "ERR timeout is negative";
    else if (ms > (long double)(INT64_MAX - now_ms))
        wrong = "ERR timeout is out of range";
    else if (ms > 0)
        *deadline_ms = now_ms + (int64_t)ms;
    if (wrong != NULL)
        reply_error(call->reply, wrong);
    return wrong == NULL;
}

/* --- keys ----------------------------------------------------------------- */

static slice table_key(struct buf *buf, uint32_t index, slice name)
{
    buf_clear(buf);
    err_t err = buf_append(buf, &index, sizeof(index));
    if (err == ERR_OK)
        err = buf_append(buf, name.data, name.len);
    ASSERT(err == ERR_OK);
    return buf_slice(buf);
}

static struct blocked_key *find(struct block *block, uint32_t index, slice name)
{
    struct dict_node *node =
        dict_find(&block->keys, table_key(&block->buf, index, name));
    return node == NULL ? NULL : CONTAINER_OF(node, struct blocked_key, node);
}

static struct blocked_key *key_new(struct block *block, uint32_t index,
                                   slice name)
{
    slice               bytes = table_key(&block->buf, index, name);
    struct blocked_key *key = mem_alloc(sizeof(*key) + bytes.len);
    memcpy(key->bytes, bytes.data, bytes.len);
    key->node.key = slice_make(key->bytes, bytes.len);
    key->ready_type = OBJ_STRING; /* nobody waits for one */
    key->being_served = false;
    link_init(&key->waiters);
    link_init(&key->ready_link);
    dict_insert(&block->keys, &key->node);
    return key;
}

static void key_free_if_idle(struct block *block, struct blocked_key *key)
{
    if (key->being_served || !list_empty(&key->waiters))
        return;
    link_remove(&key->ready_link);
    dict_remove(&block->keys, &key->node);
    mem_free(key);
}

static uint32_t index_of(const struct blocked_key *key)
{
    uint32_t index;
    memcpy(&index, key->node.key.data, sizeof(index));
    return index;
}

static slice name_of(const struct blocked_key *key)
{
    return slice_make(key->node.key.data + sizeof(uint32_t),
                      key->node.key.len - sizeof(uint32_t));
}

/* --- what is there -------------------------------------------------------- */

enum there { THERE_NOTHING, THERE_KEY, THERE_UNKNOWN };

/* What memory knows of a key; type is set for THERE_KEY. */
static enum there look(const struct server *server,
                       const struct blocked_key *key, enum obj_type *type)
{
    struct db_key where = db_key_make(
        server->db, db_space(server->db, index_of(key)), name_of(key));
    const struct entry *entry = cache_find(
        db_cache(server->db), where.space->id, where.key, where.hash);
    if (entry == NULL && where.space->unwritten)
        return THERE_NOTHING;
    if (entry == NULL || entry_presence(entry) == ENTRY_UNKNOWN)
        return THERE_UNKNOWN;
    if (!entry_exists(entry))
        return THERE_NOTHING;
    int64_t deadline_ms = entry_deadline(entry);
    if (deadline_ms != 0 && deadline_ms <= db_now_ms(server->db))
        return THERE_NOTHING;
    *type = entry_type(entry);
    return THERE_KEY;
}

/* Can a client that waits for this type take something? What left memory since
 * it became ready counts as still there: the client will look. */
static bool may_take(const struct server *server, const struct blocked_key *key,
                     enum obj_type type)
{
    enum obj_type found = key->ready_type;
    return look(server, key, &found) != THERE_NOTHING && found == type;
}

static void mark_ready(struct server *server, struct blocked_key *key)
{
    if (look(server, key, &key->ready_type) == THERE_NOTHING)
        return;
    if (list_empty(&key->ready_link))
        list_push_back(&server->block->ready, &key->ready_link);
}

/* --- blocking and leaving ------------------------------------------------- */

bool block_has(const struct session *session)
{
    return session->blocking != NULL && session->blocking->end == END_NONE;
}

bool block_is_denied(const struct call *call)
{
    return call->session->multi != NULL || call->from_script;
}

/* Ours would be the last in line: a session blocks once, at all its keys. */
static bool stands_there(const struct blocked_key *key,
                         const struct blocking    *blocking)
{
    struct link *last = list_last(&key->waiters);
    return last != NULL &&
           CONTAINER_OF(last, struct waiter, link)->blocking == blocking;
}

static void stand_in_line(struct blocking *blocking, struct block *block,
                          uint32_t index, slice name)
{
    struct blocked_key *key = find(block, index, name);
    if (key == NULL)
        key = key_new(block, index, name);
    else if (stands_there(key, blocking))
        return;
    struct waiter *waiter = &blocking->waiters[blocking->count++];
    *waiter = (struct waiter){ .key = key, .blocking = blocking };
    list_push_back(&key->waiters, &waiter->link);
}

/* The key of a call that is not among those that it waits for; false: there is
 * none. */
static bool target_of(const struct call *call, size_t first, size_t count,
                      slice *target)
{
    struct key_iter iter;
    size_t          at;
    key_iter_init(&iter, call->command, call->argv, call->argc);
    while (key_iter_next(&iter, &at))
        if (at < first || at >= first + count) {
            *target = call->argv[at];
            return true;
        }
    *target = SLICE_EMPTY;
    return false;
}

/* The session pays for each key, as if it were the only one. */
static size_t cost(const struct call *call, size_t first, size_t count,
                   slice target)
{
    size_t bytes = sizeof(struct blocking) + target.len +
                   count * (sizeof(struct waiter) + sizeof(struct blocked_key));
    for (size_t i = first; i < first + count; i++)
        bytes += call->argv[i].len + sizeof(uint32_t);
    return bytes;
}

static enum call_result begin(struct call *call, enum obj_type type,
                              size_t first, size_t count, int64_t deadline_ms)
{
    struct session *session = call->session;
    struct block   *block = call->server->block;
    slice           target;
    bool            has_target = target_of(call, first, count, &target);
    size_t          bytes = cost(call, first, count, target);
    if (bytes > server_max_value_bytes(call->server)) {
        call_error(call, ERR_OOM);
        return CALL_DONE;
    }
    size_t           fixed = sizeof(struct blocking) +
                   count * sizeof(struct waiter);
    struct blocking *blocking = mem_alloc(fixed + target.len);
    *blocking = (struct blocking){ .session = session,
                                   .type = type,
                                   .has_target = has_target,
                                   .bytes = bytes };
    char *copy = (char *)blocking + fixed;
    memcpy(copy, target.data, target.len);
    blocking->target = slice_make(copy, target.len);
    link_init(&blocking->end_link);
    if (deadline_ms != 0)
        heap_add(&block->deadlines, &blocking->deadline, deadline_ms);
    for (size_t i = first; i < first + count; i++)
        stand_in_line(blocking, block, session->db, call->argv[i]);
    session->blocking = blocking;
    session->own_bytes += bytes;
    block->clients++;
    return CALL_BLOCKED;
}

enum call_result block_on(struct call *call, enum obj_type type, size_t first,
                          size_t count, int64_t deadline_ms)
{
    struct blocking *blocking = call->session->blocking;
    if (block_is_denied(call)) {
        reply_null_array(call->reply);
        return CALL_DONE;
    }
    if (blocking == NULL)
        return begin(call, type, first, count, deadline_ms);
    ASSERT(blocking->state == BLOCKING_SERVED);
    if (blocking->is_late) {
        blocking->end = END_TIMEOUT;
        return block_answer(call);
    }
    /* It keeps its place. Those behind it would have found nothing either. */
    blocking->state = BLOCKING_WAITS;
    blocking->held_up = false;
    call->server->block->served--;
    return CALL_BLOCKED;
}

void block_leave(struct session *session)
{
    struct blocking *blocking = session->blocking;
    struct server   *server = session->server;
    struct block    *block = server->block;
    if (blocking == NULL)
        return;
    for (size_t i = 0; i < blocking->count; i++) {
        struct waiter *waiter = &blocking->waiters[i];
        link_remove(&waiter->link);
        if (blocking->held_up)
            mark_ready(server, waiter->key);
        key_free_if_idle(block, waiter->key);
    }
    heap_remove(&block->deadlines, &blocking->deadline);
    link_remove(&blocking->end_link);
    block->served -= blocking->state == BLOCKING_SERVED;
    block->clients--;
    session->own_bytes -= blocking->bytes;
    session->blocking = NULL;
    mem_free(blocking);
}

/* --- ending it otherwise -------------------------------------------------- */

static void end(struct blocking *blocking, enum blocking_end how)
{
    struct block *block = blocking->session->server->block;
    heap_remove(&block->deadlines, &blocking->deadline);
    blocking->end = how;
    /* One that waits for a load is answered when that has come. */
    if (blocking->state == BLOCKING_WAITS)
        list_push_back(&block->ended, &blocking->end_link);
}

bool block_end(struct session *session, bool with_error)
{
    if (!block_has(session))
        return false;
    end(session->blocking, with_error ? END_ERROR : END_TIMEOUT);
    return true;
}

bool block_has_ended(const struct session *session)
{
    return session->blocking != NULL && session->blocking->end != END_NONE;
}

enum call_result block_answer(struct call *call)
{
    const struct blocking *blocking = call->session->blocking;
    if (blocking->end == END_ERROR)
        reply_error(call->reply,
                    "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    else
        reply_null_array(call->reply);
    return CALL_DONE;
}

/* Who is being served had its turn before its time was over. */
static void time_is_over(struct blocking *blocking)
{
    if (blocking->state == BLOCKING_WAITS) {
        end(blocking, END_TIMEOUT);
        return;
    }
    heap_remove(&blocking->session->server->block->deadlines,
                &blocking->deadline);
    blocking->is_late = true;
}

int64_t server_block_turn(struct server *server)
{
    struct block     *block = server->block;
    struct heap_node *first;
    while ((first = heap_first(&block->deadlines)) != NULL &&
           first->when <= server->now_ms)
        time_is_over(CONTAINER_OF(first, struct blocking, deadline));
    return first == NULL ? 0 : first->when - server->now_ms;
}

/* --- the write hook ------------------------------------------------------- */

bool block_hears_changes(const struct server *server)
{
    return server->block->keys.count > 0;
}

/* "new" is told of what RENAME, MOVE and COPY put in the place of a key, too:
 * in Redis they delete it first. Of one that was written blindly after all we
 * don't know; who is woken in vain keeps its place. */
static bool came_into_being(const struct db_change *change)
{
    return change->exists &&
           (!change->existed || strcmp(change->event, "new") == 0);
}

static void spaces_swapped(struct server          *server,
                           const struct db_change *change)
{
    const struct dict *keys = &server->block->keys;
    for (struct dict_node *node = dict_next(keys, NULL); node != NULL;
         node = dict_next(keys, node)) {
        struct blocked_key *key = CONTAINER_OF(node, struct blocked_key, node);
        enum obj_type       type;
        uint32_t            index = index_of(key);
        if ((index == change->space->index || index == change->other->index) &&
            look(server, key, &type) == THERE_KEY)
            mark_ready(server, key);
    }
}

void block_on_change(struct server *server, const struct db_change *change)
{
    struct blocked_key *key;
    if (server->block->keys.count == 0)
        return;
    if (change->kind == DB_SPACES_SWAPPED) {
        spaces_swapped(server, change);
    } else if (change->kind == DB_KEY_CHANGED && came_into_being(change)) {
        key = find(server->block, change->space->index, change->key);
        if (key != NULL)
            mark_ready(server, key);
    }
}

/* --- what writers need ---------------------------------------------------- */

/* Of so many clients at each key, and BLOCK_WANTS_MAX keys in all: those behind
 * them wait for their loads when it is their turn. */
#define WANTS_CLIENTS 64

static bool swaps(const struct call *call)
{
    return call->command->handler == cmd_swapdb;
}

/* May it bring a key into being? */
static bool brings_keys(const struct call *call)
{
    command_handler *handler = call->command->handler;
    return (call->command->flags & CMD_DENYOOM) || handler == cmd_rename ||
           handler == cmd_renamenx || handler == cmd_move || swaps(call);
}

/* For those who are served it was asked before. */
size_t block_wants_max(const struct call *call)
{
    const struct session *session = call->session;
    size_t                keys = call->server->block->keys.count;
    if (keys == 0 || session->blocking != NULL || session->own_wants_only ||
        !brings_keys(call))
        return 0;
    return swaps(call) ? keys : BLOCK_WANTS_MAX;
}

void block_wants_nothing(struct call *call)
{
    db_release(call->db, &call->session->wait);
    call->session->own_wants_only = true;
}

/* What is gathered for one call. */
struct gather {
    struct call    *call;
    uint32_t        index; /* of the database where the clients wait */
    struct db_want *out;
    size_t          count;
};

static void want(struct gather *gather, slice name)
{
    for (size_t i = 0; i < gather->count; i++)
        if (slice_equal(gather->out[i].key.key, name))
            return;
    if (gather->count == BLOCK_WANTS_MAX)
        return;
    struct db_space *space = call_space(gather->call, gather->index);
    gather->out[gather->count++] = (struct db_want){
        .key = db_key_make(gather->call->db, space, name),
        .need = DB_NEED_VALUE,
    };
}

/* All keys of the clients that wait for this one. */
static void want_for_key(struct gather *gather, const struct blocked_key *key)
{
    size_t clients = 0;
    LIST_EACH (link, (struct link *)&key->waiters) {
        const struct blocking *blocking =
            CONTAINER_OF(link, struct waiter, link)->blocking;
        if (clients++ == WANTS_CLIENTS)
            return;
        for (size_t i = 0; i < blocking->count && blocking->count > 1; i++)
            want(gather, name_of(blocking->waiters[i].key));
        if (blocking->has_target)
            want(gather, blocking->target);
    }
}

/* And, since serving them may bring other keys into being, on from there. */
static void want_for(struct gather *gather, struct db_want *own)
{
    struct block       *block = gather->call->server->block;
    struct blocked_key *key = find(block, gather->index, own->key.key);
    if (key == NULL)
        return;
    if (own->need == DB_NEED_NONE)
        own->need = DB_NEED_HEADER;
    size_t next = gather->count;
    want_for_key(gather, key);
    for (; next < gather->count; next++) {
        key = find(block, gather->index, gather->out[next].key.key);
        if (key != NULL)
            want_for_key(gather, key);
    }
}

/* Within a transaction, the database that will have these keys then. */
static uint32_t index_for(const struct call *call, const struct db_space *space)
{
    uint32_t index = 0;
    if (call->view == NULL)
        return space->index;
    while (call->view[index] != space)
        index++;
    return index;
}

/* False: there is no such database, as the handler will say. */
static bool read_index(const struct call *call, slice arg, uint32_t *out)
{
    int64_t index;
    if (!num_parse_int64(arg, &index) || index < 0 ||
        index >= call->server->config->databases)
        return false;
    *out = (uint32_t)index;
    return true;
}

/* Does something stand, in the other database, under the names that are waited
 * for? */
static size_t swap_wants(struct call *call, struct db_want *out)
{
    const struct dict *keys = &call->server->block->keys;
    size_t             count = 0;
    uint32_t           pair[2];
    if (!read_index(call, call->argv[1], &pair[0]) ||
        !read_index(call, call->argv[2], &pair[1]))
        return 0;
    for (struct dict_node *node = dict_next(keys, NULL); node != NULL;
         node = dict_next(keys, node)) {
        struct blocked_key *key = CONTAINER_OF(node, struct blocked_key, node);
        uint32_t            index = index_of(key);
        if (index != pair[0] && index != pair[1])
            continue;
        struct db_space *from =
            call_space(call, index == pair[0] ? pair[1] : pair[0]);
        out[count++] = (struct db_want){
            .key = db_key_make(call->db, from, name_of(key)),
            .need = DB_NEED_HEADER,
        };
    }
    return count;
}

size_t block_wants(struct call *call, struct db_want *own, size_t own_count,
                   struct db_want *out)
{
    struct gather gather = { .call = call, .out = out };
    if (swaps(call))
        return swap_wants(call, out);
    for (size_t i = 0; i < own_count; i++) {
        gather.index = index_for(call, own[i].key.space);
        want_for(&gather, &own[i]);
    }
    return gather.count;
}

/* --- serving -------------------------------------------------------------- */

bool server_has_unblocked(const struct server *server)
{
    return !list_empty(&server->block->ready) ||
           !list_empty(&server->block->ended);
}

static void run(struct server *server, struct session *session)
{
    server->hooks.run_blocked(server->hooks.arg, session);
}

static void answer_ended(struct server *server)
{
    struct link *first;
    while ((first = list_first(&server->block->ended)) != NULL) {
        struct blocking *blocking =
            CONTAINER_OF(first, struct blocking, end_link);
        struct session *session = blocking->session;
        run(server, session);
        ASSERT(session->blocking == NULL);
    }
}

/* True: it has left, or waits on; false: it is not through. */
static bool serve(struct server *server, struct blocking *blocking)
{
    struct session *session = blocking->session;
    blocking->state = BLOCKING_SERVED;
    server->block->served++;
    run(server, session);
    return session->blocking == NULL ||
           session->blocking->state == BLOCKING_WAITS;
}

/* Nobody joins the line meanwhile, and nobody leaves it but who is run. */
static void serve_key(struct server *server, struct blocked_key *key)
{
    struct link *next;
    for (struct link *at = key->waiters.next; at != &key->waiters; at = next) {
        struct blocking *blocking =
            CONTAINER_OF(at, struct waiter, link)->blocking;
        next = at->next;
        if (blocking->state == BLOCKING_WAITS &&
            !may_take(server, key, blocking->type))
            continue;
        if (blocking->state == BLOCKING_SERVED || !serve(server, blocking)) {
            blocking->held_up = true;
            return;
        }
    }
}

void server_serve_unblocked(struct server *server)
{
    struct block *block = server->block;
    struct link  *first;
    ASSERT(!block->is_serving);
    block->is_serving = true;
    answer_ended(server);
    while ((first = list_first(&block->ready)) != NULL) {
        struct blocked_key *key =
            CONTAINER_OF(first, struct blocked_key, ready_link);
        link_remove(first);
        key->being_served = true;
        serve_key(server, key);
        key->being_served = false;
        key_free_if_idle(block, key);
    }
    block->is_serving = false;
}

/* --- figures -------------------------------------------------------------- */

struct block_figures block_figures(const struct server *server)
{
    const struct block *block = server->block;
    return (struct block_figures){ .clients = block->clients - block->served,
                                   .deadlines = block->deadlines.count,
                                   .keys = block->keys.count };
}

void block_check(const struct server *server)
{
    const struct block *block = server->block;
    size_t              clients = 0, served = 0, waiters = 0, lines = 0;
    heap_check(&block->deadlines);
    LIST_EACH (link, &server->sessions) {
        const struct blocking *blocking =
            CONTAINER_OF(link, struct session, link)->blocking;
        if (blocking == NULL)
            continue;
        ASSERT(blocking->count > 0);
        clients++;
        served += blocking->state == BLOCKING_SERVED;
        waiters += blocking->count;
    }
    for (struct dict_node *node = dict_next(&block->keys, NULL); node != NULL;
         node = dict_next(&block->keys, node)) {
        const struct blocked_key *key =
            CONTAINER_OF(node, struct blocked_key, node);
        ASSERT(!list_empty(&key->waiters));
        LIST_EACH (link, &key->waiters) {
            ASSERT(CONTAINER_OF(link, struct waiter, link)->key == key);
            lines++;
        }
    }
    ASSERT(clients == block->clients);
    ASSERT(served == block->served);
    ASSERT(waiters == lines);
}
