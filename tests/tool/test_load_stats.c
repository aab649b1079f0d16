/* Errors by their first word, merging, and what a result is worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tool/load_report.h"

static int setup(void **state)
{
    *state = mem_calloc(1, sizeof(struct load_result));
    return 0;
}

static int teardown(void **state)
{
    mem_free(*state);
    return 0;
}

static void add_error(struct load_stats *stats, const char *text)
{
    load_stats_error(stats, slice_from_string(text));
}

static void errors_by_first_word(void **state)
{
    struct load_stats *stats = &((struct load_result *)*state)->stats;

    add_error(stats, "OOM command not allowed");
    add_error(stats, "OOM another text");
    add_error(stats, "MISCONF the disk");
    add_error(stats, "");
    assert_int_equal(stats->errors, 4);
    assert_int_equal(stats->kind_count, 3);
    assert_string_equal(stats->kinds[0].word, "OOM");
    assert_string_equal(stats->kinds[0].text, "OOM command not allowed");
    assert_int_equal(stats->kinds[0].count, 2);
    assert_string_equal(stats->kinds[1].word, "MISCONF");
    assert_int_equal(stats->kinds[1].count, 1);
}

static void long_texts_and_many_kinds_are_bounded(void **state)
{
    struct load_stats *stats = &((struct load_result *)*state)->stats;
    char               text[1000];

    memset(text, 'w', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    add_error(stats, text);
    add_error(stats, text);
    assert_int_equal(stats->kind_count, 1);
    assert_int_equal(strlen(stats->kinds[0].word), LOAD_ERROR_WORD - 1);
    assert_int_equal(strlen(stats->kinds[0].text), LOAD_ERROR_TEXT - 1);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "E%d", i);
        add_error(stats, text);
    }
    assert_int_equal(stats->kind_count, LOAD_ERROR_KINDS);
    assert_int_equal(stats->errors, 102);
}

static void merging_adds(void **state)
{
    struct load_stats *into = &((struct load_result *)*state)->stats;
    struct load_stats *from = mem_calloc(1, sizeof(*from));

    into->reads = 1;
    from->reads = 2;
    from->missing = 3;
    from->wrong = 4;
    from->unread = 5;
    from->lost = 6;
    load_hist_add(&from->read_ns, 1000);
    add_error(into, "ERR a");
    add_error(from, "OOM b");
    add_error(from, "ERR c");
    add_error(from, "ERR d");
    load_stats_merge(into, from);
    assert_int_equal(into->reads, 3);
    assert_int_equal(into->missing, 3);
    assert_int_equal(into->wrong, 4);
    assert_int_equal(into->unread, 5);
    assert_int_equal(into->lost, 6);
    assert_int_equal(into->read_ns.count, 1);
    assert_int_equal(into->errors, 4);
    assert_int_equal(into->kind_count, 2);
    assert_int_equal(into->kinds[0].count, 3);
    assert_string_equal(into->kinds[0].text, "ERR a");
    assert_int_equal(into->kinds[1].count, 1);
    mem_free(from);
}

/* Each trouble alone makes the status 1; what only --verify minds, only
 * then. */
static void status_tells_each_trouble(void **state)
{
    struct load_result *result = *state;
    struct load_options plain = { .verify = false };
    struct load_options verify = { .verify = true };
    uint64_t *const     minded[] = {
            &result->stats.missing,
            &result->stats.wrong,
            &result->stats.unread,
            &result->stats.unexpected,
    };
    uint64_t *const always[] = { &result->stats.lost,
                                 &result->stats.unanswered };

    assert_int_equal(load_report_status(&verify, result), 0);
    result->stats.errors = 5;
    assert_int_equal(load_report_status(&verify, result), 0);
    for (size_t i = 0; i < sizeof(minded) / sizeof(minded[0]); i++) {
        *minded[i] = 1;
        assert_int_equal(load_report_status(&plain, result), 0);
        assert_int_equal(load_report_status(&verify, result), 1);
        *minded[i] = 0;
    }
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        *always[i] = 1;
        assert_int_equal(load_report_status(&plain, result), 1);
        *always[i] = 0;
    }
    strcpy(result->why.text, "connection refused");
    assert_int_equal(load_report_status(&plain, result), 1);
}

/* Error texts come from outside: they must not break the JSON. */
static void json_escapes(void **state)
{
    struct load_result *result = *state;
    struct load_options options = { .connections = 1 };
    char               *text = NULL;
    size_t              len = 0;
    FILE               *out = open_memstream(&text, &len);

    add_error(&result->stats, "ERR say \"x\\y\"\t\xff");
    assert_non_null(out);
    load_report_json(out, &options, result);
    fclose(out);
    assert_non_null(
        strstr(text, "\"first\": \"ERR say \\\"x\\\\y\\\"\\u0009\\u00ff\""));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(errors_by_first_word, setup, teardown),
        cmocka_unit_test_setup_teardown(long_texts_and_many_kinds_are_bounded,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(merging_adds, setup, teardown),
        cmocka_unit_test_setup_teardown(status_tells_each_trouble, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(json_escapes, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
