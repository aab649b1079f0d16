/* feed.h - a caller of the request parser, for its tests.
 *
 * A run of the parser over a stream is told as a transcript, a line of text:
 *     [a|b]   a command with arguments a and b     []  an empty one
 *     <name>  a skipped command                    !.. a protocol error
 *     ~       input left over that is not a command yet
 */
#ifndef TESTS_RESP_FEED_H
#define TESTS_RESP_FEED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"
#include "resp/request.h"

#define MEGABYTE (1024 * 1024)

static const struct resp_limits usual = {
    .max_bulk_bytes = 512 * MEGABYTE,
    .max_args = MEGABYTE,
    .max_command_bytes = UINT64_MAX / 4,
    .authenticated = true,
};

/* --- a growing text ------------------------------------------------------ */

struct text {
    char  *data;
    size_t len;
    size_t capacity;
};

static inline void text_add(struct text *text, const void *data, size_t len)
{
    if (text->len + len + 1 > text->capacity) {
        text->capacity = (text->len + len + 1) * 2;
        text->data = realloc(text->data, text->capacity);
        assert_non_null(text->data);
    }
    if (len > 0 && len < PTRDIFF_MAX) /* for gcc's flow analysis */
        memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

static inline void text_puts(struct text *text, const char *string)
{
    text_add(text, string, strlen(string));
}

static inline void text_fill(struct text *text, char c, size_t count)
{
    while (count-- > 0)
        text_add(text, &c, 1);
}

static inline void text_printf(struct text *text, const char *format, ...)
{
    char    line[256];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    assert_in_range(len, 0, sizeof(line) - 1);
    text_add(text, line, (size_t)len);
}

/* --- the caller's loop --------------------------------------------------- */

/* How many bytes the next read brings. */
struct pieces {
    size_t       fixed; /* or, if 0: */
    struct rand *rand;  /* random ones, small and large */
};

static inline size_t piece_next(struct pieces *pieces, size_t left)
{
    size_t size = pieces->fixed;
    if (size == 0)
        size = rand_below(pieces->rand, 2) ? 1 + rand_below(pieces->rand, 4)
                                           : rand_below(pieces->rand, 200);
    return size < left ? size : left;
}

/* A client's connection: what has arrived and is not used up yet. */
struct feed {
    struct resp_parser parser;
    struct resp_limits limits;
    struct text        input;
    struct text        out; /* the transcript */
    /* How long was the input that waited, at most? */
    size_t most_waiting;
    bool   ended; /* by a protocol error */
};

static inline void feed_init(struct feed              *feed,
                             const struct resp_limits *limits)
{
    *feed = (struct feed){ .limits = *limits };
    resp_parser_init(&feed->parser);
    text_puts(&feed->out, "");
}

static inline void feed_deinit(struct feed *feed)
{
    resp_parser_deinit(&feed->parser);
    free(feed->input.data);
    free(feed->out.data);
}

static inline void feed_drop(struct feed *feed, size_t len)
{
    assert_true(len <= feed->input.len);
    feed->input.len -= len;
    memmove(feed->input.data, feed->input.data + len, feed->input.len);
}

static inline void feed_tell_command(struct feed *feed, const char *bytes)
{
    struct resp_parser *parser = &feed->parser;
    text_puts(&feed->out, "[");
    for (size_t i = 0; i < parser->argc; i++) {
        struct resp_arg *arg = &parser->args[i];
        assert_true(arg->offset + arg->len <= parser->consumed);
        text_puts(&feed->out, i ? "|" : "");
        text_add(&feed->out, bytes + arg->offset, arg->len);
    }
    text_puts(&feed->out, "]");
}

/* One call of the parser. The bytes are lent in memory of just their size, so
 * that AddressSanitizer sees a read beyond, and at another place each time. */
static inline enum resp_status feed_step(struct feed *feed)
{
    struct resp_parser *parser = &feed->parser;
    size_t              len = feed->input.len;
    char               *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, feed->input.data, len);

    enum resp_status status =
        resp_parse(parser, &feed->limits, slice_make(copy, len));
    if (status == RESP_READY) {
        assert_int_equal(
            resp_parse(parser, &feed->limits, slice_make(copy, len)), status);
        feed_tell_command(feed, copy);
    }
    free(copy);
    return status;
}

static inline void feed_on_skipped(struct feed *feed)
{
    text_puts(&feed->out, "<");
    text_add(&feed->out, feed->parser.name, feed->parser.name_len);
    text_puts(&feed->out, ">");
}

static inline void feed_on_more(struct feed *feed)
{
    size_t len = feed->input.len;
    size_t wants = resp_parser_wants(&feed->parser, len);
    if (feed->parser.bulk_left >= 0 && !feed->parser.skipping)
        assert_true(wants > 0);
    assert_int_equal(resp_parser_wants(&feed->parser, len + wants), 0);
    if (len > feed->most_waiting)
        feed->most_waiting = len;
}

/* Parses all that has arrived. */
static inline void feed_run(struct feed *feed)
{
    struct resp_parser *parser = &feed->parser;

    while (!feed->ended) {
        enum resp_status status = feed_step(feed);
        if (status == RESP_MORE) {
            feed_on_more(feed);
            return;
        }
        if (status == RESP_ERROR) {
            text_printf(&feed->out, "!%s", parser->error);
            feed->ended = true;
            return;
        }
        if (status == RESP_SKIPPED)
            feed_on_skipped(feed);
        if (status == RESP_DROP)
            assert_true(parser->consumed > 0 && parser->skipping);
        feed_drop(feed, parser->consumed);
        if (status != RESP_DROP)
            resp_parser_next(parser);
    }
}

/* Gives the stream in pieces. The transcript is in feed->out. */
static inline void feed_stream(struct feed *feed, slice stream,
                               struct pieces pieces)
{
    size_t at = 0;
    do {
        size_t size = piece_next(&pieces, stream.len - at);
        text_add(&feed->input, stream.data + at, size);
        at += size;
        feed_run(feed);
    } while (at < stream.len && !feed->ended);
    if (!feed->ended && (feed->input.len > 0 || feed->parser.skipping))
        text_puts(&feed->out, "~");
}

static inline void check_pieces(slice stream, const struct resp_limits *limits,
                                struct pieces pieces, slice expected)
{
    struct feed feed;
    feed_init(&feed, limits);
    feed_stream(&feed, stream, pieces);
    if (!slice_equal(slice_make(feed.out.data, feed.out.len), expected))
        fail_msg("stream: %.*s\n got: %.*s\nnot: %.*s", (int)stream.len,
                 stream.data, (int)feed.out.len, feed.out.data,
                 (int)expected.len, expected.data);
    feed_deinit(&feed);
}

/* The stream has this transcript, whole and byte by byte. */
static inline void check(slice stream, const struct resp_limits *limits,
                         slice expected)
{
    check_pieces(stream, limits, (struct pieces){ .fixed = SIZE_MAX },
                 expected);
    check_pieces(stream, limits, (struct pieces){ .fixed = 1 }, expected);
}

#endif
