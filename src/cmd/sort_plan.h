/* sort_plan.h - what the arguments of SORT ask for, and which keys its patterns
 * name.
 *
 * Ownership  borrows from the arguments, so it is made anew whenever the
 *            command runs; sort_plan_deinit frees the list of patterns.
 * Threads    pure, any thread.
 * Bounds     no more patterns than arguments. */
#ifndef CMD_SORT_PLAN_H
#define CMD_SORT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* Of BY and GET: "before*after" or "before*after->field", where an element
 * stands for the star. Redis takes patterns for C strings: what comes behind a
 * NUL counts as text of the key only. */
struct sort_pattern {
    enum {
        SORT_ITSELF,  /* "#": the element */
        SORT_NOTHING, /* no star: there is no value */
        SORT_STRING,  /* the string at that key */
        SORT_FIELD    /* a field of the hash there */
    } kind;
    slice before, after, field;
};

struct sort_pattern sort_pattern_parse(slice text);
/* Puts the name of an element's key behind what buf has. REQUIRES: SORT_STRING
 * or SORT_FIELD, and room in buf. */
void sort_pattern_key(const struct sort_pattern *pattern, slice element,
                      struct buf *buf);

struct sort_plan {
    bool    descending, alpha;
    bool    as_it_is;  /* BY a constant: nothing is sorted */
    bool    has_by;    /* weights are the values of `by` */
    int64_t first, most; /* LIMIT; most < 0: all */
    size_t  store_at;  /* argument with the key to store at; 0: none */
    size_t  get_count; /* 0: the elements themselves are answered */
    struct sort_pattern  by;
    struct sort_pattern *gets; /* owned */
};

/* Reads the arguments of SORT, or SORT_RO. NULL, or the error to be answered;
 * then there is nothing to deinit. */
const char *sort_plan_init(struct sort_plan *plan, const slice *argv,
                           size_t argc, bool may_store);
void        sort_plan_deinit(struct sort_plan *plan);

/* Which of count elements are answered: [from, from + count). */
struct sort_window {
    uint64_t from, count;
};
struct sort_window sort_plan_window(const struct sort_plan *plan,
                                    uint64_t                count);

/* Where COMMAND GETKEYS finds the key after STORE, 0: nowhere. Redis looks for
 * it without reading the arguments as SORT does; in what SORT takes, it is
 * store_at, unless a key or pattern is called like an option. */
size_t sort_store_position(const slice *argv, size_t argc);

#endif
