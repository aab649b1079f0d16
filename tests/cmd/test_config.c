/* test_config.c - each type through text and back, the words of refusal, what
 * CONFIG SET leaves behind when it fails, and who is told when. The expected
 * texts were taken from answers of redis-server 7.0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "cmd/config.h"
#include "cmd/config_table.h"

#define MB ((uint64_t)1024 * 1024)
#define S  slice_from_string

/* --- helpers ------------------------------------------------------------- */

struct answers {
    char   text[16384]; /* "name=value\n" each */
    size_t count;
};

static void answer(void *arg, slice name, slice value)
{
    struct answers *answers = arg;
    size_t          len = strlen(answers->text);

    int more = snprintf(answers->text + len, sizeof(answers->text) - len,
                        "%.*s=%.*s\n", (int)name.len, name.data,
                        (int)value.len, value.data);
    assert_true(more > 0 && (size_t)more < sizeof(answers->text) - len);
    answers->count++;
}

/* What CONFIG GET answers to up to three patterns. */
static const char *get3(const struct config *config, struct answers *answers,
                        const char *a, const char *b, const char *c)
{
    const char *texts[] = { a, b, c };
    slice       patterns[3];
    size_t      count = 0;

    for (size_t i = 0; i < 3; i++)
        if (texts[i] != NULL)
            patterns[count++] = S(texts[i]);
    *answers = (struct answers){ .count = 0 };
    size_t found = config_get(config, patterns, count, answer, answers);
    assert_int_equal(found, answers->count);
    return answers->text;
}

static void expect(const struct config *config, const char *name,
                   const char *value)
{
    struct answers answers;
    char           line[512];

    (void)snprintf(line, sizeof(line), "%s=%s\n", name, value);
    assert_string_equal(get3(config, &answers, name, NULL, NULL), line);
}

/* CONFIG SET with one pair; "" when it was taken, else the reply. */
static const char *set(struct config *config, const char *name,
                       const char *value)
{
    static struct err_text why;
    struct config_pair     pair = { S(name), S(value) };

    why.text[0] = 0;
    err_t err = config_set_pairs(config, &pair, 1, &why);
    assert_true((err == ERR_OK) == (why.text[0] == 0));
    return why.text;
}

#define FAILED(name, reason)                                                   \
    "ERR CONFIG SET failed (possibly related to argument '" name "') - " reason

static struct config fresh(void)
{
    struct config config;
    config_init_defaults(&config);
    return config;
}

/* --- the table ----------------------------------------------------------- */

static void test_defaults(void **state)
{
    struct config c = fresh();
    (void)state;

    assert_int_equal(c.port, 6379);
    assert_string_equal(c.bind, "* -::*");
    assert_string_equal(c.unixsocket, "");
    assert_int_equal(c.unixsocketperm, 0);
    assert_int_equal(c.tcp_backlog, 511);
    assert_int_equal(c.tcp_keepalive, 300);
    assert_int_equal(c.timeout, 0);
    assert_int_equal(c.maxclients, 10000);
    assert_string_equal(c.requirepass, "");
    assert_true(c.protected_mode);
    assert_int_equal(c.databases, 16);
    assert_int_equal(c.loglevel, LOG_NOTICE);
    assert_string_equal(c.logfile, "");
    assert_string_equal(c.ds_path, "./data");
    assert_int_equal(c.cache_max_memory, 256 * MB);
    assert_int_equal(c.cache_flush_delay_ms, 1000);
    assert_int_equal(c.cut_max, 0);
    assert_false(c.ds_fsync);
    assert_false(c.ds_compression);
    assert_int_equal(c.io_threads, 1);
    assert_int_equal(c.client_query_buffer_limit, 1024 * MB);
    assert_int_equal(c.proto_max_bulk_len, 512 * MB);
    assert_int_equal(c.hz, 10);
    assert_int_equal(c.enable_debug_command, DEBUG_COMMAND_NO);
    assert_false(c.debug_store);
    for (int i = 0; i < CONFIG_CLASS_COUNT; i++) {
        static const uint64_t hard[] = { 0, 256 * MB, 32 * MB };
        static const uint64_t soft[] = { 0, 64 * MB, 8 * MB };
        static const int      seconds[] = { 0, 60, 60 };
        assert_int_equal(c.client_output_limits[i].hard, hard[i]);
        assert_int_equal(c.client_output_limits[i].soft, soft[i]);
        assert_int_equal(c.client_output_limits[i].soft_seconds, seconds[i]);
    }
    config_deinit(&c);
}

static bool is_lower_name(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz_-")] == 0;
}

static void test_tables_are_sound(void **state)
{
    (void)state;
    assert_true(config_count() + config_alias_count <= CONFIG_OPTIONS_MAX);
    for (size_t i = 0; i < config_count(); i++) {
        const struct config_option *option = config_at(i);
        assert_true(is_lower_name(option->name));
        assert_null(config_alias_find(S(option->name)));
        assert_true(option->help[0] != 0);
        assert_ptr_equal(config_option_find(S(option->name)), option);
        assert_null(config_foreign_find(S(option->name)));
        assert_true((option->type == CONFIG_ENUM) == (option->names != NULL));
    }
    for (size_t i = 0; i < config_foreign_count; i++) {
        const struct config_foreign *foreign = &config_foreigns[i];
        assert_true(is_lower_name(foreign->name));
        assert_ptr_equal(config_foreign_find(S(foreign->name)), foreign);
        assert_null(config_option_find(S(foreign->name)));
    }
    for (size_t i = 0; i < config_alias_count; i++) {
        const struct config_alias *alias = &config_aliases[i];
        assert_true(is_lower_name(alias->name));
        assert_ptr_equal(config_alias_find(S(alias->name)), alias);
        assert_non_null(config_option_find(S(alias->name)));
        assert_null(config_alias_find(S(alias->option)));
    }
}

/* A value that is not the default; NULL: there is no other. */
static const char *another_value(const struct config_option *option)
{
    static const char *const values[CONFIG_TYPE_COUNT] = {
        [CONFIG_INT] = "7",        [CONFIG_OCTAL] = "640",
        [CONFIG_BOOL] = NULL,      [CONFIG_BYTES] = "33554433",
        [CONFIG_MS] = "1234",      [CONFIG_TEXT] = "some text",
        [CONFIG_WORDS] = "::1 -*", [CONFIG_ENUM] = NULL,
        [CONFIG_OUTPUT_LIMITS] = "normal 1 2 3 slave 4 5 6 pubsub 7 8 9",
        [CONFIG_INT64] = "7",      [CONFIG_COUNT] = "7",
        [CONFIG_NOTIFY] = "lsKE",  [CONFIG_PERCENTILES] = "12 99.5",
        [CONFIG_SAVE] = "900 1",   [CONFIG_FIXED] = NULL,
    };
    const char *usual = option->default_text;
    switch (option->type) {
    case CONFIG_WORDS:
        return option->min > 2 ? "7 8 9" : values[option->type];
    case CONFIG_BOOL:
        return strcmp(usual, "yes") == 0 ? "no" : "yes";
    case CONFIG_ENUM:
        return option->names[strcmp(option->names[1].name, usual) == 0 ? 0 : 1]
            .name;
    default:
        return values[option->type];
    }
}

/* No two options share a field: each one changes exactly its own answer. */
static void test_each_option_has_its_field(void **state)
{
    static struct answers before, after;
    (void)state;

    for (size_t i = 0; i < config_count(); i++) {
        const struct config_option *option = config_at(i);
        struct config c = fresh();
        const char   *value = another_value(option);
        char          line[256];

        if (value == NULL) {
            config_deinit(&c);
            continue;
        }
        get3(&c, &before, "*", NULL, NULL);
        assert_int_equal(config_set_text(&c, S(option->name), S(value),
                                         CONFIG_AT_START, NULL),
                         ERR_OK);
        get3(&c, &after, "*", NULL, NULL);
        assert_int_equal(before.count, after.count);

        (void)snprintf(line, sizeof(line), "\n%s=%s\n", option->name, value);
        if (i == 0)
            assert_memory_equal(after.text, line + 1, strlen(line + 1));
        else
            assert_non_null(strstr(after.text, line));
        /* And nothing but that option and those that mirror it. */
        const char *b = before.text, *a = after.text;
        while (*b != 0) {
            size_t b_len = strcspn(b, "\n"), a_len = strcspn(a, "\n");
            size_t name_len = strcspn(b, "=");
            slice  name = { b, name_len };
            const struct config_alias *alias = config_alias_find(name);
            if (alias != NULL)
                name = S(alias->option);
            bool same = b_len == a_len && memcmp(b, a, a_len) == 0;
            assert_true(same != slice_equal(name, S(option->name)));
            b += b_len + 1;
            a += a_len + 1;
        }
        config_deinit(&c);
    }
}

/* CONFIG SET puts an old value back by its text: every text must read back. */
static void test_text_reads_back(void **state)
{
    struct config c = fresh();
    (void)state;

    for (size_t i = 0; i < config_count(); i++) {
        const struct config_option *option = config_at(i);
        struct buf first, second;
        buf_init(&first, CONFIG_VALUE_MAX);
        buf_init(&second, CONFIG_VALUE_MAX);
        config_format(option, &c, &first);
        assert_int_equal(config_parse(option, &c, buf_slice(&first), NULL),
                         ERR_OK);
        config_format(option, &c, &second);
        assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
        buf_deinit(&first);
        buf_deinit(&second);
    }
    config_deinit(&c);
}

/* --- values -------------------------------------------------------------- */

struct value_case {
    const char *name;
    const char *value;
    const char *prints; /* NULL: refused */
    const char *reason;
};

#define NO_INT "argument couldn't be parsed into an integer"
#define BETWEEN(a, b) "argument must be between " a " and " b " inclusive"

static const struct value_case values[] = {
    { "timeout", "60", "60", NULL },
    { "timeout", "0", "0", NULL },
    { "timeout", "x", NULL, NO_INT },
    { "timeout", "", NULL, NO_INT },
    { "timeout", "1.5", NULL, NO_INT },
    { "timeout", "010", NULL, NO_INT },
    { "timeout", "+1", NULL, NO_INT },
    { "timeout", "99999999999999999999999", NULL, NO_INT },
    { "tcp-keepalive", "-1", NULL, BETWEEN("0", "2147483647") },
    { "maxclients", "0", NULL, BETWEEN("1", "4294967295") },
    { "maxclients", "-9223372036854775808", NULL, BETWEEN("1", "4294967295") },
    { "maxclients", "4294967296", NULL, BETWEEN("1", "4294967295") },
    { "maxclients", "4294967295", "4294967295", NULL },
    { "port", "65535", "65535", NULL },
    { "port", "65536", NULL, BETWEEN("0", "65535") },
    { "io-threads", "0", "0", NULL },
    { "io-threads", "65", NULL, BETWEEN("0", "64") },
    { "databases", "0", NULL, BETWEEN("1", "65536") },
    { "hz", "0", "1", NULL },
    { "hz", "100000", "500", NULL },
    { "hz", "-1", NULL, BETWEEN("0", "2147483647") },
    { "protected-mode", "NO", "no", NULL },
    { "protected-mode", "maybe", NULL, "argument must be 'yes' or 'no'" },
    { "protected-mode", "", NULL, "argument must be 'yes' or 'no'" },
    { "loglevel", "DEBUG", "debug", NULL },
    { "loglevel", "loud", NULL,
      "argument(s) must be one of the following: debug, verbose, notice, "
      "warning, nothing" },
    { "enable-debug-command", "local", "local", NULL },
    { "unixsocketperm", "700", "700", NULL },
    { "unixsocketperm", "0777", "777", NULL },
    { "unixsocketperm", "1000", NULL, BETWEEN("0", "777") },
    { "unixsocketperm", "888", NULL,
      "argument couldn't be parsed as an octal number" },
    { "unixsocketperm", "", NULL,
      "argument couldn't be parsed as an octal number" },
    { "unixsocketperm", "77777777777777777777777777", NULL,
      "argument couldn't be parsed as an octal number" },
    { "cache-max-memory", "64mb", "67108864", NULL },
    { "cache-max-memory", "1G", "1000000000", NULL },
    { "cache-max-memory", "0", "0", NULL },
    { "cache-max-memory", "16mb", "16777216", NULL },
    { "cache-max-memory", "16777215", NULL,
      "argument must be 0, or between 16777216 and 9223372036854775807 "
      "inclusive" },
    { "cache-max-memory", "12q", NULL, "argument must be a memory value" },
    { "cache-max-memory", "-1", NULL, "argument must be a memory value" },
    { "cache-max-memory", "", NULL, "argument must be a memory value" },
    { "client-query-buffer-limit", "1", NULL,
      BETWEEN("1048576", "9223372036854775807") },
    { "proto-max-bulk-len", "1mb", "1048576", NULL },
    { "cut-max", "4095", NULL,
      "argument must be 0, or between 4096 and 9223372036854775807 "
      "inclusive" },
    { "cut-max", "8mb", "8388608", NULL },
    { "cache-flush-delay", "500ms", "500", NULL },
    { "cache-flush-delay", "2s", "2000", NULL },
    { "cache-flush-delay", "1m", "60000", NULL },
    { "cache-flush-delay", "250", "250", NULL },
    { "cache-flush-delay", "0", "0", NULL },
    { "cache-flush-delay", "soon", NULL,
      "argument must be a time value (500ms, 2s, 1m)" },
    { "cache-flush-delay", "2147483648", NULL, BETWEEN("0", "2147483647") },
    { "requirepass", "two words", "two words", NULL },
    { "requirepass", "", "", NULL },
    { "ds-path", "", NULL, "argument must not be empty" },
    { "unixsocket",
      "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      NULL, "argument must not be longer than 107 bytes" },
    { "bind", "  127.0.0.1\t-::1 ", "127.0.0.1 -::1", NULL },
    { "bind", "", "", NULL },
    { "bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
      "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", NULL },
    { "bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", NULL,
      "argument must have between 0 and 16 words" },
};

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const struct value_case *v = &values[i];
        struct config   c = fresh();
        struct err_text why = { "" };
        static struct answers before, after;

        get3(&c, &before, v->name, NULL, NULL);
        err_t err = config_set_text(&c, S(v->name), S(v->value),
                                    CONFIG_AT_START, &why);
        if (v->prints != NULL) {
            if (err)
                print_error("%s %s: %s\n", v->name, v->value, why.text);
            assert_int_equal(err, ERR_OK);
            expect(&c, v->name, v->prints);
        } else {
            assert_int_equal(err, ERR_INVALID);
            assert_string_equal(why.text, v->reason);
            assert_string_equal(
                get3(&c, &after, v->name, NULL, NULL), before.text);
        }
        config_deinit(&c);
    }
}

static void test_zero_bytes_are_refused(void **state)
{
    struct config c = fresh();
    (void)state;

    assert_int_equal(config_set_text(&c, S("requirepass"),
                                     SLICE_LITERAL("a\0b"), 0, NULL),
                     ERR_INVALID);
    assert_int_equal(config_set_text(&c, S("bind"), SLICE_LITERAL("*\0 ::1"),
                                     CONFIG_AT_START, NULL),
                     ERR_INVALID);
    assert_string_equal(c.requirepass, "");
    assert_string_equal(c.bind, "* -::*");
    config_deinit(&c);
}

static void test_longest_value(void **state)
{
    static char   text[CONFIG_VALUE_MAX + 1];
    struct config c = fresh();
    slice         name = S("requirepass");
    (void)state;

    memset(text, 'x', sizeof(text));
    assert_int_equal(config_set_text(&c, name,
                                     slice_make(text, sizeof(text)), 0, NULL),
                     ERR_INVALID);
    assert_int_equal(
        config_set_text(&c, name, slice_make(text, CONFIG_VALUE_MAX), 0, NULL),
        ERR_OK);
    assert_int_equal(strlen(c.requirepass), CONFIG_VALUE_MAX);
    assert_string_equal(set(&c, "requirepass", "short"), "");
    assert_string_equal(c.requirepass, "short");
    config_deinit(&c);
}

static void test_output_limits(void **state)
{
    const char   *name = "client-output-buffer-limit";
    struct config c = fresh();
    (void)state;

    expect(&c, name,
           "normal 0 0 0 slave 268435456 67108864 60 "
           "pubsub 33554432 8388608 60");
    assert_string_equal(set(&c, name, "slave 1mb 0 1 PUBSUB 1 2 3"), "");
    expect(&c, name, "normal 0 0 0 slave 1048576 0 1 pubsub 1 2 3");
    assert_string_equal(set(&c, name, "replica 2mb 0 1"), "");
    expect(&c, name, "normal 0 0 0 slave 2097152 0 1 pubsub 1 2 3");

#define LIMIT_FAILED(reason) FAILED("client-output-buffer-limit", reason)
    static const char *const bad[][2] = {
        { "normal 0 0", LIMIT_FAILED("Wrong number of arguments in buffer "
                                     "limit configuration.") },
        { "", LIMIT_FAILED("Wrong number of arguments in buffer limit "
                           "configuration.") },
        { "foo 0 0 0", LIMIT_FAILED("Invalid client class specified in buffer "
                                    "limit configuration.") },
        { "master 1 0 1", LIMIT_FAILED("Invalid client class specified in "
                                       "buffer limit configuration.") },
        { "normal x 0 0", LIMIT_FAILED("Error in hard, soft or soft_seconds "
                                       "setting in buffer limit "
                                       "configuration.") },
        { "normal 9 9 9 pubsub 1 0 -1",
          LIMIT_FAILED("Error in hard, soft or soft_seconds setting in buffer "
                       "limit configuration.") },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_string_equal(set(&c, name, bad[i][0]), bad[i][1]);
        expect(&c, name, "normal 0 0 0 slave 2097152 0 1 pubsub 1 2 3");
    }
    config_deinit(&c);
}

/* --- CONFIG SET ---------------------------------------------------------- */

static void test_set_refusals(void **state)
{
    struct config c = fresh();
    (void)state;

    assert_string_equal(
        set(&c, "nosuch", "1"),
        "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
    assert_string_equal(set(&c, "databases", "3"),
                        FAILED("databases", "can't set immutable config"));
    assert_string_equal(set(&c, "PORT", "x"),
                        FAILED("port", "can't set immutable config"));
    assert_string_equal(set(&c, "MAXCLIENTS", "abc"),
                        FAILED("maxclients", NO_INT));
    assert_string_equal(
        set(&c, "replicaof", "a 1"),
        FAILED("replicaof",
               "'replicaof' means nothing here: there is no replication yet"));
    assert_int_equal(c.databases, 16);
    assert_int_equal(c.port, 6379);
    assert_int_equal(c.maxclients, 10000);
    config_deinit(&c);
}

static void test_set_is_all_or_none(void **state)
{
    struct config   c = fresh();
    struct err_text why;
    (void)state;

    const struct config_pair bad_value[] = {
        { S("requirepass"), S("secret") },
        { S("maxclients"), S("90") },
        { S("client-output-buffer-limit"), S("normal 1 2 3") },
        { S("hz"), S("x") },
    };
    assert_int_equal(config_set_pairs(&c, bad_value, 4, &why), ERR_INVALID);
    assert_string_equal(why.text, FAILED("hz", NO_INT));
    assert_string_equal(c.requirepass, "");
    assert_int_equal(c.maxclients, 10000);
    assert_int_equal(c.client_output_limits[0].hard, 0);

    const struct config_pair twice[] = {
        { S("timeout"), S("5") },
        { S("maxclients"), S("100") },
        { S("MaxClients"), S("200") },
    };
    assert_int_equal(config_set_pairs(&c, twice, 3, &why), ERR_INVALID);
    assert_string_equal(why.text, FAILED("maxclients", "duplicate parameter"));
    assert_int_equal(c.timeout, 0);

    const struct config_pair unknown[] = {
        { S("timeout"), S("5") },
        { S("nosuch"), S("2") },
        { S("port"), S("1") },
    };
    assert_int_equal(config_set_pairs(&c, unknown, 3, &why), ERR_NOT_FOUND);
    assert_string_equal(
        why.text,
        "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
    assert_int_equal(c.timeout, 0);

    assert_int_equal(config_set_pairs(&c, bad_value, 3, &why), ERR_OK);
    assert_string_equal(c.requirepass, "secret");
    assert_int_equal(c.maxclients, 90);
    assert_int_equal(c.client_output_limits[0].soft_seconds, 3);
    config_deinit(&c);
}

/* --- on_change ----------------------------------------------------------- */

struct room {
    const struct config *config;
    const char          *refuses;  /* this option, */
    int                  refusals; /* so many times */
    const char          *says;
    char                 heard[256]; /* "name=timeout/maxclients " each */
};

static err_t room_on_change(void *arg, const char *name, struct err_text *why)
{
    struct room *room = arg;
    size_t       len = strlen(room->heard);

    (void)snprintf(room->heard + len, sizeof(room->heard) - len,
                   "%s=%d/%lld ", name, room->config->timeout,
                   (long long)room->config->maxclients);
    if (room->refusals > 0 && strcmp(name, room->refuses) == 0) {
        room->refusals--;
        return err_set(why, ERR_LIMIT, "%s", room->says);
    }
    return ERR_OK;
}

static void test_rooms_are_told(void **state)
{
    struct config   c = fresh();
    struct room     room = { .config = &c };
    struct err_text why;
    (void)state;

    config_on_change(&c, room_on_change, &room);
    const struct config_pair pairs[] = {
        { S("timeout"), S("5") },
        { S("hz"), S("10") }, /* as it was: nobody needs to know */
        { S("maxclients"), S("100") },
    };
    assert_int_equal(config_set_pairs(&c, pairs, 3, &why), ERR_OK);
    assert_string_equal(room.heard, "timeout=5/100 maxclients=5/100 ");

    room.heard[0] = 0;
    assert_int_equal(config_set_text(&c, S("timeout"), S("6"), 0, &why),
                     ERR_OK);
    assert_int_equal(config_set_text(&c, S("timeout"), S("7"),
                                     CONFIG_AT_START, &why),
                     ERR_OK);
    assert_string_equal(room.heard, "timeout=6/100 ");
    config_deinit(&c);
}

static void test_room_refuses(void **state)
{
    struct config   c = fresh();
    struct room     room = { .config = &c,
                             .refuses = "maxclients",
                             .refusals = 1,
                             .says = "too many" };
    struct err_text why;
    (void)state;

    config_on_change(&c, room_on_change, &room);
    const struct config_pair pairs[] = {
        { S("timeout"), S("5") },
        { S("requirepass"), S("") },
        { S("maxclients"), S("100") },
        { S("loglevel"), S("debug") },
    };
    assert_int_equal(config_set_pairs(&c, pairs, 4, &why), ERR_LIMIT);
    assert_string_equal(why.text, FAILED("maxclients", "too many"));
    /* timeout had been taken, and is told again with what it was. */
    assert_string_equal(room.heard,
                        "timeout=5/100 maxclients=5/100 timeout=0/10000 ");
    assert_int_equal(c.loglevel, LOG_NOTICE);

    room.refusals = 1;
    room.says = "";
    assert_string_equal(set(&c, "maxclients", "50"),
                        "ERR CONFIG SET failed (possibly related to argument "
                        "'maxclients')");
    assert_int_equal(c.maxclients, 10000);

    room.refusals = 1;
    room.says = "not now";
    assert_int_equal(config_set_text(&c, S("maxclients"), S("50"), 0, &why),
                     ERR_LIMIT);
    assert_string_equal(why.text, "not now");
    assert_int_equal(c.maxclients, 10000);
    assert_string_equal(set(&c, "maxclients", "50"), "");
    assert_int_equal(c.maxclients, 50);
    config_deinit(&c);
}

/* A room that breaks its word: the values are the old ones all the same. */
static err_t stubborn(void *arg, const char *name, struct err_text *why)
{
    int *calls = arg;
    (void)name;
    return ++*calls == 1 ? ERR_OK : err_set(why, ERR_IO, "no %d", *calls);
}

static void test_room_refuses_the_old_value(void **state)
{
    struct config   c = fresh();
    struct err_text why;
    int             calls = 0;
    (void)state;

    config_on_change(&c, stubborn, &calls);
    const struct config_pair pairs[] = {
        { S("timeout"), S("5") },
        { S("maxclients"), S("100") },
    };
    assert_int_equal(config_set_pairs(&c, pairs, 2, &why), ERR_IO);
    assert_string_equal(
        why.text,
        FAILED("maxclients", "the old timeout was refused too: no 3"));
    assert_int_equal(c.timeout, 0);
    assert_int_equal(c.maxclients, 10000);
    config_deinit(&c);
}

/* --- CONFIG GET ---------------------------------------------------------- */

static void test_get_patterns(void **state)
{
    static struct answers answers;
    struct config c = fresh();
    (void)state;

    assert_string_equal(get3(&c, &answers, "nosuch", "x*", NULL), "");
    assert_string_equal(get3(&c, &answers, "MAXCLIENTS", NULL, NULL),
                        "MAXCLIENTS=10000\n");
    assert_string_equal(get3(&c, &answers, "TCP-*", NULL, NULL),
                        "tcp-backlog=511\ntcp-keepalive=300\n");
    assert_string_equal(get3(&c, &answers, "hz", "h?", "[gh]z"), "hz=10\n");
    assert_string_equal(get3(&c, &answers, "h[^z]", NULL, NULL), "");
    get3(&c, &answers, "*", "port", "*");
    size_t all = answers.count;
    get3(&c, &answers, "*", NULL, NULL);
    assert_int_equal(answers.count, all);
    assert_true(all > config_option_count);
    config_deinit(&c);
}

static void test_get_of_redis(void **state)
{
    static struct answers answers;
    struct config c = fresh();
    (void)state;

    expect(&c, "save", "");
    expect(&c, "appendonly", "no");
    expect(&c, "maxmemory", "268435456");
    expect(&c, "maxmemory-policy", "noeviction");
    expect(&c, "replicaof", "");
    assert_string_equal(set(&c, "cache-max-memory", "64mb"), "");
    expect(&c, "maxmemory", "67108864");
    assert_string_equal(get3(&c, &answers, "slave-priority", "replica-priority",
                             "loadmodule"),
                        "replica-priority=100\nslave-priority=100\n");
    config_deinit(&c);
}

/* --- at the start -------------------------------------------------------- */

static void expect_nearest(const char *typed, const char *nearest)
{
    const struct config_option *option = config_option_nearest(S(typed));
    const char *name = option != NULL ? option->name : "(none)";
    assert_string_equal(name, nearest);
}

static void test_nearest_name(void **state)
{
    char long_name[200];
    (void)state;

    expect_nearest("prot", "port");
    expect_nearest("Port=6380", "port");
    expect_nearest("cache-max-memroy", "cache-max-memory");
    expect_nearest("cache_max_memory", "cache-max-memory");
    expect_nearest("max-clients", "maxclients");
    expect_nearest("flush-delay", "cache-flush-delay");
    expect_nearest("io-thread", "io-threads");
    expect_nearest("unix-socket", "unixsocket");
    expect_nearest("log-level", "loglevel");
    expect_nearest("completely-different", "(none)");
    expect_nearest("", "(none)");
    expect_nearest("=", "(none)");
    memset(long_name, 'p', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = 0;
    expect_nearest(long_name, "(none)");
}

static void test_names_at_start(void **state)
{
    struct config   c = fresh();
    struct err_text why;
    slice           one = S("1");
    (void)state;

    assert_int_equal(config_set_words(&c, S("prot"), &one, 1, &why),
                     ERR_NOT_FOUND);
    assert_string_equal(why.text,
                        "unknown option 'prot', did you mean 'port'?");
    assert_int_equal(config_set_words(&c, S("zzz"), &one, 1, &why),
                     ERR_NOT_FOUND);
    assert_string_equal(why.text, "unknown option 'zzz'");
    assert_int_equal(config_set_words(&c, S("ReplicaOf"), &one, 1, &why),
                     ERR_NOT_FOUND);
    assert_string_equal(
        why.text, "'replicaof' means nothing here: there is no replication yet");
    config_deinit(&c);
}

static void test_words(void **state)
{
    struct config   c = fresh();
    struct err_text why;
    static char     long_word[3000];
    (void)state;

    const slice addresses[] = { S("127.0.0.1"), S("-::1") };
    assert_int_equal(config_set_words(&c, S("bind"), addresses, 2, &why),
                     ERR_OK);
    assert_string_equal(c.bind, "127.0.0.1 -::1");
    assert_int_equal(config_set_words(&c, S("port"), addresses, 2, &why),
                     ERR_INVALID);
    assert_string_equal(why.text, "one value is expected, not 2 words");
    assert_int_equal(config_set_words(&c, S("port"), NULL, 0, &why),
                     ERR_INVALID);
    assert_string_equal(why.text, "a value is missing");

    const slice limit[] = { S("normal"), S("1mb"), S("2"), S("3") };
    assert_int_equal(config_set_words(&c, S("client-output-buffer-limit"),
                                      limit, 4, &why),
                     ERR_OK);
    assert_int_equal(c.client_output_limits[0].hard, MB);

    memset(long_word, 'a', sizeof(long_word));
    const slice too_long[] = { { long_word, sizeof(long_word) },
                               { long_word, sizeof(long_word) } };
    assert_int_equal(config_set_words(&c, S("bind"), too_long, 2, &why),
                     ERR_INVALID);
    assert_string_equal(why.text, "the value is too long");
    assert_string_equal(c.bind, "127.0.0.1 -::1");
    config_deinit(&c);
}

static void test_secrets(void **state)
{
    (void)state;
    assert_true(config_is_secret(S("RequirePass")));
    assert_false(config_is_secret(S("port")));
    assert_false(config_is_secret(S("nosuch")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_tables_are_sound),
        cmocka_unit_test(test_each_option_has_its_field),
        cmocka_unit_test(test_text_reads_back),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_zero_bytes_are_refused),
        cmocka_unit_test(test_longest_value),
        cmocka_unit_test(test_output_limits),
        cmocka_unit_test(test_set_refusals),
        cmocka_unit_test(test_set_is_all_or_none),
        cmocka_unit_test(test_rooms_are_told),
        cmocka_unit_test(test_room_refuses),
        cmocka_unit_test(test_room_refuses_the_old_value),
        cmocka_unit_test(test_get_patterns),
        cmocka_unit_test(test_get_of_redis),
        cmocka_unit_test(test_nearest_name),
        cmocka_unit_test(test_names_at_start),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
