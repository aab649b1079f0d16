/* test_engine.c - the sandbox, memory that ends, the cache, the end of a
 * script that won't. What Redis answers is compared in tests/py. */
#include "engine_test.h"

static void nothing_stays_from_one_script_to_the_next(void **state)
{
    static const char *const attempts[] = {
        "x = 1", "_G.x = 1", "rawset(_G, 'x', 1)", "string.x = 1",
        "string.rep = nil", "redis.call = nil", "table.insert(_G, 1)",
        "table.setn(math, 1)",
        "setmetatable(_G, {})", "setmetatable(math, nil)",
        "getmetatable(_G).__index = nil", "getmetatable('').__index = nil",
        "getmetatable('').__index.rep = nil", "KEYS = 1",
        "for k in pairs(_G) do rawset(_G, k, nil) end",
        "loadstring('x = 1')()", "coroutine.wrap(function() x = 1 end)()",
        "getmetatable(getmetatable('')).__newindex = nil",
    };
    struct fix fix;
    (void)state;
    fix_init(&fix);
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
        assert_int_equal(fix_run(&fix, attempts[i])[0], '-');
    fix_says(&fix, "table.remove(string) table.sort(_G)", "$-1\r\n");
    fix_tells(&fix, "return x", "nonexistent global variable 'x'");
    fix_says(&fix, "return {('a'):rep(2), redis.call('x'), math.abs(-1)}",
             "*3\r\n$2\r\naa\r\n+OK\r\n:1\r\n");
    fix_deinit(&fix);
}

static void what_is_read_only_can_be_read(void **state)
{
    static const char *const scripts[] = {
        "local n = 0 for k, v in pairs(string) do n = n + 1 end return n > 10",
        "local n = 0 for k, v in next, _G do n = n + 1 end return n > 10",
        "local n = 0 table.foreach(math, function() n = n + 1 end) "
        "return n > 10",
        "return rawget(string, 'rep') == string.rep",
        "return next(redis) ~= nil and type(redis) == 'table'",
        "return _G._G == _G and _G.string == string",
        "return getmetatable(string) == nil",
        "return getmetatable('').__index == string",
        "return rawget(_G, 'nonsense') == nil",
        "return getmetatable(setmetatable({}, {__metatable = 'x'})) == 'x'",
        "return setmetatable({}, {__index = {a = 1}}).a == 1",
        "local t = {} rawset(t, 'a', 1) table.insert(t, 2) "
        "return t.a == 1 and t[1] == 2 and next(t) ~= nil",
        "return os.clock() >= 0 and os.time == nil",
    };
    struct fix fix;
    (void)state;
    fix_init(&fix);
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
        fix_says(&fix, scripts[i], ":1\r\n");
    fix_deinit(&fix);
}

static void memory_is_charged_and_bounded(void **state)
{
    static const char *const bombs[] = {
        "local t = {} for i = 1, 1e9 do t[i] = {} end",
        "local s = 'x' while true do s = s .. s end",
        "return string.rep('x', 1e9)",
        "return loadstring('return {' .. string.rep('{},', 1e6) .. '}')()",
        "local t = {} for i = 1, 40 do t = {t, t} end return cjson.encode(t)",
        "return cjson.decode('[' .. string.rep('{},', 1e5) .. '{}]')",
        "local t = {} for i = 1, 1e9 do t[i] = coroutine.create(function() "
        "end) end",
    };
    struct fix            fix;
    struct script_figures is;
    (void)state;
    fix_init(&fix);
    for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
        fix_tells(&fix, bombs[i], "memory");
        script_figures(fix.engine, &is);
        assert_true(is.lua_bytes < (size_t)1 << 20);
        assert_true(fix.mem.total_bytes >= is.lua_bytes);
        assert_true(fix.mem.total_bytes < is.lua_bytes + ((size_t)1 << 20));
    }
    fix_says(&fix, "return #string.rep('x', 1e6)", ":1000000\r\n");
    /* No room, though the limit is not reached. */
    fix.room = (size_t)1 << 20;
    fix_tells(&fix, bombs[0], "not enough memory");
    fix.room = 0;
    fix_tells(&fix, "return #string.rep('x', 1e6)", "not enough memory");
    fix.room = SIZE_MAX;
    fix_says(&fix, "return #string.rep('x', 1e6)", ":1000000\r\n");
    fix_deinit(&fix);
}

/* Each allocation of a run is refused once. */
static void any_allocation_may_fail(void **state)
{
    static const char *const body =
        "local t = {} for i = 1, 300 do t[i] = {i .. 'x', redis.call('x', i)} "
        "end local f = loadstring('return ...') "
        "t.json = cjson.encode({t[1], cjson.decode('[1,{\"a\":2}]')}) "
        "coroutine.wrap(function() t.x = f end)() "
        "return {t[1][1], redis.sha1hex('x'), {map = {a = t[2]}}}";
    struct fix fix;
    (void)state;
    fix_init(&fix);
    for (size_t room = 0; room < 400000; room += 4096) {
        fix.room = room;
        const char *reply = fix_run(&fix, body);
        assert_true(reply[0] == '*' || strstr(reply, "not enough memory"));
        fix.room = SIZE_MAX;
        assert_int_equal(fix_run(&fix, body)[0], '*');
        script_flush(fix.engine);
    }
    fix_deinit(&fix);
}

static void a_reply_is_bounded(void **state)
{
    struct fix fix;
    (void)state;
    fix_init(&fix);
    fix_tells(&fix, "local s, t = string.rep('x', 1e5), {} for i = 1, 1e4 do "
                    "t[i] = s end return t", "-OOM");
    fix_tells(&fix, "local s, t = string.rep('x', 1e5), {} for i = 1, 1e4 do "
                    "t[i] = s end return {map = {a = {set = t}, b = t}}",
              "-OOM");
    assert_true(fix.reply.len < 200);
    fix_deinit(&fix);
}

static void a_script_can_be_ended(void **state)
{
    static const char *const loops[] = {
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local f f = function() return f() end f()",
        "while true do coroutine.wrap(function() while true do end end)() end",
        "while true do pcall(coroutine.wrap(function() while true do end end)) "
        "end",
        "xpcall(function() while true do end end, function() while true do end "
        "end)",
        "table.sort({3, 2, 1}, function() while true do end end)",
        "error(setmetatable({}, {__newindex = function() while true do end "
        "end}))",
        "xpcall(error, function() while true do end end)",
    };
    struct fix fix;
    (void)state;
    fix_init(&fix);
    for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
        fix.ticks = 0;
        fix.kill_at = 5;
        fix_tells(&fix, loops[i], "Script killed by user");
        assert_true(fix.ticks >= 5);
        fix.kill_at = 0;
        fix_says(&fix, "local n = 0 for i = 1, 1e5 do n = n + 1 end return n",
                 ":100000\r\n");
    }
    fix_deinit(&fix);
}

/* When a script is over no tick comes any more. */
static void what_is_left_behind_runs_no_code(void **state)
{
    struct fix fix;
    (void)state;
    fix_init(&fix);
    const char *loop = "{__index = function() while true do end end, "
                       "__tostring = function() while true do end end}";
    char body[512];
    snprintf(body, sizeof(body),
             "return setmetatable({1, 2}, %s)", loop);
    fix_says(&fix, body, "*2\r\n:1\r\n:2\r\n");
    snprintf(body, sizeof(body),
             "error(setmetatable({err = 'ERR mine'}, %s))", loop);
    fix_tells(&fix, body, "-ERR mine script: ");
    snprintf(body, sizeof(body), "error(setmetatable({}, %s))", loop);
    fix_tells(&fix, body, "-ERR unknown error");
    fix_deinit(&fix);
}

/* --- the cache ----------------------------------------------------------- */

static struct script *load(struct fix *fix, unsigned number, bool keep,
                           char sha[SHA1_HEX_CHARS + 1])
{
    char body[4096];
    int  len = snprintf(body, sizeof(body), "return '%u%03000d'", number, 0);
    sha1_hex(slice_make(body, (size_t)len), sha);
    reply_clear(&fix->reply, 0);
    return script_load(fix->engine, slice_make(body, (size_t)len), keep,
                       &fix->reply);
}

static bool is_cached(struct fix *fix, const char *sha)
{
    return script_find(fix->engine, slice_make(sha, SHA1_HEX_CHARS)) != NULL;
}

static void the_oldest_of_eval_go_first(void **state)
{
    struct fix            fix;
    struct script_figures is;
    char sha[40][SHA1_HEX_CHARS + 1];
    (void)state;
    fix_init(&fix);
    script_set_limits(fix.engine, (size_t)4 << 20, 100000);
    assert_non_null(load(&fix, 0, true, sha[0]));
    for (unsigned i = 1; i < 40; i++)
        assert_non_null(load(&fix, i, false, sha[i]));
    script_figures(fix.engine, &is);
    assert_true(is_cached(&fix, sha[0]));
    assert_false(is_cached(&fix, sha[1]));
    assert_true(is_cached(&fix, sha[39]));
    assert_int_equal(is.script_count + is.evicted, 40);
    assert_true(is.cache_bytes < 100000 && is.cache_bytes > 30000);
    /* Loaded ones fill it: then LOAD is refused, EVAL is not. */
    unsigned kept = 100;
    while (load(&fix, kept, true, sha[1]) != NULL)
        kept++;
    assert_in_range(kept, 105, 135);
    assert_memory_equal(fix.reply.data, "-OOM", 4);
    assert_false(is_cached(&fix, sha[39]));
    assert_non_null(load(&fix, 200, false, sha[2]));
    assert_non_null(load(&fix, 201, false, sha[3]));
    assert_false(is_cached(&fix, sha[2]));
    /* One of EVAL that is loaded stays from then on. */
    script_flush(fix.engine);
    script_figures(fix.engine, &is);
    assert_int_equal(is.script_count, 0);
    assert_int_equal(is.cache_bytes, 0);
    assert_non_null(load(&fix, 1, false, sha[1]));
    assert_non_null(load(&fix, 1, true, sha[1]));
    for (unsigned i = 2; i < 40; i++)
        assert_non_null(load(&fix, i, false, sha[i]));
    assert_true(is_cached(&fix, sha[1]));
    fix_deinit(&fix);
}

static void shebangs(void **state)
{
    static const struct {
        const char *body;
        unsigned    flags;
        const char *error;
    } cases[] = {
        { "return 1", SCRIPT_PLAIN, NULL },
        { "#!lua\n", 0, NULL },
        { "#!lua flags=\n", 0, NULL },
        { "#!lua flags=no-writes\n", SCRIPT_NO_WRITES, NULL },
        { "#!lua  flags=allow-oom,allow-stale \tflags=no-cluster\n",
          SCRIPT_ALLOW_OOM | SCRIPT_ALLOW_STALE | SCRIPT_NO_CLUSTER, NULL },
        { "#!lua flags=allow-cross-slot-keys\r\n", SCRIPT_CROSS_SLOT, NULL },
        { "#!", 0, "Invalid script shebang" },
        { "#!lua", 0, "Invalid script shebang" },
        { "#!lu\n", 0, "Unexpected engine in script shebang: #!lu" },
        { "#!lua flags=no-writes,\n", 0,
          "Unexpected flag in script shebang: " },
        { "#!lua flags=x\n", 0, "Unexpected flag in script shebang: x" },
        { "#!lua x\n", 0, "Unknown lua shebang option: x" },
    };
    struct fix fix;
    (void)state;
    fix_init(&fix);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reply_clear(&fix.reply, 0);
        struct script *script =
            script_load(fix.engine, slice_from_string(cases[i].body), false,
                        &fix.reply);
        reply_raw(&fix.reply, slice_make("", 1));
        if (cases[i].error != NULL) {
            assert_null(script);
            assert_non_null(strstr(fix.reply.data, cases[i].error));
        } else {
            assert_non_null(script);
            assert_int_equal(script_flags(script), cases[i].flags);
        }
    }
    fix_tells(&fix, "#!lua\n\nerror('x')", "user_script:3: x");
    fix_deinit(&fix);
}

static void random_numbers_are_those_of_drand48(void **state)
{
    struct fix fix;
    (void)state;
    fix_init(&fix);
    fix_says(&fix, "return {math.random(1e6), math.random(1e6)}",
             "*2\r\n:396465\r\n:840486\r\n");
    fix_says(&fix, "return {math.random(1e6), math.random(1e6)}",
             "*2\r\n:353337\r\n:446584\r\n");
    fix_says(&fix, "math.randomseed(0) return {math.random(1e6), "
                   "math.random(1e6)}",
             "*2\r\n:170829\r\n:749902\r\n");
    fix_says(&fix, "return math.random(7, 7)", ":7\r\n");
    fix_deinit(&fix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_stays_from_one_script_to_the_next),
        cmocka_unit_test(what_is_read_only_can_be_read),
        cmocka_unit_test(memory_is_charged_and_bounded),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(a_reply_is_bounded),
        cmocka_unit_test(a_script_can_be_ended),
        cmocka_unit_test(what_is_left_behind_runs_no_code),
        cmocka_unit_test(the_oldest_of_eval_go_first),
        cmocka_unit_test(shebangs),
        cmocka_unit_test(random_numbers_are_those_of_drand48),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
