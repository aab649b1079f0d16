/* cmd_multi.c - MULTI, EXEC, DISCARD, WATCH, UNWATCH.
 *
 * EXEC looks before it changes anything: what all queued commands need of
 * their keys is asked for at once and pinned, room is made for all that they
 * may add, and only then they run, in one step of the loop, so that nobody
 * sees a part of it. Since a cut is closed between two steps, they are also one
 * unit on disk.
 *
 * Which database a queued command will find is known in advance: SELECT and
 * SWAPDB are followed while the wants are gathered. A database that is emptied
 * on the way has a new namespace, of which nothing can be on disk (db.h), so
 * its keys need no loading.
 *
 * Later commands may add more than could be told before earlier ones had run
 * (COPY of a key that was just set): they are asked again when it is their
 * turn, and get OOM alone if there is no room then. */
#include "cmd/handlers.h"

#include "base/assert.h"
#include "base/num.h"
#include "cmd/block.h"
#include "cmd/cmdstats.h"
#include "cmd/multi_queue.h"
#include "cmd/scripts.h"
#include "cmd/wants.h"

/* --- small ones ---------------------------------------------------------- */

enum call_result cmd_multi(struct call *call)
{
    if (call->session->multi != NULL) {
        reply_error(call->reply, "ERR MULTI calls can not be nested");
        return CALL_DONE;
    }
    call->session->multi = multi_new(call->session);
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_discard(struct call *call)
{
    if (call->session->multi == NULL) {
        reply_error(call->reply, "ERR DISCARD without MULTI");
        return CALL_DONE;
    }
    multi_discard(call->session);
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_watch(struct call *call)
{
    if (call->session->multi != NULL) {
        reply_error(call->reply, "ERR WATCH inside MULTI is not allowed");
        return CALL_DONE;
    }
    for (size_t i = 1; i < call->argc; i++) {
        struct db_key key = call_key(call, i);
        watch_add(call->session, &key);
    }
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_unwatch(struct call *call)
{
    watch_clear(call->session);
    reply_ok(call->reply);
    return CALL_DONE;
}

/* --- what the queue will need -------------------------------------------- */

/* The databases as the next queued command will find them. */
struct outlook {
    struct db_space **view; /* by index */
    unsigned          db;   /* SELECTed */
};

static void outlook_init(struct outlook *out, const struct call *call)
{
    unsigned count = (unsigned)call->server->config->databases;
    out->view = mem_alloc(count * sizeof(*out->view));
    for (unsigned i = 0; i < count; i++)
        out->view[i] = db_space(call->db, i);
    out->db = call->session->db;
}

static bool database_of(const struct call *call, slice arg, unsigned *out)
{
    int64_t index;
    if (!num_parse_int64(arg, &index) || index < 0 ||
        index >= call->server->config->databases)
        return false;
    *out = (unsigned)index;
    return true;
}

/* What the command changes for those behind it; an argument that is wrong
 * changes nothing when it runs either. */
static void outlook_follow(struct outlook *out, const struct call *sub)
{
    unsigned a, b;
    if (sub->command->handler == cmd_select) {
        if (database_of(sub, sub->argv[1], &a))
            out->db = a;
    } else if (sub->command->handler == cmd_swapdb) {
        if (database_of(sub, sub->argv[1], &a) &&
            database_of(sub, sub->argv[2], &b)) {
            struct db_space *space = out->view[a];
            out->view[a] = out->view[b];
            out->view[b] = space;
        }
    }
}

/* The queued command as a call within the outlook. */
static void sub_begin(struct call *sub, const struct call *exec,
                      const struct queued *queued, const struct outlook *out)
{
    call_begin(sub, exec->server, exec->session, queued->command, queued->argv,
               queued->argc);
    if (out == NULL)
        return;
    sub->view = out->view;
    sub->space = out->view[out->db];
    sub->key.space = sub->space;
}

/* Calls visit for each queued command, within its outlook. */
static void each_queued(struct call *exec, void *arg,
                        void (*visit)(void *arg, struct call *sub,
                                      struct queued *queued))
{
    struct outlook out;
    outlook_init(&out, exec);
    LIST_EACH (link, &exec->session->multi->commands) {
        struct queued *queued = CONTAINER_OF(link, struct queued, link);
        struct call    sub;
        sub_begin(&sub, exec, queued, &out);
        visit(arg, &sub, queued);
        outlook_follow(&out, &sub);
    }
    mem_free(out.view);
}

struct needs {
    struct db_want *wants;
    size_t          count, most;
    size_t          growth;
    bool            writes, grows, counts;
    struct db_want *blocked; /* and what blocked clients need */
    size_t          for_blocked;
};

static void need_look(void *arg, struct call *sub, struct queued *queued)
{
    struct needs *needs = arg;
    (void)queued;
    needs->most += call_wants_max(sub);
    needs->writes |= (sub->command->flags & CMD_WRITE) != 0;
    needs->counts |= (sub->command->flags & CMD_COUNTS_KEYS) != 0;
}

/* A transaction of many commands asks for blocked clients no more than that. */
#define FOR_BLOCKED_MAX 1024

static void need_for_blocked(struct needs *needs, struct call *sub,
                             struct db_want *own, size_t own_count)
{
    struct db_want few[BLOCK_WANTS_MAX], *more = few;
    size_t         most = block_wants_max(sub);
    if (most == 0 || needs->for_blocked > FOR_BLOCKED_MAX)
        return;
    if (most > BLOCK_WANTS_MAX)
        more = mem_alloc(most * sizeof(*more));
    size_t count = block_wants(sub, own, own_count, more);
    if (count > 0) {
        needs->blocked =
            mem_realloc(needs->blocked, (needs->for_blocked + count) *
                                            sizeof(*needs->blocked));
        memcpy(needs->blocked + needs->for_blocked, more,
               count * sizeof(*more));
        needs->for_blocked += count;
    }
    if (more != few)
        mem_free(more);
}

static void need_keys(void *arg, struct call *sub, struct queued *queued)
{
    struct needs *needs = arg;
    (void)queued;
    struct db_want *wants = needs->wants + needs->count;
    size_t          count = call_wants(sub, wants);
    /* What is written blindly is counted later: too late for DBSIZE. */
    for (size_t i = 0; i < count && needs->counts; i++)
        if (wants[i].need == DB_NEED_NONE)
            wants[i].need = DB_NEED_HEADER;
    needs->count += count;
    need_for_blocked(needs, sub, wants, count);
}

static void need_room(void *arg, struct call *sub, struct queued *queued)
{
    struct needs *needs = arg;
    if (!call_grows(sub))
        return;
    queued->growth = call_growth(sub);
    needs->growth += queued->growth;
    needs->grows = true;
}

static enum db_verdict acquire_these(struct call *call, struct needs *needs)
{
    needs->count = needs->for_blocked = 0;
    each_queued(call, needs, need_keys);
    size_t all = needs->count + needs->for_blocked;
    if (needs->for_blocked > 0) {
        needs->wants = mem_realloc(needs->wants, all * sizeof(*needs->wants));
        memcpy(needs->wants + needs->count, needs->blocked,
               needs->for_blocked * sizeof(*needs->blocked));
    }
    return db_acquire_pinned(call->db, &call->session->wait, needs->wants, all);
}

static enum db_verdict acquire_all(struct call *call, struct needs *needs)
{
    needs->wants = mem_alloc((needs->most + 1) * sizeof(*needs->wants));
    enum db_verdict verdict = acquire_these(call, needs);
    if (verdict == DB_FAILED && needs->for_blocked > 0) {
        block_wants_nothing(call);
        verdict = acquire_these(call, needs);
    }
    mem_free(needs->wants);
    mem_free(needs->blocked);
    return verdict;
}

/* Nothing will run: no need to prepare anything. */
static bool is_void(const struct session *session)
{
    return session->multi == NULL || session->multi->aborted ||
           watch_is_broken(session);
}

enum db_verdict exec_prepare(struct call *call)
{
    struct needs    needs = { .count = 0 };
    struct db_wait *wait = &call->session->wait;
    if (is_void(call->session))
        return DB_READY;
    each_queued(call, &needs, need_look);
    enum db_verdict verdict = acquire_all(call, &needs);
    if (verdict != DB_READY)
        return verdict;
    each_queued(call, &needs, need_room);
    if (needs.writes)
        verdict = db_admit_write(call->db, wait, needs.growth, needs.grows);
    if (verdict == DB_READY && needs.counts)
        verdict = db_wait_settled(call->db, wait);
    return verdict;
}

static void add_reply_bytes(void *arg, struct call *sub, struct queued *queued)
{
    size_t *bytes = arg;
    (void)queued;
    *bytes += sub->command->reply_of != NULL ? sub->command->reply_of(sub)
                                             : call_large_reply(sub);
}

size_t exec_reply_bytes(struct call *call)
{
    size_t bytes = 0;
    if (!is_void(call->session))
        each_queued(call, &bytes, add_reply_bytes);
    return bytes;
}

/* --- EXEC ---------------------------------------------------------------- */

/* Did the commands before it leave room for this one? */
static bool may_run(struct call *sub, const struct queued *queued)
{
    bool reads = (sub->command->flags & CMD_READONLY) != 0 ||
                 (sub->command->reply_of != NULL &&
                  sub->command->reply_of(sub) > 0);
    if (reads && reply_bytes(sub->reply) > call_reply_limit(sub))
        return false;
    if (sub->command->grow_of == NULL)
        return true;
    size_t growth = call_growth(sub);
    return growth <= queued->growth ||
           db_has_room(sub->db, &sub->session->wait, growth - queued->growth);
}

static enum call_result run_all(struct call *call)
{
    struct multi *multi = call->session->multi;
    reply_array(call->reply, multi->count);
    LIST_EACH (link, &multi->commands) {
        struct queued *queued = CONTAINER_OF(link, struct queued, link);
        struct call    sub;
        sub_begin(&sub, call, queued, NULL);
        sub.reply = call->reply;
        if (!may_run(&sub, queued)) {
            size_t reply_begin = call->reply->len;
            call_error(&sub, ERR_OOM);
            note_rejected(sub.server, sub.command, sub.reply, reply_begin);
            continue;
        }
        enum call_result result = call_run(&sub);
        /* Whoever waits in its handler is refused in MULTI (CMD_NO_MULTI). */
        ASSERT(result != CALL_PARKED);
    }
    return CALL_DONE;
}

/* CALL_PARKED: a script stands in the middle of it. */
static enum call_result run_queue(struct call *call)
{
    if (call->session->multi->flags & CMD_RUNS_SCRIPT)
        return scripts_run(call, run_all);
    return run_all(call);
}

enum call_result cmd_exec(struct call *call)
{
    struct session *session = call->session;
    if (session->multi == NULL) {
        reply_error(call->reply, "ERR EXEC without MULTI");
        return CALL_DONE;
    }
    if (scripts_is_under_way(session)) {
        (void)run_queue(call);
    } else if (session->multi->aborted) {
        reply_error(call->reply, "EXECABORT Transaction discarded because of "
                                 "previous errors.");
    } else if (watch_is_broken(session)) {
        reply_null_array(call->reply);
    } else {
        watch_clear(session); /* its own writes touch nobody */
        if (run_queue(call) == CALL_PARKED)
            return CALL_PARKED;
    }
    multi_discard(session);
    return CALL_DONE;
}

/* The command that the error will name as the reason: writes have errors of
 * their own. */
static const struct command *first_write(const struct multi *multi)
{
    LIST_EACH (link, &multi->commands) {
        struct queued *queued = CONTAINER_OF(link, struct queued, link);
        if (queued->command->flags & CMD_WRITE)
            return queued->command;
    }
    return NULL;
}

void exec_failed(struct call *call, err_t err)
{
    struct call  why = *call;
    struct reply text;
    const struct command *write = first_write(call->session->multi);
    if (write != NULL)
        why.command = write;
    reply_init(&text);
    why.reply = &text;
    call_error(&why, err); /* "-CODE text\r\n" */
    reply_errorf(call->reply,
                 "EXECABORT Transaction discarded because of: %.*s",
                 (int)text.len - 3, text.data + 1);
    reply_deinit(&text);
    multi_discard(call->session);
}
