/* output.c - replies on their way out.
 *
 * What one run of commands answered is tried at once with one write. What the
 * socket does not take is queued as chunks (bytes copied, blobs by reference)
 * and sent by libuv as the socket drains, one write request at a time. */
#include "net/client.h"

#include "base/assert.h"
#include "base/mem.h"

#define IOV_MAX_BUFS 64

/* Small pieces that follow each other share a chunk of up to this size. */
#define CHUNK_BYTES ((size_t)4096)

/* --- the queue ----------------------------------------------------------- */

static size_t chunk_cost(const struct out_chunk *chunk)
{
    return sizeof(*chunk) +
           (chunk->blob != NULL ? chunk->len : chunk->capacity);
}

static void push_chunk(struct client *client, struct out_chunk *chunk)
{
    list_push_back(&client->out, &chunk->link);
    client->out_bytes += chunk->len;
    client->out_held += chunk_cost(chunk);
    client->out_chunks++;
}

static void chunk_free(struct client *client, struct out_chunk *chunk)
{
    link_remove(&chunk->link);
    ASSERT(client->out_bytes >= chunk->len);
    client->out_bytes -= chunk->len;
    client->out_held -= chunk_cost(chunk);
    client->out_chunks--;
    blob_unref(chunk->blob);
    mem_free(chunk);
}

/* Into the last chunk, if it has room and is not being written. */
static bool append_to_last(struct client *client, const char *data, size_t len)
{
    struct link *last = list_last(&client->out);
    if (last == NULL || client->out_chunks <= client->write_chunks)
        return false;
    struct out_chunk *chunk = CONTAINER_OF(last, struct out_chunk, link);
    if (chunk->blob != NULL || chunk->capacity - chunk->len < len)
        return false;
    memcpy(chunk->data + chunk->len, data, len);
    chunk->len += len;
    client->out_bytes += len;
    return true;
}

static void push_bytes(struct client *client, const char *data, size_t len)
{
    if (len == 0)
        return;
    if (append_to_last(client, data, len))
        return;
    /* The first is sent as it is. Behind it more is likely to come, as much as
     * there is already: a message to a thousand clients is not four megabytes
     * of empty chunks. */
    size_t capacity = len;
    if (client->out_chunks > 0) {
        size_t likely = sizeof(struct out_chunk) + 2 * client->out_bytes;
        if (likely > CHUNK_BYTES)
            likely = CHUNK_BYTES;
        if (capacity < likely)
            capacity = likely;
    }
    struct out_chunk *chunk = mem_alloc(sizeof(*chunk) + capacity);
    chunk->blob = NULL;
    chunk->len = len;
    chunk->capacity = capacity;
    memcpy(chunk->data, data, len);
    push_chunk(client, chunk);
}

static void push_blob(struct client *client, struct blob *blob)
{
    if (blob->len == 0)
        return;
    struct out_chunk *chunk = mem_alloc(sizeof(*chunk));
    chunk->blob = blob_ref(blob);
    chunk->len = blob->len;
    chunk->capacity = 0;
    push_chunk(client, chunk);
}

void output_drop(struct client *client)
{
    struct link *last;
    while (client->out_chunks > client->write_chunks &&
           (last = list_last(&client->out)) != NULL)
        chunk_free(client, CONTAINER_OF(last, struct out_chunk, link));
}

void output_free(struct client *client)
{
    struct link *first;
    while ((first = list_first(&client->out)) != NULL)
        chunk_free(client, CONTAINER_OF(first, struct out_chunk, link));
}

static const char *chunk_data(const struct out_chunk *chunk)
{
    return chunk->blob != NULL ? chunk->blob->data : chunk->data;
}

/* --- pieces of a reply: bytes, blob, bytes, blob, ... bytes -------------- */

struct pieces {
    const struct reply *reply;
    size_t              blob;   /* next blob */
    size_t              offset; /* next byte of the buffer */
};

/* The next piece; blob is set if it is one. False at the end. */
static bool next_piece(struct pieces *at, slice *piece, struct blob **blob)
{
    const struct reply *reply = at->reply;
    size_t              end = reply->len;
    *blob = NULL;
    if (at->blob < reply->blob_count)
        end = reply->blobs[at->blob].offset;
    if (at->offset < end) {
        *piece = slice_make(reply->data + at->offset, end - at->offset);
        at->offset = end;
        return true;
    }
    if (at->blob == reply->blob_count)
        return false;
    *blob = reply->blobs[at->blob++].blob;
    *piece = blob_slice(*blob);
    return true;
}

/* Queues the reply but for its first `sent` bytes. */
static void queue_rest(struct client *client, const struct reply *reply,
                       size_t sent)
{
    struct pieces at = { .reply = reply };
    struct blob  *blob;
    slice         piece;
    while (next_piece(&at, &piece, &blob)) {
        if (sent >= piece.len) {
            sent -= piece.len;
            continue;
        }
        if (blob != NULL) {
            push_blob(client, blob);
            if (sent > 0) { /* only as the very first chunk */
                ASSERT(client->out.next->next == &client->out);
                client->out_sent = sent;
            }
        } else {
            push_bytes(client, piece.data + sent, piece.len - sent);
        }
        sent = 0;
    }
}

/* Bytes that the socket took at once; an error shows at the next read. */
static size_t try_send(struct client *client, const struct reply *reply)
{
    uv_buf_t      bufs[IOV_MAX_BUFS];
    unsigned      count = 0;
    struct pieces at = { .reply = reply };
    struct blob  *blob;
    slice         piece;
    while (count < IOV_MAX_BUFS && next_piece(&at, &piece, &blob))
        if (piece.len > 0)
            bufs[count++] =
                uv_buf_init((char *)piece.data, (unsigned)piece.len);
    client->net->server->stats.writes++;
    int rc = uv_try_write(&client->uv.stream, bufs, count);
    return rc > 0 ? (size_t)rc : 0;
}

/* --- sending the queue --------------------------------------------------- */

static void send_queue(struct client *client);

static void on_written(uv_write_t *write, int status)
{
    struct client *client = write->data;
    mem_free(write);
    client->write = NULL;
    if (client->closing)
        return;
    if (status < 0) {
        client_close(client);
        return;
    }
    for (; client->write_chunks > 0; client->write_chunks--) {
        struct link *first = list_first(&client->out);
        chunk_free(client, CONTAINER_OF(first, struct out_chunk, link));
    }
    client->out_sent = 0;
    gate_moved(client->net);
    client->session.active_ms = client->net->server->now_ms;
    client_charge(client);
    if (client->closing)
        return;
    if (!list_empty(&client->out))
        send_queue(client);
    else if (client->close_after_output)
        client_close(client);
    if (!client->closing && client->stalled &&
        client->out_bytes <= OUTPUT_MARK) {
        client->stalled = false;
        client_run(client);
    }
}

static void send_queue(struct client *client)
{
    uv_buf_t bufs[IOV_MAX_BUFS];
    unsigned count = 0;
    size_t   skip = client->out_sent;
    ASSERT(client->write == NULL);
    LIST_EACH (link, &client->out) {
        struct out_chunk *chunk = CONTAINER_OF(link, struct out_chunk, link);
        bufs[count++] = uv_buf_init((char *)chunk_data(chunk) + skip,
                                    (unsigned)(chunk->len - skip));
        skip = 0;
        if (count == IOV_MAX_BUFS)
            break;
    }
    client->write = mem_alloc(sizeof(*client->write));
    client->write->data = client;
    client->write_chunks = count;
    client->net->server->stats.writes++;
    int rc = uv_write(client->write, &client->uv.stream, bufs, count,
                      on_written);
    if (rc < 0) {
        mem_free(client->write);
        client->write = NULL;
        client_close(client);
    }
}

/* What waits in the outbox goes first. */
static void settle_outbox(struct client *client)
{
    if (client->in_outbox)
        outbox_send(client->net);
}

static void send_pending(struct client *client)
{
    if (list_empty(&client->out))
        return;
    client_charge(client);
    if (!client->closing && client->write == NULL)
        send_queue(client);
}

void output_send(struct client *client)
{
    struct reply *reply = &client->net->reply;
    size_t        total = reply_bytes(reply), sent = 0;
    if (total > 0 && !client->closing) {
        client->session.output_bytes += total;
        client->net->server->stats.output_bytes += total;
        if (outbox_take(client, reply)) {
            reply_clear(reply, REPLY_KEEP_BYTES);
            return;
        }
        settle_outbox(client);
        if (list_empty(&client->out))
            sent = try_send(client, reply);
        if (sent < total)
            queue_rest(client, reply, sent);
    }
    reply_clear(reply, REPLY_KEEP_BYTES);
    if (client->close_after_output)
        settle_outbox(client);
    if (client->closing)
        return;
    send_pending(client);
    if (list_empty(&client->out) && client->close_after_output)
        client_close(client);
}

/* It does not close: what comes behind may be on its way here. */
void output_bytes(struct client *client, slice bytes)
{
    uv_buf_t buf = uv_buf_init((char *)bytes.data, (unsigned)bytes.len);
    ASSERT(list_empty(&client->out));
    client->net->server->stats.writes++;
    int    rc = uv_try_write(&client->uv.stream, &buf, 1);
    size_t sent = rc > 0 ? (size_t)rc : 0; /* an error shows at the next read */
    if (sent < bytes.len)
        push_bytes(client, bytes.data + sent, bytes.len - sent);
    send_pending(client);
}

void output_queue(struct client *client, const struct reply *message)
{
    size_t total = reply_bytes(message);
    settle_outbox(client);
    client->session.output_bytes += total;
    client->net->server->stats.output_bytes += total;
    queue_rest(client, message, 0);
}

void output_start(struct client *client)
{
    if (!list_empty(&client->out) && client->write == NULL)
        send_queue(client);
}

bool output_over_limit(struct client *client)
{
    struct server *server = client->net->server;
    bool is_pubsub = (client->session.flags & SESSION_PUBSUB) != 0;
    const struct config_output_limit *limit =
        &server->config->client_output_limits[is_pubsub ? CONFIG_CLASS_PUBSUB
                                                        : CONFIG_CLASS_NORMAL];
    if (limit->hard != 0 && client->out_bytes > limit->hard)
        return true;
    if (limit->soft == 0 || client->out_bytes <= limit->soft) {
        client->soft_since_ms = 0;
        return false;
    }
    if (client->soft_since_ms == 0)
        client->soft_since_ms = server->now_ms;
    return server->now_ms - client->soft_since_ms >
           (int64_t)limit->soft_seconds * 1000;
}
