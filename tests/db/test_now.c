/* test_now.c - commands that can't be parked, and a db that is frozen. */
#include "db/db_test.h"

static void make_cold(struct fix *fix, const char *key, size_t len)
{
    char *bytes = fix_bytes(1, len);
    fix_set(fix, key, slice_make(bytes, len), 0);
    free(bytes);
    fix_flush(fix);
    fix_settle(fix);
    assert_true(fix_evict(fix, key));
    assert_null(fix_state(fix, key));
    while (cache_free_buried(&fix->db->cache, SIZE_MAX))
        continue;
}

static enum db_verdict acquire_now(struct fix *fix, struct db_wait *wait,
                                   const char *key, bool *waited)
{
    struct db_want want = { .key = fix_key(fix, key), .need = DB_NEED_VALUE };
    *waited = false;
    db_wait_init(wait);
    return db_acquire_now(fix->db, wait, &want, 1, waited);
}

static void it_is_loaded_here_and_now(void **state)
{
    struct fix     fix;
    struct db_wait wait;
    bool           waited;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    const size_t lens[] = { 10, 200000 };
    for (unsigned i = 0; i < 2; i++) {
        make_cold(&fix, "k", lens[i]);
        assert_int_equal(acquire_now(&fix, &wait, "k", &waited), DB_READY);
        assert_true(waited);
        struct db_key key = fix_key(&fix, "k");
        assert_int_equal(db_string_len(db_look(fix.db, &key, true)), lens[i]);
        db_release(fix.db, &wait);
        assert_int_equal(acquire_now(&fix, &wait, "k", &waited), DB_READY);
        assert_false(waited);
        db_release(fix.db, &wait);
    }
    assert_int_equal(acquire_now(&fix, &wait, "none", &waited), DB_READY);
    assert_true(waited);
    db_release(fix.db, &wait);
    assert_int_equal(fix_stats(&fix).sync_loads, 3);
    assert_int_equal(fix_stats(&fix).parked_now, 0);
    fix_deinit(&fix);
}

static void an_error_is_told(void **state)
{
    struct fix     fix;
    struct db_wait wait;
    bool           waited;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    make_cold(&fix, "k", 10);
    fault_fail(fix.store, FAULT_GET, 0, 1, ERR_IO, false);
    assert_int_equal(acquire_now(&fix, &wait, "k", &waited), DB_FAILED);
    assert_int_equal(wait.err, ERR_IO);
    db_release(fix.db, &wait);
    assert_int_equal(acquire_now(&fix, &wait, "k", &waited), DB_READY);
    db_release(fix.db, &wait);
    fix_deinit(&fix);
}

/* Others hold all there is, and are parked: they give way. One that runs does
 * not. */
static void parked_ones_give_way(void **state)
{
    struct fix     fix;
    struct db_wait wait;
    struct cmd     parked;
    bool           waited;
    (void)state;
    fix_init(&fix, 4 * MB, MB);
    make_cold(&fix, "a", 800000);
    make_cold(&fix, "b", 800000);
    make_cold(&fix, "c", 800000);
    db_wait_init(&parked.wait);
    struct db_want wants[] = {
        { .key = fix_key(&fix, "a"), .need = DB_NEED_VALUE },
        { .key = fix_key(&fix, "b"), .need = DB_NEED_VALUE },
    };
    assert_int_equal(db_acquire(fix.db, &parked.wait, wants, 2), DB_PARKED);
    io_drain(fix.io);
    assert_int_equal(parked.wait.pin_count, 2);
    size_t big = 4 * MB - fix.mem.total_bytes - 400000;
    mem_charge(&fix.mem, MEM_OTHER, big); /* room for half of c */
    assert_int_equal(acquire_now(&fix, &wait, "c", &waited), DB_READY);
    assert_int_equal(parked.wait.pin_count, 0);
    assert_int_equal(fix_stats(&fix).robbed, 1);
    db_release(fix.db, &wait);
    db_release(fix.db, &parked.wait);
    mem_release(&fix.mem, MEM_OTHER, big);
    fix_deinit(&fix);
}

static void without_room_it_fails(void **state)
{
    struct fix     fix;
    struct db_wait wait;
    bool           waited;
    (void)state;
    fix_init(&fix, 4 * MB, MB);
    make_cold(&fix, "c", 800000);
    size_t big = 4 * MB - fix.mem.total_bytes - 400000;
    mem_charge(&fix.mem, MEM_OTHER, big);
    assert_int_equal(acquire_now(&fix, &wait, "c", &waited), DB_FAILED);
    assert_int_equal(wait.err, ERR_OOM);
    assert_int_equal(wait.pin_count, 0);
    db_release(fix.db, &wait);
    assert_int_equal(fix_stats(&fix).parked_now, 0);
    mem_release(&fix.mem, MEM_OTHER, big);
    assert_int_equal(acquire_now(&fix, &wait, "c", &waited), DB_READY);
    db_release(fix.db, &wait);
    fix_deinit(&fix);
}

static void counting_keys_waits_here_too(void **state)
{
    struct fix     fix;
    struct db_wait wait;
    bool           waited = false;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    make_cold(&fix, "k", 10);
    fix_set_text(&fix, "k", "blindly");
    fix_set_text(&fix, "other", "blindly");
    db_wait_init(&wait);
    assert_int_equal(db_wait_settled_now(fix.db, &wait, &waited), DB_READY);
    assert_true(waited);
    assert_int_equal(fix_count(&fix), 2);
    db_release(fix.db, &wait);
    fix_deinit(&fix);
}

static void frozen_nothing_is_cut_or_expires(void **state)
{
    struct fix fix;
    struct cmd parked;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    make_cold(&fix, "cold", 10);
    fix_set(&fix, "k", SLICE_LITERAL("v"), fix.now_ms + 100);
    db_freeze(fix.db, true);
    db_wait_init(&parked.wait);
    assert_int_equal(cmd_acquire(&fix, &parked, "cold", DB_NEED_VALUE),
                     DB_PARKED);
    fix.now_ms += 1000;
    db_flush_soon(fix.db);
    for (int i = 0; i < 30; i++) {
        db_turn(fix.db, fix.now_ms);
        db_cron(fix.db, fix.now_ms);
        io_drain(fix.io);
    }
    struct db_key key = fix_key(&fix, "k");
    assert_non_null(db_look(fix.db, &key, true));
    assert_string_equal(fix_state(&fix, "k"), "dirty");
    assert_false(parked.ready);
    assert_true(db_has_ready(fix.db));
    db_freeze(fix.db, false);
    fix_settle(&fix);
    assert_true(parked.ready);
    assert_null(db_look(fix.db, &key, true));
    assert_true(db_is_clean(fix.db));
    db_release(fix.db, &parked.wait);
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_loaded_here_and_now),
        cmocka_unit_test(an_error_is_told),
        cmocka_unit_test(parked_ones_give_way),
        cmocka_unit_test(without_room_it_fails),
        cmocka_unit_test(counting_keys_waits_here_too),
        cmocka_unit_test(frozen_nothing_is_cut_or_expires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
