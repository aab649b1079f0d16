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

    /* data */
    char    *ds_path;
    int      databases;
    bool     ds_fsync;
    bool     ds_compression;

    /* cache */
    uint64_t cache_max_memory; /* 0: keep nothing, else at least 16 MB */
    uint64_t cache_flush_delay_ms;
    uint64_t cut_max; /* 0: a 16th of cache_max_memory */
    int      io_threads; /* 0: the loop does the I/O itself */

    /* the process */
    enum log_level loglevel;
    char          *logfile; /* "": stdout */
    int            hz;
    enum enable_debug_command enable_debug_command;
    bool           debug_store;

    /* private: config_on_change sets them */
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

/* True for an option whose value doesn't belong in a log or an error. */
bool config_is_secret(slice name);

#endif
