/* cmd_latency.c - LATENCY: samples of what took long (latency.h), and the
 * distribution of each command's run time (cmdstats.h). */
#include "cmd/doc.h"
#include "cmd/handlers.h"

#include "cmd/cmdstats.h"
#include "cmd/latency.h"

#define REPORT_MAX ((size_t)64 * 1024)

/* --- events -------------------------------------------------------------- */

enum call_result cmd_latency_latest(struct call *call)
{
    struct latency_sample samples[LATENCY_SAMPLES];
    size_t mark = reply_deferred_begin(call->reply), count = 0;
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++) {
        enum latency_event event = (enum latency_event)i;
        size_t             have = latency_history(call->server, event, samples);
        if (have == 0)
            continue;
        reply_array(call->reply, 4);
        reply_bulk_string(call->reply, latency_name(event));
        reply_int(call->reply, samples[have - 1].time_s);
        reply_int(call->reply, samples[have - 1].ms);
        reply_int(call->reply, call->server->latency[event]->max_ms);
        count++;
    }
    reply_deferred_end(call->reply, mark, '*', count);
    return CALL_DONE;
}

enum call_result cmd_latency_history(struct call *call)
{
    struct latency_sample samples[LATENCY_SAMPLES];
    enum latency_event    event = latency_find(call->argv[2]);
    size_t                count = 0;
    if (event != LATENCY_EVENT_COUNT)
        count = latency_history(call->server, event, samples);
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        reply_array(call->reply, 2);
        reply_int(call->reply, samples[i].time_s);
        reply_int(call->reply, samples[i].ms);
    }
    return CALL_DONE;
}

enum call_result cmd_latency_reset(struct call *call)
{
    int64_t count = 0;
    for (unsigned i = 0; call->argc == 2 && i < LATENCY_EVENT_COUNT; i++)
        count += latency_reset(call->server, (enum latency_event)i);
    for (size_t i = 2; i < call->argc; i++) {
        enum latency_event event = latency_find(call->argv[i]);
        if (event != LATENCY_EVENT_COUNT)
            count += latency_reset(call->server, event);
    }
    reply_int(call->reply, count);
    return CALL_DONE;
}

/* --- reports ------------------------------------------------------------- */

enum call_result cmd_latency_graph(struct call *call)
{
    enum latency_event event = latency_find(call->argv[2]);
    struct buf         graph;
    if (event == LATENCY_EVENT_COUNT || call->server->latency[event] == NULL) {
        reply_errorf(call->reply, "ERR No samples available for event '%.*s'",
                     (int)call->argv[2].len, call->argv[2].data);
        return CALL_DONE;
    }
    buf_init(&graph, REPORT_MAX);
    latency_graph(call->server, event, &graph);
    reply_verbatim(call->reply, buf_slice(&graph), "txt");
    buf_deinit(&graph);
    return CALL_DONE;
}

enum call_result cmd_latency_doctor(struct call *call)
{
    struct buf report;
    buf_init(&report, REPORT_MAX);
    latency_doctor(call->server, &report);
    reply_verbatim(call->reply, buf_slice(&report), "txt");
    buf_deinit(&report);
    return CALL_DONE;
}

/* --- LATENCY HISTOGRAM --------------------------------------------------- */

struct histograms {
    struct call          *call;
    const struct command *only; /* this one and its subcommands; NULL: all */
    size_t                count;
};

/* Redis's steps: from a microsecond on the double of the one before, each as
 * wide as its own histogram is precise. */
static size_t reply_steps(struct reply *reply, const struct histogram *times)
{
    uint64_t total = histogram_count(times), before = 0;
    size_t   steps = 0;
    for (uint64_t ns = 1024; before < total; ns *= 2) {
        uint64_t count = histogram_count_to(times, ns);
        if (ns >> HISTOGRAM_MAX_BITS)
            count = total;
        if (count == before)
            continue;
        reply_int(reply, (int64_t)((ns + ns / 128 - 1) / 1000));
        reply_int(reply, (int64_t)count);
        before = count;
        steps++;
    }
    return steps;
}

static void reply_histogram(void *arg, const struct command *top,
                            const struct command *command,
                            const struct cmdstat *stat)
{
    struct histograms *all = arg;
    struct reply      *reply = all->call->reply;
    if (histogram_count(&stat->latency) == 0)
        return;
    if (all->only != NULL && command != all->only && top != all->only)
        return;
    all->count++;
    reply_bulk_string(reply, command_full_name(command).text);
    reply_map(reply, 2);
    reply_bulk_string(reply, "calls");
    reply_int(reply, (int64_t)histogram_count(&stat->latency));
    reply_bulk_string(reply, "histogram_usec");
    size_t mark = reply_deferred_begin(reply);
    size_t steps = reply_steps(reply, &stat->latency);
    reply_deferred_end(reply, mark, '%', steps);
}

enum call_result cmd_latency_histogram(struct call *call)
{
    struct histograms all = { .call = call };
    size_t            mark = reply_deferred_begin(call->reply);
    struct cmdstats  *stats = call->server->cmdstats;
    if (call->argc == 2)
        cmdstats_each(stats, reply_histogram, &all);
    for (size_t i = 2; i < call->argc; i++) {
        all.only = command_find_name(call->server, call->argv[i]);
        if (all.only != NULL)
            cmdstats_each(stats, reply_histogram, &all);
    }
    reply_deferred_end(call->reply, mark, '%', all.count);
    return CALL_DONE;
}

enum call_result cmd_latency_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    What the samples mean, in words.",
        "GRAPH <event>",
        "    The samples of <event> as a picture of characters.",
        "HISTORY <event>",
        "    The samples of <event>: unix time and milliseconds.",
        "LATEST",
        "    Of each event the latest sample and the worst one.",
        "RESET [<event> ...]",
        "    Forgets the samples of these events, or of all.",
        "HISTOGRAM [<command> ...]",
        "    How many calls of these commands, or of all, took how long.",
        NULL,
    };
    call_help(call, "LATENCY", lines);
    return CALL_DONE;
}
