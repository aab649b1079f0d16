/* info.h - what the files that write INFO share. */
#ifndef CMD_INFO_H
#define CMD_INFO_H

#include "base/buf.h"
#include "cmd/server.h"

struct info {
    struct server  *server;
    struct db_stats db;
    struct buf      text;
};

/* One line; at most 511 bytes. */
void info_line(struct info *info, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* info_watch.c */
void info_commandstats(struct info *info);
void info_errorstats(struct info *info);
void info_latencystats(struct info *info);

#endif
