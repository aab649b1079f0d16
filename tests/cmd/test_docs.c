/* test_docs.c - the rows of COMMAND DOCS, the language of their arguments, and
 * that every command has a row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/command.h"
#include "cmd/docs.h"
#include "cmd/docs_args.h"

/* --- the rows ------------------------------------------------------------- */

static void expect_row(const char *name)
{
    if (docs_find(name) == NULL)
        fail_msg("docs_table.c has no row for %s", name);
}

static void test_every_command_has_a_row(void **state)
{
    (void)state;
    for (const struct command *c = command_table; c->name != NULL; c++) {
        expect_row(c->name);
        /* Those of DEBUG are not shown to clients. */
        for (const struct command *s = c->subcommands;
             s != NULL && s->name != NULL && strcmp(c->name, "debug") != 0;
             s++) {
            char name[128];
            (void)snprintf(name, sizeof(name), "%s|%s", c->name, s->name);
            expect_row(name);
        }
    }
}

static bool is_version(const char *text)
{
    int a, b, c;
    return sscanf(text, "%d.%d.%d", &a, &b, &c) == 3;
}

static void check_arguments(slice text)
{
    struct docs_arg arg;
    while (docs_arg_next(&text, &arg)) {
        assert_true(arg.name.len > 0);
        assert_non_null(docs_arg_type(&arg));
        assert_true(arg.type != 'x' || arg.token.len > 0);
        /* A pattern of SORT names keys, too. */
        assert_true(arg.type == 'p' ||
                    (arg.type == 'k') == (arg.key_spec >= 0));
        if (arg.since.len > 0)
            assert_true(is_version(arg.since.data));
        check_arguments(arg.inner);
    }
}

static void test_rows_are_sound(void **state)
{
    static const char *const groups[] = { "connection", "generic", "hash",
                                          "list", "pubsub", "scripting",
                                          "server", "set", "sorted-set",
                                          "string",
                                          "transactions" };
    (void)state;

    for (size_t i = 0; i < docs_count; i++) {
        const struct docs_row *row = &docs_table[i];
        bool                   known = false;
        assert_ptr_equal(docs_find(row->name), row); /* once only */
        assert_true(is_version(row->since));
        for (size_t j = 0; j < sizeof(groups) / sizeof(groups[0]); j++)
            known |= strcmp(row->group, groups[j]) == 0;
        assert_true(known);
        size_t len = strlen(row->summary);
        assert_true(len > 8 && row->summary[len - 1] == '.');
        if (row->arguments != NULL)
            check_arguments(slice_from_string(row->arguments));
        for (const char *line = row->history; line != NULL;) {
            assert_true(is_version(line));
            line = strchr(line, '\n');
            line += line != NULL;
        }
        if (row->deprecated != NULL)
            assert_true(is_version(row->deprecated) &&
                        strchr(row->deprecated, ' ') != NULL);
    }
    assert_null(docs_find("nosuch"));
    assert_null(docs_find(""));
}

/* --- arguments ------------------------------------------------------------ */

#define EXPECT(slice_, text_)                                                  \
    do {                                                                       \
        assert_int_equal((slice_).len, strlen(text_));                         \
        assert_memory_equal((slice_).data, text_, strlen(text_));              \
    } while (0)

static void test_arguments(void **state)
{
    slice text = SLICE_LITERAL("key:k#1 value NX?@6.0.0 "
                               "a-b:o=WITH?*+@2.6.12(x:i=X z:b(P q:p)) "
                               "old~ip:port!2.8.12 t:t=EXAT");
    struct docs_arg arg;
    (void)state;

    assert_int_equal(docs_arg_count(text), 6);
    assert_true(docs_arg_next(&text, &arg));
    EXPECT(arg.name, "key");
    assert_int_equal(arg.key_spec, 1);
    assert_string_equal(docs_arg_type(&arg), "key");
    assert_int_equal(arg.flags, 0);

    assert_true(docs_arg_next(&text, &arg));
    EXPECT(arg.name, "value");
    assert_string_equal(docs_arg_type(&arg), "string");
    assert_int_equal(arg.key_spec, -1);
    assert_int_equal(arg.token.len, 0);

    assert_true(docs_arg_next(&text, &arg));
    EXPECT(arg.name, "NX");
    EXPECT(arg.token, "NX");
    EXPECT(arg.since, "6.0.0");
    assert_string_equal(docs_arg_type(&arg), "pure-token");
    assert_int_equal(arg.flags, DOCS_ARG_OPTIONAL);

    assert_true(docs_arg_next(&text, &arg));
    EXPECT(arg.name, "a-b");
    EXPECT(arg.token, "WITH");
    EXPECT(arg.since, "2.6.12");
    EXPECT(arg.inner, "x:i=X z:b(P q:p)");
    assert_string_equal(docs_arg_type(&arg), "oneof");
    assert_int_equal(arg.flags, DOCS_ARG_OPTIONAL | DOCS_ARG_MULTIPLE |
                                    DOCS_ARG_MULTIPLE_TOKEN);
    assert_int_equal(docs_arg_count(arg.inner), 2);

    assert_true(docs_arg_next(&text, &arg));
    EXPECT(arg.name, "old");
    EXPECT(arg.display, "ip:port");
    EXPECT(arg.deprecated, "2.8.12");

    assert_true(docs_arg_next(&text, &arg));
    EXPECT(arg.token, "EXAT");
    assert_string_equal(docs_arg_type(&arg), "unix-time");
    assert_false(docs_arg_next(&text, &arg));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_has_a_row),
        cmocka_unit_test(test_rows_are_sound),
        cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
