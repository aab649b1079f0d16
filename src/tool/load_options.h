/* load_options.h - what `diskstore load` is asked to do.
 *
 * Read-only once parsed; all threads share it. Texts point into argv. */
#ifndef TOOL_LOAD_OPTIONS_H
#define TOOL_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "tool/load_value.h"

#define LOAD_PREFIX_MAX 256 /* bytes of --key-prefix */

enum load_mode { LOAD_MIXED, LOAD_GET, LOAD_SET, LOAD_MGET };
enum load_distribution { LOAD_UNIFORM, LOAD_ZIPF };
enum load_order { LOAD_ASCENDING, LOAD_RANDOM };

struct load_options {
    /* the server */
    const char *host;
    uint64_t    port;
    const char *unix_path; /* NULL: host and port */
    const char *user;      /* NULL: the default user */
    const char *password;  /* NULL: no AUTH */

    /* how hard */
    uint64_t connections;
    uint64_t pipeline;
    uint64_t threads;
    uint64_t rate;      /* requests per second in all; 0: no limit */
    uint64_t read_rate; /* bytes per second and connection; 0: no limit */

    /* how long: whichever comes first; 0: no limit */
    uint64_t requests;
    uint64_t duration_ms;
    uint64_t timeout_ms;

    /* what */
    int               mode; /* enum load_mode */
    double            read_ratio;
    uint64_t          batch; /* keys of an MGET */
    uint64_t          keys;
    const char       *key_prefix;
    struct load_sizes sizes;
    int               distribution; /* enum load_distribution */
    double            theta;
    bool              sequential;
    int               order; /* enum load_order */
    uint64_t          seed;
    uint64_t          value_seed;

    bool verify;
    bool json;
    bool quiet;
    bool help; /* the rest has not been checked */
};

err_t load_options_parse(int argc, char *const *argv, struct load_options *out,
                         struct err_text *why);
void  load_options_usage(FILE *out);

#endif
