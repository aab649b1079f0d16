/* io.h - the I/O threads and the queues to and from them.
 *
 * The loop submits jobs; a thread runs each one (job->run, which may wait for
 * the disk); the loop gets it back (job->done). Submitting only collects: one
 * io_hand_over for each loop turn takes all new jobs across under one lock,
 * and one uv_async brings back all that are done by then.
 *
 * Order      Loads go first, but a save waits for at most IO_LOADS_BEFORE_SAVE
 *            of them. Saves run one at a time, in order, on the first thread;
 *            background jobs when there is nothing else to do (or after
 *            IO_JOBS_BEFORE_BACKGROUND others). Threads beyond the first only
 *            load. A compaction runs on a thread of its own, which does nothing
 *            else: it may take long, and mostly waits for the store's own
 *            thread. An exclusive job runs on the first thread while no other
 *            job runs on any. What the first thread has run comes back in the
 *            order in which it ran.
 * Blocking   With 0 threads io_hand_over runs the jobs itself, in that order;
 *            compactions last.
 * Ownership  The job belongs to the I/O side from io_submit until done is
 *            called; between, the loop touches nothing in it.
 * Bound      Results that wait for the loop hold at most about done_cap_bytes
 *            (each thread stops before its next job while they hold more).
 * Threads    All functions are the loop's; job->run runs on an I/O thread.
 *            Only this room has a mutex.
 */
#ifndef IO_IO_H
#define IO_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/list.h"

#define IO_LOADS_BEFORE_SAVE      64
#define IO_JOBS_BEFORE_BACKGROUND 256

enum job_class {
    JOB_LOAD,
    JOB_SAVE,
    JOB_BACKGROUND,
    JOB_COMPACT,
    JOB_EXCLUSIVE,
    JOB_CLASS_COUNT
};

struct job {
    struct link    link;
    enum job_class class;
    void (*run)(struct job *job);  /* on an I/O thread */
    void (*done)(struct job *job); /* on the loop thread */
    size_t result_bytes; /* memory that the result holds; set by run */
};

struct io;

/* on_idle is called on the loop thread after a batch of done jobs, so that
 * what they woke can be handed over at once. */
err_t io_new(uv_loop_t *loop, unsigned thread_count, size_t done_cap_bytes,
             struct io **out, struct err_text *why);
/* Waits until all jobs have run and their done was called, then ends the
 * threads. The loop must not be running. */
void io_stop(struct io *io);
/* After io_stop and after the loop has closed its handles. */
void io_free(struct io *io);

void io_submit(struct io *io, struct job *job /* take */);
void io_hand_over(struct io *io);

/* Jobs submitted and not yet done, by class. */
size_t   io_queue_count(const struct io *io, enum job_class class);
uint64_t io_done_count(const struct io *io, enum job_class class);
bool     io_is_blocking(const struct io *io);

/* Hands over, and waits for the disk until some job is done: its done has been
 * called, that of others may have been. False: no job is under way. */
bool io_wait_some(struct io *io);
/* Runs the loop side until every submitted job is done (tests, shutdown). */
void io_drain(struct io *io);

#endif
