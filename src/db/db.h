/* db.h - the keyspace: what clients see, wherever it lives.
 *
 * The db joins the cache (what memory knows), the I/O thread and the store
 * (what disk has) into one map of keys. It says what a command must wait for,
 * is the only door through which entries change (db_put), and keeps the
 * promises about disk: a flush writes one cut, memory wins over disk, nothing
 * dirty is lost by an error.
 *
 * Threads    loop thread only, but for job->run functions (marked there).
 * Waiting    never: a command that must wait is parked with a struct db_wait,
 *            and on_ready says when it may be tried again.
 * Clock      db->now_ms is set by the owner once a loop turn; all decisions of
 *            one turn see one time.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/slice.h"
#include "cache/entry.h"
#include "io/io.h"
#include "store/store.h"
#include "type/coll.h"

struct db;
struct db_wait;
struct overlay;
struct rand;

/* One database (SELECT n): a namespace, and how many keys it has. */
struct db_space {
    uint32_t id;       /* namespace; never reused */
    uint32_t index;    /* n */
    int64_t  disk_keys; /* as of the last cut */
    int64_t  pending;  /* sum over its dirty, settled entries of
                          (exists now) - (exists on disk) */
    int64_t  disk_expires, pending_expires; /* the same for keys that have a
                          deadline: each has one expiry record */
    bool     expires_changed; /* the cut in flight must write it */
    size_t   unsettled; /* dirty entries whose old record is not known yet */
    uint32_t *slot_keys; /* disk_keys by slot; NULL while never needed */
    uint8_t  *groups;    /* which count records the cut in flight must write */
    bool      unwritten; /* no cut was closed since it got its namespace, so
                            nothing of it is on disk */
    struct overlay *overlay; /* for scans; NULL: nobody scans it */
};

struct db_key {
    struct db_space *space;
    slice            key;
    uint64_t         hash;
};

enum db_change_kind {
    DB_KEY_CHANGED,    /* written, deleted, expired */
    DB_KEY_EVENT,      /* an event beside a change, which came just before */
    DB_KEY_MISSED,     /* looked for, and not there */
    DB_SPACE_EMPTIED,  /* all keys of a database are gone */
    DB_SPACES_SWAPPED  /* two databases have exchanged their keys */
};

/* What happened to a key or a database. Whoever is told must not call the db;
 * the slices are good for the call only. */
struct db_change {
    enum db_change_kind    kind;
    const struct db_space *space, *other; /* other: of DB_SPACES_SWAPPED */
    slice                  key;
    const char            *event;   /* "set", "del", "expired" ... */
    bool                   created; /* it was known not to exist before */
    bool                   existed; /* it was known to exist before */
    bool                   exists;  /* now */
};

/* What may take long, for who watches latencies. */
enum db_work {
    DB_WORK_LOAD,       /* from asking for a record until it was there */
    DB_WORK_FLUSH,      /* from the cut until it was on disk */
    DB_WORK_SYNC_FLUSH, /* the loop stood still for the last resort */
    DB_WORK_EVICTION,   /* evicting in one turn, beside what commands evict */
    DB_WORK_EXPIRY      /* expiring in one turn, beside what commands meet */
};

struct db_options {
    struct mem   *mem;
    struct log   *log;
    struct io    *io;
    struct store *store;
    uint64_t      limit_bytes;  /* for all accounts; the working size when
                                   keep_nothing */
    bool          keep_nothing; /* cache-max-memory 0 */
    uint64_t      flush_delay_ms;
    uint64_t      cut_max_bytes;
    bool          fsync;
    unsigned      databases;
    bool          warm_restart;   /* db_set_warmup */
    const char   *warm_directory; /* where names of hot keys are kept; borrowed;
                                     NULL: nowhere */
    size_t        page_limit;   /* of collections' pages; 0: the best */
    uint64_t      hash_seed;    /* of a new store; 0: from the system */
    int64_t       now_ms;
    /* A parked command may go on. Called from db_turn and db_completed. */
    void (*on_ready)(void *arg, struct db_wait *wait);
    void *ready_arg;
    /* The loop is about to stand still for the disk: whoever has something
     * for others sends it now. May be NULL. Gets ready_arg. */
    void (*on_standstill)(void *arg);
    /* Something changed; NULL: nobody listens. Told after the change. And does
     * anybody listen right now? Asked before each. */
    void (*on_change)(void *arg, const struct db_change *change);
    bool (*is_heard)(const void *arg);
    void *change_arg;
    /* Such work was done, and took so long; NULL: nobody listens. Whoever is
     * told must not call the db. */
    void (*on_work)(void *arg, enum db_work work, uint64_t us);
    void *work_arg;
};

/* --- life ---------------------------------------------------------------- */

/* Reads meta from the store (synchronously), reserves ids, finishes a staged
 * cut that has its commit record, drops one that has not. */
err_t db_open(const struct db_options *options, struct db **out,
              struct err_text *why);
/* REQUIRES: io is idle. What is dirty is lost: flush before. */
void db_close(struct db *db);

/* Tells the time between turns; never goes back. */
void db_set_now(struct db *db, int64_t now_ms);

/* Once each loop turn, before the loop waits: starts and goes on with flushes
 * and other work in slices, hands jobs over. Returns true if it wants to be
 * called again at once. */
bool db_turn(struct db *db, int64_t now_ms);
/* About ten times a second: expiry, limits, background work. */
void db_cron(struct db *db, int64_t now_ms);
/* When the next flush is due by its delay, in ms from now; -1: none. */
int64_t db_next_flush_ms(const struct db *db);

/* --- what a command needs ------------------------------------------------ */

enum db_need {
    DB_NEED_NONE,   /* written blindly */
    DB_NEED_HEADER, /* existence, type, deadline, length */
    DB_NEED_VALUE
};

struct db_want {
    struct db_key key;
    enum db_need  need;
};

struct db_pin;
struct db_probe_job;
struct db_scan;

enum db_wait_state {
    DB_WAIT_NONE,
    DB_WAIT_LOADS,   /* loads are in flight for it */
    DB_WAIT_STARVED, /* lost its pins; restarted when others have finished */
    DB_WAIT_ROOM,    /* a growing command, until a flush has made room */
    DB_WAIT_SETTLE,  /* DBSIZE, until blind writes are settled */
    DB_WAIT_CUT,     /* CACHE FLUSH, until its epoch is on disk */
    DB_WAIT_PROBE,   /* CACHE STATE, until the store was looked at */
    DB_WAIT_SCAN,    /* SCAN and its like, until the store was looked at */
    DB_WAIT_WALK,    /* KEYS, until another's has ended */
    DB_WAIT_LINE,    /* SORT, until others hold less */
    DB_WAIT_READY    /* about to be resumed */
};

/* One parked command. Lives in the client; zeroed by db_wait_init. */
struct db_wait {
    enum db_wait_state state;
    struct link    link;     /* on the list of its state */
    struct link    age_link; /* on db's list of waits that hold pins, by age */
    uint64_t       age;      /* 0: none given yet; kept until it finishes */
    size_t         pending;  /* loads that it still waits for */
    struct db_pin *pins;
    size_t         pin_count;
    size_t         pin_capacity;
    uint64_t       epoch;    /* DB_WAIT_CUT, DB_WAIT_SETTLE */
    struct db_probe_job *probe; /* owned; NULL: none */
    struct db_scan *scan;    /* owned; NULL: none */
    err_t          err;      /* a load or a flush failed */
    uint64_t       parked_at_ms;
    bool           urgent;   /* older than all others (db_acquire_now) */
};
void db_wait_init(struct db_wait *wait);

enum db_verdict { DB_READY, DB_PARKED, DB_FAILED /* wait->err says why */ };

/* Is all in memory that these keys need? If not, starts the loads and parks
 * the wait. Call again after on_ready: what was loaded is pinned till then. */
enum db_verdict db_acquire(struct db *db, struct db_wait *wait,
                           const struct db_want *wants, size_t count);

/* The same, and what was in memory already is pinned too: until db_release
 * nothing of it can be evicted, however much is written meanwhile. */
enum db_verdict db_acquire_pinned(struct db *db, struct db_wait *wait,
                                  const struct db_want *wants, size_t count);

/* For a command that can't be parked, one of a script's: waits for the disk,
 * here and now, until the keys are in memory. DB_FAILED with ERR_OOM where
 * others would wait for room. Before all other commands in whatever is about
 * pins. wait is of its own, and is never told of (on_ready). *waited is set if
 * the disk was asked. */
enum db_verdict db_acquire_now(struct db *db, struct db_wait *wait,
                               const struct db_want *wants, size_t count,
                               bool *waited);
/* For a command that looks at its keys in rounds, since all of them together
 * may be more than fits: it has seen those of the last db_acquire (or there was
 * no room for so many at once, ERR_OOM), and goes on to others. It keeps its
 * age, so that it is not the youngest in each round. */
void db_next_round(struct db *db, struct db_wait *wait);
/* Parks until the next turn: the command has worked for long enough in this
 * one. */
void db_yield(struct db *db, struct db_wait *wait);
/* Parks until somebody calls db_line_moves, which lets all go on. */
void db_wait_in_line(struct db *db, struct db_wait *wait);
void db_line_moves(struct db *db);
/* db_wait_settled likewise. */
enum db_verdict db_wait_settled_now(struct db *db, struct db_wait *wait,
                                    bool *waited);

/* A command stands in the middle of its change, over turns of the loop: until
 * it goes on time stands still for keys, nothing expires, no cut is taken, and
 * no parked command is told to go on. */
void db_freeze(struct db *db, bool frozen);

/* Is there room for so much more right now, if clean entries go? */
bool db_has_room(struct db *db, const struct db_wait *wait, size_t bytes);

/* The store refuses writes: db_admit_write would answer ERR_IO. */
bool db_is_failing(const struct db *db);

/* May a command add about grow_bytes to memory? DB_FAILED with ERR_OOM: never;
 * with ERR_IO: writes are refused while the store fails. */
enum db_verdict db_admit_write(struct db *db, struct db_wait *wait,
                               size_t grow_bytes, bool grows);

/* Parks until all that was written before is on disk; DB_READY once it is. */
enum db_verdict db_wait_flushed(struct db *db, struct db_wait *wait);

/* Is there a record on disk for each of these keys? Loads nothing. Parks, and
 * is called again, like the others; exists[i] is set once it is DB_READY. */
enum db_verdict db_probe(struct db *db, struct db_wait *wait,
                         const struct db_key *keys, size_t count, bool *exists);

/* --- going over all keys -------------------------------------------------- */

struct db_scan_request {
    struct db_space *space;
    uint64_t cursor;  /* 0: from the start; else what an earlier scan gave */
    uint64_t count;   /* keys to look at, about; not 0 */
    slice    pattern; /* a glob; "*": all */
    int      type;    /* enum obj_type; DB_ANY_TYPE; another: of no type */
    bool     whole;   /* all keys, as they are at one instant; no cursor and no
                         count */
    size_t   most_bytes; /* whole: of names that may be found; else ERR_OOM */
};
#define DB_ANY_TYPE (-1)

/* Looks at keys wherever they are, without loading them. Parks, and is called
 * again, like the others; when it is DB_READY, db_scan_next gives what was
 * found until db_release. now: the caller can't be parked (see
 * db_acquire_now); then it waits here. Fewer than count may be looked at. A key
 * that is there from the first scan to the last, each with the cursor of the
 * one before, is found exactly once. */
enum db_verdict db_scan(struct db *db, struct db_wait *wait,
                        const struct db_scan_request *request, bool now);
/* The place of a key: a scan from there on, or from before, finds it. */
uint64_t db_scan_order(const struct db *db, slice key);
/* Where to go on; 0: that was all. */
uint64_t db_scan_cursor(const struct db_wait *wait);
/* The next key that was found and is still there; false: no more. The key is
 * good until the next call. */
bool db_scan_next(struct db *db, struct db_wait *wait, slice *key);
/* At most so many bytes, as bulks of a reply, will db_scan_next give. */
size_t db_scan_bytes(const struct db_wait *wait);

/* Finds a key, each with about the same chance; key is empty data (NULL) if
 * there is none. Parks like db_scan; the key is good until db_release. */
enum db_verdict db_random_key(struct db *db, struct db_wait *wait,
                              struct db_space *space, struct rand *rand,
                              bool now, slice *key);

/* Parks until db_key_count is exact. */
enum db_verdict db_wait_settled(struct db *db, struct db_wait *wait);

/* The command has run, or its client is gone: unpins, leaves all lists. */
void db_release(struct db *db, struct db_wait *wait);

/* Asks for a key in advance; does nothing when the loads in flight are at
 * their cap or there is no room. Pins nothing. */
void db_prefetch(struct db *db, const struct db_want *want);

#define DB_WARM_MAX 16

/* A key that is about to be looked at, and perhaps a field or a member: the
 * word behind the key, and the last one, which a sorted set's is. */
struct db_warm {
    slice    key;
    slice    word, last; /* empty: none */
    uint64_t hash;       /* out: the key's, for db_key_hashed */
};

/* Brings what memory knows of these (DB_WARM_MAX at most) near to the
 * processor; changes nothing. How many different things that were: with one
 * there was nothing to gain. */
size_t db_warm(const struct db *db, struct db_warm *items, size_t count);

/* --- reading and writing ------------------------------------------------- */

struct db_space *db_space(struct db *db, unsigned index);
struct db_key    db_key_make(struct db *db, struct db_space *space, slice key);
/* The same, when the key has been hashed already. */
struct db_key    db_key_hashed(struct db_space *space, slice key,
                               uint64_t hash);

/* The entry of a key that exists, NULL if it doesn't (or has expired: then it
 * is deleted by this call). Counts as a use if touch. REQUIRES: acquired with
 * NEED_HEADER at least, or the database was emptied since. The entry is good until the next call here. */
struct entry *db_look(struct db *db, const struct db_key *key, bool touch);

/* The same, but it counts as nothing: no use, no hit or miss, nothing expires,
 * nobody is told. */
const struct entry *db_peek(struct db *db, const struct db_key *key);

/* The one door for changes, and the write hook: gives the key that content
 * (ABSENT deletes), keeps versions, dirt, accounts and counts. event is the
 * name of the keyspace event ("set", "del", "expired", ...). Never fails;
 * room was asked for before. A large string is put in an object by this call
 * unless spec has one. spec->object_id is kept only when the value did not
 * change. */
struct entry *db_put(struct db *db, const struct db_key *key,
                     const struct entry_spec *spec, const char *event);

/* While paused no key expires: one past its deadline is told to be gone, but
 * is not deleted, and nobody hears of it. */
void db_pause_expiry(struct db *db, bool paused);

/* Deletes; false if there was nothing. REQUIRES: NEED_HEADER acquired. */
bool db_delete(struct db *db, const struct db_key *key, const char *event);

/* --- collections and large strings ---------------------------------------- */

/* What a collection's entry holds, for reading (type/coll.h); for NULL an empty
 * one, and false. REQUIRES: acquired with NEED_VALUE. */
bool db_read(const struct entry *entry, struct coll *out);
/* How many elements; the header is enough. */
uint64_t db_coll_count(const struct entry *entry);
enum object_encoding db_coll_encoding(const struct entry *entry);
/* Of its object, if it has one: in memory, or as it was when it was saved. */
size_t db_coll_bytes(const struct entry *entry);
/* Of a string, wherever it lies; the header is enough. Its bytes are
 * entry_value, or if it has an object, there (type/string.h). */
uint64_t db_string_len(const struct entry *entry);
/* The same, and of a collection the bytes of its page; 0 if it is not one. */
size_t db_value_len(const struct entry *entry);

/* A collection or a string while it is being changed. */
struct db_edit {
    struct db     *db;
    struct db_key  key;
    struct object *object;
    struct busy   *busy; /* if the object is the entry's; it is pinned */
    int64_t        deadline_ms;
    bool           existed;
};

/* Gives the value of a key for changing, an empty one if there is no such key.
 * What was borrowed from the key is void. REQUIRES: acquired with NEED_VALUE,
 * and it is of that type if it exists. Each begin needs one of the other two;
 * until then the key may not be put or deleted otherwise. A string that stays
 * small needs none of this: db_put costs less. */
struct object *db_edit_begin(struct db *db, const struct db_key *key,
                             enum obj_type type, struct db_edit *edit);
/* It was changed: through the write hook with it. The deadline stays. If nothing
 * is left in a collection the key is deleted; "del" is told after event. */
void db_edit_end(struct db_edit *edit, const char *event);
/* It was not changed. */
void db_edit_cancel(struct db_edit *edit);

/* A new value, of nobody yet (object_free, db_put_object). */
struct object *db_object_new(struct db *db, enum obj_type type);
/* Puts it in the place of whatever the key holds, without a deadline; takes it.
 * REQUIRES: not empty, or a string. */
void db_put_object(struct db *db, const struct db_key *key,
                   struct object *object, const char *event);

/* Gives what one key holds to another, deadline and all, in O(1): what was
 * there is replaced, `from` is deleted. The events in the order in which they
 * are told: put_event, delete_event. REQUIRES: `from` exists, acquired with
 * NEED_HEADER; they are two keys. */
void db_move(struct db *db, const struct db_key *from, const struct db_key *to,
             const char *put_event, const char *delete_event);
/* The same without deleting: a copy of all of it. REQUIRES: NEED_VALUE. */
void db_copy(struct db *db, const struct db_key *from, const struct db_key *to,
             const char *put_event);

/* Tells the listener of one more event of a key that was just changed (SET
 * with EX is "set" and "expire"). */
void db_event(struct db *db, const struct db_key *key, const char *event);

/* Empties a database: a new namespace, the old one becomes garbage. O(1). */
void db_flush_space(struct db *db, struct db_space *space);

/* Exchanges what is in two databases: their namespaces and counts change
 * places. O(1). Part of the next cut, like a flush. */
void db_swap_spaces(struct db *db, struct db_space *a, struct db_space *b);

/* Keys in a database, expired ones that were not met yet included. Exact when
 * db_wait_settled answered DB_READY. */
int64_t db_key_count(const struct db *db, const struct db_space *space);
/* Of these, how many have a deadline; as exact. */
int64_t db_expire_count(const struct db *db, const struct db_space *space);
/* How long they have to live, on average, by a sample of those that are in
 * memory; 0: there are none. */
int64_t db_avg_ttl_ms(const struct db *db, const struct db_space *space);

/* Answers that db_look gave so far. */
struct db_lookups {
    uint64_t found, missing;
};
const struct db_lookups *db_lookups(const struct db *db);

/* --- warming --------------------------------------------------------------- */

/* The names of hot entries are saved every minute and at the end, and loaded
 * after the start, without being asked for (warmup.c). */
void db_set_warmup(struct db *db, bool enabled);
/* Loads the key in the background, without evicting anything; false: it is in
 * memory, or too many are under way. */
bool db_warmup_key(struct db *db, const struct db_key *key);
/* The same for all keys on disk that match. Takes the place of the pattern
 * before. */
void db_warmup_match(struct db *db, const struct db_space *space,
                     slice pattern);
/* Saves the names at the next cron call. For tests. */
void db_warmup_save_soon(struct db *db);
/* Saves them here and now, if there is anything new: before the end. Bounded in
 * time. REQUIRES: nobody is served any more. */
void db_warmup_save_now(struct db *db);

struct db_warmup_stats {
    bool     running, saving;
    bool     full;        /* it ended since memory is full */
    uint64_t total;       /* names, as far as is known */
    uint64_t done;        /* of these: looked at */
    uint64_t loaded;
    uint64_t saves;
    uint64_t saved_keys;  /* names in the file */
    int64_t  last_save_s; /* unix time; 0: not yet */
};
void db_warmup_stats(const struct db *db, struct db_warmup_stats *out);

/* --- steering ------------------------------------------------------------ */

/* Starts a flush as soon as it can, without waiting for its delay. */
void db_flush_soon(struct db *db);
/* Flushes everything and waits for the disk: shutdown, and the last resort. */
err_t db_flush_now(struct db *db, struct err_text *why);

/* A parked command may go on, and is about to be told so. */
bool db_has_ready(const struct db *db);

/* Nothing is dirty: all that was ever written is on disk. */
bool db_is_clean(const struct db *db);

void db_set_limit(struct db *db, uint64_t limit_bytes, bool keep_nothing);
/* Opens the store again with other sizes of buffers, as soon as no cut is in
 * flight; loads wait meanwhile. Only the size fields are looked at. */
void db_resize_store(struct db *db, const struct store_options *sizes);
void db_set_flush_delay(struct db *db, uint64_t delay_ms);
void db_set_cut_max(struct db *db, uint64_t bytes);
void db_set_fsync(struct db *db, bool fsync);
/* false: a key past its deadline goes when somebody asks for it, or when a cut
 * meets it, but is not looked for. For tests. */
void db_set_active_expire(struct db *db, bool active);
/* The time that all decisions of this turn see, unix ms. */
int64_t db_now_ms(const struct db *db);
/* Evicts the key if it is clean and idle. */
bool db_evict(struct db *db, const struct db_key *key);
/* "memory", "dirty", "saving", "absent" or NULL if memory knows nothing. */
const char *db_state_word(struct db *db, const struct db_key *key);

struct cache *db_cache(struct db *db);
struct store *db_store(struct db *db);
struct io    *db_io(struct db *db);

struct db_stats {
    uint64_t hits;        /* keys known when they were asked for */
    uint64_t misses;      /* keys that had to be loaded */
    uint64_t absent_hits; /* hits that say "no such key" without disk */
    uint64_t loads, load_errors, loads_dropped, prefetches;
    uint64_t saves, deletes; /* key records written, deleted */
    uint64_t flushes, flush_errors, sync_flushes, staged_flushes;
    uint64_t expired;
    uint64_t blind_writes, looks;
    uint64_t robbed;      /* parked commands that lost their pins */
    uint64_t sync_loads;  /* db_acquire_now asked the disk */
    uint64_t parked_total;
    uint64_t slice_max;   /* most entries captured or finished in a turn */
    uint64_t garbage_deleted;
    size_t   parked_now;
    size_t   dirty_entries, dirty_bytes;
    int64_t  oldest_dirty_ms;
    int64_t  last_flush_ms; /* how long it took */
    int64_t  flushing_ms;   /* how long the one in flight takes already */
    uint64_t last_flush_bytes;
    int64_t  last_save_time_s;
    bool     last_flush_ok;
    bool     failing;
    bool     flushing;
    char     last_error[256];
};
void db_stats(const struct db *db, struct db_stats *out);
void db_reset_stats(struct db *db);

/* Verifies the invariants of db and cache; for tests. */
void db_check(struct db *db);

#endif
