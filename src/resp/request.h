/* request.h - reads commands from a byte stream: RESP arrays of bulk strings,
 * and inline commands. (Redis serialization protocol specification; limits and
 * error texts are those of Redis 7.2.)
 *
 * The parser is incremental: it remembers how far it came in the command at
 * the front of the input, so bytes are looked at once however they arrive.
 * Arguments are kept as offsets from the start of the command; the caller owns
 * the input buffer and may move it between calls.
 *
 * Ownership  the parser owns its array of arguments, and nothing else.
 * Memory     at most RESP_IDLE_ARGS argument slots are kept between commands.
 *            While a command is read there are 16 bytes for each argument that
 *            has arrived; resp_parser_memory tells, for the client's account.
 */
#ifndef RESP_REQUEST_H
#define RESP_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define RESP_IDLE_ARGS        16
/* What each argument beyond the first 1024 counts as, besides its bytes: slots
 * here and with whoever executes it. */
#define RESP_ARG_COST 48
#define RESP_INLINE_MAX_BYTES (64 * 1024) /* a line without its end */
#define RESP_NAME_BYTES       31 /* of a skipped command's name are kept */

struct resp_limits {
    int64_t  max_bulk_bytes; /* proto-max-bulk-len; longer: protocol error */
    int64_t  max_args;       /* 1024 * 1024 (Redis 7: INT_MAX) */
    uint64_t max_command_bytes; /* more payload announced: RESP_SKIPPED */
    bool     authenticated; /* else 10 arguments of 16384 bytes at most */
};

/* An argument: bytes [offset, offset + len) from the start of the command. */
struct resp_arg {
    size_t offset;
    size_t len;
};

struct resp_parser {
    struct resp_arg *args; /* owned; NULL until first needed */
    size_t   args_capacity;
    size_t   argc;       /* complete arguments so far; 0 while skipping */
    size_t   consumed;   /* bytes of this command parsed so far */
    size_t   scanned;    /* bytes of an unfinished line searched so far */
    int64_t  args_left;  /* of a multibulk; -1: not begun */
    int64_t  bulk_left;  /* length of the bulk that is being read, or -1;
                            while skipping: bytes still to drop, CR LF too */
    uint64_t payload_bytes; /* announced by the bulks so far, and the cost of
                               very many arguments */
    bool     skipping;   /* the command is too large: dropping its bytes */
    uint8_t  name_len;   /* while skipping: the start of the command's name; */
    char     name[RESP_NAME_BYTES]; /* empty if the name itself was too large */
    const char *error;   /* static or in error_text, without "ERR " */
    char     error_text[64];
};

enum resp_status {
    RESP_MORE,    /* incomplete: call again with the same bytes and more */
    RESP_READY,   /* args/argc hold a command of `consumed` bytes; argc may be 0
                     (an empty line or *0): nothing to do */
    RESP_SKIPPED, /* a command announced more than max_command_bytes; its bytes
                     were dropped as they came, and now it has ended (name tells
                     which it was; `consumed` bytes of it are still there) */
    RESP_DROP,    /* while skipping: drop `consumed` bytes (never 0) from the
                     input and call again */
    RESP_ERROR,   /* protocol error: send -ERR <error> and close */
};

void resp_parser_init(struct resp_parser *parser);
void resp_parser_deinit(struct resp_parser *parser);

/* Parses the command at the front of in. in must begin at the first byte of
 * the command (or, while skipping, at the first byte not yet dropped), and its
 * bytes must be writable: the words of an inline command are unquoted where
 * they lie. On RESP_READY and RESP_SKIPPED the caller uses the arguments, then
 * drops `consumed` bytes and calls resp_parser_next; called again before that,
 * it answers the same. */
enum resp_status resp_parse(struct resp_parser *parser,
                            const struct resp_limits *limits, slice in);

/* Forgets the command that was returned; the next one begins. */
void resp_parser_next(struct resp_parser *parser);

/* How many bytes of input beyond the have_bytes that begin at the command's
 * first byte the parser knows it needs before the bulk it is in is complete
 * (0: unknown, or skipping), so that a reader can make room at once for a
 * large bulk. The announced length is only the client's word. */
size_t resp_parser_wants(const struct resp_parser *parser, size_t have_bytes);

/* Memory held by the parser beyond its struct. */
size_t resp_parser_memory(const struct resp_parser *parser);

/* Splits a line as Redis's inline commands and its configuration files do:
 * blanks separate, "..." with \n \r \t \b \a \xHH \" \\ escapes, '...' with
 * \'. Words are written to out, one after the other, and args (of capacity
 * args_max) gets their offsets in out. out must have line.len bytes, and may
 * be the line itself. A NUL ends the line. Returns the number of words, or -1
 * for unbalanced quotes or too many words. */
int resp_split_line(slice line, char *out, struct resp_arg *args, int args_max);

#endif
