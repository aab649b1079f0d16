"""What takes several commands, several connections or a restart: EPISODES,
functions of a Generator that give Batches, each as often as it is to come.
"""

from lib import grammar_sort
from lib.generator import (ALL_CONNECTIONS, CONNECTIONS, DATABASES,
                           DATABASES_DEALT, FAR_S, LISTENERS, SUBSCRIBE, Batch,
                           Own, Step, Word)
from lib.grammar import COMMANDS

EPISODES = []


def episode(often):
    def decorate(make):
        EPISODES.extend([make] * often)
        return make
    return decorate


def one(g, connection, name, *arguments):
    """A step that is exactly this."""
    words = [part.encode() for part in name.split("|")]
    step = Step(name, words + list(arguments))
    step.ours_only = name in COMMANDS and COMMANDS[name].ours_only
    return step


def alone(g, connection, name):
    return Batch(connection, [g.make(name, connection)])


@episode(often=1)
def tracked(g):
    """In RESP2, where nothing is pushed: test_tracking.py looks at what is."""
    connection = g.between(0, CONNECTIONS - 1)
    on, bcast = g.word("ON"), g.word("BCAST")
    here = [g.word("REDIRECT"), Own("id", connection)]
    def tracking(*words):
        return one(g, connection, "client|tracking", *words)
    def some():
        key = g.key("n")
        return g.deal("while tracked", [
            one(g, connection, "client|caching", g.word("YES")),
            one(g, connection, "client|caching", g.word("NO")),
            one(g, connection, "client|trackinginfo"),
            one(g, connection, "client|trackinginfo"),
            one(g, connection, "client|getredir"),
            one(g, connection, "client|info"),
            one(g, connection, "get", key), one(g, connection, "mget", key),
            one(g, connection, "get", key),
            one(g, connection, "set", key, b"1"),
            one(g, connection, "incr", key), one(g, connection, "flushdb"),
            tracking(on, bcast), tracking(on, g.word("OPTIN")), tracking(on),
            tracking(on, bcast, g.word("PREFIX"), b"n"),
            tracking(on, bcast, g.word("PREFIX"), b"x")])
    steps = [one(g, connection, "hello", b"2")]
    mode, caching = g.deal("opt", [("OPTIN", "YES"), ("OPTOUT", "NO")])
    steps += [tracking(on, g.word(mode)),
              one(g, connection, "client|caching", g.word(caching))]
    steps += [some() for _ in range(g.between(0, 10))]
    modes = [here + [g.word("NOLOOP")], here + [bcast],
             [bcast, g.word("PREFIX"), b"n:", g.word("PREFIX"), b"s:"]]
    steps += [tracking(g.word("OFF")),
              tracking(on, *modes[g.deal("tracked", range(3))])]
    steps += [some() for _ in range(g.between(0, 10))]
    steps.append(g.deal("tracked end", [
        tracking(g.word("OFF")), one(g, connection, "reset")]))
    yield Batch(connection, steps, pipelined=g.chance(0.7))


@episode(often=1)
def reset_after_no_evict(g):
    connection = g.between(0, CONNECTIONS - 1)
    yield Batch(connection, [
        one(g, connection, "client|no-evict", g.word("ON")),
        one(g, connection, "client|info"), one(g, connection, "reset"),
        one(g, connection, "client|info")])


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
        connection = g.between(0, CONNECTIONS - 1)
        yield Batch(connection, [one(g, connection, name, b"wrong", b"x")])
        yield alone(g, connection, name)


@episode(often=1)
def watched(g):
    """Everything is slow for a while."""
    connection = g.between(0, CONNECTIONS - 1)
    def thresholds(us, ms):
        return one(g, connection, "config|set", b"slowlog-log-slower-than", us,
                   b"latency-monitor-threshold", ms)
    steps = [thresholds(b"0", b"1"), one(g, connection, "slowlog|reset", b"x"),
             one(g, connection, "slowlog|reset")]
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


@episode(often=4)
def sorted_by_keys(g):
    """A list of numbers, by keys that are in memory, on disk or nowhere."""
    connection = g.between(0, CONNECTIONS - 1)
    numbers = [b"%d" % g.between(0, 11) for _ in range(g.pick([3, 9, 40]))]
    key = g.pick(grammar_sort.NUMBERED)
    g.used_keys.add(key)
    yield Batch(connection, [
        one(g, connection, "del", key),
        one(g, connection, "rpush", key, *numbers)])
    hashes = [b"hash:%d" % i for i in range(6)]
    weights = [b"%s:%d" % (kind, i) for kind in (b"n", b"f")
               for i in range(12)]
    if g.chance(0.6):
        yield Batch(connection, [
            one(g, connection, "cache|flush"),
            one(g, connection, "cache|evict", key, *weights, *hashes)])
    # There is no rule for what EXEC answers.
    is_one = g.chance(0.3)
    steps = [one(g, connection, name,
                 *grammar_sort.sorting(g, name, key, by_text=is_one))
             for name in g.pick([["sort"], ["sort_ro"],
                                 ["sort", "sort_ro", "sort"]])]
    if is_one:
        steps = [one(g, connection, "multi"), *steps,
                 one(g, connection, "exec")]
    yield Batch(connection, steps)


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


# What may stand in a transaction: its reply is the same bytes for both
# servers, and it ends nothing.
QUEUED = ["set", "get", "del", "incr", "append", "mget", "mset", "msetnx",
          "rename", "renamenx", "getdel", "getset", "setnx", "exists", "type",
          "strlen", "touch", "unlink", "incrbyfloat", "setrange", "getrange",
          "expireat", "persist", "getex", "ping", "echo",
          "hset", "hget", "hincrby", "hdel", "hmget", "hlen",
          "zrem", "zcard", "zcount", "zremrangebyrank", "zrangestore",
          "sadd", "srem", "smove", "scard", "sinterstore", "sunionstore",
          "sdiffstore", "zunionstore", "zinterstore", "zintercard"]
RARELY_QUEUED = ["dbsize", "flushdb", "select", "unwatch", "save", "nonsense"]


def with_after(g, step):
    return [step] + g.after(step)


def queued(g, connection):
    """One command of a transaction, with what must follow it."""
    if g.chance(0.03):
        # What only one key matches, and is in one order.
        return [g.deal("all keys queued", [
            one(g, connection, "keys", b"[n]:%d" % g.between(0, 9)),
            one(g, connection, "keys", b"s:nothing*"),
            one(g, connection, "scan", b"0", g.word("COUNT"), b"100000",
                g.word("MATCH"), b"[n]:%d" % g.between(0, 9))])]
    if g.chance(0.05):
        name = g.deal("rarely queued", RARELY_QUEUED)
        if name == "select":
            return [one(g, connection, "select", g.pick(DATABASES_DEALT))]
        return [one(g, connection, name)]
    step = g.make(g.deal("queued", QUEUED), connection,
                  right=not g.chance(0.02))
    step.inline = False
    return with_after(g, step)


def others_change(g, connection, keys):
    """Another connection does something to keys that are watched, or nothing
    at all, or the keys only leave memory."""
    kind = g.deal("others change", ["write", "write", "cold", "none", "none",
                                    "twice", "same", "flush", "read"])
    key = g.pick(keys)
    return {
        "write": lambda: with_after(g, g.make(g.pick(
            ["set", "append", "del", "expireat", "rename", "getdel"]),
            connection)),
        "cold": lambda: [one(g, connection, "cache|flush"),
                         one(g, connection, "cache|evict", *keys)],
        "twice": lambda: [one(g, connection, "setnx", key, b"1"),
                          one(g, connection, "del", key)],
        "same": lambda: [one(g, connection, "persist", key),
                         one(g, connection, "touch", *keys)],
        "flush": lambda: [one(g, connection, "select", g.pick(DATABASES)),
                          one(g, connection, "flushdb")],
        "read": lambda: [one(g, connection, "mget", *keys)],
        "none": lambda: [one(g, connection, "ping")],
    }[kind]()


@episode(often=8)
def transaction(g):
    """MULTI to EXEC, in pieces or at once; keys are watched, and others are
    at work in between."""
    me, other = g.random.sample(range(CONNECTIONS), 2)
    keys = g.keys(5)
    if g.chance(0.3):
        yield Batch(me, [one(g, me, g.deal("without", [
            "exec", "discard", "unwatch"]))])
    if g.chance(0.2):
        # Some are on disk only, and some are not there.
        yield Batch(me, [one(g, me, "cache|flush"),
                         one(g, me, "cache|evict", *keys)])
    watches = g.chance(0.6)
    if watches:
        yield Batch(me, [one(g, me, "watch", *keys)])
        yield Batch(other, others_change(g, other, keys))
    if watches and g.chance(0.1):
        yield Batch(me, [one(g, me, "unwatch")])
    steps = [one(g, me, "multi")]
    for _ in range(g.pick([0, 1, 2, 4, 4, 12])):
        steps += queued(g, me)
    wrong = g.deal("in multi", [("multi",), ("watch", b"n:1"), ("watch",)] +
                   [None] * 12)
    if wrong is not None:
        steps.append(one(g, me, *wrong))
    end = one(g, me, g.deal("end", ["exec"] * 8 + ["discard", "reset"]))
    if g.chance(0.4):
        yield Batch(me, steps + [end])
        return
    middle = g.between(0, len(steps))
    yield from (Batch(me, some) for some in [steps[:middle]] if some)
    yield Batch(other, others_change(g, other, keys))
    yield from (Batch(me, some) for some in [steps[middle:]] if some)
    if g.chance(0.3):
        yield Batch(other, others_change(g, other, keys))
    yield Batch(me, [end])


@episode(often=1)
def to_oneself(g):
    """A message to the client that causes it."""
    connection = g.between(0, CONNECTIONS - 1)
    channel = b"own"
    yield Batch(connection, [one(g, connection, "hello", b"3")])
    yield Batch(connection, [one(g, connection, "subscribe", channel)])
    yield Batch(connection, [one(g, connection, "publish", channel, b"text")])
    yield Batch(connection, [one(g, connection, "unsubscribe", channel)])
    yield g.opened(connection)


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


@episode(often=1)
def encodings(g):
    """What OBJECT says of values that are the same, but made otherwise."""
    connection = g.between(0, CONNECTIONS - 1)
    key, other = g.key(), g.key()
    ways = [[("set", b"12")], [("set", b"1"), ("append", b"2")],
            [("set", b"1"), ("setrange", b"0", b"12")],
            [("set", b"10"), ("incrbyfloat", b"2")],
            [("set", b"9999"), ("incr",)], [("set", b"10000"), ("decr",)],
            [("set", b"x" * 44)], [("set", b"x" * 45)],
            [("set", b"1" * 19)], [("set", b"1" * 20)], [("append", b"12")]]
    steps = []
    for _ in range(6):
        steps.append(one(g, connection, "del", key))
        for name, *arguments in g.deal("encodings", ways):
            steps.append(one(g, connection, name, key, *arguments))
        steps += [one(g, connection, "copy", key, other, Word("REPLACE")),
                  one(g, connection, "object|encoding", key),
                  one(g, connection, "object|refcount", key),
                  one(g, connection, "object|encoding", other),
                  one(g, connection, "object|refcount", other)]
    yield Batch(connection, steps)


@episode(often=2)
def across(g):
    """Few keys in few databases: copied, moved, and all at once by swapping,
    on disk, in memory or on the way."""
    connection = g.between(0, CONNECTIONS - 1)
    keys = [g.key(), g.key("b"), g.key("n")]
    steps = []
    def go(name, *arguments):
        steps.append(one(g, connection, name, *arguments))
    for _ in range(g.between(20, 50)):
        key, other = g.pick(keys), g.pick(keys)
        database, second = g.pick(DATABASES), g.pick(DATABASES)
        value = g.value(key)
        g.note_rename(key, other)
        to = [g.word("DB"), database]
        g.deal("across", [
            lambda: go("select", database), lambda: go("select", database),
            lambda: go("set", key, value),
            lambda: go("set", key, value, g.word("EXAT"), b"%d" % FAR_S),
            lambda: go("copy", key, other, *to),
            lambda: go("copy", key, other, *to, g.word("REPLACE")),
            lambda: go("copy", key, key, *to),
            lambda: go("copy", key, key, g.word("REPLACE"), *to),
            lambda: go("copy", key, other, g.word("REPLACE")),
            lambda: go("move", key, database),
            lambda: go("move", key, database),
            lambda: go("swapdb", database, second),
            lambda: go("swapdb", database, second),
            lambda: go("del", key), lambda: go("append", key, b""),
            lambda: go("cache|flush"),
            lambda: go("cache|evict", *keys), lambda: go("dbsize")])()
        go(g.pick(["get", "pexpiretime", "exists", "strlen"]), other)
    # In every database what has become of it.
    for database in DATABASES:
        go("select", database)
        go("mget", *keys)
        go("dbsize")
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


@episode(often=4)
def everything(g):
    """All keys of a database, some changed just now, some on disk only."""
    connection = g.between(0, CONNECTIONS - 1)
    steps = [one(g, connection, "select", g.pick(DATABASES_DEALT))]
    def scan():
        return one(g, connection, "scan", b"0", g.word("COUNT"), b"100000")
    for _ in range(g.between(1, 12)):
        key = g.key()
        name, *more = g.deal("before a scan", [
            ("set",), ("del",), ("cache|evict",), ("persist",), ("getdel",),
            ("expireat", b"%d" % FAR_S), ("expireat", b"1")])
        if name == "set":
            more = [g.value(key)]
        steps.append(one(g, connection, name, key, *more))
        kind = g.deal("a scan", ["none", "none", "scan", "keys", "flush"])
        steps += {"none": [], "scan": [scan()],
                  "keys": [one(g, connection, "keys", b"*")],
                  "flush": [one(g, connection, "cache|flush")]}[kind]
    steps += [scan(), one(g, connection, "keys", b"*"),
              one(g, connection, "randomkey"), one(g, connection, "dbsize")]
    yield Batch(connection, steps, pipelined=g.chance(0.7))


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
    yield Batch(keeper, [one(g, keeper, "acl|list"),
                         one(g, keeper, "acl|getuser", b"default")])
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
    for number in range(ALL_CONNECTIONS):
        yield g.opened(number)


@episode(often=4)
def listening(g):
    """Who listens subscribes to something else; with RESP3 he may also send
    something to himself. In the end he listens as before."""
    teller = g.between(0, CONNECTIONS - 1)
    # Not among SETTINGS: when one of several fails, Redis forgets class n.
    flags = g.deal("flags", [b"KEAnm", b"KEAnm", b"KEA", b"EAn", b"Km", b"E$g",
                             b"KEgx", b""])
    yield Batch(teller, [one(g, teller, "config|set",
                             b"notify-keyspace-events", flags)])
    connection = g.pick(list(LISTENERS))
    steps = []
    for _ in range(g.between(1, 6)):
        name = g.deal("listening", SUBSCRIBE * 3 + [
            "unsubscribe", "punsubscribe", "sunsubscribe", "publish",
            "publish", "spublish", "ping", "pubsub|numsub", "get", "reset"])
        step = g.make(name, connection)
        step.inline = False
        steps.append(step)
        if name == "reset":
            steps += g.listening(connection)
    steps += g.listening(connection)[1:]
    yield Batch(connection, steps, pipelined=g.chance(0.5))


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


@episode(often=1)
def unlike_lists_of_7_2(g):
    """What tests/oracle-differences says of lists."""
    connection = g.between(0, CONNECTIONS - 1)
    key = b"l:rank"
    g.used_keys.add(key)
    yield Batch(connection, [
        one(g, connection, "del", key), one(g, connection, "rpush", key, b"a"),
        one(g, connection, "object|encoding", key),
        one(g, connection, "lpos", key, b"a", g.word("RANK"), b"%d" % -2**63)])


@episode(often=1)
def unlike_in_7_2(g):
    """What tests/oracle-differences says of sets and scores."""
    connection = g.between(0, CONNECTIONS - 1)
    key = b"set:texts"
    g.used_keys.add(key)
    def scores(weight):
        return one(g, connection, "zunion", b"1", key, g.word("WEIGHTS"),
                   weight, g.word("WITHSCORES"))
    yield Batch(connection, [
        one(g, connection, "del", key),
        one(g, connection, "sadd", key, b"some", b"texts"),
        one(g, connection, "object|encoding", key),
        scores(b"-0"), scores(b"0.1")])


import lib.episodes_block # pylint: disable=wrong-import-position,unused-import
