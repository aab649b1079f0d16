/* cmd_slowlog.c - SLOWLOG.
 *
 * An entry has Redis's six fields and one more: a map of microseconds that
 * tells what the third one, their sum, is made of. */
#include "cmd/handlers.h"

#include "base/num.h"
#include "cmd/slowlog.h"

static void reply_entry(struct reply *reply, const struct slowlog_entry *entry)
{
    reply_array(reply, 7);
    reply_int(reply, entry->id);
    reply_int(reply, entry->time_s);
    reply_int(reply, (int64_t)entry->total_us);
    reply_array(reply, entry->argc);
    for (size_t i = 0; i < entry->argc; i++)
        reply_bulk(reply, entry->argv[i]);
    reply_bulk(reply, entry->peer);
    reply_bulk(reply, entry->name);
    reply_map(reply, 1 + WAITED_COUNT);
    reply_bulk_string(reply, "run");
    reply_int(reply, (int64_t)entry->run_us);
    for (int i = 0; i < WAITED_COUNT; i++) {
        reply_bulkf(reply, "wait-%s", waited_name((enum waited_for)i));
        reply_int(reply, (int64_t)entry->waited_us[i]);
    }
}

enum call_result cmd_slowlog_get(struct call *call)
{
    const struct slowlog *log = call->server->slowlog;
    int64_t               count = 10;
    if (call->argc > 3) {
        reply_errorf(call->reply,
                     "ERR unknown subcommand or wrong number of arguments for "
                     "'%.*s'. Try SLOWLOG HELP.",
                     (int)call->argv[1].len, call->argv[1].data);
        return CALL_DONE;
    }
    if (call->argc == 3 &&
        (!num_parse_int64(call->argv[2], &count) || count < -1)) {
        reply_error(call->reply,
                    "ERR count should be greater than or equal to -1");
        return CALL_DONE;
    }
    if (count < 0 || (uint64_t)count > log->count)
        count = (int64_t)log->count;
    reply_array(call->reply, (size_t)count);
    LIST_EACH (link, &log->entries) {
        if (count-- == 0)
            break;
        reply_entry(call->reply,
                    CONTAINER_OF(link, struct slowlog_entry, link));
    }
    return CALL_DONE;
}

enum call_result cmd_slowlog_len(struct call *call)
{
    reply_int(call->reply, (int64_t)call->server->slowlog->count);
    return CALL_DONE;
}

enum call_result cmd_slowlog_reset(struct call *call)
{
    slowlog_clear(call->server);
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_slowlog_help(struct call *call)
{
    static const char *const lines[] = {
        "GET [<count>]",
        "    The newest <count> slow commands (default: 10, -1: all), each:",
        "    id, unix time, microseconds, arguments, address and name of the",
        "    client, and what the microseconds were spent on: running, waiting",
        "    for the disk, for room in memory, for its turn.",
        "LEN",
        "    How many slow commands are logged.",
        "RESET",
        "    Forgets them all.",
        NULL,
    };
    call_help(call, "SLOWLOG", lines);
    return CALL_DONE;
}
