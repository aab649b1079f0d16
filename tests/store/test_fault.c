/* test_fault.c - the store that misbehaves does so exactly as ordered. */
#include "store_test.h"

#include <sched.h>

#include "base/clock.h"
#include "store/fault.h"

static int fault_setup(void **state)
{
    *state = store_open_fault(store_open_memory());
    return 0;
}

static int fault_teardown(void **state)
{
    store_close(*state);
    return 0;
}

static err_t get_err(struct store *store, const char *key)
{
    struct store_get get;
    err_t            err = store_get_one(store, slice_from_string(key), &get);

    if (err && err != ERR_NOT_FOUND)
        CHECK(get.why.text[0] && get.value == NULL);
    store_value_free(get.value);
    return err;
}

static err_t command(struct store *store, const char *text,
                     struct err_text *why)
{
    slice  words[16];
    size_t count = 0;

    for (const char *at = text; *at && count < 16;) {
        size_t len = strcspn(at, " ");
        words[count++] = slice_make(at, len);
        at += len + (at[len] == ' ');
    }
    return fault_command(store, words, count, why);
}

static void test_passes_through(void **state)
{
    struct store       *store = *state;
    struct fault_counts counts;

    assert_int_equal(put_text(store, "a", "1", true), ERR_OK);
    assert_true(record_is(store, "a", "1"));
    assert_true(record_is(store, "b", NULL));
    struct store_snapshot *snapshot = store_snapshot_new(store);
    assert_int_equal(put_text(store, "b", "2", false), ERR_OK);
    struct store_iter *iter = store_iter_new(store, snapshot);
    store_iter_seek(iter, SLICE_EMPTY);
    assert_true(slice_equal(store_iter_key(iter), SLICE_LITERAL("a")));
    store_iter_next(iter);
    assert_false(store_iter_valid(iter));
    store_iter_free(iter);
    store_snapshot_free(store, snapshot);

    fault_counts(store, &counts);
    assert_int_equal(counts.begun[FAULT_GET], 2);
    assert_int_equal(counts.done[FAULT_GET], 2);
    assert_int_equal(counts.begun[FAULT_WRITE], 2);
    assert_int_equal(counts.done[FAULT_WRITE], 2);
    assert_int_equal(counts.done[FAULT_ITER], 2);
}

static void test_fail_get(void **state)
{
    struct store      *store = *state;
    struct store_stats stats;

    assert_int_equal(put_text(store, "a", "1", true), ERR_OK);
    fault_fail(store, FAULT_GET, 1, 2, ERR_CORRUPT, false);
    assert_int_equal(get_err(store, "a"), ERR_OK);
    assert_int_equal(get_err(store, "a"), ERR_CORRUPT);
    assert_int_equal(get_err(store, "absent"), ERR_CORRUPT);
    assert_int_equal(get_err(store, "a"), ERR_OK);
    store_stats(store, &stats);
    assert_int_equal(stats.error_count, 2);
}

static void test_fail_write(void **state)
{
    struct store *store = *state;

    fault_fail(store, FAULT_WRITE, 0, 1, ERR_NO_SPACE, false);
    assert_int_equal(put_text(store, "a", "1", false), ERR_NO_SPACE);
    assert_true(record_is(store, "a", NULL));
    assert_int_equal(put_text(store, "a", "1", false), ERR_IO); /* reopen! */
    assert_int_equal(store_sync(store, NULL), ERR_IO);
    assert_int_equal(store_reopen(store, NULL), ERR_OK);
    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);

    fault_fail(store, FAULT_WRITE, 0, 1, ERR_IO, true);
    assert_int_equal(put_text(store, "a", "2", false), ERR_IO);
    assert_true(record_is(store, "a", "2")); /* unknown: here it is there */
    assert_int_equal(store_reopen(store, NULL), ERR_OK);
}

static void test_fail_until_told(void **state)
{
    struct store *store = *state;

    fault_fail(store, FAULT_WRITE, 0, -1, ERR_IO, false);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(put_text(store, "a", "1", false), ERR_IO);
        assert_int_equal(store_reopen(store, NULL), ERR_OK);
        assert_int_equal(store_sync(store, NULL), ERR_IO);
        assert_int_equal(store_reopen(store, NULL), ERR_OK);
    }
    fault_fail(store, FAULT_WRITE, 0, 0, ERR_OK, false);
    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);
    assert_int_equal(store_sync(store, NULL), ERR_OK);
}

static void test_fail_reopen(void **state)
{
    struct store       *store = *state;
    struct fault_counts counts;

    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);
    fault_fail_reopen(store, true);
    assert_int_equal(store_reopen(store, NULL), ERR_IO);
    assert_int_equal(store_reopen(store, NULL), ERR_IO);
    assert_int_equal(get_err(store, "a"), ERR_IO);
    assert_int_equal(put_text(store, "a", "2", false), ERR_IO);
    fault_fail_reopen(store, false);
    assert_int_equal(store_reopen(store, NULL), ERR_OK);
    assert_true(record_is(store, "a", "1"));
    fault_counts(store, &counts);
    assert_int_equal(counts.reopens, 3);
}

static void test_fail_iter(void **state)
{
    struct store *store = *state;

    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);
    assert_int_equal(put_text(store, "b", "2", false), ERR_OK);
    fault_fail(store, FAULT_ITER, 1, 1, ERR_CORRUPT, false);
    struct store_iter *iter = store_iter_new(store, NULL);
    store_iter_seek(iter, SLICE_EMPTY);
    assert_true(store_iter_valid(iter));
    assert_int_equal(store_iter_error(iter, NULL), ERR_OK);
    store_iter_next(iter);
    assert_false(store_iter_valid(iter));
    assert_int_equal(store_iter_error(iter, NULL), ERR_CORRUPT);
    store_iter_seek(iter, SLICE_LITERAL("b"));
    assert_true(store_iter_valid(iter));
    store_iter_free(iter);
}

static void test_delay(void **state)
{
    struct store *store = *state;
    uint64_t      start = clock_mono_us();

    fault_set_delay(store, FAULT_GET, 30);
    assert_int_equal(get_err(store, "a"), ERR_NOT_FOUND);
    assert_int_equal(get_err(store, "a"), ERR_NOT_FOUND);
    assert_true(clock_mono_us() - start >= 60000);
}

/* --- gates --------------------------------------------------------------- */

static void *get_thread(void *arg)
{
    CHECK(record_is(arg, "a", "1"));
    return NULL;
}

static void wait_waiting(struct store *store, unsigned n)
{
    while (fault_gate_waiting(store, FAULT_GET) != n)
        sched_yield();
}

static uint64_t gets_done(struct store *store)
{
    struct fault_counts counts;

    fault_counts(store, &counts);
    return counts.done[FAULT_GET];
}

static void test_gate(void **state)
{
    struct store *store = *state;
    pthread_t     threads[5];

    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);
    fault_gate_close(store, FAULT_GET);
    for (int i = 0; i < 4; i++)
        threads[i] = thread_start(get_thread, store);
    wait_waiting(store, 4);
    assert_int_equal(gets_done(store), 0);
    assert_int_equal(put_text(store, "b", "1", false), ERR_OK); /* not gets' */

    fault_gate_step(store, FAULT_GET, 3);
    wait_waiting(store, 1);
    while (gets_done(store) < 3)
        sched_yield();
    assert_int_equal(gets_done(store), 3);

    fault_gate_step(store, FAULT_GET, 2); /* one waits, one is to come */
    threads[4] = thread_start(get_thread, store);
    for (int i = 0; i < 5; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(gets_done(store), 5);

    threads[0] = thread_start(get_thread, store);
    threads[1] = thread_start(get_thread, store);
    wait_waiting(store, 2);
    fault_gate_open(store, FAULT_GET);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_true(record_is(store, "a", "1"));
}

/* What is decided about an operation is decided behind the gate. */
static void test_gate_then_fail(void **state)
{
    struct store *store = *state;
    pthread_t     thread;

    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);
    fault_gate_close(store, FAULT_GET);
    fault_fail(store, FAULT_GET, 0, -1, ERR_IO, false);
    thread = thread_start(get_thread, store);
    wait_waiting(store, 1);
    fault_reset(store); /* opens and forgets the failure */
    pthread_join(thread, NULL);
    assert_int_equal(fault_gate_waiting(store, FAULT_GET), 0);
}

/* --- crashes ------------------------------------------------------------- */

/* Runs in a child of its own: writes until it crashes, its exit status is the
 * fault store's. What it wrote last is told through the pipe. */
static int crash_child(int out, unsigned nth, bool after)
{
    struct store *store = store_open_fault(store_open_memory());
    char          number = 0;

    fault_crash_at_write(store, nth, after);
    while (number < 10) {
        number++;
        CHECK(write(out, &number, 1) == 1);
        CHECK(put_text(store, "a", "1", false) == ERR_OK);
    }
    return 0;
}

static void test_crash(void **state)
{
    (void)state;
    for (int after = 0; after < 2; after++) {
        int  fds[2];
        char number;
        char last = 0;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0)
            _exit(crash_child(fds[1], 3, after));
        close(fds[1]);
        while (read(fds[0], &number, 1) == 1)
            last = number;
        close(fds[0]);
        int status = child_wait(pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 137);
        assert_int_equal(last, 3);
    }
}

/* --- text ---------------------------------------------------------------- */

static void test_commands(void **state)
{
    struct store   *store = *state;
    struct err_text why;

    assert_int_equal(command(store, "fail get 1 corrupt", &why), ERR_OK);
    assert_int_equal(get_err(store, "a"), ERR_CORRUPT);
    assert_int_equal(get_err(store, "a"), ERR_NOT_FOUND);
    assert_int_equal(command(store, "FAIL Get -1 io skip 1", &why), ERR_OK);
    assert_int_equal(get_err(store, "a"), ERR_NOT_FOUND);
    assert_int_equal(get_err(store, "a"), ERR_IO);
    assert_int_equal(get_err(store, "a"), ERR_IO);
    assert_int_equal(command(store, "fail get 0", &why), ERR_OK);
    assert_int_equal(get_err(store, "a"), ERR_NOT_FOUND);
    assert_int_equal(command(store, "fail write 1 nospace applied", &why),
                     ERR_OK);
    assert_int_equal(put_text(store, "a", "1", false), ERR_NO_SPACE);
    assert_true(record_is(store, "a", "1"));
    assert_int_equal(command(store, "reopen fail", &why), ERR_OK);
    assert_int_equal(store_reopen(store, NULL), ERR_IO);
    assert_int_equal(command(store, "reopen ok", &why), ERR_OK);
    assert_int_equal(store_reopen(store, NULL), ERR_OK);
    assert_int_equal(command(store, "delay get 0", &why), ERR_OK);
    assert_int_equal(command(store, "gate get close", &why), ERR_OK);
    assert_int_equal(command(store, "gate get step 1", &why), ERR_OK);
    assert_true(record_is(store, "a", "1"));
    assert_int_equal(command(store, "gate get open", &why), ERR_OK);
    assert_int_equal(command(store, "crash write 1 before", &why), ERR_OK);
    assert_int_equal(command(store, "reset", &why), ERR_OK);
    assert_int_equal(put_text(store, "a", "2", false), ERR_OK);
}

static void test_bad_commands(void **state)
{
    static const char *const bad[] = {
        "",
        "explode",
        "delay get",
        "delay get x",
        "delay get -1",
        "delay nothing 5",
        "fail get 1",
        "fail get 1 badly",
        "fail get -2 io",
        "fail get 1 io applied more",
        "fail get 1 io skip",
        "fail get 1 io skip x",
        "gate get ajar",
        "gate get step",
        "gate get step 0",
        "gate get open 1",
        "crash get 1 before",
        "crash write 0 before",
        "crash write 1 never",
        "reopen",
        "reopen maybe",
        "reset all",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err_text why = { "" };
        assert_int_equal(command(*state, bad[i], &why), ERR_INVALID);
        assert_true(why.text[0] != 0);
    }
}

static void test_describe(void **state)
{
    struct store *store = *state;
    char          text[512];
    char          tiny[20];

    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);
    assert_true(record_is(store, "a", "1"));
    fault_describe(store, text, sizeof(text));
    assert_string_equal(text, "get_begun:1\r\nget_done:1\r\nget_waiting:0\r\n"
                              "write_begun:1\r\nwrite_done:1\r\n"
                              "write_waiting:0\r\n"
                              "iter_begun:0\r\niter_done:0\r\n"
                              "iter_waiting:0\r\nreopens:0\r\n");
    fault_describe(store, tiny, sizeof(tiny));
    assert_true(strlen(tiny) < sizeof(tiny));
}

#define FAULT_TEST(test)                                                       \
    cmocka_unit_test_setup_teardown(test, fault_setup, fault_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAULT_TEST(test_passes_through), FAULT_TEST(test_fail_get),
        FAULT_TEST(test_fail_write),     FAULT_TEST(test_fail_until_told),
        FAULT_TEST(test_fail_reopen),    FAULT_TEST(test_fail_iter),
        FAULT_TEST(test_delay),          FAULT_TEST(test_gate),
        FAULT_TEST(test_gate_then_fail), cmocka_unit_test(test_crash),
        FAULT_TEST(test_commands),       FAULT_TEST(test_bad_commands),
        FAULT_TEST(test_describe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
