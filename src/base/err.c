/* err.c - names and explanations of errors.
 *
 * The name is a word for logs and INFO; what a client reads is chosen by the
 * command layer. The explanation travels beside the err_t in memory of the
 * caller, so that errors can cross threads without anything shared. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

/* clang-format off */
static const char *const names[ERR_COUNT] = {
    [ERR_OK]        = "ok",
    [ERR_AGAIN]     = "again",
    [ERR_NOT_FOUND] = "not found",
    [ERR_IO]        = "io error",
    [ERR_NO_SPACE]  = "no space",
    [ERR_CORRUPT]   = "corrupt",
    [ERR_FORMAT]    = "unknown format",
    [ERR_FOREIGN]   = "foreign directory",
    [ERR_BUSY]      = "busy",
    [ERR_OOM]       = "out of memory",
    [ERR_LIMIT]     = "over limit",
    [ERR_INVALID]   = "invalid",
    [ERR_CLOSED]    = "closed",
};
/* clang-format on */

const char *err_name(err_t err)
{
    /* The unsigned cast also catches what never was an err_t. */
    if ((unsigned)err >= ERR_COUNT || names[err] == NULL)
        return "unknown error";
    return names[err];
}

err_t err_set(struct err_text *why, err_t err, const char *format, ...)
{
    /* Formatted aside first: an argument is often why->text itself, when a
     * caller puts its own words before those of the function it called. */
    char    text[sizeof(why->text)];
    va_list arguments;

    if (why == NULL)
        return err;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ASSERT(len >= 0);

    memcpy(why->text, text,
           sizeof(text) <= (size_t)len ? sizeof(text) : (size_t)len + 1);
    return err;
}
