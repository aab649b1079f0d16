/* help.c - the HELP that every container of subcommands has. */
#include "cmd/command.h"

#include <stdio.h>

void call_help(struct call *call, const char *name, const char *const *lines)
{
    size_t count = 0;
    while (lines[count] != NULL)
        count++;
    reply_array(call->reply, count + 3);
    char title[128];
    snprintf(title, sizeof(title),
             "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
             name);
    reply_simple(call->reply, title);
    for (size_t i = 0; i < count; i++)
        reply_simple(call->reply, lines[i]);
    reply_simple(call->reply, "HELP");
    reply_simple(call->reply, "    Prints this help.");
}
