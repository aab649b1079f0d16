/* load_stats.h - what a run has counted. One per thread, merged at the end.
 * About 120 KB each. */
#ifndef TOOL_LOAD_STATS_H
#define TOOL_LOAD_STATS_H

#include "base/slice.h"
#include "tool/load_hist.h"

#define LOAD_ERROR_KINDS 16  /* different first words that are told apart */
#define LOAD_ERROR_WORD  32  /* bytes of it, with NUL */
#define LOAD_ERROR_TEXT  200 /* bytes of the first text, with NUL */

struct load_error_kind {
    uint64_t count;
    char     word[LOAD_ERROR_WORD]; /* "OOM" */
    char     text[LOAD_ERROR_TEXT]; /* the first such error, whole */
};

struct load_stats {
    uint64_t requests;   /* answered, errors included */
    uint64_t reads;      /* values asked for and answered, absent or not */
    uint64_t writes;     /* acknowledged */
    uint64_t missing;    /* reads that found nothing */
    uint64_t wrong;      /* reads that found other bytes than were written */
    uint64_t unread;     /* reads that were refused with an error */
    uint64_t unexpected; /* replies of a type that the request cannot have */
    uint64_t unanswered; /* requests without a reply when the run ended */
    uint64_t lost;       /* connections */
    uint64_t errors;     /* all kinds, also beyond LOAD_ERROR_KINDS */
    uint64_t bytes_sent;
    uint64_t bytes_received;

    unsigned               kind_count;
    struct load_error_kind kinds[LOAD_ERROR_KINDS];

    struct load_hist read_ns;
    struct load_hist write_ns;
};

void load_stats_init(struct load_stats *stats);
/* text is an error reply without its '-'. */
void load_stats_error(struct load_stats *stats, slice text);
void load_stats_merge(struct load_stats *into, const struct load_stats *from);

#endif
