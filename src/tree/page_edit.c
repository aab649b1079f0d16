/* page_edit.c - changing a page. layout.h tells the layout.
 *
 * Every edit leaves the page as short as can be: what stands behind moves. A
 * page starts without slots when its first element is in, gets them when an
 * element of another shape comes (page_unpack), and loses them only when its
 * tree rewrites it anyway (page_tidy at a split): going back and forth would
 * cost more than two bytes are worth.
 *
 * The block grows in steps of an eighth to a quarter, the sizes that
 * allocators have, so that a page that is three quarters full after random
 * insertions does not cost as much as a full one. */
#include <string.h>

#include "base/mem.h"
#include "tree/layout.h"

/* ---- the block ----------------------------------------------------------- */

/* The next size with at most three significant bits, at least 64: there are
 * four between two powers of two. */
static size_t block_bytes(size_t need)
{
    if (need <= 64)
        return 64;
    size_t step = (size_t)1 << (61 - __builtin_clzll(need - 1));
    return mem_good_size((need + step - 1) / step * step);
}

static struct page *page_alloc(size_t room_bytes)
{
    ASSERT(room_bytes <= UINT32_MAX - 64);
    size_t       block = block_bytes(sizeof(struct page) + room_bytes);
    struct page *page = mem_alloc(block);
    page->capacity = (uint32_t)(block - sizeof(struct page));
    atomic_init(&page->node.refs, 1);
    page->node.dirty_at = 0;
    page->node.captured_in = 0;
    page->node.is_inner = 0;
    return page;
}

struct page *page_new(enum page_kind kind, uint64_t id, size_t room_bytes)
{
    if (room_bytes < PAGE_HEADER_BYTES)
        room_bytes = PAGE_HEADER_BYTES;
    struct page *page = page_alloc(room_bytes);
    page->node.id = id;
    page->len = PAGE_HEADER_BYTES;
    memset(page->bytes, 0, PAGE_HEADER_BYTES);
    page->bytes[0] = (uint8_t)(LAYOUT_VERSION | kind);
    return page;
}

struct page *page_from_bytes(slice checked, uint64_t id)
{
    ASSERT(checked.len >= PAGE_HEADER_BYTES);
    struct page *page = page_alloc(checked.len);
    page->node.id = id;
    page->len = (uint32_t)checked.len;
    memcpy(page->bytes, checked.data, checked.len);
    ASSERT(page_len(page->bytes) == page->len);
    return page;
}

struct page *page_copy(const struct page *page)
{
    struct page *copy =
        page_from_bytes(slice_make(page->bytes, page->len), page->node.id);
    copy->node.captured_in = page->node.captured_in;
    return copy;
}

struct page *page_ref(struct page *page)
{
    unsigned before =
        atomic_fetch_add_explicit(&page->node.refs, 1, memory_order_relaxed);
    ASSERT(before > 0);
    return page;
}

void page_unref(struct page *page)
{
    if (page == NULL)
        return;
    unsigned before =
        atomic_fetch_sub_explicit(&page->node.refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before == 1)
        mem_free(page);
}

bool page_is_shared(const struct page *page)
{
    return atomic_load_explicit(&page->node.refs, memory_order_acquire) > 1;
}

size_t page_charge_bytes(const struct page *page)
{
    return sizeof(*page) + page->capacity;
}

static void page_set_capacity(struct page **page, size_t block)
{
    *page = mem_realloc(*page, block);
    (*page)->capacity = (uint32_t)(block - sizeof(struct page));
}

static void page_reserve(struct page **page, size_t len)
{
    ASSERT(!page_is_shared(*page));
    ASSERT(len <= UINT32_MAX / 2);
    if (len > (*page)->capacity)
        page_set_capacity(page, block_bytes(sizeof(struct page) + len));
}

/* Gives room back once a third of it is unused. */
static void page_shrink(struct page **page)
{
    size_t block = block_bytes(sizeof(struct page) + (*page)->len);
    if (block <= page_charge_bytes(*page) / 3 * 2)
        page_set_capacity(page, block);
}

/* ---- the header ---------------------------------------------------------- */

static void header_set(struct page *page, unsigned count, size_t data_len)
{
    ASSERT(count <= UINT16_MAX);
    put_le16(page->bytes + 2, (uint16_t)count);
    put_le32(page->bytes + 4, (uint32_t)data_len);
    page->len = (uint32_t)page_len(page->bytes);
    ASSERT(page->len <= page->capacity);
}

static void flag_set(struct page *page, uint8_t flag, bool on)
{
    page->bytes[1] =
        (uint8_t)(on ? page->bytes[1] | flag : page->bytes[1] & ~flag);
}

static void shapes_set(struct page *page, uint16_t key, uint16_t value)
{
    put_le16(page->bytes + 8, key);
    put_le16(page->bytes + 10, value);
}

void page_set_small(struct page *page, bool is_small)
{
    ASSERT(page_kind_is_hashed(page_kind_of(page->bytes)));
    flag_set(page, FLAG_SMALL, is_small);
}

void page_set_tag(struct page *page, unsigned tag)
{
    ASSERT(tag <= FLAG_TAG >> FLAG_TAG_SHIFT);
    page->bytes[1] =
        (uint8_t)((page->bytes[1] & ~FLAG_TAG) | tag << FLAG_TAG_SHIFT);
}

/* An empty page has no shape. */
static void page_clear(struct page *page)
{
    flag_set(page, FLAG_UNIFORM | FLAG_WIDE, false);
    shapes_set(page, 0, 0);
    header_set(page, 0, 0);
}

/* ---- shapes -------------------------------------------------------------- */

static bool kind_has_key(unsigned kind)
{
    return kind != PAGE_LIST;
}

static bool kind_has_value(unsigned kind)
{
    return kind == PAGE_LIST || kind == PAGE_HASH || kind == PAGE_SCORES;
}

/* Lengths and numbers of an element, in 32 bits each. */
struct shape {
    uint32_t key, value;
};

static struct shape shape_of(unsigned kind, const struct page_element *element)
{
    struct shape shape = { 0, 0 };
    if (kind_has_key(kind))
        shape.key =
            (uint32_t)value_bytes(&element->key) << 1 | element->key.is_int;
    if (kind_has_value(kind))
        shape.value =
            (uint32_t)value_bytes(&element->value) << 1 | element->value.is_int;
    return shape;
}

/* Bytes of it in a uniform page. */
static size_t shape_stride(unsigned kind, struct shape shape)
{
    return order_bytes(kind) + (size_t)(shape.key >> 1) + (shape.value >> 1);
}

/* Bytes of it in a page with slots, the slot not among them. */
static size_t shape_bytes(unsigned kind, struct shape shape)
{
    return shape_stride(kind, shape) +
           (kind == PAGE_HASH ? varint_bytes(shape.key) : 0);
}

static bool shape_may_be_uniform(unsigned kind, struct shape shape)
{
    size_t stride = shape_stride(kind, shape);
    return stride > 0 && stride <= UNIFORM_ELEMENT_MAX;
}

static bool shape_fits(const struct view *v, struct shape shape)
{
    return v->is_uniform && v->key_shape == shape.key &&
           v->value_shape == shape.value;
}

static struct shape shape_at(const uint8_t *bytes, unsigned at)
{
    struct page_element element;
    page_get(bytes, at, &element);
    return shape_of(bytes[0] & 15, &element);
}

/* ---- lengths ------------------------------------------------------------- */

/* The page's length when it has slots. */
static size_t len_slotted(const struct view *v)
{
    size_t each = 0;
    if (v->is_uniform) {
        each = 2;
        if (v->kind == PAGE_HASH)
            each += varint_bytes(v->key_shape);
    }
    return PAGE_HEADER_BYTES + v->data_len + v->count * (each + slot_bytes(v));
}

size_t page_len_alone(enum page_kind kind, const struct page_element *new)
{
    struct shape shape = shape_of(kind, new);
    if (shape_may_be_uniform(kind, shape))
        return PAGE_HEADER_BYTES + shape_stride(kind, shape);
    size_t data_len = shape_bytes(kind, shape);
    return PAGE_HEADER_BYTES + data_len + (data_len > NARROW_DATA_MAX ? 4 : 2);
}

size_t page_len_inserted(const uint8_t *bytes, const struct page_element *new)
{
    struct view  v = view_of(bytes);
    struct shape shape = shape_of(v.kind, new);
    if (v.count == 0)
        return page_len_alone(v.kind, new);
    if (shape_fits(&v, shape))
        return PAGE_HEADER_BYTES + v.data_len + v.stride;
    return len_slotted(&v) + shape_bytes(v.kind, shape) + 2;
}

size_t page_len_replaced(const uint8_t *bytes, unsigned at,
                         const struct page_element *new)
{
    struct view  v = view_of(bytes);
    struct shape shape = shape_of(v.kind, new);
    if (v.count == 1)
        return page_len_alone(v.kind, new);
    if (shape_fits(&v, shape))
        return PAGE_HEADER_BYTES + v.data_len;
    return len_slotted(&v) - shape_bytes(v.kind, shape_at(bytes, at)) +
           shape_bytes(v.kind, shape);
}

static bool views_alike(const struct view *a, const struct view *b)
{
    return a->is_uniform && b->is_uniform && a->key_shape == b->key_shape &&
           a->value_shape == b->value_shape;
}

size_t page_len_joined(const uint8_t *a, const uint8_t *b)
{
    struct view va = view_of(a), vb = view_of(b);
    if (va.count == 0 || vb.count == 0 || views_alike(&va, &vb))
        return page_len(a) + page_len(b) - PAGE_HEADER_BYTES;
    return len_slotted(&va) + len_slotted(&vb) - PAGE_HEADER_BYTES;
}

/* ---- writing an element -------------------------------------------------- */

static uint8_t *value_put(uint8_t *p, const struct page_value *value)
{
    if (!value->is_int) {
        if (value->len > 0)
            memcpy(p, value->data, value->len);
        return p + value->len;
    }
    return p + number_put(p, value->number);
}

static void element_put(uint8_t *p, unsigned kind, bool is_uniform,
                        const struct page_element *element)
{
    if (kind == PAGE_RANKS) {
        put_le64(p, element->order);
        p += 8;
    }
    if (kind == PAGE_HASH && !is_uniform)
        p += num_put_varint(p, shape_of(kind, element).key);
    if (kind_has_key(kind))
        p = value_put(p, &element->key);
    if (kind_has_value(kind))
        value_put(p, &element->value);
}

/* The bit of its slot. */
static bool element_slot_bit(unsigned kind, const struct page_element *element)
{
    return kind == PAGE_LIST || kind == PAGE_HASH ? element->value.is_int
                                                  : element->key.is_int;
}

/* ---- slots --------------------------------------------------------------- */

static void slot_put(uint8_t *slots, bool is_wide, unsigned at, uint32_t slot)
{
    if (is_wide)
        put_le32(slots + (size_t)4 * at, slot);
    else
        put_le16(slots + (size_t)2 * at, (uint16_t)slot);
}

/* Adds to the slots from `at` on. */
static void slots_shift(uint8_t *slots, bool is_wide, unsigned at,
                        unsigned count, uint32_t delta)
{
    if (is_wide) {
        for (uint8_t *p = slots + (size_t)4 * at; at < count; at++, p += 4)
            put_le32(p, get_le32(p) + delta);
    } else {
        for (uint8_t *p = slots + (size_t)2 * at; at < count; at++, p += 2)
            put_le16(p, (uint16_t)(get_le16(p) + delta));
    }
}

/* Slots are 4 bytes wide exactly when 2 bytes can't point to all data. */
static void page_set_wide(struct page **page, bool is_wide)
{
    struct view v = view_of((*page)->bytes);
    if (v.is_wide == is_wide || v.is_uniform)
        return;
    page_reserve(page, PAGE_HEADER_BYTES + v.data_len + (size_t)4 * v.count);
    v = view_of((*page)->bytes);
    uint8_t *slots = (*page)->bytes + PAGE_HEADER_BYTES + v.data_len;
    if (is_wide)
        for (unsigned at = v.count; at > 0; at--)
            slot_put(slots, true, at - 1, slot_get(&v, at - 1));
    else
        for (unsigned at = 0; at < v.count; at++)
            slot_put(slots, false, at, slot_get(&v, at));
    flag_set(*page, FLAG_WIDE, is_wide);
    header_set(*page, v.count, v.data_len);
}

/* Opens a gap of `count` slots and data_len bytes before an element; the slots
 * in the gap are the caller's to set, those behind are right. Returns where the
 * gap in data begins. REQUIRES: slots. */
static size_t page_open_gap(struct page **page, unsigned at, unsigned count,
                            size_t data_len)
{
    struct view v = view_of((*page)->bytes);
    ASSERT(!v.is_uniform);
    size_t new_len = v.data_len + data_len;
    page_set_wide(page, new_len > NARROW_DATA_MAX);
    size_t width = new_len > NARROW_DATA_MAX ? 4 : 2;
    page_reserve(page, PAGE_HEADER_BYTES + new_len + (v.count + count) * width);

    v = view_of((*page)->bytes);
    uint8_t *data = (*page)->bytes + PAGE_HEADER_BYTES;
    uint8_t *from = data + v.data_len, *to = data + new_len;
    size_t   start = element_start(&v, at);
    memmove(to + (at + count) * width, from + at * width,
            (v.count - at) * width);
    memmove(to, from, at * width);
    memmove(data + start + data_len, data + start, v.data_len - start);
    slots_shift(to, width == 4, at + count, v.count + count,
                (uint32_t)data_len << 1);
    header_set(*page, v.count + count, new_len);
    return start;
}

/* ---- with and without slots ---------------------------------------------- */

/* Gives a uniform page slots, and in a hash each element its key's shape. */
static void page_unpack(struct page **page)
{
    struct view v = view_of((*page)->bytes);
    ASSERT(v.is_uniform);
    unsigned extra = v.kind == PAGE_HASH ? varint_bytes(v.key_shape) : 0;
    size_t   each = v.stride + extra;
    size_t   data_len = each * v.count;
    bool     is_wide = data_len > NARROW_DATA_MAX;
    bool bit = v.kind == PAGE_LIST || v.kind == PAGE_HASH ? v.value_shape & 1
                                                          : v.key_shape & 1;

    page_reserve(page,
                 PAGE_HEADER_BYTES + data_len + v.count * (is_wide ? 4 : 2));
    uint8_t *data = (*page)->bytes + PAGE_HEADER_BYTES;
    for (unsigned at = v.count; extra > 0 && at > 0; at--) {
        uint8_t *to = data + (at - 1) * each;
        memmove(to + extra, data + (size_t)(at - 1) * v.stride, v.stride);
        num_put_varint(to, v.key_shape);
    }
    for (unsigned at = 0; at < v.count; at++)
        slot_put(data + data_len, is_wide, at,
                 (uint32_t)((at + 1) * each) << 1 | bit);
    shapes_set(*page, 0, 0);
    flag_set(*page, FLAG_UNIFORM, false);
    flag_set(*page, FLAG_WIDE, is_wide);
    header_set(*page, v.count, data_len);
}

static bool page_could_be_uniform(const uint8_t *bytes, struct shape *out)
{
    struct view v = view_of(bytes);
    if (v.is_uniform || v.is_wide || v.count == 0)
        return false;
    *out = shape_at(bytes, 0);
    if (!shape_may_be_uniform(v.kind, *out))
        return false;
    for (unsigned at = 1; at < v.count; at++) {
        struct shape shape = shape_at(bytes, at);
        if (shape.key != out->key || shape.value != out->value)
            return false;
    }
    return true;
}

void page_tidy(struct page **page)
{
    struct shape shape;
    ASSERT(!page_is_shared(*page));
    if (page_could_be_uniform((*page)->bytes, &shape)) {
        struct view v = view_of((*page)->bytes);
        uint8_t    *data = (*page)->bytes + PAGE_HEADER_BYTES;
        unsigned    extra = v.kind == PAGE_HASH ? varint_bytes(shape.key) : 0;
        size_t      stride = shape_stride(v.kind, shape);
        for (unsigned at = 0; extra > 0 && at < v.count; at++)
            memmove(data + at * stride, data + at * (stride + extra) + extra,
                    stride);
        flag_set(*page, FLAG_UNIFORM, true);
        shapes_set(*page, (uint16_t)shape.key, (uint16_t)shape.value);
        header_set(*page, v.count, v.count * stride);
    }
    page_shrink(page);
}

/* ---- edits --------------------------------------------------------------- */

/* Before the first element: without slots, if that can be. */
static void page_shape_first(struct page *page, struct shape shape)
{
    unsigned kind = page->bytes[0] & 15;
    if (!shape_may_be_uniform(kind, shape))
        return;
    flag_set(page, FLAG_UNIFORM, true);
    shapes_set(page, (uint16_t)shape.key, (uint16_t)shape.value);
}

/* Opens a gap of whole elements in a uniform page. */
static uint8_t *page_open_uniform(struct page **page, unsigned at,
                                  unsigned count)
{
    struct view v = view_of((*page)->bytes);
    size_t      gap = (size_t)v.stride * count;
    size_t      start = (size_t)v.stride * at;
    page_reserve(page, PAGE_HEADER_BYTES + v.data_len + gap);
    uint8_t *data = (*page)->bytes + PAGE_HEADER_BYTES;
    memmove(data + start + gap, data + start, v.data_len - start);
    header_set(*page, v.count + count, v.data_len + gap);
    return data + start;
}

void page_insert(struct page **page, unsigned at,
                 const struct page_element *new)
{
    unsigned     kind = (*page)->bytes[0] & 15;
    struct shape shape = shape_of(kind, new);
    ASSERT(!page_is_shared(*page));
    ASSERT(at <= page_count((*page)->bytes));
    ASSERT(shape_stride(kind, shape) <= PAGE_ELEMENT_MAX_BYTES + 8);

    if (page_count((*page)->bytes) == 0)
        page_shape_first(*page, shape);
    struct view v = view_of((*page)->bytes);
    if (shape_fits(&v, shape)) {
        element_put(page_open_uniform(page, at, 1), kind, true, new);
        return;
    }
    if (v.is_uniform)
        page_unpack(page);
    size_t len = shape_bytes(kind, shape);
    size_t start = page_open_gap(page, at, 1, len);
    v = view_of((*page)->bytes);
    element_put((*page)->bytes + PAGE_HEADER_BYTES + start, kind, false, new);
    slot_put((*page)->bytes + PAGE_HEADER_BYTES + v.data_len, v.is_wide, at,
             (uint32_t)(start + len) << 1 | element_slot_bit(kind, new));
}

static void remove_slotted(struct page **page, unsigned from, unsigned count)
{
    struct view v = view_of((*page)->bytes);
    size_t      width = slot_bytes(&v);
    size_t      start = element_start(&v, from);
    size_t      end = element_start(&v, from + count);
    uint8_t    *data = (*page)->bytes + PAGE_HEADER_BYTES;
    uint8_t    *old = data + v.data_len, *new = old - (end - start);
    unsigned    left = v.count - count;

    memmove(data + start, data + end, v.data_len - end);
    memmove(new, old, from * width);
    memmove(new + from *width, old + (from + count) * width,
            (left - from) * width);
    slots_shift(new, v.is_wide, from, left, 0 - ((uint32_t)(end - start) << 1));
    header_set(*page, left, v.data_len - (end - start));
    page_set_wide(page, v.data_len - (end - start) > NARROW_DATA_MAX);
}

void page_remove(struct page **page, unsigned from, unsigned count)
{
    struct view v = view_of((*page)->bytes);
    ASSERT(!page_is_shared(*page));
    ASSERT(from <= v.count);
    ASSERT(count <= v.count - from);

    if (count == v.count) {
        page_clear(*page);
    } else if (v.is_uniform) {
        uint8_t *start =
            (*page)->bytes + PAGE_HEADER_BYTES + (size_t)from * v.stride;
        memmove(start, start + (size_t)count * v.stride,
                (size_t)(v.count - from - count) * v.stride);
        header_set(*page, v.count - count,
                   v.data_len - (size_t)count * v.stride);
    } else if (count > 0) {
        remove_slotted(page, from, count);
    }
    page_shrink(page);
}

void page_replace(struct page **page, unsigned at,
                  const struct page_element *new)
{
    struct view  v = view_of((*page)->bytes);
    struct shape shape = shape_of(v.kind, new);
    ASSERT(!page_is_shared(*page));
    ASSERT(at < v.count);

    uint8_t *data = (*page)->bytes + PAGE_HEADER_BYTES;
    size_t   start = element_start(&v, at);
    if (shape_fits(&v, shape)) {
        element_put(data + start, v.kind, true, new);
        return;
    }
    size_t len = shape_bytes(v.kind, shape);
    if (!v.is_uniform && v.count > 1 &&
        element_start(&v, at + 1) - start == len) {
        element_put(data + start, v.kind, false, new);
        slot_put(data + v.data_len, v.is_wide, at,
                 (uint32_t)(start + len) << 1 | element_slot_bit(v.kind, new));
        return;
    }
    page_remove(page, at, 1);
    page_insert(page, at, new);
}

void page_overwrite(struct page *page, unsigned at, size_t offset, slice bytes)
{
    struct view v = view_of(page->bytes);
    ASSERT(!page_is_shared(page));
    ASSERT(v.kind == PAGE_LIST);
    ASSERT(at < v.count);
    size_t start = element_start(&v, at);
    size_t len = element_start(&v, at + 1) - start;
    ASSERT(len > NUM_INT64_CHARS);
    ASSERT(offset <= len && bytes.len <= len - offset);
    if (bytes.len > 0)
        memcpy(page->bytes + PAGE_HEADER_BYTES + start + offset, bytes.data,
               bytes.len);
}

/* Both have slots. */
static void splice_slotted(struct page **page, unsigned at,
                           const struct view *source, unsigned from,
                           unsigned count)
{
    size_t source_start = element_start(source, from);
    size_t len = element_start(source, from + count) - source_start;
    size_t start = page_open_gap(page, at, count, len);

    struct view v = view_of((*page)->bytes);
    uint8_t    *data = (*page)->bytes + PAGE_HEADER_BYTES;
    memcpy(data + start, source->data + source_start, len);
    uint32_t delta = ((uint32_t)start - (uint32_t)source_start) << 1;
    for (unsigned i = 0; i < count; i++)
        slot_put(data + v.data_len, v.is_wide, at + i,
                 slot_get(source, from + i) + delta);
}

void page_splice(struct page **page, unsigned at, const uint8_t *source,
                 unsigned from, unsigned count)
{
    struct view from_view = view_of(source);
    ASSERT(!page_is_shared(*page));
    ASSERT(page_kind_of((*page)->bytes) == page_kind_of(source));
    ASSERT(from + count <= from_view.count);
    if (count == 0)
        return;

    if (page_count((*page)->bytes) == 0)
        page_shape_first(*page, shape_at(source, from));
    struct view v = view_of((*page)->bytes);
    if (views_alike(&v, &from_view)) {
        uint8_t *gap = page_open_uniform(page, at, count);
        memcpy(gap, from_view.data + (size_t)from * v.stride,
               (size_t)count * v.stride);
        return;
    }
    if (v.is_uniform)
        page_unpack(page);
    if (!from_view.is_uniform) {
        splice_slotted(page, at, &from_view, from, count);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        struct page_element element;
        page_get(source, from + i, &element);
        page_insert(page, at + i, &element);
    }
}
