/* logread.h - reads the fragments of a file in LevelDB's log format (*.log and
 * MANIFEST-*), damaged or not.
 *
 * The format (LevelDB's doc/log_format.md): blocks of 32 KB. In a block stand
 * fragments: masked crc32c (4 bytes, over type and payload), length (2), type
 * (1), payload; numbers are little endian. A record is one FULL fragment, or
 * FIRST, MIDDLE ..., LAST. No fragment crosses a block's end; the last 0 to 6
 * bytes of a block are a trailer that means nothing.
 *
 * Threads  one reader, one thread. */
#ifndef STORE_LOGREAD_H
#define STORE_LOGREAD_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "store/crc32c.h"

#define LOG_BLOCK_BYTES  32768
#define LOG_HEADER_BYTES 7

enum log_fragment_type {
    LOG_FRAGMENT_FULL = 1,
    LOG_FRAGMENT_FIRST = 2,
    LOG_FRAGMENT_MIDDLE = 3,
    LOG_FRAGMENT_LAST = 4
};

struct log_fragment {
    enum log_fragment_type type;
    uint64_t               offset;  /* of its header in the file */
    slice                  payload; /* valid until the next block is read */
};

struct logread {
    int           fd;
    uint64_t      file_bytes;
    uint64_t      block_start; /* of the block in memory, in the file */
    size_t        block_len;   /* shorter than a block at the end only */
    struct crc32c crc;
    char          block[LOG_BLOCK_BYTES];
};

/* On the heap: it is 40 KB. */
err_t logread_open(int dir_fd, const char *name, struct logread **out,
                   struct err_text *why);
void  logread_close(struct logread *reader); /* NULL fine */

/* Reads the block that begins at start (a multiple of LOG_BLOCK_BYTES, below
 * file_bytes). */
err_t logread_block(struct logread *reader, uint64_t start,
                    struct err_text *why);

/* The fragment at this place of the block in memory. NULL if it is whole and
 * right, else what is wrong with it, in a few words. */
const char *logread_fragment(const struct logread *reader, size_t at,
                             struct log_fragment *out);

/* True when at stands in the block's trailer: nothing more follows in it. */
static inline bool logread_in_trailer(size_t at)
{
    return LOG_BLOCK_BYTES - at < LOG_HEADER_BYTES;
}

static inline uint64_t log_get_le(const char *in, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | (uint8_t)in[i];
    return value;
}

#endif
