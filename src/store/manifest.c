/* manifest.c - reads log number and tables out of LevelDB's MANIFEST.
 *
 * A MANIFEST is a log whose records are edits: a sequence of (tag varint,
 * fields) as db/version_edit.cc writes them. The table below says which fields
 * follow each tag; we step over all of them, keep the last log number, and if
 * asked note which tables come and go. An edit with an unknown tag ends the
 * reading: LevelDB will refuse it too.
 *
 * Tables are noted as they come; now and then, and at the end, the notes are
 * folded: of each number the last word counts. So memory follows the number
 * of live tables, not the length of the MANIFEST. (A table that only changes
 * its level goes and comes in one edit, in that order.) */
#include "store/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/logread.h"

#define EDIT_MAX_BYTES (64u << 20)
#define FOLD_LEAST     1024
#define LEVEL_GONE     0xff /* the note of a table that went */

enum edit_tag { TAG_LOG_NUMBER = 2, TAG_TABLE_GONE = 6, TAG_TABLE = 7 };

/* v: a varint; s: a varint length and so many bytes. */
static const char *const edit_fields[] = {
    [1] = "s",              /* comparator's name */
    [TAG_LOG_NUMBER] = "v", /* oldest log that is needed */
    [3] = "v",              /* next file number */
    [4] = "v",              /* last sequence */
    [5] = "vs",             /* compact pointer: level, key */
    [TAG_TABLE_GONE] = "vv", /* level, number */
    [TAG_TABLE] = "vvvss",  /* level, number, size, smallest, largest */
    [9] = "v",              /* previous log: always 0 since 2011 */
};
#define EDIT_TAGS (sizeof(edit_fields) / sizeof(edit_fields[0]))

struct fields {
    uint64_t numbers[3];
    slice    keys[2];
};

struct reading {
    uint64_t               log_number;
    bool                   wants_tables;
    struct manifest_table *notes;
    size_t                 note_count, note_capacity;
    size_t                 fold_at;
    size_t                 most;
    uint32_t               order;
    bool                   too_many;
};

/* --- bounds -------------------------------------------------------------- */

struct manifest_bound manifest_bound_of(slice key)
{
    struct manifest_bound bound = { .len = MANIFEST_BOUND_BYTES };

    if (key.len < MANIFEST_BOUND_BYTES)
        bound.len = (uint8_t)key.len;
    if (bound.len > 0)
        memcpy(bound.bytes, key.data, bound.len);
    return bound;
}

int manifest_bound_cmp(slice key, const struct manifest_bound *bound)
{
    size_t len = key.len < bound->len ? key.len : bound->len;
    int    order = len > 0 ? memcmp(key.data, bound->bytes, len) : 0;

    if (order != 0)
        return order;
    if (key.len < bound->len)
        return -1;
    return bound->len < MANIFEST_BOUND_BYTES && key.len > bound->len;
}

/* --- notes --------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const struct manifest_table *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
    const struct manifest_table *x = a, *y = b;

    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    int order = manifest_bound_cmp(
        slice_make(x->smallest.bytes, x->smallest.len), &y->smallest);
    if (order != 0)
        return order;
    order = manifest_bound_cmp(slice_make(x->largest.bytes, x->largest.len),
                               &y->largest);
    if (order != 0)
        return order;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void fold(struct reading *reading)
{
    struct manifest_table *notes = reading->notes;
    size_t                 kept = 0;

    if (reading->note_count > 0)
        qsort(notes, reading->note_count, sizeof(*notes), by_number);
    for (size_t i = 0; i < reading->note_count; i++) {
        bool last = i + 1 == reading->note_count ||
                    notes[i + 1].number != notes[i].number;
        if (last && notes[i].level != LEVEL_GONE)
            notes[kept++] = notes[i];
    }
    reading->note_count = kept;
    reading->fold_at = 2 * kept < FOLD_LEAST ? FOLD_LEAST : 2 * kept;
    reading->too_many = kept > reading->most;
}

static void note(struct reading *reading, const struct manifest_table *table)
{
    if (reading->note_count == reading->fold_at)
        fold(reading);
    if (reading->note_count == reading->note_capacity) {
        reading->note_capacity = reading->fold_at;
        reading->notes =
            mem_realloc(reading->notes,
                        reading->note_capacity * sizeof(*reading->notes));
    }
    reading->notes[reading->note_count] = *table;
    reading->notes[reading->note_count++].order = reading->order++;
}

/* LevelDB's keys have 8 bytes of their own at the end. */
static slice user_part(slice key)
{
    return slice_make(key.data, key.len < 8 ? 0 : key.len - 8);
}

static void note_table(struct reading *reading, const struct fields *fields)
{
    struct manifest_table table = {
        .level = (uint8_t)fields->numbers[0],
        .number = fields->numbers[1],
        .bytes = fields->numbers[2],
        .smallest = manifest_bound_of(user_part(fields->keys[0])),
        .largest = manifest_bound_of(user_part(fields->keys[1])),
    };
    note(reading, &table);
}

/* --- edits --------------------------------------------------------------- */

static bool take_varint(slice *in, uint64_t *value)
{
    size_t len = num_get_varint(*in, value);

    if (len == 0)
        return false;
    *in = slice_make(in->data + len, in->len - len);
    return true;
}

static bool take_fields(slice *in, const char *kinds, struct fields *out)
{
    uint64_t value;

    for (size_t numbers = 0, keys = 0; *kinds; kinds++) {
        if (!take_varint(in, &value))
            return false;
        if (*kinds == 'v') {
            out->numbers[numbers++] = value;
            continue;
        }
        if (value > in->len)
            return false;
        out->keys[keys++] = slice_make(in->data, (size_t)value);
        *in = slice_make(in->data + value, in->len - (size_t)value);
    }
    return true;
}

/* False when the edit is not understood. */
static bool edit_read(slice edit, struct reading *reading)
{
    while (edit.len > 0 && !reading->too_many) {
        uint64_t      tag;
        struct fields fields = { 0 };
        if (!take_varint(&edit, &tag) || tag >= EDIT_TAGS || !edit_fields[tag])
            return false;
        if (!take_fields(&edit, edit_fields[tag], &fields))
            return false;
        if (tag == TAG_LOG_NUMBER)
            reading->log_number = fields.numbers[0];
        if (tag != TAG_TABLE && tag != TAG_TABLE_GONE)
            continue;
        if (fields.numbers[0] >= MANIFEST_LEVELS)
            return false;
        struct manifest_table gone = { .number = fields.numbers[1],
                                       .level = LEVEL_GONE };
        if (reading->wants_tables && tag == TAG_TABLE)
            note_table(reading, &fields);
        else if (reading->wants_tables)
            note(reading, &gone);
    }
    return true;
}

/* Adds a fragment to the edit; reads the edit once it is whole. False: stop. */
static bool edit_add(struct buf *edit, const struct log_fragment *fragment,
                     struct reading *reading)
{
    if (fragment->type == LOG_FRAGMENT_FULL ||
        fragment->type == LOG_FRAGMENT_FIRST)
        buf_clear(edit);
    if (buf_append(edit, fragment->payload.data, fragment->payload.len))
        return false;
    if (fragment->type == LOG_FRAGMENT_FULL ||
        fragment->type == LOG_FRAGMENT_LAST)
        return edit_read(buf_slice(edit), reading) && !reading->too_many;
    return true;
}

static err_t manifest_scan(struct logread *reader, struct reading *reading,
                           struct err_text *why)
{
    struct buf          edit;
    struct log_fragment fragment = { 0 };
    bool                more = true;
    err_t               err = ERR_OK;

    buf_init(&edit, EDIT_MAX_BYTES);
    for (uint64_t start = 0; more && start < reader->file_bytes;
         start += LOG_BLOCK_BYTES) {
        err = logread_block(reader, start, why);
        if (err)
            break;
        for (size_t at = 0; more && !logread_in_trailer(at);) {
            more = logread_fragment(reader, at, &fragment) == NULL &&
                   edit_add(&edit, &fragment, reading);
            at += LOG_HEADER_BYTES + fragment.payload.len;
        }
    }
    buf_deinit(&edit);
    return err;
}

/* --- the file ------------------------------------------------------------ */

/* CURRENT holds one line, the MANIFEST's name. */
static err_t current_read(int data_fd, char *name, size_t size,
                          struct err_text *why)
{
    int fd = openat(data_fd, "CURRENT", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_set(why, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                       "cannot open data/CURRENT: %s", strerror(errno));
    ssize_t len = read(fd, name, size - 1);
    int     saved_errno = errno;
    close(fd);
    if (len < 0)
        return err_set(why, ERR_IO, "cannot read data/CURRENT: %s",
                       strerror(saved_errno));
    name[len] = 0;
    if (len < 2 || name[len - 1] != '\n' || strchr(name, '/') ||
        strncmp(name, "MANIFEST-", 9) != 0)
        return err_set(why, ERR_CORRUPT,
                       "data/CURRENT names no MANIFEST: restore a backup, or "
                       "run LevelDB's repair on a copy");
    name[len - 1] = 0;
    return ERR_OK;
}

static err_t manifest_read(int data_fd, struct reading *reading,
                           struct err_text *why)
{
    struct logread *reader;
    char            name[64];

    err_t err = current_read(data_fd, name, sizeof(name), why);
    if (err)
        return err;
    err = logread_open(data_fd, name, &reader, why);
    if (err == ERR_NOT_FOUND)
        return err_set(why, ERR_CORRUPT,
                       "data/%s is missing, though data/CURRENT names it: "
                       "restore a backup, or run LevelDB's repair on a copy",
                       name);
    if (err)
        return err;
    err = manifest_scan(reader, reading, why);
    logread_close(reader);
    return err;
}

err_t manifest_first_log(int data_fd, uint64_t *out_number,
                         struct err_text *why)
{
    struct reading reading = { 0 };
    err_t          err = manifest_read(data_fd, &reading, why);

    *out_number = reading.log_number;
    return err;
}

err_t manifest_tables(int data_fd, size_t most, struct manifest_table **out,
                      size_t *out_count, struct err_text *why)
{
    struct reading reading = { .wants_tables = true,
                               .fold_at = FOLD_LEAST,
                               .most = most };
    *out = NULL;
    *out_count = 0;
    err_t err = manifest_read(data_fd, &reading, why);
    if (!err && !reading.too_many)
        fold(&reading);
    if (!err && reading.too_many)
        err = err_set(why, ERR_LIMIT, "more than %zu tables", most);
    if (err || reading.note_count == 0) {
        mem_free(reading.notes);
        return err;
    }
    qsort(reading.notes, reading.note_count, sizeof(*reading.notes), by_place);
    *out_count = reading.note_count;
    *out = mem_realloc(reading.notes,
                       reading.note_count * sizeof(*reading.notes));
    return ERR_OK;
}
