/* sort.h - a SORT under way (inside cmd/): from the key to the result, in
 * slices and rounds.
 *
 * What BY and GET name is known only while it runs, and lies mostly on disk. So
 * all of it happens in the look phase: the elements are copied, weights and
 * values are looked up a few hundred keys at a time, and of each round only
 * what the result needs is kept. The state hangs on the session while its
 * command is parked. In EXEC and scripts nobody can be parked: there the state
 * lives for the call, and the loop stands still for the disk.
 *
 * Memory   what a SORT holds is charged (MEM_JOBS) as it grows, and may be as
 *          much as one reply; all of them together a quarter of
 *          cache-max-memory, and what the oldest needs. Who does not fit waits
 *          in line.
 * Time     SORT_SLICE_US of a turn of the loop, and then what one round or one
 *          step takes (copying the elements is one, as is the answer).
 * Threads  loop thread only. */
#ifndef CMD_SORT_H
#define CMD_SORT_H

#include "cmd/command.h"
#include "cmd/sort_items.h"
#include "cmd/sort_plan.h"
#include "cmd/sort_seen.h"

#define SORT_SLICE_US 2000

enum sort_stage {
    SORT_COPY,  /* the elements */
    SORT_WEIGH, /* what they are sorted by */
    SORT_ORDER,
    SORT_GET,   /* the values to answer */
    SORT_DONE
};

/* The keys of one round, in order of slots: a slot is an item (SORT_WEIGH), or
 * a pattern of GET for a place of the answer (SORT_GET). */
struct sort_round {
    struct sort_round_key {
        size_t   slot;
        size_t   name_at, name_len; /* in names */
        uint64_t hash;
    }         *keys;
    size_t     count, capacity;
    size_t     next; /* the slot behind it */
    struct buf names;
};

struct sort {
    struct link     link; /* on server->sorts, oldest first */
    struct server  *server;
    struct db_space *space;
    uint64_t        key_hash;
    enum sort_stage stage;
    bool            key_changed; /* since it was copied */
    unsigned        restarts, repairs;

    struct sort_items  items;
    struct sort_window window;   /* of places that are answered */
    struct sort_text **values;   /* of GET, by slot; NULL where there is none */
    size_t             value_count;

    size_t              at;      /* the next slot of the stage */
    size_t              batch;   /* keys in a round, at most */
    struct sort_round   round;
    struct sort_seen    seen;
    struct sort_changes repair;  /* which keys are to be read again */
    bool                repairing;
    bool                moved;   /* and a weight is another one now */

    const char *error;        /* the answer, if it is done */
    size_t      value_bytes;  /* the sum of the values' */
    size_t      held_bytes;   /* charged */
    size_t      result_bytes; /* of all texts in the result */
    uint64_t    result_count;
};

struct sort *sort_new(struct call *call);
void         sort_free(struct sort *sort); /* NULL is fine */

/* One call's work on it. */
struct sort_run {
    struct call            *call;
    struct sort            *sort;
    const struct sort_plan *plan;
    struct db_wait         *wait;
    bool                    now; /* can't be parked */
    uint64_t                until_us;
};
/* DB_READY: it is done, and whatever it has read is as it is now, but for what
 * sort.c says. */
enum db_verdict sort_go_on(struct sort_run *run);

/* A text of the result; false: there is no such value. REQUIRES: done. */
bool sort_result(const struct sort *sort, const struct sort_plan *plan,
                 uint64_t place, size_t get, slice *out);
/* That place was answered: frees its values. */
void sort_result_drop(struct sort *sort, const struct sort_plan *plan,
                      uint64_t place);

/* --- the server's --------------------------------------------------------- */

/* The session's command has ended, or the session goes. */
void sort_leave(struct session *session);
/* The write hook's. */
void sort_on_change(struct server *server, const struct db_change *change);

#endif
