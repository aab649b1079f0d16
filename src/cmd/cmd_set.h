/* cmd_set.h - what the files of set commands share.
 *
 * Threads  loop thread. */
#ifndef CMD_CMD_SET_H
#define CMD_CMD_SET_H

#include "cmd/command.h"
#include "type/set.h"

/* Redis's defaults. */
extern const struct set_limits set_limits;

/* All members, without a header. */
void reply_members(struct reply *reply, const struct coll *coll);

#endif
