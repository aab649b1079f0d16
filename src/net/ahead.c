/* ahead.c - what stands behind the command under way.
 *
 * Two different waits are hidden here. Behind a parked command the keys of the
 * next ones are asked for, so that a cold pipeline costs one round of disk
 * reads. And before a pipeline is executed the cache lines that its commands
 * will meet are fetched all together: with more entries than the processor's
 * caches hold, waiting for them one after the other is a third of a GET. */
#include "net/client.h"

#include "cmd/command.h"

/* Commands warmed together: enough to overlap the waits, few enough that the
 * first lines are still there when they are needed. */
#define WARM_COMMANDS DB_WARM_MAX
/* Looks in vain make so many of the next be left out, at most. */
#define SKIP_MAX 32
/* Longer commands are not looked at. */
#define SCAN_WORDS 64
#define SCAN_MOST  ((size_t)1 << 40)

void ahead_load(struct client *client, const struct resp_limits *limits,
                slice rest)
{
    struct net         *net = client->net;
    struct resp_parser *parser = &net->ahead;
    for (int i = 0; i < LOOK_AHEAD; i++) {
        /* Inline commands are unquoted in place: only once, when it is their
         * turn. */
        if (rest.len == 0 || rest.data[0] != '*' ||
            resp_parse(parser, limits, rest) != RESP_READY)
            break;
        if (parser->argc > 0)
            command_prefetch(net->server, &client->session,
                             net_argv(net, parser, rest.data), parser->argc);
        rest = slice_make(rest.data + parser->consumed,
                          rest.len - parser->consumed);
        resp_parser_next(parser);
    }
    resp_parser_deinit(parser);
    resp_parser_init(parser);
}

/* A line's number, from behind its mark; NULL if it is not all there. */
static const char *scan_number(const char *at, const char *end, size_t *out)
{
    size_t number = 0;
    for (; at < end && *at >= '0' && *at <= '9' && number < SCAN_MOST; at++)
        number = number * 10 + (size_t)(*at - '0');
    *out = number;
    return end - at >= 2 && at[0] == '\r' && at[1] == '\n' ? at + 2 : NULL;
}

/* The length of the command at the front of rest, its second word as the key,
 * its third and its last; 0 if it is not all there or not of the usual shape.
 * It decides nothing: whoever executes parses anew, with all checks. */
static size_t scan_command(slice rest, struct db_warm *out)
{
    const char *at = rest.data, *end = at + rest.len;
    size_t      words, len;
    *out = (struct db_warm){ .hash = 0 };
    if (at == end || *at != '*')
        return 0;
    at = scan_number(at + 1, end, &words);
    if (at == NULL || words > SCAN_WORDS)
        return 0;
    for (size_t i = 0; i < words; i++) {
        if (at == end || *at != '$')
            return 0;
        at = scan_number(at + 1, end, &len);
        if (at == NULL || (size_t)(end - at) < len + 2)
            return 0;
        out->last = slice_make(at, len);
        if (i == 1)
            out->key = out->last;
        else if (i == 2)
            out->word = out->last;
        at += len + 2;
    }
    return (size_t)(at - rest.data);
}

size_t ahead_warm(struct net *net, slice rest)
{
    struct warm *warm = &net->warm;
    size_t       at = 0, len;
    warm->count = 0;
    warm->next = 0;
    if (warm->skip > 0) {
        warm->skip--;
        return rest.len;
    }
    for (int i = 0; i < WARM_COMMANDS; i++) {
        /* Where nearly every command has its first key; a wrong guess fetches
         * a line in vain. */
        struct db_warm *item = &warm->items[warm->count];
        len = scan_command(slice_make(rest.data + at, rest.len - at), item);
        if (len == 0)
            break;
        warm->count += item->key.len > 0;
        at += len;
    }
    if (db_warm(net->server->db, warm->items, warm->count) > 1) {
        warm->in_vain = 0;
    } else if (warm->count > 1) {
        /* All of one key: a tenth of an LPUSH for nothing. */
        warm->in_vain += warm->in_vain < SKIP_MAX;
        warm->skip = warm->in_vain;
    }
    return at;
}

bool ahead_hash(struct net *net, const char *word, uint64_t *hash)
{
    struct warm *warm = &net->warm;
    while (warm->next < warm->count && warm->items[warm->next].key.data < word)
        warm->next++;
    if (warm->next == warm->count || warm->items[warm->next].key.data != word)
        return false;
    *hash = warm->items[warm->next++].hash;
    return true;
}
