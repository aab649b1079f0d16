/* test_leveldb.c - the LevelDB engine behind the store's door. Damage and
 * failing writes are in test_torn.c, opening and refusing in test_layout.c. */
#include "store_test.h"

#include <stdatomic.h>

#include "store/manifest.h"

struct place {
    char          dir[PATH_CHARS];
    char          path[PATH_CHARS];
    struct store *store;
};

static int place_new(void **state)
{
    struct place *place = mem_calloc(1, sizeof(*place));

    path_join(place->path, temp_dir_new(place->dir), "store");
    place->store = test_open(place->path);
    *state = place;
    return 0;
}

static int place_free(void **state)
{
    struct place *place = *state;

    store_close(place->store);
    path_remove(place->dir);
    mem_free(place);
    return 0;
}

/* `count` records of 1000 bytes, numbered from first, in one batch. */
static struct store_batch *filled_batch(unsigned first, unsigned count)
{
    struct store_batch *batch = store_batch_new();
    char                key[32];
    char                value[1000];

    for (unsigned i = first; i < first + count; i++) {
        uint64_t state = i + 1;
        for (size_t at = 0; at < sizeof(value); at++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            value[at] = (char)(state >> 56);
        }
        snprintf(key, sizeof(key), "fill/%08u", i);
        store_batch_put(batch, slice_from_string(key),
                        slice_make(value, sizeof(value)));
    }
    return batch;
}

static void fill(struct store *store, unsigned batches)
{
    for (unsigned i = 0; i < batches; i++)
        assert_int_equal(
            store_write(store, filled_batch(i * 200, 200), false, NULL),
            ERR_OK);
}

/* --- reading and writing ------------------------------------------------- */

static void test_put_get_delete(void **state)
{
    struct store       *store = ((struct place *)*state)->store;
    struct store_batch *batch = store_batch_new();
    struct store_get    get;

    batch_put_text(batch, "a", "1");
    batch_put_text(batch, "gone", "x");
    store_batch_delete(batch, SLICE_LITERAL("gone"));
    store_batch_delete(batch, SLICE_LITERAL("never was"));
    batch_put_text(batch, "empty", "");
    store_batch_put(batch, slice_make("\0k\0", 3), slice_make("\0v\xff", 3));
    assert_int_equal(store_write(store, batch, false, NULL), ERR_OK);

    assert_true(record_is(store, "a", "1"));
    assert_true(record_is(store, "gone", NULL));
    assert_true(record_is(store, "empty", ""));
    assert_int_equal(store_get_one(store, slice_make("\0k\0", 3), &get),
                     ERR_OK);
    assert_int_equal(get.value_len, 3);
    assert_memory_equal(get.value, "\0v\xff", 3);
    store_value_free(get.value);
}

static void on_get(void *arg, struct store_get *get)
{
    unsigned *sum = arg;
    *sum += get->err == ERR_OK ? 1 : 100;
}

static void test_get_many(void **state)
{
    struct store    *store = ((struct place *)*state)->store;
    struct store_get gets[3] = { { .key = SLICE_LITERAL("a") },
                                 { .key = SLICE_LITERAL("none") },
                                 { .key = SLICE_LITERAL("b") } };
    unsigned         sum = 0;

    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);
    assert_int_equal(put_text(store, "b", "2", false), ERR_OK);
    store_get_many(store, NULL, gets, 3, on_get, &sum);
    assert_int_equal(sum, 102);
    assert_int_equal(gets[1].err, ERR_NOT_FOUND);
    assert_null(gets[1].value);
    assert_memory_equal(gets[2].value, "2", 1);
    for (size_t i = 0; i < 3; i++)
        store_value_free(gets[i].value);
}

static void test_snapshot_and_iterator(void **state)
{
    struct store *store = ((struct place *)*state)->store;

    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);
    assert_int_equal(put_text(store, "c", "3", false), ERR_OK);
    struct store_snapshot *snapshot = store_snapshot_new(store);
    assert_int_equal(put_text(store, "a", "new", false), ERR_OK);
    assert_int_equal(put_text(store, "b", "new", false), ERR_OK);
    struct store_iter *old = store_iter_new(store, snapshot);
    struct store_iter *now = store_iter_new(store, NULL);
    assert_int_equal(put_text(store, "b2", "newer", false), ERR_OK);

    struct store_get get = { .key = SLICE_LITERAL("a") };
    unsigned         sum = 0;
    store_get_many(store, snapshot, &get, 1, on_get, &sum);
    assert_memory_equal(get.value, "1", 1);
    store_value_free(get.value);

    assert_false(store_iter_valid(old));
    store_iter_seek(old, SLICE_EMPTY);
    assert_true(slice_equal(store_iter_value(old), SLICE_LITERAL("1")));
    store_iter_next(old);
    assert_true(slice_equal(store_iter_key(old), SLICE_LITERAL("c")));
    store_iter_next(old);
    assert_false(store_iter_valid(old));
    assert_int_equal(store_iter_error(old, NULL), ERR_OK);

    store_iter_seek(now, SLICE_LITERAL("aa"));
    assert_true(slice_equal(store_iter_key(now), SLICE_LITERAL("b")));
    store_iter_next(now);
    assert_true(slice_equal(store_iter_key(now), SLICE_LITERAL("c")));
    store_iter_free(now);
    store_iter_free(old);
    store_snapshot_free(store, snapshot);
}

static void test_persists(void **state)
{
    struct place *place = *state;

    fill(place->store, 2);
    assert_int_equal(put_text(place->store, "a", "1", true), ERR_OK);
    assert_int_equal(store_reopen(place->store, NULL), ERR_OK);
    assert_true(record_is(place->store, "a", "1"));
    assert_int_equal(put_text(place->store, "a", "2", false), ERR_OK);
    assert_int_equal(store_sync(place->store, NULL), ERR_OK);
    store_close(place->store);
    place->store = test_open(place->path);
    assert_true(record_is(place->store, "a", "2"));
}

/* --- when things go wrong ------------------------------------------------ */

/* A reopen that fails leaves the store closed; it says so and tries again. */
static void test_closed(void **state)
{
    struct place    *place = *state;
    struct store    *store = place->store;
    struct err_text  why = { "" };
    struct store_get get;
    char             current[PATH_CHARS];
    char             aside[PATH_CHARS];

    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);
    path_join(current, place->path, "data/CURRENT");
    path_join(aside, place->dir, "CURRENT");
    assert_int_equal(rename(current, aside), 0);
    assert_int_equal(store_reopen(store, &why), ERR_CORRUPT);
    assert_int_equal(store_get_one(store, SLICE_LITERAL("a"), &get), ERR_IO);
    assert_true(get.why.text[0] != 0);
    assert_int_equal(put_text(store, "a", "2", false), ERR_IO);
    assert_int_equal(store_sync(store, &why), ERR_IO);
    struct store_iter *iter = store_iter_new(store, NULL);
    store_iter_seek(iter, SLICE_EMPTY);
    assert_false(store_iter_valid(iter));
    assert_int_equal(store_iter_error(iter, &why), ERR_IO);
    store_iter_free(iter);
    store_snapshot_free(store, store_snapshot_new(store));
    store_compact(store, SLICE_EMPTY, SLICE_EMPTY);
    struct store_stats stats;
    store_stats(store, &stats);
    assert_true(stats.error_count > 0);

    assert_int_equal(rename(aside, current), 0);
    assert_int_equal(store_reopen(store, &why), ERR_OK);
    assert_true(record_is(store, "a", "1"));
    assert_int_equal(put_text(store, "a", "2", false), ERR_OK);
}

/* Flips a byte in every table's data. */
static void damage_tables(const char *path)
{
    char           data[PATH_CHARS];
    char           table[PATH_CHARS];
    DIR           *dir = opendir(path_join(data, path, "data"));
    struct dirent *file;
    unsigned       tables = 0;

    assert_non_null(dir);
    while ((file = readdir(dir)) != NULL) {
        size_t len = strlen(file->d_name);
        if (len < 4 || strcmp(file->d_name + len - 4, ".ldb") != 0)
            continue;
        char *bytes = file_read(path_join(table, data, file->d_name), &len);
        bytes[500] ^= 1;
        file_write(table, bytes, len);
        mem_free(bytes);
        tables++;
    }
    closedir(dir);
    assert_true(tables > 0);
}

/* A bad block is an error to who asks for it; all others are served. */
static void test_corrupt_block(void **state)
{
    struct place    *place = *state;
    struct store_get get;

    fill(place->store, 2);
    assert_int_equal(store_reopen(place->store, NULL), ERR_OK); /* -> table */
    store_close(place->store);
    damage_tables(place->path);
    place->store = test_open(place->path);
    assert_int_equal(
        store_get_one(place->store, SLICE_LITERAL("fill/00000000"), &get),
        ERR_CORRUPT);
    assert_null(get.value);
    assert_true(get.why.text[0] != 0);
    assert_int_equal(
        store_get_one(place->store, SLICE_LITERAL("fill/00000399"), &get),
        ERR_OK);
    store_value_free(get.value);

    struct store_iter *iter = store_iter_new(place->store, NULL);
    struct err_text    why = { "" };
    store_iter_seek(iter, SLICE_EMPTY);
    while (store_iter_valid(iter))
        store_iter_next(iter);
    assert_int_equal(store_iter_error(iter, &why), ERR_CORRUPT);
    store_iter_free(iter);
}

/* --- what it tells ------------------------------------------------------- */

static void test_stats(void **state)
{
    struct place      *place = *state;
    struct store_stats before;
    struct store_stats after;

    store_stats(place->store, &before);
    fill(place->store, 40); /* 8 MB in write buffers of 4 MB */
    assert_true(record_is(place->store, "none", NULL));
    store_stats(place->store, &after);
    assert_int_equal(after.write_count - before.write_count, 40);
    assert_int_equal(after.write_bytes - before.write_bytes,
                     40 * 200 * (1000 + 13));
    assert_int_equal(after.get_count - before.get_count, 1);
    assert_true(after.disk_bytes > 8000000);
    assert_true(after.memory_bytes > 100000);
    assert_int_equal(after.error_count, 0);
    assert_true(store_approximate_bytes(place->store, SLICE_LITERAL("fill/"),
                                        SLICE_EMPTY) > 1000000);
    assert_true(store_approximate_bytes(place->store, SLICE_LITERAL("g"),
                                        SLICE_EMPTY) < 1000000);
}

/* A table at level 0 after reopening with something in the log. */
static void test_level0(void **state)
{
    struct place      *place = *state;
    struct store_stats stats;

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(
            store_write(place->store, filled_batch(0, 50), false, NULL),
            ERR_OK);
        assert_int_equal(store_reopen(place->store, NULL), ERR_OK);
    }
    store_stats(place->store, &stats);
    assert_true(stats.level0_files >= 1);
    store_compact(place->store, SLICE_EMPTY, SLICE_EMPTY);
    store_stats(place->store, &stats);
    assert_int_equal(stats.level0_files, 0);
}

static void test_compact_gives_room_back(void **state)
{
    struct place       *place = *state;
    struct store_batch *batch = store_batch_new();
    struct store_stats  full;
    struct store_stats  empty;
    char                key[32];

    fill(place->store, 40);
    store_compact(place->store, SLICE_EMPTY, SLICE_EMPTY);
    store_stats(place->store, &full);
    for (unsigned i = 0; i < 40 * 200; i++) {
        snprintf(key, sizeof(key), "fill/%08u", i);
        store_batch_delete(batch, slice_from_string(key));
    }
    assert_int_equal(store_write(place->store, batch, false, NULL), ERR_OK);
    store_compact(place->store, SLICE_LITERAL("fill/"), SLICE_LITERAL("fill0"));
    store_stats(place->store, &empty);
    assert_true(empty.disk_bytes < full.disk_bytes / 4);
}

/* The log number that we read from the MANIFEST is the one LevelDB means:
 * after each opening all older logs are gone, so it is the only log there. */
static void test_manifest_names_the_log(void **state)
{
    struct place   *place = *state;
    struct err_text why;
    char            path[PATH_CHARS];
    uint64_t        number;

    for (unsigned i = 0; i < 4; i++) {
        fill(place->store, 3 * i);
        store_close(place->store);
        place->store = test_open(place->path);
        int fd = open(path_join(path, place->path, "data"),
                      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(manifest_first_log(fd, &number, &why), ERR_OK);
        close(fd);
        newest_log(path, place->path);
        assert_int_equal(number, strtoull(strrchr(path, '/') + 1, NULL, 10));
    }
}

static void test_other_options(void **state)
{
    struct place        *place = *state;
    struct store_options options = test_options(place->path);
    struct err_text      why;

    store_close(place->store);
    options.compression = true;
    options.table_meta_bytes = 1;
    assert_int_equal(store_open_leveldb(&options, &place->store, &why), ERR_OK);
    fill(place->store, 1);
    assert_true(store_leveldb_max_files() >= 1000);
    assert_true(store_leveldb_max_files() < 1200);
}

/* --- threads ------------------------------------------------------------- */

/* Every batch gives x and y the same value. Readers must never see them differ
 * in one snapshot; stats and compaction run meanwhile, and LevelDB switches
 * logs and removes files. */
struct race {
    struct store *store;
    atomic_bool   over;
    atomic_uint   read_count;
};

static void *race_read(void *arg)
{
    struct race *race = arg;

    while (!atomic_load(&race->over)) {
        struct store_snapshot *snapshot = store_snapshot_new(race->store);
        struct store_get       gets[2] = { { .key = SLICE_LITERAL("x") },
                                           { .key = SLICE_LITERAL("y") } };
        unsigned               sum = 0;
        store_get_many(race->store, snapshot, gets, 2, on_get, &sum);
        CHECK(gets[0].err == gets[1].err);
        CHECK(gets[0].err != ERR_OK ||
              slice_equal(slice_make(gets[0].value, gets[0].value_len),
                          slice_make(gets[1].value, gets[1].value_len)));
        store_value_free(gets[0].value);
        store_value_free(gets[1].value);
        store_snapshot_free(race->store, snapshot);
        atomic_fetch_add(&race->read_count, 1);
    }
    return NULL;
}

static void *race_look(void *arg)
{
    struct race       *race = arg;
    struct store_stats stats;

    while (!atomic_load(&race->over)) {
        store_stats(race->store, &stats);
        CHECK(stats.disk_bytes > 0);
        store_compact(race->store, SLICE_LITERAL("fill/"), SLICE_EMPTY);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct race     race = { .store = ((struct place *)*state)->store };
    pthread_t       threads[3];
    char            text[16];
    err_t           err = ERR_OK;
    struct err_text why = { "" };

    threads[0] = thread_start(race_read, &race);
    threads[1] = thread_start(race_read, &race);
    threads[2] = thread_start(race_look, &race);
    for (unsigned i = 0;
         !err && (i < 60 || atomic_load(&race.read_count) < 100); i++) {
        struct store_batch *batch = filled_batch(i % 20 * 200, 200);
        snprintf(text, sizeof(text), "%u", i);
        batch_put_text(batch, "x", text);
        batch_put_text(batch, "y", text);
        err = store_write(race.store, batch, i % 8 == 0, &why);
    }
    atomic_store(&race.over, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_string_equal(why.text, "");
    assert_int_equal(err, ERR_OK);
    assert_true(record_is(race.store, "x", text));
}

#define PLACE_TEST(test)                                                       \
    cmocka_unit_test_setup_teardown(test, place_new, place_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_put_get_delete),
        PLACE_TEST(test_get_many),
        PLACE_TEST(test_snapshot_and_iterator),
        PLACE_TEST(test_persists),
        PLACE_TEST(test_closed),
        PLACE_TEST(test_corrupt_block),
        PLACE_TEST(test_stats),
        PLACE_TEST(test_level0),
        PLACE_TEST(test_compact_gives_room_back),
        PLACE_TEST(test_manifest_names_the_log),
        PLACE_TEST(test_other_options),
        PLACE_TEST(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
