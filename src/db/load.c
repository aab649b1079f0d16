/* load.c - from the miss to the entry.
 *
 * A key that memory does not know gets an UNKNOWN entry at once, which holds
 * the ticket of its load job; all who want the key wait at that one entry. A
 * job brings back a record or "not found"; whatever has changed the entry
 * meanwhile has taken the ticket away, and then the result is dropped: memory
 * wins.
 *
 * A large value takes two jobs: the first brings the header, which tells how
 * much it is; then room is made, and the second builds the object from its
 * nodes. */
#include "db/internal.h"

#include "base/clock.h"

struct load_job {
    struct job  job;
    struct db  *db;
    uint64_t    ticket;
    uint64_t    hash;
    uint32_t    space;
    uint64_t    object_id; /* nodes: whose; else 0 */
    enum obj_type      type;   /* nodes: of what */
    struct object_root root;
    struct object     *object; /* what was built */
    err_t       err;
    char       *why;       /* on an error other than ERR_NOT_FOUND; owned */
    char       *value;     /* store_value_free */
    struct key_record record; /* points into value */
    size_t      charged_bytes;
    uint64_t    begun_us;  /* for db_worked */
    bool        is_warm;   /* nobody has asked for it (warmup.c) */
    bool        is_hot;    /* and it was used before the restart */
    size_t      key_len;   /* of the record's key */
    char        key[];
};

static slice job_record_key(const struct load_job *load)
{
    return slice_make(load->key, load->key_len);
}

static slice job_user_key(const struct load_job *load)
{
    return slice_make(load->key + RECORD_KEY_PREFIX,
                      load->key_len - RECORD_KEY_PREFIX);
}

/* --- on the I/O thread --------------------------------------------------- */

static void load_failed(struct load_job *load, err_t err, const char *why)
{
    load->err = err;
    if (load->why == NULL && err != ERR_NOT_FOUND) {
        size_t len = strlen(why);
        load->why = mem_alloc(len + 1);
        memcpy(load->why, why, len + 1);
    }
}

static err_t check_root(const struct key_record *record)
{
    struct object_root root;
    err_t              err = object_root_decode(record->value, &root);
    if (err == ERR_OK && root.has_len != (record->type == OBJ_STRING))
        return ERR_CORRUPT;
    return err;
}

/* Roots and pages are trusted by all who read them, so they are looked at
 * here. */
static err_t check_value(const struct load_job *load)
{
    const struct key_record *record = &load->record;
    if (record->type >= OBJ_TYPE_COUNT)
        return ERR_OK; /* record_found says what is wrong with it */
    if (record->object_id != 0)
        return check_root(record);
    if (record->type == OBJ_STRING)
        return ERR_OK;
    return object_check_page(&load->db->cache.objects,
                             (enum obj_type)record->type, record->value);
}

static void run_record(struct job *job)
{
    struct load_job *load = CONTAINER_OF(job, struct load_job, job);
    struct store_get get;
    slice            key = job_record_key(load);
    char             text[LOG_KEY_CHARS];
    LOG_DEBUG(load->db->opt.log, "taken load (record) of %s",
              log_key(job_user_key(load), text));
    err_t err = store_get_one(load->db->opt.store, key, &get);
    if (err != ERR_OK) {
        load_failed(load, err, get.why.text);
        return;
    }
    load->value = get.value;
    job->result_bytes = get.value_len;
    err = record_key_decode(key, slice_make(get.value, get.value_len),
                            &load->record);
    if (err != ERR_OK) {
        load_failed(load, err, err == ERR_CORRUPT
                                   ? "the record's checksum is wrong"
                                   : "the record is of an unknown version");
        return;
    }
    err = check_value(load);
    if (err != ERR_OK)
        load_failed(load, err, "the value's page or root is not well formed");
}

/* Where the nodes of an object come from. */
struct node_source {
    struct load_job *load;
    struct buf       key;
    char            *value; /* the one lent last */
};

static err_t fetch_node(void *arg, uint64_t id, slice *bytes)
{
    struct node_source *source = arg;
    struct load_job    *load = source->load;
    struct store_get    get;
    store_value_free(source->value);
    source->value = NULL;
    record_page_key(&source->key, load->object_id, id);
    err_t err =
        store_get_one(load->db->opt.store, buf_slice(&source->key), &get);
    if (err != ERR_OK) {
        bool is_missing = err == ERR_NOT_FOUND;
        err = is_missing ? ERR_CORRUPT : err;
        load_failed(load, err, is_missing ? "a page of the value is missing"
                                          : get.why.text);
        return err;
    }
    source->value = get.value;
    return record_value_open(buf_slice(&source->key),
                             slice_make(get.value, get.value_len), bytes);
}

static void run_object(struct job *job)
{
    struct load_job   *load = CONTAINER_OF(job, struct load_job, job);
    struct node_source source = { .load = load };
    char               text[LOG_KEY_CHARS];
    LOG_DEBUG(load->db->opt.log, "taken load (nodes) of %s",
              log_key(job_user_key(load), text));
    buf_init(&source.key, 64);
    err_t err = object_load(&load->db->cache.objects, load->type, &load->root,
                            fetch_node, &source, &load->object);
    if (err != ERR_OK)
        load_failed(load, err, "a page's checksum or structure is wrong");
    store_value_free(source.value);
    buf_deinit(&source.key);
}

/* --- starting ------------------------------------------------------------ */

bool entry_is_known(const struct entry *entry, enum db_need need)
{
    switch (entry_presence(entry)) {
    case ENTRY_UNKNOWN:
        return need == DB_NEED_NONE;
    case ENTRY_HEADER:
        return need != DB_NEED_VALUE;
    case ENTRY_ABSENT:
    case ENTRY_PRESENT:
        return true;
    }
    UNREACHABLE();
}

static void load_done(struct job *job);

_Static_assert(sizeof(struct load_job) <= LOAD_JOB_BYTES,
               "internal.h tells what a load takes");

static struct load_job *job_new(struct db *db, const struct entry *entry,
                                uint64_t ticket)
{
    slice    user_key = entry_key(entry);
    uint64_t hash = cache_hash(&db->cache, user_key);
    record_key_key(&db->key_buf, entry->space, hash, user_key);

    size_t           size = sizeof(struct load_job) + db->key_buf.len;
    struct load_job *load = mem_calloc(1, size);
    load->job.class = JOB_LOAD;
    load->job.done = load_done;
    load->db = db;
    load->ticket = ticket;
    load->hash = hash;
    load->space = entry->space;
    load->key_len = db->key_buf.len;
    memcpy(load->key, db->key_buf.data, load->key_len);
    load->charged_bytes = mem_good_size(size);
    return load;
}

static bool is_of_nodes(const struct load_job *load)
{
    return load->object_id != 0;
}

static void job_submit(struct db *db, struct load_job *load, const char *what)
{
    char key[LOG_KEY_CHARS];
    LOG_DEBUG(db->opt.log, "queued load (%s) of %s", what,
              log_key(job_user_key(load), key));
    mem_charge(db->opt.mem, MEM_JOBS, load->charged_bytes);
    if (load->is_warm) {
        load->job.class = JOB_BACKGROUND;
        warmup_load_submitted(db);
    } else {
        db->loads_in_flight++;
    }
    db->node_loads += is_of_nodes(load);
    load->begun_us = clock_mono_us();
    io_submit(db->opt.io, &load->job);
}

static void job_free(struct db *db, struct load_job *load)
{
    mem_release(db->opt.mem, MEM_JOBS, load->charged_bytes);
    object_free(load->object);
    store_value_free(load->value);
    mem_free(load->why);
    mem_free(load);
}

/* What building an object may take: nodes, as large as they were when it was
 * saved, and a copy of one on each level. */
static size_t load_bytes(const struct object_root *root)
{
    return (size_t)root->bytes + (size_t)root->bytes / 16 + 32 * 1024;
}

/* Is the entry's value one that is loaded though nobody asks for it? */
static bool warm_nodes_fit(struct db *db, const struct entry *entry)
{
    struct object_root root;
    err_t err = object_root_decode(entry_value(entry), &root);
    ASSERT(err == ERR_OK); /* it was looked at when it was loaded */
    return warmup_wants_value(db, load_bytes(&root));
}

/* Nobody waits for it: it asks only because it was hot, or may be. */
struct warm {
    bool is_warm, is_hot;
};
static const struct warm not_warm = { false, false };

static bool start_nodes(struct db *db, struct entry *entry, struct warm warm);

static void start_record(struct db *db, struct busy *busy, struct warm warm)
{
    busy->ticket = db_next_version(db);
    busy->is_warming = warm.is_warm;
    struct load_job *load = job_new(db, busy->entry, busy->ticket);
    load->job.run = run_record;
    load->is_warm = warm.is_warm;
    load->is_hot = warm.is_hot;
    db->stats.loads += !warm.is_warm;
    job_submit(db, load, warm.is_warm ? "record, warming" : "record");
}

void load_start(struct db *db, struct entry *entry, enum db_need need)
{
    struct busy *busy = cache_make_busy(&db->cache, entry);
    if (busy->ticket != 0 && !busy->is_warming) {
        /* In flight already. What it brings may not be enough; then the
         * waiters' needs say so when it ends. */
        return;
    }
    /* One that is only warming may take long: it loses its ticket. */
    if (entry_presence(entry) == ENTRY_HEADER) {
        ASSERT(need == DB_NEED_VALUE);
        start_nodes(db, entry, not_warm);
        return;
    }
    start_record(db, busy, not_warm);
}

/* REQUIRES: warm_nodes_fit. */
static void start_warm_nodes(struct db *db, struct entry *entry,
                             struct warm warm)
{
    bool is_started = start_nodes(db, entry, warm);
    ASSERT(is_started); /* there is room */
}

void load_warm(struct db *db, struct entry *entry, bool is_hot)
{
    struct warm  warm = { .is_warm = true, .is_hot = is_hot };
    struct busy *busy = cache_make_busy(&db->cache, entry);
    ASSERT(busy->ticket == 0);
    if (entry_presence(entry) == ENTRY_UNKNOWN) {
        start_record(db, busy, warm);
        return;
    }
    ASSERT(entry_presence(entry) == ENTRY_HEADER);
    if (warm_nodes_fit(db, entry))
        start_warm_nodes(db, entry, warm);
    else
        cache_settle_busy(&db->cache, busy);
}

bool load_is_of_nodes(const struct busy *busy)
{
    return busy->ticket != 0 && entry_presence(busy->entry) == ENTRY_HEADER;
}

void load_cancel(struct db *db, struct busy *busy)
{
    if (busy->ticket == 0)
        return;
    busy->ticket = 0;
    park_load_ended(db, busy, ERR_OK);
}

/* --- ending -------------------------------------------------------------- */

/* The oldest command that waits for this entry; NULL for a mere prefetch. */
static struct db_wait *oldest_waiter(const struct busy *busy)
{
    struct db_wait *oldest = NULL;
    LIST_EACH (link, &busy->waiters) {
        struct db_pin *pin = CONTAINER_OF(link, struct db_pin, link);
        if (oldest == NULL || pin->wait->age < oldest->age)
            oldest = pin->wait;
    }
    return oldest;
}

/* No room even for the oldest of them: all who wait here give way, or are told
 * if there never will be. Ends with the entry settled, and perhaps gone. */
static void starve_waiters(struct db *db, struct busy *busy, err_t err)
{
    busy->pins++; /* so that it outlives its waiters */
    struct link *first;
    while ((first = list_first(&busy->waiters)) != NULL) {
        struct db_wait *wait = CONTAINER_OF(first, struct db_pin, link)->wait;
        if (err == ERR_OOM)
            park_refuse(db, wait);
        else
            park_starve(db, wait);
    }
    busy->pins--;
    cache_settle_busy(&db->cache, busy);
}

/* Reserves room and submits the job for a large value's nodes. False: there
 * is no room; whoever waited has been dealt with. */
static bool start_nodes(struct db *db, struct entry *entry, struct warm warm)
{
    struct busy    *busy = cache_busy(&db->cache, entry);
    struct db_wait *wait = oldest_waiter(busy);
    uint64_t        object_id = entry_object_id(entry);
    struct object_root root;
    ASSERT(object_id != 0);
    err_t err = object_root_decode(entry_value(entry), &root);
    ASSERT(err == ERR_OK); /* it was looked at when it was loaded */
    size_t bytes = load_bytes(&root);
    busy->ticket = db_next_version(db); /* keeps it busy while room is made */
    busy->is_warming = warm.is_warm;
    err = room_for(db, wait, 0, bytes + sizeof(struct load_job));
    if (err != ERR_OK) {
        busy->ticket = 0;
        starve_waiters(db, busy, err);
        return false;
    }
    entry = busy->entry;
    struct load_job *load = job_new(db, entry, busy->ticket);
    load->job.run = run_object;
    load->is_warm = warm.is_warm;
    load->is_hot = warm.is_hot;
    load->object_id = object_id;
    load->type = entry_type(entry);
    load->root = root;
    load->charged_bytes += bytes;
    job_submit(db, load, "nodes");
    return true;
}

/* Does a waiter want more than the header? */
static bool value_is_wanted(const struct busy *busy)
{
    LIST_EACH (link, &busy->waiters)
        if (CONTAINER_OF(link, struct db_pin, link)->need == DB_NEED_VALUE)
            return true;
    return false;
}

/* Those who are served by the header alone go on. */
static void wake_header_waiters(struct db *db, struct busy *busy)
{
    LIST_EACH_SAFE (link, &busy->waiters) {
        struct db_pin *pin = CONTAINER_OF(link, struct db_pin, link);
        if (pin->need == DB_NEED_VALUE)
            continue;
        link_remove(&pin->link);
        pin->waiting = false;
        if (--pin->wait->pending == 0)
            park_wake(db, pin->wait);
    }
}

/* The entry is what disk says it is. */
static void adopt(struct db *db, struct busy *busy,
                  const struct entry_spec *spec)
{
    cache_assign(&db->cache, busy->entry, spec);
    if (!busy->disk.known) {
        struct disk_state disk = { .known = true,
                                   .exists = spec->presence != ENTRY_ABSENT,
                                   .deadline_ms = spec->deadline_ms,
                                   .object_id = spec->object_id };
        busy->disk = disk;
    }
}

/* What came because nobody asked stays only if there is room without evicting,
 * and if it is there at all. */
static bool warm_record_fits(struct db *db, const struct busy *busy,
                             const struct key_record *record)
{
    if (space_of(db, busy->entry) == NULL ||
        (record->deadline_ms != 0 && record->deadline_ms <= db->now_ms))
        return false;
    if (warmup_has_room(db, cache_cost(busy->entry->key_len,
                                       record->value.len), 0))
        return true;
    warmup_found_no_room(db);
    return false;
}

/* Its entry is what the disk says. Nobody waits for it: who wants it has
 * started a load of his own. */
static void warm_record_found(struct db *db, struct busy *busy,
                              const struct load_job *load)
{
    struct warm warm = { .is_warm = true, .is_hot = load->is_hot };
    ASSERT(list_empty(&busy->waiters));
    if (load->is_hot)
        cache_touch(&db->cache, busy->entry);
    if (entry_presence(busy->entry) == ENTRY_PRESENT)
        warmup_loaded(db);
    else if (warm_nodes_fit(db, busy->entry))
        start_warm_nodes(db, busy->entry, warm);
}

static void record_found(struct db *db, struct busy *busy,
                         struct load_job *load)
{
    struct key_record *record = &load->record;
    bool is_paged = record->object_id != 0;
    struct entry_spec spec = {
        .presence = is_paged ? ENTRY_HEADER : ENTRY_PRESENT,
        .type = (enum obj_type)record->type,
        .deadline_ms = record->deadline_ms,
        .object_id = record->object_id,
        .value = record->value,
    };
    if (record->type >= OBJ_TYPE_COUNT || record->value.len > UINT32_MAX) {
        park_load_ended(db, busy, ERR_FORMAT);
        cache_settle_busy(&db->cache, busy);
        return;
    }
    if (load->is_warm && !warm_record_fits(db, busy, record)) {
        cache_settle_busy(&db->cache, busy);
        return;
    }
    size_t need = cache_cost(busy->entry->key_len, record->value.len);
    busy->pins++;
    err_t err = room_for(db, oldest_waiter(busy), need, 0);
    busy->pins--;
    if (err != ERR_OK) {
        starve_waiters(db, busy, err);
        return;
    }
    adopt(db, busy, &spec);
    if (load->is_warm) {
        warm_record_found(db, busy, load);
    } else if (record->deadline_ms != 0 && record->deadline_ms <= db->now_ms &&
               !db->expiry_paused && space_of(db, busy->entry) != NULL) {
        expire_entry(db, busy->entry);
        park_load_ended(db, busy, ERR_OK);
    } else if (is_paged && value_is_wanted(busy)) {
        wake_header_waiters(db, busy);
        if (!start_nodes(db, busy->entry, not_warm))
            return;
    } else {
        park_load_ended(db, busy, ERR_OK);
    }
    cache_settle_busy(&db->cache, busy);
}

static void object_found(struct db *db, struct busy *busy,
                         struct load_job *load)
{
    struct entry_spec spec = cache_spec(busy->entry);
    ASSERT(spec.presence == ENTRY_HEADER);
    spec.presence = ENTRY_PRESENT;
    spec.object = load->object;
    load->object = NULL;
    /* The charge goes from the job to the entry. */
    size_t bytes = load_bytes(&load->root);
    mem_release(db->opt.mem, MEM_JOBS, bytes);
    load->charged_bytes -= bytes;
    cache_assign(&db->cache, busy->entry, &spec);
    if (load->is_warm)
        warmup_loaded(db);
    park_load_ended(db, busy, ERR_OK);
    cache_settle_busy(&db->cache, busy);
}

static void not_found(struct db *db, struct busy *busy)
{
    struct entry_spec spec = { .presence = ENTRY_ABSENT };
    adopt(db, busy, &spec);
    park_load_ended(db, busy, ERR_OK);
    cache_settle_busy(&db->cache, busy);
}

/* The entry stays as unknown as it was; those who wait get the error. */
static void failed(struct db *db, struct busy *busy, struct load_job *load)
{
    char            key[LOG_KEY_CHARS];
    struct err_text why;
    db->stats.load_errors++;
    /* A database that was emptied meanwhile: they look at the new one. */
    bool gone = space_of(db, busy->entry) == NULL;
    err_set(&why, load->err, "load of %s failed: %s (%s)",
            log_key(job_user_key(load), key), err_name(load->err), load->why);
    if (!gone)
        db_error(db, "load", &why);
    if (load->is_warm)
        warmup_load_failed(db);
    park_load_ended(db, busy, gone ? ERR_OK : load->err);
    cache_settle_busy(&db->cache, busy);
}

static void load_done(struct job *job)
{
    struct load_job *load = CONTAINER_OF(job, struct load_job, job);
    struct db       *db = load->db;
    char             key[LOG_KEY_CHARS];
    struct entry    *entry =
        cache_find(&db->cache, load->space, job_user_key(load), load->hash);
    struct busy *busy = entry != NULL ? cache_busy(&db->cache, entry) : NULL;
    bool is_nodes = is_of_nodes(load);
    bool is_wanted = busy != NULL && !list_empty(&busy->waiters);

    db->node_loads -= is_nodes;
    LOG_DEBUG(db->opt.log, "done load of %s: %s",
              log_key(job_user_key(load), key), err_name(load->err));
    if (load->is_warm) {
        warmup_load_ended(db);
    } else {
        db->loads_in_flight--;
        db_worked(db, DB_WORK_LOAD, load->begun_us);
    }
    if (busy == NULL || busy->ticket != load->ticket) {
        db->stats.loads_dropped += !load->is_warm;
    } else {
        busy->ticket = 0;
        if (load->err == ERR_NOT_FOUND && load->is_warm)
            cache_settle_busy(&db->cache, busy);
        else if (load->err == ERR_NOT_FOUND && !is_nodes)
            not_found(db, busy);
        else if (load->err != ERR_OK)
            failed(db, busy, load);
        else if (load->object != NULL)
            object_found(db, busy, load);
        else
            record_found(db, busy, load);
    }
    job_free(db, load);
    if (is_nodes && !is_wanted) /* nobody's release gives its room back */
        park_node_load_ended(db);
}

/* --- asking -------------------------------------------------------------- */

/* A new entry that is being loaded, or NULL when there is no room. */
static struct entry *add_unknown(struct db *db, const struct db_wait *wait,
                                 const struct db_key *key)
{
    size_t need = cache_cost(key->key.len, 0);
    if (room_for(db, wait, need, BUSY_BYTES + sizeof(struct load_job)) !=
        ERR_OK)
        return NULL;
    return cache_add(&db->cache, key->space->id, key->key, key->hash,
                     ENTRY_UNKNOWN);
}

static struct entry *find(struct db *db, const struct db_key *key)
{
    return cache_find(&db->cache, key->space->id, key->key, key->hash);
}

void db_prefetch(struct db *db, const struct db_want *want)
{
    if (want->need == DB_NEED_NONE || want->key.space->unwritten ||
        db->loads_in_flight >= db->prefetch_cap || db->failing)
        return;
    struct entry *entry = find(db, &want->key);
    if (entry != NULL)
        return;
    if (cache_room(&db->cache, cache_cost(want->key.key.len, 0),
                   BUSY_BYTES) != ERR_OK)
        return;
    entry = cache_add(&db->cache, want->key.space->id, want->key.key,
                      want->key.hash, ENTRY_UNKNOWN);
    db->stats.prefetches++;
    load_start(db, entry, want->need);
}

/* Members of large collections: first all leaves, then the places in them. */
static size_t warm_members(const struct db_warm *items, size_t count,
                           const struct entry **entries)
{
    struct tree_warm warm[DB_WARM_MAX];
    size_t           found = 0;
    for (size_t i = 0; i < count; i++) {
        if (entries[i] == NULL || items[i].word.len == 0)
            continue;
        const struct object *object = entry_object(entries[i]);
        if (object == NULL)
            continue;
        bool is_last = entry_type(entries[i]) == OBJ_ZSET;
        object_warm(object, is_last ? items[i].last : items[i].word,
                    &warm[found]);
        found += warm[found].leaf != NULL;
    }
    for (size_t i = 0; i < found; i++)
        tree_warm_place(&warm[i]);
    return found;
}

size_t db_warm(const struct db *db, struct db_warm *items, size_t count)
{
    size_t different = 0;
    const struct entry *entries[DB_WARM_MAX];
    uint64_t            hashes[DB_WARM_MAX] = { 0 };
    ASSERT(count <= DB_WARM_MAX);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = items[i].hash = cache_hash(&db->cache, items[i].key);
        different += i == 0 || hashes[i] != hashes[i - 1];
    }
    cache_warm(&db->cache, hashes, count, entries);
    return different + warm_members(items, count, entries);
}

/* Nothing of a namespace that no cut has seen can be on disk: what memory does
 * not know is not there. */
static bool is_known_absent(const struct db_want *want,
                            const struct entry *entry)
{
    return entry == NULL && want->key.space->unwritten;
}

/* While somebody waits for an exact count, no write is blind. */
static enum db_need need_now(const struct db *db, const struct db_want *want)
{
    if (want->need == DB_NEED_NONE && !list_empty(&db->settle))
        return DB_NEED_HEADER;
    return want->need;
}

/* Pins one key of a command, and asks for it if it is not known. False: there
 * is no room for it now. */
static bool pin_one(struct db *db, struct db_wait *wait,
                    const struct db_want *want)
{
    struct entry *entry = find(db, &want->key);
    enum db_need  need = need_now(db, want);
    if (entry == NULL) {
        if (need == DB_NEED_NONE || is_known_absent(want, entry))
            return true;
        entry = add_unknown(db, wait, &want->key);
        if (entry == NULL)
            return false;
    }
    struct busy *busy = cache_make_busy(&db->cache, entry);
    bool         known = entry_is_known(entry, need);
    park_pin(db, wait, busy, !known, need);
    if (known)
        return true;
    load_start(db, entry, need);
    /* load_start may have found no room for a large value: then the wait
     * has lost its pins. */
    return wait->pin_count > 0;
}

static void reserve_pins(struct db *db, struct db_wait *wait, size_t count)
{
    ASSERT(wait->pin_count == 0);
    if (wait->pin_capacity >= count)
        return;
    mem_release(db->opt.mem, MEM_JOBS,
                wait->pin_capacity * sizeof(*wait->pins));
    wait->pins = mem_realloc(wait->pins, count * sizeof(*wait->pins));
    wait->pin_capacity = count;
    mem_charge(db->opt.mem, MEM_JOBS, count * sizeof(*wait->pins));
}

static size_t count_missing(struct db *db, const struct db_wait *wait,
                            const struct db_want *wants, size_t count)
{
    size_t missing = 0, hits = 0, absent = 0;
    for (size_t i = 0; i < count; i++) {
        enum db_need need = need_now(db, &wants[i]);
        if (need == DB_NEED_NONE)
            continue;
        struct entry *entry = find(db, &wants[i].key);
        bool nothing = is_known_absent(&wants[i], entry);
        bool known = nothing || (entry != NULL && entry_is_known(entry, need));
        missing += !known;
        hits += known;
        absent += known &&
                  (nothing || entry_presence(entry) == ENTRY_ABSENT);
    }
    if (wait->age == 0) { /* counted once, not again when it resumes */
        db->stats.misses += missing;
        db->stats.hits += hits;
        db->stats.absent_hits += absent;
    }
    return missing;
}

/* What it takes to wait for a key. */
#define WANT_BYTES                                                             \
    (sizeof(struct db_pin) + BUSY_BYTES + sizeof(struct load_job) + 64)

static bool too_many(struct db *db, struct db_wait *wait, size_t wants)
{
    if (wants * WANT_BYTES <= db->opt.limit_bytes / 4)
        return false;
    wait->err = ERR_OOM;
    return true;
}

enum db_verdict db_acquire_pinned(struct db *db, struct db_wait *wait,
                                  const struct db_want *wants, size_t count)
{
    enum db_verdict verdict = db_acquire(db, wait, wants, count);
    if (verdict != DB_READY || wait->pin_count > 0)
        return verdict;
    if (too_many(db, wait, count))
        return DB_FAILED;
    reserve_pins(db, wait, count);
    park_set_age(db, wait);
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = find(db, &wants[i].key);
        if (entry != NULL)
            park_pin(db, wait, cache_make_busy(&db->cache, entry), false,
                     wants[i].need);
    }
    return DB_READY;
}

enum db_verdict db_acquire(struct db *db, struct db_wait *wait,
                           const struct db_want *wants, size_t count)
{
    ASSERT(wait->state == DB_WAIT_NONE);
    if (wait->err != ERR_OK)
        return DB_FAILED;
    size_t missing = count_missing(db, wait, wants, count);
    if (missing == 0)
        return DB_READY;

    park_unpin_all(db, wait);
    if (too_many(db, wait, missing))
        return DB_FAILED;
    reserve_pins(db, wait, count);
    park(db, wait, DB_WAIT_LOADS, NULL);
    for (size_t i = 0; i < count; i++) {
        if (!pin_one(db, wait, &wants[i])) {
            if (wait->state == DB_WAIT_LOADS)
                park_starve(db, wait);
            return DB_PARKED;
        }
    }
    if (wait->pending == 0 && wait->state == DB_WAIT_LOADS)
        park_wake(db, wait); /* room-making for one brought another */
    return DB_PARKED;
}
