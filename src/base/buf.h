/* buf.h - a growing byte buffer that is born with its maximum.
 *
 * Ownership  buf owns its bytes; buf_deinit frees them.
 * Errors     appending past max_len returns ERR_LIMIT and changes nothing.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct buf {
    char  *data; /* NULL while capacity is 0 */
    size_t len;
    size_t capacity;
    size_t max_len;
};

void  buf_init(struct buf *buf, size_t max_len);
void  buf_deinit(struct buf *buf); /* free the bytes; usable again, empty */
void  buf_clear(struct buf *buf);  /* len = 0, keeps the capacity */
err_t buf_reserve(struct buf *buf, size_t extra); /* room for extra more */
err_t buf_append(struct buf *buf, const void *data, size_t len);
err_t buf_append_byte(struct buf *buf, uint8_t byte);
err_t buf_printf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void  buf_consume(struct buf *buf, size_t len); /* drop from the front */

static inline slice buf_slice(const struct buf *buf)
{
    return slice_make(buf->data ? buf->data : "", buf->len);
}

#endif
