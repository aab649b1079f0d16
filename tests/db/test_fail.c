/* test_fail.c - while the store fails writes are refused and reads served; it
 * recovers by itself, and nothing is lost. */
#include "db/db_test.h"

static err_t flush_err(struct fix *fix)
{
    struct err_text why = { "" };
    return db_flush_now(fix->db, &why);
}

static void pass_time(struct fix *fix, int64_t ms)
{
    fix->now_ms += ms;
    db_cron(fix->db, fix->now_ms);
    fix_settle(fix);
}

static void writes_are_refused_and_reads_served(void **state)
{
    struct fix fix;
    struct cmd cmd = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    fix_set_text(&fix, "cold", "1");
    fix_flush(&fix);
    assert_true(fix_evict(&fix, "cold"));
    fix_set_text(&fix, "k", "1");
    fault_fail(fix.store, FAULT_WRITE, 0, -1, ERR_NO_SPACE, false);
    assert_int_not_equal(flush_err(&fix), ERR_OK);
    struct db_stats stats = fix_stats(&fix);
    assert_true(stats.failing);
    assert_false(stats.last_flush_ok);
    assert_int_equal(stats.flush_errors, 1);
    assert_true(stats.last_error[0] != '\0');

    fix_settle(&fix);
    db_wait_init(&cmd.wait);
    for (int grows = 0; grows < 2; grows++) {
        assert_int_equal(db_admit_write(fix.db, &cmd.wait, 100, grows != 0),
                         DB_FAILED);
        assert_int_equal(cmd.wait.err, ERR_IO);
        db_release(fix.db, &cmd.wait);
    }
    assert_true(fix_is_text(&fix, "k", "1"));
    assert_true(fix_is_text(&fix, "cold", "1"));
    assert_true(fix_is_text(&fix, "none", NULL));
    assert_string_equal(fix_state(&fix, "k"), "dirty");
    db_check(fix.db);

    /* It keeps trying, ever more seldom, but at least every two seconds. */
    uint64_t errors = fix_stats(&fix).flush_errors;
    for (int i = 0; i < 200; i++)
        pass_time(&fix, 100);
    errors = fix_stats(&fix).flush_errors - errors;
    assert_in_range(errors, 8, 20);

    fault_fail(fix.store, FAULT_WRITE, 0, 0, ERR_OK, false);
    for (int i = 0; i < 25; i++)
        pass_time(&fix, 100);
    assert_false(fix_stats(&fix).failing);
    assert_true(fix_stats(&fix).last_flush_ok);
    assert_true(db_is_clean(fix.db));
    assert_int_equal(db_admit_write(fix.db, &cmd.wait, 100, true), DB_READY);
    db_release(fix.db, &cmd.wait);
    fix_collect_garbage(&fix);
    assert_int_equal(inspect_clean(&fix).keys[0], 2);
    fix_deinit(&fix);
}

/* The batch is on disk although an error was returned: counts must not be
 * added twice. */
static void an_applied_failure_is_counted_once(void **state)
{
    struct fix fix;

    (void)state;
    for (int applied = 0; applied < 2; applied++) {
        fix_init(&fix, 8 * MB, MB);
        fix_set_text(&fix, "a", "1");
        fix_set_text(&fix, "b", "1");
        fix_flush(&fix);
        fix_set(&fix, "b", SLICE_LITERAL("2"), fix.now_ms + 90000);
        fix_set_text(&fix, "c", "2");
        assert_true(fix_del(&fix, "a"));
        fault_fail(fix.store, FAULT_WRITE, 0, 1, ERR_IO, applied != 0);
        assert_int_not_equal(flush_err(&fix), ERR_OK);
        fix_settle(&fix);
        assert_int_equal(fix.db->unsettled, 3);
        /* meanwhile: back to what was, and one more */
        fix_set_text(&fix, "a", "3");
        assert_true(fix_del(&fix, "c"));
        fix_set(&fix, "b", SLICE_LITERAL("3"), 0);
        db_check(fix.db);
        fix_flush(&fix);
        assert_int_equal(fix_count(&fix), 2);
        fix_collect_garbage(&fix);
        struct records found = inspect_clean(&fix);
        assert_int_equal(found.keys[0], 2);
        assert_int_equal(found.expiries, 0);
        fix_deinit(&fix);
    }
}

static void who_waits_for_the_flush_gets_the_error(void **state)
{
    struct fix fix;
    struct cmd cmd = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    db_wait_init(&cmd.wait);
    assert_int_equal(db_wait_flushed(fix.db, &cmd.wait), DB_READY);
    fix_set_text(&fix, "k", "1");
    fault_fail(fix.store, FAULT_WRITE, 0, 1, ERR_IO, true);
    assert_int_equal(db_wait_flushed(fix.db, &cmd.wait), DB_PARKED);
    fix_settle(&fix);
    assert_true(cmd.ready);
    assert_int_equal(db_wait_flushed(fix.db, &cmd.wait), DB_FAILED);
    db_release(fix.db, &cmd.wait);

    cmd.ready = false;
    assert_int_equal(db_wait_flushed(fix.db, &cmd.wait), DB_PARKED);
    for (int i = 0; i < 5; i++)
        pass_time(&fix, 1000);
    assert_true(cmd.ready);
    assert_int_equal(db_wait_flushed(fix.db, &cmd.wait), DB_READY);
    db_release(fix.db, &cmd.wait);
    assert_true(db_is_clean(fix.db));
    fix_deinit(&fix);
}

static void a_reopen_that_fails_is_tried_again(void **state)
{
    struct fix          fix;
    struct fault_counts counts;

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    fix_set_text(&fix, "k", "1");
    fault_fail_reopen(fix.store, true);
    fault_fail(fix.store, FAULT_WRITE, 0, 1, ERR_IO, false);
    assert_int_not_equal(flush_err(&fix), ERR_OK);
    for (int i = 0; i < 30; i++)
        pass_time(&fix, 100);
    fault_counts(fix.store, &counts);
    assert_in_range(counts.reopens, 3, 10);
    assert_true(fix_stats(&fix).failing);
    fault_fail_reopen(fix.store, false);
    for (int i = 0; i < 50; i++)
        pass_time(&fix, 100);
    assert_false(fix_stats(&fix).failing);
    assert_true(db_is_clean(fix.db));
    assert_int_equal(inspect_clean(&fix).keys[0], 1);
    fix_deinit(&fix);
}

/* FLUSHDB in the epoch whose cut fails is not forgotten. */
static void an_emptied_database_survives_a_failure(void **state)
{
    struct fix fix;

    (void)state;
    for (int applied = 0; applied < 2; applied++) {
        fix_init(&fix, 8 * MB, MB);
        for (int i = 0; i < 200; i++) {
            char key[16];
            snprintf(key, sizeof(key), "key:%d", i);
            fix_set_text(&fix, key, "1");
        }
        fix_flush(&fix);
        fix_set_text(&fix, "dirty", "1");
        db_flush_space(fix.db, db_space(fix.db, 0));
        fix_set_text(&fix, "after", "1");
        fault_fail(fix.store, FAULT_WRITE, 0, 1, ERR_IO, applied != 0);
        assert_int_not_equal(flush_err(&fix), ERR_OK);
        fix_settle(&fix);
        assert_true(fix_is_text(&fix, "key:0", NULL));
        assert_true(fix_is_text(&fix, "after", "1"));
        fix_flush(&fix);
        fix_collect_garbage(&fix);
        assert_int_equal(inspect_clean(&fix).keys[0], 1);
        fix_close(&fix);
        fix_open(&fix);
        assert_true(fix_is_text(&fix, "key:0", NULL));
        assert_true(fix_is_text(&fix, "after", "1"));
        fix_deinit(&fix);
    }
}

static void a_damaged_meta_record_refuses_to_open(void **state)
{
    static const char *const names[] = { "format", "hashkey", "ids",
                                         "spaces" };
    struct fix fix;
    struct buf key;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fix_init(&fix, 8 * MB, MB);
        fix_close(&fix);
        struct store_get    get;
        struct store_batch *batch = store_batch_new();
        buf_init(&key, SIZE_MAX);
        record_meta_key(&key, names[i]);
        assert_int_equal(store_get_one(fix.memory, buf_slice(&key), &get),
                         ERR_OK);
        get.value[get.value_len / 2] ^= 4;
        store_batch_put(batch, buf_slice(&key),
                        slice_make(get.value, get.value_len));
        assert_int_equal(store_write(fix.memory, batch, true, NULL), ERR_OK);
        assert_int_equal(fix_try_open(&fix), ERR_CORRUPT);
        get.value[get.value_len / 2] ^= 4;
        batch = store_batch_new();
        store_batch_put(batch, buf_slice(&key),
                        slice_make(get.value, get.value_len));
        assert_int_equal(store_write(fix.memory, batch, true, NULL), ERR_OK);
        store_value_free(get.value);
        buf_deinit(&key);
        fix_open(&fix);
        fix_deinit(&fix);
    }
}

/* What is known without a look stays known when the store is opened anew, and
 * is counted once. */
static void an_emptied_database_survives_a_resize(void **state)
{
    struct fix           fix;
    struct store_options sizes = { .write_buffer_bytes = MB,
                                   .block_cache_bytes = MB,
                                   .table_meta_bytes = MB,
                                   .max_batch_bytes = MB };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    db_flush_space(fix.db, db_space(fix.db, 0));
    fix_set_text(&fix, "k", "1");
    db_resize_store(fix.db, &sizes);
    fix_settle(&fix);
    db_check(fix.db);
    fix_set_text(&fix, "k", "2");
    fix_set_text(&fix, "other", "2");
    db_check(fix.db);
    assert_int_equal(fix.db->unsettled, 0);
    assert_int_equal(fix_count(&fix), 2);
    fix_flush(&fix);
    pass_time(&fix, 100); /* the old namespace is cleared away */
    assert_int_equal(inspect_clean(&fix).keys[0], 2);
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_are_refused_and_reads_served),
        cmocka_unit_test(an_applied_failure_is_counted_once),
        cmocka_unit_test(who_waits_for_the_flush_gets_the_error),
        cmocka_unit_test(a_reopen_that_fails_is_tried_again),
        cmocka_unit_test(an_emptied_database_survives_a_failure),
        cmocka_unit_test(a_damaged_meta_record_refuses_to_open),
        cmocka_unit_test(an_emptied_database_survives_a_resize),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
