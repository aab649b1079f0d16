/* open.c - the meta records: what the store says of itself.
 *
 *   format    version of the records; an unknown one is refused
 *   hashkey   16 random bytes, made with the store
 *   ids       next version, next namespace, first object id not reserved
 *   spaces    the namespace of each database
 *   count..   keys by slot (space.c)
 *   expires.. keys with a deadline (space.c)
 *   doubt     expiry records may be wrong (expire.c)
 *   staged    commit record of a staged cut (save.c) */
#include "db/internal.h"

#include "base/num.h"
#include "base/rand.h"
#include "store/layout.h"

/* The marker's number is looked at before LevelDB is opened, which writes; the
 * record `format` only after. So the two are one: see docs/FORMAT.md. */
_Static_assert(RECORD_FORMAT == LAYOUT_FORMAT,
               "an unknown format must be refused by the marker");

static slice meta_key(struct db *db, const char *name)
{
    record_meta_key(&db->key_buf, name);
    return buf_slice(&db->key_buf);
}

static void append(struct buf *buf, const void *data, size_t len)
{
    err_t err = buf_append(buf, data, len);
    ASSERT(err == ERR_OK);
}

static void append_be64(struct buf *buf, uint64_t value)
{
    uint8_t bytes[8];
    num_put_be64(bytes, value);
    append(buf, bytes, sizeof(bytes));
}

static void append_be32(struct buf *buf, uint32_t value)
{
    uint8_t bytes[4];
    num_put_be32(bytes, value);
    append(buf, bytes, sizeof(bytes));
}

/* Seals value_buf under key_buf and adds it to the batch. */
static void put_meta(struct db *db, struct store_batch *batch)
{
    record_value_end(&db->value_buf, buf_slice(&db->key_buf));
    store_batch_put(batch, buf_slice(&db->key_buf), buf_slice(&db->value_buf));
}

void meta_put_ids(struct db *db, struct store_batch *batch)
{
    if (db->object_id_limit - db->object_id < OBJECT_ID_RESERVE / 2)
        db->object_id_limit += OBJECT_ID_RESERVE;
    meta_key(db, "ids");
    record_value_begin(&db->value_buf);
    append_be64(&db->value_buf, db->version + 1);
    append_be64(&db->value_buf, db->object_id_limit);
    append_be32(&db->value_buf, db->space_id);
    put_meta(db, batch);
}

void meta_put_doubt(struct db *db, struct store_batch *batch)
{
    meta_key(db, "doubt");
    record_value_begin(&db->value_buf);
    put_meta(db, batch);
}

void meta_put_map(struct db *db, struct store_batch *batch, const uint32_t *ids,
                  size_t count)
{
    meta_key(db, "spaces");
    record_value_begin(&db->value_buf);
    for (size_t i = 0; i < count; i++)
        append_be32(&db->value_buf, ids[i]);
    put_meta(db, batch);
}

void meta_put_start(struct db *db, struct store_batch *batch)
{
    uint32_t *ids = mem_calloc(db->opt.databases, sizeof(*ids));
    for (unsigned i = 0; i < db->opt.databases; i++)
        ids[i] = db->spaces[i].id;
    meta_put_map(db, batch, ids, db->opt.databases);
    meta_put_ids(db, batch);
    mem_free(ids);
}

/* --- reading ------------------------------------------------------------- */

/* Copies the payload of a meta record to value_buf. */
static err_t read_meta(struct db *db, const char *name, struct err_text *why)
{
    slice            key = meta_key(db, name), payload;
    struct store_get get;
    err_t            err = store_get_one(db->opt.store, key, &get);
    if (err != ERR_OK) {
        if (why != NULL && err != ERR_NOT_FOUND)
            *why = get.why;
        return err;
    }
    err = record_value_open(key, slice_make(get.value, get.value_len),
                            &payload);
    buf_clear(&db->value_buf);
    if (err == ERR_OK)
        append(&db->value_buf, payload.data, payload.len);
    else
        err_set(why, err, "the meta record '%s' is damaged or of another "
                "version", name);
    store_value_free(get.value);
    return err;
}

static err_t read_hash_key(struct db *db, struct err_text *why)
{
    err_t err = read_meta(db, "hashkey", why);
    if (err != ERR_OK)
        return err;
    if (db->value_buf.len != 16)
        return err_set(why, ERR_CORRUPT, "the hash key has a wrong length");
    db->cache.hash_key.k0 = num_get_be64(db->value_buf.data);
    db->cache.hash_key.k1 = num_get_be64(db->value_buf.data + 8);
    db->cache.objects.hasher.key = db->cache.hash_key;
    return ERR_OK;
}

static err_t read_ids(struct db *db, struct err_text *why)
{
    err_t err = read_meta(db, "ids", why);
    if (err != ERR_OK)
        return err;
    if (db->value_buf.len != 20)
        return err_set(why, ERR_CORRUPT, "the id record has a wrong length");
    db->version = num_get_be64(db->value_buf.data);
    db->object_id = db->object_id_limit =
        num_get_be64(db->value_buf.data + 8);
    db->space_id = num_get_be32(db->value_buf.data + 16);
    return ERR_OK;
}

static err_t read_map(struct db *db, struct err_text *why)
{
    err_t err = read_meta(db, "spaces", why);
    if (err != ERR_OK)
        return err;
    size_t count = db->value_buf.len / 4;
    if (db->value_buf.len % 4 != 0 || count == 0)
        return err_set(why, ERR_CORRUPT, "the database map is damaged");
    if (count > db->opt.databases)
        return err_set(why, ERR_INVALID,
                       "the store has %zu databases: set 'databases' to that "
                       "or more",
                       count);
    for (unsigned i = 0; i < db->opt.databases; i++)
        db->spaces[i].id = i < count ? num_get_be32(db->value_buf.data + 4 * i)
                                     : db->space_id++;
    return ERR_OK;
}

static err_t read_doubt(struct db *db, struct err_text *why)
{
    err_t err = read_meta(db, "doubt", why);
    db->expiry.doubted = err == ERR_OK;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static err_t read_counts(struct db *db, struct err_text *why)
{
    struct count_reader reader;
    count_reader_init(db, &reader);
    count_read(&reader);
    err_t err = reader.err;
    if (err == ERR_OK)
        count_adopt(db, &reader);
    else if (why != NULL)
        *why = reader.why;
    count_reader_deinit(&reader);
    return err;
}

/* --- a new store --------------------------------------------------------- */

static void make_new(struct db *db, struct store_batch *batch)
{
    meta_key(db, "format");
    record_value_begin(&db->value_buf);
    append_be32(&db->value_buf, RECORD_FORMAT);
    put_meta(db, batch);

    if (db->opt.hash_seed != 0)
        db->cache.hash_key = (struct hash_key){ db->opt.hash_seed, 0 };
    else
        rand_system(&db->cache.hash_key, sizeof(db->cache.hash_key));
    db->cache.objects.hasher.key = db->cache.hash_key;
    meta_key(db, "hashkey");
    record_value_begin(&db->value_buf);
    append_be64(&db->value_buf, db->cache.hash_key.k0);
    append_be64(&db->value_buf, db->cache.hash_key.k1);
    put_meta(db, batch);

    db->version = 1;
    db->object_id = db->object_id_limit = 1;
    db->space_id = 1;
    for (unsigned i = 0; i < db->opt.databases; i++)
        db->spaces[i].id = db->space_id++;
}

static err_t read_all(struct db *db, struct err_text *why)
{
    if (db->value_buf.len != 4 ||
        num_get_be32(db->value_buf.data) != RECORD_FORMAT)
        return err_set(why, ERR_FORMAT, "the store's records are of an unknown "
                       "version");
    err_t err = read_hash_key(db, why);
    if (err == ERR_OK)
        err = read_ids(db, why);
    if (err == ERR_OK)
        err = read_map(db, why);
    if (err == ERR_OK)
        err = save_recover_staged(db->opt.store, db->opt.cut_max_bytes,
                                  db->opt.fsync, why);
    /* What was staged may have been meta records too. */
    if (err == ERR_OK)
        err = read_ids(db, why);
    if (err == ERR_OK)
        err = read_map(db, why);
    if (err == ERR_OK)
        err = read_doubt(db, why);
    if (err == ERR_OK)
        err = read_counts(db, why);
    return err;
}

err_t open_meta(struct db *db, struct err_text *why)
{
    struct store_batch *batch = store_batch_new();
    err_t               err = read_meta(db, "format", why);
    if (err == ERR_NOT_FOUND) {
        make_new(db, batch);
        err = ERR_OK;
    } else if (err == ERR_OK) {
        err = read_all(db, why);
    }
    if (err != ERR_OK) {
        store_batch_free(batch);
        return err;
    }
    struct err_text text = { "" };
    meta_put_start(db, batch);
    err = store_write(db->opt.store, batch, true, &text);
    if (err != ERR_CORRUPT)
        return err == ERR_OK ? ERR_OK : err_set(why, err, "%s", text.text);
    /* A damaged file for which nothing may be written: then nothing is, and
     * what can be read is served. */
    db->start_unwritten = true;
    fail_start(db, &text);
    return ERR_OK;
}
