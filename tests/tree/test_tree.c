/* test_tree.c - what a tree promises, one thing at a time; test_tree_random.c
 * does the rest. */
#include <stdio.h>
#include <string.h>

#include "base/unit.h"
#include "tree/tree_model.h"

struct fixture {
    struct tree_env env;
    uint64_t        next_id;
    ptrdiff_t       charged;
};

static void on_charge(void *arg, ptrdiff_t bytes)
{
    ((struct fixture *)arg)->charged += bytes;
}

static struct fixture *fixture_new(size_t page_limit)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));
    f->next_id = 1;
    f->env = (struct tree_env){ .page_limit = page_limit,
                                .hasher = { .key = { 3, 4 } },
                                .next_id = &f->next_id,
                                .on_charge = on_charge,
                                .arg = f };
    return f;
}

static void fixture_free(struct fixture *f, struct tree *tree)
{
    assert_null(tree_check(tree));
    tree_free(tree);
    assert_int_equal(f->charged, 0);
    mem_free(f);
}

static bool put(struct tree *tree, uint64_t order, const char *key,
                const char *value)
{
    bool created;
    assert_int_equal(tree_put(tree, order, slice_from_string(key),
                              slice_from_string(value), &created),
                     ERR_OK);
    return created;
}

static bool put_number(struct tree *tree, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    return put(tree, 0, text, "");
}

static bool delete_number(struct tree *tree, uint64_t number)
{
    char text[24];
    bool deleted;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    assert_int_equal(tree_delete(tree, 0, slice_from_string(text), &deleted),
                     ERR_OK);
    return deleted;
}

static void assert_key(const struct page_element *element, const char *key)
{
    char  buffer[NUM_INT64_CHARS];
    slice text = page_value_text(&element->key, buffer);
    assert_true(slice_equal(text, slice_from_string(key)));
}

static double fill_of(const struct fixture *f, struct tree *tree)
{
    size_t used, leaves;
    tree_fill(tree, &used, &leaves);
    return (double)used / (double)(leaves * f->env.page_limit);
}

/* ---- small and sorted ---------------------------------------------------- */

static void test_small_keeps_the_order_of_insertion(void **state)
{
    (void)state;
    struct fixture          *f = fixture_new(4000);
    struct tree             *tree = tree_new(&f->env, PAGE_HASH);
    struct page_element      element;
    static const char *const keys[] = { "z", "1", "m", "a", "" };
    for (size_t i = 0; i < 5; i++)
        assert_true(put(tree, 0, keys[i], "value"));
    assert_false(put(tree, 0, "z", "other"));
    assert_true(tree_is_small(tree));
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(tree_get(tree, i, &element), ERR_OK);
        assert_key(&element, keys[i]);
    }
    fixture_free(f, tree);
}

static void test_small_to_sorted_and_back(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(1000);
    struct tree    *tree = tree_new(&f->env, PAGE_SET);
    uint64_t        count = 0;
    while (tree_is_small(tree))
        put_number(tree, 100000 + count++);
    /* 4 bytes each with the packed number and no slots: one page still. */
    assert_int_equal(count, TREE_SMALL_COUNT_MAX + 1);
    while (tree_level(tree) == 0)
        put_number(tree, 100000 + count++);
    assert_true(count > 240);
    assert_null(tree_only_page(tree));
    assert_null(tree_check(tree));
    while (!tree_is_small(tree))
        assert_true(delete_number(tree, 100000 + --count));
    /* Not at the first element less, or it would go back and forth. */
    assert_int_equal(count, TREE_SMALL_COUNT_MAX / 4);
    assert_non_null(tree_only_page(tree));
    while (count > 0)
        assert_true(delete_number(tree, 100000 + --count));
    assert_int_equal(tree_count(tree), 0);
    fixture_free(f, tree);
}

static void test_one_large_element_stays_small(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(200);
    struct tree    *tree = tree_new(&f->env, PAGE_HASH);
    char            big[5000];
    memset(big, 'b', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    put(tree, 0, "field", big);
    assert_true(tree_is_small(tree));
    put(tree, 0, "second", "value");
    assert_false(tree_is_small(tree));
    assert_null(tree_check(tree));
    put(tree, 0, "second", big);
    put(tree, 0, "field", "short");
    assert_null(tree_check(tree));
    struct page_element element;
    bool                found;
    assert_int_equal(
        tree_find(tree, 0, SLICE_LITERAL("second"), &element, &found), ERR_OK);
    assert_true(found);
    assert_int_equal(element.value.len, sizeof(big) - 1);
    fixture_free(f, tree);
}

/* ---- fill ---------------------------------------------------------------- */

static void test_appending_and_prepending_fill_pages(void **state)
{
    (void)state;
    for (unsigned at_start = 0; at_start < 2; at_start++) {
        struct fixture *f = fixture_new(512);
        struct tree    *tree = tree_new(&f->env, PAGE_LIST);
        for (uint64_t i = 0; i < 20000; i++)
            assert_int_equal(tree_insert_at(tree, at_start ? 0 : i,
                                            SLICE_LITERAL("sixteen bytes...")),
                             ERR_OK);
        assert_true(fill_of(f, tree) > 0.97);
        fixture_free(f, tree);
    }
}

static void test_appending_by_score_fills_pages(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(512);
    struct tree    *tree = tree_new(&f->env, PAGE_RANKS);
    for (uint64_t i = 0; i < 20000; i++)
        put(tree, i, "member", "");
    assert_true(fill_of(f, tree) > 0.95);
    fixture_free(f, tree);
}

static void test_random_insertion_fills_four_fifths(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(1024);
    struct tree    *tree = tree_new(&f->env, PAGE_SET);
    for (uint64_t i = 0; i < 50000; i++)
        put_number(tree, 1000000000 + i);
    assert_true(fill_of(f, tree) > 0.78);
    /* Pages that are left half empty join. */
    for (uint64_t i = 0; i < 50000; i++)
        if (i % 10 != 0)
            delete_number(tree, 1000000000 + i);
    assert_int_equal(tree_count(tree), 5000);
    assert_true(fill_of(f, tree) > 0.4);
    fixture_free(f, tree);
}

/* ---- order --------------------------------------------------------------- */

/* All scores alike: only members tell pages apart. */
static void test_members_of_one_score(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(128);
    struct tree    *tree = tree_new(&f->env, PAGE_RANKS);
    char            member[64];
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(member, sizeof(member), "the same beginning %06u",
                 i * 7919 % 2000);
        assert_true(put(tree, 5, member, ""));
    }
    assert_null(tree_check(tree));
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t rank;
        bool     found;
        snprintf(member, sizeof(member), "the same beginning %06u", i);
        assert_int_equal(
            tree_rank(tree, 5, slice_from_string(member), &rank, &found),
            ERR_OK);
        assert_true(found);
        assert_int_equal(rank, i);
    }
    fixture_free(f, tree);
}

static void test_range_by_score(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(128);
    struct tree    *tree = tree_new(&f->env, PAGE_RANKS);
    char            member[16];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(member, sizeof(member), "m%u", i);
        put(tree, i / 10 * 2, member, "");
    }
    uint64_t           rank;
    struct page_target target = { .order = 20, .where = TARGET_LOWEST };
    assert_int_equal(tree_rank_of(tree, &target, &rank), ERR_OK);
    assert_int_equal(rank, 100);
    target.where = TARGET_HIGHEST;
    assert_int_equal(tree_rank_of(tree, &target, &rank), ERR_OK);
    assert_int_equal(rank, 110);
    target.order = 21; /* between two */
    assert_int_equal(tree_rank_of(tree, &target, &rank), ERR_OK);
    assert_int_equal(rank, 110);
    target.order = UINT64_MAX;
    assert_int_equal(tree_rank_of(tree, &target, &rank), ERR_OK);
    assert_int_equal(rank, 1000);
    fixture_free(f, tree);
}

/* A walk by hash from a cursor meets every element once. */
static void test_scan_by_hash(void **state)
{
    (void)state;
    struct fixture     *f = fixture_new(256);
    struct tree        *tree = tree_new(&f->env, PAGE_SET);
    struct page_element element;
    uint64_t            last = 0, seen = 0, rank;
    for (uint64_t i = 0; i < 1000; i++)
        put_number(tree, i);
    for (;;) {
        struct page_target target = { .order = last, .where = TARGET_HIGHEST };
        assert_int_equal(tree_rank_of(tree, &target, &rank), ERR_OK);
        if (rank == 1000)
            break;
        assert_int_equal(rank, seen);
        assert_int_equal(tree_get(tree, rank, &element), ERR_OK);
        char     buffer[NUM_INT64_CHARS];
        uint64_t hash = tree_hash(tree, page_value_text(&element.key, buffer));
        assert_true(hash > last);
        last = hash;
        seen++;
    }
    assert_int_equal(seen, 1000);
    fixture_free(f, tree);
}

static void test_random_is_even(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(128);
    struct tree    *tree = tree_new(&f->env, PAGE_SET);
    unsigned        hits[200] = { 0 };
    struct rand     rand;
    rand_init(&rand, 5);
    for (uint64_t i = 0; i < 200; i++)
        put_number(tree, i);
    for (unsigned i = 0; i < 200 * 200; i++) {
        struct page_element element;
        assert_int_equal(tree_random(tree, &rand, &element), ERR_OK);
        hits[element.key.number]++;
    }
    for (unsigned i = 0; i < 200; i++) {
        assert_true(hits[i] > 120); /* 200 +- 5.6 standard deviations */
        assert_true(hits[i] < 280);
    }
    fixture_free(f, tree);
}

/* ---- saving -------------------------------------------------------------- */

static size_t capture_all(struct tree *tree)
{
    size_t       count = 0;
    struct page *page;
    while ((page = tree_capture(tree, 1)) != NULL) {
        page_unref(page);
        count++;
    }
    return count;
}

static void test_a_change_dirties_its_way_only(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(512);
    struct tree    *tree = tree_new(&f->env, PAGE_HASH);
    char            key[16];
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "field%06u", i);
        put(tree, 0, key, "value");
    }
    assert_int_equal(capture_all(tree), tree_nodes(tree));
    assert_true(tree_level(tree) >= 2);
    /* Another value: the leaf. A new field: its way, too. */
    put(tree, 0, "field000007", "eulav");
    assert_int_equal(capture_all(tree), 1);
    bool deleted;
    assert_int_equal(
        tree_delete(tree, 0, SLICE_LITERAL("field000007"), &deleted), ERR_OK);
    assert_int_equal(capture_all(tree), tree_level(tree) + 1);
    assert_int_equal(capture_all(tree), 0);
    fixture_free(f, tree);
}

static void test_looking_dirties_nothing(void **state)
{
    (void)state;
    struct fixture     *f = fixture_new(128);
    struct tree        *tree = tree_new(&f->env, PAGE_SET);
    struct page_element element;
    struct tree_walk    walk;
    bool                found;
    for (uint64_t i = 0; i < 500; i++)
        put_number(tree, i);
    capture_all(tree);
    put_number(tree, 7);       /* is there */
    delete_number(tree, 1000); /* is not */
    tree_find(tree, 0, SLICE_LITERAL("8"), &element, &found);
    tree_walk_init(&walk, tree, 0, UINT64_MAX, false);
    while (tree_walk_next(&walk, &element) == ERR_OK)
        continue;
    assert_int_equal(tree_dirty_count(tree), 0);
    fixture_free(f, tree);
}

static void test_vanished_are_those_that_were_captured(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(128);
    struct tree    *tree = tree_new(&f->env, PAGE_LIST);
    uint64_t        id;
    for (uint64_t i = 0; i < 500; i++)
        tree_insert_at(tree, i, SLICE_LITERAL("never saved"));
    tree_delete_range(tree, 0, 500);
    assert_false(tree_pop_vanished(tree, &id));
    for (uint64_t i = 0; i < 500; i++)
        tree_insert_at(tree, i, SLICE_LITERAL("saved"));
    size_t nodes = capture_all(tree);
    tree_delete_range(tree, 0, 500);
    size_t vanished = 0;
    while (tree_pop_vanished(tree, &id))
        vanished++;
    assert_int_equal(vanished, nodes - 1);
    assert_int_equal(tree_nodes(tree), 1);
    fixture_free(f, tree);
}

static void test_a_held_page_is_copied(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(1000);
    struct tree    *tree = tree_new(&f->env, PAGE_SET);
    put_number(tree, 1);
    struct page *held = tree_capture(tree, 1);
    assert_ptr_equal(held, tree_only_page(tree));
    put_number(tree, 2);
    assert_ptr_not_equal(held, tree_only_page(tree));
    assert_int_equal(held->node.id, tree_root_id(tree));
    assert_int_equal(page_count(held->bytes), 1);
    page_unref(held);
    /* Nobody holds it any more: it is changed where it is. */
    held = tree_capture(tree, 1);
    page_unref(held);
    put_number(tree, 3);
    assert_ptr_equal(held, tree_only_page(tree));
    fixture_free(f, tree);
}

/* ---- loading ------------------------------------------------------------- */

static void save(struct tree *tree, struct disk *disk)
{
    struct page *page;
    while ((page = tree_capture(tree, 1)) != NULL) {
        disk_put(disk, page->node.id, slice_make(page->bytes, page->len));
        page_unref(page);
    }
}

static struct tree *scores_tree(struct fixture *f, struct disk *disk)
{
    struct tree *tree = tree_new(&f->env, PAGE_RANKS);
    char         member[24];
    for (unsigned i = 0; i < 300; i++) {
        snprintf(member, sizeof(member), "member %u", i);
        put(tree, i / 50, member, "");
    }
    *disk = (struct disk){ .count = 0 };
    save(tree, disk);
    return tree;
}

static err_t load(struct fixture *f, struct tree *tree, struct disk *disk,
                  uint64_t count)
{
    struct tree *loaded;
    err_t err = tree_load(&f->env, tree_kind(tree), tree_root_id(tree), count,
                          disk_fetch, disk, &loaded);
    if (!err) {
        assert_null(tree_check(loaded));
        assert_int_equal(tree_dirty_count(loaded), 0);
        assert_int_equal(tree_count(loaded), count);
        tree_free(loaded);
    }
    return err;
}

static void test_load_refuses_another_count(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(128);
    struct disk     disk;
    struct tree    *tree = scores_tree(f, &disk);
    assert_int_equal(load(f, tree, &disk, 300), ERR_OK);
    assert_int_equal(load(f, tree, &disk, 299), ERR_CORRUPT);
    assert_int_equal(load(f, tree, &disk, 301), ERR_CORRUPT);
    disk_deinit(&disk);
    fixture_free(f, tree);
}

static void test_load_with_a_node_missing(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(128);
    struct disk     disk;
    struct tree    *tree = scores_tree(f, &disk);
    for (size_t id = 0; id < disk.capacity; id++) {
        struct disk_record kept = disk.records[id];
        if (kept.bytes == NULL)
            continue;
        disk.records[id].bytes = NULL;
        assert_int_equal(load(f, tree, &disk, 300), ERR_NOT_FOUND);
        disk.records[id] = kept;
    }
    assert_int_equal(load(f, tree, &disk, 300), ERR_OK);
    disk_deinit(&disk);
    fixture_free(f, tree);
}

/* Any byte of any node may be wrong: a tree that is right, or ERR_CORRUPT (or
 * an id that is not there). */
static void test_load_of_damaged_nodes(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(128);
    struct disk     disk;
    struct tree    *tree = scores_tree(f, &disk);
    struct rand     rand;
    unsigned        refused = 0;
    rand_init(&rand, 11);
    for (unsigned i = 0; i < 5000; i++) {
        size_t id = rand_below(&rand, disk.capacity);
        if (disk.records[id].bytes == NULL)
            continue;
        uint8_t *byte =
            disk.records[id].bytes + rand_below(&rand, disk.records[id].len);
        uint8_t kept = *byte;
        *byte ^= (uint8_t)(1u << rand_below(&rand, 8));
        err_t err = load(f, tree, &disk, 300);
        assert_true(err == ERR_OK || err == ERR_CORRUPT ||
                    err == ERR_NOT_FOUND);
        refused += err != ERR_OK;
        *byte = kept;
    }
    assert_true(refused > 500);
    disk_deinit(&disk);
    fixture_free(f, tree);
}

/* ---- the end ------------------------------------------------------------- */

static void test_freeing_in_slices(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(128);
    struct tree    *tree = tree_new(&f->env, PAGE_SET);
    for (uint64_t i = 0; i < 3000; i++)
        put_number(tree, i);
    size_t nodes = tree_nodes(tree), slices = 1;
    for (; !tree_free_slice(tree, 10); slices++)
        assert_true(f->charged > 0);
    assert_int_equal(slices, (nodes + 9) / 10);
    assert_int_equal(f->charged, 0);
    mem_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_keeps_the_order_of_insertion),
        cmocka_unit_test(test_small_to_sorted_and_back),
        cmocka_unit_test(test_one_large_element_stays_small),
        cmocka_unit_test(test_appending_and_prepending_fill_pages),
        cmocka_unit_test(test_appending_by_score_fills_pages),
        cmocka_unit_test(test_random_insertion_fills_four_fifths),
        cmocka_unit_test(test_members_of_one_score),
        cmocka_unit_test(test_range_by_score),
        cmocka_unit_test(test_scan_by_hash),
        cmocka_unit_test(test_random_is_even),
        cmocka_unit_test(test_a_change_dirties_its_way_only),
        cmocka_unit_test(test_looking_dirties_nothing),
        cmocka_unit_test(test_vanished_are_those_that_were_captured),
        cmocka_unit_test(test_a_held_page_is_copied),
        cmocka_unit_test(test_load_refuses_another_count),
        cmocka_unit_test(test_load_with_a_node_missing),
        cmocka_unit_test(test_load_of_damaged_nodes),
        cmocka_unit_test(test_freeing_in_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
