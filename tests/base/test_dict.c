/* test_dict.c - the dict against a plain array, while it grows and shrinks. */
#include "base/dict.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

#define ITEMS 5000

struct item {
    struct dict_node node;
    char             name[16];
    bool             is_in;
};

static struct hash_key test_key(void)
{
    return (struct hash_key){ 1, 2 };
}

static struct item *items_new(void)
{
    struct item *items = mem_calloc(ITEMS, sizeof(*items));
    for (int i = 0; i < ITEMS; i++) {
        snprintf(items[i].name, sizeof(items[i].name), "item %d", i);
        items[i].node.key = slice_from_string(items[i].name);
    }
    return items;
}

static void assert_same(const struct dict *dict, const struct item *items)
{
    size_t expected = 0, walked = 0;
    for (int i = 0; i < ITEMS; i++) {
        struct dict_node *node =
            dict_find(dict, slice_from_string(items[i].name));
        assert_ptr_equal(node, items[i].is_in ? &items[i].node : NULL);
        expected += items[i].is_in;
    }
    for (struct dict_node *node = dict_next(dict, NULL); node != NULL;
         node = dict_next(dict, node))
        walked++;
    assert_int_equal(walked, expected);
    assert_int_equal(dict->count, expected);
}

static void test_grows_and_shrinks(void **state)
{
    (void)state;
    struct mem   mem = { .total_bytes = 0 };
    struct dict  dict;
    struct item *items = items_new();
    uint64_t     random = 88172645463325252u;
    dict_init(&dict, &mem, MEM_OTHER, test_key());
    assert_same(&dict, items);
    /* Mostly in, then mostly out, then all out. */
    for (int round = 0; round < 60000; round++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        struct item *item = &items[random % ITEMS];
        bool in = (random >> 32) % 10 < (round < 30000 ? 8 : 2);
        if (in && !item->is_in)
            dict_insert(&dict, &item->node);
        else if (!in && item->is_in)
            dict_remove(&dict, &item->node);
        item->is_in = in;
        if (round % 10000 == 9999)
            assert_same(&dict, items);
    }
    size_t most = mem.total_bytes;
    for (int i = 0; i < ITEMS; i++)
        if (items[i].is_in)
            dict_remove(&dict, &items[i].node);
    assert_true(mem.total_bytes < most);
    dict_deinit(&dict);
    assert_int_equal(mem.total_bytes, 0);
    mem_free(items);
}

static void test_any_gives_what_is_there(void **state)
{
    (void)state;
    struct mem   mem = { .total_bytes = 0 };
    struct dict  dict;
    struct item *items = items_new();
    dict_init(&dict, &mem, MEM_OTHER, test_key());
    assert_null(dict_any(&dict, 7));
    for (int i = 0; i < 1000; i++)
        dict_insert(&dict, &items[i].node);
    for (int i = 0; i < 1000; i++) {
        struct dict_node *node = dict_any(&dict, (uint64_t)i * 7919);
        assert_non_null(node);
        dict_remove(&dict, node);
    }
    assert_null(dict_any(&dict, 7));
    dict_deinit(&dict);
    mem_free(items);
}

static void test_binary_keys(void **state)
{
    (void)state;
    struct mem       mem = { .total_bytes = 0 };
    struct dict      dict;
    struct dict_node empty = { .key = slice_make("", 0) };
    struct dict_node zero = { .key = slice_make("\0", 1) };
    dict_init(&dict, &mem, MEM_OTHER, test_key());
    dict_insert(&dict, &empty);
    dict_insert(&dict, &zero);
    assert_ptr_equal(dict_find(&dict, slice_make("", 0)), &empty);
    assert_ptr_equal(dict_find(&dict, slice_make("\0", 1)), &zero);
    assert_null(dict_find(&dict, slice_make("\0\0", 2)));
    dict_remove(&dict, &empty);
    dict_remove(&dict, &zero);
    dict_deinit(&dict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_and_shrinks),
        cmocka_unit_test(test_any_gives_what_is_there),
        cmocka_unit_test(test_binary_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
