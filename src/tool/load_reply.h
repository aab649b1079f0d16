/* load_reply.h - an incremental parser of RESP2 replies that copies nothing
 * but lines cut by the end of a read.
 *
 * Usage: as long as it gives tokens, take them; on LOAD_MORE, all input has
 * been used, feed what comes next. Slices in a token are valid until the next
 * call. A bulk string comes in as many tokens as reads, so its size doesn't
 * matter. Nested arrays are flattened: an array tells its count, its elements
 * follow, and the token that ends the whole reply says so. */
#ifndef TOOL_LOAD_REPLY_H
#define TOOL_LOAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

#define LOAD_LINE_MAX 512 /* longer status and error texts are shortened */

enum load_token_kind {
    LOAD_MORE,    /* no token: the input is used up */
    LOAD_STATUS,  /* text */
    LOAD_ERROR,   /* text, without the '-' */
    LOAD_INTEGER, /* text */
    LOAD_NIL,
    LOAD_BYTES, /* text: the bytes from offset on, of a bulk of total bytes */
    LOAD_ARRAY, /* total: its elements */
    LOAD_BAD    /* not RESP; nothing more can be read from here */
};

struct load_token {
    enum load_token_kind kind;
    slice                text;
    uint64_t             offset;
    uint64_t             total;
    bool                 complete; /* of a LOAD_BYTES: the bulk ends here */
    bool                 last;     /* ends the whole reply */
};

struct load_reply {
    uint64_t pending;   /* elements still to come; 0 between replies */
    bool     in_bulk;   /* between its header and its CRLF */
    uint64_t bulk_len;  /* without the CRLF */
    uint64_t bulk_seen; /* with the CRLF */
    bool     line_cut;  /* the line is longer than LOAD_LINE_MAX */
    size_t   line_len;  /* the start of a line whose end has not come yet */
    char     line[LOAD_LINE_MAX];
};

void load_reply_init(struct load_reply *reply);
/* Takes one token from the front of in. */
void load_reply_next(struct load_reply *reply, slice *in,
                     struct load_token *out);

#endif
