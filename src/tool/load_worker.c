/* load_worker.c - the thread.
 *
 * Latency counts from when a request was handed to its connection. With --rate
 * it counts from when the request was due, because a server that stands still
 * would otherwise also stop the clock of the requests that wait behind
 * (coordinated omission). Our own timer is only good for a millisecond, so a
 * request is given that much before it is called late.
 *
 * When the time is up nothing new is sent and what is in flight is waited for,
 * so that each reply is counted and checked; slow readers read at full speed
 * then. */
#include "tool/load_worker.h"

#include <sys/resource.h>

#include "base/assert.h"
#include "base/mem.h"
#include "tool/load_conn.h"

#define PACE_TICK_MS   1
#define CREDIT_TICK_MS 10
#define CHECK_TICK_MS  100
#define NS_PER_MS      1000000u
#define NS_PER_S       1e9

/* Connecting all at once would overrun the server's backlog: a unix socket
 * then refuses, and TCP tries again only a second later. */
#define OPENING_MAX 64

static double thread_cpu_s(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_THREAD, &usage) != 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void worker_finish(struct load_worker *worker)
{
    if (worker->is_finished)
        return;
    worker->is_finished = true;
    worker->end_ns = uv_hrtime();
    uv_stop(&worker->loop);
}

static void worker_fail(struct load_worker *worker, const char *text)
{
    if (worker->why.text[0] == '\0')
        err_set(&worker->why, ERR_CLOSED, "%s", text);
    worker->has_failed = true;
    worker_finish(worker);
}

/* Pacing ---------------------------------------------------------------- */

bool load_worker_next(struct load_worker *worker, struct load_conn *conn,
                      uint64_t now_ns, struct load_flight *out)
{
    ASSERT(worker->has_started);

    if (worker->is_stopping)
        return false;
    out->start_ns = now_ns;
    if (worker->pace_ns > 0) {
        uint64_t due_ns = worker->start_ns +
                          (uint64_t)((double)worker->paced * worker->pace_ns);
        if (due_ns > now_ns) {
            if (list_empty(&conn->waiting))
                list_push_back(&worker->waiting, &conn->waiting);
            return false;
        }
        if (due_ns + PACE_TICK_MS * NS_PER_MS < now_ns)
            out->start_ns = due_ns + PACE_TICK_MS * NS_PER_MS;
    }
    if (!load_plan_next(&worker->plan, &out->op))
        return false;
    worker->paced++;
    return true;
}

/* Each waiting connection gets its turn once; one that could do more joins
 * the end of the queue again, for the next tick. */
static void pace_tick(struct load_worker *worker)
{
    struct link turn;

    link_init(&turn);
    list_splice(&turn, &worker->waiting);
    for (struct link *link; (link = list_first(&turn)) != NULL;) {
        link_remove(link);
        load_conn_pump(CONTAINER_OF(link, struct load_conn, waiting));
    }
}

bool load_worker_is_slow(const struct load_worker *worker)
{
    return worker->job->options->read_rate != 0 && worker->has_started &&
           !worker->is_stopping;
}

/* A slow reader may save up a tenth of a second, or one byte. */
static void credit_tick(struct load_worker *worker)
{
    uint64_t now_ns = uv_hrtime();
    double   rate = (double)worker->job->options->read_rate;
    double   bytes = rate * (double)(now_ns - worker->credit_ns) / NS_PER_S;
    double   most = rate / 10 < 1 ? 1 : rate / 10;

    worker->credit_ns = now_ns;
    for (size_t i = 0; i < worker->conn_count; i++)
        load_conn_credit(worker->conns[i], bytes, most);
}

static void on_tick(uv_timer_t *timer)
{
    struct load_worker *worker = timer->data;

    if (worker->pace_ns > 0)
        pace_tick(worker);
    if (load_worker_is_slow(worker) &&
        uv_hrtime() - worker->credit_ns >= CREDIT_TICK_MS * NS_PER_MS)
        credit_tick(worker);
    load_worker_settle(worker);
}

/* Ending ---------------------------------------------------------------- */

void load_worker_settle(struct load_worker *worker)
{
    if (!worker->has_started)
        return;
    atomic_store_explicit(&worker->progress_requests, worker->stats.requests,
                          memory_order_relaxed);
    atomic_store_explicit(&worker->progress_errors, worker->stats.errors,
                          memory_order_relaxed);
    if (worker->in_flight == 0 &&
        (worker->is_stopping || worker->plan.next >= worker->plan.end))
        worker_finish(worker);
}

static void worker_wind_down(struct load_worker *worker)
{
    if (worker->is_stopping || !worker->has_started)
        return;
    worker->is_stopping = true;
    if (worker->job->options->read_rate != 0)
        for (size_t i = 0; i < worker->conn_count; i++)
            load_conn_credit(worker->conns[i], 2, 2);
    load_worker_settle(worker);
}

static void on_end(uv_timer_t *timer)
{
    worker_wind_down(timer->data);
}

static void on_wake(uv_async_t *wake)
{
    struct load_worker *worker = wake->data;

    if (atomic_load(&worker->stop_wanted))
        worker_wind_down(worker);
}

void load_worker_stop(struct load_worker *worker)
{
    atomic_store(&worker->stop_wanted, true);
    uv_async_send(&worker->wake);
}

static void on_check(uv_timer_t *timer)
{
    struct load_worker      *worker = timer->data;
    const struct load_stats *stats = &worker->stats;
    uint64_t                 now_ns = uv_hrtime();
    uint64_t                 limit_ms = worker->job->options->timeout_ms;
    uint64_t                 sum =
        stats->bytes_received + stats->bytes_sent + worker->ready_count;
    char text[80];

    if (sum != worker->alive_sum ||
        (worker->has_started && worker->in_flight == 0)) {
        worker->alive_sum = sum;
        worker->alive_ns = now_ns;
    }
    if (now_ns - worker->alive_ns < limit_ms * NS_PER_MS)
        return;
    snprintf(text, sizeof(text), "no answer for %g seconds (--timeout)",
             (double)limit_ms / 1000);
    worker_fail(worker, text);
}

/* Connections ----------------------------------------------------------- */

static void open_some(struct load_worker *worker)
{
    while (!worker->has_failed && worker->opened_count < worker->conn_count &&
           worker->opened_count - worker->ready_count < OPENING_MAX) {
        struct load_conn *conn = load_conn_new(worker);
        worker->conns[worker->opened_count++] = conn;
        load_conn_open(conn);
    }
}

void load_worker_ready(struct load_worker *worker)
{
    worker->ready_count++;
    if (worker->ready_count == worker->conn_count)
        uv_stop(&worker->loop);
    else
        open_some(worker);
}

void load_worker_lost(struct load_worker *worker, const char *text)
{
    worker->stats.lost++;
    worker->lost_count++;
    if (!worker->has_started || worker->lost_count == worker->conn_count) {
        worker_fail(worker, text);
        return;
    }
    if (worker->why.text[0] == '\0')
        err_set(&worker->why, ERR_CLOSED, "%s", text);
    load_worker_settle(worker);
}

/* Life ------------------------------------------------------------------ */

/* Share `index` of `count` of a total, so that all shares add up to it. */
static uint64_t share_of(uint64_t total, uint64_t index, uint64_t count)
{
    return total * (index + 1) / count - total * index / count;
}

static void must(int status)
{
    ASSERT(status == 0);
}

void load_worker_init(struct load_worker *worker, const struct load_job *job,
                      uint64_t share)
{
    const struct load_options *o = job->options;

    *worker = (struct load_worker){ .job = job, .share = share };
    load_stats_init(&worker->stats);
    load_plan_init(&worker->plan, &job->space, share, o->threads);
    link_init(&worker->waiting);
    worker->conn_count = share_of(o->connections, share, o->threads);
    worker->conns = mem_calloc(worker->conn_count, sizeof(*worker->conns));
    worker->read_bytes = mem_alloc(LOAD_IO_BYTES);
    worker->write_bytes = mem_alloc(LOAD_IO_BYTES);
    if (o->rate != 0)
        worker->pace_ns = NS_PER_S * (double)o->threads / (double)o->rate;

    must(uv_loop_init(&worker->loop));
    must(uv_async_init(&worker->loop, &worker->wake, on_wake));
    must(uv_timer_init(&worker->loop, &worker->check));
    must(uv_timer_init(&worker->loop, &worker->tick));
    must(uv_timer_init(&worker->loop, &worker->end));
    worker->wake.data = worker;
    worker->check.data = worker;
    worker->tick.data = worker;
    worker->end.data = worker;
}

void load_worker_deinit(struct load_worker *worker)
{
    for (size_t i = 0; i < worker->opened_count; i++)
        load_conn_close(worker->conns[i]);
    uv_close((uv_handle_t *)&worker->wake, NULL);
    uv_close((uv_handle_t *)&worker->check, NULL);
    uv_close((uv_handle_t *)&worker->tick, NULL);
    uv_close((uv_handle_t *)&worker->end, NULL);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&worker->loop));
    for (size_t i = 0; i < worker->opened_count; i++)
        load_conn_free(worker->conns[i]);
    mem_free(worker->conns);
    mem_free(worker->read_bytes);
    mem_free(worker->write_bytes);
}

bool load_worker_connect(struct load_worker *worker)
{
    worker->alive_ns = uv_hrtime();
    uv_timer_start(&worker->check, on_check, CHECK_TICK_MS, CHECK_TICK_MS);
    open_some(worker);
    if (!worker->has_failed)
        uv_run(&worker->loop, UV_RUN_DEFAULT);
    return !worker->has_failed;
}

static void timers_start(struct load_worker *worker)
{
    const struct load_options *o = worker->job->options;
    uint64_t tick_ms = o->rate ? PACE_TICK_MS : CREDIT_TICK_MS;

    uv_update_time(&worker->loop);
    if (o->duration_ms != 0)
        uv_timer_start(&worker->end, on_end, o->duration_ms, 0);
    if (o->rate != 0 || o->read_rate != 0)
        uv_timer_start(&worker->tick, on_tick, tick_ms, tick_ms);
}

void load_worker_run(struct load_worker *worker)
{
    double cpu_before_s = thread_cpu_s();

    ASSERT(!worker->has_failed);
    worker->stats.bytes_received = 0; /* the greetings' */
    worker->has_started = true;
    worker->start_ns = uv_hrtime();
    worker->credit_ns = worker->start_ns;
    worker->alive_ns = worker->start_ns;
    timers_start(worker);
    for (size_t i = 0; i < worker->conn_count; i++)
        load_conn_pump(worker->conns[i]);
    load_worker_settle(worker); /* a share may be empty */
    if (!worker->is_finished)
        uv_run(&worker->loop, UV_RUN_DEFAULT);

    ASSERT(worker->is_finished);
    worker->stats.unanswered += worker->in_flight;
    worker->cpu_s = thread_cpu_s() - cpu_before_s;
}
