/* test_logsync.c - what is called durable survives power loss.
 *
 * This program's own fdatasync and fsync stand before the C library's, so every
 * sync that we (and LevelDB) make is seen: for each log we know how many of its
 * bytes have reached the disk. At each sync of a log, all older ones that still
 * exist must be whole already; after each durable write, all of them must be.
 *
 * Then the power fails: a copy of the store is made in which every log ends
 * where it was synced last, and must hold everything durable, and a cut. */
#include "store_test.h"

#include <pthread.h>
#include <sys/syscall.h>

#include "store/logsync.h"

#define LOGS_MAX 4096

/* What reached the disk. The tests' only global: fdatasync has no context. */
static struct {
    pthread_mutex_t mutex;
    char            data[PATH_CHARS]; /* logs in here are watched; "": none */
    uint64_t        synced[LOGS_MAX]; /* by log number */
    unsigned        log_syncs;
    unsigned        dir_syncs;
    unsigned        disorders; /* a log was synced before an older one */
} disk = { .mutex = PTHREAD_MUTEX_INITIALIZER };

/* The log's size, -1 when it is gone. */
static int64_t log_bytes(unsigned number)
{
    struct stat status;
    char        name[32];
    char        path[PATH_CHARS];

    snprintf(name, sizeof(name), "%06u.log", number);
    if (stat(path_join(path, disk.data, name), &status) != 0)
        return -1;
    return status.st_size;
}

/* With the mutex held: are all logs below this number whole on disk? */
static bool all_synced_below(unsigned number)
{
    for (unsigned older = 1; older < number; older++)
        if (log_bytes(older) > (int64_t)disk.synced[older])
            return false;
    return true;
}

static void note_sync(int fd)
{
    char        link[64];
    char        path[PATH_CHARS];
    struct stat status;
    unsigned    number;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    if (len < 0 || fstat(fd, &status) != 0)
        return;
    path[len] = 0;
    size_t data_len = strlen(disk.data);
    if (data_len == 0 || strncmp(path, disk.data, data_len) != 0)
        return;
    if (path[data_len] == 0) {
        disk.dir_syncs++;
    } else if (sscanf(path + data_len, "/%u.log", &number) == 1 &&
               strstr(path, ".log") && number < LOGS_MAX) {
        disk.log_syncs++;
        disk.disorders += !all_synced_below(number);
        disk.synced[number] = (uint64_t)status.st_size;
    }
}

int fdatasync(int fildes)
{
    pthread_mutex_lock(&disk.mutex);
    note_sync(fildes);
    pthread_mutex_unlock(&disk.mutex);
    return (int)syscall(SYS_fdatasync, fildes);
}

int fsync(int fd)
{
    pthread_mutex_lock(&disk.mutex);
    note_sync(fd);
    pthread_mutex_unlock(&disk.mutex);
    return (int)syscall(SYS_fsync, fd);
}

static void watch_disk(const char *data)
{
    pthread_mutex_lock(&disk.mutex);
    snprintf(disk.data, sizeof(disk.data), "%s", data);
    memset(disk.synced, 0, sizeof(disk.synced));
    disk.log_syncs = disk.dir_syncs = disk.disorders = 0;
    pthread_mutex_unlock(&disk.mutex);
}

static bool all_is_synced(void)
{
    pthread_mutex_lock(&disk.mutex);
    bool synced = all_synced_below(LOGS_MAX);
    pthread_mutex_unlock(&disk.mutex);
    return synced;
}

/* --- logsync itself, on files that only look like logs ------------------- */

struct place {
    char dir[PATH_CHARS];
    int  fd;
};

static int place_new(void **state)
{
    struct place *place = mem_calloc(1, sizeof(*place));

    temp_dir_new(place->dir);
    place->fd = open(place->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(place->fd >= 0);
    watch_disk(place->dir);
    *state = place;
    return 0;
}

static int place_free(void **state)
{
    struct place *place = *state;

    watch_disk("");
    close(place->fd);
    path_remove(place->dir);
    mem_free(place);
    return 0;
}

static void grow(struct place *place, const char *name, const char *text)
{
    char path[PATH_CHARS];
    int  fd = open(path_join(path, place->dir, name),
                   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void test_switches(void **state)
{
    struct place   *place = *state;
    struct logsync  sync;
    struct err_text why;
    char            path[PATH_CHARS];

    grow(place, "000009.log", "");
    assert_int_equal(logsync_init(&sync, place->fd, &why), ERR_OK);
    assert_int_equal(logsync_run(&sync, &why), ERR_OK);
    assert_int_equal(disk.dir_syncs, 1);
    assert_int_equal(disk.log_syncs, 0);

    grow(place, "000009.log", "one");
    assert_int_equal(logsync_written(&sync, &why), ERR_OK);
    assert_int_equal(logsync_run(&sync, &why), ERR_OK);
    assert_true(all_is_synced());
    assert_int_equal(disk.dir_syncs, 1); /* no new name in it */
    assert_int_equal(logsync_run(&sync, &why), ERR_OK);
    assert_int_equal(disk.log_syncs, 1); /* nothing new, nothing to do */

    grow(place, "000009.log", "two");
    assert_int_equal(logsync_written(&sync, &why), ERR_OK);
    grow(place, "000010.log", "three");
    assert_int_equal(logsync_written(&sync, &why), ERR_OK);
    grow(place, "000012.log", "four");
    assert_int_equal(logsync_written(&sync, &why), ERR_OK);
    unlink(path_join(path, place->dir, "000010.log")); /* in a table now */
    assert_int_equal(logsync_run(&sync, &why), ERR_OK);
    assert_true(all_is_synced());
    assert_int_equal(disk.dir_syncs, 2);
    assert_int_equal(disk.log_syncs, 3);
    assert_int_equal(disk.disorders, 0);
    logsync_deinit(&sync);
}

/* LevelDB switched once more behind the write that we look for. */
static void test_write_is_not_in_the_newest(void **state)
{
    struct place   *place = *state;
    struct logsync  sync;
    struct err_text why;

    grow(place, "000003.log", "");
    assert_int_equal(logsync_init(&sync, place->fd, &why), ERR_OK);
    grow(place, "000003.log", "a write");
    assert_int_equal(logsync_written(&sync, &why), ERR_OK);
    grow(place, "000005.log", "another write");
    grow(place, "000007.log", "");
    assert_int_equal(logsync_written(&sync, &why), ERR_OK);
    assert_int_equal(logsync_run(&sync, &why), ERR_OK);
    assert_true(all_is_synced());
    assert_int_equal(disk.disorders, 0);
    logsync_deinit(&sync);
}

static void test_no_log(void **state)
{
    struct place   *place = *state;
    struct logsync  sync;
    struct err_text why = { "" };

    assert_int_equal(logsync_init(&sync, place->fd, &why), ERR_IO);
    assert_true(why.text[0] != 0);
    logsync_deinit(&sync);
}

/* --- the store ----------------------------------------------------------- */

/* The power fails: each log ends where it was synced last. LevelDB must not be
 * at work meanwhile, so the store has been closed: what is in tables by now
 * only makes the logs shorter. */
static void power_loss_copy(const char *from, const char *to)
{
    char data[PATH_CHARS];
    char name[32];
    char path[PATH_CHARS];

    dir_copy(from, to);
    path_join(data, to, "data");
    for (unsigned number = 1; number < LOGS_MAX; number++) {
        if (log_bytes(number) < 0)
            continue;
        snprintf(name, sizeof(name), "%06u.log", number);
        assert_int_equal(
            truncate(path_join(path, data, name), (off_t)disk.synced[number]),
            0);
    }
}

/* Batches, every `durable_every`th durable, in write buffers so small that
 * LevelDB switches logs all the time; the last durable one is returned. */
static unsigned write_all(struct store *store, unsigned count,
                          unsigned durable_every)
{
    unsigned last_durable = 0;

    for (unsigned number = 1; number <= count; number++) {
        bool durable = number % durable_every == 0;
        assert_int_equal(
            store_write(store, numbered_batch(number), durable, NULL), ERR_OK);
        if (durable) {
            assert_true(all_is_synced());
            last_durable = number;
        }
    }
    return last_durable;
}

static void power_fails(unsigned count, unsigned durable_every)
{
    char dir[PATH_CHARS];
    char path[PATH_CHARS];
    char copy[PATH_CHARS];
    char data[PATH_CHARS];

    path_join(path, temp_dir_new(dir), "store");
    path_join(copy, dir, "copy");
    watch_disk(path_join(data, path, "data"));
    struct store_options options = test_options(path);
    struct err_text      why;
    struct store        *store;
    options.write_buffer_bytes = 64 << 10;
    assert_int_equal(store_open_leveldb(&options, &store, &why), ERR_OK);
    unsigned last_durable = write_all(store, count, durable_every);
    assert_int_equal(disk.disorders, 0);
    store_close(store);
    power_loss_copy(path, copy);
    watch_disk("");

    store = test_open(copy);
    assert_in_range(numbered_count(store, count), last_durable, count);
    store_close(store);
    path_remove(dir);
}

static void test_all_durable(void **state)
{
    (void)state;
    power_fails(24, 1);
}

static void test_some_durable(void **state)
{
    (void)state;
    power_fails(40, 7);
}

static void test_store_sync(void **state)
{
    char dir[PATH_CHARS];
    char path[PATH_CHARS];
    char data[PATH_CHARS];

    (void)state;
    path_join(path, temp_dir_new(dir), "store");
    watch_disk(path_join(data, path, "data"));
    struct store *store = test_open(path);
    write_all(store, 5, 100);
    assert_false(all_is_synced());
    assert_int_equal(store_sync(store, NULL), ERR_OK);
    assert_true(all_is_synced());
    assert_int_equal(disk.disorders, 0);

    /* What stands unsynced in the log is synced before a durable batch is
     * appended: should the power fail, at most that one is torn. */
    unsigned before = disk.log_syncs;
    assert_int_equal(put_text(store, "a", "1", false), ERR_OK);
    assert_int_equal(disk.log_syncs - before, 0);
    assert_int_equal(put_text(store, "a", "2", true), ERR_OK);
    assert_int_equal(disk.log_syncs - before, 2);
    assert_int_equal(put_text(store, "a", "3", true), ERR_OK);
    assert_int_equal(disk.log_syncs - before, 3);
    store_close(store);
    watch_disk("");
    path_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_switches, place_new, place_free),
        cmocka_unit_test_setup_teardown(test_write_is_not_in_the_newest,
                                        place_new, place_free),
        cmocka_unit_test_setup_teardown(test_no_log, place_new, place_free),
        cmocka_unit_test(test_all_durable),
        cmocka_unit_test(test_some_durable),
        cmocka_unit_test(test_store_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
