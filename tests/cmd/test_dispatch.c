/* test_dispatch.c - the arity of every command, where its keys are, and how it
 * is found. The expectations are written out here once more, as Redis 7.2
 * documents them, so that a slip in the table is seen; a command that has no
 * line here fails the test. */
#include "base/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "cmd/command.h"

struct expected {
    const char *name; /* "container|sub" */
    int         arity;
    const char *keys; /* "": none; else what key_text draws */
};

/* keys: "1" first argument; "1-" all; "1-2" both; "1/2" every second one;
 * "2-" all but the subcommand. */
static const struct expected expectations[] = {
    { "append", 3, "1" },        { "auth", -2, "" },
    { "bgrewriteaof", 1, "" },   { "bgsave", -1, "" },
    { "cache", -2, "" },         { "cache|evict", -3, "2-" },
    { "cache|flush", 2, "" },    { "cache|help", 2, "" },
    { "cache|state", -3, "2-" }, { "cache|stats", 2, "" },
    { "client", -2, "" },        { "client|getname", 2, "" },
    { "client|help", 2, "" },    { "client|id", 2, "" },
    { "client|info", 2, "" },    { "client|kill", -3, "" },
    { "client|caching", 3, "" }, { "client|getredir", 2, "" },
    { "client|no-evict", 3, "" }, { "client|no-touch", 3, "" },
    { "client|pause", -3, "" },  { "client|reply", 3, "" },
    { "client|tracking", -3, "" }, { "client|trackinginfo", 2, "" },
    { "client|unblock", -3, "" }, { "client|unpause", 2, "" },
    { "client|list", -2, "" },   { "client|setinfo", 4, "" },
    { "client|setname", 3, "" }, { "command", -1, "" },
    { "command|count", 2, "" },  { "command|getkeys", -3, "" },
    { "command|help", 2, "" },   { "command|info", -2, "" },
    { "command|list", -2, "" },  { "config", -2, "" },
    { "config|get", -3, "" },    { "config|help", 2, "" },
    { "config|resetstat", 2, "" }, { "config|set", -4, "" },
    { "dbsize", 1, "" },         { "debug", -2, "" },
    { "debug|check", 2, "" },    { "debug|help", 2, "" },
    { "debug|sleep", 3, "" },    { "debug|store", -2, "" },
    { "decr", 2, "1" },          { "decrby", 3, "1" },
    { "del", -2, "1-" },         { "discard", 1, "" },
    { "echo", 2, "" },           { "exec", 1, "" },
    { "exists", -2, "1-" },      { "expire", -3, "1" },
    { "expireat", -3, "1" },     { "expiretime", 2, "1" },
    { "flushall", -1, "" },      { "flushdb", -1, "" },
    { "get", 2, "1" },           { "getdel", 2, "1" },
    { "getex", -2, "1" },        { "getrange", 4, "1" },
    { "getset", 3, "1" },        { "hello", -1, "" },
    { "incr", 2, "1" },          { "incrby", 3, "1" },
    { "incrbyfloat", 3, "1" },   { "info", -1, "" },
    { "lastsave", 1, "" },       { "mget", -2, "1-" },
    { "mset", -3, "1/2" },       { "msetnx", -3, "1/2" },
    { "multi", 1, "" },
    { "persist", 2, "1" },       { "pexpire", -3, "1" },
    { "pexpireat", -3, "1" },    { "pexpiretime", 2, "1" },
    { "ping", -1, "" },          { "psetex", 4, "1" },
    { "pttl", 2, "1" },          { "quit", -1, "" },
    { "rename", 3, "1-2" },      { "renamenx", 3, "1-2" },
    { "reset", 1, "" },          { "save", 1, "" },
    { "select", 2, "" },         { "set", -3, "1" },
    { "setex", 4, "1" },         { "setnx", 3, "1" },
    { "setrange", 4, "1" },      { "shutdown", -1, "" },
    { "strlen", 2, "1" },        { "time", 1, "" },
    { "touch", -2, "1-" },       { "ttl", 2, "1" },
    { "type", 2, "1" },          { "unlink", -2, "1-" },
    { "unwatch", 1, "" },        { "watch", -2, "1-" },
};

#define EXPECTATIONS (sizeof(expectations) / sizeof(expectations[0]))
#define ARGS_MAX     12

static const struct expected *expected_of(const char *name)
{
    for (size_t i = 0; i < EXPECTATIONS; i++)
        if (strcmp(expectations[i].name, name) == 0)
            return &expectations[i];
    fail_msg("%s has no line in this test", name);
    return NULL;
}

/* Calls check for each command and subcommand; returns how many. */
static size_t each_command(void (*check)(const struct command *command,
                                         const char *name))
{
    size_t count = 0;
    char   name[64];
    for (const struct command *c = command_table; c->name != NULL; c++) {
        check(c, c->name);
        count++;
        for (const struct command *s = c->subcommands; s && s->name; s++) {
            snprintf(name, sizeof(name), "%s|%s", c->name, s->name);
            check(s, name);
            count++;
        }
    }
    return count;
}

static void check_arity(const struct command *command, const char *name)
{
    const struct expected *expected = expected_of(name);
    assert_int_equal(command->arity, expected->arity);
    for (size_t argc = 1; argc <= ARGS_MAX; argc++) {
        bool fits = expected->arity > 0 ? argc == (size_t)expected->arity
                                        : argc >= (size_t)-expected->arity;
        assert_int_equal(command_arity_ok(command, argc), fits);
    }
}

static void every_arity_is_as_documented(void **state)
{
    (void)state;
    assert_int_equal(each_command(check_arity), EXPECTATIONS);
}

/* Is argument i of argc a key? */
static bool is_key(const char *keys, size_t i, size_t argc)
{
    if (strcmp(keys, "1") == 0)
        return i == 1;
    if (strcmp(keys, "1-") == 0)
        return i >= 1 && i < argc;
    if (strcmp(keys, "1-2") == 0)
        return i == 1 || i == 2;
    if (strcmp(keys, "1/2") == 0)
        return i % 2 == 1 && i < argc;
    if (strcmp(keys, "2-") == 0)
        return i >= 2 && i < argc;
    assert_string_equal(keys, "");
    return false;
}

static void check_keys(const struct command *command, const char *name)
{
    const struct expected *expected = expected_of(name);
    slice                  argv[ARGS_MAX];
    size_t                 found[ARGS_MAX + 1];
    for (size_t i = 0; i < ARGS_MAX; i++)
        argv[i] = SLICE_LITERAL("x");
    for (size_t argc = 1; argc <= ARGS_MAX; argc++) {
        if (!command_arity_ok(command, argc))
            continue;
        size_t count = command_key_positions(command, argv, argc, found);
        size_t at = 0;
        for (size_t i = 0; i < argc; i++)
            if (is_key(expected->keys, i, argc)) {
                assert_true(at < count);
                assert_int_equal(found[at++], i);
            }
        assert_int_equal(at, count);
        assert_true(count > 0 || expected->keys[0] == '\0');
    }
}

static void the_keys_of_every_command_are_found(void **state)
{
    (void)state;
    each_command(check_keys);
}

/* What the table says of one command goes together. */
static void check_line(const struct command *command, const char *name)
{
    bool has_keys = command->keys.first != 0;
    (void)name;
    assert_true(command->handler != NULL || command->subcommands != NULL);
    assert_false((command->flags & CMD_WRITE) &&
                 (command->flags & CMD_READONLY));
    if (command->flags & CMD_DENYOOM)
        assert_true(command->flags & CMD_WRITE);
    if (has_keys) {
        assert_true(command->keys.step > 0);
        /* The shortest call has its first key. */
        assert_true(abs(command->arity) > command->keys.first);
    } else {
        assert_int_equal(command->need, DB_NEED_NONE);
        assert_null(command->need_of);
        assert_null(command->grow_of);
    }
    for (const char *c = command->name; *c != '\0'; c++)
        assert_true(*c >= 'a' && *c <= 'z');
}

static void every_line_is_consistent(void **state)
{
    (void)state;
    each_command(check_line);
}

static void commands_are_found_in_either_case(void **state)
{
    struct server server = { .config = NULL };
    slice         one[] = { SLICE_LITERAL("gEt") };
    slice         sub[] = { SLICE_LITERAL("CLIENT"), SLICE_LITERAL("SetName") };
    slice         bad[] = { SLICE_LITERAL("client"), SLICE_LITERAL("nope") };
    slice         none[] = { SLICE_LITERAL("get ") };

    (void)state;
    dispatch_init(&server);
    assert_string_equal(command_find(&server, one, 1)->name, "get");
    assert_string_equal(command_find(&server, sub, 2)->name, "setname");
    assert_string_equal(command_find(&server, sub, 1)->name, "client");
    assert_null(command_find(&server, bad, 2));
    assert_null(command_find(&server, none, 1));
    none[0] = SLICE_EMPTY;
    assert_null(command_find(&server, none, 1));
    for (size_t i = 0; i < EXPECTATIONS; i++) {
        const struct command *command = command_find_name(
            &server, slice_from_string(expectations[i].name));
        const char *bar = strchr(expectations[i].name, '|');
        assert_non_null(command);
        assert_string_equal(command->name,
                            bar != NULL ? bar + 1 : expectations[i].name);
    }
    assert_null(command_find_name(&server, SLICE_LITERAL("get|x")));
    assert_null(command_find_name(&server, SLICE_LITERAL("nope|get")));
    assert_null(command_find_name(&server, SLICE_LITERAL("client|")));
    dispatch_deinit(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_arity_is_as_documented),
        cmocka_unit_test(the_keys_of_every_command_are_found),
        cmocka_unit_test(every_line_is_consistent),
        cmocka_unit_test(commands_are_found_in_either_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
