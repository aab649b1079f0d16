/* rdb_build.c - elements go into an object one by one, by the same doors as
 * those of commands; so encodings (OBJECT ENCODING) come out by the same rules,
 * but where Redis has others for what it loads: it believes a packed form as to
 * the length of its elements, and looks at their number only. */
#include "codec/rdb_build.h"

#include "base/assert.h"
#include "type/string.h"

/* A longer string goes into an object, so that nobody has to copy it again. */
#define TEXT_MAX ((size_t)8 * 1024)

/* The size of the object is looked at each time so many were added, and after
 * each one that is long. */
#define LOOK_EVERY 256
#define LOOK_LONG  4096

static err_t check_size(struct rdb_builder *builder, size_t len)
{
    builder->added++;
    if (builder->added % LOOK_EVERY != 0 && len < LOOK_LONG)
        return ERR_OK;
    return object_bytes(builder->object) > builder->object_max ? ERR_OOM
                                                               : ERR_OK;
}

static err_t begin(void *arg, const struct rdb_shape *shape)
{
    struct rdb_builder *builder = arg;
    ASSERT(builder->object == NULL);
    builder->shape = *shape;
    builder->own = *builder->limits;
    if (shape->type != OBJ_STRING)
        builder->object = object_new(builder->env, shape->type);
    if (shape->is_packed) {
        builder->own.hash.value = SIZE_MAX;
        builder->own.zset.listpack_value = SIZE_MAX;
        builder->own.set.listpack_value = SIZE_MAX;
    }
    if (shape->type != OBJ_SET)
        return ERR_OK;
    if (shape->is_packed && !shape->is_intset)
        object_raise_encoding(builder->object, ENCODING_LISTPACK);
    /* Redis begins with a hashtable where many are told to come. */
    set_note_add(builder->object,
                 shape->claimed < SIZE_MAX ? (size_t)shape->claimed : SIZE_MAX,
                 &builder->own.set);
    return ERR_OK;
}

static err_t add_text(void *arg, uint64_t len, slice part)
{
    struct rdb_builder *builder = arg;
    if (part.len == len && len <= TEXT_MAX) {
        builder->text = part;
        return ERR_OK;
    }
    if (builder->object == NULL)
        builder->object = object_new(builder->env, OBJ_STRING);
    string_object_write(builder->object, string_object_len(builder->object),
                        part);
    return object_bytes(builder->object) > builder->object_max ? ERR_OOM
                                                               : ERR_OK;
}

static err_t add_element(void *arg, slice element)
{
    struct rdb_builder *builder = arg;
    if (builder->shape.type == OBJ_LIST)
        list_push(builder->object, LIST_TAIL, element);
    else if (!set_add(builder->object, element, &builder->own.set))
        return ERR_INVALID;
    return check_size(builder, element.len);
}

static err_t add_pair(void *arg, slice field, slice value)
{
    struct rdb_builder *builder = arg;
    if (!hash_put(builder->object, field, value, &builder->own.hash))
        return ERR_INVALID;
    return check_size(builder, field.len + value.len);
}

static err_t add_member(void *arg, slice member, double score)
{
    struct rdb_builder *builder = arg;
    if (!zset_put(builder->object, member, score, &builder->own.zset))
        return ERR_INVALID;
    return check_size(builder, member.len);
}

/* A list is small if one node of Redis's holds it. */
static err_t end(void *arg, uint64_t nodes)
{
    struct rdb_builder *builder = arg;
    if (builder->shape.type != OBJ_LIST)
        return ERR_OK;
    if (nodes > 1)
        object_raise_encoding(builder->object, ENCODING_FULL);
    list_will_grow(builder->object, 0, &builder->own.list);
    return ERR_OK;
}

void rdb_builder_init(struct rdb_builder *builder, const struct object_env *env,
                      const struct rdb_limits *limits, size_t object_max)
{
    *builder = (struct rdb_builder){ .env = env,
                                     .limits = limits,
                                     .object_max = object_max,
                                     .text = SLICE_EMPTY };
}

void rdb_builder_deinit(struct rdb_builder *builder)
{
    object_free(builder->object);
    builder->object = NULL;
}

struct rdb_visitor rdb_builder_visitor(struct rdb_builder *builder)
{
    return (struct rdb_visitor){ .arg = builder,
                                 .begin = begin,
                                 .text = add_text,
                                 .element = add_element,
                                 .pair = add_pair,
                                 .member = add_member,
                                 .end = end };
}

struct object *rdb_builder_take(struct rdb_builder *builder)
{
    struct object *object = builder->object;
    builder->object = NULL;
    return object;
}

/* ---- what it costs ------------------------------------------------------- */

/* What stands around an element in a page: its length, its place; of a member
 * of a sorted set in two trees, and twice its score. */
#define AROUND        4
#define AROUND_MEMBER 28

uint64_t rdb_measure_cost(const struct rdb_measure *measure)
{
    uint64_t bytes = measure->bytes + measure->elements * AROUND;
    if (measure->type == OBJ_STRING)
        return string_object_cost((size_t)measure->bytes) + measure->largest;
    if (measure->type == OBJ_ZSET)
        bytes = 2 * measure->bytes + measure->elements * AROUND_MEMBER;
    /* Pages into which elements come in any order are not full. (Measured: what
     * comes out is 0.93 of this at most, of numbers much less.) */
    bool is_sorted = measure->type != OBJ_LIST;
    return bytes + (is_sorted ? bytes / 4 : bytes / 16) + measure->largest;
}
