/* cmd_command.h - what COMMAND's subcommands share. */
#ifndef CMD_CMD_COMMAND_H
#define CMD_CMD_COMMAND_H

#include "cmd/command.h"

typedef const char *bit_name(unsigned bit);

/* A set of the names of the bits, as simple strings. */
void reply_bits(struct reply *reply, uint32_t bits, bit_name *name_of,
                const char *prefix);

/* How many subcommands clients are told of. */
size_t count_shown(const struct command *container);

/* The command that clients call so; NULL also for one that isn't shown. */
const struct command *find_shown(const struct call *call, slice name);

/* A reply about names that the client lists can be hundreds of times as long
 * as the request: true if so many, of at most bytes_each, fit into memory;
 * else the error is answered. */
bool names_fit(struct call *call, size_t names, size_t bytes_each);

/* How many commands there are, without those that were taken away. */
size_t count_commands(const struct server *server);

#endif
