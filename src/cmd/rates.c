/* rates.c - what the server does about ten times a second for its figures.
 *
 * A rate is the mean of its last RATE_SAMPLES samples, as in Redis, so that
 * what tools show is about the last one and a half seconds. */
#include <sys/resource.h>

#include "cmd/server.h"
#include "cmd/tracking.h"

/* --- rates --------------------------------------------------------------- */

static uint64_t us_of(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

uint64_t server_busy_us(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_THREAD, &usage) != 0)
        return 0;
    return us_of(&usage.ru_utime) + us_of(&usage.ru_stime);
}

static void sample(struct server *server)
{
    struct server_rates *rates = &server->rates;
    int64_t              ms = server->now_ms - rates->at_ms;
    const uint64_t       now[RATE_COUNT] = {
        [RATE_COMMANDS] = server->stats.commands,
        [RATE_INPUT] = server->stats.input_bytes,
        [RATE_OUTPUT] = server->stats.output_bytes,
        [RATE_TURNS] = server->stats.turns,
        [RATE_BUSY_US] = server_busy_us(),
    };
    if (ms <= 0)
        return;
    for (int i = 0; i < RATE_COUNT; i++) {
        uint64_t more = now[i] - rates->last[i];
        rates->samples[i][rates->next] = more * 1000 / (uint64_t)ms;
        rates->last[i] = now[i];
    }
    rates->next = (rates->next + 1) % RATE_SAMPLES;
    rates->at_ms = server->now_ms;
}

uint64_t server_rate(const struct server *server, enum server_rate rate)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < RATE_SAMPLES; i++)
        sum += server->rates.samples[rate][i];
    return sum / RATE_SAMPLES;
}

/* --- shutting down ------------------------------------------------------- */

static bool session_exists(const struct server *server, uint64_t id)
{
    LIST_EACH (link, &server->sessions)
        if (CONTAINER_OF(link, struct session, link)->id == id)
            return true;
    return false;
}

/* Whoever sent SHUTDOWN and hung up wants the server to end all the same. */
static void finish_shutdown(struct server *server)
{
    struct db_stats stats;
    if (server->shutdown_session == 0 ||
        session_exists(server, server->shutdown_session))
        return;
    server->shutdown_session = 0;
    db_stats(server->db, &stats);
    if (stats.failing)
        log_write(server->log, LOG_WARNING,
                  "not shutting down: the store fails (%s)", stats.last_error);
    else
        server->hooks.stop(server->hooks.arg, 0);
}

void server_cron(struct server *server)
{
    sample(server);
    ticks_tune(&server->ticks);
    finish_shutdown(server);
    tracking_cron(server);
    if (server->mem.total_bytes > server->peak_bytes)
        server->peak_bytes = server->mem.total_bytes;
}
