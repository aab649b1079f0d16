/* lib_redis.c - the table redis: commands, replies, the log.
 *
 * redis.call may leave by an error at any place where Lua allocates; so all
 * that it needs for longer (words, numbers as text, the reply) belongs to the
 * engine and is used again by the next call. */
#include "script/internal.h"

#include <stdio.h>

#include "base/num.h"

/* --- errors -------------------------------------------------------------- */

void lib_push_error(lua_State *lua, slice text, bool counted)
{
    lua_createtable(lua, 0, 2);
    lua_pushlstring(lua, text.data, text.len);
    lua_setfield(lua, -2, "err");
    if (!counted)
        return;
    lua_pushboolean(lua, 1);
    lua_setfield(lua, -2, "ignore_error_stats_update");
}

/* Raises it as redis.call raises errors: where, the handler says. */
static int raise(lua_State *lua, const char *text)
{
    lib_push_error(lua, slice_from_string(text), false);
    return lua_error(lua);
}

/* --- redis.call ---------------------------------------------------------- */

static void reserve_words(struct script_engine *engine, size_t count)
{
    if (count <= engine->argv_capacity)
        return;
    engine->argv = mem_realloc(engine->argv, count * sizeof(*engine->argv));
    engine->numbers = mem_realloc(engine->numbers, count * NUM_DOUBLE_CHARS);
    engine->argv_capacity = count;
}

/* Integers as such, so that no command gets 1e+06. */
static slice number_text(lua_Number number, char *out)
{
    return slice_make(out, num_format_double(number, out, NUM_DOUBLE_CHARS));
}

/* The words stand in engine->argv, and live in Lua's stack. */
static bool read_words(struct script_engine *engine, lua_State *lua,
                       size_t count)
{
    reserve_words(engine, count);
    for (size_t i = 0; i < count; i++) {
        int index = (int)i + 1, type = lua_type(lua, index);
        if (type == LUA_TNUMBER) {
            engine->argv[i] =
                number_text(lua_tonumber(lua, index),
                            engine->numbers + i * NUM_DOUBLE_CHARS);
        } else if (type == LUA_TSTRING) {
            size_t      len;
            const char *text = lua_tolstring(lua, index, &len);
            engine->argv[i] = slice_make(text, len);
        } else {
            return false;
        }
    }
    return true;
}

static const char *words_error(struct script_engine *engine, lua_State *lua)
{
    size_t count = (size_t)lua_gettop(lua);
    if (count == 0)
        return "ERR Please specify at least one argument for this redis lib "
               "call";
    if (!read_words(engine, lua, count))
        return "ERR Lua redis lib command arguments must be strings or "
               "integers";
    return NULL;
}

static int generic_call(lua_State *lua, bool raises)
{
    struct script_engine *engine = engine_of(lua);
    const char           *wrong = words_error(engine, lua);
    bool                  error = true;
    if (wrong != NULL) {
        lib_push_error(lua, slice_from_string(wrong), false);
    } else {
        struct reply *answer = &engine->answer;
        reply_clear(answer, SCRIPT_KEEP);
        answer->version = engine->resp;
        engine->host.call(engine->run->arg, engine->argv,
                          (size_t)lua_gettop(lua), answer);
        to_lua(lua, answer, &error);
        reply_clear(answer, SCRIPT_KEEP);
    }
    return error && raises ? lua_error(lua) : 1;
}

static int redis_call(lua_State *lua)
{
    return generic_call(lua, true);
}

static int redis_pcall(lua_State *lua)
{
    return generic_call(lua, false);
}

static int redis_acl_check_cmd(lua_State *lua)
{
    struct script_engine *engine = engine_of(lua);
    const char           *wrong = words_error(engine, lua);
    if (wrong != NULL)
        return raise(lua, wrong);
    enum script_acl acl =
        engine->host.acl_check(engine->run->arg, engine->argv,
                               (size_t)lua_gettop(lua));
    if (acl == SCRIPT_ACL_UNKNOWN)
        return raise(lua, "ERR Invalid command passed to "
                          "redis.acl_check_cmd()");
    lua_pushboolean(lua, acl == SCRIPT_ACL_YES);
    return 1;
}

/* --- replies ------------------------------------------------------------- */

static bool has_one_text(lua_State *lua)
{
    if (lua_gettop(lua) == 1 && lua_type(lua, 1) == LUA_TSTRING)
        return true;
    lib_push_error(lua,
                   SLICE_LITERAL("ERR wrong number or type of arguments"),
                   false);
    return false;
}

static slice trimmed(slice text)
{
    while (text.len > 0 && (text.data[text.len - 1] == '\n' ||
                            text.data[text.len - 1] == '\r'))
        text.len--;
    return text;
}

/* "-CODE text", "CODE text"; one word alone has the code ERR. */
static int redis_error_reply(lua_State *lua)
{
    if (!has_one_text(lua))
        return 1;
    slice text = slice_from_string(lua_tostring(lua, 1));
    if (text.len > 0 && text.data[0] == '-')
        text = slice_make(text.data + 1, text.len - 1);
    text = trimmed(text);
    if (text.len > 0 && memchr(text.data, ' ', text.len) != NULL) {
        lib_push_error(lua, text, false);
        return 1;
    }
    lua_pushliteral(lua, "ERR ");
    lua_pushlstring(lua, text.data, text.len);
    lua_concat(lua, 2);
    size_t      len;
    const char *both = lua_tolstring(lua, -1, &len);
    lib_push_error(lua, slice_make(both, len), false);
    return 1;
}

static int redis_status_reply(lua_State *lua)
{
    if (!has_one_text(lua))
        return 1;
    lua_createtable(lua, 0, 1);
    lua_pushvalue(lua, 1);
    lua_setfield(lua, -2, "ok");
    return 1;
}

/* --- the rest ------------------------------------------------------------ */

static int redis_sha1hex(lua_State *lua)
{
    size_t len = 0;
    char   digest[SHA1_HEX_CHARS + 1];
    if (lua_gettop(lua) != 1)
        return raise(lua, "ERR wrong number of arguments");
    const char *text = lua_tolstring(lua, 1, &len);
    sha1_hex(slice_make(text == NULL ? "" : text, len), digest);
    lua_pushstring(lua, digest);
    return 1;
}

/* The parts that are texts or numbers, with blanks between them. */
static void push_log_line(lua_State *lua, int argc)
{
    luaL_Buffer line;
    bool        first = true;
    luaL_buffinit(lua, &line);
    for (int i = 2; i <= argc; i++) {
        if (!lua_isstring(lua, i))
            continue;
        if (!first)
            luaL_addchar(&line, ' ');
        lua_pushvalue(lua, i);
        luaL_addvalue(&line);
        first = false;
    }
    luaL_pushresult(&line);
}

static int redis_log(lua_State *lua)
{
    int argc = lua_gettop(lua);
    if (argc < 2)
        return raise(lua, "ERR redis.log() requires two arguments or more.");
    if (!lua_isnumber(lua, 1))
        return raise(lua, "ERR First argument must be a number (log level).");
    lua_Number level = lua_tonumber(lua, 1);
    if (!(level >= LOG_DEBUG && level <= LOG_WARNING))
        return raise(lua, "ERR Invalid debug level.");
    struct script_engine *engine = engine_of(lua);
    if (!log_enabled(engine->log, (enum log_level)level))
        return 0;
    push_log_line(lua, argc);
    log_write(engine->log, (enum log_level)level, "%s", lua_tostring(lua, -1));
    return 0;
}

static int redis_setresp(lua_State *lua)
{
    if (lua_gettop(lua) != 1)
        return raise(lua, "ERR redis.setresp() requires one argument.");
    lua_Number version = lua_tonumber(lua, 1);
    if (version != 2 && version != 3)
        return raise(lua, "ERR RESP version must be 2 or 3.");
    engine_of(lua)->resp = (int)version;
    return 0;
}

/* Nothing is replicated: whatever a script chooses is fine. */
static int redis_replicate_commands(lua_State *lua)
{
    lua_pushboolean(lua, 1);
    return 1;
}

static int redis_set_repl(lua_State *lua)
{
    if (lua_gettop(lua) != 1)
        return raise(lua, "ERR redis.set_repl() requires two arguments.");
    lua_Number flags = lua_tonumber(lua, 1);
    if (!(flags >= 0 && flags < 4))
        return raise(lua, "ERR Invalid replication flags. Use REPL_AOF, "
                          "REPL_REPLICA, REPL_ALL or REPL_NONE.");
    return 0;
}

/* There is no debugger. */
static int redis_breakpoint(lua_State *lua)
{
    lua_pushboolean(lua, 0);
    return 1;
}

static int redis_debug(lua_State *lua)
{
    (void)lua;
    return 0;
}

/* --- joining ------------------------------------------------------------- */

static void set_number(lua_State *lua, const char *name, double number)
{
    lua_pushnumber(lua, number);
    lua_setfield(lua, -2, name);
}

/* "7.2.0" is 0x070200. */
static double version_number(const char *text)
{
    unsigned major = 0, minor = 0, patch = 0;
    int      count = sscanf(text, "%u.%u.%u", &major, &minor, &patch);
    ASSERT(count == 3);
    return major * 65536.0 + minor * 256.0 + patch;
}

static void set_constants(lua_State *lua)
{
    static const struct {
        const char *name;
        int         number;
    } constants[] = {
        { "LOG_DEBUG", LOG_DEBUG },   { "LOG_VERBOSE", LOG_VERBOSE },
        { "LOG_NOTICE", LOG_NOTICE }, { "LOG_WARNING", LOG_WARNING },
        { "REPL_NONE", 0 },           { "REPL_AOF", 1 },
        { "REPL_SLAVE", 2 },          { "REPL_REPLICA", 2 },
        { "REPL_ALL", 3 },
    };
    const char *version = engine_of(lua)->redis_version;
    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
        set_number(lua, constants[i].name, constants[i].number);
    lua_pushstring(lua, version);
    lua_setfield(lua, -2, "REDIS_VERSION");
    set_number(lua, "REDIS_VERSION_NUM", version_number(version));
}

void lib_redis(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        { "call", redis_call },
        { "pcall", redis_pcall },
        { "acl_check_cmd", redis_acl_check_cmd },
        { "error_reply", redis_error_reply },
        { "status_reply", redis_status_reply },
        { "sha1hex", redis_sha1hex },
        { "log", redis_log },
        { "setresp", redis_setresp },
        { "replicate_commands", redis_replicate_commands },
        { "set_repl", redis_set_repl },
        { "breakpoint", redis_breakpoint },
        { "debug", redis_debug },
        { NULL, NULL },
    };
    luaL_register(lua, NULL, functions);
    set_constants(lua);
}
