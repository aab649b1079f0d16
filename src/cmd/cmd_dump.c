/* cmd_dump.c - DUMP: a value in Redis's serialization (codec/rdb.h).
 *
 * It is written into pieces, which the reply then sends from where they lie:
 * its length must be told first, and is known only at the end. A string that is
 * too long to be compressed is not even copied once more: its chunks are put
 * into pieces as they are walked. */
#include "base/mem.h"
#include "cache/cache.h"
#include "cmd/handlers.h"
#include "codec/rdb_dump.h"
#include "codec/rdb_save.h"

/* As large as a chunk of a large string, and for the same reason. */
#define PIECE_BYTES ((size_t)14 * 1024)

/* Type, length and footer. */
#define AROUND_BYTES 32

struct pieces {
    struct blob **list;
    size_t        count, capacity;
    size_t        used; /* bytes of the last one */
};

static void add_piece(struct pieces *pieces)
{
    if (pieces->count == pieces->capacity) {
        pieces->capacity = pieces->capacity == 0 ? 8 : 2 * pieces->capacity;
        pieces->list = mem_realloc(pieces->list, pieces->capacity *
                                                     sizeof(*pieces->list));
    }
    pieces->list[pieces->count++] = blob_new(PIECE_BYTES);
    pieces->used = 0;
}

static void put_bytes(void *arg, slice bytes)
{
    struct pieces *pieces = arg;
    while (bytes.len > 0) {
        if (pieces->count == 0 || pieces->used == PIECE_BYTES)
            add_piece(pieces);
        size_t room = PIECE_BYTES - pieces->used;
        size_t part = bytes.len < room ? bytes.len : room;
        memcpy(pieces->list[pieces->count - 1]->data + pieces->used,
               bytes.data, part);
        pieces->used += part;
        bytes = slice_make(bytes.data + part, bytes.len - part);
    }
}

static void reply_pieces(struct reply *reply, struct pieces *pieces)
{
    struct blob *last = pieces->list[pieces->count - 1];
    last->len = pieces->used; /* nobody else has it yet */
    if (pieces->count == 1) {
        reply_bulk(reply, blob_slice(last));
    } else {
        reply_bulk_begin(reply, (pieces->count - 1) * PIECE_BYTES + last->len);
        for (size_t i = 0; i < pieces->count; i++)
            reply_raw_blob(reply, pieces->list[i]);
        reply_bulk_end(reply);
    }
    for (size_t i = 0; i < pieces->count; i++)
        blob_unref(pieces->list[i]);
    mem_free(pieces->list);
}

static void write_value(struct rdb_writer *writer, const struct entry *entry)
{
    struct coll coll;
    if (entry_type(entry) != OBJ_STRING) {
        (void)db_read(entry, &coll);
        rdb_write_byte(writer, (uint8_t)rdb_type_of(&coll));
        rdb_save(writer, &coll);
        return;
    }
    rdb_write_byte(writer, RDB_STRING);
    if (entry_object(entry) != NULL)
        rdb_save_string(writer, entry_object(entry));
    else
        rdb_write_string(writer, entry_value(entry));
}

enum call_result cmd_dump(struct call *call)
{
    struct rdb_writer   writer;
    struct pieces       pieces = { .list = NULL };
    bool                touch = !(call->session->flags & SESSION_NO_TOUCH);
    const struct entry *entry = db_look(call->db, &call->key, touch);
    if (entry == NULL) {
        reply_null(call->reply);
        return CALL_DONE;
    }
    rdb_writer_init(&writer, put_bytes, &pieces);
    write_value(&writer, entry);
    rdb_write_footer(&writer);
    rdb_writer_deinit(&writer);
    reply_pieces(call->reply, &pieces);
    return CALL_DONE;
}

size_t dump_bytes(struct call *call)
{
    struct coll coll;
    if (call_peek(call, &coll))
        return (size_t)rdb_save_bytes(&coll) + AROUND_BYTES;
    return string_reply_bytes(call);
}
