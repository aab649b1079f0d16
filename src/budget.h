/* budget.h - how cache-max-memory is split. Floor 8, beside run.c.
 *
 * The store's part is a reservation: it is charged from the start to the end
 * (MEM_STORE), so that entries never take what LevelDB will need in the worst
 * moment. What is left is shared by entries, clients (a quarter of the whole
 * at most), jobs and the captured epoch as they need it. */
#ifndef BUDGET_H
#define BUDGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cmd/config.h"

struct budget {
    size_t limit_bytes;        /* cache-max-memory, or the working size */
    bool   keep_nothing;
    size_t write_buffer_bytes; /* a memtable; LevelDB may hold two */
    size_t block_cache_bytes;
    size_t table_meta_bytes; /* indexes of open tables */
    size_t cut_max_bytes;
    size_t store_bytes;        /* all that is reserved for the store */
    size_t done_cap_bytes;     /* results of loads that wait for the loop */
};

/* ERR_INVALID: what the operator asked for leaves no room to work. */
err_t budget_make(const struct config *config, struct budget *out,
                  struct err_text *why);

/* What the machine, or the cgroup we are in, has; 0 if unknown. */
size_t budget_machine_bytes(void);

#endif
