"""The string commands: replies as Redis gives them, wherever the key is."""

import random

import pytest

from lib.pair import pair, pair_of_module, warm_pair
from lib.resp import Error, Simple
from lib.server import SANITIZE, Server

OK = Simple("OK")
OOM = Error("OOM command not allowed when used memory > 'maxmemory'.")
BINARY = bytes(range(256))

# Around the bounds of what lies in a segment, in a record and in chunks.
SIZES = [0, 1, 255, 1000, 4095, 4096, 16382, 16383, 16384, 16385, 28543,
         28544, 28545, 65536, 131072, 200001, 1 << 20]


def value_of(size, seed=1):
    return random.Random(seed * 1000003 + size).randbytes(size)


def begin_with(pair, value):
    """k holds that, or is not there."""
    if value is None:
        pair.same("DEL", "k")
    else:
        pair.same("SET", "k", value)


# --- GET and SET ------------------------------------------------------------

@pytest.mark.parametrize("size", SIZES)
def test_value_of_any_size_comes_back(pair, size):
    value = value_of(size)
    assert pair.same("SET", "k", value) == OK
    assert pair.same("GET", "k") == value
    pair.to_disk()
    assert pair.same("GET", "k") == value
    assert pair.same("STRLEN", "k") == size
    assert pair.same("GETRANGE", "k", 0, -1) == value
    assert pair.same("GETSET", "k", value_of(size, 2)) == value
    assert pair.same("SET", "k", value, "GET") == value_of(size, 2)
    assert pair.same("MGET", "k", "k2", "k") == [value, pair.null, value]
    assert pair.same("GETDEL", "k") == value
    assert pair.same("GET", "k") == pair.null


@pytest.mark.parametrize("key", [b"", b"\x00\r\n\xff", BINARY, b"x" * 70000])
@pytest.mark.parametrize("value", [b"", b"\r\n", b"\x00", BINARY])
def test_any_bytes_are_keys_and_values(pair, key, value):
    pair.uses(key)
    assert pair.same("GET", key) == pair.null
    assert pair.same("SET", key, value) == OK
    assert pair.same("GET", key) == value
    assert pair.same("APPEND", key, value) == 2 * len(value)
    assert pair.same("GET", key) == value * 2
    assert pair.same("DEL", key) == 1
    assert pair.same("EXISTS", key) == 0


def test_value_changes_its_size(pair):
    for size in SIZES + SIZES[::-1]:
        pair.same("SET", "k", value_of(size))
        assert pair.same("GET", "k") == value_of(size)
        assert pair.same("GETRANGE", "k", -3, -1) == value_of(size)[-3:]


def test_set_conditions(pair):
    pair.all_same(
        "SET k 1 XX", "GET k", "SET k 1 NX", "SET k 2 NX", "GET k",
        "SET k 3 XX", "GET k", "set k 4 xx get", "SET k 5 NX GET", "GET k",
        "SET k2 1 XX GET", "EXISTS k2", "SET k2 1 NX GET", "GET k2",
        "SET k2 2 GET NX", "SET k2 3 GET XX", "GET k2", "SET k3 v GET",
        "SET k3 w GET GET", "SET k3 x NX NX", "SET k3 x XX XX", "GET k3")


def test_set_deadline_options(pair):
    pair.all_same("SET k v EX 1000", "GET k")
    assert 990 <= pair.near("TTL", "k") <= 1000
    pair.all_same("SET k w KEEPTTL", "GET k")
    assert 990 <= pair.near("TTL", "k") <= 1000
    pair.all_same("SET k x", "TTL k", "SET k v PX 100000")
    assert 90000 <= pair.near("PTTL", "k") <= 100000
    pair.all_same("SET k v EXAT 33177117420", "EXPIRETIME k", "PEXPIRETIME k",
                  "SET k v PXAT 33177117420123", "EXPIRETIME k",
                  "PEXPIRETIME k", "SET k v XX KEEPTTL GET", "PEXPIRETIME k",
                  "SET k w EX 10 EX 2000")
    assert 1990 <= pair.near("TTL", "k") <= 2000
    pair.all_same("SET k v KEEPTTL KEEPTTL", "GETSET k v2", "TTL k",
                  "SET k2 v KEEPTTL", "TTL k2")


def test_set_with_a_deadline_in_the_past(pair):
    pair.all_same("SET k v EXAT 1", "GET k", "EXISTS k", "SET k v PXAT 1",
                  "TTL k", "SET k v", "SET k w GET PXAT 1000", "GET k",
                  "SET k v NX", "GET k")


@pytest.mark.parametrize("options", [
    "X", "NX XX", "XX NX", "EX", "PX", "EXAT", "PXAT", "EX 10 PX 10",
    "PX 10 EX 10", "EX 10 KEEPTTL", "KEEPTTL EX 10", "EXAT 10 PXAT 10",
    "KEEPTTL PXAT 10", "PERSIST", "EX 10 PERSIST", "EX 0", "PX 0", "EXAT 0",
    "PXAT 0", "EX -1", "PX -1", "EXAT -1", "PXAT -1", "EX x", "PX 1.5",
    "EXAT 1x", "PXAT x", "EX 9223372036854775807", "EX 9223372036854776",
    "EX 9223372036854775", "PX 9223372036854775807", "EX NX", "EX GET",
    "NX GET EX 0", "PX 9223372036854775808", "EXAT 9223372036854775807",
    "EXAT 9223372036854776", "EX 10 extra", "NX 1", "GET 1", "GET KEEPTTL EX",
    "EX  10", "EX +10", "EX 010"])
def test_set_malformed_options(pair, options):
    for before in (None, "old"):
        if before is not None:
            pair.same("SET", "k", before)
        pair.same("SET", "k", "v", *options.split(" "))
        pair.same("GET", "k")
        pair.same("TTL", "k")


def test_setnx_setex_psetex(pair):
    pair.all_same(
        "SETNX k 1", "SETNX k 2", "GET k", "SETEX k 1000 v", "GET k",
        "SETNX k w", "SETEX k2 0 v", "SETEX k2 -1 v", "SETEX k2 x v",
        "SETEX k2 9223372036854775807 v", "PSETEX k2 0 v", "PSETEX k2 -5 v",
        "PSETEX k2 9223372036854775807 v", "PSETEX k2 1.5 v", "EXISTS k2",
        "PSETEX k2 500000 v", "GET k2", "SETNX k2 w", "SETNX k3 ")
    assert 990 <= pair.near("TTL", "k") <= 1000
    assert 490000 <= pair.near("PTTL", "k2") <= 500000


def test_getex(pair):
    pair.all_same(
        "GETEX k", "GETEX k EX 10", "GETEX k EX 0", "GETEX k EX x",
        "GETEX k PERSIST", "SET k v", "GETEX k", "TTL k", "GETEX k PERSIST",
        "GETEX k EX 1000", "GETEX k")
    assert 990 <= pair.near("TTL", "k") <= 1000
    pair.all_same("GETEX k PERSIST", "TTL k", "GETEX k PX 1000000")
    assert 990 <= pair.near("TTL", "k") <= 1000
    pair.all_same(
        "GETEX k EXAT 33177117420", "EXPIRETIME k", "GETEX k PXAT "
        "33177117420123", "PEXPIRETIME k", "GETEX k EX 0", "GETEX k PX -1",
        "GETEX k EXAT x", "GETEX k EX", "GETEX k KEEPTTL", "GETEX k NX",
        "GETEX k GET", "GETEX k EX 10 PERSIST", "GETEX k PERSIST EX 10",
        "GETEX k PERSIST PERSIST", "GETEX k EX 10 EX", "PEXPIRETIME k",
        "GETEX k EXAT 1", "GET k", "SET k v", "GETEX k PXAT 1", "EXISTS k")


@pytest.mark.parametrize("size", [10, 20000, 100000])
def test_getex_changes_only_the_deadline(pair, size):
    value = value_of(size)
    pair.same("SET", "k", value)
    pair.to_disk()
    assert pair.same("GETEX", "k", "EX", 1000) == value
    pair.to_disk()
    assert pair.same("GET", "k") == value
    assert 980 <= pair.near("TTL", "k") <= 1000
    assert pair.same("GETEX", "k", "PERSIST") == value
    pair.to_disk()
    pair.all_same("GET k", "TTL k")
    assert pair.same("GETEX", "k", "EXAT", 1) == value
    pair.all_same("GET k", "TTL k", "DBSIZE")


def test_getdel_getset(pair):
    pair.all_same(
        "GETDEL k", "SET k v EX 1000", "GETDEL k", "GETDEL k", "EXISTS k",
        "GETSET k a", "GETSET k b", "EXPIRE k 1000", "GETSET k c", "TTL k",
        "GET k")


# --- many keys --------------------------------------------------------------

def test_mset_and_mget(pair):
    pair.all_same(
        "MSET k 1 k2 2 k3 3", "MGET k k2 k3 none k", "MSET k a k b", "GET k",
        "MSET k", "MSET k 1 k2", "MSETNX k 1 k2", "MSETNX k", "MGET",
        "MSETNX n1 1 n2 2 k 3", "EXISTS n1 n2", "DEL k", "MSETNX k 1 k 2",
        "GET k", "MSETNX k 9", "EXPIRE k 1000", "MSET k 1", "TTL k", "MGET k")


def test_mget_many(pair):
    keys = [b"key:%d" % i for i in range(2000)]
    values = [b"v" * (i % 50) for i in range(2000)]
    pair.uses(*keys)
    pair.same("MSET", *[one for both in zip(keys, values) for one in both])
    assert pair.same("MGET", *keys) == values
    assert pair.same("EXISTS", *keys, *keys) == 4000
    assert pair.same("DEL", *keys[:1000]) == 1000
    assert pair.same("MGET", *keys) == [pair.null] * 1000 + values[1000:]
    pair.same("DBSIZE")


def test_mget_of_one_key_a_million_times_is_refused():
    with Server(cache_max_memory="32mb") as server:
        client = server.raw()
        assert client.call("SET", "k", b"x" * 15000) == OK
        assert client.call("MGET", *["k"] * 100000) == OOM
        assert client.call("MGET", *["k"] * 400) == [b"x" * 15000] * 400
        if not SANITIZE:
            assert server.rss_anon() < (32 << 20) * 1.1 + (32 << 20)


# --- numbers ----------------------------------------------------------------

NUMBERS = ["0", "-0", "1", "-1", "+1", "01", "", " 1", "1 ", "1.0", "x",
           "9223372036854775807", "-9223372036854775808", "1\0",
           "9223372036854775808", "-9223372036854775809", "1e3", "- 1", "-"]


@pytest.mark.parametrize("value", NUMBERS)
def test_incr_of_what_is_there(pair, value):
    pair.same("SET", "k", value)
    for command in ("INCR k", "GET k", "DECR k", "DECR k", "GET k",
                    "INCRBY k 5", "INCRBY k -7", "DECRBY k 3", "DECRBY k -9",
                    "GET k"):
        pair.same(*command.split())


@pytest.mark.parametrize("value", NUMBERS)
def test_incr_by_it(pair, value):
    for start in (None, "0", "10", "-5", "x"):
        begin_with(pair, start)
        pair.same("INCRBY", "k", value)
        pair.same("GET", "k")
        pair.same("DECRBY", "k", value)
        pair.same("GET", "k")


def test_incr_keeps_the_deadline(pair):
    pair.all_same("SET k 1 EXAT 33177117420", "INCR k", "DECRBY k 10",
                  "EXPIRETIME k", "INCRBYFLOAT k 1.5", "EXPIRETIME k",
                  "APPEND k 0", "SETRANGE k 0 9", "EXPIRETIME k", "GET k")


FLOATS = ["0", "1.5", "-1.5", "1e3", "3.0e3", "0.1", "0.2", "1e-17", "1e-18",
          "5.0", "inf", "-inf", "+inf", "nan", "1e4000", "1e5000", "-1e4932",
          "x", "", " 1", "1 ", "1.5x", "0x10", "-0", "-0.0", "1e18", "1e20",
          "123456789.123456789", "9223372036854775807", "1.\0", ".5", "5.",
          "infinity", "1e-4950", "3.141592653589793238", "1" * 300,
          "0." + "0" * 400 + "1", "1" * 5200]


@pytest.mark.parametrize("value", FLOATS)
def test_incrbyfloat(pair, value):
    for start in (None, "0", "10.5", "-3.25", value, "x", "1e4932", "-inf"):
        begin_with(pair, start)
        pair.same("INCRBYFLOAT", "k", value)
        pair.same("GET", "k")


# --- parts ------------------------------------------------------------------

@pytest.mark.parametrize("size", [0, 5, 16380, 16384, 65530, 70000])
def test_append(pair, size):
    value = value_of(size)
    pair.same("SET", "k", value)
    for more in (b"", b"x", b"0123456789", value_of(20000)):
        value += more
        assert pair.same("APPEND", "k", more) == len(value)
        assert pair.same("GET", "k") == value
    pair.to_disk()
    assert pair.same("GET", "k") == value


def test_append_to_nothing(pair):
    pair.all_same("APPEND k ", "EXISTS k", "GET k", "APPEND k2 abc", "GET k2",
                  "APPEND k2 def", "GET k2")


@pytest.mark.parametrize("size", [0, 5, 16380, 16384, 65530, 70000])
def test_setrange(pair, size):
    pair.same("SET", "k", value_of(size))
    for offset in (0, 1, 4, size - 1, size, size + 1, size + 100, 90000):
        if offset < 0:
            continue
        pair.same("SETRANGE", "k", offset, b"hello")
        pair.same("GET", "k")
    pair.to_disk()
    pair.same("GET", "k")


def test_setrange_edges(pair):
    pair.all_same(
        "SETRANGE k 0 ", "EXISTS k", "SETRANGE k 10 ", "EXISTS k",
        "SETRANGE k -1 x", "SETRANGE k x x", "SETRANGE k 1.0 x",
        "SETRANGE k 5 abc", "GET k", "SETRANGE k -1 ", "SETRANGE k 100 ",
        "SETRANGE k 536870911 xy", "SETRANGE k 536870912 x",
        "SETRANGE k 9223372036854775807 x", "SETRANGE k 9223372036854775808 x",
        "SETRANGE k 4294967295 x", "GET k")


RANGE_ENDS = [0, 1, 4, 5, 6, 100, -1, -2, -5, -6, -100, 9223372036854775807,
              -9223372036854775808]


@pytest.mark.parametrize("size", [None, 0, 1, 5])
def test_getrange(pair, size):
    if size is not None:
        pair.same("SET", "k", b"hello"[:size])
    for start in RANGE_ENDS:
        for end in RANGE_ENDS:
            pair.same("GETRANGE", "k", start, end)


@pytest.mark.parametrize("size", [16384, 65536, 300000])
def test_getrange_of_large(pair, size):
    pair.same("SET", "k", value_of(size))
    for start, end in [(0, 0), (-1, -1), (0, -1), (1, -1), (0, -2),
                       (16383, 16384), (size // 2, size), (65535, 65536),
                       (size, size), (5, 4), (-size - 5, -size)]:
        pair.same("GETRANGE", "k", start, end)


def test_getrange_words(pair):
    pair.all_same("SET k hello", "GETRANGE k x 1", "GETRANGE k 0 x",
                  "GETRANGE k x y", "GETRANGE none x 1", "GETRANGE k 0",
                  "GETRANGE k 0 1 2", "STRLEN none", "STRLEN", "STRLEN k k")


# --- limits -----------------------------------------------------------------

def test_proto_max_bulk_len(warm_pair):
    pair = warm_pair(proto_max_bulk_len=1 << 20)
    pair.same("SET", "k", b"x" * ((1 << 20) - 1))
    for command in (("APPEND", "k", "ab"), ("APPEND", "k", "a"),
                    ("APPEND", "k", "a"), ("APPEND", "k", ""),
                    ("SETRANGE", "k", 1 << 20, "a"),
                    ("SETRANGE", "k", (1 << 20) - 1, "a"),
                    ("SETRANGE", "k2", 1 << 20, "a"),
                    ("SETRANGE", "k2", (1 << 20) - 1, "a"),
                    ("SETRANGE", "k2", (1 << 63) - 1, "a"),
                    ("SETRANGE", "k2", 1 << 20, "")):
        pair.same(*command)
    pair.same("GET", "k")
    pair.same("STRLEN", "k2")


def test_value_too_large_for_the_cache():
    """An eighth of cache-max-memory is the most that key and value may be."""
    most = (32 << 20) // 8
    with Server(cache_max_memory="32mb") as server:
        client = server.raw()
        assert client.call("SET", "k", b"x" * (most - 1000)) == OK
        assert client.call("APPEND", "k", b"y" * 2000) == OOM
        assert client.call("SETRANGE", "k", most - 4, b"12345") == OOM
        assert client.call("SETRANGE", "k", most - 1, b"1") == OOM
        assert client.call("SETRANGE", "new", most, b"1") == OOM
        assert client.call("EXISTS", "new") == 0
        assert client.call("STRLEN", "k") == most - 1000
        assert client.call("RENAME", "k", b"n" * 2000) == OOM
        assert client.call("APPEND", "k", b"y" * 999) == most - 1
        assert client.call("GETRANGE", "k", -1001, -998) == b"xxyy"
        assert client.call("APPEND", "k", b"y") == OOM
        assert client.call("RENAME", "k", "j") == OK
        assert client.call("STRLEN", "j") == most - 1
        assert client.call("SET", "k", b"x" * most) == OOM
        assert client.call("PING") == Simple("PONG")


@pytest.mark.parametrize("command", [
    "GET", "GET k k", "SET k", "SET", "GETSET k", "GETSET k v v", "SETNX k",
    "SETNX k v v", "SETEX k 1", "SETEX k 1 v v", "PSETEX k 1", "GETDEL",
    "GETDEL k k", "GETEX", "MGET", "MSET", "MSETNX", "INCR", "INCR k 1",
    "DECR", "DECR k 1", "INCRBY k", "INCRBY k 1 1", "DECRBY k",
    "INCRBYFLOAT k", "INCRBYFLOAT k 1 1", "APPEND k", "APPEND k v v",
    "SETRANGE k 1", "SETRANGE k 1 v v", "GETRANGE k 1", "STRLEN",
    "STRLEN k k"])
def test_wrong_number_of_arguments(pair, command):
    pair.same(*command.split())
    pair.same(*command.lower().split())


# --- all of it, at random ---------------------------------------------------

class Dice:
    """Random commands of the family over few keys."""

    KEYS = ["k", "k2", "k3", ""]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def key(self):
        return self.random.choice(self.KEYS)

    def value(self):
        size = self.random.choice([0, 1, 10, 100, 16383, 16385, 70000])
        return self.random.choice(["5", "-3", "1.25", b"abc",
                                   self.random.randbytes(size)])

    def integer(self):
        return self.random.choice([0, 1, -1, 5, 100, 20000, -9, "x"])

    def set_options(self):
        words = ["NX", "XX", "GET", "KEEPTTL", "EX 1000", "PX 3000000",
                 "EXAT 33177117420", "PXAT 33177117420000", "EX 0", "PERSIST"]
        count = self.random.choice([0, 0, 1, 1, 2, 3])
        return " ".join(self.random.choice(words)
                        for _ in range(count)).split()

    def command(self):
        key, other = self.key(), self.key()
        return self.random.choice([
            lambda: ("GET", key),
            lambda: ("SET", key, self.value(), *self.set_options()),
            lambda: ("GETEX", key, *self.set_options()),
            lambda: ("GETSET", key, self.value()),
            lambda: ("SETNX", key, self.value()),
            lambda: ("GETDEL", key),
            lambda: ("DEL", key, other),
            lambda: ("EXISTS", key, other),
            lambda: ("MGET", key, other, key),
            lambda: ("MSET", key, self.value(), other, self.value()),
            lambda: ("MSETNX", key, self.value(), other, self.value()),
            lambda: ("INCRBY", key, self.integer()),
            lambda: ("INCRBYFLOAT", key, "2.5"),
            lambda: ("APPEND", key, self.value()),
            lambda: ("SETRANGE", key, self.integer(), self.value()),
            lambda: ("GETRANGE", key, self.integer(), self.integer()),
            lambda: ("STRLEN", key),
            lambda: ("RENAME", key, other),
            lambda: ("RENAMENX", key, other),
            lambda: ("PERSIST", key),
            lambda: ("TYPE", key),
            lambda: ("DBSIZE",),
        ])()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", range(5))
def test_random_commands(pair, seed):
    dice = Dice(seed)
    for _ in range(600):
        if dice.random.random() < 0.05:
            pair.to_disk()
        pair.same(*dice.command())
    for key in Dice.KEYS:
        pair.same("GET", key)
        pair.near("PTTL", key)


@pytest.mark.parametrize("stop", ["restart", "kill9"])
def test_values_after_a_restart(warm_pair, stop):
    pair = warm_pair()
    dice = Dice(77)
    for _ in range(300):
        pair.same(*dice.command())
    pair.same("SET", "large", value_of(300000))
    if stop == "restart":
        pair.server.restart()
    else:
        pair.to_disk()
        pair.server.kill9()
        pair.server.start()
    pair.ours = pair.server.raw()
    assert pair.same("GET", "large") == value_of(300000)
    for key in Dice.KEYS:
        pair.same("GET", key)
        pair.near("PTTL", key)
    pair.same("DBSIZE")
