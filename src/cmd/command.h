/* command.h - the command table, and what a command sees when it runs.
 *
 * One line of the table (table.c) drives dispatch, arity, flags, which
 * arguments are keys, what of each key must be in memory before the handler
 * runs, and COMMAND's replies.
 *
 * A handler runs on the loop thread from start to end, with everything that it
 * needs in memory, and answers into call->reply. In its look phase (checks,
 * db_look) it changes nothing and may return CALL_PARKED after parking
 * call->wait; then it is run again from its start. Its change phase (db_put,
 * db_delete) can't fail.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "cmd/server.h"
#include "db/db.h"
#include "resp/reply.h"

enum call_result {
    CALL_DONE,
    CALL_PARKED, /* nothing was answered; run it again when the wait is ready */
    CALL_WAITS_TURN, /* the same, but it is net/ that knows when */
    CALL_HELD,   /* the same, until CLIENT PAUSE is over */
    CALL_BLOCKED, /* the same, until a key comes that it waits for (block.h) */
    CALL_CLOSE   /* answered; close the connection once the reply is out */
};

struct call {
    struct server        *server;
    struct session       *session;
    const struct command *command; /* the subcommand, if there is one */
    const slice          *argv;
    size_t                argc;
    struct reply         *reply;
    struct db            *db;
    struct db_space      *space;   /* the selected database */
    struct db_key         key;     /* the first key, hashed, if there is one */
    /* Databases as they will be when a queued command runs (EXEC); NULL: as
     * they are. */
    struct db_space     **view;
    bool                  from_script; /* redis.call: may not wait */
    /* The handler has counted the errors that it answers itself. */
    enum call_noted { CALL_NOT_NOTED, CALL_NOTED_OK, CALL_NOTED_FAILED } noted;
};

typedef enum call_result command_handler(struct call *call);

/* Redis's flags, in the order in which COMMAND INFO shows them (doc.c has the
 * names), and ours at the end. */
enum command_flag {
    CMD_WRITE          = 1 << 0,
    CMD_READONLY       = 1 << 1,
    CMD_DENYOOM        = 1 << 2, /* grows: memory is asked for first */
    CMD_ADMIN          = 1 << 3,
    CMD_PUBSUB         = 1 << 4,
    CMD_NOSCRIPT       = 1 << 5,
    CMD_BLOCKING       = 1 << 6,
    CMD_LOADING        = 1 << 7,
    CMD_STALE          = 1 << 8,
    CMD_SKIP_MONITOR   = 1 << 9,
    CMD_SKIP_SLOWLOG   = 1 << 10,
    CMD_FAST           = 1 << 11,
    CMD_NO_AUTH        = 1 << 12,
    CMD_NO_MANDATORY_KEYS = 1 << 13,
    CMD_NO_ASYNC_LOADING = 1 << 14,
    CMD_NO_MULTI       = 1 << 15,
    CMD_MOVABLEKEYS    = 1 << 16,
    CMD_ALLOW_BUSY     = 1 << 17,
    CMD_PROTECTED      = 1 << 18, /* this and the next: Redis hides them */
    CMD_TOUCHES_ARBITRARY_KEYS = 1 << 19,
    CMD_OURS           = 1 << 20, /* not one of Redis's */
    CMD_STEERS_MULTI   = 1 << 21, /* runs at once even after MULTI */
    CMD_COUNTS_KEYS    = 1 << 22, /* answers how many keys there are */
    CMD_COLLECTION     = 1 << 23, /* writes lists, sets, hashes or zsets */
    CMD_RUNS_SCRIPT    = 1 << 24, /* may stop in the middle (scripts.h) */
    CMD_OF_SUBSCRIBERS = 1 << 26, /* for a RESP2 client that has subscribed */
    CMD_MAY_REPLICATE  = 1 << 27, /* no write, but replicas are told too */
};

#define MORE_WANTS_MAX 2

/* Keys at arguments first, first + step, ... last (negative: from the end);
 * first 0: none there. And, unless numkeys is 0, as many as argument numkeys
 * says, behind that. */
struct command_keys {
    int first, last, step;
    int numkeys;
};

/* Goes over the positions of a call's keys, those of first to last first. */
struct key_iter {
    size_t at, end, step;       /* first to last */
    size_t num_at, num_end;     /* by number */
    size_t option_at;           /* behind an option; 0: none is left */
};
void key_iter_init(struct key_iter *iter, const struct command *command,
                   const slice *argv, size_t argc);
bool key_iter_next(struct key_iter *iter, size_t *position);
bool command_has_keys(const struct command *command);

struct command {
    const char          *name; /* lower case */
    int                  arity; /* with the name; negative: at least */
    uint32_t             flags;
    struct command_keys  keys;
    enum db_need         need; /* of every key, unless need_of says */
    command_handler     *handler; /* NULL: only a container */
    /* What key number key_index needs in this very call; NULL: `need`. It sees
     * the arguments only, and must be quick. */
    enum db_need       (*need_of)(const struct call *call, size_t key_index);
    /* What the call needs besides its keys in the selected database: keys of
     * another one (MOVE, COPY DB). At most MORE_WANTS_MAX; sees the arguments
     * only, which may be wrong. NULL: nothing. */
    size_t             (*more_wants)(const struct call *call,
                                     struct db_want *out);
    /* Bytes that a CMD_DENYOOM command may add beyond its arguments; it is
     * asked with all keys in memory. NULL: none. */
    size_t             (*grow_of)(struct call *call);
    /* Instead of the usual preparation (wants.h), and instead of call_error
     * when that has failed; NULL: as usual. */
    enum db_verdict    (*prepare)(struct call *call);
    void               (*failed)(struct call *call, err_t err);
    /* Bytes that it will answer at least, for a reply that may be large; NULL:
     * the values of its keys, if it only reads. */
    size_t             (*reply_of)(struct call *call);
    const struct command *subcommands; /* name NULL ends the list */
    /* Position of one key more, behind an option that may stand anywhere
     * (SORT's STORE); 0: it is not there. NULL: there is no such option. */
    size_t             (*option_key)(const slice *argv, size_t argc);
};

/* The table; name NULL ends it. */
extern const struct command command_table[];

/* --- running ------------------------------------------------------------- */

/* Runs one command for a session, or parks session->wait. reply->version has
 * been set. argv is valid for the call; when it returns CALL_PARKED the caller
 * keeps the same arguments and calls again once on_ready named the wait. */
enum call_result command_execute(struct server *server, struct session *session,
                                 const slice *argv, size_t argc,
                                 struct reply *reply);

/* Asks for the keys of a command that was read ahead. */
void command_prefetch(struct server *server, struct session *session,
                      const slice *argv, size_t argc);

/* Looks a command up by the name that clients use now; NULL if there is none.
 * Then one of its subcommands. */
const struct command *command_find_top(const struct server *server, slice name);
const struct command *command_find_sub(const struct command *container,
                                       slice                 name);
/* True for a command of the table that rename-command took away. */
bool command_is_gone(const struct server *server, const struct command *top);
/* What is wrong with the config's renames, for who adds one. */
err_t command_check_renames(const struct config *config, struct err_text *why);
/* For dispatch_init: builds and frees server->index (lookup.c). */
void lookup_init(struct server *server);
void lookup_deinit(struct server *server);

/* Looks a command (with its subcommand) up; NULL if there is none. */
const struct command *command_find(const struct server *server,
                                   const slice *argv, size_t argc);
/* The same for a name as clients write it in ACLs and COMMAND INFO, with
 * "container|sub". */
const struct command *command_find_name(const struct server *server,
                                        slice name);

/* Positions of the keys among argv; out has room for argc of them. Returns how
 * many; argv must pass the arity. */
size_t command_key_positions(const struct command *command, const slice *argv,
                             size_t argc, size_t *out);

bool command_arity_ok(const struct command *command, size_t argc);

/* A call of a session as it is now; reply is not set. */
void call_begin(struct call *call, struct server *server,
                struct session *session, const struct command *command,
                const slice *argv, size_t argc);
/* For dispatch_init: makes and frees what is noted of commands (call.c). */
void call_notes_init(struct server *server);
void call_notes_deinit(struct server *server);
/* A setting was changed, somebody monitors, a command has waited: the next
 * command is looked at closer, whatever its time. */
void call_look_closer(struct server *server);
/* Runs the handler, and notes what is noted of every command (call.c).
 * REQUIRES: prepared. */
enum call_result call_run(struct call *call);

/* --- what handlers share ------------------------------------------------- */

/* Answers the error of an err_t that a load or an admission gave: -IOERR,
 * -OOM, -MISCONF. */
void call_error(struct call *call, err_t err);
/* -MISCONF, if the store refuses writes; else nothing, and false. */
bool call_write_error(struct call *call);
void call_syntax_error(struct call *call);
/* "ERR value is not an integer or out of range" unless arg is one. */
bool call_int(struct call *call, slice arg, int64_t *out);
/* A key of this call, in the selected database. Hashes it. */
struct db_key call_key(struct call *call, size_t arg_index);
/* A database, as this command will find it. */
struct db_space *call_space(const struct call *call, unsigned index);
/* db_look with a touch (unless CLIENT NO-TOUCH), and WRONGTYPE answered if it
 * is not of this type: then false. *entry is NULL if there is no such key. */
bool call_look(struct call *call, const struct db_key *key, enum obj_type type,
               struct entry **entry);
/* The same for a collection that is to be read; out->count is 0 if there is no
 * such key. REQUIRES: NEED_VALUE. */
bool call_coll(struct call *call, const struct db_key *key, enum obj_type type,
               struct coll *out);
/* The collection that the first key holds, as it lies in memory: nothing is
 * counted, touched or expired. False: there is none. For reply_of. */
bool call_peek(struct call *call, struct coll *out);
/* A bulk of a key or a value as it stands in a page. */
void reply_element(struct reply *reply, const struct page_value *value);
/* The bytes that it takes. */
size_t element_bytes(const struct page_value *value);
/* Case-insensitive comparison of argument i with a lower-case word. */
bool call_arg_is(const struct call *call, size_t i, const char *lower);
/* The reply of <NAME> HELP. lines is a list of strings, NULL at its end: each
 * subcommand, then what it does, indented by four spaces. HELP itself is
 * added. */
void call_help(struct call *call, const char *name, const char *const *lines);

#endif
