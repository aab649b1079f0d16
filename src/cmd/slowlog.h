/* slowlog.h - the commands that took longest, newest first.
 *
 * A command is slow if waiting and running together took at least
 * slowlog-log-slower-than. Redis's commands don't wait, so there the time is
 * that of running; here a client whose key had to be read waits as well, and
 * that is what an operator looks for. So the third field of an entry is both
 * together, and a seventh tells them apart. Time that a client waits because
 * that is what it asked for counts too (SAVE, CACHE FLUSH).
 *
 * Commands flagged skip_slowlog (EXEC: what it runs is logged one by one) are
 * logged only if they waited so long; then that is what their entry tells.
 *
 * Memory   an entry has at most 32 arguments of 128 bytes and a bit, about 5
 *          KB. slowlog-max-len entries, but at most 1/64 of cache-max-memory:
 *          then the oldest go. MEM_OTHER.
 * Threads  loop thread only. */
#ifndef CMD_SLOWLOG_H
#define CMD_SLOWLOG_H

#include "base/list.h"
#include "cmd/command.h"

#define SLOWLOG_ARGS_MAX 32
#define SLOWLOG_TEXT_MAX 128

struct slowlog_entry {
    struct link link;
    size_t      bytes; /* charged */
    int64_t     id;
    int64_t     time_s;
    uint64_t    run_us;
    uint64_t    waited_us[WAITED_COUNT];
    uint64_t    total_us;
    slice       peer, name; /* these and the arguments lie behind argv */
    size_t      argc;
    slice       argv[];
};

struct slowlog {
    struct link entries; /* newest first */
    size_t      count;
    size_t      bytes;
    int64_t     next_id;
};

struct slowlog *slowlog_new(void);
void slowlog_clear(struct server *server);

/* A command has run for so long; it is logged if it was slow. waited is NULL
 * for one within EXEC. */
void slowlog_note(const struct call *call, uint64_t run_us,
                  const struct waited *waited);

#endif
