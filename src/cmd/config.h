/* config.h - what the operator chose: one struct, one table, three ways in.
 *
 * Every option is one line in config_table.c. That line drives the default,
 * the file, the command line, CONFIG GET and CONFIG SET; the test of
 * conf/diskstore.conf asks that it is documented there. Rooms read the fields
 * of struct config directly, and take what they need to know at once from
 * on_change.
 *
 * Ownership  config owns its strings; they are never NULL ("" is "none").
 *            A string lives until its option is changed: rooms do not keep it.
 * Threads    loop thread only.
 * Errors     nothing changes on an error. ERR_NOT_FOUND: no such option, or
 *            one of redis.conf that means nothing here; ERR_INVALID: a bad
 *            value, or an option that can't be changed now; else what
 *            on_change said.
 * Units      bytes, and what the field's name or comment says. In text, bytes
 *            are read as "64mb" and printed as a plain number, as in Redis;
 *            a delay is read as "500ms" or "2s" and printed in milliseconds
 *            as a plain number ("1000"), which reads back as the same. Options
 *            that Redis has in seconds stay plain seconds.
 */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/slice.h"

enum enable_debug_command {
    DEBUG_COMMAND_NO,
    DEBUG_COMMAND_YES,
    DEBUG_COMMAND_LOCAL, /* from the loopback and the unix socket only */
};

enum config_client_class {
    CONFIG_CLASS_NORMAL,
    CONFIG_CLASS_REPLICA, /* "slave" or "replica" in text */
    CONFIG_CLASS_PUBSUB,
    CONFIG_CLASS_COUNT
};

/* A client is cut when its pending replies pass hard, or stay above soft for
 * soft_seconds. 0 is no limit. */
struct config_output_limit {
    uint64_t hard, soft;
    int      soft_seconds;
};

/* In the order in which they were given. */
#define CONFIG_PERCENTILES_MAX 32
struct config_percentiles {
    double at[CONFIG_PERCENTILES_MAX]; /* 0 to 100 */
    size_t count;
};

/* The value of an option that is accepted without effect. */
union config_any {
    int      number;
    int64_t  number64;
    uint64_t bytes;
    bool     yes;
    char    *text; /* owned */
};
#define CONFIG_ACCEPTED_MAX 144

/* A command under another name; to "": it is gone. */
struct config_rename {
    char *from, *to; /* owned */
};
#define CONFIG_RENAMES_MAX 512

enum supervised {
    SUPERVISED_NO,
    SUPERVISED_SYSTEMD,
    SUPERVISED_AUTO, /* by systemd, if it says where to tell it */
};

struct config {
    /* listening */
    int      port; /* 0: no TCP */
    char    *bind; /* addresses, one space between; '-': may be missing */
    char    *unixsocket; /* "": none */
    unsigned unixsocketperm; /* 0: as the umask has it */
    int      tcp_backlog;
    bool     protected_mode;
    char    *requirepass; /* "": none */

    /* clients */
    int64_t  maxclients;
    int      timeout;       /* seconds; 0: never */
    int      tcp_keepalive; /* seconds; 0: off */
    uint64_t client_query_buffer_limit;
    struct config_output_limit client_output_limits[CONFIG_CLASS_COUNT];
    uint64_t proto_max_bulk_len;
    uint64_t tracking_table_max_keys; /* 0: no limit */
    uint32_t notify_keyspace_events;  /* mask of enum notify_flag */

    /* data */
    char    *ds_path;
    int      databases;
    bool     ds_fsync;
    bool     ds_compression;

    /* cache */
    uint64_t cache_max_memory; /* 0: keep nothing, else at least 16 MB */
    uint64_t cache_flush_delay_ms;
    bool     cache_warm_restart;
    uint64_t cut_max; /* 0: a 16th of cache_max_memory */
    int      io_threads; /* 0: the loop does the I/O itself */

    /* the process */
    enum log_level loglevel;
    char          *logfile; /* "": stdout */
    bool           syslog_enabled;
    char          *syslog_ident;
    int            syslog_facility; /* 0: user, n: local<n - 1> */
    char          *dir; /* the working directory */
    bool           daemonize;
    char          *pidfile; /* "": none, unless daemonize */
    enum supervised supervised;
    int            hz;
    enum enable_debug_command enable_debug_command;
    bool           debug_store;

    /* what is watched */
    int64_t  slowlog_log_slower_than; /* microseconds; -1: nothing */
    uint64_t slowlog_max_len;
    uint64_t busy_reply_threshold; /* ms; 0: a script is never told slow */
    uint64_t latency_monitor_threshold; /* milliseconds; 0: off */
    bool     latency_tracking;
    struct config_percentiles latency_tracking_info_percentiles;

    /* where all this came from */
    char *file;  /* absolute; "": no file */
    char *note;  /* what the log should be told about the start; "": nothing */
    struct config_rename *renames; /* rename-command, in order */
    size_t                rename_count;

    union config_any accepted[CONFIG_ACCEPTED_MAX]; /* config_redis.c */

    /* private: config_on_change sets them */
    uint64_t start_max_memory; /* cache_max_memory at the start */
    err_t (*on_change)(void *arg, const char *name, struct err_text *why);
    void *on_change_arg;
};

void config_init_defaults(struct config *config);
void config_deinit(struct config *config);

/* on_change is called after a mutable option got another value at runtime, so
 * that a room can act on it. When it refuses, the old value is put back, and
 * it is called again for those options of the same CONFIG SET that it had
 * taken: it must take a value that was good before. NULL: nobody asks. */
void config_on_change(struct config *config,
                      err_t (*on_change)(void *arg, const char *name,
                                         struct err_text *why),
                      void *arg);

/* --- setting ------------------------------------------------------------- */

#define CONFIG_AT_START 1u /* immutable ones too; on_change isn't called */

/* Sets one option. Names are taken in any case. why gets Redis's words without
 * the name ("argument must be 'yes' or 'no'"), except for ERR_NOT_FOUND, where
 * it is a whole sentence that names ours. */
err_t config_set_text(struct config *config, slice name, slice value,
                      unsigned flags, struct err_text *why);

/* The same at the start, with the value in words as a file or a command line
 * has it: most options take one word, some a list. */
err_t config_set_words(struct config *config, slice name, const slice *words,
                       size_t count, struct err_text *why);

/* One more rename-command. ERR_LIMIT: too many. */
err_t config_add_rename(struct config *config, slice from, slice to,
                        struct err_text *why);
/* Sets config->file or config->note. */
void config_set_origin(char **field, const char *text);

struct config_pair {
    slice name, value;
};

/* CONFIG SET: all of them or none. On an error why is the reply to the client,
 * as Redis words it ("ERR CONFIG SET failed (possibly related to ..."). */
err_t config_set_pairs(struct config *config, const struct config_pair *pairs,
                       size_t count, struct err_text *why);

/* --- asking -------------------------------------------------------------- */

/* The slices are valid during the call. */
typedef void config_each(void *arg, slice name, slice value);

/* CONFIG GET: calls each for every option that one of the glob patterns
 * matches, once, in the table's order; returns how many. Also answers some
 * options of Redis that we don't have, for clients and tools that ask. */
size_t config_get(const struct config *config, const slice *patterns,
                  size_t count, config_each *each, void *arg);

/* Appends an option's value as CONFIG GET has it. out must have room for
 * CONFIG_VALUE_MAX. REQUIRES: there is such an option. */
void config_value(const struct config *config, const char *name,
                  struct buf *out);

/* CONFIG REWRITE (config_rewrite.c): makes of a file's old text one that gives
 * this configuration, see there. ERR_LIMIT: out is too small. */
err_t config_rewrite(const struct config *config, slice old, struct buf *out);

/* No value is longer than this, in text. */
#define CONFIG_VALUE_MAX 4096
#define CONFIG_FILE_MAX  ((size_t)1024 * 1024) /* bytes of a file */

/* True for an option whose value doesn't belong in a log or an error. */
bool config_is_secret(slice name);

#endif
