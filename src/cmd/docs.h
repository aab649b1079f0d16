/* docs.h - what COMMAND DOCS tells, by a command's full name: a row for each
 * in docs_table.c. Versions, groups, arguments are Redis 7.2's; the sentences
 * are our own.
 *
 * A row's arguments are a text in a small language (docs_args.h):
 *
 *     key:k#0 value condition:o?@2.6.12(NX XX) GET?@6.2.0
 *
 * Its history is a line for each change, the version first.
 *
 * Pure, any thread. */
#ifndef CMD_DOCS_H
#define CMD_DOCS_H

#include <stddef.h>

struct docs_row {
    const char *name;  /* full, "client|id" */
    const char *since;
    const char *group;
    const char *summary;
    const char *complexity; /* NULL: not told */
    const char *arguments;  /* NULL: none */
    const char *history;    /* NULL: none */
    const char *deprecated; /* "<since> <what replaces it>", or NULL */
    const char *flag;       /* of doc_flags besides "deprecated", or NULL */
};

extern const struct docs_row docs_table[];
extern const size_t          docs_count;

/* NULL if there is none. */
const struct docs_row *docs_find(const char *full_name);

#endif
