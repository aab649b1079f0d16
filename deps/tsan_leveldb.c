/* tsan_leveldb.c - LevelDB seen by ThreadSanitizer; linked into
 * SANITIZE=thread builds only.
 *
 * Debian's LevelDB is not instrumented. Its mutexes are seen all the same
 * (pthread calls are intercepted), its atomics are not; but what it does by
 * memcpy, malloc and free is seen, also when it comes from the C++ library or
 * from snappy, whose frames no suppression for libleveldb can match. So what
 * LevelDB orders by atomics (the memtable, the block cache) looked like races.
 *
 * The linker (--wrap) sends the calls that touch shared state through here:
 * while one runs, the thread's reads and writes are not recorded, whereas its
 * locks are. LevelDB's background thread then meets nothing to race with. Our
 * own bytes stay watched: batches are filled outside of such a call, and what
 * a get returned is a copy.
 *
 * The wrappers are named in deps.mk; one that is missing there does nothing. */
#include <leveldb/c.h>

void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);

static void enter(void)
{
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

static void leave(void)
{
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

/* WRAP(leveldb_next, (declared parameters), (their names)) */
#define WRAP(name, parameters, arguments)                                      \
    void __real_##name parameters;                                             \
    void __wrap_##name parameters;                                             \
    void __wrap_##name parameters                                              \
    {                                                                          \
        enter();                                                               \
        __real_##name arguments;                                               \
        leave();                                                               \
    }

#define WRAP_RESULT(type, name, parameters, arguments)                         \
    type __real_##name parameters;                                             \
    type __wrap_##name parameters;                                             \
    type __wrap_##name parameters                                              \
    {                                                                          \
        enter();                                                               \
        type result = __real_##name arguments;                                 \
        leave();                                                               \
        return result;                                                         \
    }

WRAP_RESULT(leveldb_t *, leveldb_open,
            (const leveldb_options_t *options, const char *name, char **error),
            (options, name, error))
WRAP(leveldb_close, (leveldb_t * db), (db))
WRAP(leveldb_put,
     (leveldb_t * db, const leveldb_writeoptions_t *options, const char *key,
      size_t key_len, const char *value, size_t value_len, char **error),
     (db, options, key, key_len, value, value_len, error))
WRAP(leveldb_delete,
     (leveldb_t * db, const leveldb_writeoptions_t *options, const char *key,
      size_t key_len, char **error),
     (db, options, key, key_len, error))
WRAP(leveldb_write,
     (leveldb_t * db, const leveldb_writeoptions_t *options,
      leveldb_writebatch_t *batch, char **error),
     (db, options, batch, error))
WRAP_RESULT(char *, leveldb_get,
            (leveldb_t * db, const leveldb_readoptions_t *options,
             const char *key, size_t key_len, size_t *value_len, char **error),
            (db, options, key, key_len, value_len, error))
WRAP_RESULT(leveldb_iterator_t *, leveldb_create_iterator,
            (leveldb_t * db, const leveldb_readoptions_t *options),
            (db, options))
WRAP(leveldb_iter_destroy, (leveldb_iterator_t * iter), (iter))
WRAP(leveldb_iter_seek_to_first, (leveldb_iterator_t * iter), (iter))
WRAP(leveldb_iter_seek_to_last, (leveldb_iterator_t * iter), (iter))
WRAP(leveldb_iter_seek,
     (leveldb_iterator_t * iter, const char *key, size_t key_len),
     (iter, key, key_len))
WRAP(leveldb_iter_next, (leveldb_iterator_t * iter), (iter))
WRAP(leveldb_iter_prev, (leveldb_iterator_t * iter), (iter))
WRAP_RESULT(const leveldb_snapshot_t *, leveldb_create_snapshot,
            (leveldb_t * db), (db))
WRAP(leveldb_release_snapshot,
     (leveldb_t * db, const leveldb_snapshot_t *snapshot), (db, snapshot))
WRAP_RESULT(char *, leveldb_property_value, (leveldb_t * db, const char *name),
            (db, name))
WRAP(leveldb_approximate_sizes,
     (leveldb_t * db, int count, const char *const *start,
      const size_t *start_len, const char *const *limit,
      const size_t *limit_len, uint64_t *sizes),
     (db, count, start, start_len, limit, limit_len, sizes))
WRAP(leveldb_compact_range,
     (leveldb_t * db, const char *start, size_t start_len, const char *limit,
      size_t limit_len),
     (db, start, start_len, limit, limit_len))
WRAP(leveldb_cache_destroy, (leveldb_cache_t * cache), (cache))
