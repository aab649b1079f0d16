/* watch.c - WATCH: who wants to know whether a key stayed as it was.
 *
 * One table of watched keys, by database and name, touched by the write hook.
 * Evicting and loading again does not pass the write hook and so is no change;
 * a key that is created and deleted again passes it twice. A deadline that
 * passes is a change even before anybody noticed: it is looked at in EXEC.
 *
 * A session whose key was touched forgets all its keys at once: it can't be
 * touched twice, and EXEC only asks for the flag. */
#include "cmd/multi.h"

#include <string.h>

#include "base/assert.h"
#include "base/dict.h"

/* A key that somebody watches. Freed with its last watcher. */
struct watched_key {
    struct dict_node node; /* key: database index, then the name */
    struct link      watchers;
    char             bytes[];
};

struct watch {
    struct link         key_link;     /* on watched_key.watchers */
    struct link         session_link; /* on session.watches */
    struct session     *session;
    struct watched_key *key;
    bool                existed;
    int64_t             deadline_ms; /* 0: none */
};

/* The session pays for the key too, as if it were the only one. */
static size_t watch_cost(const struct watched_key *key)
{
    return sizeof(struct watch) + sizeof(*key) + key->node.key.len;
}

static slice table_key(struct buf *buf, uint32_t index, slice name)
{
    buf_clear(buf);
    err_t err = buf_append(buf, &index, sizeof(index));
    if (err == ERR_OK)
        err = buf_append(buf, name.data, name.len);
    ASSERT(err == ERR_OK);
    return buf_slice(buf);
}

static struct watched_key *find(struct server *server, uint32_t index,
                                slice name)
{
    struct dict_node *node = dict_find(
        &server->watched, table_key(&server->watch_buf, index, name));
    return node == NULL ? NULL
                        : CONTAINER_OF(node, struct watched_key, node);
}

static struct watched_key *key_new(struct server *server, uint32_t index,
                                   slice name)
{
    slice               key = table_key(&server->watch_buf, index, name);
    struct watched_key *watched = mem_alloc(sizeof(*watched) + key.len);
    memcpy(watched->bytes, key.data, key.len);
    watched->node.key = slice_make(watched->bytes, key.len);
    link_init(&watched->watchers);
    dict_insert(&server->watched, &watched->node);
    return watched;
}

static void watch_free(struct watch *watch)
{
    struct watched_key *key = watch->key;
    struct session     *session = watch->session;
    session->own_bytes -= watch_cost(key);
    session->watch_count--;
    link_remove(&watch->key_link);
    link_remove(&watch->session_link);
    if (list_empty(&key->watchers)) {
        dict_remove(&session->server->watched, &key->node);
        mem_free(key);
    }
    mem_free(watch);
}

static bool has_watch(const struct session *session,
                      const struct watched_key *key)
{
    LIST_EACH (link, &key->watchers)
        if (CONTAINER_OF(link, struct watch, key_link)->session == session)
            return true;
    return false;
}

void watch_add(struct session *session, const struct db_key *key)
{
    struct server *server = session->server;
    struct entry  *entry = db_look(server->db, key, false);
    bool           existed = entry != NULL;
    int64_t        deadline_ms = existed ? entry_deadline(entry) : 0;
    if (session->watch_broken)
        return; /* EXEC fails anyway */
    struct watched_key *watched = find(server, key->space->index, key->key);
    if (watched == NULL)
        watched = key_new(server, key->space->index, key->key);
    else if (has_watch(session, watched))
        return;
    struct watch *watch = mem_alloc(sizeof(*watch));
    *watch = (struct watch){ .session = session,
                             .key = watched,
                             .existed = existed,
                             .deadline_ms = deadline_ms };
    link_init(&watch->key_link);
    link_init(&watch->session_link);
    list_push_back(&watched->watchers, &watch->key_link);
    list_push_back(&session->watches, &watch->session_link);
    session->own_bytes += watch_cost(watched);
    session->watch_count++;
}

static void forget_all(struct session *session)
{
    struct link *first;
    while ((first = list_first(&session->watches)) != NULL)
        watch_free(CONTAINER_OF(first, struct watch, session_link));
}

void watch_clear(struct session *session)
{
    forget_all(session);
    session->watch_broken = false;
}

size_t watch_count(const struct session *session)
{
    return session->watch_count;
}

bool watch_is_broken(const struct session *session)
{
    int64_t now_ms = db_now_ms(session->server->db);
    if (session->watch_broken)
        return true;
    LIST_EACH (link, &session->watches) {
        struct watch *watch = CONTAINER_OF(link, struct watch, session_link);
        if (watch->deadline_ms != 0 && watch->deadline_ms <= now_ms)
            return true;
    }
    return false;
}

static void touch(struct watch *watch)
{
    struct session *session = watch->session;
    session->watch_broken = true;
    forget_all(session);
}

/* Everybody who watches the key; the last one takes it out of the table. */
static void touch_key(struct server *server, uint32_t index, slice name)
{
    struct watched_key *key;
    while ((key = find(server, index, name)) != NULL)
        touch(CONTAINER_OF(list_first(&key->watchers), struct watch, key_link));
}

static uint32_t index_of(const struct watched_key *key)
{
    uint32_t index;
    memcpy(&index, key->node.key.data, sizeof(index));
    return index;
}

/* A key that was not there when it was watched is still not there in an empty
 * database. After SWAPDB it may be; to know, the disk would have to be asked:
 * the watch counts as broken, which is always safe. Walks all watched keys,
 * but frees none meanwhile: whoever is broken forgets them later. */
static void touch_space(struct server *server, const struct db_change *change)
{
    bool empties = change->kind == DB_SPACE_EMPTIED;
    for (struct dict_node *node = dict_next(&server->watched, NULL);
         node != NULL; node = dict_next(&server->watched, node)) {
        struct watched_key *key = CONTAINER_OF(node, struct watched_key, node);
        uint32_t            index = index_of(key);
        if (index != change->space->index &&
            (change->other == NULL || index != change->other->index))
            continue;
        LIST_EACH (link, &key->watchers) {
            struct watch *watch = CONTAINER_OF(link, struct watch, key_link);
            if (watch->existed || !empties)
                watch->session->watch_broken = true;
        }
    }
}

void watch_on_change(struct server *server, const struct db_change *change)
{
    if (server->watched.count == 0)
        return;
    switch (change->kind) {
    case DB_KEY_CHANGED:
        touch_key(server, change->space->index, change->key);
        break;
    case DB_SPACE_EMPTIED:
    case DB_SPACES_SWAPPED:
        touch_space(server, change);
        break;
    case DB_KEY_EVENT:
    case DB_KEY_MISSED:
        break;
    }
}
