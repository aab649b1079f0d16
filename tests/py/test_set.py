"""Sets, beside redis-server: of every size, in memory and on disk only, in
both protocols; members picked at random; what is refused; what a crash leaves.
ZUNION and its like are in test_zset_algebra.py, which command takes which
arguments also in test_differential.py."""

import collections
import random

import pytest

from lib.members import (OK, OOM, Listeners, add_many, same_members, to_disk)
from lib.pair import Pair, pair, pair_of_module
from lib.resp import Error, Set, Simple
from lib.server import RedisServer, Server
from lib.steer import flush, order, steered, store_counts

SETS = ["s1", "s2", "s3", "s4", "none", "str"]

# --- what each command answers -----------------------------------------------


def prepare(pair):
    pair.uses(*SETS, "z", "dst")
    pair.same("SADD", "s1", "1", "2", "3", "a", "b", "")
    pair.same("SADD", "s2", "2", "3", "b", "c", "02")
    pair.same("SADD", "s3", "3", "b", "a", "9223372036854775807",
              "9223372036854775808", "-0")
    pair.same("SADD", "s4", *range(1, 40))
    pair.same("ZADD", "z", "1", "a")
    pair.same("SET", "str", "text")


@pytest.mark.parametrize("command", """
SADD|SADD k|SADD str a|SADD z a|SADD s1 1 1 4|SADD s1 1|SADD k a a|SADD k ""
SREM|SREM s1|SREM str a|SREM none a|SREM s1 x|SREM s1 1 1 x a|SCARD|SCARD s1
SCARD none|SCARD str|SCARD s1 s2|SISMEMBER s1|SISMEMBER s1 1|SISMEMBER s1 01
SISMEMBER s1 x|SISMEMBER none x|SISMEMBER str x|SISMEMBER s1 a b
SMISMEMBER|SMISMEMBER s1|SMISMEMBER s1 1|SMISMEMBER s1 1 01 a x 1
SMISMEMBER none a b|SMISMEMBER str a|SMISMEMBER s3 -0 0 9223372036854775808
SMOVE|SMOVE s1 s2|SMOVE s1 s2 a b|SMOVE s1 s2 a|SMOVE s1 s2 x|SMOVE s1 s2 b
SMOVE s1 s1 a|SMOVE s1 s1 x|SMOVE none s1 a|SMOVE none str a|SMOVE str none a
SMOVE s1 str a|SMOVE s1 str x|SMOVE str s1 a|SMOVE s1 dst a|SMOVE none none a
SMOVE str str a|SMOVE s1 z x|SMOVE none z a
SINTERCARD|SINTERCARD 1|SINTERCARD 0 s1|SINTERCARD -1 s1|SINTERCARD x s1
SINTERCARD 2 s1|SINTERCARD 9223372036854775808 s1|SINTERCARD 1 s1
SINTERCARD 9223372036854775807 s1
SINTERCARD 2 s1 s2|SINTERCARD 2 s1 s2 LIMIT|SINTERCARD 2 s1 s2 LIMIT 1
SINTERCARD 2 s1 s2 limit 0|SINTERCARD 2 s1 s2 LIMIT -1
SINTERCARD 2 s1 s2 LIMIT x|SINTERCARD 2 s1 s2 LIMIT 99 LIMIT 1
SINTERCARD 2 s1 s2 LIMIT 1 2|SINTERCARD 2 s1 str|SINTERCARD 2 none str
SINTERCARD 1 str LIMIT x|SINTERCARD 3 s1 s2 none|SINTERCARD 1 s1 s2
SPOP|SPOP none|SPOP none 3|SPOP none -1|SPOP none x|SPOP str|SPOP str 3
SPOP s1 0|SPOP s1 -1|SPOP s1 x|SPOP s1 1 2|SPOP none 0|SPOP str 0
SPOP s1 9223372036854775808|SPOP s1 -9223372036854775808
SRANDMEMBER|SRANDMEMBER none|SRANDMEMBER none 3|SRANDMEMBER none -3
SRANDMEMBER none x|SRANDMEMBER str|SRANDMEMBER str 3|SRANDMEMBER str -3
SRANDMEMBER s1 0|SRANDMEMBER s1 x|SRANDMEMBER s1 1 2|SRANDMEMBER str 0
SRANDMEMBER s1 -9223372036854775808|SRANDMEMBER s1 9223372036854775808
SRANDMEMBER none -9223372036854775807
SUNION|SDIFF|SINTER|SMEMBERS|SMEMBERS s1 s2|SUNIONSTORE|SUNIONSTORE dst
SDIFFSTORE dst|SINTERSTORE dst|SUNIONSTORE dst str|SDIFFSTORE dst s1 str
SINTERSTORE dst none str|SINTERSTORE dst z s1
""".strip().replace("\n", "|").split("|"))
def test_replies(pair, command):
    prepare(pair)
    pair.same(*['' if word == '""' else word for word in command.split(" ")])
    pair.all_same("SCARD s1", "SCARD s2", "EXISTS dst str none k s3 s4")
    for key in ("s1", "s2", "dst", "k"):
        same_members(pair, "SMEMBERS", key)


SOURCES = ["s1", "s1 s2", "s2 s1", "s1 s2 s3", "s4 s1", "s1 s4", "s1 s1",
           "s1 none", "none s1", "none", "none none", "s3 s1 s2 s4",
           "s4 s1 s2 s3", "s1 str", "none str s1", "str", "s1 z", "z s1",
           "s4 s1 s2 s3 s1 s2 s3 s4"]


@pytest.mark.parametrize("name", ["SINTER", "SUNION", "SDIFF"])
@pytest.mark.parametrize("sources", SOURCES)
def test_algebra(pair, name, sources):
    prepare(pair)
    found = same_members(pair, name, *sources.split())
    for target in ("dst", "s1", "s3", "str"):
        pair.same("PEXPIREAT", target, "4102444800000")
        count = pair.same(name + "STORE", target, *sources.split())
        if isinstance(found, Error):
            assert count == found
        elif target != "s1" and "s1" in sources.split():
            assert isinstance(count, int) or target == "s3"
        pair.all_same("TYPE " + target, "PEXPIRETIME " + target, "DBSIZE")
        if pair.ours.call("TYPE", target) == Simple("set"):
            same_members(pair, "SMEMBERS", target)


def test_the_destination_may_be_a_source(pair):
    prepare(pair)
    assert pair.same("SUNIONSTORE", "s1", "s1", "s2") == 8
    assert pair.same("SINTERSTORE", "s2", "s1", "s2") == 5
    assert pair.same("SDIFFSTORE", "s3", "s3", "s1") == 3
    assert pair.same("SDIFFSTORE", "s1", "s1", "s1") == 0
    assert pair.same("EXISTS", "s1") == 0
    for key in ("s1", "s2", "s3"):
        same_members(pair, "SMEMBERS", key)


def test_replies_of_resp3(pair):
    prepare(pair)
    if pair.protocol == 2:
        return
    for command in ("SINTER s1 s2", "SUNION s1", "SDIFF s1", "SDIFF none",
                    "SMEMBERS s1", "SMEMBERS none", "SPOP s4 3", "SPOP none 3",
                    "SPOP s1 0", "SDIFF s1 s2 s3 s4 none", "SUNION none",
                    "SINTER none s1"):
        assert type(pair.ours.call(*command.split())) is Set, command
    for command in ("SRANDMEMBER s2 2", "SRANDMEMBER none 2",
                    "SRANDMEMBER s2 -2", "SMISMEMBER s2 2"):
        assert type(pair.ours.call(*command.split())) is list, command


def test_within_a_transaction(pair):
    """What they need may be on disk only when EXEC comes."""
    prepare(pair)
    pair.to_disk()
    pair = Pair(pair.server, pair.redis, "warm", pair.protocol)
    pair.all_same("MULTI", "SADD k a b c", "SMISMEMBER k a d",
                  "SMOVE k s1 c", "SUNIONSTORE dst k s1 s2", "SCARD dst",
                  "SINTERCARD 2 dst k", "SDIFFSTORE dst dst s2", "SCARD dst",
                  "SPOP k 5 6", "SINTERSTORE k none k", "EXISTS k", "EXEC")
    pair.all_same("WATCH s1", "SUNIONSTORE s1 s1 s2", "MULTI", "SCARD s1",
                  "EXEC")


# --- encodings: 7.2 has listpacks, which 7.0 does not know -------------------

def encoding(client, key="k"):
    return client.call("OBJECT", "ENCODING", key).decode()


def fresh(client, *members, key="k"):
    client.call("DEL", key)
    assert isinstance(client.call("SADD", key, *members), int)


NUMBERS = list(range(513))


@pytest.mark.parametrize("members, expected", [
    (["1"], "intset"), (["a"], "listpack"), (NUMBERS[:512], "intset"),
    (NUMBERS, "hashtable"), (["a"] * 128, "listpack"),
    (["a"] * 129, "hashtable"), (["1"] * 513, "hashtable"),
    (NUMBERS[:127] + ["a"], "listpack"), (NUMBERS[:128] + ["a"], "hashtable"),
    (["x" * 64], "listpack"), (["x" * 65], "hashtable"),
    (["1", "x" * 65], "hashtable"), (["-0"], "listpack")])
def test_encoding_of_a_new_set(server, members, expected):
    client = server.raw()
    fresh(client, *members)
    assert encoding(client) == expected
    to_disk(client, "k")
    assert encoding(client) == expected


def test_encodings_of_what_is_stored(server):
    client = server.raw()
    fresh(client, *NUMBERS[:300], key="n")
    fresh(client, *NUMBERS[200:], key="n2")
    fresh(client, *["m%d" % i for i in range(200)], key="m")
    fresh(client, "m0", "m1", "5", "6", key="few")
    fresh(client, "m0", "x" * 65, key="long")
    for command, expected in [
            ("SINTERSTORE k n few", "intset"),
            ("SINTERSTORE k m few", "listpack"),
            ("SUNIONSTORE k n n2", "hashtable"),
            ("SUNIONSTORE k n", "intset"),
            ("SUNIONSTORE k few", "listpack"),
            ("SUNIONSTORE k m few", "hashtable"),
            ("SUNIONSTORE k long", "hashtable"),
            ("SINTERSTORE k long m", "listpack"),
            # By asking the other: only what is left counts.
            ("SDIFFSTORE k n few", "intset"),
            ("SDIFFSTORE k m n n", "hashtable"),
            # By taking from all of the first, which was a hashtable.
            ("SDIFFSTORE k m m few few few few few few", None),
            ("SDIFFSTORE k few m", "intset")]:
        client.call(*command.split())
        if expected is None:
            assert client.call("EXISTS", "k") == 0
        else:
            assert encoding(client) == expected, command
    for _ in range(2):
        client.call("SUNIONSTORE", "big", "m", "n")
        client.call("SDIFFSTORE", "k", "big", "n", *["few"] * 8)
    # 500 - 300 - 2, taken from the first as that is less work.
    assert client.call("SCARD", "k") == 198


@pytest.mark.parametrize("taken, expected", [
    (100, "hashtable"), (830, "hashtable"), (871, "hashtable"),
    (872, "listpack"), (999, "listpack")])
def test_encoding_of_what_spop_leaves(server, taken, expected):
    """If few stay, Redis makes a new set of them; ours is like that."""
    client = server.raw()
    for first in range(0, 1000, 100):
        client.call("SADD", "k", *["m%d" % i
                                   for i in range(first, first + 100)])
    assert len(client.call("SPOP", "k", taken)) == taken
    assert encoding(client) == expected
    to_disk(client, "k")
    assert encoding(client) == expected


# --- at random ---------------------------------------------------------------

def chi_square(counts, kinds):
    """Far above kinds only if some come oftener than others."""
    mean = sum(counts.values()) / kinds
    return sum((counts[kind] - mean) ** 2 / mean for kind in range(kinds))


# Of 20 kinds: beyond this once in a million runs.
TOO_FAR = 65


@pytest.mark.parametrize("size", [20, 2000])
@pytest.mark.parametrize("command", ["SRANDMEMBER k", "SRANDMEMBER k -7",
                                     "SRANDMEMBER k 7", "SPOP k",
                                     "SPOP k 7"])
def test_each_member_has_the_same_chance(server, size, command):
    """20 kinds of members, in a page or a tree. What is taken comes back."""
    client = server.raw()
    members = [b"%d" % i for i in range(size)]
    client.call("SADD", "k", *members)
    counts = collections.Counter()
    rounds = 400
    words = command.split()
    for _ in range(rounds // 50):
        batch = [words] * 50
        if words[0] == "SPOP":
            batch = [["SUNIONSTORE", "k", "all"], words] * 50
            client.call("SUNIONSTORE", "all", "k")
            client.call("SADD", "all", *members)
        for reply in client.pipeline(batch):
            if isinstance(reply, int):
                continue
            picked = reply if isinstance(reply, list) else [reply]
            for one in picked:
                counts[int(one) * 20 // size] += 1
            if words[-1] == "7":
                assert len(set(picked)) == 7
    assert sum(counts.values()) == rounds * (7 if words[-1][-1] == "7" else 1)
    assert chi_square(counts, 20) < TOO_FAR


@pytest.mark.parametrize("size", [1, 5, 129, 3000])
def test_counts_of_random_members(pair, size):
    members = ["%d" % i if i % 2 else "m%d" % i for i in range(size)]
    known = {member.encode() for member in members}
    add_many(pair, "SADD", "k", members)
    for count in (0, 1, size // 2, size - 1, size, size + 1, 2 ** 63 - 1,
                  -1, -size, -2 * size):
        pair.to_disk()
        reply = pair.ours.call("SRANDMEMBER", "k", count)
        if count < 0:
            assert len(reply) == -count and set(reply) <= known
        else:
            assert len(reply) == min(count, size) == len(set(reply))
            assert set(reply) <= known
    assert pair.ours.call("SCARD", "k") == size


@pytest.mark.parametrize("size", [1, 5, 129, 3000])
def test_pops_take_what_they_answer(pair, size):
    members = ["%d" % i if i % 2 else "m%d" % i for i in range(size)]
    left = {member.encode() for member in members}
    add_many(pair, "SADD", "k", members)
    for count in (1, None, size // 10, size // 2, size // 4, 2 ** 63 - 1):
        pair.to_disk()
        words = ["SPOP", "k"] + ([] if count is None else [count])
        reply = pair.ours.call(*words)
        if count is None:
            if not left:
                assert reply is pair.null
                continue
            reply = [reply]
        assert len(set(reply)) == len(reply) == min(
            len(left), 1 if count is None else count)
        assert set(reply) <= left
        left -= set(reply)
        assert sorted(pair.ours.call("SMEMBERS", "k")) == sorted(left)
    assert not left and pair.ours.call("EXISTS", "k") == 0


# --- events ------------------------------------------------------------------

def test_events(pair):
    prepare(pair)
    listeners = Listeners(pair)
    heard = []
    for command in """SADD k a|SADD k a|SADD k b|SREM k x|SREM k a|SREM k b
SMOVE s1 s2 a|SMOVE s1 s2 a|SMOVE s1 s2 b|SMOVE s1 s1 1|SMOVE s1 dst 1
SMOVE dst dst 1|SMOVE dst s2 1|SMOVE none s1 a|SADD dst x|SMOVE dst s1 x
SPOP none|SPOP none 3|SADD k a b|SPOP k 5|SADD k a|SPOP k|SADD k a|SPOP k 1
SPOP s1 0|SMISMEMBER none a|SISMEMBER none a|SCARD none|SMEMBERS none
SRANDMEMBER none|SINTER none s1 none|SUNION s1 none|SDIFF none
SINTERCARD 1 none|SINTER none str none|SUNIONSTORE dst s1 none
SUNIONSTORE dst s1|SINTERSTORE dst s1 none|SINTERSTORE dst none
SDIFFSTORE dst s1|SDIFFSTORE dst s1 s1|SDIFFSTORE none none
SINTERSTORE s2 s1 s1|SUNIONSTORE str s1|SUNIONSTORE str none
SET k v EXAT 1;SADD k a|SADD k a|EXPIREAT k 1;SUNIONSTORE dst k s1""" \
            .replace("\n", "|").split("|"):
        for words in command.split(";"):
            words = words.split(" ")
            if words[0] in ("SMEMBERS", "SUNION", "SINTER", "SDIFF") or \
                    words[0] == "SPOP" and len(words) == 3:
                same_members(pair, *words)
            else:
                pair.same(*words)
        heard += listeners.same()
    listeners.close()
    assert {text for channel, text in heard if "keyspace" in channel} == {
        "sadd", "srem", "spop", "del", "new", "keymiss", "expired",
        "sunionstore", "sinterstore", "sdiffstore", "set", "expire"}
    # One that is popped in part: members at random, but what is told is not.
    listeners = Listeners(pair)
    pair.same("SADD", "k", *range(10))
    for side in (pair.ours, pair.theirs):
        side.call("SPOP", "k")
        side.call("SPOP", "k", 4)
        side.call("SPOP", "k", 4)
        side.call("SPOP", "k", 1)
    assert [one for one in listeners.same() if one[0].endswith("@0__:k")
            and "keyspace" in one[0]] == [
        ("__keyspace@0__:k", text)
        for text in ("new", "sadd", "spop", "spop", "spop", "spop", "del")]
    listeners.close()


# --- every size, on disk and back --------------------------------------------

SIZES = [1, 127, 128, 129, 511, 512, 513, 3000]


@pytest.fixture(scope="module", params=[2, 3])
def tiny(request):
    """Little memory: objects come from disk and go there all the time."""
    with Server(cache_max_memory="16mb", enable_debug_command="yes") as ours, \
            RedisServer() as theirs:
        yield Pair(ours, theirs, "warm", request.param)


def all_same_from_disk(pair, keys, commands):
    pair.uses(*keys)
    for words in commands:
        pair.to_disk()
        same_members(pair, *words) if isinstance(words, tuple) \
            else pair.same(*words)
    assert pair.ours.call("DEBUG", "CHECK") == OK


@pytest.mark.parametrize("kind", ["numbers", "texts", "mixed", "long"])
@pytest.mark.parametrize("size", SIZES)
def test_sizes(tiny, kind, size):
    tiny.begin()
    make = {"numbers": lambda i: i * 7919 - 3000, "texts": lambda i: "m%d" % i,
            "mixed": lambda i: i if i % 3 else "m%d" % i,
            "long": lambda i: "%d" % i * (1 + i % 40)}[kind]
    members = [make(i) for i in range(size)]
    add_many(tiny, "SADD", "a", members)
    add_many(tiny, "SADD", "b", members[::2] + ["only b"])
    add_many(tiny, "SADD", "c", members[::3] + members[:5])
    all_same_from_disk(tiny, ["a", "b", "c", "d"], [
        ["SCARD", "a"], ("SMEMBERS", "a"), ["SMISMEMBER", "a"] + members[:99],
        ("SINTER", "a", "b", "c"), ("SUNION", "a", "b", "c"),
        ("SDIFF", "a", "b"), ("SDIFF", "a", "c", "c", "c", "c", "c"),
        ("SDIFF", "b", "a"), ["SINTERCARD", "2", "a", "b"],
        ["SUNIONSTORE", "d", "a", "b"], ("SMEMBERS", "d"),
        ["SDIFFSTORE", "d", "d", "c"], ("SMEMBERS", "d"),
        ["SINTERSTORE", "d", "a", "c"], ("SMEMBERS", "d"),
        ["SREM", "a"] + members[::2], ("SMEMBERS", "a"),
        ["SMOVE", "b", "a", members[0]], ("SMEMBERS", "b"),
        ("SRANDMEMBER", "c", size), ("SPOP", "c", size), ["EXISTS", "c"]])


def test_large_sets(start_server, start_redis):
    """100,000 members, taken apart and joined again, from disk each time; and
    all of it there after a crash."""
    pair = Pair(start_server(cache_max_memory="48mb", cache_flush_delay="1h",
                             enable_debug_command="yes"), start_redis())
    numbers = list(range(100_000))
    random.Random(5).shuffle(numbers)
    add_many(pair, "SADD", "a", numbers, 5000)
    add_many(pair, "SADD", "b", ["m%d" % i for i in range(3000)] +
             numbers[:40_000], 5000)
    for members in (numbers[20_000:60_000], numbers[:90_000:2]):
        add_many(pair, "SREM", "a", members, 5000)
    all_same_from_disk(pair, ["a", "b", "c", "d"], [
        ["SCARD", "a"], ("SMEMBERS", "a"), ("SINTER", "a", "b"),
        ("SUNION", "a", "b"), ("SDIFF", "a", "b"), ("SDIFF", "b", "a"),
        ["SUNIONSTORE", "c", "a", "b"], ["SINTERSTORE", "d", "a", "c"],
        ["SDIFFSTORE", "a", "c", "b", "d"], ("SMEMBERS", "a"),
        ["SCARD", "d"]])
    taken = pair.ours.call("SPOP", "c", 60_000)
    assert len(set(taken)) == 60_000
    pair.theirs.call("SREM", "c", *taken)
    same_members(pair, "SMEMBERS", "c")
    assert pair.ours.call("CACHE", "FLUSH") == OK
    pair.server.kill9()
    pair.server.start()
    again = Pair(pair.server, pair.redis)
    for key in "abcd":
        same_members(again, "SMEMBERS", key)
    assert again.ours.call("DEBUG", "CHECK") == OK


# --- bounds ------------------------------------------------------------------

def test_absurd_counts_are_refused_at_once(start_server):
    client = start_server(cache_max_memory="16mb").raw()
    client.call("SADD", "k", *range(1000))
    for count in (-10_000_000, -2 ** 62, -(2 ** 63 - 1)):
        assert client.call("SRANDMEMBER", "k", count) == OOM
    assert len(client.call("SRANDMEMBER", "k", -10_000)) == 10_000
    assert len(client.call("SRANDMEMBER", "k", 2 ** 63 - 1)) == 1000
    # What the set is shows only when the transaction runs.
    replies = client.pipeline([
        ("MULTI",), ("SADD", "new", "a", "b"),
        ("SRANDMEMBER", "new", -2 ** 62), ("SPOP", "new", 2 ** 62),
        ("EXEC",)])
    assert replies[-1][:2] == [2, OOM]
    assert sorted(replies[-1][2]) == [b"a", b"b"]


def fill(client, key, first, count, size):
    for number in range(first, first + count):
        assert client.call("SADD", key, b"%d." % number + b"x" * size) == 1


def test_results_that_are_too_large_are_refused(start_server):
    """Sets that are fine alone: their union is more than a set may be, or a
    reply. Nothing has changed then, and memory is free again."""
    server = start_server(cache_max_memory="16mb", enable_debug_command="yes")
    client = server.raw()
    for first, key in enumerate("abce"):
        fill(client, key, 100 * first, 14, 100_000)
    assert client.call("SADD", "d", "old") == 1
    assert client.call("SUNIONSTORE", "d", "a", "b", "c", "e") == OOM
    assert client.call("SUNION", "a", "b") == OOM
    assert client.call("ZUNIONSTORE", "d", 4, "a", "b", "c", "e") == OOM
    assert client.call("ZUNION", 2, "a", "b") == OOM
    assert client.call("SMEMBERS", "d") == [b"old"]
    assert client.call("SUNIONSTORE", "d", "a", "a", "a") == 14
    assert client.call("SINTERSTORE", "d", "a", "b") == 0
    assert client.call("SDIFFSTORE", "d", "a", "b") == 14
    assert client.call("SINTER", "a", "b") == []
    assert len(client.call("SDIFF", "a", "b")) == 14
    assert client.call("ZUNIONSTORE", "d", 1, "a") == 14
    assert client.call("DEL", *"abcde") == 5
    assert client.call("DEBUG", "CHECK") == OK


@pytest.mark.plain_only
@pytest.mark.alone
def test_memory_stays_bounded(start_server):
    """Unions and picks that just fit, and those that do not, one after the
    other from several clients."""
    server = start_server(cache_max_memory="16mb", enable_debug_command="yes")
    client = server.raw()
    for key in range(4):
        for first in range(0, 3000, 1000):
            client.call("SADD", "s%d" % key, *[
                b"%d:%d" % (key, i) * 20 for i in range(first, first + 1000)])
    clients = [server.raw() for _ in range(6)]
    refused = answered = 0
    with server.sample_rss() as sampler:
        for one in clients * 3:
            one.send("SUNION", "s0", "s1", "s2", "s3")
            one.send("SUNIONSTORE", "d", "s0", "s1", "s2")
            one.send("ZUNION", 3, "s0", "s1", "s2", "WITHSCORES")
            one.send("SRANDMEMBER", "s1", -100_000)
            one.send("SRANDMEMBER", "s1", -5000)
        for one in clients * 3:
            for reply in one.recv_many(5):
                refused += reply == OOM
                answered += not isinstance(reply, Error)
    assert refused + answered == 90 and refused >= 18 and answered >= 18
    assert sampler.peak_bytes < 16 * 1.1 * 2 ** 20 + 32 * 2 ** 20
    assert client.call("DEBUG", "CHECK") == OK


def test_a_set_among_many_keys(pair):
    """More sources than stand on the stack, one of them decisive."""
    prepare(pair)
    keys = ["s%d" % (1 + i % 4) for i in range(300)]
    for name in ("SINTER", "SUNION", "SDIFF"):
        same_members(pair, name, *keys)
        same_members(pair, name, *keys, "none")
    pair.same("SINTERCARD", 300, *keys)
    pair.same("SUNIONSTORE", "dst", *keys)
    pair.same("SUNIONSTORE", "dst", *keys, "str")


# --- a crash -----------------------------------------------------------------

def before(client):
    """Two large sets, a small one, one to be replaced."""
    for first in range(0, 2000, 500):
        numbers = list(range(first, first + 500))
        assert client.call("SADD", "from", *["m%d" % i for i in numbers])
        assert client.call("SADD", "to", *["n%d" % i for i in numbers])
    client.call("SADD", "few", "m5", "x")
    client.call("SADD", "alone", "one")
    client.call("SET", "old", "string")


def change(client):
    assert client.call("SMOVE", "from", "to", "m7") == 1
    assert client.call("SMOVE", "alone", "few", "one") == 1
    assert client.call("SUNIONSTORE", "union", "from", "to") == 4000
    assert client.call("SUNIONSTORE", "old", "few", "to") == 2004
    assert client.call("SDIFFSTORE", "few", "few", "from") == 2
    assert client.call("SINTERSTORE", "to", "to", "union") == 2001


def shown(client):
    state = {}
    for key in ("from", "to", "few", "alone", "old", "union"):
        kind = client.call("TYPE", key)
        state[key] = sorted(client.call("SMEMBERS", key)) \
            if kind == Simple("set") else str(kind)
    return state


def test_a_crash_leaves_all_or_nothing(start_server):
    """Killed before and after each write of a flush: all keys are as they
    were, or all as they became."""
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
    assert old["few"] != new["few"] and old["old"] != new["old"]
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
