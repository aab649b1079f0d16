"""A disk that takes its time: the loop does not wait for it.

A gate in the store stands for a disk that never answers; what is answered all
the same can not have waited for it. Where the promise is about time, the
store takes a long delay for each read and write.
"""

import random
import threading
import time

import pytest

from lib.resp import NULL_BULK, RespClient, Simple, encode
from lib.server import SLOWNESS, wait_until
from lib.steer import (OK, cold, figures, flush, gate, moved, order, started,
                       states, steered, store_counts, wait_waiting)

PONG = Simple("PONG")
BIG = b"big " * 40000 # twelve chunks


def some_keys(count, prefix="k"):
    return ["%s%d" % (prefix, i) for i in range(count)]


def store_keys(server, keys):
    """On disk, each with its name as its value, and memory knows nothing."""
    assert server.call("MSET", *sum(([key, key] for key in keys), [])) == OK
    cold(server, *keys)


def values(keys):
    return [key.encode() for key in keys]


# --- a disk that never answers ---------------------------------------------

@pytest.mark.parametrize("io_threads", [1, 2, 4])
def test_the_loop_waits_for_no_read_and_no_write(start_server, io_threads):
    server = steered(start_server, io_threads=io_threads)
    keys = some_keys(50)
    store_keys(server, keys + ["big"])
    server.call("MSET", "hot", 0, "other", 0)
    flush(server)
    order(server, "gate get close")
    order(server, "gate write close")
    server.call("SET", "hot", 1)
    waiting = [started(server, *words) for words in [
        ("CACHE", "FLUSH"), ("MGET", *keys[10:]), ("GET", "k0"),
        ("APPEND", "k1", "x"), ("DEL", "k2"), ("CACHE", "STATE", "k3"),
        ("SET", "k4", "x", "GET")]]
    wait_until(lambda: store_counts(server)["get_waiting"]
               + store_counts(server)["write_waiting"] >= 1)
    before = store_counts(server)
    client = server.raw()
    for i in range(300):
        assert client.call("PING") == PONG
        assert client.call("SET", "hot", i) == OK
        assert client.call("GET", "hot") == b"%d" % i
        assert client.call("INCR", "other") == i + 1
        assert client.call("SET", "k5", i) == OK # blindly
        assert client.call("GET", "k5") == b"%d" % i
        assert client.call("EXISTS", "hot", "other") == 2
    assert client.pipeline([("SET", "new%d" % i, i) for i in range(1000)]) \
        == [OK] * 1000
    assert client.call("INFO", "everything")
    assert server.call("DEBUG", "CHECK") == OK
    after = store_counts(server)
    for name in ("get_done", "write_done"):
        assert after[name] == before[name], name
    assert all(one.nothing_to_read(0) for one in waiting)
    order(server, "reset")
    assert [one.recv() for one in waiting] == \
        [OK, values(keys[10:]), b"k0", 3, 1, [b"disk"], b"k4"]
    assert figures(server)["cache_sync_flushes"] == 0


def test_connections_come_and_go_while_the_disk_stands(start_server):
    server = steered(start_server)
    store_keys(server, ["k"])
    with gate(server, "get"):
        first = started(server, "GET", "k")
        wait_waiting(server, "get")
        for _ in range(50):
            with RespClient(server.port, timeout_s=20) as client:
                assert client.call("PING") == PONG
                client.send("GET", "k")
        wait_until(lambda: figures(server)["cache_blocked_clients"] == 1)
        assert figures(server)["cache_jobs_load"] == 1
    assert first.recv() == b"k"


# --- all reads at once -----------------------------------------------------

@pytest.mark.parametrize("io_threads, waiting", [(1, 1), (4, 4)])
def test_a_cold_mget_asks_for_all_its_keys_at_once(start_server, io_threads,
                                                   waiting):
    server = steered(start_server, io_threads=io_threads)
    keys = some_keys(100)
    store_keys(server, keys)
    loads = moved(server, "cache_loads")
    with gate(server, "get"):
        done = store_counts(server)["get_done"]
        client = started(server, "MGET", *keys)
        wait_waiting(server, "get", waiting)
        assert figures(server)["cache_jobs_load"] == 100
        assert loads() == 100
        assert store_counts(server)["get_done"] == done
        assert client.nothing_to_read(0)
        order(server, "gate get step 99")
        wait_until(lambda: store_counts(server)["get_done"] == done + 99)
        assert client.nothing_to_read(0)
    assert client.recv() == values(keys)
    assert loads() == 100


@pytest.mark.parametrize("commands", [
    [("GET", "k%d" % i) for i in range(100)],
    [("INCRBYFLOAT", "n%d" % i, "0") for i in range(100)],
    [("MGET", "k%d" % i, "k%d" % (i + 1)) for i in range(0, 100, 2)],
    [("EXPIRE", "k%d" % i, "1000") for i in range(100)],
], ids=lambda commands: commands[0][0])
def test_a_cold_pipeline_is_looked_ahead(start_server, commands):
    """100 commands behind each other: one round of reads."""
    server = steered(start_server)
    store_keys(server, some_keys(100))
    server.call("MSET", *sum(([key, 7] for key in some_keys(100, "n")), []))
    cold(server, *some_keys(100, "n"))
    loads = moved(server, "cache_loads")
    client = server.raw()
    with gate(server, "get"):
        done = store_counts(server)["get_done"]
        client.send_raw(b"".join(encode(*words) for words in commands))
        wait_until(lambda: figures(server)["cache_jobs_load"] == 100)
        assert loads() == 100
        assert store_counts(server)["get_done"] == done
        assert client.nothing_to_read(0)
    replies = client.recv_many(len(commands))
    expected = {"GET": values(some_keys(100)), "INCRBYFLOAT": [b"7"] * 100,
                "MGET": [values(words[1:]) for words in commands],
                "EXPIRE": [1] * 100}[commands[0][0]]
    assert replies == expected
    assert loads() == 100


def test_looking_ahead_stops_at_its_cap(start_server):
    """It pins nothing and takes no room from others: with little memory, few
    are asked for in advance. All are answered."""
    server = steered(start_server, cache_max_memory="16mb")
    keys = some_keys(400)
    store_keys(server, keys)
    client = server.raw()
    with gate(server, "get"):
        client.send_raw(b"".join(encode("GET", key) for key in keys))
        wait_waiting(server, "get")
        assert 1 < figures(server)["cache_jobs_load"] <= 17
        # Whoever needs a key now is not held up by that cap.
        other = started(server, "MGET", *keys)
        assert figures(server)["cache_jobs_load"] == 400
    assert other.recv() == values(keys)
    assert client.recv_many(400) == values(keys)


def test_the_pages_of_large_values_are_asked_for_at_once(start_server):
    server = steered(start_server)
    keys = some_keys(10)
    server.call("MSET", *sum(([key, BIG + key.encode()] for key in keys), []))
    cold(server, *keys)
    with gate(server, "get"):
        client = started(server, "MGET", *keys)
        order(server, "gate get step 10") # the headers
        wait_until(lambda: figures(server)["cache_entries_header"] == 10)
        assert figures(server)["cache_jobs_load"] == 10
    assert client.recv() == [BIG + key.encode() for key in keys]


# --- loads and saves take turns --------------------------------------------

def test_a_save_waits_for_64_loads_at_most(start_server):
    server = steered(start_server)
    keys = some_keys(300)
    store_keys(server, keys)
    server.call("SET", "hot", 0)
    flush(server)
    server.call("SET", "hot", 1)
    with gate(server, "get"):
        reader = started(server, "MGET", *keys)
        wait_waiting(server, "get")
        writes = store_counts(server)["write_done"]
        saved = started(server, "CACHE", "FLUSH")
        assert figures(server)["cache_jobs_save"] == 1
        steps = 0
        while store_counts(server)["write_done"] == writes:
            assert steps <= 66
            gets = store_counts(server)["get_done"]
            order(server, "gate get step 1")
            steps += 1
            wait_until(lambda: store_counts(server)["get_done"] > gets)
            # The thread comes back to the gate, or writes and comes then.
            wait_waiting(server, "get")
        assert 60 <= steps
        assert saved.recv() == OK
        assert reader.nothing_to_read(0)
    assert reader.recv() == values(keys)


def saturated(server, seconds, delay_s, bound_ms):
    """Reads cold keys from several connections, so that the queue of loads is
    never empty, and writes a little; samples the age of the oldest dirty
    entry. Returns how often it looked."""
    keys = some_keys(2000)
    store_keys(server, keys)
    server.call("MSET", *sum((["w%d" % i, 0] for i in range(20)), []))
    flush(server)
    order(server, "delay get 1")
    stop = threading.Event()
    problems = []

    def read(seed):
        rng = random.Random(seed)
        with RespClient(server.port, timeout_s=60) as client:
            while not stop.is_set():
                some = rng.sample(keys, 100)
                if client.call("MGET", *some) != values(some):
                    problems.append("wrong values")

    def write():
        with RespClient(server.port, timeout_s=60) as client:
            number = 0
            while not stop.is_set():
                number += 1
                # Known ones, and ones written blindly.
                client.call("SET", "w%d" % (number % 20), number)
                client.call("SET", "k%d" % (number % 2000),
                            "k%d" % (number % 2000))
                time.sleep(0.01)

    threads = [threading.Thread(target=read, args=(i,)) for i in range(6)]
    threads.append(threading.Thread(target=write))
    flushes = moved(server, "cache_flushes")
    for thread in threads:
        thread.start()
    samples = []
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            samples.append(figures(server))
            time.sleep(0.02)
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert problems == []
    # It was saturated: a queue of loads most of the time.
    queued = [one["cache_jobs_load"] for one in samples]
    assert sorted(queued)[len(queued) // 4] > 64
    oldest = max(one["cache_oldest_dirty_ms"] for one in samples)
    longest = max(one["cache_last_flush_ms"] for one in samples)
    print("oldest dirty %d ms, longest flush %d ms, %d flushes, %d samples"
          % (oldest, longest, flushes(), len(samples)))
    assert flushes() >= seconds / (delay_s + bound_ms / 1000)
    assert oldest <= delay_s * 1000 + longest + 1000 * SLOWNESS
    assert longest <= bound_ms * SLOWNESS


def test_dirt_does_not_grow_old_under_cold_reads(start_server):
    """Without a turn for saves a flush would wait until the reads end."""
    server = steered(start_server, cache_max_memory=0,
                     cache_flush_delay="200ms")
    saturated(server, 4, 0.2, 2000)


@pytest.mark.torture
@pytest.mark.timeout(300)
@pytest.mark.parametrize("io_threads", [1, 2])
def test_dirt_does_not_grow_old_under_many_cold_reads(start_server,
                                                      io_threads):
    server = steered(start_server, cache_max_memory=0, io_threads=io_threads,
                     cache_flush_delay="1s")
    saturated(server, 60, 1, 3000)


# --- slices ----------------------------------------------------------------

@pytest.mark.parametrize("kind", ["known", "blind", "deleted", "expired"])
def test_no_step_of_a_flush_touches_more_than_64_entries(start_server, kind):
    server = steered(start_server)
    keys = some_keys(3000)
    if kind != "blind":
        server.call("MSET", *sum(([key, 0] for key in keys), []))
        flush(server)
        server.call("CONFIG", "RESETSTAT")
    if kind == "deleted":
        server.call("DEL", *keys)
    elif kind == "expired":
        deadline = int(time.time() * 1000) + 30
        server.raw().pipeline([("SET", key, 1, "PXAT", deadline)
                               for key in keys])
        time.sleep(0.03)
    else:
        server.call("MSET", *sum(([key, 1] for key in keys), []))
    flush(server)
    info = figures(server)
    assert 0 < info["cache_slice_max"] <= 64
    assert info["cache_flushes"] == 1
    assert server.call("DBSIZE") == \
        (0 if kind in ("deleted", "expired") else 3000)


def test_finishing_a_flush_goes_in_slices_too(start_server):
    """What becomes clean in one turn counts as well as what is captured."""
    server = steered(start_server)
    server.call("MSET", *sum(([key, 1] for key in some_keys(3000)), []))
    with gate(server, "write"):
        client = started(server, "CACHE", "FLUSH")
        wait_waiting(server, "write")
        server.call("CONFIG", "RESETSTAT") # all is captured
        assert figures(server)["cache_slice_max"] == 0
    assert client.recv() == OK
    assert 0 < figures(server)["cache_slice_max"] <= 64


# --- a disk that takes half a second ---------------------------------------

AT_ONCE_S = 0.2 * SLOWNESS


class Hot(threading.Thread):
    """PING, and GET and SET of keys in memory, one after the other; how long
    each took."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.longest_s = 0
        self.count = 0
        self.problem = None
        self.stop = threading.Event()
        self._client = server.raw()

    def run(self):
        try:
            while not self.stop.is_set():
                self._once()
                time.sleep(0.001)
        except Exception as error: # shown by the test
            self.problem = error

    def _once(self):
        self.count += 1
        value = b"%d" % self.count
        for words, expected in ((("PING",), PONG),
                                (("SET", "hot", value), OK),
                                (("GET", "hot"), value)):
            begun = time.monotonic()
            reply = self._client.call(*words)
            self.longest_s = max(self.longest_s, time.monotonic() - begun)
            assert reply == expected, (words, reply)


def slow_flushes(start_server, count, delay_s, io_threads):
    """Flushes in a row, and loads all the while, on a slow disk."""
    delay_ms = int(delay_s * 1000 * SLOWNESS)
    server = steered(start_server, cache_flush_delay=0, io_threads=io_threads)
    keys = some_keys(50)
    store_keys(server, keys)
    server.call("SET", "hot", 0)
    flush(server)
    # Looks at old records would add reads to each flush.
    order(server, "delay get %d" % delay_ms)
    order(server, "delay write %d" % delay_ms)
    flushes = moved(server, "cache_flushes")
    loads = moved(server, "cache_loads")
    hot = Hot(server)
    hot.start()
    reader = server.raw(timeout_s=120)
    i = 0
    try:
        while flushes() < count:
            key = keys[i % len(keys)]
            assert reader.call("GET", key) == key.encode()
            assert server.call("CACHE", "EVICT", key) in (0, 1)
            i += 1
    finally:
        hot.stop.set()
        hot.join(60)
    assert hot.problem is None
    print("%d flushes, %d loads, %d rounds, longest answer %.1f ms"
          % (flushes(), loads(), hot.count, hot.longest_s * 1000))
    assert loads() >= count // 2
    assert hot.count > 100
    assert hot.longest_s < AT_ONCE_S < delay_s * SLOWNESS
    order(server, "reset")


@pytest.mark.alone
@pytest.mark.parametrize("io_threads", [1, 2])
def test_answers_come_at_once_while_the_disk_is_slow(start_server, io_threads):
    slow_flushes(start_server, 4, 0.4, io_threads)


@pytest.mark.torture
@pytest.mark.timeout(900)
@pytest.mark.parametrize("io_threads", [1, 2])
def test_answers_come_at_once_in_100_slow_flushes(start_server, io_threads):
    slow_flushes(start_server, 100, 0.5, io_threads)


# --- without I/O threads ---------------------------------------------------

def waits_for(server, words, delay_s):
    """Whether PING waits for what another client asked for. It is sent when
    the other command must have come."""
    client, other = server.raw(), server.raw()
    assert other.call("PING") == PONG
    begun = time.monotonic()
    client.send(*words)
    time.sleep(delay_s / 5)
    assert other.call("PING") == PONG
    waited = time.monotonic() - begun >= delay_s
    client.recv()
    return waited


@pytest.mark.parametrize("io_threads", [0, 1])
@pytest.mark.parametrize("operation", ["get", "write"])
def test_only_without_io_threads_the_loop_waits(start_server, io_threads,
                                                operation):
    server = steered(start_server, io_threads=io_threads)
    words = ("GET", "k") if operation == "get" else ("CACHE", "FLUSH")
    for _ in range(5): # a busy machine may spoil one or two
        order(server, "reset")
        store_keys(server, ["k"])
        server.call("SET", "hot", time.time())
        order(server, "delay %s 300" % operation)
        if waits_for(server, words, 0.3) == (io_threads == 0):
            break
    else:
        pytest.fail("it waits" if io_threads else "it does not wait")
    order(server, "reset")


def test_without_io_threads_all_is_answered_all_the_same(start_server):
    server = steered(start_server, io_threads=0, cache_flush_delay="10ms")
    keys = some_keys(100)
    store_keys(server, keys)
    order(server, "delay get 2")
    order(server, "delay write 2")
    assert server.call("MGET", *keys) == values(keys)
    cold(server, *keys)
    assert server.raw().pipeline([("GET", key) for key in keys]) == \
        values(keys)
    assert server.call("GET", "nobody") is NULL_BULK
    assert server.call("SET", "k0", "new") == OK
    wait_until(lambda: states(server, "k0") == ["memory"])
    assert figures(server)["cache_blocked_clients"] == 0
