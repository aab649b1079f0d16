/* config.c - setting and asking, for one option and for many.
 *
 * A change at runtime has three steps: take the names (nothing is touched
 * when one is wrong), parse the values into the struct while the old ones are
 * kept as text, tell the rooms. Whatever fails on the way, the old texts go
 * back in. So CONFIG SET with several pairs is all or none, and rooms are told
 * when all values are in place: an on_change that looks at two options never
 * sees half of a command.
 *
 * What it does not do: write the file (CONFIG REWRITE), or know what an option
 * means. */
#include "cmd/config.h"

#include "base/assert.h"
#include "base/glob.h"
#include "base/mem.h"
#include "cmd/config_table.h"

void config_init_defaults(struct config *config)
{
    *config = (struct config){ .port = 0 };
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];
        err_t err = config_parse(option, config,
                                 slice_from_string(option->default_text),
                                 NULL);
        ASSERT(err == ERR_OK);
    }
}

void config_deinit(struct config *config)
{
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];
        if (option->type == CONFIG_TEXT || option->type == CONFIG_WORDS) {
            char **text = (char **)(void *)((char *)config + option->offset);
            mem_free(*text);
            *text = NULL;
        }
    }
}

void config_on_change(struct config *config,
                      err_t (*on_change)(void *arg, const char *name,
                                         struct err_text *why),
                      void *arg)
{
    config->on_change = on_change;
    config->on_change_arg = arg;
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
    return err_set(why, ERR_NOT_FOUND, "'%s' means nothing here%s%s",
                   foreign->name, foreign->hint ? ": " : "",
                   foreign->hint ? foreign->hint : "");
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
    return err_set(why, ERR_INVALID, "can't set immutable config");
}

/* --- a change at runtime ------------------------------------------------- */

struct change {
    const struct config_option *option;
    slice      value;
    struct buf old;     /* the text of the value before; once it was set */
    bool       differs; /* from the value before */
};

struct changes {
    struct change list[CONFIG_OPTIONS_MAX]; /* each option once at most */
    size_t        count;
    size_t        set_count; /* the first so many have been set */
};

static err_t changes_add(struct changes *changes,
                         const struct config_option *option, slice value,
                         struct err_text *why)
{
    err_t err = check_mutable(option, why);
    if (err)
        return err;
    for (size_t i = 0; i < changes->count; i++)
        if (changes->list[i].option == option)
            return err_set(why, ERR_INVALID, "duplicate parameter");
    ASSERT(changes->count < CONFIG_OPTIONS_MAX);
    changes->list[changes->count++] = (struct change){ .option = option,
                                                       .value = value };
    return ERR_OK;
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

    err_t err = config_parse(change->option, config, change->value, why);
    if (err)
        return err;
    buf_init(&now, CONFIG_VALUE_MAX);
    config_format(change->option, config, &now);
    change->differs = !slice_equal(buf_slice(&now), buf_slice(&change->old));
    buf_deinit(&now);
    return ERR_OK;
}

/* Parses all values into config; on an error *bad is the one. */
static err_t changes_set(struct changes *changes, struct config *config,
                         const struct config_option **bad,
                         struct err_text *why)
{
    for (size_t i = 0; i < changes->count; i++) {
        struct change *change = &changes->list[i];

        buf_init(&change->old, CONFIG_VALUE_MAX);
        config_format(change->option, config, &change->old);
        changes->set_count++;
        err_t err = change_set(change, config, why);
        if (err) {
            *bad = change->option;
            return err;
        }
    }
    return ERR_OK;
}

static void changes_undo(struct changes *changes, struct config *config)
{
    for (size_t i = 0; i < changes->set_count; i++) {
        struct change *change = &changes->list[i];
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
                           const struct config_option **bad,
                           struct err_text *why)
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
            *bad = changes->list[i].option;
            return back ? back : err;
        }
    }
    return ERR_OK;
}

static err_t set_running(struct config *config,
                         const struct config_option *option, slice value,
                         struct err_text *why)
{
    struct changes              changes = { .count = 0 };
    const struct config_option *bad = NULL;

    err_t err = changes_add(&changes, option, value, why);
    if (!err)
        err = changes_apply(&changes, config, &bad, why);
    changes_deinit(&changes);
    return err;
}

err_t config_set_text(struct config *config, slice name, slice value,
                      unsigned flags, struct err_text *why)
{
    const struct config_option *option;

    err_t err = find(name, &option, why);
    if (err)
        return err;
    if (flags & CONFIG_AT_START)
        return config_parse(option, config, value, why);
    return set_running(config, option, value, why);
}

static bool takes_words(const struct config_option *option)
{
    return option->type == CONFIG_WORDS || option->type == CONFIG_OUTPUT_LIMITS;
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

err_t config_set_words(struct config *config, slice name, const slice *words,
                       size_t count, struct err_text *why)
{
    const struct config_option *option;
    struct buf                  joined;

    err_t err = find(name, &option, why);
    if (err)
        return err;
    if (count == 1)
        return config_parse(option, config, words[0], why);
    if (count == 0 || !takes_words(option))
        return refuse_count(words, count, why);

    buf_init(&joined, CONFIG_VALUE_MAX);
    for (size_t i = 0; i < count && !err; i++) {
        err = buf_append(&joined, words[i].data, words[i].len);
        if (!err)
            err = buf_append_byte(&joined, ' ');
    }
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
            err_t err = changes_add(changes, option, pairs[i].value, why);
            if (err) {
                *bad = option->name;
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
    struct changes              changes = { .count = 0 };
    struct err_text             inner = { "" };
    const struct config_option *option = NULL;
    const char                 *bad = NULL;

    err_t err = pairs_take(&changes, pairs, count, &bad, &inner);
    if (!err) {
        err = changes_apply(&changes, config, &option, &inner);
        bad = option != NULL ? option->name : NULL;
    }
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

static void foreign_format(const struct config_foreign *foreign,
                           const struct config *config, struct buf *out)
{
    if (foreign->same_as != NULL) {
        slice name = slice_from_string(foreign->same_as);
        const struct config_option *option = config_option_find(name);
        ASSERT(option != NULL);
        config_format(option, config, out);
    } else {
        err_t err = buf_append(out, foreign->answer, strlen(foreign->answer));
        ASSERT(err == ERR_OK);
    }
}

size_t config_get(const struct config *config, const slice *patterns,
                  size_t count, config_each *each, void *arg)
{
    struct buf value;
    size_t     found = 0;

    buf_init(&value, CONFIG_VALUE_MAX);
    for (size_t i = 0; i < config_option_count; i++) {
        const struct config_option *option = &config_options[i];
        slice name = match_name(option->name, patterns, count);
        if (name.len == 0)
            continue;
        buf_clear(&value);
        config_format(option, config, &value);
        each(arg, name, buf_slice(&value));
        found++;
    }
    for (size_t i = 0; i < config_foreign_count; i++) {
        const struct config_foreign *foreign = &config_foreigns[i];
        slice name = match_name(foreign->name, patterns, count);
        if (name.len == 0 || (!foreign->answer && !foreign->same_as))
            continue;
        buf_clear(&value);
        foreign_format(foreign, config, &value);
        each(arg, name, buf_slice(&value));
        found++;
    }
    buf_deinit(&value);
    return found;
}
