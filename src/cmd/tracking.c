/* tracking.c - who has read which keys, and telling them that these changed.
 *
 * One table: key -> ids of the sessions that have read it since it was told
 * last. It knows names only, not databases, as in Redis. A change tells all
 * readers and forgets the key; who still cares will read it again. A session
 * that has gone, or has turned tracking off, stays in the table as an id that
 * means nobody any more, until the key changes or is dropped.
 *
 * Invalidations come from the write hook, so that eviction and loading, which
 * don't pass it, are no changes. One change may have no write: a deadline that
 * passes while the key is only on disk, and nobody looks for it there (a store
 * that fails, DEBUG SET-ACTIVE-EXPIRE). So a key that has a deadline when it is
 * read is also on a list here, which is walked bit by bit. */
#include "cmd/tracking_state.h"

#include <string.h>

#include "base/assert.h"
#include "cache/cache.h"

#define DEADLINES_A_TICK 1000
/* Keys dropped from a table that is too large: by each read beyond those that
 * it added, and by each tick. */
#define DROPS_A_READ 100
#define DROPS_A_TICK 10000
/* What a message costs its receiver, beside a short key. */
#define MESSAGE_BYTES 64

struct tracked_key {
    struct dict_node node;
    struct link      deadline_link; /* on tracking.deadlines, or on no list */
    int64_t          deadline_ms;   /* the earliest seen; 0: none */
    uint64_t        *readers;       /* ids, ascending; &only, or owned */
    uint64_t         only;
    size_t           count, capacity;
    char             bytes[];
};

/* --- life ---------------------------------------------------------------- */

void tracking_init(struct server *server)
{
    struct tracking *tracking = mem_calloc(1, sizeof(*tracking));
    struct hash_key  hash_key;
    uint64_t         seed;
    rand_system(&hash_key, sizeof(hash_key));
    rand_system(&seed, sizeof(seed));
    rand_init(&tracking->rand, seed);
    dict_init(&tracking->keys, &server->mem, MEM_OTHER, hash_key);
    link_init(&tracking->deadlines);
    reply_init(&tracking->message);
    server->tracking = tracking;
    mem_charge(&server->mem, MEM_OTHER,
               sizeof(*tracking) + TRACKING_KEEP_BYTES);
    bcast_init(server, hash_key);
}

/* --- the table ----------------------------------------------------------- */

static struct tracked_key *key_of(struct dict_node *node)
{
    return CONTAINER_OF(node, struct tracked_key, node);
}

static size_t key_cost(const struct tracked_key *key)
{
    size_t own = key->readers == &key->only
                     ? 0
                     : mem_good_size(key->capacity * sizeof(*key->readers));
    return mem_good_size(sizeof(*key) + key->node.key.len) + own;
}

/* What a change of the key would send to each of its readers. */
static size_t message_cost(const struct tracked_key *key)
{
    size_t len = key->node.key.len;
    return MESSAGE_BYTES + (len < TRACKING_SHARED_BYTES ? len : 0);
}

static struct tracked_key *key_add(struct server *server, slice name)
{
    struct tracking    *tracking = server->tracking;
    struct tracked_key *key = mem_alloc(sizeof(*key) + name.len);
    *key = (struct tracked_key){ .capacity = 1 };
    link_init(&key->deadline_link);
    key->readers = &key->only;
    if (name.len > 0)
        memcpy(key->bytes, name.data, name.len);
    key->node.key = slice_make(key->bytes, name.len);
    dict_insert(&tracking->keys, &key->node);
    mem_charge(&server->mem, MEM_OTHER, key_cost(key));
    tracking->bytes += key_cost(key);
    return key;
}

static void key_free(struct server *server, struct tracked_key *key)
{
    mem_release(&server->mem, MEM_OTHER, key_cost(key));
    if (key->readers != &key->only)
        mem_free(key->readers);
    mem_free(key);
}

/* Out of the table; the caller frees it. */
static void key_take(struct tracking *tracking, struct tracked_key *key)
{
    dict_remove(&tracking->keys, &key->node);
    link_remove(&key->deadline_link);
    tracking->readers -= key->count;
    tracking->bytes -= key_cost(key) + key->count * message_cost(key);
}

static void readers_grow(struct server *server, struct tracked_key *key)
{
    size_t before = key_cost(key), capacity = key->capacity * 2;
    size_t bytes = capacity * sizeof(*key->readers);
    if (key->readers == &key->only) {
        key->readers = mem_alloc(bytes);
        key->readers[0] = key->only;
    } else {
        key->readers = mem_realloc(key->readers, bytes);
    }
    key->capacity = capacity;
    mem_charge(&server->mem, MEM_OTHER, key_cost(key) - before);
    server->tracking->bytes += key_cost(key) - before;
}

static void reader_add(struct server *server, struct tracked_key *key,
                       uint64_t id)
{
    size_t at = 0, end = key->count;
    while (at < end) {
        size_t middle = at + (end - at) / 2;
        if (key->readers[middle] < id)
            at = middle + 1;
        else
            end = middle;
    }
    if (at < key->count && key->readers[at] == id)
        return;
    if (key->count == key->capacity)
        readers_grow(server, key);
    memmove(&key->readers[at + 1], &key->readers[at],
            (key->count - at) * sizeof(*key->readers));
    key->readers[at] = id;
    key->count++;
    server->tracking->readers++;
    server->tracking->bytes += message_cost(key);
}

/* --- invalidation -------------------------------------------------------- */

static void body_of(const struct tracked_key *key, struct reply *body)
{
    slice name = key->node.key;
    reply_init(body);
    reply_array(body, 1);
    reply_bulk(body, name);
    tracking_share(body);
}

/* Whose command it is that runs now. */
static const struct session *current_session(const struct server *server)
{
    return server->running != NULL ? server->running->session : NULL;
}

static void tell_readers(struct server *server, const struct tracked_key *key)
{
    struct reply body;
    body_of(key, &body);
    for (size_t i = 0; i < key->count; i++) {
        struct session *session = session_by_id(server, key->readers[i]);
        if (session == NULL || !(session->flags & SESSION_TRACKING) ||
            (session->flags & SESSION_TRACKING_BCAST))
            continue;
        if ((session->flags & SESSION_TRACKING_NOLOOP) &&
            session == current_session(server))
            continue;
        tracking_send(session, &body);
    }
    reply_deinit(&body);
}

static void invalidate(struct server *server, struct tracked_key *key)
{
    key_take(server->tracking, key);
    tell_readers(server, key);
    key_free(server, key);
}

static void forget_all(struct server *server)
{
    struct tracking     *tracking = server->tracking;
    size_t               count = tracking->keys.count, at = 0;
    struct tracked_key **all = mem_alloc((count + 1) * sizeof(*all));
    for (struct dict_node *node = dict_next(&tracking->keys, NULL);
         node != NULL; node = dict_next(&tracking->keys, node))
        all[at++] = key_of(node);
    ASSERT(at == count);
    for (at = 0; at < count; at++) {
        key_take(tracking, all[at]);
        key_free(server, all[at]);
    }
    mem_free(all);
    ASSERT(tracking->readers == 0 && tracking->bytes == 0);
}

void tracking_deinit(struct server *server)
{
    ASSERT(server->tracking->clients == 0);
    forget_all(server);
    dict_deinit(&server->tracking->keys);
    bcast_deinit(server);
    reply_deinit(&server->tracking->message);
    mem_release(&server->mem, MEM_OTHER,
                sizeof(*server->tracking) + TRACKING_KEEP_BYTES);
    mem_free(server->tracking);
    server->tracking = NULL;
}

void tracking_flushed(struct server *server)
{
    if (!tracking_is_on(server))
        return;
    forget_all(server);
    LIST_EACH (link, &server->sessions) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        if (session->flags & SESSION_TRACKING)
            tracking_send_all(session);
    }
}

static void changed(struct server *server, const struct db_change *change)
{
    struct tracking  *tracking = server->tracking;
    bool              expired = strcmp(change->event, "expired") == 0;
    struct dict_node *node = NULL;
    if (tracking->prefix_count > 0)
        bcast_changed(server, change->key,
                      expired ? NULL : current_session(server));
    if (tracking->keys.count > 0)
        node = dict_find(&tracking->keys, change->key);
    if (node != NULL)
        invalidate(server, key_of(node));
}

bool tracking_is_on(const struct server *server)
{
    return server->tracking->clients > 0 || server->tracking->keys.count > 0;
}

void tracking_on_change(struct server *server, const struct db_change *change)
{
    if (!tracking_is_on(server))
        return;
    switch (change->kind) {
    case DB_KEY_CHANGED:
        /* RENAME gives the new name first, and Redis tells of it last: with its
         * event, "rename_to". */
        if (strcmp(change->event, "new") != 0)
            changed(server, change);
        break;
    case DB_KEY_EVENT:
        if (strcmp(change->event, "rename_to") == 0)
            changed(server, change);
        break;
    case DB_SPACE_EMPTIED:  /* whoever does that calls tracking_flushed */
    case DB_SPACES_SWAPPED: /* Redis tells nobody */
    case DB_KEY_MISSED:
        break;
    }
}

/* --- bounds -------------------------------------------------------------- */

static bool is_too_large(const struct server *server)
{
    const struct tracking *tracking = server->tracking;
    uint64_t most = server->config->tracking_table_max_keys;
    return (most != 0 && tracking->keys.count > most) ||
           tracking->bytes > tracking_bound(server);
}

static void drop_some(struct server *server, size_t effort)
{
    struct tracking *tracking = server->tracking;
    for (; effort > 0 && is_too_large(server); effort--) {
        struct dict_node *node =
            dict_any(&tracking->keys, rand_next(&tracking->rand));
        if (node == NULL)
            return;
        invalidate(server, key_of(node));
    }
}

/* --- reading ------------------------------------------------------------- */

/* Of a key that a command has just read, without counting as one more read. */
static int64_t deadline_of(struct call *call, size_t arg_index)
{
    struct db_key       key = call_key(call, arg_index);
    const struct entry *entry = cache_find(db_cache(call->db), key.space->id,
                                           key.key, key.hash);
    return entry != NULL && entry_exists(entry) ? entry_deadline(entry) : 0;
}

static void remember(struct call *call, size_t arg_index)
{
    struct server      *server = call->server;
    struct tracking    *tracking = server->tracking;
    slice               name = call->argv[arg_index];
    struct dict_node   *node = dict_find(&tracking->keys, name);
    struct tracked_key *key =
        node != NULL ? key_of(node) : key_add(server, name);
    int64_t deadline_ms = deadline_of(call, arg_index);
    reader_add(server, key, call->session->id);
    if (deadline_ms == 0)
        return;
    if (key->deadline_ms == 0 || deadline_ms < key->deadline_ms)
        key->deadline_ms = deadline_ms;
    if (list_empty(&key->deadline_link))
        list_push_back(&tracking->deadlines, &key->deadline_link);
}

static bool is_wanted(const struct session *session)
{
    bool caching = (session->flags & SESSION_CACHING) != 0;
    if (session->flags & SESSION_TRACKING_OPTIN)
        return caching;
    return !(session->flags & SESSION_TRACKING_OPTOUT) || !caching;
}

/* Commands of our own that only name keys (CACHE STATE) read none of them. */
static bool reads_keys(const struct command *command)
{
    return (command->flags & CMD_READONLY) && command_has_keys(command) &&
           !(command->flags & CMD_RUNS_SCRIPT) &&
           !(command->flags & (CMD_PUBSUB | CMD_OURS));
}

void tracking_read(struct call *call)
{
    const struct session *session = call->session;
    if (!(session->flags & SESSION_TRACKING) ||
        (session->flags & SESSION_TRACKING_BCAST) ||
        !reads_keys(call->command) || !is_wanted(session))
        return;
    size_t *at = mem_alloc(call->argc * sizeof(*at));
    size_t  count =
        command_key_positions(call->command, call->argv, call->argc, at);
    for (size_t i = 0; i < count; i++)
        remember(call, at[i]);
    mem_free(at);
    drop_some(call->server, count + DROPS_A_READ);
}

/* --- now and then -------------------------------------------------------- */

/* Each look takes the first of the list to its end; so all have their turn. */
static void expire_some(struct server *server)
{
    struct tracking *tracking = server->tracking;
    int64_t          now_ms = db_now_ms(server->db);
    size_t           most = tracking->keys.count;
    if (server->pause.until_ms != 0)
        return; /* no expiry meanwhile */
    if (most > DEADLINES_A_TICK)
        most = DEADLINES_A_TICK;
    for (; most > 0 && !list_empty(&tracking->deadlines); most--) {
        struct link        *first = list_first(&tracking->deadlines);
        struct tracked_key *key =
            CONTAINER_OF(first, struct tracked_key, deadline_link);
        link_remove(first);
        list_push_back(&tracking->deadlines, first);
        if (key->deadline_ms <= now_ms)
            invalidate(server, key);
    }
}

void tracking_cron(struct server *server)
{
    if (server->tracking->keys.count == 0)
        return;
    expire_some(server);
    drop_some(server, DROPS_A_TICK);
}

struct tracking_figures tracking_figures(const struct server *server)
{
    const struct tracking *tracking = server->tracking;
    return (struct tracking_figures){ .clients = tracking->clients,
                                      .keys = tracking->keys.count,
                                      .readers = tracking->readers,
                                      .prefixes = tracking->prefix_count };
}

/* --- sessions ------------------------------------------------------------ */

void tracking_enable(struct session *session,
                     const struct tracking_options *options)
{
    if (!(session->flags & SESSION_TRACKING))
        session->server->tracking->clients++;
    session->flags &= ~(uint32_t)(TRACKING_MODES | SESSION_TRACKING_BROKEN);
    session->flags |= SESSION_TRACKING | options->modes;
    session->redirect = options->redirect;
    if (!(options->modes & SESSION_TRACKING_BCAST))
        return;
    if (options->prefix_count == 0)
        bcast_join(session, SLICE_EMPTY);
    for (size_t i = 0; i < options->prefix_count; i++)
        bcast_join(session, options->prefixes[i]);
}

void tracking_disable(struct session *session)
{
    if (!(session->flags & SESSION_TRACKING))
        return;
    session->server->tracking->clients--;
    bcast_leave(session);
    session->flags &= ~(uint32_t)(SESSION_TRACKING | TRACKING_MODES |
                                  SESSION_TRACKING_BROKEN | SESSION_CACHING);
}
