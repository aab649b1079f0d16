/* test_torn.c - the store survives failed and torn writes.
 *
 * Real LevelDB in a temporary directory. A child writes numbered batches and
 * dies without closing; its newest log is then damaged in every kind of place
 * and opened through the front door. What is read back must be exactly the
 * first n batches (a cut), with n known from where the damage is; damage with
 * valid records behind it must be refused, and not a byte changed.
 *
 * Then writes that really fail half-way (a file size limit), writes that fail
 * by injection, and kill -9. */
#include "store_test.h"

#include <signal.h>
#include <sys/resource.h>

#include "base/log.h"
#include "store/fault.h"

#define BATCHES     12
#define BLOCK_BYTES 32768
#define HEAD_BYTES  7

/* --- the children -------------------------------------------------------- */

/* Writes n batches and dies. */
static int role_write(const char *path, const char *count)
{
    struct store *store = test_open(path);

    for (unsigned number = 1; number <= (unsigned)atoi(count); number++)
        CHECK(store_write(store, numbered_batch(number), false, NULL) ==
              ERR_OK);
    _exit(0);
}

/* Writes batches for ever, says each number when it is acknowledged. */
static int role_write_on(const char *path, const char *first)
{
    struct store *store = test_open(path);

    for (unsigned number = (unsigned)atoi(first);; number++) {
        CHECK(store_write(store, numbered_batch(number), number % 4 == 0,
                          NULL) == ERR_OK);
        CHECK(write(STDOUT_FILENO, &number, sizeof(number)) == sizeof(number));
    }
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes;
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

/* The log may grow by room bytes only; then batch `number` doesn't fit. */
static void fail_at(struct store *store, const char *path, unsigned number,
                    off_t room)
{
    struct err_text why = { "" };
    struct stat     status;
    char            log[PATH_CHARS];

    CHECK(stat(newest_log(log, path), &status) == 0);
    limit_file_size((rlim_t)(status.st_size + room));
    err_t err = store_write(store, numbered_batch(number), number % 2, &why);
    CHECK(err == ERR_IO);
    CHECK(why.text[0]);
    CHECK(numbered_count(store, number) == number - 1);
    CHECK(store_write(store, numbered_batch(number), false, &why) == ERR_IO);
    CHECK(store_sync(store, &why) == ERR_IO);
    CHECK(store_reopen(store, &why) == ERR_IO); /* no room: reads go on */
    CHECK(numbered_count(store, number) == number - 1);
    limit_file_size(RLIM_INFINITY);

    CHECK(store_reopen(store, &why) == ERR_OK);
    CHECK(numbered_count(store, number) == number - 1);
    CHECK(store_write(store, numbered_batch(number), number % 2, &why) ==
          ERR_OK);
    CHECK(numbered_count(store, number) == number);
}

static size_t batch_bytes(unsigned number)
{
    struct store_batch *batch = numbered_batch(number);
    size_t              bytes = store_batch_bytes(batch);

    store_batch_free(batch);
    return bytes;
}

/* Fails one write at each of these places; batches too small to fail there are
 * written. Says how many there are in the end. */
static int role_limit(const char *path, const char *unused)
{
    static const off_t rooms[] = { 0,     1,     6,     7,     8,     500,
                                   32760, 32768, 33000, 65536, 70000, 98304 };
    struct store      *store = test_open(path);
    unsigned           number = 0;

    (void)unused;
    signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        while (batch_bytes(++number) <= (size_t)rooms[i])
            CHECK(store_write(store, numbered_batch(number), false, NULL) ==
                  ERR_OK);
        fail_at(store, path, number, rooms[i]);
    }
    CHECK(write(STDOUT_FILENO, &number, sizeof(number)) == sizeof(number));
    _exit(0);
}

/* --- what a log looks like ----------------------------------------------- */

struct fragment {
    size_t   offset;
    size_t   len;    /* of the payload */
    unsigned type;   /* 1 full, 2 first, 3 middle, 4 last */
    unsigned record; /* 1 is the first */
};

struct image {
    char            path[PATH_CHARS]; /* of the log */
    char           *data;
    size_t          len;
    struct fragment fragments[512];
    size_t          fragment_count;
    unsigned        record_count;
};

/* Walks a log that is in order: header is checksum 4, length 2, type 1. */
static void image_read(struct image *image, const char *store_path)
{
    unsigned record = 1;
    size_t   at = 0;

    image->fragment_count = 0;
    image->data = file_read(newest_log(image->path, store_path), &image->len);
    while (at < image->len) {
        if (BLOCK_BYTES - at % BLOCK_BYTES < HEAD_BYTES) {
            at += BLOCK_BYTES - at % BLOCK_BYTES;
            continue;
        }
        const uint8_t  *head = (const uint8_t *)image->data + at;
        struct fragment found = { .offset = at,
                                  .len = head[4] + 256u * head[5],
                                  .type = head[6],
                                  .record = record };
        CHECK(found.type >= 1 && found.type <= 4);
        CHECK(image->fragment_count < 512);
        image->fragments[image->fragment_count++] = found;
        record += found.type == 1 || found.type == 4;
        at += HEAD_BYTES + found.len;
    }
    image->record_count = record - 1;
}

/* --- damage and what comes of it ----------------------------------------- */

struct fixture {
    char         dir[PATH_CHARS];
    char         origin[PATH_CHARS]; /* a store after a crash, never touched */
    char         copy[PATH_CHARS];
    char         log[PATH_CHARS]; /* the newest one in the copy */
    struct image image;
};

static int fixture_new(void **state)
{
    struct fixture *fixture = mem_calloc(1, sizeof(*fixture));

    temp_dir_new(fixture->dir);
    path_join(fixture->origin, fixture->dir, "origin");
    path_join(fixture->copy, fixture->dir, "copy");
    *state = fixture;
    return 0;
}

static int fixture_free(void **state)
{
    struct fixture *fixture = *state;

    path_remove(fixture->dir);
    mem_free(fixture->image.data);
    mem_free(fixture);
    return 0;
}

static int fixture_with_log(void **state)
{
    struct fixture *fixture;
    char            count[16];

    fixture_new(state);
    fixture = *state;
    snprintf(count, sizeof(count), "%d", BATCHES);
    CHECK(child_wait(child_start("write", fixture->origin, count, NULL)) == 0);
    image_read(&fixture->image, fixture->origin);
    CHECK(fixture->image.record_count == BATCHES);
    return 0;
}

/* The copy, with these bytes as its newest log. */
static void copy_with(struct fixture *fixture, const char *data, size_t len)
{
    path_remove(fixture->copy);
    dir_copy(fixture->origin, fixture->copy);
    newest_log(fixture->log, fixture->copy);
    file_write(fixture->log, data, len);
}

/* Opens the copy; it must hold exactly n batches, and take another one, also
 * over one more opening. */
static void expect_cut(struct fixture *fixture, unsigned n)
{
    struct store *store = test_open(fixture->copy);

    assert_int_equal(numbered_count(store, BATCHES), n);
    assert_int_equal(store_write(store, numbered_batch(n + 1), false, NULL),
                     ERR_OK);
    store_close(store);
    store = test_open(fixture->copy);
    assert_int_equal(numbered_count(store, BATCHES + 1), n + 1);
    store_close(store);
}

/* The copy must be refused, untouched, by a text that helps. */
static void expect_refusal(struct fixture *fixture)
{
    struct store_options options = test_options(fixture->copy);
    struct store        *store = NULL;
    struct err_text      why = { "" };
    uint64_t             before = dir_digest(fixture->copy);

    assert_int_equal(store_open_leveldb(&options, &store, &why), ERR_CORRUPT);
    assert_true(dir_digest(fixture->copy) == before);
    assert_non_null(strstr(why.text, strrchr(fixture->log, '/') + 1));
    assert_non_null(strstr(why.text, "at byte"));
    assert_non_null(strstr(why.text, "restore a backup"));
}

/* Batches that end at or before this offset of the log. */
static unsigned whole_before(const struct image *image, size_t offset)
{
    unsigned whole = 0;

    for (size_t i = 0; i < image->fragment_count; i++) {
        const struct fragment *fragment = &image->fragments[i];
        bool ends = fragment->type == 1 || fragment->type == 4;
        if (ends && fragment->offset + HEAD_BYTES + fragment->len <= offset)
            whole = fragment->record;
    }
    return whole;
}

/* --- the tests ----------------------------------------------------------- */

/* The walk above must have met what the tests below are about. */
static void test_log_has_every_kind_of_fragment(void **state)
{
    const struct fixture *fixture = *state;
    unsigned              seen[5] = { 0 };

    for (size_t i = 0; i < fixture->image.fragment_count; i++)
        seen[fixture->image.fragments[i].type]++;
    for (unsigned type = 1; type <= 4; type++)
        assert_true(seen[type] > 0);
}

static void test_undamaged(void **state)
{
    struct fixture *fixture = *state;

    copy_with(fixture, fixture->image.data, fixture->image.len);
    expect_cut(fixture, BATCHES);
}

/* The file ends early: at each fragment's start, in the middle of its header,
 * behind the header, in the middle of its payload. */
static void test_cut_short(void **state)
{
    struct fixture     *fixture = *state;
    const struct image *image = &fixture->image;

    for (size_t i = 0; i < image->fragment_count; i++) {
        const struct fragment *fragment = &image->fragments[i];
        const size_t ends[] = { fragment->offset, fragment->offset + 3,
                                fragment->offset + HEAD_BYTES,
                                fragment->offset + HEAD_BYTES +
                                    fragment->len / 2 };
        for (size_t j = 0; j < 4; j++) {
            copy_with(fixture, image->data, ends[j]);
            expect_cut(fixture, whole_before(image, ends[j]));
        }
    }
}

/* The file has its length, but from somewhere on it is zeros: blocks that were
 * allocated and never reached the disk. */
static void test_zeros_to_the_end(void **state)
{
    struct fixture     *fixture = *state;
    const struct image *image = &fixture->image;

    for (size_t i = 0; i < image->fragment_count; i += 2) {
        const struct fragment *fragment = &image->fragments[i];
        size_t from = fragment->offset + (i % 4 ? 3 : HEAD_BYTES + 1);
        char  *data = mem_alloc(image->len);
        memcpy(data, image->data, image->len);
        memset(data + from, 0, image->len - from);
        copy_with(fixture, data, image->len);
        expect_cut(fixture, whole_before(image, from));
        mem_free(data);
    }
}

/* More bytes than were ever written: zeros, noise, a header that promises too
 * much. */
static void test_rubbish_behind_the_end(void **state)
{
    static const size_t lengths[] = { 1, 6, 7, 5000, 70000 };
    struct fixture     *fixture = *state;
    const struct image *image = &fixture->image;

    for (size_t i = 0; i < 5; i++)
        for (int kind = 0; kind < 3; kind++) {
            size_t len = image->len + lengths[i];
            char  *data = mem_calloc(1, len);
            memcpy(data, image->data, image->len);
            for (size_t at = image->len; kind == 1 && at < len; at++)
                data[at] = (char)(at * 2654435761u >> 13);
            if (kind == 2 && lengths[i] >= 7)
                memcpy(data + image->len, "abcd\xff\x70\x01", 7);
            copy_with(fixture, data, len);
            expect_cut(fixture, BATCHES);
            mem_free(data);
        }
}

/* Flips one bit and opens. Damage in the last record is torn, damage in any
 * other one is a hole. */
static void flip_at(struct fixture *fixture, const struct fragment *fragment,
                    size_t at)
{
    const struct image *image = &fixture->image;
    char               *data = mem_alloc(image->len);

    memcpy(data, image->data, image->len);
    data[at] ^= 0x10;
    copy_with(fixture, data, image->len);
    mem_free(data);
    if (fragment->record == image->record_count)
        expect_cut(fixture, image->record_count - 1);
    else
        expect_refusal(fixture);
}

/* In the checksum, the length's low and high byte, the type, the payload. */
static void test_flipped_bits(void **state)
{
    struct fixture     *fixture = *state;
    const struct image *image = &fixture->image;

    for (size_t i = 0; i < image->fragment_count; i++) {
        const struct fragment *fragment = &image->fragments[i];
        const size_t           places[] = { 0,
                                            4,
                                            5,
                                            6,
                                            HEAD_BYTES + fragment->len / 2,
                                            HEAD_BYTES + fragment->len - 1 };
        for (size_t j = 0; j < 6; j++)
            flip_at(fixture, fragment, fragment->offset + places[j]);
    }
}

/* A page of zeros in the middle. */
static void test_zeros_in_the_middle(void **state)
{
    struct fixture        *fixture = *state;
    const struct image    *image = &fixture->image;
    const struct fragment *last = &image->fragments[image->fragment_count - 1];
    char                  *data = mem_alloc(image->len);

    for (size_t from = 0; from + 4096 < last->offset; from += 5 * 4096) {
        if (whole_before(image, from + 4096) >= BATCHES - 1)
            break;
        memcpy(data, image->data, image->len);
        memset(data + from, 0, 4096);
        copy_with(fixture, data, image->len);
        expect_refusal(fixture);
    }
    mem_free(data);
}

/* The pages of one torn record reach the disk in any order: its later fragments
 * are there, its first is not. Still torn, not a hole. */
static void test_torn_record_lacks_its_beginning(void **state)
{
    struct fixture *fixture = *state;
    struct image   *image = &fixture->image;
    size_t          i = image->fragment_count;
    char           *data = mem_alloc(image->len);

    memcpy(data, image->data, image->len);
    while (image->fragments[i - 1].type != 2)
        i--;
    const struct fragment *first = &image->fragments[i - 1];
    /* Up to the end of that record: the others behind it go. */
    size_t end = first->offset;
    while (image->fragments[i - 1].record == first->record) {
        end = image->fragments[i - 1].offset + HEAD_BYTES +
              image->fragments[i - 1].len;
        if (i++ == image->fragment_count)
            break;
    }
    memset(data + first->offset, 0, HEAD_BYTES + first->len);
    copy_with(fixture, data, end);
    expect_cut(fixture, first->record - 1);
    mem_free(data);
}

/* What the check cuts off it says; a torn log is a warning, not an error. */
static void test_cut_is_logged(void **state)
{
    struct fixture      *fixture = *state;
    const struct image  *image = &fixture->image;
    char                 log_path[PATH_CHARS];
    struct store_options options = test_options(fixture->copy);
    struct err_text      why;
    struct store        *store;
    size_t               len;

    path_join(log_path, fixture->dir, "log");
    assert_int_equal(log_new(log_path, LOG_WARNING, &options.log, &why),
                     ERR_OK);
    copy_with(fixture, image->data, image->len - 1);
    assert_int_equal(store_open_leveldb(&options, &store, &why), ERR_OK);
    store_close(store);
    log_free(options.log);
    char *text = file_read(log_path, &len);
    char  dropped[64];
    snprintf(dropped, sizeof(dropped), " %zu bytes dropped",
             image->len - 1 -
                 image->fragments[image->fragment_count - 1].offset);
    if (image->fragments[image->fragment_count - 1].type == 1)
        assert_non_null(strstr(text, dropped));
    assert_non_null(strstr(text, "cut off"));
    assert_non_null(strstr(text, strrchr(fixture->log, '/') + 1));
    mem_free(text);
}

/* Writes that fail half-way because the file may not grow. */
static void test_failing_appends(void **state)
{
    struct fixture *fixture = *state;
    unsigned        number = 0;
    int             out_fd;

    pid_t pid = child_start("limit", fixture->origin, "", &out_fd);
    assert_int_equal(read(out_fd, &number, sizeof(number)), sizeof(number));
    close(out_fd);
    assert_int_equal(child_wait(pid), 0);
    assert_true(number >= 12);
    struct store *store = test_open(fixture->origin);
    assert_int_equal(numbered_count(store, number), number);
    store_close(store);
}

/* Writes that fail by injection, having reached LevelDB or not: after reopen
 * and retry everything is there, once. */
static void test_injected_failures(void **state)
{
    struct fixture *fixture = *state;
    struct store   *store = store_open_fault(test_open(fixture->origin));
    struct err_text why;

    for (unsigned number = 1; number <= 12; number++) {
        bool applied = number % 2;
        fault_fail(store, FAULT_WRITE, 0, 1, number % 3 ? ERR_IO : ERR_NO_SPACE,
                   applied);
        assert_int_equal(
            store_write(store, numbered_batch(number), applied, &why),
            number % 3 ? ERR_IO : ERR_NO_SPACE);
        /* Without reopen nothing is written any more. */
        assert_int_equal(
            store_write(store, numbered_batch(number), false, &why), ERR_IO);
        assert_int_equal(store_reopen(store, &why), ERR_OK);
        assert_int_equal(numbered_count(store, number),
                         applied ? number : number - 1);
        assert_int_equal(
            store_write(store, numbered_batch(number), false, &why), ERR_OK);
        assert_int_equal(numbered_count(store, number), number);
    }
    store_close(store);
    store = test_open(fixture->origin);
    assert_int_equal(numbered_count(store, 12), 12);
    store_close(store);
}

/* Reads acknowledged numbers until one above `until` has come, kills the
 * child, reads the rest. */
static unsigned kill_after(const char *path, unsigned first, unsigned until)
{
    char     text[16];
    int      out_fd;
    unsigned acknowledged = first - 1;

    snprintf(text, sizeof(text), "%u", first);
    pid_t pid = child_start("write-on", path, text, &out_fd);
    for (unsigned number;
         read(out_fd, &number, sizeof(number)) == sizeof(number);) {
        acknowledged = number;
        if (number == until)
            kill(pid, SIGKILL);
    }
    close(out_fd);
    assert_true(WIFSIGNALED(child_wait(pid)));
    return acknowledged;
}

static void test_kill(void **state)
{
    struct fixture *fixture = *state;
    unsigned        count = 0;

    for (unsigned round = 0; round < 6; round++) {
        unsigned acknowledged =
            kill_after(fixture->origin, count + 1, count + 3 + round * 7);
        struct store *store = test_open(fixture->origin);
        count = numbered_count(store, acknowledged + 2);
        store_close(store);
        /* The one under way may be there or not. */
        assert_true(count == acknowledged || count == acknowledged + 1);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_has_every_kind_of_fragment),
        cmocka_unit_test(test_undamaged),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_zeros_to_the_end),
        cmocka_unit_test(test_rubbish_behind_the_end),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_zeros_in_the_middle),
        cmocka_unit_test(test_torn_record_lacks_its_beginning),
        cmocka_unit_test(test_cut_is_logged),
        cmocka_unit_test_setup_teardown(test_failing_appends, fixture_new,
                                        fixture_free),
        cmocka_unit_test_setup_teardown(test_injected_failures, fixture_new,
                                        fixture_free),
        cmocka_unit_test_setup_teardown(test_kill, fixture_new, fixture_free),
    };

    if (argc == 4 && strcmp(argv[1], "write") == 0)
        return role_write(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "write-on") == 0)
        return role_write_on(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "limit") == 0)
        return role_limit(argv[2], argv[3]);
    return cmocka_run_group_tests(tests, fixture_with_log, fixture_free);
}
