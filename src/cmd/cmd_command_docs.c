/* cmd_command_docs.c - COMMAND DOCS: the rows of docs_table.c as a map.
 *
 * The order of a map's fields is Redis's. */
#include "base/assert.h"
#include "cmd/cmd_command.h"
#include "cmd/doc.h"
#include "cmd/docs.h"
#include "cmd/docs_args.h"
#include "cmd/handlers.h"

/* More than the longest reply about one command, with its subcommands. */
#define DOCS_BYTES_MAX ((size_t)16384)

static void reply_field(struct reply *reply, const char *name, const char *text)
{
    reply_bulk_string(reply, name);
    reply_bulk_string(reply, text);
}

static void reply_slice_field(struct reply *reply, const char *name,
                              slice text)
{
    reply_bulk_string(reply, name);
    reply_bulk(reply, text);
}

/* --- arguments ------------------------------------------------------------ */

static void reply_lower(struct reply *reply, slice name)
{
    char lower[64];
    ASSERT(name.len < sizeof(lower));
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    reply_bulk(reply, slice_make(lower, name.len));
}

static const char *arg_flag_name(unsigned bit)
{
    static const char *const names[] = { "optional", "multiple",
                                         "multiple_token" };
    return bit < sizeof(names) / sizeof(names[0]) ? names[bit] : NULL;
}

static void reply_arguments(struct reply *reply, slice text);

static void reply_argument(struct reply *reply, const struct docs_arg *arg)
{
    bool has_inner = arg->inner.len > 0;
    reply_map(reply, 3u + (arg->key_spec >= 0) + (arg->token.len > 0) +
                         (arg->since.len > 0) + (arg->deprecated.len > 0) +
                         (arg->flags != 0));
    reply_bulk_string(reply, "name");
    reply_lower(reply, arg->name);
    reply_field(reply, "type", docs_arg_type(arg));
    if (!has_inner) {
        reply_bulk_string(reply, "display_text");
        reply_lower(reply, arg->display.len > 0 ? arg->display : arg->name);
    }
    if (arg->key_spec >= 0) {
        reply_bulk_string(reply, "key_spec_index");
        reply_int(reply, arg->key_spec);
    }
    if (arg->token.len > 0)
        reply_slice_field(reply, "token", arg->token);
    if (arg->since.len > 0)
        reply_slice_field(reply, "since", arg->since);
    if (arg->deprecated.len > 0)
        reply_slice_field(reply, "deprecated_since", arg->deprecated);
    if (arg->flags != 0) {
        reply_bulk_string(reply, "flags");
        reply_bits(reply, arg->flags, arg_flag_name, "");
    }
    if (has_inner)
        reply_arguments(reply, arg->inner);
}

/* As deep as the table is written, which is not deep. */
static void reply_arguments(struct reply *reply, slice text)
{
    struct docs_arg arg;
    reply_bulk_string(reply, "arguments");
    reply_array(reply, docs_arg_count(text));
    while (docs_arg_next(&text, &arg))
        reply_argument(reply, &arg);
}

/* --- one command ---------------------------------------------------------- */

/* "6.2.0 the rest" */
static slice split_version(slice *text)
{
    const char *blank = memchr(text->data, ' ', text->len);
    ASSERT(blank != NULL);
    slice version = slice_make(text->data, (size_t)(blank - text->data));
    *text = slice_make(blank + 1, text->len - version.len - 1);
    return version;
}

static void reply_history(struct reply *reply, slice text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == '\n';
    reply_bulk_string(reply, "history");
    reply_set(reply, count);
    for (size_t i = 0; i < count; i++) {
        const char *end = memchr(text.data, '\n', text.len);
        size_t      len = end != NULL ? (size_t)(end - text.data) : text.len;
        slice       line = slice_make(text.data, len);
        slice       version = split_version(&line);
        reply_array(reply, 2);
        reply_bulk(reply, version);
        reply_bulk(reply, line);
        len += end != NULL;
        text = slice_make(text.data + len, text.len - len);
    }
}

static void reply_deprecation(struct reply *reply, const struct docs_row *row)
{
    size_t flags = (row->flag != NULL) + (row->deprecated != NULL);
    if (flags == 0)
        return;
    reply_bulk_string(reply, "doc_flags");
    reply_set(reply, flags);
    if (row->deprecated != NULL)
        reply_simple(reply, "deprecated");
    if (row->flag != NULL)
        reply_simple(reply, row->flag);
    if (row->deprecated == NULL)
        return;
    slice instead = slice_from_string(row->deprecated);
    reply_slice_field(reply, "deprecated_since", split_version(&instead));
    reply_slice_field(reply, "replaced_by", instead);
}

static void reply_docs(struct reply *reply, const struct command *command)
{
    struct command_name    name = command_full_name(command);
    const struct docs_row *row = docs_find(name.text);
    size_t                 subs = count_shown(command);
    ASSERT(row != NULL); /* tests/cmd/test_docs.c looks whether all are there */
    reply_bulk_string(reply, name.text);
    reply_map(reply, 3u + (row->complexity != NULL) +
                         (row->flag != NULL || row->deprecated != NULL) +
                         2u * (row->deprecated != NULL) +
                         (row->history != NULL) + (row->arguments != NULL) +
                         (subs > 0));
    reply_field(reply, "summary", row->summary);
    reply_field(reply, "since", row->since);
    reply_field(reply, "group", row->group);
    if (row->complexity != NULL)
        reply_field(reply, "complexity", row->complexity);
    reply_deprecation(reply, row);
    if (row->history != NULL)
        reply_history(reply, slice_from_string(row->history));
    if (row->arguments != NULL)
        reply_arguments(reply, slice_from_string(row->arguments));
    if (subs == 0)
        return;
    reply_bulk_string(reply, "subcommands");
    reply_map(reply, subs);
    for (const struct command *sub = command->subcommands; sub->name != NULL;
         sub++)
        if (doc_shows(command, sub))
            reply_docs(reply, sub);
}

/* --- COMMAND DOCS --------------------------------------------------------- */

static enum call_result reply_all(struct call *call)
{
    reply_map(call->reply, count_commands(call->server));
    for (const struct command *c = command_table; c->name != NULL; c++)
        if (!command_is_gone(call->server, c))
            reply_docs(call->reply, c);
    return CALL_DONE;
}

enum call_result cmd_command_docs(struct call *call)
{
    size_t names = call->argc - 2, count = 0;
    if (names == 0)
        return reply_all(call);
    if (!names_fit(call, names, DOCS_BYTES_MAX))
        return CALL_DONE;
    size_t mark = reply_deferred_begin(call->reply);
    for (size_t i = 2; i < call->argc; i++) {
        const struct command *command = find_shown(call, call->argv[i]);
        if (command == NULL)
            continue;
        reply_docs(call->reply, command);
        count++;
    }
    reply_deferred_end(call->reply, mark, '%', count);
    return CALL_DONE;
}
