/* blob.h - immutable shared bytes, for what is long and on its way to clients.
 *
 * A blob is written by whoever made it while it holds the only reference, and
 * by nobody after. Replies share it by reference. It has the bytes in itself,
 * or lends them from an owner (a page of a large string) who keeps them as they
 * are until he is let go. Who charges it to which account is the holder's
 * business.
 *
 * Threads  ref and unref: any thread (the count is atomic). */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct blob {
    atomic_uint refs;
    size_t      len;
    char       *data;
    void      (*let_go)(void *owner); /* NULL: the bytes are its own */
    void       *owner;
};

struct blob *blob_new(size_t len);         /* one reference, bytes unset */
struct blob *blob_copy(slice bytes);       /* one reference */
/* One reference; the last one calls let_go, on any thread. */
struct blob *blob_lend(slice bytes, void (*let_go)(void *owner), void *owner);
struct blob *blob_ref(struct blob *blob);  /* one more; returns blob */
void         blob_unref(struct blob *blob); /* NULL is fine */
bool         blob_is_shared(const struct blob *blob); /* refs > 1 */
/* What a blob of len bytes costs, allocator's rounding included. */
size_t blob_charge_bytes(size_t len);

static inline slice blob_slice(const struct blob *blob)
{
    return slice_make(blob->data, blob->len);
}

#endif
