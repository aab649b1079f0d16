/* internal.h - the db's own struct, and what its files share. Only src/db
 * includes it.
 *
 *   open.c    meta records: read at the start, ids reserved
 *   space.c   databases, namespaces, counts
 *   load.c    load jobs, from the miss to the entry
 *   park.c    parked commands: pins, ages, who gives way
 *   now.c     commands that can't be parked
 *   write.c   db_look, db_put: the write hook
 *   edit.c    collections and large strings: read, changed, moved
 *   moved.c   object ids that were given to another key
 *   settle.c  looks at old records of blind writes
 *   cut.c     epochs, capture, completion
 *   save.c    a cut on the I/O thread: pages, batch, staging
 *   fail.c    after a failed write: reopen, count anew, try again
 *   expire.c  keys past their deadline, in memory and on disk
 *   garbage.c namespaces and pages that nobody can reach any more
 *   compact.c LevelDB is made to tidy up
 *   scrub.c   the store is looked through for damage after opening
 *   probe.c   is there a record? (CACHE STATE)
 *   overlay.c what memory knows otherwise than the disk, in scan order
 *   scan.c    going over all keys: SCAN, KEYS
 *   random.c  one key out of all (RANDOMKEY)
 *   warmup.c  memory is filled with what was hot before the restart, or with
 *             what is asked for (CACHE WARM); warmup_match.c, warmup_names.c
 *   warmup_save.c  what is hot is noted for the next start
 *   db.c      the turn, the cron, settings, stats
 */
#ifndef DB_INTERNAL_H
#define DB_INTERNAL_H

#include "base/assert.h"
#include "base/buf.h"
#include "base/dict.h"
#include "base/num.h"
#include "base/rand.h"
#include "cache/cache.h"
#include "codec/record.h"
#include "db/db.h"
#include "tree/tree.h"

/* Slot counts are stored in groups of this many slots. */
#define COUNT_GROUP_SLOTS 64
#define COUNT_GROUPS      (SLOT_COUNT / COUNT_GROUP_SLOTS)

/* No step of a flush touches more entries than this in one loop turn. */
#define CAPTURE_SLICE 64
/* Nor more nodes of a collection: a large one is captured over several turns,
 * unless it is written to meanwhile. */
#define CAPTURE_PAGES 512

/* Versions and namespaces appear on disk only in the batch of a cut, which
 * also says the next free ones. Pages are written before that batch, so object
 * ids are reserved ahead: this many at a time, of 50 bits below the slot, which
 * lasts for 16 million starts. */
#define OBJECT_ID_RESERVE ((uint64_t)1 << 26)

/* A pin of a parked command on an entry. */
struct db_pin {
    struct link     link; /* on busy->waiters while waiting */
    struct busy    *busy;
    struct db_wait *wait;
    bool            waiting;
    enum db_need    need;
};

/* A node of an object on its way to the store. Those of an object that was
 * never there are written before the batch that makes them count. */
struct page_save {
    uint64_t     object_id;
    struct page *page; /* a reference; the I/O thread lets it go */
    bool         is_ahead;
};

/* Namespaces that were emptied. */
struct dead_list {
    uint32_t *ids;
    size_t    count, capacity;
};

/* A range that garbage has been deleted from since it was compacted. */
#define EMPTIED_COUNT 2
struct emptied {
    struct buf from, to; /* first and last key, both included */
    size_t     count;    /* of deleted records; 0: there is no range */
    bool       is_whole; /* nothing more of it will be deleted */
};

enum cut_phase {
    CUT_NONE,
    CUT_CAPTURE, /* entries of the closed epoch are being captured */
    CUT_SETTLE,  /* waiting for looks at old records */
    CUT_WRITE,   /* on the I/O thread */
    CUT_FINISH   /* on disk; its entries become clean in slices */
};

/* The flush in flight; at most one. */
struct cut {
    enum cut_phase phase;
    uint64_t       epoch;      /* the closed one */
    int64_t        started_ms;
    uint64_t       begun_us;   /* clock_mono_us, for db_worked */
    struct link    closing;    /* busy.dirty_link: not captured yet */
    struct link    captured;   /* busy.saving_link */
    size_t         entry_count; /* on both; list_length would be a walk */
    size_t         closing_bytes; /* dirty bytes when the epoch closed */
    size_t         unsettled;  /* captured, old record not known yet */
    struct store_batch *batch; /* until it is handed over */
    struct page_save *pages;
    size_t         page_count, page_capacity;
    size_t         page_bytes;
    uint64_t      *new_objects; /* ids given out in this cut */
    size_t         new_count, new_capacity;
    uint64_t       first_object_id; /* ids from here on are this cut's */
    bool           map_changed;
    uint32_t      *map;        /* databases' namespaces as of the closing */
    struct dead_list dead;     /* flushed in this epoch */
    struct db_space *shadows;  /* flushed since: their counts for this cut */
    size_t         shadow_count;
    bool           makes_garbage;
    bool           says_doubt; /* the meta record `doubt` is in it */
    int64_t        earliest_ms; /* of the deadlines in it; 0: there is none */
    uint64_t       saves, deletes;
    uint64_t       bytes;
};

/* The search for keys past their deadline; expire.c says how. */
struct expiry {
    bool          sweep_more; /* of memory */
    struct scan  *found;   /* what is still to be gone through; NULL: nothing */
    bool          running; /* the job is in flight */
    bool          more;    /* it goes on without waiting for the cron */
    bool          starved; /* no room in memory; until the cron */
    struct buf    at;      /* where the next one goes on */
    int64_t       next_ms; /* nothing is due before; 0: that isn't known */
    int64_t       written_ms; /* earliest deadline written since the job in
                                 flight was submitted; 0: none */
    int64_t       retry_at_ms;
    bool          doubted; /* there may be expiry records that are wrong */
    bool          doubt_new; /* no cut has said so yet */
};

struct db {
    struct db_options opt;
    struct cache      cache;
    int64_t           now_ms;
    int64_t           start_ms;

    struct db_space  *spaces;   /* opt.databases of them */
    bool              map_dirty; /* changed in the open epoch */
    int64_t           map_dirty_ms;
    struct dead_list  dead;     /* flushed in the open epoch */

    uint64_t          version;   /* the newest one given out */
    uint64_t          object_id; /* the next one, and the first not reserved */
    uint64_t          object_id_limit;
    uint32_t          space_id;  /* the next one */

    uint64_t          epoch;    /* the open one */
    struct link       open;     /* busy.dirty_link, in order of dirtying */
    size_t            open_count;
    size_t            open_bytes;
    struct cut        cut;
    bool              flush_wanted;
    uint64_t          durable_epoch; /* all epochs up to this are on disk */
    bool              lazy_expire; /* nobody looks for what has expired */
    bool              expiry_paused;
    bool              frozen;      /* db_freeze */

    struct dict       moved;       /* struct moved_id, by id */
    struct link       moved_order;

    /* after a failed write */
    bool              failing;
    bool              reopening;     /* the job is in flight */
    bool              must_reopen;   /* the last try failed */
    bool              start_unwritten; /* meta_put_start is still to be done */
    bool              resize_wanted;
    struct store_options sizes;      /* if resize_wanted */
    int64_t           retry_at_ms;
    uint64_t          retry_delay_ms;
    unsigned          over_ticks;    /* cron calls above the hard limit */
    uint64_t          disk_generation; /* looks of an older one don't count */

    /* parked commands */
    uint64_t          next_age;
    struct link       aged;    /* db_wait.age_link, oldest first */
    struct link       starved; /* db_wait.link, by age */
    struct link       room;    /* db_wait.link */
    struct link       settle;
    struct link       flushed;
    struct link       walkers; /* for the walk of another to end */
    struct link       line;    /* db_wait_in_line */
    struct link       ready;
    size_t            parked_now;

    unsigned          overlays; /* how many there are */
    struct link       scans_on; /* db_scan.on_link: go on in the next turn */
    size_t            scan_count;
    struct db_scan   *walk;    /* over a whole database; one only */

    size_t            unsettled; /* over all spaces, namespaces gone included */
    size_t            looks_in_flight;
    size_t            loads_in_flight;
    size_t            node_loads; /* of these: hold room for a large value */
    size_t            prefetch_cap;

    struct expiry     expiry;

    /* garbage */
    bool              garbage_known;  /* there may be some */
    bool              garbage_running;
    bool              garbage_more;    /* the newest slice left some */
    bool              garbage_put_off; /* it can't be read; at the next start */
    struct buf        garbage_at;     /* where the next slice goes on */

    /* compaction */
    struct emptied    emptied[EMPTIED_COUNT]; /* key records; pages */
    bool              compacting;
    uint64_t          tidy_deleted;   /* key records, since the last round */
    unsigned          tidy_left;      /* pieces of this one */
    int64_t           tidy_at_ms;     /* no round before */
    bool              buffered;       /* something is in the write buffer */
    int64_t           written_ms;     /* the last time something was written */

    struct warmup    *warmup;

    /* scrub */
    bool              scrub_wanted;  /* not everything has been looked at */
    bool              scrub_running;
    bool              scrub_more;    /* the next slice comes in this turn */
    int64_t           scrub_at_ms;   /* not before */

    struct buf        key_buf;   /* scratch for record keys */
    struct buf        key_buf2;
    struct buf        value_buf; /* scratch for record values */
    struct db_stats   stats;
    struct db_lookups lookups;
};

/* --- db.c */
uint64_t db_next_version(struct db *db);
/* Work that began then (clock_mono_us) is done. */
void     db_worked(struct db *db, enum db_work work, uint64_t begun_us);
void     db_error(struct db *db, const char *what, const struct err_text *why);

/* The limit was lowered, or much is resident that is not accounted: that
 * passes, and room comes back without anybody's doing. */
bool     db_is_settling(const struct db *db);

/* --- open.c */
err_t open_meta(struct db *db, struct err_text *why);
/* The next free ids; reserves more object ids when they run low. */
void meta_put_ids(struct db *db, struct store_batch *batch);
/* Expiry records may be wrong from now on. */
void meta_put_doubt(struct db *db, struct store_batch *batch);
void meta_put_map(struct db *db, struct store_batch *batch, const uint32_t *ids,
                  size_t count);
/* What must be on disk before anything else of this run: both of the above. */
void meta_put_start(struct db *db, struct store_batch *batch);

/* --- space.c */
void     spaces_init(struct db *db);
void     spaces_deinit(struct db *db);
struct db_space *space_by_id(struct db *db, uint32_t id);
/* A key of this slot came (+1) or went (-1) on disk. */
void space_count_slot(struct db *db, struct db_space *space, uint16_t slot,
                      int delta);
/* The same of a key with a deadline. */
void space_count_expires(struct db_space *space, int delta);
/* What an entry adds to keys with a deadline: 1 or 0. */
int entry_expires(const struct entry *entry);
/* A dirty entry changed what its database has beyond the disk; NULL: it has
 * none any more. */
void space_pend(struct db_space *space, int keys, int expires);
/* The count records that changed since the last call. */
void space_put_counts(struct db *db, struct store_batch *batch,
                      struct db_space *space);
void space_free_slots(struct db *db, struct db_space *space);
void dead_add(struct dead_list *dead, uint32_t id);
bool dead_has(const struct dead_list *dead, uint32_t id);
/* The totals of all databases from count records; runs on any thread. */
struct count_reader {
    struct store *store;
    uint32_t     *space_ids;
    size_t        space_count;
    uint32_t    **slots; /* by database, SLOT_COUNT each; NULL if empty */
    int64_t      *expires; /* by database */
    err_t         err;
    struct err_text why;
};
void count_read(struct count_reader *reader);
void count_adopt(struct db *db, struct count_reader *reader);
void count_reader_init(struct db *db, struct count_reader *reader);
void count_reader_deinit(struct count_reader *reader);

/* --- load.c */
bool entry_is_known(const struct entry *entry, enum db_need need);
/* Starts a load for the entry unless one is in flight. */
void load_start(struct db *db, struct entry *entry, enum db_need need);
/* The same for nobody, as a background job: it comes to nothing if there is no
 * room. REQUIRES: UNKNOWN or HEADER, and none is in flight. */
void load_warm(struct db *db, struct entry *entry, bool is_hot);
/* What a load takes, at most, beside its key. */
#define LOAD_JOB_BYTES 512
/* Is a large value being built for the entry? */
bool load_is_of_nodes(const struct busy *busy);
/* Memory has a newer value than whatever is being loaded. */
void load_cancel(struct db *db, struct busy *busy);

/* --- park.c */
void park_init(struct db *db);
void park(struct db *db, struct db_wait *wait, enum db_wait_state state,
          struct link *list);
void park_wake(struct db *db, struct db_wait *wait);
void park_wake_list(struct db *db, struct link *list);
void park_pin(struct db *db, struct db_wait *wait, struct busy *busy,
              bool waiting, enum db_need need);
void park_unpin_all(struct db *db, struct db_wait *wait);
/* The load that the waiters of busy asked for has ended. */
void park_load_ended(struct db *db, struct busy *busy, err_t err);
/* The youngest that holds pins gives them up; false if nobody can: only
 * `than` or older ones hold any. */
bool park_rob_younger(struct db *db, const struct db_wait *than);
/* Can the wait hope for more room than it has found? */
bool park_has_hope(const struct db *db, const struct db_wait *wait);
void park_starve(struct db *db, struct db_wait *wait);
/* It is told that there is no room, and holds nothing any more. */
void park_refuse(struct db *db, struct db_wait *wait);
void park_restart_starved(struct db *db);
/* The load of a large value has ended, for which nobody waited. */
void park_node_load_ended(struct db *db);
void park_run_ready(struct db *db);
void park_set_age(struct db *db, struct db_wait *wait);
/* No longer parked, without having been told. */
void park_leave(struct db *db, struct db_wait *wait);
/* Older than all others. */
#define PARK_AGE_URGENT 1

/* --- write.c */
/* Room for a new entry or value on behalf of a wait (or nobody): evicts, robs
 * younger ones. ERR_AGAIN: the caller must give way. */
err_t room_for(struct db *db, const struct db_wait *wait, size_t entry_bytes,
               size_t other_bytes);
struct db_space *space_of(struct db *db, const struct entry *entry);
void mark_dirty(struct db *db, struct busy *busy);
void expire_entry(struct db *db, struct entry *entry);
/* Tells the listener, if anybody listens. */
void tell(struct db *db, const struct db_change *change);
/* The entry has become absent by its deadline without the write hook. */
void tell_expired(struct db *db, struct busy *busy);

/* --- edit.c */
/* The write hook's way for who has the entry in his hands. */
struct entry *put_entry(struct db *db, struct entry *entry,
                        const struct entry_spec *spec, const char *event);

/* --- moved.c */
void moved_init(struct db *db);
void moved_deinit(struct db *db);
/* The id has been given to another key, in the open epoch. */
void moved_add(struct db *db, uint64_t id);
/* Its holder has it no more, as of that epoch. Any id may be asked for. */
void moved_dropped(struct db *db, uint64_t id, uint64_t epoch);
/* It was moved, and in the cut of that epoch somebody holds it. */
bool moved_is_held(const struct db *db, uint64_t id, uint64_t epoch);
/* The cut of that epoch is on disk. */
void moved_written(struct db *db, uint64_t epoch);

/* --- settle.c */
/* What the store holds for a busy entry is known now. */
void settle(struct db *db, struct busy *busy, const struct disk_state *disk);
/* What was known of the store is not any more (after a failed write, when the
 * sums of all spaces start anew). */
void unsettle(struct db *db, struct busy *busy);
/* Its database is gone: what it replaced there does not matter. */
void settle_forget(struct db *db, struct busy *busy);
void settle_look_at(struct db *db, struct busy **list, size_t count);
void settle_look_at_all(struct db *db);

/* --- cut.c */
void cut_init(struct db *db);
void cut_deinit(struct db *db);
bool cut_wanted(const struct db *db);
void cut_begin(struct db *db);
/* One slice of capturing or finishing; true: more to do at once. */
bool cut_step(struct db *db);
/* Would cut_step do something now? */
bool cut_has_step(const struct db *db);
/* Is this entry dirty in the closed epoch and not captured yet? */
bool cut_is_closing(const struct db *db, const struct busy *busy);
void cut_capture_first(struct db *db, struct busy *busy);
/* The old record of a captured entry is known now. */
void cut_settled(struct db *db, struct busy *busy);
/* A database is being emptied while the cut still counts it. */
void cut_keep_space(struct db *db, struct db_space *space);
/* What tree_capture calls the save that the cut in flight is. */
uint32_t cut_capture_number(const struct db *db);
/* The closed epoch joins the open one again. */
void cut_abort(struct db *db);
bool db_is_dirty(const struct db *db);

/* --- save.c */
struct save_job {
    struct job          job;
    struct db          *db; /* for done, on the loop thread */
    struct store       *store;
    struct store_batch *batch; /* taken */
    struct page_save   *pages; /* taken; what it has is let go as it is written */
    size_t              page_count;
    uint64_t           *new_objects; /* lent */
    size_t              new_count;
    uint64_t            cut_id;
    size_t              batch_max;
    bool                durable;
    bool                staged; /* out */
    err_t               err;    /* out */
    struct err_text     why;    /* out */
};
void  save_run(struct job *job); /* I/O thread */
/* Moves what is staged under a commit record into place; drops the rest.
 * Used when opening, too. */
err_t save_recover_staged(struct store *store, size_t batch_max, bool durable,
                          struct err_text *why);

/* --- fail.c */
void fail_begin(struct db *db, const struct err_text *why);
/* The store can be read but not be written to, from the start. */
void fail_start(struct db *db, const struct err_text *why);
void fail_retry(struct db *db);
/* Closes and opens the store, alone on the I/O side. */
void fail_reopen(struct db *db);

/* --- probe.c */
void probe_drop(struct db_wait *wait);

/* --- expire.c */
void expire_init(struct db *db);
void expire_deinit(struct db *db);
/* A slice of each search; true: more to do at once. */
bool expire_turn(struct db *db);
/* Would expire_turn go on with what was found on disk? */
bool expire_has_step(const struct db *db);
void expire_cron(struct db *db);
/* A cut is on disk, and this is the earliest deadline in it (0: none). */
void expire_written(struct db *db, int64_t earliest_ms);
/* The disk is about to be another one than was searched. */
void expire_forget_found(struct db *db);
/* Of what is on disk nothing is known any more. */
void expire_restart(struct db *db);

/* --- scan.c */
/* Submits the next slices. Once a turn, not when the one before has ended:
 * draining the I/O side ends with those that are on their way. */
void scan_step(struct db *db);
void scan_drop(struct db_wait *wait);
/* The snapshot that a walk holds, if any, to be freed by whoever reopens the
 * store, alone on the I/O side; the walk will not use it any more. */
struct store_snapshot *scan_give_snapshot(struct db *db);

/* --- now.c */
/* Waits for the disk until the parked wait is woken; it is not parked then.
 * False: it can't be helped now. */
bool db_stand_still(struct db *db, struct db_wait *wait,
                    enum db_wait_state state);

/* --- overlay.c */
/* The bits of a hash in a key's place, below the slot. */
#define SCAN_HASH_BITS 48
/* What an entry was before a change. */
struct before {
    bool          existed;
    enum obj_type type; /* if it existed */
};
/* The hook's: the entry has been changed, and is dirty. REQUIRES: the space has
 * an overlay. */
void overlay_changed(struct db *db, struct db_space *space,
                     const struct busy *busy, const struct before *before);
/* What the cut had of the entry is on disk. */
void overlay_written(struct db *db, const struct busy *busy);
void overlay_drop(struct db *db, struct db_space *space);
void overlay_cron(struct db *db);
/* Verifies its invariants; for tests. */
void overlay_check(struct db *db, const struct db_space *space);
/* Is there one, and is it complete? It may be gone after the next change. now:
 * without waiting for a flush. Never fails. */
enum db_verdict overlay_ready(struct db *db, struct db_wait *wait,
                              struct db_space *space, bool now);
/* The rest REQUIRES that it is. */
uint64_t overlay_count(const struct db_space *space);
/* One key of it, and what memory knows of it; good till the next change. */
struct overlay_key {
    uint64_t            order;
    slice               key;
    const struct entry *entry;
    char                buffer[NUM_INT64_CHARS]; /* what key may point into */
};
struct overlay_walk {
    struct db             *db;
    const struct db_space *space;
    struct tree_walk       walk;
};
void overlay_walk_init(struct overlay_walk *walk, struct db *db,
                       const struct db_space *space, uint64_t from);
bool overlay_walk_next(struct overlay_walk *walk, struct overlay_key *out);
/* REQUIRES: not empty. */
void overlay_random(struct db *db, const struct db_space *space,
                    struct rand *rand, struct overlay_key *out);

/* --- garbage.c */
void garbage_step(struct db *db);
void garbage_deinit(struct db *db);

/* --- compact.c */
/* Garbage has deleted so many records from first to last; is_end: the next
 * ones will lie elsewhere. */
void compact_emptied(struct db *db, slice first, slice last, size_t count,
                     bool is_end);
/* A range that was emptied whole waits for another's compaction. */
bool compact_is_behind(const struct db *db);
/* What waits is compacted, if it can be now. */
void compact_cron(struct db *db);
/* A cut has deleted so many key records. */
void compact_deleted(struct db *db, uint64_t keys);
/* Once a cron call: a piece, if it is time for that. */
void compact_tidy(struct db *db);
/* Makes a table of the write buffer when nothing is written any more. */
void compact_idle(struct db *db);
void compact_deinit(struct db *db);

/* --- scrub.c */
void scrub_step(struct db *db);

/* --- warmup.c */
void warmup_init(struct db *db);
void warmup_deinit(struct db *db);
/* A slice of loading and of saving; true: more to do at once. */
bool warmup_turn(struct db *db);
/* With io-threads 0: would warmup_turn do something now? */
bool warmup_has_step(const struct db *db);
void warmup_cron(struct db *db);
/* For a load that nobody asked for: is there room without evicting? */
bool warmup_has_room(const struct db *db, size_t entry_bytes,
                     size_t other_bytes);
void warmup_found_no_room(struct db *db);
/* Is it one of the large values that are loaded so? */
bool warmup_wants_value(struct db *db, size_t bytes);
void warmup_load_submitted(struct db *db);
void warmup_load_ended(struct db *db);
void warmup_load_failed(struct db *db);
void warmup_loaded(struct db *db);

#endif
