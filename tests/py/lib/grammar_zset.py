"""Forms of the sorted set commands. Sorted sets have keys of their own, few,
so that commands meet:

    zset:N      any scores, any members; one grows to thousands
    zmix:N      any scores, few short members: always small ones, so that Redis
                answers BYLEX by walking, the same each time
    zlex:N      members of one score, for BYLEX
"""

from lib.generator import FLOATS, INTEGERS, JUNK
from lib.grammar import command

ZSETS = [b"zset:%d" % i for i in range(5)]
LARGE = b"zset:large"
MIXED = [b"zmix:%d" % i for i in range(3)]
LEX = [b"zlex:%d" % i for i in range(3)]
SHORT = [b"", b"a", b"aa", b"b", b"c", b"\xff", b"1", b"10", b"-1", b"z"]
MEMBERS = SHORT + [b"\x00\r\n\xff", b"l" * 64, b"l" * 65, b"L" * 3000,
                   b"007", b"9223372036854775807"] + \
    [b"member %d" % i for i in range(20)]
SCORES = [b"0", b"-0", b"0", b"inf", b"-inf", b"+inf", b"INFINITY", b"0x1p3",
          b"1e-5", b"1e20", b"4.9e-324", b"1.7976931348623157e308", b"1e309",
          b"1e-400", b"9007199254740993", b"0.1", b"3.0", b"1.", b".5",
          b"123456789.123456789"]


# --- keys, members, scores ---------------------------------------------------

def zset_key(g):
    """Mostly of a sorted set, sometimes of anything."""
    if g.chance(0.05):
        return g.key()
    key = g.pick(ZSETS * 3 + [LARGE] * 3 + MIXED)
    g.used_keys.add(key)
    if key not in MIXED and g.chance(0.1):
        g.recent.append(key)
    return key


def lex_key(g):
    """Never one that may hold anything else: of a large sorted set whose
    scores differ Redis tells by chance what is between two members."""
    key = g.pick(LEX * 2 + MIXED)
    g.used_keys.add(key)
    return key


def any_key(g):
    return lex_key(g) if g.chance(0.2) else zset_key(g)


def member(g, key):
    if key in MIXED:
        return g.pick(SHORT)
    if key == LARGE or (key in LEX and g.chance(0.3)):
        return b"m:%d" % g.between(0, 3000)
    return g.pick(MEMBERS)


def score(g, key):
    if key in LEX:
        return b"7"
    kind = g.between(0, 9)
    if kind < 4:
        return b"%d" % g.between(-5, 5)
    if kind < 6:
        return g.integer() if g.chance(0.5) else g.pick(INTEGERS)
    if kind < 8:
        return g.pick(SCORES) if g.chance(0.8) else g.pick(JUNK)
    return g.float() if g.chance(0.7) else g.pick(FLOATS)


def pairs(g, key):
    count = g.pick([1, 1, 1, 2, 6])
    if key == LARGE and g.chance(0.3):
        count = g.pick([100, 130, 400])
    # One bad score would refuse them all.
    good = [b"%d" % g.between(-50, 50), b"0.5", b"-0", b"1e3"]
    return [one for _ in range(count)
            for one in (score(g, key) if count < 3 or key in LEX
                        else g.pick(good), member(g, key))]


# --- adding, removing, asking ------------------------------------------------

# A wrong argument must not become a score in a sorted set for BYLEX.
@command("zadd", often=24, spoils=False)
def _(g):
    key = any_key(g)
    words = []
    if g.chance(0.5):
        words = g.words("zadd", ["NX", "XX", "GT", "LT", "CH", "INCR"],
                        g.pick([1, 1, 2, 3]))
    made = pairs(g, key)
    if any(one.token == "INCR" for one in words):
        if key in LEX:
            made[0] = b"0"
            words.append(g.word("XX"))
        made = made[:2]
    arguments = [key] + words + made
    if g.chance(0.05):
        return g.pick([[], [key], [key] + words, arguments[:-1],
                       arguments + [b"x"]])
    return arguments


@command("zincrby", often=10)
def _(g):
    key = zset_key(g)
    return [key, score(g, key), member(g, key)]


@command("zrem", often=6)
def _(g):
    key = any_key(g)
    most = 300 if key == LARGE and g.chance(0.1) else 6
    return [key] + [member(g, key) for _ in range(g.between(1, most))]


@command("zscore", often=8)
def _(g):
    key = any_key(g)
    return [key, member(g, key)]


@command("zrank", "zrevrank", often=8)
def _(g):
    """WITHSCORE is in test_zset.py: 7.0 does not look for the key then, and so
    tells no listener that it is missing."""
    key = any_key(g)
    return [key, member(g, key)]


@command("zmscore", often=6)
def _(g):
    key = any_key(g)
    return [key] + [member(g, key) for _ in range(g.pick([1, 3, 10]))]


@command("zcard", often=4)
def _(g):
    return [any_key(g)]


# --- ranges ------------------------------------------------------------------

def rank_bounds(g):
    def end():
        return b"%d" % g.pick([0, 0, -1, 1, -2, 5, g.between(-40, 40),
                               g.between(-3000, 3000), 2**31, 2**63 - 1,
                               -2**63])
    return [end(), end()]


def score_bounds(g):
    def end(otherwise):
        bound = g.pick([otherwise, otherwise, b"%d" % g.between(-6, 6),
                        b"%d" % g.between(-6, 6), b"%d" % g.between(-60, 60),
                        g.pick(SCORES), g.float(), g.pick(JUNK)])
        return b"(" * (g.chance(0.3) + g.chance(0.02)) + bound
    return [end(b"-inf"), end(b"+inf")]


def lex_bounds(g):
    def end(otherwise):
        if g.chance(0.3):
            return otherwise
        if g.chance(0.05):
            return g.pick(JUNK + [b"-x", b"+x", b"-\0x", b"a", b"+"])
        text = g.pick(SHORT + [b"m", b"member 5", b"m:1500", b"l" * 64, b"n"])
        return g.pick([b"[", b"("]) + text
    return [end(b"-"), end(b"+")]


BOUNDS = {"rank": rank_bounds, "score": score_bounds, "lex": lex_bounds}


def range_of(g, kind, is_reverse):
    bounds = BOUNDS[kind](g)
    # The wrong way round now and then.
    if (kind != "rank" and is_reverse) != g.chance(0.1):
        bounds.reverse()
    return bounds


def limit(g):
    return [g.word("LIMIT"),
            b"%d" % g.pick([0, 0, 1, 2, g.between(0, 50), -1, 2**62,
                            2**63 - 1, -2**63]),
            b"%d" % g.pick([1, 2, 5, g.between(0, 50), 0, -1, -5, 2**62,
                            2**63 - 1, -2**63])]


def key_for(g, kind):
    return lex_key(g) if kind == "lex" else any_key(g)


def form_of_zrange(g, shows):
    """Of ZRANGE and ZRANGESTORE: the source, bounds, options."""
    kind = g.pick(["rank", "score", "lex"])
    is_reverse = g.chance(0.4)
    options = []
    if kind != "rank":
        options.append([g.word("BYSCORE" if kind == "score" else "BYLEX")])
    if is_reverse:
        options.append([g.word("REV")])
    if (kind != "rank") != g.chance(0.1) and g.chance(0.6):
        options.append(limit(g))
    if shows and (kind != "lex") != g.chance(0.1) and g.chance(0.6):
        options.append([g.word("WITHSCORES")])
    if g.chance(0.04):
        options.append([g.word(g.pick(["BYLEX", "BYSCORE", "REV", "LIMIT",
                                       "WITHSCORES"]))])
    g.random.shuffle(options)
    # A second BYLEX may have come in: no sorted set of more than one score
    # that Redis would not walk is asked for it.
    is_lex = any(b"BYLEX" == one[0].upper() for one in options)
    key = lex_key(g) if is_lex else any_key(g)
    return [key] + range_of(g, kind, is_reverse) + sum(options, [])


@command("zrange", often=20)
def _(g):
    return form_of_zrange(g, True)


@command("zrangestore", often=10)
def _(g):
    source = form_of_zrange(g, False)
    # What comes from others must not change what the keys for BYLEX hold.
    target = g.pick(ZSETS) if source[0] in ZSETS + LEX + MIXED + [LARGE] \
        else zset_key(g)
    if target in MIXED:
        target = g.pick(ZSETS)
    g.used_keys.add(target)
    return [target] + source


OLD = {"zrevrange": "rank", "zrangebyscore": "score",
       "zrevrangebyscore": "score", "zrangebylex": "lex",
       "zrevrangebylex": "lex"}


@command("zrevrange", "zrangebyscore", "zrevrangebyscore", "zrangebylex",
         "zrevrangebylex", often=8)
def _(g):
    kind = OLD[g.step.name]
    options = []
    if (kind != "rank") != g.chance(0.05) and g.chance(0.6):
        options.append(limit(g))
    if (kind != "lex") != g.chance(0.05) and g.chance(0.6):
        options.append([g.word("WITHSCORES")])
    g.random.shuffle(options)
    return [key_for(g, kind)] + \
        range_of(g, kind, "rev" in g.step.name) + sum(options, [])


COUNTED = {"zcount": "score", "zlexcount": "lex"}
REMOVED = {"zremrangebyrank": "rank", "zremrangebyscore": "score",
           "zremrangebylex": "lex"}


@command("zcount", "zlexcount", often=6)
def _(g):
    kind = COUNTED[g.step.name]
    return [key_for(g, kind)] + range_of(g, kind, False)


@command("zremrangebyrank", "zremrangebyscore", "zremrangebylex", often=4)
def _(g):
    kind = REMOVED[g.step.name]
    if kind == "rank" and g.chance(0.6):
        first = g.between(-20, 20)
        return [any_key(g), b"%d" % first, b"%d" % (first + g.between(0, 4))]
    return [key_for(g, kind)] + range_of(g, kind, False)


# --- popping, picking --------------------------------------------------------

def number(g):
    return b"%d" % g.pick([0, 1, 1, 2, 3, 10, g.between(0, 100), 2**62,
                           2**63 - 1])


@command("zpopmin", "zpopmax", often=6)
def _(g):
    arguments = [any_key(g)]
    if g.chance(0.6):
        arguments.append(number(g) if g.chance(0.9) else
                         g.pick([b"-1", b"x", b"9223372036854775808"]))
    return arguments


@command("zmpop", often=8)
def _(g):
    keys = [any_key(g) for _ in range(g.pick([1, 1, 2, 5]))]
    told = len(keys) if g.chance(0.9) else \
        g.pick([0, -1, len(keys) + 1, 100, 2**63 - 1, 2**63])
    arguments = [b"%d" % told] + keys + \
        [g.word(g.deal("zmpop", ["MIN", "MAX"]))]
    if g.chance(0.6):
        arguments += [g.word("COUNT"), number(g)]
    return arguments


@command("zrandmember", often=6)
def _(g):
    arguments = [any_key(g)]
    if g.chance(0.2):
        return arguments
    with_scores = g.chance(0.5)
    counts = [0, 1, 2, 5, 40, -1, -2, -5, -100, 10_000, 2**31, 2**62 - 1,
              2**63 - 1, -2**63]
    if with_scores: # these are refused then, else obeyed
        counts += [2**62, -2**62, -2**63 + 1]
    arguments.append(b"%d" % g.pick(counts))
    if with_scores:
        arguments.append(g.word("WITHSCORES"))
    return arguments
