/* daemon.c - see daemon.h.
 *
 * `daemonize yes`: the parent stays until the child accepts clients, and exits
 * with 0 then, with the child's status if it ends before. So whoever started
 * it knows whether it runs, reads why it doesn't, and finds the pid file. Up
 * to then the child keeps the terminal.
 *
 * systemd is told over the datagram socket that NOTIFY_SOCKET names, which is
 * all that sd_notify(3) does; an '@' in front means the abstract namespace. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_PIDFILE "/var/run/diskstore.pid"

void daemon_init(struct daemon *daemon, const struct config *config)
{
    bool has_socket = getenv("NOTIFY_SOCKET") != NULL;
    *daemon = (struct daemon){ .ready_fd = -1 };
    daemon->supervised =
        config->supervised == SUPERVISED_SYSTEMD ||
        (config->supervised == SUPERVISED_AUTO && has_socket);
}

/* --- the background ------------------------------------------------------- */

/* Waits for the child's byte, or for its end. */
static int wait_for(pid_t child, int fd)
{
    char    byte;
    int     status;
    ssize_t len;
    do
        len = read(fd, &byte, 1);
    while (len < 0 && errno == EINTR);
    if (len == 1)
        return 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status)
                                                         : 1;
}

err_t daemon_background(struct daemon *daemon, const struct config *config,
                        bool *is_parent, int *status, struct err_text *why)
{
    int pipe_fds[2];
    *is_parent = false;
    if (!config->daemonize || daemon->supervised)
        return ERR_OK;
    if (pipe2(pipe_fds, O_CLOEXEC) != 0)
        return err_set(why, ERR_IO, "can't daemonize: %s", strerror(errno));
    pid_t child = fork();
    if (child < 0) {
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        return err_set(why, ERR_IO, "can't daemonize: %s", strerror(errno));
    }
    close(pipe_fds[child == 0 ? 0 : 1]);
    if (child == 0) {
        (void)setsid();
        daemon->background = true;
        daemon->ready_fd = pipe_fds[1];
        return ERR_OK;
    }
    *is_parent = true;
    *status = wait_for(child, pipe_fds[0]);
    close(pipe_fds[0]);
    return ERR_OK;
}

static void leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        (void)dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
}

static void release_parent(struct daemon *daemon)
{
    ssize_t len;
    if (daemon->ready_fd < 0)
        return;
    leave_terminal();
    do
        len = write(daemon->ready_fd, "", 1);
    while (len < 0 && errno == EINTR);
    close(daemon->ready_fd);
    daemon->ready_fd = -1;
}

/* --- the pid file --------------------------------------------------------- */

/* Written when the store is ours: a second server that fails to start must not
 * put its number over the first one's. */
static void write_pidfile(struct daemon *daemon, const struct config *config,
                          struct log *log)
{
    const char *path = config->pidfile;
    if (path[0] == '\0' && daemon->background)
        path = DEFAULT_PIDFILE;
    if (path[0] == '\0')
        return;
    FILE *file = fopen(path, "we");
    bool  good = file != NULL && fprintf(file, "%d\n", (int)getpid()) > 0;
    if (file != NULL && fclose(file) != 0)
        good = false;
    if (good)
        daemon->pidfile = path;
    else
        log_write(log, LOG_WARNING, "can't write the pid file %s: %s", path,
                  strerror(errno));
}

/* --- the service manager -------------------------------------------------- */

#define NOT_SET (-1)

/* 0, NOT_SET, or an errno. */
static int notify(const char *text)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char        *path = getenv("NOTIFY_SOCKET");
    size_t             len = path != NULL ? strlen(path) : 0;
    if (len < 2 || (path[0] != '/' && path[0] != '@'))
        return NOT_SET;
    if (len >= sizeof(address.sun_path))
        return ENAMETOOLONG;
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* abstract: all len bytes are its name */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    ssize_t sent =
        sendto(fd, text, strlen(text), MSG_NOSIGNAL,
               (const struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    int error = sent < 0 ? errno : 0;
    close(fd);
    return error;
}

void daemon_status(const struct daemon *daemon, const char *status)
{
    char text[256];
    if (!daemon->supervised)
        return;
    snprintf(text, sizeof(text), "STATUS=%s\n", status);
    (void)notify(text);
}

void daemon_stopping(struct daemon *daemon)
{
    if (!daemon->supervised || daemon->told_stopping)
        return;
    daemon->told_stopping = true;
    (void)notify("STOPPING=1\nSTATUS=Saving the last changes\n");
}

void daemon_staying(struct daemon *daemon, const char *status)
{
    daemon->told_stopping = false;
    daemon_status(daemon, status);
}

/* --- ready, and the end --------------------------------------------------- */

void daemon_ready(struct daemon *daemon, const struct config *config,
                  struct log *log)
{
    write_pidfile(daemon, config, log);
    release_parent(daemon);
    if (!daemon->supervised)
        return;
    int error = notify("READY=1\nSTATUS=Ready to accept connections\n");
    if (error != 0)
        log_write(log, LOG_WARNING,
                  "supervised by systemd, but NOTIFY_SOCKET can't be told: %s",
                  error == NOT_SET ? "it is not set" : strerror(error));
}

void daemon_end(struct daemon *daemon)
{
    if (daemon->pidfile != NULL)
        (void)unlink(daemon->pidfile);
    daemon->pidfile = NULL;
}
