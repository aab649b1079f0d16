"""CONFIG: that a change takes effect, and that the replies are Redis's. What
each option takes and says is tested in tests/cmd/test_config.c."""

import time

import pytest

from lib.resp import Error, Map, Simple
from lib.server import SLOWNESS, wait_until
from lib.steer import OK, figures, flush, order, states, steered

MB = 1024 * 1024


def get(server, *patterns):
    """CONFIG GET as a dict of str."""
    words = [word.decode() for word in
             server.call("CONFIG", "GET", *patterns)]
    return dict(zip(words[::2], words[1::2]))


def put(server, *words):
    reply = server.call("CONFIG", "SET", *words)
    assert reply == OK, reply


# --- GET -------------------------------------------------------------------

def test_get_is_a_map(server):
    assert server.raw(3).call("CONFIG", "GET", "timeout") == \
        Map([(b"timeout", b"0")])
    assert server.raw(2).call("CONFIG", "GET", "timeout") == [b"timeout", b"0"]
    assert server.raw(3).call("CONFIG", "GET", "nosuch*") == Map([])
    assert server.raw(2).call("CONFIG", "GET", "nosuch*") == []


def test_get_takes_patterns_and_names_each_option_once(server):
    found = server.call("CONFIG", "GET", "cache-*", "timeout", "time*",
                        "cache-max-memory")
    assert sorted(found[::2]) == [b"cache-flush-delay", b"cache-max-memory",
                                  b"cache-warm-restart", b"timeout"]
    everything = get(server, "*")
    assert everything["port"] == str(server.port)
    assert everything["ds-path"] == server.ds_path
    assert everything["maxmemory"] == everything["cache-max-memory"] \
        == str(256 * MB)
    assert everything["appendonly"] == "no"
    assert everything["save"] == ""


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("command", [
    ("GET",), ("GET", "nosuch"), ("GET", "save"), ("GET", "APPENDONLY"),
    ("GET", "timeout"), ("GET", "databases"), ("GET", "[t]imeout"),
    ("SET", "timeout"), ("SET", "timeout", "1", "hz"), ("SET", "nosuch", "1"),
    ("SET", "timeout", "x"), ("SET", "timeout", "-1"), ("SET", "hz", "x"),
    ("SET", "timeout", "5"), ("SET", "timeout", "5", "timeout", "6"),
    ("SET", "timeout", "5", "nosuch", "6"),
    ("SET", "timeout", "5", "tcp-keepalive", "6"),
    ("SET", "hash-max-ziplist-entries", "5", "hash-max-listpack-entries", "6"),
    ("SET", "slave-priority", "4", "replica-priority", "5", "slave-priority",
     "6"),
    ("SET", "nosuch", "3", "timeout", "1", "timeout", "2"),
    ("SET", "timeout", "1", "timeout", "2", "nosuch", "3"),
    ("SET", "timeout", "3", "daemonize", "yes"), ("SET", "dir", "/"),
    ("SET", "maxmemory", "1z"), ("SET", "maxmemory", "-1"),
    ("SET", "maxmemory-policy", "x"), ("SET", "save", "900 1"),
    ("SET", "save", "900"), ("SET", "oom-score-adj-values", "0 1 2"),
    ("SET", "slowlog-log-slower-than", "-2"), ("SET", "slowlog-max-len", "-1"),
    ("SET", "latency-tracking-info-percentiles", "50 101"),
    ("SET", "latency-tracking-info-percentiles", "50  9"),
    ("SET", "notify-keyspace-events", "KEq"), ("SET", "pidfile", "x"),
    ("SET", "include", "x"), ("SET", "rename-command", "a b"),
    ("GET", "client-output-buffer-limit"), ("GET", "rename-command"),
    ("REWRITE",), ("REWRITE", "x"),
    ("RESETSTAT",), ("RESETSTAT", "x"), ("NOSUCH",), ("HELP", "x"), (),
], ids=lambda command: " ".join(command) or "alone")
def test_replies_are_those_of_redis(server, redis_server, command, protocol):
    assert server.raw(protocol).call_raw("CONFIG", *command) == \
        redis_server.raw(protocol).call_raw("CONFIG", *command)


def test_help_names_each_subcommand(server):
    lines = server.call("CONFIG", "HELP")
    assert all(type(line) is Simple for line in lines)
    names = [str(line).split()[0] for line in lines[1:]
             if not line.startswith(b" ")]
    assert names == ["GET", "SET", "RESETSTAT", "REWRITE", "HELP"]


@pytest.mark.parametrize("patterns", [
    ["hash-max-*"], ["slowlog-*", "LATENCY-tracking*"], ["*slave*"],
    ["list-*", "zset-*"], ["lazyfree*", "active*"], ["repl-*", "min-*"]])
def test_defaults_are_those_of_redis(server, redis_server, patterns):
    ours, theirs = get(server, *patterns), get(redis_server, *patterns)
    assert ours == theirs and ours


@pytest.mark.parametrize("letters", [
    "", "K", "KEA", "KEg", "Kg$lshzxetd", "KEmn", "g$lshzxetdmKn", "E$"])
def test_event_classes_are_told_as_by_redis(server, redis_server, letters):
    for one in (server, redis_server):
        put(one, "notify-keyspace-events", letters)
    assert get(server, "notify-keyspace-events") == \
        get(redis_server, "notify-keyspace-events")
    for one in (server, redis_server):
        put(one, "notify-keyspace-events", "")


# --- SET -------------------------------------------------------------------

def test_set_is_all_or_nothing(server):
    put(server, "timeout", "7", "hz", "20")
    assert get(server, "timeout", "hz") == {"timeout": "7", "hz": "20"}
    reply = server.call("CONFIG", "SET", "timeout", "8", "maxclients", "none")
    assert isinstance(reply, Error) and b"'maxclients'" in reply
    assert get(server, "timeout") == {"timeout": "7"}


def test_options_that_can_not_change_and_options_of_redis_are_refused(server):
    reply = server.call("CONFIG", "SET", "ds-path", "/tmp")
    assert b"can't set immutable config" in reply
    reply = server.call("CONFIG", "SET", "replicaof", "localhost 1")
    assert isinstance(reply, Error) and b"no replication" in reply
    reply = server.call("CONFIG", "SET", "appendonly", "yes")
    assert isinstance(reply, Error) and b"cache-flush-delay" in reply


def test_maxmemory_is_the_limit_of_memory(start_server):
    server = start_server(cache_max_memory="48mb")
    put(server, "maxmemory", "64mb")
    assert get(server, "cache-max-memory", "maxmemory") == {
        "cache-max-memory": str(64 * MB), "maxmemory": str(64 * MB)}
    assert server.info("memory")["maxmemory"] == 64 * MB
    put(server, "maxmemory", "0") # no limit of its own: that of the start
    assert get(server, "maxmemory")["maxmemory"] == str(48 * MB)
    put(server, "maxmemory-policy", "volatile-lru")
    assert server.info("memory")["maxmemory_policy"] == "volatile-lru"
    # A room refuses what the budget can't hold: nothing of it is kept.
    reply = server.call("CONFIG", "SET", "replica-priority", "3",
                        "slave-priority", "4", "maxmemory", "16mb", "cut-max",
                        "8mb")
    assert isinstance(reply, Error), reply
    assert get(server, "maxmemory", "replica-priority") == {
        "maxmemory": str(48 * MB), "replica-priority": "100"}


@pytest.mark.plain_only # sanitizers take memory of their own
def test_less_memory_is_evicted_for_and_more_is_used(start_server):
    server = start_server(cache_max_memory="64mb")
    client = server.raw()
    count = 30000
    client.pipeline([("SET", "key:%d" % i, "x" * 1000) for i in range(count)])
    flush(server)
    assert figures(server)["cache_entries"] > 0.9 * count
    put(server, "cache-max-memory", "32mb")
    wait_until(lambda: server.info("memory")["used_memory"] <= 32 * MB)
    kept = figures(server)["cache_entries"]
    assert 0 < kept < 0.8 * count
    assert figures(server)["cache_max_memory"] == 32 * MB
    assert get(server, "maxmemory")["maxmemory"] == str(32 * MB)
    put(server, "cache-max-memory", "128mb")
    client.pipeline([("GET", "key:%d" % i) for i in range(count)])
    assert figures(server)["cache_entries"] == count
    assert server.call("DBSIZE") == count


def test_keeping_nothing_from_now_on(start_server):
    server = start_server(cache_max_memory="16mb")
    server.raw().pipeline([("SET", "k%d" % i, i) for i in range(1000)])
    flush(server)
    put(server, "cache-max-memory", "0")
    wait_until(lambda: figures(server)["cache_entries"] == 0)
    assert server.call("GET", "k5") == b"5"
    wait_until(lambda: states(server, "k5") == ["disk"])
    put(server, "cache-max-memory", "16mb")
    assert server.call("GET", "k5") == b"5"
    assert states(server, "k5") == ["memory"]


def test_another_flush_delay(start_server):
    server = steered(start_server)
    server.call("SET", "k", 1)
    time.sleep(0.2)
    assert states(server, "k") == ["dirty"]
    put(server, "cache-flush-delay", "50ms")
    wait_until(lambda: states(server, "k") == ["memory"], 5)
    put(server, "cache-flush-delay", "0")
    server.call("SET", "k", 2)
    wait_until(lambda: states(server, "k") == ["memory"], 5)
    put(server, "cache-flush-delay", "1h")
    server.call("SET", "k", 3)
    time.sleep(0.2)
    assert states(server, "k") == ["dirty"]


def test_a_smaller_cut(start_server):
    server = steered(start_server)
    server.call("SET", "k", "x" * 10000)
    put(server, "cut-max", "8kb")
    wait_until(lambda: states(server, "k") == ["memory"], 5)


def test_a_password_for_those_who_come_later(server):
    old = server.raw()
    assert old.call("CONFIG", "SET", "requirepass", "secret") == OK
    assert old.call("GET", "k") is not None
    new = server.raw()
    assert new.call("GET", "k").code == "NOAUTH"
    assert new.call("AUTH", "secret") == OK
    assert new.call("CONFIG", "SET", "requirepass", "") == OK
    assert not isinstance(server.call("GET", "k"), Error)


def test_more_and_less_log(server):
    put(server, "loglevel", "debug")
    server.call("SET", "seen", 1)
    wait_until(lambda: "scheduled set of" in server.log_text)
    put(server, "loglevel", "notice")
    server.call("SET", "unseen", 1)
    assert "unseen" not in server.log_text


def test_idle_clients_and_too_many_clients(server):
    idle = server.raw()
    idle.call("PING")
    put(server, "timeout", "1")
    assert idle.recv_until_closed() == b""
    put(server, "timeout", "0", "maxclients", "2")
    first, second = server.raw(), server.raw()
    first.call("PING")
    second.call("PING")
    third = server.raw()
    assert third.recv_until_closed() == \
        b"-ERR max number of clients reached\r\n"


def test_longer_arguments(server):
    put(server, "proto-max-bulk-len", "1mb")
    client = server.raw()
    client.send_raw(b"*2\r\n$3\r\nGET\r\n$1048577\r\n")
    assert client.recv_until_closed() == \
        b"-ERR Protocol error: invalid bulk length\r\n"


# --- RESETSTAT -------------------------------------------------------------

def test_resetstat_sets_what_counts_back_to_zero(start_server):
    server = steered(start_server)
    for i in range(3):
        server.call("SET", "k", i)
        flush(server)
        server.call("CACHE", "EVICT", "k")
        server.call("GET", "k")
        server.call("GET", "k")
        server.call("NOSUCH")
    order(server, "fail get 1 io")
    server.call("GET", "other")
    before = server.info("everything")
    client = server.raw()
    assert client.call("CONFIG", "RESETSTAT") == OK
    after = {}
    for line in client.call("INFO", "everything").decode().splitlines():
        name, _, value = line.partition(":")
        after[name] = value
    for name in ["total_connections_received", "total_error_replies",
                 "cache_hits", "cache_misses", "cache_loads", "cache_saves",
                 "cache_load_errors", "cache_evictions", "cache_flushes",
                 "cache_blocked_clients_total"]:
        assert before[name] > 0 and after[name] == "0", name
    assert int(after["total_commands_processed"]) <= 1
    for name in ["connected_clients", "cache_entries", "rdb_last_save_time",
                 "cache_last_flush_bytes"]:
        assert after[name] != "0", name
    assert after["db0"].startswith("keys=1,")


def test_rates_are_not_confused_by_resetstat(server):
    client = server.raw()
    begun = time.monotonic()
    while time.monotonic() - begun < 0.5:
        client.pipeline([("PING",)] * 100)
    assert client.call("CONFIG", "RESETSTAT") == OK
    time.sleep(0.3)
    assert server.info("stats")["instantaneous_ops_per_sec"] < 1000 * SLOWNESS
