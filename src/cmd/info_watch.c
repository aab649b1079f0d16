/* info_watch.c - INFO's sections about commands: commandstats, errorstats,
 * latencystats. */
#include <stdio.h>

#include "base/assert.h"
#include "cmd/cmdstats.h"
#include "cmd/doc.h"
#include "cmd/info.h"

/* --- commandstats -------------------------------------------------------- */

static void command_line(void *arg, const struct command *top,
                         const struct command *command,
                         const struct cmdstat *stat)
{
    double us = (double)stat->ns / 1000;
    (void)top;
    info_line(arg,
              "cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,"
              "rejected_calls=%llu,failed_calls=%llu",
              command_full_name(command).text, (unsigned long long)stat->calls,
              (unsigned long long)(stat->ns / 1000),
              stat->calls == 0 ? 0 : us / (double)stat->calls,
              (unsigned long long)stat->rejected,
              (unsigned long long)stat->failed);
}

void info_commandstats(struct info *info)
{
    cmdstats_each(info->server->cmdstats, command_line, info);
}

/* --- errorstats ---------------------------------------------------------- */

void info_errorstats(struct info *info)
{
    const struct cmdstats *stats = info->server->cmdstats;
    for (size_t i = 0; i < stats->error_count; i++)
        info_line(info, "errorstat_%s:count=%llu", stats->errors[i].code,
                  (unsigned long long)stats->errors[i].count);
}

/* --- latencystats -------------------------------------------------------- */

/* As Redis writes it: six digits at most, no zeros at the end. */
static void format_percent(double percent, char out[32])
{
    int len = snprintf(out, 32, "%f", percent);
    while (out[len - 1] == '0')
        len--;
    if (out[len - 1] == '.')
        len--;
    out[len] = '\0';
}

/* Times come in nanoseconds, and are shown in microseconds. */
static void latency_line(void *arg, const struct command *top,
                         const struct command *command,
                         const struct cmdstat *stat)
{
    struct info *info = arg;
    const struct config_percentiles *percentiles =
        &info->server->config->latency_tracking_info_percentiles;
    char   text[CONFIG_PERCENTILES_MAX * 32] = "";
    size_t len = 0;
    (void)top;
    if (histogram_count(&stat->latency) == 0)
        return;
    for (size_t i = 0; i < percentiles->count && len < sizeof(text); i++) {
        uint64_t ns = histogram_percentile(&stat->latency, percentiles->at[i]);
        char     percent[32];
        format_percent(percentiles->at[i], percent);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%sp%s=%.3f",
                                i == 0 ? "" : ",", percent, (double)ns / 1000);
    }
    err_t err = buf_printf(&info->text, "latency_percentiles_usec_%s:%s\r\n",
                           command_full_name(command).text, text);
    ASSERT(err == ERR_OK);
}

void info_latencystats(struct info *info)
{
    if (info->server->config->latency_tracking)
        cmdstats_each(info->server->cmdstats, latency_line, info);
}
