/* test_sort.c - the pure parts of SORT: its arguments, its order, and what it
 * remembers of the keys that it has read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "cmd/sort_items.h"
#include "cmd/sort_plan.h"
#include "cmd/sort_seen.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- arguments ----------------------------------------------------------- */

static void assert_slice(slice text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_true(text.len == 0 || memcmp(text.data, expected, text.len) == 0);
}

static void test_patterns(void **state)
{
    static const struct {
        const char *text;
        int         kind;
        const char *before, *after, *field;
    } cases[] = {
        { "w_*", SORT_STRING, "w_", "", "" },
        { "*", SORT_STRING, "", "", "" },
        { "a*b*", SORT_STRING, "a", "b*", "" },
        { "h_*->f", SORT_FIELD, "h_", "", "f" },
        { "h_*x->f->g", SORT_FIELD, "h_", "x", "f->g" },
        { "h->x*", SORT_STRING, "h->x", "", "" },
        { "h_*->", SORT_STRING, "h_", "->", "" },
        { "#", SORT_ITSELF, "", "", "" },
        { "##", SORT_NOTHING, "", "", "" },
        { "#*", SORT_STRING, "#", "", "" },
        { "", SORT_NOTHING, "", "", "" },
        { "nosort", SORT_NOTHING, "", "", "" },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sort_pattern pattern =
            sort_pattern_parse(slice_from_string(cases[i].text));
        assert_int_equal(pattern.kind, cases[i].kind);
        assert_slice(pattern.before, cases[i].before);
        assert_slice(pattern.after, cases[i].after);
        assert_slice(pattern.field, cases[i].field);
    }
    struct buf          buf;
    struct sort_pattern pattern = sort_pattern_parse(slice_make("a*b", 3));
    buf_init(&buf, 100);
    sort_pattern_key(&pattern, slice_make("-7-", 3), &buf);
    assert_slice(buf_slice(&buf), "a-7-b");
    buf_deinit(&buf);
    /* What is behind a NUL counts as text only. */
    assert_int_equal(sort_pattern_parse(slice_make("\0*", 2)).kind,
                     SORT_NOTHING);
    pattern = sort_pattern_parse(slice_make("*\0->f", 5));
    assert_int_equal(pattern.kind, SORT_STRING);
    assert_int_equal(pattern.after.len, 4);
}

/* Splits words at blanks. */
static size_t split(char *text, slice *words)
{
    size_t count = 0;
    for (char *word = strtok(text, " "); word != NULL;
         word = strtok(NULL, " "))
        words[count++] = slice_from_string(word);
    return count;
}

static const char *plan_of(const char *command, bool may_store,
                           struct sort_plan *plan)
{
    static char  text[200];
    static slice words[50];
    snprintf(text, sizeof(text), "%s", command);
    return sort_plan_init(plan, words, split(text, words), may_store);
}

static void test_arguments(void **state)
{
    struct sort_plan plan;
    (void)state;
    assert_null(plan_of("sort k", true, &plan));
    assert_false(plan.descending || plan.alpha || plan.as_it_is ||
                 plan.has_by);
    assert_int_equal(plan.most, -1);
    sort_plan_deinit(&plan);
    assert_null(plan_of("sort k desc ALPHA by x By w_* get # GET y limit 3 4 "
                        "store a STORE b", true, &plan));
    assert_true(plan.descending && plan.alpha && plan.as_it_is);
    assert_int_equal(plan.by.kind, SORT_STRING);
    assert_int_equal(plan.get_count, 2);
    assert_int_equal(plan.first, 3);
    assert_int_equal(plan.most, 4);
    assert_int_equal(plan.store_at, 18);
    sort_plan_deinit(&plan);
    static const char *const wrong[] = { "by", "limit 1", "get", "store",
                                         "foo", "desc x" };
    char command[50];
    for (size_t i = 0; i < COUNT(wrong); i++) {
        snprintf(command, sizeof(command), "sort k %s", wrong[i]);
        assert_string_equal(plan_of(command, true, &plan),
                            "ERR syntax error");
    }
    assert_non_null(plan_of("sort_ro k store x", false, &plan));
    assert_non_null(plan_of("sort k limit 1 x", true, &plan));
}

static void test_windows(void **state)
{
    static const struct {
        int64_t  first, most;
        uint64_t count, from, shown;
    } cases[] = {
        { 0, -1, 5, 0, 5 },  { 2, -1, 5, 2, 3 },  { 2, 2, 5, 2, 2 },
        { 5, 1, 5, 0, 0 },   { -3, 2, 5, 0, 2 },  { 1, 0, 5, 1, 0 },
        { 4, 9, 5, 4, 1 },   { 0, 1, 0, 0, 0 },
        { INT64_MAX, 1, 5, 0, 0 }, { 1, INT64_MAX, 5, 1, 4 },
        { INT64_MIN, INT64_MIN, 5, 0, 5 },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sort_plan plan = { .first = cases[i].first,
                                  .most = cases[i].most };
        struct sort_window window = sort_plan_window(&plan, cases[i].count);
        assert_int_equal(window.from, cases[i].from);
        assert_int_equal(window.count, cases[i].shown);
    }
}

/* --- order --------------------------------------------------------------- */

#define MANY 3000

static struct rand rng;

/* Numbers of few different values, so that many are equal. */
static void add_numbers(struct sort_items *items, enum sort_order order,
                        size_t count)
{
    char   text[32];
    size_t bytes = count * sort_items_bytes(8);
    sort_items_init(items, order, count, bytes);
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%08d", (int)rand_below(&rng, 200));
        sort_items_add(items, slice_make(text, 8));
        if (order == SORT_BY_NUMBER)
            items->weights[i].number = (double)rand_below(&rng, 50);
    }
}

static void finish(struct sort_items *items, size_t wanted)
{
    sort_items_begin(items, wanted);
    while (!sort_items_step(items, 7)) {
    }
}

/* Is what comes at each place not before what came ahead of it? */
static void assert_in_order(const struct sort_items *items, size_t wanted)
{
    for (size_t i = 1; i < wanted; i++) {
        size_t a = sort_items_place(items, i - 1);
        size_t b = sort_items_place(items, i);
        int    order = 0;
        if (items->order == SORT_BY_NUMBER)
            order = (items->weights[a].number > items->weights[b].number) -
                    (items->weights[a].number < items->weights[b].number);
        if (order == 0)
            order = slice_compare(sort_items_element(items, a),
                                  sort_items_element(items, b));
        assert_true(items->descending ? order >= 0 : order <= 0);
        if (order == 0)
            assert_true(items->at[a] < items->at[b]);
    }
}

static void test_order(void **state)
{
    (void)state;
    static const size_t counts[] = { 0, 1, 2, 3, 7, 8, 100, MANY };
    for (size_t i = 0; i < COUNT(counts) * 4; i++) {
        size_t            count = counts[i / 4];
        struct sort_items items;
        add_numbers(&items, i & 1 ? SORT_BY_NUMBER : SORT_BY_ELEMENT, count);
        items.descending = (i & 2) != 0;
        finish(&items, count);
        assert_in_order(&items, count);
        /* Once more, and only a part of it. */
        finish(&items, count / 3);
        assert_in_order(&items, count / 3);
        sort_items_deinit(&items);
    }
}

static struct sort_text *text_of(const char *text)
{
    struct sort_text *made = sort_text_new(strlen(text));
    memcpy(made->bytes, text, strlen(text));
    return made;
}

static void test_order_by_texts(void **state)
{
    static const char *const weights[] = { "b", NULL, "a", "", "b", NULL };
    static const char *const up[] = { "1", "5", "3", "2", "0", "4" };
    static const char *const down[] = { "0", "4", "2", "3", "1", "5" };
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct sort_items items;
        char              text[2] = "0";
        sort_items_init(&items, SORT_BY_TEXT, 6, 12);
        items.descending = i == 1;
        for (size_t k = 0; k < 6; k++, text[0]++) {
            sort_items_add(&items, slice_make(text, 1));
            if (weights[k] != NULL)
                items.weights[k].text = text_of(weights[k]);
        }
        finish(&items, 6);
        for (size_t k = 0; k < 6; k++)
            assert_slice(sort_items_element(&items,
                                            sort_items_place(&items, k)),
                         i == 0 ? up[k] : down[k]);
        sort_items_deinit(&items);
    }
}

static void test_up_to_a_nul(void **state)
{
    struct sort_items items;
    (void)state;
    for (int to_nul = 0; to_nul < 2; to_nul++) {
        sort_items_init(&items, SORT_BY_ELEMENT, 2, 8);
        items.to_nul = to_nul == 1;
        sort_items_add(&items, slice_make("a\0z", 3));
        sort_items_add(&items, slice_make("a\0b", 3));
        finish(&items, 2);
        assert_int_equal(
            sort_items_element(&items, sort_items_place(&items, 0)).data[2],
            to_nul ? 'z' : 'b');
        sort_items_deinit(&items);
    }
}

/* --- keys that were read ------------------------------------------------- */

static uint64_t hash_of(uint64_t i)
{
    return (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static void test_changes(void **state)
{
    struct sort_seen    seen = { .count = 0 };
    struct sort_changes changes;
    (void)state;
    sort_seen_changed(&seen, hash_of(1));
    assert_false(sort_changes_any(&seen.changes));
    for (uint64_t i = 0; i < MANY; i++) {
        sort_seen_add(&seen, hash_of(i));
        sort_seen_add(&seen, hash_of(i));
    }
    assert_int_equal(seen.count, MANY);
    assert_true(sort_seen_bytes(&seen) <= (size_t)MANY * 16);
    sort_seen_changed(&seen, hash_of(MANY + 1));
    assert_false(sort_changes_any(&seen.changes));
    for (uint64_t i = 0; i < SORT_CHANGES_MAX; i++) {
        sort_seen_changed(&seen, hash_of(MANY - 1 - i));
        sort_seen_changed(&seen, hash_of(MANY - 1 - i));
    }
    sort_seen_take(&seen, &changes);
    assert_false(sort_changes_any(&seen.changes));
    assert_false(changes.all);
    assert_int_equal(changes.count, SORT_CHANGES_MAX);
    assert_true(sort_changes_has(&changes, hash_of(MANY - 1)));
    assert_false(sort_changes_has(&changes, hash_of(0)));
    for (uint64_t i = 0; i <= SORT_CHANGES_MAX; i++)
        sort_seen_changed(&seen, hash_of(i));
    assert_true(sort_changes_has(&seen.changes, hash_of(MANY - 1)));
    sort_seen_deinit(&seen);
    sort_seen_all_changed(&seen);
    assert_false(sort_changes_any(&seen.changes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_order_by_texts),
        cmocka_unit_test(test_up_to_a_nul),
        cmocka_unit_test(test_changes),
    };
    rand_init(&rng, 5);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
