/* call.c - one command runs, and what is noted about it.
 *
 * Whatever watches commands hooks in here, for every command that runs comes
 * through call_run, those within a transaction included: statistics, errors,
 * latencies, the slow log, MONITOR.
 *
 * Time is read once for each command: one begins where the one before it
 * ended, or where its input began to be executed (server_begins). So parsing
 * it and finding its keys count as its own. What EXEC runs counts twice, as in
 * Redis: for itself and for EXEC. */
#include "cmd/multi.h"
#include "cmd/tracking.h"

#include "base/assert.h"
#include "cmd/block.h"
#include "cmd/cmdstats.h"
#include "cmd/latency.h"
#include "cmd/monitor.h"
#include "cmd/slowlog.h"

void call_notes_init(struct server *server)
{
    ticks_init(&server->ticks);
    server->cmdstats = cmdstats_new(&server->mem);
    server->slowlog = slowlog_new();
    server->latency =
        mem_calloc(LATENCY_EVENT_COUNT, sizeof(*server->latency));
    link_init(&server->monitors);
}

void call_notes_deinit(struct server *server)
{
    ASSERT(list_empty(&server->monitors));
    slowlog_clear(server);
    mem_free(server->slowlog);
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++)
        (void)latency_reset(server, (enum latency_event)i);
    mem_free(server->latency);
    cmdstats_free(server->cmdstats);
}

static void note_command(struct server *server, struct session *session)
{
    server->stats.commands++;
    session->commands++;
    session->active_ms = server->now_ms;
}

/* What readers found or not, as Redis counts it. */
static void note_lookups(struct server *server, const struct command *command,
                         const struct db_lookups *before,
                         const struct db_lookups *now)
{
    if (!(command->flags & CMD_READONLY) || (command->flags & CMD_RUNS_SCRIPT))
        return;
    server->stats.keyspace_hits += now->found - before->found;
    server->stats.keyspace_misses += now->missing - before->missing;
}

/* --- the closer look ----------------------------------------------------- */

/* From how long on a command may be one for the slow log or for LATENCY: the
 * lower of the two thresholds. */
static uint64_t slow_ns(const struct server *server)
{
    const struct config *config = server->config;
    const uint64_t       most_us = UINT64_MAX / 1000, most_ms = most_us / 1000;
    uint64_t             threshold_us = most_us;
    uint64_t             latency_ms = config->latency_monitor_threshold;
    if (server->monitor_count > 0)
        return 0;
    if (config->slowlog_log_slower_than >= 0 &&
        (uint64_t)config->slowlog_log_slower_than < threshold_us)
        threshold_us = (uint64_t)config->slowlog_log_slower_than;
    if (latency_ms != 0 && latency_ms < most_ms &&
        latency_ms * 1000 < threshold_us)
        threshold_us = latency_ms * 1000;
    return threshold_us * 1000;
}

void call_look_closer(struct server *server)
{
    server->closer_ns = 0;
}

/* Few commands come here: those that were slow, or have waited, all while
 * somebody monitors, and the first one after a setting was changed. */
static __attribute__((noinline)) void look_closer(struct call *call,
                                                  uint64_t     ns)
{
    struct server *server = call->server;
    bool           is_inner = server->running != NULL;
    bool           is_fast = (call->command->flags & CMD_FAST) != 0;
    latency_note(server, is_fast ? LATENCY_FAST_COMMAND : LATENCY_COMMAND,
                 ns / 1000);
    slowlog_note(call, ns / 1000, is_inner ? NULL : &call->session->waited);
    /* Of one that was blocked it was told when it began to wait. */
    if (server->monitor_count > 0 && call->session->blocking == NULL)
        monitor_feed(call);
    if (!is_inner)
        waited_clear(call->session);
    /* EXEC has its closer look still before it, if it has waited. */
    bool is_over = call->session->waited.total_ns == 0;
    server->closer_ns = is_over ? slow_ns(server) : 0;
}

/* --- running ------------------------------------------------------------- */

static void note_time(struct call *call, struct cmdstat *stat, uint64_t begun)
{
    struct server *server = call->server;
    uint64_t       now = ticks_now(&server->ticks);
    uint64_t       ns = ticks_ns(&server->ticks, begun, now);
    server->tick = now;
    stat->calls++;
    stat->ns += ns;
    if (__builtin_expect(server->config->latency_tracking, 1))
        histogram_add(&stat->latency, &server->mem, ns);
    if (__builtin_expect(ns >= server->closer_ns, 0))
        look_closer(call, ns);
}

/* A command that waits for a key is told of when it begins to, as in Redis; all
 * else is noted when it has its answer. Time that it was blocked is none of its
 * own. */
static void note_blocked(struct call *call)
{
    struct server *server = call->server;
    if (server->monitor_count > 0)
        monitor_feed(call);
    server->tick = ticks_now(&server->ticks);
}

enum call_result call_run(struct call *call)
{
    struct server           *server = call->server;
    const struct call       *outer = server->running;
    const struct db_lookups *lookups = server->lookups;
    struct db_lookups        before = *lookups;
    struct reply            *reply = call->reply;
    size_t                   reply_begin = reply->len;
    uint64_t                 begun = server->tick;
    bool                     was_blocked = call->session->blocking != NULL;
    server->running = call;
    enum call_result result = was_blocked && block_has_ended(call->session)
                                  ? block_answer(call)
                                  : call->command->handler(call);
    server->running = outer;
    if (result == CALL_BLOCKED && !was_blocked)
        note_blocked(call);
    if (result == CALL_PARKED || result == CALL_WAITS_TURN ||
        result == CALL_BLOCKED)
        return result;
    struct cmdstat *stat = cmdstats_of(server->cmdstats, call->command);
    note_lookups(server, call->command, &before, lookups);
    note_command(server, call->session);
    if (call->session->flags & SESSION_TRACKING)
        tracking_read(call);
    if (call->noted != CALL_NOT_NOTED)
        stat->failed += call->noted == CALL_NOTED_FAILED;
    else if (note_error(server, reply, reply_begin))
        stat->failed++;
    note_time(call, stat, begun);
    return result;
}
