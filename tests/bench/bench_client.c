/* bench_client.c - sends one command over and over, and counts replies.
 *
 *     bench_client PORT CONNECTIONS PIPELINE RANDOM_MAX SECONDS WORD...
 *
 * prints commands a second. "__rand_int__" in a word becomes twelve random
 * digits below RANDOM_MAX, new ones in each command. Replies are counted, not
 * looked at: where redis-benchmark takes each bulk string of a long reply into
 * its hands, it is the client that is measured. It ends at the first error. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES  262144
#define PLACEHOLDER "__rand_int__"
#define DIGITS      (sizeof(PLACEHOLDER) - 1)
#define PLACES_MAX  8

struct connection {
    int    fd;
    char  *out;       /* a whole pipeline */
    size_t unsent;    /* of it */
    size_t expected;  /* replies and parts of replies */
    size_t skip;      /* bytes of a bulk string that are still to come */
    char   line[64];  /* the beginning of a reply that has not come whole */
    size_t line_len;
};

struct bench {
    struct connection *connections;
    size_t             count, pipeline;
    size_t             command_len, places[PLACES_MAX], place_count;
    unsigned long      random_max, done;
    unsigned long      state; /* of xorshift */
    char              *read_buf;
    int                epoll;
};

static void die(const char *what)
{
    fprintf(stderr, "bench_client: %s\n", what);
    exit(1);
}

static double now_s(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static unsigned long next_random(struct bench *bench)
{
    unsigned long x = bench->state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return bench->state = x;
}

/* --- sending -------------------------------------------------------------- */

static void watch(const struct bench *bench, struct connection *connection,
                  int operation)
{
    struct epoll_event event = { .events = EPOLLIN };
    if (connection->unsent > 0)
        event.events |= EPOLLOUT;
    event.data.ptr = connection;
    if (epoll_ctl(bench->epoll, operation, connection->fd, &event) != 0)
        die("epoll_ctl failed");
}

static void send_some(const struct bench *bench, struct connection *connection)
{
    size_t  all = bench->command_len * bench->pipeline;
    size_t  had = connection->unsent;
    ssize_t sent = send(connection->fd, connection->out + all - had, had,
                        MSG_DONTWAIT);
    if (sent < 0)
        sent = 0; /* a real error shows when it is read */
    connection->unsent -= (size_t)sent;
    if (connection->unsent > 0 || had < all)
        watch(bench, connection, EPOLL_CTL_MOD);
}

static void begin(struct bench *bench, struct connection *connection)
{
    for (size_t i = 0; i < bench->pipeline && bench->place_count > 0; i++) {
        char *command = connection->out + i * bench->command_len;
        for (size_t place = 0; place < bench->place_count; place++) {
            unsigned long number = next_random(bench) % bench->random_max;
            for (size_t at = DIGITS; at > 0; at--, number /= 10)
                command[bench->places[place] + at - 1] =
                    (char)('0' + number % 10);
        }
    }
    connection->expected = bench->pipeline;
    connection->unsent = bench->command_len * bench->pipeline;
    send_some(bench, connection);
}

/* --- counting replies ----------------------------------------------------- */

static void count_line(struct connection *connection, const char *line)
{
    long number = strtol(line + 1, NULL, 10);
    switch (line[0]) {
    case '-':
        die(line);
        break;
    case '$':
        connection->skip = number >= 0 ? (size_t)number + 2 : 0;
        connection->expected--;
        break;
    case '*':
        connection->expected += number > 0 ? (size_t)number : 0;
        connection->expected--;
        break;
    default:
        connection->expected--;
    }
}

static void count_replies(struct connection *connection, const char *at,
                          size_t len)
{
    const char *end = at + len;
    while (at < end) {
        if (connection->skip > 0) {
            size_t left = (size_t)(end - at);
            size_t part = connection->skip < left ? connection->skip : left;
            connection->skip -= part;
            at += part;
            continue;
        }
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t part = (size_t)((stop != NULL ? stop + 1 : end) - at);
        if (stop != NULL && connection->line_len == 0) {
            count_line(connection, at);
        } else {
            if (connection->line_len + part >= sizeof(connection->line))
                die("a long line");
            memcpy(connection->line + connection->line_len, at, part);
            connection->line_len += part;
            if (stop != NULL) {
                connection->line[connection->line_len] = '\0';
                count_line(connection, connection->line);
                connection->line_len = 0;
            }
        }
        at += part;
    }
}

static void receive(struct bench *bench, struct connection *connection)
{
    ssize_t got = recv(connection->fd, bench->read_buf, READ_BYTES,
                       MSG_DONTWAIT);
    if (got == 0)
        die("the server has closed the connection");
    if (got < 0)
        return;
    count_replies(connection, bench->read_buf, (size_t)got);
    if (connection->expected > 0 || connection->skip > 0)
        return;
    bench->done += bench->pipeline;
    begin(bench, connection);
}

/* --- setting up ----------------------------------------------------------- */

static char *make_command(struct bench *bench, char **words, int count)
{
    size_t size = 64, len;
    for (int i = 0; i < count; i++)
        size += strlen(words[i]) + 32;
    char *command = malloc(size);
    if (command == NULL)
        die("out of memory");
    len = (size_t)snprintf(command, size, "*%d\r\n", count);
    for (int i = 0; i < count; i++)
        len += (size_t)snprintf(command + len, size - len, "$%zu\r\n%s\r\n",
                                strlen(words[i]), words[i]);
    bench->command_len = len;
    const char *at = command;
    while ((at = strstr(at, PLACEHOLDER)) != NULL) {
        if (bench->place_count == PLACES_MAX)
            die("too many placeholders");
        bench->places[bench->place_count++] = (size_t)(at - command);
        at += DIGITS;
    }
    return command;
}

static void open_connection(struct bench *bench, struct connection *connection,
                            int port, const char *command)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int on = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("can't connect");
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection->out = malloc(bench->command_len * bench->pipeline);
    if (connection->out == NULL)
        die("out of memory");
    for (size_t i = 0; i < bench->pipeline; i++)
        memcpy(connection->out + i * bench->command_len, command,
               bench->command_len);
    watch(bench, connection, EPOLL_CTL_ADD);
}

int main(int argc, char **argv)
{
    struct bench       bench = { .state = 88172645463325252UL };
    struct epoll_event events[64];
    if (argc < 7)
        die("PORT CONNECTIONS PIPELINE RANDOM_MAX SECONDS WORD...");
    bench.count = strtoul(argv[2], NULL, 10);
    bench.pipeline = strtoul(argv[3], NULL, 10);
    bench.random_max = strtoul(argv[4], NULL, 10);
    double seconds = strtod(argv[5], NULL);
    char  *command = make_command(&bench, argv + 6, argc - 6);
    bench.connections = calloc(bench.count, sizeof(*bench.connections));
    bench.read_buf = malloc(READ_BYTES + 1);
    bench.epoll = epoll_create1(0);
    if (bench.connections == NULL || bench.read_buf == NULL || bench.epoll < 0)
        die("out of memory");
    for (size_t i = 0; i < bench.count; i++)
        open_connection(&bench, &bench.connections[i], atoi(argv[1]), command);
    double begun = now_s();
    for (size_t i = 0; i < bench.count; i++)
        begin(&bench, &bench.connections[i]);
    while (now_s() < begun + seconds) {
        int ready = epoll_wait(bench.epoll, events, 64, 100);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                send_some(&bench, connection);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                receive(&bench, connection);
        }
    }
    printf("%.0f\n", (double)bench.done / (now_s() - begun));
    return 0;
}
