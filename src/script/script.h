/* script.h - Lua scripts: a sandboxed interpreter, the cache of scripts, and
 * the ways of values between Lua and RESP.
 *
 * The room knows no commands: what a script asks of the server goes through
 * struct script_host, and the server's answer is a RESP reply.
 *
 * Memory   Lua's heap is charged to MEM_OTHER and never passes lua_limit: a
 *          script that would gets Lua's "not enough memory" as an error. Before
 *          it grows, host->has_room is asked. The cached scripts, source and
 *          compiled together, are at most cache_limit: those that EVAL brought
 *          go oldest first, those of SCRIPT LOAD stay until SCRIPT FLUSH.
 * Errors   a script's errors are replies.
 * Threads  loop thread only. script_run may be left and come back to in
 *          host->on_tick (base/fiber.h); nothing else may be called meanwhile
 *          but the figures.
 */
#ifndef SCRIPT_SCRIPT_H
#define SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sha1.h"
#include "resp/reply.h"

struct script_engine;
struct script;

/* What a script says of itself in its first line, and what its caller adds. */
enum script_flag {
    SCRIPT_NO_WRITES   = 1 << 0,
    SCRIPT_ALLOW_OOM   = 1 << 1,
    SCRIPT_ALLOW_STALE = 1 << 2,
    SCRIPT_NO_CLUSTER  = 1 << 3,
    SCRIPT_CROSS_SLOT  = 1 << 4,
    SCRIPT_PLAIN       = 1 << 5, /* it has no such line */
};

enum script_acl { SCRIPT_ACL_UNKNOWN, SCRIPT_ACL_NO, SCRIPT_ACL_YES };

/* What the engine asks of the server. arg is that of the run under way; but
 * has_room gets room_arg, at any time. */
struct script_host {
    /* redis.call: runs a command and answers into reply, whose version is set.
     * The words are good for the call. */
    void (*call)(void *arg, const slice *argv, size_t argc,
                 struct reply *reply);
    /* redis.acl_check_cmd. */
    enum script_acl (*acl_check)(void *arg, const slice *argv, size_t argc);
    /* About every 10,000 instructions. True: the script must end. */
    bool (*on_tick)(void *arg);
    /* The reply has this error in it; counted: a command that it called has
     * counted it already. */
    void (*on_error)(void *arg, slice text, bool counted);
    /* May the heap grow by so much? */
    bool (*has_room)(void *room_arg, size_t bytes);
    void *room_arg;
};

struct script_options {
    struct mem *mem;
    struct log *log;
    const char *redis_version; /* "7.2.0" */
    struct script_host host;
};

/* --- life ---------------------------------------------------------------- */

struct script_engine *script_engine_new(const struct script_options *options);
/* NULL is fine. Also in the middle of a run that will not be gone on with. */
void script_engine_free(struct script_engine *engine);
/* Bytes of Lua's heap, and of the cached scripts. Holds from the next growth
 * on. */
void script_set_limits(struct script_engine *engine, size_t lua_limit,
                       size_t cache_limit);

/* --- scripts ------------------------------------------------------------- */

/* NULL: it is not cached. sha in any case. */
struct script *script_find(struct script_engine *engine, slice sha);
/* The cached script of that text; compiled and cached if it is not. keep: as
 * SCRIPT LOAD does. NULL: why is what to answer. */
struct script *script_load(struct script_engine *engine, slice body, bool keep,
                           struct reply *why);
/* Forgets all of them, and begins with a new interpreter. */
void script_flush(struct script_engine *engine);

const char *script_sha(const struct script *script);
unsigned    script_flags(const struct script *script);

/* --- running ------------------------------------------------------------- */

struct script_run {
    struct script *script;
    const slice   *keys, *args; /* good until Lua code runs: copied before */
    size_t         key_count, arg_count;
    size_t         reply_limit; /* bytes; a larger one becomes an OOM error */
    void          *arg;         /* host's */
    struct reply  *reply;       /* gets exactly one reply, or error */
};
void script_run(struct script_engine *engine, const struct script_run *run);

/* --- figures ------------------------------------------------------------- */

struct script_figures {
    size_t lua_bytes;    /* Lua's heap, compiled scripts included */
    size_t cache_bytes;  /* the texts, and what finds them */
    size_t script_count;
    uint64_t evicted;    /* scripts that made room for others */
};
void script_figures(const struct script_engine *engine,
                    struct script_figures *out);

#endif
