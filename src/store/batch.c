/* batch.c - a batch is a list of blocks that records are appended to.
 *
 * A block is one allocation; blocks double from 1 KB to 64 KB, and a record
 * that does not fit gets a block of its own. So growing copies nothing, a
 * batch of one delete is small, and a reader can free block after block as it
 * goes (free_behind): turned into LevelDB's form, a batch does not stand in
 * memory twice.
 *
 * A record in a block is: struct record_head, key, value. Heads are not
 * aligned, they are copied in and out. */
#include "base/assert.h"
#include "base/mem.h"
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
    size_t key_len;
    size_t value_len;
    bool   is_delete;
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
    struct record_head head = { .key_len = key.len,
                                .value_len = value.len,
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

bool store_batch_next(struct store_batch_cursor *cursor, struct store_op *op)
{
    struct block      *block = cursor_block(cursor);
    struct record_head head;

    if (block == NULL)
        return false;
    ASSERT(block->len - cursor->offset >= sizeof(head));
    memcpy(&head, block->data + cursor->offset, sizeof(head));
    const char *key = block->data + cursor->offset + sizeof(head);
    op->is_delete = head.is_delete;
    op->key = slice_make(key, head.key_len);
    op->value = slice_make(key + head.key_len, head.value_len);
    cursor->offset += sizeof(head) + head.key_len + head.value_len;
    ASSERT(cursor->offset <= block->len);
    return true;
}
