/* log_syslog.c - see log_syslog.h. The C library does all the work. */
#include "base/log_syslog.h"

#include <syslog.h>

#include "base/assert.h"

void log_syslog_open(const char *ident, int facility)
{
    static const int facilities[] = {
        LOG_USER,   LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3,
        LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7,
    };
    ASSERT(facility >= 0 && facility < (int)(sizeof(facilities) / sizeof(int)));
    openlog(ident, LOG_PID | LOG_NDELAY | LOG_NOWAIT, facilities[facility]);
}

void log_syslog_write(int level, const char *text, size_t len)
{
    static const int priorities[] = { LOG_DEBUG, LOG_INFO, LOG_NOTICE,
                                      LOG_WARNING };
    ASSERT(level >= 0 && level < (int)(sizeof(priorities) / sizeof(int)));
    syslog(priorities[level], "%.*s", (int)len, text);
}
