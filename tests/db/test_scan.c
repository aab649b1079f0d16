/* test_scan.c - going over all keys: the overlay, the store, and what happens
 * between the two looks; walks over a snapshot; a random key. */
#include "db/db_test.h"

#define KEYS 150
#define SOON 1000 /* ms */

/* A SCAN, KEYS or RANDOMKEY under way. */
struct scan {
    struct cmd             cmd;
    struct db_scan_request request;
    enum db_verdict        verdict;
};

static void scan_init(struct fix *fix, struct scan *scan)
{
    *scan = (struct scan){ .request = { .space = db_space(fix->db, 0),
                                        .count = 10,
                                        .pattern = SLICE_LITERAL("*"),
                                        .type = DB_ANY_TYPE,
                                        .most_bytes = SIZE_MAX } };
    db_wait_init(&scan->cmd.wait);
}

/* Asks once more. */
static enum db_verdict scan_try(struct fix *fix, struct scan *scan)
{
    scan->cmd.ready = false;
    scan->verdict = db_scan(fix->db, &scan->cmd.wait, &scan->request, false);
    return scan->verdict;
}

/* Saves run, loads (and scans) don't. */
static void flush_only(struct fix *fix)
{
    db_flush_soon(fix->db);
    while (!db_is_clean(fix->db)) {
        fix_turn(fix);
        while (held_io_run(fix->io, JOB_SAVE))
            held_io_deliver_all(fix->io);
    }
}

static enum db_verdict scan_end(struct fix *fix, struct scan *scan)
{
    while (scan->verdict == DB_PARKED) {
        for (int i = 0; !scan->cmd.ready; i++) {
            assert_in_range(i, 0, 1000);
            io_drain(fix->io);
            fix_turn(fix);
        }
        scan_try(fix, scan);
    }
    return scan->verdict;
}

/* Gives what was found, "a b c", and releases. */
static const char *scan_found(struct fix *fix, struct scan *scan)
{
    static char text[4096];
    size_t      len = 0;
    slice       key;
    assert_int_equal(scan_end(fix, scan), DB_READY);
    text[0] = '\0';
    while (db_scan_next(fix->db, &scan->cmd.wait, &key))
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s",
                                len > 0 ? " " : "", (int)key.len, key.data);
    scan->request.cursor = db_scan_cursor(&scan->cmd.wait);
    db_release(fix->db, &scan->cmd.wait);
    return text;
}

static const char *scan_all(struct fix *fix)
{
    struct scan scan;
    scan_init(fix, &scan);
    scan.request.count = 1000;
    scan_try(fix, &scan);
    return scan_found(fix, &scan);
}

static void evict(struct fix *fix, const char *key)
{
    assert_true(fix_evict(fix, key));
    assert_null(fix_state(fix, key));
}

/* An overlay from now on. */
static void warm_up(struct fix *fix)
{
    assert_string_equal(scan_all(fix), "");
    assert_non_null(db_space(fix->db, 0)->overlay);
}

/* --- the overlay --------------------------------------------------------- */

static void the_first_scan_waits_for_what_is_dirty(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    fix_set_text(&fix, "a", "1");
    assert_null(db_space(fix.db, 0)->overlay);
    scan_init(&fix, &scan);
    assert_int_equal(scan_try(&fix, &scan), DB_PARKED);
    assert_int_equal(scan.cmd.wait.state, DB_WAIT_CUT);
    assert_string_equal(scan_found(&fix, &scan), "a");
    assert_int_equal(scan.request.cursor, 0);

    fix_set_text(&fix, "b", "1"); /* a later one waits for no cut */
    scan_try(&fix, &scan);
    assert_int_equal(scan.cmd.wait.state, DB_WAIT_SCAN);
    const char *found = scan_found(&fix, &scan);
    assert_true(strcmp(found, "a b") == 0 || strcmp(found, "b a") == 0);
    assert_string_equal(fix_state(&fix, "b"), "dirty");
    fix_deinit(&fix);
}

static size_t overlay_size(struct fix *fix)
{
    db_check(fix->db);
    return (size_t)overlay_count(db_space(fix->db, 0));
}

static void it_holds_what_the_disk_says_otherwise(void **state)
{
    struct fix fix;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    assert_true(fix_is_text(&fix, "a", NULL)); /* known not to be on disk */
    fix_set_text(&fix, "a", "1");
    assert_int_equal(overlay_size(&fix), 1);
    assert_true(fix_del(&fix, "a"));
    assert_int_equal(overlay_size(&fix), 0);
    fix_set_text(&fix, "a", "1");
    fix_flush(&fix);
    assert_int_equal(overlay_size(&fix), 0);
    fix_set_text(&fix, "a", "2"); /* only its value */
    assert_int_equal(overlay_size(&fix), 0);
    fix_expire(&fix, "a", fix.now_ms + SOON);
    assert_int_equal(overlay_size(&fix), 1);
    fix_flush(&fix);
    assert_int_equal(overlay_size(&fix), 0);
    assert_true(fix_del(&fix, "a"));
    assert_int_equal(overlay_size(&fix), 1);
    fix_flush(&fix);
    assert_int_equal(overlay_size(&fix), 0);
    fix_set_text(&fix, "b", "1");
    db_flush_space(fix.db, db_space(fix.db, 0));
    assert_null(db_space(fix.db, 0)->overlay);
    fix_deinit(&fix);
}

static void changed_again_it_stays(void **state)
{
    struct fix fix;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fix_set_text(&fix, "a", "1");
    db_flush_soon(fix.db);
    fix_turn(&fix); /* captured */
    assert_true(fix_del(&fix, "a"));
    fix_set_text(&fix, "a", "2");
    assert_int_equal(overlay_size(&fix), 1);
    while (held_io_run(fix.io, JOB_SAVE))
        held_io_deliver_all(fix.io);
    for (int i = 0; i < 3; i++)
        fix_turn(&fix);
    assert_int_equal(overlay_size(&fix), 1); /* dirty again */
    fix_flush(&fix);
    assert_int_equal(overlay_size(&fix), 0);
    fix_deinit(&fix);
}

static void unused_it_goes(void **state)
{
    struct fix fix;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fix_set_text(&fix, "a", "1");
    fix.now_ms += 5 * 60 * 1000;
    db_cron(fix.db, fix.now_ms);
    assert_non_null(db_space(fix.db, 0)->overlay);
    fix.now_ms += 1;
    db_cron(fix.db, fix.now_ms);
    assert_null(db_space(fix.db, 0)->overlay);
    assert_string_equal(scan_all(&fix), "a");
    fix_deinit(&fix);
}

static void too_large_it_goes(void **state)
{
    struct fix fix;
    char       key[2000];
    (void)state;
    fix_init(&fix, 4 * MB, MB);
    warm_up(&fix);
    memset(key, 'k', sizeof(key));
    for (int i = 0; i < 500; i++) {
        snprintf(key + sizeof(key) - 10, 10, "%d", i);
        fix_set_text(&fix, key, "1");
    }
    assert_null(db_space(fix.db, 0)->overlay);
    struct scan scan;
    slice       found;
    size_t      count = 0;
    scan_init(&fix, &scan);
    scan.request.count = 1000;
    do {
        scan_try(&fix, &scan);
        assert_int_equal(scan_end(&fix, &scan), DB_READY);
        while (db_scan_next(fix.db, &scan.cmd.wait, &found))
            count++;
        scan.request.cursor = db_scan_cursor(&scan.cmd.wait);
        db_release(fix.db, &scan.cmd.wait);
    } while (scan.request.cursor != 0);
    assert_int_equal(count, 500);
    fix_deinit(&fix);
}

static void a_swapped_database_takes_it_along(void **state)
{
    struct fix fix;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fix_set_text(&fix, "a", "1");
    db_swap_spaces(fix.db, db_space(fix.db, 0), db_space(fix.db, 1));
    assert_null(db_space(fix.db, 0)->overlay);
    assert_int_equal(overlay_count(db_space(fix.db, 1)), 1);
    db_check(fix.db);
    assert_string_equal(scan_all(&fix), "");
    fix_deinit(&fix);
}

/* --- between the two looks ------------------------------------------------ */

/* Parked, and the overlay has been looked at. */
static void look_at_overlay(struct fix *fix, struct scan *scan)
{
    scan_init(fix, scan);
    assert_int_equal(scan_try(fix, scan), DB_PARKED);
    assert_int_equal(scan->cmd.wait.state, DB_WAIT_SCAN);
}

static void a_new_key_that_is_flushed_and_evicted(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fix_set_text(&fix, "new", "1");
    look_at_overlay(&fix, &scan);
    flush_only(&fix);
    evict(&fix, "new");
    assert_string_equal(scan_found(&fix, &scan), "new");

    /* And the other way round: looked at when it was on disk already. */
    look_at_overlay(&fix, &scan);
    fix_set_text(&fix, "new", "2");
    flush_only(&fix);
    evict(&fix, "new");
    assert_string_equal(scan_found(&fix, &scan), "new");
    fix_deinit(&fix);
}

/* Deleted before the scan began: the delete is only in memory then, is written
 * after the store was looked at, and forgotten before it answers. */
static void a_deleted_key_that_is_flushed_and_evicted(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fix_set_text(&fix, "gone", "1");
    fix_set_text(&fix, "kept", "1");
    fix_flush(&fix);
    assert_true(fix_del(&fix, "gone"));
    look_at_overlay(&fix, &scan);
    io_hand_over(fix.io);
    assert_true(held_io_run(fix.io, JOB_LOAD)); /* not delivered */
    db_flush_soon(fix.db);
    while (!db_is_clean(fix.db)) {
        fix_turn(&fix);
        io_drain(fix.io);
    }
    fix_evict(&fix, "gone");
    assert_null(fix_state(&fix, "gone"));
    assert_string_equal(scan_found(&fix, &scan), "kept");
    fix_deinit(&fix);
}

/* The delete is being written, so nobody knows what is on disk. */
static void deleted_again_while_a_delete_is_written(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fix_set_text(&fix, "gone", "1");
    fix_flush(&fix);
    assert_true(fix_del(&fix, "gone"));
    db_flush_soon(fix.db);
    fix_turn(&fix);
    assert_string_equal(fix_state(&fix, "gone"), "absent");
    fix_set_text(&fix, "gone", "2");
    assert_true(fix_del(&fix, "gone"));
    look_at_overlay(&fix, &scan);
    io_hand_over(fix.io);
    assert_true(held_io_run(fix.io, JOB_LOAD)); /* the record is still there */
    fix_flush(&fix);
    fix_evict(&fix, "gone");
    assert_null(fix_state(&fix, "gone"));
    assert_string_equal(scan_found(&fix, &scan), "");
    fix_deinit(&fix);
}

static void a_key_that_is_deleted_meanwhile(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fix_set_text(&fix, "a", "1");
    fix_flush(&fix);
    look_at_overlay(&fix, &scan);
    io_drain(fix.io);
    assert_true(fix_del(&fix, "a"));
    assert_string_equal(scan_found(&fix, &scan), "");
    fix_deinit(&fix);
}

static void deadlines_are_those_of_memory(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    db_set_active_expire(fix.db, false);
    warm_up(&fix);
    fix_set(&fix, "soon", SLICE_LITERAL("1"), fix.now_ms + SOON);
    fix_set(&fix, "longer", SLICE_LITERAL("1"), fix.now_ms + SOON);
    fix_flush(&fix);
    evict(&fix, "soon");
    fix_expire(&fix, "longer", 0);
    fix.now_ms += SOON;
    fix_turn(&fix);
    look_at_overlay(&fix, &scan);
    io_hand_over(fix.io);
    assert_true(held_io_run(fix.io, JOB_LOAD));
    flush_only(&fix);
    evict(&fix, "longer");
    assert_string_equal(scan_found(&fix, &scan), "longer");
    fix_deinit(&fix);
}

static void types_are_those_of_memory(void **state)
{
    struct fix    fix;
    struct scan   scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fix_set_text(&fix, "a", "1");
    fix_flush(&fix);
    struct db_key     key = fix_key(&fix, "a");
    struct db_edit    edit;
    assert_true(fix_del(&fix, "a"));
    struct object *list = db_edit_begin(fix.db, &key, OBJ_LIST, &edit);
    assert_int_equal(tree_insert_at(list->tree, 0, SLICE_LITERAL("x")),
                     ERR_OK);
    db_edit_end(&edit, "rpush");
    scan_init(&fix, &scan);
    scan.request.type = OBJ_LIST;
    assert_int_equal(scan_try(&fix, &scan), DB_PARKED);
    flush_only(&fix);
    evict(&fix, "a");
    assert_string_equal(scan_found(&fix, &scan), "a");
    scan.request.type = OBJ_STRING;
    scan_try(&fix, &scan);
    assert_string_equal(scan_found(&fix, &scan), "");
    fix_deinit(&fix);
}

static void a_database_that_is_emptied_meanwhile(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fix_set_text(&fix, "a", "1");
    fix_flush(&fix);
    look_at_overlay(&fix, &scan);
    io_drain(fix.io);
    db_flush_space(fix.db, db_space(fix.db, 0));
    fix_set_text(&fix, "b", "1");
    assert_string_equal(scan_found(&fix, &scan), "b");
    fix_deinit(&fix);
}

static void a_client_that_goes(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fix_set_text(&fix, "a", "1");
    for (int whole = 0; whole < 2; whole++) {
        for (int step = 0; step < 4; step++) {
            fix_flush(&fix);
            scan_init(&fix, &scan);
            scan.request.whole = whole != 0;
            assert_int_equal(scan_try(&fix, &scan), DB_PARKED);
            if (step > 0)
                io_hand_over(fix.io);
            if (step > 1)
                assert_true(held_io_run(fix.io, JOB_LOAD));
            if (step > 2)
                held_io_deliver_all(fix.io);
            db_release(fix.db, &scan.cmd.wait);
            io_drain(fix.io);
            assert_null(fix.db->walk);
            assert_int_equal(fix.mem.used_bytes[MEM_JOBS], 0);
        }
    }
    fix_deinit(&fix);
}

/* --- keys that are there all the time ------------------------------------- */

struct model {
    bool     exists[KEYS], was[KEYS], touched[KEYS];
    unsigned seen[KEYS];
};

static void name_of(char *out, unsigned i)
{
    snprintf(out, 16, "key:%u", i);
}

static void set_or_delete(struct fix *fix, struct model *model, unsigned i,
                          bool exists, int64_t deadline)
{
    char name[16];
    name_of(name, i);
    struct db_key     key = fix_key(fix, name);
    struct entry_spec spec = { .presence = exists ? ENTRY_PRESENT
                                                  : ENTRY_ABSENT,
                               .value = SLICE_LITERAL("value"),
                               .deadline_ms = deadline };
    db_put(fix->db, &key, &spec, "test");
    model->touched[i] |= model->exists[i] != exists;
    model->exists[i] = exists;
}

static void do_something(struct fix *fix, struct model *model,
                         struct rand *rand)
{
    unsigned i = (unsigned)rand_below(rand, KEYS);
    char     name[16];
    name_of(name, i);
    switch (rand_below(rand, 12)) {
    case 0: case 1: case 2:
        set_or_delete(fix, model, i, true, 0);
        break;
    case 3:
        set_or_delete(fix, model, i, true, fix->now_ms + 1000000);
        break;
    case 4: case 5:
        set_or_delete(fix, model, i, false, 0);
        break;
    case 6: case 7:
        fix_evict(fix, name);
        break;
    case 8:
        db_flush_soon(fix->db);
        fix_turn(fix);
        break;
    case 9:
        held_io_run(fix->io, JOB_SAVE);
        break;
    case 10:
        held_io_deliver(fix->io);
        break;
    case 11:
        held_io_run(fix->io, JOB_LOAD);
        break;
    }
}

static void note_found(struct fix *fix, struct model *model,
                       struct scan *scan)
{
    slice   key;
    int64_t i;
    while (db_scan_next(fix->db, &scan->cmd.wait, &key)) {
        assert_true(num_parse_int64(slice_make(key.data + 4, key.len - 4),
                                    &i));
        model->seen[i]++;
    }
    scan->request.cursor = db_scan_cursor(&scan->cmd.wait);
    db_release(fix->db, &scan->cmd.wait);
}

/* One full scan, anything happens meanwhile. */
static void scan_among_others(struct fix *fix, struct model *model,
                              struct rand *rand)
{
    struct scan scan;
    scan_init(fix, &scan);
    memcpy(model->was, model->exists, sizeof(model->was));
    memset(model->touched, 0, sizeof(model->touched));
    memset(model->seen, 0, sizeof(model->seen));
    do {
        scan.request.count = 1 + rand_below(rand, 30);
        while (scan_try(fix, &scan) == DB_PARKED)
            while (!scan.cmd.ready) {
                do_something(fix, model, rand);
                if (rand_below(rand, 8) == 0)
                    fix_turn(fix);
            }
        assert_int_equal(scan.verdict, DB_READY);
        note_found(fix, model, &scan);
        for (uint64_t i = rand_below(rand, 20); i > 0; i--)
            do_something(fix, model, rand);
    } while (scan.request.cursor != 0);
    for (unsigned i = 0; i < KEYS; i++) {
        if (model->touched[i])
            assert_in_range(model->seen[i], 0, 1);
        else
            assert_int_equal(model->seen[i], model->was[i]);
    }
}

static void what_is_there_all_the_time_comes_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct fix   fix;
        struct model model = { .exists = { false } };
        struct rand  rand;
        fix_init(&fix, 8 * MB, MB);
        rand_init(&rand, seed);
        for (int round = 0; round < 12; round++) {
            scan_among_others(&fix, &model, &rand);
            if (rand_below(&rand, 4) == 0) {
                fault_fail(fix.store, FAULT_WRITE, 0, 1, ERR_IO,
                           rand_below(&rand, 2) == 0);
                fix.now_ms += 5000; /* the next try is due */
                db_cron(fix.db, fix.now_ms);
            }
            if (rand_below(&rand, 6) == 0)
                overlay_drop(fix.db, db_space(fix.db, 0));
            db_check(fix.db);
        }
        fault_fail(fix.store, FAULT_WRITE, 0, 0, ERR_OK, false);
        fix_deinit(&fix);
    }
}

/* --- whole walks ---------------------------------------------------------- */

static void whole_init(struct fix *fix, struct scan *scan)
{
    scan_init(fix, scan);
    scan->request.whole = true;
}

static void a_walk_sees_one_instant(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    fix_set_text(&fix, "a", "1");
    whole_init(&fix, &scan);
    assert_int_equal(scan_try(&fix, &scan), DB_PARKED);
    assert_int_equal(scan.cmd.wait.state, DB_WAIT_CUT);
    flush_only(&fix);
    fix_turn(&fix);
    assert_int_equal(scan_try(&fix, &scan), DB_PARKED);
    assert_int_equal(scan.cmd.wait.state, DB_WAIT_SCAN);
    struct db_key a = fix_key(&fix, "a"), b = fix_key(&fix, "b");
    db_move(fix.db, &a, &b, "new", "rename_from"); /* later */
    flush_only(&fix);
    assert_string_equal(scan_found(&fix, &scan), "a");
    assert_null(fix.db->walk);
    fix_deinit(&fix);
}

static void one_walk_at_a_time(void **state)
{
    struct fix  fix;
    struct scan one, two;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    fix_set_text(&fix, "a", "1");
    fix_flush(&fix);
    whole_init(&fix, &one);
    whole_init(&fix, &two);
    assert_int_equal(scan_try(&fix, &one), DB_PARKED);
    assert_int_equal(scan_try(&fix, &two), DB_PARKED);
    assert_int_equal(two.cmd.wait.state, DB_WAIT_WALK);
    assert_int_equal(scan_end(&fix, &one), DB_READY);
    fix_set_text(&fix, "b", "1");
    assert_int_equal(two.cmd.wait.state, DB_WAIT_WALK);
    assert_string_equal(scan_found(&fix, &one), "a");
    const char *found = scan_found(&fix, &two);
    assert_true(strcmp(found, "a b") == 0 || strcmp(found, "b a") == 0);
    fix_deinit(&fix);
}

static void a_walk_survives_reopening(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    for (int i = 0; i < 2000; i++) {
        char key[16];
        name_of(key, (unsigned)i);
        fix_set_text(&fix, key, "1");
    }
    fix_flush(&fix);
    whole_init(&fix, &scan);
    assert_int_equal(scan_try(&fix, &scan), DB_PARKED);
    io_hand_over(fix.io);
    assert_true(held_io_run(fix.io, JOB_LOAD)); /* one slice */
    held_io_deliver_all(fix.io);
    fix_set_text(&fix, "more", "1");
    fault_fail(fix.store, FAULT_WRITE, 0, 1, ERR_IO, false);
    db_flush_soon(fix.db);
    /* Alone on the I/O side, before the next slice. */
    for (int i = 0; i < 10; i++) {
        fix_turn(&fix);
        if (held_io_run(fix.io, JOB_SAVE) || held_io_run(fix.io, JOB_EXCLUSIVE))
            held_io_deliver_all(fix.io);
    }
    struct fault_counts counts;
    fault_counts(fix.store, &counts);
    assert_int_equal(counts.reopens, 1);
    assert_int_equal(scan_end(&fix, &scan), DB_READY);
    slice  key;
    size_t count = 0;
    while (db_scan_next(fix.db, &scan.cmd.wait, &key))
        count++;
    assert_int_equal(count, 2000);
    db_release(fix.db, &scan.cmd.wait);
    fix_deinit(&fix);
}

static void names_are_bounded(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    for (int i = 0; i < 100; i++) {
        char key[16];
        name_of(key, (unsigned)i);
        fix_set_text(&fix, key, "1");
    }
    whole_init(&fix, &scan);
    scan.request.most_bytes = 1000;
    scan_try(&fix, &scan);
    assert_int_equal(scan_end(&fix, &scan), DB_FAILED);
    assert_int_equal(scan.cmd.wait.err, ERR_OOM);
    db_release(fix.db, &scan.cmd.wait);
    scan.request.pattern = SLICE_LITERAL("key:1*");
    scan_try(&fix, &scan);
    assert_int_equal(strlen(scan_found(&fix, &scan)),
                     11 * strlen("key:1x ") - 2);
    fix_deinit(&fix);
}

/* --- when the store fails ------------------------------------------------- */

static void it_is_answered_while_writes_fail(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    fix_set_text(&fix, "disk", "1");
    fix_flush(&fix);
    fix_set_text(&fix, "memory", "1");
    assert_true(fix_del(&fix, "disk"));
    fault_fail(fix.store, FAULT_WRITE, 0, -1, ERR_IO, false);
    scan_init(&fix, &scan);
    assert_int_equal(scan_try(&fix, &scan), DB_PARKED);
    assert_string_equal(scan_found(&fix, &scan), "memory");
    assert_true(fix_stats(&fix).failing);
    whole_init(&fix, &scan);
    scan_try(&fix, &scan);
    assert_string_equal(scan_found(&fix, &scan), "memory");
    fix_deinit(&fix);
}

static void an_error_of_the_disk_is_told(void **state)
{
    struct fix  fix;
    struct scan scan;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    warm_up(&fix);
    fault_fail(fix.store, FAULT_ITER, 0, 1, ERR_IO, false);
    scan_init(&fix, &scan);
    scan_try(&fix, &scan);
    assert_int_equal(scan_end(&fix, &scan), DB_FAILED);
    assert_int_equal(scan.cmd.wait.err, ERR_IO);
    db_release(fix.db, &scan.cmd.wait);
    assert_string_equal(scan_all(&fix), "");
    fix_deinit(&fix);
}

static void here_and_now(void **state)
{
    struct fix     fix;
    struct scan    scan;
    struct rand    rand;
    struct db_wait wait;
    slice          key;
    (void)state;
    fix_init(&fix, 8 * MB, MB);
    rand_init(&rand, 1);
    fix_set_text(&fix, "gone", "1");
    fix_flush(&fix);
    assert_true(fix_del(&fix, "gone"));
    fix_set_text(&fix, "a", "1");
    for (int whole = 0; whole < 2; whole++) {
        scan_init(&fix, &scan);
        scan.request.whole = whole != 0;
        assert_int_equal(db_scan(fix.db, &scan.cmd.wait, &scan.request, true),
                         DB_READY);
        scan.verdict = DB_READY;
        assert_string_equal(scan_found(&fix, &scan), "a");
        overlay_drop(fix.db, db_space(fix.db, 0));
    }
    db_wait_init(&wait);
    assert_int_equal(db_random_key(fix.db, &wait, db_space(fix.db, 0), &rand,
                                   true, &key),
                     DB_READY);
    assert_true(slice_equal(key, SLICE_LITERAL("a")));
    db_release(fix.db, &wait);
    assert_string_equal(fix_state(&fix, "a"), "dirty");
    fix_deinit(&fix);
}

/* --- a random key --------------------------------------------------------- */

static bool random_key(struct fix *fix, struct rand *rand, char *out)
{
    struct cmd      cmd = { .ready = false };
    slice           key;
    enum db_verdict verdict;
    db_wait_init(&cmd.wait);
    while ((verdict = db_random_key(fix->db, &cmd.wait, db_space(fix->db, 0),
                                    rand, false, &key)) == DB_PARKED) {
        for (int i = 0; !cmd.ready; i++) {
            assert_in_range(i, 0, 1000);
            io_drain(fix->io);
            fix_turn(fix);
        }
        cmd.ready = false;
    }
    assert_int_equal(verdict, DB_READY);
    if (key.data != NULL)
        snprintf(out, 32, "%.*s", (int)key.len, key.data);
    db_release(fix->db, &cmd.wait);
    return key.data != NULL;
}

/* Chi-square of draws over keys of which some are in one slot, some not on disk
 * (those above `flushed`), and of the deleted ones, a third, none may come. */
static void draw_evenly(unsigned keys, unsigned tagged, unsigned flushed)
{
    struct fix  fix;
    struct rand rand;
    char        name[32];
    unsigned   *seen = calloc(keys, sizeof(*seen)), draws = 20 * keys;
    fix_init(&fix, 16 * MB, 4 * MB);
    rand_init(&rand, 7);
    warm_up(&fix);
    for (unsigned i = 0; i < keys; i++) {
        snprintf(name, sizeof(name), i < tagged ? "{t}:%u" : "k::%u:x", i);
        fix_set_text(&fix, name, "1");
        if (i + 1 == flushed)
            fix_flush(&fix);
    }
    for (unsigned i = 0; i < draws; i++) {
        assert_true(random_key(&fix, &rand, name));
        unsigned at = (unsigned)strtoul(strrchr(name, ':') + 1, NULL, 10);
        if (name[0] == 'k')
            at = (unsigned)strtoul(name + 3, NULL, 10);
        assert_in_range(at, 0, keys - 1);
        seen[at]++;
    }
    double chi = 0, expected = (double)draws / keys;
    for (unsigned i = 0; i < keys; i++)
        chi += (seen[i] - expected) * (seen[i] - expected) / expected;
    /* Normal for so many: 4.9 deviations above the mean is one in a million. */
    double mean = keys - 1, above = chi - mean;
    assert_true(above <= 0 || above * above < 4.9 * 4.9 * 2 * mean);
    free(seen);
    fix_deinit(&fix);
}

static void each_key_has_the_same_chance(void **state)
{
    (void)state;
    draw_evenly(400, 0, 400);
    draw_evenly(400, 300, 400); /* most in one slot */
    draw_evenly(400, 300, 200); /* half of them only in memory */
    draw_evenly(400, 0, 100);
    draw_evenly(7, 3, 4);
}

static void the_last_key_is_found(void **state)
{
    struct fix  fix;
    struct rand rand;
    char        name[32];
    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    rand_init(&rand, 1);
    assert_false(random_key(&fix, &rand, name));
    for (unsigned i = 0; i < 3000; i++) {
        name_of(name, i);
        fix_set(&fix, name, SLICE_LITERAL("1"),
                i == 1234 ? 0 : fix.now_ms + SOON);
    }
    fix_flush(&fix);
    db_set_active_expire(fix.db, false);
    fix.now_ms += SOON; /* nearly all are past their deadline */
    assert_true(random_key(&fix, &rand, name));
    assert_string_equal(name, "key:1234");
    assert_true(fix_del(&fix, name));
    assert_false(random_key(&fix, &rand, name));
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_scan_waits_for_what_is_dirty),
        cmocka_unit_test(it_holds_what_the_disk_says_otherwise),
        cmocka_unit_test(changed_again_it_stays),
        cmocka_unit_test(unused_it_goes),
        cmocka_unit_test(too_large_it_goes),
        cmocka_unit_test(a_swapped_database_takes_it_along),
        cmocka_unit_test(a_new_key_that_is_flushed_and_evicted),
        cmocka_unit_test(a_deleted_key_that_is_flushed_and_evicted),
        cmocka_unit_test(deleted_again_while_a_delete_is_written),
        cmocka_unit_test(a_key_that_is_deleted_meanwhile),
        cmocka_unit_test(deadlines_are_those_of_memory),
        cmocka_unit_test(types_are_those_of_memory),
        cmocka_unit_test(a_database_that_is_emptied_meanwhile),
        cmocka_unit_test(a_client_that_goes),
        cmocka_unit_test(what_is_there_all_the_time_comes_once),
        cmocka_unit_test(a_walk_sees_one_instant),
        cmocka_unit_test(one_walk_at_a_time),
        cmocka_unit_test(a_walk_survives_reopening),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(it_is_answered_while_writes_fail),
        cmocka_unit_test(an_error_of_the_disk_is_told),
        cmocka_unit_test(here_and_now),
        cmocka_unit_test(each_key_has_the_same_chance),
        cmocka_unit_test(the_last_key_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
