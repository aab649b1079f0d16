/* monitor.h - MONITOR: clients that are told of each command that runs.
 *
 * Memory   a line is at most MONITOR_LINE_MAX and a bit: arguments that would
 *          make it longer are cut, and say so. A line from MONITOR_BLOB_MIN on
 *          is one blob for all who monitor. What is pending for them is bounded
 *          by what bounds all pushes (net/push.c).
 * Threads  loop thread only. */
#ifndef CMD_MONITOR_H
#define CMD_MONITOR_H

#include "cmd/command.h"

#define MONITOR_LINE_MAX ((size_t)1024 * 1024)
#define MONITOR_BLOB_MIN ((size_t)16 * 1024)

/* Tells all who monitor. REQUIRES: somebody does. */
void monitor_feed(const struct call *call);
/* The same, of a command that feeds itself: a script, before what it calls. */
void monitor_feed_script(const struct call *call);
/* It monitors no more; no-op if it does not. */
void monitor_leave(struct session *session);

#endif
