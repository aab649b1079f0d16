/* cmd_scan.c - SCAN, KEYS, RANDOMKEY: commands about all keys of a database,
 * wherever they live.
 *
 * None of them loads anything, or changes what is hot; what they need of the
 * disk is looked at by jobs (db/scan.c, db/random.c) while the client is
 * parked. Only a pattern without wildcards is a key like any other: its header
 * is loaded. In a script or a transaction nobody can be parked: there the
 * server stands still for them, as for other keys that a script has not
 * declared. */
#include "base/assert.h"
#include "base/glob.h"
#include "base/num.h"
#include "cmd/elements_scan.h"
#include "cmd/handlers.h"
#include "cmd/wants.h"

/* Within EXEC or a script? They bring a wait of their own: the session's holds
 * what the others need. */
static bool is_inside(const struct call *call)
{
    return call->from_script || call->session->multi != NULL;
}

/* What a look needs to wait with. */
struct patience {
    struct db_wait *wait;
    struct db_wait  own;
    bool            now;
};

static void patience_begin(struct patience *patience, struct call *call)
{
    patience->now = is_inside(call);
    patience->wait = &call->session->wait;
    if (patience->now) {
        db_wait_init(&patience->own);
        patience->wait = &patience->own;
    }
}

/* The session's own is released by dispatch. */
static void patience_end(struct patience *patience, struct call *call)
{
    if (patience->now)
        db_release(call->db, patience->wait);
}

/* True: ready. */
static bool has_come(struct call *call, const struct patience *patience,
                     enum db_verdict verdict)
{
    if (verdict == DB_FAILED)
        call_error(call, patience->wait->err);
    return verdict == DB_READY;
}

static enum call_result result_of(enum db_verdict verdict)
{
    return verdict == DB_PARKED ? CALL_PARKED : CALL_DONE;
}

/* --- one key ------------------------------------------------------------- */

/* A pattern that only one key can match. */
static bool is_literal(slice pattern)
{
    return !glob_has_wildcard(pattern);
}

static enum db_verdict look_up(struct call *call, struct patience *patience,
                               slice name, const struct entry **entry)
{
    struct db_want  want = { .key = db_key_make(call->db, call->space, name),
                             .need = DB_NEED_HEADER };
    bool            waited = false;
    enum db_verdict verdict =
        patience->now ? db_acquire_now(call->db, patience->wait, &want, 1,
                                       &waited)
                      : db_acquire(call->db, patience->wait, &want, 1);
    if (verdict == DB_READY)
        *entry = db_peek(call->db, &want.key);
    return verdict;
}

/* --- SCAN ---------------------------------------------------------------- */

static int type_of_name(slice name)
{
    for (int type = 0; type < OBJ_TYPE_COUNT; type++)
        if (slice_equal_nocase(name, key_type_name((enum obj_type)type)))
            return type;
    return OBJ_TYPE_COUNT; /* of which there are no keys */
}

/* Answers what is wrong; false then. */
static bool parse_scan(struct call *call, struct scan_request *options,
                       struct db_scan_request *request)
{
    slice       type = { NULL, 0 };
    const char *wrong = NULL;
    if (!scan_parse_cursor(call->argv[1], &options->cursor))
        wrong = "ERR invalid cursor";
    else
        wrong = scan_parse_options(call->argv + 2, call->argc - 2, options,
                                   &type);
    if (wrong != NULL) {
        reply_error(call->reply, wrong);
        return false;
    }
    *request = (struct db_scan_request){
        .space = call->space,
        .cursor = options->cursor,
        .count = options->count,
        .pattern = options->pattern,
        .type = type.data != NULL ? type_of_name(type) : DB_ANY_TYPE,
    };
    return true;
}

static void reply_cursor(struct reply *reply, uint64_t cursor)
{
    char text[NUM_INT64_CHARS];
    reply_array(reply, 2);
    reply_bulk(reply,
               slice_make(text, num_format_int64((int64_t)cursor, text)));
}

static enum db_verdict scan_one(struct call *call, struct patience *patience,
                                const struct db_scan_request *request)
{
    const struct entry *entry = NULL;
    enum db_verdict     verdict =
        look_up(call, patience, request->pattern, &entry);
    if (!has_come(call, patience, verdict))
        return verdict;
    bool is_shown = entry != NULL &&
                    db_scan_order(call->db, request->pattern) >=
                        request->cursor &&
                    (request->type == DB_ANY_TYPE ||
                     request->type == (int)entry_type(entry));
    reply_cursor(call->reply, 0);
    reply_array(call->reply, is_shown);
    if (is_shown)
        reply_bulk(call->reply, request->pattern);
    return verdict;
}

/* How many. */
static size_t reply_found(struct call *call, struct patience *patience)
{
    slice  key;
    size_t count = 0;
    while (db_scan_next(call->db, patience->wait, &key)) {
        reply_bulk(call->reply, key);
        count++;
    }
    return count;
}

static enum db_verdict scan_some(struct call *call, struct patience *patience,
                                 const struct db_scan_request *request)
{
    enum db_verdict verdict =
        db_scan(call->db, patience->wait, request, patience->now);
    if (!has_come(call, patience, verdict))
        return verdict;
    reply_cursor(call->reply, db_scan_cursor(patience->wait));
    size_t mark = reply_deferred_begin(call->reply);
    reply_deferred_end(call->reply, mark, '*', reply_found(call, patience));
    return verdict;
}

enum call_result cmd_scan(struct call *call)
{
    struct patience        patience;
    struct scan_request    options;
    struct db_scan_request request;
    if (!parse_scan(call, &options, &request))
        return CALL_DONE;
    patience_begin(&patience, call);
    enum db_verdict verdict = is_literal(request.pattern)
                                  ? scan_one(call, &patience, &request)
                                  : scan_some(call, &patience, &request);
    patience_end(&patience, call);
    return result_of(verdict);
}

/* --- KEYS ---------------------------------------------------------------- */

static enum db_verdict keys_one(struct call *call, struct patience *patience)
{
    const struct entry *entry = NULL;
    enum db_verdict     verdict =
        look_up(call, patience, call->argv[1], &entry);
    if (!has_come(call, patience, verdict))
        return verdict;
    reply_array(call->reply, entry != NULL);
    if (entry != NULL)
        reply_bulk(call->reply, call->argv[1]);
    return verdict;
}

static enum call_result keys_all(struct call *call, struct patience *patience)
{
    struct db_scan_request request = { .space = call->space,
                                       .pattern = call->argv[1],
                                       .type = DB_ANY_TYPE,
                                       .whole = true,
                                       .most_bytes = call_reply_limit(call) };
    enum db_verdict verdict =
        db_scan(call->db, patience->wait, &request, patience->now);
    if (!has_come(call, patience, verdict))
        return result_of(verdict);
    /* Many names take their turn, as any large reply; they are kept till
     * then. */
    if (!patience->now &&
        call_admit_bytes(call, db_scan_bytes(patience->wait)) == DB_PARKED)
        return CALL_WAITS_TURN;
    size_t mark = reply_deferred_begin(call->reply);
    reply_deferred_end(call->reply, mark, '*', reply_found(call, patience));
    return CALL_DONE;
}

enum call_result cmd_keys(struct call *call)
{
    struct patience  patience;
    enum call_result result;
    patience_begin(&patience, call);
    if (is_literal(call->argv[1]))
        result = result_of(keys_one(call, &patience));
    else
        result = keys_all(call, &patience);
    patience_end(&patience, call);
    return result;
}

/* --- RANDOMKEY ----------------------------------------------------------- */

enum call_result cmd_randomkey(struct call *call)
{
    struct patience patience;
    slice           key;
    patience_begin(&patience, call);
    enum db_verdict verdict =
        db_random_key(call->db, patience.wait, call->space,
                      &call->server->rand, patience.now, &key);
    if (has_come(call, &patience, verdict)) {
        if (key.data != NULL)
            reply_bulk(call->reply, key);
        else
            reply_null(call->reply);
    }
    patience_end(&patience, call);
    return result_of(verdict);
}
