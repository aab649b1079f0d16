/* reply.h - writes replies in RESP2 or RESP3, byte for byte as Redis does.
 *
 * A reply is bytes in a buffer, and here and there a blob (a large value) that
 * is sent from where it lies. One struct reply serves one client's run of
 * pipelined commands; the loop lends the same buffer to all of them.
 *
 * Ownership  reply owns its buffer and one reference of each blob in it.
 * Errors     none: memory for replies is bounded by those who execute commands
 *            (a client with much pending is not executed further).
 */
#ifndef RESP_REPLY_H
#define RESP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/blob.h"
#include "base/slice.h"

/* A blob that goes out after the first `offset` bytes of the buffer. */
struct reply_blob {
    size_t       offset;
    struct blob *blob;
};

#define REPLY_MUTED_ERROR 40

struct reply {
    char  *data;
    size_t len;
    size_t capacity;
    struct reply_blob *blobs; /* in order of offset */
    size_t blob_count;
    size_t blob_capacity;
    size_t blob_bytes; /* sum of their lengths */
    int    version;    /* 2 or 3: set by the caller before each command */
    bool   muted;      /* CLIENT REPLY OFF: everything is dropped */
    char   muted_error[REPLY_MUTED_ERROR]; /* how the first error began that
                          was dropped; "" if none. Whoever counts clears it. */
};

void reply_init(struct reply *reply);
void reply_deinit(struct reply *reply);
/* Empty again; keeps at most keep_bytes of capacity; drops the blobs' refs. */
void reply_clear(struct reply *reply, size_t keep_bytes);

/* Everything pending: buffer and blobs. */
static inline size_t reply_bytes(const struct reply *reply)
{
    return reply->len + reply->blob_bytes;
}

/* Adds all of `from` at the end, bytes and references of its blobs; a muted
 * reply takes them too. */
void reply_append(struct reply *reply, const struct reply *from);

/* Takes back what was added since the reply had so many bytes: an answer that
 * became too long. REQUIRES: no blob among it. */
void reply_cut(struct reply *reply, size_t len);

/* --- one value each ------------------------------------------------------ */
void reply_raw(struct reply *reply, slice bytes);
/* The bytes of a blob as they are; adds a ref. */
void reply_raw_blob(struct reply *reply, struct blob *blob);
void reply_simple(struct reply *reply, const char *text);     /* +text */
void reply_ok(struct reply *reply);                           /* +OK */
/* "-text": give the code too ("ERR syntax error"). CR and LF in the text
 * become spaces, as in Redis. */
void reply_error(struct reply *reply, const char *text);
void reply_errorf(struct reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reply_error_slice(struct reply *reply, slice text);
void reply_int(struct reply *reply, int64_t value);
void reply_bulk(struct reply *reply, slice bytes);
/* One of len bytes that the caller writes, before anything else is answered;
 * NULL when muted. */
char *reply_bulk_room(struct reply *reply, size_t len);
void reply_bulk_string(struct reply *reply, const char *text);
void reply_bulkf(struct reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reply_bulk_int(struct reply *reply, int64_t value); /* as a bulk */
void reply_blob(struct reply *reply, struct blob *blob);      /* adds a ref */
/* One of len bytes in pieces (reply_raw_blob): before them, and after. */
void reply_bulk_begin(struct reply *reply, size_t len);
void reply_bulk_end(struct reply *reply);
void reply_null(struct reply *reply);       /* RESP2 $-1, RESP3 _ */
void reply_null_array(struct reply *reply); /* RESP2 *-1, RESP3 _ */
void reply_bool(struct reply *reply, bool value); /* RESP2 :1, RESP3 #t */
void reply_double(struct reply *reply, double value); /* RESP2 bulk, RESP3 , */
void reply_bignum(struct reply *reply, slice digits); /* RESP2 bulk, RESP3 ( */
/* RESP2 bulk; RESP3 =len:ext:text, ext has three letters ("txt"). */
void reply_verbatim(struct reply *reply, slice text, const char *ext);

/* --- headers: the elements follow ---------------------------------------- */
void reply_array(struct reply *reply, size_t count);
void reply_map(struct reply *reply, size_t pairs); /* RESP2 *2n, RESP3 %n */
void reply_set(struct reply *reply, size_t count); /* RESP2 *n, RESP3 ~n */
void reply_push(struct reply *reply, size_t count); /* RESP2 *n, RESP3 >n */
void reply_attribute(struct reply *reply, size_t pairs); /* RESP3 only: |n */

/* For a header whose count is known only after its elements: begin keeps a
 * place, end writes the header there. kind is '*', '%' or '~'. */
size_t reply_deferred_begin(struct reply *reply);
void   reply_deferred_end(struct reply *reply, size_t mark, char kind,
                          size_t count);

#endif
