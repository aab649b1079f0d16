/* sort_seen.c - see sort_seen.h. A table with open addressing. */
#include "cmd/sort_seen.h"

#include "base/mem.h"

#define SIZE_LEAST 64

bool sort_changes_any(const struct sort_changes *changes)
{
    return changes->all || changes->count > 0;
}

bool sort_changes_has(const struct sort_changes *changes, uint64_t hash)
{
    if (changes->all)
        return true;
    for (size_t i = 0; i < changes->count; i++)
        if (changes->hashes[i] == hash)
            return true;
    return false;
}

void sort_seen_deinit(struct sort_seen *seen)
{
    mem_free(seen->marks);
    *seen = (struct sort_seen){ .count = 0 };
}

size_t sort_seen_bytes(const struct sort_seen *seen)
{
    return seen->size == 0 ? 0
                           : mem_good_size(seen->size * sizeof(*seen->marks));
}

static uint32_t mark_of(uint64_t hash)
{
    uint32_t mark = (uint32_t)(hash >> 32);
    return mark != 0 ? mark : 1;
}

/* Where that mark is, or would be. REQUIRES: a place is free. The place follows
 * from the mark alone, which is all that is left when the table grows. */
static size_t place_of(const struct sort_seen *seen, uint32_t mark)
{
    size_t place = (mark * 0x9E3779B1u) & (seen->size - 1);
    while (seen->marks[place] != 0 && seen->marks[place] != mark)
        place = (place + 1) & (seen->size - 1);
    return place;
}

static void grow(struct sort_seen *seen)
{
    struct sort_seen old = *seen;
    seen->size = old.size == 0 ? SIZE_LEAST : old.size * 2;
    seen->marks = mem_calloc(seen->size, sizeof(*seen->marks));
    for (size_t i = 0; i < old.size; i++)
        if (old.marks[i] != 0)
            seen->marks[place_of(seen, old.marks[i])] = old.marks[i];
    mem_free(old.marks);
}

void sort_seen_add(struct sort_seen *seen, uint64_t hash)
{
    if (seen->count >= seen->size / 8 * 7)
        grow(seen);
    size_t place = place_of(seen, mark_of(hash));
    seen->count += seen->marks[place] == 0;
    seen->marks[place] = mark_of(hash);
}

void sort_seen_changed(struct sort_seen *seen, uint64_t hash)
{
    struct sort_changes *changes = &seen->changes;
    if (seen->count == 0 || sort_changes_has(changes, hash) ||
        seen->marks[place_of(seen, mark_of(hash))] == 0)
        return;
    if (changes->count == SORT_CHANGES_MAX)
        changes->all = true;
    else
        changes->hashes[changes->count++] = hash;
}

void sort_seen_all_changed(struct sort_seen *seen)
{
    if (seen->count > 0)
        seen->changes.all = true;
}

void sort_seen_take(struct sort_seen *seen, struct sort_changes *out)
{
    *out = seen->changes;
    seen->changes = (struct sort_changes){ .count = 0 };
}
