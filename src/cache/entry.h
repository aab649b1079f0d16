/* entry.h - what memory knows about one user key.
 *
 * An entry with a small value is one allocation in a segment: this header of
 * 32 bytes, then
 *     deadline   int64   if ENTRY_HAS_DEADLINE, unix ms
 *     object id  uint64  if ENTRY_HAS_OBJECT: the value's pages on disk
 *     object     pointer if ENTRY_HAS_TREES: the value, outside the segment: a
 *                collection of more than a page, a large string
 *     key bytes, value bytes (if PRESENT without an object; the value of a
 *     collection is its page. If HEADER: the root of its object, see
 *     type/object.h)
 * Most entries are idle: clean, unpinned, nothing in flight. What the others
 * need besides stands in a struct busy, whose index takes the place of the
 * last use.
 *
 * State: an entry without a struct busy is DS_MEMORY. One with it is
 *   DS_MEMORY   version == durable_version
 *   DS_SAVING   version == saving_version, not yet durable
 *   DS_DIRTY    anything newer than both
 * A delete not yet on disk is ABSENT and dirty, so it answers "absent".
 *
 * Pointers to entries are good until the next call that may move them
 * (cache.h says which); pointers to struct busy until it is released.
 */
#ifndef CACHE_ENTRY_H
#define CACHE_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/slice.h"
#include "type/object.h"

enum presence {
    ENTRY_UNKNOWN, /* nothing known yet: a load is in flight, or failed */
    ENTRY_ABSENT,  /* the key does not exist */
    ENTRY_HEADER,  /* exists; type, deadline and length known, not the value */
    ENTRY_PRESENT  /* all known */
};

enum ds_state { DS_MEMORY, DS_DIRTY, DS_SAVING };

enum entry_flag {
    ENTRY_USED         = 0x0001, /* since the hand last passed */
    ENTRY_BUSY         = 0x0004,
    ENTRY_DEAD         = 0x0008, /* freed; only the hand sees it */
    ENTRY_HAS_DEADLINE = 0x0010,
    ENTRY_HAS_OBJECT   = 0x0020,
    ENTRY_HAS_TREES    = 0x0080,
    ENTRY_PRESENCE_SHIFT = 8,
    ENTRY_PRESENCE_MASK  = 0x0300,
    ENTRY_TYPE_SHIFT     = 12,
    ENTRY_TYPE_MASK      = 0xf000
};

struct entry {
    struct entry *next; /* in its bucket */
    uint32_t hash;      /* low bits of the key's hash */
    uint32_t space;     /* namespace */
    union {
        uint32_t used_s;     /* last use, seconds since the cache began */
        uint32_t busy_index; /* if ENTRY_BUSY */
    };
    uint32_t key_len;
    uint32_t value_len; /* of the value or root in the entry */
    uint16_t units;     /* allocation in SEGMENT_ALIGN units; 0: a jumbo */
    uint16_t flags;
    char     payload[];
};
_Static_assert(sizeof(struct entry) == 32, "the header stays small");

/* What an entry should be. The value is in `value` or, if object is not NULL,
 * that (it is taken; the entry may hold it already). For presence HEADER value
 * is the object's root; for ABSENT and UNKNOWN nothing counts. value may point
 * into the entry itself. */
struct entry_spec {
    enum presence presence;
    enum obj_type type;
    int64_t       deadline_ms; /* 0: none */
    uint64_t      object_id;   /* 0: none */
    slice         value;
    struct object *object;
};

/* What the store holds for a key, as of the last batch known to be applied. */
struct disk_state {
    bool     known;
    bool     exists;
    int64_t  deadline_ms; /* 0: none */
    uint64_t object_id;   /* 0: none */
};

/* What only an entry needs that is dirty, pinned, loading or saving. */
struct busy {
    struct entry *entry;    /* kept up when the entry moves */
    uint32_t      index;    /* of this struct, as the entry names it */
    uint32_t      used_s;   /* last use, while the entry can't hold it */
    uint32_t      pins;     /* parked commands that hold it */
    bool          looking;  /* a look at the store's record is in flight */
    bool          is_warming; /* ticket's load is one that nobody asked for */
    uint64_t      version;
    uint64_t      saving_version;  /* 0: not in a cut */
    uint64_t      durable_version;
    uint64_t      ticket;   /* of the load in flight; 0: none */
    uint64_t      dirty_epoch; /* of the list that dirty_link is on */
    int64_t       dirty_ms; /* when it became dirty */
    size_t        dirty_bytes; /* what it counts in the dirty total */
    struct link   dirty_link;  /* on the open or the closing list */
    struct link   saving_link; /* on the cut's list of captured entries */
    struct link   waiters;     /* struct db_pin, waiting for the load */
    uint64_t      gave_id;   /* its object id, given to another key; 0: not, */
    uint64_t      gave_in;   /* or that is on disk; in that epoch */
    struct disk_state disk;   /* as of the newest cut this was settled for */
    struct disk_state saving; /* captured: what the cut makes of disk */
};

static inline enum presence entry_presence(const struct entry *entry)
{
    return (enum presence)((entry->flags & ENTRY_PRESENCE_MASK) >>
                           ENTRY_PRESENCE_SHIFT);
}

static inline bool entry_exists(const struct entry *entry)
{
    return entry_presence(entry) >= ENTRY_HEADER;
}

static inline enum obj_type entry_type(const struct entry *entry)
{
    return (enum obj_type)(entry->flags >> ENTRY_TYPE_SHIFT);
}

static inline size_t entry_extra_bytes(uint16_t flags)
{
    return 8 * ((size_t)((flags & ENTRY_HAS_DEADLINE) != 0) +
                (size_t)((flags & ENTRY_HAS_OBJECT) != 0) +
                (size_t)((flags & ENTRY_HAS_TREES) != 0));
}

static inline slice entry_key(const struct entry *entry)
{
    return slice_make(entry->payload + entry_extra_bytes(entry->flags),
                      entry->key_len);
}

/* 0 when there is none. */
static inline int64_t entry_deadline(const struct entry *entry)
{
    int64_t deadline = 0;
    if (entry->flags & ENTRY_HAS_DEADLINE)
        memcpy(&deadline, entry->payload, sizeof(deadline));
    return deadline;
}

static inline uint64_t entry_object_id(const struct entry *entry)
{
    uint64_t id = 0;
    if (entry->flags & ENTRY_HAS_OBJECT)
        memcpy(&id, entry->payload +
                        entry_extra_bytes(entry->flags & ENTRY_HAS_DEADLINE),
               sizeof(id));
    return id;
}

/* NULL unless its value is in memory, and too large for the entry. */
static inline struct object *entry_object(const struct entry *entry)
{
    struct object *object = NULL;
    if (entry->flags & ENTRY_HAS_TREES)
        memcpy(&object,
               entry->payload + entry_extra_bytes(entry->flags &
                                                  (ENTRY_HAS_DEADLINE |
                                                   ENTRY_HAS_OBJECT)),
               sizeof(object));
    return object;
}

/* REQUIRES: PRESENT without an object, or HEADER (its root). */
static inline slice entry_value(const struct entry *entry)
{
    ASSERT(!(entry->flags & ENTRY_HAS_TREES));
    return slice_make(entry->payload + entry_extra_bytes(entry->flags) +
                          entry->key_len,
                      entry->value_len);
}

static inline enum ds_state busy_state(const struct busy *busy)
{
    if (busy->version == busy->durable_version)
        return DS_MEMORY;
    return busy->version == busy->saving_version ? DS_SAVING : DS_DIRTY;
}

#endif
