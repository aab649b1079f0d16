"""Collections of many pages: what is written of them, what is read of them when
only their header is asked for, and what becomes of them when they go."""

import os
import random

import pytest

from lib.resp import Error, Simple
from lib.server import wait_until
from lib.steer import OK

PAGE = 4096


def fill(server, key, count, width=16):
    client = server.raw()
    for first in range(0, count, 500):
        words = []
        for i in range(first, min(first + 500, count)):
            words += [b"field:%0*d" % (width - 6, i), b"value:%0*d" % (width - 6, i)]
        assert client.call("HSET", key, *words) == len(words) // 2


def bytes_on_disk(server):
    total = 0
    for name in os.listdir(os.path.join(server.ds_path, "data")):
        try:
            total += os.path.getsize(os.path.join(server.ds_path, "data", name))
        except FileNotFoundError:
            pass # merged away meanwhile
    return total


def cold(server, key):
    """On disk, and not in memory."""
    client = server.raw()
    assert client.call("CACHE", "FLUSH") == OK
    assert client.call("CACHE", "EVICT", key) == 1
    return client


def figure(server, name):
    return server.info("cache")[name]


# --- what is written ---------------------------------------------------------

def flushed_bytes(server, client, *command):
    assert not isinstance(client.call(*command), Error)
    assert client.call("CACHE", "FLUSH") == OK
    return figure(server, "cache_last_flush_bytes")


@pytest.mark.parametrize("count, tries", [
    (20000, 60), pytest.param(1000000, 10000, marks=pytest.mark.torture)])
def test_a_field_writes_a_few_pages(start_server, count, tries):
    """A value in a hash is one page and the key record; a new field is the way
    to the root as well."""
    server = start_server(cache_max_memory="256mb", cache_flush_delay="1h")
    fill(server, "hash", count)
    client = server.raw()
    client.call("CACHE", "FLUSH")
    rng = random.Random(count)
    for _ in range(tries):
        field = b"field:%010d" % rng.randrange(count)
        assert flushed_bytes(server, client, "HSET", "hash", field, "%010d" %
                             rng.randrange(10**9)) <= 3 * PAGE
    most = [flushed_bytes(server, client, "HSET", "hash", "new:%d" % i, "v")
            for i in range(tries)]
    assert sum(most) / len(most) <= 3 * PAGE
    assert client.call("HLEN", "hash") == count + tries


@pytest.mark.parametrize("count, tries", [
    (20000, 60), pytest.param(1000000, 10000, marks=pytest.mark.torture)])
def test_an_element_at_an_end_writes_a_few_pages(start_server, count, tries):
    server = start_server(cache_max_memory="256mb", cache_flush_delay="1h")
    client = server.raw()
    for first in range(0, count, 1000):
        client.call("RPUSH", "list", *[b"element:%08d" % i for i in
                                       range(first, min(first + 1000, count))])
    client.call("CACHE", "FLUSH")
    for i in range(tries):
        assert flushed_bytes(server, client, "RPUSH" if i % 2 else "LPUSH",
                             "list", b"element:%08d" % i) <= 3 * PAGE


# --- what is read --------------------------------------------------------------

HEADER_ONLY = [
    (["EXISTS", "hash"], 1), (["TYPE", "hash"], Simple("hash")),
    (["TTL", "hash"], -1), (["HLEN", "hash"], 20000),
    (["EXPIRE", "hash", "1000"], 1), (["PERSIST", "hash"], 0),
    (["OBJECT", "ENCODING", "hash"], b"hashtable"),
    (["RENAME", "hash", "other"], OK), (["MOVE", "hash", "1"], 1),
    (["SET", "hash", "a string"], OK), (["DEL", "hash"], 1),
]


@pytest.mark.parametrize("command, reply", HEADER_ONLY,
                         ids=[words[0] for words, _ in HEADER_ONLY])
def test_the_header_is_enough(start_server, command, reply):
    server = start_server(cache_flush_delay="1h")
    fill(server, "hash", 20000)
    client = cold(server, "hash")
    loads, resident = figure(server, "cache_loads"), server.info("memory")["used_memory"]
    assert client.call(*command) == reply
    assert figure(server, "cache_loads") - loads <= 2 # of headers: RENAME and MOVE have two
    assert figure(server, "cache_memory_values") == 0, "no page was loaded"
    assert server.info("memory")["used_memory"] - resident < 100000
    assert client.call("CACHE", "FLUSH") == OK
    server.kill9()
    server.start()
    client = server.raw()
    if command[0] == "RENAME":
        assert client.call("HGET", "other", b"field:%010d" % 77) == \
            b"value:%010d" % 77
        assert client.call("EXISTS", "hash") == 0
    elif command[0] == "MOVE":
        assert client.call("EXISTS", "hash") == 0
        assert client.call("SELECT", 1) == OK
        assert client.call("HLEN", "hash") == 20000
        assert client.call("HGET", "hash", b"field:%010d" % 77) == \
            b"value:%010d" % 77


# --- what does not fit ---------------------------------------------------------

def test_one_that_is_too_large_to_load(start_server):
    """It was written with more memory. Everything that needs its elements is
    refused; what needs its header only works, and so does deleting it."""
    server = start_server(cache_max_memory="128mb")
    fill(server, "hash", 300000)
    server.raw().call("SET", "small", "value")
    server.stop()
    server.start(cache_max_memory="16mb")
    client = server.raw()
    for command in (["HGET", "hash", "field:0000000001"], ["HSET", "hash", "a", "b"],
                    ["HGETALL", "hash"], ["COPY", "hash", "copy"]):
        reply = client.call(*command)
        assert isinstance(reply, Error) and reply.startswith(b"OOM"), (command, reply)
    assert client.call("GET", "small") == b"value"
    assert client.call("HLEN", "hash") == 300000
    assert client.call("EXPIRE", "hash", 1000) == 1
    assert client.call("RENAME", "hash", "other") == OK
    assert client.call("DEL", "other") == 1
    assert client.call("HSET", "hash", "a", "b") == 1
    assert client.call("HGETALL", "hash") == [b"a", b"b"]


def test_one_that_grows_until_it_is_refused(start_server):
    server = start_server(cache_max_memory="16mb")
    client = server.raw()
    added = 0
    while True:
        reply = client.call("RPUSH", "list", *[b"%016d" % i for i in range(1000)])
        if isinstance(reply, Error):
            break
        added += 1000
        assert reply == added
        assert added < 1000000
    assert reply.startswith(b"OOM command not allowed when used memory")
    assert client.call("LLEN", "list") == added
    assert client.call("LPOP", "list", 10) == [b"%016d" % i for i in range(10)]
    assert client.call("LTRIM", "list", 0, 99) == OK
    assert client.call("RPUSH", "list", "x") == 101
    assert client.call("CACHE", "FLUSH") == OK
    server.kill9()
    server.start()
    assert server.call("LLEN", "list") == 101


# --- what becomes of it ----------------------------------------------------------

GOES = {
    "DEL": ["DEL", "hash"], "UNLINK": ["UNLINK", "hash"],
    "SET": ["SET", "hash", "v"], "FLUSHDB": ["FLUSHDB"],
    "expiry": ["PEXPIRE", "hash", "1"],
    "SUNIONSTORE": ["SUNIONSTORE", "hash", "none"],
    "RENAME over it": ["RENAME", "small", "hash"],
}


@pytest.mark.parametrize("command", GOES.values(), ids=GOES)
@pytest.mark.parametrize("is_cold", [False, True], ids=["in memory", "cold"])
def test_its_disk_space_is_given_back(start_server, command, is_cold):
    server = start_server(cache_max_memory="64mb")
    client = server.raw()
    client.call("HSET", "small", "a", "b")
    fill(server, "hash", 100000)
    client.call("CACHE", "FLUSH")
    if is_cold:
        cold(server, "hash")
    wait_until(lambda: figure(server, "cache_flushing") == 0)
    before = bytes_on_disk(server)
    assert before > 3000000
    assert not isinstance(client.call(*command), Error)
    wait_until(lambda: client.call("HLEN", "hash") != 100000)
    wait_until(lambda: bytes_on_disk(server) < before / 5, timeout_s=40,
               what="disk space to come back")
    if command != ["FLUSHDB"]: # then it goes when the room is needed
        wait_until(lambda: figure(server, "cache_memory_values") == 0)


def test_killed_in_the_middle_the_rest_is_deleted_too(start_server):
    server = start_server(cache_max_memory="64mb")
    fill(server, "hash", 200000)
    client = server.raw()
    client.call("CACHE", "FLUSH")
    before = bytes_on_disk(server)
    assert client.call("DEL", "hash") == 1
    client.call("CACHE", "FLUSH")
    server.kill9()
    server.start()
    wait_until(lambda: bytes_on_disk(server) < before / 5, timeout_s=40,
               what="disk space to come back")
    assert server.call("EXISTS", "hash") == 0
    assert server.call("DBSIZE") == 0
