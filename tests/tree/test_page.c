/* test_page.c - pages: values, the layout byte by byte, edits against a plain
 * list, and searches. */
#include "tree/page.h"

#include <stdlib.h>

#include "base/unit.h"
#include "tree/page_make.h"

#define LIST_MAX 400

static const struct page_hasher hasher = { .key = { 1, 2 } };

/* ---- values -------------------------------------------------------------- */

static void assert_packs(const char *text, bool is_int)
{
    char              buffer[NUM_INT64_CHARS];
    struct page_value value = page_value_pack(slice_from_string(text));
    slice             again = page_value_text(&value, buffer);
    assert_int_equal(value.is_int, is_int);
    assert_int_equal(again.len, strlen(text));
    assert_memory_equal(again.data, text, again.len);
}

static void test_numbers_are_packed(void **state)
{
    (void)state;
    assert_packs("0", true);
    assert_packs("-1", true);
    assert_packs("127", true);
    assert_packs("-129", true);
    assert_packs("9223372036854775807", true);
    assert_packs("-9223372036854775808", true);
    assert_packs("9223372036854775808", false);
    assert_packs("-9223372036854775809", false);
    assert_packs("", false);
    assert_packs("-", false);
    assert_packs("-0", false);
    assert_packs("00", false);
    assert_packs("+1", false);
    assert_packs(" 1", false);
    assert_packs("1 ", false);
    assert_packs("1.0", false);
    assert_packs("123456789012345678901234567890", false);
}

static struct page_value packed(const char *text)
{
    return page_value_pack(slice_from_string(text));
}

static void test_values_compare_as_texts(void **state)
{
    (void)state;
    static const char *const texts[] = { "",  "-5",  "10", "100",
                                         "2", "20x", "9",  "a" };
    for (size_t i = 0; i < 8; i++) {
        for (size_t j = 0; j < 8; j++) {
            struct page_value a = packed(texts[i]), b = packed(texts[j]);
            int               compared = page_value_compare(&a, &b);
            assert_int_equal((compared > 0) - (compared < 0),
                             (i > j) - (i < j));
            assert_int_equal(page_value_equal(&a, &b), i == j);
            assert_int_equal(page_value_hash(&hasher, &a) ==
                                 page_value_hash(&hasher, &b),
                             i == j);
        }
    }
}

/* ---- the layout ---------------------------------------------------------- */

static void assert_bytes(const struct page *page, const char *bytes, size_t len)
{
    assert_int_equal(page->len, len);
    assert_memory_equal(page->bytes, bytes, len);
    assert_int_equal(page_check(slice_make(page->bytes, page->len),
                                page_kind_of(page->bytes), NULL),
                     ERR_OK);
}
#define ASSERT_BYTES(page, literal)                                            \
    assert_bytes((page), (literal), sizeof(literal) - 1)

static void insert_texts(struct page **page, unsigned at, uint64_t order,
                         const char *key, const char *value)
{
    struct page_element element = { .order = order,
                                    .key = packed(key),
                                    .value = packed(value) };
    page_insert(page, at, &element);
}

/* What docs/FORMAT.md says; it must not change by accident. */
static void test_layout_of_lists(void **state)
{
    (void)state;
    struct page *page = page_new(PAGE_LIST, 1, 0);
    ASSERT_BYTES(page, "\x10\0\0\0\0\0\0\0\0\0\0\0");
    insert_texts(&page, 0, 0, "", "abc");
    insert_texts(&page, 1, 0, "", "def");
    ASSERT_BYTES(page, "\x10\1\2\0\6\0\0\0\0\0\6\0"
                       "abcdef");
    insert_texts(&page, 1, 0, "", "300");
    ASSERT_BYTES(page, "\x10\0\3\0\x08\0\0\0\0\0\0\0"
                       "abc\x2c\x01"
                       "def"
                       "\6\0\x0b\0\x10\0");
    page_unref(page);
}

static void test_layout_of_hashes(void **state)
{
    (void)state;
    struct page *page = page_new(PAGE_HASH, 1, 0);
    insert_texts(&page, 0, 0, "k", "-1");
    ASSERT_BYTES(page, "\x12\1\1\0\2\0\0\0\2\0\3\0"
                       "k\xff");
    insert_texts(&page, 1, 0, "12", "v");
    ASSERT_BYTES(page, "\x12\0\2\0\6\0\0\0\0\0\0\0"
                       "\2k\xff"
                       "\3\x0cv"
                       "\7\0\x0c\0");
    page_unref(page);
}

static void test_layout_of_ranks(void **state)
{
    (void)state;
    struct page *page = page_new(PAGE_RANKS, 1, 0);
    insert_texts(&page, 0, 0x0102, "k", "");
    ASSERT_BYTES(page, "\x14\1\1\0\x09\0\0\0\2\0\0\0"
                       "\2\1\0\0\0\0\0\0k");
    insert_texts(&page, 1, 0x0103, "7", "");
    ASSERT_BYTES(page, "\x14\0\2\0\x12\0\0\0\0\0\0\0"
                       "\2\1\0\0\0\0\0\0k"
                       "\3\1\0\0\0\0\0\0\7"
                       "\x12\0\x25\0");
    page_unref(page);
}

static void test_wide_page(void **state)
{
    (void)state;
    size_t              len = 40000;
    char               *big = mem_calloc(1, len);
    struct page        *page = page_new(PAGE_LIST, 1, 0);
    struct page_element element = { .value =
                                        page_value_raw(slice_make(big, len)) };
    page_insert(&page, 0, &element);
    assert_int_equal(page->len, PAGE_HEADER_BYTES + len + 4);
    assert_int_equal(page->bytes[1], 2);
    insert_texts(&page, 0, 0, "", "x");
    insert_texts(&page, 2, 0, "", "5");
    assert_int_equal(page->len, PAGE_HEADER_BYTES + len + 2 + 12);
    assert_int_equal(
        page_check(slice_make(page->bytes, page->len), PAGE_LIST, NULL),
        ERR_OK);
    page_remove(&page, 1, 1);
    ASSERT_BYTES(page, "\x10\0\2\0\2\0\0\0\0\0\0\0"
                       "x\5"
                       "\2\0\5\0");
    page_unref(page);
    mem_free(big);
}

/* ---- edits --------------------------------------------------------------- */

/* A list of elements that does what the page does. */
struct list {
    enum page_kind      kind;
    unsigned            count;
    struct made        *made[LIST_MAX];
    struct page_element elements[LIST_MAX];
};

static void list_insert(struct list *list, unsigned at, struct made *made,
                        const struct page_element *element)
{
    memmove(list->made + at + 1, list->made + at,
            (list->count - at) * sizeof(list->made[0]));
    memmove(list->elements + at + 1, list->elements + at,
            (list->count - at) * sizeof(list->elements[0]));
    list->made[at] = made;
    list->elements[at] = *element;
    list->count++;
}

static void list_remove(struct list *list, unsigned from, unsigned count)
{
    unsigned end = from + count;
    for (unsigned at = from; at < end; at++)
        mem_free(list->made[at]);
    memmove(list->made + from, list->made + end,
            (list->count - end) * sizeof(list->made[0]));
    memmove(list->elements + from, list->elements + end,
            (list->count - end) * sizeof(list->elements[0]));
    list->count -= count;
}

static void assert_same(const struct page *page, const struct list *list)
{
    assert_int_equal(page_count(page->bytes), list->count);
    assert_int_equal(page_len(page->bytes), page->len);
    assert_true(page->len <= page->capacity);
    if (list->kind != PAGE_RANKS) /* whose order is random here */
        assert_int_equal(
            page_check(slice_make(page->bytes, page->len), list->kind, NULL),
            ERR_OK);
    for (unsigned at = 0; at < list->count; at++) {
        struct page_element got;
        page_get(page->bytes, at, &got);
        assert_true(got.order == list->elements[at].order);
        assert_true(page_value_equal(&got.key, &list->elements[at].key));
        assert_true(page_value_equal(&got.value, &list->elements[at].value));
    }
}

static void edit_once(struct rand *rand, struct page **page, struct list *list,
                      bool one_shape)
{
    struct made        *made = mem_alloc(sizeof(*made));
    struct page_element element =
        make_element(rand, list->kind, one_shape, made);
    unsigned at = (unsigned)rand_below(rand, list->count + 1);
    switch (rand_below(rand, 8)) {
    case 0:
        page_remove(page, at, (list->count - at) / 8);
        list_remove(list, at, (list->count - at) / 8);
        break;
    case 1:
        page_tidy(page);
        break;
    case 2:
    case 3:
        if (at < list->count) {
            size_t len = page_len_replaced((*page)->bytes, at, &element);
            page_replace(page, at, &element);
            assert_true((*page)->len <= len);
            list_remove(list, at, 1);
            list_insert(list, at, made, &element);
            return;
        }
        break;
    default:
        if (list->count < LIST_MAX - 1) {
            size_t len = page_len_inserted((*page)->bytes, &element);
            page_insert(page, at, &element);
            assert_int_equal((*page)->len, len);
            list_insert(list, at, made, &element);
            return;
        }
        break;
    }
    mem_free(made);
}

static void test_edits(void **state)
{
    (void)state;
    struct rand  rand;
    struct list *list = mem_alloc(sizeof(*list));
    rand_init(&rand, 1);
    for (unsigned run = 0; run < 2 * PAGE_KIND_COUNT; run++) {
        *list = (struct list){ .kind = (enum page_kind)(run / 2) };
        struct page *page = page_new(list->kind, 7, 0);
        /* Runs of one shape and of many take turns in the same page. */
        for (unsigned step = 0; step < 3000; step++) {
            edit_once(&rand, &page, list, step / 300 % 2 == run % 2);
            assert_same(page, list);
        }
        list_remove(list, 0, list->count);
        page_remove(&page, 0, page_count(page->bytes));
        assert_same(page, list);
        page_unref(page);
    }
    mem_free(list);
}

static struct page *page_make(struct rand *rand, struct list *list,
                              bool one_shape)
{
    struct page *page = page_new(list->kind, 7, 0);
    unsigned     count = (unsigned)rand_below(rand, 20);
    while (list->count < count) {
        struct made        *made = mem_alloc(sizeof(*made));
        struct page_element element =
            make_element(rand, list->kind, one_shape, made);
        page_insert(&page, list->count, &element);
        list_insert(list, list->count, made, &element);
    }
    return page;
}

/* Between pages with slots and without, all four ways. */
static void test_splice(void **state)
{
    (void)state;
    struct rand  rand;
    struct list *to = mem_alloc(sizeof(*to)), *from = mem_alloc(sizeof(*from));
    rand_init(&rand, 2);
    for (unsigned run = 0; run < 2000; run++) {
        enum page_kind kind = (enum page_kind)(run % PAGE_KIND_COUNT);
        *to = *from = (struct list){ .kind = kind };
        struct page *page = page_make(&rand, to, run & 8);
        struct page *source = page_make(&rand, from, run & 16);
        unsigned     at = (unsigned)rand_below(&rand, to->count + 1);
        unsigned     first = (unsigned)rand_below(&rand, from->count + 1);
        unsigned     count = from->count - first;
        size_t       most = page_len_joined(page->bytes, source->bytes);
        page_splice(&page, at, source->bytes, first, count);
        assert_true(page->len <= most);
        for (unsigned i = 0; i < count; i++) {
            struct made *made = mem_alloc(sizeof(*made));
            list_insert(to, at + i, made, &from->elements[first + i]);
        }
        assert_same(page, to);
        assert_same(source, from);
        list_remove(to, 0, to->count);
        list_remove(from, 0, from->count);
        page_unref(page);
        page_unref(source);
    }
    mem_free(to);
    mem_free(from);
}

static void test_tidy_drops_slots(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < PAGE_KIND_COUNT; kind++) {
        struct rand  rand;
        struct made  made;
        struct page *page = page_new((enum page_kind)kind, 1, 0);
        rand_init(&rand, kind);
        for (unsigned i = 0; i < 10; i++) {
            struct page_element element =
                make_element(&rand, (enum page_kind)kind, true, &made);
            element.order = i;
            page_insert(&page, i, &element);
        }
        assert_true(page_is_uniform(page->bytes));
        struct page *before = page_copy(page);
        insert_texts(&page, 5, 1, "odd", "odd");
        assert_false(page_is_uniform(page->bytes));
        page_remove(&page, 5, 1);
        assert_false(page_is_uniform(page->bytes));
        page_tidy(&page);
        assert_bytes(page, (const char *)before->bytes, before->len);
        page_unref(before);
        page_unref(page);
    }
}

static void test_copies_and_references(void **state)
{
    (void)state;
    struct page *page = page_new(PAGE_SET, 9, 100);
    insert_texts(&page, 0, 0, "a", "");
    assert_false(page_is_shared(page));
    assert_ptr_equal(page_ref(page), page);
    assert_true(page_is_shared(page));
    struct page *copy = page_copy(page);
    assert_false(page_is_shared(copy));
    assert_int_equal(copy->node.id, 9);
    page_unref(page);
    insert_texts(&page, 1, 0, "b", "");
    assert_int_equal(page_count(copy->bytes), 1);
    page_unref(page);
    page_unref(copy);
}

/* ---- searching ----------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
    const struct page_element *left = a, *right = b;
    uint64_t                   l = page_value_hash(&hasher, &left->key);
    uint64_t                   r = page_value_hash(&hasher, &right->key);
    return l < r ? -1 : l > r;
}

static void test_search_by_hash(void **state)
{
    (void)state;
    struct page_element elements[200];
    struct page        *page = page_new(PAGE_SET, 1, 0);
    for (unsigned i = 0; i < 200; i++)
        elements[i] =
            (struct page_element){ .key = { .is_int = true, .number = i * 7 } };
    qsort(elements, 200, sizeof(elements[0]), by_hash);
    for (unsigned i = 0; i < 200; i++)
        page_insert(&page, i, &elements[i]);
    assert_int_equal(
        page_check(slice_make(page->bytes, page->len), PAGE_SET, &hasher),
        ERR_OK);
    for (unsigned i = 0; i < 1400; i++) {
        struct page_target target = { .where = TARGET_KEY,
                                      .key = { .is_int = true, .number = i } };
        bool               found;
        target.order = page_value_hash(&hasher, &target.key);
        unsigned at =
            page_search(page->bytes, &hasher, &target, 0, UINT64_MAX, &found);
        assert_int_equal(found, i % 7 == 0);
        if (found)
            assert_int_equal(elements[at].key.number, i);
    }
    page_unref(page);
}

/* A hint that is wrong costs time, not the answer. */
static void test_search_with_wrong_bounds(void **state)
{
    (void)state;
    struct page *page = page_new(PAGE_SET, 1, 0);
    insert_texts(&page, 0, 0, "only", "");
    struct page_target target = { .where = TARGET_KEY, .key = packed("only") };
    uint64_t           hash = page_value_hash(&hasher, &target.key);
    bool               found;
    target.order = hash;
    assert_int_equal(
        page_search(page->bytes, &hasher, &target, hash, hash, &found), 0);
    assert_true(found);
    target.where = TARGET_HIGHEST;
    assert_int_equal(page_search(page->bytes, &hasher, &target, 0, 0, &found),
                     1);
    assert_false(found);
    target.where = TARGET_LOWEST;
    assert_int_equal(
        page_search(page->bytes, &hasher, &target, 0, UINT64_MAX, &found), 0);
    assert_false(found);
    page_unref(page);
}

static void test_search_by_order(void **state)
{
    (void)state;
    struct page *page = page_new(PAGE_RANKS, 1, 0);
    /* As texts: "10" before "9". */
    insert_texts(&page, 0, 5, "10", "");
    insert_texts(&page, 1, 5, "9", "");
    insert_texts(&page, 2, 5, "a", "");
    insert_texts(&page, 3, 8, "", "");
    static const struct {
        uint64_t    order;
        int         where;
        const char *key;
        unsigned    at;
        bool        found;
    } cases[] = {
        { 4, TARGET_HIGHEST, "", 0, false }, { 5, TARGET_LOWEST, "", 0, false },
        { 5, TARGET_KEY, "10", 0, true },    { 5, TARGET_KEY, "5", 1, false },
        { 5, TARGET_KEY, "9", 1, true },     { 5, TARGET_KEY, "z", 3, false },
        { 5, TARGET_HIGHEST, "", 3, false }, { 8, TARGET_LOWEST, "", 3, false },
        { 8, TARGET_KEY, "", 3, true },      { 9, TARGET_KEY, "", 4, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct page_target target = { .order = cases[i].order,
                                      .key = packed(cases[i].key) };
        bool               found;
        target.where = cases[i].where;
        assert_int_equal(
            page_search(page->bytes, &hasher, &target, 0, UINT64_MAX, &found),
            cases[i].at);
        assert_int_equal(found, cases[i].found);
    }
    page_unref(page);
}

static void test_scan(void **state)
{
    (void)state;
    struct page *page = page_new(PAGE_HASH, 1, 0);
    page_set_small(page, true);
    insert_texts(&page, 0, 0, "b", "1");
    insert_texts(&page, 1, 0, "a", "22");
    insert_texts(&page, 2, 0, "97", "x");
    static const char *const keys[] = { "b", "a", "97", "c", "", "aa" };
    static const unsigned    expected[] = { 0, 1, 2, 3, 3, 3 };
    for (unsigned i = 0; i < 6; i++) {
        struct page_value key = packed(keys[i]);
        assert_int_equal(page_scan(page->bytes, &key), expected[i]);
    }
    assert_true(page_is_small(page->bytes));
    page_unref(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_packed),
        cmocka_unit_test(test_values_compare_as_texts),
        cmocka_unit_test(test_layout_of_lists),
        cmocka_unit_test(test_layout_of_hashes),
        cmocka_unit_test(test_layout_of_ranks),
        cmocka_unit_test(test_wide_page),
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_splice),
        cmocka_unit_test(test_tidy_drops_slots),
        cmocka_unit_test(test_copies_and_references),
        cmocka_unit_test(test_search_by_hash),
        cmocka_unit_test(test_search_with_wrong_bounds),
        cmocka_unit_test(test_search_by_order),
        cmocka_unit_test(test_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
