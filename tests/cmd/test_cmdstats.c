/* Statistics by command and by error code. */
#include "cmd/cmdstats.h"

#include <stdio.h>
#include <string.h>

#include "base/unit.h"
#include "cmd/doc.h"

static struct mem mem;

struct seen {
    struct cmdstats *stats;
    char             names[16384];
    size_t           count;
};

static void see(void *arg, const struct command *top,
                const struct command *command, const struct cmdstat *stat)
{
    struct seen *seen = arg;
    (void)top;
    seen->count++;
    assert_ptr_equal(cmdstats_of(seen->stats, command), stat);
    size_t len = strlen(seen->names);
    snprintf(seen->names + len, sizeof(seen->names) - len, "%s ",
             command_full_name(command).text);
}

static void test_each_command_has_its_own(void **state)
{
    struct cmdstats *stats = cmdstats_new(&mem);
    struct seen      seen = { .stats = stats };
    size_t           count = 0;
    (void)state;
    for (const struct command *top = command_table; top->name != NULL; top++) {
        cmdstats_of(stats, top)->rejected++;
        count++;
        for (const struct command *sub = top->subcommands;
             sub != NULL && sub->name != NULL; sub++) {
            cmdstats_of(stats, sub)->calls++;
            count += (top->flags & CMD_PROTECTED) == 0;
        }
    }
    for (size_t i = 0; i < stats->count; i++)
        assert_true(stats->of[i].calls + stats->of[i].rejected >= 1);
    cmdstats_each(stats, see, &seen);
    assert_int_equal(seen.count, count);
    assert_int_equal(stats->count, count);
    assert_non_null(strstr(seen.names, "config|get "));
    assert_non_null(strstr(seen.names, "debug "));
    assert_null(strstr(seen.names, "debug|"));
    cmdstats_free(stats);
    assert_int_equal(mem.total_bytes, 0);
}

static void count_error(struct cmdstats *stats, struct log *log, int number)
{
    char code[32];
    snprintf(code, sizeof(code), "CODE%d", number);
    cmdstats_error(stats, log, slice_from_string(code));
}

static void test_errors_by_code_in_order(void **state)
{
    struct cmdstats *stats = cmdstats_new(&mem);
    (void)state;
    for (int i = 0; i < 3; i++) {
        cmdstats_error(stats, NULL, SLICE_LITERAL("WRONGTYPE"));
        cmdstats_error(stats, NULL, SLICE_LITERAL("ERR"));
        cmdstats_error(stats, NULL, SLICE_LITERAL("OOM"));
    }
    assert_int_equal(stats->error_count, 3);
    assert_string_equal(stats->errors[0].code, "ERR");
    assert_string_equal(stats->errors[1].code, "OOM");
    assert_string_equal(stats->errors[2].code, "WRONGTYPE");
    assert_int_equal(stats->errors[2].count, 3);
    cmdstats_free(stats);
}

static void test_too_many_codes_end_the_counting(void **state)
{
    struct cmdstats *stats = cmdstats_new(&mem);
    struct log      *log = NULL;
    struct err_text  why;
    (void)state;
    assert_int_equal(log_new("/dev/null", LOG_NOTICE, &log, &why), ERR_OK);
    for (int i = 0; i < ERROR_CODES_MAX; i++)
        count_error(stats, log, i);
    count_error(stats, log, 5); /* one of them */
    assert_int_equal(stats->error_count, ERROR_CODES_MAX);
    count_error(stats, log, ERROR_CODES_MAX);
    count_error(stats, log, 5);
    assert_int_equal(stats->error_count, 1);
    assert_string_equal(stats->errors[0].code, "ERRORSTATS_DISABLED");
    assert_int_equal(stats->errors[0].count, 1);
    cmdstats_reset(stats);
    count_error(stats, log, 5);
    assert_string_equal(stats->errors[0].code, "CODE5");
    cmdstats_free(stats);
    log_free(log);
}

/* --- noticing ------------------------------------------------------------ */

static void notice(struct server *server, const char *text, const char *code)
{
    struct reply reply;
    uint64_t     before = server->stats.error_replies;
    reply_init(&reply);
    reply_ok(&reply); /* of the command before */
    size_t begin = reply.len;
    assert_false(note_error(server, &reply, begin));
    reply_error(&reply, text);
    assert_true(note_error(server, &reply, begin));
    assert_int_equal(server->stats.error_replies, before + 1);
    assert_string_equal(server->cmdstats->errors[0].code, code);
    cmdstats_reset(server->cmdstats);
    reply_deinit(&reply);
}

static void test_errors_are_noticed(void **state)
{
    struct server server = { .cmdstats = cmdstats_new(&mem) };
    (void)state;
    notice(&server, "ERR syntax error", "ERR");
    notice(&server, "WRONGPASS no", "WRONGPASS");
    notice(&server, "NOSPACE", "ERR");
    notice(&server, "A23456789012345678901234567890 x",
           "A23456789012345678901234567890");
    notice(&server, "A234567890123456789012345678901 x", "ERR");
    cmdstats_free(server.cmdstats);
}

static void test_muted_errors_are_noticed_once(void **state)
{
    struct server server = { .cmdstats = cmdstats_new(&mem) };
    struct reply  reply;
    (void)state;
    reply_init(&reply);
    reply.muted = true;
    assert_false(note_error(&server, &reply, 0));
    reply_error(&reply, "OOM too much");
    reply_error(&reply, "ERR another");
    assert_int_equal(reply.len, 0);
    assert_true(note_error(&server, &reply, 0));
    assert_string_equal(server.cmdstats->errors[0].code, "OOM");
    assert_false(note_error(&server, &reply, 0));
    reply_clear(&reply, 0);
    reply_deinit(&reply);
    cmdstats_free(server.cmdstats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_command_has_its_own),
        cmocka_unit_test(test_errors_by_code_in_order),
        cmocka_unit_test(test_too_many_codes_end_the_counting),
        cmocka_unit_test(test_errors_are_noticed),
        cmocka_unit_test(test_muted_errors_are_noticed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
