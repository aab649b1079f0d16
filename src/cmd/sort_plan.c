/* sort_plan.c - see sort_plan.h. */
#include "cmd/sort_plan.h"

#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"

/* --- patterns ------------------------------------------------------------ */

/* What C's string functions see of it. */
static slice c_text(slice text)
{
    const char *nul = text.len > 0 ? memchr(text.data, 0, text.len) : NULL;
    return nul == NULL ? text
                       : slice_make(text.data, (size_t)(nul - text.data));
}

static slice part(slice text, size_t from, size_t to)
{
    ASSERT(from <= to && to <= text.len);
    return slice_make(text.data + from, to - from);
}

/* Position of "->" from there on, with a field behind it; len if there is
 * none. Redis looks at the first one only. */
static size_t find_arrow(slice seen, size_t from, size_t len)
{
    for (size_t i = from; i + 1 < seen.len; i++)
        if (seen.data[i] == '-' && seen.data[i + 1] == '>')
            return i + 2 < seen.len ? i : len;
    return len;
}

struct sort_pattern sort_pattern_parse(slice text)
{
    struct sort_pattern pattern = { .kind = SORT_NOTHING };
    slice               seen = c_text(text);
    if (seen.len == 1 && seen.data[0] == '#') {
        pattern.kind = SORT_ITSELF;
        return pattern;
    }
    const char *star =
        seen.len > 0 ? memchr(seen.data, '*', seen.len) : NULL;
    if (star == NULL)
        return pattern;
    size_t at = (size_t)(star - seen.data);
    size_t arrow = find_arrow(seen, at + 1, text.len);
    pattern.kind = arrow < text.len ? SORT_FIELD : SORT_STRING;
    pattern.before = part(text, 0, at);
    pattern.after = part(text, at + 1, arrow);
    if (pattern.kind == SORT_FIELD)
        pattern.field = part(text, arrow + 2, text.len);
    return pattern;
}

static void append(struct buf *buf, slice bytes)
{
    err_t err = buf_append(buf, bytes.data, bytes.len);
    ASSERT(err == ERR_OK);
}

void sort_pattern_key(const struct sort_pattern *pattern, slice element,
                      struct buf *buf)
{
    ASSERT(pattern->kind == SORT_STRING || pattern->kind == SORT_FIELD);
    append(buf, pattern->before);
    append(buf, element);
    append(buf, pattern->after);
}

/* --- arguments ----------------------------------------------------------- */

static const char *read_limit(struct sort_plan *plan, const slice *words)
{
    if (num_parse_int64(words[0], &plan->first) &&
        num_parse_int64(words[1], &plan->most))
        return NULL;
    return "ERR value is not an integer or out of range";
}

static void read_by(struct sort_plan *plan, slice word)
{
    slice seen = c_text(word);
    plan->by = sort_pattern_parse(word);
    plan->has_by = true;
    /* Once there was a constant, nothing is sorted, whatever follows. */
    if (seen.len == 0 || memchr(seen.data, '*', seen.len) == NULL)
        plan->as_it_is = true;
}

/* One option and its arguments, of which there are `left`: how many words it
 * takes, 0 if there is no such option. */
static size_t read_option(struct sort_plan *plan, const slice *argv, size_t at,
                          size_t left, bool may_store, const char **error)
{
    slice word = argv[at];
    if (slice_equal_nocase(word, "asc") || slice_equal_nocase(word, "desc")) {
        plan->descending = word.len == 4;
        return 1;
    }
    if (slice_equal_nocase(word, "alpha")) {
        plan->alpha = true;
        return 1;
    }
    if (slice_equal_nocase(word, "limit") && left >= 2) {
        *error = read_limit(plan, argv + at + 1);
        return 3;
    }
    if (may_store && slice_equal_nocase(word, "store") && left >= 1) {
        plan->store_at = at + 1;
        return 2;
    }
    if (slice_equal_nocase(word, "by") && left >= 1) {
        read_by(plan, argv[at + 1]);
        return 2;
    }
    if (slice_equal_nocase(word, "get") && left >= 1) {
        plan->gets[plan->get_count++] = sort_pattern_parse(argv[at + 1]);
        return 2;
    }
    return 0;
}

const char *sort_plan_init(struct sort_plan *plan, const slice *argv,
                           size_t argc, bool may_store)
{
    const char *error = NULL;
    *plan = (struct sort_plan){ .most = -1 };
    if (argc > 3) /* two words for each */
        plan->gets = mem_alloc(argc / 2 * sizeof(*plan->gets));
    for (size_t at = 2; at < argc && error == NULL;) {
        size_t words =
            read_option(plan, argv, at, argc - at - 1, may_store, &error);
        if (words == 0)
            error = "ERR syntax error";
        at += words;
    }
    if (error != NULL)
        sort_plan_deinit(plan);
    return error;
}

void sort_plan_deinit(struct sort_plan *plan)
{
    mem_free(plan->gets);
    plan->gets = NULL;
    plan->get_count = 0;
}

struct sort_window sort_plan_window(const struct sort_plan *plan,
                                    uint64_t                count)
{
    struct sort_window window = { 0, 0 };
    window.from = plan->first > 0 ? (uint64_t)plan->first : 0;
    if (window.from >= count)
        return (struct sort_window){ 0, 0 };
    window.count = count - window.from;
    if (plan->most >= 0 && (uint64_t)plan->most < window.count)
        window.count = (uint64_t)plan->most;
    return window;
}

static size_t words_skipped(slice word)
{
    if (slice_equal_nocase(word, "limit"))
        return 2;
    return slice_equal_nocase(word, "get") || slice_equal_nocase(word, "by");
}

size_t sort_store_position(const slice *argv, size_t argc)
{
    size_t found = 0;
    for (size_t i = 2; i < argc; i++) {
        if (slice_equal_nocase(argv[i], "store") && i + 1 < argc)
            found = i + 1;
        i += words_skipped(argv[i]);
    }
    return found;
}
