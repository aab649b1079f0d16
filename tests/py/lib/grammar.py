"""What each command takes: COMMANDS, by the full name that COMMAND LIST tells.
What takes several commands or a restart is in episodes.py.

A form's function gives the arguments behind the name, right ones mostly;
Generator spoils some. Where a wrong one could do harm (a long DEBUG SLEEP, a
SHUTDOWN nobody is prepared for) the form says spoils=False and gives the
wrong ones itself.

Options are Words: the test asks whether each word that COMMAND DOCS knows was
answered without an error at least once.
"""

import hashlib

from lib.generator import (CHANNELS, CONNECTIONS, DATABASES, DATABASES_DEALT,
                           LISTENERS, PATTERNS, Own)


class Form:
    def __init__(self, make, often=2, spoils=True, ours_only=False):
        self.make = make
        self.often = often          # 0: in an episode only
        self.spoils = spoils
        self.ours_only = ours_only


COMMANDS = {}


def command(*names, **options):
    def decorate(make):
        for name in names:
            COMMANDS[name] = Form(make, **options)
        return make
    return decorate


# --- scripts ---------------------------------------------------------------

def fits(*words):
    def make(g):
        return [g.pick(words)]
    return make


def texts(g):
    return [g.pick([b"", b"x", b"two words", b"a\r\nb", b"\xff\x00"])
            for _ in range(g.between(0, 3))]


# Each: the text, how many keys (None: some), what makes the arguments.
SCRIPTS = [
    (b"return redis.call(ARGV[1], KEYS[1])", 1,
     fits(b"get", b"strlen", b"type", b"exists", b"persist", b"incr", b"decr",
          b"getdel", b"GET", b"nonsense", b"mget", b"touch")),
    (b"return redis.pcall(ARGV[1], KEYS[1], '7')", 1,
     fits(b"incrby", b"decrby", b"setnx", b"getrange", b"get", b"x")),
    (b"local v = redis.call('get', KEYS[1])\n"
     b"if v and #v < 1000 then\n  redis.call('set', KEYS[2], v)\nend\n"
     b"return {v and #v, redis.call('strlen', KEYS[2])}", 2, texts),
    (b"redis.call('set', KEYS[1], 'by a script')\n"
     b"return redis.call('nonsense')", 1, texts),
    (b"return {redis.call('mget', KEYS[1], KEYS[2]), KEYS, ARGV, #ARGV}", 2,
     texts),
    (b"redis.setresp(3)\nreturn redis.call('mget', KEYS[1], KEYS[2])[2]", 2,
     texts),
    (b"local found = {}\nfor i, key in ipairs(KEYS) do\n"
     b"  found[i] = redis.call('exists', key)\nend\nreturn found", None,
     texts),
    (b"redis.call('select', ARGV[1])\nreturn redis.call('get', KEYS[1])", 1,
     fits(b"0", b"1", b"2", b"x")),
    (b"return tonumber(ARGV[1])", 0,
     fits(b"1", b"-3.99", b"1e300", b"x", b"12345678901")),
    (b"return {double = tonumber(ARGV[1])}", 0,
     fits(b"0.1", b"0.7", b"1.1", b"1e100")),
    (b"return {map = {a = ARGV[1]}}", 0, texts),
    (b"redis.setresp(3) return {true, false, {set = {x = true}}, "
     b"{big_number = '12'}}", 0, texts),
    (b"return {verbatim_string = {format = 'txt', string = ARGV[1] or ''}}", 0,
     texts),
    (b"return {ok = ARGV[1]}", 0, texts),
    (b"return {err = ARGV[1]}", 0, fits(b"ERR x", b"OTHER word", b"WORD")),
    (b"return redis.error_reply(ARGV[1])", 0, fits(b"ERR x", b"-A b", b"W")),
    (b"return redis.sha1hex(ARGV[1] or '')", 0, texts),
    (b"return pcall(redis.call, 'get')", 0, texts),
    (b"local ok, err = pcall(redis.call, 'get') return err", 0, texts),
    (b"#!lua flags=no-writes\nreturn redis.call(ARGV[1], KEYS[1])", 1,
     fits(b"get", b"incr", b"strlen")),
    (b"#!lua flags=no-writes,nonsense\nreturn 1", 0, texts),
    (b"return math.random(3) ~= 0", 0, texts),
    (b"error(ARGV[1])", 0, fits(b"x", b"a b")),
    (b"nonsense = 1", 0, texts),
    (b"return nonsense", 0, texts),
    (b"return return", 0, texts),
    (b"return redis.call('multi')", 0, texts),
    (b"return redis.call('publish', 'news', ARGV[1])", 0, fits(b"a", b"b")),
    (b"", 0, texts),
]


# Loaded and called by name: few, or those called would not be loaded.
LOADED = SCRIPTS[:5]


def script(g, deck, scripts):
    """(text, [number, key ..., argument ...])"""
    text, count, arguments = g.deal(deck, scripts)
    if count is None:
        count = g.between(0, 6)
    keys = [g.key() for _ in range(count)]
    for key in keys:
        g.note_size(key, 1000)
    return text, [b"%d" % count] + keys + arguments(g)


def sha_of(text):
    return hashlib.sha1(text).hexdigest().encode()


@command("eval", often=8)
@command("eval_ro", often=4)
def _(g):
    text, arguments = script(g, "script", SCRIPTS)
    return [text] + arguments


@command("evalsha", "evalsha_ro", often=5)
def _(g):
    text, arguments = script(g, "script by name", LOADED)
    sha = sha_of(text)
    return [g.pick([sha, sha, sha.upper(), b"nonsense"])] + arguments


@command("script|load", often=6)
def _(g):
    return [g.deal("script load", SCRIPTS + 4 * LOADED)[0]]


@command("script|exists", often=3)
def _(g):
    return [sha_of(g.pick(LOADED)[0]) for _ in range(g.between(1, 3))]


@command("script|flush", often=1)
def _(g):
    return g.deal("script flush", [[], [g.word("SYNC")], [g.word("ASYNC")],
                                   [b"x"]])


@command("script|debug", often=1, spoils=False)
def _(g):
    """YES would turn the connection into one of Redis's debugger."""
    return g.deal("script debug", [[g.word("NO")], [b"x"], [b""]])


@command("script", often=1, spoils=False)
def _(g):
    return g.pick([[], [b"nonsense"], [b""], [b"load\n", b"x"]])


@command("script|kill", "script|help", often=1)
def _(g):
    return []


# --- strings ---------------------------------------------------------------

# Each option with what makes its argument.
TIMES = {"EX": "seconds_to_live", "PX": "ms_to_live", "EXAT": "time_s",
         "PXAT": "time_ms"}


def options(g, deck, tokens, most):
    """Words, those of TIMES with their time, in any order."""
    arguments = []
    for word in g.words(deck, tokens, most):
        arguments.append(word)
        if word.token in TIMES:
            arguments.append(getattr(g, TIMES[word.token])())
    return arguments


SET_TIMES = ["EX", "PX", "EXAT", "PXAT", "KEEPTTL"]


@command("set", often=20)
def _(g):
    key = g.key()
    arguments = [key, g.value(key)]
    if g.chance(0.4):
        return arguments
    if g.chance(0.2): # any, also what excludes each other
        return arguments + options(
            g, "set any", ["NX", "XX", "GET"] + SET_TIMES, 4)
    parts = [options(g, "set time", SET_TIMES, 1),
             options(g, "set when", ["NX", "XX"], 1),
             options(g, "set get", ["GET"], 1)]
    g.random.shuffle(parts)
    return arguments + sum(parts, [])


@command("get", often=20)
@command("strlen", often=4)
@command("getdel", often=3)
@command("ttl", "pttl", "expiretime", "pexpiretime", "type", often=4)
@command("persist", often=4)
def _(g):
    return [g.key()]


@command("incr", "decr", often=5)
def _(g):
    return [g.key("n")]


@command("incrby", "decrby", often=5)
def _(g):
    return [g.key("n"), g.integer()]


@command("incrbyfloat", often=6)
def _(g):
    return [g.key(g.pick("fffn")),
            g.integer() if g.chance(0.3) else g.float()]


@command("getex", often=6)
def _(g):
    tokens = ["EX", "PX", "EXAT", "PXAT", "PERSIST"]
    return [g.key()] + options(g, "getex", tokens, g.pick([1, 1, 1, 2]))


@command("getset", "setnx", often=5)
def _(g):
    key = g.key()
    return [key, g.value(key)]


@command("setex", often=4)
def _(g):
    key = g.key()
    return [key, g.seconds_to_live(), g.value(key)]


@command("psetex", often=4)
def _(g):
    key = g.key()
    return [key, g.ms_to_live(), g.value(key)]


@command("mget", often=8)
@command("exists", "touch", often=5)
@command("del", "unlink", often=3)
def _(g):
    return g.keys(g.pick([3, 10, 25]))


@command("mset", often=6)
@command("msetnx", often=4)
def _(g):
    keys = g.keys(g.pick([1, 4, 12]))
    return [one for key in keys for one in (key, g.value(key))]


@command("append", often=6)
def _(g):
    key = g.key(g.pick("sssbn"))
    more = g.sized(g.between(0, 20_000)) if g.chance(0.1) else \
        g.pick([b"", b"1", b"0", b"-", b".5", b"tail", b"\x00"])
    return [key, more if g.may_grow(key, len(more)) else b""]


@command("setrange", often=6)
def _(g):
    key = g.key(g.pick("sssbn"))
    offset = g.pick([0, 0, 1, g.between(0, 100), g.between(0, 70_000), -1,
                     2**29, 2**29 + 1, 2**31, 2**32, 2**63 - 1, 2**63, -2**63])
    text = g.pick([b"", b"x", b"range", g.sized(g.between(0, 200)),
                   g.sized(g.between(0, 20_000))])
    if 0 <= offset < 100_000:
        g.note_size(key, offset + len(text))
    return [key, b"%d" % offset, text]


@command("getrange", often=6)
@command("substr", often=3)
def _(g):
    def end():
        return b"%d" % g.pick([0, -1, 1, -2, g.between(-50, 50),
                               g.between(-70_000, 70_000), 2**31, -2**31,
                               2**63 - 1, -2**63, 2**63 - 2, -2**63 + 1])
    return [g.key(), end(), end()]


# --- keys ------------------------------------------------------------------

DEADLINES = {"expire": "seconds_to_live", "pexpire": "ms_to_live",
             "expireat": "time_s", "pexpireat": "time_ms"}


@command("expire", "pexpire", "expireat", "pexpireat", often=6)
def _(g):
    arguments = [g.key(), getattr(g, DEADLINES[g.step.name])()]
    return arguments + g.words(g.step.name, ["NX", "XX", "GT", "LT"],
                               g.pick([0, 1, 1, 2]))


@command("rename", "renamenx", often=6)
def _(g):
    source = g.key()
    target = source if g.chance(0.1) else g.key()
    g.note_rename(source, target)
    return [source, target]


LCS_WORDS = ["LEN", "IDX", "MINMATCHLEN", "WITHMATCHLEN"]


@command("lcs", often=8)
def _(g):
    arguments = [g.key(), g.key(g.pick("sssnfz"))]
    for word in g.words("lcs", LCS_WORDS, g.pick([1, 1, 2, 3])):
        arguments.append(word)
        if word.token == "MINMATCHLEN":
            arguments.append(b"%d" % g.pick([0, 1, 2, 3, 10, -1, 2**62]))
    return arguments


@command("copy", often=8)
def _(g):
    source = g.key()
    target = source if g.chance(0.3) else g.key()
    g.note_rename(source, target)
    arguments = [source, target]
    for word in g.words("copy", ["DB", "REPLACE"], g.pick([1, 2, 2, 3])):
        arguments.append(word)
        if word.token == "DB":
            arguments.append(a_database(g))
    return arguments


@command("move", often=6)
def _(g):
    return [g.key(), a_database(g)]


@command("swapdb", often=2)
def _(g):
    return [a_database(g), a_database(g)]


@command("object|encoding", often=5)
@command("object|refcount", "object|idletime", "object|freq", often=2)
def _(g):
    return [g.key()]


@command("memory|usage", often=2)
def _(g):
    arguments = [g.key()]
    if g.chance(0.5):
        arguments += [g.word("SAMPLES"), g.pick([b"0", b"5", b"-1", b"x"])]
    return arguments


@command("memory|stats", "memory|doctor", "memory|malloc-stats",
         "memory|purge", "memory|help", "object|help", "acl|help", often=1)
@command("acl|whoami", "acl|users", "acl|list", "role", often=1)
@command("dbsize", often=6)
@command("quit", often=1, spoils=False)
@command("reset", often=1)
@command("time", "lastsave", often=1)
@command("client|id", "client|getname", "client|info", often=1)
@command("client|help", "config|help", "command|help", often=1)
@command("command|count", "command", often=1)
@command("config|resetstat", often=1)
@command("cache|help", "cache|stats", often=1, ours_only=True)
def _(g):
    if g.step.name == "quit":
        g.step.closes = [g.connection]
    return []


@command("flushdb", "flushall", often=0, spoils=False)
def _(g):
    kind = g.deal(g.step.name, ["none", "ASYNC", "SYNC", "wrong"])
    if kind == "none":
        return []
    return [g.junk()] if kind == "wrong" else [g.word(kind)]


def a_database(g):
    if g.chance(0.1):
        return g.pick([b"16", b"-1", b"x", b"2147483648", b"0x1", b""])
    return g.deal("a database", DATABASES)


# --- connection ------------------------------------------------------------

@command("ping", often=2)
def _(g):
    return [] if g.chance(0.5) else [g.text()]


@command("echo", often=2)
def _(g):
    return [g.text()]


@command("select", often=3)
def _(g):
    if g.chance(0.1):
        return [g.pick([b"16", b"-1", b"2147483648", b"00", b"15 "])]
    return [g.deal("select", DATABASES_DEALT)]


def name(g):
    return g.pick([b"", b"me", b"a-client", b"!~", b"a b", b"\n", b"x" * 100,
                   b"\xc3\xbc", b"\x7f", b"name:%d" % g.between(0, 99)])


@command("hello", often=3)
def _(g):
    arguments = [g.pick([b"2", b"3", b"3"])] if g.chance(0.9) else \
        g.pick([[], [b"1"], [b"4"], [b"x"]])
    # Never two AUTH: 7.0 takes each of them, 7.2 only the last.
    for token in g.deal("hello", [[], ["AUTH"], ["SETNAME"],
                                  ["AUTH", "SETNAME"], ["SETNAME", "AUTH"]]):
        arguments += [g.word(token)] + (
            [name(g)] if token == "SETNAME" else
            [g.pick([b"default", b"default", b"nobody"]), b"any"])
    return arguments


@command("auth", often=1)
def _(g):
    user = g.pick([b"default", b"Default", b"nobody", b""])
    return [user, b"any"] if g.chance(0.7) else [b"any"]


@command("client|setname", often=1)
def _(g):
    return [name(g)]


@command("client|setinfo", often=1)
def _(g):
    return g.words("setinfo", ["LIB-NAME", "LIB-VER"], 1) + [name(g)]


# --- how connections are served

@command("client|getredir", "client|trackinginfo", "client|unpause", often=1)
def _(g):
    return []


@command("client|no-evict", "client|no-touch", often=1)
def _(g):
    return g.words(g.step.name, ["ON", "OFF"], 1)


@command("client|reply", often=1, spoils=False)
def _(g):
    """Those that are answered."""
    return g.deal("client reply", [[g.word("ON")], [g.word("ON")], [],
                                   [g.word("ON"), b"x"], [b"x"]])


@command("client|pause", often=1, spoils=False)
def _(g):
    """A moment at most."""
    ms = g.deal("pause", [b"0", b"1", b"2", b"-1", b"x", b"1.5",
                          b"9223372036854775807", b"9223372036854775808"])
    return [ms] + g.words("pause mode", ["WRITE", "ALL"], 1) + \
        g.deal("pause more", [[]] * 7 + [[b"x"]])


@command("client|unblock", often=1)
def _(g):
    return [client_id(g)] + g.words("unblock", ["TIMEOUT", "ERROR"], 1)


@command("client|caching", often=1)
def _(g):
    return g.words("caching", ["YES", "NO"], 1)


@command("client|tracking", often=1, spoils=False)
def _(g):
    """What turns nothing on; the rest is in the episode."""
    return g.deal("tracking", [
        [], [b"x"], [g.word("OFF")], [g.word("ON"), b"x"],
        [g.word("OFF"), g.word("BCAST"), g.word("PREFIX"), b"a"],
        [g.word("ON"), g.word("PREFIX"), b"a"],
        [g.word("ON"), g.word("REDIRECT"), b"999999"],
        [g.word("ON"), g.word("REDIRECT"), g.junk()],
        [g.word("ON"), g.word("OPTIN"), g.word("OPTOUT")],
        [g.word("ON"), g.word("BCAST"), g.word("OPTIN")],
        [g.word("ON"), g.word("BCAST"), g.word("PREFIX"), b"a",
         g.word("PREFIX"), b"ab"]])


CLIENT_TYPES = ["NORMAL", "MASTER", "REPLICA", "SLAVE", "PUBSUB"]


def client_id(g):
    return g.pick([Own("id", g.connection), Own("id", g.other()), b"999999",
                   b"0", b"-1"])


@command("client|list", often=4, spoils=False)
def _(g):
    kind = g.deal("client list", ["all", "type", "type", "id", "id", "wrong"])
    if kind == "type":
        return [g.word("TYPE")] + [g.word(g.deal("list type", CLIENT_TYPES))]
    if kind == "id":
        return [g.word("ID")] + [client_id(g) for _ in range(g.between(1, 3))]
    return [g.junk()] if kind == "wrong" else []


@command("client|kill", often=1, spoils=False)
def _(g):
    other = g.other()
    normals = [one for one in range(CONNECTIONS) if one != g.connection]
    everyone = normals + list(LISTENERS)
    skip, me = [g.word("SKIPME"), b"yes"], [g.word("SKIPME"), b"no"]
    normal = [g.word("TYPE"), g.word("NORMAL")]
    user = [g.word("USER"), b"default"]
    kind = g.deal("client kill", range(22))
    forms = [
        ([other], [Own("addr", other)]),
        ([g.connection], [Own("addr", g.connection)]),
        ([other], [g.word("ID"), Own("id", other)]),
        ([other], [g.word("ADDR"), Own("addr", other)] + skip),
        ([], [g.word("ID"), Own("id", g.connection)]),
        ([g.connection], [g.word("ID"), Own("id", g.connection)] + me),
        (everyone, [g.word("LADDR"), Own("laddr", g.connection)]),
        (normals, normal + skip),
        (everyone, user),
        ([other], normal + user + [g.word("ID"), Own("id", other)] + me),
        ([], [g.word("TYPE"), g.word("MASTER")]),
        ([], [g.word("TYPE"), g.word("REPLICA")] + me),
        ([], [g.word("TYPE"), g.word("SLAVE")] + skip),
        (list(LISTENERS), [g.word("TYPE"), g.word("PUBSUB")] + user),
        ([], [g.word("ID"), b"999999"]),
        ([], [g.word("ADDR"), b"1.2.3.4:5"]),
        ([], [b"1.2.3.4:5"]),
        ([], []),
        ([], [g.word("ID"), g.junk().replace(b"1", b"-")]),
        ([], [g.word("TYPE"), g.junk()]),
        ([], [g.word("USER"), g.junk()]),
        ([], [g.word("SKIPME"), b"maybe"]),
    ]
    g.step.closes, arguments = forms[kind]
    return arguments


# --- messages --------------------------------------------------------------

def channels(g):
    return [g.pick(CHANNELS) for _ in range(g.pick([1, 1, 2, 5]))]


@command("subscribe", "ssubscribe", often=1)
def _(g):
    return channels(g)


@command("psubscribe", often=1)
def _(g):
    return [g.pick(PATTERNS) for _ in range(g.pick([1, 1, 2, 5]))]


@command("unsubscribe", "punsubscribe", "sunsubscribe", often=1)
def _(g):
    return g.pick([[], channels(g), [g.pick(PATTERNS)]])


@command("publish", "spublish", often=4)
def _(g):
    return [g.pick(CHANNELS), g.pick([b"", b"hello", b"\x00\r\n", g.junk(),
                                      g.sized(g.between(400, 3000))])]


@command("pubsub|channels", "pubsub|shardchannels", often=2)
def _(g):
    many = g.deal("channels", [0, 0, 1, 1, 1, 2])
    return [g.pick(PATTERNS) for _ in range(many)]


@command("pubsub|numsub", "pubsub|shardnumsub", often=2)
def _(g):
    return channels(g) if g.chance(0.9) else []


@command("pubsub|numpat", "pubsub|help", often=1)
def _(g):
    return []


# --- server ----------------------------------------------------------------

SECTIONS = [b"server", b"clients", b"memory", b"persistence", b"stats",
            b"replication", b"cpu", b"modules", b"cluster", b"keyspace",
            b"commandstats", b"errorstats", b"latencystats",
            b"default", b"all", b"everything", b"nonsense", b"", b"Server"]


@command("info", often=2)
def _(g):
    return [g.deal("section", SECTIONS) for _ in range(g.between(0, 2))]


# Mean the same to both, and start with the same value.
OPTIONS = [b"timeout", b"tcp-keepalive", b"hz", b"maxclients", b"loglevel",
           b"proto-max-bulk-len", b"client-query-buffer-limit", b"databases",
           b"protected-mode", b"save", b"appendonly", b"requirepass",
           b"maxmemory-policy", b"maxmemory-samples", b"appendfsync",
           b"hash-max-listpack-entries", b"hash-max-ziplist-entries",
           b"hash-max-listpack-value", b"list-max-listpack-size",
           b"zset-max-ziplist-value", b"zset-max-listpack-value",
           b"set-max-intset-entries", b"stream-node-max-bytes",
           b"replica-priority", b"slave-priority", b"lazyfree-lazy-expire",
           b"lua-time-limit", b"busy-reply-threshold", b"repl-backlog-size",
           b"tracking-table-max-keys", b"latency-tracking", b"replicaof",
           b"latency-tracking-info-percentiles", b"latency-monitor-threshold",
           b"client-output-buffer-limit", b"notify-keyspace-events"]


@command("config|get", often=2)
def _(g):
    patterns = OPTIONS + [b"*", b"nonsense", b"", b"time*", b"h?", b"[th]*",
                          b"*-limit", b"TIMEOUT", b"cluster-*", b"p*"]
    return [g.deal("config get", patterns) for _ in range(g.between(1, 3))]


SETTINGS = {
    # Clients are not to be closed, refused or held up: only large values.
    b"timeout": [b"0", b"100000", b"2147483647", b"2147483648", b"-1", b"1s"],
    b"tcp-keepalive": [b"0", b"300", b"1000", b"-1", b"x", b""],
    b"hz": [b"10", b"100", b"500", b"501", b"1", b"0", b"-1", b"ten"],
    b"maxclients": [b"1000", b"2000", b"10000", b"x", b"0", b"-1",
                    b"4294967296"],
    b"loglevel": [b"notice", b"warning", b"NOTICE"],
    b"proto-max-bulk-len": [b"512mb", b"536870912", b"500mb", b"1023kb", b"1k",
                            b"1x", b"x"],
    b"client-query-buffer-limit": [b"1gb", b"1073741824", b"500mb", b"1000",
                                   b"-1"],
    b"protected-mode": [b"yes", b"no", b"YES", b"true", b"1"],
    b"databases": [b"16", b"17"],
    b"nonsense": [b"1"],
    # Accepted, and nothing comes of it.
    b"save": [b"", b"900 1", b"900 1 300 10", b"900", b"x 1", b"0 1", b"9  1"],
    b"maxmemory-policy": [b"noeviction", b"Allkeys-LRU", b"lru", b""],
    b"maxmemory-samples": [b"5", b"10", b"0"],
    b"hash-max-listpack-entries": [b"512", b"100", b"-1", b"1kb"],
    b"hash-max-ziplist-entries": [b"512", b"7", b"x"],
    b"hash-max-listpack-value": [b"64", b"1kb", b"-1"],
    b"list-max-listpack-size": [b"-2", b"-9", b"128", b"2147483648"],
    b"zset-max-ziplist-value": [b"64", b"65", b"1x"],
    b"replica-priority": [b"100", b"0", b"-1"],
    b"slave-priority": [b"100", b"1"],
    b"appendfsync": [b"everysec", b"always", b"sometimes"],
    b"lazyfree-lazy-expire": [b"no", b"yes", b"maybe"],
    b"lua-time-limit": [b"5000", b"6000", b"-1"],
    b"repl-backlog-size": [b"1mb", b"2mb", b"0"],
    b"dir": [b"/nonsense"],
    b"rdbchecksum": [b"no"],
    # These act, but not on what is compared.
    b"tracking-table-max-keys": [b"1000000", b"999", b"-1"],
    b"latency-tracking-info-percentiles": [
        b"50 99 99.9", b"", b"0.5 1e1", b"101", b"1  2", b"x", b"0.123456789"],
    b"latency-monitor-threshold": [b"0", b"-1", b"1000000"],
}


@command("config|set", often=2, spoils=False)
def _(g):
    arguments = []
    for _ in range(g.pick([1, 1, 1, 2, 3])):
        option = g.deal("option", sorted(SETTINGS))
        arguments += [option, g.deal(option, SETTINGS[option])]
    if g.chance(0.1):
        arguments.append(b"hz")
    return arguments


def shared_commands():
    return sorted(name for name in COMMANDS if not name.startswith("cache"))


def a_command(g):
    return g.pick([one.encode() for one in shared_commands()] +
                  [b"nonsense", b"", b"get|x", b"client|nonsense", b"|"])


@command("command|info", often=1)
def _(g):
    return [a_command(g) for _ in range(g.between(0, 4))]


@command("command|list", often=2)
def _(g):
    kind = g.deal("command list", ["MODULE", "ACLCAT", "PATTERN", "PATTERN",
                                   "all"])
    if kind == "all":
        return []
    what = {"MODULE": [b"x", b""],
            "ACLCAT": [b"read", b"WRITE", b"keyspace", b"fast", b"x"],
            "PATTERN": [b"*", b"*et*", b"client|*", b"[a-d]*", b"x*z", b""]}
    return [g.word("FILTERBY"), g.word(kind), g.pick(what[kind])]


@command("command|docs", often=1)
def _(g):
    return [a_command(g) for _ in range(g.between(0, 3))]


@command("config|rewrite", often=1)
def _(g):
    return [] # neither server has a file


@command("command|getkeys", "command|getkeysandflags", often=2)
def _(g):
    named = g.pick([name for name in shared_commands()
                    if name not in ("client|setinfo", "client|no-touch",
                                    "waitaof")])
    return [one.encode() for one in named.split("|")] + \
        [b"a%d" % i for i in range(g.between(0, 5))]


# Not push: whoever asks may have chosen RESP3, where it is no reply.
PROTOCOL_TYPES = [b"string", b"integer", b"double", b"bignum", b"null",
                  b"array", b"set", b"map", b"attrib", b"verbatim", b"true",
                  b"false", b"TRUE", b"nonsense"]


@command("debug", often=4, spoils=False)
def _(g):
    kind = g.deal("debug", ["sleep", "wrong", "wrong", "protocol", "protocol",
                            "error", "object", "object", "reload", "others"])
    if kind == "sleep":
        return [b"sleep", g.pick([b"0", b"0.001", b"x", b"-1", b"1e-4", b""])]
    if kind == "protocol":
        return [g.word("PROTOCOL"), g.deal("protocol", PROTOCOL_TYPES)]
    if kind == "error":
        return [b"error", g.pick([b"", b"ERR x", b"no code", b"-ERR a\r\nb",
                                  b"\xff\xfe"])]
    if kind == "object":
        return [b"OBJECT", g.key()]
    if kind == "reload":
        return g.pick([[b"reload"], [b"RELOAD"], [b"reload", b"merge", b"x"]])
    if kind == "others":
        return g.pick([[b"log", b"said by a test"], [b"change-repl-id"],
                       [b"set-active-expire", b"1"]])
    return g.pick([[], [b"sleep"], [b"sleep", b"0", b"0"], [b"nonsense"],
                   [b"nonsense", b"x"], [b""], [b"object"], [b"protocol"],
                   [b"error", b"a", b"b"], [b"log"], [b"help", b"x"]])


@command("replicaof", "slaveof", often=1, spoils=False)
def _(g):
    """Nothing that would make a replica of Redis."""
    nobody = [g.word("NO"), g.word("ONE")]
    return g.deal(g.step.name, [nobody, nobody, nobody[:1], [],
                                [b"host", b"port"], [b"host", b"65536"],
                                [b"host", b"-1"], nobody + [b"x"]])


@command("failover", often=1)
def _(g):
    parts = [g.pick([[], [g.word("TO"), b"host", b"6379"]]),
             g.pick([[], [g.word("FORCE")]]),
             g.pick([[], [g.word("TIMEOUT"), g.pick([b"100", b"0", b"-1"])]])]
    g.random.shuffle(parts)
    return [g.word("ABORT")] if g.chance(0.2) else sum(parts, [])


@command("wait", often=1, spoils=False)
def _(g):
    """Redis waits as long as it is told to."""
    return g.deal("wait", [[b"0", b"0"], [b"-1", b"0"], [b"1", b"1"],
                           [b"3", b"2"], [b"0", b"9223372036854775807"],
                           [b"x", b"0"], [b"0", b"x"], [b"0", b"-1"], [b"0"],
                           [b"0", b"1.5"], [b"0", b"0", b"0"]])


@command("waitaof", often=1, spoils=False)
def _(g):
    return g.deal("waitaof", [
        [b"0", b"0", b"0"], [b"0", b"3", b"100"], [b"1", b"0", b"0"], [b"0"],
        [b"2", b"0", b"0"], [b"-1", b"0", b"0"], [b"x", b"0", b"0"],
        [b"0", b"-1", b"0"], [b"0", b"x", b"0"], [b"0", b"0", b"-1"],
        [b"0", b"0", b"x"], [b"1", b"0", b"x"]])


@command("lolwut", often=1, spoils=False)
def _(g):
    return g.deal("lolwut", [[], [g.word("VERSION")], [b"x", b"y"],
                             [g.word("VERSION"), b"5"],
                             [g.word("VERSION"), b"6"],
                             [g.word("VERSION"), b"x"]])


@command("acl|getuser", often=1)
def _(g):
    return [g.pick([b"default", b"default", b"Default", b"nobody", b""])]


CATEGORIES = [b"keyspace", b"read", b"WRITE", b"string", b"fast", b"slow",
              b"blocking", b"dangerous", b"connection", b"nonsense", b""]


@command("acl|cat", often=1)
def _(g):
    return [g.deal("category", CATEGORIES)] if g.chance(0.7) else []


@command("acl|genpass", often=1)
def _(g):
    return [] if g.chance(0.3) else [
        g.pick([b"1", b"5", b"64", b"256", b"4096", b"4097", b"0", b"-1"])]


@command("acl|dryrun", often=2)
def _(g):
    named = g.pick([name for name in shared_commands() if name not in
                    ("client|setinfo", "client|no-touch", "waitaof",
                     "command|getkeys", "command|getkeysandflags")])
    if g.chance(0.1):
        named = "nonsense"
    return [g.pick([b"default", b"default", b"default", b"nobody"])] + \
        [one.encode() for one in named.split("|")] + \
        [b"a%d" % i for i in range(g.between(0, 3))]


@command("acl", "object", "memory", "pubsub", often=1, spoils=False)
@command("client", "config", often=1, spoils=False)
def _(g):
    return g.pick([[], [b"nonsense"], [b""], [b"get\n", b"x"],
                   [b"x" * 200, b"y"], [b"|"]])


@command("bgsave", often=0, spoils=False)
def _(g):
    g.step.settle = "save"
    return g.deal("bgsave", [[], [g.word("SCHEDULE")], [g.junk()],
                             [g.word("SCHEDULE"), b"x"]])


@command("bgrewriteaof", often=0)
def _(g):
    g.step.settle = "save"
    return []


@command("save", often=0)
def _(g):
    return []


@command("slowlog", "latency", often=1, spoils=False)
def _(g):
    return g.pick([[], [b"nonsense"], [b""], [b"get\n", b"x"], [b"|"]])


# What is in the log, and what took long, is no matter of the commands; see
# the episode.
@command("slowlog|len", "slowlog|help", often=1)
@command("latency|latest", "latency|doctor", "latency|help", often=1)
@command("slowlog|reset", "monitor", often=0)
def _(g):
    return []


@command("slowlog|get", often=1)
def _(g):
    return g.deal("slowlog get", [[], [b"1"], [b"100"], [b"-1"], [b"-2"],
                                  [g.junk()]])


@command("latency|history", "latency|graph", often=1)
def _(g):
    return [g.pick([b"command", b"fast-command", b"nonsense", b""])]


@command("latency|reset", often=1)
def _(g):
    return [g.pick([b"nonsense", b"Command", b""])
            for _ in range(g.between(1, 3))]


@command("latency|histogram", often=1)
def _(g):
    return [a_command(g) for _ in range(g.between(0, 3))]


@command("shutdown", often=1, spoils=False)
def _(g):
    """Those that end nothing; the others are in the episode."""
    return g.deal("no shutdown", [
        [g.word("ABORT")], [g.word("ABORT"), g.word("NOW")], [b"x"],
        [g.word("NOSAVE"), g.word("SAVE")], [b""],
        [g.word("SAVE"), g.word("NOW"), b"x"]])


# --- ours ------------------------------------------------------------------

@command("cache", often=1, spoils=False, ours_only=True)
def _(g):
    return g.pick([[], [b"nonsense"], [b""], [b"STATE"], [b"EVICT"]])


@command("cache|evict", often=6, ours_only=True)
def _(g):
    return g.keys(40)


@command("cache|warm", often=3, ours_only=True)
def _(g):
    return g.pick([g.keys(10), [g.word("MATCH"), g.pick([b"*", b"*1*"])]])


@command("cache|state", often=2, ours_only=True)
def _(g):
    return g.keys(10)


@command("cache|flush", often=3, ours_only=True)
def _(g):
    return []


# --- transactions ----------------------------------------------------------

@command("multi", "exec", "discard", often=0, spoils=False)
@command("unwatch", often=1)
def _(g):
    return []


@command("watch", often=0)
def _(g):
    return g.keys(4)


# --- families in files of their own, which add their forms to COMMANDS ------

from lib import (  # noqa: E402,F401
    grammar_block, grammar_dump, grammar_hash, grammar_list, grammar_scan,
    grammar_set, grammar_sort, grammar_zset)
