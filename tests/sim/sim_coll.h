/* sim_coll.h - collections for the simulation: sets, sorted sets and hashes of
 * up to 128 members, each of which is in one of two states (another score,
 * another value). The model is two bits for each. */
#ifndef SIM_SIM_COLL_H
#define SIM_SIM_COLL_H

#include "base/rand.h"
#include "db/db.h"
#include "type/set.h"
#include "type/zset.h"

#define COLL_MEMBERS 128

struct coll_model {
    uint64_t there[COLL_MEMBERS / 64];
    uint64_t other[COLL_MEMBERS / 64]; /* in its other state */
};

static bool coll_bit(const uint64_t *bits, unsigned member)
{
    return bits[member / 64] >> member % 64 & 1;
}

static void coll_set_bit(uint64_t *bits, unsigned member, bool on)
{
    uint64_t mask = (uint64_t)1 << member % 64;
    bits[member / 64] = on ? bits[member / 64] | mask
                           : bits[member / 64] & ~mask;
}

/* Some are numbers, some are long. */
static slice coll_member(unsigned member, char out[200])
{
    int len = snprintf(out, 200, member % 3 == 0 ? "%u" : "member-%u", member);
    for (; member % 7 == 1 && len < 150; len++)
        out[len] = 'x';
    return slice_make(out, (size_t)len);
}

static double coll_score(unsigned member, bool other)
{
    return (double)(member * 37 % 11 + 1) / (other ? -3 : 4);
}

static slice coll_value(unsigned member, bool other)
{
    static const char long_value[] =
        "a value that is as long as a few small pages of a test are, so that "
        "one of them may hold no other";
    return other ? slice_make(long_value, member % 2 ? 90 : 10)
                 : slice_make("12345678", member % 8 + 1);
}

static void coll_put(struct object *object, unsigned member, bool other)
{
    const struct set_limits  limits = { 512, 128, 64 };
    const struct zset_limits zset_limits = { 128, 64 };
    char  text[200];
    slice name = coll_member(member, text);
    bool  created;
    if (object->type == OBJ_SET)
        set_add(object, name, &limits);
    else if (object->type == OBJ_ZSET)
        zset_put(object, name, coll_score(member, other), &zset_limits);
    else
        assert_int_equal(tree_put(object->tree, 0, name,
                                  coll_value(member, other), &created),
                         ERR_OK);
}

static void coll_take(struct object *object, unsigned member)
{
    char  text[200];
    slice name = coll_member(member, text);
    bool  deleted;
    if (object->type == OBJ_ZSET)
        zset_remove(object, name);
    else
        assert_int_equal(tree_delete(object->tree, 0, name, &deleted),
                         ERR_OK);
}

/* Changes object and model alike. */
static void coll_change(struct rand *rand, struct object *object,
                        struct coll_model *model)
{
    unsigned members = rand_below(rand, 3) == 0 ? COLL_MEMBERS : 20;
    bool     shrinks = rand_below(rand, 3) == 0;
    for (uint64_t n = 1 + rand_below(rand, 60); n > 0; n--) {
        unsigned member = (unsigned)rand_below(rand, members);
        if (shrinks) {
            coll_take(object, member);
            coll_set_bit(model->there, member, false);
            coll_set_bit(model->other, member, false);
        } else {
            bool other = object->type != OBJ_SET && rand_below(rand, 2) != 0;
            coll_put(object, member, other);
            coll_set_bit(model->there, member, true);
            coll_set_bit(model->other, member, other);
        }
    }
}

static uint64_t coll_model_count(const struct coll_model *model)
{
    uint64_t count = 0;
    for (size_t i = 0; i < COLL_MEMBERS / 64; i++)
        count += (uint64_t)__builtin_popcountll(model->there[i]);
    return count;
}

static bool coll_has(const struct coll *coll, unsigned member, bool other)
{
    struct page_element element;
    char                text[200], buffer[NUM_INT64_CHARS];
    if (!coll_find(coll, coll_member(member, text), &element))
        return false;
    if (coll->type == OBJ_ZSET)
        return zset_score_of(&element) == coll_score(member, other);
    return coll->type == OBJ_SET ||
           slice_equal(page_value_text(&element.value, buffer),
                       coll_value(member, other));
}

/* Is it what the model says? */
static bool coll_is(const struct entry *entry, const struct coll_model *model)
{
    struct coll coll;
    if (db_coll_count(entry) != coll_model_count(model))
        return false;
    if (entry_presence(entry) != ENTRY_PRESENT)
        return true;
    db_read(entry, &coll);
    for (unsigned member = 0; member < COLL_MEMBERS; member++)
        if (coll_bit(model->there, member) &&
            !coll_has(&coll, member, coll_bit(model->other, member)))
            return false;
    return true;
}

#endif
