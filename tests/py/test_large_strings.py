"""Strings in chunks: changed in part, saved in part, sent from where they lie;
and never a mixture of two states, on disk or in a reply."""

import random

import pytest

from lib.pair import pair, pair_of_module
from lib.resp import NULL_BULK, Error
from lib.steer import (OK, cold, figures, flush, gate, order, started, states,
                       steered, wait_waiting)
from lib.server import wait_until

KB = 1024
MB = 1024 * KB
CHUNK = 14272 # src/type/string.h
RECORDS = CHUNK + 500 # one chunk and what else a flush writes: key, ids


def value_of(size, seed=1):
    return random.Random(seed * 1000003 + size).randbytes(size)


def over(value, offset, piece):
    value = value.ljust(offset, b"\0")
    return value[:offset] + piece + value[offset + len(piece):]


# --- as Redis, whatever is done to them ------------------------------------

def place(rand, size):
    """An offset at a border of chunks, or anywhere."""
    at = rand.randrange(size + 1)
    if rand.random() < .6:
        at = rand.randrange(size // CHUNK + 2) * CHUNK + rand.randrange(-25, 26)
    return max(0, min(at, size))


def random_command(rand, sizes):
    key, other = rand.sample(["k", "k2", "k3"], 2)
    size = sizes.get(key, 0)
    piece = rand.choice([b"7", b"0123456789", value_of(100),
                         value_of(rand.choice([CHUNK, 20000, 40000]))])
    return rand.choice([
        ("SET", key, value_of(rand.choice([10, 16380, 16390, 2 * CHUNK,
                                           3 * CHUNK + 1, 100000]))),
        ("APPEND", key, piece), ("APPEND", key, piece),
        ("SETRANGE", key, place(rand, size), piece),
        ("SETRANGE", key, size + rand.randrange(30000), piece),
        ("GETRANGE", key, place(rand, size), place(rand, size)),
        ("GETRANGE", key, -1 - place(rand, size), -1 - place(rand, size)),
        ("GET", key), ("STRLEN", key), ("EXPIRE", key, 10000),
        ("COPY", key, other, "REPLACE"), ("RENAME", key, other),
        ("GETSET", key, piece), ("SET", key, piece, "GET", "KEEPTTL"),
        ("GETEX", key, "PERSIST"), ("TTL", key), ("INCR", key),
        ("INCRBYFLOAT", key, 1), ("MGET", key, other, key),
        ("MSET", key, value_of(20000), other, piece), ("GETDEL", key),
        ("OBJECT", "ENCODING", key), ("TYPE", key), ("SETNX", key, piece)])


@pytest.mark.parametrize("seed", range(3))
def test_random_commands(pair, seed):
    rand = random.Random(seed)
    sizes = {}
    for _ in range(150):
        command = random_command(rand, sizes)
        if command[:2] == ("OBJECT", "ENCODING") and pair.storage != "cold":
            continue # Redis says raw of what was changed in place
        if pair.same("EXISTS", command[1]) == 0 and command[0] == "RENAME":
            continue
        pair.same(*command)
        for key in ("k", "k2", "k3"):
            sizes[key] = pair.same("STRLEN", key)
            if sizes[key] > MB:
                pair.same("DEL", key)
    for key in ("k", "k2", "k3"):
        pair.same("GET", key)


def test_lcs_of_large_ones(pair):
    value = value_of(20000)
    pair.same("SET", "k", value)
    pair.same("SET", "k2", value[5:60] + b"x" + value[19000:])
    for more in ([], ["LEN"], ["IDX", "MINMATCHLEN", 30]):
        pair.same("LCS", "k", "k2", *more)
        pair.same("LCS", "k2", "k", *more)
    assert pair.same("LCS", "k", "none") == b""


def test_within_a_transaction(pair):
    value = value_of(50000)
    pair.same("SET", "k2", value)
    if pair.storage == "cold":
        pair.to_disk()
        pair.storage = "warm" # its commands would be queued
    pair.same("MULTI")
    for command in [("SET", "k", value), ("APPEND", "k", value), ("GET", "k"),
                    ("SETRANGE", "k", 30000, "new"), ("GET", "k"),
                    ("GETDEL", "k"), ("GET", "k"), ("SET", "k2", value),
                    ("SET", "k2", "small", "GET"), ("GETSET", "k2", value),
                    ("GETEX", "k2", "PX", 1), ("MGET", "k2", "k2")]:
        pair.same(*command)
    pair.same("EXEC")


def test_with_a_long_key(pair):
    """A small value lies with its key, however long that is."""
    key = b"key" * 8000
    pair.uses(key)
    for size in (0, 4, 8 * KB, 8 * KB + 1, 17 * KB):
        pair.same("SET", key, b"1" * size)
        pair.same("GET", key)
        pair.same("INCR", key)
        pair.same("INCRBYFLOAT", key, 1)
        pair.same("APPEND", key, "12")
        pair.same("SETRANGE", key, 5, "ab")
        pair.same("GET", key)
        pair.same("RENAME", key, "k")
        pair.same("RENAME", "k", key)
        pair.same("GETDEL", key)


def test_the_same_answers_in_memory_and_on_disk(start_server):
    server = steered(start_server)
    questions = [("STRLEN", "k"), ("MEMORY", "USAGE", "k"), ("TYPE", "k"),
                 ("OBJECT", "ENCODING", "k"), ("OBJECT", "REFCOUNT", "k")]
    for size in (8000, 17000, 100000, 2 * MB):
        server.call("SET", "k", value_of(size))
        warm = [server.call(*question) for question in questions]
        assert size < warm[1] < size * 1.1 + 16 * KB
        for question, reply in zip(questions, warm):
            cold(server, "k")
            assert server.call(*question) == reply
        loads = figures(server)["cache_memory_values"]
        assert loads == 0 # the header was enough


# --- what a change writes --------------------------------------------------

@pytest.mark.parametrize("command, records", [
    (("SETRANGE", "k", 5 * CHUNK + 100, "0123456789"), 1),
    (("SETRANGE", "k", 5 * CHUNK - 5, "0123456789"), 2),
    (("SETRANGE", "k", 0, "0123456789"), 1),
    (("APPEND", "k", "0123456789"), 1),
    (("APPEND", "k", b"x" * CHUNK), 3), # and the inner node above them
    (("EXPIRE", "k", 1000), 0),
], ids=["setrange", "border", "start", "append", "chunk", "expire"])
def test_a_change_writes_the_chunks_concerned(start_server, command, records):
    server = steered(start_server)
    value = value_of(2 * MB)
    server.call("SET", "k", value)
    cold(server, "k")
    server.call(*command)
    flush(server)
    assert figures(server)["cache_last_flush_bytes"] \
        <= records * RECORDS + 1000
    server.kill9()
    server.start()
    expected = value
    if command[0] == "SETRANGE":
        expected = over(value, command[2], command[3].encode())
    elif command[0] == "APPEND":
        expected = value + (command[2] if isinstance(command[2], bytes)
                            else command[2].encode())
    assert server.call("GET", "k") == expected
    assert server.call("DEBUG", "CHECK") == OK


def test_many_appends_write_what_they_add(start_server):
    server = steered(start_server)
    saved = 0
    for i in range(300):
        server.call("APPEND", "k", b"%1000d" % i)
        flush(server)
        if i >= 16: # an object now
            saved = max(saved, figures(server)["cache_last_flush_bytes"])
    assert saved <= 2 * RECORDS + 1000
    cold(server, "k")
    assert server.call("GET", "k") == b"".join(b"%1000d" % i
                                               for i in range(300))


# --- while it is being saved -----------------------------------------------

CHANGES = [("SETRANGE", "k", 3, "new"), ("SETRANGE", "k", 2 * CHUNK - 2, "new"),
           ("APPEND", "k", "new"), ("SETRANGE", "k", 400000, "far"),
           ("SET", "k", "small"), ("DEL", "k"), ("RENAME", "k", "k2")]


@pytest.mark.parametrize("command", CHANGES, ids=lambda words: "%s %s" % (
    words[0], words[2] if len(words) > 2 else ""))
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "edited"])
def test_a_change_while_it_is_written(start_server, command, is_new):
    """The flush in flight writes what was there; the next one the rest."""
    server = steered(start_server)
    value = value_of(200000)
    server.call("SET", "k", value)
    assert server.call("EXISTS", "k2") == 0 # nobody must look for it later
    if not is_new:
        cold(server, "k")
        server.call("SETRANGE", "k", 0, "edited")
        value = over(value, 0, b"edited")
    with gate(server, "write"):
        flushed = started(server, "CACHE", "FLUSH")
        wait_waiting(server, "write")
        assert states(server, "k") == ["saving"]
        server.call(*command)
        changed = server.call("MGET", "k", "k2")
    assert flushed.recv() == OK
    assert server.call("MGET", "k", "k2") == changed
    server.kill9()
    server.start()
    assert server.call("MGET", "k", "k2") == [value, NULL_BULK]
    server.call(*command)
    flush(server)
    server.kill9()
    server.start()
    assert server.call("MGET", "k", "k2") == changed
    assert server.call("DEBUG", "CHECK") == OK


@pytest.mark.parametrize("applied", ["", " applied"],
                         ids=["not applied", "applied"])
@pytest.mark.parametrize("between", [None, ("SETRANGE", "k", 9, "between"),
                                     ("APPEND", "k", "between")],
                         ids=["", "setrange", "append"])
def test_a_flush_that_fails_is_made_good(start_server, applied, between):
    server = steered(start_server)
    value = value_of(200000)
    server.call("SET", "k", value)
    cold(server, "k")
    server.call("SETRANGE", "k", 2 * CHUNK - 5, "0123456789")
    server.call("APPEND", "k", b"x" * CHUNK)
    value = over(value, 2 * CHUNK - 5, b"0123456789") + b"x" * CHUNK
    order(server, "fail write 1 io" + applied)
    with gate(server, "write"):
        flushed = started(server, "CACHE", "FLUSH")
        wait_waiting(server, "write")
        if between is not None:
            server.call(*between)
    if between is not None:
        value = over(value, 9, b"between") if between[0] == "SETRANGE" \
            else value + b"between"
    wait_until(lambda: figures(server)["cache_flush_errors"] == 1)
    assert server.call("GET", "k") == value
    flushed.recv() # of the error, or of the flush that made it good
    wait_until(lambda: figures(server)["cache_store_failing"] == 0)
    flush(server)
    server.kill9()
    server.start()
    assert server.call("GET", "k") == value
    assert server.call("DEBUG", "CHECK") == OK


# --- staged ----------------------------------------------------------------

@pytest.mark.parametrize("left", [1, 2, 4, 6, 7, 9, 11])
def test_a_staged_change_is_there_whole_or_not_at_all(start_server, left):
    """The process dies at that write of it."""
    server = steered(start_server, cut_max="64kb", cache_max_memory="32mb")
    value, other = value_of(200000), value_of(200000, 2)
    server.call("SET", "k", value)
    flush(server)
    order(server, "crash write %d before" % left)
    client = server.raw()
    client.send("SETRANGE", "k", 0, other)
    client.send("CACHE", "FLUSH")
    assert server.wait_exit() == 137
    server.start()
    found = server.call("GET", "k")
    assert found in (value, other)
    if left <= 4: # the commit record can't have been written
        assert found == value
    elif left >= 9:
        assert found == other
    assert server.call("DEBUG", "CHECK") == OK
    server.call("SETRANGE", "k", 0, other)
    flush(server)
    assert figures(server)["cache_staged_flushes"] == 1
    cold(server, "k")
    assert server.call("GET", "k") == other


# --- replies hold the chunks -----------------------------------------------

def test_a_reply_under_way_is_what_was_asked_for(start_server):
    """Whatever becomes of the value before the reader reads it."""
    server = steered(start_server)
    values = [value_of(3 * MB, seed) for seed in range(3)]
    readers = []
    for i, value in enumerate(values):
        server.call("SET", "k%d" % i, value)
        reader = server.raw()
        reader.send("GET", "k%d" % i)
        reader.send("GETRANGE", "k%d" % i, 100, MB)
        readers.append(reader)
        server.call("PING")
    server.call("SETRANGE", "k0", 0, values[1]) # over all of it
    server.call("APPEND", "k0", "x")
    server.call("DEL", "k1")
    server.call("GETSET", "k2", "small")
    cold(server, "k0", "k2")
    for reader, value in zip(readers, values):
        assert reader.recv() == value
    # What was not begun then sees the change.
    rest = [reader.recv() for reader in readers]
    assert rest[0] in (values[0][100:MB + 1], values[1][100:MB + 1])
    assert rest[1] in (values[1][100:MB + 1], b"")
    assert rest[2] in (values[2][100:MB + 1], b"")
    assert server.call("DEBUG", "CHECK") == OK


def test_a_reply_that_nobody_wants(start_server):
    server = steered(start_server)
    server.call("SET", "k", value_of(MB))
    client = server.raw()
    client.send("CLIENT", "REPLY", "OFF")
    client.send("GET", "k")
    client.send("GETDEL", "k")
    client.send("CLIENT", "REPLY", "ON")
    assert client.recv() == OK
    assert server.call("EXISTS", "k") == 0


def test_replies_of_a_transaction_are_bounded(start_server):
    """Of a value that was not there when it was asked what they may hold."""
    server = start_server(cache_max_memory="16mb", enable_debug_command="yes")
    client = server.raw()
    value = value_of(300 * KB)
    replies = client.pipeline([("MULTI",), ("SET", "k", value)]
                              + [("GETEX", "k")] * 40 + [("EXEC",)])[-1]
    answered = replies[1:].count(value)
    assert replies[0] == OK
    assert 3 * MB <= answered * len(value) < 4 * MB
    assert all(isinstance(one, Error) and one.startswith(b"OOM")
               for one in replies[1 + answered:])
    assert server.call("DEBUG", "CHECK") == OK
