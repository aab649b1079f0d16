/* cmd_info.c - INFO, in Redis's sections and names, and two of our own.
 *
 * Tools read these fields by name, so where Redis has a name for what we have,
 * it is used, and where a tool stumbles over a missing one, the true constant
 * stands here (aof_enabled:0). What has no counterpart is in "cache" (cheap,
 * in every default INFO) and "store" (reads a directory: only by its name, or
 * in "everything").
 *
 * One table says which sections there are and when they are shown; their order
 * is the table's, whatever order they are asked for in, as in Redis. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifdef USE_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "cache/cache.h"
#include "cmd/figures.h"
#include "cmd/handlers.h"
#include "cmd/pubsub.h"
#include "cmd/tracking.h"

#define INFO_MAX_BYTES ((size_t)1024 * 1024)

struct info {
    struct server  *server;
    struct db_stats db;
    struct buf      text;
};

/* --- lines --------------------------------------------------------------- */

static void line(struct info *info, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void line(struct info *info, const char *format, ...)
{
    char    formatted[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(formatted, sizeof(formatted), format, arguments);
    va_end(arguments);
    ASSERT(len >= 0);
    err_t err = buf_printf(&info->text, "%s\r\n", formatted);
    ASSERT(err == ERR_OK);
}

static void number(struct info *info, const char *name, uint64_t value)
{
    line(info, "%s:%llu", name, (unsigned long long)value);
}

/* The value may be long: a path, an error. */
static void text(struct info *info, const char *name, const char *value)
{
    err_t err = buf_printf(&info->text, "%s:%s\r\n", name, value);
    ASSERT(err == ERR_OK);
}

/* A size, and the same for people in name_human. */
static void size(struct info *info, const char *name, uint64_t bytes)
{
    static const char units[] = "BKMGTP";
    double            shown = (double)bytes;
    unsigned          unit = 0;
    number(info, name, bytes);
    while (shown >= 1024 && unit < sizeof(units) - 2) {
        shown /= 1024;
        unit++;
    }
    line(info, "%s_human:%.*f%c", name, unit == 0 ? 0 : 2, shown, units[unit]);
}

static void figure_line(void *arg, const struct figure *figure)
{
    if (figure->text != NULL)
        text(arg, figure->name, figure->text);
    else
        number(arg, figure->name, figure->number);
}

/* --- server, clients ----------------------------------------------------- */

static const char *executable(char *path, size_t path_size)
{
    ssize_t len = readlink("/proc/self/exe", path, path_size - 1);
    path[len > 0 ? len : 0] = '\0';
    return path;
}

static void info_server(struct info *info)
{
    struct server       *server = info->server;
    const struct config *config = server->config;
    int64_t              up_s = (server->now_ms - server->start_ms) / 1000;
    char                 path[256];
    struct utsname       system;
    text(info, "redis_version", REDIS_VERSION);
    text(info, "diskstore_version", DISKSTORE_VERSION);
    text(info, "redis_mode", "standalone");
    if (uname(&system) == 0)
        line(info, "os:%s %s %s", system.sysname, system.release,
             system.machine);
    number(info, "arch_bits", 8 * sizeof(long));
    text(info, "monotonic_clock", "POSIX clock_gettime");
    text(info, "multiplexing_api", "libuv");
    number(info, "process_id", (uint64_t)getpid());
    text(info, "run_id", server->run_id);
    number(info, "tcp_port", (uint64_t)config->port);
    number(info, "server_time_usec", (uint64_t)clock_now_us(&server->clock));
    number(info, "uptime_in_seconds", (uint64_t)up_s);
    number(info, "uptime_in_days", (uint64_t)up_s / 86400);
    number(info, "hz", (uint64_t)config->hz);
    number(info, "configured_hz", (uint64_t)config->hz);
    number(info, "io_threads", (uint64_t)config->io_threads);
    text(info, "executable", executable(path, sizeof(path)));
    text(info, "config_file",
         server->config_file != NULL ? server->config_file : "");
}

/* A parked client is what comes nearest to Redis's blocked ones. */
static void info_clients(struct info *info)
{
    struct server *server = info->server;
    number(info, "connected_clients", server->session_count);
    number(info, "maxclients", (uint64_t)server->config->maxclients);
    number(info, "blocked_clients", info->db.parked_now + server->pause.held);
    number(info, "tracking_clients", tracking_figures(server).clients);
    number(info, "pubsub_clients", pubsub_clients(server));
    number(info, "watching_clients", 0);
}

/* --- memory -------------------------------------------------------------- */

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE              *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    (void)fclose(file); /* read only: nothing can be lost */
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t machine_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

static void allocator(struct info *info)
{
#ifdef USE_JEMALLOC
    line(info, "mem_allocator:jemalloc-%d.%d.%d", JEMALLOC_VERSION_MAJOR,
         JEMALLOC_VERSION_MINOR, JEMALLOC_VERSION_BUGFIX);
#else
    text(info, "mem_allocator", "libc");
#endif
}

static void policy(struct info *info, const struct config *config)
{
    struct buf value;
    buf_init(&value, CONFIG_VALUE_MAX);
    config_value(config, "maxmemory-policy", &value);
    line(info, "maxmemory_policy:%.*s", (int)value.len, value.data);
    buf_deinit(&value);
}

/* used_memory is what the accounts hold: that is what the limit is about. The
 * resident size includes the store's files that are mapped. */
static void info_memory(struct info *info)
{
    struct server    *server = info->server;
    const struct mem *mem = &server->mem;
    uint64_t          rss = resident_bytes();
    if (mem->total_bytes > server->peak_bytes)
        server->peak_bytes = mem->total_bytes;
    double used = (double)(mem->total_bytes > 0 ? mem->total_bytes : 1);
    double peak = (double)(server->peak_bytes > 0 ? server->peak_bytes : 1);
    size(info, "used_memory", mem->total_bytes);
    size(info, "used_memory_rss", rss);
    size(info, "used_memory_peak", server->peak_bytes);
    line(info, "used_memory_peak_perc:%.2f%%", used * 100 / peak);
    number(info, "used_memory_dataset",
           mem->used_bytes[MEM_ENTRIES] + mem->used_bytes[MEM_VALUES]);
    size(info, "total_system_memory", machine_bytes());
    size(info, "maxmemory", server->config->cache_max_memory);
    policy(info, server->config);
    line(info, "mem_fragmentation_ratio:%.2f", (double)rss / used);
    number(info, "mem_clients_normal", mem->used_bytes[MEM_CLIENTS]);
    allocator(info);
    number(info, "active_defrag_running", 0);
    number(info, "lazyfree_pending_objects", 0);
}

/* --- persistence, stats -------------------------------------------------- */

/* A flush is what a background save is in Redis. */
static void info_persistence(struct info *info)
{
    const struct db_stats *db = &info->db;
    number(info, "loading", 0);
    number(info, "async_loading", 0);
    number(info, "rdb_changes_since_last_save", db->dirty_entries);
    number(info, "rdb_bgsave_in_progress", db->flushing);
    number(info, "rdb_last_save_time", (uint64_t)db->last_save_time_s);
    text(info, "rdb_last_bgsave_status", db->last_flush_ok ? "ok" : "err");
    number(info, "rdb_last_bgsave_time_sec",
           (uint64_t)db->last_flush_ms / 1000);
    line(info, "rdb_current_bgsave_time_sec:-1");
    number(info, "rdb_saves", db->flushes);
    number(info, "aof_enabled", 0);
    number(info, "aof_rewrite_in_progress", 0);
    number(info, "aof_rewrite_scheduled", 0);
    text(info, "aof_last_bgrewrite_status", "ok");
    text(info, "aof_last_write_status", "ok");
}

static void tracking(struct info *info)
{
    struct tracking_figures figures = tracking_figures(info->server);
    number(info, "tracking_total_keys", figures.keys);
    number(info, "tracking_total_items", figures.readers);
    number(info, "tracking_total_prefixes", figures.prefixes);
}

/* Evicting loses nothing here, so it is no event that a client should hear of:
 * evicted_keys stays 0 and cache_evictions counts. */
static void info_stats(struct info *info)
{
    struct server             *server = info->server;
    const struct server_stats *stats = &server->stats;
    number(info, "total_connections_received", stats->connections);
    number(info, "total_commands_processed", stats->commands);
    number(info, "instantaneous_ops_per_sec",
           server_rate(server, RATE_COMMANDS));
    number(info, "total_net_input_bytes", stats->input_bytes);
    number(info, "total_net_output_bytes", stats->output_bytes);
    line(info, "instantaneous_input_kbps:%.2f",
         (double)server_rate(server, RATE_INPUT) / 1024);
    line(info, "instantaneous_output_kbps:%.2f",
         (double)server_rate(server, RATE_OUTPUT) / 1024);
    number(info, "rejected_connections", stats->rejected_connections);
    number(info, "sync_full", 0);
    number(info, "sync_partial_ok", 0);
    number(info, "sync_partial_err", 0);
    number(info, "expired_keys", info->db.expired);
    number(info, "evicted_keys", 0);
    number(info, "keyspace_hits", stats->keyspace_hits);
    number(info, "keyspace_misses", stats->keyspace_misses);
    number(info, "pubsub_channels", pubsub_names(server, PUBSUB_CHANNEL));
    number(info, "pubsub_patterns", pubsub_names(server, PUBSUB_PATTERN));
    number(info, "pubsubshard_channels", pubsub_names(server, PUBSUB_SHARD));
    tracking(info);
    number(info, "latest_fork_usec", 0);
    number(info, "total_forks", 0);
    number(info, "total_error_replies", stats->error_replies);
    number(info, "client_query_buffer_limit_disconnections",
           stats->query_limit_cuts);
    number(info, "client_output_buffer_limit_disconnections",
           stats->output_limit_cuts);
    number(info, "client_memory_share_disconnections", stats->share_cuts);
    number(info, "commands_too_large", stats->skipped_commands);
}

/* --- replication, cpu, cluster, keyspace --------------------------------- */

static void info_replication(struct info *info)
{
    text(info, "role", "master");
    number(info, "connected_slaves", 0);
    text(info, "master_failover_state", "no-failover");
    text(info, "master_replid", info->server->run_id);
    number(info, "master_repl_offset", 0);
    number(info, "repl_backlog_active", 0);
}

static void cpu_lines(struct info *info, int who, const char *suffix)
{
    struct rusage usage;
    if (getrusage(who, &usage) != 0)
        return;
    line(info, "used_cpu_sys%s:%ld.%06ld", suffix, (long)usage.ru_stime.tv_sec,
         (long)usage.ru_stime.tv_usec);
    line(info, "used_cpu_user%s:%ld.%06ld", suffix, (long)usage.ru_utime.tv_sec,
         (long)usage.ru_utime.tv_usec);
}

static void info_cpu(struct info *info)
{
    cpu_lines(info, RUSAGE_SELF, "");
    cpu_lines(info, RUSAGE_CHILDREN, "_children");
    cpu_lines(info, RUSAGE_THREAD, "_main_thread");
}

static void info_modules(struct info *info)
{
    (void)info; /* there are none; tools expect the heading */
}

static void info_cluster(struct info *info)
{
    number(info, "cluster_enabled", 0);
}

/* Blind writes that are not settled yet are left out: INFO does not wait, as
 * DBSIZE does. Deadlines are known of keys in memory only, and not by
 * database: they are told where they can be of one database only. */
static void info_keyspace(struct info *info)
{
    struct db *db = info->server->db;
    int        used = 0;
    for (int i = 0; i < info->server->config->databases; i++)
        used += db_key_count(db, db_space(db, (unsigned)i)) > 0;
    for (int i = 0; i < info->server->config->databases; i++) {
        int64_t keys = db_key_count(db, db_space(db, (unsigned)i));
        int64_t expires = (int64_t)db_cache(db)->deadline_count;
        if (keys <= 0)
            continue;
        if (used > 1)
            expires = 0;
        line(info, "db%d:keys=%lld,expires=%lld,avg_ttl=0", i, (long long)keys,
             (long long)(expires < keys ? expires : keys));
    }
}

/* --- ours ---------------------------------------------------------------- */

static void info_cache(struct info *info)
{
    (void)figures_cache(info->server, figure_line, info);
}

static void info_store(struct info *info)
{
    (void)figures_store(info->server, figure_line, info);
}

/* --- putting it together ------------------------------------------------- */

/* Each group holds the ones after it. */
enum shown { IN_EVERYTHING, IN_ALL, IN_DEFAULT };

/* clang-format off */
static const struct section {
    const char *name;
    const char *title;
    enum shown  shown;
    void (*write)(struct info *info);
} sections[] = {
    { "server",      "Server",      IN_DEFAULT,    info_server },
    { "clients",     "Clients",     IN_DEFAULT,    info_clients },
    { "memory",      "Memory",      IN_DEFAULT,    info_memory },
    { "persistence", "Persistence", IN_DEFAULT,    info_persistence },
    { "stats",       "Stats",       IN_DEFAULT,    info_stats },
    { "replication", "Replication", IN_DEFAULT,    info_replication },
    { "cpu",         "CPU",         IN_DEFAULT,    info_cpu },
    { "modules",     "Modules",     IN_DEFAULT,    info_modules },
    { "cluster",     "Cluster",     IN_DEFAULT,    info_cluster },
    { "cache",       "Cache",       IN_DEFAULT,    info_cache },
    { "store",       "Store",       IN_EVERYTHING, info_store },
    { "keyspace",    "Keyspace",    IN_DEFAULT,    info_keyspace },
};
/* clang-format on */

static const struct {
    const char *word;
    enum shown  shown;
} groups[] = {
    { "default", IN_DEFAULT },
    { "all", IN_ALL },
    { "everything", IN_EVERYTHING },
};

static bool is_asked_for(struct call *call, const struct section *section)
{
    if (call->argc == 1)
        return section->shown >= IN_DEFAULT;
    for (size_t i = 1; i < call->argc; i++) {
        if (call_arg_is(call, i, section->name))
            return true;
        for (size_t j = 0; j < sizeof(groups) / sizeof(groups[0]); j++)
            if (call_arg_is(call, i, groups[j].word) &&
                section->shown >= groups[j].shown)
                return true;
    }
    return false;
}

enum call_result cmd_info(struct call *call)
{
    struct info info = { .server = call->server };
    buf_init(&info.text, INFO_MAX_BYTES);
    db_stats(call->db, &info.db);
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        const struct section *section = &sections[i];
        if (!is_asked_for(call, section))
            continue;
        line(&info, "%s# %s", info.text.len > 0 ? "\r\n" : "", section->title);
        section->write(&info);
    }
    reply_verbatim(call->reply, buf_slice(&info.text), "txt");
    buf_deinit(&info.text);
    return CALL_DONE;
}
