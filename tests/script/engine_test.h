/* engine_test.h - what the tests of script/ share: an engine whose host
 * answers what a test says. */
#ifndef TESTS_SCRIPT_ENGINE_TEST_H
#define TESTS_SCRIPT_ENGINE_TEST_H

#include "base/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/script.h"

struct fix {
    struct mem            mem;
    struct script_engine *engine;
    struct reply          reply;    /* of the last run */
    struct reply          canned;   /* what a command answers; empty: +OK */
    char                  called[1024]; /* the words of the last call */
    unsigned              calls, ticks, errors, counted;
    unsigned              kill_at;  /* this tick ends the script; 0: none */
    size_t                room;     /* that the heap may grow by, in all */
};

static inline void fix_call(void *arg, const slice *argv, size_t argc,
                            struct reply *reply)
{
    struct fix *fix = arg;
    size_t      len = 0;
    for (size_t i = 0; i < argc && len < sizeof(fix->called); i++)
        len += (size_t)snprintf(fix->called + len, sizeof(fix->called) - len,
                                "%s%.*s", i > 0 ? " " : "", (int)argv[i].len,
                                argv[i].data);
    fix->calls++;
    if (fix->canned.len == 0)
        reply_ok(reply);
    else
        reply_append(reply, &fix->canned);
}

static inline enum script_acl fix_acl(void *arg, const slice *argv,
                                      size_t argc)
{
    (void)arg;
    (void)argc;
    return slice_equal(argv[0], SLICE_LITERAL("get"))   ? SCRIPT_ACL_YES
           : slice_equal(argv[0], SLICE_LITERAL("set")) ? SCRIPT_ACL_NO
                                                        : SCRIPT_ACL_UNKNOWN;
}

static inline bool fix_tick(void *arg)
{
    struct fix *fix = arg;
    fix->ticks++;
    return fix->kill_at != 0 && fix->ticks >= fix->kill_at;
}

static inline void fix_error(void *arg, slice text, bool counted)
{
    struct fix *fix = arg;
    (void)text;
    fix->errors++;
    fix->counted += counted;
}

static inline bool fix_room(void *arg, size_t bytes)
{
    struct fix *fix = arg;
    if (bytes > fix->room)
        return false;
    fix->room -= bytes;
    return true;
}

static inline void fix_init(struct fix *fix)
{
    struct script_options options = {
        .mem = &fix->mem,
        .redis_version = "7.2.0",
        .host = { .call = fix_call,
                  .acl_check = fix_acl,
                  .on_tick = fix_tick,
                  .on_error = fix_error,
                  .has_room = fix_room,
                  .room_arg = fix },
    };
    *fix = (struct fix){ .room = SIZE_MAX };
    reply_init(&fix->reply);
    reply_init(&fix->canned);
    fix->reply.version = fix->canned.version = 2;
    fix->engine = script_engine_new(&options);
    script_set_limits(fix->engine, (size_t)4 << 20, (size_t)1 << 20);
}

static inline void fix_deinit(struct fix *fix)
{
    script_engine_free(fix->engine);
    reply_deinit(&fix->reply);
    reply_deinit(&fix->canned);
    for (int i = 0; i < MEM_ACCOUNT_COUNT; i++)
        assert_int_equal(fix->mem.used_bytes[i], 0);
}

static inline void fix_run_with(struct fix *fix, const char *body,
                                const slice *words, size_t keys, size_t args)
{
    fix->errors = fix->counted = 0;
    reply_clear(&fix->reply, 0);
    struct script *script = script_load(
        fix->engine, slice_from_string(body), false, &fix->reply);
    if (script == NULL)
        return;
    struct script_run run = {
        .script = script,
        .keys = words,
        .key_count = keys,
        .args = words + keys,
        .arg_count = args,
        .reply_limit = (size_t)1 << 20,
        .arg = fix,
        .reply = &fix->reply,
    };
    script_run(fix->engine, &run);
}

/* The reply as a text, good until the next run. */
static inline const char *fix_run(struct fix *fix, const char *body)
{
    fix_run_with(fix, body, NULL, 0, 0);
    reply_raw(&fix->reply, slice_make("", 1));
    return fix->reply.data;
}

static inline void fix_says(struct fix *fix, const char *body,
                            const char *expected)
{
    assert_string_equal(fix_run(fix, body), expected);
}

static inline void fix_tells(struct fix *fix, const char *body,
                             const char *part)
{
    if (strstr(fix_run(fix, body), part) == NULL)
        fail_msg("%s: %s", body, fix->reply.data);
}

#endif
