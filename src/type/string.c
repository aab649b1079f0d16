/* string.c - positions to chunks and back.
 *
 * A write within a chunk goes into its page as it stands (tree_overwrite_at):
 * no chunk is read and put as a whole for ten bytes. Only the last chunk ever
 * changes its length. */
#include "type/string.h"

#include "base/assert.h"
#include "base/num.h"

/* What a page of one chunk and its place in the tree take; the most that a page
 * takes which is begun behind others for few bytes; the root, at first and at
 * most (it has room for up to twice its children); the object and its tree. */
#define PLACE_COST  64
#define CHUNK_COST  (14336 + PLACE_COST)
#define TAIL_COST   (4096 + PLACE_COST)
#define ROOT_COST   1024
#define INNER_COST  (5 * 1024)
#define STRING_COST 1024

uint64_t string_chunks(uint64_t len)
{
    return len / STRING_CHUNK + (len % STRING_CHUNK != 0);
}

uint64_t string_object_len(const struct object *object)
{
    ASSERT(object->type == OBJ_STRING);
    return object->len;
}

size_t string_object_cost(size_t len)
{
    size_t tail = len % STRING_CHUNK;
    size_t bytes = STRING_COST + len / STRING_CHUNK * CHUNK_COST;
    if (len > STRING_CHUNK) {
        size_t root = ROOT_COST + len / STRING_CHUNK * 2 * 32;
        bytes += root < INNER_COST ? root : INNER_COST;
    }
    if (tail > TREE_PAGE_LIMIT / 4)
        bytes += tail + tail / 4 < CHUNK_COST ? tail + tail / 4 + 256
                                              : CHUNK_COST;
    else if (tail > 0)
        bytes += TAIL_COST;
    return bytes;
}

/* ---- reading ------------------------------------------------------------- */

void string_object_read(const struct object *object, uint64_t offset,
                        size_t len, char *out)
{
    struct tree_walk    walk;
    struct page_element chunk;
    char                buffer[NUM_INT64_CHARS];
    size_t              skip = (size_t)(offset % STRING_CHUNK);
    ASSERT(offset <= object->len && len <= object->len - offset);
    tree_walk_init(&walk, object->tree, offset / STRING_CHUNK, UINT64_MAX,
                   false);
    for (; len > 0; skip = 0) {
        err_t err = tree_walk_next(&walk, &chunk);
        ASSERT(err == ERR_OK);
        slice  text = page_value_text(&chunk.value, buffer);
        size_t part = text.len - skip < len ? text.len - skip : len;
        memcpy(out, text.data + skip, part);
        out += part;
        len -= part;
    }
}

struct blob *string_object_copy_out(const struct object *object)
{
    struct blob *blob = blob_new((size_t)object->len);
    string_object_read(object, 0, blob->len, blob->data);
    return blob;
}

static void let_page_go(void *page)
{
    page_unref(page);
}

struct blob *string_object_lend(const struct object *object, uint64_t offset,
                                size_t len)
{
    struct page_element chunk;
    struct page        *page;
    char                buffer[NUM_INT64_CHARS];
    size_t              skip = (size_t)(offset % STRING_CHUNK);
    ASSERT(offset < object->len);
    err_t err = tree_hold(object->tree, offset / STRING_CHUNK, &chunk, &page);
    ASSERT(err == ERR_OK);
    slice text = page_value_text(&chunk.value, buffer);
    size_t part = text.len - skip < len ? text.len - skip : len;
    slice  bytes = slice_make(text.data + skip, part);
    if (!chunk.value.is_int)
        return blob_lend(bytes, let_page_go, page);
    page_unref(page); /* the text is not in it */
    return blob_copy(bytes);
}

/* ---- writing ------------------------------------------------------------- */

/* How long that chunk is now. */
static size_t chunk_len(const struct object *object, uint64_t chunk)
{
    uint64_t start = chunk * STRING_CHUNK;
    if (start >= object->len)
        return 0;
    uint64_t left = object->len - start;
    return left < STRING_CHUNK ? (size_t)left : STRING_CHUNK;
}

/* The chunk becomes what it was up to `at`, and then these bytes. */
static void put_tail(struct object *object, uint64_t chunk, size_t at,
                     slice bytes)
{
    char  whole[STRING_CHUNK];
    slice value = bytes;
    ASSERT(at + bytes.len <= sizeof(whole));
    if (at > 0) {
        string_object_read(object, chunk * STRING_CHUNK, at, whole);
        memcpy(whole + at, bytes.data, bytes.len);
        value = slice_make(whole, at + bytes.len);
    }
    err_t err = chunk == object_count(object)
                    ? tree_insert_at(object->tree, chunk, value)
                    : tree_replace_at(object->tree, chunk, value);
    ASSERT(err == ERR_OK);
}

/* The same in the middle of a chunk that is too short to be written into. */
static void put_within(struct object *object, uint64_t chunk, size_t at,
                       slice bytes, size_t old_len)
{
    char whole[NUM_INT64_CHARS];
    ASSERT(old_len <= sizeof(whole) && at + bytes.len <= old_len);
    string_object_read(object, chunk * STRING_CHUNK, old_len, whole);
    memcpy(whole + at, bytes.data, bytes.len);
    err_t err =
        tree_replace_at(object->tree, chunk, slice_make(whole, old_len));
    ASSERT(err == ERR_OK);
}

/* Bytes of one chunk. REQUIRES: they leave no gap. */
static void put_part(struct object *object, uint64_t offset, slice bytes)
{
    uint64_t chunk = offset / STRING_CHUNK;
    size_t   at = (size_t)(offset % STRING_CHUNK);
    size_t   old_len = chunk_len(object, chunk);
    ASSERT(at <= old_len);
    if (at + bytes.len >= old_len) {
        put_tail(object, chunk, at, bytes);
    } else if (old_len <= NUM_INT64_CHARS) {
        put_within(object, chunk, at, bytes, old_len); /* may be a number */
    } else {
        err_t err = tree_overwrite_at(object->tree, chunk, at, bytes);
        ASSERT(err == ERR_OK);
    }
    if (offset + bytes.len > object->len)
        object->len = offset + bytes.len;
}

/* Up to the end of the chunk that offset is in. */
static size_t part_len(uint64_t offset, uint64_t len)
{
    size_t room = STRING_CHUNK - (size_t)(offset % STRING_CHUNK);
    return len < room ? (size_t)len : room;
}

static void fill_gap(struct object *object, uint64_t end)
{
    static const char zeros[STRING_CHUNK];
    while (object->len < end) {
        size_t part = part_len(object->len, end - object->len);
        put_part(object, object->len, slice_make(zeros, part));
    }
}

void string_object_write(struct object *object, uint64_t offset, slice bytes)
{
    ASSERT(object->type == OBJ_STRING);
    ASSERT(bytes.len <= UINT64_MAX - offset);
    fill_gap(object, offset);
    while (bytes.len > 0) {
        size_t part = part_len(offset, bytes.len);
        put_part(object, offset, slice_make(bytes.data, part));
        offset += part;
        bytes = slice_make(bytes.data + part, bytes.len - part);
    }
}

struct object *string_object_new(const struct object_env *env, slice value)
{
    struct object *object = object_new(env, OBJ_STRING);
    string_object_write(object, 0, value);
    return object;
}

/* ---- checking ------------------------------------------------------------ */

bool string_object_is_right(const struct object *object)
{
    struct tree_walk    walk;
    struct page_element chunk;
    char                buffer[NUM_INT64_CHARS];
    if (object_count(object) != string_chunks(object->len))
        return false;
    tree_walk_init(&walk, object->tree, 0, UINT64_MAX, false);
    for (uint64_t i = 0; tree_walk_next(&walk, &chunk) == ERR_OK; i++)
        if (page_value_text(&chunk.value, buffer).len != chunk_len(object, i))
            return false;
    return true;
}
