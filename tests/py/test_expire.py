"""Deadlines: setting, asking, and what happens when they pass."""

import random
import time

import pytest

from lib.pair import pair, pair_of_module
from lib.resp import Error, Simple
from lib.server import Server, wait_until

FAR_S, FAR_MS = 33177117420, 33177117420123
INT64_MAX, INT64_MIN = (1 << 63) - 1, -(1 << 63)


def value_of(size):
    return random.Random(size).randbytes(size)


def far(i=0):
    return str(FAR_S + i)


# --- setting and asking -----------------------------------------------------

def test_ttl_of_keys_without_one(pair):
    for command in ("TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST"):
        pair.same("DEL", "k")
        pair.same(command, "k")
        pair.same("SET", "k", "v")
        pair.same(command, "k")


@pytest.mark.parametrize("command, argument, ms", [
    ("EXPIRE", 1000, 1000000), ("PEXPIRE", 1000000, 1000000)])
def test_relative(pair, command, argument, ms):
    assert pair.same(command, "k", argument) == 0
    pair.same("SET", "k", "v")
    assert pair.same(command, "k", argument) == 1
    assert ms - 10000 <= pair.near("PTTL", "k") <= ms
    assert abs(pair.near("TTL", "k", within=5) - ms // 1000) <= 10
    wall = time.time() * 1000
    assert abs(pair.near("PEXPIRETIME", "k") - ms - wall) < 10000
    assert abs(pair.near("EXPIRETIME", "k", within=5)
               - (ms + wall) / 1000) < 10
    assert pair.same("PERSIST", "k") == 1
    assert pair.same("TTL", "k") == -1
    assert pair.same("PERSIST", "k") == 0


def test_absolute(pair):
    pair.all_same(
        "EXPIREAT k %s" % far(), "SET k v", "EXPIREAT k %s" % far(),
        "EXPIRETIME k", "PEXPIRETIME k", "PEXPIREAT k %d" % FAR_MS,
        "EXPIRETIME k", "PEXPIRETIME k", "PEXPIREAT k %d" % (FAR_MS + 400),
        "EXPIRETIME k", "PEXPIRETIME k", "GET k", "PERSIST k", "EXPIRETIME k")


@pytest.mark.parametrize("size", [0, 100, 16380, 16390, 65536, 500000])
def test_deadline_of_a_value_on_disk(pair, size):
    """Only the header changes; the value that was not loaded stays."""
    pair.same("SET", "k", value_of(size))
    for i in range(3):
        pair.to_disk()
        assert pair.same("EXPIREAT", "k", far(i)) == 1
        assert pair.same("EXPIRETIME", "k") == FAR_S + i
        pair.to_disk()
        assert pair.same("EXPIRETIME", "k") == FAR_S + i
        assert pair.same("STRLEN", "k") == size
        assert pair.same("GET", "k") == value_of(size)
    pair.to_disk()
    assert pair.same("PERSIST", "k") == 1
    pair.to_disk()
    assert pair.same("TTL", "k") == -1
    assert pair.same("GET", "k") == value_of(size)
    assert pair.same("DBSIZE") == 1


@pytest.mark.parametrize("size", [10, 20000, 100000])
def test_write_between_deadlines_in_one_epoch(pair, size):
    pair.same("SET", "k", value_of(size))
    pair.same("EXPIREAT", "k", far())
    pair.same("SET", "k", value_of(size + 1), "KEEPTTL")
    pair.same("EXPIREAT", "k", far(1))
    pair.to_disk()
    pair.same("PERSIST", "k")
    pair.same("EXPIREAT", "k", far(2))
    pair.same("APPEND", "k", "x")
    pair.to_disk()
    pair.all_same("EXPIRETIME k", "GET k", "DBSIZE")


# --- options ----------------------------------------------------------------

@pytest.mark.parametrize("command", ["EXPIREAT", "PEXPIREAT"])
@pytest.mark.parametrize("options", [
    "NX", "XX", "GT", "LT", "nx", "Gt", "XX GT", "XX LT", "GT XX", "LT LT",
    "NX NX", "NX XX", "NX GT", "LT NX", "GT LT", "NX XX GT LT", "LT GT XX",
    "foo", "NX foo", "foo NX", "", "XX ", "a\r\nb", "GT GT GT"])
def test_options(pair, command, options):
    unit = 1 if command == "EXPIREAT" else 1000
    for old in (None, "none", FAR_S - 1, FAR_S, FAR_S + 1):
        pair.same("DEL", "k")
        if old is not None:
            pair.same("SET", "k", "v")
        if isinstance(old, int):
            pair.same("EXPIREAT", "k", old)
        pair.same(command, "k", FAR_S * unit, *options.split(" "))
        pair.same("PEXPIRETIME", "k")


def test_options_of_relative_ones(pair):
    pair.all_same(
        "EXPIRE k 100 NX", "SET k v", "EXPIRE k 100 XX", "EXPIRE k 100 GT",
        "TTL k", "EXPIRE k 500 LT", "EXPIRE k 100 NX", "EXPIRE k 100 GT",
        "EXPIRE k 900 LT", "PEXPIRE k 900000 GT", "PEXPIRE k 100000 LT",
        "EXPIRE k 300 XX GT", "EXPIRE k 200 XX GT")
    assert 290 <= pair.near("TTL", "k") <= 300


@pytest.mark.parametrize("option", [None, "NX", "XX", "GT", "LT"])
@pytest.mark.parametrize("command, argument", [
    ("EXPIRE", 0), ("EXPIRE", -1), ("PEXPIRE", -1000), ("EXPIREAT", 0),
    ("EXPIREAT", 1), ("EXPIREAT", -1), ("PEXPIREAT", 0), ("PEXPIREAT", -5),
    ("PEXPIREAT", INT64_MIN), ("PEXPIRE", INT64_MIN), ("PEXPIRE", 0),
    ("EXPIRE", -9223372036854775), ("EXPIREAT", -9223372036854775)])
def test_deadline_in_the_past_deletes(pair, command, argument, option):
    options = [option] if option else []
    for old in (None, "none", FAR_S):
        pair.same("DEL", "k")
        if old is not None:
            pair.same("SET", "k", "v")
        if isinstance(old, int):
            pair.same("EXPIREAT", "k", old)
        pair.same(command, "k", argument, *options)
        pair.all_same("GET k", "EXPIRETIME k", "DBSIZE")
    pair.to_disk()
    pair.all_same("GET k", "EXPIRETIME k", "DBSIZE")


# --- malformed --------------------------------------------------------------

@pytest.mark.parametrize("command", ["EXPIRE", "PEXPIRE", "EXPIREAT",
                                     "PEXPIREAT"])
@pytest.mark.parametrize("argument", [
    "", "x", "1.5", " 1", "1 ", "+1", "01", "1e3", "9223372036854775808",
    "-9223372036854775809", str(INT64_MAX), str(INT64_MIN),
    "9223372036854775", "9223372036854776", "-9223372036854775",
    "-9223372036854776", str(INT64_MAX - 1000), "1\0"])
def test_argument(pair, command, argument):
    pair.same(command, "k", argument)
    pair.same("SET", "k", "v")
    pair.same(command, "k", argument)
    pair.same("EXISTS", "k")
    if command.endswith("AT") and argument != str(INT64_MAX):
        pair.same("PEXPIRETIME", "k")


def test_largest_deadline(pair):
    """Redis's EXPIRETIME overflows here; ours tells the truth."""
    pair.same("SET", "k", "v")
    pair.same("PEXPIREAT", "k", INT64_MAX)
    assert pair.same("PEXPIRETIME", "k") == INT64_MAX
    assert pair.ours.call("EXPIRETIME", "k") == 9223372036854776
    pair.to_disk()
    assert pair.same("PEXPIRETIME", "k") == INT64_MAX
    pair.all_same("GET k", "PERSIST k", "TTL k")


@pytest.mark.parametrize("command", [
    "EXPIRE", "EXPIRE k", "PEXPIRE k", "EXPIREAT k", "PEXPIREAT k", "TTL",
    "TTL k k", "PTTL", "EXPIRETIME", "PEXPIRETIME k k", "PERSIST",
    "PERSIST k k"])
def test_wrong_number_of_arguments(pair, command):
    pair.same(*command.split())


# --- deadlines that pass ----------------------------------------------------

def expired_pair(pair, *set_commands):
    """Both have keys that expired a moment ago, untouched since."""
    for command in set_commands:
        pair.same(*command)
    time.sleep(0.06)


def gone(key="k", value="v"):
    return ("SET", key, value, "PX", "40")


@pytest.mark.parametrize("command", [
    "GET k", "STRLEN k", "EXISTS k k", "TYPE k", "TTL k", "PTTL k",
    "EXPIRETIME k", "PERSIST k", "EXPIRE k 100", "EXPIRE k 100 NX", "DEL k",
    "UNLINK k", "TOUCH k", "SET k w NX", "SET k w XX", "SET k w GET",
    "SET k w KEEPTTL", "SET k w NX GET", "SETNX k w", "GETSET k w", "GETDEL k",
    "GETEX k", "GETEX k PERSIST", "GETEX k EX 100", "APPEND k w", "INCR k",
    "DECRBY k 5", "INCRBYFLOAT k 1.5", "SETRANGE k 1 w", "GETRANGE k 0 -1",
    "MGET k k2", "MSETNX k 1 k2 2", "RENAME k k2", "RENAMENX k k2",
    "RENAME k k", "SET k w", "MSET k w"])
def test_expired_key_is_none(pair, command):
    expired_pair(pair, gone())
    pair.all_same(command, "GET k", "TTL k", "GET k2", "EXISTS k k2")


@pytest.mark.parametrize("command", ["RENAMENX k2 k", "RENAME k2 k"])
def test_rename_onto_an_expired_key(pair, command):
    expired_pair(pair, gone(), ("SET", "k2", "w"))
    pair.all_same(command, "GET k", "TTL k", "EXISTS k2")


@pytest.mark.parametrize("size", [10, 20000, 100000])
def test_expired_on_disk(pair, size):
    pair.same("SET", "k", value_of(size))
    pair.same("PEXPIRE", "k", 60)
    pair.to_disk()
    time.sleep(0.08)
    pair.all_same("GET k", "TTL k", "EXISTS k", "SET k new NX", "GET k",
                  "TTL k")
    pair.to_disk()
    pair.all_same("GET k", "TTL k", "DBSIZE")


def test_not_expired_too_early(pair):
    """A deadline is counted from when the command came, however long the
    server had waited for it."""
    time.sleep(0.3)
    before = time.monotonic()
    pair.same("SET", "k", "v", "PX", 400)
    left = pair.ours.call("PTTL", "k")
    passed_ms = (time.monotonic() - before) * 1000
    assert 400 - passed_ms - 2 <= left <= 400


@pytest.mark.parametrize("wait_ms", [1, 20, 150])
def test_not_alive_too_late(pair, wait_ms):
    """However long the server had nothing to do meanwhile."""
    for _ in range(5):
        pair.ours.call("SET", "k", "v", "PX", wait_ms)
        time.sleep((wait_ms + 2) / 1000)
        assert pair.ours.call("GET", "k") is pair.null


def test_overwriting_takes_the_deadline_away(pair):
    pair.same("SET", "k", "v", "PX", 50)
    pair.same("SET", "k2", "v", "PX", 50)
    pair.to_disk()
    pair.same("SET", "k", "w")
    pair.same("MSET", "k2", "w")
    pair.to_disk()
    time.sleep(0.1)
    pair.all_same("GET k", "TTL k", "GET k2", "DBSIZE")


def test_persist_in_time(pair):
    pair.same("SET", "k", value_of(100000), "PX", 700)
    pair.to_disk()
    pair.same("PERSIST", "k")
    pair.to_disk()
    time.sleep(0.75)
    assert pair.same("GET", "k") == value_of(100000)
    pair.same("DBSIZE")


@pytest.mark.parametrize("size", [10, 100000])
def test_expires_while_the_server_is_down(size):
    with Server() as server:
        client = server.raw()
        client.call("SET", "gone", value_of(size), "PX", 300)
        client.call("SET", "stays", value_of(size), "EXAT", FAR_S)
        client.call("CACHE", "FLUSH")
        server.kill9()
        time.sleep(0.35)
        server.start()
        client = server.raw(protocol=3)
        assert not client.call("GET", "gone")
        assert client.call("TTL", "gone") == -2
        assert client.call("EXPIRETIME", "stays") == FAR_S
        assert client.call("GET", "stays") == value_of(size)
        wait_until(lambda: client.call("DBSIZE") == 1, what="one key is left")


def test_many_expire_by_themselves(pair):
    """Nobody asks for them: DBSIZE falls all the same."""
    keys = [b"e:%d" % i for i in range(500)]
    for key in keys:
        pair.ours.send("SET", key, "v", "PX", 200)
    pair.ours.recv_many(len(keys))
    assert pair.ours.call("SET", "k", "v") == Simple("OK")
    wait_until(lambda: pair.ours.call("DBSIZE") == 1, what="all are gone")


# --- memory -----------------------------------------------------------------

@pytest.mark.alone
@pytest.mark.plain_only
@pytest.mark.timeout(60)
@pytest.mark.parametrize("command", ["EXPIRE", "RENAME"])
def test_writes_that_grow_nothing_stay_within_memory(command):
    """They make whole values dirty all the same, faster than a disk takes
    them. If only growing commands had to wait for it, the next cut would be
    all that is in memory, and nothing there could be evicted."""
    count, limit = 15000, 256 << 20
    with Server(cache_max_memory=limit) as server:
        client = server.raw()
        for start in range(0, count, 100):
            client.pipeline([("SET", "a:%d" % i, random.randbytes(10000))
                             for i in range(start, start + 100)])
        assert client.call("CACHE", "FLUSH") == Simple("OK")
        with server.sample_rss() as rss:
            for turn in range(3):
                old, new = ("a:%d", "b:%d")[::1 if turn % 2 == 0 else -1]
                replies = client.pipeline(
                    [("RENAME", old % i, new % i) if command == "RENAME"
                     else ("EXPIRE", "a:%d" % i, 1000 + turn)
                     for i in range(count)])
                assert not any(isinstance(one, Error) for one in replies)
        assert rss.peak_bytes <= limit * 1.1 + (32 << 20)
        assert client.call("DBSIZE") == count


# --- all of it, at random ---------------------------------------------------

class Dice:
    KEYS = ["k", "k2", "k3"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def command(self):
        pick = self.random.choice
        key = pick(self.KEYS)
        deadline = pick([FAR_S, FAR_S, FAR_S + 1, FAR_S - 1, 1])
        options = pick(["", "", "NX", "XX", "GT", "LT", "XX GT", "NX LT"])
        return pick([
            lambda: ("EXPIREAT", key, deadline, *options.split()),
            lambda: ("PEXPIREAT", key, deadline * 1000, *options.split()),
            lambda: ("PERSIST", key),
            lambda: ("SET", key, value_of(pick([1, 17000, 70000]))),
            lambda: ("SET", key, "v", "KEEPTTL"),
            lambda: ("SET", key, "v", "EXAT", deadline),
            lambda: ("GETEX", key, "PXAT", deadline * 1000),
            lambda: ("APPEND", key, "x"),
            lambda: ("RENAME", key, pick(self.KEYS)),
            lambda: ("PEXPIRETIME", key),
            lambda: ("EXPIRETIME", key),
            lambda: ("STRLEN", key),
            lambda: ("GET", key),
            lambda: ("EXISTS", *self.KEYS),
        ])()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", range(4))
def test_random_commands(pair, seed):
    dice = Dice(seed)
    for _ in range(500):
        if dice.random.random() < 0.1:
            pair.to_disk()
        pair.same(*dice.command())
    pair.to_disk()
    for key in Dice.KEYS:
        pair.same("PEXPIRETIME", key)
        pair.same("GET", key)
    pair.same("PERSIST", "k")
