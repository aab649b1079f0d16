/* cmd_zset_random.c - ZRANDMEMBER.
 *
 * With repetitions each pick is a random rank. Without, k distinct ranks of n
 * are drawn: many of them in one pass over all ranks, taking each with the
 * chance that makes k of them in the end; few by drawing, sorting out what was
 * drawn twice, and drawing again. They are shuffled, for who takes the first
 * ones only. All of it, when all are asked for, comes from the highest down, as
 * in Redis. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "cmd/cmd_zset.h"
#include "cmd/handlers.h"
#include "cmd/wants.h"

struct pick {
    int64_t count; /* negative: with repetitions */
    bool    with_scores;
};

/* NULL, or the error. */
static const char *read_pick(const struct call *call, struct pick *pick)
{
    *pick = (struct pick){ .with_scores = call->argc > 3 };
    if (!num_parse_int64(call->argv[2], &pick->count))
        return "ERR value is not an integer or out of range";
    if (pick->count == INT64_MIN)
        return "ERR value is out of range, value must between "
               "-9223372036854775807 and 9223372036854775807";
    if (call->argc > 4 ||
        (call->argc == 4 && !call_arg_is(call, 3, "withscores")))
        return "ERR syntax error";
    if (pick->with_scores &&
        (pick->count < -INT64_MAX / 2 || pick->count > INT64_MAX / 2))
        return "ERR value is out of range";
    return NULL;
}

static uint64_t picks(const struct pick *pick, const struct coll *coll)
{
    uint64_t count = (uint64_t)llabs(pick->count);
    if (coll->count == 0)
        return 0;
    return pick->count > 0 && count > coll->count ? coll->count : count;
}

/* ---- answering ----------------------------------------------------------- */

/* A reply under way. */
struct answer {
    struct call       *call;
    const struct coll *coll;
    size_t             begin, most;
    bool               with_scores, is_nested;
};

static struct answer answer_begin(struct call *call, const struct coll *coll,
                                  const struct pick *pick)
{
    struct reply *reply = call->reply;
    bool          is_nested = pick->with_scores && reply->version > 2;
    struct answer answer = { .call = call,
                             .coll = coll,
                             .begin = reply->len,
                             .most = call_reply_limit(call),
                             .with_scores = pick->with_scores,
                             .is_nested = is_nested };
    reply_array(reply, picks(pick, coll) << (pick->with_scores && !is_nested));
    return answer;
}

/* False: it has become too long, and that was answered. */
static bool answer_add(struct answer *answer, uint64_t rank)
{
    struct reply       *reply = answer->call->reply;
    struct page_element element;
    coll_get(answer->coll, rank, &element);
    if (answer->is_nested)
        reply_array(reply, 2);
    reply_element(reply, &element.key);
    if (answer->with_scores)
        reply_double(reply, zset_score_of(&element));
    if (reply->len - answer->begin <= answer->most)
        return true;
    reply_cut(reply, answer->begin);
    call_error(answer->call, ERR_OOM);
    return false;
}

/* ---- distinct ranks ------------------------------------------------------ */

static int compare_ranks(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Few of many. */
static void draw(struct rand *rand, uint64_t *ranks, size_t count, uint64_t all)
{
    size_t have = 0;
    while (have < count) {
        for (size_t i = have; i < count; i++)
            ranks[i] = rand_below(rand, all);
        qsort(ranks, count, sizeof(*ranks), compare_ranks);
        have = 0;
        for (size_t i = 0; i < count; i++)
            if (have == 0 || ranks[i] != ranks[have - 1])
                ranks[have++] = ranks[i];
    }
}

/* A good part of all. */
static void sample(struct rand *rand, uint64_t *ranks, size_t count,
                   uint64_t all)
{
    size_t have = 0;
    for (uint64_t rank = 0; have < count; rank++)
        if (rand_below(rand, all - rank) < count - have)
            ranks[have++] = rank;
}

static void shuffle(struct rand *rand, uint64_t *ranks, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t   at = (size_t)rand_below(rand, i);
        uint64_t other = ranks[at];
        ranks[at] = ranks[i - 1];
        ranks[i - 1] = other;
    }
}

static void answer_distinct(struct answer *answer, size_t count)
{
    struct rand *rand = &answer->call->server->rand;
    uint64_t     all = answer->coll->count;
    uint64_t    *ranks = mem_alloc(count * sizeof(*ranks));
    if (count < all / 3)
        draw(rand, ranks, count, all);
    else
        sample(rand, ranks, count, all);
    shuffle(rand, ranks, count);
    for (size_t i = 0; i < count; i++)
        if (!answer_add(answer, ranks[i]))
            break;
    mem_free(ranks);
}

/* ---- ZRANDMEMBER --------------------------------------------------------- */

/* What so many picks take at least. */
#define PICK_BYTES 6

static void answer_picks(struct call *call, const struct coll *coll,
                         const struct pick *pick)
{
    uint64_t count = picks(pick, coll);
    if (count > call_reply_limit(call) / PICK_BYTES) {
        call_error(call, ERR_OOM);
        return;
    }
    struct answer answer = answer_begin(call, coll, pick);
    uint64_t      left = count;
    if (pick->count < 0) {
        while (left > 0 && answer_add(&answer, rand_below(&call->server->rand,
                                                          coll->count)))
            left--;
    } else if (count == coll->count) {
        while (left > 0 && answer_add(&answer, left - 1))
            left--;
    } else {
        answer_distinct(&answer, (size_t)count);
    }
}

static void answer_one(struct call *call, const struct coll *coll)
{
    struct page_element element;
    if (coll->count == 0) {
        reply_null(call->reply);
        return;
    }
    coll_random(coll, &call->server->rand, &element);
    reply_element(call->reply, &element.key);
}

enum call_result cmd_zrandmember(struct call *call)
{
    struct coll coll;
    struct pick pick = { .count = 0 };
    const char *error = call->argc > 2 ? read_pick(call, &pick) : NULL;
    if (error != NULL)
        reply_error(call->reply, error);
    else if (!call_zset(call, &coll))
        return CALL_DONE;
    else if (call->argc == 2)
        answer_one(call, &coll);
    else
        answer_picks(call, &coll, &pick);
    return CALL_DONE;
}

size_t zrandmember_bytes(struct call *call)
{
    struct pick   pick;
    struct coll   coll;
    struct entry *entry = db_look(call->db, &call->key, false);
    if (entry == NULL || entry_type(entry) != OBJ_ZSET || call->argc < 3 ||
        read_pick(call, &pick) != NULL)
        return 0;
    (void)db_read(entry, &coll);
    double each = (double)collection_bytes(call) / (double)coll.count;
    double bytes = (double)picks(&pick, &coll) * each;
    size_t most = call_reply_limit(call);
    return bytes > (double)most ? most + 1 : (size_t)bytes;
}
