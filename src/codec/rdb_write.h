/* rdb_write.h - lengths, strings and listpacks of Redis's serialization, to a
 * sink.
 *
 * Ownership  a writer owns what it works with; the bytes that it puts are the
 *            sink's to copy.
 * Threads    one at a time, with a stack of 1 MB: liblzf takes half of it.
 * Errors     none. Bounds: it holds two strings of RDB_PACK_MAX at most. */
#ifndef CODEC_RDB_WRITE_H
#define CODEC_RDB_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/slice.h"

/* A string that is longer is not compressed, an element that is longer not
 * packed: neither is ever in memory twice. */
#define RDB_PACK_MAX ((size_t)1024 * 1024)

#define RDB_STAGE_BYTES 1024

struct rdb_writer {
    void (*put)(void *arg, slice bytes);
    void    *arg;
    uint64_t crc; /* of all bytes so far, but those staged */
    uint64_t len; /* likewise */
    struct buf packed;   /* what LZF makes */
    struct buf listpack; /* in the making */
    uint32_t   listpack_count;
    size_t     staged;
    char       stage[RDB_STAGE_BYTES];
};

void rdb_writer_init(struct rdb_writer *writer,
                     void (*put)(void *arg, slice bytes), void *arg);
void rdb_writer_deinit(struct rdb_writer *writer);
/* Hands over what is staged. */
void rdb_writer_flush(struct rdb_writer *writer);

void rdb_write_bytes(struct rdb_writer *writer, slice bytes);
void rdb_write_byte(struct rdb_writer *writer, uint8_t byte);
void rdb_write_len(struct rdb_writer *writer, uint64_t len);
void rdb_write_double(struct rdb_writer *writer, double value);
/* In the shortest form that it has: as a number, compressed, or as it is. */
void rdb_write_string(struct rdb_writer *writer, slice text);
void rdb_write_number(struct rdb_writer *writer, int64_t number);

/* ---- listpacks ----------------------------------------------------------- */

#define LISTPACK_HEADER   6 /* without the byte at its end */
#define LISTPACK_BACK_MAX 5

/* How long an element is, as it stands behind it; returns how many bytes. */
size_t listpack_put_back(uint8_t out[LISTPACK_BACK_MAX], size_t len);
/* What an element takes. */
size_t listpack_text_bytes(size_t len);
size_t listpack_number_bytes(int64_t number);

void rdb_listpack_begin(struct rdb_writer *writer);
/* A text that is a number must come as one. */
void rdb_listpack_text(struct rdb_writer *writer, slice text);
void rdb_listpack_number(struct rdb_writer *writer, int64_t number);
/* Writes it, as a string. */
void rdb_listpack_end(struct rdb_writer *writer);

#endif
