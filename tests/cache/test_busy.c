/* test_busy.c - struct busy never moves, is found by its index, and its memory
 * goes when none is needed. */
#include "cache/cache_test.h"

#define MANY 1000

static void sum_up(void *arg, const struct busy *busy)
{
    *(uint64_t *)arg += busy->version;
}

static void random_takes_and_gives(void **state)
{
    struct mem       mem = { .total_bytes = 0 };
    struct busy_pool pool;
    struct rand      rand;
    struct entry    *entries = calloc(MANY, sizeof(*entries));
    struct busy     *model[MANY] = { NULL };
    size_t           used = 0;

    (void)state;
    assert_non_null(entries);
    rand_init(&rand, test_seed("BUSY_SEED"));
    busy_pool_init(&pool, &mem);
    for (int i = 0; i < 50000; i++) {
        unsigned n = (unsigned)rand_below(&rand, MANY);
        if (model[n] == NULL) {
            model[n] = busy_new(&pool, &entries[n]);
            assert_int_equal(model[n]->version, 0); /* cleared */
            assert_int_equal(model[n]->pins, 0);
            assert_true(list_empty(&model[n]->waiters));
            model[n]->version = n + 1;
            model[n]->pins = 3;
            used++;
        } else {
            assert_ptr_equal(model[n]->entry, &entries[n]);
            assert_int_equal(model[n]->version, n + 1);
            assert_ptr_equal(busy_at(&pool, model[n]->index), model[n]);
            busy_free(&pool, model[n]);
            model[n] = NULL;
            used--;
        }
        assert_int_equal(pool.used_count, used);
        assert_int_equal(mem.used_bytes[MEM_DIRTY], mem.total_bytes);
        assert_true(mem.total_bytes >= used * BUSY_BYTES);
    }
    uint64_t sum = 0, want = 0;
    busy_each(&pool, sum_up, &sum);
    for (unsigned n = 0; n < MANY; n++)
        want += model[n] != NULL ? n + 1 : 0;
    assert_int_equal(sum, want);
    for (unsigned n = 0; n < MANY; n++)
        if (model[n] != NULL)
            busy_free(&pool, model[n]);
    assert_int_equal(mem.total_bytes, 0);
    busy_pool_deinit(&pool);
    free(entries);
}

static void states_follow_from_versions(void **state)
{
    struct busy busy = { .version = 5, .durable_version = 5 };

    (void)state;
    assert_int_equal(busy_state(&busy), DS_MEMORY);
    busy.version = 6;
    assert_int_equal(busy_state(&busy), DS_DIRTY);
    busy.saving_version = 6;
    assert_int_equal(busy_state(&busy), DS_SAVING);
    busy.version = 7;
    assert_int_equal(busy_state(&busy), DS_DIRTY);
    busy.durable_version = 6;
    busy.saving_version = 0;
    assert_int_equal(busy_state(&busy), DS_DIRTY);
    busy.durable_version = 7;
    assert_int_equal(busy_state(&busy), DS_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_takes_and_gives),
        cmocka_unit_test(states_follow_from_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
