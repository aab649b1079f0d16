/* cmd_client.c - CLIENT: who is connected, what they call themselves, and
 * sending them away.
 *
 * Clients are of type "normal" or "pubsub" and log in as the user "default":
 * other types are known by name, and match nobody. What net/ knows of a
 * connection comes through the server's hooks. */
#include "cmd/doc.h"
#include "cmd/handlers.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/num.h"
#include "cmd/block.h"
#include "cmd/multi.h"

/* --- names --------------------------------------------------------------- */

bool call_text_ok(struct call *call, slice what, slice text)
{
    if (session_text_ok(text))
        return true;
    reply_errorf(call->reply,
                 "ERR %.*s cannot contain spaces, newlines or special "
                 "characters.",
                 (int)what.len, what.data);
    return false;
}

enum call_result cmd_client_id(struct call *call)
{
    reply_int(call->reply, (int64_t)call->session->id);
    return CALL_DONE;
}

enum call_result cmd_client_getname(struct call *call)
{
    if (call->session->name != NULL)
        reply_bulk_string(call->reply, call->session->name);
    else
        reply_null(call->reply);
    return CALL_DONE;
}

enum call_result cmd_client_setname(struct call *call)
{
    struct session *session = call->session;
    slice           name = call->argv[2];
    if (!call_text_ok(call, SLICE_LITERAL("Client names"), name))
        return CALL_DONE;
    session_set_text(session, &session->name, name);
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_client_setinfo(struct call *call)
{
    struct session *session = call->session;
    slice           option = call->argv[2], text = call->argv[3];
    char          **field;
    if (slice_equal_nocase(option, "lib-name")) {
        field = &session->lib_name;
    } else if (slice_equal_nocase(option, "lib-ver")) {
        field = &session->lib_ver;
    } else {
        reply_errorf(call->reply, "ERR Unrecognized option '%.*s'",
                     (int)option.len, option.data);
        return CALL_DONE;
    }
    if (!call_text_ok(call, option, text))
        return CALL_DONE;
    session_set_text(session, field, text);
    reply_ok(call->reply);
    return CALL_DONE;
}

/* --- one line of CLIENT LIST --------------------------------------------- */

#define FLAGS_MAX 16

/* In Redis's order; S, M, u and r are of replicas, masters, clients that were
 * just unblocked, and READONLY, which there are none of. */
static void flag_letters(const struct session *session, char out[FLAGS_MAX])
{
    uint32_t flags = session->flags;
    bool blocked = session->wait.state != DB_WAIT_NONE ||
                   (flags & SESSION_HELD) || block_has(session);
    const struct {
        bool on;
        char letter;
    } letters[] = {
        { flags & SESSION_MONITOR, 'O' },
        { flags & SESSION_PUBSUB, 'P' },
        { session->multi != NULL, 'x' },
        { blocked, 'b' },
        { flags & SESSION_TRACKING, 't' },
        { flags & SESSION_TRACKING_BROKEN, 'R' },
        { flags & SESSION_TRACKING_BCAST, 'B' },
        { session->watch_broken, 'd' },
        { flags & SESSION_CLOSE_AFTER_REPLY, 'c' },
        { flags & SESSION_CLOSE_ASAP, 'A' },
        { flags & SESSION_UNIX_SOCKET, 'U' },
        { flags & SESSION_NO_EVICT, 'e' },
        { flags & SESSION_NO_TOUCH, 'T' },
    };
    size_t len = 0;
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (letters[i].on)
            out[len++] = letters[i].letter;
    if (len == 0)
        out[len++] = 'N';
    out[len] = '\0';
}

static size_t bytes_of_args(const struct call *call)
{
    size_t bytes = 0;
    for (size_t i = 0; i < call->argc; i++)
        bytes += call->argv[i].len;
    return bytes;
}

static int64_t seconds_since(const struct call *call, int64_t then_ms)
{
    return call->server->now_ms / 1000 - then_ms / 1000;
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* All of Redis 7.2's fields. There is no reply buffer of a client's own (rbs,
 * rbp, obl). */
static err_t add_line(struct call *call, const struct session *session,
                      struct buf *out)
{
    bool                  me = session == call->session;
    const struct command *command = me ? call->command : session->last_command;
    struct server_hooks  *hooks = &call->server->hooks;
    struct command_name   name = { "NULL" };
    struct session_net    net = { .fd = -1 };
    char                  flags[FLAGS_MAX];
    if (command != NULL)
        name = command_full_name(command);
    hooks->describe_session(hooks->arg, session, &net);
    flag_letters(session, flags);
    return buf_printf(
        out,
        "id=%llu addr=%s laddr=%s fd=%d name=%s age=%lld idle=%lld flags=%s "
        "db=%u sub=%zu psub=%zu ssub=%zu multi=%lld qbuf=%zu qbuf-free=%zu "
        "argv-mem=%zu multi-mem=%zu rbs=0 rbp=0 obl=0 oll=%zu omem=%zu "
        "tot-mem=%zu events=%s%s cmd=%s user=%s redir=%lld resp=%d "
        "lib-name=%s lib-ver=%s\n",
        (unsigned long long)session->id, session->peer, session->local, net.fd,
        or_empty(session->name),
        (long long)seconds_since(call, session->created_ms),
        me ? 0LL : (long long)seconds_since(call, session->active_ms), flags,
        session->db, session->subscription_counts[PUBSUB_CHANNEL],
        session->subscription_counts[PUBSUB_PATTERN],
        session->subscription_counts[PUBSUB_SHARD],
        (long long)multi_count(session), net.query_bytes,
        net.query_capacity, me ? bytes_of_args(call) : net.args_bytes,
        multi_bytes(session), net.reply_blocks, net.reply_bytes,
        net.total_bytes, net.readable ? "r" : "", net.writable ? "w" : "",
        name.text, session->user,
        session->flags & SESSION_TRACKING ? (long long)session->redirect : -1LL,
        session->resp, or_empty(session->lib_name), or_empty(session->lib_ver));
}

/* --- CLIENT LIST, CLIENT INFO -------------------------------------------- */

/* A client may ask for the same line a million times, in few bytes: what gets
 * too long is refused. */
static enum call_result reply_lines(struct call *call, const struct buf *lines,
                                    err_t err)
{
    if (err != ERR_OK)
        call_error(call, ERR_OOM);
    else
        reply_verbatim(call->reply, buf_slice(lines), "txt");
    return CALL_DONE;
}

enum call_result cmd_client_info(struct call *call)
{
    struct buf lines;
    buf_init(&lines, server_max_value_bytes(call->server));
    err_t            err = add_line(call, call->session, &lines);
    enum call_result result = reply_lines(call, &lines, err);
    buf_deinit(&lines);
    return result;
}

static int compare_id(const void *id, const void *session)
{
    uint64_t wanted = *(const uint64_t *)id;
    uint64_t found = (*(const struct session *const *)session)->id;
    return wanted < found ? -1 : wanted > found;
}

/* The sessions stand in order of id: in an array they can be searched. */
static const struct session **sessions_by_id(const struct server *server)
{
    const struct session **all =
        mem_alloc((server->session_count + 1) * sizeof(struct session *));
    size_t count = 0;
    LIST_EACH (link, &server->sessions) {
        all[count++] = CONTAINER_OF(link, struct session, link);
    }
    return all;
}

/* False: one is no number, and that was answered. */
static bool ids_ok(struct call *call)
{
    int64_t id;
    for (size_t i = 3; i < call->argc; i++) {
        if (num_parse_int64(call->argv[i], &id))
            continue;
        reply_error(call->reply, "ERR Invalid client ID");
        return false;
    }
    return true;
}

static err_t add_ids(struct call *call, struct buf *out)
{
    struct server         *server = call->server;
    const struct session **all = sessions_by_id(server);
    err_t                  err = ERR_OK;
    for (size_t i = 3; i < call->argc && err == ERR_OK; i++) {
        int64_t id = 0;
        (void)num_parse_int64(call->argv[i], &id);
        uint64_t wanted = id > 0 ? (uint64_t)id : 0; /* 0: nobody has it */
        const struct session **found =
            bsearch(&wanted, all, server->session_count,
                    sizeof(struct session *), compare_id);
        if (found != NULL)
            err = add_line(call, *found, out);
    }
    mem_free(all);
    return err;
}

/* Of which type clients are; of the last nobody is. */
enum type { TYPE_ANY, TYPE_NORMAL, TYPE_PUBSUB, TYPE_OTHER };

static bool is_of_type(const struct session *session, enum type type)
{
    bool pubsub = (session->flags & SESSION_PUBSUB) != 0;
    return type == TYPE_ANY || type == (pubsub ? TYPE_PUBSUB : TYPE_NORMAL);
}

static err_t add_all(struct call *call, enum type type, struct buf *out)
{
    err_t err = ERR_OK;
    LIST_EACH (link, &call->server->sessions) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        if (is_of_type(session, type))
            err = add_line(call, session, out);
        if (err != ERR_OK)
            break;
    }
    return err;
}

/* False: there is no such type, and that was answered. */
static bool parse_type(struct call *call, slice text, enum type *type)
{
    *type = TYPE_OTHER;
    if (slice_equal_nocase(text, "normal"))
        *type = TYPE_NORMAL;
    else if (slice_equal_nocase(text, "pubsub"))
        *type = TYPE_PUBSUB;
    if (*type != TYPE_OTHER || slice_equal_nocase(text, "slave") ||
        slice_equal_nocase(text, "replica") ||
        slice_equal_nocase(text, "master"))
        return true;
    reply_errorf(call->reply, "ERR Unknown client type '%.*s'", (int)text.len,
                 text.data);
    return false;
}

enum call_result cmd_client_list(struct call *call)
{
    bool by_id = call->argc > 3 && call_arg_is(call, 2, "id");
    bool by_type = call->argc == 4 && call_arg_is(call, 2, "type");
    enum type type = TYPE_ANY;
    if (!by_id && !by_type && call->argc != 2) {
        call_syntax_error(call);
        return CALL_DONE;
    }
    if (by_type && !parse_type(call, call->argv[3], &type))
        return CALL_DONE;
    if (by_id && !ids_ok(call))
        return CALL_DONE;
    struct buf lines;
    buf_init(&lines, server_max_value_bytes(call->server));
    err_t err = ERR_OK;
    if (by_id)
        err = add_ids(call, &lines);
    else
        err = add_all(call, type, &lines);
    enum call_result result = reply_lines(call, &lines, err);
    buf_deinit(&lines);
    return result;
}

/* --- CLIENT KILL --------------------------------------------------------- */

struct filter {
    const slice *addr, *laddr; /* NULL: any */
    uint64_t     id;           /* 0: any */
    enum type    type;
    bool         skip_me;
};

static bool parse_skip_me(struct call *call, slice text, struct filter *filter)
{
    filter->skip_me = slice_equal_nocase(text, "yes");
    if (filter->skip_me || slice_equal_nocase(text, "no"))
        return true;
    call_syntax_error(call);
    return false;
}

static bool parse_id(struct call *call, slice text, struct filter *filter)
{
    int64_t id;
    if (num_parse_int64(text, &id) && id > 0) {
        filter->id = (uint64_t)id;
        return true;
    }
    reply_error(call->reply, "ERR client-id should be greater than 0");
    return false;
}

static bool parse_user(struct call *call, slice text)
{
    if (slice_equal(text, SLICE_LITERAL("default")))
        return true;
    reply_errorf(call->reply, "ERR No such user '%.*s'", (int)text.len,
                 text.data);
    return false;
}

/* One option and its value; an error is answered. */
static bool parse_option(struct call *call, size_t i, struct filter *filter)
{
    const slice *value = &call->argv[i + 1];
    if (call_arg_is(call, i, "id"))
        return parse_id(call, *value, filter);
    if (call_arg_is(call, i, "type")) /* of several the last counts */
        return parse_type(call, *value, &filter->type);
    if (call_arg_is(call, i, "user"))
        return parse_user(call, *value);
    if (call_arg_is(call, i, "skipme"))
        return parse_skip_me(call, *value, filter);
    if (call_arg_is(call, i, "addr")) {
        filter->addr = value;
        return true;
    }
    if (call_arg_is(call, i, "laddr")) {
        filter->laddr = value;
        return true;
    }
    call_syntax_error(call);
    return false;
}

static bool parse_kill(struct call *call, struct filter *filter)
{
    *filter = (struct filter){ .skip_me = call->argc > 3 };
    if (call->argc == 3) {
        filter->addr = &call->argv[2];
        return true;
    }
    for (size_t i = 2; i < call->argc; i += 2) {
        if (i + 1 == call->argc) {
            call_syntax_error(call);
            return false;
        }
        if (!parse_option(call, i, filter))
            return false;
    }
    return true;
}

static bool text_matches(const slice *wanted, const char *text)
{
    return wanted == NULL || slice_equal(*wanted, slice_from_string(text));
}

static bool matches(const struct call *call, const struct filter *filter,
                    const struct session *session)
{
    return is_of_type(session, filter->type) &&
           text_matches(filter->addr, session->peer) &&
           text_matches(filter->laddr, session->local) &&
           (filter->id == 0 || filter->id == session->id) &&
           !(filter->skip_me && session == call->session);
}

/* Closing takes a session off the list, and no other one. */
enum call_result cmd_client_kill(struct call *call)
{
    struct server_hooks *hooks = &call->server->hooks;
    enum call_result     result = CALL_DONE;
    struct filter        filter;
    int64_t              killed = 0;
    if (!parse_kill(call, &filter))
        return CALL_DONE;
    LIST_EACH_SAFE (link, &call->server->sessions) {
        struct session *session = CONTAINER_OF(link, struct session, link);
        if (!matches(call, &filter, session))
            continue;
        killed++;
        if (session == call->session)
            result = CALL_CLOSE; /* it gets its reply */
        else
            hooks->close_session(hooks->arg, session, false);
    }
    if (call->argc > 3)
        reply_int(call->reply, killed);
    else if (killed > 0)
        reply_ok(call->reply);
    else
        reply_error(call->reply, "ERR No such client");
    return result;
}

enum call_result cmd_client_help(struct call *call)
{
    static const char *const lines[] = {
        "CACHING (YES|NO)",
        "    With TRACKING OPTIN or OPTOUT: whether the keys that the next",
        "    command reads are tracked.",
        "GETNAME",
        "    The name of this connection.",
        "GETREDIR",
        "    The id of the client that invalidations are redirected to; 0 for",
        "    none, -1 without TRACKING.",
        "ID",
        "    The id of this connection.",
        "INFO",
        "    The line of CLIENT LIST about this connection.",
        "KILL <ip:port>",
        "    Closes the connection from this address.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Closes the connections that all options are true for:",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      It comes from this address.",
        "    * ID <client-id>",
        "      It has this id.",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      It was made to this address of the server.",
        "    * SKIPME (YES|NO)",
        "      It is not the connection that asks (default: yes).",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      It is of this type.",
        "    * USER <username>",
        "      It logged in as this user.",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <id> [<id> ...]]",
        "    Tells about all connections, or about these, a line each.",
        "NO-EVICT (ON|OFF)",
        "    Kept for Redis's sake: shown in CLIENT LIST.",
        "NO-TOUCH (ON|OFF)",
        "    Whether commands of this connection count as uses of their keys.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Holds all commands, or those that write, for so many ms.",
        "REPLY (ON|OFF|SKIP)",
        "    Whether this connection gets replies; SKIP: none to the next "
        "command.",
        "SETINFO (LIB-NAME|LIB-VER) <text>",
        "    Tells which client library this connection uses.",
        "SETNAME <name>",
        "    Names this connection.",
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
        "         [OPTIN] [OPTOUT] [NOLOOP]",
        "    Tells this connection, or client <id>, when keys change that it "
        "has",
        "    read, or keys with these prefixes.",
        "TRACKINGINFO",
        "    What TRACKING does for this connection.",
        "UNBLOCK <client-id> [TIMEOUT|ERROR]",
        "    Ends the wait of a blocking command.",
        "UNPAUSE",
        "    Ends PAUSE.",
        NULL,
    };
    call_help(call, "CLIENT", lines);
    return CALL_DONE;
}
