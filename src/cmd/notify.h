/* notify.h - keyspace events: telling clients what happens to keys (inside
 * cmd/). Which of them is the option notify-keyspace-events.
 *
 * Every change passes the write hook, so every change has its event: of a key
 * in memory, of one that was read from disk for it, and of a blind write. */
#ifndef CMD_NOTIFY_H
#define CMD_NOTIFY_H

#include "cmd/server.h"

/* The write hook's. */
void notify_on_change(struct server *server, const struct db_change *change);

/* Is there somebody who has to be told whether a write creates its key, or
 * that the key had expired before? Then no write may be blind. */
bool notify_asks_old(const struct server *server);

/* The class of an event, one of enum notify_flag. REQUIRES: it has one. */
uint32_t notify_class(const char *event);

#endif
