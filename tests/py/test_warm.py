"""Warming: what was hot before a restart is in memory soon after it, while
clients are served; and CACHE WARM. Races with single jobs are in
tests/db/test_warmup.c."""

import os

import pytest

from lib.resp import NULL_BULK, Error
from lib.server import wait_until
from lib.steer import OK, cold, figures, flush, gate, states, steered

COUNT = 2000


@pytest.fixture
def server(start_server):
    return steered(start_server, cache_warm_restart=True)


def names(first=0, count=COUNT):
    return ["key:%d" % number for number in range(first, first + count)]


def fill(server, keys, value="value of "):
    server.raw().pipeline([("SET", key, value + key) for key in keys])
    flush(server)


def saved(server):
    """The names are written now, not only when a minute is over."""
    before = figures(server)["cache_warm_saves"]
    assert server.call("DEBUG", "WARM-SAVE") == OK
    wait_until(lambda: figures(server)["cache_warm_saves"] > before,
               what="names are saved")


def warmed(server):
    """The figures when it is over."""
    wait_until(lambda: figures(server)["cache_warm_running"] == 0,
               what="warming is over")
    return figures(server)


def warm_file(server):
    return os.path.join(server.ds_path, "DISKSTORE.warm")


def count_in_memory(server, keys):
    return states(server, *keys).count("memory")


# --- after a restart -------------------------------------------------------

def test_after_sigterm(server):
    fill(server, names())
    server.restart()
    info = warmed(server)
    assert info["cache_warm_total"] == info["cache_warm_done"] \
        == info["cache_warm_loaded"] == info["cache_warm_saved_keys"] == COUNT
    assert info["cache_warm_full"] == 0
    assert count_in_memory(server, names()) == COUNT
    replies = server.raw().pipeline([("GET", key) for key in names()])
    assert replies == [b"value of " + key.encode() for key in names()]
    after = figures(server)
    assert after["cache_misses"] == after["cache_loads"] == 0
    assert after["cache_hits"] >= COUNT
    assert server.call("DEBUG", "CHECK") == OK


def test_after_a_kill(server):
    fill(server, names())
    now_s = int(server.call("TIME")[0])
    saved(server)
    assert now_s <= figures(server)["cache_warm_last_save"] <= now_s + 60
    fill(server, names(COUNT, 10))
    server.kill9()
    server.start()
    assert warmed(server)["cache_warm_loaded"] == COUNT
    assert count_in_memory(server, names()) == COUNT
    assert count_in_memory(server, names(COUNT, 10)) == 0


@pytest.mark.parametrize("io_threads", [0, 3])
def test_with_other_threads(start_server, io_threads):
    server = steered(start_server, cache_warm_restart=True,
                     io_threads=io_threads)
    fill(server, names())
    saved(server)
    server.restart()
    assert warmed(server)["cache_warm_loaded"] == COUNT
    assert count_in_memory(server, names()) == COUNT


def test_all_types_and_databases(server):
    client = server.raw()
    client.call("SELECT", 3)
    client.call("RPUSH", "list", *range(100))
    client.call("HSET", "hash", "field", "value")
    client.call("ZADD", "large", *sum(([n, n] for n in range(3000)), []))
    client.call("SET", "text", "x" * 100000)
    client.call("SWAPDB", 3, 4)
    server.restart()
    assert warmed(server)["cache_warm_loaded"] == 4
    client = server.raw()
    client.call("SELECT", 4)
    assert client.call("LRANGE", "list", 0, -1)[99] == b"99"
    assert client.call("HGET", "hash", "field") == b"value"
    assert client.call("ZSCORE", "large", 2999) == b"2999"
    assert client.call("GETRANGE", "text", 99990, -1) == b"x" * 10
    assert figures(server)["cache_loads"] == 0


def test_what_has_changed_since_the_names_were_saved(server):
    fill(server, names())
    server.call("SET", "brief", "v", "PX", "1")
    server.call("SET", "renamed", "v")
    flush(server)
    saved(server)
    server.call("DEL", *names(0, 100))
    server.call("RENAME", "renamed", "other")
    server.call("SET", "key:200", "changed")
    server.raw().pipeline([("PEXPIRE", key, 1) for key in names(300, 10)])
    flush(server)
    server.kill9()
    server.start()
    info = warmed(server)
    assert COUNT <= info["cache_warm_total"] <= COUNT + 2
    assert info["cache_warm_done"] == info["cache_warm_total"]
    assert info["cache_warm_loaded"] == COUNT - 110
    assert server.call("MGET", "key:0", "key:200", "key:300", "brief",
                       "renamed", "other") \
        == [NULL_BULK, b"changed", NULL_BULK, NULL_BULK, NULL_BULK, b"v"]
    assert server.call("DBSIZE") >= COUNT - 110 + 1
    assert server.call("DEBUG", "CHECK") == OK


def test_clients_come_first_and_are_right(server):
    """While nothing can be read, and after."""
    fill(server, names())
    server.restart(debug_store=True)
    with gate(server, "get"):
        writer = server.raw()
        assert writer.call("SET", "key:1", "new") == OK
        reader = server.raw()
        reader.send("GET", "key:2")
        assert server.call("GET", "key:1") == b"new"
        assert server.call("DEBUG", "CHECK") == OK
    assert reader.recv() == b"value of key:2"
    info = warmed(server)
    assert info["cache_warm_done"] == COUNT
    assert server.call("GET", "key:1") == b"new"
    assert states(server, "key:3") == ["memory"]


def test_flushall_in_between(server):
    fill(server, names())
    server.restart()
    with gate(server, "get"):
        assert server.call("FLUSHALL") == OK
    assert warmed(server)["cache_warm_done"] == COUNT
    assert server.call("DBSIZE") == 0
    assert server.call("GET", "key:1") == NULL_BULK
    flush(server)
    saved(server)
    server.restart()
    assert warmed(server)["cache_warm_total"] <= 1
    assert server.call("DBSIZE") == 0


def test_it_stops_when_memory_is_full(start_server):
    server = steered(start_server, cache_warm_restart=True,
                     cache_max_memory="64mb")
    keys = names(0, 15000)
    fill(server, keys, "x" * 1000)
    server.restart(cache_max_memory="16mb")
    info = warmed(server)
    assert info["cache_warm_full"] == 1
    assert 1000 < info["cache_warm_loaded"] < 15000
    assert info["cache_evictions"] == 0
    assert info["cache_used_memory"] <= info["cache_limit_memory"]
    assert server.call("GET", "key:14999") == b"x" * 1000 + b"key:14999"


# --- the file ----------------------------------------------------------------

def test_off(server):
    fill(server, names())
    assert server.call("CONFIG", "SET", "cache-warm-restart", "no") == OK
    server.restart()
    assert not os.path.exists(warm_file(server))
    assert server.call("CONFIG", "SET", "cache-warm-restart", "yes") == OK
    fill(server, names())
    server.restart(cache_warm_restart=False)
    assert os.path.exists(warm_file(server))
    info = warmed(server)
    assert info["cache_warm_total"] == info["cache_warm_loaded"] == 0
    assert count_in_memory(server, names()) == 0


def test_nothing_is_written_by_reading(server):
    fill(server, names())
    server.restart()
    warmed(server)
    before = os.stat(warm_file(server))
    server.restart()
    warmed(server)
    after = os.stat(warm_file(server))
    assert (before.st_ino, before.st_mtime_ns) \
        == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("damage", ["torn", "changed", "empty", "directory",
                                    "names"])
def test_a_damaged_file_is_ignored(server, damage):
    fill(server, names())
    server.stop()
    path = warm_file(server)
    with open(path, "rb") as file:
        good = file.read()
    if damage == "directory":
        os.remove(path)
        os.mkdir(path)
    else:
        bad = {"torn": good[:len(good) // 2], "empty": b"",
               "changed": good[:-20] + b"x" + good[-19:],
               "names": good[:30] + b"x" + good[31:]}[damage]
        with open(path, "wb") as file:
            file.write(bad)
    server.start()
    assert warmed(server)["cache_warm_loaded"] == 0
    assert "not warmed" in server.log_text
    assert server.call("GET", "key:1") == b"value of key:1"
    if damage == "directory":
        os.rmdir(path)
    server.restart() # a new one is written
    assert warmed(server)["cache_warm_loaded"] >= 1


def test_a_file_that_can_not_be_written(server):
    fill(server, names())
    saved(server)
    os.mkdir(warm_file(server) + ".new")
    assert server.call("DEBUG", "WARM-SAVE") == OK
    wait_until(lambda: "names of hot keys are not saved" in server.log_text)
    os.rmdir(warm_file(server) + ".new")
    saved(server)
    assert figures(server)["cache_warm_saved_keys"] == COUNT


# --- CACHE WARM --------------------------------------------------------------

def test_keys_that_are_asked_for(server):
    fill(server, names())
    cold(server, *names())
    assert server.call("CACHE", "WARM", "key:1", "key:2", "missing") == 3
    info = warmed(server)
    assert info["cache_warm_total"] == info["cache_warm_done"] == 3
    assert info["cache_warm_loaded"] == 2
    assert states(server, "key:1", "key:2", "key:3", "missing") \
        == ["memory", "memory", "disk", "none"]
    assert server.call("CACHE", "WARM", "key:1", "key:3") == 1
    assert server.call("CACHE", "WARM", "match") == 1
    warmed(server)
    assert server.call("CACHE", "WARM", "match", "a", "b") == 3
    wait_until(lambda: states(server, "key:3") == ["memory"])
    assert isinstance(server.call("CACHE", "WARM"), Error)


def test_keys_that_match(server):
    fill(server, names())
    cold(server, *names())
    assert server.call("CACHE", "WARM", "MATCH", "key:19*") == OK
    warmed(server)
    assert count_in_memory(server, names()) == 111
    assert server.call("CACHE", "WARM", "match", "*") == OK
    info = warmed(server)
    assert info["cache_warm_total"] == COUNT
    assert info["cache_warm_loaded"] == COUNT - 111
    assert count_in_memory(server, names()) == COUNT
    assert server.call("DEBUG", "CHECK") == OK


def test_in_a_transaction_and_in_another_database(server):
    fill(server, names(0, 10))
    cold(server, *names(0, 10))
    client = server.raw(protocol=3)
    client.call("SELECT", 1)
    assert client.call("CACHE", "WARM", "key:1") in (0, 1)
    client.call("CACHE", "WARM", "MATCH", "*")
    assert warmed(server)["cache_warm_loaded"] == 0
    client.call("SELECT", 0)
    replies = client.pipeline([("MULTI",), ("CACHE", "WARM", "key:1"),
                               ("CACHE", "WARM", "MATCH", "key:2"),
                               ("EXEC",)])
    assert replies[-1] == [1, OK]
    warmed(server)
    assert states(server, "key:1", "key:2", "key:3") \
        == ["memory", "memory", "disk"]


def test_where_nothing_is_kept(start_server):
    server = steered(start_server, cache_warm_restart=True,
                     cache_max_memory="0")
    fill(server, names(0, 10))
    assert server.call("CACHE", "WARM", "key:1") == 0
    assert server.call("CACHE", "WARM", "MATCH", "*") == OK
    assert warmed(server)["cache_warm_total"] == 0
    server.restart()
    assert not os.path.exists(warm_file(server))
