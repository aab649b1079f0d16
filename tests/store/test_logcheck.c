/* test_logcheck.c - the check of LevelDB's logs on logs that we make ourselves:
 * several of them, gaps, obsolete ones, bytes that only look like records.
 * (Damage to real logs: test_torn.c.) */
#include "store_test.h"

#include "log_make.h"
#include "store/logcheck.h"
#include "store/manifest.h"

/* --- making logs --------------------------------------------------------- */

/* A write batch of `count` operations with this many bytes in all. */
static void add_record(struct buf *log, uint64_t sequence, unsigned count,
                       size_t len)
{
    char *payload = mem_alloc(len);

    assert_true(len >= 12);
    memset(payload, 'v', len);
    put_le(payload, sequence, 8);
    put_le(payload + 8, count, 4);
    add_payload(log, slice_make(payload, len));
    mem_free(payload);
}

/* --- a data directory ---------------------------------------------------- */

struct place {
    char dir[PATH_CHARS];
    int  fd;
};

static int place_new(void **state)
{
    struct place *place = mem_calloc(1, sizeof(*place));

    temp_dir_new(place->dir);
    place->fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(place->fd >= 0);
    char path[PATH_CHARS];
    file_write(path_join(path, place->dir, "CURRENT"), "MANIFEST-000002\n", 16);
    file_write(path_join(path, place->dir, "MANIFEST-000002"), "", 0);
    *state = place;
    return 0;
}

static int place_free(void **state)
{
    struct place *place = *state;

    close(place->fd);
    path_remove(place->dir);
    mem_free(place);
    return 0;
}

static void save(struct place *place, const char *name, struct buf *log)
{
    char path[PATH_CHARS];

    file_write(path_join(path, place->dir, name), log->data, log->len);
    buf_deinit(log);
}

static size_t size_of(struct place *place, const char *name)
{
    struct stat status;
    char        path[PATH_CHARS];

    assert_int_equal(stat(path_join(path, place->dir, name), &status), 0);
    return (size_t)status.st_size;
}

static void expect_clean(struct place *place, uint64_t records)
{
    struct logcheck_result result;
    struct err_text        why = { "" };
    uint64_t               before = dir_digest(place->dir);

    assert_int_equal(logcheck_run(place->fd, &result, &why), ERR_OK);
    assert_int_equal(result.cut_log, 0);
    assert_int_equal(result.record_count, records);
    assert_true(dir_digest(place->dir) == before);
}

static void expect_cut(struct place *place, uint64_t records, uint64_t log,
                       uint64_t offset, uint64_t dropped)
{
    struct logcheck_result result;
    struct err_text        why = { "" };

    assert_int_equal(logcheck_run(place->fd, &result, &why), ERR_OK);
    assert_int_equal(result.record_count, records);
    assert_int_equal(result.cut_log, log);
    assert_int_equal(result.cut_offset, offset);
    assert_int_equal(result.dropped_bytes, dropped);
    assert_true(result.reason[0] != 0);
    expect_clean(place, records); /* nothing is left to cut */
}

static void expect_refused(struct place *place, const char *hint)
{
    struct logcheck_result result;
    struct err_text        why = { "" };
    uint64_t               before = dir_digest(place->dir);

    assert_int_equal(logcheck_run(place->fd, &result, &why), ERR_CORRUPT);
    assert_true(dir_digest(place->dir) == before);
    assert_non_null(strstr(why.text, hint));
}

/* --- tests --------------------------------------------------------------- */

/* Values from RFC 3720, appendix B.4, and the usual check value. */
static void test_crc32c(void **state)
{
    struct crc32c crc;
    char          bytes[32];

    (void)state;
    crc32c_init(&crc);
    assert_int_equal(crc32c_of(&crc, "", 0), 0);
    assert_int_equal(crc32c_of(&crc, "123456789", 9), 0xe3069283u);
    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(crc32c_of(&crc, bytes, 32), 0x8a9136aau);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc32c_of(&crc, bytes, 32), 0x62a8ab43u);
    for (int i = 0; i < 32; i++)
        bytes[i] = (char)i;
    assert_int_equal(crc32c_of(&crc, bytes, 32), 0x46dd794eu);
}

static void test_nothing_written(void **state)
{
    expect_clean(*state, 0); /* no log at all */
    struct buf log;
    buf_init(&log, 1 << 20);
    save(*state, "000003.log", &log);
    expect_clean(*state, 0);
}

/* Every distance between a record's end and the block's end, where trailers
 * and empty FIRST fragments are made. */
static void test_block_ends(void **state)
{
    for (size_t left = 0; left < 20; left++) {
        struct buf log;
        buf_init(&log, 1 << 20);
        add_record(&log, 1, 2, BLOCK_BYTES - HEAD_BYTES - left);
        add_record(&log, 3, 1, 100);
        add_record(&log, 4, 1, 3 * BLOCK_BYTES);
        save(*state, "000003.log", &log);
        expect_clean(*state, 3);
    }
}

/* A trailer half written when the process died is no damage. */
static void test_trailer_cut_short(void **state)
{
    struct buf log;

    buf_init(&log, 1 << 20);
    add_record(&log, 1, 1, BLOCK_BYTES - HEAD_BYTES - 5);
    assert_int_equal(buf_append(&log, "\0\0", 2), ERR_OK);
    save(*state, "000003.log", &log);
    expect_clean(*state, 1);
}

/* FIRST without LAST at the end: torn, also when every fragment is right. */
static void test_record_without_end(void **state)
{
    struct buf log;

    buf_init(&log, 1 << 20);
    add_record(&log, 1, 1, 1000);
    add_record(&log, 2, 1, 3 * BLOCK_BYTES);
    log.len = 2 * BLOCK_BYTES; /* FIRST and MIDDLE whole, LAST gone */
    save(*state, "000003.log", &log);
    expect_cut(*state, 1, 3, 1000 + HEAD_BYTES,
               2 * BLOCK_BYTES - 1000 - HEAD_BYTES);
}

/* FIRST without LAST, then another record: a hole. */
static void test_record_without_end_inside(void **state)
{
    struct buf log;

    buf_init(&log, 1 << 20);
    add_record(&log, 1, 1, 1000);
    add_record(&log, 2, 1, 3 * BLOCK_BYTES);
    log.len = 2 * BLOCK_BYTES;
    add_record(&log, 3, 1, 50);
    save(*state, "000003.log", &log);
    expect_refused(*state, "000003.log: record without end at byte 1007");
}

/* The damage is in a later fragment: all of its record goes. */
static void test_later_fragment_torn(void **state)
{
    struct buf log;

    buf_init(&log, 1 << 20);
    add_record(&log, 1, 1, 1000);
    add_record(&log, 2, 1, 3 * BLOCK_BYTES);
    log.data[BLOCK_BYTES + 500] ^= 1;
    size_t dropped = log.len - 1007;
    save(*state, "000003.log", &log);
    expect_cut(*state, 1, 3, 1007, dropped);
}

/* A LAST whose FIRST never was: no record, so nothing behind the damage. */
static void test_record_without_start(void **state)
{
    struct buf log;

    buf_init(&log, 1 << 20);
    add_record(&log, 1, 1, 1000);
    add_fragment(&log, 4, SLICE_LITERAL("the end of something"));
    size_t dropped = log.len - 1007;
    save(*state, "000003.log", &log);
    expect_cut(*state, 1, 3, 1007, dropped);

    buf_init(&log, 1 << 20);
    add_record(&log, 1, 1, 1000);
    add_fragment(&log, 4, SLICE_LITERAL("the end of something"));
    add_record(&log, 3, 1, 50);
    save(*state, "000003.log", &log);
    expect_refused(*state, "record without start at byte 1007");
}

/* --- several logs -------------------------------------------------------- */

static void make_older(struct place *place, size_t cut_bytes)
{
    struct buf log;

    buf_init(&log, 1 << 20);
    add_record(&log, 1, 5, 1000);
    add_record(&log, 6, 5, 2000);
    log.len -= cut_bytes;
    save(place, "000003.log", &log);
}

static void make_newer(struct place *place, uint64_t sequence)
{
    struct buf log;

    buf_init(&log, 1 << 20);
    add_record(&log, sequence, 1, 300);
    save(place, "000005.log", &log);
}

static void test_two_logs(void **state)
{
    make_older(*state, 0);
    make_newer(*state, 11);
    expect_clean(*state, 3);
}

static void test_older_torn_newer_valid(void **state)
{
    make_older(*state, 10);
    make_newer(*state, 11);
    expect_refused(*state, "data/000003.log: record cut short at byte 1007, "
                           "valid data follows in 000005.log at 0");
}

/* A power failure between the switch to a new log and its first write. */
static void test_older_torn_newer_empty(void **state)
{
    struct buf log;

    buf_init(&log, 100);
    make_older(*state, 10);
    save(*state, "000005.log", &log);
    expect_cut(*state, 1, 3, 1007, 2000 + HEAD_BYTES - 10);
}

static void test_older_torn_newer_rubbish(void **state)
{
    struct buf log;

    buf_init(&log, 100);
    make_older(*state, 10);
    assert_int_equal(buf_append(&log, "rubbish", 7), ERR_OK);
    save(*state, "000005.log", &log);
    expect_cut(*state, 1, 3, 1007, 2000 + HEAD_BYTES - 10 + 7);
    assert_int_equal(size_of(*state, "000005.log"), 0);
}

/* The older log ends between two records, as a file that lost its unsynced end
 * with the power may: no bad byte, but the sequence numbers tell. */
static void test_gap_between_logs(void **state)
{
    make_older(*state, 2000 + HEAD_BYTES);
    make_newer(*state, 11);
    expect_refused(*state, "000005.log: records missing before it at byte 0");
}

static void test_gap_inside(void **state)
{
    struct buf log;

    buf_init(&log, 1 << 20);
    add_record(&log, 1, 5, 1000);
    add_record(&log, 7, 5, 1000);
    save(*state, "000003.log", &log);
    expect_refused(*state, "records missing before it at byte 1007");
}

/* --- bytes that look like records ---------------------------------------- */

/* A user stored a piece of some log as a value; the record with it was torn.
 * What shows through has a sequence number that doesn't fit. */
static void test_log_in_a_torn_value(void **state)
{
    struct buf inner;
    struct buf log;
    char       head[12];

    buf_init(&inner, 1 << 20);
    assert_int_equal(buf_append(&inner, head, sizeof(head)), ERR_OK);
    put_le(inner.data, 1006, 8);
    put_le(inner.data + 8, 1, 4);
    for (uint64_t sequence = 1; sequence < 20; sequence++)
        add_record(&inner, sequence, 1, 100);
    buf_init(&log, 1 << 20);
    add_record(&log, 1001, 5, 1000);
    add_payload(&log, buf_slice(&inner));
    log.len -= 50;
    size_t dropped = log.len - 1007;
    buf_deinit(&inner);
    save(*state, "000003.log", &log);
    expect_cut(*state, 1, 3, 1007, dropped);
}

/* Blocks of an old file that the file system let shine through. */
static void test_stale_blocks(void **state)
{
    struct buf log;

    buf_init(&log, 1 << 20);
    add_record(&log, 1001, 5, 1000);
    size_t end = log.len;
    assert_int_equal(buf_append(&log, "torn", 4), ERR_OK);
    char *zeros = mem_calloc(1, BLOCK_BYTES);
    assert_int_equal(buf_append(&log, zeros, BLOCK_BYTES - log.len), ERR_OK);
    mem_free(zeros);
    add_record(&log, 500, 1, 1000);
    size_t dropped = log.len - end;
    save(*state, "000003.log", &log);
    expect_cut(*state, 1, 3, end, dropped);
}

/* --- MANIFEST ------------------------------------------------------------ */

/* One edit with every kind of field, then one that moves the log number. */
static void make_manifest(struct place *place, uint8_t log_number)
{
    static const char edit[] = "\x01\x04"
                               "name"
                               "\x02\x03" /* log number 3 */
                               "\x03\x0a"
                               "\x04\xe4\x07"
                               "\x05\x01\x03"
                               "key"
                               "\x06\x02\x09"
                               "\x07\x00\x08\xff\x01\x01"
                               "a"
                               "\x02"
                               "zz"
                               "\x09\x00";
    const char second[] = { 2, (char)log_number };
    struct buf manifest;

    buf_init(&manifest, 1 << 20);
    add_payload(&manifest, slice_make(edit, sizeof(edit) - 1));
    add_payload(&manifest, slice_make(second, 2));
    save(place, "MANIFEST-000002", &manifest);
}

static void test_manifest(void **state)
{
    struct place   *place = *state;
    struct err_text why;
    uint64_t        number = 99;

    assert_int_equal(manifest_first_log(place->fd, &number, &why), ERR_OK);
    assert_int_equal(number, 0);
    make_manifest(place, 5);
    assert_int_equal(manifest_first_log(place->fd, &number, &why), ERR_OK);
    assert_int_equal(number, 5);
}

/* Power loss may bring back a log that LevelDB had emptied into tables and
 * removed, without its unsynced end. Nobody reads it, so nobody minds. */
static void test_obsolete_log(void **state)
{
    make_older(*state, 10);
    make_newer(*state, 77);
    make_manifest(*state, 4);
    expect_clean(*state, 1);
    make_manifest(*state, 3);
    expect_refused(*state, "000003.log");
}

static void test_lost_current(void **state)
{
    struct place          *place = *state;
    struct logcheck_result result;
    struct err_text        why;
    char                   path[PATH_CHARS];

    unlink(path_join(path, place->dir, "CURRENT"));
    assert_int_equal(logcheck_run(place->fd, &result, &why), ERR_CORRUPT);
}

#define PLACE_TEST(test)                                                       \
    cmocka_unit_test_setup_teardown(test, place_new, place_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c),
        PLACE_TEST(test_nothing_written),
        PLACE_TEST(test_block_ends),
        PLACE_TEST(test_trailer_cut_short),
        PLACE_TEST(test_record_without_end),
        PLACE_TEST(test_record_without_end_inside),
        PLACE_TEST(test_later_fragment_torn),
        PLACE_TEST(test_record_without_start),
        PLACE_TEST(test_two_logs),
        PLACE_TEST(test_older_torn_newer_valid),
        PLACE_TEST(test_older_torn_newer_empty),
        PLACE_TEST(test_older_torn_newer_rubbish),
        PLACE_TEST(test_gap_between_logs),
        PLACE_TEST(test_gap_inside),
        PLACE_TEST(test_log_in_a_torn_value),
        PLACE_TEST(test_stale_blocks),
        PLACE_TEST(test_manifest),
        PLACE_TEST(test_obsolete_log),
        PLACE_TEST(test_lost_current),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
