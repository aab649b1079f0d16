/* latency.h - what took longer than latency-monitor-threshold, and when:
 * the LATENCY command.
 *
 * A sample is the worst of a second; the last 160 of each kind of event are
 * kept, as in Redis. While the threshold is 0 nothing is.
 *
 * Memory   1.3 KB for each kind that ever had a sample; MEM_OTHER.
 * Threads  loop thread only. */
#ifndef CMD_LATENCY_H
#define CMD_LATENCY_H

#include "cmd/server.h"

#define LATENCY_SAMPLES 160

/* A new event also needs its name and advice (latency.c, latency_doctor.c) and
 * a test in tests/py/test_latency.py. */
enum latency_event {
    LATENCY_COMMAND,      /* one command ran for so long */
    LATENCY_FAST_COMMAND, /* the same, of one that is flagged fast */
    LATENCY_WAIT,         /* one command waited before it could run */
    LATENCY_LOAD,         /* from asking for a record until it was there */
    LATENCY_FLUSH,        /* from the cut until it was on disk */
    LATENCY_SYNC_FLUSH,   /* the loop stood still for the last resort */
    LATENCY_EVICTION,     /* the loop evicted, in one turn */
    LATENCY_EXPIRY,       /* the loop expired keys, in one turn */
    LATENCY_EVENT_COUNT
};

struct latency_sample {
    uint32_t time_s; /* 0: none */
    uint32_t ms;
};

struct latency_series {
    unsigned next; /* where the next sample goes */
    uint32_t max_ms; /* of all times, until it is reset */
    struct latency_sample samples[LATENCY_SAMPLES];
};

const char *latency_name(enum latency_event event);
/* LATENCY_EVENT_COUNT: there is none of this name. */
enum latency_event latency_find(slice name);

/* Something took so long: a sample, if that is over the threshold. */
void latency_sample(struct server *server, enum latency_event event,
                    uint64_t us);
static inline void latency_note(struct server *server, enum latency_event event,
                                uint64_t us)
{
    uint64_t threshold_ms = server->config->latency_monitor_threshold;
    if (threshold_ms != 0 && us / 1000 >= threshold_ms)
        latency_sample(server, event, us);
}

/* The number of samples; out has room for LATENCY_SAMPLES, and gets them
 * oldest first. */
size_t latency_history(const struct server *server, enum latency_event event,
                       struct latency_sample *out);
/* Forgets an event's samples; false if there were none. */
bool latency_reset(struct server *server, enum latency_event event);

/* latency_graph.c: a picture of the samples, lines of text. */
void latency_graph(const struct server *server, enum latency_event event,
                   struct buf *out);
/* latency_doctor.c: what the samples mean, in words. */
void latency_doctor(const struct server *server, struct buf *out);

#endif
