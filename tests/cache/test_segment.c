/* test_segment.c - every byte that is charged is there, every allocation keeps
 * its bytes, and memory comes back. */
#include "cache/cache_test.h"

#include "cache/segment.h"

#define MANY 4000

struct piece {
    char  *at;
    size_t size;
};

static void a_growth_that_was_foretold_is_what_is_charged(void **state)
{
    struct mem          mem = { .total_bytes = 0 };
    struct segment_pool pool;
    struct rand         rand;

    (void)state;
    rand_init(&rand, test_seed("SEGMENT_SEED"));
    segment_pool_init(&pool, &mem);
    for (int i = 0; i < MANY; i++) {
        size_t size = 1 + rand_below(&rand, i % 100 == 0 ? 300 * KB : 2 * KB);
        size_t growth = segment_growth(&pool, size);
        size_t before = mem.total_bytes;
        void  *at = segment_alloc(&pool, size, false);
        assert_in_range(mem.total_bytes - before, 0, growth);
        assert_true(growth == 0 || mem.total_bytes > before);
        assert_int_equal((uintptr_t)at % SEGMENT_ALIGN, 0);
        memset(at, 0xff, size); /* it is ours */
        assert_int_equal(mem.used_bytes[MEM_ENTRIES], mem.total_bytes);
    }
    segment_pool_deinit(&pool);
    assert_int_equal(mem.total_bytes, 0);
}

static void nothing_overlaps(void **state)
{
    struct mem          mem = { .total_bytes = 0 };
    struct segment_pool pool;
    struct rand         rand;
    struct piece       *pieces = calloc(MANY, sizeof(*pieces));

    (void)state;
    assert_non_null(pieces);
    rand_init(&rand, 5);
    segment_pool_init(&pool, &mem);
    for (size_t i = 0; i < MANY; i++) {
        pieces[i].size = 1 + rand_below(&rand, i % 50 ? 500 : 60 * KB);
        pieces[i].at = segment_alloc(&pool, pieces[i].size, i % 7 == 0);
        memset(pieces[i].at, (int)(i % 251), pieces[i].size);
    }
    for (size_t i = 0; i < MANY; i++)
        for (size_t j = 0; j < pieces[i].size; j++)
            if ((unsigned char)pieces[i].at[j] != i % 251)
                fail_msg("byte %zu of piece %zu", j, i);
    size_t live = pool.live_bytes;
    for (size_t i = 0; i < MANY; i++) {
        bool is_jumbo = pieces[i].size > SEGMENT_MAX_ALLOC;
        bool gone = segment_free(&pool, pieces[i].at, pieces[i].size);
        assert_int_equal(gone, is_jumbo);
        live -= (pieces[i].size + SEGMENT_ALIGN - 1) / SEGMENT_ALIGN *
                SEGMENT_ALIGN;
        assert_int_equal(pool.live_bytes, live);
    }
    assert_int_equal(pool.live_bytes, 0);
    free(pieces);
    segment_pool_deinit(&pool);
    assert_int_equal(mem.total_bytes, 0);
}

/* No size makes a jumbo that looks like an ordinary segment. */
static void a_jumbo_is_told_from_a_segment(void **state)
{
    struct mem          mem = { .total_bytes = 0 };
    struct segment_pool pool;

    (void)state;
    segment_pool_init(&pool, &mem);
    for (size_t size = SEGMENT_MAX_ALLOC - 64; size < 3 * SEGMENT_BYTES;
         size += 1000) {
        size_t before = mem.total_bytes;
        void  *at = segment_alloc(&pool, size, false);
        bool   is_jumbo = segment_is_jumbo(segment_of(at));
        assert_int_equal(is_jumbo, size > SEGMENT_MAX_ALLOC);
        if (is_jumbo) {
            assert_in_range(mem.total_bytes - before, size, size + 12 * KB);
            assert_true(segment_free(&pool, at, size));
            assert_int_equal(mem.total_bytes, before);
        }
    }
    segment_pool_deinit(&pool);
}

static void victims_come_oldest_first_and_are_used_again(void **state)
{
    struct mem          mem = { .total_bytes = 0 };
    struct segment_pool pool;
    char               *first[4] = { NULL };

    (void)state;
    segment_pool_init(&pool, &mem);
    assert_null(segment_victim(&pool));
    for (int n = 0; n < 4; n++)
        for (int i = 0; i < 10; i++) {
            char *at = segment_alloc(&pool, 12 * KB, false);
            if (i == 0)
                first[n] = at;
        }
    assert_true(pool.free_count >= 1); /* the hand's */
    for (int n = 0; n < 4; n++) {
        struct segment *victim = segment_victim(&pool);
        assert_ptr_equal(victim, segment_of(first[n]));
        for (int i = 0; i < 10; i++)
            segment_free(&pool, first[n] + (size_t)i * 12 * KB, 12 * KB);
        assert_int_equal(victim->live_bytes, 0);
        segment_release(&pool, victim, SIZE_MAX);
    }
    assert_null(segment_victim(&pool));
    size_t held = mem.total_bytes, free_count = pool.free_count;
    assert_int_equal(held, free_count * SEGMENT_BYTES);
    segment_alloc(&pool, 100, false);
    assert_int_equal(mem.total_bytes, held);
    segment_trim(&pool, 1);
    assert_int_equal(mem.total_bytes, 2 * SEGMENT_BYTES);
    segment_pool_deinit(&pool);
    assert_int_equal(mem.total_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_growth_that_was_foretold_is_what_is_charged),
        cmocka_unit_test(nothing_overlaps),
        cmocka_unit_test(a_jumbo_is_told_from_a_segment),
        cmocka_unit_test(victims_come_oldest_first_and_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
