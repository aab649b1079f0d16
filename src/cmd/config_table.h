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
    CONFIG_INT64,         /* int64_t; min and max are too, see CONFIG_SIGNED */
    CONFIG_COUNT,         /* uint64_t, a plain number up to INT64_MAX */
    CONFIG_NOTIFY,        /* uint32_t, a mask of enum notify_flag */
    CONFIG_PERCENTILES,   /* struct config_percentiles */
    CONFIG_SAVE,          /* char *, pairs of seconds and changes */
    CONFIG_FIXED,         /* char *, and only the default is taken */
    CONFIG_TYPE_COUNT
};

#define CONFIG_MUTABLE  1u /* CONFIG SET may change it */
#define CONFIG_SECRET   2u /* not for logs and error texts */
#define CONFIG_OR_ZERO  4u /* 0 is fine too, though below min */
#define CONFIG_CLAMP    8u /* out of range: the nearest bound, no error */
#define CONFIG_PROTECTED 16u /* CONFIG SET may not, in Redis's words */

/* A bound of a CONFIG_INT64, in the fields of unsigned type. */
#define CONFIG_SIGNED(bound) ((uint64_t)(int64_t)(bound))

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

/* What acts. Then what Redis has and is accepted without effect: the text of
 * `help` says why that does no harm, and the value is in config->accepted. */
extern const struct config_option config_options[];
extern const size_t               config_option_count;
extern const struct config_option config_accepted[];
extern const size_t               config_accepted_count;
#define CONFIG_OPTIONS_MAX 192 /* both together, and aliases */

/* Both tables as one: config_at(0 .. config_count() - 1). */
size_t                      config_count(void);
const struct config_option *config_at(size_t i);

/* Another name of Redis for one of these options. `maxmemory 0` is no limit in
 * Redis, which isn't possible here: it means the limit of the start. */
struct config_alias {
    const char *name;
    const char *option;
};

extern const struct config_alias config_aliases[];
extern const size_t              config_alias_count;

/* An option of redis.conf that is refused. CONFIG GET answers it when a
 * truthful answer exists. */
struct config_foreign {
    const char *name;
    const char *hint;   /* what to do instead */
    const char *answer; /* or NULL */
};

extern const struct config_foreign config_foreigns[];
extern const size_t                config_foreign_count;

/* NULL when there is none. Names are compared without case. The first takes
 * aliases for what they stand for. */
const struct config_option  *config_option_find(slice name);
const struct config_alias   *config_alias_find(slice name);
const struct config_foreign *config_foreign_find(slice name);

/* The option whose name is most like this one, NULL when none is near. */
const struct config_option *config_option_nearest(slice name);

/* --- values as text (config_text.c) -------------------------------------- */

/* Where the option's value is. */
void *config_field(const struct config_option *option, struct config *config);

/* True for the types whose value is a text of its own in the field. */
bool config_owns_text(const struct config_option *option);

/* Takes the next word off the front of text; false when none is left. */
bool config_next_word(slice *text, slice *word);

/* Reads value into the field; on an error the field is as before and why has
 * Redis's words. A text that was in the field is freed. */
err_t config_parse(const struct config_option *option, struct config *config,
                   slice value, struct err_text *why);

/* Appends the value as CONFIG GET prints it. out must have room for
 * CONFIG_VALUE_MAX. */
void config_format(const struct config_option *option,
                   const struct config *config, struct buf *out);

/* The same, as a text that reads back as the same value. That is the same
 * text, but for the few options where Redis prints less than it knows. */
void config_format_exact(const struct config_option *option,
                         const struct config *config, struct buf *out);

#endif
