/* cmd_key.c - keys as such, whatever they hold: delete, count, rename; and
 * databases: empty, swap.
 *
 * None of these loads a value: RENAME gives the pages of a large one to the
 * other key as they are. */
#include "cmd/cmd_string.h"

#include <limits.h>

#include "base/assert.h"
#include "base/num.h"
#include "cache/cache.h"
#include "cmd/handlers.h"
#include "cmd/tracking.h"

/* --- deleting ------------------------------------------------------------ */

/* Values are given back at once and pages go to the garbage family, so UNLINK
 * has nothing to do differently. */
enum call_result cmd_del(struct call *call)
{
    int64_t deleted = 0;
    for (size_t i = 1; i < call->argc; i++) {
        struct db_key key = call_key(call, i);
        deleted += db_delete(call->db, &key, "del");
    }
    reply_int(call->reply, deleted);
    return CALL_DONE;
}

enum call_result cmd_unlink(struct call *call)
{
    return cmd_del(call);
}

/* --- looking ------------------------------------------------------------- */

static enum call_result count_existing(struct call *call, bool touch)
{
    int64_t count = 0;
    for (size_t i = 1; i < call->argc; i++) {
        struct db_key key = call_key(call, i);
        count += db_look(call->db, &key, touch) != NULL;
    }
    reply_int(call->reply, count);
    return CALL_DONE;
}

enum call_result cmd_exists(struct call *call)
{
    return count_existing(call, false);
}

/* Touches even after CLIENT NO-TOUCH: it was asked to. */
enum call_result cmd_touch(struct call *call)
{
    return count_existing(call, true);
}

static const char *const type_names[OBJ_TYPE_COUNT] = {
    [OBJ_STRING] = "string", [OBJ_LIST] = "list", [OBJ_SET] = "set",
    [OBJ_ZSET] = "zset",     [OBJ_HASH] = "hash",
};

const char *key_type_name(enum obj_type type)
{
    return type_names[type];
}

enum call_result cmd_type(struct call *call)
{
    const struct entry *entry = db_look(call->db, &call->key, false);
    reply_simple(call->reply,
                 entry != NULL ? key_type_name(entry_type(entry)) : "none");
    return CALL_DONE;
}

enum call_result cmd_dbsize(struct call *call)
{
    switch (db_wait_settled(call->db, &call->session->wait)) {
    case DB_PARKED:
        return CALL_PARKED;
    case DB_FAILED:
        call_error(call, call->session->wait.err);
        return CALL_DONE;
    case DB_READY:
        break;
    }
    reply_int(call->reply, db_key_count(call->db, call->space));
    return CALL_DONE;
}

/* --- renaming ------------------------------------------------------------ */

/* RENAME overwrites its second key blindly. */
enum db_need need_rename(const struct call *call, size_t key_index)
{
    if (key_index == 0)
        return DB_NEED_HEADER;
    return call->command->handler == cmd_renamenx ? DB_NEED_HEADER
                                                  : DB_NEED_NONE;
}

/* A small value is copied on its way; a large one is only handed over. */
size_t grow_rename(struct call *call)
{
    const struct entry *entry = db_look(call->db, &call->key, false);
    return entry != NULL ? entry->value_len : 0;
}

static void move_to(struct call *call, const struct db_key *to)
{
    /* In the order in which Redis tells it; a key that was overwritten counts
     * as new too. */
    db_move(call->db, &call->key, to, "new", "rename_from");
    db_event(call->db, to, "rename_to");
}

/* True: there is nothing to move, and that has been answered. */
static bool rename_refused(struct call *call, const struct db_key *to, bool nx)
{
    bool is_same = slice_equal(call->argv[1], call->argv[2]);
    if (db_look(call->db, &call->key, true) == NULL)
        reply_error(call->reply, "ERR no such key");
    else if (is_same && !nx)
        reply_ok(call->reply);
    else if (is_same || (nx && db_look(call->db, to, true) != NULL))
        reply_int(call->reply, 0);
    else
        return false;
    return true;
}

static enum call_result rename_key(struct call *call, bool nx)
{
    struct db_key to = call_key(call, 2);
    if (rename_refused(call, &to, nx))
        return CALL_DONE;
    const struct entry *from = db_look(call->db, &call->key, false);
    size_t              most = server_max_value_bytes(call->server);
    if (to.key.len > most || db_value_len(from) > most - to.key.len) {
        call_error(call, ERR_OOM);
        return CALL_DONE;
    }
    move_to(call, &to);
    if (nx)
        reply_int(call->reply, 1);
    else
        reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_rename(struct call *call)
{
    return rename_key(call, false);
}

enum call_result cmd_renamenx(struct call *call)
{
    return rename_key(call, true);
}

/* --- emptying ------------------------------------------------------------ */

/* ASYNC and SYNC are the same: emptying is a new namespace, and the old one's
 * records go in the background. */
static bool flush_syntax_ok(struct call *call)
{
    if (call->argc == 1 || (call->argc == 2 && (call_arg_is(call, 1, "async") ||
                                                call_arg_is(call, 1, "sync"))))
        return true;
    call_syntax_error(call);
    return false;
}

/* A database that is known to have no keys has nothing to lose; a new
 * namespace for it would only be work. */
static void flush_space(struct call *call, struct db_space *space)
{
    if (space->unsettled == 0 && db_key_count(call->db, space) == 0)
        return;
    db_flush_space(call->db, space);
}

enum call_result cmd_flushdb(struct call *call)
{
    if (!flush_syntax_ok(call))
        return CALL_DONE;
    flush_space(call, call->space);
    tracking_flushed(call->server);
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_flushall(struct call *call)
{
    if (!flush_syntax_ok(call))
        return CALL_DONE;
    for (int i = 0; i < call->server->config->databases; i++)
        flush_space(call, db_space(call->db, (unsigned)i));
    tracking_flushed(call->server);
    reply_ok(call->reply);
    return CALL_DONE;
}

/* --- swapping ------------------------------------------------------------ */

static bool swap_index(struct call *call, size_t i, const char *error,
                       int64_t *out)
{
    if (num_parse_int64(call->argv[i], out) && *out >= INT_MIN &&
        *out <= INT_MAX)
        return true;
    reply_error(call->reply, error);
    return false;
}

enum call_result cmd_swapdb(struct call *call)
{
    int64_t first, second, count = call->server->config->databases;
    if (!swap_index(call, 1, "ERR invalid first DB index", &first) ||
        !swap_index(call, 2, "ERR invalid second DB index", &second))
        return CALL_DONE;
    if (first < 0 || first >= count || second < 0 || second >= count) {
        reply_error(call->reply, "ERR DB index is out of range");
        return CALL_DONE;
    }
    db_swap_spaces(call->db, db_space(call->db, (unsigned)first),
                   db_space(call->db, (unsigned)second));
    reply_ok(call->reply);
    return CALL_DONE;
}
