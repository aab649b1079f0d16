/* rdb_write.c - small pieces are gathered before they are summed and put. */
#include "codec/rdb_write.h"

#include <string.h>

#include <liblzf/lzf.h>

#include "base/assert.h"
#include "base/mem.h"
#include "codec/crc64.h"
#include "codec/rdb.h"

/* Redis looks for a number in texts up to, and compresses those above. */
#define NUMBER_CHARS 11
#define LZF_MIN      20

void rdb_writer_init(struct rdb_writer *writer,
                     void (*put)(void *arg, slice bytes), void *arg)
{
    writer->put = put;
    writer->arg = arg;
    writer->crc = 0;
    writer->len = 0;
    writer->staged = 0;
    writer->listpack_count = 0;
    buf_init(&writer->packed, SIZE_MAX);
    buf_init(&writer->listpack, SIZE_MAX);
}

void rdb_writer_deinit(struct rdb_writer *writer)
{
    buf_deinit(&writer->packed);
    buf_deinit(&writer->listpack);
}

static void hand_over(struct rdb_writer *writer, slice bytes)
{
    writer->crc = crc64_extend(writer->crc, bytes);
    writer->len += bytes.len;
    writer->put(writer->arg, bytes);
}

void rdb_writer_flush(struct rdb_writer *writer)
{
    if (writer->staged > 0)
        hand_over(writer, slice_make(writer->stage, writer->staged));
    writer->staged = 0;
}

void rdb_write_bytes(struct rdb_writer *writer, slice bytes)
{
    if (bytes.len > RDB_STAGE_BYTES - writer->staged)
        rdb_writer_flush(writer);
    if (bytes.len > RDB_STAGE_BYTES) {
        hand_over(writer, bytes);
    } else if (bytes.len > 0) {
        memcpy(writer->stage + writer->staged, bytes.data, bytes.len);
        writer->staged += bytes.len;
    }
}

void rdb_write_byte(struct rdb_writer *writer, uint8_t byte)
{
    rdb_write_bytes(writer, slice_make(&byte, 1));
}

void rdb_write_len(struct rdb_writer *writer, uint64_t len)
{
    uint8_t out[9];
    size_t  count = 1;
    if (len < 64) {
        out[0] = (uint8_t)len;
    } else if (len < 16384) {
        out[0] = (uint8_t)(RDB_LEN_14BIT | len >> 8);
        out[1] = (uint8_t)len;
        count = 2;
    } else if (len <= UINT32_MAX) {
        out[0] = RDB_LEN_32BIT;
        num_put_be32(out + 1, (uint32_t)len);
        count = 5;
    } else {
        out[0] = RDB_LEN_64BIT;
        num_put_be64(out + 1, len);
        count = 9;
    }
    rdb_write_bytes(writer, slice_make(out, count));
}

void rdb_write_double(struct rdb_writer *writer, double value)
{
    uint64_t bits;
    uint8_t  out[sizeof(bits)];
    memcpy(&bits, &value, sizeof(bits));
    rdb_put(out, bits, sizeof(out));
    rdb_write_bytes(writer, slice_make(out, sizeof(out)));
}

/* ---- strings ------------------------------------------------------------- */

static void write_special(struct rdb_writer *writer, enum rdb_special what,
                          int64_t number, unsigned bytes)
{
    uint8_t out[5] = { (uint8_t)(RDB_LEN_SPECIAL | what) };
    rdb_put(out + 1, (uint64_t)number, bytes);
    rdb_write_bytes(writer, slice_make(out, 1 + bytes));
}

void rdb_write_number(struct rdb_writer *writer, int64_t number)
{
    char text[NUM_INT64_CHARS];
    if (number == (int8_t)number) {
        write_special(writer, RDB_INT8, number, 1);
    } else if (number == (int16_t)number) {
        write_special(writer, RDB_INT16, number, 2);
    } else if (number == (int32_t)number) {
        write_special(writer, RDB_INT32, number, 4);
    } else {
        size_t len = num_format_int64(number, text);
        rdb_write_len(writer, len);
        rdb_write_bytes(writer, slice_make(text, len));
    }
}

/* False: it does not become shorter. */
static bool write_lzf(struct rdb_writer *writer, slice text)
{
    size_t room = text.len - 4;
    buf_clear(&writer->packed);
    err_t err = buf_reserve(&writer->packed, room + 1);
    ASSERT(err == ERR_OK);
    unsigned len = lzf_compress(text.data, (unsigned)text.len,
                                writer->packed.data, (unsigned)room);
    if (len == 0)
        return false;
    rdb_write_byte(writer, RDB_LEN_SPECIAL | RDB_LZF);
    rdb_write_len(writer, len);
    rdb_write_len(writer, text.len);
    rdb_write_bytes(writer, slice_make(writer->packed.data, len));
    return true;
}

void rdb_write_string(struct rdb_writer *writer, slice text)
{
    int64_t number;
    if (text.len <= NUMBER_CHARS && num_parse_int64(text, &number)) {
        rdb_write_number(writer, number);
        return;
    }
    if (text.len > LZF_MIN && text.len <= RDB_PACK_MAX &&
        write_lzf(writer, text))
        return;
    rdb_write_len(writer, text.len);
    rdb_write_bytes(writer, text);
}

/* ---- listpacks ----------------------------------------------------------- */

size_t listpack_put_back(uint8_t out[LISTPACK_BACK_MAX], size_t len)
{
    /* Seven bits a byte, the highest first; the upper bit says that another
     * one stands before this. Redis's limits are one too low from 2 on. */
    size_t count = len <= 127         ? 1
                   : len < 16383      ? 2
                   : len < 2097151    ? 3
                   : len < 268435455  ? 4
                                      : 5;
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)((len >> (7 * (count - 1 - i)) & 127) |
                           (i > 0 ? 128 : 0));
    return count;
}

static size_t with_back(size_t bytes)
{
    uint8_t unused[LISTPACK_BACK_MAX];
    return bytes + listpack_put_back(unused, bytes);
}

static size_t text_head(size_t len)
{
    return len < 64 ? 1 : len < 4096 ? 2 : 5;
}

size_t listpack_text_bytes(size_t len)
{
    return with_back(text_head(len) + len);
}

static bool is_of_bits(int64_t number, unsigned bits)
{
    int64_t most = (INT64_C(1) << (bits - 1)) - 1;
    return number >= -most - 1 && number <= most;
}

/* Writes what stands for the number; returns how many bytes. */
static size_t put_number(uint8_t out[9], int64_t number)
{
    static const struct {
        unsigned bits;
        uint8_t  mark;
    } widths[] = { { 16, 0xf1 }, { 24, 0xf2 }, { 32, 0xf3 }, { 64, 0xf4 } };
    uint64_t bits = (uint64_t)number;
    unsigned i = 0;
    if (number >= 0 && number < 128) {
        out[0] = (uint8_t)number;
        return 1;
    }
    if (is_of_bits(number, 13)) {
        out[0] = (uint8_t)(0xc0 | (bits >> 8 & 0x1f));
        out[1] = (uint8_t)bits;
        return 2;
    }
    while (widths[i].bits < 64 && !is_of_bits(number, widths[i].bits))
        i++;
    out[0] = widths[i].mark;
    rdb_put(out + 1, bits, widths[i].bits / 8);
    return 1 + widths[i].bits / 8;
}

size_t listpack_number_bytes(int64_t number)
{
    uint8_t out[9];
    return with_back(put_number(out, number));
}

static void listpack_add(struct rdb_writer *writer, const void *bytes,
                         size_t len)
{
    err_t err = buf_append(&writer->listpack, bytes, len);
    ASSERT(err == ERR_OK);
}

static void listpack_close(struct rdb_writer *writer, size_t element_bytes)
{
    uint8_t back[LISTPACK_BACK_MAX];
    listpack_add(writer, back, listpack_put_back(back, element_bytes));
    writer->listpack_count++;
}

void rdb_listpack_begin(struct rdb_writer *writer)
{
    static const uint8_t header[LISTPACK_HEADER] = { 0 };
    buf_clear(&writer->listpack);
    writer->listpack_count = 0;
    listpack_add(writer, header, sizeof(header));
}

void rdb_listpack_number(struct rdb_writer *writer, int64_t number)
{
    uint8_t out[9];
    size_t  len = put_number(out, number);
    listpack_add(writer, out, len);
    listpack_close(writer, len);
}

void rdb_listpack_text(struct rdb_writer *writer, slice text)
{
    uint8_t head[5];
    size_t  len = text_head(text.len);
    if (len == 1) {
        head[0] = (uint8_t)(0x80 | text.len);
    } else if (len == 2) {
        head[0] = (uint8_t)(0xe0 | text.len >> 8);
        head[1] = (uint8_t)text.len;
    } else {
        head[0] = 0xf0;
        rdb_put(head + 1, text.len, 4);
    }
    listpack_add(writer, head, len);
    listpack_add(writer, text.data, text.len);
    listpack_close(writer, len + text.len);
}

void rdb_listpack_end(struct rdb_writer *writer)
{
    static const uint8_t end = RDB_PACKED_END;
    uint32_t             count = writer->listpack_count;
    listpack_add(writer, &end, 1);
    uint8_t *bytes = (uint8_t *)writer->listpack.data;
    ASSERT(writer->listpack.len <= UINT32_MAX);
    rdb_put(bytes, writer->listpack.len, 4);
    rdb_put(bytes + 4, count < UINT16_MAX ? count : UINT16_MAX, 2);
    rdb_write_string(writer, buf_slice(&writer->listpack));
}
