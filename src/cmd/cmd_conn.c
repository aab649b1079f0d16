/* cmd_conn.c - what a client does to its own connection: greet, log in,
 * choose protocol and database, leave.
 *
 * There is one user, "default". Without a requirepass it needs no password:
 * then AUTH default takes any, as in Redis. */
#include "cmd/handlers.h"

#include <limits.h>

#include "base/num.h"
#include "cmd/monitor.h"
#include "cmd/multi.h"
#include "cmd/pubsub.h"
#include "cmd/tracking.h"

/* --- small talk ---------------------------------------------------------- */

/* A subscriber that speaks RESP2 is answered by something that looks like a
 * message. */
static void pong_of_subscriber(struct call *call)
{
    reply_array(call->reply, 2);
    reply_bulk_string(call->reply, "pong");
    reply_bulk(call->reply, call->argc == 2 ? call->argv[1] : SLICE_EMPTY);
}

enum call_result cmd_ping(struct call *call)
{
    const struct session *session = call->session;
    if (call->argc > 2)
        reply_error(call->reply,
                    "ERR wrong number of arguments for 'ping' command");
    else if ((session->flags & SESSION_PUBSUB) && session->resp == 2)
        pong_of_subscriber(call);
    else if (call->argc == 2)
        reply_bulk(call->reply, call->argv[1]);
    else
        reply_simple(call->reply, "PONG");
    return CALL_DONE;
}

enum call_result cmd_echo(struct call *call)
{
    reply_bulk(call->reply, call->argv[1]);
    return CALL_DONE;
}

enum call_result cmd_quit(struct call *call)
{
    monitor_leave(call->session);
    reply_ok(call->reply);
    return CALL_CLOSE;
}

bool call_database(struct call *call, slice arg, unsigned *out)
{
    int64_t index;
    if (!call_int(call, arg, &index))
        return false;
    if (index < INT_MIN || index > INT_MAX) {
        reply_errorf(call->reply,
                     "ERR value is out of range, value must between %d and %d",
                     INT_MIN, INT_MAX);
        return false;
    }
    if (index < 0 || index >= call->server->config->databases) {
        reply_error(call->reply, "ERR DB index is out of range");
        return false;
    }
    *out = (unsigned)index;
    return true;
}

enum call_result cmd_select(struct call *call)
{
    unsigned index;
    if (call_database(call, call->argv[1], &index)) {
        call->session->db = index;
        reply_ok(call->reply);
    }
    return CALL_DONE;
}

/* --- logging in ---------------------------------------------------------- */

/* Takes the same time wherever the first difference is. */
static bool same_secret(slice given, slice secret)
{
    unsigned char difference = given.len != secret.len;
    for (size_t i = 0; i < given.len; i++) {
        char expected = secret.len == 0 ? '\0' : secret.data[i % secret.len];
        difference |= (unsigned char)(given.data[i] ^ expected);
    }
    return difference == 0;
}

static bool has_password(const struct call *call)
{
    return call->server->config->requirepass[0] != '\0';
}

/* False, with the error answered, if they don't let the client in. */
static bool authenticate(struct call *call, slice user, slice password)
{
    const char *secret = call->server->config->requirepass;
    bool known = slice_equal(user, SLICE_LITERAL("default"));
    bool right = !has_password(call) ||
                 same_secret(password, slice_from_string(secret));
    if (!known || !right) {
        call->server->stats.denied_logins++;
        reply_error(call->reply, "WRONGPASS invalid username-password pair or "
                                 "user is disabled.");
        return false;
    }
    call->session->authenticated = true;
    return true;
}

enum call_result cmd_auth(struct call *call)
{
    slice user = SLICE_LITERAL("default");
    if (call->argc > 3) {
        call_syntax_error(call);
        return CALL_DONE;
    }
    if (call->argc == 2 && !has_password(call)) {
        reply_error(call->reply,
                    "ERR AUTH <password> called without any password "
                    "configured for the default user. Are you sure your "
                    "configuration is correct?");
        return CALL_DONE;
    }
    if (call->argc == 3)
        user = call->argv[1];
    if (authenticate(call, user, call->argv[call->argc - 1]))
        reply_ok(call->reply);
    return CALL_DONE;
}

/* --- HELLO --------------------------------------------------------------- */

struct hello {
    int   version; /* 0: as it is */
    bool  has_auth, has_name;
    slice user, password, name;
};

static bool parse_version(struct call *call, struct hello *hello)
{
    int64_t version;
    if (!num_parse_int64(call->argv[1], &version)) {
        reply_error(call->reply,
                    "ERR Protocol version is not an integer or out of range");
        return false;
    }
    if (version < 2 || version > 3) {
        reply_error(call->reply, "NOPROTO unsupported protocol version");
        return false;
    }
    hello->version = (int)version;
    return true;
}

static bool parse_hello(struct call *call, struct hello *hello)
{
    const slice *argv = call->argv;
    if (call->argc >= 2 && !parse_version(call, hello))
        return false;
    for (size_t i = 2; i < call->argc; i++) {
        size_t more = call->argc - 1 - i;
        if (call_arg_is(call, i, "auth") && more >= 2) {
            hello->has_auth = true;
            hello->user = argv[i + 1];
            hello->password = argv[i + 2];
            i += 2;
        } else if (call_arg_is(call, i, "setname") && more >= 1) {
            hello->has_name = true;
            hello->name = argv[++i];
            if (!call_text_ok(call, SLICE_LITERAL("Client names"),
                              hello->name))
                return false;
        } else {
            reply_errorf(call->reply, "ERR Syntax error in HELLO option '%.*s'",
                         (int)argv[i].len, argv[i].data);
            return false;
        }
    }
    return true;
}

static void reply_hello(struct call *call)
{
    struct reply *reply = call->reply;
    reply_map(reply, 7);
    reply_bulk_string(reply, "server");
    reply_bulk_string(reply, "redis");
    reply_bulk_string(reply, "version");
    reply_bulk_string(reply, REDIS_VERSION);
    reply_bulk_string(reply, "proto");
    reply_int(reply, call->session->resp);
    reply_bulk_string(reply, "id");
    reply_int(reply, (int64_t)call->session->id);
    reply_bulk_string(reply, "mode");
    reply_bulk_string(reply, "standalone");
    reply_bulk_string(reply, "role");
    reply_bulk_string(reply, "master");
    reply_bulk_string(reply, "modules");
    reply_array(reply, 0);
}

enum call_result cmd_hello(struct call *call)
{
    struct session *session = call->session;
    struct hello    hello = { .version = 0 };
    if (!parse_hello(call, &hello))
        return CALL_DONE;
    if (hello.has_auth && !authenticate(call, hello.user, hello.password))
        return CALL_DONE;
    if (!session->authenticated) {
        reply_error(call->reply,
                    "NOAUTH HELLO must be called with the client already "
                    "authenticated, otherwise the HELLO <proto> AUTH <user> "
                    "<pass> option can be used to authenticate the client and "
                    "select the RESP protocol version at the same time");
        return CALL_DONE;
    }
    if (hello.has_name)
        session_set_text(session, &session->name, hello.name);
    if (hello.version != 0) {
        session->resp = hello.version;
        call->reply->version = hello.version; /* of this reply already */
    }
    reply_hello(call);
    return CALL_DONE;
}

/* --- RESET --------------------------------------------------------------- */

/* As if just connected. lib-name and lib-ver stay: they name the library,
 * which is the same still. */
enum call_result cmd_reset(struct call *call)
{
    struct session *session = call->session;
    multi_discard(session);
    pubsub_leave(session);
    monitor_leave(session);
    session->db = 0;
    session->resp = 2;
    session->authenticated = !has_password(call);
    tracking_disable(session);
    session->flags &= ~(uint32_t)(SESSION_NO_TOUCH | SESSION_NO_EVICT |
                                  SESSION_REPLY_OFF | SESSION_REPLY_SKIP_NEXT);
    call->reply->muted = session_is_muted(session);
    session_set_text(session, &session->name, SLICE_EMPTY);
    call->reply->version = 2;
    reply_simple(call->reply, "RESET");
    return CALL_DONE;
}
