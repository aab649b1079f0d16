/* pubsub.h - who subscribes to what, and sending it to them (inside cmd/).
 *
 * Memory   a subscription costs pubsub_cost of its name, which counts as the
 *          session's own (own_bytes), so the clients' share bounds them. One
 *          message adds at most PUBSUB_SHARED_BYTES for each of its texts
 *          (pattern, channel, message) and some 250 bytes to each subscription
 *          that it reaches: what is longer is one blob, kept once for all. A
 *          pattern may be longer; its session has paid as much for it.
 * Threads  loop thread only. */
#ifndef CMD_PUBSUB_H
#define CMD_PUBSUB_H

#include "cmd/command.h"

/* Texts of this length and above are shared by all who get them. */
#define PUBSUB_SHARED_BYTES 512

/* server->pubsub; freed when no session is left. */
void pubsub_init(struct server *server);
void pubsub_deinit(struct server *server);

/* What a subscription to a name of that length holds. */
size_t pubsub_cost(size_t name_len);

/* No-op if it is so already. name is copied. */
void pubsub_subscribe(struct session *session, enum pubsub_kind kind,
                      slice name);
void pubsub_unsubscribe(struct session *session, enum pubsub_kind kind,
                        slice name);
/* From everything; tells the client nothing. */
void pubsub_leave(struct session *session);

/* The oldest subscription of the session; false if there is none. The name is
 * good until it is unsubscribed. */
bool pubsub_first(const struct session *session, enum pubsub_kind kind,
                  slice *name);

/* Sends the message to all who subscribe to the channel, and, unless it is a
 * shard channel, to a pattern that matches it. Returns how many
 * subscriptions that were. */
size_t pubsub_publish(struct server *server, enum pubsub_kind kind,
                      slice channel, slice content);
/* Nobody would get anything, whatever the channel. */
bool pubsub_is_idle(const struct server *server);

/* Different names that somebody subscribes to. */
size_t pubsub_names(const struct server *server, enum pubsub_kind kind);
/* Who subscribes to that name. */
size_t pubsub_subscribers(const struct server *server, enum pubsub_kind kind,
                          slice name);
void   pubsub_each_name(const struct server *server, enum pubsub_kind kind,
                        void *arg, void (*visit)(void *arg, slice name));
/* Sessions with at least one subscription. */
size_t pubsub_clients(const struct server *server);

#endif
