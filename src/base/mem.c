/* mem.c - the allocator's door, and the books.
 *
 * Three different things are kept apart here:
 *   - what we asked for: mem_alloc. Never NULL, see mem.h.
 *   - what that costs: mem_good_size. Charging the size that was asked for
 *     would be wrong by up to 20 %, and by more for tiny values.
 *   - what the kernel says: mem_rss_anon_bytes. The difference between it and
 *     the books (fragments, thread stacks, page tables of the allocator) is
 *     measured by the cron and charged to MEM_OVERHEAD.
 *
 * malloc is jemalloc's when built with USE_JEMALLOC (the binary links it, so
 * that libuv's and LevelDB's memory comes from there too) and the C library's
 * otherwise: sanitizers and valgrind want to see every block. The books hold
 * in both, the bound on resident memory is promised for jemalloc only. */
#include "base/mem.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef USE_JEMALLOC
#include <jemalloc/jemalloc.h>
#else
#include <malloc.h>
#endif

#include "base/assert.h"

/* ---- allocation ---------------------------------------------------------- */

static _Noreturn void out_of_memory(size_t count, size_t size)
{
    char text[128];
    int  len = snprintf(text, sizeof(text),
                        "diskstore: the system has no memory for %zu x %zu "
                         "bytes\n",
                        count, size);
    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0)
        abort();
    abort();
}

/* Nothing is asked for as one byte, so that NULL always means failure. */
static size_t at_least_one(size_t size)
{
    return size ? size : 1;
}

void *mem_alloc(size_t size)
{
    void *pointer = malloc(at_least_one(size));
    if (pointer == NULL)
        out_of_memory(1, size);
    return pointer;
}

void *mem_calloc(size_t count, size_t size)
{
    void *pointer = calloc(at_least_one(count), at_least_one(size));
    if (pointer == NULL)
        out_of_memory(count, size);
    return pointer;
}

void *mem_realloc(void *pointer, size_t size)
{
    void *moved = realloc(pointer, at_least_one(size));
    if (moved == NULL)
        out_of_memory(1, size);
    return moved;
}

void mem_free(void *pointer)
{
    free(pointer);
}

/* ---- what it costs ------------------------------------------------------- */

#ifdef USE_JEMALLOC

size_t mem_good_size(size_t size)
{
    return nallocx(at_least_one(size), 0);
}

/* What this thread's cache of free blocks holds keeps whole slabs alive, so it
 * goes back first. */
void mem_purge(void)
{
    char name[32];

    (void)mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
    (void)snprintf(name, sizeof(name), "arena.%u.purge",
                   (unsigned)MALLCTL_ARENAS_ALL);
    (void)mallctl(name, NULL, NULL, NULL, 0);
}

static size_t allocator_figure(const char *name)
{
    size_t value = 0, len = sizeof(value);
    if (mallctl(name, &value, &len, NULL, 0) != 0)
        return 0;
    return value;
}

void mem_allocator_read(struct mem_allocator *out)
{
    uint64_t epoch = 1; /* any write makes it count anew */
    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
    out->allocated_bytes = allocator_figure("stats.allocated");
    out->active_bytes = allocator_figure("stats.active");
    out->resident_bytes = allocator_figure("stats.resident");
}

bool mem_allocator_report(void (*write_text)(void *arg, const char *text),
                          void *arg)
{
    malloc_stats_print(write_text, arg, NULL);
    return true;
}

#else

/* glibc's chunks: a size word before the block, in steps of 16. */
size_t mem_good_size(size_t size)
{
    size_t chunk = (size + 8 + 15) & ~(size_t)15;
    return chunk < 32 ? 32 : chunk;
}

void mem_purge(void)
{
    (void)malloc_trim(0);
}

void mem_allocator_read(struct mem_allocator *out)
{
    *out = (struct mem_allocator){ 0 };
}

bool mem_allocator_report(void (*write_text)(void *arg, const char *text),
                          void *arg)
{
    (void)write_text;
    (void)arg;
    return false;
}

#endif

/* ---- what the kernel says ------------------------------------------------ */

/* Reads the number after field, as in "RssAnon:\t    1234 kB". */
static size_t status_field_kb(const char *status, const char *field)
{
    const char *found = strstr(status, field);
    if (found == NULL)
        return 0;
    return strtoul(found + strlen(field), NULL, 10);
}

/* status, not smaps_rollup: the kernel keeps this number ready, smaps would
 * walk all page tables. The field is in the first two KB. */
size_t mem_rss_anon_bytes(void)
{
    char status[4096];

    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t len = pread(fd, status, sizeof(status) - 1, 0);
    (void)close(fd);
    if (len <= 0)
        return 0;
    status[len] = '\0';
    return status_field_kb(status, "\nRssAnon:") * 1024;
}

/* ---- the books ----------------------------------------------------------- */

/* clang-format off */
static const char *const account_names[MEM_ACCOUNT_COUNT] = {
    [MEM_ENTRIES]  = "entries",
    [MEM_VALUES]   = "values",
    [MEM_CLIENTS]  = "clients",
    [MEM_JOBS]     = "jobs",
    [MEM_DIRTY]    = "dirty",
    [MEM_CUT]      = "cut",
    [MEM_STORE]    = "store",
    [MEM_OTHER]    = "other",
    [MEM_OVERHEAD] = "overhead",
};
/* clang-format on */

const char *mem_account_name(enum mem_account account)
{
    ASSERT((unsigned)account < MEM_ACCOUNT_COUNT);
    return account_names[account];
}

void mem_charge(struct mem *mem, enum mem_account account, size_t bytes)
{
    ASSERT((unsigned)account < MEM_ACCOUNT_COUNT);
    ASSERT(bytes <= SIZE_MAX - mem->total_bytes);

    mem->used_bytes[account] += bytes;
    mem->total_bytes += bytes;
}

void mem_release(struct mem *mem, enum mem_account account, size_t bytes)
{
    ASSERT((unsigned)account < MEM_ACCOUNT_COUNT);
    ASSERT(bytes <= mem->used_bytes[account]);

    mem->used_bytes[account] -= bytes;
    mem->total_bytes -= bytes;
}

void mem_set(struct mem *mem, enum mem_account account, size_t bytes)
{
    ASSERT((unsigned)account < MEM_ACCOUNT_COUNT);

    mem_release(mem, account, mem->used_bytes[account]);
    mem_charge(mem, account, bytes);
}
