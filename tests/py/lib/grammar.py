"""What each command takes: COMMANDS, by the full name that COMMAND LIST tells,
and EPISODES, what takes several commands or a restart.

A form's function gives the arguments behind the name, right ones mostly;
Generator spoils some. Where a wrong one could do harm (a long DEBUG SLEEP, a
SHUTDOWN nobody is prepared for) the form says spoils=False and gives the
wrong ones itself.

Options are Words: the test asks whether each word that COMMAND DOCS knows was
answered without an error at least once.
"""

from lib.generator import (CONNECTIONS, DATABASES, DATABASES_DEALT, FAR_S,
                           Batch, Own, Step, Word)


class Form:
    def __init__(self, make, often=2, spoils=True, ours_only=False):
        self.make = make
        self.often = often          # 0: in an episode only
        self.spoils = spoils
        self.ours_only = ours_only


COMMANDS = {}
EPISODES = [] # as often as each is to come


def command(*names, **options):
    def decorate(make):
        for name in names:
            COMMANDS[name] = Form(make, **options)
        return make
    return decorate


def episode(often):
    def decorate(make):
        EPISODES.extend([make] * often)
        return make
    return decorate


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
    everyone = [one for one in range(CONNECTIONS) if one != g.connection]
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
        (everyone, normal + skip),
        (everyone, user),
        ([other], normal + user + [g.word("ID"), Own("id", other)] + me),
        ([], [g.word("TYPE"), g.word("MASTER")]),
        ([], [g.word("TYPE"), g.word("REPLICA")] + me),
        ([], [g.word("TYPE"), g.word("SLAVE")] + skip),
        ([], [g.word("TYPE"), g.word("PUBSUB")] + user),
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
           b"protected-mode", b"save", b"appendonly", b"requirepass"]


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
    b"maxclients": [b"1000", b"2000", b"10000", b"x"], # not the same range
    b"loglevel": [b"notice", b"warning", b"NOTICE"],
    b"proto-max-bulk-len": [b"512mb", b"536870912", b"500mb", b"1023kb", b"1k",
                            b"1x", b"x"],
    b"client-query-buffer-limit": [b"1gb", b"1073741824", b"500mb", b"1000",
                                   b"-1"],
    b"protected-mode": [b"yes", b"no", b"YES", b"true", b"1"],
    b"databases": [b"16", b"17"],
    b"nonsense": [b"1"],
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


@command("command|getkeys", often=2)
def _(g):
    named = g.pick([name for name in shared_commands()
                    if name != "client|setinfo"])
    return [one.encode() for one in named.split("|")] + \
        [b"a%d" % i for i in range(g.between(0, 5))]


@command("debug", often=1, spoils=False)
def _(g):
    kind = g.deal("debug", ["sleep", "sleep", "wrong"])
    if kind == "sleep":
        return [b"sleep", g.pick([b"0", b"0.001", b"x", b"-1", b"1e-4", b""])]
    return g.pick([[], [b"sleep"], [b"sleep", b"0", b"0"], [b"nonsense"],
                   [b"nonsense", b"x"], [b""]])


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


@command("cache|state", often=2, ours_only=True)
def _(g):
    return g.keys(10)


@command("cache|flush", often=3, ours_only=True)
def _(g):
    return []


# --- episodes --------------------------------------------------------------

def one(g, connection, name, *arguments):
    """A step that is exactly this."""
    words = [part.encode() for part in name.split("|")]
    step = Step(name, words + list(arguments))
    step.ours_only = name in COMMANDS and COMMANDS[name].ours_only
    return step


def alone(g, connection, name):
    return Batch(connection, [g.make(name, connection)])


@episode(often=1)
def emptied(g):
    connection = g.between(0, CONNECTIONS - 1)
    # Most often one that few others are in.
    yield Batch(connection, [one(g, connection, "select", g.pick(DATABASES))])
    yield alone(g, connection, "flushdb")
    yield alone(g, connection, "flushall")


@episode(often=1)
def saves(g):
    for name in ("save", "bgsave", "bgrewriteaof"):
        yield alone(g, g.between(0, CONNECTIONS - 1), name)


@episode(often=1)
def watched(g):
    """Everything is slow for a while."""
    connection = g.between(0, CONNECTIONS - 1)
    def thresholds(us, ms):
        return one(g, connection, "config|set", b"slowlog-log-slower-than", us,
                   b"latency-monitor-threshold", ms)
    steps = [thresholds(b"0", b"1"), one(g, connection, "slowlog|reset")]
    steps += [g.make(g.pick(["get", "set", "mget", "incr"]), connection)
              for _ in range(g.between(1, 40))]
    steps += [one(g, connection, "debug", b"sleep", b"0.003"),
              one(g, connection, "slowlog|get", b"-1"),
              one(g, connection, "slowlog|len"),
              one(g, connection, "latency|latest"),
              one(g, connection, "latency|history", b"command"),
              one(g, connection, "latency|graph", b"command"),
              one(g, connection, "latency|doctor"),
              thresholds(b"10000", b"0"),
              one(g, connection, "latency|reset"),
              g.make("slowlog|reset", connection)]
    yield Batch(connection, steps, pipelined=g.chance(0.5))


@episode(often=1)
def monitored(g):
    """Nothing else comes to it meanwhile: RESET is told to nobody any more."""
    connection = g.between(0, CONNECTIONS - 1)
    yield Batch(connection, [g.make("monitor", connection),
                             one(g, connection, "monitor", b"x"),
                             one(g, connection, "reset")])
    yield g.opened(connection)


@episode(often=1)
def fill(g):
    """Values of more than a tiny memory holds; then all is read."""
    connection = g.between(0, CONNECTIONS - 1)
    keys = [g.key("b") for _ in range(60)]
    for first in range(0, len(keys), 10):
        steps = []
        for key in keys[first:first + 10]:
            value = g.sized(g.between(20_000, 100_000))
            g.note_size(key, len(value))
            steps.append(one(g, connection, "set", key, value))
        yield Batch(connection, steps)
    for first in range(0, len(keys), 20):
        yield Batch(connection, [one(g, connection, "getrange", key, b"19000",
                                     b"-19000")
                                 for key in keys[first:first + 20]])


@episode(often=2)
def cold(g):
    """All is on disk only, then found there: at once, one by one."""
    connection = g.between(0, CONNECTIONS - 1)
    keys = sorted({g.key() for _ in range(40)})
    yield Batch(connection, [one(g, connection, "cache|flush"),
                             one(g, connection, "cache|evict", *keys)])
    g.random.shuffle(keys)
    names = ["get", "incr", "strlen", "append", "ttl", "exists", "del",
             "getdel", "setnx", "pttl", "persist", "set"]
    steps = []
    for key in keys:
        name = g.pick(names)
        more = [b"7"] if name in ("append", "setnx", "set") else []
        if name == "append" and not g.may_grow(key, 1):
            more = [b""]
        steps.append(one(g, connection, name, key, *more))
    yield Batch(connection, steps, pipelined=g.chance(0.7))


@episode(often=2)
def deadlines(g):
    """What becomes of one key's deadline: few times, so that some are equal,
    and commands that keep it, take it away, or carry it along."""
    connection = g.between(0, CONNECTIONS - 1)
    key, other = g.key("n"), g.key("n")
    steps = [one(g, connection, "set", key, b"1")]
    for _ in range(g.between(10, 20)):
        time_s = FAR_S + g.between(0, 2)
        words = g.words("deadlines", ["NX", "XX", "GT", "LT"], 1)
        steps.append(g.deal("deadline", [
            one(g, connection, "expireat", key, b"%d" % time_s, *words),
            one(g, connection, "expireat", key, b"%d" % time_s, *words),
            one(g, connection, "pexpireat", key, b"%d000" % time_s, *words),
            one(g, connection, "pexpireat", key, b"%d000" % time_s, *words),
            one(g, connection, "set", key, b"2", g.word("EXAT"),
                b"%d" % time_s),
            one(g, connection, "set", key, b"3", g.word("KEEPTTL")),
            one(g, connection, "set", key, b"4", g.word("KEEPTTL"),
                g.word("GET")),
            one(g, connection, "getex", key, g.word("PXAT"),
                b"%d000" % time_s),
            one(g, connection, "rename", key, other),
            one(g, connection, "rename", other, key),
            one(g, connection, "persist", key),
            one(g, connection, "set", key, b"5"),
            one(g, connection, "getset", key, b"6"),
            one(g, connection, "incr", key),
            one(g, connection, "append", key, b"1"),
            one(g, connection, "setrange", key, b"0", b"7"),
            one(g, connection, "mset", key, b"8"),
            one(g, connection, "cache|flush"),
            one(g, connection, "cache|evict", key, other)]))
        steps.append(one(g, connection, "pexpiretime", key))
    yield Batch(connection, steps, pipelined=g.chance(0.7))


@episode(often=2)
def short(g):
    """Deadlines that come: on disk or in memory, in any state. What comes
    next waits until all of them have passed."""
    connection = g.between(0, CONNECTIONS - 1)
    keys = sorted({g.key() for _ in range(10)})
    steps = []
    for key in keys:
        ms = b"%d" % g.between(1, 5)
        value = g.value(key)
        steps += g.pick([
            [one(g, connection, "set", key, value, Word("PX"), ms)],
            [one(g, connection, "psetex", key, ms, value)],
            [one(g, connection, "set", key, value),
             one(g, connection, "pexpire", key, ms)],
            [one(g, connection, "set", key, value, Word("PX"), b"99999999"),
             one(g, connection, "pexpire", key, ms, Word("LT"))],
        ])
    if g.chance(0.6):
        steps.append(one(g, connection, "cache|flush"))
    if g.chance(0.6):
        steps.append(one(g, connection, "cache|evict", *keys))
    steps.append(one(g, connection, "ping"))
    steps[-1].settle = "deadlines"
    yield Batch(connection, steps)
    names = ["get", "exists", "incr", "rename", "set", "setnx", "append",
             "ttl", "getex", "expire", "del", "strlen", "type"]
    steps = []
    for key in keys:
        name = g.pick(names)
        more = {"rename": [g.key()], "set": [b"1"], "setnx": [b"1"],
                "append": [b"1"], "expire": [b"100000"]}.get(name, [])
        steps.append(one(g, connection, name, key, *more))
    # Until somebody looks at it, an expired key may count in DBSIZE.
    steps += [one(g, connection, "exists", *keys),
              one(g, connection, "dbsize")]
    yield Batch(connection, steps)


@episode(often=1)
def password(g):
    """One connection is locked out and comes back."""
    keeper, guest = g.random.sample(range(CONNECTIONS), 2)
    def set_password(text):
        return Batch(keeper, [one(g, keeper, "config|set", b"requirepass",
                                  text)])
    # It may have been a guest that never came back, whom only an empty
    # password lets in.
    yield Batch(keeper, [one(g, keeper, "reset")])
    yield set_password(b"secret")
    steps = [one(g, guest, "reset")]
    for _ in range(g.between(3, 8)):
        steps.append(g.deal("locked", [
            one(g, guest, "get", b"n:1"), one(g, guest, "ping"),
            one(g, guest, "set", b"n:1"), one(g, guest, "set", b"n:1", b"2"),
            one(g, guest, "client|id"), one(g, guest, "nonsense"),
            one(g, guest, "hello"), one(g, guest, "hello", b"3"),
            one(g, guest, "hello", b"3", Word("SETNAME"), b"me"),
            one(g, guest, "hello", b"3", Word("AUTH"), b"nobody", b"x"),
            one(g, guest, "hello", b"3", Word("AUTH"), b"nobody", b"x", b"y"),
            one(g, guest, "auth", b"wrong"), one(g, guest, "dbsize"),
            one(g, guest, "auth", b"default", b"wrong"),
            one(g, guest, "auth", b"default", b"secret", b"x"),
            one(g, guest, "reset"), one(g, guest, "command|count")]))
    yield Batch(guest, steps, pipelined=g.chance(0.5))
    # See tests/oracle-differences: the name may have been set by a HELLO.
    named = one(g, guest, "client|setname", b"guest")
    login = g.deal("login", [
        [named], [one(g, guest, "auth", b"secret"), named],
        [one(g, guest, "auth", b"default", b"secret"), named],
        [one(g, guest, "hello", b"3", Word("AUTH"), b"default", b"secret",
             Word("SETNAME"), b"back")]])
    yield Batch(guest, login + [one(g, guest, "get", b"n:1"),
                                one(g, guest, "client|getname")])
    yield set_password(b"")
    yield Batch(guest, [one(g, guest, "get", b"n:1"),
                        one(g, guest, "client|setname", b"guest")])


@episode(often=1)
def restart(g):
    """Both servers end and start again, with all that they had. What Redis
    has it must SAVE: there is nothing else here that would."""
    connection = g.between(0, CONNECTIONS - 1)
    yield Batch(connection, [one(g, connection, "save")])
    step = one(g, connection, "shutdown", *g.deal("shutdown", [
        [], [g.word("NOSAVE")], [g.word("SAVE")], [g.word("SAVE"),
        g.word("NOW")], [g.word("FORCE")],
        [g.word("NOSAVE"), g.word("NOW"), g.word("FORCE")]]))
    step.ends_server = True
    yield Batch(connection, [step])
    for number in range(CONNECTIONS):
        yield g.opened(number)


@episode(often=2)
def tune(g):
    """Memory and flushing of ours change under way."""
    connection = g.between(0, CONNECTIONS - 1)
    step = one(g, connection, "config|set", *g.deal("tune", [
        (b"cache-max-memory", b"0"), (b"cache-max-memory", b"16mb"),
        (b"cache-max-memory", b"17mb"), (b"cache-flush-delay", b"0"),
        (b"cache-flush-delay", b"5ms"), (b"cache-flush-delay", b"1h"),
        (b"cut-max", b"100kb"), (b"cut-max", b"0")]))
    step.ours_only = True
    yield Batch(connection, [step])

