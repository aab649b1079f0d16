/* internal.h - the engine's own struct, and what its files share. Only
 * src/script includes it.
 *
 *   engine.c    life, Lua's memory
 *   cache.c     scripts by their SHA-1
 *   shebang.c   a script's first line
 *   run.c       one run: KEYS, ARGV, the hook, errors
 *   sandbox.c   what a script finds when it begins
 *   readonly.c  tables that can't be changed
 *   lib_base.c  functions of Lua that are other ones here
 *   lib_redis.c redis.*
 *   lib_json.c  cjson, bit
 *   to_lua.c    a reply becomes a value
 *   to_resp.c   a value becomes a reply
 */
#ifndef SCRIPT_INTERNAL_H
#define SCRIPT_INTERNAL_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/dict.h"
#include "base/list.h"
#include "script/script.h"

/* The chunk name of all scripts; Redis's. */
#define SCRIPT_CHUNK "@user_script"
/* Instructions between two ticks. */
#define SCRIPT_TICK  10000
/* Lua's heap is charged in steps of this, and host->has_room asked for it. */
#define SCRIPT_STEP  ((size_t)64 * 1024)
/* What redis.call keeps of its buffers between two calls. */
#define SCRIPT_KEEP  ((size_t)16 * 1024)

struct script {
    struct dict_node node;    /* in engine->scripts, by sha */
    struct link      link;    /* on engine->evictable, oldest first, or none */
    char     sha[SHA1_HEX_CHARS + 1];
    unsigned flags;
    int      ref;             /* the function, in Lua's registry */
    size_t   compiled_bytes;  /* about what that takes of Lua's heap */
    size_t   charged_bytes;   /* struct and body */
    size_t   body_len;
    char     body[];
};

struct script_engine {
    struct mem        *mem;
    struct log        *log;
    struct script_host host;
    const char        *redis_version;
    lua_State         *lua;
    size_t             lua_bytes, lua_charged, lua_limit;
    bool               lua_free;   /* no limit: while it is set up or ended */
    struct dict        scripts;
    struct link        evictable;
    size_t             cache_bytes; /* charged */
    size_t             compiled_bytes;
    size_t             cache_limit;
    uint64_t           evicted;
    uint64_t           random;      /* of math.random, 48 bits */
    unsigned           runs;        /* since the last collection */
    /* the run under way */
    const struct script_run *run;   /* NULL: none */
    int                resp;        /* of redis.call's replies */
    bool               killed;
    /* redis.call's words and reply; numbers as text */
    slice             *argv;
    size_t             argv_capacity;
    char              *numbers;
    size_t             numbers_capacity;
    struct reply       answer;
};

/* --- engine.c */
struct script_engine *engine_of(lua_State *lua);
/* Runs work in protected mode; a Lua error status, the message is dropped. */
int engine_protected(struct script_engine *engine, lua_CFunction work,
                     void *arg);
/* A run has ended: collects garbage, if it is worth it. */
void engine_rest(struct script_engine *engine);
/* How much Lua's heap may grow from one collection to the next, in % of what
 * was left; and when it is above half of its limit. */
#define ENGINE_PAUSE       200
#define ENGINE_PAUSE_SHORT 110

/* --- shebang.c */
/* flags, and how many bytes of the body come before Lua's part. False: why is
 * the error. */
bool shebang_read(slice body, unsigned *flags, size_t *len, struct reply *why);

/* --- sandbox.c */
/* Lua's libraries, ours, and the global table; for engine_protected. */
int sandbox_open(lua_State *lua);
/* The key in the registry of the global table behind the one that scripts
 * see. */
extern const char sandbox_globals[];

/* --- readonly.c */
/* The table on top becomes one that shows its contents and can't be changed,
 * on top in its place. */
void readonly_wrap(lua_State *lua);
/* The table behind it, pushed; false, nothing pushed, if it is not such a
 * table. */
bool readonly_push(lua_State *lua, int index);
/* Raises the error unless it is an ordinary table (or none at all). */
void readonly_refuse(lua_State *lua, int index);

/* --- lib_base.c, lib_redis.c: what is set in the table on top */
void lib_base(lua_State *lua);
void lib_string(lua_State *lua);
void lib_table(lua_State *lua);
void lib_math(lua_State *lua);
void lib_redis(lua_State *lua);
/* Push the libraries cjson and bit. */
void lib_json(lua_State *lua);
void lib_bit(lua_State *lua);
/* lua_load of a text; bytecode is no text. */
int lib_load_text(lua_State *lua, slice text, const char *chunk_name);
/* Pushes {err = ...}, counted: a command has counted it. */
void lib_push_error(lua_State *lua, slice text, bool counted);

/* --- run.c */
/* Puts the handler of errors into the table on top. */
void run_error_handler(lua_State *lua);

/* --- to_lua.c */
/* Pushes the value of one reply; error: it was an error. */
void to_lua(lua_State *lua, const struct reply *reply, bool *error);

/* --- to_resp.c */
/* Writes the value on top and pops it. False: larger than limit. */
bool to_resp(struct script_engine *engine, lua_State *lua, struct reply *reply,
             size_t limit);

#endif
