/* listen.c - listening sockets: every address of `bind`, and a unix socket. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "net/client.h"

struct listener {
    struct net *net;
    bool        is_unix;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t    tcp;
        uv_pipe_t   pipe;
    } uv;
};

#define MAX_LISTENERS 17 /* 16 addresses, as in Redis, and a unix socket */

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;
    if (status < 0) {
        log_write(listener->net->server->log, LOG_WARNING,
                  "accepting a connection failed: %s", uv_strerror(status));
        return;
    }
    client_accept(listener->net, stream, listener->is_unix);
}

static struct listener *listener_add(struct net *net, bool is_unix)
{
    struct listener *listener = &net->listeners[net->listener_count++];
    listener->net = net;
    listener->is_unix = is_unix;
    int rc = is_unix ? uv_pipe_init(net->loop, &listener->uv.pipe, 0)
                     : uv_tcp_init(net->loop, &listener->uv.tcp);
    ASSERT(rc == 0);
    listener->uv.handle.data = listener;
    return listener;
}

static err_t listen_failed(struct err_text *why, const char *where, int port,
                           int rc)
{
    if (rc == UV_EADDRINUSE)
        return err_set(why, ERR_BUSY,
                       "port %d on %s is in use: stop who has it, or choose "
                       "another with --port",
                       port, where);
    return err_set(why, ERR_IO, "cannot listen on %s port %d: %s", where, port,
                   uv_strerror(rc));
}

/* One address; '*' and '::*' are all of IPv4 and IPv6. */
static int parse_address(const char *text, int port,
                         struct sockaddr_storage *out, unsigned *flags)
{
    *flags = 0;
    if (strcmp(text, "*") == 0)
        return uv_ip4_addr("0.0.0.0", port, (void *)out);
    if (strchr(text, ':') == NULL)
        return uv_ip4_addr(text, port, (void *)out);
    *flags = UV_TCP_IPV6ONLY;
    return uv_ip6_addr(strcmp(text, "::*") == 0 ? "::" : text, port,
                       (void *)out);
}

static bool is_missing(int rc)
{
    return rc == UV_EADDRNOTAVAIL || rc == UV_EAFNOSUPPORT ||
           rc == UV_EPROTONOSUPPORT || rc == UV_EINVAL || rc == UV_ENOTSUP;
}

static err_t listen_tcp(struct net *net, const char *text, struct err_text *why)
{
    const struct config    *config = net->server->config;
    struct sockaddr_storage address;
    unsigned                flags;
    bool                    optional = text[0] == '-';
    text += optional;
    if (net->listener_count == MAX_LISTENERS - 1)
        return err_set(why, ERR_LIMIT, "too many addresses in 'bind'");
    int rc = parse_address(text, config->port, &address, &flags);
    if (rc < 0)
        return err_set(why, ERR_INVALID, "'%s' in 'bind' is not an address",
                       text);
    struct listener *listener = listener_add(net, false);
    rc = uv_tcp_bind(&listener->uv.tcp, (void *)&address, flags);
    if (rc == 0)
        rc = uv_listen(&listener->uv.stream, config->tcp_backlog,
                       on_connection);
    if (rc == 0) {
        log_write(net->server->log, LOG_NOTICE, "listening on %s port %d", text,
                  config->port);
        return ERR_OK;
    }
    if (optional && is_missing(rc))
        return ERR_OK; /* the handle stays, closed at the end */
    return listen_failed(why, text, config->port, rc);
}

static err_t listen_all_tcp(struct net *net, struct err_text *why)
{
    const struct config *config = net->server->config;
    if (config->port == 0)
        return ERR_OK;
    err_t err = ERR_OK;
    char *list = mem_alloc(strlen(config->bind) + 1), *rest = list, *text;
    memcpy(list, config->bind, strlen(config->bind) + 1);
    while (err == ERR_OK && (text = strsep(&rest, " ")) != NULL)
        if (text[0] != '\0')
            err = listen_tcp(net, text, why);
    mem_free(list);
    return err;
}

/* A socket file that nobody answers on is left over and goes. */
static bool is_stale(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static err_t listen_unix(struct net *net, struct err_text *why)
{
    const struct config *config = net->server->config;
    const char          *path = config->unixsocket;
    if (path[0] == '\0')
        return ERR_OK;
    struct listener *listener = listener_add(net, true);
    if (is_stale(path))
        unlink(path);
    int rc = uv_pipe_bind(&listener->uv.pipe, path);
    if (rc == 0)
        rc = uv_listen(&listener->uv.stream, config->tcp_backlog,
                       on_connection);
    if (rc < 0)
        return err_set(why, ERR_IO, "cannot listen on the unix socket %s: %s",
                       path, uv_strerror(rc));
    if (config->unixsocketperm != 0 && chmod(path, config->unixsocketperm) != 0)
        return err_set(why, ERR_IO, "cannot set the mode of %s: %s", path,
                       strerror(errno));
    log_write(net->server->log, LOG_NOTICE, "listening on %s", path);
    return ERR_OK;
}

err_t listen_open(struct net *net, struct err_text *why)
{
    net->listeners = mem_calloc(MAX_LISTENERS, sizeof(*net->listeners));
    err_t err = listen_all_tcp(net, why);
    if (err == ERR_OK)
        err = listen_unix(net, why);
    return err;
}

void listen_close(struct net *net)
{
    for (size_t i = 0; i < net->listener_count; i++)
        if (!uv_is_closing(&net->listeners[i].uv.handle))
            uv_close(&net->listeners[i].uv.handle, NULL);
}
