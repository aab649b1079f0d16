/* cmd_zset.h - what the files of sorted set commands share.
 *
 * Threads  loop thread. */
#ifndef CMD_CMD_ZSET_H
#define CMD_CMD_ZSET_H

#include "cmd/command.h"
#include "type/zset.h"

/* Redis's defaults. */
extern const struct zset_limits zset_limits;

/* "ERR value is not a valid float" unless arg is a score. */
bool call_score(struct call *call, slice arg, double *out);

#endif
