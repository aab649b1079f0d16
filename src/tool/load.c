/* load.c - `diskstore load`, a load generator for any server that speaks RESP.
 *
 * From the outside in: options (load_options) say what to do; a run (load_run)
 * starts threads (load_worker), each with a libuv loop and its connections
 * (load_conn). A connection asks the plan (load_plan, load_pick) for its next
 * request, writes it (load_request, load_value), reads the reply (load_reply),
 * compares, and counts (load_stats, load_hist). load_report prints the sum.
 *
 * What a key holds follows from its number and a seed, so any run can verify
 * what any other has written, and nothing is remembered per key. */
#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "tool/load_report.h"
#include "tool/tool.h"

static int load_and_report(const struct load_options *options)
{
    struct load_result *result = mem_alloc(sizeof(*result));
    struct err_text     why = { "" };
    int                 status = 1;

    if (load_run(options, result, &why)) {
        fprintf(stderr, "diskstore load: %s\n", why.text);
        goto out;
    }
    if (result->why.text[0] != '\0')
        fprintf(stderr, "diskstore load: %s\n", result->why.text);
    if (options->json)
        load_report_json(stdout, options, result);
    else
        load_report_text(stdout, options, result);
    status = load_report_status(options, result);
    if (fflush(stdout) != 0)
        status = 1;
out:
    mem_free(result);
    return status;
}

int tool_load(int argc, char **argv)
{
    struct load_options options;
    struct err_text     why = { "" };

    if (load_options_parse(argc, argv, &options, &why)) {
        fprintf(stderr, "diskstore load: %s (see --help)\n", why.text);
        return 2;
    }
    if (options.help) {
        load_options_usage(stdout);
        return 0;
    }
    signal(SIGPIPE, SIG_IGN);
    return load_and_report(&options);
}
