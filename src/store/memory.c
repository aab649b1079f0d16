/* memory.c - an ordered map in memory behind the store's door, for tests.
 *
 * A treap whose nodes never change once they are reachable (path copying): a
 * write makes a new root and shares what it did not touch. So a snapshot, an
 * iterator and "what was durable" are each one more reference to a root, taken
 * in no time, and readers need the mutex only to fetch the root. A node's
 * priority is a hash of its key, so the shape depends on the keys alone and
 * a run can be replayed.
 *
 * In the functions on trees, arguments are borrowed and the result is given
 * (one reference more). Recursion is as deep as the tree, some dozens.
 *
 * A write is never lost and never fails here; store/fault.c does that. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/engine.h"

struct record {
    atomic_uint refs;
    size_t      key_len;
    size_t      value_len;
    uint64_t    priority;
    char        bytes[]; /* key, value */
};

struct node {
    atomic_uint    refs;
    struct record *record; /* one reference */
    struct node   *left;   /* one reference each; NULL: empty */
    struct node   *right;
};

struct memory_store {
    struct store         base;
    pthread_mutex_t      mutex;
    struct node         *root;    /* guarded by mutex */
    struct node         *durable; /* guarded by mutex: root at the last sync */
    uint64_t             bytes;   /* guarded by mutex: keys and values */
    uint64_t             durable_bytes; /* guarded by mutex */
    atomic_uint_fast64_t write_count;
    atomic_uint_fast64_t write_bytes;
    atomic_uint_fast64_t get_count;
};

struct memory_snap {
    struct store_snapshot base;
    struct node          *root;
};

struct memory_iter {
    struct store_iter base;
    struct node      *root;
    struct record    *at; /* one reference; NULL: not valid */
};

static struct memory_store *memory_of(struct store *store)
{
    return CONTAINER_OF(store, struct memory_store, base);
}

/* --- records and nodes --------------------------------------------------- */

static slice record_key(const struct record *record)
{
    return slice_make(record->bytes, record->key_len);
}

static slice record_value(const struct record *record)
{
    return slice_make(record->bytes + record->key_len, record->value_len);
}

static struct record *record_new(slice key, slice value)
{
    struct record *record = mem_alloc(sizeof(*record) + key.len + value.len);

    atomic_init(&record->refs, 1);
    record->key_len = key.len;
    record->value_len = value.len;
    record->priority = hash_siphash13((struct hash_key){ 0, 0 }, key);
    if (key.len)
        memcpy(record->bytes, key.data, key.len);
    if (value.len)
        memcpy(record->bytes + key.len, value.data, value.len);
    return record;
}

static struct record *record_ref(struct record *record)
{
    atomic_fetch_add(&record->refs, 1);
    return record;
}

static void record_unref(struct record *record)
{
    if (record && atomic_fetch_sub(&record->refs, 1) == 1)
        mem_free(record);
}

static struct node *node_ref(struct node *node)
{
    if (node)
        atomic_fetch_add(&node->refs, 1);
    return node;
}

static void node_unref(struct node *node)
{
    if (node == NULL || atomic_fetch_sub(&node->refs, 1) != 1)
        return;
    record_unref(node->record);
    node_unref(node->left);
    node_unref(node->right);
    mem_free(node);
}

/* Borrows the record, takes the children. */
static struct node *node_new(struct record *record, struct node *left,
                             struct node *right)
{
    struct node *node = mem_alloc(sizeof(*node));

    atomic_init(&node->refs, 1);
    node->record = record_ref(record);
    node->left = left;
    node->right = right;
    return node;
}

/* --- trees --------------------------------------------------------------- */

/* Everything below key to *left, everything above to *right. */
static void tree_split(struct node *node, slice key, struct node **left,
                       struct node **right)
{
    struct node *between;

    if (node == NULL) {
        *left = *right = NULL;
    } else if (slice_compare(record_key(node->record), key) < 0) {
        tree_split(node->right, key, &between, right);
        *left = node_new(node->record, node_ref(node->left), between);
    } else {
        tree_split(node->left, key, left, &between);
        *right = node_new(node->record, between, node_ref(node->right));
    }
}

/* All keys in left are below all keys in right. */
static struct node *tree_join(struct node *left, struct node *right)
{
    if (left == NULL || right == NULL)
        return node_ref(left ? left : right);
    if (left->record->priority > right->record->priority)
        return node_new(left->record, node_ref(left->left),
                        tree_join(left->right, right));
    return node_new(right->record, tree_join(left, right->left),
                    node_ref(right->right));
}

/* The key is not in the tree. */
static struct node *tree_insert(struct node *node, struct record *record)
{
    struct node *left;
    struct node *right;

    if (node == NULL || record->priority > node->record->priority) {
        tree_split(node, record_key(record), &left, &right);
        return node_new(record, left, right);
    }
    int order = slice_compare(record_key(record), record_key(node->record));
    ASSERT(order != 0);
    if (order < 0)
        return node_new(node->record, tree_insert(node->left, record),
                        node_ref(node->right));
    return node_new(node->record, node_ref(node->left),
                    tree_insert(node->right, record));
}

/* The key is in the tree. */
static struct node *tree_remove(struct node *node, slice key)
{
    ASSERT(node != NULL);
    int order = slice_compare(key, record_key(node->record));
    if (order == 0)
        return tree_join(node->left, node->right);
    if (order < 0)
        return node_new(node->record, tree_remove(node->left, key),
                        node_ref(node->right));
    return node_new(node->record, node_ref(node->left),
                    tree_remove(node->right, key));
}

/* The first record whose key is at least (after: above) key; NULL: none. */
static struct record *tree_seek(const struct node *node, slice key, bool after)
{
    struct record *found = NULL;

    while (node) {
        int order = slice_compare(record_key(node->record), key);
        if (order > 0 || (order == 0 && !after)) {
            found = node->record;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return found;
}

static struct record *tree_find(const struct node *node, slice key)
{
    struct record *found = tree_seek(node, key, false);
    return found && slice_equal(record_key(found), key) ? found : NULL;
}

/* --- reading ------------------------------------------------------------- */

static struct node *memory_root(struct memory_store         *store,
                                const struct store_snapshot *snapshot)
{
    if (snapshot) {
        ASSERT(snapshot->store == &store->base);
        return node_ref(
            ((const struct memory_snap *)(const void *)snapshot)->root);
    }
    pthread_mutex_lock(&store->mutex);
    struct node *root = node_ref(store->root);
    pthread_mutex_unlock(&store->mutex);
    return root;
}

static void memory_get(const struct node *root, struct store_get *get)
{
    const struct record *record = tree_find(root, get->key);

    get->value = NULL;
    get->value_len = 0;
    get->why.text[0] = 0;
    get->err = record ? ERR_OK : ERR_NOT_FOUND;
    if (record == NULL)
        return;
    slice value = record_value(record);
    get->value = mem_alloc(value.len);
    get->value_len = value.len;
    memcpy(get->value, value.data, value.len);
}

static void memory_get_many(struct store                *base,
                            const struct store_snapshot *snapshot,
                            struct store_get *gets, size_t count,
                            store_on_get *on_done, void *arg)
{
    struct memory_store *store = memory_of(base);

    atomic_fetch_add(&store->get_count, count);
    for (size_t i = 0; i < count; i++) {
        struct node *root = memory_root(store, snapshot);
        memory_get(root, &gets[i]);
        node_unref(root);
        on_done(arg, &gets[i]);
    }
}

static struct store_snapshot *memory_snapshot_new(struct store *base)
{
    struct memory_snap *snap = mem_calloc(1, sizeof(*snap));

    snap->base.store = base;
    snap->root = memory_root(memory_of(base), NULL);
    return &snap->base;
}

static void memory_snapshot_free(struct store          *base,
                                 struct store_snapshot *snapshot)
{
    struct memory_snap *snap = CONTAINER_OF(snapshot, struct memory_snap, base);

    ASSERT(snapshot->store == base);
    node_unref(snap->root);
    mem_free(snap);
}

/* --- iterating ----------------------------------------------------------- */

static struct memory_iter *iter_of(struct store_iter *iter)
{
    return CONTAINER_OF(iter, struct memory_iter, base);
}

static const struct memory_iter *iter_of_const(const struct store_iter *iter)
{
    return (const struct memory_iter *)(const void *)iter;
}

static void iter_move(struct memory_iter *iter, slice key, bool after)
{
    struct record *at = tree_seek(iter->root, key, after);

    if (at)
        record_ref(at);
    record_unref(iter->at);
    iter->at = at;
}

static void memory_iter_seek(struct store_iter *base, slice key)
{
    iter_move(iter_of(base), key, false);
}

static void memory_iter_next(struct store_iter *base)
{
    iter_move(iter_of(base), record_key(iter_of(base)->at), true);
}

static bool memory_iter_valid(const struct store_iter *base)
{
    return iter_of_const(base)->at != NULL;
}

static slice memory_iter_key(const struct store_iter *base)
{
    return record_key(iter_of_const(base)->at);
}

static slice memory_iter_value(const struct store_iter *base)
{
    return record_value(iter_of_const(base)->at);
}

static err_t memory_iter_error(const struct store_iter *base,
                               struct err_text         *why)
{
    (void)base;
    (void)why;
    return ERR_OK;
}

static void memory_iter_free(struct store_iter *base)
{
    struct memory_iter *iter = iter_of(base);

    record_unref(iter->at);
    node_unref(iter->root);
    mem_free(iter);
}

static const struct store_iter_engine memory_iter_engine = {
    .seek = memory_iter_seek,
    .next = memory_iter_next,
    .valid = memory_iter_valid,
    .key = memory_iter_key,
    .value = memory_iter_value,
    .error = memory_iter_error,
    .free = memory_iter_free,
};

static struct store_iter *memory_iter_new(struct store                *base,
                                          const struct store_snapshot *snapshot)
{
    struct memory_iter *iter = mem_calloc(1, sizeof(*iter));

    iter->base.engine = &memory_iter_engine;
    iter->root = memory_root(memory_of(base), snapshot);
    return &iter->base;
}

/* --- writing ------------------------------------------------------------- */

/* Takes root. *bytes follows. */
static struct node *op_apply(struct node *root, const struct store_op *op,
                             uint64_t *bytes)
{
    struct record *old = tree_find(root, op->key);
    struct node   *next = root;

    if (old) {
        *bytes -= old->key_len + old->value_len;
        next = tree_remove(root, op->key);
        node_unref(root);
    }
    if (op->is_delete)
        return next;
    struct record *record = record_new(op->key, op->value);
    root = next;
    next = tree_insert(root, record);
    node_unref(root);
    *bytes += record->key_len + record->value_len;
    record_unref(record);
    return next;
}

/* With the mutex held. */
static void make_durable(struct memory_store *store)
{
    struct node *before = store->durable;

    store->durable = node_ref(store->root);
    store->durable_bytes = store->bytes;
    node_unref(before);
}

/* The one writer builds the new tree beside the readers and then shows it. */
static err_t memory_write(struct store *base, struct store_batch *batch,
                          bool durable, struct err_text *why)
{
    struct memory_store      *store = memory_of(base);
    struct node              *root = memory_root(store, NULL);
    struct store_batch_cursor cursor;
    struct store_op           op;
    uint64_t                  bytes = store->bytes;

    (void)why;
    atomic_fetch_add(&store->write_count, 1);
    atomic_fetch_add(&store->write_bytes, store_batch_bytes(batch));
    store_batch_cursor_init(&cursor, batch, true);
    while (store_batch_next(&cursor, &op))
        root = op_apply(root, &op, &bytes);
    store_batch_free(batch);

    pthread_mutex_lock(&store->mutex);
    struct node *before = store->root;
    store->root = root;
    store->bytes = bytes;
    if (durable)
        make_durable(store);
    pthread_mutex_unlock(&store->mutex);
    node_unref(before);
    return ERR_OK;
}

static err_t memory_sync(struct store *base, struct err_text *why)
{
    struct memory_store *store = memory_of(base);

    (void)why;
    pthread_mutex_lock(&store->mutex);
    make_durable(store);
    pthread_mutex_unlock(&store->mutex);
    return ERR_OK;
}

void store_memory_power_loss(struct store *store)
{
    struct memory_store *memory = memory_of(store);

    pthread_mutex_lock(&memory->mutex);
    struct node *before = memory->root;
    memory->root = node_ref(memory->durable);
    memory->bytes = memory->durable_bytes;
    pthread_mutex_unlock(&memory->mutex);
    node_unref(before);
}

/* It has no buffers. */
static void memory_resize(struct store *base, const struct store_options *to)
{
    (void)base;
    (void)to;
}

static err_t memory_reopen(struct store *base, struct err_text *why)
{
    (void)base;
    (void)why;
    return ERR_OK;
}

static void memory_compact(struct store *base, slice from, slice to)
{
    (void)base;
    (void)from;
    (void)to;
}

/* --- what it tells ------------------------------------------------------- */

static void memory_stats(struct store *base, struct store_stats *out)
{
    struct memory_store *store = memory_of(base);

    pthread_mutex_lock(&store->mutex);
    out->disk_bytes = store->bytes;
    pthread_mutex_unlock(&store->mutex);
    out->memory_bytes = out->disk_bytes;
    out->write_count = atomic_load(&store->write_count);
    out->write_bytes = atomic_load(&store->write_bytes);
    out->get_count = atomic_load(&store->get_count);
}

static uint64_t memory_approximate_bytes(struct store *base, slice from,
                                         slice to)
{
    struct node *root = memory_root(memory_of(base), NULL);
    uint64_t     bytes = 0;

    for (struct record *at = tree_seek(root, from, false);
         at && (to.len == 0 || slice_compare(record_key(at), to) < 0);
         at = tree_seek(root, record_key(at), true))
        bytes += at->key_len + at->value_len;
    node_unref(root);
    return bytes;
}

static err_t memory_scrub(struct store *base, size_t count, bool *more,
                          struct err_text *why)
{
    (void)base, (void)count, (void)why;
    *more = false;
    return ERR_OK;
}

static void memory_close(struct store *base)
{
    struct memory_store *store = memory_of(base);

    node_unref(store->root);
    node_unref(store->durable);
    pthread_mutex_destroy(&store->mutex);
    mem_free(store);
}

static const struct store_engine memory_engine = {
    .get_many = memory_get_many,
    .write = memory_write,
    .sync = memory_sync,
    .reopen = memory_reopen,
    .resize = memory_resize,
    .compact = memory_compact,
    .stats = memory_stats,
    .approximate_bytes = memory_approximate_bytes,
    .scrub = memory_scrub,
    .close = memory_close,
    .snapshot_new = memory_snapshot_new,
    .snapshot_free = memory_snapshot_free,
    .iter_new = memory_iter_new,
};

struct store *store_open_memory(void)
{
    struct memory_store *store = mem_calloc(1, sizeof(*store));

    store->base.engine = &memory_engine;
    pthread_mutex_init(&store->mutex, NULL);
    return &store->base;
}
