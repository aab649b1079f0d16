/* sim_io.h - io.h for the simulation: no threads, and every order that threads
 * could bring, chosen by a seed.
 *
 * Included by one test program, whose definitions stand in for src/io/io.c. A
 * job is submitted, handed over, run and delivered in steps that the
 * simulation takes; saves keep their order among themselves, an exclusive job
 * runs when no other is under way, everything else is free. */
#ifndef SIM_IO_H
#define SIM_IO_H

#include "base/assert.h"
#include "base/mem.h"
#include "base/rand.h"
#include "io/io.h"

struct io {
    struct rand *rand;
    struct link  fresh[JOB_CLASS_COUNT];
    struct link  waiting[JOB_CLASS_COUNT];
    struct link  done; /* run, not delivered */
    size_t       queued[JOB_CLASS_COUNT];
    uint64_t     finished[JOB_CLASS_COUNT];
};

static struct io *sim_io_new(struct rand *rand)
{
    struct io *io = mem_calloc(1, sizeof(*io));
    io->rand = rand;
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

/* Runs one job of a random class; false if there is none. */
static bool sim_io_run_one(struct io *io)
{
    int ready[JOB_CLASS_COUNT], count = 0;
    for (int i = 0; i < JOB_CLASS_COUNT; i++)
        if (!list_empty(&io->waiting[i]))
            ready[count++] = i;
    if (count == 0)
        return false;
    int          class = ready[rand_below(io->rand, (uint64_t)count)];
    struct link *first = list_first(&io->waiting[class]);
    struct job  *job = CONTAINER_OF(first, struct job, link);
    link_remove(first);
    job->run(job);
    list_push_back(&io->done, &job->link);
    return true;
}

/* Delivers one job that has run; false if there is none. */
static bool sim_io_deliver_one(struct io *io)
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

static void sim_io_step(struct io *io)
{
    for (uint64_t n = rand_below(io->rand, 4); n > 0; n--)
        sim_io_run_one(io);
    for (uint64_t n = rand_below(io->rand, 4); n > 0; n--)
        sim_io_deliver_one(io);
}

bool io_wait_some(struct io *io)
{
    io_hand_over(io);
    if (list_empty(&io->done) && !sim_io_run_one(io))
        return false;
    return sim_io_deliver_one(io);
}

void io_drain(struct io *io)
{
    do
        io_hand_over(io);
    while (sim_io_run_one(io) || sim_io_deliver_one(io));
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
