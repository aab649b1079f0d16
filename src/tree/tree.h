/* tree.h - a counted B+tree of packed pages: the one structure under lists,
 * hashes, sets, sorted sets and large strings (which are lists of chunks).
 *
 * Leaves are pages (page.h); inner nodes know for each child how many elements
 * are below it, and the lowest (order, key) that may be. So an element is
 * found by key, by rank, or at random, and its rank is told, in O(log n). A
 * small hash or set is one page in order of insertion; it is sorted when it
 * outgrows a page or TREE_SMALL_COUNT_MAX, and small again once it has shrunk
 * to a quarter of both.
 *
 * The tree knows what a save has to write: nodes that are dirty, and ids of
 * nodes that were captured once and are gone. A captured page is shared with
 * whoever saves it, and copied when it is written to meanwhile.
 *
 * Ownership  slices and elements given in are copied. What is given out
 *            borrows from a page: valid until the tree is changed.
 * Threads    one; a captured page may be read, and let go, by another.
 * Errors     ERR_AGAIN: a node is not in memory (on_access said so); nothing
 *            has been changed, call again. Nothing else can fail.
 * Units      *_bytes are charged bytes, the allocator's rounding included.
 * Bounds     an element: PAGE_ELEMENT_MAX_BYTES (checked by the caller).
 *            Dirty and vanished lists: 8 bytes for a node, charged. */
#ifndef TREE_TREE_H
#define TREE_TREE_H

#include "base/rand.h"
#include "tree/page.h"

#define TREE_LEVELS_MAX      24
/* More elements than this are not looked through one by one: a hash or set of
 * more is sorted though it may fit in a page. */
#define TREE_SMALL_COUNT_MAX 128
/* With the struct before it a page is a block of 4 KB: docs/ARCHITECTURE.md
 * has the measurement. */
#define TREE_PAGE_LIMIT      (4096 - sizeof(struct page))

/* What trees share; lives as long as they. */
struct tree_env {
    size_t             page_limit; /* bytes of a page, PAGE_HEADER_BYTES + 1 to
                                    * PAGE_LIMIT_MAX; one element may be more */
    struct page_hasher hasher;
    uint64_t          *next_id; /* of nodes; never goes back */
    /* Called with what a tree grew (or shrank) by; may be NULL. */
    void (*on_charge)(void *arg, ptrdiff_t bytes);
    /* Asked before a node is looked at; may be NULL. Anything but ERR_OK is
     * handed on by whoever looked. */
    err_t (*on_access)(void *arg, uint64_t id);
    void *arg;
};

struct tree;
struct inner;

/* What a node of a tree that was loaded was captured in. */
#define TREE_CAPTURE_OLD UINT32_MAX

struct tree *tree_new(const struct tree_env *env, enum page_kind kind);
/* One of a single page. REQUIRES: page_check has passed it. */
struct tree *tree_from_page(const struct tree_env *env, slice checked);
/* All of it, with the same node ids; nothing of the copy is on disk. Its env's
 * next_id must be beyond all of them. */
struct tree *tree_copy(const struct tree_env *env, const struct tree *tree);
void         tree_free(struct tree *tree); /* NULL is fine */
/* Frees up to max_nodes nodes; true once the tree itself is gone. Between the
 * calls the tree must not be used for anything else. */
bool tree_free_slice(struct tree *tree, size_t max_nodes);

enum page_kind tree_kind(const struct tree *tree);
uint64_t       tree_count(const struct tree *tree);
size_t         tree_bytes(const struct tree *tree);
/* The texts of no element's key and value together are longer: a bound that
 * was true once more, and does not go down. */
size_t         tree_longest(const struct tree *tree);
bool           tree_is_small(const struct tree *tree);
unsigned       tree_level(const struct tree *tree); /* 0: one page */
/* The page, if there is one only; else NULL. */
const struct page *tree_only_page(const struct tree *tree);
/* The tag of that page. REQUIRES: there is one only. */
void tree_set_tag(struct tree *tree, unsigned tag);

/* ---- by key: all kinds but PAGE_LIST ------------------------------------- */

/* order is PAGE_RANKS's; the others don't look at it. */
err_t tree_find(struct tree *tree, uint64_t order, slice key,
                struct page_element *out, bool *found);
/* Inserts, or replaces the value. */
err_t tree_put(struct tree *tree, uint64_t order, slice key, slice value,
               bool *created);
err_t tree_delete(struct tree *tree, uint64_t order, slice key, bool *deleted);
err_t tree_rank(struct tree *tree, uint64_t order, slice key, uint64_t *rank,
                bool *found);
/* How many elements stand before the target: where a range begins. The order
 * of a kind with hashes is the hash; those REQUIRE a tree that is not small. */
err_t tree_rank_of(struct tree *tree, const struct page_target *target,
                   uint64_t *rank);
/* The hash that key is, or would be, found under. */
uint64_t tree_hash(const struct tree *tree, slice key);

/* Brings near to the processor what tree_find will look at, in two steps, so
 * that the waits of several can overlap: the leaf's header, then the place in
 * the leaf. order is PAGE_RANKS's; of a list nothing is fetched. Nothing may
 * change in between. */
struct tree_warm {
    const struct page *leaf; /* NULL: nothing to fetch */
    uint64_t           order, low, high;
};
void tree_warm_leaf(const struct tree *tree, uint64_t order, slice key,
                    struct tree_warm *out);
void tree_warm_place(const struct tree_warm *warm);

/* ---- by rank: all kinds -------------------------------------------------- */

/* REQUIRES: rank < count. */
err_t tree_get(struct tree *tree, uint64_t rank, struct page_element *out);
/* REQUIRES: rank + count <= tree_count. */
err_t tree_delete_range(struct tree *tree, uint64_t rank, uint64_t count);
/* Bytes of the pages in which those elements stand. REQUIRES: rank + count <=
 * tree_count. */
err_t tree_range_bytes(struct tree *tree, uint64_t rank, uint64_t count,
                       size_t *bytes);
/* The same with a reference to the page that it borrows from: good until that is
 * let go (page_unref), whatever becomes of the tree. Whoever holds it charges
 * it. */
err_t tree_hold(struct tree *tree, uint64_t rank, struct page_element *out,
                struct page **page);
/* An element, each with the same chance. REQUIRES: not empty. */
err_t tree_random(struct tree *tree, struct rand *rand,
                  struct page_element *out);
/* PAGE_LIST. REQUIRES: rank <= count, rank < count. */
err_t tree_insert_at(struct tree *tree, uint64_t rank, slice value);
err_t tree_replace_at(struct tree *tree, uint64_t rank, slice value);
/* Writes into an element from that offset of it on. REQUIRES: rank < count, it
 * has bytes there, and too many of them to be a number. */
err_t tree_overwrite_at(struct tree *tree, uint64_t rank, size_t offset,
                        slice bytes);

/* ---- walking ------------------------------------------------------------- */

/* From the root down to a leaf; the steps are the inner nodes, lowest first. */
struct tree_path {
    struct tree_step {
        struct inner *inner;
        unsigned      at;
    } step[TREE_LEVELS_MAX];
    struct page *leaf;
    unsigned     slot;  /* in the leaf */
    bool         found; /* slot is what was looked for */
};

/* Goes over elements in order, from one on, forward or backward. Survives no
 * change of the tree: none at all, not even of an element it has passed. */
struct tree_walk {
    struct tree     *tree;
    struct tree_path path;
    bool             is_backward;
    bool             is_placed; /* path is valid */
    uint64_t         next;      /* rank of the next */
    uint64_t         left;      /* elements to come */
};

/* At most limit elements, the first has that rank. Any rank is fine; a walk
 * that begins outside has nothing to give. */
void tree_walk_init(struct tree_walk *walk, struct tree *tree, uint64_t rank,
                    uint64_t limit, bool is_backward);
/* ERR_NOT_FOUND: that was all. After ERR_AGAIN it may be called again. */
err_t tree_walk_next(struct tree_walk *walk, struct page_element *out);

/* ---- saving -------------------------------------------------------------- */

uint64_t tree_root_id(const struct tree *tree);
size_t   tree_dirty_count(const struct tree *tree);
/* Takes one node off the dirty list, and gives a reference to the bytes that
 * are to be written for it: of a leaf the page itself, of an inner node a page
 * made for it. NULL when nothing is dirty. Whoever keeps it charges it. capture
 * is the number of this save, not 0: a node that is not dirty and has the
 * number of the save in flight is DS_SAVING. */
struct page *tree_capture(struct tree *tree, uint32_t capture);
/* Bytes of the dirty nodes, about what a capture of all of them gives. */
size_t tree_dirty_bytes(const struct tree *tree);
/* Takes the id of a node that was captured once and is no more; false when
 * there is none. */
bool tree_pop_vanished(struct tree *tree, uint64_t *id);
size_t tree_vanished_count(const struct tree *tree);
/* The save has failed: what it captured and is still there becomes dirty again;
 * and an id that it took goes back. Walks all nodes. */
void tree_uncapture(struct tree *tree, uint32_t capture);
void tree_push_vanished(struct tree *tree, uint64_t id);
/* Nothing of it is on disk (any more): all is dirty. Walks all nodes. */
void tree_forget_saved(struct tree *tree);

/* Gives the bytes of a node; they are copied. */
typedef err_t tree_fetch(void *arg, uint64_t id, slice *bytes);
/* Builds a tree of count elements from what captures gave. ERR_CORRUPT if those
 * are not the nodes of such a tree, or the fetch's error; out is set on ERR_OK
 * only. No more is allocated than count elements need. */
err_t tree_load(const struct tree_env *env, enum page_kind kind,
                uint64_t root_id, uint64_t count, tree_fetch *fetch, void *arg,
                struct tree **out);

/* ---- for tests ----------------------------------------------------------- */

/* Every invariant; NULL, or what is wrong. */
const char *tree_check(struct tree *tree);
/* Bytes in use of all leaves, and their number. */
void   tree_fill(const struct tree *tree, size_t *used_bytes, size_t *leaves);
size_t tree_nodes(const struct tree *tree);

#endif
