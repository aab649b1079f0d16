/* segment.h - memory for entries: segments that fill up by a bump pointer.
 *
 * Entries of all sizes lie one after the other in segments of 128 KB. Freeing
 * one only marks it dead; memory comes back when the cache's hand walks a
 * whole segment, moves what should stay, and gives the segment back. So the
 * mix of sizes may shift as it likes, nothing fragments, and what is charged
 * (whole segments) is what is resident.
 *
 * An allocation that is larger than SEGMENT_MAX_ALLOC gets a segment of its
 * own ("jumbo"), of just the size it needs; so one call serves keys of any
 * length.
 *
 * Lists      active: the one being filled; survivor: the one that the hand moves
 *            entries to; when full they are sealed, into two queues, oldest
 *            first: new ones and old ones (cache/evict.c); free: empty ones kept for reuse; spare: places in a region that
 *            hold no memory.
 * Regions    segments are cut from mappings of 64 MB, and given back to the
 *            system by madvise, since a process may have 65,530 mappings only.
 * Holes      the places of small entries that have just grown out of them are
 *            given out again: a key that is loaded, or made by a command that
 *            looks first, is an entry without a value for a while. They are
 *            forgotten whenever the hand moves, which may have passed them.
 * Reserve    one free segment is always held back for the hand, which needs
 *            a place to move survivors to before it can empty anything.
 * Threads    loop thread only.
 */
#ifndef CACHE_SEGMENT_H
#define CACHE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/mem.h"

#define SEGMENT_BYTES      ((size_t)128 * 1024)
#define SEGMENT_MAX_ALLOC  ((size_t)24 * 1024)
#define SEGMENT_ALIGN      8

enum segment_place {
    SEGMENT_ACTIVE,
    SEGMENT_NEW, /* sealed: entries that came in here */
    SEGMENT_OLD, /* sealed: entries that the hand has moved */
    SEGMENT_FREE
};

/* The head of a segment; entries follow. A segment is aligned to
 * SEGMENT_BYTES, so segment_of finds it from any entry in it. */
struct segment {
    struct link        link;        /* on the list of its place */
    enum segment_place place;
    uint32_t           used;        /* offset of the first free byte */
    uint32_t           hand;        /* the hand has walked up to here */
    size_t             live_bytes;  /* of entries that are not dead */
    size_t             total_bytes; /* SEGMENT_BYTES, or a jumbo's size */
};

#define SEGMENT_FIRST ((uint32_t)((sizeof(struct segment) + 15) / 16 * 16))

#define HOLE_BYTES_MAX 96
#define HOLES_MAX      512 /* of each size */

struct hole_list {
    size_t count;
    void  *at[HOLES_MAX];
};

struct segment_pool {
    struct hole_list holes[HOLE_BYTES_MAX / SEGMENT_ALIGN + 1]; /* by size */
    struct mem    *mem;     /* MEM_ENTRIES is charged here, by whole segments */
    struct link    new;
    struct link    old;
    size_t         new_count; /* segments on `new`, on `old` */
    size_t         old_count;
    struct link    free;
    void         **spare;   /* addresses without memory, a stack */
    size_t         spare_count;
    void         **regions; /* all mappings that segments were cut from */
    size_t         region_count;
    struct segment *active; /* NULL before the first allocation */
    struct segment *survivor; /* where the hand moves entries to; may be NULL */
    size_t         segment_count; /* all, free ones and jumbos included */
    size_t         free_count;
    size_t         live_bytes;
    size_t         total_bytes; /* of all segments, jumbos included */
};

void segment_pool_init(struct segment_pool *pool, struct mem *mem);
void segment_pool_deinit(struct segment_pool *pool);

/* How many bytes of new memory an allocation of size would take from the
 * system now: 0, a segment, or a jumbo. What the cache makes room for. */
size_t segment_growth(const struct segment_pool *pool, size_t size);

/* size is rounded up to SEGMENT_ALIGN; never fails. by_hand: for a survivor,
 * may use the reserve. */
void *segment_alloc(struct segment_pool *pool, size_t size, bool by_hand);

/* The allocation of size bytes at pointer is dead. (A jumbo goes at once.)
 * Returns true if the memory itself is gone. */
bool segment_free(struct segment_pool *pool, void *pointer, size_t size);

/* What has just been freed there may be given out again. REQUIRES: not by the
 * hand. */
void segment_hole(struct segment_pool *pool, void *pointer, size_t size);

/* The segment that the hand should walk next: the oldest new one while those
 * are more than a third of the sealed ones, else the oldest old one, else one
 * being filled (sealed by this call); NULL when there is nothing to walk. */
struct segment *segment_victim(struct segment_pool *pool);

/* A jumbo whose entry stays: to the end of the old queue. */
void segment_requeue(struct segment_pool *pool, struct segment *segment);

/* An emptied victim goes to the free list, or back to the system if there are
 * more than keep_free already. REQUIRES: live_bytes == 0. */
void segment_release(struct segment_pool *pool, struct segment *segment,
                     size_t keep_free);

/* Gives free segments beyond keep_free back to the system. */
void segment_trim(struct segment_pool *pool, size_t keep_free);

static inline struct segment *segment_of(const void *pointer)
{
    return (struct segment *)((uintptr_t)pointer & ~(SEGMENT_BYTES - 1));
}

static inline bool segment_is_jumbo(const struct segment *segment)
{
    return segment->total_bytes != SEGMENT_BYTES;
}

#endif
