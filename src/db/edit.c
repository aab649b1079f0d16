/* edit.c - collections and large strings: opened for reading, for changing, put
 * as a whole.
 *
 * A collection that is one page is read as it lies in the entry, and changed in
 * an object made of it; what has become of it goes back through the write hook
 * as a page, as the object, or, when nothing is left, as a delete. One that has
 * an object is changed in place: then the hook's first half, the capture for a
 * cut in flight, comes before the change and the rest after it. Strings go the
 * same way; what is small enough for the entry takes the place of the page. */
#include "db/internal.h"

#include "type/string.h"

/* Of one that is not in memory; else false. */
static bool has_root(const struct entry *entry, struct object_root *root)
{
    if (entry_presence(entry) == ENTRY_PRESENT)
        return false;
    err_t err = object_root_decode(entry_value(entry), root);
    ASSERT(err == ERR_OK); /* it was looked at when it was loaded */
    return true;
}

static struct coll coll_of(const struct entry *entry)
{
    ASSERT(entry_type(entry) != OBJ_STRING);
    struct object *object = entry_object(entry);
    if (object != NULL)
        return coll_of_object(object);
    return coll_of_page(entry_type(entry),
                        (const uint8_t *)entry_value(entry).data);
}

uint64_t db_coll_count(const struct entry *entry)
{
    struct object_root root;
    return has_root(entry, &root) ? root.count : coll_of(entry).count;
}

enum object_encoding db_coll_encoding(const struct entry *entry)
{
    struct object_root root;
    if (has_root(entry, &root))
        return (enum object_encoding)root.encoding;
    struct coll coll = coll_of(entry);
    return coll_encoding(&coll);
}

size_t db_coll_bytes(const struct entry *entry)
{
    struct object_root root;
    if (has_root(entry, &root))
        return (size_t)root.bytes;
    return entry_object(entry) != NULL ? object_bytes(entry_object(entry)) : 0;
}

uint64_t db_string_len(const struct entry *entry)
{
    struct object_root   root;
    const struct object *object = entry_object(entry);
    ASSERT(entry_type(entry) == OBJ_STRING);
    if (has_root(entry, &root))
        return root.len;
    return object != NULL ? string_object_len(object) : entry->value_len;
}

size_t db_value_len(const struct entry *entry)
{
    if (entry_type(entry) == OBJ_STRING)
        return (size_t)db_string_len(entry);
    return entry_presence(entry) == ENTRY_PRESENT ? entry->value_len : 0;
}

bool db_read(const struct entry *entry, struct coll *out)
{
    *out = (struct coll){ .count = 0 };
    if (entry == NULL)
        return false;
    ASSERT(entry_presence(entry) == ENTRY_PRESENT);
    *out = coll_of(entry);
    return true;
}

struct object *db_object_new(struct db *db, enum obj_type type)
{
    return object_new(&db->cache.objects, type);
}

/* --- changing ------------------------------------------------------------ */

static struct entry *find_alive(struct db *db, const struct db_key *key)
{
    struct entry *entry =
        cache_find(&db->cache, key->space->id, key->key, key->hash);
    if (entry == NULL || !entry_exists(entry))
        return NULL;
    int64_t deadline = entry_deadline(entry);
    if (deadline == 0 || deadline > db->now_ms)
        return entry;
    expire_entry(db, entry);
    return NULL;
}

/* An object with what lies in the entry. */
static struct object *object_of_value(struct db *db, enum obj_type type,
                                      slice value)
{
    return type == OBJ_STRING ? string_object_new(&db->cache.objects, value)
                              : object_from_page(&db->cache.objects, type,
                                                 value);
}

struct object *db_edit_begin(struct db *db, const struct db_key *key,
                             enum obj_type type, struct db_edit *edit)
{
    *edit = (struct db_edit){ .db = db, .key = *key };
    struct entry *entry = find_alive(db, key);
    if (entry == NULL) {
        edit->object = object_new(&db->cache.objects, type);
        return edit->object;
    }
    ASSERT(entry_presence(entry) == ENTRY_PRESENT);
    ASSERT(entry_type(entry) == type);
    edit->existed = true;
    edit->deadline_ms = entry_deadline(entry);
    edit->object = entry_object(entry);
    if (edit->object == NULL) {
        edit->object = object_of_value(db, type, entry_value(entry));
        return edit->object;
    }
    edit->busy = cache_make_busy(&db->cache, entry);
    edit->busy->pins++;
    if (cut_is_closing(db, edit->busy))
        cut_capture_first(db, edit->busy);
    return edit->object;
}

static void unpin(struct db_edit *edit)
{
    if (edit->busy == NULL)
        return;
    edit->busy->pins--;
    cache_settle_busy(&edit->db->cache, edit->busy);
    edit->busy = NULL;
}

static bool is_live(const struct db_edit *edit)
{
    return edit->busy != NULL;
}

void db_edit_cancel(struct db_edit *edit)
{
    if (is_live(edit))
        cache_recharge(&edit->db->cache, edit->busy->entry);
    else
        object_free(edit->object);
    unpin(edit);
}

static void put_empty(struct db_edit *edit, const char *event)
{
    struct entry_spec absent = { .presence = ENTRY_ABSENT };
    if (edit->existed) {
        db_put(edit->db, &edit->key, &absent, event);
        db_event(edit->db, &edit->key, "del");
    }
}

/* What goes into the entry itself, if that is possible: lent, or copied. */
struct flat {
    slice value;
    char *copy;
};

static bool flat_make(struct object *object, size_t key_len, struct flat *flat)
{
    *flat = (struct flat){ .value = SLICE_EMPTY };
    if (object->type != OBJ_STRING)
        return object_page(object, &flat->value);
    if (!cache_is_inline(key_len, (size_t)string_object_len(object)))
        return false;
    size_t len = (size_t)string_object_len(object);
    flat->copy = mem_alloc(len + 1);
    string_object_read(object, 0, len, flat->copy);
    flat->value = slice_make(flat->copy, len);
    return true;
}

static bool is_gone(const struct object *object)
{
    return object->type != OBJ_STRING && object_count(object) == 0;
}

void db_edit_end(struct db_edit *edit, const char *event)
{
    struct object    *object = edit->object;
    struct flat       flat = { .copy = NULL };
    struct entry_spec spec = { .presence = ENTRY_PRESENT,
                               .type = object->type,
                               .deadline_ms = edit->deadline_ms };
    bool was_live = is_live(edit), is_kept = false;
    if (was_live)
        spec.object_id = entry_object_id(edit->busy->entry);
    if (is_gone(object)) {
        put_empty(edit, event);
    } else if (flat_make(object, edit->key.key.len, &flat)) {
        spec.value = flat.value;
        spec.object_id = 0;
        db_put(edit->db, &edit->key, &spec, event);
    } else {
        spec.object = object;
        is_kept = true;
        if (was_live) /* where it was, and not expired meanwhile */
            put_entry(edit->db, edit->busy->entry, &spec, event);
        else
            db_put(edit->db, &edit->key, &spec, event);
    }
    mem_free(flat.copy);
    unpin(edit);
    /* One that was the entry's has been buried by the put. */
    if (!was_live && !is_kept)
        object_free(object);
}

void db_put_object(struct db *db, const struct db_key *key,
                   struct object *object, const char *event)
{
    struct entry_spec spec = { .presence = ENTRY_PRESENT,
                               .type = object->type };
    struct flat flat;
    ASSERT(!is_gone(object));
    bool is_flat = flat_make(object, key->key.len, &flat);
    if (is_flat)
        spec.value = flat.value;
    else
        spec.object = object;
    db_put(db, key, &spec, event);
    mem_free(flat.copy);
    if (is_flat)
        object_free(object);
}

/* --- under another key --------------------------------------------------- */

/* The content of a key, for another one. A small value, or the root of a large
 * one, is copied out of the entry, which may move. */
struct content {
    struct entry_spec spec;
    char             *copy;
};

static struct content content_keep(const struct entry *entry)
{
    struct content content = { .spec = cache_spec(entry) };
    slice         *value = &content.spec.value;
    if (content.spec.object == NULL) {
        content.copy = mem_alloc(value->len + 1);
        if (value->len > 0)
            memcpy(content.copy, value->data, value->len);
        value->data = content.copy;
    }
    return content;
}

static void content_drop(struct content *content)
{
    mem_free(content->copy);
}

void db_move(struct db *db, const struct db_key *from, const struct db_key *to,
             const char *put_event, const char *delete_event)
{
    struct entry *entry = find_alive(db, from);
    ASSERT(entry != NULL);
    struct busy *busy = cache_make_busy(&db->cache, entry);
    busy->pins++;
    if (cut_is_closing(db, busy))
        cut_capture_first(db, busy);
    struct content content = content_keep(busy->entry);
    if (content.spec.object != NULL) /* an empty one dies in its place */
        cache_swap_object(&db->cache, busy->entry,
                          db_object_new(db, content.spec.type));
    db_put(db, to, &content.spec, put_event);
    db_delete(db, from, delete_event);
    if (content.spec.object_id != 0) {
        moved_add(db, content.spec.object_id);
        busy->gave_id = content.spec.object_id;
        busy->gave_in = db->epoch;
    }
    busy->pins--;
    content_drop(&content);
}

void db_copy(struct db *db, const struct db_key *from, const struct db_key *to,
             const char *put_event)
{
    struct entry *entry = find_alive(db, from);
    ASSERT(entry != NULL);
    ASSERT(entry_presence(entry) == ENTRY_PRESENT);
    struct content content = content_keep(entry);
    content.spec.object_id = 0; /* its pages are the other key's */
    if (content.spec.object != NULL)
        content.spec.object =
            object_copy(&db->cache.objects, content.spec.object);
    db_put(db, to, &content.spec, put_event);
    content_drop(&content);
}
