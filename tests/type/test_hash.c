/* test_hash.c - fields come, change and go, and OBJECT ENCODING's answer goes
 * up with what was put in, as in Redis, and never down. */
#include "type/hash.h"

#include <stdio.h>

#include "base/unit.h"

static const struct object_env  env = { .page_limit = TREE_PAGE_LIMIT };
static const struct hash_limits limits = { .entries = 512, .value = 64 };

static slice text(const char *string)
{
    return slice_from_string(string);
}

static bool put(struct object *object, const char *field, slice value)
{
    return hash_put(object, text(field), value, &limits);
}

/* "(none)" if there is no such field. */
static void expect(struct object *object, const char *field, const char *value)
{
    struct coll       coll = coll_of_object(object);
    struct page_value found;
    char              buffer[NUM_INT64_CHARS];
    if (!hash_find(&coll, text(field), &found)) {
        assert_string_equal(value, "(none)");
        return;
    }
    assert_true(slice_equal(page_value_text(&found, buffer), text(value)));
}

static void fields_come_change_and_go(void **state)
{
    struct object *object = object_new(&env, OBJ_HASH);
    (void)state;
    expect(object, "a", "(none)");
    assert_true(put(object, "a", text("1")));
    assert_true(put(object, "", text("")));
    assert_false(put(object, "a", text("one")));
    expect(object, "a", "one");
    expect(object, "", "");
    assert_false(put(object, "a", text("-0")));
    expect(object, "a", "-0");
    assert_int_equal(object_count(object), 2);
    assert_true(hash_remove(object, text("a")));
    assert_false(hash_remove(object, text("a")));
    expect(object, "a", "(none)");
    assert_int_equal(object_count(object), 1);
    object_free(object);
}

static int encoding_after(const char *field, size_t value_len)
{
    static const char bytes[100];
    struct object    *object = object_new(&env, OBJ_HASH);
    (void)put(object, field, slice_make(bytes, value_len));
    int encoding = object->encoding;
    (void)hash_remove(object, text(field));
    assert_int_equal(object->encoding, encoding);
    object_free(object);
    return encoding;
}

static void a_long_text_makes_it_a_hashtable(void **state)
{
    const char *field_64 = "0123456789012345678901234567890123456789"
                           "012345678901234567890123";
    const char *field_65 = "0123456789012345678901234567890123456789"
                           "0123456789012345678901234";
    (void)state;
    assert_int_equal(encoding_after(field_64, 64), ENCODING_SMALL);
    assert_int_equal(encoding_after(field_65, 64), ENCODING_FULL);
    assert_int_equal(encoding_after(field_64, 65), ENCODING_FULL);
}

static void many_fields_make_it_a_hashtable(void **state)
{
    struct object *object = object_new(&env, OBJ_HASH);
    char           field[20];
    (void)state;
    for (int i = 0; i < 512; i++) {
        (void)snprintf(field, sizeof(field), "%d", i);
        assert_true(put(object, field, text("x")));
    }
    assert_false(put(object, "7", text("y")));
    assert_int_equal(object->encoding, ENCODING_SMALL);
    assert_true(put(object, "one more", text("x")));
    assert_int_equal(object->encoding, ENCODING_FULL);
    assert_true(hash_remove(object, text("7")));
    assert_int_equal(object->encoding, ENCODING_FULL);
    assert_null(object_check(object));
    object_free(object);
}

/* One by one, or by hash: the same is found in a page. */
static void expect_in_page(struct object *object, int count,
                           const struct page_hasher *hasher)
{
    slice page;
    assert_true(object_page(object, &page));
    struct coll coll = coll_of_page(OBJ_HASH, (const uint8_t *)page.data);
    coll.hasher = hasher;
    for (int i = -5; i < count + 5; i++) {
        char              field[20], buffer[NUM_INT64_CHARS];
        struct page_value value;
        int len = snprintf(field, sizeof(field), i % 2 ? "f%d" : "%d", i);
        slice             name = slice_make(field, (size_t)len);
        assert_int_equal(hash_find(&coll, name, &value), i >= 0 && i < count);
        if (i >= 0 && i < count)
            assert_true(slice_equal(page_value_text(&value, buffer), name));
    }
}

static void fields_are_found_in_pages_of_either_order(void **state)
{
    struct object *object = object_new(&env, OBJ_HASH);
    bool           was_small = false, was_sorted = false;
    (void)state;
    for (int i = 0; i < 300; i++) {
        char  field[20];
        slice page;
        (void)snprintf(field, sizeof(field), i % 2 ? "f%d" : "%d", i);
        assert_true(put(object, field, text(field)));
        if (i % 20 != 0)
            continue;
        expect_in_page(object, i + 1, NULL);
        expect_in_page(object, i + 1, &env.hasher);
        assert_true(object_page(object, &page));
        bool is_small = page_is_small((const uint8_t *)page.data);
        was_small |= is_small;
        was_sorted |= !is_small;
        struct coll coll = coll_of_object(object);
        assert_true(coll_longest(&coll) >= 8);
    }
    assert_true(was_small && was_sorted);
    object_free(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_change_and_go),
        cmocka_unit_test(a_long_text_makes_it_a_hashtable),
        cmocka_unit_test(many_fields_make_it_a_hashtable),
        cmocka_unit_test(fields_are_found_in_pages_of_either_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
