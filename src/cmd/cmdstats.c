/* cmdstats.c - see cmdstats.h.
 *
 * The command table is constant, so what is counted stands in an array beside
 * it, in the same order; the number of a command of the table is a difference
 * of addresses. Subcommands come behind, and are found by their family.
 *
 * Errors are noticed by the first byte of what a command has answered: there
 * are many places that answer errors, and one that runs commands. */
#include "cmd/cmdstats.h"

#include <string.h>

#include "base/assert.h"

/* --- life ---------------------------------------------------------------- */

static size_t sub_count(const struct command *top)
{
    size_t count = 0;
    while (top->subcommands != NULL && top->subcommands[count].name != NULL)
        count++;
    return count;
}

static void add_family(struct cmdstats *stats, const struct command *top)
{
    struct cmdstats_family *family = &stats->families[stats->family_count++];
    *family = (struct cmdstats_family){
        .first = top->subcommands,
        .count = sub_count(top),
        .base = stats->count,
        .is_one = (top->flags & CMD_PROTECTED) != 0,
    };
    if (family->is_one)
        family->base = (size_t)(top - command_table);
    else
        stats->count += family->count;
}

static size_t held_bytes(const struct cmdstats *stats)
{
    return sizeof(*stats) + stats->count * sizeof(*stats->of) +
           stats->top_count * sizeof(*stats->families);
}

struct cmdstats *cmdstats_new(struct mem *mem)
{
    struct cmdstats *stats = mem_calloc(1, sizeof(*stats));
    stats->mem = mem;
    while (command_table[stats->top_count].name != NULL)
        stats->top_count++;
    stats->count = stats->top_count;
    stats->families = mem_calloc(stats->top_count, sizeof(*stats->families));
    for (size_t i = 0; i < stats->top_count; i++)
        if (command_table[i].subcommands != NULL)
            add_family(stats, &command_table[i]);
    stats->of = mem_calloc(stats->count, sizeof(*stats->of));
    mem_charge(mem, MEM_OTHER, held_bytes(stats));
    return stats;
}

void cmdstats_reset(struct cmdstats *stats)
{
    for (size_t i = 0; i < stats->count; i++) {
        histogram_reset(&stats->of[i].latency, stats->mem);
        stats->of[i] = (struct cmdstat){ 0 };
    }
    stats->error_count = 0;
    stats->errors_off = false;
}

void cmdstats_free(struct cmdstats *stats)
{
    if (stats == NULL)
        return;
    cmdstats_reset(stats);
    mem_release(stats->mem, MEM_OTHER, held_bytes(stats));
    mem_free(stats->families);
    mem_free(stats->of);
    mem_free(stats);
}

/* --- commands ------------------------------------------------------------ */

struct cmdstat *cmdstats_of_sub(struct cmdstats *stats,
                                const struct command *command)
{
    for (size_t i = 0; i < stats->family_count; i++) {
        const struct cmdstats_family *family = &stats->families[i];
        uintptr_t offset = (uintptr_t)command - (uintptr_t)family->first;
        size_t    number = offset / sizeof(struct command);
        if (number < family->count)
            return &stats->of[family->base + (family->is_one ? 0 : number)];
    }
    UNREACHABLE();
}

static bool was_used(const struct cmdstat *stat)
{
    return stat->calls > 0 || stat->rejected > 0 || stat->failed > 0;
}

void cmdstats_each(const struct cmdstats *stats, cmdstats_visit *visit,
                   void *arg)
{
    size_t next = stats->top_count;
    for (size_t i = 0; i < stats->top_count; i++) {
        const struct command *top = &command_table[i];
        if (was_used(&stats->of[i]))
            visit(arg, top, top, &stats->of[i]);
        if (top->flags & CMD_PROTECTED)
            continue;
        for (size_t sub = 0; sub < sub_count(top); sub++, next++)
            if (was_used(&stats->of[next]))
                visit(arg, top, &top->subcommands[sub], &stats->of[next]);
    }
    ASSERT(next == stats->count);
}

/* --- errors -------------------------------------------------------------- */

/* The place of the code, or where it belongs. */
static size_t find_error(const struct cmdstats *stats, const char *code)
{
    size_t at = 0;
    while (at < stats->error_count && strcmp(stats->errors[at].code, code) < 0)
        at++;
    return at;
}

static void insert_error(struct cmdstats *stats, size_t at, const char *code)
{
    struct error_stat *error = &stats->errors[at];
    memmove(error + 1, error, (stats->error_count - at) * sizeof(*error));
    stats->error_count++;
    error->count = 0;
    memcpy(error->code, code, strlen(code) + 1); /* both ERROR_CODE_MAX */
}

/* As in Redis 7.2: what was counted goes, one line says why. */
static void too_many(struct cmdstats *stats, struct log *log)
{
    log_write(log, LOG_WARNING,
              "more than %d different error codes: INFO errorstats counts no "
              "more until CONFIG RESETSTAT", ERROR_CODES_MAX);
    stats->error_count = 0;
    insert_error(stats, 0, "ERRORSTATS_DISABLED");
    stats->errors[0].count = 1;
    stats->errors_off = true;
}

void cmdstats_error(struct cmdstats *stats, struct log *log, slice code)
{
    char   text[ERROR_CODE_MAX] = "";
    size_t len = code.len < sizeof(text) - 1 ? code.len : sizeof(text) - 1;
    if (stats->errors_off)
        return;
    memcpy(text, code.data, len);
    size_t at = find_error(stats, text);
    if (at == stats->error_count || strcmp(stats->errors[at].code, text) != 0) {
        if (stats->error_count == ERROR_CODES_MAX) {
            too_many(stats, log);
            return;
        }
        insert_error(stats, at, text);
    }
    stats->errors[at].count++;
}

/* The first word; Redis takes it for one if it ends within 32 bytes. */
static slice code_of(slice error)
{
    size_t      len = error.len < ERROR_CODE_MAX ? error.len : ERROR_CODE_MAX;
    const char *space = memchr(error.data, ' ', len);
    if (space == NULL)
        return SLICE_LITERAL("ERR");
    return slice_make(error.data + 1, (size_t)(space - error.data) - 1);
}

bool note_error_found(struct server *server, struct reply *reply, size_t begin)
{
    slice answer = SLICE_EMPTY;
    if (reply->muted)
        answer = slice_from_string(reply->muted_error);
    else if (reply->len > begin)
        answer = slice_make(reply->data + begin, reply->len - begin);
    if (answer.len == 0 || answer.data[0] != '-')
        return false;
    server->stats.error_replies++;
    cmdstats_error(server->cmdstats, server->log, code_of(answer));
    reply->muted_error[0] = '\0';
    return true;
}

void note_rejected(struct server *server, const struct command *command,
                   struct reply *reply, size_t begin)
{
    if (note_error(server, reply, begin) && command != NULL)
        cmdstats_of(server->cmdstats, command)->rejected++;
}
