"""LATENCY: an event of each kind is brought about, and told of (sync-flush in
test_info.py, where one is made)."""

import re
import time

import pytest

from lib.resp import Error, Simple, Verbatim
from lib.server import wait_until
from lib.steer import OK, cold, order, steered

MS = 20


@pytest.fixture
def server(start_server):
    return steered(start_server, latency_monitor_threshold=MS)


def latest(server):
    """{event: (time, ms, worst ms)}"""
    return {one[0].decode(): tuple(one[1:])
            for one in server.call("LATENCY", "LATEST")}


def history(server, event):
    return [tuple(one) for one in server.call("LATENCY", "HISTORY", event)]


def sleep(server, ms):
    assert server.call("DEBUG", "SLEEP", ms / 1000) == OK


# --- events ----------------------------------------------------------------

def test_commands(server):
    before = int(time.time())
    sleep(server, 2 * MS)
    [(at_s, ms)] = history(server, "command")
    assert before - 1 <= at_s <= time.time() + 1
    assert ms >= 2 * MS
    assert latest(server) == {"command": (at_s, ms, ms)}


def test_the_worst_of_a_second_and_of_all(server):
    sleep(server, 4 * MS)
    def another_second():
        sleep(server, 2 * MS)
        return len(history(server, "command")) > 1
    wait_until(another_second)
    samples = history(server, "command")
    assert [at_s for at_s, _ in samples] == sorted({at_s for at_s, _ in samples})
    assert latest(server)["command"] == (*samples[-1],
                                         max(ms for _, ms in samples))
    assert latest(server)["command"][2] >= 4 * MS


def test_fast_commands(server):
    """One that is fast but has a large value to copy."""
    server.call("CONFIG", "SET", "latency-monitor-threshold", 1)
    keys = [b"k%d" % i for i in range(100)]
    value = b"x" * 16_000
    server.raw().pipeline([("SET", key, value) for key in keys])
    wanted = keys * 15
    def slow():
        assert len(server.call("MGET", *wanted)) == len(wanted)
        return "fast-command" in latest(server)
    wait_until(slow)


def test_waiting_and_loads(server):
    server.call("SET", "k", "v")
    cold(server, "k")
    server.call("LATENCY", "RESET")
    order(server, "delay get %d" % (2 * MS))
    server.call("GET", "k")
    events = latest(server)
    assert events["wait"][1] >= MS and events["load"][1] >= MS
    assert "command" not in events and "fast-command" not in events


def test_flushes(server):
    order(server, "delay write %d" % (2 * MS))
    server.call("SET", "k", "v")
    server.call("CACHE", "FLUSH")
    wait_until(lambda: "flush" in latest(server))
    assert latest(server)["flush"][1] >= 2 * MS
    assert "sync-flush" not in latest(server)


@pytest.mark.plain_only # sanitizers take memory of their own
def test_evicting(start_server):
    """A turn in which the loop evicts takes a millisecond sooner or later."""
    server = steered(start_server, cache_max_memory="64mb",
                     latency_monitor_threshold=1, cache_flush_delay="10ms")
    client = server.raw()
    def evicts():
        server.call("CONFIG", "SET", "cache-max-memory", "64mb")
        client.pipeline([("SET", "k%d" % i, "x" * 500) for i in range(40000)])
        server.call("CONFIG", "SET", "cache-max-memory", "32mb")
        client.call("CACHE", "FLUSH")
        return "eviction-cycle" in latest(server)
    wait_until(evicts, 60, pause_s=0)


def test_expiring(start_server):
    """A turn in which many keys expire takes a millisecond sooner or later."""
    server = steered(start_server, latency_monitor_threshold=1, hz=500)
    client = server.raw()
    def expires():
        client.pipeline([("SET", "%d:%s" % (i, "k" * 200), "", "PX", 50)
                         for i in range(20000)])
        wait_until(lambda: client.call("DBSIZE") == 0)
        return "expire-cycle" in latest(server)
    wait_until(expires, 60, pause_s=0)
    assert server.info("stats")["expire_cycle_cpu_milliseconds"] > 0


# --- reset, threshold ------------------------------------------------------

def test_reset(server):
    order(server, "delay write %d" % (2 * MS))
    server.call("SET", "k", "v")
    server.call("CACHE", "FLUSH")
    wait_until(lambda: "flush" in latest(server))
    order(server, "delay write 0")
    sleep(server, 2 * MS)
    assert {"command", "flush"} <= set(latest(server))
    count = len(latest(server))
    assert server.call("LATENCY", "RESET", "flush", "nosuch", "flush") == 1
    assert "flush" not in latest(server)
    assert server.call("LATENCY", "RESET") == count - 1
    assert latest(server) == {}
    assert server.call("LATENCY", "RESET") == 0


def test_nothing_without_a_threshold(server):
    server.call("CONFIG", "SET", "latency-monitor-threshold", 0)
    sleep(server, 2 * MS)
    assert latest(server) == {}
    server.call("CONFIG", "SET", "latency-monitor-threshold", 4 * MS)
    sleep(server, MS)
    assert latest(server) == {}
    sleep(server, 4 * MS)
    assert set(latest(server)) == {"command"}


def test_either_threshold_alone(server):
    """The slow log's and this one don't hide each other."""
    for slowlog, latency in [(1, 1000), (10_000_000, MS), (-1, MS), (1, 0)]:
        server.call("LATENCY", "RESET")
        server.call("CONFIG", "SET", "slowlog-log-slower-than", slowlog,
                    "latency-monitor-threshold", latency)
        server.call("SLOWLOG", "RESET")
        sleep(server, MS)
        assert ("command" in latest(server)) == (latency == MS)
        assert (server.call("SLOWLOG", "LEN") > 0) == (slowlog == 1)


# --- against Redis ---------------------------------------------------------

QUIET = [
    ("LATENCY",), ("LATENCY", "x"), ("LATENCY", "LATEST"),
    ("LATENCY", "LATEST", "x"), ("LATENCY", "HISTORY"),
    ("LATENCY", "HISTORY", "command"), ("LATENCY", "HISTORY", "nosuch"),
    ("LATENCY", "HISTORY", "command", "x"), ("LATENCY", "GRAPH"),
    ("LATENCY", "GRAPH", "nosuch"), ("LATENCY", "graph", "command"),
    ("LATENCY", "GRAPH", "a\nb"), ("LATENCY", "RESET"),
    ("LATENCY", "RESET", "command", "nosuch"), ("LATENCY", "DOCTOR", "x"),
    ("LATENCY", "HISTOGRAM", "nosuch"), ("LATENCY", "HISTOGRAM", "set"),
]


@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_before_anything_has_happened(server, redis_server, protocol):
    ours, theirs = server.raw(protocol), redis_server.raw(protocol)
    for words in QUIET:
        assert ours.call_raw(*words) == theirs.call_raw(*words), words


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_graph_of_one_sample(server, start_redis, protocol):
    theirs = start_redis(latency_monitor_threshold=MS,
                         enable_debug_command="yes")
    pictures = []
    for one in (server, theirs):
        sleep(one, 2 * MS)
        graph = one.raw(protocol).call("LATENCY", "GRAPH", "command")
        assert isinstance(graph, Verbatim) == (protocol == 3)
        pictures.append(re.sub(rb"\d+", b"9", graph))
    assert pictures[0] == pictures[1]


def test_help(server, redis_server):
    ours = server.call("LATENCY", "HELP")
    theirs = redis_server.call("LATENCY", "HELP")
    assert all(type(line) is Simple for line in ours)
    assert ours[0] == theirs[0] and ours[-2:] == theirs[-2:]
    names = {line.split()[0] for line in ours[1:] if line[:1].isupper()}
    assert names == {line.split()[0] for line in theirs[1:]
                     if line[:1].isupper()}


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_doctor(server, protocol):
    doctor = server.raw(protocol)
    assert isinstance(doctor.call("LATENCY", "DOCTOR"), Verbatim) \
        == (protocol == 3)
    assert b"Nothing has taken %d ms" % MS in doctor.call("LATENCY", "DOCTOR")
    sleep(server, 2 * MS)
    text = doctor.call("LATENCY", "DOCTOR")
    assert b"1. command: 1 spike; mean" in text and b"\n- command: " in text
    server.call("CONFIG", "SET", "latency-monitor-threshold", 0)
    server.call("LATENCY", "RESET")
    assert b"CONFIG SET latency-monitor-threshold" in \
        doctor.call("LATENCY", "DOCTOR")


# --- histograms ------------------------------------------------------------

def histograms(server, *names):
    """{command: (calls, [(us, cumulative count)])}"""
    reply = server.raw(3).call("LATENCY", "HISTOGRAM", *names)
    found = {}
    for name, value in reply:
        value = dict(value)
        assert set(value) == {b"calls", b"histogram_usec"}
        found[name.decode()] = (value[b"calls"], list(value[b"histogram_usec"]))
    return found


def test_histograms(server):
    server.call("CONFIG", "RESETSTAT")
    for _ in range(10):
        server.call("PING")
    sleep(server, 30)
    sleep(server, 70)
    found = histograms(server, "ping", "debug", "nosuch")
    assert set(found) == {"ping", "debug"}
    calls, steps = found["ping"]
    assert calls == 10 and steps[-1][1] == 10
    calls, steps = found["debug"]
    assert calls == 2
    assert steps == sorted(steps) and len(steps) <= 2
    assert steps[0][0] >= 33816 and steps[-1][1] == 2


def test_steps_are_those_of_redis(server, start_redis):
    theirs = start_redis(enable_debug_command="yes")
    known = set()
    for ms in (0.01, 0.1, 0.3, 1, 3, 10, 20, 40, 80, 200):
        for one in (server, theirs):
            sleep(one, ms)
    for one in (server, theirs):
        known |= {us for _, steps in histograms(one).values()
                  for us, _ in steps}
    doublings = {(2**k + 2**k // 128 - 1) // 1000 for k in range(10, 31)}
    assert known <= doublings and len(known) > 5


NAMED = [(), ("config",), ("CONFIG", "config"), ("config|get", "ping"),
         ("config|nosuch",), ("CONFIG|SET", "select", "select")]


@pytest.mark.parametrize("protocol", [2, 3])
def test_which_commands_are_shown(server, redis_server, protocol):
    def shown(one):
        client = one.raw(protocol)
        client.call("CONFIG", "RESETSTAT")
        for command in [("PING",), ("PING",), ("SELECT", 0), ("NOSUCH",),
                        ("CONFIG", "GET", "port"), ("CONFIG", "SET", "hz", 10),
                        ("GET",), ("CONFIG", "SET", "hz")]:
            client.call(*command)
        found = []
        for words in NAMED:
            reply = client.call("LATENCY", "HISTOGRAM", *words)
            pairs = reply if protocol == 3 else zip(reply[::2], reply[1::2])
            found.append(sorted(
                (name, value[1] if protocol == 2 else value[0][1])
                for name, value in pairs))
        return found
    assert shown(server) == shown(redis_server)


def test_tracking_can_be_switched_off(server):
    server.call("CONFIG", "SET", "latency-tracking", "no")
    server.call("CONFIG", "RESETSTAT")
    server.call("PING")
    assert histograms(server, "ping") == {}
    assert server.info("latencystats") == {}
    server.call("CONFIG", "SET", "latency-tracking", "yes")
    server.call("PING")
    assert histograms(server, "ping")["ping"][0] == 1
    server.call("CONFIG", "RESETSTAT")
    assert histograms(server, "ping") == {}


def test_errors_do_not_break_a_transaction(server):
    client = server.raw()
    client.call("MULTI")
    client.call("LATENCY", "GRAPH", "nosuch")
    client.call("LATENCY", "LATEST")
    replies = client.call("EXEC")
    assert isinstance(replies[0], Error) and replies[1] == []
