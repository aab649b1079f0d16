/* hash.c - a hash is one tree; its encoding is told by what was put in. */
#include "type/hash.h"

#include "base/assert.h"

bool hash_put(struct object *object, slice field, slice value,
              const struct hash_limits *limits)
{
    bool  created;
    err_t err = tree_put(object->tree, 0, field, value, &created);
    ASSERT(err == ERR_OK);
    if (field.len > limits->value || value.len > limits->value ||
        object_count(object) > limits->entries)
        object_raise_encoding(object, ENCODING_FULL);
    return created;
}

bool hash_remove(struct object *object, slice field)
{
    bool  deleted;
    err_t err = tree_delete(object->tree, 0, field, &deleted);
    ASSERT(err == ERR_OK);
    return deleted;
}

bool hash_find(const struct coll *coll, slice field, struct page_value *value)
{
    struct page_element element;
    if (!coll_find(coll, field, &element))
        return false;
    *value = element.value;
    return true;
}
