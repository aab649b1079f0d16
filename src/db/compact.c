/* compact.c - LevelDB is made to tidy up where it would not by itself.
 *
 * Where much was deleted: deleting gives no disk space back before the tables
 * are merged, and nothing may ever make LevelDB do that. So a range that was
 * emptied of COMPACT_RECORDS is compacted, and the last piece of one that had
 * COMPACT_MIN: a few tables at a time. Garbage waits when the last piece of
 * one range waits for its turn, so that nothing is forgotten. Key records and
 * pages are two ranges: emptying a database goes from one to the other, as
 * pages of its large values become garbage.
 *
 * When as many keys were deleted as there are left: those that were deleted or
 * expired one by one lie all over the key records, and nobody else would ever
 * merge them away. All databases' key records are gone through once, a piece
 * of their slots at a time, and the expiry records up to now. So what is dead
 * is at most about as many records as live, and TIDY_MIN; and at TIDY_PAUSE_MS
 * between two rounds each record is written once more for one that went.
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
#define TIDY_MIN        16384
#define TIDY_PAUSE_MS   30000
#define TIDY_SLOTS      1024 /* of one piece */
#define TIDY_PIECES     (SLOT_COUNT / TIDY_SLOTS)

/* What LevelDB has of the range after it was compacted, to try once more. */
#define LEFT_BYTES (64 * 1024)

struct compact_job {
    struct job    job;
    struct db    *db;
    struct store *store;
    struct buf    from, to;
    bool          durable;
    bool          is_idle;   /* the range is empty */
    bool          is_tidy;   /* there are live records in it too */
    bool          is_second; /* try */
    bool          is_left;   /* out: there is something left */
    err_t         err;
    struct err_text why;
};

static void compact_run(struct job *base)
{
    struct compact_job *job = CONTAINER_OF(base, struct compact_job, job);
    slice from = buf_slice(&job->from), to = buf_slice(&job->to);
    uint64_t before = 0;
    if (job->is_tidy) {
        before = store_approximate_bytes(job->store, from, to);
        if (before <= LEFT_BYTES)
            return; /* a compaction would make a table of the write buffer */
    }
    store_compact(job->store, from, to);
    uint64_t left = store_approximate_bytes(job->store, from, to);
    job->is_left = left > LEFT_BYTES && left > before - before / 8;
}

static void job_free(struct compact_job *job)
{
    struct db *db = job->db;
    db->compacting = false;
    buf_deinit(&job->from);
    buf_deinit(&job->to);
    mem_free(job);
    compact_cron(db);
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
static struct compact_job *submit(struct db *db, struct buf *from,
                                  struct buf *to)
{
    struct compact_job *job = mem_calloc(1, sizeof(*job));
    job->db = db;
    job->store = db->opt.store;
    job->durable = db->opt.fsync;
    job->from = *from;
    job->to = *to;
    buf_init(from, SIZE_MAX);
    buf_init(to, SIZE_MAX);
    db->compacting = true;
    submit_job(job);
    return job;
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

/* --- ranges that garbage has emptied -------------------------------------- */

static struct emptied *emptied_of(struct db *db, slice key)
{
    return &db->emptied[key.data[0] == RECORD_KEY ? 0 : 1];
}

static void forget(struct emptied *emptied)
{
    emptied->count = 0;
    emptied->is_whole = false;
}

/* Worth a compaction, now or later. */
static bool is_worth_it(const struct emptied *emptied)
{
    return emptied->count >= COMPACT_RECORDS ||
           (emptied->is_whole && emptied->count >= COMPACT_MIN);
}

static void compact_rest(struct db *db, struct emptied *emptied)
{
    if (emptied->is_whole &&
        (!is_worth_it(emptied) || io_is_blocking(db->opt.io)))
        forget(emptied);
    if (!is_worth_it(emptied) || !may_compact(db))
        return; /* the next piece comes, or the cron does */
    submit(db, &emptied->from, &emptied->to);
    forget(emptied);
}

void compact_emptied(struct db *db, slice first, slice last, size_t count,
                     bool is_end)
{
    struct emptied *emptied = emptied_of(db, first);
    bool goes_on = slice_compare(first, buf_slice(&emptied->to)) >= 0;
    if (emptied->count > 0 && !goes_on) {
        /* Another came before the rest of it. If it cannot be compacted now
         * it is left to LevelDB. */
        emptied->is_whole = true;
        compact_rest(db, emptied);
    }
    if (emptied->count == 0 || !goes_on)
        keep_key(&emptied->from, first);
    keep_key(&emptied->to, last);
    emptied->count = goes_on ? emptied->count + count : count;
    emptied->is_whole = is_end;
    compact_rest(db, emptied);
}

bool compact_is_behind(const struct db *db)
{
    for (size_t i = 0; i < EMPTIED_COUNT; i++)
        if (db->emptied[i].is_whole)
            return true;
    return false;
}

void compact_cron(struct db *db)
{
    for (size_t i = 0; i < EMPTIED_COUNT; i++)
        compact_rest(db, &db->emptied[i]);
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
    submit(db, &from, &to)->is_idle = true;
}

/* --- keys that went one by one -------------------------------------------- */

void compact_deleted(struct db *db, uint64_t keys)
{
    db->tidy_deleted += keys;
}

static bool is_round_due(const struct db *db)
{
    uint64_t left = 0;
    for (unsigned i = 0; i < db->opt.databases; i++)
        left += (uint64_t)db->spaces[i].disk_keys;
    return db->tidy_deleted >= TIDY_MIN && db->tidy_deleted >= left &&
           db->now_ms >= db->tidy_at_ms;
}

/* The ends are no keys of records: they are shorter than any. */
static void tidy_piece(struct db *db, unsigned piece)
{
    struct buf from, to;
    buf_init(&from, 16);
    buf_init(&to, 16);
    if (piece == 0) {
        record_expiry_key(&from, 1, SLICE_EMPTY);
        record_expiry_key(&to, db->now_ms, SLICE_EMPTY);
    } else {
        const struct db_space *space = &db->spaces[(piece - 1) / TIDY_PIECES];
        unsigned slot = (piece - 1) % TIDY_PIECES * TIDY_SLOTS;
        if (space->slot_keys == NULL)
            return; /* it has not had any */
        record_key_slot(&from, space->id, slot);
        record_key_slot(&to, space->id, slot + TIDY_SLOTS);
    }
    submit(db, &from, &to)->is_tidy = true;
}

void compact_tidy(struct db *db)
{
    if (db->tidy_left == 0 && is_round_due(db)) {
        db->tidy_left = 1 + db->opt.databases * TIDY_PIECES;
        db->tidy_deleted = 0;
        db->tidy_at_ms = db->now_ms + TIDY_PAUSE_MS;
    }
    while (db->tidy_left > 0 && may_compact(db))
        tidy_piece(db, --db->tidy_left);
}

void compact_deinit(struct db *db)
{
    for (size_t i = 0; i < EMPTIED_COUNT; i++) {
        buf_deinit(&db->emptied[i].from);
        buf_deinit(&db->emptied[i].to);
    }
}
