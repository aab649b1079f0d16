/* rdb_try.c - bytes to a value, and round. */
#include "codec/rdb_try.h"

#include "base/assert.h"
#include "base/mem.h"
#include "codec/rdb_build.h"
#include "codec/rdb_dump.h"
#include "codec/rdb_save.h"
#include "type/string.h"

#define MOST ((size_t)4 * 1024 * 1024)

/* Pages are small, so that few elements make a tree. */
static const struct object_env env = { .page_limit = 512 };

static const struct rdb_limits limits = {
    .list = { 8192 },
    .hash = { 512, 64 },
    .set = { 512, 128, 64 },
    .zset = { 128, 64 },
};

static err_t read_value(struct rdb_reader *reader,
                        struct rdb_builder *builder)
{
    struct rdb_visitor visitor = rdb_builder_visitor(builder);
    uint8_t            type;
    err_t              err = rdb_read_byte(reader, &type);
    return err == ERR_OK ? rdb_load(reader, type, &visitor) : err;
}

/* What it costs at most, but for what stands around any object. */
static uint64_t cost_of(slice dump)
{
    struct rdb_reader  reader;
    struct rdb_measure measure;
    uint8_t            type;
    rdb_reader_init(&reader, rdb_source_of(&dump), MOST);
    err_t err = rdb_read_byte(&reader, &type);
    if (err == ERR_OK)
        err = rdb_measure(&reader, type, &measure);
    rdb_reader_deinit(&reader);
    return err == ERR_OK ? rdb_measure_cost(&measure) : 0;
}

static void put(void *arg, slice bytes)
{
    err_t err = buf_append(arg, bytes.data, bytes.len);
    ASSERT(err == ERR_OK);
}

static void write_value(const struct rdb_builder *builder, struct buf *out)
{
    struct rdb_writer writer;
    rdb_writer_init(&writer, put, out);
    if (builder->object == NULL) {
        rdb_write_byte(&writer, RDB_STRING);
        rdb_write_string(&writer, builder->text);
    } else if (builder->object->type == OBJ_STRING) {
        rdb_write_byte(&writer, RDB_STRING);
        rdb_save_string(&writer, builder->object);
    } else {
        struct coll coll = coll_of_object(builder->object);
        rdb_write_byte(&writer, (uint8_t)rdb_type_of(&coll));
        rdb_save(&writer, &coll);
    }
    rdb_write_footer(&writer);
    ASSERT(writer.len == out->len);
    rdb_writer_deinit(&writer);
}

static void check_equal_element(const struct coll         *other,
                                const struct page_element *element,
                                uint64_t                   rank)
{
    struct page_element there;
    char                buffer[NUM_INT64_CHARS];
    if (other->type == OBJ_LIST) {
        coll_get(other, rank, &there);
        ASSERT(page_value_equal(&there.value, &element->value));
        return;
    }
    bool found =
        coll_find(other, page_value_text(&element->key, buffer), &there);
    ASSERT(found);
    if (other->type == OBJ_HASH)
        ASSERT(page_value_equal(&there.value, &element->value));
    if (other->type == OBJ_ZSET)
        ASSERT(zset_score_of(&there) == zset_score_of(element));
}

static void check_equal(const struct rdb_builder *one,
                        const struct rdb_builder *other)
{
    struct coll_walk    walk;
    struct page_element element;
    if (one->object == NULL) {
        ASSERT(slice_equal(one->text, other->text));
        return;
    }
    ASSERT(other->object != NULL);
    ASSERT(one->object->type == other->object->type);
    ASSERT(object_count(one->object) == object_count(other->object));
    if (one->object->type == OBJ_STRING) {
        ASSERT(one->object->len == other->object->len);
        return;
    }
    struct coll coll = coll_of_object(one->object);
    struct coll again = coll_of_object(other->object);
    coll_walk_init(&walk, &coll, 0, UINT64_MAX, false);
    for (uint64_t rank = 0; coll_walk_next(&walk, &element); rank++)
        check_equal_element(&again, &element, rank);
}

static void check_again(const struct rdb_builder *builder)
{
    struct buf         written;
    struct rdb_reader  reader;
    struct rdb_builder again;
    slice              body;
    buf_init(&written, SIZE_MAX);
    write_value(builder, &written);
    err_t err = rdb_check_footer(buf_slice(&written), &body);
    ASSERT(err == ERR_OK);
    rdb_reader_init(&reader, rdb_source_of(&body), 2 * MOST);
    rdb_builder_init(&again, &env, &limits, SIZE_MAX);
    err = read_value(&reader, &again);
    ASSERT(err == ERR_OK);
    check_equal(builder, &again);
    rdb_builder_deinit(&again);
    rdb_reader_deinit(&reader);
    buf_deinit(&written);
}

err_t rdb_try(slice dump)
{
    struct rdb_reader  reader;
    struct rdb_builder builder;
    slice              left = dump;
    uint64_t           cost = cost_of(dump);
    rdb_reader_init(&reader, rdb_source_of(&left), MOST);
    rdb_builder_init(&builder, &env, &limits, MOST);
    err_t err = read_value(&reader, &builder);
    if (err == ERR_OK && builder.object != NULL) {
        const char *wrong = object_check(builder.object);
        ASSERT(wrong == NULL);
        ASSERT(object_bytes(builder.object) <= cost + cost / 4 + 16384);
    }
    if (err == ERR_OK)
        check_again(&builder);
    rdb_builder_deinit(&builder);
    rdb_reader_deinit(&reader);
    return err;
}
