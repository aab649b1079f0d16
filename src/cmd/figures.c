/* figures.c - collects the figures from cache, db, io and store.
 *
 * Everything here is cheap enough for a client that asks ten times a second:
 * counters, and one walk over the busy entries, whose number is bounded by the
 * dirty bytes. Only figures_store reads a directory.
 *
 * A new counter needs a line here and a test in tests/py that moves it. */
#include "cmd/figures.h"

#include <stdio.h>

#include "cache/cache.h"

struct list {
    figures_each *each;
    void         *arg;
    size_t        count;
};

static void number(struct list *list, const char *name, uint64_t value)
{
    struct figure figure = { .name = name, .number = value };
    list->each(list->arg, &figure);
    list->count++;
}

static void text(struct list *list, const char *name, const char *value)
{
    struct figure figure = { .name = name, .text = value };
    list->each(list->arg, &figure);
    list->count++;
}

/* --- memory -------------------------------------------------------------- */

static void memory_figures(struct list *list, struct server *server)
{
    number(list, "cache_used_memory", server->mem.total_bytes);
    number(list, "cache_max_memory", server->config->cache_max_memory);
    number(list, "cache_limit_memory", server_limit_bytes(server));
    number(list, "cache_resident_memory", mem_rss_anon_bytes());
    for (int i = 0; i < MEM_ACCOUNT_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof(name), "cache_memory_%s",
                 mem_account_name((enum mem_account)i));
        number(list, name, server->mem.used_bytes[i]);
    }
}

/* --- entries ------------------------------------------------------------- */

/* Entries that are not as on disk, by what they say of their key. */
struct tally {
    size_t dirty, saving;               /* the key exists */
    size_t absent_dirty, absent_saving; /* it doesn't: deletes under way */
};

static void tally_busy(void *arg, const struct busy *busy)
{
    struct tally *tally = arg;
    bool          exists = entry_exists(busy->entry);
    switch (busy_state(busy)) {
    case DS_MEMORY:
        break;
    case DS_DIRTY:
        *(exists ? &tally->dirty : &tally->absent_dirty) += 1;
        break;
    case DS_SAVING:
        *(exists ? &tally->saving : &tally->absent_saving) += 1;
        break;
    }
}

/* By the words of CACHE STATE: memory, dirty, saving and absent, and unknown
 * (being loaded), add up to cache_entries; the rest are parts of these. */
static void entry_figures(struct list *list, struct server *server)
{
    const struct cache *cache = db_cache(server->db);
    const size_t       *presence = cache->presence_count;
    struct tally        tally = { 0 };
    busy_each(&cache->busy, tally_busy, &tally);
    size_t existing = presence[ENTRY_HEADER] + presence[ENTRY_PRESENT];
    number(list, "cache_entries", cache->table.entry_count);
    number(list, "cache_entries_memory",
           existing - tally.dirty - tally.saving);
    number(list, "cache_entries_dirty", tally.dirty);
    number(list, "cache_entries_saving", tally.saving);
    number(list, "cache_entries_absent", presence[ENTRY_ABSENT]);
    number(list, "cache_entries_unknown", presence[ENTRY_UNKNOWN]);
    number(list, "cache_entries_header", presence[ENTRY_HEADER]);
    number(list, "cache_entries_deadline", cache->deadline_count);
    number(list, "cache_entries_busy", cache->busy.used_count);
    number(list, "cache_deletes_dirty", tally.absent_dirty);
    number(list, "cache_deletes_saving", tally.absent_saving);
}

/* --- events -------------------------------------------------------------- */

static void traffic_figures(struct list *list, const struct db_stats *stats,
                            const struct cache *cache)
{
    number(list, "cache_hits", stats->hits);
    number(list, "cache_misses", stats->misses);
    number(list, "cache_absent_hits", stats->absent_hits);
    number(list, "cache_prefetches", stats->prefetches);
    number(list, "cache_loads", stats->loads);
    number(list, "cache_load_errors", stats->load_errors);
    number(list, "cache_loads_dropped", stats->loads_dropped);
    number(list, "cache_saves", stats->saves);
    number(list, "cache_deletes", stats->deletes);
    number(list, "cache_evictions", cache->evictions);
    number(list, "cache_moved_bytes", cache->hand_moved_bytes);
    number(list, "cache_expired", stats->expired);
    number(list, "cache_blind_writes", stats->blind_writes);
    number(list, "cache_looks", stats->looks);
    number(list, "cache_garbage_deleted", stats->garbage_deleted);
}

static void flush_figures(struct list *list, const struct db_stats *stats)
{
    number(list, "cache_dirty_bytes", stats->dirty_bytes);
    number(list, "cache_oldest_dirty_ms", (uint64_t)stats->oldest_dirty_ms);
    number(list, "cache_flushing", stats->flushing);
    number(list, "cache_flushes", stats->flushes);
    number(list, "cache_flush_errors", stats->flush_errors);
    number(list, "cache_staged_flushes", stats->staged_flushes);
    number(list, "cache_sync_flushes", stats->sync_flushes);
    number(list, "script_sync_loads", stats->sync_loads);
    number(list, "cache_slice_max", stats->slice_max);
    number(list, "cache_last_flush_ms", (uint64_t)stats->last_flush_ms);
    number(list, "cache_last_flush_bytes", stats->last_flush_bytes);
    text(list, "cache_last_flush_status", stats->last_flush_ok ? "ok" : "err");
    text(list, "cache_last_error", stats->last_error);
    number(list, "cache_store_failing", stats->failing);
}

static void warm_figures(struct list *list, const struct db *db)
{
    struct db_warmup_stats stats;
    db_warmup_stats(db, &stats);
    number(list, "cache_warm_running", stats.running);
    number(list, "cache_warm_total", stats.total);
    number(list, "cache_warm_done", stats.done);
    number(list, "cache_warm_loaded", stats.loaded);
    number(list, "cache_warm_full", stats.full);
    number(list, "cache_warm_saving", stats.saving);
    number(list, "cache_warm_saves", stats.saves);
    number(list, "cache_warm_saved_keys", stats.saved_keys);
    number(list, "cache_warm_last_save", (uint64_t)stats.last_save_s);
}

static void job_figures(struct list *list, struct db *db)
{
    static const char *const names[JOB_CLASS_COUNT] = {
        [JOB_LOAD] = "cache_jobs_load",
        [JOB_SAVE] = "cache_jobs_save",
        [JOB_BACKGROUND] = "cache_jobs_background",
        [JOB_COMPACT] = "cache_jobs_compact",
        [JOB_EXCLUSIVE] = "cache_jobs_exclusive",
    };
    for (int i = 0; i < JOB_CLASS_COUNT; i++)
        number(list, names[i], io_queue_count(db_io(db), (enum job_class)i));
}

size_t figures_cache(struct server *server, figures_each *each, void *arg)
{
    struct list     list = { .each = each, .arg = arg };
    struct db_stats stats;
    db_stats(server->db, &stats);
    memory_figures(&list, server);
    entry_figures(&list, server);
    traffic_figures(&list, &stats, db_cache(server->db));
    flush_figures(&list, &stats);
    warm_figures(&list, server->db);
    job_figures(&list, server->db);
    number(&list, "cache_blocked_clients", stats.parked_now);
    number(&list, "cache_blocked_clients_total", stats.parked_total);
    number(&list, "cache_robbed", stats.robbed);
    return list.count;
}

/* --- the store ----------------------------------------------------------- */

size_t figures_store(struct server *server, figures_each *each, void *arg)
{
    struct list        list = { .each = each, .arg = arg };
    struct store_stats stats = { 0 };
    /* Nobody may be inside the store while it is closed and opened again. */
    bool reopening = io_queue_count(db_io(server->db), JOB_EXCLUSIVE) > 0;
    text(&list, "store_path", server->config->ds_path);
    number(&list, "store_fsync", server->config->ds_fsync);
    number(&list, "store_reopening", reopening);
    if (reopening)
        return list.count;
    store_stats(db_store(server->db), &stats);
    number(&list, "store_disk_bytes", stats.disk_bytes);
    number(&list, "store_memory_bytes", stats.memory_bytes);
    number(&list, "store_level0_files", stats.level0_files);
    number(&list, "store_batches", stats.write_count);
    number(&list, "store_batch_bytes", stats.write_bytes);
    number(&list, "store_gets", stats.get_count);
    number(&list, "store_errors", stats.error_count);
    number(&list, "store_bad_tables", stats.bad_tables);
    number(&list, "store_unverified_tables", stats.unverified_tables);
    number(&list, "store_scrub_done", stats.unverified_tables == 0);
    return list.count;
}
