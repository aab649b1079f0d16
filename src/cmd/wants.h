/* wants.h - what a command needs before it runs (inside cmd/). The verdicts
 * are those of db.h: DB_PARKED means that session->wait will be named when the
 * command may be tried again, DB_FAILED that session->wait.err says why not. */
#ifndef CMD_WANTS_H
#define CMD_WANTS_H

#include "cmd/command.h"

/* The usual preparation: all keys in memory, and room to grow. */
enum db_verdict call_prepare(struct call *call);
/* Large replies take turns. DB_PARKED: it is not this client's, and net/ knows
 * when; DB_FAILED: all clients together may not hold so much. */
enum db_verdict call_admit_reply(struct call *call);

/* --- the pieces, for who prepares several commands at once --------------- */

/* At most so many wants; 0: the command wants nothing. */
size_t call_wants_max(const struct call *call);
/* Fills out, which has room for call_wants_max; returns how many. */
size_t call_wants(struct call *call, struct db_want *out);

/* May it add to memory, and about how much? REQUIRES: its keys are in
 * memory. */
bool   call_grows(const struct call *call);
size_t call_growth(struct call *call);

/* What a reading command will answer at least. */
size_t call_large_reply(struct call *call);
/* As call_admit_reply, for a reply of so many bytes. */
enum db_verdict call_admit_bytes(struct call *call, size_t bytes);
/* What one reply may hold. */
size_t call_reply_limit(const struct call *call);

#endif
