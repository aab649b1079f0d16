/* list.h - intrusive doubly linked ring; joining a list allocates nothing.
 *
 * The head is a link that points to itself when empty. A link that is on no
 * list points to itself too (after link_init), so link_remove is idempotent.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *next;
    struct link *prev;
};

#define CONTAINER_OF(pointer, type, member)                                    \
    ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

static inline void link_init(struct link *link)
{
    link->next = link;
    link->prev = link;
}

/* True for an empty head and for a link that is on no list. */
static inline bool list_empty(const struct link *head)
{
    return head->next == head;
}

static inline void list_insert_before(struct link *where, struct link *link)
{
    link->next = where;
    link->prev = where->prev;
    where->prev->next = link;
    where->prev = link;
}

static inline void list_push_back(struct link *head, struct link *link)
{
    list_insert_before(head, link);
}

static inline void list_push_front(struct link *head, struct link *link)
{
    list_insert_before(head->next, link);
}

static inline void link_remove(struct link *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link_init(link);
}

/* NULL when empty. */
static inline struct link *list_first(const struct link *head)
{
    return head->next == head ? NULL : head->next;
}

static inline struct link *list_last(const struct link *head)
{
    return head->prev == head ? NULL : head->prev;
}

/* Moves everything on `from` to the end of `to`; `from` is empty after. */
static inline void list_splice(struct link *to, struct link *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    link_init(from);
}

#define LIST_EACH(link, head)                                                  \
    for (struct link *link = (head)->next; link != (head); link = link->next)

/* The body may remove `link` (but not its successor). */
#define LIST_EACH_SAFE(link, head)                                             \
    for (struct link *link = (head)->next, *link##_next = link->next;          \
         link != (head); link = link##_next, link##_next = link->next)

#endif
