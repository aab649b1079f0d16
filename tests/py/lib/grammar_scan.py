"""Forms of the commands about all keys: SCAN, KEYS, RANDOMKEY."""

from lib.grammar import command
from lib.grammar_hash import CURSORS

KEY_PATTERNS = [b"*", b"*", b"n:*", b"s:?", b"[bf]:*", b"*:1", b"[n]:1", b"",
                b"*a*", b"\\*", b"l*", b"{tag}*", b"[^n]*", b"**", b"?"]
TYPES = [b"string", b"hash", b"LIST", b"set", b"zset", b"stream", b"nonsense"]


def pattern(g):
    """Sometimes of one key only, which is looked up."""
    return g.key() if g.chance(0.3) else g.pick(KEY_PATTERNS)


@command("scan", often=8)
def _(g):
    arguments = [g.pick(CURSORS)]
    for word in g.words(g.step.name, ["MATCH", "COUNT", "TYPE"],
                        g.pick([0, 1, 2, 2, 3])):
        arguments += [word, {
            "MATCH": lambda: pattern(g),
            "COUNT": lambda: g.pick([b"1", b"10", b"100000", b"100000",
                                     b"9223372036854775807"]),
            "TYPE": lambda: g.pick(TYPES)}[word.token]()]
    if g.chance(0.05):
        arguments += g.pick([[b"COUNT", b"0"], [b"COUNT", b"-1"], [b"COUNT"],
                             [b"COUNT", b"x"], [b"NOVALUES"], [b"TYPE"]])
    return arguments


@command("keys", often=6)
def _(g):
    return [pattern(g)]


@command("randomkey", often=4)
def _(g):
    return []
