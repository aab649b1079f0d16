/* gate.c - who may hold a large amount of memory for input or output now.
 *
 * All clients together have a share of memory, and above it the largest is
 * cut. That is for clients that hold without end; fifty clients that each send
 * or fetch a value of 1 MB just have to take turns. So whoever is about to
 * take more than GATE_BYTES asks here first: a value that was announced (it is
 * charged from then on), or a command whose reply is large. What was let
 * through may hold half of the share; who does not fit waits in line, without
 * being read or executed.
 *
 * When nobody who holds something has moved a byte for GATE_PATIENCE_MS, the
 * first in line goes on all the same: then the rule of the largest decides who
 * has to go. */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "base/assert.h"
#include "net/client.h"

#define GATE_PATIENCE_MS 4000

static bool fits(const struct net *net, size_t bytes)
{
    /* Alone it may take more: a reply is bounded on its own. */
    return net->gate_held == 0 ||
           net->gate_held + bytes <= server_limit_bytes(net->server) / 8;
}

bool gate_pass(struct client *client, size_t bytes)
{
    struct net *net = client->net;
    if (bytes <= GATE_BYTES)
        return true;
    if (client->gate_opened) {
        client->gate_opened = false;
        return true;
    }
    if (list_empty(&net->gate) && fits(net, bytes))
        return true;
    if (list_empty(&net->gate))
        net->gate_moved_ms = net->server->now_ms;
    ASSERT(list_empty(&client->gate_link));
    client->gate_bytes = bytes;
    list_push_back(&net->gate, &client->gate_link);
    return false;
}

void gate_count(struct client *client, bool closing)
{
    /* What is pushed to a client did not come through the gate; one who does
     * not read it must not keep others waiting there. */
    const uint32_t pushed = SESSION_PUBSUB | SESSION_MONITOR;
    bool           is_reply = (client->session.flags & pushed) == 0;
    size_t         held = client->promised;
    if (is_reply && client->out_bytes > GATE_BYTES)
        held += client->out_bytes;
    if (client->gate_opened) /* kept for it until it comes to use it */
        held += client->gate_bytes;
    if (closing)
        held = 0;
    client->net->gate_held += held - client->gate_held;
    client->gate_held = held;
}

void gate_moved(struct net *net)
{
    net->gate_moved_ms = net->server->now_ms;
}

/* What a client's socket has not delivered yet, in libuv's queue and in the
 * kernel's. */
static size_t undelivered(const struct client *client)
{
    uv_os_fd_t fd;
    int        in_kernel = 0;
    if (uv_fileno(&client->uv.handle, &fd) == 0)
        (void)ioctl(fd, SIOCOUTQ, &in_kernel);
    return uv_stream_get_write_queue_size(&client->uv.stream) +
           (size_t)in_kernel;
}

/* Has nothing moved for too long? */
static bool is_stuck(struct net *net)
{
    if (net->server->now_ms - net->gate_moved_ms <= GATE_PATIENCE_MS)
        return false;
    size_t queued = 0;
    LIST_EACH (link, &net->clients)
        queued += undelivered(CONTAINER_OF(link, struct client, link));
    bool moved = queued != net->gate_queued;
    net->gate_queued = queued;
    if (moved)
        gate_moved(net);
    return !moved;
}

void gate_run(struct net *net)
{
    struct link *first;
    while ((first = list_first(&net->gate)) != NULL) {
        struct client *client = CONTAINER_OF(first, struct client, gate_link);
        if (!fits(net, client->gate_bytes) && !is_stuck(net))
            return;
        gate_moved(net);
        link_remove(first);
        client->gate_opened = true;
        gate_count(client, false);
        client_through_gate(client);
    }
}
