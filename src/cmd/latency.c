/* latency.c - see latency.h. */
#include "cmd/latency.h"

#include "base/assert.h"

const char *latency_name(enum latency_event event)
{
    static const char *const names[] = {
        [LATENCY_COMMAND] = "command",
        [LATENCY_FAST_COMMAND] = "fast-command",
        [LATENCY_WAIT] = "wait",
        [LATENCY_LOAD] = "load",
        [LATENCY_FLUSH] = "flush",
        [LATENCY_SYNC_FLUSH] = "sync-flush",
        [LATENCY_EVICTION] = "eviction-cycle",
        [LATENCY_EXPIRY] = "expire-cycle",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == LATENCY_EVENT_COUNT,
                   "a name for each");
    return names[event];
}

enum latency_event latency_find(slice name)
{
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++)
        if (slice_equal(name,
                        slice_from_string(latency_name((enum latency_event)i))))
            return (enum latency_event)i;
    return LATENCY_EVENT_COUNT;
}

void server_on_work(void *arg, enum db_work work, uint64_t us)
{
    static const enum latency_event events[] = {
        [DB_WORK_LOAD] = LATENCY_LOAD,
        [DB_WORK_FLUSH] = LATENCY_FLUSH,
        [DB_WORK_SYNC_FLUSH] = LATENCY_SYNC_FLUSH,
        [DB_WORK_EVICTION] = LATENCY_EVICTION,
        [DB_WORK_EXPIRY] = LATENCY_EXPIRY,
    };
    struct server *server = arg;
    if (work == DB_WORK_EXPIRY)
        server->stats.expire_us += us;
    latency_note(server, events[work], us);
}

static struct latency_series *series_of(struct server     *server,
                                        enum latency_event event)
{
    struct latency_series **series = &server->latency[event];
    ASSERT(event < LATENCY_EVENT_COUNT);
    if (*series == NULL) {
        *series = mem_calloc(1, sizeof(**series));
        mem_charge(&server->mem, MEM_OTHER, sizeof(**series));
    }
    return *series;
}

void latency_sample(struct server *server, enum latency_event event,
                    uint64_t us)
{
    struct latency_series *series = series_of(server, event);
    uint32_t now_s = (uint32_t)(clock_now_us(&server->clock) / 1000000);
    uint32_t ms = us / 1000 < UINT32_MAX ? (uint32_t)(us / 1000) : UINT32_MAX;
    unsigned last = (series->next + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES;
    if (ms > series->max_ms)
        series->max_ms = ms;
    if (series->samples[last].time_s == now_s) {
        if (ms > series->samples[last].ms)
            series->samples[last].ms = ms;
        return;
    }
    series->samples[series->next] =
        (struct latency_sample){ .time_s = now_s, .ms = ms };
    series->next = (series->next + 1) % LATENCY_SAMPLES;
}

size_t latency_history(const struct server *server, enum latency_event event,
                       struct latency_sample *out)
{
    const struct latency_series *series = server->latency[event];
    size_t                       count = 0;
    for (unsigned i = 0; series != NULL && i < LATENCY_SAMPLES; i++) {
        unsigned at = (series->next + i) % LATENCY_SAMPLES;
        if (series->samples[at].time_s != 0)
            out[count++] = series->samples[at];
    }
    return count;
}

bool latency_reset(struct server *server, enum latency_event event)
{
    struct latency_series *series = server->latency[event];
    if (series == NULL)
        return false;
    mem_release(&server->mem, MEM_OTHER, sizeof(*series));
    mem_free(series);
    server->latency[event] = NULL;
    return true;
}
