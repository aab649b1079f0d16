/* held_io.h - io.h for the tests of db/: no threads, and no job runs or is
 * delivered before the test says so.
 *
 * Included by one file of a test program, whose definitions stand in for
 * src/io/io.c. Jobs of one class keep their order. */
#ifndef TESTS_DB_HELD_IO_H
#define TESTS_DB_HELD_IO_H

#include "base/assert.h"
#include "base/mem.h"
#include "io/io.h"

struct io {
    struct link fresh[JOB_CLASS_COUNT];
    struct link waiting[JOB_CLASS_COUNT];
    struct link done; /* run, not delivered */
    size_t      queued[JOB_CLASS_COUNT];
    uint64_t    finished[JOB_CLASS_COUNT];
};

static inline struct io *held_io_new(void)
{
    struct io *io = mem_calloc(1, sizeof(*io));

    for (int i = 0; i < JOB_CLASS_COUNT; i++) {
        link_init(&io->fresh[i]);
        link_init(&io->waiting[i]);
    }
    link_init(&io->done);
    return io;
}

void io_submit(struct io *io, struct job *job)
{
    job->result_bytes = 0;
    list_push_back(&io->fresh[job->class], &job->link);
    io->queued[job->class]++;
}

void io_hand_over(struct io *io)
{
    for (int i = 0; i < JOB_CLASS_COUNT; i++)
        list_splice(&io->waiting[i], &io->fresh[i]);
}

/* Runs the first job of the class; false if there is none. */
static inline bool held_io_run(struct io *io, enum job_class class)
{
    struct link *first = list_first(&io->waiting[class]);

    if (first == NULL)
        return false;
    struct job *job = CONTAINER_OF(first, struct job, link);
    link_remove(first);
    job->run(job);
    list_push_back(&io->done, &job->link);
    return true;
}

/* Delivers the first job that has run; false if there is none. */
static inline bool held_io_deliver(struct io *io)
{
    struct link *first = list_first(&io->done);

    if (first == NULL)
        return false;
    struct job *job = CONTAINER_OF(first, struct job, link);
    link_remove(first);
    io->queued[job->class]--;
    io->finished[job->class]++;
    job->done(job);
    return true;
}

static inline void held_io_deliver_all(struct io *io)
{
    while (held_io_deliver(io)) {
    }
}

static inline bool held_io_run_any(struct io *io)
{
    for (int i = 0; i < JOB_CLASS_COUNT; i++)
        if (held_io_run(io, (enum job_class)i))
            return true;
    return false;
}

bool io_wait_some(struct io *io)
{
    io_hand_over(io);
    if (list_empty(&io->done) && !held_io_run_any(io))
        return false;
    return held_io_deliver(io);
}

void io_drain(struct io *io)
{
    do
        io_hand_over(io);
    while (held_io_run_any(io) || held_io_deliver(io));
}

size_t io_queue_count(const struct io *io, enum job_class class)
{
    return io->queued[class];
}

uint64_t io_done_count(const struct io *io, enum job_class class)
{
    return io->finished[class];
}

bool io_is_blocking(const struct io *io)
{
    (void)io;
    return false;
}

void io_free(struct io *io)
{
    mem_free(io);
}

#endif
