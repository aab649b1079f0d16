/* doc.c - see doc.h.
 *
 * COMMAND is rare, and asks for a few hundred names at most at a time: so
 * everything is found by walking the tables, and nothing is built ahead. */
#include "cmd/doc.h"

#include <stdio.h>

#include "base/assert.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define KEYSPACE   CATEGORY_KEYSPACE
#define STRING     CATEGORY_STRING
#define LIST       CATEGORY_LIST
#define ADMIN      CATEGORY_ADMIN
#define DANGEROUS  CATEGORY_DANGEROUS
#define CONNECTION CATEGORY_CONNECTION
#define TRANSACTION CATEGORY_TRANSACTION
#define SORTEDSET  CATEGORY_SORTEDSET
#define HASH       CATEGORY_HASH
#define SCRIPTING  CATEGORY_SCRIPTING
#define SORTS      (CATEGORY_SET | CATEGORY_SORTEDSET | CATEGORY_LIST | DANGEROUS)

#define VARIES       TIP_NONDETERMINISTIC_OUTPUT
#define ORDER_VARIES TIP_NONDETERMINISTIC_OUTPUT_ORDER
#define EACH_NODE    (TIP_ASK_ALL_NODES | TIP_REPLY_ALL_SUCCEEDED)
#define OF_ALL_NODES (VARIES | TIP_ASK_ALL_NODES | TIP_REPLY_SPECIAL)
#define EACH_SHARD   (TIP_ASK_ALL_SHARDS | TIP_REPLY_ALL_SUCCEEDED)
#define SUM_OF_ALL   (TIP_ASK_ALL_SHARDS | TIP_REPLY_AGG_SUM)
#define REPORT       (VARIES | TIP_ASK_ALL_SHARDS | TIP_REPLY_SPECIAL)
#define REPORT_NODES (VARIES | TIP_ASK_ALL_NODES | TIP_REPLY_SPECIAL)
#define SUM_OF_KEYS  (TIP_ASK_MULTI_SHARD | TIP_REPLY_AGG_SUM)

/* clang-format off */
#define LOOKS    { { KEY_RO, NULL } }
#define READS    { { KEY_RO | KEY_ACCESS, NULL } }
#define NO_KEY   { { KEY_IS_NONE, NULL } }
#define SETS     { { KEY_OW | KEY_UPDATE, NULL } }
#define ADDS     { { KEY_OW | KEY_INSERT, NULL } }
#define EDITS    { { KEY_RW | KEY_UPDATE, NULL } }
#define EXTENDS  { { KEY_RW | KEY_INSERT, NULL } }
#define TAKES    { { KEY_RW | KEY_ACCESS | KEY_DELETE, NULL } }
#define REMOVES  { { KEY_RM | KEY_DELETE, NULL } }
#define DROPS    { { KEY_RW | KEY_DELETE, NULL } }
#define SCRIPT_EDITS { { KEY_RW | KEY_ACCESS | KEY_UPDATE, \
    "We cannot tell how the keys will be used so we assume the worst, RW and " \
    "UPDATE" } }
#define SCRIPT_READS { { KEY_RO | KEY_ACCESS, \
    "We cannot tell how the keys will be used so we assume the worst, RO and " \
    "ACCESS" } }
#define SCRIPT_EDITS_SHA { { KEY_RW | KEY_ACCESS | KEY_UPDATE, NULL } }
#define SCRIPT_READS_SHA READS
#define REPLACES { { KEY_RW | KEY_ACCESS | KEY_UPDATE, NULL } }
#define STORES   { { KEY_OW | KEY_UPDATE, NULL }, { KEY_RO | KEY_ACCESS, NULL } }

#define BY_AND_GET \
    "For the optional BY/GET keyword. It is marked 'unknown' because the key " \
    "names derive from the content of the key we sort"
#define STORE_NOTES \
    "For the optional STORE keyword. It is marked 'unknown' because the " \
    "keyword can appear anywhere in the argument array"
#define TRIMS    { { KEY_RW | KEY_DELETE, NULL } }
#define MOVES    { { KEY_RW | KEY_ACCESS | KEY_DELETE, NULL }, \
                   { KEY_RW | KEY_INSERT, NULL } }

static const struct command_doc docs[] = {
    /* connection */
    { "auth",   CONNECTION, 0, { { 0 } } },
    { "echo",   CONNECTION, 0, { { 0 } } },
    { "hello",  CONNECTION, 0, { { 0 } } },
    { "ping",   CONNECTION, EACH_SHARD, { { 0 } } },
    { "quit",   CONNECTION, 0, { { 0 } } },
    { "reset",  CONNECTION, 0, { { 0 } } },
    { "select", CONNECTION, 0, { { 0 } } },
    { "client|caching", CONNECTION, 0, { { 0 } } },
    { "client|getname", CONNECTION, 0, { { 0 } } },
    { "client|getredir", CONNECTION, 0, { { 0 } } },
    { "client|help",    CONNECTION, 0, { { 0 } } },
    { "client|id",      CONNECTION, 0, { { 0 } } },
    { "client|info",    CONNECTION, VARIES, { { 0 } } },
    { "client|kill",    CONNECTION, 0, { { 0 } } },
    { "client|list",    CONNECTION, VARIES, { { 0 } } },
    { "client|no-evict", CONNECTION, 0, { { 0 } } },
    { "client|no-touch", CONNECTION, 0, { { 0 } } },
    { "client|pause",   CONNECTION, 0, { { 0 } } },
    { "client|reply",   CONNECTION, 0, { { 0 } } },
    { "client|setinfo", CONNECTION, EACH_NODE, { { 0 } } },
    { "client|setname", CONNECTION, 0, { { 0 } } },
    { "client|caching", CONNECTION, 0, { { 0 } } },
    { "client|getredir", CONNECTION, 0, { { 0 } } },
    { "client|no-evict", CONNECTION, 0, { { 0 } } },
    { "client|no-touch", CONNECTION, 0, { { 0 } } },
    { "client|pause", CONNECTION, 0, { { 0 } } },
    { "client|reply", CONNECTION, 0, { { 0 } } },
    { "client|tracking", CONNECTION, 0, { { 0 } } },
    { "client|trackinginfo", CONNECTION, 0, { { 0 } } },
    { "client|unblock", CONNECTION, 0, { { 0 } } },
    { "client|unpause", CONNECTION, 0, { { 0 } } },

    /* scripts */
    { "eval",       SCRIPTING, 0, SCRIPT_EDITS },
    { "evalsha",    SCRIPTING, 0, SCRIPT_EDITS_SHA },
    { "evalsha_ro", SCRIPTING, 0, SCRIPT_READS_SHA },
    { "eval_ro",    SCRIPTING, 0, SCRIPT_READS },
    { "script|debug",  SCRIPTING, 0, { { 0 } } },
    { "script|exists", SCRIPTING, TIP_ASK_ALL_SHARDS | TIP_REPLY_AGG_AND, { { 0 } } },
    { "script|flush",  SCRIPTING, EACH_NODE, { { 0 } } },
    { "script|help",   SCRIPTING, 0, { { 0 } } },
    { "script|kill",   SCRIPTING, TIP_ASK_ALL_SHARDS | TIP_REPLY_ONE_SUCCEEDED, { { 0 } } },
    { "script|load",   SCRIPTING, EACH_NODE, { { 0 } } },

    /* transactions */
    { "discard", TRANSACTION, 0, { { 0 } } },
    { "exec",    TRANSACTION, 0, { { 0 } } },
    { "multi",   TRANSACTION, 0, { { 0 } } },
    { "unwatch", TRANSACTION, 0, { { 0 } } },
    { "watch",   TRANSACTION, 0, LOOKS },

    /* strings */
    { "append",      STRING, 0, EXTENDS },
    { "decr",        STRING, 0, REPLACES },
    { "decrby",      STRING, 0, REPLACES },
    { "get",         STRING, 0, READS },
    { "getdel",      STRING, 0, TAKES },
    { "getex",       STRING, 0, { { KEY_RW | KEY_ACCESS | KEY_UPDATE,
                      "RW and UPDATE because it changes the TTL" } } },
    { "getrange",    STRING, 0, READS },
    { "getset",      STRING, 0, REPLACES },
    { "incr",        STRING, 0, REPLACES },
    { "incrby",      STRING, 0, REPLACES },
    { "incrbyfloat", STRING, 0, REPLACES },
    { "lcs",         STRING, 0, READS },
    { "mget",        STRING, TIP_ASK_MULTI_SHARD, READS },
    { "mset",        STRING, TIP_ASK_MULTI_SHARD | TIP_REPLY_ALL_SUCCEEDED, SETS },
    { "msetnx",      STRING, TIP_ASK_MULTI_SHARD | TIP_REPLY_AGG_MIN, ADDS },
    { "psetex",      STRING, 0, SETS },
    { "set",         STRING, 0, { { KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE,
                      "RW and ACCESS due to the optional `GET` argument" } } },
    { "setex",       STRING, 0, SETS },
    { "setnx",       STRING, 0, ADDS },
    { "setrange",    STRING, 0, EDITS },
    { "strlen",      STRING, 0, LOOKS },
    { "substr",      STRING, 0, READS },

    /* lists */
    { "blmove",      LIST, 0, MOVES },
    { "blmpop",      LIST, 0, TAKES },
    { "blpop",       LIST, 0, TAKES },
    { "brpop",       LIST, 0, TAKES },
    { "brpoplpush",  LIST, 0, MOVES },
    { "lindex",      LIST, 0, READS },
    { "linsert",     LIST, 0, EXTENDS },
    { "llen",        LIST, 0, LOOKS },
    { "lmove",       LIST, 0, MOVES },
    { "lmpop",       LIST, 0, TAKES },
    { "lpop",        LIST, 0, TAKES },
    { "lpos",        LIST, 0, READS },
    { "lpush",       LIST, 0, EXTENDS },
    { "lpushx",      LIST, 0, EXTENDS },
    { "lrange",      LIST, 0, READS },
    { "lrem",        LIST, 0, TRIMS },
    { "lset",        LIST, 0, EDITS },
    { "ltrim",       LIST, 0, TRIMS },
    { "rpop",        LIST, 0, TAKES },
    { "rpoplpush",   LIST, 0, MOVES },
    { "rpush",       LIST, 0, EXTENDS },
    { "rpushx",      LIST, 0, EXTENDS },
    /* sets */
    { "sadd",        CATEGORY_SET, 0, EXTENDS },
    { "scard",       CATEGORY_SET, 0, LOOKS },
    { "sdiff",       CATEGORY_SET, ORDER_VARIES, READS },
    { "sdiffstore",  CATEGORY_SET, 0, STORES },
    { "sinter",      CATEGORY_SET, ORDER_VARIES, READS },
    { "sintercard",  CATEGORY_SET, 0, READS },
    { "sinterstore", CATEGORY_SET, 0, { { KEY_RW | KEY_UPDATE, NULL },
                                        { KEY_RO | KEY_ACCESS, NULL } } },
    { "sismember",   CATEGORY_SET, 0, LOOKS },
    { "smembers",    CATEGORY_SET, ORDER_VARIES, READS },
    { "smismember",  CATEGORY_SET, 0, READS },
    { "smove",       CATEGORY_SET, 0, { { KEY_RW | KEY_ACCESS | KEY_DELETE, NULL },
                                        { KEY_RW | KEY_INSERT, NULL } } },
    { "spop",        CATEGORY_SET, VARIES, TAKES },
    { "srandmember", CATEGORY_SET, VARIES, READS },
    { "srem",        CATEGORY_SET, 0, { { KEY_RW | KEY_DELETE, NULL } } },
    { "sunion",      CATEGORY_SET, ORDER_VARIES, READS },
    { "sunionstore", CATEGORY_SET, 0, STORES },

    /* the algebra of sorted sets */
    { "zdiff",       CATEGORY_SORTEDSET, 0, READS },
    { "zdiffstore",  CATEGORY_SORTEDSET, 0, STORES },
    { "zinter",      CATEGORY_SORTEDSET, 0, READS },
    { "zintercard",  CATEGORY_SORTEDSET, 0, READS },
    { "zinterstore", CATEGORY_SORTEDSET, 0, STORES },
    { "zunion",      CATEGORY_SORTEDSET, 0, READS },
    { "zunionstore", CATEGORY_SORTEDSET, 0, STORES },

    /* sorted sets */
    { "bzmpop",           SORTEDSET, 0, TAKES },
    { "bzpopmax",         SORTEDSET, 0, TAKES },
    { "bzpopmin",         SORTEDSET, 0, TAKES },
    { "zadd",             SORTEDSET, 0, EDITS },
    { "zcard",            SORTEDSET, 0, LOOKS },
    { "zcount",           SORTEDSET, 0, READS },
    { "zincrby",          SORTEDSET, 0, REPLACES },
    { "zlexcount",        SORTEDSET, 0, READS },
    { "zmpop",            SORTEDSET, 0, TAKES },
    { "zmscore",          SORTEDSET, 0, READS },
    { "zpopmax",          SORTEDSET, 0, TAKES },
    { "zpopmin",          SORTEDSET, 0, TAKES },
    { "zrandmember",      SORTEDSET, VARIES, READS },
    { "zrange",           SORTEDSET, 0, READS },
    { "zrangebylex",      SORTEDSET, 0, READS },
    { "zrangebyscore",    SORTEDSET, 0, READS },
    { "zrangestore",      SORTEDSET, 0, { { KEY_OW | KEY_UPDATE, NULL },
                                    { KEY_RO | KEY_ACCESS, NULL } } },
    { "zrank",            SORTEDSET, 0, READS },
    { "zrem",             SORTEDSET, 0, DROPS },
    { "zremrangebylex",   SORTEDSET, 0, DROPS },
    { "zremrangebyrank",  SORTEDSET, 0, DROPS },
    { "zremrangebyscore", SORTEDSET, 0, DROPS },
    { "zrevrange",        SORTEDSET, 0, READS },
    { "zrevrangebylex",   SORTEDSET, 0, READS },
    { "zrevrangebyscore", SORTEDSET, 0, READS },
    { "zrevrank",         SORTEDSET, 0, READS },
    { "zscore",           SORTEDSET, 0, READS },

    /* hashes */
    { "hdel",         HASH, 0, { { KEY_RW | KEY_DELETE, NULL } } },
    { "hexists",      HASH, 0, LOOKS },
    { "hget",         HASH, 0, READS },
    { "hgetall",      HASH, ORDER_VARIES, READS },
    { "hincrby",      HASH, 0, REPLACES },
    { "hincrbyfloat", HASH, 0, REPLACES },
    { "hkeys",        HASH, ORDER_VARIES, READS },
    { "hlen",         HASH, 0, LOOKS },
    { "hmget",        HASH, 0, READS },
    { "hmset",        HASH, 0, EDITS },
    { "hrandfield",   HASH, VARIES, READS },
    { "hscan",        HASH, VARIES, READS },
    { "hset",         HASH, 0, EDITS },
    { "hsetnx",       HASH, 0, EXTENDS },
    { "hstrlen",      HASH, 0, LOOKS },
    { "hvals",        HASH, ORDER_VARIES, READS },

    /* scans of other collections */
    { "sscan",        CATEGORY_SET, VARIES, READS },
    { "zscan",        CATEGORY_SORTEDSET, VARIES, READS },

    /* keys */
    { "copy",        KEYSPACE, 0, { { KEY_RO | KEY_ACCESS, NULL },
                                    { KEY_OW | KEY_UPDATE, NULL } } },
    { "dbsize",      KEYSPACE, SUM_OF_ALL, { { 0 } } },
    { "del",         KEYSPACE, SUM_OF_KEYS, REMOVES },
    { "dump",        KEYSPACE, VARIES, READS },
    { "exists",      KEYSPACE, SUM_OF_KEYS, LOOKS },
    { "expire",      KEYSPACE, 0, EDITS },
    { "expireat",    KEYSPACE, 0, EDITS },
    { "expiretime",  KEYSPACE, 0, READS },
    { "flushall",    KEYSPACE | DANGEROUS, EACH_SHARD, { { 0 } } },
    { "flushdb",     KEYSPACE | DANGEROUS, EACH_SHARD, { { 0 } } },
    { "keys",        KEYSPACE | DANGEROUS, TIP_ASK_ALL_SHARDS | TIP_NONDETERMINISTIC_ORDER_LAST, { { 0 } } },
    { "move",        KEYSPACE, 0, REPLACES },
    { "object|encoding", KEYSPACE, VARIES, LOOKS },
    { "object|freq",     KEYSPACE, VARIES, LOOKS },
    { "object|help",     KEYSPACE, 0, { { 0 } } },
    { "object|idletime", KEYSPACE, VARIES, LOOKS },
    { "object|refcount", KEYSPACE, VARIES, LOOKS },
    { "persist",     KEYSPACE, 0, EDITS },
    { "pexpire",     KEYSPACE, 0, EDITS },
    { "pexpireat",   KEYSPACE, 0, EDITS },
    { "pexpiretime", KEYSPACE, 0, READS },
    { "pttl",        KEYSPACE, VARIES, READS },
    { "randomkey",   KEYSPACE, TIP_ASK_ALL_SHARDS | TIP_REPLY_SPECIAL | TIP_NONDETERMINISTIC_LAST, { { 0 } } },
    { "rename",      KEYSPACE, 0, { { KEY_RW | KEY_ACCESS | KEY_DELETE, NULL },
                                    { KEY_OW | KEY_UPDATE, NULL } } },
    { "renamenx",    KEYSPACE, 0, { { KEY_RW | KEY_ACCESS | KEY_DELETE, NULL },
                                    { KEY_OW | KEY_INSERT, NULL } } },
    { "restore",     KEYSPACE | DANGEROUS, 0, SETS },
    { "scan",        KEYSPACE, VARIES | TIP_ASK_SPECIAL | TIP_REPLY_SPECIAL, { { 0 } } },
    { "sort",        SORTS, 0, { { KEY_RO | KEY_ACCESS, NULL },
                                 { KEY_RO | KEY_ACCESS | KEY_IS_SOMEWHERE, BY_AND_GET },
                                 { KEY_OW | KEY_UPDATE | KEY_IS_SOMEWHERE, STORE_NOTES } } },
    { "sort_ro",     SORTS, 0, { { KEY_RO | KEY_ACCESS, NULL },
                                 { KEY_RO | KEY_ACCESS | KEY_IS_SOMEWHERE, BY_AND_GET } } },
    { "touch",       KEYSPACE, SUM_OF_KEYS, LOOKS },
    { "ttl",         KEYSPACE, VARIES, READS },
    { "type",        KEYSPACE, 0, LOOKS },
    { "unlink",      KEYSPACE, SUM_OF_KEYS, REMOVES },
    { "wait",        CONNECTION, TIP_ASK_ALL_SHARDS | TIP_REPLY_AGG_MIN, { { 0 } } },
    { "waitaof",     CONNECTION, TIP_ASK_ALL_SHARDS | TIP_REPLY_AGG_MIN, { { 0 } } },

    /* server */
    { "cache|evict", KEYSPACE, ORDER_VARIES, LOOKS },
    { "cache|state", KEYSPACE, VARIES, LOOKS },
    { "cache|stats", 0, VARIES, { { 0 } } },
    { "cache|warm",  KEYSPACE, VARIES, LOOKS },
    { "command",         CONNECTION, ORDER_VARIES, { { 0 } } },
    { "command|count",   CONNECTION, 0, { { 0 } } },
    { "command|docs",    CONNECTION, ORDER_VARIES, { { 0 } } },
    { "command|getkeys", CONNECTION, 0, { { 0 } } },
    { "command|getkeysandflags", CONNECTION, 0, { { 0 } } },
    { "command|help",    CONNECTION, 0, { { 0 } } },
    { "command|info",    CONNECTION, ORDER_VARIES, { { 0 } } },
    { "command|list",    CONNECTION, ORDER_VARIES, { { 0 } } },
    { "config|set",  0, EACH_NODE, { { 0 } } },
    { "info",        DANGEROUS, VARIES | TIP_ASK_ALL_SHARDS | TIP_REPLY_SPECIAL, { { 0 } } },
    { "lastsave",    ADMIN | DANGEROUS, VARIES, { { 0 } } },
    { "latency|doctor",    0, REPORT_NODES, { { 0 } } },
    { "latency|graph",     0, REPORT_NODES, { { 0 } } },
    { "latency|histogram", 0, REPORT_NODES, { { 0 } } },
    { "latency|history",   0, REPORT_NODES, { { 0 } } },
    { "latency|latest",    0, REPORT_NODES, { { 0 } } },
    { "latency|reset",     0, EACH_NODE, { { 0 } } },
    { "slowlog|get",       0, TIP_ASK_ALL_NODES | TIP_NONDETERMINISTIC_LAST, { { 0 } } },
    { "slowlog|len",       0, TIP_ASK_ALL_NODES | TIP_REPLY_AGG_SUM | TIP_NONDETERMINISTIC_LAST, { { 0 } } },
    { "slowlog|reset",     0, EACH_NODE, { { 0 } } },
    { "memory|doctor",       0, REPORT, { { 0 } } },
    { "memory|malloc-stats", 0, REPORT, { { 0 } } },
    { "memory|purge",        0, EACH_SHARD, { { 0 } } },
    { "memory|stats",        0, REPORT, { { 0 } } },
    { "memory|usage",        0, 0, LOOKS },
    { "role",        ADMIN | DANGEROUS, 0, { { 0 } } },
    { "swapdb",      KEYSPACE | DANGEROUS, 0, { { 0 } } },
    { "time",        0, VARIES, { { 0 } } },

    /* pubsub */
    { "spublish",     0, 0, NO_KEY },
    { "ssubscribe",   0, 0, NO_KEY },
    { "sunsubscribe", 0, 0, NO_KEY },

    /* transactions */
    { "discard", TRANSACTION, 0, { { 0 } } },
    { "exec",    TRANSACTION, 0, { { 0 } } },
    { "multi",   TRANSACTION, 0, { { 0 } } },
    { "unwatch", TRANSACTION, 0, { { 0 } } },
    { "watch",   TRANSACTION, 0, LOOKS },
};
/* clang-format on */

const struct command_doc *doc_find(const char *full_name)
{
    static const struct command_doc nothing = { .name = "" };
    for (size_t i = 0; i < LENGTH(docs); i++)
        if (strcmp(docs[i].name, full_name) == 0)
            return &docs[i];
    return &nothing;
}

/* --- names --------------------------------------------------------------- */

static const struct command *container_of(const struct command *command)
{
    for (const struct command *top = command_table; top->name != NULL; top++)
        for (const struct command *sub = top->subcommands;
             sub != NULL && sub->name != NULL; sub++)
            if (sub == command)
                return top;
    return NULL;
}

struct command_name command_full_name(const struct command *command)
{
    struct command_name   name;
    const struct command *container = container_of(command);
    int len = container == NULL
                  ? snprintf(name.text, sizeof(name.text), "%s", command->name)
                  : snprintf(name.text, sizeof(name.text), "%s|%s",
                             container->name, command->name);
    ASSERT(len < (int)sizeof(name.text));
    return name;
}

bool doc_shows(const struct command *container, const struct command *sub)
{
    return (container->flags & CMD_OURS) || !(sub->flags & CMD_OURS);
}

static const char *name_of_bit(const char *const *names, size_t count,
                               unsigned bit)
{
    return bit < count ? names[bit] : NULL;
}

const char *flag_name(unsigned bit)
{
    static const char *const names[] = {
        "write", "readonly", "denyoom", "admin", "pubsub", "noscript",
        "blocking", "loading", "stale", "skip_monitor", "skip_slowlog", "fast",
        "no_auth", "no_mandatory_keys", "no_async_loading", "no_multi",
        "movablekeys", "allow_busy", "", "", "", "", "",
    };
    _Static_assert(CMD_COUNTS_KEYS == 1 << (LENGTH(names) - 1), "a name for each");
    return name_of_bit(names, LENGTH(names), bit);
}

const char *category_name(unsigned bit)
{
    static const char *const names[] = {
        "keyspace", "read", "write", "set", "sortedset", "list", "hash",
        "string", "bitmap", "hyperloglog", "geo", "stream", "pubsub", "admin",
        "fast", "slow", "blocking", "dangerous", "connection", "transaction",
        "scripting",
    };
    _Static_assert(CATEGORY_SCRIPTING == 1 << (LENGTH(names) - 1),
                   "a name for each");
    return name_of_bit(names, LENGTH(names), bit);
}

const char *tip_name(unsigned bit)
{
    static const char *const names[] = {
        "nondeterministic_output",
        "nondeterministic_output_order",
        "request_policy:all_nodes",
        "request_policy:all_shards",
        "request_policy:multi_shard",
        "request_policy:special",
        "response_policy:all_succeeded",
        "response_policy:agg_min",
        "response_policy:agg_sum",
        "response_policy:special",
        "response_policy:agg_logical_and",
        "response_policy:one_succeeded",
        "nondeterministic_output",
        "nondeterministic_output_order",
    };
    _Static_assert(TIP_NONDETERMINISTIC_ORDER_LAST ==
                       1 << (LENGTH(names) - 1),
                   "a name for each");
    return name_of_bit(names, LENGTH(names), bit);
}

const char *key_use_name(unsigned bit)
{
    static const char *const names[] = {
        "RO", "RW", "OW", "RM", "access", "update", "insert", "delete",
        "variable_flags", "not_key", "",
    };
    _Static_assert(KEY_IS_SOMEWHERE == 1 << (LENGTH(names) - 1), "a name for each");
    return name_of_bit(names, LENGTH(names), bit);
}

/* --- categories ---------------------------------------------------------- */

uint32_t category_of_name(slice name)
{
    const char *known;
    for (unsigned bit = 0; (known = category_name(bit)) != NULL; bit++)
        if (slice_equal_nocase(name, known))
            return UINT32_C(1) << bit;
    return 0;
}

uint32_t command_categories(const struct command *command,
                            const struct command_doc *doc)
{
    uint32_t flags = command->flags, categories = doc->categories;
    if (flags & CMD_WRITE)
        categories |= CATEGORY_WRITE;
    if ((flags & CMD_READONLY) && !(categories & CATEGORY_SCRIPTING))
        categories |= CATEGORY_READ;
    if (flags & CMD_ADMIN)
        categories |= CATEGORY_ADMIN | CATEGORY_DANGEROUS;
    if (flags & CMD_PUBSUB)
        categories |= CATEGORY_PUBSUB;
    if (flags & CMD_BLOCKING)
        categories |= CATEGORY_BLOCKING;
    return categories | (flags & CMD_FAST ? CATEGORY_FAST : CATEGORY_SLOW);
}
