/* blob.c - one allocation: count, length, and the bytes unless they are lent.
 *
 * The count is the only thing that two threads touch. Taking a reference needs
 * no order, since whoever takes one already holds one. Dropping it does: all
 * reads of the bytes by other holders must be over before the last one frees,
 * hence release on every drop and acquire before the free. */
#include "base/blob.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

struct blob *blob_new(size_t len)
{
    ASSERT(len <= SIZE_MAX - sizeof(struct blob));

    struct blob *blob = mem_alloc(sizeof(*blob) + len);
    atomic_init(&blob->refs, 1);
    blob->len = len;
    blob->data = (char *)(blob + 1);
    blob->let_go = NULL;
    blob->owner = NULL;
    return blob;
}

struct blob *blob_lend(slice bytes, void (*let_go)(void *owner), void *owner)
{
    struct blob *blob = blob_new(0);
    blob->len = bytes.len;
    blob->data = (char *)bytes.data;
    blob->let_go = let_go;
    blob->owner = owner;
    return blob;
}

struct blob *blob_copy(slice bytes)
{
    struct blob *blob = blob_new(bytes.len);
    if (bytes.len > 0)
        memcpy(blob->data, bytes.data, bytes.len);
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    unsigned before =
        atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    ASSERT(before > 0);
    ASSERT(before < UINT32_MAX);
    return blob;
}

void blob_unref(struct blob *blob)
{
    if (blob == NULL)
        return;
    unsigned before =
        atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before > 1)
        return;
    if (blob->let_go != NULL)
        blob->let_go(blob->owner);
    mem_free(blob);
}

/* Acquire: who learns that it is alone may write to the bytes again. */
bool blob_is_shared(const struct blob *blob)
{
    return atomic_load_explicit(&blob->refs, memory_order_acquire) > 1;
}

size_t blob_charge_bytes(size_t len)
{
    return mem_good_size(sizeof(struct blob) + len);
}
