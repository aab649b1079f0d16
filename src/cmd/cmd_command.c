/* cmd_command.c - COMMAND: what the server can do, told from its own table.
 *
 * Every reply is made from the command table and doc.c, in the table's order.
 * What is not here: COMMAND DOCS (cmd_command_docs.c), which arguments are keys
 * (cmd_command_keys.c). */
#include "cmd/cmd_command.h"
#include "cmd/doc.h"
#include "cmd/handlers.h"

#include <stdio.h>

#include "base/glob.h"

/* More than the longest reply about one command (that of a container, with its
 * subcommands). */
#define INFO_BYTES_MAX ((size_t)4096)

/* --- one command --------------------------------------------------------- */

static size_t count_bits(uint32_t bits, bit_name *name_of)
{
    const char *name;
    size_t      count = 0;
    for (unsigned bit = 0; (name = name_of(bit)) != NULL; bit++)
        count += (bits >> bit & 1) && name[0] != '\0';
    return count;
}

void reply_bits(struct reply *reply, uint32_t bits, bit_name *name_of,
                       const char *prefix)
{
    const char *name;
    char        text[64];
    reply_set(reply, count_bits(bits, name_of));
    for (unsigned bit = 0; (name = name_of(bit)) != NULL; bit++) {
        if (!(bits >> bit & 1) || name[0] == '\0')
            continue;
        snprintf(text, sizeof(text), "%s%s", prefix, name);
        reply_simple(reply, text);
    }
}

static void reply_tips(struct reply *reply, uint32_t tips)
{
    const char *name;
    reply_set(reply, count_bits(tips, tip_name));
    for (unsigned bit = 0; (name = tip_name(bit)) != NULL; bit++)
        if (tips >> bit & 1)
            reply_bulk_string(reply, name);
}

static void reply_named_int(struct reply *reply, const char *name, int value)
{
    reply_bulk_string(reply, name);
    reply_int(reply, value);
}

/* Where the keys begin and which follow: `last` counts from `first`, unless it
 * is negative. */
static void reply_unknown(struct reply *reply, const char *what)
{
    reply_bulk_string(reply, what);
    reply_map(reply, 2);
    reply_bulk_string(reply, "type");
    reply_bulk_string(reply, "unknown");
    reply_bulk_string(reply, "spec");
    reply_map(reply, 0);
}

static void reply_key_spec(struct reply *reply, const struct key_doc *doc,
                           struct command_keys keys)
{
    reply_map(reply, doc->notes != NULL ? 4 : 3);
    if (doc->notes != NULL) {
        reply_bulk_string(reply, "notes");
        reply_bulk_string(reply, doc->notes);
    }
    reply_bulk_string(reply, "flags");
    reply_bits(reply, doc->uses, key_use_name, "");
    if (doc->uses & KEY_IS_SOMEWHERE) {
        reply_unknown(reply, "begin_search");
        reply_unknown(reply, "find_keys");
        return;
    }
    reply_bulk_string(reply, "begin_search");
    reply_map(reply, 2);
    reply_bulk_string(reply, "type");
    reply_bulk_string(reply, "index");
    reply_bulk_string(reply, "spec");
    reply_map(reply, 1);
    reply_named_int(reply, "index",
                    keys.numkeys != 0 ? keys.numkeys : keys.first);
    reply_bulk_string(reply, "find_keys");
    reply_map(reply, 2);
    reply_bulk_string(reply, "type");
    if (keys.numkeys != 0) {
        reply_bulk_string(reply, "keynum");
        reply_bulk_string(reply, "spec");
        reply_map(reply, 3);
        reply_named_int(reply, "keynumidx", 0);
        reply_named_int(reply, "firstkey", 1);
        reply_named_int(reply, "keystep", 1);
        return;
    }
    reply_bulk_string(reply, "range");
    reply_bulk_string(reply, "spec");
    reply_map(reply, 3);
    reply_named_int(reply, "lastkey",
                    keys.last < 0 ? keys.last : keys.last - keys.first);
    reply_named_int(reply, "keystep", keys.step);
    reply_named_int(reply, "limit", 0);
}

/* Shard channels stand where keys would: one, or all the arguments. */
static struct command_keys shown_keys(const struct command     *command,
                                      const struct command_doc *doc)
{
    const struct command_keys channels = {
        1, command->arity > 0 ? 1 : -1, 1, 0
    };
    return doc->keys[0].uses & KEY_IS_NONE ? channels : command->keys;
}

static void reply_key_specs(struct reply *reply, const struct command *command,
                            const struct command_doc *doc)
{
    size_t count = 0;
    while (count < DOC_KEY_SPECS && doc->keys[count].uses != 0)
        count++;
    reply_set(reply, count);
    for (size_t i = 0; i < count; i++) {
        struct command_keys keys = shown_keys(command, doc);
        if (keys.first != 0 && i + 1 < count)
            keys.numkeys = 0; /* those by number have the last one */
        if (count > 1) {
            keys.first += (int)i;
            if (i + 1 < count || keys.last >= 0) /* else all that follow */
                keys.last = keys.first;
        }
        reply_key_spec(reply, &doc->keys[i], keys);
    }
}

size_t count_shown(const struct command *container)
{
    size_t count = 0;
    for (const struct command *sub = container->subcommands;
         sub != NULL && sub->name != NULL; sub++)
        count += doc_shows(container, sub);
    return count;
}

/* Everything but the subcommands. */
static void reply_info_base(struct reply *reply, const struct command *command)
{
    struct command_name       name = command_full_name(command);
    const struct command_doc *doc = doc_find(name.text);
    struct command_keys       keys = shown_keys(command, doc);
    reply_array(reply, 10);
    reply_bulk_string(reply, name.text);
    reply_int(reply, command->arity);
    reply_bits(reply, command->flags, flag_name, "");
    reply_int(reply, keys.first);
    reply_int(reply, keys.last);
    reply_int(reply, keys.step);
    reply_bits(reply, command_categories(command, doc), category_name, "@");
    reply_tips(reply, doc->tips);
    reply_key_specs(reply, command, doc);
}

static void reply_info(struct reply *reply, const struct command *command)
{
    size_t count = count_shown(command);
    reply_info_base(reply, command);
    if (count == 0) {
        reply_set(reply, 0);
        return;
    }
    reply_array(reply, count);
    for (const struct command *sub = command->subcommands; sub->name != NULL;
         sub++) {
        if (!doc_shows(command, sub))
            continue;
        reply_info_base(reply, sub);
        reply_set(reply, 0);
    }
}

/* --- COMMAND, COMMAND COUNT, COMMAND INFO -------------------------------- */

size_t count_commands(const struct server *server)
{
    size_t count = 0;
    for (const struct command *c = command_table; c->name != NULL; c++)
        count += !command_is_gone(server, c);
    return count;
}

enum call_result cmd_command(struct call *call)
{
    reply_array(call->reply, count_commands(call->server));
    for (const struct command *c = command_table; c->name != NULL; c++)
        if (!command_is_gone(call->server, c))
            reply_info(call->reply, c);
    return CALL_DONE;
}

enum call_result cmd_command_count(struct call *call)
{
    reply_int(call->reply, (int64_t)count_commands(call->server));
    return CALL_DONE;
}

const struct command *find_shown(const struct call *call, slice name)
{
    const struct command *command = command_find_name(call->server, name);
    const char *bar = name.len ? memchr(name.data, '|', name.len) : NULL;
    if (command == NULL || bar == NULL)
        return command;
    size_t                len = (size_t)(bar - name.data);
    const struct command *container =
        command_find_name(call->server, slice_make(name.data, len));
    return doc_shows(container, command) ? command : NULL;
}

bool names_fit(struct call *call, size_t names, size_t bytes_each)
{
    if (names <= server_max_value_bytes(call->server) / bytes_each)
        return true;
    call_error(call, ERR_OOM);
    return false;
}

enum call_result cmd_command_info(struct call *call)
{
    size_t names = call->argc - 2;
    if (names == 0)
        return cmd_command(call);
    if (!names_fit(call, names, INFO_BYTES_MAX))
        return CALL_DONE;
    reply_array(call->reply, names);
    for (size_t i = 2; i < call->argc; i++) {
        const struct command *command = find_shown(call, call->argv[i]);
        if (command == NULL)
            reply_null(call->reply);
        else
            reply_info(call->reply, command);
    }
    return CALL_DONE;
}

/* --- COMMAND LIST -------------------------------------------------------- */

enum filter_kind {
    FILTER_NONE,
    FILTER_MODULE,
    FILTER_CATEGORY,
    FILTER_PATTERN
};

struct filter {
    enum filter_kind kind;
    slice            arg;
    uint32_t         category; /* 0: there is none of that name */
};

static bool parse_filter(const struct call *call, struct filter *filter)
{
    *filter = (struct filter){ .kind = FILTER_NONE };
    if (call->argc == 2)
        return true;
    if (call->argc != 5 || !call_arg_is(call, 2, "filterby"))
        return false;
    filter->arg = call->argv[4];
    if (call_arg_is(call, 3, "module"))
        filter->kind = FILTER_MODULE;
    else if (call_arg_is(call, 3, "aclcat"))
        filter->kind = FILTER_CATEGORY;
    else if (call_arg_is(call, 3, "pattern"))
        filter->kind = FILTER_PATTERN;
    else
        return false;
    if (filter->kind == FILTER_CATEGORY)
        filter->category = category_of_name(filter->arg);
    return true;
}

static bool passes(const struct filter *filter, const struct command *command,
                   const char *name)
{
    switch (filter->kind) {
    case FILTER_NONE:
        return true;
    case FILTER_MODULE: /* there are none */
        return false;
    case FILTER_CATEGORY:
        return (command_categories(command, doc_find(name)) &
                filter->category) != 0;
    case FILTER_PATTERN:
        return glob_match(filter->arg, slice_from_string(name), true);
    }
    return false;
}

static size_t list_one(struct reply *reply, const struct filter *filter,
                       const struct command *command)
{
    struct command_name name = command_full_name(command);
    if (!passes(filter, command, name.text))
        return 0;
    reply_bulk_string(reply, name.text);
    return 1;
}

enum call_result cmd_command_list(struct call *call)
{
    struct filter filter;
    if (!parse_filter(call, &filter)) {
        call_syntax_error(call);
        return CALL_DONE;
    }
    struct reply *reply = call->reply;
    size_t        mark = reply_deferred_begin(reply), count = 0;
    for (const struct command *c = command_table; c->name != NULL; c++) {
        if (command_is_gone(call->server, c))
            continue;
        count += list_one(reply, &filter, c);
        for (const struct command *sub = c->subcommands;
             sub != NULL && sub->name != NULL; sub++)
            if (doc_shows(c, sub))
                count += list_one(reply, &filter, sub);
    }
    reply_deferred_end(reply, mark, '*', count);
    return CALL_DONE;
}

/* --- COMMAND HELP -------------------------------------------------------- */

enum call_result cmd_command_help(struct call *call)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Tells all about every command.",
        "COUNT",
        "    How many commands there are.",
        "DOCS [<command> ...]",
        "    Documents these commands; every one without names.",
        "GETKEYS <command> [<arg> ...]",
        "    Which of these arguments are keys.",
        "GETKEYSANDFLAGS <command> [<arg> ...]",
        "    The same, and what is done to them.",
        "INFO [<command> ...]",
        "    Tells all about these commands; about every one without names.",
        "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
        "    The names of the commands.",
        NULL,
    };
    call_help(call, "COMMAND", lines);
    return CALL_DONE;
}
