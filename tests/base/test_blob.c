/* test_blob.c - bytes shared by reference, also between threads. */
#include "base/blob.h"

#include <pthread.h>

#include "death.h"
#include "unit.h"

static void copy_holds_the_bytes(void **state)
{
    struct blob *blob = blob_copy(SLICE_LITERAL("ab\0c"));

    (void)state;
    assert_int_equal(blob->len, 4);
    assert_true(slice_equal(blob_slice(blob), SLICE_LITERAL("ab\0c")));
    blob_unref(blob);

    blob = blob_copy(slice_make(NULL, 0));
    assert_int_equal(blob->len, 0);
    assert_true(slice_equal(blob_slice(blob), SLICE_EMPTY));
    blob_unref(blob);
    blob_unref(NULL);
}

static void new_gives_room_to_write(void **state)
{
    struct blob *blob = blob_new(100000);

    (void)state;
    memset(blob->data, 5, blob->len);
    assert_int_equal(blob_slice(blob).data[99999], 5);
    blob_unref(blob);
}

static void shared_while_two_hold_it(void **state)
{
    struct blob *blob = blob_copy(SLICE_LITERAL("x"));

    (void)state;
    assert_false(blob_is_shared(blob));
    assert_ptr_equal(blob_ref(blob), blob);
    assert_true(blob_is_shared(blob));
    blob_unref(blob);
    assert_false(blob_is_shared(blob));
    assert_int_equal(blob->data[0], 'x');
    blob_unref(blob);
}

static void charge_covers_header_and_bytes(void **state)
{
    (void)state;
    for (size_t len = 0; len < 5000; len += 7) {
        assert_true(blob_charge_bytes(len) >= sizeof(struct blob) + len);
        assert_true(blob_charge_bytes(len) <= 80 + len + len / 4);
    }
}

#define THREADS 4

static void count_call(void *owner)
{
    ++*(int *)owner;
}

static void lent_bytes_are_let_go_once(void **state)
{
    char         bytes[] = "bytes of somebody else";
    int          calls = 0;
    struct blob *blob = blob_lend(slice_make(bytes + 9, 8), count_call, &calls);

    (void)state;
    assert_true(slice_equal(blob_slice(blob), SLICE_LITERAL("somebody")));
    assert_ptr_equal(blob->data, bytes + 9);
    blob_unref(blob_ref(blob));
    assert_int_equal(calls, 0);
    blob_unref(blob);
    assert_int_equal(calls, 1);
}

static void *ref_and_unref(void *arg)
{
    struct blob *blob = arg;

    for (int i = 0; i < 20000; i++) {
        struct blob *mine = blob_ref(blob);
        if (mine->data[3] != 's')
            return NULL;
        blob_unref(mine);
    }
    blob_unref(blob); /* this thread's own reference */
    return (void *)1;
}

/* The last of the threads frees; the sanitizers see a count that is wrong. */
static void threads_share_the_count(void **state)
{
    struct blob *blob = blob_copy(SLICE_LITERAL("bytes"));
    pthread_t    threads[THREADS];
    void        *result;

    (void)state;
    blob->data[3] = 's';
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, ref_and_unref, blob_ref(blob)),
            0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    assert_false(blob_is_shared(blob));
    blob_unref(blob);
}

static void drop_once_more(void *arg)
{
    struct blob *blob = arg;
    atomic_store(&blob->refs, 0);
    blob_unref(blob);
}

static void take_from_the_dead(void *arg)
{
    struct blob *blob = arg;
    atomic_store(&blob->refs, 0);
    (void)blob_ref(blob);
}

static void a_count_below_zero_is_asserted(void **state)
{
    struct blob *blob = blob_new(1);
    char         text[2048];

    (void)state;
    assert_true(death_by_abort(drop_once_more, blob, text, sizeof(text)));
    assert_true(death_by_abort(take_from_the_dead, blob, text, sizeof(text)));
    blob_unref(blob);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_holds_the_bytes),
        cmocka_unit_test(new_gives_room_to_write),
        cmocka_unit_test(shared_while_two_hold_it),
        cmocka_unit_test(charge_covers_header_and_bytes),
        cmocka_unit_test(lent_bytes_are_let_go_once),
        cmocka_unit_test(threads_share_the_count),
        cmocka_unit_test(a_count_below_zero_is_asserted),
    };
    return cmocka_run_group_tests_name("base/blob", tests, NULL, NULL);
}
