/* tree_model.h - a sorted (or not) array that does what a tree does, and a disk
 * that holds what the tree's captures gave. For tests. */
#ifndef TESTS_TREE_TREE_MODEL_H
#define TESTS_TREE_TREE_MODEL_H

#include "base/buf.h"
#include "base/mem.h"
#include "tree/tree.h"

struct item {
    uint64_t order; /* the hash, where there is one */
    slice    key, value;
};

/* Sorted by (order, key), or in the order of insertion: PAGE_LIST. */
struct model {
    enum page_kind kind;
    struct item   *items;
    size_t         count, capacity;
};

void model_init(struct model *model, enum page_kind kind);
void model_deinit(struct model *model);
/* Where it is, or would be. */
size_t model_find(const struct model *model, uint64_t order, slice key,
                  bool *found);
void   model_insert(struct model *model, size_t at, uint64_t order, slice key,
                    slice value);
void   model_set_value(struct model *model, size_t at, slice value);
void   model_remove(struct model *model, size_t at, size_t count);

/* Records by id. */
struct disk {
    struct disk_record {
        uint8_t *bytes; /* NULL: none */
        size_t   len;
    } * records;
    size_t capacity;
    size_t count;
};

void  disk_deinit(struct disk *disk);
void  disk_put(struct disk *disk, uint64_t id, slice bytes);
void  disk_delete(struct disk *disk, uint64_t id);
err_t disk_fetch(void *arg, uint64_t id, slice *bytes); /* a tree_fetch */

#endif
