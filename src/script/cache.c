/* cache.c - scripts by the SHA-1 of their text.
 *
 * A cached script is its text and its compiled function, in Lua's registry.
 * Both count against cache_limit. What EVAL brought may go again, oldest first,
 * when it passes the limit; what SCRIPT LOAD brought may not, since clients
 * count on it: then LOAD is refused. An EVAL that does not fit beside what was
 * loaded runs all the same, and is the first to go. */
#include "script/internal.h"

#include <string.h>

struct compiling {
    struct script_engine *engine;
    struct script        *script;
    slice                 text;
    struct reply         *why;
};

/* --- compiling ----------------------------------------------------------- */

static int compile(lua_State *lua)
{
    struct compiling *job = lua_touserdata(lua, 1);
    /* A collection in between would be counted as the script's. */
    size_t before = job->engine->lua_bytes;
    (void)lua_gc(lua, LUA_GCSTOP, 0);
    int status = lib_load_text(lua, job->text, SCRIPT_CHUNK);
    if (status != 0) {
        reply_errorf(job->why,
                     "ERR Error compiling script (new function): %s",
                     lua_tostring(lua, -1));
        return 0;
    }
    job->script->ref = luaL_ref(lua, LUA_REGISTRYINDEX);
    if (job->engine->lua_bytes > before)
        job->script->compiled_bytes = job->engine->lua_bytes - before;
    return 0;
}

/* Sets script->ref; false with why. */
static bool compile_script(struct script_engine *engine, struct script *script,
                           size_t shebang_len, struct reply *why)
{
    struct compiling job = {
        .engine = engine,
        .script = script,
        .text = slice_make(script->body + shebang_len,
                           script->body_len - shebang_len),
        .why = why,
    };
    int status = engine_protected(engine, compile, &job);
    (void)lua_gc(engine->lua, LUA_GCRESTART, 0);
    if (status != 0)
        reply_error(why, "ERR Error compiling script (new function): not "
                         "enough memory");
    return script->ref != LUA_NOREF;
}

/* --- the cache ----------------------------------------------------------- */

static size_t cached_bytes(const struct script_engine *engine)
{
    return engine->cache_bytes + engine->compiled_bytes;
}

static void script_free(struct script_engine *engine, struct script *script)
{
    /* This may take a few bytes of Lua's heap, and nobody would catch an
     * error. */
    engine->lua_free = true;
    luaL_unref(engine->lua, LUA_REGISTRYINDEX, script->ref);
    engine->lua_free = false;
    mem_free(script);
}

static void forget(struct script_engine *engine, struct script *script)
{
    dict_remove(&engine->scripts, &script->node);
    link_remove(&script->link);
    mem_release(engine->mem, MEM_OTHER, script->charged_bytes);
    engine->cache_bytes -= script->charged_bytes;
    engine->compiled_bytes -= script->compiled_bytes;
    script_free(engine, script);
}

static void evict_for(struct script_engine *engine, size_t bytes)
{
    struct link *oldest;
    while (cached_bytes(engine) + bytes > engine->cache_limit &&
           (oldest = list_first(&engine->evictable)) != NULL) {
        forget(engine, CONTAINER_OF(oldest, struct script, link));
        engine->evicted++;
    }
}

static void remember(struct script_engine *engine, struct script *script,
                     bool keep)
{
    mem_charge(engine->mem, MEM_OTHER, script->charged_bytes);
    engine->cache_bytes += script->charged_bytes;
    engine->compiled_bytes += script->compiled_bytes;
    dict_insert(&engine->scripts, &script->node);
    if (!keep)
        list_push_back(&engine->evictable, &script->link);
}

static struct script *find(const struct script_engine *engine, const char *sha)
{
    struct dict_node *node =
        dict_find(&engine->scripts, slice_make(sha, SHA1_HEX_CHARS));
    return node == NULL ? NULL : CONTAINER_OF(node, struct script, node);
}

static struct script *script_new(slice body, const char *sha, unsigned flags)
{
    size_t         size = sizeof(struct script) + body.len;
    struct script *script = mem_alloc(size);
    memset(script, 0, sizeof(*script));
    memcpy(script->sha, sha, sizeof(script->sha));
    link_init(&script->link);
    script->flags = flags;
    script->ref = LUA_NOREF;
    script->charged_bytes = mem_good_size(size);
    script->body_len = body.len;
    if (body.len > 0)
        memcpy(script->body, body.data, body.len);
    script->node.key = slice_make(script->sha, SHA1_HEX_CHARS);
    return script;
}

static struct script *refuse(struct script_engine *engine,
                             struct script *script, struct reply *why,
                             const char *error)
{
    if (error != NULL)
        reply_error(why, error);
    script_free(engine, script);
    return NULL;
}

static struct script *add(struct script_engine *engine, slice body,
                          const char *sha, bool keep, struct reply *why)
{
    unsigned flags;
    size_t   shebang_len;
    if (!shebang_read(body, &flags, &shebang_len, why))
        return NULL;
    struct script *script = script_new(body, sha, flags);
    if (!compile_script(engine, script, shebang_len, why))
        return refuse(engine, script, why, NULL);
    size_t bytes = script->charged_bytes + script->compiled_bytes;
    evict_for(engine, bytes);
    if (keep && cached_bytes(engine) + bytes > engine->cache_limit)
        return refuse(engine, script, why,
                      "OOM the cached scripts take all of the memory that "
                      "they may have; SCRIPT FLUSH empties it");
    remember(engine, script, keep);
    return script;
}

struct script *script_load(struct script_engine *engine, slice body, bool keep,
                           struct reply *why)
{
    char sha[SHA1_HEX_CHARS + 1];
    ASSERT(engine->run == NULL);
    sha1_hex(body, sha);
    struct script *script = find(engine, sha);
    if (script == NULL)
        return add(engine, body, sha, keep, why);
    if (keep)
        link_remove(&script->link);
    return script;
}

struct script *script_find(struct script_engine *engine, slice sha)
{
    char lower[SHA1_HEX_CHARS];
    if (sha.len != SHA1_HEX_CHARS)
        return NULL;
    for (size_t i = 0; i < sha.len; i++) {
        char c = sha.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return find(engine, lower);
}

const char *script_sha(const struct script *script)
{
    return script->sha;
}

unsigned script_flags(const struct script *script)
{
    return script->flags;
}
