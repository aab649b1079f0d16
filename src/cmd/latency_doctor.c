/* latency_doctor.c - what the samples mean, in words: a line of figures for
 * each event that has some, then what may be done about it. The advice is a
 * table: one text for each event. */
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "cmd/latency.h"

static const char *advice(enum latency_event event)
{
    /* clang-format off */
    static const char *const texts[] = {
        [LATENCY_COMMAND] =
            "Commands ran for long, and all other clients waited meanwhile. "
            "SLOWLOG GET tells which; look for those that touch many keys or "
            "large values, and for a machine that has too little processor "
            "time for the server.",
        [LATENCY_FAST_COMMAND] =
            "Commands that do little ran for long. Then the machine is short "
            "of processor time, swaps, or its clock jumps; or values are very "
            "large.",
        [LATENCY_WAIT] =
            "Clients waited before their command could run, while others went "
            "on. The last field of SLOWLOG GET tells for what: for the disk "
            "(a larger cache-max-memory reads less, more io-threads read at "
            "once), for room (a larger cache-max-memory, a faster disk), or "
            "for their turn with large values.",
        [LATENCY_LOAD] =
            "Reading from the store took long. The disk is slow or busy, or "
            "loads queue behind writes: set io-threads to 2 or more.",
        [LATENCY_FLUSH] =
            "Writing to the store took long. Nobody waits for that until "
            "cut-max bytes are dirty; a crash loses what is not on disk yet. "
            "A shorter cache-flush-delay makes each flush smaller.",
        [LATENCY_SYNC_FLUSH] =
            "The server stood still to write, for memory was over its limit "
            "and nothing in it was clean. Raise cache-max-memory, lower "
            "cut-max, or find a faster disk.",
        [LATENCY_EVICTION] =
            "Bringing memory below its limit took long within one turn of the "
            "loop.",
        [LATENCY_EXPIRY] =
            "Deleting expired keys took long within one turn of the loop: "
            "many expire at the same moment. Spread their deadlines.",
    };
    /* clang-format on */
    _Static_assert(sizeof(texts) / sizeof(texts[0]) == LATENCY_EVENT_COUNT,
                   "advice for each");
    return texts[event];
}

static void say(struct buf *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void say(struct buf *out, const char *format, ...)
{
    char    text[1024];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ASSERT(len >= 0 && (size_t)len < sizeof(text));
    err_t err = buf_append(out, text, (size_t)len);
    ASSERT(err == ERR_OK);
}

/* Mean, worst, and how often; false if there are no samples. */
static bool say_figures(const struct server *server, enum latency_event event,
                        unsigned number, struct buf *out)
{
    struct latency_sample samples[LATENCY_SAMPLES];
    size_t   count = latency_history(server, event, samples);
    uint64_t sum = 0;
    if (count == 0)
        return false;
    for (size_t i = 0; i < count; i++)
        sum += samples[i].ms;
    uint32_t span_s = samples[count - 1].time_s - samples[0].time_s;
    say(out, "%u. %s: %zu spike%s", number, latency_name(event), count,
        count == 1 ? "" : "s");
    if (count > 1)
        say(out, ", one in %.1f seconds", (double)span_s / (double)(count - 1));
    say(out, "; mean %.0f ms, worst ever %u ms.\n",
        (double)sum / (double)count, server->latency[event]->max_ms);
    return true;
}

void latency_doctor(const struct server *server, struct buf *out)
{
    uint64_t threshold_ms = server->config->latency_monitor_threshold;
    unsigned found = 0;
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++)
        found += say_figures(server, (enum latency_event)i, found + 1, out);
    if (found == 0 && threshold_ms == 0) {
        say(out, "Nothing is watched: latency-monitor-threshold is 0. Set it "
                 "to the milliseconds from which on something is slow for you "
                 "(CONFIG SET latency-monitor-threshold 100), and ask again "
                 "later.\n");
        return;
    }
    if (found == 0) {
        say(out, "Nothing has taken %llu ms (latency-monitor-threshold) or "
                 "longer so far.\n", (unsigned long long)threshold_ms);
        return;
    }
    say(out, "\n");
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++)
        if (server->latency[i] != NULL)
            say(out, "- %s: %s\n", latency_name((enum latency_event)i),
                advice((enum latency_event)i));
}
