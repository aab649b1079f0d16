/* waited.c - see waited.h. What a command waits for is told by the state of
 * its db_wait at the moment when it parks; a load that finds no room later
 * still counts as one. */
#include "cmd/waited.h"

#include "base/assert.h"
#include "cmd/command.h"
#include "cmd/latency.h"

static enum waited_for reason(const struct session *session)
{
    switch (session->wait.state) {
    case DB_WAIT_ROOM:
    case DB_WAIT_STARVED:
        return WAITED_ROOM;
    default:
        return WAITED_DISK;
    }
}

void waited_begin(struct session *session, bool for_turn)
{
    struct waited *waited = &session->waited;
    ASSERT(waited->since == 0);
    waited->now_for = for_turn ? WAITED_TURN : reason(session);
    waited->since = ticks_now(&session->server->ticks);
}

void waited_end(struct session *session)
{
    struct waited *waited = &session->waited;
    struct ticks  *ticks = &session->server->ticks;
    uint64_t       ns = ticks_ns(ticks, waited->since, ticks_now(ticks));
    ASSERT(waited->since != 0);
    waited->since = 0;
    waited->ns[waited->now_for] += ns;
    waited->total_ns += ns;
    call_look_closer(session->server);
}

void waited_clear(struct session *session)
{
    if (session->waited.total_ns == 0)
        return;
    latency_note(session->server, LATENCY_WAIT,
                 session->waited.total_ns / 1000);
    session->waited = (struct waited){ 0 };
}

const char *waited_name(enum waited_for what)
{
    static const char *const names[] = {
        [WAITED_DISK] = "disk",
        [WAITED_ROOM] = "room",
        [WAITED_TURN] = "turn",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == WAITED_COUNT, "names");
    return names[what];
}
