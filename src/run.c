/* run.c - a server from its options to its end.
 *
 * Start: options, log, limits, store, I/O threads, db, sockets. Each step that
 * fails says so in one line and ends with exit status 1; nothing on disk has
 * been changed before the store was found to be ours.
 *
 * The loop: before it waits, one db turn (resume who is ready, flush in
 * slices, hand jobs over); after it woke, sockets and finished jobs. The cron
 * runs about ten times a second.
 *
 * End: SIGTERM or SIGINT stops listening and flushes; when all is on disk the
 * loop ends. If the flush fails the server stays up, since memory is then the
 * only copy. A second signal ends at once. */
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "base/assert.h"
#include "base/rand.h"
#include "budget.h"
#include "cache/cache.h"
#include "cmd/server.h"
#include "daemon.h"
#include "io/io.h"
#include "net/net.h"
#include "options.h"
#include "store/fault.h"
#include "store/layout.h"

#ifdef USE_JEMALLOC
/* Few arenas and no waiting with freed pages: what is freed is gone, so that
 * resident memory is what we account. Read by jemalloc at its start. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:2,dirty_decay_ms:0,muzzy_decay_ms:0";
#endif

/* Memory is measured when the accounts have grown by so much. */
#define MEASURE_EVERY_BYTES ((size_t)1024 * 1024)
/* Resident memory that is nobody's: code's data, stacks, libraries. */
#define BASE_BYTES ((size_t)4 * 1024 * 1024)

struct app {
    struct config  config;
    struct server  server;
    struct daemon  daemon;
    struct budget  budget;
    struct store  *store;
    struct io     *io;
    struct net    *net;
    uv_loop_t      loop;
    uv_prepare_t   prepare;
    uv_idle_t      idle;       /* keeps the loop from waiting */
    uv_timer_t     cron;
    uv_timer_t     flush;      /* wakes the loop when a flush is due */
    uv_timer_t     pause;      /* the same when CLIENT PAUSE is over */
    uv_timer_t     block;      /* the same for clients' timeouts (BLPOP) */
    uv_signal_t    signals[2];
    bool           handles_open;
    size_t         measured_bytes; /* accounted when memory was measured */
    bool           stop_told;  /* a signal came */
    uint64_t       flush_errors; /* when it came */
    int64_t        stop_by_ms; /* all is on disk; until then replies go out */
    int            exit_status;
};

/* --- limits -------------------------------------------------------------- */

#define FILES_BESIDES 64 /* logs, listeners, libuv, stdio */

/* Each client is a file. How many there may be: maxclients, if the system can
 * be made to allow it. */
static int64_t possible_clients(const struct config *config)
{
    struct rlimit limit;
    rlim_t others = (rlim_t)store_leveldb_max_files() + FILES_BESIDES;
    rlim_t wanted = (rlim_t)config->maxclients + others;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return config->maxclients;
    struct rlimit raised = limit;
    raised.rlim_cur = wanted;
    if (raised.rlim_max < wanted)
        raised.rlim_max = wanted; /* only root may */
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
        return config->maxclients;
    raised.rlim_cur = raised.rlim_max = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &raised);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur > others ? (int64_t)(limit.rlim_cur - others) : 16;
}

static void raise_file_limit(struct app *app)
{
    int64_t clients = possible_clients(&app->config);
    if (clients >= app->config.maxclients)
        return;
    log_write(app->server.log, LOG_WARNING,
              "the system does not let the process open enough files (ulimit "
              "-n) for %lld clients: maxclients is %lld now",
              (long long)app->config.maxclients, (long long)clients);
    app->config.maxclients = clients;
}

static err_t change_maxclients(const struct app *app, struct err_text *why)
{
    int64_t clients = possible_clients(&app->config);
    if (clients >= app->config.maxclients)
        return ERR_OK;
    return err_set(why, ERR_LIMIT,
                   "The operating system is not able to handle the specified "
                   "number of clients, try with %lld", (long long)clients);
}

static void log_budget(const struct app *app)
{
    const struct budget *budget = &app->budget;
    size_t machine = budget_machine_bytes();
    log_write(app->server.log, LOG_NOTICE,
              "memory: %zu bytes%s = store %zu (write buffers 2 x %zu, block "
              "cache %zu, tables %zu, cut %d x %zu) + %zu for entries, clients "
              "(at most %zu) and jobs",
              budget->limit_bytes, budget->keep_nothing ? " (working size)" : "",
              budget->store_bytes, budget->write_buffer_bytes,
              budget->block_cache_bytes, budget->table_meta_bytes, 3,
              budget->cut_max_bytes,
              budget->limit_bytes - budget->store_bytes,
              budget->limit_bytes / 4);
    if (machine != 0 && budget->limit_bytes > machine - machine / 10)
        log_write(app->server.log, LOG_WARNING,
                  "cache-max-memory %zu is more than this machine or cgroup "
                  "can give (%zu bytes): lower it, or the system may kill the "
                  "server",
                  budget->limit_bytes, machine);
}

#define GOODBYE_MS 500 /* at the end, for clients to take their replies */

/* --- the loop ------------------------------------------------------------ */

static void set_now(struct server *server)
{
    server->now_ms = clock_now_us(&server->clock) / 1000;
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void on_wake_timer(uv_timer_t *timer)
{
    (void)timer; /* that the loop woke is enough */
}

static void stop(struct app *app, int status)
{
    daemon_stopping(&app->daemon);
    app->exit_status = status;
    uv_stop(&app->loop);
}

/* All is on disk: who waited for that is told so, if it takes its replies. */
static void say_goodbye(struct app *app)
{
    int64_t now_ms = app->server.now_ms;
    if (app->stop_by_ms == 0)
        app->stop_by_ms = now_ms + GOODBYE_MS;
    bool waits = db_has_ready(app->server.db) || net_has_output(app->net);
    if (!waits || now_ms >= app->stop_by_ms)
        stop(app, 0);
    else
        uv_timer_start(&app->flush, on_wake_timer,
                       (uint64_t)(app->stop_by_ms - now_ms), 0);
}

/* A signal came: nothing is executed any more; the end is when all is on disk.
 * If a flush fails from then on, memory is the only copy, and the server
 * stays. */
static void try_to_stop(struct app *app)
{
    struct db_stats stats;
    if (db_is_clean(app->server.db)) {
        say_goodbye(app);
        return;
    }
    app->stop_by_ms = 0;
    db_stats(app->server.db, &stats);
    if (stats.flush_errors == app->flush_errors)
        return;
    log_write(app->server.log, LOG_WARNING,
              "can't exit: the flush failed (%s); serving on", stats.last_error);
    app->stop_told = false;
    daemon_staying(&app->daemon, "The last flush failed: still serving");
    app->server.shutting_down = false;
    net_pause(app->net, false);
}

static size_t accounted_bytes(const struct mem *mem)
{
    return mem->total_bytes - mem->used_bytes[MEM_OVERHEAD];
}

/* Resident minus accounted is overhead, and is evicted for. A sanitizer's own
 * memory is not ours. */
static void measure_memory(struct app *app)
{
    struct mem *mem = &app->server.mem;
#ifdef SANITIZED
    size_t rss = 0;
#else
    size_t rss = mem_rss_anon_bytes();
#endif
    size_t known = accounted_bytes(mem);
    size_t over = rss > known + BASE_BYTES ? rss - known - BASE_BYTES : 0;
    mem_set(mem, MEM_OVERHEAD, over);
    app->measured_bytes = known;
    if (mem->total_bytes > app->server.peak_bytes)
        app->server.peak_bytes = mem->total_bytes;
}

/* Between two ticks of the cron much may come; a measurement takes about 20
 * us, so once a megabyte it costs nothing beside what the megabyte did. */
static void measure_growth(struct app *app)
{
    size_t known = accounted_bytes(&app->server.mem);
    if (known < app->measured_bytes)
        app->measured_bytes = known;
    else if (known - app->measured_bytes > MEASURE_EVERY_BYTES)
        measure_memory(app);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct app    *app = prepare->data;
    struct server *server = &app->server;
    set_now(server);
    server->stats.turns++;
    measure_growth(app);
    net_send_now(app->net); /* with io-threads 0 db_turn may take long */
    int64_t pause_ms = server_pause_turn(server);
    bool    more = server_scripts_turn(server);
    more |= db_turn(server->db, server->now_ms);
    (void)server_block_turn(server);
    more |= net_turn(app->net);
    int64_t block_ms = server_block_turn(server); /* some may be new */
    if (block_ms > 0)
        uv_timer_start(&app->block, on_wake_timer, (uint64_t)block_ms, 0);
    if (pause_ms > 0 && !uv_is_active((uv_handle_t *)&app->pause))
        uv_timer_start(&app->pause, on_wake_timer, (uint64_t)pause_ms, 0);
    if (more)
        uv_idle_start(&app->idle, on_idle);
    else
        uv_idle_stop(&app->idle);
    int64_t due = db_next_flush_ms(server->db);
    if (due > 0 && !uv_is_active((uv_handle_t *)&app->flush))
        uv_timer_start(&app->flush, on_wake_timer, (uint64_t)due, 0);
    if (app->stop_told)
        try_to_stop(app);
}

static void on_cron(uv_timer_t *timer)
{
    struct app    *app = timer->data;
    struct server *server = &app->server;
    set_now(server);
    measure_memory(app);
    db_cron(server->db, server->now_ms);
    net_cron(app->net);
    server_cron(server);
}

static void start_cron(struct app *app)
{
    uint64_t period = 1000 / (uint64_t)app->config.hz;
    uv_timer_start(&app->cron, on_cron, period, period);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct app *app = handle->data;
    if (app->stop_told) {
        log_write(app->server.log, LOG_WARNING,
                  "signal %d again: exiting at once", number);
        _exit(1);
    }
    log_write(app->server.log, LOG_NOTICE,
              "signal %d: flushing, then exiting (again: at once)", number);
    struct db_stats stats;
    db_stats(app->server.db, &stats);
    app->flush_errors = stats.flush_errors;
    app->stop_told = true;
    daemon_stopping(&app->daemon);
    app->server.shutting_down = true;
    server_scripts_stop(&app->server);
    net_pause(app->net, true);
    db_flush_soon(app->server.db);
}

/* --- joined callbacks ---------------------------------------------------- */

static void on_standstill(void *arg)
{
    struct app *app = arg;
    net_send_now(app->net);
}

static void on_ready(void *arg, struct db_wait *wait)
{
    struct app *app = arg;
    net_on_ready(app->net, wait);
}

static void hook_stop(void *arg, int status)
{
    stop(arg, status);
}

static void hook_close(void *arg, struct session *session, bool after_reply)
{
    struct app *app = arg;
    net_close_session(app->net, session, after_reply);
}

static void hook_run_blocked(void *arg, struct session *session)
{
    struct app *app = arg;
    net_run_blocked(app->net, session);
}

static bool hook_admit_reply(void *arg, struct session *session, size_t bytes)
{
    struct app *app = arg;
    return net_admit_reply(app->net, session, bytes);
}

static void hook_push(void *arg, struct session *session,
                      const struct reply *message)
{
    struct app *app = arg;
    net_push(app->net, session, message);
}

static void hook_resume(void *arg, struct session *session)
{
    struct app *app = arg;
    net_resume(app->net, session);
}

static void hook_let_go(void *arg, struct session *session)
{
    struct app *app = arg;
    net_let_go(app->net, session);
}

static void hook_describe(void *arg, const struct session *session,
                          struct session_net *out)
{
    struct app *app = arg;
    net_describe_session(app->net, session, out);
}

static struct store_options store_sizes(const struct budget *budget)
{
    return (struct store_options){
        .write_buffer_bytes = budget->write_buffer_bytes,
        .block_cache_bytes = budget->block_cache_bytes,
        .table_meta_bytes = budget->table_meta_bytes,
    };
}

/* A mutable option has a new value. */
static err_t on_change(void *arg, const char *name, struct err_text *why)
{
    struct app    *app = arg;
    struct db     *db = app->server.db;
    struct budget  budget;
    if (strcmp(name, "cache-max-memory") == 0 || strcmp(name, "cut-max") == 0) {
        err_t err = budget_make(&app->config, &budget, why);
        if (err != ERR_OK)
            return err;
        struct store_options sizes = store_sizes(&budget);
        app->budget = budget;
        db_resize_store(db, &sizes);
        mem_set(&app->server.mem, MEM_STORE, budget.store_bytes);
        db_set_limit(db, budget.limit_bytes, budget.keep_nothing);
        db_set_cut_max(db, budget.cut_max_bytes);
    }
    if (strcmp(name, "cache-flush-delay") == 0)
        db_set_flush_delay(db, app->config.cache_flush_delay_ms);
    if (strcmp(name, "cache-warm-restart") == 0)
        db_set_warmup(db, app->config.cache_warm_restart);
    if (strcmp(name, "ds-fsync") == 0)
        db_set_fsync(db, app->config.ds_fsync);
    if (strcmp(name, "maxclients") == 0)
        return change_maxclients(app, why);
    if (strcmp(name, "hz") == 0)
        start_cron(app);
    if (strcmp(name, "loglevel") == 0)
        log_set_level(app->server.log, app->config.loglevel);
    return ERR_OK;
}

/* --- building ------------------------------------------------------------ */

static void server_init(struct app *app)
{
    struct server *server = &app->server;
    server->config = &app->config;
    server->config_file = app->config.file;
    clock_init(&server->clock);
    set_now(server);
    server->start_ms = server->now_ms;
    link_init(&server->sessions);
    server->next_session_id = 1;
    server->hooks = (struct server_hooks){ .arg = app,
                                           .close_session = hook_close,
                                           .describe_session = hook_describe,
                                           .admit_reply = hook_admit_reply,
                                           .push = hook_push,
                                           .run_blocked = hook_run_blocked,
                                           .resume = hook_resume,
                                           .let_go = hook_let_go,
                                           .stop = hook_stop };
    uint8_t id[20];
    rand_system(id, sizeof(id));
    for (size_t i = 0; i < sizeof(id); i++)
        snprintf(server->run_id + 2 * i, 3, "%02x", id[i]);
    dispatch_init(server);
    server_tables_init(server);
}

static err_t open_store(struct app *app, struct err_text *why)
{
    struct server *server = &app->server;
    uint64_t       begun = clock_mono_us();
    struct store_options options = store_sizes(&app->budget);
    options.path = app->config.ds_path;
    options.compression = app->config.ds_compression;
    options.log = server->log;
    log_write(server->log, LOG_NOTICE, "opening the store in %s",
              app->config.ds_path);
    err_t err = store_open_leveldb(&options, &app->store, why);
    if (err != ERR_OK)
        return err;
    log_write(server->log, LOG_NOTICE, "opened the store in %.1f ms",
              (double)(clock_mono_us() - begun) / 1000);
    if (app->config.debug_store)
        app->store = server->fault = store_open_fault(app->store);
    mem_charge(&server->mem, MEM_STORE, app->budget.store_bytes);
    return ERR_OK;
}

static err_t open_db(struct app *app, struct err_text *why)
{
    struct server    *server = &app->server;
    struct db_options options = {
        .mem = &server->mem,
        .log = server->log,
        .io = app->io,
        .store = app->store,
        .limit_bytes = app->budget.limit_bytes,
        .keep_nothing = app->budget.keep_nothing,
        .flush_delay_ms = app->config.cache_flush_delay_ms,
        .cut_max_bytes = app->budget.cut_max_bytes,
        .fsync = app->config.ds_fsync,
        .databases = (unsigned)app->config.databases,
        .warm_restart = app->config.cache_warm_restart,
        .warm_directory = app->config.ds_path,
        .now_ms = server->now_ms,
        .on_ready = on_ready,
        .on_standstill = on_standstill,
        .ready_arg = app,
        .on_change = server_on_change,
        .is_heard = server_hears_changes,
        .change_arg = server,
        .on_work = server_on_work,
        .work_arg = server,
    };
    err_t err = db_open(&options, &server->db, why);
    if (err != ERR_OK)
        return err;
    server->lookups = db_lookups(server->db);
    long long keys = 0;
    for (int i = 0; i < app->config.databases; i++)
        keys += db_key_count(server->db, db_space(server->db, (unsigned)i));
    log_write(server->log, LOG_NOTICE, "%lld keys, record format %d, version "
              "%s", keys, LAYOUT_FORMAT, DISKSTORE_VERSION);
    return ERR_OK;
}

static void open_handles(struct app *app)
{
    uv_prepare_init(&app->loop, &app->prepare);
    uv_idle_init(&app->loop, &app->idle);
    uv_timer_init(&app->loop, &app->cron);
    uv_timer_init(&app->loop, &app->flush);
    uv_timer_init(&app->loop, &app->pause);
    uv_timer_init(&app->loop, &app->block);
    app->prepare.data = app->idle.data = app->cron.data = app;
    uv_prepare_start(&app->prepare, on_prepare);
    start_cron(app);
    const int numbers[2] = { SIGTERM, SIGINT };
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&app->loop, &app->signals[i]);
        app->signals[i].data = app;
        uv_signal_start(&app->signals[i], on_signal, numbers[i]);
    }
    app->handles_open = true;
}

static void close_handles(struct app *app)
{
    if (!app->handles_open)
        return;
    uv_close((uv_handle_t *)&app->prepare, NULL);
    uv_close((uv_handle_t *)&app->idle, NULL);
    uv_close((uv_handle_t *)&app->cron, NULL);
    uv_close((uv_handle_t *)&app->flush, NULL);
    uv_close((uv_handle_t *)&app->pause, NULL);
    uv_close((uv_handle_t *)&app->block, NULL);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&app->signals[i], NULL);
}

static err_t build(struct app *app, struct err_text *why)
{
    err_t err = budget_make(&app->config, &app->budget, why);
    if (err != ERR_OK)
        return err;
    raise_file_limit(app);
    log_budget(app);
    /* First: a port in use leaves no trace of a store. Clients that connect
     * already wait until the loop runs. */
    err = net_new(&app->loop, &app->server, &app->net, why);
    if (err == ERR_OK)
        err = open_store(app, why);
    if (err == ERR_OK)
        err = io_new(&app->loop, (unsigned)app->config.io_threads,
                     app->budget.done_cap_bytes, &app->io, why);
    if (err == ERR_OK)
        err = open_db(app, why);
    if (err != ERR_OK)
        return err;
    open_handles(app);
    app->server.startup_bytes = app->server.mem.total_bytes;
    config_on_change(&app->config, on_change, app);
    return ERR_OK;
}

/* What clients wrote in the very turn that ended the loop. */
static void flush_last(struct app *app)
{
    struct err_text why = { "" };
    if (app->server.db == NULL || app->server.shutdown_nosave)
        return;
    db_warmup_save_now(app->server.db);
    if (db_flush_now(app->server.db, &why) == ERR_OK)
        return;
    log_write(app->server.log, LOG_WARNING, "the last flush failed: %s",
              why.text);
    app->exit_status = 1;
}

static void tear_down(struct app *app)
{
    if (app->net != NULL) {
        server_scripts_abandon(&app->server);
        net_close(app->net);
    }
    flush_last(app);
    if (app->io != NULL)
        io_stop(app->io);
    close_handles(app);
    uv_run(&app->loop, UV_RUN_DEFAULT);
    net_free(app->net);
    db_close(app->server.db);
    io_free(app->io);
    store_close(app->store);
    dispatch_deinit(&app->server);
    server_tables_deinit(&app->server);
}

static int run(struct app *app)
{
    struct err_text why = { "" };
    int rc = uv_loop_init(&app->loop);
    ASSERT(rc == 0);
    server_init(app);
    err_t err = build(app, &why);
    if (err == ERR_OK) {
        log_write(app->server.log, LOG_NOTICE, "ready");
        daemon_ready(&app->daemon, &app->config, app->server.log);
        uv_run(&app->loop, UV_RUN_DEFAULT);
        log_write(app->server.log, LOG_NOTICE, "bye");
    } else {
        log_write(app->server.log, LOG_WARNING, "can't start: %s", why.text);
        if (app->config.logfile[0] != '\0')
            fprintf(stderr, "diskstore: %s\n", why.text);
        app->exit_status = 1;
    }
    tear_down(app);
    daemon_end(&app->daemon);
    rc = uv_loop_close(&app->loop);
    ASSERT(rc == 0);
    return app->exit_status;
}

static err_t open_log(struct app *app, struct err_text *why)
{
    const struct config *config = &app->config;
    err_t err =
        log_new(config->logfile, config->loglevel, &app->server.log, why);
    if (err != ERR_OK)
        return err;
    if (config->syslog_enabled)
        log_to_syslog(app->server.log, config->syslog_ident,
                      config->syslog_facility);
    if (config->note[0] != '\0')
        log_write(app->server.log, LOG_NOTICE, "%s", config->note);
    return ERR_OK;
}

int run_server(int argc, char **argv)
{
    struct err_text why = { "" };
    struct app     *app = mem_calloc(1, sizeof(*app));
    int             status = 1;
    bool            is_parent = false;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a full file system is an error, not a death */
    config_init_defaults(&app->config);
    err_t err = options_parse(argc, argv, environ, &app->config, &why);
    daemon_init(&app->daemon, &app->config);
    if (err == ERR_OK)
        err = daemon_background(&app->daemon, &app->config, &is_parent,
                                &status, &why);
    if (err == ERR_OK && !is_parent)
        err = open_log(app, &why);
    if (err != ERR_OK)
        fprintf(stderr, "diskstore: %s\n", why.text);
    else if (!is_parent)
        status = run(app);
    log_free(app->server.log);
    config_deinit(&app->config);
    mem_free(app);
    return status;
}
