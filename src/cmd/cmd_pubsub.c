/* cmd_pubsub.c - SUBSCRIBE and its kin, PUBLISH, PUBSUB.
 *
 * Subscribing is answered by messages, one for each name, and with RESP3 these
 * are pushes: a client that has turned replies off gets them all the same.
 *
 * The family is one function with a table of what each command does. How much
 * memory and reply a call with many names would need is told beforehand
 * (reply_of), so that it takes turns or is refused like any large reply. */
#include "cmd/handlers.h"

#include "base/assert.h"
#include "base/glob.h"
#include "cmd/pubsub.h"

/* --- subscribing --------------------------------------------------------- */

/* The same words for names that come and go. */
struct verb {
    enum pubsub_kind kind;
    bool             subscribes;
};

static struct verb verb_of(const struct call *call)
{
    command_handler *handler = call->command->handler;
    struct verb      verb;
    verb.subscribes = handler == cmd_subscribe || handler == cmd_psubscribe ||
                      handler == cmd_ssubscribe;
    verb.kind = handler == cmd_subscribe || handler == cmd_unsubscribe
                    ? PUBSUB_CHANNEL
                : handler == cmd_psubscribe || handler == cmd_punsubscribe
                    ? PUBSUB_PATTERN
                    : PUBSUB_SHARD;
    return verb;
}

/* Channels and patterns are counted together. */
static size_t counted(const struct session *session, enum pubsub_kind kind)
{
    const size_t *counts = session->subscription_counts;
    return kind == PUBSUB_SHARD
               ? counts[PUBSUB_SHARD]
               : counts[PUBSUB_CHANNEL] + counts[PUBSUB_PATTERN];
}

/* One name comes or goes, and that is answered; the name may be freed by it.
 * name NULL: none was there. */
static void change(struct call *call, struct verb verb, const slice *name)
{
    struct reply *reply = call->reply;
    bool          muted = reply->muted;
    reply->muted = false;
    reply_push(reply, 3);
    reply_bulk_string(reply, call->command->name);
    if (name == NULL)
        reply_null(reply);
    else
        reply_bulk(reply, *name);
    if (name != NULL && verb.subscribes)
        pubsub_subscribe(call->session, verb.kind, *name);
    else if (name != NULL)
        pubsub_unsubscribe(call->session, verb.kind, *name);
    reply_int(reply, (int64_t)counted(call->session, verb.kind));
    reply->muted = muted;
}

static enum call_result change_named(struct call *call)
{
    struct verb verb = verb_of(call);
    for (size_t i = 1; i < call->argc; i++)
        change(call, verb, &call->argv[i]);
    return CALL_DONE;
}

/* Without names all of that kind go. */
static enum call_result unsubscribe(struct call *call)
{
    struct verb verb = verb_of(call);
    slice       name;
    if (call->argc > 1)
        return change_named(call);
    if (!pubsub_first(call->session, verb.kind, &name))
        change(call, verb, NULL);
    while (pubsub_first(call->session, verb.kind, &name))
        change(call, verb, &name);
    return CALL_DONE;
}

enum call_result cmd_subscribe(struct call *call)
{
    return change_named(call);
}

enum call_result cmd_psubscribe(struct call *call)
{
    return change_named(call);
}

/* A transaction must have one reply for each command; Redis holds only this
 * one to it, the older ones may do as they ever did. */
enum call_result cmd_ssubscribe(struct call *call)
{
    if (call->session->multi != NULL) {
        reply_error(call->reply,
                    "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
        return CALL_DONE;
    }
    return change_named(call);
}

enum call_result cmd_unsubscribe(struct call *call)
{
    return unsubscribe(call);
}

enum call_result cmd_punsubscribe(struct call *call)
{
    return unsubscribe(call);
}

enum call_result cmd_sunsubscribe(struct call *call)
{
    return unsubscribe(call);
}

#define ANSWER_BYTES 64 /* of a reply, beside the name */

/* Subscriptions count like a reply: both end in the clients' share. */
size_t subscribe_bytes(struct call *call)
{
    struct verb           verb = verb_of(call);
    const struct session *session = call->session;
    size_t                bytes = 0;
    if (call->argc == 1) /* own_bytes has all names */
        return session->subscription_counts[verb.kind] * ANSWER_BYTES +
               session->own_bytes;
    for (size_t i = 1; i < call->argc; i++) {
        size_t len = call->argv[i].len;
        bytes += len + ANSWER_BYTES;
        if (verb.subscribes)
            bytes += pubsub_cost(len);
    }
    return bytes;
}

/* --- publishing ---------------------------------------------------------- */

static enum call_result publish(struct call *call, enum pubsub_kind kind)
{
    size_t reached = pubsub_publish(call->server, kind, call->argv[1],
                                    call->argv[2]);
    reply_int(call->reply, (int64_t)reached);
    return CALL_DONE;
}

enum call_result cmd_publish(struct call *call)
{
    return publish(call, PUBSUB_CHANNEL);
}

enum call_result cmd_spublish(struct call *call)
{
    return publish(call, PUBSUB_SHARD);
}

/* --- PUBSUB -------------------------------------------------------------- */

struct listing {
    struct reply *reply;
    slice         pattern; /* data NULL: all */
    size_t        count;
};

static void list_name(void *arg, slice name)
{
    struct listing *listing = arg;
    if (listing->pattern.data != NULL &&
        !glob_match(listing->pattern, name, false))
        return;
    reply_bulk(listing->reply, name);
    listing->count++;
}

static enum call_result list_names(struct call *call, enum pubsub_kind kind)
{
    struct listing listing = { .reply = call->reply };
    if (call->argc > 3) {
        reply_errorf(call->reply,
                     "ERR unknown subcommand or wrong number of arguments for "
                     "'%.*s'. Try PUBSUB HELP.",
                     (int)call->argv[1].len, call->argv[1].data);
        return CALL_DONE;
    }
    if (call->argc == 3)
        listing.pattern = call->argv[2];
    size_t mark = reply_deferred_begin(call->reply);
    pubsub_each_name(call->server, kind, &listing, list_name);
    reply_deferred_end(call->reply, mark, '*', listing.count);
    return CALL_DONE;
}

static enum call_result count_subscribers(struct call *call,
                                          enum pubsub_kind kind)
{
    reply_array(call->reply, (call->argc - 2) * 2);
    for (size_t i = 2; i < call->argc; i++) {
        reply_bulk(call->reply, call->argv[i]);
        reply_int(call->reply, (int64_t)pubsub_subscribers(call->server, kind,
                                                           call->argv[i]));
    }
    return CALL_DONE;
}

enum call_result cmd_pubsub_channels(struct call *call)
{
    return list_names(call, PUBSUB_CHANNEL);
}

enum call_result cmd_pubsub_shardchannels(struct call *call)
{
    return list_names(call, PUBSUB_SHARD);
}

enum call_result cmd_pubsub_numsub(struct call *call)
{
    return count_subscribers(call, PUBSUB_CHANNEL);
}

enum call_result cmd_pubsub_shardnumsub(struct call *call)
{
    return count_subscribers(call, PUBSUB_SHARD);
}

enum call_result cmd_pubsub_numpat(struct call *call)
{
    reply_int(call->reply,
              (int64_t)pubsub_names(call->server, PUBSUB_PATTERN));
    return CALL_DONE;
}

enum call_result cmd_pubsub_help(struct call *call)
{
    static const char *const lines[] = {
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> "
        "(default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, "
        "excluding",
        "    pattern subscriptions(default: no channels).",
        "SHARDCHANNELS [<pattern>]",
        "    Return the currently active shard level channels matching a "
        "<pattern> (default: '*').",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    Return the number of subscribers for the specified shard level "
        "channel(s)",
        NULL
    };
    call_help(call, "PUBSUB", lines);
    return CALL_DONE;
}
