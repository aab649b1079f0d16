/* test_rdb_save.c - values of every type and size, written and tried
 * (rdb_try.h), in the encoding that they should have; and bytes that Redis is
 * known to write. */
#include "base/unit.h"

#include <stdio.h>

#include "base/mem.h"
#include "codec/rdb_build.h"
#include "codec/rdb_save.h"
#include "codec/rdb_try.h"
#include "type/string.h"

static const struct object_env env = { .page_limit = TREE_PAGE_LIMIT };
static const struct rdb_limits limits = {
    .list = { 8192 },
    .hash = { 512, 64 },
    .set = { 512, 128, 64 },
    .zset = { 128, 64 },
};

static void put(void *arg, slice bytes)
{
    assert_int_equal(buf_append(arg, bytes.data, bytes.len), ERR_OK);
}

static void written(struct rdb_writer *writer, struct buf *out)
{
    rdb_writer_flush(writer);
    assert_true(writer->len == out->len);
    rdb_writer_deinit(writer);
}

static void write_object(struct object *object, struct buf *out)
{
    struct rdb_writer writer;
    struct coll       coll = coll_of_object(object);
    buf_clear(out);
    rdb_writer_init(&writer, put, out);
    rdb_write_byte(&writer, (uint8_t)rdb_type_of(&coll));
    rdb_save(&writer, &coll);
    written(&writer, out);
}

/* Frees it. */
static void expect(struct object *object, enum rdb_type type)
{
    struct buf out;
    buf_init(&out, SIZE_MAX);
    write_object(object, &out);
    assert_int_equal(out.data[0], type);
    assert_int_equal(rdb_try(buf_slice(&out)), ERR_OK);
    buf_deinit(&out);
    object_free(object);
}

static slice word(char *out, size_t room, const char *prefix, int number)
{
    return slice_make(out, (size_t)snprintf(out, room, "%s%d", prefix, number));
}

static struct object *make(enum obj_type type, int count, const char *prefix)
{
    struct object *object = object_new(&env, type);
    char           text[4200];
    for (int i = 0; i < count; i++) {
        slice one = word(text, sizeof(text), prefix, i);
        if (type == OBJ_LIST)
            list_push(object, LIST_TAIL, one);
        else if (type == OBJ_SET)
            (void)set_add(object, one, &limits.set);
        else if (type == OBJ_HASH)
            (void)hash_put(object, one, one, &limits.hash);
        else
            (void)zset_put(object, one, i / 4.0, &limits.zset);
    }
    if (type == OBJ_LIST)
        list_will_grow(object, 0, &limits.list);
    return object;
}

#define LONG_WORD                                                              \
    "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"

static void each_encoding_by_number_and_length(void **state)
{
    static const struct {
        enum obj_type type;
        int           count;
        const char   *prefix;
        enum rdb_type expected;
    } cases[] = {
        { OBJ_LIST, 1, "a", RDB_LIST_QUICKLIST_2 },
        { OBJ_LIST, 5000, "element ", RDB_LIST_QUICKLIST_2 },
        { OBJ_LIST, 5000, "", RDB_LIST_QUICKLIST_2 },
        { OBJ_SET, 512, "", RDB_SET_INTSET },
        { OBJ_SET, 513, "", RDB_SET },
        { OBJ_SET, 5, "a", RDB_SET }, /* 7.0 knows no listpack of it */
        { OBJ_SET, 3000, "a", RDB_SET },
        { OBJ_HASH, 512, "f", RDB_HASH_LISTPACK },
        { OBJ_HASH, 513, "f", RDB_HASH },
        { OBJ_HASH, 2, LONG_WORD, RDB_HASH },
        { OBJ_HASH, 3000, "", RDB_HASH },
        { OBJ_ZSET, 128, "m", RDB_ZSET_LISTPACK },
        { OBJ_ZSET, 129, "m", RDB_ZSET_2 },
        { OBJ_ZSET, 2, LONG_WORD, RDB_ZSET_2 },
        { OBJ_ZSET, 5000, "", RDB_ZSET_2 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(make(cases[i].type, cases[i].count, cases[i].prefix),
               cases[i].expected);
}

/* Elements around each length where a form changes, and numbers likewise. */
static void every_length(void **state)
{
    static char text[70000];
    static const size_t lengths[] = { 0,    1,    19,   20,   21,    63,   64,
                                      65,   126,  127,  128,  4094,  4095, 4096,
                                      8180, 8190, 8192, 16380, 16383, 16384,
                                      65535, 65536, 69999 };
    struct object *list = object_new(&env, OBJ_LIST);
    char           digits[NUM_INT64_CHARS];
    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * i >> 3);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        list_push(list, LIST_TAIL, slice_make(text, lengths[i]));
    for (unsigned bit = 0; bit < 64; bit++)
        for (int off = -1; off <= 1; off++) {
            uint64_t number = (UINT64_C(1) << bit) + (uint64_t)off;
            size_t   len = num_format_int64((int64_t)number, digits);
            list_push(list, LIST_TAIL, slice_make(digits, len));
            len = num_format_int64((int64_t)(0 - number), digits);
            list_push(list, LIST_TAIL, slice_make(digits, len));
        }
    list_will_grow(list, 0, &limits.list);
    expect(list, RDB_LIST_QUICKLIST_2);
}

static void scores(void **state)
{
    static const double some[] = { 0,    1,     -1,    0.1,  2.5,   1e15,  9e15,
                                   1e16, 1e18,  1e19,  -1e19, 1e300, 5e-324,
                                   -0.5, 4e18, 127, 128, 4611686018427387904. };
    struct object *zset = object_new(&env, OBJ_ZSET);
    char           text[30];
    (void)state;
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
        (void)zset_put(zset, word(text, sizeof(text), "m", (int)i), some[i],
                       &limits.zset);
    (void)zset_put(zset, SLICE_LITERAL("inf"), 1.0 / 0.0, &limits.zset);
    (void)zset_put(zset, SLICE_LITERAL("-inf"), -1.0 / 0.0, &limits.zset);
    expect(zset, RDB_ZSET_LISTPACK);
}

/* ---- what is not packed, nor compressed ---------------------------------- */

static void a_large_element_is_a_node_of_its_own(void **state)
{
    size_t         len = RDB_PACK_MAX + 1;
    char          *text = mem_alloc(len);
    struct buf     out;
    struct object *list = object_new(&env, OBJ_LIST);
    (void)state;
    memset(text, 'x', len);
    buf_init(&out, SIZE_MAX);
    list_push(list, LIST_TAIL, SLICE_LITERAL("a"));
    list_push(list, LIST_TAIL, slice_make(text, len));
    list_push(list, LIST_TAIL, SLICE_LITERAL("b"));
    list_will_grow(list, 0, &limits.list);
    write_object(list, &out);
    assert_int_equal(out.data[1], 3);
    assert_true(out.len > len); /* and it is not compressed */
    assert_int_equal(rdb_try(buf_slice(&out)), ERR_OK);
    buf_deinit(&out);
    mem_free(text);
    object_free(list);
}

static void large_strings(void **state)
{
    static const size_t lengths[] = { 20000, RDB_PACK_MAX, RDB_PACK_MAX + 1,
                                      3 * RDB_PACK_MAX };
    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct rdb_writer writer;
        struct buf        out;
        char             *text = mem_alloc(lengths[i]);
        memset(text, 'x', lengths[i]);
        struct object *string =
            string_object_new(&env, slice_make(text, lengths[i]));
        buf_init(&out, SIZE_MAX);
        rdb_writer_init(&writer, put, &out);
        rdb_write_byte(&writer, RDB_STRING);
        rdb_save_string(&writer, string);
        written(&writer, &out);
        assert_true((out.len < lengths[i] / 50) ==
                    (lengths[i] <= RDB_PACK_MAX));
        assert_int_equal(rdb_try(buf_slice(&out)), ERR_OK);
        buf_deinit(&out);
        object_free(string);
        mem_free(text);
    }
}

/* Restored from a server that keeps all in listpacks. */
static void what_is_too_large_for_one_form(void **state)
{
    const struct hash_limits none = { 100000, SIZE_MAX };
    static char    text[5000];
    struct object *hash = object_new(&env, OBJ_HASH);
    char           field[30];
    (void)state;
    memset(text, 'v', sizeof(text));
    for (int i = 0; i < 300; i++)
        (void)hash_put(hash, word(field, sizeof(field), "f", i),
                       slice_make(text, sizeof(text)), &none);
    assert_int_equal(hash->encoding, ENCODING_SMALL);
    expect(hash, RDB_HASH);
}

/* ---- bytes --------------------------------------------------------------- */

static void expect_bytes(struct object *object, const char *bytes, size_t len)
{
    struct buf out;
    buf_init(&out, SIZE_MAX);
    write_object(object, &out);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.data, bytes, len);
    buf_deinit(&out);
    object_free(object);
}

#define BYTES(text) (text), sizeof(text) - 1

/* As redis-server 7.0.15 has dumped them. */
static void bytes_that_redis_writes(void **state)
{
    struct object *object = object_new(&env, OBJ_LIST);
    (void)state;
    list_push(object, LIST_TAIL, SLICE_LITERAL("a"));
    list_push(object, LIST_TAIL, SLICE_LITERAL("1"));
    expect_bytes(object, BYTES("\x12\x01\x02\x0c\x0c\0\0\0\x02\0\x81"
                               "a\x02\x01\x01\xff"));
    object = object_new(&env, OBJ_SET);
    (void)set_add(object, SLICE_LITERAL("300"), &limits.set);
    (void)set_add(object, SLICE_LITERAL("-2"), &limits.set);
    expect_bytes(object, BYTES("\x0b\x0c\x02\0\0\0\x02\0\0\0\xfe\xff\x2c\x01"));
    object = object_new(&env, OBJ_HASH);
    (void)hash_put(object, SLICE_LITERAL("f"), SLICE_LITERAL("v"),
                   &limits.hash);
    expect_bytes(object, BYTES("\x10\x0d\x0d\0\0\0\x02\0\x81"
                               "f\x02\x81v\x02\xff"));
    object = object_new(&env, OBJ_ZSET);
    (void)zset_put(object, SLICE_LITERAL("m"), 2.5, &limits.zset);
    expect_bytes(object, BYTES("\x11\x0f\x0f\0\0\0\x02\0\x81"
                               "m\x02\x83"
                               "2.5\x04\xff"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_encoding_by_number_and_length),
        cmocka_unit_test(every_length),
        cmocka_unit_test(scores),
        cmocka_unit_test(a_large_element_is_a_node_of_its_own),
        cmocka_unit_test(large_strings),
        cmocka_unit_test(what_is_too_large_for_one_form),
        cmocka_unit_test(bytes_that_redis_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
