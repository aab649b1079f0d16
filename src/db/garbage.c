/* garbage.c - records that nobody can reach: emptied namespaces, pages of
 * replaced values. They are deleted in slices by background jobs; a garbage
 * record names each until all of it is gone, so a restart goes on with it.
 *
 * One slice handles one garbage record: it deletes up to SLICE_RECORDS of what
 * it names, in one batch, and the garbage record itself with the last of them.
 * Where a slice stopped is remembered, since seeking to the start of a range
 * that was just deleted would walk over all its tombstones. */
#include "db/internal.h"

#define SLICE_RECORDS 128

struct garbage_job {
    struct job          job;
    struct db          *db;
    struct store       *store;
    struct buf          at; /* in: where to go on; out: where it stopped */
    struct buf          first, last; /* deleted; empty: nothing was */
    bool                ended; /* all of what the garbage record names */
    bool                durable;
    bool                more;
    bool                write_failed;
    uint64_t            deleted;
    err_t               err;
    struct err_text     why;
    struct store_batch *batch;
};

static bool starts_with(slice key, slice prefix)
{
    return key.len >= prefix.len &&
           memcmp(key.data, prefix.data, prefix.len) == 0;
}

/* --- on the I/O thread --------------------------------------------------- */

/* A key record of an emptied namespace goes, with its expiry record; pages of
 * a large value become garbage on their own. */
static void drop_key_record(struct garbage_job *job, slice key, slice value)
{
    struct key_record record;
    struct buf        other;
    buf_init(&other, SIZE_MAX);
    store_batch_delete(job->batch, key);
    if (record_key_decode(key, value, &record) == ERR_OK) {
        if (record.deadline_ms != 0) {
            record_expiry_key(&other, record.deadline_ms, key);
            store_batch_delete(job->batch, buf_slice(&other));
        }
        if (record.object_id != 0) {
            struct buf empty;
            buf_init(&empty, 64);
            record_garbage_object_key(&other, record.object_id);
            record_value_begin(&empty);
            record_value_end(&empty, buf_slice(&other));
            store_batch_put(job->batch, buf_slice(&other), buf_slice(&empty));
            buf_deinit(&empty);
        }
    }
    buf_deinit(&other);
}

static void keep_key(struct buf *buf, slice key)
{
    buf_clear(buf);
    err_t err = buf_append(buf, key.data, key.len);
    ASSERT(err == ERR_OK);
}

/* Deletes a slice of [at or prefix, end of prefix). True: nothing is left. */
static bool drop_range(struct garbage_job *job, slice prefix)
{
    slice at = buf_slice(&job->at);
    slice from = starts_with(at, prefix) ? at : prefix;
    size_t count = 0;
    struct store_iter *iter = store_iter_new(job->store, NULL);
    for (store_iter_seek(iter, from);
         store_iter_valid(iter) && count < SLICE_RECORDS;
         store_iter_next(iter), count++) {
        slice key = store_iter_key(iter);
        if (!starts_with(key, prefix))
            break;
        if (count == 0)
            keep_key(&job->first, key);
        keep_key(&job->last, key);
        if (key.data[0] == RECORD_KEY)
            drop_key_record(job, key, store_iter_value(iter));
        else
            store_batch_delete(job->batch, key);
    }
    job->deleted += count;
    job->err = store_iter_error(iter, &job->why);
    bool end = count < SLICE_RECORDS && job->err == ERR_OK;
    buf_clear(&job->at);
    if (!end && store_iter_valid(iter))
        keep_key(&job->at, store_iter_key(iter));
    job->ended = end;
    store_iter_free(iter);
    return end;
}

static void drop_counts(struct garbage_job *job, uint32_t space)
{
    struct buf key;
    buf_init(&key, 64);
    for (unsigned group = 0; group < COUNT_GROUPS; group++) {
        record_count_key(&key, space, group);
        store_batch_delete(job->batch, buf_slice(&key));
    }
    record_expires_key(&key, space);
    store_batch_delete(job->batch, buf_slice(&key));
    buf_deinit(&key);
}

/* One slice of what the garbage record `name` names. */
static void drop_some(struct garbage_job *job, slice name)
{
    bool       is_space;
    uint64_t   id;
    struct buf prefix;
    buf_init(&prefix, 64);
    if (!record_garbage_parse(name, &is_space, &id)) {
        store_batch_delete(job->batch, name); /* not ours to understand */
        return;
    }
    if (is_space) {
        record_key_space(&prefix, (uint32_t)id);
    } else {
        record_page_key(&prefix, id, 0);
        prefix.len -= RECORD_PAGE_ID_BYTES;
    }
    if (drop_range(job, buf_slice(&prefix))) {
        store_batch_delete(job->batch, name);
        if (is_space)
            drop_counts(job, (uint32_t)id);
    }
    buf_deinit(&prefix);
}

static void garbage_run(struct job *base)
{
    struct garbage_job *job = CONTAINER_OF(base, struct garbage_job, job);
    const char          family = RECORD_GARBAGE;
    struct buf          name;
    buf_init(&name, 64);
    struct store_iter *iter = store_iter_new(job->store, NULL);
    store_iter_seek(iter, slice_make(&family, 1));
    if (store_iter_valid(iter)) {
        slice key = store_iter_key(iter);
        job->more = key.data[0] == RECORD_GARBAGE &&
                    buf_append(&name, key.data, key.len) == ERR_OK;
    } else {
        job->err = store_iter_error(iter, &job->why);
    }
    store_iter_free(iter);
    job->batch = store_batch_new();
    if (job->more)
        drop_some(job, buf_slice(&name));
    if (job->err == ERR_OK && store_batch_count(job->batch) > 0) {
        job->err = store_write(job->store, job->batch, job->durable,
                               &job->why);
        job->write_failed = job->err != ERR_OK;
        job->batch = NULL;
    }
    store_batch_free(job->batch);
    buf_deinit(&name);
}

/* --- on the loop thread -------------------------------------------------- */

/* A range that can't be read stays until the next start; a damaged block there
 * is no reason to stop anything else. */
static void put_off(struct db *db, const struct err_text *why)
{
    db_error(db, "deleting garbage", why);
    db->garbage_put_off = true;
}

static void garbage_done(struct job *base)
{
    struct garbage_job *job = CONTAINER_OF(base, struct garbage_job, job);
    struct db          *db = job->db;
    db->garbage_running = false;
    db->garbage_more = job->more && job->err == ERR_OK;
    db->stats.garbage_deleted += job->deleted;
    buf_deinit(&db->garbage_at);
    db->garbage_at = job->at;
    db->buffered |= job->deleted > 0;
    db->written_ms = db->now_ms;
    if (job->err == ERR_OK && job->deleted > 0)
        compact_emptied(db, buf_slice(&job->first), buf_slice(&job->last),
                        job->deleted, job->ended);
    buf_deinit(&job->first);
    buf_deinit(&job->last);
    if (job->write_failed)
        fail_begin(db, &job->why);
    else if (job->err != ERR_OK)
        put_off(db, &job->why);
    else
        db->garbage_known |= job->more;
    mem_free(job);
}

void garbage_step(struct db *db)
{
    if (!db->garbage_known || db->garbage_running || db->failing ||
        db->garbage_put_off || compact_is_behind(db))
        return;
    db->garbage_known = false; /* until the job, or a cut, says otherwise */
    struct garbage_job *job = mem_calloc(1, sizeof(*job));
    job->job = (struct job){ .class = JOB_BACKGROUND,
                             .run = garbage_run,
                             .done = garbage_done };
    job->db = db;
    job->store = db->opt.store;
    job->durable = db->opt.fsync;
    job->at = db->garbage_at;
    buf_init(&db->garbage_at, SIZE_MAX);
    buf_init(&job->first, SIZE_MAX);
    buf_init(&job->last, SIZE_MAX);
    db->garbage_running = true;
    io_submit(db->opt.io, &job->job);
}

void garbage_deinit(struct db *db)
{
    buf_deinit(&db->garbage_at);
}
