/* cmd_tracking.c - CLIENT TRACKING, CACHING, TRACKINGINFO, GETREDIR. */
#include "cmd/handlers.h"

#include "base/num.h"
#include "cmd/tracking.h"

/* --- the options of TRACKING --------------------------------------------- */

static bool refuse(struct call *call, const char *error)
{
    reply_error(call->reply, error);
    return false;
}

static bool parse_redirect(struct call *call, size_t i,
                           struct tracking_options *options)
{
    int64_t id;
    if (options->redirect != 0)
        return refuse(call, "ERR A client can only redirect to a single other "
                            "client");
    if (!call_int(call, call->argv[i], &id))
        return false;
    if (id <= 0 || session_by_id(call->server, (uint64_t)id) == NULL)
        return refuse(call, "ERR The client ID you want redirect to does not "
                            "exist");
    options->redirect = (uint64_t)id;
    return true;
}

static uint32_t mode_of(struct call *call, size_t i)
{
    static const struct {
        const char *word;
        uint32_t    mode;
    } words[] = {
        { "bcast", SESSION_TRACKING_BCAST },
        { "optin", SESSION_TRACKING_OPTIN },
        { "optout", SESSION_TRACKING_OPTOUT },
        { "noloop", SESSION_TRACKING_NOLOOP },
    };
    for (size_t word = 0; word < sizeof(words) / sizeof(words[0]); word++)
        if (call_arg_is(call, i, words[word].word))
            return words[word].mode;
    return 0;
}

/* prefixes has room for all arguments. */
static bool parse_options(struct call *call, slice *prefixes,
                          struct tracking_options *options)
{
    *options = (struct tracking_options){ .prefixes = prefixes };
    for (size_t i = 3; i < call->argc; i++) {
        bool     more = i + 1 < call->argc;
        uint32_t mode = mode_of(call, i);
        options->modes |= mode;
        if (mode != 0)
            continue;
        if (more && call_arg_is(call, i, "redirect")) {
            if (!parse_redirect(call, ++i, options))
                return false;
        } else if (more && call_arg_is(call, i, "prefix")) {
            prefixes[options->prefix_count++] = call->argv[++i];
        } else {
            call_syntax_error(call);
            return false;
        }
    }
    return true;
}

/* --- what goes together -------------------------------------------------- */

static bool overlap(struct call *call, slice prefix, const char *what,
                    slice other)
{
    reply_errorf(call->reply,
                 "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes "
                 "for a single client must not overlap.",
                 (int)prefix.len, prefix.data, what, (int)other.len,
                 other.data);
    return false;
}

static bool overlaps(slice a, slice b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    return common == 0 || memcmp(a.data, b.data, common) == 0;
}

/* Each with each: their number is bounded. */
static bool prefixes_fit(struct call *call,
                         const struct tracking_options *options)
{
    const struct session *session = call->session;
    const slice          *prefixes = options->prefixes;
    slice                 other;
    if (session->prefix_count + options->prefix_count > TRACKING_PREFIXES_MAX)
        return refuse(call, "ERR Too many prefixes for a single client");
    for (size_t i = 0; i < options->prefix_count; i++) {
        if (tracking_overlap(session, prefixes[i], &other))
            return overlap(call, prefixes[i], "an existing", other);
        for (size_t j = i + 1; j < options->prefix_count; j++)
            if (overlaps(prefixes[i], prefixes[j]))
                return overlap(call, prefixes[i], "another provided",
                               prefixes[j]);
    }
    return true;
}

static bool modes_fit(struct call *call, uint32_t now, uint32_t wanted)
{
    const uint32_t bcast = SESSION_TRACKING_BCAST;
    const uint32_t in = SESSION_TRACKING_OPTIN, out = SESSION_TRACKING_OPTOUT;
    if ((now & SESSION_TRACKING) && (now & bcast) != (wanted & bcast))
        return refuse(call, "ERR You can't switch BCAST mode on/off before "
                            "disabling tracking for this client, and then "
                            "re-enabling it with a different mode.");
    if ((wanted & bcast) && (wanted & (in | out)))
        return refuse(call, "ERR OPTIN and OPTOUT are not compatible with "
                            "BCAST");
    if ((wanted & in) && (wanted & out))
        return refuse(call, "ERR You can't specify both OPTIN mode and OPTOUT "
                            "mode");
    if (((wanted & in) && (now & out)) || ((wanted & out) && (now & in)))
        return refuse(call, "ERR You can't switch OPTIN/OPTOUT mode before "
                            "disabling tracking for this client, and then "
                            "re-enabling it with a different mode.");
    return true;
}

static bool may_enable(struct call *call,
                       const struct tracking_options *options)
{
    bool bcast = (options->modes & SESSION_TRACKING_BCAST) != 0;
    if (!bcast && options->prefix_count > 0)
        return refuse(call,
                      "ERR PREFIX option requires BCAST mode to be enabled");
    return modes_fit(call, call->session->flags, options->modes) &&
           (!bcast || prefixes_fit(call, options));
}

/* --- TRACKING, CACHING, GETREDIR ----------------------------------------- */

static void switch_tracking(struct call *call,
                            const struct tracking_options *options)
{
    if (call_arg_is(call, 2, "on")) {
        if (!may_enable(call, options))
            return;
        tracking_enable(call->session, options);
    } else if (call_arg_is(call, 2, "off")) {
        tracking_disable(call->session);
    } else {
        call_syntax_error(call);
        return;
    }
    reply_ok(call->reply);
}

enum call_result cmd_client_tracking(struct call *call)
{
    slice                  *prefixes = mem_alloc(call->argc * sizeof(slice));
    struct tracking_options options;
    if (parse_options(call, prefixes, &options))
        switch_tracking(call, &options);
    mem_free(prefixes);
    return CALL_DONE;
}

enum call_result cmd_client_caching(struct call *call)
{
    struct session *session = call->session;
    const char     *wrong = NULL;
    if (!(session->flags & SESSION_TRACKING)) {
        wrong = "ERR CLIENT CACHING can be called only when the client is in "
                "tracking mode with OPTIN or OPTOUT mode enabled";
    } else if (call_arg_is(call, 2, "yes")) {
        if (!(session->flags & SESSION_TRACKING_OPTIN))
            wrong = "ERR CLIENT CACHING YES is only valid when tracking is "
                    "enabled in OPTIN mode.";
    } else if (call_arg_is(call, 2, "no")) {
        if (!(session->flags & SESSION_TRACKING_OPTOUT))
            wrong = "ERR CLIENT CACHING NO is only valid when tracking is "
                    "enabled in OPTOUT mode.";
    } else {
        wrong = "ERR syntax error";
    }
    if (wrong != NULL) {
        reply_error(call->reply, wrong);
        return CALL_DONE;
    }
    session->flags |= SESSION_CACHING;
    reply_ok(call->reply);
    return CALL_DONE;
}

static int64_t redirect_of(const struct session *session)
{
    return session->flags & SESSION_TRACKING ? (int64_t)session->redirect : -1;
}

enum call_result cmd_client_getredir(struct call *call)
{
    reply_int(call->reply, redirect_of(call->session));
    return CALL_DONE;
}

/* --- TRACKINGINFO -------------------------------------------------------- */

/* Words of the set that CLIENT TRACKINGINFO shows; returns how many. */
static size_t flag_words(uint32_t flags, const char *words[7])
{
    bool   caching = (flags & SESSION_CACHING) != 0;
    size_t count = 0;
    words[count++] = flags & SESSION_TRACKING ? "on" : "off";
    if (flags & SESSION_TRACKING_BCAST)
        words[count++] = "bcast";
    if (flags & SESSION_TRACKING_OPTIN) {
        words[count++] = "optin";
        if (caching)
            words[count++] = "caching-yes";
    }
    if (flags & SESSION_TRACKING_OPTOUT) {
        words[count++] = "optout";
        if (caching)
            words[count++] = "caching-no";
    }
    if (flags & SESSION_TRACKING_NOLOOP)
        words[count++] = "noloop";
    if (flags & SESSION_TRACKING_BROKEN)
        words[count++] = "broken_redirect";
    return count;
}

static void reply_prefix(void *arg, slice prefix)
{
    reply_bulk(arg, prefix);
}

enum call_result cmd_client_trackinginfo(struct call *call)
{
    const struct session *session = call->session;
    struct reply         *reply = call->reply;
    const char           *words[7];
    size_t                count = flag_words(session->flags, words);
    reply_map(reply, 3);
    reply_bulk_string(reply, "flags");
    reply_set(reply, count);
    for (size_t i = 0; i < count; i++)
        reply_bulk_string(reply, words[i]);
    reply_bulk_string(reply, "redirect");
    reply_int(reply, redirect_of(session));
    reply_bulk_string(reply, "prefixes");
    reply_array(reply, session->prefix_count);
    tracking_each_prefix(session, reply, reply_prefix);
    return CALL_DONE;
}
