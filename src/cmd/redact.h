/* redact.h - arguments that no log and no monitor may show. */
#ifndef CMD_REDACT_H
#define CMD_REDACT_H

#include "cmd/command.h"

/* Argument i as others may see it: "(redacted)" for a password. */
slice redact_arg(const struct call *call, size_t i);

#endif
