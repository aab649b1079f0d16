/* park.c - do parked commands always make progress, and at what price?
 *
 *   gcc -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow \
 *       -Wstrict-prototypes -Werror -Isrc -o /tmp/park \
 *       tests/probe/park.c -lm && /tmp/park [seed ...]
 *
 * Clients issue commands that need a set of keys at the same time. Memory holds
 * a number of values (the unit). A load takes a random time (exponential, mean
 * 1) on an I/O thread that serves a FIFO queue; one load per key, however many
 * wait. What a parked command has is pinned until it has run. A load that
 * completes finds room by evicting an unpinned value. Commands that need more
 * than memory are refused; one whose keys are all in memory runs at once.
 *
 * Schemes
 *   serial    only the oldest command loads: the ideal without sharing
 *   naive     all load, nobody gives up: deadlocks (the test can fail)
 *   rob       all load; when all is pinned, the youngest that holds pins or
 *             waits for the load at hand loses its pins, and starts over after
 *             an older one has finished
 *   admit     the oldest waiting command is admitted when its keys, less those
 *             already counted for an admitted one, fit; nobody is robbed
 *   admit-m   the same, but keys in memory are pinned without being counted
 *   both      admit-m, and rob when all is pinned
 *   fit       admit, but younger commands that fit may pass the oldest waiting
 *             one, PASS_MAX times
 *   fit2+rob  fit, with sizes guessed at half of what they are, and rob
 *
 * Columns (mean of the seeds; worst and most: the maximum)
 *   eff     time that serial needs / time needed
 *   loads   loads done per key needed
 *   worst   loads completed for a command, per key it needs
 *   over    starts over per command, and most
 *   wait    mean wait of all, and of commands of at most 5 keys (unit: a load)
 * Nothing in flight while commands are parked is a deadlock. */
#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLIENTS_MAX = 200,
    NEED_MAX = 520,
    KEYS_MAX = 20000,
    MEMORY_MAX = 500,
    SERVERS_MAX = 4,
    ROUNDS = 40, /* commands of each client */
    PASS_MAX = 16,
    SEEDS_MAX = 16,
    NONE = -1,
};

struct scheme {
    const char *name;
    bool        alone, robs, missing_only, passes;
    int         admits; /* this many times the memory; 0: no admission */
};

static const struct scheme schemes[] = {
    { "serial", true, false, false, false, 0 },
    { "naive", false, false, false, false, 0 },
    { "rob", false, true, false, false, 0 },
    { "admit", false, false, false, false, 1 },
    { "admit-m", false, false, true, false, 1 },
    { "both", false, true, true, false, 1 },
    { "fit", false, false, false, true, 1 },
    { "fit2+rob", false, true, false, true, 2 },
};

struct scenario {
    const char *name;
    int         clients, need_min, need_max, keys, memory, servers;
    int         small_percent; /* commands that need 1 to 5 keys instead */
};

/* clang-format off */
static const struct scenario scenarios[] = {
    { "1-200 of 20,000 keys",               50,   1, 200, 20000, 500, 1,  0 },
    { "the same, 4 I/O threads",            50,   1, 200, 20000, 500, 4,  0 },
    { "overlapping: 1-200 of 2,000 keys",   50,   1, 200,  2000, 500, 1,  0 },
    { "90 % small, else 150-200 of 20,000", 50, 150, 200, 20000, 500, 1, 90 },
    { "huge: 400-520 of 20,000",            50, 400, 520, 20000, 500, 1,  0 },
    { "hot: 50-150 of 600",                 50,  50, 150,   600, 500, 1,  0 },
    { "200 clients, 20 of 1,000, room 100", 200, 20,  20,  1000, 100, 1,  0 },
};
/* clang-format on */

/* LOADING: has asked for all it misses. WAITING: holds nothing. */
enum state { GONE, WAITING, LOADING };

struct command {
    enum state state;
    int        id; /* age: smaller is older */
    int        need, missing, loads, restarts;
    int        passed; /* younger ones admitted before it */
    int        key[NEED_MAX];
    bool       has[NEED_MAX], counted[NEED_MAX]; /* pinned; by admission */
    bool       asleep; /* robbed, and no older one has finished since */
    double     born;
};

struct key {
    int     place, pins; /* place is NONE when not in memory */
    int     counted;     /* admitted commands that counted it */
    bool    asked;       /* its load is queued or under way */
    int     waiter_count;
    uint8_t waiter[CLIENTS_MAX];
};

struct sim {
    const struct scenario *sc;
    const struct scheme   *scheme;
    uint64_t               dice;
    uint64_t               client_dice[CLIENTS_MAX];
    int                    rounds_left[CLIENTS_MAX], most;
    struct command         command[CLIENTS_MAX];
    struct key             key[KEYS_MAX];
    int                    resident[MEMORY_MAX], resident_count;
    int                    queue[KEYS_MAX], queue_head, queue_count;
    int                    serving[SERVERS_MAX];
    double                 until[SERVERS_MAX];
    int                    next_id, admitted_need;
    bool                   stuck;
    double                 now, wait, small_wait, worst;
    long                   loads, finished, needed, small_finished, restarts;
};

static uint64_t dice_next(uint64_t *dice)
{
    uint64_t z = (*dice += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int dice_below(uint64_t *dice, int bound)
{
    return (int)(((dice_next(dice) >> 32) * (uint64_t)bound) >> 32);
}

static void command_release(struct sim *s, int client)
{
    struct command *c = &s->command[client];

    for (int i = 0; i < c->need; i++) {
        struct key *key = &s->key[c->key[i]];

        if (c->has[i])
            key->pins--;
        c->has[i] = false;
        if (c->counted[i] && --key->counted == 0)
            s->admitted_need--;
        c->counted[i] = false;
        for (int w = 0; w < key->waiter_count; w++)
            if (key->waiter[w] == client)
                key->waiter[w--] = key->waiter[--key->waiter_count];
    }
}

/* Pins what is there, asks for what is not. */
static void command_start(struct sim *s, int client)
{
    struct command *c = &s->command[client];

    c->state = LOADING;
    c->missing = 0;
    for (int i = 0; i < c->need; i++) {
        struct key *key = &s->key[c->key[i]];

        if (key->place != NONE) {
            key->pins++;
            c->has[i] = true;
            continue;
        }
        c->missing++;
        key->waiter[key->waiter_count++] = (uint8_t)client;
        if (key->asked)
            continue;
        key->asked = true;
        s->queue[(s->queue_head + s->queue_count++) % KEYS_MAX] = c->key[i];
    }
}

static bool command_is_hit(const struct sim *s, const struct command *c)
{
    for (int i = 0; i < c->need; i++)
        if (s->key[c->key[i]].place == NONE)
            return false;
    return true;
}

/* The oldest in a state that is younger than id, or NONE. */
static int next_in(const struct sim *s, enum state state, int id)
{
    int best = NONE;

    for (int i = 0; i < s->sc->clients; i++)
        if (s->command[i].state == state && s->command[i].id > id &&
            (best == NONE || s->command[i].id < s->command[best].id))
            best = i;
    return best;
}

static void command_issue(struct sim *s, int client)
{
    const struct scenario *sc = s->sc;
    struct command        *c = &s->command[client];
    uint64_t              *dice = &s->client_dice[client];
    int                    span = sc->need_max - sc->need_min + 1;

    memset(c, 0, sizeof *c);
    do {
        if (s->rounds_left[client]-- <= 0)
            return;
        c->need = sc->need_min + dice_below(dice, span);
        if (dice_below(dice, 100) < sc->small_percent)
            c->need = 1 + dice_below(dice, 5);
    } while (c->need > sc->memory); /* OOM, at once */
    c->state = WAITING;
    c->id = s->next_id++;
    c->born = s->now;
    for (int i = 0; i < c->need;) {
        int j = 0, key = dice_below(dice, sc->keys);

        while (j < i && c->key[j] != key)
            j++;
        if (j == i)
            c->key[i++] = key;
    }
}

static void command_finish(struct sim *s, int client)
{
    struct command *c = &s->command[client];
    double          wait = s->now - c->born, worst = (double)c->loads / c->need;

    command_release(s, client);
    s->finished++;
    s->needed += c->need;
    s->wait += wait;
    s->small_finished += c->need <= 5;
    s->small_wait += c->need <= 5 ? wait : 0;
    s->restarts += c->restarts;
    s->most = c->restarts > s->most ? c->restarts : s->most;
    s->worst = worst > s->worst ? worst : s->worst;
    for (int i = 0; i < s->sc->clients; i++)
        if (s->command[i].id > c->id)
            s->command[i].asleep = false;
    command_issue(s, client);
}

static bool admission_fits(const struct sim *s, const struct command *c)
{
    int need = s->admitted_need;

    for (int i = 0; i < c->need; i++) {
        const struct key *key = &s->key[c->key[i]];

        need += key->counted == 0 &&
                (key->place == NONE || !s->scheme->missing_only);
    }
    return need <= s->sc->memory * s->scheme->admits;
}

static void admission_count(struct sim *s, struct command *c)
{
    for (int i = 0; i < c->need; i++) {
        struct key *key = &s->key[c->key[i]];

        c->counted[i] = key->place == NONE || !s->scheme->missing_only;
        s->admitted_need += c->counted[i] && key->counted++ == 0;
    }
}

/* The oldest command that the scheme lets start, or NONE. */
static int next_to_start(struct sim *s)
{
    int head = next_in(s, WAITING, NONE), at = head;

    if (s->scheme->alone && next_in(s, LOADING, NONE) != NONE)
        return NONE;
    while (at != NONE) {
        struct command *c = &s->command[at];

        if (!c->asleep && (s->scheme->admits == 0 || admission_fits(s, c))) {
            s->command[head].passed += at != head;
            return at;
        }
        if (s->scheme->admits > 0 &&
            (!s->scheme->passes || c->passed >= PASS_MAX))
            return NONE;
        at = next_in(s, WAITING, c->id);
    }
    return NONE;
}

/* Runs what can run and starts what may start, until nothing changes. */
static void settle(struct sim *s)
{
    bool changed = true;

    while (changed) {
        int client = next_to_start(s);

        changed = client != NONE;
        if (changed) {
            admission_count(s, &s->command[client]);
            command_start(s, client);
        }
        for (int i = 0; i < s->sc->clients; i++) {
            struct command *c = &s->command[i];

            if ((c->state == LOADING && c->missing == 0) ||
                (c->state == WAITING && command_is_hit(s, c))) {
                command_finish(s, i);
                changed = true;
            }
        }
    }
}

/* A random value that nobody pins. */
static bool evict_one(struct sim *s)
{
    int victim = NONE, seen = 0, last;

    for (int i = 0; i < s->resident_count; i++)
        if (s->key[s->resident[i]].pins == 0 &&
            dice_below(&s->dice, ++seen) == 0)
            victim = i;
    if (victim == NONE)
        return false;
    last = s->resident[--s->resident_count];
    s->key[last].place = victim;
    s->key[s->resident[victim]].place = NONE;
    s->resident[victim] = last;
    return true;
}

static bool waits_for(const struct key *key, int client)
{
    return memchr(key->waiter, client, (size_t)key->waiter_count) != NULL;
}

/* The youngest that holds pins or waits for this key gives up. */
static void rob_youngest(struct sim *s, const struct key *key)
{
    int             victim = NONE;
    struct command *c;

    for (int i = 0; i < s->sc->clients; i++) {
        c = &s->command[i];
        if (c->state == LOADING &&
            (c->missing < c->need || waits_for(key, i)) &&
            (victim == NONE || c->id > s->command[victim].id))
            victim = i;
    }
    assert(victim != NONE && victim != next_in(s, LOADING, NONE));
    c = &s->command[victim];
    command_release(s, victim);
    c->state = WAITING;
    c->restarts++;
    c->asleep = true;
}

static void load_complete(struct sim *s, int number)
{
    struct key *key = &s->key[number];

    key->asked = false;
    s->loads++;
    while (s->resident_count == s->sc->memory && !evict_one(s)) {
        if (key->waiter_count == 0)
            return; /* nobody wants it any more, and there is no room */
        if (!s->scheme->robs) {
            s->stuck = true;
            return;
        }
        rob_youngest(s, key);
    }
    key->place = s->resident_count;
    s->resident[s->resident_count++] = number;
    for (int w = 0; w < key->waiter_count; w++) {
        struct command *c = &s->command[key->waiter[w]];
        int             i = 0;

        while (c->key[i] != number)
            i++;
        c->has[i] = true;
        c->missing--;
        c->loads++;
    }
    key->pins += key->waiter_count;
    key->waiter_count = 0;
}

/* Gives queued loads that somebody still waits for to idle threads. Returns
 * the one that will be done first, or NONE when all are idle. */
static int serve(struct sim *s)
{
    int first = NONE;

    for (int i = 0; i < s->sc->servers; i++) {
        while (s->serving[i] == NONE && s->queue_count > 0) {
            int         number = s->queue[s->queue_head];
            struct key *key = &s->key[number];
            double      u = (double)(dice_next(&s->dice) >> 11) * 0x1p-53;

            s->queue_head = (s->queue_head + 1) % KEYS_MAX;
            s->queue_count--;
            key->asked = key->waiter_count > 0;
            if (!key->asked)
                continue;
            s->serving[i] = number;
            s->until[i] = s->now - log(1 - u);
        }
        if (s->serving[i] != NONE &&
            (first == NONE || s->until[i] < s->until[first]))
            first = i;
    }
    return first;
}

static void sim_run(struct sim *s, const struct scenario *sc,
                    const struct scheme *scheme, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->sc = sc;
    s->scheme = scheme;
    s->dice = seed;
    memset(s->serving, 0xff, sizeof s->serving);
    for (int i = 0; i < KEYS_MAX; i++)
        s->key[i].place = NONE;
    for (int i = 0; i < sc->clients; i++) {
        s->client_dice[i] = seed * 1000003 + (uint64_t)i;
        s->rounds_left[i] = ROUNDS;
        command_issue(s, i);
    }
    settle(s);
    for (int i; !s->stuck && (i = serve(s)) != NONE;) {
        int number = s->serving[i];

        s->now = s->until[i];
        s->serving[i] = NONE;
        load_complete(s, number);
        settle(s);
    }
    for (int i = 0; i < sc->clients; i++)
        s->stuck = s->stuck || s->command[i].state != GONE;
}

static void print_scheme(struct sim *s, const struct scenario *sc,
                         const struct scheme *scheme, char **seeds,
                         double *serial)
{
    double eff = 0, loads = 0, worst = 0, over = 0, wait = 0, small = 0;
    int    runs = 0, stuck = 0, most = 0, done = 0;

    for (; runs < SEEDS_MAX && seeds[runs] != NULL; runs++) {
        sim_run(s, sc, scheme, strtoull(seeds[runs], NULL, 10));
        serial[runs] = scheme->alone ? s->now : serial[runs];
        stuck += s->stuck;
        done += (int)s->finished;
        eff += serial[runs] / s->now;
        loads += (double)s->loads / (double)s->needed;
        worst = s->worst > worst ? s->worst : worst;
        over += (double)s->restarts / (double)s->finished;
        most = s->most > most ? s->most : most;
        wait += s->wait / (double)s->finished;
        small += s->small_wait / fmax(1, (double)s->small_finished);
    }
    printf("  %-8s %6d", scheme->name, done);
    if (stuck > 0)
        printf("  deadlock in %d of %d\n", stuck, runs);
    else
        printf(" %5.2f  %5.2f %5.2f %6.2f %5d %7.0f %7.0f\n", eff / runs,
               loads / runs, worst, over / runs, most, wait / runs,
               small / runs);
}

int main(int argc, char **argv)
{
    static struct sim s;
    char             *seeds[] = { "1", "2", "3", NULL };
    double            serial[SEEDS_MAX] = { 0 };

    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        printf("\n%s\n  scheme     done   eff  loads worst   over  most    "
               "wait   small\n",
               scenarios[i].name);
        for (size_t k = 0; k < sizeof schemes / sizeof schemes[0]; k++)
            print_scheme(&s, &scenarios[i], &schemes[k],
                         argc > 1 ? argv + 1 : seeds, serial);
    }
    return 0;
}
