/* Latency samples and their picture, with a clock that the test moves. */
#include "cmd/latency.h"

#include <string.h>

#include "base/unit.h"

struct fixture {
    struct server          server;
    struct config          config;
    struct latency_series *series[LATENCY_EVENT_COUNT];
};

static int set_up(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));
    f->server.config = &f->config;
    f->server.latency = f->series;
    f->config.latency_monitor_threshold = 10;
    clock_init(&f->server.clock);
    /* At the beginning of a second, so that it lasts for the test. */
    int64_t now_us = clock_now_us(&f->server.clock);
    f->server.clock.wall_start_us -= now_us % 1000000;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++)
        latency_reset(&f->server, (enum latency_event)i);
    assert_int_equal(f->server.mem.total_bytes, 0);
    mem_free(f);
    return 0;
}

static void pass_seconds(struct fixture *f, int64_t seconds)
{
    f->server.clock.wall_start_us += seconds * 1000000;
}

static size_t history(struct fixture *f, struct latency_sample *samples)
{
    return latency_history(&f->server, LATENCY_COMMAND, samples);
}

static void test_a_second_has_one_sample_the_worst(void **state)
{
    struct fixture       *f = *state;
    struct latency_sample samples[LATENCY_SAMPLES];
    latency_note(&f->server, LATENCY_COMMAND, 9999);
    assert_int_equal(history(f, samples), 0);
    latency_note(&f->server, LATENCY_COMMAND, 10000);
    latency_note(&f->server, LATENCY_COMMAND, 30999);
    latency_note(&f->server, LATENCY_COMMAND, 20000);
    assert_int_equal(history(f, samples), 1);
    assert_int_equal(samples[0].ms, 30);
    pass_seconds(f, 2);
    latency_note(&f->server, LATENCY_COMMAND, 12000);
    assert_int_equal(history(f, samples), 2);
    assert_int_equal(samples[1].ms, 12);
    assert_int_equal(samples[1].time_s - samples[0].time_s, 2);
    assert_int_equal(f->series[LATENCY_COMMAND]->max_ms, 30);
    assert_int_equal(latency_history(&f->server, LATENCY_LOAD, samples), 0);
}

static void test_without_a_threshold_nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    f->config.latency_monitor_threshold = 0;
    latency_note(&f->server, LATENCY_COMMAND, UINT64_MAX);
    assert_null(f->series[LATENCY_COMMAND]);
    assert_int_equal(f->server.mem.total_bytes, 0);
}

static void test_the_oldest_give_way(void **state)
{
    struct fixture       *f = *state;
    struct latency_sample samples[LATENCY_SAMPLES];
    for (uint64_t i = 0; i < LATENCY_SAMPLES + 40; i++) {
        latency_note(&f->server, LATENCY_COMMAND, (1000 - i) * 1000);
        pass_seconds(f, 1);
    }
    assert_int_equal(history(f, samples), LATENCY_SAMPLES);
    for (unsigned i = 0; i < LATENCY_SAMPLES; i++)
        assert_int_equal(samples[i].ms, 1000 - 40 - i);
    assert_int_equal(f->series[LATENCY_COMMAND]->max_ms, 1000);
}

static void test_names_are_found(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++) {
        enum latency_event event = (enum latency_event)i;
        assert_int_equal(latency_find(slice_from_string(latency_name(event))),
                         event);
    }
    assert_int_equal(latency_find(SLICE_LITERAL("Command")),
                     LATENCY_EVENT_COUNT);
    assert_int_equal(latency_find(SLICE_EMPTY), LATENCY_EVENT_COUNT);
}

static void assert_graph(struct fixture *f, const char *expected)
{
    struct buf out;
    buf_init(&out, 65536);
    latency_graph(&f->server, LATENCY_COMMAND, &out);
    assert_int_equal(buf_append_byte(&out, 0), ERR_OK);
    const char *picture = strstr(out.data, "-\n");
    assert_non_null(picture);
    assert_string_equal(picture + 2, expected);
    buf_deinit(&out);
}

/* As redis-server 7.0 draws these. */
static void test_the_graph_is_that_of_redis(void **state)
{
    struct fixture *f = *state;
    const unsigned  ms[] = { 10, 60, 30, 20, 50, 55 };
    for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        latency_note(&f->server, LATENCY_COMMAND, ms[i] * 1000);
        pass_seconds(f, 1);
    }
    assert_graph(f, " #  _o\n"
                    " |  ||\n"
                    " |o ||\n"
                    "_||#||\n"
                    "      \n"
                    "654321\n"
                    "ssssss\n");
}

static void test_the_graph_of_one(void **state)
{
    struct fixture *f = *state;
    latency_note(&f->server, LATENCY_COMMAND, 50000);
    assert_graph(f, " \n \n \n_\n \n0\ns\n");
    pass_seconds(f, 59);
    assert_graph(f, " \n \n \n_\n \n5\n9\ns\n");
    pass_seconds(f, 1);
    assert_graph(f, " \n \n \n_\n \n1\nm\n");
    pass_seconds(f, 3600 * 23);
    assert_graph(f, " \n \n \n_\n \n2\n3\nh\n");
    pass_seconds(f, 3600 * 24 * 100);
    assert_graph(f, " \n \n \n_\n \n1\n0\n0\nd\n");
}

static void test_a_wide_graph_is_broken(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 82; i++) {
        latency_note(&f->server, LATENCY_COMMAND, i == 81 ? 20000 : 10000);
        pass_seconds(f, 60);
    }
    struct buf out;
    buf_init(&out, 65536);
    latency_graph(&f->server, LATENCY_COMMAND, &out);
    assert_int_equal(buf_append_byte(&out, 0), ERR_OK);
    assert_non_null(strstr(out.data, "command - high 20 ms, low 10 ms (all "
                                     "time high 20 ms)\n"));
    const char *rest = strstr(out.data, "\n\n");
    assert_non_null(rest);
    assert_string_equal(rest, "\n\n #\n |\n |\n_|\n  \n21\nmm\n");
    buf_deinit(&out);
}

static void test_the_doctor_has_advice_for_each(void **state)
{
    struct fixture *f = *state;
    struct buf      out;
    buf_init(&out, 65536);
    latency_doctor(&f->server, &out);
    size_t healthy = out.len;
    assert_true(healthy > 0);
    for (unsigned i = 0; i < LATENCY_EVENT_COUNT; i++) {
        latency_note(&f->server, (enum latency_event)i, 10000);
        buf_clear(&out);
        latency_doctor(&f->server, &out);
        assert_int_equal(buf_append_byte(&out, 0), ERR_OK);
        char line[64];
        snprintf(line, sizeof(line), "\n- %s: ",
                 latency_name((enum latency_event)i));
        assert_non_null(strstr(out.data, line));
    }
    buf_deinit(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_second_has_one_sample_the_worst),
        TEST(test_without_a_threshold_nothing_is_kept),
        TEST(test_the_oldest_give_way),
        TEST(test_names_are_found),
        TEST(test_the_graph_is_that_of_redis),
        TEST(test_the_graph_of_one),
        TEST(test_a_wide_graph_is_broken),
        TEST(test_the_doctor_has_advice_for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
