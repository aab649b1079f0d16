/* record.h - every record on disk: its key, its value, its checksum.
 *
 * docs/FORMAT.md specifies the bytes; this file is the only code that knows
 * them. Keys begin with a letter that tells the family. Values begin with the
 * record format's version and end with a checksum (hash_checksum over the
 * record's key and all of the value before it).
 *
 * Threads  pure functions, any thread.
 * Errors   ERR_CORRUPT: checksum or structure; ERR_FORMAT: a newer version.
 */
#ifndef CODEC_RECORD_H
#define CODEC_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define RECORD_FORMAT 2

enum record_family {
    RECORD_META = 'm',
    RECORD_EXPIRY = 'e',
    RECORD_GARBAGE = 'g',
    RECORD_KEY = 'k',
    RECORD_PAGE = 'p',
    RECORD_STAGING = 's',
};

/* Bytes of a key record's key before the user key. */
#define RECORD_KEY_PREFIX (1 + 4 + 2 + 6)

/* Bytes of a page record's key after the object id. */
#define RECORD_PAGE_ID_BYTES 8

/* The bits of an object id that hold its birth slot, at the top. */
#define RECORD_OBJECT_SLOT_SHIFT 50

/* --- keys: appended to out, which is cleared first ----------------------- */
void record_key_key(struct buf *out, uint32_t space, uint64_t hash, slice key);
/* The start of all key records of a namespace. */
void record_key_space(struct buf *out, uint32_t space);
/* The start of a slot's; slot may be SLOT_COUNT, for the end. */
void record_key_slot(struct buf *out, uint32_t space, unsigned slot);
void record_page_key(struct buf *out, uint64_t object_id, uint64_t page_id);
void record_expiry_key(struct buf *out, int64_t deadline_ms,
                       slice key_record_key);
void record_garbage_object_key(struct buf *out, uint64_t object_id);
void record_garbage_space_key(struct buf *out, uint32_t space);
void record_meta_key(struct buf *out, const char *name);
void record_count_key(struct buf *out, uint32_t space, unsigned group);
void record_expires_key(struct buf *out, uint32_t space);
void record_staging_key(struct buf *out, uint64_t cut_id, uint32_t sequence);

/* The parts of a key record's key. */
bool record_key_parse(slice record_key, uint32_t *space, uint16_t *slot,
                      slice *user_key);
bool record_expiry_parse(slice record_key, int64_t *deadline_ms,
                         slice *key_record_key);
bool record_garbage_parse(slice record_key, bool *is_space, uint64_t *id);
bool record_page_parse(slice record_key, uint64_t *object_id);

/* --- values -------------------------------------------------------------- */

/* begin clears out and writes the format; the payload is appended; end appends
 * the checksum. open verifies both and lends the payload. */
void  record_value_begin(struct buf *out);
void  record_value_end(struct buf *out, slice record_key);
err_t record_value_open(slice record_key, slice value, slice *payload);

/* The header of a user key, and its value when that is small (of a collection:
 * its page), else the root of its object. */
struct key_record {
    uint8_t  type;        /* enum obj_type */
    uint64_t version;
    int64_t  deadline_ms; /* 0: none */
    uint64_t object_id;   /* 0: the value is here; else in its pages */
    slice    value;       /* if object_id == 0; else the root */
};
void  record_key_encode(struct buf *out, slice record_key,
                        const struct key_record *record);
/* record->value points into value. */
err_t record_key_decode(slice record_key, slice value,
                        struct key_record *record);

#endif
