/* object.h - a value with trees of its own: lists, sets, hashes and sorted sets
 * that do not fit in one page, and any while it is being changed; and strings
 * that are too large for an entry (type/string.h).
 *
 * While a collection is one page its value is that page: bytes in the entry
 * and in the key record. Whoever changes it makes an object of the page, and a
 * page of the object when done (object_page). What has outgrown a page stays
 * an object, and on disk has an object id, under which its nodes are written,
 * and a root (struct object_root) in its key record.
 *
 *     type     tree            scores
 *     list     PAGE_LIST
 *     string   PAGE_LIST       of chunks; never a page
 *     set      PAGE_SET
 *     hash     PAGE_HASH
 *     zset     PAGE_RANKS      PAGE_SCORES, once there is more than a page
 *
 * Ownership  whoever made it frees it, or gives it to a cache entry.
 * Threads    one at a time; object_load may run where nobody else sees what
 *            it builds.
 * Units      *_bytes are charged bytes. */
#ifndef TYPE_OBJECT_H
#define TYPE_OBJECT_H

#include "tree/tree.h"
#include "type/type.h"

/* What objects share; lives as long as they. */
struct object_env {
    size_t             page_limit; /* see struct tree_env */
    struct page_hasher hasher;
};

/* What OBJECT ENCODING says, in the order in which an object gets them. They
 * only grow: what was once a hashtable stays one in Redis, too. */
enum object_encoding {
    ENCODING_SMALL = 0,    /* listpack; of a set: intset */
    ENCODING_LISTPACK = 1, /* of a set */
    ENCODING_FULL = 2      /* quicklist, hashtable, skiplist */
};

struct object {
    struct tree_env env;
    enum obj_type   type;
    uint8_t         encoding; /* enum object_encoding */
    struct tree    *tree;
    struct tree    *scores; /* of a zset; may be NULL */
    uint64_t        len;    /* of a string */
    uint64_t        next_node_id;
    uint32_t        capture; /* the last save that it was part of; 0: none */
    uint32_t        listpack_bytes; /* of a list, see list.c; 0: not counted */
    uint64_t       *gone;    /* what that save deletes */
    size_t          gone_count;
    size_t          charged_bytes; /* what the cache counts for it now */
    struct object  *next;          /* on the cache's list of buried ones */
};

/* A zset of more members has scores, so that a member is not looked for one by
 * one; it loses them when it has shrunk to a quarter. */
#define OBJECT_SCORES_MIN 128

struct object *object_new(const struct object_env *env, enum obj_type type);
/* The page must have passed object_check_page. */
struct object *object_from_page(const struct object_env *env,
                                enum obj_type type, slice page);
/* A deep copy, of which nothing is on disk. */
struct object *object_copy(const struct object_env *env,
                           const struct object *object);
void           object_free(struct object *object); /* NULL is fine */
/* Frees up to max_nodes nodes; true once it is gone. Nothing else may be done
 * with it between the calls. */
bool object_free_slice(struct object *object, size_t max_nodes);

uint64_t object_count(const struct object *object);
size_t   object_bytes(const struct object *object);
/* What of it has to be written, about; and in how many nodes. */
size_t object_dirty_bytes(const struct object *object);
size_t object_dirty_count(const struct object *object);
/* Once the sizes of what was put in are known. */
void object_raise_encoding(struct object *object,
                           enum object_encoding encoding);

/* What a look for this field or member will need (see tree_warm_leaf). */
void object_warm(const struct object *object, slice member,
                 struct tree_warm *out);

/* The page that it fits in, with its encoding in it; false if it needs more.
 * Lent until the object is changed. Not for strings. */
bool object_page(struct object *object, slice *page);
/* Is this a page that a collection of this type may be? ERR_CORRUPT. */
err_t object_check_page(const struct object_env *env, enum obj_type type,
                        slice page);

/* ---- on disk ------------------------------------------------------------- */

/* What a key record says of an object with an id; docs/FORMAT.md. */
struct object_root {
    uint64_t count;
    uint64_t bytes; /* that it takes in memory */
    uint64_t next_node_id;
    uint8_t  encoding;
    bool     has_scores;
    bool     has_len;            /* a string */
    uint64_t tree_id, scores_id; /* of the root nodes */
    uint64_t len;
};
/* No object has both scores and a length. */
#define OBJECT_ROOT_BYTES_MAX (5 * NUM_VARINT_MAX + 1)

size_t object_root_encode(const struct object *object,
                          uint8_t              out[OBJECT_ROOT_BYTES_MAX]);
err_t  object_root_decode(slice bytes, struct object_root *out);

/* A save begins (see tree_capture): gives the ids of nodes that are to be
 * deleted, lent until the next call. The save before it has succeeded, or
 * object_uncapture was called. */
void object_begin_capture(struct object *object, uint32_t capture,
                          const uint64_t **gone, size_t *gone_count);
/* One dirty node after the other; NULL: that was all. */
struct page *object_capture(struct object *object);
/* That save has failed: all of it is to be done again. */
void object_uncapture(struct object *object);
/* Nothing of it is on disk. */
void object_forget_saved(struct object *object);

/* Builds what root describes from node bytes that fetch gives. */
err_t object_load(const struct object_env *env, enum obj_type type,
                  const struct object_root *root, tree_fetch *fetch, void *arg,
                  struct object **out);

/* Every invariant; NULL, or what is wrong. For tests. */
const char *object_check(struct object *object);

#endif
