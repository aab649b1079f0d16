/* test_warmup.c - what was hot comes back after a restart, without being in
 * anybody's way: nobody waits for it, memory wins over it, nothing is evicted
 * for it. */
#include "db/db_test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "db/warmup.h"

#define KEYS 200

static char directory[] = "/tmp/diskstore-warmup-XXXXXX";
static char file_path[sizeof(directory) + 32];

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(file_path, sizeof(file_path), "%s/" WARMFILE_NAME, directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(file_path);
    return rmdir(directory);
}

static char *name_of(unsigned i, char out[32])
{
    snprintf(out, 32, "key:%u", i);
    return out;
}

static struct db_warmup_stats warm_stats(const struct fix *fix)
{
    struct db_warmup_stats stats;
    db_warmup_stats(fix->db, &stats);
    return stats;
}

/* Until nothing is loaded or saved any more. */
static void settle_warm(struct fix *fix)
{
    struct db_warmup_stats stats = { .running = true };
    for (unsigned i = 0; stats.running || stats.saving; i++) {
        assert_in_range(i, 0, 10000);
        fix_settle(fix);
        stats = warm_stats(fix);
    }
}

static void open_warm(struct fix *fix)
{
    unlink(file_path);
    fix_init(fix, 8 * MB, MB);
    fix_close(fix);
    fix->warm_directory = directory;
    fix_open(fix);
    settle_warm(fix);
}

static void set_keys(struct fix *fix)
{
    char name[32];
    for (unsigned i = 0; i < KEYS; i++)
        fix_set_text(fix, name_of(i, name), name);
    fix_flush(fix);
}

/* As at the end of a process, and the beginning of the next. */
static void restart(struct fix *fix)
{
    fix_flush(fix);
    db_warmup_save_now(fix->db);
    fix_close(fix);
    fix_open(fix);
}

static size_t known(struct fix *fix)
{
    char   name[32];
    size_t count = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        const char *word = fix_state(fix, name_of(i, name));
        count += word != NULL && strcmp(word, "memory") == 0;
    }
    return count;
}

static void what_was_hot_is_loaded_after_a_restart(void **state)
{
    struct fix fix;
    char       name[32];
    (void)state;
    open_warm(&fix);
    set_keys(&fix);
    restart(&fix);
    assert_int_equal(known(&fix), 0);
    assert_true(warm_stats(&fix).running);
    settle_warm(&fix);
    assert_int_equal(known(&fix), KEYS);
    struct db_warmup_stats stats = warm_stats(&fix);
    assert_false(stats.running);
    assert_false(stats.full);
    assert_int_equal(stats.total, KEYS);
    assert_int_equal(stats.done, KEYS);
    assert_int_equal(stats.loaded, KEYS);
    assert_int_equal(stats.saved_keys, KEYS);
    for (unsigned i = 0; i < KEYS; i++)
        assert_true(fix_is_text(&fix, name_of(i, name), name));
    assert_int_equal(fix_stats(&fix).loads, 0);
    assert_int_equal(fix_stats(&fix).misses, 0);
    assert_int_equal(fix.mem.used_bytes[MEM_JOBS], 0);
    db_check(fix.db);
    fix_deinit(&fix);
}

/* The file's first job, and the loads of what it has brought: all that fit are
 * in flight. */
static void begin_loading(struct fix *fix)
{
    fix_turn(fix);
    assert_true(held_io_run(fix->io, JOB_BACKGROUND));
    held_io_deliver_all(fix->io);
    fix_turn(fix);
    assert_int_equal(fix->db->warmup->in_flight, WARMUP_LOADS);
    assert_true(list_empty(&fix->io->waiting[JOB_LOAD]));
}

/* Some key whose load is in flight. */
static void name_in_flight(struct fix *fix, char name[32])
{
    for (unsigned i = 0; i < KEYS; i++) {
        struct db_key key = fix_key(fix, name_of(i, name));
        struct entry *entry = cache_find(&fix->db->cache, key.space->id,
                                         key.key, key.hash);
        if (entry != NULL && entry_presence(entry) == ENTRY_UNKNOWN)
            return;
    }
    fail_msg("nothing is in flight");
}

static void a_client_does_not_wait_for_it(void **state)
{
    struct fix fix;
    struct cmd get = { .ready = false };
    char       name[32];
    (void)state;
    open_warm(&fix);
    set_keys(&fix);
    restart(&fix);
    begin_loading(&fix);
    name_in_flight(&fix, name);
    db_wait_init(&get.wait);
    assert_int_equal(cmd_acquire(&fix, &get, name, DB_NEED_VALUE), DB_PARKED);
    fix_turn(&fix);
    assert_true(held_io_run(fix.io, JOB_LOAD)); /* of its own */
    held_io_deliver_all(fix.io);
    fix_turn(&fix);
    assert_true(get.ready);
    assert_int_equal(cmd_acquire(&fix, &get, name, DB_NEED_VALUE), DB_READY);
    settle_warm(&fix); /* the other one comes to nothing, pinned or not */
    db_release(fix.db, &get.wait);
    assert_int_equal(known(&fix), KEYS);
    assert_int_equal(warm_stats(&fix).loaded, KEYS - 1);
    assert_int_equal(warm_stats(&fix).done, KEYS);
    assert_int_equal(fix_stats(&fix).loads, 1);
    db_check(fix.db);
    fix_deinit(&fix);
}

static void memory_wins_over_it(void **state)
{
    (void)state;
    for (int has_run = 0; has_run < 2; has_run++)
        for (int deletes = 0; deletes < 2; deletes++) {
            struct fix fix;
            char       name[32];
            open_warm(&fix);
            set_keys(&fix);
            restart(&fix);
            begin_loading(&fix);
            name_in_flight(&fix, name);
            while (has_run && held_io_run(fix.io, JOB_BACKGROUND))
                continue;
            struct db_key     key = fix_key(&fix, name);
            struct entry_spec spec = {
                .presence = deletes ? ENTRY_ABSENT : ENTRY_PRESENT,
                .value = SLICE_LITERAL("new")
            };
            db_put(fix.db, &key, &spec, "set");
            settle_warm(&fix);
            assert_true(fix_is_text(&fix, name, deletes ? NULL : "new"));
            assert_int_equal(warm_stats(&fix).loaded, KEYS - 1);
            fix_flush(&fix);
            assert_true(fix_is_text(&fix, name, deletes ? NULL : "new"));
            db_check(fix.db);
            fix_deinit(&fix);
        }
}

static void an_emptied_database_is_not_warmed(void **state)
{
    (void)state;
    for (int has_run = 0; has_run < 2; has_run++) {
        struct fix fix;
        open_warm(&fix);
        set_keys(&fix);
        restart(&fix);
        begin_loading(&fix);
        while (has_run && held_io_run(fix.io, JOB_BACKGROUND))
            continue;
        db_flush_space(fix.db, db_space(fix.db, 0));
        fix_set_text(&fix, "key:1", "new");
        settle_warm(&fix);
        assert_int_equal(warm_stats(&fix).loaded, 0);
        assert_int_equal(warm_stats(&fix).done, KEYS);
        assert_false(warm_stats(&fix).running);
        assert_true(fix_is_text(&fix, "key:0", NULL));
        assert_true(fix_is_text(&fix, "key:1", "new"));
        fix_flush(&fix);
        db_check(fix.db);
        fix_deinit(&fix);
    }
}

static void what_is_gone_leaves_nothing(void **state)
{
    struct fix fix;
    char       name[32];
    (void)state;
    open_warm(&fix);
    for (unsigned i = 0; i < KEYS; i++)
        fix_set(&fix, name_of(i, name), SLICE_LITERAL("v"),
                i % 4 == 0 ? fix.now_ms + 5000 : 0);
    fix_flush(&fix);
    db_warmup_save_now(fix.db);
    for (unsigned i = 1; i < KEYS; i += 4)
        assert_true(fix_del(&fix, name_of(i, name)));
    fix_flush(&fix); /* and no more names: as when it is killed */
    fix_close(&fix);
    fix.now_ms += 6000;
    fix_open(&fix);
    settle_warm(&fix);
    assert_int_equal(warm_stats(&fix).done, KEYS);
    assert_int_equal(warm_stats(&fix).loaded, KEYS / 2);
    assert_int_equal(known(&fix), KEYS / 2);
    assert_null(fix_state(&fix, "key:1"));
    assert_int_equal(fix.db->cache.presence_count[ENTRY_ABSENT] +
                         fix.db->cache.presence_count[ENTRY_UNKNOWN], 0);
    db_check(fix.db);
    fix_deinit(&fix);
}

static void nothing_is_evicted_for_it(void **state)
{
    struct fix fix;
    char       name[32];
    (void)state;
    open_warm(&fix);
    char *bytes = fix_bytes(1, 8000);
    for (unsigned i = 0; i < 2 * KEYS; i++)
        fix_set(&fix, name_of(i, name), slice_make(bytes, 8000), 0);
    restart(&fix);
    fix_close(&fix);
    fix.limit = 2 * MB;
    fix_open(&fix);
    fix_set_text(&fix, "mine", "x");
    settle_warm(&fix);
    struct db_warmup_stats stats = warm_stats(&fix);
    assert_true(stats.full);
    assert_false(stats.running);
    assert_in_range(stats.loaded, 100, 250);
    assert_int_equal(fix.db->cache.evictions, 0);
    assert_true(fix.mem.total_bytes <= fix.limit);
    assert_true(cache_has_room(&fix.db->cache, 0, fix.limit / 64));
    assert_int_equal(fix.mem.used_bytes[MEM_JOBS], 0);
    free(bytes);
    fix_deinit(&fix);
}

static bool is_used(struct fix *fix, const char *name)
{
    struct db_key key = fix_key(fix, name);
    struct entry *entry =
        cache_find(&fix->db->cache, key.space->id, key.key, key.hash);
    assert_non_null(entry);
    return entry->flags & ENTRY_USED;
}

static void it_is_as_hot_as_it_was(void **state)
{
    struct fix fix;
    (void)state;
    open_warm(&fix);
    fix_set_text(&fix, "hot", "v");
    fix_set_text(&fix, "once", "v");
    assert_true(fix_is_text(&fix, "hot", "v"));
    restart(&fix);
    settle_warm(&fix);
    assert_true(is_used(&fix, "hot"));
    assert_false(is_used(&fix, "once"));
    fix_deinit(&fix);
}

static void large_values_have_a_bound(void **state)
{
    struct fix fix;
    (void)state;
    open_warm(&fix);
    size_t most = warmup_value_max(fix.db);
    fix_set_large(&fix, "large", 1, most / 2, 0);
    fix_set_large(&fix, "larger", 2, most * 2, 0);
    restart(&fix);
    settle_warm(&fix);
    assert_int_equal(warm_stats(&fix).total, 1); /* it is not even noted */
    struct db_key key = fix_key(&fix, "larger");
    assert_true(db_warmup_key(fix.db, &key));
    settle_warm(&fix);
    assert_int_equal(fix.db->cache.presence_count[ENTRY_PRESENT], 1);
    assert_int_equal(fix.db->cache.presence_count[ENTRY_HEADER], 1);
    assert_int_equal(fix.db->node_loads, 0);
    assert_true(fix_is_large(&fix, "large", 1, most / 2));
    assert_int_equal(fix_stats(&fix).loads, 0);
    assert_true(fix_is_large(&fix, "larger", 2, most * 2));
    db_check(fix.db);
    fix_deinit(&fix);
}

/* A client wants a large value while its nodes are on the way for nobody. */
static void a_client_takes_nodes_over(void **state)
{
    struct fix fix;
    struct cmd get = { .ready = false };
    (void)state;
    open_warm(&fix);
    fix_set_large(&fix, "large", 1, 50000, 0);
    restart(&fix);
    for (int i = 0; i < 2; i++) { /* the file, the record */
        fix_turn(&fix);
        assert_true(held_io_run(fix.io, JOB_BACKGROUND));
        held_io_deliver_all(fix.io);
    }
    fix_turn(&fix);
    assert_int_equal(fix.db->node_loads, 1);
    db_wait_init(&get.wait);
    assert_int_equal(cmd_acquire(&fix, &get, "large", DB_NEED_VALUE),
                     DB_PARKED);
    assert_int_equal(fix.db->node_loads, 2);
    fix_turn(&fix);
    assert_true(held_io_run(fix.io, JOB_LOAD));
    held_io_deliver_all(fix.io);
    fix_turn(&fix);
    assert_true(get.ready);
    db_release(fix.db, &get.wait);
    settle_warm(&fix);
    assert_true(fix_is_large(&fix, "large", 1, 50000));
    assert_int_equal(fix.db->node_loads, 0);
    db_check(fix.db);
    fix_deinit(&fix);
}

/* Longer than there is place for: the hottest are taken. */
static void the_hottest_are_noted(void **state)
{
    struct fix fix;
    char       name[256];
    unsigned   count = 2500, hot = 800; /* 200 bytes each; 256 KB */
    (void)state;
    open_warm(&fix);
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%0200u", i);
        fix_set_text(&fix, name, "v");
    }
    fix.now_ms += 100000;
    fix_turn(&fix);
    for (unsigned i = 0; i < hot; i++) {
        snprintf(name, sizeof(name), "%0200u", i * 3);
        assert_true(fix_is_text(&fix, name, "v"));
    }
    restart(&fix);
    settle_warm(&fix);
    assert_in_range(warm_stats(&fix).total, 1200, 1310);
    assert_int_equal(warm_stats(&fix).loaded, warm_stats(&fix).total);
    for (unsigned i = 0; i < hot; i++) {
        snprintf(name, sizeof(name), "%0200u", i * 3);
        assert_true(is_used(&fix, name));
    }
    fix_deinit(&fix);
}

static void cron(struct fix *fix)
{
    db_cron(fix->db, fix->now_ms);
    settle_warm(fix);
}

static void it_is_noted_every_minute_if_much_has_changed(void **state)
{
    struct fix fix;
    char       name[32];
    (void)state;
    open_warm(&fix);
    set_keys(&fix);
    fix.now_ms += 59000;
    cron(&fix);
    assert_int_equal(warm_stats(&fix).saves, 0);
    fix.now_ms += 1000;
    cron(&fix);
    assert_int_equal(warm_stats(&fix).saves, 1);
    assert_int_equal(warm_stats(&fix).saved_keys, KEYS);
    assert_int_equal(warm_stats(&fix).last_save_s, fix.now_ms / 1000);
    for (int minute = 0; minute < 5; minute++) { /* only reads */
        for (unsigned i = 0; i < KEYS; i++)
            assert_true(fix_is_text(&fix, name_of(i, name), name));
        fix.now_ms += 60000;
        cron(&fix);
    }
    assert_int_equal(warm_stats(&fix).saves, 1);
    for (unsigned i = KEYS; i < KEYS + KEYS / 4; i++)
        fix_set_text(&fix, name_of(i, name), name);
    fix.now_ms += 60000;
    cron(&fix);
    assert_int_equal(warm_stats(&fix).saves, 2);
    db_set_warmup(fix.db, false);
    db_warmup_save_soon(fix.db);
    fix_set_text(&fix, "more", "v");
    cron(&fix);
    db_warmup_save_now(fix.db);
    assert_int_equal(warm_stats(&fix).saves, 2);
    fix_deinit(&fix);
}

/* Who is stopped in the middle of warming must not forget the rest. */
static void no_new_file_before_the_old_one_is_through(void **state)
{
    struct fix fix;
    (void)state;
    open_warm(&fix);
    set_keys(&fix);
    restart(&fix);
    begin_loading(&fix);
    db_warmup_save_now(fix.db);
    assert_int_equal(warm_stats(&fix).saves, 0);
    fix_close(&fix);
    fix_open(&fix);
    settle_warm(&fix);
    assert_int_equal(known(&fix), KEYS);
    /* Nor one that says the same. */
    db_warmup_save_now(fix.db);
    assert_int_equal(warm_stats(&fix).saves, 0);
    fix_deinit(&fix);
}

static void a_file_that_is_no_good_is_ignored(void **state)
{
    struct fix fix;
    (void)state;
    open_warm(&fix);
    set_keys(&fix);
    restart(&fix);
    fix_close(&fix);
    assert_int_equal(truncate(file_path, 700), 0);
    fix_open(&fix);
    settle_warm(&fix);
    assert_int_equal(known(&fix), 0);
    assert_false(warm_stats(&fix).running);
    fix_set_text(&fix, "k", "v");
    fix_flush(&fix);
    db_warmup_save_now(fix.db);
    assert_int_equal(warm_stats(&fix).saves, 1);
    assert_int_equal(warm_stats(&fix).saved_keys, 1);
    fix_deinit(&fix);
}

/* Entries come and go, and the table changes, while it is walked. */
static void a_walk_stands_changes(void **state)
{
    struct fix fix;
    char       name[32];
    (void)state;
    open_warm(&fix);
    set_keys(&fix);
    db_warmup_save_soon(fix.db);
    db_cron(fix.db, fix.now_ms);
    for (unsigned i = 0; warm_stats(&fix).saves == 0; i++) {
        assert_in_range(i, 0, 1000);
        fix_set_text(&fix, name_of(KEYS + i, name), name);
        fix_flush(&fix);
        (void)fix_evict(&fix, name_of(i / 2, name));
        fix_turn(&fix);
        io_drain(fix.io);
    }
    fix_close(&fix); /* as when it is killed */
    fix_open(&fix);
    settle_warm(&fix);
    assert_in_range(known(&fix), KEYS * 3 / 4, KEYS);
    fix_deinit(&fix);
}

static void loads_that_fail_end_it(void **state)
{
    struct fix fix;
    (void)state;
    open_warm(&fix);
    set_keys(&fix);
    restart(&fix);
    fault_fail(fix.store, FAULT_GET, 0, 1000, ERR_CORRUPT, false);
    settle_warm(&fix);
    assert_false(warm_stats(&fix).running);
    assert_int_equal(warm_stats(&fix).loaded, 0);
    assert_in_range(fix_stats(&fix).load_errors, WARMUP_ERRORS,
                    WARMUP_ERRORS + WARMUP_LOADS);
    fault_reset(fix.store);
    assert_int_equal(known(&fix), 0);
    assert_true(fix_is_text(&fix, "key:1", "key:1"));
    db_check(fix.db);
    fix_deinit(&fix);
}

static void keys_that_match_are_loaded(void **state)
{
    struct fix fix;
    char       name[32];
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    set_keys(&fix);
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(name, sizeof(name), "other:%u", i);
        fix_set_text(&fix, name, "v");
    }
    fix_flush(&fix);
    fix_close(&fix);
    fix_open(&fix);
    db_warmup_match(fix.db, db_space(fix.db, 0), SLICE_LITERAL("key:1*"));
    assert_true(warm_stats(&fix).running);
    settle_warm(&fix);
    assert_int_equal(known(&fix), 111); /* 1, 10 to 19, 100 to 199 */
    assert_int_equal(warm_stats(&fix).loaded, 111);
    assert_int_equal(fix.db->cache.table.entry_count, 111);
    /* A newer one takes the place of one that has a job in flight. */
    db_warmup_match(fix.db, db_space(fix.db, 0), SLICE_LITERAL("other:*"));
    fix_turn(&fix);
    db_warmup_match(fix.db, db_space(fix.db, 0), SLICE_LITERAL("key:2*"));
    settle_warm(&fix);
    assert_int_equal(known(&fix), 111 + 11);
    assert_int_equal(fix.db->cache.table.entry_count, 111 + 11);
    /* Nor is it stopped in the middle by its database being emptied. */
    db_warmup_match(fix.db, db_space(fix.db, 0), SLICE_LITERAL("*"));
    fix_turn(&fix);
    db_flush_space(fix.db, db_space(fix.db, 0));
    settle_warm(&fix);
    assert_false(warm_stats(&fix).running);
    db_check(fix.db);
    fix_deinit(&fix);
}

static void keys_that_are_asked_for_are_loaded(void **state)
{
    struct fix fix;
    char       name[32];
    unsigned   taken = 0;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    set_keys(&fix);
    fix_close(&fix);
    fix_open(&fix);
    for (unsigned i = 0; i < 10; i++) {
        struct db_key key = fix_key(&fix, name_of(i, name));
        assert_true(db_warmup_key(fix.db, &key));
    }
    settle_warm(&fix);
    assert_int_equal(known(&fix), 10);
    assert_false(is_used(&fix, "key:0"));
    struct db_key key = fix_key(&fix, "key:0");
    assert_false(db_warmup_key(fix.db, &key));
    /* The list has a bound. */
    key = fix_key(&fix, "key:100");
    while (db_warmup_key(fix.db, &key))
        assert_in_range(taken++, 0, 20000);
    settle_warm(&fix);
    assert_int_equal(known(&fix), 11);
    assert_int_equal(fix.mem.used_bytes[MEM_JOBS], 0);
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_hot_is_loaded_after_a_restart),
        cmocka_unit_test(a_client_does_not_wait_for_it),
        cmocka_unit_test(memory_wins_over_it),
        cmocka_unit_test(an_emptied_database_is_not_warmed),
        cmocka_unit_test(what_is_gone_leaves_nothing),
        cmocka_unit_test(nothing_is_evicted_for_it),
        cmocka_unit_test(it_is_as_hot_as_it_was),
        cmocka_unit_test(large_values_have_a_bound),
        cmocka_unit_test(a_client_takes_nodes_over),
        cmocka_unit_test(the_hottest_are_noted),
        cmocka_unit_test(it_is_noted_every_minute_if_much_has_changed),
        cmocka_unit_test(no_new_file_before_the_old_one_is_through),
        cmocka_unit_test(a_file_that_is_no_good_is_ignored),
        cmocka_unit_test(a_walk_stands_changes),
        cmocka_unit_test(loads_that_fail_end_it),
        cmocka_unit_test(keys_that_match_are_loaded),
        cmocka_unit_test(keys_that_are_asked_for_are_loaded),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
