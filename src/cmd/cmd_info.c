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
#include <string.h>
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
#include "cmd/block.h"
#include "cmd/cmdstats.h"
#include "cmd/figures.h"
#include "cmd/handlers.h"
#include "cmd/info.h"
#include "cmd/pubsub.h"
#include "cmd/scripts.h"
#include "cmd/tracking.h"

#define INFO_MAX_BYTES ((size_t)1024 * 1024)

/* --- lines --------------------------------------------------------------- */

void info_line(struct info *info, const char *format, ...)
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
    info_line(info, "%s:%llu", name, (unsigned long long)value);
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
    info_line(info, "%s_human:%.*f%c", name, unit == 0 ? 0 : 2, shown,
              units[unit]);
}

/* What others count, and is nothing here: clients read it by name. */
static void zeros(struct info *info, const char *const *names)
{
    for (; *names != NULL; names++)
        number(info, *names, 0);
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

static void info_build(struct info *info)
{
    struct utsname system;
    text(info, "redis_version", REDIS_VERSION);
    text(info, "diskstore_version", DISKSTORE_VERSION);
    text(info, "redis_git_sha1", "00000000");
    number(info, "redis_git_dirty", 0);
    text(info, "redis_build_id", "0000000000000000");
    text(info, "redis_mode", "standalone");
    if (uname(&system) == 0)
        info_line(info, "os:%s %s %s", system.sysname, system.release,
                  system.machine);
    number(info, "arch_bits", 8 * sizeof(long));
    text(info, "monotonic_clock",
         info->server->ticks.has_counter ? "X86 TSC" : "POSIX clock_gettime");
    text(info, "multiplexing_api", "libuv");
    text(info, "atomicvar_api", "c11-builtin");
    info_line(info, "gcc_version:%d.%d.%d", __GNUC__, __GNUC_MINOR__,
              __GNUC_PATCHLEVEL__);
}

static const char *supervisor(const struct config *config)
{
    bool is_systemd = config->supervised == SUPERVISED_SYSTEMD ||
                      (config->supervised == SUPERVISED_AUTO &&
                       getenv("NOTIFY_SOCKET") != NULL);
    return is_systemd ? "systemd" : "no";
}

/* listener0:name=tcp,bind=127.0.0.1,bind=::1,port=6379 */
static void listeners(struct info *info)
{
    const struct config *config = info->server->config;
    const char          *rest = config->bind;
    unsigned             number_of = 0;
    char                 addresses[400] = "";
    size_t               len = 0;
    while (*rest != '\0' && len < sizeof(addresses)) {
        int word = (int)strcspn(rest, " ");
        len += (size_t)snprintf(addresses + len, sizeof(addresses) - len,
                                ",bind=%.*s", word, rest);
        rest += word;
        rest += strspn(rest, " ");
    }
    if (config->port != 0)
        info_line(info, "listener%u:name=tcp%s,port=%d", number_of++,
                  addresses, config->port);
    if (config->unixsocket[0] != '\0')
        info_line(info, "listener%u:name=unix,bind=%s", number_of,
                  config->unixsocket);
}

static void info_server(struct info *info)
{
    struct server       *server = info->server;
    const struct config *config = server->config;
    int64_t              up_s = (server->now_ms - server->start_ms) / 1000;
    char                 path[256];
    info_build(info);
    number(info, "process_id", (uint64_t)getpid());
    text(info, "process_supervised", supervisor(config));
    text(info, "run_id", server->run_id);
    number(info, "tcp_port", (uint64_t)config->port);
    number(info, "server_time_usec", (uint64_t)clock_now_us(&server->clock));
    number(info, "uptime_in_seconds", (uint64_t)up_s);
    number(info, "uptime_in_days", (uint64_t)up_s / 86400);
    number(info, "hz", (uint64_t)config->hz);
    number(info, "configured_hz", (uint64_t)config->hz);
    number(info, "lru_clock", (uint64_t)server->now_ms / 1000 & 0xffffff);
    number(info, "io_threads", (uint64_t)config->io_threads);
    number(info, "io_threads_active", config->io_threads > 0);
    text(info, "executable", executable(path, sizeof(path)));
    text(info, "config_file",
         server->config_file != NULL ? server->config_file : "");
    listeners(info);
}

struct client_tally {
    size_t pubsub, watching;
};

static struct client_tally tally_clients(const struct server *server)
{
    struct client_tally tally = { 0 };
    LIST_EACH (link, &server->sessions) {
        const struct session *session =
            CONTAINER_OF(link, struct session, link);
        tally.pubsub += (session->flags & SESSION_PUBSUB) != 0;
        tally.watching += session->watch_count > 0;
    }
    return tally;
}

/* A parked client is as good as blocked, too: it waits, and not for the
 * processor. */
static void info_clients(struct info *info)
{
    static const char *const none[] = {
        "total_blocking_keys_on_nokey", NULL
    };
    struct server      *server = info->server;
    struct client_tally tally = tally_clients(server);
    struct block_figures block = block_figures(server);
    number(info, "connected_clients", server->session_count);
    number(info, "cluster_connections", 0);
    number(info, "maxclients", (uint64_t)server->config->maxclients);
    number(info, "client_recent_max_input_buffer", server->recent_max_input);
    number(info, "client_recent_max_output_buffer", server->recent_max_output);
    number(info, "blocked_clients",
           info->db.parked_now + server->pause.held + block.clients);
    number(info, "tracking_clients", tracking_figures(server).clients);
    number(info, "pubsub_clients", pubsub_clients(server));
    number(info, "watching_clients", tally.watching);
    number(info, "total_watched_keys", server->watched.count);
    number(info, "monitor_clients", server->monitor_count);
    number(info, "clients_in_timeout_table", block.deadlines);
    number(info, "total_blocking_keys", block.keys);
    zeros(info, none);
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

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static void allocator_name(struct info *info)
{
#ifdef USE_JEMALLOC
    info_line(info, "mem_allocator:jemalloc-%d.%d.%d", JEMALLOC_VERSION_MAJOR,
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
    info_line(info, "maxmemory_policy:%.*s", (int)value.len, value.data);
    buf_deinit(&value);
}

/* What the allocator handed out, what pages that takes, and what it keeps. */
static void allocator(struct info *info, uint64_t rss)
{
    struct mem_allocator is;
    mem_allocator_read(&is);
    double allocated = (double)is.allocated_bytes;
    double active = (double)is.active_bytes;
    double resident = (double)is.resident_bytes;
    number(info, "allocator_allocated", is.allocated_bytes);
    number(info, "allocator_active", is.active_bytes);
    number(info, "allocator_resident", is.resident_bytes);
    info_line(info, "allocator_frag_ratio:%.2f", ratio(active, allocated));
    info_line(info, "allocator_frag_bytes:%.0f", active - allocated);
    info_line(info, "allocator_rss_ratio:%.2f", ratio(resident, active));
    info_line(info, "allocator_rss_bytes:%.0f", resident - active);
    info_line(info, "rss_overhead_ratio:%.2f", ratio((double)rss, resident));
    info_line(info, "rss_overhead_bytes:%.0f", (double)rss - resident);
}

static void memory_of_scripts(struct info *info)
{
    struct script_figures is;
    scripts_figures(info->server, &is);
    size(info, "used_memory_lua", is.lua_bytes);
    number(info, "used_memory_vm_eval", is.lua_bytes);
    size(info, "used_memory_vm_total", is.lua_bytes);
    number(info, "used_memory_scripts_eval", is.cache_bytes);
    size(info, "used_memory_scripts", is.cache_bytes);
    number(info, "number_of_cached_scripts", is.script_count);
}

/* Functions, replicas, a cluster: none of them here. */
static void memory_of_others(struct info *info)
{
    static const char *const none[] = {
        "number_of_functions", "number_of_libraries",
        "used_memory_vm_functions", "used_memory_functions",
        "mem_not_counted_for_evict",
        "mem_replication_backlog", "mem_total_replication_buffers",
        "mem_clients_slaves", "mem_cluster_links", "mem_aof_buffer",
        "active_defrag_running", "lazyfree_pending_objects",
        "lazyfreed_objects", NULL
    };
    zeros(info, none);
}

/* used_memory is what the accounts hold: that is what the limit is about. The
 * resident size includes the store's files that are mapped, and leaves out what
 * is reserved for the store and not used yet; so a quotient of the two would
 * say nothing. As fragmentation counts what is resident and in no account. */
static void info_memory(struct info *info)
{
    struct server    *server = info->server;
    const struct mem *mem = &server->mem;
    uint64_t          rss = resident_bytes();
    size_t            dataset =
        mem->used_bytes[MEM_ENTRIES] + mem->used_bytes[MEM_VALUES];
    size_t            grown = mem->total_bytes > server->startup_bytes
                                  ? mem->total_bytes - server->startup_bytes
                                  : 0;
    if (mem->total_bytes > server->peak_bytes)
        server->peak_bytes = mem->total_bytes;
    double used = (double)mem->total_bytes;
    size(info, "used_memory", mem->total_bytes);
    size(info, "used_memory_rss", rss);
    size(info, "used_memory_peak", server->peak_bytes);
    info_line(info, "used_memory_peak_perc:%.2f%%",
              100 * ratio(used, (double)server->peak_bytes));
    number(info, "used_memory_overhead", mem->total_bytes - dataset);
    number(info, "used_memory_startup", server->startup_bytes);
    number(info, "used_memory_dataset", dataset);
    info_line(info, "used_memory_dataset_perc:%.2f%%",
              100 * ratio((double)(dataset < grown ? dataset : grown),
                          (double)grown));
    allocator(info, rss);
    size(info, "total_system_memory", machine_bytes());
    size(info, "maxmemory", server->config->cache_max_memory);
    policy(info, server->config);
    size_t overhead = mem->used_bytes[MEM_OVERHEAD];
    info_line(info, "mem_fragmentation_ratio:%.2f",
              ratio(used, used - (double)overhead));
    number(info, "mem_fragmentation_bytes", overhead);
    number(info, "mem_clients_normal", mem->used_bytes[MEM_CLIENTS]);
    allocator_name(info);
    memory_of_scripts(info);
    memory_of_others(info);
}

/* --- persistence, stats -------------------------------------------------- */

/* A flush is what a background save is in Redis. There is no append-only file;
 * but clients that ask whether writes are safe read aof_last_write_status. */
static void info_persistence(struct info *info)
{
    static const char *const before[] = {
        "loading", "async_loading", "current_cow_peak", "current_cow_size",
        "current_cow_size_age", "current_save_keys_processed",
        "current_save_keys_total", NULL
    };
    static const char *const after[] = {
        "rdb_last_cow_size", "rdb_last_load_keys_expired",
        "rdb_last_load_keys_loaded", "aof_enabled", "aof_rewrite_in_progress",
        "aof_rewrite_scheduled", "aof_rewrites",
        "aof_rewrites_consecutive_failures", "aof_last_cow_size",
        "module_fork_in_progress", "module_fork_last_cow_size", NULL
    };
    const struct db_stats *db = &info->db;
    zeros(info, before);
    info_line(info, "current_fork_perc:0.00");
    number(info, "rdb_changes_since_last_save", db->dirty_entries);
    number(info, "rdb_bgsave_in_progress", db->flushing);
    number(info, "rdb_last_save_time", (uint64_t)db->last_save_time_s);
    text(info, "rdb_last_bgsave_status", db->last_flush_ok ? "ok" : "err");
    number(info, "rdb_last_bgsave_time_sec",
           (uint64_t)db->last_flush_ms / 1000);
    info_line(info, "rdb_current_bgsave_time_sec:%lld",
              db->flushing ? (long long)db->flushing_ms / 1000 : -1LL);
    number(info, "rdb_saves", db->flushes);
    zeros(info, after);
    info_line(info, "aof_last_rewrite_time_sec:-1");
    info_line(info, "aof_current_rewrite_time_sec:-1");
    text(info, "aof_last_bgrewrite_status", "ok");
    text(info, "aof_last_write_status", db->failing ? "err" : "ok");
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
static void info_traffic(struct info *info)
{
    static const char *const none[] = {
        "total_net_repl_input_bytes", "total_net_repl_output_bytes", NULL
    };
    struct server             *server = info->server;
    const struct server_stats *stats = &server->stats;
    number(info, "total_connections_received", stats->connections);
    number(info, "total_commands_processed", stats->commands);
    number(info, "instantaneous_ops_per_sec",
           server_rate(server, RATE_COMMANDS));
    number(info, "total_net_input_bytes", stats->input_bytes);
    number(info, "total_net_output_bytes", stats->output_bytes);
    info_line(info, "instantaneous_input_kbps:%.2f",
              (double)server_rate(server, RATE_INPUT) / 1024);
    info_line(info, "instantaneous_output_kbps:%.2f",
              (double)server_rate(server, RATE_OUTPUT) / 1024);
    info_line(info, "instantaneous_input_repl_kbps:0.00");
    info_line(info, "instantaneous_output_repl_kbps:0.00");
    zeros(info, none);
}

static void add_run_ns(void *arg, const struct command *top,
                       const struct command *command,
                       const struct cmdstat *stat)
{
    uint64_t *ns = arg;
    (void)top;
    if (command->handler != cmd_exec) /* what it runs counts already */
        *ns += stat->ns;
}

/* A turn of the loop is told by the processor time that its thread took, which
 * does not grow while it waits. */
static void info_loop(struct info *info)
{
    struct server *server = info->server;
    uint64_t       run_ns = 0;
    uint64_t       turns = server_rate(server, RATE_TURNS);
    cmdstats_each(server->cmdstats, add_run_ns, &run_ns);
    number(info, "eventloop_cycles", server->stats.turns);
    number(info, "eventloop_duration_sum",
           server_busy_us() - server->stats.busy_from_us);
    number(info, "eventloop_duration_cmd_sum", run_ns / 1000);
    number(info, "instantaneous_eventloop_cycles_per_sec", turns);
    number(info, "instantaneous_eventloop_duration_usec",
           turns == 0 ? 0 : server_rate(server, RATE_BUSY_US) / turns);
}

/* Evicting loses nothing here, so it is no event that a client should hear of:
 * evicted_keys stays 0 and cache_evictions counts. */
static void info_stats(struct info *info)
{
    static const char *const before[] = {
        "sync_full", "sync_partial_ok", "sync_partial_err",
        "expired_time_cap_reached_count", "evicted_keys",
        "total_eviction_exceeded_time", "current_eviction_exceeded_time", NULL
    };
    static const char *const after[] = {
        "latest_fork_usec", "total_forks", "migrate_cached_sockets",
        "slave_expires_tracked_keys", "active_defrag_hits",
        "active_defrag_misses", "active_defrag_key_hits",
        "active_defrag_key_misses", "total_active_defrag_time",
        "current_active_defrag_time", "unexpected_error_replies",
        "dump_payload_sanitizations", "io_threaded_reads_processed",
        "io_threaded_writes_processed", "reply_buffer_shrinks",
        "reply_buffer_expands", "acl_access_denied_cmd",
        "acl_access_denied_key", "acl_access_denied_channel", NULL
    };
    const struct server       *server = info->server;
    const struct server_stats *stats = &server->stats;
    info_traffic(info);
    number(info, "rejected_connections", stats->rejected_connections);
    zeros(info, before);
    info_line(info, "expired_stale_perc:0.00");
    number(info, "expired_keys", info->db.expired);
    number(info, "expire_cycle_cpu_milliseconds", stats->expire_us / 1000);
    number(info, "evicted_clients", stats->share_cuts);
    number(info, "keyspace_hits", stats->keyspace_hits);
    number(info, "keyspace_misses", stats->keyspace_misses);
    number(info, "pubsub_channels", pubsub_names(server, PUBSUB_CHANNEL));
    number(info, "pubsub_patterns", pubsub_names(server, PUBSUB_PATTERN));
    number(info, "pubsubshard_channels", pubsub_names(server, PUBSUB_SHARD));
    tracking(info);
    zeros(info, after);
    number(info, "total_error_replies", stats->error_replies);
    number(info, "total_reads_processed", stats->reads);
    number(info, "total_writes_processed", stats->writes);
    info_loop(info);
    number(info, "acl_access_denied_auth", stats->denied_logins);
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
    text(info, "master_replid2", "0000000000000000000000000000000000000000");
    number(info, "master_repl_offset", 0);
    info_line(info, "second_repl_offset:-1");
    number(info, "repl_backlog_active", 0);
    number(info, "repl_backlog_size", 1024 * 1024); /* as if there were one */
    number(info, "repl_backlog_first_byte_offset", 0);
    number(info, "repl_backlog_histlen", 0);
}

static void cpu_lines(struct info *info, int who, const char *suffix)
{
    struct rusage usage;
    if (getrusage(who, &usage) != 0)
        return;
    info_line(info, "used_cpu_sys%s:%ld.%06ld", suffix,
              (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec);
    info_line(info, "used_cpu_user%s:%ld.%06ld", suffix,
              (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec);
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
 * DBSIZE does. */
static void info_keyspace(struct info *info)
{
    struct db *db = info->server->db;
    for (int i = 0; i < info->server->config->databases; i++) {
        const struct db_space *space = db_space(db, (unsigned)i);
        int64_t                keys = db_key_count(db, space);
        if (keys <= 0)
            continue;
        info_line(info, "db%d:keys=%lld,expires=%lld,avg_ttl=%lld", i,
                  (long long)keys, (long long)db_expire_count(db, space),
                  (long long)db_avg_ttl_ms(db, space));
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
    { "commandstats", "Commandstats", IN_ALL,      info_commandstats },
    { "errorstats",  "Errorstats",  IN_DEFAULT,    info_errorstats },
    { "latencystats", "Latencystats", IN_ALL,      info_latencystats },
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
        info_line(&info, "%s# %s", info.text.len > 0 ? "\r\n" : "",
                  section->title);
        section->write(&info);
    }
    reply_verbatim(call->reply, buf_slice(&info.text), "txt");
    buf_deinit(&info.text);
    return CALL_DONE;
}
