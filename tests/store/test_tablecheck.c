/* test_tablecheck.c - damage to filters, indexes and footers of tables is found
 * before LevelDB reads them, and before that nothing is read that is not
 * needed; what is damaged is kept away from LevelDB, all else is served. */
#include "table_test.h"

#include <stdatomic.h>

/* --- which are verified, and when ---------------------------------------- */

static struct tablecheck *open_check(struct place *place)
{
    assert_null(place->check);
    assert_int_equal(
        tablecheck_open(place->data_fd, NULL, MANY, &place->check, NULL),
        ERR_OK);
    return place->check;
}

static size_t unverified(struct place *place)
{
    struct tablecheck_stats stats;

    tablecheck_stats(place->check, &stats);
    return stats.unverified;
}

static size_t bad_tables(struct place *place)
{
    struct tablecheck_stats stats;

    tablecheck_stats(place->check, &stats);
    return stats.bad;
}

static err_t key_error(struct place *place, const char *key, bool *by_iterator)
{
    struct err_text why = { "" };
    bool            ignored;
    err_t           err = tablecheck_key(place->check, slice_from_string(key),
                                         by_iterator ? by_iterator : &ignored,
                                         &why);

    assert_int_equal(strlen(why.text) > 0, err != ERR_OK);
    if (err)
        assert_non_null(strstr(why.text, "data/0000"));
    return err;
}

static void test_a_key_verifies_the_tables_that_may_hold_it(void **state)
{
    struct place *place = *state;
    bool          by_iterator;

    open_check(place);
    assert_int_equal(unverified(place), TABLES);
    assert_int_equal(key_error(place, "A", NULL), ERR_OK);
    assert_int_equal(key_error(place, "z", NULL), ERR_OK);
    assert_int_equal(key_error(place, "b/9", NULL), ERR_OK);
    assert_int_equal(unverified(place), TABLES);
    assert_int_equal(key_error(place, "b/000001", &by_iterator), ERR_OK);
    assert_false(by_iterator);
    assert_int_equal(unverified(place), TABLES - 1);
    assert_int_equal(key_error(place, "b/000000", NULL), ERR_OK);
    assert_int_equal(unverified(place), TABLES - 1);
    assert_int_equal(key_error(place, "d/000598", NULL), ERR_OK);
    assert_int_equal(unverified(place), TABLES - 2);
    assert_int_equal(bad_tables(place), 0);
}

/* In level 0, where each opening puts what the log holds, tables overlap. */
static void test_overlapping_tables(void **state)
{
    struct place *place = *state;

    for (int i = 0; i < 3; i++) {
        open_store(place);
        assert_int_equal(put_text(place->store, "a/0", "x", false), ERR_OK);
        assert_int_equal(put_text(place->store, "c/9", "x", false), ERR_OK);
        close_store(place);
    }
    open_store(place);
    close_store(place);
    list_tables(place);
    assert_int_equal(place->count, TABLES + 3);
    assert_int_equal(place->tables[0].level, 0);
    open_check(place);
    assert_int_equal(key_error(place, "d/000000", NULL), ERR_OK);
    assert_int_equal(unverified(place), TABLES + 2);
    assert_int_equal(key_error(place, "b/000000", NULL), ERR_OK);
    assert_int_equal(unverified(place), TABLES - 2);
}

static void test_a_damaged_index(void **state)
{
    struct place   *place = *state;
    struct err_text why;
    char            path[PATH_CHARS], aside[PATH_CHARS];

    table_path(place, 1, path);
    aside_path(place, 1, aside);
    damage(place, 1, "index");
    open_check(place);
    assert_true(is_there(path));
    assert_int_equal(tablecheck_writable(place->check, NULL), ERR_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(key_error(place, "b/000000", NULL), ERR_CORRUPT);
        assert_int_equal(key_error(place, "b/000599", NULL), ERR_OK);
        assert_int_equal(key_error(place, "a/000000", NULL), ERR_OK);
        assert_int_equal(bad_tables(place), 1);
        assert_int_equal(tablecheck_writable(place->check, &why), ERR_CORRUPT);
        assert_non_null(strstr(why.text, strrchr(path, '/') + 1));
        assert_int_equal(tablecheck_all(place->check, NULL), ERR_CORRUPT);
        /* Nothing makes LevelDB open it now. */
        assert_false(is_there(path));
        assert_true(is_there(aside));
    }
    unlink(aside);
    assert_int_equal(tablecheck_writable(place->check, NULL), ERR_OK);
    assert_int_equal(key_error(place, "b/000000", NULL), ERR_OK);
    assert_int_equal(bad_tables(place), 0);
}

static void end_run(struct place *place)
{
    tablecheck_free(place->check);
    place->check = NULL;
}

/* In the next run the names are as LevelDB wants them while it opens. */
static void test_what_was_set_aside_earlier(void **state)
{
    struct place *place = *state;
    char          path[PATH_CHARS], aside[PATH_CHARS], name[PATH_CHARS];
    char          other[PATH_CHARS];

    table_path(place, 2, path);
    aside_path(place, 2, aside);
    damage(place, 2, "index");
    open_check(place);
    assert_int_equal(key_error(place, "c/000000", NULL), ERR_CORRUPT);
    end_run(place);
    /* Nobody's, and one of a table that has been compacted away. */
    file_write(path_join(name, place->data, "x.ldb.damaged"), "x", 1);
    file_write(path_join(other, place->data, "999999.ldb.damaged"), "x", 1);

    open_check(place);
    assert_int_equal(tablecheck_prepare(place->check, NULL), ERR_OK);
    assert_true(is_there(path));
    assert_false(is_there(aside));
    assert_true(is_there(name));
    assert_int_equal(unverified(place), TABLES - 1);
    tablecheck_opened(place->check);
    assert_false(is_there(path));
    assert_true(is_there(aside));
    assert_int_equal(tablecheck_writable(place->check, NULL), ERR_CORRUPT);
    assert_int_equal(key_error(place, "c/000000", NULL), ERR_CORRUPT);
    end_run(place);

    /* Mended where it is. */
    assert_int_equal(rename(aside, path), 0);
    damage(place, 2, "index");
    assert_int_equal(rename(path, aside), 0);
    open_check(place);
    assert_int_equal(tablecheck_prepare(place->check, NULL), ERR_OK);
    tablecheck_opened(place->check);
    assert_true(is_there(path));
    assert_int_equal(key_error(place, "c/000000", NULL), ERR_OK);
    end_run(place);

    /* A good copy beside it. */
    file_write(aside, "bad", 3);
    open_check(place);
    assert_int_equal(tablecheck_prepare(place->check, NULL), ERR_OK);
    tablecheck_opened(place->check);
    assert_true(is_there(path) && is_there(aside));
    assert_int_equal(key_error(place, "c/000000", NULL), ERR_OK);
    assert_int_equal(tablecheck_writable(place->check, NULL), ERR_OK);
}

static void test_a_damaged_filter(void **state)
{
    struct place *place = *state;
    bool          by_iterator;
    char          path[PATH_CHARS];

    damage(place, 1, "filter");
    open_check(place);
    assert_int_equal(key_error(place, "b/000000", &by_iterator), ERR_OK);
    assert_true(by_iterator);
    assert_int_equal(key_error(place, "c/000000", &by_iterator), ERR_OK);
    assert_false(by_iterator);
    assert_int_equal(bad_tables(place), 1);
    assert_int_equal(tablecheck_writable(place->check, NULL), ERR_OK);
    assert_int_equal(tablecheck_all(place->check, NULL), ERR_OK);
    unlink(table_path(place, 1, path));
    assert_int_equal(key_error(place, "b/000000", &by_iterator), ERR_OK);
    assert_false(by_iterator);
    assert_int_equal(bad_tables(place), 0);
}

static err_t get_error(struct store *store, const char *key)
{
    struct store_get get;
    err_t            err = store_get_one(store, slice_from_string(key), &get);

    store_value_free(err ? NULL : get.value);
    return err;
}

/* --- iterators ----------------------------------------------------------- */

static err_t seek(struct place *place, struct tablecheck_span *span,
                  const char *from)
{
    return tablecheck_seek(place->check, span, slice_from_string(from), NULL);
}

static err_t reach(struct place *place, struct tablecheck_span *span,
                   const char *key)
{
    slice at = slice_from_string(key ? key : "");
    return tablecheck_reach(place->check, span, key ? &at : NULL, NULL);
}

/* Always the table that it stands in, and no other. */
static void test_an_iterator_verifies_as_it_goes(void **state)
{
    struct place          *place = *state;
    struct tablecheck_span span;

    open_check(place);
    assert_int_equal(tablecheck_level0(place->check, NULL), ERR_OK);
    assert_int_equal(unverified(place), TABLES);
    assert_int_equal(seek(place, &span, "a/9"), ERR_OK); /* between two */
    assert_int_equal(unverified(place), TABLES - 1);
    assert_int_equal(reach(place, &span, "b/000000"), ERR_OK);
    assert_int_equal(reach(place, &span, "b/000596"), ERR_OK);
    assert_int_equal(unverified(place), TABLES - 1);
    assert_int_equal(reach(place, &span, "b/000598"), ERR_OK); /* its last */
    assert_int_equal(unverified(place), TABLES - 2);
    assert_int_equal(reach(place, &span, NULL), ERR_OK);
    assert_int_equal(unverified(place), 1); /* the one before it all */
    assert_true(span.is_all);
    assert_int_equal(seek(place, &span, ""), ERR_OK);
    assert_int_equal(unverified(place), 0);
    assert_int_equal(seek(place, &span, "z"), ERR_OK);
    assert_true(span.is_all);
}

static void test_an_iterator_stops_at_a_damaged_index(void **state)
{
    struct place          *place = *state;
    struct tablecheck_span span;

    damage(place, 0, "filter");
    damage(place, 2, "index");
    open_check(place);
    assert_int_equal(seek(place, &span, "a/000100"), ERR_OK);
    assert_int_equal(reach(place, &span, "b/000100"), ERR_OK);
    struct tablecheck_span before = span;
    assert_int_equal(reach(place, &span, "b/000598"), ERR_CORRUPT);
    /* It came out behind it, over deleted records. */
    assert_int_equal(reach(place, &before, "d/000000"), ERR_CORRUPT);
    assert_int_equal(seek(place, &span, "c/000000"), ERR_CORRUPT);
    assert_int_equal(seek(place, &span, "d/000000"), ERR_OK);
    assert_int_equal(reach(place, &span, NULL), ERR_OK);
}

/* --- the scrub ----------------------------------------------------------- */

static void test_scrub(void **state)
{
    struct place *place = *state;
    bool          more;

    open_check(place);
    assert_in_range(tablecheck_memory(place->check), 1,
                    TABLES * TABLECHECK_TABLE_BYTES);
    assert_int_equal(tablecheck_scrub(place->check, 3, &more, NULL), ERR_OK);
    assert_true(more);
    assert_int_equal(unverified(place), TABLES - 3);
    assert_int_equal(tablecheck_scrub(place->check, 3, &more, NULL), ERR_OK);
    assert_false(more);
    assert_int_equal(unverified(place), 0);
    assert_int_equal(tablecheck_memory(place->check), 0); /* given back */
    assert_int_equal(key_error(place, "b/000000", NULL), ERR_OK);
    assert_int_equal(tablecheck_scrub(place->check, 3, &more, NULL), ERR_OK);
    assert_false(more);
}

static void test_scrub_keeps_what_is_bad(void **state)
{
    struct place *place = *state;
    bool          more;

    damage(place, 3, "index");
    damage(place, 2, "filter");
    open_check(place);
    assert_int_equal(tablecheck_scrub(place->check, MANY, &more, NULL), ERR_OK);
    assert_false(more);
    assert_int_equal(unverified(place), 0);
    assert_int_equal(bad_tables(place), 2);
    assert_int_equal(key_error(place, "d/000000", NULL), ERR_CORRUPT);
    assert_int_equal(tablecheck_writable(place->check, NULL), ERR_CORRUPT);
}

/* A file that can't be opened is looked at again later. */
static void test_a_table_that_can_not_be_opened(void **state)
{
    struct place *place = *state;
    char          path[PATH_CHARS], aside[PATH_CHARS];
    bool          more;

    table_path(place, 1, path);
    path_join(aside, place->dir, "aside");
    assert_int_equal(rename(path, aside), 0);
    assert_int_equal(symlink(path, path), 0); /* too many levels of it */
    open_check(place);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(key_error(place, "b/000000", NULL), ERR_IO);
        assert_int_equal(tablecheck_scrub(place->check, MANY, &more, NULL),
                         ERR_IO);
        assert_true(more);
        assert_int_equal(unverified(place), TABLES - 1);
    }
    unlink(path);
    assert_int_equal(rename(aside, path), 0);
    assert_int_equal(key_error(place, "b/000000", NULL), ERR_OK);
    assert_int_equal(tablecheck_scrub(place->check, MANY, &more, NULL), ERR_OK);
    assert_false(more);
}

static void test_too_many_tables(void **state)
{
    struct place *place = *state;
    bool          more;

    assert_int_equal(tablecheck_open(place->data_fd, NULL, TABLES - 1,
                                     &place->check, NULL),
                     ERR_OK);
    assert_int_equal(tablecheck_memory(place->check), 0);
    assert_int_equal(tablecheck_scrub(place->check, 1, &more, NULL), ERR_OK);
    assert_false(more);
    assert_true(unverified(place) > 0); /* so INFO never says done */
    assert_int_equal(key_error(place, "b/000000", NULL), ERR_OK);
}

struct racing {
    struct place *place;
    atomic_bool   over;
};

static void *race_keys(void *arg)
{
    struct racing *race = arg;
    unsigned       number = 0;

    do {
        char key[32];
        bool by_iterator;
        record_key((char)('a' + number % TABLES), number % 600, key);
        CHECK(tablecheck_key(race->place->check, slice_from_string(key),
                             &by_iterator, NULL) == ERR_OK);
        number++;
    } while (!atomic_load(&race->over));
    return NULL;
}

/* Gets on several threads while the list is worked through and given back. */
static void test_threads(void **state)
{
    struct place *place = *state;

    for (int round = 0; round < 50; round++) {
        struct racing race = { .place = place };
        pthread_t     threads[3];
        bool          more = true;

        open_check(place);
        for (int i = 0; i < 3; i++)
            threads[i] = thread_start(race_keys, &race);
        for (int i = 0; more && i < 100000; i++)
            CHECK(tablecheck_scrub(place->check, 1, &more, NULL) == ERR_OK);
        atomic_store(&race.over, true);
        for (int i = 0; i < 3; i++)
            pthread_join(threads[i], NULL);
        CHECK(tablecheck_scrub(place->check, 1, &more, NULL) == ERR_OK);
        assert_false(more);
        assert_int_equal(tablecheck_memory(place->check), 0);
        tablecheck_free(place->check);
        place->check = NULL;
    }
}

/* --- the store ----------------------------------------------------------- */

static unsigned right_values(struct place *place, char letter)
{
    char     key[32], value[128];
    unsigned count = 0;

    for (unsigned i = 0; i < 2 * RECORDS; i++)
        count += record_is(place->store, record_key(letter, i, key),
                           i % 2 ? NULL : record_value(letter, i, value));
    return count;
}

static void test_reads_with_a_damaged_filter(void **state)
{
    struct place      *place = *state;
    struct store_stats stats;
    bool               more;

    damage(place, 1, "filter");
    open_store(place);
    for (int letter = 'a'; letter < 'a' + TABLES; letter++)
        assert_int_equal(right_values(place, (char)letter), 2 * RECORDS);
    assert_int_equal(put_text(place->store, "b/000001", "new", true), ERR_OK);
    assert_true(record_is(place->store, "b/000001", "new"));
    struct store_snapshot *snapshot = store_snapshot_new(place->store);
    assert_int_equal(put_text(place->store, "b/000001", "newer", true), ERR_OK);
    struct store_get get = { .key = SLICE_LITERAL("b/000001") };
    assert_int_equal(store_get_one(place->store, get.key, &get), ERR_OK);
    assert_int_equal(get.value_len, 5);
    store_value_free(get.value);
    store_snapshot_free(place->store, snapshot);
    assert_int_equal(store_reopen(place->store, NULL), ERR_OK);
    assert_true(record_is(place->store, "b/000001", "newer"));
    assert_int_equal(store_scrub(place->store, MANY, &more, NULL), ERR_OK);
    store_stats(place->store, &stats);
    assert_int_equal(stats.bad_tables, 1);
    assert_int_equal(stats.unverified_tables, 0);

    /* Compaction does not read filters: it makes a good table of it. */
    store_compact(place->store, SLICE_LITERAL("a"), SLICE_LITERAL("z"));
    store_stats(place->store, &stats);
    assert_int_equal(stats.bad_tables, 0);
    assert_true(record_is(place->store, "b/000000",
                          record_value('b', 0, (char[128]){ 0 })));
}

static unsigned walk(struct store *store, const char *from, err_t *err)
{
    struct store_iter *iter = store_iter_new(store, NULL);
    unsigned           count = 0;

    store_iter_seek(iter, slice_from_string(from));
    for (; store_iter_valid(iter); store_iter_next(iter))
        count++;
    *err = store_iter_error(iter, NULL);
    store_iter_free(iter);
    return count;
}

static void test_a_store_with_a_damaged_index(void **state)
{
    struct place   *place = *state;
    struct err_text why = { "" };
    err_t           err;
    bool            more;
    char            path[PATH_CHARS], aside[PATH_CHARS];

    table_path(place, 1, path);
    aside_path(place, 1, aside);
    damage(place, 1, "index");
    open_store(place);
    /* Nobody has met it yet. */
    assert_int_equal(put_text(place->store, "x", "1", true), ERR_OK);
    assert_int_equal(get_error(place->store, "b/000000"), ERR_CORRUPT);
    assert_int_equal(get_error(place->store, "b/000001"), ERR_CORRUPT);
    assert_int_equal(put_text(place->store, "x", "2", true), ERR_CORRUPT);
    assert_int_equal(store_reopen(place->store, &why), ERR_CORRUPT);
    assert_non_null(strstr(why.text, ".ldb is damaged"));
    assert_int_equal(store_sync(place->store, NULL), ERR_CORRUPT);
    store_compact(place->store, SLICE_EMPTY, SLICE_EMPTY); /* does nothing */
    assert_int_equal(store_approximate_bytes(place->store,
                                             SLICE_LITERAL("b/000000"),
                                             SLICE_EMPTY),
                     0);
    assert_int_equal(right_values(place, 'a'), 2 * RECORDS);
    assert_int_equal(right_values(place, 'c'), 2 * RECORDS);
    assert_true(record_is(place->store, "x", "1"));
    assert_int_equal(walk(place->store, "a/", &err), RECORDS - 1);
    assert_int_equal(err, ERR_CORRUPT);
    assert_int_equal(walk(place->store, "c/", &err), 2 * RECORDS + 1);
    assert_int_equal(err, ERR_OK);
    assert_int_equal(store_scrub(place->store, MANY, &more, &why), ERR_CORRUPT);
    assert_false(more);
    close_store(place);

    open_store(place); /* it is known from the start now */
    assert_int_equal(put_text(place->store, "x", "2", true), ERR_CORRUPT);
    assert_int_equal(right_values(place, 'c'), 2 * RECORDS);
    close_store(place);

    assert_int_equal(rename(aside, path), 0);
    damage(place, 1, "index"); /* the bit back: a good copy of the file */
    open_store(place);
    assert_int_equal(right_values(place, 'b'), 2 * RECORDS);
    assert_int_equal(put_text(place->store, "x", "3", true), ERR_OK);
}

/* Many reads that touch more than one table make LevelDB compact these. The
 * damaged one must not be among them. */
static void test_reads_do_not_compact_a_damaged_table(void **state)
{
    struct place *place = *state;
    char          key[32];

    for (int i = 0; i < 2; i++) { /* level 0, over all others */
        open_store(place);
        assert_int_equal(put_text(place->store, "a/0", "x", false), ERR_OK);
        assert_int_equal(put_text(place->store, "d/9", "x", false), ERR_OK);
        close_store(place);
    }
    damage(place, 1, "index");
    open_store(place);
    assert_int_equal(get_error(place->store, "b/000000"), ERR_CORRUPT);
    for (int round = 0; round < 20; round++)
        for (unsigned i = 0; i < RECORDS; i++)
            assert_int_equal(get_error(place->store,
                                       record_key('c', i * 2, key)), ERR_OK);
    assert_int_equal(get_error(place->store, "b/000000"), ERR_CORRUPT);
    assert_int_equal(put_text(place->store, "x", "2", true), ERR_CORRUPT);
    char aside[PATH_CHARS];
    assert_true(is_there(aside_path(place, 1, aside)));
}

int main(void)
{
#define HERE(test) cmocka_unit_test_setup_teardown(test, place_new, place_free)
    const struct CMUnitTest tests[] = {
        HERE(test_a_key_verifies_the_tables_that_may_hold_it),
        HERE(test_overlapping_tables),
        HERE(test_a_damaged_index),
        HERE(test_what_was_set_aside_earlier),
        HERE(test_a_damaged_filter),
        HERE(test_an_iterator_verifies_as_it_goes),
        HERE(test_an_iterator_stops_at_a_damaged_index),
        HERE(test_scrub),
        HERE(test_scrub_keeps_what_is_bad),
        HERE(test_a_table_that_can_not_be_opened),
        HERE(test_too_many_tables),
        HERE(test_threads),
        HERE(test_reads_with_a_damaged_filter),
        HERE(test_a_store_with_a_damaged_index),
        HERE(test_reads_do_not_compact_a_damaged_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
