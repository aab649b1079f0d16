/* lib_base.c - functions of Lua's libraries that are other ones here.
 *
 * Some because of read-only tables (readonly.c), some because Redis has other
 * ones (pcall, math.random), some to keep the server alive: no bytecode, no
 * pattern so long that matching it would overflow the stack, no endless loop
 * inside of a library, where no tick comes. */
#include "script/internal.h"

#include <math.h>
#include <string.h>

/* Matching recurses once for each repetition, capture or escape. */
#define PATTERN_ITEMS_MAX 8192

/* --- read-only tables ---------------------------------------------------- */

/* Puts the table behind a read-only one in its place. */
static void look_behind(lua_State *lua, int index)
{
    if (readonly_push(lua, index))
        lua_replace(lua, index);
}

static int base_next(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    look_behind(lua, 1);
    lua_settop(lua, 2);
    if (lua_next(lua, 1))
        return 2;
    lua_pushnil(lua);
    return 1;
}

static int base_pairs(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_pushvalue(lua, lua_upvalueindex(1)); /* next */
    lua_pushvalue(lua, 1);
    lua_pushnil(lua);
    return 3;
}

static int base_rawget(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    look_behind(lua, 1);
    lua_settop(lua, 2);
    lua_rawget(lua, 1);
    return 1;
}

static int base_rawset(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    luaL_checkany(lua, 3);
    readonly_refuse(lua, 1);
    lua_settop(lua, 3);
    lua_rawset(lua, 1);
    return 1;
}

static int base_setmetatable(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    readonly_refuse(lua, 1);
    int type = lua_type(lua, 2);
    luaL_argcheck(lua, type == LUA_TNIL || type == LUA_TTABLE, 2,
                  "nil or table expected");
    if (luaL_getmetafield(lua, 1, "__metatable"))
        luaL_error(lua, "cannot change a protected metatable");
    lua_settop(lua, 2);
    lua_setmetatable(lua, 1);
    return 1;
}

/* Of a read-only table it is that of the table behind, read-only too. */
static int base_getmetatable(lua_State *lua)
{
    luaL_checkany(lua, 1);
    bool shared = readonly_push(lua, 1);
    if (!shared)
        lua_pushvalue(lua, 1);
    if (!lua_getmetatable(lua, -1)) {
        lua_pushnil(lua);
        return 1;
    }
    if (shared || lua_type(lua, 1) != LUA_TTABLE)
        readonly_wrap(lua);
    else
        (void)luaL_getmetafield(lua, 1, "__metatable");
    return 1;
}

/* The function that ours replaces, in our frame: so its errors name us, which
 * is its own name, and the place of our caller. */
static int original(lua_State *lua)
{
    return lua_tocfunction(lua, lua_upvalueindex(1))(lua);
}

/* table.concat and its like, which change nothing in a shared table. */
static int read_behind(lua_State *lua)
{
    look_behind(lua, 1);
    return original(lua);
}

static int write_checked(lua_State *lua)
{
    readonly_refuse(lua, 1);
    return original(lua);
}

/* --- calling ------------------------------------------------------------- */

/* An error of Redis is a table; scripts of before 7.0 want its text. */
static int base_pcall(lua_State *lua)
{
    int argc = lua_gettop(lua);
    lua_pushboolean(lua, 1);
    lua_insert(lua, 1);
    if (lua_pcall(lua, argc - 1, LUA_MULTRET, 0) != 0) {
        lua_remove(lua, 1);
        if (lua_istable(lua, -1)) {
            lua_getfield(lua, -1, "err");
            if (lua_isstring(lua, -1))
                lua_replace(lua, -2);
        }
        lua_pushboolean(lua, 0);
        lua_insert(lua, 1);
    }
    return lua_gettop(lua);
}

/* When a script is ended the error is raised inside of a tick, and then no
 * other comes until it is caught: a handler could go on for ever. */
static int call_handler(lua_State *lua)
{
    if (engine_of(lua)->killed)
        return 1;
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, 1);
    return 1;
}

static int base_xpcall(lua_State *lua)
{
    luaL_checkany(lua, 2);
    lua_settop(lua, 2);
    lua_pushcclosure(lua, call_handler, 1);
    lua_insert(lua, 1);
    int status = lua_pcall(lua, 0, LUA_MULTRET, 1);
    lua_pushboolean(lua, status == 0);
    lua_replace(lua, 1);
    return lua_gettop(lua);
}

/* --- texts, not bytecode ------------------------------------------------- */

/* Lua takes for bytecode what begins with ESC. Behind a blank it is a text,
 * and gets the error of one. */
struct text_reader {
    slice text;
    bool  blank_given;
};

static bool must_begin_blank(bool given, const char *data, size_t len)
{
    return !given && len > 0 && data[0] == LUA_SIGNATURE[0];
}

static const char *read_text(lua_State *lua, void *arg, size_t *size)
{
    struct text_reader *reader = arg;
    (void)lua;
    bool blank = must_begin_blank(reader->blank_given, reader->text.data,
                                  reader->text.len);
    reader->blank_given = true;
    if (blank) {
        *size = 1;
        return " ";
    }
    *size = reader->text.len;
    reader->text.len = 0;
    return *size > 0 ? reader->text.data : NULL;
}

int lib_load_text(lua_State *lua, slice text, const char *chunk_name)
{
    struct text_reader reader = { .text = text };
    return lua_load(lua, read_text, &reader, chunk_name);
}

static int loaded(lua_State *lua, int status)
{
    if (status == 0)
        return 1;
    lua_pushnil(lua);
    lua_insert(lua, -2);
    return 2;
}

static int base_loadstring(lua_State *lua)
{
    size_t      len;
    const char *text = luaL_checklstring(lua, 1, &len);
    const char *name = luaL_optstring(lua, 2, text);
    return loaded(lua, lib_load_text(lua, slice_make(text, len), name));
}

/* The piece that the function answered last stands at 3, so that it lives. */
static const char *read_piece(lua_State *lua, void *arg, size_t *size)
{
    bool *begun = arg;
    *size = 0;
    luaL_checkstack(lua, 2, "too many nested functions");
    if (lua_isnil(lua, 3)) {
        lua_pushvalue(lua, 1);
        lua_call(lua, 0, 1);
        if (lua_isnil(lua, -1)) {
            lua_pop(lua, 1);
            return NULL;
        }
        if (!lua_isstring(lua, -1))
            luaL_error(lua, "reader function must return a string");
        lua_replace(lua, 3);
    }
    const char *piece = lua_tolstring(lua, 3, size);
    if (must_begin_blank(*begun, piece, *size)) {
        *begun = true;
        *size = 1;
        return " "; /* the piece stays for the next time */
    }
    *begun |= *size > 0;
    /* Kept alive by slot 4 while it is read. */
    lua_pushvalue(lua, 3);
    lua_replace(lua, 4);
    lua_pushnil(lua);
    lua_replace(lua, 3);
    return *size > 0 ? piece : NULL;
}

static int base_load(lua_State *lua)
{
    bool        begun = false;
    const char *name = luaL_optstring(lua, 2, "=(load)");
    luaL_checktype(lua, 1, LUA_TFUNCTION);
    lua_settop(lua, 4);
    lua_pushnil(lua);
    lua_replace(lua, 3);
    return loaded(lua, lua_load(lua, read_piece, &begun, name));
}

/* --- strings ------------------------------------------------------------- */

static int string_rep(lua_State *lua)
{
    size_t len;
    (void)luaL_checklstring(lua, 1, &len);
    lua_Integer count = luaL_checkinteger(lua, 2);
    if (len == 0 || count <= 0) {
        lua_pushliteral(lua, "");
        return 1;
    }
    /* Lua's own would add one piece after the other until memory ends. */
    if ((size_t)count > engine_of(lua)->lua_limit / len) {
        lua_pushliteral(lua, "not enough memory");
        return lua_error(lua);
    }
    return original(lua);
}

/* find, match, gmatch, gsub. */
static int with_pattern(lua_State *lua)
{
    size_t len = 0, items = 0;
    const char *pattern =
        lua_isstring(lua, 2) ? lua_tolstring(lua, 2, &len) : "";
    for (size_t i = 0; i < len; i++)
        items += pattern[i] != '\0' && strchr("*+-?()%", pattern[i]) != NULL;
    if (items > PATTERN_ITEMS_MAX)
        return luaL_error(lua, "pattern too complex");
    return original(lua);
}

/* --- random numbers ------------------------------------------------------ */

/* drand48 as POSIX has it: Redis's scripts get the same numbers everywhere. */
static uint32_t random_next(struct script_engine *engine)
{
    engine->random = (engine->random * UINT64_C(0x5deece66d) + 0xb) &
                     ((UINT64_C(1) << 48) - 1);
    return (uint32_t)(engine->random >> 17);
}

static int math_random(lua_State *lua)
{
    const double most = 2147483647.0;
    double r = fmod((double)random_next(engine_of(lua)), most) / most;
    int    low = 1, high;
    switch (lua_gettop(lua)) {
    case 0:
        lua_pushnumber(lua, r);
        return 1;
    case 1:
        high = luaL_checkint(lua, 1);
        luaL_argcheck(lua, 1 <= high, 1, "interval is empty");
        break;
    case 2:
        low = luaL_checkint(lua, 1);
        high = luaL_checkint(lua, 2);
        luaL_argcheck(lua, low <= high, 2, "interval is empty");
        break;
    default:
        return luaL_error(lua, "wrong number of arguments");
    }
    /* In doubles: the interval may be wider than an int. */
    double width = (double)high - (double)low + 1;
    lua_pushnumber(lua, floor(r * width) + low);
    return 1;
}

static int math_randomseed(lua_State *lua)
{
    uint32_t seed = (uint32_t)luaL_checkint(lua, 1);
    engine_of(lua)->random = (uint64_t)seed << 16 | 0x330e;
    return 0;
}

/* --- joining ------------------------------------------------------------- */

/* The function of that name gets `function` in its place, and is its first
 * upvalue. */
static void replace(lua_State *lua, const char *name, lua_CFunction function)
{
    lua_getfield(lua, -1, name);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, name);
}

static void replace_each(lua_State *lua, const char *const *names,
                         lua_CFunction function)
{
    for (; *names != NULL; names++)
        replace(lua, *names, function);
}

void lib_base(lua_State *lua)
{
    replace(lua, "next", base_next);
    replace(lua, "rawget", base_rawget);
    replace(lua, "rawset", base_rawset);
    replace(lua, "setmetatable", base_setmetatable);
    replace(lua, "getmetatable", base_getmetatable);
    replace(lua, "pcall", base_pcall);
    replace(lua, "xpcall", base_xpcall);
    replace(lua, "load", base_load);
    replace(lua, "loadstring", base_loadstring);
    replace(lua, "unpack", read_behind);
    lua_getfield(lua, -1, "next");
    lua_pushcclosure(lua, base_pairs, 1);
    lua_setfield(lua, -2, "pairs");
}

void lib_string(lua_State *lua)
{
    static const char *const patterns[] = { "find", "match", "gmatch", "gfind",
                                            "gsub", NULL };
    replace(lua, "rep", string_rep);
    replace_each(lua, patterns, with_pattern);
}

void lib_table(lua_State *lua)
{
    /* What is shared has no array in it, so there is nothing to sort. */
    static const char *const reading[] = { "concat", "foreach", "foreachi",
                                           "getn", "maxn", "remove", "sort",
                                           NULL };
    static const char *const writing[] = { "insert", "setn", NULL };
    replace_each(lua, reading, read_behind);
    replace_each(lua, writing, write_checked);
}

void lib_math(lua_State *lua)
{
    replace(lua, "random", math_random);
    replace(lua, "randomseed", math_randomseed);
}
