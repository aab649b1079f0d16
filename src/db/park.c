/* park.c - commands that wait: who holds what, and who gives way.
 *
 * A command gets an age when it first waits and keeps it until it has run.
 * The rules that make progress certain:
 *   1. What was loaded for a command is pinned until it has run.
 *   2. When a load finds no room, whoever is youngest among those that hold
 *      pins loses them all, again and again until there is room; but nobody
 *      loses them for a younger one.
 *   3. If only older ones are left, the command that the load was for gives
 *      up its own pins and starves.
 *   4. A starved one starts over, oldest first, whenever another has finished,
 *      a flush has ended, or nobody else is under way. Loads of large values
 *      for which nobody waits any more hold their room to their end; where
 *      nobody holds pins, all of them have ended before it starts over.
 *   5. The oldest is therefore never robbed; it runs, or does not fit in
 *      memory alone, which is Redis's OOM error.
 * Who is alone in this sense has no hope from loads of its own: it would find
 * what it gave up in its way again. By induction over ages everyone
 * finishes. */
#include "db/internal.h"

void db_wait_init(struct db_wait *wait)
{
    *wait = (struct db_wait){ .state = DB_WAIT_NONE };
    link_init(&wait->link);
    link_init(&wait->age_link);
}

void park_init(struct db *db)
{
    link_init(&db->aged);
    link_init(&db->starved);
    link_init(&db->room);
    link_init(&db->settle);
    link_init(&db->flushed);
    link_init(&db->walkers);
    link_init(&db->scans_on);
    link_init(&db->line);
    link_init(&db->ready);
    db->next_age = PARK_AGE_URGENT;
}

/* Into a list that is sorted by age; most come last. */
static void insert_by_age(struct link *head, struct db_wait *wait,
                          size_t link_offset)
{
    struct link *own = (struct link *)(void *)((char *)wait + link_offset);
    struct link *at = head->prev;
    while (at != head) {
        struct db_wait *other =
            (struct db_wait *)(void *)((char *)at - link_offset);
        if (other->age <= wait->age)
            break;
        at = at->prev;
    }
    link_remove(own);
    list_insert_before(at->next, own);
}

void park_set_age(struct db *db, struct db_wait *wait)
{
    if (wait->age == 0)
        wait->age = wait->urgent ? PARK_AGE_URGENT : ++db->next_age;
}

void park_leave(struct db *db, struct db_wait *wait)
{
    ASSERT(wait->state != DB_WAIT_NONE);
    link_remove(&wait->link);
    wait->state = DB_WAIT_NONE;
    db->parked_now--;
}

void park(struct db *db, struct db_wait *wait, enum db_wait_state state,
          struct link *list)
{
    ASSERT(wait->state == DB_WAIT_NONE);
    park_set_age(db, wait);
    wait->state = state;
    wait->parked_at_ms = (uint64_t)db->now_ms;
    db->parked_now++;
    db->stats.parked_total++;
    if (list != NULL)
        insert_by_age(list, wait, offsetof(struct db_wait, link));
}

void park_wake(struct db *db, struct db_wait *wait)
{
    if (wait->state == DB_WAIT_READY)
        return;
    ASSERT(wait->state != DB_WAIT_NONE);
    wait->state = DB_WAIT_READY;
    insert_by_age(&db->ready, wait, offsetof(struct db_wait, link));
}

void park_wake_list(struct db *db, struct link *list)
{
    struct link *first;
    while ((first = list_first(list)) != NULL)
        park_wake(db, CONTAINER_OF(first, struct db_wait, link));
}

/* Bounded by those that are ready now: who parks again waits for a new turn. */
void park_run_ready(struct db *db)
{
    struct link now;
    link_init(&now);
    list_splice(&now, &db->ready);
    struct link *first;
    while ((first = list_first(&now)) != NULL) {
        struct db_wait *wait = CONTAINER_OF(first, struct db_wait, link);
        link_remove(first);
        wait->state = DB_WAIT_NONE;
        db->parked_now--;
        db->opt.on_ready(db->opt.ready_arg, wait);
    }
}

bool db_has_ready(const struct db *db)
{
    return !list_empty(&db->ready);
}

/* --- pins ---------------------------------------------------------------- */

void park_pin(struct db *db, struct db_wait *wait, struct busy *busy,
              bool waiting, enum db_need need)
{
    struct db_pin *pin = &wait->pins[wait->pin_count];
    if (wait->pin_count++ == 0)
        insert_by_age(&db->aged, wait, offsetof(struct db_wait, age_link));
    *pin = (struct db_pin){
        .busy = busy, .wait = wait, .waiting = waiting, .need = need
    };
    link_init(&pin->link);
    busy->pins++;
    if (waiting) {
        list_push_back(&busy->waiters, &pin->link);
        wait->pending++;
    }
}

void park_unpin_all(struct db *db, struct db_wait *wait)
{
    for (size_t i = 0; i < wait->pin_count; i++) {
        struct db_pin *pin = &wait->pins[i];
        link_remove(&pin->link);
        ASSERT(pin->busy->pins > 0);
        pin->busy->pins--;
        cache_settle_busy(&db->cache, pin->busy);
    }
    link_remove(&wait->age_link);
    wait->pin_count = 0;
    wait->pending = 0;
}

void park_load_ended(struct db *db, struct busy *busy, err_t err)
{
    struct link *first;
    while ((first = list_first(&busy->waiters)) != NULL) {
        struct db_pin *pin = CONTAINER_OF(first, struct db_pin, link);
        link_remove(first);
        pin->waiting = false;
        struct db_wait *wait = pin->wait;
        if (err != ERR_OK)
            wait->err = err;
        ASSERT(wait->pending > 0);
        if (--wait->pending == 0)
            park_wake(db, wait);
    }
}

/* --- giving way ---------------------------------------------------------- */

static void starve(struct db *db, struct db_wait *wait)
{
    park_unpin_all(db, wait);
    db->stats.robbed++;
    /* Ready or waiting for loads: either way it starts over. */
    wait->state = DB_WAIT_STARVED;
    insert_by_age(&db->starved, wait, offsetof(struct db_wait, link));
}

bool park_rob_younger(struct db *db, const struct db_wait *than)
{
    for (struct link *link = db->aged.prev; link != &db->aged;
         link = link->prev) {
        struct db_wait *youngest = CONTAINER_OF(link, struct db_wait, age_link);
        if (youngest->age <= than->age)
            return false;
        /* One that is running right now holds its pins till it has run. */
        if (youngest->state == DB_WAIT_NONE)
            continue;
        starve(db, youngest);
        return true;
    }
    return false;
}

/* Loads of large values that it waits for itself. */
static size_t count_own_node_loads(const struct db_wait *wait)
{
    size_t own = 0;
    for (size_t i = 0; i < wait->pin_count; i++)
        own += wait->pins[i].waiting &&
               load_is_of_nodes(wait->pins[i].busy);
    return own;
}

bool park_has_hope(const struct db *db, const struct db_wait *wait)
{
    struct link *first = list_first(&db->aged);
    bool alone = first == NULL ||
                 (first == &wait->age_link && list_last(&db->aged) == first);
    return !alone || db->node_loads > count_own_node_loads(wait) ||
           (db_is_dirty(db) && !db->failing) || db_is_settling(db);
}

void park_refuse(struct db *db, struct db_wait *wait)
{
    park_unpin_all(db, wait);
    wait->err = ERR_OOM;
    park_wake(db, wait);
}

void park_starve(struct db *db, struct db_wait *wait)
{
    if (wait->state == DB_WAIT_STARVED)
        return;
    if (!park_has_hope(db, wait)) {
        park_refuse(db, wait);
        return;
    }
    starve(db, wait);
    if (db_is_dirty(db))
        db_flush_soon(db);
}

void park_node_load_ended(struct db *db)
{
    if (!list_empty(&db->aged) || db->node_loads == 0)
        park_restart_starved(db);
}

void park_restart_starved(struct db *db)
{
    struct link *first = list_first(&db->starved);
    if (first != NULL)
        park_wake(db, CONTAINER_OF(first, struct db_wait, link));
    first = list_first(&db->room);
    if (first != NULL)
        park_wake(db, CONTAINER_OF(first, struct db_wait, link));
}

/* --- in rounds, in slices, in line ----------------------------------------- */

void db_next_round(struct db *db, struct db_wait *wait)
{
    ASSERT(wait->state == DB_WAIT_NONE);
    bool held = wait->pin_count > 0;
    park_unpin_all(db, wait);
    wait->err = ERR_OK;
    if (held)
        park_restart_starved(db);
}

void db_yield(struct db *db, struct db_wait *wait)
{
    park(db, wait, DB_WAIT_READY, &db->ready);
}

void db_wait_in_line(struct db *db, struct db_wait *wait)
{
    park(db, wait, DB_WAIT_LINE, &db->line);
}

void db_line_moves(struct db *db)
{
    park_wake_list(db, &db->line);
}

void db_release(struct db *db, struct db_wait *wait)
{
    bool held = wait->pin_count > 0;
    park_unpin_all(db, wait);
    probe_drop(wait);
    scan_drop(wait);
    link_remove(&wait->link);
    if (wait->state != DB_WAIT_NONE)
        db->parked_now--;
    if (wait->pins != NULL) {
        mem_release(db->opt.mem, MEM_JOBS,
                    wait->pin_capacity * sizeof(*wait->pins));
        mem_free(wait->pins);
    }
    db_wait_init(wait);
    if (held)
        park_restart_starved(db);
}
