/* scan.c - SCAN and KEYS: going over all keys, most of which are only on disk.
 *
 * The order is that of the key records: by slot, then by hash. It depends on a
 * key alone, so a cursor is a place in it and nothing else: all keys of lower
 * places have been answered. Those of one place are answered together.
 *
 * A scan looks at the overlay first, on the loop (overlay.c): what memory knows
 * otherwise than the disk. Then slices of it run on the I/O side, each with an
 * iterator of its own, which is newer than the look at the overlay; they merge
 * both, and what the overlay says of a key counts. Nothing can fall between the
 * two: a key leaves the overlay only when it is on disk. When it is answered,
 * what memory has come to know as gone meanwhile is left out.
 *
 * KEYS is to see one instant. It waits until what is dirty is on disk, and
 * takes a snapshot at that moment, so there is nothing to merge; slices go over
 * it. A cut begins between turns, so none is being moved into place then. There
 * is one such walk at a time, since it holds the names that it has found.
 * Reopening the store (fail.c) takes its snapshot away; then it starts over. */
#include "db/scan.h"

#include "base/glob.h"

#define RESTARTS_MAX 3
#define SHARE_LEAST  ((size_t)4 * 1024)
#define SHARE_MOST   ((size_t)1024 * 1024)
/* Bytes of a record key before the order. */
#define ORDER_AT 5

/* What the overlay said of a key; the key follows. */
struct over_item {
    uint64_t order;
    int64_t  deadline_ms;
    uint32_t len;
    bool     is_shown;
};

struct found_item {
    int64_t  deadline_ms;
    uint32_t len;
};

/* Keys that were found: each a found_item and its bytes. Blocks, so that they
 * can be freed one by one while they are answered. */
struct found_block {
    struct link link;
    size_t      len, capacity;
    char        data[];
};
#define BLOCK_FIRST 1024
#define BLOCK_MOST  ((size_t)64 * 1024)

static void append(struct buf *buf, const void *data, size_t len)
{
    err_t err = buf_append(buf, data, len);
    ASSERT(err == ERR_OK);
}

/* --- life ---------------------------------------------------------------- */

struct db_scan *scan_new(struct db *db, struct db_wait *wait,
                         const struct db_space *space)
{
    struct db_scan *scan = mem_calloc(1, sizeof(*scan));
    scan->db = db;
    scan->wait = wait;
    scan->space_id = space->id;
    scan->now_ms = db->now_ms;
    scan->type = DB_ANY_TYPE;
    scan->matches_all = true;
    scan->most_bytes = SIZE_MAX;
    atomic_init(&scan->is_void, false);
    link_init(&scan->on_link);
    db->scan_count++;
    buf_init(&scan->pattern, SIZE_MAX);
    buf_init(&scan->at, SIZE_MAX);
    buf_init(&scan->over, SIZE_MAX);
    link_init(&scan->found);
    wait->scan = scan;
    return scan;
}

void scan_charge(struct db_scan *scan)
{
    size_t bytes = mem_good_size(sizeof(*scan)) + scan->pattern.capacity +
                   scan->at.capacity + scan->over.capacity +
                   scan->found_bytes + scan->plan_bytes;
    mem_release(scan->db->opt.mem, MEM_JOBS, scan->charged);
    mem_charge(scan->db->opt.mem, MEM_JOBS, bytes);
    scan->charged = bytes;
}

static struct found_block *first_block(const struct db_scan *scan)
{
    struct link *first = list_first(&scan->found);
    return first != NULL ? CONTAINER_OF(first, struct found_block, link) : NULL;
}

static void drop_block(struct db_scan *scan, struct found_block *block)
{
    scan->found_bytes -= sizeof(*block) + block->capacity;
    link_remove(&block->link);
    mem_free(block);
}

void scan_clear_found(struct db_scan *scan)
{
    struct found_block *block;
    while ((block = first_block(scan)) != NULL)
        drop_block(scan, block);
    scan->found_at = scan->reply_bytes = 0;
}

static void drop_snapshot(struct db_scan *scan)
{
    if (scan->snapshot != NULL && !scan->given)
        store_snapshot_free(scan->db->opt.store, scan->snapshot);
    scan->snapshot = NULL;
    scan->given = false;
    atomic_store(&scan->is_void, false);
}

void scan_free(struct db_scan *scan)
{
    struct db   *db = scan->db;
    struct link *first;
    drop_snapshot(scan);
    link_remove(&scan->on_link);
    db->scan_count--;
    mem_release(db->opt.mem, MEM_JOBS, scan->charged);
    buf_deinit(&scan->pattern);
    buf_deinit(&scan->at);
    buf_deinit(&scan->over);
    scan_clear_found(scan);
    mem_free(scan->plan);
    if (db->walk == scan) {
        db->walk = NULL;
        if ((first = list_first(&db->walkers)) != NULL)
            park_wake(db, CONTAINER_OF(first, struct db_wait, link));
    }
    mem_free(scan);
}

void scan_drop(struct db_wait *wait)
{
    struct db_scan *scan = wait->scan;
    wait->scan = NULL;
    if (scan == NULL)
        return;
    scan->wait = NULL;
    if (!scan->in_flight)
        scan_free(scan);
}

struct store_snapshot *scan_give_snapshot(struct db *db)
{
    struct db_scan *scan = db->walk;
    if (scan == NULL || scan->snapshot == NULL || scan->given)
        return NULL;
    scan->given = true;
    atomic_store(&scan->is_void, true);
    return scan->snapshot;
}

/* --- on the I/O thread --------------------------------------------------- */

void scan_read_header(slice record_key, slice value, struct key_record *out)
{
    if (record_key_decode(record_key, value, out) != ERR_OK)
        *out = (struct key_record){ .type = OBJ_TYPE_COUNT };
}

/* Of a reply: $<len>\r\n and \r\n around it. */
static size_t bulk_bytes(size_t len)
{
    size_t around = 6;
    for (size_t left = len; left >= 10; left /= 10)
        around++;
    return around + len;
}

/* Where so many bytes go. */
static char *found_room(struct db_scan *scan, size_t need)
{
    struct link        *last = list_last(&scan->found);
    struct found_block *block =
        last != NULL ? CONTAINER_OF(last, struct found_block, link) : NULL;
    if (block == NULL || block->capacity - block->len < need) {
        size_t capacity = block == NULL ? BLOCK_FIRST : block->capacity * 2;
        capacity = capacity > BLOCK_MOST ? BLOCK_MOST : capacity;
        capacity = capacity < need ? need : capacity;
        block = mem_alloc(sizeof(*block) + capacity);
        block->len = 0;
        block->capacity = capacity;
        link_init(&block->link);
        list_push_back(&scan->found, &block->link);
        scan->found_bytes += sizeof(*block) + capacity;
    }
    block->len += need;
    return block->data + block->len - need;
}

void scan_add_found(struct db_scan *scan, slice key, int64_t deadline_ms)
{
    struct found_item item = { .deadline_ms = deadline_ms,
                               .len = (uint32_t)key.len };
    char *at = found_room(scan, sizeof(item) + key.len);
    memcpy(at, &item, sizeof(item));
    if (key.len > 0)
        memcpy(at + sizeof(item), key.data, key.len);
    scan->reply_bytes += bulk_bytes(key.len);
}

static bool is_wanted(const struct db_scan *scan, slice key, unsigned type,
                      int64_t deadline_ms)
{
    if (deadline_ms != 0 && deadline_ms <= scan->now_ms)
        return false;
    if (scan->type != DB_ANY_TYPE && scan->type != (int)type)
        return false;
    return scan->matches_all ||
           glob_match(buf_slice(&scan->pattern), key, false);
}

/* The next key of either side. */
struct head {
    bool     is_there;
    uint64_t order;
    slice    key;
};

static struct head disk_head(const struct db_scan *scan,
                             const struct store_iter *iter)
{
    struct head head = { .is_there = false };
    if (iter == NULL || !store_iter_valid(iter))
        return head;
    slice key = store_iter_key(iter);
    if (key.len < RECORD_KEY_PREFIX || key.data[0] != RECORD_KEY ||
        num_get_be32(key.data + 1) != scan->space_id)
        return head;
    head.is_there = true;
    head.order = num_get_be64(key.data + ORDER_AT);
    head.key = slice_make(key.data + RECORD_KEY_PREFIX,
                          key.len - RECORD_KEY_PREFIX);
    return head;
}

static struct head over_head(const struct db_scan *scan,
                             struct over_item *item)
{
    struct head head = { .is_there = scan->over_at < scan->over.len };
    if (!head.is_there)
        return head;
    memcpy(item, scan->over.data + scan->over_at, sizeof(*item));
    head.order = item->order;
    head.key = slice_make(scan->over.data + scan->over_at + sizeof(*item),
                          item->len);
    return head;
}

static int compare_heads(const struct head *a, const struct head *b)
{
    if (!a->is_there || !b->is_there)
        return (int)b->is_there - (int)a->is_there;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return slice_compare(a->key, b->key);
}

static void finish(struct db_scan *scan, uint64_t next)
{
    scan->finished = true;
    scan->next = next;
}

/* Is the scan to end before that key? */
static bool ends_before(struct db_scan *scan, const struct head *head)
{
    bool has_enough = scan->looked >= scan->count ||
                      scan->reply_bytes > scan->most_bytes;
    if (!head->is_there)
        finish(scan, scan->over_cut ? scan->over_end + 1 : 0);
    else if (scan->over_cut && head->order > scan->over_end)
        finish(scan, scan->over_end + 1);
    else if (scan->looked > 0 && has_enough && head->order != scan->last)
        finish(scan, scan->last + 1);
    return scan->finished;
}

static void take_disk(struct db_scan *scan, const struct store_iter *iter,
                      const struct head *head, size_t *bytes)
{
    struct key_record record;
    slice             value = store_iter_value(iter);
    *bytes += value.len;
    scan_read_header(store_iter_key(iter), value, &record);
    if (is_wanted(scan, head->key, record.type, record.deadline_ms))
        scan_add_found(scan, head->key, record.deadline_ms);
}

/* One key, from where it stands first. */
static bool take_one(struct db_scan *scan, struct store_iter *iter,
                     size_t *bytes)
{
    struct over_item item;
    struct head      disk = disk_head(scan, iter);
    struct head      over = over_head(scan, &item);
    int              order = compare_heads(&over, &disk);
    const struct head *first = order <= 0 ? &over : &disk;
    if (ends_before(scan, first))
        return false;
    scan->looked++;
    scan->last = first->order;
    *bytes += first->key.len;
    if (order > 0)
        take_disk(scan, iter, &disk, bytes);
    else if (item.is_shown)
        scan_add_found(scan, over.key, item.deadline_ms);
    if (order <= 0)
        scan->over_at += sizeof(item) + item.len;
    if (order >= 0)
        store_iter_next(iter);
    return true;
}

/* Where the next slice begins. */
static void keep_place(struct db_scan *scan, const struct store_iter *iter)
{
    if (!disk_head(scan, iter).is_there) {
        scan->disk_done = true;
        return;
    }
    slice key = store_iter_key(iter);
    buf_clear(&scan->at);
    append(&scan->at, key.data, key.len);
}

static bool has_no_snapshot(const struct db_scan *scan)
{
    return scan->wants_snapshot &&
           (scan->snapshot == NULL || atomic_load(&scan->is_void));
}

static void scan_run(struct job *job)
{
    struct db_scan    *scan = CONTAINER_OF(job, struct db_scan, job);
    struct store_iter *iter = NULL;
    size_t             bytes = 0;
    if (has_no_snapshot(scan))
        return;
    if (!scan->disk_done) {
        iter = store_iter_new(scan->db->opt.store, scan->snapshot);
        store_iter_seek(iter, buf_slice(&scan->at));
    }
    for (unsigned i = 0; i < SCAN_SLICE_RECORDS && bytes < SCAN_SLICE_BYTES;
         i++)
        if (!take_one(scan, iter, &bytes))
            break;
    keep_place(scan, iter);
    if (iter != NULL)
        scan->err = store_iter_error(iter, &scan->why);
    if (scan->whole && scan->reply_bytes > scan->most_bytes)
        scan->err = ERR_OOM;
    store_iter_free(iter);
    job->result_bytes = scan->found_bytes;
}

/* --- on the loop --------------------------------------------------------- */

static void scan_done(struct job *job);

void scan_submit(struct db_scan *scan, void (*run)(struct job *),
                 void (*done)(struct job *))
{
    scan_charge(scan);
    scan->job = (struct job){ .class = JOB_LOAD, .run = run, .done = done };
    scan->in_flight = true;
    io_submit(scan->db->opt.io, &scan->job);
}

void scan_go(struct db_scan *scan)
{
    /* While the store is being opened anew nobody may be inside it: the job
     * that does nothing comes back when that is over. */
    if (scan->wants_snapshot && scan->snapshot == NULL && !scan->db->reopening)
        scan->snapshot = store_snapshot_new(scan->db->opt.store);
    scan_submit(scan, scan_run, scan_done);
}

void scan_step(struct db *db)
{
    struct link *first;
    while ((first = list_first(&db->scans_on)) != NULL) {
        link_remove(first);
        scan_go(CONTAINER_OF(first, struct db_scan, on_link));
    }
}

static void scan_done(struct job *job)
{
    struct db_scan *scan = CONTAINER_OF(job, struct db_scan, job);
    struct db      *db = scan->db;
    scan->in_flight = false;
    if (scan->wait == NULL) {
        scan_free(scan);
        return;
    }
    scan_charge(scan);
    if (has_no_snapshot(scan) && scan->err == ERR_OK) {
        bool was_void = scan->snapshot != NULL;
        drop_snapshot(scan);
        if (was_void && ++scan->restarts > RESTARTS_MAX)
            scan->err = err_set(&scan->why, ERR_IO, "the store was reopened");
        else if (was_void)
            scan_begin(scan, NULL, 0, UINT64_MAX);
    }
    if (scan->err == ERR_OK && !scan->finished) {
        list_push_back(&db->scans_on, &scan->on_link);
        return;
    }
    if (scan->err != ERR_OK && scan->err != ERR_OOM)
        db_error(db, "scan", &scan->why);
    drop_snapshot(scan);
    park_wake(db, scan->wait);
}

/* What memory says of a key, if it says anything. */
static bool memory_shows(const struct db_scan *scan, const struct entry *entry)
{
    int64_t deadline = entry_deadline(entry);
    if (!entry_exists(entry) ||
        (deadline != 0 && deadline <= scan->db->now_ms))
        return false;
    return scan->type == DB_ANY_TYPE || scan->type == (int)entry_type(entry);
}

static void add_over(struct db_scan *scan, const struct overlay_key *key)
{
    struct over_item item = { .order = key->order,
                              .len = (uint32_t)key->key.len };
    if (memory_shows(scan, key->entry)) {
        item.deadline_ms = entry_deadline(key->entry);
        item.is_shown = is_wanted(scan, key->key, entry_type(key->entry),
                                  item.deadline_ms);
    }
    append(&scan->over, &item, sizeof(item));
    append(&scan->over, key->key.data, key->key.len);
}

/* From the overlay; unless the scan is a whole one no more than it may
 * answer. */
static void collect(struct db_scan *scan, const struct db_space *space,
                    uint64_t from)
{
    struct overlay_walk walk;
    struct overlay_key  key;
    uint64_t most = scan->count < SCAN_OVERLAY_KEYS ? scan->count
                                                    : SCAN_OVERLAY_KEYS;
    overlay_walk_init(&walk, scan->db, space, from);
    for (uint64_t taken = 0; overlay_walk_next(&walk, &key); taken++) {
        bool is_full = taken >= most || scan->over.len > scan->most_bytes;
        if (taken > 0 && !scan->whole && is_full &&
            key.order != scan->over_end) {
            scan->over_cut = true;
            return;
        }
        scan->over_end = key.order;
        add_over(scan, &key);
    }
}

void scan_begin(struct db_scan *scan, const struct db_space *space,
                uint64_t from, uint64_t count)
{
    uint8_t order[8];
    scan->now_ms = scan->db->now_ms;
    scan->count = count;
    scan->finished = scan->disk_done = scan->over_cut = false;
    scan->looked = scan->over_at = 0;
    buf_clear(&scan->over);
    scan_clear_found(scan);
    record_key_space(&scan->at, scan->space_id);
    num_put_be64(order, from);
    append(&scan->at, order, sizeof(order));
    if (!scan->wants_snapshot)
        collect(scan, space, from);
}

/* Its wait is parked already. Until it is told, when the caller can't wait
 * otherwise. */
enum db_verdict scan_wait(struct db *db, struct db_wait *wait, bool now)
{
    if (!now)
        return DB_PARKED;
    db->stats.sync_loads++;
    return db_stand_still(db, wait, DB_WAIT_SCAN) ? DB_READY : DB_FAILED;
}

/* What one scan may answer: all that are under way share a part of memory. */
static size_t most_bytes(const struct db *db)
{
    size_t most = db->cache.limit_bytes / 16 / db->scan_count;
    return most < SHARE_LEAST ? SHARE_LEAST
                              : most > SHARE_MOST ? SHARE_MOST : most;
}

/* May a walk over a snapshot begin? DB_FAILED: no, but a scan may. */
static enum db_verdict walk_ready(struct db *db, struct db_wait *wait,
                                  bool now)
{
    if (now || db->failing)
        return DB_FAILED;
    if (db->walk != NULL) {
        wait->epoch = 0; /* then it waits for a flush again */
        park(db, wait, DB_WAIT_WALK, &db->walkers);
        return DB_PARKED;
    }
    return db_wait_flushed(db, wait);
}

static void start(struct db *db, struct db_wait *wait,
                  const struct db_scan_request *request, bool on_snapshot)
{
    struct db_scan *scan = scan_new(db, wait, request->space);
    scan->type = request->type;
    scan->whole = request->whole;
    scan->wants_snapshot = on_snapshot;
    scan->most_bytes = request->whole ? request->most_bytes : most_bytes(db);
    scan->matches_all =
        request->pattern.len == 1 && request->pattern.data[0] == '*';
    append(&scan->pattern, request->pattern.data, request->pattern.len);
    if (on_snapshot)
        db->walk = scan;
    park(db, wait, DB_WAIT_SCAN, NULL);
    scan_begin(scan, request->space, request->whole ? 0 : request->cursor,
               request->whole ? UINT64_MAX : request->count);
    scan_go(scan);
}

static enum db_verdict prepare(struct db *db, struct db_wait *wait,
                               const struct db_scan_request *request, bool now)
{
    bool on_snapshot = false;
    if (request->whole) {
        enum db_verdict verdict = walk_ready(db, wait, now);
        if (verdict == DB_PARKED)
            return verdict;
        on_snapshot = verdict == DB_READY;
    }
    if (!on_snapshot) {
        enum db_verdict verdict =
            overlay_ready(db, wait, request->space, now);
        if (verdict != DB_READY)
            return verdict;
    }
    start(db, wait, request, on_snapshot);
    return scan_wait(db, wait, now);
}

enum db_verdict db_scan(struct db *db, struct db_wait *wait,
                        const struct db_scan_request *request, bool now)
{
    /* Emptied or swapped meanwhile: what was found is of another database. */
    if (wait->scan != NULL && wait->scan->space_id != request->space->id)
        scan_drop(wait);
    if (wait->scan == NULL) {
        enum db_verdict verdict = prepare(db, wait, request, now);
        if (verdict == DB_PARKED)
            return verdict;
    }
    ASSERT(wait->scan != NULL);
    if (wait->scan->in_flight) /* it can't be waited for */
        wait->err = ERR_IO;
    else
        wait->err = wait->scan->err;
    return wait->err == ERR_OK ? DB_READY : DB_FAILED;
}

uint64_t db_scan_cursor(const struct db_wait *wait)
{
    return wait->scan->next;
}

size_t db_scan_bytes(const struct db_wait *wait)
{
    return wait->scan->reply_bytes;
}

/* Is it still there? A walk over a snapshot sees its own instant. */
static bool is_shown(const struct db_scan *scan, const struct found_item *item,
                     slice key)
{
    const struct cache *cache = &scan->db->cache;
    const struct entry *entry;
    if (scan->whole)
        return true;
    entry = cache_find(cache, scan->space_id, key, cache_hash(cache, key));
    if (entry != NULL && entry_presence(entry) != ENTRY_UNKNOWN)
        return memory_shows(scan, entry);
    return item->deadline_ms == 0 || item->deadline_ms > scan->db->now_ms;
}

/* The next that was found; what was given before it may be freed. */
static bool next_found(struct db_scan *scan, struct found_item *item,
                       slice *key)
{
    struct found_block *block = first_block(scan);
    if (block != NULL && scan->found_at == block->len) {
        drop_block(scan, block);
        scan->found_at = 0;
        block = first_block(scan);
    }
    if (block == NULL)
        return false;
    memcpy(item, block->data + scan->found_at, sizeof(*item));
    *key = slice_make(block->data + scan->found_at + sizeof(*item),
                      item->len);
    scan->found_at += sizeof(*item) + item->len;
    return true;
}

bool db_scan_next(struct db *db, struct db_wait *wait, slice *key)
{
    struct db_scan   *scan = wait->scan;
    struct found_item item;
    ASSERT(scan->db == db && !scan->in_flight);
    while (next_found(scan, &item, key))
        if (is_shown(scan, &item, *key))
            return true;
    return false;
}
