/* db_test.h - what the tests of db/ share: a db over a store in memory that
 * fails on demand, with held I/O, and an inspector that reads all records of
 * the store and says whether they agree with each other.
 *
 * Time stands still unless a test moves it, and a flush starts only when a
 * test asks for one, so every test decides each step by itself. */
#ifndef TESTS_DB_DB_TEST_H
#define TESTS_DB_DB_TEST_H

#include "base/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"
#include "base/rand.h"
#include "db/held_io.h"
#include "db/internal.h"
#include "store/fault.h"
#include "type/string.h"

#define MB     ((size_t)1024 * 1024)
#define SPACES 2
#define NEVER  ((uint64_t)1 << 40) /* ms */

struct fix {
    struct mem    mem;
    struct io    *io;
    struct store *memory; /* inside store */
    struct store *store;
    struct db    *db;
    int64_t       now_ms;
    size_t        limit;
    size_t        cut_max;
    const char   *warm_directory; /* NULL: names of hot keys are not kept */
};

/* One command that may have to wait. */
struct cmd {
    struct db_wait wait;
    bool           ready; /* on_ready has named it */
    unsigned       order; /* for the test's own use */
};

static inline void fix_on_ready(void *arg, struct db_wait *wait)
{
    (void)arg;
    CONTAINER_OF(wait, struct cmd, wait)->ready = true;
}

static inline err_t fix_try_open(struct fix *fix)
{
    struct err_text   why = { "" };
    struct db_options options = {
        .mem = &fix->mem,
        .io = fix->io,
        .store = fix->store,
        .limit_bytes = fix->limit,
        .flush_delay_ms = NEVER,
        .cut_max_bytes = fix->cut_max,
        .databases = SPACES,
        .warm_restart = fix->warm_directory != NULL,
        .warm_directory = fix->warm_directory,
        .now_ms = fix->now_ms,
        .on_ready = fix_on_ready,
    };
    return db_open(&options, &fix->db, &why);
}

static inline void fix_open(struct fix *fix)
{
    assert_int_equal(fix_try_open(fix), ERR_OK);
}

/* Forgets all that is dirty, as a kill does. */
static inline void fix_close(struct fix *fix)
{
    io_drain(fix->io);
    db_close(fix->db);
    fix->db = NULL;
    for (int i = 0; i < MEM_ACCOUNT_COUNT; i++)
        assert_int_equal(fix->mem.used_bytes[i], 0);
}

static inline void fix_init(struct fix *fix, size_t limit, size_t cut_max)
{
    *fix = (struct fix){ .limit = limit, .cut_max = cut_max };
    fix->now_ms = 1700000000000;
    fix->io = held_io_new();
    fix->memory = store_open_memory();
    fix->store = store_open_fault(fix->memory);
    fix_open(fix);
}

static inline void fix_deinit(struct fix *fix)
{
    fault_reset(fix->store);
    fix_close(fix);
    store_close(fix->store);
    io_free(fix->io);
}

/* --- steps --------------------------------------------------------------- */

static inline void fix_turn(struct fix *fix)
{
    db_turn(fix->db, fix->now_ms);
}

/* Turns and I/O until there is nothing more to do. */
static inline void fix_settle(struct fix *fix)
{
    bool more = true;
    for (int i = 0; more || i < 4; i++) {
        assert_in_range(i, 0, 100000);
        more = db_turn(fix->db, fix->now_ms);
        io_drain(fix->io);
    }
}

static inline void fix_flush(struct fix *fix)
{
    struct err_text why = { "" };
    assert_int_equal(db_flush_now(fix->db, &why), ERR_OK);
    assert_true(db_is_clean(fix->db));
}

/* The garbage job until it finds nothing. */
static inline void fix_collect_garbage(struct fix *fix)
{
    for (int i = 0; i < 1000; i++) {
        db_cron(fix->db, fix->now_ms);
        io_drain(fix->io);
        if (!fix->db->garbage_known && !fix->db->garbage_running)
            return;
    }
    fail_msg("the garbage job does not end");
}

/* Until nothing that is due is left, in memory or on disk. */
static inline void fix_expire_all(struct fix *fix)
{
    const struct expiry *expiry = &fix->db->expiry;
    for (int i = 0;; i++) {
        assert_in_range(i, 0, 1000);
        db_cron(fix->db, fix->now_ms);
        fix_settle(fix);
        fix_flush(fix);
        if (!expiry->sweep_more && expiry->found == NULL &&
            !expiry->running && expiry->next_ms > fix->now_ms)
            return;
    }
}

static inline struct db_stats fix_stats(const struct fix *fix)
{
    struct db_stats stats;
    db_stats(fix->db, &stats);
    return stats;
}

/* --- commands ------------------------------------------------------------ */

static inline struct db_key fix_key_in(struct fix *fix, unsigned space,
                                       const char *key)
{
    return db_key_make(fix->db, db_space(fix->db, space),
                       slice_from_string(key));
}

static inline struct db_key fix_key(struct fix *fix, const char *key)
{
    return fix_key_in(fix, 0, key);
}

static inline enum db_verdict cmd_acquire(struct fix *fix, struct cmd *cmd,
                                          const char *key, enum db_need need)
{
    struct db_want want = { .key = fix_key(fix, key), .need = need };
    cmd->ready = false;
    return db_acquire(fix->db, &cmd->wait, &want, 1);
}

/* Tries until the command may run; its verdict. */
static inline enum db_verdict fix_need(struct fix *fix, struct cmd *cmd,
                                       const char *key, enum db_need need)
{
    enum db_verdict verdict;
    db_wait_init(&cmd->wait);
    while ((verdict = cmd_acquire(fix, cmd, key, need)) == DB_PARKED)
        for (int i = 0; !cmd->ready; i++) {
            assert_in_range(i, 0, 1000);
            io_drain(fix->io);
            fix_turn(fix);
        }
    return verdict;
}

/* A blind SET. */
static inline void fix_set(struct fix *fix, const char *key, slice value,
                           int64_t deadline_ms)
{
    struct db_key     at = fix_key(fix, key);
    struct entry_spec spec = { .presence = ENTRY_PRESENT,
                               .value = value,
                               .deadline_ms = deadline_ms };
    db_put(fix->db, &at, &spec, "set");
}

static inline void fix_set_text(struct fix *fix, const char *key,
                                const char *value)
{
    fix_set(fix, key, slice_from_string(value), 0);
}

static inline bool fix_del(struct fix *fix, const char *key)
{
    struct cmd    cmd;
    struct db_key at = fix_key(fix, key);
    assert_int_equal(fix_need(fix, &cmd, key, DB_NEED_HEADER), DB_READY);
    bool existed = db_delete(fix->db, &at, "del");
    db_release(fix->db, &cmd.wait);
    return existed;
}

static inline void fix_expire(struct fix *fix, const char *key,
                              int64_t deadline_ms)
{
    struct cmd    cmd;
    struct db_key at = fix_key(fix, key);
    assert_int_equal(fix_need(fix, &cmd, key, DB_NEED_HEADER), DB_READY);
    struct entry *entry = db_look(fix->db, &at, true);
    if (entry != NULL) {
        struct entry_spec spec = cache_spec(entry);
        spec.deadline_ms = deadline_ms;
        db_put(fix->db, &at, &spec, "expire");
    }
    db_release(fix->db, &cmd.wait);
}

/* A string, in the entry or in chunks. */
static inline bool fix_entry_is(const struct entry *entry, slice value)
{
    const struct object *object = entry_object(entry);
    if (object == NULL)
        return slice_equal(entry_value(entry), value);
    struct blob *blob = string_object_copy_out(object);
    bool         same = slice_equal(blob_slice(blob), value);
    blob_unref(blob);
    return same && db_string_len(entry) == value.len;
}

/* Page records of a large string. */
static inline size_t fix_nodes(size_t len)
{
    size_t chunks = (size_t)string_chunks(len);
    assert_in_range(chunks, 1, 100); /* so that one inner node is enough */
    return chunks > 1 ? chunks + 1 : 1;
}

/* GET answers this; NULL: no such key. */
static inline bool fix_is(struct fix *fix, const char *key, const slice *value)
{
    struct cmd    cmd;
    struct db_key at = fix_key(fix, key);
    assert_int_equal(fix_need(fix, &cmd, key, DB_NEED_VALUE), DB_READY);
    struct entry *entry = db_look(fix->db, &at, true);
    bool          same = (entry == NULL) == (value == NULL) &&
                (entry == NULL || fix_entry_is(entry, *value));
    db_release(fix->db, &cmd.wait);
    return same;
}

static inline bool fix_is_text(struct fix *fix, const char *key,
                               const char *text)
{
    slice value = text != NULL ? slice_from_string(text) : SLICE_EMPTY;
    return fix_is(fix, key, text != NULL ? &value : NULL);
}

static inline const char *fix_state(struct fix *fix, const char *key)
{
    struct db_key at = fix_key(fix, key);
    return db_state_word(fix->db, &at);
}

static inline bool fix_evict(struct fix *fix, const char *key)
{
    struct db_key at = fix_key(fix, key);
    return db_evict(fix->db, &at);
}

static inline int64_t fix_count(struct fix *fix)
{
    return db_key_count(fix->db, db_space(fix->db, 0));
}

/* malloc'd bytes that tell their seed. */
static inline char *fix_bytes(uint64_t seed, size_t len)
{
    char       *bytes = malloc(len + 1);
    struct rand rand;
    assert_non_null(bytes);
    rand_init(&rand, seed);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)rand_next(&rand);
    return bytes;
}

static inline void fix_set_large(struct fix *fix, const char *key,
                                 uint64_t seed, size_t len, int64_t deadline)
{
    char *bytes = fix_bytes(seed, len);
    fix_set(fix, key, slice_make(bytes, len), deadline);
    free(bytes);
}

static inline bool fix_is_large(struct fix *fix, const char *key,
                                uint64_t seed, size_t len)
{
    char *bytes = fix_bytes(seed, len);
    slice value = slice_make(bytes, len);
    bool  same = fix_is(fix, key, &value);
    free(bytes);
    return same;
}

/* --- the inspector ------------------------------------------------------- */

struct records {
    size_t keys[SPACES];    /* key records of each database */
    size_t stray_keys;      /* of no database */
    size_t stray_counts;    /* count records of no database */
    size_t expiries, pages, garbage, staged;
    size_t with_deadline;   /* key records that have one */
    size_t deadlines[SPACES]; /* the same of each database */
    size_t paged;           /* key records whose value lies in pages */
    bool   commit;          /* the commit record of a staged cut is there */
    uint32_t slots[SPACES][SLOT_COUNT];
};

static inline bool in_store(struct fix *fix, slice key)
{
    struct store_get get;
    err_t            err = store_get_one(fix->memory, key, &get);
    store_value_free(get.value);
    return err == ERR_OK;
}

struct node_source {
    struct fix *fix;
    uint64_t    object_id;
    struct buf  key;
    char       *value; /* the one lent last */
};

static inline err_t fetch_stored(void *arg, uint64_t id, slice *bytes)
{
    struct node_source *source = arg;
    struct store_get    get;
    record_page_key(&source->key, source->object_id, id);
    assert_int_equal(store_get_one(source->fix->memory, buf_slice(&source->key),
                                   &get),
                     ERR_OK);
    store_value_free(source->value);
    source->value = get.value;
    return record_value_open(buf_slice(&source->key),
                             slice_make(get.value, get.value_len), bytes);
}

/* All its nodes are there, and make what the root says. */
static inline void inspect_object(struct fix *fix,
                                  const struct key_record *record)
{
    struct object_root  root;
    struct object      *object;
    struct node_source  source = { .fix = fix, .object_id = record->object_id };
    buf_init(&source.key, SIZE_MAX);
    assert_int_equal(object_root_decode(record->value, &root), ERR_OK);
    assert_int_equal(object_load(&fix->db->cache.objects,
                                 (enum obj_type)record->type, &root,
                                 fetch_stored, &source, &object),
                     ERR_OK);
    assert_null(object_check(object));
    object_free(object);
    store_value_free(source.value);
    buf_deinit(&source.key);
}

static inline void inspect_key(struct fix *fix, struct records *records,
                               slice key, slice value)
{
    struct key_record record;
    struct buf        other;
    uint32_t          space;
    uint16_t          slot;
    slice             user_key;
    assert_true(record_key_parse(key, &space, &slot, &user_key));
    assert_int_equal(slot, hash_slot(user_key));
    assert_int_equal(record_key_decode(key, value, &record), ERR_OK);
    struct db_space *owner = space_by_id(fix->db, space);
    if (owner == NULL) {
        records->stray_keys++;
        return;
    }
    records->keys[owner->index]++;
    records->slots[owner->index][slot]++;
    buf_init(&other, SIZE_MAX);
    if (record.deadline_ms != 0) {
        records->with_deadline++;
        records->deadlines[owner->index]++;
        record_expiry_key(&other, record.deadline_ms, key);
        assert_true(in_store(fix, buf_slice(&other)));
    }
    if (record.object_id != 0)
        inspect_object(fix, &record);
    records->paged += record.object_id != 0;
    buf_deinit(&other);
}

static inline void inspect_meta(struct fix *fix, struct records *records,
                                slice key)
{
    slice count = SLICE_LITERAL("mcount");
    slice expires = SLICE_LITERAL("mexpires");
    records->commit |= slice_equal(key, SLICE_LITERAL("mstaged"));
    if (key.len == count.len + 5 &&
        memcmp(key.data, count.data, count.len) == 0)
        records->stray_counts +=
            space_by_id(fix->db, num_get_be32(key.data + count.len)) == NULL;
    if (key.len == expires.len + 4 &&
        memcmp(key.data, expires.data, expires.len) == 0)
        records->stray_counts +=
            space_by_id(fix->db, num_get_be32(key.data + expires.len)) == NULL;
}

/* The key record that it names is there and has that deadline, or belongs to
 * a database that is being deleted. */
static inline void inspect_expiry(struct fix *fix, slice key, slice value)
{
    struct key_record record;
    struct store_get  get;
    int64_t           deadline;
    slice             named, payload;
    assert_true(record_expiry_parse(key, &deadline, &named));
    assert_int_equal(record_value_open(key, value, &payload), ERR_OK);
    assert_int_equal(payload.len, 8);
    assert_int_equal(store_get_one(fix->memory, named, &get), ERR_OK);
    assert_int_equal(record_key_decode(
                         named, slice_make(get.value, get.value_len), &record),
                     ERR_OK);
    assert_int_equal(record.deadline_ms, deadline);
    assert_int_equal(record.object_id, num_get_be64(payload.data));
    store_value_free(get.value);
}

/* Reads every record; each must agree with those that it belongs to. */
static inline struct records *inspect(struct fix *fix)
{
    struct records    *records = calloc(1, sizeof(*records));
    struct store_iter *iter = store_iter_new(fix->memory, NULL);
    assert_non_null(records);
    for (store_iter_seek(iter, SLICE_EMPTY); store_iter_valid(iter);
         store_iter_next(iter)) {
        slice key = store_iter_key(iter), value = store_iter_value(iter);
        switch (key.data[0]) {
        case RECORD_KEY:
            inspect_key(fix, records, key, value);
            break;
        case RECORD_EXPIRY:
            inspect_expiry(fix, key, value);
            records->expiries++;
            break;
        case RECORD_PAGE:
            records->pages++;
            break;
        case RECORD_GARBAGE:
            records->garbage++;
            break;
        case RECORD_STAGING:
            records->staged++;
            break;
        default:
            assert_int_equal(key.data[0], RECORD_META);
            inspect_meta(fix, records, key);
        }
    }
    assert_int_equal(store_iter_error(iter, NULL), ERR_OK);
    store_iter_free(iter);
    return records;
}

static inline uint32_t stored_count(const uint32_t *slots, unsigned slot)
{
    return slots != NULL ? slots[slot] : 0;
}

/* The count records, read anew, say what a full count of the store says; and
 * so does memory. REQUIRES: clean, no garbage left. */
static inline void inspect_counts(struct fix *fix,
                                  const struct records *records)
{
    struct count_reader reader;
    count_reader_init(fix->db, &reader);
    count_read(&reader);
    assert_int_equal(reader.err, ERR_OK);
    for (unsigned i = 0; i < SPACES; i++) {
        const struct db_space *space = db_space(fix->db, i);
        for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
            uint32_t counted = records->slots[i][slot];
            assert_int_equal(stored_count(reader.slots[i], slot), counted);
            assert_int_equal(stored_count(space->slot_keys, slot), counted);
        }
        assert_int_equal(db_key_count(fix->db, space), records->keys[i]);
        assert_int_equal(reader.expires[i], records->deadlines[i]);
        assert_int_equal(db_expire_count(fix->db, space),
                         records->deadlines[i]);
    }
    count_reader_deinit(&reader);
}

/* Everything that must hold of a store when all is on disk and no garbage is
 * left. */
static inline struct records inspect_clean(struct fix *fix)
{
    struct records *records = inspect(fix);
    struct records  found = *records;
    inspect_counts(fix, records);
    free(records);
    assert_int_equal(found.expiries, found.with_deadline);
    assert_int_equal(found.stray_keys, 0);
    assert_int_equal(found.stray_counts, 0);
    assert_int_equal(found.garbage, 0);
    assert_int_equal(found.staged, 0);
    assert_false(found.commit);
    if (found.paged == 0)
        assert_int_equal(found.pages, 0);
    return found;
}

#endif
