/* test_swap.c - two databases exchange what is in them, at any moment of a cut,
 * before and after kills. */
#include "db_test.h"

static void swap(struct fix *fix)
{
    db_swap_spaces(fix->db, db_space(fix->db, 0), db_space(fix->db, 1));
    db_check(fix->db);
}

static void restart(struct fix *fix)
{
    fix_close(fix);
    fix_open(fix);
}

static int64_t count_in(struct fix *fix, unsigned space)
{
    return db_key_count(fix->db, db_space(fix->db, space));
}

/* Counts are exact only after all blind writes were looked at. */
static void assert_counts(struct fix *fix, int64_t first, int64_t second)
{
    fix_flush(fix);
    db_check(fix->db);
    assert_int_equal(count_in(fix, 0), first);
    assert_int_equal(count_in(fix, 1), second);
}

/* Two keys in database 0, one of them large; none in 1. */
static void begin(struct fix *fix)
{
    fix_init(fix, 8 * MB, MB);
    fix_set_text(fix, "k", "1");
    fix_set_large(fix, "large", 7, 100000, 0);
}

static void what_is_swapped_is_there_after_the_next_cut(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix);
    fix_flush(&fix);
    swap(&fix);
    assert_false(db_is_clean(fix.db));
    assert_true(fix_is_text(&fix, "k", NULL));
    assert_int_equal(count_in(&fix, 0), 0);
    assert_int_equal(count_in(&fix, 1), 2);
    restart(&fix); /* killed before any cut */
    assert_true(fix_is_text(&fix, "k", "1"));
    assert_counts(&fix, 2, 0);

    swap(&fix);
    fix_flush(&fix);
    restart(&fix);
    assert_true(fix_is_text(&fix, "k", NULL));
    assert_counts(&fix, 0, 2);
    swap(&fix);
    assert_true(fix_is_large(&fix, "large", 7, 100000));
    assert_counts(&fix, 2, 0);
    assert_int_equal(inspect_clean(&fix).keys[0], 2);
    fix_deinit(&fix);
}

static void a_swap_with_itself_is_nothing(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix);
    fix_flush(&fix);
    db_swap_spaces(fix.db, db_space(fix.db, 0), db_space(fix.db, 0));
    assert_true(db_is_clean(fix.db));
    assert_true(fix_is_text(&fix, "k", "1"));
    fix_deinit(&fix);
}

/* Dirty keys go along; what is written afterwards goes to the other one. */
static void dirty_keys_are_swapped_too(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix);
    swap(&fix);
    fix_set_text(&fix, "k", "2");
    fix_set_text(&fix, "k2", "2");
    fix_set_text(&fix, "k3", "2");
    assert_counts(&fix, 3, 2);
    restart(&fix);
    assert_true(fix_is_text(&fix, "k", "2"));
    swap(&fix);
    assert_true(fix_is_text(&fix, "k", "1"));
    assert_true(fix_is_large(&fix, "large", 7, 100000));
    assert_true(fix_is_text(&fix, "k2", NULL));
    assert_counts(&fix, 2, 3);
    assert_int_equal(inspect_clean(&fix).keys[0], 2);
    fix_deinit(&fix);
}

/* The cut in flight is as of before the swap; the swap is in the next one. */
static void a_cut_in_flight_knows_nothing_of_it(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix);
    db_flush_soon(fix.db);
    fix_turn(&fix);
    assert_int_equal(fix.db->cut.phase, CUT_SETTLE);
    swap(&fix);
    while (fix.db->cut.phase != CUT_NONE) {
        io_drain(fix.io);
        fix_turn(&fix);
    }
    assert_true(fix_is_text(&fix, "k", NULL));
    assert_false(db_is_clean(fix.db));
    restart(&fix);
    assert_true(fix_is_text(&fix, "k", "1"));
    assert_counts(&fix, 2, 0);
    fix_deinit(&fix);
}

static void swapped_and_emptied(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix);
    fix_flush(&fix);
    swap(&fix);
    db_flush_space(fix.db, db_space(fix.db, 1));
    fix_set_text(&fix, "other", "3");
    swap(&fix);
    assert_true(fix_is_text(&fix, "k", NULL));
    assert_counts(&fix, 0, 1);
    restart(&fix);
    assert_counts(&fix, 0, 1);
    fix_collect_garbage(&fix);
    struct records records = inspect_clean(&fix);
    assert_int_equal(records.keys[0], 0);
    assert_int_equal(records.keys[1], 1);
    assert_int_equal(records.pages, 0);
    fix_deinit(&fix);
}

/* A command that waits for a key finds, in the end, that of the database that
 * has its number then. */
static void who_waits_finds_the_other_database(void **state)
{
    struct fix fix;
    struct cmd cmd;

    (void)state;
    begin(&fix);
    fix_flush(&fix);
    fix_evict(&fix, "k");
    db_wait_init(&cmd.wait);
    assert_int_equal(cmd_acquire(&fix, &cmd, "k", DB_NEED_VALUE), DB_PARKED);
    swap(&fix);
    fix_set_text(&fix, "k", "of the other");
    while (!cmd.ready) {
        fix_turn(&fix);
        io_drain(fix.io);
    }
    assert_int_equal(cmd_acquire(&fix, &cmd, "k", DB_NEED_VALUE), DB_READY);
    struct db_key at = fix_key(&fix, "k");
    assert_true(slice_equal(entry_value(db_look(fix.db, &at, true)),
                            SLICE_LITERAL("of the other")));
    db_release(fix.db, &cmd.wait);
    fix_deinit(&fix);
}

/* The counts that are read while the store is opened anew belong to the
 * databases by what they hold, not by their numbers. */
static void counts_are_right_after_a_resize_meanwhile(void **state)
{
    struct fix           fix;
    struct store_options sizes = { .write_buffer_bytes = MB,
                                   .block_cache_bytes = MB,
                                   .table_meta_bytes = MB };

    (void)state;
    begin(&fix);
    fix_flush(&fix);
    db_resize_store(fix.db, &sizes);
    fix_turn(&fix);
    assert_true(fix.db->reopening);
    swap(&fix);
    fix_settle(&fix);
    assert_false(fix.db->reopening);
    assert_int_equal(count_in(&fix, 0), 0);
    assert_int_equal(count_in(&fix, 1), 2);
    assert_counts(&fix, 0, 2);
    restart(&fix);
    assert_counts(&fix, 0, 2);
    assert_int_equal(inspect_clean(&fix).keys[1], 2);
    fix_deinit(&fix);
}

/* A cut that fails is tried again with the swap in it. */
static void a_failed_cut_loses_no_swap(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix);
    fix_flush(&fix);
    swap(&fix);
    fix_set_text(&fix, "k", "2");
    fault_fail(fix.store, FAULT_WRITE, 0, 1, ERR_IO, false);
    struct err_text why = { "" };
    assert_int_equal(db_flush_now(fix.db, &why), ERR_IO);
    fix_settle(&fix);
    fix.now_ms += 10000;
    fix_settle(&fix);
    assert_counts(&fix, 1, 2);
    restart(&fix);
    assert_true(fix_is_text(&fix, "k", "2"));
    assert_counts(&fix, 1, 2);
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_swapped_is_there_after_the_next_cut),
        cmocka_unit_test(a_swap_with_itself_is_nothing),
        cmocka_unit_test(dirty_keys_are_swapped_too),
        cmocka_unit_test(a_cut_in_flight_knows_nothing_of_it),
        cmocka_unit_test(swapped_and_emptied),
        cmocka_unit_test(who_waits_finds_the_other_database),
        cmocka_unit_test(counts_are_right_after_a_resize_meanwhile),
        cmocka_unit_test(a_failed_cut_loses_no_swap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
