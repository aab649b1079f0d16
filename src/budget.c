/* budget.c - the split of the memory, and what the machine has. */
#include "budget.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "cmd/server.h"

#define KB ((size_t)1024)
#define MB (KB * KB)

/* What a batch costs beside our own form of it, which is charged as the cut's,
 * and beside the memtable, in times its size: LevelDB's form, the string that
 * it grows in, and 48 bytes a record while records are sorted by key. */
#define BATCH_TIMES 3

static size_t clamp(size_t value, size_t least, size_t most)
{
    return value < least ? least : value > most ? most : value;
}

err_t budget_make(const struct config *config, struct budget *out,
                  struct err_text *why)
{
    size_t limit = (size_t)config->cache_max_memory;
    *out = (struct budget){ .keep_nothing = limit == 0 };
    if (limit == 0)
        limit = SERVER_WORKING_BYTES;
    out->limit_bytes = limit;
    out->write_buffer_bytes = clamp(limit / 16, 512 * KB, 64 * MB);
    out->block_cache_bytes = clamp(limit / 32, 512 * KB, 64 * MB);
    out->table_meta_bytes = clamp(limit / 16, 1 * MB, 64 * MB);
    out->cut_max_bytes =
        config->cut_max != 0 ? (size_t)config->cut_max : limit / 16;
    out->done_cap_bytes = clamp(limit / 64, 256 * KB, 8 * MB);
    out->store_bytes = 2 * out->write_buffer_bytes + out->block_cache_bytes +
                       BATCH_TIMES * out->cut_max_bytes + out->table_meta_bytes +
                       out->done_cap_bytes;
    if (out->store_bytes > limit - limit / 4)
        return err_set(why, ERR_INVALID,
                       "cut-max %zu leaves no room in cache-max-memory %zu: "
                       "the store would need %zu bytes; choose a smaller "
                       "cut-max, or 0",
                       out->cut_max_bytes, limit, out->store_bytes);
    return ERR_OK;
}

static size_t read_number(const char *path)
{
    char  text[64] = "";
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    uint64_t value;
    return num_parse_uint64(slice_make(text, len), &value) ? (size_t)value : 0;
}

size_t budget_machine_bytes(void)
{
    long   pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t machine = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : 0;
    size_t cgroup = read_number("/sys/fs/cgroup/memory.max");
    if (cgroup == 0)
        cgroup = read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    return cgroup != 0 && (machine == 0 || cgroup < machine) ? cgroup
                                                             : machine;
}
