/* test_layout.c - what is accepted under ds-path and what is refused,
 * untouched, with one line that names the way out. */
#include "store_test.h"

#include <sys/file.h>

struct place {
    char dir[PATH_CHARS];  /* vanishes */
    char path[PATH_CHARS]; /* ds-path, inside it, not there yet */
};

static int place_new(void **state)
{
    struct place *place = mem_calloc(1, sizeof(*place));

    path_join(place->path, temp_dir_new(place->dir), "store");
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

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[PATH_CHARS];

    file_write(path_join(path, dir, name), text, strlen(text));
}

static void expect_marker(const char *dir)
{
    char   path[PATH_CHARS];
    size_t len;
    char  *text = file_read(path_join(path, dir, "DISKSTORE"), &len);

    assert_string_equal(text, "diskstore format 2\n");
    mem_free(text);
}

/* Refused with err and this in the text, on one line; not a byte changed. */
static void expect_refused(const struct place *place, const char *path,
                           err_t err, const char *hint)
{
    struct store_options options = test_options(path);
    struct err_text      why = { "" };
    struct store        *store = NULL;
    uint64_t             before = dir_digest(place->dir);

    assert_int_equal(store_open_leveldb(&options, &store, &why), err);
    assert_true(dir_digest(place->dir) == before);
    assert_null(store);
    assert_non_null(strstr(why.text, hint));
    assert_null(strchr(why.text, '\n'));
}

/* A store that holds one record. */
static void make_store(const struct place *place)
{
    struct store *store = test_open(place->path);

    assert_int_equal(put_text(store, "a", "1", true), ERR_OK);
    store_close(store);
}

static void expect_store(const struct place *place)
{
    struct store *store = test_open(place->path);

    assert_true(record_is(store, "a", "1"));
    store_close(store);
    expect_marker(place->path);
}

/* --- accepted ------------------------------------------------------------ */

static void test_new(void **state)
{
    struct place *place = *state;
    struct stat   status;
    char          data[PATH_CHARS];

    make_store(place);
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(stat(path_join(data, place->path, "data"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    expect_store(place);
}

static void test_empty_directory(void **state)
{
    struct place *place = *state;
    char          found[PATH_CHARS];

    assert_int_equal(mkdir(place->path, 0755), 0);
    assert_int_equal(mkdir(path_join(found, place->path, "lost+found"), 0755),
                     0);
    make_store(place);
    expect_store(place);
}

/* Creation was interrupted: before data/, and behind it. */
static void test_interrupted_creation(void **state)
{
    struct place *place = *state;
    char          data[PATH_CHARS];

    assert_int_equal(mkdir(place->path, 0700), 0);
    write_text(place->path, "DISKSTORE", "");
    make_store(place);
    expect_store(place);
    path_remove(place->path);

    assert_int_equal(mkdir(place->path, 0700), 0);
    write_text(place->path, "DISKSTORE", "");
    assert_int_equal(mkdir(path_join(data, place->path, "data"), 0700), 0);
    write_text(data, "MANIFEST-000001", "");
    make_store(place);
    expect_store(place);
}

/* --- refused ------------------------------------------------------------- */

static void test_foreign(void **state)
{
    struct place *place = *state;

    assert_int_equal(mkdir(place->path, 0700), 0);
    write_text(place->path, "dump.rdb", "not ours");
    expect_refused(place, place->path, ERR_FOREIGN, "dump.rdb");
    expect_refused(place, place->path, ERR_FOREIGN, "empty directory");
}

/* LevelDB's own files without our marker are foreign too. */
static void test_bare_leveldb(void **state)
{
    struct place *place = *state;
    char          data[PATH_CHARS];

    make_store(place);
    expect_refused(place, path_join(data, place->path, "data"), ERR_FOREIGN,
                   "no DISKSTORE");
}

static void test_a_file(void **state)
{
    struct place *place = *state;

    write_text(place->dir, "store", "a file");
    expect_refused(place, place->path, ERR_FOREIGN, "not a directory");
}

static void test_no_parent(void **state)
{
    struct place *place = *state;
    char          deep[PATH_CHARS];

    path_join(deep, place->path, "deep");
    expect_refused(place, deep, ERR_IO, "create its parent directory");
}

static void test_unknown_format(void **state)
{
    struct place *place = *state;

    make_store(place);
    write_text(place->path, "DISKSTORE", "diskstore format 3\n");
    expect_refused(place, place->path, ERR_FORMAT, "has format 3");
    expect_refused(place, place->path, ERR_FORMAT, "the version that wrote it");
    write_text(place->path, "DISKSTORE", "something else\n");
    expect_refused(place, place->path, ERR_FORMAT, "not understood");
    write_text(place->path, "DISKSTORE", "diskstore format 2\n");
    expect_store(place);
}

static void test_missing_current(void **state)
{
    struct place *place = *state;
    char          path[PATH_CHARS];
    char          aside[PATH_CHARS];

    make_store(place);
    path_join(path, place->path, "data/CURRENT");
    path_join(aside, place->path, "aside");
    assert_int_equal(rename(path, aside), 0);
    expect_refused(place, place->path, ERR_CORRUPT, "lost data/CURRENT");
    assert_int_equal(rename(aside, path), 0);
    path_join(path, place->path, "data");
    assert_int_equal(rename(path, aside), 0);
    expect_refused(place, place->path, ERR_CORRUPT, "lost data/:");
    assert_int_equal(rename(aside, path), 0);
    expect_store(place);
}

/* CURRENT is there, but leads nowhere. */
static void test_missing_manifest(void **state)
{
    struct place *place = *state;

    make_store(place);
    write_text(place->path, "data/CURRENT", "MANIFEST-999999\n");
    expect_refused(place, place->path, ERR_CORRUPT, "MANIFEST-999999 is miss");
    write_text(place->path, "data/CURRENT", "");
    expect_refused(place, place->path, ERR_CORRUPT, "names no MANIFEST");
}

/* An empty marker must not lead to creating over data that is there. */
static void test_emptied_marker(void **state)
{
    struct place *place = *state;

    make_store(place);
    expect_store(place); /* the second opening leaves a table */
    write_text(place->path, "DISKSTORE", "");
    expect_refused(place, place->path, ERR_CORRUPT, "diskstore format 2");
    write_text(place->path, "DISKSTORE", "diskstore format 2\n");
    expect_store(place);
}

static void test_busy(void **state)
{
    struct place *place = *state;
    char          marker[PATH_CHARS];

    make_store(place);
    int fd =
        open(path_join(marker, place->path, "DISKSTORE"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    expect_refused(place, place->path, ERR_BUSY, "in use by another process");
    close(fd);
    struct store *store = test_open(place->path);
    expect_refused(place, place->path, ERR_BUSY, "in use");
    store_close(store);
    expect_store(place);
}

/* A user who may not look. Root may, so root becomes somebody else. */
static void test_unreadable(void **state)
{
    struct place *place = *state;

    make_store(place);
    uint64_t before = dir_digest(place->dir);
    assert_int_equal(chmod(place->dir, 0755), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store_options options = test_options(place->path);
        struct err_text      why = { "" };
        struct store        *store;
        if (geteuid() == 0)
            CHECK(setgid(65534) == 0 && setuid(65534) == 0);
        else
            CHECK(chmod(place->path, 0) == 0);
        err_t err = store_open_leveldb(&options, &store, &why);
        _exit(err == ERR_IO && strstr(why.text, "give this user access") ? 0
                                                                         : 1);
    }
    int status = child_wait(pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(chmod(place->path, 0700), 0);
    assert_true(dir_digest(place->dir) == before);
}

/* However long the path is, the way out is not cut off. */
static void test_long_path(void **state)
{
    struct place *place = *state;
    char          name[200];
    char          path[PATH_CHARS];

    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    assert_int_equal(mkdir(path_join(path, place->dir, name), 0700), 0);
    write_text(path, "a file with a long name that is not one of ours", "x");
    expect_refused(place, path, ERR_FOREIGN, "new or empty directory");
}

#define PLACE_TEST(test)                                                       \
    cmocka_unit_test_setup_teardown(test, place_new, place_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(test_new),
        PLACE_TEST(test_empty_directory),
        PLACE_TEST(test_interrupted_creation),
        PLACE_TEST(test_foreign),
        PLACE_TEST(test_bare_leveldb),
        PLACE_TEST(test_a_file),
        PLACE_TEST(test_no_parent),
        PLACE_TEST(test_unknown_format),
        PLACE_TEST(test_missing_current),
        PLACE_TEST(test_missing_manifest),
        PLACE_TEST(test_emptied_marker),
        PLACE_TEST(test_busy),
        PLACE_TEST(test_unreadable),
        PLACE_TEST(test_long_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
