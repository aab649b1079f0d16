/* test_set.c - members come and go, and OBJECT ENCODING's answer goes up with
 * what was put in, as in Redis, and down only where Redis makes a new set. */
#include "type/set.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/unit.h"

static const struct object_env env = { .page_limit = TREE_PAGE_LIMIT };
static const struct set_limits limits = { .intset_entries = 512,
                                          .listpack_entries = 128,
                                          .listpack_value = 64 };

static slice text(const char *string)
{
    return slice_from_string(string);
}

static bool has(struct object *object, const char *member)
{
    struct coll coll = coll_of_object(object);
    return set_has(&coll, text(member));
}

static bool add(struct object *object, const char *member)
{
    return set_add(object, text(member), &limits);
}

static void add_numbers(struct object *object, int first, int count,
                        const char *prefix)
{
    char member[100];
    for (int i = first; i < first + count; i++) {
        (void)snprintf(member, sizeof(member), "%s%d", prefix, i);
        assert_true(add(object, member));
    }
}

static void members_come_and_go(void **state)
{
    struct object *object = object_new(&env, OBJ_SET);
    (void)state;
    assert_false(has(object, "1"));
    assert_true(add(object, "1"));
    assert_false(add(object, "1"));
    assert_true(add(object, "01")); /* no number, and another member */
    assert_true(add(object, ""));
    assert_true(has(object, "1"));
    assert_true(has(object, "01"));
    assert_true(has(object, ""));
    assert_false(has(object, "2"));
    assert_int_equal(object_count(object), 3);
    assert_true(set_remove(object, text("1")));
    assert_false(set_remove(object, text("1")));
    assert_false(has(object, "1"));
    assert_true(has(object, "01"));
    assert_int_equal(object_count(object), 2);
    assert_null(object_check(object));
    object_free(object);
}

/* The encoding after count members with that prefix, and one more. */
static int encoding_of(int count, const char *prefix, const char *more)
{
    struct object *object = object_new(&env, OBJ_SET);
    add_numbers(object, 0, count, prefix);
    if (more != NULL)
        assert_true(add(object, more));
    int encoding = object->encoding;
    object_free(object);
    return encoding;
}

#define LETTERS_64                                                             \
    "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static void the_encoding_goes_by_number_and_length(void **state)
{
    (void)state;
    assert_int_equal(encoding_of(1, "", NULL), ENCODING_SMALL);
    assert_int_equal(encoding_of(512, "", NULL), ENCODING_SMALL);
    assert_int_equal(encoding_of(513, "", NULL), ENCODING_FULL);
    assert_int_equal(encoding_of(1, "m", NULL), ENCODING_LISTPACK);
    assert_int_equal(encoding_of(128, "m", NULL), ENCODING_LISTPACK);
    assert_int_equal(encoding_of(129, "m", NULL), ENCODING_FULL);
    assert_int_equal(encoding_of(127, "", "x"), ENCODING_LISTPACK);
    assert_int_equal(encoding_of(128, "", "x"), ENCODING_FULL);
    assert_int_equal(encoding_of(1, "", "-0"), ENCODING_LISTPACK);
    assert_int_equal(encoding_of(1, "", "9223372036854775808"),
                     ENCODING_LISTPACK);
    assert_int_equal(encoding_of(0, "", LETTERS_64), ENCODING_LISTPACK);
    assert_int_equal(encoding_of(0, "", LETTERS_64 "e"), ENCODING_FULL);
    assert_int_equal(encoding_of(3, "", LETTERS_64 "e"), ENCODING_FULL);
}

static void the_encoding_never_goes_back(void **state)
{
    struct object *object = object_new(&env, OBJ_SET);
    (void)state;
    add_numbers(object, 0, 10, "");
    assert_true(add(object, "x"));
    assert_true(set_remove(object, text("x")));
    assert_int_equal(object->encoding, ENCODING_LISTPACK);
    add_numbers(object, 10, 119, "");
    assert_int_equal(object->encoding, ENCODING_FULL);
    while (object_count(object) > 1) {
        struct page_element element;
        char                buffer[NUM_INT64_CHARS];
        assert_int_equal(tree_get(object->tree, 0, &element), ERR_OK);
        slice member = page_value_text(&element.key, buffer);
        char  copy[NUM_INT64_CHARS + 1];
        memcpy(copy, member.data, member.len);
        copy[member.len] = '\0';
        assert_true(set_remove(object, text(copy)));
    }
    assert_int_equal(object->encoding, ENCODING_FULL);
    object_free(object);
}

static int encoding_after_add_of(size_t count, const char *member)
{
    struct object *object = object_new(&env, OBJ_SET);
    assert_true(add(object, member));
    set_note_add(object, count, &limits);
    int encoding = object->encoding;
    object_free(object);
    return encoding;
}

/* SADD k a a a ... */
static void many_arguments_count_also_if_they_are_one_member(void **state)
{
    (void)state;
    assert_int_equal(encoding_after_add_of(512, "1"), ENCODING_SMALL);
    assert_int_equal(encoding_after_add_of(513, "1"), ENCODING_FULL);
    assert_int_equal(encoding_after_add_of(128, "a"), ENCODING_LISTPACK);
    assert_int_equal(encoding_after_add_of(129, "a"), ENCODING_FULL);
}

static int encoding_after_refit(int count, const char *more, bool was_full)
{
    struct object *object = object_new(&env, OBJ_SET);
    add_numbers(object, 0, count, "");
    if (more != NULL)
        assert_true(add(object, more));
    if (was_full)
        object_raise_encoding(object, ENCODING_FULL);
    set_refit(object, &limits);
    int encoding = object->encoding;
    object_free(object);
    return encoding;
}

static void what_is_left_of_a_large_set_may_be_a_listpack(void **state)
{
    (void)state;
    assert_int_equal(encoding_after_refit(128, NULL, true), ENCODING_LISTPACK);
    assert_int_equal(encoding_after_refit(129, NULL, true), ENCODING_FULL);
    assert_int_equal(encoding_after_refit(1, LETTERS_64, true),
                     ENCODING_LISTPACK);
    assert_int_equal(encoding_after_refit(1, LETTERS_64 "e", true),
                     ENCODING_FULL);
    assert_int_equal(encoding_after_refit(5, NULL, false), ENCODING_SMALL);
    assert_int_equal(encoding_after_refit(5, "x", false), ENCODING_LISTPACK);
}

/* A page has the encoding in it. */
static void the_encoding_survives_as_a_page(void **state)
{
    struct object *object = object_new(&env, OBJ_SET), *again;
    slice          page;
    (void)state;
    add_numbers(object, 0, 129, "m");
    for (int i = 1; i < 129; i++) {
        char member[20];
        (void)snprintf(member, sizeof(member), "m%d", i);
        assert_true(set_remove(object, text(member)));
    }
    assert_true(object_page(object, &page));
    again = object_from_page(&env, OBJ_SET, page);
    assert_int_equal(again->encoding, ENCODING_FULL);
    assert_true(has(again, "m0"));
    object_free(object);
    object_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(the_encoding_goes_by_number_and_length),
        cmocka_unit_test(the_encoding_never_goes_back),
        cmocka_unit_test(many_arguments_count_also_if_they_are_one_member),
        cmocka_unit_test(what_is_left_of_a_large_set_may_be_a_listpack),
        cmocka_unit_test(the_encoding_survives_as_a_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
