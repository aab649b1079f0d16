/* push.c - what clients get without having asked: pub/sub messages, keyspace
 * events, invalidations.
 *
 * A message is queued with its client at once and sent at the end of the loop
 * turn, so that a thousand messages to one client are one write. A message to
 * the client whose command is under way goes behind the reply of that command.
 *
 * Nobody is closed in the middle of a command: what was pushed is charged, and
 * who holds too much is cut, when the command has ended. What one command can
 * add is bounded by the number of clients: large messages are one blob that
 * all queues refer to. */
#include "net/client.h"

#include "base/assert.h"

void net_push(void *arg, struct session *session, const struct reply *message)
{
    struct net    *net = arg;
    struct client *client = CONTAINER_OF(session, struct client, session);
    if (client->closing || client->close_after_output)
        return;
    if (client == net->executing) {
        reply_append(&net->after, message);
        return;
    }
    output_queue(client, message);
    net->push_unsettled = true;
    if (list_empty(&client->push_link))
        list_push_back(&net->pushed, &client->push_link);
}

void push_settle(struct net *net)
{
    struct link all, *first;
    net->push_unsettled = false;
    link_init(&all);
    list_splice(&all, &net->pushed);
    /* One by one: charging one may close any other. */
    while ((first = list_first(&all)) != NULL) {
        link_remove(first);
        list_push_back(&net->pushed, first);
        client_charge(CONTAINER_OF(first, struct client, push_link));
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
