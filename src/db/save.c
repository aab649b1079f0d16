/* save.c - a cut on the I/O thread: everything here runs there, but for
 * save_recover_staged, which the start calls too.
 *
 * The nodes of new objects are written first, in batches of bounded size, under
 * object ids that nothing refers to yet; a garbage record says so until the
 * batch of the cut, which refers to them, takes it away. So that batch, and the
 * changed nodes of older objects, are all that must be atomic.
 *
 * A batch that is larger than LevelDB should take at once is staged: its
 * records go to the staging family in pieces, then the commit record makes
 * them count, then they move into place in pieces. A restart finishes what has
 * a commit record, and drops what has none. */
#include "db/internal.h"

#include "base/num.h"

#define STAGED_NAME "staged"

enum { STAGED_PUT = 1, STAGED_DELETE = 2 };

/* Scratch of one save. */
struct writer {
    struct store       *store;
    struct store_batch *batch; /* the piece that is being filled */
    size_t              piece_max;
    size_t              planned_max; /* the store has memory set aside for */
    struct log         *log;         /* NULL: says nothing */
    bool                warned;
    bool                durable; /* of every piece: with power lost, a log must
                                    not have a hole before what counts */
    struct buf          key;
    struct buf          value;
    struct err_text    *why;
};

/* A piece may be one page over; halves keep it within the bound. */
static void writer_init(struct writer *writer, struct store *store,
                        struct log *log, size_t batch_max, bool durable,
                        struct err_text *why)
{
    *writer = (struct writer){ .store = store,
                               .batch = store_batch_new(),
                               .piece_max = batch_max / 2,
                               .planned_max = batch_max,
                               .log = log,
                               .durable = durable,
                               .why = why };
    buf_init(&writer->key, SIZE_MAX);
    buf_init(&writer->value, SIZE_MAX);
}

static void writer_deinit(struct writer *writer)
{
    store_batch_free(writer->batch);
    buf_deinit(&writer->key);
    buf_deinit(&writer->value);
}

/* A piece holds one record at least, and that may be more than cut-max: a chunk
 * of a string where cut-max is below 16 KB, an element of a list or a key that
 * is long. Told once a flush. */
static void warn_of_large(struct writer *writer)
{
    size_t bytes = store_batch_bytes(writer->batch);
    if (bytes <= writer->planned_max || writer->warned)
        return;
    writer->warned = true;
    log_write(writer->log, LOG_WARNING,
              "a batch of %zu bytes is larger than cut-max, %zu: memory may "
              "pass its limit while it is written (this flush may have more)",
              bytes, writer->planned_max);
}

static err_t flush_piece(struct writer *writer)
{
    struct store_batch *piece = writer->batch;
    if (store_batch_count(piece) == 0)
        return ERR_OK;
    warn_of_large(writer);
    writer->batch = store_batch_new();
    return store_write(writer->store, piece, writer->durable, writer->why);
}

static err_t flush_if_full(struct writer *writer)
{
    return store_batch_bytes(writer->batch) >= writer->piece_max
               ? flush_piece(writer)
               : ERR_OK;
}

static void append(struct buf *buf, const void *data, size_t len)
{
    err_t err = buf_append(buf, data, len);
    ASSERT(err == ERR_OK);
}

/* --- pages --------------------------------------------------------------- */

/* key and value = the record of a page. */
static void make_page(struct writer *writer, uint64_t object_id, uint64_t page,
                      slice bytes)
{
    record_page_key(&writer->key, object_id, page);
    record_value_begin(&writer->value);
    append(&writer->value, bytes.data, bytes.len);
    record_value_end(&writer->value, buf_slice(&writer->key));
}

static void put_page(struct writer *writer, struct store_batch *batch,
                     uint64_t object_id, uint64_t page, slice bytes)
{
    make_page(writer, object_id, page, bytes);
    store_batch_put(batch, buf_slice(&writer->key), buf_slice(&writer->value));
}

/* Until the batch of the cut takes it away, what follows is garbage. */
static void put_garbage(struct writer *writer, uint64_t object_id)
{
    record_garbage_object_key(&writer->key, object_id);
    record_value_begin(&writer->value);
    record_value_end(&writer->value, buf_slice(&writer->key));
    store_batch_put(writer->batch, buf_slice(&writer->key),
                    buf_slice(&writer->value));
}

static slice node_bytes(const struct page_save *save)
{
    return slice_make(save->page->bytes, save->page->len);
}

static void let_go(struct page_save *save)
{
    page_unref(save->page);
    save->page = NULL;
}

/* Those of new objects: nothing names them yet. */
static err_t write_nodes_ahead(struct writer *writer, struct save_job *job)
{
    err_t err = ERR_OK;
    for (size_t i = 0; i < job->new_count; i++)
        put_garbage(writer, job->new_objects[i]);
    for (size_t i = 0; i < job->page_count && err == ERR_OK; i++) {
        struct page_save *save = &job->pages[i];
        if (!save->is_ahead)
            continue;
        put_page(writer, writer->batch, save->object_id, save->page->node.id,
                 node_bytes(save));
        let_go(save);
        err = flush_if_full(writer);
    }
    return err;
}

/* Bytes that must be one batch. */
static size_t atomic_bytes(const struct save_job *job)
{
    size_t bytes = store_batch_bytes(job->batch);
    for (size_t i = 0; i < job->page_count; i++)
        if (job->pages[i].page != NULL)
            bytes += job->pages[i].page->len;
    return bytes;
}

static void add_nodes(struct writer *writer, struct save_job *job)
{
    for (size_t i = 0; i < job->page_count; i++) {
        struct page_save *save = &job->pages[i];
        if (save->page == NULL)
            continue;
        put_page(writer, job->batch, save->object_id, save->page->node.id,
                 node_bytes(save));
        let_go(save);
    }
}

/* --- staging ------------------------------------------------------------- */

/* Value of a staging record: kind, length of the key, key, value. */
static void put_staged(struct writer *writer, uint64_t cut_id,
                       uint32_t sequence, const struct store_op *op)
{
    uint8_t head[11];
    head[0] = op->is_delete ? STAGED_DELETE : STAGED_PUT;
    size_t head_len = 1 + num_put_varint(head + 1, op->key.len);
    record_staging_key(&writer->key, cut_id, sequence);
    record_value_begin(&writer->value);
    append(&writer->value, head, head_len);
    append(&writer->value, op->key.data, op->key.len);
    append(&writer->value, op->value.data, op->value.len);
    record_value_end(&writer->value, buf_slice(&writer->key));
    store_batch_put(writer->batch, buf_slice(&writer->key),
                    buf_slice(&writer->value));
}

static err_t stage_batch(struct writer *writer, uint64_t cut_id,
                         struct store_batch *batch, uint32_t *sequence)
{
    struct store_batch_cursor cursor;
    struct store_op           op;
    err_t                     err = ERR_OK;
    store_batch_cursor_init(&cursor, batch, true);
    while (err == ERR_OK && store_batch_next(&cursor, &op)) {
        put_staged(writer, cut_id, (*sequence)++, &op);
        err = flush_if_full(writer);
    }
    return err;
}

/* One node after the other: all of them are never in a batch. */
static err_t stage_nodes(struct writer *writer, struct save_job *job,
                         uint32_t sequence)
{
    struct writer record; /* the record's bytes, beside those of the piece */
    err_t         err = ERR_OK;
    buf_init(&record.key, SIZE_MAX);
    buf_init(&record.value, SIZE_MAX);
    for (size_t i = 0; i < job->page_count && err == ERR_OK; i++) {
        struct page_save *save = &job->pages[i];
        if (save->page == NULL)
            continue;
        make_page(&record, save->object_id, save->page->node.id,
                  node_bytes(save));
        let_go(save);
        struct store_op op = { .key = buf_slice(&record.key),
                               .value = buf_slice(&record.value) };
        put_staged(writer, job->cut_id, sequence++, &op);
        err = flush_if_full(writer);
    }
    buf_deinit(&record.key);
    buf_deinit(&record.value);
    return err;
}

static void put_commit(struct writer *writer, uint64_t cut_id)
{
    uint8_t id[8];
    num_put_be64(id, cut_id);
    record_meta_key(&writer->key, STAGED_NAME);
    record_value_begin(&writer->value);
    append(&writer->value, id, sizeof(id));
    record_value_end(&writer->value, buf_slice(&writer->key));
    store_batch_put(writer->batch, buf_slice(&writer->key),
                    buf_slice(&writer->value));
}

/* Adds to the piece what the staging record says, and its own delete. */
static err_t unstage_one(struct writer *writer, slice key, slice value)
{
    slice    in;
    uint64_t key_len;
    err_t    err = record_value_open(key, value, &in);
    if (err != ERR_OK || in.len < 2)
        return err_set(writer->why, ERR_CORRUPT, "a staged record is damaged");
    uint8_t kind = (uint8_t)in.data[0];
    in = slice_make(in.data + 1, in.len - 1);
    size_t used = num_get_varint(in, &key_len);
    if (used == 0 || key_len > in.len - used)
        return err_set(writer->why, ERR_CORRUPT, "a staged record is damaged");
    slice own = slice_make(in.data + used, (size_t)key_len);
    slice rest = slice_make(own.data + own.len, in.len - used - own.len);
    if (kind == STAGED_DELETE)
        store_batch_delete(writer->batch, own);
    else
        store_batch_put(writer->batch, own, rest);
    store_batch_delete(writer->batch, key);
    return ERR_OK;
}

static bool is_staging(slice key)
{
    return key.len > 0 && key.data[0] == RECORD_STAGING;
}

/* Moves all staged records into place, or (keep false) drops them. A piece
 * holds the records and the deletes of their staging records, so it may be
 * cut short anywhere and done again. */
static err_t unstage_all(struct writer *writer, bool keep)
{
    const char first = RECORD_STAGING;
    err_t      err = ERR_OK;
    struct store_iter *iter = store_iter_new(writer->store, NULL);
    for (store_iter_seek(iter, slice_make(&first, 1));
         store_iter_valid(iter) && is_staging(store_iter_key(iter)) &&
         err == ERR_OK;
         store_iter_next(iter)) {
        slice key = store_iter_key(iter);
        if (keep)
            err = unstage_one(writer, key, store_iter_value(iter));
        else
            store_batch_delete(writer->batch, key);
        if (err == ERR_OK)
            err = flush_if_full(writer);
    }
    if (err == ERR_OK)
        err = store_iter_error(iter, writer->why);
    store_iter_free(iter);
    return err;
}

static err_t finish_staged(struct writer *writer)
{
    err_t err = unstage_all(writer, true);
    if (err != ERR_OK)
        return err;
    record_meta_key(&writer->key, STAGED_NAME);
    store_batch_delete(writer->batch, buf_slice(&writer->key));
    return flush_piece(writer);
}

static err_t write_staged(struct writer *writer, struct save_job *save)
{
    save->staged = true;
    uint32_t sequence = 0;
    err_t    err = stage_batch(writer, save->cut_id, save->batch, &sequence);
    store_batch_free(save->batch);
    save->batch = NULL;
    if (err == ERR_OK)
        err = stage_nodes(writer, save, sequence);
    if (err == ERR_OK)
        err = flush_piece(writer);
    if (err != ERR_OK)
        return err;
    put_commit(writer, save->cut_id);
    err = flush_piece(writer);
    return err == ERR_OK ? finish_staged(writer) : err;
}

err_t save_recover_staged(struct store *store, size_t batch_max, bool durable,
                          struct err_text *why)
{
    struct writer    writer;
    struct store_get get;
    writer_init(&writer, store, NULL, batch_max, durable, why);
    record_meta_key(&writer.key, STAGED_NAME);
    err_t err = store_get_one(store, buf_slice(&writer.key), &get);
    if (err == ERR_OK) {
        store_value_free(get.value);
        err = finish_staged(&writer);
    } else if (err == ERR_NOT_FOUND) {
        err = unstage_all(&writer, false);
        if (err == ERR_OK)
            err = flush_piece(&writer);
    } else if (why != NULL) {
        *why = get.why;
    }
    writer_deinit(&writer);
    return err;
}

/* --- the job ------------------------------------------------------------- */

void save_run(struct job *job)
{
    struct save_job *save = CONTAINER_OF(job, struct save_job, job);
    struct writer    writer;
    LOG_DEBUG(save->db->opt.log, "taken save of epoch %llu",
              (unsigned long long)save->cut_id);
    writer_init(&writer, save->store, save->db->opt.log, save->batch_max,
                save->durable, &save->why);
    err_t err = write_nodes_ahead(&writer, save);
    if (err == ERR_OK)
        err = flush_piece(&writer);
    if (err == ERR_OK && atomic_bytes(save) > save->batch_max) {
        err = write_staged(&writer, save);
    } else if (err == ERR_OK) {
        add_nodes(&writer, save);
        err = store_write(save->store, save->batch, save->durable, &save->why);
        save->batch = NULL;
    }
    for (size_t i = 0; i < save->page_count; i++)
        page_unref(save->pages[i].page);
    mem_free(save->pages);
    store_batch_free(save->batch);
    save->batch = NULL;
    save->err = err;
    writer_deinit(&writer);
}
