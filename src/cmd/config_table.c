/* config_table.c - every option that acts, once; and finding one by its name.
 *
 * What Redis has besides is in config_redis.c.
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

static const struct config_name supervisors[] = {
    { "systemd", SUPERVISED_SYSTEMD },
    { "auto",    SUPERVISED_AUTO },
    { "no",      SUPERVISED_NO },
    { NULL,      0 },
};

static const struct config_name facilities[] = {
    { "user",   0 }, { "local0", 1 }, { "local1", 2 }, { "local2", 3 },
    { "local3", 4 }, { "local4", 5 }, { "local5", 6 }, { "local6", 7 },
    { "local7", 8 }, { NULL,     0 },
};

_Static_assert(sizeof(enum supervised) == sizeof(int), "stored as an int");
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
    { "tracking-table-max-keys", CONFIG_COUNT, CONFIG_MUTABLE,
      AT(uint64_t, tracking_table_max_keys),
      "1000000", 0, LLONG_MAX, "keys",
      "most keys that CLIENT TRACKING remembers; 0 is no limit", NULL },
    { "notify-keyspace-events", CONFIG_NOTIFY, CONFIG_MUTABLE,
      AT(uint32_t, notify_keyspace_events),
      "", 0, 0, "letters", "classes of keyspace events to publish", NULL },

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
    { "cache-warm-restart", CONFIG_BOOL, CONFIG_MUTABLE,
      AT(bool, cache_warm_restart),
      "yes", 0, 1, "", "load after a start what was hot in memory before it",
      NULL },
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
    { "syslog-enabled", CONFIG_BOOL, 0, AT(bool, syslog_enabled),
      "no", 0, 1, "", "log to the system log too", NULL },
    { "syslog-ident", CONFIG_TEXT, 0, AT(char *, syslog_ident),
      "diskstore", 1, 64, "", "name in the system log", NULL },
    { "syslog-facility", CONFIG_ENUM, 0, AT(int, syslog_facility),
      "local0", 0, 0, "", "facility of the system log", facilities },
    { "dir", CONFIG_TEXT, CONFIG_PROTECTED, AT(char *, dir),
      ".", 1, CONFIG_VALUE_MAX - 1, "path", "working directory", NULL },
    { "daemonize", CONFIG_BOOL, 0, AT(bool, daemonize),
      "no", 0, 1, "", "run in the background", NULL },
    { "pidfile", CONFIG_TEXT, 0, AT(char *, pidfile),
      "", 0, CONFIG_VALUE_MAX - 1, "path", "file for the process id", NULL },
    { "supervised", CONFIG_ENUM, 0, AT(enum supervised, supervised),
      "no", 0, 0, "", "tell a service manager how it goes", supervisors },
    { "hz", CONFIG_INT, CONFIG_MUTABLE | CONFIG_CLAMP, AT(int, hz),
      "10", 1, 500, "per second", "how often background work runs", NULL },
    { "enable-debug-command", CONFIG_ENUM, 0,
      AT(enum enable_debug_command, enable_debug_command),
      "no", 0, 0, "", "who may use DEBUG", debug_command_names },
    { "debug-store", CONFIG_BOOL, 0, AT(bool, debug_store),
      "no", 0, 1, "", "let tests make the store fail", NULL },

    { "slowlog-log-slower-than", CONFIG_INT64, CONFIG_MUTABLE,
      AT(int64_t, slowlog_log_slower_than),
      "10000", CONFIG_SIGNED(-1), LLONG_MAX, "microseconds",
      "commands that take longer are in SLOWLOG; -1 none", NULL },
    { "slowlog-max-len", CONFIG_COUNT, CONFIG_MUTABLE,
      AT(uint64_t, slowlog_max_len),
      "128", 0, LLONG_MAX, "commands", "how many SLOWLOG keeps", NULL },
    { "busy-reply-threshold", CONFIG_COUNT, CONFIG_MUTABLE,
      AT(uint64_t, busy_reply_threshold),
      "5000", 0, LLONG_MAX, "milliseconds",
      "a script that runs for longer lets others in, who get BUSY; 0 never",
      NULL },
    { "latency-monitor-threshold", CONFIG_COUNT, CONFIG_MUTABLE,
      AT(uint64_t, latency_monitor_threshold),
      "0", 0, LLONG_MAX, "milliseconds",
      "events that take so long are in LATENCY; 0 none", NULL },
    { "latency-tracking", CONFIG_BOOL, CONFIG_MUTABLE,
      AT(bool, latency_tracking),
      "yes", 0, 1, "", "keep a histogram of each command's time", NULL },
    { "latency-tracking-info-percentiles", CONFIG_PERCENTILES, CONFIG_MUTABLE,
      AT(struct config_percentiles, latency_tracking_info_percentiles),
      "50 99 99.9", 0, CONFIG_PERCENTILES_MAX, "percent",
      "percentiles that INFO latencystats shows", NULL },
};

const size_t config_option_count =
    sizeof(config_options) / sizeof(config_options[0]);
_Static_assert(sizeof(config_options) / sizeof(config_options[0]) <=
                   CONFIG_OPTIONS_MAX,
               "raise CONFIG_OPTIONS_MAX");

/* --- finding -------------------------------------------------------------- */

size_t config_count(void)
{
    return config_option_count + config_accepted_count;
}

const struct config_option *config_at(size_t i)
{
    ASSERT(i < config_count());
    return i < config_option_count ? &config_options[i]
                                   : &config_accepted[i - config_option_count];
}

void *config_field(const struct config_option *option, struct config *config)
{
    if (option >= config_accepted &&
        option < config_accepted + config_accepted_count)
        return &config->accepted[option - config_accepted];
    return (char *)config + option->offset;
}

bool config_owns_text(const struct config_option *option)
{
    return option->type == CONFIG_TEXT || option->type == CONFIG_WORDS ||
           option->type == CONFIG_SAVE || option->type == CONFIG_FIXED;
}

const struct config_alias *config_alias_find(slice name)
{
    for (size_t i = 0; i < config_alias_count; i++)
        if (slice_equal_nocase(name, config_aliases[i].name))
            return &config_aliases[i];
    return NULL;
}

const struct config_option *config_option_find(slice name)
{
    const struct config_alias *alias = config_alias_find(name);
    if (alias != NULL)
        name = slice_from_string(alias->option);
    for (size_t i = 0; i < config_count(); i++)
        if (slice_equal_nocase(name, config_at(i)->name))
            return config_at(i);
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
    for (size_t i = 0; i < config_count(); i++) {
        slice  other = slice_from_string(config_at(i)->name);
        size_t distance = edit_distance(name, other);
        size_t longer = name.len > other.len ? name.len : other.len;
        if (distance * 2 <= longer && distance < least) {
            least = distance;
            nearest = config_at(i);
        }
    }
    return nearest;
}
