/* notify.c - from the write hook to the channels __keyspace@<db>__:<key> and
 * __keyevent@<db>__:<event>.
 *
 * Handlers name their events where they change a key (db_put, db_event); which
 * class an event belongs to is said here only. A new event needs a line.
 *
 * "new" comes before the event of the write that creates a key. To know that a
 * write creates one, the key must have been looked for. The same goes for a
 * write to a key that has expired and that nobody has noticed yet: "expired"
 * has to come first. So with one of these classes on no write is blind.
 *
 * "keymiss" tells that somebody wanted to read a key that isn't there, not
 * that a write or a question about the server looked for it.
 *
 * "evicted" never comes: what leaves memory is still there. */
#include "cmd/notify.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "cmd/doc.h"
#include "cmd/notify_flags.h"
#include "cmd/pubsub.h"

/* --- classes ------------------------------------------------------------- */

static const struct event_class {
    uint32_t    flag;
    const char *events; /* a space before and behind each */
} classes[] = {
    { NOTIFY_GENERIC, " del expire persist rename_from rename_to move_from "
                      "move_to copy_to " },
    { NOTIFY_STRING, " set setrange append incrby incrbyfloat " },
    { NOTIFY_LIST, " lpush rpush lpop rpop linsert lset lrem ltrim "
                   "sortstore " },
    { NOTIFY_SET, " sadd srem spop sinterstore sunionstore sdiffstore " },
    { NOTIFY_ZSET, " zadd zincr zrem zremrangebyrank zremrangebyscore "
                   "zremrangebylex zpopmin zpopmax zrangestore zunionstore "
                   "zinterstore zdiffstore " },
    { NOTIFY_HASH, " hset hdel hincrby hincrbyfloat " },
    { NOTIFY_EXPIRED, " expired " },
    { NOTIFY_NEW, " new " },
    { NOTIFY_KEYMISS, " keymiss " },
};

uint32_t notify_class(const char *event)
{
    size_t len = strlen(event);
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        const char *at = classes[i].events;
        while ((at = strstr(at, event)) != NULL) {
            if (at[-1] == ' ' && at[len] == ' ')
                return classes[i].flag;
            at += len;
        }
    }
    UNREACHABLE();
}

bool notify_asks_old(const struct server *server)
{
    uint32_t flags = server->config->notify_keyspace_events;
    return (flags & (NOTIFY_NEW | NOTIFY_EXPIRED)) != 0 &&
           (flags & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT)) != 0 &&
           !pubsub_is_idle(server);
}

/* --- sending ------------------------------------------------------------- */

#define PREFIX_MAX   48 /* "__keyspace@4294967295__:" */
#define ON_STACK_MAX 512

static void publish(struct server *server, const char *where, uint32_t index,
                    slice what, slice message)
{
    char   small[ON_STACK_MAX], *name = small;
    char   prefix[PREFIX_MAX];
    size_t len =
        (size_t)snprintf(prefix, sizeof(prefix), "__%s@%u__:", where, index);
    ASSERT(len < sizeof(prefix));
    if (len + what.len > sizeof(small))
        name = mem_alloc(len + what.len);
    memcpy(name, prefix, len);
    if (what.len > 0)
        memcpy(name + len, what.data, what.len);
    pubsub_publish(server, PUBSUB_CHANNEL, slice_make(name, len + what.len),
                   message);
    if (name != small)
        mem_free(name);
}

static void send_event(struct server *server, const struct db_change *change,
                       const char *event)
{
    uint32_t flags = server->config->notify_keyspace_events;
    uint32_t index = change->space->index;
    slice    name = slice_from_string(event);
    if (!(flags & notify_class(event)))
        return;
    if (flags & NOTIFY_KEYSPACE)
        publish(server, "keyspace", index, change->key, name);
    if (flags & NOTIFY_KEYEVENT)
        publish(server, "keyevent", index, name, change->key);
}

/* --- misses -------------------------------------------------------------- */

/* A command that writes, and reads its first key before that. */
static bool is_reading_writer(const struct call *call)
{
    static const char *const names[] = { "copy", "getdel", "getex", "getset" };
    const struct command    *command = call->command;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(command->name, names[i]) == 0)
            return true;
    return strcmp(command->name, "set") == 0 && /* with GET? */
           command->need_of(call, 0) == DB_NEED_VALUE;
}

/* SUNIONSTORE, and all of its kind, and SORT: only what they read is looked
 * at. */
static bool is_storing_reader(const struct call *call)
{
    static const char *const names[] = { "sdiffstore",  "sinterstore",
                                         "sunionstore", "zdiffstore",
                                         "zinterstore", "zunionstore",
                                         "sort" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(call->command->name, names[i]) == 0)
            return true;
    return false;
}

/* What ZRANGESTORE reads, not what it writes. */
static bool is_stored_range(const struct call *call, slice key)
{
    return strcmp(call->command->name, "zrangestore") == 0 &&
           slice_equal(key, call->argv[2]);
}

/* OBJECT and MEMORY ask about a key, and don't read it. */
static bool is_inspector(const struct call *call)
{
    struct command_name name = command_full_name(call->command);
    return strncmp(name.text, "object|", 7) == 0 ||
           strncmp(name.text, "memory|", 7) == 0;
}

static bool tells_miss(const struct call *call, const struct db_change *change)
{
    if (call == NULL)
        return false;
    if (call->command->flags & CMD_READONLY)
        return !is_inspector(call);
    if (is_storing_reader(call) || is_stored_range(call, change->key))
        return true;
    return is_reading_writer(call) && change->space == call->space &&
           slice_equal(change->key, call->key.key);
}

/* --- the hook ------------------------------------------------------------ */

void notify_on_change(struct server *server, const struct db_change *change)
{
    uint32_t flags = server->config->notify_keyspace_events;
    if (flags == 0 || pubsub_is_idle(server))
        return;
    switch (change->kind) {
    case DB_KEY_CHANGED:
        if (change->created && strcmp(change->event, "new") != 0)
            send_event(server, change, "new");
        send_event(server, change, change->event);
        break;
    case DB_KEY_EVENT:
        send_event(server, change, change->event);
        break;
    case DB_KEY_MISSED:
        if ((flags & NOTIFY_KEYMISS) && tells_miss(server->running, change))
            send_event(server, change, "keymiss");
        break;
    case DB_SPACE_EMPTIED:
    case DB_SPACES_SWAPPED:
        break;
    }
}
