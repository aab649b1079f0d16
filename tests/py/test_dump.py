"""DUMP and RESTORE, beside redis-server: values of every type and encoding go
from each server to the other, and dumps that no Redis of today makes
(lib/rdb.py) are read alike; what is refused, in which order, and what it
costs."""

import random
import struct

import pytest

from lib import rdb
from lib import grammar  # noqa: F401, before grammar_dump
from lib.grammar_dump import MIXED, RIGHT, WRONG
from lib.members import OK, OOM, Listeners
from lib.pair import Pair, pair, pair_of_module, warm_pair  # noqa: F401
from lib.resp import Error
from lib.server import RedisServer, Server, wait_until

BAD = Error("ERR Bad data format")
WRONG_SUM = Error("ERR DUMP payload version or checksum are wrong")
FAR_MS = 4_102_444_800_000
HELLO = rdb.dump(rdb.STRING, rdb.string(b"hello"))


# --- arguments -------------------------------------------------------------

@pytest.mark.parametrize("options", """
|REPLACE|replace|ABSTTL|REPLACE ABSTTL|REPLACE REPLACE|nonsense|REPLACE x
IDLETIME|IDLETIME 5|IDLETIME 0|IDLETIME -1|IDLETIME x|IDLETIME REPLACE
IDLETIME 9223372036854775808|FREQ|FREQ 5|FREQ 255|FREQ 256|FREQ -1|FREQ x
IDLETIME 5 FREQ 5|FREQ 5 IDLETIME 5|IDLETIME 5 IDLETIME 6|FREQ 1 FREQ 2
FREQ 256 nonsense|nonsense FREQ 256|REPLACE IDLETIME 7 ABSTTL|REPLACE FREQ
""".replace("\n", "|").split("|"))
def test_options(pair, options):
    words = options.split()
    for ttl in ("0", "1000000", "-1", "x", "", "9223372036854775808"):
        for payload in (HELLO, HELLO[:-1] + b"?", b""):
            for there in (False, True):
                pair.same("DEL", "k")
                if there:
                    pair.same("RPUSH", "k", "old")
                pair.same("RESTORE", "k", ttl, payload, *words)
                pair.same("TYPE", "k")


def test_too_few_arguments(pair):
    pair.all_same("DUMP", "DUMP k k2", "RESTORE", "RESTORE k", "RESTORE k 0")
    assert pair.same("DUMP", "k") == pair.null
    # The first that is wrong is told of, in Redis's order.
    pair.same("SET", "k", "v")
    pair.same("RESTORE", "k", "x", "x")
    pair.same("RESTORE", "k", "-1", "x", "REPLACE")
    pair.same("RESTORE", "k", "0", "x", "REPLACE")
    assert pair.same("GET", "k") == b"v"


# --- what both dump --------------------------------------------------------

def words(count, size=5):
    some = random.Random(count * 100 + size)
    return [bytes(some.choice(b"abcdefghij") for _ in range(size))
            for _ in range(count)]


def noise(size):
    return random.Random(size).randbytes(size)


NUMBERS = [0, 1, 127, 128, 4095, 4096, -4096, -4097, 32767, 32768, -32769,
           8388607, 8388608, -8388609, 2147483647, 2147483648, -2147483649,
           9223372036854775807, -9223372036854775808]
STRINGS = [b"", b"00", b"+1", b"a" * 20, b"a" * 21, b"abc" * 5000, noise(500),
           noise(16_384), noise(100_000), b"12345678901", b"123456789012",
           b"x" * 70_000] + [b"%d" % number for number in NUMBERS]
LISTS = [words(10), NUMBERS, words(5000, 7), range(3000), [b""],
         words(9, 3000) + words(9, 9000) + words(3, 20_000),
         [b"a" * size for size in (0, 1, 63, 64, 4095, 4096, 8180, 8192)],
         words(200, 64) + [noise(100_000)]]
INTEGERS = [range(100), range(-5, 5), [100_000, -1], [2**40, 7, -2**62]]
SCORED = [0, 1, -1, 2.5, 1e17, 1e19, 2**62, "inf", "-inf", -0.5, 4096]


def plain_values():
    """(name, the command that makes it): those that are the same bytes."""
    for value in STRINGS:
        yield ["SET", "k", value]
    for value in LISTS:
        yield ["RPUSH", "k", *value]
    for value in INTEGERS:
        yield ["SADD", "k", *value]
    for count in (2, 20, 200):
        yield ["HSET", "k", *words(count)]
    yield ["HSET", "k", "f", "x" * 65]
    yield ["HSET", "k", "n", "17", "m", "-70000", "", "", "x", "1" * 30]
    yield ["ZADD", "k", *[one for i, score in enumerate(SCORED)
                          for one in (score, "m%d" % i)]]
    yield ["ZADD", "k", *[one for i, word in enumerate(words(1000, 9))
                          for one in (i / 4, word)]]
    yield ["ZADD", "k", 1, "z" * 65]


def other_values():
    """And those where the order is that of a hash table."""
    yield ["SADD", "k", *words(20)]
    yield ["SADD", "k", *words(2000, 9)]
    yield ["SADD", "k", *range(1000)]
    yield ["HSET", "k", *words(1000, 9)]
    yield ["HSET", "k", *words(4000, 9)]
    yield ["ZADD", "k", 0.1, "a", 0.7, "b", 1e300, "c"] # in fewer digits


def title(command):
    return "%s-%d" % (command[0].lower(), sum(
        len(str(one)) for one in command[2:]))


def dumps_of_both(pair, *key):
    return [side.call("DUMP", *key) for side in (pair.ours, pair.theirs)]


def restore_each_others(pair, dumps):
    """As k2. What they dump of that says the same again."""
    for side, payload in zip((pair.theirs, pair.ours), dumps):
        assert side.call("RESTORE", "k2", 0, payload) == OK
    if pair.storage == "cold":
        pair.to_disk()
    again = dumps_of_both(pair, "k2")
    assert rdb.value_of(again[0]) == rdb.value_of(again[1]) == \
        rdb.value_of(dumps[0])
    pair.same("TYPE", "k2")
    return again


@pytest.mark.parametrize("command", plain_values(), ids=title)
def test_the_same_bytes(pair, command):
    pair.same(*command)
    dumps = [pair.same("DUMP", "k")] * 2
    assert restore_each_others(pair, dumps) == dumps


@pytest.mark.parametrize("command", other_values(), ids=title)
def test_the_same_value(pair, command):
    pair.same(*command)
    dumps = dumps_of_both(pair, "k")
    assert rdb.value_of(dumps[0]) == rdb.value_of(dumps[1])
    assert dumps[0][0] == dumps[1][0], "another encoding"
    restore_each_others(pair, dumps)


# 7.2, not our oracle, has listpacks of lists and sets.
NEWER = {(b"listpack", b"quicklist"), (b"listpack", b"hashtable")}


def same_encoding(pair):
    ours, theirs = [side.call("OBJECT", "ENCODING", "k")
                    for side in (pair.ours, pair.theirs)]
    assert ours == theirs or (ours, theirs) in NEWER, (ours, theirs)


@pytest.mark.parametrize("payload", RIGHT, ids=lambda one: "%d-%d" % (
    one[0], len(one)))
def test_dumps_of_every_redis(pair, payload):
    pair.same("RESTORE", "k", 0, payload)
    pair.same("TYPE", "k")
    same_encoding(pair)
    ours, theirs = dumps_of_both(pair, "k")
    assert rdb.value_of(ours) == rdb.value_of(theirs)


@pytest.mark.parametrize("payload", WRONG, ids=lambda one: one[:14].hex())
def test_dumps_of_no_redis(pair, payload):
    pair.same("SET", "k", "v")
    pair.same("RESTORE", "k", 0, payload, "REPLACE")
    assert pair.same("GET", "k") == b"v"


@pytest.mark.parametrize("options", [
    {"hash-max-listpack-entries": 100_000, "hash-max-listpack-value": 10_000},
    {"hash-max-listpack-entries": 0, "zset-max-listpack-entries": 0,
     "set-max-intset-entries": 0},
    {"list-max-listpack-size": 3, "list-compress-depth": 1},
    {"list-max-listpack-size": 10_000, "rdbcompression": "no"},
    {"list-max-listpack-size": -5, "zset-max-listpack-entries": 100_000,
     "zset-max-listpack-value": 10_000, "set-max-intset-entries": 100_000},
], ids=lambda options: "-".join(options))
def test_a_redis_with_other_limits(options):
    with Server() as ours, RedisServer() as theirs:
        for name, value in options.items():
            assert theirs.call("CONFIG", "SET", name, value) == OK
        both = Pair(ours, theirs)
        for command in [*plain_values(), *other_values()]:
            both.same("DEL", "k2")
            theirs.call("DEL", "k")
            theirs.call(*command)
            payload = theirs.call("DUMP", "k")
            assert ours.call("RESTORE", "k2", 0, payload) == OK, command[:4]
            back = ours.call("DUMP", "k2")
            assert rdb.value_of(back) == rdb.value_of(payload)
            assert theirs.call("RESTORE", "k2", 0, back) == OK
            both.same("TYPE", "k2")


# --- what only 7.2 knows ---------------------------------------------------

def test_a_listpack_of_a_set_and_version_11(server):
    members = rdb.string(rdb.listpack(MIXED))
    assert server.call("RESTORE", "k", 0,
                       rdb.dump(rdb.SET_LISTPACK, members, version=11)) == OK
    assert server.call("OBJECT", "ENCODING", "k") == b"listpack"
    assert server.call("SCARD", "k") == len(MIXED)
    numbers = rdb.string(rdb.listpack([1, 2, 3]))
    assert server.call("RESTORE", "n", 0,
                       rdb.dump(rdb.SET_LISTPACK, numbers, version=11)) == OK
    assert server.call("OBJECT", "ENCODING", "n") == b"listpack"
    assert server.call("RESTORE", "k2", 0,
                       rdb.dump(rdb.STRING, rdb.string(b"v"),
                                version=12)) == WRONG_SUM


def test_what_we_write_is_version_10(server):
    server.call("SADD", "k", "a", "b")
    payload = server.call("DUMP", "k")
    assert payload[0] == rdb.SET
    assert struct.unpack("<H", payload[-10:-8]) == (10,)


# --- deadlines, events -----------------------------------------------------

def test_deadlines(pair):
    pair.same("RESTORE", "k", FAR_MS, HELLO, "ABSTTL")
    assert pair.same("PEXPIRETIME", "k") == FAR_MS
    pair.same("RESTORE", "k", 0, HELLO, "REPLACE")
    assert pair.same("PTTL", "k") == -1
    many = rdb.dump(rdb.LIST, rdb.strings(words(2000, 9)))
    pair.same("RESTORE", "k", 100_000_000, many, "REPLACE")
    assert pair.near("PTTL", "k", within=20_000) > 90_000_000
    pair.same("RESTORE", "k2", 1, HELLO, "ABSTTL") # has passed
    assert pair.same("EXISTS", "k2") == 0
    pair.same("RESTORE", "k", 1, HELLO, "ABSTTL", "REPLACE")
    assert pair.same("EXISTS", "k") == 0
    pair.same("RESTORE", "k", 2**63 - 1, HELLO) # wraps around
    pair.same("EXISTS", "k")
    pair.same("RESTORE", "k", 2**63 - 1, HELLO, "ABSTTL")
    pair.same("DBSIZE")


def test_events(warm_pair):
    both = warm_pair()
    listeners = Listeners(both)
    large = rdb.dump(rdb.LIST, rdb.strings(words(3000, 9)))
    for payload in (HELLO, large):
        for arguments in (["k", 0, payload], ["k", 0, payload, "REPLACE"],
                          ["k", 10_000_000, payload, "REPLACE"],
                          ["k", 1, payload, "ABSTTL", "REPLACE"],
                          ["k", 1, payload, "ABSTTL", "REPLACE"],
                          ["k", 1, payload, "ABSTTL"],
                          ["k2", 10_000_000, payload], ["k2", 0, payload],
                          ["k2", 0, b"x", "REPLACE"]):
            both.same("RESTORE", *arguments)
            listeners.same()
        both.same("DUMP", "none")
        assert listeners.same()[0][1] == "keymiss"
        both.same("DEL", "k2")
        assert ("__keyevent@0__:del", "k2") in listeners.same()
    listeners.close()


def test_watched_and_waited_for(pair):
    for arguments in (["REPLACE"], ["REPLACE"], []):
        # Nil, but for the third: nothing was changed.
        in_one_go(pair, ["WATCH", "k"], ["RESTORE", "k", 0, HELLO, *arguments],
                  ["MULTI"], ["PING"], ["EXEC"])
    list_of_two = rdb.dump(rdb.LIST, rdb.strings([b"a", b"b"]))
    others = [pair.server.raw(), pair.redis.raw()]
    for other, side in zip(others, (pair.ours, pair.theirs)):
        wait_for_blocked(other, side, "BLPOP", "k", 0)
    pair.same("RESTORE", "k", 0, list_of_two, "REPLACE")
    for other in others:
        assert other.recv() == [b"k", b"a"]
        other.close()
    assert pair.same("LRANGE", "k", 0, -1) == [b"b"]


def in_one_go(pair, *commands):
    """Without putting the keys on disk between them."""
    if pair.storage == "cold":
        pair.to_disk()
    for command in commands:
        ours, theirs = [side.call(*command)
                        for side in (pair.ours, pair.theirs)]
        assert ours == theirs, command
    return ours


def wait_for_blocked(wire, side, *command):
    side.call("DEL", command[1])
    wire.send(*command)
    wait_until(lambda: b"blocked_clients:1" in bytes(
        side.call("INFO", "clients")), what="a blocked client")


def test_idletime_is_kept(server):
    server.call("RESTORE", "k", 0, HELLO, "IDLETIME", 1000)
    assert 1000 <= server.call("OBJECT", "IDLETIME", "k") <= 1010
    server.call("CACHE", "FLUSH")
    assert 1000 <= server.call("OBJECT", "IDLETIME", "k") <= 1020
    server.call("GET", "k")
    assert server.call("OBJECT", "IDLETIME", "k") < 10
    server.call("RESTORE", "k", 0, HELLO, "REPLACE", "IDLETIME", 2**63 - 1)
    server.call("RESTORE", "k", 0, HELLO, "REPLACE", "FREQ", 255)
    assert server.call("OBJECT", "IDLETIME", "k") < 10


# --- in transactions and scripts -------------------------------------------

def test_in_transactions_and_scripts(pair):
    pair.same("RPUSH", "k", *words(3000, 7))
    payload = pair.same("DUMP", "k")
    replies = in_one_go(
        pair, ["MULTI"], ["DUMP", "k"], ["RESTORE", "k", 0, HELLO],
        ["RESTORE", "k", 0, HELLO, "REPLACE"], ["GET", "k"],
        ["RESTORE", "k2", 0, payload], ["LLEN", "k2"],
        ["RESTORE", "k3", 0, b"x"], ["DUMP", "k2"], ["EXEC"])
    assert replies[-1] == payload
    script = "redis.call('RESTORE', KEYS[2], 0, redis.call('DUMP', KEYS[1]), " \
             "'REPLACE') return redis.call('LLEN', KEYS[2])"
    assert pair.same("EVAL", script, 2, "k2", "k") == 3000
    pair.same("EVAL", "return redis.pcall('RESTORE', KEYS[1], 0, 'x')", 1, "a")


# --- what is not what it says ----------------------------------------------

def hostile():
    yield rdb.dump(rdb.STREAM, b"\x00" * 20)
    for kind in (6, 7, 8, 19, 21, 22, 200, 255):
        yield rdb.dump(kind, rdb.string(b"v"))
    for size in (2**31, 2**32, 2**60, 2**64 - 1):
        yield rdb.dump(rdb.STRING, rdb.length(size) + b"short")
        for kind in (rdb.LIST, rdb.SET, rdb.HASH, rdb.ZSET, rdb.ZSET_2,
                     rdb.LIST_QUICKLIST, rdb.LIST_QUICKLIST_2):
            yield rdb.dump(kind, rdb.length(size))
            yield rdb.dump(kind, rdb.length(size) + rdb.string(b"a") * 5)
        yield rdb.dump(rdb.STRING, b"\xc3" + rdb.length(5) +
                       rdb.length(size) + b"12345")
        yield rdb.dump(rdb.STRING, b"\xc3" + rdb.length(size) +
                       rdb.length(5) + b"12345")
    yield rdb.dump(rdb.STRING, b"\xc3\x00\x00")
    yield rdb.dump(rdb.STRING, b"\xc3\x03\x0a\xe0\xff\x00") # refers before it
    yield rdb.dump(rdb.HASH_ZIPMAP, rdb.string(b"\x02\x01f\x01\xffv\xff"))
    for form, kinds in ((rdb.ziplist, (10, 12, 13)),
                        (rdb.listpack, (16, 17, 20))):
        whole = form([b"a", 1, b"b", 2])
        for kind in kinds:
            for at in range(len(whole)):
                broken = bytearray(whole)
                broken[at] ^= 0xFF
                yield rdb.dump(kind, rdb.string(bytes(broken)))
            yield rdb.dump(kind, rdb.string(whole + b"\xff"))
            yield rdb.dump(kind, rdb.string(whole[:-1]))
    for twice in ([b"a", 1, b"a", 2], [5, 1, 5, 2]):
        yield rdb.dump(rdb.HASH_LISTPACK, rdb.string(rdb.listpack(twice)))
        yield rdb.dump(rdb.ZSET_ZIPLIST, rdb.string(rdb.ziplist(twice)))
        yield rdb.dump(rdb.SET_LISTPACK, rdb.string(rdb.listpack(twice * 2)))
    for odd in ([b"a"], [b"a", 1, b"b"]):
        yield rdb.dump(rdb.HASH_LISTPACK, rdb.string(rdb.listpack(odd)))
        yield rdb.dump(rdb.ZSET_LISTPACK, rdb.string(rdb.listpack(odd)))
        yield rdb.dump(rdb.HASH_ZIPLIST, rdb.string(rdb.ziplist(odd)))
    for score in (b"nan", b"x", b"", b"1x"):
        yield rdb.dump(rdb.ZSET_LISTPACK,
                       rdb.string(rdb.listpack([b"a", score])))
    yield rdb.dump(rdb.ZSET, rdb.length(1) + rdb.string(b"a") + b"\xfd")
    for empty in (rdb.listpack([]), rdb.ziplist([]), rdb.zipmap({}), b"",
                  rdb.intset([1])[:-2], struct.pack("<II", 2, 0)):
        for kind in (9, 10, 11, 12, 13, 16, 17, 20):
            yield rdb.dump(kind, rdb.string(empty))
    yield rdb.dump(rdb.SET_INTSET,
                   rdb.string(struct.pack("<IIHH", 2, 2, 5, 5)))
    yield rdb.dump(rdb.SET_INTSET,
                   rdb.string(struct.pack("<IIHHH", 3, 2, 5, 6, 7)))
    yield rdb.dump(rdb.SET_INTSET, rdb.string(struct.pack("<II", 8, 2**31)))
    yield rdb.dump(rdb.LIST_QUICKLIST_2, rdb.length(1) +
                   rdb.length(rdb.PLAIN) + rdb.string(b""))


def test_hostile_payloads(server):
    server.call("SET", "k", "v")
    before = server.rss_anon()
    count = 0
    for payload in hostile():
        reply = server.call("RESTORE", "k", 0, payload, "REPLACE")
        if reply != BAD: # a byte of a text, or of a number, was changed
            assert reply == OK and payload[0] in (10, 12, 13, 16, 17, 20), \
                payload
            server.call("DUMP", "k")
            server.call("SET", "k", "v")
        count += 1
    assert count > 250
    assert server.call("GET", "k") == b"v"
    assert server.rss_anon() < before + (32 << 20)


# --- room ------------------------------------------------------------------

def test_what_does_not_fit(start_server):
    server = start_server(cache_max_memory="16mb")
    most = 2 << 20
    packed = rdb.lzf(b"z" * (most + 1))
    assert len(packed) < most // 50
    before = server.rss_anon()
    assert server.call("RESTORE", "k", 0,
                       rdb.dump(rdb.STRING, packed)) == OOM
    # Each fits, all of them don't.
    part = rdb.lzf(b"z" * (1 << 20))
    many = rdb.dump(rdb.LIST, rdb.length(30) + part * 30)
    assert server.call("RESTORE", "k", 0, many) == OOM
    assert server.call("EXISTS", "k") == 0
    assert server.rss_anon() < before + (20 << 20)
    small = rdb.dump(rdb.STRING, rdb.lzf(b"z" * (most - 100)))
    assert server.call("RESTORE", "k", 0, small) == OK
    assert server.call("STRLEN", "k") == most - 100
    # As many others go as are needed.
    for i in range(20):
        assert server.call("RESTORE", "fits-%d" % i, 0, small) == OK
    assert server.call("GET", "fits-3") == b"z" * (most - 100)


def test_a_dump_that_is_too_long(start_server):
    server = start_server(cache_max_memory="16mb")
    value = noise(1 << 20)
    for _ in range(4):
        assert server.call("RPUSH", "k", value) > 0
    assert server.call("DUMP", "k") == OOM
    assert server.call("LTRIM", "k", 0, 0) == OK
    payload = server.call("DUMP", "k")
    assert rdb.value_of(payload) == (b"list", [value])


LARGE = {
    "string": lambda: [["SET", "k", noise(1_500_000)]],
    "compressed": lambda: [["SET", "k", b"some text " * 100_000]],
    "list": lambda: [["RPUSH", "k", *range(at, at + 5000)]
                     for at in range(0, 60_000, 5000)],
    "plain": lambda: [["RPUSH", "k", "a", noise(1_200_000), "b"]],
    "hash": lambda: [["HSET", "k", *range(at, at + 5000)]
                     for at in range(0, 60_000, 5000)],
    "zset": lambda: [["ZADD", "k", *range(at, at + 5000)]
                     for at in range(0, 60_000, 5000)],
    "set": lambda: [["SADD", "k", *words(20_000, 9)]],
}


@pytest.mark.parametrize("name", LARGE)
def test_large_values_there_and_back(pair, name):
    for command in LARGE[name]():
        pair.same(*command)
    if pair.storage == "cold":
        pair.to_disk()
    ours, theirs = dumps_of_both(pair, "k")
    assert pair.theirs.call("RESTORE", "k2", 0, ours) == OK
    assert pair.ours.call("RESTORE", "k2", 0, theirs) == OK
    if pair.storage == "cold":
        pair.to_disk()
    commands = {"list": ["LRANGE", "k2", 0, -1],
                "plain": ["LRANGE", "k2", 0, -1],
                "zset": ["ZRANGE", "k2", 0, -1, "WITHSCORES"],
                "string": ["GET", "k2"], "compressed": ["GET", "k2"]}
    if name in commands:
        pair.same(*commands[name])
    else:
        command = {"hash": "HGETALL", "set": "SMEMBERS"}[name]
        theirs, ours = [side.call(command, "k2")
                        for side in (pair.theirs, pair.ours)]
        assert sorted(map(repr, theirs)) == sorted(map(repr, ours))
