/* compact.c - LevelDB is made to tidy up where it would not by itself.
 *
 * Where much was deleted: deleting gives no disk space back before the tables
 * are merged, and nothing may ever make LevelDB do that. So a range that was
 * emptied of COMPACT_RECORDS is compacted, and the last piece of one that had
 * COMPACT_MIN: a few tables at a time.
 *
 * When nothing has been written for a while: what is in the write buffer is
 * made a table. It would be one anyway, later; but so its memory is free, and a
 * start has no log to read.
 *
 * Both on a thread of its own. With io-threads 0 the loop would wait for it;
 * there it is left to LevelDB. */
#include "db/internal.h"

#define COMPACT_RECORDS 4096
#define COMPACT_MIN     512
#define IDLE_MS         5000

/* What LevelDB has of the range after it was compacted, to try once more. */
#define LEFT_BYTES (64 * 1024)

struct compact_job {
    struct job    job;
    struct db    *db;
    struct store *store;
    struct buf    from, to;
    bool          durable;
    bool          is_idle;   /* the range is empty */
    bool          is_second; /* try */
    bool          is_left;   /* out: there is something left */
    err_t         err;
    struct err_text why;
};

static void compact_run(struct job *base)
{
    struct compact_job *job = CONTAINER_OF(base, struct compact_job, job);
    slice from = buf_slice(&job->from), to = buf_slice(&job->to);
    store_compact(job->store, from, to);
    job->is_left = store_approximate_bytes(job->store, from, to) > LEFT_BYTES;
}

static void job_free(struct compact_job *job)
{
    job->db->compacting = false;
    buf_deinit(&job->from);
    buf_deinit(&job->to);
    mem_free(job);
}

static void press(struct compact_job *job);

static void compact_ended(struct job *base)
{
    struct compact_job *job = CONTAINER_OF(base, struct compact_job, job);
    if (job->is_left && !job->is_idle && !job->is_second && !job->db->failing)
        press(job);
    else
        job_free(job);
}

static void submit_job(struct compact_job *job)
{
    job->job = (struct job){ .class = JOB_COMPACT,
                             .run = compact_run,
                             .done = compact_ended };
    io_submit(job->db->opt.io, &job->job);
}

/* --- what lies on the lowest level ---------------------------------------- */

/* A table on the lowest level that has keys, in which records and their deletes
 * stand together (both came from one write buffer), is compacted by nothing. So
 * something is written above it: the range's ends are deleted again, which
 * nobody will ever use. */
static void press_run(struct job *base)
{
    struct compact_job *job = CONTAINER_OF(base, struct compact_job, job);
    struct store_batch *batch = store_batch_new();
    store_batch_delete(batch, buf_slice(&job->from));
    store_batch_delete(batch, buf_slice(&job->to));
    job->err = store_write(job->store, batch, job->durable, &job->why);
}

static void press_ended(struct job *base)
{
    struct compact_job *job = CONTAINER_OF(base, struct compact_job, job);
    struct db          *db = job->db;
    if (job->err == ERR_OK && !db->failing) {
        submit_job(job);
        return;
    }
    if (job->err != ERR_OK)
        fail_begin(db, &job->why);
    job_free(job);
}

static void press(struct compact_job *job)
{
    job->is_second = true;
    job->job = (struct job){ .class = JOB_BACKGROUND,
                             .run = press_run,
                             .done = press_ended };
    io_submit(job->db->opt.io, &job->job);
}

/* Takes what the buffers hold. */
static void submit(struct db *db, struct buf *from, struct buf *to,
                   bool is_idle)
{
    struct compact_job *job = mem_calloc(1, sizeof(*job));
    job->db = db;
    job->store = db->opt.store;
    job->durable = db->opt.fsync;
    job->is_idle = is_idle;
    job->from = *from;
    job->to = *to;
    buf_init(from, SIZE_MAX);
    buf_init(to, SIZE_MAX);
    db->compacting = true;
    submit_job(job);
}

static bool may_compact(const struct db *db)
{
    return !db->compacting && !db->failing && !io_is_blocking(db->opt.io);
}

static void keep_key(struct buf *buf, slice key)
{
    buf_clear(buf);
    err_t err = buf_append(buf, key.data, key.len);
    ASSERT(err == ERR_OK);
}

void compact_emptied(struct db *db, slice first, slice last, size_t count,
                     bool is_end)
{
    if (db->emptied_count == 0)
        keep_key(&db->emptied_from, first);
    keep_key(&db->emptied_to, last);
    db->emptied_count += count;
    if (!may_compact(db))
        return; /* the next piece comes, and then there is more to do */
    bool is_much = db->emptied_count >= COMPACT_RECORDS ||
                   (is_end && db->emptied_count >= COMPACT_MIN);
    if (is_much)
        submit(db, &db->emptied_from, &db->emptied_to, false);
    if (is_much || is_end)
        db->emptied_count = 0;
}

void compact_idle(struct db *db)
{
    bool is_idle = db->cut.phase == CUT_NONE && !db->garbage_running &&
                   db->now_ms - db->written_ms >= IDLE_MS;
    if (!db->buffered || !is_idle || db->scrub_wanted || !may_compact(db))
        return;
    db->buffered = false;
    /* No key is there, so that no table is touched but the new one. */
    struct buf from, to;
    buf_init(&from, 8);
    buf_init(&to, 8);
    keep_key(&from, SLICE_LITERAL("\xff"));
    keep_key(&to, SLICE_LITERAL("\xff"));
    submit(db, &from, &to, true);
}

void compact_deinit(struct db *db)
{
    buf_deinit(&db->emptied_from);
    buf_deinit(&db->emptied_to);
}
