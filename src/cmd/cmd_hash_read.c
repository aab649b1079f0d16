/* cmd_hash_read.c - hashes: what is in them, by field, as a whole, at random.
 */
#include "type/hash.h"

#include "base/assert.h"
#include "base/num.h"
#include "base/sample.h"
#include "cmd/handlers.h"

/* WRONGTYPE is answered, and false. */
static bool is_hash(struct call *call, struct coll *coll)
{
    return call_coll(call, &call->key, OBJ_HASH, coll);
}

/* ---- by field ------------------------------------------------------------ */

static void reply_value(struct call *call, const struct coll *coll, slice field)
{
    struct page_value value;
    if (hash_find(coll, field, &value))
        reply_element(call->reply, &value);
    else
        reply_null(call->reply);
}

enum call_result cmd_hget(struct call *call)
{
    struct coll coll;
    if (is_hash(call, &coll))
        reply_value(call, &coll, call->argv[2]);
    return CALL_DONE;
}

enum call_result cmd_hmget(struct call *call)
{
    struct coll coll;
    if (!is_hash(call, &coll))
        return CALL_DONE;
    reply_array(call->reply, call->argc - 2);
    for (size_t i = 2; i < call->argc; i++)
        reply_value(call, &coll, call->argv[i]);
    return CALL_DONE;
}

/* Less than this is no large reply, and not worth looking for it twice. */
#define FEW_BYTES ((size_t)64 * 1024)

/* HGET and HMGET: large values take turns, and one may be asked for many
 * times. */
size_t hash_fields_bytes(struct call *call)
{
    struct coll coll;
    size_t      bytes = 0, fields = call->argc - 2;
    if (!call_peek(call, &coll) || coll.type != OBJ_HASH ||
        coll_longest(&coll) * fields <= FEW_BYTES)
        return 0;
    for (size_t i = 2; i < call->argc; i++) {
        struct page_value value;
        if (hash_find(&coll, call->argv[i], &value))
            bytes += element_bytes(&value);
    }
    return bytes;
}

enum call_result cmd_hexists(struct call *call)
{
    struct coll       coll;
    struct page_value value;
    if (is_hash(call, &coll))
        reply_int(call->reply, hash_find(&coll, call->argv[2], &value));
    return CALL_DONE;
}

enum call_result cmd_hstrlen(struct call *call)
{
    struct coll       coll;
    struct page_value value;
    char              text[NUM_INT64_CHARS];
    size_t            len = 0;
    if (!is_hash(call, &coll))
        return CALL_DONE;
    if (hash_find(&coll, call->argv[2], &value))
        len = page_value_text(&value, text).len;
    reply_int(call->reply, (int64_t)len);
    return CALL_DONE;
}

/* ---- all of it ----------------------------------------------------------- */

enum call_result cmd_hlen(struct call *call)
{
    struct entry *entry;
    if (call_look(call, &call->key, OBJ_HASH, &entry))
        reply_int(call->reply,
                  entry != NULL ? (int64_t)db_coll_count(entry) : 0);
    return CALL_DONE;
}

/* Which parts of an element are answered. */
enum { FIELDS = 1, VALUES = 2, PAIRS = FIELDS | VALUES };

static void reply_parts(struct reply *reply, const struct page_element *element,
                        unsigned parts)
{
    if (parts & FIELDS)
        reply_element(reply, &element->key);
    if (parts & VALUES)
        reply_element(reply, &element->value);
}

static void reply_all_parts(struct reply *reply, const struct coll *coll,
                            unsigned parts)
{
    struct coll_walk    walk;
    struct page_element element;
    coll_walk_init(&walk, coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element))
        reply_parts(reply, &element, parts);
}

static enum call_result answer_all(struct call *call, unsigned parts)
{
    struct coll coll;
    if (!is_hash(call, &coll))
        return CALL_DONE;
    if (parts == PAIRS)
        reply_map(call->reply, coll.count);
    else
        reply_array(call->reply, coll.count);
    reply_all_parts(call->reply, &coll, parts);
    return CALL_DONE;
}

enum call_result cmd_hkeys(struct call *call)
{
    return answer_all(call, FIELDS);
}

enum call_result cmd_hvals(struct call *call)
{
    return answer_all(call, VALUES);
}

enum call_result cmd_hgetall(struct call *call)
{
    return answer_all(call, PAIRS);
}

/* ---- at random ----------------------------------------------------------- */

/* HRANDFIELD key count [WITHVALUES]. A positive count: so many different ones,
 * all if there are no more; a negative one: exactly so many, each picked
 * anew. */
struct pick {
    uint64_t count;
    bool     may_repeat;
    unsigned parts;
};

/* NULL, or the error to answer. */
static const char *pick_parse(const struct call *call, struct pick *pick)
{
    int64_t count;
    if (!num_parse_int64(call->argv[2], &count))
        return "ERR value is not an integer or out of range";
    if (count == INT64_MIN)
        return "ERR value is out of range, value must between "
               "-9223372036854775807 and 9223372036854775807";
    if (call->argc > 4 ||
        (call->argc == 4 && !call_arg_is(call, 3, "withvalues")))
        return "ERR syntax error";
    *pick = (struct pick){ .count = (uint64_t)(count < 0 ? -count : count),
                           .may_repeat = count < 0,
                           .parts = call->argc == 4 ? PAIRS : FIELDS };
    if (pick->parts == PAIRS && pick->count > INT64_MAX / 2)
        return "ERR value is out of range";
    return NULL;
}

/* With RESP3 each pair is an array of its own. */
static void reply_picked_header(struct reply *reply, const struct pick *pick,
                                uint64_t count)
{
    bool is_flat = pick->parts == PAIRS && reply->version == 2;
    reply_array(reply, is_flat ? count * 2 : count);
}

static void reply_picked(struct reply *reply, const struct pick *pick,
                         const struct page_element *element)
{
    if (pick->parts == PAIRS && reply->version > 2)
        reply_array(reply, 2);
    reply_parts(reply, element, pick->parts);
}

static void reply_each_anew(struct call *call, const struct coll *coll,
                            const struct pick *pick)
{
    struct page_element element;
    reply_picked_header(call->reply, pick, pick->count);
    for (uint64_t i = 0; i < pick->count; i++) {
        coll_random(coll, &call->server->rand, &element);
        reply_picked(call->reply, pick, &element);
    }
}

static void reply_different(struct call *call, const struct coll *coll,
                            const struct pick *pick)
{
    struct sample       sample;
    struct page_element element;
    uint64_t            rank;
    uint64_t count = pick->count < coll->count ? pick->count : coll->count;
    reply_picked_header(call->reply, pick, count);
    sample_init(&sample, &call->server->rand, coll->count, count);
    while (sample_next(&sample, &rank)) {
        coll_get(coll, rank, &element);
        reply_picked(call->reply, pick, &element);
    }
    sample_deinit(&sample);
}

static enum call_result answer_one(struct call *call)
{
    struct coll         coll;
    struct page_element element;
    if (!is_hash(call, &coll))
        return CALL_DONE;
    if (coll.count == 0) {
        reply_null(call->reply);
        return CALL_DONE;
    }
    coll_random(&coll, &call->server->rand, &element);
    reply_element(call->reply, &element.key);
    return CALL_DONE;
}

enum call_result cmd_hrandfield(struct call *call)
{
    struct coll coll;
    struct pick pick;
    if (call->argc == 2)
        return answer_one(call);
    const char *wrong = pick_parse(call, &pick);
    if (wrong != NULL) {
        reply_error(call->reply, wrong);
        return CALL_DONE;
    }
    if (!is_hash(call, &coll))
        return CALL_DONE;
    if (coll.count == 0 || pick.count == 0)
        reply_array(call->reply, 0);
    else if (pick.may_repeat)
        reply_each_anew(call, &coll, &pick);
    else
        reply_different(call, &coll, &pick);
    return CALL_DONE;
}

/* By the size that an element of it has in the mean. */
size_t hrandfield_bytes(struct call *call)
{
    struct coll  coll;
    struct pick  pick = { .count = 1 };
    const size_t around = 32;
    if ((call->argc > 2 && pick_parse(call, &pick) != NULL) ||
        !call_peek(call, &coll) || coll.type != OBJ_HASH)
        return 0;
    ASSERT(coll.count > 0);
    if (!pick.may_repeat && pick.count > coll.count)
        pick.count = coll.count;
    size_t each = collection_bytes(call) / coll.count + around, bytes;
    return __builtin_mul_overflow(each, pick.count, &bytes) ? SIZE_MAX : bytes;
}
