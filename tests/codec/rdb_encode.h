/* rdb_encode.h - dumps as a Redis of any version would have written them, and
 * as none would: for tests. Written apart from src/codec, from what is known of
 * the formats; nothing is checked here.
 *
 * A dump is put together in a struct buf: enc_type, then the object; enc_footer
 * if it is to be one for RESTORE. Packed forms are made in a struct buf of
 * their own, and put in as a string. */
#ifndef TESTS_CODEC_RDB_ENCODE_H
#define TESTS_CODEC_RDB_ENCODE_H

#include "base/buf.h"
#include "codec/rdb.h"

void enc_bytes(struct buf *out, const void *bytes, size_t len);
void enc_byte(struct buf *out, unsigned byte);
/* The lowest bytes of a value, lowest first. */
void enc_int(struct buf *out, uint64_t value, unsigned bytes);
void enc_len(struct buf *out, uint64_t len);
/* In the form of 1, 2, 5 or 9 bytes, whether or not that is the shortest. */
void enc_len_as(struct buf *out, uint64_t len, unsigned bytes);
void enc_string(struct buf *out, slice text);
void enc_text(struct buf *out, const char *text);
/* As a number of 1, 2 or 4 bytes. */
void enc_number(struct buf *out, int64_t number, unsigned bytes);
/* Compressed, whether or not that is shorter; claims to have that length. */
void enc_lzf(struct buf *out, slice text, uint64_t claimed);
void enc_double(struct buf *out, double value);

/* words: what the elements are, one blank between two; those that are numbers
 * are packed as such. */
void enc_ziplist(struct buf *out, const char *words);
void enc_zipmap(struct buf *out, const char *words);
void enc_listpack(struct buf *out, const char *words);
/* Of so many bytes a number. */
void enc_intset(struct buf *out, unsigned width, const char *words);

/* A form as a string: enc_packed(out, enc_ziplist, "a 1"). */
void enc_packed(struct buf *out, void (*form)(struct buf *out, const char *),
                const char *words);

void enc_footer(struct buf *out, unsigned version);

/* One of each encoding, right ones and wrong ones, for who wants to make
 * something of them. False: there are no more. */
bool enc_sample(size_t index, struct buf *out);

#endif
