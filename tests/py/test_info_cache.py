"""INFO cache and INFO store: memory, entries, loads, flushes, the store. For
each counter a test that moves it; the other sections are in test_info.py."""

import os

import pytest

from lib.server import SLOWNESS, wait_until
from lib.steer import (OK, cold, figures, flush, gate, moved, order, started,
                       states, steered, wait_waiting)

KB = 1024
MB = 1024 * KB
# One key and value above this lie outside the segments, and in pages on disk.
BIG = 100 * KB


@pytest.fixture
def server(start_server):
    return steered(start_server)


# --- memory ----------------------------------------------------------------

ACCOUNTS = ["entries", "values", "clients", "jobs", "dirty", "cut", "store",
            "other", "overhead"]


def test_accounts_add_up(server):
    client = server.raw()
    for _ in range(3):
        client.pipeline([("SET", "k%d" % i, "x" * 500) for i in range(500)])
        info = figures(server)
        accounts = [name for name in info
                    if name.startswith("cache_memory_")]
        assert accounts == ["cache_memory_" + name for name in ACCOUNTS]
        assert sum(info[name] for name in accounts) \
            == info["cache_used_memory"]


def test_memory_of_entries_and_values(server):
    entries = moved(server, "cache_memory_entries")
    values = moved(server, "cache_memory_values")
    server.raw().pipeline([("SET", "k%d" % i, "x" * 1000)
                           for i in range(1000)])
    assert entries() >= 1000 * 1000
    assert values() == 0
    server.call("SET", "big", b"x" * BIG)
    assert BIG <= values() <= 1.3 * BIG
    memory = server.info("memory")
    assert memory["used_memory_dataset"] >= 1000 * 1000 + BIG
    assert memory["used_memory"] >= memory["used_memory_dataset"]
    assert memory["used_memory_peak"] >= memory["used_memory"]


def test_memory_of_clients(server):
    clients = moved(server, "cache_memory_clients")
    client = server.raw()
    client.send_raw(b"*2\r\n$4\r\nECHO\r\n$200000\r\n" + b"x" * 150000)
    wait_until(lambda: clients() >= 150000)
    client.close()
    wait_until(lambda: clients() < 20000)


def test_memory_of_jobs_and_of_what_is_dirty(server):
    server.call("SET", "k", "v")
    cold(server, "k")
    jobs = moved(server, "cache_memory_jobs")
    with gate(server, "get"):
        client = started(server, "GET", "k")
        wait_waiting(server, "get")
        assert jobs() > 0
    assert client.recv() == b"v"
    wait_until(lambda: jobs() == 0)
    dirty = moved(server, "cache_memory_dirty")
    server.raw().pipeline([("SET", "k%d" % i, i) for i in range(1000)])
    assert dirty() > 1000 * 50


def test_memory_of_the_cut(server):
    server.call("SET", "k", "x" * 10000)
    assert figures(server)["cache_memory_cut"] == 0
    with gate(server, "write"):
        started(server, "SAVE")
        wait_waiting(server, "write")
        assert figures(server)["cache_memory_cut"] >= 10000
    wait_until(lambda: figures(server)["cache_memory_cut"] == 0)


def test_memory_of_the_store_and_its_limits(start_server):
    server = start_server(cache_max_memory="64mb")
    info = figures(server)
    assert info["cache_max_memory"] == info["cache_limit_memory"] == 64 * MB
    assert info["cache_memory_store"] > 0
    server.call("CONFIG", "SET", "cache-max-memory", "128mb")
    after = figures(server)
    assert after["cache_max_memory"] == after["cache_limit_memory"] == 128 * MB
    assert after["cache_memory_store"] != info["cache_memory_store"]
    assert server.info("memory")["maxmemory"] == 128 * MB
    assert server.info("memory")["maxmemory_human"] == "128.00M"


def test_memory_when_nothing_is_kept(start_server):
    info = figures(start_server(cache_max_memory="0"))
    assert info["cache_max_memory"] == 0
    assert info["cache_limit_memory"] > info["cache_used_memory"]


def test_other_memory(server):
    other = moved(server, "cache_memory_other")
    server.call("SET", "k", "v")
    flush(server)
    assert other() > 0 # the first key's counts by slot


@pytest.mark.plain_only
def test_resident_memory_and_overhead(start_server):
    server = start_server(cache_max_memory="64mb")
    resident = moved(server, "cache_resident_memory")
    rss = moved(server, "used_memory_rss", "memory")
    server.raw().pipeline([("SET", "k%d" % i, "x" * 1000)
                           for i in range(20000)])
    assert resident() > 15 * MB
    assert rss() > 15 * MB
    assert abs(figures(server)["cache_resident_memory"] - server.rss_anon()) \
        < 2 * MB
    # Overhead is what is resident and in no account: with the accounts empty
    # but for the store's reservation, there is none.
    assert figures(server)["cache_memory_overhead"] < 16 * MB


# --- entries ---------------------------------------------------------------

def entries(server):
    """Entries by state, but for the zeros."""
    info = figures(server)
    words = {name[len("cache_entries_"):]: value
             for name, value in info.items()
             if name.startswith("cache_entries_") and value}
    assert sum(words.get(name, 0) for name in
               ["memory", "dirty", "saving", "absent", "unknown"]) \
        == info["cache_entries"]
    return words


def test_entries_by_state(server):
    server.call("MSET", "a", 1, "b", 2, "c", 3)
    assert entries(server) == {"dirty": 3, "busy": 3}
    flush(server)
    wait_until(lambda: entries(server) == {"memory": 3})
    server.call("SET", "a", 4)
    with gate(server, "write"):
        started(server, "SAVE")
        wait_waiting(server, "write")
        server.call("SET", "b", 5)
        assert entries(server) == {"memory": 1, "saving": 1, "dirty": 1,
                                   "busy": 2}
        server.call("SET", "a", 6)
        assert entries(server) == {"memory": 1, "dirty": 2, "busy": 2}
    flush(server)
    wait_until(lambda: entries(server) == {"memory": 3})


def test_absent_entries_and_deletes_under_way(server):
    server.call("MSET", "a", 1, "b", 2)
    flush(server)
    server.call("GET", "nobody")
    assert entries(server)["absent"] == 1
    server.call("DEL", "a")
    assert entries(server)["absent"] == 2
    assert figures(server)["cache_deletes_dirty"] == 1
    with gate(server, "write"):
        started(server, "SAVE")
        wait_waiting(server, "write")
        info = figures(server)
        assert info["cache_deletes_dirty"] == 0
        assert info["cache_deletes_saving"] == 1
    wait_until(lambda: figures(server)["cache_deletes_saving"] == 0)
    assert entries(server) == {"memory": 1, "absent": 2}


def test_unknown_and_header_entries(server):
    server.call("MSET", "k", 1, "big", b"x" * BIG)
    cold(server, "k", "big")
    assert entries(server) == {}
    with gate(server, "get"):
        started(server, "GET", "k")
        wait_waiting(server, "get")
        assert entries(server) == {"unknown": 1, "busy": 1}
    wait_until(lambda: entries(server) == {"memory": 1})
    assert server.call("STRLEN", "big") == BIG
    assert entries(server) == {"memory": 2, "header": 1}
    server.call("GET", "big")
    assert entries(server) == {"memory": 2}


def test_entries_with_a_deadline(server):
    server.call("SET", "k", 1, "EX", 100)
    flush(server)
    wait_until(lambda: entries(server) == {"memory": 1, "deadline": 1})
    server.call("PERSIST", "k")
    assert figures(server)["cache_entries_deadline"] == 0


# --- hits and loads --------------------------------------------------------

def test_hits_and_misses(server):
    server.call("SET", "k", 1)
    cold(server, "k")
    names = ["cache_hits", "cache_misses", "cache_absent_hits", "cache_loads"]
    since = [moved(server, name) for name in names]

    def all_moved():
        return [one() for one in since]
    server.call("GET", "k")
    assert all_moved() == [0, 1, 0, 1]
    server.call("GET", "k")
    assert all_moved() == [1, 1, 0, 1]
    server.call("GET", "nobody")
    assert all_moved() == [1, 2, 0, 2]
    server.call("MGET", "nobody", "k", "nobody")
    assert all_moved() == [4, 2, 2, 2]


def test_one_load_however_many_wait(server):
    server.call("SET", "k", 1)
    cold(server, "k")
    loads = moved(server, "cache_loads")
    blocked = moved(server, "cache_blocked_clients_total")
    with gate(server, "get"):
        clients = [started(server, "GET", "k") for _ in range(4)]
        wait_waiting(server, "get")
        assert figures(server)["cache_blocked_clients"] == 4
        assert server.info("clients")["blocked_clients"] == 4
        assert figures(server)["cache_jobs_load"] == 1
    assert [one.recv() for one in clients] == [b"1"] * 4
    assert loads() == 1
    assert blocked() == 4
    assert figures(server)["cache_blocked_clients"] == 0
    assert figures(server)["cache_jobs_load"] == 0


def test_prefetches(server):
    keys = ["k%d" % i for i in range(10)]
    server.raw().pipeline([("SET", key, key) for key in keys])
    cold(server, *keys)
    prefetches = moved(server, "cache_prefetches")
    loads = moved(server, "cache_loads")
    replies = server.raw().pipeline([("GET", key) for key in keys])
    assert replies == [key.encode() for key in keys]
    assert loads() == 10
    assert prefetches() == 9


def test_load_errors(server):
    server.call("SET", "k", 1)
    cold(server, "k")
    errors = moved(server, "cache_load_errors")
    order(server, "fail get 1 corrupt")
    assert server.call("GET", "k").code == "IOERR"
    assert errors() == 1
    assert figures(server)["cache_last_error"] != ""
    assert server.call("GET", "k") == b"1"
    assert errors() == 1


def test_loads_that_come_too_late(server):
    server.call("SET", "k", 1)
    cold(server, "k")
    dropped = moved(server, "cache_loads_dropped")
    with gate(server, "get"):
        client = started(server, "GET", "k")
        wait_waiting(server, "get")
        server.call("SET", "k", 2)
        assert client.recv() == b"2"
    wait_until(lambda: dropped() == 1)
    assert server.call("GET", "k") == b"2"


@pytest.mark.plain_only # sanitizers take memory of their own
def test_evictions_and_what_was_moved_to_stay(start_server):
    server = start_server(cache_max_memory="16mb")
    client = server.raw()
    hot = ["hot:%d" % i for i in range(1000)]
    client.pipeline([("SET", key, "x" * 1000) for key in hot])
    for part in range(10):
        client.pipeline([("GET", key) for key in hot]) # used, so they stay
        client.pipeline([("SET", "k%d" % i, "x" * 1000)
                         for i in range(part * 3000, part * 3000 + 3000)])
    info = figures(server)
    assert info["cache_evictions"] > 10000
    assert info["cache_moved_bytes"] > 0
    assert server.info("stats")["evicted_keys"] == 0 # nothing was lost


@pytest.mark.plain_only # sanitizers take memory of their own
def test_commands_that_gave_way(start_server):
    server = start_server(cache_max_memory="16mb")
    client = server.raw()
    for i in range(400):
        client.call("SET", "k%d" % i, b"%d" % i * 20000)
    clients = [server.raw() for _ in range(30)]
    for number, one in enumerate(clients):
        one.send("MGET", *("k%d" % (number * 13 % 400 + i)
                           for i in range(0, 20)))
    for one in clients:
        assert len(one.recv()) == 20
    assert figures(server)["cache_robbed"] > 0


# --- writes and flushes ----------------------------------------------------

def test_blind_writes_and_looks(server):
    server.call("SET", "k", 1)
    cold(server, "k")
    blind = moved(server, "cache_blind_writes")
    looks = moved(server, "cache_looks")
    server.call("SET", "k", 2)
    assert blind() == 1
    server.call("SET", "k", 3)
    assert blind() == 1
    flush(server)
    assert looks() == 1


def test_saves_and_deletes(server):
    saves = moved(server, "cache_saves")
    deletes = moved(server, "cache_deletes")
    flushes = moved(server, "cache_flushes")
    server.call("MSET", "a", 1, "b", 2, "c", 3)
    server.call("SET", "a", 4)
    flush(server)
    assert (saves(), deletes(), flushes()) == (3, 0, 1)
    server.call("DEL", "a", "b")
    server.call("SET", "c", 5)
    flush(server)
    assert (saves(), deletes(), flushes()) == (4, 2, 2)


def test_dirt_and_its_age(server):
    assert figures(server)["cache_dirty_bytes"] == 0
    assert figures(server)["cache_oldest_dirty_ms"] == 0
    server.call("SET", "k", "x" * 5000)
    wait_until(lambda: figures(server)["cache_oldest_dirty_ms"] >= 100)
    assert 5000 <= figures(server)["cache_dirty_bytes"] <= 6000
    with gate(server, "write"):
        started(server, "SAVE")
        wait_waiting(server, "write")
        info = figures(server)
        assert info["cache_flushing"] == 1
        assert info["cache_jobs_save"] == 1
        assert info["cache_dirty_bytes"] >= 5000 # not on disk yet
    wait_until(lambda: figures(server)["cache_flushing"] == 0)
    info = figures(server)
    assert info["cache_dirty_bytes"] == info["cache_oldest_dirty_ms"] == 0
    assert info["cache_jobs_save"] == 0


def test_the_last_flush(server):
    order(server, "delay write 150")
    server.call("SET", "k", "x" * 5000)
    flush(server)
    info = figures(server)
    assert 140 <= info["cache_last_flush_ms"] <= 150 + 1000 * SLOWNESS
    assert 5000 <= info["cache_last_flush_bytes"] <= 10000
    order(server, "delay write 0")
    server.call("SET", "k", "y")
    flush(server)
    assert figures(server)["cache_last_flush_bytes"] < 5000


def test_a_failing_store_and_its_recovery(server):
    errors = moved(server, "cache_flush_errors")
    assert figures(server)["cache_last_flush_status"] == "ok"
    server.call("SET", "k", 1)
    order(server, "fail write -1 io")
    assert server.call("SAVE").code == "IOERR"
    info = figures(server)
    assert errors() >= 1
    assert info["cache_last_flush_status"] == "err"
    assert info["cache_store_failing"] == 1
    assert info["cache_last_error"] != ""
    order(server, "fail write 0")
    wait_until(lambda: figures(server)["cache_store_failing"] == 0)
    assert figures(server)["cache_last_flush_status"] == "ok"
    assert server.info("store")["store_errors"] >= 1
    wait_until(lambda: states(server, "k") == ["memory"])


def test_staged_flushes(start_server):
    server = steered(start_server, cut_max="64kb")
    staged = moved(server, "cache_staged_flushes")
    server.call("SET", "k", "v")
    flush(server)
    assert staged() == 0
    pairs = sum((["k%d" % i, "x" * 1000] for i in range(500)), [])
    assert server.call("MSET", *pairs) == OK
    flush(server)
    assert staged() == 1
    server.kill9()
    server.start()
    assert server.call("DBSIZE") == 501


def test_synchronous_flushes(start_server):
    """The last resort: far above the limit, and nothing clean."""
    server = steered(start_server, cache_max_memory="128mb", cut_max="21mb",
                     latency_monitor_threshold=10)
    client = server.raw()
    client.pipeline([("SET", "k%d" % i, "x" * 10000) for i in range(1900)])
    order(server, "delay write 200")
    assert figures(server)["cache_sync_flushes"] == 0
    reply = server.call("CONFIG", "SET", "cut-max", "0", "cache-max-memory",
                        "40mb")
    assert reply == OK, reply
    wait_until(lambda: figures(server)["cache_sync_flushes"] >= 1)
    assert "flushing synchronously" in server.log_text
    assert b"sync-flush" in [one[0] for one in
                             server.call("LATENCY", "LATEST")]
    assert client.call("DBSIZE") == 1900


def test_no_slice_of_a_flush_is_long(server):
    server.raw().pipeline([("SET", "k%d" % i, i) for i in range(2000)])
    flush(server)
    assert 0 < figures(server)["cache_slice_max"] <= 64


def test_garbage(server):
    server.call("SET", "big", b"x" * BIG)
    flush(server)
    garbage = moved(server, "cache_garbage_deleted")
    with gate(server, "iter"):
        server.call("SET", "big", b"y" * BIG)
        flush(server)
        wait_waiting(server, "iter")
        assert figures(server)["cache_jobs_background"] == 1
    wait_until(lambda: garbage() > 1)
    wait_until(lambda: figures(server)["cache_jobs_background"] == 0)
    assert server.call("GET", "big") == b"y" * BIG


def test_nobody_is_in_the_store_while_it_is_opened_again(start_server):
    """A load under way keeps the reopening waiting; INFO does not care."""
    server = steered(start_server, io_threads=2)
    server.call("SET", "cold", 1)
    cold(server, "cold")
    server.call("SET", "k", 2)
    order(server, "gate write close")
    server.call("BGSAVE")
    wait_waiting(server, "write") # the first thread
    with gate(server, "get"):
        loading = started(server, "GET", "cold")
        wait_waiting(server, "get") # the second one
        order(server, "fail write 1 io")
        order(server, "gate write open")
        wait_until(lambda: figures(server)["cache_jobs_exclusive"] == 1)
        store = server.info("store")
        assert store["store_reopening"] == 1
        assert "store_batches" not in store
    assert loading.recv() == b"1"
    wait_until(lambda: figures(server)["cache_jobs_exclusive"] == 0)
    store = server.info("store")
    assert store["store_reopening"] == 0
    assert store["store_batches"] >= 1


# --- store -----------------------------------------------------------------

def test_store(server):
    store = server.info("store")
    assert store["store_path"] == server.ds_path
    assert store["store_fsync"] == 0
    for i in range(3):
        server.call("SET", "k", os.urandom(10000))
        flush(server)
    after = server.info("store")
    assert after["store_batches"] == store["store_batches"] + 3
    assert after["store_batch_bytes"] >= store["store_batch_bytes"] + 30000
    assert after["store_disk_bytes"] >= store["store_disk_bytes"] + 30000
    assert after["store_memory_bytes"] > store["store_memory_bytes"]
    server.call("CACHE", "EVICT", "k")
    server.call("GET", "k")
    assert server.info("store")["store_gets"] > after["store_gets"]
    assert store["store_level0_files"] == 0
    server.restart() # what the log held becomes a table
    assert server.info("store")["store_level0_files"] >= 1
    server.call("CONFIG", "SET", "ds-fsync", "yes")
    assert server.info("store")["store_fsync"] == 1
