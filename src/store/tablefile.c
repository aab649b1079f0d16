/* tablefile.c - checks footer, index, metaindex and filter of one table.
 *
 * Every block is followed by its type (1 byte, is it compressed) and a masked
 * crc32c over block and type. The handles in footer and metaindex have no
 * checksum; but LevelDB writes the four parts one right behind the other up to
 * the end of the file, and a handle that does not fit in there is a bad one.
 * A wrong handle that fits leads to a wrong checksum.
 *
 * The metaindex has one entry, so it is never compressed (that would not make
 * it smaller). Should it be, or be of another shape, the filter can't be
 * found, and counts as bad. */
#include "store/tablefile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/slice.h"
#include "store/logread.h"

#define FOOTER_BYTES    48
#define MAGIC_AT        40
#define MAGIC           UINT64_C(0xdb4775248b80fb57)
#define TRAILER_BYTES   5
#define PIECE_BYTES     ((size_t)32 * 1024)
#define METAINDEX_BYTES 1024 /* ours have about 60 */
#define FILTER_NAME     "filter.leveldb.BuiltinBloomFilter2"

struct handle {
    uint64_t offset, bytes;
};

/* One table being verified. */
struct table {
    int                      fd;
    uint64_t                 bytes;
    const struct crc32c     *crc;
    struct tablefile_report *report;
    char                     piece[PIECE_BYTES];
};

/* --- reading ------------------------------------------------------------- */

/* False, and noted in the report: the part is bad. */
static bool bad(struct table *table, enum tablefile_state state,
                const char *part, uint64_t offset, const char *problem)
{
    *table->report = (struct tablefile_report){
        .state = state, .part = part, .problem = problem, .offset = offset
    };
    return false;
}

/* NULL: len bytes are in table->piece; else what went wrong. */
static const char *read_piece(struct table *table, uint64_t offset, size_t len)
{
    size_t got = 0;

    while (got < len) {
        ssize_t n = pread(table->fd, table->piece + got, len - got,
                          (off_t)(offset + got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return "can't be read";
        if (n == 0)
            return "the file is too short";
        got += (size_t)n;
    }
    return NULL;
}

static bool take_handle(slice *in, struct handle *out)
{
    uint64_t *numbers[] = { &out->offset, &out->bytes };

    for (int i = 0; i < 2; i++) {
        size_t len = num_get_varint(*in, numbers[i]);
        if (len == 0)
            return false;
        *in = slice_make(in->data + len, in->len - len);
    }
    return true;
}

/* Does the block, with its trailer, end at `end`? */
static bool ends_at(const struct handle *block, uint64_t end)
{
    return block->offset <= end && block->bytes <= end - block->offset &&
           end - block->offset - block->bytes == TRAILER_BYTES;
}

/* NULL, or what is wrong with the block. */
static const char *check_block(struct table *table, const struct handle *block)
{
    uint64_t left = block->bytes + 1; /* with its type */
    uint64_t at = block->offset;
    uint32_t actual = 0;

    while (left > 0) {
        size_t      len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        const char *problem = read_piece(table, at, len);
        if (problem != NULL)
            return problem;
        actual = crc32c_extend(table->crc, actual, table->piece, len);
        at += len;
        left -= len;
    }
    const char *problem = read_piece(table, at, 4);
    if (problem != NULL)
        return problem;
    return log_get_le(table->piece, 4) == crc32c_mask(actual) ? NULL
                                                              : "bad checksum";
}

/* --- the parts ----------------------------------------------------------- */

static bool check_footer(struct table *table, struct handle *meta,
                         struct handle *index)
{
    uint64_t    at = table->bytes - FOOTER_BYTES;
    const char *problem = "the file is too short";

    if (table->bytes < FOOTER_BYTES)
        return bad(table, TABLEFILE_BAD_INDEX, "footer", 0, problem);
    problem = read_piece(table, at, FOOTER_BYTES);
    if (problem != NULL)
        return bad(table, TABLEFILE_BAD_INDEX, "footer", at, problem);
    slice handles = slice_make(table->piece, MAGIC_AT);
    if (log_get_le(table->piece + MAGIC_AT, 8) != MAGIC)
        return bad(table, TABLEFILE_BAD_INDEX, "footer", at, "bad magic");
    if (!take_handle(&handles, meta) || !take_handle(&handles, index) ||
        !ends_at(index, at) || !ends_at(meta, index->offset))
        return bad(table, TABLEFILE_BAD_INDEX, "footer", at, "bad handle");
    return true;
}

/* One entry of a block: length shared with the key before, of the rest, of the
 * value; the rest of the key; the value. The first key shares nothing. */
static bool take_entry(slice *in, slice *key, slice *value)
{
    uint64_t lens[3];

    for (int i = 0; i < 3; i++) {
        size_t used = num_get_varint(*in, &lens[i]);
        if (used == 0)
            return false;
        *in = slice_make(in->data + used, in->len - used);
    }
    if (lens[0] != 0 || lens[1] > in->len || lens[2] > in->len - lens[1])
        return false;
    *key = slice_make(in->data, (size_t)lens[1]);
    *value = slice_make(in->data + lens[1], (size_t)lens[2]);
    *in = slice_make(value->data + value->len,
                     in->len - key->len - value->len);
    return true;
}

enum filter { FILTER_NONE, FILTER_FOUND, FILTER_LOST };

/* Behind the entries stand the offsets of restarts and their number, 4 bytes
 * each. A table without a filter has no entry and one restart. */
static enum filter find_filter(struct table *table, const struct handle *meta,
                               struct handle *filter)
{
    slice key, value;

    if (meta->bytes < 8 || meta->bytes > METAINDEX_BYTES ||
        read_piece(table, meta->offset, (size_t)meta->bytes + 1) != NULL)
        return FILTER_LOST;
    bool  is_plain = table->piece[meta->bytes] == 0;
    slice in = slice_make(table->piece, (size_t)meta->bytes - 8);
    if (is_plain && in.len == 0)
        return FILTER_NONE;
    if (!is_plain || !take_entry(&in, &key, &value) ||
        !slice_equal(key, SLICE_LITERAL(FILTER_NAME)) ||
        !take_handle(&value, filter) || !ends_at(filter, meta->offset))
        return FILTER_LOST;
    return FILTER_FOUND;
}

static bool check_part(struct table *table, enum tablefile_state state,
                       const char *part, const struct handle *block)
{
    const char *problem = check_block(table, block);

    return problem == NULL || bad(table, state, part, block->offset, problem);
}

/* The worst is looked for first. */
static bool check_parts(struct table *table)
{
    struct handle meta, index, filter;

    if (!check_footer(table, &meta, &index) ||
        !check_part(table, TABLEFILE_BAD_INDEX, "index block", &index) ||
        !check_part(table, TABLEFILE_BAD_INDEX, "metaindex block", &meta))
        return false;
    switch (find_filter(table, &meta, &filter)) {
    case FILTER_NONE:
        return true;
    case FILTER_FOUND:
        return check_part(table, TABLEFILE_BAD_FILTER, "filter block",
                          &filter);
    case FILTER_LOST:
        break;
    }
    return bad(table, TABLEFILE_BAD_FILTER, "filter block", meta.offset,
               "its place is not known");
}

/* --- names --------------------------------------------------------------- */

#define ASIDE ".damaged"

static const char *const suffixes[] = { "ldb", "sst" };

static char *make_name(uint64_t number, int suffix,
                       char out[TABLEFILE_NAME_CHARS])
{
    snprintf(out, TABLEFILE_NAME_CHARS, "%06" PRIu64 ".%s", number,
             suffixes[suffix]);
    return out;
}

static char *make_aside_name(const char *name, char out[TABLEFILE_NAME_CHARS])
{
    snprintf(out, TABLEFILE_NAME_CHARS, "%.24s" ASIDE, name);
    return out;
}

static bool file_is_there(int data_fd, const char *name)
{
    return faccessat(data_fd, name, F_OK, 0) == 0 || errno != ENOENT;
}

bool tablefile_name(int data_fd, uint64_t number,
                    char out[TABLEFILE_NAME_CHARS])
{
    char aside[TABLEFILE_NAME_CHARS];

    for (int i = 0; i < 2; i++)
        if (file_is_there(data_fd, make_name(number, i, out)) ||
            file_is_there(data_fd, make_aside_name(out, aside)))
            return true;
    make_name(number, 0, out);
    return false;
}

bool tablefile_set_aside(int data_fd, uint64_t number)
{
    char name[TABLEFILE_NAME_CHARS], aside[TABLEFILE_NAME_CHARS];

    for (int i = 0; i < 2; i++) {
        make_aside_name(make_name(number, i, name), aside);
        if (renameat(data_fd, name, data_fd, aside) == 0)
            return true;
    }
    return false;
}

/* "000012.ldb.damaged" -> "000012.ldb", 12. */
static bool parse_aside(const char *file, char name[TABLEFILE_NAME_CHARS],
                        uint64_t *number)
{
    char   other[TABLEFILE_NAME_CHARS];
    size_t digits = strspn(file, "0123456789");

    if (digits == 0 || digits > 15)
        return false;
    *number = strtoull(file, NULL, 10);
    for (int i = 0; i < 2; i++)
        if (strcmp(make_aside_name(make_name(*number, i, name), other),
                   file) == 0)
            return true;
    return false;
}

err_t tablefile_bring_back(int data_fd,
                           void (*on_back)(void *arg, uint64_t number),
                           void *arg, struct err_text *why)
{
    int  fd = openat(data_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    char name[TABLEFILE_NAME_CHARS];

    if (dir == NULL) {
        err_set(why, ERR_IO, "cannot list data/: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    for (struct dirent *file; (file = readdir(dir)) != NULL;) {
        uint64_t number;
        if (parse_aside(file->d_name, name, &number) &&
            !file_is_there(data_fd, name) &&
            renameat(data_fd, file->d_name, data_fd, name) == 0)
            on_back(arg, number);
    }
    closedir(dir);
    return ERR_OK;
}

/* --- the file ------------------------------------------------------------ */

err_t tablefile_verify(int data_fd, uint64_t number, uint64_t bytes,
                       const struct crc32c     *crc,
                       struct tablefile_report *out, struct err_text *why)
{
    char name[TABLEFILE_NAME_CHARS];
    int  fd = -1;

    *out = (struct tablefile_report){ .state = TABLEFILE_GONE };
    for (int i = 0; i < 2 && fd < 0; i++) {
        fd = openat(data_fd, make_name(number, i, name), O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno != ENOENT)
            return err_set(why, ERR_IO, "cannot open data/%s: %s", name,
                           strerror(errno));
    }
    if (fd < 0)
        return ERR_OK;
    struct table *table = mem_alloc(sizeof(*table));
    table->fd = fd;
    table->bytes = bytes;
    table->crc = crc;
    table->report = out;
    if (check_parts(table))
        out->state = TABLEFILE_GOOD;
    mem_free(table);
    close(fd);
    return ERR_OK;
}
