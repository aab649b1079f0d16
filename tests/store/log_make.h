/* log_make.h - writes files in LevelDB's log format, right ones and others. */
#ifndef LOG_MAKE_H
#define LOG_MAKE_H

#include "base/buf.h"
#include "store/crc32c.h"

#define BLOCK_BYTES 32768
#define HEAD_BYTES  7

static inline void put_le(char *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (char)(value >> (8 * i));
}

static inline void add_fragment(struct buf *log, uint8_t type, slice payload)
{
    struct crc32c crc;
    char         *body = mem_alloc(payload.len + 1);
    char          head[HEAD_BYTES];

    crc32c_init(&crc);
    body[0] = (char)type;
    memcpy(body + 1, payload.data, payload.len);
    put_le(head, crc32c_mask(crc32c_of(&crc, body, payload.len + 1)), 4);
    put_le(head + 4, payload.len, 2);
    head[6] = (char)type;
    assert_int_equal(buf_append(log, head, HEAD_BYTES), ERR_OK);
    assert_int_equal(buf_append(log, payload.data, payload.len), ERR_OK);
    mem_free(body);
}

/* As LevelDB's log_writer does: trailer of zeros, fragments up to a block's
 * end, also an empty FIRST when exactly a header fits. */
static inline void add_payload(struct buf *log, slice payload)
{
    bool first = true;

    do {
        size_t left = BLOCK_BYTES - log->len % BLOCK_BYTES;
        if (left < HEAD_BYTES) {
            assert_int_equal(buf_append(log, "\0\0\0\0\0\0", left), ERR_OK);
            left = BLOCK_BYTES;
        }
        size_t len = left - HEAD_BYTES;
        bool   last = payload.len <= len;
        if (last)
            len = payload.len;
        uint8_t type = first ? (last ? 1 : 2) : (last ? 4 : 3);
        add_fragment(log, type, slice_make(payload.data, len));
        payload = slice_make(payload.data + len, payload.len - len);
        first = false;
        if (last)
            break;
    } while (true);
}

#endif
