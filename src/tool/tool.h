/* tool.h - the subcommands beside the server.
 *
 * main.c calls one of these with what stood after the subcommand: argv[0] is
 * the first option, not the program. The result is the exit status. */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

int tool_load(int argc, char **argv); /* the load generator */

#endif
