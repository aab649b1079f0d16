/* test_buf.c - the maximum to the byte, growth, random steps. */
#include "base/buf.h"

#include <stdlib.h>

#include "base/rand.h"
#include "death.h"
#include "unit.h"

static void assert_buf(const struct buf *buf, const char *text)
{
    assert_int_equal(buf->len, strlen(text));
    assert_true(slice_equal(buf_slice(buf), slice_from_string(text)));
}

static void born_empty_without_memory(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 100);
    assert_null(buf.data);
    assert_int_equal(buf.capacity, 0);
    assert_int_equal(buf_append(&buf, NULL, 0), ERR_OK);
    assert_int_equal(buf_reserve(&buf, 0), ERR_OK);
    assert_null(buf.data);
    assert_non_null(buf_slice(&buf).data);
    buf_consume(&buf, 0);
    buf_clear(&buf);
    buf_deinit(&buf);
}

static void append_and_consume(void **state)
{
    struct buf buf;

    (void)state;
    buf_init(&buf, 1000);
    assert_int_equal(buf_append(&buf, "hello ", 6), ERR_OK);
    assert_int_equal(buf_append_byte(&buf, 'w'), ERR_OK);
    assert_int_equal(buf_printf(&buf, "%s%d", "orld", 42), ERR_OK);
    assert_buf(&buf, "hello world42");
    buf_consume(&buf, 6);
    assert_buf(&buf, "world42");
    buf_consume(&buf, 7);
    assert_buf(&buf, "");
    assert_int_equal(buf_append(&buf, "x", 1), ERR_OK);
    assert_buf(&buf, "x");
    size_t capacity = buf.capacity;
    buf_clear(&buf);
    assert_int_equal(buf.capacity, capacity);
    buf_deinit(&buf);
    assert_int_equal(buf.capacity, 0);
    assert_int_equal(buf_append(&buf, "again", 5), ERR_OK);
    assert_buf(&buf, "again");
    buf_deinit(&buf);
}

static void the_maximum_holds_to_the_byte(void **state)
{
    struct buf buf;
    char       bytes[100] = { 0 };

    (void)state;
    buf_init(&buf, 100);
    assert_int_equal(buf_append(&buf, bytes, 99), ERR_OK);
    assert_int_equal(buf_append(&buf, "ab", 2), ERR_LIMIT);
    assert_int_equal(buf_printf(&buf, "ab"), ERR_LIMIT);
    assert_int_equal(buf.len, 99);
    assert_int_equal(buf_append_byte(&buf, 'z'), ERR_OK);
    assert_int_equal(buf_append_byte(&buf, 'z'), ERR_LIMIT);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX), ERR_LIMIT);
    assert_int_equal(buf_reserve(&buf, 0), ERR_OK);
    assert_int_equal(buf.len, 100);
    assert_true(buf.capacity <= 100);
    assert_int_equal(buf.data[99], 'z');
    buf_deinit(&buf);
    assert_int_equal(buf_append(&buf, bytes, 100), ERR_OK);
    buf_deinit(&buf);
}

/* Around the size that is formatted on the stack, and up to the maximum,
 * where there is no room for vsnprintf's NUL. */
static void printf_of_any_length(void **state)
{
    char text[700];

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        struct buf buf;
        memset(text, 'a' + (int)(len % 26), len);
        text[len] = '\0';

        buf_init(&buf, len + 1);
        assert_int_equal(buf_printf(&buf, "%s", text), ERR_OK);
        assert_buf(&buf, text);
        buf_deinit(&buf);

        buf_init(&buf, len);
        assert_int_equal(buf_printf(&buf, "%s", text), ERR_OK);
        assert_buf(&buf, text);
        assert_int_equal(buf_printf(&buf, "%s", text),
                         len == 0 ? ERR_OK : ERR_LIMIT);
        assert_buf(&buf, text);
        buf_deinit(&buf);
    }
}

/* Appending byte by byte may reallocate only a few times, and what is not
 * used stays under a half, for large buffers under a quarter. */
static void growth_is_geometric_and_bounded(void **state)
{
    struct buf buf;
    size_t     last = 0;
    int        reallocated = 0;

    (void)state;
    buf_init(&buf, (size_t)8 * 1024 * 1024);
    for (size_t i = 0; i < (size_t)8 * 1024 * 1024; i++) {
        assert_int_equal(buf_append_byte(&buf, (uint8_t)i), ERR_OK);
        if (buf.capacity == last)
            continue;
        reallocated++;
        last = buf.capacity;
        if (buf.len > 64)
            assert_true(buf.capacity < 2 * buf.len);
        if (buf.len > (size_t)1024 * 1024)
            assert_true(buf.capacity < buf.len + buf.len / 4);
    }
    assert_true(reallocated < 40);
    assert_int_equal(buf.capacity, buf.max_len);
    buf_deinit(&buf);
}

#define MODEL_MAX 3000

static void random_steps_match_a_plain_array(void **state)
{
    static char model[MODEL_MAX];
    size_t      model_len = 0;
    struct rand rand;
    struct buf  buf;

    (void)state;
    rand_init(&rand, 11);
    buf_init(&buf, MODEL_MAX);
    for (int step = 0; step < 20000; step++) {
        char   bytes[200];
        size_t len = rand_below(&rand, sizeof(bytes) + 1);
        memset(bytes, (int)rand_below(&rand, 256), sizeof(bytes));
        if (rand_below(&rand, 5) < 3) {
            bool fits = model_len + len <= MODEL_MAX;
            assert_int_equal(buf_append(&buf, bytes, len),
                             fits ? ERR_OK : ERR_LIMIT);
            if (fits) {
                memcpy(model + model_len, bytes, len);
                model_len += len;
            }
        } else {
            len = len < model_len ? len : model_len;
            buf_consume(&buf, len);
            model_len -= len;
            memmove(model, model + len, model_len);
        }
        assert_true(slice_equal(buf_slice(&buf), slice_make(model, model_len)));
        assert_true(buf.capacity <= MODEL_MAX);
    }
    buf_deinit(&buf);
}

static void consume_too_much(void *arg)
{
    buf_consume(arg, 3);
}

static void consuming_what_is_not_there_is_asserted(void **state)
{
    struct buf buf;
    char       text[2048];

    (void)state;
    buf_init(&buf, 10);
    assert_int_equal(buf_append(&buf, "ab", 2), ERR_OK);
    assert_true(death_by_abort(consume_too_much, &buf, text, sizeof(text)));
    buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(born_empty_without_memory),
        cmocka_unit_test(append_and_consume),
        cmocka_unit_test(the_maximum_holds_to_the_byte),
        cmocka_unit_test(printf_of_any_length),
        cmocka_unit_test(growth_is_geometric_and_bounded),
        cmocka_unit_test(random_steps_match_a_plain_array),
        cmocka_unit_test(consuming_what_is_not_there_is_asserted),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
