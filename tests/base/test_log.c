/* test_log.c - lines as Redis writes them, whole also with several threads. */
#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit.h"

struct files {
    char dir[256];
    char path[300];
};

/* Setup and teardown, so that nothing is left behind by a test that fails. */
static int files_setup(void **state)
{
    struct files *files = mem_calloc(1, sizeof(*files));
    const char   *base = getenv("TMPDIR");

    *state = files;
    (void)snprintf(files->dir, sizeof(files->dir), "%s/test_log.XXXXXX",
                   base ? base : "/tmp");
    if (mkdtemp(files->dir) == NULL)
        return -1;
    (void)snprintf(files->path, sizeof(files->path), "%s/log", files->dir);
    return 0;
}

static int files_teardown(void **state)
{
    struct files *files = *state;

    (void)unlink(files->path);
    int failed = rmdir(files->dir);
    mem_free(files);
    return failed;
}

/* The whole file with a NUL after it; the caller frees. */
static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *text = mem_alloc(size + 1);
    assert_int_equal(fread(text, 1, size, file), size);
    text[size] = '\0';
    (void)fclose(file);
    return text;
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t regex;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&regex, text, 0, NULL, 0) != 0)
        fail_msg("\"%s\" does not match %s", text, pattern);
    regfree(&regex);
}

#define HEAD                                                                   \
    "[0-9]+:M [0-3][0-9] [A-Z][a-z]{2} 20[0-9]{2} "                            \
    "[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3} "

static void a_line_is_as_in_redis(void **state)
{
    struct files *files = *state;
    struct log   *log;
    char          pid[32];

    assert_int_equal(log_new(files->path, LOG_DEBUG, &log, NULL), ERR_OK);
    LOG_DEBUG(log, "first %d", 1);
    log_write(log, LOG_VERBOSE, "second");
    log_write(log, LOG_NOTICE, "third");
    log_write(log, LOG_WARNING, "fourth");
    log_free(log);

    char *text = read_all(files->path);
    assert_matches(text, "^" HEAD "\\. first 1\n" HEAD "- second\n" HEAD
                         "\\* third\n" HEAD "# fourth\n$");
    int len = snprintf(pid, sizeof(pid), "%d:M ", (int)getpid());
    assert_memory_equal(text, pid, (size_t)len);
    mem_free(text);
}

static void levels_below_are_silent(void **state)
{
    struct files *files = *state;
    struct log   *log;
    int           evaluated = 0;

    assert_int_equal(log_new(files->path, LOG_NOTICE, &log, NULL), ERR_OK);
    log_write(log, LOG_VERBOSE, "no");
    LOG_DEBUG(log, "no %d", ++evaluated);
    assert_int_equal(evaluated, 0);
    log_write(log, LOG_NOTICE, "yes");
    log_set_level(log, LOG_NOTHING);
    log_write(log, LOG_WARNING, "no");
    assert_false(log_enabled(log, LOG_WARNING));
    assert_false(log_enabled(log, LOG_NOTHING));
    log_set_level(log, LOG_DEBUG);
    assert_true(log_enabled(log, LOG_DEBUG));
    assert_false(log_enabled(log, LOG_NOTHING));
    LOG_DEBUG(log, "yes");
    log_free(log);

    char *text = read_all(files->path);
    assert_matches(text, "^[^\n]* \\* yes\n[^\n]* \\. yes\n$");
    mem_free(text);
}

static void no_log_is_fine(void **state)
{
    (void)state;
    log_write(NULL, LOG_WARNING, "nobody hears");
    LOG_DEBUG(NULL, "nobody hears");
    assert_false(log_enabled(NULL, LOG_WARNING));
    log_free(NULL);
}

static void a_message_is_one_line(void **state)
{
    struct files *files = *state;
    struct log   *log;
    char          word[3000];

    memset(word, 'w', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    assert_int_equal(log_new(files->path, LOG_DEBUG, &log, NULL), ERR_OK);
    log_write(log, LOG_NOTICE, "a\nb\r\tc\x1b[d\x7f\xc3\xa4");
    log_write(log, LOG_NOTICE, "%s", word);
    log_free(log);

    char *text = read_all(files->path);
    assert_non_null(strstr(text, "* a b  c [d \xc3\xa4\n"));
    char *second = strchr(text, '\n') + 1;
    assert_int_equal(strlen(second), 1024);
    assert_int_equal(second[1023], '\n');
    assert_int_equal(second[1022], 'w');
    mem_free(text);
}

static void an_existing_file_is_appended_to(void **state)
{
    struct files *files = *state;
    struct log   *log;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(log_new(files->path, LOG_DEBUG, &log, NULL), ERR_OK);
        log_write(log, LOG_NOTICE, "start %d", i);
        log_free(log);
    }
    char *text = read_all(files->path);
    assert_matches(text, "^[^\n]*start 0\n[^\n]*start 1\n$");
    mem_free(text);
}

static void a_path_that_cannot_be_opened_is_an_error(void **state)
{
    struct err_text why = { "" };
    struct log     *log = NULL;

    (void)state;
    assert_int_equal(log_new("/proc/no/such/log", LOG_DEBUG, &log, &why),
                     ERR_IO);
    assert_null(log);
    assert_non_null(strstr(why.text, "/proc/no/such/log: No such file"));
}

static void no_path_is_stdout(void **state)
{
    struct files *files = *state;
    struct log   *log;

    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    int file = open(files->path, O_WRONLY | O_CREAT, 0600);
    assert_true(dup2(file, STDOUT_FILENO) >= 0);
    err_t err = log_new("", LOG_DEBUG, &log, NULL);
    if (!err) {
        log_write(log, LOG_NOTICE, "out");
        log_free(log);
    }
    bool still_open = fcntl(STDOUT_FILENO, F_GETFD) >= 0;
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    (void)close(saved);
    (void)close(file);

    assert_int_equal(err, ERR_OK);
    assert_true(still_open);
    char *text = read_all(files->path);
    assert_matches(text, "^" HEAD "\\* out\n$");
    mem_free(text);
}

#define THREADS 4
#define LINES   500

static void *write_lines(void *arg)
{
    char word[400];

    for (int i = 0; i < LINES; i++) {
        memset(word, 'a' + i % 26, sizeof(word) - 1);
        word[sizeof(word) - 1] = '\0';
        log_write(arg, LOG_NOTICE, "<%s>", word);
    }
    return NULL;
}

static void threads_do_not_mix_lines(void **state)
{
    struct files *files = *state;
    struct log   *log;
    pthread_t     threads[THREADS];
    int           lines = 0;

    assert_int_equal(log_new(files->path, LOG_DEBUG, &log, NULL), ERR_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, log),
                         0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    log_free(log);

    char *text = read_all(files->path);
    for (char *line = text; *line != '\0'; lines++) {
        char  *word = strchr(line, '<') + 1;
        char   same[] = { *word, '\0' };
        size_t len = strspn(word, same);
        assert_int_equal(len, 399);
        assert_memory_equal(word + len, ">\n", 2);
        line = word + len + 2;
    }
    assert_int_equal(lines, THREADS * LINES);
    mem_free(text);
}

static void keys_are_quoted_and_escaped(void **state)
{
    char out[LOG_KEY_CHARS];

    (void)state;
    assert_string_equal(log_key(SLICE_LITERAL("user:1"), out), "\"user:1\"");
    assert_string_equal(log_key(slice_make(NULL, 0), out), "\"\"");
    assert_string_equal(
        log_key(SLICE_LITERAL("a\0\n\r\t\a\b\"\\\x7f\xff"), out),
        "\"a\\x00\\n\\r\\t\\a\\b\\\"\\\\\\x7f\\xff\"");
    assert_ptr_equal(log_key(SLICE_EMPTY, out), out);
}

static void long_keys_are_cut_between_escapes(void **state)
{
    char key[200];
    char out[LOG_KEY_CHARS];

    (void)state;
    memset(key, 'k', sizeof(key));
    (void)log_key(slice_make(key, 60), out);
    assert_int_equal(strlen(out), 62);
    assert_int_equal(out[61], '"');
    (void)log_key(slice_make(key, 61), out);
    assert_int_equal(strlen(out), 65);
    assert_string_equal(out + 60, "k\"...");

    for (size_t len = 0; len <= sizeof(key); len++) {
        memset(key, 'k', sizeof(key));
        memset(key, 1, len);
        (void)log_key(slice_make(key, sizeof(key)), out);
        size_t shown = strlen(out);
        assert_in_range(shown, 62, 65);
        assert_string_equal(out + shown - 4, "\"...");
        if (len >= 15)
            assert_string_equal(out + shown - 8, "\\x01\"...");
    }
}

#define TEST_WITH_FILES(test)                                                  \
    cmocka_unit_test_setup_teardown(test, files_setup, files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_FILES(a_line_is_as_in_redis),
        TEST_WITH_FILES(levels_below_are_silent),
        cmocka_unit_test(no_log_is_fine),
        TEST_WITH_FILES(a_message_is_one_line),
        TEST_WITH_FILES(an_existing_file_is_appended_to),
        cmocka_unit_test(a_path_that_cannot_be_opened_is_an_error),
        TEST_WITH_FILES(no_path_is_stdout),
        TEST_WITH_FILES(threads_do_not_mix_lines),
        cmocka_unit_test(keys_are_quoted_and_escaped),
        cmocka_unit_test(long_keys_are_cut_between_escapes),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
