/* redact.c - see redact.h.
 *
 * Redis hides an argument when the command comes to read it, so of AUTH and
 * HELLO with other errors before it shows the password. We hide all that
 * stands where a password may be. */
#include "cmd/redact.h"

#include "cmd/handlers.h"

/* HELLO version AUTH user password SETNAME name */
static bool is_in_hello_auth(const struct call *call, size_t i)
{
    size_t at = 2;
    while (at < i) {
        bool is_auth = call_arg_is(call, at, "auth");
        if (is_auth && i <= at + 2)
            return true;
        at += is_auth ? 3 : call_arg_is(call, at, "setname") ? 2 : 1;
    }
    return false;
}

/* CONFIG SET name value name value */
static bool is_secret_setting(const struct call *call, size_t i)
{
    return i >= 3 && i % 2 == 1 && config_is_secret(call->argv[i - 1]);
}

slice redact_arg(const struct call *call, size_t i)
{
    command_handler *handler = call->command->handler;
    bool             hidden = false;
    if (handler == cmd_auth)
        hidden = i >= 1;
    else if (handler == cmd_hello)
        hidden = is_in_hello_auth(call, i);
    else if (handler == cmd_config_set)
        hidden = is_secret_setting(call, i);
    return hidden ? SLICE_LITERAL("(redacted)") : call->argv[i];
}
