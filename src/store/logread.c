/* logread.c - fragments of LevelDB's log files; see the header for the format.
 *
 * One block is in memory at a time. What a bad fragment means is not decided
 * here: logcheck.c does that for *.log, manifest.c for MANIFEST-*. */
#include "store/logread.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"

err_t logread_open(int dir_fd, const char *name, struct logread **out,
                   struct err_text *why)
{
    struct stat status;
    int         fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                       "cannot open data/%s: %s", name, strerror(errno));
    if (fstat(fd, &status) != 0) {
        err_set(why, ERR_IO, "cannot stat data/%s: %s", name, strerror(errno));
        close(fd);
        return ERR_IO;
    }
    struct logread *reader = mem_alloc(sizeof(*reader));
    reader->fd = fd;
    reader->file_bytes = (uint64_t)status.st_size;
    reader->block_start = 0;
    reader->block_len = 0;
    crc32c_init(&reader->crc);
    *out = reader;
    return ERR_OK;
}

void logread_close(struct logread *reader)
{
    if (reader == NULL)
        return;
    close(reader->fd);
    mem_free(reader);
}

err_t logread_block(struct logread *reader, uint64_t start,
                    struct err_text *why)
{
    uint64_t left = reader->file_bytes - start;
    size_t   want = left < LOG_BLOCK_BYTES ? left : LOG_BLOCK_BYTES;
    size_t   got = 0;

    ASSERT(start % LOG_BLOCK_BYTES == 0);
    ASSERT(start < reader->file_bytes);
    while (got < want) {
        ssize_t n = pread(reader->fd, reader->block + got, want - got,
                          (off_t)(start + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(why, ERR_IO, "cannot read a log at byte %llu: %s",
                           (unsigned long long)(start + got), strerror(errno));
        if (n == 0)
            return err_set(why, ERR_IO, "a log shrank while it was read");
        got += (size_t)n;
    }
    reader->block_start = start;
    reader->block_len = want;
    return ERR_OK;
}

const char *logread_fragment(const struct logread *reader, size_t at,
                             struct log_fragment *out)
{
    ASSERT(at <= reader->block_len);
    if (reader->block_len - at < LOG_HEADER_BYTES)
        return "header cut short";

    const char *header = reader->block + at;
    size_t      len = (size_t)log_get_le(header + 4, 2);
    uint8_t     type = (uint8_t)header[6];
    if (type < LOG_FRAGMENT_FULL || type > LOG_FRAGMENT_LAST)
        return type == 0 && len == 0 ? "zeros" : "unknown record type";
    if (len > reader->block_len - at - LOG_HEADER_BYTES)
        return "record cut short";

    uint32_t stored = (uint32_t)log_get_le(header, 4);
    uint32_t actual = crc32c_of(&reader->crc, header + 6, 1 + len);
    if (stored != crc32c_mask(actual))
        return "bad checksum";
    out->type = (enum log_fragment_type)type;
    out->offset = reader->block_start + at;
    out->payload = slice_make(header + LOG_HEADER_BYTES, len);
    return NULL;
}
