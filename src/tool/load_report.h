/* load_report.h - a result as text for people or as JSON. */
#ifndef TOOL_LOAD_REPORT_H
#define TOOL_LOAD_REPORT_H

#include <stdio.h>

#include "tool/load_run.h"

/* Above this share of one core the client itself may have been the limit, and
 * the figures say little about the server. */
#define LOAD_CPU_LIMIT 0.95

void load_report_text(FILE *out, const struct load_options *options,
                      const struct load_result *result);
void load_report_json(FILE *out, const struct load_options *options,
                      const struct load_result *result);
/* 0, or 1 when something went wrong (see load_options_usage). */
int load_report_status(const struct load_options *options,
                       const struct load_result  *result);

#endif
