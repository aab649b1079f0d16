"""TIME, BGSAVE, BGREWRITEAOF, LASTSAVE, SHUTDOWN and DEBUG. SAVE is tested
with CACHE FLUSH, in test_cache.py."""

import time

import pytest

from lib import resp
from lib.resp import NULL_BULK, Error, Simple
from lib.server import SLOWNESS, wait_until
from lib.steer import (OK, figures, gate, moved, order, started, states,
                       steered, store_counts, wait_waiting)

FAILED = Error("ERR Errors trying to SHUTDOWN. Check logs.")


@pytest.fixture
def server(start_server):
    return steered(start_server)


# --- time and saving -------------------------------------------------------

def test_time_is_the_time(server):
    before = time.time()
    seconds, micros = server.call("TIME")
    after = time.time()
    assert 0 <= int(micros) < 1000000
    assert str(int(micros)).encode() == micros
    assert before - 1 <= int(seconds) + int(micros) / 1e6 <= after + 1


def test_time_goes_on(server):
    times = [tuple(int(part) for part in server.call("TIME"))
             for _ in range(20)]
    assert times == sorted(times)
    assert times[0] < times[-1]


@pytest.mark.parametrize("command, reply", [
    (("BGSAVE",), "Background saving started"),
    (("BGSAVE", "schedule"), "Background saving started"),
    (("BGREWRITEAOF",), "Background append only file rewriting started"),
])
def test_saving_in_the_background(server, command, reply):
    server.call("SET", "k", "v")
    with gate(server, "write"):
        assert server.call(*command) == Simple(reply)
        wait_waiting(server, "write")
        assert states(server, "k") == ["saving"]
    wait_until(lambda: states(server, "k") == ["memory"])


@pytest.mark.parametrize("command", ["BGSAVE", "BGREWRITEAOF"])
def test_saving_nothing_does_not_hurry_what_is_written_next(server, command):
    assert isinstance(server.call(command), Simple)
    server.call("SET", "k", "v")
    time.sleep(0.3)
    assert states(server, "k") == ["dirty"]


def test_lastsave_is_the_time_of_the_last_flush(server):
    at_start = server.call("LASTSAVE")
    assert abs(at_start - time.time()) < 10 * SLOWNESS
    time.sleep(max(0, at_start + 1.1 - time.time()))
    server.call("SET", "k", "v")
    assert server.call("LASTSAVE") == at_start
    assert server.call("SAVE") == OK
    assert at_start < server.call("LASTSAVE") <= time.time()
    assert server.info()["rdb_last_save_time"] == server.call("LASTSAVE")


# --- the same words as Redis -----------------------------------------------

@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("command", [
    ("TIME", "x"), ("LASTSAVE", "x"), ("SAVE", "x"), ("BGREWRITEAOF", "x"),
    ("BGSAVE", "x"), ("BGSAVE", "schedule", "x"), ("BGSAVE", "SCHEDULE"),
    ("SHUTDOWN", "x"), ("SHUTDOWN", "NOSAVE", "SAVE"),
    ("SHUTDOWN", "ABORT", "NOW"), ("SHUTDOWN", "abort"),
    ("SHUTDOWN", "NOSAVE", "x"), ("DEBUG", "SLEEP", "0"),
    ("DEBUG", "sleep", "words"), ("DEBUG", "SLEEP", "-1"),
    ("DEBUG", "SLEEP", "0.001s"),
], ids=" ".join)
def test_replies_are_those_of_redis(start_redis, server, command, protocol):
    redis = start_redis()
    assert server.raw(protocol).call_raw(*command) == \
        redis.raw(protocol).call_raw(*command)


# --- SHUTDOWN --------------------------------------------------------------

@pytest.mark.parametrize("words", [(), ("SAVE",), ("NOW",), ("force", "now"),
                                   ("SAVE", "NOW", "FORCE")],
                         ids=lambda words: " ".join(words) or "alone")
def test_shutdown_saves_everything_and_answers_nothing(server, words):
    client = server.raw()
    client.pipeline([("SET", "k%d" % i, i) for i in range(300)])
    client.send("SHUTDOWN", *words)
    assert client.recv_until_closed() == b""
    assert server.wait_exit() == 0
    server.start()
    assert server.call("DBSIZE") == 300
    assert server.call("GET", "k299") == b"299"


def test_shutdown_nosave_forgets_what_was_not_saved(server):
    server.call("SET", "saved", 1)
    server.call("SAVE")
    server.call("SET", "unsaved", 1)
    client = server.raw()
    client.send("SHUTDOWN", "NOSAVE")
    assert client.recv_until_closed() == b""
    assert server.wait_exit() == 0
    server.start()
    assert server.call("MGET", "saved", "unsaved") == [b"1", NULL_BULK]


def test_others_go_on_while_shutdown_waits_for_the_disk(server):
    server.call("SET", "before", 1)
    with gate(server, "write"):
        client = started(server, "SHUTDOWN")
        wait_waiting(server, "write")
        assert server.call("GET", "before") == b"1"
        assert server.call("SET", "meanwhile", 2) == OK
        order(server, "gate write open")
        assert client.recv_until_closed() == b""
        assert server.wait_exit() == 0
    server.start()
    assert server.call("MGET", "before", "meanwhile") == [b"1", b"2"]


def test_nothing_behind_a_shutdown_is_executed(server):
    client = server.raw()
    client.send_raw(resp.encode("SET", "before", 1) + resp.encode("SHUTDOWN")
                    + resp.encode("SET", "behind", 1))
    assert client.recv_until_closed() == b"+OK\r\n"
    assert server.wait_exit() == 0
    server.start()
    assert server.call("MGET", "before", "behind") == [b"1", NULL_BULK]


def test_shutdown_can_be_aborted_while_it_waits(server):
    server.call("SET", "k", 1)
    with gate(server, "write"):
        client = started(server, "SHUTDOWN")
        wait_waiting(server, "write")
        assert server.call("SHUTDOWN", "ABORT") == OK
        assert server.call("SHUTDOWN", "ABORT") == \
            Error("ERR No shutdown in progress.")
    assert client.recv() == FAILED
    assert client.call("GET", "k") == b"1"
    client.send("SHUTDOWN") # and the next one is not
    assert client.recv_until_closed() == b""
    assert server.wait_exit() == 0


def test_two_clients_may_ask_for_a_shutdown(server):
    server.call("SET", "k", 1)
    with gate(server, "write"):
        clients = [started(server, "SHUTDOWN") for _ in range(2)]
        wait_waiting(server, "write")
        order(server, "gate write open")
        assert [one.recv_until_closed() for one in clients] == [b"", b""]
        assert server.wait_exit() == 0
    server.start()
    assert server.call("GET", "k") == b"1"


def test_shutdown_of_a_client_that_hung_up(server):
    server.call("SET", "k", 1)
    with gate(server, "write"):
        client = started(server, "SHUTDOWN")
        wait_waiting(server, "write")
        client.close()
        wait_until(lambda: server.info("clients")["connected_clients"] == 1)
        order(server, "gate write open")
        assert server.wait_exit() == 0
    server.start()
    assert server.call("GET", "k") == b"1"


def test_shutdown_that_can_not_save_does_not_happen(server):
    server.call("SET", "k", 1)
    order(server, "fail write 1 io")
    assert server.call("SHUTDOWN") == FAILED
    assert server.call("GET", "k") == b"1"
    assert server.call("SHUTDOWN", "ABORT").startswith(b"ERR No shutdown")
    wait_until(lambda: server.call("SAVE") == OK)


def test_shutdown_by_force(server):
    server.call("SET", "k", 1)
    order(server, "fail write -1 io")
    client = server.raw()
    client.send("SHUTDOWN", "FORCE")
    assert client.recv_until_closed() == b""
    assert server.wait_exit() == 0
    server.start()
    assert server.call("GET", "k") is NULL_BULK


def test_shutdown_needs_the_password(start_server):
    server = start_server(requirepass="secret")
    client = server.raw(login=False)
    assert client.call("SHUTDOWN").code == "NOAUTH"
    assert client.call("AUTH", "secret") == OK
    client.send("SHUTDOWN")
    assert client.recv_until_closed() == b""
    assert server.wait_exit() == 0


# --- DEBUG -----------------------------------------------------------------

def test_debug_is_refused_in_the_words_of_redis(start_server, start_redis):
    server = start_server()
    redis = start_redis(enable_debug_command="no")
    refusal = redis.raw().call_raw("DEBUG", "SLEEP", "0")
    assert b"not allowed" in refusal
    for command in [("SLEEP", "0"), ("STORE",), ("CHECK",), ("HELP",),
                    ("nonsense",), ("",), ("SLEEP",), ("OBJECT", "k")]:
        assert server.raw().call_raw("DEBUG", *command) == refusal, command


@pytest.mark.parametrize("value", ["yes", "local"])
def test_debug_is_allowed(start_server, value):
    server = start_server(enable_debug_command=value, unixsocket="socket")
    assert server.call("DEBUG", "SLEEP", "0") == OK
    path = server.directory + "/socket"
    with resp.RespClient(path=path, timeout_s=30) as client:
        assert client.call("DEBUG", "SLEEP", "0") == OK


def test_debug_sleep_stops_the_server(server):
    sleeper, other = server.raw(), server.raw()
    begun = time.monotonic()
    sleeper.send("DEBUG", "SLEEP", "0.4")
    time.sleep(0.1)
    other.call("PING")
    assert time.monotonic() - begun >= 0.4
    assert sleeper.recv() == OK


def test_debug_store_obeys_and_counts(server):
    counts = store_counts(server)
    assert server.call("GET", "k") is NULL_BULK
    assert store_counts(server)["get_done"] == counts["get_done"] + 1
    assert server.call("DEBUG", "STORE", "gate", "get", "ajar") == \
        Error("ERR 'ajar' is not open, close or step N")
    with gate(server, "get"):
        client = started(server, "GET", "k2")
        wait_waiting(server, "get")
        order(server, "reset")
        assert client.recv() is NULL_BULK


def test_debug_store_needs_a_steerable_store(start_server):
    server = start_server(enable_debug_command="yes")
    for words in [(), ("reset",)]:
        assert server.call("DEBUG", "STORE", *words) == Error(
            "ERR DEBUG STORE needs a server started with --debug-store yes")


def test_debug_check_finds_all_well(server):
    server.raw().pipeline([("SET", "k%d" % (i % 50), i) for i in range(500)])
    assert server.call("DEBUG", "CHECK") == OK
    server.call("FLUSHALL")
    assert server.call("DEBUG", "CHECK") == OK


def test_debug_help_names_each_subcommand(server):
    lines = server.call("DEBUG", "HELP")
    assert all(type(line) is Simple for line in lines)
    assert lines[0] == Simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. "
                              "Subcommands are:")
    names = [str(line).split()[0] for line in lines[1:]
             if not line.startswith(b" ")]
    assert names == ["CHANGE-REPL-ID", "CHECK", "DICT-RESIZING", "ERROR",
                     "LOADAOF", "LOG", "OBJECT", "PROTOCOL", "RELOAD",
                     "SET-ACTIVE-EXPIRE", "SLEEP", "STORE", "STORE",
                     "WARM-SAVE", "HELP"]


def test_a_figure_for_each_kind_of_save(server):
    flushes = moved(server, "cache_flushes")
    for command in [("SAVE",), ("CACHE", "FLUSH"), ("BGSAVE",)]:
        server.call("SET", "k", command[0])
        server.call(*command)
        wait_until(lambda: states(server, "k") == ["memory"])
    assert flushes() == 3
    assert figures(server)["cache_flush_errors"] == 0
