/* test_load.c - memory wins over whatever a load brings; a load that fails
 * leaves the key unknown, never absent. */
#include "db/db_test.h"

static void store_cold(struct fix *fix)
{
    fix_set_text(fix, "k", "old");
    fix_set_text(fix, "l", "old");
    fix_set_large(fix, "large", 1, 200000, 0);
    fix_flush(fix);
    fix_close(fix);
    fix_open(fix);
}

static void deliver(struct fix *fix)
{
    held_io_deliver_all(fix->io);
    fix_turn(fix);
}

static void a_set_drops_the_load_in_flight(void **state)
{
    struct fix fix;
    struct cmd get = { .ready = false };

    (void)state;
    for (int has_run = 0; has_run < 2; has_run++) {
        fix_init(&fix, 8 * MB, MB);
        store_cold(&fix);
        db_wait_init(&get.wait);
        assert_int_equal(cmd_acquire(&fix, &get, "k", DB_NEED_VALUE),
                         DB_PARKED);
        fix_turn(&fix);
        if (has_run)
            assert_true(held_io_run(fix.io, JOB_LOAD));
        fix_set_text(&fix, "k", "new");
        fix_turn(&fix);
        assert_true(get.ready); /* at once: it knows enough */
        if (!has_run)
            assert_true(held_io_run(fix.io, JOB_LOAD));
        deliver(&fix);
        assert_int_equal(fix_stats(&fix).loads_dropped, 1);
        db_release(fix.db, &get.wait);
        assert_true(fix_is_text(&fix, "k", "new"));
        assert_string_equal(fix_state(&fix, "k"), "dirty");
        fix_flush(&fix);
        assert_int_equal(inspect_clean(&fix).keys[0], 3);
        fix_deinit(&fix);
    }
}

/* SET, flush, evict while a first load is still under way: its result, read
 * before the SET, must not serve the second. */
static void a_second_load_is_not_served_by_the_first(void **state)
{
    struct fix fix;
    struct cmd first = { .ready = false }, second = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    store_cold(&fix);
    db_wait_init(&first.wait);
    db_wait_init(&second.wait);
    assert_int_equal(cmd_acquire(&fix, &first, "k", DB_NEED_VALUE), DB_PARKED);
    fix_turn(&fix);
    assert_true(held_io_run(fix.io, JOB_LOAD)); /* "old", not delivered */
    fix_set_text(&fix, "k", "new");
    fix_turn(&fix);
    assert_true(first.ready);
    db_release(fix.db, &first.wait);
    /* To disk, without delivering the load. */
    struct link held;
    link_init(&held);
    list_splice(&held, &fix.io->done);
    fix_flush(&fix);
    assert_true(fix_evict(&fix, "k"));
    assert_int_equal(cmd_acquire(&fix, &second, "k", DB_NEED_VALUE),
                     DB_PARKED);
    list_splice(&fix.io->done, &held);
    deliver(&fix);
    assert_int_equal(fix_stats(&fix).loads_dropped, 1);
    assert_false(second.ready);
    fix_settle(&fix);
    assert_true(second.ready);
    db_release(fix.db, &second.wait);
    assert_true(fix_is_text(&fix, "k", "new"));
    fix_deinit(&fix);
}

static void a_delete_not_on_disk_answers_absent(void **state)
{
    struct fix fix;
    struct cmd get = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    store_cold(&fix);
    assert_true(fix_del(&fix, "k"));
    uint64_t loads = fix_stats(&fix).loads;
    db_wait_init(&get.wait);
    assert_false(fix_evict(&fix, "k")); /* it would come back */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(cmd_acquire(&fix, &get, "k", DB_NEED_VALUE),
                         DB_READY);
        struct db_key at = fix_key(&fix, "k");
        assert_null(db_look(fix.db, &at, true));
        assert_string_equal(fix_state(&fix, "k"), "absent");
        if (i == 0)
            db_flush_soon(fix.db);
        fix_turn(&fix);
        if (i == 1) /* being saved */
            assert_int_equal(fix.db->cut.phase, CUT_WRITE);
    }
    db_release(fix.db, &get.wait);
    fix_settle(&fix);
    assert_true(db_is_clean(fix.db));
    assert_int_equal(fix_stats(&fix).loads, loads);
    assert_int_equal(fix_stats(&fix).deletes, 1);
    assert_true(fix_evict(&fix, "k"));
    assert_true(fix_is_text(&fix, "k", NULL));
    assert_int_equal(fix_stats(&fix).loads, loads + 1);
    assert_int_equal(inspect_clean(&fix).keys[0], 2);
    fix_deinit(&fix);
}

static void a_load_that_fails_leaves_the_key_unknown(void **state)
{
    struct fix fix;
    struct cmd cmd = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    store_cold(&fix);
    fault_fail(fix.store, FAULT_GET, 0, 1, ERR_IO, false);
    assert_int_equal(fix_need(&fix, &cmd, "k", DB_NEED_VALUE), DB_FAILED);
    assert_int_equal(cmd.wait.err, ERR_IO);
    db_release(fix.db, &cmd.wait);
    assert_null(fix_state(&fix, "k"));
    assert_int_equal(fix_stats(&fix).load_errors, 1);
    assert_int_equal(fix.db->cache.busy.used_count, 0);
    assert_true(fix_is_text(&fix, "k", "old"));

    /* the header arrives, then the third page does not */
    fault_fail(fix.store, FAULT_GET, 3, 1, ERR_IO, false);
    assert_int_equal(fix_need(&fix, &cmd, "large", DB_NEED_VALUE), DB_FAILED);
    db_release(fix.db, &cmd.wait);
    assert_int_equal(fix.mem.used_bytes[MEM_VALUES], 0);
    assert_true(fix_is_large(&fix, "large", 1, 200000));
    fix_deinit(&fix);
}

/* One byte of the record (or of a page) is another. */
static void damage(struct fix *fix, slice record_key)
{
    struct store_get    get;
    struct store_batch *batch = store_batch_new();
    assert_int_equal(store_get_one(fix->memory, record_key, &get), ERR_OK);
    get.value[get.value_len / 2] ^= 1;
    store_batch_put(batch, record_key, slice_make(get.value, get.value_len));
    assert_int_equal(store_write(fix->memory, batch, false, NULL), ERR_OK);
    store_value_free(get.value);
}

static uint64_t object_of(struct fix *fix, slice record_key)
{
    struct store_get  get;
    struct key_record record;
    assert_int_equal(store_get_one(fix->memory, record_key, &get), ERR_OK);
    assert_int_equal(record_key_decode(record_key,
                                       slice_make(get.value, get.value_len),
                                       &record),
                     ERR_OK);
    store_value_free(get.value);
    return record.object_id;
}

static void damage_is_an_error_and_can_be_overwritten(void **state)
{
    struct fix fix;
    struct cmd cmd = { .ready = false };
    struct buf key;

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    store_cold(&fix);
    buf_init(&key, SIZE_MAX);
    struct db_key at = fix_key(&fix, "k"), large = fix_key(&fix, "large");
    record_key_key(&key, at.space->id, at.hash, at.key);
    damage(&fix, buf_slice(&key));
    record_key_key(&key, large.space->id, large.hash, large.key);
    record_page_key(&key, object_of(&fix, buf_slice(&key)), 2);
    damage(&fix, buf_slice(&key));
    buf_deinit(&key);

    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "k" : "large";
        assert_int_equal(fix_need(&fix, &cmd, name, DB_NEED_VALUE),
                         DB_FAILED);
        assert_int_equal(cmd.wait.err, ERR_CORRUPT);
        db_release(fix.db, &cmd.wait);
        fix_set_text(&fix, name, "good");
    }
    assert_true(fix_is_text(&fix, "l", "old"));
    fix_flush(&fix);
    fix_collect_garbage(&fix);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 3);
    assert_int_equal(found.pages, 0);
    fix_deinit(&fix);
}

static void a_key_that_expires_while_it_is_loaded_is_deleted(void **state)
{
    struct fix fix;
    struct cmd get = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    fix_set(&fix, "k", SLICE_LITERAL("old"), fix.now_ms + 1000);
    fix_flush(&fix);
    assert_int_equal(inspect_clean(&fix).expiries, 1);
    assert_true(fix_evict(&fix, "k"));
    db_wait_init(&get.wait);
    assert_int_equal(cmd_acquire(&fix, &get, "k", DB_NEED_VALUE), DB_PARKED);
    fix_turn(&fix);
    assert_true(held_io_run(fix.io, JOB_LOAD));
    fix.now_ms += 1000;
    db_set_now(fix.db, fix.now_ms);
    deliver(&fix);
    assert_true(get.ready);
    db_release(fix.db, &get.wait);
    assert_string_equal(fix_state(&fix, "k"), "absent");
    assert_false(db_is_clean(fix.db));
    fix_flush(&fix);
    assert_int_equal(inspect_clean(&fix).keys[0], 0);
    fix_deinit(&fix);
}

static void a_flushed_database_drops_its_loads(void **state)
{
    struct fix fix;
    struct cmd get = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    store_cold(&fix);
    db_wait_init(&get.wait);
    assert_int_equal(cmd_acquire(&fix, &get, "k", DB_NEED_VALUE), DB_PARKED);
    fix_turn(&fix);
    db_flush_space(fix.db, db_space(fix.db, 0));
    fix_settle(&fix);
    assert_true(get.ready);
    /* Nothing of its new namespace can be on disk: nothing is loaded. */
    uint64_t loads = fix_stats(&fix).loads;
    assert_int_equal(cmd_acquire(&fix, &get, "k", DB_NEED_VALUE), DB_READY);
    struct db_key at = fix_key(&fix, "k");
    assert_null(db_look(fix.db, &at, true));
    assert_int_equal(fix_stats(&fix).loads, loads);
    db_release(fix.db, &get.wait);
    fix_deinit(&fix);
}

static void a_prefetch_pins_nothing_and_serves_the_command(void **state)
{
    struct fix     fix;
    struct db_want want;

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    store_cold(&fix);
    want = (struct db_want){ .key = fix_key(&fix, "k"),
                             .need = DB_NEED_VALUE };
    db_prefetch(fix.db, &want);
    db_prefetch(fix.db, &want);
    fix_settle(&fix);
    assert_int_equal(fix_stats(&fix).prefetches, 1);
    assert_true(fix_is_text(&fix, "k", "old"));
    assert_int_equal(fix_stats(&fix).loads, 1);
    assert_int_equal(fix.db->cache.busy.used_count, 0);
    assert_true(fix_evict(&fix, "k"));
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_drops_the_load_in_flight),
        cmocka_unit_test(a_second_load_is_not_served_by_the_first),
        cmocka_unit_test(a_delete_not_on_disk_answers_absent),
        cmocka_unit_test(a_load_that_fails_leaves_the_key_unknown),
        cmocka_unit_test(damage_is_an_error_and_can_be_overwritten),
        cmocka_unit_test(a_key_that_expires_while_it_is_loaded_is_deleted),
        cmocka_unit_test(a_flushed_database_drops_its_loads),
        cmocka_unit_test(a_prefetch_pins_nothing_and_serves_the_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
