/* config_text.c - one value to text and back, by type.
 *
 * The words of refusal are Redis 7's, because clients and their test suites
 * compare them. What config_format_exact prints, config_parse reads as
 * the same value: CONFIG SET relies on that to put an old value back. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "base/num.h"
#include "cmd/config_table.h"
#include "cmd/notify_flags.h"

#define OUT_OF_RANGE                                                           \
    "argument must be between %" PRIu64 " and %" PRIu64 " inclusive"

/* The field is read only. */
static const void *value_of(const struct config_option *option,
                            const struct config *config)
{
    return config_field(option, (struct config *)(uintptr_t)config);
}

static void append(struct buf *out, const void *data, size_t len)
{
    err_t err = buf_append(out, data, len);
    ASSERT(err == ERR_OK);
}

static void append_string(struct buf *out, const char *string)
{
    append(out, string, strlen(string));
}

static void append_u64(struct buf *out, uint64_t value)
{
    err_t err = buf_printf(out, "%" PRIu64, value);
    ASSERT(err == ERR_OK);
}

/* --- numbers ------------------------------------------------------------- */

static err_t check_range(const struct config_option *option, uint64_t value,
                         struct err_text *why)
{
    if (value == 0 && (option->flags & CONFIG_OR_ZERO))
        return ERR_OK;
    if (value >= option->min && value <= option->max)
        return ERR_OK;
    if (option->flags & CONFIG_OR_ZERO)
        return err_set(why, ERR_INVALID,
                       "argument must be 0, or between %" PRIu64
                       " and %" PRIu64 " inclusive",
                       option->min, option->max);
    if (option->type == CONFIG_OCTAL)
        return err_set(why, ERR_INVALID,
                       "argument must be between %" PRIo64 " and %" PRIo64
                       " inclusive",
                       option->min, option->max);
    return err_set(why, ERR_INVALID, OUT_OF_RANGE, option->min, option->max);
}

/* Any int is taken, and brought between the bounds: so Redis does with hz. */
static err_t clamp_int(const struct config_option *option, int *field,
                       int64_t number, struct err_text *why)
{
    if (number < 0 || number > INT32_MAX)
        return err_set(why, ERR_INVALID, OUT_OF_RANGE, (uint64_t)0,
                       (uint64_t)INT32_MAX);
    if (number < (int64_t)option->min)
        number = (int64_t)option->min;
    if (number > (int64_t)option->max)
        number = (int64_t)option->max;
    *field = (int)number;
    return ERR_OK;
}

static err_t parse_int(const struct config_option *option, void *field,
                       slice value, struct err_text *why)
{
    int64_t number;

    if (!num_parse_int64(value, &number))
        return err_set(why, ERR_INVALID,
                       "argument couldn't be parsed into an integer");
    if (option->flags & CONFIG_CLAMP)
        return clamp_int(option, field, number, why);
    if (number < 0) /* no option takes less than 0 */
        return err_set(why, ERR_INVALID, OUT_OF_RANGE, option->min,
                       option->max);
    err_t err = check_range(option, (uint64_t)number, why);
    if (err)
        return err;
    *(int *)field = (int)number;
    return ERR_OK;
}

static err_t parse_int64(const struct config_option *option, void *field,
                         slice value, struct err_text *why)
{
    int64_t number, min = (int64_t)option->min, max = (int64_t)option->max;

    if (!num_parse_int64(value, &number))
        return err_set(why, ERR_INVALID,
                       "argument couldn't be parsed into an integer");
    if (number < min || number > max)
        return err_set(why, ERR_INVALID,
                       "argument must be between %" PRId64 " and %" PRId64
                       " inclusive",
                       min, max);
    *(int64_t *)field = number;
    return ERR_OK;
}

static void format_int64(const struct config_option *option, const void *field,
                         struct buf *out)
{
    (void)option;
    err_t err = buf_printf(out, "%" PRId64, *(const int64_t *)field);
    ASSERT(err == ERR_OK);
}

static err_t parse_count(const struct config_option *option, void *field,
                         slice value, struct err_text *why)
{
    int64_t number = 0;

    err_t err = parse_int64(option, &number, value, why);
    if (err)
        return err;
    ASSERT(number >= 0);
    *(uint64_t *)field = (uint64_t)number;
    return ERR_OK;
}

static void format_int(const struct config_option *option, const void *field,
                       struct buf *out)
{
    (void)option;
    append_u64(out, (uint64_t) * (const int *)field);
}

static err_t parse_octal(const struct config_option *option, void *field,
                         slice value, struct err_text *why)
{
    uint64_t number = 0;
    bool     good = value.len > 0 && value.len <= 10;

    for (size_t i = 0; good && i < value.len; i++) {
        good = value.data[i] >= '0' && value.data[i] <= '7';
        number = number * 8 + (uint64_t)(value.data[i] - '0');
    }
    if (!good)
        return err_set(why, ERR_INVALID,
                       "argument couldn't be parsed as an octal number");
    err_t err = check_range(option, number, why);
    if (err)
        return err;
    *(unsigned *)field = (unsigned)number;
    return ERR_OK;
}

static void format_octal(const struct config_option *option, const void *field,
                         struct buf *out)
{
    (void)option;
    err_t err = buf_printf(out, "%o", *(const unsigned *)field);
    ASSERT(err == ERR_OK);
}

static err_t parse_bytes(const struct config_option *option, void *field,
                         slice value, struct err_text *why)
{
    uint64_t bytes;

    if (!num_parse_bytes(value, &bytes))
        return err_set(why, ERR_INVALID, "argument must be a memory value");
    err_t err = check_range(option, bytes, why);
    if (err)
        return err;
    *(uint64_t *)field = bytes;
    return ERR_OK;
}

static err_t parse_ms(const struct config_option *option, void *field,
                      slice value, struct err_text *why)
{
    uint64_t ms;

    if (!num_parse_duration_ms(value, &ms))
        return err_set(why, ERR_INVALID,
                       "argument must be a time value (500ms, 2s, 1m)");
    err_t err = check_range(option, ms, why);
    if (err)
        return err;
    *(uint64_t *)field = ms;
    return ERR_OK;
}

static void format_u64(const struct config_option *option, const void *field,
                       struct buf *out)
{
    (void)option;
    append_u64(out, *(const uint64_t *)field);
}

/* --- words --------------------------------------------------------------- */

static err_t parse_bool(const struct config_option *option, void *field,
                        slice value, struct err_text *why)
{
    (void)option;
    bool yes = slice_equal_nocase(value, "yes");

    if (!yes && !slice_equal_nocase(value, "no"))
        return err_set(why, ERR_INVALID, "argument must be 'yes' or 'no'");
    *(bool *)field = yes;
    return ERR_OK;
}

static void format_bool(const struct config_option *option, const void *field,
                        struct buf *out)
{
    (void)option;
    append_string(out, *(const bool *)field ? "yes" : "no");
}

static err_t refuse_name(const struct config_option *option,
                         struct err_text *why)
{
    char   all[160];
    size_t len = 0;

    for (const struct config_name *name = option->names; name->name; name++) {
        int more = snprintf(all + len, sizeof(all) - len, "%s%s",
                            len > 0 ? ", " : "", name->name);
        ASSERT(more > 0);
        ASSERT((size_t)more < sizeof(all) - len);
        len += (size_t)more;
    }
    return err_set(why, ERR_INVALID,
                   "argument(s) must be one of the following: %s", all);
}

/* Enums are stored through memcpy: which integer type an enum is made of is
 * the compiler's choice, its size is checked beside the table. */
static err_t parse_enum(const struct config_option *option, void *field,
                        slice value, struct err_text *why)
{
    for (const struct config_name *name = option->names; name->name; name++) {
        if (slice_equal_nocase(value, name->name)) {
            memcpy(field, &name->value, sizeof(name->value));
            return ERR_OK;
        }
    }
    return refuse_name(option, why);
}

static void format_enum(const struct config_option *option, const void *field,
                        struct buf *out)
{
    const struct config_name *name = option->names;
    int                       value;

    memcpy(&value, field, sizeof(value));
    while (name->name != NULL && name->value != value)
        name++;
    ASSERT(name->name != NULL);
    append_string(out, name->name);
}

/* --- texts --------------------------------------------------------------- */

static void replace_text(void *field, slice value)
{
    char **text = field;
    char  *copy = mem_alloc(value.len + 1);

    if (value.len > 0)
        memcpy(copy, value.data, value.len);
    copy[value.len] = 0;
    mem_free(*text);
    *text = copy;
}

static err_t parse_text(const struct config_option *option, void *field,
                        slice value, struct err_text *why)
{
    if (value.len > option->max)
        return err_set(why, ERR_INVALID,
                       "argument must not be longer than %" PRIu64 " bytes",
                       option->max);
    if (value.len < option->min)
        return err_set(why, ERR_INVALID, "argument must not be empty");
    if (value.len > 0 && memchr(value.data, 0, value.len) != NULL)
        return err_set(why, ERR_INVALID,
                       "argument must not contain a zero byte");
    replace_text(field, value);
    return ERR_OK;
}

static void format_text(const struct config_option *option, const void *field,
                        struct buf *out)
{
    (void)option;
    append_string(out, *(char *const *)field);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool config_next_word(slice *text, slice *word)
{
    size_t i = 0, end;

    while (i < text->len && is_blank(text->data[i]))
        i++;
    end = i;
    while (end < text->len && !is_blank(text->data[end]))
        end++;
    *word = slice_make(text->data + i, end - i);
    *text = slice_make(text->data + end, text->len - end);
    return word->len > 0;
}

/* Kept with one space between words, whatever was typed. */
static err_t parse_words(const struct config_option *option, void *field,
                         slice value, struct err_text *why)
{
    char     joined[CONFIG_VALUE_MAX];
    size_t   len = 0;
    uint64_t count = 0;
    slice    word;

    if (value.len > sizeof(joined) ||
        (value.len > 0 && memchr(value.data, 0, value.len) != NULL))
        return err_set(why, ERR_INVALID, "argument is no list of words");
    while (config_next_word(&value, &word)) {
        if (count++ > 0)
            joined[len++] = ' ';
        memcpy(joined + len, word.data, word.len);
        len += word.len;
    }
    if (count < option->min || count > option->max)
        return err_set(why, ERR_INVALID,
                       "argument must have between %" PRIu64 " and %" PRIu64
                       " words",
                       option->min, option->max);
    replace_text(field, slice_make(joined, len));
    return ERR_OK;
}

/* --- client-output-buffer-limit ------------------------------------------ */

static bool parse_class(slice word, enum config_client_class *out)
{
    static const struct config_name names[] = {
        { "normal",  CONFIG_CLASS_NORMAL },
        { "slave",   CONFIG_CLASS_REPLICA },
        { "replica", CONFIG_CLASS_REPLICA },
        { "pubsub",  CONFIG_CLASS_PUBSUB },
        { NULL,      0 },
    };
    for (const struct config_name *name = names; name->name; name++) {
        if (slice_equal_nocase(word, name->name)) {
            *out = (enum config_client_class)name->value;
            return true;
        }
    }
    return false;
}

/* One "class hard soft seconds". */
static err_t parse_limit(const struct config_option *option,
                         const slice words[4],
                         struct config_output_limit *limits,
                         struct err_text *why)
{
    enum config_client_class class;
    uint64_t hard, soft;
    int64_t  seconds;

    if (!parse_class(words[0], &class))
        return err_set(why, ERR_INVALID,
                       "Invalid client class specified in buffer limit "
                       "configuration.");
    if (!num_parse_bytes(words[1], &hard) ||
        !num_parse_bytes(words[2], &soft) || hard > option->max ||
        soft > option->max || !num_parse_int64(words[3], &seconds) ||
        seconds < 0 || seconds > INT32_MAX)
        return err_set(why, ERR_INVALID,
                       "Error in hard, soft or soft_seconds setting in "
                       "buffer limit configuration.");
    limits[class] = (struct config_output_limit){ .hard = hard,
                                                  .soft = soft,
                                                  .soft_seconds =
                                                      (int)seconds };
    return ERR_OK;
}

/* Classes that aren't named keep their limits. */
static err_t parse_limits(const struct config_option *option, void *field,
                          slice value, struct err_text *why)
{
    struct config_output_limit limits[CONFIG_CLASS_COUNT];
    slice  words[4], rest = value;
    size_t count = 0;

    while (config_next_word(&rest, &words[0]))
        count++;
    if (count == 0 || count % 4 != 0)
        return err_set(why, ERR_INVALID,
                       "Wrong number of arguments in buffer limit "
                       "configuration.");
    memcpy(limits, field, sizeof(limits));
    for (; count > 0; count -= 4) {
        for (size_t i = 0; i < 4; i++)
            config_next_word(&value, &words[i]);
        err_t err = parse_limit(option, words, limits, why);
        if (err)
            return err;
    }
    memcpy(field, limits, sizeof(limits));
    return ERR_OK;
}

static void format_limits(const struct config_option *option,
                          const void *field, struct buf *out)
{
    static const char *const names[] = { "normal", "slave", "pubsub" };
    const struct config_output_limit *limits = field;

    (void)option;
    for (int i = 0; i < CONFIG_CLASS_COUNT; i++) {
        err_t err = buf_printf(out, "%s%s %" PRIu64 " %" PRIu64 " %d",
                               i > 0 ? " " : "", names[i], limits[i].hard,
                               limits[i].soft, limits[i].soft_seconds);
        ASSERT(err == ERR_OK);
    }
}

/* --- save ---------------------------------------------------------------- */

/* Redis splits some values at each single blank. */
static bool has_empty_word(slice text)
{
    bool blank = true;

    for (size_t i = 0; i < text.len; i++) {
        if (blank && is_blank(text.data[i]))
            return true;
        blank = is_blank(text.data[i]);
    }
    return blank;
}

/* Pairs of seconds and changes, or nothing. */
static bool is_save(slice value)
{
    slice  word;
    size_t count = 0;

    if (value.len > 0 && has_empty_word(value))
        return false;
    while (config_next_word(&value, &word)) {
        int64_t number;
        if (!num_parse_int64(word, &number) || number > INT32_MAX ||
            number < (count % 2 == 0 ? 1 : 0))
            return false;
        count++;
    }
    return count % 2 == 0;
}

static err_t parse_save(const struct config_option *option, void *field,
                        slice value, struct err_text *why)
{
    (void)option;
    if (value.len > CONFIG_VALUE_MAX || !is_save(value))
        return err_set(why, ERR_INVALID, "Invalid save parameters");
    replace_text(field, value);
    return ERR_OK;
}

/* --- one value only ------------------------------------------------------ */

static err_t parse_fixed(const struct config_option *option, void *field,
                         slice value, struct err_text *why)
{
    if (!slice_equal_nocase(value, option->default_text))
        return err_set(why, ERR_INVALID, "argument must be '%s': %s",
                       option->default_text, option->help);
    replace_text(field, slice_from_string(option->default_text));
    return ERR_OK;
}

/* --- notify-keyspace-events, latency-tracking-info-percentiles ------------ */

static err_t parse_notify(const struct config_option *option, void *field,
                          slice value, struct err_text *why)
{
    (void)option;
    if (notify_flags_parse(value, field))
        return ERR_OK;
    return err_set(why, ERR_INVALID,
                   "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
}

static void format_notify(const struct config_option *option, const void *field,
                          struct buf *out)
{
    char text[NOTIFY_TEXT_CHARS];

    (void)option;
    append(out, text,
           notify_flags_format(*(const uint32_t *)field, false, text));
}

static void format_notify_exact(const struct config_option *option,
                                const void *field, struct buf *out)
{
    char text[NOTIFY_TEXT_CHARS];

    (void)option;
    append(out, text,
           notify_flags_format(*(const uint32_t *)field, true, text));
}

static err_t parse_percentiles(const struct config_option *option, void *field,
                               slice value, struct err_text *why)
{
    struct config_percentiles list = { .count = 0 };
    slice                     word;
    long double               number;

    if (value.len > 0 && has_empty_word(value))
        return err_set(why, ERR_INVALID, "Invalid %s parameters",
                       option->name);
    while (config_next_word(&value, &word)) {
        if (list.count == option->max || !num_parse_long_double(word, &number))
            return err_set(why, ERR_INVALID, "Invalid %s parameters",
                           option->name);
        if (number < 0 || number > 100)
            return err_set(why, ERR_INVALID,
                           "%s parameters should sit between [0.0,100.0]",
                           option->name);
        list.at[list.count++] = (double)number;
    }
    *(struct config_percentiles *)field = list;
    return ERR_OK;
}

/* Six places behind the point at most, without zeros at the end. */
static void format_percentiles(const struct config_option *option,
                               const void *field, struct buf *out)
{
    const struct config_percentiles *list = field;

    (void)option;
    for (size_t i = 0; i < list->count; i++) {
        err_t err = buf_printf(out, "%s%f", i > 0 ? " " : "", list->at[i]);
        ASSERT(err == ERR_OK);
        while (out->data[out->len - 1] == '0')
            out->len--;
        if (out->data[out->len - 1] == '.')
            out->len--;
    }
}

static void format_percentiles_exact(const struct config_option *option,
                                     const void *field, struct buf *out)
{
    const struct config_percentiles *list = field;
    char                             text[NUM_DOUBLE_CHARS];

    (void)option;
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0)
            append(out, " ", 1);
        append(out, text, num_format_double(list->at[i], text, sizeof(text)));
    }
}

/* --- the types ----------------------------------------------------------- */

struct codec {
    err_t (*parse)(const struct config_option *option, void *field,
                   slice value, struct err_text *why);
    void (*format)(const struct config_option *option, const void *field,
                   struct buf *out);
    void (*exact)(const struct config_option *option, const void *field,
                  struct buf *out); /* NULL: format is */
};

static const struct codec codecs[CONFIG_TYPE_COUNT] = {
    [CONFIG_INT]           = { parse_int,    format_int, NULL },
    [CONFIG_OCTAL]         = { parse_octal,  format_octal, NULL },
    [CONFIG_BOOL]          = { parse_bool,   format_bool, NULL },
    [CONFIG_BYTES]         = { parse_bytes,  format_u64, NULL },
    [CONFIG_MS]            = { parse_ms,     format_u64, NULL },
    [CONFIG_TEXT]          = { parse_text,   format_text, NULL },
    [CONFIG_WORDS]         = { parse_words,  format_text, NULL },
    [CONFIG_ENUM]          = { parse_enum,   format_enum, NULL },
    [CONFIG_OUTPUT_LIMITS] = { parse_limits, format_limits, NULL },
    [CONFIG_INT64]         = { parse_int64,  format_int64, NULL },
    [CONFIG_COUNT]         = { parse_count,  format_u64, NULL },
    [CONFIG_SAVE]          = { parse_save,   format_text,  NULL },
    [CONFIG_FIXED]         = { parse_fixed,  format_text,  NULL },
    [CONFIG_NOTIFY]      = { parse_notify, format_notify, format_notify_exact },
    [CONFIG_PERCENTILES] = { parse_percentiles, format_percentiles,
                             format_percentiles_exact },
};

err_t config_parse(const struct config_option *option, struct config *config,
                   slice value, struct err_text *why)
{
    ASSERT(option->type < CONFIG_TYPE_COUNT);
    return codecs[option->type].parse(option, config_field(option, config),
                                      value, why);
}

void config_format(const struct config_option *option,
                   const struct config *config, struct buf *out)
{
    ASSERT(option->type < CONFIG_TYPE_COUNT);
    codecs[option->type].format(option, value_of(option, config), out);
}

void config_format_exact(const struct config_option *option,
                         const struct config *config, struct buf *out)
{
    ASSERT(option->type < CONFIG_TYPE_COUNT);
    const struct codec *codec = &codecs[option->type];
    (codec->exact != NULL ? codec->exact : codec->format)(
        option, value_of(option, config), out);
}
