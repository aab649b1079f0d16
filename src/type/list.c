/* list.c - a list is one tree of PAGE_LIST.
 *
 * Its encoding depends on how many bytes Redis's listpack of it would take, to
 * the byte. These are not what our page takes: they are counted.
 * object->listpack_bytes has the count, while there is one: it is kept up by
 * every change here, and given up for a list of more than COUNTED_MAX elements,
 * which is no listpack under any limit that we know, and when more goes than
 * stays. A list without a count is counted when it matters: all of it, but
 * that is COUNTED_MAX elements at most, and once.
 *
 * A list of one page has no place to keep a count in while it lies in its
 * entry, so each change begins without one. There the page's length tells
 * almost always on which side of the limit the listpack is. */
#include "type/list.h"

#include "base/assert.h"

/* More elements than a listpack of 8 KB may have. */
#define COUNTED_MAX     4096
#define LISTPACK_HEADER 7 /* with the byte at its end */
#define LISTPACK_LEAST  2 /* bytes of the shortest element */

static size_t least_bytes(uint64_t count)
{
    return LISTPACK_HEADER + LISTPACK_LEAST * (size_t)count;
}

/* ---- what a listpack takes ----------------------------------------------- */

static size_t number_entry(int64_t number)
{
    return number >= 0 && number < 128            ? 1
           : number >= -4096 && number < 4096     ? 2
           : number == (int16_t)number            ? 3
           : number >= -(1 << 23) && number < (1 << 23) ? 4
           : number == (int32_t)number            ? 5
                                                  : 9;
}

static size_t text_entry(size_t len)
{
    return len + (len < 64 ? 1 : len < 4096 ? 2 : 5);
}

/* With the entry's own length, which stands behind it. */
static size_t element_bytes(const struct page_value *value)
{
    size_t entry =
        value->is_int ? number_entry(value->number) : text_entry(value->len);
    size_t back = entry < 128         ? 1
                  : entry < 16383     ? 2
                  : entry < 2097151   ? 3
                  : entry < 268435455 ? 4
                                      : 5;
    return entry + back;
}

/* Between which two numbers the listpack of a page is. */
struct bounds {
    size_t low, high;
};

/* Elements of one length. */
static struct bounds uniform_bounds(const uint8_t *page)
{
    struct page_element element;
    unsigned            count = page_count(page);
    page_get(page, 0, &element);
    size_t        each = element_bytes(&element.value);
    struct bounds bounds = { LISTPACK_HEADER + each * count,
                             LISTPACK_HEADER + each * count };
    if (element.value.is_int) {
        /* The widest and the narrowest number of so many bytes. */
        size_t bytes = (page_len(page) - PAGE_HEADER_BYTES) / count;
        size_t most = bytes > 4 ? 10 : bytes + 2;
        size_t least = bytes > 4 ? 10 : bytes + 1;
        bounds.low = LISTPACK_HEADER + least * count;
        bounds.high = LISTPACK_HEADER + most * count;
    }
    return bounds;
}

static struct bounds page_bounds(const uint8_t *page)
{
    unsigned count = page_count(page);
    if (count == 0)
        return (struct bounds){ LISTPACK_HEADER, LISTPACK_HEADER };
    if (page_is_uniform(page))
        return uniform_bounds(page);
    /* Slots have two bytes, unless the page is very long. In one of so few
     * bytes nothing has more than four bytes around it, a number five. */
    size_t data = page_len(page) - PAGE_HEADER_BYTES - 2 * (size_t)count;
    if (data >= 4096)
        return (struct bounds){ least_bytes(count), SIZE_MAX };
    return (struct bounds){ LISTPACK_HEADER + data + count,
                            LISTPACK_HEADER + data + 5 * (size_t)count };
}

static uint64_t count_all(struct object *object)
{
    struct tree_walk    walk;
    struct page_element element;
    uint64_t            bytes = LISTPACK_HEADER;
    ASSERT(object_count(object) <= COUNTED_MAX);
    tree_walk_init(&walk, object->tree, 0, UINT64_MAX, false);
    while (tree_walk_next(&walk, &element) == ERR_OK)
        bytes += element_bytes(&element.value);
    if (bytes <= UINT32_MAX)
        object->listpack_bytes = (uint32_t)bytes;
    return bytes;
}

/* Would the listpack, with so many bytes more, be longer than limit? */
static bool is_longer(struct object *object, size_t more, size_t limit)
{
    uint64_t           count = object_count(object);
    const struct page *only = tree_only_page(object->tree);
    ASSERT(limit < least_bytes(COUNTED_MAX));
    if (least_bytes(count) + more > limit)
        return true;
    if (object->listpack_bytes == 0 && only != NULL) {
        struct bounds bounds = page_bounds(only->bytes);
        if (bounds.low + more > limit)
            return true;
        if (bounds.high <= limit - more)
            return false;
    }
    uint64_t bytes = object->listpack_bytes;
    if (bytes == 0)
        bytes = count_all(object);
    return bytes + more > limit;
}

static void count_added(struct object *object, const struct page_value *value)
{
    size_t bytes = element_bytes(value);
    if (object->listpack_bytes == 0)
        return;
    if (object_count(object) > COUNTED_MAX ||
        bytes >= UINT32_MAX - object->listpack_bytes)
        object->listpack_bytes = 0;
    else
        object->listpack_bytes += (uint32_t)bytes;
}

/* Before they go. */
static void count_removed(struct object *object, uint64_t rank, uint64_t count)
{
    struct tree_walk    walk;
    struct page_element element;
    if (count > object_count(object) / 2)
        object->listpack_bytes = 0;
    if (object->listpack_bytes == 0)
        return;
    tree_walk_init(&walk, object->tree, rank, count, false);
    while (tree_walk_next(&walk, &element) == ERR_OK)
        object->listpack_bytes -= (uint32_t)element_bytes(&element.value);
}

/* ---- its encoding -------------------------------------------------------- */

void list_will_grow(struct object *object, size_t bytes,
                    const struct list_limits *limits)
{
    if (object->encoding == ENCODING_SMALL &&
        is_longer(object, bytes, limits->listpack_bytes))
        object_raise_encoding(object, ENCODING_FULL);
}

void list_has_shrunk(struct object *object, const struct list_limits *limits)
{
    if (object->encoding == ENCODING_FULL &&
        !is_longer(object, 0, limits->listpack_bytes / 2))
        object->encoding = ENCODING_SMALL;
}

/* ---- changing ------------------------------------------------------------ */

uint64_t list_end_rank(uint64_t count, enum list_end end)
{
    ASSERT(count > 0);
    return end == LIST_HEAD ? 0 : count - 1;
}

void list_insert(struct object *object, uint64_t rank, slice value)
{
    struct page_value packed = page_value_pack(value);
    err_t             err = tree_insert_at(object->tree, rank, value);
    ASSERT(err == ERR_OK);
    count_added(object, &packed);
}

void list_push(struct object *object, enum list_end end, slice value)
{
    list_insert(object, end == LIST_HEAD ? 0 : object_count(object), value);
}

void list_replace(struct object *object, uint64_t rank, slice value)
{
    struct page_value packed = page_value_pack(value);
    count_removed(object, rank, 1);
    err_t err = tree_replace_at(object->tree, rank, value);
    ASSERT(err == ERR_OK);
    count_added(object, &packed);
}

void list_remove(struct object *object, uint64_t rank, uint64_t count)
{
    count_removed(object, rank, count);
    err_t err = tree_delete_range(object->tree, rank, count);
    ASSERT(err == ERR_OK);
}

void list_drop(struct object *object, enum list_end end, uint64_t count)
{
    list_remove(object, end == LIST_HEAD ? 0 : object_count(object) - count,
                count);
}

/* ---- by value ------------------------------------------------------------ */

bool list_find(const struct coll *coll, slice value, uint64_t *rank)
{
    struct coll_walk    walk;
    struct page_element element;
    struct page_value   packed = page_value_pack(value);
    *rank = 0;
    coll_walk_init(&walk, coll, 0, UINT64_MAX, false);
    while (coll_walk_next(&walk, &element)) {
        if (page_value_equal(&element.value, &packed))
            return true;
        (*rank)++;
    }
    return false;
}

/* No walk survives a change. So elements are found, so many at a time, then
 * removed from the last rank to the first, then the walk begins anew where it
 * had come to. */
#define FOUND_MAX 512

struct found {
    uint64_t rank[FOUND_MAX]; /* in the order of the walk */
    size_t   count;
    uint64_t walked; /* elements */
};

static void find_some(struct object *object, uint64_t rank, bool is_backward,
                      const struct page_value *value, size_t max,
                      struct found *found)
{
    struct tree_walk    walk;
    struct page_element element;
    found->count = 0;
    found->walked = 0;
    tree_walk_init(&walk, object->tree, rank, UINT64_MAX, is_backward);
    while (found->count < max && tree_walk_next(&walk, &element) == ERR_OK) {
        if (page_value_equal(&element.value, value))
            found->rank[found->count++] = is_backward ? rank - found->walked
                                                      : rank + found->walked;
        found->walked++;
    }
}

/* By their order in the list, the first is 0. */
static uint64_t found_rank(const struct found *found, size_t at,
                           bool is_backward)
{
    return found->rank[is_backward ? found->count - 1 - at : at];
}

static void remove_found(struct object *object, const struct found *found,
                         bool is_backward)
{
    size_t left = found->count;
    while (left > 0) {
        uint64_t rank = found_rank(found, --left, is_backward), run = 1;
        while (left > 0 &&
               found_rank(found, left - 1, is_backward) == rank - 1) {
            left--;
            rank--;
            run++;
        }
        list_remove(object, rank, run);
    }
}

uint64_t list_remove_equal(struct object *object, enum list_end end,
                           slice value, uint64_t max)
{
    struct page_value packed = page_value_pack(value);
    bool              is_backward = end == LIST_TAIL;
    uint64_t          removed = 0, walked = 0, kept = 0;
    uint64_t          count = object_count(object);
    while (walked < count && removed < max) {
        struct found found;
        uint64_t     want = max - removed;
        uint64_t     rank = is_backward ? count - 1 - walked : kept;
        find_some(object, rank, is_backward, &packed,
                  want < FOUND_MAX ? (size_t)want : FOUND_MAX, &found);
        remove_found(object, &found, is_backward);
        removed += found.count;
        walked += found.walked;
        kept += found.walked - found.count;
    }
    return removed;
}

/* ---- what a reply takes -------------------------------------------------- */

/* "$20\r\n...\r\n" of a number of 8 bytes, over these; texts need less. */
#define AROUND_BYTES 20

size_t list_reply_bytes(const struct coll *coll, uint64_t rank, uint64_t count)
{
    size_t bytes = 0;
    if (count == 0)
        return 0;
    if (coll->page != NULL) {
        bytes = page_len(coll->page);
    } else {
        err_t err =
            tree_range_bytes(coll->object->tree, rank, count, &bytes);
        ASSERT(err == ERR_OK);
    }
    return bytes + (size_t)count * AROUND_BYTES;
}
