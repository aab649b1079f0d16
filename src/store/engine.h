/* engine.h - what an engine behind store.h implements. Only src/store includes
 * it. Each function has the contract of its namesake in store.h; `struct
 * store`, `struct store_snapshot` and `struct store_iter` are the first member
 * of the engine's own structs. */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "store/store.h"

struct store_engine {
    void (*get_many)(struct store *, const struct store_snapshot *,
                     struct store_get *, size_t, store_on_get *, void *);
    err_t (*write)(struct store *, struct store_batch *, bool durable,
                   struct err_text *);
    err_t (*sync)(struct store *, struct err_text *);
    err_t (*reopen)(struct store *, struct err_text *);
    void (*resize)(struct store *, const struct store_options *);
    void (*compact)(struct store *, slice from, slice to);
    void (*stats)(struct store *, struct store_stats *);
    uint64_t (*approximate_bytes)(struct store *, slice from, slice to);
    err_t (*scrub)(struct store *, size_t, bool *more, struct err_text *);
    void (*close)(struct store *);
    struct store_snapshot *(*snapshot_new)(struct store *);
    void (*snapshot_free)(struct store *, struct store_snapshot *);
    struct store_iter *(*iter_new)(struct store *,
                                   const struct store_snapshot *);
};

struct store_iter_engine {
    void (*seek)(struct store_iter *, slice);
    void (*next)(struct store_iter *);
    bool (*valid)(const struct store_iter *);
    slice (*key)(const struct store_iter *);
    slice (*value)(const struct store_iter *);
    err_t (*error)(const struct store_iter *, struct err_text *);
    void (*free)(struct store_iter *);
};

struct store {
    const struct store_engine *engine;
};
struct store_snapshot {
    struct store *store;
};
struct store_iter {
    const struct store_iter_engine *engine;
};

#endif
