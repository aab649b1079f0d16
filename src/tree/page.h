/* page.h - a packed page: a run of elements in one block of bytes that has no
 * pointer in it, so what is in memory is what is on disk.
 *
 * An element has up to three parts; which ones, is the kind's:
 *
 *     kind         order by           key      value
 *     PAGE_LIST    position           -        bytes
 *     PAGE_SET     (hash, key)        member   -
 *     PAGE_HASH    (hash, key)        field    bytes
 *     PAGE_SCORES  (hash, key)        member   8 bytes
 *     PAGE_RANKS   (order, key)       member   -
 *
 * The order of PAGE_RANKS is 64 bits that the caller makes (of a score) and
 * that are stored. The hash is not stored but computed from the key. Keys of
 * one order stand as memcmp has them. A page of the three kinds with a hash
 * may be "small" instead: in order of insertion, found by looking at all.
 *
 * Readers take the bytes alone, so they work on a value in the cache as well;
 * they trust them: what comes from outside must pass page_check first.
 *
 * Ownership  page_new gives one reference; page_ref and page_unref are for
 *            whoever keeps a page while its tree goes on (a save). Editing
 *            REQUIRES that the editor holds the only one.
 * Threads    ref and unref: any; the rest: whoever owns the page.
 * Bounds     an element, key and value together: PAGE_ELEMENT_MAX_BYTES;
 *            elements in a page: 65535. */
#ifndef TREE_PAGE_H
#define TREE_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/slice.h"

enum page_kind {
    PAGE_LIST,
    PAGE_SET,
    PAGE_HASH,
    PAGE_SCORES,
    PAGE_RANKS,
    PAGE_KIND_COUNT
};

#define PAGE_HEADER_BYTES      12
#define PAGE_LIMIT_MAX         16384
#define PAGE_ELEMENT_MAX_BYTES ((size_t)1 << 30)
#define PAGE_SCORE_BYTES       8

/* A key or a value as it is packed: a canonical decimal int64 ("0", "-17") is
 * a number, everything else is bytes. Each text has one such form. */
struct page_value {
    const char *data; /* not if is_int */
    uint32_t    len;  /* not if is_int */
    bool        is_int;
    int64_t     number; /* if is_int */
};

struct page_element {
    uint64_t          order; /* PAGE_RANKS only */
    struct page_value key;   /* but for PAGE_LIST */
    struct page_value value; /* PAGE_LIST, PAGE_HASH, PAGE_SCORES */
};

/* How keys are hashed. `override`, if there, is asked instead of SipHash:
 * tests make keys collide with it. */
struct page_hasher {
    struct hash_key key;
    uint64_t (*override)(slice text);
};

/* What tree.c keeps of a page or an inner node, see tree.h. */
struct node {
    uint64_t    id;
    atomic_uint refs;
    uint32_t    dirty_at : 31; /* 1 + where on the dirty list, or 0 */
    uint32_t    is_inner : 1;  /* struct inner, else struct page */
    uint32_t    captured_in;   /* the last capture, see tree_capture; 0: none,
                                * so it is not on disk */
};

struct page {
    struct node node;
    uint32_t    len;      /* of bytes, those in use */
    uint32_t    capacity; /* of bytes */
    uint8_t     bytes[];
};

/* ---- values -------------------------------------------------------------- */

/* Borrows text. */
struct page_value page_value_pack(slice text);
/* Borrows bytes, never taken for a number: the value of PAGE_SCORES. */
struct page_value page_value_raw(slice bytes);
/* The text again; buffer is used when it was a number. */
slice page_value_text(const struct page_value *value,
                      char                     buffer[NUM_INT64_CHARS]);
bool  page_value_equal(const struct page_value *a, const struct page_value *b);
/* As memcmp orders the texts. */
int page_value_compare(const struct page_value *a, const struct page_value *b);
uint64_t page_value_hash(const struct page_hasher *hasher,
                         const struct page_value  *value);

/* ---- reading ------------------------------------------------------------- */

enum page_kind page_kind_of(const uint8_t *bytes);
bool           page_is_small(const uint8_t *bytes);
bool           page_is_uniform(const uint8_t *bytes);
unsigned       page_count(const uint8_t *bytes);
size_t         page_len(const uint8_t *bytes);
/* Two bits that a page carries for whoever owns it; 0 in a new one. */
unsigned       page_tag(const uint8_t *bytes);
bool           page_kind_is_hashed(enum page_kind kind);

/* REQUIRES: at < count. The element borrows from bytes. */
void page_get(const uint8_t *bytes, unsigned at, struct page_element *out);

/* Where to look: keys of one order are preceded by LOWEST and followed by
 * HIGHEST. Where the order is a hash, that of a KEY is the key's. */
struct page_target {
    uint64_t order;
    enum { TARGET_LOWEST, TARGET_KEY, TARGET_HIGHEST } where;
    struct page_value key; /* if TARGET_KEY */
};

/* The target against an element or a separator of that order and key. */
int page_target_compare(const struct page_target *target, uint64_t order,
                        const struct page_value *key);

/* The first element that is not before the target, count if none; *found is
 * set if it is the target's. All orders lie within low and high (a hint from
 * above that makes hashes be found in about three steps). REQUIRES: not
 * small, not PAGE_LIST. */
unsigned page_search(const uint8_t *bytes, const struct page_hasher *hasher,
                     const struct page_target *target, uint64_t low,
                     uint64_t high, bool *found);
/* Fetches the cache lines around the place where page_search looks first. */
void page_warm(const uint8_t *bytes, uint64_t order, uint64_t low,
               uint64_t high);
/* In a page of any order, one after the other; count if it is not there. */
unsigned page_scan(const uint8_t *bytes, const struct page_value *key);

/* Validates bytes that may be anything: everything a reader relies on, and
 * that each element has its one form. With a hasher the order of hashes is
 * looked at, too. Keys twice in a small page are not found. ERR_CORRUPT. */
err_t page_check(slice bytes, enum page_kind kind,
                 const struct page_hasher *hasher);

/* ---- editing ------------------------------------------------------------- */

/* Empty, with room for room_bytes in all. */
struct page *page_new(enum page_kind kind, uint64_t id, size_t room_bytes);
struct page *page_from_bytes(slice checked, uint64_t id);
struct page *page_copy(const struct page *page); /* same id, one reference */
struct page *page_ref(struct page *page);
void         page_unref(struct page *page);
bool         page_is_shared(const struct page *page);
size_t       page_charge_bytes(const struct page *page);

/* The length that a page would have. */
size_t page_len_inserted(const uint8_t *bytes, const struct page_element *new);
size_t page_len_replaced(const uint8_t *bytes, unsigned at,
                         const struct page_element *new);
size_t page_len_alone(enum page_kind kind, const struct page_element *new);
/* Of both together, at most. */
size_t page_len_joined(const uint8_t *a, const uint8_t *b);

/* All may move the page. The element must not borrow from it. */
void page_insert(struct page **page, unsigned at,
                 const struct page_element *new);
void page_replace(struct page **page, unsigned at,
                  const struct page_element *new);
/* Into the value of an element of PAGE_LIST, which stays as long. REQUIRES: it
 * is too long to be a number. */
void page_overwrite(struct page *page, unsigned at, size_t offset,
                    slice bytes);
void page_remove(struct page **page, unsigned from, unsigned count);
/* Copies count elements of another page of that kind in. */
void page_splice(struct page **page, unsigned at, const uint8_t *source,
                 unsigned from, unsigned count);
void page_set_small(struct page *page, bool is_small);
void page_set_tag(struct page *page, unsigned tag);
/* Drops the slots if all elements have one shape; gives unused room back. */
void page_tidy(struct page **page);
/* The index before which about half of the bytes stand, 1 .. count - 1.
 * REQUIRES: count >= 2. */
unsigned page_middle(const uint8_t *bytes);
/* The first element before which that many bytes stand, or count. */
unsigned page_index_at(const uint8_t *bytes, size_t offset);
/* Bytes of some elements, with their slots. */
size_t page_len_range(const uint8_t *bytes, unsigned from, unsigned count);

#endif
