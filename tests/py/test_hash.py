"""Hashes: small ones and their errors against redis-server in every mode, large
ones of all sizes that matter (a page holds up to 128 fields as they came, then
by hash; Redis's own limit is 512), picks at random, and scans of what changes
and leaves memory meanwhile."""

import random

import pytest

from lib.contents import contents_of
from lib.pair import pair, pair_of_module # noqa: F401
from lib.resp import NULL_BULK, Error, Map, Simple

OK = Simple("OK")
LONG = "x" * 65
# Redis takes numbers for hours that are refused here.
FAR = "4611686018427387904"


# --- small ones ------------------------------------------------------------

def test_fields_come_change_and_go(pair):
    pair.all_same(
        "HSET k a 1 b 2 c 3", "HSET k a 1 d 4 d 5", "HGET k d", "HGET k none",
        "HGET k2 a", "HMGET k a none b a", "HMGET k2 a b", "HSTRLEN k a",
        "HSTRLEN k none", "HSTRLEN k2 a", "HEXISTS k a", "HEXISTS k none",
        "HEXISTS k2 a", "HLEN k", "HLEN k2", "HKEYS k", "HVALS k", "HGETALL k",
        "HKEYS k2", "HVALS k2", "HGETALL k2", "HMSET k a x", "HMSET k2 e 1",
        "HSETNX k a y", "HSETNX k e y", "HSETNX k3 a y", "HGETALL k",
        "HDEL k none", "HDEL k a a none", "HDEL k none2 b", "HGETALL k",
        "HDEL k c d e", "EXISTS k", "TYPE k2", "HDEL k3 a b", "TYPE k3")


def test_texts_of_every_kind(pair):
    texts = ["", "\0\r\n", "0", "-0", "007", "-7", "9223372036854775807",
             "9223372036854775808", "-9223372036854775808", LONG, "y" * 5000,
             "z" * 70_000]
    for text in texts:
        pair.same("HSET", "k", text, text)
        pair.same("HGET", "k", text)
        pair.same("HSTRLEN", "k", text)
        pair.same("HSET", "k2", "f", text)
        pair.same("HGETALL", "k2")
    pair.same("HMGET", "k", *texts)
    for text in texts:
        assert pair.same("HDEL", "k", text) == 1


def test_counting(pair):
    pair.all_same(
        "HINCRBY k n 5", "HINCRBY k n -7", "HINCRBY k n x", "HINCRBY k n 1.0",
        "HINCRBY k n 9223372036854775808", "HSET k t text big "
        "9223372036854775807 f 1.5 inf inf s 01", "HINCRBY k t 1",
        "HINCRBY k big 1", "HINCRBY k big -1", "HINCRBY k f 1",
        "HINCRBY k s 1", "HINCRBYFLOAT k f 0.1", "HINCRBYFLOAT k f -0.1",
        "HINCRBYFLOAT k f 3.0e3", "HINCRBYFLOAT k big 1", "HINCRBYFLOAT k t 1",
        "HINCRBYFLOAT k s 1", "HINCRBYFLOAT k n x", "HINCRBYFLOAT k n nan",
        "HINCRBYFLOAT k n inf", "HINCRBYFLOAT k n 1e5000",
        "HINCRBYFLOAT k inf 1", "HINCRBYFLOAT k huge 1e4932",
        "HINCRBYFLOAT k huge 1e4932", "HINCRBYFLOAT k new -1.20",
        "HINCRBYFLOAT k3 new 0", "HINCRBY k3 new 5", "HGET k huge")
    pair.same("HSET", "k", "sp", " 1")
    for command in ("HINCRBY", "HINCRBYFLOAT"):
        pair.same(command, "k", "sp", 1)
        pair.same("HSET", "k", "empty", "")
        pair.same(command, "k", "empty", 1)


def test_wrong_arguments(pair):
    pair.all_same(
        "HSET k", "HSET k a", "HSET k a 1 b", "HMSET k a", "HMSET k a 1 b",
        "HGET k", "HGET k a b", "HDEL k", "HMGET k", "HSETNX k a", "HLEN",
        "HSCAN k", "EXISTS k", "SET k2 s", "HSET k2 a 1", "HSET k2 a",
        "HMSET k2 a 1", "HSETNX k2 a 1", "HGET k2 a", "HMGET k2 a", "HLEN k2",
        "HSTRLEN k2 a", "HEXISTS k2 a", "HKEYS k2", "HVALS k2", "HGETALL k2",
        "HDEL k2 a", "HINCRBY k2 a 1", "HINCRBY k2 a x", "HINCRBYFLOAT k2 a 1",
        "HINCRBYFLOAT k2 a x", "HINCRBYFLOAT k2 a inf", "HRANDFIELD k2",
        "HRANDFIELD k2 1", "HRANDFIELD k2 1 x", "HSCAN k2 0", "HSCAN k2 x",
        "HSCAN k2 0 x", "GET k2", "HSET k3 a 1", "GET k3", "APPEND k3 x",
        "SSCAN k3 0", "ZSCAN k3 0")


def test_in_a_transaction(pair):
    pair.all_same("HSET k a 1", "SET k2 s")
    pair.to_disk()
    commands = [line.split(" ") for line in (
        "MULTI", "HSET k b", "HSET k b 2", "HINCRBY k b 5", "HGETALL k",
        "HGET k2 f", "EXEC", "MULTI", "HSET k a 1 b", "HSET k2 a 1",
        "HINCRBY k a 5", "HGETALL k", "HSCAN k 0", "HRANDFIELD k 9",
        "HDEL k a b", "HLEN k", "HSET k3 a 1", "EXEC")]
    ours = pair.ours.pipeline(commands)
    assert ours == pair.theirs.pipeline(commands)
    assert len(ours[-1]) == 9


def test_encodings_are_those_of_redis(pair):
    def encoding():
        return pair.same("OBJECT", "ENCODING", "k")
    def fields(first, last):
        return [one for i in range(first, last) for one in ("f%d" % i, "v")]
    for pairs in (["f", LONG[1:], LONG[1:], "v"], ["f", LONG], [LONG, "v"]):
        pair.same("HSET", "k", *pairs)
        encoding()
        pair.same("HSET", "k", *pairs[:1], "v") # never back
        encoding()
        pair.same("DEL", "k")
    pair.same("HSETNX", "k", "a", "1")
    pair.same("HSETNX", "k", "a", LONG)
    assert encoding() == b"listpack"
    pair.same("HINCRBYFLOAT", "k", "n", "1e100")
    assert encoding() == b"hashtable"
    pair.same("DEL", "k")
    pair.same("HSET", "k", *fields(0, 512))
    assert encoding() == b"listpack"
    pair.same("HSET", "k", "f1", "w")
    assert encoding() == b"listpack"
    pair.same("HSET", "k", *fields(512, 513))
    assert encoding() == b"hashtable"
    pair.same("HDEL", "k", *fields(1, 513)[::2])
    assert encoding() == b"hashtable"


def test_scans_of_small_ones(pair):
    pair.same("HSET", "k", "a", 1, "b", 2, "", 3)
    pair.all_same(
        "HSCAN k 0", "HSCAN k -1", "HSCAN k +5", "HSCAN k 007", "HSCAN k x",
        "HSCAN k 5x", "HSCAN k 18446744073709551615",
        "HSCAN k 18446744073709551616", "HSCAN k -18446744073709551616",
        "HSCAN k 0 COUNT", "HSCAN k 0 COUNT 0", "HSCAN k 0 COUNT -1",
        "HSCAN k 0 COUNT x", "HSCAN k 0 COUNT 1", "HSCAN k 0 count 0 match",
        "HSCAN k 0 TYPE hash", "HSCAN k 0 NOVALUES", "HSCAN k 0 MATCH *",
        "HSCAN k 0 MATCH a COUNT 5 MATCH b", "HSCAN k 0 MATCH ?*",
        "HSCAN k 0 MATCH [ab]", "HSCAN k 0 MATCH none", "HSCAN k2 0",
        "HSCAN k2 x", "HSCAN k2 0 COUNT x", "SSCAN k2 0 x", "ZSCAN k2 -1",
        "SSCAN k2 x", "ZSCAN k2 x")
    for cursor in ("", " 0", "0 ", b"0\0junk"):
        pair.same("HSCAN", "k", cursor)
    pair.same("HSCAN", "k", "0", "MATCH", "")


def test_a_hash_of_every_key(pair):
    """A key may be so long that it leaves no room for a page beside it."""
    for key in ("", "\0\r\n", "k" * 300, "k" * 12_300, "k" * 12_400,
                "k" * 17_000, "k" * 100_000):
        other = key + "!"
        pair.uses(key.encode(), other.encode())
        def look(one):
            pair.same("HMGET", one, "a", "b", "c")
            pair.same("TYPE", one)
        pair.same("HSET", key, "a", 1, "b", 2)
        look(key)
        pair.same("HDEL", key, "a")
        pair.same("HSET", key, "c", "y" * 3000)
        pair.same("EXPIREAT", key, "4102444800")
        look(key)
        pair.same("COPY", key, "k2", "REPLACE")
        pair.same("COPY", "k2", other, "REPLACE")
        look(other)
        pair.same("RENAME", "k2", key)
        look(key)
        pair.same("HDEL", key, "a", "b", "c")
        look(key)


# --- at random -------------------------------------------------------------

def test_counts_of_hrandfield(pair):
    pair.same("HSET", "k", "a", 1)
    pair.all_same(
        "HRANDFIELD k", "HRANDFIELD k 0", "HRANDFIELD k 1", "HRANDFIELD k 5",
        "HRANDFIELD k -3", "HRANDFIELD k 1 WITHVALUES",
        "HRANDFIELD k 7 withvalues", "HRANDFIELD k -3 WITHVALUES",
        "HRANDFIELD k 0 WITHVALUES", "HRANDFIELD k2", "HRANDFIELD k2 5",
        "HRANDFIELD k2 -5 WITHVALUES", "HRANDFIELD k2 -9223372036854775807",
        "HRANDFIELD k -9223372036854775808",
        "HRANDFIELD k -9223372036854775808 WITHVALUES",
        "HRANDFIELD k2 -9223372036854775808", "HRANDFIELD k x",
        "HRANDFIELD k 1.0", "HRANDFIELD k 9223372036854775808",
        "HRANDFIELD k 9223372036854775807",
        "HRANDFIELD k 9223372036854775807 WITHVALUES",
        "HRANDFIELD k 4611686018427387903 WITHVALUES",
        "HRANDFIELD k -%s WITHVALUES" % FAR, "HRANDFIELD k2 %s WITHVALUES" % FAR,
        "HRANDFIELD k 1 x", "HRANDFIELD k 1 WITHVALUES x",
        "HRANDFIELD k x WITHVALUES x")


@pytest.mark.parametrize("count", [
    "-100000000", "-4000000000000000000", "-9223372036854775807"])
def test_what_no_reply_could_hold_is_refused(server, count):
    assert server.call("HSET", "k", "f", "v") == 1
    assert server.call("HRANDFIELD", "k", count).code == "OOM"
    assert server.call("HRANDFIELD", "k", "-4000000000000000000",
                       "WITHVALUES").code == "OOM"
    assert len(server.call("HRANDFIELD", "k", "-1000")) == 1000


def test_one_large_value_asked_for_often(start_server):
    server = start_server(cache_max_memory="16mb")
    server.call("HSET", "k", "f", "x" * 1_000_000, "small", "y")
    server.call("HSET", "k", *["g%d" % (i // 2) for i in range(2000)])
    assert len(server.call("HMGET", "k", "f", "f")) == 2
    assert server.call("HMGET", "k", *["f"] * 4).code == "OOM"
    assert server.call("HMGET", "k", *["small"] * 10_000) == [b"y"] * 10_000
    assert server.call("HSCAN", "k", 0, "COUNT", 5000)[0] == b"0"
    assert server.call("HGETALL", "k")[:1] != []


def fill(client, key, count, size=1000):
    """Fields 0 ... count-1; half of them are numbers."""
    for first in range(0, count, size):
        client.call("HSET", key, *[
            word for i in range(first, min(first + size, count))
            for word in (name(i), "value %d" % i)])


def name(i):
    return b"field:%d" % i if i % 2 else b"%d" % i


@pytest.mark.parametrize("count", [1, 2, 100, 400, 5000])
def test_picks_are_fair(server, count):
    client = server.raw()
    fill(client, "k", count)
    everything = {name(i): b"value %d" % i for i in range(count)}
    wanted = 40_000
    seen = dict.fromkeys(everything, 0)
    def see(fields):
        for one in fields:
            seen[one] += 1
    picked = client.call("HRANDFIELD", "k", -wanted // 2, "WITHVALUES")
    assert all(everything[field] == value
               for field, value in zip(picked[::2], picked[1::2]))
    see(picked[::2])
    few = max(1, min(count // 3, 100))
    while sum(seen.values()) < wanted:
        some = client.call("HRANDFIELD", "k", few)
        assert len(set(some)) == len(some) == few
        see(some)
    for _ in range(20):
        see([client.call("HRANDFIELD", "k")])
    # Chi squared, six standard deviations.
    mean = sum(seen.values()) / count
    off = sum((n - mean) ** 2 / mean for n in seen.values())
    assert off < count + 6 * (2 * count) ** 0.5 + 6


@pytest.mark.parametrize("count", [5, 200, 3000])
def test_different_ones_are_different(server, count):
    clients = server.raw(), server.raw(protocol=3)
    fill(clients[0], "k", count)
    everything = {name(i): b"value %d" % i for i in range(count)}
    for wanted in (1, 2, count // 30, count // 2, count - 1, count, count + 1):
        flat = clients[0].call("HRANDFIELD", "k", wanted, "WITHVALUES")
        nested = clients[1].call("HRANDFIELD", "k", wanted, "WITHVALUES")
        fields = clients[1].call("HRANDFIELD", "k", wanted)
        for pairs in (list(zip(flat[::2], flat[1::2])),
                      [tuple(one) for one in nested]):
            assert len(pairs) == min(wanted, count)
            assert dict(pairs).items() <= everything.items()
            assert len(dict(pairs)) == len(pairs)
        assert len(set(fields)) == len(fields) == min(wanted, count)
        assert set(fields) <= set(everything)


# --- all sizes -------------------------------------------------------------

class Both:
    """The same to ours and to Redis. cold: ours has the key on disk only."""

    def __init__(self, ours, theirs, protocol, cold):
        self.ours, self.theirs = ours.raw(protocol), theirs.raw(protocol)
        self.cold = cold

    def _cool(self):
        if self.cold:
            assert self.ours.call("CACHE", "FLUSH") == OK
            self.ours.call("CACHE", "EVICT", "k")

    def same(self, *words):
        self._cool()
        ours, theirs = self.ours.call(*words), self.theirs.call(*words)
        if isinstance(ours, Map):
            ours, theirs = sorted(ours), sorted(theirs)
        elif words[0] in ("HGETALL", "HKEYS", "HVALS"):
            assert type(ours) is type(theirs)
            ours, theirs = self.sorted(words, ours), self.sorted(words, theirs)
        assert ours == theirs, words
        return ours

    @staticmethod
    def sorted(words, reply):
        if words[0] == "HGETALL":
            return sorted(zip(reply[::2], reply[1::2]))
        return sorted(reply)

    def scan(self, *more):
        """All of ours, each field once."""
        found, cursor = [], b"0"
        while True:
            self._cool()
            cursor, part = self.ours.call("HSCAN", "k", cursor, *more)
            found += zip(part[::2], part[1::2])
            if cursor == b"0":
                assert len(dict(found)) == len(found)
                return sorted(found)


def look_at_everything(both, count):
    everything = both.same("HGETALL", "k")
    assert len(everything) == both.same("HLEN", "k")
    if count <= 3000: # else the same again takes too long
        both.same("HKEYS", "k")
        both.same("HVALS", "k")
    for command in ("TYPE", "OBJECT ENCODING"):
        both.same(*command.split(), "k")
    some = [name(i) for i in range(0, count + 10, count // 40 + 1)]
    both.same("HMGET", "k", *some)
    for field in some[:3]:
        for command in ("HGET", "HSTRLEN", "HEXISTS"):
            both.same(command, "k", field)
    pairs = sorted(everything)
    assert both.scan("COUNT", max(10, count // 7)) == pairs
    if count <= 3000:
        assert both.scan("COUNT", 10**9) == pairs
    assert both.scan("COUNT", max(10, count // 3), "MATCH", "*7*") == \
        [one for one in pairs if b"7" in one[0]]


def change_some(both, count):
    for i in range(0, count, count // 20 + 1):
        both.same("HSET", "k", name(i), "changed", "new %d" % i, i)
        both.same("HINCRBY", "k", "new %d" % i, 7)
        both.same("HDEL", "k", name(i + 1), "none")
        both.same("HSETNX", "k", name(i + 1), LONG)


SIZES = [0, 1, 127, 128, 129, 511, 512, 513, 3000]
RUNS = [(count, protocol, cold) for count in SIZES for protocol in (2, 3)
        for cold in (False, True)] + [(100_000, 3, True)]


@pytest.mark.parametrize("count, protocol, cold", RUNS)
def test_every_size_is_as_in_redis(start_server, redis_server, count, protocol,
                                   cold):
    ours = start_server(cache_max_memory="24mb", enable_debug_command="yes",
                        cache_flush_delay="10ms")
    both = Both(ours, redis_server, protocol, cold)
    is_large = count > 3000 # then loading it for each command takes too long
    for side in (both.ours, both.theirs):
        fill(side, "k", count)
    if not is_large:
        look_at_everything(both, count)
    both.cold = cold and not is_large
    change_some(both, count)
    both.cold = cold
    look_at_everything(both, count)
    assert ours.call("DEBUG", "CHECK") == OK
    # Nearly all of it goes, so that it becomes small again.
    both.cold = cold and not is_large
    for first in range(3, count, 5000):
        both.same("HDEL", "k", *[name(i) for i in range(first, first + 5000)])
    look_at_everything(both, count)
    assert ours.call("DEBUG", "CHECK") == OK
    both.same("DEL", "k")
    both.same("HGETALL", "k")


def test_a_crash_after_a_flush_loses_nothing(start_server, redis_server):
    ours = start_server(cache_max_memory="24mb", enable_debug_command="yes")
    both = Both(ours, redis_server, 2, False)
    for side in (both.ours, both.theirs):
        fill(side, "k", 20_000)
        fill(side, "small", 100)
    change_some(both, 20_000)
    assert both.ours.call("CACHE", "FLUSH") == OK
    change_some(both, 3000)
    both.same("HDEL", "small", *[name(i) for i in range(90)])
    assert both.ours.call("CACHE", "FLUSH") == OK
    ours.kill9()
    ours.start()
    both.ours = ours.raw()
    look_at_everything(both, 20_000)
    both.same("HGETALL", "small")
    assert ours.call("DEBUG", "CHECK") == OK


# --- scans while everything moves ------------------------------------------

@pytest.mark.parametrize("seed", [1, 2])
def test_a_scan_meets_all_that_stays(start_server, seed):
    """100,000 fields; between the calls of a scan fields come and go, other
    keys push the hash out of memory, it is renamed, and the server restarts.
    What stays is met, once."""
    server = start_server(cache_max_memory="24mb", enable_debug_command="yes",
                          cache_flush_delay="10ms")
    client, pick = server.raw(), random.Random(seed)
    count = 100_000
    fill(client, "k", count)
    stays = {name(i) for i in range(count)}
    met, extra, cursor, calls, key = [], set(), b"0", 0, "k"
    while True:
        cursor, part = client.call("HSCAN", key, cursor, "COUNT", 500)
        met += part[::2]
        calls += 1
        if cursor == b"0":
            break
        gone = {name(pick.randrange(count)) for _ in range(50)}
        come = {b"new %d" % pick.randrange(10**6) for _ in range(50)}
        client.call("HDEL", key, *gone)
        client.call("HSET", key, *sum(([one, "x"] for one in come), []))
        stays -= gone
        extra |= come
        if calls % 20 == 5:
            assert client.call("CACHE", "FLUSH") == OK
            assert client.call("CACHE", "EVICT", key) == 1
        if calls % 50 == 20:
            assert client.call("RENAME", key, key + "!") == OK
            key += "!"
        if calls == 100:
            server.restart()
            client = server.raw()
    assert calls > 150
    assert server.call("DEBUG", "CHECK") == OK
    assert len(set(met)) == len(met)
    assert stays <= set(met)
    assert set(met) <= {name(i) for i in range(count)} | extra


def test_a_scan_of_what_becomes_small_ends_with_all_of_it(server):
    client = server.raw()
    fill(client, "k", 5000)
    cursor, part = client.call("HSCAN", "k", 0, "COUNT", 1000)
    assert cursor != b"0" and len(part) == 2000
    client.call("HDEL", "k", *[name(i) for i in range(5, 5000)])
    cursor, part = client.call("HSCAN", "k", cursor)
    assert cursor == b"0"
    assert set(part[::2]) == {name(i) for i in range(5)}


def test_a_cursor_is_a_number_that_javascript_can_hold(server):
    client = server.raw()
    fill(client, "k", 3000)
    cursor, cursors = b"0", []
    while True:
        cursor, _ = client.call("HSCAN", "k", cursor, "COUNT", 10)
        if cursor == b"0":
            break
        cursors.append(int(cursor))
    assert len(cursors) == 299
    assert cursors == sorted(set(cursors))
    assert cursors[-1] < 2**53
    assert int(float(cursors[-1])) == cursors[-1]


# --- memory ----------------------------------------------------------------

def test_what_does_not_fit_in_memory_is_refused(start_server):
    server = start_server(cache_max_memory="16mb", enable_debug_command="yes")
    client = server.raw()
    refused = None
    for i in range(100):
        reply = client.call("HSET", "k", *[
            "x" * 1000 if odd else "field %d-%d" % (i, j)
            for j in range(100) for odd in (0, 1)])
        if isinstance(reply, Error):
            refused = reply
            break
    assert refused.code == "OOM"
    count = client.call("HLEN", "k")
    assert 3000 < count < 10_000
    # What reads and deletes works, and then there is room again.
    assert client.call("HGET", "k", "field 0-0") == b"x" * 1000
    assert client.call("HGETALL", "k").code == "OOM" # more than a reply holds
    assert client.call("HDEL", "k", *["field %d-%d" % (i, j)
                                      for i in range(5)
                                      for j in range(100)]) == 500
    assert client.call("HSET", "k", "field 0-0", "y") == 1
    assert client.call("HGET", "k", "field 1-1") is NULL_BULK
    assert client.call("DEBUG", "CHECK") == OK
    assert client.call("DEL", "k") == 1
    assert contents_of(client, "k") is None
