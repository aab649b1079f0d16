/* main.c - one binary, several subcommands. */
#include <stdio.h>
#include <string.h>

#include "cmd/server.h"
#include "run.h"
#include "tool/tool.h"

static const char *const usage =
    "diskstore " DISKSTORE_VERSION
    ": a Redis-protocol server whose data lives on disk\n"
    "\n"
    "  diskstore server [FILE] [--option value ...]   run the server\n"
    "  diskstore load [--option value ...]            put load on a server\n"
    "  diskstore --help | --version\n"
    "\n"
    "FILE is a configuration file (conf/diskstore.conf explains each option),\n"
    "- the standard input. An option may also stand in the environment and on\n"
    "the command line, which wins, as in\n"
    "  DISKSTORE_PORT=6380 diskstore server --ds-path /var/lib/diskstore "
    "--cache-max-memory 1gb\n"
    "`diskstore load --help` tells its own.\n";

struct subcommand {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0]: what follows the name */
};

static const struct subcommand subcommands[] = {
    { "server", run_server },
    { "load", tool_load },
};

static int help(FILE *out, int status)
{
    fputs(usage, out);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stdout, 0);
    const char *word = argv[1];
    for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
        if (strcmp(word, subcommands[i].name) == 0)
            return subcommands[i].run(argc - 2, argv + 2);
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
        strcmp(word, "help") == 0)
        return help(stdout, 0);
    if (strcmp(word, "--version") == 0 || strcmp(word, "-v") == 0) {
        puts("diskstore " DISKSTORE_VERSION);
        return 0;
    }
    fprintf(stderr, "diskstore: unknown subcommand '%s'\n\n", word);
    return help(stderr, 1);
}
