/* batch.c - a batch is a list of blocks that records are appended to.
 *
 * A block is one allocation; blocks double from 1 KB to 64 KB, and a record
 * that does not fit gets a block of its own. So growing copies nothing, and a
 * batch of one delete is small. Read in order, a batch can be freed block
 * after block (free_behind); read by key, which is how LevelDB gets it, it
 * stands beside LevelDB's own to the end, with 48 bytes more a record.
 *
 * A record in a block is: struct record_head, key, value. Heads are not
 * aligned, they are copied in and out. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/store.h"

#define BLOCK_MIN_BYTES ((size_t)1024)
#define BLOCK_MAX_BYTES ((size_t)65536)

struct block {
    struct block *next;
    size_t        capacity; /* of data */
    size_t        len;
    char          data[];
};

struct store_batch {
    struct block *first;
    struct block *last;
    size_t        count;
    size_t        bytes;        /* keys and values */
    size_t        memory_bytes; /* this struct and all blocks */
    bool          consumed;     /* read with free_behind: may only be freed */
};

struct record_head {
    uint32_t key_len;
    uint32_t value_len : 31;
    uint32_t is_delete : 1;
};

struct store_batch *store_batch_new(void)
{
    struct store_batch *batch = mem_calloc(1, sizeof(*batch));
    batch->memory_bytes = mem_good_size(sizeof(*batch));
    return batch;
}

/* Takes the first block off the list and frees it. */
static void batch_drop_first(struct store_batch *batch)
{
    struct block *block = batch->first;

    batch->first = block->next;
    if (batch->first == NULL)
        batch->last = NULL;
    batch->memory_bytes -= mem_good_size(sizeof(*block) + block->capacity);
    mem_free(block);
}

void store_batch_free(struct store_batch *batch)
{
    if (batch == NULL)
        return;
    while (batch->first)
        batch_drop_first(batch);
    mem_free(batch);
}

/* A new last block with room for at least need_bytes. */
static struct block *batch_add_block(struct store_batch *batch,
                                     size_t              need_bytes)
{
    size_t size = BLOCK_MIN_BYTES;

    if (batch->last)
        size = 2 * (sizeof(struct block) + batch->last->capacity);
    if (size > BLOCK_MAX_BYTES)
        size = BLOCK_MAX_BYTES;
    if (size < sizeof(struct block) + need_bytes)
        size = sizeof(struct block) + need_bytes;

    struct block *block = mem_alloc(size);
    block->next = NULL;
    block->capacity = size - sizeof(*block);
    block->len = 0;
    if (batch->last)
        batch->last->next = block;
    else
        batch->first = block;
    batch->last = block;
    batch->memory_bytes += mem_good_size(size);
    return block;
}

static void block_append(struct block *block, const void *data, size_t len)
{
    ASSERT(len <= block->capacity - block->len);
    if (len > 0)
        memcpy(block->data + block->len, data, len);
    block->len += len;
}

static void batch_add(struct store_batch *batch, slice key, slice value,
                      bool is_delete)
{
    ASSERT(key.len <= UINT32_MAX && value.len <= INT32_MAX);
    struct record_head head = { .key_len = (uint32_t)key.len,
                                .value_len = (uint32_t)value.len & INT32_MAX,
                                .is_delete = is_delete };
    size_t             need_bytes = sizeof(head) + key.len + value.len;
    struct block      *block = batch->last;

    ASSERT(!batch->consumed);
    if (block == NULL || block->capacity - block->len < need_bytes)
        block = batch_add_block(batch, need_bytes);
    block_append(block, &head, sizeof(head));
    block_append(block, key.data, key.len);
    block_append(block, value.data, value.len);
    batch->count++;
    batch->bytes += key.len + value.len;
}

void store_batch_put(struct store_batch *batch, slice key, slice value)
{
    batch_add(batch, key, value, false);
}

void store_batch_delete(struct store_batch *batch, slice key)
{
    batch_add(batch, key, SLICE_EMPTY, true);
}

size_t store_batch_count(const struct store_batch *batch)
{
    return batch->count;
}

size_t store_batch_bytes(const struct store_batch *batch)
{
    return batch->bytes;
}

size_t store_batch_memory(const struct store_batch *batch)
{
    return batch->memory_bytes;
}

void store_batch_cursor_init(struct store_batch_cursor *cursor,
                             struct store_batch *batch, bool free_behind)
{
    ASSERT(!batch->consumed);
    *cursor = (struct store_batch_cursor){ .batch = batch,
                                           .free_behind = free_behind,
                                           .block = batch->first };
    batch->consumed = free_behind;
}

/* Steps past blocks that have been read to their end. */
static struct block *cursor_block(struct store_batch_cursor *cursor)
{
    struct block *block = cursor->block;

    while (block && cursor->offset == block->len) {
        struct block *next = block->next;
        if (cursor->free_behind)
            batch_drop_first(cursor->batch);
        cursor->block = block = next;
        cursor->offset = 0;
    }
    return block;
}

static struct store_op record_read(const char *record)
{
    struct record_head head;
    memcpy(&head, record, sizeof(head));
    const char *key = record + sizeof(head);
    return (struct store_op){
        .is_delete = head.is_delete,
        .key = slice_make(key, head.key_len),
        .value = slice_make(key + head.key_len, head.value_len),
    };
}

static size_t record_bytes(const struct store_op *op)
{
    return sizeof(struct record_head) + op->key.len + op->value.len;
}

bool store_batch_next(struct store_batch_cursor *cursor, struct store_op *op)
{
    struct block *block = cursor_block(cursor);

    if (block == NULL)
        return false;
    ASSERT(block->len - cursor->offset >= sizeof(struct record_head));
    *op = record_read(block->data + cursor->offset);
    cursor->offset += record_bytes(op);
    ASSERT(cursor->offset <= block->len);
    return true;
}

/* --- by key --------------------------------------------------------------- */

/* A record and what decides most comparisons, so that they need not look at
 * it. */
struct by_key {
    uint64_t    first; /* the key's first bytes, as a number that sorts so */
    const char *record;
    size_t      number; /* in the batch */
};

static uint64_t first_bytes(slice key)
{
    uint8_t bytes[8] = { 0 };
    if (key.len > 0)
        memcpy(bytes, key.data, key.len < 8 ? key.len : 8);
    return num_get_be64(bytes);
}

static int compare_by_key(const void *a, const void *b)
{
    const struct by_key *one = a, *other = b;
    if (one->first != other->first)
        return one->first < other->first ? -1 : 1;
    int compared = slice_compare(record_read(one->record).key,
                                 record_read(other->record).key);
    if (compared != 0)
        return compared;
    return one->number < other->number ? -1 : 1;
}

void store_batch_each_by_key(const struct store_batch *batch,
                             store_batch_visit *visit, void *arg)
{
    struct by_key *all = mem_calloc(batch->count + 1, sizeof(*all));
    size_t         count = 0;

    ASSERT(!batch->consumed);
    for (struct block *block = batch->first; block; block = block->next) {
        for (size_t at = 0; at < block->len;) {
            struct store_op op = record_read(block->data + at);
            all[count] = (struct by_key){ .first = first_bytes(op.key),
                                          .record = block->data + at,
                                          .number = count };
            count++;
            at += record_bytes(&op);
        }
    }
    ASSERT(count == batch->count);
    qsort(all, count, sizeof(*all), compare_by_key);
    for (size_t i = 0; i < count; i++) {
        struct store_op op = record_read(all[i].record);
        visit(arg, &op);
    }
    mem_free(all);
}
