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

size_t ahead_warm(struct net *net, const struct resp_limits *limits, slice rest)
{
    struct resp_parser *parser = &net->ahead;
    slice               keys[WARM_COMMANDS];
    size_t              count = 0, at = 0;
    for (int i = 0; i < WARM_COMMANDS; i++) {
        if (at == rest.len || rest.data[at] != '*' ||
            resp_parse(parser, limits,
                       slice_make(rest.data + at, rest.len - at)) != RESP_READY)
            break;
        /* Where nearly every command has its first key; a wrong guess fetches
         * a line in vain. */
        if (parser->argc > 1)
            keys[count++] = slice_make(rest.data + at + parser->args[1].offset,
                                       parser->args[1].len);
        at += parser->consumed;
        resp_parser_next(parser);
    }
    resp_parser_deinit(parser);
    resp_parser_init(parser);
    db_warm(net->server->db, keys, count);
    return at;
}
