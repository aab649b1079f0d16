/* page.c - reading pages, and searching in them. layout.h tells the layout.
 *
 * Hashes are even, so a hash is searched for by interpolation: between two
 * bounds that are known, the place is where it should be in proportion. In a
 * page of 120 elements it is missed by about five. So the key is looked for
 * around the first guess, by its bytes alone: what is there is found without
 * a hash. What is not takes about three hashes to find its place; storing them
 * would save two of those and cost 8 bytes an element. Keys can't be
 * chosen to make it slow, since the hash is keyed; all the same every second
 * step is a plain halving once a few have been done. */
#include <string.h>

#include "base/prefetch.h"
#include "tree/layout.h"

/* ---- one element --------------------------------------------------------- */

enum page_kind page_kind_of(const uint8_t *bytes)
{
    return (enum page_kind)(bytes[0] & 15);
}

bool page_is_small(const uint8_t *bytes)
{
    return bytes[1] & FLAG_SMALL;
}

unsigned page_tag(const uint8_t *bytes)
{
    return (bytes[1] & FLAG_TAG) >> FLAG_TAG_SHIFT;
}

bool page_is_uniform(const uint8_t *bytes)
{
    return bytes[1] & FLAG_UNIFORM;
}

unsigned page_count(const uint8_t *bytes)
{
    return get_le16(bytes + 2);
}

size_t page_len(const uint8_t *bytes)
{
    struct view v = view_of(bytes);
    return PAGE_HEADER_BYTES + v.data_len + v.count * slot_bytes(&v);
}

bool page_kind_is_hashed(enum page_kind kind)
{
    return kind == PAGE_SET || kind == PAGE_HASH || kind == PAGE_SCORES;
}

static int64_t number_get(const uint8_t *p, size_t len)
{
    uint64_t number = 0;
    ASSERT(len >= 1 && len <= 8); /* page_check has seen to it */
    for (size_t i = len; i > 0; i--)
        number = number << 8 | p[i - 1];
    unsigned unused = 64 - 8 * (unsigned)len;
    return (int64_t)(number << unused) >> unused;
}

static inline struct page_value value_get(const uint8_t *p, size_t len,
                                          bool is_int)
{
    struct page_value value = { .data = (const char *)p,
                                .len = (uint32_t)len,
                                .is_int = is_int };
    if (is_int)
        value.number = number_get(p, len);
    return value;
}

/* Where an element's parts are. */
struct parts {
    const uint8_t *start; /* the order, if there */
    const uint8_t *key, *value;
    uint32_t       key_len, value_len;
    bool           key_is_int, value_is_int;
};

static inline uint32_t varint_get(const uint8_t **p)
{
    uint32_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*p)++;
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
}

static inline void parts_get_uniform(const struct view *v, unsigned at,
                                     struct parts *out)
{
    out->start = v->data + (size_t)v->stride * at;
    out->key = out->start + order_bytes(v->kind);
    out->key_len = v->key_shape >> 1;
    out->key_is_int = v->key_shape & 1;
    out->value = out->key + out->key_len;
    out->value_len = v->value_shape >> 1;
    out->value_is_int = v->value_shape & 1;
}

static inline void parts_get_slotted(const struct view *v, unsigned at,
                                     struct parts *out)
{
    uint32_t       slot = slot_get(v, at);
    const uint8_t *p = v->data + element_start(v, at);
    const uint8_t *end = v->data + (slot >> 1);
    bool           is_int = slot & 1;

    *out = (struct parts){ .start = p };
    if (v->kind == PAGE_HASH) {
        uint32_t shape = varint_get(&p);
        out->key_is_int = shape & 1;
        out->key_len = shape >> 1;
    } else if (v->kind != PAGE_LIST) {
        p += order_bytes(v->kind);
        out->key_is_int = is_int;
        out->key_len = (uint32_t)(end - p) -
                       (v->kind == PAGE_SCORES ? PAGE_SCORE_BYTES : 0);
    }
    out->key = p;
    out->value = p + out->key_len;
    out->value_len = (uint32_t)(end - out->value);
    out->value_is_int =
        is_int && (v->kind == PAGE_LIST || v->kind == PAGE_HASH);
}

static inline void parts_get(const struct view *v, unsigned at,
                             struct parts *out)
{
    if (v->is_uniform)
        parts_get_uniform(v, at, out);
    else
        parts_get_slotted(v, at, out);
}

static inline struct page_value key_get(const struct view *v, unsigned at)
{
    struct parts parts;
    parts_get(v, at, &parts);
    return value_get(parts.key, parts.key_len, parts.key_is_int);
}

static inline uint64_t order_get(const struct view *v, unsigned at)
{
    return get_le64(v->data + element_start(v, at));
}

void page_get(const uint8_t *bytes, unsigned at, struct page_element *out)
{
    struct view  v = view_of(bytes);
    struct parts parts;
    ASSERT(at < v.count);

    parts_get(&v, at, &parts);
    out->order = v.kind == PAGE_RANKS ? get_le64(parts.start) : 0;
    out->key = value_get(parts.key, parts.key_len, parts.key_is_int);
    out->value = value_get(parts.value, parts.value_len, parts.value_is_int);
}

/* ---- searching ----------------------------------------------------------- */

int page_target_compare(const struct page_target *target, uint64_t order,
                        const struct page_value *key)
{
    if (target->order != order)
        return target->order < order ? -1 : 1;
    if (target->where == TARGET_KEY)
        return page_value_compare(&target->key, key);
    return target->where == TARGET_LOWEST ? -1 : 1;
}

/* Elements [from, to) have orders within [low, high]: which one to try. */
static inline unsigned search_guess(unsigned from, unsigned to, uint64_t low,
                                    uint64_t high, uint64_t hash, unsigned step)
{
    unsigned width = to - from;
    if (width <= 2 || hash <= low || (step > 6 && step % 2 == 0))
        return from + width / 2;
    if (hash >= high)
        return to - 1;
    double   part = (double)(hash - low) / ((double)(high - low) + 1);
    unsigned guess = (unsigned)(part * width);
    return from + (guess < width ? guess : width - 1);
}

/* Is the element before the target? found is set if it is the target's. */
static bool is_before(const struct view *v, unsigned at,
                      const struct page_target *target, bool *found)
{
    uint64_t order = order_get(v, at);
    if (order != target->order)
        return order < target->order;
    struct page_value key = key_get(v, at);
    int               compared = page_target_compare(target, order, &key);
    if (compared == 0)
        *found = true;
    return compared > 0;
}

/* Scores are even enough in most pages for a guess to be worth it: from there
 * in steps that double, then by halves. */
static unsigned search_stored(const struct view        *v,
                              const struct page_target *target, uint64_t low,
                              uint64_t high, bool *found)
{
    unsigned from = 0, to = v->count, at, step = 2;
    if (to == 0)
        return 0;
    at = search_guess(from, to, low, high, target->order, 1);
    size_t guess = element_start(v, at);
    size_t first = guess > PREFETCH_LINE ? guess - PREFETCH_LINE : 0;
    size_t rest = v->data_len - first;
    prefetch(v->data + first,
             rest < 3 * PREFETCH_LINE ? rest : 3 * PREFETCH_LINE);
    if (is_before(v, at, target, found)) {
        for (from = at + 1; to - from >= step; step *= 2) {
            at = from + step - 1;
            if (!is_before(v, at, target, found)) {
                to = at;
                break;
            }
            from = at + 1;
        }
    } else {
        for (to = at; to - from >= step; step *= 2) {
            at = to - step;
            if (is_before(v, at, target, found)) {
                from = at + 1;
                break;
            }
            to = at;
        }
    }
    while (from < to) {
        at = from + (to - from) / 2;
        if (is_before(v, at, target, found))
            from = at + 1;
        else
            to = at;
    }
    return from;
}

/* A key as it is packed. */
struct packed {
    const uint8_t *bytes;
    uint32_t       len;
    bool           is_int;
    uint8_t        number[8]; /* if is_int: its bytes */
};

static inline void key_pack(struct packed *out, const struct page_value *key)
{
    out->is_int = key->is_int;
    out->bytes = key->is_int ? out->number : (const uint8_t *)key->data;
    out->len = key->is_int ? number_put(out->number, key->number) : key->len;
}

/* Keys tend to differ at their ends. */
static inline bool bytes_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    if (len < 8)
        return len == 0 || memcmp(a, b, len) == 0;
    return get_le64(a + len - 8) == get_le64(b + len - 8) &&
           memcmp(a, b, len - 8) == 0;
}

static inline bool has_key_at(const struct view *v, unsigned at,
                              const struct packed *key)
{
    struct parts parts;
    parts_get(v, at, &parts);
    return parts.key_len == key->len && parts.key_is_int == key->is_int &&
           bytes_equal(parts.key, key->bytes, key->len);
}

/* How far around the guess: twice what it is missed by. */
#define SEARCH_NEAR 11

static bool found_near(const struct view *v, unsigned guess,
                       const struct page_value *key, unsigned *at)
{
    struct packed packed;
    key_pack(&packed, key);
    if (v->is_uniform &&
        v->key_shape != (packed.len << 1 | packed.is_int))
        return false;
    for (unsigned off = 0; off <= SEARCH_NEAR; off++) {
        *at = guess + off;
        if (*at < v->count && has_key_at(v, *at, &packed))
            return true;
        *at = guess - off;
        if (off > 0 && *at < v->count && has_key_at(v, *at, &packed))
            return true;
    }
    return false;
}

static unsigned search_hashed(const struct view        *v,
                              const struct page_hasher *hasher,
                              const struct page_target *target, uint64_t low,
                              uint64_t high, bool *found)
{
    unsigned from = 0, to = v->count;
    for (unsigned step = 1; from < to; step++) {
        unsigned guess = search_guess(from, to, low, high, target->order, step);
        unsigned near;
        if (step == 1 && target->where == TARGET_KEY &&
            found_near(v, guess, &target->key, &near)) {
            *found = true;
            return near;
        }
        struct page_value key = key_get(v, guess);
        uint64_t          hash = page_value_hash(hasher, &key);
        int               compared = target->order < hash ? -1 : 1;
        if (target->order == hash) {
            /* What is looked for, most often: no text is needed for that. */
            if (target->where == TARGET_KEY &&
                page_value_equal(&target->key, &key)) {
                *found = true;
                return guess;
            }
            compared = page_target_compare(target, hash, &key);
        }
        if (compared > 0) {
            from = guess + 1;
            low = hash;
        } else {
            to = guess;
            high = hash;
        }
    }
    return from;
}

unsigned page_search(const uint8_t *bytes, const struct page_hasher *hasher,
                     const struct page_target *target, uint64_t low,
                     uint64_t high, bool *found)
{
    struct view v = view_of(bytes);
    ASSERT(v.kind != PAGE_LIST);
    ASSERT(!page_is_small(bytes));

    *found = false;
    if (v.kind == PAGE_RANKS)
        return search_stored(&v, target, low, high, found);
    return search_hashed(&v, hasher, target, low, high, found);
}

/* By the share of the bytes where there are slots: reading those would be a
 * wait of its own. */
void page_warm(const uint8_t *bytes, uint64_t order, uint64_t low,
               uint64_t high)
{
    struct view v = view_of(bytes);
    if (v.count == 0)
        return;
    unsigned guess = search_guess(0, v.count, low, high, order, 1);
    size_t   each = v.data_len / v.count + 1;
    size_t   around = SEARCH_NEAR / 2 * each;
    size_t   at = (size_t)v.data_len * guess / v.count;
    size_t   from = at > around ? at - around : 0;
    size_t   to = at + each + around < v.data_len ? at + each + around
                                                  : v.data_len;
    if (!v.is_uniform)
        __builtin_prefetch(v.slots + guess * slot_bytes(&v));
    prefetch(v.data + from, to - from);
}

/* Compares packed bytes: no number is unpacked. */
unsigned page_scan(const uint8_t *bytes, const struct page_value *key)
{
    struct view   v = view_of(bytes);
    struct packed packed;
    key_pack(&packed, key);
    for (unsigned at = 0; at < v.count; at++)
        if (has_key_at(&v, at, &packed))
            return at;
    return v.count;
}

/* ---- where bytes are ----------------------------------------------------- */

/* What stands before an element, slots of those included. */
static inline size_t bytes_before(const struct view *v, unsigned at)
{
    return element_start(v, at) + at * slot_bytes(v);
}

unsigned page_index_at(const uint8_t *bytes, size_t offset)
{
    struct view v = view_of(bytes);
    unsigned    low = 0, high = v.count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (bytes_before(&v, middle) >= offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

size_t page_len_range(const uint8_t *bytes, unsigned from, unsigned count)
{
    struct view v = view_of(bytes);
    ASSERT(from + count <= v.count);
    return bytes_before(&v, from + count) - bytes_before(&v, from);
}

unsigned page_middle(const uint8_t *bytes)
{
    unsigned count = page_count(bytes);
    unsigned middle =
        page_index_at(bytes, (page_len(bytes) - PAGE_HEADER_BYTES) / 2);
    ASSERT(count >= 2);
    return middle == 0 ? 1 : middle >= count ? count - 1 : middle;
}
