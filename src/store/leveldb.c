/* leveldb.c - the embedded default engine, and the only file that knows
 * LevelDB's API.
 *
 * What LevelDB gets from us, and why:
 *   - paranoid_checks 0, because 1 lets one bad block stop all writes for ever
 *     and refuses a torn log end; the laxness that 0 brings at replay is
 *     answered by logcheck.c, which looks at the logs first, and by
 *     tablecheck.c, which looks at indexes and filters before LevelDB does;
 *   - verify_checksums on reads, fill_cache 0 for iterators;
 *   - a bloom filter of 10 bits: absent keys cost no disk read;
 *   - a table size chosen by the size of the store, and a bounded number of
 *     open tables, see "sizes" below;
 *   - never sync=1: logsync.c does it, in the order that a cut needs.
 *
 * After a failed write its outcome is unknown, and what LevelDB appended later
 * could be dropped at replay. So the store then refuses writes until reopen:
 * see that there is room, close, check the logs, open. The directory's lock is
 * held all the while.
 *
 * Threads  db is set by open, reopen and close only, when by contract nobody
 *          else is inside. logsync and failed belong to the writing thread.
 *          Counters are atomic; LevelDB's own calls are thread-safe. */
#include <leveldb/c.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/engine.h"
#include "store/layout.h"
#include "store/logcheck.h"
#include "store/logfile.h"
#include "store/logsync.h"
#include "store/tablecheck.h"

#define BLOCK_BYTES     4096
#define BLOOM_BITS      10
#define TABLE_MIN_BYTES (2u << 20)
#define TABLE_MAX_BYTES (64u << 20)
#define TABLES_WANTED   500 /* so that the store may double below 1000 */
#define OPEN_TABLES_MAX 1000
#define OPEN_TABLES_MIN 64
#define LIST_MAX_BYTES  (64u << 20) /* of tables, where there is no budget */
#define OTHER_FILES     64 /* logs, MANIFEST, LOG, LOCK, tables being made */

struct leveldb_store {
    struct store            base;
    struct layout           layout;
    struct logsync          logsync;
    struct tablecheck      *tables; /* made by the first open, then kept */
    struct log             *log; /* borrowed, may be NULL */
    leveldb_t              *db;  /* NULL while closed */
    leveldb_options_t      *options;
    leveldb_cache_t        *block_cache;
    leveldb_filterpolicy_t *bloom;
    leveldb_readoptions_t  *read_newest;
    leveldb_writeoptions_t *write_plain;
    bool                    compression;
    bool                    failed; /* a write failed: reopen first */
    struct store_options    sizes;  /* store_resize: for the next reopen */
    bool                    resize;
    size_t                  table_meta_bytes; /* estimate of an open table's */
    size_t                  max_open_tables;
    atomic_uint_fast64_t    user_count; /* snapshots and iterators alive */
    atomic_uint_fast64_t    write_count;
    atomic_uint_fast64_t    write_bytes;
    atomic_uint_fast64_t    get_count;
    atomic_uint_fast64_t    error_count;
};

struct leveldb_snap {
    struct store_snapshot     base;
    const leveldb_snapshot_t *snapshot; /* NULL when taken while closed */
    leveldb_readoptions_t    *read;
};

struct leveldb_iter {
    struct store_iter      base;
    struct leveldb_store  *store;
    leveldb_iterator_t    *iter; /* NULL when it could not be made */
    leveldb_readoptions_t *read;
    struct tablecheck_span span;
    err_t                  err; /* of ours; it is at its end then */
    struct err_text        why;
};

static struct leveldb_store *leveldb_of(struct store *store)
{
    return CONTAINER_OF(store, struct leveldb_store, base);
}

/* --- errors -------------------------------------------------------------- */

static bool text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool text_ends(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    size_t suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(text + len - suffix_len, suffix) == 0;
}

/* LevelDB tells errors apart by their text only: "IO error: FILE: strerror",
 * "Corruption: ...". Keep in step with util/env_posix.cc. */
static err_t error_map(const char *text)
{
    if (text_starts(text, "Corruption"))
        return ERR_CORRUPT;
    if (text_ends(text, "No space left on device") ||
        text_ends(text, "Disk quota exceeded"))
        return ERR_NO_SPACE;
    if (text_starts(text, "IO error: lock ") && strstr(text, "/LOCK:"))
        return ERR_BUSY;
    return ERR_IO;
}

/* Takes LevelDB's message (NULL: none, ERR_OK). */
static err_t error_take(const char *what, char *text /* take */,
                        struct err_text *why)
{
    if (text == NULL)
        return ERR_OK;
    err_t err = err_set(why, error_map(text), "%s: %s", what, text);
    leveldb_free(text);
    return err;
}

/* For INFO: passes err on. */
static err_t error_count(struct leveldb_store *store, err_t err)
{
    if (err)
        atomic_fetch_add(&store->error_count, 1);
    return err;
}

static err_t error_closed(struct err_text *why)
{
    return err_set(why, ERR_IO,
                   "the store is closed after an error and could "
                   "not be opened again yet");
}

/* --- sizes --------------------------------------------------------------- */

/* LevelDB fixes the table size at opening. Small tables compact in small steps,
 * but a large store in small tables is a million files. */
static size_t table_size_for(uint64_t store_bytes)
{
    size_t size = TABLE_MIN_BYTES;

    while (size < TABLE_MAX_BYTES && store_bytes / size >= TABLES_WANTED)
        size *= 2;
    return size;
}

/* An open table keeps its index in memory: a key and a handle for each block
 * (on the heap when compressed, else in the mapped file), and about 1 KB of
 * structs. The bloom filter is never compressed, so it stays in the file. */
static size_t table_meta_for(size_t table_bytes, bool compression)
{
    return 1024 + (compression ? table_bytes / BLOCK_BYTES * 64 : 0);
}

/* The list of tables to verify comes out of the same budget. */
static void sizes_choose(struct leveldb_store   *store,
                         const struct dir_usage *usage, size_t budget_bytes)
{
    size_t table_bytes = table_size_for(usage->table_bytes);
    size_t tables = OPEN_TABLES_MAX;
    size_t list_bytes = tablecheck_memory(store->tables);
    size_t rest = budget_bytes > list_bytes ? budget_bytes - list_bytes : 0;

    store->table_meta_bytes = table_meta_for(table_bytes, store->compression);
    if (budget_bytes > 0 && rest / store->table_meta_bytes < tables)
        tables = rest / store->table_meta_bytes;
    store->max_open_tables =
        tables < OPEN_TABLES_MIN ? OPEN_TABLES_MIN : tables;
    leveldb_options_set_max_file_size(store->options, table_bytes);
    /* LevelDB keeps ten of them for itself. */
    leveldb_options_set_max_open_files(store->options,
                                       (int)store->max_open_tables + 10);
}

/* Half of that budget at most is the list's. */
static size_t tables_most(size_t budget_bytes)
{
    return (budget_bytes > 0 ? budget_bytes / 2 : LIST_MAX_BYTES) /
           TABLECHECK_TABLE_BYTES;
}

size_t store_leveldb_max_files(void)
{
    return OPEN_TABLES_MAX + OTHER_FILES;
}

/* --- opening and closing ------------------------------------------------- */

static err_t logs_check(struct leveldb_store *store, struct err_text *why)
{
    struct logcheck_result result;

    err_t err = logcheck_run(store->layout.data_fd, &result, why);
    if (!err && result.cut_log)
        log_write(store->log, LOG_WARNING,
                  "Torn write at the end of the store's log cut off: "
                  "data/%06" PRIu64 ".log at byte %" PRIu64 " (%s), %" PRIu64
                  " bytes dropped, %" PRIu64 " batches before it kept",
                  result.cut_log, result.cut_offset, result.reason,
                  result.dropped_bytes, result.record_count);
    return err;
}

/* A new store has no logs to check yet. */
static err_t db_open(struct leveldb_store *store, struct err_text *why)
{
    char *text = NULL;
    err_t err = store->layout.is_new ? ERR_OK : logs_check(store, why);

    if (!err)
        err = tablecheck_prepare(store->tables, why);
    if (err)
        return err;
    leveldb_options_set_create_if_missing(store->options, store->layout.is_new);
    store->db = leveldb_open(store->options, store->layout.data_path, &text);
    err = error_take("cannot open LevelDB", text, why);
    tablecheck_opened(store->tables);
    if (!err)
        err = logsync_init(&store->logsync, store->layout.data_fd, why);
    if (!err && store->layout.is_new)
        err = layout_finish(&store->layout, why);
    return err;
}

static void db_close(struct leveldb_store *store)
{
    ASSERT(atomic_load(&store->user_count) == 0);
    logsync_deinit(&store->logsync);
    if (store->db)
        leveldb_close(store->db);
    store->db = NULL;
}

/* REQUIRES: closed. */
static err_t sizes_apply(struct leveldb_store       *store,
                         const struct store_options *sizes,
                         struct err_text            *why)
{
    struct dir_usage usage;
    err_t            err = dir_usage(store->layout.data_fd, &usage, why);
    if (err)
        return err;
    if (store->block_cache)
        leveldb_cache_destroy(store->block_cache);
    store->block_cache = leveldb_cache_create_lru(sizes->block_cache_bytes);
    leveldb_options_set_cache(store->options, store->block_cache);
    leveldb_options_set_write_buffer_size(store->options,
                                          sizes->write_buffer_bytes);
    sizes_choose(store, &usage, sizes->table_meta_bytes);
    store->resize = false;
    return ERR_OK;
}

static void leveldb_engine_resize(struct store               *base,
                                  const struct store_options *options)
{
    struct leveldb_store *store = leveldb_of(base);
    store->sizes = *options;
    store->resize = true;
}

static err_t leveldb_engine_reopen(struct store *base, struct err_text *why)
{
    struct leveldb_store *store = leveldb_of(base);

    /* Opening writes, and LevelDB may compact at once. */
    err_t err = tablecheck_writable(store->tables, why);
    if (!err)
        err = layout_has_room(&store->layout, why);
    if (error_count(store, err))
        return err;
    db_close(store);
    if (store->resize)
        err = sizes_apply(store, &store->sizes, why);
    if (!err)
        err = db_open(store, why);
    if (error_count(store, err))
        db_close(store);
    else
        store->failed = false;
    return err;
}

static void leveldb_engine_close(struct store *base)
{
    struct leveldb_store *store = leveldb_of(base);

    db_close(store);
    tablecheck_free(store->tables);
    leveldb_options_destroy(store->options);
    leveldb_cache_destroy(store->block_cache);
    leveldb_filterpolicy_destroy(store->bloom);
    leveldb_readoptions_destroy(store->read_newest);
    leveldb_writeoptions_destroy(store->write_plain);
    layout_close(&store->layout);
    mem_free(store);
}

/* --- snapshots ----------------------------------------------------------- */

static leveldb_readoptions_t *read_options(const leveldb_snapshot_t *snapshot,
                                           bool                      fill_cache)
{
    leveldb_readoptions_t *read = leveldb_readoptions_create();

    leveldb_readoptions_set_verify_checksums(read, 1);
    leveldb_readoptions_set_fill_cache(read, fill_cache);
    leveldb_readoptions_set_snapshot(read, snapshot);
    return read;
}

static struct store_snapshot *leveldb_engine_snapshot_new(struct store *base)
{
    struct leveldb_store *store = leveldb_of(base);
    struct leveldb_snap  *snap = mem_calloc(1, sizeof(*snap));

    snap->base.store = base;
    if (store->db)
        snap->snapshot = leveldb_create_snapshot(store->db);
    snap->read = read_options(snap->snapshot, true);
    atomic_fetch_add(&store->user_count, 1);
    return &snap->base;
}

static void leveldb_engine_snapshot_free(struct store          *base,
                                         struct store_snapshot *snapshot)
{
    struct leveldb_store *store = leveldb_of(base);
    struct leveldb_snap  *snap =
        CONTAINER_OF(snapshot, struct leveldb_snap, base);

    ASSERT(snapshot->store == base);
    leveldb_readoptions_destroy(snap->read);
    if (snap->snapshot)
        leveldb_release_snapshot(store->db, snap->snapshot);
    mem_free(snap);
    atomic_fetch_sub(&store->user_count, 1);
}

/* --- iterating ----------------------------------------------------------- */

static struct leveldb_iter *iter_of(struct store_iter *iter)
{
    return CONTAINER_OF(iter, struct leveldb_iter, base);
}

static const struct leveldb_iter *iter_of_const(const struct store_iter *iter)
{
    return (const struct leveldb_iter *)(const void *)iter;
}

/* After each move: may it stand here, and go on? */
static void iter_moved(struct leveldb_iter *iter)
{
    slice key = SLICE_EMPTY;
    bool  valid = leveldb_iter_valid(iter->iter);

    if (iter->span.is_all)
        return;
    if (valid)
        key.data = leveldb_iter_key(iter->iter, &key.len);
    iter->err = tablecheck_reach(iter->store->tables, &iter->span,
                                 valid ? &key : NULL, &iter->why);
}

static void leveldb_iter_engine_seek(struct store_iter *base, slice key)
{
    struct leveldb_iter *iter = iter_of(base);

    if (iter->iter == NULL)
        return;
    iter->err = tablecheck_seek(iter->store->tables, &iter->span, key,
                                &iter->why);
    if (iter->err)
        return;
    leveldb_iter_seek(iter->iter, key.data, key.len);
    iter_moved(iter);
}

static void leveldb_iter_engine_next(struct store_iter *base)
{
    leveldb_iter_next(iter_of(base)->iter);
    iter_moved(iter_of(base));
}

static bool leveldb_iter_engine_valid(const struct store_iter *base)
{
    const struct leveldb_iter *iter = iter_of_const(base);
    return iter->iter && !iter->err && leveldb_iter_valid(iter->iter);
}

static slice leveldb_iter_engine_key(const struct store_iter *base)
{
    size_t      len;
    const char *key = leveldb_iter_key(iter_of_const(base)->iter, &len);
    return slice_make(key, len);
}

static slice leveldb_iter_engine_value(const struct store_iter *base)
{
    size_t      len;
    const char *value = leveldb_iter_value(iter_of_const(base)->iter, &len);
    return slice_make(value, len);
}

static err_t leveldb_iter_engine_error(const struct store_iter *base,
                                       struct err_text         *why)
{
    const struct leveldb_iter *iter = iter_of_const(base);
    char                      *text = NULL;

    if (iter->err)
        return err_set(why, iter->err, "%s", iter->why.text);
    leveldb_iter_get_error(iter->iter, &text);
    return error_take("cannot read on", text, why);
}

static void leveldb_iter_engine_free(struct store_iter *base)
{
    struct leveldb_iter *iter = iter_of(base);

    if (iter->iter)
        leveldb_iter_destroy(iter->iter);
    leveldb_readoptions_destroy(iter->read);
    atomic_fetch_sub(&iter->store->user_count, 1);
    mem_free(iter);
}

static const struct store_iter_engine leveldb_iter_engine = {
    .seek = leveldb_iter_engine_seek,
    .next = leveldb_iter_engine_next,
    .valid = leveldb_iter_engine_valid,
    .key = leveldb_iter_engine_key,
    .value = leveldb_iter_engine_value,
    .error = leveldb_iter_engine_error,
    .free = leveldb_iter_engine_free,
};

static struct store_iter *leveldb_engine_iter_new(
    struct store *base, const struct store_snapshot *snapshot)
{
    struct leveldb_store     *store = leveldb_of(base);
    struct leveldb_iter      *iter = mem_calloc(1, sizeof(*iter));
    const leveldb_snapshot_t *at = NULL;

    if (snapshot) {
        ASSERT(snapshot->store == base);
        at = ((const struct leveldb_snap *)(const void *)snapshot)->snapshot;
    }
    iter->base.engine = &leveldb_iter_engine;
    iter->store = store;
    iter->read = read_options(at, false);
    iter->err = store->db ? tablecheck_level0(store->tables, &iter->why)
                          : error_closed(&iter->why);
    if (!iter->err)
        iter->iter = leveldb_create_iterator(store->db, iter->read);
    atomic_fetch_add(&store->user_count, 1);
    return &iter->base;
}

/* --- getting ------------------------------------------------------------- */

/* Where a table's filter is bad: iterators use none. */
static char *get_by_iterator(struct store                *base,
                             const struct store_snapshot *snapshot,
                             struct store_get            *get)
{
    struct store_iter *iter = leveldb_engine_iter_new(base, snapshot);
    char              *value = NULL;

    leveldb_iter_engine_seek(iter, get->key);
    if (leveldb_iter_engine_valid(iter) &&
        slice_equal(leveldb_iter_engine_key(iter), get->key)) {
        slice found = leveldb_iter_engine_value(iter);
        get->value_len = found.len;
        value = mem_alloc(found.len > 0 ? found.len : 1);
        memcpy(value, found.data, found.len);
    } else {
        get->err = leveldb_iter_engine_error(iter, &get->why);
    }
    leveldb_iter_engine_free(iter);
    return value;
}

static const leveldb_readoptions_t *read_of(
    const struct leveldb_store *store, const struct store_snapshot *snapshot)
{
    if (snapshot == NULL)
        return store->read_newest;
    ASSERT(snapshot->store == &store->base);
    return ((const struct leveldb_snap *)(const void *)snapshot)->read;
}

static void leveldb_get_record(struct leveldb_store        *store,
                               const struct store_snapshot *snapshot,
                               struct store_get            *get)
{
    char *text = NULL;
    bool  filter_is_bad = false;

    get->value = NULL;
    get->value_len = 0;
    get->why.text[0] = 0;
    if (store->db == NULL) {
        get->err = error_closed(&get->why);
        return;
    }
    get->err =
        tablecheck_key(store->tables, get->key, &filter_is_bad, &get->why);
    if (!get->err && filter_is_bad) {
        get->value = get_by_iterator(&store->base, snapshot, get);
    } else if (!get->err) {
        get->value =
            leveldb_get(store->db, read_of(store, snapshot), get->key.data,
                        get->key.len, &get->value_len, &text);
        get->err = error_take("cannot read a record", text, &get->why);
    }
    error_count(store, get->err);
    if (!get->err && get->value == NULL)
        get->err = ERR_NOT_FOUND;
}

static void leveldb_engine_get_many(struct store                *base,
                                    const struct store_snapshot *snapshot,
                                    struct store_get *gets, size_t count,
                                    store_on_get *on_done, void *arg)
{
    struct leveldb_store *store = leveldb_of(base);

    atomic_fetch_add(&store->get_count, count);
    for (size_t i = 0; i < count; i++) {
        leveldb_get_record(store, snapshot, &gets[i]);
        on_done(arg, &gets[i]);
    }
}

/* --- writing ------------------------------------------------------------- */

static void batch_add(void *arg, const struct store_op *op)
{
    leveldb_writebatch_t *out = arg;
    if (op->is_delete)
        leveldb_writebatch_delete(out, op->key.data, op->key.len);
    else
        leveldb_writebatch_put(out, op->key.data, op->key.len, op->value.data,
                               op->value.len);
}

/* Turns our batch into LevelDB's, and frees it. Sorted: each record then goes
 * into the memtable beside the one before, whose neighbours the processor's
 * caches still hold. */
static leveldb_writebatch_t *batch_convert(struct store_batch *batch)
{
    leveldb_writebatch_t *out = leveldb_writebatch_create();

    store_batch_each_by_key(batch, batch_add, out);
    store_batch_free(batch);
    return out;
}

/* What this write's sync must cover besides itself is synced before it: should
 * the power fail in between, the logs end with at most one torn record. */
static err_t write_batch(struct leveldb_store *store,
                         leveldb_writebatch_t *batch, bool durable,
                         struct err_text *why)
{
    char *text = NULL;
    err_t err = durable ? logsync_run(&store->logsync, why) : ERR_OK;

    if (err)
        return err;
    leveldb_write(store->db, store->write_plain, batch, &text);
    err = error_take("cannot write a batch", text, why);
    if (!err)
        err = logsync_written(&store->logsync, why);
    if (!err && durable)
        err = logsync_run(&store->logsync, why);
    return err;
}

static err_t write_refused(const struct leveldb_store *store,
                           struct err_text            *why)
{
    if (store->db == NULL)
        return error_closed(why);
    if (store->failed)
        return err_set(why, ERR_IO,
                       "an earlier write failed: the store must "
                       "be reopened first");
    return tablecheck_writable(store->tables, why);
}

static err_t leveldb_engine_write(struct store *base, struct store_batch *batch,
                                  bool durable, struct err_text *why)
{
    struct leveldb_store *store = leveldb_of(base);
    size_t                bytes = store_batch_bytes(batch);
    err_t                 err = write_refused(store, why);

    if (err) {
        store_batch_free(batch);
        return err;
    }
    leveldb_writebatch_t *converted = batch_convert(batch);
    err = write_batch(store, converted, durable, why);
    leveldb_writebatch_destroy(converted);
    if (error_count(store, err)) {
        store->failed = true;
        return err;
    }
    atomic_fetch_add(&store->write_count, 1);
    atomic_fetch_add(&store->write_bytes, bytes);
    return ERR_OK;
}

static err_t leveldb_engine_sync(struct store *base, struct err_text *why)
{
    struct leveldb_store *store = leveldb_of(base);
    err_t                 err = write_refused(store, why);

    if (err)
        return err;
    err = error_count(store, logsync_run(&store->logsync, why));
    if (err)
        store->failed = true;
    return err;
}

static void leveldb_engine_compact(struct store *base, slice from, slice to)
{
    struct leveldb_store *store = leveldb_of(base);
    struct err_text       why = { "" };

    /* What is merged into the range may stand beside it. */
    if (tablecheck_all(store->tables, &why)) {
        log_write(store->log, LOG_WARNING, "not compacted: %s", why.text);
        return;
    }
    if (store->db)
        leveldb_compact_range(store->db, from.len ? from.data : NULL, from.len,
                              to.len ? to.data : NULL, to.len);
}

/* --- what it tells ------------------------------------------------------- */

static uint64_t property_number(struct leveldb_store *store, const char *name)
{
    char    *text = store->db ? leveldb_property_value(store->db, name) : NULL;
    uint64_t value = text ? strtoull(text, NULL, 10) : 0;

    leveldb_free(text);
    return value;
}

static void leveldb_engine_stats(struct store *base, struct store_stats *out)
{
    struct leveldb_store *store = leveldb_of(base);
    struct tablecheck_stats tables;
    struct dir_usage      data = { 0 };
    struct dir_usage      path = { 0 };

    tablecheck_stats(store->tables, &tables);
    /* A directory that can't be listed counts 0: INFO has no better answer. */
    (void)dir_usage(store->layout.data_fd, &data, NULL);
    (void)dir_usage(store->layout.path_fd, &path, NULL);
    size_t open_tables = data.table_count < store->max_open_tables
                             ? data.table_count
                             : store->max_open_tables;
    out->disk_bytes = data.bytes + path.bytes;
    out->memory_bytes =
        property_number(store, "leveldb.approximate-memory-usage") +
        open_tables * store->table_meta_bytes +
        tablecheck_memory(store->tables);
    out->unverified_tables = tables.unverified;
    out->bad_tables = tables.bad;
    out->level0_files = property_number(store, "leveldb.num-files-at-level0");
    out->write_count = atomic_load(&store->write_count);
    out->write_bytes = atomic_load(&store->write_bytes);
    out->get_count = atomic_load(&store->get_count);
    out->error_count = atomic_load(&store->error_count);
}

static uint64_t leveldb_engine_approximate_bytes(struct store *base, slice from,
                                                 slice to)
{
    struct leveldb_store *store = leveldb_of(base);
    const char           *starts[] = { from.data };
    uint64_t              size = 0;
    bool                  filter_is_bad;

    if (to.len == 0)
        to = SLICE_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff");
    const char *limits[] = { to.data };
    /* It opens the tables that hold the two. */
    if (store->db &&
        !tablecheck_key(store->tables, from, &filter_is_bad, NULL) &&
        !tablecheck_key(store->tables, to, &filter_is_bad, NULL))
        leveldb_approximate_sizes(store->db, 1, starts, &from.len, limits,
                                  &to.len, &size);
    return size;
}

static err_t leveldb_engine_scrub(struct store *base, size_t count, bool *more,
                                  struct err_text *why)
{
    struct leveldb_store *store = leveldb_of(base);
    err_t err = tablecheck_scrub(store->tables, count, more, why);

    return err ? err : tablecheck_writable(store->tables, why);
}

/* --- the door ------------------------------------------------------------ */

static const struct store_engine leveldb_engine = {
    .get_many = leveldb_engine_get_many,
    .write = leveldb_engine_write,
    .sync = leveldb_engine_sync,
    .reopen = leveldb_engine_reopen,
    .resize = leveldb_engine_resize,
    .compact = leveldb_engine_compact,
    .stats = leveldb_engine_stats,
    .approximate_bytes = leveldb_engine_approximate_bytes,
    .scrub = leveldb_engine_scrub,
    .close = leveldb_engine_close,
    .snapshot_new = leveldb_engine_snapshot_new,
    .snapshot_free = leveldb_engine_snapshot_free,
    .iter_new = leveldb_engine_iter_new,
};

static void options_init(struct leveldb_store       *store,
                         const struct store_options *options)
{
    leveldb_options_t *to = leveldb_options_create();

    store->options = to;
    store->block_cache = leveldb_cache_create_lru(options->block_cache_bytes);
    store->bloom = leveldb_filterpolicy_create_bloom(BLOOM_BITS);
    leveldb_options_set_paranoid_checks(to, 0);
    leveldb_options_set_write_buffer_size(to, options->write_buffer_bytes);
    leveldb_options_set_cache(to, store->block_cache);
    leveldb_options_set_filter_policy(to, store->bloom);
    leveldb_options_set_block_size(to, BLOCK_BYTES);
    leveldb_options_set_compression(to, options->compression
                                            ? leveldb_snappy_compression
                                            : leveldb_no_compression);
    store->read_newest = read_options(NULL, true);
    store->write_plain = leveldb_writeoptions_create();
}

err_t store_open_leveldb(const struct store_options *options,
                         struct store **out, struct err_text *why)
{
    struct layout    layout;
    struct dir_usage usage;

    err_t err = layout_open(options->path, &layout, why);
    if (err)
        return err;
    struct leveldb_store *store = mem_calloc(1, sizeof(*store));
    store->base.engine = &leveldb_engine;
    store->layout = layout;
    store->logsync.newest_fd = -1;
    store->log = options->log;
    store->compression = options->compression;
    options_init(store, options);
    err = dir_usage(layout.data_fd, &usage, why);
    if (!err)
        err = tablecheck_open(layout.data_fd, store->log,
                              tables_most(options->table_meta_bytes),
                              &store->tables, why);
    if (!err) {
        sizes_choose(store, &usage, options->table_meta_bytes);
        err = db_open(store, why);
    }
    if (err) {
        leveldb_engine_close(&store->base);
        return err;
    }
    *out = &store->base;
    return ERR_OK;
}
