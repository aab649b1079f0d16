/* The reply parser gives the same tokens wherever a read ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tool/load_reply.h"

enum { LOG_SIZE = 8192 };

/* What a stream said, as text: one word per element, bulk pieces joined. */
struct told {
    char     text[LOG_SIZE];
    size_t   len;
    uint64_t bulk_len;
    bool     bad;
};

static void tell(struct told *told, const char *bytes, size_t len)
{
    assert_true(told->len + len < LOG_SIZE);
    memcpy(told->text + told->len, bytes, len);
    told->len += len;
    told->text[told->len] = '\0';
}

static void tell_token(struct told *told, const struct load_token *token)
{
    static const char *const marks[] = {
        "", "+", "-", ":", "nil", "", "*", ""
    };
    char number[32];

    tell(told, marks[token->kind], strlen(marks[token->kind]));
    if (token->kind == LOAD_ARRAY) {
        snprintf(number, sizeof(number), "%llu",
                 (unsigned long long)token->total);
        tell(told, number, strlen(number));
    }
    if (token->kind == LOAD_BYTES) {
        assert_int_equal(token->offset, told->bulk_len);
        told->bulk_len += token->text.len;
        assert_true(told->bulk_len <= token->total);
        if (token->complete) {
            assert_int_equal(told->bulk_len, token->total);
            told->bulk_len = 0;
        }
    }
    tell(told, token->text.data, token->text.len);
    if (token->kind != LOAD_BYTES || token->complete)
        tell(told, " ", 1);
    if (token->last)
        tell(told, "| ", 2);
}

/* Each read is a copy of its own, so that reading past its end is seen. */
static void feed(struct load_reply *reply, struct told *told, const char *data,
                 size_t len)
{
    char *copy = malloc(len ? len : 1);
    slice in = slice_make(copy, len);

    assert_non_null(copy);
    memcpy(copy, data, len);
    while (!told->bad) {
        struct load_token token;
        load_reply_next(reply, &in, &token);
        if (token.kind == LOAD_MORE) {
            assert_int_equal(in.len, 0);
            break;
        }
        told->bad = token.kind == LOAD_BAD;
        if (!told->bad)
            tell_token(told, &token);
    }
    free(copy);
}

/* Whole, cut once anywhere, and byte by byte. */
static void expect(const char *stream, size_t len, const char *wanted)
{
    for (size_t cut = 0; cut <= len + 1; cut++) {
        struct load_reply reply;
        struct told       told = { .text = "" };

        load_reply_init(&reply);
        if (cut <= len) {
            feed(&reply, &told, stream, cut);
            feed(&reply, &told, stream + cut, len - cut);
        } else {
            for (size_t i = 0; i < len; i++)
                feed(&reply, &told, stream + i, 1);
        }
        assert_false(told.bad);
        assert_string_equal(told.text, wanted);
    }
}

#define EXPECT(stream, wanted) expect(stream, sizeof(stream) - 1, wanted)

static void lines(void **state)
{
    (void)state;
    EXPECT("+OK\r\n", "+OK | ");
    EXPECT("+\r\n", "+ | ");
    EXPECT("-OOM no room\r\n:42\r\n:-7\r\n", "-OOM no room | :42 | :-7 | ");
}

static void bulks(void **state)
{
    (void)state;
    EXPECT("$5\r\nhello\r\n", "hello | ");
    EXPECT("$0\r\n\r\n+OK\r\n", " | +OK | ");
    EXPECT("$-1\r\n", "nil | ");
    EXPECT("$4\r\n\r\n\r\n\r\n$1\r\nx\r\n", "\r\n\r\n | x | ");
    EXPECT("$6\r\n$1\r\na\r\r\n", "$1\r\na\r | ");
}

static void arrays(void **state)
{
    (void)state;
    EXPECT("*0\r\n", "*0 | ");
    EXPECT("*-1\r\n", "nil | ");
    EXPECT("*3\r\n$1\r\na\r\n$-1\r\n$2\r\nbc\r\n", "*3 a nil bc | ");
    EXPECT("*2\r\n*2\r\n:1\r\n:2\r\n*0\r\n+x\r\n", "*2 *2 :1 :2 *0 | +x | ");
    EXPECT("*2\r\n-ERR a\r\n$1\r\nb\r\n", "*2 -ERR a b | ");
}

/* A text longer than the parser keeps is shortened, and the stream goes on. */
static void a_long_error_is_cut(void **state)
{
    enum { LONG = 3000 };
    char              stream[LONG + 16];
    struct load_reply reply;

    (void)state;
    memset(stream, 'e', sizeof(stream));
    stream[0] = '-';
    memcpy(stream + LONG, "\r\n:1\r\n", 7);
    for (size_t cut = 1; cut < LONG + 6; cut += 7) {
        struct told told = { .text = "" };
        load_reply_init(&reply);
        feed(&reply, &told, stream, cut);
        feed(&reply, &told, stream + cut, LONG + 6 - cut);
        assert_false(told.bad);
        assert_true(told.len >= 500);
        assert_memory_equal(told.text, "-eeee", 5);
        assert_string_equal(told.text + told.len - 11, "eee | :1 | ");
    }
}

/* A gigabyte announced is a number; nothing is allocated for it. */
static void a_huge_bulk_costs_nothing(void **state)
{
    enum { PIECE = 1 << 20, PIECES = 1024 };
    char             *piece = mem_calloc(1, PIECE);
    struct load_reply reply;
    struct load_token token;
    slice             in = SLICE_LITERAL("$1073741824\r\n");

    (void)state;
    load_reply_init(&reply);
    load_reply_next(&reply, &in, &token);
    assert_int_equal(token.kind, LOAD_MORE);
    for (uint64_t i = 0; i < PIECES; i++) {
        in = slice_make(piece, PIECE);
        load_reply_next(&reply, &in, &token);
        assert_int_equal(token.kind, LOAD_BYTES);
        assert_int_equal(token.offset, i * PIECE);
        assert_ptr_equal(token.text.data, piece);
        assert_int_equal(token.text.len, PIECE);
        assert_false(token.complete);
    }
    in = SLICE_LITERAL("\r\n");
    load_reply_next(&reply, &in, &token);
    assert_true(token.complete && token.last);
    mem_free(piece);
}

static void garbage_is_bad(void **state)
{
    static const char *const bad[] = {
        "hello\r\n",   "\r\n",           "\n",
        "+OK\n",       "$x\r\n",         "$\r\n",
        "$-2\r\n",     "$3\r\nabcd\r\n", "$3\r\nabc\n",
        "*-2\r\n",     "*1x\r\n",        "$99999999999999999999\r\n",
        "*1\r\n?\r\n", "$1\r\na\rb",     "*99999999999999999\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        for (size_t cut = 0; cut <= strlen(bad[i]); cut++) {
            struct load_reply reply;
            struct told       told = { .text = "" };
            load_reply_init(&reply);
            feed(&reply, &told, bad[i], cut);
            feed(&reply, &told, bad[i] + cut, strlen(bad[i]) - cut);
            if (!told.bad)
                fail_msg("%s, cut at %zu, was taken for RESP", bad[i], cut);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(bulks),
        cmocka_unit_test(arrays),
        cmocka_unit_test(a_long_error_is_cut),
        cmocka_unit_test(a_huge_bulk_costs_nothing),
        cmocka_unit_test(garbage_is_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
