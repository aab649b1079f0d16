/* config_table.c - every option, once.
 *
 * The second table holds the options of redis.conf that mean nothing here.
 * They are not accepted in silence: someone who wrote `maxmemory 1gb` believes
 * in a limit, and someone who wrote `appendfsync always` believes in his data.
 * So the start ends with a line that names ours. Clients and tools, however,
 * ask for some of them with CONFIG GET and stumble over an empty answer: for
 * these the table has one, as true as it can be.
 *
 * A new option needs: a field in config.h, a line here, a paragraph in
 * conf/diskstore.conf (the test says what is missing), and, when it is
 * mutable and a room keeps a copy of it, a case in main's on_change. */
#include <limits.h>

#include "base/assert.h"
#include "cmd/config_table.h"

/* The offset of a field, and an error from the compiler if the field is not
 * of that type. */
#define AT(type, field)                                                        \
    (offsetof(struct config, field) +                                          \
     0 * sizeof(*(type *){ &((struct config *)0)->field }))

#define KB 1024ull
#define MB (1024 * KB)

static const struct config_name log_levels[] = {
    { "debug",   LOG_DEBUG },
    { "verbose", LOG_VERBOSE },
    { "notice",  LOG_NOTICE },
    { "warning", LOG_WARNING },
    { "nothing", LOG_NOTHING },
    { NULL,      0 },
};

static const struct config_name debug_command_names[] = {
    { "no",    DEBUG_COMMAND_NO },
    { "yes",   DEBUG_COMMAND_YES },
    { "local", DEBUG_COMMAND_LOCAL },
    { NULL,    0 },
};

_Static_assert(sizeof(enum log_level) == sizeof(int), "stored as an int");
_Static_assert(sizeof(enum enable_debug_command) == sizeof(int),
               "stored as an int");

const struct config_option config_options[] = {
    /* name, type, flags, field,
     *     default, min, max, unit, help, names */

    { "port", CONFIG_INT, 0, AT(int, port),
      "6379", 0, 65535, "", "TCP port; 0 listens on no TCP port", NULL },
    { "bind", CONFIG_WORDS, 0, AT(char *, bind),
      "* -::*", 0, 16, "addresses", "addresses to listen on", NULL },
    { "unixsocket", CONFIG_TEXT, 0, AT(char *, unixsocket),
      "", 0, 107, "path", "unix socket to listen on", NULL },
    { "unixsocketperm", CONFIG_OCTAL, 0, AT(unsigned, unixsocketperm),
      "0", 0, 0777, "octal mode", "permissions of the unix socket", NULL },
    { "tcp-backlog", CONFIG_INT, 0, AT(int, tcp_backlog),
      "511", 0, INT_MAX, "connections", "queue of connections to accept",
      NULL },
    { "protected-mode", CONFIG_BOOL, CONFIG_MUTABLE, AT(bool, protected_mode),
      "yes", 0, 1, "", "without a password, serve this machine only", NULL },
    { "requirepass", CONFIG_TEXT, CONFIG_MUTABLE | CONFIG_SECRET,
      AT(char *, requirepass),
      "", 0, CONFIG_VALUE_MAX, "", "password that clients must give", NULL },

    { "maxclients", CONFIG_INT64, CONFIG_MUTABLE, AT(int64_t, maxclients),
      "10000", 1, UINT32_MAX, "clients", "most clients at the same time", NULL },
    { "timeout", CONFIG_INT, CONFIG_MUTABLE, AT(int, timeout),
      "0", 0, INT_MAX, "seconds", "close a client idle for so long; 0 never",
      NULL },
    { "tcp-keepalive", CONFIG_INT, CONFIG_MUTABLE, AT(int, tcp_keepalive),
      "300", 0, INT_MAX, "seconds", "probe silent connections; 0 never",
      NULL },
    { "client-query-buffer-limit", CONFIG_BYTES, CONFIG_MUTABLE,
      AT(uint64_t, client_query_buffer_limit),
      "1gb", MB, LLONG_MAX, "bytes", "most input a client may have pending",
      NULL },
    { "client-output-buffer-limit", CONFIG_OUTPUT_LIMITS, CONFIG_MUTABLE,
      AT(struct config_output_limit, client_output_limits[0]),
      "normal 0 0 0 slave 256mb 64mb 60 pubsub 32mb 8mb 60", 0, LLONG_MAX,
      "class, bytes, bytes, seconds",
      "most replies a client may leave unread", NULL },
    { "proto-max-bulk-len", CONFIG_BYTES, CONFIG_MUTABLE,
      AT(uint64_t, proto_max_bulk_len),
      "512mb", MB, LLONG_MAX, "bytes", "longest single argument", NULL },

    { "ds-path", CONFIG_TEXT, 0, AT(char *, ds_path),
      "./data", 1, CONFIG_VALUE_MAX - 1, "path", "directory of the data",
      NULL },
    { "databases", CONFIG_INT, 0, AT(int, databases),
      "16", 1, 65536, "", "how many databases SELECT can reach", NULL },
    { "ds-fsync", CONFIG_BOOL, CONFIG_MUTABLE, AT(bool, ds_fsync),
      "no", 0, 1, "", "make each flush survive power loss", NULL },
    { "ds-compression", CONFIG_BOOL, 0, AT(bool, ds_compression),
      "no", 0, 1, "", "compress the data on disk", NULL },

    { "cache-max-memory", CONFIG_BYTES, CONFIG_MUTABLE | CONFIG_OR_ZERO,
      AT(uint64_t, cache_max_memory),
      "256mb", 16 * MB, LLONG_MAX, "bytes",
      "memory the server may use; 0 keeps nothing in memory", NULL },
    { "cache-flush-delay", CONFIG_MS, CONFIG_MUTABLE,
      AT(uint64_t, cache_flush_delay_ms),
      "1s", 0, INT_MAX, "milliseconds",
      "how long a write may stay in memory only", NULL },
    { "cut-max", CONFIG_BYTES, CONFIG_MUTABLE | CONFIG_OR_ZERO,
      AT(uint64_t, cut_max),
      "0", 4 * KB, LLONG_MAX, "bytes",
      "flush early at so many unsaved bytes; 0 is a 16th of the memory",
      NULL },
    { "io-threads", CONFIG_INT, 0, AT(int, io_threads),
      "1", 0, 64, "threads", "threads that read and write the disk", NULL },

    { "loglevel", CONFIG_ENUM, CONFIG_MUTABLE, AT(enum log_level, loglevel),
      "notice", 0, 0, "", "how much is logged", log_levels },
    { "logfile", CONFIG_TEXT, 0, AT(char *, logfile),
      "", 0, CONFIG_VALUE_MAX - 1, "path", "file to log to", NULL },
    { "hz", CONFIG_INT, CONFIG_MUTABLE | CONFIG_CLAMP, AT(int, hz),
      "10", 1, 500, "per second", "how often background work runs", NULL },
    { "enable-debug-command", CONFIG_ENUM, 0,
      AT(enum enable_debug_command, enable_debug_command),
      "no", 0, 0, "", "who may use DEBUG", debug_command_names },
    { "debug-store", CONFIG_BOOL, 0, AT(bool, debug_store),
      "no", 0, 1, "", "let tests make the store fail", NULL },
};

const size_t config_option_count =
    sizeof(config_options) / sizeof(config_options[0]);
_Static_assert(sizeof(config_options) / sizeof(config_options[0]) <=
                   CONFIG_OPTIONS_MAX,
               "raise CONFIG_OPTIONS_MAX");

#define NO_RDB     "data goes to the store by itself, see cache-flush-delay"
#define NO_AOF     "see cache-flush-delay and ds-fsync"
#define NO_EVICT   "evicting never loses data here, see cache-max-memory"
#define NO_REPLICA "there is no replication yet"
#define NO_TLS     "there is no TLS yet"
#define NO_CLUSTER "there is no cluster mode yet"
#define NO_ACL     "there are no ACLs yet, use requirepass"
#define NO_INCLUDE "put all options into one file"
#define NO_DAEMON  "the server stays in the foreground, let the service " \
                   "manager start it"

const struct config_foreign config_foreigns[] = {
    /* name                          hint                   answer  same as */
    { "save",                        NO_RDB,                "",     NULL },
    { "dir",                         "use ds-path",         NULL,   "ds-path" },
    { "dbfilename",                  "use ds-path",         "",     NULL },
    { "rdbcompression",              "use ds-compression",  NULL,   NULL },
    { "rdbchecksum",                 "all data has checksums", NULL, NULL },
    { "rdb-del-sync-files",          NO_REPLICA,            NULL,   NULL },
    { "stop-writes-on-bgsave-error", "a failing disk always stops writes",
                                                            NULL,   NULL },
    { "appendonly",                  NO_AOF,                "no",   NULL },
    { "appendfsync",                 NO_AOF,                "no",   NULL },
    { "appendfilename",              "use ds-path",         NULL,   NULL },
    { "appenddirname",               "use ds-path",         NULL,   NULL },
    { "no-appendfsync-on-rewrite",   NO_AOF,                NULL,   NULL },
    { "auto-aof-rewrite-percentage", NO_AOF,                NULL,   NULL },
    { "auto-aof-rewrite-min-size",   NO_AOF,                NULL,   NULL },
    { "aof-load-truncated",          NO_AOF,                NULL,   NULL },
    { "aof-use-rdb-preamble",        NO_AOF,                NULL,   NULL },
    { "aof-timestamp-enabled",       NO_AOF,                NULL,   NULL },
    { "diskstore-enabled",           "the disk is always in use", NULL, NULL },
    { "diskstore-path",              "use ds-path",         NULL,   NULL },

    { "maxmemory",                   "use cache-max-memory",
                                               NULL, "cache-max-memory" },
    { "maxmemory-policy",            NO_EVICT,     "allkeys-lru",   NULL },
    { "maxmemory-samples",           NO_EVICT,              NULL,   NULL },
    { "maxmemory-eviction-tenacity", NO_EVICT,              NULL,   NULL },
    { "maxmemory-clients",           "clients count in cache-max-memory",
                                                            NULL,   NULL },
    { "lazyfree-lazy-eviction",      NO_EVICT,              NULL,   NULL },
    { "lazyfree-lazy-expire",        NULL,                  NULL,   NULL },
    { "lazyfree-lazy-server-del",    NULL,                  NULL,   NULL },
    { "lazyfree-lazy-user-del",      NULL,                  NULL,   NULL },
    { "lazyfree-lazy-user-flush",    NULL,                  NULL,   NULL },
    { "activerehashing",             NULL,                  NULL,   NULL },
    { "activedefrag",                NULL,                  NULL,   NULL },
    { "dynamic-hz",                  "use hz",              NULL,   NULL },
    { "io-threads-do-reads",         "use io-threads",      NULL,   NULL },

    { "daemonize",                   NO_DAEMON,             "no",   NULL },
    { "supervised",                  NO_DAEMON,             NULL,   NULL },
    { "pidfile",                     NO_DAEMON,             NULL,   NULL },
    { "include",                     NO_INCLUDE,            NULL,   NULL },
    { "loadmodule",                  "there are no modules", NULL,  NULL },
    { "rename-command",              NULL,                  NULL,   NULL },
    { "syslog-enabled",              "use logfile",         NULL,   NULL },
    { "always-show-logo",            NULL,                  NULL,   NULL },
    { "set-proc-title",              NULL,                  NULL,   NULL },
    { "notify-keyspace-events",      "there are no keyspace events yet",
                                                            "",     NULL },

    { "replicaof",                   NO_REPLICA,            "",     NULL },
    { "slaveof",                     NO_REPLICA,            "",     NULL },
    { "masterauth",                  NO_REPLICA,            NULL,   NULL },
    { "masteruser",                  NO_REPLICA,            NULL,   NULL },
    { "replica-serve-stale-data",    NO_REPLICA,            NULL,   NULL },
    { "replica-read-only",           NO_REPLICA,            NULL,   NULL },
    { "replica-priority",            NO_REPLICA,            NULL,   NULL },
    { "replica-lazy-flush",          NO_REPLICA,            NULL,   NULL },
    { "repl-diskless-sync",          NO_REPLICA,            NULL,   NULL },
    { "repl-diskless-sync-delay",    NO_REPLICA,            NULL,   NULL },
    { "repl-diskless-load",          NO_REPLICA,            NULL,   NULL },
    { "repl-disable-tcp-nodelay",    NO_REPLICA,            NULL,   NULL },
    { "repl-backlog-size",           NO_REPLICA,            NULL,   NULL },
    { "min-replicas-to-write",       NO_REPLICA,            NULL,   NULL },
    { "cluster-enabled",             NO_CLUSTER,            "no",   NULL },
    { "cluster-config-file",         NO_CLUSTER,            NULL,   NULL },
    { "cluster-node-timeout",        NO_CLUSTER,            NULL,   NULL },
    { "aclfile",                     NO_ACL,                NULL,   NULL },
    { "user",                        NO_ACL,                NULL,   NULL },
    { "tls-port",                    NO_TLS,                "0",    NULL },
    { "tls-cert-file",               NO_TLS,                NULL,   NULL },
    { "tls-key-file",                NO_TLS,                NULL,   NULL },
    { "tls-ca-cert-file",            NO_TLS,                NULL,   NULL },
};

const size_t config_foreign_count =
    sizeof(config_foreigns) / sizeof(config_foreigns[0]);

const struct config_option *config_option_find(slice name)
{
    for (size_t i = 0; i < config_option_count; i++)
        if (slice_equal_nocase(name, config_options[i].name))
            return &config_options[i];
    return NULL;
}

const struct config_foreign *config_foreign_find(slice name)
{
    for (size_t i = 0; i < config_foreign_count; i++)
        if (slice_equal_nocase(name, config_foreigns[i].name))
            return &config_foreigns[i];
    return NULL;
}

/* --- the nearest name ---------------------------------------------------- */

#define NAME_MAX_LEN 64

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    return c;
}

/* How many bytes must be added, dropped, changed or swapped with their
 * neighbour to make b of a (optimal string alignment). Row i of the usual
 * table says it for the first i bytes of a; three rows are needed at a time. */
static size_t edit_distance(slice a, slice b)
{
    size_t rows[3][NAME_MAX_LEN + 1];

    ASSERT(a.len <= NAME_MAX_LEN);
    ASSERT(b.len <= NAME_MAX_LEN);
    for (size_t j = 0; j <= b.len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        const size_t *before = rows[(i + 1) % 3]; /* i - 2 */
        const size_t *above = rows[(i + 2) % 3];  /* i - 1 */
        size_t       *row = rows[i % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            char ca = lower(a.data[i - 1]), cb = lower(b.data[j - 1]);
            row[j] = min_of(above[j], row[j - 1]) + 1;
            row[j] = min_of(row[j], above[j - 1] + (ca != cb));
            if (i > 1 && j > 1 && ca == lower(b.data[j - 2]) &&
                cb == lower(a.data[i - 2]))
                row[j] = min_of(row[j], before[j - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

/* Near is: at most half of the longer name differs. Beyond that a proposal
 * would only puzzle. */
const struct config_option *config_option_nearest(slice name)
{
    const struct config_option *nearest = NULL;
    size_t                      least = NAME_MAX_LEN + 1;
    const char                 *equals;

    if (name.len == 0 || name.len > NAME_MAX_LEN)
        return NULL;
    equals = memchr(name.data, '=', name.len);
    if (equals != NULL) /* --port=6380, as other programs have it */
        name.len = (size_t)(equals - name.data);
    for (size_t i = 0; i < config_option_count; i++) {
        slice  other = slice_from_string(config_options[i].name);
        size_t distance = edit_distance(name, other);
        size_t longer = name.len > other.len ? name.len : other.len;
        if (distance * 2 <= longer && distance < least) {
            least = distance;
            nearest = &config_options[i];
        }
    }
    return nearest;
}
