/* test_rdb_load.c - what each encoding says, told as a line of text; from
 * memory and from a source that lends little at a time; and what is wrong with
 * those that are wrong. */
#include "base/unit.h"

#include <stdio.h>

#include "codec/rdb_dump.h"
#include "codec/rdb_encode.h"
#include "codec/rdb_load.h"

/* ---- a visitor that writes down what it is told -------------------------- */

static err_t tell(struct buf *told, const char *between, slice text)
{
    err_t err = buf_append(told, between, strlen(between));
    return err == ERR_OK ? buf_append(told, text.data, text.len) : err;
}

static err_t tell_begin(void *arg, const struct rdb_shape *shape)
{
    static const char *const names[] = { "string:", "list:", "set:", "zset:",
                                         "hash:" };
    return tell(arg, names[shape->type], SLICE_EMPTY);
}

static err_t tell_text(void *arg, uint64_t len, slice part)
{
    (void)len;
    return tell(arg, "", part);
}

static err_t tell_element(void *arg, slice element)
{
    return tell(arg, " ", element);
}

static err_t tell_pair(void *arg, slice field, slice value)
{
    err_t err = tell(arg, " ", field);
    return err == ERR_OK ? tell(arg, "=", value) : err;
}

static err_t tell_member(void *arg, slice member, double score)
{
    err_t err = tell(arg, " ", member);
    return err == ERR_OK ? buf_printf(arg, "=%g", score) : err;
}

static err_t tell_end(void *arg, uint64_t nodes)
{
    return nodes > 1 ? buf_printf(arg, " in %u", (unsigned)nodes) : ERR_OK;
}

/* ---- a source that is no memory ------------------------------------------ */

/* What was lent is overwritten by what is lent next. */
struct stream {
    slice left;
    char  lent[70000];
};

static err_t stream_take(void *arg, size_t len, slice *out)
{
    struct stream *stream = arg;
    if (len > stream->left.len)
        return ERR_INVALID;
    assert_true(len <= sizeof(stream->lent));
    memset(stream->lent, '?', 100);
    memcpy(stream->lent, stream->left.data, len);
    stream->left = slice_make(stream->left.data + len, stream->left.len - len);
    *out = slice_make(stream->lent, len);
    return ERR_OK;
}

static err_t load(struct rdb_source source, size_t string_max,
                  struct buf *told)
{
    struct rdb_reader  reader;
    uint8_t            type = 0;
    struct rdb_visitor visitor = { told,         tell_begin, tell_text,
                                   tell_element, tell_pair,  tell_member,
                                   tell_end };
    buf_clear(told);
    rdb_reader_init(&reader, source, string_max);
    err_t err = rdb_read_byte(&reader, &type);
    if (err == ERR_OK)
        err = rdb_load(&reader, type, &visitor);
    rdb_reader_deinit(&reader);
    return err;
}

/* Both sources must say the same; told is what was told. */
static err_t load_both(slice dump, size_t string_max, struct buf *told)
{
    static struct stream stream;
    struct buf           other;
    buf_init(&other, SIZE_MAX);
    stream.left = dump;
    err_t err = load(rdb_source_of(&dump), string_max, told);
    err_t other_err =
        load((struct rdb_source){ stream_take, &stream, false }, string_max,
             &other);
    assert_int_equal(err, other_err);
    if (err == ERR_OK)
        assert_true(slice_equal(buf_slice(told), buf_slice(&other)));
    buf_deinit(&other);
    return err;
}

#define STRING_MAX ((size_t)1 << 20)

/* Takes dump: it is empty then. */
static void expect(struct buf *dump, const char *expected)
{
    struct buf told;
    buf_init(&told, SIZE_MAX);
    assert_int_equal(load_both(buf_slice(dump), STRING_MAX, &told), ERR_OK);
    err_t err = buf_append_byte(&told, 0);
    assert_int_equal(err, ERR_OK);
    assert_string_equal(told.data, expected);
    buf_deinit(&told);
    buf_clear(dump);
}

static void expect_error(struct buf *dump, err_t expected)
{
    struct buf told;
    buf_init(&told, SIZE_MAX);
    assert_int_equal(load_both(buf_slice(dump), STRING_MAX, &told), expected);
    buf_deinit(&told);
    buf_clear(dump);
}

/* ---- strings ------------------------------------------------------------- */

static void strings_in_every_form(void **state)
{
    struct buf dump;
    (void)state;
    buf_init(&dump, SIZE_MAX);
    static const unsigned lengths[] = { 1, 2, 5, 9 };
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        enc_byte(&dump, RDB_STRING);
        enc_len_as(&dump, 5, lengths[i]);
        enc_bytes(&dump, "hello", 5);
        expect(&dump, "string:hello");
    }
    static const struct {
        int64_t     number;
        unsigned    bytes;
        const char *told;
    } numbers[] = { { -128, 1, "string:-128" },
                    { 127, 1, "string:127" },
                    { -32768, 2, "string:-32768" },
                    { 2147483647, 4, "string:2147483647" },
                    { -2147483648, 4, "string:-2147483648" } };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        enc_byte(&dump, RDB_STRING);
        enc_number(&dump, numbers[i].number, numbers[i].bytes);
        expect(&dump, numbers[i].told);
    }
    enc_byte(&dump, RDB_STRING);
    enc_lzf(&dump, SLICE_LITERAL("aaaaaaaaaaaaaaaaaaaaaaaaa"), 25);
    expect(&dump, "string:aaaaaaaaaaaaaaaaaaaaaaaaa");
    enc_byte(&dump, RDB_STRING);
    enc_text(&dump, "");
    expect(&dump, "string:");
    buf_deinit(&dump);
}

/* Longer than what is taken from a file at once. */
static void a_long_string_comes_whole(void **state)
{
    static char text[200001], expected[200100];
    struct buf  dump;
    (void)state;
    for (size_t i = 0; i + 1 < sizeof(text); i++)
        text[i] = (char)('a' + i % 23);
    (void)snprintf(expected, sizeof(expected), "string:%s", text);
    buf_init(&dump, SIZE_MAX);
    enc_byte(&dump, RDB_STRING);
    enc_text(&dump, text);
    expect(&dump, expected);
    (void)snprintf(expected, sizeof(expected), "list: %s", text);
    enc_byte(&dump, RDB_LIST);
    enc_len(&dump, 1);
    enc_text(&dump, text);
    expect(&dump, expected);
    buf_deinit(&dump);
}

static void strings_that_lie(void **state)
{
    struct buf dump;
    (void)state;
    buf_init(&dump, SIZE_MAX);
    for (unsigned claimed = 0; claimed < 60; claimed++) {
        enc_byte(&dump, RDB_STRING);
        enc_lzf(&dump, SLICE_LITERAL("aaaaaaaaaaaaaaaaaaaaaaaaa"), claimed);
        expect_error(&dump, claimed == 25 ? ERR_OK : ERR_INVALID);
    }
    enc_byte(&dump, RDB_STRING); /* more than LZF can give */
    enc_lzf(&dump, SLICE_LITERAL("aaaaaaaaaaaaaaaaaaaaaaaaa"), 1 << 30);
    expect_error(&dump, ERR_INVALID);
    enc_byte(&dump, RDB_STRING); /* a form that there is not */
    enc_byte(&dump, 0xc4);
    expect_error(&dump, ERR_INVALID);
    enc_byte(&dump, RDB_STRING);
    enc_byte(&dump, 0x82);
    expect_error(&dump, ERR_INVALID);
    buf_deinit(&dump);
}

static void what_is_too_long_is_not_unpacked(void **state)
{
    static char text[STRING_MAX + 2];
    struct buf  dump;
    (void)state;
    memset(text, 'x', STRING_MAX + 1);
    buf_init(&dump, SIZE_MAX);
    enc_byte(&dump, RDB_STRING);
    enc_lzf(&dump, slice_make(text, STRING_MAX + 1), STRING_MAX + 1);
    expect_error(&dump, ERR_OOM);
    enc_byte(&dump, RDB_STRING);
    enc_lzf(&dump, slice_make(text, STRING_MAX), STRING_MAX);
    expect_error(&dump, ERR_OK);
    buf_deinit(&dump);
}

/* ---- collections --------------------------------------------------------- */

static void intset_of_2(struct buf *out, const char *words)
{
    enc_intset(out, 2, words);
}

static void intset_of_4(struct buf *out, const char *words)
{
    enc_intset(out, 4, words);
}

static void intset_of_8(struct buf *out, const char *words)
{
    enc_intset(out, 8, words);
}

#define NUMBERS                                                                \
    "0 12 13 -1 127 128 -128 -129 4095 4096 -4096 -4097 32767 32768 -32768 "  \
    "-32769 8388607 8388608 -8388608 -8388609 2147483647 2147483648 "         \
    "-2147483648 -2147483649 9223372036854775807 -9223372036854775808"

#define FIFTY  "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
#define LONG   FIFTY FIFTY FIFTY FIFTY FIFTY FIFTY

static const struct {
    uint8_t     type;
    void      (*form)(struct buf *out, const char *words);
    const char *words;
    const char *told; /* NULL: ERR_INVALID */
} packed[] = {
    { RDB_SET_INTSET, intset_of_2, "-32768 0 32767", "set: -32768 0 32767" },
    { RDB_SET_INTSET, intset_of_4, "-70000 5", "set: -70000 5" },
    { RDB_SET_INTSET, intset_of_8, "-9000000000 5", "set: -9000000000 5" },
    { RDB_SET_INTSET, intset_of_2, "", NULL },
    { RDB_SET_INTSET, intset_of_2, "1 1", NULL },
    { RDB_SET_INTSET, intset_of_2, "2 1", NULL },
    { RDB_HASH_ZIPMAP, enc_zipmap, "f v g w", "hash: f=v g=w" },
    { RDB_HASH_ZIPMAP, enc_zipmap, "f " LONG " g w", "hash: f=" LONG " g=w" },
    { RDB_HASH_ZIPMAP, enc_zipmap, "f v g", NULL },
    { RDB_HASH_ZIPMAP, enc_zipmap, "", NULL },
    { RDB_LIST_ZIPLIST, enc_ziplist, NUMBERS, "list: " NUMBERS },
    { RDB_LIST_ZIPLIST, enc_ziplist, "a " LONG " b", "list: a " LONG " b" },
    { RDB_LIST_ZIPLIST, enc_ziplist, "", NULL },
    { RDB_HASH_ZIPLIST, enc_ziplist, "a 1 2 b", "hash: a=1 2=b" },
    { RDB_HASH_ZIPLIST, enc_ziplist, "a 1 2", NULL },
    { RDB_ZSET_ZIPLIST, enc_ziplist, "a 1 b -2.5 c inf",
      "zset: a=1 b=-2.5 c=inf" },
    { RDB_ZSET_ZIPLIST, enc_ziplist, "a nan", NULL },
    { RDB_ZSET_ZIPLIST, enc_ziplist, "a 1x", NULL },
    { RDB_ZSET_LISTPACK, enc_listpack, "a 1 b -2.5 7 -inf",
      "zset: a=1 b=-2.5 7=-inf" },
    { RDB_ZSET_LISTPACK, enc_listpack, "a", NULL },
    { RDB_HASH_LISTPACK, enc_listpack, "a 1 2 b", "hash: a=1 2=b" },
    { RDB_SET_LISTPACK, enc_listpack, NUMBERS, "set: " NUMBERS },
    { RDB_SET_LISTPACK, enc_listpack, "a " LONG, "set: a " LONG },
    { RDB_SET_LISTPACK, enc_listpack, "", NULL },
};

static void packed_forms(void **state)
{
    struct buf dump;
    (void)state;
    buf_init(&dump, SIZE_MAX);
    for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]); i++) {
        enc_byte(&dump, packed[i].type);
        enc_packed(&dump, packed[i].form, packed[i].words);
        if (packed[i].told != NULL)
            expect(&dump, packed[i].told);
        else
            expect_error(&dump, ERR_INVALID);
    }
    buf_deinit(&dump);
}

/* A form with more elements than its header can count. */
static void forms_that_do_not_tell_their_count(void **state)
{
    enum { COUNT = 70000 };
    struct buf dump, words, told;
    (void)state;
    buf_init(&dump, SIZE_MAX);
    buf_init(&words, SIZE_MAX);
    buf_init(&told, SIZE_MAX);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(buf_append(&words, "7 ", 2), ERR_OK);
    assert_int_equal(buf_append_byte(&words, 0), ERR_OK);
    for (unsigned round = 0; round < 2; round++) {
        buf_clear(&dump);
        enc_byte(&dump, RDB_LIST_QUICKLIST + 4 * round);
        enc_len(&dump, 1);
        if (round == 1)
            enc_len(&dump, RDB_NODE_PACKED);
        enc_packed(&dump, round == 0 ? enc_ziplist : enc_listpack, words.data);
        assert_int_equal(load_both(buf_slice(&dump), STRING_MAX, &told),
                         ERR_OK);
        assert_int_equal(told.len, strlen("list:") + 2 * COUNT);
    }
    buf_deinit(&told);
    buf_deinit(&words);
    buf_deinit(&dump);
}

static void counted_elements(void **state)
{
    struct buf dump;
    (void)state;
    buf_init(&dump, SIZE_MAX);
    enc_byte(&dump, RDB_LIST);
    enc_len(&dump, 3);
    enc_text(&dump, "a");
    enc_number(&dump, 300, 2);
    enc_lzf(&dump, SLICE_LITERAL("bbbbbbbbbbbbbbbbbbbbbbbb"), 24);
    expect(&dump, "list: a 300 bbbbbbbbbbbbbbbbbbbbbbbb");
    enc_byte(&dump, RDB_HASH);
    enc_len(&dump, 2);
    enc_lzf(&dump, SLICE_LITERAL("ffffffffffffffffffffffff"), 24);
    enc_lzf(&dump, SLICE_LITERAL("vvvvvvvvvvvvvvvvvvvvvvvv"), 24);
    enc_number(&dump, 1, 1);
    enc_number(&dump, 2, 1);
    expect(&dump,
           "hash: ffffffffffffffffffffffff=vvvvvvvvvvvvvvvvvvvvvvvv 1=2");
    enc_byte(&dump, RDB_ZSET_2);
    enc_len(&dump, 1);
    enc_text(&dump, "m");
    enc_double(&dump, -0.5);
    expect(&dump, "zset: m=-0.5");
    enc_byte(&dump, RDB_ZSET);
    enc_len(&dump, 3);
    enc_text(&dump, "m");
    enc_text(&dump, "1e3");
    enc_text(&dump, "n");
    enc_byte(&dump, RDB_SCORE_INF);
    enc_text(&dump, "o");
    enc_byte(&dump, RDB_SCORE_MINUS_INF);
    expect(&dump, "zset: m=1000 n=inf o=-inf");
    enc_byte(&dump, RDB_ZSET);
    enc_len(&dump, 1);
    enc_text(&dump, "m");
    enc_byte(&dump, RDB_SCORE_NAN);
    expect_error(&dump, ERR_INVALID);
    enc_byte(&dump, RDB_SET);
    enc_len(&dump, 0);
    expect_error(&dump, ERR_INVALID);
    buf_deinit(&dump);
}

static void nodes_of_lists(void **state)
{
    struct buf dump;
    (void)state;
    buf_init(&dump, SIZE_MAX);
    enc_byte(&dump, RDB_LIST_QUICKLIST);
    enc_len(&dump, 3);
    enc_packed(&dump, enc_ziplist, "a 1");
    enc_packed(&dump, enc_ziplist, "");
    enc_packed(&dump, enc_ziplist, "b");
    expect(&dump, "list: a 1 b in 2");
    enc_byte(&dump, RDB_LIST_QUICKLIST_2);
    enc_len(&dump, 2);
    enc_len(&dump, RDB_NODE_PLAIN);
    enc_text(&dump, "plain");
    enc_len(&dump, RDB_NODE_PACKED);
    enc_packed(&dump, enc_listpack, "a 1");
    expect(&dump, "list: plain a 1 in 2");
    for (unsigned node = 0; node < 4; node++) {
        enc_byte(&dump, RDB_LIST_QUICKLIST_2);
        enc_len(&dump, 1);
        enc_len(&dump, node);
        enc_text(&dump, "no listpack");
        expect_error(&dump, node == RDB_NODE_PLAIN ? ERR_OK : ERR_INVALID);
    }
    enc_byte(&dump, RDB_LIST_QUICKLIST_2);
    enc_len(&dump, 1);
    enc_len(&dump, RDB_NODE_PACKED);
    enc_packed(&dump, enc_listpack, "");
    expect_error(&dump, ERR_INVALID);
    buf_deinit(&dump);
}

static void types_that_we_do_not_read(void **state)
{
    struct buf dump;
    (void)state;
    buf_init(&dump, SIZE_MAX);
    static const uint8_t types[] = { 6, 7, 8, 15, 19, 21, 22, 254, 255 };
    for (size_t i = 0; i < sizeof(types); i++) {
        enc_byte(&dump, types[i]);
        enc_text(&dump, "v");
        expect_error(&dump, ERR_INVALID);
    }
    expect_error(&dump, ERR_INVALID); /* not even a type */
    buf_deinit(&dump);
}

/* ---- the footer ---------------------------------------------------------- */

static void footers(void **state)
{
    struct buf dump;
    slice      body;
    (void)state;
    buf_init(&dump, SIZE_MAX);
    for (unsigned version = 0; version < 20; version++) {
        buf_clear(&dump);
        enc_byte(&dump, RDB_STRING);
        enc_text(&dump, "v");
        enc_footer(&dump, version);
        assert_int_equal(rdb_check_footer(buf_slice(&dump), &body),
                         version <= 11 ? ERR_OK : ERR_INVALID);
    }
    buf_clear(&dump);
    enc_byte(&dump, RDB_STRING);
    enc_text(&dump, "v");
    enc_footer(&dump, 11);
    assert_int_equal(rdb_check_footer(buf_slice(&dump), &body), ERR_OK);
    assert_true(slice_equal(body, slice_make("\0\1v", 3)));
    for (size_t i = 0; i < dump.len; i++) {
        dump.data[i] = (char)(dump.data[i] ^ 4);
        assert_int_equal(rdb_check_footer(buf_slice(&dump), &body),
                         ERR_INVALID);
        dump.data[i] = (char)(dump.data[i] ^ 4);
        assert_int_equal(rdb_check_footer(slice_make(dump.data, i), &body),
                         ERR_INVALID);
    }
    buf_deinit(&dump);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_in_every_form),
        cmocka_unit_test(a_long_string_comes_whole),
        cmocka_unit_test(strings_that_lie),
        cmocka_unit_test(what_is_too_long_is_not_unpacked),
        cmocka_unit_test(packed_forms),
        cmocka_unit_test(forms_that_do_not_tell_their_count),
        cmocka_unit_test(counted_elements),
        cmocka_unit_test(nodes_of_lists),
        cmocka_unit_test(types_that_we_do_not_read),
        cmocka_unit_test(footers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
