/* server.h - one server: its rooms, its sessions, its figures.
 *
 * Passed explicitly to whoever needs it; there are no globals, so that one
 * process may run several. main.c builds it and joins the callbacks.
 *
 * Threads  loop thread only. */
#ifndef CMD_SERVER_H
#define CMD_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/dict.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/ticks.h"
#include "cmd/config.h"
#include "cmd/waited.h"
#include "db/db.h"

#define DISKSTORE_VERSION "0.1.0"
/* What clients read as redis_version. */
#define REDIS_VERSION "7.2.0"

struct block;
struct blocking;
struct call;
struct command;
struct multi;
struct pubsub;
struct reply;
struct script_job;
struct scripts;
struct server;
struct session;
struct sort;
struct tracking;
struct tracking_member;

enum session_flag {
    SESSION_CLOSE_ASAP   = 1 << 0, /* closed at the end of the turn */
    SESSION_CLOSE_AFTER_REPLY = 1 << 1,
    SESSION_UNIX_SOCKET  = 1 << 2,
    SESSION_NO_TOUCH     = 1 << 3,
    SESSION_NO_EVICT     = 1 << 4,
    SESSION_LOCAL        = 1 << 5, /* loopback or unix socket */
    SESSION_PUBSUB       = 1 << 6, /* subscribed to something: output limits
                                      of that class */
    SESSION_HELD         = 1 << 16, /* parked by CLIENT PAUSE */
    /* CLIENT REPLY: nothing, not to this command, not to the next one */
    SESSION_REPLY_OFF       = 1 << 17,
    SESSION_REPLY_SKIP      = 1 << 18,
    SESSION_REPLY_SKIP_NEXT = 1 << 19,
    /* CLIENT TRACKING (tracking.h) */
    SESSION_TRACKING        = 1 << 20,
    SESSION_TRACKING_BCAST  = 1 << 21,
    SESSION_TRACKING_OPTIN  = 1 << 22,
    SESSION_TRACKING_OPTOUT = 1 << 23,
    SESSION_TRACKING_NOLOOP = 1 << 24,
    SESSION_TRACKING_BROKEN = 1 << 25, /* whom it redirects to is gone */
    SESSION_CACHING         = 1 << 26, /* CLIENT CACHING, of the next command */
    SESSION_MONITOR      = 1 << 12,
};

/* What a client may subscribe to. */
enum pubsub_kind { PUBSUB_CHANNEL, PUBSUB_PATTERN, PUBSUB_SHARD, PUBSUB_KINDS };

/* What net/ tells of a connection. */
struct session_net {
    size_t query_bytes;       /* input not executed yet */
    size_t query_capacity;
    size_t args_bytes;        /* arguments of the command under way */
    size_t reply_bytes;       /* pending output */
    size_t reply_blocks;
    size_t total_bytes;       /* all memory of this client */
    int    fd;
    bool   readable, writable;
};

/* One client, as commands see it. Embedded in net/'s client. */
struct session {
    struct link     link;   /* on server->sessions, in order of id */
    struct dict_node id_node; /* in server->sessions_by_id */
    struct server  *server;
    uint64_t        id;
    uint32_t        flags;
    unsigned        db;     /* SELECTed */
    int             resp;   /* 2 or 3 */
    bool            authenticated;
    char           *name;     /* owned; NULL: none */
    char           *lib_name; /* owned; NULL: none */
    char           *lib_ver;  /* owned; NULL: none */
    size_t          own_bytes; /* these three, MULTI's queue, watched keys,
                                  subscriptions ...; net/ charges it */
    const char     *user;     /* "default" */
    char            peer[112];  /* "ip:port" or "path:0" */
    char            local[112];
    int64_t         created_ms;
    int64_t         active_ms;  /* last command */
    const struct command *last_command;
    uint64_t        commands, input_bytes, output_bytes;
    struct db_wait  wait;
    struct multi   *multi;   /* owned; NULL: no MULTI */
    struct link     watches; /* watch.c */
    size_t          watch_count;
    bool            watch_broken; /* a watched key was changed */
    struct link     subscriptions[PUBSUB_KINDS]; /* pubsub.c, oldest first */
    size_t          subscription_counts[PUBSUB_KINDS];
    uint64_t        redirect;  /* tracking: whose connection is told; 0: own */
    struct link     prefixes;  /* tracking: of BCAST; of tracking_member */
    size_t          prefix_count;
    struct waited   waited;  /* of the command under way */
    struct blocking *blocking; /* block.c: waits for a key; or NULL */
    bool            own_wants_only; /* block_wants_nothing */
    struct link     monitor_link; /* on server->monitors, or on no list */
    struct script_job *script; /* of the command under way; or NULL */
    struct sort    *sort;    /* sort.c: likewise */
};

/* What commands may ask of the rooms above: joined in main.c. */
struct server_hooks {
    void *arg;
    /* Closes a session: at once, or after its pending replies. */
    void (*close_session)(void *arg, struct session *session,
                          bool after_reply);
    void (*describe_session)(void *arg, const struct session *session,
                             struct session_net *out);
    /* May a reply of so many bytes be made for this client now? If not, the
     * command is run again when its turn has come (CALL_WAITS_TURN). */
    bool (*admit_reply)(void *arg, struct session *session, size_t bytes);
    /* Sends something that the session did not ask for in this command: a
     * pub/sub message, an invalidation. It goes behind the reply of the
     * command under way, if that is the session's own. Closes nobody before
     * the command has ended. */
    void (*push)(void *arg, struct session *session,
                 const struct reply *message);
    /* Runs the command of a session that is blocked once more, now, between
     * two commands of others. What comes behind it is executed later. */
    void (*run_blocked)(void *arg, struct session *session);
    /* The session's command, which stood in the middle (server_scripts_turn),
     * has ended: it is to be executed again. And: if the session's client has
     * gone meanwhile, the session may go now too (session_may_end). */
    void (*resume)(void *arg, struct session *session);
    void (*let_go)(void *arg, struct session *session);
    /* Ends the process after the loop turn. */
    void (*stop)(void *arg, int exit_status);
};

struct server_stats {
    uint64_t connections, rejected_connections;
    uint64_t commands, input_bytes, output_bytes;
    uint64_t error_replies;
    uint64_t query_limit_cuts, output_limit_cuts, share_cuts;
    uint64_t skipped_commands; /* too large: OOM before their bytes came in */
    uint64_t keyspace_hits, keyspace_misses; /* what readers looked for */
    size_t   blocked_now;      /* parked clients */
    uint64_t blocked_total;
    uint64_t reads, writes; /* of sockets */
    uint64_t turns;         /* of the loop */
    uint64_t expire_us;     /* spent on looking for expired keys */
    uint64_t denied_logins;
    uint64_t busy_from_us;  /* server_busy_us when all this was zero */
};

/* CLIENT PAUSE (pause.c). */
struct server_pause {
    int64_t until_ms; /* 0: there is none */
    bool    all;      /* all commands; else those that write */
    size_t  held;     /* sessions with SESSION_HELD */
};

/* Rates per second: means over the last samples (rates.c). */
enum server_rate {
    RATE_COMMANDS, RATE_INPUT, RATE_OUTPUT, RATE_TURNS,
    RATE_BUSY_US, /* processor time of the loop thread */
    RATE_COUNT
};
#define RATE_SAMPLES 16
struct server_rates {
    int64_t  at_ms;            /* of the last sample */
    uint64_t last[RATE_COUNT]; /* the counters then */
    uint64_t samples[RATE_COUNT][RATE_SAMPLES];
    unsigned next;             /* where the next sample goes */
};
/* Processor time that the calling thread, the loop's, has taken. */
uint64_t server_busy_us(void);
uint64_t server_rate(const struct server *server, enum server_rate rate);

struct server {
    struct config *config;
    struct clock   clock;
    struct mem     mem;
    struct log    *log;
    struct rand    rand;     /* for random picks (SPOP ...) */
    struct db     *db;
    const struct db_lookups *lookups; /* the db's */
    struct store  *fault;    /* the fault injector, or NULL */
    int64_t        now_ms;   /* of this loop turn */
    int64_t        start_ms;
    struct link    sessions;
    struct dict    sessions_by_id;
    size_t         session_count;
    uint64_t       next_session_id;
    struct server_hooks hooks;
    struct server_stats stats;
    struct command_index *index; /* dispatch.c */
    const char    *hashed_key; /* where the next command's first key begins, if
                                  its hash is known: that */
    uint64_t       hash;
    const struct call *running;  /* the innermost command, or NULL */
    struct dict    watched;      /* watch.c: keys that somebody watches */
    struct buf     watch_buf;
    struct pubsub *pubsub;   /* channels and who subscribes to them */
    struct tracking *tracking;   /* who has read which keys */
    struct block  *block;    /* who waits for which keys */
    struct scripts *scripts;
    struct link    sorts;    /* under way (sort.c), oldest first */
    size_t         sort_bytes; /* that they hold */
    struct server_pause pause;
    char           run_id[41];
    const char    *config_file; /* "" if none */
    size_t         peak_bytes;
    size_t         startup_bytes; /* accounted before the first client came */
    size_t         recent_max_input; /* of any client's buffers, lately */
    size_t         recent_max_output;
    struct server_rates rates;

    /* what watches commands (call.c) */
    struct ticks     ticks;
    uint64_t         tick;     /* when the command that comes next began */
    uint64_t         closer_ns; /* which is looked at closer, if it runs for so
                                   long */
    struct cmdstats *cmdstats;
    struct slowlog  *slowlog;
    struct latency_series **latency; /* by enum latency_event; NULL: none */
    struct link      monitors; /* session.monitor_link */
    size_t           monitor_count;

    bool           shutting_down;
    uint64_t       shutdown_session; /* who waits in SHUTDOWN; 0: nobody */
    bool           shutdown_nosave;  /* stop without a last flush */
};

/* The largest key and value together that are accepted: an eighth of
 * cache-max-memory (of the working size when that is 0). */
size_t server_max_value_bytes(const struct server *server);
/* The largest collection that may still grow: a third of it. */
size_t server_max_object_bytes(const struct server *server);
/* cache-max-memory, or the working size when that is 0. */
size_t server_limit_bytes(const struct server *server);
#define SERVER_WORKING_BYTES ((size_t)16 * 1024 * 1024)

/* Builds and frees the index of the command table (dispatch.c). */
void dispatch_init(struct server *server);
void dispatch_deinit(struct server *server);

/* What has come in is executed from now on: the time of the next command
 * begins. */
static inline void server_begins(struct server *server)
{
    server->tick = ticks_now(&server->ticks);
}

/* Something in the db took so long (db_options.on_work). */
void server_on_work(void *arg, enum db_work work, uint64_t us);

/* About ten times a second: rates and peak memory for INFO, and the SHUTDOWN
 * of a client that did not wait for its end (rates.c). */
void server_cron(struct server *server);

/* Once a loop turn: ends CLIENT PAUSE when its time has come. Returns how many
 * ms it still lasts; 0: there is none. */
int64_t server_pause_turn(struct server *server);
/* Once a loop turn: ends the waits whose time is over (block.c). Returns in
 * how many ms the next one is; 0: there is none. */
int64_t server_block_turn(struct server *server);
/* Has a blocked client something to take, or to be told? Then, whenever a
 * command has ended: runs them (hooks.run_blocked) before anything else. */
bool server_has_unblocked(const struct server *server);
void server_serve_unblocked(struct server *server);
/* Once a loop turn, when all that it had to run has run: pushes what was
 * gathered for that moment. */
void server_turn(struct server *server);
/* Once a loop turn: goes on with a script that is slow; true: some did. */
bool server_scripts_turn(struct server *server);
/* The server is to end: kills a slow script, if it has written nothing. */
void server_scripts_stop(struct server *server);
/* At the end: forgets a command that stands in the middle. */
void server_scripts_abandon(struct server *server);
/* False while a command of it stands in the middle: the client may go, the
 * session stays until let_go. */
bool session_may_end(const struct session *session);
/* Forgets the answer that nobody collects. */
void session_script_drop(struct session *session);
/* The client of a command that was held is about to run it again. */
void pause_let_go(struct session *session);

void session_init(struct server *server, struct session *session);
/* Also releases its wait. */
void session_deinit(struct session *session);
/* The session of that id; NULL if it is gone. */
struct session *session_by_id(const struct server *server, uint64_t id);
/* CLIENT REPLY: may what a command answers now be sent? */
bool session_is_muted(const struct session *session);
/* A command has ended, run or refused (NULL: none was found): what was said
 * about the next command only is over. */
void session_command_done(struct session *session,
                          const struct command *command);

/* The tables that hang on the server, empty; freed when no session is left. */
void server_tables_init(struct server *server);
void server_tables_deinit(struct server *server);

/* The db's on_change: WATCH, keyspace events, tracking (events.c). */
void server_on_change(void *arg, const struct db_change *change);
bool server_hears_changes(const void *arg); /* would it do anything now? */

/* A command of it was refused before it was dispatched: MULTI is lost. */
void session_refused(struct session *session);

/* Only such texts fit into CLIENT LIST: no spaces, no control characters. */
bool session_text_ok(slice text);
/* Gives the session a copy of text as its name, lib_name or lib_ver; the empty
 * text is none. REQUIRES: session_text_ok(text). */
void session_set_text(struct session *session, char **field, slice text);

#endif
