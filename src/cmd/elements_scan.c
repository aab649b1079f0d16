/* elements_scan.c - a scan goes over a collection in order of its elements'
 * hashes.
 *
 * An element's hash depends on its own bytes and the store's key, and on
 * nothing else: not on what else is in the collection, nor on where it lies. So
 * an order by hash outlives every change, and a cursor need only tell where in
 * it the scan has come to. We take the upper SCAN_CURSOR_BITS bits of a hash,
 * its place. All elements of one place go into one reply, and the next cursor
 * is the place of the last one plus one: what has been answered is exactly what
 * is in lower places.
 *
 *   Something is added or deleted: nothing else changes its place, so what
 *   stays is met once.
 *
 *   The key goes to disk and comes back: pages are the same bytes, so the same.
 *
 *   It shrinks into one page, which has no order by hash (or one, but there is
 *   no saying which of the two): the whole page is answered, with cursor 0,
 *   whatever the cursor was. That repeats what was answered before, and leaves
 *   out nothing. The scan is over, which is fine, since nothing is left.
 *
 *   It grows out of its page: a scan of a page has ended with its first reply,
 *   so there is none in progress, unless it began before, when the collection
 *   was large. Then its cursor is a place, and is good again.
 *
 *   The key is renamed, or is another collection now: its elements have their
 *   places too, and those not before the cursor are answered. So does Redis.
 *
 * Redis repeats elements when its hash table is resized, and answers more than
 * COUNT when a bucket is long; we do neither. */
#include "cmd/elements_scan.h"

#include "base/assert.h"
#include "base/glob.h"
#include "base/num.h"
#include "cmd/handlers.h"
#include "type/zset.h"

#define DEFAULT_COUNT 10
#define PLACE_SHIFT   (64 - SCAN_CURSOR_BITS)
#define PLACES        (UINT64_C(1) << SCAN_CURSOR_BITS)

/* A bulk of a long double with 17 digits: sign, dot, exponent. */
#define SCORE_BYTES 48
/* Less than this is no large reply, and not worth counting. */
#define FEW_BYTES   ((size_t)64 * 1024)

/* ---- arguments ----------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool scan_parse_cursor(slice text, uint64_t *cursor)
{
    const char *at = text.data, *end = text.data + text.len;
    uint64_t    value = 0;
    bool        is_negative = false;
    *cursor = 0;
    if (at == end || *at == '\0') /* Redis's text ends there */
        return true;
    if (is_space(*at))
        return false;
    if (*at == '-' || *at == '+')
        is_negative = *at++ == '-';
    if (at == end || !is_digit(*at))
        return false;
    for (; at < end && is_digit(*at); at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    *cursor = is_negative ? 0 - value : value;
    return at == end || *at == '\0';
}

#define SYNTAX_ERROR "ERR syntax error"

static const char *parse_count(slice arg, uint64_t *out)
{
    int64_t count;
    if (!num_parse_int64(arg, &count))
        return "ERR value is not an integer or out of range";
    if (count < 1)
        return SYNTAX_ERROR;
    *out = (uint64_t)count;
    return NULL;
}

const char *scan_parse_options(const slice *argv, size_t argc,
                               struct scan_request *request, slice *type)
{
    const char *wrong = NULL;
    request->count = DEFAULT_COUNT;
    request->pattern = SLICE_LITERAL("*");
    for (size_t i = 0; i < argc && wrong == NULL; i += 2) {
        bool has_value = i + 1 < argc;
        if (has_value && slice_equal_nocase(argv[i], "count"))
            wrong = parse_count(argv[i + 1], &request->count);
        else if (has_value && slice_equal_nocase(argv[i], "match"))
            request->pattern = argv[i + 1];
        else if (has_value && type != NULL &&
                 slice_equal_nocase(argv[i], "type"))
            *type = argv[i + 1];
        else
            wrong = SYNTAX_ERROR;
    }
    return wrong;
}

/* ---- going over places --------------------------------------------------- */

/* What one call looks at. */
struct window {
    struct coll_scan scan;
    uint64_t         left; /* elements to look at */
    uint64_t         next; /* the cursor to answer */
};

static uint64_t place_at(struct tree *tree, uint64_t rank)
{
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    err_t               err = tree_get(tree, rank, &element);
    ASSERT(err == ERR_OK);
    return tree_hash(tree, page_value_text(&element.key, buffer)) >>
           PLACE_SHIFT;
}

/* Rank and cursor of where a call that begins with that rank ends. */
static uint64_t window_end(struct tree *tree, uint64_t begin, uint64_t count,
                           uint64_t *next)
{
    uint64_t total = tree_count(tree), end = begin + count;
    *next = 0;
    if (count >= total - begin)
        return total;
    uint64_t place = place_at(tree, end - 1);
    while (end < total && place_at(tree, end) == place)
        end++;
    if (end < total)
        *next = place + 1;
    return end;
}

static void window_init(struct window *window, const struct coll *coll,
                        const struct scan_request *request)
{
    bool     is_beyond = request->cursor >= PLACES;
    uint64_t from = is_beyond ? UINT64_MAX : request->cursor << PLACE_SHIFT;
    coll_scan_init(&window->scan, coll, from);
    window->left = coll->count;
    window->next = 0;
    struct tree *tree = window->scan.tree;
    if (tree == NULL)
        return;
    uint64_t begin = tree_count(tree);
    if (!is_beyond && window->scan.scores.left > 0)
        begin = window->scan.scores.next;
    window->left =
        window_end(tree, begin, request->count, &window->next) - begin;
}

static bool is_wanted(const struct page_element *element,
                      const struct scan_request *request)
{
    char buffer[NUM_INT64_CHARS];
    if (request->pattern.len == 1 && request->pattern.data[0] == '*')
        return true;
    return glob_match(request->pattern, page_value_text(&element->key, buffer),
                      false);
}

static bool window_next(struct window             *window,
                        const struct scan_request *request,
                        struct page_element       *out)
{
    while (window->left > 0) {
        bool is_there = coll_scan_next(&window->scan, out, NULL);
        ASSERT(is_there);
        window->left--;
        if (is_wanted(out, request))
            return true;
    }
    return false;
}

/* ---- answering ----------------------------------------------------------- */

/* Redis writes the score of a small zset as it is kept, that of a large one
 * with 17 digits: ZSCAN shows 0.1 as 0.10000000000000001. */
static void reply_score(struct reply *reply, const struct coll *coll,
                        double score)
{
    char text[NUM_DOUBLE_CHARS];
    if (coll_encoding(coll) == ENCODING_FULL)
        reply_bulkf(reply, "%.17Lg", (long double)score);
    else
        reply_bulk(reply, slice_make(text, num_format_double(score, text,
                                                             sizeof(text))));
}

static void reply_one(struct reply *reply, const struct coll *coll,
                      const struct page_element *element)
{
    reply_element(reply, &element->key);
    if (coll->type == OBJ_HASH)
        reply_element(reply, &element->value);
    else if (coll->type == OBJ_ZSET)
        reply_score(reply, coll, zset_score_of(element));
}

static void scan_reply_empty(struct reply *reply)
{
    reply_array(reply, 2);
    reply_bulk(reply, SLICE_LITERAL("0"));
    reply_array(reply, 0);
}

void scan_reply(struct reply *reply, const struct coll *coll,
                const struct scan_request *request)
{
    struct window       window;
    struct page_element element;
    size_t              count = 0, each = coll->type == OBJ_SET ? 1 : 2;
    char                text[NUM_INT64_CHARS];
    window_init(&window, coll, request);
    reply_array(reply, 2);
    reply_bulk(reply,
               slice_make(text, num_format_int64((int64_t)window.next, text)));
    size_t mark = reply_deferred_begin(reply);
    for (; window_next(&window, request, &element); count++)
        reply_one(reply, coll, &element);
    reply_deferred_end(reply, mark, '*', count * each);
}

size_t scan_bytes(const struct coll *coll, const struct scan_request *request)
{
    struct window       window;
    struct page_element element;
    size_t              bytes = 0;
    window_init(&window, coll, request);
    while (window_next(&window, request, &element)) {
        bytes += element_bytes(&element.key);
        if (coll->type == OBJ_HASH)
            bytes += element_bytes(&element.value);
        else if (coll->type == OBJ_ZSET)
            bytes += SCORE_BYTES;
    }
    return bytes;
}

/* ---- commands ------------------------------------------------------------ */

/* Behind the key and the cursor. */
static const char *parse_call_options(const struct call   *call,
                                      struct scan_request *request)
{
    return scan_parse_options(call->argv + 3, call->argc - 3, request, NULL);
}

static enum call_result scan_type(struct call *call, enum obj_type type)
{
    struct scan_request request;
    struct coll         coll;
    const char         *wrong = NULL;
    if (!scan_parse_cursor(call->argv[2], &request.cursor)) {
        reply_error(call->reply, "ERR invalid cursor");
        return CALL_DONE;
    }
    if (!call_coll(call, &call->key, type, &coll))
        return CALL_DONE;
    /* In Redis nobody looks at the options when there is no such key. */
    wrong = parse_call_options(call, &request);
    if (coll.count == 0)
        scan_reply_empty(call->reply);
    else if (wrong != NULL)
        reply_error(call->reply, wrong);
    else
        scan_reply(call->reply, &coll, &request);
    return CALL_DONE;
}

size_t elements_scan_bytes(struct call *call)
{
    struct scan_request request;
    struct coll         coll;
    if (!call_peek(call, &coll) || coll.type == OBJ_LIST ||
        !scan_parse_cursor(call->argv[2], &request.cursor) ||
        parse_call_options(call, &request) != NULL)
        return 0;
    uint64_t count = request.count < coll.count ? request.count : coll.count;
    if (coll.page != NULL || count * coll_longest(&coll) <= FEW_BYTES)
        return 0;
    return scan_bytes(&coll, &request);
}

enum call_result cmd_hscan(struct call *call)
{
    return scan_type(call, OBJ_HASH);
}

enum call_result cmd_sscan(struct call *call)
{
    return scan_type(call, OBJ_SET);
}

enum call_result cmd_zscan(struct call *call)
{
    return scan_type(call, OBJ_ZSET);
}
