/* coll.h - a collection to be read, be it a page or an object.
 *
 * Ownership  borrows the page or the object, and so does what is given out:
 *            good until that key, or any other, is changed or looked at.
 * Threads    loop thread.
 * Errors     none: all nodes are in memory. (When they need not be, the looks
 *            here will answer ERR_AGAIN, before anything is changed.) */
#ifndef TYPE_COLL_H
#define TYPE_COLL_H

#include "type/object.h"

struct coll {
    enum obj_type  type;
    uint64_t       count; /* 0: there is no such key */
    const uint8_t *page;  /* all of it, or NULL */
    /* How keys of a page are hashed, borrowed; NULL: it is not known, and a
     * key is looked for one by one. */
    const struct page_hasher *hasher;
    struct object *object; /* if there is no page */
};

struct coll coll_of_page(enum obj_type type, const uint8_t *page);
struct coll coll_of_object(struct object *object);

enum object_encoding coll_encoding(const struct coll *coll);
/* No element is longer, key and value together; maybe much less. */
size_t coll_longest(const struct coll *coll);

/* The element of that rank: of a list by position, of a zset by score; others
 * have an order that no change keeps. REQUIRES: rank < count. */
void coll_get(const struct coll *coll, uint64_t rank, struct page_element *out);
/* By key (member, field); false if it is not there. Not for lists. For a zset
 * see zset_find. */
bool coll_find(const struct coll *coll, slice key, struct page_element *out);
/* Each element with the same chance. REQUIRES: count > 0. */
void coll_random(const struct coll *coll, struct rand *rand,
                 struct page_element *out);

/* At most limit elements from that rank on, forward or back. Survives no
 * change. */
struct coll_walk {
    const struct coll *coll;
    struct tree_walk   walk; /* of an object */
    uint64_t           next, left;
    bool               is_backward;
};
void coll_walk_init(struct coll_walk *walk, const struct coll *coll,
                    uint64_t rank, uint64_t limit, bool is_backward);
bool coll_walk_next(struct coll_walk *walk, struct page_element *out);

/* For HSCAN, SSCAN, ZSCAN. Elements of a large collection in order of a hash
 * that never changes: from the first one whose hash is at least `from` on. A
 * collection that is one page has no such order: it is given as a whole. */
struct coll_scan {
    struct coll_walk walk;
    struct tree_walk scores;
    struct tree     *tree; /* NULL: a page */
};
void coll_scan_init(struct coll_scan *scan, const struct coll *coll,
                    uint64_t from);
/* hash is 0 for those of a page; NULL: it is not computed. Of a zset the element is that of PAGE_RANKS
 * or PAGE_SCORES; zset_score_of takes both. */
bool coll_scan_next(struct coll_scan *scan, struct page_element *out,
                    uint64_t *hash);

#endif
