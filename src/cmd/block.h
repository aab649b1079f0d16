/* block.h - clients that wait for a key to come (BLPOP ...), inside cmd/.
 *
 * A blocking command first looks like any other. If it finds nothing it blocks:
 * its session stands in line at each of its keys, and the command is not
 * executed further (CALL_BLOCKED). The write hook marks a key that came into
 * being as ready; when the command that made it has ended, net/ has the ready
 * ones served (block_serve), before it executes anything else: each client in
 * line, in the order in which they blocked, runs its command again from its
 * start. Whoever finds nothing keeps its place.
 *
 * Memory   what a session holds is about 130 bytes and, for each key, 120 and
 *          its name; it counts as the session's own (own_bytes). At most an
 *          eighth of cache-max-memory: above it the command gets OOM.
 * Threads  loop thread only. */
#ifndef CMD_BLOCK_H
#define CMD_BLOCK_H

#include "cmd/command.h"

/* For server_tables_init and _deinit. */
void block_init(struct server *server);
void block_deinit(struct server *server);

/* --- blocking commands ---------------------------------------------------- */

/* Reads a timeout in seconds: when it is over, 0 for never. An error is
 * answered: then false. */
bool block_timeout(struct call *call, slice seconds, int64_t *deadline_ms);
/* May this call not block (MULTI)? Then nothing found is the answer. */
bool block_is_denied(const struct call *call);
/* Nothing was found: waits for one of the keys, which are arguments first to
 * first + count - 1, to come into being with this type; where blocking is
 * denied the answer is a null array. What it returns the handler returns. */
enum call_result block_on(struct call *call, enum obj_type type, size_t first,
                          size_t count, int64_t deadline_ms);

/* --- what writers need ---------------------------------------------------- */

#define BLOCK_WANTS_MAX 64 /* but for SWAPDB */

/* Who may give blocked clients something to take: before it runs, what these
 * need for it should be in memory too, so that they can be served as soon as it
 * has run. Up to block_wants_max(call) wants (0 for most calls), which go
 * beside the call's own; it runs all the same if they can't be had. Of a key
 * that is waited for it must be known whether it exists: `own` wants that. */
size_t block_wants_max(const struct call *call);
size_t block_wants(struct call *call, struct db_want *own, size_t own_count,
                   struct db_want *out);
/* They could not be had: what this call has waited for is released, and until
 * it has run it wants nothing for others. */
void block_wants_nothing(struct call *call);

/* --- dispatch's ----------------------------------------------------------- */

/* The wait of a session's blocked command was ended (its time is over, CLIENT
 * UNBLOCK): it is not run again, but answered by block_answer. */
bool block_has_ended(const struct session *session);
enum call_result block_answer(struct call *call);
/* Its blocked command was answered, or the session goes: it leaves all lines.
 * No-op for one that is not blocked. */
void block_leave(struct session *session);

/* --- who else takes part -------------------------------------------------- */

/* The write hook's. */
void block_on_change(struct server *server, const struct db_change *change);
bool block_hears_changes(const struct server *server);
/* CLIENT UNBLOCK; false: it is not blocked. Its answer comes when the command
 * under way has ended. */
bool block_end(struct session *session, bool with_error);
/* Waits for a key, or for what it needs to take one. */
bool block_has(const struct session *session);

struct block_figures {
    size_t clients;   /* blocked; those that were served wait in other lines */
    size_t deadlines; /* of them have one */
    size_t keys;
};
struct block_figures block_figures(const struct server *server);
/* Verifies the invariants; for DEBUG CHECK. */
void block_check(const struct server *server);

#endif
