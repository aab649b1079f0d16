/* test_cut.c - a cut is one instant, whatever goes on while it is made, and is
 * on disk whole or not at all. */
#include "db/db_test.h"

#define MANY 300

static char *name(char out[32], unsigned number)
{
    snprintf(out, 32, "key:%u", number);
    return out;
}

static void set_many(struct fix *fix, const char *value)
{
    char key[32];
    for (unsigned i = 0; i < MANY; i++)
        fix_set_text(fix, name(key, i), value);
}

/* How many keys have that value on disk: in a new db over the same store. */
static unsigned count_value(struct fix *fix, const char *value)
{
    char     key[32];
    unsigned count = 0;
    for (unsigned i = 0; i < MANY; i++)
        count += fix_is_text(fix, name(key, i), value);
    return count;
}

static void restart(struct fix *fix)
{
    fix_close(fix);
    fix_open(fix);
}

/* Whoever has nothing more on its way to disk: the I/O side runs saves, and
 * the turns go on, until the cut in flight is over. */
static void end_cut(struct fix *fix)
{
    for (int i = 0; fix->db->cut.phase != CUT_NONE; i++) {
        assert_in_range(i, 0, 10000);
        io_drain(fix->io);
        cut_step(fix->db);
    }
}

static void capturing_goes_in_slices_of_64(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    set_many(&fix, "1");
    db_flush_soon(fix.db);
    unsigned turns = 0;
    do {
        fix_turn(&fix);
        turns++;
    } while (fix.db->cut.phase == CUT_CAPTURE);
    assert_int_equal(turns, MANY / CAPTURE_SLICE + 1);
    assert_int_equal(fix_stats(&fix).slice_max, CAPTURE_SLICE);

    io_drain(fix.io); /* the looks */
    fix_turn(&fix);
    assert_int_equal(fix.db->cut.phase, CUT_WRITE);
    assert_string_equal(fix_state(&fix, "key:0"), "saving");
    io_drain(fix.io);
    assert_int_equal(fix.db->cut.phase, CUT_FINISH);
    for (turns = 0; fix.db->cut.phase == CUT_FINISH; turns++)
        fix_turn(&fix);
    assert_int_equal(turns, MANY / CAPTURE_SLICE + 1);
    assert_string_equal(fix_state(&fix, "key:0"), "memory");
    assert_true(db_is_clean(fix.db));
    assert_int_equal(inspect_clean(&fix).keys[0], MANY);
    fix_deinit(&fix);
}

/* All keys say 1 when the epoch closes; each is changed, in one way or the
 * other, before its turn to be captured. The cut has 1 everywhere. */
static void changes_while_capturing_stay_out_of_the_cut(void **state)
{
    struct fix fix;
    char       key[32];

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    set_many(&fix, "1");
    db_flush_soon(fix.db);
    fix_turn(&fix);
    assert_int_equal(fix.db->cut.phase, CUT_CAPTURE);
    for (unsigned i = 0; i < MANY; i++) {
        if (i % 3 == 0)
            assert_true(fix_del(&fix, name(key, i)));
        else if (i % 3 == 1)
            fix_set_text(&fix, name(key, i), "2");
        else
            fix_expire(&fix, name(key, i), fix.now_ms + 1000);
    }
    fix_set_text(&fix, "late", "2");
    db_check(fix.db);
    end_cut(&fix);
    assert_false(db_is_clean(fix.db));
    db_check(fix.db);
    restart(&fix);
    assert_int_equal(count_value(&fix, "1"), MANY);
    assert_true(fix_is_text(&fix, "late", NULL));
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], MANY);
    assert_int_equal(found.expiries, 0);
    fix_deinit(&fix);
}

static void what_changes_during_the_write_is_in_the_next_cut(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    set_many(&fix, "1");
    db_flush_soon(fix.db);
    while (fix.db->cut.phase != CUT_WRITE) {
        fix_turn(&fix);
        if (fix.db->cut.phase == CUT_SETTLE)
            io_drain(fix.io);
    }
    fix_set_text(&fix, "key:0", "2");
    assert_true(fix_del(&fix, "key:1"));
    assert_string_equal(fix_state(&fix, "key:0"), "dirty");
    assert_string_equal(fix_state(&fix, "key:1"), "absent");
    assert_string_equal(fix_state(&fix, "key:2"), "saving");
    end_cut(&fix);
    assert_string_equal(fix_state(&fix, "key:0"), "dirty");
    assert_string_equal(fix_state(&fix, "key:2"), "memory");
    assert_int_equal(fix_count(&fix), MANY - 1);
    fix_flush(&fix);
    restart(&fix);
    assert_true(fix_is_text(&fix, "key:0", "2"));
    assert_true(fix_is_text(&fix, "key:1", NULL));
    assert_int_equal(count_value(&fix, "1"), MANY - 2);
    fix_deinit(&fix);
}

static void a_flushed_database_is_still_in_the_cut_before(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    set_many(&fix, "1");
    db_flush_soon(fix.db);
    fix_turn(&fix);
    assert_int_equal(fix.db->cut.phase, CUT_CAPTURE);
    db_flush_space(fix.db, db_space(fix.db, 0));
    fix_set_text(&fix, "key:0", "2");
    end_cut(&fix);
    db_check(fix.db);
    restart(&fix);
    assert_int_equal(count_value(&fix, "1"), MANY);
    assert_int_equal(fix_count(&fix), MANY);

    db_flush_space(fix.db, db_space(fix.db, 0));
    fix_set_text(&fix, "key:0", "2");
    fix_flush(&fix);
    restart(&fix);
    assert_int_equal(count_value(&fix, "1"), 0);
    assert_int_equal(fix_count(&fix), 1);
    fix_collect_garbage(&fix);
    assert_int_equal(inspect_clean(&fix).keys[0], 1);
    fix_deinit(&fix);
}

/* --- staging ------------------------------------------------------------- */

static void fill(struct fix *fix, uint64_t seed, char which)
{
    char key[32];
    for (unsigned i = 0; i < MANY; i++) {
        char *bytes = fix_bytes(seed + i, 200);
        bytes[0] = which;
        fix_set(fix, name(key, i), slice_make(bytes, 200),
                i % 5 == 0 ? fix->now_ms + 100000 + which : 0);
        free(bytes);
    }
    fix_set_large(fix, "large", seed, 3 * STRING_CHUNK + 5, 0);
}

/* The first letter of all values, which must be one and the same. */
static char whole(struct fix *fix)
{
    char        key[32], first = 0;
    struct cmd  cmd;
    for (unsigned i = 0; i < MANY; i++) {
        struct db_key at = fix_key(fix, name(key, i));
        assert_int_equal(fix_need(fix, &cmd, key, DB_NEED_VALUE), DB_READY);
        struct entry *entry = db_look(fix->db, &at, true);
        assert_non_null(entry);
        char letter = entry_value(entry).data[0];
        assert_int_equal(entry_deadline(entry),
                         i % 5 == 0 ? fix->now_ms + 100000 + letter : 0);
        db_release(fix->db, &cmd.wait);
        if (i == 0)
            first = letter;
        assert_int_equal(letter, first);
    }
    return first;
}

#define STAGE_CUT ((size_t)24 * 1024) /* much less than the cut will have */

/* An old whole on disk, then a staged cut over it whose nth write (from 0)
 * fails, and nothing is written after it. False: it had fewer writes. */
static bool stage_and_fail(struct fix *fix, unsigned nth, bool applied)
{
    struct err_text why = { "" };
    fix_init(fix, 16 * MB, STAGE_CUT);
    fill(fix, 1, 'a');
    fix_flush(fix);
    fill(fix, 1000, 'b');
    uint64_t staged = fix_stats(fix).staged_flushes;
    fault_fail_reopen(fix->store, true);
    fault_fail(fix->store, FAULT_WRITE, nth, 1, ERR_IO, applied);
    if (db_flush_now(fix->db, &why) == ERR_OK) {
        assert_int_equal(fix_stats(fix).staged_flushes, staged + 1);
        assert_int_equal(whole(fix), 'b');
        return false;
    }
    return true;
}

/* The process is gone; a new one opens what is there. */
static char crash_and_read(struct fix *fix)
{
    fix_close(fix);
    fault_reset(fix->store);
    assert_int_equal(store_reopen(fix->store, NULL), ERR_OK);
    fix_open(fix);
    char found = whole(fix);
    assert_true(fix_is_large(fix, "large", found == 'a' ? 1 : 1000,
                             3 * STRING_CHUNK + 5));
    db_check(fix->db);
    fix_collect_garbage(fix);
    struct records records = inspect_clean(fix);
    assert_int_equal(records.keys[0], MANY + 1);
    assert_int_equal(records.expiries, MANY / 5);
    assert_int_equal(records.pages, 4 + 1);
    return found;
}

static void a_staged_cut_is_whole_after_a_crash_at_any_write(void **state)
{
    struct fix fix;
    unsigned   writes = 0, kept = 0;
    char       last = 'a';

    (void)state;
    for (;; writes++) {
        bool failed = stage_and_fail(&fix, writes, writes % 2 == 1);
        if (!failed)
            break;
        char found = crash_and_read(&fix);
        /* From the commit record on it is always the new one. */
        assert_true(found >= last);
        last = found;
        kept += found == 'b';
        fix_deinit(&fix);
    }
    fix_deinit(&fix);
    assert_int_equal(last, 'b');
    assert_in_range(kept, 4, writes - 4); /* many writes before and after */
}

/* The same without a crash: the next flush brings it to an end. */
static void a_staged_cut_is_tried_again_after_any_error(void **state)
{
    struct fix fix;

    (void)state;
    for (unsigned nth = 0; stage_and_fail(&fix, nth, nth % 3 == 0); nth += 3) {
        assert_true(fix_stats(&fix).failing);
        fault_reset(fix.store);
        for (int i = 0; i < 3; i++) {
            fix.now_ms += 5000;
            db_cron(fix.db, fix.now_ms);
            fix_settle(&fix);
        }
        assert_false(fix_stats(&fix).failing);
        fix_flush(&fix);
        fix_collect_garbage(&fix);
        assert_int_equal(inspect_clean(&fix).keys[0], MANY + 1);
        restart(&fix);
        assert_true(fix_is_large(&fix, "large", 1000,
                                 3 * STRING_CHUNK + 5));
        fix_deinit(&fix);
    }
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capturing_goes_in_slices_of_64),
        cmocka_unit_test(changes_while_capturing_stay_out_of_the_cut),
        cmocka_unit_test(what_changes_during_the_write_is_in_the_next_cut),
        cmocka_unit_test(a_flushed_database_is_still_in_the_cut_before),
        cmocka_unit_test(a_staged_cut_is_whole_after_a_crash_at_any_write),
        cmocka_unit_test(a_staged_cut_is_tried_again_after_any_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
