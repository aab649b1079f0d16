/* manifest.c - reads the log number out of LevelDB's MANIFEST.
 *
 * A MANIFEST is a log whose records are edits: a sequence of (tag varint,
 * fields) as db/version_edit.cc writes them. The table below says which fields
 * follow each tag; we step over all of them and keep the last log number. An
 * edit with an unknown tag ends the reading: LevelDB will refuse it too. */
#include "store/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/num.h"
#include "store/logread.h"

#define EDIT_MAX_BYTES (64u << 20)
#define TAG_LOG_NUMBER 2

/* v: a varint; s: a varint length and so many bytes. */
static const char *const edit_fields[] = {
    [1] = "s",              /* comparator's name */
    [TAG_LOG_NUMBER] = "v", /* oldest log that is needed */
    [3] = "v",              /* next file number */
    [4] = "v",              /* last sequence */
    [5] = "vs",             /* compact pointer: level, key */
    [6] = "vv",             /* deleted file: level, number */
    [7] = "vvvss",          /* new file: level, number, size, key, key */
    [9] = "v",              /* previous log: always 0 since 2011 */
};
#define EDIT_TAGS (sizeof(edit_fields) / sizeof(edit_fields[0]))

static bool take_varint(slice *in, uint64_t *value)
{
    size_t len = num_get_varint(*in, value);

    if (len == 0)
        return false;
    *in = slice_make(in->data + len, in->len - len);
    return true;
}

/* Steps over one tag's fields; *value is the last varint among them. */
static bool take_fields(slice *in, const char *fields, uint64_t *value)
{
    for (; *fields; fields++) {
        if (!take_varint(in, value))
            return false;
        if (*fields == 's') {
            if (*value > in->len)
                return false;
            *in = slice_make(in->data + *value, in->len - (size_t)*value);
        }
    }
    return true;
}

/* False when the edit is not understood. */
static bool edit_read(slice edit, uint64_t *log_number)
{
    while (edit.len > 0) {
        uint64_t tag;
        uint64_t value = 0;
        if (!take_varint(&edit, &tag) || tag >= EDIT_TAGS || !edit_fields[tag])
            return false;
        if (!take_fields(&edit, edit_fields[tag], &value))
            return false;
        if (tag == TAG_LOG_NUMBER)
            *log_number = value;
    }
    return true;
}

/* Adds a fragment to the edit; reads the edit once it is whole. False: stop. */
static bool edit_add(struct buf *edit, const struct log_fragment *fragment,
                     uint64_t *log_number)
{
    if (fragment->type == LOG_FRAGMENT_FULL ||
        fragment->type == LOG_FRAGMENT_FIRST)
        buf_clear(edit);
    if (buf_append(edit, fragment->payload.data, fragment->payload.len))
        return false;
    if (fragment->type == LOG_FRAGMENT_FULL ||
        fragment->type == LOG_FRAGMENT_LAST)
        return edit_read(buf_slice(edit), log_number);
    return true;
}

static err_t manifest_scan(struct logread *reader, uint64_t *log_number,
                           struct err_text *why)
{
    struct buf          edit;
    struct log_fragment fragment = { 0 };
    bool                more = true;
    err_t               err = ERR_OK;

    buf_init(&edit, EDIT_MAX_BYTES);
    for (uint64_t start = 0; more && start < reader->file_bytes;
         start += LOG_BLOCK_BYTES) {
        err = logread_block(reader, start, why);
        if (err)
            break;
        for (size_t at = 0; more && !logread_in_trailer(at);) {
            more = logread_fragment(reader, at, &fragment) == NULL &&
                   edit_add(&edit, &fragment, log_number);
            at += LOG_HEADER_BYTES + fragment.payload.len;
        }
    }
    buf_deinit(&edit);
    return err;
}

/* CURRENT holds one line, the MANIFEST's name. */
static err_t current_read(int data_fd, char *name, size_t size,
                          struct err_text *why)
{
    int fd = openat(data_fd, "CURRENT", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                       "cannot open data/CURRENT: %s", strerror(errno));
    ssize_t len = read(fd, name, size - 1);
    int     saved_errno = errno;
    close(fd);
    if (len < 0)
        return err_set(why, ERR_IO, "cannot read data/CURRENT: %s",
                       strerror(saved_errno));
    name[len] = 0;
    if (len < 2 || name[len - 1] != '\n' || strchr(name, '/') ||
        strncmp(name, "MANIFEST-", 9) != 0)
        return err_set(why, ERR_CORRUPT,
                       "data/CURRENT names no MANIFEST: restore a backup, or "
                       "run LevelDB's repair on a copy");
    name[len - 1] = 0;
    return ERR_OK;
}

err_t manifest_first_log(int data_fd, uint64_t *out_number,
                         struct err_text *why)
{
    struct logread *reader;
    char            name[64];

    *out_number = 0;
    err_t err = current_read(data_fd, name, sizeof(name), why);
    if (err)
        return err;
    err = logread_open(data_fd, name, &reader, why);
    if (err == ERR_NOT_FOUND)
        return err_set(why, ERR_CORRUPT,
                       "data/%s is missing, though data/CURRENT names it: "
                       "restore a backup, or run LevelDB's repair on a copy",
                       name);
    if (err)
        return err;
    err = manifest_scan(reader, out_number, why);
    logread_close(reader);
    return err;
}
