/* load_worker.h - one thread of the load generator: a loop, its connections,
 * its share of the plan, its counters.
 *
 * Life   init and deinit by the main thread, connect and run by the worker's
 *        own. connect returns when all connections have been greeted, so that
 *        all workers can be started at the same instant.
 * Threads only load_worker_stop and the progress fields may be used by
 *        another thread while it runs. */
#ifndef TOOL_LOAD_WORKER_H
#define TOOL_LOAD_WORKER_H

#include <stdatomic.h>
#include <sys/socket.h>
#include <uv.h>

#include "base/buf.h"
#include "base/list.h"
#include "tool/load_plan.h"
#include "tool/load_request.h"
#include "tool/load_stats.h"

#define LOAD_IO_BYTES ((size_t)64 << 10) /* read and write buffer of a thread */

struct load_conn;
struct load_flight;

/* All that the threads share, read-only while they run. */
struct load_job {
    const struct load_options *options;
    struct load_space          space;
    struct load_format         format;
    struct sockaddr_storage    address;  /* unused with --unix */
    struct buf                 greeting; /* AUTH, if asked for, and PING */
};

struct load_worker {
    const struct load_job *job; /* borrowed */
    struct load_plan       plan;
    struct load_stats      stats;

    uv_loop_t  loop;
    uv_async_t wake;  /* load_worker_stop */
    uv_timer_t check; /* each 100 ms: the timeout */
    uv_timer_t tick;  /* --rate and --read-rate */
    uv_timer_t end;   /* --duration */

    struct load_conn **conns; /* owned; NULL from opened_count on */
    size_t             conn_count;
    size_t             opened_count;
    size_t             ready_count;
    size_t             lost_count;
    size_t             in_flight; /* of all connections */
    struct link        waiting;   /* connections that --rate holds back */
    uint64_t           paced;     /* requests that --rate has let go */
    double             pace_ns;   /* between two of them; 0: no limit */
    uint64_t           share;     /* index of this worker */

    bool has_started;
    bool is_stopping; /* no new requests; those in flight are waited for */
    bool is_finished;
    bool has_failed;
    struct err_text why; /* the first thing that went wrong */

    uint64_t start_ns;
    uint64_t end_ns;
    uint64_t credit_ns; /* when slow readers were credited last */
    uint64_t alive_ns;  /* when something came last */
    uint64_t alive_sum; /* what had come by then */
    double   cpu_s;     /* used by this thread from start to end */

    char *read_bytes; /* owned, LOAD_IO_BYTES each */
    char *write_bytes;

    atomic_bool          stop_wanted;
    atomic_uint_fast64_t progress_requests;
    atomic_uint_fast64_t progress_errors;
};

void load_worker_init(struct load_worker *worker, const struct load_job *job,
                      uint64_t share);
void load_worker_deinit(struct load_worker *worker);
/* False when it failed; why tells. */
bool load_worker_connect(struct load_worker *worker);
void load_worker_run(struct load_worker *worker);
void load_worker_stop(struct load_worker *worker); /* any thread */

/* For load_conn.c. */

/* The next request and when it counts as started. False when there is none
 * (now): pumped again when --rate has one. */
bool load_worker_next(struct load_worker *worker, struct load_conn *conn,
                      uint64_t now_ns, struct load_flight *out);
void load_worker_ready(struct load_worker *worker);
/* Something came, or a request was answered: are we done? */
void load_worker_settle(struct load_worker *worker);
/* A connection is gone; its unanswered requests have been counted. */
void load_worker_lost(struct load_worker *worker, const char *text);
/* Is this worker playing a slow reader just now? */
bool load_worker_is_slow(const struct load_worker *worker);

#endif
