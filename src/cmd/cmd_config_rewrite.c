/* cmd_config_rewrite.c - CONFIG REWRITE: reads the server's file, has
 * config_rewrite.c make the new text, and puts that in its place.
 *
 * In its place means: whoever reads the file, also after a power failure,
 * finds the old one or the new one, whole. So the text goes to a new file in
 * the same directory, which is synced and then renamed over the old one.
 *
 * All this is done right here, on the loop thread: it is one small file, and
 * an operator's command (docs/ARCHITECTURE.md lists it with what waits for the
 * disk). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cmd/handlers.h"

/* These return 0 or an errno. */

static int read_fd(int fd, struct buf *out)
{
    char chunk[4096];
    for (;;) {
        ssize_t len = read(fd, chunk, sizeof(chunk));
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return errno;
        if (len == 0)
            return 0;
        if (buf_append(out, chunk, (size_t)len) != ERR_OK)
            return EFBIG;
    }
}

/* A file that is gone is an empty one. */
static int read_file(const char *path, struct buf *out, struct stat *info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *info = (struct stat){ .st_mode = 0 };
    if (fd < 0)
        return errno == ENOENT ? 0 : errno;
    int error = fstat(fd, info) == 0 ? read_fd(fd, out) : errno;
    close(fd);
    return error;
}

static int write_fd(int fd, slice text)
{
    while (text.len > 0) {
        ssize_t len = write(fd, text.data, text.len);
        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return errno;
        text = slice_make(text.data + len, text.len - (size_t)len);
    }
    return fsync(fd) == 0 ? 0 : errno;
}

/* Mode and owner stay: there may be a password in it. Only root can give a
 * file away; for others it stays theirs. */
static int keep_mode(int fd, const struct stat *old)
{
    if (old->st_mode == 0)
        return 0;
    if (fchown(fd, old->st_uid, old->st_gid) != 0 && errno != EPERM)
        return errno;
    return fchmod(fd, old->st_mode & 07777) == 0 ? 0 : errno;
}

static int write_file(const char *path, slice text, const struct stat *old)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno;
    int error = keep_mode(fd, old);
    if (error == 0)
        error = write_fd(fd, text);
    if (close(fd) != 0 && error == 0)
        error = errno;
    return error;
}

static int sync_directory_of(const char *path)
{
    size_t len = (size_t)(strrchr(path, '/') - path); /* it is absolute */
    char  *directory = mem_alloc(len + 2);
    snprintf(directory, len + 2, "%.*s", len > 0 ? (int)len : 1, path);
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    mem_free(directory);
    return error;
}

static int replace_file(const char *path, slice text, const struct stat *old)
{
    size_t size = strlen(path) + 32;
    char  *temporary = mem_alloc(size);
    snprintf(temporary, size, "%s.rewrite-%d", path, (int)getpid());
    (void)unlink(temporary); /* of a process that had our number and died */
    int error = write_file(temporary, text, old);
    if (error == 0 && rename(temporary, path) != 0)
        error = errno;
    if (error != 0)
        (void)unlink(temporary);
    else
        error = sync_directory_of(path);
    mem_free(temporary);
    return error;
}

static int rewrite(const struct config *config)
{
    struct buf  before, after;
    struct stat info;
    buf_init(&before, CONFIG_FILE_MAX);
    buf_init(&after, CONFIG_FILE_MAX);
    int error = read_file(config->file, &before, &info);
    if (error == 0 &&
        config_rewrite(config, buf_slice(&before), &after) != ERR_OK)
        error = EFBIG;
    if (error == 0)
        error = replace_file(config->file, buf_slice(&after), &info);
    buf_deinit(&before);
    buf_deinit(&after);
    return error;
}

enum call_result cmd_config_rewrite(struct call *call)
{
    const struct config *config = call->server->config;
    if (config->file[0] == '\0') {
        reply_error(call->reply,
                    "ERR The server is running without a config file");
        return CALL_DONE;
    }
    int error = rewrite(config);
    if (error != 0) {
        log_write(call->server->log, LOG_WARNING,
                  "CONFIG REWRITE of %s failed: %s", config->file,
                  strerror(error));
        reply_errorf(call->reply, "ERR Rewriting config file: %s",
                     strerror(error));
        return CALL_DONE;
    }
    log_write(call->server->log, LOG_NOTICE, "CONFIG REWRITE: wrote %s",
              config->file);
    reply_ok(call->reply);
    return CALL_DONE;
}
