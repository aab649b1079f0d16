/* multi.h - transactions: what a session has queued, and the keys it watches
 * (inside cmd/).
 *
 * Memory   a queued command costs its bytes and 16 for each argument; a watched
 *          key about 100 bytes. Both count as the session's own (own_bytes), so
 *          the clients' share bounds them. */
#ifndef CMD_MULTI_H
#define CMD_MULTI_H

#include "cmd/command.h"

struct multi;

/* --- multi.c ------------------------------------------------------------- */

/* Queues the call and answers QUEUED. REQUIRES: session->multi. */
enum call_result multi_queue(struct call *call);
/* A command was refused while MULTI was on: EXEC will refuse all. No-op
 * without MULTI. */
void multi_abort(struct session *session);
/* Forgets what is queued, and what is watched. */
void multi_discard(struct session *session);
/* Commands queued; -1: no MULTI. */
int64_t multi_count(const struct session *session);
/* All flags of the queued commands. */
uint32_t multi_flags(const struct session *session);
/* Bytes that the queued commands hold. */
size_t multi_bytes(const struct session *session);

/* --- watch.c ------------------------------------------------------------- */

/* Watches a key of the session's database. REQUIRES: its header is in
 * memory. */
void watch_add(struct session *session, const struct db_key *key);
void watch_clear(struct session *session);
/* A watched key was changed, or has expired since. */
bool watch_is_broken(const struct session *session);
size_t watch_count(const struct session *session);
/* The write hook's. */
void watch_on_change(struct server *server, const struct db_change *change);

#endif
