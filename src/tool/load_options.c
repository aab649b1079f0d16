/* load_options.c - the command line of `diskstore load`.
 *
 * One table holds each option with its type, limits and help; parsing and
 * --help both walk it. Afterwards options_settle() fills in the defaults that
 * depend on other options and refuses what contradicts itself, because a run
 * that quietly did something else would be believed. */
#include "tool/load_options.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/num.h"

/* A million requests in flight take 32 MB of bookkeeping. */
#define IN_FLIGHT_MAX   (UINT64_C(4) << 20)
#define VALUE_BYTES_MAX (UINT64_C(512) << 20) /* Redis's limit of a bulk */
#define KEYS_MAX        1e12                  /* key numbers have 12 digits */
#define ANY_MAX         1.8446744073709e19    /* a bit below 2^64 */
#define UNSET           UINT64_MAX
#define RATIO_UNSET     (-1.0)

enum kind { TEXT, COUNT, SECONDS, REAL, FLAG, CHOICE, SIZES };

struct option {
    const char *name;
    const char *argument; /* for CHOICE: the words, separated by '|' */
    enum kind   kind;
    size_t      offset;
    double      min;
    double      max;
    const char *help;
};

#define AT(field) offsetof(struct load_options, field)

static const struct option options[] = {
    { "host", "HOST", TEXT, AT(host), 0, 0, "server's address (127.0.0.1)" },
    { "port", "PORT", COUNT, AT(port), 1, 65535, "server's port (6379)" },
    { "unix", "PATH", TEXT, AT(unix_path), 0, 0,
      "a unix socket instead of host and port" },
    { "user", "NAME", TEXT, AT(user), 0, 0, "user for --auth (the default)" },
    { "auth", "PASSWORD", TEXT, AT(password), 0, 0,
      "AUTH on each connection first" },

    { "connections", "N", COUNT, AT(connections), 1, 65536, "(50)" },
    { "pipeline", "N", COUNT, AT(pipeline), 1, 65536,
      "requests in flight on each connection (1)" },
    { "threads", "N", COUNT, AT(threads), 1, 64,
      "each with its own loop and its share of all (1)" },
    { "rate", "N", COUNT, AT(rate), 1, 1e9,
      "requests per second in all (no limit); latency then\n"
      "counts from when a request was due, not sent" },
    { "read-rate", "BYTES", COUNT, AT(read_rate), 1, 1e12,
      "read only so many bytes per second on each connection:\n"
      "a slow reader (no limit)" },

    { "requests", "N", COUNT, AT(requests), 1, ANY_MAX, "stop after N" },
    { "duration", "S", SECONDS, AT(duration_ms), 0.001, 1e9,
      "stop after S seconds, or 500ms, 10m (10, unless\n"
      "--requests or --sequential are given)" },
    { "timeout", "S", SECONDS, AT(timeout_ms), 0.1, 1e6,
      "give up when no byte has come for so long (60)" },

    { "op", "mixed|get|set|mget", CHOICE, AT(mode), 0, 0, "(mixed)" },
    { "read-ratio", "0..1", REAL, AT(read_ratio), 0, 1,
      "share of GET in mixed, the rest is SET (0.9)" },
    { "batch", "N", COUNT, AT(batch), 1, 1048575, "keys of each MGET (10)" },
    { "keys", "N", COUNT, AT(keys), 1, KEYS_MAX,
      "how many keys there are: 640k, 1m (100000)" },
    { "key-prefix", "TEXT", TEXT, AT(key_prefix), 0, 0,
      "before the 12 digits of a key's number (key:)" },
    { "value-size", "SIZES", SIZES, AT(sizes), 0, 0,
      "100, or a list 70,150,1000,1mb, or a range 10-1000:\n"
      "the key decides which it gets (100)" },
    { "distribution", "uniform|zipf", CHOICE, AT(distribution), 0, 0,
      "which keys are chosen (uniform); in zipf the hot keys are\n"
      "spread over all key numbers" },
    { "theta", "X", REAL, AT(theta), 0.01, 10, "Zipf's exponent (0.99)" },
    { "sequential", NULL, FLAG, AT(sequential), 0, 0,
      "each key exactly once, divided over the connections: a\n"
      "fill with --op set, a sweep with --op get or mget" },
    { "order", "sequential|random", CHOICE, AT(order), 0, 0,
      "of --sequential: random is a permutation (sequential)" },
    { "seed", "N", COUNT, AT(seed), 0, ANY_MAX, "of all choices (1)" },
    { "value-seed", "N", COUNT, AT(value_seed), 0, ANY_MAX,
      "of the values, and of which keys are hot (--seed's)" },

    { "verify", NULL, FLAG, AT(verify), 0, 0,
      "check each value read; one that is missing, wrong or\n"
      "refused with an error makes the exit status 1. Give the\n"
      "--value-size and --value-seed that it was written with" },
    { "json", NULL, FLAG, AT(json), 0, 0, "print the result as JSON" },
    { "quiet", NULL, FLAG, AT(quiet), 0, 0,
      "no progress line (there is none without a terminal)" },
    { "help", NULL, FLAG, AT(help), 0, 0, "this text" },
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static const struct load_options defaults = {
    .host = "127.0.0.1",
    .port = 6379,
    .connections = 50,
    .pipeline = 1,
    .threads = 1,
    .timeout_ms = 60 * 1000,
    .read_ratio = RATIO_UNSET,
    .keys = 100000,
    .key_prefix = "key:",
    .sizes = { .count = 1, .bytes = { 100 } },
    .theta = 0.99,
    .seed = 1,
    .value_seed = UNSET,
};

/* name may be followed by '='. */
static const struct option *option_find(const char *name)
{
    size_t len = strcspn(name, "=");

    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strlen(options[i].name) == len &&
            memcmp(options[i].name, name, len) == 0)
            return &options[i];
    return NULL;
}

static bool parse_real(const char *text, double *out)
{
    char *end;

    if (strspn(text, "0123456789.") != strlen(text) || *text == '\0')
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

/* A bare number is seconds, as one says "--duration 10"; base/num.h, which
 * reads "10s" and "500ms", would take it for milliseconds. */
static bool parse_seconds(const char *text, uint64_t *out_ms)
{
    double seconds;

    if (!parse_real(text, &seconds))
        return num_parse_duration_ms(slice_from_string(text), out_ms);
    if (seconds > 1e15)
        return false;
    *out_ms = (uint64_t)(seconds * 1000 + 0.5);
    return true;
}

static bool parse_choice(const char *words, const char *text, int *out)
{
    size_t len = strlen(text);

    for (int i = 0;; i++) {
        size_t word = strcspn(words, "|");
        if (word == len && memcmp(words, text, len) == 0) {
            *out = i;
            return true;
        }
        if (words[word] == '\0')
            return false;
        words += word + 1;
    }
}

static bool in_limits(const struct option *option, double value)
{
    return value >= option->min && value <= option->max;
}

static bool option_set(const struct option *option, const char *text,
                       struct load_options *out)
{
    void *field = (char *)out + option->offset;

    switch (option->kind) {
    case TEXT:
        *(const char **)field = text;
        return true;
    case COUNT:
        return num_parse_bytes(slice_from_string(text), field) &&
               in_limits(option, (double)*(uint64_t *)field);
    case SECONDS:
        return parse_seconds(text, field) &&
               in_limits(option, (double)*(uint64_t *)field / 1000);
    case REAL:
        return parse_real(text, field) && in_limits(option, *(double *)field);
    case CHOICE:
        return parse_choice(option->argument, text, field);
    case SIZES:
        return load_sizes_parse(slice_from_string(text), VALUE_BYTES_MAX,
                                field);
    case FLAG:
        *(bool *)field = true;
        return true;
    }
    UNREACHABLE();
}

static err_t bad_value(const struct option *option, const char *text,
                       struct err_text *why)
{
    if (option->kind == CHOICE)
        return err_set(why, ERR_INVALID, "--%s is one of %s, not '%s'",
                       option->name, option->argument, text);
    if (option->kind == SIZES)
        return err_set(why, ERR_INVALID,
                       "--%s takes a size up to 512mb, a list of at most %d, "
                       "or a range, not '%s'",
                       option->name, LOAD_SIZES_MAX, text);
    return err_set(why, ERR_INVALID,
                   "--%s takes a number from %g to %g, not '%s'", option->name,
                   option->min, option->max, text);
}

/* Takes one option and, if it has one, its argument; *i moves on. */
static err_t option_take(int argc, char *const *argv, int *i,
                         struct load_options *out, struct err_text *why)
{
    const char *word = argv[(*i)++];

    if (strncmp(word, "--", 2) != 0)
        return err_set(why, ERR_INVALID, "'%s' is not an option", word);

    const struct option *option = option_find(word + 2);
    const char          *equals = strchr(word, '=');

    if (option == NULL)
        return err_set(why, ERR_INVALID, "there is no option '%s'", word);
    if (option->kind == FLAG) {
        if (equals)
            return err_set(why, ERR_INVALID, "--%s takes no argument",
                           option->name);
        option_set(option, NULL, out);
        return ERR_OK;
    }
    if (!equals && *i == argc)
        return err_set(why, ERR_INVALID, "--%s needs an argument",
                       option->name);

    const char *text = equals ? equals + 1 : argv[(*i)++];
    return option_set(option, text, out) ? ERR_OK
                                         : bad_value(option, text, why);
}

/* Mixed with nothing to mix is get or set. */
static err_t settle_mode(struct load_options *o, struct err_text *why)
{
    if (o->mode != LOAD_MIXED && o->read_ratio != RATIO_UNSET)
        return err_set(why, ERR_INVALID, "--read-ratio needs --op mixed");
    if (o->mode != LOAD_MGET && o->batch != 0)
        return err_set(why, ERR_INVALID, "--batch needs --op mget");
    if (o->mode == LOAD_MIXED) {
        if (o->read_ratio == RATIO_UNSET)
            o->read_ratio = 0.9;
        if (o->read_ratio == 0)
            o->mode = LOAD_SET;
        if (o->read_ratio == 1)
            o->mode = LOAD_GET;
    }
    if (o->mode == LOAD_SET)
        o->read_ratio = 0;
    if (o->mode == LOAD_GET || o->mode == LOAD_MGET)
        o->read_ratio = 1;
    if (o->batch == 0)
        o->batch = o->mode == LOAD_MGET ? 10 : 1;
    return ERR_OK;
}

static err_t settle_length(struct load_options *o, struct err_text *why)
{
    if (!o->sequential) {
        if (o->order != LOAD_ASCENDING)
            return err_set(why, ERR_INVALID, "--order needs --sequential");
        if (o->requests == 0 && o->duration_ms == 0)
            o->duration_ms = 10 * 1000;
        return ERR_OK;
    }
    if (o->mode == LOAD_MIXED)
        return err_set(why, ERR_INVALID,
                       "--sequential needs --op set, get or mget");
    if (o->requests != 0 || o->duration_ms != 0)
        return err_set(why, ERR_INVALID,
                       "--sequential ends when each key had its turn: give "
                       "--keys, not --requests or --duration");
    if (o->distribution != LOAD_UNIFORM)
        return err_set(why, ERR_INVALID,
                       "--sequential and --distribution exclude each other");
    return ERR_OK;
}

static err_t options_settle(struct load_options *o, struct err_text *why)
{
    err_t err = settle_mode(o, why);

    if (err)
        return err;
    err = settle_length(o, why);
    if (err)
        return err;
    if (o->value_seed == UNSET)
        o->value_seed = o->seed;
    if (o->user && !o->password)
        return err_set(why, ERR_INVALID, "--user needs --auth");
    if (o->threads > o->connections)
        return err_set(why, ERR_INVALID,
                       "--threads must not exceed --connections");
    if (o->connections * o->pipeline > IN_FLIGHT_MAX)
        return err_set(why, ERR_INVALID,
                       "--connections times --pipeline must not exceed %llu",
                       (unsigned long long)IN_FLIGHT_MAX);
    if (strlen(o->key_prefix) > LOAD_PREFIX_MAX)
        return err_set(why, ERR_INVALID, "--key-prefix is longer than %d bytes",
                       LOAD_PREFIX_MAX);
    return ERR_OK;
}

err_t load_options_parse(int argc, char *const *argv, struct load_options *out,
                         struct err_text *why)
{
    int i = 0;

    *out = defaults;
    while (i < argc) {
        err_t err = option_take(argc, argv, &i, out, why);
        if (err)
            return err;
    }
    return out->help ? ERR_OK : options_settle(out, why);
}

static void usage_line(FILE *out, const struct option *option)
{
    char        left[48];
    const char *help = option->help;

    snprintf(left, sizeof(left), "--%s %s", option->name,
             option->argument ? option->argument : "");
    for (;;) {
        size_t len = strcspn(help, "\n");
        fprintf(out, "  %-27s %.*s\n", left, (int)len, help);
        if (help[len] == '\0')
            return;
        help += len + 1;
        left[0] = '\0';
    }
}

void load_options_usage(FILE *out)
{
    fputs("usage: diskstore load [--option value ...]\n\n"
          "Sends GET, SET and MGET to a server that speaks the Redis protocol\n"
          "and tells how fast they are answered, and whether rightly.\n\n",
          out);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        usage_line(out, &options[i]);
    fputs("\n"
          "exit status: 0; 1 when a connection failed or was lost, a request\n"
          "was left unanswered, or --verify found something; 2 when the\n"
          "options are wrong.\n\n"
          "Fill with a million values, read them all back in random order,\n"
          "then measure:\n"
          "  diskstore load --op set --sequential --keys 1m --pipeline 16\n"
          "  diskstore load --op get --sequential --order random --keys 1m "
          "--verify\n"
          "  diskstore load --keys 1m --distribution zipf --duration 30\n",
          out);
}
