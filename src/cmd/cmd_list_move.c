/* cmd_list_move.c - elements from one list to another, and from the first of
 * many keys that has some.
 *
 * Two keys are changed one after the other, in one turn of the loop, so that no
 * cut sees only one of them. Redis tells of the push, then of the pop, and
 * deletes a list that has become empty last: that is our order, too. The
 * element is copied before, for what is read of a page is void once any key has
 * changed. */
#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "cmd/cmd_list.h"
#include "cmd/handlers.h"

/* ---- an element on its way ----------------------------------------------- */

struct moved {
    slice  text;
    size_t counted; /* its length as Redis weighs it: a number is nothing */
    char  *copy;
    char   small[256];
};

static void moved_init(struct moved *moved, const struct page_value *value)
{
    char  buffer[NUM_INT64_CHARS];
    slice text = page_value_text(value, buffer);
    moved->copy =
        text.len <= sizeof(moved->small) ? moved->small : mem_alloc(text.len);
    if (text.len > 0)
        memcpy(moved->copy, text.data, text.len);
    moved->text = slice_make(moved->copy, text.len);
    moved->counted = value->is_int ? 0 : text.len;
}

static void moved_deinit(struct moved *moved)
{
    if (moved->copy != moved->small)
        mem_free(moved->copy);
}

/* ---- LMOVE --------------------------------------------------------------- */

static void push_moved(struct object *object, enum list_end end,
                       const struct moved *moved)
{
    list_will_grow(object, moved->counted, &call_list_limits);
    list_push(object, end, moved->text);
}

static void rotate(struct call *call, const struct db_key *key,
                   enum list_end from_end, enum list_end to_end,
                   const struct moved *moved)
{
    struct db_edit edit;
    struct object *object = db_edit_begin(call->db, key, OBJ_LIST, &edit);
    list_drop(object, from_end, 1);
    push_moved(object, to_end, moved);
    list_has_shrunk(object, &call_list_limits);
    db_edit_end(&edit, list_push_event(to_end));
    db_event(call->db, key, list_pop_event(from_end));
}

static void move(struct call *call, const struct db_key *from,
                 enum list_end from_end, const struct db_key *to,
                 enum list_end to_end, const struct moved *moved)
{
    struct db_edit edit;
    struct object *object = db_edit_begin(call->db, to, OBJ_LIST, &edit);
    push_moved(object, to_end, moved);
    db_edit_end(&edit, list_push_event(to_end));
    object = db_edit_begin(call->db, from, OBJ_LIST, &edit);
    list_drop(object, from_end, 1);
    list_has_shrunk(object, &call_list_limits);
    db_edit_end(&edit, list_pop_event(from_end));
}

bool list_move(struct call *call, const struct db_key *from,
               enum list_end from_end, const struct db_key *to,
               enum list_end to_end)
{
    struct coll         coll, target;
    struct page_element element;
    struct moved        moved;
    if (!call_list(call, from, &coll))
        return true;
    if (coll.count == 0)
        return false;
    coll_get(&coll, list_end_rank(coll.count, from_end), &element);
    moved_init(&moved, &element.value);
    if (call_list(call, to, &target)) {
        reply_bulk(call->reply, moved.text);
        if (slice_equal(from->key, to->key))
            rotate(call, from, from_end, to_end, &moved);
        else
            move(call, from, from_end, to, to_end, &moved);
    }
    moved_deinit(&moved);
    return true;
}

enum call_result cmd_lmove(struct call *call)
{
    enum list_end from_end, to_end;
    struct db_key to = call_key(call, 2);
    if (!list_end_parse(call->argv[3], &from_end) ||
        !list_end_parse(call->argv[4], &to_end))
        call_syntax_error(call);
    else if (!list_move(call, &call->key, from_end, &to, to_end))
        reply_null(call->reply);
    return CALL_DONE;
}

enum call_result cmd_rpoplpush(struct call *call)
{
    struct db_key to = call_key(call, 2);
    if (!list_move(call, &call->key, LIST_TAIL, &to, LIST_HEAD))
        reply_null(call->reply);
    return CALL_DONE;
}

size_t lmove_bytes(struct call *call)
{
    enum list_end end;
    if (!list_end_parse(call->argv[3], &end))
        return 0;
    return list_pop_bytes(call, &call->key, end, 1);
}

size_t rpoplpush_bytes(struct call *call)
{
    return list_pop_bytes(call, &call->key, LIST_TAIL, 1);
}

/* ---- LMPOP --------------------------------------------------------------- */

/* A number from 1 on. */
static bool parse_positive(slice arg, int64_t *out)
{
    return num_parse_int64(arg, out) && *out > 0;
}

const char *list_mpop_parse(const struct call *call, size_t numkeys_at,
                            struct list_mpop *out)
{
    const char *syntax = "ERR syntax error";
    int64_t     keys, count = 0;
    *out = (struct list_mpop){ .first_key = numkeys_at + 1, .count = 1 };
    if (!parse_positive(call->argv[numkeys_at], &keys))
        return "ERR numkeys should be greater than 0";
    if ((uint64_t)keys >= call->argc - out->first_key)
        return syntax;
    out->key_count = (size_t)keys;
    size_t at = out->first_key + out->key_count;
    if (!list_end_parse(call->argv[at++], &out->end))
        return syntax;
    for (; at < call->argc; at += 2) {
        if (count != 0 || at + 1 == call->argc ||
            !call_arg_is(call, at, "count"))
            return syntax;
        if (!parse_positive(call->argv[at + 1], &count))
            return "ERR count should be greater than 0";
        out->count = (uint64_t)count;
    }
    return NULL;
}

bool list_mpop(struct call *call, const struct list_mpop *mpop)
{
    for (size_t i = 0; i < mpop->key_count; i++) {
        struct db_key key = call_key(call, mpop->first_key + i);
        struct coll   coll;
        if (!call_list(call, &key, &coll))
            return true;
        if (coll.count == 0)
            continue;
        uint64_t count = mpop->count < coll.count ? mpop->count : coll.count;
        reply_array(call->reply, 2);
        reply_bulk(call->reply, key.key);
        reply_array(call->reply, count);
        list_pop_reply(call, &key, &coll, mpop->end, count);
        return true;
    }
    return false;
}

enum call_result cmd_lmpop(struct call *call)
{
    struct list_mpop mpop;
    const char      *wrong = list_mpop_parse(call, 1, &mpop);
    if (wrong != NULL)
        reply_error(call->reply, wrong);
    else if (!list_mpop(call, &mpop))
        reply_null_array(call->reply);
    return CALL_DONE;
}

size_t list_mpop_bytes(struct call *call, const struct list_mpop *mpop)
{
    size_t bytes = 0;
    for (size_t i = 0; i < mpop->key_count && bytes == 0; i++) {
        struct db_key key = call_key(call, mpop->first_key + i);
        bytes = list_pop_bytes(call, &key, mpop->end, mpop->count);
        bytes += bytes > 0 ? key.key.len : 0;
    }
    return bytes;
}

size_t lmpop_bytes(struct call *call)
{
    struct list_mpop mpop;
    bool             is_wrong = list_mpop_parse(call, 1, &mpop) != NULL;
    return is_wrong ? 0 : list_mpop_bytes(call, &mpop);
}
