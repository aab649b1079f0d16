"""MULTI, EXEC and WATCH where diskstore is not Redis: keys that are on disk
only, keys that leave memory while they are watched, transactions larger than
memory, and what a crash leaves of one. That replies are those of Redis is
shown by the differential test."""

import pytest

from lib.resp import NULL_ARRAY, NULL_BULK, Error, Simple
from lib.server import wait_until
from lib.steer import (OK, cold, figures, flush, gate, moved, order, started,
                       states, steered, wait_waiting)

KB = 1024
MB = 1024 * KB
QUEUED = Simple("QUEUED")


@pytest.fixture
def server(start_server):
    return steered(start_server)


def in_multi(client, *commands):
    """Queues them; EXEC is not sent."""
    assert client.call("MULTI") == OK
    for command in commands:
        assert client.call(*command) == QUEUED


def transaction(client, *commands):
    in_multi(client, *commands)
    return client.call("EXEC")


def all_well(server):
    wait_until(lambda: figures(server)["cache_blocked_clients"] == 0)
    assert server.call("DEBUG", "CHECK") == OK


# --- cold keys ---------------------------------------------------------------

def test_all_keys_of_a_transaction_are_asked_for_at_once(server):
    keys = ["k%d" % i for i in range(50)]
    for key in keys:
        server.call("SET", key, "1")
    cold(server, *keys)
    client = server.raw()
    in_multi(client, *[("INCR", key) for key in keys])
    with gate(server, "get"):
        client.send("EXEC")
        wait_waiting(server, "get")
        assert figures(server)["cache_loads"] == 50 # none has come back
        # Others go on meanwhile, and see nothing of it.
        assert server.call("PING") == Simple("PONG")
        assert server.call("SET", "other", "x") == OK
        assert client.nothing_to_read(0)
    assert client.recv() == [2] * 50
    all_well(server)


def test_others_write_while_a_transaction_waits_for_the_disk(server):
    """It has not begun: what they write comes before it."""
    server.call("SET", "cold", "5")
    server.call("SET", "warm", "1")
    cold(server, "cold")
    client = server.raw()
    in_multi(client, ("GET", "warm"), ("INCR", "cold"), ("INCR", "warm"))
    with gate(server, "get"):
        client.send("EXEC")
        wait_waiting(server, "get")
        assert server.call("SET", "warm", "10") == OK
        assert server.call("SET", "cold", "70") == OK
    assert client.recv() == [b"10", 71, 11]
    all_well(server)


def test_a_client_that_goes_while_exec_waits_changes_nothing(server):
    server.call("SET", "cold", "5")
    cold(server, "cold")
    client = server.raw()
    in_multi(client, ("SET", "new", "1"), ("INCR", "cold"))
    with gate(server, "get"):
        client.send("EXEC")
        wait_waiting(server, "get")
        client.close()
        wait_until(lambda: figures(server)["cache_blocked_clients"] == 0)
    assert server.call("GET", "cold") == b"5"
    assert server.call("EXISTS", "new") == 0
    all_well(server)


def test_a_key_that_cannot_be_read_aborts_the_whole(server):
    server.call("SET", "cold", "5")
    cold(server, "cold")
    order(server, "fail get 1 io")
    client = server.raw()
    reply = transaction(client, ("SET", "new", "1"), ("GET", "cold"))
    assert isinstance(reply, Error) and reply.code == "EXECABORT", reply
    assert "IOERR" in str(reply)
    assert server.call("EXISTS", "new") == 0
    # And the transaction is over.
    assert client.call("EXEC") == Error("ERR EXEC without MULTI")
    assert transaction(client, ("GET", "cold")) == [b"5"]


def test_writes_are_refused_while_the_store_fails(server):
    client = server.raw()
    in_multi(client, ("SET", "early", "1"))
    server.call("SET", "k", "1")
    order(server, "fail write -1 io")
    assert isinstance(server.call("CACHE", "FLUSH"), Error)
    # Queued before it failed, and while it fails.
    assert "MISCONF" in str(client.call("EXEC"))
    assert client.call("MULTI") == OK
    assert client.call("SET", "late", "1").code == "MISCONF"
    assert client.call("EXEC").code == "EXECABORT"
    assert transaction(client, ("GET", "k")) == [b"1"]
    order(server, "fail write 0")
    wait_until(lambda: server.call("SET", "k", "2") == OK)
    assert server.call("EXISTS", "early", "late") == 0


def test_an_emptied_database_is_known_to_be_empty(server):
    """Commands behind FLUSHDB find keys of which memory knows nothing; that
    they are not there needs no disk."""
    keys = ["a", "b", "c"]
    for key in keys:
        server.call("SET", key, "old")
    cold(server, *keys)
    client = server.raw()
    replies = transaction(
        client, ("GET", "a"), ("FLUSHDB",), ("GET", "a"), ("EXISTS", "b"),
        ("APPEND", "c", "new"), ("DBSIZE",), ("RENAME", "c", "b"),
        ("MGET", *keys), ("GETSET", "a", "1"), ("DBSIZE",))
    assert replies == [b"old", OK, NULL_BULK, 0, 3, 1, OK,
                       [NULL_BULK, b"new", NULL_BULK], NULL_BULK, 2]
    all_well(server)
    flush(server)
    cold(server, "a", "b")
    assert server.call("MGET", *keys) == [b"1", b"new", NULL_BULK]
    assert server.call("DBSIZE") == 2


def test_select_is_followed(server):
    client = server.raw()
    for database in (0, 1, 2):
        client.call("SELECT", database)
        client.call("SET", "k", database)
    server.restart()
    client = server.raw()
    assert transaction(
        client, ("INCRBY", "k", 100), ("SELECT", "1"), ("INCRBY", "k", 100),
        ("SELECT", "99"), ("GET", "k"), ("SELECT", "2"), ("GET", "k"),
        ("SELECT", "0"), ("GET", "k"))[0::2] == [
            100, 101, b"101", b"2", b"100"]
    server.restart()
    client = server.raw()
    assert client.call("SELECT", "2") == OK
    # The selected database at EXEC, not at MULTI, is where it begins.
    assert transaction(client, ("GET", "k")) == [b"2"]


def test_dbsize_in_a_transaction_is_exact(server):
    """A blind write would be counted too late."""
    for key in ("a", "b"):
        server.call("SET", key, "1")
    cold(server, "a", "b")
    assert server.call("SET", "a", "2") == OK # blind
    client = server.raw()
    blind = moved(server, "cache_blind_writes")
    assert transaction(client, ("SET", "b", "2"), ("SET", "c", "2"),
                       ("DBSIZE",), ("DEL", "a"), ("DBSIZE",)) == [
                           OK, OK, 3, 1, 2]
    assert blind() == 0
    all_well(server)


# --- WATCH -------------------------------------------------------------------

def watched(server, *keys):
    client = server.raw()
    assert client.call("WATCH", *keys) == OK
    return client


def test_leaving_memory_is_no_change(server):
    server.call("SET", "k", "1")
    client = watched(server, "k", "none")
    cold(server, "k")
    assert server.call("GET", "k") == b"1"
    cold(server, "k")
    assert transaction(client, ("GET", "k")) == [b"1"]


def test_watching_a_cold_key_loads_its_header_only(server):
    server.call("SET", "k", b"x" * 100 * KB)
    cold(server, "k")
    client = watched(server, "k")
    assert states(server, "k") == ["memory"]
    assert server.call("APPEND", "k", "y") == 100 * KB + 1
    assert transaction(client, ("PING",)) is NULL_ARRAY


@pytest.mark.parametrize("change", [
    ("SET", "k", "1"), ("APPEND", "k", ""), ("DEL", "k"), ("EXPIRE", "k", "9"),
    ("RENAME", "k", "other"), ("RENAME", "other", "k"), ("FLUSHDB",),
    ("FLUSHALL",), ("GETDEL", "k"), ("PEXPIREAT", "k", "1"),
    ("MSET", "x", "1", "k", "1")])
def test_what_a_change_is(server, change):
    server.call("MSET", "k", "1", "other", "2")
    cold(server, "k")
    client = watched(server, "k")
    cold(server, "k")
    if change == ("APPEND", "k", ""):
        server.call("APPEND", "k", "z")
    else:
        assert not isinstance(server.call(*change), Error)
    assert transaction(client, ("PING",)) is NULL_ARRAY
    assert transaction(client, ("PING",)) == [Simple("PONG")]


def test_a_key_created_and_deleted_again_was_changed(server):
    client = watched(server, "k")
    server.call("SET", "k", "1")
    server.call("DEL", "k")
    assert transaction(client, ("PING",)) is NULL_ARRAY


def test_an_absent_key_is_not_changed_by_a_flush(server):
    client = watched(server, "none")
    server.call("SET", "k", "1")
    server.call("FLUSHALL")
    assert transaction(client, ("PING",)) == [Simple("PONG")]


def test_a_deadline_that_passes_is_a_change(server):
    """Also when nobody has noticed it: the key is on disk only."""
    server.call("SET", "k", "1", "PX", "50")
    client = watched(server, "k")
    in_multi(client, ("PING",))
    wait_until(lambda: server.call("TIME")[0] and
               server.raw().call("PTTL", "other") == -2 and
               server.call("EXISTS", "k") == 0)
    assert client.call("EXEC") is NULL_ARRAY


def test_a_deadline_is_a_change_though_the_sweep_never_came(server):
    server.call("SET", "k", "1", "PX", "30")
    client = watched(server, "k")
    in_multi(client, ("PING",))
    assert client.call("DEBUG", "SLEEP", "0.1") in (QUEUED, OK)
    # Nobody else looks at k, and EXEC is the first thing after the sleep.
    server.call("DEBUG", "SLEEP", "0.1")
    assert client.call("EXEC") is NULL_ARRAY


def test_own_writes_count_too_and_unwatch_forgets(server):
    client = watched(server, "k")
    client.call("SET", "k", "1")
    assert transaction(client, ("PING",)) is NULL_ARRAY
    client.call("WATCH", "k")
    client.call("SET", "k", "2")
    client.call("UNWATCH")
    assert transaction(client, ("PING",)) == [Simple("PONG")]


def test_many_watch_one_key(server):
    clients = [watched(server, "k", "k", "own%d" % i) for i in range(50)]
    server.call("SET", "own7", "1")
    assert transaction(clients[7], ("PING",)) is NULL_ARRAY
    clients[8].close()
    server.call("SET", "k", "1")
    for number, client in enumerate(clients):
        if number not in (7, 8):
            assert transaction(client, ("PING",)) is NULL_ARRAY


# --- limits ------------------------------------------------------------------

def test_a_queue_is_bounded_by_the_clients_share(start_server):
    server = steered(start_server, cache_max_memory="16mb")
    client = server.raw()
    assert client.call("MULTI") == OK
    with pytest.raises((OSError, EOFError, ConnectionError)):
        for _ in range(100):
            client.call("SET", "k", b"x" * 200 * KB)
    assert server.info("stats") and server.call("PING") == Simple("PONG")
    wait_until(lambda: figures(server)["cache_memory_clients"] < MB)


def test_a_transaction_that_needs_more_than_memory_is_refused(start_server):
    server = steered(start_server, cache_max_memory="16mb",
                     cache_flush_delay="10ms")
    keys = ["k%d" % i for i in range(40)]
    for key in keys:
        assert server.call("SET", key, b"x" * 500 * KB) == OK
    client = server.raw()
    reply = transaction(client, ("SET", "small", "1"),
                        *[("APPEND", key, "y") for key in keys])
    assert isinstance(reply, Error) and reply.code == "EXECABORT", reply
    assert "OOM" in str(reply)
    assert server.call("EXISTS", "small") == 0
    assert transaction(client, ("APPEND", "k1", "y"),
                       ("STRLEN", "k1")) == [500 * KB + 1] * 2
    all_well(server)


def test_what_is_written_and_read_again_and_again_is_bounded(start_server):
    """How much it will answer can't be told before it runs."""
    server = steered(start_server, cache_max_memory="16mb")
    client = server.raw()
    in_multi(client, ("SET", "k", b"x" * 16000), *[("GET", "k")] * 2000)
    replies = client.call("EXEC")
    assert replies[0] == OK and len(replies) == 2001
    answered = [one for one in replies[1:] if one == b"x" * 16000]
    refused = [one for one in replies[1:] if isinstance(one, Error)]
    assert len(answered) + len(refused) == 2000
    assert answered and refused and refused[0].code == "OOM"
    assert server.call("GET", "k") == b"x" * 16000


def test_memory_returns_after_a_transaction(server):
    before = figures(server)["cache_memory_clients"]
    client = server.raw()
    in_multi(client, *[("SET", "k%d" % i, "v" * 1000) for i in range(500)])
    assert figures(server)["cache_memory_clients"] - before > 500_000
    client.call("DISCARD")
    in_multi(client, *[("SET", "k%d" % i, "v" * 1000) for i in range(500)])
    assert len(client.call("EXEC")) == 500
    wait_until(lambda: figures(server)["cache_memory_clients"] - before < 20_000)
    client.call("WATCH", *["watched key %d" % i for i in range(1000)])
    assert figures(server)["cache_memory_clients"] - before > 100_000
    client.close()
    wait_until(lambda: figures(server)["cache_memory_clients"] <= before)


# --- on disk -----------------------------------------------------------------

def test_a_transaction_is_on_disk_whole_or_not_at_all(server):
    """Larger than a cut is meant to be, and the crash comes within it."""
    client = server.raw()
    for value in ("old", "new"):
        replies = transaction(client, *[
            ("SET", "k%d" % i, value + "x" * 20000) for i in range(200)])
        assert replies == [OK] * 200
        if value == "old":
            flush(server)
    order(server, "crash write 2 before")
    client.send("CACHE", "FLUSH")
    assert server.wait_exit() == 137
    server.start()
    found = {server.call("GET", "k%d" % i)[:3] for i in range(200)}
    assert len(found) == 1


def test_a_flush_in_the_middle_of_queueing_sees_nothing(server):
    client = server.raw()
    in_multi(client, ("SET", "a", "1"))
    flush(server)
    assert client.call("SET", "b", "1") == QUEUED
    server.kill9()
    server.start()
    assert server.call("EXISTS", "a", "b") == 0
