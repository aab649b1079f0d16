/* cmd_cache.c - CACHE: what memory knows, and what it should forget or save.
 *
 * These commands are ours; Redis has nothing like them. They look at keys
 * without changing what is known of them: nothing is loaded, nothing counts as
 * a use, hits and misses don't move. */
#include "base/assert.h"
#include "base/mem.h"
#include "cmd/figures.h"
#include "cmd/handlers.h"

/* --- STATE --------------------------------------------------------------- */

/* The keys begin behind "CACHE STATE" and "CACHE EVICT". */
#define FIRST_KEY 2

/* Is there a key that only the store can tell about? */
static bool must_ask_disk(struct call *call)
{
    if (call->session->wait.probe != NULL)
        return true; /* asked already: the answer is there */
    for (size_t i = FIRST_KEY; i < call->argc; i++) {
        struct db_key key = call_key(call, i);
        if (db_state_word(call->db, &key) == NULL)
            return true;
    }
    return false;
}

/* All keys are asked for, not only those that are unknown now: which those are
 * may be another question when the answer comes. */
static enum db_verdict ask_disk(struct call *call, bool *exists)
{
    size_t         count = call->argc - FIRST_KEY;
    struct db_key *keys = mem_alloc(count * sizeof(*keys));
    for (size_t i = 0; i < count; i++)
        keys[i] = call_key(call, FIRST_KEY + i);
    enum db_verdict verdict =
        db_probe(call->db, &call->session->wait, keys, count, exists);
    mem_free(keys);
    return verdict;
}

static void reply_states(struct call *call, const bool *exists)
{
    reply_array(call->reply, call->argc - FIRST_KEY);
    for (size_t i = FIRST_KEY; i < call->argc; i++) {
        struct db_key key = call_key(call, i);
        const char   *word = db_state_word(call->db, &key);
        if (word == NULL)
            word = exists[i - FIRST_KEY] ? "disk" : "none";
        reply_bulk_string(call->reply, word);
    }
}

enum call_result cmd_cache_state(struct call *call)
{
    bool           *exists = mem_calloc(call->argc - FIRST_KEY, sizeof(bool));
    enum db_verdict verdict =
        must_ask_disk(call) ? ask_disk(call, exists) : DB_READY;
    if (verdict == DB_READY)
        reply_states(call, exists);
    else if (verdict == DB_FAILED)
        call_error(call, call->session->wait.err);
    mem_free(exists);
    return verdict == DB_PARKED ? CALL_PARKED : CALL_DONE;
}

/* --- EVICT, FLUSH, STATS ------------------------------------------------- */

enum call_result cmd_cache_evict(struct call *call)
{
    int64_t evicted = 0;
    for (size_t i = FIRST_KEY; i < call->argc; i++) {
        struct db_key key = call_key(call, i);
        evicted += db_evict(call->db, &key);
    }
    reply_int(call->reply, evicted);
    return CALL_DONE;
}

static enum call_result flush(struct call *call)
{
    struct db_stats stats;
    switch (db_wait_flushed(call->db, &call->session->wait)) {
    case DB_READY:
        reply_ok(call->reply);
        return CALL_DONE;
    case DB_PARKED:
        return CALL_PARKED;
    case DB_FAILED:
        db_stats(call->db, &stats);
        reply_errorf(call->reply, "IOERR the flush failed: %s",
                     stats.last_error);
        return CALL_DONE;
    }
    UNREACHABLE();
}

enum call_result cmd_cache_flush(struct call *call)
{
    return flush(call);
}

enum call_result cmd_save(struct call *call)
{
    return flush(call);
}

static void reply_figure(void *arg, const struct figure *figure)
{
    struct reply *reply = arg;
    reply_bulk_string(reply, figure->name);
    if (figure->text != NULL)
        reply_bulk_string(reply, figure->text);
    else
        reply_int(reply, (int64_t)figure->number);
}

enum call_result cmd_cache_stats(struct call *call)
{
    size_t mark = reply_deferred_begin(call->reply);
    size_t count = figures_cache(call->server, reply_figure, call->reply);
    reply_deferred_end(call->reply, mark, '%', count);
    return CALL_DONE;
}

/* --- WARM ---------------------------------------------------------------- */

/* MATCH and one word is a pattern; two keys with such names can be asked for one
 * by one. */
enum call_result cmd_cache_warm(struct call *call)
{
    if (call->argc == FIRST_KEY + 2 && call_arg_is(call, FIRST_KEY, "match")) {
        db_warmup_match(call->db, call->space, call->argv[FIRST_KEY + 1]);
        reply_ok(call->reply);
        return CALL_DONE;
    }
    int64_t asked = 0;
    for (size_t i = FIRST_KEY; i < call->argc; i++) {
        struct db_key key = call_key(call, i);
        asked += db_warmup_key(call->db, &key);
    }
    reply_int(call->reply, asked);
    return CALL_DONE;
}

enum call_result cmd_cache_help(struct call *call)
{
    static const char *const lines[] = {
        "EVICT <key> [<key> ...]",
        "    Drop these keys from memory if nothing of them is unsaved or in "
        "use;",
        "    return how many were dropped. Their values stay on disk.",
        "FLUSH",
        "    Write all changes made so far to disk; return when they are "
        "there.",
        "STATE <key> [<key> ...]",
        "    Return a word for each key, without loading it:",
        "    * memory: in memory, the same as on disk.",
        "    * dirty: changed, not yet on its way to disk.",
        "    * saving: changed, on its way to disk.",
        "    * absent: known in memory not to exist.",
        "    * disk: not in memory, on disk.",
        "    * none: neither in memory nor on disk.",
        "STATS",
        "    Return the figures of INFO cache as pairs of name and value.",
        "WARM <key> [<key> ...]",
        "    Load these keys in the background, as long as there is room;",
        "    return how many are not in memory and will be looked for.",
        "WARM MATCH <pattern>",
        "    The same for all keys that match <pattern>, instead of those of "
        "the",
        "    pattern before. INFO cache tells how far it is (cache_warm_*).",
        NULL
    };
    call_help(call, "CACHE", lines);
    return CALL_DONE;
}
