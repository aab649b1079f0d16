/* tablecheck.c - the list of tables and what is known of each; see the header.
 *
 * Level 0 is at most a dozen tables that overlap. In each level above, tables
 * are disjoint and in order, so those of a key are found by binary search.
 * Bounds are only the beginnings of keys, so a few more than needed may be
 * verified, never less.
 *
 * Once nothing is unverified and nothing bad, the list goes. Who is inside is
 * counted; the list is first taken out of sight, and freed when the count has
 * been seen at 0 after that: whoever comes later finds none. (All atomics are
 * sequentially consistent, which this needs.) */
#include "store/tablecheck.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "base/assert.h"
#include "base/mem.h"
#include "store/crc32c.h"
#include "store/tablefile.h"

struct table_list {
    struct manifest_table *tables;
    atomic_uchar          *states; /* enum tablefile_state of each */
    size_t                 count;
    size_t                 level_start[MANIFEST_LEVELS + 1];
};

_Static_assert(sizeof(struct manifest_table) + sizeof(atomic_uchar) <=
                   TABLECHECK_TABLE_BYTES,
               "what the list takes is promised");

struct tablecheck {
    int                          data_fd;
    struct log                  *log;
    struct crc32c                crc;
    _Atomic(struct table_list *) list; /* NULL: all are good, or too many */
    atomic_size_t                inside;
    atomic_size_t                bad_index_count; /* ever found */
    atomic_size_t                memory;
    size_t                       not_listed;
    /* scrub only */
    struct table_list *retired; /* out of sight, not yet freed */
    size_t             next;
};

/* --- the list ------------------------------------------------------------ */

static struct table_list *list_new(struct manifest_table *tables, size_t count)
{
    struct table_list *list = mem_calloc(1, sizeof(*list));
    size_t             at = 0;

    list->tables = tables;
    list->count = count;
    list->states = mem_calloc(count, sizeof(*list->states));
    for (size_t i = 0; i < count; i++)
        atomic_init(&list->states[i], TABLEFILE_UNKNOWN);
    for (unsigned level = 0; level <= MANIFEST_LEVELS; level++) {
        while (at < count && tables[at].level < level)
            at++;
        list->level_start[level] = at;
    }
    ASSERT(at == count);
    return list;
}

static void list_free(struct table_list *list)
{
    if (list == NULL)
        return;
    mem_free(list->tables);
    mem_free(list->states);
    mem_free(list);
}

/* NULL: there is nothing to look at. Else list_leave must follow. */
static struct table_list *list_enter(struct tablecheck *check)
{
    if (atomic_load(&check->list) == NULL)
        return NULL;
    atomic_fetch_add(&check->inside, 1);
    struct table_list *list = atomic_load(&check->list);
    if (list == NULL)
        atomic_fetch_sub(&check->inside, 1);
    return list;
}

static void list_leave(struct tablecheck *check)
{
    size_t before = atomic_fetch_sub(&check->inside, 1);
    ASSERT(before > 0);
}

/* The first table of the level that does not end below the key. */
static size_t list_find(const struct table_list *list, unsigned level,
                        slice key)
{
    size_t low = list->level_start[level];
    size_t high = list->level_start[level + 1];

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (manifest_bound_cmp(key, &list->tables[middle].largest) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --- one table ----------------------------------------------------------- */

static bool is_bad(unsigned char state)
{
    return state == TABLEFILE_BAD_FILTER || state == TABLEFILE_BAD_INDEX;
}

static void log_bad(struct tablecheck *check, uint64_t number,
                    const struct tablefile_report *report)
{
    char name[TABLEFILE_NAME_CHARS];
    bool is_index = report->state == TABLEFILE_BAD_INDEX;

    (void)tablefile_name(check->data_fd, number, name);
    log_write(check->log, LOG_WARNING,
              "data/%s is damaged: %s at byte %" PRIu64 ": %s; %s", name,
              report->part, report->offset, report->problem,
              is_index ? "its keys answer errors and all writes are refused"
                       : "its keys are read without the filter");
}

static void set_aside(struct tablecheck *check, uint64_t number)
{
    if (!tablefile_set_aside(check->data_fd, number))
        log_write(check->log, LOG_WARNING,
                  "data/%06" PRIu64 ".ldb could not be set aside (renamed): "
                  "LevelDB may run into the damage", number);
}

/* Notes what was found; true for the first who does. */
static bool note_state(struct tablecheck *check, struct table_list *list,
                       size_t i, const struct tablefile_report *report)
{
    unsigned char unknown = TABLEFILE_UNKNOWN;

    if (report->state == TABLEFILE_BAD_INDEX)
        atomic_fetch_add(&check->bad_index_count, 1);
    if (!atomic_compare_exchange_strong(&list->states[i], &unknown,
                                        (unsigned char)report->state))
        return false;
    if (is_bad(report->state))
        log_bad(check, list->tables[i].number, report);
    return true;
}

/* The state of a table; verifies it if need be. REQUIRES: LevelDB is open. */
static err_t table_state(struct tablecheck *check, struct table_list *list,
                         size_t i, enum tablefile_state *out,
                         struct err_text *why)
{
    struct tablefile_report report;
    unsigned char           found = atomic_load(&list->states[i]);

    *out = (enum tablefile_state)found;
    if (found != TABLEFILE_UNKNOWN)
        return ERR_OK;
    const struct manifest_table *table = &list->tables[i];
    err_t err = tablefile_verify(check->data_fd, table->number, table->bytes,
                                 &check->crc, &report, why);
    if (err)
        return err;
    *out = report.state;
    if (note_state(check, list, i, &report) &&
        report.state == TABLEFILE_BAD_INDEX)
        set_aside(check, table->number);
    return ERR_OK;
}

/* Is that damaged table still there? Else it counts no more. */
static bool is_there(struct tablecheck *check, struct table_list *list,
                     size_t i, char name[TABLEFILE_NAME_CHARS])
{
    if (tablefile_name(check->data_fd, list->tables[i].number, name))
        return true;
    atomic_store(&list->states[i], TABLEFILE_GONE);
    return false;
}

static err_t bad_index(const char *name, struct err_text *why)
{
    return err_set(why, ERR_CORRUPT, "data/%s is damaged (see the log): bring "
                   "back a good copy of that file, or a backup", name);
}

/* ERR_OK: LevelDB may open it. filter_is_bad may be NULL. */
static err_t table_check(struct tablecheck *check, struct table_list *list,
                         size_t i, bool *filter_is_bad, struct err_text *why)
{
    enum tablefile_state state;
    char                 name[TABLEFILE_NAME_CHARS];

    err_t err = table_state(check, list, i, &state, why);
    if (err || !is_bad(state))
        return err;
    if (state == TABLEFILE_BAD_FILTER && filter_is_bad == NULL)
        return ERR_OK;
    if (!is_there(check, list, i, name))
        return ERR_OK;
    if (state == TABLEFILE_BAD_INDEX)
        return bad_index(name, why);
    *filter_is_bad = true;
    return ERR_OK;
}

static err_t check_range(struct tablecheck *check, struct table_list *list,
                         size_t from, size_t to, struct err_text *why)
{
    err_t err = ERR_OK;

    for (size_t i = from; i < to && !err; i++)
        err = table_check(check, list, i, NULL, why);
    return err;
}

/* --- before a get -------------------------------------------------------- */

static err_t check_key(struct tablecheck *check, struct table_list *list,
                       slice key, bool *filter_is_bad, struct err_text *why)
{
    err_t err = ERR_OK;

    for (unsigned level = 0; level < MANIFEST_LEVELS; level++) {
        size_t i = level == 0 ? 0 : list_find(list, level, key);
        for (; i < list->level_start[level + 1] && !err; i++) {
            const struct manifest_table *table = &list->tables[i];
            bool below = manifest_bound_cmp(key, &table->smallest) < 0;
            if (below && level > 0)
                break;
            if (!below && manifest_bound_cmp(key, &table->largest) <= 0)
                err = table_check(check, list, i, filter_is_bad, why);
        }
    }
    return err;
}

err_t tablecheck_key(struct tablecheck *check, slice key, bool *filter_is_bad,
                     struct err_text *why)
{
    struct table_list *list = list_enter(check);

    *filter_is_bad = false;
    if (list == NULL)
        return ERR_OK;
    err_t err = check_key(check, list, key, filter_is_bad, why);
    list_leave(check);
    return err;
}

/* --- for iterators ------------------------------------------------------- */

err_t tablecheck_level0(struct tablecheck *check, struct err_text *why)
{
    struct table_list *list = list_enter(check);

    if (list == NULL)
        return ERR_OK;
    err_t err = check_range(check, list, 0, list->level_start[1], why);
    list_leave(check);
    return err;
}

/* Verifies in one level what holds keys from `from` on, up to the first table
 * that goes on above `to` (NULL: to the end); *safe becomes its largest key, if
 * that is less. */
static err_t extend_level(struct tablecheck *check, struct table_list *list,
                          unsigned level, slice from, const slice *to,
                          const struct manifest_bound **safe,
                          struct err_text             *why)
{
    for (size_t i = list_find(list, level, from);
         i < list->level_start[level + 1]; i++) {
        const struct manifest_bound *largest = &list->tables[i].largest;
        err_t err = table_check(check, list, i, NULL, why);
        if (err)
            return err;
        if (to == NULL || manifest_bound_cmp(*to, largest) >= 0)
            continue;
        slice end = slice_make(largest->bytes, largest->len);
        if (*safe == NULL || manifest_bound_cmp(end, *safe) < 0)
            *safe = largest;
        break;
    }
    return ERR_OK;
}

static err_t extend(struct tablecheck *check, struct tablecheck_span *span,
                    slice from, const slice *to, struct err_text *why)
{
    const struct manifest_bound *safe = NULL;
    struct table_list           *list = list_enter(check);
    err_t                        err = ERR_OK;

    span->is_all = list == NULL;
    if (list == NULL)
        return ERR_OK;
    for (unsigned level = 1; level < MANIFEST_LEVELS && !err; level++)
        err = extend_level(check, list, level, from, to, &safe, why);
    span->is_all = safe == NULL;
    if (safe != NULL)
        span->safe = *safe;
    list_leave(check);
    return err;
}

err_t tablecheck_seek(struct tablecheck *check, struct tablecheck_span *span,
                      slice from, struct err_text *why)
{
    return extend(check, span, from, &from, why);
}

err_t tablecheck_reach(struct tablecheck *check, struct tablecheck_span *span,
                       const slice *key, struct err_text *why)
{
    if (span->is_all ||
        (key != NULL && manifest_bound_cmp(*key, &span->safe) < 0))
        return ERR_OK;
    struct manifest_bound from = span->safe;
    return extend(check, span, slice_make(from.bytes, from.len), key, why);
}

/* --- all of them --------------------------------------------------------- */

err_t tablecheck_all(struct tablecheck *check, struct err_text *why)
{
    struct table_list *list = list_enter(check);

    if (list == NULL)
        return ERR_OK;
    err_t err = check_range(check, list, 0, list->count, why);
    list_leave(check);
    return err;
}

err_t tablecheck_writable(struct tablecheck *check, struct err_text *why)
{
    struct table_list *list;
    char               name[TABLEFILE_NAME_CHARS];
    err_t              err = ERR_OK;

    if (atomic_load(&check->bad_index_count) == 0 ||
        (list = list_enter(check)) == NULL)
        return ERR_OK;
    for (size_t i = 0; i < list->count && !err; i++)
        if (atomic_load(&list->states[i]) == TABLEFILE_BAD_INDEX &&
            is_there(check, list, i, name))
            err = bad_index(name, why);
    list_leave(check);
    return err;
}

/* All have been looked at: the list goes, unless there is one to warn of. */
static void retire(struct tablecheck *check, struct table_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (is_bad(atomic_load(&list->states[i])))
            return;
    check->retired = list;
    atomic_store(&check->list, NULL);
}

static bool free_retired(struct tablecheck *check)
{
    if (atomic_load(&check->inside) > 0)
        return false;
    list_free(check->retired);
    check->retired = NULL;
    atomic_store(&check->memory, 0);
    return true;
}

err_t tablecheck_scrub(struct tablecheck *check, size_t count, bool *more,
                       struct err_text *why)
{
    struct table_list   *list = atomic_load(&check->list);
    enum tablefile_state state;

    *more = true;
    for (; list != NULL && check->next < list->count && count > 0;
         check->next++) {
        if (atomic_load(&list->states[check->next]) != TABLEFILE_UNKNOWN)
            continue;
        err_t err = table_state(check, list, check->next, &state, why);
        if (err)
            return err;
        count--;
    }
    if (list != NULL && check->next == list->count)
        retire(check, list);
    else if (list != NULL)
        return ERR_OK;
    *more = check->retired != NULL && !free_retired(check);
    return ERR_OK;
}

void tablecheck_stats(struct tablecheck *check, struct tablecheck_stats *out)
{
    struct table_list *list = list_enter(check);
    char               name[TABLEFILE_NAME_CHARS];

    *out = (struct tablecheck_stats){ .unverified = check->not_listed };
    if (list == NULL)
        return;
    for (size_t i = 0; i < list->count; i++) {
        unsigned char state = atomic_load(&list->states[i]);
        out->unverified += state == TABLEFILE_UNKNOWN;
        out->bad += is_bad(state) && is_there(check, list, i, name);
    }
    list_leave(check);
}

/* --- life ---------------------------------------------------------------- */

size_t tablecheck_memory(struct tablecheck *check)
{
    return atomic_load(&check->memory);
}

err_t tablecheck_open(int data_fd, struct log *log, size_t most,
                      struct tablecheck **out, struct err_text *why)
{
    struct manifest_table *tables;
    size_t                 count;
    size_t                 not_listed = 0;

    err_t err = manifest_tables(data_fd, most, &tables, &count, why);
    if (err == ERR_LIMIT) {
        log_write(log, LOG_WARNING,
                  "the store has more than %zu tables: there is no memory to "
                  "know which have been verified, so damage to their indexes "
                  "and filters is not noticed; raise cache-max-memory", most);
        not_listed = most + 1;
    } else if (err && err != ERR_NOT_FOUND) {
        return err;
    }
    struct tablecheck *check = mem_calloc(1, sizeof(*check));
    check->data_fd = data_fd;
    check->log = log;
    check->not_listed = not_listed;
    crc32c_init(&check->crc);
    if (count > 0) {
        atomic_store(&check->list, list_new(tables, count));
        atomic_store(&check->memory, count * TABLECHECK_TABLE_BYTES);
    }
    *out = check;
    return ERR_OK;
}

struct returning {
    struct tablecheck *check;
    err_t              err;
    struct err_text   *why;
};

/* Nobody has looked at it in this run, and it was bad in an earlier one. */
static void on_back(void *arg, uint64_t number)
{
    struct returning       *back = arg;
    struct tablecheck      *check = back->check;
    struct table_list      *list = atomic_load(&check->list);
    struct tablefile_report report;

    for (size_t i = 0; list != NULL && i < list->count; i++) {
        if (list->tables[i].number != number)
            continue;
        err_t err = tablefile_verify(check->data_fd, number,
                                     list->tables[i].bytes, &check->crc,
                                     &report, back->why);
        if (err)
            back->err = err;
        else
            (void)note_state(check, list, i, &report);
    }
}

err_t tablecheck_prepare(struct tablecheck *check, struct err_text *why)
{
    struct returning back = { .check = check, .why = why };
    err_t err = tablefile_bring_back(check->data_fd, on_back, &back, why);

    return err ? err : back.err;
}

void tablecheck_opened(struct tablecheck *check)
{
    struct table_list *list = atomic_load(&check->list);

    for (size_t i = 0; list != NULL && i < list->count; i++)
        if (atomic_load(&list->states[i]) == TABLEFILE_BAD_INDEX)
            set_aside(check, list->tables[i].number);
}

void tablecheck_free(struct tablecheck *check)
{
    if (check == NULL)
        return;
    ASSERT(atomic_load(&check->inside) == 0);
    list_free(check->retired);
    list_free(atomic_load(&check->list));
    mem_free(check);
}
