/* test_heap.c - the first one is always the earliest, whatever comes and goes.
 */
#include "base/heap.h"

#include "base/rand.h"
#include "unit.h"

#define NODES 300

static void the_earliest_comes_first(void **state)
{
    struct mem       mem = { .total_bytes = 0 };
    struct heap      heap;
    struct heap_node nodes[5] = { { 0 } };
    const int64_t    when[5] = { 30, 10, 50, 10, 20 };
    const int64_t    order[5] = { 10, 10, 20, 30, 50 };
    (void)state;

    heap_init(&heap, &mem, MEM_OTHER);
    assert_null(heap_first(&heap));
    for (int i = 0; i < 5; i++)
        heap_add(&heap, &nodes[i], when[i]);
    assert_true(mem.used_bytes[MEM_OTHER] >= 5 * sizeof(void *));
    for (int i = 0; i < 5; i++) {
        struct heap_node *first = heap_first(&heap);
        assert_non_null(first);
        assert_int_equal(first->when, order[i]);
        heap_remove(&heap, first);
        heap_remove(&heap, first); /* nothing more */
    }
    assert_null(heap_first(&heap));
    heap_deinit(&heap);
    assert_int_equal(mem.total_bytes, 0);
}

static int64_t least(const struct heap_node *nodes)
{
    int64_t found = INT64_MAX;
    for (int i = 0; i < NODES; i++)
        if (nodes[i].place != 0 && nodes[i].when < found)
            found = nodes[i].when;
    return found;
}

static void any_one_can_be_taken_out(void **state)
{
    struct mem       mem = { .total_bytes = 0 };
    struct heap      heap;
    struct heap_node nodes[NODES] = { { 0 } };
    struct rand      rand;
    (void)state;

    rand_init(&rand, 7);
    heap_init(&heap, &mem, MEM_OTHER);
    for (int step = 0; step < 20000; step++) {
        struct heap_node *node = &nodes[rand_below(&rand, NODES)];
        if (node->place != 0)
            heap_remove(&heap, node);
        else
            heap_add(&heap, node, (int64_t)rand_below(&rand, 100) - 50);
        heap_check(&heap);
        if (heap.count > 0)
            assert_int_equal(heap_first(&heap)->when, least(nodes));
    }
    for (int i = 0; i < NODES; i++)
        heap_remove(&heap, &nodes[i]);
    heap_deinit(&heap);
    assert_int_equal(mem.total_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_comes_first),
        cmocka_unit_test(any_one_can_be_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
