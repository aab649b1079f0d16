/* sort_copy.c - the first stage of a SORT (sort.h): its elements are copied,
 * all of them, or of what is not sorted only those that are answered. */
#include "base/assert.h"
#include "base/num.h"
#include "cmd/sort_stages.h"

/* Sets have no order of their own; where the result must be the same each time
 * Redis sorts them by their bytes. */
static enum sort_order order_of(const struct sort_run *run, enum obj_type type)
{
    const struct sort_plan *plan = run->plan;
    bool is_script = run->call->from_script;
    if (plan->as_it_is)
        return type == OBJ_SET && (sort_stores(plan) || is_script)
                   ? SORT_BY_ELEMENT
                   : SORT_AS_ADDED;
    if (!plan->alpha)
        return SORT_BY_NUMBER;
    return plan->has_by ? SORT_BY_TEXT : SORT_BY_ELEMENT;
}

/* The elements that are to be copied: of what is not sorted, only those that
 * are answered. */
static void walk_init(struct sort_run *run, enum sort_order order,
                      const struct coll *coll, struct coll_walk *walk)
{
    struct sort_window *window = &run->sort->window;
    *window = sort_plan_window(run->plan, coll->count);
    if (order != SORT_AS_ADDED) {
        coll_walk_init(walk, coll, 0, coll->count, false);
        return;
    }
    bool     is_backward = run->plan->descending && coll->type != OBJ_SET;
    uint64_t rank = is_backward && coll->count > 0
                        ? coll->count - 1 - window->from
                        : window->from;
    coll_walk_init(walk, coll, rank, window->count, is_backward);
}

static slice element_text(const struct coll         *coll,
                          const struct page_element *element,
                          char                       buffer[NUM_INT64_CHARS])
{
    return page_value_text(coll->type == OBJ_LIST ? &element->value
                                                  : &element->key,
                           buffer);
}

struct sum {
    uint64_t count;
    size_t   bytes;
};

static struct sum sum_up(struct sort_run *run, enum sort_order order,
                         const struct coll *coll)
{
    struct sum          sum = { 0, 0 };
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    walk_init(run, order, coll, &walk);
    while (coll_walk_next(&walk, &element)) {
        slice text = element_text(coll, &element, buffer);
        sum.bytes += sort_items_bytes(text.len);
        sum.count++;
    }
    return sum;
}

static void add_all(struct sort_run *run, enum sort_order order,
                    const struct coll *coll, const struct sum *sum)
{
    struct sort_items  *items = &run->sort->items;
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    sort_items_init(items, order, sum->count, sum->bytes);
    items->descending = run->plan->descending;
    /* Redis compares with strcoll, unless the result is stored. */
    items->to_nul = !sort_stores(run->plan);
    walk_init(run, order, coll, &walk);
    while (coll_walk_next(&walk, &element))
        sort_items_add(items, element_text(coll, &element, buffer));
    if (order == SORT_AS_ADDED)
        run->sort->window.from = 0;
}

/* Making room moves entries, so the key is found anew after it. It is pinned,
 * or in memory by what EXEC and scripts say. */
static enum db_verdict copy_from(struct sort_run *run, const struct db_key *key,
                                 struct entry *entry)
{
    struct db  *db = run->call->db;
    struct coll coll;
    (void)db_read(entry, &coll);
    enum sort_order order = order_of(run, coll.type);
    struct sum      sum = sum_up(run, order, &coll);
    size_t          cost =
        sort_items_cost(sum.count, sum.bytes, sort_has_weights(order));
    if (cost == SIZE_MAX)
        return sort_fail(run, ERR_OOM);
    enum db_verdict verdict = sort_may_hold(run, sort_held(run->sort) + cost);
    if (verdict != DB_READY)
        return verdict;
    if (!run->now) {
        (void)db_has_room(db, run->wait, cost);
        (void)db_read(db_peek(db, key), &coll);
    }
    add_all(run, order, &coll, &sum);
    sort_enter(run->sort, SORT_WEIGH);
    return DB_READY;
}

static bool can_be_sorted(const struct entry *entry)
{
    enum obj_type type = entry_type(entry);
    return type == OBJ_LIST || type == OBJ_SET || type == OBJ_ZSET;
}

enum db_verdict sort_copy(struct sort_run *run)
{
    struct db      *db = run->call->db;
    struct db_want  want = { .key = run->call->key, .need = DB_NEED_VALUE };
    enum db_verdict verdict =
        run->now ? sort_acquire(run, &want, 1)
                 : db_acquire_pinned(db, run->wait, &want, 1);
    if (verdict != DB_READY)
        return verdict;
    struct entry *entry = db_look(db, &want.key, sort_touches(run));
    run->sort->key_changed = false;
    if (entry == NULL) {
        sort_items_init(&run->sort->items, SORT_AS_ADDED, 0, 0);
        run->sort->window = (struct sort_window){ 0, 0 };
        sort_enter(run->sort, SORT_DONE);
    } else if (!can_be_sorted(entry)) {
        run->sort->error = "WRONGTYPE Operation against a key holding the "
                           "wrong kind of value";
        sort_enter(run->sort, SORT_DONE);
    } else {
        verdict = copy_from(run, &want.key, entry);
    }
    if (verdict == DB_READY)
        db_next_round(db, run->wait);
    return verdict;
}
