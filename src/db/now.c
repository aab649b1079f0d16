/* now.c - commands that can't be parked: those of a script, which is one step
 * for everybody else.
 *
 * What they miss is loaded while the loop stands still. Jobs of others end on
 * the way, as they do between two commands; who waited for them is told later,
 * in the next turn. A cut can't be taken here, so nobody waits for room that
 * only a flush would bring. */
#include "db/internal.h"

bool db_stand_still(struct db *db, struct db_wait *wait,
                    enum db_wait_state state)
{
    bool moves = true;
    if (wait->state == state && db->opt.on_standstill != NULL)
        db->opt.on_standstill(db->opt.ready_arg);
    while (moves && wait->state == state) {
        scan_step(db);
        moves = io_wait_some(db->opt.io);
    }
    bool ready = wait->state == DB_WAIT_READY;
    park_leave(db, wait);
    return ready;
}

static enum db_verdict give_up(struct db *db, struct db_wait *wait, err_t err)
{
    park_unpin_all(db, wait);
    wait->err = err;
    return DB_FAILED;
}

enum db_verdict db_acquire_now(struct db *db, struct db_wait *wait,
                               const struct db_want *wants, size_t count,
                               bool *waited)
{
    wait->urgent = true;
    for (;;) {
        enum db_verdict verdict = db_acquire(db, wait, wants, count);
        if (verdict != DB_PARKED)
            return verdict;
        db->stats.sync_loads++;
        *waited = true;
        if (!db_stand_still(db, wait, DB_WAIT_LOADS))
            return give_up(db, wait, ERR_OOM);
    }
}

enum db_verdict db_wait_settled_now(struct db *db, struct db_wait *wait,
                                    bool *waited)
{
    for (;;) {
        enum db_verdict verdict = db_wait_settled(db, wait);
        if (verdict != DB_PARKED)
            return verdict;
        *waited = true;
        if (!db_stand_still(db, wait, DB_WAIT_SETTLE))
            return give_up(db, wait, ERR_IO);
    }
}
