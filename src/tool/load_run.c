/* load_run.c - starts the workers and waits for them.
 *
 * The calling thread keeps a small loop of its own for signals and the
 * progress line; the workers share nothing but read-only structs. All connect
 * first and meet at a barrier, so that the clock starts when the work does.
 * Until then Ctrl-C simply ends the process; after that the first one ends the
 * run early and the second ends the process. */
#include "tool/load_run.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "tool/load_worker.h"

#define PROGRESS_MS    1000
#define SPARE_FILES    64 /* descriptors beside the connections */
#define GREETING_BYTES ((size_t)1 << 20)

struct load_run;

struct load_thread {
    struct load_run   *run; /* borrowed */
    uv_thread_t        thread;
    struct load_worker worker;
};

struct load_run {
    struct load_job     job;
    struct load_thread *threads; /* owned */
    uint64_t            thread_count;
    uv_barrier_t        barrier; /* all workers have connected, or failed */
    atomic_bool         has_failed;
    atomic_uint         ended;

    /* of the calling thread */
    uv_loop_t   loop;
    uv_async_t  on_ended;
    uv_timer_t  progress;
    uv_signal_t interrupt;
    uv_signal_t terminate;
    bool        interrupted;
    bool        has_line; /* a progress line stands on the terminal */
    uint64_t    start_ns;
    uint64_t    last_ns;
    uint64_t    last_requests;
};

/* The server ------------------------------------------------------------- */

static err_t try_connect(const struct sockaddr *to, socklen_t len)
{
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int status;

    if (fd < 0)
        return ERR_IO;
    status = connect(fd, to, len);
    if (status != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return ERR_CLOSED;
    }
    close(fd);
    return ERR_OK;
}

/* A name may have several addresses and the server listen on one of them: the
 * first that answers is taken for all connections. */
static err_t find_tcp(struct load_job *job, struct err_text *why)
{
    const struct load_options *o = job->options;
    struct addrinfo            hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo           *list;
    char                       port[NI_MAXSERV];
    err_t                      err = ERR_NOT_FOUND;

    snprintf(port, sizeof(port), "%u", (unsigned)o->port);
    int status = getaddrinfo(o->host, port, &hints, &list);
    if (status != 0)
        return err_set(why, ERR_NOT_FOUND, "cannot find host %s: %s", o->host,
                       gai_strerror(status));
    for (struct addrinfo *at = list; at && err; at = at->ai_next) {
        err = try_connect(at->ai_addr, at->ai_addrlen);
        if (!err)
            memcpy(&job->address, at->ai_addr, at->ai_addrlen);
        else
            err_set(why, err, "cannot connect to %s:%s: %s", o->host, port,
                    strerror(errno));
    }
    freeaddrinfo(list);
    return err;
}

static err_t find_unix(struct load_job *job, struct err_text *why)
{
    const char        *path = job->options->unix_path;
    struct sockaddr_un to = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof(to.sun_path))
        return err_set(why, ERR_LIMIT, "the path %s is too long for a socket",
                       path);
    memcpy(to.sun_path, path, strlen(path) + 1);
    if (try_connect((struct sockaddr *)&to, sizeof(to)))
        return err_set(why, ERR_CLOSED, "cannot connect to %s: %s", path,
                       strerror(errno));
    return ERR_OK;
}

static err_t add_word(struct buf *out, const char *word)
{
    return buf_printf(out, "$%zu\r\n%s\r\n", strlen(word), word);
}

/* What each connection says first. The PING shows that we are welcome. */
static err_t make_greeting(struct load_job *job, struct err_text *why)
{
    const struct load_options *o = job->options;
    struct buf                *out = &job->greeting;
    err_t                      err = ERR_OK;

    buf_init(out, GREETING_BYTES);
    if (o->password) {
        err = buf_printf(out, "*%d\r\n", o->user ? 3 : 2);
        if (!err)
            err = add_word(out, "AUTH");
        if (!err && o->user)
            err = add_word(out, o->user);
        if (!err)
            err = add_word(out, o->password);
    }
    if (!err)
        err = buf_printf(out, "*1\r\n$4\r\nPING\r\n");
    return err ? err_set(why, err, "--auth or --user is too long") : ERR_OK;
}

static err_t raise_files(uint64_t connections, struct err_text *why)
{
    struct rlimit limit;
    rlim_t        wanted = connections + SPARE_FILES;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return ERR_OK;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (limit.rlim_cur < wanted || setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return err_set(why, ERR_LIMIT,
                       "%llu connections need %llu open files; the limit is "
                       "%llu (ulimit -n)",
                       (unsigned long long)connections,
                       (unsigned long long)wanted,
                       (unsigned long long)limit.rlim_max);
    return ERR_OK;
}

static err_t job_init(struct load_job *job, const struct load_options *options,
                      struct err_text *why)
{
    err_t err;

    memset(job, 0, sizeof(*job));
    job->options = options;
    load_space_init(&job->space, options);
    load_format_init(&job->format, options->key_prefix);
    err = make_greeting(job, why);
    if (!err)
        err = raise_files(options->connections, why);
    if (!err)
        err = options->unix_path ? find_unix(job, why) : find_tcp(job, why);
    return err;
}

/* The threads ------------------------------------------------------------ */

static void thread_main(void *arg)
{
    struct load_thread *self = arg;
    struct load_run    *run = self->run;

    if (!load_worker_connect(&self->worker))
        atomic_store(&run->has_failed, true);
    uv_barrier_wait(&run->barrier);
    if (atomic_load(&run->has_failed))
        return;
    load_worker_run(&self->worker);
    atomic_fetch_add(&run->ended, 1);
    uv_async_send(&run->on_ended);
}

static void threads_start(struct load_run *run)
{
    run->threads = mem_calloc(run->thread_count, sizeof(*run->threads));
    for (uint64_t i = 0; i < run->thread_count; i++) {
        struct load_thread *thread = &run->threads[i];
        thread->run = run;
        load_worker_init(&thread->worker, &run->job, i);
    }
    for (uint64_t i = 0; i < run->thread_count; i++) {
        struct load_thread *thread = &run->threads[i];
        int status = uv_thread_create(&thread->thread, thread_main, thread);
        ASSERT(status == 0);
    }
}

static void threads_join(struct load_run *run)
{
    for (uint64_t i = 0; i < run->thread_count; i++)
        uv_thread_join(&run->threads[i].thread);
}

/* The calling thread ----------------------------------------------------- */

static void show_progress(struct load_run *run)
{
    uint64_t now_ns = uv_hrtime();
    uint64_t requests = 0;
    uint64_t errors = 0;
    double   passed_s = (double)(now_ns - run->last_ns) / 1e9;

    for (uint64_t i = 0; i < run->thread_count; i++) {
        struct load_worker *worker = &run->threads[i].worker;
        requests += atomic_load_explicit(&worker->progress_requests,
                                         memory_order_relaxed);
        errors += atomic_load_explicit(&worker->progress_errors,
                                       memory_order_relaxed);
    }
    fprintf(stderr, "\r%6.0f s  %9.0f requests/s  %12llu in all  %llu errors ",
            (double)(now_ns - run->start_ns) / 1e9,
            (double)(requests - run->last_requests) / passed_s,
            (unsigned long long)requests, (unsigned long long)errors);
    fflush(stderr);
    run->last_ns = now_ns;
    run->last_requests = requests;
    run->has_line = true;
}

static void on_progress(uv_timer_t *timer)
{
    show_progress(timer->data);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct load_run *run = signal->data;

    (void)number;
    run->interrupted = true;
    uv_signal_stop(&run->interrupt);
    uv_signal_stop(&run->terminate);
    for (uint64_t i = 0; i < run->thread_count; i++)
        load_worker_stop(&run->threads[i].worker);
}

static void on_thread_ended(uv_async_t *async)
{
    struct load_run *run = async->data;

    if (atomic_load(&run->ended) == run->thread_count)
        uv_stop(&run->loop);
}

static void control_init(struct load_run *run)
{
    int status = uv_loop_init(&run->loop);

    ASSERT(status == 0);
    status = uv_async_init(&run->loop, &run->on_ended, on_thread_ended);
    ASSERT(status == 0);
    uv_timer_init(&run->loop, &run->progress);
    uv_signal_init(&run->loop, &run->interrupt);
    uv_signal_init(&run->loop, &run->terminate);
    run->on_ended.data = run;
    run->progress.data = run;
    run->interrupt.data = run;
    run->terminate.data = run;
}

static void control_run(struct load_run *run)
{
    run->start_ns = uv_hrtime();
    run->last_ns = run->start_ns;
    uv_update_time(&run->loop);
    uv_signal_start(&run->interrupt, on_signal, SIGINT);
    uv_signal_start(&run->terminate, on_signal, SIGTERM);
    if (!run->job.options->quiet && isatty(STDERR_FILENO))
        uv_timer_start(&run->progress, on_progress, PROGRESS_MS, PROGRESS_MS);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    if (run->has_line)
        fputs("\r\033[K", stderr);
}

static void control_deinit(struct load_run *run)
{
    uv_close((uv_handle_t *)&run->on_ended, NULL);
    uv_close((uv_handle_t *)&run->progress, NULL);
    uv_close((uv_handle_t *)&run->interrupt, NULL);
    uv_close((uv_handle_t *)&run->terminate, NULL);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    int status = uv_loop_close(&run->loop);
    ASSERT(status == 0);
}

/* The result ------------------------------------------------------------- */

static void collect_worker(const struct load_worker *worker,
                           struct load_result       *out)
{
    double wall_s = (double)(worker->end_ns - worker->start_ns) / 1e9;

    load_stats_merge(&out->stats, &worker->stats);
    out->cpu_s += worker->cpu_s;
    if (wall_s > 0 && worker->cpu_s / wall_s > out->cpu_ratio)
        out->cpu_ratio = worker->cpu_s / wall_s;
    if (out->why.text[0] == '\0')
        out->why = worker->why;
}

static void collect(const struct load_run *run, struct load_result *out)
{
    uint64_t start_ns = UINT64_MAX;
    uint64_t end_ns = 0;

    for (uint64_t i = 0; i < run->thread_count; i++) {
        const struct load_worker *worker = &run->threads[i].worker;
        if (worker->start_ns < start_ns)
            start_ns = worker->start_ns;
        if (worker->end_ns > end_ns)
            end_ns = worker->end_ns;
        collect_worker(worker, out);
    }
    out->wall_s = (double)(end_ns - start_ns) / 1e9;
    out->interrupted = run->interrupted;
}

static err_t why_not(const struct load_run *run, struct err_text *why)
{
    for (uint64_t i = 0; i < run->thread_count; i++)
        if (run->threads[i].worker.has_failed)
            return err_set(why, ERR_CLOSED, "%s",
                           run->threads[i].worker.why.text);
    UNREACHABLE();
}

err_t load_run(const struct load_options *options, struct load_result *out,
               struct err_text *why)
{
    struct load_run run = { .thread_count = options->threads };
    err_t           err = job_init(&run.job, options, why);

    memset(out, 0, sizeof(*out));
    if (err)
        goto out;
    control_init(&run);
    int status = uv_barrier_init(&run.barrier, (unsigned)options->threads + 1);
    ASSERT(status == 0);
    threads_start(&run);
    uv_barrier_wait(&run.barrier);
    if (atomic_load(&run.has_failed))
        err = why_not(&run, why);
    else
        control_run(&run);
    threads_join(&run);
    if (!err)
        collect(&run, out);

    for (uint64_t i = 0; i < run.thread_count; i++)
        load_worker_deinit(&run.threads[i].worker);
    mem_free(run.threads);
    uv_barrier_destroy(&run.barrier);
    control_deinit(&run);
out:
    buf_deinit(&run.job.greeting);
    return err;
}
