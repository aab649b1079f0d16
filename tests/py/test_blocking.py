"""Commands that wait for a key: who is served, when, and what becomes of those
who go. What they answer is in the differential test (lib/episodes_block.py),
against redis-server."""

import resource
import signal
import socket
import time

import pytest

from lib.resp import (NULL, NULL_ARRAY, NULL_BULK, Closed, Error, Simple,
                      encode)
from lib.server import SLOWNESS, wait_until
from lib.steer import (OK, cold, figures, flush, gate, moved, order, started,
                       states, steered, wait_waiting)

PONG = Simple("PONG")


def clients(server):
    return server.info("clients")


def wait_blocked(server, count, timeout_s=10):
    """Until so many are blocked; nobody waits for the disk any more."""
    wait_until(lambda: clients(server)["blocked_clients"] == count and
               figures(server)["cache_blocked_clients"] == 0,
               timeout_s=timeout_s, what="%d are blocked" % count)


def waiting(server, *command, **options):
    """A connection that is blocked in that command now."""
    before = clients(server)["blocked_clients"]
    client = started(server, *command, **options)
    wait_blocked(server, before + 1)
    return client


def id_of(client):
    return client.call("CLIENT", "ID")


@pytest.fixture
def server(start_server):
    server = steered(start_server)
    yield server
    if server.running:
        assert server.call("DEBUG", "CHECK") == OK


def assert_nobody_waits(server):
    wait_blocked(server, 0)
    info = clients(server)
    assert info["total_blocking_keys"] == 0
    assert info["clients_in_timeout_table"] == 0
    assert server.call("DEBUG", "CHECK") == OK


# --- order -------------------------------------------------------------------

def test_fifty_clients_are_served_in_the_order_in_which_they_blocked(server):
    line = [waiting(server, "BLPOP", "q%d" % (i % 2), "q", "0")
            for i in range(50)]
    for i in range(20):
        assert server.call("RPUSH", "q", i) == 1
        assert line[i].recv() == [b"q", b"%d" % i]
    # The others at once; what is left stays.
    assert server.call("RPUSH", "q", *range(20, 55)) == 35
    assert [client.recv() for client in line[20:]] == \
        [[b"q", b"%d" % i] for i in range(20, 50)]
    assert server.call("LRANGE", "q", 0, -1) == \
        [b"%d" % i for i in range(50, 55)]
    assert_nobody_waits(server)


def test_a_chain_of_moves_is_served_at_once(server):
    """Each gives to the next, whoever blocked first."""
    hops = [waiting(server, "BLMOVE", "k%d" % i, "k%d" % (i + 1), "LEFT",
                    "LEFT", "0") for i in reversed(range(20))]
    last = waiting(server, "BLPOP", "k20", "0")
    pusher = server.raw()
    pusher.socket.sendall(encode("RPUSH", "k0", "v") +
                          encode("EXISTS", *["k%d" % i for i in range(21)]))
    assert [pusher.recv(), pusher.recv()] == [1, 0]
    assert [hop.recv() for hop in hops] == [b"v"] * 20
    assert last.recv() == [b"k20", b"v"]
    assert_nobody_waits(server)


def test_moves_in_a_circle_end(server):
    circle = [waiting(server, "BLMOVE", "k%d" % i, "k%d" % ((i + 1) % 5),
                      "LEFT", "LEFT", "0") for i in range(5)]
    assert server.call("RPUSH", "k2", "v") == 1
    assert [one.recv() for one in circle] == [b"v"] * 5
    assert server.call("LRANGE", "k2", 0, -1) == [b"v"]
    assert_nobody_waits(server)


def test_what_a_transaction_takes_back_wakes_nobody(server):
    client = waiting(server, "BLPOP", "k", "0")
    teller = server.raw()
    for command in [("MULTI",), ("RPUSH", "k", 1), ("DEL", "k"), ("EXEC",)]:
        teller.call(*command)
    assert client.nothing_to_read(0)
    for command in [("MULTI",), ("RPUSH", "k", 1, 2), ("LPOP", "k"),
                    ("SET", "other", 1), ("EXEC",)]:
        teller.call(*command)
    assert client.recv() == [b"k", b"2"]


def test_another_type_wakes_nobody(server):
    line = [waiting(server, "BLPOP", "k", "0"),
            waiting(server, "BZPOPMIN", "k", "0"),
            waiting(server, "BRPOP", "k", "0")]
    server.call("SET", "k", "v")
    server.call("DEL", "k")
    assert all(one.nothing_to_read(0) for one in line)
    server.call("ZADD", "k", 1, "a", 2, "b")
    assert line[1].recv() == [b"k", b"a", b"1"]
    server.call("DEL", "k")
    server.call("RPUSH", "k", 1, 2)
    assert [line[0].recv(), line[2].recv()] == [[b"k", b"1"], [b"k", b"2"]]


def test_the_command_is_run_again_from_its_start(server):
    """As in Redis 7.2 (7.0 takes what came first)."""
    client = waiting(server, "BLPOP", "a", "b", "0")
    teller = server.raw()
    for command in [("MULTI",), ("RPUSH", "b", 1), ("RPUSH", "a", 2),
                    ("EXEC",)]:
        teller.call(*command)
    assert client.recv() == [b"a", b"2"]
    client = waiting(server, "BLPOP", "a", "c", "0")
    server.call("SET", "a", "string")
    server.call("RPUSH", "c", 1)
    assert client.recv().code == "WRONGTYPE"
    target = waiting(server, "BLMOVE", "d", "a", "LEFT", "LEFT", "0")
    server.call("RPUSH", "d", 1)
    assert target.recv().code == "WRONGTYPE"
    assert server.call("LLEN", "d") == 1


def test_behind_the_blocked_one_a_pipeline_waits(server):
    """And goes on behind those who were blocked already."""
    first = server.raw()
    first.socket.sendall(b"".join(encode(*words) for words in [
        ("BLPOP", "k", "0"), ("PING",), ("BLPOP", "k", "0"), ("PING",)]))
    wait_blocked(server, 1)
    second = waiting(server, "BLPOP", "k", "0")
    server.call("RPUSH", "k", 1, 2, 3)
    assert second.recv() == [b"k", b"2"]
    assert [first.recv() for _ in range(4)] == \
        [[b"k", b"1"], PONG, [b"k", b"3"], PONG]


# --- time --------------------------------------------------------------------

def test_a_timeout_is_neither_early_nor_a_tick_of_the_cron_late(start_server):
    """hz 1: the cron comes once a second."""
    server = start_server(hz=1)
    client = server.raw(protocol=3)
    for seconds in (0.001, 0.02, 0.3):
        begun = time.monotonic()
        assert client.call("BLPOP", "k", seconds) == NULL
        took = time.monotonic() - begun
        assert seconds <= took + 0.001
        assert took < 0.9 * SLOWNESS or seconds > 0.1
    assert clients(server)["blocked_clients"] == 0


def test_timeouts_come_in_their_order(server):
    ms = [450, 150, 600, 300]
    line = [started(server, "BLPOP", "k", "%g" % (one * SLOWNESS / 1000))
            for one in ms]
    ended = []
    while len(ended) < len(line):
        for client, one in zip(line, ms):
            if one not in ended and not client.nothing_to_read(0):
                assert client.recv() == NULL_ARRAY
                ended.append(one)
        time.sleep(0.001)
    assert ended == sorted(ms)
    assert_nobody_waits(server)


def test_a_deadline_that_has_not_come_does_not_outlive_its_client(server):
    line = [waiting(server, "BLPOP", "k", "1000") for _ in range(5)]
    for_ever = waiting(server, "BLPOP", "k", "0")
    assert clients(server)["clients_in_timeout_table"] == 5
    line[2].close()
    wait_blocked(server, 5)
    assert clients(server)["clients_in_timeout_table"] == 4
    server.call("RPUSH", "k", *range(5))
    assert for_ever.recv() == [b"k", b"4"]
    assert_nobody_waits(server)


def test_time_goes_on_during_a_pause(server):
    client = waiting(server, "BLPOP", "k", "%g" % (0.2 * SLOWNESS))
    assert server.call("CLIENT", "PAUSE", 100_000, "WRITE") == OK
    assert client.recv() == NULL_ARRAY
    late = waiting(server, "BLPOP", "k", "0.02") # held, not blocked
    assert late.nothing_to_read(0.05)
    server.call("CLIENT", "UNPAUSE")
    assert late.recv() == NULL_ARRAY


# --- ending it ---------------------------------------------------------------

def test_client_unblock(server):
    line = [server.raw() for _ in range(3)]
    ids = [id_of(client) for client in line]
    assert server.call("CLIENT", "UNBLOCK", ids[0]) == 0
    for client in line:
        client.send("BLMOVE", "k", "k2", "LEFT", "RIGHT", "0")
    wait_blocked(server, 3)
    assert server.call("CLIENT", "UNBLOCK", ids[1], "ERROR") == 1
    assert line[1].recv() == \
        Error("UNBLOCKED client unblocked via CLIENT UNBLOCK")
    assert server.call("CLIENT", "UNBLOCK", ids[1], "ERROR") == 0
    assert server.call("CLIENT", "UNBLOCK", ids[0], "timeout") == 1
    assert line[0].recv() == NULL_ARRAY
    server.call("RPUSH", "k", 1)
    assert line[2].recv() == b"1"
    assert_nobody_waits(server)


def test_who_was_sent_on_in_a_transaction_gets_nothing_of_it(server):
    client, teller = server.raw(), server.raw()
    number = id_of(client)
    client.send("BLPOP", "k", "0")
    wait_blocked(server, 1)
    for command in [("MULTI",), ("CLIENT", "UNBLOCK", number),
                    ("CLIENT", "UNBLOCK", number), ("RPUSH", "k", 1)]:
        teller.call(*command)
    assert teller.call("EXEC") == [1, 0, 1]
    assert client.recv() == NULL_ARRAY
    assert server.call("LLEN", "k") == 1


def test_who_closes_while_blocked_is_gone_from_all_lines(server):
    line = [waiting(server, "BLPOP", "a", "k", "b", "0") for _ in range(5)]
    assert clients(server)["total_blocking_keys"] == 3
    for client in (line[0], line[2], line[4]):
        client.close()
    wait_blocked(server, 2)
    assert server.call("DEBUG", "CHECK") == OK
    server.call("RPUSH", "k", 1, 2, 3)
    assert [line[1].recv(), line[3].recv()] == [[b"k", b"1"], [b"k", b"2"]]
    assert server.call("LLEN", "k") == 1
    assert_nobody_waits(server)


def test_a_blocked_client_is_killed(server):
    client = server.raw()
    number = id_of(client)
    client.send("BLPOP", "k", "0")
    client.send("SET", "behind", 1)
    wait_blocked(server, 1)
    assert server.call("CLIENT", "KILL", "ID", number) == 1
    assert client.recv_until_closed() == b""
    assert server.call("RPUSH", "k", 1) == 1
    assert server.call("EXISTS", "behind") == 0
    assert_nobody_waits(server)


@pytest.mark.parametrize("how", ["signal", "shutdown"])
def test_the_server_ends_while_clients_are_blocked(server, how):
    line = [waiting(server, "BLPOP", "k", "0") for _ in range(3)]
    line.append(waiting(server, "BZPOPMAX", "k", "1000"))
    if how == "signal":
        server.signal(signal.SIGTERM)
    else:
        server.raw().send("SHUTDOWN")
    assert [client.recv_until_closed() for client in line] == [b""] * 4
    assert server.wait_exit() == 0


def test_idle_clients_that_are_blocked_stay(start_server):
    server = start_server(timeout=1)
    client = waiting(server, "BLPOP", "k", "0")
    idle = server.raw()
    with pytest.raises((Closed, ConnectionError, socket.timeout)):
        idle.recv()
    server.call("RPUSH", "k", 1)
    assert client.recv() == [b"k", b"1"]


# --- what others see of it ---------------------------------------------------

def test_figures(server):
    client = server.raw()
    number = id_of(client)
    client.send("BLPOP", "a", "b", "a", "100")
    wait_blocked(server, 1)
    info = clients(server)
    assert info["total_blocking_keys"] == 2
    assert info["clients_in_timeout_table"] == 1
    line = server.call("CLIENT", "LIST", "ID", number).decode()
    assert " flags=b " in line and " cmd=blpop " in line
    stats = server.info("commandstats")
    assert "cmdstat_blpop" not in stats # when it has its answer
    server.call("RPUSH", "b", 1)
    assert client.recv() == [b"b", b"1"]
    stats = server.info("commandstats")["cmdstat_blpop"]
    assert stats.startswith("calls=1,")
    line = server.call("CLIENT", "LIST", "ID", number).decode()
    assert " flags=N " in line


def test_time_that_it_was_blocked_is_not_its_own(server):
    server.call("CONFIG", "SET", "slowlog-log-slower-than", 50_000 * SLOWNESS,
                "latency-monitor-threshold", 50 * SLOWNESS)
    client = started(server, "BLPOP", "k", "%g" % (0.1 * SLOWNESS))
    assert client.recv() == NULL_ARRAY
    waits = waiting(server, "BLPOP", "k", "0")
    time.sleep(0.1 * SLOWNESS) # what it is about
    server.call("RPUSH", "k", 1)
    assert waits.recv() == [b"k", b"1"]
    assert not [entry for entry in server.call("SLOWLOG", "GET")
                if entry[3][0] == b"BLPOP"]
    assert server.call("LATENCY", "LATEST") == []


def test_who_monitors_is_told_when_it_begins_to_wait(server):
    monitor = started(server, "MONITOR")
    assert monitor.recv() == OK
    client = server.raw()
    client.send("BLPOP", "k", "0")
    told = monitor.recv()
    while b"BLPOP" not in told:
        told = monitor.recv()
    server.call("RPUSH", "k", 1)
    assert client.recv() == [b"k", b"1"]
    server.call("ECHO", "end")
    lines = []
    while not lines or b"end" not in lines[-1]:
        lines.append(monitor.recv())
    assert any(b"RPUSH" in one for one in lines)
    assert not any(b"BLPOP" in one for one in lines)


def test_without_replies(server):
    client = server.raw()
    client.send("CLIENT", "REPLY", "OFF")
    client.send("BLPOP", "k", "0")
    wait_blocked(server, 1)
    server.call("RPUSH", "k", 1, 2)
    client.send("CLIENT", "REPLY", "ON")
    assert client.recv() == OK
    assert server.call("LRANGE", "k", 0, -1) == [b"2"]


# --- on disk -----------------------------------------------------------------

def test_what_is_on_disk_is_there(server):
    server.call("RPUSH", "list", 1, 2)
    server.call("ZADD", "zset", 1, "a")
    cold(server, "list", "zset")
    assert server.call("BLPOP", "none", "list", "0") == [b"list", b"1"]
    cold(server, "list", "zset")
    assert server.call("BZPOPMAX", "zset", "0") == [b"zset", b"a", b"1"]


def test_a_key_that_memory_has_forgotten(server):
    """That nothing is there was evicted; so a push looks again."""
    server.call("SET", "other", 1)
    client = waiting(server, "BLMOVE", "from", "to", "LEFT", "LEFT", "0")
    several = waiting(server, "BRPOP", "x", "y", "from", "0")
    flush(server)
    server.call("CACHE", "EVICT", "from", "to", "x", "y")
    assert server.call("RPUSH", "from", 1, 2) == 2
    assert client.recv() == b"1"
    assert several.recv() == [b"from", b"2"]


def test_a_push_brings_what_the_waiters_need(server):
    """The list to move to is on disk only: whoever pushes waits for it, and so
    nobody sees the element in between."""
    server.call("RPUSH", "to", "old")
    client = waiting(server, "BLMOVE", "from", "to", "LEFT", "LEFT", "0")
    cold(server, "to")
    with gate(server, "get"):
        pusher = server.raw()
        pusher.socket.sendall(encode("RPUSH", "from", "v") +
                              encode("LLEN", "from"))
        wait_waiting(server, "get")
        assert client.nothing_to_read(0)
    assert [pusher.recv(), pusher.recv()] == [1, 0]
    assert client.recv() == b"v"
    assert server.call("LRANGE", "to", 0, -1) == [b"v", b"old"]


def test_a_transaction_brings_it_too(server):
    server.call("RPUSH", "to", "old")
    client = waiting(server, "BLMOVE", "from", "to", "LEFT", "LEFT", "0")
    next_one = waiting(server, "BLMOVE", "to2", "to3", "LEFT", "LEFT", "0")
    server.call("RPUSH", "to3", "old")
    cold(server, "to", "to3")
    with gate(server, "get"):
        teller = server.raw()
        teller.socket.sendall(b"".join(encode(*words) for words in [
            ("MULTI",), ("SET", "x", 1), ("RPUSH", "to2", "v"),
            ("RPUSH", "from", "w"), ("EXEC",), ("EXISTS", "from", "to2")]))
        wait_waiting(server, "get")
        assert client.nothing_to_read(0) and next_one.nothing_to_read(0)
    assert [teller.recv() for _ in range(6)][4:] == [[OK, 1, 1], 0]
    assert [client.recv(), next_one.recv()] == [b"w", b"v"]


def test_a_push_does_not_suffer_from_what_the_waiters_need(server):
    """That can't be read: the waiter gets the error, the next one the value."""
    server.call("RPUSH", "to", "old")
    line = [waiting(server, "BLMOVE", "from", "to", "LEFT", "LEFT", "0"),
            waiting(server, "BLPOP", "from", "0")]
    cold(server, "to")
    order(server, "fail get -1 corrupt")
    try:
        assert server.call("RPUSH", "from", "v") == 1
        assert line[0].recv().code == "IOERR"
        assert line[1].recv() == [b"from", b"v"]
        assert server.call("BLMOVE", "from", "to", "LEFT", "LEFT",
                           "0").code == "IOERR"
    finally:
        order(server, "fail get 0")
    assert_nobody_waits(server)


def in_the_middle(server):
    """100 wait for one key; number 70, which nobody looks so far ahead for,
    moves to a list on disk."""
    server.call("RPUSH", "to", "old")
    line = []
    for i in range(100):
        command = ("BLMOVE", "k", "to", "LEFT", "LEFT", "0") if i == 70 \
            else ("BLPOP", "k", "0")
        line.append(waiting(server, *command))
    cold(server, "to")
    return line


def test_who_waits_for_the_disk_keeps_its_place(server):
    line = in_the_middle(server)
    with gate(server, "get"):
        assert server.call("RPUSH", "k", *range(90)) == 90
        assert [one.recv() for one in line[:70]] == \
            [[b"k", b"%d" % i] for i in range(70)]
        wait_waiting(server, "get")
        assert all(one.nothing_to_read(0) for one in line[70:])
        assert server.call("LPOP", "k") == b"70"
        assert server.call("DEBUG", "CHECK") == OK
    assert line[70].recv() == b"71"
    assert [one.recv() for one in line[71:89]] == \
        [[b"k", b"%d" % i] for i in range(72, 90)]
    assert all(one.nothing_to_read(0) for one in line[89:])
    server.call("RPUSH", "k", *range(89, 100))
    assert [one.recv() for one in line[89:]] == \
        [[b"k", b"%d" % i] for i in range(89, 100)]
    assert_nobody_waits(server)


@pytest.mark.parametrize("end", ["closes", "is sent on", "finds nothing"])
def test_who_waits_for_the_disk_gives_way(server, end):
    line = in_the_middle(server)
    number = [one for one in server.call("CLIENT", "LIST").decode().split("\n")
              if "cmd=blmove" in one][0].split()[0][3:]
    with gate(server, "get"):
        server.call("RPUSH", "k", *range(72))
        wait_waiting(server, "get")
        if end == "closes":
            line[70].close()
            assert line[71].recv() == [b"k", b"70"]
            assert line[72].recv() == [b"k", b"71"]
        elif end == "is sent on":
            assert server.call("CLIENT", "UNBLOCK", number, "ERROR") == 1
            assert server.call("CLIENT", "UNBLOCK", number, "ERROR") == 0
        else:
            assert server.call("DEL", "k") == 1
    if end == "is sent on":
        assert line[70].recv().code == "UNBLOCKED"
        assert line[71].recv() == [b"k", b"70"]
    if end == "finds nothing":
        wait_blocked(server, 30) # it and all behind it
        assert all(one.nothing_to_read(0) for one in line[70:])
        server.call("RPUSH", "k", "a", "b")
        assert [line[70].recv(), line[71].recv()] == [b"a", [b"k", b"b"]]
    assert server.call("LRANGE", "to", -1, -1) == [b"old"]
    assert server.call("DEBUG", "CHECK") == OK


def test_time_is_over_while_it_is_served(server):
    """Its turn had come before."""
    server.call("RPUSH", "to", "old")
    line = [waiting(server, "BLPOP", "k", "0") for _ in range(70)]
    wait_blocked(server, 70)
    last = [waiting(server, "BLMOVE", "k", "to", "LEFT", "LEFT",
                    "%g" % (0.3 * SLOWNESS)) for _ in range(2)]
    cold(server, "to")
    with gate(server, "get"):
        server.call("RPUSH", "k", *range(71))
        wait_waiting(server, "get")
        assert last[1].recv() == NULL_ARRAY # so the other's is over, too
        assert last[0].nothing_to_read(0)
    assert last[0].recv() == b"70"
    del line
    assert_nobody_waits(server)


def test_keys_that_another_database_had_on_disk(server):
    other = server.raw()
    other.call("SELECT", 9)
    other.call("RPUSH", "k", "v")
    other.call("SET", "k2", "string")
    cold_in_9 = ["k", "k2"]
    flush(server)
    other.call("CACHE", "EVICT", *cold_in_9)
    line = [waiting(server, "BLPOP", "k3", "k2", "0"),
            waiting(server, "BLPOP", "k", "0"),
            waiting(server, "BZPOPMIN", "k", "0")]
    assert server.call("SWAPDB", 9, 0) == OK
    assert line[1].recv() == [b"k", b"v"]
    assert line[0].nothing_to_read(0) and line[2].nothing_to_read(0)
    # Back again, and within a transaction.
    for words in [("SELECT", 0), ("RPUSH", "k2x", 1), ("MULTI",),
                  ("SWAPDB", 0, 9), ("RPUSH", "k3", 2), ("EXEC",)]:
        other.call(*words)
    assert line[0].recv() == [b"k3", b"2"]
    other.call("ZADD", "k", 1, "a")
    assert line[2].recv() == [b"k", b"a", b"1"]


def test_a_cache_that_keeps_nothing(start_server):
    server = steered(start_server, cache_max_memory=0)
    server.call("RPUSH", "to", "old")
    flush(server)
    line = [waiting(server, "BLMOVE", "k", "to", "LEFT", "LEFT", "0"),
            waiting(server, "BRPOP", "x", "k", "0")]
    flush(server)
    assert server.call("RPUSH", "k", 1, 2) == 2
    assert [line[0].recv(), line[1].recv()] == [b"1", [b"k", b"2"]]
    assert server.call("LRANGE", "to", 0, -1) == [b"1", b"old"]
    assert_nobody_waits(server)


def test_a_crash_leaves_a_push_and_what_it_served_together(start_server):
    """What was pushed is where the waiter moved it to, whatever a crash cuts
    off; and nothing is there twice."""
    server = start_server(cache_flush_delay="1ms", enable_debug_command="yes")
    for turn in range(3):
        worker, pusher = server.raw(), server.raw()
        for i in range(100 + 100 * turn):
            worker.send("BLMOVE", "from", "to", "LEFT", "RIGHT", "0")
            wait_blocked(server, 1)
            assert pusher.call("RPUSH", "from", i) == 1
            assert worker.recv() == b"%d" % i
        server.kill9()
        server.start()
        assert server.call("EXISTS", "from") == 0
        moved_to = server.call("LRANGE", "to", 0, -1)
        assert moved_to == [b"%d" % i for i in range(len(moved_to))]
        assert server.call("DEBUG", "CHECK") == OK
        server.call("FLUSHALL")


# --- memory ------------------------------------------------------------------

def test_what_blocked_clients_hold_is_theirs(server):
    before = server.info("memory")["mem_clients_normal"]
    client = server.raw()
    number = id_of(client)
    keys = ["key-%d" % i for i in range(2000)]
    client.send("BLPOP", *keys, "0")
    wait_blocked(server, 1)
    line = server.call("CLIENT", "LIST", "ID", number).decode()
    total = int(line.split("tot-mem=")[1].split()[0])
    assert 2000 * 100 < total < 2000 * 400
    assert server.info("memory")["mem_clients_normal"] - before > 2000 * 100
    assert server.call("CLIENT", "UNBLOCK", number) == 1
    assert client.recv() == NULL_ARRAY
    line = server.call("CLIENT", "LIST", "ID", number).decode()
    assert int(line.split("tot-mem=")[1].split()[0]) < 50_000


def test_more_keys_than_memory_allows(start_server):
    server = steered(start_server, cache_max_memory="16mb")
    server.call("SET", "k", "v")
    server.call("FLUSHALL") # nothing to load
    keys = ["k%d" % i for i in range(20_000)]
    assert server.call("BLPOP", *keys, "0").code == "OOM"
    assert server.call("RPUSH", keys[-1], "v") == 1
    assert server.call("BLPOP", *keys, "0") == [b"k19999", b"v"]
    assert_nobody_waits(server)


@pytest.mark.timeout(120)
def test_ten_thousand_blocked_clients(start_server):
    """As many as the system lets this process have. They are charged, within
    the bound, and served."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10_000, limit // 2 - 200)
    server = start_server(maxclients=count + 100, tcp_backlog=4096,
                          enable_debug_command="yes")
    sockets = []
    for i in range(count):
        one = socket.create_connection(("127.0.0.1", server.port))
        one.sendall(encode("BLPOP", "own-%d" % i, "all", "1000"))
        sockets.append(one)
    wait_blocked(server, count, timeout_s=60)
    info = clients(server)
    assert info["total_blocking_keys"] == count + 1
    assert info["clients_in_timeout_table"] == count
    assert server.info("memory")["mem_clients_normal"] > count * 500
    assert server.call("DEBUG", "CHECK") == OK
    server.call("RPUSH", "own-%d" % (count // 2), "v")
    expected = encode(b"own-%d" % (count // 2), b"v")
    assert sockets[count // 2].recv(100) == expected
    server.call("RPUSH", "all", *["x"] * (count - 1))
    del sockets[count // 2]
    for one in sockets:
        assert one.recv(100) == encode("all", "x")
        one.close()
    assert_nobody_waits(server)
