"""INFO: its sections, and for each counter a test that moves it."""

import os
import re
import time

import pytest

from lib.resp import Error, ProtocolError, RespClient, Verbatim
from lib.server import SLOWNESS, wait_until
from lib.steer import (OK, cold, flush, gate, moved, order, started, steered,
                       wait_waiting)

KB = 1024
MB = 1024 * KB
# One key and value above this lie outside the segments, and in pages on disk.
BIG = 100 * KB


@pytest.fixture
def server(start_server):
    return steered(start_server)


def titles(text):
    return [line[2:] for line in text.decode().splitlines()
            if line.startswith("# ")]


# --- sections --------------------------------------------------------------

DEFAULT = ["Server", "Clients", "Memory", "Persistence", "Stats",
           "Replication", "CPU", "Modules", "Errorstats", "Cluster", "Cache",
           "Keyspace"]
ALL = DEFAULT[:8] + ["Commandstats", "Errorstats", "Latencystats"] \
    + DEFAULT[9:]
EVERYTHING = ALL[:-1] + ["Store", "Keyspace"]


@pytest.mark.parametrize("words, expected", [
    ([], DEFAULT),
    (["default"], DEFAULT),
    (["ALL"], ALL),
    (["default", "commandstats"], DEFAULT[:8] + ["Commandstats"] + DEFAULT[8:]),
    (["latencystats", "errorstats"], ["Errorstats", "Latencystats"]),
    (["everything"], EVERYTHING),
    (["all", "store"], EVERYTHING),
    (["Server"], ["Server"]),
    (["cache", "store"], ["Cache", "Store"]),
    (["keyspace", "server", "server", "nosuch"], ["Server", "Keyspace"]),
    (["nosuch"], []),
])
def test_sections(server, words, expected):
    assert titles(server.call("INFO", *words)) == expected


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("words", [
    ["nosuch"], ["modules"], ["cluster"], ["CLUSTER", "modules", "nosuch"],
    ["keyspace"],
], ids=" ".join)
def test_the_shape_is_that_of_redis(server, redis_server, words, protocol):
    assert server.raw(protocol).call_raw("INFO", *words) == \
        redis_server.raw(protocol).call_raw("INFO", *words)


def test_each_line_is_a_title_a_field_or_empty(server):
    server.call("SET", "k", "v", "EX", 100)
    flush(server)
    text = server.raw(3).call("INFO", "everything")
    assert type(text) is Verbatim and text.startswith(b"txt:# Server\r\n")
    names = []
    for line in text[4:].decode().split("\r\n"):
        assert re.fullmatch(r"|# \w+|[\w|-]+:[^\r\n]*", line), line
        names += re.findall(r"^[\w|-]+(?=:)", line)
    assert len(names) == len(set(names))


# Fields that 7.2 has and 7.0, our oracle, has not.
SINCE_7_2 = """
    total_blocking_keys total_blocking_keys_on_nokey eventloop_cycles
    eventloop_duration_sum eventloop_duration_cmd_sum
    instantaneous_eventloop_cycles_per_sec instantaneous_eventloop_duration_usec
    acl_access_denied_auth acl_access_denied_cmd acl_access_denied_key
    acl_access_denied_channel listener0
""".split()
# Constants that are the same, as long as nothing happens.
SAME = """
    redis_mode arch_bits os hz loading aof_enabled role connected_slaves
    rdb_last_bgsave_status evicted_keys cluster_enabled aof_last_write_status
    master_failover_state repl_backlog_active
    current_fork_perc latest_fork_usec rdb_current_bgsave_time_sec
    second_repl_offset master_replid2 process_supervised
""".split()


def test_fields_are_those_of_redis(server, redis_server):
    """Exporters and clients read them by name, whatever they are here."""
    for one in (server, redis_server):
        one.call("SETNX", "k", "v")
    ours, theirs = server.info("everything"), redis_server.info("everything")
    about_commands = ("cmdstat_", "latency_", "errorstat_")
    for name, value in theirs.items():
        if name.startswith(about_commands):
            continue
        assert name in ours, name
        number = isinstance(value, (int, float))
        if name not in ("redis_build_id", "run_id", "master_replid"):
            assert isinstance(ours[name], (int, float)) == number, name
    for name in SINCE_7_2:
        assert name in ours, name
    for name in SAME:
        assert ours[name] == theirs[name], name
    assert ours["redis_version"] == "7.2.0"


def test_lines_are_in_the_form_of_redis(server, redis_server):
    """Per command, error and database: the same names and the same fields."""
    def shapes(one):
        client = one.raw()
        client.call("CONFIG", "RESETSTAT")
        for words in [("SETNX", "k", "v"), ("GET",), ("INCR", "k"),
                      ("NOSUCH",)]:
            client.call(*words)
        lines = client.call("INFO", "commandstats", "latencystats",
                            "errorstats", "keyspace").decode().splitlines()
        return sorted(re.sub(r"(=|:count=)[\d.]+", r"\1N", line)
                      for line in lines if not line.startswith("cmdstat_info"))
    assert shapes(server) == shapes(redis_server)


def test_redis_py_understands_it(server):
    server.call("SET", "k", "v")
    flush(server)
    info = server.client().info("everything")
    assert info["db0"] == {"keys": 1, "expires": 0, "avg_ttl": 0}
    assert info["redis_version"] == "7.2.0"
    assert info["cache_entries"] == 1


def test_info_is_answered_while_the_disk_is_busy(server):
    server.call("SET", "k", 1)
    with gate(server, "write"):
        started(server, "SAVE")
        wait_waiting(server, "write")
        begun = time.monotonic()
        assert titles(server.call("INFO", "everything")) == EVERYTHING
        assert time.monotonic() - begun < 5 * SLOWNESS


# --- server ----------------------------------------------------------------

def test_who_and_where(server):
    info = server.info("server")
    assert info["process_id"] == server.pid
    assert info["tcp_port"] == server.port
    assert re.fullmatch("[0-9a-f]{40}", str(info["run_id"]))
    assert os.path.samefile(info["executable"], server.binary)
    assert info["uptime_in_seconds"] < 60 * SLOWNESS
    wait_until(lambda: server.info("server")["uptime_in_seconds"]
               > info["uptime_in_seconds"])
    assert server.info("server")["server_time_usec"] \
        > info["server_time_usec"]
    server.restart()
    assert server.info("server")["run_id"] != info["run_id"]


# --- clients, stats --------------------------------------------------------

def test_connections_and_commands(server):
    stats = server.info("stats")
    clients = [server.raw() for _ in range(5)]
    for client in clients:
        client.pipeline([("PING",)] * 10)
    after = server.info("stats")
    assert after["total_connections_received"] \
        - stats["total_connections_received"] == 6
    assert after["total_commands_processed"] \
        - stats["total_commands_processed"] == 51
    assert after["total_net_input_bytes"] \
        - stats["total_net_input_bytes"] >= 5 * 10 * 14
    assert after["total_net_output_bytes"] \
        - stats["total_net_output_bytes"] >= 5 * 10 * 7
    assert server.info("clients")["connected_clients"] == 6
    for client in clients:
        client.close()
    wait_until(lambda: server.info("clients")["connected_clients"] == 1)


def test_commands_per_second(server):
    client = server.raw()
    pings = [("PING",)] * 500

    def busy():
        client.pipeline(pings)
        stats = server.info("stats")
        return all(stats["instantaneous_" + name] > 0 for name in
                   ("ops_per_sec", "input_kbps", "output_kbps"))
    wait_until(busy)
    wait_until(lambda: server.info("stats")["instantaneous_ops_per_sec"]
               <= 1000, 10) # these questions themselves


def test_rejected_connections(start_server):
    server = start_server(maxclients=2)
    first, second = server.raw(), server.raw()
    assert first.call("PING") and second.call("PING")
    third = server.raw()
    assert third.recv_until_closed().startswith(b"-ERR max number")
    second.close()
    info = wait_until(lambda: None if isinstance(
        reply := first.call("INFO", "stats"), Error) else reply)
    assert b"\r\nrejected_connections:1\r\n" in info


def test_who_watches_and_who_monitors(server):
    clients = [server.raw() for _ in range(3)]
    for client in clients:
        client.call("WATCH", "a", "b")
    clients[0].call("UNWATCH")
    info = server.info("clients")
    assert info["watching_clients"] == 2
    assert info["total_watched_keys"] == 2
    assert info["monitor_clients"] == 0
    clients[0].call("MONITOR")
    assert server.info("clients")["monitor_clients"] == 1


def test_the_largest_buffers(start_server):
    server = steered(start_server, unixsocket="socket")
    clients = server.info("clients")
    assert clients["client_recent_max_input_buffer"] == 0
    assert clients["client_recent_max_output_buffer"] == 0
    server.call("SET", "k", b"x" * 10 * BIG) # more than a socket takes
    path = os.path.join(server.directory, "socket")
    with RespClient(path=path) as reader, server.raw() as writer:
        reader.send("GET", "k") # and does not read
        writer.socket.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\n"
                              + b"x" * 50000)
        wait_until(lambda: server.info("clients")
                   ["client_recent_max_input_buffer"] >= 50000)
        wait_until(lambda: server.info("clients")
                   ["client_recent_max_output_buffer"] >= BIG)
    wait_until(lambda: server.info("clients")
               ["client_recent_max_output_buffer"] == 0)


def test_reads_writes_and_turns(server):
    since = [moved(server, name, "stats") for name in
             ("total_reads_processed", "total_writes_processed",
              "eventloop_cycles")]
    client = server.raw()
    for _ in range(50):
        client.call("PING")
    assert all(one() >= 50 for one in since)
    client.pipeline([("PING",)] * 50) # a few reads and writes for all
    assert all(one() < 50 + 50 for one in since[:2])


def test_time_of_the_loop(server):
    names = ["eventloop_duration_sum", "eventloop_duration_cmd_sum"]
    since = [moved(server, name, "stats") for name in names]
    wanted = [("PING",)] * 1000
    client = server.raw()
    wait_until(lambda: client.pipeline(wanted) and all(
        one() > 1000 for one in since))
    def busy():
        client.pipeline(wanted)
        stats = server.info("stats")
        return stats["instantaneous_eventloop_cycles_per_sec"] > 0 \
            and stats["instantaneous_eventloop_duration_usec"] > 0
    wait_until(busy)
    # What EXEC runs is counted once.
    server.call("CONFIG", "RESETSTAT")
    client.pipeline([("MULTI",), ("DEBUG", "SLEEP", "0.2"), ("EXEC",)])
    stats = server.info("stats")
    assert 200_000 <= stats["eventloop_duration_cmd_sum"] < 400_000


def test_logins_that_were_denied(start_server):
    server = start_server(requirepass="secret")
    denied = moved(server, "acl_access_denied_auth", "stats")
    client = server.raw(login=False)
    client.call("AUTH", "wrong")
    client.call("HELLO", "3", "AUTH", "nobody", "secret")
    client.call("AUTH", "secret")
    assert denied() == 2


def test_clients_cut_for_their_share(start_server):
    server = steered(start_server, cache_max_memory="16mb")
    clients = [server.raw() for _ in range(6)]
    for client in clients:
        client.socket.sendall(b"*2\r\n$4\r\nECHO\r\n$130000\r\n"
                              + b"x" * 100_000)
    hog = server.raw()
    hog.call("MULTI")
    try:
        for _ in range(60):
            hog.call("ECHO", b"x" * 100_000)
    except (OSError, ProtocolError):
        pass
    stats = server.info("stats")
    assert stats["evicted_clients"] >= 1
    assert stats["evicted_clients"] == \
        stats["client_memory_share_disconnections"]


# --- commands and errors ---------------------------------------------------

def command_stats(server):
    """{name: {"calls": 1, ...}}"""
    return {name[len("cmdstat_"):]:
            {field: float(value) for field, value in
             (one.split("=") for one in text.split(","))}
            for name, text in server.info("commandstats").items()}


def error_stats(server):
    return {name[len("errorstat_"):]: int(text.split("=")[1])
            for name, text in server.info("errorstats").items()}


# Sent to both servers: what is counted must be the same.
COUNTED = [
    ("SET", "k", "v"), ("GET", "k"), ("GET", "nosuch"), ("GET",), ("NOSUCH",),
    ("INCR", "k"), ("SETRANGE", "k", "-1", "x"), ("CONFIG", "GET", "hz"),
    ("CONFIG", "GET"), ("CONFIG",), ("CONFIG", "NOSUCH"), ("CLIENT", "ID"),
    ("CLIENT", "LIST", "x"), ("HELLO", "9"), ("AUTH", "x"),
    ("AUTH", "nobody", "x"), ("SELECT", "99"), ("EXEC",), ("DISCARD",),
    ("MULTI",), ("GET", "k"), ("INCR", "k"), ("SET", "k", "v"), ("EXEC",),
    ("MULTI",), ("GET",), ("SET", "k", "w"), ("EXEC",), ("MULTI",),
    ("MULTI",), ("GET", "k"), ("DISCARD",), ("MULTI",), ("WATCH", "k"),
    ("EXEC",), ("PING", "a", "b"), ("DEBUG", "SLEEP", "0"), ("DBSIZE",),
    ("SLOWLOG", "GET", "x"), ("SLOWLOG", "LEN", "x"), ("LATENCY", "GRAPH", "x"),
    ("MGET", *["k"] * 100), ("SET", "k", b"x" * 50_000), ("RESET",), ("ping",),
]


def test_what_is_counted_is_what_redis_counts(server, start_redis):
    counted = []
    for one in (server, start_redis(enable_debug_command="yes")):
        client = one.raw()
        client.call("CONFIG", "RESETSTAT")
        for words in COUNTED:
            client.call(*words)
        errors = one.info("stats")["total_error_replies"]
        calls = {name: (stat["calls"], stat["rejected_calls"],
                        stat["failed_calls"])
                 for name, stat in command_stats(one).items()
                 if name != "info"}
        counted.append((calls, error_stats(one), errors))
    assert counted[0] == counted[1]
    calls, by_code, errors = counted[0]
    assert calls["get"] == (3, 2, 0) and calls["incr"] == (2, 0, 2)
    assert sum(by_code.values()) == errors > 20


def test_time_that_commands_took(server):
    server.call("DEBUG", "SLEEP", "0.05")
    server.call("DEBUG", "SLEEP", "0.03")
    stat = command_stats(server)["debug"]
    assert stat["usec"] >= 80_000
    assert abs(stat["usec_per_call"] - stat["usec"] / stat["calls"]) < 1
    names = [name for name, one in command_stats(server).items()
             if one["calls"]]
    assert list(server.info("latencystats")) == [
        "latency_percentiles_usec_" + name for name in names]
    server.call("CONFIG", "RESETSTAT")
    assert "debug" not in command_stats(server)


def percentiles(server, name):
    text = server.info("latencystats")["latency_percentiles_usec_" + name]
    return {one.split("=")[0]: float(one.split("=")[1])
            for one in text.split(",")} if text else {}


def test_percentiles(server):
    server.call("CONFIG", "RESETSTAT")
    for ms in [1] * 9 + [50]:
        server.call("DEBUG", "SLEEP", ms / 1000)
    found = percentiles(server, "debug")
    assert list(found) == ["p50", "p99", "p99.9"]
    assert 1000 <= found["p50"] < 50_000 <= found["p99"] == found["p99.9"]
    server.call("CONFIG", "SET", "latency-tracking-info-percentiles",
                "0 33.333333333 100")
    found = percentiles(server, "debug")
    assert list(found) == ["p0", "p33.333333", "p100"]
    assert 1000 * 0.98 <= found["p0"] <= found["p33.333333"] < found["p100"]
    server.call("CONFIG", "SET", "latency-tracking-info-percentiles", "")
    assert percentiles(server, "debug") == {}


def test_a_command_counts_once_however_often_it_waits(server):
    server.call("MSET", "a", 1, "b", 2)
    cold(server, "a", "b")
    server.call("CONFIG", "RESETSTAT")
    with gate(server, "get"):
        client = started(server, "MGET", "a", "b")
        wait_waiting(server, "get")
        assert "mget" not in command_stats(server)
    assert client.recv() == [b"1", b"2"]
    assert command_stats(server)["mget"]["calls"] == 1


def test_refusals_of_our_own_count_as_rejected(server):
    server.call("SET", "k", 1)
    cold(server, "k")
    server.call("CONFIG", "RESETSTAT")
    order(server, "fail get 1 corrupt")
    assert server.call("GET", "k").code == "IOERR"
    assert command_stats(server)["get"]["rejected_calls"] == 1
    assert command_stats(server)["get"]["calls"] == 0
    assert error_stats(server) == {"IOERR": 1}


def test_error_replies(server):
    errors = moved(server, "total_error_replies", "stats")
    server.call("NOSUCH")
    server.call("GET")
    server.call("INCRBY", "k", "x")
    client = server.raw()
    client.socket.sendall(b"*1\r\n!nonsense\r\n")
    assert client.recv().startswith(b"ERR Protocol error")
    assert errors() == 4


def test_expired_keys(server):
    expired = moved(server, "expired_keys", "stats")
    cache_expired = moved(server, "cache_expired")
    server.call("SET", "k", "v", "PX", 20)
    wait_until(lambda: expired() == 1) # nobody asked for it
    assert cache_expired() == 1


def test_keys_that_readers_found_or_not(server):
    server.call("MSET", "here", 1, "cold", 2)
    cold(server, "cold")
    hits = moved(server, "keyspace_hits", "stats")
    misses = moved(server, "keyspace_misses", "stats")
    server.call("GET", "here")
    server.call("GET", "cold")
    assert (hits(), misses()) == (2, 0)
    server.call("GET", "nobody")
    assert (hits(), misses()) == (2, 1)


def test_clients_cut_for_their_input(start_server):
    server = start_server(client_query_buffer_limit="1mb")
    client = server.raw()
    client.send_raw(b"*2\r\n$4\r\nECHO\r\n$3000000\r\n")
    try:
        client.send_raw(b"x" * 2 * MB)
        assert client.recv_until_closed() == b""
    except OSError:
        pass
    wait_until(lambda: server.info("stats")[
        "client_query_buffer_limit_disconnections"] == 1)


def test_clients_cut_for_their_output(start_server):
    server = start_server(client_output_buffer_limit="normal 1mb 0 0")
    server.call("SET", "big", b"x" * 8 * MB)
    client = server.raw()
    client.send_raw(b"*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n" * 4)
    wait_until(lambda: server.info("stats")[
        "client_output_buffer_limit_disconnections"] == 1)


def test_clients_cut_because_all_together_hold_too_much(start_server):
    server = start_server(cache_max_memory="16mb")
    clients = [server.raw() for _ in range(4)]
    for client in clients:
        client.send_raw(b"*2\r\n$4\r\nECHO\r\n$1900000\r\n")
        try:
            client.send_raw(b"x" * 1800000)
        except OSError:
            pass
    wait_until(lambda: server.info("stats")[
        "client_memory_share_disconnections"] >= 1)


def test_commands_that_are_too_large(start_server):
    server = start_server(cache_max_memory="16mb")
    reply = server.call("SET", "k", b"x" * 3 * MB)
    assert reply.code == "OOM"
    assert server.info("stats")["commands_too_large"] == 1


# --- persistence, keyspace -------------------------------------------------

def test_persistence_follows_a_flush(server):
    info = server.info("persistence")
    assert info["rdb_changes_since_last_save"] == 0
    server.call("MSET", "a", 1, "b", 2)
    assert server.info("persistence")["rdb_changes_since_last_save"] == 2
    with gate(server, "write"):
        saved = started(server, "SAVE")
        wait_waiting(server, "write")
        assert server.info("persistence")["rdb_bgsave_in_progress"] == 1
    assert saved.recv() == OK
    wait_until(lambda: server.info("persistence")["rdb_bgsave_in_progress"]
               == 0)
    after = server.info("persistence")
    assert after["rdb_changes_since_last_save"] == 0
    assert after["rdb_saves"] == info["rdb_saves"] + 1
    order(server, "fail write 1 io")
    server.call("SET", "a", 3)
    server.call("SAVE")
    assert server.info("persistence")["rdb_last_bgsave_status"] == "err"
    wait_until(lambda: server.call("SAVE") == OK)
    assert server.info("persistence")["rdb_last_bgsave_status"] == "ok"


def test_keyspace_counts_keys_by_database(server):
    assert server.info("keyspace") == {}
    client = server.raw()
    for i in range(3):
        client.call("SET", "k%d" % i, i)
    client.call("EXPIRE", "k0", 100)
    client.call("SELECT", 5)
    flush(server)
    assert list(server.info("keyspace")) == ["db0"]
    fields = server.info("keyspace")["db0"].split(",avg_ttl=")
    assert fields[0] == "keys=3,expires=1"
    assert 90_000 < int(fields[1]) <= 100_000
    client.call("SET", "k", 1, "EX", 100)
    flush(server)
    info = server.info("keyspace")
    assert info["db0"].startswith("keys=3,expires=1,")
    assert info["db5"].startswith("keys=1,expires=1,")
    client.call("PERSIST", "k")
    assert server.info("keyspace")["db5"] == "keys=1,expires=0,avg_ttl=0"
    client.call("DEL", "k")
    assert list(server.info("keyspace")) == ["db0"]
    server.restart()
    assert server.info("keyspace")["db0"] == "keys=3,expires=1,avg_ttl=0"
