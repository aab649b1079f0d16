/* The command line of the load generator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tool/load_options.h"

#define ARGUMENTS_MAX 24

static char            line_text[1024]; /* what the options point into */
static struct err_text why;

static err_t parse(const char *line, struct load_options *out)
{
    char *argv[ARGUMENTS_MAX];
    int   argc = 0;

    strncpy(line_text, line, sizeof(line_text) - 1);
    for (char *word = strtok(line_text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    why.text[0] = '\0';
    return load_options_parse(argc, argv, out, &why);
}

static void accept(const char *line, struct load_options *out)
{
    if (parse(line, out))
        fail_msg("'%s': %s", line, why.text);
}

static void defaults(void **state)
{
    struct load_options o;

    (void)state;
    accept("", &o);
    assert_string_equal(o.host, "127.0.0.1");
    assert_int_equal(o.port, 6379);
    assert_int_equal(o.connections, 50);
    assert_int_equal(o.pipeline, 1);
    assert_int_equal(o.threads, 1);
    assert_int_equal(o.mode, LOAD_MIXED);
    assert_true(o.read_ratio == 0.9);
    assert_int_equal(o.duration_ms, 10000);
    assert_int_equal(o.requests, 0);
    assert_int_equal(o.value_seed, 1);
    assert_false(o.verify || o.json || o.quiet || o.sequential);
}

static void values(void **state)
{
    struct load_options o;

    (void)state;
    accept("--host ::1 --port=7000 --connections 200 --pipeline 16 --threads 2 "
           "--keys 640k --key-prefix=a= --value-size 1-2kb --seed 9 --verify",
           &o);
    assert_string_equal(o.host, "::1");
    assert_int_equal(o.port, 7000);
    assert_int_equal(o.connections, 200);
    assert_int_equal(o.pipeline, 16);
    assert_int_equal(o.threads, 2);
    assert_int_equal(o.keys, 640000);
    assert_string_equal(o.key_prefix, "a=");
    assert_true(o.sizes.is_range);
    assert_int_equal(o.sizes.bytes[1], 2048);
    assert_int_equal(o.seed, 9);
    assert_int_equal(o.value_seed, 9);
    assert_true(o.verify);

    accept("--seed 9 --value-seed 0 --distribution zipf --theta 1.5", &o);
    assert_int_equal(o.value_seed, 0);
    assert_int_equal(o.distribution, LOAD_ZIPF);
    assert_true(o.theta == 1.5);
}

static void times(void **state)
{
    struct load_options o;

    (void)state;
    accept("--duration 3", &o);
    assert_int_equal(o.duration_ms, 3000);
    accept("--duration 0.25", &o);
    assert_int_equal(o.duration_ms, 250);
    accept("--duration 500ms --timeout 2m", &o);
    assert_int_equal(o.duration_ms, 500);
    assert_int_equal(o.timeout_ms, 120000);
    accept("--requests 10", &o);
    assert_int_equal(o.duration_ms, 0);
    accept("--requests 10 --duration 1", &o);
    assert_int_equal(o.requests, 10);
    assert_int_equal(o.duration_ms, 1000);
}

static void modes(void **state)
{
    struct load_options o;

    (void)state;
    accept("--read-ratio 0", &o);
    assert_int_equal(o.mode, LOAD_SET);
    accept("--read-ratio 1", &o);
    assert_int_equal(o.mode, LOAD_GET);
    accept("--read-ratio .5", &o);
    assert_int_equal(o.mode, LOAD_MIXED);
    accept("--op mget", &o);
    assert_int_equal(o.batch, 10);
    accept("--op get", &o);
    assert_int_equal(o.batch, 1);
    accept("--op set --sequential --order random", &o);
    assert_int_equal(o.order, LOAD_RANDOM);
    assert_int_equal(o.duration_ms, 0);
}

/* Each is refused, and the message names what is wrong. */
static void mistakes(void **state)
{
    static const struct {
        const char *line;
        const char *names;
    } bad[] = {
        { "--prot 1", "--prot" },
        { "file.conf", "file.conf" },
        { "--port", "--port" },
        { "--port 0", "--port" },
        { "--port 65536", "--port" },
        { "--port x", "--port" },
        { "--connections 0", "--connections" },
        { "--pipeline 65537", "--pipeline" },
        { "--connections 65536 --pipeline 65536", "--pipeline" },
        { "--threads 4 --connections 3", "--threads" },
        { "--read-ratio 1.1", "--read-ratio" },
        { "--read-ratio -1", "--read-ratio" },
        { "--read-ratio nan", "--read-ratio" },
        { "--theta 0", "--theta" },
        { "--duration 0", "--duration" },
        { "--duration 5x", "--duration" },
        { "--op del", "mixed|get|set|mget" },
        { "--op ge", "mixed|get|set|mget" },
        { "--distribution zip", "uniform|zipf" },
        { "--value-size 513mb", "--value-size" },
        { "--value-size 1,,2", "--value-size" },
        { "--keys 1000000000001", "--keys" },
        { "--verify=1", "--verify" },
        { "--op get --read-ratio 0.5", "--read-ratio" },
        { "--op get --batch 5", "--batch" },
        { "--order random", "--sequential" },
        { "--sequential", "--op" },
        { "--sequential --op set --requests 5", "--requests" },
        { "--sequential --op set --duration 5", "--duration" },
        { "--sequential --op get --distribution zipf", "--distribution" },
        { "--user me", "--auth" },
    };
    struct load_options o;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse(bad[i].line, &o) == ERR_OK)
            fail_msg("'%s' was accepted", bad[i].line);
        if (strstr(why.text, bad[i].names) == NULL)
            fail_msg("'%s': the message '%s' doesn't name %s", bad[i].line,
                     why.text, bad[i].names);
    }
}

static void a_long_prefix_is_refused(void **state)
{
    struct load_options o;
    char                prefix[LOAD_PREFIX_MAX + 2];
    char               *argv[] = { "--key-prefix", prefix };

    (void)state;
    memset(prefix, 'p', sizeof(prefix));
    prefix[LOAD_PREFIX_MAX] = '\0';
    assert_int_equal(load_options_parse(2, argv, &o, &why), ERR_OK);
    prefix[LOAD_PREFIX_MAX] = 'p';
    prefix[LOAD_PREFIX_MAX + 1] = '\0';
    assert_int_not_equal(load_options_parse(2, argv, &o, &why), ERR_OK);
}

/* Lines of --help fit a terminal, and it is shown whatever else is wrong. */
static void usage_is_readable(void **state)
{
    struct load_options o;
    char               *text = NULL;
    size_t              len = 0;
    FILE               *out = open_memstream(&text, &len);

    (void)state;
    assert_int_equal(parse("--sequential --help", &o), ERR_OK);
    assert_true(o.help);
    assert_non_null(out);
    load_options_usage(out);
    fclose(out);
    assert_non_null(strstr(text, "--distribution uniform|zipf"));
    assert_non_null(strstr(text, "--value-seed N"));
    for (char *line = text; *line;) {
        size_t width = strcspn(line, "\n");
        assert_in_range(width, 0, 92);
        line += width + (line[width] == '\n');
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(values),
        cmocka_unit_test(times),
        cmocka_unit_test(modes),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(a_long_prefix_is_refused),
        cmocka_unit_test(usage_is_readable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
