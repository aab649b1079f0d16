/* sim_pages.h - after all is flushed and no garbage is left: every page record
 * belongs to an object that a key record names, and that object needs it. No
 * key is past its deadline, and each deadline has one expiry record. */
#ifndef SIM_SIM_PAGES_H
#define SIM_SIM_PAGES_H

#include "db/internal.h"

/* Counts what a load asks for. */
struct page_counter {
    struct store *store;
    uint64_t      object_id;
    size_t        count;
    uint64_t      last_id;
    char         *value;
};

static err_t page_counter_fetch(void *arg, uint64_t id, slice *bytes)
{
    struct page_counter *counter = arg;
    struct store_get     get;
    struct buf           key;
    buf_init(&key, 64);
    record_page_key(&key, counter->object_id, id);
    store_value_free(counter->value);
    counter->value = NULL;
    err_t err = store_get_one(counter->store, buf_slice(&key), &get);
    if (err == ERR_OK) {
        counter->value = get.value;
        err = record_value_open(buf_slice(&key),
                                slice_make(get.value, get.value_len), bytes);
        counter->count += counter->last_id != id; /* the root comes twice */
        counter->last_id = id;
    }
    buf_deinit(&key);
    return err;
}

static size_t pages_needed(struct db *db, struct store *store,
                           const struct key_record *record)
{
    struct page_counter counter = { .store = store,
                                    .object_id = record->object_id };
    struct object_root  root;
    struct object      *object;
    assert_int_equal(object_root_decode(record->value, &root), ERR_OK);
    assert_int_equal(object_load(&db->cache.objects,
                                 (enum obj_type)record->type, &root,
                                 page_counter_fetch, &counter, &object),
                     ERR_OK);
    object_free(object);
    store_value_free(counter.value);
    return counter.count;
}

static size_t count_pages(struct store *store, uint64_t object_id)
{
    size_t             count = 0;
    struct buf         prefix;
    struct store_iter *iter = store_iter_new(store, NULL);
    buf_init(&prefix, 64);
    if (object_id != 0) {
        record_page_key(&prefix, object_id, 0);
        prefix.len -= RECORD_PAGE_ID_BYTES;
    } else {
        assert_int_equal(buf_append(&prefix, "p", 1), ERR_OK);
    }
    for (store_iter_seek(iter, buf_slice(&prefix)); store_iter_valid(iter);
         store_iter_next(iter), count++) {
        slice key = store_iter_key(iter);
        if (key.len < prefix.len ||
            memcmp(key.data, prefix.data, prefix.len) != 0)
            break;
    }
    store_iter_free(iter);
    buf_deinit(&prefix);
    return count;
}

static size_t count_expiries(struct store *store)
{
    size_t             count = 0;
    struct store_iter *iter = store_iter_new(store, NULL);
    for (store_iter_seek(iter, SLICE_LITERAL("e"));
         store_iter_valid(iter) &&
         store_iter_key(iter).data[0] == RECORD_EXPIRY;
         store_iter_next(iter))
        count++;
    store_iter_free(iter);
    return count;
}

static bool has_record(struct store *store, slice key)
{
    struct store_get get;
    err_t            err = store_get_one(store, key, &get);
    store_value_free(get.value);
    return err == ERR_OK;
}

static void check_expiries(struct db *db, struct store *store)
{
    int64_t            keys = 0, expires = 0, told = 0, told_expires = 0;
    struct buf         expiry;
    struct store_iter *iter = store_iter_new(store, NULL);
    buf_init(&expiry, SIZE_MAX);
    for (store_iter_seek(iter, SLICE_LITERAL("k"));
         store_iter_valid(iter) && store_iter_key(iter).data[0] == RECORD_KEY;
         store_iter_next(iter), keys++) {
        struct key_record record;
        assert_int_equal(record_key_decode(store_iter_key(iter),
                                           store_iter_value(iter), &record),
                         ERR_OK);
        if (record.deadline_ms == 0)
            continue;
        assert_true(record.deadline_ms > db->now_ms);
        record_expiry_key(&expiry, record.deadline_ms, store_iter_key(iter));
        assert_true(has_record(store, buf_slice(&expiry)));
        expires++;
    }
    store_iter_free(iter);
    buf_deinit(&expiry);
    for (unsigned i = 0; i < db->opt.databases; i++) {
        told += db_key_count(db, db_space(db, i));
        told_expires += db_expire_count(db, db_space(db, i));
    }
    assert_int_equal(told, keys);
    assert_int_equal(told_expires, expires);
    assert_int_equal(count_expiries(store), expires);
}

static void check_pages(struct db *db, struct store *store)
{
    size_t             pages = 0;
    struct store_iter *iter = store_iter_new(store, NULL);
    for (store_iter_seek(iter, SLICE_LITERAL("k"));
         store_iter_valid(iter) && store_iter_key(iter).data[0] == RECORD_KEY;
         store_iter_next(iter)) {
        struct key_record record;
        assert_int_equal(record_key_decode(store_iter_key(iter),
                                           store_iter_value(iter), &record),
                         ERR_OK);
        if (record.object_id == 0)
            continue;
        size_t needed = pages_needed(db, store, &record);
        assert_int_equal(count_pages(store, record.object_id), needed);
        pages += needed;
    }
    store_iter_free(iter);
    assert_int_equal(count_pages(store, 0), pages); /* nobody else's */
}

#endif
