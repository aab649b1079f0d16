/* cut.c - a flush: one instant of the whole dataset, written as one unit.
 *
 * Closing the epoch takes no time: the open list of dirty entries becomes the
 * closing list. Then the loop goes on serving while, a slice each turn, the
 * closing entries are captured: encoded into the batch. Whoever wants to
 * change one of them before its turn captures it first (copy before write).
 * When all are captured and all old records known, the batch goes to the I/O
 * thread; when it is on disk, the entries become clean, again in slices.
 *
 *   NONE -> CAPTURE -> SETTLE -> WRITE -> FINISH -> NONE
 *
 * Any error leads through cut_abort (fail.c): the closed epoch joins the open
 * one, and everything dirty is unsettled. */
#include "db/internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/prefetch.h"

static void cut_reset(struct db *db)
{
    struct cut *cut = &db->cut;
    for (size_t i = 0; i < cut->shadow_count; i++)
        space_free_slots(db, &cut->shadows[i]);
    for (size_t i = 0; i < cut->page_count; i++)
        page_unref(cut->pages[i].page);
    store_batch_free(cut->batch);
    mem_free(cut->pages);
    mem_free(cut->new_objects);
    mem_free(cut->map);
    mem_free(cut->dead.ids);
    mem_free(cut->shadows);
    ASSERT(list_empty(&cut->closing) && list_empty(&cut->captured));
    cut_init(db);
    mem_set(db->opt.mem, MEM_CUT, 0);
}

void cut_init(struct db *db)
{
    db->cut = (struct cut){ .phase = CUT_NONE };
    link_init(&db->cut.closing);
    link_init(&db->cut.captured);
}

void cut_deinit(struct db *db)
{
    if (db->cut.phase != CUT_NONE)
        cut_abort(db);
    cut_reset(db);
}

bool db_is_dirty(const struct db *db)
{
    return db->open_count > 0 || db->map_dirty || db->cut.phase != CUT_NONE;
}

/* When the oldest change of the open epoch was made; -1: there is none. */
static int64_t oldest_ms(const struct db *db)
{
    const struct link *first = list_first(&db->open);
    int64_t            oldest = db->map_dirty ? db->map_dirty_ms : -1;
    if (first != NULL) {
        int64_t at = CONTAINER_OF(first, struct busy, dirty_link)->dirty_ms;
        if (oldest < 0 || at < oldest)
            oldest = at;
    }
    return oldest;
}

int64_t db_next_flush_ms(const struct db *db)
{
    int64_t oldest = oldest_ms(db);
    if (oldest < 0 || db->cut.phase != CUT_NONE || db->failing)
        return -1;
    int64_t due = oldest + (int64_t)db->opt.flush_delay_ms - db->now_ms;
    return due > 0 ? due : 0;
}

bool cut_wanted(const struct db *db)
{
    if (db->cut.phase != CUT_NONE || db->reopening || db->must_reopen ||
        oldest_ms(db) < 0)
        return false;
    if (db->failing)
        return db->now_ms >= db->retry_at_ms;
    return db->flush_wanted || db->open_bytes >= db->opt.cut_max_bytes ||
           db_next_flush_ms(db) == 0;
}

/* --- closing the epoch --------------------------------------------------- */

void cut_begin(struct db *db)
{
    struct cut *cut = &db->cut;
    ASSERT(cut->phase == CUT_NONE);
    cut->phase = CUT_CAPTURE;
    cut->epoch = db->epoch++;
    cut->started_ms = db->now_ms;
    cut->begun_us = clock_mono_us();
    cut->batch = store_batch_new();
    cut->closing_bytes = db->open_bytes;
    cut->first_object_id = db->object_id;
    list_splice(&cut->closing, &db->open);
    cut->entry_count = db->open_count;
    db->open_count = 0;
    db->open_bytes = 0;
    db->flush_wanted = false;

    cut->map_changed = db->map_dirty;
    cut->map = mem_calloc(db->opt.databases, sizeof(*cut->map));
    for (unsigned i = 0; i < db->opt.databases; i++) {
        cut->map[i] = db->spaces[i].id;
        db->spaces[i].unwritten = false;
    }
    cut->dead = db->dead;
    db->dead = (struct dead_list){ 0 };
    db->map_dirty = false;
    park_wake_list(db, &db->room);
}

bool cut_is_closing(const struct db *db, const struct busy *busy)
{
    return !list_empty(&busy->dirty_link) && busy->dirty_epoch != db->epoch;
}

void cut_keep_space(struct db *db, struct db_space *space)
{
    struct cut *cut = &db->cut;
    if (cut->phase != CUT_CAPTURE && cut->phase != CUT_SETTLE)
        return;
    cut->shadows = mem_realloc(
        cut->shadows, (cut->shadow_count + 1) * sizeof(*cut->shadows));
    cut->shadows[cut->shadow_count++] = *space;
    space->slot_keys = NULL; /* the shadow's now */
    space->groups = NULL;
}

/* The database that an entry of the closed epoch is counted in. */
static struct db_space *counted_in(struct db *db, uint32_t space_id)
{
    struct db_space *space = space_by_id(db, space_id);
    for (size_t i = 0; space == NULL && i < db->cut.shadow_count; i++)
        if (db->cut.shadows[i].id == space_id)
            space = &db->cut.shadows[i];
    return space;
}

/* --- capturing ----------------------------------------------------------- */

static void put_garbage(struct db *db, uint64_t object_id)
{
    record_garbage_object_key(&db->key_buf2, object_id);
    record_value_begin(&db->value_buf);
    record_value_end(&db->value_buf, buf_slice(&db->key_buf2));
    store_batch_put(db->cut.batch, buf_slice(&db->key_buf2),
                    buf_slice(&db->value_buf));
    db->cut.makes_garbage = true;
}

/* What it holds was given to it in the closed epoch, and goes with it: only
 * the record of the key that gave it, if any, still names it. */
static void drop_given(struct db *db, const struct busy *busy)
{
    uint64_t id = entry_object_id(busy->entry);
    if (id == 0 || (busy->disk.known && busy->disk.object_id == id) ||
        !moved_is_held(db, id, db->cut.epoch))
        return;
    put_garbage(db, id);
}

static void delete_expiry(struct db *db, int64_t deadline_ms, slice record_key)
{
    record_expiry_key(&db->key_buf2, deadline_ms, record_key);
    store_batch_delete(db->cut.batch, buf_slice(&db->key_buf2));
}

/* What of the old record goes when the captured state replaces it. */
static void replace_old(struct db *db, struct busy *busy, slice record_key)
{
    struct cut              *cut = &db->cut;
    const struct disk_state *old = &busy->disk, *new = &busy->saving;
    if (old->deadline_ms != 0 && old->deadline_ms != new->deadline_ms)
        delete_expiry(db, old->deadline_ms, record_key);
    if (old->object_id != 0 && old->object_id != new->object_id &&
        !moved_is_held(db, old->object_id, cut->epoch))
        put_garbage(db, old->object_id);
    int              delta = (int)new->exists - (int)old->exists;
    struct db_space *space = counted_in(db, busy->entry->space);
    ASSERT(space != NULL);
    space_count_slot(db, space, hash_slot(entry_key(busy->entry)), delta);
    int expires = (new->deadline_ms != 0) - (old->deadline_ms != 0);
    space_count_expires(space, expires);
    space_pend(space, -delta, -expires);
    busy->disk = busy->saving;
}

/* key_buf = the entry's record key. */
static slice make_record_key(struct db *db, const struct entry *entry)
{
    slice key = entry_key(entry);
    record_key_key(&db->key_buf, entry->space, cache_hash(&db->cache, key),
                   key);
    return buf_slice(&db->key_buf);
}

void cut_settled(struct db *db, struct busy *busy)
{
    ASSERT(db->cut.unsettled > 0);
    db->cut.unsettled--;
    replace_old(db, busy, make_record_key(db, busy->entry));
}

/* --- collections and large strings ---------------------------------------- */

uint32_t cut_capture_number(const struct db *db)
{
    return (uint32_t)(db->cut.epoch % (TREE_CAPTURE_OLD - 1)) + 1;
}

/* An object that has none yet gets an id; its nodes are written before the
 * batch. */
static uint64_t give_object_id(struct db *db, struct busy *busy)
{
    struct cut       *cut = &db->cut;
    struct entry_spec spec = cache_spec(busy->entry);
    uint64_t          slot = hash_slot(entry_key(busy->entry));
    ASSERT(db->object_id < db->object_id_limit);
    spec.object_id = slot << RECORD_OBJECT_SLOT_SHIFT | db->object_id++;
    cache_assign(&db->cache, busy->entry, &spec);

    if (cut->new_count == cut->new_capacity) {
        cut->new_capacity = cut->new_capacity * 2 + 8;
        cut->new_objects =
            mem_realloc(cut->new_objects,
                        cut->new_capacity * sizeof(*cut->new_objects));
    }
    cut->new_objects[cut->new_count++] = spec.object_id;
    return spec.object_id;
}

static void add_page(struct cut *cut, struct page_save save)
{
    if (cut->page_count == cut->page_capacity) {
        cut->page_capacity = cut->page_capacity * 2 + 64;
        cut->pages =
            mem_realloc(cut->pages, cut->page_capacity * sizeof(*cut->pages));
    }
    cut->pages[cut->page_count++] = save;
    cut->page_bytes += page_charge_bytes(save.page) + sizeof(save);
}

/* Is this collection part of the cut in flight already? */
static bool is_in_cut(const struct db *db, const struct object *object)
{
    return object != NULL && object->capture == cut_capture_number(db);
}

/* What it has no more is deleted. */
static void begin_object(struct db *db, struct busy *busy)
{
    struct object  *object = entry_object(busy->entry);
    const uint64_t *gone;
    size_t          gone_count;
    if (entry_object_id(busy->entry) == 0)
        give_object_id(db, busy);
    object_begin_capture(object, cut_capture_number(db), &gone, &gone_count);
    for (size_t i = 0; i < gone_count; i++) {
        record_page_key(&db->key_buf2, entry_object_id(busy->entry), gone[i]);
        store_batch_delete(db->cut.batch, buf_slice(&db->key_buf2));
    }
}

static uint64_t serial_of(uint64_t object_id)
{
    return object_id & (((uint64_t)1 << RECORD_OBJECT_SLOT_SHIFT) - 1);
}

/* Takes dirty nodes of a collection by reference, most at most. */
static void capture_nodes(struct db *db, struct busy *busy, size_t most)
{
    struct object *object = entry_object(busy->entry);
    if (!is_in_cut(db, object))
        begin_object(db, busy);
    uint64_t     id = entry_object_id(busy->entry);
    struct page *page;
    while (most-- > 0 && (page = object_capture(object)) != NULL)
        add_page(&db->cut,
                 (struct page_save){
                     .object_id = id,
                     .page = page,
                     .is_ahead = serial_of(id) >= db->cut.first_object_id });
    cache_recharge(&db->cache, busy->entry);
}

/* A slice of one that is too large for a turn; false: it is not. */
static bool capture_part(struct db *db, struct busy *busy)
{
    const struct object *object = entry_object(busy->entry);
    if (object == NULL || object_dirty_count(object) <= CAPTURE_PAGES ||
        dead_has(&db->cut.dead, busy->entry->space))
        return false;
    capture_nodes(db, busy, CAPTURE_PAGES);
    return true;
}

static void put_record(struct db *db, struct busy *busy, slice record_key)
{
    const struct entry *entry = busy->entry;
    struct cut         *cut = &db->cut;
    struct key_record   record = {
        .type = entry_type(entry),
        .version = busy->version,
        .deadline_ms = entry_deadline(entry),
        .object_id = entry_object_id(entry),
    };
    uint8_t        root[OBJECT_ROOT_BYTES_MAX];
    struct object *object = entry_object(entry);
    if (object != NULL)
        record.value =
            slice_make(root, object_root_encode(object, root));
    else
        record.value = entry_value(entry);
    record_key_encode(&db->value_buf, record_key, &record);
    store_batch_put(cut->batch, record_key, buf_slice(&db->value_buf));
    cut->saves++;
    if (record.deadline_ms == 0)
        return;
    if (cut->earliest_ms == 0 || record.deadline_ms < cut->earliest_ms)
        cut->earliest_ms = record.deadline_ms;
    record_expiry_key(&db->key_buf2, record.deadline_ms, record_key);
    record_value_begin(&db->value_buf);
    uint8_t id[8];
    for (int i = 0; i < 8; i++)
        id[i] = (uint8_t)(record.object_id >> (56 - 8 * i));
    err_t err = buf_append(&db->value_buf, id, sizeof(id));
    ASSERT(err == ERR_OK);
    record_value_end(&db->value_buf, buf_slice(&db->key_buf2));
    store_batch_put(cut->batch, buf_slice(&db->key_buf2),
                    buf_slice(&db->value_buf));
}

static void write_state(struct db *db, struct busy *busy)
{
    if (entry_object(busy->entry) != NULL)
        capture_nodes(db, busy, SIZE_MAX);
    struct entry *entry = busy->entry;
    slice record_key = make_record_key(db, entry);
    char text[LOG_KEY_CHARS];
    LOG_DEBUG(db->opt.log, "queued %s of %s (version %llu, epoch %llu)",
              entry_exists(entry) ? "save" : "delete",
              log_key(entry_key(entry), text),
              (unsigned long long)busy->version,
              (unsigned long long)db->cut.epoch);
    busy->saving = (struct disk_state){
        .known = true,
        .exists = entry_exists(entry),
        .deadline_ms = entry_deadline(entry),
        .object_id = entry_object_id(entry),
    };
    if (busy->saving.exists) {
        put_record(db, busy, record_key);
    } else if (!busy->disk.known || busy->disk.exists) {
        store_batch_delete(db->cut.batch, record_key);
        db->cut.deletes++;
    }
    if (busy->disk.known)
        replace_old(db, busy, record_key);
    else
        db->cut.unsettled++;
}

/* Its database was emptied in the closed epoch: nothing to write. */
static void drop_dead(struct db *db, struct busy *busy)
{
    /* But what its record names may be another's now (MOVE), and then must not
     * become garbage with the namespace. */
    uint64_t gave = busy->gave_id;
    if (gave != entry_object_id(busy->entry) &&
        moved_is_held(db, gave, db->cut.epoch)) {
        slice record_key = make_record_key(db, busy->entry);
        store_batch_delete(db->cut.batch, record_key);
        /* If it isn't known, the expiry record goes when it is due. */
        if (busy->disk.known && busy->disk.deadline_ms != 0)
            delete_expiry(db, busy->disk.deadline_ms, record_key);
    }
    drop_given(db, busy);
    settle_forget(db, busy);
    busy->saving = busy->disk;
}

static void capture(struct db *db, struct busy *busy)
{
    struct cut *cut = &db->cut;
    ASSERT(cut_is_closing(db, busy));
    link_remove(&busy->dirty_link);
    busy->saving_version = busy->version;
    list_push_back(&cut->captured, &busy->saving_link);

    struct entry *entry = busy->entry;
    if (dead_has(&cut->dead, entry->space)) {
        drop_dead(db, busy);
        return;
    }
    int64_t deadline = entry_deadline(entry);
    if (deadline != 0 && deadline <= db->now_ms && !db->expiry_paused &&
        !is_in_cut(db, entry_object(entry))) {
        /* Past its deadline it goes to disk as a delete; so it is one in
         * memory too, as of this epoch. */
        struct entry_spec absent = { .presence = ENTRY_ABSENT };
        struct db_space  *space = space_of(db, entry);
        if (busy->disk.known)
            space_pend(space, -1, -1);
        drop_given(db, busy);
        moved_dropped(db, entry_object_id(entry), cut->epoch);
        cache_assign(&db->cache, entry, &absent);
        load_cancel(db, busy); /* of its pages */
        tell_expired(db, busy);
    }
    write_state(db, busy);
}

/* Nodes count as what holds them, and as what is made of them on the I/O
 * thread: a batch, or pieces of one, one after the other. */
static void charge(struct db *db)
{
    const struct cut *cut = &db->cut;
    size_t            copies = cut->page_bytes < db->opt.cut_max_bytes
                                   ? cut->page_bytes
                                   : db->opt.cut_max_bytes;
    mem_set(db->opt.mem, MEM_CUT,
            store_batch_memory(cut->batch) + cut->page_bytes + copies);
}

void cut_capture_first(struct db *db, struct busy *busy)
{
    capture(db, busy);
    if (!busy->disk.known)
        settle_look_at(db, &busy, 1);
    charge(db);
}

static void count_slice(struct db *db, size_t count)
{
    if (count > db->stats.slice_max)
        db->stats.slice_max = count;
}

/* A million dirty entries are in no cache of the processor any more. While one
 * is worked on, what the next needs is fetched, and of the one after that what
 * tells where its own is. */
#define FETCH_AHEAD(head, at, member)                                          \
    do {                                                                       \
        const struct link *next = (at)->next;                                  \
        if (next != (head)) {                                                  \
            prefetch(CONTAINER_OF(next, struct busy, member)->entry, 128);     \
            if (next->next != (head))                                          \
                prefetch(CONTAINER_OF(next->next, struct busy, member),        \
                         sizeof(struct busy));                                 \
        }                                                                      \
    } while (0)

static bool capture_slice(struct db *db)
{
    struct busy *unknown[CAPTURE_SLICE];
    size_t       unknown_count = 0, count = 0;
    struct link *first;
    size_t most_pages = db->cut.page_count + CAPTURE_PAGES;
    while (count < CAPTURE_SLICE && db->cut.page_count < most_pages &&
           (first = list_first(&db->cut.closing)) != NULL) {
        struct busy *busy = CONTAINER_OF(first, struct busy, dirty_link);
        FETCH_AHEAD(&db->cut.closing, first, dirty_link);
        if (capture_part(db, busy))
            break;
        capture(db, busy);
        count++;
        if (!busy->disk.known)
            unknown[unknown_count++] = busy;
    }
    settle_look_at(db, unknown, unknown_count);
    charge(db);
    count_slice(db, count);
    return !list_empty(&db->cut.closing);
}

/* --- handing over -------------------------------------------------------- */

static void put_meta_records(struct db *db)
{
    struct cut *cut = &db->cut;
    for (unsigned i = 0; i < db->opt.databases; i++)
        space_put_counts(db, cut->batch, &db->spaces[i]);
    for (size_t i = 0; i < cut->shadow_count; i++)
        space_put_counts(db, cut->batch, &cut->shadows[i]);
    for (size_t i = 0; i < cut->dead.count; i++) {
        record_garbage_space_key(&db->key_buf, cut->dead.ids[i]);
        record_value_begin(&db->value_buf);
        record_value_end(&db->value_buf, buf_slice(&db->key_buf));
        store_batch_put(cut->batch, buf_slice(&db->key_buf),
                        buf_slice(&db->value_buf));
        cut->makes_garbage = true;
    }
    cut->says_doubt = db->expiry.doubt_new;
    if (cut->says_doubt)
        meta_put_doubt(db, cut->batch);
    if (cut->map_changed)
        meta_put_map(db, cut->batch, cut->map, db->opt.databases);
    /* What is new stops being garbage with this batch. */
    for (size_t i = 0; i < cut->new_count; i++) {
        record_garbage_object_key(&db->key_buf, cut->new_objects[i]);
        store_batch_delete(cut->batch, buf_slice(&db->key_buf));
    }
    meta_put_ids(db, cut->batch);
}

static void save_done(struct job *job)
{
    struct save_job *save = CONTAINER_OF(job, struct save_job, job);
    struct db       *db = save->db;
    struct cut      *cut = &db->cut;
    LOG_DEBUG(db->opt.log, "done save of epoch %llu: %s",
              (unsigned long long)save->cut_id, err_name(save->err));
    db->stats.last_flush_ok = save->err == ERR_OK;
    ASSERT(cut->phase == CUT_WRITE && cut->epoch == save->cut_id);
    cut->phase = CUT_FINISH;
    expire_forget_found(db);
    if (save->err != ERR_OK) {
        db->stats.flush_errors++;
        fail_begin(db, &save->why);
    } else {
        db->durable_epoch = cut->epoch;
        db->failing = false;
        expire_written(db, cut->earliest_ms);
        db->expiry.doubt_new &= !cut->says_doubt;
        db->garbage_known |= cut->makes_garbage;
        db->buffered = true;
        db->written_ms = db->now_ms;
        db->stats.flushes++;
        db->stats.staged_flushes += save->staged;
        db->stats.saves += cut->saves;
        db->stats.deletes += cut->deletes;
        compact_deleted(db, cut->deletes);
        db->stats.last_flush_bytes = cut->bytes;
        db->stats.last_save_time_s = db->now_ms / 1000;
    }
    mem_free(save);
}

static void hand_over(struct db *db)
{
    struct cut *cut = &db->cut;
    put_meta_records(db);
    cut->phase = CUT_WRITE;
    cut->bytes = store_batch_bytes(cut->batch);
    for (size_t i = 0; i < cut->page_count; i++)
        cut->bytes += cut->pages[i].page->len;
    charge(db);

    struct save_job *save = mem_calloc(1, sizeof(*save));
    *save = (struct save_job){
        .job = { .class = JOB_SAVE, .run = save_run, .done = save_done },
        .db = db,
        .store = db->opt.store,
        .batch = cut->batch,
        .pages = cut->pages,
        .page_count = cut->page_count,
        .new_objects = cut->new_objects,
        .new_count = cut->new_count,
        .cut_id = cut->epoch,
        .batch_max = db->opt.cut_max_bytes,
        .durable = db->opt.fsync,
    };
    cut->batch = NULL;
    cut->pages = NULL;
    cut->page_count = 0;
    LOG_DEBUG(db->opt.log, "queued save of epoch %llu: %llu records, %llu "
              "bytes, %llu deletes", (unsigned long long)cut->epoch,
              (unsigned long long)cut->saves, (unsigned long long)cut->bytes,
              (unsigned long long)cut->deletes);
    io_submit(db->opt.io, &save->job);
}

/* --- finishing ----------------------------------------------------------- */

static void wake_flushed(struct db *db)
{
    LIST_EACH_SAFE (link, &db->flushed) {
        struct db_wait *wait = CONTAINER_OF(link, struct db_wait, link);
        if (wait->epoch <= db->durable_epoch)
            park_wake(db, wait);
    }
}

static bool finish_slice(struct db *db)
{
    struct link *first;
    size_t       count = 0;
    for (; count < CAPTURE_SLICE; count++) {
        if ((first = list_first(&db->cut.captured)) == NULL)
            break;
        struct busy *busy = CONTAINER_OF(first, struct busy, saving_link);
        FETCH_AHEAD(&db->cut.captured, first, saving_link);
        link_remove(first);
        db->cut.entry_count--;
        char text[LOG_KEY_CHARS];
        LOG_DEBUG(db->opt.log, "done %s of %s (version %llu)",
                  busy->saving.exists ? "save" : "delete",
                  log_key(entry_key(busy->entry), text),
                  (unsigned long long)busy->saving_version);
        busy->durable_version = busy->saving_version;
        busy->saving_version = 0;
        if (busy->gave_in <= db->cut.epoch)
            busy->gave_id = 0;
        overlay_written(db, busy);
        cache_settle_busy(&db->cache, busy);
    }
    count_slice(db, count);
    if (!list_empty(&db->cut.captured))
        return true;
    /* Only now, so that who waited finds clean entries, and the time (which
     * stands still while jobs are being taken back) includes the write. */
    db->stats.last_flush_ms = db->now_ms - db->cut.started_ms;
    db_worked(db, DB_WORK_FLUSH, db->cut.begun_us);
    wake_flushed(db);
    moved_written(db, db->cut.epoch);
    cut_reset(db);
    park_wake_list(db, &db->room);
    park_restart_starved(db);
    return true; /* the next one may be due */
}

bool cut_has_step(const struct db *db)
{
    return db->cut.phase == CUT_CAPTURE || db->cut.phase == CUT_FINISH ||
           (db->cut.phase == CUT_SETTLE && db->cut.unsettled == 0);
}

bool cut_step(struct db *db)
{
    switch (db->cut.phase) {
    case CUT_NONE:
    case CUT_WRITE:
        return false;
    case CUT_CAPTURE:
        if (capture_slice(db))
            return true;
        db->cut.phase = CUT_SETTLE;
        /* fall through */
    case CUT_SETTLE:
        if (db->cut.unsettled == 0)
            hand_over(db);
        return false;
    case CUT_FINISH:
        return finish_slice(db);
    }
    UNREACHABLE();
}

/* --- giving up ----------------------------------------------------------- */

/* What the cut has of a value may not be on disk. Under an object id that the
 * cut has given it, all of it is written anew, under another one. */
static void uncapture(struct db *db, struct busy *busy)
{
    struct object *object = entry_object(busy->entry);
    uint64_t       id = entry_object_id(busy->entry);
    if (id != 0 && serial_of(id) >= db->cut.first_object_id &&
        entry_presence(busy->entry) == ENTRY_PRESENT) {
        struct entry_spec spec = cache_spec(busy->entry);
        if (object != NULL)
            object_forget_saved(object);
        moved_dropped(db, id, db->epoch);
        spec.object_id = 0;
        cache_assign(&db->cache, busy->entry, &spec);
    } else if (is_in_cut(db, object)) {
        object_uncapture(object);
        cache_recharge(&db->cache, busy->entry);
    }
}

/* An entry of the open epoch may hold an object that was another's when it was
 * captured (RENAME). */
static void uncapture_open(struct db *db)
{
    LIST_EACH (link, &db->open) {
        struct busy *busy = CONTAINER_OF(link, struct busy, dirty_link);
        uncapture(db, busy);
    }
}

/* Back to the open list, as dirty as before; its pages may not be there. */
static void reopen_entry(struct db *db, struct busy *busy, struct link *to)
{
    uncapture(db, busy);
    busy->saving_version = 0;
    busy->dirty_epoch = db->epoch;
    link_remove(&busy->saving_link);
    if (list_empty(&busy->dirty_link)) {
        list_push_back(to, &busy->dirty_link);
        db->open_count++;
    }
}

/* All in one turn, not in slices like the rest of a cut. Between two slices
 * some entries would say of the disk what held before the error, others that
 * nothing is known; whether a change belongs to the closed epoch or to the open
 * one (cut_is_closing, and with it copy before write) would depend on how far
 * the walk had come; and the sums that DBSIZE waits for would mix both. Each
 * caller would need a third case for something that happens only when a write
 * has failed. The price is bounded, with unsettle_all's (fail.c): both walk at
 * most what two times cut-max of dirty bytes holds, 300 bytes an entry at
 * least, at 65 ns an entry for the two (measured: 200,000 entries, no PING
 * above 13 ms). That is 8 ms at cache-max-memory 256mb, a quarter of a second
 * at 8gb, for a failed flush. */
void cut_abort(struct db *db)
{
    struct cut  *cut = &db->cut;
    struct link  older, *first;
    link_init(&older);
    uncapture_open(db);
    while ((first = list_first(&cut->captured)) != NULL)
        reopen_entry(db, CONTAINER_OF(first, struct busy, saving_link),
                     &older);
    while ((first = list_first(&cut->closing)) != NULL) {
        link_remove(first);
        reopen_entry(db, CONTAINER_OF(first, struct busy, dirty_link), &older);
    }
    list_splice(&older, &db->open);
    list_splice(&db->open, &older);
    db->open_bytes += cut->closing_bytes;
    for (size_t i = 0; i < cut->dead.count; i++)
        dead_add(&db->dead, cut->dead.ids[i]);
    if (cut->map_changed && !db->map_dirty)
        db->map_dirty_ms = cut->started_ms;
    db->map_dirty |= cut->map_changed;
    cut_reset(db);
}
