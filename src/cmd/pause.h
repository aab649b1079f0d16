/* pause.h - CLIENT PAUSE: commands wait, the server does not (inside cmd/).
 *
 * Until the pause is over, commands are held before they begin: all of them,
 * or those that write, as far as Redis would tell its replicas of them. Nor
 * does a key expire meanwhile: who asks is told that it is gone, but it is
 * not deleted before the pause is over. Connections are made and closed, and
 * what has begun goes on.
 *
 * Bounds   a client has one command at most that is held; its input is kept
 *          as of any parked client. */
#ifndef CMD_PAUSE_H
#define CMD_PAUSE_H

#include "cmd/command.h"

/* Until then. A pause under way is never made shorter, nor less strict. */
void pause_begin(struct server *server, int64_t until_ms, bool all);
void pause_end(struct server *server);

/* Must it wait? Then its session is marked, and its wait is released. */
bool pause_holds(struct call *call);

#endif
