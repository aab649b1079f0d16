/* docs_args.c - see docs_args.h. */
#include "cmd/docs_args.h"

#include "base/assert.h"

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Takes what stands before the next mark off the front. */
static slice take_word(slice *text, const char *marks)
{
    size_t len = 0;
    while (len < text->len && !is_one_of(text->data[len], marks))
        len++;
    slice word = slice_make(text->data, len);
    *text = slice_make(text->data + len, text->len - len);
    return word;
}

/* Up to the parenthesis that closes the one before text. */
static slice take_inner(slice *text)
{
    size_t len = 0, open = 1;
    for (;; len++) {
        ASSERT(len < text->len);
        open += text->data[len] == '(';
        open -= text->data[len] == ')';
        if (open == 0)
            break;
    }
    slice inner = slice_make(text->data, len);
    *text = slice_make(text->data + len + 1, text->len - len - 1);
    return inner;
}

static char take_char(slice *text)
{
    ASSERT(text->len > 0);
    char c = text->data[0];
    *text = slice_make(text->data + 1, text->len - 1);
    return c;
}

#define MARKS ":(=#?*+@!~ "

static void take_mark(slice *text, struct docs_arg *arg)
{
    char mark = take_char(text);
    switch (mark) {
    case ':':
        arg->type = take_char(text);
        break;
    case '(':
        arg->inner = take_inner(text);
        break;
    case '=':
        arg->token = take_word(text, MARKS);
        break;
    case '#':
        arg->key_spec = take_char(text) - '0';
        break;
    case '?':
        arg->flags |= DOCS_ARG_OPTIONAL;
        break;
    case '*':
        arg->flags |= DOCS_ARG_MULTIPLE;
        break;
    case '+':
        arg->flags |= DOCS_ARG_MULTIPLE_TOKEN;
        break;
    case '@':
        arg->since = take_word(text, MARKS);
        break;
    case '!':
        arg->deprecated = take_word(text, MARKS);
        break;
    default:
        ASSERT(mark == '~');
        arg->display = take_word(text, "(=#?*+@!~ "); /* may have a ':' */
    }
}

bool docs_arg_next(slice *text, struct docs_arg *out)
{
    if (text->len == 0)
        return false;
    *out = (struct docs_arg){ .type = 's', .key_spec = -1 };
    out->name = take_word(text, MARKS);
    ASSERT(out->name.len > 0);
    if (out->name.data[0] >= 'A' && out->name.data[0] <= 'Z') {
        out->type = 'x';
        out->token = out->name;
    }
    while (text->len > 0 && text->data[0] != ' ')
        take_mark(text, out);
    if (text->len > 0)
        (void)take_char(text);
    ASSERT((out->type == 'o' || out->type == 'b') == (out->inner.len > 0));
    return true;
}

size_t docs_arg_count(slice text)
{
    struct docs_arg arg;
    size_t          count = 0;
    while (docs_arg_next(&text, &arg))
        count++;
    return count;
}

const char *docs_arg_type(const struct docs_arg *arg)
{
    switch (arg->type) {
    case 's':
        return "string";
    case 'i':
        return "integer";
    case 'd':
        return "double";
    case 'k':
        return "key";
    case 'p':
        return "pattern";
    case 't':
        return "unix-time";
    case 'x':
        return "pure-token";
    case 'o':
        return "oneof";
    default:
        ASSERT(arg->type == 'b');
        return "block";
    }
}
