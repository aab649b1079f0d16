/* logfile.h - the names of LevelDB's logs: NNNNNN.log, numbers that grow. */
#ifndef STORE_LOGFILE_H
#define STORE_LOGFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LOGFILE_NAME_CHARS 32

/* Returns out. */
char *logfile_name(uint64_t number, char out[LOGFILE_NAME_CHARS]);

struct logfile_list {
    uint64_t *numbers; /* ascending */
    size_t    count;
};

/* The logs with at least this number. deinit after ERR_OK. */
err_t logfile_list(int data_fd, uint64_t at_least, struct logfile_list *out,
                   struct err_text *why);
void  logfile_list_deinit(struct logfile_list *list);

/* The plain files of one directory; tables (*.ldb, *.sst) and logs apart. */
struct dir_usage {
    uint64_t bytes;
    uint64_t log_bytes;
    uint64_t table_bytes;
    size_t   table_count;
};
err_t dir_usage(int dir_fd, struct dir_usage *out, struct err_text *why);

#endif
