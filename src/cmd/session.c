/* session.c - the life of a client as commands see it.
 *
 * A session is embedded in net/'s client, so its memory is not ours; what it
 * owns are a few short strings that the client gave itself. They count as the
 * client's: own_bytes is what they hold. */
#include "cmd/block.h"
#include "cmd/doc.h"
#include "cmd/multi.h"
#include "cmd/pubsub.h"
#include "cmd/sort.h"
#include "cmd/tracking.h"

#include "base/assert.h"
#include "cmd/monitor.h"

void session_init(struct server *server, struct session *session)
{
    *session = (struct session){
        .server = server,
        .id = server->next_session_id++,
        .resp = 2,
        .authenticated = server->config->requirepass[0] == '\0',
        .user = "default",
        .created_ms = server->now_ms,
        .active_ms = server->now_ms,
    };
    db_wait_init(&session->wait);
    link_init(&session->watches);
    for (int kind = 0; kind < PUBSUB_KINDS; kind++)
        link_init(&session->subscriptions[kind]);
    link_init(&session->prefixes);
    session->id_node.key = slice_make(&session->id, sizeof(session->id));
    dict_insert(&server->sessions_by_id, &session->id_node);
    link_init(&session->monitor_link);
    list_push_back(&server->sessions, &session->link);
    server->session_count++;
}

void session_deinit(struct session *session)
{
    struct server *server = session->server;
    session_script_drop(session);
    sort_leave(session);
    db_release(server->db, &session->wait);
    block_leave(session);
    multi_discard(session);
    pubsub_leave(session);
    tracking_disable(session);
    pause_let_go(session);
    dict_remove(&server->sessions_by_id, &session->id_node);
    monitor_leave(session);
    link_remove(&session->link);
    ASSERT(server->session_count > 0);
    server->session_count--;
    session_set_text(session, &session->name, SLICE_EMPTY);
    session_set_text(session, &session->lib_name, SLICE_EMPTY);
    session_set_text(session, &session->lib_ver, SLICE_EMPTY);
    ASSERT(session->own_bytes == 0);
}

struct session *session_by_id(const struct server *server, uint64_t id)
{
    struct dict_node *node =
        dict_find(&server->sessions_by_id, slice_make(&id, sizeof(id)));
    return node == NULL ? NULL : CONTAINER_OF(node, struct session, id_node);
}

bool session_is_muted(const struct session *session)
{
    return (session->flags & (SESSION_REPLY_OFF | SESSION_REPLY_SKIP)) != 0;
}

static bool is_client_command(const struct command *command)
{
    struct command_name name = command_full_name(command);
    return strncmp(name.text, "client|", 7) == 0;
}

void session_command_done(struct session *session,
                          const struct command *command)
{
    bool skip = (session->flags & SESSION_REPLY_SKIP_NEXT) != 0;
    session->flags &=
        ~(uint32_t)(SESSION_REPLY_SKIP | SESSION_REPLY_SKIP_NEXT);
    if (skip)
        session->flags |= SESSION_REPLY_SKIP;
    /* CLIENT CACHING is for the next command that is no CLIENT, and for all of
     * a transaction. */
    if ((session->flags & SESSION_CACHING) && session->multi == NULL &&
        (command == NULL || !is_client_command(command)))
        session->flags &= ~(uint32_t)SESSION_CACHING;
}

void session_refused(struct session *session)
{
    multi_abort(session);
}

bool session_text_ok(slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < '!' || text.data[i] > '~')
            return false;
    return true;
}

void session_set_text(struct session *session, char **field, slice text)
{
    ASSERT(session_text_ok(text));
    if (*field != NULL) {
        session->own_bytes -= mem_good_size(strlen(*field) + 1);
        mem_free(*field);
        *field = NULL;
    }
    if (text.len == 0)
        return;
    *field = mem_alloc(text.len + 1);
    memcpy(*field, text.data, text.len);
    (*field)[text.len] = '\0';
    session->own_bytes += mem_good_size(text.len + 1);
}

size_t server_limit_bytes(const struct server *server)
{
    uint64_t limit = server->config->cache_max_memory;
    return limit == 0 ? SERVER_WORKING_BYTES : (size_t)limit;
}

size_t server_max_object_bytes(const struct server *server)
{
    return server_limit_bytes(server) / 3;
}

size_t server_max_value_bytes(const struct server *server)
{
    size_t bytes = server_limit_bytes(server) / 8;
    return bytes < UINT32_MAX ? bytes : UINT32_MAX; /* an entry's length */
}
