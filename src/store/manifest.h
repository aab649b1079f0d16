/* manifest.h - what we need to know from LevelDB's MANIFEST: from which log on
 * it will replay (logs below that number are leftovers whose contents already
 * stand in synced tables), and which tables make up the store.
 *
 * Both read data/CURRENT and the MANIFEST that it names, and change nothing.
 * ERR_NOT_FOUND: no CURRENT. ERR_CORRUPT: CURRENT names no readable MANIFEST.
 * A MANIFEST that is damaged further on counts up to the damage, and LevelDB
 * judges the damage itself.
 *
 * Threads  any; LevelDB must not be open. */
#ifndef STORE_MANIFEST_H
#define STORE_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

/* The number found is at most too low when the MANIFEST is damaged. */
err_t manifest_first_log(int data_fd, uint64_t *out_number,
                         struct err_text *why);

/* --- tables -------------------------------------------------------------- */

#define MANIFEST_LEVELS 7

/* The beginning of a key; one of our records' keys that is longer than this
 * differs from its neighbours before, but for users' keys of the same hash. */
#define MANIFEST_BOUND_BYTES 14

struct manifest_bound {
    uint8_t len; /* MANIFEST_BOUND_BYTES: the key may go on */
    char    bytes[MANIFEST_BOUND_BYTES];
};

struct manifest_table {
    uint64_t              number; /* of the file; never given out again */
    uint64_t              bytes;  /* its size */
    uint32_t              order;  /* private */
    uint8_t               level;
    struct manifest_bound smallest, largest;
};

struct manifest_bound manifest_bound_of(slice key);

/* Is key below (< 0) or above (> 0) the key that the bound was made of? 0: as
 * far as is known they are equal. */
int manifest_bound_cmp(slice key, const struct manifest_bound *bound);

/* The live tables, by level, then by key: the caller's (mem_free). ERR_LIMIT:
 * there are more than `most`, not one is given. Holds at most twice of what it
 * gives meanwhile. */
err_t manifest_tables(int data_fd, size_t most, struct manifest_table **out,
                      size_t *out_count, struct err_text *why);

#endif
