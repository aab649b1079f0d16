/* test_list.c - the ring holds both ways after each operation. */
#include "base/list.h"

#include "unit.h"

struct item {
    int         number;
    struct link link;
};

static int number_of(const struct link *link)
{
    return CONTAINER_OF(link, const struct item, link)->number;
}

/* Checks the ring both ways against numbers, which end with 0. */
static void assert_list(const struct link *head, const int *numbers)
{
    const struct link *last = head;

    LIST_EACH(link, (struct link *)head)
    {
        if (*numbers == 0) {
            fail_msg("the list is longer than expected");
            return;
        }
        assert_int_equal(number_of(link), *numbers);
        assert_ptr_equal(link->prev, last);
        last = link;
        numbers++;
    }
    assert_int_equal(*numbers, 0);
    assert_ptr_equal(head->prev, last);
}

static void items_init(struct item *items, int count)
{
    for (int i = 0; i < count; i++) {
        items[i].number = i + 1;
        link_init(&items[i].link);
    }
}

static void an_empty_list_has_no_ends(void **state)
{
    struct link head;

    (void)state;
    link_init(&head);
    assert_true(list_empty(&head));
    assert_null(list_first(&head));
    assert_null(list_last(&head));
    assert_list(&head, (int[]){ 0 });
}

static void push_and_insert_keep_order(void **state)
{
    struct link head;
    struct item items[4];

    (void)state;
    link_init(&head);
    items_init(items, 4);
    list_push_back(&head, &items[0].link);
    list_push_back(&head, &items[1].link);
    list_push_front(&head, &items[2].link);
    list_insert_before(&items[1].link, &items[3].link);
    assert_list(&head, (int[]){ 3, 1, 4, 2, 0 });
    assert_false(list_empty(&head));
    assert_int_equal(number_of(list_first(&head)), 3);
    assert_int_equal(number_of(list_last(&head)), 2);
}

static void remove_is_idempotent(void **state)
{
    struct link head;
    struct item items[3];

    (void)state;
    link_init(&head);
    items_init(items, 3);
    for (int i = 0; i < 3; i++)
        list_push_back(&head, &items[i].link);
    link_remove(&items[1].link);
    assert_true(list_empty(&items[1].link));
    link_remove(&items[1].link);
    assert_list(&head, (int[]){ 1, 3, 0 });
    link_remove(&items[0].link);
    link_remove(&items[2].link);
    assert_true(list_empty(&head));
}

static void splice_moves_everything_to_the_end(void **state)
{
    struct link to;
    struct link from;
    struct item items[4];

    (void)state;
    link_init(&to);
    link_init(&from);
    items_init(items, 4);

    list_splice(&to, &from);
    assert_true(list_empty(&to));
    list_push_back(&from, &items[0].link);
    list_push_back(&from, &items[1].link);
    list_splice(&to, &from);
    assert_list(&to, (int[]){ 1, 2, 0 });
    assert_true(list_empty(&from));
    list_push_back(&from, &items[2].link);
    list_push_back(&from, &items[3].link);
    list_splice(&to, &from);
    assert_list(&to, (int[]){ 1, 2, 3, 4, 0 });
    list_splice(&to, &from);
    assert_list(&to, (int[]){ 1, 2, 3, 4, 0 });
}

static void each_safe_allows_removing(void **state)
{
    struct link head;
    struct item items[5];
    int         seen = 0;

    (void)state;
    link_init(&head);
    items_init(items, 5);
    for (int i = 0; i < 5; i++)
        list_push_back(&head, &items[i].link);
    LIST_EACH_SAFE(link, &head)
    {
        seen++;
        if (number_of(link) % 2 == 1)
            link_remove(link);
    }
    assert_int_equal(seen, 5);
    assert_list(&head, (int[]){ 2, 4, 0 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_has_no_ends),
        cmocka_unit_test(push_and_insert_keep_order),
        cmocka_unit_test(remove_is_idempotent),
        cmocka_unit_test(splice_moves_everything_to_the_end),
        cmocka_unit_test(each_safe_allows_removing),
    };
    return cmocka_run_group_tests_name("base/list", tests, NULL, NULL);
}
