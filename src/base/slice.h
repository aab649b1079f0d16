/* slice.h - bytes that somebody else owns.
 *
 * A slice is a borrowed view: it is valid for as long as its owner says, is
 * never NUL-terminated by contract, and may hold any byte. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct slice {
    const char *data; /* may be NULL only when len is 0 */
    size_t      len;
} slice;

#define SLICE_LITERAL(text) ((slice){ (text), sizeof(text) - 1 })
#define SLICE_EMPTY         ((slice){ "", 0 })

static inline slice slice_make(const void *data, size_t len)
{
    return (slice){ data, len };
}

static inline slice slice_from_string(const char *string)
{
    return (slice){ string, strlen(string) };
}

static inline bool slice_equal(slice a, slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* memcmp order, the shorter first when one is a prefix of the other. */
static inline int slice_compare(slice a, slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int    order = common ? memcmp(a.data, b.data, common) : 0;
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

/* ASCII case-insensitive comparison with a lower-case literal, as command
 * names and options need it. */
bool slice_equal_nocase(slice a, const char *lower);

#endif
