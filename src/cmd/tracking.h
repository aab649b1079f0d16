/* tracking.h - CLIENT TRACKING: clients keep copies of what they read, and are
 * told when it is a copy no more (inside cmd/).
 *
 * A session that tracks is told of each key that it has read, once, when the
 * key's data changes: written, deleted, expired, its database emptied. That a
 * key leaves memory or comes back from disk is no change. In BCAST mode it is
 * told of every change of keys with its prefixes instead, and nothing is kept
 * about what it read.
 *
 * Bounds   The table of read keys has tracking-table-max-keys keys at most, and
 *          a 16th of memory: a key counts with what it takes there, and each
 *          of its readers with the message that a change would send. Beyond
 *          that some other key is dropped, as if it had changed. A session has
 *          at most TRACKING_PREFIXES_MAX prefixes; they count as its own
 *          (own_bytes). Changes for BCAST are gathered until the end of the
 *          loop turn, or until their messages would take a 16th of memory.
 * Memory   MEM_OTHER for all but the prefixes.
 * Threads  loop thread only. */
#ifndef CMD_TRACKING_H
#define CMD_TRACKING_H

#include "cmd/command.h"

#define TRACKING_PREFIXES_MAX 4096

/* server->tracking; freed when no session is left. */
void tracking_init(struct server *server);
void tracking_deinit(struct server *server);

/* --- sessions ------------------------------------------------------------ */

#define TRACKING_MODES                                                         \
    (SESSION_TRACKING_BCAST | SESSION_TRACKING_OPTIN |                         \
     SESSION_TRACKING_OPTOUT | SESSION_TRACKING_NOLOOP)

struct tracking_options {
    uint32_t     modes;    /* of TRACKING_MODES */
    uint64_t     redirect; /* whose connection is told; 0: its own */
    const slice *prefixes; /* of BCAST; none: all keys */
    size_t       prefix_count;
};

/* On, or on with other options; prefixes are added to those that it has. */
void tracking_enable(struct session *session,
                     const struct tracking_options *options);
void tracking_disable(struct session *session); /* no-op if it is off */

/* The prefix that overlaps one that the session has: a prefix of it, or the
 * other way round. False if none does. */
bool tracking_overlap(const struct session *session, slice prefix,
                      slice *other);
/* Calls visit for each prefix of the session, in memcmp order. */
void tracking_each_prefix(const struct session *session, void *arg,
                          void (*visit)(void *arg, slice prefix));

/* --- events -------------------------------------------------------------- */

/* A command that only reads has run: its session has read these keys. */
void tracking_read(struct call *call);
/* The write hook's. */
/* Somebody tracks, or did and is yet to be told. */
bool tracking_is_on(const struct server *server);
void tracking_on_change(struct server *server, const struct db_change *change);
/* FLUSHDB or FLUSHALL, of an empty database too: all keys are gone, since the
 * table does not know which database they are of. */
void tracking_flushed(struct server *server);
/* Once a loop turn: sends what was gathered for BCAST. */
void tracking_turn(struct server *server);
/* About ten times a second: keys whose deadline has passed, and tables that
 * are too large since an option was changed. */
void tracking_cron(struct server *server);

/* --- figures ------------------------------------------------------------- */

struct tracking_figures {
    size_t clients;  /* that track */
    size_t keys;     /* in the table */
    size_t readers;  /* of these keys, all together */
    size_t prefixes; /* different ones */
};
struct tracking_figures tracking_figures(const struct server *server);

#endif
