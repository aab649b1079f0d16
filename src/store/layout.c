/* layout.c - opens or creates the directory of a store; see the header for what
 * stands in it.
 *
 * The order of things is the design:
 *   1. look at the path; anything that is not ours is refused before the first
 *      byte is written;
 *   2. open the marker (create it empty if the directory is empty) and lock it;
 *   3. only under the lock read the marker and look into data/.
 * Two servers that create the same store at once both pass step 1, and one of
 * them loses at the lock. */
#include "store/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "store/logfile.h"

#define MARKER_NAME   "DISKSTORE"
#define MARKER_PREFIX "diskstore format "
#define ROOM_NAME     "DISKSTORE.room"
#define ROOM_LEAST    (1u << 20) /* for a MANIFEST and other small files */
/* Paths are shown cut to this, so that the way out still fits into why. */
#define SHOW          "%.100s"

/* --- the directory itself ------------------------------------------------ */

static err_t path_open(const char *path, struct layout *layout,
                       struct err_text *why)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return err_set(why, ERR_IO,
                       "cannot create ds-path " SHOW ": %s: "
                       "%s, or set another ds-path",
                       path, strerror(errno),
                       errno == EACCES ? "give this user access to it"
                                       : "create its parent directory");
    layout->path_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (layout->path_fd >= 0)
        return ERR_OK;
    if (errno == ENOTDIR)
        return err_set(why, ERR_FOREIGN,
                       "ds-path " SHOW " is not a directory: "
                       "set another ds-path",
                       path);
    return err_set(why, ERR_IO,
                   "cannot open ds-path " SHOW ": %s: give this "
                   "user access to it, or set another ds-path",
                   path, strerror(errno));
}

/* A file that is neither a directory's own link nor what mkfs leaves. */
static bool is_content(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           strcmp(name, "lost+found") != 0;
}

static err_t path_is_empty(const struct layout *layout, const char *path,
                           struct err_text *why)
{
    int  fd = openat(layout->path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    char found[64] = "";

    if (dir == NULL) {
        err_set(why, ERR_IO, "cannot list ds-path " SHOW ": %s", path,
                strerror(errno));
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    for (struct dirent *file; !found[0] && (file = readdir(dir)) != NULL;)
        if (is_content(file->d_name))
            snprintf(found, sizeof(found), "%.60s", file->d_name);
    closedir(dir);
    if (found[0])
        return err_set(why, ERR_FOREIGN,
                       "ds-path " SHOW " is not a diskstore "
                       "directory (it holds \"%.30s\" and no " MARKER_NAME
                       "): set ds-path to a new or empty directory",
                       path, found);
    return ERR_OK;
}

/* --- the marker ---------------------------------------------------------- */

static err_t marker_open(struct layout *layout, const char *path,
                         struct err_text *why)
{
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;

    layout->marker_fd = openat(layout->path_fd, MARKER_NAME, flags);
    if (layout->marker_fd < 0 && errno == ENOENT) {
        err_t err = path_is_empty(layout, path, why);
        if (err)
            return err;
        layout->marker_fd =
            openat(layout->path_fd, MARKER_NAME, flags | O_CREAT, 0600);
    }
    if (layout->marker_fd < 0)
        return err_set(why, ERR_IO,
                       "cannot open " SHOW "/" MARKER_NAME
                       ": %s: give this user access to it, or set another "
                       "ds-path",
                       path, strerror(errno));
    if (flock(layout->marker_fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(why, ERR_BUSY,
                       "ds-path " SHOW " is in use by another "
                       "process: stop that one, or set another ds-path",
                       path);
    return ERR_OK;
}

/* An empty marker: the store is still to be made. */
static err_t marker_read(struct layout *layout, const char *path,
                         struct err_text *why)
{
    char    line[64];
    char    expected[64];
    ssize_t len = pread(layout->marker_fd, line, sizeof(line) - 1, 0);

    if (len < 0)
        return err_set(why, ERR_IO, "cannot read " SHOW "/" MARKER_NAME ": %s",
                       path, strerror(errno));
    line[len] = 0;
    snprintf(expected, sizeof(expected), MARKER_PREFIX "%d\n", LAYOUT_FORMAT);
    layout->is_new = len == 0;
    if (len == 0 || strcmp(line, expected) == 0)
        return ERR_OK;
    size_t prefix = strlen(MARKER_PREFIX);
    if (strncmp(line, MARKER_PREFIX, prefix) == 0)
        return err_set(why, ERR_FORMAT,
                       "ds-path " SHOW " has format %.*s, "
                       "this diskstore knows format %d only: use the version "
                       "that wrote it, or set another ds-path",
                       path, (int)strcspn(line + prefix, "\n"), line + prefix,
                       LAYOUT_FORMAT);
    return err_set(why, ERR_FORMAT,
                   "ds-path " SHOW " has a " MARKER_NAME
                   " file that is not understood: restore it from a backup, or "
                   "set another ds-path",
                   path);
}

/* --- data/ --------------------------------------------------------------- */

/* A full marker promises a LevelDB; an empty one that there was none yet. */
static err_t data_check(const struct layout *layout, const char *path,
                        struct err_text *why)
{
    struct dir_usage usage = { 0 };
    bool             has_current = false;

    if (layout->data_fd >= 0) {
        has_current = faccessat(layout->data_fd, "CURRENT", F_OK, 0) == 0;
        err_t err = dir_usage(layout->data_fd, &usage, why);
        if (err)
            return err;
    }
    if (!layout->is_new && !has_current)
        return err_set(why, ERR_CORRUPT,
                       "ds-path " SHOW " has lost data/%s: "
                       "restore a backup, or run LevelDB's repair on a copy; "
                       "to start empty remove the directory",
                       path, layout->data_fd < 0 ? "" : "CURRENT");
    if (layout->is_new && usage.table_count > 0)
        return err_set(why, ERR_CORRUPT,
                       "ds-path " SHOW " has data, but its " MARKER_NAME
                       " file is empty: write the line \"" MARKER_PREFIX
                       "%d\" into it, or set another ds-path",
                       path, LAYOUT_FORMAT);
    return ERR_OK;
}

static err_t data_open(struct layout *layout, const char *path,
                       struct err_text *why)
{
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

    layout->data_fd = openat(layout->path_fd, "data", flags);
    if (layout->data_fd < 0 && errno != ENOENT)
        return err_set(why, ERR_IO,
                       "cannot open " SHOW "/data: %s: give this "
                       "user access to it, or set another ds-path",
                       path, strerror(errno));
    err_t err = data_check(layout, path, why);
    if (err || layout->data_fd >= 0)
        return err;
    ASSERT(layout->is_new);
    if (mkdirat(layout->path_fd, "data", 0700) == 0)
        layout->data_fd = openat(layout->path_fd, "data", flags);
    if (layout->data_fd < 0)
        return err_set(why, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO,
                       "cannot create " SHOW "/data: %s", path,
                       strerror(errno));
    return ERR_OK;
}

/* --- the door ------------------------------------------------------------ */

err_t layout_open(const char *path, struct layout *out, struct err_text *why)
{
    *out = (struct layout){ .path_fd = -1, .marker_fd = -1, .data_fd = -1 };

    err_t err = path_open(path, out, why);
    if (!err)
        err = marker_open(out, path, why);
    if (!err)
        err = marker_read(out, path, why);
    if (!err)
        err = data_open(out, path, why);
    if (err) {
        layout_close(out);
        return err;
    }
    size_t size = strlen(path) + sizeof("/data");
    out->data_path = mem_alloc(size);
    snprintf(out->data_path, size, "%s/data", path);
    return ERR_OK;
}

/* The directory that holds ds-path must know it too; where we may not open it,
 * the file system's own order has to do. */
static void parent_sync(const struct layout *layout)
{
    int fd = openat(layout->path_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

err_t layout_finish(struct layout *layout, struct err_text *why)
{
    char line[64];
    int len = snprintf(line, sizeof(line), MARKER_PREFIX "%d\n", LAYOUT_FORMAT);

    ASSERT(layout->is_new);
    if (fsync(layout->data_fd) != 0 ||
        pwrite(layout->marker_fd, line, (size_t)len, 0) != len ||
        fsync(layout->marker_fd) != 0 || fsync(layout->path_fd) != 0) {
        err_set(why, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO,
                "cannot write the " MARKER_NAME " file of ds-path: %s",
                strerror(errno));
        /* Half a line would be refused later; empty is taken up again. */
        if (ftruncate(layout->marker_fd, 0) != 0)
            err_set(why, ERR_IO,
                    "cannot write the " MARKER_NAME " file of "
                    "ds-path: remove the directory and start again");
        return errno == ENOSPC ? ERR_NO_SPACE : ERR_IO;
    }
    parent_sync(layout);
    layout->is_new = false;
    return ERR_OK;
}

err_t layout_has_room(const struct layout *layout, struct err_text *why)
{
    struct dir_usage usage;

    err_t err = dir_usage(layout->data_fd, &usage, why);
    if (err)
        return err;
    int fd = openat(layout->path_fd, ROOM_NAME,
                    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int failure = fd < 0 ? errno : 0;
    if (fd >= 0) {
        unlinkat(layout->path_fd, ROOM_NAME, 0); /* gone also if we die here */
        uint64_t need = usage.log_bytes + usage.log_bytes / 2 + ROOM_LEAST;
        failure = posix_fallocate(fd, 0, (off_t)need);
        close(fd);
    }
    if (failure == 0)
        return ERR_OK;
    return err_set(
        why, failure == ENOSPC || failure == EDQUOT ? ERR_NO_SPACE : ERR_IO,
        "no room to open the store again: %s", strerror(failure));
}

void layout_close(struct layout *layout)
{
    mem_free(layout->data_path);
    if (layout->data_fd >= 0)
        close(layout->data_fd);
    if (layout->marker_fd >= 0)
        close(layout->marker_fd);
    if (layout->path_fd >= 0)
        close(layout->path_fd);
    *layout = (struct layout){ .path_fd = -1, .marker_fd = -1, .data_fd = -1 };
}
