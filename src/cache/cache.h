/* cache.h - keys and what is known of them, in memory, under one hard limit.
 *
 * The cache finds, grows, shrinks, pins and evicts entries; it knows nothing
 * of disk, commands or time to live beyond where they are kept. Room is made
 * before it is used: a caller asks cache_room for all that a command may add,
 * and may then change entries without any call failing.
 *
 * Moves      entries move when they change size (the call returns the new
 *            address) and in cache_room and cache_sweep, which move others to
 *            empty segments. Nothing else moves an entry.
 * Eviction   a hand walks the segments of two queues, new and old, oldest
 *            first; an idle entry not used since it last passed is evicted, a
 *            used or busy one is moved on (evict.c). docs/ARCHITECTURE.md has
 *            its hit ratios beside exact LRU.
 * Ownership  keys and values are copied; objects are the entry's own. One that
 *            is dropped is buried: freed a slice at a time, as room is needed
 *            or the loop has time.
 * Threads    loop thread only.
 * Errors     ERR_AGAIN from cache_room: everything left is busy; a flush or an
 *            unpin must come first.
 */
#ifndef CACHE_CACHE_H
#define CACHE_CACHE_H

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "cache/busy.h"
#include "cache/entry.h"
#include "cache/segment.h"
#include "cache/table.h"

/* A string that is longer than this with its key is an object; but what is not
 * longer than CACHE_SMALL_MAX lies in the entry, however long the key is. */
#define CACHE_INLINE_MAX ((size_t)16 * 1024)
#define CACHE_SMALL_MAX  ((size_t)8 * 1024)

static inline bool cache_is_inline(size_t key_len, size_t string_len)
{
    return string_len <= CACHE_SMALL_MAX ||
           (key_len <= CACHE_INLINE_MAX &&
            string_len <= CACHE_INLINE_MAX - key_len);
}

struct cache {
    struct mem         *mem;
    struct log         *log;
    size_t              limit_bytes; /* for mem->total_bytes */
    struct hash_key     hash_key;
    struct segment_pool segments;
    struct table        table;
    struct busy_pool    busy;
    uint32_t            now_s; /* set by the owner, seconds since it began */
    uint32_t            expire_cursor; /* bucket the expiry sweep is at */
    size_t              deadline_count; /* entries with a deadline */
    size_t              presence_count[4];
    size_t              busy_bytes; /* of busy entries and their objects: what
                                       no eviction can free */
    bool              (*space_is_live)(void *arg, uint32_t space);
    void               *space_arg;
    struct object_env   objects; /* for who makes one */
    struct object      *buried;  /* still charged; object.next */
    uint64_t            evictions;
    uint64_t            additions; /* entries that were made */
    uint64_t            hand_moved_bytes;
};

void cache_init(struct cache *cache, struct mem *mem, struct log *log,
                size_t limit_bytes);
void cache_deinit(struct cache *cache);
void cache_set_limit(struct cache *cache, size_t limit_bytes);

/* --- finding ------------------------------------------------------------- */

static inline uint64_t cache_hash(const struct cache *cache, slice key)
{
    return hash_siphash13(cache->hash_key, key);
}

/* Fetches the cache lines that cache_find and a reader of the value will need;
 * all of them at once, so that their waits overlap. entries: see table_warm. */
void cache_warm(const struct cache *cache, const uint64_t *hashes,
                size_t count, const struct entry **entries);

/* NULL when memory knows nothing of the key. Does not count as a use. */
struct entry *cache_find(const struct cache *cache, uint32_t space, slice key,
                         uint64_t hash);
/* Counts a use. */
void cache_touch(struct cache *cache, struct entry *entry);
uint32_t cache_idle_s(const struct cache *cache, const struct entry *entry);
/* It was last used so long ago, and counts as that. */
void cache_set_idle(struct cache *cache, struct entry *entry, uint32_t idle_s);

/* How hot an entry is: 0 is the hottest, by the time since its last use, in
 * steps of half as much again. Those from CACHE_HEAT_COLD on have not been used
 * a second time: the hand would not keep them. */
#define CACHE_HEAT_COLD 32u
#define CACHE_HEATS     64u
unsigned cache_heat(const struct cache *cache, const struct entry *entry);

/* --- changing ------------------------------------------------------------ */

/* A new entry; nobody must have one for this key. hash is cache_hash's. */
struct entry *cache_add(struct cache *cache, uint32_t space, slice key,
                        uint64_t hash, enum presence presence);

/* Gives the entry that content; returns its address from now on. */
struct entry *cache_assign(struct cache *cache, struct entry *entry,
                           const struct entry_spec *spec);
/* What the entry is, for changing one part of it with cache_assign. */
struct entry_spec cache_spec(const struct entry *entry);
struct entry *cache_set_deadline(struct cache *cache, struct entry *entry,
                                 int64_t deadline_ms);
/* The same length, new bytes, in place. REQUIRES: PRESENT, without an object. */
char *cache_value_in_place(struct entry *entry);
/* Its object has changed without cache_assign: counts its bytes anew. */
void cache_recharge(struct cache *cache, struct entry *entry);
/* Gives it that object; returns the one that it had. REQUIRES: it had one. */
struct object *cache_swap_object(struct cache *cache, struct entry *entry,
                                 struct object *object);
/* The object is nobody's any more. */
void cache_bury(struct cache *cache, struct object *object);
/* Frees up to max_nodes nodes of what was buried; true if there is more. */
bool cache_free_buried(struct cache *cache, size_t max_nodes);
/* Forgets the entry. REQUIRES: idle. */
void cache_remove(struct cache *cache, struct entry *entry);

/* --- busy entries -------------------------------------------------------- */

static inline struct busy *cache_busy(const struct cache *cache,
                                      const struct entry *entry)
{
    return entry->flags & ENTRY_BUSY ? busy_at(&cache->busy, entry->busy_index)
                                     : NULL;
}
/* Gets or makes it; a new one says "durable, known to disk as it stands". */
struct busy *cache_make_busy(struct cache *cache, struct entry *entry);
/* Ends it if nothing needs it any more; returns true if it is gone. An UNKNOWN
 * entry that nothing needs is removed with it. */
bool cache_settle_busy(struct cache *cache, struct busy *busy);
enum ds_state cache_state(const struct cache *cache, const struct entry *entry);

/* --- room ---------------------------------------------------------------- */

/* What a string of that size costs in an entry of its own, at most. */
size_t cache_cost(size_t key_len, size_t value_len);

/* Makes room for extra_bytes more by evicting. ERR_AGAIN: not now.  ERR_OOM:
 * never, even with nothing else in memory. entry_bytes of extra_bytes will
 * go into segments. Bounded: it evicts no more than is needed, and looks at
 * no more than a few segments before it takes used entries too. */
err_t cache_room(struct cache *cache, size_t entry_bytes, size_t other_bytes);

/* Is there so much without evicting anything? */
bool cache_has_room(const struct cache *cache, size_t entry_bytes,
                    size_t other_bytes);

/* One slice of coming down to the limit, or of dropping all that is idle (with
 * everything): walks at most max_entries. Returns true if there is more. */
bool cache_sweep(struct cache *cache, size_t max_entries, bool everything);

/* Evicts this one if it is idle. */
bool cache_evict(struct cache *cache, struct entry *entry);

/* The next entry with a deadline at or before now_ms, walking on from where
 * the last call stopped, past at most *budget buckets (counted down). NULL
 * when the budget is used up. */
struct entry *cache_next_expired(struct cache *cache, int64_t now_ms,
                                 size_t *budget);

/* The mean of the times to live of entries of that namespace, of a sample of
 * bounded size; 0: none has one. */
int64_t cache_mean_ttl_ms(const struct cache *cache, uint32_t space,
                          int64_t now_ms);

/* Verifies every invariant; for tests. */
void cache_check(const struct cache *cache);

#endif
