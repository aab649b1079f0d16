/* db.c - the turn, the cron, the settings, the figures. */
#include "db/internal.h"

#include "base/clock.h"

/* Entries evicted or moved in one turn when memory is over its limit. */
#define SWEEP_SLICE 256
/* Cron calls that the hard limit may be exceeded without a synchronous flush. */
#define LAST_RESORT_TICKS 20

uint64_t db_next_version(struct db *db)
{
    return ++db->version;
}

void db_worked(struct db *db, enum db_work work, uint64_t begun_us)
{
    if (db->opt.on_work != NULL)
        db->opt.on_work(db->opt.work_arg, work, clock_mono_us() - begun_us);
}

void db_error(struct db *db, const char *what, const struct err_text *why)
{
    log_write(db->opt.log, LOG_WARNING, "store error (%s): %s", what,
              why->text);
    snprintf(db->stats.last_error, sizeof(db->stats.last_error), "%s",
             why->text);
}

static bool space_is_live(void *arg, uint32_t space)
{
    return space_by_id(arg, space) != NULL;
}

bool db_is_settling(const struct db *db)
{
    return db->reopening || db->resize_wanted ||
           db->opt.mem->used_bytes[MEM_OVERHEAD] > db->cache.limit_bytes / 16;
}

static void set_prefetch_cap(struct db *db)
{
    /* A value that comes with its record has at most CACHE_INLINE_MAX. */
    size_t cap = db->opt.limit_bytes / 64 / CACHE_INLINE_MAX;
    db->prefetch_cap = cap < 16 ? 16 : cap > 1024 ? 1024 : cap;
}

/* --- life ---------------------------------------------------------------- */

static struct db *make(const struct db_options *options)
{
    struct db *db = mem_calloc(1, sizeof(*db));
    db->opt = *options;
    db->now_ms = db->start_ms = options->now_ms;
    db->epoch = 1;
    cache_init(&db->cache, options->mem, options->log, options->limit_bytes);
    if (options->page_limit != 0)
        db->cache.objects.page_limit = options->page_limit;
    db->cache.space_is_live = space_is_live;
    db->cache.space_arg = db;
    link_init(&db->open);
    park_init(db);
    cut_init(db);
    moved_init(db);
    expire_init(db);
    spaces_init(db);
    buf_init(&db->key_buf, SIZE_MAX);
    buf_init(&db->key_buf2, SIZE_MAX);
    buf_init(&db->value_buf, SIZE_MAX);
    buf_init(&db->garbage_at, SIZE_MAX);
    for (size_t i = 0; i < EMPTIED_COUNT; i++) {
        buf_init(&db->emptied[i].from, SIZE_MAX);
        buf_init(&db->emptied[i].to, SIZE_MAX);
    }
    set_prefetch_cap(db);
    warmup_init(db);
    db->stats.last_flush_ok = true;
    db->stats.last_save_time_s = options->now_ms / 1000;
    db->garbage_known = true; /* until a look says otherwise */
    db->scrub_wanted = true;
    return db;
}

err_t db_open(const struct db_options *options, struct db **out,
              struct err_text *why)
{
    struct db *db = make(options);
    err_t      err = open_meta(db, why);
    if (err != ERR_OK) {
        db_close(db);
        return err;
    }
    *out = db;
    return ERR_OK;
}

static void forget_dirty(struct db *db)
{
    struct link *first;
    while ((first = list_first(&db->open)) != NULL) {
        struct busy *busy = CONTAINER_OF(first, struct busy, dirty_link);
        link_remove(first);
        busy->durable_version = busy->version;
        cache_settle_busy(&db->cache, busy);
    }
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    warmup_deinit(db);
    cut_deinit(db);
    moved_deinit(db);
    forget_dirty(db);
    expire_deinit(db);
    garbage_deinit(db);
    compact_deinit(db);
    spaces_deinit(db);
    mem_free(db->dead.ids);
    cache_deinit(&db->cache);
    buf_deinit(&db->key_buf);
    buf_deinit(&db->key_buf2);
    buf_deinit(&db->value_buf);
    mem_free(db);
}

/* --- the turn ------------------------------------------------------------ */

void db_freeze(struct db *db, bool frozen)
{
    ASSERT(db->frozen != frozen);
    db->frozen = frozen;
}

void db_set_now(struct db *db, int64_t now_ms)
{
    if (db->frozen)
        return;
    /* Never back: whoever was told that a key has expired was told so. */
    if (now_ms > db->now_ms)
        db->now_ms = now_ms;
    db->cache.now_s = (uint32_t)((db->now_ms - db->start_ms) / 1000);
}

static bool flush_turn(struct db *db)
{
    if (db->resize_wanted && db->cut.phase == CUT_NONE && !db->reopening)
        fail_reopen(db);
    if (!db->frozen && cut_wanted(db))
        cut_begin(db);
    return cut_step(db);
}

/* Starved commands whose turn nobody else would bring: no command that holds
 * pins, no load that holds room, and no flush. */
static void keep_moving(struct db *db, bool is_cron)
{
    bool flush_comes = db_is_dirty(db) && !db->failing;
    if (db_is_settling(db) && !is_cron)
        return; /* looking again at every turn would be spinning */
    if (db->frozen)
        return;
    if (list_empty(&db->aged) && list_empty(&db->ready) &&
        db->node_loads == 0 && !flush_comes)
        park_restart_starved(db);
}

/* Below the limit again, a slice a turn. */
static bool sweep(struct db *db)
{
    uint64_t begun_us = clock_mono_us();
    bool more = cache_sweep(&db->cache, SWEEP_SLICE, db->opt.keep_nothing);
    db_worked(db, DB_WORK_EVICTION, begun_us);
    return more;
}

/* Nodes of collections that are gone, freed in a turn. */
#define FREE_NODES 128

bool db_turn(struct db *db, int64_t now_ms)
{
    db_set_now(db, now_ms);
    if (!db->frozen)
        park_run_ready(db);
    bool more = flush_turn(db);
    more |= expire_turn(db);
    if (db->opt.keep_nothing ||
        db->opt.mem->total_bytes > db->cache.limit_bytes)
        more |= sweep(db);
    more |= cache_free_buried(&db->cache, FREE_NODES);
    keep_moving(db, false);
    /* Begun by the cron, then a slice a turn at most: draining the I/O side
     * ends with the one that is on its way, and with io-threads 0 nobody waits
     * for more than one. */
    if (db->scrub_more)
        scrub_step(db);
    if (db->garbage_more)
        garbage_step(db);
    scan_step(db);
    more |= warmup_turn(db);
    io_hand_over(db->opt.io);
    /* With io-threads 0 the jobs are done by now, and there may be more. */
    bool slices = (db->scrub_more || db->garbage_more ||
                   warmup_has_step(db)) &&
                  io_is_blocking(db->opt.io);
    return more || slices || !list_empty(&db->scans_on) ||
           expire_has_step(db) || !list_empty(&db->ready) ||
           cut_has_step(db);
}

/* Over the hard limit all the same, nothing clean is left, and the flush that
 * was asked for has not changed that for two seconds. */
static void last_resort(struct db *db)
{
    size_t hard = db->cache.limit_bytes + db->cache.limit_bytes / 10;
    bool helps = db_is_dirty(db) && !db->failing &&
                 /* else the sweep has something to evict */
                 db->cache.table.entry_count == db->cache.busy.used_count;
    if (db->opt.mem->total_bytes <= hard || !helps || db->frozen) {
        db->over_ticks = 0;
        return;
    }
    db_flush_soon(db);
    if (++db->over_ticks < LAST_RESORT_TICKS)
        return;
    db->over_ticks = 0;
    struct err_text why = { "" };
    db->stats.sync_flushes++;
    log_write(db->opt.log, LOG_WARNING,
              "memory is at %zu of %zu bytes and nothing is clean: flushing "
              "synchronously", db->opt.mem->total_bytes,
              db->cache.limit_bytes);
    uint64_t begun_us = clock_mono_us();
    (void)db_flush_now(db, &why); /* its failure is logged and kept */
    db_worked(db, DB_WORK_SYNC_FLUSH, begun_us);
}

void db_cron(struct db *db, int64_t now_ms)
{
    db_set_now(db, now_ms);
    expire_cron(db);
    fail_retry(db);
    scrub_step(db);
    if (!db->scrub_wanted)
        garbage_step(db);
    compact_cron(db);
    compact_tidy(db);
    compact_idle(db);
    overlay_cron(db);
    warmup_cron(db);
    keep_moving(db, true);
    last_resort(db);
    io_hand_over(db->opt.io);
}

/* --- flushing ------------------------------------------------------------ */

void db_flush_soon(struct db *db)
{
    db->flush_wanted = true;
}

/* Turns the crank without the loop until nothing is dirty or a write fails. */
err_t db_flush_now(struct db *db, struct err_text *why)
{
    uint64_t errors = db->stats.flush_errors;
    while (db_is_dirty(db)) {
        if (db->cut.phase == CUT_NONE && !db->reopening) {
            if (db->must_reopen) {
                db->retry_at_ms = db->now_ms;
                fail_retry(db);
            } else {
                cut_begin(db);
            }
        }
        cut_step(db);
        io_drain(db->opt.io);
        if (db->stats.flush_errors != errors || db->must_reopen)
            return err_set(why, ERR_IO, "%s", db->stats.last_error);
    }
    return ERR_OK;
}

/* --- settings ------------------------------------------------------------ */

void db_set_limit(struct db *db, uint64_t limit_bytes, bool keep_nothing)
{
    db->opt.limit_bytes = limit_bytes;
    db->opt.keep_nothing = keep_nothing;
    cache_set_limit(&db->cache, limit_bytes);
    set_prefetch_cap(db);
}

void db_resize_store(struct db *db, const struct store_options *sizes)
{
    db->sizes = *sizes;
    db->resize_wanted = true;
}

void db_set_flush_delay(struct db *db, uint64_t delay_ms)
{
    db->opt.flush_delay_ms = delay_ms;
}

void db_set_cut_max(struct db *db, uint64_t bytes)
{
    db->opt.cut_max_bytes = bytes;
}

void db_set_fsync(struct db *db, bool fsync)
{
    db->opt.fsync = fsync;
}

void db_set_active_expire(struct db *db, bool active)
{
    db->lazy_expire = !active;
}

bool db_is_clean(const struct db *db)
{
    return !db_is_dirty(db);
}

int64_t db_now_ms(const struct db *db)
{
    return db->now_ms;
}

struct cache *db_cache(struct db *db)
{
    return &db->cache;
}

struct store *db_store(struct db *db)
{
    return db->opt.store;
}

struct io *db_io(struct db *db)
{
    return db->opt.io;
}

/* --- figures ------------------------------------------------------------- */

static size_t list_length(const struct link *list)
{
    size_t count = 0;
    LIST_EACH (link, list)
        count++;
    return count;
}

void db_stats(const struct db *db, struct db_stats *out)
{
    const struct link *oldest = list_first(&db->cut.closing);
    *out = db->stats;
    if (oldest == NULL)
        oldest = list_first(&db->open);
    out->oldest_dirty_ms =
        db->cut.phase != CUT_NONE ? db->now_ms - db->cut.started_ms : 0;
    if (oldest != NULL) {
        int64_t since = CONTAINER_OF(oldest, struct busy, dirty_link)->dirty_ms;
        if (db->now_ms - since > out->oldest_dirty_ms)
            out->oldest_dirty_ms = db->now_ms - since;
    }
    out->parked_now = db->parked_now;
    out->dirty_entries = db->open_count + db->cut.entry_count;
    out->dirty_bytes = db->open_bytes + db->cut.closing_bytes;
    out->failing = db->failing;
    out->flushing = db->cut.phase != CUT_NONE;
    out->flushing_ms = out->flushing ? db->now_ms - db->cut.started_ms : 0;
}

void db_reset_stats(struct db *db)
{
    struct db_stats kept = db->stats;
    db->stats = (struct db_stats){
        .last_flush_ok = kept.last_flush_ok,
        .last_flush_ms = kept.last_flush_ms,
        .last_flush_bytes = kept.last_flush_bytes,
        .last_save_time_s = kept.last_save_time_s,
    };
}

struct sums {
    struct db *db;
    int64_t    pending, pending_expires;
    size_t     unsettled, all_unsettled;
    uint32_t   space;
};

static void add_up(void *arg, struct entry *entry)
{
    struct sums       *sums = arg;
    const struct busy *busy = cache_busy(&sums->db->cache, entry);
    if (busy == NULL || busy_state(busy) == DS_MEMORY)
        return;
    if (!busy->disk.known)
        sums->all_unsettled++;
    if (entry->space != sums->space)
        return;
    if (busy->disk.known)
        sums->pending += entry_exists(entry) - (int)busy->disk.exists;
    else
        sums->unsettled++;
    if (busy->disk.known)
        sums->pending_expires +=
            entry_expires(entry) - (busy->disk.deadline_ms != 0);
}

void db_check(struct db *db)
{
    cache_check(&db->cache);
    for (unsigned i = 0; i < db->opt.databases; i++) {
        struct sums sums = { .db = db, .space = db->spaces[i].id };
        table_each(&db->cache.table, add_up, &sums);
        ASSERT(sums.pending == db->spaces[i].pending);
        ASSERT(sums.pending_expires == db->spaces[i].pending_expires);
        ASSERT(sums.unsettled == db->spaces[i].unsettled);
        ASSERT(sums.all_unsettled == db->unsettled);
        overlay_check(db, &db->spaces[i]);
    }
    ASSERT(list_length(&db->open) == db->open_count);
    ASSERT(list_length(&db->cut.closing) + list_length(&db->cut.captured) ==
           db->cut.entry_count);
}
