/* test_io.c - the promises of io.h, with real threads. Nothing here waits for
 * time to pass: jobs stand at gates that the test opens, and the test waits
 * for what jobs have recorded. */
#include "base/unit.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/io.h"

#define LOG_MAX 4096

struct bench;

struct step {
    struct job    job;
    struct bench *bench;
    unsigned      number;
    bool          gated; /* waits until it is let through */
    bool          open;  /* guarded by bench->mutex: let through */
    size_t        result; /* bytes that it says it holds */
    struct step  *next;   /* submitted by done, from the loop */
    bool          delivered;
};

/* What jobs have done, in order. */
struct bench {
    pthread_mutex_t mutex;
    pthread_cond_t  changed;
    unsigned        at_gate; /* guarded by mutex */
    unsigned        running[JOB_CLASS_COUNT]; /* guarded by mutex */
    unsigned        most[JOB_CLASS_COUNT];    /* guarded by mutex */
    bool            was_beside_exclusive;     /* guarded by mutex */
    unsigned        begun, ended;             /* guarded by mutex */
    unsigned        log[LOG_MAX]; /* guarded by mutex: numbers, as begun */
    pthread_t       ran_on[LOG_MAX];          /* guarded by mutex */
    unsigned        done_log[LOG_MAX]; /* loop thread */
    unsigned        done_count;        /* loop thread */
    pthread_t       loop_thread;
    uv_loop_t       loop;
    struct io      *io;
};

static void bench_init(struct bench *bench, unsigned threads, size_t cap)
{
    struct err_text why = { "" };
    memset(bench, 0, sizeof(*bench));
    pthread_mutex_init(&bench->mutex, NULL);
    pthread_cond_init(&bench->changed, NULL);
    bench->loop_thread = pthread_self();
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    assert_int_equal(io_new(&bench->loop, threads, cap, &bench->io, &why),
                     ERR_OK);
    assert_int_equal(io_is_blocking(bench->io), threads == 0);
}

static void bench_deinit(struct bench *bench)
{
    io_stop(bench->io);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    io_free(bench->io);
    pthread_cond_destroy(&bench->changed);
    pthread_mutex_destroy(&bench->mutex);
}

/* --- jobs ---------------------------------------------------------------- */

/* REQUIRES: mutex held. */
static void begin(struct bench *bench, const struct step *step)
{
    enum job_class class = step->job.class;
    unsigned others = 0;
    bench->log[bench->begun] = step->number;
    bench->ran_on[bench->begun++] = pthread_self();
    for (int i = 0; i < JOB_CLASS_COUNT; i++)
        others += bench->running[i];
    if (bench->running[JOB_EXCLUSIVE] > 0 ||
        (class == JOB_EXCLUSIVE && others > 0))
        bench->was_beside_exclusive = true;
    if (++bench->running[class] > bench->most[class])
        bench->most[class] = bench->running[class];
}

static void step_run(struct job *job)
{
    struct step  *step = CONTAINER_OF(job, struct step, job);
    struct bench *bench = step->bench;
    pthread_mutex_lock(&bench->mutex);
    begin(bench, step);
    if (step->gated) {
        bench->at_gate++;
        pthread_cond_broadcast(&bench->changed);
        while (!step->open)
            pthread_cond_wait(&bench->changed, &bench->mutex);
        bench->at_gate--;
    }
    bench->running[job->class]--;
    bench->ended++;
    job->result_bytes = step->result;
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->mutex);
}

static void step_done(struct job *job)
{
    struct step  *step = CONTAINER_OF(job, struct step, job);
    struct bench *bench = step->bench;
    assert_true(pthread_equal(pthread_self(), bench->loop_thread));
    assert_false(step->delivered);
    step->delivered = true;
    bench->done_log[bench->done_count++] = step->number;
    if (step->next != NULL) {
        io_submit(bench->io, &step->next->job);
        io_hand_over(bench->io);
    }
}

static void step_init(struct bench *bench, struct step *step,
                      enum job_class class, unsigned number)
{
    *step = (struct step){ .job = { .class = class,
                                    .run = step_run,
                                    .done = step_done },
                           .bench = bench,
                           .number = number };
}

static void submit(struct bench *bench, struct step *step,
                   enum job_class class, unsigned number)
{
    step_init(bench, step, class, number);
    io_submit(bench->io, &step->job);
}

/* --- waiting ------------------------------------------------------------- */

static void wait_at_gate(struct bench *bench, unsigned count)
{
    pthread_mutex_lock(&bench->mutex);
    while (bench->at_gate < count)
        pthread_cond_wait(&bench->changed, &bench->mutex);
    pthread_mutex_unlock(&bench->mutex);
}

static void let_through(struct step *step)
{
    struct bench *bench = step->bench;
    pthread_mutex_lock(&bench->mutex);
    step->open = true;
    pthread_cond_broadcast(&bench->changed);
    pthread_mutex_unlock(&bench->mutex);
}

/* Gives threads that must not do anything the chance to do it. */
static void tempt(void)
{
    for (int i = 0; i < 2000; i++)
        sched_yield();
}

static void wait_ended(struct bench *bench, unsigned count)
{
    pthread_mutex_lock(&bench->mutex);
    while (bench->ended < count)
        pthread_cond_wait(&bench->changed, &bench->mutex);
    pthread_mutex_unlock(&bench->mutex);
}

static unsigned begun(struct bench *bench)
{
    pthread_mutex_lock(&bench->mutex);
    unsigned count = bench->begun;
    pthread_mutex_unlock(&bench->mutex);
    return count;
}

/* The loop runs, as the server's does, until so many are delivered. */
static void run_loop_until(struct bench *bench, unsigned count)
{
    while (bench->done_count < count)
        uv_run(&bench->loop, UV_RUN_ONCE);
}

/* Keeps the first thread occupied, so that what is submitted meanwhile stands
 * in the queues together. */
static void hold_first_thread(struct bench *bench, struct step *holder)
{
    step_init(bench, holder, JOB_SAVE, 9999);
    holder->gated = true;
    io_submit(bench->io, &holder->job);
    io_hand_over(bench->io);
    wait_at_gate(bench, 1);
}

static size_t position(const struct bench *bench, unsigned number)
{
    for (size_t i = 0; i < bench->begun; i++)
        if (bench->log[i] == number)
            return i;
    fail_msg("job %u has not run", number);
    return 0;
}

/* --- order --------------------------------------------------------------- */

enum { LOADS = 1000, SAVES = 2000, BACKS = 3000 };

/* Queues loads and saves (and background jobs) and checks how they ran: used
 * with a thread, and with none. */
static void check_order(unsigned threads)
{
    struct bench bench;
    struct step  holder, loads[300], saves[3], backs[2];

    bench_init(&bench, threads, SIZE_MAX);
    if (threads > 0)
        hold_first_thread(&bench, &holder);
    for (unsigned i = 0; i < 2; i++)
        submit(&bench, &backs[i], JOB_BACKGROUND, BACKS + i);
    for (unsigned i = 0; i < 3; i++)
        submit(&bench, &saves[i], JOB_SAVE, SAVES + i);
    for (unsigned i = 0; i < 300; i++)
        submit(&bench, &loads[i], JOB_LOAD, LOADS + i);
    assert_int_equal(io_queue_count(bench.io, JOB_LOAD), 300);
    assert_int_equal(io_queue_count(bench.io, JOB_BACKGROUND), 2);
    io_hand_over(bench.io);
    if (threads > 0)
        let_through(&holder);
    unsigned all = 305 + (threads > 0), at = threads > 0;
    if (threads > 0)
        run_loop_until(&bench, all);
    assert_int_equal(bench.done_count, all);
    assert_int_equal(bench.ended, all);

    /* 64 loads, a save, and again; then the rest of the loads; a background
     * job comes after 256 others, the other one when all is done. */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(position(&bench, SAVES + i), at + 65 * i + 64);
    assert_int_equal(position(&bench, BACKS),
                     at + IO_JOBS_BEFORE_BACKGROUND);
    assert_int_equal(position(&bench, BACKS + 1), all - 1);
    for (unsigned i = 1; i < 300; i++)
        assert_true(position(&bench, LOADS + i) >
                    position(&bench, LOADS + i - 1));
    for (unsigned i = 0; i < all; i++)
        assert_int_equal(bench.done_log[i], bench.log[i]);
    assert_int_equal(io_queue_count(bench.io, JOB_LOAD), 0);
    assert_int_equal(io_done_count(bench.io, JOB_LOAD), 300);
    assert_int_equal(io_done_count(bench.io, JOB_SAVE), 3 + (threads > 0));
    bench_deinit(&bench);
}

static void loads_go_first_but_a_save_waits_for_64(void **state)
{
    (void)state;
    check_order(1);
}

static void without_threads_the_order_is_the_same(void **state)
{
    (void)state;
    check_order(0);
}

static void without_threads_a_hand_over_runs_all_here(void **state)
{
    struct bench bench;
    struct step  first, second;

    (void)state;
    bench_init(&bench, 0, SIZE_MAX);
    submit(&bench, &first, JOB_LOAD, 1);
    step_init(&bench, &second, JOB_EXCLUSIVE, 2);
    first.next = &second;
    assert_int_equal(bench.ended, 0); /* submitting only collects */
    io_hand_over(bench.io);
    assert_int_equal(bench.done_count, 2); /* what done submits runs too */
    assert_true(pthread_equal(bench.ran_on[0], bench.loop_thread));
    bench_deinit(&bench);
}

static void submitting_only_collects(void **state)
{
    struct bench bench;
    struct step  held, step;

    (void)state;
    bench_init(&bench, 1, SIZE_MAX);
    submit(&bench, &held, JOB_LOAD, 1);
    submit(&bench, &step, JOB_LOAD, 2);
    assert_int_equal(begun(&bench), 0);
    assert_int_equal(io_queue_count(bench.io, JOB_LOAD), 2);
    io_hand_over(bench.io);
    wait_ended(&bench, 2);
    assert_int_equal(bench.done_count, 0); /* not before the loop runs */
    assert_int_equal(io_queue_count(bench.io, JOB_LOAD), 2);
    run_loop_until(&bench, 2);
    assert_int_equal(io_queue_count(bench.io, JOB_LOAD), 0);
    bench_deinit(&bench);
}

/* --- several threads ----------------------------------------------------- */

static void threads_beyond_the_first_only_load(void **state)
{
    struct bench bench;
    struct step  holder, loads[200], saves[5], backs[3];

    (void)state;
    bench_init(&bench, 4, SIZE_MAX);
    hold_first_thread(&bench, &holder);
    for (unsigned i = 0; i < 5; i++)
        submit(&bench, &saves[i], JOB_SAVE, SAVES + i);
    for (unsigned i = 0; i < 3; i++)
        submit(&bench, &backs[i], JOB_BACKGROUND, BACKS + i);
    for (unsigned i = 0; i < 200; i++)
        submit(&bench, &loads[i], JOB_LOAD, LOADS + i);
    io_hand_over(bench.io);
    /* All loads run although the first thread is busy; nothing else does. */
    wait_ended(&bench, 200);
    tempt();
    assert_int_equal(begun(&bench), 201);
    let_through(&holder);
    run_loop_until(&bench, 209);
    assert_int_equal(bench.most[JOB_SAVE], 1);
    pthread_t first = bench.ran_on[position(&bench, 9999)];
    for (unsigned i = 0; i < bench.begun; i++)
        if (bench.log[i] >= SAVES)
            assert_true(pthread_equal(bench.ran_on[i], first));
    for (unsigned i = 1; i < 5; i++)
        assert_true(position(&bench, SAVES + i) >
                    position(&bench, SAVES + i - 1));
    bench_deinit(&bench);
}

/* It stands at its gate while saves and loads run; what must be alone waits
 * for it. */
static void a_compaction_is_in_nobody_s_way(void **state)
{
    struct bench bench;
    struct step  compaction, loads[20], saves[5], alone, after;

    (void)state;
    bench_init(&bench, 1, SIZE_MAX);
    step_init(&bench, &compaction, JOB_COMPACT, 9999);
    compaction.gated = true;
    io_submit(bench.io, &compaction.job);
    io_hand_over(bench.io);
    wait_at_gate(&bench, 1);
    for (unsigned i = 0; i < 5; i++)
        submit(&bench, &saves[i], JOB_SAVE, SAVES + i);
    for (unsigned i = 0; i < 20; i++)
        submit(&bench, &loads[i], JOB_LOAD, LOADS + i);
    io_hand_over(bench.io);
    run_loop_until(&bench, 25);
    submit(&bench, &alone, JOB_EXCLUSIVE, 8888);
    submit(&bench, &after, JOB_COMPACT, 7777);
    io_hand_over(bench.io);
    tempt();
    assert_int_equal(begun(&bench), 26);
    let_through(&compaction);
    run_loop_until(&bench, 28);
    assert_true(position(&bench, 7777) > position(&bench, 8888));
    assert_false(pthread_equal(bench.ran_on[position(&bench, 9999)],
                               bench.ran_on[position(&bench, SAVES)]));
    bench_deinit(&bench);
}

static void loads_overlap(void **state)
{
    struct bench bench;
    struct step  loads[4];

    (void)state;
    bench_init(&bench, 4, SIZE_MAX);
    for (unsigned i = 0; i < 4; i++) {
        step_init(&bench, &loads[i], JOB_LOAD, i);
        loads[i].gated = true;
        io_submit(bench.io, &loads[i].job);
    }
    io_hand_over(bench.io);
    wait_at_gate(&bench, 4); /* all four at once, or this never ends */
    for (unsigned i = 0; i < 4; i++)
        let_through(&loads[i]);
    run_loop_until(&bench, 4);
    bench_deinit(&bench);
}

static void an_exclusive_job_runs_alone(void **state)
{
    for (unsigned threads = 0; threads <= 4; threads++) {
        struct bench bench;
        struct step  steps[400];

        (void)state;
        bench_init(&bench, threads, SIZE_MAX);
        for (unsigned i = 0; i < 400; i++) {
            enum job_class class = i % 40 == 7   ? JOB_EXCLUSIVE
                                   : i % 10 == 3 ? JOB_SAVE
                                   : i % 10 == 5 ? JOB_BACKGROUND
                                                 : JOB_LOAD;
            submit(&bench, &steps[i], class, i);
            if (i % 20 == 19)
                io_hand_over(bench.io);
            if (i % 60 == 59)
                uv_run(&bench.loop, UV_RUN_NOWAIT);
        }
        if (threads > 0)
            run_loop_until(&bench, 400);
        assert_int_equal(bench.done_count, 400);
        assert_false(bench.was_beside_exclusive);
        assert_int_equal(io_done_count(bench.io, JOB_EXCLUSIVE), 10);
        bench_deinit(&bench);
    }
}

/* It waits for those that run, and those that come later wait for it. */
static void an_exclusive_job_keeps_others_out(void **state)
{
    struct bench bench;
    struct step  holder, running[2], exclusive, after[3];

    (void)state;
    bench_init(&bench, 3, SIZE_MAX);
    hold_first_thread(&bench, &holder);
    for (unsigned i = 0; i < 2; i++) {
        step_init(&bench, &running[i], JOB_LOAD, i);
        running[i].gated = true;
        io_submit(bench.io, &running[i].job);
    }
    io_hand_over(bench.io);
    wait_at_gate(&bench, 3); /* all three threads */
    step_init(&bench, &exclusive, JOB_EXCLUSIVE, 10);
    exclusive.gated = true;
    io_submit(bench.io, &exclusive.job);
    io_hand_over(bench.io);
    let_through(&holder); /* its thread is free, two others run */
    wait_ended(&bench, 1);
    tempt();
    assert_int_equal(begun(&bench), 3);
    let_through(&running[0]);
    let_through(&running[1]);
    wait_ended(&bench, 3);
    wait_at_gate(&bench, 1);
    for (unsigned i = 0; i < 3; i++)
        submit(&bench, &after[i], JOB_LOAD, 20 + i);
    io_hand_over(bench.io);
    tempt();
    assert_int_equal(begun(&bench), 4);
    let_through(&exclusive);
    run_loop_until(&bench, 7);
    assert_int_equal(bench.log[3], 10);
    assert_false(bench.was_beside_exclusive);
    bench_deinit(&bench);
}

/* --- bounds, ends -------------------------------------------------------- */

static void results_that_wait_are_bounded(void **state)
{
    struct bench bench;
    struct step  steps[50];

    (void)state;
    for (unsigned threads = 1; threads <= 3; threads++) {
        bench_init(&bench, threads, 1000);
        for (unsigned i = 0; i < 50; i++) {
            step_init(&bench, &steps[i], JOB_LOAD, i);
            steps[i].result = 300;
            io_submit(bench.io, &steps[i].job);
        }
        io_hand_over(bench.io);
        /* The loop does not run: four results are over the cap, and each
         * thread may have been at one more. */
        wait_ended(&bench, 4);
        tempt();
        assert_in_range(begun(&bench), 4, 3 + threads);
        run_loop_until(&bench, 50);
        assert_in_range(begun(&bench), 50, 50);
        bench_deinit(&bench);
    }
}

/* A result that is larger than the cap by itself holds nobody up for ever. */
static void one_result_may_be_larger_than_the_cap(void **state)
{
    struct bench bench;
    struct step  steps[5];

    (void)state;
    bench_init(&bench, 1, 10);
    for (unsigned i = 0; i < 5; i++) {
        step_init(&bench, &steps[i], JOB_LOAD, i);
        steps[i].result = 1000;
        io_submit(bench.io, &steps[i].job);
    }
    io_hand_over(bench.io);
    run_loop_until(&bench, 5);
    bench_deinit(&bench);
}

static void stop_runs_and_delivers_all_that_is_queued(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads <= 3; threads++) {
        struct bench bench;
        struct step  steps[100], late;

        bench_init(&bench, threads, 500);
        for (unsigned i = 0; i < 100; i++) {
            step_init(&bench, &steps[i],
                      (enum job_class)(i % JOB_CLASS_COUNT), i);
            steps[i].result = 100; /* over the cap, too */
            io_submit(bench.io, &steps[i].job);
            if (i == 30)
                io_hand_over(bench.io);
        }
        step_init(&bench, &late, JOB_LOAD, 100);
        steps[99].next = &late;
        io_stop(bench.io);
        assert_int_equal(bench.done_count, 101);
        for (unsigned i = 0; i < 100; i++)
            assert_true(steps[i].delivered);
        uv_run(&bench.loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&bench.loop), 0);
        io_free(bench.io);
        pthread_cond_destroy(&bench.changed);
        pthread_mutex_destroy(&bench.mutex);
    }
}

static void stop_waits_for_the_job_that_runs(void **state)
{
    struct bench bench;
    struct step  step;

    (void)state;
    bench_init(&bench, 2, SIZE_MAX);
    step_init(&bench, &step, JOB_SAVE, 1);
    step.gated = true;
    io_submit(bench.io, &step.job);
    io_hand_over(bench.io);
    wait_at_gate(&bench, 1);
    let_through(&step);
    bench_deinit(&bench);
    assert_true(step.delivered);
}

/* Jobs that bring others from done, over many turns of the loop. */
static void chains_of_jobs(void **state)
{
    struct bench bench;
    struct step *steps = calloc(2000, sizeof(*steps));

    (void)state;
    assert_non_null(steps);
    bench_init(&bench, 3, 100);
    for (unsigned i = 0; i < 2000; i++) {
        step_init(&bench, &steps[i],
                  i % 5 == 0 ? JOB_SAVE : JOB_LOAD, i);
        steps[i].result = 60;
        if (i + 10 < 2000)
            steps[i].next = &steps[i + 10];
    }
    for (unsigned i = 0; i < 10; i++)
        io_submit(bench.io, &steps[i].job);
    io_hand_over(bench.io);
    run_loop_until(&bench, 2000);
    assert_int_equal(bench.most[JOB_SAVE], 1);
    bench_deinit(&bench);
    free(steps);
}

static void waiting_for_some_of_them(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads <= 3; threads += 3) {
        struct bench bench;
        struct step  steps[20];
        bench_init(&bench, threads, 1 << 20);
        assert_false(io_wait_some(bench.io)); /* there is nothing */
        for (unsigned i = 0; i < 20; i++)
            submit(&bench, &steps[i], JOB_LOAD, i);
        unsigned before = 0;
        while (io_wait_some(bench.io)) {
            assert_true(bench.done_count > before);
            before = bench.done_count;
        }
        assert_int_equal(bench.done_count, 20);
        bench_deinit(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_go_first_but_a_save_waits_for_64),
        cmocka_unit_test(without_threads_the_order_is_the_same),
        cmocka_unit_test(without_threads_a_hand_over_runs_all_here),
        cmocka_unit_test(submitting_only_collects),
        cmocka_unit_test(threads_beyond_the_first_only_load),
        cmocka_unit_test(a_compaction_is_in_nobody_s_way),
        cmocka_unit_test(loads_overlap),
        cmocka_unit_test(an_exclusive_job_runs_alone),
        cmocka_unit_test(an_exclusive_job_keeps_others_out),
        cmocka_unit_test(results_that_wait_are_bounded),
        cmocka_unit_test(one_result_may_be_larger_than_the_cap),
        cmocka_unit_test(stop_runs_and_delivers_all_that_is_queued),
        cmocka_unit_test(stop_waits_for_the_job_that_runs),
        cmocka_unit_test(chains_of_jobs),
        cmocka_unit_test(waiting_for_some_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
