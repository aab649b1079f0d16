/* cmd_server.c - the server as a whole: time, saving, and the end.
 *
 * SAVE, BGSAVE and BGREWRITEAOF all mean the one thing that there is here: a
 * flush of what memory holds unsaved. SAVE is CACHE FLUSH (cmd_cache.c).
 *
 * SHUTDOWN parks its client until all that was written before it is on disk,
 * and then ends the loop; main flushes once more what others wrote meanwhile,
 * unless shutdown_nosave. */
#include <time.h>

#include "base/assert.h"
#include "cmd/handlers.h"
#include "cmd/scripts.h"

/* --- time and saving ----------------------------------------------------- */

enum call_result cmd_time(struct call *call)
{
    int64_t now_us = clock_now_us(&call->server->clock);
    reply_array(call->reply, 2);
    reply_bulk_int(call->reply, now_us / 1000000);
    reply_bulk_int(call->reply, now_us % 1000000);
    return CALL_DONE;
}

/* With nothing unsaved, the wish must not hurry the next write's flush. */
static void flush_soon(struct call *call)
{
    if (!db_is_clean(call->db))
        db_flush_soon(call->db);
}

enum call_result cmd_bgsave(struct call *call)
{
    bool schedule = call->argc == 2 && call_arg_is(call, 1, "schedule");
    if (call->argc > 1 && !schedule) {
        call_syntax_error(call);
        return CALL_DONE;
    }
    flush_soon(call);
    reply_simple(call->reply, "Background saving started");
    return CALL_DONE;
}

enum call_result cmd_bgrewriteaof(struct call *call)
{
    flush_soon(call);
    reply_simple(call->reply,
                 "Background append only file rewriting started");
    return CALL_DONE;
}

enum call_result cmd_lastsave(struct call *call)
{
    struct db_stats stats;
    db_stats(call->db, &stats);
    reply_int(call->reply, stats.last_save_time_s);
    return CALL_DONE;
}

/* --- SHUTDOWN ------------------------------------------------------------ */

enum shutdown_flag {
    SHUTDOWN_NOSAVE = 1 << 0,
    SHUTDOWN_SAVE   = 1 << 1,
    SHUTDOWN_NOW    = 1 << 2, /* nothing to skip: there are no replicas */
    SHUTDOWN_FORCE  = 1 << 3,
    SHUTDOWN_ABORT  = 1 << 4,
};

static bool shutdown_flags(struct call *call, unsigned *flags)
{
    static const char *const words[] = { "nosave", "save", "now", "force",
                                         "abort" };
    const size_t word_count = sizeof(words) / sizeof(words[0]);
    *flags = 0;
    for (size_t i = 1; i < call->argc; i++) {
        size_t at = 0;
        while (at < word_count && !call_arg_is(call, i, words[at]))
            at++;
        if (at == word_count)
            return false;
        *flags |= 1u << at;
    }
    if ((*flags & SHUTDOWN_ABORT) && *flags != SHUTDOWN_ABORT)
        return false;
    return !(*flags & SHUTDOWN_NOSAVE) || !(*flags & SHUTDOWN_SAVE);
}

/* Whoever waits is told when its flush ends. */
static enum call_result shutdown_abort(struct call *call)
{
    struct server *server = call->server;
    if (server->shutdown_session == 0) {
        reply_error(call->reply, "ERR No shutdown in progress.");
        return CALL_DONE;
    }
    log_write(server->log, LOG_NOTICE, "shutdown aborted");
    server->shutdown_session = 0;
    reply_ok(call->reply);
    return CALL_DONE;
}

static enum call_result shutdown_failed(struct call *call)
{
    call->server->shutdown_session = 0;
    reply_error(call->reply, "ERR Errors trying to SHUTDOWN. Check logs.");
    return CALL_DONE;
}

static enum call_result shutdown_now(struct call *call, bool nosave)
{
    struct server *server = call->server;
    server->shutdown_session = 0;
    server->shutdown_nosave = nosave;
    server->shutting_down = true;
    server->hooks.stop(server->hooks.arg, 0);
    return CALL_CLOSE;
}

enum call_result cmd_shutdown(struct call *call)
{
    struct server  *server = call->server;
    struct db_wait *wait = &call->session->wait;
    unsigned        flags;
    if (!shutdown_flags(call, &flags)) {
        call_syntax_error(call);
        return CALL_DONE;
    }
    if (flags & SHUTDOWN_ABORT)
        return shutdown_abort(call);
    if (scripts_is_busy(server) && !(flags & SHUTDOWN_NOSAVE)) {
        scripts_busy_error(call->reply);
        return CALL_DONE;
    }
    bool resumed = wait->epoch != 0;
    if (!resumed)
        log_write(server->log, LOG_NOTICE, "SHUTDOWN by client %s",
                  call->session->peer);
    if (flags & SHUTDOWN_NOSAVE)
        return shutdown_now(call, true);
    if (resumed && server->shutdown_session == 0 && !server->shutting_down)
        return shutdown_failed(call); /* aborted, or another one failed */
    switch (db_wait_flushed(call->db, wait)) {
    case DB_READY:
        return shutdown_now(call, false);
    case DB_PARKED:
        if (server->shutdown_session == 0)
            server->shutdown_session = call->session->id;
        return CALL_PARKED;
    case DB_FAILED:
        return flags & SHUTDOWN_FORCE ? shutdown_now(call, true)
                                      : shutdown_failed(call);
    }
    UNREACHABLE();
}
