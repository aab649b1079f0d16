/* test_reply.c - the RESP writer. The bytes expected were seen on Redis 7.0
 * (DEBUG PROTOCOL shows each type), RESP2 and RESP3. */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"
#include "resp/reply.h"

/* What a client gets: the buffer with the blobs in their places. Given. */
static char *sent(const struct reply *reply, size_t *out_len)
{
    char  *out = malloc(reply_bytes(reply) + 1);
    size_t len = 0, from = 0;

    assert_non_null(out);
    for (size_t i = 0; i <= reply->blob_count; i++) {
        bool   last = i == reply->blob_count;
        size_t to = last ? reply->len : reply->blobs[i].offset;
        assert_true(to >= from && to <= reply->len);
        if (to > from)
            memcpy(out + len, reply->data + from, to - from);
        len += to - from;
        from = to;
        if (last)
            break;
        struct blob *blob = reply->blobs[i].blob;
        memcpy(out + len, blob->data, blob->len);
        len += blob->len;
    }
    assert_int_equal(len, reply_bytes(reply));
    *out_len = len;
    return out;
}

static void check_sent(const struct reply *reply, slice expected)
{
    size_t len;
    char  *got = sent(reply, &len);
    if (!slice_equal(slice_make(got, len), expected))
        fail_msg("got: %.*s\nnot: %.*s", (int)len, got, (int)expected.len,
                 expected.data);
    free(got);
}

#define CHECK_SENT(reply, text) check_sent((reply), SLICE_LITERAL(text))

/* Runs statements on a struct reply r in both versions. */
#define CHECK_BOTH(statements, resp2, resp3)                                   \
    do {                                                                       \
        const slice  expected[] = { SLICE_LITERAL(resp2),                      \
                                    SLICE_LITERAL(resp3) };                    \
        struct reply r;                                                        \
        for (int version = 2; version <= 3; version++) {                       \
            reply_init(&r);                                                    \
            assert_int_equal(r.version, 2);                                    \
            r.version = version;                                               \
            statements;                                                        \
            check_sent(&r, expected[version - 2]);                             \
            reply_deinit(&r);                                                  \
        }                                                                      \
    } while (0)

#define CHECK_SAME(statements, text) CHECK_BOTH(statements, text, text)

static void test_simple_values(void **state)
{
    (void)state;
    CHECK_SAME(reply_ok(&r), "+OK\r\n");
    CHECK_SAME(reply_simple(&r, "PONG"), "+PONG\r\n");
    CHECK_SAME(reply_simple(&r, ""), "+\r\n");
    CHECK_SAME(reply_raw(&r, SLICE_LITERAL("any\0thing")), "any\0thing");
    CHECK_SAME(reply_raw(&r, slice_make(NULL, 0)), "");
    CHECK_SAME(reply_bulk(&r, SLICE_LITERAL("a\r\n\0b")), "$5\r\na\r\n\0b\r\n");
    CHECK_SAME(reply_bulk(&r, slice_make(NULL, 0)), "$0\r\n\r\n");
    CHECK_SAME(reply_bulk_string(&r, "Hello World"), "$11\r\nHello World\r\n");
    CHECK_SAME(reply_bulkf(&r, "%d-%s", 17, "x"), "$4\r\n17-x\r\n");
    CHECK_SAME(reply_bulk_int(&r, -42), "$3\r\n-42\r\n");
    CHECK_SAME(reply_bulk_int(&r, INT64_MIN),
               "$20\r\n-9223372036854775808\r\n");
}

static void test_types_of_resp3(void **state)
{
    (void)state;
    CHECK_BOTH(reply_null(&r), "$-1\r\n", "_\r\n");
    CHECK_BOTH(reply_null_array(&r), "*-1\r\n", "_\r\n");
    CHECK_BOTH(reply_bool(&r, true), ":1\r\n", "#t\r\n");
    CHECK_BOTH(reply_bool(&r, false), ":0\r\n", "#f\r\n");
    CHECK_BOTH(reply_bignum(&r, SLICE_LITERAL("1234567999999999999999999999")),
               "$28\r\n1234567999999999999999999999\r\n",
               "(1234567999999999999999999999\r\n");
    CHECK_BOTH(
        reply_verbatim(&r, SLICE_LITERAL("This is a verbatim\nstring"), "txt"),
        "$25\r\nThis is a verbatim\nstring\r\n",
        "=29\r\ntxt:This is a verbatim\nstring\r\n");
    CHECK_BOTH(reply_verbatim(&r, SLICE_EMPTY, "mkd"), "$0\r\n\r\n",
               "=4\r\nmkd:\r\n");
}

static void test_doubles(void **state)
{
    (void)state;
    CHECK_BOTH(reply_double(&r, 3.141), "$5\r\n3.141\r\n", ",3.141\r\n");
    CHECK_BOTH(reply_double(&r, 0.1), "$3\r\n0.1\r\n", ",0.1\r\n");
    CHECK_BOTH(reply_double(&r, -7), "$2\r\n-7\r\n", ",-7\r\n");
    CHECK_BOTH(reply_double(&r, (double)INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
    CHECK_BOTH(reply_double(&r, -(double)INFINITY), "$4\r\n-inf\r\n",
               ",-inf\r\n");
    CHECK_BOTH(reply_double(&r, (double)NAN), "$3\r\nnan\r\n", ",nan\r\n");
}

static void test_headers(void **state)
{
    (void)state;
    CHECK_SAME(reply_array(&r, 0), "*0\r\n");
    CHECK_SAME(reply_array(&r, 12345), "*12345\r\n");
    CHECK_BOTH(reply_map(&r, 3), "*6\r\n", "%3\r\n");
    CHECK_BOTH(reply_set(&r, 3), "*3\r\n", "~3\r\n");
    CHECK_BOTH(reply_push(&r, 2), "*2\r\n", ">2\r\n");

    struct reply r;
    reply_init(&r);
    r.version = 3;
    reply_attribute(&r, 1);
    CHECK_SENT(&r, "|1\r\n");
    reply_deinit(&r);
}

/* CR and LF within become spaces, those at the end go. */
static void test_errors(void **state)
{
    (void)state;
    CHECK_SAME(reply_error(&r, "ERR syntax error"), "-ERR syntax error\r\n");
    CHECK_SAME(reply_error(&r, "ERR a\r\nb\nc\rd\r\n\n"), "-ERR a  b c d\r\n");
    CHECK_SAME(reply_error(&r, "\r\nERR a"), "-  ERR a\r\n");
    CHECK_SAME(reply_error(&r, ""), "-\r\n");
    CHECK_SAME(reply_error(&r, "\r\n"), "-\r\n");
    CHECK_SAME(reply_error_slice(&r, SLICE_LITERAL("ERR \0 x\n")),
               "-ERR \0 x\r\n");
    CHECK_SAME(
        reply_errorf(&r, "ERR Protocol error: expected '$', got '%c'", '\r'),
        "-ERR Protocol error: expected '$', got ' '\r\n");
    CHECK_SAME(reply_errorf(&r, "ERR unknown command '%.*s'", 3, "a\nbcd"),
               "-ERR unknown command 'a b'\r\n");
}

/* Formatted text of any length, around the size that is guessed. */
static void test_long_formats(void **state)
{
    static const int lens[] = { 0, 1, 254, 255, 256, 257, 1000, 100000 };
    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct reply r;
        size_t       room = (size_t)lens[i] * 2 + 64;
        char        *expected = malloc(room);
        assert_non_null(expected);
        reply_init(&r);
        reply_bulkf(&r, "%0*d", lens[i], 7);
        reply_errorf(&r, "%0*d", lens[i], 7);
        int len = snprintf(expected, room, "$%d\r\n%0*d\r\n-%0*d\r\n",
                           lens[i] ? lens[i] : 1, lens[i], 7, lens[i], 7);
        check_sent(&r, slice_make(expected, (size_t)len));
        reply_deinit(&r);
        free(expected);
    }
}

static void check_int(int64_t value)
{
    char         text[128], digits[32];
    struct reply r;
    int digit_count = snprintf(digits, sizeof(digits), "%" PRId64, value);
    int len = snprintf(text, sizeof(text), ":%s\r\n$%d\r\n%s\r\n", digits,
                       digit_count, digits);
    reply_init(&r);
    reply_int(&r, value);
    reply_bulk_int(&r, value);
    check_sent(&r, slice_make(text, (size_t)len));
    reply_deinit(&r);
}

static void test_integers(void **state)
{
    struct rand rand;
    (void)state;
    for (int64_t value = -1200; value <= 12000; value++)
        check_int(value);
    for (int64_t power = 1; power <= INT64_MAX / 10; power *= 10) {
        for (int64_t delta = -1; delta <= 1; delta++) {
            check_int(power * 10 + delta);
            check_int(-power * 10 + delta);
        }
    }
    check_int(INT64_MAX);
    check_int(INT64_MIN);
    rand_init(&rand, 3);
    for (int i = 0; i < 20000; i++)
        check_int((int64_t)(rand_next(&rand) >> rand_below(&rand, 64)));
}

/* --- blobs --------------------------------------------------------------- */

static unsigned refs(struct blob *blob)
{
    return atomic_load(&blob->refs);
}

static void test_blobs(void **state)
{
    struct blob *a = blob_copy(SLICE_LITERAL("first\r\n"));
    struct blob *empty = blob_copy(SLICE_EMPTY);
    struct reply r;
    (void)state;

    reply_init(&r);
    reply_blob(&r, a);
    reply_ok(&r);
    for (int i = 0; i < 10; i++)
        reply_blob(&r, i % 2 ? a : empty);
    assert_int_equal(refs(a), 7);
    assert_int_equal(refs(empty), 6);
    assert_int_equal(r.blob_bytes, 6 * a->len);
    CHECK_SENT(&r, "$7\r\nfirst\r\n\r\n+OK\r\n"
                   "$0\r\n\r\n$7\r\nfirst\r\n\r\n"
                   "$0\r\n\r\n$7\r\nfirst\r\n\r\n"
                   "$0\r\n\r\n$7\r\nfirst\r\n\r\n"
                   "$0\r\n\r\n$7\r\nfirst\r\n\r\n"
                   "$0\r\n\r\n$7\r\nfirst\r\n\r\n");
    reply_clear(&r, 1000);
    assert_int_equal(refs(a), 1);
    assert_int_equal(reply_bytes(&r), 0);
    reply_blob(&r, a);
    CHECK_SENT(&r, "$7\r\nfirst\r\n\r\n");
    reply_deinit(&r);
    assert_int_equal(refs(a), 1);
    assert_int_equal(refs(empty), 1);
    blob_unref(a);
    blob_unref(empty);
}

/* clang-format off: statements as macro arguments */
/* --- deferred headers ---------------------------------------------------- */

static void test_deferred(void **state)
{
    size_t mark;
    (void)state;
    CHECK_SAME(reply_ok(&r); mark = reply_deferred_begin(&r);
               reply_deferred_end(&r, mark, '*', 0);
               reply_ok(&r), "+OK\r\n*0\r\n+OK\r\n");
    CHECK_BOTH(mark = reply_deferred_begin(&r); reply_int(&r, 1);
               reply_int(&r, 2); reply_deferred_end(&r, mark, '%', 1),
                                 "*2\r\n:1\r\n:2\r\n", "%1\r\n:1\r\n:2\r\n");
    CHECK_BOTH(mark = reply_deferred_begin(&r); reply_int(&r, 1);
               reply_deferred_end(&r, mark, '~', 12345);
               reply_ok(&r), "*12345\r\n:1\r\n+OK\r\n",
               "~12345\r\n:1\r\n+OK\r\n");
    /* The pairs of a map: 9 is one digit, 18 is two. */
    CHECK_BOTH(mark = reply_deferred_begin(&r); reply_int(&r, 1);
               reply_deferred_end(&r, mark, '%', 9), "*18\r\n:1\r\n",
               "%9\r\n:1\r\n");
}

/* Headers in headers, with blobs before, between and behind. */
static void test_deferred_nested_with_blobs(void **state)
{
    struct blob *blob = blob_copy(SLICE_LITERAL("b"));
    size_t       outer, inner;
    (void)state;
    CHECK_SAME(reply_blob(&r, blob); outer = reply_deferred_begin(&r);
               reply_blob(&r, blob); inner = reply_deferred_begin(&r);
               reply_blob(&r, blob); reply_deferred_end(&r, inner, '*', 100);
               reply_blob(&r, blob); reply_deferred_end(&r, outer, '*', 12);
               reply_blob(&r, blob),
               "$1\r\nb\r\n*12\r\n$1\r\nb\r\n*100\r\n$1\r\nb\r\n$1\r\nb\r\n"
               "$1\r\nb\r\n");
    blob_unref(blob);
}

/* clang-format on */

/* However full the buffer is when the header gets longer. */
static void test_deferred_at_every_fill(void **state)
{
    (void)state;
    for (size_t fill = 480; fill < 530; fill++) {
        struct reply r;
        char         expected[700];
        reply_init(&r);
        size_t mark = reply_deferred_begin(&r);
        memset(expected, 'x', sizeof(expected));
        reply_raw(&r, slice_make(expected + 100, fill));
        reply_deferred_end(&r, mark, '*', 1234567);
        memcpy(expected, "*1234567\r\n", 10);
        check_sent(&r, slice_make(expected, fill + 10));
        reply_deinit(&r);
    }
}

/* --- room, muting -------------------------------------------------------- */

static void test_grows_and_is_cleared(void **state)
{
    struct reply      r;
    static const char bytes[3000] = { 'x' };
    (void)state;

    reply_init(&r);
    assert_int_equal(r.capacity, 0);
    for (size_t i = 0; i < 3000; i++)
        reply_bulk(&r, slice_make(bytes, i));
    size_t at = 0;
    for (size_t i = 0; i < 3000; i++) {
        char header[16];
        int  len = snprintf(header, sizeof(header), "$%zu\r\n", i);
        assert_memory_equal(r.data + at, header, (size_t)len);
        at += (size_t)len + i + 2;
        assert_memory_equal(r.data + at - 2, "\r\n", 2);
    }
    assert_int_equal(r.len, at);
    assert_true(r.capacity >= r.len);

    reply_clear(&r, SIZE_MAX);
    assert_true(r.capacity >= at);
    assert_int_equal(r.len, 0);
    reply_clear(&r, 16);
    assert_int_equal(r.capacity, 16);
    reply_ok(&r);
    reply_bulk(&r, slice_make(bytes, 100));
    assert_int_equal(r.len, 5 + 6 + 100 + 2);
    reply_clear(&r, 0);
    assert_int_equal(r.capacity, 0);
    assert_null(r.data);
    reply_ok(&r);
    CHECK_SENT(&r, "+OK\r\n");
    reply_deinit(&r);
}

static void write_all_kinds(struct reply *r, struct blob *blob)
{
    size_t mark = reply_deferred_begin(r);
    reply_raw(r, SLICE_LITERAL("raw"));
    reply_simple(r, "PONG");
    reply_ok(r);
    reply_error(r, "ERR");
    reply_errorf(r, "ERR %d", 1);
    reply_int(r, 5);
    reply_bulk(r, SLICE_LITERAL("x"));
    reply_bulkf(r, "%d", 1);
    reply_bulk_int(r, 5);
    reply_blob(r, blob);
    reply_null(r);
    reply_null_array(r);
    reply_bool(r, true);
    reply_double(r, 1.5);
    reply_bignum(r, SLICE_LITERAL("1"));
    reply_verbatim(r, SLICE_LITERAL("x"), "txt");
    reply_array(r, 1);
    reply_map(r, 1);
    reply_set(r, 1);
    reply_push(r, 1);
    if (r->version == 3)
        reply_attribute(r, 1);
    reply_deferred_end(r, mark, '*', 1000);
}

static void test_muted(void **state)
{
    struct blob *blob = blob_copy(SLICE_LITERAL("b"));
    (void)state;
    CHECK_SAME(r.muted = true; write_all_kinds(&r, blob), "");
    CHECK_SAME(reply_ok(&r); r.muted = true; write_all_kinds(&r, blob);
               r.muted = false; reply_int(&r, 1), "+OK\r\n:1\r\n");
    assert_int_equal(refs(blob), 1);
    CHECK_BOTH(write_all_kinds(&r, blob),
               "*1000\r\nraw+PONG\r\n+OK\r\n-ERR\r\n-ERR 1\r\n:5\r\n"
               "$1\r\nx\r\n$1\r\n1\r\n$1\r\n5\r\n$1\r\nb\r\n$-1\r\n*-1\r\n"
               ":1\r\n$3\r\n1.5\r\n$1\r\n1\r\n$1\r\nx\r\n*1\r\n*2\r\n*1\r\n"
               "*1\r\n",
               "*1000\r\nraw+PONG\r\n+OK\r\n-ERR\r\n-ERR 1\r\n:5\r\n"
               "$1\r\nx\r\n$1\r\n1\r\n$1\r\n5\r\n$1\r\nb\r\n_\r\n_\r\n"
               "#t\r\n,1.5\r\n(1\r\n=5\r\ntxt:x\r\n*1\r\n%1\r\n~1\r\n"
               ">1\r\n|1\r\n");
    assert_int_equal(refs(blob), 1);
    blob_unref(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple_values),
        cmocka_unit_test(test_types_of_resp3),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_long_formats),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_blobs),
        cmocka_unit_test(test_deferred),
        cmocka_unit_test(test_deferred_nested_with_blobs),
        cmocka_unit_test(test_deferred_at_every_fill),
        cmocka_unit_test(test_grows_and_is_cleared),
        cmocka_unit_test(test_muted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
