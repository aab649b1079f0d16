/* cmdstats.h - how often each command was called and how long it ran, and how
 * often which error was answered: INFO commandstats, errorstats, latencystats,
 * LATENCY HISTOGRAM.
 *
 * A command is counted under the name that the table has for it, whatever
 * rename-command calls it. DEBUG is one command here, as it is in Redis.
 *
 * Memory   about 230 bytes for each command of the table, and what its
 *          histogram holds once it has run; MEM_OTHER.
 * Threads  loop thread only. */
#ifndef CMD_CMDSTATS_H
#define CMD_CMDSTATS_H

#include "cmd/command.h"
#include "cmd/histogram.h"

struct cmdstat {
    uint64_t calls;
    uint64_t ns;       /* that it ran */
    uint64_t rejected; /* refused before it ran */
    uint64_t failed;   /* it ran, and answered an error */
    struct histogram latency;
};

/* Redis cuts error codes at 31 characters, and has 128 different ones. */
#define ERROR_CODE_MAX   32
#define ERROR_CODES_MAX  128
struct error_stat {
    char     code[ERROR_CODE_MAX];
    uint64_t count;
};

/* One container's subcommands stand together. */
struct cmdstats_family {
    const struct command *first;
    size_t                count;
    size_t                base; /* number of the first one */
    bool                  is_one; /* counted as the container, number base */
};

struct cmdstats {
    struct mem     *mem;
    struct cmdstat *of; /* by number: the table's, then each family's */
    size_t          count;
    size_t          top_count;
    struct cmdstats_family *families;
    size_t          family_count;
    struct error_stat errors[ERROR_CODES_MAX]; /* in order of code */
    size_t          error_count;
    bool            errors_off; /* there were too many */
};

struct cmdstats *cmdstats_new(struct mem *mem);
void cmdstats_free(struct cmdstats *stats);
/* CONFIG RESETSTAT. */
void cmdstats_reset(struct cmdstats *stats);

struct cmdstat *cmdstats_of_sub(struct cmdstats *stats,
                                const struct command *command);
static inline struct cmdstat *cmdstats_of(struct cmdstats *stats,
                                          const struct command *command)
{
    uintptr_t offset = (uintptr_t)command - (uintptr_t)command_table;
    size_t    number = offset / sizeof(struct command);
    if (__builtin_expect(number < stats->top_count, 1))
        return &stats->of[number];
    return cmdstats_of_sub(stats, command);
}

/* Calls visit for each command that something was counted of, in the table's
 * order; top is the container of a subcommand, or the command itself. */
typedef void cmdstats_visit(void *arg, const struct command *top,
                            const struct command *command,
                            const struct cmdstat *stat);
void cmdstats_each(const struct cmdstats *stats, cmdstats_visit *visit,
                   void *arg);

/* One more error of this code. Of more than ERROR_CODES_MAX different ones
 * nothing is kept until the next reset, as in Redis. */
void cmdstats_error(struct cmdstats *stats, struct log *log, slice code);

/* --- noticing errors ----------------------------------------------------- */

bool note_error_found(struct server *server, struct reply *reply, size_t begin);
/* Is what a command answered, from this place of the reply on, an error? Then
 * it is counted (total_error_replies, errorstats). */
static inline bool note_error(struct server *server, struct reply *reply,
                              size_t begin)
{
    bool is_plain = !reply->muted && reply->len > begin &&
                    reply->data[begin] != '-';
    if (__builtin_expect(is_plain, 1))
        return false;
    return note_error_found(server, reply, begin);
}
/* The same, of a command (NULL: unknown) that did not come to run. */
void note_rejected(struct server *server, const struct command *command,
                   struct reply *reply, size_t begin);

#endif
