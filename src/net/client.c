/* client.c - from bytes to commands and back, for one connection.
 *
 * Input is read into a buffer that all clients share, and executed right
 * there. Only what can't be executed now - half a command, or what stands
 * behind a command that is parked - is kept with the client. So an idle
 * connection costs its structs and nothing else.
 *
 * A client does not execute while a command of its own is parked, or while
 * more than OUTPUT_MARK of its replies are pending; then it is read only up to
 * client_read_size, and TCP holds back the rest. */
#include "net/client.h"

#include "base/assert.h"
#include "base/mem.h"
#include "cmd/cmdstats.h"

/* --- memory -------------------------------------------------------------- */

static size_t held_bytes(const struct client *client)
{
    size_t input = client->input_capacity > client->promised
                       ? client->input_capacity
                       : client->promised;
    return sizeof(*client) + input + client->out_held +
           resp_parser_memory(&client->parser) + client->session.own_bytes;
}

/* Whoever is doomed goes anyway. */
struct client *client_largest(struct net *net)
{
    struct client *largest = NULL;
    LIST_EACH (link, &net->clients) {
        struct client *client = CONTAINER_OF(link, struct client, link);
        if (!client->doomed &&
            (largest == NULL ||
             client->charged_bytes > largest->charged_bytes))
            largest = client;
    }
    return largest;
}

size_t clients_share(const struct net *net)
{
    return server_limit_bytes(net->server) / 4;
}

void client_note_share_cut(const struct client *client)
{
    struct server *server = client->net->server;
    log_write(server->log, LOG_WARNING,
              "clients hold %zu bytes, a quarter of cache-max-memory: closing "
              "the largest, %s, with %zu bytes",
              server->mem.used_bytes[MEM_CLIENTS], client->session.peer,
              client->charged_bytes);
    server->stats.share_cuts++;
}

void client_note_output_cut(const struct client *client)
{
    struct server *server = client->net->server;
    log_write(server->log, LOG_WARNING,
              "closing %s: its pending output passed the limit",
              client->session.peer);
    server->stats.output_limit_cuts++;
}

void client_cut(struct client *client)
{
    client_note_share_cut(client);
    client_close(client);
}

void client_charge_only(struct client *client)
{
    struct mem *mem = &client->net->server->mem;
    size_t      held = held_bytes(client);
    if (held >= client->charged_bytes)
        mem_charge(mem, MEM_CLIENTS, held - client->charged_bytes);
    else
        mem_release(mem, MEM_CLIENTS, client->charged_bytes - held);
    client->charged_bytes = held;
    client->own_bytes = client->session.own_bytes;
    gate_count(client, false);
}

void client_charge(struct client *client)
{
    struct net    *net = client->net;
    struct mem    *mem = &net->server->mem;
    struct client *largest;
    client_charge_only(client);
    if (output_over_limit(client)) {
        client_note_output_cut(client);
        client_close(client);
    }
    while (mem->used_bytes[MEM_CLIENTS] > clients_share(net) &&
           (largest = client_largest(net)) != NULL)
        client_cut(largest);
}

/* --- closing ------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;
    output_free(client);
    client->closed = true;
    if (!client->lingers)
        mem_free(client);
}

/* The command under way uses the arguments, which are in the input. */
static void free_session(struct client *client)
{
    session_deinit(&client->session);
    resp_parser_deinit(&client->parser);
    mem_free(client->input);
    client->input = NULL;
    client->input_len = client->input_capacity = client->input_at = 0;
    mem_release(&client->net->server->mem, MEM_CLIENTS, client->charged_bytes);
    client->charged_bytes = 0;
}

void client_end(struct client *client)
{
    ASSERT(client->lingers);
    client->lingers = false;
    free_session(client);
    if (client->closed)
        mem_free(client);
}

void client_close(struct client *client)
{
    struct net *net = client->net;
    if (client->in_outbox)
        outbox_send(net);
    if (client->closing)
        return;
    client->closing = true;
    link_remove(&client->link);
    link_remove(&client->gate_link);
    link_remove(&client->push_link);
    link_remove(&client->held_link);
    link_remove(&client->unblocked_link);
    gate_count(client, true);
    net->client_count--;
    /* A write in flight is cancelled; its bytes go when the handle has
     * closed. */
    uv_close(&client->uv.handle, on_closed);
    client->lingers = !session_may_end(&client->session);
    if (!client->lingers)
        free_session(client);
}

/* --- input --------------------------------------------------------------- */

size_t client_read_size(const struct net *net)
{
    size_t share = clients_share(net) / 4 * 3;
    size_t used = net->server->mem.used_bytes[MEM_CLIENTS];
    size_t size = used < share ? (share - used) / 32 : 0;
    return size < READ_LEAST_BYTES ? READ_LEAST_BYTES
           : size > READ_BYTES     ? READ_BYTES
                                   : size;
}

static bool is_at_gate(const struct client *client)
{
    return !list_empty(&client->gate_link);
}

static bool can_execute(const struct client *client)
{
    return (!client->net->paused || client->finishing) && !client->parked &&
           !is_at_gate(client) && !client->stalled && !client->closing &&
           !client->close_after_output;
}

/* Room for len more bytes of kept input. */
static void input_reserve(struct client *client, size_t len)
{
    if (client->input_at > 0) {
        ASSERT(client->input != NULL);
        client->input_len -= client->input_at;
        memmove(client->input, client->input + client->input_at,
                client->input_len);
        client->input_at = 0;
    }
    size_t need = client->input_len + len;
    if (need <= client->input_capacity)
        return;
    size_t grown = client->input_capacity + client->input_capacity / 2;
    client->input_capacity = grown > need ? grown : need;
    client->input = mem_realloc(client->input, client->input_capacity);
}

static void input_keep(struct client *client, slice bytes)
{
    if (bytes.len == 0)
        return;
    input_reserve(client, bytes.len);
    ASSERT(client->input != NULL);
    memcpy(client->input + client->input_len, bytes.data, bytes.len);
    client->input_len += bytes.len;
}

static void input_release_if_done(struct client *client)
{
    if (client->input_at < client->input_len)
        return;
    mem_free(client->input);
    client->input = NULL;
    client->input_len = client->input_capacity = client->input_at = 0;
}

/* After a large command a large buffer may be left that holds little. */
static void input_trim(struct client *client)
{
    size_t kept = client->input_len - client->input_at;
    if (client->input == NULL ||
        client->input_capacity <= 2 * kept + READ_BYTES)
        return;
    input_reserve(client, 0); /* moves what is kept to the front */
    client->input_capacity = kept;
    client->input = mem_realloc(client->input, kept);
}

/* --- executing ----------------------------------------------------------- */

static void serve_unblocked(struct net *net);

const slice *net_argv(struct net *net, const struct resp_parser *parser,
                      const char *command)
{
    if (parser->argc > net->argv_capacity) {
        net->argv_capacity = parser->argc < 64 ? 64 : parser->argc;
        net->argv = mem_realloc(net->argv,
                                net->argv_capacity * sizeof(*net->argv));
    }
    for (size_t i = 0; i < parser->argc; i++)
        net->argv[i] = slice_make(command + parser->args[i].offset,
                                  parser->args[i].len);
    return net->argv;
}

static struct resp_limits limits_of(const struct client *client)
{
    const struct server *server = client->net->server;
    return (struct resp_limits){
        .max_bulk_bytes = (int64_t)server->config->proto_max_bulk_len,
        .max_args = 1024 * 1024,
        .max_command_bytes = server_max_value_bytes(server),
        .authenticated = client->session.authenticated ||
                         server->config->requirepass[0] == '\0',
    };
}

static void protocol_error(struct client *client)
{
    struct net   *net = client->net;
    struct reply *reply = &net->reply;
    size_t        reply_begin = reply->len;
    reply->muted = session_is_muted(&client->session);
    reply_errorf(reply, "ERR %s", client->parser.error);
    note_rejected(net->server, NULL, reply, reply_begin);
    reply->muted = false;
    client->close_after_output = true;
}

/* Answered at once: the bytes that follow are only dropped. */
static void skipped(struct client *client)
{
    struct reply *reply = &client->net->reply;
    if (client->skip_told)
        return;
    client->skip_told = true;
    size_t reply_begin = reply->len;
    client->net->server->stats.skipped_commands++;
    reply->version = client->session.resp;
    reply->muted = session_is_muted(&client->session);
    reply_error(reply,
                "OOM command not allowed when used memory > 'maxmemory'.");
    note_rejected(client->net->server, NULL, reply, reply_begin);
    reply->muted = false;
    session_refused(&client->session);
}

/* Runs the command that the parser holds, its reply into net->reply. False: it
 * was parked. */
static bool run_command(struct client *client, const char *command)
{
    struct net   *net = client->net;
    struct reply *reply = &net->reply;
    reply->version = client->session.resp;
    const slice *argv = net_argv(net, &client->parser, command);
    struct server *server = net->server;
    server->hashed_key = NULL;
    if (net->warm.count > 0 && client->parser.argc > 1 &&
        ahead_hash(net, argv[1].data, &server->hash))
        server->hashed_key = argv[1].data;
    net->executing = client;
    enum call_result result = command_execute(
        net->server, &client->session, argv, client->parser.argc, reply);
    net->executing = NULL;
    server->hashed_key = NULL;
    client->finishing = false;
    if (reply_bytes(&net->after) > 0) {
        reply_append(reply, &net->after);
        reply_clear(&net->after, REPLY_KEEP_BYTES);
    }
    switch (result) {
    case CALL_PARKED:
    case CALL_WAITS_TURN:
    case CALL_BLOCKED:
        return false;
    case CALL_HELD:
        list_push_back(&net->held, &client->held_link);
        return false;
    case CALL_CLOSE:
        client->close_after_output = true;
        break;
    case CALL_DONE:
        break;
    }
    return true;
}

/* Executes the command that the parser holds, and then, before anything else,
 * those of blocked clients that it has given something. False: it was parked.
 */
static bool execute(struct client *client, const char *command)
{
    struct net *net = client->net;
    if (client->parser.argc == 0) {
        session_command_done(&client->session, NULL);
        return true;
    }
    bool is_done = run_command(client, command);
    if (net->push_unsettled)
        push_settle(net);
    if (server_has_unblocked(net->server)) {
        serve_unblocked(net);
        push_settle(net);
    }
    return is_done || client->closing; /* too much was pushed to it */
}

/* Replies above the mark are sent now; true if they are still pending. */
static bool must_stall(struct client *client)
{
    if (reply_bytes(&client->net->reply) + client->out_bytes <= OUTPUT_MARK)
        return false;
    output_send(client);
    server_begins(client->net->server);
    client->stalled = !client->closing && client->out_bytes > OUTPUT_MARK;
    return client->stalled || client->closing;
}

/* A large value was announced: it comes in when it is its turn. */
static void ask_for_input(struct client *client, size_t have)
{
    size_t wants = resp_parser_wants(&client->parser, have);
    if (wants <= GATE_BYTES || have + wants <= client->promised)
        return;
    if (gate_pass(client, wants))
        client->promised = have + wants;
}

/* Executes what it can of the bytes; returns how many are done with. */
static size_t execute_commands(struct client *client, slice bytes)
{
    size_t at = 0, warm_until = 0;
    struct resp_parser *parser = &client->parser;
    server_begins(client->net->server);
    while (can_execute(client) && at < bytes.len) {
        struct resp_limits limits = limits_of(client);
        slice rest = slice_make(bytes.data + at, bytes.len - at);
        switch (resp_parse(parser, &limits, rest)) {
        case RESP_MORE:
            ask_for_input(client, rest.len);
            return at;
        case RESP_ERROR:
            protocol_error(client);
            return bytes.len;
        case RESP_DROP:
            skipped(client);
            at += parser->consumed;
            continue;
        case RESP_SKIPPED:
            skipped(client);
            client->skip_told = false;
            session_command_done(&client->session, NULL);
            break;
        case RESP_READY:
            if (at >= warm_until && rest.len > parser->consumed)
                warm_until = at + ahead_warm(client->net, rest);
            if (execute(client, rest.data))
                break;
            client->parked = !is_at_gate(client);
            if (client->session.blocking == NULL) /* that may take hours */
                ahead_load(client, &limits,
                           slice_make(rest.data + parser->consumed,
                                      rest.len - parser->consumed));
            return at;
        }
        if (client->closing)
            return bytes.len;
        at += parser->consumed;
        client->promised = 0;
        resp_parser_next(parser);
        if (must_stall(client))
            break;
    }
    return at;
}

static size_t execute_all(struct client *client, slice bytes)
{
    size_t done = execute_commands(client, bytes);
    client->net->warm.count = 0; /* it points into bytes */
    return done;
}

/* Reading goes on while the kept input is small, or one command that is to be
 * executed needs more. */
static void steer_reading(struct client *client)
{
    if (client->closing)
        return;
    /* Behind the command that is parked, if one is: its own bytes are no
     * reason not to notice that the client has gone. */
    size_t ahead = client->input_len - client->input_at;
    if (client->parked)
        ahead -= client->parser.consumed;
    bool wanted =
        can_execute(client) || ahead < client_read_size(client->net);
    if (client->close_after_output || is_at_gate(client))
        wanted = false;
    if (wanted && !client->reading) {
        client_start_reading(client);
    } else if (!wanted && client->reading) {
        uv_read_stop(&client->uv.stream);
        client->reading = false;
    }
}

/* Executes kept input. */
void client_run(struct client *client)
{
    if (!can_execute(client))
        return;
    slice kept = slice_make(client->input + client->input_at,
                            client->input_len - client->input_at);
    if (kept.len > 0) {
        size_t done = execute_all(client, kept);
        if (!client->closing) {
            client->input_at += done;
            input_release_if_done(client);
            input_trim(client);
        }
    }
    output_send(client);
    if (client->closing)
        return;
    client_charge(client);
    steer_reading(client);
}

void client_through_gate(struct client *client)
{
    client_run(client);
}

void client_resume(struct client *client)
{
    client->parked = false;
    client_run(client);
}

/* In the order in which they came. Who is held again waits for another turn. */
void client_run_held(struct net *net)
{
    struct link held, *first;
    link_init(&held);
    list_splice(&held, &net->held);
    while ((first = list_first(&held)) != NULL) {
        struct client *client = CONTAINER_OF(first, struct client, held_link);
        link_remove(first);
        pause_let_go(&client->session);
        client_resume(client);
    }
}

/* --- blocked clients ------------------------------------------------------ */

static void serve_unblocked(struct net *net)
{
    server_serve_unblocked(net->server);
    server_begins(net->server); /* the next command */
}

/* The one command only, in a reply of its own: net->reply is lent to the client
 * whose command has just ended. What is behind it is executed in net_turn. */
void client_run_blocked(struct client *client)
{
    struct net        *net = client->net;
    struct resp_limits limits = limits_of(client);
    slice rest = slice_make(client->input + client->input_at,
                            client->input_len - client->input_at);
    ASSERT(!client->closing);
    enum resp_status status = resp_parse(&client->parser, &limits, rest);
    ASSERT(status == RESP_READY);
    struct reply lent = net->reply;
    net->reply = net->unblocked_reply;
    server_begins(net->server); /* not with the time that it was blocked */
    bool is_done = run_command(client, rest.data);
    net->unblocked_reply = net->reply;
    net->reply = lent;
    client->parked = !is_done && !is_at_gate(client);
    output_queue(client, &net->unblocked_reply);
    reply_clear(&net->unblocked_reply, UNBLOCKED_KEEP_BYTES);
    if (is_done) {
        client->input_at += client->parser.consumed;
        client->promised = 0;
        resp_parser_next(&client->parser);
        input_release_if_done(client);
        client->stalled = client->out_bytes > OUTPUT_MARK;
        list_push_back(&net->unblocked, &client->unblocked_link);
    }
    client_charge_only(client);
    push_look_later(client);
}

bool client_run_unblocked(struct net *net)
{
    struct link ready, *first;
    if (server_has_unblocked(net->server) && !net->paused)
        serve_unblocked(net);
    link_init(&ready);
    list_splice(&ready, &net->unblocked);
    while ((first = list_first(&ready)) != NULL) {
        link_remove(first);
        client_run(CONTAINER_OF(first, struct client, unblocked_link));
    }
    return !list_empty(&net->unblocked);
}

static bool over_query_limit(struct client *client)
{
    struct server *server = client->net->server;
    size_t         kept = client->input_len - client->input_at;
    if (kept <= server->config->client_query_buffer_limit)
        return false;
    log_write(server->log, LOG_WARNING,
              "closing %s: its query buffer passed "
              "client-query-buffer-limit", client->session.peer);
    server->stats.query_limit_cuts++;
    return true;
}

/* --- libuv --------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct client *client = handle->data;
    (void)suggested;
    if (client->input == NULL) {
        *buf = uv_buf_init(client->net->read_buf,
                           (unsigned)client_read_size(client->net));
        return;
    }
    size_t have = client->input_len - client->input_at;
    size_t wants = resp_parser_wants(&client->parser, have);
    /* The announced length is only a word: memory follows the bytes. And no
     * more than the command under way, or what is behind it would be kept. */
    size_t room = wants;
    if (wants == 0)
        room = client_read_size(client->net);
    else if (wants > READ_LARGE_BYTES)
        room = READ_LARGE_BYTES;
    input_reserve(client, room);
    *buf = uv_buf_init(client->input + client->input_len, (unsigned)room);
}

static void take_input(struct client *client, const uv_buf_t *buf, size_t len)
{
    if (client->input != NULL) {
        ASSERT(buf->base == client->input + client->input_len);
        client->input_len += len;
        if (over_query_limit(client))
            client_close(client);
        else if (can_execute(client))
            client_run(client);
        else
            client_charge(client);
        if (!client->closing)
            steer_reading(client);
        return;
    }
    size_t done = execute_all(client, slice_make(buf->base, len));
    if (!client->closing) {
        input_keep(client, slice_make(buf->base + done, len - done));
        output_send(client);
    } else {
        reply_clear(&client->net->reply, REPLY_KEEP_BYTES);
    }
    if (!client->closing &&
        (client->input != NULL || client->session.own_bytes != client->own_bytes))
        client_charge(client);
    if (!client->closing)
        steer_reading(client);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct client *client = stream->data;
    struct server *server = client->net->server;
    if (client->closing || len == 0)
        return;
    if (len < 0) {
        client_close(client);
        return;
    }
    server->now_ms = clock_now_us(&server->clock) / 1000;
    db_set_now(server->db, server->now_ms);
    server->stats.reads++;
    server->stats.input_bytes += (uint64_t)len;
    client->session.input_bytes += (uint64_t)len;
    if (client->promised > 0)
        gate_moved(client->net);
    take_input(client, buf, (size_t)len);
}

void client_start_reading(struct client *client)
{
    int rc = uv_read_start(&client->uv.stream, on_alloc, on_read);
    if (rc < 0)
        client_close(client);
    else
        client->reading = true;
}
