/* accept.c - who may come in, and where it comes from. */
#include "base/assert.h"
#include "base/mem.h"
#include "net/client.h"

static void format_address(const struct sockaddr_storage *address, char *out,
                           size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    int  port = 0;
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        uv_ip4_name(in, host, sizeof(host));
        port = ntohs(in->sin_port);
        snprintf(out, size, "%s:%d", host, port);
    } else {
        const struct sockaddr_in6 *in = (const void *)address;
        uv_ip6_name(in, host, sizeof(host));
        port = ntohs(in->sin6_port);
        snprintf(out, size, "[%s]:%d", host, port);
    }
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in = (const void *)address;
    return IN6_IS_ADDR_LOOPBACK(&in->sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr) &&
            in->sin6_addr.s6_addr[12] == 127);
}

static void describe_tcp(struct client *client)
{
    struct session         *session = &client->session;
    struct sockaddr_storage address;
    int                     len = sizeof(address);
    memset(&address, 0, sizeof(address));
    if (uv_tcp_getsockname(&client->uv.tcp, (void *)&address, &len) == 0)
        format_address(&address, session->local, sizeof(session->local));
    len = sizeof(address);
    if (uv_tcp_getpeername(&client->uv.tcp, (void *)&address, &len) == 0) {
        format_address(&address, session->peer, sizeof(session->peer));
        if (is_loopback(&address))
            session->flags |= SESSION_LOCAL;
    }
    uv_tcp_nodelay(&client->uv.tcp, 1);
    int keepalive = client->net->server->config->tcp_keepalive;
    if (keepalive > 0)
        uv_tcp_keepalive(&client->uv.tcp, 1, (unsigned)keepalive);
}

static void describe_unix(struct client *client)
{
    struct session *session = &client->session;
    const char     *path = client->net->server->config->unixsocket;
    session->flags |= SESSION_UNIX_SOCKET | SESSION_LOCAL;
    snprintf(session->peer, sizeof(session->peer), "%.107s:0", path);
    snprintf(session->local, sizeof(session->local), "%.107s:0", path);
}

static const char *const denied =
    "-DENIED Redis is running in protected mode because protected mode is "
    "enabled and no password is set for the default user. In this mode "
    "connections are only accepted from the loopback interface. If you want "
    "to connect from external computers to Redis you may adopt one of the "
    "following solutions: 1) Just disable protected mode sending the command "
    "'CONFIG SET protected-mode no' from the loopback interface by connecting "
    "to Redis from the same host the server is running, however MAKE SURE "
    "Redis is not publicly accessible from internet if you do so. Use CONFIG "
    "REWRITE to make this change permanent. 2) Alternatively you can just "
    "disable the protected mode by editing the Redis configuration file, and "
    "setting the protected mode option to 'no', and then restarting the "
    "server. 3) If you started the server manually just for testing, restart "
    "it with the '--protected-mode no' option. 4) Setup an authentication "
    "password for the default user. NOTE: You only need to do one of the above "
    "things in order for the server to start accepting connections from the "
    "outside.\r\n";

static bool has_share_for(const struct net *net, const struct client *client)
{
    return net->server->mem.used_bytes[MEM_CLIENTS] + sizeof(*client) <=
           clients_share(net);
}

/* A crowd that is stuck in the middle of large commands must not keep
 * everybody else out: the largest goes, if it is worth several clients. */
static void make_share_for(struct net *net, const struct client *client)
{
    while (!has_share_for(net, client)) {
        struct client *largest = client_largest(net);
        if (largest == NULL || largest->charged_bytes < LARGE_CLIENT_BYTES)
            return;
        client_cut(largest);
    }
}

/* NULL if the client is welcome. */
static const char *refusal(struct net *net, const struct client *client)
{
    const struct config *config = net->server->config;
    if (net->client_count >= (size_t)config->maxclients ||
        !has_share_for(net, client))
        return "-ERR max number of clients reached\r\n";
    if (config->protected_mode && config->requirepass[0] == '\0' &&
        !(client->session.flags & SESSION_LOCAL))
        return denied;
    return NULL;
}

static void refuse(struct client *client, const char *text)
{
    uv_buf_t buf = uv_buf_init((char *)text, (unsigned)strlen(text));
    client->net->server->stats.rejected_connections++;
    (void)uv_try_write(&client->uv.stream, &buf, 1);
    client_close(client);
}

void client_accept(struct net *net, uv_stream_t *listener, bool is_unix)
{
    struct client *client = mem_calloc(1, sizeof(*client));
    client->net = net;
    link_init(&client->link);
    link_init(&client->out);
    link_init(&client->gate_link);
    link_init(&client->push_link);
    link_init(&client->held_link);
    link_init(&client->unblocked_link);
    resp_parser_init(&client->parser);
    int rc = is_unix ? uv_pipe_init(net->loop, &client->uv.pipe, 0)
                     : uv_tcp_init(net->loop, &client->uv.tcp);
    ASSERT(rc == 0);
    client->uv.handle.data = client;
    session_init(net->server, &client->session);
    bool        accepted = uv_accept(listener, &client->uv.stream) == 0;
    const char *no = NULL;
    if (accepted) {
        if (is_unix)
            describe_unix(client);
        else
            describe_tcp(client);
        make_share_for(net, client);
        no = refusal(net, client);
    }
    list_push_back(&net->clients, &client->link);
    net->client_count++;
    net->server->stats.connections++;
    client->charged_bytes = sizeof(*client);
    mem_charge(&net->server->mem, MEM_CLIENTS, client->charged_bytes);
    if (!accepted)
        client_close(client);
    else if (no != NULL)
        refuse(client, no);
    else
        client_start_reading(client);
}
