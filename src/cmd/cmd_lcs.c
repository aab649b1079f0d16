/* cmd_lcs.c - LCS: the longest common subsequence of two strings.
 *
 * Redis fills a table of (n+1) x (m+1) numbers, L(i, j) being the length for
 * the first i bytes of a and the first j of b, and walks back through it. Here
 * a cell is one bit, and 64 of them are computed at once (Hyyro 2004, "Bit-
 * parallel LCS-length computation revisited"): bit j of row i is 0 where
 * L(i, j) = L(i, j-1) + 1. A column is 64 bytes of b: one word for each row.
 * Columns are computed one after the other; all that one hands to the next is
 * a carry, one bit a row.
 *
 * The way back is Redis's, so that of several answers it is the same one: at
 * different bytes it goes up if L(i-1, j) > L(i, j-1), else left. L(i, j) is
 * the larger of these two there, so "up" is the same as L(i, j) > L(i, j-1),
 * which is the bit. Kept for it are the carries only; a column is computed
 * again when the walk comes to it, in groups of rows from remembered states.
 *
 * Bounds: what Redis refuses is refused in its words (its table must fit into
 * proto-max-bulk-len, which makes 2^27 cells with the default). So is what
 * takes more than LCS_WORDS_MAX words, whatever that option says. Two strings
 * of 11,000 bytes take 6 to 40 ms (Redis: 300 to 400); the worst, 60 MB and one
 * byte, half a second. Memory is a bit for each 64 cells and a bit for each
 * row, all of it for the call only; above a sixteenth of the memory limit the
 * answer is OOM. */
#include "base/assert.h"
#include "base/mem.h"
#include "cache/cache.h"
#include "cmd/cmd_string.h"
#include "cmd/handlers.h"
#include "type/string.h"

#define LCS_WORDS_MAX ((uint64_t)1 << 26)
#define WIDTH         64   /* bytes of b in a column */
#define GROUP_ROWS    1024 /* rows of a column that are known at a time */

struct lcs {
    slice     a, b;
    size_t    columns;
    bool      walks_back;  /* all carries are kept */
    size_t    carry_bytes; /* of one column */
    uint8_t  *carries;     /* what each column hands on; or just the last */
    uint64_t *starts;      /* of the known column: the state above each group */
    uint64_t *rows;        /* of the known group: the state after each row */
    size_t    column, group; /* which are known; SIZE_MAX: none */
    size_t    length;
};

/* --- computing ----------------------------------------------------------- */

static size_t columns_of(slice b)
{
    return (b.len + WIDTH - 1) / WIDTH;
}

static size_t groups_of(slice a)
{
    return (a.len + GROUP_ROWS - 1) / GROUP_ROWS;
}

static size_t work_bytes(slice a, slice b, bool walks_back)
{
    size_t kept = walks_back ? columns_of(b) : 1;
    return kept * ((a.len + 7) / 8) +
           (groups_of(a) + GROUP_ROWS) * sizeof(uint64_t);
}

static void lcs_init(struct lcs *lcs, slice a, slice b, bool walks_back)
{
    size_t columns = columns_of(b);
    *lcs = (struct lcs){ .a = a,
                         .b = b,
                         .columns = columns,
                         .walks_back = walks_back,
                         .carry_bytes = (a.len + 7) / 8,
                         .column = SIZE_MAX,
                         .group = SIZE_MAX };
    lcs->carries = mem_calloc(walks_back ? columns : 1, lcs->carry_bytes);
    lcs->starts = mem_calloc(groups_of(a), sizeof(uint64_t));
    lcs->rows = mem_calloc(GROUP_ROWS, sizeof(uint64_t));
}

static void lcs_deinit(struct lcs *lcs)
{
    mem_free(lcs->carries);
    mem_free(lcs->starts);
    mem_free(lcs->rows);
}

/* For each byte, where it stands in the column. */
static void find_matches(const struct lcs *lcs, size_t column,
                         uint64_t matches[256])
{
    size_t first = column * WIDTH, end = first + WIDTH;
    if (end > lcs->b.len)
        end = lcs->b.len;
    memset(matches, 0, 256 * sizeof(*matches));
    for (size_t j = first; j < end; j++)
        matches[(uint8_t)lcs->b.data[j]] |= UINT64_C(1) << (j - first);
}

/* Computes rows [from, to) of a column, below a row of that state; returns the
 * last one's. Writes each into rows, unless that is NULL. */
static uint64_t run_rows(const struct lcs *lcs, size_t column,
                         const uint64_t matches[256], uint64_t state,
                         size_t from, size_t to, uint64_t *rows)
{
    size_t         at = lcs->walks_back ? column : 0;
    uint8_t       *out = lcs->carries + at * lcs->carry_bytes;
    const uint8_t *in =
        lcs->walks_back && column > 0 ? out - lcs->carry_bytes : out;
    unsigned taken = column > 0 ? 1 : 0;
    for (size_t i = from; i < to; i++) {
        uint64_t match = matches[(uint8_t)lcs->a.data[i]], sum;
        unsigned bit = i % 8;
        unsigned carry = in[i / 8] >> bit & taken;
        unsigned over = __builtin_add_overflow(state, state & match, &sum);
        over |= __builtin_add_overflow(sum, (uint64_t)carry, &sum);
        out[i / 8] = (uint8_t)((out[i / 8] & ~(1u << bit)) | over << bit);
        state = sum | (state & ~match);
        if (rows != NULL)
            rows[i - from] = state;
    }
    return state;
}

/* The length; and the carries, if the walk back follows. */
static void compute(struct lcs *lcs)
{
    uint64_t matches[256];
    for (size_t column = 0; column < lcs->columns; column++) {
        find_matches(lcs, column, matches);
        uint64_t last =
            run_rows(lcs, column, matches, UINT64_MAX, 0, lcs->a.len, NULL);
        lcs->length += (size_t)__builtin_popcountll(~last);
    }
}

/* --- the way back -------------------------------------------------------- */

/* Makes row i known in a column: all rows up to it go by once more, and then
 * those of its group. The walk only goes up and left, so each column and each
 * group comes once. */
static void know(struct lcs *lcs, size_t column, size_t i)
{
    uint64_t matches[256];
    size_t   group = i / GROUP_ROWS;
    if (lcs->column == column && lcs->group == group)
        return;
    find_matches(lcs, column, matches);
    if (lcs->column != column) {
        uint64_t state = UINT64_MAX;
        for (size_t g = 0; g <= group; g++) {
            lcs->starts[g] = state;
            if (g < group)
                state = run_rows(lcs, column, matches, state, g * GROUP_ROWS,
                                 (g + 1) * GROUP_ROWS, NULL);
        }
    }
    size_t end = (group + 1) * GROUP_ROWS;
    run_rows(lcs, column, matches, lcs->starts[group], group * GROUP_ROWS,
             end < lcs->a.len ? end : lcs->a.len, lcs->rows);
    lcs->column = column;
    lcs->group = group;
}

/* Is L(i, j) > L(i, j-1)? */
static bool is_up(struct lcs *lcs, size_t i, size_t j)
{
    size_t row = i - 1, bit = (j - 1) % WIDTH;
    know(lcs, (j - 1) / WIDTH, row);
    return !(lcs->rows[row % GROUP_ROWS] >> bit & 1);
}

struct lcs_options {
    bool    len, idx, with_match_len;
    int64_t min_match_len;
};

/* A run of matching bytes, growing backwards. */
struct match {
    bool   open;
    size_t a_start, a_end, b_start, b_end;
};

static void match_extend(struct match *match, size_t i, size_t j)
{
    if (!match->open)
        *match = (struct match){ .open = true, .a_end = i, .b_end = j };
    match->a_start = i;
    match->b_start = j;
}

/* True if it was long enough to be told. */
static bool match_end(struct call *call, const struct lcs_options *options,
                      struct match *match)
{
    size_t len = match->a_end - match->a_start + 1;
    match->open = false;
    if ((uint64_t)options->min_match_len > len)
        return false;
    reply_array(call->reply, options->with_match_len ? 3 : 2);
    reply_array(call->reply, 2);
    reply_int(call->reply, (int64_t)match->a_start);
    reply_int(call->reply, (int64_t)match->a_end);
    reply_array(call->reply, 2);
    reply_int(call->reply, (int64_t)match->b_start);
    reply_int(call->reply, (int64_t)match->b_end);
    if (options->with_match_len)
        reply_int(call->reply, (int64_t)len);
    return true;
}

/* Answers the matches, last one first; returns how many. */
static size_t reply_matches(struct call *call, struct lcs *lcs,
                            const struct lcs_options *options)
{
    struct match match = { .open = false };
    size_t       i = lcs->a.len, j = lcs->b.len, count = 0;
    while (i > 0 && j > 0) {
        bool ends = match.open;
        if (lcs->a.data[i - 1] == lcs->b.data[j - 1]) {
            match_extend(&match, --i, --j);
            ends = i == 0 || j == 0;
        } else if (is_up(lcs, i, j)) {
            i--;
        } else {
            j--;
        }
        if (ends)
            count += match_end(call, options, &match);
    }
    return count;
}

static void reply_subsequence(struct call *call, struct lcs *lcs)
{
    struct blob *blob = blob_new(lcs->length);
    size_t       i = lcs->a.len, j = lcs->b.len, at = lcs->length;
    while (i > 0 && j > 0) {
        if (lcs->a.data[i - 1] == lcs->b.data[j - 1]) {
            i--, j--;
            ASSERT(at > 0);
            blob->data[--at] = lcs->a.data[i];
        } else if (is_up(lcs, i, j)) {
            i--;
        } else {
            j--;
        }
    }
    ASSERT(at == 0);
    if (blob->len > CACHE_INLINE_MAX)
        reply_blob(call->reply, blob);
    else
        reply_bulk(call->reply, blob_slice(blob));
    blob_unref(blob);
}

/* --- the command --------------------------------------------------------- */

static bool lcs_options_read(struct call *call, struct lcs_options *options)
{
    *options = (struct lcs_options){ .len = false };
    for (size_t i = 3; i < call->argc; i++) {
        if (call_arg_is(call, i, "idx")) {
            options->idx = true;
        } else if (call_arg_is(call, i, "len")) {
            options->len = true;
        } else if (call_arg_is(call, i, "withmatchlen")) {
            options->with_match_len = true;
        } else if (call_arg_is(call, i, "minmatchlen") && i + 1 < call->argc) {
            if (!call_int(call, call->argv[++i], &options->min_match_len))
                return false;
        } else {
            call_syntax_error(call);
            return false;
        }
    }
    if (options->min_match_len < 0)
        options->min_match_len = 0;
    if (!options->idx || !options->len)
        return true;
    reply_error(call->reply, "ERR If you want both the length and indexes, "
                             "please just use IDX.");
    return false;
}

/* False: what it takes is refused, and that has been answered. */
static bool lcs_fits(struct call *call, slice a, slice b, bool walks_back)
{
    uint64_t cells, table;
    bool     is_far_off = __builtin_mul_overflow((uint64_t)a.len + 1,
                                                 (uint64_t)b.len + 1, &cells) ||
                      __builtin_mul_overflow(cells, sizeof(uint32_t), &table);
    if (!is_far_off && table > call->server->config->proto_max_bulk_len)
        reply_error(call->reply, "ERR Insufficient memory, transient memory "
                                 "for LCS exceeds proto-max-bulk-len");
    else if (is_far_off || (uint64_t)a.len * columns_of(b) > LCS_WORDS_MAX)
        reply_error(call->reply, "ERR Insufficient memory, failed allocating "
                                 "transient memory for LCS");
    else if (work_bytes(a, b, walks_back) >
             server_limit_bytes(call->server) / 16)
        call_error(call, ERR_OOM);
    else
        return true;
    return false;
}

static void reply_lcs(struct call *call, struct lcs *lcs,
                      const struct lcs_options *options)
{
    compute(lcs);
    if (options->idx) {
        reply_map(call->reply, 2);
        reply_bulk_string(call->reply, "matches");
        size_t mark = reply_deferred_begin(call->reply);
        size_t count = reply_matches(call, lcs, options);
        reply_deferred_end(call->reply, mark, '*', count);
        reply_bulk_string(call->reply, "len");
    }
    if (options->idx || options->len)
        reply_int(call->reply, (int64_t)lcs->length);
    else
        reply_subsequence(call, lcs);
}

static const struct entry *entry_of(struct call *call, size_t arg_index)
{
    struct db_key key = call_key(call, arg_index);
    const struct entry *entry =
        cache_find(db_cache(call->db), key.space->id, key.key, key.hash);
    return entry != NULL && entry_exists(entry) &&
                   entry_type(entry) == OBJ_STRING
               ? entry
               : NULL;
}

/* The bytes of a string, in one run: those of a large one are copied. */
struct run {
    slice        bytes;
    struct blob *copy;
};

static struct run run_of(const struct entry *entry)
{
    struct run run = { .bytes = SLICE_EMPTY };
    if (entry != NULL && entry_object(entry) != NULL) {
        run.copy = string_object_copy_out(entry_object(entry));
        run.bytes = blob_slice(run.copy);
    } else if (entry != NULL) {
        run.bytes = entry_value(entry);
    }
    return run;
}

/* Copies of both, and the answer, which is no longer than the shorter one. */
size_t lcs_bytes(struct call *call)
{
    const struct entry *a = entry_of(call, 1), *b = entry_of(call, 2);
    size_t a_len = a != NULL ? db_value_len(a) : 0;
    size_t b_len = b != NULL ? db_value_len(b) : 0;
    return a_len + b_len + (a_len < b_len ? a_len : b_len);
}

/* Both are looked at before either is used: a look may move entries. */
static bool lcs_look(struct call *call)
{
    struct db_key key_a = call_key(call, 1), key_b = call_key(call, 2);
    bool          touch = !(call->session->flags & SESSION_NO_TOUCH);
    bool          is_string = true;
    for (int i = 0; i < 2; i++) {
        const struct entry *entry =
            db_look(call->db, i == 0 ? &key_a : &key_b, touch);
        is_string &= entry == NULL || entry_type(entry) == OBJ_STRING;
    }
    if (!is_string) {
        reply_error(call->reply,
                    "ERR The specified keys must contain string values");
        return false;
    }
    return true;
}

enum call_result cmd_lcs(struct call *call)
{
    struct lcs_options options;
    struct lcs         lcs;
    if (!lcs_look(call) || !lcs_options_read(call, &options))
        return CALL_DONE;
    struct run a = run_of(entry_of(call, 1)), b = run_of(entry_of(call, 2));
    if (lcs_fits(call, a.bytes, b.bytes, !options.len)) {
        lcs_init(&lcs, a.bytes, b.bytes, !options.len);
        reply_lcs(call, &lcs, &options);
        lcs_deinit(&lcs);
    }
    blob_unref(a.copy);
    blob_unref(b.copy);
    return CALL_DONE;
}
