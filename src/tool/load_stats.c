/* load_stats.c - counters, and errors by their first word. */
#include "tool/load_stats.h"

#include <string.h>

void load_stats_init(struct load_stats *stats)
{
    memset(stats, 0, sizeof(*stats));
}

static void copy_text(char *out, size_t size, slice text)
{
    size_t len = text.len < size - 1 ? text.len : size - 1;

    memcpy(out, text.data, len);
    out[len] = '\0';
}

/* NULL when the table is full. */
static struct load_error_kind *kind_of(struct load_stats *stats, slice text)
{
    const char *space = text.len ? memchr(text.data, ' ', text.len) : NULL;
    size_t      len = space ? (size_t)(space - text.data) : text.len;
    char        word[LOAD_ERROR_WORD];

    copy_text(word, sizeof(word), slice_make(text.data, len));
    for (unsigned i = 0; i < stats->kind_count; i++)
        if (strcmp(stats->kinds[i].word, word) == 0)
            return &stats->kinds[i];
    if (stats->kind_count == LOAD_ERROR_KINDS)
        return NULL;

    struct load_error_kind *kind = &stats->kinds[stats->kind_count++];
    memcpy(kind->word, word, sizeof(word));
    copy_text(kind->text, sizeof(kind->text), text);
    return kind;
}

void load_stats_error(struct load_stats *stats, slice text)
{
    struct load_error_kind *kind = kind_of(stats, text);

    stats->errors++;
    if (kind)
        kind->count++;
}

static void merge_kinds(struct load_stats *into, const struct load_stats *from)
{
    for (unsigned i = 0; i < from->kind_count; i++) {
        const struct load_error_kind *kind = &from->kinds[i];
        struct load_error_kind       *same =
            kind_of(into, slice_from_string(kind->text));
        if (same)
            same->count += kind->count;
    }
}

void load_stats_merge(struct load_stats *into, const struct load_stats *from)
{
    into->requests += from->requests;
    into->reads += from->reads;
    into->writes += from->writes;
    into->missing += from->missing;
    into->wrong += from->wrong;
    into->unread += from->unread;
    into->unexpected += from->unexpected;
    into->unanswered += from->unanswered;
    into->lost += from->lost;
    into->errors += from->errors;
    into->bytes_sent += from->bytes_sent;
    into->bytes_received += from->bytes_received;
    merge_kinds(into, from);
    load_hist_merge(&into->read_ns, &from->read_ns);
    load_hist_merge(&into->write_ns, &from->write_ns);
}
