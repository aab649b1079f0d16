/* options.h - the configuration file and the command line.
 *
 *     [FILE] [--option value ...]
 *
 * FILE may be "-" for the standard input. The words after an option are its
 * value, up to the next word that begins with "--"; the command line wins over
 * the file, whose last line wins over the ones before.
 *
 * Errors  ERR_INVALID and ERR_NOT_FOUND: why names the file and line, or the
 *         option as it was typed, and the nearest name for an unknown one.
 *         ERR_IO: the file can't be read. The configuration may then be partly
 *         set: it is for nothing but config_deinit. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "base/err.h"
#include "cmd/config.h"

/* argv holds what follows `diskstore server`, argc words. config has its
 * defaults. */
err_t options_parse(int argc, char **argv, struct config *config,
                    struct err_text *why);

#endif
