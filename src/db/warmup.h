/* warmup.h - what warmup.c, warmup_names.c, warmup_match.c and warmup_save.c
 * share (inside db/). warmup.c tells the design.
 *
 * Bounds     names in memory: warmup_chunk_bytes for each of the three sources
 *            and four times that for their places; loads in flight:
 *            WARMUP_LOADS; names on their way to the file: twice
 *            (WARMUP_LEVELS + 1) times note_block_bytes. All is charged to
 *            MEM_JOBS. */
#ifndef DB_WARMUP_H
#define DB_WARMUP_H

#include "db/internal.h"
#include "store/warmfile.h"

/* Loads in flight; with io-threads 0 the loop does them, one in a turn. */
#define WARMUP_LOADS  32
/* Names looked at, or entries, in one turn. */
#define WARMUP_SLICE  64
/* Parts of the file, by heat; the last has what was not used a second time. */
#define WARMUP_LEVELS 4
#define WARMUP_COLD   (WARMUP_LEVELS - 1)
/* Damaged records before it is given up. */
#define WARMUP_ERRORS 16

/* --- warmup_names.c ------------------------------------------------------- */

/* One name of a list, and its place in the store's order. */
struct warm_name {
    uint64_t order;
    uint32_t space;
    uint32_t at, len; /* in the list's bytes */
    bool     is_hot;  /* it had been used again and again */
    bool     is_of_file;
};

/* Names that are to be loaded, from `next` on. */
struct warm_list {
    struct buf        bytes;
    struct warm_name *names;
    size_t            count, capacity, next;
    size_t            charged;
};

void warm_list_init(struct warm_list *list);
/* Empties it, and gives its memory back. */
void warm_list_clear(struct db *db, struct warm_list *list);
/* Charges what it holds now, or at least that. */
void warm_list_charge(struct db *db, struct warm_list *list, size_t least);
bool warm_list_is_empty(const struct warm_list *list);
void warm_list_add(struct warm_list *list, uint32_t space, slice key);
/* What warm_encode wrote, from list->bytes.data + from on, is added. False: it
 * is not well formed. Any thread, like the next. */
bool warm_list_decode(struct warm_list *list, size_t from,
                      struct hash_key hash_key, bool is_hot);
/* Into the order of the store. */
void warm_list_sort(struct warm_list *list);

/* A name as it stands in the file; *last_space is that of the name before, 0 if
 * it is the first. */
void warm_encode(struct buf *out, uint32_t *last_space, uint32_t space,
                 slice key);
/* The most bytes that this takes. */
#define WARM_NAME_EXTRA ((size_t)10)

/* --- the whole ------------------------------------------------------------ */

enum warm_file_phase {
    WARM_FILE_NONE,   /* not wanted, or through */
    WARM_FILE_WANTED, /* to be opened */
    WARM_FILE_OPEN
};

enum warm_save_phase {
    WARM_SAVE_NONE,
    WARM_SAVE_COUNT,   /* first walk: how much is how hot? */
    WARM_SAVE_COLLECT, /* second walk: the names */
    WARM_SAVE_DRAIN,   /* what is left in the buffers, and the end */
    WARM_SAVE_FINISH   /* the last job */
};

/* warmup_match.c: CACHE WARM MATCH. */
struct warm_match {
    bool       on;
    bool       running; /* a job is in flight */
    unsigned   number;  /* of the request; a job of an older one is void */
    uint32_t   space;
    struct buf pattern, at;
    size_t     charged;
    struct warm_list found;
};

/* warmup_save.c */
struct warm_save {
    enum warm_save_phase phase;
    bool     wanted;   /* as soon as nothing is in the way */
    bool     running;  /* a job is in flight, and has the file in its hands */
    bool     abandon;
    uint32_t bucket;   /* where the walk is */
    uint64_t heat_bytes[CACHE_HEATS];
    uint8_t  level_of[CACHE_HEATS];
    unsigned edge;     /* the coldest heat that is saved */
    uint64_t edge_left, left; /* bytes still to collect, of it, of others */
    struct {
        struct buf names;
        uint32_t   count, last_space;
    } levels[WARMUP_LEVELS];
    size_t   charged;
    uint32_t live_space, dead_space; /* last seen; 0: none */
    struct warmfile file;
    uint64_t saved_additions; /* entries made when the walk began that has been
                                 saved, and those made from the file */
    uint64_t begun_additions;
    uint64_t saved_lookups, begun_lookups;
    uint64_t names;    /* of this one, so far */
    int64_t  due_ms;
};

struct warmup {
    bool   enabled;    /* cache-warm-restart */
    bool   is_full;    /* no room was found; to be ended */
    bool   is_stalled; /* by that, in this turn */
    size_t in_flight;  /* loads */
    unsigned errors;
    uint64_t taken;    /* names, of stats.total */
    struct db_warmup_stats stats;

    enum warm_file_phase file_phase;
    bool            file_running; /* a job has the two in its hands */
    size_t          file_block;   /* the next one */
    struct warmfile file;
    struct warm_list listed;      /* of the file */
    struct warm_list asked;       /* CACHE WARM key */
    struct warm_match match;
    struct warm_save  save;
};

/* Names that one source holds at a time. */
size_t warmup_chunk_bytes(const struct db *db);
/* It starts; if nothing is under way the figures begin anew. */
void   warmup_begin(struct db *db);
/* So many more are to be loaded. */
void   warmup_add_total(struct db *db, uint64_t names);
/* The largest value that is loaded without being asked for. */
size_t warmup_value_max(const struct db *db);

void match_init(struct warm_match *match);
/* Submits a slice if there are no names left. */
void match_step(struct db *db);
void match_stop(struct db *db);

void note_init(struct db *db);
void note_deinit(struct db *db);
/* True: it wants to go on at once. */
bool note_turn(struct db *db, size_t most);
void note_cron(struct db *db);
void note_stop(struct db *db);

#endif
