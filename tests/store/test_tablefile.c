/* test_tablefile.c - which tables a MANIFEST names, and that any bit flipped in
 * what leads to the data of a table is found. */
#include "table_test.h"

#include "log_make.h"

/* --- the MANIFEST -------------------------------------------------------- */

static void test_tables_of_a_store(void **state)
{
    struct place *place = *state;

    assert_int_equal(place->count, TABLES);
    for (size_t i = 0; i < TABLES; i++) {
        const struct manifest_table *table = &place->tables[i];
        char                         path[PATH_CHARS], key[32];
        struct stat                  status;

        assert_int_equal(stat(table_path(place, i, path), &status), 0);
        assert_int_equal(table->bytes, status.st_size);
        assert_int_equal(table->level, 2);
        char letter = (char)('a' + i);
        slice first = slice_from_string(record_key(letter, 0, key));
        assert_int_equal(manifest_bound_cmp(first, &table->smallest), 0);
        slice last = slice_from_string(
            record_key(letter, 2 * RECORDS - 2, key));
        assert_int_equal(manifest_bound_cmp(last, &table->largest), 0);
    }
}

static void add_varint(struct buf *out, uint64_t value)
{
    uint8_t bytes[NUM_VARINT_MAX];

    assert_int_equal(buf_append(out, bytes, num_put_varint(bytes, value)),
                     ERR_OK);
}

static void add_key(struct buf *out, const char *key)
{
    add_varint(out, strlen(key) + 8);
    assert_int_equal(buf_append(out, key, strlen(key)), ERR_OK);
    assert_int_equal(buf_append(out, "\1\2\3\4\5\6\7\0", 8), ERR_OK);
}

static void add_table(struct buf *edit, unsigned level, uint64_t number,
                      const char *smallest, const char *largest)
{
    add_varint(edit, 7);
    add_varint(edit, level);
    add_varint(edit, number);
    add_varint(edit, 1000);
    add_key(edit, smallest);
    add_key(edit, largest);
}

static void drop_table(struct buf *edit, unsigned level, uint64_t number)
{
    add_varint(edit, 6);
    add_varint(edit, level);
    add_varint(edit, number);
}

/* Ends the edit: it becomes a record of the MANIFEST. */
static void end_edit(struct buf *manifest, struct buf *edit)
{
    add_payload(manifest, buf_slice(edit));
    buf_clear(edit);
}

static int dir_new(void **state)
{
    struct place *place = mem_calloc(1, sizeof(*place));
    char          path[PATH_CHARS];

    temp_dir_new(place->dir);
    file_write(path_join(path, place->dir, "CURRENT"), "MANIFEST-000002\n", 16);
    place->data_fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(place->data_fd >= 0);
    *state = place;
    return 0;
}

/* A long life: thousands of tables come, move down a level, and go; some keep
 * living. Seen from now on and in the order of levels and keys. */
static void test_a_manifest_with_many_edits(void **state)
{
    struct place *place = *state;
    struct buf    manifest, edit;
    char          path[PATH_CHARS], key[32];

    buf_init(&manifest, SIZE_MAX);
    buf_init(&edit, SIZE_MAX);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "k%06u", 5000 - i);
        add_table(&edit, 0, 10 + i, key, key);
        end_edit(&manifest, &edit);
        drop_table(&edit, 0, 10 + i);
        add_table(&edit, 1, 10 + i, key, key);
        end_edit(&manifest, &edit);
        if (i % 100 == 0)
            continue;
        drop_table(&edit, 1, 10 + i);
        end_edit(&manifest, &edit);
    }
    add_table(&edit, 0, 9, "a", "a long key, far more than what is kept");
    end_edit(&manifest, &edit);
    file_write(path_join(path, place->dir, "MANIFEST-000002"), manifest.data,
               manifest.len);
    list_tables(place);
    assert_int_equal(place->count, 51);
    assert_int_equal(place->tables[0].number, 9);
    assert_int_equal(place->tables[0].largest.len, MANIFEST_BOUND_BYTES);
    for (size_t i = 1; i <= 50; i++) {
        assert_int_equal(place->tables[i].level, 1);
        assert_int_equal(place->tables[i].number, 10 + 5000 - 100 * i);
    }

    struct manifest_table *tables;
    size_t                 count;
    assert_int_equal(manifest_tables(place->data_fd, 51, &tables, &count, NULL),
                     ERR_OK);
    mem_free(tables);
    assert_int_equal(manifest_tables(place->data_fd, 50, &tables, &count, NULL),
                     ERR_LIMIT);
    assert_null(tables);
    buf_deinit(&manifest);
    buf_deinit(&edit);
}

static void test_bounds(void **state)
{
    static const struct {
        const char *key, *bound;
        int         sign;
    } cases[] = {
        { "b", "b", 0 },
        { "a", "b", -1 },
        { "c", "b", 1 },
        { "b", "bb", -1 },
        { "bb", "b", 1 },
        { "", "b", -1 },
        { "", "", 0 },
        { "01234567890123", "01234567890123 and so on", 0 },
        { "01234567890123zzz", "01234567890123 and so on", 0 },
        { "0123456789012", "01234567890123 and so on", -1 },
        { "01234567890122zzz", "01234567890123 and so on", -1 },
        { "01234567890124", "01234567890123 and so on", 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct manifest_bound bound =
            manifest_bound_of(slice_from_string(cases[i].bound));
        int order =
            manifest_bound_cmp(slice_from_string(cases[i].key), &bound);
        assert_int_equal((order > 0) - (order < 0), cases[i].sign);
    }
}

/* --- one table ----------------------------------------------------------- */

static enum tablefile_state verify(struct place *place, size_t i)
{
    struct tablefile_report report;
    struct crc32c           crc;

    crc32c_init(&crc);
    assert_int_equal(tablefile_verify(place->data_fd, place->tables[i].number,
                                      place->tables[i].bytes, &crc, &report,
                                      NULL),
                     ERR_OK);
    if (report.state >= TABLEFILE_BAD_FILTER) {
        assert_non_null(report.part);
        assert_non_null(report.problem);
    }
    return report.state;
}

static void each_bit(struct place *place, struct part part,
                     enum tablefile_state expected)
{
    char path[PATH_CHARS];

    table_path(place, 0, path);
    for (size_t at = 0; at < part.len; at++) {
        unsigned bit = (unsigned)(at * 5 % 8);
        flip(path, part.at + at, bit);
        assert_int_equal(verify(place, 0), expected);
        flip(path, part.at + at, bit);
    }
    assert_int_equal(verify(place, 0), TABLEFILE_GOOD);
}

static void test_each_byte_of_a_table(void **state)
{
    struct place *place = *state;
    char          path[PATH_CHARS];

    assert_int_equal(verify(place, 0), TABLEFILE_GOOD);
    struct parts parts = find_parts(table_path(place, 0, path));
    each_bit(place, parts.filter, TABLEFILE_BAD_FILTER);
    each_bit(place, parts.meta, TABLEFILE_BAD_INDEX);
    each_bit(place, parts.index, TABLEFILE_BAD_INDEX);
    each_bit(place, parts.footer, TABLEFILE_BAD_INDEX);
    struct part magic = { parts.footer.at + 40, 8 };
    each_bit(place, magic, TABLEFILE_BAD_INDEX);
    /* LevelDB looks after its data blocks itself. */
    struct part data = { 0, 100 };
    each_bit(place, data, TABLEFILE_GOOD);
}

static void test_tables_cut_short(void **state)
{
    struct place *place = *state;
    char          path[PATH_CHARS];
    size_t        len;
    char         *data = file_read(table_path(place, 0, path), &len);
    const size_t  lens[] = { 0, 1, 47, 48, len / 2, len - 48, len - 1 };

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        file_write(path, data, lens[i]);
        assert_int_equal(verify(place, 0), TABLEFILE_BAD_INDEX);
    }
    place->tables[0].bytes = 40; /* as the MANIFEST might say */
    assert_int_equal(verify(place, 0), TABLEFILE_BAD_INDEX);
    unlink(path);
    assert_int_equal(verify(place, 0), TABLEFILE_GONE);
    mem_free(data);
}

static void test_an_old_name(void **state)
{
    struct place *place = *state;
    char          path[PATH_CHARS], old[PATH_CHARS];
    char          name[TABLEFILE_NAME_CHARS];

    memcpy(old, table_path(place, 0, path), sizeof(old));
    memcpy(strrchr(old, '.'), ".sst", 5);
    assert_int_equal(rename(path, old), 0);
    assert_int_equal(verify(place, 0), TABLEFILE_GOOD);
    assert_true(tablefile_name(place->data_fd, place->tables[0].number, name));
    assert_non_null(strstr(name, ".sst"));
}

/* What LevelDB makes with Snappy looks the same to us. */
static void test_compressed_tables(void **state)
{
    struct place *place = *state;

    assert_int_equal(place->count, TABLES);
    for (size_t i = 0; i < TABLES; i++) {
        struct parts parts;
        char         path[PATH_CHARS];
        assert_int_equal(verify(place, i), TABLEFILE_GOOD);
        parts = find_parts(table_path(place, i, path));
        flip(path, parts.filter.at, 0);
        assert_int_equal(verify(place, i), TABLEFILE_BAD_FILTER);
    }
}

int main(void)
{
#define HERE(test) cmocka_unit_test_setup_teardown(test, place_new, place_free)
    const struct CMUnitTest tests[] = {
        HERE(test_tables_of_a_store),
        cmocka_unit_test_setup_teardown(test_a_manifest_with_many_edits,
                                        dir_new, place_free),
        cmocka_unit_test(test_bounds),
        HERE(test_each_byte_of_a_table),
        HERE(test_tables_cut_short),
        HERE(test_an_old_name),
        cmocka_unit_test_setup_teardown(test_compressed_tables,
                                        place_new_compressed, place_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
