/* inner.c - inner nodes by themselves: four arrays in one block.
 *
 * The arrays stand one behind the other, so that a search reads orders only,
 * and a walk by rank counts only. A separator is an order; just where both
 * sides have the same order (equal scores, or hashes that collide) a key goes
 * with it, cut to what tells the two apart. */
#include <string.h>

#include "tree/internal.h"

#define FANOUT_MAX 128
#define FANOUT_MIN 4
#define ROOT_FIRST 8

/* On disk a child takes about 20 to 30 bytes: an inner node is a page, too. */
unsigned inner_fanout(const struct tree *tree)
{
    size_t fanout = tree->env->page_limit / 32;
    return fanout < FANOUT_MIN   ? FANOUT_MIN
           : fanout > FANOUT_MAX ? FANOUT_MAX
                                 : (unsigned)fanout;
}

static size_t inner_block_bytes(unsigned capacity)
{
    _Static_assert(sizeof(void *) <= 8, "arrays of 8 bytes");
    return sizeof(struct inner) + (size_t)32 * capacity;
}

unsigned inner_root_capacity(const struct tree *tree, unsigned count)
{
    unsigned most = inner_fanout(tree), capacity = ROOT_FIRST;
    while (capacity < count)
        capacity *= 2;
    return capacity < most ? capacity : most;
}

struct inner *inner_alloc(struct tree *tree, unsigned level, uint64_t id,
                          unsigned capacity)
{
    struct inner *inner = mem_alloc(inner_block_bytes(capacity));
    *inner = (struct inner){ .capacity = (uint16_t)capacity, .level = level };
    inner->node.id = id;
    inner->node.is_inner = 1;
    atomic_init(&inner->node.refs, 1);
    inner->counts = inner->orders + capacity;
    inner->nodes = (void *)(inner->counts + capacity);
    inner->keys = (void *)(inner->nodes + capacity);
    tree_charge(tree, (ptrdiff_t)inner_charge_bytes(inner));
    return inner;
}

struct inner *inner_new(struct tree *tree, unsigned level, unsigned capacity)
{
    struct inner *inner =
        inner_alloc(tree, level, (*tree->env->next_id)++, capacity);
    node_set_dirty(tree, &inner->node);
    return inner;
}

static size_t sep_charge_bytes(const struct sep_key *key)
{
    return key == NULL ? 0 : mem_good_size(sizeof(*key) + key->len);
}

size_t inner_charge_bytes(const struct inner *inner)
{
    size_t bytes = mem_good_size(inner_block_bytes(inner->capacity));
    for (unsigned at = 0; at < inner->count; at++)
        bytes += sep_charge_bytes(inner->keys[at]);
    return bytes;
}

void inner_free(struct inner *inner)
{
    for (unsigned at = 0; at < inner->count; at++)
        mem_free(inner->keys[at]);
    mem_free(inner);
}

uint64_t inner_sum(const struct inner *inner, unsigned from)
{
    uint64_t sum = 0;
    for (unsigned at = from; at < inner->count; at++)
        sum += inner->counts[at];
    return sum;
}

/* Moves what each array holds from `from` on to `to`. */
static void inner_move(struct inner *inner, unsigned to, unsigned from)
{
    size_t bytes = (size_t)8 * (inner->count - from);
    memmove(inner->orders + to, inner->orders + from, bytes);
    memmove(inner->counts + to, inner->counts + from, bytes);
    memmove(inner->nodes + to, inner->nodes + from, bytes);
    memmove(inner->keys + to, inner->keys + from, bytes);
}

void inner_insert(struct inner *inner, unsigned at, struct child child)
{
    ASSERT(inner->count < inner->capacity);
    ASSERT(at <= inner->count);

    inner_move(inner, at + 1, at);
    inner->orders[at] = child.order;
    inner->counts[at] = child.count;
    inner->nodes[at] = child.node;
    inner->keys[at] = child.key;
    inner->count++;
}

struct child inner_take(struct inner *inner, unsigned at)
{
    ASSERT(at < inner->count);

    struct child child = { .node = inner->nodes[at],
                           .count = inner->counts[at],
                           .order = inner->orders[at],
                           .key = inner->keys[at] };
    inner_move(inner, at, at + 1);
    inner->count--;
    return child;
}

/* ---- separators ---------------------------------------------------------- */

struct page_value sep_value(const struct sep_key *key)
{
    if (key == NULL)
        return page_value_raw(SLICE_EMPTY);
    return page_value_raw(slice_make(key->text, key->len));
}

struct sep_key *sep_new(struct tree *tree, slice text)
{
    struct sep_key *key = mem_alloc(sizeof(*key) + text.len);
    key->len = (uint32_t)text.len;
    memcpy(key->text, text.data, text.len);
    tree_charge(tree, (ptrdiff_t)sep_charge_bytes(key));
    return key;
}

void sep_free(struct tree *tree, struct sep_key *key)
{
    tree_charge(tree, -(ptrdiff_t)sep_charge_bytes(key));
    mem_free(key);
}

void inner_set_sep(struct tree *tree, struct inner *inner, unsigned at,
                   struct sep sep)
{
    sep_free(tree, inner->keys[at]);
    inner->orders[at] = sep.order;
    inner->keys[at] = sep.key;
}

struct sep sep_between(struct tree *tree, const struct page_element *left,
                       const struct page_element *right)
{
    if (tree->kind == PAGE_LIST)
        return (struct sep){ .order = 0 };
    struct sep sep = { .order = element_order(tree, right) };
    if (element_order(tree, left) < sep.order)
        return sep;

    char   left_buffer[NUM_INT64_CHARS], right_buffer[NUM_INT64_CHARS];
    slice  a = page_value_text(&left->key, left_buffer);
    slice  b = page_value_text(&right->key, right_buffer);
    size_t same = 0;
    while (same < a.len && same < b.len && a.data[same] == b.data[same])
        same++;
    ASSERT(same < b.len);
    sep.key = sep_new(tree, slice_make(b.data, same + 1));
    return sep;
}

struct inner *inner_grow(struct tree *tree, struct inner *inner)
{
    struct inner *grown =
        inner_alloc(tree, inner->level, inner->node.id,
                    inner_root_capacity(tree, inner->capacity + 1u));
    ASSERT(grown->capacity > inner->capacity);
    while (inner->count > 0)
        inner_insert(grown, 0, inner_take(inner, inner->count - 1u));
    grown->node.captured_in = inner->node.captured_in;
    grown->node.dirty_at = inner->node.dirty_at;
    if (grown->node.dirty_at != 0)
        tree->dirty[grown->node.dirty_at - 1] = &grown->node;
    tree_charge(tree, -(ptrdiff_t)inner_charge_bytes(inner));
    inner_free(inner);
    return grown;
}
