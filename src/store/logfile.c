/* logfile.c - lists LevelDB's logs, and adds up what is in its directory.
 *
 * Both walk the directory through a descriptor of their own, so they may run
 * while LevelDB adds and removes files: a file that vanishes between being
 * named and being looked at is not an error. */
#include "store/logfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

char *logfile_name(uint64_t number, char out[LOGFILE_NAME_CHARS])
{
    snprintf(out, LOGFILE_NAME_CHARS, "%06" PRIu64 ".log", number);
    return out;
}

/* "000012.log" -> 12. */
static bool logfile_number(const char *name, uint64_t *number)
{
    size_t digits = strspn(name, "0123456789");

    if (digits == 0 || digits > 19 || strcmp(name + digits, ".log") != 0)
        return false;
    *number = strtoull(name, NULL, 10);
    return true;
}

static err_t dir_open(int dir_fd, DIR **out, struct err_text *why)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *out = fd < 0 ? NULL : fdopendir(fd);
    if (*out)
        return ERR_OK;
    err_set(why, ERR_IO, "cannot list data/: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return ERR_IO;
}

static void list_add(struct logfile_list *list, uint64_t number)
{
    size_t at = list->count++;

    list->numbers =
        mem_realloc(list->numbers, list->count * sizeof(*list->numbers));
    for (; at > 0 && list->numbers[at - 1] > number; at--)
        list->numbers[at] = list->numbers[at - 1];
    list->numbers[at] = number;
}

err_t logfile_list(int data_fd, uint64_t at_least, struct logfile_list *out,
                   struct err_text *why)
{
    struct dirent *file;
    uint64_t       number;
    DIR           *dir;

    *out = (struct logfile_list){ 0 };
    err_t err = dir_open(data_fd, &dir, why);
    if (err)
        return err;
    while ((errno = 0, file = readdir(dir)) != NULL)
        if (logfile_number(file->d_name, &number) && number >= at_least)
            list_add(out, number);
    if (errno != 0) {
        err = err_set(why, ERR_IO, "cannot list data/: %s", strerror(errno));
        logfile_list_deinit(out);
    }
    closedir(dir);
    return err;
}

void logfile_list_deinit(struct logfile_list *list)
{
    mem_free(list->numbers);
    *list = (struct logfile_list){ 0 };
}

static void usage_add(struct dir_usage *usage, const char *name, uint64_t bytes)
{
    const char *dot = strrchr(name, '.');
    uint64_t    number;

    usage->bytes += bytes;
    if (logfile_number(name, &number))
        usage->log_bytes += bytes;
    if (dot && (strcmp(dot, ".ldb") == 0 || strcmp(dot, ".sst") == 0)) {
        usage->table_count++;
        usage->table_bytes += bytes;
    }
}

err_t dir_usage(int dir_fd, struct dir_usage *out, struct err_text *why)
{
    struct dirent *file;
    struct stat    status;
    DIR           *dir;

    *out = (struct dir_usage){ 0 };
    err_t err = dir_open(dir_fd, &dir, why);
    if (err)
        return err;
    while ((file = readdir(dir)) != NULL)
        if (fstatat(dir_fd, file->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode))
            usage_add(out, file->d_name, (uint64_t)status.st_size);
    closedir(dir);
    return ERR_OK;
}
