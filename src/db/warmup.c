/* warmup.c - memory is filled with what was hot before the restart, or with
 * what somebody asks for (CACHE WARM), while clients are served.
 *
 * Names come from three sources, in this order: keys that were asked for, keys
 * that match a pattern (warmup_match.c), and the file that the process before
 * has left (warmup_save.c). Of each no more is in memory than a chunk. The file
 * is read in levels, the hottest first; within a chunk of one level the names
 * are in the order of the store, so that the disk is read forwards.
 *
 * A key is loaded like any other (load.c), so all that holds for loads holds
 * here: memory wins, whatever happens meanwhile. But nobody waits for it, so
 *   - it is a background job: the I/O thread does it when it has nothing else
 *     to do. A client that wants the key does not wait for that: it starts a
 *     load of its own, and the first one comes to nothing;
 *   - it never evicts: when memory is full it is over. What clients have loaded
 *     is hotter than what was hot before;
 *   - what isn't there, has expired or is of an emptied database leaves nothing
 *     behind; a value above warmup_value_max is known by its header only.
 * What had been used again and again before the restart counts as used, so
 * that it goes on to the old queue (cache/evict.c); the rest, and what was
 * asked for, is as new as what a client has loaded once.
 *
 * While the store fails, or commands wait for room, it waits. */
#include "db/warmup.h"

#define CHUNK_LEAST ((size_t)16 * 1024)
#define CHUNK_MOST  ((size_t)1024 * 1024)
/* A chunk with the places of its names is at most so many times itself: a block
 * has no more than a name for each 8 bytes (warmup_save.c). */
#define CHUNK_COST  4

size_t warmup_chunk_bytes(const struct db *db)
{
    size_t bytes = db->opt.limit_bytes / 512;
    return bytes < CHUNK_LEAST ? CHUNK_LEAST
                               : bytes > CHUNK_MOST ? CHUNK_MOST : bytes;
}

size_t warmup_value_max(const struct db *db)
{
    return db->opt.limit_bytes / 64;
}

/* --- room ---------------------------------------------------------------- */

/* A part is left for clients, so that they find it without evicting. */
bool warmup_has_room(const struct db *db, size_t entry_bytes,
                     size_t other_bytes)
{
    return !db->opt.keep_nothing &&
           cache_has_room(&db->cache, entry_bytes,
                          other_bytes + db->opt.limit_bytes / 32);
}

void warmup_found_no_room(struct db *db)
{
    /* Some of what is resident may be nobody's for a moment only. */
    db->warmup->is_stalled = true;
    if (!db_is_settling(db))
        db->warmup->is_full = true;
}

bool warmup_wants_value(struct db *db, size_t bytes)
{
    return bytes <= warmup_value_max(db) && warmup_has_room(db, 0, bytes);
}

/* --- figures ------------------------------------------------------------- */

static bool file_is_on(const struct warmup *warmup)
{
    return warmup->file_phase != WARM_FILE_NONE || warmup->file_running ||
           !warm_list_is_empty(&warmup->listed);
}

static bool has_sources(const struct warmup *warmup)
{
    return file_is_on(warmup) || warmup->match.on ||
           !warm_list_is_empty(&warmup->match.found) ||
           !warm_list_is_empty(&warmup->asked);
}

static bool is_running(const struct warmup *warmup)
{
    return has_sources(warmup) || warmup->in_flight > 0;
}

void db_warmup_stats(const struct db *db, struct db_warmup_stats *out)
{
    const struct warmup *warmup = db->warmup;
    *out = warmup->stats;
    out->running = is_running(warmup);
    out->saving = warmup->save.phase != WARM_SAVE_NONE;
    out->done = warmup->taken - warmup->in_flight;
}

void warmup_begin(struct db *db)
{
    struct warmup *warmup = db->warmup;
    warmup->is_full = false;
    warmup->errors = 0;
    if (is_running(warmup))
        return;
    warmup->taken = 0;
    warmup->stats.total = warmup->stats.loaded = 0;
    warmup->stats.full = false;
}

void warmup_add_total(struct db *db, uint64_t names)
{
    db->warmup->stats.total += names;
}

/* --- the file ------------------------------------------------------------ */

struct file_job {
    struct job      job;
    struct db      *db;
    size_t          chunk_bytes;
    err_t           err;
    struct err_text why;
};

/* Blocks of one level, up to a chunk. */
static err_t read_chunk(struct file_job *job)
{
    struct warmup    *warmup = job->db->warmup;
    struct warmfile  *file = &warmup->file;
    struct warm_list *list = &warmup->listed;
    err_t   err = ERR_OK;
    uint8_t level = file->blocks[warmup->file_block].level;
    while (err == ERR_OK && warmup->file_block < file->count) {
        const struct warmfile_block *block = &file->blocks[warmup->file_block];
        size_t from = list->bytes.len;
        if (block->level != level ||
            (from > 0 && from + block->len > job->chunk_bytes))
            break;
        err = warmfile_read(file, warmup->file_block++, &list->bytes,
                            &job->why);
        if (err == ERR_OK &&
            !warm_list_decode(list, from, job->db->cache.hash_key,
                              level < WARMUP_COLD))
            err = err_set(&job->why, ERR_CORRUPT,
                          "a block of names in %.120s is damaged", file->path);
    }
    warm_list_sort(list);
    return err;
}

/* On the I/O thread. */
static void file_run(struct job *base)
{
    struct file_job *job = CONTAINER_OF(base, struct file_job, job);
    struct warmup   *warmup = job->db->warmup;
    if (warmup->file.fd < 0)
        job->err = warmfile_open(&warmup->file, job->db->opt.warm_directory,
                                 &job->why);
    if (job->err == ERR_OK && warmup->file_block < warmup->file.count)
        job->err = read_chunk(job);
    base->result_bytes = warmup->listed.bytes.len;
}

/* It is through, or given up; a job may have it in its hands still. */
static void file_end(struct db *db)
{
    struct warmup *warmup = db->warmup;
    if (warmup->file_phase == WARM_FILE_NONE)
        return;
    warmup->file_phase = WARM_FILE_NONE;
    if (warmup->file_running)
        return;
    warmfile_close(&warmup->file);
}

static void file_done(struct job *base)
{
    struct file_job *job = CONTAINER_OF(base, struct file_job, job);
    struct db       *db = job->db;
    struct warmup   *warmup = db->warmup;
    bool             is_first = warmup->file_phase == WARM_FILE_WANTED;
    warmup->file_running = false;
    warm_list_charge(db, &warmup->listed, 0);
    if (warmup->file_phase == WARM_FILE_NONE) {
        warm_list_clear(db, &warmup->listed);
        warmfile_close(&warmup->file);
        mem_free(job);
        return;
    }
    if (is_first && job->err == ERR_OK) {
        warmup_add_total(db, warmup->file.names);
        warmup->stats.saved_keys = warmup->file.names;
    }
    if (job->err != ERR_OK && job->err != ERR_NOT_FOUND)
        log_write(db->opt.log, LOG_WARNING,
                  "not warmed by what was in memory before: %s",
                  job->why.text);
    if (is_first && job->err == ERR_OK)
        log_write(db->opt.log, LOG_NOTICE,
                  "warming: %llu keys were hot before the restart",
                  (unsigned long long)warmup->file.names);
    warmup->file_phase = WARM_FILE_OPEN;
    if (job->err != ERR_OK || (warmup->file_block == warmup->file.count &&
                               warm_list_is_empty(&warmup->listed)))
        file_end(db);
    mem_free(job);
}

static void file_step(struct db *db)
{
    struct warmup *warmup = db->warmup;
    if (warmup->file_running || !warm_list_is_empty(&warmup->listed))
        return;
    warm_list_clear(db, &warmup->listed);
    if (warmup->file_phase == WARM_FILE_OPEN &&
        warmup->file_block == warmup->file.count)
        file_end(db);
    if (warmup->file_phase == WARM_FILE_NONE)
        return;
    warm_list_charge(db, &warmup->listed,
                     CHUNK_COST * warmup_chunk_bytes(db));
    struct file_job *job = mem_calloc(1, sizeof(*job));
    job->job = (struct job){ .class = JOB_BACKGROUND,
                             .run = file_run,
                             .done = file_done };
    job->db = db;
    job->chunk_bytes = warmup_chunk_bytes(db);
    warmup->file_running = true;
    io_submit(db->opt.io, &job->job);
}

/* --- loading ------------------------------------------------------------- */

static void stop_all(struct db *db)
{
    struct warmup *warmup = db->warmup;
    warm_list_clear(db, &warmup->asked);
    match_stop(db);
    file_end(db);
    if (!warmup->file_running)
        warm_list_clear(db, &warmup->listed);
}

static void end_full(struct db *db)
{
    struct warmup *warmup = db->warmup;
    warmup->is_full = false;
    warmup->stats.full = true;
    log_write(db->opt.log, LOG_NOTICE,
              "warming has ended: memory is full, %llu keys loaded",
              (unsigned long long)warmup->stats.loaded);
    stop_all(db);
}

void warmup_load_failed(struct db *db)
{
    if (++db->warmup->errors < WARMUP_ERRORS)
        return;
    log_write(db->opt.log, LOG_WARNING, "warming is given up: %u loads failed",
              WARMUP_ERRORS);
    stop_all(db);
}

void warmup_load_submitted(struct db *db)
{
    db->warmup->in_flight++;
}

void warmup_load_ended(struct db *db)
{
    ASSERT(db->warmup->in_flight > 0);
    db->warmup->in_flight--;
}

void warmup_loaded(struct db *db)
{
    db->warmup->stats.loaded++;
}

static bool is_paused(const struct db *db)
{
    return db->failing || db->reopening || db->must_reopen || db->frozen ||
           db->resize_wanted || !list_empty(&db->room) ||
           !list_empty(&db->starved);
}

/* Where the next name comes from; NULL: there is none, or not yet. */
static struct warm_list *next_list(struct db *db)
{
    struct warmup *warmup = db->warmup;
    if (!warm_list_is_empty(&warmup->asked))
        return &warmup->asked;
    if (warmup->asked.capacity > 0)
        warm_list_clear(db, &warmup->asked);
    match_step(db);
    if (!warmup->match.running && !warm_list_is_empty(&warmup->match.found))
        return &warmup->match.found;
    if (warmup->match.on)
        return NULL;
    file_step(db);
    if (!warmup->file_running && !warm_list_is_empty(&warmup->listed))
        return &warmup->listed;
    return NULL;
}

/* False: there is no room for it. */
static bool load_name(struct db *db, const struct warm_name *name, slice text)
{
    struct db_space *space = space_by_id(db, name->space);
    if (space == NULL || space->unwritten)
        return true;
    struct db_key key = db_key_make(db, space, text);
    struct entry *entry =
        cache_find(&db->cache, space->id, key.key, key.hash);
    if (entry == NULL) {
        if (!warmup_has_room(db, cache_cost(text.len, 0),
                             BUSY_BYTES + LOAD_JOB_BYTES + text.len))
            return false;
        entry = cache_add(&db->cache, space->id, key.key, key.hash,
                          ENTRY_UNKNOWN);
        db->warmup->save.saved_additions += name->is_of_file;
        load_warm(db, entry, name->is_hot);
    } else if (entry_presence(entry) == ENTRY_HEADER &&
               !(entry->flags & ENTRY_BUSY)) {
        load_warm(db, entry, name->is_hot);
    }
    return true;
}

bool warmup_turn(struct db *db)
{
    struct warmup *warmup = db->warmup;
    size_t most = io_is_blocking(db->opt.io) ? 1 : WARMUP_LOADS;
    bool   more = note_turn(db, WARMUP_SLICE);
    warmup->is_stalled = false;
    if (!has_sources(warmup) || is_paused(db))
        return more;
    if (warmup->is_full)
        end_full(db);
    for (unsigned i = 0; warmup->in_flight < most; i++) {
        if (i == WARMUP_SLICE)
            return true;
        struct warm_list *list = next_list(db);
        if (list == NULL)
            return more;
        const struct warm_name *name = &list->names[list->next];
        slice text = slice_make(list->bytes.data + name->at, name->len);
        if (!load_name(db, name, text)) {
            warmup_found_no_room(db);
            return more || warmup->is_full;
        }
        list->next++;
        warmup->taken++;
    }
    return more;
}

bool warmup_has_step(const struct db *db)
{
    const struct warmup *warmup = db->warmup;
    if (warmup->save.phase != WARM_SAVE_NONE)
        return true;
    return has_sources(warmup) && !warmup->is_stalled && !is_paused(db);
}

void warmup_cron(struct db *db)
{
    note_cron(db);
}

/* --- asking -------------------------------------------------------------- */

bool db_warmup_key(struct db *db, const struct db_key *key)
{
    struct warm_list *asked = &db->warmup->asked;
    struct entry     *entry =
        cache_find(&db->cache, key->space->id, key->key, key->hash);
    if (db->opt.keep_nothing || key->space->unwritten ||
        (entry != NULL && entry_presence(entry) != ENTRY_HEADER) ||
        asked->bytes.len + key->key.len > warmup_chunk_bytes(db) ||
        asked->count * sizeof(*asked->names) > 3 * warmup_chunk_bytes(db))
        return false;
    warmup_begin(db);
    warm_list_add(asked, key->space->id, key->key);
    warm_list_charge(db, asked, 0);
    warmup_add_total(db, 1);
    return true;
}

void db_set_warmup(struct db *db, bool enabled)
{
    struct warmup *warmup = db->warmup;
    warmup->enabled = enabled;
    if (enabled)
        return;
    file_end(db);
    if (!warmup->file_running)
        warm_list_clear(db, &warmup->listed);
    note_stop(db);
}

/* --- life ---------------------------------------------------------------- */

void warmup_init(struct db *db)
{
    struct warmup *warmup = mem_calloc(1, sizeof(*warmup));
    db->warmup = warmup;
    warmfile_init(&warmup->file);
    warm_list_init(&warmup->listed);
    warm_list_init(&warmup->asked);
    match_init(&warmup->match);
    note_init(db);
    warmup->enabled = db->opt.warm_restart;
    if (warmup->enabled && db->opt.warm_directory != NULL &&
        !db->opt.keep_nothing)
        warmup->file_phase = WARM_FILE_WANTED;
}

void warmup_deinit(struct db *db)
{
    struct warmup *warmup = db->warmup;
    ASSERT(!warmup->file_running && warmup->in_flight == 0);
    stop_all(db);
    note_deinit(db);
    mem_free(warmup);
}
