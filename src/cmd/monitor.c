/* monitor.c - see monitor.h.
 *
 * A line is Redis's: unix time, database and address, then the words, each in
 * quotes, as a simple string in both protocols:
 *
 *     +1700000000.123456 [0 127.0.0.1:1234] "set" "key" "a\nb"
 *
 * As in Redis commands of administrators are not shown, those that were
 * refused before they ran neither, and what EXEC runs comes before EXEC. */
#include "cmd/monitor.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/blob.h"
#include "cmd/handlers.h"
#include "cmd/redact.h"

/* --- the line ------------------------------------------------------------ */

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~' && c != '\\' && c != '"';
}

/* The escaped form of a byte that is not plain; its length. */
static size_t escape(unsigned char byte, char out[5])
{
    static const char letters[] = { ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
                                    ['\a'] = 'a', ['\b'] = 'b' };
    char letter = byte < sizeof(letters) ? letters[byte] : '\0';
    if (byte == '\\' || byte == '"')
        letter = (char)byte;
    if (letter == '\0')
        return (size_t)snprintf(out, 5, "\\x%02x", byte);
    out[0] = '\\';
    out[1] = letter;
    return 2;
}

/* How many bytes from `from` on need no escaping. */
static size_t plain_run(slice text, size_t from, size_t most)
{
    size_t len = 0;
    if (most > text.len - from)
        most = text.len - from;
    while (len < most && is_plain(text.data[from + len]))
        len++;
    return len;
}

static void append(struct buf *line, const char *text, size_t len)
{
    err_t err = buf_append(line, text, len);
    ASSERT(err == ERR_OK);
}

static void append_quoted(struct buf *line, slice text)
{
    size_t i = 0;
    append(line, " \"", 2);
    while (i < text.len && line->len < MONITOR_LINE_MAX) {
        char   escaped[5];
        size_t run = plain_run(text, i, MONITOR_LINE_MAX - line->len);
        if (run > 0)
            append(line, text.data + i, run);
        else
            append(line, escaped, escape((unsigned char)text.data[i], escaped));
        i += run > 0 ? run : 1;
    }
    if (i < text.len) {
        err_t err = buf_printf(line, "... (%zu more bytes)", text.len - i);
        ASSERT(err == ERR_OK);
    }
    append(line, "\"", 1);
}

static void write_line(const struct call *call, struct buf *line)
{
    const struct session *session = call->session;
    int64_t               now_us = clock_now_us(&call->server->clock);
    bool  is_unix = (session->flags & SESSION_UNIX_SOCKET) != 0;
    int   peer_len = (int)strlen(session->peer);
    err_t err = buf_printf(line, "+%lld.%06lld [%u ",
                           (long long)(now_us / 1000000),
                           (long long)(now_us % 1000000), session->db);
    ASSERT(err == ERR_OK);
    if (call->from_script)
        err = buf_printf(line, "lua]");
    else
        err = buf_printf(line, "%s%.*s]", is_unix ? "unix:" : "",
                         is_unix ? peer_len - 2 : peer_len, /* not its :0 */
                         session->peer);
    ASSERT(err == ERR_OK);
    for (size_t i = 0; i < call->argc; i++) {
        if (line->len >= MONITOR_LINE_MAX) {
            err = buf_printf(line, " \"... (%zu more arguments)\"",
                             call->argc - i);
            ASSERT(err == ERR_OK);
            break;
        }
        append_quoted(line, redact_arg(call, i));
    }
    append(line, "\r\n", 2);
}

/* --- to whom ------------------------------------------------------------- */

static void send_to_all(struct server *server, const struct reply *message)
{
    LIST_EACH (link, &server->monitors)
        server->hooks.push(server->hooks.arg,
                           CONTAINER_OF(link, struct session, monitor_link),
                           message);
}

static void make_message(const struct buf *line, struct reply *message)
{
    if (line->len < MONITOR_BLOB_MIN) {
        reply_raw(message, buf_slice(line));
        return;
    }
    struct blob *blob = blob_copy(buf_slice(line));
    reply_raw_blob(message, blob);
    blob_unref(blob);
}

void monitor_feed_script(const struct call *call)
{
    struct server *server = call->server;
    struct buf     line;
    struct reply   message;
    buf_init(&line, 2 * MONITOR_LINE_MAX);
    reply_init(&message);
    write_line(call, &line);
    make_message(&line, &message);
    send_to_all(server, &message);
    reply_deinit(&message);
    buf_deinit(&line);
}

void monitor_feed(const struct call *call)
{
    if (!(call->command->flags & (CMD_SKIP_MONITOR | CMD_ADMIN)))
        monitor_feed_script(call);
}

void monitor_leave(struct session *session)
{
    if (!(session->flags & SESSION_MONITOR))
        return;
    session->flags &= ~(uint32_t)SESSION_MONITOR;
    session->server->monitor_count--;
    link_remove(&session->monitor_link);
}

/* Again, it is not even answered: so is Redis. */
enum call_result cmd_monitor(struct call *call)
{
    struct session *session = call->session;
    if (session->multi != NULL) {
        reply_error(call->reply,
                    "ERR MONITOR isn't allowed for DENY BLOCKING client");
        return CALL_DONE;
    }
    if (session->flags & SESSION_MONITOR)
        return CALL_DONE;
    session->flags |= SESSION_MONITOR;
    list_push_back(&call->server->monitors, &session->monitor_link);
    call->server->monitor_count++;
    call_look_closer(call->server);
    reply_ok(call->reply);
    return CALL_DONE;
}
