/* lib_json.c - the libraries cjson and bit, from Debian's packages, which are
 * those that Redis has.
 *
 * cjson has a memory of its own for what it writes and for what it reads, not
 * bounded, and lost when Lua raises "not enough memory" in the middle of it. So
 * before each call we look how much it may take, at most: of its text that is
 * exact, of Lua's heap it is an estimate on the safe side. If there is so much,
 * Lua's heap is not refused anything during the call; if not, the error comes
 * before it. */
#include "script/internal.h"

#include <lua-bitop.h>
#include <lua-cjson.h>

#define NUMBER_CHARS 32
#define DEPTH_MAX    3000 /* Lua's stack ends before: cjson tells of it */

/* --- how much ------------------------------------------------------------ */

struct measure {
    lua_State *lua;
    size_t     bytes, limit;
};

static size_t written_char(unsigned char c)
{
    if (c < ' ' || c == 127)
        return 6;
    return c == '"' || c == '\\' || c == '/' ? 2 : 1;
}

static void measure_text(struct measure *measure, int index)
{
    size_t      len;
    const char *text = lua_tolstring(measure->lua, index, &len);
    measure->bytes += 3;
    for (size_t i = 0; i < len && measure->bytes <= measure->limit; i++)
        measure->bytes += written_char((unsigned char)text[i]);
}

static void measure_value(struct measure *measure, int depth);

/* Of an array also what is written for the holes in it. */
static void measure_table(struct measure *measure, int depth)
{
    lua_State *lua = measure->lua;
    lua_Number last = 0;
    lua_pushnil(lua);
    while (measure->bytes <= measure->limit && lua_next(lua, -2)) {
        measure_value(measure, depth + 1);
        lua_pop(lua, 1);
        measure->bytes += 2;
        if (lua_type(lua, -1) == LUA_TSTRING)
            measure_text(measure, -1);
        else
            measure->bytes += NUMBER_CHARS;
        if (lua_type(lua, -1) == LUA_TNUMBER && lua_tonumber(lua, -1) > last)
            last = lua_tonumber(lua, -1);
    }
    if (last > (lua_Number)measure->limit)
        measure->bytes = measure->limit + 1;
    else
        measure->bytes += (size_t)last * sizeof("null");
}

/* The value is on top, and stays there. Ends early when it is too much, so that
 * a table that is in itself many times over is no endless work. */
static void measure_value(struct measure *measure, int depth)
{
    lua_State *lua = measure->lua;
    int        top = lua_gettop(lua);
    measure->bytes += NUMBER_CHARS;
    if (depth >= DEPTH_MAX || !lua_checkstack(lua, 4))
        return;
    if (lua_type(lua, -1) == LUA_TSTRING)
        measure_text(measure, -1);
    else if (lua_type(lua, -1) == LUA_TTABLE)
        measure_table(measure, depth);
    lua_settop(lua, top);
}

/* What Lua's heap takes at most for the values in this text: tables, their
 * slots (which double), strings. */
static size_t decoded_bytes(slice text)
{
    size_t bytes = 1024 + 2 * text.len;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '[' || c == '{')
            bytes += 160;
        else if (c == ',' || c == ':')
            bytes += 64;
        else if (c == '"')
            bytes += 24;
    }
    return bytes;
}

/* --- calls --------------------------------------------------------------- */

static void refuse(lua_State *lua)
{
    lua_pushliteral(lua, "not enough memory");
    lua_error(lua);
}

static void ask_for(lua_State *lua, size_t bytes)
{
    struct script_engine *engine = engine_of(lua);
    size_t left = engine->lua_limit > engine->lua_bytes
                      ? engine->lua_limit - engine->lua_bytes
                      : 0;
    if (bytes > left || !engine->host.has_room(engine->host.room_arg, bytes))
        refuse(lua);
}

/* Calls cjson's function, our first upvalue, with the arguments. Its errors
 * come from our caller's place. */
static int call_freely(lua_State *lua)
{
    struct script_engine *engine = engine_of(lua);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    engine->lua_free = true;
    int status = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0);
    engine->lua_free = false;
    if (status == 0)
        return lua_gettop(lua);
    luaL_where(lua, 1);
    lua_insert(lua, -2);
    lua_concat(lua, 2);
    return lua_error(lua);
}

static int json_encode(lua_State *lua)
{
    struct script_engine *engine = engine_of(lua);
    struct measure        measure = { .lua = lua,
                                      .limit = engine->lua_limit / 4 };
    luaL_argcheck(lua, lua_gettop(lua) == 1, 1, "expected 1 argument");
    measure_value(&measure, 0);
    if (measure.bytes > measure.limit)
        refuse(lua);
    ask_for(lua, 3 * measure.bytes); /* it doubles, and is copied */
    return call_freely(lua);
}

static int json_decode(lua_State *lua)
{
    size_t len;
    luaL_argcheck(lua, lua_gettop(lua) == 1, 1, "expected 1 argument");
    const char *text = luaL_checklstring(lua, 1, &len);
    ask_for(lua, decoded_bytes(slice_make(text, len)));
    return call_freely(lua);
}

/* It would keep the memory of what it wrote. */
static int json_encode_keep_buffer(lua_State *lua)
{
    lua_pushboolean(lua, 0);
    return 1;
}

/* --- joining ------------------------------------------------------------- */

static int json_new(lua_State *lua);

static void wrap_function(lua_State *lua, const char *name, lua_CFunction ours)
{
    lua_getfield(lua, -1, name);
    lua_pushcclosure(lua, ours, 1);
    lua_setfield(lua, -2, name);
}

/* The module is on top. */
static void wrap_module(lua_State *lua)
{
    lua_getfield(lua, -1, "encode_keep_buffer");
    lua_pushboolean(lua, 0);
    lua_call(lua, 1, 0);
    wrap_function(lua, "encode", json_encode);
    wrap_function(lua, "decode", json_decode);
    wrap_function(lua, "new", json_new);
    wrap_function(lua, "encode_keep_buffer", json_encode_keep_buffer);
}

static int json_new(lua_State *lua)
{
    lua_settop(lua, 0);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_call(lua, 0, 1);
    wrap_module(lua);
    return 1;
}

void lib_json(lua_State *lua)
{
    lua_pushcfunction(lua, luaopen_cjson);
    lua_call(lua, 0, 1);
    wrap_module(lua);
}

void lib_bit(lua_State *lua)
{
    lua_pushcfunction(lua, luaopen_bit);
    lua_pushliteral(lua, "bit");
    lua_call(lua, 1, 1);
}
