"""ZUNION, ZINTER and ZDIFF, what stores them, and ZINTERCARD: of sorted sets
and sets, beside redis-server.

Redis 7.0, the oracle, writes doubles with 17 digits in RESP2 and 7.2 the
shortest that reads back; the scores here are the same in both unless a test
says otherwise. And no score is -0: ours knows none."""

import random

import pytest

from lib.members import OK, OOM, Listeners, add_many
from lib.pair import Pair, pair, pair_of_module
from lib.resp import Double, Error
from lib.server import RedisServer, Server
from lib.steer import flush, order, steered, store_counts

def flat(pairs):
    return [word for pair_of_words in pairs for word in pair_of_words]


# --- what each command answers -----------------------------------------------


def prepare(pair):
    pair.uses("z1", "z2", "z3", "big", "s1", "none", "str", "dst")
    pair.same("ZADD", "z1", "1", "a", "2", "b", "3", "c", "-1.5", "d",
              "inf", "e", "-inf", "f")
    pair.same("ZADD", "z2", "10", "a", "20", "x", "0", "c", "-inf", "e",
              "1048576", "b")
    pair.same("ZADD", "z3", "5", "1", "5", "c", "5", "b", "5", "")
    pair.same("ZADD", "big", *flat([i, "m%d" % i] for i in range(60)),
              "7", "c")
    pair.same("SADD", "s1", "a", "c", "1", "y")
    pair.same("SET", "str", "text")


def same_contents(pair, *keys):
    """Byte by byte, as a union of one."""
    for key in keys:
        pair.same("ZUNION", "1", key, "WITHSCORES")


ANSWERS = """
ZUNION|ZUNION 1|ZUNION x z1|ZUNION 0 z1|ZUNION -1 z1|ZUNION 2 z1
ZUNION 9223372036854775808 z1|ZUNION 9223372036854775807 z1
ZUNION 1 z1|ZUNION 1 none|ZUNION 1 str|ZUNION 1 s1|ZUNION 1 s1 WITHSCORES
ZUNION 2 z1 z2|ZUNION 2 z1 z2 WITHSCORES|ZUNION 2 z1 z2 withscores withscores
ZUNION 2 z1 s1 WITHSCORES|ZUNION 3 z1 z2 z3 WITHSCORES
ZUNION 2 z1 z1 WITHSCORES|ZUNION 2 s1 s1 WITHSCORES|ZUNION 2 none z1
ZUNION 2 z1 str|ZUNION 2 none str|ZUNION 1 str WEIGHTS x|ZUNION 1 str junk
ZUNION 2 z1 z2 WEIGHTS 1 2 WITHSCORES|ZUNION 2 z1 z2 WEIGHTS 1
ZUNION 2 z1 z2 WEIGHTS|ZUNION 2 z1 z2 WEIGHTS x 1|ZUNION 2 z1 z2 WEIGHTS nan 1
ZUNION 2 z1 z2 WEIGHTS 1 x|ZUNION 2 z1 z2 WEIGHTS inf -inf WITHSCORES
ZUNION 2 z1 z2 WEIGHTS 0.25 0 WITHSCORES
ZUNION 2 z1 s1 WEIGHTS 2 0.5 WITHSCORES
ZUNION 2 z1 z2 WEIGHTS 1 2 WEIGHTS 3 4 WITHSCORES
ZUNION 2 z1 z2 WEIGHTS 1 2 3|ZUNION 2 z1 z2 WEIGHTS 1e400 1
ZUNION 2 z1 z2 AGGREGATE|ZUNION 2 z1 z2 AGGREGATE avg
ZUNION 2 z1 z2 AGGREGATE SUM WITHSCORES|ZUNION 2 z1 z2 aggregate min withscores
ZUNION 2 z1 z2 WITHSCORES Aggregate Max
ZUNION 2 z1 z2 AGGREGATE MIN AGGREGATE MAX WITHSCORES
ZUNION 2 z1 z2 WEIGHTS -1 2 AGGREGATE MIN WITHSCORES
ZUNION 2 z2 z1 WEIGHTS 0.5 3 AGGREGATE MAX WITHSCORES
ZUNION 2 z1 z2 LIMIT 1|ZUNION 2 z1 z2 junk|ZUNION 3 big z1 s1 WITHSCORES
ZINTER|ZINTER 1|ZINTER 0 z1|ZINTER 2 z1|ZINTER 1 z1 WITHSCORES
ZINTER 2 z1 z2 WITHSCORES|ZINTER 2 z2 z1 WEIGHTS 2 3 WITHSCORES
ZINTER 3 z1 z2 s1 AGGREGATE MIN WITHSCORES|ZINTER 3 z1 z2 none
ZINTER 3 z1 z2 big AGGREGATE MAX WITHSCORES|ZINTER 2 z1 str|ZINTER 2 none str
ZINTER 2 z1 z1 WITHSCORES|ZINTER 2 z1 z1 WEIGHTS 1 -1 WITHSCORES
ZINTER 2 z1 s1 WEIGHTS inf 1 WITHSCORES|ZINTER 2 s1 z1 WEIGHTS 0 -1 WITHSCORES
ZINTER 2 z1 z2 WEIGHTS inf inf AGGREGATE MIN WITHSCORES
ZINTER 2 z1 z2 LIMIT 1|ZINTER 2 z1 z2 WEIGHTS 1|ZINTER 2 s1 s1
ZDIFF|ZDIFF 1|ZDIFF 0 z1|ZDIFF 2 z1|ZDIFF 1 z1 WITHSCORES
ZDIFF 2 z1 z2 WITHSCORES|ZDIFF 2 z2 z1 WITHSCORES|ZDIFF 2 z1 s1 WITHSCORES
ZDIFF 2 s1 z1 WITHSCORES|ZDIFF 2 z1 z1|ZDIFF 3 z1 none z2|ZDIFF 2 none z1
ZDIFF 2 z1 z2 WEIGHTS 1 2|ZDIFF 2 z1 z2 AGGREGATE SUM|ZDIFF 2 z1 str
ZDIFF 8 big z1 z2 z3 s1 none z1 z2 WITHSCORES|ZDIFF 2 big z1 WITHSCORES
ZDIFF 8 z1 s1 s1 s1 s1 s1 s1 s1 WITHSCORES
ZINTERCARD|ZINTERCARD 1|ZINTERCARD 0 z1|ZINTERCARD x z1|ZINTERCARD 2 z1
ZINTERCARD 2 z1 z2|ZINTERCARD 2 z1 s1|ZINTERCARD 3 z1 z2 none
ZINTERCARD 2 z1 z2 LIMIT|ZINTERCARD 2 z1 z2 LIMIT 2|ZINTERCARD 2 z1 z2 limit 0
ZINTERCARD 2 z1 z2 LIMIT -1|ZINTERCARD 2 z1 z2 LIMIT x|ZINTERCARD 2 z1 str
ZINTERCARD 2 z1 z2 LIMIT 3 LIMIT 1|ZINTERCARD 2 z1 z2 WITHSCORES
ZINTERCARD 2 z1 z2 WEIGHTS 1 2|ZINTERCARD 2 z1 z2 AGGREGATE SUM
""".strip().replace("\n", "|").split("|")


@pytest.mark.parametrize("command", ANSWERS)
def test_answers(pair, command):
    prepare(pair)
    pair.same(*command.split(" "))


@pytest.mark.parametrize("command", [
    one for one in ANSWERS if not one.startswith("ZINTERCARD")])
def test_stored(pair, command):
    """The same, stored: under a new key, over what has another type, over one
    of the sources."""
    prepare(pair)
    name, *words = command.split(" ")
    for target in ("dst", "str", "z1", "s1"):
        pair.same("PEXPIREAT", target, "4102444800000")
        pair.same(name + "STORE", target, *words)
        pair.all_same("TYPE " + target, "PEXPIRETIME " + target, "DBSIZE",
                      "ZCARD " + target)
        same_contents(pair, "dst", "z1", "s1")
        pair.same(name + "STORE", target, *[
            one for one in words if one.lower() != "withscores"])
        same_contents(pair, "dst", "z1", "s1")


def test_scores_of_resp3_are_doubles(pair):
    prepare(pair)
    reply = pair.ours.call("ZUNION", 2, "z1", "s1", "WITHSCORES")
    if pair.protocol == 3:
        assert all(type(one) is list and type(one[1]) is Double
                   for one in reply)
        assert reply[0] == [b"f", Double(b"-inf")]
        assert [one[0] for one in reply] == pair.ours.call(
            "ZUNION", 2, "z1", "s1")
    else:
        assert reply[:4] == [b"f", b"-inf", b"d", b"-1.5"]
        assert reply[::2] == pair.ours.call("ZUNION", 2, "z1", "s1")


def test_sums_are_made_in_redis_order(pair):
    """From the smallest source to the largest; of equal ones the first first.
    0.1 + 0.2 + 1e16 is not 1e16 + 0.2 + 0.1."""
    pair.uses("small", "large", "middle")
    pair.same("ZADD", "large", "1e16", "a", "1", "b", "1", "c", "1", "d")
    pair.same("ZADD", "middle", "1.1", "a", "1", "x", "1", "y")
    pair.same("ZADD", "small", "1.3", "a", "1", "x")
    keys = ["small", "middle", "large"]
    for _ in range(10):
        random.shuffle(keys)
        for name in ("ZUNION", "ZINTER"):
            assert pair.same(name + "STORE", "dst", 3, *keys) > 0
            ours, theirs = [float(side.call("ZSCORE", "dst", "a"))
                            for side in (pair.ours, pair.theirs)]
            assert ours == theirs
    assert (1e16 + 1.1) + 1.3 != (1.3 + 1.1) + 1e16


def test_infinity_and_no_number(pair):
    pair.same("ZADD", "k", "inf", "a", "-inf", "b", "0", "c", "1", "d")
    pair.same("ZADD", "k2", "-inf", "a", "-inf", "b", "inf", "c", "inf", "d")
    for first in ("0", "inf", "-inf", "1", "-1"):
        for second in ("0", "inf", "-inf", "1", "-1"):
            for aggregate in ("SUM", "MIN", "MAX"):
                for name in ("ZUNIONSTORE", "ZINTERSTORE"):
                    pair.same(name, "k3", 2, "k", "k2", "WEIGHTS", first,
                              second, "AGGREGATE", aggregate)
                    ours, theirs = [
                        [float(one) for one in
                         side.call("ZMSCORE", "k3", *"abcd")]
                        for side in (pair.ours, pair.theirs)]
                    assert ours == theirs, (first, second, aggregate, name)


def test_within_a_transaction(pair):
    prepare(pair)
    pair.to_disk()
    pair = Pair(pair.server, pair.redis, "warm", pair.protocol)
    pair.all_same("MULTI", "ZADD k 1 a 2 b", "ZUNIONSTORE dst 2 k z1",
                  "ZINTERSTORE dst 2 dst k WEIGHTS 2 1", "ZCARD dst",
                  "ZDIFFSTORE k 2 k dst", "EXISTS k",
                  "ZUNION 1 dst WITHSCORES",
                  "ZINTERCARD 2 dst z1", "EXEC")


def test_many_keys(pair):
    """More sources than stand on the stack."""
    prepare(pair)
    keys = ["z1", "z2", "s1", "z3", "big"] * 40
    weights = [i % 7 for i in range(200)]
    for name in ("ZUNION", "ZINTER"):
        pair.same(name, 200, *keys, "WEIGHTS", *weights, "WITHSCORES")
    pair.same("ZDIFF", 200, *keys, "WITHSCORES")
    pair.same("ZINTERCARD", 200, *keys, "LIMIT", 1)


# --- events ------------------------------------------------------------------

def test_events(pair):
    prepare(pair)
    listeners = Listeners(pair)
    heard = []
    for command in """ZUNIONSTORE dst 2 z1 z2|ZUNIONSTORE dst 2 z1 none
ZINTERSTORE dst 2 z1 none|ZINTERSTORE dst 1 none|ZDIFFSTORE dst 1 z1
ZDIFFSTORE dst 2 z1 z1|ZDIFFSTORE none 1 none|ZUNIONSTORE str 1 s1
ZUNIONSTORE str 1 none|ZUNION 2 none z1|ZINTER 1 none|ZDIFF 2 z1 none
ZINTERCARD 2 none none|ZUNION 2 none str2|ZINTERSTORE z1 2 z1 s1
ZUNIONSTORE dst 0 none|ZUNION 1 none junk""".replace("\n", "|").split("|"):
        pair.same(*command.split(" "))
        heard += listeners.same()
    listeners.close()
    assert {text for channel, text in heard if "keyspace" in channel} == {
        "zunionstore", "zinterstore", "zdiffstore", "new", "del", "keymiss"}


# --- encodings ---------------------------------------------------------------

def test_encodings(pair):
    pair.uses("a", "b", "long", "dst")
    add_many(pair, "ZADD", "a", flat([i, i] for i in range(128)))
    add_many(pair, "ZADD", "b", flat([i, i] for i in range(1, 129)))
    pair.same("ZADD", "long", "1", "x" * 65, "2", "1")
    for command in ("ZUNIONSTORE dst 1 a", "ZUNIONSTORE dst 2 a b",
                    "ZINTERSTORE dst 2 a b", "ZDIFFSTORE dst 2 a b",
                    "ZUNIONSTORE dst 1 long", "ZINTERSTORE dst 2 long a",
                    "ZDIFFSTORE dst 2 long a"):
        pair.all_same(command, "OBJECT ENCODING dst")


# --- every size, on disk and back --------------------------------------------

SIZES = [1, 127, 128, 129, 511, 512, 513, 3000]


@pytest.fixture(scope="module", params=[2, 3])
def tiny(request):
    """Little memory: objects come from disk and go there all the time."""
    with Server(cache_max_memory="16mb", enable_debug_command="yes") as ours, \
            RedisServer() as theirs:
        yield Pair(ours, theirs, "warm", request.param)


def run_all(pair, keys, commands):
    pair.uses(*keys)
    for command in commands:
        pair.to_disk()
        pair.same(*command.split(" "))
    assert pair.ours.call("DEBUG", "CHECK") == OK


def members(kind, count):
    if kind == "numbers":
        return [i * 7919 - 3000 for i in range(count)]
    if kind == "long":
        return ["%d" % i * (1 + i % 40) for i in range(count)]
    return [i if i % 3 else "m%d" % i for i in range(count)]


@pytest.mark.parametrize("kind", ["numbers", "mixed", "long"])
@pytest.mark.parametrize("size", SIZES)
def test_sizes(tiny, kind, size):
    tiny.begin()
    names = members(kind, size)
    some = random.Random(size)
    for key, mine in (("a", names), ("b", names[::2] + ["only b"]),
                      ("c", names[::3] + names[:5])):
        add_many(tiny, "ZADD", key, flat(
            [some.randrange(-50, 50), one] for one in mine))
    add_many(tiny, "SADD", "s", names[1::2] + ["only s"])
    run_all(tiny, ["a", "b", "c", "s", "d"], [
        "ZUNION 2 a b WITHSCORES", "ZUNION 4 a b c s WEIGHTS 1 2 3 4",
        "ZINTER 3 a b c WITHSCORES", "ZINTER 2 s a WITHSCORES",
        "ZDIFF 2 a b WITHSCORES", "ZDIFF 6 a c c c c c WITHSCORES",
        "ZDIFF 2 b s WITHSCORES", "ZINTERCARD 2 a b",
        "ZUNIONSTORE d 3 a b s AGGREGATE MAX", "ZUNION 1 d WITHSCORES",
        "ZINTERSTORE d 2 d c", "ZUNION 1 d WITHSCORES",
        "ZDIFFSTORE d 2 a d", "ZUNION 1 d WITHSCORES", "ZCARD d",
        "ZUNIONSTORE s 2 s d WEIGHTS 2 1", "ZUNION 1 s WITHSCORES"])


def test_large_ones(start_server, start_redis):
    """100,000 members, from disk each time; and all there after a crash."""
    pair = Pair(start_server(cache_max_memory="96mb", cache_flush_delay="1h",
                             enable_debug_command="yes"), start_redis())
    some = random.Random(6)
    names = list(range(100_000))
    some.shuffle(names)
    add_many(pair, "ZADD", "a", flat(
        [some.randrange(1000), one] for one in names), 20_000)
    add_many(pair, "ZADD", "b", flat(
        [some.randrange(1000), "m%d" % one if one % 3 else one]
        for one in names[:30_000]), 20_000)
    add_many(pair, "SADD", "s", names[50_000:], 10_000)
    run_all(pair, ["a", "b", "s", "d"], [
        "ZUNION 3 a b s WITHSCORES", "ZINTER 2 a s WITHSCORES",
        "ZDIFF 2 a s WITHSCORES", "ZINTERCARD 2 a b",
        "ZUNIONSTORE d 3 a b s WEIGHTS 1 2 3 AGGREGATE MIN",
        "ZDIFFSTORE a 2 d b", "ZINTERSTORE b 2 d s", "ZCARD d"])
    assert pair.ours.call("CACHE", "FLUSH") == OK
    pair.server.kill9()
    pair.server.start()
    again = Pair(pair.server, pair.redis)
    for key in "abds":
        again.same("ZUNION", 1, key, "WITHSCORES")
    assert again.ours.call("DEBUG", "CHECK") == OK


def test_a_stored_one_can_be_changed(pair):
    """What ZUNIONSTORE made is a sorted set like any other."""
    add_many(pair, "ZADD", "k", flat([i % 10, i] for i in range(300)))
    pair.same("ZUNIONSTORE", "k2", 1, "k")
    pair.same("ZADD", "k2", *flat([i % 7, i] for i in range(0, 600, 2)))
    pair.same("ZREM", "k2", *range(0, 600, 3))
    pair.same("ZCARD", "k2")
    same_contents(pair, "k2", "k")


def test_what_a_transaction_made_is_bounded_too(start_server):
    """Sizes are not known before it runs."""
    server = start_server(cache_max_memory="16mb", enable_debug_command="yes")
    client = server.raw()
    client.call("MULTI")
    for key in "abcd":
        for number in range(12):
            client.call("SADD", key, b"%s%d" % (key.encode(), number)
                        + b"x" * 60_000)
    client.call("ZUNION", 4, *"abcd")
    client.call("ZUNIONSTORE", "e", 4, *"abcd")
    client.call("SUNION", *"abcd")
    replies = client.call("EXEC")
    assert replies[:-3] == [1] * 48
    assert replies[-3] == OOM and replies[-1] == OOM
    assert replies[-2] in (OOM, 48)
    assert client.call("DEBUG", "CHECK") == OK


# --- a crash -----------------------------------------------------------------

def before(client):
    for first in range(0, 2000, 500):
        numbers = range(first, first + 500)
        client.call("ZADD", "from", *flat(
            [i % 9, "m%d" % i] for i in numbers))
        client.call("ZADD", "to", *flat(
            [i % 5, "n%d" % i] for i in numbers))
    client.call("SADD", "few", "m5", "x")
    client.call("SET", "old", "string")


def change(client):
    assert client.call("ZUNIONSTORE", "union", 2, "from", "to") == 4000
    assert client.call("ZUNIONSTORE", "old", 2, "few", "to") == 2002
    assert client.call("ZDIFFSTORE", "few", 2, "few", "from") == 1
    assert client.call("ZINTERSTORE", "from", 2, "from", "few") == 0
    assert client.call("ZUNIONSTORE", "to", 1, "to", "WEIGHTS", 2) == 2000


def shown(client):
    state = {}
    for key in ("from", "to", "few", "old", "union"):
        reply = client.call("ZUNION", 1, key, "WITHSCORES")
        state[key] = (str(client.call("TYPE", key)),
                      str(reply) if isinstance(reply, Error) else reply)
    return state


def test_a_crash_leaves_all_or_nothing(start_server):
    """Killed before and after each write of a flush."""
    server = steered(start_server)

    def begin():
        client = server.raw()
        assert client.call("CONFIG", "SET", "cut-max", "0") == OK
        client.call("FLUSHALL")
        before(client)
        flush(server)
        state = shown(client)
        change(client)
        return state, shown(client)

    old, new = begin()
    assert all(old[key] != new[key] for key in old)
    count = store_counts(server)["write_begun"]
    flush(server)
    writes = store_counts(server)["write_begun"] - count
    seen = []
    for number in range(1, writes + 1):
        for side in ("before", "after"):
            begin()
            order(server, "crash write %d %s" % (number, side))
            client = server.raw()
            client.send("CACHE", "FLUSH")
            assert server.wait_exit() == 137
            server.start()
            state = shown(server.raw())
            assert state in (old, new)
            seen.append(state == new)
            assert server.call("DEBUG", "CHECK") == OK
    assert seen[0] is False and seen[-1] is True
    assert seen == sorted(seen)
