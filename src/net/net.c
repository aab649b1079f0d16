/* net.c - the room as a whole: life, cron, and what commands ask of it. */
#include "net/net.h"

#include "base/assert.h"
#include "base/mem.h"
#include "net/client.h"

err_t net_new(uv_loop_t *loop, struct server *server, struct net **out,
              struct err_text *why)
{
    struct net *net = mem_calloc(1, sizeof(*net));
    net->loop = loop;
    net->server = server;
    link_init(&net->clients);
    link_init(&net->gate);
    link_init(&net->held);
    link_init(&net->pushed);
    link_init(&net->unblocked);
    reply_init(&net->unblocked_reply);
    reply_init(&net->after);
    net->read_buf = mem_alloc(READ_BYTES);
    mem_charge(&server->mem, MEM_OTHER, READ_BYTES + REPLY_KEEP_BYTES);
    reply_init(&net->reply);
    outbox_init(net);
    resp_parser_init(&net->ahead);
    *out = net;
    return listen_open(net, why);
}

void net_close(struct net *net)
{
    net->closing = true;
    listen_close(net);
    struct link *first;
    while ((first = list_first(&net->clients)) != NULL)
        client_close(CONTAINER_OF(first, struct client, link));
}

void net_free(struct net *net)
{
    if (net == NULL)
        return;
    ASSERT(list_empty(&net->clients));
    mem_release(&net->server->mem, MEM_OTHER, READ_BYTES + REPLY_KEEP_BYTES);
    outbox_deinit(net);
    reply_deinit(&net->reply);
    reply_deinit(&net->after);
    reply_deinit(&net->unblocked_reply);
    resp_parser_deinit(&net->ahead);
    mem_free(net->argv);
    mem_free(net->read_buf);
    mem_free(net->listeners);
    mem_free(net);
}

static struct client *client_of(const struct session *session)
{
    return CONTAINER_OF(session, struct client, session);
}

void net_send_now(struct net *net)
{
    outbox_send(net);
}

/* Who waits for a flush has told us nothing new to do: it gets its answer even
 * when no other command is executed. */
void net_on_ready(void *arg, struct db_wait *wait)
{
    struct net    *net = arg;
    struct client *client =
        client_of(CONTAINER_OF(wait, struct session, wait));
    client->finishing = net->paused && wait->epoch != 0;
    client_resume(client);
}

void net_let_go(struct net *net, struct session *session)
{
    struct client *client = client_of(session);
    (void)net;
    if (client->lingers)
        client_end(client);
}

/* It has begun, so it is answered even when no other command is executed. */
void net_resume(struct net *net, struct session *session)
{
    struct client *client = client_of(session);
    if (client->lingers) {
        client_end(client);
        return;
    }
    client->finishing = net->paused;
    client_resume(client);
}

bool net_has_output(const struct net *net)
{
    LIST_EACH (link, &net->clients)
        if (!list_empty(&CONTAINER_OF(link, struct client, link)->out))
            return true;
    return false;
}

void net_pause(struct net *net, bool paused)
{
    net->paused = paused;
    if (paused)
        return;
    /* One by one off a list of their own: a run may close any client. */
    struct link  waiting, *first;
    link_init(&waiting);
    list_splice(&waiting, &net->clients);
    while ((first = list_first(&waiting)) != NULL) {
        link_remove(first);
        list_push_back(&net->clients, first);
        client_run(CONTAINER_OF(first, struct client, link));
    }
}

bool net_turn(struct net *net)
{
    if (!list_empty(&net->gate))
        gate_run(net);
    if (!list_empty(&net->held) && net->server->pause.until_ms == 0)
        client_run_held(net);
    bool more = client_run_unblocked(net);
    server_turn(net->server);
    outbox_send(net);
    if (!list_empty(&net->pushed))
        push_send(net);
    return more;
}

void net_run_blocked(void *arg, struct session *session)
{
    (void)arg;
    client_run_blocked(client_of(session));
}

bool net_admit_reply(void *arg, struct session *session, size_t bytes)
{
    (void)arg;
    return gate_pass(client_of(session), bytes);
}

void net_close_session(void *arg, struct session *session, bool after_reply)
{
    (void)arg;
    struct client *client = client_of(session);
    if (after_reply)
        client->close_after_output = true;
    else
        client_close(client);
}

void net_describe_session(void *arg, const struct session *session,
                          struct session_net *out)
{
    (void)arg;
    const struct client *client = client_of(session);
    uv_os_fd_t           fd = -1;
    (void)uv_fileno(&client->uv.handle, &fd);
    *out = (struct session_net){
        .query_bytes = client->input_len - client->input_at,
        .query_capacity = client->input_capacity - client->input_len,
        .reply_bytes = client->out_bytes,
        .total_bytes = client->charged_bytes,
        .fd = fd,
        .readable = client->reading,
        .writable = client->write != NULL,
    };
    LIST_EACH (link, &client->out)
        out->reply_blocks++;
}

/* Closes who has been silent for `timeout` seconds and waits for nothing. */
static void close_idle(struct net *net)
{
    struct server *server = net->server;
    int64_t        timeout_ms = (int64_t)server->config->timeout * 1000;
    LIST_EACH_SAFE (link, &net->clients) {
        struct client *client = CONTAINER_OF(link, struct client, link);
        if (timeout_ms > 0 && !client->parked &&
            server->now_ms - client->session.active_ms > timeout_ms)
            client_close(client);
    }
}

/* Limits that time alone may pass; and the largest buffers, for INFO. */
static void check_outputs(struct net *net)
{
    struct server *server = net->server;
    server->recent_max_input = server->recent_max_output = 0;
    LIST_EACH_SAFE (link, &net->clients) {
        struct client *client = CONTAINER_OF(link, struct client, link);
        if (client->input_capacity > server->recent_max_input)
            server->recent_max_input = client->input_capacity;
        if (client->out_held > server->recent_max_output)
            server->recent_max_output = client->out_held;
        if (client->soft_since_ms != 0 && output_over_limit(client))
            client_close(client);
    }
}

void net_cron(struct net *net)
{
    if (net->server->config->timeout > 0)
        close_idle(net);
    check_outputs(net);
}
