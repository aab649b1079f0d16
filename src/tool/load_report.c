/* load_report.c - the figures.
 *
 * JSON has one flat object per run, times in the unit that the name says;
 * scripts (make bench, the tests) read it, so names are only ever added. */
#include "tool/load_report.h"

#include <string.h>

#include "base/mem.h"

typedef unsigned long long ull;

static double per_second(const struct load_result *result, uint64_t count)
{
    return result->wall_s > 0 ? (double)count / result->wall_s : 0;
}

static double quantile_ms(const struct load_hist *hist, double fraction)
{
    return (double)load_hist_quantile(hist, fraction) / 1e6;
}

static void text_latency(FILE *out, const char *name,
                         const struct load_hist *hist)
{
    if (hist->count == 0)
        return;
    fprintf(out,
            "%-12s p50 %.3f  p99 %.3f  p99.9 %.3f  max %.3f  mean %.3f ms\n",
            name, quantile_ms(hist, 0.5), quantile_ms(hist, 0.99),
            quantile_ms(hist, 0.999), quantile_ms(hist, 1),
            load_hist_mean(hist) / 1e6);
}

static void text_troubles(FILE *out, const struct load_stats *stats)
{
    fprintf(out, "errors       %llu\n", (ull)stats->errors);
    for (unsigned i = 0; i < stats->kind_count; i++)
        fprintf(out, "  %-10s %llu, first: %s\n", stats->kinds[i].word,
                (ull)stats->kinds[i].count, stats->kinds[i].text);
    if (stats->unexpected)
        fprintf(out, "unexpected   %llu replies of a wrong type\n",
                (ull)stats->unexpected);
    if (stats->unanswered)
        fprintf(out, "unanswered   %llu requests\n", (ull)stats->unanswered);
    if (stats->lost)
        fprintf(out, "lost         %llu connections\n", (ull)stats->lost);
}

static void text_reads(FILE *out, const struct load_options *options,
                       const struct load_stats *stats)
{
    fprintf(out, "reads        %llu, missing %llu", (ull)stats->reads,
            (ull)stats->missing);
    if (options->verify)
        fprintf(out, ", wrong %llu, refused %llu (verified)", (ull)stats->wrong,
                (ull)stats->unread);
    fputs("\n", out);
}

void load_report_text(FILE *out, const struct load_options *options,
                      const struct load_result *result)
{
    const struct load_stats *stats = &result->stats;

    fprintf(out, "requests     %llu in %.3f s: %.0f per second%s\n",
            (ull)stats->requests, result->wall_s,
            per_second(result, stats->requests),
            result->interrupted ? " (interrupted)" : "");
    text_reads(out, options, stats);
    fprintf(out, "writes       %llu\n", (ull)stats->writes);
    text_troubles(out, stats);
    text_latency(out, "GET latency", &stats->read_ns);
    text_latency(out, "SET latency", &stats->write_ns);
    fprintf(out, "traffic      %.1f MB/s sent, %.1f MB/s received\n",
            per_second(result, stats->bytes_sent) / 1e6,
            per_second(result, stats->bytes_received) / 1e6);
    fprintf(out,
            "client       %.2f s CPU time, busiest thread %.2f of a core\n",
            result->cpu_s, result->cpu_ratio);
    if (result->cpu_ratio > LOAD_CPU_LIMIT)
        fputs("             the client may have been the limit: --threads\n",
              out);
}

/* Error texts hold any byte; JSON's strings are UTF-8. What is not ASCII is
 * shown as the character of that number. */
static void json_string(FILE *out, const char *text)
{
    putc('"', out);
    for (const char *at = text; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

static void json_count(FILE *out, const char *name, uint64_t count)
{
    fprintf(out, "  \"%s\": %llu,\n", name, (ull)count);
}

static void json_real(FILE *out, const char *name, double value)
{
    fprintf(out, "  \"%s\": %.6f,\n", name, value);
}

static void json_bool(FILE *out, const char *name, bool value)
{
    fprintf(out, "  \"%s\": %s,\n", name, value ? "true" : "false");
}

static void json_latency(FILE *out, const char *prefix,
                         const struct load_hist *hist)
{
    static const struct {
        const char *name;
        double      fraction;
    } quantiles[] = {
        { "p50", 0.5 },
        { "p99", 0.99 },
        { "p999", 0.999 },
        { "max", 1 },
    };
    char name[48];

    for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
        snprintf(name, sizeof(name), "%s%s_ms", prefix, quantiles[i].name);
        json_real(out, name, quantile_ms(hist, quantiles[i].fraction));
    }
    snprintf(name, sizeof(name), "%smean_ms", prefix);
    json_real(out, name, load_hist_mean(hist) / 1e6);
}

static void json_errors(FILE *out, const struct load_stats *stats)
{
    json_count(out, "errors", stats->errors);
    fputs("  \"error_kinds\": {", out);
    for (unsigned i = 0; i < stats->kind_count; i++) {
        fputs(i ? ", " : "", out);
        json_string(out, stats->kinds[i].word);
        fprintf(out,
                ": {\"count\": %llu, \"first\": ", (ull)stats->kinds[i].count);
        json_string(out, stats->kinds[i].text);
        putc('}', out);
    }
    fputs("},\n", out);
}

static void json_asked(FILE *out, const struct load_options *options)
{
    json_count(out, "connections", options->connections);
    json_count(out, "pipeline", options->pipeline);
    json_count(out, "threads", options->threads);
    json_count(out, "keys", options->keys);
    json_count(out, "batch", options->batch);
    json_real(out, "read_ratio", options->read_ratio);
    json_count(out, "seed", options->seed);
    json_count(out, "value_seed", options->value_seed);
    json_bool(out, "verify", options->verify);
}

static void json_counted(FILE *out, const struct load_result *result)
{
    const struct load_stats *stats = &result->stats;

    json_count(out, "requests", stats->requests);
    json_real(out, "ops_per_s", per_second(result, stats->requests));
    json_count(out, "reads", stats->reads);
    json_count(out, "writes", stats->writes);
    json_count(out, "missing", stats->missing);
    json_count(out, "wrong", stats->wrong);
    json_count(out, "refused", stats->unread);
    json_count(out, "unexpected", stats->unexpected);
    json_count(out, "unanswered", stats->unanswered);
    json_count(out, "lost_connections", stats->lost);
    json_errors(out, stats);
    json_count(out, "bytes_sent", stats->bytes_sent);
    json_count(out, "bytes_received", stats->bytes_received);
    json_real(out, "bytes_per_s",
              per_second(result, stats->bytes_sent + stats->bytes_received));
}

void load_report_json(FILE *out, const struct load_options *options,
                      const struct load_result *result)
{
    const struct load_stats *stats = &result->stats;
    struct load_hist        *both = mem_alloc(sizeof(*both));

    load_hist_init(both);
    load_hist_merge(both, &stats->read_ns);
    load_hist_merge(both, &stats->write_ns);

    fputs("{\n", out);
    json_asked(out, options);
    json_counted(out, result);
    json_latency(out, "", both);
    json_latency(out, "read_", &stats->read_ns);
    json_latency(out, "write_", &stats->write_ns);
    json_real(out, "wall_s", result->wall_s);
    json_real(out, "client_cpu_s", result->cpu_s);
    json_real(out, "client_cpu_ratio", result->cpu_ratio);
    json_bool(out, "client_limited", result->cpu_ratio > LOAD_CPU_LIMIT);
    json_bool(out, "interrupted", result->interrupted);
    fputs("  \"failure\": ", out);
    json_string(out, result->why.text);
    fprintf(out, ",\n  \"status\": %d\n}\n",
            load_report_status(options, result));
    mem_free(both);
}

int load_report_status(const struct load_options *options,
                       const struct load_result  *result)
{
    const struct load_stats *stats = &result->stats;

    if (result->why.text[0] != '\0' || stats->lost || stats->unanswered)
        return 1;
    if (options->verify &&
        (stats->missing || stats->wrong || stats->unread || stats->unexpected))
        return 1;
    return 0;
}
