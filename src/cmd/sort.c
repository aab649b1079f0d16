/* sort.c - see sort.h: the stages of a SORT.
 *
 * One view. Redis sorts at one instant; here others run between two rounds. So
 * the elements are copied at the beginning, and it is noted which keys have
 * been read (sort_seen.h). The write hook tells of changes (sort_on_change). At
 * the end the keys that were changed since they were read are looked up once
 * more, which mostly finds them in memory, and where a weight is another one,
 * all is put in order again; a change of the sorted key itself begins anew.
 * When nothing was changed any more, the result is the one that Redis would
 * give right now. To keep all in memory instead, pinned, would bound a SORT by
 * what fits, and to stop writers would stop them for the disk.
 *
 * Who writes all the time could keep that from ending: after RESTARTS_MAX the
 * elements are those of the last beginning, after REPAIRS_MAX a value is one
 * that the key had at some time since. A key whose time ends while nobody
 * notices counts as it was. That is all that is given up. */
#include "cmd/sort_stages.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/num.h"
#include "cache/cache.h"
#include "cmd/block.h"
#include "cmd/wants.h"

#define RESTARTS_MAX 3
#define REPAIRS_MAX  16
#define STEPS        256 /* between two looks at the clock */
#define STEPS_BYTES  ((size_t)1 << 20) /* of texts that these compare, about */

/* --- life, and what it holds --------------------------------------------- */

static size_t sorts_share(const struct server *server)
{
    return server_limit_bytes(server) / 4;
}

size_t sort_held(const struct sort *sort)
{
    const struct sort_items *items = &sort->items;
    size_t bytes = sizeof(*sort) + sort->value_bytes +
                   sort_seen_bytes(&sort->seen) + sort->round.names.capacity;
    if (items->texts != NULL)
        bytes += sort_items_cost(items->capacity, items->texts_capacity,
                                 items->weights != NULL);
    if (sort->values != NULL)
        bytes += mem_good_size(sort->value_count * sizeof(*sort->values));
    return bytes + sort->round.capacity * sizeof(*sort->round.keys);
}

void sort_charge(struct sort *sort, size_t bytes)
{
    struct server *server = sort->server;
    mem_release(&server->mem, MEM_JOBS, sort->held_bytes);
    mem_charge(&server->mem, MEM_JOBS, bytes);
    server->sort_bytes += bytes - sort->held_bytes;
    sort->held_bytes = bytes;
}

struct sort *sort_new(struct call *call)
{
    struct sort *sort = mem_alloc(sizeof(*sort));
    *sort = (struct sort){ .server = call->server,
                           .space = call->space,
                           .key_hash = call->key.hash,
                           .batch = SORT_BATCH_MAX };
    buf_init(&sort->round.names, SIZE_MAX / 2);
    list_push_back(&call->server->sorts, &sort->link);
    sort_charge(sort, sort_held(sort));
    return sort;
}

static void free_values(struct sort *sort)
{
    for (size_t i = 0; i < sort->value_count; i++)
        mem_free(sort->values[i]);
    mem_free(sort->values);
    sort->values = NULL;
    sort->value_count = 0;
    sort->value_bytes = 0;
}

/* Where it was before it began, but for what it counts. */
static void begin_anew(struct sort *sort)
{
    free_values(sort);
    sort_items_deinit(&sort->items);
    sort_seen_deinit(&sort->seen);
    sort->round.count = 0;
    sort->stage = SORT_COPY;
    sort->key_changed = sort->repairing = sort->moved = false;
    sort->error = NULL;
    sort_charge(sort, sort_held(sort));
}

void sort_free(struct sort *sort)
{
    if (sort == NULL)
        return;
    begin_anew(sort);
    sort_charge(sort, 0);
    buf_deinit(&sort->round.names);
    mem_free(sort->round.keys);
    link_remove(&sort->link);
    db_line_moves(sort->server->db);
    mem_free(sort);
}

void sort_leave(struct session *session)
{
    sort_free(session->sort);
    session->sort = NULL;
}

enum db_verdict sort_fail(struct sort_run *run, err_t err)
{
    run->wait->err = err;
    return DB_FAILED;
}

/* All sorts together may not hold too much; but the oldest goes on, whatever
 * the others hold. */
enum db_verdict sort_may_hold(struct sort_run *run, size_t bytes)
{
    struct sort   *sort = run->sort;
    struct server *server = sort->server;
    size_t         most = call_reply_limit(run->call);
    size_t         others = server->sort_bytes - sort->held_bytes;
    size_t         share = sorts_share(server);
    if (bytes > most)
        return sort_fail(run, ERR_OOM);
    if (others + bytes <= share ||
        list_first(&server->sorts) == &sort->link)
        return DB_READY;
    if (run->now)
        return others + bytes <= share + most ? DB_READY
                                              : sort_fail(run, ERR_OOM);
    db_next_round(run->call->db, run->wait);
    db_wait_in_line(run->call->db, run->wait);
    return DB_PARKED;
}

/* It has had its slice of the turn. */
bool sort_is_over_time(const struct sort_run *run)
{
    return !run->now && clock_mono_us() >= run->until_us;
}

enum db_verdict sort_yield(struct sort_run *run)
{
    db_next_round(run->call->db, run->wait);
    db_yield(run->call->db, run->wait);
    return DB_PARKED;
}

/* --- what the stages share ----------------------------------------------- */

enum db_verdict sort_acquire(struct sort_run      *run,
                             const struct db_want *wants, size_t count)
{
    bool waited = false;
    return run->now ? db_acquire_now(run->call->db, run->wait, wants, count,
                                     &waited)
                    : db_acquire(run->call->db, run->wait, wants, count);
}

bool sort_touches(const struct sort_run *run)
{
    return !(run->call->session->flags & SESSION_NO_TOUCH);
}

bool sort_stores(const struct sort_plan *plan)
{
    return plan->store_at != 0;
}

bool sort_has_weights(enum sort_order order)
{
    return order == SORT_BY_NUMBER || order == SORT_BY_TEXT;
}

void sort_enter(struct sort *sort, enum sort_stage stage)
{
    sort->stage = stage;
    sort->at = 0;
    sort->round.count = 0;
    if (stage == SORT_ORDER)
        sort_items_begin(&sort->items,
                         (size_t)(sort->window.from + sort->window.count));
    sort_charge(sort, sort_held(sort));
}

/* --- stages -------------------------------------------------------------- */

static bool reads_weights(const struct sort_run *run)
{
    return sort_has_weights(run->sort->items.order) && run->plan->has_by;
}

static enum db_verdict weigh_all(struct sort_run *run)
{
    struct sort *sort = run->sort;
    if (reads_weights(run))
        return sort_look_up(run, SORT_ORDER);
    if (sort->items.order == SORT_BY_NUMBER)
        return sort_weigh_elements(run);
    sort_enter(sort, SORT_ORDER);
    return DB_READY;
}

/* Fewer, where texts are long. */
static size_t steps_of(const struct sort *sort)
{
    const struct sort_items *items = &sort->items;
    size_t bytes = items->texts_len + sort->value_bytes;
    size_t each = items->count > 0 ? bytes / items->count : 0;
    size_t steps = STEPS_BYTES / (each + 1);
    return steps > STEPS ? STEPS : steps > 0 ? steps : 1;
}

static enum db_verdict put_in_order(struct sort_run *run)
{
    struct sort *sort = run->sort;
    size_t       steps = steps_of(sort);
    while (!sort_items_step(&sort->items, steps))
        if (sort_is_over_time(run))
            return sort_yield(run);
    sort_enter(sort, SORT_GET);
    return DB_READY;
}

/* Does any pattern of GET name keys? */
static bool gets_keys(const struct sort_plan *plan)
{
    for (size_t i = 0; i < plan->get_count; i++)
        if (plan->gets[i].kind == SORT_STRING ||
            plan->gets[i].kind == SORT_FIELD)
            return true;
    return false;
}

/* In another order these are others: all of them are read anew. */
static void drop_moved_values(struct sort *sort)
{
    size_t weights = 0;
    if (sort->items.order == SORT_BY_TEXT)
        for (size_t i = 0; i < sort->items.count; i++)
            weights += sort_text_cost(sort->items.weights[i].text);
    free_values(sort);
    sort->value_bytes = weights;
    sort->repairing = false;
}

static enum db_verdict get_all(struct sort_run *run)
{
    struct sort *sort = run->sort;
    size_t       count;
    if (__builtin_mul_overflow((size_t)sort->window.count,
                               run->plan->get_count, &count) ||
        count > call_reply_limit(run->call))
        return sort_fail(run, ERR_OOM);
    if (!gets_keys(run->plan) || count == 0) {
        sort_enter(sort, SORT_DONE);
        return DB_READY;
    }
    if (sort->repairing && sort->moved)
        drop_moved_values(sort);
    sort->moved = false;
    if (sort->values == NULL) {
        size_t          bytes = count * sizeof(*sort->values);
        enum db_verdict verdict = sort_may_hold(run, sort->held_bytes + bytes);
        if (verdict != DB_READY)
            return verdict;
        sort->values = mem_calloc(count, sizeof(*sort->values));
        sort->value_count = count;
        sort_charge(sort, sort_held(sort));
    }
    return sort_look_up(run, SORT_DONE);
}

/* It is done, but something was changed since it was read: goes back. */
static bool must_repair(struct sort_run *run)
{
    struct sort *sort = run->sort;
    bool has_changed = sort_changes_any(&sort->seen.changes);
    if (sort->restarts < RESTARTS_MAX &&
        (sort->key_changed || (has_changed && sort->error != NULL))) {
        sort->restarts++;
        begin_anew(sort);
        return true;
    }
    if (!has_changed || sort->error != NULL || sort->repairs == REPAIRS_MAX)
        return false;
    sort->repairs++;
    sort->repairing = true;
    sort->moved = false;
    sort_seen_take(&sort->seen, &sort->repair);
    sort_enter(sort, reads_weights(run) ? SORT_WEIGH : SORT_GET);
    return true;
}

/* --- the end ------------------------------------------------------------- */

bool sort_result(const struct sort *sort, const struct sort_plan *plan,
                 uint64_t place, size_t get, slice *out)
{
    ASSERT(sort->stage == SORT_DONE && place < sort->window.count);
    size_t item =
        sort_items_place(&sort->items, (size_t)(sort->window.from + place));
    *out = sort_items_element(&sort->items, item);
    if (plan->get_count == 0 || plan->gets[get].kind == SORT_ITSELF)
        return true;
    const struct sort_text *text = NULL;
    if (sort->values != NULL)
        text = sort->values[place * plan->get_count + get];
    *out = text != NULL ? sort_text_slice(text) : SLICE_EMPTY;
    return text != NULL;
}

void sort_result_drop(struct sort *sort, const struct sort_plan *plan,
                      uint64_t place)
{
    for (size_t i = 0; sort->values != NULL && i < plan->get_count; i++)
        sort_put_text(sort, &sort->values[place * plan->get_count + i], NULL);
}

static void sum_up_result(struct sort_run *run)
{
    struct sort *sort = run->sort;
    size_t gets = run->plan->get_count > 0 ? run->plan->get_count : 1;
    slice  text;
    sort->result_count = sort->error != NULL ? 0 : sort->window.count * gets;
    sort->result_bytes = 0;
    for (uint64_t i = 0; sort->result_count > 0 && i < sort->window.count; i++)
        for (size_t get = 0; get < gets; get++)
            if (sort_result(sort, run->plan, i, get, &text))
                sort->result_bytes += text.len;
}

/* What an element of a list takes beside its bytes, with its share of pages
 * that are not full. */
#define LIST_OVERHEAD 16

static enum db_verdict acquire_target(struct sort_run *run)
{
    struct call    *call = run->call;
    struct db_want  wants[1 + BLOCK_WANTS_MAX] = { {
         .key = db_key_make(call->db, run->sort->space,
                            call->argv[run->plan->store_at]),
         .need = DB_NEED_HEADER,
    } };
    size_t more = !run->now && block_wants_max(call) > 0
                      ? block_wants(call, wants, 1, wants + 1)
                      : 0;
    enum db_verdict verdict = sort_acquire(run, wants, 1 + more);
    if (verdict != DB_FAILED || more == 0)
        return verdict;
    block_wants_nothing(call);
    return sort_acquire(run, wants, 1);
}

/* The key of STORE, and room for what it will hold. */
static enum db_verdict prepare_store(struct sort_run *run)
{
    struct sort    *sort = run->sort;
    struct db      *db = run->call->db;
    struct cache   *cache = db_cache(db);
    size_t bytes = sort->result_bytes +
                   (size_t)sort->result_count * LIST_OVERHEAD;
    if (bytes > server_max_object_bytes(sort->server))
        return sort_fail(run, ERR_OOM);
    enum db_verdict verdict = acquire_target(run);
    if (verdict != DB_READY)
        return verdict;
    uint64_t evictions = cache->evictions;
    if (!run->now)
        verdict = db_admit_write(db, run->wait, bytes, true);
    else if (!db_has_room(db, run->wait, bytes))
        return sort_fail(run, ERR_OOM);
    if (verdict == DB_READY && cache->evictions != evictions)
        verdict = acquire_target(run);
    return verdict;
}

static enum db_verdict go_on(struct sort_run *run)
{
    switch (run->sort->stage) {
    case SORT_COPY:
        return sort_copy(run);
    case SORT_WEIGH:
        return weigh_all(run);
    case SORT_ORDER:
        return put_in_order(run);
    case SORT_GET:
        return get_all(run);
    case SORT_DONE:
        break;
    }
    sum_up_result(run);
    if (sort_stores(run->plan) && run->sort->error == NULL)
        return prepare_store(run);
    return DB_READY;
}

enum db_verdict sort_go_on(struct sort_run *run)
{
    run->until_us = clock_mono_us() + SORT_SLICE_US;
    for (;;) {
        bool is_done = run->sort->stage == SORT_DONE && !must_repair(run);
        enum db_verdict verdict = go_on(run);
        if (verdict != DB_READY || is_done)
            return verdict;
    }
}

/* --- changes ------------------------------------------------------------- */

void sort_on_change(struct server *server, const struct db_change *change)
{
    if (change->kind == DB_KEY_EVENT || change->kind == DB_KEY_MISSED)
        return;
    LIST_EACH (link, &server->sorts) {
        struct sort *sort = CONTAINER_OF(link, struct sort, link);
        if (sort->space != change->space && sort->space != change->other)
            continue;
        if (change->kind != DB_KEY_CHANGED) {
            sort->key_changed = true;
            sort_seen_all_changed(&sort->seen);
            continue;
        }
        uint64_t hash = cache_hash(db_cache(server->db), change->key);
        sort->key_changed |= hash == sort->key_hash;
        sort_seen_changed(&sort->seen, hash);
    }
}
