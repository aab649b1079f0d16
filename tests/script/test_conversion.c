/* test_conversion.c - every kind of reply becomes a value, and back. */
#include "engine_test.h"

#include "base/blob.h"

/* What a command answers with this version comes out as these bytes with the
 * client's version. */
static void check(struct fix *fix, int version, const char *canned,
                  int client_version, const char *expected)
{
    char body[128];
    snprintf(body, sizeof(body),
             "redis.setresp(%d) return redis.pcall('x')", version);
    reply_clear(&fix->canned, 0);
    reply_raw(&fix->canned, slice_from_string(canned));
    fix->reply.version = client_version;
    fix_says(fix, body, expected);
}

static void every_kind_survives(void **state)
{
    static const char *const replies[] = {
        "+OK\r\n", "-ERR x y\r\n", ":-5\r\n", "$3\r\nabc\r\n", "$0\r\n\r\n",
        "*0\r\n", "*2\r\n:1\r\n*1\r\n+x\r\n", "*3\r\n_\r\n", "_\r\n", "#t\r\n",
        "#f\r\n", ",1.5\r\n", ",inf\r\n", ",-inf\r\n", ",1e+100\r\n",
        "(12345678901234567890\r\n", "=7\r\ntxt:abc\r\n", "%0\r\n", "~0\r\n",
        "%1\r\n$1\r\na\r\n,0.1\r\n", "~1\r\n:7\r\n",
        "*2\r\n%1\r\n+k\r\n~1\r\n#t\r\n=4\r\nmkd:\r\n",
    };
    struct fix fix;
    (void)state;
    fix_init(&fix);
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
        if (strcmp(replies[i], "*3\r\n_\r\n") != 0)
            check(&fix, 3, replies[i], 3, replies[i]);
    fix_deinit(&fix);
}

static void for_resp2_they_are_simpler(void **state)
{
    struct fix fix;
    (void)state;
    fix_init(&fix);
    check(&fix, 2, "$-1\r\n", 2, "$-1\r\n");
    check(&fix, 2, "*-1\r\n", 2, "$-1\r\n");
    check(&fix, 2, "$-1\r\n", 3, "_\r\n");
    check(&fix, 2, "*2\r\n$-1\r\n:1\r\n", 2, "*2\r\n$-1\r\n:1\r\n");
    check(&fix, 3, "*2\r\n_\r\n:1\r\n", 3, "*0\r\n"); /* up to the nil */
    check(&fix, 3, "#t\r\n", 2, ":1\r\n");
    check(&fix, 3, "#f\r\n", 2, ":0\r\n");
    check(&fix, 3, ",0.1\r\n", 2, "$3\r\n0.1\r\n");
    check(&fix, 3, "(123\r\n", 2, "$3\r\n123\r\n");
    check(&fix, 3, "=7\r\ntxt:abc\r\n", 2, "$3\r\nabc\r\n");
    check(&fix, 3, "%1\r\n+a\r\n:1\r\n", 2, "*2\r\n+a\r\n:1\r\n");
    check(&fix, 3, "~1\r\n+a\r\n", 2, "*1\r\n+a\r\n");
    check(&fix, 3, ">2\r\n+a\r\n+b\r\n", 2, "*2\r\n+a\r\n+b\r\n");
    check(&fix, 3, "|1\r\n+a\r\n*1\r\n:1\r\n+b\r\n", 2, "+b\r\n");
    fix_deinit(&fix);
}

static void blobs_are_where_they_stand(void **state)
{
    struct fix   fix;
    struct blob *blob = blob_new(100000);
    (void)state;
    fix_init(&fix);
    memset(blob->data, 'b', blob->len);
    reply_array(&fix.canned, 4);
    reply_blob(&fix.canned, blob);
    reply_bulk_string(&fix.canned, "between");
    reply_blob(&fix.canned, blob);
    reply_blob(&fix.canned, blob);
    fix_says(&fix, "local r = redis.call('x') return {#r[1], r[2], #r[3], "
                   "r[1] == r[4], r[3]:sub(-2)}",
             "*5\r\n:100000\r\n$7\r\nbetween\r\n:100000\r\n:1\r\n$2\r\nbb\r\n");
    blob_unref(blob);
    fix_deinit(&fix);
}

static void words_of_a_call(void **state)
{
    static const struct {
        const char *words, *called;
    } cases[] = {
        { "'get', 'k'", "get k" },
        { "'x', 1, -1, 1.5, 1e15, 1e21, 2^53, 0.1", "x 1 -1 1.5 "
          "1000000000000000 1e+21 9007199254740992 0.1" },
        { "'x', ''", "x " },
        { "5", "5" },
        { "unpack({'a', 'b', 'c'})", "a b c" },
    };
    struct fix fix;
    (void)state;
    fix_init(&fix);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[256];
        snprintf(body, sizeof(body), "return redis.call(%s)", cases[i].words);
        fix_says(&fix, body, "+OK\r\n");
        assert_string_equal(fix.called, cases[i].called);
    }
    unsigned calls = fix.calls;
    fix_tells(&fix, "redis.call('x', {})", "must be strings or integers");
    fix_tells(&fix, "redis.call('x', true)", "must be strings or integers");
    fix_tells(&fix, "redis.call()", "at least one argument");
    assert_int_equal(fix.calls, calls);
    fix_says(&fix, "local t = {} for i = 1, 5000 do t[i] = i end "
                   "return redis.call(unpack(t))", "+OK\r\n");
    fix_deinit(&fix);
}

static void keys_and_arguments(void **state)
{
    struct fix  fix;
    const slice words[] = { SLICE_LITERAL("a\0b"), SLICE_LITERAL(""),
                            SLICE_LITERAL("c") };
    (void)state;
    fix_init(&fix);
    fix_run_with(&fix, "return {KEYS, ARGV}", words, 2, 1);
    assert_memory_equal(fix.reply.data, "*2\r\n*2\r\n$3\r\na\0b\r\n$0\r\n\r\n"
                                        "*1\r\n$1\r\nc\r\n", fix.reply.len);
    fix_says(&fix, "return {#KEYS, #ARGV}", "*2\r\n:0\r\n:0\r\n");
    fix_deinit(&fix);
}

static void errors_are_counted_once(void **state)
{
    struct fix fix;
    (void)state;
    fix_init(&fix);
    fix_run(&fix, "return 1");
    assert_int_equal(fix.errors, 0);
    fix_run(&fix, "return {1, {err = 'x'}, {err = 'y'}}");
    assert_int_equal(fix.errors, 2);
    assert_int_equal(fix.counted, 0);
    reply_error(&fix.canned, "ERR of a command");
    fix_run(&fix, "redis.pcall('x') return 1");
    assert_int_equal(fix.errors, 0);
    fix_run(&fix, "return redis.pcall('x')");
    assert_int_equal(fix.errors, 1);
    assert_int_equal(fix.counted, 1);
    fix_tells(&fix, "return redis.call('x')", "-ERR of a command script: ");
    assert_int_equal(fix.counted, 1);
    fix_tells(&fix, "error({})", "-ERR unknown error script: ");
    assert_int_equal(fix.counted, 0);
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_survives),
        cmocka_unit_test(for_resp2_they_are_simpler),
        cmocka_unit_test(blobs_are_where_they_stand),
        cmocka_unit_test(words_of_a_call),
        cmocka_unit_test(keys_and_arguments),
        cmocka_unit_test(errors_are_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
