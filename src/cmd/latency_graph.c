/* latency_graph.c - the samples of an event as a picture of characters, as
 * Redis draws it: a column for each, four lines high in three steps each, its
 * age written downwards below.
 *
 * A column's height is its share of the range from the lowest sample to the
 * highest. The line in which it ends has the mark of its last step; what it
 * passes through is a bar. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "cmd/latency.h"

#define GRAPH_WIDTH  80
#define GRAPH_LINES  4
#define AGE_CHARS    16

struct graph {
    const struct latency_sample *samples;
    size_t                       count;
    uint32_t                     low, high;
    char                         ages[LATENCY_SAMPLES][AGE_CHARS];
};

static const char marks[] = { '_', 'o', '#' };
#define STEPS (sizeof(marks) * GRAPH_LINES)

/* "12s", "3m", "5h", "2d" */
static void write_age(char out[AGE_CHARS], int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char    letter;
    } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
    size_t i = 0;
    while (seconds < units[i].seconds && units[i].letter != 's')
        i++;
    snprintf(out, AGE_CHARS, "%lld%c", (long long)(seconds / units[i].seconds),
             units[i].letter);
}

static size_t step_of(const struct graph *graph, uint32_t ms)
{
    double range = graph->high == graph->low ? 1 : graph->high - graph->low;
    size_t step = (size_t)((double)(ms - graph->low) * STEPS / range);
    return step < STEPS ? step : STEPS - 1;
}

/* What stands in a line, counted from the lowest. */
static char column_at(size_t step, size_t line)
{
    size_t below = line * sizeof(marks);
    if (step < below)
        return ' ';
    return step - below < sizeof(marks) ? marks[step - below] : '|';
}

static void append(struct buf *out, const char *text, size_t len)
{
    err_t err = buf_append(out, text, len);
    if (err == ERR_OK)
        err = buf_append(out, "\n", 1);
    ASSERT(err == ERR_OK);
}

static void draw_columns(const struct graph *graph, struct buf *out)
{
    char text[LATENCY_SAMPLES];
    for (size_t line = GRAPH_LINES; line-- > 0;) {
        for (size_t i = 0; i < graph->count; i++)
            text[i] = column_at(step_of(graph, graph->samples[i].ms), line);
        append(out, text, graph->count);
    }
}

static void draw_ages(const struct graph *graph, struct buf *out)
{
    char text[LATENCY_SAMPLES];
    bool more = true;
    memset(text, ' ', sizeof(text));
    append(out, text, graph->count);
    for (size_t line = 0; more; line++) {
        more = false;
        for (size_t i = 0; i < graph->count; i++) {
            bool shown = line < strlen(graph->ages[i]);
            text[i] = shown ? graph->ages[i][line] : ' ';
            more |= shown;
        }
        if (more)
            append(out, text, graph->count);
    }
}

/* The part of the samples from first on that fits into the width. */
static void draw(const struct graph *whole, size_t first, struct buf *out)
{
    struct graph part = *whole;
    part.samples += first;
    part.count = whole->count - first < GRAPH_WIDTH ? whole->count - first
                                                    : GRAPH_WIDTH;
    memcpy(part.ages, whole->ages[first], part.count * AGE_CHARS);
    draw_columns(&part, out);
    draw_ages(&part, out);
}

void latency_graph(const struct server *server, enum latency_event event,
                   struct buf *out)
{
    struct latency_sample samples[LATENCY_SAMPLES];
    struct graph          graph = { .samples = samples, .low = UINT32_MAX };
    int64_t               now_s = clock_now_us(&server->clock) / 1000000;
    char                  rule[GRAPH_WIDTH];
    graph.count = latency_history(server, event, samples);
    ASSERT(graph.count > 0);
    for (size_t i = 0; i < graph.count; i++) {
        uint32_t ms = samples[i].ms;
        graph.low = ms < graph.low ? ms : graph.low;
        graph.high = ms > graph.high ? ms : graph.high;
        write_age(graph.ages[i], now_s - samples[i].time_s);
    }
    err_t err = buf_printf(
        out, "%s - high %u ms, low %u ms (all time high %u ms)\n",
        latency_name(event), graph.high, graph.low,
        server->latency[event]->max_ms);
    ASSERT(err == ERR_OK);
    memset(rule, '-', sizeof(rule));
    append(out, rule, sizeof(rule));
    for (size_t first = 0; first < graph.count; first += GRAPH_WIDTH) {
        if (first > 0)
            append(out, "", 0);
        draw(&graph, first, out);
    }
}
