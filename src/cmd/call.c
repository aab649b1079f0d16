/* call.c - one command runs, and what is noted about it.
 *
 * Whatever watches commands (statistics, and later the slow log, latencies,
 * MONITOR) hooks in here: every command that runs comes through call_run, those
 * within a transaction included. */
#include "cmd/multi.h"
#include "cmd/tracking.h"

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

enum call_result call_run(struct call *call)
{
    struct server        *server = call->server;
    const struct call    *outer = server->running;
    struct db_lookups     before = *db_lookups(server->db);
    server->running = call;
    enum call_result result = call->command->handler(call);
    server->running = outer;
    if (result == CALL_PARKED)
        return result;
    note_lookups(server, call->command, &before);
    note_command(server, call->session);
    if (call->session->flags & SESSION_TRACKING)
        tracking_read(call);
    return result;
}
