/* glob.c - one loop and one place to come back to.
 *
 * Every element of a pattern other than '*' takes exactly one byte. So when
 * something after a second '*' does not fit, giving the first '*' more bytes
 * cannot help: whatever the first could reach by that, the second can reach
 * as well. It is enough to remember the last '*' and let it swallow one byte
 * more each time. That bounds the work to pattern times text, where trying
 * all stars in turn is exponential ("a*a*a*a*b" against "aaaa..."). */
#include "base/glob.h"

static unsigned char fold(char c, bool nocase)
{
    unsigned char byte = (unsigned char)c;
    if (nocase && byte >= 'A' && byte <= 'Z')
        byte = (unsigned char)(byte - 'A' + 'a');
    return byte;
}

static bool range_holds(unsigned char a, unsigned char b, unsigned char byte)
{
    return a <= b ? a <= byte && byte <= b : b <= byte && byte <= a;
}

/* Does the set whose '[' stands at *at hold the byte? *at moves past the set:
 * past its ']', or to the end of the pattern when there is none. */
static bool match_set(slice pattern, size_t *at, unsigned char byte,
                      bool nocase)
{
    size_t i = *at + 1;
    bool   negated = i < pattern.len && pattern.data[i] == '^';
    bool   found = false;

    if (negated)
        i++;
    while (i < pattern.len && pattern.data[i] != ']') {
        size_t left = pattern.len - i;
        if (pattern.data[i] == '\\' && left >= 2) {
            found |= fold(pattern.data[i + 1], nocase) == byte;
            i += 2;
        } else if (left >= 3 && pattern.data[i + 1] == '-') {
            /* Also when the third byte is ']': as in Redis, "[a-]" has the
             * range from 'a' to ']' and goes on. */
            found |= range_holds(fold(pattern.data[i], nocase),
                                 fold(pattern.data[i + 2], nocase), byte);
            i += 3;
        } else {
            found |= fold(pattern.data[i], nocase) == byte;
            i++;
        }
    }
    *at = i < pattern.len ? i + 1 : i;
    return found != negated;
}

/* Does the element at *at, which is no '*', take this byte? Moves *at past
 * the element. */
static bool match_one(slice pattern, size_t *at, char c, bool nocase)
{
    unsigned char byte = fold(c, nocase);

    switch (pattern.data[*at]) {
    case '?':
        *at += 1;
        return true;
    case '[':
        return match_set(pattern, at, byte, nocase);
    case '\\':
        if (*at + 1 < pattern.len)
            *at += 1;
        break;
    default:
        break;
    }
    *at += 1;
    return fold(pattern.data[*at - 1], nocase) == byte;
}

bool glob_match(slice pattern, slice text, bool nocase)
{
    size_t p = 0, t = 0;
    size_t star_p = 0, star_t = 0; /* where to resume after the last '*' */
    bool   star = false;

    if (text.len == 0)
        return pattern.len == 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = true;
            star_p = ++p;
            star_t = t;
            if (star_p == pattern.len)
                return true;
            continue;
        }
        if (p < pattern.len && match_one(pattern, &p, text.data[t], nocase)) {
            t++;
            continue;
        }
        if (!star)
            return false;
        p = star_p;
        t = ++star_t;
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

bool glob_has_wildcard(slice pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.data[i];
        if (c == '*' || c == '?' || c == '[' || c == '\\')
            return true;
    }
    return false;
}
