/* docs_table.c - the rows of docs.h, in the groups of commands that Redis has.
 * A new command needs a row here (tests/cmd/test_docs.c says which is missing).
 */
#include "cmd/docs.h"

#include <string.h>

#define O1   "O(1)"
#define SUBS "Depends on the subcommand."
#define HELP "Lists the subcommands."
#define BY_SCRIPT "Depends on the script."
#define KEY  "key:k#0"
#define KEYS "key:k#0*"
#define ENDS "(LEFT RIGHT)"
#define WHEN "condition:o?@7.0.0(NX XX GT LT)"

#define PICK "cursor:i pattern:p=MATCH? count:i=COUNT?"
#define FIELDS "data:b*(field value)"
#define SORTING "O(N + M log N), N being the elements and M those answered."

#define CN "connection"
#define GE "generic"
#define LI "list"
#define HA "hash"
#define PS "pubsub"
#define SC "scripting"
#define SE "server"
#define SS "sorted-set"
#define ST "string"
#define TX "transactions"

/* of ZUNION and its like */
#define WEIGHED "weight:i=WEIGHTS?* aggregate:o=AGGREGATE?(SUM MIN MAX)"
#define MEET    "O(N*K), N being the members of the smallest and K the keys."
#define MEET_Z  "O(N*K + M log M), N being the members of the smallest, K the keys and M the members of the result."
#define JOIN_Z  "O(N log N), N being the members of all."

/* clang-format off */
const struct docs_row docs_table[] = {
    /* name, since, group, summary, complexity, arguments, history, deprecated, flag */

    /* connection */
    { "auth", "1.0.0", CN, "Logs the connection in.", "O(N), N being the passwords of that user.", "username?@6.0.0 password", "6.0.0 A user name may be given.", NULL, NULL },
    { "client", "2.4.0", CN, "Commands about connections.", SUBS, NULL, NULL, NULL, NULL },
    { "client|caching", "6.0.0", CN, "Says whether the next command's keys are tracked.", O1, "mode:o(YES NO)", NULL, NULL, NULL },
    { "client|getname", "2.6.9", CN, "Tells the connection's name.", O1, NULL, NULL, NULL, NULL },
    { "client|getredir", "6.0.0", CN, "Tells which client gets this connection's invalidation messages.", O1, NULL, NULL, NULL, NULL },
    { "client|help", "5.0.0", CN, HELP, O1, NULL, NULL, NULL, NULL },
    { "client|id", "5.0.0", CN, "Tells the connection's number.", O1, NULL, NULL, NULL, NULL },
    { "client|info", "6.2.0", CN, "Describes this connection.", O1, NULL, NULL, NULL, NULL },
    { "client|kill", "2.4.0", CN, "Closes connections.", "O(N), N being the connected clients.", "filter:o(old-format~ip:port!2.8.12 new-format:o*(client-id:i=ID?@2.8.12 client-type:o=TYPE?@2.8.12(NORMAL MASTER@3.2.0 SLAVE REPLICA@5.0.0 PUBSUB) username=USER? addr~ip:port=ADDR? laddr~ip:port=LADDR?@6.2.0 skipme:o=SKIPME?(YES NO)))", "2.8.12 Filters by name.\n2.8.12 ID as a filter.\n3.2.0 TYPE knows master.\n5.0.0 TYPE calls a slave a replica, and knows both words.\n6.2.0 LADDR as a filter.", NULL, NULL },
    { "client|list", "2.4.0", CN, "Describes all connections.", "O(N), N being the connected clients.", "client-type:o=TYPE?@5.0.0(NORMAL MASTER REPLICA PUBSUB) client-id:i=ID?*@6.2.0", "2.8.12 A line has the id.\n5.0.0 TYPE as a filter.\n6.0.0 A line has the user.\n6.2.0 A line has argv-mem, tot-mem, laddr and redir; ID as a filter.\n7.0.0 A line has resp, multi-mem, rbs and rbp.\n7.0.3 A line has ssub.", NULL, NULL },
    { "client|no-evict", "7.0.0", CN, "Says whether this connection may be closed for lack of memory.", O1, "enabled:o(ON OFF)", NULL, NULL, NULL },
    { "client|no-touch", "7.2.0", CN, "Says whether this connection's commands count as use of a key.", O1, "enabled:o(ON OFF)", NULL, NULL, NULL },
    { "client|pause", "2.9.50", CN, "Lets commands of clients wait for a while.", O1, "timeout:i mode:o?@6.2.0(WRITE ALL)", "6.2.0 A mode in which only writes wait.", NULL, NULL },
    { "client|reply", "3.2.0", CN, "Turns replies on or off, or skips one.", O1, "action:o(ON OFF SKIP)", NULL, NULL, NULL },
    { "client|setinfo", "7.2.0", CN, "Tells the server about the client's library.", O1, "attr:o(libname=LIB-NAME libver=LIB-VER)", NULL, NULL, NULL },
    { "client|setname", "2.6.9", CN, "Gives the connection a name.", O1, "connection-name", NULL, NULL, NULL },
    { "client|tracking", "6.0.0", CN, "Turns on or off messages about keys that the client may have cached.", "O(1), some options add to it.", "status:o(ON OFF) client-id:i=REDIRECT? prefix=PREFIX?*+ BCAST? OPTIN? OPTOUT? NOLOOP?", NULL, NULL, NULL },
    { "client|trackinginfo", "6.2.0", CN, "Tells how tracking is set for this connection.", O1, NULL, NULL, NULL, NULL },
    { "client|unblock", "5.0.0", CN, "Ends the waiting of another client in a blocking command.", "O(log N), N being the connected clients.", "client-id:i unblock-type:o?(TIMEOUT ERROR)", NULL, NULL, NULL },
    { "client|unpause", "6.2.0", CN, "Ends CLIENT PAUSE.", "O(N), N being the clients that wait.", NULL, NULL, NULL, NULL },
    { "echo", "1.0.0", CN, "Answers its argument.", O1, "message", NULL, NULL, NULL },
    { "hello", "6.0.0", CN, "Chooses the protocol, and may log in and name the connection.", O1, "arguments:b?(protover:i auth:b=AUTH?(username password) clientname=SETNAME?)", "6.2.0 The version may be left out: then the connection is only described.", NULL, NULL },
    { "ping", "1.0.0", CN, "Answers PONG, or its argument.", O1, "message?", NULL, NULL, NULL },
    { "quit", "1.0.0", CN, "Closes the connection.", O1, NULL, NULL, "7.2.0 just closing the connection", NULL },
    { "reset", "6.2.0", CN, "Puts the connection back to how it began.", O1, NULL, NULL, NULL, NULL },
    { "select", "1.0.0", CN, "Chooses the database of this connection.", O1, "index:i", NULL, NULL, NULL },

    /* generic */
    { "copy", "6.2.0", GE, "Copies a key's value to another key.", "O(1) for a string, else O(N), N being the elements.", "source:k#0 destination:k#1 destination-db:i=DB? REPLACE?", NULL, NULL, NULL },
    { "del", "1.0.0", GE, "Deletes keys.", "O(N), N being the keys; elements are freed in the background.", KEYS, NULL, NULL, NULL },
    { "dump", "2.6.0", GE, "Answers a value in Redis's serialization.", "O(N), N being the elements.", KEY, NULL, NULL, NULL },
    { "exists", "1.0.0", GE, "Counts those of the keys that exist.", "O(N), N being the keys.", KEYS, "3.0.3 More than one key.", NULL, NULL },
    { "expire", "1.0.0", GE, "Lets a key live for so many seconds.", O1, KEY " seconds:i " WHEN, "7.0.0 Conditions NX, XX, GT and LT.", NULL, NULL },
    { "expireat", "1.2.0", GE, "Lets a key live until a Unix time.", O1, KEY " unix-time-seconds:t " WHEN, "7.0.0 Conditions NX, XX, GT and LT.", NULL, NULL },
    { "expiretime", "7.0.0", GE, "Tells the Unix time until which a key lives.", O1, KEY, NULL, NULL, NULL },
    { "keys", "1.0.0", GE, "Lists the keys whose names match a pattern.", "O(N), N being the keys of the database.", "pattern:p", NULL, NULL, NULL },
    { "move", "1.0.0", GE, "Moves a key to another database.", O1, KEY " db:i", NULL, NULL, NULL },
    { "object", "2.2.3", GE, "Commands about how a value is kept.", SUBS, NULL, NULL, NULL, NULL },
    { "object|encoding", "2.2.3", GE, "Names the representation of a value.", O1, KEY, NULL, NULL, NULL },
    { "object|freq", "4.0.0", GE, "Tells how often a key is used, on a logarithmic scale.", O1, KEY, NULL, NULL, NULL },
    { "object|help", "6.2.0", GE, HELP, O1, NULL, NULL, NULL, NULL },
    { "object|idletime", "2.2.3", GE, "Tells for how long a key was not used.", O1, KEY, NULL, NULL, NULL },
    { "object|refcount", "2.2.3", GE, "Counts the references to a value.", O1, KEY, NULL, NULL, NULL },
    { "persist", "2.2.0", GE, "Lets a key live for ever.", O1, KEY, NULL, NULL, NULL },
    { "pexpire", "2.6.0", GE, "Lets a key live for so many milliseconds.", O1, KEY " milliseconds:i " WHEN, "7.0.0 Conditions NX, XX, GT and LT.", NULL, NULL },
    { "pexpireat", "2.6.0", GE, "Lets a key live until a Unix time in milliseconds.", O1, KEY " unix-time-milliseconds:t " WHEN, "7.0.0 Conditions NX, XX, GT and LT.", NULL, NULL },
    { "pexpiretime", "7.0.0", GE, "Tells the Unix time in milliseconds until which a key lives.", O1, KEY, NULL, NULL, NULL },
    { "pttl", "2.6.0", GE, "Tells how many milliseconds a key has left.", O1, KEY, "2.8.0 -2 when there is no such key.", NULL, NULL },
    { "randomkey", "1.0.0", GE, "Names a key, chosen at random.", O1, NULL, NULL, NULL, NULL },
    { "rename", "1.0.0", GE, "Gives a key another name, in place of one that has it.", O1, KEY " newkey:k#1", NULL, NULL, NULL },
    { "renamenx", "1.0.0", GE, "Gives a key another name unless that is taken.", O1, KEY " newkey:k#1", "3.2.0 The same name twice is no error.", NULL, NULL },
    { "restore", "2.6.0", GE, "Makes a key of what DUMP has answered.", "O(N), N being the elements; O(N log N) for a sorted set.", KEY " ttl:i serialized-value REPLACE?@3.0.0 ABSTTL?@5.0.0 seconds:i=IDLETIME?@5.0.0 frequency:i=FREQ?@5.0.0", "3.0.0 REPLACE.\n5.0.0 ABSTTL.\n5.0.0 IDLETIME and FREQ.", NULL, NULL },
    { "scan", "2.8.0", GE, "Goes over the keys of the database, some at a time.", "O(COUNT) a call, O(N) for all, N being the keys of the database.", PICK " type=TYPE?@6.0.0", "6.0.0 TYPE.", NULL, NULL },
    { "sort", "1.0.0", GE, "Answers or stores the elements of a list, set or sorted set in order.", SORTING, KEY " by-pattern:p=BY#1?~pattern limit:b=LIMIT?(offset:i count:i) get-pattern:p=GET#1?*+~pattern order:o?(ASC DESC) sorting:x=ALPHA? destination:k=STORE#2?", NULL, NULL, NULL },
    { "sort_ro", "7.0.0", GE, "Answers the elements of a list, set or sorted set in order.", SORTING, KEY " by-pattern:p=BY#1?~pattern limit:b=LIMIT?(offset:i count:i) get-pattern:p=GET#1?*+~pattern order:o?(ASC DESC) sorting:x=ALPHA?", NULL, NULL, NULL },
    { "touch", "3.2.1", GE, "Counts those of the keys that exist, as used now.", "O(N), N being the keys.", KEYS, NULL, NULL, NULL },
    { "ttl", "1.0.0", GE, "Tells how many seconds a key has left.", O1, KEY, "2.8.0 -2 when there is no such key.", NULL, NULL },
    { "type", "1.0.0", GE, "Names the type of a key's value.", O1, KEY, NULL, NULL, NULL },
    { "unlink", "4.0.0", GE, "Deletes keys; what they held is freed in the background.", "O(N), N being the keys.", KEYS, NULL, NULL, NULL },
    { "wait", "3.0.0", GE, "Waits until replicas have this connection's writes.", O1, "numreplicas:i timeout:i", NULL, NULL, NULL },
    { "waitaof", "7.2.0", GE, "Waits until this connection's writes are synced to disk.", O1, "numlocal:i numreplicas:i timeout:i", NULL, NULL, NULL },

    /* list */
    { "blmove", "6.2.0", LI, "Moves an element from one list to another, and waits until there is one.", "O(log N), N being the length of the longer list.", "source:k#0 destination:k#1 wherefrom:o" ENDS " whereto:o" ENDS " timeout:d", NULL, NULL, NULL },
    { "blmpop", "7.0.0", LI, "Pops elements from the first list that has any, and waits until one has.", "O(N+M), N being the keys and M the elements popped.", "timeout:d numkeys:i key:k#0* where:o" ENDS " count:i=COUNT?", NULL, NULL, NULL },
    { "blpop", "2.0.0", LI, "Pops the first element of the first list that has any, and waits until one has.", "O(N), N being the keys.", KEYS " timeout:d", "6.0.0 The timeout may have a fraction.", NULL, NULL },
    { "brpop", "2.0.0", LI, "Pops the last element of the first list that has any, and waits until one has.", "O(N), N being the keys.", KEYS " timeout:d", "6.0.0 The timeout may have a fraction.", NULL, NULL },
    { "brpoplpush", "2.2.0", LI, "Moves an element from the tail of a list to the head of another, and waits until there is one.", "O(log N), N being the length of the longer list.", "source:k#0 destination:k#1 timeout:d", "6.0.0 The timeout may have a fraction.", "6.2.0 `BLMOVE` with the `RIGHT` and `LEFT` arguments", NULL },
    { "lindex", "1.0.0", LI, "Answers the element at an index.", "O(log N), N being the length of the list.", KEY " index:i", NULL, NULL, NULL },
    { "linsert", "2.2.0", LI, "Inserts an element before or after another one.", "O(N), N being the elements before that one.", KEY " where:o(BEFORE AFTER) pivot element", NULL, NULL, NULL },
    { "llen", "1.0.0", LI, "Tells the length of a list.", O1, KEY, NULL, NULL, NULL },
    { "lmove", "6.2.0", LI, "Moves an element from one end of a list to an end of another.", "O(log N), N being the length of the longer list.", "source:k#0 destination:k#1 wherefrom:o" ENDS " whereto:o" ENDS, NULL, NULL, NULL },
    { "lmpop", "7.0.0", LI, "Pops elements from the first list that has any.", "O(N+M), N being the keys and M the elements popped.", "numkeys:i key:k#0* where:o" ENDS " count:i=COUNT?", NULL, NULL, NULL },
    { "lpop", "1.0.0", LI, "Pops elements from the head of a list.", "O(N), N being the elements popped.", KEY " count:i?@6.2.0", "6.2.0 A number of elements may be given.", NULL, NULL },
    { "lpos", "6.0.6", LI, "Finds where an element stands.", "O(N), N being the elements looked at.", KEY " element rank:i=RANK? num-matches:i=COUNT? len:i=MAXLEN?", NULL, NULL, NULL },
    { "lpush", "1.0.0", LI, "Pushes elements to the head of a list.", "O(N), N being the elements pushed.", KEY " element*", "2.4.0 More than one element.", NULL, NULL },
    { "lpushx", "2.2.0", LI, "Pushes elements to the head of a list that exists.", "O(N), N being the elements pushed.", KEY " element*", "4.0.0 More than one element.", NULL, NULL },
    { "lrange", "1.0.0", LI, "Answers the elements of a range.", "O(log N + M), N being the length of the list and M the elements answered.", KEY " start:i stop:i", NULL, NULL, NULL },
    { "lrem", "1.0.0", LI, "Removes elements that have a value.", "O(N), N being the length of the list.", KEY " count:i element", NULL, NULL, NULL },
    { "lset", "1.0.0", LI, "Replaces the element at an index.", "O(log N), N being the length of the list.", KEY " index:i element", NULL, NULL, NULL },
    { "ltrim", "1.0.0", LI, "Removes all elements outside of a range.", "O(N), N being the elements removed.", KEY " start:i stop:i", NULL, NULL, NULL },
    { "rpop", "1.0.0", LI, "Pops elements from the tail of a list.", "O(N), N being the elements popped.", KEY " count:i?@6.2.0", "6.2.0 A number of elements may be given.", NULL, NULL },
    { "rpoplpush", "1.2.0", LI, "Moves an element from the tail of a list to the head of another.", "O(log N), N being the length of the longer list.", "source:k#0 destination:k#1", NULL, "6.2.0 `LMOVE` with the `RIGHT` and `LEFT` arguments", NULL },
    { "rpush", "1.0.0", LI, "Pushes elements to the tail of a list.", "O(N), N being the elements pushed.", KEY " element*", "2.4.0 More than one element.", NULL, NULL },
    { "rpushx", "2.2.0", LI, "Pushes elements to the tail of a list that exists.", "O(N), N being the elements pushed.", KEY " element*", "4.0.0 More than one element.", NULL, NULL },
    /* hash */
    { "hdel", "2.0.0", HA, "Deletes fields of a hash.", "O(N), N being the fields.", KEY " field*", "2.4.0 More than one field.", NULL, NULL },
    { "hexists", "2.0.0", HA, "Tells whether a hash has a field.", O1, KEY " field", NULL, NULL, NULL },
    { "hget", "2.0.0", HA, "Answers a field's value.", O1, KEY " field", NULL, NULL, NULL },
    { "hgetall", "2.0.0", HA, "Answers all fields and values of a hash.", "O(N), N being the fields of the hash.", KEY, NULL, NULL, NULL },
    { "hincrby", "2.0.0", HA, "Adds to a field's integer.", O1, KEY " field increment:i", NULL, NULL, NULL },
    { "hincrbyfloat", "2.6.0", HA, "Adds to a field's number.", O1, KEY " field increment:d", NULL, NULL, NULL },
    { "hkeys", "2.0.0", HA, "Answers all fields of a hash.", "O(N), N being the fields of the hash.", KEY, NULL, NULL, NULL },
    { "hlen", "2.0.0", HA, "Counts the fields of a hash.", O1, KEY, NULL, NULL, NULL },
    { "hmget", "2.0.0", HA, "Answers the values of fields.", "O(N), N being the fields asked for.", KEY " field*", NULL, NULL, NULL },
    { "hmset", "2.0.0", HA, "Sets fields of a hash.", "O(N), N being the fields set.", KEY " " FIELDS, NULL, "4.0.0 `HSET` with multiple field-value pairs", NULL },
    { "hrandfield", "6.2.0", HA, "Answers fields of a hash, chosen at random.", "O(N), N being the fields answered.", KEY " options:b?(count:i WITHVALUES?)", NULL, NULL, NULL },
    { "hscan", "2.8.0", HA, "Goes over the fields and values of a hash, some at a time.", "O(COUNT) a call, O(N) for all, N being the fields of the hash.", KEY " " PICK, NULL, NULL, NULL },
    { "hset", "2.0.0", HA, "Sets fields of a hash.", "O(N), N being the fields set.", KEY " " FIELDS, "4.0.0 More than one field.", NULL, NULL },
    { "hsetnx", "2.0.0", HA, "Sets a field of a hash, unless it has it.", O1, KEY " field value", NULL, NULL, NULL },
    { "hstrlen", "3.2.0", HA, "Tells the length of a field's value.", O1, KEY " field", NULL, NULL, NULL },
    { "hvals", "2.0.0", HA, "Answers all values of a hash.", "O(N), N being the fields of the hash.", KEY, NULL, NULL, NULL },

    /* pubsub */
    { "psubscribe", "2.0.0", PS, "Listens to channels whose names match patterns.", "O(N), N being the patterns of this client.", "pattern:p*", NULL, NULL, NULL },
    { "publish", "2.0.0", PS, "Sends a message to a channel.", "O(N+M), N being the channel's clients and M all patterns.", "channel message", NULL, NULL, NULL },
    { "pubsub", "2.8.0", PS, "Commands about channels.", SUBS, NULL, NULL, NULL, NULL },
    { "pubsub|channels", "2.8.0", PS, "Lists channels that somebody listens to.", "O(N), N being those channels.", "pattern:p?", NULL, NULL, NULL },
    { "pubsub|help", "6.2.0", PS, HELP, O1, NULL, NULL, NULL, NULL },
    { "pubsub|numpat", "2.8.0", PS, "Counts the patterns that somebody listens to.", O1, NULL, NULL, NULL, NULL },
    { "pubsub|numsub", "2.8.0", PS, "Counts the listeners of channels.", "O(N), N being the channels asked for.", "channel?*", NULL, NULL, NULL },
    { "pubsub|shardchannels", "7.0.0", PS, "Lists shard channels that somebody listens to.", "O(N), N being those channels.", "pattern:p?", NULL, NULL, NULL },
    { "pubsub|shardnumsub", "7.0.0", PS, "Counts the listeners of shard channels.", "O(N), N being the channels asked for.", "shardchannel?*", NULL, NULL, NULL },
    { "punsubscribe", "2.0.0", PS, "Stops listening to patterns, to all if none is named.", "O(N), N being the patterns.", "pattern:p?*", NULL, NULL, NULL },
    { "spublish", "7.0.0", PS, "Sends a message to a shard channel.", "O(N), N being the channel's clients.", "shardchannel message", NULL, NULL, NULL },
    { "ssubscribe", "7.0.0", PS, "Listens to shard channels.", "O(N), N being the channels.", "shardchannel*", NULL, NULL, NULL },
    { "subscribe", "2.0.0", PS, "Listens to channels.", "O(N), N being the channels.", "channel*", NULL, NULL, NULL },
    { "sunsubscribe", "7.0.0", PS, "Stops listening to shard channels, to all if none is named.", "O(N), N being the channels.", "shardchannel?*", NULL, NULL, NULL },
    { "unsubscribe", "2.0.0", PS, "Stops listening to channels, to all if none is named.", "O(N), N being the channels.", "channel?*", NULL, NULL, NULL },

    /* server */
    { "acl", "6.0.0", SE, "Commands about users and what they may do.", SUBS, NULL, NULL, NULL, NULL },
    { "acl|cat", "6.0.0", SE, "Lists the categories of commands, or the commands in one.", O1, "category?", NULL, NULL, NULL },
    { "acl|deluser", "6.0.0", SE, "Deletes users.", "O(N), N being the users named.", "username*", NULL, NULL, NULL },
    { "acl|dryrun", "7.0.0", SE, "Tells whether a user might run a command.", O1, "username command arg?*", NULL, NULL, NULL },
    { "acl|genpass", "6.0.0", SE, "Makes up a password.", O1, "bits:i?", NULL, NULL, NULL },
    { "acl|getuser", "6.0.0", SE, "Tells the rules of a user.", "O(N), N being the user's rules.", "username", "6.2.0 Patterns of channels.\n7.0.0 Selectors; patterns are told as rules.", NULL, NULL },
    { "acl|help", "6.0.0", SE, HELP, O1, NULL, NULL, NULL, NULL },
    { "acl|list", "6.0.0", SE, "Lists the users with their rules.", "O(N), N being the users.", NULL, NULL, NULL, NULL },
    { "acl|load", "6.0.0", SE, "Reads the file of users again.", "O(N), N being the users.", NULL, NULL, NULL, NULL },
    { "acl|log", "6.0.0", SE, "Lists what was refused lately.", "O(N), N being the entries shown.", "operation:o?(count:i RESET)", NULL, NULL, NULL },
    { "acl|save", "6.0.0", SE, "Writes the file of users.", "O(N), N being the users.", NULL, NULL, NULL, NULL },
    { "acl|setuser", "6.0.0", SE, "Makes a user, or changes its rules.", "O(N), N being the rules.", "username rule?*", "6.2.0 Patterns of channels.\n7.0.0 Selectors, and patterns of keys to read or to write.", NULL, NULL },
    { "acl|users", "6.0.0", SE, "Lists the names of the users.", "O(N), N being the users.", NULL, NULL, NULL, NULL },
    { "acl|whoami", "6.0.0", SE, "Names the user of this connection.", O1, NULL, NULL, NULL, NULL },
    { "bgrewriteaof", "1.0.0", SE, "Starts a flush to disk.", O1, NULL, NULL, NULL, NULL },
    { "bgsave", "1.0.0", SE, "Starts a flush to disk.", O1, "SCHEDULE?@3.2.2", "3.2.2 SCHEDULE.", NULL, NULL },
    { "command", "2.8.13", SE, "Describes all commands for clients.", "O(N), N being the commands.", NULL, NULL, NULL, NULL },
    { "command|count", "2.8.13", SE, "Counts the commands.", O1, NULL, NULL, NULL, NULL },
    { "command|docs", "7.0.0", SE, "Documents commands.", "O(N), N being the commands asked for.", "command-name?*", NULL, NULL, NULL },
    { "command|getkeys", "2.8.13", SE, "Tells which arguments of a command are keys.", "O(N), N being the arguments.", "command arg?*", NULL, NULL, NULL },
    { "command|getkeysandflags", "7.0.0", SE, "Tells which arguments of a command are keys, and what it does to them.", "O(N), N being the arguments.", "command arg?*", NULL, NULL, NULL },
    { "command|help", "5.0.0", SE, HELP, O1, NULL, NULL, NULL, NULL },
    { "command|info", "2.8.13", SE, "Describes some commands for clients.", "O(N), N being the commands asked for.", "command-name?*", "7.0.0 All commands when none is named.", NULL, NULL },
    { "command|list", "7.0.0", SE, "Lists the names of the commands.", "O(N), N being the commands.", "filterby:o=FILTERBY?(module-name=MODULE category=ACLCAT pattern:p=PATTERN)", NULL, NULL, NULL },
    { "config", "2.0.0", SE, "Commands about the configuration.", SUBS, NULL, NULL, NULL, NULL },
    { "config|get", "2.0.0", SE, "Tells the values of options.", "O(N), N being the patterns.", "parameter*", "7.0.0 More than one pattern.", NULL, NULL },
    { "config|help", "5.0.0", SE, HELP, O1, NULL, NULL, NULL, NULL },
    { "config|resetstat", "2.0.0", SE, "Sets what INFO counts back to zero.", O1, NULL, NULL, NULL, NULL },
    { "config|rewrite", "2.8.0", SE, "Writes the present values into the configuration file.", O1, NULL, NULL, NULL, NULL },
    { "config|set", "2.0.0", SE, "Changes options, all of them or none.", "O(N), N being the options.", "data:b*(parameter value)", "7.0.0 More than one option.", NULL, NULL },
    { "dbsize", "1.0.0", SE, "Counts the keys of the selected database.", O1, NULL, NULL, NULL, NULL },
    { "debug", "1.0.0", SE, "Commands for tests of the server itself.", SUBS, NULL, NULL, NULL, "syscmd" },
    { "failover", "6.2.0", SE, "Hands the role of the master over to a replica.", O1, "target:b=TO?(host port:i FORCE?) ABORT? milliseconds:i=TIMEOUT?", NULL, NULL, NULL },
    { "flushall", "1.0.0", SE, "Deletes all keys of all databases.", "O(N), N being the databases; space is freed in the background.", "flush-type:o?(ASYNC@4.0.0 SYNC@6.2.0)", "4.0.0 ASYNC.\n6.2.0 SYNC.", NULL, NULL },
    { "flushdb", "1.0.0", SE, "Deletes all keys of the selected database.", "O(1); space is freed in the background.", "flush-type:o?(ASYNC@4.0.0 SYNC@6.2.0)", "4.0.0 ASYNC.\n6.2.0 SYNC.", NULL, NULL },
    { "info", "1.0.0", SE, "Tells how the server is doing.", O1, "section?*", "7.0.0 More than one section.", NULL, NULL },
    { "lastsave", "1.0.0", SE, "Tells the Unix time of the last flush to disk.", O1, NULL, NULL, NULL, NULL },
    { "latency", "2.8.13", SE, "Commands about what took long.", SUBS, NULL, NULL, NULL, NULL },
    { "latency|doctor", "2.8.13", SE, "Explains what took long, for people.", O1, NULL, NULL, NULL, NULL },
    { "latency|graph", "2.8.13", SE, "Draws the times of an event.", O1, "event", NULL, NULL, NULL },
    { "latency|help", "2.8.13", SE, HELP, O1, NULL, NULL, NULL, NULL },
    { "latency|histogram", "7.0.0", SE, "Tells how the times of commands are spread.", "O(N), N being the commands that were run.", "command?*", NULL, NULL, NULL },
    { "latency|history", "2.8.13", SE, "Lists the times of an event.", O1, "event", NULL, NULL, NULL },
    { "latency|latest", "2.8.13", SE, "Tells the last time of each event.", O1, NULL, NULL, NULL, NULL },
    { "latency|reset", "2.8.13", SE, "Forgets the times of events, of all if none is named.", O1, "event?*", NULL, NULL, NULL },
    { "lolwut", "5.0.0", SE, "Draws a picture.", NULL, "version:i=VERSION?", NULL, NULL, NULL },
    { "memory", "4.0.0", SE, "Commands about memory.", SUBS, NULL, NULL, NULL, NULL },
    { "memory|doctor", "4.0.0", SE, "Explains what is wrong with memory, for people.", O1, NULL, NULL, NULL, NULL },
    { "memory|help", "4.0.0", SE, HELP, O1, NULL, NULL, NULL, NULL },
    { "memory|malloc-stats", "4.0.0", SE, "Shows the allocator's own figures.", "Depends on how much is allocated.", NULL, NULL, NULL, NULL },
    { "memory|purge", "4.0.0", SE, "Gives freed memory back to the system.", "Depends on how much is allocated.", NULL, NULL, NULL, NULL },
    { "memory|stats", "4.0.0", SE, "Tells what memory is used for.", O1, NULL, NULL, NULL, NULL },
    { "memory|usage", "4.0.0", SE, "Tells how many bytes a key takes in memory.", O1, KEY " count:i=SAMPLES?", NULL, NULL, NULL },
    { "monitor", "1.0.0", SE, "Shows all commands that are run, as they come.", NULL, NULL, NULL, NULL, NULL },
    { "replicaof", "5.0.0", SE, "Makes the server a replica of another one, or a master.", O1, "args:o(host-port:b(host port:i) no-one:b(NO ONE))", NULL, NULL, NULL },
    { "role", "2.8.12", SE, "Tells the server's role in replication.", O1, NULL, NULL, NULL, NULL },
    { "save", "1.0.0", SE, "Writes everything to disk, and answers then.", "O(N), N being the keys changed since the last flush.", NULL, NULL, NULL, NULL },
    { "shutdown", "1.0.0", SE, "Writes everything to disk and ends the server.", "O(N), N being the keys changed since the last flush.", "save-selector:o?(NOSAVE SAVE) NOW?@7.0.0 FORCE?@7.0.0 ABORT?@7.0.0", "7.0.0 NOW, FORCE and ABORT.", NULL, NULL },
    { "slaveof", "1.0.0", SE, "The old name of REPLICAOF.", O1, "args:o(host-port:b(host port:i) no-one:b(NO ONE))", NULL, "5.0.0 `REPLICAOF`", NULL },
    { "slowlog", "2.2.12", SE, "Commands about what took long to run.", SUBS, NULL, NULL, NULL, NULL },
    { "slowlog|get", "2.2.12", SE, "Lists the last slow commands.", "O(N), N being the entries shown.", "count:i?", "4.0.0 An entry has the client's address and name.", NULL, NULL },
    { "slowlog|help", "6.2.0", SE, HELP, O1, NULL, NULL, NULL, NULL },
    { "slowlog|len", "2.2.12", SE, "Counts the slow commands that are kept.", O1, NULL, NULL, NULL, NULL },
    { "slowlog|reset", "2.2.12", SE, "Forgets the slow commands.", "O(N), N being the entries.", NULL, NULL, NULL, NULL },
    { "swapdb", "4.0.0", SE, "Exchanges two databases.", "O(N), N being the clients that watch keys in them.", "index1:i index2:i", NULL, NULL, NULL },
    { "time", "2.6.0", SE, "Tells the time of the server's clock.", O1, NULL, NULL, NULL, NULL },

    /* set */
    { "sadd", "1.0.0", "set", "Adds members to a set.", "O(N), N being the members given.", KEY " member*", "2.4.0 More than one member.", NULL, NULL },
    { "scard", "1.0.0", "set", "Counts the members of a set.", O1, KEY, NULL, NULL, NULL },
    { "sdiff", "1.0.0", "set", "Answers what is in the first set and in none of the others.", "O(N log N), N being the members of all.", KEYS, NULL, NULL, NULL },
    { "sdiffstore", "1.0.0", "set", "Stores what is in the first set and in none of the others.", "O(N log N), N being the members of all.", "destination:k#0 key:k#1*", NULL, NULL, NULL },
    { "sinter", "1.0.0", "set", "Answers what is in all of the sets.", MEET, KEYS, NULL, NULL, NULL },
    { "sintercard", "7.0.0", "set", "Counts what is in all of the sets.", MEET, "numkeys:i " KEYS " limit:i=LIMIT?", NULL, NULL, NULL },
    { "sinterstore", "1.0.0", "set", "Stores what is in all of the sets.", MEET, "destination:k#0 key:k#1*", NULL, NULL, NULL },
    { "sismember", "1.0.0", "set", "Tells whether a set has a member.", O1, KEY " member", NULL, NULL, NULL },
    { "smembers", "1.0.0", "set", "Answers all members of a set.", "O(N), N being the members.", KEY, NULL, NULL, NULL },
    { "smismember", "6.2.0", "set", "Tells of each text whether a set has it.", "O(N), N being the texts.", KEY " member*", NULL, NULL, NULL },
    { "smove", "1.0.0", "set", "Moves a member from one set to another.", O1, "source:k#0 destination:k#1 member", NULL, NULL, NULL },
    { "spop", "1.0.0", "set", "Takes members at random.", "O(N log M), N being the members taken and M all of them.", KEY " count:i?@3.2.0", "3.2.0 A count.", NULL, NULL },
    { "srandmember", "1.0.0", "set", "Answers members at random.", "O(N log M), N being the members answered and M all of them.", KEY " count:i?@2.6.0", "2.6.0 A count.", NULL, NULL },
    { "srem", "1.0.0", "set", "Removes members from a set.", "O(N), N being the members given.", KEY " member*", "2.4.0 More than one member.", NULL, NULL },
    { "sunion", "1.0.0", "set", "Answers what is in any of the sets.", "O(N log N), N being the members of all.", KEYS, NULL, NULL, NULL },
    { "sunionstore", "1.0.0", "set", "Stores what is in any of the sets.", "O(N log N), N being the members of all.", "destination:k#0 key:k#1*", NULL, NULL, NULL },

    /* sorted-set: their algebra */
    { "zdiff", "6.2.0", "sorted-set", "Answers what is in the first sorted set and in none of the others.", JOIN_Z, "numkeys:i " KEYS " WITHSCORES?", NULL, NULL, NULL },
    { "zdiffstore", "6.2.0", "sorted-set", "Stores what is in the first sorted set and in none of the others.", JOIN_Z, "destination:k#0 numkeys:i key:k#1*", NULL, NULL, NULL },
    { "zinter", "6.2.0", "sorted-set", "Answers what is in all of the sorted sets.", MEET_Z, "numkeys:i " KEYS " " WEIGHED " WITHSCORES?", NULL, NULL, NULL },
    { "zintercard", "7.0.0", "sorted-set", "Counts what is in all of the sorted sets.", MEET, "numkeys:i " KEYS " limit:i=LIMIT?", NULL, NULL, NULL },
    { "zinterstore", "2.0.0", "sorted-set", "Stores what is in all of the sorted sets.", MEET_Z, "destination:k#0 numkeys:i key:k#1* " WEIGHED, NULL, NULL, NULL },
    { "zunion", "6.2.0", "sorted-set", "Answers what is in any of the sorted sets.", JOIN_Z, "numkeys:i " KEYS " " WEIGHED " WITHSCORES?", NULL, NULL, NULL },
    { "zunionstore", "2.0.0", "sorted-set", "Stores what is in any of the sorted sets.", JOIN_Z, "destination:k#0 numkeys:i key:k#1* " WEIGHED, NULL, NULL, NULL },

    /* sorted-set */
    { "bzmpop", "7.0.0", SS, "Takes members with the lowest or highest scores out of the first sorted set that has any, and waits until one has.", "O(K + M log N), K being the keys, N the members and M those taken.", "timeout:d numkeys:i key:k#0* where:o(MIN MAX) count:i=COUNT?", NULL, NULL, NULL },
    { "bzpopmax", "5.0.0", SS, "Takes the member with the highest score out of the first sorted set that has any, and waits until one has.", "O(K + log N), K being the keys and N the members.", KEYS " timeout:d", "6.0.0 The timeout may have a fraction.", NULL, NULL },
    { "bzpopmin", "5.0.0", SS, "Takes the member with the lowest score out of the first sorted set that has any, and waits until one has.", "O(K + log N), K being the keys and N the members.", KEYS " timeout:d", "6.0.0 The timeout may have a fraction.", NULL, NULL },
    { "zadd", "1.2.0", SS, "Adds members, or changes their scores.", "O(log N) for each, N being the members.", KEY " condition:o?@3.0.2(NX XX) comparison:o?@6.2.0(GT LT) change:x=CH?@3.0.2 increment:x=INCR?@3.0.2 data:b*(score:d member)", "2.4.0 More than one member.\n3.0.2 NX, XX, CH and INCR.\n6.2.0 GT and LT.", NULL, NULL },
    { "zcard", "1.2.0", SS, "Counts the members.", O1, KEY, NULL, NULL, NULL },
    { "zcount", "2.0.0", SS, "Counts the members whose scores lie in a range.", "O(log N), N being the members.", KEY " min:d max:d", NULL, NULL, NULL },
    { "zincrby", "1.2.0", SS, "Adds to a member's score.", "O(log N), N being the members.", KEY " increment:i member", NULL, NULL, NULL },
    { "zlexcount", "2.8.9", SS, "Counts the members between two texts.", "O(log N), N being the members.", KEY " min max", NULL, NULL, NULL },
    { "zmpop", "7.0.0", SS, "Takes members with the lowest or highest scores out of the first sorted set that has any.", "O(K + M log N), K being the keys, N the members and M those taken.", "numkeys:i key:k#0* where:o(MIN MAX) count:i=COUNT?", NULL, NULL, NULL },
    { "zmscore", "6.2.0", SS, "Tells the scores of some members.", "O(N), N being the members asked for.", KEY " member*", NULL, NULL, NULL },
    { "zpopmax", "5.0.0", SS, "Takes the members with the highest scores out.", "O(M log N), N being the members and M those taken.", KEY " count:i?", NULL, NULL, NULL },
    { "zpopmin", "5.0.0", SS, "Takes the members with the lowest scores out.", "O(M log N), N being the members and M those taken.", KEY " count:i?", NULL, NULL, NULL },
    { "zrandmember", "6.2.0", SS, "Picks members at random.", "O(M log N), N being the members and M those picked.", KEY " options:b?(count:i WITHSCORES?)", NULL, NULL, NULL },
    { "zrange", "1.2.0", SS, "Tells the members in a range of ranks, scores or texts.", "O(log N + M), N being the members and M those answered.", KEY " start stop sortby:o?@6.2.0(BYSCORE BYLEX) REV?@6.2.0 limit:b=LIMIT?@6.2.0(offset:i count:i) WITHSCORES?", "6.2.0 REV, BYSCORE, BYLEX and LIMIT.", NULL, NULL },
    { "zrangebylex", "2.8.9", SS, "Tells the members between two texts.", "O(log N + M), N being the members and M those answered.", KEY " min max limit:b=LIMIT?(offset:i count:i)", NULL, "6.2.0 `ZRANGE` with the `BYLEX` argument", NULL },
    { "zrangebyscore", "1.0.5", SS, "Tells the members whose scores lie in a range.", "O(log N + M), N being the members and M those answered.", KEY " min:d max:d WITHSCORES?@2.0.0 limit:b=LIMIT?(offset:i count:i)", "2.0.0 WITHSCORES.", "6.2.0 `ZRANGE` with the `BYSCORE` argument", NULL },
    { "zrangestore", "6.2.0", SS, "Stores a range of members under another key.", "O(log N + M), N being the members and M those stored.", "dst:k#0 src:k#1 min max sortby:o?(BYSCORE BYLEX) REV? limit:b=LIMIT?(offset:i count:i)", NULL, NULL, NULL },
    { "zrank", "2.0.0", SS, "Tells how many members stand before one.", "O(log N), N being the members.", KEY " member WITHSCORE?", "7.2.0 WITHSCORE.", NULL, NULL },
    { "zrem", "1.2.0", SS, "Removes members.", "O(M log N), N being the members and M those removed.", KEY " member*", "2.4.0 More than one member.", NULL, NULL },
    { "zremrangebylex", "2.8.9", SS, "Removes the members between two texts.", "O(log N + M), N being the members and M those removed.", KEY " min max", NULL, NULL, NULL },
    { "zremrangebyrank", "2.0.0", SS, "Removes the members in a range of ranks.", "O(log N + M), N being the members and M those removed.", KEY " start:i stop:i", NULL, NULL, NULL },
    { "zremrangebyscore", "1.2.0", SS, "Removes the members whose scores lie in a range.", "O(log N + M), N being the members and M those removed.", KEY " min:d max:d", NULL, NULL, NULL },
    { "zrevrange", "1.2.0", SS, "Tells the members in a range of ranks, from the highest score on.", "O(log N + M), N being the members and M those answered.", KEY " start:i stop:i WITHSCORES?", NULL, "6.2.0 `ZRANGE` with the `REV` argument", NULL },
    { "zrevrangebylex", "2.8.9", SS, "Tells the members between two texts, backwards.", "O(log N + M), N being the members and M those answered.", KEY " max min limit:b=LIMIT?(offset:i count:i)", NULL, "6.2.0 `ZRANGE` with the `REV` and `BYLEX` arguments", NULL },
    { "zrevrangebyscore", "2.2.0", SS, "Tells the members whose scores lie in a range, from the highest on.", "O(log N + M), N being the members and M those answered.", KEY " max:d min:d WITHSCORES? limit:b=LIMIT?(offset:i count:i)", "2.1.6 Bounds may be exclusive.", "6.2.0 `ZRANGE` with the `REV` and `BYSCORE` arguments", NULL },
    { "zrevrank", "2.0.0", SS, "Tells how many members stand behind one.", "O(log N), N being the members.", KEY " member WITHSCORE?", "7.2.0 WITHSCORE.", NULL, NULL },
    { "zscore", "1.2.0", SS, "Tells a member's score.", O1, KEY " member", NULL, NULL, NULL },
    /* set */
    { "sscan", "2.8.0", "set", "Goes over the members of a set, some at a time.", "O(COUNT) a call, O(N) for all, N being the members of the set.", KEY " " PICK, NULL, NULL, NULL },

    /* sorted-set */
    { "zscan", "2.8.0", "sorted-set", "Goes over the members and scores of a sorted set, some at a time.", "O(COUNT) a call, O(N) for all, N being the members of the sorted set.", KEY " " PICK, NULL, NULL, NULL },

    /* string */
    { "append", "2.0.0", ST, "Adds to the end of a string.", "O(N), N being the length of the new string.", KEY " value", NULL, NULL, NULL },
    { "decr", "1.0.0", ST, "Subtracts one from a whole number.", O1, KEY, NULL, NULL, NULL },
    { "decrby", "1.0.0", ST, "Subtracts from a whole number.", O1, KEY " decrement:i", NULL, NULL, NULL },
    { "get", "1.0.0", ST, "Answers a string.", O1, KEY, NULL, NULL, NULL },
    { "getdel", "6.2.0", ST, "Answers a string and deletes it.", O1, KEY, NULL, NULL, NULL },
    { "getex", "6.2.0", ST, "Answers a string and changes how long it lives.", O1, KEY " expiration:o?(seconds:i=EX milliseconds:i=PX unix-time-seconds:t=EXAT unix-time-milliseconds:t=PXAT PERSIST)", NULL, NULL, NULL },
    { "getrange", "2.4.0", ST, "Answers a part of a string.", "O(N), N being the length of that part.", KEY " start:i end:i", NULL, NULL, NULL },
    { "getset", "1.0.0", ST, "Sets a string and answers the old one.", O1, KEY " value", NULL, "6.2.0 `SET` with the `!GET` argument", NULL },
    { "incr", "1.0.0", ST, "Adds one to a whole number.", O1, KEY, NULL, NULL, NULL },
    { "incrby", "1.0.0", ST, "Adds to a whole number.", O1, KEY " increment:i", NULL, NULL, NULL },
    { "incrbyfloat", "2.6.0", ST, "Adds to a number.", O1, KEY " increment:d", NULL, NULL, NULL },
    { "lcs", "7.0.0", ST, "Finds the longest common subsequence of two strings.", "O(N*M), N and M being their lengths.", "key1:k#0 key2:k#0 LEN? IDX? min-match-len:i=MINMATCHLEN? WITHMATCHLEN?", NULL, NULL, NULL },
    { "mget", "1.0.0", ST, "Answers several strings.", "O(N), N being the keys.", KEYS, NULL, NULL, NULL },
    { "mset", "1.0.1", ST, "Sets several strings, all at once.", "O(N), N being the keys.", "data:b*(key:k#0 value)", NULL, NULL, NULL },
    { "msetnx", "1.0.1", ST, "Sets several strings, unless one of the keys exists.", "O(N), N being the keys.", "data:b*(key:k#0 value)", NULL, NULL, NULL },
    { "psetex", "2.6.0", ST, "Sets a string that lives for so many milliseconds.", O1, KEY " milliseconds:i value", NULL, "2.6.12 `SET` with the `PX` argument", NULL },
    { "set", "1.0.0", ST, "Sets a string, whatever the key held.", O1, KEY " value condition:o?@2.6.12(NX XX) GET?@6.2.0 expiration:o?(seconds:i=EX@2.6.12 milliseconds:i=PX@2.6.12 unix-time-seconds:t=EXAT@6.2.0 unix-time-milliseconds:t=PXAT@6.2.0 KEEPTTL@6.0.0)", "2.6.12 EX, PX, NX and XX.\n6.0.0 KEEPTTL.\n6.2.0 GET, EXAT and PXAT.\n7.0.0 NX and GET together.", NULL, NULL },
    { "setex", "2.0.0", ST, "Sets a string that lives for so many seconds.", O1, KEY " seconds:i value", NULL, "2.6.12 `SET` with the `EX` argument", NULL },
    { "setnx", "1.0.0", ST, "Sets a string unless the key exists.", O1, KEY " value", NULL, "2.6.12 `SET` with the `NX` argument", NULL },
    { "setrange", "2.2.0", ST, "Writes over a part of a string.", "O(N), N being the length of the new string.", KEY " offset:i value", NULL, NULL, NULL },
    { "strlen", "2.2.0", ST, "Tells the length of a string.", O1, KEY, NULL, NULL, NULL },
    { "substr", "1.0.0", ST, "The old name of GETRANGE.", "O(N), N being the length of that part.", KEY " start:i end:i", NULL, "2.0.0 `GETRANGE`", NULL },

    /* scripting */
    { "eval", "2.6.0", SC, "Runs a Lua script.", BY_SCRIPT, "script numkeys:i key:k#0?* arg?*", NULL, NULL, NULL },
    { "evalsha", "2.6.0", SC, "Runs a cached Lua script.", BY_SCRIPT, "sha1 numkeys:i key:k#0?* arg?*", NULL, NULL, NULL },
    { "evalsha_ro", "7.0.0", SC, "Runs a cached Lua script that may not write.", BY_SCRIPT, "sha1 numkeys:i key:k#0?* arg?*", NULL, NULL, NULL },
    { "eval_ro", "7.0.0", SC, "Runs a Lua script that may not write.", BY_SCRIPT, "script numkeys:i key:k#0?* arg?*", NULL, NULL, NULL },
    { "script", "2.6.0", SC, "Commands about Lua scripts.", SUBS, NULL, NULL, NULL, NULL },
    { "script|debug", "3.2.0", SC, "Answers that there is no debugger.", O1, "mode:o(YES SYNC NO)", NULL, NULL, NULL },
    { "script|exists", "2.6.0", SC, "Tells which scripts are cached.", "O(N), N being the scripts asked for.", "sha1*", NULL, NULL, NULL },
    { "script|flush", "2.6.0", SC, "Forgets all cached scripts.", "O(N), N being the cached scripts.", "flush-type:o?@6.2.0(ASYNC SYNC)", "6.2.0 ASYNC and SYNC.", NULL, NULL },
    { "script|help", "5.0.0", SC, HELP, O1, NULL, NULL, NULL, NULL },
    { "script|kill", "2.6.0", SC, "Ends a script that has run for long, if it has written nothing.", O1, NULL, NULL, NULL, NULL },
    { "script|load", "2.6.0", SC, "Caches a script.", "O(N), N being the bytes of the script.", "script", NULL, NULL, NULL },

    /* transactions */
    { "discard", "2.0.0", TX, "Forgets the commands queued since MULTI.", "O(N), N being the queued commands.", NULL, NULL, NULL, NULL },
    { "exec", "1.2.0", TX, "Runs the commands queued since MULTI, all at once.", "Depends on those commands.", NULL, NULL, NULL, NULL },
    { "multi", "1.2.0", TX, "Queues the commands that follow, for EXEC.", O1, NULL, NULL, NULL, NULL },
    { "unwatch", "2.2.0", TX, "Forgets the watched keys.", O1, NULL, NULL, NULL, NULL },
    { "watch", "2.2.0", TX, "Lets the next EXEC do nothing if one of the keys has changed.", "O(1) for each key.", KEYS, NULL, NULL, NULL },

    /* diskstore's own */
    { "cache", "0.1.0", SE, "Commands about the cache (diskstore only).", SUBS, NULL, NULL, NULL, NULL },
    { "cache|evict", "0.1.0", SE, "Drops clean keys from memory.", "O(N), N being the keys.", KEYS, NULL, NULL, NULL },
    { "cache|flush", "0.1.0", SE, "Writes everything to disk, and answers then.", "O(N), N being the keys changed since the last flush.", NULL, NULL, NULL, NULL },
    { "cache|help", "0.1.0", SE, HELP, O1, NULL, NULL, NULL, NULL },
    { "cache|state", "0.1.0", SE, "Tells where keys are: in memory, on disk, on the way.", "O(N), N being the keys.", KEYS, NULL, NULL, NULL },
    { "cache|stats", "0.1.0", SE, "Tells the figures of INFO cache.", O1, NULL, NULL, NULL, NULL },
    { "cache|warm", "0.1.0", SE, "Loads keys, or all that match a pattern, in the background.", "O(N), N being the keys; with MATCH O(1), and O(N) behind it for the keys of the database.", "what:o(key:k#0* pattern:p=MATCH)", NULL, NULL, NULL },
};
/* clang-format on */

const size_t docs_count = sizeof(docs_table) / sizeof(docs_table[0]);

const struct docs_row *docs_find(const char *full_name)
{
    for (size_t i = 0; i < docs_count; i++)
        if (strcmp(docs_table[i].name, full_name) == 0)
            return &docs_table[i];
    return NULL;
}
