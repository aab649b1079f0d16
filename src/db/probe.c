/* probe.c - is there a record on disk? Asked for CACHE STATE, which must not
 * load anything. The answers are kept with the wait until it is released; a
 * client that goes meanwhile leaves the job without a wait. */
#include "db/internal.h"

struct db_probe_job {
    struct job      job;
    struct db      *db;
    struct db_wait *wait; /* NULL: gone */
    bool            done;
    err_t           err;
    size_t          count;
    struct buf      keys;    /* record keys, one after the other */
    size_t         *key_ends;
    bool           *exists;
};

/* On the I/O thread. */
static void probe_run(struct job *base)
{
    struct db_probe_job *probe = CONTAINER_OF(base, struct db_probe_job, job);
    size_t               at = 0;
    for (size_t i = 0; i < probe->count; i++) {
        struct store_get get;
        slice key = slice_make(probe->keys.data + at, probe->key_ends[i] - at);
        at = probe->key_ends[i];
        err_t err = store_get_one(probe->db->opt.store, key, &get);
        probe->exists[i] = err == ERR_OK;
        if (err == ERR_OK)
            store_value_free(get.value);
        else if (err != ERR_NOT_FOUND)
            probe->err = err;
    }
}

static size_t probe_bytes(const struct db_probe_job *probe)
{
    return sizeof(*probe) + probe->keys.capacity +
           probe->count * (sizeof(size_t) + sizeof(bool));
}

static void probe_free(struct db_probe_job *probe)
{
    mem_release(probe->db->opt.mem, MEM_JOBS, probe_bytes(probe));
    buf_deinit(&probe->keys);
    mem_free(probe->key_ends);
    mem_free(probe->exists);
    mem_free(probe);
}

static void probe_done(struct job *base)
{
    struct db_probe_job *probe = CONTAINER_OF(base, struct db_probe_job, job);
    probe->done = true;
    if (probe->wait == NULL)
        probe_free(probe);
    else
        park_wake(probe->db, probe->wait);
}

void probe_drop(struct db_wait *wait)
{
    struct db_probe_job *probe = wait->probe;
    wait->probe = NULL;
    if (probe == NULL)
        return;
    probe->wait = NULL;
    if (probe->done)
        probe_free(probe);
}

static void probe_start(struct db *db, struct db_wait *wait,
                        const struct db_key *keys, size_t count)
{
    struct db_probe_job *probe = mem_calloc(1, sizeof(*probe));
    probe->job = (struct job){ .class = JOB_LOAD,
                               .run = probe_run,
                               .done = probe_done };
    probe->db = db;
    probe->wait = wait;
    probe->count = count;
    probe->key_ends = mem_calloc(count, sizeof(*probe->key_ends));
    probe->exists = mem_calloc(count, sizeof(*probe->exists));
    buf_init(&probe->keys, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        record_key_key(&db->key_buf, keys[i].space->id, keys[i].hash,
                       keys[i].key);
        err_t err =
            buf_append(&probe->keys, db->key_buf.data, db->key_buf.len);
        ASSERT(err == ERR_OK);
        probe->key_ends[i] = probe->keys.len;
    }
    mem_charge(db->opt.mem, MEM_JOBS, probe_bytes(probe));
    wait->probe = probe;
    park(db, wait, DB_WAIT_PROBE, NULL);
    io_submit(db->opt.io, &probe->job);
}

enum db_verdict db_probe(struct db *db, struct db_wait *wait,
                         const struct db_key *keys, size_t count, bool *exists)
{
    if (wait->probe == NULL) {
        probe_start(db, wait, keys, count);
        return DB_PARKED;
    }
    ASSERT(wait->probe->done && wait->probe->count == count);
    if (wait->probe->err != ERR_OK) {
        wait->err = wait->probe->err;
        return DB_FAILED;
    }
    memcpy(exists, wait->probe->exists, count * sizeof(*exists));
    return DB_READY;
}
