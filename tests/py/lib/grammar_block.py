"""What the commands that wait take. Among all others they never wait for long:
one connection after the other is asked. What they do for each other is in
episodes_block.py.

A wrong argument must not turn a timeout into one of hours, so these spoil
themselves."""

from lib.grammar import command
from lib.grammar_list import ends, list_key

BLOCKING = ["blpop", "brpop", "blmove", "brpoplpush", "blmpop", "bzpopmin",
            "bzpopmax", "bzmpop"]

SHORT = [b"0.001", b".002", b"1e-3", b"0x.01", b"0.0011"]
WRONG = [b"x", b"", b"-1", b"-0.5", b"nan", b"-inf", b"1 ", b" 1", b"0x",
         b"1e-5000", b"9" * 5000]
TOO_LONG = [b"1e17", b"inf", b"9223372036854775807"]


def timeout(g, name):
    """Now and then one that no server can take."""
    kind = g.deal("timeout of " + name, ["short"] * 7 + ["wrong", "long"])
    return g.pick({"short": SHORT, "wrong": WRONG, "long": TOO_LONG}[kind])


def zset_key(g):
    if g.chance(0.1):
        return g.key()
    key = b"wz:%d" % g.between(0, 2)
    g.used_keys.add(key)
    return key


def spoiled(g, name, arguments):
    if g.deal("spoil " + name, [True] + [False] * 8):
        return arguments[:g.between(0, len(arguments) - 1)]
    return arguments


def waiting(g, name, key, wait):
    """The arguments of one that waits for keys that key() gives."""
    keys = [key() for _ in range(g.pick([1, 1, 2, 4]))]
    if name in ("blmove", "brpoplpush"):
        target = keys[0] if g.chance(0.3) or not g.may_grow(keys[-1], 20_000) \
            else keys[-1]
        where = [] if name == "brpoplpush" else \
            ends(g, "blmove from") + ends(g, "blmove to")
        return [keys[0], target] + where + [wait]
    if name in ("blmpop", "bzmpop"):
        where = ends(g, name) if name == "blmpop" else \
            [g.word(g.deal(name, ["MIN", "MAX"]))]
        count = [g.word("COUNT"), g.pick([b"1", b"2", b"100"])]
        return [wait, b"%d" % len(keys)] + keys + where + \
            g.deal("count " + name, [[], count])
    return keys + [wait]


def _form(name):
    def make(g):
        key = zset_key if name.startswith("bz") else list_key
        arguments = waiting(g, name, lambda: key(g), timeout(g, name))
        return spoiled(g, name, arguments)
    return make


for _name in BLOCKING:
    command(_name, often=3, spoils=False)(_form(_name))
