"""SCAN, KEYS, RANDOMKEY: all keys, wherever they live."""

import collections
import random
import subprocess
import threading
import time

import pytest
import redis

from lib.pair import pair, pair_of_module, warm_pair
from lib.resp import NULL, NULL_BULK, Error, Simple
from lib.server import SLOWNESS

SEED = 20240229


def names_of(reply):
    return sorted(bytes(one) for one in reply)


def scan_all(client, *options):
    """All that a full scan gives, in its order, and how many calls it took."""
    found, cursor, calls = [], b"0", 0
    while calls == 0 or cursor != b"0":
        cursor, some = client.call("SCAN", cursor, *options)
        found += [bytes(one) for one in some]
        calls += 1
    return found, calls


def fill(client, names, value=b"v"):
    commands = [("SET", name, value) for name in names]
    for i in range(0, len(commands), 5000):
        client.pipeline(commands[i:i + 5000])


def only_on_disk(client, names):
    assert client.call("CACHE", "FLUSH") == Simple("OK")
    names = list(names)
    for i in range(0, len(names), 1000):
        client.call("CACHE", "EVICT", *names[i:i + 1000])


# --- answers -----------------------------------------------------------------

@pytest.mark.parametrize("command", [
    "SCAN", "SCAN x", "SCAN -", "SCAN 0 MATCH", "SCAN 0 COUNT 0",
    "SCAN 0 COUNT x", "SCAN 0 COUNT -1", "SCAN 0 TYPE", "SCAN 0 FOO bar",
    "SCAN 18446744073709551616", "SCAN x COUNT 0", "SCAN 0 NOVALUES",
    "SCAN 0 TYPE string COUNT", "KEYS", "KEYS a b", "RANDOMKEY x"])
def test_wrong_arguments(pair, command):
    assert isinstance(pair.same(*command.split(" ")), Error)


def test_an_empty_database(pair):
    pair.all_same("SCAN 0", "SCAN 0 MATCH a", "SCAN 0 MATCH a*",
                  "SCAN 0 TYPE string", "KEYS *", "KEYS k", "RANDOMKEY")


def test_one_key(pair):
    pair.same("SET", "k", "v")
    pair.all_same("SCAN 0", "SCAN 0 COUNT 100 MATCH k", "SCAN 0 TYPE string",
                  "SCAN 0 TYPE STRING", "SCAN 0 TYPE hash", "SCAN 0 TYPE foo",
                  "SCAN 0 TYPE hash TYPE string", "SCAN 0 MATCH x",
                  "SCAN 0 MATCH k TYPE hash", "SCAN 0 MATCH k TYPE string",
                  "KEYS *", "KEYS k", "KEYS x", "KEYS [k]", "KEYS k*",
                  "RANDOMKEY", "SELECT 1", "SCAN 0", "KEYS *", "RANDOMKEY")


def test_the_empty_name(pair):
    pair.same("SET", "", "v")
    pair.same("SCAN", "0")
    pair.same("SCAN", "0", "MATCH", "*")
    pair.same("KEYS", "*")
    pair.same("KEYS", "")
    pair.same("RANDOMKEY")


def test_types(pair):
    pair.all_same("SET k v", "HSET k2 f v", "LPUSH k3 e")
    for name in ("string", "hash", "list", "set", "zset", "stream", "LIST"):
        pair.same("SCAN", "0", "COUNT", "100", "TYPE", name)
    for name in ("k", "k2", "k3"):
        pair.same("DEL", name)
        pair.same("SADD", name, "m")
        pair.same("SCAN", "0", "COUNT", "100", "TYPE", "list", "MATCH", name)
    assert len(pair.ours.call("SCAN", "0", "TYPE", "set")[1]) == 3


def test_patterns(pair):
    names = ["k", "k2", "k3", "a", "ab", "abc", "a*c", "[x]", "{t}1", "{t}2"]
    pair.uses(*(one.encode() for one in names))
    for name in names:
        pair.same("SET", name, "v")
    for pattern in ("*", "k*", "a?", "a\\*c", "[ka]*", "[^k]*", "\\[x\\]", "**",
                    "{t}*", "", "abc", "a*c", "?", "*c"):
        ours, theirs = (one.call("KEYS", pattern)
                        for one in (pair.ours, pair.theirs))
        assert names_of(ours) == names_of(theirs), pattern
        assert sorted(scan_all(pair.ours, "MATCH", pattern, "COUNT", "3")[0]) \
            == names_of(theirs), pattern


def test_nothing_becomes_hot_or_is_loaded(server):
    client = server.raw()
    names = [b"n:%d" % i for i in range(50)]
    fill(client, names)
    only_on_disk(client, names)
    assert sorted(scan_all(client)[0]) == sorted(names)
    assert names_of(client.call("KEYS", "*")) == sorted(names)
    for _ in range(20):
        assert client.call("RANDOMKEY") in names
    assert set(client.call("CACHE", "STATE", *names)) == {b"disk"}


def test_count_is_what_is_looked_at(server):
    client = server.raw()
    names = [b"n:%d" % i for i in range(1000)]
    fill(client, names)
    found, calls = scan_all(client, "COUNT", "10")
    assert sorted(found) == sorted(names) and calls in (100, 101)
    only_on_disk(client, names)
    found, calls = scan_all(client, "COUNT", "10")
    assert sorted(found) == sorted(names) and calls in (100, 101)
    found, calls = scan_all(client, "COUNT", "100", "MATCH", "n:1?")
    assert len(found) == 10 and calls in (10, 11)
    assert scan_all(client, "COUNT", "9223372036854775807")[1] == 1


def test_expired_keys_are_never_shown(server):
    client = server.raw()
    for i in range(100):
        client.call("SET", "gone:%d" % i, "v", "PX", "1")
        client.call("SET", "here:%d" % i, "v", "PX", "1000000")
    time.sleep(0.01) # the last ones' deadlines have passed, too
    only_on_disk(client, [])
    here = sorted(b"here:%d" % i for i in range(100))
    assert sorted(scan_all(client)[0]) == here
    assert names_of(client.call("KEYS", "*")) == here
    assert client.call("RANDOMKEY") in here
    assert client.call("SCAN", "0", "MATCH", "gone:1") == [b"0", []]


def test_a_random_key_that_is_alone(pair):
    pair.same("SET", "k", "v")
    for _ in range(5):
        assert pair.same("RANDOMKEY") == b"k"
    pair.same("DEL", "k")
    assert pair.same("RANDOMKEY") in (NULL, NULL_BULK)


# --- in transactions and scripts ------------------------------------------------

def test_in_a_transaction(pair):
    pair.same("SET", "k", "v")
    pair.to_disk()
    commands = [one.split(" ") for one in (
        "MULTI", "SET k2 v", "DEL k", "SCAN 0", "KEYS *", "RANDOMKEY",
        "SELECT 1", "SCAN 0", "FLUSHALL", "SELECT 0", "SCAN 0", "KEYS *",
        "RANDOMKEY", "SET k3 v", "KEYS k*", "SCAN 0 MATCH k3", "SCAN x",
        "EXEC")]
    ours = pair.ours.pipeline(commands)
    assert ours == pair.theirs.pipeline(commands)
    assert ours[-1][2] == [b"0", [b"k2"]]


def test_in_a_script(pair):
    pair.same("SET", "k", "v")
    for text in ("return redis.call('scan', '0')",
                 "return redis.call('keys', '*')",
                 "return redis.call('randomkey')",
                 "redis.call('set', 'k2', 'v') redis.call('del', 'k') "
                 "return {redis.call('keys', '*'), redis.call('scan', '0'), "
                 "redis.call('randomkey')}",
                 "redis.call('flushall') return redis.call('keys', '*')"):
        pair.same("EVAL", text, "0")


# --- while others are at work -----------------------------------------------------

class Others:
    """Threads that add, delete, overwrite, evict and flush; none of them
    deletes a key that is called stay:..., or makes an unlike one."""

    def __init__(self, server, stay, count=2):
        self.server, self.stay, self.stopping = server, stay, False
        self.threads = [threading.Thread(target=self._run, args=(i,))
                        for i in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *why):
        self.stopping = True
        for thread in self.threads:
            thread.join()

    def _run(self, number):
        pick = random.Random(SEED + number)
        try:
            with self.server.raw() as client:
                while not self.stopping:
                    client.pipeline([self._one(pick) for _ in range(50)])
        except OSError:
            pass # it was killed

    def _one(self, pick):
        kept = pick.choice(self.stay)
        other = b"other:%d" % pick.randrange(5000)
        return pick.choices([
            ("SET", kept, b"w"), ("SET", other, b"v"), ("DEL", other),
            ("CACHE", "EVICT", kept, other), ("APPEND", kept, b"x"),
            ("EXPIRE", kept, "%d" % pick.randrange(1000, 100000)),
            ("PERSIST", kept), ("RENAME", other, other + b"!"),
            ("PEXPIRE", other, "1"), ("BGSAVE",)],
            [5, 5, 5, 5, 1, 2, 2, 1, 1, 0.2])[0]


def check_complete(found, stay):
    counts = collections.Counter(found)
    assert all(counts[name] == 1 for name in stay), \
        [(name, counts[name]) for name in stay if counts[name] != 1][:5]


def scan_in_two_parts(server, stay, count):
    """The server is killed in the middle; the cursor stays good."""
    found, cursor = [], b"0"
    with Others(server, stay):
        client = server.raw()
        while len(found) < len(stay) // 2:
            cursor, some = client.call("SCAN", cursor, "COUNT", count)
            found += some
            assert cursor != b"0"
        client.call("CACHE", "FLUSH")
        server.kill9()
    server.start()
    with Others(server, stay):
        client = server.raw()
        while cursor != b"0":
            cursor, some = client.call("SCAN", cursor, "COUNT", count)
            found += some
    check_complete(found, stay)


def keys_that_stay(server, stay, rounds, count):
    client = server.raw()
    fill(client, stay)
    with Others(server, stay):
        for _ in range(rounds):
            check_complete(scan_all(client, "COUNT", count)[0], stay)
            # Of a million not all fit into one reply.
            some = [name for name in stay if name.startswith(b"stay:7")]
            assert sorted(some) == names_of(client.call("KEYS", "stay:7*"))
    scan_in_two_parts(server, stay, count)


@pytest.mark.timeout(120)
def test_keys_that_stay_come_once(start_server):
    server = start_server(cache_max_memory="16mb", cache_flush_delay="50ms")
    keys_that_stay(server, [b"stay:%d" % i for i in range(3000)], 3, "50")


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_keys_that_stay_come_once_of_a_million(start_server):
    server = start_server(cache_max_memory="32mb", cache_flush_delay="200ms")
    keys_that_stay(server, [b"stay:%d" % i for i in range(1_000_000)], 2,
                   "1000")


def test_a_client_that_goes(start_server):
    server = start_server(io_threads="1", debug_store="yes",
                          enable_debug_command="yes")
    client = server.raw()
    fill(client, [b"n:%d" % i for i in range(3000)])
    assert len(client.call("KEYS", "*")) == 3000
    for command in (("KEYS", "*"), ("SCAN", "0"), ("RANDOMKEY",)):
        client.call("DEBUG", "STORE", "gate", "iter", "close")
        other = server.raw()
        other.send(*command)
        while client.call("CLIENT", "LIST").count(b"cmd=" +
                                                  command[0].lower()
                                                  .encode()) == 0:
            pass
        other.close()
        client.call("DEBUG", "STORE", "gate", "iter", "open")
    assert len(client.call("KEYS", "*")) == 3000
    assert len(scan_all(client, "COUNT", "100")[0]) == 3000


def test_a_reply_that_would_be_too_large(start_server):
    server = start_server(cache_max_memory="16mb")
    client = server.raw()
    fill(client, [b"%s:%d" % (b"k" * 1000, i) for i in range(4000)])
    reply = client.call("KEYS", "*")
    assert isinstance(reply, Error) and reply.code == "OOM"
    assert len(client.call("KEYS", "*:1??")) == 100
    assert len(scan_all(client, "COUNT", "100")[0]) == 4000
    assert len(scan_all(client, "COUNT", "1000000")[0]) == 4000


def test_the_store_fails(start_server):
    server = start_server(debug_store="yes", enable_debug_command="yes")
    client = server.raw()
    client.call("SET", "disk", "v")
    client.call("CACHE", "FLUSH")
    client.call("DEBUG", "STORE", "fail", "write", "-1", "io")
    client.call("SET", "memory", "v")
    assert isinstance(client.call("CACHE", "FLUSH"), Error)
    assert sorted(scan_all(client)[0]) == [b"disk", b"memory"]
    assert names_of(client.call("KEYS", "*")) == [b"disk", b"memory"]
    assert client.call("RANDOMKEY") in (b"disk", b"memory")
    client.call("DEBUG", "STORE", "reset")
    client.call("DEBUG", "STORE", "fail", "iter", "1", "io")
    assert client.call("SCAN", "0").code == "IOERR"
    assert sorted(scan_all(client)[0]) == [b"disk", b"memory"]


# --- RANDOMKEY --------------------------------------------------------------------

def chi_square(client, names, draws):
    """How many deviations above what is expected."""
    seen = collections.Counter()
    for _ in range(draws // 1000):
        seen.update(bytes(one) for one in
                    client.pipeline([("RANDOMKEY",)] * 1000))
    assert set(seen) <= set(names)
    expected = sum(seen.values()) / len(names)
    chi = sum((seen[name] - expected) ** 2 / expected for name in names)
    mean = len(names) - 1
    return (chi - mean) / (2 * mean) ** 0.5


@pytest.mark.parametrize("tagged", [0, 450])
@pytest.mark.parametrize("where", ["disk", "memory", "both"])
def test_random_keys_are_even(server, tagged, where):
    """One in a million may fail: the sum of so many squares is about normal,
    and 4.9 deviations above its mean."""
    client = server.raw()
    names = [b"{tag}%d" % i if i < tagged else b"n:%d" % i for i in range(500)]
    random.Random(SEED).shuffle(names)
    on_disk = {"disk": 500, "memory": 0, "both": 250}[where]
    client.call("RANDOMKEY")
    fill(client, names[:on_disk])
    only_on_disk(client, names[:on_disk])
    assert client.call("CONFIG", "SET", "cache-flush-delay", "1h") == Simple("OK")
    fill(client, names[on_disk:])
    draws = 10000 if SLOWNESS == 1 else 5000
    assert chi_square(client, names, draws) < 4.9


# --- programs ----------------------------------------------------------------------

def test_redis_py(server):
    client = redis.Redis("127.0.0.1", server.port, decode_responses=True)
    names = {"n:%d" % i for i in range(300)}
    for name in names:
        client.set(name, "v")
    client.lpush("list", "e")
    assert set(client.scan_iter(count=7)) == names | {"list"}
    assert set(client.scan_iter("n:1*", count=100)) == \
        {one for one in names if one.startswith("n:1")}
    assert list(client.scan_iter(_type="list")) == ["list"]
    assert set(client.keys()) == names | {"list"}
    assert client.randomkey() in names | {"list"}
    client.close()


def redis_cli(server, *arguments):
    return subprocess.run(["redis-cli", "-p", str(server.port), *arguments],
                          capture_output=True, text=True, check=True).stdout


def test_redis_cli(server):
    client = server.raw()
    names = [b"n:%d" % i for i in range(200)]
    fill(client, names)
    client.call("RPUSH", "list", *range(50))
    client.call("SET", "large", b"x" * 100000)
    only_on_disk(client, names + [b"list", b"large"])
    everything = sorted(names + [b"list", b"large"])
    assert sorted(redis_cli(server, "--scan").encode().split()) == everything
    assert sorted(redis_cli(server, "--scan", "--pattern", "l*").split()) == \
        ["large", "list"]
    text = redis_cli(server, "--bigkeys")
    assert "Sampled 202 keys in the keyspace!" in text
    assert "Biggest   list found '\"list\"' has 50 items" in text
    assert "Biggest string found '\"large\"' has 100000 bytes" in text
    text = redis_cli(server, "--memkeys")
    assert "Sampled 202 keys in the keyspace!" in text
    assert "Biggest string found '\"large\"' has" in text
