"""Forms of the hash commands, and of the scans of all collections. Hashes have
keys of their own, few, so that commands meet; and few fields, but for one key
that grows to thousands of small ones."""

from lib.generator import FLOATS, INTEGERS, JUNK, KEY_KINDS
from lib.grammar import command

HASHES = [b"hash:%d" % i for i in range(6)]
LARGE = b"hash:large"
OTHER_KINDS = tuple(kind.encode() + b":" for kind in KEY_KINDS)
FIELDS = [b"", b"\x00\r\n\xff", b"l" * 64, b"l" * 65, b"L" * 3000, b"-0",
          b"007", b"9223372036854775807"] + \
    [b"field %d" % i for i in range(12)] + [b"%d" % i for i in range(12)]


def hash_key(g):
    """Mostly of a hash, sometimes of anything."""
    if g.chance(0.06):
        return g.key()
    key = g.pick(HASHES) if g.chance(0.85) else LARGE
    g.used_keys.add(key)
    if g.chance(0.1):
        g.recent.append(key)
    return key


def field(g, key):
    if key == LARGE and g.chance(0.9):
        return b"member:%d" % g.between(0, 3000)
    return g.pick(FIELDS)


def field_value(g, key):
    """All values of a hash must fit in a reply, and in a third of memory."""
    if key == LARGE:
        return b"%d" % g.between(0, 10**12)
    kind = g.between(0, 9)
    if kind < 4:
        return g.integer()
    if kind < 6:
        return g.float()
    if kind < 8:
        return g.pick(JUNK)
    return g.sized(g.pick([0, 10, 63, 64, 65, 300, 4000, 5000, 20_000]))


def pairs(g, key):
    count = g.pick([1, 1, 2, 5])
    if key == LARGE and g.chance(0.3):
        count = g.pick([100, 130, 600])
    return [one for _ in range(count)
            for one in (field(g, key), field_value(g, key))]


@command("hset", often=12)
@command("hmset", often=4)
def _(g):
    key = hash_key(g)
    arguments = [key] + pairs(g, key)
    return arguments[:-1] if g.chance(0.03) else arguments


@command("hsetnx", often=4)
def _(g):
    key = hash_key(g)
    return [key, field(g, key), field_value(g, key)]


@command("hget", often=8)
@command("hstrlen", "hexists", often=4)
def _(g):
    key = hash_key(g)
    return [key, field(g, key)]


@command("hmget", often=6)
def _(g):
    key = hash_key(g)
    return [key] + [field(g, key) for _ in range(g.pick([1, 3, 10, 40]))]


@command("hdel", often=6)
def _(g):
    key = hash_key(g)
    most = 500 if key == LARGE and g.chance(0.1) else 10
    return [key] + [field(g, key) for _ in range(g.between(1, most))]


@command("hlen", "hkeys", "hvals", "hgetall", often=4)
def _(g):
    return [hash_key(g)]


def numeric_field(g, key):
    return b"field %d" % g.between(0, 3) if g.chance(0.5) else field(g, key)


@command("hincrby", often=6)
def _(g):
    key = hash_key(g)
    by = g.pick(INTEGERS) if g.chance(0.3) else b"%d" % g.between(-99, 99)
    return [key, numeric_field(g, key), by]


@command("hincrbyfloat", often=6)
def _(g):
    key = hash_key(g)
    by = g.pick(FLOATS + [b"inf", b"-inf", b"nan"]) if g.chance(0.4) \
        else g.float()
    return [key, numeric_field(g, key), by]


# Redis obeys a count of -2^62 for hours: only what it refuses is that low.
COUNTS = [0, 1, 2, 5, 40, -1, -2, -5, -100, 10_000, 2**31, 2**62 - 1]
REFUSED = [2**62, -2**62, -2**63 + 1, -2**63]


@command("hrandfield", often=6, spoils=False)
def _(g):
    key = hash_key(g)
    kind = g.deal("hrandfield", ["one", "some", "some", "pairs", "pairs",
                                 "refused", "wrong"])
    if kind == "one":
        return [key]
    if kind == "refused":
        return [key, b"%d" % g.pick(REFUSED), g.word("WITHVALUES")]
    if kind == "wrong":
        return g.pick([[], [key, b"x"], [key, b"1", b"x"], [key, b"-2^63"],
                       [key, b"-9223372036854775808"],
                       [key, b"9223372036854775808"],
                       [key, b"1", b"WITHVALUES", b"x"]])
    count = b"%d" % g.pick(COUNTS)
    return [key, count] + ([g.word("WITHVALUES")] if kind == "pairs" else [])


# --- scans -----------------------------------------------------------------

PATTERNS = [b"*", b"field*", b"*1*", b"[0-9]", b"l*", b"", b"?", b"\\-0",
            b"member:1??"]
CURSORS = [b"0"] * 12 + [b"-1", b"+1", b"7", b"", b"18446744073709551615",
                         b"18446744073709551616", b"0x1", b" 0", b"0 "]


def collection_key(g):
    """One that may be a set or a sorted set."""
    known = [one for one in sorted(g.used_keys)
             if one[:2] not in OTHER_KINDS and len(one) < 30]
    return g.pick(known) if known and g.chance(0.8) else hash_key(g)


@command("hscan", often=6)
@command("sscan", "zscan", often=6)
def _(g):
    key = hash_key(g) if g.step.name == "hscan" else collection_key(g)
    arguments = [key, g.pick(CURSORS)]
    for word in g.words(g.step.name, ["MATCH", "COUNT"],
                        g.pick([0, 1, 2, 2, 3])):
        arguments += [word, g.pick(PATTERNS) if word.token == "MATCH" else
                      g.pick([b"1", b"10", b"1000", b"9223372036854775807"])]
    if g.chance(0.05):
        arguments += g.pick([[b"COUNT", b"0"], [b"COUNT", b"-1"], [b"COUNT"],
                             [b"COUNT", b"x"], [b"NOVALUES"],
                             [b"TYPE", b"hash"]])
    return arguments
