"""What the commands on lists take. They meet on a few lists: most short, some
longer than a page, one that only grows and is trimmed."""

from lib.grammar import command
from lib.generator import LARGEST

SHORT, LONG = 8, 3


def list_key(g):
    """Sometimes a key of any type."""
    if g.chance(0.04):
        return g.key()
    kind = g.pick([b"l", b"l", b"ll"])
    key = b"%s:%d" % (kind, g.between(0, (SHORT if kind == b"l" else LONG) - 1))
    g.used_keys.add(key)
    return key


def element(g, key=b""):
    """Often one that is there already."""
    kind = g.between(0, 9)
    if kind < 5:
        return g.pick([b"a", b"b", b"c", b"", b"1", b"-1", b"x" * 63,
                       b"x" * 64, b"32768"])
    if kind < 7:
        return b"%d" % g.pick([g.between(-200, 200), g.between(-5000, 40_000),
                               g.between(-2**63, 2**63 - 1)])
    if kind < 9 or key.startswith(b"l:"):
        return g.sized(g.between(0, 40))
    return g.sized(g.pick([4000, 4095, 4096, 5000, 20_000]))


def elements(g, key):
    """What a list may take; one that is full gets nothing but short ones."""
    many = g.pick([1, 1, 2, 3, 10]) if key.startswith(b"l:") else \
        g.pick([1, 5, 50, 300])
    made = [element(g, key) for _ in range(many)]
    if not g.may_grow(key, sum(map(len, made))):
        return [b"full"]
    return made


def index(g):
    return b"%d" % g.pick([0, -1, 1, -2, g.between(-12, 12),
                           g.between(-700, 700), 2**63 - 1, -2**63, 2**31])


def number(g):
    return b"%d" % g.pick([0, 1, 1, 2, 3, 10, g.between(0, 500), 2**62,
                           2**63 - 1])


@command("lpush", "rpush", often=14)
@command("lpushx", "rpushx", often=6)
def _(g):
    key = list_key(g)
    return [key] + elements(g, key)


@command("lpop", "rpop", often=8)
def _(g):
    arguments = [list_key(g)]
    if g.chance(0.5):
        arguments.append(number(g) if g.chance(0.9) else
                         g.pick([b"-1", b"x", b"9223372036854775808"]))
    return arguments


@command("llen", often=4)
def _(g):
    return [list_key(g)]


@command("lrange", often=12)
def _(g):
    return [list_key(g), index(g), index(g)]


@command("ltrim", often=5)
def _(g):
    if g.chance(0.7):
        return [list_key(g), b"%d" % g.pick([0, 0, 1, -30]),
                b"%d" % g.pick([-1, -2, 30, 200])]
    return [list_key(g), index(g), index(g)]


@command("lindex", often=6)
def _(g):
    return [list_key(g), index(g)]


@command("lset", often=8)
def _(g):
    key = list_key(g)
    return [key, index(g), element(g, key)]


@command("linsert", often=8)
def _(g):
    key = list_key(g)
    where = g.words("linsert", ["BEFORE", "AFTER"], 1) or [g.word("AFTER")]
    return [key] + where + [element(g), element(g, key)]


@command("lrem", often=6)
def _(g):
    count = g.pick([0, 1, -1, 2, -2, -2**63 + 1, 2**63 - 1,
                    g.between(-9, 9)])
    return [list_key(g), b"%d" % count, element(g)]


POSITIONS = ["RANK", "COUNT", "MAXLEN"]


@command("lpos", often=10, spoils=False)
def _(g):
    """RANK is never the least number: 7.0 then tells of a key that is not
    there, 7.2 doesn't look (and an episode has it for one that is)."""
    wrong = g.deal("lpos wrong", [None] * 12 + [
        [], [b"l:0"], [list_key(g), b"a", b"RANK"], [list_key(g), b"a", b"x"],
        [list_key(g), b"a", b"RANK", b"x"], [list_key(g), b"a", b"COUNT", b"x"],
        [list_key(g), b"a", b"MAXLEN", b""], [list_key(g), b"a", b"1", b"1"]])
    if wrong is not None:
        return wrong
    arguments = [list_key(g), element(g)]
    for word in g.words("lpos", POSITIONS, g.pick([1, 1, 2, 4])):
        arguments.append(word)
        if word.token == "RANK":
            arguments.append(b"%d" % g.deal("lpos rank", [
                1, 2, 3, -1, -2, 1, -1, 0, 2**63 - 1, -2**63 + 1]))
        else:
            arguments.append(b"%d" % g.deal("lpos " + word.token, [
                0, 0, 1, 2, 3, 10, 100, -1, 2**63 - 1, -2**63]))
    return arguments


def ends(g, deck):
    return [g.word(g.deal(deck, ["LEFT", "RIGHT"]))]


@command("lmove", often=10)
def _(g):
    source = list_key(g)
    target = source if g.chance(0.3) else list_key(g)
    if not g.may_grow(target, min(20_000, LARGEST)):
        target = source
    return [source, target] + ends(g, "lmove from") + ends(g, "lmove to")


@command("rpoplpush", often=6)
def _(g):
    source = list_key(g)
    target = source if g.chance(0.3) else list_key(g)
    if not g.may_grow(target, min(20_000, LARGEST)):
        target = source
    return [source, target]


@command("lmpop", often=8)
def _(g):
    keys = [list_key(g) for _ in range(g.pick([1, 1, 2, 5]))]
    count = g.pick([len(keys)] * 12 + [0, -1, len(keys) + 1, 2**63 - 1])
    arguments = [b"%d" % count] + keys + ends(g, "lmpop")
    if g.chance(0.5):
        arguments += [g.word("COUNT"), number(g)]
    return arguments
