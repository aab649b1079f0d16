/* shebang.c - the line that a script may begin with:
 *
 *     #!lua flags=no-writes,allow-stale
 */
#include "script/internal.h"

static const struct {
    const char *name;
    unsigned    flag;
} flag_names[] = {
    { "no-writes",             SCRIPT_NO_WRITES },
    { "allow-oom",             SCRIPT_ALLOW_OOM },
    { "allow-stale",           SCRIPT_ALLOW_STALE },
    { "no-cluster",            SCRIPT_NO_CLUSTER },
    { "allow-cross-slot-keys", SCRIPT_CROSS_SLOT },
};

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

/* Takes the next word off the front; false at the end. */
static bool next_word(slice *line, slice *word)
{
    size_t begin = 0;
    while (begin < line->len && is_blank(line->data[begin]))
        begin++;
    size_t end = begin;
    while (end < line->len && !is_blank(line->data[end]))
        end++;
    *word = slice_make(line->data + begin, end - begin);
    *line = slice_make(line->data + end, line->len - end);
    return word->len > 0;
}

static bool refuse(struct reply *why, const char *text, slice what)
{
    reply_errorf(why, "ERR %s: %.*s", text,
                 (int)(what.len < 512 ? what.len : 512), what.data);
    return false;
}

static bool read_flag(slice name, unsigned *flags, struct reply *why)
{
    const size_t count = sizeof(flag_names) / sizeof(flag_names[0]);
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(name, slice_from_string(flag_names[i].name))) {
            *flags |= flag_names[i].flag;
            return true;
        }
    }
    return refuse(why, "Unexpected flag in script shebang", name);
}

/* Names with commas between them; of nothing at all there are none. */
static bool read_flags(slice names, unsigned *flags, struct reply *why)
{
    while (names.len > 0) {
        const char *comma = memchr(names.data, ',', names.len);
        size_t len = comma == NULL ? names.len : (size_t)(comma - names.data);
        if (!read_flag(slice_make(names.data, len), flags, why))
            return false;
        if (comma == NULL)
            return true;
        names = slice_make(comma + 1, names.len - len - 1);
        if (names.len == 0)
            return read_flag(names, flags, why);
    }
    return true;
}

bool shebang_read(slice body, unsigned *flags, size_t *len, struct reply *why)
{
    const slice option = SLICE_LITERAL("flags=");
    slice       line, word;
    *flags = SCRIPT_PLAIN;
    *len = 0;
    if (body.len < 2 || memcmp(body.data, "#!", 2) != 0)
        return true;
    const char *end = memchr(body.data, '\n', body.len);
    if (end == NULL) {
        reply_error(why, "ERR Invalid script shebang");
        return false;
    }
    *flags = 0;
    *len = (size_t)(end - body.data);
    line = slice_make(body.data, *len);
    bool found = next_word(&line, &word);
    ASSERT(found);
    if (!slice_equal(word, SLICE_LITERAL("#!lua")))
        return refuse(why, "Unexpected engine in script shebang", word);
    while (next_word(&line, &word)) {
        if (word.len < option.len ||
            memcmp(word.data, option.data, option.len) != 0)
            return refuse(why, "Unknown lua shebang option", word);
        if (!read_flags(slice_make(word.data + option.len,
                                   word.len - option.len), flags, why))
            return false;
    }
    return true;
}
