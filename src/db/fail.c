/* fail.c - after a failed write: an error means unknown.
 *
 * The batch may be on disk or not. So nothing that was thought of the disk
 * holds: the closed epoch joins the open one, everything dirty is unsettled
 * again, the store is closed and opened, a staged cut is finished or dropped,
 * and the counts are read anew. Then the next flush tries it all again. Until
 * one succeeds, writes are refused and reads go on. */
#include "db/internal.h"

#define RETRY_FIRST_MS 100
#define RETRY_MOST_MS  2000

struct reopen_job {
    struct job          job;
    struct db          *db;
    size_t              batch_max;
    bool                durable;
    bool                resize;
    struct store_options sizes;
    struct store_batch *start_batch; /* owned; NULL: the start was written */
    struct count_reader counts;
    struct store_snapshot *snapshot; /* owned; must go first; NULL: none */
    err_t               err;
    struct err_text     why;
};

/* On the I/O thread, alone. */
static void reopen_run(struct job *base)
{
    struct reopen_job *job = CONTAINER_OF(base, struct reopen_job, job);
    if (job->snapshot != NULL)
        store_snapshot_free(job->counts.store, job->snapshot);
    if (job->resize)
        store_resize(job->counts.store, &job->sizes);
    job->err = store_reopen(job->counts.store, &job->why);
    if (job->err == ERR_OK)
        job->err = save_recover_staged(job->counts.store, job->batch_max,
                                       job->durable, &job->why);
    if (job->err == ERR_OK && job->start_batch != NULL) {
        job->err = store_write(job->counts.store, job->start_batch, true,
                               &job->why);
        job->start_batch = NULL;
    }
    if (job->err != ERR_OK)
        return;
    count_read(&job->counts);
    job->err = job->counts.err;
    job->why = job->counts.why;
}

static void unsettle_list(struct db *db, struct link *list)
{
    LIST_EACH (link, list)
        unsettle(db, CONTAINER_OF(link, struct busy, dirty_link));
}

/* In one turn; cut_abort says why, and what it costs. */
static void unsettle_all(struct db *db)
{
    for (unsigned i = 0; i < db->opt.databases; i++) {
        db->spaces[i].pending = 0;
        db->spaces[i].pending_expires = 0;
        db->spaces[i].unsettled = 0;
    }
    db->unsettled = 0;
    unsettle_list(db, &db->open);
}

static void retry_later(struct db *db)
{
    db->retry_at_ms = db->now_ms + (int64_t)db->retry_delay_ms;
    db->retry_delay_ms *= 2;
    if (db->retry_delay_ms > RETRY_MOST_MS)
        db->retry_delay_ms = RETRY_MOST_MS;
}

static void refuse_writes(struct db *db)
{
    if (!db->failing)
        db->retry_delay_ms = RETRY_FIRST_MS;
    db->failing = true;
    db->flush_wanted = false;
}

/* Who waits for a flush, or for the room that it makes, gets the error. */
static void disappoint(struct db *db)
{
    LIST_EACH_SAFE (link, &db->flushed) {
        struct db_wait *wait = CONTAINER_OF(link, struct db_wait, link);
        wait->err = ERR_IO;
        park_wake(db, wait);
    }
    park_wake_list(db, &db->room);
}

static void reopen_done(struct job *base)
{
    struct reopen_job *job = CONTAINER_OF(base, struct reopen_job, job);
    struct db         *db = job->db;
    db->reopening = false;
    if (job->err != ERR_OK) {
        db->stats.flush_errors++;
        db_error(db, "reopen", &job->why);
        db->must_reopen = true;
        /* Nothing had failed if it was only to get other buffers. */
        if (!db->failing)
            disappoint(db);
        refuse_writes(db);
    } else {
        /* Void once more: what was looked at before is older than this. */
        db->disk_generation++;
        count_adopt(db, &job->counts);
        expire_restart(db);
        unsettle_all(db);
        db->must_reopen = false;
        db->start_unwritten = false;
        if (db->unsettled == 0)
            park_wake_list(db, &db->settle);
        else if (!list_empty(&db->settle))
            settle_look_at_all(db);
        db->garbage_known = true; /* pages of the failed cut */
        if (!db_is_dirty(db))
            db->failing = false; /* else the next flush will tell */
    }
    retry_later(db);
    count_reader_deinit(&job->counts);
    store_batch_free(job->start_batch);
    mem_free(job);
}

void fail_reopen(struct db *db)
{
    struct reopen_job *job = mem_calloc(1, sizeof(*job));
    job->job = (struct job){ .class = JOB_EXCLUSIVE,
                             .run = reopen_run,
                             .done = reopen_done };
    job->db = db;
    job->batch_max = db->opt.cut_max_bytes;
    job->durable = db->opt.fsync;
    job->resize = db->resize_wanted;
    job->sizes = db->sizes;
    db->resize_wanted = false;
    if (db->start_unwritten) {
        job->start_batch = store_batch_new();
        meta_put_start(db, job->start_batch);
    }
    count_reader_init(db, &job->counts);
    job->snapshot = scan_give_snapshot(db);
    db->reopening = true;
    io_submit(db->opt.io, &job->job);
}

void fail_begin(struct db *db, const struct err_text *why)
{
    db_error(db, "flush", why);
    refuse_writes(db);
    /* A save is on its way, and its job holds what the cut holds. The store
     * writes nothing more before it is reopened, so the save will fail too, and
     * bring us here again. */
    if (db->cut.phase == CUT_WRITE)
        return;
    if (db->cut.phase != CUT_NONE)
        cut_abort(db);
    db->disk_generation++;
    unsettle_all(db);
    disappoint(db);
    if (!db->reopening)
        fail_reopen(db);
}

void fail_start(struct db *db, const struct err_text *why)
{
    db_error(db, "start", why);
    refuse_writes(db);
    db->must_reopen = true;
}

void fail_retry(struct db *db)
{
    if (db->must_reopen && !db->reopening && db->now_ms >= db->retry_at_ms)
        fail_reopen(db);
}
