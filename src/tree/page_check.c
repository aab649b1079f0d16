/* page_check.c - is this a page? For bytes from a disk that may have lied.
 *
 * A checksum has been right before we come here; all the same nothing is
 * believed: each length and offset is compared with what is there before it is
 * used. When a page has passed, the readers can't leave its bytes, whatever
 * they are asked for. */
#include <string.h>

#include "tree/layout.h"

static bool shape_is_right(uint16_t shape)
{
    unsigned len = shape >> 1;
    return !(shape & 1) || (len >= 1 && len <= 8);
}

/* The header alone, and the sum of lengths. */
static bool header_is_right(slice bytes, enum page_kind kind)
{
    const uint8_t *p = (const uint8_t *)bytes.data;
    if (bytes.len < PAGE_HEADER_BYTES || p[0] != (LAYOUT_VERSION | kind))
        return false;
    if (p[1] & ~(FLAG_UNIFORM | FLAG_WIDE | FLAG_SMALL | FLAG_TAG))
        return false;
    if ((p[1] & FLAG_SMALL) && !page_kind_is_hashed(kind))
        return false;
    struct view v = view_of(p);
    if (bytes.len > UINT32_MAX / 2 || v.data_len > bytes.len)
        return false;
    return bytes.len ==
           PAGE_HEADER_BYTES + v.data_len + v.count * slot_bytes(&v);
}

static bool uniform_is_right(const struct view *v)
{
    if (v->is_wide || v->count == 0 || v->stride == 0 ||
        v->stride > UNIFORM_ELEMENT_MAX)
        return false;
    if (!shape_is_right(v->key_shape) || !shape_is_right(v->value_shape))
        return false;
    if (v->kind == PAGE_LIST && v->key_shape != 0)
        return false;
    if ((v->kind == PAGE_SET || v->kind == PAGE_RANKS) && v->value_shape != 0)
        return false;
    if (v->kind == PAGE_SCORES && v->value_shape != PAGE_SCORE_BYTES << 1)
        return false;
    return v->data_len == (uint64_t)v->stride * v->count;
}

/* What stands before the last part of an element with slots: its length, 0 if
 * it doesn't fit; PAGE_LIST and PAGE_SET have nothing there, so 1 is added. */
static size_t lead_bytes(const struct view *v, const uint8_t *p, size_t len)
{
    size_t lead = 0;
    if (v->kind == PAGE_RANKS)
        lead = 8;
    if (v->kind == PAGE_SCORES)
        lead = PAGE_SCORE_BYTES;
    if (v->kind == PAGE_HASH) {
        uint64_t shape;
        lead = num_get_varint(slice_make(p, len), &shape);
        if (lead == 0 || shape > UINT32_MAX || shape >> 1 > len)
            return 0;
        if ((shape & 1) && (shape >> 1 < 1 || shape >> 1 > 8))
            return 0;
        lead += (size_t)(shape >> 1);
    }
    return lead > len ? 0 : lead + 1;
}

static bool slots_are_right(const struct view *v)
{
    size_t start = 0;
    if (v->key_shape != 0 || v->value_shape != 0)
        return false;
    if (v->is_wide != (v->data_len > NARROW_DATA_MAX))
        return false;
    for (unsigned at = 0; at < v->count; at++) {
        uint32_t slot = slot_get(v, at);
        size_t   end = slot >> 1;
        if (end < start || end > v->data_len)
            return false;
        size_t lead = lead_bytes(v, v->data + start, end - start);
        if (lead == 0)
            return false;
        size_t last = end - start - (lead - 1);
        if ((slot & 1) && (last < 1 || last > 8))
            return false;
        start = end;
    }
    return start == v->data_len;
}

/* Each text has one form only: a number no more bytes than it needs, and what
 * reads as a number is one. */
static bool value_is_right(const struct page_value *value, bool is_raw,
                           size_t stored)
{
    if (value->is_int)
        return number_bytes(value->number) == stored;
    if (is_raw)
        return true;
    return !page_value_pack(slice_make(value->data, value->len)).is_int;
}

static bool element_is_right(unsigned kind, const struct page_element *element)
{
    return value_is_right(&element->key, false, element->key.len) &&
           value_is_right(&element->value, kind == PAGE_SCORES,
                          element->value.len);
}

static bool elements_are_right(const uint8_t            *bytes,
                               const struct page_hasher *hasher)
{
    struct page_target before = { .where = TARGET_KEY };
    struct view        v = view_of(bytes);
    bool               has_order =
        v.kind == PAGE_RANKS || (page_kind_is_hashed(v.kind) &&
                                 hasher != NULL && !page_is_small(bytes));

    for (unsigned at = 0; at < v.count; at++) {
        struct page_element element;
        page_get(bytes, at, &element);
        if (!element_is_right(v.kind, &element))
            return false;
        if (!has_order)
            continue;
        if (v.kind != PAGE_RANKS)
            element.order = page_value_hash(hasher, &element.key);
        if (at > 0 &&
            page_target_compare(&before, element.order, &element.key) >= 0)
            return false;
        before.order = element.order;
        before.key = element.key;
    }
    return true;
}

err_t page_check(slice bytes, enum page_kind kind,
                 const struct page_hasher *hasher)
{
    if (!header_is_right(bytes, kind))
        return ERR_CORRUPT;
    const uint8_t *p = (const uint8_t *)bytes.data;
    struct view    v = view_of(p);
    if (!(v.is_uniform ? uniform_is_right(&v) : slots_are_right(&v)))
        return ERR_CORRUPT;
    return elements_are_right(p, hasher) ? ERR_OK : ERR_CORRUPT;
}
