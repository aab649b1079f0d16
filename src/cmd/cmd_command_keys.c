/* cmd_command_keys.c - COMMAND GETKEYS and GETKEYSANDFLAGS: which arguments of
 * a command are keys, and what it does to them.
 *
 * The positions are those that dispatch goes by, and the uses those of the key
 * specifications. Of the commands that we have, one (SET) says more exactly
 * what it does when the other arguments are known. */
#include "base/mem.h"
#include "cmd/cmd_command.h"
#include "cmd/doc.h"
#include "cmd/handlers.h"

/* A container that shows no subcommands is one command to the client. */
static const struct command *find_called(const struct call *call,
                                         const slice *argv, size_t argc)
{
    const struct command *top = command_find(call->server, argv, 1);
    return top == NULL || count_shown(top) == 0
               ? top
               : command_find(call->server, argv, argc);
}

static bool takes_channels(const struct command *command)
{
    struct command_name name = command_full_name(command);
    return (doc_find(name.text)->keys[0].uses & KEY_IS_NONE) != 0;
}

/* Keys that are counted must be there, unless a command may do without. */
static bool lacks_counted_keys(const struct command *command, const slice *argv,
                               size_t argc)
{
    struct key_iter iter;
    if (command->keys.numkeys == 0 ||
        (command->flags & CMD_NO_MANDATORY_KEYS))
        return false;
    key_iter_init(&iter, command, argv, argc);
    return iter.num_at == iter.num_end;
}

/* The command, or NULL with the error answered. */
static const struct command *called(struct call *call)
{
    const slice          *argv = call->argv + 2;
    size_t                argc = call->argc - 2;
    const struct command *command = find_called(call, argv, argc);
    const char           *error = NULL;
    if (command == NULL)
        error = "ERR Invalid command specified";
    else if (!command_has_keys(command) || takes_channels(command))
        error = "ERR The command has no key arguments";
    else if (!command_arity_ok(command, argc))
        error = "ERR Invalid number of arguments specified for command";
    else if (lacks_counted_keys(command, argv, argc))
        error = "ERR Invalid arguments specified for command";
    if (error == NULL)
        return command;
    reply_error(call->reply, error);
    return NULL;
}

/* SET ... GET reads as well. */
static uint32_t uses_of_set(const slice *argv, size_t argc)
{
    for (size_t i = 3; i < argc; i++)
        if (slice_equal_nocase(argv[i], "get"))
            return KEY_RW | KEY_ACCESS | KEY_UPDATE;
    return KEY_OW | KEY_UPDATE;
}

static uint32_t uses_of(const struct command_doc *doc, size_t key_index,
                        const slice *argv, size_t argc)
{
    size_t last = DOC_KEY_SPECS - 1;
    while (last > 0 && doc->keys[last].uses == 0)
        last--;
    uint32_t uses = doc->keys[key_index == 0 ? 0 : last].uses;
    return uses & KEY_VARIABLE ? uses_of_set(argv, argc) : uses;
}

static enum call_result reply_keys(struct call *call, bool with_uses)
{
    const slice          *argv = call->argv + 2;
    size_t                argc = call->argc - 2;
    const struct command *command = called(call);
    if (command == NULL)
        return CALL_DONE;
    struct command_name       name = command_full_name(command);
    const struct command_doc *doc = doc_find(name.text);
    size_t *positions = mem_alloc(argc * sizeof(*positions));
    size_t  count = command_key_positions(command, argv, argc, positions);
    reply_array(call->reply, count);
    for (size_t i = 0; i < count; i++) {
        if (with_uses)
            reply_array(call->reply, 2);
        reply_bulk(call->reply, argv[positions[i]]);
        if (with_uses)
            reply_bits(call->reply, uses_of(doc, i, argv, argc), key_use_name,
                       "");
    }
    mem_free(positions);
    return CALL_DONE;
}

enum call_result cmd_command_getkeys(struct call *call)
{
    return reply_keys(call, false);
}

enum call_result cmd_command_getkeysandflags(struct call *call)
{
    return reply_keys(call, true);
}
