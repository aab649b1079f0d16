/* test_expire.c - keys past their deadline that are only on disk: they go from
 * counts and from disk, are told of once each, and nothing that lives goes
 * with them, whatever happens between the search and what it finds. */
#include "db/db_test.h"

#define COLD_MS 1000 /* the deadline of what go_cold leaves on disk */

struct heard {
    size_t expired, others;
    size_t unknown; /* of these, not said to have existed */
};

static bool always(const void *arg)
{
    (void)arg;
    return true;
}

static void on_change(void *arg, const struct db_change *change)
{
    struct heard *heard = arg;
    if (change->kind != DB_KEY_CHANGED)
        return;
    if (strcmp(change->event, "expired") == 0)
        heard->expired++;
    else
        heard->others++;
    heard->unknown += !change->existed || change->created;
}

static void hear(struct fix *fix, struct heard *heard)
{
    *heard = (struct heard){ .expired = 0 };
    fix->db->opt.on_change = on_change;
    fix->db->opt.is_heard = always;
    fix->db->opt.change_arg = heard;
}

static const char *name(char *out, unsigned i)
{
    snprintf(out, 32, "key:%u", i);
    return out;
}

/* Sets so many keys for COLD_MS, flushes and evicts them. */
static void go_cold(struct fix *fix, unsigned count)
{
    char text[32];
    for (unsigned i = 0; i < count; i++)
        fix_set(fix, name(text, i), SLICE_LITERAL("v"),
                fix->now_ms + COLD_MS);
    fix_flush(fix);
    for (unsigned i = 0; i < count; i++)
        assert_true(fix_evict(fix, name(text, i)));
}

static void begin(struct fix *fix, unsigned count)
{
    fix_init(fix, 16 * MB, 4 * MB);
    go_cold(fix, count);
    fix->now_ms += COLD_MS;
}

/* Runs what the cron submits at the start, so that the next job in the
 * background is the search. */
static void run_background(struct fix *fix)
{
    io_hand_over(fix->io);
    while (held_io_run(fix->io, JOB_BACKGROUND)) {
    }
}

/* The search has run and read what is due, and is not delivered. */
static void search(struct fix *fix)
{
    db_cron(fix->db, fix->now_ms);
    run_background(fix);
    assert_true(fix->db->expiry.running);
}

/* Until its batch is with the I/O side. */
static void go_to_write(struct fix *fix)
{
    cut_begin(fix->db);
    while (fix->db->cut.phase != CUT_WRITE) {
        cut_step(fix->db);
        io_hand_over(fix->io);
        if (fix->db->cut.phase != CUT_WRITE && held_io_run(fix->io, JOB_SAVE))
            held_io_deliver_all(fix->io);
    }
}

static void finish_cut(struct fix *fix)
{
    while (cut_step(fix->db)) {
    }
    assert_int_equal(fix->db->cut.phase, CUT_NONE);
}

static void all_go_and_are_told_once(void **state)
{
    struct fix   fix;
    struct heard heard;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fix_set_text(&fix, "stays", "1");
    fix_set(&fix, "later", SLICE_LITERAL("1"), fix.now_ms + 10 * COLD_MS);
    go_cold(&fix, 1000); /* four jobs' worth */
    hear(&fix, &heard);
    uint64_t loads = fix_stats(&fix).loads;
    fix.now_ms += COLD_MS - 1;
    fix_expire_all(&fix);
    assert_int_equal(fix_count(&fix), 1002);
    assert_int_equal(db_expire_count(fix.db, db_space(fix.db, 0)), 1001);

    fix.now_ms++;
    fix_expire_all(&fix);
    assert_int_equal(fix_count(&fix), 2);
    assert_int_equal(db_expire_count(fix.db, db_space(fix.db, 0)), 1);
    assert_int_equal(heard.expired, 1000);
    assert_int_equal(heard.others, 0);
    assert_int_equal(heard.unknown, 0);
    assert_int_equal(fix_stats(&fix).expired, 1000);
    assert_int_equal(fix_stats(&fix).loads, loads);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 2);
    assert_int_equal(found.expiries, 1);
    db_check(fix.db);
    fix_deinit(&fix);
}

/* DBSIZE falls with the search, before anything is written. */
static void counts_fall_at_once(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix, 100);
    db_cron(fix.db, fix.now_ms);
    fix_settle(&fix);
    assert_int_equal(fix_stats(&fix).dirty_entries, 100);
    assert_int_equal(fix_count(&fix), 0);
    assert_int_equal(db_expire_count(fix.db, db_space(fix.db, 0)), 0);
    db_check(fix.db);
    assert_true(fix_is_text(&fix, "key:7", NULL));
    fix_expire_all(&fix);
    assert_int_equal(inspect_clean(&fix).keys[0], 0);
    fix_deinit(&fix);
}

static void pages_go_too(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fix_set_large(&fix, "large", 1, 5 * STRING_CHUNK, fix.now_ms + COLD_MS);
    fix_flush(&fix);
    assert_true(fix_evict(&fix, "large"));
    assert_true(inspect_clean(&fix).pages > 0);
    fix.now_ms += COLD_MS;
    fix_expire_all(&fix);
    fix_collect_garbage(&fix);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.pages, 0);
    assert_int_equal(found.keys[0], 0);
    fix_deinit(&fix);
}

/* --- races: the search has read the disk, and then ----------------------- */

static void a_key_that_is_written_meanwhile_stays(void **state)
{
    struct fix   fix;
    struct heard heard;

    (void)state;
    begin(&fix, 3);
    search(&fix);
    hear(&fix, &heard);
    fix_set_text(&fix, "key:1", "new"); /* blind */
    held_io_deliver_all(fix.io);
    fix_settle(&fix);
    assert_int_equal(heard.expired, 2);
    fix_expire_all(&fix);
    assert_true(fix_is_text(&fix, "key:1", "new"));
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 1);
    assert_int_equal(found.expiries, 0);
    fix_deinit(&fix);
}

/* Written, flushed and evicted, so that memory knows nothing: the search had
 * run before, and is delivered before the save, as the first thread does it. */
static void one_that_is_flushed_meanwhile_stays(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix, 200);
    search(&fix);
    fix_set_text(&fix, "key:150", "new");
    fix_set(&fix, "key:151", SLICE_LITERAL("new"), fix.now_ms + 7);
    cut_begin(fix.db);
    while (fix.db->cut.phase != CUT_WRITE) {
        cut_step(fix.db);
        io_hand_over(fix.io);
        held_io_run(fix.io, JOB_SAVE); /* looks at what was there */
        while (fix.db->cut.phase != CUT_WRITE && held_io_deliver(fix.io)) {
        }
    }
    /* One slice of 64, then the save is delivered; the rest is void. */
    assert_non_null(fix.db->expiry.found);
    io_hand_over(fix.io);
    held_io_run(fix.io, JOB_SAVE);
    held_io_deliver_all(fix.io);
    finish_cut(&fix);
    assert_null(fix.db->expiry.found);
    assert_true(fix_evict(&fix, "key:150"));
    assert_true(fix_evict(&fix, "key:151"));
    fix_expire_all(&fix);
    assert_int_equal(fix_count(&fix), 2);
    assert_true(fix_is_text(&fix, "key:150", "new"));
    assert_true(fix_is_text(&fix, "key:151", "new"));
    assert_int_equal(inspect_clean(&fix).expiries, 1);
    assert_true(fix_evict(&fix, "key:151"));
    fix.now_ms += 7; /* which lies where the search has been */
    fix_expire_all(&fix);
    assert_int_equal(inspect_clean(&fix).keys[0], 1);
    fix_deinit(&fix);
}

static void a_deadline_before_the_place_is_found(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fix_set(&fix, "late", SLICE_LITERAL("1"), fix.now_ms + 5000);
    fix_flush(&fix);
    fix_expire_all(&fix); /* it stands at "late" */
    fix_set(&fix, "early", SLICE_LITERAL("1"), fix.now_ms + 1000);
    fix_flush(&fix);
    assert_true(fix_evict(&fix, "early"));
    fix.now_ms += 1000;
    fix_expire_all(&fix);
    assert_int_equal(fix_count(&fix), 1);
    assert_int_equal(inspect_clean(&fix).expiries, 1);
    fix_deinit(&fix);
}

/* The same, by a cut whose batch is written while a job waits to begin behind
 * it: what the job says of the place is too far. */
static void a_deadline_before_a_job_in_flight_is_found(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fix_set(&fix, "late", SLICE_LITERAL("1"), fix.now_ms + 2000);
    fix_flush(&fix);
    fix_expire_all(&fix);
    fix_set(&fix, "early", SLICE_LITERAL("1"), fix.now_ms + 1000);
    go_to_write(&fix);
    fix.now_ms += 2000;
    assert_true(fix_evict(&fix, "late"));
    db_set_now(fix.db, fix.now_ms);
    fix.db->expiry.more = true;
    expire_turn(fix.db);
    assert_true(fix.db->expiry.running);
    io_hand_over(fix.io);
    assert_true(held_io_run(fix.io, JOB_SAVE));
    run_background(&fix);
    held_io_deliver_all(fix.io);
    finish_cut(&fix);
    assert_true(fix_evict(&fix, "early"));
    fix_expire_all(&fix);
    assert_int_equal(fix_count(&fix), 0);
    assert_int_equal(inspect_clean(&fix).expiries, 0);
    fix_deinit(&fix);
}

/* Deleted, or given another deadline, in a cut that is on its way. */
static void what_a_cut_takes_away_is_left_to_it(void **state)
{
    struct fix   fix;
    struct heard heard;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    go_cold(&fix, 3);
    fix_expire(&fix, "key:0", fix.now_ms + 5 * COLD_MS);
    assert_true(fix_del(&fix, "key:1"));
    go_to_write(&fix);
    hear(&fix, &heard);
    fix.now_ms += COLD_MS;
    search(&fix); /* before the save is run */
    assert_int_equal(fix.db->cut.phase, CUT_WRITE);
    held_io_deliver_all(fix.io);
    fix_settle(&fix);
    assert_int_equal(heard.expired, 1);
    fix_expire_all(&fix);
    assert_int_equal(heard.expired, 1);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 1);
    assert_int_equal(found.expiries, 1);
    fix_deinit(&fix);
}

static void a_load_in_flight_finds_it_gone(void **state)
{
    struct fix   fix;
    struct heard heard;
    struct cmd   cmd;

    (void)state;
    begin(&fix, 1);
    hear(&fix, &heard);
    db_wait_init(&cmd.wait);
    assert_int_equal(cmd_acquire(&fix, &cmd, "key:0", DB_NEED_VALUE),
                     DB_PARKED);
    search(&fix);
    held_io_deliver_all(fix.io);
    fix_turn(&fix);
    fix_turn(&fix);
    assert_true(cmd.ready);
    assert_int_equal(cmd_acquire(&fix, &cmd, "key:0", DB_NEED_VALUE),
                     DB_READY);
    struct db_key at = fix_key(&fix, "key:0");
    assert_null(db_look(fix.db, &at, true));
    db_release(fix.db, &cmd.wait);
    fix_settle(&fix); /* the load comes back */
    assert_int_equal(heard.expired, 1);
    fix_expire_all(&fix);
    assert_int_equal(heard.expired, 1);
    assert_int_equal(inspect_clean(&fix).keys[0], 0);
    fix_deinit(&fix);
}

static void one_that_is_in_memory_too_goes_once(void **state)
{
    struct fix   fix;
    struct heard heard;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    go_cold(&fix, 2);
    fix_set_large(&fix, "large", 1, 5 * STRING_CHUNK, fix.now_ms + COLD_MS);
    fix_flush(&fix);
    assert_true(fix_evict(&fix, "large"));
    fix_expire(&fix, "large", fix.now_ms + COLD_MS); /* its header */
    assert_true(fix_is_text(&fix, "key:1", "v"));
    hear(&fix, &heard);
    fix.now_ms += COLD_MS;
    fix.db->expiry.sweep_more = true; /* the search comes first */
    db_cron(fix.db, fix.now_ms);
    run_background(&fix);
    held_io_deliver_all(fix.io);
    fix_expire_all(&fix);
    assert_int_equal(heard.expired, 3);
    fix_collect_garbage(&fix);
    assert_int_equal(inspect_clean(&fix).keys[0], 0);
    fix_deinit(&fix);
}

/* --- databases ----------------------------------------------------------- */

static void emptied_and_swapped_meanwhile(void **state)
{
    struct fix   fix;
    struct heard heard;

    (void)state;
    begin(&fix, 300);
    search(&fix);
    hear(&fix, &heard);
    db_flush_space(fix.db, db_space(fix.db, 0));
    held_io_deliver_all(fix.io);
    fix_settle(&fix);
    assert_int_equal(heard.expired, 0);
    fix_expire_all(&fix);
    fix_collect_garbage(&fix);
    assert_int_equal(inspect_clean(&fix).expiries, 0);

    go_cold(&fix, 300);
    fix.now_ms += COLD_MS;
    search(&fix);
    db_swap_spaces(fix.db, db_space(fix.db, 0), db_space(fix.db, 1));
    fix_set_text(&fix, "key:1", "of the other one");
    held_io_deliver_all(fix.io);
    fix_expire_all(&fix);
    assert_int_equal(heard.expired, 300);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 1);
    assert_int_equal(found.keys[1], 0);
    fix_deinit(&fix);
}

/* A flush of a database that no cut has said yet did not happen, if the
 * process ends: nothing of it may be gone. */
static void emptied_but_not_on_disk_yet(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix, 10);
    struct db_key     other = fix_key_in(&fix, 1, "other");
    struct entry_spec spec = { .presence = ENTRY_PRESENT,
                               .value = SLICE_LITERAL("v"),
                               .deadline_ms = fix.now_ms + COLD_MS };
    db_put(fix.db, &other, &spec, "set"); /* else there is no search */
    fix_flush(&fix);
    db_flush_space(fix.db, db_space(fix.db, 0));
    search(&fix);
    fix_close(&fix);
    fix.now_ms -= COLD_MS;
    fix_open(&fix);
    assert_int_equal(inspect_clean(&fix).expiries, 11);
    fix_deinit(&fix);
}

/* --- what stops it ------------------------------------------------------- */

static void expect_nothing(struct fix *fix)
{
    db_cron(fix->db, fix->now_ms);
    run_background(fix);
    held_io_deliver_all(fix->io);
    db_turn(fix->db, fix->now_ms);
    db_turn(fix->db, fix->now_ms);
    assert_int_equal(fix_count(fix), 10);
}

static void what_stops_it(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix, 10);
    for (int when = 0; when < 2; when++) {
        db_set_active_expire(fix.db, false);
        expect_nothing(&fix);
        db_set_active_expire(fix.db, true);
        db_pause_expiry(fix.db, true);
        expect_nothing(&fix);
        db_pause_expiry(fix.db, false);
        db_freeze(fix.db, true);
        expect_nothing(&fix);
        db_freeze(fix.db, false);
        /* And once more, with what was found already. */
        if (when == 0)
            search(&fix);
    }
    fix_expire_all(&fix);
    assert_int_equal(inspect_clean(&fix).keys[0], 0);
    fix_deinit(&fix);
}

static void a_failed_write_between_loses_nothing(void **state)
{
    struct fix   fix;
    struct heard heard;

    (void)state;
    begin(&fix, 500);
    hear(&fix, &heard);
    for (int round = 0; round < 2; round++) {
        fault_fail(fix.store, FAULT_WRITE, 0, 1, ERR_IO, round == 1);
        db_cron(fix.db, fix.now_ms);
        run_background(&fix);
        held_io_deliver_all(fix.io);
        fix_turn(&fix);
        db_flush_soon(fix.db);
        fix_settle(&fix);
    }
    for (int i = 0; fix_stats(&fix).failing; i++) {
        assert_in_range(i, 0, 100);
        fix.now_ms += 3000;
        db_cron(fix.db, fix.now_ms);
        fix_settle(&fix);
    }
    fix_expire_all(&fix);
    assert_int_equal(heard.expired, 500);
    assert_int_equal(fix_count(&fix), 0);
    assert_int_equal(inspect_clean(&fix).keys[0], 0);
    fix_deinit(&fix);
}

static void it_leaves_half_of_the_epoch_to_clients(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 64 * 1024);
    go_cold(&fix, 2000);
    fix.now_ms += COLD_MS;
    cut_begin(fix.db); /* one in flight, so that none is begun */
    db_cron(fix.db, fix.now_ms);
    for (int i = 0; i < 50; i++) {
        run_background(&fix);
        held_io_deliver_all(fix.io);
        expire_turn(fix.db);
    }
    assert_in_range(fix_stats(&fix).dirty_bytes, 20 * 1024, 40 * 1024);
    assert_false(expire_has_step(fix.db));
    assert_true(fix.db->flush_wanted);
    fix_expire_all(&fix);
    assert_int_equal(inspect_clean(&fix).keys[0], 0);
    fix_deinit(&fix);
}

/* --- restarts, clocks, damage -------------------------------------------- */

static void a_restart_begins_at_the_first(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix, 700);
    db_cron(fix.db, fix.now_ms);
    run_background(&fix);
    held_io_deliver_all(fix.io);
    fix_turn(&fix); /* a part of it, not flushed */
    fix_close(&fix);
    fix_open(&fix);
    assert_int_equal(fix_count(&fix), 700);
    fix_expire_all(&fix);
    assert_int_equal(inspect_clean(&fix).keys[0], 0);
    fix_deinit(&fix);
}

/* Told and flushed: they stay away, whatever the clock says later. Not told
 * yet: they are alive again. */
static void the_clock_is_set_back_over_a_restart(void **state)
{
    struct fix fix;

    (void)state;
    begin(&fix, 20);
    fix_expire_all(&fix);
    fix_set(&fix, "not told", SLICE_LITERAL("1"), fix.now_ms + COLD_MS);
    fix_flush(&fix);
    fix_close(&fix);
    fix.now_ms -= 5 * COLD_MS;
    fix_open(&fix);
    assert_int_equal(fix_count(&fix), 1);
    assert_true(fix_is_text(&fix, "key:3", NULL));
    assert_true(fix_is_text(&fix, "not told", "1"));
    fix_deinit(&fix);
}

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

static void damage_expiry_record(struct fix *fix, const char *key,
                                 int64_t deadline_ms, bool its_key_record)
{
    struct buf    record_key, expiry_key;
    struct db_key at = fix_key(fix, key);
    buf_init(&record_key, SIZE_MAX);
    buf_init(&expiry_key, SIZE_MAX);
    record_key_key(&record_key, at.space->id, at.hash, at.key);
    record_expiry_key(&expiry_key, deadline_ms, buf_slice(&record_key));
    damage(fix, buf_slice(its_key_record ? &record_key : &expiry_key));
    buf_deinit(&record_key);
    buf_deinit(&expiry_key);
}

static void a_damaged_expiry_record_is_no_obstacle(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    go_cold(&fix, 5);
    damage_expiry_record(&fix, "key:2", fix.now_ms + COLD_MS, false);
    fix.now_ms += COLD_MS;
    fix_expire_all(&fix);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 0);
    assert_int_equal(found.expiries, 0);
    fix_deinit(&fix);
}

/* The key's record could not be read when it was replaced; its expiry record
 * stayed behind, and must not take the new value away. */
static void what_replaced_a_damaged_record_lives(void **state)
{
    struct fix fix;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    go_cold(&fix, 5);
    damage_expiry_record(&fix, "key:2", fix.now_ms + COLD_MS, true);
    fix_set_text(&fix, "key:2", "new");
    fix_flush(&fix);
    fix_close(&fix);
    fix_open(&fix); /* it is not forgotten */
    fix.now_ms += COLD_MS;
    fix_expire_all(&fix);
    assert_true(fix_is_text(&fix, "key:2", "new"));
    struct records *found = inspect(&fix);
    assert_int_equal(found->keys[0], 1);
    assert_int_equal(found->expiries, 0);
    free(found);
    fix_deinit(&fix);
}

static void rewriting_deadlines_leaves_nothing(void **state)
{
    struct fix fix;
    char       text[32];

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    go_cold(&fix, 50);
    for (int round = 1; round < 20; round++) {
        for (unsigned i = 0; i < 50; i++)
            fix_expire(&fix, name(text, i),
                       i % 7 == 0 && round % 2 == 0
                           ? 0
                           : fix.now_ms + COLD_MS + round * 13 + i);
        if (round % 3 != 0)
            fix_flush(&fix);
        for (unsigned i = 0; i < 50; i += 2)
            (void)fix_evict(&fix, name(text, i));
    }
    fix_flush(&fix);
    struct records found = inspect_clean(&fix);
    assert_int_equal(found.keys[0], 50);
    assert_int_equal(found.expiries, 50);
    int64_t ttl = db_avg_ttl_ms(fix.db, db_space(fix.db, 0));
    assert_in_range(ttl, COLD_MS, COLD_MS + 300);
    assert_int_equal(db_avg_ttl_ms(fix.db, db_space(fix.db, 1)), 0);
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_go_and_are_told_once),
        cmocka_unit_test(counts_fall_at_once),
        cmocka_unit_test(pages_go_too),
        cmocka_unit_test(a_key_that_is_written_meanwhile_stays),
        cmocka_unit_test(one_that_is_flushed_meanwhile_stays),
        cmocka_unit_test(a_deadline_before_the_place_is_found),
        cmocka_unit_test(a_deadline_before_a_job_in_flight_is_found),
        cmocka_unit_test(what_a_cut_takes_away_is_left_to_it),
        cmocka_unit_test(a_load_in_flight_finds_it_gone),
        cmocka_unit_test(one_that_is_in_memory_too_goes_once),
        cmocka_unit_test(emptied_and_swapped_meanwhile),
        cmocka_unit_test(emptied_but_not_on_disk_yet),
        cmocka_unit_test(what_stops_it),
        cmocka_unit_test(a_failed_write_between_loses_nothing),
        cmocka_unit_test(it_leaves_half_of_the_epoch_to_clients),
        cmocka_unit_test(a_restart_begins_at_the_first),
        cmocka_unit_test(the_clock_is_set_back_over_a_restart),
        cmocka_unit_test(a_damaged_expiry_record_is_no_obstacle),
        cmocka_unit_test(what_replaced_a_damaged_record_lives),
        cmocka_unit_test(rewriting_deadlines_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
