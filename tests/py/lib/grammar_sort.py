"""Forms of SORT and SORT_RO.

What Redis answers must not depend on a hash table or on the quicksort that it
takes for a part of a result: so of sets and sorted sets no keys are looked up
(events of missing ones would come in another order), what may have ties is
asked for as a whole, and is stored only where there are none. test_sort.py has
the rest."""

from lib.grammar import command
from lib.grammar_list import list_key
from lib.grammar_set import SETS
from lib.grammar_zset import MIXED, ZSETS

# Lists of small numbers: "n:*" and "f:*" are keys then. See episodes.py.
NUMBERED = [b"sort:%d" % i for i in range(3)]
STORED = [b"sort:stored:%d" % i for i in range(3)]
PATTERNS = [b"n:*", b"f:*", b"n:*", b"hash:*->1", b"hash:*->", b"none:*",
            b"l:*", b"hash:*->field 1", b"n:*\x00"]
NUMBERS = [b"0", b"1", b"3", b"10", b"-1", b"100000", b"9223372036854775807",
           b"-9223372036854775808"]


def limit(g):
    return [g.word("LIMIT"), g.pick(NUMBERS), g.pick(NUMBERS)]


def direction(g):
    return [g.word(g.deal("sort direction", ["ASC", "DESC"]))] \
        if g.chance(0.5) else []


def gets(g):
    patterns = PATTERNS + [b"#", b"#", b"none", b"", b"#\x00"]
    return [word for _ in range(g.pick([0, 1, 1, 2, 4]))
            for word in (g.word("GET"), g.pick(patterns))]


def of_a_list(g, by_text):
    """Of equal ones the order is kept, but by a part of what is sorted BY."""
    by = g.deal("sort list by", [None, None, b"nosort", *PATTERNS])
    alpha = [g.word("ALPHA")] if by_text or g.chance(0.5) else []
    words = [alpha, direction(g), gets(g)]
    if by is not None:
        words.append([g.word("BY"), by])
    if g.chance(0.4) and (by in (None, b"nosort") or not alpha):
        words.append(limit(g))
    is_stored = bool(alpha) or by == b"nosort"
    return words, is_stored


def of_another(g):
    """A set or sorted set: by itself, as a whole unless it is by numbers."""
    kind = g.deal("sort of another", ["numbers", "alpha", "alpha", "stored"])
    words = [direction(g)]
    if kind != "numbers":
        words.append([g.word("ALPHA")])
    elif g.chance(0.5):
        words.append(limit(g))
    return words, kind == "stored"


def sorting(g, name, key=None, by_text=False):
    if key is None:
        key = g.pick([g.pick(NUMBERED), g.pick(NUMBERED), g.pick(STORED),
                      list_key(g), g.pick(SETS), g.pick(ZSETS + MIXED),
                      g.key()])
    g.used_keys.add(key)
    # What a key of another kind holds is not known.
    is_list = key in NUMBERED + STORED or key.startswith((b"l:", b"ll:"))
    words, may_store = of_a_list(g, by_text) if is_list else of_another(g)
    if name == "sort" and may_store and g.chance(0.5):
        target = g.pick(STORED)
        g.used_keys.add(target)
        words.append([g.word("STORE"), target])
    g.random.shuffle(words)
    return [key] + [word for some in words for word in some]


# A wrong argument could store what has ties.
@command("sort", often=10, spoils=False)
def _(g):
    if g.chance(0.1):
        return g.pick([[], [g.pick(NUMBERED), b"LIMIT", b"0"],
                       [g.pick(NUMBERED), b"LIMIT", b"x", b"1"],
                       [g.pick(NUMBERED), b"BY"], [g.key("n"), b"nonsense"],
                       [g.pick(NUMBERED), b"STORE"]])
    return sorting(g, "sort")


@command("sort_ro", often=8, spoils=False)
def _(g):
    if g.chance(0.1):
        return g.pick([[], [g.pick(NUMBERED), b"STORE", b"x"],
                       [g.pick(NUMBERED), b"GET"]])
    return sorting(g, "sort_ro")
