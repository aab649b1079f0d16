/* waited.h - how long a command waited before it could run, and what for.
 *
 * Kept in the session from the first time that its command parks until the
 * command has run. Costs nothing for a command that does not wait.
 *
 * Threads  loop thread only. */
#ifndef CMD_WAITED_H
#define CMD_WAITED_H

#include <stdbool.h>
#include <stdint.h>

enum waited_for {
    WAITED_DISK, /* a load, a look at the store, a flush */
    WAITED_ROOM, /* memory for it, or for what it loads */
    WAITED_TURN, /* its turn to send or receive something large */
    WAITED_COUNT
};

struct waited {
    uint64_t        since; /* ticks; 0: it does not wait now */
    enum waited_for now_for;
    uint64_t        ns[WAITED_COUNT];
    uint64_t        total_ns;
};

struct session;

void waited_begin(struct session *session, bool for_turn);
void waited_end(struct session *session);
/* The command has run, or was refused; no-op if it has not waited. */
void waited_clear(struct session *session);

const char *waited_name(enum waited_for what);

#endif
