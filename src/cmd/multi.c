/* multi.c - the queue of a transaction: each command with a copy of its words,
 * in one allocation. */
#include "cmd/multi_queue.h"

#include <string.h>

#include "base/assert.h"
#include "cmd/cmdstats.h"

static size_t queued_cost(size_t argc, size_t bytes)
{
    return sizeof(struct queued) + argc * sizeof(slice) + bytes;
}

struct multi *multi_new(struct session *session)
{
    struct multi *multi = mem_calloc(1, sizeof(*multi));
    link_init(&multi->commands);
    session->own_bytes += sizeof(*multi);
    return multi;
}

static struct queued *queued_new(const struct call *call, size_t bytes)
{
    struct queued *queued = mem_alloc(queued_cost(call->argc, bytes));
    char          *at = (char *)(queued->argv + call->argc);
    queued->command = call->command;
    queued->argc = call->argc;
    queued->bytes = bytes;
    queued->growth = 0;
    link_init(&queued->link);
    for (size_t i = 0; i < call->argc; i++) {
        memcpy(at, call->argv[i].data, call->argv[i].len);
        queued->argv[i] = slice_make(at, call->argv[i].len);
        at += call->argv[i].len;
    }
    return queued;
}

enum call_result multi_queue(struct call *call)
{
    struct session *session = call->session;
    struct multi   *multi = session->multi;
    size_t          bytes = 0;
    if ((call->command->flags & CMD_WRITE) && db_is_failing(call->db)) {
        size_t reply_begin = call->reply->len;
        call_error(call, ERR_IO);
        note_rejected(call->server, call->command, call->reply, reply_begin);
        multi->aborted = true;
        return CALL_DONE;
    }
    for (size_t i = 0; i < call->argc; i++)
        bytes += call->argv[i].len;
    struct queued *queued = queued_new(call, bytes);
    list_push_back(&multi->commands, &queued->link);
    multi->count++;
    if (!multi->aborted && !session->watch_broken)
        multi->flags |= call->command->flags;
    multi->bytes += queued_cost(call->argc, bytes);
    session->own_bytes += queued_cost(call->argc, bytes);
    reply_simple(call->reply, "QUEUED");
    return CALL_DONE;
}

void multi_abort(struct session *session)
{
    if (session->multi != NULL)
        session->multi->aborted = true;
}

void multi_discard(struct session *session)
{
    struct multi *multi = session->multi;
    struct link  *first;
    watch_clear(session);
    if (multi == NULL)
        return;
    while ((first = list_first(&multi->commands)) != NULL) {
        link_remove(first);
        mem_free(CONTAINER_OF(first, struct queued, link));
    }
    session->own_bytes -= multi->bytes + sizeof(*multi);
    mem_free(multi);
    session->multi = NULL;
}

int64_t multi_count(const struct session *session)
{
    return session->multi == NULL ? -1 : (int64_t)session->multi->count;
}

uint32_t multi_flags(const struct session *session)
{
    return session->multi == NULL ? 0 : session->multi->flags;
}

size_t multi_bytes(const struct session *session)
{
    return session->multi == NULL ? 0 : session->multi->bytes;
}
