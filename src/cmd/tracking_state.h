/* tracking_state.h - what tracking is made of; only tracking*.c include it. */
#ifndef CMD_TRACKING_STATE_H
#define CMD_TRACKING_STATE_H

#include "base/rand.h"
#include "cmd/tracking.h"

/* A text of this length and above is one blob for all who get it. */
#define TRACKING_SHARED_BYTES 512
/* Capacity that the message keeps. */
#define TRACKING_KEEP_BYTES ((size_t)4096)

struct tracking {
    struct reply message; /* being sent */
    size_t       clients; /* sessions that track */

    /* who has read what (tracking.c) */
    struct dict keys;      /* tracked_key */
    size_t      readers;   /* sum over all keys */
    size_t      bytes;     /* what the table takes, and its messages would */
    struct link deadlines; /* tracked_key.deadline_link */
    struct rand rand;

    /* BCAST (tracking_bcast.c) */
    struct tracking_prefix **prefixes; /* sorted */
    size_t      prefix_count, prefix_capacity;
    struct dict changed; /* changed_key: not told yet */
    size_t      changed_bytes;
    size_t      own_changers; /* entries of `changed` by NOLOOP sessions */
};

static inline size_t tracking_bound(const struct server *server)
{
    return server_limit_bytes(server) / 16;
}

/* tracking_send.c: tells the session, or whom it redirects to: body is an
 * array of keys. Nobody can be told who speaks RESP2 and is not redirected to
 * while subscribed. */
void tracking_send(struct session *session, const struct reply *body);
/* The same with a null: all keys. */
void tracking_send_all(struct session *session);
/* Makes one array of the bytes of a body, if they are many, that all messages
 * share. */
void tracking_share(struct reply *body);

/* tracking_bcast.c */
void bcast_init(struct server *server, struct hash_key hash_key);
void bcast_deinit(struct server *server);
void bcast_join(struct session *session, slice text);
void bcast_leave(struct session *session);
/* changer NULL: nobody, it has expired. */
void bcast_changed(struct server *server, slice name,
                   const struct session *changer);

#endif
