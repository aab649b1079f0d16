/* cmd_sort.c - SORT and SORT_RO.
 *
 * The work is done by sort.c, while the command is prepared, for that is when
 * it may be parked. The handler answers or stores what has come out. In EXEC
 * and scripts nobody prepared it: there it does all of it, and the loop stands
 * still for what is only on disk, as for other keys that a script has not
 * declared. */
#include "base/assert.h"
#include "cmd/cmd_list.h"
#include "cmd/handlers.h"
#include "cmd/sort.h"
#include "cmd/wants.h"

/* --- before the handler --------------------------------------------------- */

static bool may_store(const struct call *call)
{
    return (call->command->flags & CMD_WRITE) != 0;
}

/* What readers found or not, as far as call_run does not count it. */
static void count_lookups(struct call *call, const struct db_lookups *before)
{
    struct server_stats     *stats = &call->server->stats;
    const struct db_lookups *now = call->server->lookups;
    stats->keyspace_hits += now->found - before->found;
    stats->keyspace_misses += now->missing - before->missing;
}

/* What is wrong with the arguments the handler will answer. What is looked at
 * here, and missing, is told of as if by the handler (notify.c). */
enum db_verdict sort_prepare(struct call *call)
{
    struct session   *session = call->session;
    struct sort_plan  plan;
    struct db_lookups before = *call->server->lookups;
    if (may_store(call) && db_is_failing(call->db)) {
        session->wait.err = ERR_IO;
        return DB_FAILED;
    }
    if (sort_plan_init(&plan, call->argv, call->argc, may_store(call)) != NULL)
        return DB_READY;
    if (session->sort == NULL)
        session->sort = sort_new(call);
    struct sort_run run = { .call = call,
                            .sort = session->sort,
                            .plan = &plan,
                            .wait = &session->wait };
    const struct call *outer = call->server->running;
    call->server->running = call;
    enum db_verdict verdict = sort_go_on(&run);
    call->server->running = outer;
    sort_plan_deinit(&plan);
    count_lookups(call, &before);
    return verdict;
}

/* --- columns of the table ------------------------------------------------- */

enum db_need need_sort(const struct call *call, size_t key_index)
{
    (void)call;
    return key_index == 0 ? DB_NEED_VALUE : DB_NEED_HEADER;
}

/* What stands around a text. */
#define REPLY_OVERHEAD 16

static size_t answer_bytes(const struct sort *sort)
{
    return sort->result_bytes + (size_t)sort->result_count * REPLY_OVERHEAD;
}

/* In EXEC and scripts nothing is known yet; what is too much is refused by the
 * handler. */
size_t sort_reply_bytes(struct call *call)
{
    const struct sort *sort = call->session->sort;
    bool is_stored = sort_store_position(call->argv, call->argc) != 0;
    if (may_store(call) && is_stored)
        return 0;
    return sort != NULL ? answer_bytes(sort) : 1;
}

/* --- the answer ----------------------------------------------------------- */

static size_t texts_of(const struct sort_plan *plan)
{
    return plan->get_count > 0 ? plan->get_count : 1;
}

static void reply_result(struct call *call, struct sort *sort,
                         const struct sort_plan *plan)
{
    slice text;
    reply_array(call->reply, (size_t)sort->result_count);
    for (uint64_t i = 0; sort->result_count > 0 && i < sort->window.count;
         i++) {
        for (size_t get = 0; get < texts_of(plan); get++)
            if (sort_result(sort, plan, i, get, &text))
                reply_bulk(call->reply, text);
            else
                reply_null(call->reply);
        sort_result_drop(sort, plan, i);
    }
}

static void push_result(struct object *list, struct sort *sort,
                        const struct sort_plan *plan)
{
    slice text;
    for (uint64_t i = 0; i < sort->window.count; i++) {
        for (size_t get = 0; get < texts_of(plan); get++) {
            (void)sort_result(sort, plan, i, get, &text); /* or "" */
            list_will_grow(list, text.len, &call_list_limits);
            list_push(list, LIST_TAIL, text);
        }
        sort_result_drop(sort, plan, i);
    }
}

static void store(struct call *call, struct sort *sort,
                  const struct sort_plan *plan)
{
    struct db_key key =
        db_key_make(call->db, call->space, call->argv[plan->store_at]);
    uint64_t count = sort->result_count;
    if (count > 0) {
        struct object *list = db_object_new(call->db, OBJ_LIST);
        push_result(list, sort, plan);
        db_put_object(call->db, &key, list, "sortstore");
    } else if (db_peek(call->db, &key) != NULL) { /* nobody looked for it */
        (void)db_delete(call->db, &key, "del");
    }
    reply_int(call->reply, (int64_t)count);
}

static void answer(struct call *call, struct sort *sort,
                   const struct sort_plan *plan)
{
    if (sort->error != NULL)
        reply_error(call->reply, sort->error);
    else if (plan->store_at != 0)
        store(call, sort, plan);
    else
        reply_result(call, sort, plan);
}

/* --- the handler ---------------------------------------------------------- */

/* Within EXEC or a script. */
static void sort_now(struct call *call, const struct sort_plan *plan)
{
    struct db_wait    wait;
    struct db_lookups before = *call->server->lookups;
    struct sort      *sort = sort_new(call);
    struct sort_run   run = {
          .call = call, .sort = sort, .plan = plan, .wait = &wait, .now = true
    };
    db_wait_init(&wait);
    enum db_verdict verdict = sort_go_on(&run);
    ASSERT(verdict != DB_PARKED);
    if (may_store(call)) /* call_run does it for SORT_RO */
        count_lookups(call, &before);
    bool is_too_large = verdict == DB_READY && plan->store_at == 0 &&
                        answer_bytes(sort) > call_reply_limit(call);
    if (verdict == DB_FAILED || is_too_large)
        call_error(call, is_too_large ? ERR_OOM : wait.err);
    else
        answer(call, sort, plan);
    sort_free(sort);
    db_release(call->db, &wait);
}

enum call_result cmd_sort(struct call *call)
{
    struct sort_plan plan;
    const char      *error =
        sort_plan_init(&plan, call->argv, call->argc, may_store(call));
    if (error != NULL) {
        reply_error(call->reply, error);
        return CALL_DONE;
    }
    if (call->session->sort != NULL)
        answer(call, call->session->sort, &plan);
    else
        sort_now(call, &plan);
    sort_plan_deinit(&plan);
    return CALL_DONE;
}
