/* settle.c - what blind writes replaced.
 *
 * SET of a key that memory does not know waits for nothing. But the cut that
 * saves it must know the record it replaces: whether the key is new (counts),
 * which expiry record goes, which pages become garbage. So a look at the old
 * record's header is taken, at the latest when the entry is captured, or when
 * somebody asks for the exact number of keys.
 *
 * Looks run in the same queue as saves, in order: a look that was asked for
 * before a batch sees the store before that batch. After a failed write all
 * that was learned is void, and so are looks in flight (disk_generation). */
#include "db/internal.h"

#define LOOK_MAX 64

struct look {
    struct busy      *busy;
    size_t            key_offset;
    size_t            key_len;
    err_t             err;
    bool              damaged; /* there is a record, but what does it say? */
    struct disk_state disk;
};

struct look_job {
    struct job   job;
    struct db   *db;
    uint64_t     generation;
    struct buf   keys; /* record keys, one after the other */
    size_t       count;
    struct err_text why;
    struct look  looks[LOOK_MAX];
};

static slice look_key(const struct look_job *job, const struct look *look)
{
    return slice_make(job->keys.data + look->key_offset, look->key_len);
}

/* --- on the I/O thread --------------------------------------------------- */

static void look_one(struct look_job *job, struct look *look)
{
    struct store_get  get;
    struct key_record record;
    slice             key = look_key(job, look);
    look->err = store_get_one(job->db->opt.store, key, &get);
    look->disk = (struct disk_state){ .known = true };
    if (look->err == ERR_NOT_FOUND) {
        look->err = ERR_OK;
        return;
    }
    /* A damaged record is being replaced: what it pointed to can't be known,
     * and the new record is good. */
    look->disk.exists = true;
    look->damaged = look->err == ERR_CORRUPT;
    if (look->damaged) {
        look->err = ERR_OK;
        return;
    }
    if (look->err != ERR_OK) {
        job->why = get.why;
        return;
    }
    if (record_key_decode(key, slice_make(get.value, get.value_len),
                          &record) == ERR_OK) {
        look->disk.deadline_ms = record.deadline_ms;
        look->disk.object_id = record.object_id;
    } else {
        look->damaged = true;
    }
    store_value_free(get.value);
}

static void run_looks(struct job *job)
{
    struct look_job *looks = CONTAINER_OF(job, struct look_job, job);
    for (size_t i = 0; i < looks->count; i++)
        look_one(looks, &looks->looks[i]);
}

/* --- on the loop thread -------------------------------------------------- */

/* One less; whoever waits for an exact number is woken by the last. */
static void count_settled(struct db *db)
{
    ASSERT(db->unsettled > 0);
    db->unsettled--;
    if (db->unsettled == 0 && !db->reopening && !db->must_reopen)
        park_wake_list(db, &db->settle);
}

void settle_forget(struct db *db, struct busy *busy)
{
    if (busy->disk.known)
        return;
    busy->disk.known = true;
    count_settled(db);
}

void settle(struct db *db, struct busy *busy, const struct disk_state *disk)
{
    ASSERT(disk->known && !busy->disk.known);
    busy->disk = *disk;
    struct db_space *space = space_of(db, busy->entry);
    if (space != NULL) {
        ASSERT(space->unsettled > 0);
        space->unsettled--;
    }
    space_pend(space, entry_exists(busy->entry) - (int)disk->exists,
               entry_expires(busy->entry) - (disk->deadline_ms != 0));
    count_settled(db);
}

void unsettle(struct db *db, struct busy *busy)
{
    struct db_space *space = space_of(db, busy->entry);
    if (space != NULL && space->unwritten) {
        /* That nothing of it is on disk is known without a look. */
        busy->disk = (struct disk_state){ .known = true };
        space_pend(space, entry_exists(busy->entry),
                   entry_expires(busy->entry));
        return;
    }
    busy->disk.known = false;
    db->unsettled++;
    if (space != NULL)
        space->unsettled++;
}

/* Nobody is told a number that is not exact. */
static void give_up(struct db *db, err_t err, const struct err_text *why)
{
    db_error(db, "look", why);
    LIST_EACH (link, &db->settle)
        CONTAINER_OF(link, struct db_wait, link)->err = err;
    park_wake_list(db, &db->settle);
}

static void take_result(struct db *db, struct look_job *job, struct look *look)
{
    struct busy *busy = look->busy;
    bool is_void = job->generation != db->disk_generation;
    bool wanted = !busy->disk.known && busy_state(busy) != DS_MEMORY;
    busy->looking = false;
    if (is_void && wanted && !db->reopening) {
        settle_look_at(db, &busy, 1);
    } else if (!is_void && look->err != ERR_OK) {
        if (!list_empty(&busy->saving_link))
            fail_begin(db, &job->why);
        else
            give_up(db, look->err, &job->why);
    } else if (!is_void && wanted) {
        if (look->damaged && !db->expiry.doubted)
            db->expiry.doubted = db->expiry.doubt_new = true;
        settle(db, busy, &look->disk);
        if (!list_empty(&busy->saving_link))
            cut_settled(db, busy);
    }
    cache_settle_busy(&db->cache, busy);
}

static void looks_done(struct job *base)
{
    struct look_job *job = CONTAINER_OF(base, struct look_job, job);
    struct db       *db = job->db;
    db->looks_in_flight -= job->count;
    for (size_t i = 0; i < job->count; i++)
        take_result(db, job, &job->looks[i]);
    mem_release(db->opt.mem, MEM_JOBS, sizeof(*job) + job->keys.capacity);
    buf_deinit(&job->keys);
    mem_free(job);
}

static void add_look(struct db *db, struct look_job *job, struct busy *busy)
{
    slice key = entry_key(busy->entry);
    record_key_key(&db->key_buf, busy->entry->space,
                   cache_hash(&db->cache, key), key);
    job->looks[job->count++] = (struct look){
        .busy = busy, .key_offset = job->keys.len, .key_len = db->key_buf.len
    };
    err_t err = buf_append(&job->keys, db->key_buf.data, db->key_buf.len);
    ASSERT(err == ERR_OK);
    busy->looking = true;
}

static struct look_job *job_new(struct db *db)
{
    struct look_job *job = mem_calloc(1, sizeof(*job));
    job->job.class = JOB_SAVE;
    job->job.run = run_looks;
    job->job.done = looks_done;
    job->db = db;
    job->generation = db->disk_generation;
    buf_init(&job->keys, SIZE_MAX);
    return job;
}

static void job_submit(struct db *db, struct look_job *job)
{
    if (job->count == 0) {
        buf_deinit(&job->keys);
        mem_free(job);
        return;
    }
    db->stats.looks += job->count;
    db->looks_in_flight += job->count;
    mem_charge(db->opt.mem, MEM_JOBS, sizeof(*job) + job->keys.capacity);
    io_submit(db->opt.io, &job->job);
}

void settle_look_at(struct db *db, struct busy **list, size_t count)
{
    struct look_job *job = job_new(db);
    for (size_t i = 0; i < count; i++) {
        if (list[i]->looking || list[i]->disk.known)
            continue;
        if (job->count == LOOK_MAX) {
            job_submit(db, job);
            job = job_new(db);
        }
        add_look(db, job, list[i]);
    }
    job_submit(db, job);
}

static void look_at_list(struct db *db, struct link *list, size_t link_offset)
{
    struct busy *batch[LOOK_MAX];
    size_t       count = 0;
    LIST_EACH (link, list) {
        batch[count++] =
            (struct busy *)(void *)((char *)link - link_offset);
        if (count == LOOK_MAX) {
            settle_look_at(db, batch, count);
            count = 0;
        }
    }
    settle_look_at(db, batch, count);
}

/* For DBSIZE. Bounded by the number of dirty entries, which cut-max bounds. */
void settle_look_at_all(struct db *db)
{
    look_at_list(db, &db->open, offsetof(struct busy, dirty_link));
    look_at_list(db, &db->cut.closing, offsetof(struct busy, dirty_link));
    look_at_list(db, &db->cut.captured, offsetof(struct busy, saving_link));
}
