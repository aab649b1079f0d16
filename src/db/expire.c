/* expire.c - keys past their deadline, wherever they are.
 *
 * What memory knows is swept: buckets are walked, a step with each cron call,
 * and on from there in every turn while that finds something.
 *
 * For what is only on disk there are the expiry records, which stand in order
 * of deadlines. A job on the I/O side reads those that are due, from where the
 * one before it stopped; keys and values are not read. What it brings is gone
 * through in slices. Of a key that memory knows, memory decides. One that it
 * does not know becomes an absent, dirty entry that says what is on disk: so
 * it is gone for all who count, look or listen, and the next cut deletes its
 * records and makes its pages garbage.
 *
 * That is right only if the disk is still what the job saw, as far as memory
 * does not say otherwise. It is: what the first I/O thread has run comes back
 * in the order in which it ran, so a job that ran before a save is delivered
 * before it, while what the save wrote is in memory yet; and what is left of a
 * job's records when a save is delivered is dropped, and read again.
 *
 * Where the search stands is not on disk. After a start it begins at the first
 * record; those that are due are there exactly as long as their keys are. A cut
 * that writes a deadline before that place takes it back there.
 *
 * An expiry record that names a key with another deadline can only come from
 * damage: the key's record could not be read when it was replaced, so nobody
 * knew its deadline. A store to which that has ever happened says so (the meta
 * record `doubt`), and there each key's record is read before it is believed.
 * One that names an emptied database goes with that (garbage.c), or here.
 *
 * Bounds   one job, SCAN_RECORDS records or SCAN_BYTES and a key; EXPIRE_SLICE
 *          keys a turn of each kind; dirt up to half of cut-max, so that half
 *          is left to clients. */
#include "db/internal.h"

#include "base/clock.h"
#include "base/num.h"

/* Buckets looked at by one step of the sweep, and entries expired. */
#define EXPIRE_BUCKETS 10000
#define EXPIRE_SLICE   64

#define SCAN_RECORDS   256
#define SCAN_BYTES     (64 * 1024)
#define SCAN_RETRY_MS  10000

/* One key that is due. Its record's key ends at key_end in scan.keys, and
 * begins where the one before ends. */
struct due {
    int64_t  deadline_ms;
    uint64_t object_id;
    size_t   key_end;
};

struct scan {
    struct job      job;
    struct db      *db;
    struct store   *store;
    uint64_t        generation;
    int64_t         now_ms;
    bool            doubted;
    bool            durable;
    uint32_t       *live; /* namespaces that are not garbage on disk */
    size_t          live_count;
    uint32_t        first_new; /* from here on they are younger than this */
    struct buf      at;   /* in: where to begin; out: where it ended */
    struct buf      keys; /* key records' keys, one after the other */
    size_t          count;
    size_t          next; /* the loop's: the first not gone through yet */
    int64_t         next_ms; /* out: of the record where it ended; 0: there may
                                be more that are due */
    struct store_batch *batch; /* deletes of records that are wrong */
    bool            write_failed;
    err_t           err;
    struct err_text why;
    size_t          charged_bytes;
    struct due      due[SCAN_RECORDS];
};

static slice scan_key(const struct scan *scan, size_t index)
{
    size_t from = index == 0 ? 0 : scan->due[index - 1].key_end;
    return slice_make(scan->keys.data + from,
                      scan->due[index].key_end - from);
}

static void keep(struct buf *buf, slice bytes)
{
    buf_clear(buf);
    err_t err = buf_append(buf, bytes.data, bytes.len);
    ASSERT(err == ERR_OK);
}

/* --- on the I/O thread --------------------------------------------------- */

enum belief { BELIEVED, WRONG, UNREADABLE };

/* What the key's own record says of an expiry record. */
static enum belief ask_key_record(struct scan *scan, slice key,
                                  struct due *due)
{
    struct store_get  get;
    struct key_record record;
    err_t             err = store_get_one(scan->store, key, &get);
    if (err == ERR_NOT_FOUND)
        return WRONG;
    if (err != ERR_OK)
        return UNREADABLE;
    err = record_key_decode(key, slice_make(get.value, get.value_len),
                            &record);
    store_value_free(get.value);
    if (err != ERR_OK)
        return UNREADABLE;
    due->object_id = record.object_id;
    return record.deadline_ms == due->deadline_ms ? BELIEVED : WRONG;
}

static enum belief read_due(struct scan *scan, slice record_key, slice value,
                            slice key, struct due *due)
{
    slice payload;
    if (scan->doubted ||
        record_value_open(record_key, value, &payload) != ERR_OK ||
        payload.len != 8)
        return ask_key_record(scan, key, due);
    due->object_id = num_get_be64(payload.data);
    return BELIEVED;
}

static bool is_live(const struct scan *scan, uint32_t space)
{
    for (size_t i = 0; i < scan->live_count; i++)
        if (scan->live[i] == space)
            return true;
    return space >= scan->first_new;
}

static void take_due(struct scan *scan, slice record_key, slice value,
                     slice key, int64_t deadline_ms)
{
    struct due due = { .deadline_ms = deadline_ms };
    uint32_t   space;
    uint16_t   slot;
    slice      user_key;
    if (!record_key_parse(key, &space, &slot, &user_key))
        return; /* not ours to understand */
    enum belief belief = WRONG;
    if (is_live(scan, space))
        belief = read_due(scan, record_key, value, key, &due);
    if (belief == WRONG)
        store_batch_delete(scan->batch, record_key);
    if (belief != BELIEVED)
        return;
    err_t err = buf_append(&scan->keys, key.data, key.len);
    ASSERT(err == ERR_OK);
    due.key_end = scan->keys.len;
    scan->due[scan->count++] = due;
}

/* From `at` on; leaves where it stopped, and when there is more to do. */
static void read_records(struct scan *scan, struct store_iter *iter)
{
    size_t visited = 0;
    scan->next_ms = INT64_MAX;
    for (; store_iter_valid(iter); store_iter_next(iter), visited++) {
        slice   record_key = store_iter_key(iter), key;
        int64_t deadline;
        if (record_key.data[0] != RECORD_EXPIRY)
            break;
        keep(&scan->at, record_key);
        if (visited == SCAN_RECORDS || scan->keys.len >= SCAN_BYTES) {
            scan->next_ms = 0;
            return;
        }
        if (!record_expiry_parse(record_key, &deadline, &key) ||
            deadline <= 0)
            continue;
        if (deadline > scan->now_ms) {
            scan->next_ms = deadline;
            return;
        }
        take_due(scan, record_key, store_iter_value(iter), key, deadline);
    }
    const char behind = RECORD_EXPIRY + 1;
    keep(&scan->at, slice_make(&behind, 1));
}

static void scan_run(struct job *base)
{
    struct scan       *scan = CONTAINER_OF(base, struct scan, job);
    const char         family = RECORD_EXPIRY;
    struct store_iter *iter = store_iter_new(scan->store, NULL);
    scan->batch = store_batch_new();
    store_iter_seek(iter, scan->at.len > 0 ? buf_slice(&scan->at)
                                           : slice_make(&family, 1));
    read_records(scan, iter);
    scan->err = store_iter_error(iter, &scan->why);
    store_iter_free(iter);
    if (scan->err == ERR_OK && store_batch_count(scan->batch) > 0) {
        scan->err = store_write(scan->store, scan->batch, scan->durable,
                                &scan->why);
        scan->write_failed = scan->err != ERR_OK;
        scan->batch = NULL;
    }
    store_batch_free(scan->batch);
    base->result_bytes = scan->keys.len;
}

/* --- where the search stands --------------------------------------------- */

static void go_back(struct expiry *expiry, slice record_key,
                    int64_t deadline_ms)
{
    if (slice_compare(record_key, buf_slice(&expiry->at)) < 0)
        keep(&expiry->at, record_key);
    if (deadline_ms < expiry->next_ms)
        expiry->next_ms = deadline_ms;
}

void expire_written(struct db *db, int64_t earliest_ms)
{
    struct expiry *expiry = &db->expiry;
    if (earliest_ms == 0)
        return;
    /* A job that is in flight began behind it, perhaps before it was there. */
    if (expiry->running &&
        (expiry->written_ms == 0 || earliest_ms < expiry->written_ms))
        expiry->written_ms = earliest_ms;
    record_expiry_key(&db->key_buf, earliest_ms, SLICE_EMPTY);
    go_back(expiry, buf_slice(&db->key_buf), earliest_ms);
}

static void scan_free(struct db *db, struct scan *scan)
{
    if (scan == NULL)
        return;
    mem_release(db->opt.mem, MEM_JOBS, scan->charged_bytes);
    buf_deinit(&scan->at);
    buf_deinit(&scan->keys);
    mem_free(scan->live);
    mem_free(scan);
}

void expire_forget_found(struct db *db)
{
    struct expiry *expiry = &db->expiry;
    struct scan   *scan = expiry->found;
    if (scan == NULL)
        return;
    int64_t deadline = scan->due[scan->next].deadline_ms;
    record_expiry_key(&db->key_buf, deadline, scan_key(scan, scan->next));
    go_back(expiry, buf_slice(&db->key_buf), deadline);
    expiry->more = true;
    expiry->found = NULL;
    scan_free(db, scan);
}

void expire_restart(struct db *db)
{
    expire_forget_found(db);
    buf_clear(&db->expiry.at);
    db->expiry.next_ms = 0;
}

void expire_init(struct db *db)
{
    buf_init(&db->expiry.at, SIZE_MAX);
}

void expire_deinit(struct db *db)
{
    scan_free(db, db->expiry.found);
    db->expiry.found = NULL;
    buf_deinit(&db->expiry.at);
}

/* --- the job, seen from the loop ----------------------------------------- */

static bool is_stopped(const struct db *db)
{
    return db->lazy_expire || db->expiry_paused || db->frozen;
}

static bool is_search_stopped(const struct db *db)
{
    return is_stopped(db) || db->failing || db->reopening || db->must_reopen;
}

static bool may_add_dirt(const struct db *db)
{
    return db->open_bytes < db->opt.cut_max_bytes / 2;
}

static size_t scan_bytes(const struct scan *scan, size_t key_bytes)
{
    return sizeof(*scan) + scan->live_count * sizeof(*scan->live) + key_bytes;
}

static void charge(struct db *db, struct scan *scan, size_t bytes)
{
    mem_release(db->opt.mem, MEM_JOBS, scan->charged_bytes);
    mem_charge(db->opt.mem, MEM_JOBS, bytes);
    scan->charged_bytes = bytes;
}

static void scan_failed(struct db *db, const struct scan *scan)
{
    if (scan->write_failed) {
        fail_begin(db, &scan->why);
        return;
    }
    db_error(db, "looking for expired keys", &scan->why);
    db->expiry.retry_at_ms = db->now_ms + SCAN_RETRY_MS;
}

static void scan_done(struct job *base)
{
    struct scan   *scan = CONTAINER_OF(base, struct scan, job);
    struct db     *db = scan->db;
    struct expiry *expiry = &db->expiry;
    expiry->running = false;
    bool is_void = scan->generation != db->disk_generation;
    if (scan->err != ERR_OK && !is_void)
        scan_failed(db, scan);
    if (scan->err != ERR_OK || is_void) {
        scan_free(db, scan);
        return;
    }
    keep(&expiry->at, buf_slice(&scan->at));
    expiry->next_ms = scan->next_ms;
    expiry->more = scan->next_ms == 0;
    expire_written(db, expiry->written_ms);
    if (scan->count == 0) {
        scan_free(db, scan);
        return;
    }
    charge(db, scan, scan_bytes(scan, scan->keys.capacity));
    expiry->found = scan;
}

/* Those of databases, and those that were emptied but are not said to be
 * garbage on disk yet: if the process ends now, they have not been emptied. */
static void list_live(struct db *db, struct scan *scan)
{
    const struct dead_list *dead[] = { &db->dead, &db->cut.dead };
    scan->first_new = db->space_id;
    scan->live = mem_calloc(db->opt.databases + dead[0]->count +
                                dead[1]->count,
                            sizeof(*scan->live));
    for (unsigned i = 0; i < db->opt.databases; i++)
        scan->live[scan->live_count++] = db->spaces[i].id;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < dead[i]->count; j++)
            scan->live[scan->live_count++] = dead[i]->ids[j];
}

static bool has_deadlines(const struct db *db)
{
    for (unsigned i = 0; i < db->opt.databases; i++)
        if (db->spaces[i].disk_expires > 0)
            return true;
    return false;
}

static void scan_start(struct db *db)
{
    struct expiry *expiry = &db->expiry;
    if (expiry->running || expiry->found != NULL ||
        expiry->next_ms > db->now_ms || expiry->retry_at_ms > db->now_ms ||
        is_search_stopped(db) || !may_add_dirt(db))
        return;
    if (!has_deadlines(db)) {
        expiry->next_ms = INT64_MAX; /* until a cut writes one */
        return;
    }
    struct scan *scan = mem_calloc(1, sizeof(*scan));
    scan->job = (struct job){ .class = JOB_BACKGROUND,
                              .run = scan_run,
                              .done = scan_done };
    scan->db = db;
    scan->store = db->opt.store;
    scan->generation = db->disk_generation;
    scan->now_ms = db->now_ms;
    scan->doubted = expiry->doubted;
    scan->durable = db->opt.fsync;
    buf_init(&scan->at, SIZE_MAX);
    buf_init(&scan->keys, SIZE_MAX);
    keep(&scan->at, buf_slice(&expiry->at));
    list_live(db, scan);
    charge(db, scan, scan_bytes(scan, SCAN_BYTES));
    expiry->running = true;
    expiry->more = false;
    expiry->written_ms = 0;
    io_submit(db->opt.io, &scan->job);
}

/* --- going through what it found ----------------------------------------- */

/* A key that memory does not know; false: there is no room for it now. */
static bool expire_cold(struct db *db, const struct db_key *key,
                        const struct due *due)
{
    struct entry_spec absent = { .presence = ENTRY_ABSENT };
    if (room_for(db, NULL, cache_cost(key->key.len, 0), BUSY_BYTES) != ERR_OK)
        return false;
    struct entry *entry =
        cache_find(&db->cache, key->space->id, key->key, key->hash);
    if (entry == NULL)
        entry = cache_add(&db->cache, key->space->id, key->key, key->hash,
                          ENTRY_UNKNOWN);
    cache_make_busy(&db->cache, entry)->disk =
        (struct disk_state){ .known = true,
                             .exists = true,
                             .deadline_ms = due->deadline_ms,
                             .object_id = due->object_id };
    db->stats.expired++;
    put_entry(db, entry, &absent, "expired");
    return true;
}

static bool expire_due(struct db *db, const struct due *due, slice record_key)
{
    uint32_t space_id;
    uint16_t slot;
    slice    user_key;
    bool     is_key = record_key_parse(record_key, &space_id, &slot, &user_key);
    ASSERT(is_key);
    struct db_space *space = space_by_id(db, space_id);
    if (space == NULL)
        return true; /* emptied: it goes with its namespace */
    struct db_key key = db_key_make(db, space, user_key);
    struct entry *entry = cache_find(&db->cache, space_id, user_key, key.hash);
    if (entry == NULL || entry_presence(entry) == ENTRY_UNKNOWN)
        return expire_cold(db, &key, due);
    /* With another deadline, or absent: the cut that says so on disk takes the
     * expiry record away. */
    if (entry_exists(entry) && entry_deadline(entry) == due->deadline_ms)
        expire_entry(db, entry);
    return true;
}

bool expire_has_step(const struct db *db)
{
    return db->expiry.found != NULL && !db->expiry.starved &&
           !is_search_stopped(db) && may_add_dirt(db);
}

static void expire_found(struct db *db)
{
    struct scan *scan = db->expiry.found;
    uint64_t     begun_us = clock_mono_us();
    for (unsigned i = 0; i < EXPIRE_SLICE && scan->next < scan->count &&
                         may_add_dirt(db);
         i++) {
        if (!expire_due(db, &scan->due[scan->next],
                        scan_key(scan, scan->next))) {
            db->expiry.starved = true;
            break;
        }
        scan->next++;
    }
    if (scan->next == scan->count) {
        db->expiry.found = NULL;
        scan_free(db, scan);
    } else if (db->expiry.starved || !may_add_dirt(db)) {
        db_flush_soon(db);
    }
    db_worked(db, DB_WORK_EXPIRY, begun_us);
}

/* --- what memory knows --------------------------------------------------- */

static bool sweep_slice(struct db *db)
{
    size_t budget = EXPIRE_BUCKETS;
    if (is_stopped(db))
        return false;
    for (unsigned i = 0; i < EXPIRE_SLICE; i++) {
        if (db->open_bytes >= db->opt.cut_max_bytes)
            return false;
        struct entry *entry =
            cache_next_expired(&db->cache, db->now_ms, &budget);
        if (entry == NULL)
            return false;
        if (space_of(db, entry) == NULL) {
            /* Its database is gone; the hand will take it. */
            if (!cache_evict(&db->cache, entry))
                return false;
            continue;
        }
        expire_entry(db, entry);
    }
    return true;
}

static void sweep(struct db *db)
{
    uint64_t begun_us = clock_mono_us();
    db->expiry.sweep_more = sweep_slice(db);
    db_worked(db, DB_WORK_EXPIRY, begun_us);
}

/* --- steps --------------------------------------------------------------- */

bool expire_turn(struct db *db)
{
    if (db->expiry.sweep_more)
        sweep(db);
    if (expire_has_step(db))
        expire_found(db);
    if (db->expiry.more)
        scan_start(db);
    return db->expiry.sweep_more;
}

void expire_cron(struct db *db)
{
    if (!db->expiry.sweep_more)
        sweep(db);
    db->expiry.starved = false;
    scan_start(db);
}

int64_t db_avg_ttl_ms(const struct db *db, const struct db_space *space)
{
    return cache_mean_ttl_ms(&db->cache, space->id, db->now_ms);
}
