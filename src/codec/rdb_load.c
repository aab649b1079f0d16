/* rdb_load.c - a type is two words: what it holds, and how that is laid out. */
#include "codec/rdb_load.h"

#include <math.h>

#include "codec/rdb_packed.h"

enum layout {
    LAYOUT_NONE, /* not ours to read */
    LAYOUT_STRING,
    LAYOUT_SINGLES,      /* count, strings */
    LAYOUT_PAIRS,        /* count, fields and values */
    LAYOUT_SCORES,       /* count, members and doubles */
    LAYOUT_SCORES_TEXT,  /* count, members and texts of doubles */
    LAYOUT_PACKED,       /* a packed form as a string */
    LAYOUT_NODES,        /* count, packed forms */
    LAYOUT_MARKED_NODES, /* count, each with a word what it is */
};

struct layout_of {
    enum obj_type    type;
    enum layout      layout;
    enum packed_form form;
};

static const struct layout_of layouts[] = {
    [RDB_STRING] = { OBJ_STRING, LAYOUT_STRING, 0 },
    [RDB_LIST] = { OBJ_LIST, LAYOUT_SINGLES, 0 },
    [RDB_SET] = { OBJ_SET, LAYOUT_SINGLES, 0 },
    [RDB_ZSET] = { OBJ_ZSET, LAYOUT_SCORES_TEXT, 0 },
    [RDB_HASH] = { OBJ_HASH, LAYOUT_PAIRS, 0 },
    [RDB_ZSET_2] = { OBJ_ZSET, LAYOUT_SCORES, 0 },
    [RDB_HASH_ZIPMAP] = { OBJ_HASH, LAYOUT_PACKED, PACKED_ZIPMAP },
    [RDB_LIST_ZIPLIST] = { OBJ_LIST, LAYOUT_PACKED, PACKED_ZIPLIST },
    [RDB_SET_INTSET] = { OBJ_SET, LAYOUT_PACKED, PACKED_INTSET },
    [RDB_ZSET_ZIPLIST] = { OBJ_ZSET, LAYOUT_PACKED, PACKED_ZIPLIST },
    [RDB_HASH_ZIPLIST] = { OBJ_HASH, LAYOUT_PACKED, PACKED_ZIPLIST },
    [RDB_LIST_QUICKLIST] = { OBJ_LIST, LAYOUT_NODES, PACKED_ZIPLIST },
    [RDB_HASH_LISTPACK] = { OBJ_HASH, LAYOUT_PACKED, PACKED_LISTPACK },
    [RDB_ZSET_LISTPACK] = { OBJ_ZSET, LAYOUT_PACKED, PACKED_LISTPACK },
    [RDB_LIST_QUICKLIST_2] = { OBJ_LIST, LAYOUT_MARKED_NODES, PACKED_LISTPACK },
    [RDB_SET_LISTPACK] = { OBJ_SET, LAYOUT_PACKED, PACKED_LISTPACK },
};

/* layout LAYOUT_NONE: a type that is not known. */
static struct layout_of layout_of(uint8_t type)
{
    const struct layout_of none = { OBJ_STRING, LAYOUT_NONE, 0 };
    return type < sizeof(layouts) / sizeof(layouts[0]) ? layouts[type] : none;
}

/* One object on its way. */
struct load {
    struct rdb_reader        *reader;
    const struct rdb_visitor *visitor;
    struct layout_of          of;
    uint64_t                  elements, nodes;
};

static err_t begin(struct load *load, uint64_t claimed)
{
    struct rdb_shape shape = {
        .type = load->of.type,
        .is_packed = load->of.layout == LAYOUT_PACKED,
        .is_intset = load->of.layout == LAYOUT_PACKED &&
                     load->of.form == PACKED_INTSET,
        .claimed = claimed,
    };
    return load->visitor->begin(load->visitor->arg, &shape);
}

/* ---- strings ------------------------------------------------------------- */

/* A long one in parts, so that it need not be in memory twice. */
static err_t load_string(struct load *load)
{
    const struct rdb_visitor *visitor = load->visitor;
    struct rdb_string         head;
    slice                     part;
    err_t err = rdb_read_string_head(load->reader, &head);
    if (err == ERR_OK)
        err = begin(load, head.len);
    if (err != ERR_OK)
        return err;
    load->elements = 1;
    if (head.is_number || head.is_lzf || load->reader->source.is_memory) {
        err = rdb_read_string_body(load->reader, &head, RDB_FIRST, &part);
        return err == ERR_OK ? visitor->text(visitor->arg, head.len, part)
                             : err;
    }
    uint64_t left = head.stored;
    if (left > load->reader->string_max)
        return ERR_OOM;
    if (left == 0)
        return visitor->text(visitor->arg, 0, SLICE_EMPTY);
    while (err == ERR_OK && left > 0) {
        err = rdb_read_string_part(load->reader, &left, &part);
        if (err == ERR_OK)
            err = visitor->text(visitor->arg, head.len, part);
    }
    return err;
}

/* ---- element by element -------------------------------------------------- */

static err_t load_single(struct load *load)
{
    slice element;
    err_t err = rdb_read_string(load->reader, RDB_FIRST, &element);
    if (err != ERR_OK)
        return err;
    return load->visitor->element(load->visitor->arg, element);
}

static err_t load_pair(struct load *load)
{
    slice field, value;
    err_t err = rdb_read_string(load->reader, RDB_FIRST, &field);
    if (err == ERR_OK)
        err = rdb_read_string(load->reader, RDB_SECOND, &value);
    if (err != ERR_OK)
        return err;
    return load->visitor->pair(load->visitor->arg, field, value);
}

static err_t give_member(struct load *load, slice member, double score)
{
    if (isnan(score))
        return ERR_INVALID;
    return load->visitor->member(load->visitor->arg, member, score);
}

static err_t load_member(struct load *load)
{
    slice  member;
    double score = 0;
    err_t  err = rdb_read_string(load->reader, RDB_FIRST, &member);
    if (err == ERR_OK)
        err = load->of.layout == LAYOUT_SCORES
                  ? rdb_read_double(load->reader, &score)
                  : rdb_read_double_text(load->reader, &score);
    return err == ERR_OK ? give_member(load, member, score) : err;
}

static err_t load_counted(struct load *load, err_t (*one)(struct load *load))
{
    uint64_t count;
    err_t    err = rdb_read_len(load->reader, &count);
    if (err == ERR_OK)
        err = begin(load, count);
    for (; err == ERR_OK && load->elements < count; load->elements++)
        err = one(load);
    load->nodes = 1;
    return err;
}

/* ---- packed -------------------------------------------------------------- */

static err_t score_of(const struct packed_value *value, double *out)
{
    *out = (double)value->number;
    return value->is_int || num_parse_double(value->text, out) ? ERR_OK
                                                               : ERR_INVALID;
}

/* The second of two; an odd number of elements is wrong. */
static err_t give_two(struct load *load, struct packed_walk *walk,
                      const struct packed_value *first)
{
    struct packed_value second;
    char                digits[NUM_INT64_CHARS], others[NUM_INT64_CHARS];
    double              score = 0;
    slice               text = packed_text(first, digits);
    err_t               err = packed_next(walk, &second);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_INVALID : err;
    if (load->of.type == OBJ_HASH)
        return load->visitor->pair(load->visitor->arg, text,
                                   packed_text(&second, others));
    err = score_of(&second, &score);
    return err == ERR_OK ? give_member(load, text, score) : err;
}

static err_t give_packed(struct load *load, enum packed_form form, slice bytes)
{
    struct packed_walk  walk;
    struct packed_value value;
    char                digits[NUM_INT64_CHARS];
    bool is_single = load->of.type == OBJ_LIST || load->of.type == OBJ_SET;
    err_t err = packed_begin(&walk, form, bytes);
    if (err == ERR_OK && load->of.layout == LAYOUT_PACKED)
        err = begin(load, walk.is_known ? walk.count : 0);
    while (err == ERR_OK) {
        err = packed_next(&walk, &value);
        if (err == ERR_NOT_FOUND)
            return ERR_OK;
        if (err == ERR_OK && is_single)
            err = load->visitor->element(load->visitor->arg,
                                         packed_text(&value, digits));
        else if (err == ERR_OK)
            err = give_two(load, &walk, &value);
        load->elements++;
    }
    return err;
}

static err_t load_packed(struct load *load)
{
    slice bytes;
    err_t err = rdb_read_string(load->reader, RDB_FIRST, &bytes);
    load->nodes = 1;
    return err == ERR_OK ? give_packed(load, load->of.form, bytes) : err;
}

static err_t load_node(struct load *load)
{
    uint64_t what = RDB_NODE_PACKED, before = load->elements;
    slice    bytes;
    err_t    err = load->of.layout == LAYOUT_MARKED_NODES
                       ? rdb_read_len(load->reader, &what)
                       : ERR_OK;
    if (err == ERR_OK)
        err = rdb_read_string(load->reader, RDB_FIRST, &bytes);
    if (err != ERR_OK)
        return err;
    if (what == RDB_NODE_PACKED) {
        err = give_packed(load, load->of.form, bytes);
    } else if (what == RDB_NODE_PLAIN && bytes.len > 0) {
        err = load->visitor->element(load->visitor->arg, bytes);
        load->elements++;
    } else {
        err = ERR_INVALID;
    }
    load->nodes += load->elements != before; /* Redis drops an empty one */
    return err;
}

static err_t load_nodes(struct load *load)
{
    uint64_t count;
    err_t    err = rdb_read_len(load->reader, &count);
    if (err == ERR_OK)
        err = begin(load, 0);
    for (uint64_t i = 0; err == ERR_OK && i < count; i++)
        err = load_node(load);
    return err;
}

/* ---- all ----------------------------------------------------------------- */

static err_t load_layout(struct load *load)
{
    switch (load->of.layout) {
    case LAYOUT_NONE:
        break;
    case LAYOUT_STRING:
        return load_string(load);
    case LAYOUT_SINGLES:
        return load_counted(load, load_single);
    case LAYOUT_PAIRS:
        return load_counted(load, load_pair);
    case LAYOUT_SCORES:
    case LAYOUT_SCORES_TEXT:
        return load_counted(load, load_member);
    case LAYOUT_PACKED:
        return load_packed(load);
    case LAYOUT_NODES:
    case LAYOUT_MARKED_NODES:
        return load_nodes(load);
    }
    return ERR_INVALID;
}

err_t rdb_load(struct rdb_reader *reader, uint8_t type,
               const struct rdb_visitor *visitor)
{
    struct load load = { .reader = reader,
                         .visitor = visitor,
                         .of = layout_of(type) };
    err_t       err = load_layout(&load);
    if (err == ERR_OK && load.elements == 0)
        err = ERR_INVALID;
    return err == ERR_OK ? visitor->end(visitor->arg, load.nodes) : err;
}

/* ---- measuring ----------------------------------------------------------- */

/* A compressed packed form is unpacked to be measured only if it is no larger;
 * of others it is guessed how many elements they have. */
#define MEASURED_MAX ((size_t)64 * 1024)
#define GUESSED_BYTES 4

static void measure_text(struct rdb_measure *out, uint64_t len)
{
    out->elements++;
    out->bytes += len;
}

static err_t measure_string(struct rdb_reader *reader, struct rdb_measure *out)
{
    struct rdb_string head;
    err_t             err = rdb_read_string_head(reader, &head);
    if (err != ERR_OK)
        return err;
    measure_text(out, head.len);
    if (head.is_lzf && head.len > out->largest)
        out->largest = head.len;
    return rdb_skip_string_body(reader, &head);
}

static err_t measure_packed(struct rdb_reader *reader, enum packed_form form,
                            struct rdb_measure *out)
{
    struct rdb_string head;
    slice             bytes;
    err_t             err = rdb_read_string_head(reader, &head);
    if (err != ERR_OK)
        return err;
    out->bytes += head.len;
    if (head.len > out->largest && (head.is_lzf || !reader->source.is_memory))
        out->largest = head.len;
    if (head.len > MEASURED_MAX) {
        out->elements += head.len / GUESSED_BYTES;
        return rdb_skip_string_body(reader, &head);
    }
    err = rdb_read_string_body(reader, &head, RDB_FIRST, &bytes);
    if (err == ERR_OK)
        out->elements += packed_count_guess(form, bytes);
    return err;
}

static err_t measure_node(struct rdb_reader *reader, struct layout_of of,
                          struct rdb_measure *out)
{
    uint64_t what = RDB_NODE_PACKED;
    err_t    err = of.layout == LAYOUT_MARKED_NODES
                       ? rdb_read_len(reader, &what)
                       : ERR_OK;
    if (err != ERR_OK)
        return err;
    return what == RDB_NODE_PACKED ? measure_packed(reader, of.form, out)
                                   : measure_string(reader, out);
}

static err_t measure_score(struct rdb_reader *reader, enum layout layout)
{
    double unused;
    return layout == LAYOUT_SCORES ? rdb_read_double(reader, &unused)
                                   : rdb_read_double_text(reader, &unused);
}

static err_t measure_one(struct rdb_reader *reader, struct layout_of of,
                         struct rdb_measure *out)
{
    if (of.layout == LAYOUT_NODES || of.layout == LAYOUT_MARKED_NODES)
        return measure_node(reader, of, out);
    err_t err = measure_string(reader, out);
    if (err != ERR_OK || of.layout == LAYOUT_SINGLES)
        return err;
    return of.layout == LAYOUT_PAIRS ? measure_string(reader, out)
                                     : measure_score(reader, of.layout);
}

err_t rdb_measure(struct rdb_reader *reader, uint8_t type,
                  struct rdb_measure *out)
{
    struct layout_of of = layout_of(type);
    uint64_t         count;
    *out = (struct rdb_measure){ .type = of.type };
    if (of.layout == LAYOUT_NONE)
        return ERR_INVALID;
    if (of.layout == LAYOUT_STRING)
        return measure_string(reader, out);
    if (of.layout == LAYOUT_PACKED)
        return measure_packed(reader, of.form, out);
    err_t err = rdb_read_len(reader, &count);
    for (uint64_t i = 0; err == ERR_OK && i < count; i++)
        err = measure_one(reader, of, out);
    return err;
}
