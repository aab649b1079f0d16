/* config.c - setting and asking, for one option and for many.
 *
 * A change at runtime has three steps: take the names (nothing is touched
 * when one is wrong), parse the values into the struct while the old ones are
 * kept as text, tell the rooms. Whatever fails on the way, the old texts go
 * back in. So CONFIG SET with several pairs is all or none, and rooms are told
 * when all values are in place: an on_change that looks at two options never
 * sees half of a command.
 *
 * What it does not do: write the file (config_rewrite.c), or know what an
 * option means. */
#include "cmd/config.h"

#include "base/assert.h"
#include "base/glob.h"
#include "base/mem.h"
#include "base/num.h"
#include "cmd/config_table.h"

void config_init_defaults(struct config *config)
{
    *config = (struct config){ .port = 0 };
    config_set_origin(&config->file, "");
    config_set_origin(&config->note, "");
    for (size_t i = 0; i < config_count(); i++) {
        const struct config_option *option = config_at(i);
        err_t err = config_parse(option, config,
                                 slice_from_string(option->default_text),
                                 NULL);
        ASSERT(err == ERR_OK);
    }
}

void config_deinit(struct config *config)
{
    for (size_t i = 0; i < config_count(); i++) {
        const struct config_option *option = config_at(i);
        if (config_owns_text(option)) {
            char **text = config_field(option, config);
            mem_free(*text);
            *text = NULL;
        }
    }
    for (size_t i = 0; i < config->rename_count; i++) {
        mem_free(config->renames[i].from);
        mem_free(config->renames[i].to);
    }
    mem_free(config->renames);
    mem_free(config->file);
    mem_free(config->note);
}

/* --- where it came from --------------------------------------------------- */

static char *copy_text(slice text)
{
    char *copy = mem_alloc(text.len + 1);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

void config_set_origin(char **field, const char *text)
{
    char *copy = copy_text(slice_from_string(text));
    mem_free(*field);
    *field = copy;
}

/* Names are compared without case, and kept in lower case. */
static char *copy_name(slice name)
{
    char *copy = copy_text(name);
    for (size_t i = 0; i < name.len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + 32);
    return copy;
}

err_t config_add_rename(struct config *config, slice from, slice to,
                        struct err_text *why)
{
    if (config->rename_count == CONFIG_RENAMES_MAX)
        return err_set(why, ERR_LIMIT, "more than %d renamed commands",
                       CONFIG_RENAMES_MAX);
    size_t count = config->rename_count + 1;
    config->renames =
        mem_realloc(config->renames, count * sizeof(*config->renames));
    config->renames[config->rename_count++] =
        (struct config_rename){ .from = copy_name(from), .to = copy_name(to) };
    return ERR_OK;
}

void config_on_change(struct config *config,
                      err_t (*on_change)(void *arg, const char *name,
                                         struct err_text *why),
                      void *arg)
{
    config->on_change = on_change;
    config->on_change_arg = arg;
    config->start_max_memory = config->cache_max_memory;
}

bool config_is_secret(slice name)
{
    const struct config_option *option = config_option_find(name);
    return option != NULL && (option->flags & CONFIG_SECRET);
}

/* --- names --------------------------------------------------------------- */

static err_t refuse_foreign(const struct config_foreign *foreign,
                            struct err_text *why)
{
    return err_set(why, ERR_NOT_FOUND, "'%s' means nothing here: %s",
                   foreign->name, foreign->hint);
}

static err_t refuse_unknown(slice name, struct err_text *why)
{
    const struct config_option *nearest = config_option_nearest(name);
    int shown = name.len < 64 ? (int)name.len : 64;

    if (nearest == NULL)
        return err_set(why, ERR_NOT_FOUND, "unknown option '%.*s'", shown,
                       name.data);
    return err_set(why, ERR_NOT_FOUND,
                   "unknown option '%.*s', did you mean '%s'?", shown,
                   name.data, nearest->name);
}

static err_t find(slice name, const struct config_option **out,
                  struct err_text *why)
{
    const struct config_foreign *foreign;

    *out = config_option_find(name);
    if (*out != NULL)
        return ERR_OK;
    foreign = config_foreign_find(name);
    if (foreign != NULL)
        return refuse_foreign(foreign, why);
    return refuse_unknown(name, why);
}

static err_t check_mutable(const struct config_option *option,
                           struct err_text *why)
{
    if (option->flags & CONFIG_MUTABLE)
        return ERR_OK;
    if (option->flags & CONFIG_PROTECTED)
        return err_set(why, ERR_INVALID, "can't set protected config");
    return err_set(why, ERR_INVALID, "can't set immutable config");
}

/* --- a change at runtime ------------------------------------------------- */

struct change {
    const struct config_option *option;
    const struct config_alias  *alias; /* it was named by; NULL */
    slice      value;
    char       number[NUM_INT64_CHARS]; /* holds value, when it isn't as sent */
    struct buf old;     /* the text of the value before; once it was set */
    bool       differs; /* from the value before */
};

struct changes {
    struct change list[CONFIG_OPTIONS_MAX]; /* each name once at most */
    size_t        count;
    size_t        set_count; /* the first so many have been set */
};

static err_t changes_add(struct changes *changes,
                         const struct config_option *option, slice name,
                         slice value, struct err_text *why)
{
    const struct config_alias *alias = config_alias_find(name);

    err_t err = check_mutable(option, why);
    if (err)
        return err;
    for (size_t i = 0; i < changes->count; i++)
        if (changes->list[i].option == option &&
            changes->list[i].alias == alias)
            return err_set(why, ERR_INVALID, "duplicate parameter");
    ASSERT(changes->count < CONFIG_OPTIONS_MAX);
    changes->list[changes->count++] = (struct change){ .option = option,
                                                       .alias = alias,
                                                       .value = value };
    return ERR_OK;
}

/* `maxmemory 0` takes back what maxmemory has done. */
static bool is_no_limit(const struct config_alias *alias, slice value)
{
    uint64_t bytes;

    return alias != NULL && strcmp(alias->name, "maxmemory") == 0 &&
           num_parse_bytes(value, &bytes) && bytes == 0;
}

static void changes_deinit(struct changes *changes)
{
    for (size_t i = 0; i < changes->set_count; i++)
        buf_deinit(&changes->list[i].old);
}

static err_t change_set(struct change *change, struct config *config,
                        struct err_text *why)
{
    struct buf now;

    if (is_no_limit(change->alias, change->value)) {
        size_t len = num_format_int64((int64_t)config->start_max_memory,
                                      change->number);
        change->value = slice_make(change->number, len);
    }
    err_t err = config_parse(change->option, config, change->value, why);
    if (err)
        return err;
    buf_init(&now, CONFIG_VALUE_MAX);
    config_format_exact(change->option, config, &now);
    change->differs = !slice_equal(buf_slice(&now), buf_slice(&change->old));
    buf_deinit(&now);
    return ERR_OK;
}

/* As it was named. */
static const char *name_of(const struct change *change)
{
    return change->alias != NULL ? change->alias->name : change->option->name;
}

/* Parses all values into config; on an error *bad names the one. */
static err_t changes_set(struct changes *changes, struct config *config,
                         const char **bad, struct err_text *why)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = &changes->list[i];

        buf_init(&change->old, CONFIG_VALUE_MAX);
        config_format_exact(change->option, config, &change->old);
        changes->set_count++;
        err_t err = change_set(change, config, why);
        if (err) {
            *bad = name_of(change);
            return err;
        }
    }
    return ERR_OK;
}

static void changes_undo(struct changes *changes, struct config *config)
{
    for (size_t i = changes->set_count; i > 0; i--) { /* the newest first */
        struct change *change = &changes->list[i - 1];
        err_t err = config_parse(change->option, config,
                                 buf_slice(&change->old), NULL);
        ASSERT(err == ERR_OK); /* it was printed from a value */
    }
}

static err_t tell(const struct config *config, const struct change *change,
                  struct err_text *why)
{
    if (config->on_change == NULL || !change->differs)
        return ERR_OK;
    return config->on_change(config->on_change_arg, change->option->name, why);
}

/* A room said no: everything goes back, and those that had said yes are told
 * again. By contract they take what they had; if one does not, the client's
 * error tells it, there is nothing left to go back to. */
static err_t take_back(struct changes *changes, struct config *config,
                       size_t told, struct err_text *why)
{
    err_t result = ERR_OK;

    changes_undo(changes, config);
    for (size_t i = 0; i < told; i++) {
        struct err_text again = { "" };
        err_t err = tell(config, &changes->list[i], &again);
        if (err)
            result = err_set(why, err, "the old %s was refused too: %s",
                             changes->list[i].option->name, again.text);
    }
    return result;
}

/* Sets all and tells the rooms, or nothing. *bad is meaningful on an error. */
static err_t changes_apply(struct changes *changes, struct config *config,
                           const char **bad, struct err_text *why)
{
    err_t err = changes_set(changes, config, bad, why);
    if (err) {
        changes_undo(changes, config);
        return err;
    }
    for (size_t i = 0; i < changes->count; i++) {
        err = tell(config, &changes->list[i], why);
        if (err) {
            err_t back = take_back(changes, config, i, why);
            *bad = name_of(&changes->list[i]);
            return back ? back : err;
        }
    }
    return ERR_OK;
}

static err_t set_running(struct config *config,
                         const struct config_option *option, slice name,
                         slice value, struct err_text *why)
{
    struct changes changes = { .count = 0 };
    const char    *bad = NULL;

    err_t err = changes_add(&changes, option, name, value, why);
    if (!err)
        err = changes_apply(&changes, config, &bad, why);
    changes_deinit(&changes);
    return err;
}

static err_t set_starting(struct config *config,
                          const struct config_option *option, slice name,
                          slice value, struct err_text *why)
{
    if (is_no_limit(config_alias_find(name), value))
        return ERR_OK;
    return config_parse(option, config, value, why);
}

err_t config_set_text(struct config *config, slice name, slice value,
                      unsigned flags, struct err_text *why)
{
    const struct config_option *option;

    err_t err = find(name, &option, why);
    if (err)
        return err;
    if (flags & CONFIG_AT_START)
        return set_starting(config, option, name, value, why);
    return set_running(config, option, name, value, why);
}

static bool takes_words(const struct config_option *option)
{
    return option->type == CONFIG_WORDS || option->type == CONFIG_SAVE ||
           option->type == CONFIG_OUTPUT_LIMITS ||
           option->type == CONFIG_PERCENTILES;
}

/* In a file a comment has its own line; one behind a value looks like more
 * words. */
static err_t refuse_count(const slice *words, size_t count,
                          struct err_text *why)
{
    bool comment = false;

    if (count == 0)
        return err_set(why, ERR_INVALID, "a value is missing");
    for (size_t i = 0; i < count; i++)
        comment |= words[i].len > 0 && words[i].data[0] == '#';
    return err_set(why, ERR_INVALID, "one value is expected, not %zu words%s",
                   count,
                   comment ? " (a comment needs a line of its own)" : "");
}

/* One blank between two words. ERR_LIMIT: out is full. */
static err_t join(const slice *words, size_t count, struct buf *out)
{
    err_t err = ERR_OK;
    for (size_t i = 0; i < count && !err; i++) {
        if (out->len > 0)
            err = buf_append_byte(out, ' ');
        if (!err)
            err = buf_append(out, words[i].data, words[i].len);
    }
    return err;
}

/* Each line with `save` adds to those before, but `save ""` forgets them. */
static void continue_save(const struct config_option *option,
                          const struct config *config, const slice *words,
                          size_t count, struct buf *out)
{
    bool forgets = count == 0 || (count == 1 && words[0].len == 0);
    if (option->type == CONFIG_SAVE && !forgets)
        config_format(option, config, out);
}

err_t config_set_words(struct config *config, slice name, const slice *words,
                       size_t count, struct err_text *why)
{
    const struct config_option *option;
    struct buf                  joined;

    err_t err = find(name, &option, why);
    if (err)
        return err;
    if (count == 1 && option->type != CONFIG_SAVE)
        return set_starting(config, option, name, words[0], why);
    if ((count == 0 && option->type != CONFIG_SAVE) ||
        (count > 1 && !takes_words(option)))
        return refuse_count(words, count, why);

    buf_init(&joined, CONFIG_VALUE_MAX);
    continue_save(option, config, words, count, &joined);
    err = join(words, count, &joined);
    if (err)
        err = err_set(why, ERR_INVALID, "the value is too long");
    else
        err = config_parse(option, config, buf_slice(&joined), why);
    buf_deinit(&joined);
    return err;
}

/* --- CONFIG SET ---------------------------------------------------------- */

/* The reply names the argument it is about; one that isn't ours has a reply
 * of its own. */
static err_t pairs_take(struct changes *changes,
                        const struct config_pair *pairs, size_t count,
                        const char **bad, struct err_text *why)
{
    for (size_t i = 0; i < count; i++) {
        const struct config_option *option = config_option_find(pairs[i].name);
        const struct config_foreign *foreign;

        if (option != NULL) {
            err_t err = changes_add(changes, option, pairs[i].name,
                                    pairs[i].value, why);
            if (err) {
                *bad = config_alias_find(pairs[i].name) != NULL
                           ? config_alias_find(pairs[i].name)->name
                           : option->name;
                return err;
            }
            continue;
        }
        foreign = config_foreign_find(pairs[i].name);
        if (foreign == NULL) {
            *bad = NULL;
            return err_set(why, ERR_NOT_FOUND,
                           "ERR Unknown option or number of arguments for "
                           "CONFIG SET - '%.*s'",
                           pairs[i].name.len < 128 ? (int)pairs[i].name.len
                                                   : 128,
                           pairs[i].name.data);
        }
        *bad = foreign->name;
        return refuse_foreign(foreign, why);
    }
    return ERR_OK;
}

err_t config_set_pairs(struct config *config, const struct config_pair *pairs,
                       size_t count, struct err_text *why)
{
    struct changes  changes = { .count = 0 };
    struct err_text inner = { "" };
    const char     *bad = NULL;

    err_t err = pairs_take(&changes, pairs, count, &bad, &inner);
    if (!err)
        err = changes_apply(&changes, config, &bad, &inner);
    changes_deinit(&changes);
    if (!err)
        return ERR_OK;
    if (bad == NULL)
        return err_set(why, err, "%s", inner.text);
    return err_set(why, err,
                   "ERR CONFIG SET failed (possibly related to argument '%s')"
                   "%s%s",
                   bad, inner.text[0] ? " - " : "", inner.text);
}

/* --- CONFIG GET ---------------------------------------------------------- */

/* The name to answer with, or an empty slice when no pattern matches. Asked
 * for by its full name, an option answers to that spelling, as in Redis. */
static slice match_name(const char *name, const slice *patterns, size_t count)
{
    slice whole = slice_from_string(name);

    for (size_t i = 0; i < count; i++) {
        if (slice_equal_nocase(patterns[i], name))
            return patterns[i];
        if (glob_has_wildcard(patterns[i]) &&
            glob_match(patterns[i], whole, true))
            return whole;
    }
    return SLICE_EMPTY;
}

struct asked {
    const struct config *config;
    const slice         *patterns;
    size_t               count;
    config_each         *each;
    void                *arg;
    struct buf           value;
    size_t               found;
};

/* Answers name with the value of option, or with text if there is none. */
static void answer(struct asked *asked, const char *name,
                   const struct config_option *option, const char *text)
{
    slice shown = match_name(name, asked->patterns, asked->count);
    if (shown.len == 0)
        return;
    slice value = slice_from_string(text);
    if (option != NULL) {
        buf_clear(&asked->value);
        config_format(option, asked->config, &asked->value);
        value = buf_slice(&asked->value);
    }
    asked->each(asked->arg, shown, value);
    asked->found++;
}

size_t config_get(const struct config *config, const slice *patterns,
                  size_t count, config_each *each, void *arg)
{
    struct asked asked = { .config = config,
                           .patterns = patterns,
                           .count = count,
                           .each = each,
                           .arg = arg };

    buf_init(&asked.value, CONFIG_VALUE_MAX);
    for (size_t i = 0; i < config_count(); i++)
        answer(&asked, config_at(i)->name, config_at(i), "");
    for (size_t i = 0; i < config_alias_count; i++)
        answer(&asked, config_aliases[i].name,
               config_option_find(slice_from_string(config_aliases[i].name)),
               "");
    for (size_t i = 0; i < config_foreign_count; i++)
        if (config_foreigns[i].answer != NULL)
            answer(&asked, config_foreigns[i].name, NULL,
                   config_foreigns[i].answer);
    buf_deinit(&asked.value);
    return asked.found;
}

void config_value(const struct config *config, const char *name,
                  struct buf *out)
{
    const struct config_option *option =
        config_option_find(slice_from_string(name));
    ASSERT(option != NULL);
    config_format(option, config, out);
}
