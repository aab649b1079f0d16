/* rdb_packed.c - what the forms have in common, and the two simple ones. */
#include "codec/rdb_packed.h"

#include "codec/rdb.h"

static uint8_t byte_at(const struct packed_walk *walk, size_t at)
{
    return (uint8_t)walk->bytes.data[at];
}

/* Bytes from walk->at to the end. */
static size_t bytes_left(const struct packed_walk *walk)
{
    return walk->bytes.len - walk->at;
}

/* ---- intset: width, count, numbers --------------------------------------- */

#define INTSET_HEADER 8

static uint32_t intset_width(const struct packed_walk *walk)
{
    return rdb_get32(walk->bytes.data);
}

static err_t intset_begin(struct packed_walk *walk)
{
    if (walk->bytes.len < INTSET_HEADER)
        return ERR_INVALID;
    uint32_t width = intset_width(walk);
    walk->count = rdb_get32(walk->bytes.data + 4);
    walk->is_known = true;
    walk->at = INTSET_HEADER;
    bool is_right = (width == 2 || width == 4 || width == 8) &&
                    walk->bytes.len - INTSET_HEADER == walk->count * width;
    return is_right ? ERR_OK : ERR_INVALID;
}

static err_t intset_next(struct packed_walk *walk, struct packed_value *out)
{
    uint32_t width = intset_width(walk);
    int64_t  number = rdb_get_int(walk->bytes.data + walk->at, width);
    if (walk->given > 0 && number <= walk->number)
        return ERR_INVALID;
    walk->number = number;
    walk->at += width;
    *out = (struct packed_value){ .is_int = true, .number = number };
    return ERR_OK;
}

/* ---- zipmap: count, (key length, key, value length, gap, value) ..., end - */

#define ZIPMAP_UNKNOWN 254 /* count: so many pairs or more */
#define ZIPMAP_LONG    254 /* length: four bytes follow */

static err_t zipmap_begin(struct packed_walk *walk)
{
    if (walk->bytes.len < 2)
        return ERR_INVALID;
    walk->count = 2 * (uint64_t)byte_at(walk, 0);
    walk->is_known = byte_at(walk, 0) < ZIPMAP_UNKNOWN;
    walk->at = 1;
    return ERR_OK;
}

static err_t zipmap_len(struct packed_walk *walk, size_t *len)
{
    if (bytes_left(walk) < 1)
        return ERR_INVALID;
    *len = byte_at(walk, walk->at++);
    if (*len < ZIPMAP_LONG)
        return ERR_OK;
    if (*len > ZIPMAP_LONG || bytes_left(walk) < 4)
        return ERR_INVALID;
    *len = rdb_get32(walk->bytes.data + walk->at);
    walk->at += 4;
    return ERR_OK;
}

static err_t zipmap_next(struct packed_walk *walk, struct packed_value *out)
{
    size_t len, gap = 0;
    err_t  err = zipmap_len(walk, &len);
    if (err != ERR_OK)
        return err;
    if (walk->given % 2 == 1) { /* a value: a gap may follow it */
        if (bytes_left(walk) < 1)
            return ERR_INVALID;
        gap = byte_at(walk, walk->at++);
    }
    if (bytes_left(walk) < len || bytes_left(walk) - len < gap)
        return ERR_INVALID;
    *out = (struct packed_value){
        .text = slice_make(walk->bytes.data + walk->at, len)
    };
    walk->at += len + gap;
    return ERR_OK;
}

/* ---- all ----------------------------------------------------------------- */

static const struct {
    err_t (*begin)(struct packed_walk *walk);
    err_t (*next)(struct packed_walk *walk, struct packed_value *out);
    bool   has_end;     /* a byte */
    size_t element_min; /* bytes */
} forms[] = {
    [PACKED_INTSET] = { intset_begin, intset_next, false, 2 },
    [PACKED_ZIPMAP] = { zipmap_begin, zipmap_next, true, 1 },
    [PACKED_ZIPLIST] = { ziplist_begin, ziplist_next, true, 2 },
    [PACKED_LISTPACK] = { listpack_begin, listpack_next, true, 2 },
};

err_t packed_begin(struct packed_walk *walk, enum packed_form form,
                   slice bytes)
{
    *walk = (struct packed_walk){ .form = form, .bytes = bytes };
    return forms[form].begin(walk);
}

/* Nothing may stand behind the end. */
static bool is_at_end(const struct packed_walk *walk)
{
    if (!forms[walk->form].has_end)
        return walk->at == walk->bytes.len;
    return bytes_left(walk) == 1 && byte_at(walk, walk->at) == RDB_PACKED_END;
}

err_t packed_next(struct packed_walk *walk, struct packed_value *out)
{
    if (is_at_end(walk))
        return walk->is_known && walk->given != walk->count ? ERR_INVALID
                                                            : ERR_NOT_FOUND;
    if (walk->at >= walk->bytes.len)
        return ERR_INVALID;
    err_t err = forms[walk->form].next(walk, out);
    walk->given++;
    return err;
}

slice packed_text(const struct packed_value *value,
                  char                       buffer[NUM_INT64_CHARS])
{
    if (!value->is_int)
        return value->text;
    return slice_make(buffer, num_format_int64(value->number, buffer));
}

uint64_t packed_count_guess(enum packed_form form, slice bytes)
{
    struct packed_walk walk;
    if (packed_begin(&walk, form, bytes) != ERR_OK)
        return 0;
    return walk.is_known ? walk.count : bytes.len / forms[form].element_min;
}
