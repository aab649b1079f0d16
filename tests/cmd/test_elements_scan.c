/* test_elements_scan.c - cursors and options are read as Redis reads them, and
 * a scan meets all that stays, whatever happens between its calls. */
#include "cmd/elements_scan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/rand.h"
#include "base/unit.h"
#include "type/hash.h"
#include "type/set.h"
#include "type/zset.h"

/* --- arguments ------------------------------------------------------------ */

struct cursor_case {
    const char *text;
    bool        is_good;
    uint64_t    cursor;
};

static void cursors_are_read_as_strtoul_reads(void **state)
{
    static const struct cursor_case cases[] = {
        { "0", true, 0 },
        { "7", true, 7 },
        { "007", true, 7 },
        { "+7", true, 7 },
        { "-1", true, UINT64_MAX },
        { "-18446744073709551615", true, 1 },
        { "18446744073709551615", true, UINT64_MAX },
        { "", true, 0 },
        { "18446744073709551616", false, 0 },
        { "-18446744073709551616", false, 0 },
        { "99999999999999999999999", false, 0 },
        { " 7", false, 0 },
        { "\t7", false, 0 },
        { "7 ", false, 0 },
        { "7x", false, 0 },
        { "x", false, 0 },
        { "+", false, 0 },
        { "-", false, 0 },
        { "+-7", false, 0 },
        { "0x7", false, 0 },
        { "1.0", false, 0 },
    };
    uint64_t cursor;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        slice text = slice_from_string(cases[i].text);
        assert_int_equal(scan_parse_cursor(text, &cursor), cases[i].is_good);
        if (cases[i].is_good)
            assert_true(cursor == cases[i].cursor);
    }
    /* In Redis a text ends at its first NUL. */
    assert_true(scan_parse_cursor(slice_make("12\0x", 4), &cursor));
    assert_true(cursor == 12);
    assert_true(scan_parse_cursor(slice_make("\0x", 2), &cursor));
    assert_true(cursor == 0);
}

static const char *parse_with(const char *line, struct scan_request *request,
                              slice *type)
{
    static char copy[100];
    slice       argv[8];
    size_t      argc = 0;
    (void)snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word != NULL;
         word = strtok(NULL, " "))
        argv[argc++] = slice_from_string(word);
    return scan_parse_options(argv, argc, request, type);
}

static const char *parse(const char *line, struct scan_request *request)
{
    return parse_with(line, request, NULL);
}

static void a_type_is_taken_where_there_is_one(void **state)
{
    struct scan_request request;
    slice               type = { NULL, 0 };
    (void)state;
    assert_null(parse_with("count 3", &request, &type));
    assert_null(type.data);
    assert_null(parse_with("type hash match a Type LIST", &request, &type));
    assert_true(slice_equal(type, SLICE_LITERAL("LIST")));
    assert_true(slice_equal(request.pattern, SLICE_LITERAL("a")));
    assert_string_equal(parse_with("type", &request, &type),
                        "ERR syntax error");
}

static void options_are_checked_one_after_the_other(void **state)
{
    struct scan_request request;
    const char         *syntax = "ERR syntax error";
    const char *number = "ERR value is not an integer or out of range";
    (void)state;
    assert_null(parse("", &request));
    assert_true(request.count == 10);
    assert_true(slice_equal(request.pattern, SLICE_LITERAL("*")));
    assert_null(parse("COUNT 3 match a count 4 MATCH b*", &request));
    assert_true(request.count == 4);
    assert_true(slice_equal(request.pattern, SLICE_LITERAL("b*")));
    assert_null(parse("count 9223372036854775807", &request));
    assert_true(request.count == INT64_MAX);
    assert_string_equal(parse("count", &request), syntax);
    assert_string_equal(parse("match", &request), syntax);
    assert_string_equal(parse("count 0", &request), syntax);
    assert_string_equal(parse("count -1", &request), syntax);
    assert_string_equal(parse("count x", &request), number);
    assert_string_equal(parse("count 9223372036854775808", &request), number);
    assert_string_equal(parse("count x type", &request), number);
    assert_string_equal(parse("type hash", &request), syntax);
    assert_string_equal(parse("match a novalues", &request), syntax);
}

/* --- a collection, and what should be in it ------------------------------- */

#define MEMBERS 3000

struct world {
    struct object_env env;
    enum obj_type     type;
    struct object    *object;
    bool              is_in[MEMBERS];
    bool              stays[MEMBERS]; /* since the scan began */
    int               seen[MEMBERS];  /* by this scan */
    struct rand       rand;
    bool              met_page; /* this scan did, after its first call */
};

/* Half of the members are numbers. */
static slice name_of(unsigned member, char buffer[20])
{
    const char *format = member % 2 ? "m%u" : "%u";
    int         len = snprintf(buffer, 20, format, member);
    return slice_make(buffer, (size_t)len);
}

static unsigned member_of(const char *text)
{
    return (unsigned)strtoul(text + (*text == 'm'), NULL, 10);
}

static struct world *world_new(enum obj_type type,
                               uint64_t (*override)(slice text))
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->env = (struct object_env){ .page_limit = 512,
                                  .hasher.key = { 1, 2 },
                                  .hasher.override = override };
    w->type = type;
    w->object = object_new(&w->env, type);
    rand_init(&w->rand, 17);
    return w;
}

static void world_free(struct world *w)
{
    assert_null(object_check(w->object));
    object_free(w->object);
    free(w);
}

/* By the trees alone: encodings are of no interest here. */
static void put_score(struct object *object, slice member, double score)
{
    bool created;
    (void)zset_remove(object, member);
    bool had_scores = object->scores != NULL;
    assert_int_equal(tree_put(object->tree, zset_order(score), member,
                              SLICE_EMPTY, &created),
                     ERR_OK);
    if (had_scores)
        assert_int_equal(tree_put(object->scores, 0, member,
                                  slice_make(&score, sizeof(score)), &created),
                         ERR_OK);
    zset_settle(object);
}

static void add(struct world *w, unsigned member)
{
    static const struct set_limits  set = { 512, 128, 64 };
    static const struct hash_limits hash = { 512, 64 };
    char                            buffer[20];
    slice                           name = name_of(member, buffer);
    if (w->type == OBJ_SET)
        (void)set_add(w->object, name, &set);
    else if (w->type == OBJ_HASH)
        (void)hash_put(w->object, name, SLICE_LITERAL("some value"), &hash);
    else
        put_score(w->object, name, member % 7);
    w->is_in[member] = true;
}

static void drop(struct world *w, unsigned member)
{
    char  buffer[20];
    slice name = name_of(member, buffer);
    bool  was_in = w->type == OBJ_SET    ? set_remove(w->object, name)
                   : w->type == OBJ_HASH ? hash_remove(w->object, name)
                                         : zset_remove(w->object, name);
    assert_int_equal(was_in, w->is_in[member]);
    w->is_in[member] = w->stays[member] = false;
}

/* As the db has it: a page as long as it fits in one. */
static struct coll look(struct world *w)
{
    slice page;
    if (object_count(w->object) > 0 && object_page(w->object, &page))
        return coll_of_page(w->type, (const uint8_t *)page.data);
    return coll_of_object(w->object);
}

static char *take_bulk(char **at)
{
    assert_int_equal(**at, '$');
    size_t len = strtoul(*at + 1, at, 10);
    char  *text = *at + 2;
    *at = text + len + 2;
    text[len] = '\0';
    return text;
}

static size_t take_array(char **at)
{
    assert_int_equal(**at, '*');
    size_t count = strtoul(*at + 1, at, 10);
    *at += 2;
    return count;
}

/* One call; counts what it saw, and returns how many. */
static size_t call_scan(struct world *w, const char *pattern, uint64_t count,
                        uint64_t *cursor)
{
    struct coll         coll = look(w);
    struct scan_request request = { *cursor, count,
                                    slice_from_string(pattern) };
    struct reply        reply;
    if (coll.count == 0) {
        *cursor = 0;
        return 0;
    }
    w->met_page |= *cursor != 0 && coll.page != NULL;
    reply_init(&reply);
    reply.version = 2;
    scan_reply(&reply, &coll, &request);
    assert_true(scan_bytes(&coll, &request) + 100 >= reply_bytes(&reply));
    reply_raw(&reply, SLICE_LITERAL("\0"));
    char  *at = reply.data;
    size_t each = w->type == OBJ_SET ? 1 : 2;
    assert_int_equal(take_array(&at), 2);
    *cursor = strtoull(take_bulk(&at), NULL, 10);
    assert_true(*cursor < (UINT64_C(1) << SCAN_CURSOR_BITS));
    size_t found = take_array(&at) / each;
    for (size_t i = 0; i < found; i++) {
        unsigned member = member_of(take_bulk(&at));
        assert_true(w->is_in[member]);
        w->seen[member]++;
        if (w->type == OBJ_HASH)
            assert_string_equal(take_bulk(&at), "some value");
        else if (w->type == OBJ_ZSET)
            assert_int_equal(atoi(take_bulk(&at)), member % 7);
    }
    reply_deinit(&reply);
    return found;
}

static void begin(struct world *w)
{
    memcpy(w->stays, w->is_in, sizeof(w->stays));
    memset(w->seen, 0, sizeof(w->seen));
    w->met_page = false;
}

static void expect_all_that_stayed(const struct world *w)
{
    for (unsigned i = 0; i < MEMBERS; i++)
        if (w->stays[i] && (w->met_page ? w->seen[i] < 1 : w->seen[i] != 1))
            fail_msg("member %u was seen %d times", i, w->seen[i]);
}

/* --- nothing happens ------------------------------------------------------ */

static const enum obj_type types[] = { OBJ_SET, OBJ_HASH, OBJ_ZSET };

static void scan_quietly(struct world *w, uint64_t count)
{
    uint64_t cursor = 0;
    size_t   calls = 0, total = 0;
    begin(w);
    do {
        size_t found = call_scan(w, "*", count, &cursor);
        assert_true(look(w).page != NULL || found <= count);
        total += found;
        calls++;
    } while (cursor != 0);
    expect_all_that_stayed(w);
    assert_true(total == object_count(w->object));
    /* Never an empty call, nor one for what is left over. */
    if (look(w).page == NULL)
        assert_true(calls == (total + count - 1) / count);
    else
        assert_int_equal(calls, 1);
}

static void each_element_comes_once_in_calls_of_count(void **state)
{
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        struct world *w = world_new(types[t], NULL);
        for (unsigned i = 0; i < MEMBERS; i++) {
            add(w, i);
            if (i == 5 || i == 128 || i == 600 || i == MEMBERS - 1)
                for (uint64_t count = 1; count <= 5000; count = count * 3 + 1)
                    scan_quietly(w, count);
        }
        scan_quietly(w, INT64_MAX);
        scan_quietly(w, MEMBERS);
        scan_quietly(w, MEMBERS - 1);
        world_free(w);
    }
}

static void any_cursor_is_fine(void **state)
{
    static const uint64_t cursors[] = { UINT64_MAX,
                                        UINT64_C(1) << SCAN_CURSOR_BITS,
                                        (UINT64_C(1) << 63) + 1 };
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        struct world *w = world_new(types[t], NULL);
        for (unsigned i = 0; i < MEMBERS; i++)
            add(w, i);
        for (size_t i = 0; i < 3; i++) {
            uint64_t cursor = cursors[i];
            assert_int_equal(call_scan(w, "*", 10, &cursor), 0);
            assert_int_equal(cursor, 0);
        }
        for (int i = 0; i < 100; i++) {
            uint64_t cursor = rand_next(&w->rand);
            assert_in_range(call_scan(w, "*", 10, &cursor), 0, 10);
        }
        world_free(w);
    }
}

static void match_leaves_out_but_does_not_look_further(void **state)
{
    struct world *w = world_new(OBJ_HASH, NULL);
    uint64_t      cursor = 0;
    size_t        calls = 0, found = 0;
    (void)state;
    for (unsigned i = 0; i < MEMBERS; i++)
        add(w, i);
    do {
        found += call_scan(w, "m1?", 100, &cursor);
        calls++;
    } while (cursor != 0);
    assert_int_equal(found, 5); /* m11 m13 ... m19 */
    assert_int_equal(calls, MEMBERS / 100);
    world_free(w);
}

/* --- hashes that are one -------------------------------------------------- */

/* Few hashes, which differ in bits below a place too, and the highest. */
static uint64_t few_hashes(slice text)
{
    char     copy[20] = "";
    memcpy(copy, text.data, text.len);
    uint64_t number = member_of(copy);
    return number % 5 == 4 ? UINT64_MAX - number % 2
                           : (number % 5) << 62 | number % 10;
}

static void those_of_one_place_come_together(void **state)
{
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        struct world *w = world_new(types[t], few_hashes);
        for (unsigned i = 0; i < MEMBERS; i++)
            add(w, i);
        for (uint64_t count = 1; count < MEMBERS; count *= 7) {
            uint64_t cursor = 0;
            size_t   calls = 0;
            begin(w);
            do
                call_scan(w, "*", count, &cursor), calls++;
            while (cursor != 0);
            expect_all_that_stayed(w);
            assert_in_range(calls, 1, 5);
        }
        world_free(w);
    }
}

/* --- something happens ---------------------------------------------------- */

static void drop_all_but(struct world *w, unsigned kept)
{
    for (unsigned member = kept; member < MEMBERS; member++)
        if (w->is_in[member])
            drop(w, member);
}

/* A little; much, so that it becomes a page or a tree; or nothing. */
static void change(struct world *w)
{
    unsigned what = (unsigned)rand_below(&w->rand, 20);
    unsigned times = what < 8 ? 20 : what < 10 ? MEMBERS : 0;
    if (what == 9)
        drop_all_but(w, 20);
    for (; what != 9 && times > 0; times--) {
        unsigned member = (unsigned)rand_below(&w->rand, MEMBERS);
        if (!w->is_in[member])
            add(w, member);
        else if (rand_below(&w->rand, 2))
            drop(w, member);
    }
    /* To disk and back, if it is a page: the bytes alone. */
    slice page;
    if (object_count(w->object) == 0 || !object_page(w->object, &page))
        return;
    struct object *again = object_from_page(&w->env, w->type, page);
    object_free(w->object);
    w->object = again;
}

static void scan_while_it_changes(struct world *w)
{
    static const uint64_t counts[] = { 1, 10, 10, 100, 1000 };
    uint64_t              cursor = 0;
    begin(w);
    for (;;) {
        call_scan(w, "*", counts[rand_below(&w->rand, 5)], &cursor);
        if (cursor == 0)
            break;
        change(w);
    }
    expect_all_that_stayed(w);
    change(w);
}

static void what_stays_is_met(void **state)
{
    (void)state;
    for (size_t t = 0; t < 6; t++) {
        struct world *w = world_new(types[t % 3], t < 3 ? NULL : few_hashes);
        int pages = 0, trees = 0;
        for (int i = 0; i < 150; i++) {
            scan_while_it_changes(w);
            pages += w->met_page;
            trees += look(w).page == NULL;
            if (object_count(w->object) < 300)
                for (unsigned member = 0; member < MEMBERS; member += 2)
                    add(w, member);
        }
        assert_true(trees > 10);
        assert_true(t >= 3 || pages > 3); /* few hashes: scans are short */
        world_free(w);
    }
}

/* --- scores --------------------------------------------------------------- */

static void expect_score(struct object *object, const char *score)
{
    struct coll         coll = coll_of_object(object);
    struct scan_request request = { 0, 10, SLICE_LITERAL("m") };
    struct reply        reply;
    char                expected[100];
    (void)snprintf(expected, sizeof(expected),
                   "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nm\r\n$%zu\r\n%s\r\n",
                   strlen(score), score);
    reply_init(&reply);
    reply.version = 3;
    scan_reply(&reply, &coll, &request);
    assert_true(slice_equal(slice_make(reply.data, reply.len),
                            slice_from_string(expected)));
    reply_deinit(&reply);
}

/* Of a small zset as it is kept, of a large one with 17 digits. */
static void scores_are_written_as_in_redis(void **state)
{
    struct object_env env = { .page_limit = 512 };
    struct object    *object = object_new(&env, OBJ_ZSET);
    (void)state;
    put_score(object, SLICE_LITERAL("m"), 0.1);
    expect_score(object, "0.1");
    put_score(object, SLICE_LITERAL("m"), 1e17);
    expect_score(object, "100000000000000000");
    object_raise_encoding(object, ENCODING_FULL);
    expect_score(object, "1e+17");
    put_score(object, SLICE_LITERAL("m"), 0.1);
    expect_score(object, "0.10000000000000001");
    put_score(object, SLICE_LITERAL("m"), -1.0 / 0.0);
    expect_score(object, "-inf");
    put_score(object, SLICE_LITERAL("m"), 3);
    expect_score(object, "3");
    object_free(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursors_are_read_as_strtoul_reads),
        cmocka_unit_test(options_are_checked_one_after_the_other),
        cmocka_unit_test(a_type_is_taken_where_there_is_one),
        cmocka_unit_test(each_element_comes_once_in_calls_of_count),
        cmocka_unit_test(any_cursor_is_fine),
        cmocka_unit_test(match_leaves_out_but_does_not_look_further),
        cmocka_unit_test(those_of_one_place_come_together),
        cmocka_unit_test(what_stays_is_met),
        cmocka_unit_test(scores_are_written_as_in_redis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
