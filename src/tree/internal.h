/* internal.h - what the files of tree/ share.
 *
 *     tree.c      born, freed, and the operations of tree.h
 *     path.c      from the root to an element; the one access to nodes
 *     node.c      dirt, copy on write, charges
 *     inner.c     inner nodes by themselves
 *     insert.c    an element comes in: overflow, splits
 *     remove.c    an element goes: merges
 *     walk.c      one element after the other
 *     record.c    inner nodes as bytes; loading
 *     copy.c      a tree like another
 *     check.c     the invariants */
#ifndef TREE_INTERNAL_H
#define TREE_INTERNAL_H

#include "base/assert.h"
#include "base/mem.h"
#include "tree/tree.h"

/* The lowest key that may be below a child, where the order is not enough to
 * tell it from the child before (equal scores): as short as can be. */
struct sep_key {
    uint32_t len;
    char     text[];
};

/* The lowest (order, key) that may be below a child. */
struct sep {
    uint64_t        order;
    struct sep_key *key; /* NULL is "" */
};

/* A child of an inner node, on its way in or out. The separator of the first
 * one is not looked at, and empty: the parent knows it. */
struct child {
    struct node    *node;
    uint64_t        count; /* elements below */
    uint64_t        order; /* of the separator */
    struct sep_key *key;   /* of the separator; owned; NULL is "" */
};

/* Nothing but `orders` is looked at when a way is searched: eight to a line. */
struct inner {
    struct node      node;
    uint16_t         count;
    uint16_t         capacity;
    unsigned         level; /* 1: above the leaves */
    struct node    **nodes;
    uint64_t        *counts;
    struct sep_key **keys;
    uint64_t         orders[];
};

struct tree {
    const struct tree_env *env;
    struct node           *root;
    uint64_t               count;
    size_t                 bytes;
    size_t                 longest; /* see tree_longest */
    struct node          **dirty;
    uint64_t              *vanished;
    uint32_t               dirty_count, dirty_capacity;
    uint32_t               vanished_count, vanished_capacity;
    size_t                 dirty_bytes; /* of the nodes on the dirty list */
    uint8_t                kind;
    uint8_t                level;   /* of the root */
    bool                   is_sure; /* what is looked at was there before */
};

/* ---- tree.c -------------------------------------------------------------- */

/* Without a root: for tree_load. */
struct tree *tree_alloc(const struct tree_env *env, enum page_kind kind);

/* ---- node.c -------------------------------------------------------------- */

void tree_charge(struct tree *tree, ptrdiff_t bytes);
/* What it will take in a batch, about. */
size_t node_dirty_bytes(const struct tree *tree, struct node *node);
/* A new node is dirty. */
void node_set_dirty(struct tree *tree, struct node *node);
/* Calls visit for each node in memory, inner nodes after their children. */
void tree_each_node(struct tree *tree,
                    void (*visit)(struct tree *tree, struct node *node,
                                  uint32_t capture),
                    uint32_t capture);
/* Off the dirty list, remembered as vanished, freed (or let go). An inner
 * node's children are not touched. */
void node_drop(struct tree *tree, struct node *node);

/* A leaf on its way through an edit. open makes it dirty and nobody else's,
 * close puts it back where it belongs and charges the difference. */
struct edit {
    struct inner *inner; /* NULL: the leaf is the root */
    unsigned      at;
    struct page  *page;
    size_t        before_bytes;
};
struct edit edit_open(struct tree *tree, struct inner *inner, unsigned at);
void        edit_close(struct tree *tree, struct edit *edit);
struct edit path_edit(struct tree *tree, struct tree_path *path);
void        path_edit_close(struct tree *tree, struct tree_path *path,
                            struct edit *edit);
/* Adds to the counts on the way; all inner nodes become dirty. */
void path_add_count(struct tree *tree, struct tree_path *path, int64_t delta);

/* ---- inner.c ------------------------------------------------------------- */

unsigned      inner_fanout(const struct tree *tree);
/* A root has room for some more children than it has; others for all that they
 * may have. */
unsigned      inner_root_capacity(const struct tree *tree, unsigned count);
struct inner *inner_new(struct tree *tree, unsigned level,
                        unsigned capacity); /* dirty */
/* One that is on disk under that id. */
struct inner *inner_alloc(struct tree *tree, unsigned level, uint64_t id,
                          unsigned capacity);
/* The same node with more room; inner is gone. */
struct inner *inner_grow(struct tree *tree, struct inner *inner);
size_t        inner_charge_bytes(const struct inner *inner);
void          inner_free(struct inner *inner); /* separators too */
uint64_t      inner_sum(const struct inner *inner, unsigned from);
/* Takes child.key. */
void inner_insert(struct inner *inner, unsigned at, struct child child);
/* Gives the child back, its key with it. */
struct child      inner_take(struct inner *inner, unsigned at);
struct page_value sep_value(const struct sep_key *key);
void              sep_free(struct tree *tree, struct sep_key *key);
struct sep_key   *sep_new(struct tree *tree, slice text);
/* Takes sep.key. */
void inner_set_sep(struct tree *tree, struct inner *inner, unsigned at,
                   struct sep sep);
/* The shortest that tells two neighbours apart. */
struct sep sep_between(struct tree *tree, const struct page_element *left,
                       const struct page_element *right);

/* ---- path.c -------------------------------------------------------------- */

/* The one access to a node: the child of an inner node, or the root if that is
 * NULL. What it answers is handed on. */
err_t tree_node(const struct tree *tree, struct inner *parent, unsigned at,
                struct node **out);
/* To the first element not before the target; path->found if it is it. */
err_t path_to_target(struct tree *tree, const struct page_target *target,
                     struct tree_path *path);
/* To a key, in a small tree too (then: order is not looked at). */
err_t path_to_key(struct tree *tree, uint64_t order,
                  const struct page_value *key, struct tree_path *path);
/* To the element of that rank; with is_insert to the end of the element
 * before, so that rank == count is fine. */
err_t path_to_rank(struct tree *tree, uint64_t rank, bool is_insert,
                   struct tree_path *path);
/* How many elements stand before the path's place. */
uint64_t path_rank(const struct tree *tree, const struct tree_path *path);
/* Everything on the way was the last (the first) of its parent. */
bool     path_is_last(const struct tree *tree, const struct tree_path *path,
                      unsigned level);
bool     path_is_first(const struct tree *tree, const struct tree_path *path,
                       unsigned level);
uint64_t element_order(const struct tree         *tree,
                       const struct page_element *element);

static inline struct page *as_page(struct node *node)
{
    return (struct page *)(void *)node;
}

static inline struct inner *as_inner(struct node *node)
{
    return (struct inner *)(void *)node;
}

/* ---- insert.c, remove.c -------------------------------------------------- */

/* At the path's place; the path is invalid after. */
void path_insert(struct tree *tree, struct tree_path *path,
                 const struct page_element *new);
void path_replace(struct tree *tree, struct tree_path *path,
                  const struct page_element *new);
/* Count elements of this leaf; the path is invalid after. */
void path_remove(struct tree *tree, struct tree_path *path, unsigned count);
/* The leaf has become shorter: is it worth a page of its own? */
void path_shrunk(struct tree *tree, struct tree_path *path);
/* Small to sorted. */
void tree_sort(struct tree *tree);

/* ---- record.c ------------------------------------------------------------ */

/* An inner node as bytes, in a page of its own. */
struct page *inner_encode(const struct tree *tree, const struct inner *inner);

/* ---- check.c ------------------------------------------------------------- */

/* What a load must verify: NULL, or what is wrong with nodes and elements. */
const char *tree_check_nodes(const struct tree *tree);

#endif
