/* net.h - sockets and clients on libuv.
 *
 * Ownership  net owns its listeners and clients. A client embeds its session
 *            (cmd/server.h).
 * Memory     MEM_CLIENTS is charged for clients, kept input and pending
 *            output. All together may have a quarter of cache-max-memory; above
 *            it the largest is cut. Input is read into one buffer shared by
 *            all clients, and replies are gathered in another; only what is
 *            left over is kept with the client.
 * Threads    loop thread only. */
#ifndef NET_NET_H
#define NET_NET_H

#include <uv.h>

#include "base/err.h"
#include "cmd/server.h"

struct net;

/* Opens all listening sockets that the configuration names. ERR_BUSY: an
 * address is in use. */
err_t net_new(uv_loop_t *loop, struct server *server, struct net **out,
              struct err_text *why);
/* Stops listening and closes all clients; their handles close as the loop
 * runs on. */
void net_close(struct net *net);
/* After the loop has closed all handles. */
void net_free(struct net *net);

/* Sends what would wait for the end of the loop's turn. */
void net_send_now(struct net *net);
/* A parked command may go on (db_options.on_ready; arg is the net). */
void net_on_ready(void *arg, struct db_wait *wait);

/* server_hooks: a command that stood in the middle has ended; a session whose
 * client has gone may go. */
void net_resume(struct net *net, struct session *session);
void net_let_go(struct net *net, struct session *session);

/* While paused no command is executed: before the end, so that what is dirty
 * gets less. What waits for a flush is answered all the same. */
void net_pause(struct net *net, bool paused);
/* A client has not taken all of its replies yet. */
bool net_has_output(const struct net *net);

/* Once each loop turn: lets clients with large values take turns, runs what a
 * pause has held and those that were blocked, and sends what was pushed. True
 * if it wants to be called again at once. */
bool net_turn(struct net *net);

/* About ten times a second: idle clients, limits. */
void net_cron(struct net *net);

/* server_hooks */
void net_push(void *arg, struct session *session, const struct reply *message);
void net_run_blocked(void *arg, struct session *session);
void net_close_session(void *arg, struct session *session, bool after_reply);
bool net_admit_reply(void *arg, struct session *session, size_t bytes);
void net_describe_session(void *arg, const struct session *session,
                          struct session_net *out);

#endif
