/* outbox.c - small replies wait for the end of the loop's turn.
 *
 * A write to a socket wakes whoever sleeps on it, and that costs more than the
 * write. Where one process serves many connections (a proxy, a program with a
 * pool, a benchmark) it would be woken by the first reply of a turn, find
 * nothing more to do and sleep again before the second is written, and so on:
 * each write wakes it anew. Sent together, the first wakes it and the others
 * find it awake. Redis does the same for all replies.
 *
 * Here only what is small and has nothing pending before it waits; everything
 * else goes out as before, and whatever is sent to a client whose reply waits
 * sends that first.
 *
 * Bounds   OUTBOX_BYTES in all, OUTBOX_ITEMS replies, one for each client; who
 *          finds no room sends what is there. A turn is as long as the
 *          commands in it; before one stands still for the disk (a script's,
 *          or any with io-threads 0) what waits is sent. */
#include "net/client.h"

#include "base/assert.h"
#include "base/mem.h"

#define OUTBOX_BYTES     ((size_t)64 * 1024)
#define OUTBOX_ITEMS     128
#define OUTBOX_REPLY_MAX ((size_t)4 * 1024)

struct outbox {
    struct {
        struct client *client;
        size_t         from, len;
    } items[OUTBOX_ITEMS];
    size_t count, next; /* next: the first that is not sent yet */
    size_t len;         /* of data, in use */
    char   data[OUTBOX_BYTES];
};

void outbox_init(struct net *net)
{
    net->outbox = mem_calloc(1, sizeof(*net->outbox));
    mem_charge(&net->server->mem, MEM_OTHER, sizeof(*net->outbox));
}

void outbox_deinit(struct net *net)
{
    ASSERT(net->outbox->count == 0);
    mem_release(&net->server->mem, MEM_OTHER, sizeof(*net->outbox));
    mem_free(net->outbox);
}

bool outbox_take(struct client *client, const struct reply *reply)
{
    struct outbox *outbox = client->net->outbox;
    if (client->in_outbox || reply->blob_count > 0 ||
        reply->len > OUTBOX_REPLY_MAX || client->close_after_output ||
        !list_empty(&client->out))
        return false;
    if (outbox->count == OUTBOX_ITEMS ||
        reply->len > OUTBOX_BYTES - outbox->len)
        outbox_send(client->net);
    memcpy(outbox->data + outbox->len, reply->data, reply->len);
    outbox->items[outbox->count].client = client;
    outbox->items[outbox->count].from = outbox->len;
    outbox->items[outbox->count].len = reply->len;
    outbox->count++;
    outbox->len += reply->len;
    client->in_outbox = true;
    return true;
}

/* Sending may close somebody, who then sends what waits before he goes: so it
 * may be called again from within. */
void outbox_send(struct net *net)
{
    struct outbox *outbox = net->outbox;
    while (outbox->next < outbox->count) {
        size_t         at = outbox->next++;
        struct client *client = outbox->items[at].client;
        ASSERT(client->in_outbox);
        client->in_outbox = false;
        output_bytes(client, slice_make(outbox->data + outbox->items[at].from,
                                        outbox->items[at].len));
    }
    outbox->count = outbox->next = 0;
    outbox->len = 0;
}
