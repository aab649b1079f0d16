/* test_page_check.c - bytes that are no page. Each try stands in a block of
 * exactly its length, so that the address sanitizer sees any read outside; what
 * passes the check is read whole. PAGE_TRIES is how many (20000). */
#include <stdlib.h>

#include "base/unit.h"
#include "tree/page_make.h"

static const struct page_hasher hasher = { .key = { 1, 2 } };

static void assert_refused(const char *bytes, size_t len, enum page_kind kind)
{
    assert_int_equal(page_check(slice_make(bytes, len), kind, NULL),
                     ERR_CORRUPT);
}
#define ASSERT_REFUSED(kind, literal)                                          \
    assert_refused((literal), sizeof(literal) - 1, (kind))
#define ASSERT_ACCEPTED(kind, literal)                                         \
    assert_int_equal(                                                          \
        page_check(slice_make((literal), sizeof(literal) - 1), (kind), NULL),  \
        ERR_OK)

static void test_headers(void **state)
{
    (void)state;
    ASSERT_ACCEPTED(PAGE_LIST, "\x10\0\0\0\0\0\0\0\0\0\0\0");
    ASSERT_REFUSED(PAGE_LIST, "");
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\0\0\0\0\0\0\0\0\0");
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\0\0\0\0\0\0\0\0\0\0\0");
    ASSERT_REFUSED(PAGE_SET, "\x10\0\0\0\0\0\0\0\0\0\0\0");
    ASSERT_REFUSED(PAGE_LIST, "\x20\0\0\0\0\0\0\0\0\0\0\0");
    ASSERT_REFUSED(PAGE_LIST, "\x10\x08\0\0\0\0\0\0\0\0\0\0");
    ASSERT_REFUSED(PAGE_LIST, "\x10\4\0\0\0\0\0\0\0\0\0\0"); /* small list */
    ASSERT_ACCEPTED(PAGE_SET, "\x11\4\0\0\0\0\0\0\0\0\0\0");
    ASSERT_REFUSED(PAGE_LIST, "\x10\1\0\0\0\0\0\0\0\0\0\0"); /* no shape */
    ASSERT_REFUSED(PAGE_LIST, "\x10\2\0\0\0\0\0\0\0\0\0\0"); /* wide, empty */
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\0\0\0\0\0\0\0\0\2\0"); /* shape unused */
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\0\0\xff\xff\xff\xff\0\0\0\0");
}

static void test_elements(void **state)
{
    (void)state;
    ASSERT_ACCEPTED(PAGE_LIST, "\x10\0\2\0\2\0\0\0\0\0\0\0"
                               "ab\2\0\4\0");
    /* slots that fall; that end early; that go too far */
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\2\0\2\0\0\0\0\0\0\0"
                              "ab\4\0\2\0");
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\2\0\2\0\0\0\0\0\0\0"
                              "ab\2\0\2\0");
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\2\0\2\0\0\0\0\0\0\0"
                              "ab\2\0\6\0");
    /* a number of no bytes; of nine; of more than it needs; not packed */
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\1\0\0\0\0\0\0\0\0\0"
                              "\1\0");
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\1\0\x09\0\0\0\0\0\0\0"
                              "\1\2\3\4\5\6\7\1\1\x13\0");
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\1\0\2\0\0\0\0\0\0\0"
                              "\1\0\5\0");
    ASSERT_REFUSED(PAGE_LIST, "\x10\0\1\0\1\0\0\0\0\0\0\0"
                              "7\2\0");
    ASSERT_ACCEPTED(PAGE_LIST, "\x10\0\1\0\1\0\0\0\0\0\0\0"
                               "\7\3\0");
    /* a key longer than its element; a length in two bytes for one */
    ASSERT_ACCEPTED(PAGE_HASH, "\x12\0\1\0\3\0\0\0\0\0\0\0"
                               "\2kv\6\0");
    ASSERT_REFUSED(PAGE_HASH, "\x12\0\1\0\3\0\0\0\0\0\0\0"
                              "\6kv\6\0");
    ASSERT_REFUSED(PAGE_HASH, "\x12\0\1\0\4\0\0\0\0\0\0\0"
                              "\x82\0kv\x08\0");
    ASSERT_REFUSED(PAGE_HASH, "\x12\0\1\0\1\0\0\0\0\0\0\0"
                              "\x82\2\0");
    /* shorter than what must stand in it */
    ASSERT_REFUSED(PAGE_SCORES, "\x13\0\1\0\7\0\0\0\0\0\0\0"
                                "1234567\x0e\0");
    ASSERT_REFUSED(PAGE_RANKS, "\x14\0\1\0\7\0\0\0\0\0\0\0"
                               "1234567\x0e\0");
    /* a uniform page whose sum is wrong; a score of 7 bytes */
    ASSERT_REFUSED(PAGE_LIST, "\x10\1\2\0\3\0\0\0\0\0\2\0"
                              "abc");
    ASSERT_REFUSED(PAGE_SCORES, "\x13\1\1\0\x08\0\0\0\2\0\x0e\0"
                                "k1234567");
}

static void test_order(void **state)
{
    (void)state;
    ASSERT_ACCEPTED(PAGE_RANKS, "\x14\1\2\0\x12\0\0\0\2\0\0\0"
                                "\1\0\0\0\0\0\0\0a\1\0\0\0\0\0\0\0b");
    ASSERT_REFUSED(PAGE_RANKS, "\x14\1\2\0\x12\0\0\0\2\0\0\0"
                               "\1\0\0\0\0\0\0\0b\1\0\0\0\0\0\0\0a");
    ASSERT_REFUSED(PAGE_RANKS, "\x14\1\2\0\x12\0\0\0\2\0\0\0"
                               "\1\0\0\0\0\0\0\0a\1\0\0\0\0\0\0\0a");
    ASSERT_REFUSED(PAGE_RANKS, "\x14\1\2\0\x12\0\0\0\2\0\0\0"
                               "\2\0\0\0\0\0\0\0a\1\0\0\0\0\0\0\0b");
    /* One of the two orders of two members must be wrong by hash. */
    err_t one = page_check(SLICE_LITERAL("\x11\1\2\0\2\0\0\0\2\0\0\0"
                                         "ab"),
                           PAGE_SET, &hasher);
    err_t two = page_check(SLICE_LITERAL("\x11\1\2\0\2\0\0\0\2\0\0\0"
                                         "ba"),
                           PAGE_SET, &hasher);
    assert_true((one == ERR_OK) != (two == ERR_OK));
    ASSERT_ACCEPTED(PAGE_SET, "\x11\1\2\0\2\0\0\0\2\0\0\0"
                              "ab");
    ASSERT_ACCEPTED(PAGE_SET, "\x11\1\2\0\2\0\0\0\2\0\0\0"
                              "ba");
}

/* ---- anything ------------------------------------------------------------ */

/* Every byte of every element, and some searches. */
static void read_all(const uint8_t *bytes, struct rand *rand)
{
    unsigned sum = 0;
    for (unsigned at = 0; at < page_count(bytes); at++) {
        struct page_element element;
        page_get(bytes, at, &element);
        for (size_t i = 0; !element.key.is_int && i < element.key.len; i++)
            sum += (uint8_t)element.key.data[i];
        for (size_t i = 0; !element.value.is_int && i < element.value.len; i++)
            sum += (uint8_t)element.value.data[i];
        assert_true(page_scan(bytes, &element.key) <= at);
    }
    struct page_target target = { .order = rand_next(rand) + sum,
                                  .where = TARGET_HIGHEST };
    bool               found;
    if (page_kind_of(bytes) != PAGE_LIST && !page_is_small(bytes))
        assert_true(page_search(bytes, &hasher, &target, 0, UINT64_MAX,
                                &found) <= page_count(bytes));
}

static void damage(struct rand *rand, uint8_t *bytes, size_t len)
{
    size_t flips = 1 + rand_below(rand, 3);
    for (size_t i = 0; i < flips && len > 0; i++) {
        /* Half of them where lengths are. */
        size_t at = rand_below(rand, len);
        if (rand_below(rand, 2))
            at =
                rand_below(rand, 2) ? at % PAGE_HEADER_BYTES : len - 1 - at % 8;
        if (at < len)
            bytes[at] = (uint8_t)(rand_below(rand, 2)
                                      ? bytes[at] ^ 1u << rand_below(rand, 8)
                                      : rand_next(rand));
    }
}

/* A copy of len bytes of the page in a block of its own; 1 if it passed. */
static int try_once(struct rand *rand, const struct page *page)
{
    size_t len = page->len;
    if (rand_below(rand, 4) == 0)
        len = rand_below(rand, len + 8);
    uint8_t *bytes = mem_calloc(1, len);
    memcpy(bytes, page->bytes, len < page->len ? len : page->len);
    if (rand_below(rand, 20))
        damage(rand, bytes, len);
    enum page_kind kind = page_kind_of(page->bytes);
    err_t          err = page_check(slice_make(bytes, len), kind,
                           rand_below(rand, 2) ? &hasher : NULL);
    if (!err) {
        assert_int_equal(page_len(bytes), len);
        read_all(bytes, rand);
    } else {
        assert_int_equal(err, ERR_CORRUPT);
    }
    mem_free(bytes);
    return !err;
}

static struct page *random_page(struct rand *rand)
{
    struct made    made;
    enum page_kind kind = (enum page_kind)rand_below(rand, PAGE_KIND_COUNT);
    bool           one_shape = rand_below(rand, 2);
    struct page   *page = page_new(kind, 1, 0);
    unsigned       count = (unsigned)rand_below(rand, 12);
    for (unsigned at = 0; at < count; at++) {
        struct page_element element =
            make_element(rand, kind, one_shape, &made);
        element.order = at;
        page_insert(&page, at, &element);
    }
    if (page_kind_is_hashed(kind) && rand_below(rand, 2))
        page_set_small(page, true);
    return page;
}

static void test_damaged_pages(void **state)
{
    (void)state;
    struct rand rand;
    const char *wanted = getenv("PAGE_TRIES");
    unsigned    tries = wanted ? (unsigned)strtoul(wanted, NULL, 10) : 20000;
    unsigned    passed = 0;
    rand_init(&rand, 3);
    for (unsigned i = 0; i < tries; i++) {
        struct page *page = random_page(&rand);
        passed += (unsigned)try_once(&rand, page);
        page_unref(page);
    }
    /* Both must happen: damage that is seen, and damage within a text. */
    assert_true(passed > tries / 50);
    assert_true(passed < tries / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_damaged_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
