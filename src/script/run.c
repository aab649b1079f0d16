/* run.c - one run of one script.
 *
 * The script runs under a handler that turns whatever error it raises into a
 * table {err, source, line}, as Redis's does, from which the reply is made:
 *
 *     -ERR user_script:1: boo script: 1edb..., on @user_script:1.
 *
 * Memory that is refused is the exception: for that Lua calls no handler. */
#include "script/internal.h"

/* --- errors -------------------------------------------------------------- */

/* Who raised it: the function that called us, or who called that if it is one
 * of C. */
static bool find_place(lua_State *lua, lua_Debug *place)
{
    if (!lua_getstack(lua, 1, place) || !lua_getinfo(lua, "Sl", place))
        return false;
    if (place->what[0] != 'C')
        return true;
    return lua_getstack(lua, 2, place) && lua_getinfo(lua, "Sl", place);
}

static void push_as_text(lua_State *lua, int index)
{
    lua_getglobal(lua, "tostring");
    lua_pushvalue(lua, index);
    lua_call(lua, 1, 1);
    if (!lua_isstring(lua, -1)) {
        lua_pop(lua, 1);
        lua_pushstring(lua, luaL_typename(lua, index));
    }
}

static int handle_error(lua_State *lua)
{
    lua_Debug place;
    bool      found = find_place(lua, &place);
    lua_settop(lua, 1);
    if (readonly_push(lua, 1)) /* error(string): it stays as it is */
        lua_settop(lua, 0);
    if (!lua_istable(lua, 1)) {
        lua_settop(lua, 1);
        lua_createtable(lua, 0, 3);
        lua_pushliteral(lua, "ERR ");
        push_as_text(lua, 1);
        lua_concat(lua, 2);
        lua_setfield(lua, 2, "err");
        lua_replace(lua, 1);
    }
    if (found) {
        lua_pushstring(lua, place.source);
        lua_setfield(lua, 1, "source");
        lua_pushinteger(lua, place.currentline);
        lua_setfield(lua, 1, "line");
    }
    return 1;
}

void run_error_handler(lua_State *lua)
{
    lua_pushcfunction(lua, handle_error);
    lua_setfield(lua, -2, "__redis__err__handler");
}

/* A field of the table on top, as text: good as long as the table. */
static bool get_text(lua_State *lua, const char *name, slice *text)
{
    lua_pushstring(lua, name);
    lua_rawget(lua, -2);
    if (!lua_isstring(lua, -1))
        return false;
    *text = slice_from_string(lua_tostring(lua, -1));
    return true;
}

/* Answers the error on top.
 * Leaves what it pushes, so that the texts live. */
static void answer_error(struct script_engine *engine, lua_State *lua)
{
    const struct script_run *run = engine->run;
    slice err = SLICE_LITERAL("ERR unknown error"), source, line;
    int   table = lua_gettop(lua);
    bool  counted = false, placed = false;
    struct buf text;
    buf_init(&text, SIZE_MAX);
    if (lua_istable(lua, table)) {
        (void)get_text(lua, "err", &err);
        lua_pushvalue(lua, table);
        placed = get_text(lua, "source", &source);
        lua_pushvalue(lua, table);
        placed = get_text(lua, "line", &line) && placed;
        lua_pushliteral(lua, "ignore_error_stats_update");
        lua_rawget(lua, table); /* no tick would come in a metamethod */
        counted = lua_toboolean(lua, -1);
    } else if (lua_isstring(lua, table)) {
        lua_pushliteral(lua, "ERR ");
        lua_pushvalue(lua, table);
        lua_concat(lua, 2);
        err = slice_from_string(lua_tostring(lua, -1));
    }
    err_t rc = buf_append(&text, err.data, err.len);
    if (placed)
        rc = buf_printf(&text, " script: %s, on %.*s:%.*s.", run->script->sha,
                        (int)source.len, source.data, (int)line.len,
                        line.data);
    ASSERT(rc == ERR_OK);
    reply_error_slice(run->reply, buf_slice(&text));
    engine->host.on_error(run->arg, buf_slice(&text), counted);
    buf_deinit(&text);
}

/* --- while it runs ------------------------------------------------------- */

/* Once it is to end, every line is an end: no pcall saves it. */
static void tick(lua_State *lua, lua_Debug *where)
{
    struct script_engine *engine = engine_of(lua);
    (void)where;
    if (engine->lua_bytes > engine->lua_limit / 2)
        (void)lua_gc(lua, LUA_GCSETPAUSE, ENGINE_PAUSE_SHORT);
    if (!engine->killed &&
        !engine->host.on_tick(engine->run->arg))
        return;
    engine->killed = true;
    lua_sethook(lua, tick, LUA_MASKLINE | LUA_MASKCOUNT, 1);
    lib_push_error(lua,
                   SLICE_LITERAL("ERR Script killed by user with SCRIPT "
                                 "KILL..."), false);
    lua_error(lua);
}

/* The table of globals is on top. */
static void set_words(lua_State *lua, const char *name, const slice *words,
                      size_t count)
{
    lua_createtable(lua, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushlstring(lua, words[i].data, words[i].len);
        lua_rawseti(lua, -2, (int)i + 1);
    }
    lua_pushstring(lua, name);
    lua_insert(lua, -2);
    lua_rawset(lua, -3);
}

static void answer_value(struct script_engine *engine, lua_State *lua)
{
    const struct script_run *run = engine->run;
    if (to_resp(engine, lua, run->reply, run->reply_limit))
        return;
    reply_clear(run->reply, SCRIPT_KEEP);
    reply_error(run->reply, "OOM the script's reply is larger than one reply "
                            "may be");
    engine->host.on_error(run->arg, SLICE_LITERAL("OOM too large"), false);
}

static int run_script(lua_State *lua)
{
    struct script_engine    *engine = lua_touserdata(lua, 1);
    const struct script_run *run = engine->run;
    lua_getfield(lua, LUA_REGISTRYINDEX, sandbox_globals);
    set_words(lua, "KEYS", run->keys, run->key_count);
    set_words(lua, "ARGV", run->args, run->arg_count);
    lua_getfield(lua, -1, "__redis__err__handler");
    lua_rawgeti(lua, LUA_REGISTRYINDEX, run->script->ref);
    lua_sethook(lua, tick, LUA_MASKCOUNT, SCRIPT_TICK);
    int status = lua_pcall(lua, 0, 1, -2);
    lua_sethook(lua, NULL, 0, 0);
    /* So much of the stack as in Redis, which shows in a table in itself. */
    lua_replace(lua, 2);
    lua_settop(lua, 2);
    if (status != 0)
        answer_error(engine, lua);
    else
        answer_value(engine, lua);
    return 0;
}

void script_run(struct script_engine *engine, const struct script_run *run)
{
    ASSERT(engine->run == NULL);
    ASSERT(run->reply->len == 0);
    engine->run = run;
    engine->resp = 2;
    engine->killed = false;
    if (engine_protected(engine, run_script, engine) != 0) {
        /* No memory for the arguments, or for the reply. */
        lua_sethook(engine->lua, NULL, 0, 0);
        reply_clear(run->reply, SCRIPT_KEEP);
        reply_error(run->reply, "ERR not enough memory");
        engine->host.on_error(run->arg,
                              SLICE_LITERAL("ERR not enough memory"), false);
    }
    engine->run = NULL;
    reply_clear(&engine->answer, SCRIPT_KEEP);
    engine_rest(engine);
}
