/* cmd_replica.c - what a server without replication says of it.
 *
 * This server has no replicas and is nobody's. Everything that Redis answers
 * in that state is answered the same; becoming a replica is refused. */

#include "base/num.h"
#include "cmd/handlers.h"

enum call_result cmd_role(struct call *call)
{
    reply_array(call->reply, 3);
    reply_bulk_string(call->reply, "master");
    reply_int(call->reply, 0); /* the offset in a stream that is not there */
    reply_array(call->reply, 0);
    return CALL_DONE;
}

/* Also SLAVEOF. */
enum call_result cmd_replicaof(struct call *call)
{
    int64_t port;
    if (call_arg_is(call, 1, "no") && call_arg_is(call, 2, "one"))
        reply_ok(call->reply);
    else if (!num_parse_int64(call->argv[2], &port) || port < 0 || port > 65535)
        reply_error(call->reply, "ERR Invalid master port");
    else
        reply_error(call->reply, "ERR this server can't be a replica: "
                                 "replication is not supported");
    return CALL_DONE;
}

/* --- FAILOVER ------------------------------------------------------------ */

static bool failover_timeout(struct call *call, slice arg, int64_t *out)
{
    if (!call_int(call, arg, out))
        return false;
    if (*out <= 0)
        reply_error(call->reply, "ERR FAILOVER timeout must be greater than 0");
    return *out > 0;
}

/* False: what is wrong with the arguments has been answered. */
static bool failover_read(struct call *call)
{
    int64_t timeout_ms = 0, port;
    bool    has_host = false, is_forced = false;
    for (size_t i = 1; i < call->argc; i++) {
        if (call_arg_is(call, i, "timeout") && i + 1 < call->argc &&
            timeout_ms == 0) {
            if (!failover_timeout(call, call->argv[++i], &timeout_ms))
                return false;
        } else if (call_arg_is(call, i, "to") && i + 2 < call->argc &&
                   !has_host) {
            if (!call_int(call, call->argv[i + 2], &port))
                return false;
            has_host = true;
            i += 2;
        } else if (call_arg_is(call, i, "force") && !is_forced) {
            is_forced = true;
        } else {
            call_syntax_error(call);
            return false;
        }
    }
    return true;
}

enum call_result cmd_failover(struct call *call)
{
    if (call->argc == 2 && call_arg_is(call, 1, "abort"))
        reply_error(call->reply, "ERR No failover in progress.");
    else if (failover_read(call))
        reply_error(call->reply, "ERR FAILOVER requires connected replicas.");
    return CALL_DONE;
}

/* --- WAIT ---------------------------------------------------------------- */

static bool wait_timeout(struct call *call, slice arg)
{
    int64_t timeout_ms;
    if (!num_parse_int64(arg, &timeout_ms))
        reply_error(call->reply,
                    "ERR timeout is not an integer or out of range");
    else if (timeout_ms < 0)
        reply_error(call->reply, "ERR timeout is negative");
    else
        return true;
    return false;
}

/* Redis waits in the hope of replicas that come; here none ever will, so the
 * answer is told at once. */
enum call_result cmd_wait(struct call *call)
{
    int64_t replicas;
    if (call_int(call, call->argv[1], &replicas) &&
        wait_timeout(call, call->argv[2]))
        reply_int(call->reply, 0);
    return CALL_DONE;
}

static bool waitaof_counts(struct call *call, int64_t *local)
{
    int64_t replicas;
    if (!call_int(call, call->argv[1], local))
        return false;
    if (*local < 0 || *local > 1) {
        reply_error(call->reply, "ERR value is out of range, value must "
                                 "between 0 and 1");
        return false;
    }
    if (!num_parse_int64(call->argv[2], &replicas) || replicas < 0) {
        reply_error(call->reply, "ERR value is out of range, must be positive");
        return false;
    }
    return true;
}

/* There is no append only file, as CONFIG GET appendonly says, too. Who wants
 * to know that all is on disk asks for CACHE FLUSH. */
enum call_result cmd_waitaof(struct call *call)
{
    int64_t local;
    if (!waitaof_counts(call, &local) || !wait_timeout(call, call->argv[3]))
        return CALL_DONE;
    if (local > 0) {
        reply_error(call->reply, "ERR WAITAOF cannot be used when numlocal is "
                                 "set but appendonly is disabled.");
        return CALL_DONE;
    }
    reply_array(call->reply, 2);
    reply_int(call->reply, 0);
    reply_int(call->reply, 0);
    return CALL_DONE;
}
