/* docs_args.h - reads a command's arguments from the text of its row.
 *
 * The text is a list of arguments, one blank between two. One argument is a
 * name, and then, in any order, what is special about it:
 *
 *     :i        its type: s string (if none is said), i integer, d double,
 *               k key, p pattern, t unix-time, x pure-token, o oneof, b block
 *     (a b)     the arguments inside a oneof or block
 *     =TOKEN    a word that stands before it; of a pure-token, that is all
 *     #0        of a key: the number of its key specification
 *     ?  *  +   optional; may come several times; then with its token each time
 *     @6.2.0    since that version, if later than the command
 *     !2.8.12   deprecated since that version
 *     ~ip:port  what it is called in a syntax, if not by its name
 *
 * A name in capitals is a pure token: NX is nx:x=NX.
 *
 * Pure, any thread. The slices point into the text. */
#ifndef CMD_DOCS_ARGS_H
#define CMD_DOCS_ARGS_H

#include <stdbool.h>

#include "base/slice.h"

enum docs_arg_flag {
    DOCS_ARG_OPTIONAL       = 1 << 0,
    DOCS_ARG_MULTIPLE       = 1 << 1,
    DOCS_ARG_MULTIPLE_TOKEN = 1 << 2,
};

struct docs_arg {
    slice    name; /* as in the text: a token's may be in capitals */
    char     type; /* a letter of above */
    int      key_spec; /* -1: none */
    unsigned flags;
    slice    token, since, deprecated, display; /* empty: none */
    slice    inner; /* of a oneof or block */
};

/* Takes the next argument off the front; false at the end. Asserts that the
 * text is right: it is ours. */
bool docs_arg_next(slice *text, struct docs_arg *out);

size_t docs_arg_count(slice text);

/* "oneof" */
const char *docs_arg_type(const struct docs_arg *arg);

#endif
