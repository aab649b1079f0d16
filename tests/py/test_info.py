"""INFO: its sections, and for each counter a test that moves it."""

import os
import re
import time

import pytest

from lib.resp import Error, ProtocolError, RespClient, Verbatim
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
    server.call("SET", "k", b"x" * BIG)
    path = os.path.join(server.directory, "socket")
    with RespClient(path=path) as reader, server.raw() as writer:
        for _ in range(20):
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
    assert server.info("keyspace") == {"db0": "keys=3,expires=1,avg_ttl=0"}
    client.call("SET", "k", 1)
    flush(server)
    info = server.info("keyspace")
    assert info["db0"].startswith("keys=3,")
    assert info["db5"].startswith("keys=1,")
    client.call("DEL", "k")
    assert list(server.info("keyspace")) == ["db0"]
    server.restart()
    assert server.info("keyspace")["db0"].startswith("keys=3,")


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


def test_info_is_answered_while_the_disk_is_busy(server):
    server.call("SET", "k", 1)
    with gate(server, "write"):
        started(server, "SAVE")
        wait_waiting(server, "write")
        begun = time.monotonic()
        assert titles(server.call("INFO", "everything")) == EVERYTHING
        assert time.monotonic() - begun < 5 * SLOWNESS
