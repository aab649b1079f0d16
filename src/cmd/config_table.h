/* config_table.h - the table of options: for config*.c and the tests only. */
#ifndef CMD_CONFIG_TABLE_H
#define CMD_CONFIG_TABLE_H

#include "base/buf.h"
#include "cmd/config.h"

enum config_type {
    CONFIG_INT,           /* int */
    CONFIG_OCTAL,         /* unsigned */
    CONFIG_BOOL,          /* bool */
    CONFIG_BYTES,         /* uint64_t */
    CONFIG_MS,            /* uint64_t */
    CONFIG_TEXT,          /* char *; min and max are lengths */
    CONFIG_WORDS,         /* char *, a list; min and max count its words */
    CONFIG_ENUM,          /* an enum, one of option->names */
    CONFIG_OUTPUT_LIMITS, /* struct config_output_limit[CONFIG_CLASS_COUNT] */
    CONFIG_TYPE_COUNT
};

#define CONFIG_MUTABLE  1u /* CONFIG SET may change it */
#define CONFIG_SECRET   2u /* not for logs and error texts */
#define CONFIG_OR_ZERO  4u /* 0 is fine too, though below min */
#define CONFIG_CLAMP    8u /* out of range: the nearest bound, no error */

/* No value is longer than this, in text. */
#define CONFIG_VALUE_MAX 4096

struct config_name {
    const char *name; /* NULL ends the list */
    int         value;
};

struct config_option {
    const char      *name;
    enum config_type type;
    unsigned         flags;
    size_t           offset; /* of the field in struct config */
    const char      *default_text;
    uint64_t         min, max;
    const char      *unit; /* as a reader of the documentation calls it */
    const char      *help; /* one line */
    const struct config_name *names; /* CONFIG_ENUM */
};

extern const struct config_option config_options[];
extern const size_t               config_option_count;
#define CONFIG_OPTIONS_MAX 64 /* config_option_count is at most this */

/* An option of redis.conf that means nothing here. CONFIG GET answers it when
 * a truthful answer exists: a fixed text, or the value of one of ours. */
struct config_foreign {
    const char *name;
    const char *hint;   /* what to do instead; NULL: nothing */
    const char *answer; /* or NULL */
    const char *same_as; /* or NULL */
};

extern const struct config_foreign config_foreigns[];
extern const size_t                config_foreign_count;

/* NULL when there is none. Names are compared without case. */
const struct config_option  *config_option_find(slice name);
const struct config_foreign *config_foreign_find(slice name);

/* The option whose name is most like this one, NULL when none is near. */
const struct config_option *config_option_nearest(slice name);

/* --- values as text (config_text.c) -------------------------------------- */

/* Reads value into the field; on an error the field is as before and why has
 * Redis's words. A text that was in the field is freed. */
err_t config_parse(const struct config_option *option, struct config *config,
                   slice value, struct err_text *why);

/* Appends the value as CONFIG GET prints it. out must have room for
 * CONFIG_VALUE_MAX. What is printed reads back as the same value. */
void config_format(const struct config_option *option,
                   const struct config *config, struct buf *out);

#endif
