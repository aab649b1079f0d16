/* fault_text.c - the fault store's orders as words, for DEBUG STORE.
 *
 * One table: an order's first word, how many words it takes, and the function
 * that reads the rest. The grammar stands in fault.h. */
#include <limits.h>
#include <stdio.h>

#include "base/num.h"
#include "store/fault.h"

struct order {
    const char *word;
    size_t      min_words;
    size_t      max_words;
    err_t (*run)(struct store *store, const slice *words, size_t count,
                 struct err_text *why);
};

static const char *const op_words[FAULT_OP_COUNT] = {
    [FAULT_GET] = "get", [FAULT_WRITE] = "write", [FAULT_ITER] = "iter"
};

static const struct {
    const char *word;
    err_t       err;
} err_words[] = { { "io", ERR_IO },
                  { "nospace", ERR_NO_SPACE },
                  { "corrupt", ERR_CORRUPT } };

static err_t bad_word(slice word, const char *wanted, struct err_text *why)
{
    int len = word.len < 40 ? (int)word.len : 40;
    return err_set(why, ERR_INVALID, "'%.*s' is not %s", len, word.data,
                   wanted);
}

static err_t read_op(slice word, enum fault_op *op, struct err_text *why)
{
    for (int i = 0; i < FAULT_OP_COUNT; i++)
        if (slice_equal_nocase(word, op_words[i])) {
            *op = (enum fault_op)i;
            return ERR_OK;
        }
    return bad_word(word, "one of get, write, iter", why);
}

static err_t read_err(slice word, err_t *err, struct err_text *why)
{
    for (size_t i = 0; i < sizeof(err_words) / sizeof(err_words[0]); i++)
        if (slice_equal_nocase(word, err_words[i].word)) {
            *err = err_words[i].err;
            return ERR_OK;
        }
    return bad_word(word, "one of io, nospace, corrupt", why);
}

static err_t read_number(slice word, int64_t min, int64_t *out,
                         struct err_text *why)
{
    if (num_parse_int64(word, out) && *out >= min && *out <= INT_MAX)
        return ERR_OK;
    return bad_word(word, "a number in range", why);
}

/* delay OP MS */
static err_t order_delay(struct store *store, const slice *words, size_t count,
                         struct err_text *why)
{
    enum fault_op op = FAULT_GET;
    int64_t       ms = 0;

    (void)count;
    if (read_op(words[1], &op, why) || read_number(words[2], 0, &ms, why))
        return ERR_INVALID;
    fault_set_delay(store, op, (unsigned)ms);
    return ERR_OK;
}

/* fail OP COUNT [ERR] [applied] [skip N] */
static err_t order_fail(struct store *store, const slice *words, size_t count,
                        struct err_text *why)
{
    enum fault_op op = FAULT_GET;
    int64_t       times = 0;
    int64_t       skip = 0;
    err_t         err = ERR_IO;
    bool          applied = false;
    size_t        at = 3;

    if (read_op(words[1], &op, why) || read_number(words[2], -1, &times, why))
        return ERR_INVALID;
    if (times != 0 && count == 3)
        return err_set(why, ERR_INVALID,
                       "fail wants an error: io, nospace or "
                       "corrupt");
    if (at < count && read_err(words[at++], &err, why))
        return ERR_INVALID;
    if (at < count && slice_equal_nocase(words[at], "applied")) {
        applied = true;
        at++;
    }
    if (at + 1 < count && slice_equal_nocase(words[at], "skip")) {
        if (read_number(words[at + 1], 0, &skip, why))
            return ERR_INVALID;
        at += 2;
    }
    if (at < count)
        return bad_word(words[at], "understood here", why);
    fault_fail(store, op, (unsigned)skip, (int)times, err, applied);
    return ERR_OK;
}

/* gate OP open | gate OP close | gate OP step N */
static err_t order_gate(struct store *store, const slice *words, size_t count,
                        struct err_text *why)
{
    enum fault_op op = FAULT_GET;
    int64_t       n = 0;

    if (read_op(words[1], &op, why))
        return ERR_INVALID;
    if (count == 3 && slice_equal_nocase(words[2], "open")) {
        fault_gate_open(store, op);
    } else if (count == 3 && slice_equal_nocase(words[2], "close")) {
        fault_gate_close(store, op);
    } else if (count == 4 && slice_equal_nocase(words[2], "step")) {
        if (read_number(words[3], 1, &n, why))
            return ERR_INVALID;
        fault_gate_step(store, op, (unsigned)n);
    } else {
        return bad_word(words[2], "open, close or step N", why);
    }
    return ERR_OK;
}

/* crash write N before | crash write N after */
static err_t order_crash(struct store *store, const slice *words, size_t count,
                         struct err_text *why)
{
    int64_t nth = 0;

    (void)count;
    if (!slice_equal_nocase(words[1], "write"))
        return bad_word(words[1], "write", why);
    if (read_number(words[2], 1, &nth, why))
        return ERR_INVALID;
    bool after = slice_equal_nocase(words[3], "after");
    if (!after && !slice_equal_nocase(words[3], "before"))
        return bad_word(words[3], "before or after", why);
    fault_crash_at_write(store, (unsigned)nth, after);
    return ERR_OK;
}

/* reopen fail | reopen ok */
static err_t order_reopen(struct store *store, const slice *words, size_t count,
                          struct err_text *why)
{
    (void)count;
    bool fail = slice_equal_nocase(words[1], "fail");
    if (!fail && !slice_equal_nocase(words[1], "ok"))
        return bad_word(words[1], "fail or ok", why);
    fault_fail_reopen(store, fail);
    return ERR_OK;
}

static err_t order_reset(struct store *store, const slice *words, size_t count,
                         struct err_text *why)
{
    (void)words;
    (void)count;
    (void)why;
    fault_reset(store);
    return ERR_OK;
}

static const struct order orders[] = {
    /* word     words   function */
    { "delay", 3, 3, order_delay },   { "fail", 3, 7, order_fail },
    { "gate", 3, 4, order_gate },     { "crash", 4, 4, order_crash },
    { "reopen", 2, 2, order_reopen }, { "reset", 1, 1, order_reset },
};

err_t fault_command(struct store *store, const slice *words, size_t count,
                    struct err_text *why)
{
    if (count == 0)
        return err_set(why, ERR_INVALID, "an order is missing");
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        const struct order *order = &orders[i];
        if (!slice_equal_nocase(words[0], order->word))
            continue;
        if (count < order->min_words || count > order->max_words)
            return err_set(why, ERR_INVALID, "wrong number of words for %s",
                           order->word);
        return order->run(store, words, count, why);
    }
    return bad_word(words[0], "one of delay, fail, gate, crash, reopen, reset",
                    why);
}

void fault_describe(struct store *store, char *text, size_t size)
{
    struct fault_counts counts;
    size_t              len = 0;

    fault_counts(store, &counts);
    for (int op = 0; op < FAULT_OP_COUNT && len < size; op++) {
        const char        *word = op_words[op];
        unsigned long long begun = counts.begun[op];
        unsigned long long done = counts.done[op];
        unsigned waiting = fault_gate_waiting(store, (enum fault_op)op);
        int      n = snprintf(text + len, size - len,
                              "%s_begun:%llu\r\n%s_done:%llu\r\n"
                                   "%s_waiting:%u\r\n",
                              word, begun, word, done, word, waiting);
        len += n > 0 ? (size_t)n : 0;
    }
    if (len < size)
        snprintf(text + len, size - len, "reopens:%llu\r\n",
                 (unsigned long long)counts.reopens);
}
