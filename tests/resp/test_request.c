/* test_request.c - the request parser, example by example. What Redis 7.0 does
 * with each of the streams was seen on a real server; but the limit of
 * 1024 * 1024 arguments is ours (Redis 7 counts to INT_MAX), and so is
 * skipping. test_request_random.c has what random streams show. */
#include "resp/feed.h"

#define LINE_MAX_BYTES (RESP_INLINE_MAX_BYTES + 1)

/* --- tables -------------------------------------------------------------- */

struct example {
    slice stream;
    slice expected;
};

#define EXAMPLE(stream, expected)                                              \
    {                                                                          \
        { stream, sizeof(stream) - 1 },                                        \
        {                                                                      \
            expected, sizeof(expected) - 1                                     \
        }                                                                      \
    }

static void check_examples(const struct example *examples, size_t count,
                           const struct resp_limits *limits)
{
    for (size_t i = 0; i < count; i++)
        check(examples[i].stream, limits, examples[i].expected);
}

#define CHECK_EXAMPLES(examples, limits)                                       \
    check_examples((examples), sizeof(examples) / sizeof((examples)[0]),       \
                   (limits))

static const struct example multibulk_examples[] = {
    EXAMPLE("*1\r\n$4\r\nPING\r\n", "[PING]"),
    EXAMPLE("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n",
            "[GET|k][PING]"),
    EXAMPLE("*3\r\n$3\r\nSET\r\n$0\r\n\r\n$11\r\na\r\n\0$5\r\n*1\n\r\n",
            "[SET||a\r\n\0$5\r\n*1\n]"),
    EXAMPLE("*0\r\n*1\r\n$1\r\na\r\n", "[][a]"),
    EXAMPLE("*-1\r\n*-9223372036854775808\r\n*1\r\n$1\r\na\r\n", "[][][a]"),
    /* What stands for the LF and behind a bulk is not looked at. */
    EXAMPLE("*1\rX$4\rYPINGZZ*1\r\r$1\r$a\0\0", "[PING][a]"),
    EXAMPLE("*1", "~"),
    EXAMPLE("*1\r", "~"),
    EXAMPLE("*0\r", "~"),
    EXAMPLE("*1\r\n", "~"),
    EXAMPLE("*1\r\n$4\r", "~"),
    EXAMPLE("*1\r\n$4\r\nPING", "~"),
    EXAMPLE("*1\r\n$4\r\nPING\r", "~"),
    EXAMPLE("*2\r\n$4\r\nPING\r\n", "~"),
};

static const struct example count_error_examples[] = {
    EXAMPLE("*x\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*+1\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("* 1\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*1 \r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*01\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*00\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*-0\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*-\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*1\n\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*-9223372036854775809\r\n",
            "!Protocol error: invalid multibulk length"),
    EXAMPLE("*9223372036854775808\r\n",
            "!Protocol error: invalid multibulk length"),
    EXAMPLE("*18446744073709551617\r\n",
            "!Protocol error: invalid multibulk length"),
    EXAMPLE("*4294967297\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*1048577\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*1048576\r\n", "~"),
    EXAMPLE("PING\r\n*x\r\nPING\r\n",
            "[PING]!Protocol error: invalid multibulk length"),
    EXAMPLE("*x\r", "~"),
    EXAMPLE("*1\0\r\n$4\r\nPING\r\n", "~"), /* strchr stops at the NUL */
    EXAMPLE("*x\0\r\n", "~"),
};

static const struct example length_error_examples[] = {
    EXAMPLE("*1\r\n$\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\n$x\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\n$-1\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\n$-0\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\n$04\r\nPING\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\n$4x\r\nPING\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\n$536870913\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\n$536870912\r\n", "~"),
    EXAMPLE("*1\r\n$4294967296\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\n$9223372036854775807\r\n",
            "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\n$99999999999999999999\r\n",
            "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\nfoo", "~"), /* known only when the line has ended */
    EXAMPLE("*1\r\nfoo\r", "~"),
    EXAMPLE("*1\r\nfoo\r\n", "!Protocol error: expected '$', got 'f'"),
    EXAMPLE("*1\r\n4\r\nPING\r\n", "!Protocol error: expected '$', got '4'"),
    EXAMPLE("*1\r\n\r\n", "!Protocol error: expected '$', got '\r'"),
    EXAMPLE("*1\r\n\nx\r\n", "!Protocol error: expected '$', got '\n'"),
    EXAMPLE("*1\r\n\xff\r\n", "!Protocol error: expected '$', got '\xff'"),
    EXAMPLE("*2\r\n$1\r\na\r\n*1\r\n",
            "!Protocol error: expected '$', got '*'"),
    EXAMPLE("*1\r\n\0\r\n", "~"),
    EXAMPLE("*1\r\n$4\0\r\nPING\r\n", "~"),
    /* A length that is too short makes the rest a bad line. */
    EXAMPLE("*2\r\n$1\r\nabcd\r\n$1\r\na\r\n",
            "!Protocol error: expected '$', got 'd'"),
};

static const struct example inline_examples[] = {
    EXAMPLE("PING\r\n", "[PING]"),
    EXAMPLE("PING\nGET k\n", "[PING][GET|k]"),
    EXAMPLE("\r\n\n \t \r\n\r\r\nPING\r\n", "[][][][][PING]"),
    EXAMPLE("  SET \t k   v \r\n", "[SET|k|v]"),
    EXAMPLE("PING\r\r\nPING a\rb\r\n", "[PING][PING|a|b]"),
    EXAMPLE("ECHO \"\" ''\r\n", "[ECHO||]"),
    EXAMPLE("ECHO \"a\\x41\\xzz\\n\\r\\t\\b\\a\\q\\\\\\\"\" b\r\n",
            "[ECHO|aAxzz\n\r\t\b\aq\\\"|b]"),
    EXAMPLE("ECHO \"\\x0g\\xF\\xfF\\x00\" z\r\n", "[ECHO|x0gxF\xff\0|z]"),
    EXAMPLE("ECHO 'a\\'b\\n\\\\c' \"it's\" 'say \"x\"'\r\n",
            "[ECHO|a'b\\n\\\\c|it's|say \"x\"]"),
    EXAMPLE("ECHO foo\"bar baz\" a'b'\n", "[ECHO|foobar baz|ab]"),
    /* Vertical tab separates only where a blank has been. */
    EXAMPLE("\vECHO\v a\fb \f \"c\"\v\r\n", "[ECHO\v|a\fb|c]"),
    EXAMPLE("ECHO \"a\\\"\r\n",
            "!Protocol error: unbalanced quotes in request"),
    EXAMPLE("\"foo", "~"),
    EXAMPLE("\"foo\r\n", "!Protocol error: unbalanced quotes in request"),
    EXAMPLE("'foo\r\n", "!Protocol error: unbalanced quotes in request"),
    EXAMPLE("'foo\\'\r\n", "!Protocol error: unbalanced quotes in request"),
    EXAMPLE("'foo\\\\'\r\n", "!Protocol error: unbalanced quotes in request"),
    EXAMPLE("PING \"a\"b\r\n", "!Protocol error: unbalanced quotes in request"),
    EXAMPLE("PING 'a''b'\r\n", "!Protocol error: unbalanced quotes in request"),
    EXAMPLE("PING \"\\\r\n", "!Protocol error: unbalanced quotes in request"),
    EXAMPLE("PING\0\r\nPING\r\n", "~"), /* strchr stops at the NUL */
    EXAMPLE("$4\r\nPING\r\n*1\r\n$1\r\na\r\n", "[$4][PING][a]"),
    EXAMPLE("a b c d e f g h i j k l m n o p q r s t u v w x y z\r\n",
            "[a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t|u|v|w|x|y|z]"),
};

static void test_multibulk(void **state)
{
    (void)state;
    CHECK_EXAMPLES(multibulk_examples, &usual);
}

static void test_count_errors(void **state)
{
    (void)state;
    CHECK_EXAMPLES(count_error_examples, &usual);
}

static void test_length_errors(void **state)
{
    (void)state;
    CHECK_EXAMPLES(length_error_examples, &usual);
}

static void test_inline(void **state)
{
    (void)state;
    CHECK_EXAMPLES(inline_examples, &usual);
}

static void test_configured_limits(void **state)
{
    struct resp_limits limits = usual;
    (void)state;
    limits.max_args = 3;
    check(SLICE_LITERAL("*3\r\n"), &limits, SLICE_LITERAL("~"));
    check(SLICE_LITERAL("*4\r\n"), &limits,
          SLICE_LITERAL("!Protocol error: invalid multibulk length"));
    limits.max_bulk_bytes = 2;
    check(SLICE_LITERAL("*1\r\n$2\r\nab\r\n*1\r\n$3\r\nabc\r\n"), &limits,
          SLICE_LITERAL("[ab]!Protocol error: invalid bulk length"));

    /* Nothing overflows, even where nothing is forbidden. */
    limits.max_bulk_bytes = INT64_MAX;
    check(SLICE_LITERAL("*1\r\n$9223372036854775807\r\n"), &limits,
          SLICE_LITERAL("!Protocol error: invalid bulk length"));
    for (int i = 0; i < 2; i++) {
        check(SLICE_LITERAL("*1\r\n$9223372036854775805\r\nabc"), &limits,
              SLICE_LITERAL("~"));
        limits.max_command_bytes = 1000;
    }
}

static const struct example unauthenticated_examples[] = {
    EXAMPLE("*10\r\n$x\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("*11\r\n", "!Protocol error: unauthenticated multibulk length"),
    EXAMPLE("*1048577\r\n", "!Protocol error: invalid multibulk length"),
    EXAMPLE("*1\r\n$16384\r\n", "~"),
    EXAMPLE("*1\r\n$16385\r\n", "!Protocol error: unauthenticated bulk length"),
    EXAMPLE("*1\r\n$536870913\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("*1\r\n$-1\r\n", "!Protocol error: invalid bulk length"),
    EXAMPLE("a b c d e f g h i j k\r\n", "[a|b|c|d|e|f|g|h|i|j|k]"),
};

static void test_unauthenticated(void **state)
{
    struct resp_limits limits = usual;
    (void)state;
    limits.authenticated = false;
    CHECK_EXAMPLES(unauthenticated_examples, &limits);

    /* The largest that may be sent, and one byte more, with its payload. */
    for (size_t len = 16384; len <= 16385; len++) {
        struct text stream = { 0 }, expected = { 0 };
        text_printf(&stream, "*1\r\n$%zu\r\n", len);
        text_fill(&stream, 'x', len);
        text_puts(&stream, "\r\n");
        text_puts(&expected, "[");
        text_fill(&expected, 'x', len);
        text_puts(&expected, "]");
        check(slice_make(stream.data, stream.len), &limits,
              len == 16384
                  ? slice_make(expected.data, expected.len)
                  : slice_from_string(
                        "!Protocol error: unauthenticated bulk length"));
        free(stream.data);
        free(expected.data);
    }
}

/* A line of up to 65536 bytes before its end is taken, however it comes; at
 * byte 65537 without an end it is an error. */
static void check_line_limit(const char *start, char fill, const char *end,
                             const char *ended, const char *too_big)
{
    struct pieces whole = { .fixed = SIZE_MAX }, halves = { .fixed = 32769 };
    struct text   stream = { 0 };
    const char   *line = strrchr(start, '\n');
    size_t        before = line ? (size_t)(line + 1 - start) : 0;

    text_puts(&stream, start);
    text_fill(&stream, fill, before + LINE_MAX_BYTES - 1 - stream.len);
    for (int i = 0; i < 2; i++) {
        slice in = slice_make(stream.data, stream.len);
        slice expected = slice_from_string(i == 0 ? "~" : too_big);
        check_pieces(in, &usual, whole, expected);
        check_pieces(in, &usual, halves, expected);
        text_add(&stream, i == 0 ? &fill : end, 1);
    }
    /* The end as byte 65538 is too late, even if it is there at once. */
    check_pieces(slice_make(stream.data, stream.len), &usual, whole,
                 slice_from_string(too_big));
    stream.len = before + LINE_MAX_BYTES - 1;
    text_puts(&stream, end);
    check_pieces(slice_make(stream.data, stream.len), &usual, whole,
                 slice_from_string(ended));
    check_pieces(slice_make(stream.data, stream.len), &usual, halves,
                 slice_from_string(ended));
    free(stream.data);
}

static void test_line_limits(void **state)
{
    (void)state;
    check_line_limit("*", '1', "\r\n",
                     "!Protocol error: invalid multibulk length",
                     "!Protocol error: too big mbulk count string");
    check_line_limit("*1\r\n$", '1', "\r\n",
                     "!Protocol error: invalid bulk length",
                     "!Protocol error: too big bulk count string");
    check_line_limit("*1\r\n#", '1', "\r\n",
                     "!Protocol error: expected '$', got '#'",
                     "!Protocol error: too big bulk count string");
    check_line_limit("", ' ', "\n", "[]",
                     "!Protocol error: too big inline request");
    /* A NUL hides the ends that follow it. */
    check_line_limit("*1", '\0', "\r\n",
                     "!Protocol error: too big mbulk count string",
                     "!Protocol error: too big mbulk count string");
    check_line_limit("a", '\0', "\n", "!Protocol error: too big inline request",
                     "!Protocol error: too big inline request");
}

static void test_line_hidden_by_nul_fails_when_long(void **state)
{
    static const struct example starts[] = {
        EXAMPLE("PING\0", "!Protocol error: too big inline request"),
        EXAMPLE("*1\0", "!Protocol error: too big mbulk count string"),
        EXAMPLE("*1\r\n\0", "!Protocol error: too big bulk count string"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        struct text stream = { 0 };
        text_add(&stream, starts[i].stream.data, starts[i].stream.len);
        while (stream.len < LINE_MAX_BYTES + 4)
            text_puts(&stream, "\r\n");
        check_pieces(slice_make(stream.data, stream.len), &usual,
                     (struct pieces){ .fixed = SIZE_MAX }, starts[i].expected);
        check_pieces(slice_make(stream.data, stream.len), &usual,
                     (struct pieces){ .fixed = 1001 }, starts[i].expected);
        free(stream.data);
    }
}

/* --- skipping ------------------------------------------------------------ */

static const struct example skip_examples[] = {
    /* Ten bytes of payload are the limit. */
    EXAMPLE("*2\r\n$3\r\nSET\r\n$7\r\n1234567\r\n", "[SET|1234567]"),
    EXAMPLE("*2\r\n$3\r\nSET\r\n$8\r\n12345678\r\nPING\r\n", "<SET>[PING]"),
    EXAMPLE("*3\r\n$3\r\nSET\r\n$8\r\n12345678\r\n$1\r\nx\r\n*0\r\n",
            "<SET>[]"),
    EXAMPLE("*3\r\n$3\r\nSET\r\n$8\r\n12345678\r\n$1\r\nx\r", "~"),
    EXAMPLE("*3\r\n$3\r\nSET\r\n$8\r\n12345678\r\n$1", "~"),
    EXAMPLE("*2\r\n$11\r\n12345678901\r\n$1\r\nx\r\nPING\r\n", "<>[PING]"),
    EXAMPLE("*4\r\n$2\r\nab\r\n$8\r\n12345678\r\n$0\r\n\r\n$1\r\nx\r\nPING\n",
            "<ab>[PING]"),
    EXAMPLE("*4\r\n$2\r\nab\r\n$9\r\n123456789\r\n$0\r\n\r\n$x\r\n",
            "!Protocol error: invalid bulk length"),
    EXAMPLE("*3\r\n$2\r\nab\r\n$9\r\n123456789\r\nx\r\n",
            "!Protocol error: expected '$', got 'x'"),
    EXAMPLE("*3\r\n$2\r\nab\r\n$9\r\n123456789\r\n$101\r\n",
            "!Protocol error: invalid bulk length"),
    EXAMPLE("an inline command is small\r\n", "[an|inline|command|is|small]"),
};

static void test_skip(void **state)
{
    struct resp_limits limits = usual;
    (void)state;
    limits.max_command_bytes = 10;
    limits.max_bulk_bytes = 100;
    CHECK_EXAMPLES(skip_examples, &limits);

    limits.max_command_bytes = 0;
    check(SLICE_LITERAL("*1\r\n$0\r\n\r\n*1\r\n$1\r\na\r\n"), &limits,
          SLICE_LITERAL("[]<>"));
}

static void test_skip_keeps_31_bytes_of_the_name(void **state)
{
    struct resp_limits limits = usual;
    (void)state;
    limits.max_command_bytes = 33;
    check(SLICE_LITERAL("*2\r\n$33\r\nabcdefghijklmnopqrstuvwxyz0123456\r\n"
                        "$1\r\nx\r\n"),
          &limits, SLICE_LITERAL("<abcdefghijklmnopqrstuvwxyz01234>"));
}

/* While skipping nothing piles up: neither input nor slots. */
static void test_skip_holds_nothing(void **state)
{
    struct text stream = { 0 };
    struct feed feed;
    (void)state;

    struct resp_limits limits = usual;
    limits.max_command_bytes = 1000;
    text_puts(&stream, "*300\r\n$4\r\nMSET\r\n");
    for (int i = 0; i < 299; i++) {
        text_puts(&stream, "$100\r\n");
        text_fill(&stream, 'x', 100);
        text_puts(&stream, "\r\n");
    }
    feed_init(&feed, &limits);
    text_add(&feed.input, stream.data, 900);
    feed_run(&feed);
    assert_false(feed.parser.skipping);
    text_add(&feed.input, stream.data + 900, 1500);
    feed_run(&feed);
    assert_true(feed.parser.skipping);
    assert_int_equal(resp_parser_memory(&feed.parser), 0);
    assert_int_equal(resp_parser_wants(&feed.parser, 0), 0);
    feed.most_waiting = 0;
    feed_stream(&feed, slice_make(stream.data + 2400, stream.len - 2400),
                (struct pieces){ .fixed = 7 });
    assert_in_range(feed.most_waiting, 0, 10);
    assert_string_equal(feed.out.data, "<MSET>");
    feed_deinit(&feed);
    free(stream.data);
}

/* --- memory, needs, repetition ------------------------------------------- */

static void test_slots_are_given_back(void **state)
{
    struct resp_parser parser;
    (void)state;

    resp_parser_init(&parser);
    assert_int_equal(resp_parser_memory(&parser), 0);
    /* An announcement alone gets little. */
    assert_int_equal(
        resp_parse(&parser, &usual, SLICE_LITERAL("*1048576\r\n$1\r\n")),
        RESP_MORE);
    assert_in_range(resp_parser_memory(&parser), 1, 32 * 1024);
    resp_parser_next(&parser);
    assert_int_equal(resp_parser_memory(&parser), 0);

    assert_int_equal(
        resp_parse(&parser, &usual, SLICE_LITERAL("*1\r\n$1\r\na\r\n")),
        RESP_READY);
    struct resp_arg *slots = parser.args;
    resp_parser_next(&parser);
    assert_in_range(resp_parser_memory(&parser), 1,
                    2 * RESP_IDLE_ARGS * sizeof(struct resp_arg));
    assert_int_equal(
        resp_parse(&parser, &usual, SLICE_LITERAL("*1\r\n$1\r\na\r\n")),
        RESP_READY);
    assert_ptr_equal(parser.args, slots);
    resp_parser_deinit(&parser);
    assert_int_equal(resp_parser_memory(&parser), 0);
}

static void test_wants(void **state)
{
    struct resp_parser parser;
    slice              in = SLICE_LITERAL("*2\r\n$3\r\nSET\r\n$1000\r\nabc");
    (void)state;

    resp_parser_init(&parser);
    assert_int_equal(resp_parser_wants(&parser, 0), 0);
    assert_int_equal(resp_parse(&parser, &usual, slice_make(in.data, 6)),
                     RESP_MORE);
    assert_int_equal(resp_parser_wants(&parser, 6), 0);
    assert_int_equal(resp_parse(&parser, &usual, in), RESP_MORE);
    assert_int_equal(resp_parser_wants(&parser, in.len), 1000 - 3 + 2);
    assert_int_equal(resp_parser_wants(&parser, in.len + 998), 1);
    assert_int_equal(resp_parser_wants(&parser, in.len + 999), 0);
    resp_parser_deinit(&parser);
}

static void test_same_answer_until_next(void **state)
{
    struct resp_parser parser;
    char               line[] = "ECHO \"\\\\x41\" b\r\n";
    slice              in = slice_make(line, sizeof(line) - 1);
    (void)state;

    resp_parser_init(&parser);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(resp_parse(&parser, &usual, in), RESP_READY);
        assert_int_equal(parser.argc, 3);
        assert_memory_equal(line + parser.args[1].offset, "\\x41", 4);
        assert_int_equal(parser.consumed, in.len);
    }
    resp_parser_next(&parser);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(resp_parse(&parser, &usual, SLICE_LITERAL("*x\r\n")),
                         RESP_ERROR);
        assert_string_equal(parser.error,
                            "Protocol error: invalid multibulk length");
    }
    resp_parser_deinit(&parser);
}

/* --- resp_split_line ----------------------------------------------------- */

static void test_split_line(void **state)
{
    char            out[64];
    struct resp_arg args[3];
    slice           line = SLICE_LITERAL(" save \"a\\x42\\n\" 'it''s' ");
    (void)state;

    assert_int_equal(resp_split_line(line, out, args, 3), -1); /* 'it''s' */
    line = SLICE_LITERAL(" save \"a\\x42\\n\" 'it\\'s' ");
    assert_int_equal(resp_split_line(line, out, args, 3), 3);
    assert_memory_equal(out, "saveaB\nit's", 11);
    assert_int_equal(args[1].offset, 4);
    assert_int_equal(args[1].len, 3);
    assert_int_equal(args[2].offset, 7);
    assert_int_equal(args[2].len, 4);
    assert_int_equal(resp_split_line(line, out, args, 2), -1);
    assert_int_equal(resp_split_line(SLICE_LITERAL(" \t "), out, args, 0), 0);
    assert_int_equal(resp_split_line(slice_make(NULL, 0), out, args, 0), 0);
    assert_int_equal(resp_split_line(SLICE_LITERAL("a b\0c d"), out, args, 3),
                     2);
    assert_int_equal(resp_split_line(SLICE_LITERAL("a \"b\0\""), out, args, 3),
                     -1);
}

static void test_split_line_in_place(void **state)
{
    char            line[] = "  'a' \"\\x62\"  c\"d\"";
    struct resp_arg args[4];
    (void)state;
    assert_int_equal(
        resp_split_line(slice_make(line, sizeof(line) - 1), line, args, 4), 3);
    assert_memory_equal(line, "abcd", 4);
    assert_int_equal(args[2].offset, 2);
    assert_int_equal(args[2].len, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multibulk),
        cmocka_unit_test(test_count_errors),
        cmocka_unit_test(test_length_errors),
        cmocka_unit_test(test_inline),
        cmocka_unit_test(test_configured_limits),
        cmocka_unit_test(test_unauthenticated),
        cmocka_unit_test(test_line_limits),
        cmocka_unit_test(test_line_hidden_by_nul_fails_when_long),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_skip_keeps_31_bytes_of_the_name),
        cmocka_unit_test(test_skip_holds_nothing),
        cmocka_unit_test(test_slots_are_given_back),
        cmocka_unit_test(test_wants),
        cmocka_unit_test(test_same_answer_until_next),
        cmocka_unit_test(test_split_line),
        cmocka_unit_test(test_split_line_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
