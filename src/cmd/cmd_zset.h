/* cmd_zset.h - what the files of sorted set commands share.
 *
 *     cmd_zset.c             members come, get other scores, go
 *     cmd_zset_range_spec.c  what part of a sorted set a command means
 *     cmd_zset_range.c       that part: answered, stored, counted, removed
 *     cmd_zset_pop.c         from one end
 *     cmd_zset_random.c      any
 *
 * Threads  loop thread. */
#ifndef CMD_CMD_ZSET_H
#define CMD_CMD_ZSET_H

#include "cmd/command.h"
#include "type/zset.h"

/* Redis's defaults. */
extern const struct zset_limits zset_limits;

/* "ERR value is not a valid float" unless arg is a score. */
bool call_score(struct call *call, slice arg, double *out);
/* The sorted set under the call's first key; false: WRONGTYPE is answered. */
bool call_zset(struct call *call, struct coll *coll);

/* ---- parts of a sorted set ----------------------------------------------- */

enum zrange_by { ZRANGE_BY_RANK, ZRANGE_BY_SCORE, ZRANGE_BY_LEX };

struct zrange_bound {
    double score;    /* by score */
    slice  text;     /* by lex, if finite; borrows the argument */
    int    infinity; /* by lex: -1 "-", 1 "+", else 0 */
    bool   is_open;  /* the bound itself does not belong to it */
};

/* What a command asks for. */
struct zrange {
    enum zrange_by      by;
    bool                is_reverse;
    bool                with_scores;
    int64_t             start, stop; /* by rank, counted in its direction */
    struct zrange_bound min, max;
    int64_t             offset; /* negative: nothing */
    int64_t             limit;  /* negative: none */
};

/* Members of rank, rank + 1, ... from the lowest score on. */
struct zspan {
    uint64_t rank;
    uint64_t count;
};

/* What a command leaves open. */
enum zrange_choice {
    ZRANGE_MAY_CHOOSE = 1 << 0, /* BYSCORE, BYLEX, REV */
    ZRANGE_MAY_SHOW = 1 << 1    /* WITHSCORES */
};

/* A range that begins and ends with those two arguments, of the kind that is
 * set in it: by, is_reverse. NULL, or the error. */
const char *zrange_read_bounds(const struct call *call, size_t first,
                               struct zrange *range);
/* The same, and options behind that. */
const char *zrange_read(const struct call *call, size_t first, unsigned choices,
                        struct zrange *range);
/* O(log n), but for members that differ in score and are asked for by lex: then
 * a small sorted set is walked. */
struct zspan zrange_find(const struct coll *coll, const struct zrange *range);

/* ---- popping ------------------------------------------------------------- */

enum zpop_shape {
    ZPOP_FLAT,      /* member, score, member, score ... */
    ZPOP_NESTED,    /* [member, score], [member, score] ... */
    ZPOP_KEY_FLAT,  /* key, member, score */
    ZPOP_KEY_NESTED /* key, [[member, score] ...] */
};

/* What (B)ZMPOP and (B)ZPOPMIN ask for: of the first of those keys that exists
 * up to count members. */
struct zpop {
    size_t          first, keys; /* arguments */
    bool            from_max;
    uint64_t        count;
    enum zpop_shape shape;
};

/* Reads numkeys, which is argument at, and all behind it. False: an error was
 * answered. */
bool zmpop_read(struct call *call, size_t at, struct zpop *pop);
/* False: none of the keys exists, nothing was answered or changed. REQUIRES:
 * the keys acquired with NEED_VALUE. */
bool zpop_run(struct call *call, const struct zpop *pop);

#endif
