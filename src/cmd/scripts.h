/* scripts.h - scripts among commands (inside cmd/): the engine, and the fiber
 * on which whatever may run a script runs.
 *
 * A script is one step for all clients and for the disk. It may take long: when
 * it has run for busy-reply-threshold it stops where it is, the loop turns, and
 * it goes on in the next turn. Meanwhile it is still one step: all other
 * commands are answered BUSY (but those with CMD_ALLOW_BUSY), and the db is
 * frozen (db_freeze).
 *
 * Memory   Lua's heap at most a quarter of cache-max-memory, cached scripts at
 *          most a sixteenth (script/script.h), SCRIPTS_STACK_BYTES of address
 *          space for the fiber's stack.
 * Threads  loop thread only. */
#ifndef CMD_SCRIPTS_H
#define CMD_SCRIPTS_H

#include "cmd/command.h"
#include "script/script.h"

struct script_job;
struct script_call;

#define SCRIPTS_STACK_BYTES ((size_t)8 * 1024 * 1024)

struct scripts {
    struct script_engine *engine; /* NULL until the first script */
    struct fiber         *fiber;  /* likewise */
    struct script_job    *job;    /* begun, and not ended; or NULL */
    struct script_call   *call;   /* the innermost EVAL of it, or NULL */
    bool                  sync_told; /* of a load of an undeclared key */
    uint64_t              slow;   /* jobs that have stopped */
    uint64_t              jobs;
};

void scripts_init(struct server *server);
void scripts_deinit(struct server *server);

/* The engine, made when it is asked for the first time. */
struct script_engine *scripts_engine(struct server *server);
/* Figures, 0 before the first script. */
void scripts_figures(const struct server *server, struct script_figures *out);

/* --- commands that may stop in the middle (scripts.c) --------------------- */

/* Runs a body that may run scripts. CALL_PARKED: it has stopped, and the
 * command will be dispatched again when it has ended; then this answers what it
 * answered. Call it first in the handler. */
enum call_result scripts_run(struct call *call, command_handler *body);
/* A command of the session stands in the middle, or has ended and was not
 * collected: scripts_run has to be called again. */
bool scripts_is_under_way(const struct session *session);
/* When it began, for who measures. */
uint64_t scripts_begun(const struct session *session);

/* Some command stands in the middle: others are refused. */
bool scripts_is_busy(const struct server *server);
void scripts_busy_error(struct reply *reply);
void scripts_exec_busy_error(struct reply *reply); /* to EXEC */

/* On the fiber: lets the loop turn once, if it is time. */
void scripts_maybe_stop(struct server *server);

/* SCRIPT KILL. */
enum scripts_kill { SCRIPTS_KILLED, SCRIPTS_NOT_BUSY, SCRIPTS_HAS_WRITTEN };
enum scripts_kill scripts_kill(struct server *server);

/* --- one run (script_call.c) ---------------------------------------------- */

/* An EVAL, from its begin to its end. */
struct script_call {
    struct server  *server;
    struct session *session;
    struct call    *eval;
    const char     *sha;
    struct db_wait  wait;    /* for what its commands miss */
    unsigned        db;      /* SELECTed by the script */
    bool            read_only;
    bool            wrote;   /* a command that writes was called */
    bool            killed;
    bool            failed;  /* an error was answered */
};

/* The engine's host. arg is a struct script_call. */
void script_host_call(void *arg, const slice *argv, size_t argc,
                      struct reply *reply);
enum script_acl script_host_acl(void *arg, const slice *argv, size_t argc);
bool script_host_tick(void *arg);
void script_host_error(void *arg, slice text, bool counted);
bool script_host_room(void *server, size_t bytes);

#endif
