/* scrub.c - after opening, the store is looked through for damage that reads
 * would not notice: SCRUB_FILES files a background job, so that a load that
 * comes meanwhile waits for no more than that. What clients ask for has been
 * verified just before it is read in any case; this is for the engine's own
 * work, which would spread the damage. Once a file is found that must not be
 * worked on, writes are refused (fail.c).
 *
 * Begun by the cron, then a slice a turn, like garbage. That waits until all
 * has been looked through: tombstones may lead its iterators far. */
#include "db/internal.h"

#define SCRUB_FILES    4
#define SCRUB_AGAIN_MS 2000

struct scrub_job {
    struct job      job;
    struct db      *db;
    struct store   *store;
    bool            more;
    err_t           err;
    struct err_text why;
};

static void scrub_run(struct job *base)
{
    struct scrub_job *job = CONTAINER_OF(base, struct scrub_job, job);
    job->err = store_scrub(job->store, SCRUB_FILES, &job->more, &job->why);
}

static void scrub_ended(struct job *base)
{
    struct scrub_job *job = CONTAINER_OF(base, struct scrub_job, job);
    struct db        *db = job->db;
    db->scrub_running = false;
    db->scrub_wanted = job->more;
    db->scrub_more = job->more;
    if (job->err == ERR_CORRUPT) {
        if (!db->failing)
            fail_begin(db, &job->why);
    } else if (job->err != ERR_OK) {
        db_error(db, "verifying tables", &job->why);
        db->scrub_more = false;
        db->scrub_at_ms = db->now_ms + SCRUB_AGAIN_MS;
    }
    mem_free(job);
}

void scrub_step(struct db *db)
{
    if (!db->scrub_wanted || db->scrub_running ||
        db->now_ms < db->scrub_at_ms)
        return;
    db->scrub_more = false;
    struct scrub_job *job = mem_calloc(1, sizeof(*job));
    job->job = (struct job){ .class = JOB_BACKGROUND,
                             .run = scrub_run,
                             .done = scrub_ended };
    job->db = db;
    job->store = db->opt.store;
    db->scrub_running = true;
    io_submit(db->opt.io, &job->job);
}
