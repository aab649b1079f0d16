/* cmd_client_mode.c - CLIENT: how this connection, or all of them, are to be
 * served: PAUSE, UNPAUSE, REPLY, NO-EVICT, NO-TOUCH, UNBLOCK. */
#include "cmd/handlers.h"

#include "base/num.h"
#include "cmd/block.h"
#include "cmd/pause.h"

/* --- PAUSE, UNPAUSE ------------------------------------------------------ */

/* The one error that Redis has for arguments too many. */
static enum call_result too_many(struct call *call)
{
    reply_errorf(call->reply,
                 "ERR unknown subcommand or wrong number of arguments for "
                 "'%.*s'. Try CLIENT HELP.",
                 (int)call->argv[1].len, call->argv[1].data);
    return CALL_DONE;
}

/* When a time from now is over; an error is answered. */
static bool parse_timeout(struct call *call, slice arg, int64_t *until_ms)
{
    int64_t     ms, now_ms = call->server->now_ms;
    const char *wrong = NULL;
    if (!num_parse_int64(arg, &ms))
        wrong = "ERR timeout is not an integer or out of range";
    else if (ms < 0)
        wrong = "ERR timeout is negative";
    else if (ms > INT64_MAX - now_ms)
        wrong = "ERR timeout is out of range";
    else
        *until_ms = now_ms + ms;
    if (wrong != NULL)
        reply_error(call->reply, wrong);
    return wrong == NULL;
}

enum call_result cmd_client_pause(struct call *call)
{
    int64_t until_ms;
    bool    all = true;
    if (call->argc > 4)
        return too_many(call);
    if (call->argc == 4) {
        all = call_arg_is(call, 3, "all");
        if (!all && !call_arg_is(call, 3, "write")) {
            reply_error(call->reply,
                        "ERR CLIENT PAUSE mode must be WRITE or ALL");
            return CALL_DONE;
        }
    }
    if (parse_timeout(call, call->argv[2], &until_ms)) {
        pause_begin(call->server, until_ms, all);
        reply_ok(call->reply);
    }
    return CALL_DONE;
}

enum call_result cmd_client_unpause(struct call *call)
{
    pause_end(call->server);
    reply_ok(call->reply);
    return CALL_DONE;
}

/* --- REPLY --------------------------------------------------------------- */

enum call_result cmd_client_reply(struct call *call)
{
    struct session *session = call->session;
    const uint32_t  off = SESSION_REPLY_OFF, skip = SESSION_REPLY_SKIP;
    if (call_arg_is(call, 2, "on")) {
        session->flags &= ~(off | skip);
        call->reply->muted = false; /* from here on, within EXEC too */
        reply_ok(call->reply);
    } else if (call_arg_is(call, 2, "off")) {
        session->flags |= off;
        call->reply->muted = true;
    } else if (call_arg_is(call, 2, "skip")) {
        if (!(session->flags & off))
            session->flags |= SESSION_REPLY_SKIP_NEXT;
    } else {
        call_syntax_error(call);
    }
    return CALL_DONE;
}

/* --- flags --------------------------------------------------------------- */

static enum call_result switch_flag(struct call *call, uint32_t flag)
{
    if (call_arg_is(call, 2, "on")) {
        call->session->flags |= flag;
        reply_ok(call->reply);
    } else if (call_arg_is(call, 2, "off")) {
        call->session->flags &= ~flag;
        reply_ok(call->reply);
    } else {
        call_syntax_error(call);
    }
    return CALL_DONE;
}

enum call_result cmd_client_no_evict(struct call *call)
{
    return switch_flag(call, SESSION_NO_EVICT);
}

enum call_result cmd_client_no_touch(struct call *call)
{
    return switch_flag(call, SESSION_NO_TOUCH);
}

/* --- UNBLOCK ------------------------------------------------------------- */

/* Who waits for the disk, for room or for the end of a pause is not blocked in
 * Redis's sense and can't be sent on. */
enum call_result cmd_client_unblock(struct call *call)
{
    int64_t id;
    bool    with_error = call->argc == 4 && call_arg_is(call, 3, "error");
    if (call->argc > 4)
        return too_many(call);
    if (call->argc == 4 && !with_error && !call_arg_is(call, 3, "timeout")) {
        reply_error(call->reply,
                    "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return CALL_DONE;
    }
    if (!call_int(call, call->argv[2], &id))
        return CALL_DONE;
    struct session *session =
        id > 0 ? session_by_id(call->server, (uint64_t)id) : NULL;
    reply_int(call->reply,
              session != NULL && block_end(session, with_error));
    return CALL_DONE;
}
