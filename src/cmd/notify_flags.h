/* notify_flags.h - the event classes of notify-keyspace-events, as a mask.
 *
 * One letter is one class. 'A' stands for the ten classes that a client means
 * by "all": not for key misses ('m') nor new keys ('n').
 *
 * Pure, any thread. */
#ifndef CMD_NOTIFY_FLAGS_H
#define CMD_NOTIFY_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum notify_flag {
    NOTIFY_KEYSPACE = 1 << 0,  /* K: to __keyspace@<db>__:<key> */
    NOTIFY_KEYEVENT = 1 << 1,  /* E: to __keyevent@<db>__:<event> */
    NOTIFY_GENERIC  = 1 << 2,  /* g: DEL, EXPIRE, RENAME ... */
    NOTIFY_STRING   = 1 << 3,  /* $ */
    NOTIFY_LIST     = 1 << 4,  /* l */
    NOTIFY_SET      = 1 << 5,  /* s */
    NOTIFY_HASH     = 1 << 6,  /* h */
    NOTIFY_ZSET     = 1 << 7,  /* z */
    NOTIFY_EXPIRED  = 1 << 8,  /* x */
    NOTIFY_EVICTED  = 1 << 9,  /* e */
    NOTIFY_STREAM   = 1 << 10, /* t */
    NOTIFY_KEYMISS  = 1 << 11, /* m */
    NOTIFY_MODULE   = 1 << 12, /* d */
    NOTIFY_NEW      = 1 << 13, /* n */
    NOTIFY_ALL = NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_LIST | NOTIFY_SET |
                 NOTIFY_HASH | NOTIFY_ZSET | NOTIFY_EXPIRED | NOTIFY_EVICTED |
                 NOTIFY_STREAM | NOTIFY_MODULE, /* A */
};

/* Room for every letter and a NUL. */
#define NOTIFY_TEXT_CHARS 16

/* False when a letter is unknown; *out is then as before. */
bool notify_flags_parse(slice text, uint32_t *out);

/* What CONFIG GET answers: classes, then K, E, m. As in Redis 'A' swallows
 * 'n'; with `exact` it does not, and the text reads back as the same mask.
 * Returns the length. */
size_t notify_flags_format(uint32_t flags, bool exact,
                           char out[NOTIFY_TEXT_CHARS]);

#endif
