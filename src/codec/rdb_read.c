/* rdb_read.c - all that is claimed is looked at before it is believed: bytes
 * are taken from the source first, and only then is there room for them. */
#include "codec/rdb_read.h"

#include <math.h>
#include <string.h>

#include <liblzf/lzf.h>

#include "base/num.h"
#include "codec/rdb.h"

/* Taken at once from a source that has to copy. */
#define PART_BYTES ((size_t)64 * 1024)

/* Three bytes of LZF give 264 at most. */
#define LZF_RATIO 88
#define LZF_SLACK 264

static err_t take_memory(void *arg, size_t len, slice *out)
{
    slice *left = arg;
    if (len > left->len)
        return ERR_INVALID;
    *out = slice_make(left->data, len);
    *left = slice_make(left->data + len, left->len - len);
    return ERR_OK;
}

struct rdb_source rdb_source_of(slice *left)
{
    return (struct rdb_source){ .take = take_memory,
                                .arg = left,
                                .is_memory = true };
}

void rdb_reader_init(struct rdb_reader *reader, struct rdb_source source,
                     size_t string_max)
{
    *reader = (struct rdb_reader){ .source = source,
                                   .string_max = string_max };
    for (unsigned i = 0; i < RDB_PLACES; i++)
        buf_init(&reader->texts[i], SIZE_MAX);
}

void rdb_reader_deinit(struct rdb_reader *reader)
{
    for (unsigned i = 0; i < RDB_PLACES; i++)
        buf_deinit(&reader->texts[i]);
}

static err_t take(struct rdb_reader *reader, size_t len, slice *out)
{
    return reader->source.take(reader->source.arg, len, out);
}

/* ---- numbers ------------------------------------------------------------- */

err_t rdb_read_byte(struct rdb_reader *reader, uint8_t *out)
{
    slice bytes;
    err_t err = take(reader, 1, &bytes);
    if (err == ERR_OK)
        *out = (uint8_t)bytes.data[0];
    return err;
}

/* So many bytes, big-endian. */
static err_t read_be(struct rdb_reader *reader, unsigned len, uint64_t *out)
{
    slice bytes;
    err_t err = take(reader, len, &bytes);
    if (err == ERR_OK)
        *out = len == 4 ? num_get_be32(bytes.data) : num_get_be64(bytes.data);
    return err;
}

/* A length, or what *special says; -1: it is a length. */
static err_t read_len_or_special(struct rdb_reader *reader, uint64_t *out,
                                 int *special)
{
    uint8_t first = 0, second = 0;
    err_t   err = rdb_read_byte(reader, &first);
    *special = -1;
    if (err != ERR_OK)
        return err;
    switch (first & 0xc0) {
    case RDB_LEN_6BIT:
        *out = first;
        return ERR_OK;
    case RDB_LEN_14BIT:
        err = rdb_read_byte(reader, &second);
        *out = (uint64_t)(first & 0x3f) << 8 | second;
        return err;
    case RDB_LEN_SPECIAL:
        *special = first & 0x3f;
        return ERR_OK;
    default:
        if (first == RDB_LEN_32BIT)
            return read_be(reader, 4, out);
        if (first == RDB_LEN_64BIT)
            return read_be(reader, 8, out);
        return ERR_INVALID;
    }
}

err_t rdb_read_len(struct rdb_reader *reader, uint64_t *out)
{
    int   special;
    err_t err = read_len_or_special(reader, out, &special);
    return err == ERR_OK && special >= 0 ? ERR_INVALID : err;
}

err_t rdb_read_double(struct rdb_reader *reader, double *out)
{
    slice bytes;
    err_t err = take(reader, sizeof(*out), &bytes);
    if (err != ERR_OK)
        return err;
    uint64_t bits = rdb_get64(bytes.data);
    memcpy(out, &bits, sizeof(*out));
    return ERR_OK;
}

err_t rdb_read_double_text(struct rdb_reader *reader, double *out)
{
    uint8_t len = 0;
    slice   text;
    err_t   err = rdb_read_byte(reader, &len);
    if (err != ERR_OK)
        return err;
    if (len >= RDB_SCORE_NAN) {
        *out = len == RDB_SCORE_NAN   ? NAN
               : len == RDB_SCORE_INF ? INFINITY
                                      : -INFINITY;
        return ERR_OK;
    }
    err = take(reader, len, &text);
    if (err != ERR_OK)
        return err;
    return num_parse_double(text, out) ? ERR_OK : ERR_INVALID;
}

/* ---- strings ------------------------------------------------------------- */

static err_t read_number_head(struct rdb_reader *reader, unsigned bytes,
                              struct rdb_string *out)
{
    slice number;
    char  text[NUM_INT64_CHARS];
    err_t err = take(reader, bytes, &number);
    if (err != ERR_OK)
        return err;
    out->is_number = true;
    out->number = rdb_get_int(number.data, bytes);
    out->len = num_format_int64(out->number, text);
    return ERR_OK;
}

static err_t read_lzf_head(struct rdb_reader *reader, struct rdb_string *out)
{
    err_t err = rdb_read_len(reader, &out->stored);
    if (err == ERR_OK)
        err = rdb_read_len(reader, &out->len);
    if (err != ERR_OK)
        return err;
    out->is_lzf = true;
    bool can_be = out->stored > 0 && out->len > 0 &&
                  out->len / LZF_RATIO <= out->stored + LZF_SLACK;
    return can_be ? ERR_OK : ERR_INVALID;
}

err_t rdb_read_string_head(struct rdb_reader *reader, struct rdb_string *out)
{
    int special;
    *out = (struct rdb_string){ .len = 0 };
    err_t err = read_len_or_special(reader, &out->len, &special);
    if (err != ERR_OK)
        return err;
    switch (special) {
    case -1:
        out->stored = out->len;
        return ERR_OK;
    case RDB_INT8:
        return read_number_head(reader, 1, out);
    case RDB_INT16:
        return read_number_head(reader, 2, out);
    case RDB_INT32:
        return read_number_head(reader, 4, out);
    case RDB_LZF:
        return read_lzf_head(reader, out);
    default:
        return ERR_INVALID;
    }
}

err_t rdb_read_string_part(struct rdb_reader *reader, uint64_t *left,
                           slice *part)
{
    size_t len = *left < PART_BYTES ? (size_t)*left : PART_BYTES;
    err_t  err = take(reader, len, part);
    if (err == ERR_OK)
        *left -= len;
    return err;
}

/* Into the reader's place, as the bytes come. */
static err_t copy_bytes(struct rdb_reader *reader, uint64_t len,
                        struct buf *text)
{
    slice part;
    err_t err = ERR_OK;
    buf_clear(text);
    while (err == ERR_OK && len > 0) {
        err = rdb_read_string_part(reader, &len, &part);
        if (err == ERR_OK)
            err = buf_append(text, part.data, part.len);
    }
    return err;
}

/* Bytes as they are stored, lent or copied. */
static err_t read_bytes(struct rdb_reader *reader, uint64_t len,
                        struct buf *text, slice *out)
{
    if (len > SIZE_MAX)
        return ERR_INVALID;
    if (len > reader->string_max && !reader->source.is_memory)
        return ERR_OOM;
    err_t err = reader->source.is_memory ? take(reader, (size_t)len, out)
                                         : copy_bytes(reader, len, text);
    if (err != ERR_OK)
        return err;
    if (len > reader->string_max)
        return ERR_OOM; /* and not for want of bytes */
    if (!reader->source.is_memory)
        *out = buf_slice(text);
    return ERR_OK;
}

static err_t unpack(slice packed, size_t len, struct buf *text)
{
    buf_clear(text);
    err_t err = buf_reserve(text, len);
    if (err != ERR_OK)
        return err;
    if (packed.len > UINT32_MAX || len > UINT32_MAX ||
        lzf_decompress(packed.data, (unsigned)packed.len, text->data,
                       (unsigned)len) != len)
        return ERR_INVALID;
    text->len = len;
    return ERR_OK;
}

static err_t read_lzf(struct rdb_reader *reader, const struct rdb_string *head,
                      enum rdb_place place, slice *out)
{
    struct buf packed;
    slice      bytes;
    if (head->len > reader->string_max && !reader->source.is_memory)
        return ERR_OOM;
    buf_init(&packed, SIZE_MAX);
    err_t err = read_bytes(reader, head->stored, &packed, &bytes);
    if (err == ERR_OK && head->len > reader->string_max)
        err = ERR_OOM; /* the bytes are there: it may be what it says */
    if (err == ERR_OK)
        err = unpack(bytes, (size_t)head->len, &reader->texts[place]);
    buf_deinit(&packed);
    *out = buf_slice(&reader->texts[place]);
    return err;
}

err_t rdb_read_string_body(struct rdb_reader       *reader,
                           const struct rdb_string *head, enum rdb_place place,
                           slice *out)
{
    struct buf *text = &reader->texts[place];
    if (head->is_lzf)
        return read_lzf(reader, head, place, out);
    if (!head->is_number)
        return read_bytes(reader, head->stored, text, out);
    char   digits[NUM_INT64_CHARS];
    size_t len = num_format_int64(head->number, digits);
    buf_clear(text);
    err_t err = buf_append(text, digits, len);
    *out = buf_slice(text);
    return err;
}

err_t rdb_read_string(struct rdb_reader *reader, enum rdb_place place,
                      slice *out)
{
    struct rdb_string head;
    err_t             err = rdb_read_string_head(reader, &head);
    if (err != ERR_OK)
        return err;
    return rdb_read_string_body(reader, &head, place, out);
}

err_t rdb_skip_string_body(struct rdb_reader       *reader,
                           const struct rdb_string *head)
{
    uint64_t left = head->stored;
    slice    part;
    err_t    err = ERR_OK;
    while (err == ERR_OK && left > 0)
        err = rdb_read_string_part(reader, &left, &part);
    return err;
}
