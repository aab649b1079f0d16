/* object.c - born, freed, turned into a page and back, saved and loaded.
 *
 * The trees of one object draw their node ids from one counter, so that one
 * object id is enough for all of its pages on disk. */
#include "type/object.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "type/string.h"
#include "type/zset.h"

/* The first byte of a root. */
enum { ROOT_ENCODING = 3, ROOT_HAS_SCORES = 4, ROOT_HAS_LEN = 8 };

static enum page_kind kind_of(enum obj_type type)
{
    switch (type) {
    case OBJ_LIST:
    case OBJ_STRING:
        return PAGE_LIST;
    case OBJ_SET:
        return PAGE_SET;
    case OBJ_HASH:
        return PAGE_HASH;
    case OBJ_ZSET:
        return PAGE_RANKS;
    case OBJ_TYPE_COUNT:
        break;
    }
    UNREACHABLE();
}

/* Without trees. */
static struct object *object_alloc(const struct object_env *env,
                                   enum obj_type            type)
{
    struct object *object = mem_calloc(1, sizeof(*object));
    object->type = type;
    object->next_node_id = 1;
    object->env = (struct tree_env){ .page_limit = env->page_limit,
                                     .hasher = env->hasher,
                                     .next_id = &object->next_node_id };
    return object;
}

struct object *object_new(const struct object_env *env, enum obj_type type)
{
    struct object *object = object_alloc(env, type);
    object->tree = tree_new(&object->env, kind_of(type));
    return object;
}

struct object *object_from_page(const struct object_env *env,
                                enum obj_type type, slice page)
{
    struct object *object = object_alloc(env, type);
    ASSERT(type != OBJ_STRING);
    ASSERT(page_kind_of((const uint8_t *)page.data) == kind_of(type));
    object->encoding = (uint8_t)page_tag((const uint8_t *)page.data);
    object->tree = tree_from_page(&object->env, page);
    if (object_count(object) > OBJECT_SCORES_MIN)
        zset_settle(object);
    return object;
}

bool object_free_slice(struct object *object, size_t max_nodes)
{
    if (object->scores != NULL) {
        if (tree_free_slice(object->scores, max_nodes))
            object->scores = NULL;
        return false;
    }
    if (!tree_free_slice(object->tree, max_nodes))
        return false;
    mem_free(object->gone);
    mem_free(object);
    return true;
}

void object_free(struct object *object)
{
    while (object != NULL && !object_free_slice(object, SIZE_MAX))
        continue;
}

/* ---- what it is ---------------------------------------------------------- */

uint64_t object_count(const struct object *object)
{
    return tree_count(object->tree);
}

size_t object_bytes(const struct object *object)
{
    size_t gone = object->gone_count * sizeof(uint64_t);
    return mem_good_size(sizeof(*object)) + tree_bytes(object->tree) +
           (gone > 0 ? mem_good_size(gone) : 0) +
           (object->scores != NULL ? tree_bytes(object->scores) : 0);
}

size_t object_dirty_bytes(const struct object *object)
{
    return tree_dirty_bytes(object->tree) +
           (object->scores != NULL ? tree_dirty_bytes(object->scores) : 0);
}

size_t object_dirty_count(const struct object *object)
{
    return tree_dirty_count(object->tree) +
           (object->scores != NULL ? tree_dirty_count(object->scores) : 0);
}

void object_raise_encoding(struct object *object, enum object_encoding encoding)
{
    if (object->encoding < encoding)
        object->encoding = (uint8_t)encoding;
}

void object_warm(const struct object *object, slice member,
                 struct tree_warm *out)
{
    const struct tree *tree =
        object->type == OBJ_ZSET ? object->scores : object->tree;
    out->leaf = NULL;
    if (tree != NULL)
        tree_warm_leaf(tree, 0, member, out);
}

bool object_page(struct object *object, slice *page)
{
    const struct page *only = tree_only_page(object->tree);
    ASSERT(object->type != OBJ_STRING);
    if (only == NULL || only->len > object->env.page_limit)
        return false;
    if (object->scores != NULL &&
        object_count(object) > OBJECT_SCORES_MIN / 4)
        return false;
    tree_set_tag(object->tree, object->encoding);
    only = tree_only_page(object->tree);
    *page = slice_make(only->bytes, only->len);
    return true;
}

err_t object_check_page(const struct object_env *env, enum obj_type type,
                        slice page)
{
    if (type == OBJ_STRING || type >= OBJ_TYPE_COUNT)
        return ERR_CORRUPT;
    err_t err = page_check(page, kind_of(type), &env->hasher);
    if (err == ERR_OK && page_count((const uint8_t *)page.data) == 0)
        return ERR_CORRUPT;
    return err;
}

/* ---- copying ------------------------------------------------------------- */

struct object *object_copy(const struct object_env *env,
                           const struct object     *object)
{
    struct object *copy = object_alloc(env, object->type);
    copy->encoding = object->encoding;
    copy->len = object->len;
    copy->next_node_id = object->next_node_id;
    copy->tree = tree_copy(&copy->env, object->tree);
    if (object->scores != NULL)
        copy->scores = tree_copy(&copy->env, object->scores);
    return copy;
}

/* ---- on disk ------------------------------------------------------------- */

size_t object_root_encode(const struct object *object,
                          uint8_t              out[OBJECT_ROOT_BYTES_MAX])
{
    bool     has_scores = object->scores != NULL;
    bool     has_len = object->type == OBJ_STRING;
    uint8_t *p = out;
    *p++ = (uint8_t)(object->encoding | (has_scores ? ROOT_HAS_SCORES : 0) |
                     (has_len ? ROOT_HAS_LEN : 0));
    p += num_put_varint(p, object_count(object));
    p += num_put_varint(p, object_bytes(object));
    p += num_put_varint(p, object->next_node_id);
    p += num_put_varint(p, tree_root_id(object->tree));
    if (has_scores)
        p += num_put_varint(p, tree_root_id(object->scores));
    if (has_len)
        p += num_put_varint(p, object->len);
    return (size_t)(p - out);
}

static bool take_varint(slice *in, uint64_t *out)
{
    size_t len = num_get_varint(*in, out);
    in->data += len;
    in->len -= len;
    return len > 0;
}

err_t object_root_decode(slice bytes, struct object_root *out)
{
    *out = (struct object_root){ 0 };
    if (bytes.len == 0)
        return ERR_CORRUPT;
    uint8_t flags = (uint8_t)bytes.data[0];
    slice   in = slice_make(bytes.data + 1, bytes.len - 1);
    out->encoding = flags & ROOT_ENCODING;
    out->has_scores = flags & ROOT_HAS_SCORES;
    out->has_len = flags & ROOT_HAS_LEN;
    if ((flags & ~(ROOT_ENCODING | ROOT_HAS_SCORES | ROOT_HAS_LEN)) != 0 ||
        (out->has_scores && out->has_len) ||
        !take_varint(&in, &out->count) || !take_varint(&in, &out->bytes) ||
        !take_varint(&in, &out->next_node_id) ||
        !take_varint(&in, &out->tree_id) ||
        (out->has_scores && !take_varint(&in, &out->scores_id)) ||
        (out->has_len && !take_varint(&in, &out->len)))
        return ERR_CORRUPT;
    if (out->has_len && out->count != string_chunks(out->len))
        return ERR_CORRUPT;
    return in.len == 0 && out->count > 0 ? ERR_OK : ERR_CORRUPT;
}

static bool pop_vanished(struct object *object, uint64_t *id)
{
    return tree_pop_vanished(object->tree, id) ||
           (object->scores != NULL && tree_pop_vanished(object->scores, id));
}

void object_begin_capture(struct object *object, uint32_t capture,
                          const uint64_t **gone, size_t *gone_count)
{
    size_t count = tree_vanished_count(object->tree);
    if (object->scores != NULL)
        count += tree_vanished_count(object->scores);
    mem_free(object->gone);
    object->gone = count > 0 ? mem_alloc(count * sizeof(uint64_t)) : NULL;
    object->gone_count = 0;
    while (object->gone_count < count &&
           pop_vanished(object, &object->gone[object->gone_count]))
        object->gone_count++;
    object->capture = capture;
    *gone = object->gone;
    *gone_count = object->gone_count;
}

struct page *object_capture(struct object *object)
{
    struct page *page = tree_capture(object->tree, object->capture);
    if (page == NULL && object->scores != NULL)
        page = tree_capture(object->scores, object->capture);
    return page;
}

static void drop_gone(struct object *object)
{
    mem_free(object->gone);
    object->gone = NULL;
    object->gone_count = 0;
    object->capture = 0;
}

void object_uncapture(struct object *object)
{
    tree_uncapture(object->tree, object->capture);
    if (object->scores != NULL)
        tree_uncapture(object->scores, object->capture);
    for (size_t i = 0; i < object->gone_count; i++)
        tree_push_vanished(object->tree, object->gone[i]);
    drop_gone(object);
}

void object_forget_saved(struct object *object)
{
    tree_forget_saved(object->tree);
    if (object->scores != NULL)
        tree_forget_saved(object->scores);
    drop_gone(object);
}

static err_t load_trees(struct object *object, const struct object_root *root,
                        tree_fetch *fetch, void *arg)
{
    err_t err = tree_load(&object->env, kind_of(object->type), root->tree_id,
                          root->count, fetch, arg, &object->tree);
    if (err == ERR_OK && root->has_len && !string_object_is_right(object))
        return ERR_CORRUPT;
    if (err != ERR_OK || !root->has_scores)
        return err;
    return tree_load(&object->env, PAGE_SCORES, root->scores_id, root->count,
                     fetch, arg, &object->scores);
}

err_t object_load(const struct object_env *env, enum obj_type type,
                  const struct object_root *root, tree_fetch *fetch, void *arg,
                  struct object **out)
{
    if ((root->has_scores && type != OBJ_ZSET) ||
        root->has_len != (type == OBJ_STRING))
        return ERR_CORRUPT;
    struct object *object = object_alloc(env, type);
    object->encoding = root->encoding;
    object->len = root->len;
    object->next_node_id = root->next_node_id;
    err_t err = load_trees(object, root, fetch, arg);
    if (err != ERR_OK) {
        tree_free(object->tree);
        tree_free(object->scores);
        mem_free(object);
        return err;
    }
    *out = object;
    return ERR_OK;
}

/* ---- for tests ----------------------------------------------------------- */

/* Every member has the same score in both trees. */
static const char *check_scores(struct object *object)
{
    struct tree_walk    walk;
    struct page_element rank, score;
    char                buffer[NUM_INT64_CHARS];
    if (tree_count(object->scores) != object_count(object))
        return "as many scores as members";
    tree_walk_init(&walk, object->tree, 0, UINT64_MAX, false);
    while (tree_walk_next(&walk, &rank) == ERR_OK) {
        bool  found;
        slice member = page_value_text(&rank.key, buffer);
        err_t err = tree_find(object->scores, 0, member, &score, &found);
        if (err != ERR_OK || !found)
            return "a member without a score";
        if (zset_order(zset_score_of(&score)) != rank.order)
            return "a member with two scores";
    }
    return NULL;
}

const char *object_check(struct object *object)
{
    const char *wrong = tree_check(object->tree);
    if (wrong == NULL && object->scores != NULL)
        wrong = tree_check(object->scores);
    if (wrong == NULL && object->scores != NULL)
        wrong = check_scores(object);
    if (wrong == NULL && object->type == OBJ_STRING &&
        !string_object_is_right(object))
        wrong = "a chunk of another length";
    return wrong;
}
