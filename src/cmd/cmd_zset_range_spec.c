/* cmd_zset_range_spec.c - what part of a sorted set a command means.
 *
 * Every form, be it by rank, score or member, becomes a span of ranks: the
 * tree counts, so both ends of it are found on the way down, and offset and
 * limit are arithmetic.
 *
 * By member (BYLEX) is for members of one score. For others Redis's answer is
 * what its walk happens to find; of a small sorted set, which it walks from
 * one end, we give the same by walking, too. Those of a large one it finds by
 * chance, and we by taking all scores for the lowest. */
#include "cmd/cmd_zset.h"

#include <math.h>

#include "base/num.h"

/* ---- reading ------------------------------------------------------------- */

static bool read_score(slice text, struct zrange_bound *out)
{
    out->is_open = text.len > 0 && text.data[0] == '(';
    if (out->is_open)
        text = slice_make(text.data + 1, text.len - 1);
    return num_parse_double_loose(text, &out->score);
}

/* A lonely sign, which a NUL may end. */
static bool is_sign(slice text, char sign)
{
    return text.data[0] == sign && (text.len == 1 || text.data[1] == '\0');
}

static bool read_lex(slice text, struct zrange_bound *out)
{
    *out = (struct zrange_bound){ .infinity = 0 };
    if (text.len == 0)
        return false;
    if (is_sign(text, '-') || is_sign(text, '+')) {
        out->infinity = text.data[0] == '-' ? -1 : 1;
        return true;
    }
    out->is_open = text.data[0] == '(';
    out->text = slice_make(text.data + 1, text.len - 1);
    return out->is_open || text.data[0] == '[';
}

static const char not_an_integer[] =
    "ERR value is not an integer or out of range";

const char *zrange_read_bounds(const struct call *call, size_t first,
                               struct zrange *range)
{
    slice a = call->argv[first], b = call->argv[first + 1];
    if (range->by == ZRANGE_BY_RANK) {
        bool ok = num_parse_int64(a, &range->start) &&
                  num_parse_int64(b, &range->stop);
        return ok ? NULL : not_an_integer;
    }
    slice min = range->is_reverse ? b : a, max = range->is_reverse ? a : b;
    if (range->by == ZRANGE_BY_SCORE) {
        bool ok = read_score(min, &range->min) && read_score(max, &range->max);
        return ok ? NULL : "ERR min or max is not a float";
    }
    bool ok = read_lex(min, &range->min) && read_lex(max, &range->max);
    return ok ? NULL : "ERR min or max not valid string range item";
}

/* BYSCORE, BYLEX or REV, each once, and not both of the first. */
static bool read_choice(const struct call *call, size_t i, bool *has_by,
                        bool *has_rev, struct zrange *range)
{
    bool is_score = call_arg_is(call, i, "byscore");
    if (!*has_by && (is_score || call_arg_is(call, i, "bylex"))) {
        range->by = is_score ? ZRANGE_BY_SCORE : ZRANGE_BY_LEX;
        return *has_by = true;
    }
    if (!*has_rev && call_arg_is(call, i, "rev"))
        return range->is_reverse = *has_rev = true;
    return false;
}

static const char *read_options(const struct call *call, size_t i,
                                unsigned choices, struct zrange *range)
{
    bool has_by = false, has_rev = false;
    for (; i < call->argc; i++) {
        if ((choices & ZRANGE_MAY_SHOW) && call_arg_is(call, i, "withscores")) {
            range->with_scores = true;
        } else if (call_arg_is(call, i, "limit") && call->argc - i > 2) {
            if (!num_parse_int64(call->argv[i + 1], &range->offset) ||
                !num_parse_int64(call->argv[i + 2], &range->limit))
                return not_an_integer;
            i += 2;
        } else if (!(choices & ZRANGE_MAY_CHOOSE) ||
                   !read_choice(call, i, &has_by, &has_rev, range)) {
            return "ERR syntax error";
        }
    }
    return NULL;
}

const char *zrange_read(const struct call *call, size_t first, unsigned choices,
                        struct zrange *range)
{
    range->limit = -1;
    const char *error = read_options(call, first + 2, choices, range);
    if (error != NULL)
        return error;
    if (range->limit != -1 && range->by == ZRANGE_BY_RANK)
        return "ERR syntax error, LIMIT is only supported in combination with "
               "either BYSCORE or BYLEX";
    if (range->with_scores && range->by == ZRANGE_BY_LEX)
        return "ERR syntax error, WITHSCORES not supported in combination "
               "with BYLEX";
    return zrange_read_bounds(call, first, range);
}

/* ---- finding ------------------------------------------------------------- */

static struct zspan span_between(uint64_t from, uint64_t to)
{
    return (struct zspan){ .rank = from, .count = to > from ? to - from : 0 };
}

/* Offset and limit, counted from the end that comes first. */
static struct zspan span_cut(struct zspan span, const struct zrange *range)
{
    if (range->offset < 0 || (uint64_t)range->offset >= span.count)
        return (struct zspan){ .count = 0 };
    uint64_t offset = (uint64_t)range->offset, left = span.count - offset;
    uint64_t count = left;
    if (range->limit >= 0 && (uint64_t)range->limit < left)
        count = (uint64_t)range->limit;
    uint64_t skipped = range->is_reverse ? left - count : offset;
    return (struct zspan){ .rank = span.rank + skipped, .count = count };
}

static struct zspan find_ranks(const struct coll   *coll,
                               const struct zrange *range)
{
    int64_t count = (int64_t)coll->count;
    int64_t start = range->start, stop = range->stop;
    start = start < 0 ? start + count : start;
    stop = stop < 0 ? stop + count : stop;
    start = start < 0 ? 0 : start;
    stop = stop >= count ? count - 1 : stop;
    if (start > stop)
        return (struct zspan){ .count = 0 };
    int64_t first = range->is_reverse ? count - 1 - stop : start;
    return span_between((uint64_t)first, (uint64_t)(first + stop - start + 1));
}

/* "-inf" and "+inf" need no look at the tree. */
static uint64_t rank_of_score(const struct coll *coll, double score, bool after)
{
    if (isinf(score) && after == (score > 0))
        return after ? coll->count : 0;
    return zset_rank_of_score(coll, score, after);
}

static struct zspan find_scores(const struct coll   *coll,
                                const struct zrange *range)
{
    uint64_t from = rank_of_score(coll, range->min.score, range->min.is_open);
    uint64_t to = rank_of_score(coll, range->max.score, !range->max.is_open);
    return span_cut(span_between(from, to), range);
}

static uint64_t rank_of_bound(const struct coll         *coll,
                              const struct zrange_bound *bound, bool after)
{
    if (bound->infinity != 0)
        return bound->infinity < 0 ? 0 : coll->count;
    return zset_rank_of_member(coll, bound->text, after);
}

/* ---- by lex, where scores differ ----------------------------------------- */

static bool scores_differ(const struct coll *coll)
{
    struct page_element first, last;
    if (coll->count < 2 || coll_encoding(coll) != ENCODING_SMALL)
        return false;
    coll_get(coll, 0, &first);
    double score = zset_score_of(&first);
    coll_get(coll, coll->count - 1, &last);
    return zset_score_of(&last) != score;
}

static int compare_bound(slice member, const struct zrange_bound *bound)
{
    return bound->infinity != 0 ? -bound->infinity
                                : slice_compare(member, bound->text);
}

/* Is it on the right side of the bound? */
static bool is_beyond_min(slice member, const struct zrange *range)
{
    return compare_bound(member, &range->min) >= range->min.is_open;
}

static bool is_before_max(slice member, const struct zrange *range)
{
    return compare_bound(member, &range->max) <= -range->max.is_open;
}

/* Some range that nothing can be in. */
static bool is_void(const struct zrange *range)
{
    const struct zrange_bound *min = &range->min, *max = &range->max;
    bool                       is_open = min->is_open || max->is_open;
    if (min->infinity != 0 || max->infinity != 0)
        return min->infinity > max->infinity;
    int order = slice_compare(min->text, max->text);
    return order > 0 || (order == 0 && is_open);
}

/* One by one in the range's direction: the first on the right side of the bound
 * that comes first must be on the right side of the other one, too. From there
 * the offset is taken, and what follows without a gap. */
static struct zspan walk_lex(const struct coll   *coll,
                             const struct zrange *range)
{
    struct zspan        none = { .count = 0 };
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    bool                is_inside = false;
    uint64_t            at = 0, left = 0, begin = 0, count = 0;
    uint64_t most = range->limit < 0 ? UINT64_MAX : (uint64_t)range->limit;
    if (is_void(range) || range->offset < 0)
        return none;
    bool is_reverse = range->is_reverse;
    coll_walk_init(&walk, coll, is_reverse ? coll->count - 1 : 0, UINT64_MAX,
                   is_reverse);
    for (; count < most && coll_walk_next(&walk, &element); at++) {
        slice member = page_value_text(&element.key, buffer);
        bool  low = is_beyond_min(member, range);
        bool  high = is_before_max(member, range);
        if (!is_inside && !(is_reverse ? high : low))
            continue;
        if (!(is_reverse ? low : high) && (!is_inside || left == 0))
            break;
        if (!is_inside)
            left = (uint64_t)range->offset;
        is_inside = true;
        if (left > 0) {
            left--;
            continue;
        }
        begin = count == 0 ? at : begin;
        count++;
    }
    if (count == 0)
        return none;
    uint64_t rank = is_reverse ? coll->count - begin - count : begin;
    return (struct zspan){ .rank = rank, .count = count };
}

/* What Redis looks at before it walks: do the ends reach into the range? */
static bool ends_reach(const struct coll *coll, const struct zrange *range)
{
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    coll_get(coll, coll->count - 1, &element);
    if (!is_beyond_min(page_value_text(&element.key, buffer), range))
        return false;
    coll_get(coll, 0, &element);
    return is_before_max(page_value_text(&element.key, buffer), range);
}

static struct zspan find_lex(const struct coll   *coll,
                             const struct zrange *range)
{
    if (scores_differ(coll)) {
        if (!ends_reach(coll, range))
            return (struct zspan){ .count = 0 };
        return walk_lex(coll, range);
    }
    uint64_t from = rank_of_bound(coll, &range->min, range->min.is_open);
    uint64_t to = rank_of_bound(coll, &range->max, !range->max.is_open);
    return span_cut(span_between(from, to), range);
}

struct zspan zrange_find(const struct coll *coll, const struct zrange *range)
{
    if (coll->count == 0)
        return (struct zspan){ .count = 0 };
    switch (range->by) {
    case ZRANGE_BY_RANK:
        return find_ranks(coll, range);
    case ZRANGE_BY_SCORE:
        return find_scores(coll, range);
    case ZRANGE_BY_LEX:
        break;
    }
    return find_lex(coll, range);
}
