/* warmup_names.c - lists of names: as they stand in a block of the file, and as
 * they are gone through.
 *
 * In a block a name is a varint, twice its length, plus 1 if it is of another
 * namespace than the one before: then that follows, be32. Then the name. */
#include "db/warmup.h"

#include <stdlib.h>

#include "base/hash.h"

void warm_list_init(struct warm_list *list)
{
    *list = (struct warm_list){ .count = 0 };
    buf_init(&list->bytes, SIZE_MAX);
}

void warm_list_charge(struct db *db, struct warm_list *list, size_t least)
{
    size_t bytes =
        list->bytes.capacity + list->capacity * sizeof(*list->names);
    bytes = bytes < least ? least : bytes;
    mem_release(db->opt.mem, MEM_JOBS, list->charged);
    mem_charge(db->opt.mem, MEM_JOBS, bytes);
    list->charged = bytes;
}

void warm_list_clear(struct db *db, struct warm_list *list)
{
    mem_release(db->opt.mem, MEM_JOBS, list->charged);
    buf_deinit(&list->bytes);
    mem_free(list->names);
    warm_list_init(list);
}

bool warm_list_is_empty(const struct warm_list *list)
{
    return list->next == list->count;
}

static struct warm_name *name_new(struct warm_list *list)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? list->capacity * 2 : 64;
        list->names =
            mem_realloc(list->names, list->capacity * sizeof(*list->names));
    }
    return &list->names[list->count++];
}

void warm_list_add(struct warm_list *list, uint32_t space, slice key)
{
    *name_new(list) = (struct warm_name){ .space = space,
                                          .at = (uint32_t)list->bytes.len,
                                          .len = (uint32_t)key.len };
    err_t err = buf_append(&list->bytes, key.data, key.len);
    ASSERT(err == ERR_OK);
}

void warm_encode(struct buf *out, uint32_t *last_space, uint32_t space,
                 slice key)
{
    uint8_t head[16];
    bool    is_other = space != *last_space;
    size_t  len = num_put_varint(head, 2 * (uint64_t)key.len + is_other);
    if (is_other) {
        num_put_be32(head + len, space);
        len += 4;
    }
    err_t err = buf_append(out, head, len);
    ASSERT(err == ERR_OK);
    err = buf_append(out, key.data, key.len);
    ASSERT(err == ERR_OK);
    *last_space = space;
}

/* As key records are ordered: slot, then the upper bits of the hash. */
static uint64_t order_of(struct hash_key hash_key, slice key)
{
    return (uint64_t)hash_slot(key) << 48 |
           hash_siphash13(hash_key, key) >> 16;
}

bool warm_list_decode(struct warm_list *list, size_t from,
                      struct hash_key hash_key, bool is_hot)
{
    const char *bytes = list->bytes.data;
    uint32_t    space = 0;
    for (size_t at = from; at < list->bytes.len;) {
        uint64_t word;
        size_t   left = list->bytes.len - at;
        size_t   len = num_get_varint(slice_make(bytes + at, left), &word);
        size_t   head = len + (word & 1 ? 4 : 0);
        if (len == 0 || head > left || word / 2 > left - head)
            return false;
        if (word & 1)
            space = num_get_be32(bytes + at + len);
        *name_new(list) = (struct warm_name){
            .space = space,
            .at = (uint32_t)(at + head),
            .len = (uint32_t)(word / 2),
            .order = order_of(hash_key,
                              slice_make(bytes + at + head, word / 2)),
            .is_hot = is_hot,
            .is_of_file = true,
        };
        at += head + word / 2;
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct warm_name *one = a, *other = b;
    if (one->space != other->space)
        return one->space < other->space ? -1 : 1;
    return one->order < other->order ? -1 : one->order > other->order;
}

void warm_list_sort(struct warm_list *list)
{
    if (list->count > 1)
        qsort(list->names, list->count, sizeof(*list->names), compare);
}
