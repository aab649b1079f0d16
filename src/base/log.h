/* log.h - one log, to stdout or a file, four levels as in Redis.
 *
 * Threads  log_write may be called from any thread: a line is one write(2).
 * Errors   a line that can't be written is dropped; logging never fails. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_VERBOSE, LOG_NOTICE, LOG_WARNING, LOG_NOTHING };

struct log;

/* path "" is stdout. The log is shared by reference; one per process in the
 * server, given to each room by pointer. */
err_t log_new(const char *path, enum log_level level, struct log **out,
              struct err_text *why);
void  log_free(struct log *log); /* NULL is fine */
void  log_set_level(struct log *log, enum log_level level);
/* Lines go to the system log too from now on. Facility 0 is user, 1 to 8 are
 * local0 to local7. ident must live as long as the process. Before the first
 * other thread starts. */
void  log_to_syslog(struct log *log, const char *ident, int facility);
bool  log_enabled(const struct log *log, enum log_level level);

/* "pid:role date time level-mark message", Redis's line format. log may be
 * NULL: nothing happens. */
void log_write(struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Debug lines cost a test only while they are off. */
#define LOG_DEBUG(log, ...)                                                    \
    do {                                                                       \
        if (log_enabled((log), LOG_DEBUG))                                     \
            log_write((log), LOG_DEBUG, __VA_ARGS__);                          \
    } while (0)

/* A key as a log may show it: quoted, escaped, at most about 60 characters
 * ("..." marks the cut). Returns out. */
#define LOG_KEY_CHARS 96
char *log_key(slice key, char out[LOG_KEY_CHARS]);

#endif
