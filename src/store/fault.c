/* fault.c - a store that misbehaves on demand; see the header.
 *
 * All orders stand in one struct per kind of operation, under one mutex with
 * one condition. An operation asks there, in op_enter, what is to become of it;
 * everything slow (sleeping, the inner store) happens outside the mutex. All
 * wake-ups are broadcasts and all waits are loops: it is for tests, and must
 * above all be right.
 *
 * A gate in step mode is a number of passes: close sets it to 0, step adds,
 * each operation that goes through takes one.
 *
 * The text orders of DEBUG STORE are in fault_text.c. */
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/engine.h"
#include "store/fault.h"

#define CRASH_STATUS 137 /* as a shell reports kill -9 */

struct orders {
    unsigned delay_ms;
    unsigned skip;       /* so many pass before failing starts */
    int      fail_count; /* -1: until told otherwise */
    err_t    err;
    bool     applied;
    bool     closed;
    unsigned passes;  /* through the closed gate */
    unsigned waiting; /* at the gate now */
};

struct fault_store {
    struct store        base;
    struct store       *inner; /* owned */
    pthread_mutex_t     mutex;
    pthread_cond_t      changed;
    struct orders       orders[FAULT_OP_COUNT]; /* guarded by mutex, as are
                                                   all below */
    struct fault_counts counts;
    uint64_t            error_count;
    unsigned            crash_in; /* writes to go; 0: no crash ordered */
    bool                crash_after;
    bool                reopen_fails;
    bool                write_failed; /* reopen before the next write */
    bool                closed;       /* a reopen failed */
};

struct fault_iter {
    struct store_iter   base;
    struct fault_store *store;
    struct store_iter  *inner; /* owned */
    err_t               err;   /* injected: not valid any more */
};

/* What op_enter decided. */
struct verdict {
    err_t err; /* injected; ERR_OK: let it through */
    bool  applied;
    bool  crash_before;
    bool  crash_after;
};

static struct fault_store *fault_of(struct store *store)
{
    return CONTAINER_OF(store, struct fault_store, base);
}

static void fault_lock(struct fault_store *fault)
{
    pthread_mutex_lock(&fault->mutex);
}

static void fault_unlock(struct fault_store *fault)
{
    pthread_mutex_unlock(&fault->mutex);
}

/* --- one operation's way through ----------------------------------------- */

static void sleep_ms(unsigned ms)
{
    struct timespec left = { .tv_sec = ms / 1000,
                             .tv_nsec = (long)(ms % 1000) * 1000000 };

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* With the mutex held: until the gate is open or grants a pass. */
static void gate_wait(struct fault_store *fault, struct orders *orders)
{
    orders->waiting++;
    while (orders->closed && orders->passes == 0)
        pthread_cond_wait(&fault->changed, &fault->mutex);
    if (orders->closed)
        orders->passes--;
    orders->waiting--;
    pthread_cond_broadcast(&fault->changed);
}

/* With the mutex held. */
static struct verdict op_judge(struct fault_store *fault, enum fault_op op)
{
    struct orders *orders = &fault->orders[op];
    struct verdict verdict = { 0 };

    if (fault->closed || (op == FAULT_WRITE && fault->write_failed)) {
        verdict.err = ERR_IO;
        return verdict;
    }
    if (op == FAULT_WRITE && fault->crash_in > 0 && --fault->crash_in == 0) {
        verdict.crash_before = !fault->crash_after;
        verdict.crash_after = fault->crash_after;
    }
    if (orders->fail_count == 0)
        return verdict;
    if (orders->skip > 0) {
        orders->skip--;
        return verdict;
    }
    if (orders->fail_count > 0)
        orders->fail_count--;
    verdict.err = orders->err;
    verdict.applied = orders->applied;
    return verdict;
}

static struct verdict op_enter(struct fault_store *fault, enum fault_op op)
{
    struct orders *orders = &fault->orders[op];

    fault_lock(fault);
    fault->counts.begun[op]++;
    unsigned delay_ms = orders->delay_ms;
    fault_unlock(fault);
    if (delay_ms > 0)
        sleep_ms(delay_ms);

    fault_lock(fault);
    if (orders->closed)
        gate_wait(fault, orders);
    struct verdict verdict = op_judge(fault, op);
    if (verdict.err) {
        fault->error_count++;
        fault->write_failed |= op == FAULT_WRITE;
    }
    fault_unlock(fault);
    if (verdict.crash_before)
        _exit(CRASH_STATUS);
    return verdict;
}

static void op_leave(struct fault_store *fault, enum fault_op op)
{
    fault_lock(fault);
    fault->counts.done[op]++;
    fault_unlock(fault);
}

static err_t injected(err_t err, struct err_text *why)
{
    return err_set(why, err, "injected by the fault store: %s", err_name(err));
}

/* --- the engine ---------------------------------------------------------- */

static void ignore_done(void *arg, struct store_get *get)
{
    (void)arg;
    (void)get;
}

static void fault_get_many(struct store                *base,
                           const struct store_snapshot *snapshot,
                           struct store_get *gets, size_t count,
                           store_on_get *on_done, void *arg)
{
    struct fault_store *fault = fault_of(base);

    for (size_t i = 0; i < count; i++) {
        struct verdict verdict = op_enter(fault, FAULT_GET);
        if (verdict.err) {
            gets[i].value = NULL;
            gets[i].value_len = 0;
            gets[i].err = injected(verdict.err, &gets[i].why);
        } else {
            store_get_many(fault->inner, snapshot, &gets[i], 1, ignore_done,
                           NULL);
        }
        op_leave(fault, FAULT_GET);
        on_done(arg, &gets[i]);
    }
}

static err_t fault_write(struct store *base, struct store_batch *batch,
                         bool durable, struct err_text *why)
{
    struct fault_store *fault = fault_of(base);
    struct verdict      verdict = op_enter(fault, FAULT_WRITE);
    err_t               err = ERR_OK;

    if (verdict.err && !verdict.applied)
        store_batch_free(batch);
    else
        err = store_write(fault->inner, batch, durable, why);
    if (verdict.crash_after)
        _exit(CRASH_STATUS);
    op_leave(fault, FAULT_WRITE);
    return verdict.err ? injected(verdict.err, why) : err;
}

static err_t fault_sync(struct store *base, struct err_text *why)
{
    struct fault_store *fault = fault_of(base);
    err_t               err = ERR_OK;

    fault_lock(fault);
    const struct orders *orders = &fault->orders[FAULT_WRITE];
    if (fault->closed || fault->write_failed)
        err = ERR_IO;
    else if (orders->fail_count == -1 && orders->skip == 0)
        err = orders->err;
    if (err) {
        fault->error_count++;
        fault->write_failed = true;
    }
    fault_unlock(fault);
    return err ? injected(err, why) : store_sync(fault->inner, why);
}

static void fault_resize(struct store *base, const struct store_options *to)
{
    store_resize(fault_of(base)->inner, to);
}

static err_t fault_reopen(struct store *base, struct err_text *why)
{
    struct fault_store *fault = fault_of(base);

    fault_lock(fault);
    fault->counts.reopens++;
    fault->closed = fault->reopen_fails;
    fault->error_count += fault->reopen_fails;
    bool fails = fault->reopen_fails;
    fault_unlock(fault);
    err_t err = fails ? injected(ERR_IO, why) : store_reopen(fault->inner, why);
    if (err)
        return err;
    fault_lock(fault);
    fault->write_failed = false;
    fault_unlock(fault);
    return ERR_OK;
}

static void fault_compact(struct store *base, slice from, slice to)
{
    store_compact(fault_of(base)->inner, from, to);
}

static void fault_stats(struct store *base, struct store_stats *out)
{
    struct fault_store *fault = fault_of(base);

    store_stats(fault->inner, out);
    fault_lock(fault);
    out->error_count += fault->error_count;
    fault_unlock(fault);
}

static uint64_t fault_approximate_bytes(struct store *base, slice from,
                                        slice to)
{
    return store_approximate_bytes(fault_of(base)->inner, from, to);
}

static err_t fault_scrub(struct store *base, size_t count, bool *more,
                         struct err_text *why)
{
    return store_scrub(fault_of(base)->inner, count, more, why);
}

static void fault_close(struct store *base)
{
    struct fault_store *fault = fault_of(base);

    for (int op = 0; op < FAULT_OP_COUNT; op++)
        ASSERT(fault->orders[op].waiting == 0);
    store_close(fault->inner);
    pthread_cond_destroy(&fault->changed);
    pthread_mutex_destroy(&fault->mutex);
    mem_free(fault);
}

/* Snapshots are the inner store's own. */
static struct store_snapshot *fault_snapshot_new(struct store *base)
{
    return store_snapshot_new(fault_of(base)->inner);
}

static void fault_snapshot_free(struct store          *base,
                                struct store_snapshot *snapshot)
{
    store_snapshot_free(fault_of(base)->inner, snapshot);
}

/* --- iterators ----------------------------------------------------------- */

static struct fault_iter *iter_of(struct store_iter *iter)
{
    return CONTAINER_OF(iter, struct fault_iter, base);
}

static const struct fault_iter *iter_of_const(const struct store_iter *iter)
{
    return (const struct fault_iter *)(const void *)iter;
}

static void fault_iter_seek(struct store_iter *base, slice key)
{
    struct fault_iter *iter = iter_of(base);

    iter->err = op_enter(iter->store, FAULT_ITER).err;
    if (!iter->err)
        store_iter_seek(iter->inner, key);
    op_leave(iter->store, FAULT_ITER);
}

static void fault_iter_next(struct store_iter *base)
{
    struct fault_iter *iter = iter_of(base);

    iter->err = op_enter(iter->store, FAULT_ITER).err;
    if (!iter->err)
        store_iter_next(iter->inner);
    op_leave(iter->store, FAULT_ITER);
}

static bool fault_iter_valid(const struct store_iter *base)
{
    const struct fault_iter *iter = iter_of_const(base);
    return !iter->err && store_iter_valid(iter->inner);
}

static slice fault_iter_key(const struct store_iter *base)
{
    return store_iter_key(iter_of_const(base)->inner);
}

static slice fault_iter_value(const struct store_iter *base)
{
    return store_iter_value(iter_of_const(base)->inner);
}

static err_t fault_iter_error(const struct store_iter *base,
                              struct err_text         *why)
{
    const struct fault_iter *iter = iter_of_const(base);
    return iter->err ? injected(iter->err, why)
                     : store_iter_error(iter->inner, why);
}

static void fault_iter_free(struct store_iter *base)
{
    struct fault_iter *iter = iter_of(base);

    store_iter_free(iter->inner);
    mem_free(iter);
}

static const struct store_iter_engine fault_iter_engine = {
    .seek = fault_iter_seek,
    .next = fault_iter_next,
    .valid = fault_iter_valid,
    .key = fault_iter_key,
    .value = fault_iter_value,
    .error = fault_iter_error,
    .free = fault_iter_free,
};

static struct store_iter *fault_iter_new(struct store                *base,
                                         const struct store_snapshot *snapshot)
{
    struct fault_store *fault = fault_of(base);
    struct fault_iter  *iter = mem_calloc(1, sizeof(*iter));

    iter->base.engine = &fault_iter_engine;
    iter->store = fault;
    iter->inner = store_iter_new(fault->inner, snapshot);
    return &iter->base;
}

/* --- orders -------------------------------------------------------------- */

static const struct store_engine fault_engine = {
    .get_many = fault_get_many,
    .write = fault_write,
    .sync = fault_sync,
    .reopen = fault_reopen,
    .resize = fault_resize,
    .compact = fault_compact,
    .stats = fault_stats,
    .approximate_bytes = fault_approximate_bytes,
    .scrub = fault_scrub,
    .close = fault_close,
    .snapshot_new = fault_snapshot_new,
    .snapshot_free = fault_snapshot_free,
    .iter_new = fault_iter_new,
};

struct store *store_open_fault(struct store *inner)
{
    struct fault_store *fault = mem_calloc(1, sizeof(*fault));

    fault->base.engine = &fault_engine;
    fault->inner = inner;
    pthread_mutex_init(&fault->mutex, NULL);
    pthread_cond_init(&fault->changed, NULL);
    return &fault->base;
}

/* Every order goes to a fault store: anything else is a mistake of the test. */
static struct fault_store *orders_begin(struct store *store)
{
    ASSERT(store->engine == &fault_engine);
    struct fault_store *fault = fault_of(store);
    fault_lock(fault);
    return fault;
}

static void orders_end(struct fault_store *fault)
{
    pthread_cond_broadcast(&fault->changed);
    fault_unlock(fault);
}

void fault_set_delay(struct store *store, enum fault_op op, unsigned delay_ms)
{
    struct fault_store *fault = orders_begin(store);

    fault->orders[op].delay_ms = delay_ms;
    orders_end(fault);
}

void fault_fail(struct store *store, enum fault_op op, unsigned skip, int count,
                err_t err, bool applied)
{
    struct fault_store *fault = orders_begin(store);
    struct orders      *orders = &fault->orders[op];

    ASSERT(count == 0 || err != ERR_OK);
    orders->skip = skip;
    orders->fail_count = count;
    orders->err = err;
    orders->applied = applied;
    orders_end(fault);
}

static void gate_set(struct store *store, enum fault_op op, bool closed)
{
    struct fault_store *fault = orders_begin(store);

    fault->orders[op].closed = closed;
    fault->orders[op].passes = 0;
    orders_end(fault);
}

void fault_gate_close(struct store *store, enum fault_op op)
{
    gate_set(store, op, true);
}

void fault_gate_open(struct store *store, enum fault_op op)
{
    gate_set(store, op, false);
}

void fault_gate_step(struct store *store, enum fault_op op, unsigned n)
{
    struct fault_store *fault = orders_begin(store);

    fault->orders[op].passes += n;
    orders_end(fault);
}

unsigned fault_gate_waiting(struct store *store, enum fault_op op)
{
    struct fault_store *fault = orders_begin(store);
    unsigned            waiting = fault->orders[op].waiting;

    orders_end(fault);
    return waiting;
}

void fault_crash_at_write(struct store *store, unsigned nth, bool after)
{
    struct fault_store *fault = orders_begin(store);

    fault->crash_in = nth;
    fault->crash_after = after;
    orders_end(fault);
}

void fault_fail_reopen(struct store *store, bool fail)
{
    struct fault_store *fault = orders_begin(store);

    fault->reopen_fails = fail;
    orders_end(fault);
}

void fault_counts(struct store *store, struct fault_counts *out)
{
    struct fault_store *fault = orders_begin(store);

    *out = fault->counts;
    orders_end(fault);
}

/* Who waits at a gate finds it open; waiting is theirs to take back. */
void fault_reset(struct store *store)
{
    struct fault_store *fault = orders_begin(store);

    for (int op = 0; op < FAULT_OP_COUNT; op++) {
        unsigned waiting = fault->orders[op].waiting;
        fault->orders[op] = (struct orders){ .waiting = waiting };
    }
    fault->crash_in = 0;
    fault->reopen_fails = false;
    orders_end(fault);
}
