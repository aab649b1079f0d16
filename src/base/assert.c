/* assert.c - how the process dies when our own reasoning was wrong.
 *
 * It says which condition, where, and by which way we came, then aborts, which
 * leaves a core file for those who keep them. Going on would risk writing what
 * is wrong in memory to disk, where it would outlive the process; the data on
 * disk is a cut, so stopping here loses no more than kill -9 would.
 *
 * Everything goes straight to file descriptor 2: the heap may be the thing
 * that is broken. */
#include "base/assert.h"

#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FRAMES_MAX 64

_Noreturn void assert_failed(const char *condition, const char *file, int line)
{
    void *frames[FRAMES_MAX];
    char  text[512];

    int len = snprintf(text, sizeof(text),
                       "diskstore: assertion failed: %s (%s:%d)\n", condition,
                       file, line);
    if (len > 0) {
        size_t size =
            (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
        if (write(STDERR_FILENO, text, size) < 0)
            abort();
    }
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
    abort();
}
