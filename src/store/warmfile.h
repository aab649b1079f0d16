/* warmfile.h - a file beside the store, ds-path/DISKSTORE.warm: the names of
 * what was hot in memory, for the next start (db/warmup.c).
 *
 * It is a hint and no data. So it is not part of a cut, is never synced, and
 * whatever is wrong with it means that there is none: it is refused as a whole
 * unless its directory and its length are right, and each block has a checksum.
 * A new one is written beside it and takes its place when it is complete.
 * docs/FORMAT.md has the bytes; what stands in a block is the caller's.
 *
 * Ownership  one struct for one file, being written or being read;
 *            warmfile_close ends either, and removes what is not finished.
 * Bounds     WARMFILE_BLOCKS blocks of WARMFILE_BLOCK_MAX bytes.
 * Threads    any, one at a time.
 * Errors     ERR_NOT_FOUND: there is none. ERR_CORRUPT, ERR_FORMAT: it is of
 *            no use. ERR_LIMIT: full.
 */
#ifndef STORE_WARMFILE_H
#define STORE_WARMFILE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define WARMFILE_NAME      "DISKSTORE.warm"
#define WARMFILE_BLOCKS    ((size_t)16384)
#define WARMFILE_BLOCK_MAX ((size_t)1024 * 1024)

struct warmfile_block {
    uint64_t offset;
    uint32_t len, count; /* bytes, names */
    uint32_t checksum;
    uint8_t  level;      /* 0: the hottest */
};

struct warmfile {
    int      fd;         /* -1: none */
    char    *path;       /* owned; while it is written: of the new one */
    char    *final_path; /* owned; NULL: it is read */
    struct warmfile_block *blocks; /* read: the hottest first */
    size_t   count, capacity;
    uint64_t end;        /* of the blocks */
    uint64_t names;      /* in all blocks */
};

/* Nothing is open; warmfile_close is fine. */
void warmfile_init(struct warmfile *file);
/* directory is ds-path. ERR_NO_SPACE: there is not much more room on the disk
 * than the most_bytes that the file may have; the store needs it. */
err_t warmfile_create(struct warmfile *file, const char *directory,
                      uint64_t most_bytes, struct err_text *why);
err_t warmfile_add(struct warmfile *file, unsigned level, uint32_t count,
                   slice names, struct err_text *why);
/* It takes the place of the old one, and is closed. */
err_t warmfile_finish(struct warmfile *file, struct err_text *why);
err_t warmfile_open(struct warmfile *file, const char *directory,
                    struct err_text *why);
/* Appends what stands in that block to out. */
err_t warmfile_read(struct warmfile *file, size_t block, struct buf *out,
                    struct err_text *why);
void  warmfile_close(struct warmfile *file);

/* Bytes of memory that it holds. */
size_t warmfile_bytes(const struct warmfile *file);

#endif
