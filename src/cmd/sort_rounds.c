/* sort_rounds.c - weights and values of a SORT (sort.h): keys are looked up in
 * rounds, and of each round that is kept which the result needs. A round that
 * finds no room is made smaller. */
#include "base/assert.h"
#include "base/num.h"
#include "cache/cache.h"
#include "cmd/sort_stages.h"
#include "type/string.h"

#define NAMES_MAX ((size_t)64 << 10) /* bytes of a round's; one name more */
#define SLOTS_MAX 4096 /* looked at for one round */
#define STEPS     256  /* between two looks at the clock */

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
    struct entry *entry = db_look(run->call->db, key, sort_touches(run));
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

bool sort_put_text(struct sort *sort, struct sort_text **place,
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
    sort->moved |= sort_put_text(sort, &sort->items.weights[item].text,
                            text_of(looked));
    return true;
}

/* By the elements themselves. */
enum db_verdict sort_weigh_elements(struct sort_run *run)
{
    struct sort *sort = run->sort;
    while (sort->at < sort->items.count) {
        size_t end = sort->at + STEPS;
        for (; sort->at < end && sort->at < sort->items.count; sort->at++)
            if (!weigh_number(sort, sort->at,
                              sort_items_element(&sort->items, sort->at))) {
                sort_enter(sort, SORT_DONE);
                return DB_READY;
            }
        if (sort_is_over_time(run))
            return sort_yield(run);
    }
    sort_enter(sort, SORT_ORDER);
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
    reserve_keys(round, slots - first < SORT_BATCH_MAX ? slots - first
                                                       : SORT_BATCH_MAX);
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
    enum db_verdict verdict = sort_acquire(run, wants, round->count);
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
            sort_put_text(sort, &sort->values[known->slot], text_of(&looked));
        blob_unref(looked.copy);
        sort_seen_add(&sort->seen, known->hash);
    }
    sort->at = round->next;
    round->count = 0;
    sort_charge(sort, sort_held(sort));
    return is_fine;
}

/* All slots of the stage, from sort->at on. */
enum db_verdict sort_look_up(struct sort_run *run, enum sort_stage next)
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
            sort_enter(sort, SORT_DONE);
            return DB_READY;
        }
        verdict = sort_may_hold(run, sort->held_bytes);
        if (verdict != DB_READY)
            return verdict;
        if (sort_is_over_time(run))
            return sort_yield(run);
    }
    db_next_round(run->call->db, run->wait);
    bool is_in_order = sort->repairing && !sort->moved;
    sort_enter(sort, next == SORT_ORDER && is_in_order ? SORT_GET : next);
    return DB_READY;
}
