/* set.c - a set is one tree; its encoding is told by what was put in. */
#include "type/set.h"

#include "base/assert.h"

static void note_encoding(struct object *object, slice member,
                          const struct set_limits *limits)
{
    struct page_value value = page_value_pack(member);
    uint64_t          count = object_count(object);
    bool              was_intset = object->encoding == ENCODING_SMALL;
    if (!value.is_int || (was_intset && count > limits->intset_entries))
        object_raise_encoding(object, ENCODING_LISTPACK);
    if (object->encoding == ENCODING_LISTPACK &&
        (count > limits->listpack_entries ||
         member.len > limits->listpack_value))
        object_raise_encoding(object, ENCODING_FULL);
}

bool set_add(struct object *object, slice member,
             const struct set_limits *limits)
{
    bool  created;
    err_t err = tree_put(object->tree, 0, member, SLICE_EMPTY, &created);
    ASSERT(err == ERR_OK);
    if (created)
        note_encoding(object, member, limits);
    return created;
}

bool set_remove(struct object *object, slice member)
{
    bool  deleted;
    err_t err = tree_delete(object->tree, 0, member, &deleted);
    ASSERT(err == ERR_OK);
    return deleted;
}

bool set_has(const struct coll *coll, slice member)
{
    struct page_element element;
    return coll_find(coll, member, &element);
}

/* ---- encoding ------------------------------------------------------------ */

void set_note_add(struct object *object, size_t count,
                  const struct set_limits *limits)
{
    bool is_intset = object->encoding == ENCODING_SMALL;
    if (count > (is_intset ? limits->intset_entries : limits->listpack_entries))
        object_raise_encoding(object, ENCODING_FULL);
}

void set_refit(struct object *object, const struct set_limits *limits)
{
    struct coll         coll = coll_of_object(object);
    struct coll_walk    walk;
    struct page_element element;
    char                buffer[NUM_INT64_CHARS];
    if (object->encoding != ENCODING_FULL ||
        coll.count > limits->listpack_entries)
        return;
    coll_walk_init(&walk, &coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element))
        if (page_value_text(&element.key, buffer).len > limits->listpack_value)
            return;
    object->encoding = ENCODING_LISTPACK;
}
