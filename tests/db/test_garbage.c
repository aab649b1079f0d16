/* test_garbage.c - what nobody can reach leaves the store: pages of replaced
 * values, emptied databases; and nothing that can be reached leaves with it. */
#include "db/db_test.h"

#define LARGE (5 * STRING_CHUNK + 17)
#define NODES 7 /* one of them inner */

static void a_large_value_lies_in_pages(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fix_set_large(&fix, "large", 1, LARGE, fix.now_ms + 5000);
    fix_set_large(&fix, "border", 2, 2 * STRING_CHUNK, 0);
    fix_set_large(&fix, "short", 3, CACHE_INLINE_MAX - 5, 0);
    fix_flush(&fix);
    /* The garbage record went with the batch that refers to the pages. */
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.paged, 2);
    assert_int_equal(found.pages, NODES + 3);
    assert_int_equal(found.expiries, 1);

    assert_true(fix_evict(&fix, "large"));
    assert_true(fix_evict(&fix, "border"));
    assert_true(fix_evict(&fix, "short"));
    assert_true(fix_is_large(&fix, "large", 1, LARGE));
    assert_true(fix_is_large(&fix, "border", 2, 2 * STRING_CHUNK));
    assert_true(fix_is_large(&fix, "short", 3, CACHE_INLINE_MAX - 5));
    fix_deinit(&fix);
}

static void the_header_alone_is_enough_for_a_deadline(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fix_set_large(&fix, "large", 1, LARGE, 0);
    fix_flush(&fix);
    assert_true(fix_evict(&fix, "large"));
    uint64_t loads = fix_stats(&fix).loads;
    fix_expire(&fix, "large", fix.now_ms + 5000);
    assert_int_equal(fix_stats(&fix).loads, loads + 1);
    assert_int_equal(fix.mem.used_bytes[MEM_VALUES], 0);
    fix_flush(&fix);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.pages, NODES); /* not written anew */
    assert_int_equal(found.expiries, 1);
    assert_true(fix_is_large(&fix, "large", 1, LARGE));
    fix_deinit(&fix);
}

static void replaced_pages_go(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fix_set_large(&fix, "a", 1, LARGE, 0);
    fix_set_large(&fix, "b", 2, LARGE, 0);
    fix_set_large(&fix, "c", 3, LARGE, 0);
    fix_flush(&fix);
    fix_set_large(&fix, "a", 4, LARGE, 0); /* large by large */
    fix_set_text(&fix, "b", "small");
    assert_true(fix_evict(&fix, "c"));
    assert_true(fix_del(&fix, "c"));
    fix_flush(&fix);
    struct records *records = inspect(&fix);
    assert_int_equal(records->garbage, 3);
    assert_int_equal(records->pages, 4 * NODES);
    free(records);

    fix_collect_garbage(&fix);
    assert_int_equal(fix_stats(&fix).garbage_deleted, 3 * NODES);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.pages, NODES);
    assert_true(fix_is_large(&fix, "a", 4, LARGE));

    assert_true(fix_del(&fix, "a"));
    fix_flush(&fix);
    fix_collect_garbage(&fix);
    assert_int_equal(inspect_clean(&fix).pages, 0);
    fix_deinit(&fix);
}

/* A blind SET over a large value that memory does not know. */
static void pages_under_a_blind_write_go(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fix_set_large(&fix, "large", 1, LARGE, fix.now_ms + 9000);
    fix_flush(&fix);
    assert_true(fix_evict(&fix, "large"));
    fix_set_text(&fix, "large", "small");
    fix_flush(&fix);
    fix_collect_garbage(&fix);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.pages, 0);
    assert_int_equal(found.expiries, 0);
    fix_deinit(&fix);
}

/* Pages are written before the batch. If that fails, they are garbage, and the
 * value is saved under another id. */
static void pages_of_a_failed_cut_go(void **state)
{
    struct fix      fix;
    struct err_text why = { "" };

    (void)state;
    for (unsigned nth = 0; nth < 6; nth++)
        for (int applied = 0; applied < 2; applied++) {
            fix_init(&fix, 16 * MB, 48 * 1024);
            fix_set_large(&fix, "large", 1, LARGE, 0);
            fix_flush(&fix);
            fix_set_large(&fix, "large", 2, LARGE, 0);
            fault_fail(fix.store, FAULT_WRITE, nth, 1, ERR_IO, applied != 0);
            (void)db_flush_now(fix.db, &why);
            fix_settle(&fix);
            fault_reset(fix.store);
            fix_flush(&fix);
            fix_collect_garbage(&fix);
            struct records found = inspect_clean(&fix);
            assert_int_equal(found.pages, NODES);
            assert_true(fix_is_large(&fix, "large", 2, LARGE));
            fix_close(&fix);
            fix_open(&fix);
            assert_true(fix_is_large(&fix, "large", 2, LARGE));
            fix_deinit(&fix);
        }
}

static void fill_space(struct fix *fix, unsigned count)
{
    char key[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "key:%u", i);
        if (i % 50 == 0)
            fix_set_large(fix, key, i, 70000, fix->now_ms + 9000);
        else
            fix_set(fix, key, SLICE_LITERAL("value"),
                    i % 2 ? fix->now_ms + 9000 : 0);
    }
}

static void an_emptied_database_leaves_nothing(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    struct db_key kept = fix_key_in(&fix, 1, "kept");
    fill_space(&fix, 500);
    struct entry_spec spec = { .presence = ENTRY_PRESENT,
                               .value = SLICE_LITERAL("1") };
    db_put(fix.db, &kept, &spec, "set");
    fix_flush(&fix);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 500);
    assert_int_equal(found.pages, 10 * fix_nodes(70000));

    db_flush_space(fix.db, db_space(fix.db, 0));
    assert_int_equal(fix_count(&fix), 0);
    assert_true(fix_is_text(&fix, "key:1", NULL));
    fix_set_text(&fix, "key:1", "new");
    fix_flush(&fix);
    struct records *records = inspect(&fix);
    assert_int_equal(records->stray_keys, 500);
    free(records);

    fix_collect_garbage(&fix);
    found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 1);
    assert_int_equal(found.keys[1], 1);
    assert_int_equal(found.pages, 0);
    assert_int_equal(found.expiries, 0);
    fix_deinit(&fix);
}

/* Closed in the middle of it, as by a restart, it goes on. */
static void a_restart_goes_on_with_garbage(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fill_space(&fix, 500);
    fix_flush(&fix);
    db_flush_space(fix.db, db_space(fix.db, 0));
    fix_flush(&fix);
    db_cron(fix.db, fix.now_ms); /* it waits for the scrub */
    while (held_io_run(fix.io, JOB_BACKGROUND))
        held_io_deliver_all(fix.io);
    db_cron(fix.db, fix.now_ms);
    for (int i = 0; i < 2; i++) {
        assert_true(held_io_run(fix.io, JOB_BACKGROUND));
        held_io_deliver_all(fix.io);
        fix_turn(&fix); /* the next slice */
    }
    struct records *records = inspect(&fix);
    assert_in_range(records->stray_keys, 1, 499);
    free(records);
    fix_close(&fix);
    fix_open(&fix);
    fix_collect_garbage(&fix);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 0);
    assert_int_equal(found.pages, 0);
    fix_deinit(&fix);
}

static void dirty_keys_of_an_emptied_database_are_not_written(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fill_space(&fix, 100);
    db_flush_space(fix.db, db_space(fix.db, 0));
    fix_flush(&fix);
    struct records *records = inspect(&fix);
    assert_int_equal(records->stray_keys + records->keys[0], 0);
    assert_int_equal(records->pages, 0);
    free(records);
    db_check(fix.db);
    fix_deinit(&fix);
}

/* The last piece is emptied while another is being compacted; that one's turn
 * comes when nothing is left to be deleted any more. */
static void the_last_piece_is_compacted_too(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fill_space(&fix, 6000);
    fix_flush(&fix);
    db_flush_space(fix.db, db_space(fix.db, 0));
    fix_flush(&fix);
    for (int i = 0;
         i < 8 || fix.db->garbage_more || fix.db->garbage_running; i++) {
        assert_in_range(i, 0, 1000);
        if (compact_is_behind(fix.db))
            break;
        db_cron(fix.db, fix.now_ms);
        io_hand_over(fix.io);
        while (held_io_run(fix.io, JOB_BACKGROUND)) {
        }
        held_io_deliver_all(fix.io);
    }
    assert_int_equal(fix.io->queued[JOB_COMPACT], 1);
    assert_true(compact_is_behind(fix.db));
    for (int i = 0; i < 3; i++) {
        io_drain(fix.io);
        db_cron(fix.db, fix.now_ms);
    }
    assert_false(compact_is_behind(fix.db));
    assert_int_equal(fix.io->finished[JOB_COMPACT], 2);
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_value_lies_in_pages),
        cmocka_unit_test(the_header_alone_is_enough_for_a_deadline),
        cmocka_unit_test(replaced_pages_go),
        cmocka_unit_test(pages_under_a_blind_write_go),
        cmocka_unit_test(pages_of_a_failed_cut_go),
        cmocka_unit_test(an_emptied_database_leaves_nothing),
        cmocka_unit_test(a_restart_goes_on_with_garbage),
        cmocka_unit_test(the_last_piece_is_compacted_too),
        cmocka_unit_test(dirty_keys_of_an_emptied_database_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
