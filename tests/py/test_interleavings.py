"""Two things at once, as they happen to a store with a cache in front of it.

Each row of the table in LESSONS.md that is about an order of events has its
test here. The order is forced: a gate in the store holds a read or a write
while the other thing happens. Nothing here hopes that a sleep is long enough.

What a restart must show is looked at after kill -9, so that only what was
really written counts.
"""

import signal
import time

import pytest

from lib.resp import NULL_BULK, Closed, Simple, encode
from lib.server import SLOWNESS, wait_until
from lib.steer import (OK, cold, figures, flush, gate, moved, order, started,
                       states, steered, store_counts, wait_waiting)

PONG = Simple("PONG")
BIG = b"big " * 40000 # in pages of its own, on disk and in memory


@pytest.fixture
def server(start_server):
    return steered(start_server)


def crash(server):
    """Only what is on disk remains."""
    server.kill9()
    server.start()


def flushing(server):
    """A flush that has come to the closed gate of writes."""
    client = started(server, "CACHE", "FLUSH")
    wait_waiting(server, "write")
    return client


def all_well(server):
    """No job is left behind, and all sums are right."""
    wait_until(lambda: figures(server)["cache_jobs_load"] == 0)
    assert figures(server)["cache_blocked_clients"] == 0
    assert server.call("DEBUG", "CHECK") == OK


def passed_deadline(milliseconds):
    """Waits until that wall clock time is over."""
    wait_until(lambda: time.time() * 1000 > milliseconds + 5, pause_s=0.002)


# --- DEL, then GET ---------------------------------------------------------

@pytest.mark.parametrize("value", [b"small", BIG], ids=["small", "big"])
def test_a_deleted_key_is_not_read_from_disk(server, value):
    server.call("SET", "k", value)
    cold(server, "k")
    assert server.call("DEL", "k") == 1
    loads = moved(server, "cache_loads")
    gets = store_counts(server)["get_begun"]
    assert server.call("GET", "k") is NULL_BULK
    with gate(server, "write"):
        saved = flushing(server)
        assert server.call("CACHE", "EVICT", "k") == 0
        assert server.call("MGET", "k", "k") == [NULL_BULK] * 2
        assert server.call("EXISTS", "k") == 0
        assert states(server, "k") == ["absent"]
    assert saved.recv() == OK
    assert server.call("GET", "k") is NULL_BULK
    assert loads() == 0
    assert store_counts(server)["get_begun"] == gets
    wait_until(lambda: server.call("CACHE", "EVICT", "k"))
    assert server.call("GET", "k") is NULL_BULK
    assert loads() == 1
    crash(server)
    assert server.call("GET", "k") is NULL_BULK
    assert server.call("DBSIZE") == 0


def test_a_key_made_again_while_its_delete_is_saved(server):
    server.call("SET", "k", "old")
    flush(server)
    server.call("DEL", "k")
    with gate(server, "write"):
        saved = flushing(server)
        assert server.call("SETNX", "k", "new") == 1
        assert states(server, "k") == ["dirty"]
    assert saved.recv() == OK
    assert server.call("GET", "k") == b"new"
    assert states(server, "k") == ["dirty"]
    flush(server)
    crash(server)
    assert server.call("GET", "k") == b"new"
    assert server.call("DBSIZE") == 1


def test_a_key_deleted_while_it_is_saved(server):
    server.call("SET", "k", "v")
    with gate(server, "write"):
        saved = flushing(server)
        assert server.call("DEL", "k") == 1
        assert server.call("GET", "k") is NULL_BULK
    assert saved.recv() == OK
    # The value is on disk now; that it came there must not revive it.
    assert server.call("GET", "k") is NULL_BULK
    assert states(server, "k") == ["absent"]
    assert server.call("CACHE", "EVICT", "k") == 0
    flush(server)
    crash(server)
    assert server.call("GET", "k") is NULL_BULK
    assert server.call("DBSIZE") == 0


@pytest.mark.parametrize("value", [b"small", BIG], ids=["small", "big"])
def test_a_key_set_and_deleted_before_any_flush(server, value):
    server.call("SET", "other", 1)
    server.call("SET", "k", value)
    server.call("DEL", "k")
    flush(server)
    assert server.call("DBSIZE") == 1
    crash(server)
    assert server.call("MGET", "k", "other") == [NULL_BULK, b"1"]
    assert server.call("DBSIZE") == 1


# --- what memory says of absent keys ---------------------------------------

def test_a_key_known_to_be_absent_is_made(server):
    assert server.call("GET", "k") is NULL_BULK
    assert server.call("GET", "k") is NULL_BULK
    assert server.call("SET", "k", "v") == OK
    assert server.call("GET", "k") == b"v"
    with gate(server, "write"):
        saved = flushing(server)
        assert server.call("GET", "k") == b"v"
    assert saved.recv() == OK
    cold(server, "k")
    assert server.call("GET", "k") == b"v"


def test_a_key_is_looked_for_while_it_is_made(server):
    with gate(server, "get"):
        reader = started(server, "GET", "k")
        wait_waiting(server, "get")
        assert server.call("SET", "k", "v") == OK
        assert reader.recv() == b"v"
    # The disk says "no such key", and says it too late.
    all_well(server)
    assert server.call("GET", "k") == b"v"
    flush(server)
    crash(server)
    assert server.call("GET", "k") == b"v"


def test_an_evicted_key_is_not_an_absent_one(server):
    server.call("MSET", "number", 41, "text", "abc", "gone", 1)
    cold(server, "number", "text", "gone")
    assert server.call("INCR", "number") == 42
    assert server.call("APPEND", "text", "def") == 6
    assert server.call("SETNX", "gone", 2) == 0
    cold(server, "number", "text", "gone")
    assert server.call("MSETNX", "new", 1, "gone", 2) == 0
    assert server.call("MGET", "number", "text", "gone", "new") == \
        [b"42", b"abcdef", b"1", NULL_BULK]
    cold(server, "number", "text", "gone")
    assert server.call("EXISTS", "number", "text", "gone", "new") == 3
    assert server.call("DBSIZE") == 3


# --- a load and a change ---------------------------------------------------

def test_a_key_set_while_it_is_loaded(server):
    server.call("SET", "k", "old")
    cold(server, "k")
    dropped = moved(server, "cache_loads_dropped")
    loads = moved(server, "cache_loads")
    with gate(server, "get"):
        readers = [started(server, "GET", "k") for _ in range(2)]
        wait_waiting(server, "get")
        assert server.call("SET", "k", "new") == OK
        # Nobody waits for what nobody needs any more.
        assert [one.recv() for one in readers] == [b"new"] * 2
        assert server.call("GET", "k") == b"new"
        assert states(server, "k") == ["dirty"]
        assert loads() == 1
        assert dropped() == 0
    wait_until(lambda: dropped() == 1)
    assert server.call("GET", "k") == b"new"
    flush(server)
    assert server.call("GET", "k") == b"new"
    all_well(server)
    crash(server)
    assert server.call("GET", "k") == b"new"


def test_a_key_set_when_its_old_value_is_there_but_not_taken_yet(server):
    """The load has read the old value; then, before the loop hears of it, the
    key is set. All in one packet, so that the loop does it in one step."""
    server.call("SET", "k", "old")
    cold(server, "k")
    dropped = moved(server, "cache_loads_dropped")
    done = store_counts(server)["get_done"]
    with gate(server, "get"):
        reader = started(server, "GET", "k")
        wait_waiting(server, "get")
        setter = server.raw()
        setter.send_raw(encode("DEBUG", "STORE", "gate", "get", "step", 1)
                        + encode("DEBUG", "SLEEP", "0.3")
                        + encode("DEBUG", "STORE") + encode("SET", "k", "new"))
        assert setter.recv() == OK
        assert setter.recv() == OK
        assert b"get_done:%d\r\n" % (done + 1) in setter.recv()
        assert setter.recv() == OK
        assert reader.recv() == b"new"
    wait_until(lambda: dropped() == 1)
    assert server.call("GET", "k") == b"new"
    cold(server, "k")
    assert server.call("GET", "k") == b"new"


def load_pages_beside_the_writer(server):
    """A client whose GET of `big` waits at the gate in the thread that does
    not write. Which of the two takes it is theirs to decide, so we try. Memory
    has the header of `big`: nobody must look at its old record later."""
    for _ in range(100):
        cold(server, "big")
        assert server.call("STRLEN", "big") == len(BIG)
        server.call("INCR", "probe")
        order(server, "gate get close")
        reader = started(server, "GET", "big")
        wait_waiting(server, "get")
        flusher = server.raw(timeout_s=0.5)
        flusher.send("CACHE", "FLUSH")
        if not flusher.nothing_to_read(0.5):
            assert flusher.recv() == OK
            return reader
        order(server, "gate get open")
        flusher.settimeout(30)
        assert flusher.recv() == OK
        assert reader.recv() == BIG
    pytest.fail("the second thread never loads")


def test_a_second_load_while_the_first_is_in_flight(start_server):
    """The key is loaded, set, saved, evicted and loaded again, and still the
    first load is under way: it has no say any more."""
    server = steered(start_server, io_threads=2)
    server.call("MSET", "old", BIG, "probe", 0)
    server.call("RENAME", "old", "big")
    reader = load_pages_beside_the_writer(server)
    second_value = BIG[::-1] + b"!"
    dropped = moved(server, "cache_loads_dropped")
    assert server.call("SET", "big", second_value) == OK
    assert reader.recv() == second_value
    flush(server)
    wait_until(lambda: server.call("CACHE", "EVICT", "big"))
    second = started(server, "GET", "big")
    wait_waiting(server, "get", 2)
    assert second.nothing_to_read(0.01)
    order(server, "gate get open")
    assert second.recv() == second_value
    wait_until(lambda: dropped() == 1)
    assert server.call("GET", "big") == second_value
    all_well(server)
    crash(server)
    assert server.call("GET", "big") == second_value


def test_a_key_deleted_while_its_pages_are_loaded(server):
    server.call("SET", "k", BIG)
    cold(server, "k")
    assert server.call("STRLEN", "k") == len(BIG) # its header is known
    held = figures(server)["cache_used_memory"]
    with gate(server, "get"):
        reader = started(server, "GET", "k")
        wait_waiting(server, "get")
        assert server.call("DEL", "k") == 1
        assert reader.recv() is NULL_BULK
    all_well(server)
    assert server.call("GET", "k") is NULL_BULK
    assert figures(server)["cache_used_memory"] < held + len(BIG) // 2
    flush(server)
    crash(server)
    assert server.call("GET", "k") is NULL_BULK
    assert server.call("DBSIZE") == 0


def test_who_needs_the_old_value_waits_for_the_same_load(server):
    server.call("SET", "k", 5)
    cold(server, "k")
    loads = moved(server, "cache_loads")
    with gate(server, "get"):
        waiting = [started(server, *command) for command in [
            ("GET", "k"), ("INCR", "k"), ("EXPIRE", "k", 1000),
            ("APPEND", "k", "x"), ("DEL", "k"), ("EXISTS", "k")]]
        assert figures(server)["cache_blocked_clients"] == len(waiting)
    assert [one.recv() for one in waiting] == [b"5", 6, 1, 2, 1, 0]
    assert loads() == 1
    flush(server)
    crash(server)
    assert server.call("DBSIZE") == 0


def test_a_load_waits_neither_for_cron_nor_for_the_flush_delay(start_server):
    server = steered(start_server, hz=1)
    keys = ["k%d" % i for i in range(60)]
    server.call("MSET", *sum(([key, key] for key in keys), []))
    cold(server, *keys)
    begun = time.monotonic()
    client = server.raw()
    for key in keys:
        assert client.call("GET", key) == key.encode()
    assert time.monotonic() - begun < 15 # 60 s if each waited for cron


def test_no_wake_up_is_lost(start_server):
    """Each load finds the thread asleep, or about to be."""
    server = steered(start_server, cache_max_memory=0)
    server.call("MSET", "a", 1, "b", 2)
    flush(server)
    clients = [server.raw(), server.raw()]
    loads = moved(server, "cache_loads")
    for _ in range(1000):
        for client, key in zip(clients, "ab"):
            client.send("GET", key)
        assert [one.recv() for one in clients] == [b"1", b"2"]
    assert loads() > 1000


# --- saves -----------------------------------------------------------------

def test_one_save_at_a_time(server):
    server.call("SET", "k", 1)
    with gate(server, "write"):
        first = flushing(server)
        assert server.call("SET", "k", 2) == OK
        second = started(server, "CACHE", "FLUSH")
        assert states(server, "k") == ["dirty"]
        counts = store_counts(server)
        assert counts["write_begun"] == counts["write_done"] + 1
        order(server, "gate write step 1")
        assert first.recv() == OK
        wait_waiting(server, "write")
        assert second.nothing_to_read(0)
        assert states(server, "k") == ["saving"]
        crash(server)
        assert server.call("GET", "k") == b"1"
        server.call("SET", "k", 3)
        flush(server)
    crash(server)
    assert server.call("GET", "k") == b"3"


def test_the_end_of_a_save_makes_nothing_clean_that_changed(server):
    server.call("SET", "k", 1)
    with gate(server, "write"):
        saved = flushing(server)
        server.call("SET", "k", 2)
    assert saved.recv() == OK
    assert server.call("CACHE", "EVICT", "k") == 0
    assert states(server, "k") == ["dirty"]
    assert server.call("GET", "k") == b"2"
    crash(server)
    assert server.call("GET", "k") == b"1"


def test_a_value_that_is_saved_is_not_changed_under_the_save(server):
    """Large values go to disk by reference: who writes gets a copy."""
    server.call("SET", "k", BIG)
    with gate(server, "write"):
        saved = flushing(server)
        server.call("SETRANGE", "k", 0, "X" * 1000)
        server.call("APPEND", "k", "tail")
        server.call("SETRANGE", "k", len(BIG) - 10, "Y" * 5)
        order(server, "gate write open")
        assert saved.recv() == OK
        crash(server)
        assert server.call("GET", "k") == BIG


def test_reads_go_on_while_the_disk_writes(start_server):
    server = steered(start_server, io_threads=2)
    server.call("MSET", "cold", 1, "hot", 2)
    cold(server, "cold")
    server.call("SET", "hot", 3)
    with gate(server, "write"):
        saved = flushing(server)
        assert server.call("MGET", "cold", "hot") == [b"1", b"3"]
        assert saved.nothing_to_read(0)
    assert saved.recv() == OK


def test_a_read_waits_for_one_write_and_not_for_those_behind_it(server):
    server.call("MSET", "cold", 1, "hot", 2)
    cold(server, "cold")
    server.call("SET", "hot", 3)
    with gate(server, "write"):
        saved = flushing(server)
        reader = started(server, "GET", "cold")
        server.call("SET", "hot", 4)
        later = started(server, "CACHE", "FLUSH")
        assert server.call("GET", "hot") == b"4"
        order(server, "gate write step 1")
        assert saved.recv() == OK
        assert reader.recv() == b"1"
        assert later.nothing_to_read(0)
    assert later.recv() == OK


# --- evicting --------------------------------------------------------------

def test_what_a_parked_command_needs_is_not_evicted(server):
    server.call("MSET", "a", 1, "b", 2)
    cold(server, "a", "b")
    assert server.call("GET", "a") == b"1"
    with gate(server, "get"):
        reader = started(server, "MGET", "a", "b")
        wait_waiting(server, "get")
        assert server.call("CACHE", "EVICT", "a", "b") == 0
    assert reader.recv() == [b"1", b"2"]
    assert server.call("CACHE", "EVICT", "a", "b") == 2


def test_a_cache_that_keeps_nothing_keeps_what_is_asked_for(start_server):
    server = steered(start_server, cache_max_memory=0)
    keys = ["k%d" % i for i in range(100)]
    server.call("MSET", *sum(([key, key] for key in keys), []))
    flush(server)
    wait_until(lambda: figures(server)["cache_entries"] == 0)
    with gate(server, "get"):
        reader = started(server, "MGET", *keys)
        wait_waiting(server, "get")
        for _ in range(50):
            order(server, "gate get step 1")
            server.call("PING")
        assert reader.nothing_to_read(0)
    assert reader.recv() == [key.encode() for key in keys]
    wait_until(lambda: figures(server)["cache_entries"] == 0)


def test_writers_wait_when_all_is_dirty_and_the_disk_stands(start_server):
    """Memory is full of what is not on disk: writes wait, nobody else does, and
    nobody gets an error."""
    server = steered(start_server, cache_max_memory="16mb")
    value = b"x" * 30000
    server.call("SET", "cold", "c")
    flush(server)
    with gate(server, "write"):
        # A cut is 1 MB; one is on its way, one is full, the others wait.
        writers = [started(server, "SET", "k%d" % i, value)
                   for i in range(130)]
        wait_until(lambda: figures(server)["cache_blocked_clients"] > 40)
        assert server.call("PING") == PONG
        assert server.call("STRLEN", "k0") == len(value)
        deleter = started(server, "DEL", "k0")
        for writer in writers[-5:]:
            writer.close()
        info = figures(server)
        assert info["cache_dirty_bytes"] < 3 * 1024 * 1024
        assert info["cache_sync_flushes"] == 0
    assert [one.recv() for one in writers[:-5]] == [OK] * 125
    assert deleter.recv() == 1
    flush(server)
    crash(server)
    assert server.call("EXISTS", *("k%d" % i for i in range(130))) == 124
    assert server.call("GET", "k124") == value


# --- expiry ----------------------------------------------------------------

def soon(server, *keys, after_ms=250 * SLOWNESS):
    """Sets the keys to expire soon, and returns when."""
    deadline = int(time.time() * 1000) + after_ms
    for key in keys:
        assert server.call("PEXPIREAT", key, deadline) == 1
    return deadline


def test_a_key_expires_while_it_is_loaded(server):
    server.call("MSET", "k", "v", "other", 1, "big", BIG)
    flush(server)
    deadline = soon(server, "k", "big", after_ms=600 * SLOWNESS)
    cold(server, "k", "big") # before that
    with gate(server, "get"):
        readers = [started(server, "GET", "k"), started(server, "GET", "big"),
                   started(server, "STRLEN", "big"),
                   started(server, "SET", "k", "x", "XX")]
        wait_waiting(server, "get")
        passed_deadline(deadline)
    assert [one.recv() for one in readers] == \
        [NULL_BULK, NULL_BULK, 0, NULL_BULK]
    assert server.call("DBSIZE") == 1
    flush(server) # whoever was told so finds it so after a crash
    crash(server)
    assert server.call("DBSIZE") == 1
    assert states(server, "k", "big", "other") == ["none", "none", "disk"]


def test_a_key_expires_while_it_is_saved(server):
    server.call("MSET", "k", "v", "big", BIG)
    deadline = soon(server, "k", "big")
    with gate(server, "write"):
        saved = flushing(server)
        passed_deadline(deadline)
        assert server.call("MGET", "k", "big") == [NULL_BULK] * 2
        assert server.call("DBSIZE") == 0
    assert saved.recv() == OK
    assert server.call("MGET", "k", "big") == [NULL_BULK] * 2
    flush(server)
    crash(server)
    assert server.call("DBSIZE") == 0
    assert states(server, "k", "big") == ["none", "none"]


def test_a_key_that_expired_before_its_capture_is_saved_as_deleted(server):
    server.call("MSET", "known", "v", "other", 1)
    flush(server)
    server.call("SET", "blind", "v") # its old record is not known
    deadline = soon(server, "known", "blind", after_ms=50)
    passed_deadline(deadline)
    flush(server)
    assert server.call("DBSIZE") == 1
    crash(server)
    assert states(server, "known", "blind", "other") == \
        ["none", "none", "disk"]
    assert server.call("DBSIZE") == 1


def test_a_deadline_that_changes_while_the_value_is_saved(server):
    server.call("MSET", "set", 1, "kept", 2, "moved", 3)
    server.call("EXPIRE", "kept", 1000)
    server.call("PEXPIREAT", "moved", 4000000000000)
    with gate(server, "write"):
        saved = flushing(server)
        assert server.call("PEXPIREAT", "set", 4000000000001) == 1
        assert server.call("PERSIST", "kept") == 1
        assert server.call("PEXPIREAT", "moved", 4000000000002) == 1
    assert saved.recv() == OK
    after = [4000000000001, -1, 4000000000002]
    keys = ["set", "kept", "moved"]
    assert [server.call("PEXPIRETIME", key) for key in keys] == after
    flush(server)
    cold(server, *keys)
    assert [server.call("PEXPIRETIME", key) for key in keys] == after
    crash(server)
    assert [server.call("PEXPIRETIME", key) for key in keys] == after


# --- clients that go -------------------------------------------------------

def test_a_client_closes_while_parked(server):
    server.call("MSET", "k", "v", "other", 1)
    cold(server, "k")
    loads = moved(server, "cache_loads")
    with gate(server, "get"):
        clients = [started(server, "GET", "k") for _ in range(3)]
        wait_waiting(server, "get")
        clients[0].close()
        clients[2].close()
        wait_until(lambda: figures(server)["cache_blocked_clients"] == 1)
        assert server.call("DEBUG", "CHECK") == OK
        late = started(server, "GET", "k")
        assert loads() == 1
    assert [clients[1].recv(), late.recv()] == [b"v", b"v"]
    assert loads() == 1
    all_well(server)


def test_all_clients_close_while_parked(server):
    keys = ["k%d" % i for i in range(50)]
    server.call("MSET", *sum(([key, key] for key in keys), []))
    cold(server, *keys)
    loads = moved(server, "cache_loads")
    with gate(server, "get"):
        clients = [started(server, "MGET", *keys),
                   started(server, "INCR", "k7"),
                   started(server, "DEL", *keys[:10]),
                   started(server, "SET", "k9", "x", "NX")]
        clients[0].send("DEL", *keys) # behind the command that is parked
        wait_waiting(server, "get")
        for client in clients:
            client.close()
        wait_until(lambda: figures(server)["cache_blocked_clients"] == 0)
        order(server, "gate get step 10")
        assert server.call("DEBUG", "CHECK") == OK
    all_well(server)
    assert loads() == len(keys)
    assert server.call("MGET", *keys) == [key.encode() for key in keys]
    assert loads() == len(keys) # what they had asked for is there


def test_a_client_closes_while_it_waits_for_an_exact_count(server):
    server.call("MSET", "a", 1, "b", 2)
    cold(server, "a", "b")
    with gate(server, "get"):
        server.call("MSET", "a", 3, "c", 4) # blind
        first, second = (started(server, "DBSIZE") for _ in range(2))
        wait_waiting(server, "get")
        first.close()
        wait_until(lambda: figures(server)["cache_blocked_clients"] == 1)
    assert second.recv() == 3
    all_well(server)


# --- a whole database goes -------------------------------------------------

def test_flushall_while_a_save_is_in_flight(start_server):
    server = steered(start_server, io_threads=2) # cold reads beside the save
    server.call("MSET", "a", 1, "b", 2, "big", BIG)
    flush(server)
    server.call("MSET", "a", 3, "c", 4)
    with gate(server, "write"):
        saved = flushing(server)
        assert server.call("FLUSHALL") == OK
        assert server.call("DBSIZE") == 0
        assert server.call("MGET", "a", "b", "c", "big") == [NULL_BULK] * 4
        server.call("SET", "c", "new")
    assert saved.recv() == OK
    assert server.call("MGET", "a", "b", "c", "big") == \
        [NULL_BULK, NULL_BULK, b"new", NULL_BULK]
    assert server.call("DBSIZE") == 1
    flush(server)
    crash(server)
    assert server.call("DBSIZE") == 1
    assert server.call("MGET", "a", "b", "c", "big") == \
        [NULL_BULK, NULL_BULK, b"new", NULL_BULK]
    all_well(server)


def test_flushall_while_loads_are_in_flight(server):
    server.call("MSET", "a", 1, "big", BIG)
    cold(server, "a", "big")
    assert server.call("STRLEN", "big") == len(BIG)
    with gate(server, "get"):
        readers = [started(server, "MGET", "a", "big"),
                   started(server, "INCR", "a"),
                   started(server, "STRLEN", "a")]
        wait_waiting(server, "get")
        assert server.call("FLUSHALL") == OK
        assert server.call("SET", "a", 10) == OK
    replies = [one.recv() for one in readers]
    # They ran one after the other, in some order, after the FLUSHALL.
    assert replies[0] in ([b"10", NULL_BULK], [b"11", NULL_BULK])
    assert replies[1:] == [11, 2]
    flush(server)
    all_well(server)
    crash(server)
    assert server.call("MGET", "a", "big") == [b"11", NULL_BULK]
    assert server.call("DBSIZE") == 1


def test_flushall_while_old_records_are_looked_at(server):
    server.call("MSET", "a", 1, "b", 2)
    cold(server, "a", "b")
    with gate(server, "get"):
        server.call("MSET", "a", 3, "c", 4) # blind
        saved = started(server, "CACHE", "FLUSH")
        size = started(server, "DBSIZE")
        wait_waiting(server, "get")
        assert server.call("FLUSHALL") == OK
        later = started(server, "SET", "c", 5)
    assert saved.recv() == OK
    assert size.recv() in (0, 1) # it runs after the FLUSHALL, as MGET would
    assert later.recv() == OK
    assert server.call("DBSIZE") == 1
    flush(server)
    crash(server)
    assert server.call("DBSIZE") == 1
    assert server.call("MGET", "a", "b", "c") == [NULL_BULK, NULL_BULK, b"5"]


@pytest.mark.parametrize("is_cold", [False, True], ids=["warm", "cold"])
def test_flushdb_empties_the_database_that_was_selected(server, is_cold):
    clients = [server.raw() for _ in range(3)]
    for i, client in enumerate(clients):
        client.call("SELECT", i)
        client.call("MSET", "k", i, "big", BIG)
    flush(server)
    if is_cold:
        crash(server)
        clients = [server.raw() for _ in range(3)]
        for i, client in enumerate(clients):
            client.call("SELECT", i)
    assert clients[1].call("FLUSHDB") == OK
    for again in range(2):
        assert [one.call("DBSIZE") for one in clients] == [2, 0, 2]
        assert [one.call("GET", "k") for one in clients] == \
            [b"0", NULL_BULK, b"2"]
        assert clients[2].call("GET", "big") == BIG
        if not again:
            flush(server)
            crash(server)
            clients = [server.raw() for _ in range(3)]
            for i, client in enumerate(clients):
                client.call("SELECT", i)


# --- the end ---------------------------------------------------------------

def fill(server):
    server.raw().pipeline([("SET", "k%d" % i, i) for i in range(500)])
    server.call("MSET", "big", BIG, "gone", 1)
    server.call("DEL", "gone")


def assert_filled(server):
    assert server.call("DBSIZE") == 501
    assert server.call("MGET", "k0", "k499", "gone") == \
        [b"0", b"499", NULL_BULK]
    assert server.call("GET", "big") == BIG


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT],
                         ids=lambda number: number.name)
@pytest.mark.parametrize("io_threads", [0, 1, 2])
def test_a_signal_flushes(start_server, number, io_threads):
    server = steered(start_server, io_threads=io_threads)
    fill(server)
    server.signal(number)
    assert server.wait_exit() == 0
    server.start()
    assert_filled(server)


def test_a_signal_while_a_save_is_in_flight(server):
    """What was written since goes to disk too. (Nothing is executed any more,
    so that no gate could be opened: the store is slow instead.)"""
    fill(server)
    order(server, "delay write 300")
    flusher = started(server, "CACHE", "FLUSH")
    wait_until(lambda: store_counts(server)["write_begun"]
               > store_counts(server)["write_done"])
    server.call("SET", "late", 1)
    server.signal(signal.SIGTERM)
    assert flusher.recv_until_closed() in (b"", b"+OK\r\n")
    assert server.wait_exit() == 0
    server.start()
    assert server.call("GETDEL", "late") == b"1"
    assert_filled(server)


def test_a_second_signal_ends_at_once(server):
    server.call("SET", "before", 1)
    flush(server)
    fill(server)
    order(server, "gate write close")
    flushing(server)
    server.signal(signal.SIGTERM)
    wait_until(lambda: "flushing, then exiting" in server.log_text)
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 1
    server.start()
    assert server.call("DBSIZE") == 1
    assert server.call("GET", "before") == b"1"


def test_shutdown_flushes_a_dataset_larger_than_a_cut(start_server):
    server = steered(start_server, cache_max_memory="16mb")
    client = server.raw()
    commands = [("SET", "k%d" % i, b"%d " % i * 20000) for i in range(100)]
    assert client.pipeline(commands) == [OK] * 100
    client.send("SHUTDOWN")
    with pytest.raises((Closed, ConnectionError)):
        client.recv()
    assert server.wait_exit() == 0
    server.start()
    for _, key, value in commands:
        assert server.call("GET", key) == value
