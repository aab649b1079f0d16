/* logsync.h - makes LevelDB's logs survive power loss, in the right order.
 *
 * LevelDB's own sync covers its newest log only, and a write may switch to a
 * new log before it is appended: what was written to the older one without
 * sync could be lost while newer writes survive, a hole. So we sync the files
 * ourselves: every log that may hold unsynced writes, oldest first, then the
 * directory if it has a log in it that it had not at its last sync.
 *
 * Threads  the writing thread only. LevelDB may switch and remove logs at any
 *          time meanwhile. */
#ifndef STORE_LOGSYNC_H
#define STORE_LOGSYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct logsync {
    int      data_fd;       /* borrowed: LevelDB's directory */
    uint64_t newest;        /* newest log that we know of; 0: none */
    int      newest_fd;     /* open for reading; -1: none */
    uint64_t newest_bytes;  /* its size after the last write */
    uint64_t unsynced_from; /* lowest log that may hold unsynced writes; 0:
                                none */
    bool     dir_unsynced;  /* a log has appeared since the last sync */
};

/* After LevelDB has opened, before the first write. deinit also on error. */
err_t logsync_init(struct logsync *sync, int data_fd, struct err_text *why);
void  logsync_deinit(struct logsync *sync);

/* After each write that LevelDB has accepted without sync. */
err_t logsync_written(struct logsync *sync, struct err_text *why);

/* Everything written so far survives power loss after this. */
err_t logsync_run(struct logsync *sync, struct err_text *why);

#endif
