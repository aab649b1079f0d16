/* figures.h - what the server tells about its cache and its store: one list of
 * names and values, for INFO and for CACHE STATS. */
#ifndef CMD_FIGURES_H
#define CMD_FIGURES_H

#include <stddef.h>
#include <stdint.h>

#include "cmd/server.h"

struct figure {
    const char *name;
    const char *text;   /* NULL: it is a number */
    uint64_t    number;
};

/* The figure is valid during the call. */
typedef void figures_each(void *arg, const struct figure *figure);

/* Both call each for every figure, and return how many. figures_store reads a
 * directory: not for something that runs often. */
size_t figures_cache(struct server *server, figures_each *each, void *arg);
size_t figures_store(struct server *server, figures_each *each, void *arg);

#endif
