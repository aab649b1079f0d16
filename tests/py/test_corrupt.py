"""Damage on disk: an error to the client who asks for what is damaged; all
else works, and nothing damaged is ever made to look good.

There are two kinds. Damage that LevelDB sees: a bit flipped in one of its
tables, whose checksum is over a block of several records. And damage that only
our own checksum in each record sees: what LevelDB's compaction has given a
fresh checksum. The second kind is made here by writing the bad record into
the log as LevelDB would.
"""

import os
import random
import re
import shutil
import struct
import time

import pytest

from lib import offline
from lib.resp import NULL_BULK, Error
from lib.server import wait_until
from lib.steer import OK, figures, flush, states, steered

IOERR = b"IOERR the value can't be read from the store"
BIG = b"big " * 40000 # twelve chunks


def crash(server):
    server.kill9()
    server.start()


def is_ioerr(reply):
    return isinstance(reply, Error) and reply.startswith(IOERR)


def damaged(value):
    """One bit of the middle."""
    middle = len(value) // 2
    return value[:middle] + bytes([value[middle] ^ 4]) + value[middle + 1:]


# --- a record that LevelDB finds good --------------------------------------

@pytest.fixture(params=["bit", "other key", "cut", "empty", "version"])
def server(request, start_server):
    """A server on whose disk the record of `bad` is damaged, in some way."""
    server = steered(start_server)
    server.call("MSET", "good", 1, "bad", "12345678", "other", 3)
    server.call("EXPIRE", "bad", 100000)
    flush(server)
    server.kill9()
    log = offline.Log(server.ds_path)
    key = log.key_record("bad")
    value = log.records()[key]
    wrong = {
        "bit": damaged(value),
        "other key": log.records()[log.key_record("other")],
        "cut": value[:-1],
        "empty": b"",
        "version": offline.sealed(key, b"\x03" + value[1:-4]),
    }[request.param]
    log.append([(key, wrong)])
    server.start()
    return server


def test_the_record_as_it_was_is_good(start_server):
    """That the other tests see an error is not the editor's doing."""
    server = steered(start_server)
    server.call("MSET", "good", 1, "bad", "12345678")
    flush(server)
    server.kill9()
    log = offline.Log(server.ds_path)
    key = log.key_record("bad")
    value = log.records()[key]
    assert offline.sealed(key, value[:-4]) == value
    log.append([(key, value), (key, damaged(value)), (key, value)])
    server.start()
    assert server.call("GET", "bad") == b"12345678"


def test_a_damaged_record_is_an_error_to_who_asks_for_it(server):
    for command in [("GET", "bad"), ("EXISTS", "bad"), ("TTL", "bad"),
                    ("STRLEN", "bad"), ("TYPE", "bad"), ("TOUCH", "bad"),
                    ("MGET", "good", "bad"), ("GETRANGE", "bad", 0, 1)]:
        assert is_ioerr(server.call(*command)), command
    assert server.call("MGET", "good", "other") == [b"1", b"3"]
    assert server.call("SET", "new", 1) == OK
    assert server.call("INCR", "good") == 2
    assert server.call("DBSIZE") == 4
    assert states(server, "bad") == ["disk"]
    assert server.raw().pipeline([("GET", "good"), ("GET", "bad"),
                                  ("GET", "other")])[::2] == [b"2", b"3"]
    flush(server)
    assert figures(server)["cache_load_errors"] > 0
    assert figures(server)["cache_store_failing"] == 0
    assert "load of \"bad\" failed" in server.log_text


def test_a_damaged_record_is_never_made_good(server):
    for command in [("INCR", "bad"), ("APPEND", "bad", "x"), ("DEL", "bad"),
                    ("SETRANGE", "bad", 1, "x"), ("GETSET", "bad", "x"),
                    ("GETDEL", "bad"), ("GETEX", "bad", "PERSIST"),
                    ("EXPIRE", "bad", 1), ("PERSIST", "bad"),
                    ("RENAME", "bad", "good"),
                    ("SETNX", "bad", "x"), ("SET", "bad", "x", "XX"),
                    ("SET", "bad", "x", "KEEPTTL"),
                    ("MSETNX", "good2", 1, "bad", 1), ("UNLINK", "bad"),
                    ("INCRBYFLOAT", "bad", 1)]:
        reply = server.call(*command)
        assert is_ioerr(reply), (command, reply)
    flush(server)
    for _ in range(2):
        assert is_ioerr(server.call("GET", "bad"))
        assert server.call("MGET", "good", "other", "good2") == \
            [b"1", b"3", NULL_BULK]
        assert server.call("DBSIZE") == 3
        crash(server)


@pytest.mark.parametrize("command", [
    ("SET", "bad", "new"), ("MSET", "bad", "new", "good", "1"),
    ("SETEX", "bad", "1000", "new")], ids=lambda words: words[0])
def test_a_damaged_record_can_be_replaced(server, command):
    assert server.call(*command) == OK
    assert server.call("GET", "bad") == b"new"
    flush(server)
    assert server.call("DBSIZE") == 3
    crash(server)
    assert server.call("GET", "bad") == b"new"
    assert server.call("DBSIZE") == 3
    assert server.call("DEL", "bad") == 1
    flush(server)
    crash(server)
    assert server.call("DBSIZE") == 2
    assert server.call("DEBUG", "CHECK") == OK


def test_a_database_with_a_damaged_record_can_be_emptied(server):
    assert server.call("FLUSHALL") == OK
    assert server.call("GET", "bad") is NULL_BULK
    assert server.call("SET", "bad", "new") == OK
    flush(server)
    wait_until(lambda: figures(server)["cache_jobs_background"] == 0)
    crash(server)
    assert server.call("GET", "bad") == b"new"
    assert server.call("DBSIZE") == 1


# --- a page ----------------------------------------------------------------

def shorter(page):
    """A good page of one chunk, one byte shorter; docs/FORMAT.md."""
    data_len, = struct.unpack_from("<I", page, 4)
    return (page[:4] + struct.pack("<I", data_len - 1) + page[8:10]
            + struct.pack("<H", 2 * (data_len - 1)) + page[12:-1])


@pytest.fixture(params=["first page", "last page", "inner page", "missing page",
                        "missing inner page", "short page", "long page",
                        "other page", "short chunk"])
def paged_server(request, start_server):
    server = steered(start_server)
    server.call("MSET", "good", 1, "bad", BIG)
    flush(server)
    server.kill9()
    log = offline.Log(server.ds_path)
    pages = {key: value for key, value in log.records().items()
             if key[:1] == b"p"}
    inner, = [key for key in pages if pages[key][1] & 8]
    first, *_, last = sorted(pages.keys() - {inner})
    assert len(pages) == 13
    body = pages[last][:-4]
    if request.param.startswith("missing"):
        log.append([], deletes=[inner if "inner" in request.param else last])
    else:
        log.append([{
            "first page": (first, damaged(pages[first])),
            "last page": (last, damaged(pages[last])),
            "inner page": (inner, damaged(pages[inner])),
            "short page": (last, offline.sealed(last, body[:-1])),
            "long page": (last, offline.sealed(last, body + b"!")),
            "other page": (first, offline.sealed(first, body)),
            "short chunk": (last, offline.sealed(
                last, body[:1] + shorter(body[1:]))),
        }[request.param]])
    server.start()
    return server


def test_a_damaged_page_is_an_error_to_who_wants_the_value(paged_server):
    server = paged_server
    for command in [("GET", "bad"), ("GETRANGE", "bad", 0, 5),
                    ("APPEND", "bad", "x"), ("SETRANGE", "bad", 1, "x"),
                    ("GETDEL", "bad"), ("GETSET", "bad", "x"),
                    ("COPY", "bad", "x")]:
        assert is_ioerr(server.call(*command)), command
    # Its header is good, and moves with what it leads to.
    assert server.call("RENAME", "bad", "x") == OK
    assert is_ioerr(server.call("GET", "x"))
    assert server.call("RENAME", "x", "bad") == OK
    assert server.call("STRLEN", "bad") == len(BIG)
    assert server.call("EXPIRE", "bad", 10000) == 1
    flush(server)
    crash(server)
    assert server.call("TTL", "bad") > 9000
    assert is_ioerr(server.call("GET", "bad"))
    assert server.call("GET", "good") == b"1"
    assert server.call("DBSIZE") == 2


@pytest.mark.parametrize("command", [("DEL", "bad"), ("SET", "bad", "new"),
                                     ("SET", "bad", BIG + b"new")],
                         ids=["DEL", "SET", "SET big"])
def test_a_value_with_a_damaged_page_can_go(paged_server, command):
    server = paged_server
    assert server.call(*command) in (OK, 1)
    flush(server)
    wait_until(lambda: figures(server)["cache_garbage_deleted"] >= 2)
    crash(server)
    expected = NULL_BULK if command[0] == "DEL" else command[2]
    reply = server.call("GET", "bad")
    assert reply == (expected.encode() if isinstance(expected, str)
                     else expected)
    assert server.call("DBSIZE") == (1 if command[0] == "DEL" else 2)


# --- bits of a table -------------------------------------------------------

KEYS = 3000


def value_of(i):
    """Unlike all others, so that it can be found in a file."""
    return b"<%05d>" % i * 20


@pytest.fixture
def tables(start_server):
    """A server with all its data in LevelDB's tables, stopped."""
    server = steered(start_server, ds_compression=False,
                     cache_max_memory="16mb")
    client = server.raw()
    client.pipeline([("SET", "key%d" % i, value_of(i)) for i in range(KEYS)])
    client.call("SELECT", 1)
    client.call("SET", "elsewhere", 1)
    server.restart() # the log becomes a table
    server.stop()
    return server


def damage(server, i):
    """Flips a bit in the middle of the value of that key, in its table."""
    path, at = offline.find(offline.tables(server.ds_path), value_of(i))
    offline.flip(path, at + 70)


def read_all(server):
    """The keys that answer an error; all others must be right."""
    replies = server.raw().pipeline(
        [("GET", "key%d" % i) for i in range(KEYS)])
    wrong = [(i, reply) for i, reply in enumerate(replies)
             if reply != value_of(i) and not is_ioerr(reply)]
    assert wrong == []
    return [i for i, reply in enumerate(replies) if is_ioerr(reply)]


def test_bits_flipped_in_tables(tables):
    server = tables
    rng = random.Random(20250221)
    hit = rng.sample(range(KEYS), 5)
    for i in hit:
        damage(server, i)
    server.start()
    bad = read_all(server)
    assert set(hit) <= set(bad)
    assert len(bad) < 5 * 60 # a block each
    good = next(i for i in range(KEYS) if i not in bad)
    assert server.call("INCR", "counter") == 1
    assert server.call("SET", "key%d" % good, "new") == OK
    flush(server)
    assert server.call("DBSIZE") == KEYS + 1
    crash(server)
    assert server.call("MGET", "counter", "key%d" % good) == [b"1", b"new"]
    assert is_ioerr(server.call("GET", "key%d" % hit[0]))


def test_a_key_in_a_damaged_block_can_be_written(tables):
    """What is written blindly need not be read. That its old record can not be
    looked at must not keep others from being saved."""
    server = tables
    damage(server, 7)
    server.start()
    assert server.call("SET", "key7", "new") == OK
    assert server.call("SET", "unrelated", "v") == OK
    reply = server.call("CACHE", "FLUSH")
    assert reply == OK, reply
    assert server.call("SET", "unrelated", "w") == OK
    flush(server)
    crash(server)
    assert server.call("MGET", "key7", "unrelated") == [b"new", b"w"]


def test_a_damaged_block_does_not_stop_others(tables):
    """As before, but only that one key may suffer, if any."""
    server = tables
    damage(server, 7)
    server.start()
    server.call("SET", "key7", "new")
    server.call("CACHE", "FLUSH")
    wait_until(lambda: server.call("SET", "unrelated", "v") == OK,
               what="a write of an unrelated key")
    wait_until(lambda: server.call("CACHE", "FLUSH") == OK,
               what="a flush of an unrelated key")
    crash(server)
    assert server.call("GET", "unrelated") == b"v"


def test_a_database_with_a_damaged_block_can_be_emptied(tables):
    server = tables
    damage(server, 7)
    server.start()
    assert server.call("FLUSHALL") == OK
    flush(server)
    # Its records are garbage now; that some can't be read is no reason to
    # refuse what is written.
    wait_until(lambda: figures(server)["cache_garbage_deleted"] > 0)
    for i in range(30):
        reply = server.call("SET", "new", i)
        assert reply == OK, reply
        flush(server)
        time.sleep(0.02)
    crash(server)
    assert server.call("GET", "new") == b"29"
    assert server.call("DBSIZE") == 1


def test_compaction_does_not_launder(tables):
    """LevelDB copies the damaged block into a new table, with a new checksum;
    ours goes with the record."""
    server = tables
    damage(server, 7)
    old = set(offline.tables(server.ds_path))
    server.start()
    block = read_all(server) # the keys in the damaged block
    assert 7 in block
    others = [i for i in range(KEYS) if i not in block]
    client = server.raw()
    number = 0
    def compacted():
        nonlocal number
        for _ in range(20):
            number += 1
            assert client.pipeline(
                [("SET", "key%d" % i, value_of(i) + b"%d" % number)
                 for i in others]) == [OK] * len(others)
        flush(server)
        return not old & set(offline.tables(server.ds_path))
    wait_until(compacted, timeout_s=40, what="the old table gone")
    crash(server)
    assert is_ioerr(server.call("GET", "key7"))
    for i in block:
        if i != 7: # can be read again: they were good all the time
            assert server.call("GET", "key%d" % i) == value_of(i)
    for i in others:
        assert server.call("GET", "key%d" % i) == value_of(i) + b"%d" % number
    assert server.call("DBSIZE") == KEYS


# --- filters and indexes of tables -----------------------------------------

MISCONF = b"MISCONF diskstore can't write to its store now ("
WIDE = 3000 # bytes
META = [b"format", b"hashkey", b"ids", b"spaces", b"count"]


def wide_value_of(i):
    return (value_of(i) * (WIDE // 100))[:WIDE]


def keys_in(path):
    """The numbers of the keys whose values stand in a table, and whether there
    are meta records in it."""
    with open(path, "rb") as file:
        data = file.read()
    numbers = {int(digits) for digits in re.findall(rb"<(\d{5})>", data)}
    return numbers, any(name in data for name in META)


def table_of_keys(server):
    """(path, numbers): a table with nothing but keys, and those keys that are
    in no other; None if there is no such table."""
    found = {path: keys_in(path) for path in offline.tables(server.ds_path)}
    for path, (numbers, has_meta) in sorted(found.items()):
        others = set().union(*(found[other][0] for other in found
                               if other != path))
        if not has_meta and len(numbers - others) > 100:
            return path, sorted(numbers - others)
    return None


@pytest.fixture
def spread(start_server):
    """A stopped server whose data is spread over several of LevelDB's tables,
    some of which hold nothing but keys."""
    server = steered(start_server, ds_compression=False,
                     cache_max_memory="16mb")
    client = server.raw()
    for start in range(0, KEYS, 100):
        client.pipeline([("SET", "key%d" % i, wide_value_of(i))
                         for i in range(start, start + 100)])
    flush(server)
    # So few in level 0 that LevelDB has nothing to do when it is opened.
    def level0():
        return server.info("store")["store_level0_files"]
    for _ in range(50):
        wait_until(lambda: level0() < 4, what="a compaction")
        is_settled = level0() < 3
        server.stop()
        if is_settled and table_of_keys(server):
            return server
        server.start() # one more in level 0
    raise AssertionError("all tables hold meta records")


def damage_part(path, part):
    offset, size = offline.parts(path)[part]
    offline.flip(path, offset + size // 2)


def read_wide(server):
    """The keys that answer an error; all others must be right."""
    client = server.raw()
    bad = []
    for start in range(0, KEYS, 100):
        numbers = range(start, start + 100)
        replies = client.pipeline([("GET", "key%d" % i) for i in numbers])
        for i, reply in zip(numbers, replies):
            if is_ioerr(reply):
                bad.append(i)
            else:
                assert reply == wide_value_of(i), i
    return bad


def scrubbed(server):
    # While the store is opened anew there is no such figure.
    wait_until(lambda: server.info("store").get("store_scrub_done") == 1,
               what="all tables verified")


def test_good_tables_are_verified_after_the_start(spread):
    server = spread
    server.start()
    scrubbed(server)
    info = server.info("store")
    assert info["store_bad_tables"] == 0
    assert info["store_unverified_tables"] == 0
    assert read_wide(server) == []
    assert "damaged" not in server.log_text


@pytest.mark.parametrize("io_threads", [0, 1, 3])
def test_a_damaged_filter_is_noticed_and_does_no_harm(spread, io_threads):
    """A filter that says "not here" where there is something: without it the
    key would answer nil."""
    server = spread
    path, numbers = table_of_keys(server)
    offset, size = offline.parts(path)["filter"]
    with open(path, "r+b") as file: # "nothing is here"
        file.seek(offset)
        file.write(bytes(size // 2))
    server.start(io_threads=io_threads)
    scrubbed(server)
    assert server.info("store")["store_bad_tables"] == 1
    assert read_wide(server) == [] # (may make LevelDB compact it)
    assert server.call("GET", "never") is NULL_BULK
    assert os.path.basename(path) in server.log_text
    assert "filter block" in server.log_text
    assert server.call("SET", "key%d" % numbers[0], "new") == OK
    flush(server)
    crash(server)
    assert server.call("GET", "key%d" % numbers[0]) == b"new"
    assert server.call("DBSIZE") == KEYS


@pytest.mark.parametrize("part", ["index", "meta", "footer"])
@pytest.mark.parametrize("io_threads", [0, 1])
def test_a_damaged_index(spread, part, io_threads):
    """The keys of that table answer errors and writes are refused, all else
    can be read; a good copy of the file is all that is needed."""
    server = spread
    path, numbers = table_of_keys(server)
    shutil.copy(path, server.ds_path + ".copy")
    if part == "footer":
        offline.flip(path, offline.parts(path)["footer"][0] + 47)
    else:
        damage_part(path, part)
    server.start(io_threads=io_threads)
    name = os.path.basename(path).encode()
    # By itself: nobody has asked for anything.
    wait_until(lambda: figures(server)["cache_store_failing"] == 1)
    scrubbed(server)
    assert server.info("store")["store_bad_tables"] == 1
    for command in [("SET", "new", 1), ("DEL", "key1")]:
        reply = server.call(*command)
        assert reply.startswith(MISCONF), reply
        assert b"data/" + name + b" is damaged" in reply
    bad = read_wide(server)
    assert set(numbers) <= set(bad)
    assert len(bad) < KEYS
    assert server.call("GET", "never") in (NULL_BULK,) or \
        is_ioerr(server.call("GET", "never"))
    # It can be stopped, and the next run knows from the start.
    server.restart()
    assert server.call("SET", "new", 1).startswith(MISCONF)
    assert read_wide(server) == bad
    server.stop()
    assert not os.path.exists(path) and os.path.exists(path + ".damaged")
    shutil.copy(server.ds_path + ".copy", path)
    server.start()
    assert server.call("SET", "new", 1) == OK
    flush(server)
    assert read_wide(server) == []
    assert server.call("DBSIZE") == KEYS + 1
    os.remove(server.ds_path + ".copy")


def test_a_read_finds_a_damaged_index_before_the_scrub(spread):
    """A get in its range is the first to see it."""
    server = spread
    path, numbers = table_of_keys(server)
    damage_part(path, "index")
    server.start()
    replies = server.raw().pipeline([("GET", "key%d" % i) for i in numbers])
    assert all(is_ioerr(reply) for reply in replies)
    assert os.path.basename(path) in server.log_text


def test_other_buffers_while_a_table_is_damaged(spread):
    """They would need the store to be opened again, which must not be: the
    reads go on as they were."""
    server = spread
    path, numbers = table_of_keys(server)
    damage_part(path, "index")
    server.start()
    wait_until(lambda: figures(server)["cache_store_failing"] == 1)
    assert server.call("CONFIG", "SET", "cache-max-memory", "32mb") == OK
    good = next(i for i in range(KEYS) if i not in read_wide(server))
    server.call("CACHE", "EVICT", "key%d" % good)
    assert server.call("GET", "key%d" % good) == wide_value_of(good)
    assert server.call("SET", "new", 1).startswith(MISCONF)


@pytest.mark.torture
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", ["data", "filter", "index", "meta", "footer"])
def test_many_bits_of_tables(tables, part):
    """Anywhere in the tables: an error is fine, a start refused with one line
    is; a wrong value, a missing key or a crash never."""
    server = tables
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    errors = refused = 0
    good = server.ds_path + ".good"
    shutil.copytree(server.ds_path, good)
    for _ in range(60):
        shutil.rmtree(server.ds_path)
        shutil.copytree(good, server.ds_path)
        path = max(offline.tables(server.ds_path), key=os.path.getsize)
        offset, size = offline.parts(path)[part]
        offline.flip(path, offset + rng.randrange(size),
                     1 << rng.randrange(8))
        try:
            server.start()
        except AssertionError:
            assert "can't start: " in server.tail()
            refused += 1
        else:
            errors += len(read_all(server)) > 0
            server.kill9()
        assert server.problems == []
    print(errors, "with errors,", refused, "refused")
