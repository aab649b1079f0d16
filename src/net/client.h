/* client.h - one connection, inside net/. */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "base/list.h"
#include "net/net.h"
#include "resp/reply.h"
#include "resp/request.h"

/* Read at once, and the size of the shared read buffer. Small, because that
 * much may be kept by each client that has to wait. */
#define READ_BYTES ((size_t)16 * 1024)
#define READ_LEAST_BYTES ((size_t)512)
/* A large value that was let through the gate is read in larger pieces. */
#define READ_LARGE_BYTES ((size_t)256 * 1024)
/* Capacity that the shared reply buffer keeps. */
#define REPLY_KEEP_BYTES ((size_t)64 * 1024)
#define UNBLOCKED_KEEP_BYTES ((size_t)1024)
/* A client with more pending output than this is not executed further. */
#define OUTPUT_MARK ((size_t)64 * 1024)
/* A client that holds this much goes before a new one is turned away. */
#define LARGE_CLIENT_BYTES ((size_t)16 * 1024)
/* Input or output above this waits for its turn (gate.c). */
#define GATE_BYTES ((size_t)128 * 1024)
/* Commands looked ahead behind one that is parked. */
#define LOOK_AHEAD 256

/* Keys of the next commands, and their hashes (ahead.c). The pointers are good
 * while the input is executed that they point into: execute_all empties it. */
struct warm {
    struct db_warm items[DB_WARM_MAX];
    size_t         count, next;
    unsigned       in_vain, skip; /* how often lately; how often not to look */
};

struct net {
    uv_loop_t     *loop;
    struct server *server;
    struct link    clients;   /* client.link */
    size_t         client_count;
    char          *read_buf;  /* READ_BYTES, lent to whoever reads */
    struct reply   reply;     /* lent to whoever executes */
    slice         *argv;      /* likewise */
    size_t         argv_capacity;
    struct resp_parser ahead; /* for looking ahead */
    struct warm    warm;
    struct listener *listeners;
    size_t         listener_count;
    struct link    gate;      /* client.gate_link: waiting for their turn */
    size_t         gate_held; /* what was let through holds now */
    size_t         gate_queued; /* libuv's queues when last looked at */
    int64_t        gate_moved_ms; /* when large input or output last moved */
    bool           closing;
    bool           paused;    /* net_pause */
    struct client *executing; /* whose command is under way, or NULL */
    struct reply   after;     /* pushes to that one, behind its reply */
    struct link    held;      /* client.held_link: by CLIENT PAUSE, in order */
    struct link    unblocked; /* client.unblocked_link: were answered, and have
                                 their next commands before them */
    struct reply   unblocked_reply; /* lent to whoever is unblocked */
    struct link    pushed;    /* client.push_link: to be sent this turn */
    bool           push_unsettled; /* of these some are to be looked at */
    struct outbox *outbox;
};

/* A piece of pending output: own bytes, or a blob. */
struct out_chunk {
    struct link  link;
    struct blob *blob; /* a reference, or NULL */
    size_t       len;
    size_t       capacity; /* of data */
    char         data[];   /* len bytes of it, if blob is NULL */
};

struct client {
    struct session session;
    struct link    link;
    struct net    *net;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t    tcp;
        uv_pipe_t   pipe;
    } uv;
    struct resp_parser parser;
    char   *input;       /* kept input; NULL when there is none */
    size_t  input_len, input_capacity;
    size_t  input_at;    /* executed up to here */
    struct link out;     /* out_chunk */
    size_t  out_bytes;   /* pending */
    size_t  out_held;    /* what its chunks cost */
    size_t  out_chunks;
    size_t  out_sent;    /* of the first chunk */
    uv_write_t *write;   /* in flight, or NULL */
    size_t  write_chunks;
    size_t  charged_bytes;
    size_t  own_bytes;   /* the session's, when it was charged last */
    size_t  promised;    /* input that was announced and let through the gate */
    struct link push_link; /* on net->pushed, or on no list */
    struct link held_link; /* on net->held, or on no list */
    struct link unblocked_link; /* on net->unblocked, or on no list */
    struct link gate_link;
    size_t  gate_held;   /* its part of net->gate_held */
    size_t  gate_bytes;  /* what it waits at the gate for */
    bool    gate_opened; /* it was let through and has not used it yet */
    int64_t soft_since_ms; /* above its soft output limit; 0: it isn't */
    bool    reading;
    bool    parked;
    bool    finishing;   /* what it waited for is there: it runs, paused or not */
    bool    skip_told;   /* the command being skipped has its answer */
    bool    stalled;     /* too much pending output to execute more */
    bool    closing;
    bool    lingers;     /* closed, but its session is in use (client_end) */
    bool    closed;      /* and its handle is */
    bool    close_after_output;
    bool    doomed;      /* got too much pushed: closed after the command */
    bool    in_outbox;   /* a reply waits there for the end of the turn */
};

/* accept.c */
void client_accept(struct net *net, uv_stream_t *listener, bool is_unix);

/* client.c */
void client_start_reading(struct client *client);
/* Who holds most, of those that may live; NULL if there is none. */
struct client *client_largest(struct net *net);
/* Closes it because all together hold too much. */
void client_cut(struct client *client);
void client_close(struct client *client);
/* What client_close left: a session whose command stood in the middle. */
void client_end(struct client *client);
void client_resume(struct client *client);
void client_run(struct client *client);
/* CLIENT PAUSE is over: runs all that it has held. */
void client_run_held(struct net *net);
/* The command of a client that is blocked, once more (server_hooks). */
void client_run_blocked(struct client *client);
/* Once a loop turn: whoever was unblocked executes on. True: call it again at
 * once. */
bool client_run_unblocked(struct net *net);
/* How much to read from a client at once, and to keep of one that can't be
 * executed: less when all together hold much. */
size_t client_read_size(const struct net *net);
/* The arguments of the command that the parser holds; good until the next
 * call. */
const slice *net_argv(struct net *net, const struct resp_parser *parser,
                      const char *command);
/* Charges what the client holds now, and cuts the largest client if all
 * together have too much. */
void client_charge(struct client *client);
/* The same, and closes nobody: for the middle of a command. */
void client_charge_only(struct client *client);
/* Say in the log and in INFO why a client is being closed: all together have
 * too much; its output limit. */
void client_note_share_cut(const struct client *client);
void client_note_output_cut(const struct client *client);
/* What all clients together may hold. */
size_t clients_share(const struct net *net);

/* Its turn has come: reads or executes on. */
void client_through_gate(struct client *client);

/* ahead.c: asks for the keys of the commands in rest, which stand behind a
 * parked one. */
void ahead_load(struct client *client, const struct resp_limits *limits,
                slice rest);
/* Fetches cache lines for the next commands in rest, and hashes their keys;
 * returns how many bytes of rest these commands have, or all of rest if there
 * is no point in looking at it. */
size_t ahead_warm(struct net *net, slice rest);
/* The hash of the key that begins there, if ahead_warm has met it. REQUIRES:
 * asked in the order of the input, which has not moved. */
bool ahead_hash(struct net *net, const char *word, uint64_t *hash);

/* gate.c: may this client take so much more? If not it stands in line, and
 * client_through_gate is called later. */
bool gate_pass(struct client *client, size_t bytes);
/* Counts what the client holds of that now (with client_charge). */
void gate_count(struct client *client, bool closing);
/* A client that holds much has sent or received something. */
void gate_moved(struct net *net);
/* Once a loop turn, if somebody waits. */
void gate_run(struct net *net);

/* push.c: something was queued with it: push_settle and push_send are to look
 * after it. */
void push_look_later(struct client *client);
/* Closes whom pushes have doomed, and looks after the others. */
void push_settle(struct net *net);
/* Once a loop turn: sends it. */
void push_send(struct net *net);

/* outbox.c */
void outbox_init(struct net *net);
void outbox_deinit(struct net *net);
/* Keeps the reply until outbox_send; false: it is not for the outbox. */
bool outbox_take(struct client *client, const struct reply *reply);
/* At the end of a turn, and before anything else goes to a client in it. */
void outbox_send(struct net *net);

/* output.c: sends what net->reply holds, at the end of the turn if it is small;
 * the rest is queued. */
void output_send(struct client *client);
/* Sends bytes now. REQUIRES: nothing is pending. */
void output_bytes(struct client *client, slice bytes);
/* Queues a message behind all that is pending. */
void output_queue(struct client *client, const struct reply *message);
/* Begins to send what is queued, if that is not under way. */
void output_start(struct client *client);
void output_free(struct client *client);
/* Forgets all that is pending but what is being written. */
void output_drop(struct client *client);
/* Pending output passed a limit: the client is closed. */
bool output_over_limit(struct client *client);

/* listen.c */
err_t listen_open(struct net *net, struct err_text *why);
void  listen_close(struct net *net);

#endif
