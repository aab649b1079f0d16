/* events.c - what the write hook tells, handed on to those who listen: each
 * change exactly once, in the order in which Redis tells it (watchers and
 * trackers first, then keyspace events). */
#include "cmd/multi.h"

#include "base/rand.h"
#include "cmd/block.h"
#include "cmd/notify.h"
#include "cmd/pubsub.h"
#include "cmd/scripts.h"
#include "cmd/sort.h"
#include "cmd/tracking.h"

#define TABLE_KEY_BYTES ((size_t)1 << 30) /* a key of a table, at most */

void server_tables_init(struct server *server)
{
    struct hash_key hash_key;
    rand_system(&hash_key, sizeof(hash_key));
    dict_init(&server->watched, &server->mem, MEM_OTHER, hash_key);
    buf_init(&server->watch_buf, TABLE_KEY_BYTES);
    pubsub_init(server);
    dict_init(&server->sessions_by_id, &server->mem, MEM_OTHER, hash_key);
    tracking_init(server);
    block_init(server);
    link_init(&server->sorts);
    scripts_init(server);
}

void server_tables_deinit(struct server *server)
{
    dict_deinit(&server->watched);
    buf_deinit(&server->watch_buf);
    pubsub_deinit(server);
    dict_deinit(&server->sessions_by_id);
    tracking_deinit(server);
    block_deinit(server);
    scripts_deinit(server);
}

void server_turn(struct server *server)
{
    tracking_turn(server);
}

bool server_hears_changes(const void *arg)
{
    const struct server *server = arg;
    return server->watched.count > 0 || tracking_is_on(server) ||
           block_hears_changes(server) || !list_empty(&server->sorts) ||
           server->config->notify_keyspace_events != 0;
}

void server_on_change(void *arg, const struct db_change *change)
{
    struct server *server = arg;
    watch_on_change(server, change);
    tracking_on_change(server, change);
    notify_on_change(server, change);
    block_on_change(server, change);
    sort_on_change(server, change);
}
