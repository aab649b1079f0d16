/* store.c - the door: hands each call to the engine behind it.
 *
 * Nothing is decided here. Values that a get gives away come from malloc in
 * every engine, because LevelDB's do (and base/mem.h's allocator is malloc);
 * that is why store_value_free needs no store and can be called by any thread,
 * long after. */
#include "base/assert.h"
#include "base/mem.h"
#include "store/engine.h"

void store_value_free(char *value)
{
    mem_free(value);
}

void store_get_many(struct store *store, const struct store_snapshot *snapshot,
                    struct store_get *gets, size_t count, store_on_get *on_done,
                    void *arg)
{
    store->engine->get_many(store, snapshot, gets, count, on_done, arg);
}

static void on_get_one(void *arg, struct store_get *get)
{
    size_t *done_count = arg;
    (void)get;
    (*done_count)++;
}

err_t store_get_one(struct store *store, slice key, struct store_get *out)
{
    size_t done_count = 0;

    *out = (struct store_get){ .key = key };
    store_get_many(store, NULL, out, 1, on_get_one, &done_count);
    ASSERT(done_count == 1);
    return out->err;
}

struct store_snapshot *store_snapshot_new(struct store *store)
{
    return store->engine->snapshot_new(store);
}

void store_snapshot_free(struct store *store, struct store_snapshot *snapshot)
{
    if (snapshot)
        store->engine->snapshot_free(store, snapshot);
}

struct store_iter *store_iter_new(struct store                *store,
                                  const struct store_snapshot *snapshot)
{
    return store->engine->iter_new(store, snapshot);
}

void store_iter_free(struct store_iter *iter)
{
    if (iter)
        iter->engine->free(iter);
}

void store_iter_seek(struct store_iter *iter, slice at_or_after)
{
    iter->engine->seek(iter, at_or_after);
}

void store_iter_next(struct store_iter *iter)
{
    ASSERT(iter->engine->valid(iter));
    iter->engine->next(iter);
}

bool store_iter_valid(const struct store_iter *iter)
{
    return iter->engine->valid(iter);
}

slice store_iter_key(const struct store_iter *iter)
{
    ASSERT(iter->engine->valid(iter));
    return iter->engine->key(iter);
}

slice store_iter_value(const struct store_iter *iter)
{
    ASSERT(iter->engine->valid(iter));
    return iter->engine->value(iter);
}

err_t store_iter_error(const struct store_iter *iter, struct err_text *why)
{
    return iter->engine->error(iter, why);
}

err_t store_write(struct store *store, struct store_batch *batch, bool durable,
                  struct err_text *why)
{
    ASSERT(batch != NULL);
    return store->engine->write(store, batch, durable, why);
}

err_t store_sync(struct store *store, struct err_text *why)
{
    return store->engine->sync(store, why);
}

void store_resize(struct store *store, const struct store_options *options)
{
    store->engine->resize(store, options);
}

err_t store_reopen(struct store *store, struct err_text *why)
{
    return store->engine->reopen(store, why);
}

void store_compact(struct store *store, slice from, slice to)
{
    store->engine->compact(store, from, to);
}

void store_stats(struct store *store, struct store_stats *out)
{
    *out = (struct store_stats){ 0 };
    store->engine->stats(store, out);
}

uint64_t store_approximate_bytes(struct store *store, slice from, slice to)
{
    return store->engine->approximate_bytes(store, from, to);
}

err_t store_scrub(struct store *store, size_t count, bool *more,
                  struct err_text *why)
{
    return store->engine->scrub(store, count, more, why);
}

/* Both engines of today hold all slots in one place. */
enum store_atomicity store_atomic_over(const struct store *store)
{
    (void)store;
    return STORE_ATOMIC_WHOLE;
}

void store_close(struct store *store)
{
    if (store)
        store->engine->close(store);
}
