/* rdb_save.c - elements go from the walk to the writer one by one; what has to
 * be told before them (the nodes of a list) takes a walk of its own.
 *
 * What Redis would keep in one packed form is written as one, unless it could
 * be larger than RDB_PACK_MAX (it was restored from a server with other
 * limits): then element by element. */
#include "codec/rdb_save.h"

#include <math.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "type/string.h"
#include "type/zset.h"

/* What a value takes more than in a page: mostly, and at most (of a number its
 * digits; of a member its score). */
#define AROUND      4
#define AROUND_MOST 32

/* A node of a list, as Redis fills it: list-max-listpack-size -2, and what it
 * allows itself for estimating an element. */
#define NODE_BYTES    8192
#define NODE_ESTIMATE 8

static size_t kept_bytes(const struct coll *coll)
{
    return coll->page != NULL ? page_len(coll->page)
                              : object_bytes(coll->object);
}

/* A sorted set has its members twice. */
uint64_t rdb_save_bytes(const struct coll *coll)
{
    bool is_twice = coll->object != NULL && coll->object->scores != NULL;
    return kept_bytes(coll) / (is_twice ? 2 : 1) + AROUND * coll->count;
}

static uint64_t bytes_most(const struct coll *coll)
{
    return kept_bytes(coll) + 2 * AROUND_MOST * coll->count;
}

static bool is_packed(const struct coll *coll)
{
    enum object_encoding most =
        coll->type == OBJ_SET ? ENCODING_SMALL : ENCODING_LISTPACK;
    return coll_encoding(coll) <= most && bytes_most(coll) <= RDB_PACK_MAX;
}

enum rdb_type rdb_type_of(const struct coll *coll)
{
    bool packed = is_packed(coll);
    switch (coll->type) {
    case OBJ_STRING:
        return RDB_STRING;
    case OBJ_LIST:
        return RDB_LIST_QUICKLIST_2;
    case OBJ_SET:
        return packed ? RDB_SET_INTSET : RDB_SET;
    case OBJ_ZSET:
        return packed ? RDB_ZSET_LISTPACK : RDB_ZSET_2;
    case OBJ_HASH:
        return packed ? RDB_HASH_LISTPACK : RDB_HASH;
    case OBJ_TYPE_COUNT:
        break;
    }
    UNREACHABLE();
}

/* ---- values -------------------------------------------------------------- */

static void write_value(struct rdb_writer       *writer,
                        const struct page_value *value)
{
    if (value->is_int)
        rdb_write_number(writer, value->number);
    else
        rdb_write_string(writer, slice_make(value->data, value->len));
}

static void pack_value(struct rdb_writer       *writer,
                       const struct page_value *value)
{
    if (value->is_int)
        rdb_listpack_number(writer, value->number);
    else
        rdb_listpack_text(writer, slice_make(value->data, value->len));
}

static size_t packed_bytes(const struct page_value *value)
{
    return value->is_int ? listpack_number_bytes(value->number)
                         : listpack_text_bytes(value->len);
}

static size_t text_len(const struct page_value *value)
{
    char buffer[NUM_INT64_CHARS];
    return page_value_text(value, buffer).len;
}

/* ---- strings ------------------------------------------------------------- */

static void save_chunks(struct rdb_writer *writer, const struct object *object)
{
    struct tree_walk    walk;
    struct page_element chunk;
    char                buffer[NUM_INT64_CHARS];
    rdb_write_len(writer, string_object_len(object));
    tree_walk_init(&walk, object->tree, 0, UINT64_MAX, false);
    while (tree_walk_next(&walk, &chunk) == ERR_OK)
        rdb_write_bytes(writer, page_value_text(&chunk.value, buffer));
}

void rdb_save_string(struct rdb_writer *writer, const struct object *object)
{
    size_t len = (size_t)string_object_len(object);
    if (string_object_len(object) > RDB_PACK_MAX) {
        save_chunks(writer, object);
        return;
    }
    char *text = mem_alloc(len + 1);
    string_object_read(object, 0, len, text);
    rdb_write_string(writer, slice_make(text, len));
    mem_free(text);
}

/* ---- lists --------------------------------------------------------------- */

/* Where a node ends and another begins, as if the elements had been pushed to
 * the tail of a list of Redis's. */
struct nodes {
    bool     is_one; /* Redis has a listpack, which is one node */
    uint64_t count;
    size_t   bytes; /* of the last one; 0: no more fits in */
};

/* A new node, or one more in the last. True: a new one. */
static bool nodes_add(struct nodes *nodes, const struct page_value *value)
{
    size_t len = text_len(value);
    bool   is_plain = len > RDB_PACK_MAX;
    bool   fits = nodes->bytes > 0 && !is_plain &&
                (nodes->is_one ||
                 nodes->bytes + len + NODE_ESTIMATE <= NODE_BYTES);
    if (!fits) {
        nodes->count++;
        nodes->bytes = LISTPACK_HEADER + 1;
    }
    nodes->bytes = is_plain ? 0 : nodes->bytes + packed_bytes(value);
    return !fits;
}

static uint64_t count_nodes(const struct coll *coll, struct nodes nodes)
{
    struct coll_walk    walk;
    struct page_element element;
    coll_walk_init(&walk, coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element))
        (void)nodes_add(&nodes, &element.value);
    return nodes.count;
}

static void end_node(struct rdb_writer *writer)
{
    if (writer->listpack_count == 0)
        return;
    rdb_write_len(writer, RDB_NODE_PACKED);
    rdb_listpack_end(writer);
    rdb_listpack_begin(writer);
}

static void save_list(struct rdb_writer *writer, const struct coll *coll)
{
    struct coll_walk    walk;
    struct page_element element;
    struct nodes        nodes = { .is_one = is_packed(coll) };
    rdb_write_len(writer, count_nodes(coll, nodes));
    rdb_listpack_begin(writer);
    coll_walk_init(&walk, coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element)) {
        if (nodes_add(&nodes, &element.value))
            end_node(writer);
        if (nodes.bytes > 0) {
            pack_value(writer, &element.value);
        } else {
            rdb_write_len(writer, RDB_NODE_PLAIN);
            write_value(writer, &element.value);
        }
    }
    end_node(writer);
}

/* ---- sets ---------------------------------------------------------------- */

static int compare_numbers(const void *one, const void *other)
{
    const int64_t *a = one, *b = other;
    return *a < *b ? -1 : *a > *b;
}

static unsigned width_of(const int64_t *sorted, size_t count)
{
    int64_t low = sorted[0], high = sorted[count - 1];
    if (low == (int16_t)low && high == (int16_t)high)
        return 2;
    return low == (int32_t)low && high == (int32_t)high ? 4 : 8;
}

/* Makes an intset of them, in place. */
static slice pack_numbers(int64_t *sorted, size_t count, uint8_t *out)
{
    unsigned width = width_of(sorted, count);
    rdb_put(out, width, 4);
    rdb_put(out + 4, count, 4);
    for (size_t i = 0; i < count; i++)
        rdb_put(out + 8 + i * width, (uint64_t)sorted[i], width);
    return slice_make(out, 8 + count * width);
}

static void save_intset(struct rdb_writer *writer, const struct coll *coll)
{
    struct coll_walk    walk;
    struct page_element element;
    size_t              count = 0;
    int64_t *numbers = mem_alloc((size_t)coll->count * sizeof(*numbers));
    uint8_t *out = mem_alloc(8 + (size_t)coll->count * sizeof(*numbers));
    coll_walk_init(&walk, coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element)) {
        ASSERT(element.key.is_int);
        numbers[count++] = element.key.number;
    }
    qsort(numbers, count, sizeof(*numbers), compare_numbers);
    rdb_write_string(writer, pack_numbers(numbers, count, out));
    mem_free(out);
    mem_free(numbers);
}

/* ---- elements, packed and not -------------------------------------------- */

/* Redis tells apart whole numbers, which it packs as such; -0 is none. */
static void pack_score(struct rdb_writer *writer, double score)
{
    char   text[NUM_DOUBLE_CHARS];
    bool   in_range = score > -9e15 && score < 9e15;
    size_t len;
    if (in_range && score == (double)(int64_t)score &&
        (score != 0 || !signbit(score))) {
        rdb_listpack_number(writer, (int64_t)score);
        return;
    }
    int64_t number;
    len = num_format_double(score, text, sizeof(text));
    if (num_parse_int64(slice_make(text, len), &number))
        rdb_listpack_number(writer, number);
    else
        rdb_listpack_text(writer, slice_make(text, len));
}

static void save_packed(struct rdb_writer *writer, const struct coll *coll)
{
    struct coll_walk    walk;
    struct page_element element;
    rdb_listpack_begin(writer);
    coll_walk_init(&walk, coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element)) {
        pack_value(writer, &element.key);
        if (coll->type == OBJ_HASH)
            pack_value(writer, &element.value);
        else
            pack_score(writer, zset_score_of(&element));
    }
    rdb_listpack_end(writer);
}

/* Redis writes sorted sets from the highest score on: they load faster. */
static void save_elements(struct rdb_writer *writer, const struct coll *coll)
{
    struct coll_walk    walk;
    struct page_element element;
    bool                is_zset = coll->type == OBJ_ZSET;
    rdb_write_len(writer, coll->count);
    coll_walk_init(&walk, coll, is_zset ? coll->count - 1 : 0, UINT64_MAX,
                   is_zset);
    while (coll_walk_next(&walk, &element)) {
        write_value(writer, &element.key);
        if (is_zset)
            rdb_write_double(writer, zset_score_of(&element));
        else if (coll->type == OBJ_HASH)
            write_value(writer, &element.value);
    }
}

void rdb_save(struct rdb_writer *writer, const struct coll *coll)
{
    ASSERT(coll->count > 0);
    switch (rdb_type_of(coll)) {
    case RDB_LIST_QUICKLIST_2:
        save_list(writer, coll);
        break;
    case RDB_SET_INTSET:
        save_intset(writer, coll);
        break;
    case RDB_HASH_LISTPACK:
    case RDB_ZSET_LISTPACK:
        save_packed(writer, coll);
        break;
    default:
        save_elements(writer, coll);
    }
}
