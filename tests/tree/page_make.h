/* page_make.h - random elements and pages for the tests of pages. */
#ifndef TESTS_TREE_PAGE_MAKE_H
#define TESTS_TREE_PAGE_MAKE_H

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "tree/page.h"

/* The text that a random element's parts are made of. */
struct made {
    char key[32], value[32];
};

static inline slice make_text(struct rand *rand, char *room, size_t size,
                              bool one_shape)
{
    static const char *const forms[] = { "%u", "-%u", "0%u", "name:%u", "" };
    unsigned    number = (unsigned)rand_below(rand, 900000) + 100000;
    unsigned    shift = one_shape ? 0 : (unsigned)rand_below(rand, 20);
    const char *form = one_shape ? "name:%u" : forms[rand_below(rand, 5)];
    int         len = 0;
    if (form[0] != '\0')
        len = snprintf(room, size, form, number >> shift);
    return slice_make(room, (size_t)len);
}

/* Of one shape, so that pages are uniform, or of any. */
static inline struct page_element make_element(struct rand   *rand,
                                               enum page_kind kind,
                                               bool           one_shape,
                                               struct made   *made)
{
    struct page_element element = { .order = 0 };
    slice key = make_text(rand, made->key, sizeof(made->key), one_shape);
    slice value = make_text(rand, made->value, sizeof(made->value), one_shape);
    if (kind == PAGE_RANKS)
        element.order = rand_next(rand);
    element.key = page_value_pack(kind == PAGE_LIST ? SLICE_EMPTY : key);
    if (kind == PAGE_LIST || kind == PAGE_HASH)
        element.value = page_value_pack(value);
    else if (kind == PAGE_SCORES)
        element.value = page_value_raw(slice_make("\1\2\3\4\5\6\7\10", 8));
    else
        element.value = page_value_raw(SLICE_EMPTY);
    return element;
}

#endif
