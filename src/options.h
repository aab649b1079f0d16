/* options.h - the configuration files, the environment and the command line.
 *
 *     [FILE] [--option value ...] [-]
 *
 * "-", as the first or the last word, is the standard input; with a FILE too,
 * it is read after it. The words after an option are its value, up to the next
 * word that begins with "--". The command line wins over the environment
 * (DISKSTORE_CACHE_MAX_MEMORY=1gb), that over the standard input and the file,
 * and of two lines in a file the last.
 *
 * Besides the options there are `include PATTERN`, which reads other files
 * right there, and `rename-command NAME NEW`.
 *
 * `dir` takes effect when it is read: relative paths behind it start there.
 *
 * Errors  ERR_INVALID and ERR_NOT_FOUND: why names the file and line, the
 *         variable, or the option as it was typed, and the nearest name for an
 *         unknown one. ERR_IO: a file can't be read. The configuration may
 *         then be partly set: it is for nothing but config_deinit. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "base/err.h"
#include "cmd/config.h"

/* argv holds what follows `diskstore server`, argc words. environment is as
 * environ(7), NULL: none. config has its defaults; config->file is set if
 * there is a FILE, config->dir to the absolute working directory. */
err_t options_parse(int argc, char **argv, char *const *environment,
                    struct config *config, struct err_text *why);

#endif
