/* test_settle.c - counts that are exact although SET waits for nothing. */
#include "db/db_test.h"

static void store_two(struct fix *fix)
{
    fix_set_text(fix, "old", "1");
    fix_set_text(fix, "other", "1");
    fix_flush(fix);
    assert_true(fix_evict(fix, "old"));
    assert_true(fix_evict(fix, "other"));
}

static void a_blind_write_is_settled_by_the_cut(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    store_two(&fix);
    assert_int_equal(fix_count(&fix), 2);
    uint64_t looks = fix_stats(&fix).looks;

    fix_set_text(&fix, "old", "2"); /* replaces */
    fix_set_text(&fix, "new", "2"); /* creates */
    assert_int_equal(fix.db->unsettled, 2);
    assert_int_equal(fix_count(&fix), 2); /* neither is in the sum yet */
    assert_int_equal(fix_stats(&fix).looks, looks);
    db_check(fix.db);

    fix_flush(&fix);
    assert_int_equal(fix.db->unsettled, 0);
    assert_int_equal(fix_stats(&fix).looks, looks + 2);
    assert_int_equal(fix_count(&fix), 3);
    assert_int_equal(inspect_clean(&fix).keys[0], 3);
    fix_deinit(&fix);
}

static void dbsize_parks_and_is_exact(void **state)
{
    struct fix fix;
    struct cmd cmd = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    store_two(&fix);
    db_wait_init(&cmd.wait);
    assert_int_equal(db_wait_settled(fix.db, &cmd.wait), DB_READY);

    fix_set_text(&fix, "old", "2");
    fix_set_text(&fix, "new", "2");
    assert_int_equal(db_wait_settled(fix.db, &cmd.wait), DB_PARKED);
    assert_int_equal(fix_stats(&fix).parked_now, 1);
    fix_turn(&fix);
    assert_false(cmd.ready); /* the looks have not run */
    assert_true(held_io_run(fix.io, JOB_SAVE));
    held_io_deliver_all(fix.io);
    fix_turn(&fix);
    assert_true(cmd.ready);
    assert_int_equal(db_wait_settled(fix.db, &cmd.wait), DB_READY);
    assert_int_equal(fix_count(&fix), 3);
    db_release(fix.db, &cmd.wait);
    assert_false(db_is_clean(fix.db)); /* it took no flush */
    fix_deinit(&fix);
}

/* The blind writes were to a database that is emptied: the cut forgets them
 * before their looks have come back, and they are waited for no more. */
static void dbsize_does_not_wait_for_a_database_that_is_gone(void **state)
{
    struct fix fix;
    struct cmd cmd = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    db_wait_init(&cmd.wait);
    fix_set_text(&fix, "blind", "1");
    assert_int_equal(db_wait_settled(fix.db, &cmd.wait), DB_PARKED);
    db_flush_space(fix.db, db_space(fix.db, 0));
    db_flush_soon(fix.db);
    for (int i = 0; i < 3; i++)
        fix_turn(&fix);
    assert_true(cmd.ready);
    db_release(fix.db, &cmd.wait);
    fix_settle(&fix);
    fix_deinit(&fix);
}

/* While somebody waits for an exact number, a SET is not blind: or a stream of
 * them would keep him waiting for ever. */
static void no_write_is_blind_while_dbsize_waits(void **state)
{
    struct fix fix;
    struct cmd size = { .ready = false }, set = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    db_wait_init(&size.wait);
    db_wait_init(&set.wait);
    assert_int_equal(cmd_acquire(&fix, &set, "k", DB_NEED_NONE), DB_READY);
    fix_set_text(&fix, "blind", "1");
    assert_int_equal(db_wait_settled(fix.db, &size.wait), DB_PARKED);
    assert_int_equal(cmd_acquire(&fix, &set, "k", DB_NEED_NONE), DB_PARKED);
    fix_settle(&fix);
    assert_true(size.ready && set.ready);
    assert_int_equal(cmd_acquire(&fix, &set, "k", DB_NEED_NONE), DB_READY);
    fix_set_text(&fix, "k", "1");
    assert_int_equal(fix.db->unsettled, 0);
    assert_int_equal(fix_count(&fix), 2);
    db_release(fix.db, &size.wait);
    db_release(fix.db, &set.wait);
    fix_deinit(&fix);
}

static void a_look_that_fails_tells_no_number(void **state)
{
    struct fix fix;
    struct cmd cmd = { .ready = false };

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    db_wait_init(&cmd.wait);
    fix_set_text(&fix, "blind", "1");
    fault_fail(fix.store, FAULT_GET, 0, 1, ERR_IO, false);
    assert_int_equal(db_wait_settled(fix.db, &cmd.wait), DB_PARKED);
    fix_settle(&fix);
    assert_true(cmd.ready);
    assert_int_equal(db_wait_settled(fix.db, &cmd.wait), DB_FAILED);
    assert_int_equal(cmd.wait.err, ERR_IO);
    db_release(fix.db, &cmd.wait);
    fix_flush(&fix);
    assert_int_equal(inspect_clean(&fix).keys[0], 1);
    fix_deinit(&fix);
}

static void a_write_over_a_blind_write_counts_once(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 8 * MB, MB);
    store_two(&fix);
    for (int i = 0; i < 3; i++)
        fix_set_text(&fix, "old", "again");
    assert_int_equal(fix.db->unsettled, 1);
    assert_true(fix_del(&fix, "old"));
    fix_set_text(&fix, "new", "1");
    assert_true(fix_del(&fix, "new"));
    fix_flush(&fix);
    assert_int_equal(fix_count(&fix), 1);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 1);
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blind_write_is_settled_by_the_cut),
        cmocka_unit_test(dbsize_parks_and_is_exact),
        cmocka_unit_test(dbsize_does_not_wait_for_a_database_that_is_gone),
        cmocka_unit_test(no_write_is_blind_while_dbsize_waits),
        cmocka_unit_test(a_look_that_fails_tells_no_number),
        cmocka_unit_test(a_write_over_a_blind_write_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
