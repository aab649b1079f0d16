/* record.c - the bytes of docs/FORMAT.md. Integers in keys are big-endian, so
 * that the store's order is theirs; in values they are big-endian or LEB128.
 */
#include "codec/record.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/num.h"

enum { KIND_TYPE_MASK = 0x0f, KIND_DEADLINE = 0x10, KIND_PAGED = 0x20 };

#define CHECKSUM_BYTES 4
#define HASH_BITS      48

/* Buffers for records have no bound of their own: what goes in is bounded by
 * the largest value that the server accepts. */
static void put(struct buf *out, const void *data, size_t len)
{
    err_t err = buf_append(out, data, len);
    ASSERT(err == ERR_OK);
}

static void put_byte(struct buf *out, uint8_t byte)
{
    put(out, &byte, 1);
}

static void put_be32(struct buf *out, uint32_t value)
{
    uint8_t bytes[4];
    num_put_be32(bytes, value);
    put(out, bytes, sizeof(bytes));
}

static void put_be64(struct buf *out, uint64_t value)
{
    uint8_t bytes[8];
    num_put_be64(bytes, value);
    put(out, bytes, sizeof(bytes));
}

static void put_varint(struct buf *out, uint64_t value)
{
    uint8_t bytes[10];
    put(out, bytes, num_put_varint(bytes, value));
}

static void begin_key(struct buf *out, enum record_family family)
{
    buf_clear(out);
    put_byte(out, (uint8_t)family);
}

/* --- keys ---------------------------------------------------------------- */

void record_key_space(struct buf *out, uint32_t space)
{
    begin_key(out, RECORD_KEY);
    put_be32(out, space);
}

void record_key_key(struct buf *out, uint32_t space, uint64_t hash, slice key)
{
    uint8_t  tail[8];
    uint64_t slot = hash_slot(key);
    /* 16 bits of slot, then the top 48 of the hash. */
    num_put_be64(tail, slot << HASH_BITS | hash >> (64 - HASH_BITS));
    record_key_space(out, space);
    put(out, tail, sizeof(tail));
    put(out, key.data, key.len);
}

void record_key_slot(struct buf *out, uint32_t space, unsigned slot)
{
    ASSERT(slot <= SLOT_COUNT);
    record_key_space(out, space);
    put_byte(out, (uint8_t)(slot >> 8));
    put_byte(out, (uint8_t)slot);
}

void record_page_key(struct buf *out, uint64_t object_id, uint64_t page_id)
{
    begin_key(out, RECORD_PAGE);
    put_be64(out, object_id);
    put_be64(out, page_id);
}

void record_expiry_key(struct buf *out, int64_t deadline_ms,
                       slice key_record_key)
{
    ASSERT(deadline_ms > 0);
    begin_key(out, RECORD_EXPIRY);
    put_be64(out, (uint64_t)deadline_ms);
    put(out, key_record_key.data, key_record_key.len);
}

void record_garbage_object_key(struct buf *out, uint64_t object_id)
{
    begin_key(out, RECORD_GARBAGE);
    put_byte(out, 'o');
    put_be64(out, object_id);
}

void record_garbage_space_key(struct buf *out, uint32_t space)
{
    begin_key(out, RECORD_GARBAGE);
    put_byte(out, 's');
    put_be64(out, space);
}

void record_meta_key(struct buf *out, const char *name)
{
    begin_key(out, RECORD_META);
    put(out, name, strlen(name));
}

void record_count_key(struct buf *out, uint32_t space, unsigned group)
{
    record_meta_key(out, "count");
    put_be32(out, space);
    put_byte(out, (uint8_t)group);
}

void record_expires_key(struct buf *out, uint32_t space)
{
    record_meta_key(out, "expires");
    put_be32(out, space);
}

void record_staging_key(struct buf *out, uint64_t cut_id, uint32_t sequence)
{
    begin_key(out, RECORD_STAGING);
    put_be64(out, cut_id);
    put_be32(out, sequence);
}

bool record_key_parse(slice record_key, uint32_t *space, uint16_t *slot,
                      slice *user_key)
{
    if (record_key.len < RECORD_KEY_PREFIX || record_key.data[0] != RECORD_KEY)
        return false;
    *space = num_get_be32(record_key.data + 1);
    *slot = (uint16_t)(num_get_be32(record_key.data + 5) >> 16);
    *user_key = slice_make(record_key.data + RECORD_KEY_PREFIX,
                           record_key.len - RECORD_KEY_PREFIX);
    return *slot < SLOT_COUNT;
}

bool record_expiry_parse(slice record_key, int64_t *deadline_ms,
                         slice *key_record_key)
{
    if (record_key.len < 9 + RECORD_KEY_PREFIX ||
        record_key.data[0] != RECORD_EXPIRY)
        return false;
    *deadline_ms = (int64_t)num_get_be64(record_key.data + 1);
    *key_record_key = slice_make(record_key.data + 9, record_key.len - 9);
    return true;
}

bool record_garbage_parse(slice record_key, bool *is_space, uint64_t *id)
{
    if (record_key.len != 10 || record_key.data[0] != RECORD_GARBAGE)
        return false;
    *is_space = record_key.data[1] == 's';
    *id = num_get_be64(record_key.data + 2);
    return *is_space || record_key.data[1] == 'o';
}

bool record_page_parse(slice record_key, uint64_t *object_id)
{
    if (record_key.len != 1 + 8 + RECORD_PAGE_ID_BYTES || record_key.data[0] != RECORD_PAGE)
        return false;
    *object_id = num_get_be64(record_key.data + 1);
    return true;
}

/* --- values -------------------------------------------------------------- */

void record_value_begin(struct buf *out)
{
    buf_clear(out);
    put_byte(out, RECORD_FORMAT);
}

void record_value_end(struct buf *out, slice record_key)
{
    put_be32(out, hash_checksum(record_key, buf_slice(out)));
}

err_t record_value_open(slice record_key, slice value, slice *payload)
{
    if (value.len < 1 + CHECKSUM_BYTES)
        return ERR_CORRUPT;
    slice body = slice_make(value.data, value.len - CHECKSUM_BYTES);
    if (num_get_be32(value.data + body.len) !=
        hash_checksum(record_key, body))
        return ERR_CORRUPT;
    if (body.data[0] != RECORD_FORMAT)
        return ERR_FORMAT;
    *payload = slice_make(body.data + 1, body.len - 1);
    return ERR_OK;
}

void record_key_encode(struct buf *out, slice record_key,
                       const struct key_record *record)
{
    unsigned kind = record->type;
    ASSERT(kind <= KIND_TYPE_MASK);
    kind |= record->deadline_ms != 0 ? KIND_DEADLINE : 0;
    kind |= record->object_id != 0 ? KIND_PAGED : 0;

    record_value_begin(out);
    put_byte(out, (uint8_t)kind);
    put_varint(out, record->version);
    if (record->deadline_ms != 0)
        put_be64(out, (uint64_t)record->deadline_ms);
    if (record->object_id != 0)
        put_be64(out, record->object_id);
    put(out, record->value.data, record->value.len);
    record_value_end(out, record_key);
}

/* Takes len bytes off the front of *in; false when there are fewer. */
static bool take(slice *in, size_t len, const char **bytes)
{
    if (in->len < len)
        return false;
    *bytes = in->data;
    *in = slice_make(in->data + len, in->len - len);
    return true;
}

static bool take_be64(slice *in, uint64_t *value)
{
    const char *bytes;
    if (!take(in, 8, &bytes))
        return false;
    *value = num_get_be64(bytes);
    return true;
}

static bool take_varint(slice *in, uint64_t *value)
{
    const char *bytes;
    size_t      len = num_get_varint(*in, value);
    return len > 0 && take(in, len, &bytes);
}

err_t record_key_decode(slice record_key, slice value,
                        struct key_record *record)
{
    slice       in;
    const char *kind;
    err_t       err = record_value_open(record_key, value, &in);
    if (err != ERR_OK)
        return err;

    *record = (struct key_record){ 0 };
    if (!take(&in, 1, &kind) || !take_varint(&in, &record->version))
        return ERR_CORRUPT;
    record->type = (uint8_t)*kind & KIND_TYPE_MASK;
    uint64_t deadline = 0;
    if ((*kind & KIND_DEADLINE) && !take_be64(&in, &deadline))
        return ERR_CORRUPT;
    record->deadline_ms = (int64_t)deadline;
    if ((*kind & KIND_PAGED) &&
        (!take_be64(&in, &record->object_id) || record->object_id == 0))
        return ERR_CORRUPT;
    record->value = in;
    return ERR_OK;
}
