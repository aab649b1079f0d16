"""DUMP and RESTORE. What is restored is of every encoding that Redis 7.0 reads;
what is broken is so in ways that it notices without sanitize-dump-payload."""

from lib import rdb
from lib.grammar import command

FIELDS = {b"f": b"v", b"": b"17", b"-5": b"x" * 70}
SHORT = {b"f": b"v", b"g": b"17", b"-5": b"w"}
SCORES = {b"a": 1.0, b"7": -2.5, b"": float("inf")}
WORDS = [b"a", b"", b"b" * 300]
MIXED = [b"a", 1, b"", -300, 70000, b"c" * 300, -2**40, 12]

RIGHT = [
    rdb.dump(rdb.STRING, rdb.string(b"restored")),
    rdb.dump(rdb.STRING, rdb.string(b"")),
    rdb.dump(rdb.STRING, rdb.integer(-77, 2), version=6),
    rdb.dump(rdb.STRING, rdb.lzf(b"z" * 30_000)),
    rdb.dump(rdb.LIST, rdb.strings(WORDS), version=1),
    rdb.dump(rdb.SET, rdb.strings(WORDS)),
    rdb.dump(rdb.SET, rdb.strings([b"3", b"1", b"-2"])),
    rdb.dump(rdb.ZSET, rdb.scores_as_text(SCORES), version=7),
    rdb.dump(rdb.HASH, rdb.pairs(FIELDS)),
    rdb.dump(rdb.ZSET_2, rdb.scores(SCORES)),
    rdb.dump(rdb.HASH_ZIPMAP, rdb.string(rdb.zipmap(SHORT)), version=2),
    rdb.dump(rdb.LIST_ZIPLIST, rdb.string(rdb.ziplist(MIXED))),
    rdb.dump(rdb.SET_INTSET, rdb.string(rdb.intset([5, -3, 100]))),
    rdb.dump(rdb.SET_INTSET, rdb.string(rdb.intset([2**40, 0]))),
    rdb.dump(rdb.ZSET_ZIPLIST, rdb.string(rdb.ziplist(
        [b"low", b"-inf", b"a", 1, b"b", b"2.5"]))),
    rdb.dump(rdb.HASH_ZIPLIST, rdb.string(rdb.ziplist(MIXED))),
    rdb.dump(rdb.LIST_QUICKLIST, rdb.length(2) +
             rdb.string(rdb.ziplist(MIXED)) * 2),
    rdb.dump(rdb.HASH_LISTPACK, rdb.string(rdb.listpack(MIXED))),
    rdb.dump(rdb.ZSET_LISTPACK, rdb.string(rdb.listpack(
        [b"low", b"-inf", b"a", 1, b"b", b"2.5"]))),
    rdb.dump(rdb.LIST_QUICKLIST_2, rdb.length(2) + rdb.length(rdb.PACKED) +
             rdb.string(rdb.listpack(MIXED)) + rdb.length(rdb.PLAIN) +
             rdb.string(b"p" * 100)),
    # What stands behind the object is not looked at.
    rdb.dump(rdb.STRING, rdb.string(b"v") + b"more"),
]

WRONG = [
    RIGHT[0][:-1] + b"\x00", RIGHT[0][:-10], RIGHT[0][:9], b"",
    rdb.footer(b""), rdb.dump(rdb.STRING, b""),
    rdb.dump(rdb.STRING, rdb.string(b"v"), version=99),
    rdb.dump(rdb.STRING, rdb.length(100) + b"v"),
    rdb.dump(rdb.STRING, rdb.length(2**60)), rdb.dump(rdb.STRING, b"\xc4x"),
    rdb.dump(8, rdb.string(b"v")), rdb.dump(99, rdb.string(b"v")),
    rdb.dump(rdb.LIST, rdb.length(0)), rdb.dump(rdb.HASH, rdb.length(0)),
    rdb.dump(rdb.LIST, rdb.length(3) + rdb.string(b"a")),
    rdb.dump(rdb.SET, rdb.strings([b"a", b"b", b"a"])),
    rdb.dump(rdb.HASH, rdb.length(2) +
             (rdb.string(b"a") + rdb.string(b"x" * 65)) * 2),
    rdb.dump(rdb.ZSET_2, rdb.scores({b"a": float("nan")})),
    rdb.dump(rdb.LIST_QUICKLIST_2, rdb.length(1) + rdb.length(3) +
             rdb.string(b"p")),
]



@command("dump", often=8)
def _(g):
    return [g.key()]


def time_of(g, words):
    """None in the near future: see Generator."""
    if g.chance(0.6):
        return b"0"
    if any(word.token == "ABSTTL" for word in words):
        return g.time_ms()
    return g.ms_to_live()


@command("restore", often=16)
def _(g):
    words = g.words("restore", ["REPLACE", "ABSTTL", "IDLETIME", "FREQ"],
                    g.pick([1, 1, 2, 2, 3]))
    key = g.key()
    payload = g.deal("dumps", RIGHT) if g.chance(0.85) else \
        g.deal("broken dumps", WRONG)
    g.note_size(key, 30_000)
    arguments = [key, time_of(g, words), payload]
    for word in words:
        arguments.append(word)
        if word.token in ("IDLETIME", "FREQ"):
            arguments.append(g.pick([b"0", b"1", b"255", b"256", b"-1",
                                     b"1000", b"x"]))
    return arguments
