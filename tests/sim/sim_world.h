/* sim_world.h - what the simulation is made of: the model, the virtual clients,
 * values that are told apart by their bytes. For test_sim.c only. */
#ifndef SIM_SIM_WORLD_H
#define SIM_SIM_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "db/db.h"
#include "db/internal.h"
#include "sim_coll.h"
#include "sim_io.h"
#include "type/string.h"

#define KEYS      120
#define CLIENTS   12
#define SPACES    2
#define KEY_MAX   48
#define SNAPSHOTS 4096
#define LEN_MAX   200000

/* value 0: no such key. The bytes of a string are made from value and length. */
struct model_value {
    uint64_t          value;
    uint32_t          len;
    enum obj_type     type;
    int64_t           deadline_ms;
    struct coll_model coll;
};

struct model {
    struct model_value keys[SPACES][KEYS];
};

enum op_kind {
    OP_GET, OP_SET, OP_MSET, OP_DEL, OP_EXISTS, OP_RMW, OP_RENAME, OP_EXPIRE,
    OP_MGET, OP_FLUSHDB, OP_DBSIZE, OP_CACHE_FLUSH, OP_EVICT, OP_COPY,
    OP_SWAPDB, OP_EDIT, OP_MOVE, OP_SCAN, OP_KEYS, OP_RANDOM, OP_COUNT
};

struct sim;

struct client {
    struct db_wait wait;
    struct sim    *sim;
    bool           busy;   /* has a command that has not run */
    bool           parked;
    enum op_kind   kind;
    unsigned       space;
    unsigned       keys[40];
    size_t         key_count;
    uint32_t       len;
    int64_t        ttl_ms;
    /* of a scan: where it is, and how things were when it began */
    uint64_t       cursor, ran_then, moved_then;
    uint64_t       was[KEYS];  /* values of what was there */
    unsigned       seen[KEYS];
};

struct sim {
    struct rand    rand;
    struct mem     mem;
    struct io     *io;
    struct store  *memory, *store;
    struct db     *db;
    int64_t        now_ms;
    size_t         limit;
    size_t         page_limit;
    uint64_t       hash_seed;
    uint64_t       next_value;
    struct model   model;
    struct client  clients[CLIENTS];
    /* the model at the closing of each epoch since the last crash */
    struct model  *snapshots;
    uint64_t       snapshot_epoch[SNAPSHOTS];
    size_t         snapshot_count;
    uint64_t       confirmed_epoch; /* CACHE FLUSH answered for it */
    uint64_t       seen_epoch;
    bool           power_loss;
    bool           uses_ttl;
    bool           scans;
    uint64_t       moved; /* commands that take a value elsewhere */
    uint64_t       ran, refused, crashes, io_errors;
};

static uint64_t below(struct sim *sim, uint64_t bound)
{
    return rand_below(&sim->rand, bound);
}

/* --- values -------------------------------------------------------------- */

static size_t key_text(unsigned key, char *out)
{
    return (size_t)snprintf(out, KEY_MAX, key % 3 == 0 ? "{tag}%u" : "key:%u",
                            key);
}

static char *value_bytes(struct model_value value)
{
    char    *bytes = malloc(value.len + 1);
    uint64_t state = value.value * 0x9e3779b97f4a7c15u + value.len;
    for (uint32_t i = 0; i < value.len; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (char)(state >> 56);
    }
    return bytes;
}

static bool is_value(struct model_value value, slice found)
{
    char *bytes = value_bytes(value);
    bool  same = found.len == value.len &&
                memcmp(found.data, bytes, found.len) == 0;
    free(bytes);
    return same;
}

static uint32_t random_len(struct sim *sim)
{
    switch (below(sim, 12)) {
    case 0:
        return 0;
    case 1:
        return (uint32_t)below(sim, 17000); /* around a blob's start */
    case 2:
        return below(sim, 4) == 0 ? (uint32_t)below(sim, LEN_MAX) : 70000;
    case 3:
        return (uint32_t)below(sim, 4000);
    default:
        return (uint32_t)below(sim, 200);
    }
}

/* --- model --------------------------------------------------------------- */

static struct model_value *model_at(struct sim *sim, unsigned space,
                                    unsigned key)
{
    struct model_value *value = &sim->model.keys[space][key];
    if (value->deadline_ms != 0 && value->deadline_ms <= sim->now_ms)
        *value = (struct model_value){ 0 };
    return value;
}

static void snapshot(struct sim *sim)
{
    uint64_t epoch = sim->db->cut.phase != CUT_NONE ? sim->db->cut.epoch
                                                    : sim->db->epoch - 1;
    if (epoch == sim->seen_epoch)
        return;
    sim->seen_epoch = epoch;
    if (sim->snapshot_count == SNAPSHOTS) {
        sim->snapshot_count = SNAPSHOTS / 2;
        memmove(sim->snapshots, sim->snapshots + SNAPSHOTS / 2,
                sizeof(struct model) * (SNAPSHOTS / 2));
        memmove(sim->snapshot_epoch, sim->snapshot_epoch + SNAPSHOTS / 2,
                sizeof(uint64_t) * (SNAPSHOTS / 2));
    }
    sim->snapshots[sim->snapshot_count] = sim->model;
    sim->snapshot_epoch[sim->snapshot_count++] = epoch;
}

#endif
