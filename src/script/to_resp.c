/* to_resp.c - what a script returns becomes a reply.
 *
 * Redis's rules, in its order: a table with a field err, ok, double,
 * big_number, verbatim_string, map or set of the right type is that; any other
 * is an array, up to its first nil. What a reply may hold is bounded: a table
 * may name one long string a million times. */
#include "script/internal.h"

struct writer {
    struct script_engine *engine;
    lua_State            *lua;
    struct reply         *reply;
    size_t                begin, limit;
    bool                  too_large;
};

static void write_value(struct writer *writer);

static slice text_at(lua_State *lua, int index)
{
    size_t      len;
    const char *text = lua_tolstring(lua, index, &len);
    return slice_make(text, len);
}

/* Up to its first NUL, where Redis takes a text as one of C. */
static slice line_at(lua_State *lua, int index)
{
    return slice_from_string(lua_tostring(lua, index));
}

/* As C does on our machines, also where C promises nothing. */
static int64_t integer_of(lua_Number number)
{
    if (number >= -9223372036854775808.0 && number < 9223372036854775808.0)
        return (int64_t)number;
    return INT64_MIN;
}

/* Where line ends would end the reply. */
static void write_one_line(struct writer *writer, char kind, slice text)
{
    struct reply *reply = writer->reply;
    size_t        at = reply->len;
    reply_raw(reply, slice_make(&kind, 1));
    reply_raw(reply, text);
    for (; !reply->muted && at < reply->len; at++)
        if (reply->data[at] == '\r' || reply->data[at] == '\n')
            reply->data[at] = ' ';
    reply_raw(reply, SLICE_LITERAL("\r\n"));
}

/* --- tables -------------------------------------------------------------- */

/* Pushes the field if it is of that type. */
static bool push_field(lua_State *lua, const char *name, int type)
{
    lua_pushstring(lua, name);
    lua_rawget(lua, -2);
    if (lua_type(lua, -1) == type)
        return true;
    lua_pop(lua, 1);
    return false;
}

static bool is_counted(lua_State *lua)
{
    bool counted =
        push_field(lua, "ignore_error_stats_update", LUA_TBOOLEAN) &&
        lua_toboolean(lua, -1);
    return counted;
}

static void write_err(struct writer *writer)
{
    lua_State *lua = writer->lua;
    slice      text = line_at(lua, -1);
    lua_pushvalue(lua, -2);
    int  top = lua_gettop(lua);
    bool counted = is_counted(lua);
    lua_settop(lua, top - 1);
    reply_error_slice(writer->reply, text);
    writer->engine->host.on_error(writer->engine->run->arg, text, counted);
}

static void write_big_number(struct writer *writer)
{
    slice digits = line_at(writer->lua, -1);
    if (writer->reply->version >= 3) {
        write_one_line(writer, '(', digits);
        return;
    }
    size_t at;
    reply_bulk(writer->reply, digits);
    at = writer->reply->len - 2 - digits.len;
    for (size_t i = 0; !writer->reply->muted && i < digits.len; i++)
        if (writer->reply->data[at + i] == '\r' ||
            writer->reply->data[at + i] == '\n')
            writer->reply->data[at + i] = ' ';
}

/* The table verbatim_string is on top. */
static bool write_verbatim(struct writer *writer)
{
    lua_State *lua = writer->lua;
    char       ext[4] = "   ";
    if (!push_field(lua, "format", LUA_TSTRING))
        return false;
    slice format = line_at(lua, -1);
    memcpy(ext, format.data, format.len < 3 ? format.len : 3);
    lua_pop(lua, 1);
    if (!push_field(lua, "string", LUA_TSTRING))
        return false;
    reply_verbatim(writer->reply, text_at(lua, -1), ext);
    lua_pop(lua, 1);
    return true;
}

static void write_map(struct writer *writer)
{
    lua_State *lua = writer->lua;
    size_t     mark = reply_deferred_begin(writer->reply), pairs = 0;
    lua_pushnil(lua);
    while (!writer->too_large && lua_next(lua, -2)) {
        lua_pushvalue(lua, -2);
        write_value(writer);
        write_value(writer);
        pairs++;
    }
    reply_deferred_end(writer->reply, mark, '%', pairs);
}

static void write_set(struct writer *writer)
{
    lua_State *lua = writer->lua;
    size_t     mark = reply_deferred_begin(writer->reply), count = 0;
    lua_pushnil(lua);
    while (!writer->too_large && lua_next(lua, -2)) {
        lua_pop(lua, 1);
        lua_pushvalue(lua, -1);
        write_value(writer);
        count++;
    }
    reply_deferred_end(writer->reply, mark, '~', count);
}

static void write_array(struct writer *writer)
{
    lua_State *lua = writer->lua;
    size_t     mark = reply_deferred_begin(writer->reply), count = 0;
    while (!writer->too_large) {
        lua_pushnumber(lua, (lua_Number)(count + 1));
        lua_rawget(lua, -2);
        if (lua_isnil(lua, -1))
            break;
        write_value(writer);
        count++;
    }
    reply_deferred_end(writer->reply, mark, '*', count);
}

/* What is put on the stack here, write_value takes off. */
static void write_table(struct writer *writer)
{
    lua_State *lua = writer->lua;
    int        top = lua_gettop(lua);
    if (push_field(lua, "err", LUA_TSTRING)) {
        write_err(writer);
    } else if (push_field(lua, "ok", LUA_TSTRING)) {
        write_one_line(writer, '+', line_at(lua, -1));
    } else if (push_field(lua, "double", LUA_TNUMBER)) {
        reply_double(writer->reply, lua_tonumber(lua, -1));
    } else if (push_field(lua, "big_number", LUA_TSTRING)) {
        write_big_number(writer);
    } else {
        if (push_field(lua, "verbatim_string", LUA_TTABLE) &&
            write_verbatim(writer))
            return;
        lua_settop(lua, top);
        if (push_field(lua, "map", LUA_TTABLE))
            write_map(writer);
        else if (push_field(lua, "set", LUA_TTABLE))
            write_set(writer);
        else
            write_array(writer);
    }
}

/* --- values -------------------------------------------------------------- */

static void write_boolean(struct writer *writer, bool value)
{
    if (writer->engine->resp >= 3)
        reply_bool(writer->reply, value);
    else if (value)
        reply_int(writer->reply, 1);
    else
        reply_null(writer->reply);
}

/* Redis asks for four places, so it is here that a table in itself ends. */
static void write_value(struct writer *writer)
{
    lua_State *lua = writer->lua;
    int        top = lua_gettop(lua);
    if (!lua_checkstack(lua, 4)) {
        reply_error(writer->reply, "ERR reached lua stack limit");
        writer->engine->host.on_error(
            writer->engine->run->arg,
            SLICE_LITERAL("ERR reached lua stack limit"), false);
        lua_settop(lua, top - 1);
        return;
    }
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        reply_bulk(writer->reply, text_at(lua, -1));
        break;
    case LUA_TBOOLEAN:
        write_boolean(writer, lua_toboolean(lua, -1));
        break;
    case LUA_TNUMBER:
        reply_int(writer->reply, integer_of(lua_tonumber(lua, -1)));
        break;
    case LUA_TTABLE:
        write_table(writer);
        break;
    default:
        reply_null(writer->reply);
    }
    lua_settop(lua, top - 1);
    if (reply_bytes(writer->reply) - writer->begin > writer->limit)
        writer->too_large = true;
}

bool to_resp(struct script_engine *engine, lua_State *lua, struct reply *reply,
             size_t limit)
{
    struct writer writer = { .engine = engine, .lua = lua, .reply = reply,
                             .begin = reply_bytes(reply), .limit = limit };
    write_value(&writer);
    return !writer.too_large;
}
