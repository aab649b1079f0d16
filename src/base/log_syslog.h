/* log_syslog.h - the system log, for log.c only: <syslog.h> has names of its own
 * for the levels, so the two can't meet in one file.
 *
 * Threads  any, after open. */
#ifndef BASE_LOG_SYSLOG_H
#define BASE_LOG_SYSLOG_H

#include <stddef.h>

/* ident is kept. Facility 0 is user, 1 to 8 are local0 to local7. */
void log_syslog_open(const char *ident, int facility);
/* level as in enum log_level. */
void log_syslog_write(int level, const char *text, size_t len);

#endif
