/* space.c - databases and how many keys they have.
 *
 * A database is a namespace number; emptying it takes a new one, swapping two
 * exchanges theirs. Of each it is known how many keys it has on disk, by slot,
 * as of the last cut; that is what the store's count records say. What clients
 * see is derived:
 *     keys = keys on disk + sum over dirty entries of (exists - on disk)
 * and `pending` is that sum, kept by the write hook. Entries whose old record
 * is not known yet are not in the sum; they are counted in `unsettled`. How
 * many keys have a deadline is known in the same way, but by database only. */
#include "db/internal.h"

#include "base/hash.h"
#include "base/num.h"

void spaces_init(struct db *db)
{
    db->spaces = mem_calloc(db->opt.databases, sizeof(*db->spaces));
    for (unsigned i = 0; i < db->opt.databases; i++)
        db->spaces[i].index = i;
    mem_charge(db->opt.mem, MEM_OTHER,
               db->opt.databases * sizeof(*db->spaces));
}

#define SLOTS_BYTES (SLOT_COUNT * sizeof(uint32_t) + COUNT_GROUPS)

void space_free_slots(struct db *db, struct db_space *space)
{
    if (space->slot_keys == NULL)
        return;
    mem_free(space->slot_keys);
    mem_free(space->groups);
    space->slot_keys = NULL;
    space->groups = NULL;
    mem_release(db->opt.mem, MEM_OTHER, SLOTS_BYTES);
}

void spaces_deinit(struct db *db)
{
    for (unsigned i = 0; i < db->opt.databases; i++) {
        space_free_slots(db, &db->spaces[i]);
        overlay_drop(db, &db->spaces[i]);
    }
    mem_release(db->opt.mem, MEM_OTHER,
                db->opt.databases * sizeof(*db->spaces));
    mem_free(db->spaces);
}

struct db_space *db_space(struct db *db, unsigned index)
{
    ASSERT(index < db->opt.databases);
    return &db->spaces[index];
}

struct db_space *space_by_id(struct db *db, uint32_t id)
{
    for (unsigned i = 0; i < db->opt.databases; i++)
        if (db->spaces[i].id == id)
            return &db->spaces[i];
    return NULL;
}

struct db_space *space_of(struct db *db, const struct entry *entry)
{
    return space_by_id(db, entry->space);
}

int64_t db_key_count(const struct db *db, const struct db_space *space)
{
    (void)db;
    return space->disk_keys + space->pending;
}

int64_t db_expire_count(const struct db *db, const struct db_space *space)
{
    (void)db;
    return space->disk_expires + space->pending_expires;
}

int entry_expires(const struct entry *entry)
{
    return (entry->flags & ENTRY_HAS_DEADLINE) != 0;
}

void space_pend(struct db_space *space, int keys, int expires)
{
    if (space == NULL)
        return;
    space->pending += keys;
    space->pending_expires += expires;
}

static uint32_t *slots_of(struct db *db, struct db_space *space)
{
    if (space->slot_keys == NULL) {
        space->slot_keys = mem_calloc(SLOT_COUNT, sizeof(uint32_t));
        space->groups = mem_calloc(COUNT_GROUPS, 1);
        mem_charge(db->opt.mem, MEM_OTHER, SLOTS_BYTES);
    }
    return space->slot_keys;
}

void space_count_slot(struct db *db, struct db_space *space, uint16_t slot,
                      int delta)
{
    if (delta == 0)
        return;
    uint32_t *slots = slots_of(db, space);
    ASSERT(delta > 0 || slots[slot] > 0);
    slots[slot] += (uint32_t)delta;
    space->disk_keys += delta;
    space->groups[slot / COUNT_GROUP_SLOTS] = 1;
}

void space_count_expires(struct db_space *space, int delta)
{
    if (delta == 0)
        return;
    ASSERT(delta > 0 || space->disk_expires > 0);
    space->disk_expires += delta;
    space->expires_changed = true;
}

static void put_group(struct db *db, struct store_batch *batch,
                      const struct db_space *space, unsigned group)
{
    record_count_key(&db->key_buf, space->id, group);
    record_value_begin(&db->value_buf);
    for (unsigned i = 0; i < COUNT_GROUP_SLOTS; i++) {
        uint8_t  bytes[10];
        uint32_t keys = space->slot_keys[group * COUNT_GROUP_SLOTS + i];
        err_t    err = buf_append(&db->value_buf, bytes,
                                  num_put_varint(bytes, keys));
        ASSERT(err == ERR_OK);
    }
    record_value_end(&db->value_buf, buf_slice(&db->key_buf));
    store_batch_put(batch, buf_slice(&db->key_buf), buf_slice(&db->value_buf));
}

static void put_expires(struct db *db, struct store_batch *batch,
                        const struct db_space *space)
{
    uint8_t bytes[10];
    record_expires_key(&db->key_buf, space->id);
    record_value_begin(&db->value_buf);
    err_t err = buf_append(
        &db->value_buf, bytes,
        num_put_varint(bytes, (uint64_t)space->disk_expires));
    ASSERT(err == ERR_OK);
    record_value_end(&db->value_buf, buf_slice(&db->key_buf));
    store_batch_put(batch, buf_slice(&db->key_buf), buf_slice(&db->value_buf));
}

void space_put_counts(struct db *db, struct store_batch *batch,
                      struct db_space *space)
{
    if (space->expires_changed)
        put_expires(db, batch, space);
    space->expires_changed = false;
    if (space->groups == NULL)
        return;
    for (unsigned group = 0; group < COUNT_GROUPS; group++) {
        if (space->groups[group])
            put_group(db, batch, space, group);
        space->groups[group] = 0;
    }
}

void dead_add(struct dead_list *dead, uint32_t id)
{
    if (dead->count == dead->capacity) {
        dead->capacity = dead->capacity * 2 + 8;
        dead->ids =
            mem_realloc(dead->ids, dead->capacity * sizeof(*dead->ids));
    }
    dead->ids[dead->count++] = id;
}

bool dead_has(const struct dead_list *dead, uint32_t id)
{
    for (size_t i = 0; i < dead->count; i++)
        if (dead->ids[i] == id)
            return true;
    return false;
}

void db_flush_space(struct db *db, struct db_space *space)
{
    dead_add(&db->dead, space->id);
    overlay_drop(db, space);
    /* The cut in flight was closed before this; it still counts the old
     * namespace. */
    cut_keep_space(db, space);
    space_free_slots(db, space);
    ASSERT(db->space_id < UINT32_MAX);
    space->id = db->space_id++;
    space->disk_keys = 0;
    space->pending = 0;
    space->disk_expires = 0;
    space->pending_expires = 0;
    space->expires_changed = false;
    space->unsettled = 0;
    space->unwritten = true;
    if (!db->map_dirty)
        db->map_dirty_ms = db->now_ms;
    db->map_dirty = true;
    tell(db, &(struct db_change){ .kind = DB_SPACE_EMPTIED,
                                  .space = space,
                                  .event = "flushdb" });
}

/* Entries, counts and the cut in flight know namespaces only, and these stay
 * as they are; which number a client says for them is a matter of the map. The
 * cut in flight has a map of its own, as of its closing. */
void db_swap_spaces(struct db *db, struct db_space *a, struct db_space *b)
{
    if (a == b)
        return;
    struct db_space was = *a;
    *a = *b;
    *b = was;
    b->index = a->index;
    a->index = was.index;
    if (!db->map_dirty)
        db->map_dirty_ms = db->now_ms;
    db->map_dirty = true;
    tell(db, &(struct db_change){ .kind = DB_SPACES_SWAPPED,
                                  .space = a,
                                  .other = b,
                                  .event = "swapdb" });
}

/* --- reading the counts -------------------------------------------------- */

void count_reader_init(struct db *db, struct count_reader *reader)
{
    size_t count = db->opt.databases;
    *reader = (struct count_reader){ .store = db->opt.store,
                                     .space_count = count };
    reader->space_ids = mem_calloc(count, sizeof(*reader->space_ids));
    reader->slots = mem_calloc(count, sizeof(*reader->slots));
    reader->expires = mem_calloc(count, sizeof(*reader->expires));
    for (size_t i = 0; i < count; i++)
        reader->space_ids[i] = db->spaces[i].id;
}

void count_reader_deinit(struct count_reader *reader)
{
    for (size_t i = 0; i < reader->space_count; i++)
        mem_free(reader->slots[i]);
    mem_free(reader->slots);
    mem_free(reader->expires);
    mem_free(reader->space_ids);
}

static void is_damaged(struct count_reader *reader, err_t err, size_t index)
{
    err_set(&reader->why, err, "a count record of namespace %u is damaged",
            reader->space_ids[index]);
}

/* One count record: 64 LEB128 numbers. */
static err_t read_group(slice payload, uint32_t *slots)
{
    for (unsigned i = 0; i < COUNT_GROUP_SLOTS; i++) {
        uint64_t keys;
        size_t   len = num_get_varint(payload, &keys);
        if (len == 0 || keys > UINT32_MAX)
            return ERR_CORRUPT;
        slots[i] = (uint32_t)keys;
        payload = slice_make(payload.data + len, payload.len - len);
    }
    return payload.len == 0 ? ERR_OK : ERR_CORRUPT;
}

static err_t read_slots(struct count_reader *reader, size_t index)
{
    struct buf key;
    buf_init(&key, 64);
    record_count_key(&key, reader->space_ids[index], 0);
    size_t prefix = key.len - 1;
    err_t  err = ERR_OK;

    struct store_iter *iter = store_iter_new(reader->store, NULL);
    for (store_iter_seek(iter, buf_slice(&key)); store_iter_valid(iter);
         store_iter_next(iter)) {
        slice at = store_iter_key(iter), payload;
        if (at.len != key.len || memcmp(at.data, key.data, prefix) != 0)
            break;
        if (reader->slots[index] == NULL)
            reader->slots[index] = mem_calloc(SLOT_COUNT, sizeof(uint32_t));
        unsigned group = (uint8_t)at.data[prefix];
        err = record_value_open(at, store_iter_value(iter), &payload);
        if (err == ERR_OK)
            err = read_group(payload, reader->slots[index] +
                                          group * COUNT_GROUP_SLOTS);
        if (err != ERR_OK) {
            is_damaged(reader, err, index);
            break;
        }
    }
    if (err == ERR_OK)
        err = store_iter_error(iter, &reader->why);
    store_iter_free(iter);
    buf_deinit(&key);
    return err;
}

static err_t read_expires(struct count_reader *reader, size_t index)
{
    struct buf       key;
    struct store_get get;
    uint64_t         count;
    slice            payload;
    buf_init(&key, 64);
    record_expires_key(&key, reader->space_ids[index]);
    err_t err = store_get_one(reader->store, buf_slice(&key), &get);
    if (err == ERR_OK) {
        err = record_value_open(buf_slice(&key),
                                slice_make(get.value, get.value_len),
                                &payload);
        if (err == ERR_OK && (num_get_varint(payload, &count) != payload.len ||
                              payload.len == 0 || count > INT64_MAX))
            err = ERR_CORRUPT;
        if (err == ERR_OK)
            reader->expires[index] = (int64_t)count;
        else
            is_damaged(reader, err, index);
        store_value_free(get.value);
    } else if (err == ERR_NOT_FOUND) {
        err = ERR_OK;
    } else {
        reader->why = get.why;
    }
    buf_deinit(&key);
    return err;
}

void count_read(struct count_reader *reader)
{
    reader->err = ERR_OK;
    for (size_t i = 0; i < reader->space_count && reader->err == ERR_OK; i++) {
        reader->err = read_slots(reader, i);
        if (reader->err == ERR_OK)
            reader->err = read_expires(reader, i);
    }
}

void count_adopt(struct db *db, struct count_reader *reader)
{
    for (size_t i = 0; i < reader->space_count; i++) {
        /* By its namespace: databases may have been swapped meanwhile. */
        struct db_space *space = space_by_id(db, reader->space_ids[i]);
        if (space == NULL)
            continue; /* emptied: the new namespace has nothing on disk */
        space_free_slots(db, space);
        space->disk_keys = 0;
        space->disk_expires = reader->expires[i];
        space->expires_changed = false;
        if (reader->slots[i] == NULL)
            continue;
        memcpy(slots_of(db, space), reader->slots[i],
               SLOT_COUNT * sizeof(uint32_t));
        for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
            space->disk_keys += space->slot_keys[slot];
    }
}
