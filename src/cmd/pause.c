/* pause.c - see pause.h.
 *
 * net/ keeps the held clients in line (CALL_HELD) and runs them when there is
 * no pause any more. */
#include "cmd/pause.h"

#include <string.h>

#include "cmd/multi.h"

static bool is_over(const struct server *server)
{
    return server->pause.until_ms <= server->now_ms;
}

void pause_end(struct server *server)
{
    server->pause.until_ms = 0;
    server->pause.all = false;
    db_pause_expiry(server->db, false);
}

void pause_begin(struct server *server, int64_t until_ms, bool all)
{
    struct server_pause *pause = &server->pause;
    if (is_over(server))
        pause_end(server);
    pause->all |= all;
    if (until_ms > pause->until_ms)
        pause->until_ms = until_ms;
    if (is_over(server))
        pause_end(server);
    else
        db_pause_expiry(server->db, true);
}

/* Of EXEC it is what was queued that counts. */
static bool writes(const struct call *call)
{
    uint32_t flags = call->command->flags;
    if (strcmp(call->command->name, "exec") == 0)
        flags |= multi_flags(call->session);
    return (flags & (CMD_WRITE | CMD_MAY_REPLICATE)) != 0;
}

bool pause_holds(struct call *call)
{
    struct server  *server = call->server;
    struct session *session = call->session;
    if (server->pause.until_ms == 0 || is_over(server))
        return false;
    /* It has begun: it waits for a flush (CACHE FLUSH, SHUTDOWN) or for the
     * store's answer (CACHE STATE). */
    if (session->wait.epoch != 0 || session->wait.probe != NULL)
        return false;
    if (!server->pause.all && !writes(call))
        return false;
    db_release(call->db, &session->wait);
    session->flags |= SESSION_HELD;
    server->pause.held++;
    return true;
}

void pause_let_go(struct session *session)
{
    if (!(session->flags & SESSION_HELD))
        return;
    session->flags &= ~(uint32_t)SESSION_HELD;
    session->server->pause.held--;
}

int64_t server_pause_turn(struct server *server)
{
    if (server->pause.until_ms == 0)
        return 0;
    if (!is_over(server))
        return server->pause.until_ms - server->now_ms;
    pause_end(server);
    return 0;
}
