/* test_warmfile.c - what was written is read, the hottest first; a file that
 * was cut off or changed anywhere is none. */
#include "store_test.h"

#include "store/warmfile.h"

#define MB ((uint64_t)1024 * 1024)

struct place {
    char dir[PATH_CHARS];
    char file[PATH_CHARS];
};

static int place_new(void **state)
{
    struct place *place = mem_calloc(1, sizeof(*place));

    path_join(place->file, temp_dir_new(place->dir), WARMFILE_NAME);
    *state = place;
    return 0;
}

static int place_free(void **state)
{
    struct place *place = *state;

    path_remove(place->dir);
    mem_free(place);
    return 0;
}

static void add(struct warmfile *file, unsigned level, uint32_t count,
                const char *text)
{
    struct err_text why;
    assert_int_equal(warmfile_add(file, level, count,
                                  slice_from_string(text), &why),
                     ERR_OK);
}

static void write_three(const struct place *place)
{
    struct warmfile file;
    struct err_text why;
    warmfile_init(&file);
    assert_int_equal(warmfile_create(&file, place->dir, MB, &why), ERR_OK);
    add(&file, 2, 3, "cold");
    add(&file, 0, 5, "the hottest");
    add(&file, 2, 1, "more of the cold");
    assert_int_equal(warmfile_finish(&file, &why), ERR_OK);
}

/* All of it in one text, "" if there is nothing; the error of the first step
 * that fails. */
static err_t read_all(const struct place *place, struct buf *out)
{
    struct warmfile file;
    struct err_text why = { "" };
    warmfile_init(&file);
    buf_clear(out);
    err_t err = warmfile_open(&file, place->dir, &why);
    for (size_t i = 0; i < file.count && err == ERR_OK; i++)
        err = warmfile_read(&file, i, out, &why);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        assert_true(why.text[0] != '\0');
    warmfile_close(&file);
    return err;
}

static void blocks_are_read_by_level(void **state)
{
    struct place *place = *state;
    struct buf    text;
    buf_init(&text, SIZE_MAX);
    assert_int_equal(read_all(place, &text), ERR_NOT_FOUND);
    write_three(place);
    assert_int_equal(read_all(place, &text), ERR_OK);
    assert_true(slice_equal(buf_slice(&text),
                            SLICE_LITERAL("the hottestcold"
                                          "more of the cold")));

    struct warmfile file;
    struct err_text why;
    warmfile_init(&file);
    assert_int_equal(warmfile_open(&file, place->dir, &why), ERR_OK);
    assert_int_equal(file.names, 9);
    assert_int_equal(file.blocks[0].count, 5);
    assert_int_equal(file.blocks[2].level, 2);
    warmfile_close(&file);
    buf_deinit(&text);
}

static void an_empty_one_is_one(void **state)
{
    struct place   *place = *state;
    struct warmfile file;
    struct err_text why;
    struct buf      text;
    buf_init(&text, SIZE_MAX);
    warmfile_init(&file);
    assert_int_equal(warmfile_create(&file, place->dir, MB, &why), ERR_OK);
    assert_int_equal(warmfile_finish(&file, &why), ERR_OK);
    assert_int_equal(read_all(place, &text), ERR_OK);
    assert_int_equal(text.len, 0);
    buf_deinit(&text);
}

static void the_old_one_stays_until_the_new_one_is_complete(void **state)
{
    struct place   *place = *state;
    struct warmfile file;
    struct err_text why;
    struct buf      text;
    buf_init(&text, SIZE_MAX);
    write_three(place);
    warmfile_init(&file);
    assert_int_equal(warmfile_create(&file, place->dir, MB, &why), ERR_OK);
    add(&file, 0, 1, "new");
    warmfile_close(&file);
    assert_int_equal(read_all(place, &text), ERR_OK);
    assert_int_equal(text.len, 31);
    /* Nothing is left of it; what a kill has left is no hindrance. */
    char other[PATH_CHARS];
    path_join(other, place->dir, WARMFILE_NAME ".new");
    assert_int_not_equal(access(other, F_OK), 0);
    file_write(other, "x", 1);
    write_three(place);
    assert_int_not_equal(access(other, F_OK), 0);
    buf_deinit(&text);
}

static void a_torn_or_changed_one_is_refused(void **state)
{
    struct place *place = *state;
    struct buf    text;
    size_t        len;
    buf_init(&text, SIZE_MAX);
    write_three(place);
    char *bytes = file_read(place->file, &len);
    for (size_t cut = 0; cut < len; cut++) {
        file_write(place->file, bytes, cut);
        assert_int_equal(read_all(place, &text), ERR_CORRUPT);
    }
    for (size_t at = 0; at < len; at++) {
        bytes[at] ^= 0x20;
        file_write(place->file, bytes, len);
        err_t err = read_all(place, &text);
        assert_true(err == ERR_CORRUPT || (at < 16 && err == ERR_FORMAT));
        bytes[at] ^= 0x20;
    }
    file_write(place->file, bytes, len);
    assert_int_equal(read_all(place, &text), ERR_OK);
    free(bytes);
    buf_deinit(&text);
}

static void no_place_to_write_is_an_error(void **state)
{
    struct place   *place = *state;
    struct warmfile file;
    struct err_text why = { "" };
    char            nowhere[PATH_CHARS];
    warmfile_init(&file);
    assert_int_equal(warmfile_create(&file,
                                     path_join(nowhere, place->dir, "missing"),
                                     MB, &why),
                     ERR_IO);
    assert_non_null(strstr(why.text, "No such file"));
    warmfile_close(&file);
    assert_int_equal(warmfile_create(&file, place->dir, MB << 40, &why),
                     ERR_NO_SPACE);
    warmfile_close(&file);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_new, place_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blocks_are_read_by_level),
        TEST(an_empty_one_is_one),
        TEST(the_old_one_stays_until_the_new_one_is_complete),
        TEST(a_torn_or_changed_one_is_refused),
        TEST(no_place_to_write_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
