/* table_test.h - a store with a table for each letter, and ways to damage
 * them. The tables are real ones. */
#ifndef TABLE_TEST_H
#define TABLE_TEST_H

#include "store_test.h"

#include "store/manifest.h"
#include "store/tablecheck.h"
#include "store/tablefile.h"

#define TABLES  4 /* "a/...", "b/...", ... in one level */
#define RECORDS 300
#define MANY    1000 /* tables allowed in the list */

/* --- a store with a table for each letter -------------------------------- */

struct place {
    char                   dir[PATH_CHARS];
    char                   path[PATH_CHARS]; /* the store */
    char                   data[PATH_CHARS];
    int                    data_fd;
    bool                   compression;
    struct store          *store;
    struct manifest_table *tables;
    size_t                 count;
    struct tablecheck     *check;
};

static inline char *record_key(char letter, unsigned number, char out[32])
{
    snprintf(out, 32, "%c/%06u", letter, number);
    return out;
}

static inline char *record_value(char letter, unsigned number, char out[128])
{
    snprintf(out, 128, "%c %050u %050u", letter, number * 7919, number);
    return out;
}

static inline void open_store(struct place *place)
{
    struct store_options options = test_options(place->path);
    struct err_text      why = { "" };

    options.compression = place->compression;
    err_t err = store_open_leveldb(&options, &place->store, &why);
    if (err)
        fail_msg("%s", why.text);
}

static inline void close_store(struct place *place)
{
    store_close(place->store);
    place->store = NULL;
}

static inline void write_letter(struct place *place, char letter)
{
    struct store_batch *batch = store_batch_new();
    char                key[32], value[128];

    for (unsigned i = 0; i < RECORDS; i++)
        batch_put_text(batch, record_key(letter, i * 2, key),
                       record_value(letter, i * 2, value));
    assert_int_equal(store_write(place->store, batch, false, NULL), ERR_OK);
}

static inline void list_tables(struct place *place)
{
    mem_free(place->tables);
    assert_int_equal(manifest_tables(place->data_fd, MANY, &place->tables,
                                     &place->count, NULL),
                     ERR_OK);
}

/* Asked to compact a range, LevelDB first makes a table of what is in memory;
 * one that lies over no other goes to level 2 at once. */
static inline int place_make(void **state, bool compression)
{
    struct place *place = mem_calloc(1, sizeof(*place));

    temp_dir_new(place->dir);
    path_join(place->path, place->dir, "store");
    path_join(place->data, place->path, "data");
    place->compression = compression;
    open_store(place);
    for (int i = 0; i < TABLES; i++) {
        write_letter(place, (char)('a' + i));
        store_compact(place->store, SLICE_LITERAL("zz"), SLICE_EMPTY);
    }
    close_store(place);
    place->data_fd = open(place->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(place->data_fd >= 0);
    list_tables(place);
    *state = place;
    return 0;
}

static inline int place_new(void **state)
{
    return place_make(state, false);
}

static inline int place_new_compressed(void **state)
{
    return place_make(state, true);
}

static inline int place_free(void **state)
{
    struct place *place = *state;

    store_close(place->store);
    tablecheck_free(place->check);
    mem_free(place->tables);
    close(place->data_fd);
    path_remove(place->dir);
    mem_free(place);
    return 0;
}

static inline char *table_path(struct place *place, size_t i, char out[PATH_CHARS])
{
    char name[TABLEFILE_NAME_CHARS];

    assert_true(tablefile_name(place->data_fd, place->tables[i].number, name));
    return path_join(out, place->data, name);
}

static inline char *aside_path(struct place *place, size_t i, char out[PATH_CHARS])
{
    size_t len = strlen(table_path(place, i, out));

    memcpy(out + len, ".damaged", 9);
    return out;
}

static inline bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* --- where things are in a table ----------------------------------------- */

struct part {
    size_t at, len;
};
struct parts {
    struct part filter, meta, index, footer;
};

static inline struct part take_part(const char *data, size_t *at)
{
    uint64_t numbers[2];

    for (int i = 0; i < 2; i++) {
        size_t len = num_get_varint(slice_make(data + *at, 10), &numbers[i]);
        assert_true(len > 0);
        *at += len;
    }
    return (struct part){ (size_t)numbers[0], (size_t)numbers[1] };
}

/* With their trailers. */
static inline struct parts find_parts(const char *path)
{
    struct parts parts;
    size_t       len;
    char        *data = file_read(path, &len);
    size_t       at = len - 48;

    parts.footer = (struct part){ at, 48 };
    parts.meta = take_part(data, &at);
    parts.index = take_part(data, &at);
    parts.footer.len = at - parts.footer.at; /* then comes padding */
    at = parts.meta.at + 3 + (size_t)data[parts.meta.at + 1];
    parts.filter = take_part(data, &at);
    parts.meta.len += 5;
    parts.index.len += 5;
    parts.filter.len += 5;
    mem_free(data);
    return parts;
}

static inline void flip(const char *path, size_t at, unsigned bit)
{
    size_t len;
    char  *data = file_read(path, &len);

    CHECK(at < len);
    data[at] = (char)(data[at] ^ 1 << bit);
    file_write(path, data, len);
    mem_free(data);
}

/* Damages that part of table i. */
static inline void damage(struct place *place, size_t i, const char *what)
{
    char         path[PATH_CHARS];
    struct parts parts = find_parts(table_path(place, i, path));

    flip(path, strcmp(what, "filter") == 0 ? parts.filter.at + 9
                                           : parts.index.at + 9, 3);
}

#endif
