/* test_request_random.c - the request parser on random streams, good and bad:
 * the transcript is the same however the bytes arrive, and a limit that makes
 * commands skipped changes nothing about the commands around them. And each
 * byte is looked at once. */
#include "resp/feed.h"

/* --- in pieces ----------------------------------------------------------- */

/* A million arguments in pieces of 7 bytes. What has been parsed is destroyed
 * before each call, so looking at it again would give another result; and a
 * parser that is not linear would not come to an end. */
static void test_large_command_in_small_pieces(void **state)
{
    enum { ARGS = 1000000, PIECE = 7 };
    struct resp_parser parser;
    struct text        stream = { 0 };
    (void)state;

    text_printf(&stream, "*%d\r\n", ARGS);
    for (int i = 0; i < ARGS; i++)
        text_printf(&stream, "$%d\r\n%.*s\r\n", i % 5, i % 5, "abcde");
    resp_parser_init(&parser);
    size_t           have = 0, destroyed = 0;
    enum resp_status status = RESP_MORE;
    while (status == RESP_MORE) {
        while (destroyed < parser.consumed)
            stream.data[destroyed++] = '#';
        assert_true(have < stream.len);
        have = have + PIECE < stream.len ? have + PIECE : stream.len;
        status = resp_parse(&parser, &usual, slice_make(stream.data, have));
    }
    assert_int_equal(status, RESP_READY);
    assert_int_equal(parser.argc, ARGS);
    assert_int_equal(parser.consumed, stream.len);
    size_t offset = strlen("*1000000\r\n");
    for (size_t i = 0; i < ARGS; i++) {
        if (parser.args[i].len != i % 5 || parser.args[i].offset != offset + 4)
            fail_msg("argument %zu", i);
        offset += 4 + i % 5 + 2;
    }
    resp_parser_deinit(&parser);
    free(stream.data);
}

/* --- random streams ------------------------------------------------------ */

static char random_byte(struct rand *rand)
{
    static const char often[] = "\r\n\r\n$*0123456789-\"'\\ \tax\0\v";
    if (rand_below(rand, 3) == 0)
        return (char)rand_below(rand, 256);
    return often[rand_below(rand, sizeof(often) - 1)];
}

static void add_random_bulk(struct rand *rand, struct text *stream)
{
    static const size_t sizes[] = { 0, 1, 3, 9, 10, 11, 31, 32, 40 };
    size_t len = sizes[rand_below(rand, sizeof(sizes) / sizeof(sizes[0]))];
    if (rand_below(rand, 400) == 0)
        len = 16383 + rand_below(rand, 3);
    text_printf(stream, "$%zu\r\n", len);
    for (size_t i = 0; i < len; i++) {
        char c = random_byte(rand);
        text_add(stream, &c, 1);
    }
    text_puts(stream, "\r\n");
}

static void add_random_command(struct rand *rand, struct text *stream)
{
    static const char *const oddities[] = {
        "*0\r\n",
        "*-1\r\n",
        "\r\n",
        "\n",
        "PING\r\n",
        "ECHO \"a b\" 'c'\r\n",
        "SET k \"\\x00\\n\"\n",
        " \t \r\n",
        "*-12345678901\r\n",
    };
    uint64_t kind = rand_below(rand, 10);
    if (kind < 7) {
        uint64_t count = 1 + rand_below(rand, rand_below(rand, 8) ? 4 : 20);
        text_printf(stream, "*%d\r\n", (int)count);
        while (count-- > 0)
            add_random_bulk(rand, stream);
        return;
    }
    text_puts(
        stream,
        oddities[rand_below(rand, sizeof(oddities) / sizeof(oddities[0]))]);
}

/* Changes, removes or adds a byte. */
static void damage(struct rand *rand, struct text *stream)
{
    size_t at = rand_below(rand, stream->len);
    char   c = random_byte(rand);
    switch (rand_below(rand, 3)) {
    case 0:
        stream->data[at] = c;
        break;
    case 1:
        stream->len--;
        memmove(stream->data + at, stream->data + at + 1, stream->len - at);
        break;
    default:
        text_add(stream, &c, 1);
        memmove(stream->data + at + 1, stream->data + at, stream->len - 1 - at);
        stream->data[at] = c;
    }
}

static struct text random_stream(struct rand *rand)
{
    struct text stream = { 0 };
    for (uint64_t n = 1 + rand_below(rand, 12); n > 0; n--)
        add_random_command(rand, &stream);
    if (rand_below(rand, 3) > 0)
        return stream;
    for (uint64_t n = 1 + rand_below(rand, 4); n > 0 && stream.len > 1; n--)
        damage(rand, &stream);
    return stream;
}

static struct resp_limits random_limits(struct rand *rand)
{
    struct resp_limits limits = usual;
    if (rand_below(rand, 2))
        limits.max_command_bytes = rand_below(rand, 90);
    if (rand_below(rand, 4) == 0)
        limits.max_bulk_bytes = (int64_t)rand_below(rand, 41);
    if (rand_below(rand, 4) == 0)
        limits.max_args = (int64_t)rand_below(rand, 21);
    limits.authenticated = rand_below(rand, 3) > 0;
    return limits;
}

static void test_pieces_do_not_matter(void **state)
{
    struct rand rand;
    (void)state;
    rand_init(&rand, 20240601);
    for (int i = 0; i < 4000; i++) {
        struct resp_limits limits = random_limits(&rand);
        struct text        stream = random_stream(&rand);
        slice              in = slice_make(stream.data, stream.len);
        struct feed        whole;
        feed_init(&whole, &limits);
        feed_stream(&whole, in, (struct pieces){ .fixed = SIZE_MAX });
        slice expected = slice_make(whole.out.data, whole.out.len);
        if (stream.len < 2000) /* the feed copies the input for each call */
            check_pieces(in, &limits, (struct pieces){ .fixed = 1 }, expected);
        for (int j = 0; j < 3; j++)
            check_pieces(in, &limits, (struct pieces){ .rand = &rand },
                         expected);
        feed_deinit(&whole);
        free(stream.data);
    }
}

/* What the transcript of a skipping parser must be, from the commands that a
 * parser without that limit gives. */
static void expect_skips(slice stream, uint64_t max_bytes, struct feed *feed)
{
    struct resp_parser *parser = &feed->parser;
    enum resp_status    status;
    size_t              at = 0;

    while ((status = resp_parse(
                parser, &usual,
                slice_make(stream.data + at, stream.len - at))) == RESP_READY) {
        const char *bytes = stream.data + at;
        uint64_t    payload = 0;
        for (size_t i = 0; i < parser->argc; i++)
            payload += parser->args[i].len;
        if (bytes[0] == '*' && payload > max_bytes) {
            size_t len = parser->args[0].len;
            text_printf(&feed->out, "<");
            text_add(&feed->out, bytes + parser->args[0].offset,
                     len > max_bytes         ? 0
                     : len > RESP_NAME_BYTES ? RESP_NAME_BYTES
                                             : len);
            text_printf(&feed->out, ">");
        } else {
            feed_tell_command(feed, bytes);
        }
        at += parser->consumed;
        resp_parser_next(parser);
    }
    if (status == RESP_ERROR)
        text_printf(&feed->out, "!%s", parser->error);
    else if (at < stream.len)
        text_puts(&feed->out, "~");
}

static void test_skipping_leaves_the_others(void **state)
{
    struct rand rand;
    size_t      skips = 0;
    (void)state;
    rand_init(&rand, 7);
    for (int i = 0; i < 4000; i++) {
        struct resp_limits limits = usual;
        limits.max_command_bytes = rand_below(&rand, 90);
        struct text stream = random_stream(&rand);
        struct text copy = { 0 }; /* inline words are unquoted in place */
        struct feed model;
        feed_init(&model, &usual);
        text_add(&copy, stream.data, stream.len);
        expect_skips(slice_make(copy.data, copy.len), limits.max_command_bytes,
                     &model);
        skips += memchr(model.out.data, '<', model.out.len) != NULL;
        slice expected = slice_make(model.out.data, model.out.len);
        slice in = slice_make(stream.data, stream.len);
        check_pieces(in, &limits, (struct pieces){ .fixed = SIZE_MAX },
                     expected);
        check_pieces(in, &limits, (struct pieces){ .rand = &rand }, expected);
        feed_deinit(&model);
        free(copy.data);
        free(stream.data);
    }
    assert_true(skips > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_command_in_small_pieces),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_skipping_leaves_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
