/* options.c - turns files, variables and a command line into calls of
 * config_set_words.
 *
 * Lines are split into words as Redis splits its own (resp_split_line), so
 * quotes and escapes mean the same; a variable's value is split like the rest
 * of a line. A file is read whole before anything is made of it: it is small,
 * and a pipe can be read only once. */
#include "options.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/glob.h"
#include "base/mem.h"
#include "cmd/command.h"
#include "cmd/config_table.h"
#include "resp/request.h"

#define WORDS_MAX    128 /* on a line, and behind one option */
#define INCLUDES_MAX 16  /* files that include each other */

/* Where an option stands: "redis.conf:12: ", "DISKSTORE_PORT: " or "--". */
struct place {
    const char *file; /* NULL: not in a file */
    int         line;
    const char *variable; /* NULL: not in the environment */
    int         depth;    /* of includes */
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
    if (place->variable != NULL)
        (void)snprintf(where, sizeof(where), "%.120s: ", place->variable);
    if (err == ERR_NOT_FOUND)
        return err_set(why, err, "%s%s", where, reason->text);
    if (count == 1 && !config_is_secret(name))
        (void)snprintf(value, sizeof(value), " '%.*s'",
                       words[0].len < 40 ? (int)words[0].len : 40,
                       words[0].data);
    return err_set(why, err, "%s%s%.*s%s: %s", where,
                   where[0] != '\0' ? "" : "--", (int)name.len, name.data,
                   value, reason->text);
}

/* The same for a whole line. */
static err_t explain_line(const struct place *place,
                          const struct err_text *reason, struct err_text *why)
{
    if (place->variable != NULL)
        return err_set(why, ERR_INVALID, "%.120s: %s", place->variable,
                       reason->text);
    return err_set(why, ERR_INVALID, "%.120s:%d: %s", place->file, place->line,
                   reason->text);
}

static err_t include(const struct place *place, struct config *config,
                     const slice *words, size_t count, struct err_text *why);

static err_t rename_command(struct config *config, const slice *words,
                            size_t count, struct err_text *why)
{
    if (count != 2)
        return err_set(why, ERR_INVALID,
                       "two words are expected, the name and the new one");
    err_t err = config_add_rename(config, words[0], words[1], why);
    return err ? err : command_check_renames(config, why);
}

static err_t change_directory(const struct config *config,
                              struct err_text *why)
{
    if (chdir(config->dir) == 0)
        return ERR_OK;
    return err_set(why, ERR_INVALID, "%s", strerror(errno));
}

/* What CONFIG REWRITE of Redis writes of its only user, who may do all without
 * a password: there is nothing that we would do otherwise. */
static bool is_default_user(slice name, const slice *words, size_t count)
{
    static const char *const usual[] = { "on", "nopass", "sanitize-payload",
                                         "~*", "&*",     "+@all" };
    bool nopass = false;

    if (!slice_equal_nocase(name, "user") || count == 0 ||
        !slice_equal(words[0], slice_from_string("default")))
        return false;
    for (size_t i = 1; i < count; i++) {
        size_t known = 0, most = sizeof(usual) / sizeof(usual[0]);
        while (known < most &&
               !slice_equal(words[i], slice_from_string(usual[known])))
            known++;
        if (known == most)
            return false;
        nopass |= known == 1;
    }
    return nopass;
}

static err_t set_option(const struct place *place, struct config *config,
                        slice name, const slice *words, size_t count,
                        struct err_text *why)
{
    struct err_text reason = { "" };
    err_t           err;

    if (slice_equal_nocase(name, "include"))
        return include(place, config, words, count, why);
    if (is_default_user(name, words, count))
        return ERR_OK;
    if (slice_equal_nocase(name, "rename-command"))
        err = rename_command(config, words, count, &reason);
    else
        err = config_set_words(config, name, words, count, &reason);
    if (!err && slice_equal_nocase(name, "dir"))
        err = change_directory(config, &reason);
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

/* Splits text into words. With an empty name the first one is it. */
static err_t set_split(const struct place *place, struct config *config,
                       slice name, slice text, struct err_text *why)
{
    struct resp_arg args[WORDS_MAX];
    slice           all[WORDS_MAX], *words = all;
    char           *copy = mem_alloc(text.len);
    struct err_text reason = { "" };

    int count = resp_split_line(text, copy, args, WORDS_MAX);
    for (int i = 0; i < count; i++)
        all[i] = slice_make(copy + args[i].offset, args[i].len);
    if (name.len == 0 && count >= 1) {
        name = all[0];
        words++;
        count--;
    } else if (count < 0) {
        err_set(&reason, ERR_INVALID, "quotes that don't match, or more than "
                "%d words", WORDS_MAX);
    }
    err_t err =
        count < 0
            ? explain_line(place, &reason, why)
            : set_option(place, config, name, words, (size_t)count, why);
    mem_free(copy);
    return err;
}

static err_t set_line(const struct place *place, struct config *config,
                      slice line, struct err_text *why)
{
    line = trim(line);
    if (line.len == 0 || line.data[0] == '#')
        return ERR_OK;
    if (memchr(line.data, 0, line.len) != NULL)
        return err_set(why, ERR_INVALID,
                       "%.120s:%d: a zero byte: is this a configuration file?",
                       place->file, place->line);
    return set_split(place, config, SLICE_EMPTY, line, why);
}

static err_t set_lines(const char *file, int depth, struct config *config,
                       slice text, struct err_text *why)
{
    struct place place = { .file = file, .depth = depth };

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
                           name, CONFIG_FILE_MAX);
    if (ferror(file))
        return err_set(why, ERR_IO, "can't read %.120s: %s", name,
                       strerror(errno));
    return ERR_OK;
}

static err_t set_stream(const char *name, FILE *file, int depth,
                        struct config *config, struct err_text *why)
{
    struct buf text;

    buf_init(&text, CONFIG_FILE_MAX);
    err_t err = read_all(name, file, &text, why);
    if (!err)
        err = set_lines(name, depth, config, buf_slice(&text), why);
    buf_deinit(&text);
    return err;
}

static err_t set_file(const char *path, int depth, struct config *config,
                      struct err_text *why)
{
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return err_set(why, ERR_IO, "can't open %.120s: %s", path,
                       strerror(errno));
    err_t err = set_stream(path, file, depth, config, why);
    (void)fclose(file); /* read only: nothing can be lost */
    return err;
}

static err_t set_stdin(struct config *config, struct err_text *why)
{
    return set_stream("standard input", stdin, 0, config, why);
}

/* The file that CONFIG REWRITE writes: where it is, whatever `dir` says and
 * links point to. A pipe has no such place. */
static err_t set_main_file(const char *path, struct config *config,
                           struct err_text *why)
{
    char absolute[PATH_MAX];

    if (realpath(path, absolute) != NULL)
        config_set_origin(&config->file, absolute);
    return set_file(path, 0, config, why);
}

/* --- include -------------------------------------------------------------- */

/* A pattern that matches nothing is fine; a name without wildcards must be
 * there. glob(3) gives the files in order. */
static err_t include_pattern(const char *pattern, int depth,
                             struct config *config, struct err_text *why)
{
    glob_t found;
    err_t  err = ERR_OK;

    if (!glob_has_wildcard(slice_from_string(pattern)))
        return set_file(pattern, depth, config, why);
    int rc = glob(pattern, 0, NULL, &found);
    if (rc == GLOB_NOMATCH)
        return ERR_OK;
    if (rc != 0)
        return err_set(why, ERR_IO, "can't look for %.120s", pattern);
    for (size_t i = 0; i < found.gl_pathc && !err; i++)
        err = set_file(found.gl_pathv[i], depth, config, why);
    globfree(&found);
    return err;
}

/* Here and not in config: it is about files, and each has its own lines. */
static err_t include(const struct place *place, struct config *config,
                     const slice *words, size_t count, struct err_text *why)
{
    struct err_text reason = { "" };
    slice           name = slice_from_string("include");

    if (count != 1) {
        err_set(&reason, ERR_INVALID, "one file or pattern is expected");
        return explain(place, ERR_INVALID, name, words, count, &reason, why);
    }
    if (place->depth == INCLUDES_MAX) {
        err_set(&reason, ERR_INVALID, "more than %d files inside each other",
                INCLUDES_MAX);
        return explain(place, ERR_INVALID, name, words, count, &reason, why);
    }
    char *pattern = mem_alloc(words[0].len + 1);
    memcpy(pattern, words[0].data, words[0].len);
    pattern[words[0].len] = '\0';
    err_t err = include_pattern(pattern, place->depth + 1, config, why);
    mem_free(pattern);
    return err;
}

/* --- the environment ------------------------------------------------------ */

#define PREFIX "DISKSTORE_"

/* DISKSTORE_CACHE_MAX_MEMORY is cache-max-memory. False if it is too long. */
static bool option_of_variable(const char *variable, size_t len, char *out,
                               size_t size)
{
    if (len >= size)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = variable[i];
        out[i] = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    out[len] = '\0';
    return true;
}

static bool is_option_name(slice name)
{
    return config_option_find(name) != NULL ||
           config_foreign_find(name) != NULL ||
           slice_equal_nocase(name, "include") ||
           slice_equal_nocase(name, "rename-command");
}

/* For a service named diskstore Kubernetes sets DISKSTORE_PORT to a URL. */
static bool is_url(const char *value)
{
    return strncmp(value, "tcp://", 6) == 0 || strncmp(value, "udp://", 6) == 0;
}

static void note_unknown(struct config *config, const char *variable)
{
    char text[256];
    (void)snprintf(text, sizeof(text), "%.180s%s%.60s",
                   config->note[0] != '\0' ? config->note
                                           : "no option, in the environment: ",
                   config->note[0] != '\0' ? ", " : "", variable);
    config_set_origin(&config->note, text);
}

static err_t set_variable(const char *variable, size_t name_len,
                          struct config *config, struct err_text *why)
{
    const char *value = variable + name_len + 1;
    size_t      prefix_len = strlen(PREFIX), len = strlen(value);
    char        shown[128], option[64];
    struct place place = { .variable = shown };

    if (len == 0 || is_url(value)) /* as good as not set */
        return ERR_OK;
    (void)snprintf(shown, sizeof(shown), "%.*s", (int)name_len, variable);
    if (!option_of_variable(variable + prefix_len, name_len - prefix_len,
                            option, sizeof(option)) ||
        !is_option_name(slice_from_string(option))) {
        note_unknown(config, shown);
        return ERR_OK;
    }
    return set_split(&place, config, slice_from_string(option),
                     slice_make(value, len), why);
}

static err_t set_environment(char *const *environment, struct config *config,
                             struct err_text *why)
{
    err_t err = ERR_OK;

    for (; environment != NULL && *environment != NULL && !err; environment++) {
        const char *equals = strchr(*environment, '=');
        if (equals != NULL &&
            strncmp(*environment, PREFIX, strlen(PREFIX)) == 0)
            err = set_variable(*environment, (size_t)(equals - *environment),
                               config, why);
    }
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

static err_t set_arguments(int argc, char **argv, struct config *config,
                           struct err_text *why)
{
    int i = 0;

    while (i < argc) {
        int   used = 0;
        err_t err = set_argument(argc - i, argv + i, &used, config, why);
        if (err)
            return err;
        i += used;
    }
    return ERR_OK;
}

/* --- all of it ------------------------------------------------------------ */

static bool is_stdin(const char *word)
{
    return strcmp(word, "-") == 0;
}

static err_t note_directory(struct config *config, struct err_text *why)
{
    char path[PATH_MAX];

    if (getcwd(path, sizeof(path)) == NULL)
        return err_set(why, ERR_IO, "can't tell the working directory: %s",
                       strerror(errno));
    return config_set_text(config, slice_from_string("dir"),
                           slice_from_string(path), CONFIG_AT_START, why);
}

err_t options_parse(int argc, char **argv, char *const *environment,
                    struct config *config, struct err_text *why)
{
    bool  from_stdin = false;
    err_t err = ERR_OK;

    if (argc > 0 && argv[0][0] != '-') {
        err = set_main_file(argv[0], config, why);
        argv++;
        argc--;
    } else if (argc > 0 && is_stdin(argv[0])) {
        from_stdin = true;
        argv++;
        argc--;
    }
    if (argc > 0 && !from_stdin && is_stdin(argv[argc - 1])) {
        from_stdin = true;
        argc--;
    }
    if (!err && from_stdin)
        err = set_stdin(config, why);
    if (!err)
        err = set_environment(environment, config, why);
    if (!err)
        err = set_arguments(argc, argv, config, why);
    return err ? err : note_directory(config, why);
}
