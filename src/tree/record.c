/* record.c - inner nodes as bytes, and a tree from the bytes of its nodes.
 *
 *     header   8 bytes
 *              0   u8    16 x layout version (1) + 8 + kind
 *              1   u8    level: 1 above the leaves
 *              2   le16  count of children, 1 or more
 *              4   le32  bytes that follow
 *     a child  le64 id, varint count of elements below (1 or more); but for
 *              PAGE_LIST and for the first child: le64 order, varint length of
 *              key, key
 *
 * In memory an inner node has pointers, so it is not what is on disk: its
 * bytes are made when it is captured. They are few: one for a hundred pages. */
#include <string.h>

#include "tree/internal.h"
#include "tree/layout.h"

#define INNER_HEADER_BYTES 8
#define INNER_KIND         8
#define CHILD_BYTES_MAX    (8 + 2 * NUM_VARINT_MAX + 8)

static bool child_has_sep(unsigned kind, unsigned at)
{
    return kind != PAGE_LIST && at > 0;
}

struct page *inner_encode(const struct tree *tree, const struct inner *inner)
{
    size_t most = INNER_HEADER_BYTES + (size_t)CHILD_BYTES_MAX * inner->count;
    for (unsigned at = 0; at < inner->count; at++)
        most += sep_value(inner->keys[at]).len;

    struct page *page =
        page_new((enum page_kind)tree->kind, inner->node.id, most);
    uint8_t *p = page->bytes + INNER_HEADER_BYTES;
    for (unsigned at = 0; at < inner->count; at++) {
        put_le64(p, inner->nodes[at]->id);
        p += 8;
        p += num_put_varint(p, inner->counts[at]);
        if (!child_has_sep(tree->kind, at))
            continue;
        struct page_value key = sep_value(inner->keys[at]);
        put_le64(p, inner->orders[at]);
        p += 8;
        p += num_put_varint(p, key.len);
        if (key.len > 0)
            memcpy(p, key.data, key.len);
        p += key.len;
    }
    page->len = (uint32_t)(p - page->bytes);
    page->bytes[0] = (uint8_t)(LAYOUT_VERSION | INNER_KIND | tree->kind);
    page->bytes[1] = (uint8_t)inner->level;
    put_le16(page->bytes + 2, inner->count);
    put_le32(page->bytes + 4, page->len - INNER_HEADER_BYTES);
    return page;
}

/* ---- loading ------------------------------------------------------------- */

/* A child as it stands in the record; key borrows from it. */
struct child_record {
    uint64_t id, count, order;
    slice    key;
};

/* Takes len bytes off the front; false when there are fewer. */
static bool take(slice *in, uint64_t len, slice *out)
{
    if (len > in->len)
        return false;
    *out = slice_make(in->data, (size_t)len);
    in->data += len;
    in->len -= (size_t)len;
    return true;
}

static bool take_le64(slice *in, uint64_t *out)
{
    slice bytes;
    if (!take(in, 8, &bytes))
        return false;
    *out = get_le64((const uint8_t *)bytes.data);
    return true;
}

static bool take_varint(slice *in, uint64_t *out)
{
    slice  bytes;
    size_t len = num_get_varint(*in, out);
    return len > 0 && take(in, len, &bytes);
}

static bool child_decode(slice *in, bool has_sep, struct child_record *out)
{
    uint64_t key_len;
    *out = (struct child_record){ .key = SLICE_EMPTY };
    if (!take_le64(in, &out->id) || !take_varint(in, &out->count) ||
        out->count == 0)
        return false;
    if (!has_sep)
        return true;
    return take_le64(in, &out->order) && take_varint(in, &key_len) &&
           key_len <= PAGE_ELEMENT_MAX_BYTES && take(in, key_len, &out->key);
}

/* Header only; in is what follows it. */
static bool inner_header_is_right(slice bytes, unsigned kind, unsigned level)
{
    const uint8_t *p = (const uint8_t *)bytes.data;
    return bytes.len >= INNER_HEADER_BYTES &&
           p[0] == (LAYOUT_VERSION | INNER_KIND | kind) && p[1] == level &&
           get_le16(p + 2) >= 1 &&
           get_le32(p + 4) == bytes.len - INNER_HEADER_BYTES;
}

struct load {
    struct tree *tree;
    tree_fetch  *fetch;
    void        *arg;
    uint64_t     left; /* elements that may still come */
};

static err_t load_node(struct load *load, uint64_t id, unsigned level,
                       struct node **out);

static err_t load_leaf(struct load *load, slice bytes, uint64_t id,
                       struct node **out)
{
    struct tree *tree = load->tree;
    err_t        err =
        page_check(bytes, (enum page_kind)tree->kind, &tree->env->hasher);
    if (err)
        return err;
    unsigned count = page_count((const uint8_t *)bytes.data);
    if (count > load->left)
        return ERR_CORRUPT;
    load->left -= count;
    if (tree->longest < bytes.len)
        tree->longest = bytes.len;
    struct page *page = page_from_bytes(bytes, id);
    page->node.captured_in = TREE_CAPTURE_OLD;
    tree_charge(tree, (ptrdiff_t)page_charge_bytes(page));
    *out = &page->node;
    return ERR_OK;
}

static uint64_t node_count(const struct node *node)
{
    if (node->is_inner)
        return inner_sum((const struct inner *)(const void *)node, 0);
    return page_count(((const struct page *)(const void *)node)->bytes);
}

/* Its children are loaded one after the other; what is there so far hangs in
 * the inner node, so that freeing the tree frees it. */
static err_t load_children(struct load *load, struct inner *inner, slice in,
                           unsigned count)
{
    struct tree *tree = load->tree;
    for (unsigned at = 0; at < count; at++) {
        struct child_record record;
        struct child        child = { .node = NULL };
        if (!child_decode(&in, child_has_sep(tree->kind, at), &record))
            return ERR_CORRUPT;
        err_t err = load_node(load, record.id, inner->level - 1, &child.node);
        if (child.node == NULL)
            return err;
        child.order = record.order;
        child.count = record.count;
        if (record.key.len > 0)
            child.key = sep_new(tree, record.key);
        inner_insert(inner, at, child);
        if (err)
            return err;
        if (node_count(child.node) != record.count)
            return ERR_CORRUPT;
    }
    return in.len == 0 ? ERR_OK : ERR_CORRUPT;
}

static err_t load_inner(struct load *load, slice bytes, uint64_t id,
                        unsigned level, struct node **out)
{
    struct tree *tree = load->tree;
    if (!inner_header_is_right(bytes, tree->kind, level))
        return ERR_CORRUPT;
    unsigned count = get_le16((const uint8_t *)bytes.data + 2);
    if (count > inner_fanout(tree))
        return ERR_CORRUPT;
    bool          is_root = level == tree->level;
    struct inner *inner =
        inner_alloc(tree, level, id,
                    is_root ? inner_root_capacity(tree, count)
                            : inner_fanout(tree));
    inner->node.captured_in = TREE_CAPTURE_OLD;
    *out = &inner->node;

    /* The fetch's bytes are lent until its next call. */
    struct page *copy = page_new((enum page_kind)tree->kind, id, bytes.len);
    memcpy(copy->bytes, bytes.data, bytes.len);
    slice in = slice_make(copy->bytes + INNER_HEADER_BYTES,
                          bytes.len - INNER_HEADER_BYTES);
    err_t err = load_children(load, inner, in, count);
    page_unref(copy);
    return err;
}

/* Sets out also when only part of it could be loaded. */
static err_t load_node(struct load *load, uint64_t id, unsigned level,
                       struct node **out)
{
    slice bytes;
    err_t err = load->fetch(load->arg, id, &bytes);
    if (err)
        return err;
    return level == 0 ? load_leaf(load, bytes, id, out)
                      : load_inner(load, bytes, id, level, out);
}

/* The root tells how high the tree is. */
static err_t load_level(struct load *load, uint64_t root_id, unsigned *level)
{
    slice bytes;
    err_t err = load->fetch(load->arg, root_id, &bytes);
    if (err)
        return err;
    if (bytes.len < INNER_HEADER_BYTES)
        return ERR_CORRUPT;
    const uint8_t *p = (const uint8_t *)bytes.data;
    *level = p[0] & INNER_KIND ? p[1] : 0;
    if (*level > TREE_LEVELS_MAX || ((p[0] & INNER_KIND) && *level == 0))
        return ERR_CORRUPT;
    return ERR_OK;
}

err_t tree_load(const struct tree_env *env, enum page_kind kind,
                uint64_t root_id, uint64_t count, tree_fetch *fetch, void *arg,
                struct tree **out)
{
    struct load load = { .fetch = fetch, .arg = arg, .left = count };
    unsigned    level;
    err_t       err = load_level(&load, root_id, &level);
    if (err)
        return err;
    struct tree *tree = load.tree = tree_alloc(env, kind);
    tree->level = (uint8_t)level;
    err = load_node(&load, root_id, level, &tree->root);
    if (!err)
        tree->count = node_count(tree->root);
    if (!err && (load.left > 0 || tree_check_nodes(tree) != NULL))
        err = ERR_CORRUPT;
    if (err) {
        tree_free(tree);
        return err;
    }
    *out = tree;
    return ERR_OK;
}
