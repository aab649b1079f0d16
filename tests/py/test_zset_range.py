"""Ranges of sorted sets, by rank, score and member: every form with every kind
of bound, on sets that are one page and on sets of many, against redis-server."""

import itertools
import time

import pytest

from lib.pair import Pair, pair, pair_of_module # pylint: disable=unused-import
from lib.resp import Error, Simple
from lib.server import SLOWNESS, RedisServer, Server

OK = Simple("OK")
MOST = 2**63 - 1


def all_same(pair, commands):
    """Many commands at once; in the end from disk, too."""
    for _ in range(2 if pair.storage == "cold" else 1):
        for first in range(0, len(commands), 500):
            part = commands[first:first + 500]
            ours = pair.ours.pipeline(part)
            for command, mine, other in zip(part, ours,
                                            pair.theirs.pipeline(part)):
                assert mine == other, command
        pair.to_disk()


# --- what Redis says to it -----------------------------------------------------

LINES = """
0 -1|0 -1 limit 0 -1|0 -1 limit 0 1|0 -1 limit x 1|0 -1 limit 1 x|0 -1 limit 1
0 -1 withscores|0 -1 withscores withscores|0 -1 withscores bylex|0 -1 bylex
0 -1 rev|0 -1 rev rev|0 -1 byscore|0 -1 byscore byscore|0 -1 byscore bylex
0 -1 bylex byscore|0 -1 x|0 x|x 0|0 1.0|0  -1|0 -1 withscores limit 0 1
0 9223372036854775807|-9223372036854775808 -1|0 9223372036854775808
(1 (3 byscore|1 3 byscore|(1 3 byscore rev|3 (1 byscore rev|3 1 byscore
3 1 rev byscore withscores|-inf +inf byscore limit 1 2|-inf inf byscore limit
inf -inf byscore rev limit 1 2 withscores|-inf +inf byscore limit -1 2
-inf +inf byscore limit 1 -2|-inf +inf byscore limit 0 0|( 3 byscore|((1 3 byscore
-inf x byscore|x inf byscore|nan inf byscore|(nan inf byscore|- + byscore
-inf +inf byscore limit 9223372036854775807 9223372036854775807|[b [d bylex
-inf +inf byscore limit -9223372036854775808 -9223372036854775808|- + bylex
(b + bylex limit 1 1|- + bylex rev|+ - bylex rev|[d (b bylex rev|[c [b bylex
b d bylex|[b d bylex|b [d bylex|- - bylex|+ + bylex|+ - bylex|[ ( bylex|( [ bylex
- + bylex withscores|- + withscores bylex limit 0 1|0 -1 REV WITHSCORES
""".strip().replace("\n", "|").split("|")


@pytest.mark.parametrize("line", LINES)
def test_every_form(pair, line):
    pair.same("ZADD", "k", 1, "a", 1.5, "b", 3, "c", 3, "d", "inf", "e")
    pair.same("ZADD", "k2", *[word for member in "abcde"
                              for word in (7, member)])
    words = line.split(" ")
    for key in ("k", "k2", "none"):
        pair.same("ZRANGE", key, *words)
        pair.same("SET", "k3", "x")
        pair.same("ZRANGESTORE", "k3", key, *words)
        pair.same("TYPE", "k3")
        pair.same("DEL", "k3")
    pair.same("SET", "k3", "x")
    pair.same("ZRANGE", "k3", *words)
    pair.same("ZRANGESTORE", "k", "k3", *words)
    pair.same("ZRANGESTORE", "k", "k", *words)
    for key in ("k", "k2"):
        pair.same("ZRANGE", key, 0, -1, "WITHSCORES")


OLD = ["ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE", "ZRANGEBYLEX",
       "ZREVRANGEBYLEX"]
OLD_LINES = """
0 -1|-2 -1|0 -1 withscores|0 -1 limit 1 1|0 -1 limit 0 -1|0 -1 rev|0 -1 byscore
-inf +inf|+inf -inf|(1 3|3 (1|3 1 withscores|1 3 limit 1 1|3 1 limit 0 -1
- +|+ -|[b [d|[d (b|- + limit 1 2|+ - limit 1 2|+ - withscores|- + x|0 -1 limit
3 1 withscores limit 0 2|1 3 limit 0 2 withscores
""".strip().replace("\n", "|").split("|")


@pytest.mark.parametrize("command", OLD + ["ZCOUNT", "ZLEXCOUNT"])
def test_every_old_form(pair, command):
    pair.same("ZADD", "k", 1, "a", 1.5, "b", 3, "c", 3, "d", "inf", "e")
    pair.same("ZADD", "k2", *[word for member in "abcde"
                              for word in (7, member)])
    pair.same("SET", "k3", "x")
    for line, key in itertools.product(OLD_LINES, ("k", "k2", "k3", "none")):
        pair.same(command, key, *line.split(" "))
    pair.same(command, "k", 0)
    pair.same(command)


@pytest.mark.parametrize("line", [
    "RANK 0 -1", "RANK 1 2", "RANK -2 -1", "RANK 3 1", "RANK 9 10", "RANK x 1",
    "RANK 0 x", "RANK -9223372036854775808 9223372036854775807",
    "SCORE 1 3", "SCORE (1 (3", "SCORE -inf +inf", "SCORE 3 1", "SCORE x 1",
    "SCORE 1 nan", "SCORE 1", "RANK 0", "LEX - +", "LEX [b (d", "LEX (b [c",
    "LEX b c", "LEX + -", "LEX [c [c", "LEX (c (c", "LEX (c [c", "LEX -"])
def test_removing(pair, line):
    name, *words = line.split(" ")
    pair.same("ZADD", "k", *[word for member in "abcde"
                             for word in (7, member)])
    pair.same("ZADD", "k2", 1, "a", 1.5, "b", 3, "c", 3, "d", "inf", "e")
    pair.same("SET", "k3", "x")
    for key in ("k", "k2", "k3", "none"):
        pair.same("ZREMRANGEBY" + name, key, *words)
        pair.same("EXISTS", key)
    for key in ("k", "k2"):
        pair.same("ZRANGE", key, 0, -1, "WITHSCORES")


# --- every bound, on sets of every size ----------------------------------------

SIZES = [1, 40, 128, 129, 1500]




def some(size, commands):
    """Every one, or of a large set one in seven."""
    return commands if size < 1000 else commands[::7]


def fill(pair, size):
    """Scores that repeat, negative ones, both infinite ones."""
    words = []
    for number in range(size):
        score = number % 23 - 11.5 if number % 5 else number // 5 - 7
        words += [score, "m%04d" % (number * 7)]
    words[0] = "-inf"
    if size > 1:
        words[2] = "inf"
    for first in range(0, len(words), 1000):
        pair.same("ZADD", "k", *words[first:first + 1000])


@pytest.mark.parametrize("size", SIZES)
def test_all_ranks(pair, size):
    fill(pair, size)
    ends = [0, 1, -1, -2, size // 2, size - 1, size, size + 1, -size,
            -size - 1, 20, MOST, -MOST - 1]
    all_same(pair, some(size, [
        ("ZRANGE", "k", a, b) + more for a, b in itertools.product(ends, ends)
        for more in ((), ("WITHSCORES",), ("REV",), ("REV", "WITHSCORES"))]))


SCORES = ["-inf", "(-inf", "inf", "(inf", "0", "(0", "-0", "3.5", "(3.5", "3.4",
          "-11.5", "(-11.5", "5", "(5", "1e300", " 5", "5\0x", "", "0x5", "1e999"]


@pytest.mark.parametrize("size", SIZES)
def test_all_scores(pair, size):
    fill(pair, size)
    commands = [("ZCOUNT", "k", a, b)
                for a, b in itertools.product(SCORES, SCORES)]
    for a, b in itertools.product(SCORES, SCORES):
        for words in (("ZRANGEBYSCORE", "k", a, b),
                      ("ZREVRANGEBYSCORE", "k", a, b)):
            commands += [words[:4], words + ("WITHSCORES", "LIMIT", 1, 3),
                         words + ("LIMIT", size // 3, 7)]
    all_same(pair, some(size, commands))


LEX = ["-", "+", "[m", "(m", "[m0000", "(m0000", "[m0007", "(m0007", "[m0008",
       "[m01", "(m0140", "[m0140", "[m0903", "[z", "(", "[", "-\0x"]


@pytest.mark.parametrize("size", SIZES)
def test_all_members(pair, size):
    for first in range(0, size, 500):
        pair.same("ZADD", "k", *[
            word for number in range(first, min(size, first + 500))
            for word in (-3, "m%04d" % (number * 7))])
    commands = [("ZLEXCOUNT", "k", a, b)
                for a, b in itertools.product(LEX, LEX)]
    for a, b in itertools.product(LEX, LEX):
        for words in (("ZRANGEBYLEX", "k", a, b),
                      ("ZREVRANGEBYLEX", "k", a, b)):
            commands += [words, words + ("LIMIT", 1, 3),
                         words + ("LIMIT", size // 3, 7)]
    all_same(pair, some(size, commands))


def test_members_of_other_scores(pair):
    """What Redis answers by walking a small one."""
    pair.same("ZADD", "k", 1, "a", 2, "z", 3, "b", 4, "c", 5, "y", 5, "aa")
    ends = ["-", "+", "[a", "(a", "[b", "(b", "[c", "[x", "[y", "(z", "[z"]
    commands = []
    for a, b in itertools.product(ends, ends):
        commands.append(("ZLEXCOUNT", "k", a, b))
        for name in ("ZRANGEBYLEX", "ZREVRANGEBYLEX"):
            commands += [(name, "k", a, b)] + [
                (name, "k", a, b, "LIMIT", offset, limit)
                for offset, limit in ((0, 1), (1, 2), (2, -1), (3, 1), (9, 9),
                                      (-1, 1), (0, 0))]
        commands += [("ZRANGESTORE", "k2", "k", 0, -1),
                     ("ZREMRANGEBYLEX", "k2", a, b),
                     ("ZRANGE", "k2", 0, -1)]
    all_same(pair, commands)


# --- storing and removing parts of large ones ----------------------------------

@pytest.fixture(name="large", scope="module")
def fixture_large():
    with Server(cache_max_memory="32mb", cache_flush_delay="20ms",
                enable_debug_command="yes") as ours, RedisServer() as theirs:
        pair_of_large = Pair(ours, theirs, "warm", 2)
        yield pair_of_large


def fill_large(pair, size):
    pair.begin()
    for first in range(0, size, 2000):
        pair.same("ZADD", "k", *[
            word for number in range(first, first + 2000)
            for word in (number * 7919 % 3000 / 8, "member:%d" % number)])


def look(pair, key):
    for first in range(0, pair.same("ZCARD", key), 5000):
        pair.same("ZRANGE", key, first, first + 4999, "WITHSCORES")
    assert pair.ours.call("DEBUG", "CHECK") == OK


@pytest.mark.parametrize("words", [
    (0, -1), (100, 6_000), (-50, -1, "REV"), (10, "(300", "BYSCORE"),
    ("(300", 100, "BYSCORE", "REV", "LIMIT", 2000, 3000), (5000, 5100)])
def test_storing_a_part(large, words):
    fill_large(large, 10_000)
    large.to_disk()
    for target in ("k2", "k2", "k"):
        large.same("ZRANGESTORE", target, "k", *words)
        look(large, target)
        large.same("OBJECT", "ENCODING", target)
    large.to_disk()
    look(large, "k2")
    look(large, "k")


def test_removing_parts(large):
    fill_large(large, 20_000)
    for words in (("RANK", 3000, 3500), ("SCORE", 100, "(110"),
                  ("RANK", -5, -1), ("RANK", 0, 0), ("SCORE", "(300", "301"),
                  ("RANK", 1000, 9000), ("SCORE", "-inf", 20)):
        large.same("ZREMRANGEBY" + words[0], "k", *words[1:])
        large.to_disk()
        large.same("ZRANGE", "k", 0, 4999, "WITHSCORES")
    look(large, "k")
    large.same("ZADD", "k", 1, "member:1", 1, "again")
    large.same("ZREMRANGEBYRANK", "k", 0, -1)
    assert large.same("EXISTS", "k") == 0
    assert large.ours.call("DEBUG", "CHECK") == OK


# --- what would be slow or large -------------------------------------------------

def test_offsets_cost_nothing(large):
    """Redis walks over all that an offset leaves out."""
    fill_large(large, 60_000)
    client = large.ours
    begun = time.monotonic()
    for _ in range(100):
        replies = client.pipeline([
            ("ZRANGEBYSCORE", "k", "-inf", "inf", "LIMIT", 59_990, 5),
            ("ZREVRANGE", "k", 59_990, 59_995),
            ("ZRANGEBYSCORE", "k", "-inf", "inf", "LIMIT", MOST, MOST),
            ("ZCOUNT", "k", "1", "300"), ("ZREVRANK", "k", "member:7")] * 10)
        assert len(replies) == 50
    assert time.monotonic() - begun < 20 * SLOWNESS


def test_more_than_a_reply_may_hold(start_server):
    """Small members with long scores take more in a reply than in memory."""
    server = start_server(cache_max_memory="16mb")
    client = server.raw(protocol=3)
    size = 120_000
    for first in range(0, size, 2000):
        assert client.call("ZADD", "k", *[
            word for number in range(first, first + 2000)
            for word in (number / 7, number)]) == 2000
    oom = Error("OOM command not allowed when used memory > 'maxmemory'.")
    for words in (("ZRANGE", "k", 0, -1, "WITHSCORES"),
                  ("ZRANGE", "k", "-inf", "inf", "BYSCORE", "WITHSCORES"),
                  ("ZREVRANGE", "k", 0, 110_000, "WITHSCORES"),
                  ("ZPOPMIN", "k", MOST), ("ZPOPMAX", "k", 110_000),
                  ("ZMPOP", 1, "k", "MAX", "COUNT", 110_000),
                  ("ZRANDMEMBER", "k", 110_000, "WITHSCORES")):
        assert client.call(*words) == oom, words
    assert client.call("ZCARD", "k") == size
    assert len(client.call("ZRANGE", "k", 0, 999, "WITHSCORES")) == 1000
    assert len(client.call("ZRANGE", "k", "-inf", "inf", "BYSCORE", "LIMIT",
                           100, 50)) == 50
    assert len(client.call("ZPOPMIN", "k", 5000)) == 5000
