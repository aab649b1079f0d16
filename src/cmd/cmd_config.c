/* cmd_config.c - CONFIG: the client's door to config.h, which does the work.
 * CONFIG REWRITE is in cmd_config_rewrite.c. */
#include "base/mem.h"
#include "cache/cache.h"
#include "cmd/cmdstats.h"
#include "cmd/handlers.h"

static void reply_option(void *arg, slice name, slice value)
{
    struct reply *reply = arg;
    reply_bulk(reply, name);
    reply_bulk(reply, value);
}

enum call_result cmd_config_get(struct call *call)
{
    size_t mark = reply_deferred_begin(call->reply);
    size_t count = config_get(call->server->config, call->argv + 2,
                              call->argc - 2, reply_option, call->reply);
    reply_deferred_end(call->reply, mark, '%', count);
    return CALL_DONE;
}

enum call_result cmd_config_set(struct call *call)
{
    struct err_text why = { "" };
    if (call->argc % 2 != 0) {
        call_syntax_error(call);
        return CALL_DONE;
    }
    size_t              count = (call->argc - 2) / 2;
    struct config_pair *pairs = mem_alloc(count * sizeof(*pairs));
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct config_pair){ .name = call->argv[2 + 2 * i],
                                         .value = call->argv[3 + 2 * i] };
    err_t err = config_set_pairs(call->server->config, pairs, count, &why);
    mem_free(pairs);
    call_look_closer(call->server);
    if (err == ERR_OK)
        reply_ok(call->reply);
    else
        reply_error(call->reply, why.text);
    return CALL_DONE;
}

/* Back to zero: all that counts events. What tells how things are now (memory
 * and its peak, keys, clients) stays. */
enum call_result cmd_config_resetstat(struct call *call)
{
    struct server *server = call->server;
    server->stats = (struct server_stats){ .busy_from_us = server_busy_us() };
    cmdstats_reset(server->cmdstats);
    server->rates = (struct server_rates){
        .at_ms = server->now_ms, .last = { [RATE_BUSY_US] = server_busy_us() }
    };
    db_reset_stats(server->db);
    db_cache(server->db)->evictions = 0;
    db_cache(server->db)->hand_moved_bytes = 0;
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_config_help(struct call *call)
{
    static const char *const lines[] = {
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their "
        "values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file with the present values.",
        NULL
    };
    call_help(call, "CONFIG", lines);
    return CALL_DONE;
}
