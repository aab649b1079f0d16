/* cmd_list.h - what the commands on lists share with those that wait for an
 * element (BLPOP and its kin).
 *
 * All of it is for handlers: keys are in memory, and what answers an error
 * says so. Threads: loop thread. */
#ifndef CMD_CMD_LIST_H
#define CMD_CMD_LIST_H

#include "cmd/command.h"
#include "type/list.h"

/* Redis's default: list-max-listpack-size -2. */
extern const struct list_limits call_list_limits;

/* Keyspace events. */
static inline const char *list_push_event(enum list_end end)
{
    return end == LIST_HEAD ? "lpush" : "rpush";
}
static inline const char *list_pop_event(enum list_end end)
{
    return end == LIST_HEAD ? "lpop" : "rpop";
}

/* LEFT or RIGHT; false for anything else. */
bool list_end_parse(slice arg, enum list_end *end);
/* "value is out of range, must be positive" unless it is 0 or more. */
bool call_list_count(struct call *call, slice arg, uint64_t *out);
/* call_coll for a list. */
bool call_list(struct call *call, const struct db_key *key, struct coll *coll);

/* The list of a key without a look that counts, for reply_of; false if there is
 * none, or it is not in memory. */
bool list_peek(struct call *call, const struct db_key *key, struct coll *coll);
/* The rank that an index means, negative ones counted from behind; false if
 * there is no such element. */
bool list_rank(const struct coll *coll, int64_t index, uint64_t *rank);
/* Which elements "start stop" means. */
struct list_range {
    uint64_t rank, count;
};
struct list_range list_range(const struct coll *coll, int64_t start,
                             int64_t stop);

/* Answers `count` elements from that end, a bulk each (the header is the
 * caller's), and removes them. REQUIRES: coll is that key's, and has them; it
 * is void then. */
void list_pop_reply(struct call *call, const struct db_key *key,
                    const struct coll *coll, enum list_end end, uint64_t count);

/* cmd_list_move.c */

/* LMOVE: takes an element from one list to the other and answers it. False:
 * there is no list `from`, and nothing was answered. */
bool list_move(struct call *call, const struct db_key *from,
               enum list_end from_end, const struct db_key *to,
               enum list_end to_end);

/* LMPOP's arguments. */
struct list_mpop {
    size_t        first_key, key_count; /* among the call's arguments */
    enum list_end end;
    uint64_t      count; /* elements at most */
};
/* numkeys_at is where the number of keys stands. NULL, or the error that is to
 * be answered. */
const char *list_mpop_parse(const struct call *call, size_t numkeys_at,
                            struct list_mpop *out);
/* LMPOP: answers the first key that has elements and what it pops from there.
 * False: none has any, and nothing was answered. */
bool list_mpop(struct call *call, const struct list_mpop *mpop);

/* cmd_list.c: what that may answer, for reply_of: `count` elements, or as many
 * as there are, from that end of that key's list, if it holds one. */
size_t list_pop_bytes(struct call *call, const struct db_key *key,
                      enum list_end end, uint64_t count);
/* cmd_list_move.c */
size_t list_mpop_bytes(struct call *call, const struct list_mpop *mpop);

#endif
