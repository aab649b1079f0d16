/* slowlog.c - see slowlog.h. An entry is one allocation: struct, slices, and
 * the texts behind them. */
#include "cmd/slowlog.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "cmd/redact.h"

#define MORE_MAX 48 /* "... (18446744073709551615 more arguments)" */

struct slowlog *slowlog_new(void)
{
    struct slowlog *log = mem_calloc(1, sizeof(*log));
    link_init(&log->entries);
    return log;
}

static void drop_oldest(struct server *server)
{
    struct slowlog       *log = server->slowlog;
    struct link          *last = list_last(&log->entries);
    struct slowlog_entry *entry =
        CONTAINER_OF(last, struct slowlog_entry, link);
    link_remove(last);
    log->count--;
    log->bytes -= entry->bytes;
    mem_release(&server->mem, MEM_OTHER, entry->bytes);
    mem_free(entry);
}

void slowlog_clear(struct server *server)
{
    while (server->slowlog->count > 0)
        drop_oldest(server);
}

/* --- making an entry ----------------------------------------------------- */

/* Both write to *at and move it on. */
static slice copy_text(char **at, slice text)
{
    char  *begin = *at;
    size_t shown = text.len < SLOWLOG_TEXT_MAX ? text.len : SLOWLOG_TEXT_MAX;
    memcpy(begin, text.data, shown);
    *at += shown;
    if (shown < text.len)
        *at += snprintf(*at, MORE_MAX, "... (%zu more bytes)",
                        text.len - shown);
    return slice_make(begin, (size_t)(*at - begin));
}

static slice copy_more(char **at, size_t arguments)
{
    char *begin = *at;
    *at += snprintf(begin, MORE_MAX, "... (%zu more arguments)", arguments);
    return slice_make(begin, (size_t)(*at - begin));
}

static size_t text_bytes(slice text)
{
    return text.len <= SLOWLOG_TEXT_MAX ? text.len
                                        : SLOWLOG_TEXT_MAX + MORE_MAX;
}

static struct slowlog_entry *entry_new(const struct call *call)
{
    const struct session *session = call->session;
    bool   is_own = !call->from_script; /* a script's has no peer, in Redis */
    slice  peer = slice_from_string(is_own ? session->peer : "?:0");
    slice  name = slice_from_string(is_own && session->name ? session->name
                                                            : "");
    size_t argc = call->argc < SLOWLOG_ARGS_MAX ? call->argc : SLOWLOG_ARGS_MAX;
    size_t told = argc < call->argc ? argc - 1 : argc;
    size_t bytes = sizeof(struct slowlog_entry) + argc * sizeof(slice) +
                   text_bytes(peer) + text_bytes(name) + MORE_MAX;
    for (size_t i = 0; i < told; i++)
        bytes += text_bytes(redact_arg(call, i));
    struct slowlog_entry *entry = mem_alloc(bytes);
    char *at = (char *)(entry->argv + argc);
    entry->bytes = mem_good_size(bytes);
    entry->argc = argc;
    for (size_t i = 0; i < told; i++)
        entry->argv[i] = copy_text(&at, redact_arg(call, i));
    if (told < argc)
        entry->argv[told] = copy_more(&at, call->argc - told);
    entry->peer = copy_text(&at, peer);
    entry->name = copy_text(&at, name);
    ASSERT((size_t)(at - (char *)entry) <= bytes);
    return entry;
}

static void insert(struct server *server, struct slowlog_entry *entry)
{
    struct slowlog *log = server->slowlog;
    size_t          most = server_limit_bytes(server) / 64;
    link_init(&entry->link);
    list_push_front(&log->entries, &entry->link);
    log->count++;
    log->bytes += entry->bytes;
    mem_charge(&server->mem, MEM_OTHER, entry->bytes);
    while (log->count > server->config->slowlog_max_len || log->bytes > most)
        drop_oldest(server);
}

static uint64_t wait_us(const struct waited *waited, enum waited_for what)
{
    return waited == NULL ? 0 : waited->ns[what] / 1000;
}

void slowlog_note(const struct call *call, uint64_t run_us,
                  const struct waited *waited)
{
    struct server       *server = call->server;
    const struct config *config = server->config;
    uint64_t             waited_us = 0;
    for (int i = 0; i < WAITED_COUNT; i++)
        waited_us += wait_us(waited, (enum waited_for)i);
    if (call->command->flags & CMD_SKIP_SLOWLOG)
        run_us = 0;
    if (config->slowlog_log_slower_than < 0 || config->slowlog_max_len == 0 ||
        run_us + waited_us < (uint64_t)config->slowlog_log_slower_than)
        return;
    if ((call->command->flags & CMD_SKIP_SLOWLOG) && waited_us == 0)
        return;
    struct slowlog_entry *entry = entry_new(call);
    entry->id = server->slowlog->next_id++;
    entry->time_s = clock_now_us(&server->clock) / 1000000;
    entry->run_us = run_us;
    entry->total_us = run_us + waited_us;
    for (int i = 0; i < WAITED_COUNT; i++)
        entry->waited_us[i] = wait_us(waited, (enum waited_for)i);
    insert(server, entry);
}
