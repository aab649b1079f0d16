/* moved.c - collections and large values that were given to another key.
 *
 * RENAME and MOVE hand the object id over: no page is written. Until the cut
 * that they are part of is on disk, the old key's record still names the id. So
 * whoever replaces that record must not take its pages for garbage as long as
 * the id is held by another key in the state that the cut writes; and when the
 * new holder has dropped it before any record of his named it, the old key's
 * record is the only one by which the pages are found.
 *
 * Here stands each such id, from the move until the cut is on disk: bounded by
 * the number of dirty entries. An id that was dropped in epoch n is alive for
 * the cuts before n. */
#include "base/rand.h"
#include "db/internal.h"

struct moved_id {
    struct dict_node node;
    struct link      link;  /* by epoch, oldest first */
    uint64_t         id;
    uint64_t         epoch; /* of the last move */
    uint64_t         dropped_in; /* epoch; 0: it is held */
};

void moved_init(struct db *db)
{
    struct hash_key key;
    rand_system(&key, sizeof(key));
    dict_init(&db->moved, db->opt.mem, MEM_DIRTY, key);
    link_init(&db->moved_order);
}

static struct moved_id *find(const struct db *db, uint64_t id)
{
    if (db->moved.count == 0)
        return NULL;
    struct dict_node *node =
        dict_find(&db->moved, slice_make(&id, sizeof(id)));
    return node == NULL ? NULL : CONTAINER_OF(node, struct moved_id, node);
}

void moved_add(struct db *db, uint64_t id)
{
    struct moved_id *moved = find(db, id);
    if (moved == NULL) {
        moved = mem_calloc(1, sizeof(*moved));
        mem_charge(db->opt.mem, MEM_DIRTY, sizeof(*moved));
        moved->id = id;
        moved->node.key = slice_make(&moved->id, sizeof(moved->id));
        link_init(&moved->link);
        dict_insert(&db->moved, &moved->node);
    }
    moved->epoch = db->epoch;
    moved->dropped_in = 0;
    link_remove(&moved->link);
    list_push_back(&db->moved_order, &moved->link);
}

void moved_dropped(struct db *db, uint64_t id, uint64_t epoch)
{
    struct moved_id *moved = id != 0 ? find(db, id) : NULL;
    if (moved != NULL && moved->dropped_in == 0)
        moved->dropped_in = epoch;
}

bool moved_is_held(const struct db *db, uint64_t id, uint64_t epoch)
{
    const struct moved_id *moved = find(db, id);
    return moved != NULL &&
           (moved->dropped_in == 0 || moved->dropped_in > epoch);
}

void moved_written(struct db *db, uint64_t epoch)
{
    struct link *first;
    while ((first = list_first(&db->moved_order)) != NULL) {
        struct moved_id *moved = CONTAINER_OF(first, struct moved_id, link);
        if (moved->epoch > epoch)
            return;
        link_remove(first);
        dict_remove(&db->moved, &moved->node);
        mem_release(db->opt.mem, MEM_DIRTY, sizeof(*moved));
        mem_free(moved);
    }
}

void moved_deinit(struct db *db)
{
    moved_written(db, UINT64_MAX);
    dict_deinit(&db->moved);
}
