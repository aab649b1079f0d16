/* to_lua.c - a reply of a command becomes a value of Lua.
 *
 *     $ bulk           string            _ null             nil
 *     : integer        number            # boolean          boolean
 *     $-1, *-1         false             , double           {double = n}
 *     + status         {ok = s}          ( big number       {big_number = s}
 *     - error          {err = s}         = verbatim         {verbatim_string =
 *     * array          table                                 {format, string}}
 *     % map            {map = {}}        ~ set              {set = {k = true}}
 *
 * The reply is our own (resp/reply.h), so its form is asserted. */
#include "script/internal.h"

#include <stdlib.h>

#include "base/num.h"

struct reader {
    const struct reply *reply;
    size_t              at;
    size_t              blob; /* the next one */
    lua_State          *lua;
};

static slice read_line(struct reader *reader)
{
    const struct reply *reply = reader->reply;
    const char         *begin = reply->data + reader->at;
    ASSERT(reader->at < reply->len);
    const char *end = memchr(begin, '\r', reply->len - reader->at);
    ASSERT(end != NULL);
    size_t len = (size_t)(end - begin);
    reader->at += len + 2;
    return slice_make(begin, len);
}

static int64_t number_of(slice line)
{
    int64_t number;
    bool    ok = num_parse_int64(slice_make(line.data + 1, line.len - 1),
                                 &number);
    ASSERT(ok);
    return number;
}

/* What comes next, at most so much: a blob, if one stands here, else the bytes
 * up to the next one. */
static slice read_part(struct reader *reader, size_t most)
{
    const struct reply      *reply = reader->reply;
    const struct reply_blob *blob = reader->blob < reply->blob_count
                                        ? &reply->blobs[reader->blob]
                                        : NULL;
    if (blob != NULL && blob->offset == reader->at) {
        reader->blob++;
        slice part = blob_slice(blob->blob);
        ASSERT(part.len <= most);
        return part;
    }
    size_t len = blob != NULL && blob->offset - reader->at < most
                     ? blob->offset - reader->at
                     : most;
    ASSERT(reply->len - reader->at >= len);
    slice part = slice_make(reply->data + reader->at, len);
    reader->at += len;
    return part;
}

/* The bytes behind a line that said how many. They may lie in pieces (a large
 * string): then they are put together, good until the next call. */
static slice read_bytes(struct reader *reader, size_t len)
{
    slice bytes = read_part(reader, len);
    if (bytes.len < len) {
        /* Lua's own memory, since an error of Lua leaves from anywhere. */
        char  *joined = lua_newuserdata(reader->lua, len);
        size_t at = 0;
        lua_setfield(reader->lua, LUA_REGISTRYINDEX, "joined");
        for (; at < len; at += bytes.len) {
            if (at > 0)
                bytes = read_part(reader, len - at);
            memcpy(joined + at, bytes.data, bytes.len);
        }
        bytes = slice_make(joined, len);
    }
    reader->at += 2;
    return bytes;
}

static void set_text(lua_State *lua, const char *field, slice text)
{
    lua_pushlstring(lua, text.data, text.len);
    lua_setfield(lua, -2, field);
}

static void push_named(lua_State *lua, const char *field, slice text)
{
    lua_createtable(lua, 0, 1);
    set_text(lua, field, text);
}

static void push_double(lua_State *lua, slice text)
{
    char copy[NUM_DOUBLE_CHARS * 2];
    size_t len = text.len < sizeof(copy) - 1 ? text.len : sizeof(copy) - 1;
    memcpy(copy, text.data, len);
    copy[len] = '\0';
    lua_createtable(lua, 0, 1);
    lua_pushnumber(lua, strtod(copy, NULL));
    lua_setfield(lua, -2, "double");
}

/* "txt:" comes before the text. */
static void push_verbatim(lua_State *lua, slice bytes)
{
    ASSERT(bytes.len >= 4);
    lua_createtable(lua, 0, 1);
    lua_createtable(lua, 0, 2);
    set_text(lua, "string", slice_make(bytes.data + 4, bytes.len - 4));
    set_text(lua, "format", slice_make(bytes.data, 3));
    lua_setfield(lua, -2, "verbatim_string");
}

static void push_value(lua_State *lua, struct reader *reader);

static void push_array(lua_State *lua, struct reader *reader, int64_t count)
{
    lua_createtable(lua, (int)(count < 1024 ? count : 1024), 0);
    for (int64_t i = 1; i <= count; i++) {
        push_value(lua, reader);
        lua_rawseti(lua, -2, (int)i);
    }
}

static void push_map(lua_State *lua, struct reader *reader, int64_t pairs)
{
    lua_createtable(lua, 0, 1);
    lua_newtable(lua);
    for (; pairs > 0; pairs--) {
        push_value(lua, reader);
        push_value(lua, reader);
        lua_rawset(lua, -3);
    }
    lua_setfield(lua, -2, "map");
}

static void push_set(lua_State *lua, struct reader *reader, int64_t count)
{
    lua_createtable(lua, 0, 1);
    lua_newtable(lua);
    for (; count > 0; count--) {
        push_value(lua, reader);
        lua_pushboolean(lua, 1);
        lua_rawset(lua, -3);
    }
    lua_setfield(lua, -2, "set");
}

/* Nothing here has a place for attributes. */
static void skip_attribute(lua_State *lua, struct reader *reader, int64_t pairs)
{
    for (; pairs > 0; pairs--) {
        push_value(lua, reader);
        push_value(lua, reader);
        lua_pop(lua, 2);
    }
    push_value(lua, reader);
}

static void push_bulk(lua_State *lua, struct reader *reader, int64_t len)
{
    if (len < 0) {
        lua_pushboolean(lua, 0);
        return;
    }
    slice bytes = read_bytes(reader, (size_t)len);
    lua_pushlstring(lua, bytes.data, bytes.len);
}

static void push_collection(lua_State *lua, struct reader *reader, slice line)
{
    int64_t count = number_of(line);
    if (count < 0) {
        lua_pushboolean(lua, 0);
        return;
    }
    switch (line.data[0]) {
    case '%':
        push_map(lua, reader, count);
        break;
    case '~':
        push_set(lua, reader, count);
        break;
    case '|':
        skip_attribute(lua, reader, count);
        break;
    default:
        push_array(lua, reader, count);
    }
}

static void push_value(lua_State *lua, struct reader *reader)
{
    luaL_checkstack(lua, 8, "reply nested too deeply");
    slice line = read_line(reader);
    slice text = slice_make(line.data + 1, line.len - 1);
    switch (line.data[0]) {
    case '$':
        push_bulk(lua, reader, number_of(line));
        break;
    case ':':
        lua_pushnumber(lua, (lua_Number)number_of(line));
        break;
    case '+':
        push_named(lua, "ok", text);
        break;
    case '-':
        lib_push_error(lua, text, true);
        break;
    case '_':
        lua_pushnil(lua);
        break;
    case '#':
        lua_pushboolean(lua, text.data[0] == 't');
        break;
    case ',':
        push_double(lua, text);
        break;
    case '(':
        push_named(lua, "big_number", text);
        break;
    case '=':
        push_verbatim(lua, read_bytes(reader, (size_t)number_of(line)));
        break;
    default:
        push_collection(lua, reader, line);
    }
}

void to_lua(lua_State *lua, const struct reply *reply, bool *error)
{
    struct reader reader = { .reply = reply, .lua = lua };
    ASSERT(reply->len > 0);
    *error = reply->data[0] == '-';
    push_value(lua, &reader);
    lua_pushnil(lua);
    lua_setfield(lua, LUA_REGISTRYINDEX, "joined");
}
