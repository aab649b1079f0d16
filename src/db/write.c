/* write.c - looking a key up, and the one door through which keys change.
 *
 * Every change goes through put_entry: it captures for the cut in flight what
 * the cut still needs, changes the entry, takes the ticket of a load away,
 * keeps the count of keys, and makes the entry dirty. Whatever later wants to
 * know of changes (WATCH, keyspace events, tracking, replication) hooks in
 * there. */
#include "db/internal.h"

#include "type/string.h"

err_t room_for(struct db *db, const struct db_wait *wait, size_t entry_bytes,
               size_t other_bytes)
{
    for (;;) {
        err_t err = cache_room(&db->cache, entry_bytes, other_bytes);
        if (err != ERR_AGAIN || wait == NULL || !park_rob_younger(db, wait))
            return err;
    }
}

struct db_key db_key_hashed(struct db_space *space, slice key, uint64_t hash)
{
    return (struct db_key){ .space = space, .key = key, .hash = hash };
}

struct db_key db_key_make(struct db *db, struct db_space *space, slice key)
{
    return db_key_hashed(space, key, cache_hash(&db->cache, key));
}

/* --- dirt ---------------------------------------------------------------- */

static size_t dirty_cost(const struct entry *entry)
{
    const struct object *object = entry_object(entry);
    return sizeof(struct entry) + BUSY_BYTES + entry->key_len +
           (entry_presence(entry) == ENTRY_PRESENT ? entry->value_len : 0) +
           (object != NULL ? object_dirty_bytes(object) : 0);
}

void mark_dirty(struct db *db, struct busy *busy)
{
    ASSERT(!cut_is_closing(db, busy));
    if (list_empty(&busy->dirty_link)) {
        list_push_back(&db->open, &busy->dirty_link);
        busy->dirty_epoch = db->epoch;
        busy->dirty_ms = db->now_ms;
        busy->dirty_bytes = 0;
        db->open_count++;
    }
    size_t bytes = dirty_cost(busy->entry);
    db->open_bytes += bytes - busy->dirty_bytes;
    busy->dirty_bytes = bytes;
    busy->version = db_next_version(db);
}

/* A dirty entry whose old record is not known counts as unsettled from its
 * first change on. */
static void count_change(struct db *db, struct busy *busy, bool was_dirty,
                         bool existed, int expires)
{
    struct db_space *space = space_of(db, busy->entry);
    if (busy->disk.known) {
        space_pend(space, entry_exists(busy->entry) - (int)existed,
                   entry_expires(busy->entry) - expires);
    } else if (!was_dirty) {
        db->stats.blind_writes++;
        db->unsettled++;
        if (space != NULL)
            space->unsettled++;
    }
}

static void log_event(struct db *db, const struct entry *entry,
                      const char *event)
{
    char key[LOG_KEY_CHARS];
    LOG_DEBUG(db->opt.log, "scheduled %s of %s (version %llu)", event,
              log_key(entry_key(entry), key),
              (unsigned long long)db->version);
}

/* Nobody is told much oftener than somebody: then not even the change is put
 * together. */
static bool is_heard(const struct db *db)
{
    return db->opt.on_change != NULL && db->opt.is_heard(db->opt.change_arg);
}

void tell(struct db *db, const struct db_change *change)
{
    if (is_heard(db))
        db->opt.on_change(db->opt.change_arg, change);
}

static void tell_changed(struct db *db, const struct busy *busy,
                         const char *event, bool created, bool existed)
{
    if (!is_heard(db))
        return;
    const struct db_space *space = space_of(db, busy->entry);
    if (space == NULL)
        return;
    tell(db, &(struct db_change){ .kind = DB_KEY_CHANGED,
                                  .space = space,
                                  .key = entry_key(busy->entry),
                                  .event = event,
                                  .created = created,
                                  .existed = existed,
                                  .exists = entry_exists(busy->entry) });
}

void db_event(struct db *db, const struct db_key *key, const char *event)
{
    tell(db, &(struct db_change){ .kind = DB_KEY_EVENT,
                                  .space = key->space,
                                  .key = key->key,
                                  .event = event });
}

void tell_expired(struct db *db, struct busy *busy)
{
    db->stats.expired++;
    tell_changed(db, busy, "expired", false, true);
}

static void tell_missed(struct db *db, const struct db_key *key)
{
    if (!is_heard(db))
        return;
    tell(db, &(struct db_change){ .kind = DB_KEY_MISSED,
                                  .space = key->space,
                                  .key = key->key,
                                  .event = "keymiss" });
}

/* The write hook. */
struct entry *put_entry(struct db *db, struct entry *entry,
                        const struct entry_spec *spec, const char *event)
{
    struct busy *busy = cache_make_busy(&db->cache, entry);
    busy->pins++; /* not gone before we are through */
    if (cut_is_closing(db, busy))
        cut_capture_first(db, busy);
    /* Which may have given it an object id since the spec was made. */
    struct entry_spec now = *spec;
    if (now.object != NULL && now.object == entry_object(busy->entry))
        now.object_id = entry_object_id(busy->entry);
    spec = &now;
    bool existed = entry_exists(busy->entry);
    int  expires = entry_expires(busy->entry);
    if (entry_presence(busy->entry) == ENTRY_UNKNOWN && busy->disk.known) {
        existed = busy->disk.exists; /* as expire_cold says */
        expires = busy->disk.deadline_ms != 0;
    }
    struct before before = { existed, entry_type(busy->entry) };
    bool was_dirty = busy_state(busy) != DS_MEMORY;
    struct db_space *space = space_of(db, busy->entry);
    /* Of a namespace that no cut has seen nothing is on disk. */
    if (!busy->disk.known && space != NULL && space->unwritten)
        busy->disk = (struct disk_state){ .known = true };
    bool created = !existed && (was_dirty || busy->disk.known);
    uint64_t old_id = entry_object_id(busy->entry);
    if (old_id != spec->object_id)
        moved_dropped(db, old_id, db->epoch);
    cache_assign(&db->cache, busy->entry, spec);
    mark_dirty(db, busy);
    count_change(db, busy, was_dirty, existed, expires);
    if (space != NULL && space->overlay != NULL)
        overlay_changed(db, space, busy, &before);
    load_cancel(db, busy);
    log_event(db, busy->entry, event);
    tell_changed(db, busy, event, created, existed);
    busy->pins--;
    return busy->entry;
}

static struct entry *find(struct db *db, const struct db_key *key)
{
    return cache_find(&db->cache, key->space->id, key->key, key->hash);
}

static bool has_passed(const struct db *db, const struct entry *entry)
{
    int64_t deadline = entry_deadline(entry);
    return deadline != 0 && deadline <= db->now_ms;
}

struct entry *db_put(struct db *db, const struct db_key *key,
                     const struct entry_spec *spec, const char *event)
{
    struct entry *entry = find(db, key);
    if (entry != NULL && entry_exists(entry) && has_passed(db, entry)) {
        expire_entry(db, entry); /* whoever writes finds no key */
        entry = find(db, key);
    }
    if (entry == NULL)
        entry = cache_add(&db->cache, key->space->id, key->key, key->hash,
                          ENTRY_UNKNOWN);
    if (spec->presence != ENTRY_PRESENT || spec->type != OBJ_STRING ||
        spec->object != NULL ||
        cache_is_inline(key->key.len, spec->value.len))
        return put_entry(db, entry, spec, event);

    struct entry_spec large = *spec;
    large.object = string_object_new(&db->cache.objects, spec->value);
    return put_entry(db, entry, &large, event);
}

bool db_delete(struct db *db, const struct db_key *key, const char *event)
{
    struct entry *entry = db_look(db, key, false);
    if (entry == NULL)
        return false;
    struct entry_spec absent = { .presence = ENTRY_ABSENT };
    put_entry(db, entry, &absent, event);
    return true;
}

void expire_entry(struct db *db, struct entry *entry)
{
    struct entry_spec absent = { .presence = ENTRY_ABSENT };
    struct busy      *busy = cache_make_busy(&db->cache, entry);
    busy->pins++;
    if (cut_is_closing(db, busy))
        cut_capture_first(db, busy); /* as a delete, and that is told there */
    if (entry_exists(busy->entry)) {
        db->stats.expired++;
        put_entry(db, busy->entry, &absent, "expired");
    } else {
        load_cancel(db, busy);
    }
    busy->pins--;
}

void db_pause_expiry(struct db *db, bool paused)
{
    db->expiry_paused = paused;
}

struct entry *db_look(struct db *db, const struct db_key *key, bool touch)
{
    struct entry *entry = find(db, key);
    ASSERT(entry != NULL ? entry_presence(entry) != ENTRY_UNKNOWN
                         : key->space->unwritten);
    if (entry == NULL || !entry_exists(entry)) {
        db->lookups.missing++;
        if (touch && entry != NULL)
            cache_touch(&db->cache, entry);
        tell_missed(db, key);
        return NULL;
    }
    if (has_passed(db, entry)) {
        if (!db->expiry_paused)
            expire_entry(db, entry);
        db->lookups.missing++;
        tell_missed(db, key);
        return NULL;
    }
    db->lookups.found++;
    if (touch)
        cache_touch(&db->cache, entry);
    return entry;
}

const struct entry *db_peek(struct db *db, const struct db_key *key)
{
    const struct entry *entry = find(db, key);
    ASSERT(entry != NULL ? entry_presence(entry) != ENTRY_UNKNOWN
                         : key->space->unwritten);
    bool is_there =
        entry != NULL && entry_exists(entry) && !has_passed(db, entry);
    return is_there ? entry : NULL;
}

const struct db_lookups *db_lookups(const struct db *db)
{
    return &db->lookups;
}

/* --- admission ----------------------------------------------------------- */

bool db_is_failing(const struct db *db)
{
    return db->failing;
}

bool db_has_room(struct db *db, const struct db_wait *wait, size_t bytes)
{
    bool is_large = bytes > CACHE_INLINE_MAX;
    return room_for(db, wait, is_large ? 1024 : bytes,
                    is_large ? bytes : 0) == ERR_OK;
}

static enum db_verdict fail(struct db_wait *wait, err_t err)
{
    wait->err = err;
    return DB_FAILED;
}

enum db_verdict db_admit_write(struct db *db, struct db_wait *wait,
                               size_t grow_bytes, bool grows)
{
    if (db->failing)
        return fail(wait, ERR_IO);
    if (db->open_bytes >= db->opt.cut_max_bytes) {
        /* The open epoch is full. It closes when the cut before it is on
         * disk; until then nobody adds to it (a TTL is dirt too). */
        park(db, wait, DB_WAIT_ROOM, &db->room);
        db_flush_soon(db);
        return DB_PARKED;
    }
    if (!grows)
        return DB_READY;
    park_set_age(db, wait);
    /* It may become an object: charged as both, which errs to the safe side
     * only for large values. */
    size_t inline_bytes = grow_bytes, other = BUSY_BYTES;
    if (grow_bytes > CACHE_INLINE_MAX) {
        other += grow_bytes;
        inline_bytes = 1024;
    }
    err_t err = room_for(db, wait, inline_bytes, other);
    if (err == ERR_OK)
        return DB_READY;
    if (err == ERR_OOM || !park_has_hope(db, wait))
        return fail(wait, ERR_OOM);
    park(db, wait, DB_WAIT_ROOM, &db->room);
    db_flush_soon(db);
    return DB_PARKED;
}

enum db_verdict db_wait_flushed(struct db *db, struct db_wait *wait)
{
    if (wait->err != ERR_OK)
        return DB_FAILED;
    if (wait->epoch == 0) {
        if (db->open_count > 0 || db->map_dirty)
            wait->epoch = db->epoch;
        else if (db->cut.phase != CUT_NONE)
            wait->epoch = db->cut.epoch;
        else
            return DB_READY;
    }
    if (db->durable_epoch >= wait->epoch)
        return DB_READY;
    park(db, wait, DB_WAIT_CUT, &db->flushed);
    db_flush_soon(db);
    return DB_PARKED;
}

enum db_verdict db_wait_settled(struct db *db, struct db_wait *wait)
{
    if (wait->err != ERR_OK)
        return DB_FAILED;
    bool counts_known = !db->reopening && !db->must_reopen;
    if (db->unsettled == 0 && counts_known)
        return DB_READY;
    park(db, wait, DB_WAIT_SETTLE, &db->settle);
    if (counts_known)
        settle_look_at_all(db);
    return DB_PARKED;
}

bool db_evict(struct db *db, const struct db_key *key)
{
    struct entry *entry = find(db, key);
    return entry != NULL && cache_evict(&db->cache, entry);
}

const char *db_state_word(struct db *db, const struct db_key *key)
{
    const struct entry *entry = find(db, key);
    if (entry == NULL || entry_presence(entry) == ENTRY_UNKNOWN)
        return NULL;
    if (!entry_exists(entry))
        return "absent";
    switch (cache_state(&db->cache, entry)) {
    case DS_MEMORY:
        return "memory";
    case DS_DIRTY:
        return "dirty";
    case DS_SAVING:
        return "saving";
    }
    UNREACHABLE();
}
