/* cmd_hash.h - what the hash commands share with others that make hashes.
 *
 * Threads  loop thread. */
#ifndef CMD_CMD_HASH_H
#define CMD_CMD_HASH_H

#include "type/hash.h"

/* Redis's defaults. */
extern const struct hash_limits hash_limits;

#endif
