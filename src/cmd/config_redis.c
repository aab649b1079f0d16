/* config_redis.c - Redis's options that are not ours.
 *
 * A redis.conf should start this server, and tools that set one of Redis's
 * options and read it back should go on. But an option that promises something
 * must not be accepted in silence when the promise isn't kept. So there are
 * three kinds:
 *
 *   accepted  checked as Redis checks them, kept, answered, rewritten, and
 *             nothing comes of it, which `help` calls harmless and says why.
 *             Of a CONFIG_FIXED one only the default is: any other value would
 *             promise what we don't do, and is refused with `help` as reason.
 *   aliases   another name for an option of either table.
 *   foreign   refused, with a line that names what to use instead. Some have
 *             a truthful answer for CONFIG GET.
 *
 * docs/REDIS-OPTIONS.md shows these tables to the reader; a test compares. */
#include <limits.h>

#include "cmd/config_table.h"

#define KB 1024ull
#define MB (1024 * KB)

/* --- why it does no harm -------------------------------------------------- */

#define LAYOUT  "how Redis lays small values out in memory"
#define RDB     "there are no RDB files"
#define DUMPS   "dumps are compressed, and looked at closely, always"
#define AOF     "there is no append only file"
#define EVICT   "no key is lost when memory is short"
#define LAZY    "freeing never waits here"
#define DEFRAG  "the cache's memory does not fragment"
#define REPLICA "there are no replicas yet"
#define CLUSTER "there is no cluster mode yet"
#define MODULES "there are no modules"
#define USERS   "there is one user only"
#define CRASH   "a crash always writes a report"
#define TITLE   "the process keeps its name"
#define SIGNAL  "a signal saves all, then exits"
#define CPUS    "use taskset or the service manager"

/* --- accepted ------------------------------------------------------------- */

static const struct config_name policies[] = {
    { "volatile-lru", 0 },    { "volatile-lfu", 1 },   { "volatile-random", 2 },
    { "volatile-ttl", 3 },    { "allkeys-lru", 4 },    { "allkeys-lfu", 5 },
    { "allkeys-random", 6 },  { "noeviction", 7 },     { NULL, 0 },
};
static const struct config_name fsyncs[] = {
    { "everysec", 0 }, { "always", 1 }, { "no", 2 }, { NULL, 0 },
};
static const struct config_name diskless_loads[] = {
    { "disabled", 0 }, { "on-empty-db", 1 }, { "swapdb", 2 }, { NULL, 0 },
};
static const struct config_name pubsub_defaults[] = {
    { "allchannels", 0 }, { "resetchannels", 1 }, { NULL, 0 },
};
static const struct config_name payloads[] = {
    { "no", 0 }, { "yes", 1 }, { "clients", 2 }, { NULL, 0 },
};
static const struct config_name protections[] = {
    { "no", 0 }, { "yes", 1 }, { "local", 2 }, { NULL, 0 },
};
static const struct config_name endpoints[] = {
    { "ip", 0 }, { "hostname", 1 }, { "unknown-endpoint", 2 }, { NULL, 0 },
};
static const struct config_name behaviors[] = {
    { "ignore", 0 }, { "panic", 1 }, { "panic-on-replicas", 2 }, { NULL, 0 },
};

#define SET   CONFIG_MUTABLE
#define START 0
#define GUARD CONFIG_PROTECTED

#define YESNO(name, flags, value, why)                                         \
    { name, CONFIG_BOOL, flags, 0, value, 0, 1, "", why, NULL }
#define NUMBER(name, flags, value, min, max, why)                              \
    { name, CONFIG_INT64, flags, 0, value, CONFIG_SIGNED(min), max, "", why,   \
      NULL }
#define BYTES(name, flags, value, min, why)                                    \
    { name, CONFIG_BYTES, flags, 0, value, min, LLONG_MAX, "bytes", why, NULL }
#define ONEOF(name, flags, value, names, why)                                  \
    { name, CONFIG_ENUM, flags, 0, value, 0, 0, "", why, names }
#define TEXT(name, flags, value, why)                                          \
    { name, CONFIG_TEXT, flags, 0, value, 0, CONFIG_VALUE_MAX - 1, "", why,    \
      NULL }
#define WORDS(name, flags, value, min, max, why)                               \
    { name, CONFIG_WORDS, flags, 0, value, min, max, "", why, NULL }
#define FIXED(name, value, why)                                                \
    { name, CONFIG_FIXED, CONFIG_MUTABLE, 0, value, 0, 0, "", why, NULL }
#define PORT(name, why) NUMBER(name, SET, "0", 0, 65535, why)

/* clang-format off */
const struct config_option config_accepted[] = {
    /* memory */
    ONEOF("maxmemory-policy", SET, "noeviction", policies, EVICT),
    NUMBER("maxmemory-samples", SET, "5", 1, INT_MAX, EVICT),
    NUMBER("maxmemory-eviction-tenacity", SET, "10", 0, 100, EVICT),
    FIXED("maxmemory-clients", "0", "all clients together may hold a quarter of cache-max-memory"),
    NUMBER("lfu-log-factor", SET, "10", 0, INT_MAX, EVICT),
    NUMBER("lfu-decay-time", SET, "1", 0, INT_MAX, EVICT),
    YESNO("lazyfree-lazy-eviction", SET, "no", LAZY),
    YESNO("lazyfree-lazy-expire", SET, "no", LAZY),
    YESNO("lazyfree-lazy-server-del", SET, "no", LAZY),
    YESNO("lazyfree-lazy-user-del", SET, "no", LAZY),
    YESNO("lazyfree-lazy-user-flush", SET, "no", LAZY),
    YESNO("activedefrag", SET, "no", DEFRAG),
    NUMBER("active-defrag-cycle-min", SET, "1", 1, 99, DEFRAG),
    NUMBER("active-defrag-cycle-max", SET, "25", 1, 99, DEFRAG),
    NUMBER("active-defrag-threshold-lower", SET, "10", 0, 1000, DEFRAG),
    NUMBER("active-defrag-threshold-upper", SET, "100", 0, 1000, DEFRAG),
    NUMBER("active-defrag-max-scan-fields", SET, "1000", 1, LLONG_MAX, DEFRAG),
    BYTES("active-defrag-ignore-bytes", SET, "100mb", 1, DEFRAG),
    YESNO("jemalloc-bg-thread", SET, "yes", DEFRAG),
    YESNO("disable-thp", START, "yes", "the cache never uses huge pages"),
    FIXED("oom-score-adj", "no", "the kernel's choice is not adjusted, let the service manager do it"),
    WORDS("oom-score-adj-values", SET, "0 200 800", 3, 3, "they are for oom-score-adj"),

    /* types */
    NUMBER("hash-max-listpack-entries", SET, "512", 0, LLONG_MAX, LAYOUT),
    BYTES("hash-max-listpack-value", SET, "64", 0, LAYOUT),
    NUMBER("list-max-listpack-size", SET, "-2", INT_MIN, INT_MAX, LAYOUT),
    NUMBER("list-compress-depth", SET, "0", 0, INT_MAX, LAYOUT),
    NUMBER("set-max-intset-entries", SET, "512", 0, LLONG_MAX, LAYOUT),
    NUMBER("set-max-listpack-entries", SET, "128", 0, LLONG_MAX, LAYOUT),
    BYTES("set-max-listpack-value", SET, "64", 0, LAYOUT),
    NUMBER("zset-max-listpack-entries", SET, "128", 0, LLONG_MAX, LAYOUT),
    BYTES("zset-max-listpack-value", SET, "64", 0, LAYOUT),
    BYTES("hll-sparse-max-bytes", SET, "3000", 0, LAYOUT),
    BYTES("stream-node-max-bytes", SET, "4096", 0, LAYOUT),
    NUMBER("stream-node-max-entries", SET, "100", 0, LLONG_MAX, LAYOUT),
    YESNO("activerehashing", SET, "yes", "tables grow and shrink a bucket at a time"),
    NUMBER("active-expire-effort", SET, "1", 1, 10, "expired keys are never answered, deleting them is not hurried"),

    /* saving */
    { "save", CONFIG_SAVE, SET, 0, "", 0, 0, "", "changes reach the disk after cache-flush-delay, whatever stands here", NULL },
    TEXT("dbfilename", GUARD, "dump.rdb", RDB),
    YESNO("rdbcompression", SET, "yes", DUMPS),
    YESNO("rdbchecksum", START, "yes", RDB),
    YESNO("rdb-del-sync-files", SET, "no", RDB),
    YESNO("rdb-save-incremental-fsync", SET, "yes", RDB),
    ONEOF("sanitize-dump-payload", SET, "no", payloads, DUMPS),
    YESNO("stop-writes-on-bgsave-error", SET, "yes", "a failing disk always stops writes"),
    FIXED("appendonly", "no", "changes reach the disk after cache-flush-delay, see ds-fsync too"),
    ONEOF("appendfsync", SET, "everysec", fsyncs, AOF),
    TEXT("appendfilename", START, "appendonly.aof", AOF),
    TEXT("appenddirname", START, "appendonlydir", AOF),
    YESNO("no-appendfsync-on-rewrite", SET, "no", AOF),
    NUMBER("auto-aof-rewrite-percentage", SET, "100", 0, INT_MAX, AOF),
    BYTES("auto-aof-rewrite-min-size", SET, "64mb", 0, AOF),
    YESNO("aof-load-truncated", SET, "yes", AOF),
    YESNO("aof-use-rdb-preamble", SET, "yes", AOF),
    YESNO("aof-timestamp-enabled", SET, "no", AOF),
    YESNO("aof-rewrite-incremental-fsync", SET, "yes", AOF),
    YESNO("aof-disable-auto-gc", SET, "no", AOF),

    /* the process */
    YESNO("dynamic-hz", SET, "yes", "background work runs as often as hz says"),
    YESNO("io-threads-do-reads", START, "no", "io-threads are for the disk here"),
    YESNO("always-show-logo", START, "no", "there is no logo"),
    YESNO("set-proc-title", START, "yes", TITLE),
    TEXT("proc-title-template", SET, "{title} {listen-addr} {server-mode}", TITLE),
    WORDS("shutdown-on-sigint", SET, "default", 1, 4, SIGNAL),
    WORDS("shutdown-on-sigterm", SET, "default", 1, 4, SIGNAL),
    NUMBER("shutdown-timeout", SET, "10", 0, INT_MAX, REPLICA),
    YESNO("crash-log-enabled", SET, "yes", CRASH),
    YESNO("crash-memcheck-enabled", SET, "yes", CRASH),
    TEXT("ignore-warnings", SET, "", "they are warnings about Redis"),
    TEXT("locale-collate", SET, "", "nothing is sorted by language"),
    ONEOF("enable-protected-configs", START, "no", protections, "dir and dbfilename can't be changed at runtime"),
    ONEOF("enable-module-command", START, "no", protections, MODULES),
    FIXED("bind-source-addr", "", "the server opens no connections"),
    FIXED("socket-mark-id", "0", "sockets are not marked"),
    FIXED("server_cpulist", "", CPUS),
    FIXED("bio_cpulist", "", CPUS),
    FIXED("aof_rewrite_cpulist", "", CPUS),
    FIXED("bgsave_cpulist", "", CPUS),
    FIXED("tls-port", "0", "there is no TLS yet"),
    FIXED("tls-cluster", "no", "there is no TLS yet"),
    FIXED("tls-replication", "no", "there is no TLS yet"),

    /* users */
    FIXED("aclfile", "", "there are no ACL files yet, use requirepass"),
    ONEOF("acl-pubsub-default", SET, "resetchannels", pubsub_defaults, USERS),
    NUMBER("acllog-max-len", SET, "128", 0, LLONG_MAX, USERS),

    /* replication */
    TEXT("masterauth", SET | CONFIG_SECRET, "", REPLICA),
    TEXT("masteruser", SET, "", REPLICA),
    YESNO("replica-serve-stale-data", SET, "yes", REPLICA),
    YESNO("replica-read-only", SET, "yes", REPLICA),
    YESNO("replica-lazy-flush", SET, "no", REPLICA),
    YESNO("replica-ignore-maxmemory", SET, "yes", REPLICA),
    YESNO("replica-ignore-disk-write-errors", SET, "no", REPLICA),
    YESNO("replica-announced", SET, "yes", REPLICA),
    NUMBER("replica-priority", SET, "100", 0, INT_MAX, REPLICA),
    TEXT("replica-announce-ip", SET, "", REPLICA),
    PORT("replica-announce-port", REPLICA),
    YESNO("repl-diskless-sync", SET, "yes", REPLICA),
    NUMBER("repl-diskless-sync-delay", SET, "5", 0, INT_MAX, REPLICA),
    NUMBER("repl-diskless-sync-max-replicas", SET, "0", 0, INT_MAX, REPLICA),
    ONEOF("repl-diskless-load", SET, "disabled", diskless_loads, REPLICA),
    YESNO("repl-disable-tcp-nodelay", SET, "no", REPLICA),
    NUMBER("repl-ping-replica-period", SET, "10", 1, INT_MAX, REPLICA),
    NUMBER("repl-timeout", SET, "60", 1, INT_MAX, REPLICA),
    BYTES("repl-backlog-size", SET, "1mb", 1, REPLICA),
    NUMBER("repl-backlog-ttl", SET, "3600", 0, LLONG_MAX, REPLICA),
    FIXED("min-replicas-to-write", "0", "there is no replication yet, every write would be refused"),
    NUMBER("min-replicas-max-lag", SET, "10", 0, INT_MAX, REPLICA),
    ONEOF("propagation-error-behavior", SET, "ignore", behaviors, REPLICA),

    /* cluster */
    FIXED("cluster-enabled", "no", CLUSTER),
    TEXT("cluster-config-file", START, "nodes.conf", CLUSTER),
    NUMBER("cluster-node-timeout", SET, "15000", 0, LLONG_MAX, CLUSTER),
    NUMBER("cluster-migration-barrier", SET, "1", 0, INT_MAX, CLUSTER),
    NUMBER("cluster-replica-validity-factor", SET, "10", 0, INT_MAX, CLUSTER),
    YESNO("cluster-require-full-coverage", SET, "yes", CLUSTER),
    YESNO("cluster-replica-no-failover", SET, "no", CLUSTER),
    YESNO("cluster-allow-reads-when-down", SET, "no", CLUSTER),
    YESNO("cluster-allow-pubsubshard-when-down", SET, "yes", CLUSTER),
    YESNO("cluster-allow-replica-migration", SET, "yes", CLUSTER),
    BYTES("cluster-link-sendbuf-limit", SET, "0", 0, CLUSTER),
    TEXT("cluster-announce-ip", SET, "", CLUSTER),
    TEXT("cluster-announce-hostname", SET, "", CLUSTER),
    TEXT("cluster-announce-human-nodename", SET, "", CLUSTER),
    PORT("cluster-announce-port", CLUSTER),
    PORT("cluster-announce-bus-port", CLUSTER),
    PORT("cluster-announce-tls-port", CLUSTER),
    NUMBER("cluster-port", START, "0", 0, 65535, CLUSTER),
    ONEOF("cluster-preferred-endpoint-type", SET, "ip", endpoints, CLUSTER),
};
/* clang-format on */

const size_t config_accepted_count =
    sizeof(config_accepted) / sizeof(config_accepted[0]);
_Static_assert(sizeof(config_accepted) / sizeof(config_accepted[0]) <=
                   CONFIG_ACCEPTED_MAX,
               "raise CONFIG_ACCEPTED_MAX");

/* --- aliases -------------------------------------------------------------- */

const struct config_alias config_aliases[] = {
    { "maxmemory", "cache-max-memory" },
    { "hash-max-ziplist-entries", "hash-max-listpack-entries" },
    { "hash-max-ziplist-value", "hash-max-listpack-value" },
    { "list-max-ziplist-size", "list-max-listpack-size" },
    { "zset-max-ziplist-entries", "zset-max-listpack-entries" },
    { "zset-max-ziplist-value", "zset-max-listpack-value" },
    { "lua-time-limit", "busy-reply-threshold" },
    { "slave-serve-stale-data", "replica-serve-stale-data" },
    { "slave-read-only", "replica-read-only" },
    { "slave-lazy-flush", "replica-lazy-flush" },
    { "slave-ignore-maxmemory", "replica-ignore-maxmemory" },
    { "slave-priority", "replica-priority" },
    { "slave-announce-ip", "replica-announce-ip" },
    { "slave-announce-port", "replica-announce-port" },
    { "repl-ping-slave-period", "repl-ping-replica-period" },
    { "min-slaves-to-write", "min-replicas-to-write" },
    { "min-slaves-max-lag", "min-replicas-max-lag" },
    { "cluster-slave-validity-factor", "cluster-replica-validity-factor" },
    { "cluster-slave-no-failover", "cluster-replica-no-failover" },
};

const size_t config_alias_count =
    sizeof(config_aliases) / sizeof(config_aliases[0]);

/* --- foreign -------------------------------------------------------------- */

#define NO_REPLICA "there is no replication yet"
#define NO_TLS     "there is no TLS yet"

const struct config_foreign config_foreigns[] = {
    /* name               hint                                     answer */
    { "replicaof",         NO_REPLICA,                              "" },
    { "slaveof",           NO_REPLICA,                              "" },
    { "user",              "there are no ACLs yet, use requirepass", NULL },
    { "loadmodule",        MODULES,                                 NULL },
    { "tls-cert-file",     NO_TLS,                                  NULL },
    { "tls-key-file",      NO_TLS,                                  NULL },
    { "tls-key-file-pass", NO_TLS,                                  NULL },
    { "tls-ca-cert-file",  NO_TLS,                                  NULL },
    { "tls-ca-cert-dir",   NO_TLS,                                  NULL },
    { "tls-auth-clients",  NO_TLS,                                  NULL },
    { "diskstore-enabled", "the disk is always in use",             NULL },
    { "diskstore-path",    "use ds-path",                           NULL },
};

const size_t config_foreign_count =
    sizeof(config_foreigns) / sizeof(config_foreigns[0]);
