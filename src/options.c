/* options.c - turns a file or a command line into calls of config_set_words.
 *
 * Lines are split into words as Redis splits its own (resp_split_line), so
 * quotes and escapes mean the same. A file is read whole before anything is
 * made of it: it is small, and a pipe can be read only once.
 *
 * Not here: include, and options from the environment. */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "resp/request.h"

#define FILE_MAX_BYTES ((size_t)1024 * 1024)
#define WORDS_MAX      128 /* on a line, and behind one option */

/* Where an option stands: "redis.conf:12: " or "--". */
struct place {
    const char *file; /* NULL: the command line */
    int         line;
};

/* Says what is wrong with an option, where it stands. An unknown name is the
 * whole story; with a bad value it helps to see which, unless it is secret. */
static err_t explain(const struct place *place, err_t err, slice name,
                     const slice *words, size_t count,
                     const struct err_text *reason, struct err_text *why)
{
    char where[160] = "", value[64] = "";

    if (place->file != NULL)
        (void)snprintf(where, sizeof(where), "%.120s:%d: ", place->file,
                       place->line);
    if (err == ERR_NOT_FOUND)
        return err_set(why, err, "%s%s", where, reason->text);
    if (count == 1 && !config_is_secret(name))
        (void)snprintf(value, sizeof(value), " '%.*s'",
                       words[0].len < 40 ? (int)words[0].len : 40,
                       words[0].data);
    return err_set(why, err, "%s%s%.*s%s: %s", where,
                   place->file != NULL ? "" : "--", (int)name.len, name.data,
                   value, reason->text);
}

static err_t set_option(const struct place *place, struct config *config,
                        slice name, const slice *words, size_t count,
                        struct err_text *why)
{
    struct err_text reason = { "" };

    err_t err = config_set_words(config, name, words, count, &reason);
    if (err)
        return explain(place, err, name, words, count, &reason, why);
    return ERR_OK;
}

/* --- the file ------------------------------------------------------------ */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static slice trim(slice line)
{
    while (line.len > 0 && is_blank(line.data[0]))
        line = slice_make(line.data + 1, line.len - 1);
    while (line.len > 0 && is_blank(line.data[line.len - 1]))
        line.len--;
    return line;
}

static err_t set_line(const struct place *place, struct config *config,
                      slice line, struct err_text *why)
{
    struct resp_arg args[WORDS_MAX];
    slice           words[WORDS_MAX];
    char           *text;
    err_t           err;

    line = trim(line);
    if (line.len == 0 || line.data[0] == '#')
        return ERR_OK;
    if (memchr(line.data, 0, line.len) != NULL)
        return err_set(why, ERR_INVALID,
                       "%.120s:%d: a zero byte: is this a configuration file?",
                       place->file, place->line);
    text = mem_alloc(line.len);
    int count = resp_split_line(line, text, args, WORDS_MAX);
    if (count < 1) {
        err = err_set(why, ERR_INVALID,
                      "%.120s:%d: quotes that don't match, or more than %d "
                      "words",
                      place->file, place->line, WORDS_MAX);
    } else {
        for (int i = 0; i < count; i++)
            words[i] = slice_make(text + args[i].offset, args[i].len);
        err = set_option(place, config, words[0], words + 1,
                         (size_t)count - 1, why);
    }
    mem_free(text);
    return err;
}

static err_t set_lines(const char *file, struct config *config, slice text,
                       struct err_text *why)
{
    struct place place = { .file = file };

    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t      len = end != NULL ? (size_t)(end - text.data) : text.len;
        size_t      used = end != NULL ? len + 1 : len;

        place.line++;
        err_t err = set_line(&place, config, slice_make(text.data, len), why);
        if (err)
            return err;
        text = slice_make(text.data + used, text.len - used);
    }
    return ERR_OK;
}

static err_t read_all(const char *name, FILE *file, struct buf *out,
                      struct err_text *why)
{
    char   chunk[4096];
    size_t len;

    errno = 0;
    while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
        if (buf_append(out, chunk, len))
            return err_set(why, ERR_LIMIT,
                           "%.120s: longer than %zu bytes: is this a "
                           "configuration file?",
                           name, FILE_MAX_BYTES);
    if (ferror(file))
        return err_set(why, ERR_IO, "can't read %.120s: %s", name,
                       strerror(errno));
    return ERR_OK;
}

static err_t set_file(const char *path, struct config *config,
                      struct err_text *why)
{
    bool        is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    FILE       *file = is_stdin ? stdin : fopen(path, "re");
    struct buf  text;

    if (file == NULL)
        return err_set(why, ERR_IO, "can't open %.120s: %s", path,
                       strerror(errno));
    buf_init(&text, FILE_MAX_BYTES);
    err_t err = read_all(name, file, &text, why);
    if (!err)
        err = set_lines(name, config, buf_slice(&text), why);
    buf_deinit(&text);
    if (!is_stdin)
        (void)fclose(file); /* read only: nothing can be lost */
    return err;
}

/* --- the command line ---------------------------------------------------- */

static bool is_option(const char *word)
{
    return strncmp(word, "--", 2) == 0;
}

/* Sets the option at argv[0]; *used words belong to it. */
static err_t set_argument(int argc, char **argv, int *used,
                          struct config *config, struct err_text *why)
{
    struct place place = { .file = NULL };
    slice        words[WORDS_MAX];
    int          count = 0;

    if (!is_option(argv[0]))
        return err_set(why, ERR_INVALID,
                       "'%.80s' is no option: they begin with --, and the "
                       "configuration file comes before them",
                       argv[0]);
    while (count + 1 < argc && !is_option(argv[count + 1])) {
        if (count == WORDS_MAX)
            return err_set(why, ERR_INVALID, "%.80s: more than %d words",
                           argv[0], WORDS_MAX);
        words[count] = slice_from_string(argv[count + 1]);
        count++;
    }
    *used = count + 1;
    return set_option(&place, config, slice_from_string(argv[0] + 2), words,
                      (size_t)count, why);
}

err_t options_parse(int argc, char **argv, struct config *config,
                    struct err_text *why)
{
    int i = 0;

    if (argc > 0 && (argv[0][0] != '-' || strcmp(argv[0], "-") == 0)) {
        err_t err = set_file(argv[0], config, why);
        if (err)
            return err;
        i = 1;
    }
    while (i < argc) {
        int   used = 0;
        err_t err = set_argument(argc - i, argv + i, &used, config, why);
        if (err)
            return err;
        i += used;
    }
    return ERR_OK;
}
