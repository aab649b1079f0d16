/* scan.h - a look at many keys: what its jobs share (inside db/).
 *
 * Ownership  a wait owns its scan; while a job is in flight (in_flight) the
 *            loop touches nothing of it but wait, given and is_void. A client
 *            that goes meanwhile leaves it without a wait, and it frees itself
 *            when the job ends.
 * Bounds     one slice a turn of the loop (db->scans_on), which looks at
 *            SCAN_SLICE_RECORDS records or reads SCAN_SLICE_BYTES; what is
 *            found is bounded by most_bytes and one order, what the overlay
 *            lends by SCAN_OVERLAY_KEYS (whole: by the overlay's own bound).
 *            All of it is charged when a slice ends. */
#ifndef DB_SCAN_H
#define DB_SCAN_H

#include <stdatomic.h>

#include "db/internal.h"

#define SCAN_SLICE_RECORDS 512
#define SCAN_SLICE_BYTES   ((size_t)1024 * 1024)
#define SCAN_OVERLAY_KEYS  1024

struct random_plan;

struct db_scan {
    struct job      job;
    struct db      *db;
    struct db_wait *wait; /* NULL: gone */
    bool            in_flight;
    struct link     on_link; /* on db->scans_on, or on no list */
    uint32_t        space_id;
    err_t           err;
    struct err_text why;

    /* what is looked for */
    struct buf pattern;
    bool       matches_all;
    int        type;
    uint64_t   from;   /* the cursor */
    uint64_t   count;
    size_t     most_bytes;
    bool       whole;
    int64_t    now_ms; /* when it began */

    /* the state of the store that is looked at; NULL: the newest */
    bool                   wants_snapshot;
    struct store_snapshot *snapshot;
    bool                   given;   /* to the reopening, which frees it */
    atomic_bool            is_void; /* it is not to be used any more */
    unsigned               restarts;

    struct buf at;        /* record key where the next slice begins */
    bool       disk_done;
    struct buf over;      /* from the overlay: struct over_item, key */
    size_t     over_at;
    bool       over_cut;  /* it has more, beyond over_end */
    uint64_t   over_end;

    uint64_t   looked;
    uint64_t   last;      /* the order looked at last, if looked > 0 */
    bool       finished;
    uint64_t   next;      /* the cursor to answer */

    struct link found;       /* of found_block, in order */
    size_t      found_at;    /* in the first: what is given next */
    size_t      found_bytes; /* of all blocks */
    size_t      reply_bytes;

    size_t     charged;
    struct random_plan *plan; /* RANDOMKEY's; else NULL */
    size_t     plan_bytes;
};

struct db_scan *scan_new(struct db *db, struct db_wait *wait,
                         const struct db_space *space);
void scan_free(struct db_scan *scan);
/* It is to look from that order on; REQUIRES: overlay_ready, unless it wants a
 * snapshot. */
void scan_begin(struct db_scan *scan, const struct db_space *space,
                uint64_t from, uint64_t count);
/* Charges what it holds now. */
void scan_charge(struct db_scan *scan);
void scan_submit(struct db_scan *scan, void (*run)(struct job *),
                 void (*done)(struct job *));
/* Submits what scan_begin has prepared. */
void scan_go(struct db_scan *scan);
/* Waits for the job: parks, or stands still. */
enum db_verdict scan_wait(struct db *db, struct db_wait *wait, bool now);
/* Forgets what was found. */
void scan_clear_found(struct db_scan *scan);
void scan_add_found(struct db_scan *scan, slice key, int64_t deadline_ms);
/* On the I/O thread: what a key record says. A damaged one is a key all the
 * same. */
void scan_read_header(slice record_key, slice value, struct key_record *out);

#endif
