/* value.c - keys and values as they are packed.
 *
 * A text that is a canonical decimal int64 is kept as a number, always, so
 * that every text has exactly one form: two values are equal if their forms
 * are, and the hash is taken of the form. Only where the order of texts is
 * asked for (equal scores, equal hashes) is a number written out again. */
#include <string.h>

#include "base/assert.h"
#include "tree/page.h"

struct page_value page_value_raw(slice bytes)
{
    ASSERT(bytes.len <= PAGE_ELEMENT_MAX_BYTES);
    return (struct page_value){ .data = bytes.data,
                                .len = (uint32_t)bytes.len };
}

struct page_value page_value_pack(slice text)
{
    struct page_value value = page_value_raw(text);
    if (text.len == 0 || text.len >= NUM_INT64_CHARS)
        return value;
    /* Most texts are told from numbers by their first character. */
    if (text.data[0] > '9')
        return value;
    value.is_int = num_parse_int64(text, &value.number);
    return value;
}

slice page_value_text(const struct page_value *value,
                      char                     buffer[NUM_INT64_CHARS])
{
    if (!value->is_int)
        return slice_make(value->data, value->len);
    return slice_make(buffer, num_format_int64(value->number, buffer));
}

bool page_value_equal(const struct page_value *a, const struct page_value *b)
{
    if (a->is_int || b->is_int)
        return a->is_int && b->is_int && a->number == b->number;
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

int page_value_compare(const struct page_value *a, const struct page_value *b)
{
    char buffer_a[NUM_INT64_CHARS], buffer_b[NUM_INT64_CHARS];
    return slice_compare(page_value_text(a, buffer_a),
                         page_value_text(b, buffer_b));
}

uint64_t page_value_hash(const struct page_hasher *hasher,
                         const struct page_value  *value)
{
    if (hasher->override != NULL) {
        char buffer[NUM_INT64_CHARS];
        return hasher->override(page_value_text(value, buffer));
    }
    if (!value->is_int)
        return hash_siphash13(hasher->key, slice_make(value->data, value->len));
    uint8_t packed[8];
    num_put_be64(packed, (uint64_t)value->number);
    return hash_siphash13(hasher->key, slice_make(packed, sizeof(packed)));
}
