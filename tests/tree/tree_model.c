/* tree_model.c - see tree_model.h. Slow and plain, so that it is right. */
#include "tree/tree_model.h"

#include <string.h>

static slice copy_of(slice bytes)
{
    char *copy = mem_alloc(bytes.len);
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    return slice_make(copy, bytes.len);
}

static void slice_free(slice bytes)
{
    mem_free((void *)(uintptr_t)bytes.data);
}

void model_init(struct model *model, enum page_kind kind)
{
    *model = (struct model){ .kind = kind };
}

void model_deinit(struct model *model)
{
    model_remove(model, 0, model->count);
    mem_free(model->items);
}

static int item_compare(const struct item *item, uint64_t order, slice key)
{
    if (item->order != order)
        return item->order < order ? -1 : 1;
    return slice_compare(item->key, key);
}

size_t model_find(const struct model *model, uint64_t order, slice key,
                  bool *found)
{
    size_t low = 0, high = model->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (item_compare(&model->items[middle], order, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found =
        low < model->count && item_compare(&model->items[low], order, key) == 0;
    return low;
}

void model_insert(struct model *model, size_t at, uint64_t order, slice key,
                  slice value)
{
    if (model->count == model->capacity) {
        model->capacity = model->capacity * 2 + 16;
        model->items =
            mem_realloc(model->items, model->capacity * sizeof(*model->items));
    }
    memmove(model->items + at + 1, model->items + at,
            (model->count - at) * sizeof(*model->items));
    model->items[at] = (struct item){ order, copy_of(key), copy_of(value) };
    model->count++;
}

void model_set_value(struct model *model, size_t at, slice value)
{
    slice_free(model->items[at].value);
    model->items[at].value = copy_of(value);
}

void model_remove(struct model *model, size_t at, size_t count)
{
    for (size_t i = at; i < at + count; i++) {
        slice_free(model->items[i].key);
        slice_free(model->items[i].value);
    }
    if (count > 0)
        memmove(model->items + at, model->items + at + count,
                (model->count - at - count) * sizeof(*model->items));
    model->count -= count;
}

void disk_deinit(struct disk *disk)
{
    for (size_t id = 0; id < disk->capacity; id++)
        mem_free(disk->records[id].bytes);
    mem_free(disk->records);
}

void disk_put(struct disk *disk, uint64_t id, slice bytes)
{
    if (id >= disk->capacity) {
        size_t capacity = (size_t)id * 2 + 16;
        disk->records =
            mem_realloc(disk->records, capacity * sizeof(*disk->records));
        memset(disk->records + disk->capacity, 0,
               (capacity - disk->capacity) * sizeof(*disk->records));
        disk->capacity = capacity;
    }
    struct disk_record *record = &disk->records[id];
    disk->count += record->bytes == NULL;
    mem_free(record->bytes);
    record->bytes = mem_alloc(bytes.len);
    record->len = bytes.len;
    memcpy(record->bytes, bytes.data, bytes.len);
}

void disk_delete(struct disk *disk, uint64_t id)
{
    if (id >= disk->capacity || disk->records[id].bytes == NULL)
        return;
    mem_free(disk->records[id].bytes);
    disk->records[id].bytes = NULL;
    disk->count--;
}

err_t disk_fetch(void *arg, uint64_t id, slice *bytes)
{
    struct disk *disk = arg;
    if (id >= disk->capacity || disk->records[id].bytes == NULL)
        return ERR_NOT_FOUND;
    *bytes = slice_make(disk->records[id].bytes, disk->records[id].len);
    return ERR_OK;
}
