/* load_run.h - the whole run: all workers, progress, Ctrl-C. */
#ifndef TOOL_LOAD_RUN_H
#define TOOL_LOAD_RUN_H

#include "tool/load_options.h"
#include "tool/load_stats.h"

struct load_result {
    struct load_stats stats;
    double            wall_s;
    double            cpu_s;     /* of all threads */
    double            cpu_ratio; /* of the busiest: CPU time / wall time */
    bool              interrupted;
    struct err_text   why; /* the first failure; empty when there was none */
};

/* An error when the run could not begin (why tells). ERR_OK when it ran,
 * however it went: see out. */
err_t load_run(const struct load_options *options, struct load_result *out,
               struct err_text *why);

#endif
