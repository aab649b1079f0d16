/* engine.c - the interpreter's life and its memory.
 *
 * Lua allocates through us. Its heap is charged in steps: a step more is asked
 * for (host->has_room may evict), and without it, or above the limit, Lua gets
 * NULL and raises "not enough memory" in the script. Making smaller always
 * works, as Lua wants it.
 *
 * Lua 5.1 collects no garbage when it is refused memory, so the collector is
 * kept going: harder when the heap is above half of its limit, and fully after
 * a run that leaves much. */
#include "script/internal.h"

#include "base/rand.h"

/* A heap of more than this is collected after each run; and of any size, each
 * so many runs, a step. */
#define COLLECT_BYTES ((size_t)1024 * 1024)
#define RUNS_A_STEP   50

/* The state that drand48 begins with when nobody seeds it. */
#define RANDOM_BEGIN UINT64_C(0x1234abcd330e)

/* --- memory -------------------------------------------------------------- */

static bool may_grow(struct script_engine *engine, size_t bytes)
{
    if (engine->lua_free)
        return true;
    return engine->lua_bytes + bytes <= engine->lua_limit &&
           engine->host.has_room(engine->host.room_arg, bytes);
}

/* Room for so much more, charged. */
static bool reserve(struct script_engine *engine, size_t more)
{
    size_t need = engine->lua_bytes + more;
    if (need <= engine->lua_charged)
        return true;
    size_t step = need - engine->lua_charged;
    if (step < SCRIPT_STEP)
        step = SCRIPT_STEP;
    if (!may_grow(engine, step))
        return false;
    mem_charge(engine->mem, MEM_OTHER, step);
    engine->lua_charged += step;
    return true;
}

static void uncharge_rest(struct script_engine *engine)
{
    size_t kept = engine->lua_bytes + SCRIPT_STEP - 1;
    kept -= kept % SCRIPT_STEP;
    if (kept >= engine->lua_charged)
        return;
    mem_release(engine->mem, MEM_OTHER, engine->lua_charged - kept);
    engine->lua_charged = kept;
}

static void *allocate(void *arg, void *pointer, size_t old_size, size_t size)
{
    struct script_engine *engine = arg;
    size_t was = pointer == NULL ? 0 : mem_good_size(old_size);
    if (size == 0) {
        engine->lua_bytes -= was;
        mem_free(pointer);
        return NULL;
    }
    if (!engine->lua_free && size > engine->lua_limit)
        return NULL; /* before it is rounded up */
    size_t is = mem_good_size(size);
    if (is > was && !reserve(engine, is - was))
        return NULL;
    engine->lua_bytes = engine->lua_bytes - was + is;
    return mem_realloc(pointer, size);
}

/* --- life ---------------------------------------------------------------- */

struct script_engine *engine_of(lua_State *lua)
{
    void *arg;
    (void)lua_getallocf(lua, &arg);
    return arg;
}

static int panic(lua_State *lua)
{
    (void)lua;
    ASSERT(!"an error outside of all protected calls");
    return 0;
}

int engine_protected(struct script_engine *engine, lua_CFunction work,
                     void *arg)
{
    int status = lua_cpcall(engine->lua, work, arg);
    lua_settop(engine->lua, 0);
    return status;
}

static void open_lua(struct script_engine *engine)
{
    engine->lua_free = true;
    engine->lua = lua_newstate(allocate, engine);
    ASSERT(engine->lua != NULL);
    lua_atpanic(engine->lua, panic);
    int status = engine_protected(engine, sandbox_open, NULL);
    ASSERT(status == 0);
    (void)lua_gc(engine->lua, LUA_GCCOLLECT, 0);
    engine->lua_free = false;
    uncharge_rest(engine);
}

static void close_lua(struct script_engine *engine)
{
    engine->lua_free = true;
    lua_close(engine->lua);
    engine->lua = NULL;
    ASSERT(engine->lua_bytes == 0);
    uncharge_rest(engine);
}

struct script_engine *script_engine_new(const struct script_options *options)
{
    struct script_engine *engine = mem_calloc(1, sizeof(*engine));
    struct hash_key       hash_key;
    engine->mem = options->mem;
    engine->log = options->log;
    engine->host = options->host;
    engine->redis_version = options->redis_version;
    engine->lua_limit = engine->cache_limit = SIZE_MAX;
    engine->random = RANDOM_BEGIN;
    rand_system(&hash_key, sizeof(hash_key));
    dict_init(&engine->scripts, engine->mem, MEM_OTHER, hash_key);
    link_init(&engine->evictable);
    reply_init(&engine->answer);
    open_lua(engine);
    return engine;
}

static void free_scripts(struct script_engine *engine)
{
    struct dict_node *node;
    while ((node = dict_next(&engine->scripts, NULL)) != NULL) {
        struct script *script = CONTAINER_OF(node, struct script, node);
        dict_remove(&engine->scripts, node);
        link_remove(&script->link);
        mem_free(script);
    }
    mem_release(engine->mem, MEM_OTHER, engine->cache_bytes);
    engine->cache_bytes = engine->compiled_bytes = 0;
}

void script_engine_free(struct script_engine *engine)
{
    if (engine == NULL)
        return;
    free_scripts(engine);
    close_lua(engine);
    dict_deinit(&engine->scripts);
    reply_deinit(&engine->answer);
    mem_free(engine->argv);
    mem_free(engine->numbers);
    mem_free(engine);
}

void script_flush(struct script_engine *engine)
{
    ASSERT(engine->run == NULL);
    free_scripts(engine);
    close_lua(engine);
    open_lua(engine);
}

void script_set_limits(struct script_engine *engine, size_t lua_limit,
                       size_t cache_limit)
{
    engine->lua_limit = lua_limit;
    engine->cache_limit = cache_limit;
}

/* --- after a run --------------------------------------------------------- */

void engine_rest(struct script_engine *engine)
{
    bool much = engine->lua_bytes - engine->compiled_bytes > COLLECT_BYTES ||
                engine->lua_bytes > engine->lua_limit / 2;
    (void)lua_gc(engine->lua, LUA_GCRESTART, 0); /* it may have been stopped */
    (void)lua_gc(engine->lua, LUA_GCSETPAUSE, ENGINE_PAUSE);
    if (much) {
        (void)lua_gc(engine->lua, LUA_GCCOLLECT, 0);
    } else if (++engine->runs >= RUNS_A_STEP) {
        engine->runs = 0;
        (void)lua_gc(engine->lua, LUA_GCSTEP, 1);
    }
    uncharge_rest(engine);
}

void script_figures(const struct script_engine *engine,
                    struct script_figures *out)
{
    out->lua_bytes = engine->lua_bytes;
    out->cache_bytes = engine->cache_bytes;
    out->script_count = engine->scripts.count;
    out->evicted = engine->evicted;
}
