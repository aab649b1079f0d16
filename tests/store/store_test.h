/* store_test.h - what the store's tests share: directories that vanish,
 * numbered batches, the check that what is there is the first n of them.
 *
 * Batch i puts "last" -> i and some records of its own whose sizes differ, so
 * that a log holds records of one and of many fragments. */
#ifndef STORE_TEST_H
#define STORE_TEST_H

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/store.h"

#define PATH_CHARS 512

/* Like assert_int_equal, but outside cmocka's process too (a child that runs a
 * part of a test has no cmocka to report to). */
#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* --- directories --------------------------------------------------------- */

static inline char *path_join(char out[PATH_CHARS], const char *dir,
                              const char *name)
{
    CHECK((size_t)snprintf(out, PATH_CHARS, "%s/%s", dir, name) < PATH_CHARS);
    return out;
}

static inline char *temp_dir_new(char out[PATH_CHARS])
{
    const char *base = getenv("TMPDIR");

    path_join(out, base && *base ? base : "/tmp", "diskstore-test-XXXXXX");
    CHECK(mkdtemp(out) != NULL);
    return out;
}

/* Removes whatever is at path; nothing there is fine. */
static inline void path_remove(const char *path)
{
    DIR           *dir = opendir(path);
    struct dirent *file;
    char           inner[PATH_CHARS];

    if (dir == NULL) {
        unlink(path);
        return;
    }
    while ((file = readdir(dir)) != NULL)
        if (strcmp(file->d_name, ".") != 0 && strcmp(file->d_name, "..") != 0)
            path_remove(path_join(inner, path, file->d_name));
    closedir(dir);
    rmdir(path);
}

/* malloc'd contents, NUL added. */
static inline char *file_read(const char *path, size_t *len)
{
    struct stat status;
    int         fd = open(path, O_RDONLY | O_CLOEXEC);

    CHECK(fd >= 0);
    CHECK(fstat(fd, &status) == 0);
    char *data = mem_alloc((size_t)status.st_size + 1);
    *len = 0;
    while (*len < (size_t)status.st_size) {
        ssize_t n = read(fd, data + *len, (size_t)status.st_size - *len);
        CHECK(n > 0);
        *len += (size_t)n;
    }
    data[*len] = 0;
    close(fd);
    return data;
}

static inline void file_write(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)data + done, len - done);
        CHECK(n > 0);
        done += (size_t)n;
    }
    close(fd);
}

static inline void dir_copy(const char *from, const char *to)
{
    DIR           *dir = opendir(from);
    struct dirent *file;
    char           a[PATH_CHARS];
    char           b[PATH_CHARS];

    CHECK(dir != NULL);
    CHECK(mkdir(to, 0700) == 0);
    while ((file = readdir(dir)) != NULL) {
        if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0)
            continue;
        path_join(a, from, file->d_name);
        path_join(b, to, file->d_name);
        struct stat status;
        CHECK(lstat(a, &status) == 0);
        if (S_ISDIR(status.st_mode)) {
            dir_copy(a, b);
        } else {
            size_t len;
            char  *data = file_read(a, &len);
            file_write(b, data, len);
            mem_free(data);
        }
    }
    closedir(dir);
}

/* A number that changes with any name or byte below path. */
static inline uint64_t dir_digest(const char *path)
{
    struct hash_key key = { 1, 2 };
    DIR            *dir = opendir(path);
    struct dirent  *file;
    char            inner[PATH_CHARS];
    uint64_t        sum = 0;

    CHECK(dir != NULL);
    while ((file = readdir(dir)) != NULL) {
        if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0)
            continue;
        struct stat status;
        path_join(inner, path, file->d_name);
        CHECK(lstat(inner, &status) == 0);
        uint64_t name = hash_siphash13(key, slice_from_string(file->d_name));
        uint64_t body;
        if (S_ISDIR(status.st_mode)) {
            body = dir_digest(inner);
        } else {
            size_t len;
            char  *data = file_read(inner, &len);
            body = hash_siphash13(key, slice_make(data, len));
            mem_free(data);
        }
        sum += name * 3 + (body ^ name);
    }
    closedir(dir);
    return sum;
}

/* The log with the highest number under a store's path. */
static inline char *newest_log(char out[PATH_CHARS], const char *path)
{
    char           data[PATH_CHARS];
    char           best[64] = "";
    DIR           *dir = opendir(path_join(data, path, "data"));
    struct dirent *file;

    CHECK(dir != NULL);
    while ((file = readdir(dir)) != NULL) {
        size_t len = strlen(file->d_name);
        if (len > 4 && len < sizeof(best) &&
            strcmp(file->d_name + len - 4, ".log") == 0 &&
            strcmp(file->d_name, best) > 0)
            memcpy(best, file->d_name, len + 1);
    }
    closedir(dir);
    CHECK(best[0]);
    return path_join(out, data, best);
}

/* --- the store ----------------------------------------------------------- */

static inline struct store_options test_options(const char *path)
{
    return (struct store_options){ .path = path,
                                   .write_buffer_bytes = 4 << 20,
                                   .block_cache_bytes = 1 << 20 };
}

static inline struct store *test_open(const char *path)
{
    struct store_options options = test_options(path);
    struct store        *store = NULL;
    struct err_text      why = { "" };

    if (store_open_leveldb(&options, &store, &why) != ERR_OK) {
        fprintf(stderr, "cannot open %s: %s\n", path, why.text);
        abort();
    }
    return store;
}

static inline void batch_put_text(struct store_batch *batch, const char *key,
                                  const char *value)
{
    store_batch_put(batch, slice_from_string(key), slice_from_string(value));
}

static inline err_t put_text(struct store *store, const char *key,
                             const char *value, bool durable)
{
    struct store_batch *batch = store_batch_new();

    batch_put_text(batch, key, value);
    return store_write(store, batch, durable, NULL);
}

/* True if the record is there with this value; value NULL: if it is absent. */
static inline bool record_is(struct store *store, const char *key,
                             const char *value)
{
    struct store_get get;
    err_t            err = store_get_one(store, slice_from_string(key), &get);

    if (err == ERR_NOT_FOUND)
        return value == NULL;
    CHECK(err == ERR_OK);
    bool same = value && slice_equal(slice_make(get.value, get.value_len),
                                     slice_from_string(value));
    store_value_free(get.value);
    return same;
}

/* --- numbered batches ---------------------------------------------------- */

#define PARTS 3

static inline size_t part_len(unsigned number, unsigned part)
{
    static const size_t sizes[] = { 3, 90, 900, 9000, 40000, 17, 70000, 500 };
    return sizes[(number * 5 + part * 3) % 8] + number % 11;
}

static inline char *part_key(unsigned number, unsigned part, char out[32])
{
    snprintf(out, 32, "part/%06u/%u", number, part);
    return out;
}

/* malloc'd */
static inline char *part_value(unsigned number, unsigned part)
{
    size_t   len = part_len(number, part);
    char    *value = mem_alloc(len);
    uint64_t state = number * 8191u + part + 1;

    for (size_t i = 0; i < len; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        value[i] = (char)(state >> 56);
    }
    return value;
}

static inline struct store_batch *numbered_batch(unsigned number)
{
    struct store_batch *batch = store_batch_new();
    char                key[32];
    char                text[16];

    snprintf(text, sizeof(text), "%u", number);
    batch_put_text(batch, "last", text);
    for (unsigned part = 0; part < PARTS; part++) {
        char *value = part_value(number, part);
        part_key(number, part, key);
        store_batch_put(batch, slice_from_string(key),
                        slice_make(value, part_len(number, part)));
        mem_free(value);
    }
    return batch;
}

static inline bool part_is_whole(struct store *store, unsigned number,
                                 unsigned part)
{
    struct store_get get;
    char             key[32];

    part_key(number, part, key);
    err_t err = store_get_one(store, slice_from_string(key), &get);
    if (err == ERR_NOT_FOUND)
        return false;
    CHECK(err == ERR_OK);
    char *value = part_value(number, part);
    CHECK(get.value_len == part_len(number, part));
    CHECK(memcmp(get.value, value, get.value_len) == 0);
    mem_free(value);
    store_value_free(get.value);
    return true;
}

/* How many batches are there. Checks that the store is a cut: the batches 1 to
 * n whole, of n+1 to total not a trace. */
static inline unsigned numbered_count(struct store *store, unsigned total)
{
    struct store_get get;
    int64_t          last = 0;

    err_t err = store_get_one(store, SLICE_LITERAL("last"), &get);
    CHECK(err == ERR_OK || err == ERR_NOT_FOUND);
    if (err == ERR_OK) {
        CHECK(num_parse_int64(slice_make(get.value, get.value_len), &last));
        store_value_free(get.value);
    }
    for (unsigned number = 1; number <= total; number++)
        for (unsigned part = 0; part < PARTS; part++)
            CHECK(part_is_whole(store, number, part) == (number <= last));
    return (unsigned)last;
}

/* --- threads ------------------------------------------------------------- */

static inline pthread_t thread_start(void *(*body)(void *), void *arg)
{
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, body, arg) == 0);
    return thread;
}

/* --- children ------------------------------------------------------------ */

/* Starts this test program again as `program role arg1 arg2`: LevelDB's
 * threads don't survive a fork, so a child must begin afresh. Its stdout is
 * given back to read from when out_fd is not NULL. */
static inline pid_t child_start(const char *role, const char *arg1,
                                const char *arg2, int *out_fd)
{
    int pipe_fds[2] = { -1, -1 };

    if (out_fd)
        CHECK(pipe2(pipe_fds, O_CLOEXEC) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (out_fd)
            dup2(pipe_fds[1], STDOUT_FILENO);
        execl("/proc/self/exe", "test", role, arg1, arg2, (char *)NULL);
        _exit(127);
    }
    if (out_fd) {
        close(pipe_fds[1]);
        *out_fd = pipe_fds[0];
    }
    return pid;
}

static inline int child_wait(pid_t pid)
{
    int status;

    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static inline void child_run(const char *role, const char *arg1,
                             const char *arg2)
{
    int status = child_wait(child_start(role, arg1, arg2, NULL));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#endif
