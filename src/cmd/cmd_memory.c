/* cmd_memory.c - MEMORY: what the accounts say, in the words of Redis's fields.
 *
 * USAGE tells what a key costs while its value is in memory, whether or not it
 * is there now: the answer must not depend on the cache. Memory that is
 * accounted for is what the limit is about; what the kernel counts beside it
 * appears as fragmentation. The accounts themselves are the last fields of
 * STATS. */
#include <stdio.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "cache/cache.h"
#include "cmd/handlers.h"
#include "cmd/scripts.h"

#define REPORT_MAX ((size_t)1024 * 1024)

/* --- USAGE --------------------------------------------------------------- */

/* SAMPLES is for values of many elements; it is only checked. */
static bool usage_options_ok(struct call *call)
{
    int64_t samples;
    for (size_t i = 3; i < call->argc; i += 2) {
        if (!call_arg_is(call, i, "samples") || i + 1 == call->argc) {
            call_syntax_error(call);
            return false;
        }
        if (!call_int(call, call->argv[i + 1], &samples))
            return false;
        if (samples < 0) {
            call_syntax_error(call);
            return false;
        }
    }
    return true;
}

/* Of what is only on disk: what it would take. */
static size_t entry_bytes(const struct entry *entry)
{
    size_t bytes = cache_cost(entry->key_len, db_value_len(entry));
    if (entry_type(entry) != OBJ_STRING)
        bytes += db_coll_bytes(entry);
    return bytes;
}

enum call_result cmd_memory_usage(struct call *call)
{
    if (!usage_options_ok(call))
        return CALL_DONE;
    const struct entry *entry = db_look(call->db, &call->key, false);
    if (entry == NULL)
        reply_null(call->reply);
    else
        reply_int(call->reply, (int64_t)entry_bytes(entry));
    return CALL_DONE;
}

/* --- STATS --------------------------------------------------------------- */

struct usage {
    size_t               total, peak, reserved, dataset;
    size_t               entries; /* keys in memory that exist */
    size_t               keys;    /* wherever they are */
    size_t               resident;
    struct mem_allocator allocator;
};

static void usage_read(struct server *server, struct usage *out)
{
    const struct mem   *mem = &server->mem;
    const struct cache *cache = db_cache(server->db);
    *out = (struct usage){
        .total = mem->total_bytes,
        .peak = server->peak_bytes,
        .reserved = mem->used_bytes[MEM_STORE] + mem->used_bytes[MEM_OTHER],
        .dataset = mem->used_bytes[MEM_ENTRIES] + mem->used_bytes[MEM_VALUES],
        .entries = cache->presence_count[ENTRY_HEADER] +
                   cache->presence_count[ENTRY_PRESENT],
        .resident = mem_rss_anon_bytes(),
    };
    if (out->peak < out->total)
        out->peak = server->peak_bytes = out->total;
    for (int i = 0; i < server->config->databases; i++) {
        int64_t keys =
            db_key_count(server->db, db_space(server->db, (unsigned)i));
        out->keys += keys > 0 ? (size_t)keys : 0;
    }
    mem_allocator_read(&out->allocator);
}

static double ratio(size_t part, size_t whole)
{
    return (double)part / (double)(whole > 0 ? whole : 1);
}

struct fields {
    struct reply *reply;
    size_t        count;
};

static void number(struct fields *fields, const char *name, size_t value)
{
    reply_bulk_string(fields->reply, name);
    reply_int(fields->reply, (int64_t)value);
    fields->count++;
}

static void real(struct fields *fields, const char *name, double value)
{
    reply_bulk_string(fields->reply, name);
    reply_double(fields->reply, value);
    fields->count++;
}

static void difference(struct fields *fields, const char *name, size_t a,
                       size_t b)
{
    reply_bulk_string(fields->reply, name);
    reply_int(fields->reply, (int64_t)a - (int64_t)b);
    fields->count++;
}

static void books(struct fields *fields, const struct server *server,
                  const struct usage *usage)
{
    const struct mem     *mem = &server->mem;
    struct script_figures scripts;
    scripts_figures(server, &scripts);
    number(fields, "peak.allocated", usage->peak);
    number(fields, "total.allocated", usage->total);
    number(fields, "startup.allocated", usage->reserved);
    number(fields, "replication.backlog", 0);
    number(fields, "clients.slaves", 0);
    number(fields, "clients.normal", mem->used_bytes[MEM_CLIENTS]);
    number(fields, "cluster.links", 0);
    number(fields, "aof.buffer", 0);
    number(fields, "lua.caches", scripts.cache_bytes);
    number(fields, "functions.caches", 0);
    number(fields, "overhead.total", usage->total - usage->dataset);
    number(fields, "keys.count", usage->keys);
    number(fields, "keys.in-memory", usage->entries);
    number(fields, "keys.bytes-per-key",
           usage->entries > 0 ? usage->dataset / usage->entries : 0);
    number(fields, "dataset.bytes", usage->dataset);
    real(fields, "dataset.percentage",
         100 * ratio(usage->dataset, usage->total - usage->reserved));
    real(fields, "peak.percentage", 100 * ratio(usage->total, usage->peak));
}

static void allocator(struct fields *fields, const struct usage *usage)
{
    const struct mem_allocator *own = &usage->allocator;
    number(fields, "allocator.allocated", own->allocated_bytes);
    number(fields, "allocator.active", own->active_bytes);
    number(fields, "allocator.resident", own->resident_bytes);
    real(fields, "allocator-fragmentation.ratio",
         ratio(own->active_bytes, own->allocated_bytes));
    difference(fields, "allocator-fragmentation.bytes", own->active_bytes,
               own->allocated_bytes);
    real(fields, "allocator-rss.ratio",
         ratio(own->resident_bytes, own->active_bytes));
    difference(fields, "allocator-rss.bytes", own->resident_bytes,
               own->active_bytes);
    real(fields, "rss-overhead.ratio",
         ratio(usage->resident, own->resident_bytes));
    difference(fields, "rss-overhead.bytes", usage->resident,
               own->resident_bytes);
    real(fields, "fragmentation", ratio(usage->resident, usage->total));
    difference(fields, "fragmentation.bytes", usage->resident, usage->total);
}

enum call_result cmd_memory_stats(struct call *call)
{
    const struct mem *mem = &call->server->mem;
    struct fields     fields = { .reply = call->reply };
    struct usage      usage;
    usage_read(call->server, &usage);
    size_t mark = reply_deferred_begin(call->reply);
    books(&fields, call->server, &usage);
    allocator(&fields, &usage);
    for (int i = 0; i < MEM_ACCOUNT_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof(name), "account.%s",
                 mem_account_name((enum mem_account)i));
        number(&fields, name, mem->used_bytes[i]);
    }
    reply_deferred_end(call->reply, mark, '%', fields.count);
    return CALL_DONE;
}

/* --- DOCTOR -------------------------------------------------------------- */

static void advise(struct buf *report, bool holds, const char *text)
{
    if (!holds)
        return;
    err_t err = buf_printf(report, " * %s\n", text);
    ASSERT(err == ERR_OK);
}

/* Each line names the figure of INFO or the option that it is about. */
static void examine(struct server *server, struct buf *report)
{
    const struct mem *mem = &server->mem;
    size_t            limit = server_limit_bytes(server);
    struct db_stats   db;
    db_stats(server->db, &db);
    advise(report, mem->total_bytes > limit + limit / 10,
           "More memory is in use than cache-max-memory allows. If that "
           "lasts, clients ask for replies faster than they read them.");
    advise(report, db.failing,
           "The store can't be written (cache_last_error), so changed keys "
           "pile up in memory, and writes are refused.");
    advise(report, db.sync_flushes > 0,
           "Memory was so full of changes that all clients had to wait for a "
           "flush (cache_sync_flushes). Raise cache-max-memory, or lower "
           "cut-max.");
    advise(report, mem->used_bytes[MEM_CLIENTS] > limit / 4,
           "More than a quarter of the memory holds what clients sent or have "
           "not read yet (cache_memory_clients, CLIENT LIST).");
    advise(report, mem->used_bytes[MEM_OVERHEAD] > limit / 4,
           "More than a quarter of the memory is overhead of the allocator "
           "(cache_memory_overhead). MEMORY PURGE may help.");
    advise(report, db.hits + db.misses > 10000 && db.misses > db.hits,
           "Most keys that are asked for have to be read from disk "
           "(cache_misses). If the cache has had time to fill, it is too "
           "small: raise cache-max-memory.");
}

enum call_result cmd_memory_doctor(struct call *call)
{
    struct buf report;
    buf_init(&report, REPORT_MAX);
    examine(call->server, &report);
    if (report.len == 0)
        reply_verbatim(call->reply,
                       SLICE_LITERAL("I can't find any memory problem in this "
                                     "server.\n"),
                       "txt");
    else
        reply_verbatim(call->reply, buf_slice(&report), "txt");
    buf_deinit(&report);
    return CALL_DONE;
}

/* --- the allocator ------------------------------------------------------- */

/* What is beyond the maximum is left out. */
static void add_text(void *arg, const char *text)
{
    struct buf *report = arg;
    err_t       err = buf_append(report, text, strlen(text));
    (void)err;
}

enum call_result cmd_memory_malloc_stats(struct call *call)
{
    struct buf report;
    buf_init(&report, REPORT_MAX);
    if (!mem_allocator_report(add_text, &report))
        add_text(&report, "Stats not supported for the current allocator");
    reply_verbatim(call->reply, buf_slice(&report), "txt");
    buf_deinit(&report);
    return CALL_DONE;
}

enum call_result cmd_memory_purge(struct call *call)
{
    mem_purge();
    reply_ok(call->reply);
    return CALL_DONE;
}

enum call_result cmd_memory_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Return what should be looked after.",
        "MALLOC-STATS",
        "    Return the report of the memory allocator.",
        "PURGE",
        "    Give unused memory back to the system.",
        "STATS",
        "    Return the accounts of all memory.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return what <key> and its value cost while they are in memory.",
        NULL
    };
    call_help(call, "MEMORY", lines);
    return CALL_DONE;
}
