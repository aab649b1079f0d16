/* push.c - what clients get without having asked: pub/sub messages, keyspace
 * events, invalidations.
 *
 * A message is queued with its client at once and sent at the end of the loop
 * turn, so that a thousand messages to one client are one write. A message to
 * the client whose command is under way goes behind the reply of that command.
 *
 * Nobody is closed in the middle of a command. But one command may push much:
 * a transaction of a thousand PUBLISHes to a thousand clients, an MSET whose
 * every key is an event. So what is pushed is charged at once, and as soon as
 * it is too much - for the client's own limit, or for all clients together -
 * somebody is doomed: what is pending for him is dropped, he gets nothing
 * more, and is closed when the command has ended. It is the one with most
 * pending output, not the one who holds most in all: that may be the writer of
 * a large value, who can't help that others don't read. Thus pushes are
 * bounded by the clients' share of memory, however many a command makes. */
#include "net/client.h"

#include "base/assert.h"

void push_look_later(struct client *client)
{
    client->net->push_unsettled = true;
    if (list_empty(&client->push_link))
        list_push_back(&client->net->pushed, &client->push_link);
}

static void doom(struct client *client)
{
    struct net *net = client->net;
    ASSERT(!client->doomed);
    client->doomed = true;
    if (client == net->executing)
        reply_clear(&net->after, REPLY_KEEP_BYTES);
    output_drop(client);
    client_charge_only(client);
    push_look_later(client);
}

static size_t pending_bytes(const struct client *client)
{
    bool is_self = client == client->net->executing;
    return client->out_held +
           (is_self ? reply_bytes(&client->net->after) : 0);
}

/* NULL: nothing is pending for anybody. */
static struct client *most_pending(struct net *net)
{
    struct client *found = NULL;
    size_t         most = 0;
    LIST_EACH (link, &net->clients) {
        struct client *client = CONTAINER_OF(link, struct client, link);
        if (client->doomed || pending_bytes(client) <= most)
            continue;
        found = client;
        most = pending_bytes(client);
    }
    return found;
}

static void doom_some(struct net *net)
{
    struct mem    *mem = &net->server->mem;
    struct client *found;
    while (mem->used_bytes[MEM_CLIENTS] + reply_bytes(&net->after) >
               clients_share(net) &&
           (found = most_pending(net)) != NULL) {
        client_note_share_cut(found);
        doom(found);
    }
}

void net_push(void *arg, struct session *session, const struct reply *message)
{
    struct net    *net = arg;
    struct client *client = CONTAINER_OF(session, struct client, session);
    if (client->closing || client->close_after_output || client->doomed)
        return;
    if (client == net->executing) {
        reply_append(&net->after, message);
    } else {
        output_queue(client, message);
        client_charge_only(client);
        push_look_later(client);
        if (output_over_limit(client)) {
            client_note_output_cut(client);
            doom(client);
        }
    }
    doom_some(net);
}

void push_settle(struct net *net)
{
    struct link all, *first;
    net->push_unsettled = false;
    link_init(&all);
    list_splice(&all, &net->pushed);
    /* One by one: charging one may close any other. */
    while ((first = list_first(&all)) != NULL) {
        struct client *client = CONTAINER_OF(first, struct client, push_link);
        link_remove(first);
        list_push_back(&net->pushed, first);
        if (client->doomed)
            client_close(client);
        else
            client_charge(client);
    }
}

void push_send(struct net *net)
{
    struct link *first;
    if (net->push_unsettled)
        push_settle(net);
    while ((first = list_first(&net->pushed)) != NULL) {
        link_remove(first);
        output_start(CONTAINER_OF(first, struct client, push_link));
    }
}
