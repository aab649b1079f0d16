/* manifest.h - the one thing that we need to know from LevelDB's MANIFEST: from
 * which log on it will replay. Logs below that number are leftovers whose
 * contents already stand in synced tables. */
#ifndef STORE_MANIFEST_H
#define STORE_MANIFEST_H

#include <stdint.h>

#include "base/err.h"

/* Reads data/CURRENT and the MANIFEST that it names. Changes nothing.
 * ERR_NOT_FOUND: no CURRENT. ERR_CORRUPT: CURRENT names no readable MANIFEST.
 * A MANIFEST that is damaged further on counts up to the damage: the number
 * found is then at most too low, and LevelDB judges the damage itself. */
err_t manifest_first_log(int data_fd, uint64_t *out_number,
                         struct err_text *why);

#endif
