"""Sorted sets: members, scores, pops and random picks, against redis-server
where it answers as 7.2 does. Ranges are in test_zset_range.py."""

import itertools
import math

import pytest

from lib.pair import Pair, pair, pair_of_module # pylint: disable=unused-import
from lib.resp import NULL_ARRAY, NULL_BULK, Double, Error, Simple
from lib.server import RedisServer, Server

OK = Simple("OK")
MOST = 2**63 - 1


# --- every command, a few members --------------------------------------------

LINES = """
ZCARD k|ZSCORE k a|ZMSCORE k a b|ZREM k a|ZRANK k a|ZREVRANK k a|ZPOPMIN k
ZPOPMAX k 2|ZADD k 1 a|ZADD k 1 a|ZADD k 2 a|ZADD k ch 3 a 4 b 5 a|ZCARD k
ZADD k nx 9 a 9 c|ZADD k xx 8 a 8 d|ZADD k xx ch 8 a 8 d|ZADD k gt ch 7 a 9 b
ZADD k lt ch 7 a 10 b|ZADD k gt 1 e|ZADD k lt xx 1 f|ZADD k incr 2 a
ZADD k incr nx 2 a|ZADD k incr xx 2 new|ZADD k incr gt -2 a|ZADD k incr gt 0 a
ZADD k incr lt 0 a|ZADD k incr 0 a|ZADD k incr ch 1 a|ZINCRBY k 1.5 a
ZINCRBY k -0.5 new|ZSCORE k a|ZSCORE k none|ZMSCORE k a none b new|ZCARD k
ZRANK k a|ZREVRANK k a|ZRANK k none|ZRANGE k 0 -1 withscores|ZREM k a none b b
ZRANGE k 0 -1 withscores|ZREM k c e new|EXISTS k|ZADD k xx 1 a|EXISTS k
ZADD k 1 a 1 b 1 c 2 d 3 e|ZPOPMIN k|ZPOPMAX k|ZPOPMIN k 0|ZPOPMIN k 2
ZPOPMAX k 100|EXISTS k|ZPOPMIN k 0|ZPOPMIN k -1|ZPOPMIN k x|ZPOPMIN k 1 2
ZPOPMAX k 9223372036854775808|ZADD k 1 a 2 b 3 c|ZPOPMAX k 9223372036854775807
ZADD k 1 a 2 b 3 c|ZADD k2 5 x 6 y|ZMPOP 1 k min|ZMPOP 2 k3 k2 max
ZMPOP 2 k3 k2 MAX count 9|ZMPOP 3 k3 k2 k MIN COUNT 9223372036854775807
EXISTS k k2|ZMPOP 2 k k2 min|ZADD k 1 a|ZMPOP 0 k min|ZMPOP -1 k min
ZMPOP x k min|ZMPOP 1 k|ZMPOP 1 k x|ZMPOP 2 k min|ZMPOP 1 k min count
ZMPOP 1 k min count 0|ZMPOP 1 k min count x|ZMPOP 1 k min count 1 count 1
ZMPOP 1 k min x 1|ZMPOP 1 k min max|ZMPOP 9223372036854775807 k min
ZMPOP 9223372036854775808 k min|ZADD k 1|ZADD k 1 a 2|ZADD k|ZADD k nx
ZADD k nx xx 1 a|ZADD k gt lt 1 a|ZADD k gt nx 1 a|ZADD k nx xx gt x a
ZADD k incr 1 a 2 b|ZADD k x a|ZADD k 1 a x b|ZADD k incr x a|ZADD k nx a
ZINCRBY k x a|ZINCRBY k nx a|ZINCRBY k 1|ZINCRBY k 1 a b|ZSCORE k|ZCARD
ZMSCORE k|ZREM k|ZRANK k|ZRANDMEMBER k 1 x|ZRANDMEMBER k 1 withscores x
ZRANDMEMBER k x|ZRANDMEMBER k|ZRANDMEMBER k 1|ZRANDMEMBER k3|ZRANDMEMBER k3 1
ZRANDMEMBER k3 -5|ZRANDMEMBER k3 1 withscores|ZRANDMEMBER k 0
ZRANDMEMBER k -3|ZRANDMEMBER k -3 withscores|ZRANDMEMBER k 5 withscores
ZADD k 2 b 3 c|ZRANDMEMBER k 3|ZRANDMEMBER k 3 withscores|ZRANDMEMBER k 100
EXPIRE k 1000|ZADD k 9 z|ZREM k z|PERSIST k|RENAME k k2|ZRANGE k2 0 -1
COPY k2 k
ZADD k 5 q|ZRANGE k2 0 -1|ZRANGE k 0 -1|TYPE k|MOVE k 1|EXISTS k|GET k2
APPEND k2 x
SADD k2 x|SET k2 x|ZADD k2 1 a
""".strip().replace("\n", "|").split("|")


def test_every_command(pair):
    pair.all_same(*LINES)


@pytest.mark.parametrize("line", [
    "ZADD k 1 a", "ZADD k x a", "ZADD k xx 1 a", "ZINCRBY k 1 a", "ZCARD k",
    "ZSCORE k a", "ZMSCORE k a", "ZREM k a", "ZRANK k a", "ZREVRANK k a",
    "ZPOPMIN k", "ZPOPMAX k 0", "ZPOPMIN k -1", "ZMPOP 1 k min",
    "ZMPOP 2 k2 k max", "ZMPOP 2 k3 k max", "ZMPOP 2 k k2 x", "ZRANDMEMBER k",
    "ZRANDMEMBER k 3", "ZRANDMEMBER k x", "GET k2", "INCR k2", "APPEND k2 x",
    "STRLEN k2", "MGET k2"])
def test_a_wrong_type(pair, line):
    pair.all_same("SET k text", "ZADD k2 1 a", line, "GET k",
                  "ZRANGE k2 0 -1 withscores")


OPTIONS = ["NX", "XX", "GT", "LT", "CH", "INCR"]


def test_all_options_together(pair):
    """Every set of options, with a member that is not there, one that is
    lower, equal, higher."""
    for count in range(len(OPTIONS) + 1):
        for chosen in itertools.combinations(OPTIONS, count):
            pair.same("DEL", "k")
            pair.same("ZADD", "k", 5, "m", 1, "n")
            for score, member in ((5, "new"), (4, "m"), (5, "m"), (6, "m"),
                                  (0, "m"), (-1, "m")):
                pair.same("ZADD", "k", *chosen, score, member)
            pair.same("ZADD", "k", *chosen, 1, "m", 2, "n", 3, "o", 2, "m")
            pair.same("ZADD", "none", *chosen, 1, "m")
            pair.same("DEL", "none")
            pair.same("ZRANGE", "k", 0, -1, "WITHSCORES")


def test_many_at_once(pair):
    words = [word for i in range(3000)
             for word in (i % 7 * 0.5, "member %d" % (i % 2000))]
    assert pair.same("ZADD", "k", *words) == 2000
    pair.same("ZRANGE", "k", 0, -1, "WITHSCORES")
    assert pair.same("ZADD", "k", "CH", *words) > 1000
    assert pair.same("ZADD", "k", *words[:-2], "x", "member") == Error(
        "ERR value is not a valid float")
    pair.same("ZMSCORE", "k", *words[1::2])
    assert pair.same("ZREM", "k", *words[1::2]) == 2000
    assert pair.same("EXISTS", "k") == 0


@pytest.mark.parametrize("key", [b"", b"\x00\r\n\xff", b"L" * 20_000])
def test_any_bytes(pair, key):
    pair.uses(key)
    members = [b"", b"\x00", b"\r\n", b"007", b"7", b"-0", b"9" * 19,
               bytes(range(256)), b"m" * 64, b"m" * 65, b"m" * 4000,
               b"m" * 70_000, b"-9223372036854775808"]
    for number, member in enumerate(members):
        pair.same("ZADD", key, number % 3, member)
    pair.same("ZRANGE", key, 0, -1, "WITHSCORES")
    for member in members:
        pair.same("ZSCORE", key, member)
        pair.same("ZRANK", key, member)
        pair.same("ZSCORE", key, member + b"!")
    pair.same("ZPOPMAX", key, 5)
    pair.same("ZRANGE", key, 0, -1)


# --- scores ------------------------------------------------------------------

TEXTS = ["0", "-0", "1", "+1", "01", "1.", ".5", "-.5", "1.50", "1e3", "1E-2",
         "1e+2", "inf", "+inf", "-inf", "INF", "iNfInItY", "-infinity",
         "0x10", "0X1p3", "-0x.8p1", "9007199254740992", "9007199254740993",
         "123456789012345", "1234567890123456",
         "1.0000000000000000000000000000000", "2" + "0" * 15,
         "1" + "." + "0" * 6000, "0" * 300 + "7"]
REFUSED = ["", ".", "-", "+", "nan", "-nan", "NAN(1)", " 1", "1 ", "\t1",
           "\n1", "1\0", "1\0x", "1_0", "1,5", "0x", "1e", "1e+", "--1",
            "1.2.3",
           "1e400", "-1e400", "1e-400", "1" * 400, "0." + "0" * 400 + "1", "x",
           "infin", "(1"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_score(pair, text):
    pair.same("ZADD", "k", text, "a")
    ours, theirs = [float(side.call("ZSCORE", "k", "a"))
                    for side in (pair.ours, pair.theirs)]
    assert ours == theirs
    pair.same("ZADD", "k", "XX", "CH", repr(theirs), "a")
    pair.same("ZINCRBY", "k2", text, "a")
    pair.same("ZCOUNT", "k", text, text)


@pytest.mark.parametrize("text", REFUSED)
def test_no_score(pair, text):
    assert pair.same("ZADD", "k", text, "a") == Error(
        "ERR value is not a valid float")
    pair.same("ZINCRBY", "k", text, "a")
    pair.same("ZADD", "k", "INCR", text, "a")
    assert pair.same("EXISTS", "k") == 0


def test_no_number_comes_of_it(pair):
    pair.same("ZADD", "k", "inf", "a", "-inf", "b")
    for by, member in (("-inf", "a"), ("inf", "b")):
        assert pair.same("ZINCRBY", "k", by, member) == Error(
            "ERR resulting score is not a number (NaN)")
        pair.same("ZADD", "k", "INCR", "NX", by, member)
        pair.same("ZADD", "k", "INCR", "GT", by, member)
    pair.same("ZRANGE", "k", 0, -1, "WITHSCORES")


# As 7.2 prints them; 7.0 has 17 digits.
PRINTED = [("0.1", "0.1"), ("3.0", "3"), ("1e17", "100000000000000000"),
           ("1e20", "1e+20"), ("5e-324", "5e-324"),
           ("0.30000000000000004", "0.30000000000000004"),
           ("1.7976931348623157e308", "1.7976931348623157e+308"),
           ("1e-7", "1e-7"), ("0.000001", "0.000001"), ("-2.5", "-2.5"),
           ("123456789.123456789", "1.2345678912345679e+8"),
           ("1152921504606846976", "1152921504606846976"),
           ("inf", "inf"), ("-inf", "-inf"), ("-0", "0")]


@pytest.mark.parametrize("given, shown", PRINTED)
def test_how_a_score_is_printed(server, given, shown):
    old, new = server.raw(), server.raw(protocol=3)
    shown = shown.encode()
    assert old.call("ZADD", "k", given, "a") == 1
    assert old.call("ZSCORE", "k", "a") == shown
    assert old.call("ZRANGE", "k", 0, -1, "WITHSCORES") == [b"a", shown]
    assert old.call("ZMSCORE", "k", "a", "b") == [shown, NULL_BULK]
    for reply in (new.call("ZSCORE", "k", "a"), new.call("ZPOPMIN", "k")[1]):
        assert isinstance(reply, Double) and reply.text == shown


def test_no_sign_of_zero(server):
    """Redis keeps it in a skiplist only; ours never."""
    client = server.raw()
    client.call("ZADD", "k", "-0", "a", 0, "b", 1, "m" * 65)
    assert client.call("ZRANGE", "k", 0, -1, "WITHSCORES")[:4] == \
        [b"a", b"0", b"b", b"0"]
    assert client.call("ZADD", "k", "CH", "-0", "b", "0", "a") == 0
    assert client.call("ZADD", "k", "INCR", "-0", "new") == b"-0"
    assert client.call("ZSCORE", "k", "new") == b"0"


# --- ranks with scores, as 7.2 has them --------------------------------------

@pytest.mark.parametrize("protocol", [2, 3])
def test_withscore(server, protocol):
    client = server.raw(protocol=protocol)
    client.call("ZADD", "k", 1, "a", 2.5, "b", 3, "c")
    b_score = Double(b"2.5") if protocol == 3 else b"2.5"
    assert client.call("ZRANK", "k", "b", "WITHSCORE") == [1, b_score]
    assert client.call("ZREVRANK", "k", "b", "withscore") == [1, b_score]
    assert client.call("ZREVRANK", "k", "a", "withscore")[0] == 2
    nothing = client.call("ZMPOP", 1, "none", "MIN")
    for command in ("ZRANK", "ZREVRANK"):
        for words in (("k", "x"), ("none", "x")):
            assert client.call(command, *words, "WITHSCORE") == nothing
        if protocol == 2:
            assert nothing == NULL_ARRAY
            assert client.call(command, "k", "x") == NULL_BULK
        assert client.call(command, "k", "b", "WITHSCORES") == Error(
            "ERR syntax error")
        assert client.call(command, "none", "b", "x") == Error(
            "ERR syntax error")
        assert client.call(command, "k", "b", "WITHSCORE", "x") == Error(
            "ERR wrong number of arguments for '%s' command"
            % command.lower())
        client.call("SET", "string", "x")
        assert client.call(command, "string", "b", "WITHSCORE").code == \
            "WRONGTYPE"


# --- encodings ---------------------------------------------------------------

def test_encodings(pair):
    def encoding():
        return bytes(pair.same("OBJECT", "ENCODING", "k")).decode()
    for number in range(128):
        pair.ours.call("ZADD", "k", number, number)
        pair.theirs.call("ZADD", "k", number, number)
    assert encoding() == "listpack"
    pair.same("ZADD", "k", 1, "one more")
    assert encoding() == "skiplist"
    pair.same("ZREMRANGEBYRANK", "k", 1, -1)
    assert encoding() == "skiplist"
    pair.same("ZPOPMIN", "k")
    pair.same("ZADD", "k", 1, "m" * 64)
    assert encoding() == "listpack"
    pair.same("ZADD", "k", "XX", 1, "m" * 65)
    assert encoding() == "listpack"
    pair.same("ZADD", "k", "INCR", 1, "m" * 65)
    assert encoding() == "skiplist"
    pair.same("ZREM", "k", "m" * 65)
    assert encoding() == "skiplist"
    pair.same("RENAME", "k", "k2")
    pair.same("ZRANGESTORE", "k", "k2", 0, -1)
    assert encoding() == "listpack"


# --- random picks ------------------------------------------------------------

@pytest.fixture(name="picks", scope="module", params=[1, 50, 1000])
def fixture_picks(request):
    with Server() as server:
        client = server.raw()
        for number in range(request.param):
            client.call("ZADD", "k", number / 4, "m%d" % number)
        yield client, request.param


def test_picks_are_members_with_their_scores(picks):
    client, size = picks
    for count in (1, 2, size // 10, size // 3, size // 2, size - 1, size,
                  size + 1, MOST // 2, -1, -size, -3 * size):
        reply = client.call("ZRANDMEMBER", "k", count, "WITHSCORES")
        members, scores = reply[::2], reply[1::2]
        assert [float(one[1:]) / 4 for one in members] == \
            [float(one) for one in scores]
        wanted = -count if count < 0 else min(count, size)
        assert len(members) == wanted
        if count >= 0:
            assert len(set(members)) == wanted
        if count >= size:
            assert members == client.call("ZREVRANGE", "k", 0, -1)
        assert len(client.call("ZRANDMEMBER", "k", count)) == wanted


def test_each_has_the_same_chance(picks):
    """By a chi-squared test that fails once in a million runs."""
    client, size = picks
    for count in (-8 * size, 1, max(1, size // 4), max(1, size * 2 // 3)):
        drawn = dict.fromkeys(range(size), 0)
        firsts, rounds = 0, max(1, 8 * size // abs(count))
        for _ in range(min(rounds, 2000)):
            reply = client.call("ZRANDMEMBER", "k", count)
            firsts += int(reply[0][1:])
            for member in reply:
                drawn[int(member[1:])] += 1
        total = sum(drawn.values())
        if size == 1 or abs(count) == 1:
            continue
        expected = total / size
        chi = sum((seen - expected) ** 2 for seen in drawn.values()) / expected
        # Normal for so many; what is drawn without repeating varies less.
        assert chi < size - 1 + 5 * math.sqrt(2 * size) + 5, count


def test_the_first_of_several_is_any(picks):
    """Nobody who takes the first gets the lowest more often."""
    client, size = picks
    if size == 1:
        return
    for count in (size // 4, size * 3 // 4):
        firsts = [int(client.call("ZRANDMEMBER", "k", count)[0][1:])
                  for _ in range(300)]
        mean = sum(firsts) / len(firsts)
        deviation = size / math.sqrt(12 * len(firsts))
        assert abs(mean - (size - 1) / 2) < 5 * deviation


# --- what would be too much --------------------------------------------------

OOM = Error("OOM command not allowed when used memory > 'maxmemory'.")


def test_absurd_counts_are_refused_at_once(start_server):
    server = start_server(cache_max_memory="16mb")
    client = server.raw()
    client.call("ZADD", "k", 1, "a", 2, "b")
    for count in (-MOST, -10**9, -10**7):
        assert client.call("ZRANDMEMBER", "k", count) == OOM
        if count > -MOST:
            assert client.call("ZRANDMEMBER", "k", count, "WITHSCORES") == OOM
    # What EXEC could not know of.
    client.call("DEL", "k")
    client.call("MULTI")
    client.call("ZADD", "k", 1, "a")
    client.call("ZRANDMEMBER", "k", -MOST)
    client.call("ZRANDMEMBER", "k", -300_000, "WITHSCORES")
    client.call("ZCARD", "k")
    assert client.call("EXEC") == [1, OOM, OOM, 1]
    assert client.call("ZRANDMEMBER", "none", -MOST) == []
    assert len(client.call("ZRANDMEMBER", "k", -1000)) == 1000


def test_a_reply_that_becomes_too_long(start_server):
    """Nobody could know before that these members are large."""
    server = start_server(cache_max_memory="16mb", enable_debug_command="yes")
    for protocol in (2, 3):
        client = server.raw(protocol=protocol)
        client.call("MULTI")
        client.call("ZADD", "k", 1, b"x" * 100_000, 2, "small")
        client.call("ZRANDMEMBER", "k", -1000)
        client.call("ZRANDMEMBER", "k", -1000, "WITHSCORES")
        client.call("ZRANGE", "k", 1, 1)
        client.call("DEL", "k")
        assert client.call("EXEC") == [2, OOM, OOM, [b"small"], 1]
        assert client.call("PING") == Simple("PONG")
    assert server.call("DEBUG", "CHECK") == OK


# --- in a transaction, and in tiny memory ------------------------------------

def test_in_a_transaction(pair):
    pair.same("ZADD", "k", 1, "a", 2, "b")
    pair.to_disk()
    assert pair.ours.call("MULTI") == pair.theirs.call("MULTI")
    for line in ("ZADD k 3 c", "ZINCRBY k 1 a", "ZRANGE k 0 -1 WITHSCORES",
                 "ZPOPMIN k", "ZMPOP 2 k2 k MAX", "ZRANGESTORE k2 k 0 -1",
                 "ZRANK k2 b", "ZREMRANGEBYRANK k 0 -1", "EXISTS k",
                 "ZADD k nx xx 1 a", "ZCARD k2"):
        pair.theirs.call(*line.split())
        assert pair.ours.call(*line.split()) == Simple("QUEUED")
    assert pair.ours.call("EXEC") == pair.theirs.call("EXEC")


SIZES = [0, 1, 127, 128, 129, 511, 512, 513, 3000, 100_000]


@pytest.fixture(name="small", scope="module", params=[2, 3])
def fixture_small(request):
    with Server(cache_max_memory="32mb", cache_flush_delay="20ms",
                enable_debug_command="yes") as ours, RedisServer() as theirs:
        yield Pair(ours, theirs, "warm", request.param)


def member_of(number):
    """Texts, numbers and, now and then, something longer."""
    if number % 1000 == 7:
        return b"long %d" % number + b"x" * 300
    return b"%d" % (number * 7) if number % 3 == 0 else b"m:%d" % number


def score_of(number):
    return number * 7919 % 1000 / 4 if number % 50 else 0


def fill(pair, key, size):
    for first in range(0, size, 2000):
        pair.same("ZADD", key, *[
            word for number in range(first, min(size, first + 2000))
            for word in (score_of(number), member_of(number))])


def look(pair, size):
    assert pair.same("ZCARD", "k") == size
    for first in range(0, size, 5000):
        pair.same("ZRANGE", "k", first, first + 4999, "WITHSCORES")
    for number in range(0, size, max(1, size // 50)):
        pair.same("ZSCORE", "k", member_of(number))
        pair.same("ZRANK", "k", member_of(number))
        pair.same("ZRANGE", "k", score_of(number), "(200", "BYSCORE", "LIMIT",
                  number // 3, 20)
    pair.same("OBJECT", "ENCODING", "k")


@pytest.mark.parametrize("size", SIZES)
def test_any_size_comes_and_goes(small, size):
    small.begin()
    fill(small, "k", size)
    look(small, size)
    small.to_disk()
    look(small, size)
    small.to_disk()
    for number in range(0, size, max(1, size // 100)):
        small.same("ZINCRBY", "k", number % 5 - 2, member_of(number))
        if number % 3 == 0:
            small.to_disk()
    small.same("ZREM", "k", *[member_of(number)
                              for number in range(0, size + 1, 9)])
    left = small.same("ZCARD", "k")
    small.to_disk()
    look(small, left)
    small.same("ZPOPMAX", "k", size // 3)
    small.same("ZREMRANGEBYSCORE", "k", 10, 20)
    small.to_disk()
    small.same("ZRANGE", "k", 0, 5000, "WITHSCORES")
    assert small.ours.call("DEBUG", "CHECK") == OK
    small.same("ZREMRANGEBYRANK", "k", 0, -1)
    small.to_disk()
    assert small.same("EXISTS", "k") == 0
    assert small.ours.call("DEBUG", "CHECK") == OK


def test_what_was_flushed_survives(start_server):
    server = start_server(enable_debug_command="yes", cache_flush_delay="1h")
    client = server.raw()
    for first in range(0, 20_000, 2000):
        client.call("ZADD", "large", *[
            word for number in range(first, first + 2000)
            for word in (score_of(number), member_of(number))])
    client.call("ZADD", "small", 1.5, "a", "inf", "b", "-inf", "c")
    client.call("ZREMRANGEBYRANK", "large", 100, 300)
    before = [client.call("ZRANGE", key, 0, -1, "WITHSCORES")
              for key in ("large", "small")]
    assert client.call("CACHE", "FLUSH") == OK
    client.call("ZADD", "small", 7, "lost")
    server.kill9()
    server.start()
    client = server.raw()
    assert [client.call("ZRANGE", key, 0, -1, "WITHSCORES")
            for key in ("large", "small")] == before
    assert client.call("ZRANK", "large", member_of(19_000)) is not None
    assert client.call("ZADD", "large", 1, "again") == 1
    assert client.call("DEBUG", "CHECK") == OK
