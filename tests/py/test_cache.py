"""CACHE STATE, EVICT, FLUSH, STATS and HELP, and SAVE, which is CACHE FLUSH."""

import pytest

from lib.resp import NULL_BULK, Error, Map, Simple
from lib.server import wait_until
from lib.steer import (OK, cold, figures, flush, gate, moved, order, started,
                       states, steered, wait_waiting)

BIG = b"x" * 100000 # lies outside the segments, and in pages on disk


@pytest.fixture
def server(start_server):
    return steered(start_server)


# --- STATE -----------------------------------------------------------------

def test_state_follows_a_key_through_its_life(server):
    assert states(server, "k") == ["none"]
    assert server.call("SET", "k", "v") == OK
    assert states(server, "k") == ["dirty"]
    with gate(server, "write"):
        saved = started(server, "CACHE", "FLUSH")
        wait_waiting(server, "write")
        assert states(server, "k") == ["saving"]
        assert server.call("SET", "k", "w") == OK
        assert states(server, "k") == ["dirty"]
    assert saved.recv() == OK
    flush(server)
    assert states(server, "k") == ["memory"]
    assert server.call("CACHE", "EVICT", "k") == 1
    assert states(server, "k") == ["disk"]
    assert server.call("GET", "k") == b"w"
    assert states(server, "k") == ["memory"]
    assert server.call("DEL", "k") == 1
    assert states(server, "k") == ["absent"] # a delete not yet on disk
    assert server.call("CACHE", "EVICT", "k") == 0
    flush(server)
    assert states(server, "k") == ["absent"]
    assert server.call("CACHE", "EVICT", "k") == 1
    assert states(server, "k") == ["none"]


def test_a_key_looked_for_in_vain_is_absent(server):
    assert server.call("GET", "k") is NULL_BULK
    assert states(server, "k") == ["absent"]
    assert server.call("CACHE", "EVICT", "k") == 1
    assert states(server, "k") == ["none"]


def test_a_key_of_which_only_the_header_is_known_is_in_memory(server):
    server.call("SET", "big", BIG)
    cold(server, "big")
    assert server.call("STRLEN", "big") == len(BIG)
    assert states(server, "big") == ["memory"]


def test_states_come_in_the_order_of_the_keys(server):
    server.call("MSET", "disk", 1, "memory", 2)
    cold(server, "disk")
    server.call("SET", "dirty", 3)
    server.call("GET", "absent")
    keys = ["none", "disk", "memory", "dirty", "absent", "disk", "none"]
    assert states(server, *keys) == keys


def test_state_tells_databases_and_binary_keys_apart(server):
    key = b"\0\r\n\xff"
    client = server.raw()
    client.call("SET", key, "v")
    assert client.call("CACHE", "STATE", key) == [b"dirty"]
    client.call("SELECT", 1)
    assert client.call("CACHE", "STATE", key) == [b"none"]


def test_state_loads_nothing_and_counts_as_no_use(server):
    server.call("SET", "k", "v")
    cold(server, "k")
    before = figures(server)
    assert states(server, "k", "nobody") == ["disk", "none"]
    after = figures(server)
    for name in ("cache_loads", "cache_hits", "cache_misses",
                 "cache_absent_hits", "cache_prefetches", "cache_entries"):
        assert after[name] == before[name], name


def test_state_loads_nothing_while_somebody_waits_for_an_exact_count(server):
    server.call("MSET", "k", "v", "blind", "v")
    cold(server, "k", "blind")
    with gate(server, "get"):
        server.call("SET", "blind", "w")
        size = started(server, "DBSIZE")
        loads = moved(server, "cache_loads")
        state = started(server, "CACHE", "STATE", "k")
        evict = started(server, "CACHE", "EVICT", "k")
        assert evict.recv() == 0
    assert size.recv() == 2
    assert state.recv() == [b"disk"]
    assert loads() == 0


def test_a_look_at_the_disk_is_older_than_memory(server):
    server.call("MSET", "set", 1, "left", 3)
    cold(server, "set", "left")
    with gate(server, "get"):
        state = started(server, "CACHE", "STATE", "set", "new", "left")
        wait_waiting(server, "get")
        assert server.call("MSET", "set", 2, "new", 2) == OK
    assert state.recv() == [b"dirty", b"dirty", b"disk"]


def test_a_client_that_leaves_while_the_disk_is_looked_at(server):
    with gate(server, "get"):
        for _ in range(3):
            started(server, "CACHE", "STATE", "a", "b").close()
        wait_waiting(server, "get")
        assert server.call("DEBUG", "CHECK") == OK
    assert states(server, "a") == ["none"]
    wait_until(lambda: figures(server)["cache_jobs_load"] == 0)
    assert server.call("DEBUG", "CHECK") == OK


def test_state_says_when_the_disk_can_not_be_read(server):
    order(server, "fail get 1 io")
    reply = server.call("CACHE", "STATE", "k")
    assert isinstance(reply, Error) and reply.code == "IOERR"
    assert states(server, "k") == ["none"]


# --- EVICT -----------------------------------------------------------------

def test_evict_counts_what_it_dropped(server):
    server.call("MSET", "a", 1, "b", 2, "dirty", 3)
    flush(server)
    server.call("SET", "dirty", 4)
    server.call("GET", "absent")
    evictions = moved(server, "cache_evictions")
    assert server.call("CACHE", "EVICT", "a", "b", "a", "dirty", "absent",
                       "nobody") == 3
    assert evictions() == 3
    assert states(server, "a", "dirty") == ["disk", "dirty"]
    assert server.call("MGET", "a", "b", "dirty") == [b"1", b"2", b"4"]


def test_evict_keeps_what_is_on_its_way(server):
    server.call("MSET", "saving", 1, "loading", 2)
    cold(server, "loading")
    with gate(server, "get"):
        loading = started(server, "GET", "loading")
        wait_waiting(server, "get")
        assert server.call("CACHE", "EVICT", "loading") == 0
    assert loading.recv() == b"2"
    server.call("SET", "saving", 3)
    with gate(server, "write"):
        saved = started(server, "CACHE", "FLUSH")
        wait_waiting(server, "write")
        assert server.call("CACHE", "EVICT", "saving") == 0
    assert saved.recv() == OK
    assert server.call("GET", "saving") == b"3"


def test_evict_gives_the_memory_of_a_large_value_back(server):
    server.call("SET", "big", BIG)
    flush(server)
    values = moved(server, "cache_memory_values")
    assert server.call("CACHE", "EVICT", "big") == 1
    assert values() <= -len(BIG)
    assert server.call("GET", "big") == BIG


# --- FLUSH, SAVE -----------------------------------------------------------

@pytest.mark.parametrize("command", [("CACHE", "FLUSH"), ("SAVE",)])
def test_flush_answers_when_all_before_it_is_on_disk(server, command):
    server.call("SET", "before", 1)
    with gate(server, "write"):
        saved = started(server, *command)
        wait_waiting(server, "write")
        assert saved.nothing_to_read(0.05)
        assert server.call("SET", "after", 2) == OK
        assert server.call("GET", "before") == b"1"
        order(server, "gate write step 1")
        assert saved.recv() == OK
        assert states(server, "before", "after") == ["memory", "dirty"]
    server.kill9()
    server.start()
    assert server.call("MGET", "before", "after") == [b"1", NULL_BULK]


def test_flush_in_a_pipeline_covers_what_stands_before_it(server):
    commands = [("SET", "k%d" % i, i) for i in range(200)]
    assert server.raw().pipeline(commands + [("CACHE", "FLUSH")]) == [OK] * 201
    server.kill9()
    server.start()
    assert server.call("DBSIZE") == 200


def test_flush_of_nothing_answers_at_once(server):
    batches = moved(server, "store_batches", "store")
    assert server.call("CACHE", "FLUSH") == OK
    assert server.call("SAVE") == OK
    assert batches() == 0


def test_flush_waits_for_the_one_under_way(server):
    server.call("SET", "k", 1)
    with gate(server, "write"):
        first = started(server, "CACHE", "FLUSH")
        wait_waiting(server, "write")
        others = [started(server, "CACHE", "FLUSH") for _ in range(3)]
        assert figures(server)["cache_blocked_clients"] == 4
        assert all(one.nothing_to_read(0.02) for one in [first] + others)
    assert [one.recv() for one in [first] + others] == [OK] * 4


@pytest.mark.parametrize("command", [("CACHE", "FLUSH"), ("SAVE",)])
def test_flush_says_that_it_failed_and_why(server, command):
    server.call("SET", "k", 1)
    order(server, "fail write 1 io")
    reply = server.call(*command)
    assert isinstance(reply, Error)
    assert reply.startswith(b"IOERR the flush failed: ")
    assert len(reply) > len(b"IOERR the flush failed: ")
    assert server.call("GET", "k") == b"1"
    wait_until(lambda: server.call(*command) == OK)
    server.kill9()
    server.start()
    assert server.call("GET", "k") == b"1"


def test_a_client_that_leaves_while_its_flush_is_under_way(server):
    server.call("SET", "k", 1)
    with gate(server, "write"):
        client = started(server, "CACHE", "FLUSH")
        wait_waiting(server, "write")
        client.close()
        wait_until(lambda: figures(server)["cache_blocked_clients"] == 0)
    wait_until(lambda: states(server, "k") == ["memory"])


def test_without_io_threads(start_server):
    server = steered(start_server, io_threads=0)
    server.call("MSET", "a", 1, "b", 2)
    assert states(server, "a", "c") == ["dirty", "none"]
    cold(server, "a")
    assert states(server, "a", "b", "c") == ["disk", "memory", "none"]
    order(server, "fail write 1 io")
    server.call("SET", "a", 3)
    assert server.call("CACHE", "FLUSH").code == "IOERR"
    wait_until(lambda: server.call("CACHE", "FLUSH") == OK)


def test_a_cache_that_keeps_nothing(start_server):
    server = steered(start_server, cache_max_memory=0)
    server.call("SET", "k", "v")
    assert states(server, "k") == ["dirty"]
    flush(server)
    wait_until(lambda: states(server, "k") == ["disk"])
    assert server.call("GET", "k") == b"v"


# --- STATS, HELP, errors ---------------------------------------------------

def test_stats_are_the_figures_of_info(server):
    server.call("SET", "k", "v")
    pairs = server.raw(3).call("CACHE", "STATS")
    assert type(pairs) is Map
    info = figures(server)
    assert [name.decode() for name, _ in pairs] == list(info)
    for name, value in pairs:
        is_text = isinstance(info[name.decode()], str)
        assert isinstance(value, bytes if is_text else int), name
    assert pairs.get("cache_entries_dirty") == 1
    assert pairs.get("cache_last_flush_status") == b"ok"
    flat = server.raw(2).call("CACHE", "STATS")
    assert type(flat) is list
    assert flat[::2] == [name for name, _ in pairs]


def test_help_names_each_subcommand(server):
    lines = server.call("CACHE", "HELP")
    assert all(type(line) is Simple for line in lines)
    assert lines[0] == Simple("CACHE <subcommand> [<arg> [value] [opt] ...]. "
                              "Subcommands are:")
    names = [str(line).split()[0] for line in lines[1:]
             if not line.startswith(b" ")]
    assert names == ["EVICT", "FLUSH", "STATE", "STATS", "WARM", "WARM",
                     "HELP"]


@pytest.mark.parametrize("command, error", [
    (("CACHE",), "ERR wrong number of arguments for 'cache' command"),
    (("CACHE", "STATE"),
     "ERR wrong number of arguments for 'cache|state' command"),
    (("CACHE", "evict"),
     "ERR wrong number of arguments for 'cache|evict' command"),
    (("CACHE", "FLUSH", "all"),
     "ERR wrong number of arguments for 'cache|flush' command"),
    (("CACHE", "WARM"),
     "ERR wrong number of arguments for 'cache|warm' command"),
    (("CACHE", "COOL", "k"),
     "ERR unknown subcommand 'COOL'. Try CACHE HELP."),
])
def test_errors(server, command, error):
    assert server.call(*command) == Error(error)
