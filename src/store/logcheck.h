/* logcheck.h - looks through LevelDB's logs before LevelDB opens them.
 *
 * LevelDB replays its logs leniently (paranoid_checks 0): it steps over a bad
 * stretch and goes on behind it, which leaves a hole; or strictly: it refuses
 * the torn tail that every crash may leave. We want neither. A bad stretch
 * with nothing valid behind it is the trace of a write that was never
 * answered: it is cut off, and what remains is what all clients saw at one
 * instant. A bad stretch with valid records behind it is lost data: refused,
 * untouched.
 *
 * Threads  one; nobody may have the store open. */
#ifndef STORE_LOGCHECK_H
#define STORE_LOGCHECK_H

#include <stdint.h>

#include "base/err.h"

struct logcheck_result {
    uint64_t record_count; /* valid ones in the logs to be replayed */
    uint64_t log_count;    /* logs to be replayed */
    uint64_t cut_log;      /* number of the log that was cut; 0: none */
    uint64_t cut_offset;
    uint64_t dropped_bytes; /* in all logs */
    char     reason[32];    /* what was wrong at cut_offset */
};

/* data_fd: LevelDB's directory. ERR_CORRUPT: refused, not a byte changed; why
 * names file, offset and the way out. */
err_t logcheck_run(int data_fd, struct logcheck_result *result,
                   struct err_text *why);

#endif
