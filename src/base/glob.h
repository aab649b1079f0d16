/* glob.h - glob patterns as Redis matches them: CONFIG GET, SCAN, KEYS.
 *
 *     *        any run of bytes, also none
 *     ?        any one byte
 *     [a-z_]   one of these; [^a-z] none of these
 *     \x       x itself, also inside [...]
 *
 * Corner cases are Redis's too: a set without its ']' ends with the pattern, a
 * range may be written backwards, "[]" matches nothing and "[^]" any byte, a
 * last lone '\' stands for itself. The empty text is matched by the empty
 * pattern only: not even by "*" (KEYS and SCAN don't ask for that one).
 *
 * Time  at most pattern.len * text.len steps and no recursion, whatever
 *       pattern a client sends.
 * Pure, any thread. */
#ifndef BASE_GLOB_H
#define BASE_GLOB_H

#include <stdbool.h>

#include "base/slice.h"

bool glob_match(slice pattern, slice text, bool nocase);

/* False when the pattern can match no text but itself, so that a caller may
 * look it up instead. */
bool glob_has_wildcard(slice pattern);

#endif
