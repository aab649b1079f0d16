/* random.c - one key out of all, each with about the same chance.
 *
 * Candidates are drawn, and most are turned down, so that what is left is even.
 * A candidate is one of two kinds, in proportion to how many there are:
 *
 *   A key of the overlay. It counts if it exists and is not on disk; those that
 *   are there have their chance as the other kind.
 *
 *   A key record. Its slot is drawn by how many keys each slot has, which
 *   memory knows. In the slot a window of hashes is drawn, wide enough for
 *   WINDOW_KEYS of c keys, and of the `found` ones in it one is drawn, which
 *   counts with a chance of found / WINDOW_MOST. So a key's chance is
 *       c / disk * (WINDOW_KEYS / c) * (1 / found) * (found / WINDOW_MOST)
 *   whatever else is in its slot or window, even if c is a little old: a slot
 *   with most of all keys is as fair as one with few, where the window is all
 *   of it. Hashes are keyed, so a window with more than WINDOW_MOST is an
 *   accident of one in ten million.
 *
 * Both kinds count with the same chance, ACCEPT. What memory knows to be gone
 * is drawn anew. If that goes on, nearly all keys are gone: then the first that
 * is there is taken, from a random place on. */
#include "db/scan.h"

#include "base/hash.h"

#define WINDOW_KEYS 16
#define WINDOW_MOST 40
#define ACCEPT      ((double)WINDOW_KEYS / WINDOW_MOST)
/* Drawn for one job, and jobs before it walks. */
#define CANDIDATES  12
#define ROUNDS      24
/* Keys looked at in one step of the walk. */
#define WALK_COUNT  512

#define HASHES ((uint64_t)1 << SCAN_HASH_BITS)

struct candidate {
    bool     is_overlay;
    uint64_t draw;  /* of a record: which of all on disk */
    uint16_t slot;
    uint32_t keys;  /* in the slot */
    size_t   key_at, key_len; /* of the overlay: its record key in `at` */
    bool     is_gone;
    int64_t  deadline_ms;
};

struct random_plan {
    struct rand      rand;
    struct candidate candidates[CANDIDATES];
    unsigned         rounds;
    bool             walks, has_wrapped;
    uint64_t         walk_from;
};

/* --- on the I/O thread --------------------------------------------------- */

/* A key that was drawn from those seen so far. */
struct choice {
    struct buf key;
    int64_t    deadline_ms;
    uint64_t   found;
};

/* Looks at [from, to) of hashes in a slot. */
static void look_through(struct db_scan *scan, const struct candidate *one,
                         uint64_t from, uint64_t to, struct choice *choice)
{
    struct key_record  record;
    struct store_iter *iter = store_iter_new(scan->db->opt.store, NULL);
    struct buf         begin;
    uint8_t            order[8];
    uint64_t           end = ((uint64_t)one->slot << SCAN_HASH_BITS) + to;
    buf_init(&begin, 64);
    record_key_space(&begin, scan->space_id);
    size_t prefix = begin.len;
    num_put_be64(order, ((uint64_t)one->slot << SCAN_HASH_BITS) + from);
    err_t err = buf_append(&begin, order, sizeof(order));
    ASSERT(err == ERR_OK);
    for (store_iter_seek(iter, buf_slice(&begin)); store_iter_valid(iter);
         store_iter_next(iter)) {
        slice key = store_iter_key(iter);
        if (key.len < RECORD_KEY_PREFIX ||
            memcmp(key.data, begin.data, prefix) != 0 ||
            num_get_be64(key.data + prefix) >= end)
            break;
        if (rand_below(&scan->plan->rand, ++choice->found) != 0)
            continue;
        scan_read_header(key, store_iter_value(iter), &record);
        choice->deadline_ms = record.deadline_ms;
        buf_clear(&choice->key);
        err = buf_append(&choice->key, key.data + RECORD_KEY_PREFIX,
                         key.len - RECORD_KEY_PREFIX);
        ASSERT(err == ERR_OK);
    }
    scan->err = store_iter_error(iter, &scan->why);
    store_iter_free(iter);
    buf_deinit(&begin);
}

static bool try_record(struct db_scan *scan, const struct candidate *one)
{
    struct rand  *rand = &scan->plan->rand;
    struct choice choice = { .found = 0 };
    double        most = WINDOW_MOST;
    buf_init(&choice.key, SIZE_MAX);
    if (one->keys <= WINDOW_KEYS) {
        look_through(scan, one, 0, HASHES, &choice);
        most = one->keys / ACCEPT;
    } else {
        uint64_t width = HASHES / one->keys * WINDOW_KEYS;
        uint64_t from = rand_below(rand, HASHES), to = from + width;
        look_through(scan, one, from, to < HASHES ? to : HASHES, &choice);
        if (to > HASHES && scan->err == ERR_OK)
            look_through(scan, one, 0, to - HASHES, &choice);
    }
    bool is_taken = choice.found > 0 && scan->err == ERR_OK &&
                    rand_unit(rand) * most < (double)choice.found;
    if (is_taken)
        scan_add_found(scan, buf_slice(&choice.key), choice.deadline_ms);
    buf_deinit(&choice.key);
    return is_taken;
}

static bool try_overlay(struct db_scan *scan, const struct candidate *one)
{
    struct store_get get;
    if (rand_unit(&scan->plan->rand) >= ACCEPT || one->is_gone)
        return false;
    slice key = slice_make(scan->at.data + one->key_at, one->key_len);
    err_t err = store_get_one(scan->db->opt.store, key, &get);
    if (err == ERR_OK) {
        store_value_free(get.value);
        return false;
    }
    if (err != ERR_NOT_FOUND) {
        scan->err = err;
        scan->why = get.why;
        return false;
    }
    scan_add_found(scan,
                   slice_make(key.data + RECORD_KEY_PREFIX,
                              key.len - RECORD_KEY_PREFIX),
                   one->deadline_ms);
    return true;
}

static void random_run(struct job *job)
{
    struct db_scan *scan = CONTAINER_OF(job, struct db_scan, job);
    bool            is_taken = false;
    for (unsigned i = 0; i < CANDIDATES && !is_taken && scan->err == ERR_OK;
         i++) {
        const struct candidate *one = &scan->plan->candidates[i];
        is_taken = one->is_overlay ? try_overlay(scan, one)
                                   : try_record(scan, one);
    }
}

/* --- on the loop --------------------------------------------------------- */

static void random_done(struct job *job)
{
    struct db_scan *scan = CONTAINER_OF(job, struct db_scan, job);
    scan->in_flight = false;
    if (scan->wait == NULL) {
        scan_free(scan);
        return;
    }
    scan_charge(scan);
    if (scan->err != ERR_OK)
        db_error(scan->db, "random key", &scan->why);
    park_wake(scan->db, scan->wait);
}

static void draw_overlay(struct db_scan *scan, const struct db_space *space,
                         struct rand *rand, struct candidate *one)
{
    struct db         *db = scan->db;
    struct overlay_key key;
    overlay_random(db, space, rand, &key);
    record_key_key(&db->key_buf, space->id, cache_hash(&db->cache, key.key),
                   key.key);
    one->is_gone = !entry_exists(key.entry);
    one->deadline_ms = entry_deadline(key.entry);
    one->key_at = scan->at.len;
    one->key_len = db->key_buf.len;
    err_t err = buf_append(&scan->at, db->key_buf.data, db->key_buf.len);
    ASSERT(err == ERR_OK);
}

/* Candidates in the order of what they have drawn: one pass over all slots. */
static unsigned sort_records(struct random_plan *plan,
                             struct candidate **sorted)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CANDIDATES; i++) {
        struct candidate *one = &plan->candidates[i];
        if (one->is_overlay)
            continue;
        unsigned at = count++;
        for (; at > 0 && sorted[at - 1]->draw > one->draw; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = one;
    }
    return count;
}

static void find_slots(struct random_plan *plan, const struct db_space *space)
{
    struct candidate *sorted[CANDIDATES];
    unsigned          count = sort_records(plan, sorted), at = 0;
    uint64_t          before = 0;
    for (unsigned slot = 0; at < count; slot++) {
        ASSERT(slot < SLOT_COUNT);
        before += space->slot_keys[slot];
        for (; at < count && sorted[at]->draw < before; at++) {
            sorted[at]->slot = (uint16_t)slot;
            sorted[at]->keys = space->slot_keys[slot];
        }
    }
}

/* REQUIRES: there is something on disk or in the overlay. */
static void draw(struct db_scan *scan, const struct db_space *space,
                 struct rand *rand)
{
    struct random_plan *plan = scan->plan;
    uint64_t            disk = (uint64_t)space->disk_keys;
    uint64_t            all = disk + overlay_count(space);
    rand_init(&plan->rand, rand_next(rand));
    scan->now_ms = scan->db->now_ms;
    scan_clear_found(scan);
    buf_clear(&scan->at);
    for (unsigned i = 0; i < CANDIDATES; i++) {
        struct candidate *one = &plan->candidates[i];
        *one = (struct candidate){ .draw = rand_below(rand, all) };
        one->is_overlay = one->draw >= disk;
        if (one->is_overlay)
            draw_overlay(scan, space, rand, one);
    }
    find_slots(plan, space);
}

/* False: all has been walked over. */
static bool walk_on(struct db_scan *scan, const struct db_space *space,
                    struct rand *rand)
{
    struct random_plan *plan = scan->plan;
    uint64_t            from = scan->next;
    if (!plan->walks) {
        plan->walks = true;
        plan->walk_from = from = rand_below(rand, SLOT_COUNT * HASHES);
    } else if (from == 0) {
        if (plan->has_wrapped)
            return false;
        plan->has_wrapped = true;
    } else if (plan->has_wrapped && from > plan->walk_from) {
        return false;
    }
    scan_begin(scan, space, from, WALK_COUNT);
    scan_go(scan);
    return true;
}

static bool is_empty(const struct db_space *space)
{
    return space->disk_keys == 0 && overlay_count(space) == 0;
}

/* Starts what comes next; false: there is no key. */
static bool go_on(struct db *db, struct db_wait *wait, struct db_space *space,
                  struct rand *rand)
{
    struct db_scan *scan = wait->scan;
    if (is_empty(space))
        return false;
    if (scan == NULL) {
        scan = scan_new(db, wait, space);
        scan->plan = mem_calloc(1, sizeof(*scan->plan));
        scan->plan_bytes = sizeof(*scan->plan);
        scan->most_bytes = SIZE_MAX;
    }
    if (scan->plan->rounds++ >= ROUNDS) {
        if (!walk_on(scan, space, rand))
            return false;
    } else {
        draw(scan, space, rand);
        scan_submit(scan, random_run, random_done);
    }
    park(db, wait, DB_WAIT_SCAN, NULL);
    return true;
}

enum db_verdict db_random_key(struct db *db, struct db_wait *wait,
                              struct db_space *space, struct rand *rand,
                              bool now, slice *key)
{
    *key = (slice){ NULL, 0 };
    if (wait->scan != NULL && wait->scan->space_id != space->id)
        scan_drop(wait);
    for (;;) {
        if (wait->scan != NULL && wait->scan->err != ERR_OK) {
            wait->err = wait->scan->err;
            return DB_FAILED;
        }
        if (wait->scan != NULL && db_scan_next(db, wait, key))
            return DB_READY;
        *key = (slice){ NULL, 0 };
        enum db_verdict verdict = overlay_ready(db, wait, space, now);
        if (verdict != DB_READY)
            return verdict;
        if (!go_on(db, wait, space, rand))
            return DB_READY;
        verdict = scan_wait(db, wait, now);
        if (verdict == DB_FAILED)
            wait->err = ERR_IO;
        if (verdict != DB_READY)
            return verdict;
    }
}
