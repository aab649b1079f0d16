/* request.c - the RESP request parser.
 *
 * A command is a count line, and for each argument a length line and so many
 * bytes, or it is one inline line. The parser is a small state machine whose
 * whole state is in struct resp_parser, always at a boundary: before a line,
 * or before the bytes of a bulk. What is incomplete is left in the input, and
 * of an incomplete line we remember how far we have searched. So each byte is
 * looked at once, in whatever pieces it comes.
 *
 * Two paths lead through a command. take_whole_bulks is the fast one: it takes
 * bulks that lie complete in the input, with short plain lengths within all
 * limits, and stops, without a trace, at anything else. take_bulk is the
 * complete one: it waits, checks, grows the argument array, reports errors and
 * begins to skip. The fast path may be removed without changing any result.
 *
 * We accept what Redis accepts, to the byte, because clients and their tests
 * depend on it: after the CR of a length line, and after a bulk, whatever bytes
 * stand in the place of LF and CR LF are taken unseen; a wrong '$' is reported
 * only when its line is complete; a negative count is an empty command; an
 * unquoted inline line may end in LF alone. Redis searches line ends with
 * strchr, so a line with a NUL in it has no end, and fails when it is too long.
 * We differ in one thing: Redis applies the limit for lines only if the end has
 * not arrived with the same read. Here a line that is too long is too long
 * however it arrives, which is what Redis does when it gets single bytes.
 *
 * What this file does not do: it never copies a payload, never looks a command
 * up, and keeps no input. */
#include "resp/request.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"

#define LINE_END_BYTES     2                            /* CR LF */
#define BULK_MAX_BYTES     (INT64_MAX - LINE_END_BYTES) /* nothing overflows */
#define UNAUTH_MAX_ARGS    10
#define UNAUTH_MAX_BYTES   16384
#define FIRST_ARGS_MAX     1024 /* slots allocated on a mere announcement */
#define FAST_LENGTH_DIGITS 9    /* so that uint32_t does not overflow */

void resp_parser_init(struct resp_parser *parser)
{
    *parser = (struct resp_parser){ .args_left = -1, .bulk_left = -1 };
}

void resp_parser_deinit(struct resp_parser *parser)
{
    mem_free(parser->args);
    resp_parser_init(parser);
}

/* A large array serves one command only, so that a client that sent one large
 * command does not hold its slots for ever. */
static void drop_large_args(struct resp_parser *parser)
{
    if (parser->args_capacity <= RESP_IDLE_ARGS)
        return;
    mem_free(parser->args);
    parser->args = NULL;
    parser->args_capacity = 0;
}

void resp_parser_next(struct resp_parser *parser)
{
    drop_large_args(parser);
    parser->argc = 0;
    parser->consumed = 0;
    parser->scanned = 0;
    parser->args_left = -1;
    parser->bulk_left = -1;
    parser->payload_bytes = 0;
    parser->skipping = false;
    parser->name_len = 0;
}

size_t resp_parser_wants(const struct resp_parser *parser, size_t have_bytes)
{
    if (parser->skipping || parser->bulk_left < 0)
        return 0;
    size_t need = parser->consumed + (size_t)parser->bulk_left + LINE_END_BYTES;
    return need > have_bytes ? need - have_bytes : 0;
}

size_t resp_parser_memory(const struct resp_parser *parser)
{
    if (parser->args == NULL)
        return 0;
    return mem_good_size(parser->args_capacity * sizeof(*parser->args));
}

static enum resp_status fail(struct resp_parser *parser, const char *error)
{
    parser->error = error;
    return RESP_ERROR;
}

/* --- argument slots ------------------------------------------------------ */

/* For a command that announces count arguments. An announcement is cheap to
 * send, so it gets a bounded array; more slots come with the arguments. */
static void args_prepare(struct resp_parser *parser, size_t count)
{
    if (count <= parser->args_capacity)
        return;
    size_t capacity = count < RESP_IDLE_ARGS   ? RESP_IDLE_ARGS
                      : count < FIRST_ARGS_MAX ? count
                                               : FIRST_ARGS_MAX;
    if (capacity <= parser->args_capacity)
        return;
    mem_free(parser->args); /* nothing in it yet */
    parser->args = mem_alloc(capacity * sizeof(*parser->args));
    parser->args_capacity = capacity;
}

static void args_push(struct resp_parser *parser, size_t offset, size_t len)
{
    if (parser->argc == parser->args_capacity) {
        size_t capacity = parser->args_capacity < RESP_IDLE_ARGS
                              ? RESP_IDLE_ARGS
                              : parser->args_capacity * 2;
        parser->args =
            mem_realloc(parser->args, capacity * sizeof(*parser->args));
        parser->args_capacity = capacity;
    }
    parser->args[parser->argc++] = (struct resp_arg){ offset, len };
}

/* --- lines --------------------------------------------------------------- */

/* Finds the end of the line that begins at `consumed`. RESP_READY gives the
 * length of the line without its end; one byte more is there if the end is CR.
 *
 * A NUL hides the rest of the line. The search stops at it for good: `scanned`
 * stays on the NUL, and so the next call sees it first. */
static enum resp_status find_line_end(struct resp_parser *parser, slice in,
                                      char end, const char *too_big,
                                      size_t *out_len)
{
    const char *line = in.data + parser->consumed;
    size_t      have = in.len - parser->consumed;
    size_t      from = parser->scanned;
    size_t      limit = have;
    if (limit > RESP_INLINE_MAX_BYTES + 1)
        limit = RESP_INLINE_MAX_BYTES + 1;

    if (from < limit && line[from] != '\0') {
        const char *found = memchr(line + from, end, limit - from);
        size_t      stop = found ? (size_t)(found - line) : limit;
        const char *nul = memchr(line + from, '\0', stop - from);
        parser->scanned = nul ? (size_t)(nul - line) : stop;
        if (found != NULL && nul == NULL) {
            if (end == '\r' && have - stop < LINE_END_BYTES)
                return RESP_MORE; /* scanned is on the CR */
            *out_len = stop;
            parser->scanned = 0;
            return RESP_READY;
        }
    }
    return have > RESP_INLINE_MAX_BYTES ? fail(parser, too_big) : RESP_MORE;
}

/* "*<count>" at the front of the input. */
static enum resp_status parse_count(struct resp_parser       *parser,
                                    const struct resp_limits *limits, slice in)
{
    size_t           len;
    int64_t          count;
    enum resp_status status = find_line_end(
        parser, in, '\r', "Protocol error: too big mbulk count string", &len);
    if (status != RESP_READY)
        return status;
    if (!num_parse_int64(slice_make(in.data + 1, len - 1), &count) ||
        count > limits->max_args)
        return fail(parser, "Protocol error: invalid multibulk length");
    if (count > UNAUTH_MAX_ARGS && !limits->authenticated)
        return fail(parser, "Protocol error: unauthenticated multibulk length");

    parser->consumed = len + LINE_END_BYTES;
    parser->args_left = count > 0 ? count : 0;
    if (count > FIRST_ARGS_MAX)
        parser->payload_bytes =
            (uint64_t)(count - FIRST_ARGS_MAX) * RESP_ARG_COST;
    args_prepare(parser, (size_t)parser->args_left);
    return RESP_READY;
}

/* "$<length>" at `consumed`; the line is taken and bulk_left is set. */
static enum resp_status parse_length(struct resp_parser       *parser,
                                     const struct resp_limits *limits, slice in)
{
    size_t           len;
    int64_t          bytes;
    enum resp_status status = find_line_end(
        parser, in, '\r', "Protocol error: too big bulk count string", &len);
    if (status != RESP_READY)
        return status;

    const char *line = in.data + parser->consumed;
    if (*line != '$') {
        snprintf(parser->error_text, sizeof(parser->error_text),
                 "Protocol error: expected '$', got '%c'", *line);
        return fail(parser, parser->error_text);
    }
    if (!num_parse_int64(slice_make(line + 1, len - 1), &bytes) || bytes < 0 ||
        bytes > limits->max_bulk_bytes || bytes > BULK_MAX_BYTES)
        return fail(parser, "Protocol error: invalid bulk length");
    if (bytes > UNAUTH_MAX_BYTES && !limits->authenticated)
        return fail(parser, "Protocol error: unauthenticated bulk length");

    parser->consumed += len + LINE_END_BYTES;
    parser->bulk_left = bytes;
    return RESP_READY;
}

/* --- skipping ------------------------------------------------------------ */

/* The bulk whose length was read last does not fit. From here on nothing of
 * the command is needed but the start of its name. */
static void skip_begin(struct resp_parser *parser, slice in)
{
    ASSERT(!parser->skipping);
    if (parser->argc > 0) {
        size_t len = parser->args[0].len;
        if (len > RESP_NAME_BYTES)
            len = RESP_NAME_BYTES;
        memcpy(parser->name, in.data + parser->args[0].offset, len);
        parser->name_len = (uint8_t)len;
    }
    parser->skipping = true;
    parser->argc = 0;
    drop_large_args(parser);
    parser->bulk_left += LINE_END_BYTES;
}

/* Takes what has come of the command that is being skipped. Its length lines
 * are checked as ever, so that a protocol error in it is still found. */
static enum resp_status skip_bulks(struct resp_parser       *parser,
                                   const struct resp_limits *limits, slice in)
{
    enum resp_status more = RESP_MORE;

    while (parser->args_left > 0) {
        if (parser->bulk_left < 0) {
            more = parse_length(parser, limits, in);
            if (more == RESP_ERROR)
                return more;
            if (more == RESP_MORE)
                break;
            parser->bulk_left += LINE_END_BYTES;
        }
        size_t take = in.len - parser->consumed;
        if (take > (size_t)parser->bulk_left)
            take = (size_t)parser->bulk_left;
        parser->consumed += take;
        parser->bulk_left -= (int64_t)take;
        if (parser->bulk_left > 0)
            break;
        parser->bulk_left = -1;
        parser->args_left--;
    }
    if (parser->args_left == 0)
        return RESP_SKIPPED;
    return parser->consumed > 0 ? RESP_DROP : RESP_MORE;
}

/* --- bulks --------------------------------------------------------------- */

/* Reads "<mark><digits>\r?" if the digits are few and plain and the line is
 * complete. Returns the byte after the line, or NULL: then the careful way
 * must be gone. */
static inline const char *fast_line(const char *at, const char *end, char mark,
                                    uint32_t *out)
{
    if (end - at < 4 || *at != mark)
        return NULL;
    at++;
    uint32_t value = (uint32_t)(unsigned char)*at - '0';
    if (value > 9 || (value == 0 && at[1] != '\r'))
        return NULL;
    const char *stop =
        end - at > FAST_LENGTH_DIGITS ? at + FAST_LENGTH_DIGITS : end;
    while (++at < stop) {
        uint32_t digit = (uint32_t)(unsigned char)*at - '0';
        if (digit > 9)
            break;
        value = value * 10 + digit;
    }
    if (end - at < LINE_END_BYTES || *at != '\r')
        return NULL;
    *out = value;
    return at + LINE_END_BYTES;
}

/* The longest bulk that needs no further thought. */
static inline uint64_t fast_bulk_max(const struct resp_limits *limits)
{
    if (limits->max_bulk_bytes < 0)
        return 0;
    if (!limits->authenticated && limits->max_bulk_bytes > UNAUTH_MAX_BYTES)
        return UNAUTH_MAX_BYTES;
    return (uint64_t)limits->max_bulk_bytes;
}

/* The fast path: takes bulks while they are complete, plain and within the
 * limits. State is in locals, as the compiler cannot know that storing an
 * argument changes nothing of the parser. */
static void take_whole_bulks(struct resp_parser       *parser,
                             const struct resp_limits *limits, slice in)
{
    const char      *at = in.data + parser->consumed;
    const char      *end = in.data + in.len;
    uint64_t         bulk_max = fast_bulk_max(limits);
    uint64_t         payload = parser->payload_bytes;
    struct resp_arg *arg = parser->args + parser->argc;
    size_t           free_slots = parser->args_capacity - parser->argc;
    size_t           want = (size_t)parser->args_left;
    size_t           todo = want < free_slots ? want : free_slots;
    size_t           taken = 0;

    for (; taken < todo; taken++) {
        uint32_t    len;
        const char *bulk = fast_line(at, end, '$', &len);
        if (bulk == NULL || len > bulk_max ||
            payload + len > limits->max_command_bytes ||
            (size_t)(end - bulk) < (size_t)len + LINE_END_BYTES)
            break;
        payload += len;
        arg[taken].offset = (size_t)(bulk - in.data);
        arg[taken].len = len;
        at = bulk + len + LINE_END_BYTES;
    }
    if (taken > 0)
        parser->scanned = 0; /* it was about the first line taken */
    parser->consumed = (size_t)(at - in.data);
    parser->payload_bytes = payload;
    parser->argc += taken;
    parser->args_left -= (int64_t)taken;
}

/* The careful path: one bulk, or as much of it as there is. */
static enum resp_status take_bulk(struct resp_parser       *parser,
                                  const struct resp_limits *limits, slice in)
{
    if (parser->bulk_left < 0) {
        enum resp_status status = parse_length(parser, limits, in);
        if (status != RESP_READY)
            return status;
        uint64_t len = (uint64_t)parser->bulk_left;
        if (parser->payload_bytes + len > limits->max_command_bytes) {
            skip_begin(parser, in);
            return RESP_SKIPPED;
        }
        parser->payload_bytes += len;
    }
    size_t len = (size_t)parser->bulk_left;
    if (in.len - parser->consumed < len + LINE_END_BYTES)
        return RESP_MORE;
    args_push(parser, parser->consumed, len);
    parser->consumed += len + LINE_END_BYTES;
    parser->bulk_left = -1;
    parser->args_left--;
    return RESP_READY;
}

/* The arguments of a multibulk. take_bulk's RESP_SKIPPED means that it has
 * begun to skip. */
static enum resp_status take_bulks(struct resp_parser       *parser,
                                   const struct resp_limits *limits, slice in)
{
    for (;;) {
        if (parser->bulk_left < 0)
            take_whole_bulks(parser, limits, in);
        if (parser->args_left == 0)
            return RESP_READY;
        enum resp_status status = take_bulk(parser, limits, in);
        if (status == RESP_SKIPPED)
            return skip_bulks(parser, limits, in);
        if (status != RESP_READY)
            return status;
    }
}

/* --- inline commands ----------------------------------------------------- */

/* Splits a line into words. The reader is never behind the writer, as a word
 * is never longer than its source: so both may be in the same bytes. */
struct splitter {
    const char *at;
    const char *end;
    char       *out; /* where the next decoded byte goes */
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* What an escape's letter stands for; any other stands for itself. */
static char escaped(char letter)
{
    switch (letter) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return letter;
    }
}

/* One escape within "..."; at is on the backslash and at least one more byte
 * is there. */
static void split_escape(struct splitter *split)
{
    const char *at = split->at;

    if (at[1] == 'x' && split->end - at >= 4 && hex_value(at[2]) >= 0 &&
        hex_value(at[3]) >= 0) {
        split->at += 4;
        *split->out++ = (char)(hex_value(at[2]) << 4 | hex_value(at[3]));
        return;
    }
    split->at += 2;
    *split->out++ = escaped(at[1]);
}

/* The rest of a quoted word, at being behind the opening quote. False if the
 * closing one is missing or is not followed by a blank or the end. */
static bool split_quoted(struct splitter *split, char quote)
{
    while (split->at < split->end) {
        char c = *split->at;
        bool more = split->end - split->at > 1;
        if (c == quote) {
            split->at++;
            return !more || is_space(*split->at);
        }
        if (c == '\\' && more && quote == '"') {
            split_escape(split);
        } else if (c == '\\' && more && split->at[1] == quote) {
            *split->out++ = quote;
            split->at += 2;
        } else {
            *split->out++ = c;
            split->at++;
        }
    }
    return false;
}

/* 1: a word was written, 0: no more words, -1: unbalanced quotes. Vertical tab
 * and form feed are blanks between words only, as in Redis. */
static int split_word(struct splitter *split)
{
    while (split->at < split->end && is_space(*split->at))
        split->at++;
    if (split->at == split->end)
        return 0;
    while (split->at < split->end) {
        char c = *split->at++;
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t')
            break;
        if (c == '"' || c == '\'')
            return split_quoted(split, c) ? 1 : -1;
        *split->out++ = c;
    }
    return 1;
}

int resp_split_line(slice line, char *out, struct resp_arg *args, int args_max)
{
    if (line.len == 0)
        return 0;
    const char     *nul = memchr(line.data, '\0', line.len);
    const char     *end = nul ? nul : line.data + line.len;
    struct splitter split = { line.data, end, out };
    int             count = 0;

    for (;;) {
        char *word = split.out;
        int   found = split_word(&split);
        if (found == 0)
            return count;
        if (found < 0 || count == args_max)
            return -1;
        args[count].offset = (size_t)(word - out);
        args[count].len = (size_t)(split.out - word);
        count++;
    }
}

/* No limit for skipping applies here: an inline command is small. */
static enum resp_status parse_inline(struct resp_parser *parser, slice in)
{
    size_t           len;
    enum resp_status status = find_line_end(
        parser, in, '\n', "Protocol error: too big inline request", &len);
    if (status != RESP_READY)
        return status;
    parser->consumed = len + 1;

    /* A CR before the LF is a blank among others. */
    char           *bytes = (char *)in.data; /* see resp_parse in the header */
    struct splitter split = { bytes, bytes + len, bytes };
    for (;;) {
        char *word = split.out;
        int   found = split_word(&split);
        if (found < 0)
            return fail(parser, "Protocol error: unbalanced quotes in request");
        if (found == 0)
            break;
        args_push(parser, (size_t)(word - bytes), (size_t)(split.out - word));
    }
    parser->args_left = 0;
    return RESP_READY;
}

/* --- the door ------------------------------------------------------------ */

/* The first bytes of a command: what kind it is, and a multibulk's count. */
static enum resp_status parse_begin(struct resp_parser       *parser,
                                    const struct resp_limits *limits, slice in)
{
    uint32_t count;

    if (in.len == 0)
        return RESP_MORE;
    if (in.data[0] != '*')
        return parse_inline(parser, in);
    const char *bulks = fast_line(in.data, in.data + in.len, '*', &count);
    if (bulks == NULL || count > UNAUTH_MAX_ARGS || count > limits->max_args)
        return parse_count(parser, limits, in);
    parser->scanned = 0;
    parser->consumed = (size_t)(bulks - in.data);
    parser->args_left = count;
    args_prepare(parser, count);
    return RESP_READY;
}

enum resp_status resp_parse(struct resp_parser       *parser,
                            const struct resp_limits *limits, slice in)
{
    ASSERT(in.len >= parser->consumed || parser->skipping);

    if (parser->error != NULL)
        return RESP_ERROR;
    if (parser->skipping) {
        if (parser->args_left > 0)
            parser->consumed = 0; /* the caller has dropped them */
        return skip_bulks(parser, limits, in);
    }
    if (parser->args_left < 0) {
        enum resp_status status = parse_begin(parser, limits, in);
        if (status != RESP_READY)
            return status;
    }
    return parser->args_left == 0 ? RESP_READY : take_bulks(parser, limits, in);
}
