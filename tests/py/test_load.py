"""`diskstore load`, the load generator, against redis-server.

What the other tests and the figures rest on is tested here: that it reads what
it says, sees what is missing or wrong, and does not call a bad run a good one.
"""

import contextlib
import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib.server import DISKSTORE_BIN, SLOWNESS, free_port, run_binary


def key(number, prefix="key:"):
    return "%s%012d" % (prefix, number)


def load_at(port, *arguments):
    """Runs `diskstore load --json`; returns its exit status and its result
    (None when it printed none), and stderr."""
    run = run_binary("load", "--port", port, "--json", *arguments,
                     timeout_s=60)
    return run.returncode, json.loads(run.stdout or "null"), run.stderr


def load(server, *arguments):
    """A run that must succeed, quietly."""
    status, result, error = load_at(server.port, *arguments)
    assert (status, error) == (0, "")
    assert result["status"] == 0 and result["failure"] == ""
    assert result["unexpected"] == 0 and result["unanswered"] == 0
    assert result["lost_connections"] == 0
    return result


def fill(server, keys, *arguments):
    result = load(server, "--op", "set", "--sequential", "--keys", keys,
                  *arguments)
    assert result["writes"] == result["requests"] == keys
    assert result["errors"] == 0
    return result


SWEEP = ["--op", "get", "--sequential", "--verify"]


# --- filling, sweeping, verifying -------------------------------------------

@pytest.mark.parametrize("shape", [
    ["--pipeline", 1],
    ["--pipeline", 16],
    ["--pipeline", 300, "--connections", 3],
    ["--threads", 3, "--connections", 7],
    ["--order", "random"],
    ["--value-size", "0-20"],
    ["--value-size", "1,70,150,1000,20000", "--pipeline", 8],
], ids=str)
def test_what_was_filled_is_read_back(redis_server, shape):
    fill(redis_server, 5003, *shape)
    client = redis_server.client()
    assert client.dbsize() == 5003
    assert client.exists(key(0), key(5002)) == 2

    client.config_resetstat()
    result = load(redis_server, "--keys", 5003, *SWEEP, *shape)
    assert result["reads"] == 5003
    assert (result["missing"], result["wrong"]) == (0, 0)
    # 5003 hits, none twice: the same keys by count, all of them by dbsize.
    assert client.info()["keyspace_hits"] == 5003


@pytest.mark.parametrize("order", ["sequential", "random"])
def test_mget_sweep(redis_server, order):
    fill(redis_server, 1001, "--value-size", "10-300")
    redis_server.call("DEL", key(7), key(1000))
    status, result, _ = load_at(
        redis_server.port, "--op", "mget", "--batch", 20, "--sequential",
        "--order", order, "--keys", 1001, "--verify", "--value-size",
        "10-300", "--pipeline", 3)
    assert status == 1
    assert result["requests"] == 51
    assert result["reads"] == 1001
    assert (result["missing"], result["wrong"]) == (2, 0)


def test_each_kind_of_damage_is_counted(redis_server):
    fill(redis_server, 100, "--value-size", 50)
    client = redis_server.client()
    value = client.get(key(1))
    assert len(value) == 50
    assert len({client.get(key(number)) for number in range(100)}) == 100

    client.set(key(10), bytes([value[0] ^ 1]) + value[1:])
    client.set(key(11), client.get(key(11))[:-1])            # truncated
    client.set(key(12), client.get(key(12)) + b"x")          # too long
    client.set(key(13), value)                               # another key's
    client.set(key(14), client.get(key(14))[:-1] + b"\x00\n")
    client.set(key(15), b"")
    last = client.get(key(16))
    client.set(key(16), last[:-1] + bytes([last[-1] ^ 0x80]))
    client.delete(key(20), key(21))
    client.delete(key(30))
    client.rpush(key(30), "a list")                          # WRONGTYPE

    status, result, _ = load_at(redis_server.port, "--keys", 100,
                                "--value-size", 50, "--pipeline", 4, *SWEEP)
    assert status == 1 and result["status"] == 1
    assert result["reads"] == 99
    assert (result["missing"], result["wrong"]) == (2, 7)
    assert (result["refused"], result["errors"]) == (1, 1)
    assert result["error_kinds"]["WRONGTYPE"]["count"] == 1


@pytest.mark.parametrize("other", [["--value-seed", 2],
                                   ["--value-size", 99],
                                   ["--seed", 5]], ids=str)
def test_values_of_another_seed_or_size_are_wrong(redis_server, other):
    fill(redis_server, 200)
    status, result, _ = load_at(redis_server.port, "--keys", 200, *SWEEP,
                                *other)
    assert status == 1
    assert result["wrong"] == 200


def test_without_verify_nothing_is_wrong(redis_server):
    fill(redis_server, 50)
    redis_server.call("SET", key(3), "other")
    redis_server.call("DEL", key(4))
    result = load(redis_server, "--op", "get", "--sequential", "--keys", 50)
    assert (result["missing"], result["wrong"]) == (1, 0)


def test_other_prefix_other_keys(redis_server):
    fill(redis_server, 50, "--key-prefix", "user:{a}:")
    assert redis_server.client().exists(key(49, "user:{a}:")) == 1
    assert redis_server.client().dbsize() == 50


# --- mixes ------------------------------------------------------------------

@pytest.mark.parametrize("distribution", ["uniform", "zipf"])
def test_mixed(redis_server, distribution):
    fill(redis_server, 1000, "--seed", 3)
    client = redis_server.client()
    client.config_resetstat()
    result = load(redis_server, "--keys", 1000, "--requests", 20000,
                  "--read-ratio", "0.7", "--distribution", distribution,
                  "--verify", "--pipeline", 8, "--seed", 3, "--threads", 2)
    assert result["requests"] == result["reads"] + result["writes"] == 20000
    assert 13500 < result["reads"] < 14500
    assert client.info()["keyspace_hits"] == result["reads"]
    assert client.dbsize() == 1000
    calls = client.info("commandstats")
    assert calls["cmdstat_get"]["calls"] == result["reads"]
    assert calls["cmdstat_set"]["calls"] == result["writes"]


def test_zipf_is_skewed_and_hot_keys_stay(redis_server):
    """Redis counts how often keys are used: the same keys are hot in runs of
    different seeds, and they do not stand side by side."""
    client = redis_server.client()
    client.config_set("maxmemory-policy", "allkeys-lfu")
    client.config_set("lfu-log-factor", 0) # counts up to 255
    fill(redis_server, 500)
    load(redis_server, "--keys", 500, "--op", "get", "--requests", 3000,
         "--distribution", "zipf", "--seed", 8, "--value-seed", 1)
    heat = {number: client.object("freq", key(number))
            for number in range(500)}
    hot = sorted(heat, key=heat.get, reverse=True)[:5]
    assert heat[hot[4]] > 4 * sorted(heat.values())[250]
    gaps = [b - a for a, b in zip(sorted(hot), sorted(hot)[1:])]
    assert max(gaps) > 20

    fill(redis_server, 500)
    load(redis_server, "--keys", 500, "--op", "get", "--requests", 3000,
         "--distribution", "zipf", "--seed", 9, "--value-seed", 1)
    again = {number: client.object("freq", key(number)) for number in hot}
    assert min(again.values()) > 2 * sorted(heat.values())[250]


def test_random_mget_is_verified(redis_server):
    fill(redis_server, 100)
    arguments = ["--op", "mget", "--batch", 7, "--requests", 500, "--keys",
                 100, "--verify"]
    result = load(redis_server, *arguments)
    assert (result["requests"], result["reads"]) == (500, 3500)
    redis_server.call("SET", key(5), "x" * 100)
    status, result, _ = load_at(redis_server.port, *arguments)
    assert status == 1
    assert 10 < result["wrong"] < 80


# --- time -------------------------------------------------------------------

def test_duration(redis_server):
    result = load(redis_server, "--duration", "0.5", "--keys", 100)
    assert 0.45 < result["wall_s"] < 0.5 + 2 * SLOWNESS
    assert result["requests"] > 100
    assert result["ops_per_s"] == pytest.approx(
        result["requests"] / result["wall_s"], rel=0.01)


def test_latencies_are_in_order(redis_server):
    result = load(redis_server, "--requests", 5000, "--keys", 100)
    for kind in ("", "read_", "write_"):
        values = [result[kind + name + "_ms"]
                  for name in ("p50", "p99", "p999", "max")]
        assert values == sorted(values)
        assert 0 < values[0] and values[3] <= result["wall_s"] * 1000
    assert result["max_ms"] == max(result["read_max_ms"],
                                   result["write_max_ms"])


def test_client_cpu_is_measured(redis_server):
    result = load(redis_server, "--requests", 20000, "--pipeline", 16)
    assert 0 < result["client_cpu_s"] <= result["wall_s"] * 1.1
    assert 0 < result["client_cpu_ratio"] <= 1.1
    assert result["client_limited"] == (result["client_cpu_ratio"] > 0.95)


def test_rate(redis_server):
    result = load(redis_server, "--rate", 2000, "--requests", 2000, "--keys",
                  100, "--threads", 2)
    assert 0.9 < result["wall_s"] < 1 + 2 * SLOWNESS
    assert result["max_ms"] <= result["wall_s"] * 1000


def test_rate_counts_from_when_a_request_was_due(redis_server):
    """The server stands still for half a second. One connection, one request
    in flight: only one request waits for it, but 250 come late."""
    timer = threading.Timer(0.5, redis_server.call, ["DEBUG", "SLEEP", "0.5"])
    timer.start()
    result = load(redis_server, "--rate", 500, "--duration", 2,
                  "--connections", 1)
    timer.join()
    assert result["p99_ms"] > 300
    assert result["requests"] > 800


def test_a_slow_reader_is_slow_and_still_verifies(redis_server):
    fill(redis_server, 10, "--value-size", "200kb")
    result = load(redis_server, "--keys", 10, "--value-size", "200kb",
                  "--connections", 2, "--pipeline", 5, "--read-rate", "1mb",
                  *SWEEP)
    assert result["reads"] == 10
    # A megabyte for each connection, of which a tenth may come at once.
    assert 0.7 < result["wall_s"] < 2 + 10 * SLOWNESS


def test_slow_readers_hurry_when_the_time_is_up(redis_server):
    fill(redis_server, 10, "--value-size", "1mb")
    result = load(redis_server, "--keys", 10, "--value-size", "1mb", "--op",
                  "get", "--connections", 4, "--pipeline", 4, "--read-rate",
                  "20kb", "--duration", "0.5", "--verify")
    assert result["reads"] == 16
    assert result["wall_s"] < 5 * SLOWNESS


# --- errors and failures ----------------------------------------------------

def test_error_replies_are_counted_by_first_word(redis_server):
    fill(redis_server, 100)
    redis_server.call("CONFIG", "SET", "maxmemory", "1")
    result = load(redis_server, "--keys", 100, "--requests", 5000,
                  "--read-ratio", "0.5", "--pipeline", 10, "--verify")
    kinds = result["error_kinds"]
    assert set(kinds) == {"OOM"}
    assert kinds["OOM"]["first"].startswith("OOM command not allowed")
    assert result["writes"] == 0
    assert kinds["OOM"]["count"] == result["errors"] > 2000
    assert result["reads"] + result["errors"] == result["requests"] == 5000
    assert result["missing"] == result["wrong"] == 0


def test_refused_reads_fail_a_verification(redis_server):
    redis_server.call("RPUSH", key(0), "x")
    arguments = ["--keys", 1, "--op", "get", "--requests", 5]
    assert load(redis_server, *arguments)["errors"] == 5
    status, result, _ = load_at(redis_server.port, "--verify", *arguments)
    assert (status, result["refused"]) == (1, 5)


def test_nobody_listens():
    status, result, error = load_at(free_port())
    assert (status, result) == (1, None)
    assert "refused" in error
    assert error.count("\n") == 1


def test_unknown_host():
    status, result, error = load_at(6379, "--host", "no-such-host.invalid")
    assert (status, result) == (1, None)
    assert "no-such-host.invalid" in error


def test_password(start_redis):
    server = start_redis(requirepass="secret")
    arguments = ["--requests", 100]
    for wrong, said in ((["--auth", "other"], "WRONGPASS"), ([], "NOAUTH")):
        status, result, error = load_at(server.port, *arguments, *wrong)
        assert (status, result) == (1, None)
        assert said in error
    load(server, "--auth", "secret", *arguments)
    load(server, "--auth", "secret", "--user", "default", *arguments)


def test_too_many_clients(start_redis):
    server = start_redis(maxclients=10)
    status, result, error = load_at(server.port, "--connections", 30)
    assert (status, result) == (1, None)
    assert "max number of clients" in error


def test_server_dies(redis_server):
    timer = threading.Timer(1, redis_server.kill9)
    timer.start()
    status, result, error = load_at(redis_server.port, "--duration", 60,
                                    "--connections", 5, "--keys", 10)
    timer.join()
    assert status == 1
    assert error
    assert result["lost_connections"] == 5
    assert 0 < result["unanswered"] <= 5
    assert result["requests"] > 0
    assert result["wall_s"] < 20


def test_one_connection_is_lost_and_the_others_go_on(redis_server):
    def kill_one():
        clients = redis_server.client().client_list()
        busy = [one for one in clients if one["cmd"] in ("get", "set")]
        redis_server.call("CLIENT", "KILL", "ID", busy[0]["id"])

    timer = threading.Timer(0.5, kill_one)
    timer.start()
    status, result, error = load_at(redis_server.port, "--duration", "1.5",
                                    "--connections", 5)
    timer.join()
    assert status == 1
    assert "closed" in error or "reset" in error
    assert result["lost_connections"] == 1
    assert result["wall_s"] > 1.4


@contextlib.contextmanager
def fake_server(answer):
    """A server that says +PONG, and to whatever comes next what answer(bytes)
    gives, or nothing for None."""
    def serve(connection):
        with connection, contextlib.suppress(OSError):
            data = connection.recv(65536)
            if data:
                connection.sendall(b"+PONG\r\n")
            while data:
                data = connection.recv(65536)
                reply = answer(data)
                if reply is not None:
                    connection.sendall(reply)

    def accept(listener):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=[connection],
                                 daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, args=[listener], daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_a_silent_server_is_given_up():
    with fake_server(lambda data: None) as port:
        status, result, error = load_at(port, "--connections", 2, "--requests",
                                        10, "--timeout", 1)
    assert status == 1
    assert "no answer for 1 seconds" in error
    assert (result["requests"], result["unanswered"]) == (0, 2)


@pytest.mark.parametrize("reply,said", [
    (b"hello\r\n", "not RESP"),
    (b"+OK\r\n+OK\r\n", "nothing had asked"),
    (b"$3\r\nabcd\r\n", "not RESP"),
    (b"-ERR one\r\n-ERR Protocol error\r\n", "ERR Protocol error"),
], ids=repr)
def test_a_confused_server_is_told(reply, said):
    with fake_server(lambda data: reply) as port:
        status, result, error = load_at(port, "--connections", 1, "--requests",
                                        1000, "--op", "set")
    assert status == 1
    assert said in error
    assert result["lost_connections"] == 1


@pytest.mark.parametrize("operation,reply", [
    ("get", b":1\r\n"), ("get", b"+OK\r\n"), ("get", b"*1\r\n$1\r\nx\r\n"),
    ("set", b"$-1\r\n"), ("set", b"*2\r\n*1\r\n:1\r\n:2\r\n"),
    ("mget", b"$1\r\nx\r\n"), ("mget", b"*1\r\n$-1\r\n"),
    ("mget", b"*2\r\n$-1\r\n*1\r\n$-1\r\n"), ("mget", b"$-1\r\n"),
], ids=repr)
def test_replies_of_a_wrong_type_are_counted(operation, reply):
    batch = ["--batch", 2] if operation == "mget" else []
    with fake_server(lambda data: reply) as port:
        status, result, _ = load_at(port, "--connections", 1, "--requests", 5,
                                    "--op", operation, "--verify", *batch)
    assert status == 1
    assert (result["requests"], result["unexpected"]) == (5, 5)
    assert result["writes"] == 0


# --- the rest ---------------------------------------------------------------

def test_unix_socket(start_redis, tmp_path):
    path = str(tmp_path / "socket")
    start_redis(unixsocket=path)
    run = run_binary("load", "--unix", path, "--op", "set", "--sequential",
                     "--keys", 1000, "--connections", 300)
    assert run.returncode == 0, run.stderr
    run = run_binary("load", "--unix", path + "x")
    assert run.returncode == 1
    assert path in run.stderr


def test_many_connections(redis_server):
    result = load(redis_server, "--connections", 2000, "--requests", 10000,
                  "--threads", 2)
    assert result["requests"] == 10000
    info = redis_server.client().info()
    assert info["total_connections_received"] >= 2000


@pytest.mark.plain_only
def test_memory_does_not_grow_with_values_and_pipeline(redis_server):
    """Half a gigabyte would be in flight, were it anywhere. (Not ru_maxrss: the
    kernel counts what Python held when it forked, too.)"""
    with subprocess.Popen(
            [DISKSTORE_BIN, "load", "--port", str(redis_server.port),
             "--value-size", "8mb", "--keys", "4", "--connections", "4",
             "--pipeline", "16", "--requests", "128", "--read-ratio", "0.5",
             "--quiet"], stdout=subprocess.DEVNULL) as process:
        peak_kb = 0
        while process.poll() is None:
            with open("/proc/%d/status" % process.pid) as status:
                found = re.search(r"VmHWM:\s+(\d+) kB", status.read())
            peak_kb = int(found.group(1)) if found else peak_kb
            time.sleep(0.005)
        assert process.returncode == 0
    assert 0 < peak_kb < 100 * 1024


def test_interrupt_ends_early_and_prints(redis_server):
    with subprocess.Popen(
            [DISKSTORE_BIN, "load", "--port", str(redis_server.port), "--json",
             "--duration", "100", "--threads", "2"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        client = redis_server.client()
        while client.info("stats")["total_commands_processed"] < 1000:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=30 * SLOWNESS)
    assert (process.returncode, error) == (0, b"")
    result = json.loads(output)
    assert result["interrupted"] is True
    assert result["requests"] > 0
    assert (result["unanswered"], result["lost_connections"]) == (0, 0)
    assert result["wall_s"] < 50


def test_text(redis_server):
    fill(redis_server, 100)
    redis_server.call("DEL", key(1))
    run = run_binary("load", "--port", redis_server.port, "--keys", 100,
                     *SWEEP)
    assert run.returncode == 1
    assert re.search(r"^requests +100 in [\d.]+ s: \d+ per second$",
                     run.stdout, re.MULTILINE)
    assert "missing 1, wrong 0, refused 0 (verified)" in run.stdout
    assert re.search(r"p50 [\d.]+  p99 [\d.]+  p99.9 [\d.]+  max [\d.]+",
                     run.stdout)
    assert "of a core" in run.stdout
    assert run.stderr == "" # no progress line without a terminal


@pytest.mark.parametrize("quiet", [[], ["--quiet"]], ids=str)
def test_progress_line_on_a_terminal(redis_server, quiet):
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [DISKSTORE_BIN, "load", "--port", str(redis_server.port),
             "--duration", "2.5"] + quiet, stdout=subprocess.DEVNULL,
            stderr=theirs, timeout=60 * SLOWNESS, check=True)
        os.write(theirs, b"END")
        output = os.read(ours, 65536).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert output.count("requests/s") == (0 if quiet else 2)


def test_help_and_mistakes():
    run = run_binary("load", "--help")
    assert (run.returncode, run.stderr) == (0, "")
    assert "--value-size SIZES" in run.stdout
    run = run_binary("load", "--pipline", 4)
    assert (run.returncode, run.stdout) == (2, "")
    assert "--pipline" in run.stderr
