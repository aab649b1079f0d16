/* cmd_expire.c - deadlines: setting, asking, taking away.
 *
 * A deadline is unix time in ms and belongs to the header of a key, so none of
 * these needs the value. Whether one has passed is decided by the time of the
 * db, which is the same for all of one loop turn. */
#include "cmd/cmd_string.h"

#include "base/num.h"
#include "cache/cache.h"
#include "cmd/handlers.h"

/* --- what other files share ---------------------------------------------- */

void expire_error(struct call *call)
{
    reply_errorf(call->reply, "ERR invalid expire time in '%s' command",
                 call->command->name);
}

/* In ms since 1970. False if that is out of range. */
static bool to_deadline(int64_t time, enum expire_unit unit, int64_t base_ms,
                        int64_t *deadline_ms)
{
    int64_t factor = unit == EXPIRE_SECONDS ? 1000 : 1;
    return !__builtin_mul_overflow(time, factor, &time) &&
           !__builtin_add_overflow(time, base_ms, deadline_ms);
}

bool expire_parse(struct call *call, slice arg, enum expire_unit unit,
                  bool is_relative, int64_t *deadline_ms)
{
    int64_t time;
    if (!call_int(call, arg, &time))
        return false;
    int64_t base_ms = is_relative ? db_now_ms(call->db) : 0;
    if (time > 0 && to_deadline(time, unit, base_ms, deadline_ms))
        return true;
    expire_error(call);
    return false;
}

void expire_set(struct call *call, const struct db_key *key,
                const struct entry *entry, int64_t deadline_ms,
                const char *event)
{
    struct entry_spec spec = cache_spec(entry);
    spec.deadline_ms = deadline_ms;
    db_put(call->db, key, &spec, event);
}

/* --- EXPIRE and its kin -------------------------------------------------- */

enum expire_option {
    EXPIRE_NX = 1 << 0,
    EXPIRE_XX = 1 << 1,
    EXPIRE_GT = 1 << 2,
    EXPIRE_LT = 1 << 3,
};

static unsigned option_of(slice word)
{
    static const char *const words[] = { "nx", "xx", "gt", "lt" };
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_equal_nocase(word, words[i]))
            return 1u << i;
    return 0;
}

static bool options_read(struct call *call, unsigned *given)
{
    *given = 0;
    for (size_t i = 3; i < call->argc; i++) {
        unsigned option = option_of(call->argv[i]);
        if (option == 0) {
            slice word = call->argv[i];
            reply_errorf(call->reply, "ERR Unsupported option %.*s",
                         (int)word.len, word.data);
            return false;
        }
        *given |= option;
    }
    if ((*given & EXPIRE_NX) && (*given & ~(unsigned)EXPIRE_NX)) {
        reply_error(call->reply, "ERR NX and XX, GT or LT options at the same "
                                 "time are not compatible");
        return false;
    }
    if ((*given & EXPIRE_GT) && (*given & EXPIRE_LT)) {
        reply_error(call->reply, "ERR GT and LT options at the same time are "
                                 "not compatible");
        return false;
    }
    return true;
}

/* No deadline counts as one that never comes. */
static bool options_allow(unsigned given, int64_t old_ms, int64_t new_ms)
{
    bool has_old = old_ms != 0;
    if ((given & EXPIRE_NX) && has_old)
        return false;
    if ((given & EXPIRE_XX) && !has_old)
        return false;
    if ((given & EXPIRE_GT) && (!has_old || new_ms <= old_ms))
        return false;
    return !((given & EXPIRE_LT) && has_old && new_ms >= old_ms);
}

static enum call_result expire(struct call *call, enum expire_unit unit,
                               bool is_relative)
{
    unsigned given;
    int64_t  time, deadline_ms, now_ms = db_now_ms(call->db);
    if (!options_read(call, &given) || !call_int(call, call->argv[2], &time))
        return CALL_DONE;
    if (!to_deadline(time, unit, is_relative ? now_ms : 0, &deadline_ms)) {
        expire_error(call);
        return CALL_DONE;
    }
    const struct entry *entry = db_look(call->db, &call->key, true);
    if (entry == NULL ||
        !options_allow(given, entry_deadline(entry), deadline_ms)) {
        reply_int(call->reply, 0);
        return CALL_DONE;
    }
    if (deadline_ms <= now_ms)
        db_delete(call->db, &call->key, "del");
    else
        expire_set(call, &call->key, entry, deadline_ms, "expire");
    reply_int(call->reply, 1);
    return CALL_DONE;
}

enum call_result cmd_expire(struct call *call)
{
    return expire(call, EXPIRE_SECONDS, true);
}

enum call_result cmd_pexpire(struct call *call)
{
    return expire(call, EXPIRE_MS, true);
}

enum call_result cmd_expireat(struct call *call)
{
    return expire(call, EXPIRE_SECONDS, false);
}

enum call_result cmd_pexpireat(struct call *call)
{
    return expire(call, EXPIRE_MS, false);
}

enum call_result cmd_persist(struct call *call)
{
    const struct entry *entry = db_look(call->db, &call->key, true);
    bool has_deadline = entry != NULL && entry_deadline(entry) != 0;
    if (has_deadline)
        expire_set(call, &call->key, entry, 0, "persist");
    reply_int(call->reply, has_deadline);
    return CALL_DONE;
}

/* --- asking -------------------------------------------------------------- */

static int64_t rounded_seconds(int64_t ms)
{
    return ms / 1000 + (ms % 1000 >= 500);
}

/* -2: no such key; -1: no deadline. */
static enum call_result reply_deadline(struct call *call, enum expire_unit unit,
                                       bool is_relative)
{
    const struct entry *entry = db_look(call->db, &call->key, false);
    int64_t             ms = entry != NULL ? entry_deadline(entry) : 0;
    if (ms == 0) {
        reply_int(call->reply, entry != NULL ? -1 : -2);
        return CALL_DONE;
    }
    if (is_relative) /* db_look gave a key whose deadline lies ahead */
        ms -= db_now_ms(call->db);
    reply_int(call->reply, unit == EXPIRE_SECONDS ? rounded_seconds(ms) : ms);
    return CALL_DONE;
}

enum call_result cmd_ttl(struct call *call)
{
    return reply_deadline(call, EXPIRE_SECONDS, true);
}

enum call_result cmd_pttl(struct call *call)
{
    return reply_deadline(call, EXPIRE_MS, true);
}

enum call_result cmd_expiretime(struct call *call)
{
    return reply_deadline(call, EXPIRE_SECONDS, false);
}

enum call_result cmd_pexpiretime(struct call *call)
{
    return reply_deadline(call, EXPIRE_MS, false);
}
