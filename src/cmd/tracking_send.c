/* tracking_send.c - one invalidation on its way to one client.
 *
 * RESP3: a push "invalidate". RESP2 has no pushes: such a client names another
 * connection of its own (REDIRECT), which either speaks RESP3 or has
 * subscribed to something; then it looks like a message of the channel
 * __redis__:invalidate. */
#include "cmd/tracking_state.h"

static void push(struct session *to, struct reply *message)
{
    struct server_hooks *hooks = &to->server->hooks;
    hooks->push(hooks->arg, to, message);
    reply_clear(message, TRACKING_KEEP_BYTES);
}

static void tell_broken(struct session *session)
{
    struct reply *message = &session->server->tracking->message;
    session->flags |= SESSION_TRACKING_BROKEN;
    if (session->resp < 3)
        return;
    message->version = 3;
    reply_push(message, 2);
    reply_bulk_string(message, "tracking-redir-broken");
    reply_int(message, (int64_t)session->redirect);
    push(session, message);
}

/* Begins a message to this client; false if it can't be told. */
static bool begin(const struct session *to, bool redirected,
                  struct reply *message)
{
    if (to->resp >= 3) {
        message->version = 3;
        reply_push(message, 2);
        reply_bulk_string(message, "invalidate");
        return true;
    }
    if (!redirected || !(to->flags & SESSION_PUBSUB))
        return false;
    message->version = 2;
    reply_array(message, 3);
    reply_bulk_string(message, "message");
    reply_bulk_string(message, "__redis__:invalidate");
    return true;
}

void tracking_send(struct session *session, const struct reply *body)
{
    struct session *to = session;
    struct reply   *message = &session->server->tracking->message;
    bool            redirected = session->redirect != 0;
    if (redirected)
        to = session_by_id(session->server, session->redirect);
    if (to == NULL) {
        tell_broken(session);
        return;
    }
    if (!begin(to, redirected, message))
        return;
    reply_append(message, body);
    push(to, message);
}

/* Which null it is depends on the session that tracks, also when another one
 * gets it: so does Redis. */
void tracking_send_all(struct session *session)
{
    struct reply body;
    reply_init(&body);
    body.version = session->resp;
    reply_null(&body);
    tracking_send(session, &body);
    reply_deinit(&body);
}

void tracking_share(struct reply *body)
{
    if (body->len < TRACKING_SHARED_BYTES || body->blob_count > 0)
        return;
    struct blob *blob = blob_copy(slice_make(body->data, body->len));
    reply_clear(body, body->capacity);
    reply_raw_blob(body, blob);
    blob_unref(blob);
}
