/* notify_flags.c - letters to bits and back.
 *
 * The table is in the order in which CONFIG GET names the classes. */
#include "cmd/notify_flags.h"

struct letter {
    char     letter;
    uint32_t flag;
};

static const struct letter letters[] = {
    { 'g', NOTIFY_GENERIC }, { '$', NOTIFY_STRING },   { 'l', NOTIFY_LIST },
    { 's', NOTIFY_SET },     { 'h', NOTIFY_HASH },     { 'z', NOTIFY_ZSET },
    { 'x', NOTIFY_EXPIRED }, { 'e', NOTIFY_EVICTED },  { 't', NOTIFY_STREAM },
    { 'd', NOTIFY_MODULE },  { 'n', NOTIFY_NEW },      { 'K', NOTIFY_KEYSPACE },
    { 'E', NOTIFY_KEYEVENT }, { 'm', NOTIFY_KEYMISS },
};
#define LETTERS (sizeof(letters) / sizeof(letters[0]))
_Static_assert(LETTERS + 2 <= NOTIFY_TEXT_CHARS, "all fit, with A and NUL");

static uint32_t flag_of(char letter)
{
    if (letter == 'A')
        return NOTIFY_ALL;
    for (size_t i = 0; i < LETTERS; i++)
        if (letters[i].letter == letter)
            return letters[i].flag;
    return 0;
}

bool notify_flags_parse(slice text, uint32_t *out)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t flag = flag_of(text.data[i]);
        if (flag == 0)
            return false;
        flags |= flag;
    }
    *out = flags;
    return true;
}

size_t notify_flags_format(uint32_t flags, bool exact,
                           char out[NOTIFY_TEXT_CHARS])
{
    size_t len = 0;
    if ((flags & NOTIFY_ALL) == NOTIFY_ALL) {
        out[len++] = 'A';
        flags &= ~(uint32_t)NOTIFY_ALL;
        if (!exact)
            flags &= ~(uint32_t)NOTIFY_NEW;
    }
    for (size_t i = 0; i < LETTERS; i++)
        if (flags & letters[i].flag)
            out[len++] = letters[i].letter;
    out[len] = '\0';
    return len;
}
