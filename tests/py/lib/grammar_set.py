"""Forms of the set commands, and of the algebra of sorted sets, whose sources
are sets as well. Sets have keys of their own, few, so that commands meet; one
grows to thousands of members. What is stored goes to sets, to the keys of
ZUNIONSTORE and its like, or, now and then, to where something else may be."""

from lib.generator import JUNK
from lib.grammar import command
from lib.grammar_zset import LARGE as LARGE_ZSET
from lib.grammar_zset import ZSETS

SETS = [b"set:%d" % i for i in range(6)]
LARGE = b"set:large"
# What ZUNIONSTORE makes.
RESULTS = [b"zres:%d" % i for i in range(3)]
MEMBERS = [b"", b"\x00\r\n\xff", b"l" * 64, b"l" * 65, b"L" * 3000, b"-0",
           b"007", b"9223372036854775807", b"9223372036854775808", b"a",
           b"1", b"10", b"-1"] + \
    [b"member %d" % i for i in range(20)] + [b"%d" % i for i in range(20)]


def noted(g, key):
    g.used_keys.add(key)
    if g.chance(0.2):
        g.recent.append(key)
    return key


def set_key(g):
    """Mostly of a set, sometimes of anything."""
    if g.chance(0.05):
        return g.key()
    return noted(g, g.pick(SETS * 3 + [LARGE] * 3))


def source_key(g):
    """Of something that ZUNION takes, mostly."""
    if g.chance(0.04):
        return g.key()
    return noted(g, g.pick(ZSETS * 2 + [LARGE_ZSET] + SETS + [LARGE] +
                           RESULTS * 2))


def member(g, key):
    if key == LARGE:
        return b"m:%d" % g.between(0, 3000) if g.chance(0.5) \
            else b"%d" % g.between(0, 3000)
    return g.pick(MEMBERS)


def members(g, key, many=(1, 1, 2, 6)):
    return [member(g, key) for _ in range(g.pick(many))]


# --- members -----------------------------------------------------------------

@command("sadd", often=20)
def _(g):
    key = set_key(g)
    many = [100, 130, 600] if key == LARGE and g.chance(0.3) else [1, 1, 2, 6]
    return [key] + members(g, key, many)


@command("srem", often=6)
def _(g):
    key = set_key(g)
    many = [200, 400] if key == LARGE and g.chance(0.2) else [1, 1, 2, 6]
    return [key] + members(g, key, many)


@command("sismember", often=4)
def _(g):
    key = set_key(g)
    return [key, member(g, key)]


@command("smismember", often=4)
def _(g):
    key = set_key(g)
    return [key] + members(g, key)


@command("scard", "smembers", often=4)
def _(g):
    return [set_key(g)]


@command("smove", often=10)
def _(g):
    source = set_key(g)
    return [source, set_key(g), member(g, source)]


# --- at random ---------------------------------------------------------------

def emptied(g):
    return noted(g, b"set:popped")


@command("spop", often=4, spoils=False)
def _(g):
    """What is popped must be the same in both servers: of what is not there,
    nothing, or all. In part: test_set.py."""
    kind = g.deal("spop", ["missing", "none", "all", "junk"])
    if kind == "missing":
        return [noted(g, b"set:popped")] + ([b"3"] if g.chance(0.5) else [])
    key = set_key(g)
    if kind == "none":
        return [key, b"0"]
    if kind == "all":
        return [key, b"%d" % g.pick([10_000, 2**62, 2**63 - 1])]
    return g.pick([[], [key, b"1", b"2"]] + [
        [key, wrong] for wrong in (b"", b"x", b"-1", b"1.0", b"+1",
                                   b"-9223372036854775808",
                                   b"9223372036854775808")])


@command("srandmember", often=6)
def _(g):
    key = set_key(g)
    if g.chance(0.3):
        return [key]
    return [key, g.pick([b"0", b"1", b"2", b"5", b"-1", b"-3", b"-20",
                         b"100000", b"9223372036854775807",
                         b"-9223372036854775808", g.pick(JUNK[:12])])]


# --- algebra of sets ---------------------------------------------------------

@command("sinter", "sunion", "sdiff", often=8)
def _(g):
    return [set_key(g) for _ in range(g.pick([1, 2, 2, 3, 8]))]


@command("sinterstore", "sunionstore", "sdiffstore", often=5)
def _(g):
    return [target_key(g)] + [set_key(g)
                              for _ in range(g.pick([1, 2, 2, 3, 8]))]


def target_key(g):
    return noted(g, g.pick(SETS)) if g.chance(0.9) else \
        noted(g, g.pick(RESULTS))


def numbered(g, keys):
    """Sources, with their number before them, which is wrong now and then."""
    number = b"%d" % len(keys)
    if g.chance(0.04):
        number = g.pick([b"0", b"-1", b"99", b"x", b"9223372036854775808"])
    return [number] + keys


def card_limit(g):
    if g.chance(0.5):
        return []
    return [g.word("LIMIT"), g.pick([b"0", b"1", b"2", b"10", b"1000",
                                     b"9223372036854775807", b"-1"])]


@command("sintercard", often=5)
def _(g):
    keys = [set_key(g) for _ in range(g.pick([1, 2, 2, 3]))]
    return numbered(g, keys) + card_limit(g)


# --- algebra of sorted sets --------------------------------------------------

WEIGHTS = [b"1", b"2", b"-1", b"0", b"0.5", b"3.25", b"inf", b"-inf", b"1e3"]


def weighed(g, keys):
    parts = []
    if g.chance(0.4):
        parts.append([g.word("WEIGHTS")] + [g.pick(WEIGHTS) for _ in keys])
        if g.chance(0.05):
            parts[-1][-1] = g.pick([b"nan", b"x", b"", b"1e400", b"1 "])
    if g.chance(0.5):
        how = g.deal("aggregate", ["SUM", "MIN", "MAX"])
        parts.append([g.word("AGGREGATE"), g.word(how) if g.chance(0.95)
                      else b"avg"])
    g.random.shuffle(parts)
    return parts


def sources(g):
    return [source_key(g) for _ in range(g.pick([1, 2, 2, 3, 6]))]


@command("zunion", "zinter", often=8)
def _(g):
    keys = sources(g)
    parts = weighed(g, keys)
    if g.chance(0.6):
        parts.append([g.word("WITHSCORES")])
    g.random.shuffle(parts)
    return numbered(g, keys) + sum(parts, [])


@command("zdiff", often=6)
def _(g):
    return numbered(g, sources(g)) + (
        [g.word("WITHSCORES")] if g.chance(0.6) else [])


@command("zunionstore", "zinterstore", often=6)
def _(g):
    keys = sources(g)
    return [result_key(g)] + numbered(g, keys) + sum(weighed(g, keys), [])


@command("zdiffstore", often=5)
def _(g):
    return [result_key(g)] + numbered(g, sources(g))


def result_key(g):
    """Sums grow without an end where results are sources."""
    return noted(g, g.pick(RESULTS)) if g.chance(0.9) else \
        noted(g, g.pick(SETS))


@command("zintercard", often=4)
def _(g):
    return numbered(g, sources(g)) + card_limit(g)
