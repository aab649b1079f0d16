/* warmup_match.c - CACHE WARM MATCH: the names of one database that match a
 * pattern, from the store, a slice at a time. What is only in memory needs no
 * loading, so nobody asks memory. The next slice comes when the names of the
 * one before have been loaded. There is one such walk; a new one takes its
 * place. */
#include "db/warmup.h"

#include "base/glob.h"

#define SLICE_RECORDS 512
#define SLICE_BYTES   ((size_t)256 * 1024)

struct match_job {
    struct job       job;
    struct db       *db;
    unsigned         number;
    uint32_t         space;
    struct buf       pattern, at;
    struct warm_list found;
    size_t           most_bytes;
    bool             ended;
    err_t            err;
    struct err_text  why;
};

/* --- on the I/O thread --------------------------------------------------- */

static bool is_of_space(const struct match_job *job, slice record_key)
{
    uint32_t space;
    uint16_t slot;
    slice    key;
    return record_key_parse(record_key, &space, &slot, &key) &&
           space == job->space;
}

static void take(struct match_job *job, slice record_key)
{
    slice key = slice_make(record_key.data + RECORD_KEY_PREFIX,
                           record_key.len - RECORD_KEY_PREFIX);
    slice pattern = buf_slice(&job->pattern);
    bool  is_all = pattern.len == 1 && pattern.data[0] == '*';
    if (is_all || glob_match(pattern, key, false))
        warm_list_add(&job->found, job->space, key);
}

static void match_run(struct job *base)
{
    struct match_job  *job = CONTAINER_OF(base, struct match_job, job);
    struct store_iter *iter = store_iter_new(job->db->opt.store, NULL);
    size_t             count = 0, bytes = 0;
    job->ended = true;
    for (store_iter_seek(iter, buf_slice(&job->at)); store_iter_valid(iter);
         store_iter_next(iter)) {
        slice key = store_iter_key(iter);
        if (!is_of_space(job, key))
            break;
        if (count++ == SLICE_RECORDS || bytes > SLICE_BYTES ||
            job->found.bytes.len > job->most_bytes) {
            buf_clear(&job->at);
            err_t err = buf_append(&job->at, key.data, key.len);
            ASSERT(err == ERR_OK);
            job->ended = false;
            break;
        }
        bytes += key.len + store_iter_value(iter).len;
        take(job, key);
    }
    job->err = store_iter_error(iter, &job->why);
    store_iter_free(iter);
    base->result_bytes = job->found.bytes.len;
}

/* --- on the loop --------------------------------------------------------- */

void match_init(struct warm_match *match)
{
    buf_init(&match->pattern, SIZE_MAX);
    buf_init(&match->at, SIZE_MAX);
    warm_list_init(&match->found);
}

static void charge(struct db *db)
{
    struct warm_match *match = &db->warmup->match;
    mem_release(db->opt.mem, MEM_JOBS, match->charged);
    match->charged = match->pattern.capacity + match->at.capacity;
    mem_charge(db->opt.mem, MEM_JOBS, match->charged);
}

void match_stop(struct db *db)
{
    struct warm_match *match = &db->warmup->match;
    match->on = false;
    match->number++;
    buf_deinit(&match->pattern);
    buf_deinit(&match->at);
    charge(db);
    warm_list_clear(db, &match->found);
}

static void match_done(struct job *base)
{
    struct match_job  *job = CONTAINER_OF(base, struct match_job, job);
    struct db         *db = job->db;
    struct warm_match *match = &db->warmup->match;
    match->running = false;
    if (job->number == match->number && match->on) {
        warm_list_clear(db, &match->found);
        match->found = job->found;
        match->at = job->at;
        match->pattern = job->pattern;
        charge(db);
        warm_list_charge(db, &match->found, 0);
        warmup_add_total(db, match->found.count);
        match->on = !job->ended && job->err == ERR_OK;
        if (job->err != ERR_OK)
            db_error(db, "CACHE WARM MATCH", &job->why);
    } else {
        buf_deinit(&job->pattern);
        buf_deinit(&job->at);
        buf_deinit(&job->found.bytes);
        mem_free(job->found.names);
    }
    mem_release(db->opt.mem, MEM_JOBS, job->most_bytes);
    mem_free(job);
}

void match_step(struct db *db)
{
    struct warm_match *match = &db->warmup->match;
    if (match->running || !warm_list_is_empty(&match->found))
        return;
    if (match->found.capacity > 0)
        warm_list_clear(db, &match->found);
    if (match->on && space_by_id(db, match->space) == NULL)
        match_stop(db); /* emptied meanwhile */
    if (!match->on)
        return;
    struct match_job *job = mem_calloc(1, sizeof(*job));
    job->job = (struct job){ .class = JOB_BACKGROUND,
                             .run = match_run,
                             .done = match_done };
    job->db = db;
    job->number = match->number;
    job->space = match->space;
    job->pattern = match->pattern;
    job->at = match->at;
    job->most_bytes = warmup_chunk_bytes(db);
    buf_init(&match->pattern, SIZE_MAX);
    buf_init(&match->at, SIZE_MAX);
    warm_list_init(&job->found);
    mem_charge(db->opt.mem, MEM_JOBS, job->most_bytes);
    match->running = true;
    io_submit(db->opt.io, &job->job);
}

void db_warmup_match(struct db *db, const struct db_space *space,
                     slice pattern)
{
    struct warm_match *match = &db->warmup->match;
    if (db->opt.keep_nothing)
        return;
    match_stop(db);
    warmup_begin(db);
    match->on = true;
    match->space = space->id;
    record_key_space(&match->at, space->id);
    err_t err = buf_append(&match->pattern, pattern.data, pattern.len);
    ASSERT(err == ERR_OK);
    charge(db);
}
