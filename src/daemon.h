/* daemon.h - the process among others: background, pid file, service manager.
 *
 * Ownership  the pid file belongs to who wrote it: it is removed at the end
 *            only then. struct daemon borrows the config's texts.
 * Threads    daemon_background before there are any; else the loop thread.
 * Errors     only going to the background can fail; the rest is told to the
 *            log and the server goes on. */
#ifndef DAEMON_H
#define DAEMON_H

#include <stdbool.h>

#include "base/err.h"
#include "base/log.h"
#include "cmd/config.h"

struct daemon {
    bool        supervised;   /* systemd wants to know how it goes */
    bool        background;   /* this is the child */
    bool        told_stopping;
    int         ready_fd;     /* to the parent; -1: nobody waits */
    const char *pidfile;      /* written by us; NULL: none */
};

/* What the configuration and the environment ask for. */
void daemon_init(struct daemon *daemon, const struct config *config);

/* With `daemonize yes`, unless supervised: forks. Returns in the child with
 * *is_parent false; in the parent when the child is ready or gone, with
 * *status what the parent is to exit with. */
err_t daemon_background(struct daemon *daemon, const struct config *config,
                        bool *is_parent, int *status, struct err_text *why);

/* The server accepts clients: writes the pid file, lets the parent go, cuts
 * the ties to its terminal, tells the service manager. */
void daemon_ready(struct daemon *daemon, const struct config *config,
                  struct log *log);

/* STATUS= for the service manager. */
void daemon_status(const struct daemon *daemon, const char *status);
/* The end has begun; and it has been given up. */
void daemon_stopping(struct daemon *daemon);
void daemon_staying(struct daemon *daemon, const char *status);

/* Removes the pid file. */
void daemon_end(struct daemon *daemon);

#endif
