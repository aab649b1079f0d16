/* scripts.c - commands that may stop in the middle.
 *
 * What may run a script (EVAL, an EXEC with EVAL in it) runs on a fiber. Lua
 * could stop a script itself (lua_yield), but not inside of pcall, sort or
 * gsub, and not EXEC around it; with a stack of its own everything just stops
 * where it is. It stops only at a tick of the script, so never inside of a
 * command: entries, accounts and lists are as they are between two commands.
 *
 * The job holds the answer until its client collects it: that client's command
 * is dispatched again, as a parked one is (scripts_run). A client that has gone
 * meanwhile stays as a session (session_may_end) until the script has ended. */
#include "cmd/scripts.h"

#include "base/assert.h"
#include "base/fiber.h"

/* How long a script that is slow runs in one turn of the loop. */
#define SLICE_NS UINT64_C(5000000)
/* The stack is given back after this many jobs; touched pages stay so long. */
#define JOBS_A_TRIM 256

struct script_job {
    struct server     *server;
    struct session    *session; /* NULL: nobody waits for the answer */
    command_handler   *body;
    struct call        call;    /* a copy; reply is ours */
    struct reply       reply;
    enum call_result   result;
    uint64_t           begun;   /* ticks: the command, and this slice */
    uint64_t           slice_begun;
    bool               is_slow; /* it has stopped once */
    bool               ended;
    const struct call *running; /* server->running, while it stands */
};

/* --- life ---------------------------------------------------------------- */

void scripts_init(struct server *server)
{
    server->scripts = mem_calloc(1, sizeof(*server->scripts));
}

static void job_free(struct script_job *job)
{
    reply_deinit(&job->reply);
    mem_free(job);
}

/* A job that stands is dropped: its frames own nothing but what the engine
 * owns. */
void scripts_deinit(struct server *server)
{
    struct scripts *scripts = server->scripts;
    if (scripts->job != NULL) {
        ASSERT(scripts->job->session == NULL);
        job_free(scripts->job);
    }
    script_engine_free(scripts->engine);
    fiber_free(scripts->fiber);
    mem_free(scripts);
}

static void set_limits(struct server *server)
{
    size_t limit = server_limit_bytes(server);
    script_set_limits(server->scripts->engine, limit / 4, limit / 16);
}

struct script_engine *scripts_engine(struct server *server)
{
    struct scripts *scripts = server->scripts;
    if (scripts->engine == NULL) {
        const struct script_options options = {
            .mem = &server->mem,
            .log = server->log,
            .redis_version = REDIS_VERSION,
            .host = { .call = script_host_call,
                      .acl_check = script_host_acl,
                      .on_tick = script_host_tick,
                      .on_error = script_host_error,
                      .has_room = script_host_room,
                      .room_arg = server },
        };
        scripts->engine = script_engine_new(&options);
        scripts->fiber = fiber_new(SCRIPTS_STACK_BYTES);
    }
    set_limits(server); /* cache-max-memory may have changed */
    return scripts->engine;
}

void scripts_figures(const struct server *server, struct script_figures *out)
{
    *out = (struct script_figures){ 0 };
    if (server->scripts->engine != NULL)
        script_figures(server->scripts->engine, out);
}

/* --- running ------------------------------------------------------------- */

static struct script_job *job_new(struct call *call, command_handler *body)
{
    struct server     *server = call->server;
    struct script_job *job = mem_calloc(1, sizeof(*job));
    job->server = server;
    job->session = call->session;
    job->body = body;
    job->call = *call;
    job->begun = job->slice_begun = server->tick;
    reply_init(&job->reply);
    job->reply.version = call->reply->version;
    job->reply.muted = call->reply->muted;
    job->call.reply = &job->reply;
    return job;
}

static void work(void *arg)
{
    struct script_job *job = arg;
    job->result = job->body(&job->call);
    ASSERT(job->result != CALL_PARKED);
    job->ended = true;
}

static void stands(struct script_job *job)
{
    struct server *server = job->server;
    job->running = server->running;
    server->running = NULL;
    if (job->is_slow)
        return;
    job->is_slow = true;
    server->scripts->slow++;
    db_freeze(server->db, true);
}

static void ended(struct script_job *job)
{
    struct scripts *scripts = job->server->scripts;
    scripts->job = NULL;
    if (job->is_slow)
        db_freeze(job->server->db, false);
    if (job->is_slow || ++scripts->jobs % JOBS_A_TRIM == 0)
        fiber_trim(scripts->fiber);
}

/* What it answered goes to the client. */
static enum call_result collect(struct script_job *job, struct call *call)
{
    enum call_result result = job->result;
    if (!call->reply->muted)
        reply_append(call->reply, &job->reply);
    memcpy(call->reply->muted_error, job->reply.muted_error,
           sizeof(job->reply.muted_error));
    call->noted = job->call.noted;
    call->session->script = NULL;
    job_free(job);
    return result;
}

enum call_result scripts_run(struct call *call, command_handler *body)
{
    struct server     *server = call->server;
    struct scripts    *scripts = server->scripts;
    struct script_job *job = call->session->script;
    if (scripts->job != NULL && fiber_is_inside(scripts->fiber))
        return body(call); /* EVAL within EXEC */
    if (job != NULL) {
        ASSERT(job->ended);
        return collect(job, call);
    }
    (void)scripts_engine(server);
    ASSERT(scripts->job == NULL);
    job = scripts->job = call->session->script = job_new(call, body);
    server->running = &job->call; /* the caller's call goes when it stands */
    if (fiber_start(scripts->fiber, work, job)) {
        ended(job);
        return collect(job, call);
    }
    stands(job);
    return CALL_PARKED;
}

/* --- stopping and going on ----------------------------------------------- */

bool scripts_is_under_way(const struct session *session)
{
    return session->script != NULL;
}

uint64_t scripts_begun(const struct session *session)
{
    return session->script->begun;
}

bool scripts_is_busy(const struct server *server)
{
    return server->scripts->job != NULL;
}

static bool is_time(const struct script_job *job)
{
    const struct server *server = job->server;
    uint64_t             threshold_ms = server->config->busy_reply_threshold;
    uint64_t ns = ticks_ns(&server->ticks, job->slice_begun,
                           ticks_now(&server->ticks));
    if (threshold_ms == 0)
        return false;
    return job->is_slow ? ns >= SLICE_NS : ns / 1000000 >= threshold_ms;
}

void scripts_maybe_stop(struct server *server)
{
    struct script_job *job = server->scripts->job;
    if (!is_time(job))
        return;
    if (!job->is_slow)
        log_write(server->log, LOG_WARNING,
                  "Slow script detected: still in execution after %llu "
                  "milliseconds. You can try killing the script using the "
                  "SCRIPT KILL command. Script name is: %s.",
                  (unsigned long long)server->config->busy_reply_threshold,
                  server->scripts->call->sha);
    fiber_yield(server->scripts->fiber);
    job->slice_begun = ticks_now(&server->ticks);
}

bool server_scripts_turn(struct server *server)
{
    struct script_job *job = server->scripts->job;
    if (job == NULL)
        return false;
    server->running = job->running;
    bool is_over = fiber_resume(server->scripts->fiber);
    if (!is_over) {
        stands(job);
        return true;
    }
    server->running = NULL;
    ended(job);
    struct session *session = job->session;
    server->hooks.resume(server->hooks.arg, session);
    return true;
}

void server_scripts_abandon(struct server *server)
{
    struct script_job *job = server->scripts->job;
    if (job == NULL)
        return;
    struct session *session = job->session;
    session->script = NULL;
    job->session = NULL;
    server->scripts->call = NULL;
    db_freeze(server->db, false);
    server->hooks.let_go(server->hooks.arg, session);
}

void session_script_drop(struct session *session)
{
    struct script_job *job = session->script;
    ASSERT(job == NULL || job->ended);
    if (job != NULL)
        job_free(job);
    session->script = NULL;
}

bool session_may_end(const struct session *session)
{
    return session->script == NULL || session->script->ended;
}

void server_scripts_stop(struct server *server)
{
    (void)scripts_kill(server);
}

enum scripts_kill scripts_kill(struct server *server)
{
    struct script_call *call = server->scripts->call;
    if (server->scripts->job == NULL || call == NULL)
        return SCRIPTS_NOT_BUSY;
    if (call->wrote)
        return SCRIPTS_HAS_WRITTEN;
    call->killed = true;
    return SCRIPTS_KILLED;
}

/* --- errors -------------------------------------------------------------- */

#define BUSY_TEXT                                                              \
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or "   \
    "SHUTDOWN NOSAVE."

void scripts_busy_error(struct reply *reply)
{
    reply_error(reply, BUSY_TEXT);
}

void scripts_exec_busy_error(struct reply *reply)
{
    reply_error(reply,
                "EXECABORT Transaction discarded because of: " BUSY_TEXT);
}
