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

/* keys: "1" first argument; "1-" all; "1-!" all but the last; "1-2" both; "1/2" every second one;
 * "2" the one after the subcommand; "2-" all of these. */
static const struct expected expectations[] = {
    { "append", 3, "1" },        { "auth", -2, "" },
    { "blmove", 6, "1-2" },      { "blmpop", -5, "" },
    { "blpop", -3, "1-!" },      { "brpop", -3, "1-!" },
    { "brpoplpush", 4, "1-2" },  { "bzmpop", -5, "" },
    { "bzpopmax", -3, "1-!" },   { "bzpopmin", -3, "1-!" },
    { "bgrewriteaof", 1, "" },   { "bgsave", -1, "" },
    { "cache", -2, "" },         { "cache|evict", -3, "2-" },
    { "cache|flush", 2, "" },    { "cache|help", 2, "" },
    { "cache|state", -3, "2-" }, { "cache|stats", 2, "" },
    { "cache|warm", -3, "2-" },  { "debug|warm-save", 2, "" },
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
    { "command|docs", -2, "" },  { "command|getkeysandflags", -3, "" },
    { "config|rewrite", 2, "" },
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
    { "hdel", -3, "1" },         { "hexists", 3, "1" },
    { "hget", 3, "1" },          { "hgetall", 2, "1" },
    { "hincrby", 4, "1" },       { "hincrbyfloat", 4, "1" },
    { "hkeys", 2, "1" },         { "hlen", 2, "1" },
    { "hmget", -3, "1" },        { "hmset", -4, "1" },
    { "hrandfield", -2, "1" },   { "hscan", -3, "1" },
    { "hset", -4, "1" },         { "hsetnx", 4, "1" },
    { "hstrlen", 3, "1" },       { "hvals", 2, "1" },
    { "sscan", -3, "1" },        { "zscan", -3, "1" },
    { "lastsave", 1, "" },       { "mget", -2, "1-" },
    { "latency", -2, "" },       { "latency|doctor", 2, "" },
    { "latency|graph", 3, "" },  { "latency|help", 2, "" },
    { "latency|histogram", -2, "" }, { "latency|history", 3, "" },
    { "latency|latest", 2, "" }, { "latency|reset", -2, "" },
    { "monitor", 1, "" },
    { "mset", -3, "1/2" },       { "msetnx", -3, "1/2" },
    { "multi", 1, "" },
    { "persist", 2, "1" },       { "pexpire", -3, "1" },
    { "pexpireat", -3, "1" },    { "pexpiretime", 2, "1" },
    { "ping", -1, "" },          { "psetex", 4, "1" },
    { "pttl", 2, "1" },          { "quit", -1, "" },
    { "keys", 2, "" },           { "randomkey", 1, "" },
    { "scan", -2, "" },
    { "rename", 3, "1-2" },      { "renamenx", 3, "1-2" },
    { "reset", 1, "" },          { "save", 1, "" },
    { "select", 2, "" },         { "set", -3, "1" },
    { "setex", 4, "1" },         { "setnx", 3, "1" },
    { "setrange", 4, "1" },      { "shutdown", -1, "" },
    { "slowlog", -2, "" },       { "slowlog|get", -2, "" },
    { "slowlog|help", 2, "" },   { "slowlog|len", 2, "" },
    { "slowlog|reset", 2, "" },
    { "sort", -2, "1" },         { "sort_ro", -2, "1" },
    { "strlen", 2, "1" },        { "time", 1, "" },
    { "psubscribe", -2, "" },    { "publish", 3, "" },
    { "pubsub", -2, "" },        { "pubsub|channels", -2, "" },
    { "pubsub|help", 2, "" },    { "pubsub|numpat", 2, "" },
    { "pubsub|numsub", -2, "" }, { "pubsub|shardchannels", -2, "" },
    { "pubsub|shardnumsub", -2, "" }, { "punsubscribe", -1, "" },
    { "spublish", 3, "1" },      { "ssubscribe", -2, "1-" },
    { "subscribe", -2, "" },     { "sunsubscribe", -1, "1-" },
    { "unsubscribe", -1, "" },
    { "touch", -2, "1-" },       { "ttl", 2, "1" },
    { "type", 2, "1" },          { "unlink", -2, "1-" },
    { "unwatch", 1, "" },        { "watch", -2, "1-" },
    { "acl", -2, "" }, { "acl|cat", -2, "" },
    { "acl|dryrun", -4, "" }, { "acl|genpass", -2, "" },
    { "acl|getuser", 3, "" }, { "acl|help", 2, "" },
    { "acl|list", 2, "" }, { "acl|users", 2, "" },
    { "acl|whoami", 2, "" }, { "copy", -3, "1-2" },
    { "dump", 2, "1" }, { "restore", -4, "1" },
    { "debug|change-repl-id", 2, "" }, { "debug|dict-resizing", 3, "" },
    { "debug|error", 3, "" }, { "debug|loadaof", 2, "" },
    { "debug|log", 3, "" }, { "debug|object", 3, "2" },
    { "debug|protocol", 3, "" }, { "debug|reload", -2, "" },
    { "debug|set-active-expire", 3, "" }, { "failover", -1, "" },
    { "lindex", 3, "1" },        { "linsert", 5, "1" },
    { "llen", 2, "1" },          { "lmove", 5, "1-2" },
    { "lmpop", -4, "" },         { "lpop", -2, "1" },
    { "lpos", -3, "1" },         { "lpush", -3, "1" },
    { "lpushx", -3, "1" },       { "lrange", 4, "1" },
    { "lrem", 4, "1" },          { "lset", 4, "1" },
    { "ltrim", 4, "1" },         { "rpop", -2, "1" },
    { "rpoplpush", 3, "1-2" },   { "rpush", -3, "1" },
    { "rpushx", -3, "1" },
    { "lcs", -3, "1-2" }, { "lolwut", -1, "" },
    { "memory", -2, "" }, { "memory|doctor", 2, "" },
    { "memory|help", 2, "" }, { "memory|malloc-stats", 2, "" },
    { "memory|purge", 2, "" }, { "memory|stats", 2, "" },
    { "memory|usage", -3, "2" }, { "move", 3, "1" },
    { "object", -2, "" }, { "object|encoding", 3, "2" },
    { "object|freq", 3, "2" }, { "object|help", 2, "" },
    { "object|idletime", 3, "2" }, { "object|refcount", 3, "2" },
    { "replicaof", 3, "" }, { "role", 1, "" },
    { "slaveof", 3, "" }, { "substr", 4, "1" },
    { "swapdb", 3, "" }, { "wait", 3, "" },
    { "waitaof", 4, "" },
    { "eval", -3, "" },          { "evalsha", -3, "" },
    { "evalsha_ro", -3, "" },    { "eval_ro", -3, "" },
    { "script", -2, "" },        { "script|debug", 3, "" },
    { "script|exists", -3, "" }, { "script|flush", -2, "" },
    { "script|help", 2, "" },    { "script|kill", 2, "" },
    { "script|load", 3, "" },
    { "sadd", -3, "1" }, { "scard", 2, "1" },
    { "sdiff", -2, "1-" }, { "sdiffstore", -3, "1-" },
    { "sinter", -2, "1-" }, { "sintercard", -3, "" },
    { "sinterstore", -3, "1-" }, { "sismember", 3, "1" },
    { "smembers", 2, "1" }, { "smismember", -3, "1" },
    { "smove", 4, "1-2" }, { "spop", -2, "1" },
    { "srandmember", -2, "1" }, { "srem", -3, "1" },
    { "sunion", -2, "1-" }, { "sunionstore", -3, "1-" },
    { "zdiff", -3, "" }, { "zdiffstore", -4, "1" },
    { "zinter", -3, "" }, { "zintercard", -3, "" },
    { "zinterstore", -4, "1" }, { "zunion", -3, "" },
    { "zunionstore", -4, "1" },
    { "zadd", -4, "1" }, { "zcard", 2, "1" },
    { "zcount", 4, "1" }, { "zincrby", 4, "1" },
    { "zlexcount", 4, "1" }, { "zmpop", -4, "" },
    { "zmscore", -3, "1" }, { "zpopmax", -2, "1" },
    { "zpopmin", -2, "1" }, { "zrandmember", -2, "1" },
    { "zrange", -4, "1" }, { "zrangebylex", -4, "1" },
    { "zrangebyscore", -4, "1" }, { "zrangestore", -5, "1-2" },
    { "zrank", -3, "1" }, { "zrem", -3, "1" },
    { "zremrangebylex", 4, "1" }, { "zremrangebyrank", 4, "1" },
    { "zremrangebyscore", 4, "1" }, { "zrevrange", -4, "1" },
    { "zrevrangebylex", -4, "1" }, { "zrevrangebyscore", -4, "1" },
    { "zrevrank", -3, "1" }, { "zscore", 3, "1" },
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
    if (strcmp(keys, "1-!") == 0)
        return i >= 1 && i + 1 < argc;
    if (strcmp(keys, "1-2") == 0)
        return i == 1 || i == 2;
    if (strcmp(keys, "1/2") == 0)
        return i % 2 == 1 && i < argc;
    if (strcmp(keys, "2") == 0)
        return i == 2;
    if (strcmp(keys, "2-") == 0)
        return i >= 2 && i < argc;
    assert_string_equal(keys, "");
    return false;
}

/* Shard channels stand like keys; SUNSUBSCRIBE may do without. */
static bool has_channels(const struct command *command)
{
    return (command->flags & CMD_PUBSUB) != 0;
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
        assert_true(count > 0 || expected->keys[0] == '\0' ||
                    has_channels(command));
    }
}

static void the_keys_of_every_command_are_found(void **state)
{
    (void)state;
    each_command(check_keys);
}

struct numbered {
    const char *line;
    size_t      count;
    size_t      keys[4];
};

/* A number that makes no sense names no keys. */
static void keys_are_counted_by_the_number_before_them(void **state)
{
    static const struct numbered lines[] = {
        { "zunion 2 a b", 2, { 2, 3 } },
        { "zunion 1 a withscores", 1, { 2 } },
        { "zunion 0 a", 0, { 0 } },
        { "zunion -1 a", 0, { 0 } },
        { "zunion 2 a", 0, { 0 } },
        { "zunion 9223372036854775807 a", 0, { 0 } },
        { "zunion 1x a", 0, { 0 } },
        { "eval text 2 a b c", 2, { 3, 4 } },
        { "eval text 0 a", 0, { 0 } },
        { "zunionstore d 2 a b", 3, { 1, 3, 4 } },
        { "zunionstore d 3 a b", 1, { 1 } },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char   copy[80];
        slice  argv[8];
        size_t argc = 0, found[8];
        (void)snprintf(copy, sizeof(copy), "%s", lines[i].line);
        for (char *word = strtok(copy, " "); word != NULL;
             word = strtok(NULL, " "))
            argv[argc++] = slice_from_string(word);
        const struct command *command = command_table;
        while (!slice_equal(argv[0], slice_from_string(command->name)))
            command++;
        size_t count = command_key_positions(command, argv, argc, found);
        assert_int_equal(count, lines[i].count);
        for (size_t k = 0; k < count; k++)
            assert_int_equal(found[k], lines[i].keys[k]);
    }
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
        assert_true(abs(command->arity) > command->keys.first ||
                    has_channels(command));
    } else if (!command_has_keys(command)) {
        assert_int_equal(command->need, DB_NEED_NONE);
        assert_null(command->need_of);
        assert_null(command->grow_of);
    }
    for (const char *c = command->name; *c != '\0'; c++)
        assert_true((*c >= 'a' && *c <= 'z') || *c == '-' || *c == '_');
}

static void every_line_is_consistent(void **state)
{
    (void)state;
    each_command(check_line);
}

static void commands_are_found_in_either_case(void **state)
{
    struct config config;
    struct server server = { .config = &config };
    slice         one[] = { SLICE_LITERAL("gEt") };
    slice         sub[] = { SLICE_LITERAL("CLIENT"), SLICE_LITERAL("SetName") };
    slice         bad[] = { SLICE_LITERAL("client"), SLICE_LITERAL("nope") };
    slice         none[] = { SLICE_LITERAL("get ") };

    (void)state;
    config_init_defaults(&config);
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
    config_deinit(&config);
}

static err_t rename_one(struct config *config, const char *from, const char *to,
                        struct err_text *why)
{
    err_t err = config_add_rename(config, slice_from_string(from),
                                  slice_from_string(to), why);
    return err ? err : command_check_renames(config, why);
}

static const struct command *find(const struct server *server,
                                  const char          *name)
{
    return command_find_name(server, slice_from_string(name));
}

static void renamed_commands_are_found_by_the_new_name(void **state)
{
    struct config   config;
    struct server   server = { .config = &config };
    struct err_text why;
    (void)state;

    config_init_defaults(&config);
    assert_int_equal(rename_one(&config, "get", "FETCH", &why), ERR_OK);
    assert_int_equal(rename_one(&config, "Client", "cl", &why), ERR_OK);
    assert_int_equal(rename_one(&config, "save", "", &why), ERR_OK);
    assert_int_equal(rename_one(&config, "fetch", "look", &why), ERR_OK);
    assert_int_equal(rename_one(&config, "set", "get", &why), ERR_OK);
    lookup_init(&server);
    assert_string_equal(find(&server, "LOOK")->name, "get");
    assert_null(find(&server, "fetch"));
    assert_string_equal(find(&server, "get")->name, "set");
    assert_null(find(&server, "set"));
    assert_string_equal(find(&server, "Cl|Id")->name, "id");
    assert_null(find(&server, "client|id"));
    assert_null(find(&server, "save"));
    assert_null(find(&server, ""));
    for (const struct command *c = command_table; c->name != NULL; c++)
        assert_true(command_is_gone(&server, c) ==
                    (strcmp(c->name, "save") == 0));
    lookup_deinit(&server);
    config_deinit(&config);
}

static void wrong_renames_are_refused(void **state)
{
    static const struct {
        const char *from, *to, *why;
    } wrong[] = {
        { "nosuch", "x", "there is no command 'nosuch'" },
        { "", "x", "there is no command ''" },
        { "client|id", "x", "there is no command 'client|id'" },
        { "get", "SET", "there is a command 'set' already" },
        { "get", "get", "there is a command 'get' already" },
    };
    (void)state;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct config   config;
        struct err_text why;
        config_init_defaults(&config);
        assert_int_equal(rename_one(&config, wrong[i].from, wrong[i].to, &why),
                         ERR_INVALID);
        assert_string_equal(why.text, wrong[i].why);
        config_deinit(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_arity_is_as_documented),
        cmocka_unit_test(the_keys_of_every_command_are_found),
        cmocka_unit_test(keys_are_counted_by_the_number_before_them),
        cmocka_unit_test(every_line_is_consistent),
        cmocka_unit_test(commands_are_found_in_either_case),
        cmocka_unit_test(renamed_commands_are_found_by_the_new_name),
        cmocka_unit_test(wrong_renames_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
