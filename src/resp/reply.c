/* reply.c - the RESP writer.
 *
 * Every append works alike: reply_room makes room for the most that it can
 * need, in one test, and lends a pointer; the bytes are put there with plain
 * stores; reply_commit says how far they go. Digits are written by hand and in
 * pairs, and what is always the same (+OK, $-1, CR LF, small integers) is
 * copied as constants of known size, which compile to one or two moves.
 *
 * A muted reply lends no room, and the callers of reply_room then do nothing;
 * so muting is decided in one place.
 *
 * A header whose count is not known yet gets the four bytes of the shortest
 * one ("*0\r\n"). If it becomes longer, what has been written behind it moves
 * up. That costs one memmove of a reply whose elements were written one by one
 * before, and saves a list of pieces and a gap to be sent around.
 *
 * Redis turns CR and LF within an error into spaces and drops those at its
 * end, because command names and arguments of clients are quoted in errors.
 *
 * What this file does not do: limit the pending bytes, send, or know commands.
 */
#include "resp/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"

#define FIRST_CAPACITY  512
#define DOUBLING_MAX    ((size_t)1 << 20) /* above, grow by half */
#define HEADER_MAX      24                /* mark, 20 digits, CR LF */
#define SHORTEST_HEADER 4                 /* mark, digit, CR LF */
#define FORMAT_GUESS    256
#define VERBATIM_PREFIX 4 /* "txt:" */

void reply_init(struct reply *reply)
{
    *reply = (struct reply){ .version = 2 };
}

static void drop_blobs(struct reply *reply)
{
    for (size_t i = 0; i < reply->blob_count; i++)
        blob_unref(reply->blobs[i].blob);
    mem_free(reply->blobs);
    reply->blobs = NULL;
    reply->blob_count = 0;
    reply->blob_capacity = 0;
    reply->blob_bytes = 0;
}

void reply_deinit(struct reply *reply)
{
    drop_blobs(reply);
    mem_free(reply->data);
    reply_init(reply);
}

void reply_clear(struct reply *reply, size_t keep_bytes)
{
    if (reply->blobs != NULL)
        drop_blobs(reply);
    reply->len = 0;
    if (reply->capacity <= keep_bytes)
        return;
    mem_free(reply->data);
    reply->data = keep_bytes > 0 ? mem_alloc(keep_bytes) : NULL;
    reply->capacity = keep_bytes;
}

void reply_cut(struct reply *reply, size_t len)
{
    ASSERT(len <= reply->len);
    ASSERT(reply->blob_count == 0 ||
           reply->blobs[reply->blob_count - 1].offset <= len);
    reply->len = len;
}

/* --- room ---------------------------------------------------------------- */

static __attribute__((noinline)) void reply_grow(struct reply *reply,
                                                 size_t        need)
{
    size_t least = reply->len + need;
    size_t capacity = reply->capacity < FIRST_CAPACITY ? FIRST_CAPACITY
                      : reply->capacity < DOUBLING_MAX
                          ? reply->capacity * 2
                          : reply->capacity + reply->capacity / 2;
    ASSERT(least >= need);
    if (capacity < least)
        capacity = least;
    reply->data = mem_realloc(reply->data, capacity);
    reply->capacity = capacity;
}

/* Where the next bytes go, with room for `need` of them; NULL when muted. */
static inline char *reply_room(struct reply *reply, size_t need)
{
    if (__builtin_expect(reply->muted, 0))
        return NULL;
    if (__builtin_expect(reply->capacity - reply->len < need, 0))
        reply_grow(reply, need);
    return reply->data + reply->len;
}

/* The bytes up to end have been written. */
static inline void reply_commit(struct reply *reply, const char *end)
{
    reply->len = (size_t)(end - reply->data);
}

/* --- the pieces of which replies are made -------------------------------- */

static const char digit_pairs[201] =
    "00010203040506070809101112131415161718192021222324"
    "25262728293031323334353637383940414243444546474849"
    "50515253545556575859606162636465666768697071727374"
    "75767778798081828384858687888990919293949596979899";

static inline size_t digit_count(uint64_t value)
{
    size_t count = 4; /* smaller ones do not come here */
    for (value /= 10000; value > 0; value /= 10)
        count++;
    return count;
}

/* 1000 and more: pairs from the right. */
static char *put_long_uint(char *at, uint64_t value)
{
    char *end = at + digit_count(value);
    char *left = end;

    while (value >= 100) {
        left -= 2;
        memcpy(left, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10)
        memcpy(left - 2, digit_pairs + value * 2, 2);
    else
        left[-1] = (char)('0' + value);
    return end;
}

static inline char *put_uint(char *at, uint64_t value)
{
    if (value < 10) {
        *at = (char)('0' + value);
        return at + 1;
    }
    if (value < 100) {
        memcpy(at, digit_pairs + value * 2, 2);
        return at + 2;
    }
    if (value < 1000) {
        *at = (char)('0' + value / 100);
        memcpy(at + 1, digit_pairs + value % 100 * 2, 2);
        return at + 3;
    }
    return put_long_uint(at, value);
}

static inline char *put_int(char *at, int64_t value)
{
    if (value >= 0)
        return put_uint(at, (uint64_t)value);
    *at++ = '-';
    return put_uint(at, 0 - (uint64_t)value);
}

static inline char *put_crlf(char *at)
{
    memcpy(at, "\r\n", 2);
    return at + 2;
}

static inline char *put_bytes(char *at, slice bytes)
{
    if (bytes.len > 0)
        memcpy(at, bytes.data, bytes.len);
    return at + bytes.len;
}

static inline char *put_header(char *at, char mark, uint64_t count)
{
    *at++ = mark;
    return put_crlf(put_uint(at, count));
}

static inline char *put_bulk(char *at, slice bytes)
{
    return put_crlf(put_bytes(put_header(at, '$', bytes.len), bytes));
}

/* A reply of mark, bytes and CR LF. */
static void reply_line(struct reply *reply, char mark, slice bytes)
{
    char *at = reply_room(reply, bytes.len + 3);
    if (at == NULL)
        return;
    *at++ = mark;
    reply_commit(reply, put_crlf(put_bytes(at, bytes)));
}

static inline void reply_header(struct reply *reply, char mark, uint64_t count)
{
    char *at = reply_room(reply, HEADER_MAX);
    if (at != NULL)
        reply_commit(reply, put_header(at, mark, count));
}

/* A constant reply; the size is known where this is inlined. */
static inline void reply_shared(struct reply *reply, const char *text,
                                size_t len)
{
    char *at = reply_room(reply, len);
    if (at == NULL)
        return;
    memcpy(at, text, len);
    reply->len += len;
}

#define REPLY_SHARED(reply, text)                                              \
    reply_shared((reply), (text), sizeof(text) - 1)

/* --- one value each ------------------------------------------------------ */

void reply_raw(struct reply *reply, slice bytes)
{
    if (bytes.len == 0)
        return;
    char *at = reply_room(reply, bytes.len);
    if (at != NULL)
        reply_commit(reply, put_bytes(at, bytes));
}

void reply_simple(struct reply *reply, const char *text)
{
    reply_line(reply, '+', slice_from_string(text));
}

void reply_ok(struct reply *reply)
{
    REPLY_SHARED(reply, "+OK\r\n");
}

void reply_int(struct reply *reply, int64_t value)
{
    char *at = reply_room(reply, HEADER_MAX);
    if (at == NULL)
        return;
    *at++ = ':';
    reply_commit(reply, put_crlf(put_int(at, value)));
}

void reply_bulk(struct reply *reply, slice bytes)
{
    char *at = reply_room(reply, bytes.len + HEADER_MAX + 2);
    if (at != NULL)
        reply_commit(reply, put_bulk(at, bytes));
}

char *reply_bulk_room(struct reply *reply, size_t len)
{
    char *at = reply_room(reply, HEADER_MAX + len + 2);
    if (at == NULL)
        return NULL;
    at = put_header(at, '$', len);
    reply_commit(reply, put_crlf(at + len));
    return at;
}

void reply_bulk_string(struct reply *reply, const char *text)
{
    reply_bulk(reply, slice_from_string(text));
}

void reply_bulk_int(struct reply *reply, int64_t value)
{
    char  digits[NUM_INT64_CHARS];
    char *end = put_int(digits, value);
    reply_bulk(reply, slice_make(digits, (size_t)(end - digits)));
}

void reply_null(struct reply *reply)
{
    if (reply->version == 2)
        REPLY_SHARED(reply, "$-1\r\n");
    else
        REPLY_SHARED(reply, "_\r\n");
}

void reply_null_array(struct reply *reply)
{
    if (reply->version == 2)
        REPLY_SHARED(reply, "*-1\r\n");
    else
        REPLY_SHARED(reply, "_\r\n");
}

void reply_bool(struct reply *reply, bool value)
{
    if (reply->version == 2)
        reply_int(reply, value);
    else if (value)
        REPLY_SHARED(reply, "#t\r\n");
    else
        REPLY_SHARED(reply, "#f\r\n");
}

void reply_double(struct reply *reply, double value)
{
    char   text[NUM_DOUBLE_CHARS];
    size_t len = num_format_double(value, text, sizeof(text));
    if (reply->version == 2)
        reply_bulk(reply, slice_make(text, len));
    else
        reply_line(reply, ',', slice_make(text, len));
}

void reply_bignum(struct reply *reply, slice digits)
{
    if (reply->version == 2)
        reply_bulk(reply, digits);
    else
        reply_line(reply, '(', digits);
}

void reply_verbatim(struct reply *reply, slice text, const char *ext)
{
    if (reply->version == 2) {
        reply_bulk(reply, text);
        return;
    }
    ASSERT(strlen(ext) == VERBATIM_PREFIX - 1);
    char *at = reply_room(reply, text.len + HEADER_MAX + VERBATIM_PREFIX + 2);
    if (at == NULL)
        return;
    at = put_header(at, '=', text.len + VERBATIM_PREFIX);
    memcpy(at, ext, VERBATIM_PREFIX - 1);
    at[VERBATIM_PREFIX - 1] = ':';
    reply_commit(reply, put_crlf(put_bytes(at + VERBATIM_PREFIX, text)));
}

static void add_blob(struct reply *reply, size_t offset, struct blob *blob)
{
    if (reply->blob_count == reply->blob_capacity) {
        size_t capacity = reply->blob_capacity ? reply->blob_capacity * 2 : 4;
        reply->blobs =
            mem_realloc(reply->blobs, capacity * sizeof(*reply->blobs));
        reply->blob_capacity = capacity;
    }
    reply->blobs[reply->blob_count++] =
        (struct reply_blob){ offset, blob_ref(blob) };
    reply->blob_bytes += blob->len;
}

void reply_append(struct reply *reply, const struct reply *from)
{
    if (reply->capacity - reply->len < from->len)
        reply_grow(reply, from->len);
    for (size_t i = 0; i < from->blob_count; i++)
        add_blob(reply, reply->len + from->blobs[i].offset,
                 from->blobs[i].blob);
    if (from->len > 0)
        reply_commit(reply, put_bytes(reply->data + reply->len,
                                      slice_make(from->data, from->len)));
}

void reply_blob(struct reply *reply, struct blob *blob)
{
    char *at = reply_room(reply, HEADER_MAX + 2);
    if (at == NULL)
        return;
    reply_commit(reply, put_header(at, '$', blob->len));
    add_blob(reply, reply->len, blob);
    reply_commit(reply, put_crlf(reply->data + reply->len));
}

void reply_bulk_begin(struct reply *reply, size_t len)
{
    reply_header(reply, '$', len);
}

void reply_bulk_end(struct reply *reply)
{
    char *at = reply_room(reply, 2);
    if (at != NULL)
        reply_commit(reply, put_crlf(at));
}

void reply_raw_blob(struct reply *reply, struct blob *blob)
{
    if (!reply->muted)
        add_blob(reply, reply->len, blob);
}

/* --- errors and formatted values ----------------------------------------- */

/* Nobody reads it, but it is counted. */
static void remember_error(struct reply *reply, slice text)
{
    if (reply->muted_error[0] == '\0')
        snprintf(reply->muted_error, sizeof(reply->muted_error), "-%.*s",
                 (int)(text.len < REPLY_MUTED_ERROR ? text.len
                                                    : REPLY_MUTED_ERROR),
                 text.data);
}

void reply_error_slice(struct reply *reply, slice text)
{
    while (text.len > 0 &&
           (text.data[text.len - 1] == '\r' || text.data[text.len - 1] == '\n'))
        text.len--;
    char *at = reply_room(reply, text.len + 3);
    if (at == NULL) {
        remember_error(reply, text);
        return;
    }
    *at++ = '-';
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        *at++ = c == '\r' || c == '\n' ? ' ' : c;
    }
    reply_commit(reply, put_crlf(at));
}

void reply_error(struct reply *reply, const char *text)
{
    reply_error_slice(reply, slice_from_string(text));
}

/* Formats into guess, or into memory of its own if that is too small; the
 * caller frees the slice's bytes if they are not guess. */
static slice format_text(char guess[FORMAT_GUESS], const char *format,
                         va_list arguments)
{
    va_list again;

    va_copy(again, arguments);
    int len = vsnprintf(guess, FORMAT_GUESS, format, arguments);
    ASSERT(len >= 0);
    char *text = guess;
    if (len >= FORMAT_GUESS) {
        text = mem_alloc((size_t)len + 1);
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return slice_make(text, (size_t)len);
}

static void reply_formatted(struct reply *reply,
                            void (*write)(struct reply *, slice),
                            const char *format, va_list arguments)
{
    char  guess[FORMAT_GUESS];
    slice text = format_text(guess, format, arguments);
    write(reply, text);
    if (text.data != guess)
        mem_free((void *)text.data);
}

void reply_errorf(struct reply *reply, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    reply_formatted(reply, reply_error_slice, format, arguments);
    va_end(arguments);
}

void reply_bulkf(struct reply *reply, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    reply_formatted(reply, reply_bulk, format, arguments);
    va_end(arguments);
}

/* --- headers ------------------------------------------------------------- */

void reply_array(struct reply *reply, size_t count)
{
    reply_header(reply, '*', count);
}

void reply_map(struct reply *reply, size_t pairs)
{
    if (reply->version == 2)
        reply_header(reply, '*', pairs * 2);
    else
        reply_header(reply, '%', pairs);
}

void reply_set(struct reply *reply, size_t count)
{
    reply_header(reply, reply->version == 2 ? '*' : '~', count);
}

void reply_push(struct reply *reply, size_t count)
{
    reply_header(reply, reply->version == 2 ? '*' : '>', count);
}

/* RESP2 has no way to say it: the caller leaves out the pairs too. */
void reply_attribute(struct reply *reply, size_t pairs)
{
    ASSERT(reply->version >= 3);
    reply_header(reply, '|', pairs);
}

size_t reply_deferred_begin(struct reply *reply)
{
    size_t mark = reply->len;
    REPLY_SHARED(reply, "*0\r\n");
    return mark;
}

/* Moves all that was written behind the deferred header up by `by` bytes. */
static void deferred_widen(struct reply *reply, size_t mark, size_t by)
{
    if (reply->capacity - reply->len < by)
        reply_grow(reply, by);
    char *behind = reply->data + mark + SHORTEST_HEADER;
    memmove(behind + by, behind, reply->len - mark - SHORTEST_HEADER);
    reply->len += by;
    for (size_t i = reply->blob_count; i > 0; i--) {
        struct reply_blob *blob = &reply->blobs[i - 1];
        if (blob->offset <= mark)
            break;
        blob->offset += by;
    }
}

void reply_deferred_end(struct reply *reply, size_t mark, char kind,
                        size_t count)
{
    char header[HEADER_MAX];

    ASSERT(kind == '*' || kind == '%' || kind == '~');
    if (reply->muted)
        return;
    ASSERT(mark + SHORTEST_HEADER <= reply->len);
    if (reply->version == 2) {
        count = kind == '%' ? count * 2 : count;
        kind = '*';
    }
    size_t len = (size_t)(put_header(header, kind, count) - header);
    if (len > SHORTEST_HEADER)
        deferred_widen(reply, mark, len - SHORTEST_HEADER);
    memcpy(reply->data + mark, header, len);
}
