/* test_options.c - files and command lines as people write them, and what they
 * are told when they err; and conf/diskstore.conf, which must document every
 * option in the table with its true default. Run from the top directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cmd/config.h"
#include "cmd/config_table.h"
#include "options.h"

#define CONF "conf/diskstore.conf"

struct fixture {
    char            directory[256];
    char            path[300];
    struct config   config;
    struct err_text why;
};

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof(*f));
    const char     *tmp = getenv("TMPDIR");

    (void)snprintf(f->directory, sizeof(f->directory), "%s/options.XXXXXX",
                   tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->directory));
    (void)snprintf(f->path, sizeof(f->path), "%s/x.conf", f->directory);
    config_init_defaults(&f->config);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    config_deinit(&f->config);
    (void)unlink(f->path);
    assert_int_equal(rmdir(f->directory), 0);
    mem_free(f);
    return 0;
}

static err_t parse(struct fixture *f, int argc, const char *const *argv)
{
    f->why.text[0] = 0;
    return options_parse(argc, (char **)(uintptr_t)argv, NULL, &f->config,
                         &f->why);
}

#define PARSE(f, ...)                                                          \
    parse((f), (int)(sizeof((const char *[]){ __VA_ARGS__ }) /                 \
                     sizeof(const char *)),                                    \
          (const char *const[]){ __VA_ARGS__ })

static void write_file(const struct fixture *f, slice text)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
}

/* The file is refused with "<path>:<rest>". */
static void expect_refused(struct fixture *f, const char *text,
                           const char *rest)
{
    char expected[600];

    write_file(f, slice_from_string(text));
    (void)snprintf(expected, sizeof(expected), "%s:%s", f->path, rest);
    assert_int_not_equal(PARSE(f, f->path), ERR_OK);
    assert_string_equal(f->why.text, expected);
}

/* --- the command line ---------------------------------------------------- */

static void test_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(parse(f, 0, NULL), ERR_OK);
    assert_int_equal(f->config.port, 6379);
}

static void test_command_line(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(PARSE(f, "--port", "6380", "--bind", "127.0.0.1", "-::1",
                           "--Requirepass", "two words", "--unixsocket", "",
                           "--client-output-buffer-limit", "normal 1mb 0 0",
                           "--client-output-buffer-limit", "pubsub", "2mb",
                           "0", "9", "--loglevel", "debug"),
                     ERR_OK);
    assert_int_equal(f->config.port, 6380);
    assert_string_equal(f->config.bind, "127.0.0.1 -::1");
    assert_string_equal(f->config.requirepass, "two words");
    assert_int_equal(f->config.client_output_limits[0].hard, 1 << 20);
    assert_int_equal(f->config.client_output_limits[2].hard, 2 << 20);
    assert_int_equal(f->config.client_output_limits[2].soft_seconds, 9);
    assert_int_equal(f->config.loglevel, LOG_DEBUG);
}

static void test_command_line_errors(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(PARSE(f, "--port", "99999"), ERR_INVALID);
    assert_string_equal(f->why.text, "--port '99999': argument must be between "
                                     "0 and 65535 inclusive");
    assert_int_equal(PARSE(f, "--port", "--loglevel", "debug"), ERR_INVALID);
    assert_string_equal(f->why.text, "--port: a value is missing");
    assert_int_equal(PARSE(f, "--port", "1", "x.conf"), ERR_INVALID);
    assert_string_equal(f->why.text,
                        "--port: one value is expected, not 2 words");
    assert_int_equal(PARSE(f, "--port=6380"), ERR_NOT_FOUND);
    assert_string_equal(f->why.text, "unknown option 'port=6380', did you mean "
                                     "'port'?");
    assert_int_equal(PARSE(f, "--diskstore-path", "x"), ERR_NOT_FOUND);
    assert_string_equal(f->why.text, "'diskstore-path' means nothing here: use "
                                     "ds-path");
    assert_int_equal(PARSE(f, "-p", "6380"), ERR_INVALID);
    assert_string_equal(f->why.text,
                        "'-p' is no option: they begin with --, and the "
                        "configuration file comes before them");
    assert_int_equal(PARSE(f, "--"), ERR_NOT_FOUND);
    assert_string_equal(f->why.text, "unknown option ''");
    assert_int_equal(PARSE(f, "--requirepass", "secret", "word"), ERR_INVALID);
    assert_null(strstr(f->why.text, "secret"));
}

static void test_too_many_words(void **state)
{
    struct fixture *f = *state;
    const char     *argv[200] = { "--bind" };

    for (int i = 1; i < 200; i++)
        argv[i] = "*";
    assert_int_equal(parse(f, 200, argv), ERR_INVALID);
    assert_string_equal(f->why.text, "--bind: more than 128 words");
}

/* --- files --------------------------------------------------------------- */

static void test_file(void **state)
{
    struct fixture *f = *state;

    write_file(f, SLICE_LITERAL("# a comment\n"
                                "\n"
                                "   \t\n"
                                "  # another\r\n"
                                "port 7000\r\n"
                                "port 7001\n"
                                "\tIO-Threads   3  \n"
                                "requirepass \"a \\\"b\\\" \\x41\"\n"
                                "unixsocket '/tmp/it\\'s'\n"
                                "bind 127.0.0.1 '-::1'\n"
                                "client-output-buffer-limit normal 1 2 3\n"
                                "client-output-buffer-limit \"slave 4 5 6\"\n"
                                "logfile \"\"\n"
                                "cache-flush-delay 250ms"));
    assert_int_equal(PARSE(f, f->path, "--io-threads", "0"), ERR_OK);
    assert_int_equal(f->config.port, 7001);
    assert_int_equal(f->config.io_threads, 0); /* the command line wins */
    assert_string_equal(f->config.requirepass, "a \"b\" A");
    assert_string_equal(f->config.unixsocket, "/tmp/it's");
    assert_string_equal(f->config.bind, "127.0.0.1 -::1");
    assert_int_equal(f->config.client_output_limits[0].soft, 2);
    assert_int_equal(f->config.client_output_limits[1].soft, 5);
    assert_int_equal(f->config.client_output_limits[2].soft, 8 << 20);
    assert_int_equal(f->config.cache_flush_delay_ms, 250);
}

static void test_empty_file(void **state)
{
    struct fixture *f = *state;

    write_file(f, SLICE_EMPTY);
    assert_int_equal(PARSE(f, f->path), ERR_OK);
    assert_int_equal(f->config.port, 6379);
}

static void test_file_errors(void **state)
{
    struct fixture *f = *state;

    expect_refused(f, "port 1\n\nprot 2\n",
                   "3: unknown option 'prot', did you mean 'port'?");
    expect_refused(f, "# x\nport 70000",
                   "2: port '70000': argument must be between 0 and 65535 "
                   "inclusive");
    expect_refused(f, "save 900\n", "1: save '900': Invalid save parameters");
    expect_refused(f, "appendonly yes\n",
                   "1: appendonly 'yes': argument must be 'no': changes reach "
                   "the disk after cache-flush-delay, see ds-fsync too");
    expect_refused(f, "replicaof a 1\n",
                   "1: 'replicaof' means nothing here: there is no replication "
                   "yet");
    expect_refused(f, "port\n", "1: port: a value is missing");
    expect_refused(f, "port 6380 # mine\n",
                   "1: port: one value is expected, not 3 words (a comment "
                   "needs a line of its own)");
    expect_refused(f, "port 6380\nlogfile \"x\n",
                   "2: quotes that don't match, or more than 128 words");
    expect_refused(f, "requirepass \"secret\" word\n",
                   "1: requirepass: one value is expected, not 2 words");
    expect_refused(f, "loglevel loud\n",
                   "1: loglevel 'loud': argument(s) must be one of the "
                   "following: debug, verbose, notice, warning, nothing");
}

/* Redis writes this line into every file that it rewrites. */
static void test_the_default_user(void **state)
{
    struct fixture *f = *state;

    write_file(f, SLICE_LITERAL(
                      "user default on nopass ~* &* +@all\n"
                      "user default on nopass sanitize-payload ~* &* +@all\n"
                      "timeout 3\n"));
    assert_int_equal(PARSE(f, f->path), ERR_OK);
    assert_int_equal(f->config.timeout, 3);
    static const char *const others[] = {
        "user default on #abc ~* &* +@all\n", "user default on ~* &* +@all\n",
        "user bob on nopass ~* &* +@all\n", "user default off nopass\n",
        "user default on nopass ~a* &* +@all\n", "user\n",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        expect_refused(f, others[i],
                       "1: 'user' means nothing here: there are no ACLs yet, "
                       "use requirepass");
}

static void test_secret_stays_secret(void **state)
{
    struct fixture *f = *state;
    static char     line[CONFIG_VALUE_MAX + 100] = "requirepass ";

    memset(line + strlen(line), 's', CONFIG_VALUE_MAX + 1);
    expect_refused(f, line,
                   "1: requirepass: argument must not be longer than 4096 "
                   "bytes");
}

static void test_no_configuration_file(void **state)
{
    struct fixture *f = *state;
    static char     large[1024 * 1024 + 1];
    char            expected[600];

    assert_int_equal(PARSE(f, f->path), ERR_IO);
    (void)snprintf(expected, sizeof(expected),
                   "can't open %s: No such file or directory", f->path);
    assert_string_equal(f->why.text, expected);

    assert_int_equal(PARSE(f, f->directory), ERR_IO);
    (void)snprintf(expected, sizeof(expected), "can't read %s: Is a directory",
                   f->directory);
    assert_string_equal(f->why.text, expected);

    write_file(f, SLICE_LITERAL("port 1\nport\0 2\n"));
    assert_int_equal(PARSE(f, f->path), ERR_INVALID);
    assert_non_null(strstr(f->why.text, ":2: a zero byte"));

    memset(large, '\n', sizeof(large));
    write_file(f, slice_make(large, sizeof(large)));
    assert_int_equal(PARSE(f, f->path), ERR_LIMIT);
    write_file(f, slice_make(large, sizeof(large) - 1));
    assert_int_equal(PARSE(f, f->path), ERR_OK);
}

static void test_standard_input(void **state)
{
    struct fixture *f = *state;

    write_file(f, SLICE_LITERAL("port 7003\nbogus 1\n"));
    assert_non_null(freopen(f->path, "r", stdin));
    assert_int_equal(PARSE(f, "-", "--port", "1"), ERR_NOT_FOUND);
    assert_string_equal(f->why.text,
                        "standard input:2: unknown option 'bogus'");
    assert_int_equal(f->config.port, 7003);
}

/* --- the environment ------------------------------------------------------ */

static err_t parse_with(struct fixture *f, const char *const *environment,
                        int argc, const char *const *argv)
{
    f->why.text[0] = 0;
    return options_parse(argc, (char **)(uintptr_t)argv,
                         (char *const *)(uintptr_t)environment, &f->config,
                         &f->why);
}

#define WITH(f, environment, ...)                                              \
    parse_with((f), (environment),                                             \
               (int)(sizeof((const char *[]){ __VA_ARGS__ }) /                 \
                     sizeof(const char *)),                                    \
               (const char *const[]){ __VA_ARGS__ })

static void test_environment(void **state)
{
    struct fixture          *f = *state;
    static const char *const environment[] = {
        "PATH=/bin",
        "DISKSTORE_HZ=20",
        "DISKSTORE_CACHE_MAX_MEMORY=64mb",
        "DISKSTORE_TIMEOUT=7",
        "DISKSTORE_BIND=127.0.0.1 \"-::1\"",
        "DISKSTORE_REQUIREPASS='two words'",
        "DISKSTORE_MAXCLIENTS=", /* as good as not set */
        "DISKSTORE_PORT=tcp://10.0.0.1:6379",
        "DISKSTORE_PORT_6379_TCP=tcp://10.0.0.1:6379",
        "DISKSTORE_NOSUCH=1",
        "DISKSTORE_RENAME_COMMAND=SAVE ''",
        "DISKSTORE_SAVE=900 1",
        NULL,
    };

    write_file(f, SLICE_LITERAL("hz 30\ntimeout 8\nmaxclients 9\nport 7000\n"));
    assert_int_equal(WITH(f, environment, f->path, "--timeout", "6"), ERR_OK);
    assert_int_equal(f->config.hz, 20);     /* over the file */
    assert_int_equal(f->config.timeout, 6); /* the command line over both */
    assert_int_equal(f->config.maxclients, 9);
    assert_int_equal(f->config.port, 7000);
    assert_int_equal(f->config.cache_max_memory, 64 << 20);
    assert_string_equal(f->config.bind, "127.0.0.1 -::1");
    assert_string_equal(f->config.requirepass, "two words");
    assert_int_equal(f->config.rename_count, 1);
    assert_string_equal(f->config.note,
                        "no option, in the environment: DISKSTORE_NOSUCH");
}

static void test_environment_errors(void **state)
{
    struct fixture          *f = *state;
    static const char *const number[] = { "DISKSTORE_PORT=x", NULL };
    static const char *const secret[] = { "DISKSTORE_REQUIREPASS=hush 1",
                                          NULL };
    static const char *const quotes[] = { "DISKSTORE_BIND=\"a", NULL };
    static const char *const foreign[] = { "DISKSTORE_REPLICAOF=a 1", NULL };

    assert_int_equal(parse_with(f, number, 0, NULL), ERR_INVALID);
    assert_string_equal(f->why.text, "DISKSTORE_PORT: port 'x': argument "
                                     "couldn't be parsed into an integer");
    assert_int_equal(parse_with(f, secret, 0, NULL), ERR_INVALID);
    assert_null(strstr(f->why.text, "hush"));
    assert_int_equal(parse_with(f, quotes, 0, NULL), ERR_INVALID);
    assert_string_equal(f->why.text, "DISKSTORE_BIND: quotes that don't match, "
                                     "or more than 128 words");
    assert_int_equal(parse_with(f, foreign, 0, NULL), ERR_NOT_FOUND);
    assert_string_equal(f->why.text,
                        "DISKSTORE_REPLICAOF: 'replicaof' means nothing here: "
                        "there is no replication yet");
}

/* --- include, rename-command, dir ----------------------------------------- */

/* Writes DIRECTORY/name, and gives its path. */
static const char *write_beside(const struct fixture *f, const char *name,
                                const char *text)
{
    static char path[600];
    (void)snprintf(path, sizeof(path), "%s/%s", f->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void remove_beside(const struct fixture *f, const char *name)
{
    char path[600];
    (void)snprintf(path, sizeof(path), "%s/%s", f->directory, name);
    assert_int_equal(unlink(path), 0);
}

static void test_include(void **state)
{
    struct fixture *f = *state;
    char            text[2000];

    write_beside(f, "b1.inc", "timeout 1\nhz 21\n");
    write_beside(f, "b2.inc", "timeout 2\n");
    write_beside(f, "a.inc", "maxclients 5\nnosuch 1\n");
    (void)snprintf(text, sizeof(text),
                   "hz 20\ntimeout 9\ninclude %s/b*.inc\ninclude %s/c*.inc\n"
                   "hz 22\n",
                   f->directory, f->directory);
    write_file(f, slice_from_string(text));
    assert_int_equal(PARSE(f, f->path), ERR_OK);
    assert_int_equal(f->config.timeout, 2);
    assert_int_equal(f->config.hz, 22);
    char *absolute = realpath(f->path, NULL);
    assert_string_equal(f->config.file, absolute); /* not one of the others */
    free(absolute);

    (void)snprintf(text, sizeof(text), "%s/a.inc", f->directory);
    assert_int_equal(PARSE(f, "--include", text), ERR_NOT_FOUND);
    (void)snprintf(text, sizeof(text), "%s/a.inc:2: unknown option 'nosuch'",
                   f->directory);
    assert_string_equal(f->why.text, text);
    assert_int_equal(PARSE(f, "--include", "/no/such/file"), ERR_IO);
    assert_string_equal(f->why.text,
                        "can't open /no/such/file: No such file or directory");
    assert_int_equal(PARSE(f, "--include", "a", "b"), ERR_INVALID);
    assert_string_equal(f->why.text,
                        "--include: one file or pattern is expected");
    (void)snprintf(text, sizeof(text), "include %s\n", f->path);
    write_file(f, slice_from_string(text)); /* itself */
    assert_int_equal(PARSE(f, f->path), ERR_INVALID);
    assert_non_null(strstr(f->why.text, "more than 16 files"));
    remove_beside(f, "b1.inc");
    remove_beside(f, "b2.inc");
    remove_beside(f, "a.inc");
}

static void test_rename_command(void **state)
{
    struct fixture *f = *state;

    write_file(f, SLICE_LITERAL("rename-command GET Fetch\n"
                                "RENAME-command save \"\"\n"));
    assert_int_equal(PARSE(f, f->path, "--rename-command", "set", "put"),
                     ERR_OK);
    assert_int_equal(f->config.rename_count, 3);
    assert_string_equal(f->config.renames[0].to, "fetch");
    assert_string_equal(f->config.renames[1].to, "");
    assert_string_equal(f->config.renames[2].from, "set");
    expect_refused(f, "rename-command nosuch x\n",
                   "1: rename-command: there is no command 'nosuch'");
    config_deinit(&f->config);
    config_init_defaults(&f->config);
    expect_refused(f, "rename-command get\n",
                   "1: rename-command 'get': two words are expected, the name "
                   "and the new one");
}

static void test_directory(void **state)
{
    struct fixture *f = *state;
    char            before[4096], expected[4096];

    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(PARSE(f, "--port", "1"), ERR_OK);
    assert_string_equal(f->config.dir, before);
    write_beside(f, "rest.inc", "timeout 3\n");
    char *absolute = realpath(f->directory, NULL);
    assert_int_equal(PARSE(f, "--dir", f->directory, "--include", "rest.inc"),
                     ERR_OK);
    assert_string_equal(f->config.dir, absolute);
    assert_int_equal(f->config.timeout, 3);
    assert_non_null(getcwd(expected, sizeof(expected)));
    assert_string_equal(expected, absolute);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(PARSE(f, "--dir", "/no/such"), ERR_INVALID);
    assert_string_equal(f->why.text,
                        "--dir '/no/such': No such file or directory");
    free(absolute);
    remove_beside(f, "rest.inc");
}

/* --- conf/diskstore.conf ------------------------------------------------- */

/* What stands above and at an option's first line. */
struct paragraph {
    char text[8192]; /* the comment above, with one blank for "\n# " */
    int  lines;      /* that set the option */
};

/* A value as the file's comments write it: an empty one is "". */
static const char *shown(const char *value)
{
    return value[0] != 0 ? value : "\"\"";
}

static bool sets_option(const char *line, const char *name)
{
    size_t len = strlen(name);
    return strncmp(line, name, len) == 0 && line[len] == ' ';
}

/* Collects the comment lines that stand right above the option. */
static void read_paragraph(const char *name, struct paragraph *out)
{
    FILE  *file = fopen(CONF, "r");
    char   line[512];
    char   text[sizeof(out->text)] = "";

    assert_non_null(file);
    *out = (struct paragraph){ .lines = 0 };
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        assert_in_range(strlen(line), 0, 80);
        if (sets_option(line, name)) {
            if (out->lines++ == 0)
                memcpy(out->text, text, sizeof(text));
        } else if (line[0] == '#' && strlen(text) < sizeof(text) / 2) {
            size_t len = strlen(text);
            (void)snprintf(text + len, sizeof(text) - len, "%s   ",
                           line[1] == ' ' ? line + 2 : line + 1);
        } else {
            text[0] = 0;
        }
    }
    assert_int_equal(fclose(file), 0);
}

static void expect_field(const struct config_option *option,
                         const struct paragraph *paragraph, const char *label,
                         const char *value)
{
    char field[256];

    (void)snprintf(field, sizeof(field), "   %s: %s   ", label, value);
    if (strstr(paragraph->text, field) == NULL)
        fail_msg("%s does not say \"%s: %s\" of %s", CONF, label, value,
                 option->name);
}

static void test_conf_documents_every_option(void **state)
{
    static struct paragraph paragraph;
    (void)state;

    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];
        int lines = option->type == CONFIG_OUTPUT_LIMITS ? 3 : 1;

        read_paragraph(option->name, &paragraph);
        if (paragraph.lines != lines)
            fail_msg("%s sets %s %d times, not %d", CONF, option->name,
                     paragraph.lines, lines);
        expect_field(option, &paragraph, "Default",
                     shown(option->default_text));
        if (option->unit[0] != 0)
            expect_field(option, &paragraph, "Unit", option->unit);
        expect_field(option, &paragraph, "CONFIG SET",
                     option->flags & CONFIG_MUTABLE ? "yes" : "no");
        if (strlen(paragraph.text) < 100)
            fail_msg("%s says too little about %s", CONF, option->name);
    }
}

static void test_conf_sets_the_defaults(void **state)
{
    struct fixture *f = *state;
    struct config   defaults;

    err_t err = PARSE(f, CONF);
    if (err)
        fail_msg("%s", f->why.text);
    config_init_defaults(&defaults);
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];
        struct buf ours, theirs;

        buf_init(&ours, CONFIG_VALUE_MAX);
        buf_init(&theirs, CONFIG_VALUE_MAX);
        config_format(option, &defaults, &ours);
        config_format(option, &f->config, &theirs);
        bool same = slice_equal(buf_slice(&ours), buf_slice(&theirs)) ||
                    strcmp(option->name, "dir") == 0; /* it is absolute */
        if (same != (strcmp(option->name, "bind") != 0))
            fail_msg("%s: %s is not at its default", CONF, option->name);
        buf_deinit(&ours);
        buf_deinit(&theirs);
    }
    assert_string_equal(f->config.bind, "127.0.0.1 -::1");
    config_deinit(&defaults);
}

/* The test above would not see a line that the file has and the table hasn't:
 * parsing does. Here: each line's option stands in the table's spelling. */
static void test_conf_spells_names_as_the_table(void **state)
{
    FILE *file = fopen(CONF, "r");
    char  line[512];
    (void)state;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        slice name = slice_make(line, strcspn(line, " "));
        const struct config_option *option = config_option_find(name);
        assert_non_null(option);
        assert_true(slice_equal(name, slice_from_string(option->name)));
    }
    assert_int_equal(fclose(file), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing),
        TEST(test_command_line),
        TEST(test_command_line_errors),
        TEST(test_too_many_words),
        TEST(test_file),
        TEST(test_empty_file),
        TEST(test_file_errors),
        TEST(test_the_default_user),
        TEST(test_secret_stays_secret),
        TEST(test_no_configuration_file),
        TEST(test_standard_input),
        TEST(test_environment),
        TEST(test_environment_errors),
        TEST(test_include),
        TEST(test_rename_command),
        TEST(test_directory),
        TEST(test_conf_documents_every_option),
        TEST(test_conf_sets_the_defaults),
        TEST(test_conf_spells_names_as_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
