"""Clients that wait for keys, and others that bring them.

Steps with may_wait get their answers whenever the server has them; differ.py
looks after each exchange which of them have come, on both servers. What they
wait for are keys of their own (w:, wz:); no two keys of one client come at
once, for there 7.0 has another order (tests/oracle-differences)."""

from lib.episodes import episode, one
from lib.generator import CONNECTIONS, Batch, Own
from lib.grammar_block import waiting

LISTS = [b"w:%d" % number for number in range(4)]
ZSETS = [b"wz:0", b"wz:1"]
SOURCES = [b"w:from", b"wz:from", b"w:string"]
OTHER = b"15"


def blocking(g, connection):
    """One that waits, for ever; sometimes with another behind it."""
    name = g.deal("blocking", ["blpop", "blpop", "brpop", "blmove", "blmove",
                               "brpoplpush", "blmpop", "bzpopmin", "bzmpop",
                               "bzpopmax"])
    # Two that wait for another type change their order in 7.0.
    pool = ZSETS if name.startswith("bz") else LISTS
    arguments = waiting(g, name, lambda: g.pick(pool), b"0")
    step = one(g, connection, name, *arguments)
    step.may_wait = True
    return [step] + ([one(g, connection, "ping")] if g.chance(0.2) else [])


def brought(g, me):
    """What brings a key, or not."""
    key, zset = g.pick(LISTS), g.pick(ZSETS)
    values = [b"%d" % number for number in range(g.pick([1, 1, 2, 5]))]
    scored = [word for value in values for word in (value, b"m" + value)]
    def go(name, *words):
        return [one(g, me, name, *words)]
    return g.deal("brought", [
        lambda: go("rpush", key, *values), lambda: go("lpush", key, *values),
        lambda: go("rpush", key, *values), lambda: go("rpush", key, b"x"),
        lambda: go("zadd", zset, *scored), lambda: go("zadd", zset, *scored),
        lambda: go("lmove", SOURCES[0], key, b"LEFT", b"LEFT"),
        lambda: go("rename", SOURCES[0], key),
        lambda: go("rename", SOURCES[1], zset),
        lambda: go("copy", SOURCES[0], key, g.word("REPLACE")),
        lambda: go("zrangestore", zset, SOURCES[1], b"0", b"-1"),
        lambda: go("set", key, b"string") + go("rpush", key, b"no") +
        go("del", key),
        lambda: go("set", zset, b"string") +
        go("zrangestore", zset, SOURCES[1], b"0", b"-1") + go("del", zset),
        lambda: go("multi") + go("rpush", key, b"gone") + go("del", key) +
        go("exec"),
        lambda: go("multi") + go("rpush", key, *values) +
        go("lpop", key) + go("llen", key) + go("exec"),
        lambda: go("multi") + go("zadd", zset, *scored) +
        go("zrem", zset, b"m0") + go("blpop", key, b"0") + go("exec"),
        lambda: go("select", OTHER) + go("rpush", key, *values) +
        go("swapdb", b"0", OTHER) + go("flushdb") + go("select", b"0"),
        lambda: go("select", OTHER) + go("rpush", key, *values) +
        go("move", key, b"0") + go("flushdb") + go("select", b"0"),
        lambda: go("del", *LISTS), lambda: go("ping")])()


def asked(g, me):
    """What is there now."""
    return [one(g, me, "exists", *LISTS, *ZSETS),
            one(g, me, "llen", g.pick(LISTS))]


def sent_on(g, me, clients, how=()):
    return [one(g, me, "client|unblock", Own("id", client), *how)
            for client in clients]


@episode(often=3)
def blocked(g):
    yield from g.deal("blocked", [waits] * 4 + [waits_for_two,
                                                waits_in_vain])(g)


def waits(g):
    me, *others = g.random.sample(range(CONNECTIONS), CONNECTIONS)
    g.used_keys |= set(LISTS + ZSETS + SOURCES)
    for connection in (me, *others):
        yield Batch(connection, [one(g, connection, "select", b"0")])
    yield Batch(me, [
        one(g, me, "del", *LISTS, *ZSETS, *SOURCES),
        one(g, me, "rpush", SOURCES[0], b"a", b"b", b"c", b"d", b"e", b"f"),
        one(g, me, "zadd", SOURCES[1], b"1", b"a", b"2.5", b"b")])
    waited, busy, behind = 0, set(), 0
    for _ in range(g.between(3, 12)):
        if g.chance(0.7):
            connection = g.pick(others)
            # Only one may have more behind what it waits with: of two, whose
            # next commands run first would be a matter of the disk.
            if connection in busy:
                yield Batch(me, sent_on(g, me, [connection]))
            busy |= {connection} - {others[0]}
            steps = blocking(g, connection)
            behind += len(steps) if connection == others[0] else 0
            yield Batch(connection, steps)
            waited += 1
        if g.chance(0.3):
            yield Batch(me, [
                one(g, me, "cache|flush"),
                one(g, me, "cache|evict", *LISTS, *ZSETS, *SOURCES)])
        if g.chance(0.8):
            # What is asked for may be on disk, and wait: then what the one
            # that was served has behind comes first.
            yield Batch(me, brought(g, me) + asked(g, me),
                        pipelined=behind < 2 and g.chance(0.8))
        if g.chance(0.2):
            yield Batch(me, sent_on(g, me, [g.pick(others)], g.deal(
                "sent on", [[], [g.word("TIMEOUT")], [g.word("ERROR")]])))
    for _ in range(waited):
        yield Batch(me, sent_on(g, me, others), pipelined=False)
    yield Batch(me, asked(g, me) + [one(g, me, "dbsize")])


def waits_for_two(g):
    """Where 7.0 answers otherwise; and so what is left is another."""
    me, other = g.random.sample(range(CONNECTIONS), 2)
    g.used_keys |= {b"w:named", b"w:came", b"w:typed"}
    def events(flags):
        return one(g, me, "config|set", b"notify-keyspace-events", flags)
    clear = one(g, me, "del", b"w:named", b"w:came", b"w:typed")
    def wait(key):
        step = one(g, other, "blpop", key, b"w:came", b"0")
        step.may_wait = True
        return Batch(other, [step])
    yield Batch(other, [one(g, other, "select", b"0")])
    yield Batch(me, [events(b""), one(g, me, "select", b"0"), clear])
    yield wait(b"w:named")
    yield Batch(me, [one(g, me, "multi"),
                     one(g, me, "rpush", b"w:came", b"1"),
                     one(g, me, "rpush", b"w:named", b"2"),
                     one(g, me, "exec"), clear])
    yield wait(b"w:typed")
    yield Batch(me, [one(g, me, "set", b"w:typed", b"string"),
                     one(g, me, "rpush", b"w:came", b"1"),
                     one(g, me, "set", b"w:came", b"over"), clear,
                     events(b"KEAnm")])


def waits_in_vain(g):
    """In a transaction nobody waits."""
    connection = g.between(0, CONNECTIONS - 1)
    steps = [one(g, connection, "select", b"0"),
             one(g, connection, "del", *LISTS, *ZSETS),
             one(g, connection, "multi")]
    for _ in range(g.between(1, 6)):
        made = blocking(g, connection)[0]
        made.may_wait = False
        steps.append(made)
    yield Batch(connection, steps + [one(g, connection, "exec")])
