/* test_list.c - lists against a plain array, with the encoding that Redis 7.2
 * would have: after each change a list that fits in a page goes through that
 * page, as in the db. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/unit.h"
#include "type/list.h"

/* ---- the model ----------------------------------------------------------- */

#define MODEL_MAX 20000

struct model {
    char  *texts[MODEL_MAX];
    size_t lens[MODEL_MAX];
    size_t count;
    bool   is_quicklist;
};

static void model_insert(struct model *m, size_t at, slice text)
{
    size_t after = m->count++ - at;
    assert_true(m->count < MODEL_MAX);
    memmove(m->texts + at + 1, m->texts + at, after * sizeof(m->texts[0]));
    memmove(m->lens + at + 1, m->lens + at, after * sizeof(m->lens[0]));
    m->texts[at] = mem_alloc(text.len + 1);
    memcpy(m->texts[at], text.data, text.len);
    m->lens[at] = text.len;
}

static void model_remove(struct model *m, size_t at, size_t count)
{
    for (size_t i = at; i < at + count; i++)
        mem_free(m->texts[i]);
    size_t after = m->count - at - count;
    memmove(m->texts + at, m->texts + at + count, after * sizeof(m->texts[0]));
    memmove(m->lens + at, m->lens + at + count, after * sizeof(m->lens[0]));
    m->count -= count;
}

static slice model_text(const struct model *m, size_t at)
{
    return slice_make(m->texts[at], m->lens[at]);
}

/* Bytes of a listpack entry, as the format's description has them: a number's
 * encoding with its operand, or a string's; then its length in 7-bit groups. */
static size_t entry_bytes(slice text)
{
    static const struct {
        int64_t least, most;
        size_t  bytes;
    } numbers[] = {
        { 0, 127, 1 },
        { -4096, 4095, 2 },
        { INT16_MIN, INT16_MAX, 3 },
        { -8388608, 8388607, 4 },
        { INT32_MIN, INT32_MAX, 5 },
        { INT64_MIN, INT64_MAX, 9 },
    };
    int64_t number;
    size_t  bytes = 0, groups = 1;
    if (num_parse_int64(text, &number)) {
        for (size_t i = 0; bytes == 0; i++)
            if (number >= numbers[i].least && number <= numbers[i].most)
                bytes = numbers[i].bytes;
    } else {
        bytes = text.len + 1 + (text.len > 63) + 3 * (text.len > 4095);
    }
    for (size_t left = bytes >> 7; left > 0; left >>= 7)
        groups++;
    return bytes + groups;
}

static size_t listpack_bytes(const struct model *m)
{
    size_t bytes = 7;
    for (size_t i = 0; i < m->count; i++)
        bytes += entry_bytes(model_text(m, i));
    return bytes;
}

static void model_will_grow(struct model *m, size_t more, size_t limit)
{
    if (listpack_bytes(m) + more > limit)
        m->is_quicklist = true;
}

static void model_has_shrunk(struct model *m, size_t limit)
{
    if (listpack_bytes(m) <= limit / 2)
        m->is_quicklist = false;
}

/* ---- both ---------------------------------------------------------------- */

/* After how many changes it was so. */
struct seen {
    size_t small, full;
    size_t counted; /* the count of bytes was kept */
};

struct world {
    struct object_env  env;
    struct list_limits limits;
    struct rand        rand;
    struct object     *object;
    struct model       model;
    unsigned           style; /* of what is put in */
    struct seen        seen;
    char               big[100000];
};

static void world_init(struct world *w, uint64_t seed, size_t limit,
                       size_t page_limit)
{
    memset(w, 0, sizeof(*w));
    w->env = (struct object_env){ .page_limit = page_limit,
                                  .hasher = { .key = { 1, 2 } } };
    w->limits.listpack_bytes = limit;
    rand_init(&w->rand, seed);
    w->object = object_new(&w->env, OBJ_LIST);
    memset(w->big, 'x', sizeof(w->big));
}

static void world_deinit(struct world *w)
{
    object_free(w->object);
    model_remove(&w->model, 0, w->model.count);
}

static slice some_text(struct world *w)
{
    static char text[64];
    switch (w->style == 5 ? rand_below(&w->rand, 5) : w->style) {
    case 0: /* numbers of all widths */
        return slice_make(
            text, num_format_int64((int64_t)(rand_next(&w->rand) >>
                                             rand_below(&w->rand, 64)) -
                                       (int64_t)rand_below(&w->rand, 5000),
                                   text));
    case 1: /* of one byte */
        return slice_make(
            text,
            num_format_int64((int64_t)rand_below(&w->rand, 256) - 128, text));
    case 2:
        return slice_make("letter", rand_below(&w->rand, 4));
    case 3:
        return slice_make(w->big, rand_below(&w->rand, 200));
    default:
        return slice_make(w->big, rand_below(&w->rand, 300) == 0
                                      ? rand_below(&w->rand, sizeof(w->big))
                                      : 30);
    }
}

/* As it lies in its entry, and out again. */
static void through_page(struct world *w)
{
    slice page;
    if (object_count(w->object) == 0 || !object_page(w->object, &page))
        return;
    assert_int_equal(object_check_page(&w->env, OBJ_LIST, page), ERR_OK);
    struct object *again = object_from_page(&w->env, OBJ_LIST, page);
    object_free(w->object);
    w->object = again;
}

static void compare(struct world *w)
{
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    struct coll         coll = coll_of_object(w->object);
    assert_null(object_check(w->object));
    assert_int_equal(coll.count, w->model.count);
    coll_walk_init(&walk, &coll, 0, UINT64_MAX, false);
    for (size_t i = 0; coll_walk_next(&walk, &element); i++) {
        slice got = page_value_text(&element.value, buffer);
        assert_true(slice_equal(got, model_text(&w->model, i)));
    }
}

static void compare_encoding(struct world *w)
{
    enum object_encoding expected =
        w->model.is_quicklist ? ENCODING_FULL : ENCODING_SMALL;
    assert_int_equal(w->object->encoding, expected);
    if (w->object->listpack_bytes != 0) {
        assert_int_equal(w->object->listpack_bytes, listpack_bytes(&w->model));
        w->seen.counted++;
    }
    w->seen.full += expected == ENCODING_FULL;
    w->seen.small += expected == ENCODING_SMALL && w->model.count > 0;
}

/* ---- random changes ------------------------------------------------------ */

static void grow(struct world *w)
{
    slice  text = some_text(w);
    size_t limit = w->limits.listpack_bytes, count = w->model.count;
    size_t at = rand_below(&w->rand, count + 1);
    list_will_grow(w->object, text.len, &w->limits);
    model_will_grow(&w->model, text.len, limit);
    switch (rand_below(&w->rand, 3)) {
    case 0:
        list_push(w->object, LIST_HEAD, text);
        model_insert(&w->model, 0, text);
        break;
    case 1:
        list_push(w->object, LIST_TAIL, text);
        model_insert(&w->model, count, text);
        break;
    default:
        list_insert(w->object, at, text);
        model_insert(&w->model, at, text);
    }
}

static void replace(struct world *w)
{
    slice  text = some_text(w);
    size_t at = rand_below(&w->rand, w->model.count);
    list_will_grow(w->object, text.len, &w->limits);
    model_will_grow(&w->model, text.len, w->limits.listpack_bytes);
    list_replace(w->object, at, text);
    model_insert(&w->model, at, text);
    model_remove(&w->model, at + 1, 1);
    list_has_shrunk(w->object, &w->limits);
    model_has_shrunk(&w->model, w->limits.listpack_bytes);
}

static void shrink(struct world *w)
{
    size_t count = w->model.count;
    size_t some = 1 + rand_below(&w->rand,
                                 rand_below(&w->rand, 200) == 0 ? count : 1);
    size_t at = rand_below(&w->rand, count - some + 1);
    switch (rand_below(&w->rand, 3)) {
    case 0:
        list_drop(w->object, LIST_HEAD, some);
        model_remove(&w->model, 0, some);
        break;
    case 1:
        list_drop(w->object, LIST_TAIL, some);
        model_remove(&w->model, count - some, some);
        break;
    default:
        list_remove(w->object, at, some);
        model_remove(&w->model, at, some);
    }
    list_has_shrunk(w->object, &w->limits);
    model_has_shrunk(&w->model, w->limits.listpack_bytes);
}

static void remove_equal(struct world *w)
{
    char   copy[64];
    size_t count = w->model.count, removed = 0;
    slice  text = model_text(&w->model, rand_below(&w->rand, count));
    bool   is_backward = rand_below(&w->rand, 2);
    size_t max = rand_below(&w->rand, 3) ? SIZE_MAX : 2;
    if (text.len > sizeof(copy))
        return;
    memcpy(copy, text.data, text.len);
    text = slice_make(copy, text.len);
    uint64_t told = list_remove_equal(
        w->object, is_backward ? LIST_TAIL : LIST_HEAD, text, max);
    for (size_t i = 0, at = is_backward ? count - 1 : 0;
         i < count && removed < max; i++) {
        bool equal = slice_equal(model_text(&w->model, at), text);
        if (equal) {
            model_remove(&w->model, at, 1);
            removed++;
        }
        at += is_backward ? SIZE_MAX : !equal;
    }
    assert_int_equal(told, removed);
    list_has_shrunk(w->object, &w->limits);
    model_has_shrunk(&w->model, w->limits.listpack_bytes);
}

static void change(struct world *w, size_t target)
{
    size_t count = w->model.count;
    if (count == 0 || rand_below(&w->rand, 10) < (count < target ? 7u : 2u))
        grow(w);
    else if (rand_below(&w->rand, 200) == 0)
        remove_equal(w);
    else if (rand_below(&w->rand, 4) == 0)
        replace(w);
    else
        shrink(w);
}

static void test_changes(unsigned style, size_t limit, size_t page_limit,
                         struct seen *seen)
{
    struct world *w = mem_alloc(sizeof(*w));
    size_t        target = 0;
    world_init(w, style * 1000 + limit, limit, page_limit);
    w->style = style;
    for (size_t step = 0; step < 6000; step++) {
        if (step % 300 == 0)
            target = rand_below(&w->rand, style == 3 ? 200 : limit);
        change(w, target);
        if (rand_below(&w->rand, 4) != 0)
            through_page(w);
        compare_encoding(w);
        if (w->model.count == 0) { /* the key would be gone */
            w->model.is_quicklist = false;
            w->object->encoding = ENCODING_SMALL;
        }
        if (step % 50 == 0)
            compare(w);
    }
    compare(w);
    seen->small += w->seen.small;
    seen->full += w->seen.full;
    seen->counted += w->seen.counted;
    world_deinit(w);
    mem_free(w);
}

static void changes_leave_what_an_array_would_have(void **state)
{
    struct seen seen = { 0 };
    (void)state;
    for (unsigned style = 0; style <= 5; style++) {
        test_changes(style, 512, TREE_PAGE_LIMIT, &seen);
        test_changes(style, 512, 150, &seen);
        test_changes(style, 2048, 300, &seen);
    }
    assert_true(seen.small > 10000);
    assert_true(seen.full > 10000);
    assert_true(seen.counted > 10000);
}

/* ---- the limit ----------------------------------------------------------- */

/* The last element that a listpack of 8 KB takes, for elements of one kind. */
static void test_limit(slice text)
{
    struct world *w = mem_alloc(sizeof(*w));
    size_t        fit = 0, each = entry_bytes(text);
    world_init(w, 1, 8192, TREE_PAGE_LIMIT);
    while (7 + each * fit + text.len <= 8192)
        fit++;
    for (size_t i = 0; i <= fit; i++) {
        list_will_grow(w->object, text.len, &w->limits);
        list_push(w->object, LIST_TAIL, text);
        bool is_full = w->object->encoding == ENCODING_FULL;
        assert_int_equal(is_full, i + 1 > fit);
        through_page(w);
    }
    while (object_count(w->object) > 0) {
        list_drop(w->object, LIST_HEAD, 1);
        list_has_shrunk(w->object, &w->limits);
        bool is_full = w->object->encoding == ENCODING_FULL;
        assert_int_equal(is_full, 7 + each * object_count(w->object) > 4096);
        through_page(w);
    }
    world_deinit(w);
    mem_free(w);
}

static void a_listpack_has_8_kilobytes(void **state)
{
    static const char *const texts[] = {
        "", "a", "7", "127", "128", "-1", "-129", "4095", "4096", "32767",
        "32768", "8388607", "8388608", "-8388609", "2147483647", "2147483648",
        "-9223372036854775808", "text of some length",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        test_limit(slice_from_string(texts[i]));
    char long_text[5000] = { 0 };
    for (size_t len = 60; len < 70; len++)
        test_limit(slice_make(long_text, len));
    for (size_t len = 120; len < 130; len++)
        test_limit(slice_make(long_text, len));
    test_limit(slice_make(long_text, 4095));
    test_limit(slice_make(long_text, 4096));
}

/* ---- replies ------------------------------------------------------------- */

static void a_reply_is_not_longer_than_was_said(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    (void)state;
    for (unsigned style = 0; style <= 5; style++) {
        world_init(w, style, 8192, TREE_PAGE_LIMIT);
        w->style = style;
        for (size_t i = 0; i < 3000; i++) {
            slice text = some_text(w);
            list_push(w->object, LIST_TAIL, text);
            model_insert(&w->model, i, text);
        }
        struct coll coll = coll_of_object(w->object);
        for (size_t i = 0; i < 500; i++) {
            uint64_t rank = rand_below(&w->rand, 3000);
            uint64_t count = rand_below(&w->rand, 3001 - rank);
            size_t   bytes = 0;
            for (uint64_t at = rank; at < rank + count; at++)
                bytes += w->model.lens[at] + 10; /* $100000\r\n\r\n */
            size_t said = list_reply_bytes(&coll, rank, count);
            assert_true(said >= bytes);
            /* And it is about this part, not about all. */
            assert_true(said <= 3 * bytes + 25 * count + 250000);
        }
        world_deinit(w);
    }
    mem_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_leave_what_an_array_would_have),
        cmocka_unit_test(a_listpack_has_8_kilobytes),
        cmocka_unit_test(a_reply_is_not_longer_than_was_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
