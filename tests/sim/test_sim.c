/* test_sim.c - the whole db under random commands in tiny memory, on a store
 * that fails, against a plain model. One seed, one replay:
 *
 *     SIM_SEED=7 SIM_STEPS=200000 build/tests/sim/test_sim
 *
 * The model is an array of values by key. Virtual clients issue commands; one
 * that must wait is parked like a real client's and tried again when the db
 * says so. Every read is compared with the model at the instant it runs. From
 * time to time the process "crashes": the db is thrown away without a flush,
 * with or without the unsynced writes of the store, and what a new db finds
 * must be the model at one single past instant, no older than the last
 * confirmed flush. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cache/cache.h"
#include "db/db.h"
#include "db/internal.h"
#include "sim_coll.h"
#include "sim_io.h"
#include "sim_pages.h"
#include "sim_scan.h"
#include "sim_world.h"
#include "store/fault.h"
#include "type/string.h"

/* --- commands ------------------------------------------------------------ */

static struct db_key make_key(struct client *client, unsigned key, char *text)
{
    struct sim *sim = client->sim;
    size_t      len = key_text(key, text);
    return db_key_make(sim->db, db_space(sim->db, client->space),
                       slice_make(text, len));
}

static enum db_need need_of(enum op_kind kind, size_t index)
{
    switch (kind) {
    case OP_SET:
    case OP_MSET:
        return DB_NEED_NONE;
    case OP_DEL:
    case OP_EXISTS:
    case OP_EXPIRE:
        return DB_NEED_HEADER;
    case OP_RENAME:
    case OP_MOVE:
        return index == 0 ? DB_NEED_HEADER : DB_NEED_NONE;
    case OP_COPY:
        return index == 0 ? DB_NEED_VALUE : DB_NEED_NONE;
    default:
        return DB_NEED_VALUE;
    }
}

static bool is_write(enum op_kind kind)
{
    return kind == OP_SET || kind == OP_MSET || kind == OP_DEL ||
           kind == OP_RMW || kind == OP_RENAME || kind == OP_EXPIRE ||
           kind == OP_FLUSHDB || kind == OP_COPY || kind == OP_EDIT ||
           kind == OP_MOVE;
}

static bool entry_is(const struct entry *entry, struct model_value want)
{
    const struct object *object = entry_object(entry);
    if (object == NULL)
        return is_value(want, entry_value(entry));
    struct blob *blob = string_object_copy_out(object);
    bool         same = is_value(want, blob_slice(blob));
    blob_unref(blob);
    return same;
}

static void check_read(struct client *client, unsigned key,
                       struct entry *entry, bool value)
{
    struct sim         *sim = client->sim;
    struct model_value *want = model_at(sim, client->space, key);
    assert_int_equal(entry != NULL, want->value != 0);
    if (entry == NULL)
        return;
    assert_int_equal(entry_deadline(entry), want->deadline_ms);
    assert_int_equal(entry_type(entry), want->type);
    if (want->type != OBJ_STRING) {
        assert_true(coll_is(entry, &want->coll));
        return;
    }
    assert_int_equal(db_string_len(entry), want->len);
    if (value && entry_presence(entry) == ENTRY_PRESENT)
        assert_true(entry_is(entry, *want));
}

static void do_set(struct client *client, unsigned key, int64_t ttl_ms)
{
    struct sim         *sim = client->sim;
    char                text[KEY_MAX];
    struct db_key       at = make_key(client, key, text);
    struct model_value *value = model_at(sim, client->space, key);
    *value = (struct model_value){
        .value = ++sim->next_value,
        .len = client->len,
        .deadline_ms = ttl_ms != 0 ? sim->now_ms + ttl_ms : 0,
    };
    char *bytes = value_bytes(*value);
    struct entry_spec spec = { .presence = ENTRY_PRESENT,
                               .value = slice_make(bytes, value->len),
                               .deadline_ms = value->deadline_ms };
    db_put(sim->db, &at, &spec, "set");
    free(bytes);
}

/* Written over in place, end first; the deadline stays. */
static void do_edit(struct client *client, unsigned key)
{
    struct sim         *sim = client->sim;
    struct db_edit      edit;
    char                text[KEY_MAX];
    struct db_key       at = make_key(client, key, text);
    struct model_value *value = model_at(sim, client->space, key);
    value->value = ++sim->next_value;
    value->len = client->len;
    char          *bytes = value_bytes(*value);
    size_t         half = value->len / 2;
    struct object *object = db_edit_begin(sim->db, &at, OBJ_STRING, &edit);
    string_object_write(object, half,
                        slice_make(bytes + half, value->len - half));
    string_object_write(object, 0, slice_make(bytes, half));
    db_edit_end(&edit, "setrange");
    free(bytes);
}

static void do_rename(struct client *client)
{
    struct sim         *sim = client->sim;
    char                from_text[KEY_MAX], to_text[KEY_MAX];
    struct db_key       from = make_key(client, client->keys[0], from_text);
    struct db_key       to = make_key(client, client->keys[1], to_text);
    struct model_value *source = model_at(sim, client->space, client->keys[0]);
    struct entry       *entry = db_look(sim->db, &from, true);
    check_read(client, client->keys[0], entry, true);
    bool     moves = client->kind == OP_MOVE;
    unsigned space = moves ? !client->space : client->space;
    if (entry == NULL || (!moves && client->keys[0] == client->keys[1]))
        return;
    to.space = db_space(sim->db, space);
    db_move(sim->db, &from, &to, "rename_to", "rename_from");
    *model_at(sim, space, client->keys[1]) = *source;
    *source = (struct model_value){ 0 };
}

static void do_change(struct client *client)
{
    struct sim         *sim = client->sim;
    char                text[KEY_MAX];
    unsigned            key = client->keys[0];
    struct db_key       at = make_key(client, key, text);
    struct model_value *value = model_at(sim, client->space, key);
    struct entry       *entry = db_look(sim->db, &at, true);
    check_read(client, key, entry, true);
    if (entry != NULL && entry_type(entry) == OBJ_STRING)
        return;
    static const enum obj_type types[] = { OBJ_SET, OBJ_ZSET, OBJ_HASH };
    enum obj_type  type = entry != NULL ? entry_type(entry) : types[key % 3];
    struct db_edit edit;
    struct object *object = db_edit_begin(sim->db, &at, type, &edit);
    value->value = ++sim->next_value;
    value->type = type;
    coll_change(&sim->rand, object, &value->coll);
    if (coll_model_count(&value->coll) == 0)
        *value = (struct model_value){ 0 };
    db_edit_end(&edit, "edit");
}

/* To the other database. */
static void do_copy(struct client *client)
{
    struct sim         *sim = client->sim;
    char                from_text[KEY_MAX], to_text[KEY_MAX];
    unsigned            other = !client->space;
    struct db_key       from = make_key(client, client->keys[0], from_text);
    struct db_key       to = make_key(client, client->keys[1], to_text);
    struct model_value *source = model_at(sim, client->space, client->keys[0]);
    struct entry       *entry = db_look(sim->db, &from, true);
    check_read(client, client->keys[0], entry, true);
    if (entry == NULL)
        return;
    to.space = db_space(sim->db, other);
    db_copy(sim->db, &from, &to, "copy_to");
    *model_at(sim, other, client->keys[1]) = *source;
}

static void do_key(struct client *client, size_t index)
{
    struct sim         *sim = client->sim;
    unsigned            key = client->keys[index];
    char                text[KEY_MAX];
    struct db_key       at = make_key(client, key, text);
    struct model_value *value = model_at(sim, client->space, key);
    struct entry       *entry;
    switch (client->kind) {
    case OP_GET:
    case OP_MGET:
        check_read(client, key, db_look(sim->db, &at, true), true);
        break;
    case OP_EXISTS:
        check_read(client, key, db_look(sim->db, &at, true), false);
        break;
    case OP_DEL:
        assert_int_equal(db_delete(sim->db, &at, "del"), value->value != 0);
        *value = (struct model_value){ 0 };
        break;
    case OP_RMW:
        check_read(client, key, db_look(sim->db, &at, true), true);
        if (value->value != 0 && value->type == OBJ_STRING &&
            client->len >= value->len)
            do_edit(client, key);
        else
            do_set(client, key, client->ttl_ms);
        break;
    case OP_SET:
    case OP_MSET:
        do_set(client, key, client->ttl_ms);
        break;
    case OP_EXPIRE:
        entry = db_look(sim->db, &at, true);
        check_read(client, key, entry, false);
        if (entry != NULL) {
            struct entry_spec spec = cache_spec(entry);
            spec.deadline_ms = value->deadline_ms =
                client->ttl_ms != 0 ? sim->now_ms + client->ttl_ms : 0;
            db_put(sim->db, &at, &spec, "expire");
        }
        break;
    case OP_EVICT:
        db_evict(sim->db, &at);
        break;
    default:
        fail();
    }
}

static void run(struct client *client)
{
    if (client->kind == OP_EDIT) {
        do_change(client);
        return;
    }
    if (client->kind == OP_RENAME || client->kind == OP_MOVE) {
        do_rename(client);
        return;
    }
    if (client->kind == OP_COPY) {
        do_copy(client);
        return;
    }
    for (size_t i = 0; i < client->key_count; i++)
        do_key(client, i);
}

static void check_size(struct sim *sim, unsigned space)
{
    /* Keys past their deadline may or may not have been met yet. */
    int64_t least = 0, most = 0;
    for (unsigned key = 0; key < KEYS; key++) {
        struct model_value value = sim->model.keys[space][key];
        bool expired =
            value.deadline_ms != 0 && value.deadline_ms <= sim->now_ms;
        least += value.value != 0 && !expired;
        most += value.value != 0;
    }
    int64_t count = db_key_count(sim->db, db_space(sim->db, space));
    /* Keys past their deadline count until they are met, and the model forgets
     * them sooner: so with deadlines about there is only one bound. */
    if (count < least)
        fail_msg("DBSIZE says %lld of %lld", (long long)count,
                 (long long)least);
    if (!sim->uses_ttl)
        assert_int_equal(count, most);
}

static void finish(struct client *client)
{
    struct sim *sim = client->sim;
    db_release(sim->db, &client->wait);
    client->busy = false;
    client->parked = false;
    sim->ran++;
}

/* Commands without keys. */
static enum db_verdict try_special(struct client *client)
{
    struct sim     *sim = client->sim;
    enum db_verdict verdict = DB_READY;
    switch (client->kind) {
    case OP_FLUSHDB:
        verdict = db_admit_write(sim->db, &client->wait, 0, false);
        if (verdict == DB_READY) {
            db_flush_space(sim->db, db_space(sim->db, client->space));
            memset(sim->model.keys[client->space], 0,
                   sizeof(sim->model.keys[0]));
        }
        break;
    case OP_SWAPDB:
        verdict = db_admit_write(sim->db, &client->wait, 0, false);
        if (verdict == DB_READY) {
            struct model *model = &sim->model, was = *model;
            db_swap_spaces(sim->db, db_space(sim->db, 0),
                           db_space(sim->db, 1));
            memcpy(model->keys[0], was.keys[1], sizeof(was.keys[0]));
            memcpy(model->keys[1], was.keys[0], sizeof(was.keys[0]));
        }
        break;
    case OP_DBSIZE:
        verdict = db_wait_settled(sim->db, &client->wait);
        if (verdict == DB_READY)
            check_size(sim, client->space);
        break;
    case OP_SCAN:
    case OP_KEYS:
        return try_scan(client);
    case OP_RANDOM:
        return try_random(client);
    default:
        verdict = db_wait_flushed(sim->db, &client->wait);
        if (verdict == DB_READY && sim->db->durable_epoch >
                                       sim->confirmed_epoch)
            sim->confirmed_epoch = sim->db->durable_epoch;
        break;
    }
    return verdict;
}

static enum db_verdict try_keys(struct client *client)
{
    struct sim    *sim = client->sim;
    struct db_want wants[40];
    char           texts[40][KEY_MAX];
    for (size_t i = 0; i < client->key_count; i++)
        wants[i] = (struct db_want){
            .key = make_key(client, client->keys[i], texts[i]),
            .need = client->kind == OP_EVICT ? DB_NEED_NONE
                                             : need_of(client->kind, i)
        };
    if (client->kind == OP_COPY || client->kind == OP_MOVE)
        wants[1].key.space = db_space(sim->db, !client->space);
    for (int round = 0; round < 2; round++) {
        enum db_verdict verdict =
            db_acquire(sim->db, &client->wait, wants, client->key_count);
        if (verdict != DB_READY || !is_write(client->kind))
            return verdict;
        uint64_t evictions = sim->db->cache.evictions;
        size_t   grow = client->key_count * (client->len + 256u);
        if (client->kind == OP_EDIT)
            grow += 32 * 1024;
        if (client->kind == OP_COPY)
            grow += LEN_MAX; /* it is not told how long the value is */
        verdict = db_admit_write(sim->db, &client->wait, grow,
                                 client->kind != OP_DEL);
        if (verdict != DB_READY || sim->db->cache.evictions == evictions)
            return verdict;
    }
    return db_acquire(sim->db, &client->wait, wants, client->key_count);
}

static void attempt(struct client *client)
{
    struct sim *sim = client->sim;
    bool special = client->kind == OP_FLUSHDB || client->kind == OP_DBSIZE ||
                   client->kind == OP_CACHE_FLUSH ||
                   client->kind == OP_SWAPDB || client->kind == OP_SCAN ||
                   client->kind == OP_KEYS || client->kind == OP_RANDOM;
    enum db_verdict verdict = special ? try_special(client) : try_keys(client);
    client->parked = verdict == DB_PARKED;
    if (verdict == DB_PARKED)
        return;
    if (verdict == DB_READY && !special)
        run(client);
    sim->refused += verdict == DB_FAILED;
    sim->moved += client->kind == OP_RENAME || client->kind == OP_MOVE ||
                  client->kind == OP_SWAPDB;
    finish(client);
}

static void issue(struct client *client)
{
    struct sim *sim = client->sim;
    static const enum op_kind often[] = {
        OP_GET, OP_GET, OP_SET, OP_SET, OP_DEL, OP_RMW, OP_MGET, OP_MSET,
        OP_EXISTS, OP_EXPIRE, OP_RENAME, OP_EVICT, OP_EVICT, OP_COPY,
        OP_EDIT, OP_EDIT, OP_EDIT, OP_MOVE,
    };
    client->busy = true;
    client->kind = often[below(sim, sizeof(often) / sizeof(often[0]))];
    if (below(sim, 40) == 0)
        client->kind = OP_DBSIZE;
    if (below(sim, 60) == 0)
        client->kind = OP_CACHE_FLUSH;
    if (below(sim, 300) == 0)
        client->kind = OP_FLUSHDB;
    if (below(sim, 100) == 0)
        client->kind = OP_SWAPDB;
    if (sim->scans && below(sim, 20) == 0)
        client->kind = OP_SCAN + (enum op_kind)below(sim, 3);
    client->space = (unsigned)below(sim, SPACES);
    client->key_count = 1;
    if (client->kind == OP_MGET || client->kind == OP_MSET)
        client->key_count = 1 + below(sim, 30);
    if (client->kind == OP_RENAME || client->kind == OP_COPY ||
        client->kind == OP_MOVE)
        client->key_count = 2;
    for (size_t i = 0; i < client->key_count; i++)
        client->keys[i] = (unsigned)below(sim, KEYS);
    client->len = random_len(sim);
    if (client->key_count > 5)
        client->len %= 3000;
    client->ttl_ms = sim->uses_ttl && below(sim, 5) == 0
                         ? 1 + (int64_t)below(sim, 3000)
                         : 0;
    scan_issue(client);
    attempt(client);
}

static void on_ready(void *arg, struct db_wait *wait)
{
    (void)arg;
    struct client *client = CONTAINER_OF(wait, struct client, wait);
    assert_true(client->busy && client->parked);
    if (client->kind == OP_COUNT)
        client->parked = false; /* read_back tries again itself */
    else
        attempt(client);
}

/* --- life and crash ------------------------------------------------------ */

static void open_sim_db(struct sim *sim)
{
    struct err_text   why = { "" };
    sim->io = sim_io_new(&sim->rand);
    struct db_options options = {
        .mem = &sim->mem,
        .io = sim->io,
        .store = sim->store,
        .limit_bytes = sim->limit,
        .keep_nothing = below(&*sim, 6) == 0,
        .flush_delay_ms = below(sim, 300),
        .cut_max_bytes = sim->limit / (8 + below(sim, 24)),
        .fsync = sim->power_loss,
        .databases = SPACES,
        .page_limit = sim->page_limit,
        .hash_seed = sim->hash_seed,
        .now_ms = sim->now_ms,
        .on_ready = on_ready,
        .ready_arg = sim,
    };
    err_t err = db_open(&options, &sim->db, &why);
    if (err != ERR_OK)
        fail_msg("open: %s", why.text);
    sim->snapshot_count = 0;
    sim->confirmed_epoch = 0;
    sim->seen_epoch = sim->db->epoch - 1;
    sim->snapshots[0] = sim->model;
    sim->snapshot_epoch[0] = 0;
    sim->snapshot_count = 1;
}

/* The same to whoever reads it: short values may be equal by chance. */
static bool is_same(struct model_value a, struct model_value b)
{
    if (a.value == b.value || a.value == 0 || b.value == 0)
        return a.value == b.value && a.deadline_ms == b.deadline_ms;
    if (a.type != b.type || a.deadline_ms != b.deadline_ms)
        return false;
    if (a.type != OBJ_STRING)
        return memcmp(&a.coll, &b.coll, sizeof(a.coll)) == 0;
    char *bytes = value_bytes(a);
    bool  same = is_value(b, slice_make(bytes, a.len));
    free(bytes);
    return same;
}

/* Was this the past instant? Deadlines that have passed are ignored. */
static bool matches(struct sim *sim, const struct model *then)
{
    for (unsigned space = 0; space < SPACES; space++)
        for (unsigned key = 0; key < KEYS; key++) {
            struct model_value want = then->keys[space][key];
            struct model_value have = sim->model.keys[space][key];
            if (want.deadline_ms != 0 && want.deadline_ms <= sim->now_ms)
                want = (struct model_value){ 0 };
            if (!is_same(want, have))
                return false;
        }
    return true;
}

/* Which of the past values is this? Values are told apart by their bytes. */
static struct model_value identify(struct sim *sim, unsigned space,
                                   unsigned key, struct entry *entry)
{
    for (size_t i = sim->snapshot_count; i > 0; i--) {
        struct model_value value = sim->snapshots[i - 1].keys[space][key];
        if (value.value == 0 || value.type != entry_type(entry) ||
            value.deadline_ms != entry_deadline(entry))
            continue;
        if (value.type != OBJ_STRING
                ? coll_is(entry, &value.coll)
                : value.len == db_string_len(entry) && entry_is(entry, value))
            return value;
    }
    fail_msg("key %u of %u came back as something that never was", key, space);
    return (struct model_value){ 0 };
}

static void drain_and_turn(struct sim *sim)
{
    for (int i = 0; i < 4; i++) {
        db_turn(sim->db, sim->now_ms);
        io_drain(sim->io);
    }
}

static void read_back(struct sim *sim)
{
    struct client *client = &sim->clients[0];
    for (unsigned space = 0; space < SPACES; space++)
        for (unsigned key = 0; key < KEYS; key++) {
            char text[KEY_MAX];
            client->space = space;
            struct db_key  at = make_key(client, key, text);
            struct db_want want = { .key = at, .need = DB_NEED_VALUE };
            enum db_verdict verdict;
            client->busy = true;
            client->kind = OP_COUNT;
            int rounds = 0;
            while ((verdict = db_acquire(sim->db, &client->wait, &want, 1)) ==
                   DB_PARKED) {
                client->parked = true;
                while (client->parked) {
                    assert_true(++rounds < 1000);
                    drain_and_turn(sim);
                }
            }
            assert_int_equal(verdict, DB_READY);
            struct entry *entry = db_look(sim->db, &at, false);
            sim->model.keys[space][key] =
                entry == NULL ? (struct model_value){ 0 }
                              : identify(sim, space, key, entry);
            db_release(sim->db, &client->wait);
            client->busy = client->parked = false;
        }
}

/* Everything is flushed and all garbage gone: are the pages all right? */
static void check_store(struct sim *sim)
{
    struct db *db = sim->db;
    for (int i = 0; i < 2000; i++) {
        db_flush_soon(db);
        sim->now_ms++;
        db_cron(db, sim->now_ms);
        drain_and_turn(sim);
        if (!db_is_dirty(db) && !db->garbage_known && !db->garbage_running &&
            !db->garbage_more && db->expiry.next_ms > db->now_ms &&
            db->expiry.found == NULL)
            break;
    }
    assert_false(db_is_dirty(db));
    check_pages(db, sim->store);
    check_expiries(db, sim->store);
}

static void throw_away(struct sim *sim)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        db_release(sim->db, &sim->clients[i].wait);
        sim->clients[i].busy = sim->clients[i].parked = false;
    }
    /* What is queued is run, or not: both may happen before a kill. Results
     * are delivered, since the db must free its jobs, but change no disk. */
    while (below(sim, 3) != 0 && sim_io_run_one(sim->io)) {
    }
    fault_reset(sim->store);
    fault_fail(sim->store, FAULT_WRITE, 0, -1, ERR_IO, false);
    fault_fail_reopen(sim->store, true);
    io_drain(sim->io);
    db_close(sim->db);
    io_free(sim->io);
    fault_reset(sim->store);
    assert_int_equal(store_reopen(sim->store, NULL), ERR_OK);
    for (int i = 0; i < MEM_ACCOUNT_COUNT; i++)
        assert_int_equal(sim->mem.used_bytes[i], 0);
}

/* Which keys stand in the way of each past instant. */
static void explain(struct sim *sim, const struct model *past,
                    const uint64_t *epochs, size_t count)
{
    for (size_t i = 0; i <= count; i++) {
        fprintf(stderr, "epoch %llu:", (unsigned long long)epochs[i]);
        for (unsigned n = 0; n < SPACES * KEYS; n++) {
            struct model_value want = past[i].keys[n / KEYS][n % KEYS];
            struct model_value have = sim->model.keys[n / KEYS][n % KEYS];
            if (want.deadline_ms != 0 && want.deadline_ms <= sim->now_ms)
                want = (struct model_value){ 0 };
            if (want.value != have.value)
                fprintf(stderr, " %u/%u %llu!=%llu", n / KEYS, n % KEYS,
                        (unsigned long long)want.value,
                        (unsigned long long)have.value);
        }
        fprintf(stderr, "\n");
    }
}

static void crash(struct sim *sim)
{
    uint64_t confirmed = sim->confirmed_epoch;
    snapshot(sim);
    sim->crashes++;
    /* The newest state counts too: a cut may have been taken just now. */
    struct model newest = sim->model;
    throw_away(sim);
    if (sim->power_loss)
        store_memory_power_loss(sim->memory);

    size_t        count = sim->snapshot_count;
    struct model *past = malloc(sizeof(*past) * (count + 1));
    uint64_t     *epochs = malloc(sizeof(*epochs) * (count + 1));
    memcpy(past, sim->snapshots, sizeof(*past) * count);
    memcpy(epochs, sim->snapshot_epoch, sizeof(*epochs) * count);
    past[count] = newest;
    epochs[count] = UINT64_MAX;

    open_sim_db(sim);
    memcpy(sim->snapshots, past, sizeof(*past) * count);
    sim->snapshot_count = count;
    sim->snapshots[sim->snapshot_count++] = newest;
    read_back(sim);
    bool found = false;
    for (size_t i = 0; i <= count && !found; i++)
        found = epochs[i] >= confirmed && matches(sim, &past[i]);
    if (!found && getenv("SIM_EXPLAIN") != NULL)
        explain(sim, past, epochs, count);
    if (!found)
        fail_msg("after crash %llu the data is no cut (confirmed epoch %llu)",
                 (unsigned long long)sim->crashes,
                 (unsigned long long)confirmed);
    db_check(sim->db);
    check_store(sim);
    sim->snapshots[0] = sim->model;
    sim->snapshot_epoch[0] = 0;
    sim->snapshot_count = 1;
    sim->seen_epoch = sim->db->cut.phase != CUT_NONE ? sim->db->cut.epoch
                                                     : sim->db->epoch - 1;
    free(past);
    free(epochs);
}

/* --- the run ------------------------------------------------------------- */

static void disturb(struct sim *sim)
{
    switch (below(sim, 6)) {
    case 0:
        fault_fail(sim->store, FAULT_WRITE, (unsigned)below(sim, 6), 1, ERR_IO,
                   below(sim, 2) == 0);
        break;
    case 1:
        fault_fail(sim->store, FAULT_WRITE, (unsigned)below(sim, 6),
                   1 + (int)below(sim, 4), ERR_NO_SPACE, false);
        break;
    case 2:
        fault_fail(sim->store, FAULT_GET, (unsigned)below(sim, 20), 1, ERR_IO,
                   false);
        break;
    case 3:
        fault_fail_reopen(sim->store, true);
        break;
    case 4:
        fault_fail_reopen(sim->store, false);
        break;
    default:
        db_flush_soon(sim->db);
        break;
    }
}

static void step(struct sim *sim)
{
    struct client *client = &sim->clients[below(sim, CLIENTS)];
    if (!client->busy)
        issue(client);
    else if (below(sim, 400) == 0) {
        /* the client closes its connection */
        db_release(sim->db, &client->wait);
        client->busy = client->parked = false;
    }
    sim_io_step(sim->io);
    if (below(sim, 3) == 0) {
        sim->now_ms += (int64_t)below(sim, 30);
        /* Commands that this turn resumes run before it closes the epoch. */
        db_turn(sim->db, sim->now_ms);
        snapshot(sim);
    }
    if (below(sim, 50) == 0) {
        db_cron(sim->db, sim->now_ms);
        snapshot(sim); /* it may have flushed synchronously */
    }
    if (below(sim, 500) == 0)
        disturb(sim);
    if (below(sim, 64) == 0)
        db_check(sim->db);
    if (below(sim, 8000) == 0)
        crash(sim);
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void run_seed(uint64_t seed, uint64_t steps, bool power_loss)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    rand_init(&sim->rand, seed);
    sim->snapshots = malloc(sizeof(struct model) * (SNAPSHOTS + 2));
    sim->now_ms = 1700000000000;
    sim->limit = (size_t)(1500 + below(sim, 3000)) * 1024;
    sim->page_limit = below(sim, 3) == 0 ? 0 : 200 + below(sim, 400);
    sim->hash_seed = seed + 1;
    sim->power_loss = power_loss;
    sim->uses_ttl = below(sim, 3) != 0;
    sim->scans = below(sim, 2) == 0;
    sim->memory = store_open_memory();
    sim->store = store_open_fault(sim->memory);
    for (size_t i = 0; i < CLIENTS; i++) {
        sim->clients[i].sim = sim;
        db_wait_init(&sim->clients[i].wait);
    }
    open_sim_db(sim);
    for (uint64_t i = 0; i < steps; i++)
        step(sim);
    crash(sim);
    printf("seed %llu: %llu commands, %llu refused, %llu crashes\n",
           (unsigned long long)seed, (unsigned long long)sim->ran,
           (unsigned long long)sim->refused,
           (unsigned long long)sim->crashes);
    assert_true(sim->ran > steps / 100);
    throw_away(sim);
    store_close(sim->store);
    free(sim->snapshots);
    free(sim);
}

static void test_random_commands(void **state)
{
    (void)state;
    uint64_t seed = env_number("SIM_SEED", 0);
    uint64_t steps = env_number("SIM_STEPS", 40000);
    uint64_t seeds = env_number("SIM_SEEDS", 12);
    for (uint64_t i = 0; i < seeds; i++) {
        fprintf(stderr, "SIM_SEED=%llu SIM_STEPS=%llu SIM_SEEDS=1\n",
                (unsigned long long)(seed + i), (unsigned long long)steps);
        run_seed(seed + i, steps, (seed + i) % 3 == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
