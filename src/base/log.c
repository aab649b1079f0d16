/* log.c - one line, one write(2).
 *
 * The line is put together on the stack and written at once to a descriptor
 * in append mode, so lines of several threads do not mix and no lock is
 * needed. Lines above LINE_MAX_CHARS are cut. Control characters become
 * spaces: what a client or a file name contains must not start a line of its
 * own.
 *
 * What it does not do: buffer (the last line before a crash is the one that is
 * needed) or rotate (the file is opened once; use copytruncate). */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log_syslog.h"
#include "base/mem.h"

#define LINE_MAX_CHARS 1024 /* with the newline */

struct log {
    int        fd;
    bool       owns_fd;
    bool       to_syslog;
    atomic_int level; /* the loop sets it, any thread reads it */
};

err_t log_new(const char *path, enum log_level level, struct log **out,
              struct err_text *why)
{
    bool to_stdout = path[0] == '\0';
    int  fd = STDOUT_FILENO;

    if (!to_stdout)
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_set(why, ERR_IO, "can't open the log file %s: %s", path,
                       strerror(errno));

    struct log *log = mem_alloc(sizeof(*log));
    log->fd = fd;
    log->owns_fd = !to_stdout;
    log->to_syslog = false;
    atomic_init(&log->level, (int)level);
    *out = log;
    return ERR_OK;
}

void log_free(struct log *log)
{
    if (log == NULL)
        return;
    if (log->owns_fd)
        (void)close(log->fd);
    mem_free(log);
}

void log_set_level(struct log *log, enum log_level level)
{
    atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

void log_to_syslog(struct log *log, const char *ident, int facility)
{
    log_syslog_open(ident, facility);
    log->to_syslog = true;
}

bool log_enabled(const struct log *log, enum log_level level)
{
    return log != NULL && level < LOG_NOTHING &&
           (int)level >=
               atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* "4711:M 21 Feb 2026 17:03:09.042 * " */
static size_t put_head(char *line, size_t size, enum log_level level)
{
    static const char marks[] = ".-*#";
    struct timeval    now;
    struct tm         local;
    char              date[32];

    (void)gettimeofday(&now, NULL);
    if (localtime_r(&now.tv_sec, &local) == NULL ||
        strftime(date, sizeof(date), "%d %b %Y %H:%M:%S", &local) == 0)
        date[0] = '\0';
    int len = snprintf(line, size, "%d:M %s.%03d %c ", (int)getpid(), date,
                       (int)(now.tv_usec / 1000), marks[level]);
    ASSERT(len > 0 && (size_t)len < size);
    return (size_t)len;
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
    char    line[LINE_MAX_CHARS];
    va_list arguments;

    if (!log_enabled(log, level))
        return;
    size_t head = put_head(line, sizeof(line), level);
    va_start(arguments, format);
    int wanted = vsnprintf(line + head, sizeof(line) - head, format, arguments);
    va_end(arguments);
    if (wanted < 0)
        return;

    size_t room = sizeof(line) - head - 1; /* for text, then the newline */
    size_t len = head + ((size_t)wanted < room ? (size_t)wanted : room);
    for (size_t i = head; i < len; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = ' ';
    }
    if (log->to_syslog)
        log_syslog_write((int)level, line + head, len - head);
    line[len++] = '\n';
    ssize_t written;
    do
        written = write(log->fd, line, len);
    while (written < 0 && errno == EINTR);
}

/* ---- keys ---------------------------------------------------------------- */

#define KEY_TEXT_MAX 60 /* between the quotes */

/* Writes one byte as the log shows it; returns the length, at most 4. */
static size_t escape_byte(unsigned char byte, char out[5])
{
    static const char from[] = "\\\"\n\r\t\a\b";
    static const char to[] = "\\\"nrtab";

    const char *found = byte ? strchr(from, byte) : NULL;
    if (found != NULL)
        return (size_t)snprintf(out, 5, "\\%c", to[found - from]);
    if (byte >= ' ' && byte < 0x7f) {
        out[0] = (char)byte;
        return 1;
    }
    return (size_t)snprintf(out, 5, "\\x%02x", byte);
}

char *log_key(slice key, char out[LOG_KEY_CHARS])
{
    size_t len = 0;
    size_t at = 0;

    _Static_assert(KEY_TEXT_MAX + sizeof("\"\"...") <= LOG_KEY_CHARS,
                   "a cut key must fit");
    out[len++] = '"';
    for (; at < key.len; at++) {
        char   escaped[5];
        size_t size = escape_byte((unsigned char)key.data[at], escaped);
        if (len - 1 + size > KEY_TEXT_MAX)
            break;
        memcpy(out + len, escaped, size);
        len += size;
    }
    out[len++] = '"';
    if (at < key.len) {
        memcpy(out + len, "...", 3);
        len += 3;
    }
    out[len] = '\0';
    return out;
}
