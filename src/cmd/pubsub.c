/* pubsub.c - channels, patterns, and who subscribes to them.
 *
 * A topic is a channel, pattern or shard channel that somebody subscribes to:
 * found by its name, freed with its last subscription. A subscription joins a
 * session and a topic; it is on the lists of both, so a session leaves as fast
 * as it has subscribed, and in a dict by (topic, session), so that neither the
 * number of subscribers nor that of subscriptions makes one of them slow.
 *
 * Patterns are tried one after the other in the order of their creation, as
 * there is no index of globs; a message costs what all patterns cost.
 *
 * A message is written once in each protocol version, and handed to net/ for
 * each who gets it. Long texts in it are blobs (reply.h), which all queues
 * share. */
#include "cmd/pubsub.h"

#include <string.h>

#include "base/assert.h"
#include "base/glob.h"
#include "base/rand.h"

#define SCRATCH_BYTES ((size_t)4096) /* of a written message, kept */

struct topic {
    struct dict_node node; /* key: the name */
    struct link      subscribers;
    struct link      pattern_link; /* on pubsub.patterns, if it is one */
    size_t           count;
    char             name[];
};

/* What finds a subscription. No padding: hashed and compared as bytes. */
struct pair {
    const struct topic   *topic;
    const struct session *session;
};

struct subscription {
    struct dict_node node; /* key: the pair */
    struct pair      pair;
    struct link      topic_link;   /* on topic.subscribers */
    struct link      session_link; /* on session.subscriptions[kind] */
    struct session  *session;
    struct topic    *topic;
};

struct pubsub {
    struct dict  topics[PUBSUB_KINDS];
    struct dict  pairs;
    struct link  patterns; /* topic.pattern_link, oldest first */
    size_t       clients;
    struct reply written[2]; /* a message in RESP2 and RESP3; scratch */
};

#define PUBSUB_BYTES (sizeof(struct pubsub) + 2 * SCRATCH_BYTES)

void pubsub_init(struct server *server)
{
    struct pubsub  *pubsub = mem_calloc(1, sizeof(*pubsub));
    struct hash_key hash_key;
    rand_system(&hash_key, sizeof(hash_key));
    for (int kind = 0; kind < PUBSUB_KINDS; kind++)
        dict_init(&pubsub->topics[kind], &server->mem, MEM_OTHER, hash_key);
    dict_init(&pubsub->pairs, &server->mem, MEM_OTHER, hash_key);
    link_init(&pubsub->patterns);
    for (int i = 0; i < 2; i++) {
        reply_init(&pubsub->written[i]);
        pubsub->written[i].version = 2 + i;
    }
    mem_charge(&server->mem, MEM_OTHER, PUBSUB_BYTES);
    server->pubsub = pubsub;
}

void pubsub_deinit(struct server *server)
{
    struct pubsub *pubsub = server->pubsub;
    ASSERT(pubsub->clients == 0);
    for (int kind = 0; kind < PUBSUB_KINDS; kind++)
        dict_deinit(&pubsub->topics[kind]);
    dict_deinit(&pubsub->pairs);
    for (int i = 0; i < 2; i++)
        reply_deinit(&pubsub->written[i]);
    mem_free(pubsub);
    mem_release(&server->mem, MEM_OTHER, PUBSUB_BYTES);
    server->pubsub = NULL;
}

/* --- finding ------------------------------------------------------------- */

static struct topic *topic_of(struct dict_node *node)
{
    return CONTAINER_OF(node, struct topic, node);
}

static struct topic *topic_find(const struct server *server,
                                enum pubsub_kind kind, slice name)
{
    struct dict_node *node = dict_find(&server->pubsub->topics[kind], name);
    return node == NULL ? NULL : topic_of(node);
}

static slice pair_bytes(const struct pair *pair)
{
    _Static_assert(sizeof(*pair) == 2 * sizeof(void *), "no padding");
    return slice_make((const char *)pair, sizeof(*pair));
}

static struct subscription *subscription_find(const struct session *session,
                                              const struct topic   *topic)
{
    struct pair       pair = { .topic = topic, .session = session };
    struct dict_node *node =
        dict_find(&session->server->pubsub->pairs, pair_bytes(&pair));
    return node == NULL ? NULL : CONTAINER_OF(node, struct subscription, node);
}

bool pubsub_first(const struct session *session, enum pubsub_kind kind,
                  slice *name)
{
    struct link *first = list_first(&session->subscriptions[kind]);
    if (first == NULL)
        return false;
    *name = CONTAINER_OF(first, struct subscription, session_link)
                ->topic->node.key;
    return true;
}

/* --- subscribing --------------------------------------------------------- */

static size_t topic_bytes(size_t name_len)
{
    return sizeof(struct topic) + name_len;
}

/* Each subscriber pays for the name, as if it were the only one. */
size_t pubsub_cost(size_t name_len)
{
    return mem_good_size(sizeof(struct subscription)) +
           mem_good_size(topic_bytes(name_len));
}

static struct topic *topic_new(struct server *server, enum pubsub_kind kind,
                               slice name)
{
    struct pubsub *pubsub = server->pubsub;
    struct topic  *topic = mem_alloc(topic_bytes(name.len));
    if (name.len > 0)
        memcpy(topic->name, name.data, name.len);
    topic->node.key = slice_make(topic->name, name.len);
    topic->count = 0;
    link_init(&topic->subscribers);
    link_init(&topic->pattern_link);
    dict_insert(&pubsub->topics[kind], &topic->node);
    if (kind == PUBSUB_PATTERN)
        list_push_back(&pubsub->patterns, &topic->pattern_link);
    return topic;
}

static void topic_free(struct pubsub *pubsub, enum pubsub_kind kind,
                       struct topic *topic)
{
    ASSERT(list_empty(&topic->subscribers));
    dict_remove(&pubsub->topics[kind], &topic->node);
    link_remove(&topic->pattern_link);
    mem_free(topic);
}

static size_t subscription_count(const struct session *session)
{
    size_t count = 0;
    for (int kind = 0; kind < PUBSUB_KINDS; kind++)
        count += session->subscription_counts[kind];
    return count;
}

void pubsub_subscribe(struct session *session, enum pubsub_kind kind,
                      slice name)
{
    struct server *server = session->server;
    struct topic  *topic = topic_find(server, kind, name);
    if (topic == NULL)
        topic = topic_new(server, kind, name);
    else if (subscription_find(session, topic) != NULL)
        return;
    struct subscription *made = mem_alloc(sizeof(*made));
    made->session = session;
    made->topic = topic;
    made->pair = (struct pair){ .topic = topic, .session = session };
    made->node.key = pair_bytes(&made->pair);
    dict_insert(&server->pubsub->pairs, &made->node);
    link_init(&made->topic_link);
    link_init(&made->session_link);
    list_push_back(&topic->subscribers, &made->topic_link);
    list_push_back(&session->subscriptions[kind], &made->session_link);
    topic->count++;
    if (subscription_count(session) == 0) {
        session->flags |= SESSION_PUBSUB;
        server->pubsub->clients++;
    }
    session->subscription_counts[kind]++;
    session->own_bytes += pubsub_cost(name.len);
}

static void drop(struct subscription *gone, enum pubsub_kind kind)
{
    struct session *session = gone->session;
    struct pubsub  *pubsub = session->server->pubsub;
    struct topic   *topic = gone->topic;
    session->own_bytes -= pubsub_cost(topic->node.key.len);
    session->subscription_counts[kind]--;
    if (subscription_count(session) == 0) {
        session->flags &= ~(uint32_t)SESSION_PUBSUB;
        pubsub->clients--;
    }
    link_remove(&gone->topic_link);
    link_remove(&gone->session_link);
    dict_remove(&pubsub->pairs, &gone->node);
    mem_free(gone);
    topic->count--;
    if (topic->count == 0)
        topic_free(pubsub, kind, topic);
}

void pubsub_unsubscribe(struct session *session, enum pubsub_kind kind,
                        slice name)
{
    struct topic        *topic = topic_find(session->server, kind, name);
    struct subscription *gone =
        topic != NULL ? subscription_find(session, topic) : NULL;
    if (gone != NULL)
        drop(gone, kind);
}

void pubsub_leave(struct session *session)
{
    struct link *first;
    for (int kind = 0; kind < PUBSUB_KINDS; kind++)
        while ((first = list_first(&session->subscriptions[kind])) != NULL)
            drop(CONTAINER_OF(first, struct subscription, session_link),
                 (enum pubsub_kind)kind);
}

/* --- publishing ---------------------------------------------------------- */

/* A text that many get. */
struct shared {
    slice        text;
    struct blob *blob; /* owned; NULL: not made, or the text is short */
};

struct message {
    struct server *server;
    struct shared  channel, text;
};

static void reply_shared(struct reply *reply, struct shared *shared)
{
    if (shared->text.len < PUBSUB_SHARED_BYTES) {
        reply_bulk(reply, shared->text);
        return;
    }
    if (shared->blob == NULL)
        shared->blob = blob_copy(shared->text);
    reply_blob(reply, shared->blob);
}

static void write_message(struct reply *reply, struct message *message,
                          enum pubsub_kind kind, const struct topic *topic)
{
    static const char *const words[PUBSUB_KINDS] = {
        [PUBSUB_CHANNEL] = "message",
        [PUBSUB_PATTERN] = "pmessage",
        [PUBSUB_SHARD] = "smessage",
    };
    bool is_pattern = kind == PUBSUB_PATTERN;
    reply_push(reply, is_pattern ? 4 : 3);
    reply_bulk_string(reply, words[kind]);
    if (is_pattern)
        reply_bulk(reply, topic->node.key);
    reply_shared(reply, &message->channel);
    reply_shared(reply, &message->text);
}

/* To all who subscribe to the topic. Nobody is closed meanwhile (server.h), so
 * the list stays. */
static void deliver(struct message *message, enum pubsub_kind kind,
                    const struct topic *topic)
{
    struct server *server = message->server;
    struct reply  *written = server->pubsub->written;
    LIST_EACH (link, &topic->subscribers) {
        struct session *session =
            CONTAINER_OF(link, struct subscription, topic_link)->session;
        struct reply *reply = &written[session->resp - 2];
        if (reply->len == 0)
            write_message(reply, message, kind, topic);
        server->hooks.push(server->hooks.arg, session, reply);
    }
    for (int i = 0; i < 2; i++)
        reply_clear(&written[i], SCRATCH_BYTES);
}

static size_t deliver_to_patterns(struct message *message)
{
    size_t reached = 0;
    LIST_EACH (link, &message->server->pubsub->patterns) {
        const struct topic *topic =
            CONTAINER_OF(link, struct topic, pattern_link);
        if (!glob_match(topic->node.key, message->channel.text, false))
            continue;
        deliver(message, PUBSUB_PATTERN, topic);
        reached += topic->count;
    }
    return reached;
}

size_t pubsub_publish(struct server *server, enum pubsub_kind kind,
                      slice channel, slice content)
{
    struct message message = { .server = server,
                               .channel = { .text = channel },
                               .text = { .text = content } };
    size_t         reached = 0;
    ASSERT(kind != PUBSUB_PATTERN);
    const struct topic *topic = topic_find(server, kind, channel);
    if (topic != NULL) {
        deliver(&message, kind, topic);
        reached = topic->count;
    }
    if (kind == PUBSUB_CHANNEL)
        reached += deliver_to_patterns(&message);
    blob_unref(message.channel.blob);
    blob_unref(message.text.blob);
    return reached;
}

bool pubsub_is_idle(const struct server *server)
{
    return server->pubsub->clients == 0;
}

/* --- figures ------------------------------------------------------------- */

size_t pubsub_names(const struct server *server, enum pubsub_kind kind)
{
    return server->pubsub->topics[kind].count;
}

size_t pubsub_subscribers(const struct server *server, enum pubsub_kind kind,
                          slice name)
{
    const struct topic *topic = topic_find(server, kind, name);
    return topic == NULL ? 0 : topic->count;
}

void pubsub_each_name(const struct server *server, enum pubsub_kind kind,
                      void *arg, void (*visit)(void *arg, slice name))
{
    const struct dict *topics = &server->pubsub->topics[kind];
    for (struct dict_node *node = dict_next(topics, NULL); node != NULL;
         node = dict_next(topics, node))
        visit(arg, node->key);
}

size_t pubsub_clients(const struct server *server)
{
    return server->pubsub->clients;
}
