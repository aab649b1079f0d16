/* load_conn.h - one connection: keeps the pipeline full, checks the replies.
 *
 * Ownership  made and freed by its worker; free only after its handle's close
 *            callback, that is after the worker's loop has run out.
 * Threads    the worker's only. */
#ifndef TOOL_LOAD_CONN_H
#define TOOL_LOAD_CONN_H

#include <uv.h>

#include "base/list.h"
#include "tool/load_reply.h"
#include "tool/load_request.h"

struct load_worker;

enum load_conn_state { CONN_OPENING, CONN_GREETING, CONN_RUNNING, CONN_CLOSED };

/* A request on its way. */
struct load_flight {
    struct load_op op;
    uint64_t       start_ns;
};

/* What is known of the reply being read. */
struct load_check {
    bool              in_array;
    bool              is_error; /* the whole reply is one */
    bool              is_odd;   /* of a type that does not fit the request */
    bool              in_bulk;
    bool              matches; /* the bulk, as far as it was read */
    uint32_t          element; /* index of the value being read */
    struct load_value value;   /* what it should be */
};

struct load_conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t    tcp;
        uv_pipe_t   pipe;
    } uv;
    uv_connect_t connect;
    uv_write_t   write;

    struct load_worker  *worker; /* borrowed */
    enum load_conn_state state;
    unsigned             greetings_left; /* replies to AUTH and PING */
    struct link          waiting;        /* on worker->waiting, for --rate */

    struct load_request request;   /* the one being written */
    char               *unsent;    /* owned; what the socket did not take */
    bool                is_full;   /* unsent is being written by libuv */
    struct load_flight *flights;   /* owned ring of --pipeline places */
    size_t              head;      /* the oldest */
    size_t              in_flight; /* places in use */

    struct load_reply reply;
    struct load_check check;
    double            read_credit; /* bytes it may read now (--read-rate) */
    bool              is_reading;
};

struct load_conn *load_conn_new(struct load_worker *worker);
void              load_conn_free(struct load_conn *conn); /* NULL is fine */
void              load_conn_open(struct load_conn *conn);
void              load_conn_close(struct load_conn *conn); /* again is fine */
/* Sends what the pipeline, the rate and the socket allow. */
void load_conn_pump(struct load_conn *conn);
/* Lets a slow reader read `bytes` more, but never save up above `most`. */
void load_conn_credit(struct load_conn *conn, double bytes, double most);

#endif
