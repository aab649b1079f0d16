/* multi_queue.h - the queue itself; only multi.c and EXEC look into it. */
#ifndef CMD_MULTI_QUEUE_H
#define CMD_MULTI_QUEUE_H

#include "cmd/multi.h"

struct queued {
    struct link           link; /* on multi.commands */
    const struct command *command;
    size_t                argc;
    size_t                bytes;  /* of the words, behind argv */
    size_t                growth; /* what EXEC has asked room for */
    slice                 argv[];
};

struct multi {
    struct link commands;
    size_t      count;
    size_t      bytes;
    uint32_t    flags;   /* of the commands, until one is refused */
    bool        aborted; /* a command was refused: EXEC runs nothing */
};

/* Charged to the session; multi_discard frees it. */
struct multi *multi_new(struct session *session);

#endif
