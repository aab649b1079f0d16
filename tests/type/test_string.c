/* test_string.c - large strings against a flat buffer, chunk borders above
 * all; and saved, loaded and damaged ones. */
#include "type/string.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/unit.h"
#include "tree/tree_model.h"

#define MOST (40 * STRING_CHUNK)

static const struct object_env small_pages = { .page_limit = 256,
                                               .hasher = { .key = { 1, 2 } } };
static const struct object_env usual_pages = { .page_limit = TREE_PAGE_LIMIT,
                                               .hasher = { .key = { 1, 2 } } };

struct run {
    struct rand    rand;
    struct object *object;
    char          *flat;
    size_t         len;
};

static size_t below(struct run *run, uint64_t bound)
{
    return (size_t)rand_below(&run->rand, bound);
}

static void assert_is(const struct object *object, const char *flat, size_t len)
{
    struct blob *blob = string_object_copy_out(object);
    assert_int_equal(string_object_len(object), len);
    assert_int_equal(blob->len, len);
    assert_memory_equal(blob->data, flat, len);
    blob_unref(blob);
}

static void check(struct object *object, const char *flat, size_t len)
{
    assert_null(object_check(object));
    assert_int_equal(object_count(object), string_chunks(len));
    assert_is(object, flat, len);
}

/* Bytes that are often digits: a short last chunk is a number then. */
static void fill(struct run *run, char *out, size_t len)
{
    bool is_digits = below(run, 2) == 0;
    for (size_t i = 0; i < len; i++)
        out[i] = is_digits ? (char)('1' + below(run, 9))
                           : (char)rand_next(&run->rand);
}

/* Near a border of chunks, or anywhere. */
static size_t place(struct run *run, size_t most)
{
    size_t chunks = most / STRING_CHUNK + 1;
    size_t at = below(run, most + 1);
    if (below(run, 3) > 0)
        at = below(run, chunks) * STRING_CHUNK + below(run, 45);
    if (below(run, 3) == 0)
        at -= at < 20 ? at : 20;
    return at < most ? at : most;
}

static void do_write(struct run *run)
{
    static char bytes[3 * STRING_CHUNK];
    size_t      beyond = below(run, 4) == 0 ? 2 * STRING_CHUNK : 0;
    size_t      offset = place(run, run->len + beyond);
    size_t      len = below(run, 4) == 0 ? place(run, sizeof(bytes))
                                         : below(run, 60);
    if (offset + len > MOST)
        return;
    fill(run, bytes, len);
    string_object_write(run->object, offset, slice_make(bytes, len));
    if (offset > run->len)
        memset(run->flat + run->len, 0, offset - run->len);
    memcpy(run->flat + offset, bytes, len);
    if (offset > run->len)
        run->len = offset;
    if (offset + len > run->len)
        run->len = offset + len;
}

static void do_read(struct run *run)
{
    static char bytes[MOST];
    size_t      offset = place(run, run->len), len;
    len = place(run, run->len - offset);
    string_object_read(run->object, offset, len, bytes);
    assert_memory_equal(bytes, run->flat + offset, len);
}

/* What was lent stays what it was, whatever is written. */
static void do_lend(struct run *run)
{
    if (run->len == 0)
        return;
    size_t       offset = place(run, run->len - 1);
    size_t       want = 1 + below(run, run->len - offset);
    struct blob *blob = string_object_lend(run->object, offset, want);
    struct blob *before = blob_copy(blob_slice(blob));
    assert_in_range(blob->len, 1, want);
    assert_memory_equal(blob->data, run->flat + offset, blob->len);
    for (int i = 0; i < 4; i++)
        do_write(run);
    char x = 'x';
    string_object_write(run->object, offset, slice_make(&x, 1));
    run->flat[offset] = x;
    assert_true(slice_equal(blob_slice(blob), blob_slice(before)));
    blob_unref(blob);
    blob_unref(before);
}

static void run_seed(uint64_t seed, const struct object_env *env)
{
    struct run run = { .len = 0 };
    rand_init(&run.rand, seed);
    run.flat = calloc(1, MOST);
    run.len = place(&run, MOST / 2);
    fill(&run, run.flat, run.len);
    run.object = string_object_new(env, slice_make(run.flat, run.len));
    assert_in_range(object_bytes(run.object), 0, string_object_cost(run.len));
    for (int i = 0; i < 500; i++) {
        switch (below(&run, 6)) {
        case 0:
        case 1:
            do_read(&run);
            break;
        case 2:
            do_lend(&run);
            break;
        default:
            do_write(&run);
        }
        if (i % 10 == 0)
            check(run.object, run.flat, run.len);
    }
    struct object *copy = object_copy(env, run.object);
    object_free(run.object);
    check(copy, run.flat, run.len);
    object_free(copy);
    free(run.flat);
}

static void random_reads_and_writes(void **state)
{
    const char *text = getenv("STRING_SEED");
    uint64_t    first = text != NULL ? strtoull(text, NULL, 10) : 1;
    (void)state;
    for (uint64_t seed = first; seed < first + 20; seed++)
        run_seed(seed, seed % 2 ? &usual_pages : &small_pages);
}

/* All lengths around borders, made at once and byte by byte. */
static void every_border(void **state)
{
    char *flat = calloc(1, 3 * STRING_CHUNK);
    (void)state;
    memset(flat, '7', 3 * STRING_CHUNK);
    for (size_t chunks = 0; chunks <= 2; chunks++)
        for (int by = -25; by <= 25; by++) {
            if (chunks == 0 && by < 0)
                continue;
            size_t len = chunks * STRING_CHUNK + (size_t)by;
            struct object *object =
                string_object_new(&usual_pages, slice_make(flat, len));
            check(object, flat, len);
            assert_in_range(object_bytes(object), 0, string_object_cost(len));
            flat[len] = '8';
            string_object_write(object, len, slice_make(flat + len, 1));
            check(object, flat, len + 1);
            flat[len] = '7';
            object_free(object);
        }
    free(flat);
}

static void a_gap_is_zeros(void **state)
{
    size_t         at = 5 * STRING_CHUNK + 3;
    char          *flat = calloc(1, at + 1);
    struct object *object = string_object_new(&usual_pages, SLICE_EMPTY);
    (void)state;
    check(object, "", 0);
    string_object_write(object, at, SLICE_LITERAL("x"));
    flat[at] = 'x';
    check(object, flat, at + 1);
    string_object_write(object, at + 1, SLICE_EMPTY);
    check(object, flat, at + 1);
    object_free(object);
    free(flat);
}

/* ---- saved and loaded ---------------------------------------------------- */

static size_t save(struct object *object, struct disk *disk, uint32_t capture)
{
    const uint64_t *gone;
    size_t          gone_count, nodes = 0;
    struct page    *page;
    object_begin_capture(object, capture, &gone, &gone_count);
    assert_int_equal(gone_count, 0); /* a string only grows */
    for (; (page = object_capture(object)) != NULL; nodes++) {
        disk_put(disk, page->node.id, slice_make(page->bytes, page->len));
        page_unref(page);
    }
    return nodes;
}

static err_t load(const struct disk *disk, slice root_bytes,
                  struct object **out)
{
    struct object_root root;
    err_t              err = object_root_decode(root_bytes, &root);
    if (err != ERR_OK)
        return err;
    return object_load(&usual_pages, OBJ_STRING, &root, disk_fetch,
                       (void *)(uintptr_t)disk, out);
}

static void only_what_has_changed_is_saved(void **state)
{
    size_t         len = 50 * STRING_CHUNK + 100;
    char          *flat = calloc(1, len + 100);
    struct disk    disk = { .count = 0 };
    uint8_t        root[OBJECT_ROOT_BYTES_MAX];
    struct object *object =
        string_object_new(&usual_pages, slice_make(flat, len));
    struct object *loaded = NULL;
    (void)state;
    assert_int_equal(save(object, &disk, 1), 51 + 1); /* and one inner node */
    assert_int_equal(save(object, &disk, 2), 0);
    /* within a chunk; over a border; at the end */
    size_t ends[] = { 77, 3 * STRING_CHUNK + 5, len };
    size_t nodes[] = { 1, 2, 1 };
    for (uint32_t i = 0; i < 3; i++) {
        memset(flat + ends[i] - 10, (int)('a' + i), 10);
        string_object_write(object, ends[i] - 10,
                            slice_make(flat + ends[i] - 10, 10));
        assert_int_equal(save(object, &disk, 3 + i), nodes[i]);
    }
    string_object_write(object, len, SLICE_LITERAL("0123456789"));
    memcpy(flat + len, "0123456789", 10);
    assert_int_equal(save(object, &disk, 8), 1);
    slice bytes = slice_make(root, object_root_encode(object, root));
    assert_int_equal(load(&disk, bytes, &loaded), ERR_OK);
    check(loaded, flat, len + 10);
    assert_int_equal(object_dirty_bytes(loaded), 0);
    object_free(loaded);
    object_free(object);
    disk_deinit(&disk);
    free(flat);
}

/* A save holds a chunk that is written to: what it holds stays. */
static void a_write_while_a_save_holds_the_chunk(void **state)
{
    const uint64_t *gone;
    size_t          gone_count, count = 0;
    struct page    *held[4];
    char           *flat = calloc(1, 2 * STRING_CHUNK);
    struct object  *object = string_object_new(
        &usual_pages, slice_make(flat, 2 * STRING_CHUNK));
    (void)state;
    object_begin_capture(object, 1, &gone, &gone_count);
    while ((held[count] = object_capture(object)) != NULL)
        count++;
    assert_int_equal(count, 3);
    flat[5] = 'x';
    string_object_write(object, 5, SLICE_LITERAL("x"));
    check(object, flat, 2 * STRING_CHUNK);
    for (size_t i = 0; i < count; i++) {
        assert_null(memchr(held[i]->bytes + PAGE_HEADER_BYTES, 'x',
                           held[i]->len - PAGE_HEADER_BYTES));
        page_unref(held[i]);
    }
    /* It fails: all is to be saved again. */
    object_uncapture(object);
    struct disk disk = { .count = 0 };
    assert_int_equal(save(object, &disk, 2), 3);
    disk_deinit(&disk);
    object_free(object);
    free(flat);
}

/* The root says another length than the chunks have, and the like. */
static void damage_is_found(void **state)
{
    struct disk        disk = { .count = 0 };
    uint8_t            bytes[OBJECT_ROOT_BYTES_MAX];
    char              *flat = calloc(1, 3 * STRING_CHUNK);
    struct object     *object =
        string_object_new(&usual_pages, slice_make(flat, 2 * STRING_CHUNK + 9));
    struct object     *loaded;
    struct object_root root;
    (void)state;
    save(object, &disk, 1);
    size_t len = object_root_encode(object, bytes);
    assert_int_equal(object_root_decode(slice_make(bytes, len), &root), ERR_OK);
    assert_true(root.has_len);
    assert_int_equal(root.len, 2 * STRING_CHUNK + 9);
    assert_int_equal(root.count, 3);
    for (size_t i = 0; i < len; i++) /* cut off */
        assert_int_equal(load(&disk, slice_make(bytes, i), &loaded),
                         ERR_CORRUPT);
    bytes[len - 3]++; /* the length is three bytes, lowest first */
    assert_int_equal(load(&disk, slice_make(bytes, len), &loaded), ERR_CORRUPT);
    bytes[len - 3]--;
    bytes[len - 1]++; /* too many chunks for it */
    assert_int_equal(object_root_decode(slice_make(bytes, len), &root),
                     ERR_CORRUPT);
    bytes[len - 1]--;
    bytes[0] |= 4; /* scores */
    assert_int_equal(object_root_decode(slice_make(bytes, len), &root),
                     ERR_CORRUPT);
    bytes[0] ^= 4 | 8; /* a list of that many elements, and more bytes */
    assert_int_equal(object_root_decode(slice_make(bytes, len), &root),
                     ERR_CORRUPT);
    bytes[0] |= 8;
    assert_int_equal(object_root_decode(slice_make(bytes, len), &root), ERR_OK);
    assert_int_equal(object_load(&usual_pages, OBJ_LIST, &root, disk_fetch,
                                 &disk, &loaded),
                     ERR_CORRUPT);
    assert_int_equal(load(&disk, slice_make(bytes, len), &loaded), ERR_OK);
    check(loaded, flat, 2 * STRING_CHUNK + 9);
    object_free(loaded);
    object_free(object);
    disk_deinit(&disk);
    free(flat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_border),
        cmocka_unit_test(a_gap_is_zeros),
        cmocka_unit_test(random_reads_and_writes),
        cmocka_unit_test(only_what_has_changed_is_saved),
        cmocka_unit_test(a_write_while_a_save_holds_the_chunk),
        cmocka_unit_test(damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
