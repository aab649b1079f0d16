/* prefetch.h - asking the processor for memory before it is needed.
 *
 * A hint: it changes nothing and cannot fail, whatever the address. Worth it
 * where the next thing to be read is known some hundred instructions ahead and
 * is in no cache, which is usual where an entry is met once a minute. */
#ifndef BASE_PREFETCH_H
#define BASE_PREFETCH_H

#include <stddef.h>

/* Of a cache line: x86-64, and most of arm64. */
#define PREFETCH_LINE 64

static inline void prefetch(const void *from, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PREFETCH_LINE)
        __builtin_prefetch((const char *)from + at);
}

#endif
