/* test_park.c - whoever waits gets what he waits for, the oldest first; who
 * goes away leaves nothing behind. */
#include "db/db_test.h"

#define KEYS      400
#define WAITS     50
#define WANTS_MAX 200
#define VALUE_LEN 8000

static char *name(char out[16], unsigned number)
{
    snprintf(out, 16, "key:%u", number);
    return out;
}

/* KEYS values on disk, none in memory. */
static void store_cold(struct fix *fix)
{
    char key[16];
    for (unsigned i = 0; i < KEYS; i++) {
        fix_set_large(fix, name(key, i), i, VALUE_LEN, 0);
        if (i % 16 == 15)
            fix_flush(fix);
    }
    fix_flush(fix);
    fix_close(fix);
    fix_open(fix);
}

/* An MGET of count keys from start on. */
struct mget {
    struct cmd cmd;
    unsigned   start, count, step;
    bool       finished;
};

static enum db_verdict mget_try(struct fix *fix, struct mget *mget)
{
    struct db_want wants[WANTS_MAX];
    char           names[WANTS_MAX][16];
    for (unsigned i = 0; i < mget->count; i++) {
        unsigned key = (mget->start + i * mget->step) % KEYS;
        wants[i] = (struct db_want){ .key = fix_key(fix, name(names[i], key)),
                                     .need = DB_NEED_VALUE };
    }
    mget->cmd.ready = false;
    enum db_verdict verdict =
        db_acquire(fix->db, &mget->cmd.wait, wants, mget->count);
    for (unsigned i = 0; verdict == DB_READY && i < mget->count; i++) {
        struct entry *entry = db_look(fix->db, &wants[i].key, true);
        assert_non_null(entry);
        unsigned key = (mget->start + i * mget->step) % KEYS;
        char    *bytes = fix_bytes(key, VALUE_LEN);
        assert_true(
            slice_equal(entry_value(entry), slice_make(bytes, VALUE_LEN)));
        free(bytes);
    }
    if (verdict != DB_PARKED) {
        db_release(fix->db, &mget->cmd.wait);
        mget->finished = true;
    }
    return verdict;
}

static struct mget *mgets_new(struct rand *rand, unsigned most)
{
    struct mget *mgets = calloc(WAITS, sizeof(*mgets));
    assert_non_null(mgets);
    for (unsigned i = 0; i < WAITS; i++) {
        db_wait_init(&mgets[i].cmd.wait);
        mgets[i].start = (unsigned)rand_below(rand, KEYS);
        mgets[i].count = 1 + (unsigned)rand_below(rand, most);
        mgets[i].step = 1 + (unsigned)rand_below(rand, 3);
    }
    return mgets;
}

/* One turn; whom it names ready tries again. Returns how many finished. */
static unsigned mgets_turn(struct fix *fix, struct mget *mgets)
{
    unsigned finished = 0;
    fix_turn(fix);
    for (unsigned i = 0; i < WAITS; i++)
        if (mgets[i].cmd.ready && !mgets[i].finished)
            finished += mget_try(fix, &mgets[i]) == DB_READY;
    return finished;
}

/* 50 commands of up to 200 cold keys, most in common; memory for one of the
 * largest, not for two. */
static void all_finish_in_memory_for_few(void **state)
{
    struct fix  fix;
    struct rand rand;

    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        rand_init(&rand, seed);
        fix_init(&fix, 4 * MB, MB);
        store_cold(&fix);
        fix.limit = WANTS_MAX * VALUE_LEN * 3 / 2 + MB;
        db_set_limit(fix.db, fix.limit, false);
        struct mget *mgets = mgets_new(&rand, WANTS_MAX);
        unsigned     finished = 0;
        for (unsigned i = 0; i < WAITS; i++)
            finished += mget_try(&fix, &mgets[i]) == DB_READY;
        for (unsigned round = 0; finished < WAITS; round++) {
            assert_in_range(round, 0, 20000);
            held_io_run(fix.io, JOB_LOAD);
            held_io_deliver_all(fix.io);
            finished += mgets_turn(&fix, mgets);
            assert_in_range(fix.mem.total_bytes, 0, fix.limit + MB / 2);
            if (round % 64 == 0)
                db_check(fix.db);
        }
        assert_true(fix_stats(&fix).robbed > 0);
        assert_int_equal(fix_stats(&fix).parked_now, 0);
        db_check(fix.db);
        free(mgets);
        fix_deinit(&fix);
    }
}

/* All are as large as memory: then they finish one by one, by age. */
static void the_oldest_finishes_first_under_pressure(void **state)
{
    struct fix  fix;
    struct rand rand;
    unsigned    next = 0;

    (void)state;
    rand_init(&rand, 1);
    fix_init(&fix, 4 * MB, MB);
    store_cold(&fix);
    fix.limit = WANTS_MAX * VALUE_LEN * 3 / 2 + MB;
    db_set_limit(fix.db, fix.limit, false);
    struct mget *mgets = mgets_new(&rand, 1);
    for (unsigned i = 0; i < WAITS; i++) {
        mgets[i].start = i % 2 ? KEYS / 2 : 0; /* nothing in common with */
        mgets[i].count = WANTS_MAX;            /* those next in line */
        mgets[i].step = 1;
        assert_int_equal(mget_try(&fix, &mgets[i]), DB_PARKED);
    }
    for (unsigned round = 0; next < WAITS; round++) {
        assert_in_range(round, 0, 100000);
        held_io_run(fix.io, JOB_LOAD);
        held_io_deliver_all(fix.io);
        mgets_turn(&fix, mgets);
        /* Nobody of the same half can be ahead of an older one. */
        for (unsigned i = next + 2; i < WAITS; i++)
            if (mgets[i].finished)
                assert_true(mgets[i - 2].finished);
        assert_true(mgets[0].finished || !mgets[1].finished);
        while (next < WAITS && mgets[next].finished)
            next++;
    }
    free(mgets);
    fix_deinit(&fix);
}

static void what_cannot_fit_alone_is_oom_and_others_go_on(void **state)
{
    struct fix  fix;
    struct mget large = { .count = WANTS_MAX, .step = 1 };
    struct mget small = { .count = 3, .step = 1, .start = 300 };

    (void)state;
    fix_init(&fix, 4 * MB, MB);
    store_cold(&fix);
    fix.limit = MB;
    db_set_limit(fix.db, fix.limit, false);
    db_wait_init(&large.cmd.wait);
    db_wait_init(&small.cmd.wait);
    assert_int_equal(mget_try(&fix, &large), DB_PARKED);
    assert_int_equal(mget_try(&fix, &small), DB_PARKED);
    enum db_verdict verdict = DB_PARKED;
    for (unsigned i = 0; verdict == DB_PARKED || !small.finished; i++) {
        assert_in_range(i, 0, 10000);
        held_io_run(fix.io, JOB_LOAD);
        held_io_deliver_all(fix.io);
        fix_turn(&fix);
        if (small.cmd.ready && !small.finished)
            assert_int_not_equal(mget_try(&fix, &small), DB_FAILED);
        if (large.cmd.ready && verdict == DB_PARKED)
            verdict = mget_try(&fix, &large);
    }
    assert_int_equal(verdict, DB_FAILED);
    fix_deinit(&fix);
}

/* The value that the robbed one waited for is still being loaded, and holds
 * its room until it is there: the robber waits for that. */
static void what_a_robbed_load_holds_is_waited_for(void **state)
{
    struct fix fix;
    struct cmd older = { .ready = false }, younger = { .ready = false };
    size_t     len = 3 * MB / 2;

    (void)state;
    fix_init(&fix, 16 * MB, 4 * MB);
    fix_set_large(&fix, "a", 1, len, 0);
    fix_set_large(&fix, "b", 2, len, 0);
    fix_flush(&fix);
    fix_close(&fix);
    fix_open(&fix);
    fix.limit = 3 * MB; /* for one */
    db_set_limit(fix.db, fix.limit, false);
    db_wait_init(&older.wait);
    db_wait_init(&younger.wait);
    assert_int_equal(cmd_acquire(&fix, &older, "a", DB_NEED_VALUE), DB_PARKED);
    assert_int_equal(cmd_acquire(&fix, &younger, "b", DB_NEED_VALUE),
                     DB_PARKED);
    fix_turn(&fix);
    struct link first;
    link_init(&first);
    assert_true(held_io_run(fix.io, JOB_LOAD));
    list_splice(&first, &fix.io->done); /* a's header comes late */
    assert_true(held_io_run(fix.io, JOB_LOAD));
    held_io_deliver_all(fix.io); /* b's nodes are asked for */
    list_splice(&fix.io->done, &first);
    held_io_deliver_all(fix.io); /* a's find no room */
    fix_turn(&fix);
    assert_true(fix_stats(&fix).robbed > 0);
    enum db_verdict verdicts[2] = { DB_PARKED, DB_PARKED };
    struct cmd     *cmds[2] = { &older, &younger };
    const char     *keys[2] = { "a", "b" };
    for (unsigned i = 0;
         verdicts[0] == DB_PARKED || verdicts[1] == DB_PARKED; i++) {
        assert_in_range(i, 0, 100);
        io_drain(fix.io);
        fix_turn(&fix);
        for (unsigned k = 0; k < 2; k++) {
            if (verdicts[k] != DB_PARKED || !cmds[k]->ready)
                continue;
            verdicts[k] = cmd_acquire(&fix, cmds[k], keys[k], DB_NEED_VALUE);
            if (verdicts[k] != DB_PARKED)
                db_release(fix.db, &cmds[k]->wait);
        }
    }
    assert_int_equal(verdicts[0], DB_READY);
    assert_int_equal(verdicts[1], DB_READY);
    db_check(fix.db);
    fix_deinit(&fix);
}

/* Its own loads, which hold room to their end, are no hope for one who is
 * alone: what does not fit beside them will not fit beside them again. */
static void its_own_loads_are_no_hope(void **state)
{
    enum { LARGE = 50000, COUNT = 200, SEEDS = 20 };
    struct db_want wants[COUNT];
    char           names[COUNT][16];

    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fix  fix;
        struct rand rand;
        struct cmd  cmd = { .ready = true };
        rand_init(&rand, seed);
        fix_init(&fix, 16 * MB, 4 * MB);
        for (unsigned i = 0; i < COUNT; i++)
            fix_set_large(&fix, name(names[i], i), i, LARGE, 0);
        fix_flush(&fix);
        fix_close(&fix);
        fix_open(&fix);
        fix.limit = COUNT * LARGE * 97 / 100;
        db_set_limit(fix.db, fix.limit, false);
        db_wait_init(&cmd.wait);
        for (unsigned i = 0; i < COUNT; i++)
            wants[i] =
                (struct db_want){ .key = fix_key(&fix, name(names[i], i)),
                                  .need = DB_NEED_VALUE };
        enum db_verdict verdict = DB_PARKED;
        for (unsigned i = 0; verdict == DB_PARKED; i++) {
            assert_in_range(i, 0, 40 * COUNT);
            if (cmd.ready) {
                cmd.ready = false;
                verdict = db_acquire(fix.db, &cmd.wait, wants, COUNT);
            }
            for (uint64_t jobs = rand_below(&rand, 9); jobs > 0; jobs--)
                held_io_run(fix.io, JOB_LOAD);
            for (uint64_t jobs = rand_below(&rand, 9); jobs > 0; jobs--)
                held_io_deliver(fix.io);
            fix_turn(&fix);
        }
        assert_int_equal(verdict, DB_FAILED);
        assert_int_equal(cmd.wait.err, ERR_OOM);
        db_release(fix.db, &cmd.wait);
        fix_settle(&fix);
        db_check(fix.db);
        fix_deinit(&fix);
    }
}

static void a_wait_released_while_its_load_is_in_flight(void **state)
{
    struct fix fix;
    struct cmd gone = { .ready = false }, stays = { .ready = false };

    (void)state;
    fix_init(&fix, 4 * MB, MB);
    fix_set_text(&fix, "a", "1");
    fix_set_text(&fix, "b", "1");
    fix_flush(&fix);
    fix_close(&fix);
    fix_open(&fix);
    db_wait_init(&gone.wait);
    db_wait_init(&stays.wait);
    assert_int_equal(cmd_acquire(&fix, &gone, "a", DB_NEED_VALUE), DB_PARKED);
    db_release(fix.db, &gone.wait);
    assert_int_equal(fix_stats(&fix).parked_now, 0);
    assert_int_equal(cmd_acquire(&fix, &gone, "b", DB_NEED_VALUE), DB_PARKED);
    assert_int_equal(cmd_acquire(&fix, &stays, "b", DB_NEED_VALUE), DB_PARKED);
    db_release(fix.db, &gone.wait);
    assert_int_equal(fix_stats(&fix).loads, 2); /* one for each key */
    db_check(fix.db);
    fix_settle(&fix);
    assert_false(gone.ready);
    assert_true(stays.ready);
    assert_string_equal(fix_state(&fix, "a"), "memory"); /* not in vain */
    assert_true(fix_evict(&fix, "a"));
    assert_false(fix_evict(&fix, "b")); /* pinned until it has run */
    db_release(fix.db, &stays.wait);
    assert_true(fix_evict(&fix, "b"));
    assert_int_equal(fix.db->cache.busy.used_count, 0);
    assert_int_equal(fix.mem.used_bytes[MEM_JOBS], 0);
    fix_deinit(&fix);
}

static void a_growing_command_waits_for_the_cut(void **state)
{
    struct fix fix;
    struct cmd cmd = { .ready = false };
    char       key[16];

    (void)state;
    fix_init(&fix, 4 * MB, 256 * 1024);
    db_wait_init(&cmd.wait);
    unsigned written = 0;
    while (db_admit_write(fix.db, &cmd.wait, 4096, true) == DB_READY) {
        fix_set_large(&fix, name(key, written++), 1, 4000, 0);
        assert_in_range(written, 0, 100);
    }
    assert_true(written >= 50);
    fix_turn(&fix); /* closes the epoch: there is room in the next one */
    fix_turn(&fix);
    assert_true(cmd.ready);
    assert_int_equal(db_admit_write(fix.db, &cmd.wait, 4096, true), DB_READY);
    db_release(fix.db, &cmd.wait);
    assert_int_equal(
        db_admit_write(fix.db, &cmd.wait, fix.limit + 1, true), DB_FAILED);
    assert_int_equal(cmd.wait.err, ERR_OOM);
    db_release(fix.db, &cmd.wait);
    fix_deinit(&fix);
}

/* What fills memory is held by nobody else: waiting would help nobody. */
static void one_that_holds_all_of_memory_does_not_wait_for_itself(void **state)
{
    struct fix     fix;
    struct cmd     cmd = { .ready = false };
    struct db_want wants[WANTS_MAX];
    char           names[WANTS_MAX][16];

    (void)state;
    fix_init(&fix, 4 * MB, MB);
    store_cold(&fix);
    db_wait_init(&cmd.wait);
    for (unsigned i = 0; i < WANTS_MAX; i++)
        wants[i] = (struct db_want){ .key = fix_key(&fix, name(names[i], i)),
                                     .need = DB_NEED_VALUE };
    assert_int_equal(db_acquire(fix.db, &cmd.wait, wants, WANTS_MAX),
                     DB_PARKED);
    fix_settle(&fix);
    assert_true(cmd.ready);
    assert_int_equal(db_acquire(fix.db, &cmd.wait, wants, WANTS_MAX),
                     DB_READY);
    assert_int_equal(db_admit_write(fix.db, &cmd.wait, MB, true), DB_READY);
    assert_int_equal(db_admit_write(fix.db, &cmd.wait, 3 * MB, true),
                     DB_FAILED);
    assert_int_equal(cmd.wait.err, ERR_OOM);
    db_release(fix.db, &cmd.wait);
    assert_int_equal(db_admit_write(fix.db, &cmd.wait, 3 * MB, true),
                     DB_READY);
    db_release(fix.db, &cmd.wait);
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_finish_in_memory_for_few),
        cmocka_unit_test(the_oldest_finishes_first_under_pressure),
        cmocka_unit_test(what_cannot_fit_alone_is_oom_and_others_go_on),
        cmocka_unit_test(what_a_robbed_load_holds_is_waited_for),
        cmocka_unit_test(its_own_loads_are_no_hope),
        cmocka_unit_test(a_wait_released_while_its_load_is_in_flight),
        cmocka_unit_test(a_growing_command_waits_for_the_cut),
        cmocka_unit_test(one_that_holds_all_of_memory_does_not_wait_for_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
