/* buf.c - growing by doubling at first, by a quarter when large.
 *
 * Either way a byte is copied a constant number of times on average. Doubling
 * is quicker while a buffer is small; past a megabyte it would leave up to
 * half of the memory that is charged unused, which hurts under a hard limit.
 *
 * Capacity never passes max_len, so the owner's charge has a known maximum.
 * There is no shrinking: an owner that wants its memory back calls
 * buf_deinit, the buffer is usable afterwards.
 *
 * buf_consume moves what is left to the front. That is cheap when it is called
 * once for all that was used up, and quadratic when it is called for every
 * message in a long pipeline: keep a position, consume at the end. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

#define CAPACITY_MIN 64
#define LARGE_BYTES  ((size_t)1024 * 1024)

void buf_init(struct buf *buf, size_t max_len)
{
    *buf = (struct buf){ .max_len = max_len };
}

void buf_deinit(struct buf *buf)
{
    mem_free(buf->data);
    buf_init(buf, buf->max_len);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
}

static size_t grown_capacity(const struct buf *buf, size_t needed)
{
    size_t step =
        buf->capacity < LARGE_BYTES ? buf->capacity : buf->capacity / 4;
    size_t capacity = CAPACITY_MIN;

    if (buf->capacity <= SIZE_MAX - step && capacity < buf->capacity + step)
        capacity = buf->capacity + step;
    if (capacity < needed)
        capacity = needed;
    return capacity < buf->max_len ? capacity : buf->max_len;
}

err_t buf_reserve(struct buf *buf, size_t extra)
{
    ASSERT(buf->len <= buf->capacity);
    ASSERT(buf->capacity <= buf->max_len);

    if (extra <= buf->capacity - buf->len)
        return ERR_OK;
    if (extra > buf->max_len - buf->len)
        return ERR_LIMIT;
    buf->capacity = grown_capacity(buf, buf->len + extra);
    buf->data = mem_realloc(buf->data, buf->capacity);
    return ERR_OK;
}

err_t buf_append(struct buf *buf, const void *data, size_t len)
{
    if (len == 0)
        return ERR_OK;
    err_t err = buf_reserve(buf, len);
    if (err)
        return err;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return ERR_OK;
}

err_t buf_append_byte(struct buf *buf, uint8_t byte)
{
    return buf_append(buf, &byte, 1);
}

/* Text that did not fit on the stack. A block of its own, because the NUL
 * that vsnprintf writes may have no room below max_len. */
static err_t append_long(struct buf *buf, size_t len, const char *format,
                         va_list arguments)
{
    if (len > buf->max_len - buf->len)
        return ERR_LIMIT;
    char *text = mem_alloc(len + 1);
    (void)vsnprintf(text, len + 1, format, arguments);
    err_t err = buf_append(buf, text, len);
    mem_free(text);
    return err;
}

err_t buf_printf(struct buf *buf, const char *format, ...)
{
    char    text[256];
    va_list arguments;
    err_t   err;

    va_start(arguments, format);
    int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ASSERT(len >= 0);
    if ((size_t)len < sizeof(text))
        return buf_append(buf, text, (size_t)len);

    va_start(arguments, format);
    err = append_long(buf, (size_t)len, format, arguments);
    va_end(arguments);
    return err;
}

void buf_consume(struct buf *buf, size_t len)
{
    ASSERT(len <= buf->len);

    buf->len -= len;
    if (len > 0 && buf->len > 0)
        memmove(buf->data, buf->data + len, buf->len);
}
