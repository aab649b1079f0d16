/* load_conn.c - the connection.
 *
 * Out: requests are written into the worker's one 64 KB buffer and handed to
 * the socket at once (uv_try_write), so that sixteen replies read together
 * lead to sixteen requests in one write. What the socket does not take is
 * copied aside and nothing more is generated until it is gone: a connection
 * never holds more than 64 KB, however large the values.
 *
 * In: replies are read into the worker's other buffer and checked where they
 * lie. Nothing of a reply is kept but the state of the parser and of the
 * comparison.
 *
 * Replies come in the order of the requests, so a ring of what is in flight
 * tells which request a reply belongs to. */
#include "tool/load_conn.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "tool/load_worker.h"

/* Small enough that a slow reader's silence reaches the server soon. */
#define SLOW_RECEIVE_BYTES (16 << 10)

_Static_assert(LOAD_IO_BYTES > LOAD_PART_MAX, "the writer must make progress");

struct load_conn *load_conn_new(struct load_worker *worker)
{
    struct load_conn *conn = mem_calloc(1, sizeof(*conn));

    conn->worker = worker;
    conn->state = CONN_CLOSED;
    conn->request.part = PART_NONE;
    conn->flights =
        mem_calloc(worker->job->options->pipeline, sizeof(*conn->flights));
    link_init(&conn->waiting);
    load_reply_init(&conn->reply);
    return conn;
}

void load_conn_free(struct load_conn *conn)
{
    if (conn == NULL)
        return;
    ASSERT(conn->state == CONN_CLOSED);
    ASSERT(conn->unsent == NULL);
    mem_free(conn->flights);
    mem_free(conn);
}

void load_conn_close(struct load_conn *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    conn->state = CONN_CLOSED;
    link_remove(&conn->waiting);
    uv_close(&conn->uv.handle, NULL);
}

static void conn_lost(struct load_conn *conn, const char *text)
{
    struct load_worker *worker = conn->worker;

    if (conn->state == CONN_CLOSED)
        return;
    worker->in_flight -= conn->in_flight;
    worker->stats.unanswered += conn->in_flight;
    conn->in_flight = 0;
    load_conn_close(conn);
    load_worker_lost(worker, text);
}

static void conn_refused(struct load_conn *conn, slice said)
{
    char text[160];

    snprintf(text, sizeof(text), "the server says: %.*s",
             said.len < 120 ? (int)said.len : 120, said.data);
    conn_lost(conn, text);
}

/* Out ------------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
{
    struct load_conn *conn = write->data;

    mem_free(conn->unsent);
    conn->unsent = NULL;
    conn->is_full = false;
    if (status < 0)
        conn_lost(conn, uv_strerror(status));
    else
        load_conn_pump(conn);
}

/* Fills the worker's buffer; 0 when there is nothing to send. */
static size_t conn_fill(struct load_conn *conn)
{
    struct load_worker    *worker = conn->worker;
    const struct load_job *job = worker->job;
    size_t                 pipeline = job->options->pipeline;
    uint64_t               now_ns = uv_hrtime();
    size_t                 len = 0;

    for (;;) {
        if (load_request_open(&conn->request))
            len += load_request_write(&conn->request, &job->space, &job->format,
                                      worker->write_bytes + len,
                                      LOAD_IO_BYTES - len);
        if (load_request_open(&conn->request) || conn->in_flight == pipeline)
            return len;

        size_t              place = conn->head + conn->in_flight;
        struct load_flight *flight =
            &conn->flights[place < pipeline ? place : place - pipeline];
        if (!load_worker_next(worker, conn, now_ns, flight))
            return len;
        conn->in_flight++;
        worker->in_flight++;
        load_request_begin(&conn->request, &flight->op);
    }
}

/* False when the socket is full or the connection lost. */
static bool conn_send(struct load_conn *conn, char *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init(bytes, (unsigned)len);
    int      sent = uv_try_write(&conn->uv.stream, &buf, 1);

    conn->worker->stats.bytes_sent += len;
    if (sent == UV_EAGAIN)
        sent = 0;
    if (sent < 0) {
        conn_lost(conn, uv_strerror(sent));
        return false;
    }
    if ((size_t)sent == len)
        return true;

    size_t left = len - (size_t)sent;
    conn->unsent = mem_alloc(left);
    memcpy(conn->unsent, bytes + sent, left);
    buf = uv_buf_init(conn->unsent, (unsigned)left);
    conn->is_full = true;
    conn->write.data = conn;
    int status = uv_write(&conn->write, &conn->uv.stream, &buf, 1, on_written);
    if (status < 0)
        on_written(&conn->write, status);
    return false;
}

void load_conn_pump(struct load_conn *conn)
{
    if (conn->state != CONN_RUNNING || conn->is_full)
        return;
    if (!conn->worker->has_started)
        return; /* greeted, while others are still connecting */
    for (;;) {
        size_t len = conn_fill(conn);
        if (len == 0 || !conn_send(conn, conn->worker->write_bytes, len))
            return;
    }
}

/* In -------------------------------------------------------------------- */

static void value_begin(struct load_conn *conn, const struct load_op *op)
{
    const struct load_job     *job = conn->worker->job;
    const struct load_options *o = job->options;
    struct load_check         *check = &conn->check;

    check->in_bulk = true;
    check->matches = true;
    if (o->verify) {
        uint64_t key = load_space_key(&job->space, op, check->element);
        check->value = load_value_of(&o->sizes, o->value_seed, key);
    }
}

static void value_take(struct load_conn *conn, const struct load_op *op,
                       const struct load_token *token)
{
    struct load_check *check = &conn->check;
    bool               verify = conn->worker->job->options->verify;

    if (!check->in_bulk)
        value_begin(conn, op);
    if (verify && check->matches)
        check->matches =
            token->total == check->value.len &&
            load_value_match(&check->value, token->offset, token->text);
    if (!token->complete)
        return;
    check->in_bulk = false;
    check->element++;
    conn->worker->stats.reads++;
    if (!check->matches)
        conn->worker->stats.wrong++;
}

/* A value that was refused; all values when the whole MGET was. */
static void take_error(struct load_conn *conn, const struct load_op *op,
                       slice text)
{
    struct load_stats *stats = &conn->worker->stats;

    load_stats_error(stats, text);
    if (conn->check.in_array) {
        conn->check.element++;
        stats->unread++;
    } else {
        conn->check.is_error = true;
        if (op->kind != LOAD_SET)
            stats->unread += op->count;
    }
}

/* A GET's reply is one value, an MGET's an array of them. */
static void take_read(struct load_conn *conn, const struct load_op *op,
                      const struct load_token *token)
{
    struct load_check *check = &conn->check;
    bool               at_value = op->kind == LOAD_GET || check->in_array;

    if (token->kind == LOAD_ARRAY && !at_value && token->total == op->count) {
        check->in_array = true;
    } else if (token->kind == LOAD_BYTES && at_value) {
        value_take(conn, op, token);
    } else if (token->kind == LOAD_NIL && at_value) {
        check->element++;
        conn->worker->stats.reads++;
        conn->worker->stats.missing++;
    } else {
        check->is_odd = true;
    }
}

static void reply_end(struct load_conn *conn, uint64_t now_ns)
{
    struct load_worker *worker = conn->worker;
    struct load_stats  *stats = &worker->stats;
    struct load_flight *flight = &conn->flights[conn->head];
    uint64_t            took_ns = now_ns - flight->start_ns;

    stats->requests++;
    if (conn->check.is_odd)
        stats->unexpected++;
    else if (conn->check.is_error)
        ; /* a refusal says nothing of how long the work takes */
    else if (flight->op.kind == LOAD_SET)
        load_hist_add(&stats->write_ns, took_ns);
    else
        load_hist_add(&stats->read_ns, took_ns);

    memset(&conn->check, 0, sizeof(conn->check));
    if (++conn->head == worker->job->options->pipeline)
        conn->head = 0;
    conn->in_flight--;
    worker->in_flight--;
}

static void conn_take(struct load_conn *conn, const struct load_token *token,
                      uint64_t now_ns)
{
    const struct load_op *op = &conn->flights[conn->head].op;

    if (conn->in_flight == 0) {
        if (token->kind == LOAD_ERROR)
            conn_refused(conn, token->text);
        else
            conn_lost(conn, "a reply came that nothing had asked for");
        return;
    }
    if (conn->check.is_odd)
        ; /* no more than waiting for its end */
    else if (token->kind == LOAD_ERROR)
        take_error(conn, op, token->text);
    else if (op->kind != LOAD_SET)
        take_read(conn, op, token);
    else if (token->kind == LOAD_STATUS)
        conn->worker->stats.writes++;
    else
        conn->check.is_odd = true;
    if (token->last)
        reply_end(conn, now_ns);
}

/* Errors that a later request may not meet; others mean that this server
 * doesn't want us (NOAUTH, WRONGPASS, DENIED, too many clients). */
static bool is_passing(slice error)
{
    static const char *const words[] = { "MISCONF", "LOADING", "BUSY", "OOM" };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (error.len >= strlen(words[i]) &&
            memcmp(error.data, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static void conn_greeted(struct load_conn *conn, const struct load_token *token)
{
    if (token->kind == LOAD_ERROR && !is_passing(token->text)) {
        conn_refused(conn, token->text);
    } else if (token->last && --conn->greetings_left == 0) {
        conn->state = CONN_RUNNING;
        load_worker_ready(conn->worker);
    }
}

static void conn_read(struct load_conn *conn, slice in)
{
    uint64_t now_ns = uv_hrtime();

    while (conn->state != CONN_CLOSED) {
        struct load_token token;
        load_reply_next(&conn->reply, &in, &token);
        if (token.kind == LOAD_MORE)
            return;
        if (token.kind == LOAD_BAD)
            conn_lost(conn, "the server's reply is not RESP");
        else if (conn->state == CONN_GREETING)
            conn_greeted(conn, &token);
        else
            conn_take(conn, &token, now_ns);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct load_conn *conn = handle->data;
    size_t            size = LOAD_IO_BYTES;

    (void)suggested;
    if (load_worker_is_slow(conn->worker) && conn->read_credit < (double)size)
        size = conn->read_credit < 1 ? 1 : (size_t)conn->read_credit;
    *buf = uv_buf_init(conn->worker->read_bytes, (unsigned)size);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct load_conn *conn = stream->data;

    if (len == 0)
        return;
    if (len < 0) {
        conn_lost(conn, len == UV_EOF ? "the server closed the connection"
                                      : uv_strerror((int)len));
        return;
    }
    conn->worker->stats.bytes_received += (uint64_t)len;
    conn_read(conn, slice_make(buf->base, (size_t)len));
    if (conn->state == CONN_CLOSED)
        return;
    conn->read_credit -= (double)len;
    if (load_worker_is_slow(conn->worker) && conn->read_credit < 1) {
        uv_read_stop(stream);
        conn->is_reading = false;
    }
    load_conn_pump(conn);
    load_worker_settle(conn->worker);
}

static void conn_listen(struct load_conn *conn)
{
    int status;

    if (conn->state == CONN_CLOSED || conn->is_reading)
        return;
    conn->is_reading = true;
    status = uv_read_start(&conn->uv.stream, on_alloc, on_read);
    if (status < 0)
        conn_lost(conn, uv_strerror(status));
}

void load_conn_credit(struct load_conn *conn, double bytes, double most)
{
    conn->read_credit += bytes;
    if (conn->read_credit > most)
        conn->read_credit = most;
    if (conn->read_credit >= 1)
        conn_listen(conn);
}

/* Opening --------------------------------------------------------------- */

static void on_greeting_written(uv_write_t *write, int status)
{
    struct load_conn *conn = write->data;

    if (status < 0)
        conn_lost(conn, uv_strerror(status));
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct load_conn *conn = connect->data;
    const struct buf *greeting = &conn->worker->job->greeting;
    uv_buf_t buf = uv_buf_init(greeting->data, (unsigned)greeting->len);

    if (conn->state == CONN_CLOSED)
        return;
    if (status >= 0) {
        conn->state = CONN_GREETING;
        conn->greetings_left = conn->worker->job->options->password ? 2 : 1;
        conn->write.data = conn;
        status = uv_write(&conn->write, &conn->uv.stream, &buf, 1,
                          on_greeting_written);
    }
    if (status < 0)
        conn_lost(conn, uv_strerror(status));
    else
        conn_listen(conn);
}

static int open_tcp(struct load_conn *conn)
{
    struct load_worker            *worker = conn->worker;
    const struct sockaddr_storage *to = &worker->job->address;
    int status = uv_tcp_init_ex(&worker->loop, &conn->uv.tcp, to->ss_family);
    int receive_bytes = SLOW_RECEIVE_BYTES;

    if (status < 0)
        return status;
    conn->state = CONN_OPENING;
    uv_tcp_nodelay(&conn->uv.tcp, 1);
    if (worker->job->options->read_rate != 0)
        uv_recv_buffer_size(&conn->uv.handle, &receive_bytes);
    return uv_tcp_connect(&conn->connect, &conn->uv.tcp,
                          (const struct sockaddr *)to, on_connected);
}

static int open_unix(struct load_conn *conn, const char *path)
{
    int status = uv_pipe_init(&conn->worker->loop, &conn->uv.pipe, 0);

    if (status < 0)
        return status;
    conn->state = CONN_OPENING;
    uv_pipe_connect(&conn->connect, &conn->uv.pipe, path, on_connected);
    return 0;
}

void load_conn_open(struct load_conn *conn)
{
    const char *path = conn->worker->job->options->unix_path;
    int         status;

    ASSERT(conn->state == CONN_CLOSED);
    conn->connect.data = conn;
    status = path ? open_unix(conn, path) : open_tcp(conn);
    conn->uv.handle.data = conn;
    if (status < 0 && conn->state == CONN_CLOSED)
        load_worker_lost(conn->worker, uv_strerror(status));
    else if (status < 0)
        conn_lost(conn, uv_strerror(status));
}
