/* bench_resp.c - what a command costs in src/resp: ns per command for parsing
 * pipelines of GET and SET, and ns per reply for writing. The best of several
 * rounds counts, as everything that disturbs makes it slower. Not a test. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "resp/reply.h"
#include "resp/request.h"

#define ROUNDS          7
#define PARSE_COMMANDS  400000
#define WRITES          2000000
#define REPLIES_AT_ONCE 16
#define VALUE_BYTES     100

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* --- parsing ------------------------------------------------------------- */

struct stream {
    char  *data;
    size_t len;
};

static void stream_add(struct stream *stream, const char *text, size_t len)
{
    memcpy(stream->data + stream->len, text, len);
    stream->len += len;
}

static void stream_add_bulk(struct stream *stream, const char *text, size_t len)
{
    char header[32];
    int  n = snprintf(header, sizeof(header), "$%zu\r\n", len);
    stream_add(stream, header, (size_t)n);
    stream_add(stream, text, len);
    stream_add(stream, "\r\n", 2);
}

/* count commands: SET or GET of a 16-byte key, or an inline PING. */
static void stream_fill(struct stream *stream, const char *what, int count)
{
    char value[VALUE_BYTES];
    memset(value, 'v', sizeof(value));
    stream->len = 0;
    for (int i = 0; i < count; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key:%012d", i * 7919 % 1000000);
        if (strcmp(what, "inline") == 0) {
            stream_add(stream, "PING\r\n", 6);
            continue;
        }
        bool set = strcmp(what, "SET") == 0;
        stream_add(stream, set ? "*3\r\n" : "*2\r\n", 4);
        stream_add_bulk(stream, what, 3);
        stream_add_bulk(stream, key, 16);
        if (set)
            stream_add_bulk(stream, value, sizeof(value));
    }
}

/* The caller's loop, given the input in reads of read_bytes. The sum keeps the
 * compiler from dropping the work. */
static uint64_t parse_all(const struct stream *stream, size_t read_bytes)
{
    struct resp_limits limits = { 512 << 20, 1 << 20, 64 << 20, true };
    struct resp_parser parser;
    uint64_t           sum = 0;
    size_t             at = 0, have = 0;

    resp_parser_init(&parser);
    while (at < stream->len) {
        slice in = slice_make(stream->data + at, have - at);
        if (resp_parse(&parser, &limits, in) == RESP_READY) {
            sum += parser.argc + parser.args[parser.argc - 1].len;
            at += parser.consumed;
            resp_parser_next(&parser);
        } else {
            have += read_bytes;
            have = have > stream->len ? stream->len : have;
        }
    }
    resp_parser_deinit(&parser);
    return sum;
}

static void bench_parse(const char *what, int pipeline)
{
    struct stream stream = { malloc((size_t)200 * 1024), 0 };
    int           repeats;
    double        best = 1e18;
    uint64_t      sum = 0;

    if (stream.data == NULL)
        abort();
    stream_fill(&stream, what, pipeline);
    repeats = PARSE_COMMANDS / pipeline;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < repeats; i++)
            sum += parse_all(&stream, 16 * 1024);
        double ns = (now_ns() - start) / ((double)repeats * pipeline);
        best = ns < best ? ns : best;
    }
    printf("parse %-6s pipeline %4d  %6.1f ns/command  (%llu)\n", what,
           pipeline, best, (unsigned long long)(sum % 1000));
    free(stream.data);
}

/* A command of many arguments that comes in small pieces. */
static void bench_large(void)
{
    enum { ARGS = 1000000 };
    struct stream stream = { malloc((size_t)ARGS * 9 + 32), 0 };
    if (stream.data == NULL)
        abort();
    stream_add(&stream, "*1000000\r\n", 10);
    for (int i = 0; i < ARGS; i++)
        stream_add_bulk(&stream, "abc", 3);
    static const size_t pieces[] = { 16384, 100, 1 };
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        double   start = now_ns();
        uint64_t sum = parse_all(&stream, pieces[i]);
        printf("parse 1M arguments in pieces of %5zu  %6.1f ns/argument "
               "(%llu)\n",
               pieces[i], (now_ns() - start) / ARGS,
               (unsigned long long)(sum % 1000));
    }
    free(stream.data);
}

/* --- writing ------------------------------------------------------------- */

static void write_ok(struct reply *reply, int i)
{
    (void)i;
    reply_ok(reply);
}

static void write_null(struct reply *reply, int i)
{
    (void)i;
    reply_null(reply);
}

static void write_small_int(struct reply *reply, int i)
{
    reply_int(reply, i % 2);
}

static void write_large_int(struct reply *reply, int i)
{
    reply_int(reply, (int64_t)i * 1000003);
}

static const char some_bytes[10000];

static void write_bulk_3(struct reply *reply, int i)
{
    (void)i;
    reply_bulk(reply, slice_make(some_bytes, 3));
}

static void write_bulk_100(struct reply *reply, int i)
{
    (void)i;
    reply_bulk(reply, slice_make(some_bytes, 100));
}

static void write_bulk_1000(struct reply *reply, int i)
{
    (void)i;
    reply_bulk(reply, slice_make(some_bytes, 1000));
}

static void write_error(struct reply *reply, int i)
{
    (void)i;
    reply_error(reply, "ERR value is not an integer or out of range");
}

static void write_deferred_20(struct reply *reply, int i)
{
    size_t mark = reply_deferred_begin(reply);
    for (int j = 0; j < 20; j++)
        reply_int(reply, i);
    reply_deferred_end(reply, mark, '*', 20);
}

static const struct {
    const char *name;
    void (*write)(struct reply *reply, int i);
} writes[] = {
    { "+OK", write_ok },
    { "null", write_null },
    { "integer 0, 1", write_small_int },
    { "large integer", write_large_int },
    { "bulk of 3", write_bulk_3 },
    { "bulk of 100", write_bulk_100 },
    { "bulk of 1000", write_bulk_1000 },
    { "error", write_error },
    { "deferred array of 20", write_deferred_20 },
};

static void bench_write(const char *name, void (*write)(struct reply *, int))
{
    struct reply reply;
    double       best = 1e18;

    reply_init(&reply);
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < WRITES; i++) {
            if (i % REPLIES_AT_ONCE == 0)
                reply_clear(&reply, 64 * 1024);
            write(&reply, i);
        }
        double ns = (now_ns() - start) / WRITES;
        best = ns < best ? ns : best;
    }
    printf("write %-22s %6.1f ns/reply  (%zu bytes)\n", name, best,
           reply_bytes(&reply));
    reply_deinit(&reply);
}

int main(void)
{
    static const char *const commands[] = { "GET", "SET", "inline" };
    static const int         pipelines[] = { 1, 16, 1000 };

    for (size_t c = 0; c < 3; c++)
        for (size_t p = 0; p < 3; p++)
            bench_parse(commands[c], pipelines[p]);
    bench_large();
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        bench_write(writes[i].name, writes[i].write);
    return 0;
}
