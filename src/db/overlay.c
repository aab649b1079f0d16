/* overlay.c - what memory knows otherwise than the disk, in the order in which
 * the disk is scanned.
 *
 * SCAN goes over the store's key records. What it must not take from there
 * stands here: each dirty key of which the disk may say something else than
 * memory does - that it exists, its type, its deadline. A key whose value alone
 * was changed is not in it; one that was deleted is, until the delete is on
 * disk. Whoever looks here first, and at the store afterwards, misses nothing:
 * what is not here any more is on disk, and stays there when it is evicted.
 *
 * It costs nothing while nobody scans: there is none before the first SCAN of
 * a namespace. That one makes an empty overlay, which the write hook fills from
 * then on, and waits for the cut of what was dirty before. Who can't wait for a
 * cut (a script, or anybody while the store refuses writes) has it filled with
 * all that is dirty, which takes about as long as cut_abort. One that nobody
 * has looked at for OVERLAY_IDLE_MS goes again, one that takes more than a part
 * of the memory too: the next SCAN makes another. */
#include "db/internal.h"

#include "base/hash.h"
#include "tree/tree.h"

#define OVERLAY_IDLE_MS (5 * 60 * 1000)
/* The part of the limit that it may take. */
#define OVERLAY_PART 16

struct overlay {
    struct db      *db;
    struct tree_env env;
    uint64_t        next_id;
    struct tree    *tree;    /* PAGE_RANKS: scan order, user key */
    uint64_t        epoch;   /* complete once this one is on disk */
    int64_t         used_ms;
};

uint64_t db_scan_order(const struct db *db, slice key)
{
    return (uint64_t)hash_slot(key) << SCAN_HASH_BITS |
           cache_hash(&db->cache, key) >> (64 - SCAN_HASH_BITS);
}

static void on_charge(void *arg, ptrdiff_t bytes)
{
    struct mem *mem = ((struct overlay *)arg)->db->opt.mem;
    if (bytes >= 0)
        mem_charge(mem, MEM_OTHER, (size_t)bytes);
    else
        mem_release(mem, MEM_OTHER, (size_t)-bytes);
}

/* The epoch that holds the newest of what is dirty now; 0: nothing is. */
static uint64_t dirty_epoch(const struct db *db)
{
    if (db->open_count > 0 || db->map_dirty)
        return db->epoch;
    return db->cut.phase != CUT_NONE ? db->cut.epoch : 0;
}

static struct overlay *overlay_make(struct db *db, struct db_space *space)
{
    struct overlay *overlay = mem_calloc(1, sizeof(*overlay));
    overlay->db = db;
    overlay->env = (struct tree_env){ .page_limit = TREE_PAGE_LIMIT,
                                      .hasher = db->cache.objects.hasher,
                                      .next_id = &overlay->next_id,
                                      .on_charge = on_charge,
                                      .arg = overlay };
    overlay->next_id = 1;
    overlay->epoch = dirty_epoch(db);
    overlay->used_ms = db->now_ms;
    mem_charge(db->opt.mem, MEM_OTHER, sizeof(*overlay));
    overlay->tree = tree_new(&overlay->env, PAGE_RANKS);
    space->overlay = overlay;
    db->overlays++;
    return overlay;
}

void overlay_drop(struct db *db, struct db_space *space)
{
    struct overlay *overlay = space->overlay;
    if (overlay == NULL)
        return;
    space->overlay = NULL;
    db->overlays--;
    tree_free(overlay->tree);
    mem_release(db->opt.mem, MEM_OTHER, sizeof(*overlay));
    mem_free(overlay);
}

/* --- the hook ------------------------------------------------------------ */

static void put(struct overlay *overlay, slice key)
{
    bool  created;
    err_t err = tree_put(overlay->tree, db_scan_order(overlay->db, key), key,
                         SLICE_EMPTY, &created);
    ASSERT(err == ERR_OK);
}

static void take_out(struct overlay *overlay, slice key)
{
    bool  deleted;
    err_t err = tree_delete(overlay->tree, db_scan_order(overlay->db, key), key,
                            &deleted);
    ASSERT(err == ERR_OK);
}

/* While a cut has it what the disk says is not known: the old or the new. */
static bool disk_is_known(const struct busy *busy)
{
    return busy->disk.known && busy->saving_version == 0;
}

static bool says_the_same(const struct busy *busy, const struct before *before)
{
    const struct entry *entry = busy->entry;
    return disk_is_known(busy) && busy->disk.exists && before->existed &&
           entry_exists(entry) && before->type == entry_type(entry) &&
           busy->disk.deadline_ms == entry_deadline(entry);
}

void overlay_changed(struct db *db, struct db_space *space,
                     const struct busy *busy, const struct before *before)
{
    struct overlay *overlay = space->overlay;
    slice           key = entry_key(busy->entry);
    bool is_nowhere = disk_is_known(busy) && !busy->disk.exists &&
                      !entry_exists(busy->entry);
    if (is_nowhere)
        take_out(overlay, key);
    else if (!says_the_same(busy, before))
        put(overlay, key);
    if (tree_bytes(overlay->tree) > db->cache.limit_bytes / OVERLAY_PART)
        overlay_drop(db, space);
}

void overlay_written(struct db *db, const struct busy *busy)
{
    if (db->overlays == 0)
        return;
    struct db_space *space = space_of(db, busy->entry);
    if (space != NULL && space->overlay != NULL &&
        busy_state(busy) == DS_MEMORY)
        take_out(space->overlay, entry_key(busy->entry));
}

void overlay_cron(struct db *db)
{
    for (unsigned i = 0; i < db->opt.databases; i++) {
        const struct overlay *overlay = db->spaces[i].overlay;
        if (overlay != NULL && db->now_ms - overlay->used_ms > OVERLAY_IDLE_MS)
            overlay_drop(db, &db->spaces[i]);
    }
}

/* --- looking ------------------------------------------------------------- */

static void fill_from(const struct db_space *space,
                      struct link *list, size_t link_offset)
{
    LIST_EACH (link, list) {
        const struct busy *busy =
            (struct busy *)(void *)((char *)link - link_offset);
        if (busy->entry->space == space->id)
            put(space->overlay, entry_key(busy->entry));
    }
}

static void fill(struct db *db, struct db_space *space)
{
    if (space->overlay == NULL)
        overlay_make(db, space);
    space->overlay->epoch = 0;
    fill_from(space, &db->open, offsetof(struct busy, dirty_link));
    fill_from(space, &db->cut.closing, offsetof(struct busy, dirty_link));
    fill_from(space, &db->cut.captured, offsetof(struct busy, saving_link));
}

enum db_verdict overlay_ready(struct db *db, struct db_wait *wait,
                              struct db_space *space, bool now)
{
    struct overlay *overlay = space->overlay;
    bool has_waited = wait->epoch != 0;
    if (overlay == NULL && !has_waited)
        overlay = overlay_make(db, space);
    if (overlay != NULL && db->durable_epoch >= overlay->epoch) {
        overlay->used_ms = db->now_ms;
        return DB_READY;
    }
    /* There is no waiting for a cut, or that was in vain: the flush has failed,
     * or the overlay was dropped meanwhile. */
    if (now || db->failing || has_waited) {
        wait->err = ERR_OK;
        fill(db, space);
        return DB_READY;
    }
    wait->epoch = overlay->epoch;
    park(db, wait, DB_WAIT_CUT, &db->flushed);
    db_flush_soon(db);
    return DB_PARKED;
}

uint64_t overlay_count(const struct db_space *space)
{
    return tree_count(space->overlay->tree);
}

static void look_at(struct db *db, const struct db_space *space,
                    const struct page_element *element,
                    struct overlay_key *out)
{
    out->order = element->order;
    out->key = page_value_text(&element->key, out->buffer);
    out->entry = cache_find(&db->cache, space->id, out->key,
                            cache_hash(&db->cache, out->key));
    ASSERT(out->entry != NULL); /* what is dirty is in memory */
}

void overlay_walk_init(struct overlay_walk *walk, struct db *db,
                       const struct db_space *space, uint64_t from)
{
    struct page_target target = { .order = from, .where = TARGET_LOWEST };
    struct tree       *tree = space->overlay->tree;
    uint64_t           rank;
    err_t              err = tree_rank_of(tree, &target, &rank);
    ASSERT(err == ERR_OK);
    walk->db = db;
    walk->space = space;
    tree_walk_init(&walk->walk, tree, rank, UINT64_MAX, false);
}

bool overlay_walk_next(struct overlay_walk *walk, struct overlay_key *out)
{
    struct page_element element;
    err_t               err = tree_walk_next(&walk->walk, &element);
    if (err == ERR_NOT_FOUND)
        return false;
    ASSERT(err == ERR_OK);
    look_at(walk->db, walk->space, &element, out);
    return true;
}

void overlay_random(struct db *db, const struct db_space *space,
                    struct rand *rand, struct overlay_key *out)
{
    struct page_element element;
    err_t err = tree_random(space->overlay->tree, rand, &element);
    ASSERT(err == ERR_OK);
    look_at(db, space, &element, out);
}

void overlay_check(struct db *db, const struct db_space *space)
{
    struct overlay_walk walk;
    struct overlay_key  key;
    if (space->overlay == NULL)
        return;
    ASSERT(tree_check(space->overlay->tree) == NULL);
    overlay_walk_init(&walk, db, space, 0);
    while (overlay_walk_next(&walk, &key)) {
        ASSERT(key.order == db_scan_order(db, key.key));
        ASSERT(cache_state(&db->cache, key.entry) != DS_MEMORY);
    }
}
