/* cmd_copy.c - COPY and MOVE: a key's content under another name or in another
 * database, its deadline with it.
 *
 * The key in the other database is one more want (command.h) beside those that
 * the table names. */
#include "base/assert.h"
#include "base/num.h"
#include "cmd/cmd_string.h"
#include "cmd/handlers.h"

/* --- what the arguments say, also before the command runs ----------------- */

struct copy {
    struct db_space *to;
    bool             replace;
    size_t           wrong; /* the first argument that makes no sense; or 0 */
    bool             wrong_database; /* it should have been one */
};

static bool database_read(const struct call *call, slice text,
                          struct db_space **out)
{
    int64_t index;
    if (!num_parse_int64(text, &index) || index < 0 ||
        index >= call->server->config->databases)
        return false;
    *out = call_space(call, (unsigned)index);
    return true;
}

static struct copy copy_read(const struct call *call)
{
    struct copy copy = { .to = call->space };
    for (size_t i = 3; i < call->argc && copy.wrong == 0; i++) {
        if (call_arg_is(call, i, "replace")) {
            copy.replace = true;
        } else if (!call_arg_is(call, i, "db") || i + 1 == call->argc) {
            copy.wrong = i;
        } else if (!database_read(call, call->argv[++i], &copy.to)) {
            copy.wrong = i;
            copy.wrong_database = true;
        }
    }
    return copy;
}

/* What is replaced is overwritten blindly. */
static enum db_need need_of_target(const struct copy *copy)
{
    return copy->wrong != 0 || copy->replace ? DB_NEED_NONE : DB_NEED_HEADER;
}

enum db_need need_copy(const struct call *call, size_t key_index)
{
    struct copy copy = copy_read(call);
    if (key_index == 0)
        return copy.wrong != 0 ? DB_NEED_HEADER : DB_NEED_VALUE;
    return copy.to == call->space ? need_of_target(&copy) : DB_NEED_NONE;
}

size_t more_copy(const struct call *call, struct db_want *out)
{
    struct copy copy = copy_read(call);
    if (copy.wrong != 0 || copy.to == call->space)
        return 0;
    out[0] = (struct db_want){
        .key = db_key_make(call->db, copy.to, call->argv[2]),
        .need = need_of_target(&copy),
    };
    return 1;
}

size_t more_move(const struct call *call, struct db_want *out)
{
    struct db_space *to;
    if (!database_read(call, call->argv[2], &to) || to == call->space)
        return 0;
    out[0] = (struct db_want){ .key = call->key, .need = DB_NEED_HEADER };
    out[0].key.space = to;
    return 1;
}

size_t grow_copy(struct call *call)
{
    const struct entry *entry = db_look(call->db, &call->key, false);
    if (entry == NULL)
        return 0;
    const struct object *object = entry_object(entry);
    return entry->value_len + (object != NULL ? object_bytes(object) : 0);
}

/* --- COPY ---------------------------------------------------------------- */

static void same_object_error(struct call *call)
{
    reply_error(call->reply, "ERR source and destination objects are the same");
}

static void copy_error(struct call *call, const struct copy *copy)
{
    unsigned index;
    if (!copy->wrong_database)
        call_syntax_error(call);
    else if (call_database(call, call->argv[copy->wrong], &index))
        UNREACHABLE();
}

/* True: there is nothing to copy, and that has been answered. */
static bool copy_refused(struct call *call, const struct copy *copy,
                         const struct db_key *to)
{
    if (copy->wrong != 0)
        copy_error(call, copy);
    else if (to->space == call->space &&
             slice_equal(call->argv[1], call->argv[2]))
        same_object_error(call);
    else if (db_look(call->db, &call->key, true) == NULL ||
             (!copy->replace && db_look(call->db, to, true) != NULL))
        reply_int(call->reply, 0);
    else
        return false;
    return true;
}

enum call_result cmd_copy(struct call *call)
{
    struct copy   copy = copy_read(call);
    struct db_key to = db_key_make(call->db, copy.to, call->argv[2]);
    if (copy_refused(call, &copy, &to))
        return CALL_DONE;
    const struct entry *from = db_look(call->db, &call->key, false);
    size_t              most = server_max_value_bytes(call->server);
    if (to.key.len > most || db_value_len(from) > most - to.key.len) {
        call_error(call, ERR_OOM);
        return CALL_DONE;
    }
    db_copy(call->db, &call->key, &to, "new"); /* also of one replaced */
    db_event(call->db, &to, "copy_to");
    reply_int(call->reply, 1);
    return CALL_DONE;
}

/* --- MOVE ---------------------------------------------------------------- */

enum call_result cmd_move(struct call *call)
{
    struct db_key to = call->key;
    unsigned      index;
    if (!call_database(call, call->argv[2], &index))
        return CALL_DONE;
    to.space = call_space(call, index);
    if (to.space == call->space) {
        same_object_error(call);
        return CALL_DONE;
    }
    if (db_look(call->db, &call->key, true) == NULL ||
        db_look(call->db, &to, true) != NULL) {
        reply_int(call->reply, 0);
        return CALL_DONE;
    }
    db_move(call->db, &call->key, &to, "new", "move_from");
    db_event(call->db, &to, "move_to");
    reply_int(call->reply, 1);
    return CALL_DONE;
}
