/* warmup_save.c - what is hot in memory is noted for the next start: every
 * minute, if much has changed, and at the end.
 *
 * Which entries are hot is known by their last use and by the queue that they
 * are in (cache_heat). The hash table is walked twice, a slice a turn: first to
 * count how many bytes of names there are of each heat, which tells how far
 * down the file will go and where its levels begin; then to collect them, each
 * level in a buffer that goes to the file when it is full. Entries come and go
 * meanwhile, and the table splits and joins buckets: a name may be missed or be
 * there twice, which does no harm.
 *
 * Names and not hashes: a get by name is one look in LevelDB, with its filter;
 * a hash would need an iterator. All names together are at most names_max; no
 * more than a few blocks of them are ever in memory.
 *
 * Nothing is written while nothing changes: a server that only answers from
 * memory has made no entries since the last time. Nor while the file of the
 * process before is still being loaded: it knows better. */
#include "db/warmup.h"

#include "base/clock.h"

#define SAVE_EVERY_MS 60000
/* A file of names is worth writing when so much of it may be new. */
#define CHANGED_PART  8
#define BLOCK_LEAST   ((size_t)8 * 1024)
#define BLOCK_MOST    ((size_t)64 * 1024)
#define NAMES_MOST    ((uint64_t)64 * 1024 * 1024)
#define NOT_SAVED     0xff
/* At the end: entries of one slice, and how long it may take. */
#define LAST_SLICE    4096
#define LAST_US       2000000

struct note_job {
    struct job      job;
    struct db      *db;
    unsigned        level;
    uint32_t        count;
    struct buf      names;  /* empty: nothing to add */
    uint64_t        most;   /* bytes that there may be in all */
    bool            finish;
    err_t           err;
    struct err_text why;
};

static size_t note_block_bytes(const struct db *db)
{
    size_t bytes = db->opt.limit_bytes / 1024;
    return bytes < BLOCK_LEAST ? BLOCK_LEAST
                               : bytes > BLOCK_MOST ? BLOCK_MOST : bytes;
}

/* So that a level has some of them in one buffer. */
static size_t name_max(const struct db *db)
{
    return note_block_bytes(db) / 8;
}

static uint64_t names_max(const struct db *db)
{
    uint64_t bytes = db->opt.limit_bytes / 32;
    return bytes < NAMES_MOST ? bytes : NAMES_MOST;
}

static uint64_t lookups(const struct db *db)
{
    return db->lookups.found + db->lookups.missing;
}

/* --- on the I/O thread --------------------------------------------------- */

static void note_run(struct job *base)
{
    struct note_job *job = CONTAINER_OF(base, struct note_job, job);
    struct warmfile *file = &job->db->warmup->save.file;
    if (file->fd < 0)
        job->err =
            warmfile_create(file, job->db->opt.warm_directory, job->most,
                            &job->why);
    if (job->err == ERR_OK && job->names.len > 0)
        job->err = warmfile_add(file, job->level, job->count,
                                buf_slice(&job->names), &job->why);
    if (job->err == ERR_OK && job->finish)
        job->err = warmfile_finish(file, &job->why);
    if (job->err != ERR_OK)
        warmfile_close(file);
}

/* --- beginning and ending ------------------------------------------------- */

static void forget_names(struct db *db)
{
    struct warm_save *save = &db->warmup->save;
    for (size_t i = 0; i < WARMUP_LEVELS; i++) {
        buf_deinit(&save->levels[i].names);
        save->levels[i].count = save->levels[i].last_space = 0;
    }
    mem_release(db->opt.mem, MEM_JOBS, save->charged);
    save->charged = 0;
}

static void begin(struct db *db)
{
    struct warm_save *save = &db->warmup->save;
    ASSERT(save->phase == WARM_SAVE_NONE && !save->running);
    save->phase = WARM_SAVE_COUNT;
    save->wanted = save->abandon = false;
    save->bucket = 0;
    save->names = 0;
    memset(save->heat_bytes, 0, sizeof(save->heat_bytes));
    save->begun_additions = db->cache.additions;
    save->begun_lookups = lookups(db);
    /* A buffer that grows has up to twice what is in it. */
    save->charged = (WARMUP_LEVELS + 1) * 2 * note_block_bytes(db);
    mem_charge(db->opt.mem, MEM_JOBS, save->charged);
}

static void end(struct db *db)
{
    struct warm_save *save = &db->warmup->save;
    ASSERT(!save->running);
    warmfile_close(&save->file);
    forget_names(db);
    save->phase = WARM_SAVE_NONE;
    save->abandon = false;
    save->due_ms = db->now_ms + SAVE_EVERY_MS;
}

static void saved(struct db *db)
{
    struct warmup    *warmup = db->warmup;
    struct warm_save *save = &warmup->save;
    save->saved_additions = save->begun_additions;
    save->saved_lookups = save->begun_lookups;
    warmup->stats.saves++;
    warmup->stats.saved_keys = save->names;
    warmup->stats.last_save_s = db->now_ms / 1000;
    end(db);
}

static void note_done(struct job *base)
{
    struct note_job  *job = CONTAINER_OF(base, struct note_job, job);
    struct db        *db = job->db;
    struct warm_save *save = &db->warmup->save;
    save->running = false;
    if (job->err != ERR_OK) {
        log_write(db->opt.log, LOG_WARNING,
                  "the names of hot keys are not saved: %s", job->why.text);
        end(db);
    } else if (save->abandon) {
        end(db);
    } else if (job->finish) {
        saved(db);
    }
    buf_deinit(&job->names);
    mem_free(job);
}

static struct note_job *submit(struct db *db)
{
    struct note_job *job = mem_calloc(1, sizeof(*job));
    job->job = (struct job){ .class = JOB_BACKGROUND,
                             .run = note_run,
                             .done = note_done };
    job->db = db;
    job->most = names_max(db);
    buf_init(&job->names, SIZE_MAX);
    db->warmup->save.running = true;
    io_submit(db->opt.io, &job->job);
    return job;
}

static void submit_level(struct db *db, unsigned level)
{
    struct warm_save *save = &db->warmup->save;
    struct note_job  *job = submit(db);
    job->level = level;
    job->count = save->levels[level].count;
    job->names = save->levels[level].names;
    buf_init(&save->levels[level].names, SIZE_MAX);
    save->levels[level].count = save->levels[level].last_space = 0;
}

/* --- walking ------------------------------------------------------------- */

static bool is_live(struct db *db, uint32_t space)
{
    struct warm_save *save = &db->warmup->save;
    if (space == save->live_space)
        return true;
    if (space == save->dead_space)
        return false;
    bool live = space_by_id(db, space) != NULL;
    *(live ? &save->live_space : &save->dead_space) = space;
    return live;
}

/* A value that would not be loaded is not noted either. */
static bool is_worth_it(struct db *db, const struct entry *entry)
{
    const struct object *object = entry_object(entry);
    return entry_presence(entry) == ENTRY_PRESENT &&
           entry->key_len <= name_max(db) &&
           (object == NULL ||
            object->charged_bytes <= warmup_value_max(db)) &&
           is_live(db, entry->space);
}

static void count_one(struct db *db, const struct entry *entry)
{
    struct warm_save *save = &db->warmup->save;
    save->heat_bytes[cache_heat(&db->cache, entry)] += entry->key_len + 1;
}

static void collect_one(struct db *db, const struct entry *entry)
{
    struct warm_save *save = &db->warmup->save;
    unsigned  heat = cache_heat(&db->cache, entry);
    uint8_t   level = save->level_of[heat];
    uint64_t  bytes = entry->key_len + 1;
    uint64_t *left = heat == save->edge ? &save->edge_left : &save->left;
    if (level == NOT_SAVED || *left < bytes)
        return;
    *left -= bytes;
    warm_encode(&save->levels[level].names, &save->levels[level].last_space,
                entry->space, entry_key(entry));
    save->levels[level].count++;
    save->names++;
}

/* A full buffer goes to the file; false: it has to wait for the one before. A
 * block has no more names than three times its bytes' worth of places. */
static bool make_place(struct db *db)
{
    struct warm_save *save = &db->warmup->save;
    size_t            block = note_block_bytes(db);
    for (unsigned i = 0; i < WARMUP_LEVELS; i++) {
        if (save->levels[i].names.len < block &&
            save->levels[i].count < block / 8)
            continue;
        if (save->running)
            return false;
        submit_level(db, i);
    }
    return true;
}

/* True: it has been through the whole table. */
static bool walk(struct db *db, size_t most)
{
    struct warm_save *save = &db->warmup->save;
    save->live_space = save->dead_space = 0;
    for (size_t seen = 0; seen < most; save->bucket++, seen++) {
        if (save->bucket >= db->cache.table.bucket_count)
            return true;
        if (save->phase == WARM_SAVE_COLLECT && !make_place(db))
            return false;
        const struct entry *entry =
            table_bucket(&db->cache.table, save->bucket);
        for (; entry != NULL; entry = entry->next, seen++) {
            if (!is_worth_it(db, entry))
                continue;
            if (save->phase == WARM_SAVE_COUNT)
                count_one(db, entry);
            else
                collect_one(db, entry);
        }
    }
    return false;
}

/* The hottest as far as they may go, of the coldest of these (the edge) as many
 * as there is place for; those that were used again in levels of about the same
 * size. */
static void choose_levels(struct db *db)
{
    struct warm_save *save = &db->warmup->save;
    uint64_t most = names_max(db), hot = 0, sum = 0;
    for (size_t i = 0; i < CACHE_HEAT_COLD; i++)
        hot += save->heat_bytes[i];
    hot = hot > most ? most : hot;
    for (size_t i = 0; i < CACHE_HEATS; i++) {
        uint64_t level = hot > 0 ? sum * WARMUP_COLD / hot : 0;
        if (i >= CACHE_HEAT_COLD || level >= WARMUP_COLD)
            level = i >= CACHE_HEAT_COLD ? WARMUP_COLD : WARMUP_COLD - 1;
        save->level_of[i] = sum < most ? (uint8_t)level : NOT_SAVED;
        if (sum < most) {
            save->edge = (unsigned)i;
            save->edge_left = most - sum;
        }
        sum += save->heat_bytes[i];
    }
    save->left = most; /* should many have come since */
}

static void drain(struct db *db)
{
    struct warm_save *save = &db->warmup->save;
    for (unsigned i = 0; i < WARMUP_LEVELS; i++) {
        if (save->running)
            return;
        if (save->levels[i].names.len > 0)
            submit_level(db, i);
    }
    if (save->running)
        return;
    submit(db)->finish = true;
    save->phase = WARM_SAVE_FINISH;
}

bool note_turn(struct db *db, size_t most)
{
    struct warm_save *save = &db->warmup->save;
    if (save->abandon)
        return false;
    switch (save->phase) {
    case WARM_SAVE_NONE:
    case WARM_SAVE_FINISH:
        return false;
    case WARM_SAVE_COUNT:
        if (walk(db, most)) {
            choose_levels(db);
            save->bucket = 0;
            save->phase = WARM_SAVE_COLLECT;
        }
        return true;
    case WARM_SAVE_COLLECT:
        if (walk(db, most))
            save->phase = WARM_SAVE_DRAIN;
        /* Else perhaps for the job; its end wakes the loop. */
        return !save->running || save->phase == WARM_SAVE_DRAIN;
    case WARM_SAVE_DRAIN:
        drain(db);
        return false;
    }
    UNREACHABLE();
}

/* --- when ---------------------------------------------------------------- */

static bool may_save(const struct db *db)
{
    const struct warmup *warmup = db->warmup;
    return warmup->enabled && db->opt.warm_directory != NULL &&
           !db->opt.keep_nothing && !db->failing &&
           warmup->file_phase == WARM_FILE_NONE && !warmup->file_running;
}

static bool has_changed_much(const struct db *db)
{
    const struct warmup *warmup = db->warmup;
    uint64_t additions = db->cache.additions - warmup->save.saved_additions;
    return additions > warmup->stats.saved_keys / CHANGED_PART;
}

void note_cron(struct db *db)
{
    struct warm_save *save = &db->warmup->save;
    if (save->phase != WARM_SAVE_NONE || !may_save(db))
        return;
    if (save->due_ms <= db->now_ms && !save->wanted)
        save->due_ms = db->now_ms + SAVE_EVERY_MS;
    else if (!save->wanted)
        return;
    if (save->wanted || has_changed_much(db))
        begin(db);
}

void db_warmup_save_soon(struct db *db)
{
    db->warmup->save.wanted = true;
}

void db_warmup_save_now(struct db *db)
{
    struct warm_save *save = &db->warmup->save;
    uint64_t until_us = clock_mono_us() + LAST_US;
    bool is_same = save->saved_additions == db->cache.additions &&
                   save->saved_lookups == lookups(db);
    if (!may_save(db) || is_same)
        return;
    if (save->phase == WARM_SAVE_NONE)
        begin(db);
    while (save->phase != WARM_SAVE_NONE && clock_mono_us() < until_us)
        if (!note_turn(db, LAST_SLICE))
            (void)io_wait_some(db->opt.io);
    if (save->phase == WARM_SAVE_NONE)
        return;
    log_write(db->opt.log, LOG_NOTICE,
              "the names of hot keys are not saved: it takes too long");
    note_stop(db);
    io_drain(db->opt.io);
}

void note_stop(struct db *db)
{
    struct warm_save *save = &db->warmup->save;
    save->wanted = false;
    if (save->phase == WARM_SAVE_NONE)
        return;
    save->abandon = save->running;
    if (!save->running)
        end(db);
}

void note_init(struct db *db)
{
    struct warm_save *save = &db->warmup->save;
    warmfile_init(&save->file);
    for (size_t i = 0; i < WARMUP_LEVELS; i++)
        buf_init(&save->levels[i].names, SIZE_MAX);
    save->due_ms = db->now_ms + SAVE_EVERY_MS;
}

void note_deinit(struct db *db)
{
    ASSERT(!db->warmup->save.running);
    note_stop(db);
}
