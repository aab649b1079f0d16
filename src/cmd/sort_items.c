/* sort_items.c - see sort_items.h.
 *
 * The heap's top is what comes first. What leaves the heap goes to the end of
 * the array, which the heap has just given up: so the order is read from
 * behind. */
#include "cmd/sort_items.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"

/* --- texts --------------------------------------------------------------- */

struct sort_text *sort_text_new(size_t len)
{
    struct sort_text *text = mem_alloc(sizeof(*text) + len);
    ASSERT(len <= UINT32_MAX);
    text->len = (uint32_t)len;
    return text;
}

size_t sort_text_cost(const struct sort_text *text)
{
    return text == NULL ? 0 : mem_good_size(sizeof(*text) + text->len);
}

slice sort_text_slice(const struct sort_text *text)
{
    return slice_make(text->bytes, text->len);
}

/* --- life ---------------------------------------------------------------- */

size_t sort_items_bytes(size_t len)
{
    uint8_t prefix[NUM_VARINT_MAX];
    return num_put_varint(prefix, len) + len;
}

size_t sort_items_cost(uint64_t count, size_t bytes, bool is_weighed)
{
    size_t each = sizeof(uint32_t) +
                  (is_weighed ? sizeof(union sort_weight) : 0);
    if (bytes > UINT32_MAX || count > UINT32_MAX)
        return SIZE_MAX;
    return mem_good_size(bytes + 1) + mem_good_size((size_t)count * each + 16);
}

void sort_items_init(struct sort_items *items, enum sort_order order,
                     uint64_t count, size_t bytes)
{
    ASSERT(bytes <= UINT32_MAX && count <= UINT32_MAX);
    *items = (struct sort_items){ .order = order,
                                  .capacity = (size_t)count,
                                  .texts_capacity = bytes };
    items->texts = mem_alloc(bytes + 1);
    items->at = mem_alloc((items->capacity + 1) * sizeof(*items->at));
    if (order == SORT_BY_NUMBER || order == SORT_BY_TEXT)
        items->weights =
            mem_calloc(items->capacity + 1, sizeof(*items->weights));
}

void sort_items_deinit(struct sort_items *items)
{
    for (size_t i = 0; items->order == SORT_BY_TEXT && i < items->count; i++)
        mem_free(items->weights[i].text);
    mem_free(items->texts);
    mem_free(items->at);
    mem_free(items->weights);
    *items = (struct sort_items){ .count = 0 };
}

void sort_items_add(struct sort_items *items, slice element)
{
    ASSERT(items->count < items->capacity);
    ASSERT(items->texts_capacity - items->texts_len >=
           sort_items_bytes(element.len));
    uint8_t *out = items->texts + items->texts_len;
    size_t   prefix = num_put_varint(out, element.len);
    if (element.len > 0)
        memcpy(out + prefix, element.data, element.len);
    items->at[items->count++] = (uint32_t)items->texts_len;
    items->texts_len += prefix + element.len;
}

slice sort_items_element(const struct sort_items *items, size_t index)
{
    ASSERT(index < items->count);
    size_t   at = items->at[index];
    uint64_t len;
    slice    rest = slice_make(items->texts + at, items->texts_len - at);
    size_t   prefix = num_get_varint(rest, &len);
    ASSERT(prefix > 0 && len <= rest.len - prefix);
    return slice_make(rest.data + prefix, (size_t)len);
}

/* --- comparing ----------------------------------------------------------- */

static slice up_to_nul(slice text)
{
    const char *nul = text.len > 0 ? memchr(text.data, 0, text.len) : NULL;
    return nul == NULL ? text
                       : slice_make(text.data, (size_t)(nul - text.data));
}

static int compare_texts(const struct sort_items *items, slice a, slice b)
{
    if (items->to_nul)
        return slice_compare(up_to_nul(a), up_to_nul(b));
    return slice_compare(a, b);
}

static int compare_elements(const struct sort_items *items, size_t a, size_t b)
{
    return slice_compare(sort_items_element(items, a),
                         sort_items_element(items, b));
}

static int compare_numbers(const struct sort_items *items, size_t a, size_t b)
{
    double one = items->weights[a].number, other = items->weights[b].number;
    if (one != other)
        return one < other ? -1 : 1;
    return compare_elements(items, a, b);
}

static int compare_weights(const struct sort_items *items, size_t a, size_t b)
{
    const struct sort_text *one = items->weights[a].text;
    const struct sort_text *other = items->weights[b].text;
    if (one == NULL || other == NULL)
        return (one != NULL) - (other != NULL);
    return compare_texts(items, sort_text_slice(one), sort_text_slice(other));
}

/* Does item a come before item b? */
static bool is_before(const struct sort_items *items, size_t a, size_t b)
{
    int order = 0;
    switch (items->order) {
    case SORT_AS_ADDED:
        break;
    case SORT_BY_NUMBER:
        order = compare_numbers(items, a, b);
        break;
    case SORT_BY_ELEMENT:
        order = compare_texts(items, sort_items_element(items, a),
                              sort_items_element(items, b));
        break;
    case SORT_BY_TEXT:
        order = compare_weights(items, a, b);
        break;
    }
    if (order != 0)
        return items->descending ? order > 0 : order < 0;
    return items->at[a] < items->at[b];
}

/* --- the heap ------------------------------------------------------------ */

static void swap(struct sort_items *items, size_t a, size_t b)
{
    uint32_t at = items->at[a];
    items->at[a] = items->at[b];
    items->at[b] = at;
    if (items->weights == NULL)
        return;
    union sort_weight weight = items->weights[a];
    items->weights[a] = items->weights[b];
    items->weights[b] = weight;
}

static void sift_down(struct sort_items *items, size_t i, size_t size)
{
    for (;;) {
        size_t first = 2 * i + 1;
        if (first >= size)
            return;
        if (first + 1 < size && is_before(items, first + 1, first))
            first++;
        if (!is_before(items, first, i))
            return;
        swap(items, i, first);
        i = first;
    }
}

void sort_items_begin(struct sort_items *items, size_t wanted)
{
    ASSERT(wanted <= items->count);
    items->unheaped = items->count / 2;
    items->popped = 0;
    items->wanted = wanted;
}

bool sort_items_step(struct sort_items *items, size_t steps)
{
    if (items->order == SORT_AS_ADDED || items->wanted == 0)
        return true;
    for (; steps > 0; steps--) {
        if (items->unheaped > 0) {
            sift_down(items, --items->unheaped, items->count);
        } else if (items->popped < items->wanted) {
            size_t last = items->count - ++items->popped;
            swap(items, 0, last);
            sift_down(items, 0, last);
        } else {
            return true;
        }
    }
    return items->unheaped == 0 && items->popped == items->wanted;
}

size_t sort_items_place(const struct sort_items *items, size_t place)
{
    ASSERT(place < items->count);
    if (items->order == SORT_AS_ADDED)
        return place;
    ASSERT(place < items->popped);
    return items->count - 1 - place;
}
