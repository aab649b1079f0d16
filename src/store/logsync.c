/* logsync.c - which logs hold unsynced writes, and syncing them in order.
 *
 * LevelDB doesn't tell which log a write went to. We watch the newest one that
 * we know, through a descriptor: if it has grown, the write stands there (a
 * write is appended after any switch that it causes). If not, LevelDB has
 * switched, and only then the directory is listed. So a write costs one fstat,
 * and one listing per write buffer.
 *
 * A log that is gone when we come to sync it needs no sync: LevelDB removes a
 * log only when its contents stand in a synced table and MANIFEST. */
#include "store/logsync.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/logfile.h"

#define WATCH_TRIES 100

static err_t watch_bytes(struct logsync *sync, uint64_t *bytes,
                         struct err_text *why)
{
    struct stat status;

    *bytes = 0;
    if (sync->newest_fd < 0)
        return ERR_OK;
    if (fstat(sync->newest_fd, &status) != 0)
        return err_set(why, ERR_IO, "cannot stat a log: %s", strerror(errno));
    *bytes = (uint64_t)status.st_size;
    return ERR_OK;
}

static err_t newest_number(struct logsync *sync, uint64_t *number,
                           struct err_text *why)
{
    struct logfile_list list;

    err_t err = logfile_list(sync->data_fd, sync->newest + 1, &list, why);
    if (err)
        return err;
    if (list.count == 0)
        return err_set(why, ERR_IO,
                       "data/ has no log newer than %06llu.log, "
                       "though LevelDB writes to one",
                       (unsigned long long)sync->newest);
    *number = list.numbers[list.count - 1];
    logfile_list_deinit(&list);
    return ERR_OK;
}

/* Looks for the newest log and watches it from now on. Between listing and
 * opening, a compaction may have switched again and removed it: look again. */
static err_t watch_newest(struct logsync *sync, struct err_text *why)
{
    uint64_t number = 0;
    char     name[LOGFILE_NAME_CHARS];
    int      fd = -1;

    for (int tries = 0; fd < 0; tries++) {
        err_t err = newest_number(sync, &number, why);
        if (err)
            return err;
        fd = openat(sync->data_fd, logfile_name(number, name),
                    O_RDONLY | O_CLOEXEC);
        if (fd < 0 && (errno != ENOENT || tries == WATCH_TRIES))
            return err_set(why, ERR_IO, "cannot open data/%s: %s", name,
                           strerror(errno));
    }
    if (sync->newest_fd >= 0)
        close(sync->newest_fd);
    sync->newest = number;
    sync->newest_fd = fd;
    sync->dir_unsynced = true;
    return watch_bytes(sync, &sync->newest_bytes, why);
}

err_t logsync_init(struct logsync *sync, int data_fd, struct err_text *why)
{
    *sync = (struct logsync){ .data_fd = data_fd, .newest_fd = -1 };
    return watch_newest(sync, why);
}

void logsync_deinit(struct logsync *sync)
{
    if (sync->newest_fd >= 0)
        close(sync->newest_fd);
    sync->newest_fd = -1;
}

err_t logsync_written(struct logsync *sync, struct err_text *why)
{
    uint64_t bytes;

    /* Whatever it went to, it is not older than this. */
    if (sync->unsynced_from == 0)
        sync->unsynced_from = sync->newest;
    err_t err = watch_bytes(sync, &bytes, why);
    if (err)
        return err;
    if (bytes > sync->newest_bytes) {
        sync->newest_bytes = bytes;
        return ERR_OK;
    }
    return watch_newest(sync, why);
}

static err_t sync_log(struct logsync *sync, uint64_t number,
                      struct err_text *why)
{
    char  name[LOGFILE_NAME_CHARS];
    err_t err = ERR_OK;

    if (number == sync->newest) {
        if (fdatasync(sync->newest_fd) != 0)
            err = err_set(why, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO,
                          "cannot sync data/%s: %s", logfile_name(number, name),
                          strerror(errno));
        return err;
    }
    int fd =
        openat(sync->data_fd, logfile_name(number, name), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return ERR_OK;
    if (fd < 0 || fdatasync(fd) != 0)
        err = err_set(why, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO,
                      "cannot sync data/%s: %s", name, strerror(errno));
    if (fd >= 0)
        close(fd);
    return err;
}

static err_t sync_logs(struct logsync *sync, struct err_text *why)
{
    struct logfile_list list;

    err_t err = logfile_list(sync->data_fd, sync->unsynced_from, &list, why);
    for (size_t i = 0; !err && i < list.count; i++)
        if (list.numbers[i] < sync->newest)
            err = sync_log(sync, list.numbers[i], why);
    if (!err && sync->newest_fd >= 0)
        err = sync_log(sync, sync->newest, why);
    logfile_list_deinit(&list);
    return err;
}

/* A log above `newest` may exist by now: the compacting thread makes LevelDB
 * switch too. It holds no write of ours, because each write is followed by
 * logsync_written. */
err_t logsync_run(struct logsync *sync, struct err_text *why)
{
    err_t err = sync->unsynced_from ? sync_logs(sync, why) : ERR_OK;
    if (err)
        return err;
    if (sync->dir_unsynced && fsync(sync->data_fd) != 0)
        return err_set(why, ERR_IO, "cannot sync the directory data/: %s",
                       strerror(errno));
    sync->unsynced_from = 0;
    sync->dir_unsynced = false;
    return ERR_OK;
}
