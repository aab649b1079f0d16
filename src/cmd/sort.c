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
#include "cmd/sort.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/num.h"
#include "cache/cache.h"
#include "cmd/block.h"
#include "cmd/wants.h"
#include "type/string.h"

#define RESTARTS_MAX 3
#define REPAIRS_MAX  16
#define BATCH_MAX    512              /* keys of a round */
#define NAMES_MAX    ((size_t)64 << 10) /* of their bytes, and one name more */
#define SLOTS_MAX    4096             /* looked at for one round */
#define STEPS        256              /* between two looks at the clock */
#define STEPS_BYTES  ((size_t)1 << 20) /* of texts that these compare, about */

/* --- life, and what it holds --------------------------------------------- */

static size_t sorts_share(const struct server *server)
{
    return server_limit_bytes(server) / 4;
}

static size_t held_bytes(const struct sort *sort)
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

static void charge(struct sort *sort, size_t bytes)
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
                           .batch = BATCH_MAX };
    buf_init(&sort->round.names, SIZE_MAX / 2);
    list_push_back(&call->server->sorts, &sort->link);
    charge(sort, held_bytes(sort));
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
    charge(sort, held_bytes(sort));
}

void sort_free(struct sort *sort)
{
    if (sort == NULL)
        return;
    begin_anew(sort);
    charge(sort, 0);
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

static enum db_verdict fail(struct sort_run *run, err_t err)
{
    run->wait->err = err;
    return DB_FAILED;
}

/* All sorts together may not hold too much; but the oldest goes on, whatever
 * the others hold. */
static enum db_verdict may_hold(struct sort_run *run, size_t bytes)
{
    struct sort   *sort = run->sort;
    struct server *server = sort->server;
    size_t         most = call_reply_limit(run->call);
    size_t         others = server->sort_bytes - sort->held_bytes;
    size_t         share = sorts_share(server);
    if (bytes > most)
        return fail(run, ERR_OOM);
    if (others + bytes <= share ||
        list_first(&server->sorts) == &sort->link)
        return DB_READY;
    if (run->now)
        return others + bytes <= share + most ? DB_READY
                                              : fail(run, ERR_OOM);
    db_next_round(run->call->db, run->wait);
    db_wait_in_line(run->call->db, run->wait);
    return DB_PARKED;
}

/* It has had its slice of the turn. */
static bool is_over_time(const struct sort_run *run)
{
    return !run->now && clock_mono_us() >= run->until_us;
}

static enum db_verdict yield(struct sort_run *run)
{
    db_next_round(run->call->db, run->wait);
    db_yield(run->call->db, run->wait);
    return DB_PARKED;
}

/* --- copying the elements ------------------------------------------------ */

static enum db_verdict acquire(struct sort_run      *run,
                               const struct db_want *wants, size_t count)
{
    bool waited = false;
    return run->now ? db_acquire_now(run->call->db, run->wait, wants, count,
                                     &waited)
                    : db_acquire(run->call->db, run->wait, wants, count);
}

static bool touches(const struct sort_run *run)
{
    return !(run->call->session->flags & SESSION_NO_TOUCH);
}

static bool stores(const struct sort_plan *plan)
{
    return plan->store_at != 0;
}

/* Sets have no order of their own; where the result must be the same each time
 * Redis sorts them by their bytes. */
static enum sort_order order_of(const struct sort_run *run, enum obj_type type)
{
    const struct sort_plan *plan = run->plan;
    bool is_script = run->call->from_script;
    if (plan->as_it_is)
        return type == OBJ_SET && (stores(plan) || is_script)
                   ? SORT_BY_ELEMENT
                   : SORT_AS_ADDED;
    if (!plan->alpha)
        return SORT_BY_NUMBER;
    return plan->has_by ? SORT_BY_TEXT : SORT_BY_ELEMENT;
}

static bool has_weights(enum sort_order order)
{
    return order == SORT_BY_NUMBER || order == SORT_BY_TEXT;
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
    items->to_nul = !stores(run->plan);
    walk_init(run, order, coll, &walk);
    while (coll_walk_next(&walk, &element))
        sort_items_add(items, element_text(coll, &element, buffer));
    if (order == SORT_AS_ADDED)
        run->sort->window.from = 0;
}

static void enter(struct sort *sort, enum sort_stage stage);

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
    size_t cost = sort_items_cost(sum.count, sum.bytes, has_weights(order));
    if (cost == SIZE_MAX)
        return fail(run, ERR_OOM);
    enum db_verdict verdict = may_hold(run, held_bytes(run->sort) + cost);
    if (verdict != DB_READY)
        return verdict;
    if (!run->now) {
        (void)db_has_room(db, run->wait, cost);
        (void)db_read(db_peek(db, key), &coll);
    }
    add_all(run, order, &coll, &sum);
    enter(run->sort, SORT_WEIGH);
    return DB_READY;
}

static bool can_be_sorted(const struct entry *entry)
{
    enum obj_type type = entry_type(entry);
    return type == OBJ_LIST || type == OBJ_SET || type == OBJ_ZSET;
}

static enum db_verdict copy(struct sort_run *run)
{
    struct db      *db = run->call->db;
    struct db_want  want = { .key = run->call->key, .need = DB_NEED_VALUE };
    enum db_verdict verdict =
        run->now ? acquire(run, &want, 1)
                 : db_acquire_pinned(db, run->wait, &want, 1);
    if (verdict != DB_READY)
        return verdict;
    struct entry *entry = db_look(db, &want.key, touches(run));
    run->sort->key_changed = false;
    if (entry == NULL) {
        sort_items_init(&run->sort->items, SORT_AS_ADDED, 0, 0);
        run->sort->window = (struct sort_window){ 0, 0 };
        enter(run->sort, SORT_DONE);
    } else if (!can_be_sorted(entry)) {
        run->sort->error = "WRONGTYPE Operation against a key holding the "
                           "wrong kind of value";
        enter(run->sort, SORT_DONE);
    } else {
        verdict = copy_from(run, &want.key, entry);
    }
    if (verdict == DB_READY)
        db_next_round(db, run->wait);
    return verdict;
}

/* --- what a key holds ---------------------------------------------------- */

/* A value that a pattern names; bytes lie in the entry, in copy or in
 * buffer. */
struct looked {
    bool         exists;
    slice        bytes;
    struct blob *copy;
    char         buffer[NUM_INT64_CHARS];
};

static void look_at_field(struct sort_run *run, const struct entry *entry,
                          slice field, struct looked *out)
{
    struct coll         coll;
    struct page_element element;
    (void)db_read(entry, &coll);
    coll.hasher = &db_cache(run->call->db)->objects.hasher;
    out->exists = coll_find(&coll, field, &element);
    if (out->exists)
        out->bytes = page_value_text(&element.value, out->buffer);
}

static void look_at_string(const struct entry *entry, struct looked *out)
{
    out->exists = true;
    if (entry_object(entry) == NULL) {
        out->bytes = entry_value(entry);
        return;
    }
    out->copy = string_object_copy_out(entry_object(entry));
    out->bytes = blob_slice(out->copy);
}

/* What is of another type has no value. */
static void look_at(struct sort_run *run, const struct sort_pattern *pattern,
                    const struct db_key *key, struct looked *out)
{
    struct entry *entry = db_look(run->call->db, key, touches(run));
    *out = (struct looked){ .bytes = SLICE_EMPTY };
    if (entry == NULL)
        return;
    if (pattern->kind == SORT_FIELD && entry_type(entry) == OBJ_HASH)
        look_at_field(run, entry, pattern->field, out);
    else if (pattern->kind == SORT_STRING && entry_type(entry) == OBJ_STRING)
        look_at_string(entry, out);
}

static struct sort_text *text_of(const struct looked *looked)
{
    if (!looked->exists)
        return NULL;
    struct sort_text *text = sort_text_new(looked->bytes.len);
    if (looked->bytes.len > 0)
        memcpy(text->bytes, looked->bytes.data, looked->bytes.len);
    return text;
}

/* --- weights ------------------------------------------------------------- */

/* False: it is no number. */
static bool weigh_number(struct sort *sort, size_t item, slice text)
{
    union sort_weight *weight = &sort->items.weights[item];
    double             number = 0;
    if (!num_parse_double_weight(text, &number)) {
        sort->error = "ERR One or more scores can't be converted into double";
        return false;
    }
    sort->moved |= weight->number != number;
    weight->number = number;
    return true;
}

static bool are_equal(const struct sort_text *a, const struct sort_text *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return slice_equal(sort_text_slice(a), sort_text_slice(b));
}

/* In the place of an older one; true if they differ. */
static bool put_text(struct sort *sort, struct sort_text **place,
                     struct sort_text *text)
{
    bool differs = !are_equal(*place, text);
    sort->value_bytes += sort_text_cost(text);
    sort->value_bytes -= sort_text_cost(*place);
    mem_free(*place);
    *place = text;
    return differs;
}

static bool weigh(struct sort *sort, size_t item, const struct looked *looked)
{
    if (sort->items.order == SORT_BY_NUMBER)
        return weigh_number(sort, item,
                            looked->exists ? looked->bytes
                                           : slice_make("0", 1));
    sort->moved |= put_text(sort, &sort->items.weights[item].text,
                            text_of(looked));
    return true;
}

/* By the elements themselves. */
static enum db_verdict weigh_elements(struct sort_run *run)
{
    struct sort *sort = run->sort;
    while (sort->at < sort->items.count) {
        size_t end = sort->at + STEPS;
        for (; sort->at < end && sort->at < sort->items.count; sort->at++)
            if (!weigh_number(sort, sort->at,
                              sort_items_element(&sort->items, sort->at))) {
                enter(sort, SORT_DONE);
                return DB_READY;
            }
        if (is_over_time(run))
            return yield(run);
    }
    enter(sort, SORT_ORDER);
    return DB_READY;
}

/* --- rounds -------------------------------------------------------------- */

static size_t slots_of(const struct sort_run *run)
{
    return run->sort->stage == SORT_WEIGH ? run->sort->items.count
                                          : run->sort->value_count;
}

static const struct sort_pattern *pattern_of(const struct sort_run *run,
                                             size_t                 slot)
{
    return run->sort->stage == SORT_WEIGH
               ? &run->plan->by
               : &run->plan->gets[slot % run->plan->get_count];
}

static size_t item_of(const struct sort_run *run, size_t slot)
{
    const struct sort *sort = run->sort;
    if (sort->stage == SORT_WEIGH)
        return slot;
    size_t place = (size_t)sort->window.from + slot / run->plan->get_count;
    return sort_items_place(&sort->items, place);
}

/* Adds the key of a slot, unless it has none, or it need not be read again. */
static void gather_slot(struct sort_run *run, size_t slot)
{
    struct sort               *sort = run->sort;
    struct sort_round         *round = &sort->round;
    const struct sort_pattern *pattern = pattern_of(run, slot);
    size_t                     name_at = round->names.len;
    if (pattern->kind != SORT_STRING && pattern->kind != SORT_FIELD)
        return;
    sort_pattern_key(pattern,
                     sort_items_element(&sort->items, item_of(run, slot)),
                     &round->names);
    slice name = slice_make(round->names.data + name_at,
                            round->names.len - name_at);
    uint64_t hash = db_key_make(run->call->db, sort->space, name).hash;
    if (sort->repairing && !sort_changes_has(&sort->repair, hash)) {
        round->names.len = name_at;
        return;
    }
    round->keys[round->count++] = (struct sort_round_key){
        .slot = slot, .name_at = name_at, .name_len = name.len, .hash = hash
    };
}

static void reserve_keys(struct sort_round *round, size_t most)
{
    if (round->capacity >= most)
        return;
    round->keys = mem_realloc(round->keys, most * sizeof(*round->keys));
    round->capacity = most;
}

static void gather(struct sort_run *run)
{
    struct sort_round *round = &run->sort->round;
    size_t             slots = slots_of(run), first = run->sort->at;
    buf_clear(&round->names);
    reserve_keys(round, slots - first < BATCH_MAX ? slots - first : BATCH_MAX);
    round->next = first;
    while (round->next < slots && round->count < run->sort->batch &&
           round->names.len < NAMES_MAX && round->next - first < SLOTS_MAX)
        gather_slot(run, round->next++);
}

static struct db_key round_key(const struct sort_run       *run,
                               const struct sort_round_key *key)
{
    const char *names = run->sort->round.names.data;
    return db_key_hashed(run->sort->space,
                         slice_make(names + key->name_at, key->name_len),
                         key->hash);
}

static enum db_verdict acquire_round(struct sort_run *run)
{
    const struct sort_round *round = &run->sort->round;
    struct db_want *wants = mem_alloc(round->count * sizeof(*wants));
    for (size_t i = 0; i < round->count; i++)
        wants[i] = (struct db_want){ .key = round_key(run, &round->keys[i]),
                                     .need = DB_NEED_VALUE };
    enum db_verdict verdict = acquire(run, wants, round->count);
    mem_free(wants);
    return verdict;
}

/* What its keys hold is in memory: keeps what is needed of it. False: that is
 * an error for the client. */
static bool take_round(struct sort_run *run)
{
    struct sort       *sort = run->sort;
    struct sort_round *round = &sort->round;
    bool               is_fine = true;
    for (size_t i = 0; i < round->count && is_fine; i++) {
        const struct sort_round_key *known = &round->keys[i];
        struct db_key                key = round_key(run, known);
        struct looked                looked;
        look_at(run, pattern_of(run, known->slot), &key, &looked);
        if (sort->stage == SORT_WEIGH)
            is_fine = weigh(sort, known->slot, &looked);
        else
            put_text(sort, &sort->values[known->slot], text_of(&looked));
        blob_unref(looked.copy);
        sort_seen_add(&sort->seen, known->hash);
    }
    sort->at = round->next;
    round->count = 0;
    charge(sort, held_bytes(sort));
    return is_fine;
}

/* All slots of the stage, from sort->at on. */
static enum db_verdict look_up(struct sort_run *run, enum sort_stage next)
{
    struct sort *sort = run->sort;
    while (sort->at < slots_of(run)) {
        if (sort->round.count == 0)
            gather(run);
        enum db_verdict verdict =
            sort->round.count > 0 ? acquire_round(run) : DB_READY;
        if (verdict == DB_FAILED && run->wait->err == ERR_OOM &&
            sort->round.count > 1) {
            /* Not so many at once. */
            sort->batch = sort->round.count / 2;
            sort->round.count = 0;
            db_next_round(run->call->db, run->wait);
            continue;
        }
        if (verdict != DB_READY)
            return verdict;
        bool is_fine = take_round(run);
        if (!is_fine) {
            enter(sort, SORT_DONE);
            return DB_READY;
        }
        verdict = may_hold(run, sort->held_bytes);
        if (verdict != DB_READY)
            return verdict;
        if (is_over_time(run))
            return yield(run);
    }
    db_next_round(run->call->db, run->wait);
    bool is_in_order = sort->repairing && !sort->moved;
    enter(sort, next == SORT_ORDER && is_in_order ? SORT_GET : next);
    return DB_READY;
}

/* --- stages -------------------------------------------------------------- */

static void enter(struct sort *sort, enum sort_stage stage)
{
    sort->stage = stage;
    sort->at = 0;
    sort->round.count = 0;
    if (stage == SORT_ORDER)
        sort_items_begin(&sort->items,
                         (size_t)(sort->window.from + sort->window.count));
    charge(sort, held_bytes(sort));
}

static bool reads_weights(const struct sort_run *run)
{
    return has_weights(run->sort->items.order) && run->plan->has_by;
}

static enum db_verdict weigh_all(struct sort_run *run)
{
    struct sort *sort = run->sort;
    if (reads_weights(run))
        return look_up(run, SORT_ORDER);
    if (sort->items.order == SORT_BY_NUMBER)
        return weigh_elements(run);
    enter(sort, SORT_ORDER);
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
        if (is_over_time(run))
            return yield(run);
    enter(sort, SORT_GET);
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
        return fail(run, ERR_OOM);
    if (!gets_keys(run->plan) || count == 0) {
        enter(sort, SORT_DONE);
        return DB_READY;
    }
    if (sort->repairing && sort->moved)
        drop_moved_values(sort);
    sort->moved = false;
    if (sort->values == NULL) {
        size_t          bytes = count * sizeof(*sort->values);
        enum db_verdict verdict = may_hold(run, sort->held_bytes + bytes);
        if (verdict != DB_READY)
            return verdict;
        sort->values = mem_calloc(count, sizeof(*sort->values));
        sort->value_count = count;
        charge(sort, held_bytes(sort));
    }
    return look_up(run, SORT_DONE);
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
    enter(sort, reads_weights(run) ? SORT_WEIGH : SORT_GET);
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
        put_text(sort, &sort->values[place * plan->get_count + i], NULL);
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
    enum db_verdict verdict = acquire(run, wants, 1 + more);
    if (verdict != DB_FAILED || more == 0)
        return verdict;
    block_wants_nothing(call);
    return acquire(run, wants, 1);
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
        return fail(run, ERR_OOM);
    enum db_verdict verdict = acquire_target(run);
    if (verdict != DB_READY)
        return verdict;
    uint64_t evictions = cache->evictions;
    if (!run->now)
        verdict = db_admit_write(db, run->wait, bytes, true);
    else if (!db_has_room(db, run->wait, bytes))
        return fail(run, ERR_OOM);
    if (verdict == DB_READY && cache->evictions != evictions)
        verdict = acquire_target(run);
    return verdict;
}

static enum db_verdict go_on(struct sort_run *run)
{
    switch (run->sort->stage) {
    case SORT_COPY:
        return copy(run);
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
    if (stores(run->plan) && run->sort->error == NULL)
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
