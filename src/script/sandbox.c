/* sandbox.c - what a script finds when it begins.
 *
 * Of Lua's libraries only what neither reaches out of the interpreter nor into
 * its insides: a list says what stays of the base library, the rest goes. The
 * global table and all libraries are read-only for scripts; of what is not in
 * it, reading is an error too, as in Redis. */
#include "script/internal.h"

const char sandbox_globals[] = "globals";

static const char *const base_names[] = {
    "_VERSION", "assert", "collectgarbage", "coroutine", "error", "gcinfo",
    "getmetatable", "ipairs", "load", "loadstring", "math", "next", "pairs",
    "pcall", "rawequal", "rawget", "rawset", "select", "setmetatable",
    "string", "table", "tonumber", "tostring", "type", "unpack", "xpcall",
    NULL
};

static bool is_kept(const char *name)
{
    for (size_t i = 0; base_names[i] != NULL; i++)
        if (strcmp(base_names[i], name) == 0)
            return true;
    return false;
}

/* Takes all but those names out of the table on top. */
static void drop_others(lua_State *lua)
{
    lua_pushnil(lua);
    while (lua_next(lua, -2)) {
        lua_pop(lua, 1);
        if (lua_type(lua, -1) == LUA_TSTRING && is_kept(lua_tostring(lua, -1)))
            continue;
        /* A field that exists may be cleared on the way. */
        lua_pushvalue(lua, -1);
        lua_pushnil(lua);
        lua_rawset(lua, -4);
    }
}

static int missing_global(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 2);
    return luaL_error(lua,
                      "Script attempted to access nonexistent global variable "
                      "'%s'", name);
}

/* Of os one thing only: how much time the processor has taken. */
static void open_os(lua_State *lua)
{
    lua_pushcfunction(lua, luaopen_os);
    lua_pushliteral(lua, LUA_OSLIBNAME);
    lua_call(lua, 1, 0);
    lua_getglobal(lua, LUA_OSLIBNAME);
    lua_createtable(lua, 0, 1);
    lua_getfield(lua, -2, "clock");
    lua_setfield(lua, -2, "clock");
    lua_replace(lua, -2);
}

static void open_library(lua_State *lua, const char *name, lua_CFunction open)
{
    lua_pushcfunction(lua, open);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 0);
}

/* The library of that name in the table on top becomes read-only, after ours
 * has been put in. */
static void close_library(lua_State *lua, const char *name,
                          void (*ours)(lua_State *lua))
{
    lua_getfield(lua, -1, name);
    if (ours != NULL)
        ours(lua);
    readonly_wrap(lua);
    lua_setfield(lua, -2, name);
}

/* ("x"):rep(3) looks into what getmetatable("") has. */
static void close_string_metatable(lua_State *lua)
{
    lua_pushliteral(lua, "");
    int found = lua_getmetatable(lua, -1);
    ASSERT(found);
    lua_getfield(lua, -3, LUA_STRLIBNAME);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 2);
}

static void open_libraries(lua_State *lua)
{
    open_library(lua, "", luaopen_base);
    open_library(lua, LUA_TABLIBNAME, luaopen_table);
    open_library(lua, LUA_STRLIBNAME, luaopen_string);
    open_library(lua, LUA_MATHLIBNAME, luaopen_math);
}

int sandbox_open(lua_State *lua)
{
    open_libraries(lua);
    open_os(lua);
    lua_newtable(lua);
    lib_redis(lua);
    lua_pushvalue(lua, LUA_GLOBALSINDEX);
    drop_others(lua);
    lua_insert(lua, -3);
    lua_setfield(lua, -3, "redis");
    lua_setfield(lua, -2, LUA_OSLIBNAME);
    lib_json(lua);
    lua_setfield(lua, -2, "cjson");
    lib_bit(lua);
    lua_setfield(lua, -2, "bit");
    lib_base(lua);
    close_library(lua, "bit", NULL);
    close_library(lua, "cjson", NULL);
    close_library(lua, LUA_TABLIBNAME, lib_table);
    close_library(lua, LUA_STRLIBNAME, lib_string);
    close_library(lua, LUA_MATHLIBNAME, lib_math);
    close_library(lua, LUA_COLIBNAME, NULL);
    close_library(lua, LUA_OSLIBNAME, NULL);
    close_library(lua, "redis", NULL);
    close_string_metatable(lua);
    run_error_handler(lua);

    lua_createtable(lua, 0, 1);
    lua_pushcfunction(lua, missing_global);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, LUA_REGISTRYINDEX, sandbox_globals);
    lua_pushvalue(lua, -1);
    readonly_wrap(lua);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, -3, "_G");
    lua_replace(lua, LUA_GLOBALSINDEX);
    return 0;
}
