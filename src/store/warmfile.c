/* warmfile.c - blocks as they come, then a directory of them, then a foot that
 * says how long the directory is. Whoever reads begins at the foot: a file that
 * is cut off anywhere has none. */
#include "store/warmfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"

#define HEAD       "diskstore warm 1"
#define HEAD_BYTES 16
#define NOTE_BYTES 13 /* of a block, in the directory */
#define FOOT_BYTES 12
#define FOOT_MARK  "warm"
/* The disk must have room for so many of them. */
#define ROOM_TIMES 4

void warmfile_init(struct warmfile *file)
{
    *file = (struct warmfile){ .fd = -1 };
}

static char *join_path(const char *directory, const char *ending)
{
    size_t size =
        strlen(directory) + sizeof("/" WARMFILE_NAME) + strlen(ending);
    char *path = mem_alloc(size);
    snprintf(path, size, "%s/" WARMFILE_NAME "%s", directory, ending);
    return path;
}

void warmfile_close(struct warmfile *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->fd >= 0 && file->final_path != NULL)
        unlink(file->path);
    mem_free(file->path);
    mem_free(file->final_path);
    mem_free(file->blocks);
    warmfile_init(file);
}

size_t warmfile_bytes(const struct warmfile *file)
{
    return file->capacity * sizeof(*file->blocks);
}

static err_t failed(const struct warmfile *file, const char *what,
                    struct err_text *why)
{
    int failure = errno;
    return err_set(why, failure == ENOSPC ? ERR_NO_SPACE : ERR_IO,
                   "cannot %s %.120s: %s", what, file->path,
                   failure != 0 ? strerror(failure) : "cut off");
}

/* --- writing ------------------------------------------------------------- */

static err_t write_all(struct warmfile *file, const void *data, size_t len,
                       uint64_t offset, struct err_text *why)
{
    const char *bytes = data;
    while (len > 0) {
        ssize_t done = pwrite(file->fd, bytes, len, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return failed(file, "write", why);
        bytes += done;
        offset += (uint64_t)done;
        len -= (size_t)done;
    }
    return ERR_OK;
}

static bool has_room(const char *directory, uint64_t most_bytes)
{
    struct statvfs disk;
    return statvfs(directory, &disk) != 0 ||
           (uint64_t)disk.f_bavail * disk.f_frsize >= ROOM_TIMES * most_bytes;
}

err_t warmfile_create(struct warmfile *file, const char *directory,
                      uint64_t most_bytes, struct err_text *why)
{
    ASSERT(file->fd < 0 && file->path == NULL);
    file->path = join_path(directory, ".new");
    file->final_path = join_path(directory, "");
    unlink(file->path); /* of one that was killed */
    if (!has_room(directory, most_bytes))
        return err_set(why, ERR_NO_SPACE, "the disk of %.120s is nearly full",
                       file->path);
    file->fd = open(file->path,
                    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file->fd < 0)
        return failed(file, "create", why);
    file->end = HEAD_BYTES;
    return write_all(file, HEAD, HEAD_BYTES, 0, why);
}

static struct warmfile_block *block_new(struct warmfile *file)
{
    if (file->count == file->capacity) {
        file->capacity = file->capacity > 0 ? file->capacity * 2 : 16;
        file->blocks = mem_realloc(file->blocks,
                                   file->capacity * sizeof(*file->blocks));
    }
    return &file->blocks[file->count++];
}

/* Its place counts too: a block that stands elsewhere is a wrong one. */
static uint32_t checksum_of(uint64_t offset, slice names)
{
    uint8_t place[8];
    num_put_be64(place, offset);
    return hash_checksum(slice_make(place, sizeof(place)), names);
}

err_t warmfile_add(struct warmfile *file, unsigned level, uint32_t count,
                   slice names, struct err_text *why)
{
    ASSERT(file->final_path != NULL);
    ASSERT(names.len > 0 && names.len <= WARMFILE_BLOCK_MAX && level < 256);
    if (file->count == WARMFILE_BLOCKS)
        return err_set(why, ERR_LIMIT, "%.120s has too many blocks",
                       file->path);
    err_t err = write_all(file, names.data, names.len, file->end, why);
    if (err != ERR_OK)
        return err;
    *block_new(file) = (struct warmfile_block){
        .offset = file->end,
        .len = (uint32_t)names.len,
        .count = count,
        .checksum = checksum_of(file->end, names),
        .level = (uint8_t)level,
    };
    file->end += names.len;
    file->names += count;
    return ERR_OK;
}

static void put_note(uint8_t *out, const struct warmfile_block *block)
{
    out[0] = block->level;
    num_put_be32(out + 1, block->count);
    num_put_be32(out + 5, block->len);
    num_put_be32(out + 9, block->checksum);
}

err_t warmfile_finish(struct warmfile *file, struct err_text *why)
{
    ASSERT(file->final_path != NULL);
    size_t   notes = file->count * NOTE_BYTES;
    uint8_t *tail = mem_alloc(notes + FOOT_BYTES);
    for (size_t i = 0; i < file->count; i++)
        put_note(tail + i * NOTE_BYTES, &file->blocks[i]);
    num_put_be32(tail + notes, (uint32_t)file->count);
    num_put_be32(tail + notes + 4,
                 checksum_of(file->end, slice_make(tail, notes + 4)));
    memcpy(tail + notes + 8, FOOT_MARK, 4);
    err_t err = write_all(file, tail, notes + FOOT_BYTES, file->end, why);
    mem_free(tail);
    if (err == ERR_OK && rename(file->path, file->final_path) != 0)
        err = failed(file, "rename", why);
    if (err == ERR_OK) {
        close(file->fd);
        file->fd = -1; /* so that nothing is removed */
    }
    warmfile_close(file);
    return err;
}

/* --- reading ------------------------------------------------------------- */

static err_t read_all(struct warmfile *file, void *data, size_t len,
                      uint64_t offset, struct err_text *why)
{
    char *bytes = data;
    while (len > 0) {
        errno = 0;
        ssize_t done = pread(file->fd, bytes, len, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return failed(file, "read", why);
        bytes += done;
        offset += (uint64_t)done;
        len -= (size_t)done;
    }
    return ERR_OK;
}

static err_t corrupt(const struct warmfile *file, struct err_text *why)
{
    return err_set(why, ERR_CORRUPT, "%.120s is damaged", file->path);
}

static bool take_note(struct warmfile *file, const uint8_t *note)
{
    struct warmfile_block block = { .offset = file->end,
                                    .level = note[0],
                                    .count = num_get_be32(note + 1),
                                    .len = num_get_be32(note + 5),
                                    .checksum = num_get_be32(note + 9) };
    if (block.len == 0 || block.len > WARMFILE_BLOCK_MAX ||
        block.count > block.len)
        return false;
    *block_new(file) = block;
    file->end += block.len;
    file->names += block.count;
    return true;
}

/* The directory of `count` blocks, which ends at the foot. */
static err_t read_notes(struct warmfile *file, const uint8_t *foot,
                        size_t count, uint64_t size, struct err_text *why)
{
    size_t notes = count * NOTE_BYTES;
    if (size < HEAD_BYTES + notes + FOOT_BYTES)
        return corrupt(file, why);
    uint64_t at = size - FOOT_BYTES - notes;
    uint8_t *bytes = mem_alloc(notes + 4);
    err_t    err = read_all(file, bytes, notes + 4, at, why);
    if (err == ERR_OK && checksum_of(at, slice_make(bytes, notes + 4)) !=
                             num_get_be32(foot + 4))
        err = corrupt(file, why);
    for (size_t i = 0; i < count && err == ERR_OK; i++)
        if (!take_note(file, bytes + i * NOTE_BYTES))
            err = corrupt(file, why);
    mem_free(bytes);
    return err == ERR_OK && file->end != at ? corrupt(file, why) : err;
}

static int compare_blocks(const void *a, const void *b)
{
    const struct warmfile_block *one = a, *other = b;
    if (one->level != other->level)
        return one->level < other->level ? -1 : 1;
    return one->offset < other->offset ? -1 : one->offset > other->offset;
}

static err_t read_directory(struct warmfile *file, struct err_text *why)
{
    struct stat stat;
    char        head[HEAD_BYTES];
    uint8_t     foot[FOOT_BYTES];
    if (fstat(file->fd, &stat) != 0)
        return failed(file, "read", why);
    if (!S_ISREG(stat.st_mode) || stat.st_size < HEAD_BYTES + FOOT_BYTES)
        return corrupt(file, why);
    uint64_t size = (uint64_t)stat.st_size;
    err_t    err = read_all(file, head, sizeof(head), 0, why);
    if (err == ERR_OK && memcmp(head, HEAD, HEAD_BYTES) != 0)
        return err_set(why, ERR_FORMAT, "%.120s is of another format",
                       file->path);
    if (err == ERR_OK)
        err = read_all(file, foot, sizeof(foot), size - FOOT_BYTES, why);
    if (err != ERR_OK)
        return err;
    size_t count = num_get_be32(foot);
    if (memcmp(foot + 8, FOOT_MARK, 4) != 0 || count > WARMFILE_BLOCKS)
        return corrupt(file, why);
    file->end = HEAD_BYTES;
    err = read_notes(file, foot, count, size, why);
    if (err == ERR_OK && file->count > 0)
        qsort(file->blocks, file->count, sizeof(*file->blocks),
              compare_blocks);
    return err;
}

err_t warmfile_open(struct warmfile *file, const char *directory,
                    struct err_text *why)
{
    ASSERT(file->fd < 0 && file->path == NULL);
    file->path = join_path(directory, "");
    file->fd =
        open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file->fd < 0 && errno == ENOENT)
        return ERR_NOT_FOUND;
    if (file->fd < 0)
        return failed(file, "open", why);
    return read_directory(file, why);
}

err_t warmfile_read(struct warmfile *file, size_t block, struct buf *out,
                    struct err_text *why)
{
    ASSERT(block < file->count);
    const struct warmfile_block *note = &file->blocks[block];
    err_t err = buf_reserve(out, note->len);
    ASSERT(err == ERR_OK);
    char *at = out->data + out->len;
    err = read_all(file, at, note->len, note->offset, why);
    if (err == ERR_OK && checksum_of(note->offset, slice_make(at, note->len)) !=
                             note->checksum)
        err = corrupt(file, why);
    if (err == ERR_OK)
        out->len += note->len;
    return err;
}
