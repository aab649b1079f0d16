/* session.c - the life of a client as commands see it.
 *
 * A session is embedded in net/'s client, so its memory is not ours; what it
 * owns are a few short strings that the client gave itself. They count as the
 * client's: own_bytes is what they hold. */
#include "cmd/multi.h"

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
    link_init(&session->monitor_link);
    list_push_back(&server->sessions, &session->link);
    server->session_count++;
}

void session_deinit(struct session *session)
{
    struct server *server = session->server;
    db_release(server->db, &session->wait);
    multi_discard(session);
    monitor_leave(session);
    link_remove(&session->link);
    ASSERT(server->session_count > 0);
    server->session_count--;
    session_set_text(session, &session->name, SLICE_EMPTY);
    session_set_text(session, &session->lib_name, SLICE_EMPTY);
    session_set_text(session, &session->lib_ver, SLICE_EMPTY);
    ASSERT(session->own_bytes == 0);
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

size_t server_max_value_bytes(const struct server *server)
{
    size_t bytes = server_limit_bytes(server) / 8;
    return bytes < UINT32_MAX ? bytes : UINT32_MAX; /* an entry's length */
}
