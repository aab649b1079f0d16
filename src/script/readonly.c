/* readonly.c - tables that scripts share and can't change.
 *
 * Lua 5.1 has no such thing. What a script sees is an empty table whose
 * metatable leads reads to the real one and refuses writes. Functions that
 * look into tables past metatables (next, rawget, rawset ...) would see it
 * empty, so they are other ones here (lib_base.c) and look behind it.
 *
 * The metatable is known by an entry whose key is our own address; scripts
 * can't get at it. */
#include "script/internal.h"

static const char marker = 0; /* its address is the key */

static int refuse_write(lua_State *lua)
{
    return luaL_error(lua, "Attempt to modify a readonly table");
}

void readonly_wrap(lua_State *lua)
{
    lua_newtable(lua); /* real, shown */
    lua_createtable(lua, 0, 3);
    lua_pushlightuserdata(lua, (void *)&marker);
    lua_pushvalue(lua, -4);
    lua_rawset(lua, -3);
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, refuse_write);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, -2);
    lua_replace(lua, -2);
}

bool readonly_push(lua_State *lua, int index)
{
    if (!lua_istable(lua, index) || !lua_getmetatable(lua, index))
        return false;
    lua_pushlightuserdata(lua, (void *)&marker);
    lua_rawget(lua, -2);
    lua_replace(lua, -2);
    if (lua_istable(lua, -1))
        return true;
    lua_pop(lua, 1);
    return false;
}

/* Without the place: as functions of C raise it. */
void readonly_refuse(lua_State *lua, int index)
{
    if (!readonly_push(lua, index))
        return;
    lua_pushliteral(lua, "Attempt to modify a readonly table");
    lua_error(lua);
}
