/* test_table.c - the table grows and shrinks by one bucket and never loses an
 * entry; memory goes back. */
#include "cache/cache_test.h"

#include "cache/table.h"

#define MANY 30000u /* several chunks of buckets */

static struct entry *make(unsigned number, uint32_t hash)
{
    char          key[16];
    size_t        len = (size_t)snprintf(key, sizeof(key), "%u", number);
    struct entry *entry = calloc(1, sizeof(*entry) + len);
    assert_non_null(entry);
    entry->hash = hash;
    entry->space = number % 3;
    entry->key_len = (uint32_t)len;
    memcpy(entry->payload, key, len);
    return entry;
}

static struct entry *find(const struct table *table, unsigned number,
                          uint32_t hash)
{
    char key[16];
    int  len = snprintf(key, sizeof(key), "%u", number);
    return table_find(table, number % 3, slice_make(key, (size_t)len), hash);
}

static void count_one(void *arg, struct entry *entry)
{
    (void)entry;
    (*(size_t *)arg)++;
}

/* Every bucket's chain, walked by index, holds each entry once. */
static void check_walk(const struct table *table)
{
    size_t each = 0, walked = 0;
    table_each(table, count_one, &each);
    for (uint32_t i = 0; i < table->bucket_count; i++)
        for (const struct entry *e = table_bucket(table, i); e; e = e->next)
            walked++;
    assert_int_equal(each, table->entry_count);
    assert_int_equal(walked, table->entry_count);
    assert_null(table_bucket(table, table->bucket_count));
    assert_true(table->bucket_count > table->mask / 2);
    assert_true(table->bucket_count <= (uint64_t)table->mask + 1);
}

static void random_inserts_and_removes(void **state)
{
    struct mem     mem = { .total_bytes = 0 };
    struct table   table;
    struct rand    rand;
    struct entry **model = calloc(MANY, sizeof(*model));
    uint32_t      *hashes = calloc(MANY, sizeof(*hashes));

    (void)state;
    assert_non_null(model);
    assert_non_null(hashes);
    rand_init(&rand, test_seed("TABLE_SEED"));
    table_init(&table, &mem);
    size_t small = mem.total_bytes, most = 0;
    for (unsigned i = 0; i < MANY; i++)
        hashes[i] = i % 10 == 0 ? i % 100 : (uint32_t)rand_next(&rand);
    /* up, to and fro, down: the share of inserts of 100 */
    static const unsigned insert_share[] = { 95, 50, 50, 5, 95, 2 };
    for (unsigned phase = 0; phase < 6; phase++) {
        for (unsigned i = 0; i < 60000; i++) {
            unsigned n = (unsigned)rand_below(&rand, MANY);
            assert_ptr_equal(find(&table, n, hashes[n]), model[n]);
            bool insert = rand_below(&rand, 100) < insert_share[phase];
            if (insert && model[n] == NULL) {
                model[n] = make(n, hashes[n]);
                table_insert(&table, model[n]);
            } else if (!insert && model[n] != NULL) {
                table_remove(&table, model[n]);
                free(model[n]);
                model[n] = NULL;
            }
        }
        check_walk(&table);
        most = mem.total_bytes > most ? mem.total_bytes : most;
    }
    assert_int_equal(mem.used_bytes[MEM_ENTRIES], mem.total_bytes);
    for (unsigned n = 0; n < MANY; n++)
        if (model[n] != NULL) {
            assert_ptr_equal(find(&table, n, hashes[n]), model[n]);
            table_remove(&table, model[n]);
            free(model[n]);
        }
    assert_int_equal(table.entry_count, 0);
    assert_true(most > 6 * small);
    assert_true(mem.total_bytes < most / 3 * 2);
    /* A removal takes one bucket away at most; with some more it is small. */
    struct entry *last = make(0, 0);
    for (unsigned i = 0; i < MANY; i++) {
        table_insert(&table, last);
        table_remove(&table, last);
    }
    free(last);
    assert_in_range(mem.total_bytes, small, 3 * small);
    table_deinit(&table);
    assert_int_equal(mem.total_bytes, 0);
    free(model);
    free(hashes);
}

static void the_same_key_in_another_space_is_another(void **state)
{
    struct mem    mem = { .total_bytes = 0 };
    struct table  table;
    struct entry *entry = make(3, 77);

    (void)state;
    table_init(&table, &mem);
    table_insert(&table, entry);
    assert_ptr_equal(table_find(&table, 0, SLICE_LITERAL("3"), 77), entry);
    assert_null(table_find(&table, 1, SLICE_LITERAL("3"), 77));
    assert_null(table_find(&table, 0, SLICE_LITERAL("3"), 78));
    assert_null(table_find(&table, 0, SLICE_LITERAL("33"), 77));
    assert_null(table_find(&table, 0, SLICE_EMPTY, 77));
    table_deinit(&table);
    free(entry);
}

static void a_replaced_entry_keeps_its_place(void **state)
{
    struct mem    mem = { .total_bytes = 0 };
    struct table  table;
    struct entry *entries[100];

    (void)state;
    table_init(&table, &mem);
    for (unsigned i = 0; i < 100; i++) {
        entries[i] = make(i, i % 5); /* long chains */
        table_insert(&table, entries[i]);
    }
    for (unsigned i = 0; i < 100; i++) {
        struct entry *moved = make(i, i % 5);
        moved->next = entries[i]->next;
        table_replace(&table, entries[i], moved);
        free(entries[i]);
        entries[i] = moved;
        for (unsigned j = 0; j < 100; j++)
            assert_ptr_equal(find(&table, j, j % 5), entries[j]);
    }
    assert_int_equal(table.entry_count, 100);
    check_walk(&table);
    table_deinit(&table);
    for (unsigned i = 0; i < 100; i++)
        free(entries[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_inserts_and_removes),
        cmocka_unit_test(the_same_key_in_another_space_is_another),
        cmocka_unit_test(a_replaced_entry_keeps_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
