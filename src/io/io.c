/* io.c - queues under one mutex, a condition variable to wake the threads, one
 * uv_async to wake the loop. Whoever waits tests its queue first and waits in
 * a loop, so no wake-up can be lost. */
#include "io/io.h"

#include "base/assert.h"
#include "base/mem.h"

#define STACK_BYTES ((size_t)512 * 1024)

struct io {
    uv_loop_t   *loop;
    uv_async_t   async;
    bool         async_open;
    unsigned     thread_count; /* without the one for compactions */
    unsigned     started;      /* with it */
    uv_thread_t *threads;
    size_t       done_cap_bytes;

    /* loop thread only */
    struct link fresh[JOB_CLASS_COUNT]; /* submitted, not yet handed over */
    bool        has_fresh;
    size_t      queued[JOB_CLASS_COUNT];
    uint64_t    finished[JOB_CLASS_COUNT];

    uv_mutex_t  mutex;
    uv_cond_t   work;    /* something to run, or stopping */
    uv_cond_t   compact; /* the same for compactions */
    uv_cond_t   drained; /* the loop took the results, or a job arrived */
    uv_cond_t   arrived; /* there are results, for io_drain */
    struct link waiting[JOB_CLASS_COUNT]; /* guarded by mutex */
    struct link done;                     /* guarded by mutex */
    size_t      done_bytes;               /* guarded by mutex */
    unsigned    running;                  /* guarded by mutex */
    unsigned    loads_passed;             /* guarded by mutex */
    unsigned    jobs_passed;              /* guarded by mutex */
    bool        exclusive;                /* guarded by mutex */
    bool        stopping;                 /* guarded by mutex */
};

enum worker_kind { WORKER_FIRST, WORKER_LOADS, WORKER_COMPACT };

struct worker {
    struct io       *io;
    enum worker_kind kind;
};

/* --- choosing ------------------------------------------------------------ */

static struct job *take_first(struct link *list)
{
    struct link *first = list_first(list);
    if (first == NULL)
        return NULL;
    link_remove(first);
    return CONTAINER_OF(first, struct job, link);
}

/* The next job that the first thread may run; see "Order" in io.h. */
static struct job *choose_any(struct io *io)
{
    if (!list_empty(&io->waiting[JOB_EXCLUSIVE])) {
        if (io->running > 0)
            return NULL;
        io->exclusive = true;
        return take_first(&io->waiting[JOB_EXCLUSIVE]);
    }
    bool has_load = !list_empty(&io->waiting[JOB_LOAD]);
    bool has_save = !list_empty(&io->waiting[JOB_SAVE]);
    bool has_background = !list_empty(&io->waiting[JOB_BACKGROUND]);

    if (has_background && ((!has_load && !has_save) ||
                           io->jobs_passed >= IO_JOBS_BEFORE_BACKGROUND)) {
        io->jobs_passed = 0;
        return take_first(&io->waiting[JOB_BACKGROUND]);
    }
    io->jobs_passed += has_background;
    if (has_save && (!has_load || io->loads_passed >= IO_LOADS_BEFORE_SAVE)) {
        io->loads_passed = 0;
        return take_first(&io->waiting[JOB_SAVE]);
    }
    if (has_load) {
        io->loads_passed += has_save;
        return take_first(&io->waiting[JOB_LOAD]);
    }
    return NULL;
}

static struct job *choose(struct io *io, enum worker_kind kind)
{
    if (io->exclusive)
        return NULL;
    if (kind == WORKER_FIRST)
        return choose_any(io);
    if (!list_empty(&io->waiting[JOB_EXCLUSIVE]))
        return NULL;
    if (kind == WORKER_COMPACT)
        return take_first(&io->waiting[JOB_COMPACT]);
    struct job *job = take_first(&io->waiting[JOB_LOAD]);
    io->loads_passed += job != NULL && !list_empty(&io->waiting[JOB_SAVE]);
    return job;
}

/* --- I/O threads --------------------------------------------------------- */

/* REQUIRES: mutex held. */
static void finish(struct io *io, struct job *job)
{
    bool was_empty = list_empty(&io->done);
    list_push_back(&io->done, &job->link);
    io->done_bytes += job->result_bytes;
    io->running--;
    if (job->class == JOB_EXCLUSIVE)
        io->exclusive = false;
    if (io->exclusive || !list_empty(&io->waiting[JOB_EXCLUSIVE]) ||
        job->class == JOB_EXCLUSIVE) {
        uv_cond_broadcast(&io->work);
        uv_cond_signal(&io->compact);
    }
    if (was_empty) {
        uv_async_send(&io->async);
        uv_cond_signal(&io->arrived);
    }
}

static void worker_main(void *arg)
{
    struct worker *worker = arg;
    struct io     *io = worker->io;
    uv_cond_t     *work =
        worker->kind == WORKER_COMPACT ? &io->compact : &io->work;
    uv_mutex_lock(&io->mutex);
    for (;;) {
        while (io->done_bytes > io->done_cap_bytes && !io->stopping)
            uv_cond_wait(&io->drained, &io->mutex);
        struct job *job = choose(io, worker->kind);
        if (job == NULL) {
            if (io->stopping)
                break;
            uv_cond_wait(work, &io->mutex);
            continue;
        }
        io->running++;
        uv_mutex_unlock(&io->mutex);
        job->run(job);
        uv_mutex_lock(&io->mutex);
        finish(io, job);
    }
    uv_mutex_unlock(&io->mutex);
    mem_free(worker);
}

/* --- loop thread --------------------------------------------------------- */

static void deliver(struct io *io, struct link *list)
{
    struct job *job;
    while ((job = take_first(list)) != NULL) {
        io->queued[job->class]--;
        io->finished[job->class]++;
        job->done(job);
    }
}

static void collect(struct io *io)
{
    struct link done;
    link_init(&done);
    uv_mutex_lock(&io->mutex);
    list_splice(&done, &io->done);
    if (io->done_bytes > io->done_cap_bytes)
        uv_cond_broadcast(&io->drained);
    io->done_bytes = 0;
    uv_mutex_unlock(&io->mutex);
    deliver(io, &done);
}

static void on_async(uv_async_t *async)
{
    collect(async->data);
}

static err_t start_threads(struct io *io, struct err_text *why)
{
    uv_thread_options_t options = { .flags = UV_THREAD_HAS_STACK_SIZE,
                                    .stack_size = STACK_BYTES };
    unsigned count = io->thread_count > 0 ? io->thread_count + 1 : 0;
    io->threads = mem_calloc(count, sizeof(*io->threads));
    for (unsigned i = 0; i < count; i++) {
        struct worker *worker = mem_alloc(sizeof(*worker));
        *worker = (struct worker){ .io = io,
                                   .kind = i == 0 ? WORKER_FIRST
                                           : i + 1 < count ? WORKER_LOADS
                                                           : WORKER_COMPACT };
        int rc = uv_thread_create_ex(&io->threads[i], &options, worker_main,
                                     worker);
        if (rc != 0) {
            mem_free(worker);
            return err_set(why, ERR_IO, "cannot start an I/O thread: %s",
                           uv_strerror(rc));
        }
        io->started++;
    }
    return ERR_OK;
}

err_t io_new(uv_loop_t *loop, unsigned thread_count, size_t done_cap_bytes,
             struct io **out, struct err_text *why)
{
    struct io *io = mem_calloc(1, sizeof(*io));
    io->loop = loop;
    io->thread_count = thread_count;
    io->done_cap_bytes = done_cap_bytes;
    for (int i = 0; i < JOB_CLASS_COUNT; i++) {
        link_init(&io->fresh[i]);
        link_init(&io->waiting[i]);
    }
    link_init(&io->done);
    int rc = uv_mutex_init(&io->mutex);
    ASSERT(rc == 0);
    rc = uv_cond_init(&io->work);
    ASSERT(rc == 0);
    rc = uv_cond_init(&io->compact);
    ASSERT(rc == 0);
    rc = uv_cond_init(&io->drained);
    ASSERT(rc == 0);
    rc = uv_cond_init(&io->arrived);
    ASSERT(rc == 0);
    rc = uv_async_init(loop, &io->async, on_async);
    ASSERT(rc == 0);
    io->async.data = io;
    io->async_open = true;
    err_t err = start_threads(io, why);
    if (err != ERR_OK) {
        io_stop(io);
        io_free(io);
        return err;
    }
    *out = io;
    return ERR_OK;
}

void io_submit(struct io *io, struct job *job)
{
    ASSERT(job->class < JOB_CLASS_COUNT);
    job->result_bytes = 0;
    list_push_back(&io->fresh[job->class], &job->link);
    io->queued[job->class]++;
    io->has_fresh = true;
}

/* io-threads 0: what the threads would do, here and now. A job's done may
 * submit more; those run too. */
static void run_here(struct io *io)
{
    while (io->has_fresh) {
        io->has_fresh = false;
        for (int i = 0; i < JOB_CLASS_COUNT; i++)
            list_splice(&io->waiting[i], &io->fresh[i]);
        struct job *job;
        while ((job = choose(io, WORKER_FIRST)) != NULL ||
               (job = choose(io, WORKER_COMPACT)) != NULL) {
            job->run(job);
            io->exclusive = false;
            io->queued[job->class]--;
            io->finished[job->class]++;
            job->done(job);
        }
    }
}

void io_hand_over(struct io *io)
{
    if (!io->has_fresh)
        return;
    if (io->thread_count == 0) {
        run_here(io);
        return;
    }
    io->has_fresh = false;
    uv_mutex_lock(&io->mutex);
    for (int i = 0; i < JOB_CLASS_COUNT; i++)
        list_splice(&io->waiting[i], &io->fresh[i]);
    if (io->thread_count == 1)
        uv_cond_signal(&io->work);
    else
        uv_cond_broadcast(&io->work);
    if (!list_empty(&io->waiting[JOB_COMPACT]))
        uv_cond_signal(&io->compact);
    uv_mutex_unlock(&io->mutex);
}

static bool is_busy(const struct io *io)
{
    for (int i = 0; i < JOB_CLASS_COUNT; i++)
        if (io->queued[i] > 0)
            return true;
    return false;
}

/* REQUIRES: some job was handed over and has not come back, so one will. */
static void wait_for_results(struct io *io)
{
    uv_mutex_lock(&io->mutex);
    while (list_empty(&io->done))
        uv_cond_wait(&io->arrived, &io->mutex);
    uv_mutex_unlock(&io->mutex);
}

bool io_wait_some(struct io *io)
{
    if (!is_busy(io))
        return false;
    io_hand_over(io);
    if (io->thread_count > 0) {
        wait_for_results(io);
        collect(io);
    }
    return true;
}

void io_drain(struct io *io)
{
    while (io_wait_some(io))
        ;
}

void io_stop(struct io *io)
{
    io_drain(io);
    uv_mutex_lock(&io->mutex);
    io->stopping = true;
    uv_cond_broadcast(&io->work);
    uv_cond_signal(&io->compact);
    uv_cond_broadcast(&io->drained);
    uv_mutex_unlock(&io->mutex);
    for (unsigned i = 0; i < io->started; i++)
        uv_thread_join(&io->threads[i]);
    io->thread_count = io->started = 0;
    if (io->async_open)
        uv_close((uv_handle_t *)&io->async, NULL);
    io->async_open = false;
}

void io_free(struct io *io)
{
    if (io == NULL)
        return;
    uv_cond_destroy(&io->arrived);
    uv_cond_destroy(&io->drained);
    uv_cond_destroy(&io->compact);
    uv_cond_destroy(&io->work);
    uv_mutex_destroy(&io->mutex);
    mem_free(io->threads);
    mem_free(io);
}

size_t io_queue_count(const struct io *io, enum job_class class)
{
    return io->queued[class];
}

uint64_t io_done_count(const struct io *io, enum job_class class)
{
    return io->finished[class];
}

bool io_is_blocking(const struct io *io)
{
    return io->thread_count == 0;
}
