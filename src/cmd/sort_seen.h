/* sort_seen.h - which keys a SORT has read, and which of these were changed
 * since.
 *
 * Of a key 32 bits of its hash are kept: another key that is taken for it costs
 * one look more.
 *
 * Threads    whoever owns it.
 * Bounds     8 bytes for each key at most, 3 at least; of more than
 *            SORT_CHANGES_MAX changes it is only known that there were many. */
#ifndef CMD_SORT_SEEN_H
#define CMD_SORT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SORT_CHANGES_MAX 64

struct sort_changes {
    bool     all;   /* any key may have been changed */
    size_t   count; /* of hashes */
    uint64_t hashes[SORT_CHANGES_MAX];
};
bool sort_changes_any(const struct sort_changes *changes);
bool sort_changes_has(const struct sort_changes *changes, uint64_t hash);

struct sort_seen {
    uint32_t *marks; /* 0: free; the table is a power of two */
    size_t    count, size;
    struct sort_changes changes;
};

void   sort_seen_deinit(struct sort_seen *seen); /* empty again */
void   sort_seen_add(struct sort_seen *seen, uint64_t hash);
size_t sort_seen_bytes(const struct sort_seen *seen);
/* That key was changed: noted, if it was seen. */
void sort_seen_changed(struct sort_seen *seen, uint64_t hash);
/* All keys may have been. */
void sort_seen_all_changed(struct sort_seen *seen);
/* Gives what was noted, and begins anew. */
void sort_seen_take(struct sort_seen *seen, struct sort_changes *out);

#endif
