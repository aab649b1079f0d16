/* tracking_bcast.c - CLIENT TRACKING ... BCAST: prefixes instead of keys.
 *
 * Changed keys are gathered, each once, until the loop turn ends. Then they are
 * sorted, and so are the prefixes: what belongs to a prefix is one stretch of
 * the sorted keys. One body serves all sessions of a prefix, but for those with
 * NOLOOP that have changed some of these keys themselves: each of them gets a
 * list of its own. */
#include "cmd/tracking_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct tracking_prefix {
    struct link members; /* tracking_member.prefix_link */
    size_t      len;
    char        bytes[];
};

/* A session has a prefix. */
struct tracking_member {
    struct link             prefix_link;
    struct link             session_link; /* on session.prefixes */
    struct session         *session;
    struct tracking_prefix *prefix;
};

struct changed_key {
    struct dict_node node;
    uint64_t         changer; /* id of who changed it last; 0: nobody */
    bool             is_own;  /* the changer does not want to hear of it */
    char             bytes[];
};

void bcast_init(struct server *server, struct hash_key hash_key)
{
    dict_init(&server->tracking->changed, &server->mem, MEM_OTHER, hash_key);
}

/* --- prefixes ------------------------------------------------------------ */

static slice prefix_text(const struct tracking_prefix *prefix)
{
    return slice_make(prefix->bytes, prefix->len);
}

static bool is_prefix(slice prefix, slice text)
{
    return prefix.len <= text.len &&
           (prefix.len == 0 || memcmp(prefix.data, text.data, prefix.len) == 0);
}

/* Where the text stands, or would. */
static size_t prefix_position(const struct tracking *tracking, slice text)
{
    size_t at = 0, end = tracking->prefix_count;
    while (at < end) {
        size_t middle = at + (end - at) / 2;
        if (slice_compare(prefix_text(tracking->prefixes[middle]), text) < 0)
            at = middle + 1;
        else
            end = middle;
    }
    return at;
}

static void prefixes_grow(struct server *server)
{
    struct tracking *tracking = server->tracking;
    size_t capacity = tracking->prefix_capacity * 2 + 8;
    mem_charge(&server->mem, MEM_OTHER,
               (capacity - tracking->prefix_capacity) *
                   sizeof(*tracking->prefixes));
    tracking->prefixes = mem_realloc(tracking->prefixes,
                                     capacity * sizeof(*tracking->prefixes));
    tracking->prefix_capacity = capacity;
}

/* Sends what was gathered first: it was changed before. */
static struct tracking_prefix *prefix_add(struct server *server, size_t at,
                                          slice text)
{
    struct tracking        *tracking = server->tracking;
    struct tracking_prefix *prefix = mem_alloc(sizeof(*prefix) + text.len);
    tracking_turn(server);
    link_init(&prefix->members);
    prefix->len = text.len;
    if (text.len > 0)
        memcpy(prefix->bytes, text.data, text.len);
    if (tracking->prefix_count == tracking->prefix_capacity)
        prefixes_grow(server);
    memmove(&tracking->prefixes[at + 1], &tracking->prefixes[at],
            (tracking->prefix_count - at) * sizeof(*tracking->prefixes));
    tracking->prefixes[at] = prefix;
    tracking->prefix_count++;
    return prefix;
}

static void prefix_remove(struct tracking *tracking,
                          struct tracking_prefix *prefix)
{
    size_t at = prefix_position(tracking, prefix_text(prefix));
    ASSERT(tracking->prefixes[at] == prefix);
    tracking->prefix_count--;
    memmove(&tracking->prefixes[at], &tracking->prefixes[at + 1],
            (tracking->prefix_count - at) * sizeof(*tracking->prefixes));
    mem_free(prefix);
}

/* --- members ------------------------------------------------------------- */

/* The session pays for the prefix too, as if it were the only one. */
static size_t member_cost(const struct tracking_prefix *prefix)
{
    return mem_good_size(sizeof(struct tracking_member)) +
           mem_good_size(sizeof(*prefix) + prefix->len);
}

static struct tracking_member *member_of(struct link *session_link)
{
    return CONTAINER_OF(session_link, struct tracking_member, session_link);
}

static bool has_prefix(const struct session *session, slice text)
{
    LIST_EACH (link, &session->prefixes)
        if (slice_equal(prefix_text(member_of(link)->prefix), text))
            return true;
    return false;
}

void bcast_join(struct session *session, slice text)
{
    struct server   *server = session->server;
    struct tracking *tracking = server->tracking;
    size_t           at = prefix_position(tracking, text);
    if (has_prefix(session, text))
        return;
    struct tracking_prefix *prefix =
        at < tracking->prefix_count &&
                slice_equal(prefix_text(tracking->prefixes[at]), text)
            ? tracking->prefixes[at]
            : prefix_add(server, at, text);
    struct tracking_member *member = mem_alloc(sizeof(*member));
    *member = (struct tracking_member){ .session = session, .prefix = prefix };
    link_init(&member->prefix_link);
    link_init(&member->session_link);
    list_push_back(&prefix->members, &member->prefix_link);
    list_push_back(&session->prefixes, &member->session_link);
    session->prefix_count++;
    session->own_bytes += member_cost(prefix);
}

void bcast_leave(struct session *session)
{
    struct link *first;
    while ((first = list_first(&session->prefixes)) != NULL) {
        struct tracking_member *member = member_of(first);
        struct tracking_prefix *prefix = member->prefix;
        session->own_bytes -= member_cost(prefix);
        session->prefix_count--;
        link_remove(&member->session_link);
        link_remove(&member->prefix_link);
        mem_free(member);
        if (list_empty(&prefix->members))
            prefix_remove(session->server->tracking, prefix);
    }
}

bool tracking_overlap(const struct session *session, slice prefix,
                      slice *other)
{
    bool found = false;
    LIST_EACH (link, &session->prefixes) {
        slice text = prefix_text(member_of(link)->prefix);
        if (!is_prefix(text, prefix) && !is_prefix(prefix, text))
            continue;
        if (!found || slice_compare(text, *other) < 0)
            *other = text; /* the first in order is the one that is told */
        found = true;
    }
    return found;
}

static int compare_slices(const void *a, const void *b)
{
    return slice_compare(*(const slice *)a, *(const slice *)b);
}

void tracking_each_prefix(const struct session *session, void *arg,
                          void (*visit)(void *arg, slice prefix))
{
    slice *sorted = mem_alloc((session->prefix_count + 1) * sizeof(*sorted));
    size_t count = 0;
    LIST_EACH (link, &session->prefixes)
        sorted[count++] = prefix_text(member_of(link)->prefix);
    qsort(sorted, count, sizeof(*sorted), compare_slices);
    for (size_t i = 0; i < count; i++)
        visit(arg, sorted[i]);
    mem_free(sorted);
}

/* --- gathering ----------------------------------------------------------- */

static struct changed_key *changed_of(struct dict_node *node)
{
    return CONTAINER_OF(node, struct changed_key, node);
}

static size_t changed_cost(const struct changed_key *key)
{
    return mem_good_size(sizeof(*key) + key->node.key.len);
}

static struct changed_key *changed_add(struct server *server, slice name)
{
    struct tracking    *tracking = server->tracking;
    struct changed_key *key = mem_alloc(sizeof(*key) + name.len);
    *key = (struct changed_key){ .changer = 0 };
    if (name.len > 0)
        memcpy(key->bytes, name.data, name.len);
    key->node.key = slice_make(key->bytes, name.len);
    dict_insert(&tracking->changed, &key->node);
    tracking->changed_bytes += changed_cost(key);
    mem_charge(&server->mem, MEM_OTHER, changed_cost(key));
    return key;
}

struct stretch {
    struct changed_key **keys;
    size_t               count;
};

/* All that was gathered; the caller frees the array. */
static struct stretch all_changes(const struct tracking *tracking)
{
    struct stretch all = { .count = 0 };
    all.keys = mem_alloc((tracking->changed.count + 1) * sizeof(*all.keys));
    for (struct dict_node *node = dict_next(&tracking->changed, NULL);
         node != NULL; node = dict_next(&tracking->changed, node))
        all.keys[all.count++] = changed_of(node);
    return all;
}

static void forget_changes(struct server *server, struct stretch *all)
{
    struct tracking *tracking = server->tracking;
    mem_release(&server->mem, MEM_OTHER, tracking->changed_bytes);
    tracking->changed_bytes = 0;
    tracking->own_changers = 0;
    for (size_t i = 0; i < all->count; i++) {
        dict_remove(&tracking->changed, &all->keys[i]->node);
        mem_free(all->keys[i]);
    }
    mem_free(all->keys);
}

void bcast_deinit(struct server *server)
{
    struct tracking *tracking = server->tracking;
    struct stretch   all = all_changes(tracking);
    ASSERT(tracking->prefix_count == 0);
    forget_changes(server, &all);
    dict_deinit(&tracking->changed);
    mem_release(&server->mem, MEM_OTHER,
                tracking->prefix_capacity * sizeof(*tracking->prefixes));
    mem_free(tracking->prefixes);
}

/* Bodies that are made of what was gathered: one for all, and one for each
 * session that must not hear of its own changes. Those are counted by their
 * keys, of which each has one at least. */
static bool is_much(const struct server *server)
{
    const struct tracking *tracking = server->tracking;
    return tracking->changed_bytes >
           tracking_bound(server) / (1 + tracking->own_changers);
}

void bcast_changed(struct server *server, slice name,
                   const struct session *changer)
{
    struct tracking    *tracking = server->tracking;
    struct dict_node   *node = dict_find(&tracking->changed, name);
    struct changed_key *key =
        node != NULL ? changed_of(node) : changed_add(server, name);
    bool was_own = key->is_own;
    key->is_own = changer != NULL &&
                  (changer->flags & SESSION_TRACKING_BCAST) &&
                  (changer->flags & SESSION_TRACKING_NOLOOP);
    key->changer = changer != NULL ? changer->id : 0;
    tracking->own_changers += (size_t)key->is_own - (size_t)was_own;
    if (is_much(server))
        tracking_turn(server);
}

/* --- sending ------------------------------------------------------------- */

static int compare_changed(const void *a, const void *b)
{
    const struct changed_key *one = *(struct changed_key *const *)a;
    const struct changed_key *two = *(struct changed_key *const *)b;
    return slice_compare(one->node.key, two->node.key);
}

/* Keys with that prefix: from the first that is not below it. */
static struct stretch stretch_of(const struct stretch *all, slice prefix)
{
    size_t at = 0, end = all->count;
    while (at < end) {
        size_t middle = at + (end - at) / 2;
        if (slice_compare(all->keys[middle]->node.key, prefix) < 0)
            at = middle + 1;
        else
            end = middle;
    }
    struct stretch stretch = { .keys = all->keys + at };
    while (at + stretch.count < all->count &&
           is_prefix(prefix, all->keys[at + stretch.count]->node.key))
        stretch.count++;
    return stretch;
}

/* Of the stretch, what this session has not changed itself. */
static size_t count_for(const struct stretch *stretch, uint64_t not_by)
{
    size_t count = stretch->count;
    for (size_t i = 0; i < stretch->count && not_by != 0; i++)
        count -= stretch->keys[i]->changer == not_by;
    return count;
}

static void body_of(const struct stretch *stretch, uint64_t not_by,
                    size_t count, struct reply *body)
{
    reply_init(body);
    reply_array(body, count);
    for (size_t i = 0; i < stretch->count; i++)
        if (not_by == 0 || stretch->keys[i]->changer != not_by)
            reply_bulk(body, stretch->keys[i]->node.key);
    tracking_share(body);
}

static void send_to(struct session *session, const struct stretch *stretch,
                    const struct reply *common)
{
    struct reply own;
    uint64_t not_by =
        session->flags & SESSION_TRACKING_NOLOOP ? session->id : 0;
    size_t count = count_for(stretch, not_by);
    if (count == stretch->count) {
        tracking_send(session, common);
    } else if (count > 0) {
        body_of(stretch, not_by, count, &own);
        tracking_send(session, &own);
        reply_deinit(&own);
    }
}

void tracking_turn(struct server *server)
{
    struct tracking *tracking = server->tracking;
    if (tracking->changed.count == 0)
        return;
    struct stretch all = all_changes(tracking);
    qsort(all.keys, all.count, sizeof(*all.keys), compare_changed);
    for (size_t i = 0; i < tracking->prefix_count; i++) {
        struct tracking_prefix *prefix = tracking->prefixes[i];
        struct stretch stretch = stretch_of(&all, prefix_text(prefix));
        struct reply   common;
        if (stretch.count == 0)
            continue;
        body_of(&stretch, 0, stretch.count, &common);
        LIST_EACH (link, &prefix->members)
            send_to(CONTAINER_OF(link, struct tracking_member, prefix_link)
                        ->session,
                    &stretch, &common);
        reply_deinit(&common);
    }
    forget_changes(server, &all);
}
