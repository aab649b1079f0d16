/* death.h - runs a function that must abort, in a child, and gives back what
 * it said on stderr. */
#ifndef TESTS_BASE_DEATH_H
#define TESTS_BASE_DEATH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* True if body(arg) ended by SIGABRT. text gets the start of its stderr. */
static inline bool death_by_abort(void (*body)(void *), void *arg, char *text,
                                  size_t size)
{
    int    pipe_fds[2];
    int    status = 0;
    size_t len = 0;
    char   rest[256];

    if (pipe(pipe_fds) != 0)
        return false;
    pid_t child = fork();
    if (child < 0)
        return false;
    if (child == 0) {
        struct rlimit no_core = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)dup2(pipe_fds[1], STDERR_FILENO);
        (void)close(pipe_fds[0]);
        (void)close(pipe_fds[1]);
        body(arg);
        _exit(0);
    }
    (void)close(pipe_fds[1]);
    ssize_t got;
    while (len + 1 < size &&
           (got = read(pipe_fds[0], text + len, size - 1 - len)) > 0)
        len += (size_t)got;
    text[len] = '\0';
    while (read(pipe_fds[0], rest, sizeof(rest)) > 0)
        continue;
    (void)close(pipe_fds[0]);
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGABRT;
}

#endif
