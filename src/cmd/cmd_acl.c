/* cmd_acl.c - ACL, as far as it goes with one user.
 *
 * The only user is "default", who may do everything; its password is the
 * option requirepass. So these commands tell what is, and there is nothing
 * that could be changed: SETUSER, DELUSER, LOAD, SAVE and LOG are not there. */
#include <stdio.h>

#include "base/num.h"
#include "base/rand.h"
#include "base/sha256.h"
#include "cmd/doc.h"
#include "cmd/handlers.h"

static bool has_password(const struct call *call)
{
    return call->server->config->requirepass[0] != '\0';
}

static bool is_known_user(slice name)
{
    return slice_equal(name, SLICE_LITERAL("default"));
}

/* As Redis shows it; REQUIRES: there is one. */
static void password_digest(const struct call *call,
                            char               digest[SHA256_HEX_CHARS + 1])
{
    sha256_hex(slice_from_string(call->server->config->requirepass), digest);
}

/* What a subcommand answers that takes one argument at most. */
static void too_many_arguments(struct call *call)
{
    reply_errorf(call->reply,
                 "ERR unknown subcommand or wrong number of arguments for "
                 "'%.*s'. Try ACL HELP.",
                 (int)call->argv[1].len, call->argv[1].data);
}

/* --- users --------------------------------------------------------------- */

enum call_result cmd_acl_whoami(struct call *call)
{
    reply_bulk_string(call->reply, call->session->user);
    return CALL_DONE;
}

enum call_result cmd_acl_users(struct call *call)
{
    reply_array(call->reply, 1);
    reply_bulk_string(call->reply, "default");
    return CALL_DONE;
}

enum call_result cmd_acl_list(struct call *call)
{
    char digest[SHA256_HEX_CHARS + 1];
    reply_array(call->reply, 1);
    if (!has_password(call)) {
        reply_bulk_string(call->reply, "user default on nopass "
                                       "sanitize-payload ~* &* +@all");
        return CALL_DONE;
    }
    password_digest(call, digest);
    reply_bulkf(call->reply, "user default on sanitize-payload #%s ~* &* +@all",
                digest);
    return CALL_DONE;
}

static void reply_flags(struct call *call)
{
    bool nopass = !has_password(call);
    reply_bulk_string(call->reply, "flags");
    reply_set(call->reply, nopass ? 3 : 2);
    reply_bulk_string(call->reply, "on");
    if (nopass)
        reply_bulk_string(call->reply, "nopass");
    reply_bulk_string(call->reply, "sanitize-payload");
}

static void reply_passwords(struct call *call)
{
    char digest[SHA256_HEX_CHARS + 1];
    reply_bulk_string(call->reply, "passwords");
    reply_array(call->reply, has_password(call) ? 1 : 0);
    if (!has_password(call))
        return;
    password_digest(call, digest);
    reply_bulk_string(call->reply, digest);
}

enum call_result cmd_acl_getuser(struct call *call)
{
    static const char *const rest[] = { "commands", "+@all",    "keys",
                                        "~*",       "channels", "&*" };
    if (!is_known_user(call->argv[2])) {
        reply_null(call->reply);
        return CALL_DONE;
    }
    reply_map(call->reply, 6);
    reply_flags(call);
    reply_passwords(call);
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
        reply_bulk_string(call->reply, rest[i]);
    reply_bulk_string(call->reply, "selectors");
    reply_array(call->reply, 0);
    return CALL_DONE;
}

/* --- categories ---------------------------------------------------------- */

static void reply_category_names(struct call *call)
{
    const char *name;
    size_t      mark = reply_deferred_begin(call->reply);
    unsigned    bit = 0;
    for (; (name = category_name(bit)) != NULL; bit++)
        reply_bulk_string(call->reply, name);
    reply_deferred_end(call->reply, mark, '*', bit);
}

/* 1 if it is in the category and has been told, else 0. */
static size_t reply_member(struct call *call, const struct command *command,
                           uint32_t category)
{
    struct command_name       name = command_full_name(command);
    const struct command_doc *doc = doc_find(name.text);
    if (!(command_categories(command, doc) & category))
        return 0;
    reply_bulk_string(call->reply, name.text);
    return 1;
}

static void reply_members(struct call *call, uint32_t category)
{
    size_t mark = reply_deferred_begin(call->reply), count = 0;
    for (const struct command *top = command_table; top->name != NULL; top++) {
        count += reply_member(call, top, category);
        for (const struct command *sub = top->subcommands;
             sub != NULL && sub->name != NULL; sub++)
            if (doc_shows(top, sub))
                count += reply_member(call, sub, category);
    }
    reply_deferred_end(call->reply, mark, '*', count);
}

enum call_result cmd_acl_cat(struct call *call)
{
    if (call->argc > 3) {
        too_many_arguments(call);
        return CALL_DONE;
    }
    if (call->argc == 2) {
        reply_category_names(call);
        return CALL_DONE;
    }
    slice    name = call->argv[2];
    uint32_t category = category_of_name(name);
    if (category == 0)
        reply_errorf(call->reply, "ERR Unknown category '%.*s'", (int)name.len,
                     name.data);
    else
        reply_members(call, category);
    return CALL_DONE;
}

/* --- passwords, and what one may do -------------------------------------- */

#define GENPASS_BITS_MAX 4096

enum call_result cmd_acl_genpass(struct call *call)
{
    int64_t bits = 256;
    uint8_t bytes[GENPASS_BITS_MAX / 8];
    char    hex[2 * sizeof(bytes) + 1];
    if (call->argc > 3) {
        too_many_arguments(call);
        return CALL_DONE;
    }
    if (call->argc == 3 && !call_int(call, call->argv[2], &bits))
        return CALL_DONE;
    if (bits <= 0 || bits > GENPASS_BITS_MAX) {
        reply_errorf(call->reply,
                     "ERR ACL GENPASS argument must be the number of bits for "
                     "the output password, a positive number up to %d",
                     GENPASS_BITS_MAX);
        return CALL_DONE;
    }
    size_t digits = ((size_t)bits + 3) / 4;
    rand_system(bytes, (digits + 1) / 2);
    for (size_t i = 0; i < (digits + 1) / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    reply_bulk(call->reply, slice_make(hex, digits));
    return CALL_DONE;
}

/* DEBUG has no subcommands for Redis, and takes anything. */
static const struct command *dryrun_find(const struct call *call)
{
    const slice          *argv = call->argv + 3;
    const struct command *top = command_find(call->server, argv, 1);
    return top != NULL && (top->flags & CMD_PROTECTED)
               ? top
               : command_find(call->server, argv, call->argc - 3);
}

enum call_result cmd_acl_dryrun(struct call *call)
{
    slice                 user = call->argv[2], name = call->argv[3];
    const struct command *command = dryrun_find(call);
    if (!is_known_user(user)) {
        reply_errorf(call->reply, "ERR User '%.*s' not found", (int)user.len,
                     user.data);
    } else if (command == NULL) {
        reply_errorf(call->reply, "ERR Command '%.*s' not found", (int)name.len,
                     name.data);
    } else if (!command_arity_ok(command, call->argc - 3)) {
        struct command_name full = command_full_name(command);
        reply_errorf(call->reply,
                     "ERR wrong number of arguments for '%s' command",
                     full.text);
    } else {
        reply_ok(call->reply);
    }
    return CALL_DONE;
}

enum call_result cmd_acl_help(struct call *call)
{
    static const char *const lines[] = {
        "CAT [<category>]",
        "    List all categories, or all commands of one.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Tell whether the user may run the command, without running it.",
        "GETUSER <username>",
        "    Get the user's details.",
        "GENPASS [<bits>]",
        "    Make up a password of 256 bits, or of <bits>.",
        "LIST",
        "    Show the user as in a configuration file.",
        "USERS",
        "    List the only user's name.",
        "WHOAMI",
        "    Return the user of this connection.",
        NULL
    };
    call_help(call, "ACL", lines);
    return CALL_DONE;
}
