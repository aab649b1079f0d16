/* The plan: each key exactly once where that is promised, the right mix
 * elsewhere; and the bytes that a request becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "tool/load_plan.h"
#include "tool/load_request.h"

#define ARGUMENTS_MAX 24

/* Options from one string, as the shell would cut it. */
static void given(const char *line, struct load_options *out)
{
    static char     text[512]; /* the options point into it */
    char           *argv[ARGUMENTS_MAX];
    int             argc = 0;
    struct err_text why = { "" };

    snprintf(text, sizeof(text), "%s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    if (load_options_parse(argc, argv, out, &why))
        fail_msg("%s: %s", line, why.text);
}

/* Runs all shares to their end; counts how often each key comes. */
static void count_keys(const struct load_options *o, unsigned *counts,
                       uint64_t *requests)
{
    struct load_space space;

    *requests = 0;
    load_space_init(&space, o);
    for (uint64_t share = 0; share < o->threads; share++) {
        struct load_plan plan;
        struct load_op   op;
        load_plan_init(&plan, &space, share, o->threads);
        while (load_plan_next(&plan, &op)) {
            (*requests)++;
            for (uint32_t i = 0; i < op.count; i++) {
                uint64_t key = load_space_key(&space, &op, i);
                assert_true(key < o->keys);
                counts[key]++;
            }
        }
    }
}

static void each_key_once(const char *line, uint64_t wanted_requests)
{
    struct load_options o;
    uint64_t            requests;

    given(line, &o);
    unsigned *counts = mem_calloc(o.keys, sizeof(*counts));
    count_keys(&o, counts, &requests);
    for (uint64_t key = 0; key < o.keys; key++)
        assert_int_equal(counts[key], 1);
    assert_int_equal(requests, wanted_requests);
    mem_free(counts);
}

static void sequential_takes_each_key_once(void **state)
{
    (void)state;
    each_key_once("--sequential --op set --keys 1", 1);
    each_key_once("--sequential --op set --keys 1000", 1000);
    each_key_once("--sequential --op get --keys 1001 --threads 7", 1001);
    each_key_once("--sequential --op get --keys 3 --threads 5", 3);
    each_key_once("--sequential --op get --keys 1001 --order random", 1001);
    each_key_once("--sequential --op get --keys 5000 --order random "
                  "--threads 3",
                  5000);
    each_key_once("--sequential --op mget --batch 10 --keys 1001", 101);
    each_key_once("--sequential --op mget --batch 7 --keys 100 --threads 2 "
                  "--order random",
                  16);
}

static void sequential_is_in_order(void **state)
{
    struct load_options o;
    struct load_space   space;
    struct load_plan    plan;
    struct load_op      op;

    (void)state;
    given("--sequential --op set --keys 100", &o);
    load_space_init(&space, &o);
    load_plan_init(&plan, &space, 0, 1);
    for (uint64_t key = 0; key < 100; key++) {
        assert_true(load_plan_next(&plan, &op));
        assert_int_equal(load_space_key(&space, &op, 0), key);
    }
    assert_false(load_plan_next(&plan, &op));
}

static void random_order_is_none(void **state)
{
    struct load_options o;
    struct load_space   space;
    struct load_plan    plan;
    struct load_op      op;
    unsigned            rising = 0;
    uint64_t            before = 0;

    (void)state;
    given("--sequential --op get --order random --keys 10000", &o);
    load_space_init(&space, &o);
    load_plan_init(&plan, &space, 0, 1);
    while (load_plan_next(&plan, &op)) {
        rising += op.id > before;
        before = op.id;
    }
    assert_in_range(rising, 4500, 5500);
}

static void requests_are_shared_out(void **state)
{
    struct load_options o;
    uint64_t            requests;
    unsigned            counts[10] = { 0 };

    (void)state;
    given("--requests 100003 --keys 10 --threads 4 --seed 5", &o);
    count_keys(&o, counts, &requests);
    assert_int_equal(requests, 100003);
    for (int i = 0; i < 10; i++)
        assert_in_range(counts[i], 9500, 10500);
}

static void mixes_as_asked(void **state)
{
    struct load_options o;
    struct load_space   space;
    struct load_plan    plan;
    struct load_op      op;
    unsigned            reads = 0;

    (void)state;
    given("--requests 100000 --read-ratio 0.75", &o);
    load_space_init(&space, &o);
    load_plan_init(&plan, &space, 0, 1);
    while (load_plan_next(&plan, &op)) {
        assert_true(op.kind == LOAD_GET || op.kind == LOAD_SET);
        reads += op.kind == LOAD_GET;
    }
    assert_in_range(reads, 74000, 76000);
}

/* The hottest key of one run is the hottest of another with another seed. */
static void hot_keys_belong_to_the_dataset(void **state)
{
    static const char *const lines[] = {
        "--requests 20000 --keys 1000 --distribution zipf --seed 3 "
        "--value-seed 1",
        "--requests 20000 --keys 1000 --distribution zipf --seed 4 "
        "--value-seed 1",
    };
    unsigned hottest[2];

    (void)state;
    for (int run = 0; run < 2; run++) {
        struct load_options o;
        uint64_t            requests;
        unsigned            counts[1000] = { 0 };
        given(lines[run], &o);
        count_keys(&o, counts, &requests);
        hottest[run] = 0;
        for (unsigned key = 0; key < 1000; key++)
            if (counts[key] > counts[hottest[run]])
                hottest[run] = key;
        assert_true(counts[hottest[run]] > 20000 / 10);
    }
    assert_int_equal(hottest[0], hottest[1]);
}

/* The keys of an MGET are told again from its id alone. */
static void mget_keys_can_be_told_again(void **state)
{
    struct load_options o;
    struct load_space   space;
    struct load_plan    plan;
    struct load_op      op;

    (void)state;
    given("--op mget --batch 20 --keys 1m --requests 100", &o);
    load_space_init(&space, &o);
    load_plan_init(&plan, &space, 0, 1);
    while (load_plan_next(&plan, &op)) {
        uint64_t first = load_space_key(&space, &op, 0);
        unsigned same = 0;
        assert_int_equal(op.count, 20);
        for (uint32_t i = 1; i < op.count; i++)
            same += load_space_key(&space, &op, i) == first;
        assert_true(same < 3);
        assert_int_equal(load_space_key(&space, &op, 0), first);
    }
}

static size_t write_all(const struct load_op    *op,
                        const struct load_space *space, size_t step, char *out,
                        size_t size)
{
    struct load_format  format;
    struct load_request request;
    size_t              len = 0;

    load_format_init(&format, space->options->key_prefix);
    load_request_begin(&request, op);
    while (load_request_open(&request)) {
        assert_true(len + step <= size);
        size_t wrote =
            load_request_write(&request, space, &format, out + len, step);
        assert_true(wrote > 0 && wrote <= step);
        len += wrote;
    }
    return len;
}

#define BYTES_MAX 20000

static void requests_are_resp(void **state)
{
    const struct load_op get = { .id = 42, .count = 1, .kind = LOAD_GET };
    struct load_options  o;
    struct load_space    space;
    char                *out = mem_alloc(BYTES_MAX);

    (void)state;
    given("--key-prefix user: --keys 100", &o);
    load_space_init(&space, &o);
    out[write_all(&get, &space, BYTES_MAX, out, BYTES_MAX)] = '\0';
    assert_string_equal(out, "*2\r\n$3\r\nGET\r\n$17\r\nuser:000000000042\r\n");

    const struct load_op set = { .id = 7, .count = 1, .kind = LOAD_SET };
    const char        head[] = "*3\r\n$3\r\nSET\r\n$17\r\nuser:000000000007\r\n"
                               "$100\r\n";
    size_t            len = write_all(&set, &space, BYTES_MAX, out, BYTES_MAX);
    struct load_value value = load_value_of(&o.sizes, o.value_seed, 7);
    assert_int_equal(len, sizeof(head) - 1 + 100 + 2);
    assert_memory_equal(out, head, sizeof(head) - 1);
    assert_true(
        load_value_match(&value, 0, slice_make(out + sizeof(head) - 1, 100)));
    assert_memory_equal(out + len - 2, "\r\n", 2);

    given("--op mget --sequential --keys 100 --batch 2 --key-prefix k", &o);
    load_space_init(&space, &o);
    const struct load_op mget = { .id = 98, .count = 2, .kind = LOAD_MGET };
    out[write_all(&mget, &space, BYTES_MAX, out, BYTES_MAX)] = '\0';
    assert_string_equal(out, "*3\r\n$4\r\nMGET\r\n$13\r\nk000000000098\r\n"
                             "$13\r\nk000000000099\r\n");
    mem_free(out);
}

/* A request larger than the buffer is the same bytes. */
static void pieces_of_a_request_make_the_whole(void **state)
{
    const struct load_op ops[] = {
        { .id = 3, .count = 1, .kind = LOAD_SET },
        { .id = 3, .count = 30, .kind = LOAD_MGET },
    };
    struct load_options o;
    struct load_space   space;
    char               *whole = mem_alloc(BYTES_MAX);
    char               *pieces = mem_alloc(BYTES_MAX);

    (void)state;
    given("--keys 100 --value-size 9999", &o);
    load_space_init(&space, &o);
    for (int i = 0; i < 2; i++) {
        size_t len = write_all(&ops[i], &space, BYTES_MAX, whole, BYTES_MAX);
        for (size_t step = LOAD_PART_MAX; step < 4000; step += 131) {
            assert_int_equal(
                write_all(&ops[i], &space, step, pieces, BYTES_MAX), len);
            assert_memory_equal(pieces, whole, len);
        }
    }
    mem_free(whole);
    mem_free(pieces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequential_takes_each_key_once),
        cmocka_unit_test(sequential_is_in_order),
        cmocka_unit_test(random_order_is_none),
        cmocka_unit_test(requests_are_shared_out),
        cmocka_unit_test(mixes_as_asked),
        cmocka_unit_test(hot_keys_belong_to_the_dataset),
        cmocka_unit_test(mget_keys_can_be_told_again),
        cmocka_unit_test(requests_are_resp),
        cmocka_unit_test(pieces_of_a_request_make_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
