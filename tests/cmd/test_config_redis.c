/* test_config_redis.c - options of Redis that are accepted, their aliases, and
 * docs/REDIS-OPTIONS.md, which must tell each of them with its reason. Run from
 * the top directory. Refusals were compared with redis-server 7.0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cmd/config.h"
#include "cmd/config_table.h"

#define MB ((uint64_t)1024 * 1024)
#define S  slice_from_string

/* --- helpers -------------------------------------------------------------- */

static struct config fresh(void)
{
    struct config config;
    config_init_defaults(&config);
    return config;
}

/* CONFIG SET of up to two pairs; "" when it was taken, else the reply. */
static const char *set2(struct config *config, const char *name,
                        const char *value, const char *name2,
                        const char *value2)
{
    static struct err_text why;
    struct config_pair     pairs[2] = { { S(name), S(value) },
                                        { S(name2), S(value2) } };
    why.text[0] = 0;
    (void)config_set_pairs(config, pairs, name2[0] != 0 ? 2 : 1, &why);
    return why.text;
}

static const char *set(struct config *config, const char *name,
                       const char *value)
{
    return set2(config, name, value, "", "");
}

static void expect(const struct config *config, const char *name,
                   const char *value)
{
    struct buf text;
    buf_init(&text, CONFIG_VALUE_MAX);
    config_value(config, name, &text);
    assert_int_equal(text.len, strlen(value));
    assert_memory_equal(text.len > 0 ? text.data : "", value, text.len);
    buf_deinit(&text);
}

#define FAILED(name, reason)                                                   \
    "ERR CONFIG SET failed (possibly related to argument '" name "') - " reason

/* --- values --------------------------------------------------------------- */

static void test_values_are_kept(void **state)
{
    struct config c = fresh();
    (void)state;

    assert_string_equal(set(&c, "list-max-listpack-size", "-5"), "");
    expect(&c, "list-max-listpack-size", "-5");
    assert_string_equal(set(&c, "repl-backlog-size", "2mb"), "");
    expect(&c, "repl-backlog-size", "2097152");
    assert_string_equal(set(&c, "maxmemory-policy", "Volatile-TTL"), "");
    expect(&c, "maxmemory-policy", "volatile-ttl");
    assert_string_equal(set(&c, "activedefrag", "yes"), "");
    expect(&c, "activedefrag", "yes");
    assert_string_equal(set(&c, "save", "900 1 300 10"), "");
    expect(&c, "save", "900 1 300 10");
    assert_string_equal(set(&c, "save", ""), "");
    expect(&c, "save", "");
    assert_string_equal(set(&c, "appendonly", "No"), "");
    expect(&c, "appendonly", "no");
    config_deinit(&c);
}

static void test_refusals(void **state)
{
    static const char *const cases[][3] = {
        { "save", "900 1 300",
          FAILED("save", "Invalid save parameters") },
        { "save", "900  1", FAILED("save", "Invalid save parameters") },
        { "save", "0 1", FAILED("save", "Invalid save parameters") },
        { "maxmemory-policy", "foo",
          FAILED("maxmemory-policy",
                 "argument(s) must be one of the following: volatile-lru, "
                 "volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, "
                 "allkeys-lfu, allkeys-random, noeviction") },
        { "hash-max-listpack-value", "-1",
          FAILED("hash-max-listpack-value",
                 "argument must be a memory value") },
        { "hash-max-listpack-entries", "-1",
          FAILED("hash-max-listpack-entries",
                 "argument must be between 0 and 9223372036854775807 "
                 "inclusive") },
        { "dir", "/tmp", FAILED("dir", "can't set protected config") },
        { "dbfilename", "x",
          FAILED("dbfilename", "can't set protected config") },
        { "rdbchecksum", "no",
          FAILED("rdbchecksum", "can't set immutable config") },
        { "appendonly", "yes",
          FAILED("appendonly",
                 "argument must be 'no': changes reach the disk after "
                 "cache-flush-delay, see ds-fsync too") },
        { "slave-priority", "x",
          FAILED("slave-priority",
                 "argument couldn't be parsed into an integer") },
    };
    struct config c = fresh();
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(set(&c, cases[i][0], cases[i][1]), cases[i][2]);
    config_deinit(&c);
}

/* CONFIG GET does not tell all of a value, but what is put back must be all. */
static void test_hidden_parts_come_back(void **state)
{
    struct config c = fresh();
    (void)state;

    assert_string_equal(set(&c, "notify-keyspace-events", "KAn"), "");
    expect(&c, "notify-keyspace-events", "AK");
    uint32_t flags = c.notify_keyspace_events;
    assert_true(
        set2(&c, "notify-keyspace-events", "E", "timeout", "x")[0] != 0);
    assert_int_equal(c.notify_keyspace_events, flags);
    assert_string_equal(
        set(&c, "latency-tracking-info-percentiles", "12.3456789"), "");
    expect(&c, "latency-tracking-info-percentiles", "12.345679");
    assert_true(set2(&c, "latency-tracking-info-percentiles", "1", "timeout",
                     "x")[0] != 0);
    assert_true(c.latency_tracking_info_percentiles.at[0] == 12.3456789);
    config_deinit(&c);
}

/* --- aliases -------------------------------------------------------------- */

static void test_aliases(void **state)
{
    struct config c = fresh();
    (void)state;

    assert_string_equal(set(&c, "slave-priority", "5"), "");
    expect(&c, "replica-priority", "5");
    expect(&c, "slave-priority", "5");
    /* Two names of one option are no duplicate; the last one counts. */
    assert_string_equal(
        set2(&c, "slave-priority", "6", "replica-priority", "7"), "");
    expect(&c, "slave-priority", "7");
    assert_string_equal(
        set2(&c, "slave-priority", "6", "SLAVE-priority", "7"),
        FAILED("slave-priority", "duplicate parameter"));
    assert_string_equal(
        set2(&c, "slave-priority", "8", "replica-priority", "x"),
        FAILED("replica-priority",
               "argument couldn't be parsed into an integer"));
    expect(&c, "replica-priority", "7"); /* as before both */
    config_deinit(&c);
}

static void test_maxmemory(void **state)
{
    struct config c = fresh();
    slice         none = S("0"), some = S("100mb");
    (void)state;

    /* At the start: no limit of Redis's is none of ours. */
    assert_int_equal(
        config_set_words(&c, S("cache-max-memory"), &some, 1, NULL), ERR_OK);
    assert_int_equal(config_set_words(&c, S("maxmemory"), &none, 1, NULL),
                     ERR_OK);
    assert_int_equal(c.cache_max_memory, 100 * MB);
    config_on_change(&c, NULL, NULL);
    assert_string_equal(set(&c, "maxmemory", "64mb"), "");
    assert_int_equal(c.cache_max_memory, 64 * MB);
    assert_string_equal(set(&c, "maxmemory", "0"), "");
    assert_int_equal(c.cache_max_memory, 100 * MB);
    assert_string_equal(set(&c, "cache-max-memory", "0"), "");
    assert_int_equal(c.cache_max_memory, 0); /* that one keeps nothing */
    assert_string_equal(
        set(&c, "maxmemory", "1mb"),
        FAILED("maxmemory", "argument must be 0, or between 16777216 and "
                            "9223372036854775807 inclusive"));
    config_deinit(&c);
}

/* --- at the start --------------------------------------------------------- */

static void test_save_lines_add_up(void **state)
{
    struct config c = fresh();
    const slice   first[] = { S("900"), S("1") };
    const slice   more[] = { S("300"), S("10"), S("60"), S("10000") };
    const slice   none[] = { S("") };
    (void)state;

    assert_int_equal(config_set_words(&c, S("save"), first, 2, NULL), ERR_OK);
    assert_int_equal(config_set_words(&c, S("save"), more, 4, NULL), ERR_OK);
    expect(&c, "save", "900 1 300 10 60 10000");
    assert_int_equal(config_set_words(&c, S("save"), none, 1, NULL), ERR_OK);
    expect(&c, "save", "");
    assert_int_equal(config_set_words(&c, S("save"), first, 2, NULL), ERR_OK);
    expect(&c, "save", "900 1");
    assert_int_equal(config_set_words(&c, S("save"), NULL, 0, NULL), ERR_OK);
    expect(&c, "save", "");
    config_deinit(&c);
}

/* --- docs/REDIS-OPTIONS.md ------------------------------------------------ */

#define DOC SOURCE_DIR "/docs/REDIS-OPTIONS.md"

static char *read_doc(void)
{
    FILE  *file = fopen(DOC, "r");
    char  *text = calloc(1, 65536);
    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, 65535, file) > 0);
    assert_int_equal(fclose(file), 0);
    return text;
}

static size_t count_rows(const char *text)
{
    size_t count = 0;
    for (const char *at = strstr(text, "\n| `"); at != NULL;
         at = strstr(at + 1, "\n| `"))
        count++;
    return count;
}

static void expect_line(const char *doc, const char *line)
{
    if (strstr(doc, line) == NULL)
        fail_msg("%s has no line\n%s", DOC, line);
}

static void test_doc_tells_all(void **state)
{
    char *doc = read_doc();
    (void)state;

    for (size_t i = 0; i < config_accepted_count; i++) {
        const struct config_option *option = &config_accepted[i];
        const char *shown = option->default_text[0] != 0 ? option->default_text
                                                         : "\"\"";
        char line[512];
        (void)snprintf(line, sizeof(line), "\n| `%s` | %s | %s | %s |\n",
                       option->name, shown,
                       option->type == CONFIG_FIXED       ? "no other"
                       : option->flags & CONFIG_MUTABLE   ? "yes"
                                                          : "at the start",
                       option->help);
        expect_line(doc, line);
    }
    for (size_t i = 0; i < config_alias_count; i++) {
        char line[512];
        (void)snprintf(line, sizeof(line), "\n| `%s` | `%s` |\n",
                       config_aliases[i].name, config_aliases[i].option);
        expect_line(doc, line);
    }
    for (size_t i = 0; i < config_foreign_count; i++) {
        char line[512];
        (void)snprintf(line, sizeof(line), "\n| `%s` | %s |\n",
                       config_foreigns[i].name, config_foreigns[i].hint);
        expect_line(doc, line);
    }
    assert_int_equal(count_rows(doc), config_accepted_count +
                                          config_alias_count +
                                          config_foreign_count);
    free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_kept),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_hidden_parts_come_back),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_maxmemory),
        cmocka_unit_test(test_save_lines_add_up),
        cmocka_unit_test(test_doc_tells_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
