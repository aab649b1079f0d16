/* slice.c - the one slice function that is too long to inline.
 *
 * Command names and options are ASCII, so case is folded by hand: tolower()
 * would ask the locale, and Turkish has another idea of 'I'. */
#include "base/slice.h"

bool slice_equal_nocase(slice a, const char *lower)
{
    for (size_t i = 0; i < a.len; i++) {
        char c = a.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        /* A NUL byte in a must not match the end of lower. */
        if (lower[i] == '\0' || c != lower[i])
            return false;
    }
    return lower[a.len] == '\0';
}
