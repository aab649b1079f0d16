/* layout.h - what stands under ds-path, and whose it is.
 *
 *     DISKSTORE   marker, one line "diskstore format N"; held locked (flock)
 *     data/       LevelDB's directory
 * and what is no part of the store: names of hot keys (store/warmfile.h).
 *
 * The marker is created first, empty, and gets its line last, once LevelDB has
 * made its files. So an empty marker means a creation that was interrupted and
 * is simply taken up again (nobody has been promised anything yet), a full one
 * means that data/CURRENT must be there.
 *
 * Threads  one; the lock is held until layout_close. */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include <stdbool.h>

#include "base/err.h"

/* The format's one number. A change of any record that an older program would
 * misread raises it; db/open.c holds the number of the records to it. So an
 * unknown format is refused by the marker, before anything is opened. */
#define LAYOUT_FORMAT 2

struct layout {
    char *data_path; /* owned: for LevelDB, which wants a name */
    int   path_fd;
    int   marker_fd; /* holds the lock */
    int   data_fd;
    bool  is_new; /* to be created: layout_finish once it is */
};

/* Creates the directories of a new store. Refuses, without changing a byte,
 * what store_open_leveldb's contract says; why is one sentence that names the
 * way out. */
err_t layout_open(const char *path, struct layout *out, struct err_text *why);

/* Writes the marker's line: from now on the store exists. */
err_t layout_finish(struct layout *layout, struct err_text *why);

/* Opening LevelDB writes a table of what the logs hold, and a MANIFEST. Whether
 * there is room for that is found out before closing: on a full disk the store
 * then goes on serving reads, instead of being closed for good. */
err_t layout_has_room(const struct layout *layout, struct err_text *why);

void layout_close(struct layout *layout);

#endif
