"""SLOWLOG: what is logged, in which words, and what it says of waiting."""

import os
import time

import pytest

from lib.resp import Error, Map, RespClient, Simple
from lib.steer import OK, cold, figures, gate, order, started, steered, \
    wait_waiting

SLOW_US = 20_000


@pytest.fixture
def server(start_server):
    return steered(start_server)


def log_all(*servers):
    for server in servers:
        client = server.raw()
        assert client.call("CONFIG", "SET", "slowlog-log-slower-than", 0) == OK
        client.call("SLOWLOG", "RESET")


def entries(server, count=-1):
    """Newest first."""
    return server.call("SLOWLOG", "GET", count)


def commands(server):
    """The words of each entry, oldest first."""
    return [entry[3] for entry in reversed(entries(server))]


def spent(entry):
    """The last field: {"run": us, "wait-disk": us, ...}."""
    return {name.decode(): us for name, us in zip(entry[6][::2], entry[6][1::2])}


# --- entries ---------------------------------------------------------------

def test_an_entry_tells_who_what_and_when(server):
    client = server.raw()
    client.call("CLIENT", "SETNAME", "slow-one")
    client.call("CONFIG", "SET", "slowlog-log-slower-than", SLOW_US)
    before = time.time()
    client.call("DEBUG", "SLEEP", SLOW_US * 2 / 1e6)
    client.call("PING")
    [entry] = entries(server)
    assert len(entry) == 7
    number, at_s, us, words, address, name, _ = entry
    assert number == 0
    assert before - 1 <= at_s <= time.time() + 1
    assert us >= SLOW_US * 2
    assert words == [b"DEBUG", b"SLEEP", b"0.04"]
    assert address == b"%s:%d" % (
        client.socket.getsockname()[0].encode(),
        client.socket.getsockname()[1])
    assert name == b"slow-one"
    assert spent(entry) == {"run": us, "wait-disk": 0, "wait-room": 0,
                            "wait-turn": 0}


def test_the_last_field_is_a_map(server):
    log_all(server)
    server.call("PING")
    entry = server.raw(3).call("SLOWLOG", "GET", 1)[0]
    assert isinstance(entry[6], Map)
    assert [name for name, _ in entry[6]] == [
        b"run", b"wait-disk", b"wait-room", b"wait-turn"]


def test_redis_py_understands_it(server):
    log_all(server)
    server.call("SET", "k", "v")
    client = server.client()
    assert client.slowlog_len() > 0
    assert b"SET k v" in [one["command"] for one in client.slowlog_get()]
    assert client.slowlog_reset()


# Sent to both servers; what each logs must be the same.
SCRIPT = [
    ("SET", "k", "v"), ("GET", "k"), ("NOSUCH",), ("GET",), ("INCR", "k"),
    ("GET", b"\x00\r\n\xff"), ("SET", "k", b"x" * 128),
    ("SET", "k", b"x" * 129), ("SET", "k", b"y" * 100_000),
    ("MGET", *["k%d" % i for i in range(30)]),
    ("MGET", *["k%d" % i for i in range(31)]),
    ("MGET", *["k%d" % i for i in range(32)]),
    ("MGET", *["k%d" % i for i in range(1000)]),
    ("MULTI",), ("SET", "a", 1), ("GET", "a"), ("INCR", "k"), ("EXEC",),
    ("MULTI",), ("NOSUCH",), ("EXEC",), ("MULTI",), ("PING",), ("DISCARD",),
    ("AUTH", "secret"), ("AUTH", "default", "secret"),
    ("HELLO", "2", "AUTH", "default", "secret", "SETNAME", "me"),
    ("CONFIG", "SET", "requirepass", "secret", "maxclients", "500"),
    ("CONFIG", "SET", "requirepass", ""),
    ("CONFIG", "GET", "maxclients"), ("SELECT", 3), ("CLIENT", "ID"),
    ("SLOWLOG", "LEN"), ("SLOWLOG", "HELP"), ("SLOWLOG", "NOSUCH"),
    ("COMMAND", "COUNT"), ("RESET",),
]


def test_what_is_logged_is_what_redis_logs(server, redis_server):
    log_all(server, redis_server)
    logged = []
    for one in (server, redis_server):
        client = one.raw()
        client.call("SLOWLOG", "RESET")
        for words in SCRIPT:
            client.call(*words)
        # EXEC only if it waited: here for keys that ours has to look for.
        logged.append([words for words in commands(one)
                       if words != [b"EXEC"]])
        client.close()
    assert logged[0] == logged[1]
    assert [b"MGET"] + [b"k%d" % i for i in range(30)] \
        + [b"... (970 more arguments)"] in logged[0]
    assert [b"SET", b"k", b"x" * 128 + b"... (1 more bytes)"] in logged[0]
    assert [b"AUTH", b"default", b"(redacted)"] not in logged[0]


def test_no_password_is_logged_whatever_else_is_wrong(server):
    log_all(server)
    for words in [("AUTH", "a", "pass-word", "c"),
                  ("HELLO", "9", "AUTH", "default", "pass-word"),
                  ("HELLO", "x", "auth", "pass-word", "pass-word"),
                  ("CONFIG", "SET", "requirepass", "pass-word", "x", "y")]:
        assert isinstance(server.call(*words), Error)
    assert not any(b"pass-word" in word
                   for words in commands(server) for word in words)


EMPTY = [
    ("SLOWLOG", "LEN"), ("SLOWLOG", "RESET"), ("SLOWLOG", "GET"),
    ("SLOWLOG", "GET", "0"), ("SLOWLOG", "GET", "-1"),
    ("SLOWLOG", "GET", "-2"), ("SLOWLOG", "GET", "x"),
    ("SLOWLOG", "GET", "9223372036854775807"),
    ("SLOWLOG", "GET", "9223372036854775808"),
    ("SLOWLOG", "get", "1", "2"), ("SLOWLOG",), ("SLOWLOG", "x"),
    ("slowlog", "LEN", "x"), ("SLOWLOG", "RESET", "x"),
]


@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_of_an_empty_log(server, redis_server, protocol):
    ours, theirs = server.raw(protocol), redis_server.raw(protocol)
    for words in EMPTY:
        assert ours.call_raw(*words) == theirs.call_raw(*words), words


def test_help(server, redis_server):
    ours = server.call("SLOWLOG", "HELP")
    theirs = redis_server.call("SLOWLOG", "HELP")
    assert all(type(line) is Simple for line in ours)
    assert ours[0] == theirs[0] and ours[-2:] == theirs[-2:]
    names = [line.split()[0] for line in ours if line[:1].isupper()]
    assert set(names) == {line.split()[0] for line in theirs
                          if line[:1].isupper()}


# --- how many --------------------------------------------------------------

def test_length_and_numbers(server):
    log_all(server)
    client = server.raw()
    client.call("CONFIG", "SET", "slowlog-max-len", 5)
    for i in range(20):
        client.call("ECHO", i)
    assert client.call("SLOWLOG", "LEN") == 5
    client.call("ECHO", "last")
    last = client.call("SLOWLOG", "GET", 1)[0]
    assert last[3] == [b"ECHO", b"last"]
    assert len(client.call("SLOWLOG", "GET")) == 5
    assert client.call("SLOWLOG", "RESET") == OK
    client.call("PING")
    later = client.call("SLOWLOG", "GET", -1)
    assert [one[3] for one in later] == [[b"PING"], [b"SLOWLOG", b"RESET"]]
    assert [one[0] for one in later] == [last[0] + 4, last[0] + 3]


def test_ten_unless_said_otherwise(server):
    log_all(server)
    for i in range(30):
        server.call("ECHO", i)
    assert len(server.call("SLOWLOG", "GET")) == 10
    assert len(server.call("SLOWLOG", "GET", 25)) == 25
    assert len(server.call("SLOWLOG", "GET", 1000)) > 30


@pytest.mark.parametrize("option, value", [
    ("slowlog-log-slower-than", -1), ("slowlog-max-len", 0)])
def test_switched_off(server, option, value):
    log_all(server)
    server.call("CONFIG", "SET", option, value)
    server.call("SLOWLOG", "RESET")
    server.call("DEBUG", "SLEEP", 0.02)
    assert server.call("SLOWLOG", "LEN") == 0


def test_memory_is_charged_and_bounded(start_server):
    server = steered(start_server, cache_max_memory="16mb")
    log_all(server)
    client = server.raw()
    client.call("CONFIG", "SET", "slowlog-max-len", 1_000_000)
    before = figures(server)["cache_memory_other"]
    words = ["x" * 1000] * 31
    client.pipeline([("MGET", *words)] * 500)
    grown = figures(server)["cache_memory_other"] - before
    count = client.call("SLOWLOG", "LEN")
    assert 20 < count < 200
    assert 100_000 < grown < 16 * 1024 * 1024 / 64 + 20_000
    client.call("CONFIG", "SET", "slowlog-log-slower-than", -1)
    client.call("SLOWLOG", "RESET")
    # What is left are histograms of commands that had not run before.
    assert figures(server)["cache_memory_other"] < before + 20_000


# --- waiting ---------------------------------------------------------------

def waited(server, kind):
    """The newest entry that waited for that: (words, field three, spent)."""
    found = [entry for entry in entries(server)
             if spent(entry)["wait-" + kind] > 0]
    return (found[0][3], found[0][2], spent(found[0])) if found else None


def test_waiting_for_the_disk(server):
    server.call("SET", "k", "v")
    cold(server, "k")
    server.call("CONFIG", "SET", "slowlog-log-slower-than", SLOW_US)
    order(server, "delay get %d" % (SLOW_US * 2 // 1000))
    assert server.call("GET", "k") == b"v"
    words, total, us = waited(server, "disk")
    assert words == [b"GET", b"k"]
    assert us["wait-disk"] >= SLOW_US
    assert us["run"] < us["wait-disk"]
    assert us["wait-room"] == us["wait-turn"] == 0
    assert us["run"] + us["wait-disk"] == total
    server.call("GET", "k") # in memory now
    assert server.call("SLOWLOG", "LEN") == 1


def test_waiting_is_not_run_time(server):
    server.call("SET", "k", "v")
    cold(server, "k")
    server.call("CONFIG", "RESETSTAT")
    order(server, "delay get 100")
    server.call("GET", "k")
    line = server.info("commandstats")["cmdstat_get"]
    stat = dict(field.split("=") for field in line.split(","))
    assert stat["calls"] == "1"
    assert int(stat["usec"]) < 100_000


def test_waiting_for_a_flush_that_was_asked_for(server):
    server.call("SET", "k", "v")
    server.call("CONFIG", "SET", "slowlog-log-slower-than", SLOW_US)
    order(server, "delay write %d" % (SLOW_US * 2 // 1000))
    server.call("CACHE", "FLUSH")
    words, _, us = waited(server, "disk")
    assert words == [b"CACHE", b"FLUSH"]
    assert us["wait-disk"] >= SLOW_US


def test_waiting_for_room(start_server):
    server = steered(start_server, cache_max_memory="16mb", cut_max="100kb")
    server.call("CONFIG", "SET", "slowlog-log-slower-than", 1000)
    server.call("SLOWLOG", "RESET")
    order(server, "delay write 30")
    server.raw().pipeline([("SET", "k%d" % i, "x" * 1000)
                           for i in range(1000)])
    words, _, us = waited(server, "room")
    assert words[0] == b"SET"
    assert us["wait-room"] >= 1000


def test_waiting_for_a_turn(start_server):
    server = steered(start_server, cache_max_memory="16mb",
                     unixsocket="socket")
    value = b"x" * 1_500_000
    assert server.call("SET", "k", value) == OK
    log_all(server)
    path = os.path.join(server.directory, "socket")
    readers = [RespClient(path=path) for _ in range(3)]
    for reader in readers:
        reader.send("GET", "k") # and does not read
    server.call("PING") # all have been read
    for reader in readers:
        assert reader.recv() == value
        reader.close()
    words, _, us = waited(server, "turn")
    assert words == [b"GET", b"k"]
    assert us["wait-turn"] > 0


def test_what_exec_waited_is_told_of_exec(server):
    server.call("MSET", "a", 1, "b", 2)
    cold(server, "a", "b")
    log_all(server)
    client = server.raw()
    client.pipeline([("MULTI",), ("GET", "a"), ("GET", "b")])
    order(server, "delay get 30")
    assert client.call("EXEC") == [b"1", b"2"]
    found = {tuple(entry[3]): spent(entry) for entry in entries(server)}
    assert found[(b"EXEC",)]["wait-disk"] >= 20_000
    assert found[(b"EXEC",)]["run"] == 0
    assert found[(b"GET", b"a")]["wait-disk"] == 0
    # In memory now: EXEC waits for nothing, and is not logged.
    server.call("SLOWLOG", "RESET")
    client.pipeline([("MULTI",), ("GET", "a")])
    assert client.call("EXEC") == [b"1"]
    words = commands(server)
    assert [b"GET", b"a"] in words and [b"EXEC"] not in words


def test_who_waited_and_was_refused_begins_anew(server):
    """What a failed command waited is no time of the next one."""
    server.call("SET", "k", "v")
    cold(server, "k")
    server.call("CONFIG", "SET", "slowlog-log-slower-than", SLOW_US)
    order(server, "fail get 1 corrupt")
    with gate(server, "get"):
        client = started(server, "GET", "k")
        wait_waiting(server, "get")
        time.sleep(SLOW_US / 1e6) # it has waited so long at least
    assert client.recv().code == "IOERR"
    assert client.call("PING") == Simple("PONG")
    assert server.call("SLOWLOG", "LEN") == 0
